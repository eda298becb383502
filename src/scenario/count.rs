//! The names of what a run counts. Records are keyed by them, and estimands
//! are told in them, so that neither knows of the other.

/// What is counted of the requests of one stream that start in one segment of
/// the measured span, whenever it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Count {
    /// Requests.
    Requests,
    /// Requests whose first attempt was refused with a 429.
    First429,
    /// Requests with an attempt that was refused with a 429.
    Any429,
    /// Requests with an attempt that was refused with any status.
    AnyRefusal,
    /// Requests that succeeded: the client heard so.
    Succeeded,
    /// Requests whose client gave up.
    GivenUp,
    /// Requests that had neither succeeded nor been given up when the run ended.
    Unfinished,
    /// Requests that the server carried out, whether their client heard of it
    /// or not.
    Executed,
    /// Requests that the server carried out more than once.
    ExecutedAgain,
    /// Requests with a deadline that were not carried out by it.
    Undone,
    /// Requests with a deadline whose client had not heard of a success by it.
    Unconfirmed,
    /// Polls that were skipped because the one before had not ended, by the
    /// requests that they would have been.
    Skipped,
    /// Attempts.
    Attempts,
    /// Attempts that timed out at the client.
    TimedOut,
    /// Times that a device was woken.
    Wakeups,
    /// Requests that were given up since a guard of their client let no attempt be
    /// made.
    Dropped,
}

impl Count {
    /// All of them, in the order of the enum.
    pub const ALL: [Count; 16] = {
        use Count::*;
        [
            Requests,
            First429,
            Any429,
            AnyRefusal,
            Succeeded,
            GivenUp,
            Unfinished,
            Executed,
            ExecutedAgain,
            Undone,
            Unconfirmed,
            Skipped,
            Attempts,
            TimedOut,
            Wakeups,
            Dropped,
        ]
    };

    /// The name that files have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Count::Requests => "requests",
            Count::First429 => "first_429",
            Count::Any429 => "any_429",
            Count::AnyRefusal => "any_refusal",
            Count::Succeeded => "succeeded",
            Count::GivenUp => "given_up",
            Count::Unfinished => "unfinished",
            Count::Executed => "executed",
            Count::ExecutedAgain => "executed_again",
            Count::Undone => "undone",
            Count::Unconfirmed => "unconfirmed",
            Count::Skipped => "skipped",
            Count::Attempts => "attempts",
            Count::TimedOut => "timed_out",
            Count::Wakeups => "wakeups",
            Count::Dropped => "dropped",
        }
    }
}

/// What is counted at one gate in one segment of the measured span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GateCount {
    /// Visits that got a permit.
    Entered,
    /// Those that had waited for it.
    EnteredAfterWait,
    /// Nanoseconds that they had waited.
    Waited,
    /// Visits that found neither a permit nor room to wait.
    Full,
    /// Visits whose wait ended without a permit.
    WaitEnded,
    /// Permit-nanoseconds in use.
    Inside,
    /// The most visits inside at a time.
    PeakInside,
    /// The most visits waiting at a time.
    PeakWaiting,
}

impl GateCount {
    /// All of them, in the order of the enum.
    pub const ALL: [GateCount; 8] = {
        use GateCount::*;
        [
            Entered,
            EnteredAfterWait,
            Waited,
            Full,
            WaitEnded,
            Inside,
            PeakInside,
            PeakWaiting,
        ]
    };

    /// Whether that of a span is the greatest of its parts, and not their sum.
    pub const fn is_peak(self) -> bool {
        matches!(self, GateCount::PeakInside | GateCount::PeakWaiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_the_order_of_the_enums() {
        for (index, count) in Count::ALL.into_iter().enumerate() {
            assert_eq!(count as usize, index);
        }
        for (index, count) in GateCount::ALL.into_iter().enumerate() {
            assert_eq!(count as usize, index);
        }
    }
}
