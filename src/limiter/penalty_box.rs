//! Penalty box: a key that breaks a limit is locked out for a while.
//!
//! *Definition.* Attempts are judged by another limit. When it refuses one, the
//! key is locked: until `lock` has passed every attempt is refused, unseen by
//! the limit behind. With [`Lock::Extends`] an attempt during the lock starts
//! it anew, so that only a client that stays away gets out.
//!
//! *Edges.* One attempt too many costs the whole lock, which is often much
//! longer than the limit's own wait.
//!
//! *Which products.* Cloudflare's API: over 1200 calls in 5 minutes, all calls
//! are blocked for the next 5 minutes. fail2ban-style bans of gateways.
//!
//! *The wait told* by the refusal that locks is the longer of the lock and the
//! wait of the limit behind; during the lock it is what is left of the lock.
//!
//! *Refunds* go to the limit behind; a lock is never undone.
//!
//! 8 bytes per key on top of those of the limit behind.

use serde::{Deserialize, Serialize};

use super::{Decision, RuleError};
use crate::units::{Span, Time};

/// Whether an attempt during a lock starts it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Lock {
    /// It lasts from the refusal that caused it.
    #[default]
    Fixed,
    /// It lasts from the last attempt.
    Extends,
}

/// How long a key is locked out after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PenaltyBox {
    span: Span,
    lock: Lock,
}

/// Until when one key is locked out; the epoch if it is not.
pub type LockedUntil = Time;

impl PenaltyBox {
    /// A lock of `span` after each refusal.
    ///
    /// # Errors
    /// If `span` is zero.
    pub fn new(span: Span, lock: Lock) -> Result<PenaltyBox, RuleError> {
        match span.is_zero() {
            true => Err(RuleError::ZeroLock),
            false => Ok(PenaltyBox { span, lock }),
        }
    }

    /// Judges an attempt: by the lock, else by `behind`.
    #[inline]
    pub fn decide(
        &self,
        locked_until: &mut LockedUntil,
        now: Time,
        cost: u64,
        behind: impl FnOnce() -> Decision,
    ) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        if now < *locked_until {
            if self.lock == Lock::Extends {
                *locked_until = now + self.span;
            }
            return Decision::Refuse {
                retry_after: Some(locked_until.since(now)),
            };
        }
        match behind() {
            Decision::Refuse { retry_after } => {
                *locked_until = now + self.span;
                Decision::Refuse {
                    retry_after: retry_after.map(|wait| wait.max(self.span)),
                }
            }
            admitted => admitted,
        }
    }

    /// How much longer a key is locked out.
    pub fn remaining(locked_until: LockedUntil, now: Time) -> Span {
        locked_until.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One per ten seconds behind a lock of a minute.
    fn run(lock: Lock, seconds: &[u64]) -> String {
        let penalty = PenaltyBox::new(Span::from_secs(60), lock).unwrap();
        let (mut until, mut free_at) = (Time::EPOCH, Time::EPOCH);
        let mut answers = String::new();
        for second in seconds {
            let now = Time::from_secs(*second);
            let decision = penalty.decide(&mut until, now, 1, || {
                if now < free_at {
                    let retry_after = Some(free_at.since(now));
                    return Decision::Refuse { retry_after };
                }
                free_at = now + Span::from_secs(10);
                Decision::Admit
            });
            answers.push(if decision.is_admit() { 'A' } else { 'D' });
        }
        answers
    }

    #[test]
    fn a_refusal_locks_the_key() {
        let seconds = [0, 5, 20, 64, 65];
        assert_eq!(run(Lock::Fixed, &seconds), "ADDDA");
        assert_eq!(run(Lock::Extends, &seconds), "ADDDD");
        assert_eq!(run(Lock::Extends, &[0, 5, 65]), "ADA");
    }

    #[test]
    fn the_longer_wait_is_told() {
        let penalty = PenaltyBox::new(Span::from_secs(60), Lock::Fixed).unwrap();
        let refused = |wait: Option<u64>| {
            let mut until = Time::EPOCH;
            let retry_after = wait.map(Span::from_secs);
            let now = Time::from_secs(100);
            penalty.decide(&mut until, now, 1, || Decision::Refuse { retry_after })
        };
        for (wait, told) in [(Some(10), Some(60)), (Some(90), Some(90)), (None, None)] {
            let retry_after = told.map(Span::from_secs);
            assert_eq!(refused(wait), Decision::Refuse { retry_after });
        }
        assert!(PenaltyBox::new(Span::ZERO, Lock::Fixed).is_err());
    }
}
