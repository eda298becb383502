//! Admission by success rate: refuse a share of requests when too few of those
//! before succeeded, on the server or, as a throttle, in the client.
//!
//! *Rule.* Over a rolling window, `n` requests and `s` successes are counted,
//! and `a` requests are allowed for `s` successes (see [`Allowance`]). A request
//! is refused with the probability
//! `((n - protected - a) / (n + 1)) ^ (1 / aggression)`, at least 0 and at most
//! `max_refusal`; and 0 below `min_rps` or `min_requests`.
//!
//! | product | window | allowed | aggression | most | refused count |
//! |---|---|---|---|---|---|
//! | [`envoy`](Admission::envoy), the filter of admission control | 30 s of 1 s | `s / 0.95` | 1 | 0.8 | no |
//! | [`sre`](Admission::sre), "Handling Overload" in Google's book | 2 min of 1 s | `2 s` | 1 | 1 | yes |
//! | [`failsafe`](Admission::failsafe), failsafe-go's adaptive throttler | 60 s of 3 s | `s / 0.9` | 1 | 0.9 | no |
//! | [`go_zero`](Admission::go_zero), its breaker | 10 s of 250 ms | `1.5 s` to `1.1 s` | 1 | 1 | yes |
//!
//! Envoy's first version had `n - aggression * s` above the line and no cap:
//! that is [`Allowance::Multiple`], with `aggression` and `max_refusal` 1.
//!
//! *Refused requests.* If they count, the probability rises as long as a client
//! sends more than it is allowed, whatever the server does with what gets
//! through. If they do not, it follows the server only.
//!
//! *Edges.* A request counts when its outcome is known, not when it is sent.
//! Where buckets begin differs: see [`BucketStart`]. Envoy draws in steps of
//! 1/10,000, which is left out; failsafe-go turns its window only when a result
//! is recorded, so that after a silence it judges by old results; here, and in
//! the others, a reading turns it as well.

use serde::{Deserialize, Serialize};

use super::error::OverloadError;
use super::rolling::{BucketStart, Counts, Rolling};
use crate::limiter::Refused;
use crate::math::pow;
use crate::units::{Span, Time};

/// How many requests may be sent for a number of successes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Allowance {
    /// As many as would have this success rate, from above 0 to 1.
    SuccessRate(f64),
    /// So many per success, at least 1.
    Multiple(f64),
    /// A multiple that falls from `healthy` to `failing` with the number of
    /// latest buckets, of all in the window, that saw failures only. The
    /// probability is also lowered in proportion to the number of latest
    /// buckets that saw successes only.
    Streaks {
        /// The multiple while there are successes.
        healthy: f64,
        /// The multiple when every bucket has failures only.
        failing: f64,
    },
}

/// Parameters of admission by success rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admission {
    /// How far back requests count. 30 s.
    pub window: Span,
    /// The steps by which they are forgotten; a whole part of the window. 1 s.
    pub bucket: Span,
    /// Where a step begins. On demand.
    pub bucket_start: BucketStart,
    /// How many requests are allowed per success. A success rate of 0.95.
    pub allowance: Allowance,
    /// So many requests are never held against the server. 0.
    pub protected: u32,
    /// The root that is taken of the probability, at least 1. 1.
    pub aggression: f64,
    /// The most probability of refusal, from 0 to 1. 0.8.
    pub max_refusal: f64,
    /// Nothing is refused below so many whole requests per second, on average
    /// over the window. 0.
    pub min_rps: u32,
    /// Nor below so many requests in it. 0.
    pub min_requests: u32,
    /// Whether refused requests count as requests. They do not.
    pub refused: Refused,
    /// If the last request that got through against a probability of refusal
    /// is longer ago than this, the next one gets through as well. Never.
    pub forced_pass: Option<Span>,
}

impl Default for Admission {
    fn default() -> Admission {
        Admission::envoy()
    }
}

impl Admission {
    /// Envoy's admission control with its defaults.
    pub const fn envoy() -> Admission {
        Admission {
            window: Span::from_secs(30),
            bucket: Span::from_secs(1),
            bucket_start: BucketStart::OnDemand,
            allowance: Allowance::SuccessRate(0.95),
            protected: 0,
            aggression: 1.0,
            max_refusal: 0.8,
            min_rps: 0,
            min_requests: 0,
            refused: Refused::Free,
            forced_pass: None,
        }
    }

    /// The client-side throttle of Google's book on site reliability
    /// engineering, with its K of 2 and two minutes. The steps of one second
    /// are ours.
    pub const fn sre() -> Admission {
        Admission {
            window: Span::from_secs(120),
            bucket_start: BucketStart::Epoch,
            allowance: Allowance::Multiple(2.0),
            max_refusal: 1.0,
            refused: Refused::Counted,
            ..Admission::envoy()
        }
    }

    /// failsafe-go's adaptive throttler with its defaults.
    pub const fn failsafe() -> Admission {
        Admission {
            window: Span::from_secs(60),
            bucket: Span::from_secs(3),
            bucket_start: BucketStart::Epoch,
            allowance: Allowance::SuccessRate(0.9),
            max_refusal: 0.9,
            ..Admission::envoy()
        }
    }

