//! What a study will take, said before it starts: time and memory against what
//! there is of both.

use std::borrow::Borrow;

use crate::scenario::{Demand, Scenario};
use crate::sim::{Part, Size};

/// What there is for a study.
#[derive(Debug, Clone, Copy, Default)]
pub struct Budget {
    /// Bytes of memory; without end, if absent.
    pub bytes: Option<f64>,
    /// Seconds; without end, if absent.
    pub seconds: Option<f64>,
    /// Threads that may run at once.
    pub threads: usize,
}

/// What a study will take, roughly.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// Events of all replications of all cells.
    pub events: f64,
    /// The most events of one replication.
    pub events_of_one: f64,
    /// Seconds on so many threads.
    pub seconds: f64,
    /// Bytes at their most.
    pub bytes: f64,
    /// Replications of all cells.
    pub tasks: usize,
    /// The threads for which there is memory, at most those of the budget.
    pub threads: usize,
    /// The bytes that each replication has for what is under way.
    pub room: Option<usize>,
    /// The path of what makes most events, why, and what would make them fewer.
    pub heaviest: Option<(String, String, String)>,
    /// The largest part of the memory.
    pub largest: Option<Part>,
}

/// Why a study is not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OverBudget {
    /// The path of what makes it so.
    pub path: Option<String>,
    /// What is too much.
    pub message: String,
    /// What to change.
    pub help: String,
    /// Whether it would only take long.
    pub only_long: bool,
}

/// Seconds per event: a hundred nanoseconds, between the 50 of a thousand devices
/// and the 150 of a hundred million.
const SECONDS_PER_EVENT: f64 = 1e-7;
/// Seconds per replication that has hardly any events.
const SECONDS_PER_REPLICATION: f64 = 5e-6;
/// Seconds per sender and replication, for setting its first timer.
const SECONDS_PER_SENDER: f64 = 1e-7;
/// Seconds per attempt that waits, most of them for memory that was never used
/// before.
const SECONDS_PER_WAIT: f64 = 1e-6;
/// The part of what is under way that requests and attempts are themselves.
const ROOM_FOR_THEM: f64 = 0.75;
/// A study that takes longer, or more memory, says so before it starts.
const WORTH_SECONDS: f64 = 120.0;
const WORTH_BYTES: f64 = 2e9;
/// The bytes of a program that has done nothing.
const BYTES_AT_REST: f64 = 3e7;

