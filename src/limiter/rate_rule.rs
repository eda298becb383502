//! Rate-based rule of a web application firewall: it blocks a key some time
//! after it saw too much from it.
//!
//! *Definition.* All attempts are counted, blocked ones too. A timer checks at
//! whole multiples of `check_every` since the Unix epoch whether the count over
//! the look-back that ends there is more than the limit. Between checks in a
//! row that say so there is no difference: from the first of them on, and
//! `detect_after` more, the key is blocked, until `release_after` past the first
//! check that says otherwise. If that comes to no time, the key is not blocked.
//!
//! *Which products.* AWS WAF. This is a model of what its documentation says
//! and users report (checks on its own timer, usually less than 30 seconds to
//! take effect but up to several minutes, release alike), not of a published
//! algorithm: AWS also weighs recent counts more, which is not told in numbers
//! and not modelled.
//!
//! *Edges.* Between the checks and until detection there is no limit at all: a
//! burst passes whole, and one that ends in time is never blocked. A client
//! that keeps trying stays blocked as long as its attempts exceed the limit.
//!
//! *Waits.* The wait told is until the key would pass if it stayed quiet. The
//! standing's `remaining` is what may be counted before a check starts a block,
//! although more would pass at this moment. Its reset is when nothing is counted
//! any more and no block lasts or is to come of what checks have found.
//!
//! *Refunds* take the cost out of the count if it is still in the look-back;
//! what checks have found stays.
//!
//! 24 bytes per key, and 4 for each check in a look-back
//! ([`cells`](RateRule::cells)). A decision takes constant time, amortised over
//! checks, however long the key was idle; a refusal in proportion to the cells
//! and the lags, in checks.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Standing};
use super::error::RuleError;
use super::profile::Profile;
use super::quota::KeySize;
use super::segments::Segments;
use crate::units::{Span, Time};

/// The longest lag, in checks: so many of their results are remembered.
const MOST_CHECKS: u64 = 63;

/// A limit on a look-back, enforced late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateRule {
    limit: u32,
    /// How many checks there are in a look-back.
    cells: u32,
    check_every: u64,
    detect_after: u64,
    release_after: u64,
}

/// What is known of one key. Goes with a slice of counts that starts as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateRuleState {
    /// The last check that was made.
    check: u64,
    segments: Segments,
    /// Whether checks found too much: the last one in the lowest bit.
    found: u64,
}

/// A key's counts and checks at a later time without attempts until then.
#[derive(Debug, Clone, Copy)]
struct Quiet {
    check: u64,
    /// How many checks later.
    checks: u64,
    sum: u32,
    found: u64,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "RateRule", deny_unknown_fields)]
pub struct Params {
    /// Requests in the time looked back on.
    pub limit: u64,
    /// The time looked back on.
    pub look_back: Span,
    /// The time between two checks.
    pub check_every: Span,
    /// From the check that finds too many to the first refusal.
    #[serde(default)]
    pub detect_after: Span,
    /// From the check that finds few enough to the last refusal.
    #[serde(default)]
    pub release_after: Span,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, _: KeySize) -> Result<RateRule, RuleError> {
        RateRule::new(
            self.limit,
            self.look_back,
            self.check_every,
            self.detect_after,
            self.release_after,
        )
    }

    /// What is known of it.
    pub(super) fn profile(&self, _: KeySize) -> Profile<'_> {
        Profile {
            window: None,
            wave: Some(self.check_every),
            longest_wait: self.look_back + self.release_after,
            ..Profile::window(self.limit, self.look_back)
        }
    }
}

