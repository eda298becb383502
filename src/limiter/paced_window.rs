//! Paced window: so many per period, and the others wait for a later period.
//!
//! *Definition.* Each period has `quota` permits. An attempt that finds too few
//! takes those of later periods and waits until the beginning of the one that
//! has its last permit; if that is longer than the longest wait it is refused.
//! Permits of a period that nobody took are lost at its end.
//!
//! *Which products.* failsafe-go's and Failsafe's bursty limiter. It counts
//! periods from the making of the limiter; here they lie at whole multiples
//! since the Unix epoch or the key's first admitted attempt ([`Anchor`]), for
//! good. There, permits are lost at the end of a period only if the key was not
//! in debt when it was last used: with [`Surplus::Kept`] a key in debt that
//! stays quiet for long gathers the permits of all those periods.
//!
//! *Edges.* As of a fixed window: twice the quota go on within a moment around
//! the end of a period; all that wait go on together at its beginning.
//!
//! *Refused attempts* are free. *Refunds* give permits back, never beyond those
//! of one period, and are exact until the period of the spend has ended without
//! debt; those who wait already are not called earlier.
//!
//! 16 bytes per key.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Standing};
use super::error::RuleError;
use super::fixed_window::Anchor;
use super::profile::Profile;
use super::quota::KeySize;
use crate::units::{Span, Time};

/// What becomes of permits that come while a key in debt is quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Surplus {
    /// Those beyond one period's quota are lost.
    #[default]
    Lost,
    /// They are kept until the key's next attempt.
    Kept,
}

/// So many permits per period, and a wait for those of later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacedWindow {
    quota: i64,
    period: u64,
    max_wait: u64,
    anchor: Anchor,
    surplus: Surplus,
}

/// What one key has taken; all zero before its first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PacedState {
    /// The beginning of a period.
    start: u64,
    /// Permits taken of this period and, beyond its quota, of later ones.
    /// Below zero if permits were kept.
    taken: i64,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "PacedWindow", deny_unknown_fields)]
pub struct Params {
    /// Requests per window.
    pub quota: u64,
    /// The window's length.
    pub window: Span,
    /// The longest wait; no bound, if absent.
    #[serde(default)]
    pub max_wait: Option<Span>,
    /// Where windows begin.
    #[serde(default)]
    pub anchored: Anchor,
    /// What becomes of permits that come while a key in debt is quiet.
    #[serde(default)]
    pub surplus: Surplus,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, _: KeySize) -> Result<PacedWindow, RuleError> {
        PacedWindow::new(
            self.quota,
            self.window,
            self.max_wait,
            self.anchored,
            self.surplus,
        )
    }

    /// What is known of it.
    pub(super) fn profile(&self, _: KeySize) -> Profile<'_> {
        Profile {
            queue: f64::INFINITY,
            max_wait: self.max_wait.map_or(f64::INFINITY, Span::secs_f64),
            tells_quota: self.max_wait.is_some(),
            ..Profile::window(self.quota, self.window)
        }
    }
}

impl PacedWindow {
    /// `quota` permits per `period`, for which an attempt waits at most
    /// `max_wait`, or without limit if `None`.
    ///
    /// # Errors
    /// If `quota` or `period` is zero, or `quota` is more than `i64` holds.
    pub fn new(
        quota: u64,
        period: Span,
        max_wait: Option<Span>,
        anchor: Anchor,
        surplus: Surplus,
    ) -> Result<PacedWindow, RuleError> {
        if quota == 0 {
            return Err(RuleError::ZeroQuota);
        }
        if period.is_zero() {
            return Err(RuleError::ZeroWindow);
        }
        let most = i64::MAX.unsigned_abs();
        Ok(PacedWindow {
            quota: i64::try_from(quota).map_err(|_| RuleError::TooLarge {
                what: "quota",
                value: quota,
                most,
            })?,
            period: period.nanos(),
            max_wait: max_wait.unwrap_or(Span::MAX).nanos(),
            anchor,
            surplus,
        })
    }

