mod breaker;
mod pause;

use self::breaker::Breaker;
use self::pause::Pause;
use crate::limiter::{Bank, BankPlan, Decision, KeySize, RuleError};
use crate::overload::{AdmissionState, OverloadError};
use crate::scenario::{Guard as Written, Heeding, Opens, Otherwise};
use crate::server::{Response, Told};
use crate::units::{Span, Time};

/// A guard of a client, compiled; state-free.
#[derive(Debug, Clone)]
pub struct GuardPlan {
    rule: RulePlan,
    /// The number of keys that have a state each.
    keys: u32,
    /// Bit s: a refusal by stage s is a failure.
    refusals: u64,
    timeouts: bool,
    /// What it is, in a word.
    pub kind: &'static str,
}

#[derive(Debug, Clone)]
enum RulePlan {
    Pace(BankPlan, Otherwise),
    Pause {
        lasts: Box<[Span]>,
        heeding: Heeding,
        spread: Span,
        otherwise: Otherwise,
    },
    Breaker {
        opens: Opens,
        stays_open: Span,
        probes: u32,
    },
    Throttle(AdmissionState),
}

/// A guard with the state of each of its keys.
#[derive(Debug)]
pub struct Guard<'w> {
    plan: &'w GuardPlan,
    state: State,
}

#[derive(Debug)]
enum State {
    Pace(Bank),
    Pause(Vec<Pause>),
    Breaker(Vec<Breaker>),
    Throttle(Vec<AdmissionState>),
}

/// Why a guard cannot be compiled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GuardError {
    /// Its limit is not sound.
    #[error(transparent)]
    Limit(#[from] RuleError),
    /// Its rule of refusing by chance is not.
    #[error(transparent)]
    Throttle(#[from] OverloadError),
}

/// What a guard says of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It lets it pass.
    Passes,
    /// It lets it pass to see whether the server is back, and must hear how that
    /// ends.
    Probes,
    /// It lets it pass at that time.
    PassesAt(Time),
    /// It does not, and is to be asked again at that time.
    AsksAgainAt(Time),
    /// It is not to be made.
    Drops,
}

/// How an attempt has ended for its client.
#[derive(Debug, Clone, Copy)]
pub enum Heard {
    /// With a success.
    Success,
    /// With a refusal by that stage.
    Refusal(u8, Told),
    /// With a time-out.
    TimeOut,
}

impl GuardPlan {
    /// Compiles a guard with so many keys, each of which counts for so many, for a
    /// server whose stages refuse with these answers.
    ///
    /// # Errors
    /// If the limit of one that paces, or the rule of a throttle, is not sound.
    pub fn new(
        guard: &Written,
        (keys, sizes): (u32, &[KeySize]),
        answers: &[Response],
    ) -> Result<GuardPlan, GuardError> {
        let rule = match guard {
            Written::Pace { by, otherwise, .. } => {
                RulePlan::Pace(by.plan(sizes, keys as usize)?, *otherwise)
            }
            Written::Pause {
                lasts,
                spread,
                otherwise,
                ..
            } => RulePlan::Pause {
                lasts: lasts.as_slice().into(),
                heeding: guard.heeding(),
                spread: *spread,
                otherwise: *otherwise,
            },
            Written::Breaker {
                opens,
                stays_open,
                probes,
                ..
            } => RulePlan::Breaker {
                opens: *opens,
                stays_open: *stays_open,
                probes: *probes,
            },
            Written::Throttle { by, .. } => RulePlan::Throttle(AdmissionState::new(by.rule())?),
        };
        let refusals = (answers.iter().enumerate())
            .filter(|(_, answer)| guard.covers(answer))
            .fold(0, |bits, (stage, _)| bits | 1 << stage);
        Ok(GuardPlan {
            rule,
            keys,
            refusals,
            timeouts: guard.covers_timeouts(),
            kind: guard.kind(),
        })
    }

