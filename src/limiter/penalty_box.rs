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
//! *The wait told* is until the end of the lock or, if that is later, until the
//! moment that the limit behind told when it refused: an attempt between the two
//! would only start another lock. It is that of the attempt that caused the lock,
//! whatever later ones cost; for one that would never pass there is none.
//!
//! *Refunds* go to the limit behind; a lock is never undone.
//!
//! 16 bytes per key on top of those of the limit behind.

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

/// Until when one key is locked out, and when it may hope to get through; both
/// are the epoch if it is not locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LockState {
    locked_until: Time,
    admitted_at: Time,
}

impl LockState {
    /// How much longer the key is locked out.
    pub(super) fn remaining(&self, now: Time) -> Span {
        self.locked_until.since(now)
    }
}

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
        state: &mut LockState,
        now: Time,
        cost: u64,
        behind: impl FnOnce() -> Decision,
    ) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        if now < state.locked_until {
            if self.lock == Lock::Extends {
                state.locked_until = now + self.span;
            }
        } else {
            match behind() {
                Decision::Refuse { retry_after } => {
                    state.locked_until = now + self.span;
                    state.admitted_at = retry_after.map_or(Time::EPOCH, |wait| now + wait);
                    if retry_after.is_none() {
                        return Decision::Refuse { retry_after };
                    }
                }
                admitted => return admitted,
            }
        }
        let told = state.locked_until.max(state.admitted_at);
        Decision::Refuse {
            retry_after: Some(told.since(now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One per ten seconds behind a lock of a minute.
    fn run(lock: Lock, seconds: &[u64]) -> String {
        let penalty = PenaltyBox::new(Span::from_secs(60), lock).unwrap();
        let (mut state, mut free_at) = (LockState::default(), Time::EPOCH);
        let mut answers = String::new();
        for second in seconds {
            let now = Time::from_secs(*second);
            let decision = penalty.decide(&mut state, now, 1, || {
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
    fn the_longer_wait_is_told_also_during_the_lock() {
        let penalty = PenaltyBox::new(Span::from_secs(60), Lock::Fixed).unwrap();
        for (wait, told, later) in [
            (Some(10), Some(60), Some(50)),
            (Some(90), Some(90), Some(80)),
            (None, None, Some(50)),
        ] {
            let mut state = LockState::default();
            let mut ask = |seconds| {
                let retry_after = wait.map(Span::from_secs);
                let refuse = || Decision::Refuse { retry_after };
                penalty.decide(&mut state, Time::from_secs(seconds), 1, refuse)
            };
            let refused = |wait: Option<u64>| Decision::Refuse {
                retry_after: wait.map(Span::from_secs),
            };
            assert_eq!(ask(100), refused(told));
            assert_eq!(ask(110), refused(later));
        }
        assert!(PenaltyBox::new(Span::ZERO, Lock::Fixed).is_err());
    }
}
