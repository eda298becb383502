//! Fields of a row other than its time.

use super::moment::{TimeUnit, nanos_of_decimal};
use crate::units::Span;

/// How an attempt of a trace ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// It was answered, well.
    #[default]
    Success,
    /// It was answered, badly.
    Failure,
    /// It was not answered.
    Dropped,
}

pub(super) const EXPECTED_COST: &str = "a whole number from 0 on";
pub(super) const EXPECTED_COUNT: &str = "a whole number from 0 to 4294967295";
pub(super) const EXPECTED_DURATION: &str = "a number from 0 on, of seconds unless the header tells another unit, or a span such as 50ms, at most 584 years";
pub(super) const EXPECTED_OUTCOME: &str = "ok, success or true; fail, failure, error or false; drop, dropped or timeout; or an HTTP status from 100 to 599";

impl Outcome {
    /// Of a word in any case, or an HTTP status.
    pub(super) fn read(text: &[u8]) -> Option<Outcome> {
        if text.first()?.is_ascii_digit() {
            return match whole(text)? {
                100..400 => Some(Outcome::Success),
                400..600 => Some(Outcome::Failure),
                _ => None,
            };
        }
        const WORDS: [(Outcome, &[&str]); 3] = [
            (Outcome::Success, &["ok", "success", "true"]),
            (Outcome::Failure, &["fail", "failure", "error", "false"]),
            (Outcome::Dropped, &["drop", "dropped", "timeout"]),
        ];
        let means = |words: &&[&str]| {
            words
                .iter()
                .any(|word| word.as_bytes().eq_ignore_ascii_case(text))
        };
        let mut all = WORDS.iter();
        all.find(|(_, words)| means(words))
            .map(|(outcome, _)| *outcome)
    }
}

/// A whole number of digits alone.
#[inline]
pub(super) fn whole(text: &[u8]) -> Option<u64> {
    text.first()?;
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        value.checked_mul(10)?.checked_add(digit.into())
    })
}

/// A number of `unit`, or a span with its own unit.
#[inline]
pub(super) fn duration(text: &[u8], unit: TimeUnit) -> Option<Span> {
    if let Some(nanos) = nanos_of_decimal(text, unit) {
        return Some(Span::from_nanos(nanos));
    }
    // One number with a short unit is told without the general reader, which
    // allocates.
    let letters = text.iter().position(u8::is_ascii_alphabetic)?;
    let (number, name) = text.split_at(letters);
    let own_unit = match name {
        b"s" => Some(TimeUnit::Seconds),
        b"ms" => Some(TimeUnit::Milliseconds),
        b"us" => Some(TimeUnit::Microseconds),
        b"ns" => Some(TimeUnit::Nanoseconds),
        _ => None,
    };
    let nanos = own_unit.and_then(|unit| nanos_of_decimal(number.trim_ascii_end(), unit));
    let general = || std::str::from_utf8(text).ok()?.parse().ok();
    nanos.map(Span::from_nanos).or_else(general)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn outcomes() {
        use Outcome::{Dropped, Failure, Success};
        for (text, expected) in [
            ("ok", Some(Success)),
            ("Success", Some(Success)),
            ("TRUE", Some(Success)),
            ("fail", Some(Failure)),
            ("failure", Some(Failure)),
            ("error", Some(Failure)),
            ("false", Some(Failure)),
            ("drop", Some(Dropped)),
            ("dropped", Some(Dropped)),
            ("Timeout", Some(Dropped)),
            ("100", Some(Success)),
            ("304", Some(Success)),
            ("399", Some(Success)),
            ("400", Some(Failure)),
            ("599", Some(Failure)),
            ("99", None),
            ("600", None),
            ("200 OK", None),
            ("yes", None),
            ("", None),
        ] {
            assert_eq!(Outcome::read(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn whole_numbers() {
        assert_eq!(whole(b"0"), Some(0));
        assert_eq!(whole(b"18446744073709551615"), Some(u64::MAX));
        for text in ["", "+1", "-1", "1.0", "1e3", "18446744073709551616", " 1"] {
            assert_eq!(whole(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        let seconds = TimeUnit::Seconds;
        for (text, unit, expected) in [
            ("1.5", seconds, Some(1_500_000_000)),
            ("1.5", TimeUnit::Milliseconds, Some(1_500_000)),
            ("50ms", seconds, Some(50_000_000)),
            ("50ms", TimeUnit::Nanoseconds, Some(50_000_000)),
            ("1.5 s", seconds, Some(1_500_000_000)),
            ("1min 30s", seconds, Some(90_000_000_000)),
            ("80 µs", seconds, Some(80_000)),
            ("-1", seconds, None),
            ("-50ms", seconds, None),
            ("1e3", seconds, None),
            ("NaN", seconds, None),
            ("99999999999", seconds, None),
            ("99999999999s", seconds, None),
            ("long", seconds, None),
        ] {
            let found = duration(text.as_bytes(), unit).map(Span::nanos);
            assert_eq!(found, expected, "{text} {unit:?}");
        }
    }

    proptest! {
        #[test]
        fn the_fast_reader_of_spans_agrees_with_the_general_one(
            number in "[0-9]{1,12}(\\.[0-9]{1,10})?",
            unit in "( )?(s|ms|us|ns|min|h|x)",
        ) {
            let text = format!("{number}{unit}");
            prop_assert_eq!(duration(text.as_bytes(), TimeUnit::Seconds), text.parse().ok());
        }
    }
}