    /// The guard before anything has happened.
    pub fn build(&self) -> Guard<'_> {
        let keys = self.keys as usize;
        let state = match &self.rule {
            RulePlan::Pace(bank, _) => State::Pace(bank.build()),
            RulePlan::Pause { .. } => State::Pause(vec![Pause::default(); keys]),
            RulePlan::Breaker { opens, .. } => State::Breaker(vec![Breaker::new(opens); keys]),
            RulePlan::Throttle(empty) => State::Throttle(vec![empty.clone(); keys]),
        };
        Guard { plan: self, state }
    }

    /// The bytes of the state of a key.
    pub fn bytes_per_key(guard: &Written) -> usize {
        match guard {
            Written::Pace { by, .. } => by.plan(&[KeySize::ONE], 1).map_or(0, |plan| plan.bytes()),
            Written::Pause { .. } => size_of::<Pause>(),
            Written::Breaker { opens, .. } => Breaker::bytes(opens),
            Written::Throttle { by, .. } => {
                let buckets = by.rule().window.nanos() / by.rule().bucket.nanos().max(1);
                size_of::<AdmissionState>() + 32 * buckets as usize
            }
        }
    }
}

impl Guard<'_> {
    /// Asks about an attempt of a key; `draw` gives a number uniform on [0, 1).
    pub fn ask(&mut self, key: u32, now: Time, draw: impl FnOnce() -> f64) -> Verdict {
        let at = key as usize;
        match (&mut self.state, &self.plan.rule) {
            (State::Pace(bank), RulePlan::Pace(_, otherwise)) => {
                match (bank.decide(key, now, 1), otherwise) {
                    (Decision::Admit, _) => Verdict::Passes,
                    (Decision::Delay(wait), _) => Verdict::PassesAt(now + wait),
                    (
                        Decision::Refuse {
                            retry_after: Some(wait),
                        },
                        Otherwise::Wait,
                    ) => Verdict::AsksAgainAt(now + wait.max(Span::from_nanos(1))),
                    (Decision::Refuse { .. }, _) => Verdict::Drops,
                }
            }
            (
                State::Pause(pauses),
                RulePlan::Pause {
                    spread, otherwise, ..
                },
            ) => match (pauses[at].ends_after(now), otherwise) {
                (None, _) => Verdict::Passes,
                (Some(end), Otherwise::Wait) => {
                    Verdict::AsksAgainAt(end + super::part(*spread, draw()))
                }
                (Some(_), Otherwise::Drop) => Verdict::Drops,
            },
            (State::Breaker(breakers), RulePlan::Breaker { probes, .. }) => {
                breakers[at].ask(now, *probes)
            }
            (State::Throttle(throttles), _) => match throttles[at].admit(now, draw()) {
                true => Verdict::Passes,
                false => Verdict::Drops,
            },
            _ => unreachable!("the state of a guard is made by its plan"),
        }
    }

    /// An attempt of a key has ended for its client.
    pub fn hears(&mut self, key: u32, now: Time, heard: Heard, was_probe: bool) {
        let key = key as usize;
        let (is_failure, told) = match heard {
            Heard::Success => (false, Told::default()),
            Heard::Refusal(stage, told) => (self.plan.refusals >> stage & 1 == 1, told),
            Heard::TimeOut => (self.plan.timeouts, Told::default()),
        };
        match (&mut self.state, &self.plan.rule) {
            (State::Pause(pauses), RulePlan::Pause { lasts, heeding, .. }) => {
                match is_failure {
                    true => pauses[key].begins(now, |row| {
                        let own = lasts[row.min(lasts.len() - 1)];
                        heeding.joined(own, told.retry_after, told.reset)
                    }),
                    false => pauses[key].succeeds(),
                };
            }
            (
                State::Breaker(breakers),
                RulePlan::Breaker {
                    opens,
                    stays_open,
                    probes,
                },
            ) => {
                let rule = (opens, *stays_open, *probes);
                breakers[key].hears(now, rule, is_failure, was_probe);
            }
            (State::Throttle(throttles), _) => throttles[key].observe(now, !is_failure, 1),
            _ => {}
        }
    }

    /// A probe of a key is not made after all.
    pub fn takes_back(&mut self, key: u32) {
        if let State::Breaker(breakers) = &mut self.state {
            breakers[key as usize].takes_back();
        }
    }
}

#[cfg(test)]
mod tests;
