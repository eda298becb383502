use super::{Draws, part};
use crate::rng::{DistributionError, Purpose, Sampler};
use crate::scenario::{Attempts, Backoff, Heeding, Jitter, RetryPolicy};
use crate::server::{Response, Told};
use crate::units::{Span, Time};

/// A compiled retry policy.
#[derive(Debug, Clone)]
pub struct Retry {
    waits: Waits,
    /// The wait before the first retry, if it is no matter of the waits.
    first: Option<Span>,
    most_attempts: u32,
    /// Bit s: a refusal by stage s is retried.
    refusals: u64,
    timeouts: bool,
    /// [`Span::MAX`] if it never does.
    give_up_after: Span,
    heeding: Heeding,
    hears: bool,
}

#[derive(Debug, Clone)]
enum Waits {
    /// The ceilings before retry 1, 2, ...; the last holds for all later ones.
    Below {
        ceilings: Box<[Span]>,
        jitter: Below,
    },
    Random(Sampler),
    Decorrelated {
        base: Span,
        cap: Span,
        /// Whether it goes on from a told wait where that was longer.
        from_told: bool,
    },
}

/// How a wait is drawn below a ceiling.
#[derive(Debug, Clone, Copy)]
enum Below {
    /// The ceiling itself.
    None,
    /// Uniform from zero.
    Full,
    /// Uniform from half of it.
    Equal,
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

impl Retry {
    /// Compiles a policy for a server whose stages refuse with these answers.
    ///
    /// # Errors
    /// If the distribution of its wait is not sound.
    pub fn new(policy: &RetryPolicy, answers: &[Response]) -> Result<Retry, DistributionError> {
        let refusals = (answers.iter().enumerate())
            .filter(|(_, answer)| policy.retries(answer))
            .fold(0, |bits, (stage, _)| bits | 1 << stage);
        Ok(Retry {
            waits: Waits::new(&policy.wait)?,
            first: policy.first,
            most_attempts: match policy.attempts {
                Attempts::AtMost(count) => count.get(),
                Attempts::Unlimited => u32::MAX,
            },
            refusals,
            timeouts: policy.retries_timeouts(),
            give_up_after: policy.give_up_after.unwrap_or(Span::MAX),
            heeding: policy.told,
            hears: policy.told.hears(),
        })
    }

    /// The most attempts of a request, the first included; [`u32::MAX`] if there
    /// is no end.
    pub fn most_attempts(&self) -> u32 {
        self.most_attempts
    }

    /// Whether a request whose attempt number `attempt` (from 1) was refused
    /// by stage `stage` is tried again.
    #[inline]
    pub fn after_refusal(&self, attempt: u32, stage: usize) -> bool {
        attempt < self.most_attempts && self.refusals >> stage & 1 == 1
    }

    /// Whether a request whose attempt number `attempt` (from 1) timed out is
    /// tried again.
    #[inline]
    pub fn after_timeout(&self, attempt: u32) -> bool {
        attempt < self.most_attempts && self.timeouts
    }

    /// Whether a retry at `then` of a request that was `due` is too late for its
    /// client, which has given up before.
    #[inline]
    pub fn is_too_late(&self, due: Time, then: Time) -> bool {
        then.since(due) > self.give_up_after
    }

    /// The wait before the retry that follows attempt number `attempt` of
    /// request `number`; `previous` is what the [`Wait`] before that attempt
    /// said, or zero.
    #[inline]
    pub fn wait(
        &self,
        draws: Draws<'_>,
        number: u32,
        attempt: u32,
        previous: Span,
        told: Told,
    ) -> Wait {
        let own = match self.first {
            Some(first) if attempt == 1 => first,
            _ => self.waits.draw(draws, number, attempt, previous),
        };
        match self.hears {
            true => self.heeded(own, told),
            false => Wait {
                span: own,
                previous: own,
            },
        }
    }

    /// What a wait becomes by what is told.
    fn heeded(&self, own: Span, told: Told) -> Wait {
        let span = self.heeding.joined(own, told.retry_after, told.reset);
        let from_told = matches!(
            self.waits,
            Waits::Decorrelated {
                from_told: true,
                ..
            }
        );
        Wait {
            span,
            previous: if from_told { span } else { own },
        }
    }
}

impl Waits {
    fn new(shape: &Backoff) -> Result<Waits, DistributionError> {
        let below = |ceilings: Vec<Span>, jitter| Waits::Below {
            ceilings: ceilings.into(),
            jitter,
        };
        let drawn = |jitter| match jitter {
            Jitter::Full => Below::Full,
            Jitter::Equal => Below::Equal,
            Jitter::None | Jitter::Decorrelated => Below::None,
        };
        Ok(match shape {
            Backoff::Fixed { wait } => below(vec![*wait], Below::None),
            Backoff::Random { wait } => Waits::Random(Sampler::new(wait)?),
            // A sound list is never empty.
            Backoff::Waits { waits, .. } if waits.is_empty() => {
                below(vec![Span::ZERO], Below::None)
            }
            Backoff::Waits { waits, jitter } => below(waits.clone(), drawn(*jitter)),
            Backoff::Exponential {
                base,
                cap,
                jitter: Jitter::Decorrelated,
                remember_told,
                ..
            } => Waits::Decorrelated {
                base: *base,
                cap: cap.unwrap_or(Span::MAX),
                from_told: *remember_told,
            },
            Backoff::Exponential {
                base,
                factor,
                cap,
                jitter,
                ..
            } => below(
                ceilings(*base, *factor, cap.unwrap_or(Span::MAX)),
                drawn(*jitter),
            ),
        })
    }

    #[inline]
    fn draw(&self, draws: Draws<'_>, number: u32, attempt: u32, previous: Span) -> Span {
        let uniform = || draws.uniform(Purpose::Backoff, number, attempt);
        match self {
            Waits::Below { ceilings, jitter } => {
                let retry = (attempt as usize - 1).min(ceilings.len() - 1);
                let ceiling = ceilings[retry];
                match jitter {
                    Below::None => ceiling,
                    Below::Full => part(ceiling, uniform()),
                    Below::Equal => {
                        let half = Span::from_nanos(ceiling.nanos() / 2);
                        half + part(ceiling.saturating_sub(half), uniform())
                    }
                }
            }
            Waits::Random(sampler) => draws.sample(sampler, Purpose::Backoff, number, attempt),
            Waits::Decorrelated { base, cap, .. } => {
                let highest = (previous.max(*base) * 3).saturating_sub(*base);
                (*base + part(highest, uniform())).min(*cap)
            }
        }
    }
}

/// The ceilings min(cap, base * factor^(k-1)) until they stop growing, or
/// until the 64th.
fn ceilings(base: Span, factor: f64, cap: Span) -> Vec<Span> {
    let mut ceilings = vec![base.min(cap)];
    let mut next = base.nanos() as f64;
    while ceilings.len() < 64 {
        next *= factor;
        let ceiling = Span::from_nanos(next.round() as u64).min(cap);
        if Some(&ceiling) == ceilings.last() {
            break;
        }
        ceilings.push(ceiling);
    }
    ceilings
}

#[cfg(test)]
mod tests;
