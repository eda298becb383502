//! Which number a study varies, if it varies one: the axis of its charts.

use std::collections::BTreeMap;

use crate::report::Answer;
use crate::report::chart::{Axis, Scale};
use crate::units::Span;

/// A number that a study varies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Varied {
    /// The axis with its words.
    pub(super) axis: Axis,
    /// The number of each cell.
    pub(super) numbers: Vec<f64>,
    /// The paths of what else is varied; empty if nothing is.
    pub(super) other_paths: String,
    /// For each cell what else is varied, as a line is called; empty if nothing is.
    pub(super) others: Vec<String>,
}

/// Fewer values than this are better told side by side.
const FEWEST: usize = 3;

/// Numbers that span more than this factor are spaced by powers.
const WIDE: f64 = 50.0;

/// The varied path whose values are numbers, or quantities that can be
/// compared: the one with the most values, if there are several.
pub(super) fn varied(answer: &Answer<'_>) -> Option<Varied> {
    let paths = answer.varied_paths();
    let cells: Vec<Vec<&str>> = (0..answer.study.cells.len())
        .map(|cell| answer.varied_values(cell))
        .collect();
    let columns = (0..paths.len()).filter_map(|column| {
        let values: Vec<&str> = (cells.iter())
            .map(|values| values.get(column).copied())
            .collect::<Option<_>>()?;
        let (numbers, scale, pattern) = quantities(&values)?;
        let mut distinct = numbers.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        (distinct.len() >= FEWEST).then_some((distinct.len(), column, numbers, scale, pattern))
    });
    // The first of those with the most values.
    let (_, column, numbers, scale, pattern) =
        columns.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    // What follows from the number, such as a quota that is linked to it, makes
    // no line of its own.
    let follows = |other: usize| {
        let mut known: BTreeMap<u64, &str> = BTreeMap::new();
        (cells.iter().zip(&numbers)).all(|(values, number)| {
            *known.entry(number.to_bits()).or_insert(values[other]) == values[other]
        })
    };
    let free: Vec<usize> = (0..paths.len())
        .filter(|other| *other != column && !follows(*other))
        .collect();
    let others: Vec<String> = (cells.iter())
        .map(|values| {
            let words: Vec<&str> = free.iter().map(|other| values[*other]).collect();
            words.join(", ")
        })
        .collect();
    let others = named(answer, column, &others).unwrap_or(others);
    let other_paths = free.iter().map(|other| (*other, &paths[*other]));
    let other_paths: Vec<&str> = other_paths.map(|(_, path)| path.as_str()).collect();
    Some(Varied {
        other_paths: other_paths.join(", "),
        axis: Axis {
            label: match pattern.as_str() {
                "" => paths[column].clone(),
                pattern => format!("{}: {pattern}", paths[column]),
            },
            scale,
        },
        numbers,
        others,
    })
}

/// What the cells are called without the number, if that tells apart the same
/// cells as `others`: a policy that sets several paths has a name.
fn named(answer: &Answer<'_>, column: usize, others: &[String]) -> Option<Vec<String>> {
    let names = answer.study.cells.iter().enumerate().map(|(index, cell)| {
        let number = answer.varied_values(index)[column];
        let mut parts: Vec<&str> = cell.name.split(", ").collect();
        let place = parts.iter().rposition(|part| *part == number)?;
        parts.remove(place);
        Some(parts.join(", "))
    });
    let names: Vec<String> = names.collect::<Option<_>>()?;
    let (mut to, mut back) = (BTreeMap::new(), BTreeMap::new());
    let same = others.iter().zip(&names).all(|(other, name)| {
        *to.entry(other).or_insert(name) == name && *back.entry(name).or_insert(other) == other
    });
    same.then_some(names)
}

