use std::fmt;
use std::str::FromStr;

use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

use crate::units::{Span, Time, UnitError};

/// When a run starts and what part of it is measured.
///
/// A run begins at `start`, warms up for `warm_up`, is measured for `length`,
/// and then goes on until every measured request has ended, for at most
/// `drain`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// The moment at which the run begins.
    #[serde(default)]
    pub start: Start,
    /// The time zone of every local time in the scenario.
    #[serde(default)]
    pub zone: Zone,
    /// Simulated before anything is measured.
    #[serde(default)]
    pub warm_up: Span,
    /// The measured span.
    pub length: Span,
    /// How long the requests of the measured span may take to end after it.
    #[serde(default = "default_drain")]
    pub drain: Span,
    /// Whether clients keep sending until the last measured request has ended,
    /// so that it meets the same load as the others.
    #[serde(default = "yes")]
    pub load_after_end: bool,
    /// The width of one step of the time series; chosen from the length if absent.
    #[serde(default)]
    pub bucket: Option<Span>,
}

fn default_drain() -> Span {
    Span::from_secs(3600)
}

fn yes() -> bool {
    true
}

/// The most steps that a time series may have.
pub(super) const MAX_BUCKETS: u64 = 10_000;

impl Clock {
    /// The first measured moment.
    pub fn measured_from(&self) -> Time {
        self.start.0 + self.warm_up
    }

    /// The first moment after the measured span.
    pub fn measured_until(&self) -> Time {
        self.measured_from() + self.length
    }

    /// The width of one step of the time series: as written, or the shortest
    /// round span that needs at most 480 steps.
    pub fn bucket_width(&self) -> Span {
        const ROUND: [u64; 14] = [
            1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 10_800, 21_600, 86_400,
        ];
        self.bucket.unwrap_or_else(|| {
            ROUND
                .iter()
                .map(|seconds| Span::from_secs(*seconds))
                .find(|width| *width * 480 >= self.length)
                .unwrap_or(Span::from_nanos(self.length.nanos().div_ceil(480)))
                .min(self.length)
        })
    }

    /// The number of steps of the time series; the last may be cut short.
    pub fn buckets(&self) -> usize {
        let width = self.bucket_width().nanos().max(1);
        self.length.nanos().div_ceil(width) as usize
    }
}

/// The moment at which a run begins, such as `"2025-09-19T04:00:00Z"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Start(pub Time);

impl Default for Start {
    /// Midnight of the first of January 2026, UTC: a Thursday.
    fn default() -> Start {
        Start(Time::from_secs(1_767_225_600))
    }
}

impl TryFrom<String> for Start {
    type Error = UnitError;
    fn try_from(text: String) -> Result<Start, UnitError> {
        let expected = "expected a date and time with an offset, such as \"2025-09-19T04:00:00Z\"";
        let moment: jiff::Timestamp = text
            .parse()
            .map_err(|_| UnitError(format!("\"{text}\" is not a moment; {expected}")))?;
        u64::try_from(moment.as_nanosecond())
            .ok()
            .filter(|nanos| *nanos < u64::MAX / 2)
            .map(|nanos| Start(Time::from_nanos(nanos)))
            .ok_or_else(|| {
                UnitError(format!(
                    "\"{text}\" is out of reach; a run may start from 1970 to 2261"
                ))
            })
    }
}

impl From<Start> for String {
    fn from(start: Start) -> String {
        timestamp(start.0).to_string()
    }
}

fn timestamp(time: Time) -> jiff::Timestamp {
    // A start is checked to be in jiff's range, and saturates at its end.
    jiff::Timestamp::from_nanosecond(i128::from(time.nanos())).unwrap_or(jiff::Timestamp::MAX)
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
    /// Seconds since local midnight at `time`.
    pub fn seconds_of_day(&self, time: Time) -> f64 {
        let local = timestamp(time).to_zoned(self.rules.clone()).datetime();
        let whole = i32::from(local.hour()) * 3600
            + i32::from(local.minute()) * 60
            + i32::from(local.second());
        f64::from(whole) + f64::from(local.subsec_nanosecond()) / 1e9
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
        Start::try_from(text.to_owned()).unwrap().0
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
        assert!(Start::try_from("2025-09-19".to_owned()).is_err());
        assert!(Start::try_from("1969-01-01T00:00:00Z".to_owned()).is_err());
    }

    #[test]
    fn the_series_has_a_round_width() {
        let clock: Clock = ron::from_str("(length: \"6h\")").unwrap();
        assert_eq!(clock.bucket_width(), Span::from_secs(60));
        assert_eq!(clock.buckets(), 360);
        let short: Clock = ron::from_str("(length: \"300ms\")").unwrap();
        assert_eq!(short.buckets(), 1);
    }
}
