use std::collections::VecDeque;

use super::Verdict;
use crate::overload::{BucketStart, OverloadError, Rolling};
use crate::scenario::Opens;
use crate::units::{Span, Time};

/// The rule of a circuit breaker.
#[derive(Debug, Clone)]
pub(super) struct BreakerPlan {
    opens: Opens,
    stays_open: Span,
    probes: u32,
    closed: Breaker,
}

/// The circuit breaker of one key.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    state: State,
    counts: Counts,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    /// Until then nothing passes, and after it a few.
    Open(Time),
    /// Probes under way, and those that have succeeded.
    HalfOpen {
        under_way: u32,
        succeeded: u32,
    },
}

/// What it remembers of attempts while it is closed.
#[derive(Debug, Clone)]
enum Counts {
    InRow(u32),
    /// Boxed, since most breakers count in a row.
    OfLate(Box<Rolling>),
    /// Whether each of the last failed, and how many did.
    Last(VecDeque<bool>, u32),
}

/// The parts of a window by which attempts are forgotten.
const PARTS: u64 = 10;

impl BreakerPlan {
    /// # Errors
    /// If attempts cannot be counted in the window of a share.
    pub(super) fn new(
        opens: Opens,
        stays_open: Span,
        probes: u32,
    ) -> Result<BreakerPlan, OverloadError> {
        let counts = match opens {
            Opens::InRow(_) => Counts::InRow(0),
            Opens::Share { within, .. } => {
                let part = Span::from_nanos(within.nanos().div_ceil(PARTS));
                let rolling = Rolling::new(part * PARTS, part, BucketStart::Epoch)?;
                Counts::OfLate(Box::new(rolling))
            }
            Opens::Last { .. } => Counts::Last(VecDeque::new(), 0),
        };
        Ok(BreakerPlan {
            opens,
            stays_open,
            probes,
            closed: Breaker {
                state: State::Closed,
                counts,
            },
        })
    }

    /// A closed breaker that has counted nothing.
    pub(super) fn closed(&self) -> Breaker {
        self.closed.clone()
    }
}

impl Breaker {
    /// The most bytes of one.
    pub(super) fn most_bytes(opens: &Opens) -> usize {
        let more = match opens {
            Opens::InRow(_) => 0,
            Opens::Share { .. } => size_of::<Rolling>() + Rolling::bytes_of(PARTS),
            Opens::Last { attempts, .. } => *attempts as usize,
        };
        size_of::<Breaker>() + more
    }

    pub(super) fn ask(&mut self, plan: &BreakerPlan, now: Time) -> Verdict {
        if let State::Open(until) = self.state {
            if now < until {
                return Verdict::Drops;
            }
            self.state = State::HalfOpen {
                under_way: 0,
                succeeded: 0,
            };
        }
        match &mut self.state {
            State::HalfOpen {
                under_way,
                succeeded,
            } => {
                if *under_way + *succeeded >= plan.probes {
                    return Verdict::Drops;
                }
                *under_way += 1;
                Verdict::Probes
            }
            State::Closed | State::Open(_) => Verdict::Passes,
        }
    }

    /// An attempt has ended. What was sent before the breaker opened says nothing
    /// of the server since.
    pub(super) fn hears(
        &mut self,
        plan: &BreakerPlan,
        now: Time,
        is_failure: bool,
        was_probe: bool,
    ) {
        let opened = match &mut self.state {
            State::Closed => self.counts.add(now, &plan.opens, is_failure),
            State::HalfOpen {
                under_way,
                succeeded,
            } if was_probe => {
                *under_way -= 1;
                *succeeded += u32::from(!is_failure);
                is_failure
            }
            State::HalfOpen { .. } | State::Open(_) => false,
        };
        match self.state {
            _ if opened => {
                self.state = State::Open(now + plan.stays_open);
                self.counts = plan.closed.counts.clone();
            }
            State::HalfOpen { succeeded, .. } if succeeded >= plan.probes => {
                self.state = State::Closed;
            }
            State::Closed | State::HalfOpen { .. } | State::Open(_) => {}
        }
    }

    /// A probe is not made after all.
    pub(super) fn takes_back(&mut self) {
        if let State::HalfOpen { under_way, .. } = &mut self.state {
            *under_way -= 1;
        }
    }
}

impl Counts {
    /// Counts an attempt; whether the breaker opens.
    fn add(&mut self, now: Time, opens: &Opens, is_failure: bool) -> bool {
        match (self, opens) {
            (Counts::InRow(row), Opens::InRow(most)) => {
                *row = if is_failure { *row + 1 } else { 0 };
                *row >= *most
            }
            (Counts::OfLate(rolling), Opens::Share { of, at_least, .. }) => {
                rolling.observe(now, !is_failure, 1);
                let counts = rolling.counts(now);
                is_failure
                    && counts.requests >= u64::from(*at_least)
                    && counts.failures as f64 >= of.value() * counts.requests as f64
            }
            (Counts::Last(last, failures), Opens::Last { of, attempts }) => {
                if last.len() == *attempts as usize {
                    *failures -= u32::from(last.pop_front() == Some(true));
                }
                last.push_back(is_failure);
                *failures += u32::from(is_failure);
                last.len() == *attempts as usize
                    && f64::from(*failures) >= of.value() * f64::from(*attempts)
            }
            _ => false,
        }
    }
}
