//! Gradient2: a limit from the ratio of the long-term average round trip to
//! the present one.
//!
//! *Rule.* Each sample enters the average: the plain mean of the first 10, then
//! an exponential one with weight `2 / (long_window + 1)`. The gradient is
//! `tolerance * average / round trip`, held within 0.5 and 1, so that only
//! round trips beyond the tolerated multiple of the average lower the limit,
//! and by no more than half. The limit moves from `L` towards
//! `L * gradient + queue` by the smoothing, and is held within `min` and `max`.
//! It stays if less than half of it was in flight.
//!
//! If the average is more than twice the round trip, as after a long overload,
//! it is cut by 5 % for the next sample.
//!
//! *Edges.* Drops are not looked at: a server that refuses fast looks healthy.
//! An overload that lasts becomes the new average, and the limit returns.
//!
//! Source: `Gradient2Limit` and `ExpAvgMeasurement` of Netflix
//! concurrency-limits, in the version with a tolerance (an early one had none
//! and cut the average by 10 %). A round trip of zero is one nanosecond.

use serde::{Deserialize, Serialize};

use super::Sample;
use super::adaptive::{check_range, check_smoothing};
use super::error::OverloadError;

/// Parameters of a Gradient2 limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gradient2 {
    /// The limit at the start. 20.
    pub initial: u32,
    /// The least limit. 20.
    pub min: u32,
    /// The most. 200.
    pub max: u32,
    /// How far the limit moves towards its aim: more than 0, at most 1. 0.2.
    pub smoothing: f64,
    /// By how many requests the aim exceeds what the gradient gives. 4.
    pub queue: u32,
    /// The multiple of the average round trip that is no overload: at least 1.
    /// 1.5.
    pub tolerance: f64,
    /// The samples that the long-term average spans. 600.
    pub long_window: u32,
}

impl Default for Gradient2 {
    fn default() -> Gradient2 {
        Gradient2 {
            initial: 20,
            min: 20,
            max: 200,
            smoothing: 0.2,
            queue: 4,
            tolerance: 1.5,
            long_window: 600,
        }
    }
}

impl Gradient2 {
    /// Whether the parameters make a limit.
    ///
    /// # Errors
    /// If `min` is zero, `initial` is not within `min` and `max`, the smoothing
    /// or the tolerance is out of range, or the long window is empty.
    pub fn check(&self) -> Result<(), OverloadError> {
        check_range(self.initial, self.min, self.max)?;
        check_smoothing(self.smoothing)?;
        if !(self.tolerance >= 1.0 && self.tolerance.is_finite()) {
            return Err(OverloadError::OutOfRange {
                what: "tolerance",
                value: self.tolerance,
                expected: "at least 1",
            });
        }
        if self.long_window == 0 {
            return Err(OverloadError::Nothing("the long window holds no samples"));
        }
        Ok(())
    }
}

/// A Gradient2 limit at work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gradient2State {
    rule: Gradient2,
    limit: f64,
    average: ExponentialAverage,
}