impl RateRule {
    /// Blocks what exceeds `limit` in a `look_back`, found by a check
    /// `check_every` so often, and begins and ends late by two lags.
    ///
    /// # Errors
    /// If the limit or `check_every` is zero, the limit is beyond 32 bits, the
    /// look-back is not one or more (up to a million) times `check_every`, or a
    /// lag is longer than 63 checks.
    pub fn new(
        limit: u64,
        look_back: Span,
        check_every: Span,
        detect_after: Span,
        release_after: Span,
    ) -> Result<RateRule, RuleError> {
        if limit == 0 {
            return Err(RuleError::ZeroQuota);
        }
        if check_every.is_zero() {
            return Err(RuleError::ZeroInterval);
        }
        if look_back.is_zero() {
            return Err(RuleError::ZeroWindow);
        }
        if !look_back.nanos().is_multiple_of(check_every.nanos()) {
            return Err(RuleError::Uneven {
                what: "look-back",
                span: look_back,
                unit: check_every,
            });
        }
        let within = |what, value, most| match value <= most {
            true => u32::try_from(value).map_err(|_| RuleError::TooLarge { what, value, most }),
            false => Err(RuleError::TooLarge { what, value, most }),
        };
        let checks = |span: Span| span.nanos() / check_every.nanos();
        for lag in [detect_after, release_after] {
            let lag = lag.nanos().div_ceil(check_every.nanos());
            within("lag in checks", lag, MOST_CHECKS)?;
        }
        Ok(RateRule {
            limit: within("limit", limit, u64::from(u32::MAX - 1))?,
            cells: within("number of checks per look-back", checks(look_back), 4096)?,
            check_every: check_every.nanos(),
            detect_after: detect_after.nanos(),
            release_after: release_after.nanos(),
        })
    }

    /// How many counts the slice of a key has.
    pub const fn cells(&self) -> usize {
        self.cells as usize
    }

