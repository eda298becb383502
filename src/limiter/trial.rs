//! What the tests of all algorithms ask of a rule.

use super::decision::{Decision, Standing};
use crate::units::{Span, Time};

/// Checks that a refusal tells the wait exactly: the same attempt is admitted
/// then, at no nanosecond before, and never at all if it tells of no wait.
/// Works on copies of the state; `decide` judges an attempt of one cost.
pub(super) fn assert_exact_wait<S: Clone>(
    state: &S,
    now: Time,
    retry_after: Option<Span>,
    decide: impl Fn(&mut S, Time) -> Decision,
) {
    let admits = |wait| {
        let later = now + Span::from_nanos(wait);
        decide(&mut state.clone(), later).is_admit()
    };
    match retry_after.map(Span::nanos) {
        Some(wait) => {
            for earlier in (0..wait.min(300)).chain(wait.saturating_sub(300)..wait) {
                assert!(
                    !admits(earlier),
                    "admitted {earlier} after {now:?}, not {wait}"
                );
            }
            assert!(admits(wait), "not admitted {wait} after {now:?}");
        }
        None => {
            for later in (0..300).chain((9..44).map(|power| 1 << power)) {
                assert!(!admits(later), "admitted {later} after {now:?}, not never");
            }
        }
    }
}

/// Moments and costs at the ends of their ranges, in no order.
pub(super) fn extremes() -> impl Iterator<Item = (Time, u64)> {
    let times = [0, 1, u64::MAX, 7, u64::MAX - 1, u64::MAX / 2, u64::MAX, 0];
    let costs = [0, 1, u64::MAX, 2, u64::MAX - 1, 1, u64::MAX / 2];
    times
        .into_iter()
        .flat_map(move |time| costs.map(|cost| (Time::from_nanos(time), cost)))
}

/// The wait of an attempt in nanoseconds, or `None` if it is refused.
pub(super) fn wait(decision: Decision) -> Option<u64> {
    match decision {
        Decision::Admit => Some(0),
        Decision::Delay(span) => Some(span.nanos()),
        Decision::Refuse { .. } => None,
    }
}

impl Standing {
    /// What remains of a limit that has a bound.
    pub(super) fn left(&self) -> u64 {
        self.remaining.expect("a bound")
    }

    /// The reset of a limit that can tell it.
    pub(super) fn reset(&self) -> Span {
        self.reset_after.expect("a reset")
    }
}