    /// Judges an attempt, and takes its cost if it is admitted.
    #[inline]
    pub fn decide(&self, state: &mut PacedState, now: Time, cost: u64) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        let current = self.current(state, now);
        let served = self.served(&current, cost);
        let wait = served.saturating_sub(u128::from(now.nanos()));
        let after = i64::try_from(i128::from(current.taken) + i128::from(cost));
        let Ok(taken) = after else {
            return Decision::Refuse { retry_after: None };
        };
        // A wait is possible only if it ends within the time that is counted.
        if wait <= u128::from(self.max_wait) && (wait == 0 || u64::try_from(served).is_ok()) {
            *state = PacedState { taken, ..current };
            return match u64::try_from(wait) {
                Ok(wait) if wait > 0 => Decision::Delay(Span::from_nanos(wait)),
                _ => Decision::Admit,
            };
        }
        if self.anchor == Anchor::FirstRequest && *state == PacedState::default() {
            // Periods would begin anew with every such attempt.
            return Decision::Refuse { retry_after: None };
        }
        // Permits that were kept are there for this attempt and then lost.
        *state = current;
        let retry_after = self.admission(&current, cost).map(|moment| {
            let wait = moment.saturating_sub(u128::from(now.nanos()));
            Span::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
        });
        Decision::Refuse { retry_after }
    }

    /// The period of `now`, and what is taken of it.
    fn current(&self, state: &PacedState, now: Time) -> PacedState {
        let now = now.nanos();
        if self.anchor == Anchor::FirstRequest && *state == PacedState::default() {
            return PacedState {
                start: now,
                taken: 0,
            };
        }
        let periods = now.saturating_sub(state.start) / self.period;
        if periods == 0 {
            return *state;
        }
        PacedState {
            start: state.start + periods * self.period,
            taken: self.after(state.taken, periods.into()),
        }
    }

    /// What is taken of a period that many after the one of which `taken` is.
    fn after(&self, taken: i64, periods: u128) -> i64 {
        if taken <= self.quota {
            return 0;
        }
        let periods = i128::try_from(periods).unwrap_or(i128::MAX);
        let given = periods.saturating_mul(i128::from(self.quota));
        let left = i128::from(taken).saturating_sub(given);
        match self.surplus {
            Surplus::Lost => i64::try_from(left.max(0)).unwrap_or(0),
            Surplus::Kept => i64::try_from(left).unwrap_or(i64::MIN),
        }
    }

    /// When an attempt goes on: at the beginning of the period with its last
    /// permit, or zero if that is the current one.
    fn served(&self, state: &PacedState, cost: u64) -> u128 {
        let taken = i128::from(state.taken) + i128::from(cost);
        let periods = (taken - 1).div_euclid(i128::from(self.quota)).max(0);
        match u128::try_from(periods) {
            Ok(0) | Err(_) => 0,
            Ok(periods) => u128::from(state.start) + periods * u128::from(self.period),
        }
    }

    /// When an attempt that is refused in the current period would be admitted.
    fn admission(&self, current: &PacedState, cost: u64) -> Option<u128> {
        let (start, period) = (u128::from(current.start), u128::from(self.period));
        // While there is debt, its turn does not depend on when it comes.
        let moment = self
            .served(current, cost)
            .saturating_sub(self.max_wait.into());
        let periods = moment.saturating_sub(start) / period;
        let gives = i128::try_from(periods)
            .ok()?
            .saturating_mul(self.quota.into());
        let in_debt = current.taken > self.quota;
        let stays = i128::from(current.taken) >= gives || self.surplus == Surplus::Kept;
        if periods == 0 || in_debt && stays {
            return Some(moment);
        }
        // Else it comes to a period of which nothing is taken, and each is
        // like the other.
        let first = match in_debt {
            true => u128::from(current.taken.unsigned_abs())
                .div_ceil(u128::from(self.quota.unsigned_abs())),
            false => 1,
        };
        let fresh = PacedState::default();
        let into = self
            .served(&fresh, cost)
            .saturating_sub(self.max_wait.into());
        (into < period).then_some(start + first * period + into)
    }

    /// Gives back what an admitted attempt took, whenever that was.
    pub fn refund(&self, state: &mut PacedState, _spent: Time, cost: u64) {
        let taken = i128::from(state.taken) - i128::from(cost);
        let least = i128::from(state.taken.min(0));
        state.taken = i64::try_from(taken.max(least)).unwrap_or(0);
    }

    /// What would be admitted now, at once or after a wait, and how long until
    /// the beginning of a period of which nothing is taken. The quota told is
    /// that of a period.
    pub fn inspect(&self, state: &PacedState, now: Time) -> Standing {
        let state = self.current(state, now);
        let (quota, remaining) = match self.max_wait {
            // Whoever comes waits.
            u64::MAX => (None, None),
            _ => (
                Some(self.quota.unsigned_abs()),
                Some(self.remaining(&state, now)),
            ),
        };
        let taken = u128::try_from(state.taken).unwrap_or(0);
        let periods = taken.div_ceil(self.quota.unsigned_abs().into());
        let end = u128::from(state.start) + periods * u128::from(self.period);
        let left = match taken {
            0 => 0,
            _ => end.saturating_sub(u128::from(now.nanos())),
        };
        Standing {
            quota,
            remaining,
            reset_after: u64::try_from(left).ok().map(Span::from_nanos),
        }
    }

    /// The most that is admitted in the current period, to begin now or within
    /// the longest wait.
    fn remaining(&self, state: &PacedState, now: Time) -> u64 {
        let (start, period) = (u128::from(state.start), u128::from(self.period));
        let latest = u128::from(now.nanos()) + u128::from(self.max_wait);
        let latest = latest.min(u128::from(u64::MAX));
        let periods = latest.saturating_sub(start) / period;
        let quota = u128::from(self.quota.unsigned_abs());
        let permits = i128::try_from((periods + 1).saturating_mul(quota)).unwrap_or(i128::MAX);
        let remaining = permits
            .saturating_sub(state.taken.into())
            .clamp(0, i64::MAX.into());
        let remaining = remaining.min(i128::from(i64::MAX) - i128::from(state.taken.max(0)));
        u64::try_from(remaining).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
