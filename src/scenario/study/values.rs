use ron::value::RawValue;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::amount::significant;
use super::{Amount, Variation};
use crate::math;
use crate::scenario::NamedList;
use crate::scenario::text::{Bracket, SourceTree, excerpt, parse};

/// The values of a varied path.
#[derive(Debug, Clone)]
pub enum Values {
    /// `[a, b, ...]`
    List(Vec<Variation>),
    /// `{"name": a, "other name": b, ...}`
    Named(NamedList<Variation>),
    /// `Linear(from: a, to: b, steps: n)` or `Log(...)`
    Range(Range),
}

/// Values from one to another.
#[derive(Debug, Clone)]
pub struct Range {
    /// How they are spaced.
    pub scale: Scale,
    /// The first value.
    pub from: Variation,
    /// The last value.
    pub to: Variation,
    /// The number of values, the first and the last included.
    pub steps: u32,
}

/// How the values of a range are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Each is the one before plus the same.
    Linear,
    /// Each is the one before times the same.
    Log,
}

/// How a range is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Written {
    Linear {
        from: Variation,
        to: Variation,
        steps: u32,
    },
    Log {
        from: Variation,
        to: Variation,
        steps: u32,
    },
}

impl Values {
    /// The number of values; of a range at most that many.
    pub fn len(&self) -> usize {
        match self {
            Values::List(values) => values.len(),
            Values::Named(values) => values.len(),
            Values::Range(range) => range.steps as usize,
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Values::List(values) => values.serialize(serializer),
            Values::Named(values) => values.serialize(serializer),
            Values::Range(range) => {
                let (from, to, steps) = (range.from.clone(), range.to.clone(), range.steps);
                match range.scale {
                    Scale::Linear => Written::Linear { from, to, steps },
                    Scale::Log => Written::Log { from, to, steps },
                }
                .serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Values, D::Error> {
        // Only the raw text tells a map from a struct.
        let raw: Box<RawValue> = Deserialize::deserialize(deserializer)?;
        let tree = SourceTree::new(raw.get_ron());
        let text = tree.root().map_or("", |root| tree.raw(&root.span));
        let group = tree.root().and_then(|root| root.group());
        let has_fields = group.is_some_and(|group| group.is_keyed() || group.entries.is_empty());
        let plain = |error: ron::error::SpannedError| D::Error::custom(error.code);
        match group.map(|group| (group.bracket, group.name.is_some())) {
            Some((Bracket::Square, _)) => ron::from_str(text).map(Values::List).map_err(plain),
            Some((Bracket::Curly, _)) => ron::from_str(text).map(Values::Named).map_err(plain),
            Some((Bracket::Round, true)) if has_fields => match parse::<Written>(text) {
                Ok(written) => Ok(Values::Range(written.into())),
                Err(problems) => Err(D::Error::custom(first(&problems))),
            },
            _ => Err(D::Error::custom(format_args!(
                "{} are no values to vary; expected [a, b], {{\"name\": a, \"other\": b}}, Linear(from: a, to: b, steps: 5) or Log(...)",
                excerpt(text)
            ))),
        }
    }
}

/// The most telling problem as a message that is taken apart again where it is
/// told: what is unknown may be what is missing.
fn first(problems: &crate::scenario::Problems) -> String {
    let unknown = problems
        .iter()
        .find(|problem| problem.kind.unknown().is_some());
    let Some(problem) = unknown.or(problems.iter().next()) else {
        return String::new();
    };
    match (problem.kind.unknown(), &problem.help) {
        (Some(unknown), Some(help)) if unknown.nearest().is_some() => {
            format!("{}; {help}", problem.message)
        }
        (Some(unknown), _) => {
            let known = unknown.known.join(", ");
            format!("{}; expected one of {known}", problem.message)
        }
        _ if problem.label.starts_with("expected ") => {
            format!("{}; {}", problem.message, problem.label)
        }
        _ => problem.message.clone(),
    }
}

impl From<Written> for Range {
    fn from(written: Written) -> Range {
        let (scale, from, to, steps) = match written {
            Written::Linear { from, to, steps } => (Scale::Linear, from, to, steps),
            Written::Log { from, to, steps } => (Scale::Log, from, to, steps),
        };
        Range {
            scale,
            from,
            to,
            steps,
        }
    }
}

/// What is wrong with a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeFault {
    /// The field that is to blame.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What would do, in a few words.
    pub label: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// One value of a range.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeValue {
    /// The RON text.
    pub text: String,
    /// The same rounded to a whole number, if it is none.
    pub whole: Option<String>,
}

/// The most values of a range, as of all combinations.
pub(in crate::scenario) const MAX_STEPS: u32 = 10_000;

impl Range {
    /// The values. The first and the last are as they are written; between them
    /// as many digits are kept as tell a thousandth of a step, at least three.
    ///
    /// # Errors
    /// If the ends are no numbers of one kind in ascending order, a geometric
    /// range does not start above zero, or there are less than 2 or more than
    /// 10 000 values.
    pub fn values(&self) -> Result<Vec<RangeValue>, RangeFault> {
        let (from, to) = self.ends()?;
        let last = self.steps - 1;
        let (low, high) = (from.number(), to.number());
        let exact = |step: u32| {
            let share = f64::from(step) / f64::from(last);
            match self.scale {
                Scale::Linear => low + (high - low) * share,
                Scale::Log => math::exp(math::ln(low) + (math::ln(high) - math::ln(low)) * share),
            }
        };
        let numbers: Vec<f64> = (0..=last).map(exact).collect();
        let is_fine = |digits: &usize| {
            numbers.windows(2).all(|pair| {
                let error = (significant(pair[0], *digits) - pair[0]).abs();
                let later = (significant(pair[1], *digits) - pair[1]).abs();
                error.max(later) <= (pair[1] - pair[0]) / 1000.0
            })
        };
        let digits = (3..DIGITS).find(is_fine).unwrap_or(DIGITS);
        let mut values: Vec<RangeValue> = numbers
            .iter()
            .map(|number| from.with_number(significant(*number, digits)))
            .map(|amount| RangeValue {
                text: amount.text(),
                whole: amount.whole().map(|whole| whole.text()),
            })
            .collect();
        for (value, end) in [(0, &self.from), (values.len() - 1, &self.to)] {
            values[value] = RangeValue {
                text: end.text().to_owned(),
                whole: None,
            };
        }
        Ok(values)
    }

    fn ends(&self) -> Result<(Amount, Amount), RangeFault> {
        let fault = |field, message: String, label: &str| RangeFault {
            field,
            message,
            label: label.to_owned(),
            help: None,
        };
        let read = |field, end: &Variation| {
            Amount::read(end.text()).ok_or_else(|| {
                fault(
                    field,
                    format!(
                        "{} is no number, percentage, time or rate",
                        excerpt(end.text())
                    ),
                    "must be such as 1000, \"5%\", \"10s\" or \"8/s\"",
                )
            })
        };
        let (from, to) = (read("from", &self.from)?, read("to", &self.to)?);
        let (low, high) = (from.clone(), to.clone());
        let kinds = (from.kind(), to.kind());
        let Some((from, to)) = from.alike(to) else {
            return Err(fault(
                "to",
                format!("the range goes from {} to {}", kinds.0, kinds.1),
                &format!("must be {}, as `from` is", kinds.0),
            ));
        };
        let shown = (excerpt(self.from.text()), excerpt(self.to.text()));
        if low.value() > high.value() {
            return Err(RangeFault {
                help: Some(format!("write from: {}, to: {}", shown.1, shown.0)),
                ..fault(
                    "from",
                    format!("the range goes down from {} to {}", shown.0, shown.1),
                    "must be less than `to`",
                )
            });
        }
        if from.number() >= to.number() {
            return Err(fault(
                "to",
                format!("the range ends where it starts, at {}", shown.0),
                "must be more than `from`",
            ));
        }
        if self.scale == Scale::Log && from.number() <= 0.0 {
            return Err(RangeFault {
                help: Some("start above zero, or write Linear".to_owned()),
                ..fault(
                    "from",
                    format!(
                        "each value of a Log range is a multiple of the one before, which {} has not",
                        shown.0
                    ),
                    "must be more than zero",
                )
            });
        }
        if !(2..=MAX_STEPS).contains(&self.steps) {
            return Err(fault(
                "steps",
                format!("{} steps make no range", self.steps),
                &format!("must be from 2, the two ends, to {MAX_STEPS}"),
            ));
        }
        Ok((from, to))
    }
}

/// The most digits that are kept: what a double always has.
const DIGITS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(text: &str) -> Range {
        match parse::<Values>(text) {
            Ok(Values::Range(range)) => range,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn texts(text: &str) -> Vec<String> {
        let values = range(text).values().unwrap();
        values.into_iter().map(|value| value.text).collect()
    }

    #[test]
    fn values_are_spaced_evenly_or_by_a_ratio() {
        for (text, expected) in [
            (
                "Linear(from: 1000, to: 5000, steps: 5)",
                "1000 2000 3000 4000 5000",
            ),
            (
                "Linear(from: 0.1, to: 0.5, steps: 5)",
                "0.1 0.2 0.3 0.4 0.5",
            ),
            (
                "Linear(from: 1000, to: 3000, steps: 4)",
                "1000 1667 2333 3000",
            ),
            ("Linear(from: 0, to: 1, steps: 3)", "0 0.5 1"),
            ("Linear(from: -1, to: 1, steps: 3)", "-1 0 1"),
            ("Log(from: 1, to: 1000, steps: 4)", "1 10 100 1000"),
            ("Log(from: 10, to: 1000, steps: 4)", "10 46.42 215.4 1000"),
            (
                "Log(from: \"10s\", to: \"10min\", steps: 4)",
                "\"10s\" \"39.15s\" \"153.3s\" \"10min\"",
            ),
            (
                "Log(from: \"1min\", to: \"4h\", steps: 3)",
                "\"1min\" \"930s\" \"4h\"",
            ),
            (
                "Linear(from: \"1min\", to: \"3h\", steps: 2)",
                "\"1min\" \"3h\"",
            ),
            (
                "Linear(from: \"1h 30min\", to: \"2h 30min\", steps: 3)",
                "\"1h 30min\" \"2h\" \"2h 30min\"",
            ),
            (
                "Linear(from: \"400/10s\", to: \"800/10s\", steps: 3)",
                "\"400/10s\" \"600/10s\" \"800/10s\"",
            ),
            (
                "Log(from: \"6/min\", to: \"10/s\", steps: 3)",
                "\"6/min\" \"1/s\" \"10/s\"",
            ),
            (
                "Linear(from: \"0%\", to: \"5%\", steps: 3)",
                "\"0%\" \"2.5%\" \"5%\"",
            ),
        ] {
            assert_eq!(texts(text).join(" "), expected, "{text}");
        }
        let ten: Vec<Option<String>> = range("Log(from: 1, to: 10, steps: 3)")
            .values()
            .unwrap()
            .into_iter()
            .map(|value| value.whole)
            .collect();
        assert_eq!(ten, [None, Some("3".to_owned()), None]);
    }

    #[test]
    fn a_bad_range_says_which_field_is_to_blame() {
        for (text, field, part) in [
            (
                "Linear(from: 5, to: 1, steps: 3)",
                "from",
                "goes down from 5 to 1",
            ),
            (
                "Linear(from: 5, to: 5, steps: 3)",
                "to",
                "ends where it starts",
            ),
            (
                "Linear(from: \"60s\", to: \"1min\", steps: 3)",
                "to",
                "ends where it starts",
            ),
            (
                "Log(from: 0, to: 5, steps: 3)",
                "from",
                "multiple of the one before",
            ),
            (
                "Linear(from: 1, to: 5, steps: 0)",
                "steps",
                "0 steps make no range",
            ),
            (
                "Linear(from: 1, to: 5, steps: 1)",
                "steps",
                "1 steps make no range",
            ),
            (
                "Linear(from: 1, to: 5, steps: 10001)",
                "steps",
                "10001 steps",
            ),
            (
                "Linear(from: \"10s\", to: 5, steps: 3)",
                "to",
                "from a time to a number",
            ),
            (
                "Linear(from: 0.1, to: \"50%\", steps: 3)",
                "to",
                "from a number to a percentage",
            ),
            (
                "Linear(from: \"soon\", to: 5, steps: 3)",
                "from",
                "\"soon\" is no number",
            ),
            (
                "Linear(from: 1, to: [5], steps: 3)",
                "to",
                "[5] is no number",
            ),
        ] {
            let fault = range(text).values().unwrap_err();
            assert_eq!(fault.field, field, "{text}");
            assert!(fault.message.contains(part), "{text}: {}", fault.message);
        }
    }

    #[test]
    fn what_are_no_values_is_refused_with_advice() {
        for (text, part) in [
            ("40", "40 are no values to vary (expected"),
            (
                "Lineer(from: 1, to: 5, steps: 3)",
                "did you mean \"Linear\"?",
            ),
            ("Linear(from: 1, to: 5, step: 3)", "did you mean \"steps\"?"),
            ("Linear(from: 1, to: 5)", "the field \"steps\" is missing"),
            ("Log(from: 1, to: 5, steps: -3)", "-3"),
            (
                "Log(1, 5, 3)",
                "Log(1, 5, 3) are no values to vary (expected",
            ),
            ("{\"a\": 1, \"a\": 2}", "the name \"a\" is given twice"),
        ] {
            let problems = parse::<Values>(text).unwrap_err();
            let problem = problems.iter().next().unwrap();
            let told = format!("{} ({})\n{problem}", problem.message, problem.label);
            assert!(told.contains(part), "{text}: {told}");
        }
    }

    proptest! {
        #[test]
        fn a_range_ascends_between_its_ends(
            low in 1_u32..1_000_000, more in 1_u32..1_000_000, steps in 2_u32..200, log in any::<bool>(),
        ) {
            let scale = if log { "Log" } else { "Linear" };
            let high = low + more;
            let found = texts(&format!("{scale}(from: {low}, to: {high}, steps: {steps})"));
            prop_assert_eq!(found.len(), steps as usize);
            prop_assert_eq!((&found[0], &found[found.len() - 1]), (&low.to_string(), &high.to_string()));
            let numbers: Vec<f64> = found.iter().map(|text| text.parse().unwrap()).collect();
            for (index, pair) in numbers.windows(2).enumerate() {
                prop_assert!(pair[0] < pair[1]);
                let step = f64::from(more) / f64::from(steps - 1);
                let ideal = f64::from(low) + step * index as f64;
                prop_assert!(log || (pair[0] - ideal).abs() <= step / 999.0);
            }
        }
    }
}
