use std::collections::VecDeque;
use std::io::Read;

use super::attempt::Verdict;
use super::server::ReplayServer;
use super::stages::StageTotals;
use super::walk::{Arrival, NoRoom, Walk};
use super::{Keys, Row, Summary, Totals, Trace, TraceError};
use crate::limiter::RuleError;
use crate::overload::Criticality;
use crate::scenario::text::nearest;
use crate::units::Time;

/// A trace on its way through one or several servers, each of which judges
/// all of it by itself.
#[derive(Debug)]
pub struct Replay<'s> {
    lanes: Vec<Lane<'s>>,
    keys: Keys,
    /// Attempts for which some server has no verdict yet.
    pending: VecDeque<Pending>,
    /// The number of the first of them.
    first: u64,
    scratch: Vec<Verdict>,
    /// How many attempts each key has made.
    attempts: Vec<u64>,
    /// Attempts of which the trace tells no method, where limits ask for it.
    without_method: u64,
}

#[derive(Debug)]
struct Lane<'s> {
    server: &'s ReplayServer,
    walk: Walk<'s>,
    summary: Summary,
    /// The verdicts on what is pending.
    verdicts: VecDeque<Option<Verdict>>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    line: u64,
    time: Time,
    key: u32,
    cost: u64,
}

/// An attempt with the verdict of each limiter.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'r> {
    /// Its line in the trace, from 1.
    pub line: u64,
    /// When it was made.
    pub time: Time,
    /// Whose it was.
    pub key: &'r str,
    /// The number of its key, for [`Replay::key_name`].
    pub key_number: u32,
    /// What it cost by the trace.
    pub cost: u64,
    /// In the order of the servers.
    pub verdicts: &'r [Verdict],
}

/// Why a replay stopped.
#[derive(Debug)]
pub enum ReplayError<E> {
    /// The trace cannot be read.
    Trace(TraceError),
    /// A class of requests that does not exist.
    Class {
        /// The line.
        line: u64,
        /// What was found and what was expected.
        message: String,
    },
    /// A limit's states would take too much memory.
    Memory {
        /// The line of the key that is too many.
        line: u64,
        /// How much it would be.
        source: RuleError,
    },
    /// There are more than 4 billion keys or callers, from this line on.
    Keys(u64),
    /// The receiver of the decisions failed.
    Receiver(E),
}

impl<E> From<TraceError> for ReplayError<E> {
    fn from(error: TraceError) -> ReplayError<E> {
        ReplayError::Trace(error)
    }
}