    /// Judges an attempt and counts its cost. `counts` is the key's own, of
    /// [`cells`](RateRule::cells).
    #[inline]
    pub fn decide(
        &self,
        state: &mut RateRuleState,
        counts: &mut [u32],
        now: Time,
        cost: u64,
    ) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        let quiet = self.quiet_until(state, counts, now);
        state
            .segments
            .advance(counts, self.cells as usize, quiet.checks);
        state.check = quiet.check;
        state.found = quiet.found;
        state.segments.add(counts, cost);
        if !self.blocks(state.found, now.nanos().saturating_sub(state.check)) {
            return Decision::Admit;
        }
        let quiet = self.quiet_until(state, counts, now);
        Decision::Refuse {
            retry_after: Some(self.release(quiet, state, counts, now)),
        }
    }

    /// The key at `now` without attempts since its state.
    #[inline]
    fn quiet_until(&self, state: &RateRuleState, counts: &[u32], now: Time) -> Quiet {
        let mut quiet = Quiet {
            check: state.check,
            checks: 0,
            sum: state.segments.sum(),
            found: state.found,
        };
        let passed = now.nanos().saturating_sub(state.check);
        if passed < self.check_every {
            return quiet;
        }
        let passed = passed / self.check_every;
        while quiet.checks < passed && quiet.sum > 0 {
            self.pass_check(&mut quiet, state, counts);
        }
        // With nothing left, no check finds anything.
        let rest = passed - quiet.checks;
        let shift = u32::try_from(rest).unwrap_or(u32::MAX);
        quiet.found = quiet.found.checked_shl(shift).unwrap_or(0);
        quiet.check += rest * self.check_every;
        quiet.checks = passed;
        quiet
    }

    /// Makes the next check.
    fn pass_check(&self, quiet: &mut Quiet, state: &RateRuleState, counts: &[u32]) {
        quiet.found = quiet.found << 1 | u64::from(quiet.sum > self.limit);
        // The oldest segment leaves, unless all have done so.
        if let Some(back) = (u64::from(self.cells) - 1).checked_sub(quiet.checks) {
            quiet.sum -= counts[state.segments.place(counts, back as usize)];
        }
        quiet.check = quiet.check.saturating_add(self.check_every);
        quiet.checks += 1;
    }

    /// Whether a key is blocked so long after a check, given what that check
    /// and those before it have found.
    #[inline]
    fn blocks(&self, found: u64, past: u64) -> bool {
        // The newest check whose detection has taken effect, and the oldest
        // whose release has not, counted back from the last one.
        let detected = self
            .detect_after
            .saturating_sub(past)
            .div_ceil(self.check_every);
        let unreleased = self
            .release_after
            .saturating_sub(past)
            .div_ceil(self.check_every);
        let (first, last) = (detected.min(unreleased), detected.max(unreleased));
        let between = (u64::MAX << first.min(63)) & (u64::MAX >> (63 - last.min(63)));
        match detected <= unreleased {
            // Any such check was the last of its row or is followed by another.
            true => found & between != 0,
            // The row must reach from one to the other.
            false => found & between == between,
        }
    }

    /// From `now` to the end of the block, if the key stays quiet.
    fn release(&self, quiet: Quiet, state: &RateRuleState, counts: &[u32], now: Time) -> Span {
        // Blocks end at this time past a check.
        let past = self.release_after % self.check_every;
        let mut quiet = quiet;
        loop {
            let moment = quiet.check.saturating_add(past);
            if moment > now.nanos() && !self.blocks(quiet.found, past) || quiet.check == u64::MAX {
                return Time::from_nanos(moment).since(now);
            }
            self.pass_check(&mut quiet, state, counts);
        }
    }

    /// What an attempt at `now` would be told, after a silence until then, if it
    /// were not counted itself.
    pub(super) fn peek(&self, state: &RateRuleState, counts: &[u32], now: Time) -> Decision {
        let quiet = self.quiet_until(state, counts, now);
        match self.blocks(quiet.found, now.nanos().saturating_sub(quiet.check)) {
            false => Decision::Admit,
            true => Decision::Refuse {
                retry_after: Some(self.release(quiet, state, counts, now)),
            },
        }
    }

    /// From `now` until nothing is counted and no block lasts or is to come, if
    /// the key stays quiet.
    fn reset(&self, quiet: Quiet, state: &RateRuleState, counts: &[u32], now: Time) -> Span {
        // Between two checks blocks begin and end at these times past one.
        let mut turns = [self.detect_after, self.release_after].map(|lag| lag % self.check_every);
        turns.sort_unstable();
        let parts = [
            (0, turns[0]),
            (turns[0], turns[1]),
            (turns[1], self.check_every),
        ];
        let (mut quiet, mut whole) = (quiet, now.nanos());
        loop {
            for (begin, end) in parts {
                if begin < end && self.blocks(quiet.found, begin) {
                    whole = whole.max(quiet.check.saturating_add(end));
                }
            }
            let counted = quiet.sum > 0;
            if !counted && quiet.found == 0 || quiet.check == u64::MAX {
                return Time::from_nanos(whole).since(now);
            }
            self.pass_check(&mut quiet, state, counts);
            if counted {
                whole = whole.max(quiet.check);
            }
        }
    }

    /// Takes the cost of an attempt at `spent` out of the counts.
    pub fn refund(&self, state: &mut RateRuleState, counts: &mut [u32], spent: Time, cost: u64) {
        let end = state.check.saturating_add(self.check_every - 1);
        let back = end.saturating_sub(spent.nanos()) / self.check_every;
        let _ = state
            .segments
            .remove(counts, self.cells as usize, back, cost);
    }

    /// What may be counted before a check starts a block, or nothing in a
    /// block; and how long until there are neither counts nor blocks.
    pub fn inspect(&self, state: &RateRuleState, counts: &[u32], now: Time) -> Standing {
        let quiet = self.quiet_until(state, counts, now);
        let past = now.nanos().saturating_sub(quiet.check);
        let remaining = match self.blocks(quiet.found, past) {
            true => 0,
            false => self.limit.saturating_sub(quiet.sum),
        };
        let reset_after = self.reset(quiet, state, counts, now);
        Standing::of(self.limit.into(), remaining.into(), reset_after)
    }
}

#[cfg(test)]
mod tests;
