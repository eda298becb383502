//! Calendar window: a quota per hour, day, week or month of a time zone.
//!
//! *Definition.* As a [fixed window](super::FixedWindow) whose edges are those
//! of the local calendar: the top of the hour, midnight, Monday, the first of
//! the month. A day on which the clocks change has 23 or 25 hours.
//!
//! *Edges.* Twice the quota across an edge, as every fixed window; and since
//! all keys of a zone start anew at the same moment, clients that wait for it
//! arrive together.
//!
//! *Which products.* Daily and hourly allowances: Fitbit (top of the hour),
//! tado (a day of its own zone), Google Cloud quotas per day (midnight in
//! Pacific time).
//!
//! 16 bytes per key. The calendar is consulted once per key and window.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Refused, Standing};
use super::error::RuleError;
use super::fixed_window::WindowState;
use super::fixed_window::{Anchor, FixedWindow};
use super::profile::Profile;
use super::quota::{KeySize, Quota};
use crate::units::{Period, Span, Time, Zone};

/// At most a quota in each period of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarWindow {
    /// Counts; where its windows lie is not asked.
    counter: FixedWindow,
    period: Period,
    zone: Zone,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "CalendarWindow", deny_unknown_fields)]
pub struct Params {
    /// Requests per period.
    pub quota: Quota,
    /// The period.
    pub period: Period,
    /// The time zone.
    #[serde(default)]
    pub zone: Zone,
    /// Whether refused attempts count.
    #[serde(default)]
    pub refused: Refused,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, key: KeySize) -> Result<CalendarWindow, RuleError> {
        CalendarWindow::new(
            self.quota.of(key),
            self.period,
            self.zone.clone(),
            self.refused,
        )
    }

    /// What is known of it.
    pub(super) fn profile(&self, key: KeySize) -> Profile<'_> {
        Profile {
            quota_window: None,
            // A day is what the longer ones begin with.
            wave: Some(self.period.about().min(Period::Day.about())),
            ..Profile::of_quota(&self.quota, key, self.period.about())
        }
    }
}

impl CalendarWindow {
    /// At most `quota` in each `period` of the calendar of `zone`.
    ///
    /// # Errors
    /// If `quota` is zero.
    pub fn new(
        quota: u64,
        period: Period,
        zone: Zone,
        refused: Refused,
    ) -> Result<CalendarWindow, RuleError> {
        Ok(CalendarWindow {
            counter: FixedWindow::new(quota, Span::MAX, Anchor::Epoch, refused)?,
            period,
            zone,
        })
    }

    /// The same rule if refused attempts were free.
    pub(super) fn forgiving(&self) -> CalendarWindow {
        CalendarWindow {
            counter: self.counter.forgiving(),
            ..self.clone()
        }
    }

    /// Judges an attempt, and takes its cost if it counts.
    #[inline]
    pub fn decide(&self, state: &mut WindowState, now: Time, cost: u64) -> Decision {
        if state.is_over(now) {
            // Never before the window seen last, should time have run backwards.
            let moment = now.max(state.last());
            *state = WindowState::until(self.zone.period(self.period, moment).1);
        }
        self.counter.judge(state, now, cost)
    }

    /// Gives back what an attempt admitted at `spent` took. Does nothing if
    /// its window has been followed by another.
    pub fn refund(&self, state: &mut WindowState, spent: Time, cost: u64) {
        if spent >= self.zone.period(self.period, state.last()).0 {
            state.give_back(cost);
        }
    }

    /// What remains of this window, and how long until it ends.
    pub fn inspect(&self, state: &WindowState, now: Time) -> Standing {
        self.counter.inspect(state, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(quota: u64, period: Period, zone: &str) -> CalendarWindow {
        let zone = Zone::try_from(zone.to_owned()).unwrap();
        CalendarWindow::new(quota, period, zone, Refused::Free).unwrap()
    }

    #[test]
    fn a_day_ends_at_local_midnight() {
        // 2025-10-26, the day on which the clocks of Paris go back, ends at
        // 23:00 UTC.
        let rule = rule(2, Period::Day, "Europe/Paris");
        let noon = Time::from_secs(1_761_476_400);
        let mut state = WindowState::default();
        assert_eq!(rule.decide(&mut state, noon, 1), Decision::Admit);
        assert_eq!(rule.decide(&mut state, noon, 1), Decision::Admit);
        let retry_after = Some(Span::from_secs(12 * 3600));
        assert_eq!(
            rule.decide(&mut state, noon, 1),
            Decision::Refuse { retry_after }
        );
        let midnight = noon + Span::from_secs(12 * 3600);
        let before = midnight - Span::from_nanos(1);
        assert!(!rule.decide(&mut state, before, 1).is_admit());
        assert!(rule.decide(&mut state, midnight, 2).is_admit());
        assert_eq!(rule.inspect(&state, midnight).left(), 0);
    }

    #[test]
    fn time_that_runs_backwards_gains_nothing() {
        let rule = rule(1, Period::Hour, "UTC");
        let mut state = WindowState::default();
        assert!(rule.decide(&mut state, Time::from_secs(7200), 1).is_admit());
        assert!(!rule.decide(&mut state, Time::from_secs(100), 1).is_admit());
        for now in [Time::EPOCH, Time::MAX] {
            let _ = rule.decide(&mut state, now, u64::MAX);
            rule.refund(&mut state, now, u64::MAX);
            let _ = rule.inspect(&state, now);
        }
    }
}
