use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::units::{ClockTime, Span, Time, UnitError, Zone};

/// The most windows of a scenario, those of its targets included.
pub(super) const MAX_WINDOWS: usize = 16;

/// A part of every day by the local clock, such as `"06:00..06:05"`: from the
/// first time on, up to but without the second, over midnight if that is
/// earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DayWindow {
    /// When it begins.
    pub from: ClockTime,
    /// When it ends.
    pub to: ClockTime,
}

impl DayWindow {
    /// Its parts of [`start`, `end`), in order.
    pub fn spans(&self, zone: &Zone, start: Time, end: Time) -> Vec<(Time, Time)> {
        self.spans_that_begin(zone, start, end, |_| true)
    }

    /// Those of them that begin at such a moment, which may be before `start`.
    pub(super) fn spans_that_begin(
        &self,
        zone: &Zone,
        start: Time,
        end: Time,
        is_wanted: impl Fn(Time) -> bool,
    ) -> Vec<(Time, Time)> {
        // A day has at most 25 hours, so that a window that is under way at
        // the start began no longer ago than that.
        let day = Span::from_secs(26 * 3600);
        let begins = zone.daily(self.from, start - day, end);
        begins
            .into_iter()
            .filter(|begin| is_wanted(*begin))
            .filter_map(|begin| {
                let after = begin + Span::from_nanos(1);
                let stop = *zone.daily(self.to, after, begin + day).first()?;
                let (begin, stop) = (begin.max(start), stop.min(end));
                (begin < stop).then_some((begin, stop))
            })
            .collect()
    }
}

impl FromStr for DayWindow {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<DayWindow, UnitError> {
        let fail = |why: &str| {
            UnitError(format!(
                "\"{text}\" is not a window of the day{why}; expected two times of day, such as \"06:00..06:05\""
            ))
        };
        let (from, to) = text.split_once("..").ok_or_else(|| fail(""))?;
        let time = |text: &str| text.trim().parse::<ClockTime>().map_err(|_| fail(""));
        let (from, to) = (time(from)?, time(to)?);
        if from == to {
            return Err(fail(", since it ends where it begins"));
        }
        Ok(DayWindow { from, to })
    }
}

impl fmt::Display for DayWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}

impl TryFrom<String> for DayWindow {
    type Error = UnitError;
    fn try_from(text: String) -> Result<DayWindow, UnitError> {
        text.parse()
    }
}

impl From<DayWindow> for String {
    fn from(window: DayWindow) -> String {
        window.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_and_written() {
        for (text, shown) in [
            ("06:00..06:05", "06:00..06:05"),
            ("06:00:30 .. 06:01", "06:00:30..06:01"),
            ("23:50..00:10", "23:50..00:10"),
        ] {
            assert_eq!(text.parse::<DayWindow>().unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "06:00",
            "06:00..",
            "6:00..7:00",
            "06:00..06:00",
            "06:00..25:00",
        ] {
            let message = bad.parse::<DayWindow>().unwrap_err().to_string();
            assert!(message.contains("such as \"06:00..06:05\""), "{message}");
        }
    }

    #[test]
    fn a_window_has_a_part_on_each_day_and_is_cut_at_the_ends() {
        let zone = Zone::try_from("+02:00".to_owned()).unwrap();
        let hour = |hours: u64| Time::from_secs(hours * 3600);
        let spans = |text: &str, from: u64, to: u64| {
            let window: DayWindow = text.parse().unwrap();
            window.spans(&zone, hour(from), hour(to))
        };
        // 06:00 in a zone two hours ahead is 04:00 in UTC.
        let half_past = |hours: u64| hour(hours) + Span::from_secs(1800);
        assert_eq!(
            spans("06:00..06:30", 72, 120),
            [(hour(76), half_past(76)), (hour(100), half_past(100))]
        );
        assert_eq!(spans("01:00..07:00", 72, 74), [(hour(72), hour(74))]);
        assert_eq!(
            spans("23:00..03:00", 69, 72),
            [(hour(69), hour(72))].map(|span| span)
        );
        assert_eq!(spans("12:00..13:00", 72, 74), []);
    }
}
