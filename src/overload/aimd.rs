//! Additive increase, multiplicative decrease: a limit that grows by one while
//! requests end well and shrinks by a factor when one does not.
//!
//! *Rule.* A sample that was dropped, or took longer than the timeout, sets the
//! limit to its product with the backoff ratio, rounded down. Any other adds 1
//! if at least half of the limit was in flight; below that the limit says
//! nothing about capacity and stays. Then it is held within `min` and `max`.
//!
//! *Edges.* The limit falls with every bad sample: ten drops of one burst
//! shrink it ten times, unless a [`SampleWindow`](super::SampleWindow) merges
//! them. Rounding down weighs most at small limits: of 2 remains 1.
//!
//! Source: `AIMDLimit` of Netflix concurrency-limits, in the version with a
//! least and a most limit.

use serde::{Deserialize, Serialize};

use super::Sample;
use super::adaptive::check_range;
use super::error::OverloadError;
use crate::units::Span;

/// Parameters of additive increase and multiplicative decrease.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Aimd {
    /// The limit at the start. 20.
    pub initial: u32,
    /// The least limit. 20.
    pub min: u32,
    /// The most. 200.
    pub max: u32,
    /// What remains of the limit after a bad sample: from 0.5 to below 1. 0.9.
    pub backoff_ratio: f64,
    /// A longer round trip counts as dropped. 5 s.
    pub timeout: Span,
}

impl Default for Aimd {
    fn default() -> Aimd {
        Aimd {
            initial: 20,
            min: 20,
            max: 200,
            backoff_ratio: 0.9,
            timeout: Span::from_secs(5),
        }
    }
}

impl Aimd {
    /// Whether the parameters make a limit.
    ///
    /// # Errors
    /// If `min` is zero, `initial` is not within `min` and `max`, the ratio is
    /// out of range, or the timeout is zero.
    pub fn check(&self) -> Result<(), OverloadError> {
        check_range(self.initial, self.min, self.max)?;
        if !(0.5..1.0).contains(&self.backoff_ratio) {
            return Err(OverloadError::OutOfRange {
                what: "backoff ratio",
                value: self.backoff_ratio,
                expected: "at least 0.5 and less than 1",
            });
        }
        if self.timeout.is_zero() {
            return Err(OverloadError::NoLength("the timeout"));
        }
        Ok(())
    }
}

/// A limit of additive increase and multiplicative decrease at work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AimdState {
    rule: Aimd,
    limit: u32,
}

impl AimdState {
    /// A limit that has seen no sample yet.
    ///
    /// # Errors
    /// As [`Aimd::check`].
    pub fn new(rule: Aimd) -> Result<AimdState, OverloadError> {
        rule.check()?;
        Ok(AimdState {
            rule,
            limit: rule.initial,
        })
    }

    /// The highest limit that there may ever be.
    pub const fn most(&self) -> u32 {
        self.rule.max
    }

    /// How many requests may be in flight.
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// Learns from a request that ended.
    pub fn sample(&mut self, sample: &Sample) {
        let limit = if sample.dropped || sample.round_trip > self.rule.timeout {
            (f64::from(self.limit) * self.rule.backoff_ratio) as u32
        } else if u64::from(sample.in_flight) * 2 >= u64::from(self.limit) {
            self.limit.saturating_add(1)
        } else {
            self.limit
        };
        self.limit = limit.clamp(self.rule.min, self.rule.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Time;

    #[test]
    fn sequences_of_netflix() {
        // AIMDLimitTest: initial limit, most, in flight, dropped; the new limit.
        for (initial, max, in_flight, dropped, limit) in [
            (20, 200, 10, false, 21),
            (30, 200, 0, true, 27),
            (21, 21, 21, false, 21),
            // Fewer than half in flight; and the least limit.
            (20, 200, 9, false, 20),
            (21, 200, 21, true, 20),
        ] {
            let rule = Aimd {
                initial,
                max,
                ..Aimd::default()
            };
            let mut state = AimdState::new(rule).unwrap();
            state.sample(&Sample {
                now: Time::EPOCH,
                round_trip: Span::from_millis(1),
                in_flight,
                dropped,
            });
            assert_eq!(state.limit(), limit);
        }
    }

    #[test]
    fn only_more_than_the_timeout_counts_as_dropped() {
        for (nanos, limit) in [(5_000_000_000, 101), (5_000_000_001, 90)] {
            let rule = Aimd {
                initial: 100,
                ..Aimd::default()
            };
            let mut state = AimdState::new(rule).unwrap();
            state.sample(&Sample {
                now: Time::MAX,
                round_trip: Span::from_nanos(nanos),
                in_flight: u32::MAX,
                dropped: false,
            });
            assert_eq!(state.limit(), limit);
        }
    }

    #[test]
    fn parameters_that_make_no_limit() {
        for backoff_ratio in [0.49, 1.0, f64::NAN] {
            let rule = Aimd {
                backoff_ratio,
                ..Aimd::default()
            };
            assert!(rule.check().unwrap_err().to_string().contains("backoff"));
        }
        let timeout = Span::ZERO;
        let rule = Aimd {
            timeout,
            ..Aimd::default()
        };
        assert!(rule.check().unwrap_err().to_string().contains("timeout"));
    }
}
