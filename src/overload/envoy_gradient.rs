//! Envoy's gradient controller: a limit from round trips against those
//! measured while the limit is held low.
//!
//! *Measuring.* At the start, and every `measure_every` and a random part of
//! `jitter` more after the last measurement, the limit drops to `min` until
//! `measure_requests` requests that were sent since have ended; the quantile of
//! their round trips is the new reference, and the limit returns to what it
//! was.
//!
//! *Updating.* In between, every `update_every`, if any request ended since,
//! with the same quantile of their round trips: the gradient is
//! `reference * (1 + buffer) / quantile`, held within 0.5 and 2; the limit `L`
//! becomes `L * gradient + sqrt(L * gradient)`, rounded down and held within
//! `min` and `max`. The root is headroom, by which the limit probes upwards.
//!
//! *Forced measuring.* A limit that five updates in a row find at `min` and
//! leave there calls for a measurement at once: the reference may be out of
//! date.
//!
//! *Edges.* A request that ends at the very moment of an update belongs to the
//! next. Requests that were dropped, or sent before the last measurement began,
//! are not looked at, nor is how many were in flight. Round trips are whole
//! microseconds, in bins of two digits; a quantile of 0 us counts as the steepest
//! growth. If nobody calls during a measurement, it lasts.
//!
//! Source: `GradientController` of Envoy's adaptive concurrency filter. It has
//! no defaults for the two periods; here they are those of its documentation's
//! example.
//! Left out are the reference that a user may fix, and the least limit apart from
//! that of measuring, which later versions have.

use serde::{Deserialize, Serialize};

use super::Sample;
use super::adaptive::check_range;
use super::error::OverloadError;
use super::latency_bins::LatencyBins;
use crate::units::{Span, Time};

/// How many updates in a row at the least limit force a measurement.
const UPDATES_AT_MIN: u32 = 5;

/// Parameters of Envoy's gradient controller.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvoyGradient {
    /// The least limit, also that at the start and while measuring. 3.
    pub min: u32,
    /// The most. 1000.
    pub max: u32,
    /// The time between two updates of the limit. 100 ms.
    pub update_every: Span,
    /// The quantile of round trips that stands for them: from 0 to 1. 0.5.
    pub quantile: f64,
    /// The time from one measurement's end to the next one's start. 60 s.
    pub measure_every: Span,
    /// How many requests a measurement takes. 50.
    pub measure_requests: u32,
    /// The longest random addition to `measure_every`, as a share of it: from
    /// 0 to 1. 0.15.
    pub jitter: f64,
    /// What is added to the reference, as a share of it. 0.25.
    pub buffer: f64,
}

impl Default for EnvoyGradient {
    fn default() -> EnvoyGradient {
        EnvoyGradient {
            min: 3,
            max: 1000,
            update_every: Span::from_millis(100),
            quantile: 0.5,
            measure_every: Span::from_secs(60),
            measure_requests: 50,
            jitter: 0.15,
            buffer: 0.25,
        }
    }
}

impl EnvoyGradient {
    /// Whether the parameters make a limit.
    ///
    /// # Errors
    /// If `min` is zero or above `max`, a period has no length, a measurement
    /// takes no requests, or a share is out of range.
    pub fn check(&self) -> Result<(), OverloadError> {
        check_range(self.min, self.min, self.max)?;
        for (name, period) in [
            ("update_every", self.update_every),
            ("measure_every", self.measure_every),
        ] {
            if period.is_zero() {
                return Err(OverloadError::NoLength(name));
            }
        }
        if self.measure_requests == 0 {
            return Err(OverloadError::Nothing("a measurement takes no requests"));
        }
        for (what, value, most) in [
            ("quantile", self.quantile, 1.0),
            ("jitter", self.jitter, 1.0),
            ("buffer", self.buffer, f64::MAX),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(OverloadError::OutOfRange {
                    what,
                    value,
                    expected: if most == 1.0 { "0 to 1" } else { "0 or more" },
                });
            }
        }
        Ok(())
    }

    /// The random addition to `measure_every`, in whole milliseconds.
    fn draw(&self, uniform: impl FnOnce() -> f64) -> Span {
        let period = self.measure_every.nanos() / 1_000_000;
        let range = (period as f64 * self.jitter).ceil() as u64;
        if range == 0 {
            return Span::ZERO;
        }
        let drawn = (uniform() * range as f64) as u64;
        Span::from_millis(drawn.min(range - 1))
    }
}

