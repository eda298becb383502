//! What retry policies do: how they spread attempts over time, and to which
//! answers.

use crate::scenario::{Attempts, Jitter, RetryPolicy, Trigger};
use crate::server::{Response, RetryAfter};
use crate::units::Span;

/// How a retry policy spreads attempts over time.
pub(super) struct Backoff {
    /// The most attempts of a request that there is time for.
    pub(super) most: f64,
    /// The seconds before each retry; the last holds for all later ones.
    pub(super) waits: Vec<f64>,
    /// The seconds from the first attempt to the last.
    pub(super) total: f64,
}

/// Waits that are kept one by one.
const MOST_WAITS: usize = 64;

impl Backoff {
    /// Of a request in a run of so many seconds, where the server tells a wait
    /// of at least `floor`.
    pub(super) fn of(policy: Option<&RetryPolicy>, floor: f64, seconds: f64) -> Backoff {
        let none = Backoff {
            most: 1.0,
            waits: vec![0.0],
            total: 0.0,
        };
        let Some((attempts, waits)) = policy.and_then(waits) else {
            return none;
        };
        let waits: Vec<f64> = waits.into_iter().map(|wait: f64| wait.max(floor)).collect();
        let allowed = match attempts {
            Attempts::AtMost(count) => f64::from(count.get()),
            Attempts::Unlimited => f64::INFINITY,
        };
        let last = waits.last().copied().unwrap_or(0.0);
        // Requests begin all through the run: half of it is left to the mean one.
        let (mut most, mut total) = (1.0, 0.0);
        for wait in &waits {
            if most >= allowed || total + wait > seconds / 2.0 {
                break;
            }
            most += 1.0;
            total += wait;
        }
        if most > waits.len() as f64 && most < allowed && last > 0.0 {
            let more = ((seconds / 2.0 - total) / last).clamp(0.0, allowed - most);
            most += more;
            total += more * last;
        }
        let total = if allowed.is_infinite() {
            f64::INFINITY
        } else {
            total
        };
        Backoff { most, waits, total }
    }

    /// Attempts per request, if each is refused and may be tried again with that
    /// probability.
    pub(super) fn attempts(&self, retried: f64) -> f64 {
        // The geometric series, which is its length as the ratio nears 1.
        if retried > 1.0 - 1e-9 {
            return self.most;
        }
        let rest = crate::math::pow(retried, self.most);
        (1.0 - rest) / (1.0 - retried)
    }

    /// The seconds per request that are spent between attempts.
    pub(super) fn pending(&self, retried: f64) -> f64 {
        let (mut seconds, mut left, mut chance) = (0.0, self.most - 1.0, retried);
        for wait in &self.waits {
            if left <= 0.0 {
                return seconds;
            }
            seconds += chance * wait * left.min(1.0);
            left -= 1.0;
            chance *= retried;
        }
        let last = self.waits.last().copied().unwrap_or(0.0);
        let later = match retried > 1.0 - 1e-9 {
            true => left.max(0.0),
            false => (1.0 - crate::math::pow(retried, left.max(0.0))) / (1.0 - retried),
        };
        seconds + chance * later * last
    }
}

/// The attempts that a policy allows, and the mean seconds before each retry;
/// `None` if it never tries again.
fn waits(policy: &RetryPolicy) -> Option<(Attempts, Vec<f64>)> {
    match policy {
        RetryPolicy::None => None,
        RetryPolicy::Fixed { wait, attempts, .. } => Some((*attempts, vec![wait.secs_f64()])),
        RetryPolicy::Random { wait, attempts, .. } => Some((*attempts, vec![wait.mean_secs()])),
        RetryPolicy::Exponential {
            base,
            factor,
            cap,
            jitter,
            attempts,
            ..
        } => {
            let part = match jitter {
                Jitter::None => 1.0,
                Jitter::Full => 0.5,
                Jitter::Equal => 0.75,
                // It grows by half on average, and lingers below the cap.
                Jitter::Decorrelated => 0.5,
            };
            let cap = cap.map_or(f64::MAX, Span::secs_f64);
            let factor = if *jitter == Jitter::Decorrelated {
                1.5
            } else {
                *factor
            };
            let mut ceiling = base.secs_f64();
            let mut waits = Vec::new();
            while waits.len() < MOST_WAITS {
                waits.push((ceiling.min(cap) * part).max(1e-9));
                if ceiling >= cap || factor <= 1.0 {
                    break;
                }
                ceiling *= factor;
            }
            Some((*attempts, waits))
        }
    }
}

impl RetryPolicy {
    /// The failures that are retried; all, if absent.
    pub fn triggers(&self) -> Option<&[Trigger]> {
        match self {
            RetryPolicy::None => Some(&[]),
            RetryPolicy::Fixed { on, .. }
            | RetryPolicy::Random { on, .. }
            | RetryPolicy::Exponential { on, .. } => on.as_deref(),
        }
    }

    /// Whether an answer is followed by another attempt, as long as there is one.
    pub fn retries(&self, answer: &Response) -> bool {
        self.triggers()
            .is_none_or(|on| on.iter().any(|trigger| trigger.covers(answer)))
    }

    /// Whether it waits for what Retry-After tells, and for the reset that rate
    /// limit fields tell.
    pub fn honours(&self) -> (bool, bool) {
        match self {
            RetryPolicy::None => (false, false),
            RetryPolicy::Fixed {
                honour_retry_after,
                honour_rate_limit,
                ..
            }
            | RetryPolicy::Random {
                honour_retry_after,
                honour_rate_limit,
                ..
            }
            | RetryPolicy::Exponential {
                honour_retry_after,
                honour_rate_limit,
                ..
            } => (*honour_retry_after, *honour_rate_limit),
        }
    }

    /// Whether an answer tells a wait that this policy honours.
    pub fn hears(&self, answer: &Response) -> bool {
        let (retry_after, rate_limit) = self.honours();
        retry_after && answer.retry_after != RetryAfter::Absent
            || rate_limit && answer.rate_limit.is_some()
    }
}
