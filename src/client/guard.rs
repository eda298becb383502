mod breaker;
mod pause;

use self::breaker::{Breaker, BreakerPlan};
use self::pause::{Pause, PausePlan};
use super::failures::Failures;
use crate::limiter::{Bank, BankPlan, Decision, KeySize, RuleError};
use crate::overload::{AdmissionState, OverloadError, Rolling};
use crate::scenario::{Guard as Written, Otherwise};
use crate::server::{Response, Told};
use crate::units::{Span, Time};

/// A guard of a client, compiled; state-free.
#[derive(Debug, Clone)]
pub struct GuardPlan {
    rule: RulePlan,
    /// The number of keys that have a state each.
    keys: u32,
    failures: Failures,
    /// What it is, in a word.
    pub kind: &'static str,
    /// Whether it may end a request.
    pub drops: bool,
}

#[derive(Debug, Clone)]
enum RulePlan {
    Pace(BankPlan, Otherwise),
    Pause(PausePlan),
    Breaker(BreakerPlan),
    Throttle(AdmissionState),
}

/// A guard with the state of each of its keys.
#[derive(Debug)]
pub struct Guard<'w> {
    rule: Rule<'w>,
    failures: Failures,
}

#[derive(Debug)]
enum Rule<'w> {
    Pace(Bank, Otherwise),
    Pause(&'w PausePlan, Vec<Pause>),
    Breaker(&'w BreakerPlan, Vec<Breaker>),
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
            } => RulePlan::Pause(PausePlan {
                lasts: lasts.as_slice().into(),
                heeding: guard.heeding(),
                spread: *spread,
                otherwise: *otherwise,
            }),
            Written::Breaker {
                opens,
                stays_open,
                probes,
                ..
            } => RulePlan::Breaker(BreakerPlan::new(*opens, *stays_open, *probes)?),
            Written::Throttle { by, .. } => RulePlan::Throttle(AdmissionState::new(by.rule())?),
        };
        Ok(GuardPlan {
            rule,
            keys,
            failures: Failures::new(guard.on(), answers),
            kind: guard.kind(),
            drops: guard.drops(),
        })
    }

    /// The guard before anything has happened.
    pub fn build(&self) -> Guard<'_> {
        let keys = self.keys as usize;
        let rule = match &self.rule {
            RulePlan::Pace(bank, otherwise) => Rule::Pace(bank.build(), *otherwise),
            RulePlan::Pause(plan) => Rule::Pause(plan, vec![Pause::default(); keys]),
            RulePlan::Breaker(plan) => Rule::Breaker(plan, vec![plan.closed(); keys]),
            RulePlan::Throttle(empty) => Rule::Throttle(vec![empty.clone(); keys]),
        };
        Guard {
            rule,
            failures: self.failures,
        }
    }

    /// The most bytes of the state of a key.
    pub fn bytes_per_key(guard: &Written) -> usize {
        match guard {
            Written::Pace { by, .. } => by.plan(&[KeySize::ONE], 1).map_or(0, |plan| plan.bytes()),
            Written::Pause { .. } => size_of::<Pause>(),
            Written::Breaker { opens, .. } => Breaker::most_bytes(opens),
            Written::Throttle { by, .. } => {
                let buckets = by.rule().window.nanos() / by.rule().bucket.nanos().max(1);
                size_of::<AdmissionState>() + Rolling::bytes_of(buckets)
            }
        }
    }
}

impl Guard<'_> {
    /// Asks about an attempt of a key; `draw` gives a number uniform on [0, 1).
    pub fn ask(&mut self, key: u32, now: Time, draw: impl FnOnce() -> f64) -> Verdict {
        let at = key as usize;
        match &mut self.rule {
            Rule::Pace(bank, otherwise) => paced(bank.decide(key, now, 1), *otherwise, now),
            Rule::Pause(plan, pauses) => pauses[at].ask(plan, now, draw),
            Rule::Breaker(plan, breakers) => breakers[at].ask(plan, now),
            Rule::Throttle(throttles) => match throttles[at].admit(now, draw()) {
                true => Verdict::Passes,
                false => Verdict::Drops,
            },
        }
    }

    /// An attempt of a key has ended for its client.
    pub fn hears(&mut self, key: u32, now: Time, heard: Heard, was_probe: bool) {
        let at = key as usize;
        let (is_failure, told) = match heard {
            Heard::Success => (false, Told::default()),
            Heard::Refusal(stage, told) => (self.failures.has_refusal(usize::from(stage)), told),
            Heard::TimeOut => (self.failures.has_timeouts(), Told::default()),
        };
        match &mut self.rule {
            // Nothing that happens to an attempt changes its pace.
            Rule::Pace(..) => {}
            Rule::Pause(plan, pauses) => match is_failure {
                true => pauses[at].fails(plan, now, told),
                false => pauses[at].succeeds(),
            },
            Rule::Breaker(plan, breakers) => breakers[at].hears(plan, now, is_failure, was_probe),
            Rule::Throttle(throttles) => throttles[at].observe(now, !is_failure, 1),
        }
    }

    /// A probe of a key is not made after all.
    pub fn takes_back(&mut self, key: u32) {
        if let Rule::Breaker(_, breakers) = &mut self.rule {
            breakers[key as usize].takes_back();
        }
    }
}

fn paced(decision: Decision, otherwise: Otherwise, now: Time) -> Verdict {
    match (decision, otherwise) {
        (Decision::Admit, _) => Verdict::Passes,
        (Decision::Delay(wait), _) => Verdict::PassesAt(now + wait),
        (
            Decision::Refuse {
                retry_after: Some(wait),
            },
            Otherwise::Wait,
        ) => {
            // Time goes on, whatever is told.
            Verdict::AsksAgainAt(now + wait.max(Span::from_nanos(1)))
        }
        (Decision::Refuse { .. }, _) => Verdict::Drops,
    }
}

#[cfg(test)]
mod tests;