impl<'s> Replay<'s> {
    /// A replay through these servers; `seed` is that of what they draw.
    pub fn new(servers: &'s [ReplayServer], seed: u64) -> Replay<'s> {
        let lane = |server| Lane {
            server,
            walk: Walk::new(server, seed),
            summary: Summary::new(),
            verdicts: VecDeque::new(),
        };
        Replay {
            lanes: servers.iter().map(lane).collect(),
            keys: Keys::new(),
            pending: VecDeque::new(),
            first: 0,
            scratch: Vec::new(),
            attempts: Vec::new(),
            without_method: 0,
        }
    }

    /// Reads the trace to its end and hands each attempt on, in order, as soon
    /// as all servers have judged it. Returns the sums of each server, with
    /// its `top` most refused keys.
    ///
    /// # Errors
    /// If the trace cannot be read, or `receive` fails.
    pub fn run<R: Read, E>(
        &mut self,
        trace: &mut Trace<R>,
        top: usize,
        mut receive: impl FnMut(&Judged<'_>) -> Result<(), E>,
    ) -> Result<Vec<Totals>, ReplayError<E>> {
        let mut number = 0;
        let mut end = Time::EPOCH;
        while let Some(row) = trace.next()? {
            let arrival = Arrival {
                number,
                row,
                key: self.key(&row)?,
                level: level(&row)?,
            };
            self.pending.push_back(Pending {
                line: row.line,
                time: row.time,
                key: arrival.key,
                cost: row.cost,
            });
            let mut asked_in_vain = false;
            for lane in &mut self.lanes {
                asked_in_vain |= row.method.is_none() && lane.server.asks_methods();
                lane.verdicts.push_back(None);
                let taken = lane.walk.arrive(&arrival, &mut self.scratch);
                taken.map_err(|fault| match fault {
                    NoRoom::Callers => ReplayError::Keys(row.line),
                    NoRoom::Memory(source) => ReplayError::Memory {
                        line: row.line,
                        source,
                    },
                })?;
                lane.note(&mut self.scratch, self.first);
            }
            self.without_method += u64::from(asked_in_vain);
            number += 1;
            end = row.time;
            self.hand_on(&mut receive)?;
        }
        for lane in &mut self.lanes {
            lane.walk.finish(&mut self.scratch);
            lane.note(&mut self.scratch, self.first);
        }
        self.hand_on(&mut receive)?;
        let totals = self.lanes.iter().map(|lane| lane.summary.finish(end, top));
        Ok(totals.collect())
    }

    /// What the stages of a server did so far.
    pub fn stages(&self, server: usize) -> Vec<StageTotals> {
        let lane = self.lanes.get(server);
        lane.map_or(Vec::new(), |lane| {
            lane.walk.stages().totals(lane.server.stages.len())
        })
    }

    /// Attempts of which the trace tells no duration, and that a server's
    /// backend served as long as it says.
    pub fn without_duration(&self) -> u64 {
        let counts = self.lanes.iter().map(|lane| lane.walk.without_duration);
        counts.max().unwrap_or(0)
    }

    /// How many different keys there were.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// The name of a key in the sums.
    pub fn key_name(&self, key: u32) -> &str {
        self.keys.name(key).unwrap_or_default()
    }

    /// How many attempts a key has made.
    pub fn attempts_of(&self, key: u32) -> u64 {
        self.attempts.get(key as usize).copied().unwrap_or(0)
    }

    /// Attempts that a limit with `methods` or `costs` judged although the
    /// trace does not tell their method; it takes them as if it had neither.
    pub fn without_method(&self) -> u64 {
        self.without_method
    }

    /// The number of a row's key.
    fn key<E>(&mut self, row: &Row<'_>) -> Result<u32, ReplayError<E>> {
        let key = self.keys.intern(row.key);
        let key = key.ok_or(ReplayError::Keys(row.line))?;
        if key as usize >= self.attempts.len() {
            self.attempts.resize(key as usize + 1, 0);
        }
        self.attempts[key as usize] += 1;
        Ok(key)
    }

    fn hand_on<E>(
        &mut self,
        receive: &mut impl FnMut(&Judged<'_>) -> Result<(), E>,
    ) -> Result<(), ReplayError<E>> {
        let judged = |lane: &Lane<'_>| matches!(lane.verdicts.front(), Some(Some(_)));
        while self.lanes.iter().all(judged)
            && let Some(attempt) = self.pending.pop_front()
        {
            self.first += 1;
            self.scratch.clear();
            for lane in &mut self.lanes {
                if let Some(Some(verdict)) = lane.verdicts.pop_front() {
                    let Pending { key, time, .. } = attempt;
                    (lane.summary).record(key, time, verdict.cost, verdict.decision);
                    self.scratch.push(verdict);
                }
            }
            let judged = Judged {
                line: attempt.line,
                time: attempt.time,
                key: self.keys.name(attempt.key).unwrap_or_default(),
                key_number: attempt.key,
                cost: attempt.cost,
                verdicts: &self.scratch,
            };
            receive(&judged).map_err(ReplayError::Receiver)?;
        }
        self.scratch.clear();
        Ok(())
    }
}

impl Lane<'_> {
    fn note(&mut self, verdicts: &mut Vec<Verdict>, first: u64) {
        for verdict in verdicts.drain(..) {
            let place = (verdict.number - first) as usize;
            self.verdicts[place] = Some(verdict);
        }
    }
}

fn level<E>(row: &Row<'_>) -> Result<Criticality, ReplayError<E>> {
    let Some(class) = row.class.filter(|class| !class.is_empty()) else {
        return Ok(Criticality::default());
    };
    let names = Criticality::ALL.map(|level| format!("{level:?}"));
    let plain = |name: &str| name.replace(['_', '-', ' '], "").to_lowercase();
    let found = names.iter().position(|name| plain(name) == plain(class));
    found.map(|place| Criticality::ALL[place]).ok_or_else(|| {
        let near = nearest(class, names.iter().map(String::as_str));
        let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
        ReplayError::Class {
            line: row.line,
            message: format!(
                "\"{class}\" is no class; expected {}{near}",
                names.join(", ")
            ),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::Decision;
    use crate::replay::TraceOptions;
    use crate::scenario::LimiterText;

    fn servers(limiters: &[&str]) -> Vec<ReplayServer> {
        let server =
            |text: &&str| ReplayServer::of_limiter(&LimiterText::parse(text).unwrap()).unwrap();
        limiters.iter().map(server).collect()
    }

    /// The decisions on a trace, a letter for each: A admitted, D delayed, R
    /// refused; one word per limiter.
    fn letters(limiters: &[&str], trace: &str) -> Vec<String> {
        let servers = servers(limiters);
        let mut replay = Replay::new(&servers, 1);
        let mut words = vec![String::new(); limiters.len()];
        let mut trace = Trace::new(trace.as_bytes(), TraceOptions::default());
        let mut lines = 1;
        let done = replay.run(&mut trace, 1, |judged| {
            assert!(judged.line > lines, "in order");
            lines = judged.line;
            for (word, verdict) in words.iter_mut().zip(judged.verdicts) {
                word.push(match verdict.decision {
                    Decision::Admit => 'A',
                    Decision::Delay(_) => 'D',
                    Decision::Refuse { .. } => 'R',
                });
            }
            Ok::<(), ()>(())
        });
        done.unwrap();
        words
    }

    #[test]
    fn who_waits_gets_its_verdict_in_order() {
        let trace = "time,duration\n0,10\n1,1\n2,1\n2,1\n3,1\n20,1\n";
        let limiters = [
            "Gate(permits: 1)",
            "Gate(permits: 1, queue: 2)",
            "Gate(permits: 1, queue: 2, order: NewestFirst)",
            "Gate(permits: 1, max_wait: \"8.5s\")",
            "TokenBucket(rate: \"1/s\", burst: 1)",
        ];
        assert_eq!(
            letters(&limiters, trace),
            ["ARRRRA", "ADDRRA", "ARRDDA", "ARDRDA", "AAARAA"]
        );
    }

    #[test]
    fn keys_have_permits_of_their_own_if_the_gate_says_so() {
        let trace = "time,key,duration\n0,a,10\n1,b,10\n2,a,10\n";
        let limiters = ["Gate(permits: 1)", "Gate(permits: 1, per: [User])"];
        assert_eq!(letters(&limiters, trace), ["ARR", "AAR"]);
    }

    #[test]
    fn outcomes_teach_the_limits_that_learn() {
        let trace = "time,outcome\n0,500\n1,500\n2,200\n70,200\n";
        let limiters = ["ConsecutiveErrors(limit: 2, lock: \"1min\")"];
        assert_eq!(letters(&limiters, trace), ["AARA"]);
    }

    #[test]
    fn a_class_that_is_none_is_named_with_its_line() {
        let servers = servers(&["Gate(permits: 1)"]);
        let mut replay = Replay::new(&servers, 1);
        let text = "time,class\n0,critical_plus\n1,sheddible\n";
        let mut trace = Trace::new(text.as_bytes(), TraceOptions::default());
        let done = replay.run(&mut trace, 1, |_| Ok::<(), ()>(()));
        let Err(ReplayError::Class { line: 3, message }) = done else {
            panic!("{done:?}");
        };
        assert!(message.contains("did you mean Sheddable?"), "{message}");
    }
}