impl Outlook {
    /// What a study of these scenarios will take, each replicated as its study
    /// says.
    ///
    /// # Errors
    /// If there is not the memory for a single thread, or not the time.
    pub fn of(
        scenarios: impl IntoIterator<Item: Borrow<Scenario>>,
        budget: Budget,
    ) -> Result<Outlook, OverBudget> {
        let mut outlook = Outlook {
            events: 0.0,
            events_of_one: 0.0,
            seconds: 0.0,
            bytes: 0.0,
            tasks: 0,
            threads: budget.threads.max(1),
            room: None,
            heaviest: None,
            largest: None,
        };
        let (mut worlds, mut records, mut tasks, mut each) = (0.0, 0.0, 0.0, 0.0_f64);
        let (mut under_way, mut senders, mut waits) = (0.0_f64, 0.0, 0.0);
        for scenario in scenarios {
            let scenario = scenario.borrow();
            let demand = Demand::of(scenario);
            let size = Size::of(scenario, &demand);
            let replications = f64::from(scenario.study.replications);
            tasks += replications;
            // A world lives as long as tasks of its cell run.
            let world = size.population + size.world_bytes();
            worlds = f64::max(worlds, world);
            records += replications * size.record;
            outlook.events += replications * demand.events();
            waits += replications * demand.waiting.iter().sum::<f64>();
            senders += replications * demand.flows.iter().map(|flow| flow.senders).sum::<f64>();
            if demand.events() >= outlook.events_of_one {
                outlook.events_of_one = demand.events();
                outlook.heaviest = demand
                    .heaviest()
                    .map(|flow| (flow.path.clone(), flow.why(), flow.cure().to_owned()));
            }
            if world + size.replication_bytes() >= each {
                each = world + size.replication_bytes();
                outlook.largest = size.largest();
            }
            under_way = under_way.max(size.under_way.iter().map(|part| part.bytes).sum());
        }
        let fixed = BYTES_AT_REST + records;
        outlook.tasks = tasks as usize;
        outlook.threads = outlook.threads.min(outlook.tasks).max(1);
        if let Some(bytes) = budget.bytes {
            let fitting = ((bytes - fixed) / each.max(1.0)).max(0.0);
            if fitting < 1.0 {
                return Err(outlook.no_memory(bytes, fixed, each, (worlds, records, tasks)));
            }
            outlook.threads = outlook.threads.min(fitting as usize);
            let share = (bytes - fixed) / outlook.threads as f64 - (each - under_way);
            // Beside them there are the queue's events and the gates' lines.
            outlook.room = Some((share * ROOM_FOR_THEM) as usize);
        }
        let threads = outlook.threads as f64;
        outlook.bytes = fixed + threads * each;
        let work = outlook.events * SECONDS_PER_EVENT
            + senders * SECONDS_PER_SENDER
            + waits * SECONDS_PER_WAIT
            + tasks * SECONDS_PER_REPLICATION;
        // One replication is never divided.
        outlook.seconds = (work / threads).max(outlook.events_of_one * SECONDS_PER_EVENT);
        match budget.seconds {
            Some(seconds) if outlook.seconds > seconds => Err(outlook.no_time(seconds, tasks)),
            _ => Ok(outlook),
        }
    }

    /// What the study will take, where that is worth a word before it starts: a
    /// line each for time and memory, for as many threads as were asked for.
    pub fn in_words(&self, threads: usize) -> Vec<String> {
        let mut lines = Vec::new();
        if self.seconds > WORTH_SECONDS {
            let why = self.heaviest.as_ref();
            lines.push(format!(
                "this will take some {}: {}{}",
                in_time(self.seconds),
                self.events_in_words(),
                why.map_or_else(String::new, |(_, why, _)| format!("; {why}")),
            ));
        }
        let fewer = self.threads < threads && self.threads < self.tasks;
        if self.bytes > WORTH_BYTES || fewer {
            let largest = self.largest.as_ref();
            lines.push(format!(
                "this will take about {} of memory{}{}",
                in_bytes(self.bytes),
                largest.map_or_else(String::new, |part| format!(
                    ", {} per run for {}",
                    in_bytes(part.bytes),
                    part.what
                )),
                match fewer {
                    true => format!(
                        "; there is enough for {} at once",
                        match self.threads {
                            1 => "one run".to_owned(),
                            many => format!("{many} runs"),
                        }
                    ),
                    false => String::new(),
                }
            ));
        }
        lines
    }

    fn no_memory(
        &self,
        bytes: f64,
        fixed: f64,
        each: f64,
        (worlds, records, tasks): (f64, f64, f64),
    ) -> OverBudget {
        let needed = in_bytes(fixed + each);
        let there = in_bytes(bytes);
        if records > worlds + each {
            return OverBudget {
                path: Some("study.replications".to_owned()),
                message: format!(
                    "the study would take about {needed} of memory, and there are {there}: \
                     the results of {tasks:.0} runs take {}",
                    in_bytes(records)
                ),
                help: "fewer replications or varied values, or a longer `time.bucket`".to_owned(),
                only_long: false,
            };
        }
        let part = self.largest.as_ref();
        OverBudget {
            path: part.and_then(|part| part.path.clone()),
            message: format!(
                "a run would take about {needed} of memory, and there are {there}{}",
                part.map_or_else(String::new, |part| format!(
                    ": {} take {}",
                    part.what,
                    in_bytes(part.bytes)
                ))
            ),
            help: "fewer homes, devices or keys, less load, or a bound on what waits (`queue`, \
                   `max_wait`)"
                .to_owned(),
            only_long: false,
        }
    }