/// The values as numbers, how they are spaced, and how they are written around
/// the number.
fn quantities(values: &[&str]) -> Option<(Vec<f64>, Scale, String)> {
    let spans: Option<Vec<f64>> = (values.iter())
        .map(|value| {
            let span: Span = (*value).to_owned().try_into().ok()?;
            Some(span.secs_f64())
        })
        .collect();
    if let Some(seconds) = spans {
        return Some((seconds, Scale::Elapsed, String::new()));
    }
    let parts: Vec<Vec<Token<'_>>> = values.iter().map(|value| tokens(value)).collect();
    let first = parts.first()?;
    if parts.iter().any(|other| other.len() != first.len()) {
        return None;
    }
    // They may differ in one number and nothing else.
    let differs = |place: &usize| parts.iter().any(|other| other[*place] != first[*place]);
    let mut places = (0..first.len()).filter(differs);
    let place = match (places.next(), places.next()) {
        (Some(place), None) => place,
        _ => return None,
    };
    let numbers: Option<Vec<f64>> = (parts.iter())
        .map(|tokens| match &tokens[place] {
            Token::Number(number) => Some(*number),
            Token::Text(_) => None,
        })
        .collect();
    let numbers = numbers?;
    let around = |tokens: &[Token<'_>]| -> String { tokens.iter().map(Token::text).collect() };
    let (before, after) = (around(&first[..place]), around(&first[place + 1..]));
    let all_between = |least: f64, most: f64| numbers.iter().all(|n| (least..=most).contains(n));
    if (before.as_str(), after.trim()) == ("", "%") && all_between(0.0, 100.0) {
        let shares = numbers.iter().map(|percent| percent / 100.0).collect();
        return Some((shares, Scale::Probability, String::new()));
    }
    let pattern = match (before.as_str(), after.as_str()) {
        ("", "") => String::new(),
        _ => format!("{before}…{after}"),
    };
    let most = numbers.iter().copied().fold(0.0, f64::max);
    let is_wide = numbers.iter().all(|number| *number > 0.0)
        && numbers.iter().any(|number| *number * WIDE < most);
    let scale = if is_wide { Scale::Log } else { Scale::Linear };
    Some((numbers, scale, pattern))
}

#[derive(Debug, Clone, PartialEq)]
enum Token<'a> {
    Number(f64),
    Text(&'a str),
}

impl Token<'_> {
    fn text(&self) -> String {
        match self {
            Token::Number(number) => number.to_string(),
            Token::Text(text) => (*text).to_owned(),
        }
    }
}

/// A value cut into numbers and what stands between them. Digits in a name are
/// part of it.
fn tokens(value: &str) -> Vec<Token<'_>> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '_';
    let mut tokens = Vec::new();
    let (mut rest, mut begin) = (value, 0);
    while let Some(place) = rest[begin..].find(|c: char| c.is_ascii_digit()) {
        let start = begin + place;
        let end = rest[start..]
            .find(|c: char| !is_number(c))
            .map_or(rest.len(), |length| start + length);
        let in_a_name = rest[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let digits = rest[start..end].replace('_', "");
        match digits.parse::<f64>().ok().filter(|_| !in_a_name) {
            Some(number) => {
                if start > 0 {
                    tokens.push(Token::Text(&rest[..start]));
                }
                tokens.push(Token::Number(number));
                (rest, begin) = (&rest[end..], 0);
            }
            None => begin = end,
        }
    }
    if !rest.is_empty() {
        tokens.push(Token::Text(rest));
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_where_nothing_else_differs() {
        use Scale::{Elapsed, Linear, Log, Probability};
        for (values, expected) in [
            (
                &["40", "80", "160"][..],
                Some((&[40.0, 80.0, 160.0][..], Linear, "")),
            ),
            (
                &["1_000", "20_000", "300_000"],
                Some((&[1e3, 2e4, 3e5], Log, "")),
            ),
            (&["0.5", "1", "1.5"], Some((&[0.5, 1.0, 1.5], Linear, ""))),
            (
                &["30s", "2min", "1h"],
                Some((&[30.0, 120.0, 3600.0], Elapsed, "")),
            ),
            (
                &["1%", "2.5%", "10%"],
                Some((&[0.01, 0.025, 0.1], Probability, "")),
            ),
            (
                &["60/min", "90/min"],
                Some((&[60.0, 90.0], Linear, "…/min")),
            ),
            (
                &["Fixed(40)", "Fixed(45)"],
                Some((&[40.0, 45.0], Linear, "Fixed(…)")),
            ),
            (
                &["Gcra(rate: 1/s, burst: 5)", "Gcra(rate: 1/s, burst: 10)"],
                Some((&[5.0, 10.0], Linear, "Gcra(rate: 1/s, burst: …)")),
            ),
            (&["60/min", "1/s"], None),
            (&["none", "fixed 30 s", "full jitter"], None),
            (&["v1", "v2"], None),
            (&["a", "b"], None),
            (&["Fixed(1)", "PerUser(1)"], None),
            (&["1 of 2", "2 of 3"], None),
            (&["", ""], None),
        ] {
            let found = quantities(values);
            let expected =
                expected.map(|(numbers, scale, text)| (numbers.to_vec(), scale, text.to_owned()));
            assert_eq!(found, expected, "{values:?}");
        }
    }
}
