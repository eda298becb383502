//! Times: RFC 3339, the form of web servers' logs, or a number since 1970.

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::units::{Time, Zone};

/// What a plain number of a time or a duration counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Millionths of a second.
    Microseconds,
    /// Billionths of a second, the finest that is kept.
    Nanoseconds,
}

impl TimeUnit {
    /// The unit of a short or long name in lower case, such as `ms` or
    /// `millis`.
    pub fn named(name: &str) -> Option<TimeUnit> {
        Some(match name {
            "s" | "sec" | "secs" | "seconds" => TimeUnit::Seconds,
            "ms" | "millis" | "milliseconds" => TimeUnit::Milliseconds,
            "us" | "micros" | "microseconds" => TimeUnit::Microseconds,
            "ns" | "nanos" | "nanoseconds" => TimeUnit::Nanoseconds,
            _ => return None,
        })
    }

    const fn nanos(self) -> u64 {
        match self {
            TimeUnit::Seconds => 1_000_000_000,
            TimeUnit::Milliseconds => 1_000_000,
            TimeUnit::Microseconds => 1_000,
            TimeUnit::Nanoseconds => 1,
        }
    }

    /// By size: today is 1.8e9 in seconds, 1.8e12 in milliseconds, and so on.
    const fn guess(whole: u64) -> TimeUnit {
        match whole {
            0..100_000_000_000 => TimeUnit::Seconds,
            100_000_000_000..100_000_000_000_000 => TimeUnit::Milliseconds,
            100_000_000_000_000..100_000_000_000_000_000 => TimeUnit::Microseconds,
            _ => TimeUnit::Nanoseconds,
        }
    }
}

/// Why a text is not a time that a trace can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeFault {
    /// Nothing at all.
    #[error("is empty")]
    Empty,
    /// Anything else that is no time.
    #[error("is not a time")]
    NotATime,
    /// A number below zero.
    #[error("is negative")]
    Negative,
    /// Infinity, or not a number.
    #[error("is not a finite number")]
    NotFinite,
    /// A number such as `1e3`.
    #[error("has an exponent")]
    Exponent,
    /// A date and time of an unknown place.
    #[error("has no offset from UTC, such as Z or +02:00")]
    NoOffset,
    /// Before the first moment that can be told.
    #[error("is before 1970")]
    TooEarly,
    /// After the last moment that can be told.
    #[error("is after July 2554")]
    TooLate,
}

/// Reads the times of one trace.
#[derive(Debug, Clone, Default)]
pub(super) struct TimeReader {
    /// What plain numbers count, once that is known.
    pub(super) unit: Option<TimeUnit>,
    /// Whose clock shows times without an offset.
    pub(super) zone: Option<Zone>,
    /// The latest moment read so far: of an hour that a change of clocks
    /// repeats, it tells which of the two is meant.
    latest: Time,
}

impl TimeReader {
    pub(super) fn new(unit: Option<TimeUnit>, zone: Option<Zone>) -> TimeReader {
        TimeReader {
            unit,
            zone,
            latest: Time::EPOCH,
        }
    }

    /// The moment that a text tells. The first plain number settles the unit
    /// for all that follow, unless it was known before.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8]) -> Result<Time, TimeFault> {
        if let Some(nanos) = common_rfc3339(text).or_else(|| common_log(text)) {
            let time = Time::from_nanos(nanos);
            self.latest = self.latest.max(time);
            return Ok(time);
        }
        let Some((whole, fraction)) = decimal(text) else {
            let time = self.read_otherwise(text)?;
            self.latest = self.latest.max(time);
            return Ok(time);
        };
        let whole = whole.ok_or(TimeFault::TooLate)?;
        let unit = self.unit.unwrap_or_else(|| TimeUnit::guess(whole));
        let nanos = scaled(whole, fraction, unit).ok_or(TimeFault::TooLate)?;
        self.unit = Some(unit);
        Ok(Time::from_nanos(nanos))
    }

    /// Any other form, or what is wrong with the text.
    #[cold]
    fn read_otherwise(&self, text: &[u8]) -> Result<Time, TimeFault> {
        let text = std::str::from_utf8(text).map_err(|_| TimeFault::NotATime)?;
        if text.is_empty() {
            return Err(TimeFault::Empty);
        }
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return moment(timestamp);
        }
        let (local, offset) = local_and_offset(text);
        if let Some(local) = civil(local) {
            return match (offset, &self.zone) {
                (Some(utc), _) => moment(utc.to_timestamp(local).map_err(|_| TimeFault::TooLate)?),
                (None, Some(zone)) => {
                    (zone.moment(local, self.latest)).ok_or(if local.year() < 1971 {
                        TimeFault::TooEarly
                    } else {
                        TimeFault::TooLate
                    })
                }
                (None, None) => Err(TimeFault::NoOffset),
            };
        }
        Err(match text.parse::<f64>() {
            Ok(number) if text.contains(['e', 'E']) && number.is_finite() => TimeFault::Exponent,
            Ok(number) if !number.is_finite() => TimeFault::NotFinite,
            Ok(number) if number.is_sign_negative() => TimeFault::Negative,
            _ => TimeFault::NotATime,
        })
    }
}

