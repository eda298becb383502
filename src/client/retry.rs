use super::failures::Failures;
use super::part;
use crate::math::{exp, pow};
use crate::rng::{DistributionError, Sampler};
use crate::scenario::{Attempts, Backoff, Heeding, Jitter, Multiplier, RetryPolicy};
use crate::server::{Response, Told};
use crate::units::{Span, Time};

/// A compiled retry policy: one rule for most, several for one that waits after
/// some failures otherwise than after others.
#[derive(Debug, Clone)]
pub struct Retry {
    rule: Rule,
    /// Those for what that one does not retry, in order.
    others: Box<[Rule]>,
}

/// How failures of some kinds are retried.
#[derive(Debug, Clone)]
pub struct Rule {
    waits: Waits,
    /// The wait before the first retry, if it is no matter of the waits.
    first: Option<Span>,
    /// The longest wait, with what jitter adds.
    at_most: Span,
    most_attempts: u32,
    /// Those that are retried.
    failures: Failures,
    /// [`Span::MAX`] if it never does.
    give_up_after: Span,
    heeding: Heeding,
    hears: bool,
    /// What a retry takes of a budget of tokens.
    cost: u32,
}

#[derive(Debug, Clone)]
enum Waits {
    /// Drawn from a ceiling.
    From {
        ceilings: Ceilings,
        jitter: Drawn,
    },
    Random(Sampler),
    Decorrelated {
        base: Span,
        cap: Span,
        /// Whether it goes on from a told wait where that was longer.
        from_told: bool,
    },
    Polly {
        base: Span,
    },
}

/// The waits before retry 1, 2, ..., before jitter.
#[derive(Debug, Clone)]
enum Ceilings {
    /// The last holds for all later ones.
    Listed(Box<[Span]>),
    /// Each is longer by a step than the one before.
    Growing { base: Span, step: Span, cap: Span },
}

/// How a wait is drawn from a ceiling.
#[derive(Debug, Clone)]
enum Drawn {
    /// The ceiling itself.
    Same,
    /// Uniform from zero.
    Full,
    /// Uniform from half of it.
    Equal,
    /// By a number uniform between two.
    Times { from: f64, width: f64 },
    /// By a random number, which comes as so many seconds.
    Scaled(Sampler),
    /// A random time longer.
    Plus(Sampler),
}

/// The wait before a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// How long it is.
    pub span: Span,
    /// From which the next one of the request is drawn. What a server tells is
    /// no part of it, unless the policy says so: else one long Retry-After would
    /// keep all later waits near the cap.
    pub previous: Span,
}

/// Where the chance in a wait comes from.
pub trait Chance {
    /// A number uniform on `[0, 1)`.
    fn uniform(&self) -> f64;

    /// A time of a distribution.
    fn time(&self, sampler: &Sampler) -> Span;
}

impl Retry {
    /// Compiles a policy for a server whose stages refuse with these answers.
    ///
    /// # Errors
    /// If the distribution of a wait is not sound.
    pub fn new(policy: &RetryPolicy, answers: &[Response]) -> Result<Retry, DistributionError> {
        let others = policy.rules().skip(1).map(|rule| Rule::new(rule, answers));
        Ok(Retry {
            rule: Rule::new(policy, answers)?,
            others: others.collect::<Result<_, _>>()?,
        })
    }

    /// The most attempts of a request, the first included; [`u32::MAX`] if there
    /// is no end.
    pub fn most_attempts(&self) -> u32 {
        let others = self.others.iter().map(|rule| rule.most_attempts);
        others.fold(self.rule.most_attempts, u32::max)
    }

    /// The rule for refusals by stage `stage`; `None` if they are not retried.
    #[inline]
    pub fn for_refusal(&self, stage: usize) -> Option<&Rule> {
        self.find(|rule| rule.failures.has_refusal(stage))
    }

    /// The rule for attempts that time out; `None` if they are not retried.
    #[inline]
    pub fn for_timeout(&self) -> Option<&Rule> {
        self.find(|rule| rule.failures.has_timeouts())
    }