    /// go-zero's breaker with its constants. Its buckets begin when the
    /// breaker does; here at multiples of 250 ms.
    pub const fn go_zero() -> Admission {
        Admission {
            window: Span::from_secs(10),
            bucket: Span::from_millis(250),
            bucket_start: BucketStart::Epoch,
            allowance: Allowance::Streaks {
                healthy: 1.5,
                failing: 1.1,
            },
            protected: 5,
            max_refusal: 1.0,
            refused: Refused::Counted,
            forced_pass: Some(Span::from_secs(1)),
            ..Admission::envoy()
        }
    }

    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// If the window is not a whole number of buckets, or a share, a multiple
    /// or the aggression is out of range.
    pub fn check(&self) -> Result<(), OverloadError> {
        Rolling::new(self.window, self.bucket, self.bucket_start)?;
        let multiple = |k: f64| k >= 1.0 && k.is_finite();
        let (allowed, expected) = match self.allowance {
            Allowance::SuccessRate(rate) => (
                (0.01..=1.0).contains(&rate),
                "a success rate from 0.01 to 1",
            ),
            Allowance::Multiple(k) => (multiple(k), "at least 1 request per success"),
            Allowance::Streaks { healthy, failing } => (
                multiple(failing) && multiple(healthy) && failing <= healthy,
                "multiples of at least 1, failing at most healthy",
            ),
        };
        if !allowed {
            let allowance = self.allowance;
            return Err(OverloadError::Allowance {
                allowance,
                expected,
            });
        }
        let aggression = self.aggression;
        if !multiple(aggression) {
            return Err(OverloadError::OutOfRange {
                what: "aggression",
                value: aggression,
                expected: "at least 1",
            });
        }
        if !(0.0..=1.0).contains(&self.max_refusal) {
            return Err(OverloadError::OutOfRange {
                what: "most probability of refusal",
                value: self.max_refusal,
                expected: "0 to 1",
            });
        }
        Ok(())
    }
}

/// Admission by success rate at work.
#[derive(Debug, Clone, PartialEq)]
pub struct AdmissionState {
    rule: Admission,
    rolling: Rolling,
    /// When a request last got through against a probability of refusal.
    last_pass: Option<Time>,
}

impl AdmissionState {
    /// A window with nothing in it.
    ///
    /// # Errors
    /// As [`Admission::check`].
    pub fn new(rule: Admission) -> Result<AdmissionState, OverloadError> {
        rule.check()?;
        Ok(AdmissionState {
            rule,
            rolling: Rolling::new(rule.window, rule.bucket, rule.bucket_start)?,
            last_pass: None,
        })
    }

    /// Counts the outcome of so many requests that had been let in.
    pub fn observe(&mut self, now: Time, success: bool, count: u64) {
        self.rolling.observe(now, success, count);
    }

    /// The probability, from 0 to 1, with which a request that arrives `now` is
    /// to be refused.
    pub fn refusal_probability(&mut self, now: Time) -> f64 {
        match self.rule.forced_pass {
            Some(span) if self.last_pass.is_some_and(|last| now.since(last) > span) => 0.0,
            _ => self.probability(now).clamp(0.0, self.rule.max_refusal),
        }
    }

    /// Decides on a request that arrives `now`, with a number in \[0, 1), and
    /// counts it if it is refused and that counts.
    pub fn admit(&mut self, now: Time, uniform: f64) -> bool {
        if self.probability(now) <= 0.0 {
            return true;
        }
        let admitted = uniform >= self.refusal_probability(now);
        if admitted {
            self.last_pass = Some(now);
        } else if self.rule.refused == Refused::Counted {
            self.rolling.refuse(now);
        }
        admitted
    }

    /// What was counted in the window that ends `now`.
    pub fn counts(&mut self, now: Time) -> Counts {
        self.rolling.counts(now)
    }

    /// The probability before it is held within its range or a pass is forced;
    /// not above 0 if nothing is refused.
    fn probability(&mut self, now: Time) -> f64 {
        let rule = &self.rule;
        let Counts {
            requests,
            successes,
            ..
        } = self.rolling.counts(now);
        // In seconds and nanoseconds alike, without rounding.
        let rps = u128::from(requests) * 1_000_000_000 / u128::from(rule.window.nanos());
        if rps < u128::from(rule.min_rps) || requests < u64::from(rule.min_requests) {
            return 0.0;
        }
        let (total, successes) = (requests as f64, successes as f64);
        let (allowed, ease) = match rule.allowance {
            Allowance::SuccessRate(rate) => (successes / rate, 1.0),
            Allowance::Multiple(k) => (successes * k, 1.0),
            Allowance::Streaks { healthy, failing } => {
                let buckets = self.rolling.len_in_buckets() as f64;
                let (failures_only, successes_only) = self.rolling.streaks(now);
                let k = healthy - (healthy - failing) * failures_only as f64 / buckets;
                let ease = (buckets - successes_only as f64) / buckets;
                (successes * k.max(failing), ease)
            }
        };
        let share = (total - f64::from(rule.protected) - allowed) / (total + 1.0);
        let share = share.max(0.0) * ease.max(0.0);
        match rule.aggression {
            1.0 => share,
            aggression => pow(share, 1.0 / aggression),
        }
    }
}

#[cfg(test)]
#[path = "admission/tests.rs"]
mod tests;