/// A text without the offset or the `UTC` at its end, and that offset.
fn local_and_offset(text: &str) -> (&str, Option<jiff::tz::Offset>) {
    let Some((local, last)) = text.rsplit_once(' ') else {
        return (text, None);
    };
    if ["UTC", "GMT", "Z"].contains(&last) {
        return (local, Some(jiff::tz::Offset::UTC));
    }
    match offset_seconds(last.as_bytes()) {
        Some(seconds) => match jiff::tz::Offset::from_seconds(seconds) {
            Ok(offset) => (local, Some(offset)),
            Err(_) => (text, None),
        },
        None => (text, None),
    }
}

/// `+hhmm` or `+hh:mm` in seconds.
fn offset_seconds(text: &[u8]) -> Option<i32> {
    let (sign, hours, minutes) = match *text {
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => (sign, [h1, h2], [m1, m2]),
        _ => return None,
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = 3600 * hours as i32 + 60 * minutes as i32;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// A date and time of a clock: ISO 8601, with a slash or a comma where some
/// programs write one, or as web servers do.
fn civil(text: &str) -> Option<DateTime> {
    if let Ok(local) = text.parse() {
        return Some(local);
    }
    if let Some((date, clock)) = text.split_once(':')
        && let [day, month, year] = date.split('/').collect::<Vec<_>>()[..]
        && let Some(month) = month_named(month.as_bytes())
    {
        return format!("{year}-{month:02}-{day}T{clock}").parse().ok();
    }
    let plain = text.replacen(',', ".", 1);
    match plain.split_once(' ') {
        Some((date, clock)) => format!("{}T{clock}", date.replace('/', "-")).parse().ok(),
        None => plain.parse().ok(),
    }
}

fn moment(timestamp: Timestamp) -> Result<Time, TimeFault> {
    let nanos = timestamp.as_nanosecond();
    match u64::try_from(nanos) {
        Ok(nanos) => Ok(Time::from_nanos(nanos)),
        Err(_) if nanos < 0 => Err(TimeFault::TooEarly),
        Err(_) => Err(TimeFault::TooLate),
    }
}

fn month_named(name: &[u8]) -> Option<u32> {
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    (1..)
        .zip(MONTHS)
        .find_map(|(number, month)| (name == month).then_some(number))
}

/// `19/Sep/2025:04:00:00 +0200`, the form of nginx and Apache.
#[inline]
fn common_log(text: &[u8]) -> Option<u64> {
    let text: &[u8; 26] = text.try_into().ok()?;
    let punctuation = [2, 6, 11, 14, 17, 20].map(|place| text[place]);
    if punctuation != *b"//::: " {
        return None;
    }
    let two = |place: usize| two_digits([text[place], text[place + 1]]);
    let date = (100 * two(7)? + two(9)?, month_named(&text[3..6])?, two(0)?);
    let clock = (two(12)?, two(15)?, two(18)?);
    let seconds = seconds_of(date, clock)? - i64::from(offset_seconds(&text[21..])?);
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)
}

/// A number of `unit` in nanoseconds, rounded down; `None` if the text is no
/// number from zero on without sign and exponent, or beyond 584 years.
#[inline]
pub(super) fn nanos_of_decimal(text: &[u8], unit: TimeUnit) -> Option<u64> {
    let (whole, fraction) = decimal(text)?;
    scaled(whole?, fraction, unit)
}

/// The whole part of a decimal number (`None` inside if it is beyond reach)
/// and the digits of its fraction; `None` if the text is something else.
#[inline]
fn decimal(text: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let mut value = Some(0_u64);
    let mut rest = text;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        value = value
            .and_then(|value| value.checked_mul(10))
            .and_then(|value| value.checked_add(u64::from(digit - b'0')));
        rest = after;
    }
    let fraction = match rest.split_first() {
        Some((b'.', fraction)) if text.len() > 1 => fraction,
        None if !text.is_empty() => rest,
        _ => return None,
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some((value, fraction))
}

#[inline]
fn scaled(whole: u64, fraction: &[u8], unit: TimeUnit) -> Option<u64> {
    let mut scale = unit.nanos();
    let mut nanos = whole.checked_mul(scale)?;
    for digit in fraction {
        scale /= 10;
        nanos = nanos.checked_add(u64::from(digit - b'0') * scale)?;
    }
    Some(nanos)
}

/// `2025-09-19T04:00:00`, a fraction or none, and `Z` or `+hh:mm`: the form in
/// which nearly all logs write. Whatever is unusual in any way is `None` and
/// left to the general reader.
#[inline]
fn common_rfc3339(text: &[u8]) -> Option<u64> {
    let (date_time, mut rest) = text.split_first_chunk::<19>()?;
    let punctuation = [4, 7, 10, 13, 16].map(|place| date_time[place]);
    if punctuation != *b"--T::" {
        return None;
    }
    let two = |place: usize| two_digits([date_time[place], date_time[place + 1]]);
    let year = 100 * two(0)? + two(2)?;
    let date = (year, two(5)?, two(8)?);
    let local = seconds_of(date, (two(11)?, two(14)?, two(17)?))?;
    let mut nanos = 0;
    if let Some((b'.', after)) = rest.split_first() {
        let digits = after.iter().take_while(|byte| byte.is_ascii_digit());
        let length = digits.count();
        if length == 0 {
            return None;
        }
        nanos = scaled(0, &after[..length], TimeUnit::Seconds)?;
        rest = &after[length..];
    }
    let offset = match rest {
        b"Z" => 0,
        [_, _, _, b':', _, _] => offset_seconds(rest)?,
        _ => return None,
    };
    let seconds = u64::try_from(local - i64::from(offset)).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// Seconds since 1970 of a date (year, month, day) and a clock's time.
#[inline]
fn seconds_of(date: (u32, u32, u32), clock: (u32, u32, u32)) -> Option<i64> {
    let ((year, month, day), (hour, minute, second)) = (date, clock);
    // Later years are partly out of reach, and the general reader's to refuse.
    let plain = (1970..=2553).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let minutes = || {
        let days = days_since_1970(year, month, day);
        i64::from(24 * 60 * days + 60 * hour + minute)
    };
    plain.then(|| 60 * minutes() + i64::from(second))
}

#[inline]
fn two_digits(digits: [u8; 2]) -> Option<u32> {
    let [tens, ones] = digits.map(|digit| digit.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(10 * tens + ones))
}

const fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[inline]
const fn days_of_month(year: u32, month: u32) -> u32 {
    match month {
        2 => 28 + is_leap(year) as u32,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// For 1970 and later, in the Gregorian calendar.
#[inline]
const fn days_since_1970(year: u32, month: u32, day: u32) -> u32 {
    /// Days before each month of a common year.
    const BEFORE: [u32; 13] = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    /// Days before 1970, counted as below.
    const BASE: u32 = 365 * 1969 + 1969 / 4 - 1969 / 100 + 1969 / 400;
    let past = year - 1;
    let years = 365 * past + past / 4 - past / 100 + past / 400 - BASE;
    let leap_day = (month > 2 && is_leap(year)) as u32;
    years + BEFORE[month as usize] + leap_day + day - 1
}

#[cfg(test)]
mod tests;
