//! Which column of a trace means what.

use std::fmt;

use csv::ByteRecord;

use super::TraceOptions;
use super::error::{TraceError, shortened};
use super::moment::TimeUnit;
use crate::scenario::text::nearest;

/// What a column of a trace tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// When the attempt was made.
    Time,
    /// Whose attempt it was.
    Key,
    /// What it costs.
    Cost,
    /// How long it took.
    Duration,
    /// How it ended.
    Outcome,
    /// How many others were in flight.
    InFlight,
    /// How important it was.
    Class,
}

/// All meanings in the order of their columns where there is no header, with
/// the names that a header may use.
const NAMES: [(Meaning, &[&str]); 7] = [
    (
        Meaning::Time,
        &["time", "timestamp", "ts", "at", "date", "datetime", "epoch"],
    ),
    (
        Meaning::Key,
        &[
            "key",
            "user",
            "user_id",
            "client",
            "client_id",
            "api_key",
            "apikey",
            "x_api_key",
            "account",
            "account_id",
            "app",
            "app_id",
            "device",
            "device_id",
            "tenant",
            "token",
            "ip",
        ],
    ),
    (Meaning::Cost, &["cost", "weight", "points", "n"]),
    (
        Meaning::Duration,
        &["duration", "latency", "service", "rtt"],
    ),
    (Meaning::Outcome, &["outcome", "status", "result"]),
    (Meaning::InFlight, &["in_flight", "inflight"]),
    (Meaning::Class, &["class", "criticality", "priority"]),
];

/// Without a header: time, key, cost and duration.
const WITHOUT_HEADER: usize = 4;

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Meaning::Time => "time",
            Meaning::Key => "key",
            Meaning::Cost => "cost",
            Meaning::Duration => "duration",
            Meaning::Outcome => "outcome",
            Meaning::InFlight => "number in flight",
            Meaning::Class => "class",
        })
    }
}

impl Meaning {
    /// The meaning of a column's name and the unit that the name tells.
    fn of(name: &str) -> Option<(Meaning, Option<TimeUnit>)> {
        let name = name.to_ascii_lowercase().replace([' ', '-'], "_");
        let find = |name: &str| {
            let mut all = NAMES.iter();
            all.find(|(_, names)| names.contains(&name))
                .map(|(meaning, _)| *meaning)
        };
        if let Some(meaning) = find(&name) {
            return Some((meaning, None));
        }
        let (stem, unit) = name.rsplit_once('_')?;
        let unit = TimeUnit::named(unit)?;
        match find(stem)? {
            meaning @ (Meaning::Time | Meaning::Duration) => Some((meaning, Some(unit))),
            _ => None,
        }
    }
}

impl Meaning {
    /// The meaning of a column's name, where the columns of times and keys may
    /// have been chosen.
    fn chosen(name: &str, options: &TraceOptions) -> Option<(Meaning, Option<TimeUnit>)> {
        let meaning = Meaning::of(name);
        let is = |chosen: &Option<String>| {
            let chosen = chosen.as_ref()?;
            Some(chosen.trim().eq_ignore_ascii_case(name))
        };
        let unit_of_name = || TimeUnit::named(name.rsplit_once('_')?.1);
        match (is(&options.time), is(&options.key)) {
            (Some(true), _) => Some((Meaning::Time, unit_of_name())),
            (_, Some(true)) => Some((Meaning::Key, None)),
            (Some(false), _) if meaning.is_some_and(|(it, _)| it == Meaning::Time) => None,
            (_, Some(false)) if meaning.is_some_and(|(it, _)| it == Meaning::Key) => None,
            _ => meaning,
        }
    }
}

/// The columns of one trace.
#[derive(Debug)]
pub(super) struct Columns {
    places: [Option<usize>; NAMES.len()],
    /// The names in the header; empty without one.
    names: Vec<String>,
    /// The names without a known meaning.
    pub(super) ignored: Vec<String>,
    /// The units that the header tells.
    pub(super) time_unit: Option<TimeUnit>,
    pub(super) duration_unit: Option<TimeUnit>,
}

impl Columns {
    /// The columns of a trace without a header.
    pub(super) fn without_header() -> Columns {
        Columns {
            places: std::array::from_fn(|place| (place < WITHOUT_HEADER).then_some(place)),
            names: Vec::new(),
            ignored: Vec::new(),
            time_unit: None,
            duration_unit: None,
        }
    }

