//! A value of the wrong kind: what was expected, what was found, and the form
//! that was probably meant.

use std::ops::Range;

use ron::error::Error;

use super::super::node::{Bracket, Leaf, Node};
use super::super::tree::excerpt;
use super::super::{Problem, Reference};
use super::{Finder, Token};

impl Finder<'_> {
    pub(super) fn wrong_value(&self, code: &Error) -> Problem {
        if let Some(problem) = self.broken_text() {
            return problem;
        }
        if self.rest(self.end).starts_with('#') {
            return self.syntax(code);
        }
        // Only a number out of bounds has been read.
        let at = match code {
            Error::IntegerOutOfBounds => self.end.saturating_sub(1),
            _ => self.end,
        };
        let Some(token) = self.token(at) else {
            return self.syntax(code);
        };
        match token.node {
            Some(node) if node.leaf() == Some(Leaf::Number) && is_integer_code(code) => {
                self.wrong_integer(code, &token)
            }
            Some(node) if is_word_code(code) && self.lacks_name(node) => {
                let mut problem = Problem::at(
                    token.place,
                    format!(
                        "expected a field as name: value, found {}",
                        self.describe(node)
                    ),
                )
                .label("expected name: value");
                problem.help = without_commas(self.tree.text(), &node.span);
                problem
            }
            Some(node) => {
                let expected = self.expected(code, node);
                let found = self.describe(node);
                let mut problem =
                    Problem::at(token.place, format!("expected {expected}, found {found}"))
                        .label(format!("expected {expected}"));
                problem.help = self.remedy(code, node);
                problem
            }
            None => self.wrong_key(code, &token),
        }
    }

    /// A whole number was expected where a number stands.
    pub(super) fn wrong_integer(&self, code: &Error, token: &Token<'_>) -> Problem {
        let raw = self.tree.raw(&token.place);
        let plain = raw.replace('_', "");
        let digits = plain.trim_start_matches(['+', '-']);
        let shown = excerpt(raw);
        let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if *code == Error::IntegerOutOfBounds && plain.starts_with('-') {
            return Problem::at(
                token.place.clone(),
                format!("the number {shown} is negative"),
            )
            .label("expected a whole number, zero or more");
        }
        if *code == Error::IntegerOutOfBounds {
            // The width of the field is not in the error; these bounds hold
            // for every width that refuses the number.
            let most = match digits.parse::<u64>() {
                Ok(value) if value > u64::from(u32::MAX) => format!("at most {}", u32::MAX),
                Ok(_) => "a smaller one".to_owned(),
                Err(_) => format!("at most {}", u64::MAX),
            };
            return Problem::at(
                token.place.clone(),
                format!("the number {shown} is too large"),
            )
            .label(format!("expected a whole number, {most}"));
        }
        // Where ron went on to look for a comma, a number was read, whole or not.
        let fraction = plain.parse::<f64>();
        let kind = match fraction.is_err() && *code == Error::ExpectedComma {
            true => "a number",
            false => "a whole number",
        };
        let problem = Problem::at(
            token.place.clone(),
            format!("expected {kind}, found {shown}"),
        )
        .label(format!("expected {kind}"));
        if let Some(written) = with_suffix(&plain) {
            return problem.help(format!("write {written}"));
        }
        match fraction {
            Ok(value) if !all_digits && value.abs() < 9e15 => {
                let (low, high) = (value.floor() as i64, value.ceil() as i64);
                problem.help(match low == high {
                    true => format!("write {low}"),
                    false => format!("write {low} or {high}"),
                })
            }
            Err(_)
                if digits.starts_with(|c: char| c.is_ascii_digit()) && !digits.starts_with('0') =>
            {
                problem.help(format!(
                    "a number stands here without a unit; a text needs quotes: \"{shown}\""
                ))
            }
            _ => problem,
        }
    }

    fn wrong_key(&self, code: &Error, token: &Token<'_>) -> Problem {
        let raw = excerpt(self.tree.raw(&token.place));
        let name = self.tree.name(&token.place);
        if matches!(code, Error::ExpectedString) {
            return Problem::at(
                token.place.clone(),
                format!("expected a name in quotes, found {raw}"),
            )
            .label("expected a name in quotes")
            .help(format!("write \"{raw}\""));
        }
        let problem = Problem::at(
            token.place.clone(),
            format!("expected the name of a field, found {raw}"),
        )
        .label("expected letters, digits and _, without quotes");
        let meant: String = name
            .chars()
            .map(|c| if matches!(c, '-' | ' ') { '_' } else { c })
            .collect();
        match is_word(&meant) {
            true => problem.help(format!("write {}", excerpt(&meant))),
            false => problem,
        }
    }

    fn expected(&self, code: &Error, found: &Node) -> String {
        let whole = self.tree.root().is_some_and(|root| root.span == found.span);
        match code {
            Error::ExpectedFloat | Error::FloatUnderscore => "a number".to_owned(),
            Error::ExpectedBoolean => "true or false".to_owned(),
            Error::ExpectedString => "text in quotes".to_owned(),
            Error::ExpectedChar => "one character in apostrophes".to_owned(),
            Error::ExpectedByteLiteral => "one byte, such as b'a'".to_owned(),
            Error::ExpectedByteString => "bytes, such as b\"abc\"".to_owned(),
            Error::ExpectedArray => "a list [...]".to_owned(),
            Error::ExpectedMap => "a map { \"name\": ... }".to_owned(),
            Error::ExpectedOption => "Some(...) or None".to_owned(),
            Error::ExpectedUnit => "()".to_owned(),
            Error::ExpectedStructLike => "values in parentheses".to_owned(),
            Error::ExpectedNamedStructLike(name) if whole && !name.is_empty() => {
                format!("{name}(...)")
            }
            Error::ExpectedNamedStructLike(_) => "fields in parentheses".to_owned(),
            Error::ExpectedStructName(name) => format!("{name}(...)"),
            Error::ExpectedRangeSyntax => "a range such as 1..5".to_owned(),
            code if is_word_code(code) => "a word such as Name or Name(...)".to_owned(),
            _ => "a whole number".to_owned(),
        }
    }

    /// Whether a value stands without a key among values with keys.
    fn lacks_name(&self, node: &Node) -> bool {
        let chain = self.tree.chain(node.span.start);
        chain.iter().any(|group| {
            let mut entries = group.entries.iter();
            group.is_keyed() && entries.any(|entry| entry.key.is_none() && entry.value == *node)
        })
    }

    fn describe(&self, node: &Node) -> String {
        let raw = self.tree.raw(&node.span);
        match node.group() {
            None if raw.is_empty() => "nothing".to_owned(),
            None => excerpt(raw),
            Some(group) => match (&group.name, group.bracket) {
                (Some(name), _) => format!("{}(...)", excerpt(self.tree.raw(name))),
                (None, Bracket::Square) => "a list [...]".to_owned(),
                (None, Bracket::Curly) => "a map {...}".to_owned(),
                (None, Bracket::Round) => "(...)".to_owned(),
            },
        }
    }

    /// The form that was probably meant.
    fn remedy(&self, code: &Error, node: &Node) -> Option<String> {
        let raw = self.tree.raw(&node.span);
        let short = !raw.contains('\n') && raw.chars().count() <= 30;
        match (code, node.leaf()) {
            (_, Some(Leaf::Other)) if raw.starts_with(['“', '”', '„', '«', '‘', '’']) => {
                Some("write plain quotes: \"...\"".to_owned())
            }
            (_, Some(Leaf::Other)) if raw.starts_with('\u{a0}') => {
                Some("a no-break space stands before it; write a plain space".to_owned())
            }
            (Error::ExpectedString, None) => {
                let key = self.key_around(node.span.start, 0)?;
                let mut references = self.hints.references.iter();
                let Reference { field, list, what } = references.find(|it| it.field == key)?;
                Some(format!(
                    "give the {what} a name under `{list}`, as in {list}: {{\"NAME\": {}}}, and write {field}: \"NAME\" here",
                    self.describe(node)
                ))
            }
            (Error::ExpectedString, Some(Leaf::Number))
                if raw.parse::<f64>().is_ok() && short && !self.hints.with_unit.is_empty() =>
            {
                Some(format!(
                    "what has a unit is written in quotes with it: {}",
                    self.hints.with_unit.replace("{}", raw)
                ))
            }
            (Error::ExpectedString, Some(Leaf::Number | Leaf::Word)) if short => {
                Some(format!("write \"{raw}\""))
            }
            (Error::ExpectedString, Some(Leaf::Character)) if short => {
                Some(format!("write \"{}\"", raw.trim_matches('\'')))
            }
            (Error::ExpectedBoolean, Some(Leaf::Word | Leaf::Text | Leaf::Number)) => {
                match self.tree.name(&node.span).to_lowercase().as_str() {
                    "true" | "yes" | "on" | "1" => Some("write true".to_owned()),
                    "false" | "no" | "off" | "0" => Some("write false".to_owned()),
                    _ => None,
                }
            }
            (Error::ExpectedFloat, Some(Leaf::Number)) => {
                with_suffix(raw).map(|written| format!("write {written}"))
            }
            (Error::ExpectedFloat, Some(Leaf::Text)) => self.without_quotes(node, is_number),
            (code, Some(Leaf::Text)) if is_integer_code(code) => {
                self.without_quotes(node, is_number)
            }
            (Error::ExpectedArray, _) if short && !raw.is_empty() => {
                Some(format!("a list of one is written [{raw}]"))
            }
            (Error::ExpectedMap, None) => {
                Some("a map has braces, and its names are in quotes: { \"name\": ... }".to_owned())
            }
            (Error::ExpectedNamedStructLike(_), None) if raw.starts_with(['{', '[']) => {
                Some("fields stand in parentheses: (field: value)".to_owned())
            }
            _ => None,
        }
    }

    fn without_quotes(&self, node: &Node, is_meant: impl Fn(&str) -> bool) -> Option<String> {
        let text = self.tree.name(&node.span);
        is_meant(&text).then(|| format!("write {} without quotes", excerpt(&text)))
    }
}