impl Gradient2State {
    /// A limit that has seen no sample yet.
    ///
    /// # Errors
    /// As [`Gradient2::check`].
    pub fn new(rule: Gradient2) -> Result<Gradient2State, OverloadError> {
        rule.check()?;
        Ok(Gradient2State {
            rule,
            limit: f64::from(rule.initial),
            average: ExponentialAverage::new(rule.long_window, 10),
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

    /// Learns from a request that ended.
    pub fn sample(&mut self, sample: &Sample) {
        let round_trip = sample.round_trip_nanos() as f64;
        let average = self.average.add(round_trip);
        if average / round_trip > 2.0 {
            self.average.value *= 0.95;
        }
        if f64::from(sample.in_flight) < self.limit / 2.0 {
            return;
        }
        let rule = &self.rule;
        let gradient = (rule.tolerance * average / round_trip).clamp(0.5, 1.0);
        let aim = self.limit * gradient + f64::from(rule.queue);
        let limit = self.limit * (1.0 - rule.smoothing) + aim * rule.smoothing;
        self.limit = limit.clamp(f64::from(rule.min), f64::from(rule.max));
    }
}

/// A mean that becomes an exponential average once it has warmed up.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ExponentialAverage {
    value: f64,
    sum: f64,
    /// How many samples the plain mean holds, up to `warm_up`.
    count: u32,
    warm_up: u32,
    /// The weight of a new sample after that.
    weight: f64,
}

impl ExponentialAverage {
    fn new(window: u32, warm_up: u32) -> ExponentialAverage {
        ExponentialAverage {
            value: 0.0,
            sum: 0.0,
            count: 0,
            warm_up,
            weight: 2.0 / (f64::from(window) + 1.0),
        }
    }

    /// Adds a sample and gives the average with it.
    fn add(&mut self, sample: f64) -> f64 {
        if self.count < self.warm_up {
            self.count += 1;
            self.sum += sample;
            self.value = self.sum / f64::from(self.count);
        } else {
            self.value = self.value * (1.0 - self.weight) + sample * self.weight;
        }
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Span, Time};

    fn sample(round_trip_millis: u64, in_flight: u32) -> Sample {
        Sample {
            now: Time::EPOCH,
            round_trip: Span::from_millis(round_trip_millis),
            in_flight,
            dropped: false,
        }
    }

    #[test]
    fn the_average_of_netflix() {
        // ExpAvgMeasurementTest: window 100, warm-up 10.
        let mut average = ExponentialAverage::new(100, 10);
        for i in 0..10_u32 {
            let expected = 10.0 + f64::from(i) / 2.0;
            assert_eq!(average.add(f64::from(i + 10)), expected);
        }
        assert!((average.add(100.0) - 16.2).abs() < 0.1);
    }

    #[test]
    fn the_limit_grows_by_the_queue_until_its_most() {
        let mut state = Gradient2State::new(Gradient2::default()).unwrap();
        for limit in [20, 21, 22, 23, 24] {
            // 0.2 of a queue of 4 per sample: 20.8, 21.6, 22.4, 23.2, 24.
            state.sample(&sample(10, 200));
            assert_eq!(state.limit(), limit);
        }
        for _ in 0..400 {
            state.sample(&sample(10, 200));
        }
        assert_eq!(state.limit(), 200);
    }

    #[test]
    fn slow_answers_lower_the_limit_by_at_most_a_tenth() {
        let rule = Gradient2 {
            initial: 100,
            ..Gradient2::default()
        };
        let mut state = Gradient2State::new(rule).unwrap();
        for _ in 0..10 {
            state.sample(&sample(10, 0));
        }
        assert_eq!(state.limit(), 100, "too few in flight to learn from");
        // Twice the average is a gradient of 0.75 and a little, for the new
        // sample is part of the average: 100 * (1 - 0.2 * 0.25) + 0.8 = 95.8.
        let mut twice = state;
        twice.sample(&sample(20, 100));
        assert_eq!(twice.limit(), 95);
        // Up to the tolerance it grows: 100.8.
        let mut tolerated = state;
        tolerated.sample(&sample(15, 100));
        assert_eq!(tolerated.limit(), 100);
        tolerated.sample(&sample(15, 100));
        assert_eq!(tolerated.limit(), 101);
        // However slow: 100 * (1 - 0.2 * 0.5) + 0.8 = 90.8.
        state.sample(&sample(100_000, 100));
        assert_eq!(state.limit(), 90);
    }

    #[test]
    fn the_average_falls_fast_after_an_overload() {
        let mut state = Gradient2State::new(Gradient2::default()).unwrap();
        for _ in 0..10 {
            state.sample(&sample(1000, 0));
        }
        for _ in 0..60 {
            state.sample(&sample(10, 0));
        }
        // By its weight alone it would still be near 820 ms.
        let average = state.average.value / 1e6;
        assert!((15.0..60.0).contains(&average), "{average} ms");
    }

    #[test]
    fn parameters_that_make_no_limit() {
        let good = Gradient2::default();
        for tolerance in [0.99, f64::NAN, f64::INFINITY] {
            let rule = Gradient2 { tolerance, ..good };
            assert!(rule.check().unwrap_err().to_string().contains("tolerance"));
        }
        let long_window = 0;
        let rule = Gradient2 {
            long_window,
            ..good
        };
        assert!(
            rule.check()
                .unwrap_err()
                .to_string()
                .contains("long window")
        );
    }
}
