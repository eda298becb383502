//! Spacing: at least so long between two attempts, and longer in a streak.
//!
//! *Definition.* The first attempt passes. After n admitted attempts in a row
//! the next must be at least the n-th step after the last one; the last step
//! holds for all further ones. Once `reset_after` has passed since the last
//! admitted attempt the streak is over, and the next passes whatever the step.
//!
//! *Which products.* The Python package python-google-nest-sdm (`RateLimiter`),
//! as a client's own pacing of commands: 3, 10, then 20 seconds, reset after 30.
//! Its list begins with a delay of 0 for the first command, which is left out
//! here.
//!
//! *Edges.* With steps longer than `reset_after` the reset comes first. A burst
//! of commands passes slower than any bucket would let it, and a client that
//! pauses at the right moments starts over each time.
//!
//! *Costs.* An attempt counts once, whatever its cost. *Refused attempts* are
//! free. *Refunds* shorten the streak by the attempt if it was the last that was
//! admitted; the time of the one before it is not known, so the step is counted
//! from the refunded one. Otherwise they do nothing.
//!
//! 16 bytes per key.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Standing};
use super::error::RuleError;
use super::profile::Profile;
use super::quota::KeySize;
use crate::units::{Span, Time};

/// The most steps of a [`Spacing`].
const MOST_STEPS: usize = 8;

/// The least spacing between attempts, by their number in a streak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spacing {
    /// In nanoseconds; the last one repeats to the end.
    steps: [u64; MOST_STEPS],
    reset_after: u64,
}

/// The streak of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpacingState {
    /// When the last attempt was admitted.
    last: u64,
    /// How many were admitted in a row.
    streak: u64,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "Spacing", deny_unknown_fields)]
pub struct Params {
    /// The least time after the first request of a row, the second, ...
    pub steps: Vec<Span>,
    /// A silence so long starts a new row.
    pub reset_after: Span,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, _: KeySize) -> Result<Spacing, RuleError> {
        Spacing::new(&self.steps, self.reset_after)
    }

    /// What is known of it.
    pub(super) fn profile(&self, _: KeySize) -> Profile<'_> {
        let last = self.steps.last().map_or(0.0, |step| step.secs_f64());
        Profile {
            tells_quota: false,
            longest_wait: self.steps.iter().copied().max().unwrap_or_default(),
            ..Profile::at_once((1.0 / last).min(f64::MAX), 1)
        }
    }
}

impl Spacing {
    /// The least spans after the first, second and further attempts of a
    /// streak, which ends after a span without any.
    ///
    /// # Errors
    /// If there are no steps or more than 8, or `reset_after` is zero.
    pub fn new(steps: &[Span], reset_after: Span) -> Result<Spacing, RuleError> {
        let (Some(last), 1..=MOST_STEPS) = (steps.last(), steps.len()) else {
            return Err(RuleError::StepCount(steps.len()));
        };
        if reset_after.is_zero() {
            return Err(RuleError::ZeroWindow);
        }
        let mut all = [last.nanos(); MOST_STEPS];
        for (step, span) in all.iter_mut().zip(steps) {
            *step = span.nanos();
        }
        Ok(Spacing {
            steps: all,
            reset_after: reset_after.nanos(),
        })
    }

