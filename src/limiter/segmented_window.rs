//! Segmented window: permits come back when the segment of their use ages out.
//!
//! *Definition* (.NET's `SlidingWindowRateLimiter`). A window is divided into
//! segments. An attempt is admitted if its permits are available and nobody
//! waits; they are counted in the current segment. At the end of each segment
//! the window moves on by one, and the permits of the segment that leaves it
//! are available again. Segments lie at whole multiples since the key's first
//! attempt, as a timer that is made with the limiter has it, and are
//! `window / segments` rounded down to nanoseconds (there to 100 of them).
//!
//! *Queue.* An attempt that finds too few permits waits, first come, first
//! served, if those that wait need no more than `queue` permits with it. Its
//! turn is known on arrival: who comes later is served later. A first that needs
//! many permits holds up all behind it. (.NET can also serve the newest first,
//! which is not this.)
//!
//! *Edges.* A permit is away for `segments - 1` to `segments` segments: the
//! nearer the end of a segment, the shorter. So within any span of `segments -
//! 1` segments at most the quota goes on, and less than one segment longer up
//! to twice the quota; with one segment it is a fixed window.
//!
//! *Differences.* There an attempt of cost 0 asks whether a permit is
//! available; here it is admitted. A cost above the quota is an error there and
//! a refusal for good here.
//!
//! *Refused attempts* are free. *Refunds* (.NET has none) give back what the
//! segment of `spent` counts; for an attempt that waited, `spent` is when it
//! goes on. Those who wait are not called earlier.
//!
//! 24 bytes per key and 4 per cell of [`cells`](SegmentedWindow::cells): as many
//! as segments if the queue is not longer than the quota, else one such round
//! more for each time that the queue's turn may take. A refusal with a told wait
//! and an attempt that waits look at up to as many cells.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Standing};
use super::error::RuleError;
use super::profile::Profile;
use super::quota::{KeySize, Quota};
use super::segments::Segments;
use crate::units::{Span, Time};

/// The most counts that a key may have.
const MOST_CELLS: u64 = 4096;

/// Permits that come back by segments, and a queue for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentedWindow {
    quota: u32,
    queue: u32,
    segments: u32,
    cells: u32,
    /// The length of a segment in nanoseconds.
    length: u64,
}

/// The window of one key, up to the last one that waits; all zero before its
/// first use. Goes with a slice of counts that starts as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SegmentedState {
    /// The beginning of the newest segment with a count.
    start: u64,
    segments: Segments,
    /// How many segments it lies ahead of the current one.
    ahead: u32,
    /// The permits of those who wait: counted ahead of the current segment.
    waiting: u32,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "SegmentedWindow", deny_unknown_fields)]
pub struct Params {
    /// Requests per window.
    pub quota: Quota,
    /// The window's length.
    pub window: Span,
    /// Segments per window.
    pub segments: u32,
    /// The most requests that wait, the oldest first.
    #[serde(default)]
    pub queue: u64,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, key: KeySize) -> Result<SegmentedWindow, RuleError> {
        SegmentedWindow::new(self.quota.of(key), self.window, self.segments, self.queue)
    }

    /// What is known of it.
    pub(super) fn profile(&self, key: KeySize) -> Profile<'_> {
        let segments = u64::from(self.segments).max(1);
        Profile {
            queue: self.queue as f64,
            wave: Some(Span::from_nanos(self.window.nanos() / segments)),
            ..Profile::of_quota(&self.quota, key, self.window)
        }
    }
}

impl SegmentedWindow {
    /// `quota` permits in a `window` of so many `segments`; attempts that need
    /// at most `queue` permits together may wait.
    ///
    /// # Errors
    /// If the quota, the window or the number of segments is zero, the window
    /// has less than a nanosecond for each, or a number is beyond 32 bits or
    /// asks for more than a million counts per key.
    pub fn new(
        quota: u64,
        window: Span,
        segments: u32,
        queue: u64,
    ) -> Result<SegmentedWindow, RuleError> {
        let narrow = |what, value| {
            let most = u64::from(u32::MAX);
            u32::try_from(value).map_err(|_| RuleError::TooLarge { what, value, most })
        };
        if quota == 0 {
            return Err(RuleError::ZeroQuota);
        }
        let length = window.nanos().checked_div(segments.into()).unwrap_or(0);
        if length == 0 {
            return Err(RuleError::ZeroWindow);
        }
        let (quota, queue) = (narrow("quota", quota)?, narrow("queue", queue)?);
        // While somebody waits, any two windows in succession serve more than
        // the quota: what the first could not is the first in the second.
        let rounds = match queue <= quota {
            true => 1,
            false => 2 * (u64::from(queue - 1) / (u64::from(quota) + 1)) + 2,
        };
        let (what, most) = ("number of counts per key", MOST_CELLS);
        let cells = rounds.saturating_mul(segments.into());
        if cells > most {
            let value = cells;
            return Err(RuleError::TooLarge { what, value, most });
        }
        Ok(SegmentedWindow {
            quota,
            queue,
            segments,
            cells: narrow(what, cells)?,
            length,
        })
    }

    /// How many counts the slice of a key has.
    pub const fn cells(&self) -> usize {
        self.cells as usize
    }

