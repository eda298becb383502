use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DayWindow, NamedList};
use crate::units::{ClockTime, Time, UnitError, Weekdays, Zone};

/// How a rate changes over the week: factors by parts of the week, local time,
/// such as `{"07:00..09:00": 3, "Sat Sun 09:00..12:00": 2}`. Where parts overlap
/// the last one holds; what is in none has a factor of 1.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile {
    parts: NamedList<f64>,
}

/// A part of the week: `"07:00..09:00"` of each day, `"Mon..Fri 22:00..06:00"` of
/// days that it begins on, `"Sat Sun"` from midnight to midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekWindow {
    days: Weekdays,
    of_day: DayWindow,
}

/// A time from which on a rate has a factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// Since when.
    pub from: Time,
    /// The factor.
    pub factor: f64,
}

impl Profile {
    /// Whether the rate is the same always.
    pub fn is_flat(&self) -> bool {
        self.parts.is_empty()
    }

    /// The parts as they are written, with their factors.
    pub fn parts(&self) -> impl Iterator<Item = (&str, f64)> {
        self.parts.iter().map(|(name, factor)| (name, *factor))
    }

    /// The factors from `from` on, piece by piece; the last one may go on beyond
    /// `until`. A part that cannot be read has none.
    pub fn pieces(&self, zone: &Zone, from: Time, until: Time) -> Vec<Piece> {
        let parts: Vec<(Vec<(Time, Time)>, f64)> = (self.parts())
            .filter_map(|(text, factor)| {
                let window: WeekWindow = text.parse().ok()?;
                Some((window.spans(zone, from, until), factor))
            })
            .collect();
        let mut changes: Vec<Time> = (parts.iter())
            .flat_map(|(spans, _)| spans.iter().flat_map(|(begin, end)| [*begin, *end]))
            .filter(|change| *change < until)
            .chain([from])
            .collect();
        changes.sort_unstable();
        changes.dedup();
        let mut pieces: Vec<Piece> = Vec::new();
        for from in changes {
            let holds = |spans: &[(Time, Time)]| {
                let next = spans.partition_point(|(begin, _)| *begin <= from);
                spans[..next].last().is_some_and(|(_, end)| from < *end)
            };
            let last = parts.iter().rev().find(|(spans, _)| holds(spans));
            let factor = last.map_or(1.0, |(_, factor)| *factor);
            if pieces.last().is_none_or(|piece| piece.factor != factor) {
                pieces.push(Piece { from, factor });
            }
        }
        pieces
    }

    /// The mean factor from `from` to `until`.
    pub fn mean(&self, zone: &Zone, from: Time, until: Time) -> f64 {
        let pieces = self.pieces(zone, from, until);
        let ends = pieces.iter().skip(1).map(|piece| piece.from).chain([until]);
        let area: f64 = (pieces.iter().zip(ends))
            .map(|(piece, end)| end.since(piece.from).secs_f64() * piece.factor)
            .sum();
        let whole = until.since(from).secs_f64();
        if whole > 0.0 { area / whole } else { 1.0 }
    }
}

impl WeekWindow {
    /// Its parts of [`start`, `end`), in order.
    fn spans(&self, zone: &Zone, start: Time, end: Time) -> Vec<(Time, Time)> {
        let is_on = |begin| self.days.contains(zone.weekday(begin));
        self.of_day.spans_that_begin(zone, start, end, is_on)
    }
}

impl FromStr for WeekWindow {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<WeekWindow, UnitError> {
        let text = text.trim();
        let at = text
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(text.len());
        let (days, times) = text.split_at(at);
        let fail = || {
            UnitError(format!(
                "\"{text}\" is no part of the week; expected days, times of day or both, such as \"Sat Sun\", \"07:00..09:00\" or \"Mon..Fri 22:00..06:00\""
            ))
        };
        if text.is_empty() {
            return Err(fail());
        }
        Ok(WeekWindow {
            days: match days.trim() {
                "" => Weekdays::ALL,
                days => days.parse().map_err(|_| fail())?,
            },
            of_day: match times {
                "" => DayWindow {
                    from: ClockTime::MIDNIGHT,
                    to: ClockTime::MIDNIGHT,
                },
                times => times.parse().map_err(|_| fail())?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::parse;
    use super::*;
    use crate::units::Span;

    /// Thursday, 1 January 2026, 00:00 UTC.
    const THURSDAY: Time = Time::from_secs(1_767_225_600);

    fn hours(text: &str, hours: u64) -> Vec<(f64, f64)> {
        let profile: Profile = parse(text).unwrap();
        let until = THURSDAY + Span::from_secs(hours * 3600);
        let pieces = profile.pieces(&Zone::default(), THURSDAY, until);
        let after = |time: Time| time.since(THURSDAY).secs_f64() / 3600.0;
        pieces
            .iter()
            .map(|piece| (after(piece.from), piece.factor))
            .collect()
    }

    #[test]
    fn the_last_part_that_holds_has_its_factor() {
        assert_eq!(hours("{}", 48), [(0.0, 1.0)]);
        assert_eq!(
            hours(r#"{"07:00..09:00": 3}"#, 48),
            [(0.0, 1.0), (7.0, 3.0), (9.0, 1.0), (31.0, 3.0), (33.0, 1.0)]
        );
        // Saturday begins 48 hours later.
        assert_eq!(
            hours(r#"{"22:00..06:00": 0, "Sat": 2}"#, 76),
            [
                (0.0, 0.0),
                (6.0, 1.0),
                (22.0, 0.0),
                (30.0, 1.0),
                (46.0, 0.0),
                (48.0, 2.0),
                (72.0, 0.0)
            ]
        );
        assert_eq!(
            hours(
                r#"{"Thu..Fri 12:00..13:00": 5, "Fri,Mon 12:30..13:00": 1}"#,
                72
            ),
            [
                (0.0, 1.0),
                (12.0, 5.0),
                (13.0, 1.0),
                (36.0, 5.0),
                (36.5, 1.0)
            ]
        );
        // Over the end of the week.
        assert_eq!(
            hours(r#"{"Fri..Mon": 4}"#, 168),
            [(0.0, 1.0), (24.0, 4.0), (120.0, 1.0)]
        );
    }

    #[test]
    fn the_mean_is_that_of_the_time() {
        let profile: Profile = parse(r#"{"00:00..06:00": 0, "18:00..21:00": 3}"#).unwrap();
        let day = |days: u64| THURSDAY + Span::from_secs(days * 86_400);
        let mean = profile.mean(&Zone::default(), day(0), day(7));
        assert!((mean - (18.0 + 6.0) / 24.0).abs() < 1e-12, "{mean}");
    }

    #[test]
    fn what_is_no_part_of_the_week_is_told() {
        for text in [
            "",
            "Sut",
            "Mon..",
            "25:00..26:00",
            "07:00",
            "07:00..07:00",
            "Mon 7..9",
        ] {
            assert!(text.parse::<WeekWindow>().is_err(), "{text}");
        }
    }
}