    /// Judges an attempt; an admitted one continues or begins a streak.
    #[inline]
    pub fn decide(&self, state: &mut SpacingState, now: Time, cost: u64) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        let wait = self.wait(state, now);
        if !wait.is_zero() {
            return Decision::Refuse {
                retry_after: Some(wait),
            };
        }
        let elapsed = now.nanos().saturating_sub(state.last);
        let goes_on = state.streak > 0 && elapsed < self.reset_after;
        state.streak = match goes_on {
            true => state.streak.saturating_add(1),
            false => 1,
        };
        state.last = now.nanos().max(state.last);
        Decision::Admit
    }

    /// How long until the next attempt is admitted.
    #[inline]
    fn wait(&self, state: &SpacingState, now: Time) -> Span {
        let Some(place) = state.streak.checked_sub(1) else {
            return Span::ZERO;
        };
        let step = self.steps[place.min(MOST_STEPS as u64 - 1) as usize];
        let elapsed = now.nanos().saturating_sub(state.last);
        let least = step.min(self.reset_after);
        // Counted from the last attempt, should time have run backwards.
        let ahead = state.last.saturating_sub(now.nanos());
        let left = least.saturating_sub(elapsed);
        Span::from_nanos(match left {
            0 => 0,
            left => left.saturating_add(ahead),
        })
    }

    /// Takes the attempt admitted at `spent` out of its streak if it was the
    /// last.
    pub fn refund(&self, state: &mut SpacingState, spent: Time, cost: u64) {
        if cost > 0 && spent.nanos() == state.last {
            state.streak = state.streak.saturating_sub(1);
        }
    }

    /// Whether an attempt would be admitted now, as 1 or 0, and how long until
    /// one is. No quota is told: the attempts are not counted in cost.
    pub fn inspect(&self, state: &SpacingState, now: Time) -> Standing {
        let wait = self.wait(state, now);
        Standing {
            quota: None,
            remaining: Some(u64::from(wait.is_zero())),
            reset_after: Some(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{assert_exact_wait, extremes};
    use super::*;
    use proptest::prelude::*;

    fn run(attempts: &[u64]) -> String {
        let steps = [3, 10, 20].map(Span::from_secs);
        let rule = Spacing::new(&steps, Span::from_secs(30)).unwrap();
        let mut state = SpacingState::default();
        let mut judge = |&at| rule.decide(&mut state, Time::from_secs(1000 + at), 1);
        let spell = |decision: Decision| if decision.is_admit() { 'A' } else { 'D' };
        attempts.iter().map(|at| spell(judge(at))).collect()
    }

    #[test]
    fn the_rate_limiter_of_google_nest_sdm() {
        // test_rate_limiter.py.
        assert_eq!(run(&[0, 1, 3, 5, 13, 23, 33]), "ADADADA");
        assert_eq!(run(&[0, 3, 38, 40, 41]), "AAADA");
    }

    #[test]
    fn a_refund_takes_the_last_attempt_out_of_the_streak() {
        let steps = [3, 10].map(Span::from_secs);
        let rule = Spacing::new(&steps, Span::from_secs(30)).unwrap();
        let (mut state, now) = (SpacingState::default(), Time::from_secs(5));
        let later = Time::from_secs(9);
        let _ = rule.decide(&mut state, now, 1);
        let _ = rule.decide(&mut state, later, 1);
        rule.refund(&mut state, now, 1);
        assert_eq!(rule.wait(&state, later), steps[1]);
        rule.refund(&mut state, later, 1);
        assert_eq!(rule.wait(&state, later), steps[0]);
        rule.refund(&mut state, later, 1);
        assert_eq!(rule.inspect(&state, later).left(), 1);
    }

    #[test]
    fn parameters_and_extremes() {
        let second = Span::from_secs(1);
        assert_eq!(Spacing::new(&[], second), Err(RuleError::StepCount(0)));
        assert_eq!(
            Spacing::new(&[second; 9], second),
            Err(RuleError::StepCount(9))
        );
        assert_eq!(
            Spacing::new(&[second], Span::ZERO),
            Err(RuleError::ZeroWindow)
        );
        for (step, reset) in [(0, 1), (u64::MAX, u64::MAX), (u64::MAX, 1), (1, u64::MAX)] {
            let rule = Spacing::new(&[Span::from_nanos(step); 8], Span::from_nanos(reset)).unwrap();
            let mut state = SpacingState::default();
            for (now, cost) in extremes() {
                let _ = rule.decide(&mut state, now, cost);
                assert!(rule.inspect(&state, now).left() <= 1);
                rule.refund(&mut state, now, cost / 2);
            }
        }
    }

    proptest! {
        #[test]
        fn admitted_attempts_keep_their_distance(
            steps in prop::collection::vec(0_u64..60, 1..=8), reset in 1_u64..80,
            gaps in prop::collection::vec(0_u64..90, 1..80),
        ) {
            let spans: Vec<_> = steps.iter().copied().map(Span::from_nanos).collect();
            let rule = Spacing::new(&spans, Span::from_nanos(reset)).unwrap();
            let (mut state, mut now, mut streak) = (SpacingState::default(), 1000, Vec::new());
            for gap in gaps {
                now += gap;
                let since = streak.last().map(|last| now - last);
                let step = steps[streak.len().clamp(1, steps.len()) - 1];
                let expected = since.is_none_or(|since| since >= step.min(reset));
                let moment = Time::from_nanos(now);
                let decision = rule.decide(&mut state, moment, 1);
                prop_assert_eq!(decision.is_admit(), expected);
                if let Decision::Refuse { retry_after } = decision {
                    let judge = |state: &mut _, at| rule.decide(state, at, 1);
                    assert_exact_wait(&state, moment, retry_after, judge);
                    continue;
                }
                if since.is_some_and(|since| since >= reset) {
                    streak.clear();
                }
                streak.push(now);
            }
        }
    }
}
