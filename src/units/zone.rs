use std::fmt;
use std::str::FromStr;

use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

use super::{Span, Time, UnitError};

/// The same moment in the calendar library's type.
pub(crate) fn timestamp(time: Time) -> jiff::Timestamp {
    // All moments, which end in 2554, are in jiff's range.
    jiff::Timestamp::from_nanosecond(i128::from(time.nanos())).unwrap_or(jiff::Timestamp::MAX)
}

impl fmt::Display for Time {
    /// As RFC 3339 has it, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&timestamp(*self), f)
    }
}

/// A moment given in seconds since the epoch; one before it is the epoch.
fn nanos_of(seconds: i64) -> Option<Time> {
    let seconds = u64::try_from(seconds.max(0)).ok()?;
    seconds.checked_mul(1_000_000_000).map(Time::from_nanos)
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Period {
    /// From the top of an hour to the next.
    Hour,
    /// From midnight to midnight: 23 to 25 hours.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the first of a month on.
    Month,
}

impl Period {
    /// Its length, of a month about.
    pub const fn about(self) -> Span {
        const HOUR: u64 = 3600;
        Span::from_secs(match self {
            Period::Hour => HOUR,
            Period::Day => 24 * HOUR,
            Period::Week => 7 * 24 * HOUR,
            Period::Month => 30 * 24 * HOUR,
        })
    }
}

/// A time zone: an IANA name (`"Europe/Paris"`), `"UTC"`, or a fixed offset
/// (`"+02:00"`). The database is built in, so that results do not depend on
/// the machine's copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Default for Zone {
    fn default() -> Zone {
        Zone {
            name: "UTC".to_owned(),
            rules: TimeZone::UTC,
        }
    }
}

impl Zone {
    /// The first and the last moment of the calendar's period that holds `time`.
    pub fn period(&self, period: Period, time: Time) -> (Time, Time) {
        let local = timestamp(time).to_zoned(self.rules.clone());
        let bounds = || {
            if period == Period::Hour {
                let (minute, second) = (i64::from(local.minute()), i64::from(local.second()));
                let into = minute * 60 + second;
                let whole = local.timestamp().as_second() - into;
                return Some((nanos_of(whole)?, nanos_of(whole + 3600)?));
            }
            let first = match period {
                Period::Hour | Period::Day => local.date(),
                Period::Week => {
                    let days = local.weekday().to_monday_zero_offset();
                    local
                        .date()
                        .checked_sub(jiff::Span::new().days(days))
                        .ok()?
                }
                Period::Month => local.date().first_of_month(),
            };
            let next = match period {
                Period::Hour | Period::Day => first.tomorrow().ok()?,
                Period::Week => first.checked_add(jiff::Span::new().days(7)).ok()?,
                Period::Month => first.last_of_month().tomorrow().ok()?,
            };
            // A day without midnight starts at the first moment that it has.
            let midnight = |date: jiff::civil::Date| {
                let zoned = date.to_zoned(self.rules.clone()).ok()?;
                nanos_of(zoned.timestamp().as_second())
            };
            Some((midnight(first)?, midnight(next)?))
        };
        match bounds() {
            Some((start, end)) => (start, end - Span::from_nanos(1)),
            None => (Time::EPOCH, Time::MAX),
        }
    }

    /// The moment at which the local clock shows a date and time. One that a
    /// change of the clocks skips is moved forward; of one that it repeats, it
    /// is the first, unless that is more than half an hour before `after`.
    /// `None` outside 1970 to 2554.
    pub(crate) fn moment(&self, local: jiff::civil::DateTime, after: Time) -> Option<Time> {
        let ambiguous = self.rules.to_ambiguous_timestamp(local);
        let time = |moment: jiff::Timestamp| {
            u64::try_from(moment.as_nanosecond())
                .ok()
                .map(Time::from_nanos)
        };
        let first = time(ambiguous.compatible().ok()?);
        let second = || time(ambiguous.later().ok()?);
        match first {
            Some(first)
                if after.since(first) > Span::from_secs(1800) && ambiguous.is_ambiguous() =>
            {
                second()
            }
            first => first,
        }
    }

