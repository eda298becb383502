//! Fixed window: at most `quota` of cost in each window of a fixed length.
//!
//! *Definition.* A window holds one counter. An attempt is admitted if the
//! counter with its cost added does not exceed the quota; a new window starts
//! from zero.
//!
//! *Where windows lie.* [`Anchor::Epoch`]: at whole multiples of the length
//! since the Unix epoch, `start = floor(now / window) * window`, so that all
//! keys reset together, a minute starts on the minute, and a week on a
//! Thursday (the `envoyproxy/ratelimit` service; counters in memcached or
//! Redis keyed by the window's number). [`Anchor::FirstRequest`]: the first
//! counted attempt while no window is open starts one at that moment (Google's
//! Smart Device Management for devices; Redis `INCR` with `EXPIRE`; the memory
//! storages of the Python package `limits` and of express-rate-limit). An
//! empty window is no window: a refund that takes back all of it closes it, as
//! an expiry is only set when a count leaves zero.
//!
//! *Edges.* A client can be admitted the quota just before a window ends and
//! the quota again just after it: twice the quota within a moment. With
//! anchored windows only a client that times its requests meets this, with
//! windows from the epoch everyone can.
//!
//! *Refused attempts.* For attempts of cost 1 it makes no difference to
//! decisions whether they count. For others it does: of 10, cost 11 is
//! refused, and then cost 5 is admitted only if the refused 11 were free. A
//! refused attempt that counts opens an anchored window as any other does.
//! `envoyproxy/ratelimit` counts them.
//!
//! *Overruns.* With [`Overrun::Carried`] what was counted beyond the quota, refused
//! attempts with it, begins the next window: 288 calls a day against 200 leave 112
//! on the second day, 24 on the third, and none from then on. Each window that
//! passes pays one quota off.
//!
//! *Refunds* are exact within the window of the spend and do nothing after it.
//!
//! 16 bytes per key. The division happens once per key and window.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Refused, Standing};
use super::error::RuleError;
use super::profile::Profile;
use super::quota::{KeySize, Quota};
use crate::units::{Span, Time};

/// What starts a fixed window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Anchor {
    /// The clock: whole multiples of the window since the Unix epoch.
    #[default]
    Epoch,
    /// The first attempt that counts while no window is open.
    FirstRequest,
}

/// What becomes of what was counted beyond the quota when a window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Overrun {
    /// The next window starts from zero.
    #[default]
    Forgotten,
    /// The next window starts from it; refused attempts count.
    Carried,
}

/// At most a quota in each window of a fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedWindow {
    quota: u64,
    /// The window's length in nanoseconds, less one.
    reach: u64,
    anchor: Anchor,
    refused: Refused,
    overrun: Overrun,
}

/// The count of one key in its current window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowState {
    /// The last nanosecond that belongs to the window: unlike the end, it can
    /// be told apart from other moments even at the end of time.
    last: u64,
    /// What was counted. While it is zero, no window is open.
    used: u64,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "FixedWindow", deny_unknown_fields)]
pub struct Params {
    /// Requests per window.
    pub quota: Quota,
    /// The window's length.
    pub window: Span,
    /// Where windows begin.
    #[serde(default)]
    pub anchored: Anchor,
    /// Whether refused attempts count.
    #[serde(default)]
    pub refused: Refused,
    /// What becomes of what was counted beyond the quota.
    #[serde(default)]
    pub overrun: Overrun,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, key: KeySize) -> Result<FixedWindow, RuleError> {
        let quota = self.quota.of(key);
        let rule = FixedWindow::new(quota, self.window, self.anchored, self.refused)?;
        Ok(match self.overrun {
            Overrun::Forgotten => rule,
            Overrun::Carried => rule.carrying(),
        })
    }

    /// What is known of it.
    pub(super) fn profile(&self, key: KeySize) -> Profile<'_> {
        Profile::of_quota(&self.quota, key, self.window)
    }
}