    /// Judges an attempt, and takes its permits if it is admitted. `counts` is
    /// the key's own, of [`cells`](SegmentedWindow::cells).
    #[inline]
    pub fn decide(
        &self,
        state: &mut SegmentedState,
        counts: &mut [u32],
        now: Time,
        cost: u64,
    ) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        let Some(permits) = u32::try_from(cost).ok().filter(|&n| n <= self.quota) else {
            return Decision::Refuse { retry_after: None };
        };
        self.advance(state, counts, now);
        if state.ahead == 0 && permits <= self.quota - state.segments.sum() {
            state.segments.add(counts, cost);
            return Decision::Admit;
        }
        if permits > self.queue - state.waiting.min(self.queue) {
            return Decision::Refuse {
                retry_after: self.admission(state, counts, now, permits),
            };
        }
        // All permits are back within a window, if time goes on for that long.
        let window = self.length.saturating_mul(self.segments.into());
        if state.start.checked_add(window).is_none() {
            return Decision::Refuse { retry_after: None };
        }
        while permits > self.quota - state.segments.sum() {
            state.segments.step(counts, self.segments as usize);
            state.start += self.length;
            state.ahead += 1;
        }
        state.segments.add(counts, cost);
        state.waiting += permits;
        Decision::Delay(Time::from_nanos(state.start).since(now))
    }

    /// Moves the current segment to that of `now`.
    #[inline]
    fn advance(&self, state: &mut SegmentedState, counts: &mut [u32], now: Time) {
        let now = now.nanos();
        if *state == SegmentedState::default() {
            state.start = now;
            return;
        }
        let current = state.start - u64::from(state.ahead) * self.length;
        let passed = now.saturating_sub(current);
        if passed < self.length {
            return;
        }
        let mut passed = passed / self.length;
        while passed > 0 && state.ahead > 0 {
            state.ahead -= 1;
            state.waiting -= counts[state.segments.place(counts, state.ahead as usize)];
            passed -= 1;
        }
        state
            .segments
            .advance(counts, self.segments as usize, passed);
        state.start += passed * self.length;
    }

    /// How long until an attempt would be admitted that is refused now: as soon
    /// as it may wait, or else once it need not.
    fn admission(
        &self,
        state: &SegmentedState,
        counts: &[u32],
        now: Time,
        permits: u32,
    ) -> Option<Span> {
        let mut waiting = state.waiting;
        let mut ahead = state.ahead;
        while ahead > 0 {
            ahead -= 1;
            waiting -= counts[state.segments.place(counts, ahead as usize)];
            let room = self.queue - waiting.min(self.queue);
            if permits <= room {
                let back = u64::from(ahead) * self.length;
                return Some(Time::from_nanos(state.start - back).since(now));
            }
        }
        let mut used = state.segments.sum();
        let mut steps = 0;
        while permits > self.quota - used {
            let oldest = (self.segments - 1).checked_sub(steps)?;
            used -= counts[state.segments.place(counts, oldest as usize)];
            steps += 1;
        }
        let ahead = self.length.saturating_mul(steps.into());
        Some((Time::from_nanos(state.start) + Span::from_nanos(ahead)).since(now))
    }

    /// Gives back what an attempt took that went on at `spent`.
    pub fn refund(&self, state: &mut SegmentedState, counts: &mut [u32], spent: Time, cost: u64) {
        let end = state.start.saturating_add(self.length - 1);
        let back = end.saturating_sub(spent.nanos()) / self.length;
        let span = self.segments as usize;
        let removed = state.segments.remove(counts, span, back, cost);
        if back < u64::from(state.ahead) {
            state.waiting -= removed;
        }
    }

    /// What would be admitted now, at once or after a wait, and how long until
    /// all permits are back.
    pub fn inspect(&self, state: &SegmentedState, counts: &[u32], now: Time) -> Standing {
        let used = state.segments.sum();
        let current = state.start - u64::from(state.ahead) * self.length;
        let mut passed = now.nanos().saturating_sub(current) / self.length;
        let (mut waiting, mut ahead) = (state.waiting, state.ahead);
        while passed > 0 && ahead > 0 {
            ahead -= 1;
            waiting -= counts[state.segments.place(counts, ahead as usize)];
            passed -= 1;
        }
        let segments = u64::from(self.segments);
        let back = passed.min(segments)..segments;
        let (mut left, mut newest) = (0, None);
        for back in 0..back.end - back.start {
            let count = counts[state.segments.place(counts, back as usize)];
            left += count;
            if count > 0 && newest.is_none() {
                newest = Some(back);
            }
        }
        let left = if passed == 0 { used } else { left };
        let free = if ahead == 0 { self.quota - left } else { 0 };
        let room = (self.queue - waiting.min(self.queue)).min(self.quota);
        // Until the newest segment has come, whoever comes has to wait, also if
        // all that waited for it were given back.
        let left = newest.map_or(0, |newest| self.length.saturating_mul(segments - newest));
        let reset_after = (Time::from_nanos(state.start) + Span::from_nanos(left)).since(now);
        Standing::of(self.quota.into(), u64::from(free.max(room)), reset_after)
    }
}

#[cfg(test)]
mod tests;
