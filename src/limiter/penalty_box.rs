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
//! *The wait told* is until the first moment, from the end of the lock on, at which
//! the limit behind would admit the attempt: before it, an attempt would only
//! start another lock. For one that would never pass there is none, during a lock
//! as well. *Reset* is when the lock has ended and the budget behind is whole.
//!
//! *Refunds* go to the limit behind; a lock is never undone.
//!
//! 8 bytes per key on top of those of the limit behind.

use serde::{Deserialize, Serialize};

use super::decision::Decision;
use super::error::RuleError;
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

/// Until when one key is locked out; the epoch if it never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LockState {
    locked_until: Time,
}

impl LockState {
    /// The end of the lock, which may be over.
    pub(super) fn end(&self) -> Time {
        self.locked_until
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

    /// Judges an attempt: by the lock, else by `behind`. `None` is a refusal, and
    /// the lock, which it may have begun or drawn out, tells how long to wait.
    #[inline]
    pub(super) fn decide(
        &self,
        state: &mut LockState,
        now: Time,
        cost: u64,
        behind: impl FnOnce() -> Decision,
    ) -> Option<Decision> {
        if cost == 0 {
            return Some(Decision::Admit);
        }
        if now < state.locked_until {
            if self.lock == Lock::Extends {
                state.locked_until = now + self.span;
            }
            return None;
        }
        let decision = behind();
        if decision.is_admit() {
            return Some(decision);
        }
        state.locked_until = now + self.span;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bank, FixedWindow, Ramp, Refused, Rule};
    use super::*;
    use crate::limiter::Anchor;

    /// A box in front of one per 10 seconds, anchored.
    fn banks(lock: Lock, seconds: u64) -> Bank {
        let window = Span::from_secs(10);
        let window = FixedWindow::new(1, window, Anchor::FirstRequest, Refused::Free).unwrap();
        let penalty = PenaltyBox::new(Span::from_secs(seconds), lock).unwrap();
        Bank::penalty_box(penalty, Bank::uniform(Rule::FixedWindow(window), 1))
    }

    fn ask(bank: &mut Bank, second: u64, cost: u64) -> Decision {
        bank.decide(0, Time::from_secs(second), cost)
    }

    fn refused(wait: Option<u64>) -> Decision {
        Decision::Refuse {
            retry_after: wait.map(Span::from_secs),
        }
    }

    #[test]
    fn a_refusal_locks_the_key() {
        for (lock, seconds, answers) in [
            (Lock::Fixed, &[0, 5, 20, 64, 65][..], "ADDDA"),
            (Lock::Extends, &[0, 5, 20, 64, 65], "ADDDD"),
            (Lock::Extends, &[0, 5, 65], "ADA"),
        ] {
            let mut bank = banks(lock, 60);
            let answer = |second| match ask(&mut bank, second, 1).is_admit() {
                true => 'A',
                false => 'D',
            };
            let spelt: String = seconds.iter().copied().map(answer).collect();
            assert_eq!(spelt, answers, "{lock:?} {seconds:?}");
        }
    }

    #[test]
    fn the_longer_wait_is_told_and_none_for_what_never_fits() {
        let mut short = banks(Lock::Fixed, 4);
        assert!(ask(&mut short, 100, 1).is_admit());
        assert_eq!(ask(&mut short, 101, 1), refused(Some(9)));
        assert_eq!(ask(&mut short, 102, 1), refused(Some(8)));
        assert_eq!(ask(&mut short, 102, 2), refused(None), "during the lock");
        let mut long = banks(Lock::Extends, 60);
        assert_eq!(ask(&mut long, 100, 2), refused(None));
        assert_eq!(ask(&mut long, 101, 2), refused(None));
        // A lock that something begins which never fits is one for all.
        assert_eq!(ask(&mut long, 102, 1), refused(Some(60)));
        assert!(PenaltyBox::new(Span::ZERO, Lock::Fixed).is_err());
    }

    #[test]
    fn a_quota_that_shrinks_below_an_attempt_during_the_lock_is_never() {
        let second = Span::from_secs(1);
        let ramp = Ramp::new(4, second, 50, second * 30, 1).unwrap();
        let penalty = PenaltyBox::new(second * 100, Lock::Fixed).unwrap();
        let mut bank = Bank::penalty_box(penalty, Bank::uniform(Rule::Ramp(ramp), 1));
        assert!(ask(&mut bank, 100, 4).is_admit());
        assert_eq!(ask(&mut bank, 100, 1), refused(Some(100)));
        assert_eq!(ask(&mut bank, 101, 2), refused(None));
    }
}