    /// The columns that a header names; it must be valid UTF-8.
    pub(super) fn of_header(
        header: &ByteRecord,
        line: u64,
        options: &TraceOptions,
    ) -> Result<Columns, TraceError> {
        let mut columns = Columns {
            places: [None; NAMES.len()],
            ..Columns::without_header()
        };
        for (place, name) in header.iter().enumerate() {
            let name = std::str::from_utf8(name).map_err(|_| TraceError::NotUtf8 { line })?;
            columns.names.push(name.trim().to_string());
            let name = &columns.names[place];
            let Some((meaning, unit)) = Meaning::chosen(name, options) else {
                columns.ignored.push(name.clone());
                continue;
            };
            match meaning {
                Meaning::Time => columns.time_unit = unit,
                Meaning::Duration => columns.duration_unit = unit,
                _ => {}
            }
            if let Some(first) = columns.places[meaning as usize].replace(place) {
                return Err(TraceError::TwoColumns {
                    line,
                    first: shortened(&columns.names[first]),
                    second: shortened(name),
                    meaning,
                });
            }
        }
        let chosen = [(Meaning::Time, &options.time), (Meaning::Key, &options.key)];
        for (meaning, name) in chosen {
            if let Some(name) = name
                && columns.place(meaning).is_none()
            {
                return Err(TraceError::NoSuchColumn {
                    line,
                    name: shortened(name),
                    columns: columns.listed(),
                });
            }
        }
        if columns.place(Meaning::Time).is_none() {
            return Err(columns.no_time(line));
        }
        Ok(columns)
    }

    /// Where the column of a meaning is, counted from 0.
    #[inline]
    pub(super) fn place(&self, meaning: Meaning) -> Option<usize> {
        self.places[meaning as usize]
    }

    /// The name of the column of a meaning, if there is a header.
    pub(super) fn name(&self, meaning: Meaning) -> Option<String> {
        let name = self.names.get(self.place(meaning)?)?;
        Some(shortened(name))
    }

    /// Whether a header named the columns, and how many fields a row may have.
    #[inline]
    pub(super) fn width(&self) -> (bool, usize) {
        match self.names.len() {
            0 => (false, WITHOUT_HEADER),
            width => (true, width),
        }
    }

    /// The first names of the header.
    fn listed(&self) -> String {
        const SHOWN: usize = 6;
        let names = self.names.iter().take(SHOWN);
        let mut columns: Vec<String> = names.map(|name| format!("{:?}", shortened(name))).collect();
        if self.names.len() > SHOWN {
            columns.push(format!("{} more", self.names.len() - SHOWN));
        }
        columns.join(", ")
    }

    fn no_time(&self, line: u64) -> TraceError {
        TraceError::NoTimeColumn {
            line,
            columns: self.listed(),
            nearest: self.nearest_to_time(),
        }
    }

    /// An ignored name that was most likely meant for a time column.
    fn nearest_to_time(&self) -> Option<(String, &'static str)> {
        let (_, known) = NAMES[Meaning::Time as usize];
        // Of two letters one may well be right by chance.
        let known = known.iter().copied().filter(|known| known.len() > 2);
        self.ignored.iter().find_map(|name| {
            let near = nearest(name, known.clone())?;
            Some((name.clone(), near))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case_and_with_units() {
        for (name, expected) in [
            ("time", Some((Meaning::Time, None))),
            ("Timestamp", Some((Meaning::Time, None))),
            ("TS_ms", Some((Meaning::Time, Some(TimeUnit::Milliseconds)))),
            ("at_ns", Some((Meaning::Time, Some(TimeUnit::Nanoseconds)))),
            ("time (s)", None),
            ("API key", Some((Meaning::Key, None))),
            ("ip", Some((Meaning::Key, None))),
            ("N", Some((Meaning::Cost, None))),
            ("cost_ms", None),
            (
                "latency_us",
                Some((Meaning::Duration, Some(TimeUnit::Microseconds))),
            ),
            (
                "rtt-seconds",
                Some((Meaning::Duration, Some(TimeUnit::Seconds))),
            ),
            ("status", Some((Meaning::Outcome, None))),
            ("In-Flight", Some((Meaning::InFlight, None))),
            ("InFlight", Some((Meaning::InFlight, None))),
            ("criticality", Some((Meaning::Class, None))),
            ("", None),
            ("_ms", None),
            ("path", None),
        ] {
            assert_eq!(Meaning::of(name), expected, "{name}");
        }
    }

    #[test]
    fn meanings_are_in_the_order_of_their_names() {
        for (place, (meaning, _)) in NAMES.iter().enumerate() {
            assert_eq!(*meaning as usize, place);
        }
    }
}