    fn no_time(&self, seconds: f64, tasks: f64) -> OverBudget {
        let (path, why, cure) = match &self.heaviest {
            Some((path, why, cure)) => (Some(path.clone()), why.as_str(), cure.as_str()),
            None => (None, "", ""),
        };
        OverBudget {
            path,
            message: format!(
                "the study would take some {}, more than {}: {} in {tasks:.0} runs; {why}",
                in_time(self.seconds),
                in_time(seconds),
                self.events_in_words(),
            ),
            help: format!("{cure}, or fewer replications"),
            only_long: true,
        }
    }

    /// The events of the longest replication, in words.
    pub fn events_in_words(&self) -> String {
        format!(
            "about {} events per replication",
            crate::sim::in_words(self.events_of_one)
        )
    }
}

/// Bytes for a sentence.
pub fn in_bytes(bytes: f64) -> String {
    match bytes {
        few if few < 1e9 => format!("{:.0} MB", few / 1e6),
        many if many < 1e13 => format!("{:.1} GB", many / 1e9),
        _ => "more than 10 TB".to_owned(),
    }
}

/// A long time for a sentence, roughly.
pub fn in_time(seconds: f64) -> String {
    const HOUR: f64 = 3600.0;
    const DAY: f64 = 24.0 * HOUR;
    const YEAR: f64 = 365.0 * DAY;
    let (number, unit) = match seconds {
        s if s < 90.0 => (s, "second"),
        s if s < HOUR => (s / 60.0, "minute"),
        s if s < 2.0 * DAY => (s / HOUR, "hour"),
        s if s < 2.0 * YEAR => (s / DAY, "day"),
        s if s < 100.0 * YEAR => (s / YEAR, "year"),
        _ => return "hundreds of years".to_owned(),
    };
    // Two digits are more than is known.
    let number = match number {
        few if few < 10.0 && unit == "hour" => (few * 2.0).round() / 2.0,
        many => many.round().max(1.0),
    };
    format!("{number} {unit}{}", if number == 1.0 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_roughly() {
        for (seconds, words) in [
            (0.1, "1 second"),
            (61.0, "61 seconds"),
            (100.0, "2 minutes"),
            (3500.0, "58 minutes"),
            (3600.0, "1 hour"),
            (5000.0, "1.5 hours"),
            (86_400.0, "24 hours"),
            (1e6, "12 days"),
            (1e8, "3 years"),
            (1e30, "hundreds of years"),
        ] {
            assert_eq!(in_time(seconds), words);
        }
    }

    #[test]
    fn as_many_runs_go_at_once_as_there_is_memory_for() {
        let text = "Scenario(name: \"b\", time: (length: \"1s\"), cohorts: {\"c\": (homes: 1000000, client: \"a\")}, \
                    clients: {\"a\": (polls: [(method: \"m\", every: \"1min\")])}, server: (), study: (replications: 8))";
        let scenario = crate::scenario::Scenario::parse(text).unwrap();
        let of = |bytes: Option<f64>| {
            let threads = 4;
            let seconds = None;
            Outlook::of(
                [&scenario],
                Budget {
                    bytes,
                    seconds,
                    threads,
                },
            )
        };
        let free = of(None).unwrap();
        assert_eq!((free.threads, free.tasks, free.room), (4, 8, None));
        // A million timers of some 32 bytes for each run.
        assert!((1.2e8..2.5e8).contains(&free.bytes), "{free:?}");
        let each = (free.bytes - BYTES_AT_REST) / 4.0;
        let tight = of(Some(BYTES_AT_REST + 2.5 * each)).unwrap();
        assert_eq!(tight.threads, 2);
        assert!(
            tight.room.is_some_and(|room| (room as f64) < each),
            "{tight:?}"
        );
        let over = of(Some(BYTES_AT_REST + 0.5 * each)).unwrap_err();
        assert!(
            !over.only_long && over.message.contains("1.0 million senders"),
            "{over}"
        );
    }
}