impl WindowState {
    /// A window that has just been opened and lasts until `last`.
    pub(super) fn until(last: Time) -> WindowState {
        WindowState {
            last: last.nanos(),
            used: 0,
        }
    }

    /// Whether no window is open at `now`.
    #[inline]
    pub(super) fn is_over(&self, now: Time) -> bool {
        now.nanos() > self.last || self.used == 0
    }

    /// The last moment of the window.
    pub(super) fn last(&self) -> Time {
        Time::from_nanos(self.last)
    }

    pub(super) fn give_back(&mut self, cost: u64) {
        self.used = self.used.saturating_sub(cost);
    }
}

impl FixedWindow {
    /// At most `quota` in each `window`.
    ///
    /// # Errors
    /// If `quota` or `window` is zero.
    pub fn new(
        quota: u64,
        window: Span,
        anchor: Anchor,
        refused: Refused,
    ) -> Result<FixedWindow, RuleError> {
        if quota == 0 {
            return Err(RuleError::ZeroQuota);
        }
        let reach = window.nanos().checked_sub(1).ok_or(RuleError::ZeroWindow)?;
        Ok(FixedWindow {
            quota,
            reach,
            anchor,
            refused,
            overrun: Overrun::Forgotten,
        })
    }

    /// The same rule if what is counted beyond the quota, refused attempts with it,
    /// begins the next window.
    pub const fn carrying(self) -> FixedWindow {
        FixedWindow {
            refused: Refused::Counted,
            overrun: Overrun::Carried,
            ..self
        }
    }

    /// The same rule if refused attempts were free.
    pub(super) const fn forgiving(self) -> FixedWindow {
        FixedWindow {
            refused: Refused::Free,
            ..self
        }
    }

    /// Judges an attempt, and takes its cost if it counts.
    #[inline]
    pub fn decide(&self, state: &mut WindowState, now: Time, cost: u64) -> Decision {
        if state.is_over(now) {
            self.open(state, now.nanos());
        }
        self.judge(state, now, cost)
    }

    /// Judges an attempt in the window that is open.
    #[inline]
    pub(super) fn judge(&self, state: &mut WindowState, now: Time, cost: u64) -> Decision {
        let now = now.nanos();
        let admitted = cost <= self.quota.saturating_sub(state.used);
        if admitted || self.refused == Refused::Counted {
            state.used = state.used.saturating_add(cost);
        }
        if admitted {
            return Decision::Admit;
        }
        let retry_after = match self.overrun {
            Overrun::Forgotten => span_past(state.last, now).filter(|_| cost <= self.quota),
            Overrun::Carried => self.until_paid(state, now, cost),
        };
        Decision::Refuse { retry_after }
    }

    /// How long until so many windows have passed that what is counted leaves room
    /// for a cost.
    fn until_paid(&self, state: &WindowState, now: u64, cost: u64) -> Option<Span> {
        let room = self.quota.checked_sub(cost)?;
        let windows = state.used.saturating_sub(room).div_ceil(self.quota);
        let more = windows.saturating_sub(1);
        let last = self
            .reach
            .checked_add(1)?
            .checked_mul(more)?
            .checked_add(state.last)?;
        span_past(last, now)
    }

    /// What is still owed at `now`, after the window that is over.
    fn debt(&self, state: &WindowState, now: u64) -> u64 {
        match (self.overrun, self.reach.checked_add(1)) {
            (Overrun::Carried, Some(window)) => {
                let windows = now.saturating_sub(state.last).div_ceil(window);
                state
                    .used
                    .saturating_sub(self.quota.saturating_mul(windows))
            }
            _ => 0,
        }
    }