    /// Seconds since local midnight at `time`.
    pub fn seconds_of_day(&self, time: Time) -> f64 {
        let local = timestamp(time).to_zoned(self.rules.clone()).datetime();
        let whole = i32::from(local.hour()) * 3600
            + i32::from(local.minute()) * 60
            + i32::from(local.second());
        f64::from(whole) + f64::from(local.subsec_nanosecond()) / 1e9
    }

    /// The moment as RFC 3339 writes it, by the local clock and with its offset
    /// from UTC.
    pub fn rfc3339(&self, time: Time) -> String {
        let offset = self.rules.to_offset(timestamp(time));
        timestamp(time).display_with_offset(offset).to_string()
    }

    /// What the local clock shows at `time`, without parts of a second.
    pub fn time_of_day(&self, time: Time) -> ClockTime {
        let local = timestamp(time).to_zoned(self.rules.clone());
        ClockTime {
            hour: local.hour(),
            minute: local.minute(),
            second: local.second(),
        }
    }

    /// The day of the week that the local calendar shows; Monday is 0.
    pub fn weekday(&self, time: Time) -> u8 {
        let local = timestamp(time).to_zoned(self.rules.clone());
        local.weekday().to_monday_zero_offset() as u8
    }

    /// Every moment in [`from`, `until`) at which the local clock shows
    /// `clock_time`, in order. A time that a change of the clocks skips is
    /// moved forward, one that it repeats happens once, at the earlier.
    pub fn daily(&self, clock_time: ClockTime, from: Time, until: Time) -> Vec<Time> {
        let mut moments = Vec::new();
        let Ok(mut date) = timestamp(from)
            .to_zoned(self.rules.clone())
            .date()
            .yesterday()
        else {
            return moments;
        };
        loop {
            let local = date.at(clock_time.hour, clock_time.minute, clock_time.second, 0);
            let moment = self
                .rules
                .to_ambiguous_timestamp(local)
                .compatible()
                .ok()
                .and_then(|moment| u64::try_from(moment.as_nanosecond()).ok())
                .map(Time::from_nanos);
            match moment {
                Some(moment) if moment >= until => return moments,
                Some(moment) if moment >= from => moments.push(moment),
                _ => {}
            }
            match date.tomorrow() {
                Ok(next) => date = next,
                Err(_) => return moments,
            }
        }
    }
}

impl TryFrom<String> for Zone {
    type Error = UnitError;
    fn try_from(name: String) -> Result<Zone, UnitError> {
        let rules = match name.as_str() {
            "UTC" | "Z" => Some(TimeZone::UTC),
            offset if offset.starts_with(['+', '-']) => fixed_offset(offset).map(TimeZone::fixed),
            iana => TimeZone::get(iana).ok(),
        };
        match rules {
            Some(rules) => Ok(Zone { name, rules }),
            None => Err(UnitError(format!(
                "unknown time zone \"{name}\"; expected a name such as \"Europe/Paris\", \"UTC\", or an offset such as \"+02:00\""
            ))),
        }
    }
}

fn fixed_offset(text: &str) -> Option<Offset> {
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i32>().ok()).flatten()
    };
    let minutes = number(minutes).filter(|minutes| *minutes < 60)?;
    let seconds = number(hours)? * 3600 + minutes * 60;
    let signed = if text.starts_with('-') {
        -seconds
    } else {
        seconds
    };
    Offset::from_seconds(signed).ok()
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.name
    }
}

/// A local time of day, such as `"06:00"` or `"06:00:30"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClockTime {
    hour: i8,
    minute: i8,
    second: i8,
}

impl ClockTime {
    /// The beginning of a day.
    pub const MIDNIGHT: ClockTime = ClockTime {
        hour: 0,
        minute: 0,
        second: 0,
    };
}

