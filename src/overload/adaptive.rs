//! Adaptive concurrency limits: the choice of an algorithm, and its state.
//!
//! A gate lets a request in while fewer than [`limit`](AdaptiveState::limit)
//! are in flight, and reports each that ends as a [`Sample`].

use serde::{Deserialize, Serialize};

use super::error::OverloadError;
use super::{
    Aimd, AimdState, EnvoyGradient, EnvoyGradientState, Gradient2, Gradient2State, SampleWindow,
    Vegas, VegasState, WindowedState,
};
use crate::units::{Span, Time};

/// What became of one request that a gate had let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When it ended.
    pub now: Time,
    /// From being let in to its end. Algorithms that divide by it take zero as
    /// one nanosecond.
    pub round_trip: Span,
    /// How many requests were in flight when it was let in, itself included.
    pub in_flight: u32,
    /// Whether it timed out or was refused further on.
    pub dropped: bool,
}

impl Sample {
    /// The round trip in nanoseconds, at least one.
    pub(super) fn round_trip_nanos(&self) -> u64 {
        self.round_trip.nanos().max(1)
    }
}

/// The parameters of any one adaptive concurrency limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Adaptive {
    /// Up by one while all goes well, down by a factor when it does not.
    Aimd(Aimd),
    /// As TCP Vegas, from the least round trip.
    Vegas(Vegas),
    /// Round trips against their long-term average.
    Gradient2(Gradient2),
    /// Round trips against those measured at a low limit.
    Gradient(EnvoyGradient),
}

impl Adaptive {
    /// Whether the parameters make a limit.
    ///
    /// # Errors
    /// If one of them is out of range, or contradicts another.
    pub fn check(&self) -> Result<(), OverloadError> {
        match self {
            Adaptive::Aimd(rule) => rule.check(),
            Adaptive::Vegas(rule) => rule.check(),
            Adaptive::Gradient2(rule) => rule.check(),
            Adaptive::Gradient(rule) => rule.check(),
        }
    }
}

/// An adaptive concurrency limit at work, fed directly or through a window.
#[derive(Debug, Clone, PartialEq)]
pub struct AdaptiveState {
    window: Option<WindowedState>,
    limit: Limit,
}

#[derive(Debug, Clone, PartialEq)]
enum Limit {
    Aimd(AimdState),
    Vegas(VegasState),
    Gradient2(Gradient2State),
    Gradient(EnvoyGradientState),
}

impl AdaptiveState {
    /// A limit that has seen no sample yet.
    ///
    /// # Errors
    /// As [`Adaptive::check`] and [`SampleWindow::check`], and for a window
    /// around [`EnvoyGradient`], which has windows of its own.
    pub fn new(
        rule: Adaptive,
        window: Option<SampleWindow>,
    ) -> Result<AdaptiveState, OverloadError> {
        let limit = match rule {
            Adaptive::Aimd(rule) => Limit::Aimd(AimdState::new(rule)?),
            Adaptive::Vegas(rule) => Limit::Vegas(VegasState::new(rule, || 0.5)?),
            Adaptive::Gradient2(rule) => Limit::Gradient2(Gradient2State::new(rule)?),
            Adaptive::Gradient(_) if window.is_some() => {
                return Err(OverloadError::OwnWindows);
            }
            Adaptive::Gradient(rule) => Limit::Gradient(EnvoyGradientState::new(rule)?),
        };
        let window = window.map(WindowedState::new).transpose()?;
        Ok(AdaptiveState { window, limit })
    }

    /// The same with its first draw: `uniform` gives a number in \[0, 1), and is
    /// only called if the rule draws.
    #[must_use]
    pub fn begun(mut self, uniform: impl FnOnce() -> f64) -> AdaptiveState {
        if let Limit::Vegas(state) = &mut self.limit {
            state.draw_probe(uniform);
        }
        self
    }

    /// The highest limit that there may ever be.
    pub const fn most(&self) -> u32 {
        match &self.limit {
            Limit::Aimd(state) => state.most(),
            Limit::Vegas(state) => state.most(),
            Limit::Gradient2(state) => state.most(),
            Limit::Gradient(state) => state.most(),
        }
    }

    /// How many requests may be in flight. At least 1.
    #[inline]
    pub fn limit(&self) -> u32 {
        match &self.limit {
            Limit::Aimd(state) => state.limit(),
            Limit::Vegas(state) => state.limit(),
            Limit::Gradient2(state) => state.limit(),
            Limit::Gradient(state) => state.limit(),
        }
    }

    /// Lets timers run out up to `now`. Only [`EnvoyGradient`] has any: call it
    /// before [`limit`](Self::limit) where requests may arrive long after the
    /// last sample.
    #[inline]
    pub fn advance(&mut self, now: Time) {
        if let Limit::Gradient(state) = &mut self.limit {
            state.advance(now);
        }
    }

