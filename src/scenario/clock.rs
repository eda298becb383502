use serde::{Deserialize, Serialize};

use super::DayWindow;
use crate::units::{Span, Time, UnitError, Zone, timestamp};

/// When a run starts and what part of it is measured.
///
/// A run begins at `start`, warms up for `warm_up`, is measured for `length`,
/// and then goes on until every measured request has ended, for at most
/// [`Draft::drain`](super::Draft::drain).
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
    /// How long the requests of the measured span may take to end after it, if
    /// that is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Span>,
    /// Whether clients keep sending until the last measured request has ended,
    /// so that it meets the same load as the others.
    #[serde(default = "yes")]
    pub load_after_end: bool,
    /// The width of one step of the time series; chosen from the length if absent.
    #[serde(default)]
    pub bucket: Option<Span>,
    /// Parts of the day that have estimates of their own beside those of the
    /// whole measured span, such as `"06:00..06:05"`.
    #[serde(default)]
    pub windows: Vec<DayWindow>,
}

fn yes() -> bool {
    true
}

/// How long a run is drained at least, where nothing is written.
pub(super) const USUAL_DRAIN: Span = Span::from_secs(3600);
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

    /// The number of steps of that width; the last may be cut short.
    pub(super) fn steps_of(&self, width: Span) -> usize {
        let steps = self.length.nanos().div_ceil(width.nanos().max(1));
        usize::try_from(steps).unwrap_or(usize::MAX)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Start::try_from(text.to_owned()).unwrap().0
    }

    #[test]
    fn a_start_is_a_moment_within_reach() {
        assert!(Start::try_from("2025-09-19".to_owned()).is_err());
        assert!(Start::try_from("1969-01-01T00:00:00Z".to_owned()).is_err());
        assert_eq!(time("1970-01-01T00:00:01Z"), Time::from_secs(1));
    }
}
