use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Amount;
use crate::scenario::text::{Path, excerpt};
use crate::units::UnitError;

/// What a value follows from: another value of the scenario, and how many
/// times it, as in `"20 x cohorts.homes.homes"`, `"clients.hub.timeout / 2"`
/// or `"clients.hub.retry"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Link {
    /// The path of the value that is read.
    pub from: String,
    /// How many times that value; none copies it, whatever it is.
    pub factor: Option<f64>,
    text: String,
}

impl Link {
    /// The value that follows from one, both as RON.
    ///
    /// # Errors
    /// If there is a factor and the value is no number, percentage, time or
    /// rate; the message says so.
    pub(in crate::scenario) fn follow(&self, value: &str) -> Result<Linked, String> {
        let Some(factor) = self.factor else {
            return Ok(Linked {
                text: value.to_owned(),
                whole: None,
            });
        };
        let amount = Amount::read(value).map(|amount| amount.times(factor));
        match amount {
            Some(amount) if amount.value().is_finite() => Ok(Linked {
                text: amount.text(),
                whole: amount.whole().map(|whole| whole.text()),
            }),
            Some(_) => Err(format!("{factor} times {} is too much", self.from)),
            None => Err(format!(
                "\"{}\" is {}, which is no number to be multiplied",
                self.from,
                excerpt(value)
            )),
        }
    }
}

/// What follows from a value.
#[derive(Debug, PartialEq)]
pub(in crate::scenario) struct Linked {
    /// The RON text.
    pub(in crate::scenario) text: String,
    /// The same rounded to a whole number, if it is none.
    pub(in crate::scenario) whole: Option<String>,
}

impl FromStr for Link {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Link, UnitError> {
        let expected =
            "expected a path, or a number times one, such as \"20 x cohorts.homes.homes\"";
        let fail =
            |what: &str| UnitError(format!("the link \"{}\" {what}; {expected}", excerpt(text)));
        let trimmed = text.trim();
        let digits = trimmed
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_')))
            .unwrap_or(trimmed.len());
        let (figures, rest) = trimmed.split_at(digits);
        let mut factor = None;
        let mut path = trimmed;
        if !figures.is_empty() {
            let rest = rest.trim_start();
            let times = rest
                .strip_prefix(['*', '×'])
                .or_else(|| rest.strip_prefix('x').filter(|path| path.starts_with(' ')));
            path = times.ok_or_else(|| fail("does not say what to multiply"))?;
            factor = Some(number(figures).ok_or_else(|| fail("has a number that is none"))?);
        }
        let divided = path
            .rsplit_once('/')
            .and_then(|(path, divisor)| Some((path, number(divisor)?)));
        if let Some((before, divisor)) = divided {
            path = before;
            factor = Some(factor.unwrap_or(1.0) / divisor);
        }
        let times = path
            .rsplit_once(" x ")
            .or_else(|| path.rsplit_once(" * "))
            .and_then(|(path, times)| Some((path, number(times)?)));
        if let Some((before, times)) = times {
            path = before;
            factor = Some(factor.unwrap_or(1.0) * times);
        }
        let path = path.trim();
        if factor.is_some_and(|factor| !factor.is_finite() || factor <= 0.0) {
            return Err(fail("must have a factor of more than zero"));
        }
        match path.parse::<Path>() {
            Err(error) => Err(fail(&format!("has no path: {error}"))),
            Ok(_) if path.is_empty() => Err(fail("has no path")),
            Ok(segments) if segments.segments().iter().any(|part| part.is_every()) => {
                Err(fail("has a * and so names more than one value"))
            }
            Ok(_) => Ok(Link {
                from: path.to_owned(),
                factor,
                text: trimmed.to_owned(),
            }),
        }
    }
}

fn number(figures: &str) -> Option<f64> {
    figures.trim().replace('_', "").parse().ok()
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Link {
    type Error = UnitError;
    fn try_from(text: String) -> Result<Link, UnitError> {
        text.parse()
    }
}

impl From<Link> for String {
    fn from(link: Link) -> String {
        link.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_and_without_a_factor() {
        for (text, from, factor) in [
            ("cohorts.homes.homes", "cohorts.homes.homes", None),
            (
                "20 x cohorts.homes.homes",
                "cohorts.homes.homes",
                Some(20.0),
            ),
            ("0.5*a.b", "a.b", Some(0.5)),
            ("1_000 × a.cloud homes.x", "a.cloud homes.x", Some(1000.0)),
            ("clients.hub.timeout / 2", "clients.hub.timeout", Some(0.5)),
            ("3 x a.b / 2", "a.b", Some(1.5)),
            ("a.b x 4", "a.b", Some(4.0)),
            ("a.\"b/2\".c", "a.\"b/2\".c", None),
        ] {
            let link: Link = text.parse().unwrap();
            assert_eq!((link.from.as_str(), link.factor), (from, factor), "{text}");
            assert_eq!(String::from(link), text);
        }
    }

    #[test]
    fn texts_that_are_no_links_say_why() {
        for (text, part) in [
            ("", "has no path"),
            ("20", "what to multiply"),
            ("20 cohorts.homes.homes", "what to multiply"),
            ("20 x ", "what to multiply"),
            ("20 *", "has no path"),
            ("0 x a.b", "more than zero"),
            ("a.b / 0", "more than zero"),
            ("1.2.3 x a", "a number that is none"),
            ("clients.*.timeout", "more than one value"),
            ("a..b", "has no path"),
        ] {
            let message = text.parse::<Link>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
            assert!(message.contains("; expected a path"), "{text}: {message}");
        }
    }

    #[test]
    fn a_copy_takes_any_value_and_a_product_only_a_number() {
        let copy: Link = "clients.a.retry".parse().unwrap();
        assert_eq!(copy.follow("\"none\"").unwrap().text, "\"none\"");
        let half: Link = "clients.a.retry / 2".parse().unwrap();
        assert!(half.follow("\"none\"").unwrap_err().contains("no number"));
        let linked = half.follow("25").unwrap();
        assert_eq!(
            (linked.text.as_str(), linked.whole.as_deref()),
            ("12.5", Some("13"))
        );
    }
}