    #[inline]
    fn find(&self, covers: impl Fn(&Rule) -> bool) -> Option<&Rule> {
        match covers(&self.rule) {
            true => Some(&self.rule),
            false => self.others.iter().find(|rule| covers(rule)),
        }
    }
}

impl Rule {
    fn new(policy: &RetryPolicy, answers: &[Response]) -> Result<Rule, DistributionError> {
        let most_attempts = match policy.attempts {
            Attempts::AtMost(count) => count.get(),
            Attempts::Unlimited => u32::MAX,
        };
        Ok(Rule {
            waits: Waits::new(policy, most_attempts)?,
            first: policy.first,
            at_most: policy.at_most.unwrap_or(Span::MAX),
            most_attempts,
            failures: Failures::new(policy.on.as_deref(), answers),
            give_up_after: policy.give_up_after.unwrap_or(Span::MAX),
            heeding: policy.told,
            hears: policy.told.hears(),
            cost: policy.cost.unwrap_or(1),
        })
    }

    /// Whether attempt number `attempt` (from 1) of a request may be followed by
    /// another.
    #[inline]
    pub fn goes_on_after(&self, attempt: u32) -> bool {
        attempt < self.most_attempts
    }

    /// What a retry takes of a budget of tokens.
    #[inline]
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// Whether a retry at `then` of a request that was `due` is too late for its
    /// client, which has given up before.
    #[inline]
    pub fn is_too_late(&self, due: Time, then: Time) -> bool {
        then.since(due) > self.give_up_after
    }

    /// The wait before the retry that follows attempt number `attempt` of a
    /// request; `previous` is what the [`Wait`] before that attempt said, or zero.
    #[inline]
    pub fn wait(&self, chance: &impl Chance, attempt: u32, previous: Span, told: Told) -> Wait {
        let own = match self.first {
            Some(first) if attempt == 1 => first,
            _ => self.waits.draw(chance, attempt, previous),
        };
        let span = own.min(self.at_most);
        let span = match self.hears {
            true => (self.heeding).joined(span, told.retry_after, told.reset),
            false => span,
        };
        Wait {
            span,
            previous: match self.waits {
                Waits::Decorrelated {
                    from_told: true, ..
                } => span,
                // How far they have come.
                Waits::Polly { .. } => previous + own,
                _ => own,
            },
        }
    }
}

impl Waits {
    fn new(policy: &RetryPolicy, most_attempts: u32) -> Result<Waits, DistributionError> {
        let cap = policy.cap.unwrap_or(Span::MAX);
        let listed = |waits: Vec<Span>| Ceilings::Listed(waits.into());
        let ceilings = match &policy.wait {
            Backoff::Random { wait } => return Ok(Waits::Random(Sampler::new(wait)?)),
            Backoff::Exponential {
                base,
                remember_told,
                ..
            } if policy.jitter == Jitter::Decorrelated => {
                return Ok(Waits::Decorrelated {
                    base: *base,
                    cap,
                    from_told: *remember_told,
                });
            }
            Backoff::Exponential { base, .. } if policy.jitter == Jitter::Polly => {
                return Ok(Waits::Polly { base: *base });
            }
            Backoff::Fixed { wait } => listed(vec![(*wait).min(cap)]),
            // A sound list is never empty.
            Backoff::Waits { waits } if waits.is_empty() => listed(vec![Span::ZERO]),
            Backoff::Waits { waits } => listed(waits.iter().map(|wait| (*wait).min(cap)).collect()),
            Backoff::Linear { base, step } => Ceilings::Growing {
                base: *base,
                step: step.unwrap_or(*base),
                cap,
            },
            Backoff::Fibonacci { base } => listed(fibonacci(*base, cap)),
            Backoff::Exponential { base, factor, .. } => {
                listed(exponential(*base, *factor, cap, most_attempts))
            }
        };
        let uniform = |from: f64, to: f64| Drawn::Times {
            from,
            width: to - from,
        };
        let jitter = match &policy.jitter {
            // These two have been dealt with, or go with no other shape.
            Jitter::None | Jitter::Decorrelated | Jitter::Polly => Drawn::Same,
            Jitter::Full => Drawn::Full,
            Jitter::Equal => Drawn::Equal,
            Jitter::PlusMinus(part) => uniform(1.0 - part.value(), 1.0 + part.value()),
            Jitter::Plus(more) => Drawn::Plus(Sampler::new(more)?),
            Jitter::Times(Multiplier::Uniform { from, to }) => uniform(*from, *to),
            Jitter::Times(Multiplier::Exponential { mean }) => {
                Drawn::Scaled(Sampler::exponential(*mean))
            }
        };
        Ok(Waits::From { ceilings, jitter })
    }

