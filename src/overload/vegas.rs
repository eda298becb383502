//! Vegas: a limit from the queue that round trips betray, as TCP Vegas sets
//! its window.
//!
//! *Rule.* The least round trip seen stands for an idle server. At a limit `L`
//! the queue is taken to be `ceil(L * (1 - least / round trip))`. With `lg` the
//! whole decimal logarithm of the limit, at least 1:
//!
//! | sample | new limit |
//! |---|---|
//! | dropped | `L - lg` |
//! | less than half of the limit in flight | unchanged |
//! | queue at most `lg` | `L + beta` |
//! | queue below `alpha` | `L + lg` |
//! | queue above `beta` | `L - lg` |
//! | otherwise | unchanged |
//!
//! The result is held within 1 and `max`, and then weighed with the old limit
//! by the smoothing.
//!
//! *Probes.* The first sample, and any faster than the least so far, only sets
//! the least round trip. So does the sample after a random multiple (from 0.5
//! to 1) of `probe_multiplier * L` others, fast or slow: otherwise a server
//! that became slower for good would be taken for a loaded one. A probe that
//! falls into overload takes the queue for the idle server, and the limit
//! climbs until the next.
//!
//! Source: `VegasLimit` of Netflix concurrency-limits, with the logarithm of
//! its later versions (an early one took the square root from 1000 up). It
//! refuses a round trip of zero; here that is one nanosecond.

use serde::{Deserialize, Serialize};

use super::Sample;
use super::adaptive::{check_range, check_smoothing};
use super::error::OverloadError;

/// A bound of the estimated queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueueBound {
    /// So many times the whole decimal logarithm of the limit.
    PerLog10(u32),
    /// So many requests.
    Fixed(u32),
}

impl QueueBound {
    fn at(self, log10: u32) -> u32 {
        match self {
            QueueBound::PerLog10(factor) => factor.saturating_mul(log10),
            QueueBound::Fixed(requests) => requests,
        }
    }
}

/// Parameters of a Vegas limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vegas {
    /// The limit at the start. 20.
    pub initial: u32,
    /// The most. 1000. The least is 1.
    pub max: u32,
    /// The queue below which the limit still grows. 3 per logarithm.
    pub alpha: QueueBound,
    /// The queue above which it shrinks, and by how much it grows when there
    /// is no queue. 6 per logarithm.
    pub beta: QueueBound,
    /// The weight of a new limit against the old: more than 0, at most 1. 1.
    pub smoothing: f64,
    /// How many samples, times the limit, may pass without a probe. 30.
    pub probe_multiplier: u32,
}

impl Default for Vegas {
    fn default() -> Vegas {
        Vegas {
            initial: 20,
            max: 1000,
            alpha: QueueBound::PerLog10(3),
            beta: QueueBound::PerLog10(6),
            smoothing: 1.0,
            probe_multiplier: 30,
        }
    }
}

impl Vegas {
    /// Whether the parameters make a limit.
    ///
    /// # Errors
    /// If `initial` is not within 1 and `max`, the smoothing is out of range,
    /// the probe multiplier is zero, or `alpha` and `beta` are bounds of one
    /// kind and `alpha` is the larger.
    pub fn check(&self) -> Result<(), OverloadError> {
        check_range(self.initial, 1, self.max)?;
        check_smoothing(self.smoothing)?;
        if self.probe_multiplier == 0 {
            let why = "the probe multiplier is 0, so every sample would be a probe";
            return Err(OverloadError::Nothing(why));
        }
        use QueueBound::{Fixed, PerLog10};
        match (self.alpha, self.beta) {
            (Fixed(alpha), Fixed(beta)) | (PerLog10(alpha), PerLog10(beta)) if alpha > beta => {
                Err(OverloadError::AlphaAboveBeta { alpha, beta })
            }
            _ => Ok(()),
        }
    }
}

/// A Vegas limit at work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VegasState {
    rule: Vegas,
    limit: f64,
    /// The least round trip since the last probe in nanoseconds; 0 if none.
    least: u64,
    samples_since_probe: u64,
    probe_jitter: f64,
}

impl VegasState {
    /// A limit that has seen no sample yet. `uniform` gives a number in
    /// \[0, 1), for the first probe.
    ///
    /// # Errors
    /// As [`Vegas::check`].
    pub fn new(rule: Vegas, uniform: impl FnOnce() -> f64) -> Result<VegasState, OverloadError> {
        rule.check()?;
        Ok(VegasState {
            rule,
            limit: f64::from(rule.initial),
            least: 0,
            samples_since_probe: 0,
            probe_jitter: probe_jitter(uniform),
        })
    }

    /// The highest limit that there may ever be.
    pub const fn most(&self) -> u32 {
        self.rule.max
    }

    /// How many requests may be in flight.
    pub const fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Draws anew when to probe.
    pub(super) fn draw_probe(&mut self, uniform: impl FnOnce() -> f64) {
        self.probe_jitter = probe_jitter(uniform);
    }

