//! A gate that judges a trace: what was admitted holds its permits for as long
//! as the trace says, and who waits learns only later what becomes of it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::attempt::{Attempt, Verdict};
use super::trace::Outcome;
use crate::limiter::{Decision, Standing};
use crate::memory::Slab;
use crate::overload::Sample;
use crate::rng::Streams;
use crate::server::{Call, Claim, Entry, Gate, GatePlan};
use crate::units::{Span, Time};

#[derive(Debug)]
pub(super) struct GateJudge {
    gate: Gate,
    /// Whether each key has permits of its own.
    by_key: bool,
    agenda: BinaryHeap<Reverse<(Time, Agendum)>>,
    /// Attempts inside or waiting.
    visits: Slab<Visit>,
    turned_away: VecDeque<u32>,
}

/// What happens at a time, in the order in which it does at equal times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Agendum {
    /// The visit in a place ends.
    End(u32),
    /// The waits for a key may have ended.
    WaitsEnd(u32),
}

#[derive(Debug, Clone, Copy)]
struct Visit {
    attempt: Attempt,
    key: u32,
    cost: u32,
    entered: Time,
    in_flight: u32,
}

impl GateJudge {
    pub(super) fn new(plan: GatePlan, by_key: bool, streams: Streams) -> GateJudge {
        GateJudge {
            gate: Gate::new(plan, streams),
            by_key,
            agenda: BinaryHeap::new(),
            visits: Slab::new(),
            turned_away: VecDeque::new(),
        }
    }

    pub(super) fn judge(&mut self, attempt: &Attempt, verdicts: &mut Vec<Verdict>) {
        let now = attempt.now;
        self.advance(now, verdicts);
        let key = if self.by_key { attempt.key } else { 0 };
        if key >= self.gate.keys() {
            let keys = key.saturating_add(1).checked_next_power_of_two();
            self.gate.grow(keys.unwrap_or(u32::MAX));
        }
        if attempt.cost == 0 {
            verdicts.push(self.verdict(attempt, key, Decision::Admit));
            return;
        }
        if let Some(in_flight) = attempt.in_flight {
            self.learn_from_log(attempt, in_flight, verdicts);
            return;
        }
        let refused = Decision::Refuse { retry_after: None };
        let Ok(cost) = u32::try_from(attempt.cost) else {
            verdicts.push(self.verdict(attempt, key, refused));
            return;
        };
        let claim = Claim {
            cost,
            level: attempt.level,
        };
        let visit = Visit {
            attempt: *attempt,
            key,
            cost,
            entered: now,
            in_flight: 0,
        };
        match self.gate.enter(key, claim, now) {
            Entry::Entered => {
                let place = self.visits.insert(|_| visit);
                self.enter(place, now);
                verdicts.push(self.verdict(attempt, key, Decision::Admit));
            }
            Entry::Waits { until } => {
                let place = self.visits.insert(|_| visit);
                let times = (now, until);
                let turned_away = &mut self.turned_away;
                if self.gate.queue(key, claim, times, place, turned_away) {
                    let agendum = Agendum::WaitsEnd(key);
                    self.agenda.push(Reverse((until, agendum)));
                }
                while let Some(place) = self.turned_away.pop_front() {
                    self.refuse(place, verdicts);
                }
            }
            Entry::Full => verdicts.push(self.verdict(attempt, key, refused)),
        }
    }

    /// Ends the trace: everything happens that is still to come. Who waits for
    /// ever is refused.
    pub(super) fn finish(&mut self, verdicts: &mut Vec<Verdict>) {
        self.advance(Time::MAX, verdicts);
    }

    /// The log says how many were in flight: no visit is followed, and what it
    /// tells is what the permits follow from.
    fn learn_from_log(&mut self, attempt: &Attempt, in_flight: u32, verdicts: &mut Vec<Verdict>) {
        let decision = match in_flight <= self.gate.permits() {
            true => Decision::Admit,
            false => Decision::Refuse { retry_after: None },
        };
        self.gate.learn(&Sample {
            now: attempt.now,
            round_trip: attempt.duration,
            in_flight,
            dropped: attempt.outcome == Outcome::Dropped,
        });
        let permits = self.gate.permits();
        verdicts.push(Verdict {
            standing: Some(standing(permits.saturating_sub(in_flight))),
            ..self.verdict(attempt, 0, decision)
        });
    }

    fn advance(&mut self, until: Time, verdicts: &mut Vec<Verdict>) {
        while let Some(Reverse((now, agendum))) = self.agenda.peek().copied() {
            if now > until {
                return;
            }
            self.agenda.pop();
            match agendum {
                Agendum::End(place) => self.end(place, now, verdicts),
                Agendum::WaitsEnd(key) => {
                    while let Some(place) = self.gate.expire(key, now) {
                        self.refuse(place, verdicts);
                    }
                    if let Some(next) = self.gate.watch(key).filter(|next| *next < Time::MAX) {
                        self.agenda.push(Reverse((next, agendum)));
                    }
                }
            }
        }
    }

    /// A visit has its permits from now on.
    fn enter(&mut self, place: u32, now: Time) {
        let visit = self.visits.get_mut(place);
        visit.entered = now;
        visit.in_flight = self.gate.inside();
        let end = now + visit.attempt.duration;
        self.agenda.push(Reverse((end, Agendum::End(place))));
    }

    fn end(&mut self, place: u32, now: Time, verdicts: &mut Vec<Verdict>) {
        let visit = self.visits.remove(place);
        self.gate.learn(&Sample {
            now,
            round_trip: now.since(visit.entered),
            in_flight: visit.in_flight,
            dropped: visit.attempt.outcome == Outcome::Dropped,
        });
        self.gate.leave(visit.key, visit.cost);
        while let Some(call) = self.gate.call(visit.key, now) {
            match call {
                Call::TurnAway(place) => self.refuse(place, verdicts),
                Call::Enter(place) => {
                    self.enter(place, now);
                    let Visit { attempt, key, .. } = *self.visits.get(place);
                    let wait = now.since(attempt.now);
                    let decision = match wait {
                        Span::ZERO => Decision::Admit,
                        wait => Decision::Delay(wait),
                    };
                    verdicts.push(self.verdict(&attempt, key, decision));
                }
            }
        }
    }

    fn refuse(&mut self, place: u32, verdicts: &mut Vec<Verdict>) {
        let Visit { attempt, key, .. } = self.visits.remove(place);
        let decision = Decision::Refuse { retry_after: None };
        verdicts.push(self.verdict(&attempt, key, decision));
    }

    fn verdict(&self, attempt: &Attempt, key: u32, decision: Decision) -> Verdict {
        Verdict {
            number: attempt.number,
            decision,
            standing: Some(standing(self.gate.room(key, attempt.level))),
            permits: (self.gate.is_adaptive()).then(|| self.gate.permits()),
            refusal: None,
        }
    }
}

/// A gate knows what is free, but not when somebody will leave.
fn standing(remaining: u32) -> Standing {
    Standing {
        quota: None,
        remaining: Some(remaining.into()),
        reset_after: None,
    }
}