    #[inline]
    fn draw(&self, chance: &impl Chance, attempt: u32, previous: Span) -> Span {
        match self {
            Waits::From { ceilings, jitter } => jitter.draw(ceilings.of(attempt), chance),
            Waits::Random(sampler) => chance.time(sampler),
            Waits::Decorrelated { base, cap, .. } => {
                let highest = (previous.max(*base) * 3).saturating_sub(*base);
                (*base + part(highest, chance.uniform())).min(*cap)
            }
            Waits::Polly { base } => {
                let time = f64::from(attempt - 1) + chance.uniform();
                Span::from_secs_f64(base.secs_f64() * polly(time)).saturating_sub(previous)
            }
        }
    }
}

impl Ceilings {
    /// The one before the retry that follows attempt number `attempt`.
    #[inline]
    fn of(&self, attempt: u32) -> Span {
        match self {
            Ceilings::Listed(ceilings) => ceilings[(attempt as usize - 1).min(ceilings.len() - 1)],
            Ceilings::Growing { base, step, cap } => {
                (*base + *step * u64::from(attempt - 1)).min(*cap)
            }
        }
    }
}

impl Drawn {
    #[inline]
    fn draw(&self, ceiling: Span, chance: &impl Chance) -> Span {
        match self {
            Drawn::Same => ceiling,
            Drawn::Full => part(ceiling, chance.uniform()),
            Drawn::Equal => {
                let half = Span::from_nanos(ceiling.nanos() / 2);
                half + part(ceiling.saturating_sub(half), chance.uniform())
            }
            Drawn::Times { from, width } => {
                nearest(ceiling.nanos() as f64 * (from + width * chance.uniform()))
            }
            Drawn::Scaled(sampler) => {
                nearest(ceiling.nanos() as f64 * chance.time(sampler).secs_f64())
            }
            Drawn::Plus(sampler) => ceiling + chance.time(sampler),
        }
    }
}

/// A number of nanoseconds to the nearest, or [`Span::MAX`].
#[inline]
fn nearest(nanos: f64) -> Span {
    Span::from_nanos((nanos + 0.5) as u64)
}

/// 2^t tanh(2 sqrt(t)) / 1.4, by which Polly's waits have grown after t retries
/// (`RetryHelper.DecorrelatedJitterBackoffV2` of Polly 8).
fn polly(time: f64) -> f64 {
    let tanh = 1.0 - 2.0 / (exp(4.0 * time.sqrt()) + 1.0);
    pow(2.0, time) * tanh / 1.4
}

/// The most ceilings that are kept.
const MOST_CEILINGS: usize = 10_000;

/// The ceilings min(cap, base * factor^(k-1)) until they no longer grow, or as
/// many as there are retries.
fn exponential(base: Span, factor: f64, cap: Span, most_attempts: u32) -> Vec<Span> {
    let most = (most_attempts as usize).min(MOST_CEILINGS);
    let mut ceilings = vec![base.min(cap)];
    let mut next = base.nanos() as f64;
    while ceilings.len() < most && factor > 1.0 && ceilings.last() < Some(&cap) {
        next *= factor;
        ceilings.push(Span::from_nanos(next.round() as u64).min(cap));
    }
    ceilings
}

/// The ceilings min(cap, base * F(k)) until they no longer grow.
fn fibonacci(base: Span, cap: Span) -> Vec<Span> {
    let mut ceilings = vec![base.min(cap)];
    let (mut one, mut next) = (base, base);
    while !base.is_zero() && ceilings.last() < Some(&cap) {
        ceilings.push(next.min(cap));
        (one, next) = (next, one + next);
    }
    ceilings
}

#[cfg(test)]
mod tests;
