use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text::nearest;
use super::{Estimand, Part, Quantity};
use crate::units::{Span, UnitError};

/// What must hold of an estimate:
///
/// ```text
/// p429.attempt <= 0.1%
/// p429.attempt in 06:00..06:05 of "cloud homes" <= 5% for "full jitter"
/// p_missed.command of method "setstate" <= 0.01%
/// p429.attempt by "app hour" <= 1%
/// ```
///
/// The bound is a number or a percentage, or for an estimate that is a time, a
/// time with its unit. `in` picks a window of the day, `of` a cohort or a
/// method, `by` a stage of the server, `for` the policies that are judged; they
/// may come in any order after the estimate's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Target {
    /// What is estimated.
    pub estimand: Estimand,
    /// Of which part.
    pub part: Part,
    /// On which side of the bound it must be.
    pub comparison: Comparison,
    /// The bound, in the unit of the estimate (times in seconds).
    pub bound: f64,
    /// The policies for which it must hold; all but the study's control, if
    /// empty.
    pub policies: Vec<String>,
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
        Reader::new(text)?.target(text)
    }
}

/// A word of a target.
#[derive(Debug, Clone, PartialEq)]
enum Word {
    Plain(String),
    Quoted(String),
    Comparison(Comparison),
}

struct Reader<'a> {
    text: &'a str,
    words: std::iter::Peekable<std::vec::IntoIter<Word>>,
}

const EXAMPLE: &str =
    "expected an estimate, <= or >=, and a bound, such as \"p429.attempt <= 0.1%\"";

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Result<Reader<'a>, UnitError> {
        let mut words = Vec::new();
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let (word, length) = if let Some(quoted) = rest.strip_prefix('"') {
                let Some(end) = quoted.find('"') else {
                    return Err(fail(text, "has a name whose quote does not end"));
                };
                (Word::Quoted(quoted[..end].to_owned()), end + 2)
            } else if rest.starts_with("<=") {
                (Word::Comparison(Comparison::AtMost), 2)
            } else if rest.starts_with(">=") {
                (Word::Comparison(Comparison::AtLeast), 2)
            } else if matches!(first, '<' | '>' | '=') {
                return Err(fail(text, &format!("has \"{first}\" without <= or >=")));
            } else {
                let end = rest
                    .find(|c: char| c.is_whitespace() || "<>=\"".contains(c))
                    .unwrap_or(rest.len());
                (Word::Plain(rest[..end].to_owned()), end)
            };
            words.push(word);
            rest = rest[length..].trim_start();
        }
        if !words.iter().any(|word| matches!(word, Word::Comparison(_))) {
            return Err(fail(text, "has no <= or >="));
        }
        Ok(Reader {
            text,
            words: words.into_iter().peekable(),
        })
    }

    fn target(mut self, text: &str) -> Result<Target, UnitError> {
        let estimand = self.estimand()?;
        let mut part = Part::ALL;
        let mut policies = Vec::new();
        let mut bound = None;
        while let Some(word) = self.words.next() {
            match word {
                Word::Comparison(comparison) if bound.is_none() => {
                    bound = Some((comparison, self.bound(estimand)?));
                }
                Word::Comparison(_) => return Err(fail(text, "has two comparisons")),
                Word::Quoted(name) => {
                    return Err(UnitError(format!(
                        "the target has \"{name}\" without a word before it; expected of, by or for, such as of \"{name}\""
                    )));
                }
                Word::Plain(word) => match word.as_str() {
                    "in" => {
                        let window =
                            self.unquoted_or_quoted("a window, such as in 06:00..06:05")?;
                        part.window = Some(window.parse()?);
                    }
                    "of" => {
                        let is_method = self.skip("method");
                        if !is_method {
                            self.skip("cohort");
                        }
                        let name =
                            self.name("of", "a cohort's name in quotes, or method and its name")?;
                        match is_method {
                            true => part.method = Some(name),
                            false => part.cohort = Some(name),
                        }
                    }
                    "by" => {
                        self.skip("limit");
                        part.limit =
                            Some(self.name("by", "the name of a limit or gate in quotes")?);
                    }
                    "for" => policies.push(self.name("for", "the name of a policy in quotes")?),
                    "and" if !policies.is_empty() => {
                        policies.push(self.name("and", "the name of another policy in quotes")?);
                    }
                    other => return Err(self.stray(other, bound.is_some())),
                },
            }
        }
        let Some((comparison, bound)) = bound else {
            return Err(fail(text, "has no bound"));
        };
        Ok(Target {
            estimand,
            part,
            comparison,
            bound,
            policies,
            text: text.trim().to_owned(),
        })
    }

    fn estimand(&mut self) -> Result<Estimand, UnitError> {
        let name = match self.words.next() {
            Some(Word::Plain(name) | Word::Quoted(name)) => name,
            _ => return Err(fail(self.text, "names no estimate")),
        };
        name.parse()
    }

    fn skip(&mut self, word: &str) -> bool {
        self.words
            .next_if(|next| matches!(next, Word::Plain(text) if text == word))
            .is_some()
    }

    fn name(&mut self, after: &str, what: &str) -> Result<String, UnitError> {
        match self.words.next() {
            Some(Word::Quoted(name)) => Ok(name),
            Some(Word::Plain(word)) => Err(UnitError(format!(
                "the target has {word} after {after}; expected {what}, such as {after} \"{word}\""
            ))),
            _ => Err(UnitError(format!(
                "the target has nothing after {after}; expected {what}"
            ))),
        }
    }

    fn unquoted_or_quoted(&mut self, what: &str) -> Result<String, UnitError> {
        match self.words.next() {
            Some(Word::Quoted(text) | Word::Plain(text)) => Ok(text),
            _ => Err(fail(self.text, &format!("needs {what}"))),
        }
    }

    fn stray(&self, word: &str, has_bound: bool) -> UnitError {
        let known = ["in", "of", "by", "for"];
        let hint = match nearest(word, known.into_iter()) {
            Some(near) => format!("did you mean {near}?"),
            None if has_bound => {
                "after the bound only for and the name of a policy may come".to_owned()
            }
            None => "expected in, of, by or for, or <= or >=".to_owned(),
        };
        UnitError(format!("the target has the stray word \"{word}\"; {hint}"))
    }

    fn bound(&mut self, estimand: Estimand) -> Result<f64, UnitError> {
        let mut bound = match self.words.next() {
            Some(Word::Plain(text) | Word::Quoted(text)) => text,
            _ => return Err(fail(self.text, "has no bound")),
        };
        // "0.1 %" and "2 s" are read as people write them, and so is "1h 30min".
        while let Some(Word::Plain(more)) = self
            .words
            .next_if(|word| matches!(word, Word::Plain(text) if is_rest_of_bound(text)))
        {
            bound.push(' ');
            bound.push_str(&more);
        }
        let number = || bound.parse::<f64>().ok().filter(|value| value.is_finite());
        let percent = || {
            let percent = bound.strip_suffix('%')?.trim_end().parse::<f64>().ok()?;
            Some(percent / 100.0).filter(|value| value.is_finite())
        };
        let per = |unit: &str| {
            let number = bound.strip_suffix(unit)?.trim_end().parse::<f64>().ok()?;
            Some(number).filter(|value| value.is_finite() && *value >= 0.0)
        };
        let positive = || number().filter(|value| *value >= 0.0);
        let (value, kind) = match estimand.quantity() {
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
            Quantity::PerSecond => (
                per("/s").or_else(positive),
                "a number per second, zero or more",
            ),
            Quantity::PerDay => (
                per("/day").or_else(positive),
                "a number per day, zero or more",
            ),
            Quantity::Ratio | Quantity::Count => (positive(), "a number, zero or more"),
        };
        value.ok_or_else(|| {
            UnitError(format!(
                "the target \"{}\" has \"{bound}\" for a bound; expected {kind}",
                self.text
            ))
        })
    }
}

