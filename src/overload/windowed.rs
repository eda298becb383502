//! A window of samples that feeds a concurrency limit with summaries.
//!
//! *Rule.* Samples gather until one ends after the window's end. It still
//! belongs to the window, and starts the next: a window lasts twice the least
//! round trip seen in it, held within the least and the most length, which are
//! equal by default. What gathered is fed to the limit as one sample (the
//! average or the least round trip, the most in flight, and whether anything
//! was dropped) if it was enough; else it is forgotten. Round trips below a
//! threshold are ignored altogether, dropped or not.
//!
//! *Edges.* A window ends only when a sample does. The very first sample ends
//! the window before it, alone. Below `samples` per window the limit never
//! moves, however many are dropped.
//!
//! Source: `WindowedLimit` of Netflix concurrency-limits, in its later version:
//! an early one went on gathering until there was enough, and fed the least
//! round trip.

use serde::{Deserialize, Serialize};

use super::Sample;
use super::error::OverloadError;
use crate::units::{Span, Time};

/// Which round trip stands for a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Summary {
    /// The average, rounded down to a nanosecond.
    #[default]
    Average,
    /// The least.
    Least,
}

/// Parameters of a window around a concurrency limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SampleWindow {
    /// The least length of a window. 1 s.
    pub min_length: Span,
    /// The most. 1 s.
    pub max_length: Span,
    /// How many samples make a window count. 10.
    pub samples: u32,
    /// Shorter round trips are ignored. 100 us.
    pub ignore_below: Span,
    /// Which round trip the limit sees. The average.
    pub summary: Summary,
}

impl Default for SampleWindow {
    fn default() -> SampleWindow {
        SampleWindow {
            min_length: Span::from_secs(1),
            max_length: Span::from_secs(1),
            samples: 10,
            ignore_below: Span::from_nanos(100_000),
            summary: Summary::Average,
        }
    }
}

impl SampleWindow {
    /// Whether the parameters make a window. The original asks for at least
    /// 100 ms and 10 samples; here shorter and smaller ones are allowed.
    ///
    /// # Errors
    /// If a length or the number of samples is zero, or the most length is
    /// below the least.
    pub fn check(&self) -> Result<(), OverloadError> {
        if self.min_length.is_zero() {
            return Err(OverloadError::NoLength("the sample window"));
        }
        if self.max_length < self.min_length {
            return Err(OverloadError::LengthsReversed {
                min: self.min_length,
                max: self.max_length,
            });
        }
        if self.samples == 0 {
            return Err(OverloadError::Nothing("the sample window needs no samples"));
        }
        Ok(())
    }
}

/// A window at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowedState {
    rule: SampleWindow,
    ends: Time,
    least: u64,
    /// Of round trips, in nanoseconds.
    sum: u128,
    samples: u32,
    most_in_flight: u32,
    dropped: bool,
}

impl WindowedState {
    /// A window that has seen no sample yet.
    ///
    /// # Errors
    /// As [`SampleWindow::check`].
    pub fn new(rule: SampleWindow) -> Result<WindowedState, OverloadError> {
        rule.check()?;
        Ok(WindowedState::starting(rule, Time::EPOCH))
    }

    fn starting(rule: SampleWindow, ends: Time) -> WindowedState {
        WindowedState {
            rule,
            ends,
            least: u64::MAX,
            sum: 0,
            samples: 0,
            most_in_flight: 0,
            dropped: false,
        }
    }