impl FromStr for ClockTime {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<ClockTime, UnitError> {
        let fail = || {
            UnitError(format!(
                "\"{text}\" is not a time of day; expected hours and minutes from \"00:00\" to \"23:59\""
            ))
        };
        let mut parts = text.split(':').map(|part| {
            (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse::<i8>().ok())
                .flatten()
        });
        let mut next = |limit: i8| parts.next().flatten().filter(|value| *value < limit);
        let hour = next(24).ok_or_else(fail)?;
        let minute = next(60).ok_or_else(fail)?;
        let second = match text.len() {
            5 => 0,
            8 => next(60).ok_or_else(fail)?,
            _ => return Err(fail()),
        };
        Ok(ClockTime {
            hour,
            minute,
            second,
        })
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)?;
        if self.second > 0 {
            write!(f, ":{:02}", self.second)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for ClockTime {
    type Error = UnitError;
    fn try_from(text: String) -> Result<ClockTime, UnitError> {
        text.parse()
    }
}

impl From<ClockTime> for String {
    fn from(time: ClockTime) -> String {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        let moment: jiff::Timestamp = text.parse().unwrap();
        Time::from_nanos(u64::try_from(moment.as_nanosecond()).unwrap())
    }

    fn zone(name: &str) -> Zone {
        Zone::try_from(name.to_owned()).unwrap()
    }

    #[test]
    fn periods_follow_the_local_calendar() {
        let now = "2025-10-26T10:20:30Z";
        for (name, period, first, next) in [
            // The day on which the clocks go back has 25 hours.
            (
                "Europe/Paris",
                Period::Day,
                "2025-10-25T22:00:00Z",
                "2025-10-26T23:00:00Z",
            ),
            (
                "UTC",
                Period::Day,
                "2025-10-26T00:00:00Z",
                "2025-10-27T00:00:00Z",
            ),
            (
                "+05:30",
                Period::Hour,
                "2025-10-26T09:30:00Z",
                "2025-10-26T10:30:00Z",
            ),
            (
                "UTC",
                Period::Week,
                "2025-10-20T00:00:00Z",
                "2025-10-27T00:00:00Z",
            ),
            (
                "UTC",
                Period::Month,
                "2025-10-01T00:00:00Z",
                "2025-11-01T00:00:00Z",
            ),
        ] {
            let (start, last) = zone(name).period(period, time(now));
            assert_eq!(start, time(first), "{name} {period:?}");
            assert_eq!(last + Span::from_nanos(1), time(next), "{name} {period:?}");
        }
    }

    #[test]
    fn the_ends_of_time_have_periods_too() {
        for period in [Period::Hour, Period::Day, Period::Week, Period::Month] {
            for name in ["UTC", "Pacific/Auckland", "-12:00", "+14:00"] {
                for now in [Time::EPOCH, Time::MAX] {
                    let (start, last) = zone(name).period(period, now);
                    assert!(start <= now && now <= last, "{name} {period:?}");
                }
            }
        }
    }

    #[test]
    fn a_daily_time_follows_the_local_clock() {
        let paris = Zone::try_from("Europe/Paris".to_owned()).unwrap();
        let six: ClockTime = "06:00".parse().unwrap();
        // The clocks go back on 2025-10-26: 04:00 UTC before, 05:00 UTC after.
        let moments = paris.daily(
            six,
            time("2025-10-25T04:00:00Z"),
            time("2025-10-28T04:00:00Z"),
        );
        let expected = [
            "2025-10-25T04:00:00Z",
            "2025-10-26T05:00:00Z",
            "2025-10-27T05:00:00Z",
        ];
        assert_eq!(moments, expected.map(time));
        assert_eq!(paris.seconds_of_day(moments[0]), 21_600.0);
    }

    #[test]
    fn a_skipped_local_time_moves_forward() {
        let paris = Zone::try_from("Europe/Paris".to_owned()).unwrap();
        let skipped: ClockTime = "02:30".parse().unwrap();
        let moments = paris.daily(
            skipped,
            time("2025-03-30T00:00:00Z"),
            time("2025-03-30T12:00:00Z"),
        );
        assert_eq!(moments, [time("2025-03-30T01:30:00Z")]);
    }

    #[test]
    fn zones_and_times_that_do_not_exist_say_what_does() {
        for (name, ok) in [
            ("+02:00", true),
            ("UTC", true),
            ("Mars/Olympus", false),
            ("+99:00", false),
            ("+é:1", false),
        ] {
            assert_eq!(Zone::try_from(name.to_owned()).is_ok(), ok, "{name}");
        }
        for (text, ok) in [
            ("06:00", true),
            ("23:59:59", true),
            ("24:00", false),
            ("6:00", false),
            ("06:00:", false),
            ("-1:00", false),
        ] {
            assert_eq!(text.parse::<ClockTime>().is_ok(), ok, "{text}");
        }
    }
}
