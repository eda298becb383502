use std::str::FromStr;

use super::UnitError;

/// A set of days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays {
    /// Bit d: the day d, from Monday, which is 0.
    bits: u8,
}

const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

impl Weekdays {
    /// All seven.
    pub const ALL: Weekdays = Weekdays { bits: 0x7f };

    /// Whether a day is one of them; Monday is 0.
    pub fn contains(self, day: u8) -> bool {
        self.bits >> day & 1 == 1
    }
}

impl FromStr for Weekdays {
    type Err = UnitError;

    /// Reads a list such as `"Sat Sun"`, `"Mon..Fri"` or `"Mon, Wed..Fri"`.
    fn from_str(text: &str) -> Result<Weekdays, UnitError> {
        let fail = || {
            let days = NAMES.join(", ");
            UnitError(format!(
                "\"{text}\" is no list of days; expected some of {days}, or Mon..Fri"
            ))
        };
        let day = |name: &str| {
            let named = NAMES
                .iter()
                .position(|known| known.eq_ignore_ascii_case(name));
            named.ok_or_else(fail)
        };
        let mut bits = 0;
        for part in text.split([' ', ',']).filter(|part| !part.is_empty()) {
            let (from, to) = match part.split_once("..") {
                Some((from, to)) => (day(from)?, day(to)?),
                None => (day(part)?, day(part)?),
            };
            let days = (to + 7 - from) % 7;
            for after in 0..=days {
                bits |= 1 << ((from + after) % 7);
            }
        }
        match bits {
            0 => Err(fail()),
            bits => Ok(Weekdays { bits }),
        }
    }
}