    /// Learns from a request that ended. `uniform` gives a number in \[0, 1);
    /// it is called at most once, and only when the rule draws.
    pub fn sample(&mut self, sample: &Sample, uniform: impl FnOnce() -> f64) {
        let gathered;
        let sample = match &mut self.window {
            None => sample,
            Some(window) => match window.gather(sample) {
                None => return,
                Some(summary) => {
                    gathered = summary;
                    &gathered
                }
            },
        };
        match &mut self.limit {
            Limit::Aimd(state) => state.sample(sample),
            Limit::Vegas(state) => state.sample(sample, uniform),
            Limit::Gradient2(state) => state.sample(sample),
            Limit::Gradient(state) => state.sample(sample, uniform),
        }
    }
}

/// Whether a limit can start at `initial` and stay within `min` and `max`.
pub(super) fn check_range(initial: u32, min: u32, max: u32) -> Result<(), OverloadError> {
    if min == 0 {
        return Err(OverloadError::ZeroLeast);
    }
    if max < min {
        return Err(OverloadError::LimitsReversed { min, max });
    }
    if !(min..=max).contains(&initial) {
        return Err(OverloadError::Initial { initial, min, max });
    }
    Ok(())
}

/// Whether a weight of new against old is usable.
pub(super) fn check_smoothing(smoothing: f64) -> Result<(), OverloadError> {
    if smoothing > 0.0 && smoothing <= 1.0 {
        return Ok(());
    }
    Err(OverloadError::OutOfRange {
        what: "smoothing",
        value: smoothing,
        expected: "more than 0 and at most 1",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules() -> [(Adaptive, u32, u32); 4] {
        [
            (Adaptive::Aimd(Aimd::default()), 20, 200),
            (Adaptive::Vegas(Vegas::default()), 1, 1000),
            (Adaptive::Gradient2(Gradient2::default()), 20, 200),
            (Adaptive::Gradient(EnvoyGradient::default()), 3, 1000),
        ]
    }

    fn extreme() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            Just(1),
            Just(u64::MAX),
            Just(u64::MAX - 1),
            0..10_000_000_000_u64,
            any::<u64>(),
        ]
    }

    proptest! {
        #[test]
        fn limits_stay_in_range_whatever_the_samples(
            windowed: bool,
            samples in prop::collection::vec(
                (extreme(), extreme(), prop_oneof![Just(u32::MAX), any::<u32>(), 0..300_u32], any::<bool>(), 0.0..1.0_f64),
                1..400,
            ),
        ) {
            for (rule, min, max) in rules() {
                let own_windows = matches!(rule, Adaptive::Gradient(_));
                let window = (windowed && !own_windows).then(SampleWindow::default);
                let mut state = AdaptiveState::new(rule, window).unwrap();
                for &(at, round_trip, in_flight, dropped, uniform) in &samples {
                    let now = Time::from_nanos(at);
                    state.advance(now);
                    let round_trip = Span::from_nanos(round_trip);
                    state.sample(&Sample { now, round_trip, in_flight, dropped }, || uniform);
                    prop_assert!((min..=max).contains(&state.limit()), "{rule:?}: {}", state.limit());
                }
            }
        }
    }

    #[test]
    fn a_window_around_the_gradient_of_envoy_is_refused() {
        let rule = Adaptive::Gradient(EnvoyGradient::default());
        let window = Some(SampleWindow::default());
        let message = AdaptiveState::new(rule, window).unwrap_err().to_string();
        assert!(message.contains("windows of its own"), "{message}");
    }

    #[test]
    fn a_window_feeds_the_limit_once_per_second() {
        let rule = Adaptive::Aimd(Aimd::default());
        let mut state = AdaptiveState::new(rule, Some(SampleWindow::default())).unwrap();
        // Twenty samples a second for five seconds; the first closes a window
        // of its own, which is too small to count.
        for i in 0..100_u64 {
            let now = Time::from_millis(1000 + 50 * i);
            let (round_trip, dropped) = (Span::from_millis(10), false);
            state.sample(
                &Sample {
                    now,
                    round_trip,
                    in_flight: 20,
                    dropped,
                },
                || 0.0,
            );
        }
        assert_eq!(state.limit(), 24);
    }

    #[test]
    fn ranges_that_make_no_limit_say_why() {
        for (initial, min, max, part) in [
            (1, 0, 1, "is 0"),
            (5, 5, 4, "below the least"),
            (4, 5, 9, "expected 5 to 9"),
            (10, 5, 9, "expected 5 to 9"),
        ] {
            let message = check_range(initial, min, max).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        for bad in [0.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(check_smoothing(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_are_written_with_their_product_s_defaults() {
        let rule: Adaptive = ron::from_str("Vegas((initial: 10, alpha: Fixed(3)))").unwrap();
        let expected = Vegas {
            initial: 10,
            alpha: super::super::QueueBound::Fixed(3),
            ..Vegas::default()
        };
        assert_eq!(rule, Adaptive::Vegas(expected));
        assert!(ron::from_str::<Adaptive>("Aimd((initail: 10))").is_err());
    }
}