    /// Learns from a request that ended. `uniform` gives a number in \[0, 1)
    /// and is called if this sample is a probe.
    pub fn sample(&mut self, sample: &Sample, uniform: impl FnOnce() -> f64) {
        let round_trip = sample.round_trip_nanos();
        self.samples_since_probe += 1;
        let probe_after = self.probe_jitter * f64::from(self.rule.probe_multiplier) * self.limit;
        if probe_after <= self.samples_since_probe as f64 {
            self.draw_probe(uniform);
            self.samples_since_probe = 0;
            self.least = round_trip;
        } else if self.least == 0 || round_trip < self.least {
            self.least = round_trip;
        } else if let Some(limit) = self.next_limit(sample, round_trip) {
            let limit = limit.clamp(1.0, f64::from(self.rule.max));
            let smoothing = self.rule.smoothing;
            let limit = (1.0 - smoothing) * self.limit + smoothing * limit;
            // Rounding in the weighing may leave the range by a last bit.
            self.limit = limit.clamp(1.0, f64::from(self.rule.max));
        }
    }

    fn next_limit(&self, sample: &Sample, round_trip: u64) -> Option<f64> {
        let log10 = self.limit().max(1).ilog10().max(1);
        let less = self.limit - f64::from(log10);
        if sample.dropped {
            return Some(less);
        }
        if f64::from(sample.in_flight) * 2.0 < self.limit {
            return None;
        }
        let queue = (self.limit * (1.0 - self.least as f64 / round_trip as f64)).ceil() as u32;
        let (alpha, beta) = (self.rule.alpha.at(log10), self.rule.beta.at(log10));
        if queue <= log10 {
            Some(self.limit + f64::from(beta))
        } else if queue < alpha {
            Some(self.limit + f64::from(log10))
        } else if queue > beta {
            Some(less)
        } else {
            None
        }
    }
}

/// The share of the longest wait for a probe: from 0.5 to below 1.
fn probe_jitter(uniform: impl FnOnce() -> f64) -> f64 {
    0.5 + 0.5 * uniform().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Span, Time};

    fn sample(round_trip_millis: u64, in_flight: u32, dropped: bool) -> Sample {
        Sample {
            now: Time::EPOCH,
            round_trip: Span::from_millis(round_trip_millis),
            in_flight,
            dropped,
        }
    }

    fn never() -> f64 {
        panic!("no probe is due")
    }

    fn netflix() -> VegasState {
        let rule = Vegas {
            initial: 10,
            max: 20,
            alpha: QueueBound::Fixed(3),
            beta: QueueBound::Fixed(6),
            ..Vegas::default()
        };
        VegasState::new(rule, || 0.5).unwrap()
    }

    #[test]
    fn sequences_of_netflix() {
        // VegasLimitTest, after a first sample of (10 ms, 10 in flight).
        for (millis, in_flight, dropped, limit) in [
            (10, 11, false, 16),
            (50, 11, false, 9),
            (14, 14, false, 10),
            // Queues of 1, and of 6 and 7 about beta.
            (11, 14, false, 16),
            (24, 14, false, 10),
            (26, 14, false, 9),
            // A queue of 3 is not below alpha; of 2, it is.
            (13, 14, false, 10),
            (12, 14, false, 11),
            // A drop; fewer than half in flight; a faster server.
            (10, 0, true, 9),
            (10, 4, false, 10),
            (9, 11, false, 10),
        ] {
            let mut state = netflix();
            state.sample(&sample(10, 10, false), never);
            assert_eq!(state.limit(), 10);
            state.sample(&sample(millis, in_flight, dropped), never);
            assert_eq!(state.limit(), limit, "{millis} ms");
        }
    }

    #[test]
    fn bounds_grow_with_the_logarithm_of_the_limit() {
        for (initial, limit) in [(99, 105), (100, 112), (999, 1011), (1000, 1018)] {
            let rule = Vegas {
                initial,
                max: 2000,
                ..Vegas::default()
            };
            let mut state = VegasState::new(rule, || 0.5).unwrap();
            state.sample(&sample(10, 0, false), never);
            state.sample(&sample(10, initial, false), never);
            assert_eq!(state.limit(), limit);
        }
    }

    #[test]
    fn a_probe_takes_the_round_trip_as_it_is() {
        // Jitter 0.75 of 30 times a limit of 10: the 225th sample.
        let mut state = netflix();
        state.sample(&sample(10, 0, false), never);
        for _ in 2..225 {
            state.sample(&sample(40, 0, false), never);
        }
        let mut probes = 0;
        state.sample(&sample(40, 10, false), || {
            probes += 1;
            0.0
        });
        assert_eq!((probes, state.limit()), (1, 10));
        // 40 ms is now no queue at all.
        state.sample(&sample(40, 10, false), never);
        assert_eq!(state.limit(), 16);
    }

    #[test]
    fn smoothing_weighs_the_new_limit() {
        let rule = Vegas {
            smoothing: 0.5,
            ..Vegas::default()
        };
        let mut state = VegasState::new(rule, || 0.5).unwrap();
        state.sample(&sample(10, 20, false), never);
        state.sample(&sample(10, 20, false), never);
        assert_eq!(state.limit(), 23);
    }

    #[test]
    fn parameters_that_make_no_limit() {
        let good = Vegas::default();
        for (rule, part) in [
            (Vegas { max: 19, ..good }, "initial"),
            (Vegas { initial: 0, ..good }, "initial"),
            (
                Vegas {
                    smoothing: 0.0,
                    ..good
                },
                "smoothing",
            ),
            (
                Vegas {
                    probe_multiplier: 0,
                    ..good
                },
                "probe",
            ),
            (
                Vegas {
                    alpha: QueueBound::PerLog10(7),
                    ..good
                },
                "alpha",
            ),
        ] {
            let message = VegasState::new(rule, || 0.5).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