    /// Sets the window that an attempt at `now` falls in.
    fn open(&self, state: &mut WindowState, now: u64) {
        // Never before the window seen last, should time have run backwards.
        let moment = now.max(state.last.saturating_sub(self.reach));
        let start = match (self.anchor, self.reach.checked_add(1)) {
            (Anchor::FirstRequest, _) => moment,
            (Anchor::Epoch, Some(window)) => moment - moment % window,
            (Anchor::Epoch, None) => 0,
        };
        let debt = self.debt(state, moment);
        state.last = start.saturating_add(self.reach);
        state.used = debt;
    }

    /// Gives back what an attempt admitted at `spent` took. Does nothing if
    /// its window has been followed by another.
    pub fn refund(&self, state: &mut WindowState, spent: Time, cost: u64) {
        if spent.nanos() >= state.last.saturating_sub(self.reach) {
            state.give_back(cost);
        }
    }

    /// What remains of this window, and how long until it ends.
    pub fn inspect(&self, state: &WindowState, now: Time) -> Standing {
        let mut state = *state;
        if state.is_over(now) {
            self.open(&mut state, now.nanos());
            if state.used == 0 {
                return Standing::of(self.quota, self.quota, Span::ZERO);
            }
        }
        if self.overrun == Overrun::Carried {
            return Standing {
                quota: Some(self.quota),
                remaining: Some(self.quota.saturating_sub(state.used)),
                reset_after: self.until_paid(&state, now.nanos(), self.quota),
            };
        }
        Standing {
            quota: Some(self.quota),
            remaining: Some(self.quota.saturating_sub(state.used)),
            reset_after: span_past(state.last, now.nanos()),
        }
    }
}

