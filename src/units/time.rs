use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

use super::Span;

/// A moment, in whole nanoseconds since the Unix epoch (1970 to 2554).
///
/// Simulated time is counted from the epoch too, so that a window that a
/// server aligns to the epoch needs no offset. Arithmetic saturates.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(u64);

impl Time {
    /// The Unix epoch, the earliest moment.
    pub const EPOCH: Time = Time(0);
    /// The latest moment.
    pub const MAX: Time = Time(u64::MAX);

    /// The moment that many nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// The moment that many milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Time {
        Time(millis.saturating_mul(1_000_000))
    }

    /// The moment that many seconds after the epoch.
    pub const fn from_secs(seconds: u64) -> Time {
        Time(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The span from `earlier` to here, or zero if `earlier` is later.
    pub const fn since(self, earlier: Time) -> Span {
        Span::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The latest multiple of `window`, counted from the epoch, that is not
    /// after this moment. A window of no length leaves the moment as it is.
    pub const fn align_down(self, window: Span) -> Time {
        match self.0.checked_rem(window.nanos()) {
            Some(past) => Time(self.0 - past),
            None => self,
        }
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.nanos()))
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.nanos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Time::MAX + Span::from_secs(1), Time::MAX);
        assert_eq!(Time::EPOCH - Span::from_secs(1), Time::EPOCH);
        assert_eq!(Time::EPOCH.since(Time::MAX), Span::ZERO);
    }

    #[test]
    fn windows_are_aligned_to_the_epoch() {
        // envoyproxy/ratelimit: now 1234 s, a minute's window starts at 1200 s.
        let now = Time::from_secs(1234);
        assert_eq!(now.align_down(Span::from_secs(60)), Time::from_secs(1200));
        assert_eq!(now.align_down(Span::ZERO), now);
    }
}
