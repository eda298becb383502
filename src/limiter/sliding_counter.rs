//! Sliding counter: the count of this window plus a share of the last one's.
//!
//! *Definition.* Two counters per key. While a window has `remaining` of its
//! length left, the use is estimated as `previous * remaining / window +
//! current`, as if the previous window's use had been spread evenly over it. An
//! attempt is admitted if the estimate with its cost added does not exceed the
//! quota. [`Estimate::Floor`] rounds the share down, as `RussellLuo/slidingwindow`
//! and the Python package `limits` do, so that with cost 1 the condition is
//! "estimate below quota"; [`Estimate::Exact`] does not round.
//!
//! *Where windows lie.* [`Anchor::Epoch`]: at whole multiples of the length
//! since the Unix epoch (`RussellLuo/slidingwindow`, Cloudflare, `limits`).
//! [`Anchor::FirstRequest`]: the first counted attempt of a key starts one,
//! others follow without a gap, and after two lengths without a counted attempt
//! both counters are forgotten and the next one starts anew (HAProxy's rate
//! counters such as `http_req_rate(10s)`, whose clock has milliseconds). While
//! both counters are zero, no window is open.
//!
//! *Edges.* The use may not be spread evenly. At the start of a window that
//! follows a full one, rounding down frees one unit at once: 61 rather than 60
//! can pass around the edge of a minute. In any span of one window's length at
//! most twice the quota is admitted: it meets two windows of at most the quota.
//!
//! *Refused attempts.* HAProxy counts before it compares, so there they count;
//! in the others they are free. Where they count, a key whose traffic stays
//! above the quota is locked out for as long as it goes on.
//!
//! *Reading.* HAProxy shows a single event of the previous period as 1 rather
//! than as a share that rounds to 0, to spare its displays a flicker. A decision
//! there follows the counting of the attempt, so it never meets that case, and
//! it is left out here.
//!
//! *Refunds* are exact in the window of the spend and the one after it, and do
//! nothing later. *Reset* is when the estimate is zero for good: rounded down, that
//! is before the last thing counted is forgotten.
//!
//! 24 bytes per key. A decision divides once; a refusal once more.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Refused, Standing};
use super::error::RuleError;
use super::fixed_window::Anchor;
use super::profile::Profile;
use super::quota::{KeySize, Quota};
use crate::units::{Span, Time};

/// How the previous window's share enters the estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Estimate {
    /// Rounded down to a whole number.
    #[default]
    Floor,
    /// As it is, compared in exact arithmetic.
    Exact,
}

/// At most a quota by an estimate over the last window's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlidingCounter {
    quota: u64,
    window: u64,
    anchor: Anchor,
    estimate: Estimate,
    refused: Refused,
}

/// The counts of one key in two windows that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CounterState {
    /// The start of the current window, unless both counts are zero.
    start: u64,
    previous: u64,
    current: u64,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "SlidingCounter", deny_unknown_fields)]
pub struct Params {
    /// Requests per window.
    pub quota: Quota,
    /// The window's length.
    pub window: Span,
    /// Where windows begin.
    #[serde(default)]
    pub anchored: Anchor,
    /// How the weighted count is compared with the quota.
    #[serde(default)]
    pub estimate: Estimate,
    /// Whether refused attempts count.
    #[serde(default)]
    pub refused: Refused,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, key: KeySize) -> Result<SlidingCounter, RuleError> {
        SlidingCounter::new(
            self.quota.of(key),
            self.window,
            self.anchored,
            self.estimate,
            self.refused,
        )
    }

    /// What is known of it.
    pub(super) fn profile(&self, key: KeySize) -> Profile<'_> {
        Profile::of_quota(&self.quota, key, self.window)
    }
}

impl SlidingCounter {
    /// At most `quota` in about any `window`.
    ///
    /// # Errors
    /// If `quota` or `window` is zero.
    pub fn new(
        quota: u64,
        window: Span,
        anchor: Anchor,
        estimate: Estimate,
        refused: Refused,
    ) -> Result<SlidingCounter, RuleError> {
        if quota == 0 {
            return Err(RuleError::ZeroQuota);
        }
        if window.is_zero() {
            return Err(RuleError::ZeroWindow);
        }
        Ok(SlidingCounter {
            quota,
            window: window.nanos(),
            anchor,
            estimate,
            refused,
        })
    }