    /// Takes in a sample; gives the summary of a window that it completes.
    pub fn gather(&mut self, sample: &Sample) -> Option<Sample> {
        if sample.round_trip < self.rule.ignore_below {
            return None;
        }
        let round_trip = sample.round_trip.nanos();
        self.least = self.least.min(round_trip);
        self.sum += u128::from(round_trip);
        self.samples = self.samples.saturating_add(1);
        self.most_in_flight = self.most_in_flight.max(sample.in_flight);
        self.dropped |= sample.dropped;
        if sample.now <= self.ends {
            return None;
        }
        let (rule, done) = (self.rule, *self);
        let length = (Span::from_nanos(done.least) * 2).clamp(rule.min_length, rule.max_length);
        *self = WindowedState::starting(rule, sample.now + length);
        if done.samples < rule.samples {
            return None;
        }
        let round_trip = match rule.summary {
            Summary::Least => done.least,
            // An average of numbers of 64 bits is one.
            Summary::Average => (done.sum / u128::from(done.samples)) as u64,
        };
        Some(Sample {
            now: sample.now,
            round_trip: Span::from_nanos(round_trip),
            in_flight: done.most_in_flight,
            dropped: done.dropped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_millis: u64, round_trip_millis: u64, in_flight: u32, dropped: bool) -> Sample {
        Sample {
            now: Time::from_millis(at_millis),
            round_trip: Span::from_millis(round_trip_millis),
            in_flight,
            dropped,
        }
    }

    fn gather(rule: SampleWindow, samples: &[Sample]) -> Vec<Sample> {
        let mut state = WindowedState::new(rule).unwrap();
        samples
            .iter()
            .filter_map(|sample| state.gather(sample))
            .collect()
    }

    /// One sample that starts a window at 1 s, and ten in it, of 1 to 10 ms;
    /// the last of them ends it.
    fn eleven() -> Vec<Sample> {
        let mut samples = vec![sample(1000, 500, 99, true)];
        for i in 1..=9 {
            let in_flight = if i == 4 { 7 } else { 3 };
            samples.push(sample(1000 + 100 * i, i, in_flight, i == 5));
        }
        samples.push(sample(2001, 10, 3, false));
        samples
    }

    #[test]
    fn a_window_is_fed_as_one_sample() {
        let rule = SampleWindow::default();
        let mut expected = sample(2001, 0, 7, true);
        expected.round_trip = Span::from_nanos(5_500_000);
        assert_eq!(gather(rule, &eleven()), [expected]);
        let summary = Summary::Least;
        expected.round_trip = Span::from_millis(1);
        assert_eq!(
            gather(SampleWindow { summary, ..rule }, &eleven()),
            [expected]
        );
    }

    #[test]
    fn too_few_samples_are_forgotten_and_fast_ones_ignored() {
        let rule = SampleWindow::default();
        let mut nine = eleven();
        nine.remove(3);
        assert_eq!(gather(rule, &nine), []);
        let mut one_fast = eleven();
        one_fast[3].round_trip = Span::from_nanos(99_999);
        assert_eq!(gather(rule, &one_fast), []);
        // The end itself still belongs to the window and does not close it.
        let mut at_the_end = eleven();
        at_the_end[10].now = Time::from_secs(2);
        assert_eq!(gather(rule, &at_the_end), []);
    }

    #[test]
    fn windows_may_stretch_with_the_round_trip() {
        let rule = SampleWindow {
            max_length: Span::from_secs(3),
            samples: 1,
            ..SampleWindow::default()
        };
        let at = |millis| sample(millis, 1200, 1, false);
        // 2 * 1.2 s after each window's end.
        let samples = [at(1000), at(3400), at(3401), at(5801), at(5802)];
        let ends: Vec<_> = gather(rule, &samples).iter().map(|s| s.now).collect();
        assert_eq!(ends, [1000, 3401, 5802].map(Time::from_millis));
    }

    #[test]
    fn parameters_that_make_no_window() {
        let good = SampleWindow::default();
        for (rule, part) in [
            (
                SampleWindow {
                    min_length: Span::ZERO,
                    ..good
                },
                "no length",
            ),
            (
                SampleWindow {
                    max_length: Span::from_millis(1),
                    ..good
                },
                "below the least",
            ),
            (SampleWindow { samples: 0, ..good }, "no samples"),
        ] {
            let message = rule.check().unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
