//! Consecutive errors: a key is locked out after so many failures in a row.
//!
//! *Definition.* Attempts are admitted while the key is not locked. Each one
//! that ends badly adds to a streak, each that ends well breaks it; the
//! `limit`-th failure in a row locks the key for `lock` and starts a new
//! streak. The caller tells how an attempt ended ([`observe`]).
//!
//! *Edges.* What was under way when the lock began still ends, and counts. A
//! client that fails every time, with a revoked token for instance, is let
//! through `limit` times per `lock`.
//!
//! *Which products.* Login and token endpoints; Home Connect (ten error
//! answers in a row block a client for ten minutes); outlier ejection in
//! Envoy (five server errors in a row), seen from one host.
//!
//! *Refused attempts* leave the streak alone. There is nothing to refund.
//!
//! 16 bytes per key.
//!
//! [`observe`]: ConsecutiveErrors::observe

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Standing};
use super::error::RuleError;
use super::profile::Profile;
use super::quota::KeySize;
use crate::units::{Span, Time};

/// At most so many failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsecutiveErrors {
    limit: u32,
    lock: Span,
}

/// The streak of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Streak {
    locked_until: Time,
    failures: u32,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "ConsecutiveErrors", deny_unknown_fields)]
pub struct Params {
    /// Failures in a row.
    pub limit: u32,
    /// The length of the lock.
    pub lock: Span,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, _: KeySize) -> Result<ConsecutiveErrors, RuleError> {
        ConsecutiveErrors::new(self.limit, self.lock)
    }

    /// What is known of it.
    pub(super) fn profile(&self, _: KeySize) -> Profile<'_> {
        Profile {
            tells_quota: false,
            longest_wait: self.lock,
            ..Profile::at_once(f64::INFINITY, u64::MAX)
        }
    }
}

impl ConsecutiveErrors {
    /// A lock of `lock` after `limit` failures in a row.
    ///
    /// # Errors
    /// If either is zero.
    pub fn new(limit: u32, lock: Span) -> Result<ConsecutiveErrors, RuleError> {
        if limit == 0 {
            return Err(RuleError::ZeroQuota);
        }
        if lock.is_zero() {
            return Err(RuleError::ZeroLock);
        }
        Ok(ConsecutiveErrors { limit, lock })
    }

    /// Judges an attempt.
    #[inline]
    pub fn decide(&self, streak: &Streak, now: Time, cost: u64) -> Decision {
        let wait = streak.locked_until.since(now);
        if cost == 0 || wait.is_zero() {
            return Decision::Admit;
        }
        Decision::Refuse {
            retry_after: Some(wait),
        }
    }

    /// Notes how an admitted attempt has ended.
    pub fn observe(&self, streak: &mut Streak, now: Time, success: bool) {
        if success {
            streak.failures = 0;
            return;
        }
        streak.failures += 1;
        if streak.failures >= self.limit {
            streak.failures = 0;
            streak.locked_until = streak.locked_until.max(now + self.lock);
        }
    }

    /// The failures that are still allowed, and how long the lock lasts. After a
    /// failure no time is told: only a success ends a streak. No quota is told
    /// either, since failures are counted and not what attempts cost.
    pub fn inspect(&self, streak: &Streak, now: Time) -> Standing {
        let reset_after = streak.locked_until.since(now);
        Standing {
            quota: None,
            remaining: Some(match reset_after.is_zero() {
                true => u64::from(self.limit - streak.failures),
                false => 0,
            }),
            reset_after: (streak.failures == 0).then_some(reset_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_lock_and_a_success_breaks_the_row() {
        let rule = ConsecutiveErrors::new(3, Span::from_secs(60)).unwrap();
        let mut streak = Streak::default();
        let at = Time::from_secs;
        for (second, success) in [(0, false), (1, false), (2, true), (3, false), (4, false)] {
            assert!(rule.decide(&streak, at(second), 1).is_admit());
            rule.observe(&mut streak, at(second), success);
        }
        assert_eq!(rule.inspect(&streak, at(4)).left(), 1);
        rule.observe(&mut streak, at(5), false);
        let retry_after = Some(Span::from_secs(59));
        assert_eq!(
            rule.decide(&streak, at(6), 1),
            Decision::Refuse { retry_after }
        );
        assert!(rule.decide(&streak, at(65), 1).is_admit());
        // A late failure of before the lock counts towards the next.
        rule.observe(&mut streak, at(7), false);
        assert_eq!(rule.inspect(&streak, at(65)).left(), 2);
    }

    #[test]
    fn the_end_of_time_is_no_trouble() {
        let rule = ConsecutiveErrors::new(1, Span::MAX).unwrap();
        let mut streak = Streak::default();
        rule.observe(&mut streak, Time::MAX, false);
        assert!(!rule.decide(&streak, Time::EPOCH, u64::MAX).is_admit());
        assert!(ConsecutiveErrors::new(0, Span::MAX).is_err());
        assert!(ConsecutiveErrors::new(1, Span::ZERO).is_err());
    }
}
