use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::span::scaled_decimal;
use super::{Span, UnitError};

/// An exact rate: a whole number of events per span, in lowest terms.
///
/// Parses `"8/s"`, `"0.8/s"`, `"60/min"`, `"400/10s"` and `"400 per 10 s"`.
///
/// ```
/// use ratelab::units::{Rate, Span};
/// let rate: Rate = "400/10s".parse().unwrap();
/// assert_eq!((rate.events(), rate.per()), (1, Span::from_millis(25)));
/// assert_eq!(rate.to_string(), "40/s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    events: u64,
    per: Span,
}

impl Rate {
    /// `events` per `per`, reduced to lowest terms; `None` if either is zero.
    pub fn new(events: u64, per: Span) -> Option<Rate> {
        if events == 0 || per.is_zero() {
            return None;
        }
        let divisor = greatest_common_divisor(events, per.nanos());
        Some(Rate {
            events: events / divisor,
            per: Span::from_nanos(per.nanos() / divisor),
        })
    }

    /// The whole number of events in [`per`](Rate::per); at least 1.
    pub const fn events(self) -> u64 {
        self.events
    }

    /// The span in which [`events`](Rate::events) happen; never zero.
    pub const fn per(self) -> Span {
        self.per
    }

    /// Events per second.
    pub fn per_sec(self) -> f64 {
        self.events as f64 / self.per.secs_f64()
    }

    /// The mean time between two events, in seconds.
    pub fn mean_interval_secs(self) -> f64 {
        self.per.secs_f64() / self.events as f64
    }
}

const fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Rate, UnitError> {
        let expected = "expected a number per time, such as \"8/s\", \"60/min\" or \"400/10s\"";
        let fail = || UnitError(format!("\"{text}\" is not a rate; {expected}"));
        let (number, per) = text
            .split_once('/')
            .or_else(|| text.split_once(" per "))
            .ok_or_else(fail)?;
        let (number, per) = (number.trim(), per.trim());
        if number.starts_with('-') {
            return Err(UnitError(format!(
                "the rate \"{text}\" is negative; {expected}"
            )));
        }
        let per: Span = if per.starts_with(|c: char| c.is_ascii_digit()) {
            per.parse()?
        } else {
            format!("1{per}").parse()?
        };
        let decimals = number.split_once('.').map_or(0, |(_, digits)| digits.len());
        let scale = u32::try_from(decimals)
            .ok()
            .and_then(|digits| 10_u64.checked_pow(digits))
            .ok_or_else(fail)?;
        let events = scaled_decimal(number, u128::from(scale))
            .and_then(|events| u64::try_from(events).ok())
            .ok_or_else(fail)?;
        // Reduce the fraction before the span is scaled, to keep it in range.
        let divisor = greatest_common_divisor(events.max(1), scale);
        let per = per
            .nanos()
            .checked_mul(scale / divisor)
            .ok_or_else(|| UnitError(format!("the rate \"{text}\" is too low; {expected}")))?;
        Rate::new(events / divisor, Span::from_nanos(per)).ok_or_else(|| {
            UnitError(format!(
                "the rate \"{text}\" must be more than zero; {expected}"
            ))
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, nanos) in [
            ("s", 1_000_000_000_u64),
            ("min", 60_000_000_000),
            ("h", 3_600_000_000_000),
            ("d", 86_400_000_000_000),
        ] {
            if nanos % self.per.nanos() == 0
                && let Some(events) = self.events.checked_mul(nanos / self.per.nanos())
            {
                return f.pad(&format!("{events}/{name}"));
            }
        }
        f.pad(&format!("{}/{}", self.events, self.per))
    }
}

impl TryFrom<String> for Rate {
    type Error = UnitError;
    fn try_from(text: String) -> Result<Rate, UnitError> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> String {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_their_rates() {
        for (text, events, per, printed) in [
            ("8/s", 1, 125_000_000, "8/s"),
            ("0.8/s", 1, 1_250_000_000, "48/min"),
            ("60/min", 1, 1_000_000_000, "1/s"),
            ("3 per 10 s", 3, 10_000_000_000, "18/min"),
            ("100/day", 1, 864_000_000_000, "100/d"),
            ("7/3s", 7, 3_000_000_000, "140/min"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.events(), rate.per().nanos()), (events, per), "{text}");
            assert_eq!(rate.to_string(), printed);
            assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
        }
    }

    #[test]
    fn texts_that_are_not_rates_say_why() {
        for (text, part) in [
            ("8", "is not a rate"),
            ("-1/s", "negative"),
            ("0/s", "more than zero"),
            ("1/parsec", "unknown unit of time"),
            ("x/s", "is not a rate"),
            ("1.2.3/s", "is not a rate"),
            ("0.00000000000000000000001/s", "is not a rate"),
        ] {
            let message = text.parse::<Rate>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