    /// The same rule if refused attempts were free.
    pub(super) const fn forgiving(self) -> SlidingCounter {
        SlidingCounter {
            refused: Refused::Free,
            ..self
        }
    }

    /// Judges an attempt, and takes its cost if it counts.
    #[inline]
    pub fn decide(&self, state: &mut CounterState, now: Time, cost: u64) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        *state = self.rotated(state, now);
        let taken = state.current.saturating_add(self.share(state, now));
        let admitted = cost <= self.quota.saturating_sub(taken);
        if admitted || self.refused == Refused::Counted {
            state.current = state.current.saturating_add(cost);
        }
        if admitted {
            return Decision::Admit;
        }
        Decision::Refuse {
            retry_after: (cost <= self.quota).then(|| self.wait(state, now, cost)),
        }
    }

    /// The counters as they are at `now`.
    fn rotated(&self, state: &CounterState, now: Time) -> CounterState {
        let (now, window) = (now.nanos(), self.window);
        // Never before the window seen last, should time have run backwards.
        let elapsed = now.saturating_sub(state.start);
        let unused = state.previous == 0 && state.current == 0;
        if elapsed < window && !unused {
            return *state;
        }
        if elapsed.saturating_sub(window) < window && !unused {
            return CounterState {
                start: state.start + window,
                previous: state.current,
                current: 0,
            };
        }
        let moment = now.max(state.start);
        CounterState {
            start: match self.anchor {
                Anchor::Epoch => moment - moment % window,
                Anchor::FirstRequest => moment,
            },
            ..CounterState::default()
        }
    }

    /// The part of the previous count that still counts at `now`, in whole
    /// units: a fraction of one keeps out as much as one, unless it is dropped.
    fn share(&self, state: &CounterState, now: Time) -> u64 {
        if state.previous == 0 {
            return 0;
        }
        let elapsed = now.nanos().saturating_sub(state.start);
        let remaining = self.window.saturating_sub(elapsed);
        let window = u128::from(self.window);
        let product = u128::from(state.previous) * u128::from(remaining);
        let share = match self.estimate {
            Estimate::Floor => product / window,
            Estimate::Exact => product.div_ceil(window),
        };
        u64::try_from(share).unwrap_or(u64::MAX)
    }

    /// How long until there is room for `cost`, which is within the quota, if
    /// there is none at `now`.
    fn wait(&self, state: &CounterState, now: Time, cost: u64) -> Span {
        let room = self.quota - cost;
        let end = u128::from(state.start) + u128::from(self.window);
        let admitted = match room.checked_sub(state.current) {
            Some(room) => end - self.most_remaining(state.previous, room),
            // Then not before the next window.
            None => end + u128::from(self.window) - self.most_remaining(state.current, room),
        };
        let wait = admitted.saturating_sub(u128::from(now.nanos()));
        Span::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }

    /// The most that may remain of a window for the share of `previous` to be
    /// at most `room`.
    fn most_remaining(&self, previous: u64, room: u64) -> u128 {
        let (room, window) = (u128::from(room), u128::from(self.window));
        let most = match self.estimate {
            Estimate::Floor => ((room + 1) * window - 1).checked_div(u128::from(previous)),
            Estimate::Exact => (room * window).checked_div(u128::from(previous)),
        };
        most.map_or(window, |most| most.min(window))
    }

    /// Gives back what an attempt admitted at `spent` took. Does nothing once
    /// its window has left the counters.
    pub fn refund(&self, state: &mut CounterState, spent: Time, cost: u64) {
        if spent.nanos() >= state.start {
            state.current = state.current.saturating_sub(cost);
        } else if spent.nanos() >= state.start.saturating_sub(self.window) {
            state.previous = state.previous.saturating_sub(cost);
        }
    }

    /// The use that is reckoned with at `now`; a share is rounded as decisions
    /// need it, down or up.
    pub fn estimate(&self, state: &CounterState, now: Time) -> u64 {
        let state = self.rotated(state, now);
        state.current.saturating_add(self.share(&state, now))
    }

    /// What would be admitted now, and how long until the estimate is zero.
    pub fn inspect(&self, state: &CounterState, now: Time) -> Standing {
        let state = self.rotated(state, now);
        let estimate = state.current.saturating_add(self.share(&state, now));
        Standing::of(
            self.quota,
            self.quota.saturating_sub(estimate),
            match estimate {
                0 => Span::ZERO,
                _ => self.wait(&state, now, self.quota),
            },
        )
    }
}

#[cfg(test)]
mod tests;
