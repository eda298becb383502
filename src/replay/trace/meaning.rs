//! What a column of a trace tells, and the names that say so.

use std::fmt;

use super::TraceOptions;
use super::moment::TimeUnit;

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
    /// Its method: a name, an HTTP method or a whole request line.
    Method,
    /// Its path or URL.
    Path,
}

/// The names of columns with keys.
pub(super) const KEY_NAMES: &[&str] = &[
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
];

/// All meanings in the order of their columns where there is no header, with
/// the names that a header may use.
pub(super) const NAMES: [(Meaning, &[&str]); 9] = [
    (
        Meaning::Time,
        &["time", "timestamp", "ts", "at", "date", "datetime", "epoch"],
    ),
    (Meaning::Key, KEY_NAMES),
    (Meaning::Cost, &["cost", "weight", "points", "n"]),
    (
        Meaning::Duration,
        &["duration", "latency", "service", "rtt"],
    ),
    (Meaning::Outcome, &["outcome", "status", "result"]),
    (Meaning::InFlight, &["in_flight", "inflight"]),
    (Meaning::Class, &["class", "criticality", "priority"]),
    (
        Meaning::Method,
        &["method", "http_method", "request_method", "request"],
    ),
    (
        Meaning::Path,
        &[
            "path",
            "url",
            "uri",
            "request_uri",
            "request_path",
            "endpoint",
            "route",
        ],
    ),
];

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
            Meaning::Method => "method",
            Meaning::Path => "path",
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

    /// The meaning of a column's name, where the columns of times and keys may
    /// have been chosen.
    pub(super) fn chosen(
        name: &str,
        options: &TraceOptions,
    ) -> Option<(Meaning, Option<TimeUnit>)> {
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
            ("path", Some((Meaning::Path, None))),
            ("request-method", Some((Meaning::Method, None))),
            ("colour", None),
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
