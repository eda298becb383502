//! Times at which tokens of any rate come, without rounding.
//!
//! With a rate of `events / per` in lowest terms a token takes `per` parts of
//! `1 / events` nanoseconds, so a bucket's state in nanoseconds and such parts
//! is exact and does not drift at any rate.

use crate::units::{Rate, Span, Time};

/// A time in whole nanoseconds and parts of `1 / events` nanoseconds, where
/// `events` is that of the rate, and there are fewer parts than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Exact {
    pub(super) nanos: u64,
    pub(super) part: u64,
}

impl Exact {
    pub(super) const fn whole(nanos: u64) -> Exact {
        Exact { nanos, part: 0 }
    }

    /// The time that so many tokens take, if that is less than 584 years.
    pub(super) fn of_tokens(rate: Rate, tokens: u64) -> Option<Exact> {
        let parts = u128::from(rate.per().nanos()) * u128::from(tokens);
        let events = u128::from(rate.events());
        Some(Exact {
            nanos: u64::try_from(parts / events).ok()?,
            part: u64::try_from(parts % events).ok()?,
        })
    }

    /// How many tokens come in this time, which is at most that of a bucket.
    pub(super) fn tokens(self, rate: Rate) -> u64 {
        let parts = u128::from(self.nanos) * u128::from(rate.events()) + u128::from(self.part);
        u64::try_from(parts / u128::from(rate.per().nanos())).unwrap_or(u64::MAX)
    }

    /// Orders as the pair does, in one comparison without a branch.
    pub(super) fn key(self) -> u128 {
        u128::from(self.nanos) << 64 | u128::from(self.part)
    }

    /// From `now` to this moment, or nothing if it has passed.
    pub(super) fn from(self, now: Time) -> Exact {
        match self.nanos.checked_sub(now.nanos()) {
            Some(nanos) => Exact { nanos, ..self },
            None => Exact::default(),
        }
    }

    pub(super) fn plus(self, other: Exact, events: u64) -> Option<Exact> {
        let carry = self.part >= events - other.part;
        let sum = self.part.wrapping_add(other.part);
        let nanos = self.nanos.checked_add(other.nanos)?;
        Some(Exact {
            nanos: nanos.checked_add(u64::from(carry))?,
            part: sum.wrapping_sub(events * u64::from(carry)),
        })
    }

    /// The difference; `other` must not be more.
    pub(super) fn minus(self, other: Exact, events: u64) -> Exact {
        let borrow = self.part < other.part;
        let difference = self.part.wrapping_sub(other.part);
        Exact {
            nanos: self.nanos - other.nanos - u64::from(borrow),
            part: difference.wrapping_add(events * u64::from(borrow)),
        }
    }

    /// The difference, or nothing if `other` is more.
    pub(super) fn minus_or_zero(self, other: Exact, events: u64) -> Exact {
        match other <= self {
            true => self.minus(other, events),
            false => Exact::default(),
        }
    }

    /// The first whole nanosecond not before the moment `other` earlier.
    pub(super) fn nanos_beyond(self, other: Exact, events: u64) -> u64 {
        self.minus_or_zero(other, events).round_up().nanos()
    }

    /// The least whole span that is not shorter.
    pub(super) fn round_up(self) -> Span {
        Span::from_nanos(self.nanos.saturating_add(u64::from(self.part > 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_carry_into_whole_nanoseconds() {
        let exact = |nanos, part| Exact { nanos, part };
        for (a, b, events, sum) in [
            (exact(1, 2), exact(3, 4), 7, exact(4, 6)),
            (exact(1, 3), exact(3, 4), 7, exact(5, 0)),
            (exact(1, 6), exact(3, 6), 7, exact(5, 5)),
            (exact(1, u64::MAX - 1), exact(0, 2), u64::MAX, exact(2, 1)),
            (exact(1, 0), exact(2, 0), 1, exact(3, 0)),
        ] {
            assert_eq!(a.plus(b, events), Some(sum));
            assert_eq!(sum.minus(a, events), b);
            assert_eq!(sum.minus(b, events), a);
        }
        assert_eq!(exact(u64::MAX, 1).plus(exact(0, 1), 2), None);
    }
}