/// From `now` to the first nanosecond after `last`, if there is one.
fn span_past(last: u64, now: u64) -> Option<Span> {
    let past = last.checked_add(1)?;
    Some(Span::from_nanos(past.saturating_sub(now).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 288 calls a day against 200: the sequence that a cloud's page tells
    /// (reference: systems): 200, 112, 24 and 0 are left on successive days.
    #[test]
    fn overruns_begin_the_next_window() {
        let rule = FixedWindow::new(200, Span::from_secs(86_400), Anchor::Epoch, Refused::Free);
        let rule = rule.unwrap().carrying();
        let mut state = WindowState::default();
        for (day, left) in (0..).zip([200, 112, 24, 0, 0]) {
            let first = Time::from_secs(day * 86_400);
            assert_eq!(
                rule.inspect(&state, first).remaining,
                Some(left),
                "day {day}"
            );
            let admitted = (0..288)
                .filter(|call| {
                    let now = first + Span::from_secs(300 * call);
                    rule.decide(&mut state, now, 1) == Decision::Admit
                })
                .count();
            assert_eq!(admitted as u64, left, "day {day}");
        }
        // 5 * 288 calls, of which each of these days has paid 200.
        let owed = 5 * 288 - 4 * 200;
        let evening = Time::from_secs(5 * 86_400 - 60);
        let told = rule.inspect(&state, evening).reset_after;
        assert_eq!(told, Some(Span::from_secs(60 + 3 * 86_400)), "{owed} owed");
        let refused = rule.decide(&mut state, evening, 1);
        // 641 less 200 by 200 leaves room for one after three windows.
        let retry_after = Some(Span::from_secs(60 + 2 * 86_400));
        assert_eq!(refused, Decision::Refuse { retry_after });
        let paid = evening + Span::from_secs(60 + 2 * 86_400);
        assert_eq!(rule.inspect(&state, paid).remaining, Some(159));
        assert_eq!(rule.decide(&mut state, paid, 159), Decision::Admit);
    }

    fn minute(quota: u64, anchor: Anchor, refused: Refused) -> FixedWindow {
        FixedWindow::new(quota, Span::from_secs(60), anchor, refused).unwrap()
    }

    /// Judges attempts given as (milliseconds, cost) and spells the answers.
    fn run(rule: &FixedWindow, attempts: &[(u64, u64)]) -> String {
        let mut state = WindowState::default();
        attempts
            .iter()
            .map(|&(at, cost)| {
                match rule
                    .decide(&mut state, Time::from_millis(at), cost)
                    .is_admit()
                {
                    true => 'A',
                    false => 'D',
                }
            })
            .collect()
    }

    #[test]
    fn windows_from_the_epoch() {
        // envoyproxy/ratelimit, fixed_cache_impl_test.go: now, window, count
        // before, cost, limit; then the answer, what remains, and the window's
        // end.
        for (now, window, before, cost, limit, admitted, remaining, end) in [
            (1234, 1, 4, 1, 10, true, 5, 1235),
            (1234, 60, 10, 1, 10, false, 0, 1260),
            (1_000_000, 3600, 10, 1, 15, true, 4, 1_000_800),
            (1_000_000, 86_400, 12, 1, 15, true, 2, 1_036_800),
            (1_000_000, 86_400, 15, 1, 15, false, 0, 1_036_800),
        ] {
            let window = Span::from_secs(window);
            let rule = FixedWindow::new(limit, window, Anchor::Epoch, Refused::Counted).unwrap();
            let (mut state, now) = (WindowState::default(), Time::from_secs(now));
            let end = Time::from_secs(end).since(now);
            let _ = rule.decide(&mut state, now, before);
            let decision = rule.decide(&mut state, now, cost);
            let retry_after = Some(end);
            match admitted {
                true => assert_eq!(decision, Decision::Admit),
                false => assert_eq!(decision, Decision::Refuse { retry_after }),
            }
            let standing = rule.inspect(&state, now);
            assert_eq!((standing.left(), standing.reset()), (remaining, end));
        }
    }

    #[test]
    fn a_window_anchored_at_the_first_request() {
        // Google Smart Device Management: 5 per minute from the first command.
        let rule = minute(5, Anchor::FirstRequest, Refused::Free);
        let at = [
            10_000, 20_000, 30_000, 40_000, 50_000, 55_000, 69_900, 70_000,
        ];
        assert_eq!(run(&rule, &at.map(|at| (at, 1))), "AAAAADDA");
        // The window of the hit at 70 s ends at 130 s, not at 120 s.
        let mut state = WindowState::default();
        let _ = rule.decide(&mut state, Time::from_secs(10), 5);
        let _ = rule.decide(&mut state, Time::from_secs(70), 1);
        let standing = rule.inspect(&state, Time::from_secs(71));
        assert_eq!(
            (standing.left(), standing.reset()),
            (4, Span::from_secs(59))
        );
    }

    #[test]
    fn the_memory_storage_of_limits() {
        let window = Span::from_secs(2);
        let rule = FixedWindow::new(10, window, Anchor::FirstRequest, Refused::Free).unwrap();
        assert_eq!(run(&rule, &[(5, 1); 11]), "AAAAAAAAAAD");
        assert_eq!(run(&rule, &[(0, 11), (0, 5), (0, 6)]), "DAD");
        let mut state = WindowState::default();
        let _ = rule.decide(&mut state, Time::from_millis(5), 10);
        assert_eq!(rule.inspect(&state, Time::from_millis(5)).reset(), window);
    }

    #[test]
    fn whether_refused_attempts_count_matters_for_costs_above_one() {
        for anchor in [Anchor::Epoch, Anchor::FirstRequest] {
            let attempts = [(0, 11), (0, 5), (59_999, 1), (60_000, 5)];
            assert_eq!(run(&minute(10, anchor, Refused::Free), &attempts), "DAAA");
            assert_eq!(
                run(&minute(10, anchor, Refused::Counted), &attempts),
                "DDDA"
            );
        }
    }

    #[test]
    fn two_hundred_arrivals_across_an_edge() {
        let arrivals: Vec<_> = (0..200).map(|i| (59_000 + 10 * i, 1)).collect();
        for (anchor, admitted) in [(Anchor::Epoch, 120), (Anchor::FirstRequest, 60)] {
            let answers = run(&minute(60, anchor, Refused::Free), &arrivals);
            assert_eq!(answers.matches('A').count(), admitted, "{anchor:?}");
        }
    }

    #[test]
    fn a_refund_reaches_only_its_own_window() {
        for anchor in [Anchor::Epoch, Anchor::FirstRequest] {
            let rule = minute(3, anchor, Refused::Free);
            let mut state = WindowState::default();
            let (first, second) = (Time::from_secs(10), Time::from_secs(75));
            let _ = rule.decide(&mut state, first, 2);
            let _ = rule.decide(&mut state, second, 2);
            rule.refund(&mut state, first, 2);
            assert_eq!(rule.inspect(&state, second).left(), 1);
            rule.refund(&mut state, second, 1);
            assert_eq!(rule.inspect(&state, second).left(), 2);
        }
        // Emptied by a refund, an anchored window is closed.
        let rule = minute(3, Anchor::FirstRequest, Refused::Free);
        let mut state = WindowState::default();
        let _ = rule.decide(&mut state, Time::from_secs(10), 1);
        rule.refund(&mut state, Time::from_secs(10), 1);
        let _ = rule.decide(&mut state, Time::from_secs(30), 1);
        assert_eq!(
            rule.inspect(&state, Time::from_secs(69)).reset(),
            Span::from_secs(21)
        );
    }

    #[test]
    fn a_step_back_in_time_reopens_no_window() {
        for (anchor, end) in [(Anchor::Epoch, 120), (Anchor::FirstRequest, 135)] {
            let rule = minute(1, anchor, Refused::Free);
            let mut state = WindowState::default();
            let judge =
                |state: &mut WindowState, at| rule.decide(state, Time::from_secs(at), 1).is_admit();
            assert!(judge(&mut state, 10) && judge(&mut state, 75));
            rule.refund(&mut state, Time::from_secs(75), 1);
            // What was given back may be used, but in the window it came from.
            assert!(judge(&mut state, 59) && !judge(&mut state, end - 1));
            assert!(judge(&mut state, end));
        }
    }

    #[test]
    fn parameters_that_make_no_limiter() {
        let new = |quota, window| FixedWindow::new(quota, window, Anchor::Epoch, Refused::Free);
        assert_eq!(new(0, Span::from_secs(1)), Err(RuleError::ZeroQuota));
        assert_eq!(new(1, Span::ZERO), Err(RuleError::ZeroWindow));
        assert!(new(u64::MAX, Span::MAX).is_ok());
    }

    proptest! {
        #[test]
        fn decisions_are_those_of_a_plain_count(
            quota in 1_u64..8, window in 1_u64..30, epoch: bool, counted: bool,
            steps in prop::collection::vec((0_u64..12, 0_u64..10), 1..80),
        ) {
            let anchor = if epoch { Anchor::Epoch } else { Anchor::FirstRequest };
            let refused = if counted { Refused::Counted } else { Refused::Free };
            let rule = FixedWindow::new(quota, Span::from_nanos(window), anchor, refused).unwrap();
            let mut state = WindowState::default();
            // The start of the open window and the costs counted in it.
            let mut open: Option<(u64, Vec<u64>)> = None;
            let mut now = 0;
            for (step, cost) in steps {
                now += step;
                let start = if epoch { now / window * window } else { now };
                open = open.filter(|(start, _)| now < start + window);
                let used: u64 = open.iter().flat_map(|(_, costs)| costs).sum();
                let admitted = cost == 0 || used + cost <= quota;
                if cost > 0 && (admitted || counted) {
                    open.get_or_insert((start, Vec::new())).1.push(cost);
                }
                let decision = rule.decide(&mut state, Time::from_nanos(now), cost);
                prop_assert_eq!(decision.is_admit(), admitted);
            }
        }
    }
}
