use std::fmt;
use std::ops::{Add, Mul};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::UnitError;

/// A length of time in whole nanoseconds, at most 584 years.
///
/// Parses sums of numbers with a unit (`"300s"`, `"1h 30min"`, `"1.5 s"`,
/// `"250ms"`, `"2d"`), and prints the shortest exact such text. Addition and
/// multiplication saturate.
///
/// ```
/// use ratelab::units::Span;
/// let span: Span = "1h 30min".parse().unwrap();
/// assert_eq!(span, Span::from_secs(5400));
/// assert_eq!(span.to_string(), "1h 30min");
/// assert!("300".parse::<Span>().unwrap_err().to_string().contains("unit"));
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Span(u64);

const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// The longest span.
    pub const MAX: Span = Span(u64::MAX);

    /// A span of whole nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Span {
        Span(nanos)
    }

    /// A span of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Span {
        Span(millis.saturating_mul(1_000_000))
    }

    /// A span of whole seconds.
    pub const fn from_secs(seconds: u64) -> Span {
        Span(seconds.saturating_mul(1_000_000_000))
    }

    /// The span nearest to a number of seconds; negative and not-a-number
    /// become zero, and too long saturates.
    pub fn from_secs_f64(seconds: f64) -> Span {
        Span((seconds * 1e9 + 0.5) as u64)
    }

    /// Whole nanoseconds.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Seconds, rounded to a double.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The difference, or zero if `other` is longer.
    pub const fn saturating_sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }

    /// The span rounded up to whole seconds, as a `Retry-After` header must be
    /// (RFC 9110, section 10.2.3).
    pub const fn ceil_secs(self) -> Span {
        Span::from_secs(self.0.div_ceil(1_000_000_000))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, factor: u64) -> Span {
        Span(self.0.saturating_mul(factor))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.pad("0s");
        }
        let mut text = String::new();
        let mut rest = self.0;
        for (name, size) in UNITS {
            if rest >= size {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(&format!("{}{name}", rest / size));
                rest %= size;
            }
        }
        f.pad(&text)
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Span, UnitError> {
        let expected = "expected a time with a unit, such as \"300s\", \"1h 30min\" or \"250ms\"";
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(UnitError(format!("an empty time; {expected}")));
        }
        if rest.starts_with('-') {
            return Err(UnitError(format!(
                "the time \"{text}\" is negative; {expected}"
            )));
        }
        let mut total: u128 = 0;
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
                .unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let after = after.trim_start();
            let letters = after
                .find(|c: char| !c.is_alphabetic())
                .unwrap_or(after.len());
            let (unit, next) = after.split_at(letters);
            if number.is_empty() {
                return Err(UnitError(format!("\"{text}\" is not a time; {expected}")));
            }
            if unit.is_empty() {
                return Err(UnitError(format!(
                    "the time \"{text}\" has no unit; {expected}"
                )));
            }
            let size = unit_size(unit).ok_or_else(|| {
                UnitError(format!(
                    "unknown unit of time \"{unit}\" in \"{text}\"; known are d, h, min, s, ms, us and ns"
                ))
            })?;
            total = scaled_decimal(number, u128::from(size))
                .and_then(|part| total.checked_add(part))
                .ok_or_else(|| UnitError(format!("\"{text}\" is not a time; {expected}")))?;
            rest = next.trim_start();
        }
        match u64::try_from(total) {
            Ok(nanos) => Ok(Span(nanos)),
            Err(_) => Err(UnitError(format!(
                "the time \"{text}\" is too long; the longest is 584 years"
            ))),
        }
    }
}

fn unit_size(name: &str) -> Option<u64> {
    let short = match name {
        "day" | "days" => "d",
        "hr" | "hour" | "hours" => "h",
        "m" | "mins" | "minute" | "minutes" => "min",
        "sec" | "secs" | "second" | "seconds" => "s",
        "msec" | "millis" | "millisecond" | "milliseconds" => "ms",
        "µs" | "μs" | "usec" | "microsecond" | "microseconds" => "us",
        "nanosecond" | "nanoseconds" => "ns",
        other => other,
    };
    UNITS
        .iter()
        .find(|(unit, _)| *unit == short)
        .map(|(_, size)| *size)
}

/// A decimal number times `scale`, rounded down to a whole number; `None` if
/// the text is not a decimal number or the product is beyond reach.
pub(super) fn scaled_decimal(number: &str, scale: u128) -> Option<u128> {
    let number = number.replace('_', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    if whole.is_empty() || fraction.contains('.') {
        return None;
    }
    let mut total = whole.parse::<u128>().ok()?.checked_mul(scale)?;
    let mut digit_scale = scale;
    for digit in fraction.chars() {
        digit_scale /= 10;
        total = total.checked_add(u128::from(digit.to_digit(10)?) * digit_scale)?;
    }
    Some(total)
}

impl TryFrom<String> for Span {
    type Error = UnitError;
    fn try_from(text: String) -> Result<Span, UnitError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_their_spans() {
        for (text, nanos) in [
            ("0s", 0),
            ("1ns", 1),
            ("250ms", 250_000_000),
            ("1.5 s", 1_500_000_000),
            ("0.1 h", 360_000_000_000),
            ("1h 30min", 5_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("2 days", 172_800_000_000_000),
            ("80 µs", 80_000),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.nanos(), nanos, "{text}");
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span, "{text}");
        }
    }

    #[test]
    fn texts_that_are_not_spans_say_why() {
        for (text, part) in [
            ("", "empty"),
            ("-5s", "negative"),
            ("300", "no unit"),
            ("5 parsecs", "unknown unit of time \"parsecs\""),
            ("s", "is not a time"),
            ("1..5s", "is not a time"),
            (
                "99999999999999999999999999999999999999999s",
                "is not a time",
            ),
            ("600000d", "too long"),
            ("NaN s", "is not a time"),
        ] {
            let message = text.parse::<Span>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn seconds_round_to_the_nearest_nanosecond_and_saturate() {
        assert_eq!(Span::from_secs_f64(1.4e-9).nanos(), 1);
        assert_eq!(Span::from_secs_f64(-1.0), Span::ZERO);
        assert_eq!(Span::from_secs_f64(f64::NAN), Span::ZERO);
        assert_eq!(Span::from_secs_f64(1e300), Span::MAX);
        assert_eq!(
            Span::from_nanos(1_000_000_001).ceil_secs(),
            Span::from_secs(2)
        );
    }
}