/// Whether a word after a bound's first still belongs to it: a unit, or a
/// number with a unit.
fn is_rest_of_bound(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    [
        "%", "ns", "us", "ms", "s", "min", "m", "h", "d", "/s", "/day",
    ]
    .contains(&digits)
}

fn fail(text: &str, what: &str) -> UnitError {
    UnitError(format!("the target \"{text}\" {what}; {EXAMPLE}"))
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
            ("p429.attempt <= 0.1 %", "p429.attempt", 0.001),
            ("latency.command.p99 <= 2s", "latency.command.p99", 2.0),
            (
                "latency.command.p99 <= 1min 30s",
                "latency.command.p99",
                90.0,
            ),
            ("utilisation.gate>=0.5", "utilisation.gate", 0.5),
            ("goodput >= 20/s", "goodput", 20.0),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.estimand.name(), target.bound), (estimand, bound));
            assert_eq!(target.part, Part::ALL);
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
            "p429.attempt",
            "p429.attempt <=",
            "p429.attempt <= x",
            "p429.attempt <= NaN",
            "p429.attempt <= 1.5",
            "p429.attempt <= 150%",
            "p429.attempt <= 500ms",
            "p429.attempt <= 1% <= 2%",
            "latency.command.p99 <= 2",
            "goodput >= -1",
        ] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }

    #[test]
    fn parts_and_policies_are_named_in_any_order() {
        let text = "p429.attempt in 06:00..06:05 of \"cloud homes\" <= 5% for \"full jitter\" and \"none\"";
        let target: Target = text.parse().unwrap();
        assert_eq!(target.part.cohort.as_deref(), Some("cloud homes"));
        assert_eq!(target.part.window.unwrap().to_string(), "06:00..06:05");
        assert_eq!(target.policies, ["full jitter", "none"]);
        assert_eq!(
            target.part.to_string(),
            "in 06:00..06:05 of \"cloud homes\""
        );
        let other: Target = "p429.attempt for \"full jitter\" of cohort \"cloud homes\" in \"06:00..06:05\" and \"none\" <= 5 %"
            .parse()
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((other.part, other.bound), (target.part, target.bound));
        let target: Target = "p429.attempt of method \"m\" by limit \"app hour\" <= 1%"
            .parse()
            .unwrap();
        assert_eq!(target.part.method.as_deref(), Some("m"));
        assert_eq!(target.part.limit.as_deref(), Some("app hour"));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write() {
        for (text, part) in [
            ("p429.attempt of cloud <= 1%", "such as of \"cloud\""),
            ("p429.attempt fro \"x\" <= 1%", "did you mean for?"),
            ("p429.attempt \"x\" <= 1%", "without a word before it"),
            ("p429.attempt in 06:00 <= 1%", "such as \"06:00..06:05\""),
            ("p429.attempt of \"x <= 1%", "quote does not end"),
            ("p429.attempt <= 1% for", "nothing after for"),
            ("p429.attempt < 1%", "without <= or >="),
        ] {
            let message = text.parse::<Target>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
