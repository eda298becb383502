use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text::nearest;
use super::{Estimand, Quantity};
use crate::units::{Span, UnitError};

/// What must hold of an estimate, such as `"p429.attempt <= 0.1%"`.
///
/// The bound is a number or a percentage, or for an estimate that is a time, a
/// time with its unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Target {
    /// What is estimated.
    pub estimand: Estimand,
    /// On which side of the bound it must be.
    pub comparison: Comparison,
    /// The bound, in the unit of the estimate (times in seconds).
    pub bound: f64,
    text: String,
}

/// On which side of its bound an estimate must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// At most the bound.
    AtMost,
    /// At least the bound.
    AtLeast,
}

impl FromStr for Target {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Target, UnitError> {
        let expected =
            "expected an estimate, <= or >=, and a bound, such as \"p429.attempt <= 0.1%\"";
        let fail = |what: &str| UnitError(format!("the target \"{text}\" {what}; {expected}"));
        let (estimand, comparison, bound) = if let Some((left, right)) = text.split_once("<=") {
            (left, Comparison::AtMost, right)
        } else if let Some((left, right)) = text.split_once(">=") {
            (left, Comparison::AtLeast, right)
        } else {
            return Err(fail("has no <= or >="));
        };
        let (estimand, bound) = (estimand.trim(), bound.trim());
        let Some(known) = Estimand::named(estimand) else {
            let names = Estimand::ALL.map(Estimand::name);
            let near = nearest(estimand, names.into_iter()).map_or_else(
                || format!("known are {}", names.join(", ")),
                |name| format!("did you mean \"{name}\"?"),
            );
            return Err(UnitError(format!(
                "unknown estimate \"{estimand}\"; {near}"
            )));
        };
        let number = || bound.parse::<f64>().ok().filter(|value| value.is_finite());
        let percent = || {
            let percent = bound.strip_suffix('%')?.trim_end().parse::<f64>().ok()?;
            Some(percent / 100.0).filter(|value| value.is_finite())
        };
        let (value, kind) = match known.quantity() {
            Quantity::Probability => (
                percent()
                    .or_else(number)
                    .filter(|value| (0.0..=1.0).contains(value)),
                "a number from 0 to 1 or a percentage, such as \"0.1%\"",
            ),
            Quantity::Seconds => (
                bound.parse::<Span>().ok().map(Span::secs_f64),
                "a time with its unit, such as \"2s\"",
            ),
            Quantity::PerSecond | Quantity::PerDay | Quantity::Ratio => (
                number().filter(|value| *value >= 0.0),
                "a number, zero or more",
            ),
        };
        match value {
            Some(bound) => Ok(Target {
                estimand: known,
                comparison,
                bound,
                text: text.trim().to_owned(),
            }),
            None => Err(UnitError(format!(
                "the target \"{text}\" has \"{bound}\" for a bound; expected {kind}"
            ))),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Target {
    type Error = UnitError;
    fn try_from(text: String) -> Result<Target, UnitError> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> String {
        target.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_numbers_percentages_or_times() {
        for (text, estimand, bound) in [
            ("p429.attempt <= 0.1%", "p429.attempt", 0.001),
            ("latency.command.p99 <= 2s", "latency.command.p99", 2.0),
            ("utilisation.gate>=0.5", "utilisation.gate", 0.5),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.estimand.name(), target.bound), (estimand, bound));
        }
        let message = "p429.attemp <= 1%"
            .parse::<Target>()
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("did you mean \"p429.attempt\"?"),
            "{message}"
        );
        for bad in [
            "p429.attempt < 1",
            "<= 1",
            "p429.attempt <= x",
            "p429.attempt <= NaN",
            "p429.attempt <= 1.5",
            "p429.attempt <= 150%",
            "p429.attempt <= 500ms",
            "latency.command.p99 <= 2",
            "goodput >= -1",
        ] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }
}
