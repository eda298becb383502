use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// The most calls that a sender makes each time.
pub(super) const MAX_CALLS: u32 = 1000;

/// How many requests a sender makes each time: a refresh of a home that takes
/// nine calls, a start of a program that takes five.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Calls {
    /// So many, all in the same moment.
    AtOnce(NonZeroU32),
    /// So many, each when the one before has ended, however that ended.
    InTurn(NonZeroU32),
    /// So many in turn, unless one fails: then the others are not made.
    UntilFailure(NonZeroU32),
}

impl Default for Calls {
    fn default() -> Calls {
        Calls::AtOnce(NonZeroU32::MIN)
    }
}

impl Calls {
    /// How many there are, if none fails.
    pub fn count(self) -> u32 {
        match self {
            Calls::AtOnce(count) | Calls::InTurn(count) | Calls::UntilFailure(count) => count.get(),
        }
    }

    /// How many begin in the first moment.
    pub fn at_first(self) -> u32 {
        match self {
            Calls::AtOnce(count) => count.get(),
            Calls::InTurn(_) | Calls::UntilFailure(_) => 1,
        }
    }

    /// The number of the request that follows request `number` of a sender when
    /// that has ended; requests are numbered through, so many each time.
    pub fn next(self, number: u32, has_failed: bool) -> Option<u32> {
        let count = match self {
            Calls::AtOnce(_) => return None,
            Calls::UntilFailure(_) if has_failed => return None,
            Calls::InTurn(count) | Calls::UntilFailure(count) => count.get(),
        };
        (number % count + 1 < count).then(|| number + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::text::parse;

    #[test]
    fn calls_follow_each_other_up_to_their_number() {
        for (text, at_first, after_success, after_failure) in [
            ("AtOnce(3)", 3, [None; 3], [None; 3]),
            (
                "InTurn(3)",
                1,
                [Some(7), Some(8), None],
                [Some(7), Some(8), None],
            ),
            ("UntilFailure(3)", 1, [Some(7), Some(8), None], [None; 3]),
            ("InTurn(1)", 1, [None; 3], [None; 3]),
        ] {
            let calls: Calls = parse(text).unwrap();
            assert_eq!(calls.at_first(), at_first, "{text}");
            // The third time, whose requests are 6, 7 and 8.
            let next = |failed| [6, 7, 8].map(|number| calls.next(number, failed));
            assert_eq!(next(false), after_success, "{text}");
            assert_eq!(next(true), after_failure, "{text}");
        }
    }
}