/// Envoy's gradient controller at work.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvoyGradientState {
    rule: EnvoyGradient,
    limit: u32,
    /// While measuring, the limit to return to.
    returns_to: Option<u32>,
    /// When the last measurement began.
    measured_from: Time,
    /// The reference round trip in microseconds.
    reference: u64,
    next_update: Time,
    next_measure: Time,
    updates_at_min: u32,
    latencies: LatencyBins,
}

impl EnvoyGradientState {
    /// A limit that has seen no sample yet: it begins with a measurement.
    ///
    /// # Errors
    /// As [`EnvoyGradient::check`].
    pub fn new(rule: EnvoyGradient) -> Result<EnvoyGradientState, OverloadError> {
        rule.check()?;
        Ok(EnvoyGradientState {
            rule,
            limit: rule.min,
            returns_to: Some(rule.min),
            measured_from: Time::EPOCH,
            reference: 0,
            next_update: Time::MAX,
            next_measure: Time::MAX,
            updates_at_min: 0,
            latencies: LatencyBins::default(),
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

    /// Whether the limit is held low to measure the reference.
    pub const fn is_measuring(&self) -> bool {
        self.returns_to.is_some()
    }

    /// Lets the timers run out up to `now`.
    pub fn advance(&mut self, now: Time) {
        if self.is_measuring() {
            return;
        }
        if self.next_update <= now && self.next_update <= self.next_measure {
            // Updates after this one, up to `now`, have no round trips.
            if self.latencies.count() > 0 {
                self.update();
                if self.updates_at_min >= UPDATES_AT_MIN {
                    self.next_measure = self.next_update;
                }
            }
            let every = self.rule.update_every;
            let passed = now.since(self.next_update).nanos() / every.nanos();
            self.next_update = self.next_update + every * passed.saturating_add(1);
        }
        if self.next_measure <= now {
            self.returns_to = Some(self.limit);
            self.measured_from = self.next_measure;
            self.limit = self.rule.min;
            self.updates_at_min = 0;
            self.latencies.clear();
        }
    }

    /// Learns from a request that ended. `uniform` gives a number in \[0, 1)
    /// and is called if this sample ends a measurement.
    pub fn sample(&mut self, sample: &Sample, uniform: impl FnOnce() -> f64) {
        self.advance(sample.now);
        if sample.dropped || sample.now - sample.round_trip < self.measured_from {
            return;
        }
        self.latencies.insert(sample.round_trip.nanos() / 1000);
        if self.latencies.count() < u64::from(self.rule.measure_requests) {
            return;
        }
        if let Some(limit) = self.returns_to.take() {
            self.reference = self.take_quantile();
            self.limit = limit;
            let jitter = self.rule.draw(uniform);
            self.next_measure = sample.now + self.rule.measure_every + jitter;
            self.next_update = sample.now + self.rule.update_every;
        }
    }

    fn update(&mut self) {
        let (min, max) = (self.rule.min, self.rule.max);
        let quantile = self.take_quantile();
        let gradient = match quantile {
            0 => 2.0,
            _ => {
                let reference = self.reference as f64;
                let buffered = reference + reference * self.rule.buffer;
                (buffered / quantile as f64).clamp(0.5, 2.0)
            }
        };
        let scaled = f64::from(self.limit) * gradient;
        let limit = ((scaled + scaled.sqrt()) as u32).clamp(min, max);
        self.updates_at_min = match (self.limit, limit) {
            (old, new) if old == min && new == min => self.updates_at_min.saturating_add(1),
            _ => 0,
        };
        self.limit = limit;
    }

    /// The quantile of the round trips in whole microseconds; forgets them.
    fn take_quantile(&mut self) -> u64 {
        let micros = self.latencies.quantile(self.rule.quantile) as u64;
        self.latencies.clear();
        micros
    }
}

#[cfg(test)]
#[path = "envoy_gradient/tests.rs"]
mod tests;