fn is_integer_code(code: &Error) -> bool {
    matches!(
        code,
        Error::ExpectedInteger
            | Error::IntegerOutOfBounds
            | Error::InvalidIntegerDigit { .. }
            | Error::UnderscoreAtBeginning
            | Error::ExpectedComma
    )
}

/// Whether a word or a field's name is missing.
pub(in super::super) fn is_word_code(code: &Error) -> bool {
    matches!(
        code,
        Error::ExpectedIdentifier | Error::SuggestRawIdentifier(_) | Error::InvalidIdentifier(_)
    )
}

/// The number that a text such as `50k` or `1.5M` stands for, in full.
fn with_suffix(text: &str) -> Option<String> {
    const LARGEST: f64 = 1e15;
    let (number, suffix) = text.split_at(text.len() - text.chars().last()?.len_utf8());
    let factor = match suffix {
        "k" | "K" => 1e3,
        "m" | "M" => 1e6,
        "g" | "G" | "b" | "B" => 1e9,
        _ => return None,
    };
    let whole = number.parse::<f64>().ok()? * factor;
    (whole.abs() < LARGEST && whole.fract() == 0.0).then(|| format!("{whole:.0}"))
}

/// The number that is meant where the value at `place` is three digits after a
/// comma, as in `50,000`.
pub(super) fn without_commas(text: &str, place: &Range<usize>) -> Option<String> {
    let group = text.get(place.clone())?;
    let before = text[..place.start].trim_end().strip_suffix(',')?;
    let length = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let first = &before[before.len() - length..];
    let digits = group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit());
    (digits && matches!(length, 1..=3)).then(|| format!("write {first}{group} or {first}_{group}"))
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn is_word(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}
