//! From `ron`'s errors to problems that name the place, what was expected
//! there and how to mend it.
//!
//! `ron` gives the cursor before and after the last step of its parser, so
//! where a value was refused unread the second position is its start, and
//! where it was read the second is its end. The tree turns either into the
//! whole token.

mod elsewhere;
mod meant;
mod syntax;
mod value;

pub(super) use elsewhere::elsewhere;
pub(super) use meant::meant;
pub(super) use value::is_word_code;

use std::ops::Range;

use ron::error::{Error, SpannedError};

use super::node::{Bracket, Entry, Group, Node};
use super::path::advice;
use super::position::{floor_boundary, line_and_column, offset};
use super::tree::{SourceTree, excerpt};
use super::{Hints, Kind, Problem, Unknown, nearest};

/// An error of `ron` about `text` as a [`Problem`].
///
/// The messages of our own types pass through: what follows `"; expected "`
/// or `"; did you mean "` in them becomes the label or the help.
pub fn from_ron(text: &str, error: SpannedError, hints: &Hints) -> Problem {
    let tree = SourceTree::new(text);
    let in_attribute = matches!(
        error.code,
        Error::ExpectedAttribute | Error::ExpectedAttributeEnd | Error::NoSuchExtension(_)
    );
    if tree.root().is_none() && tree.faults().is_empty() && !in_attribute {
        return empty(&error.code);
    }
    let start = offset(text, error.span.start);
    let finder = Finder {
        tree: &tree,
        hints,
        start,
        end: offset(text, error.span.end).max(start),
    };
    let mut problem = finder.problem(error.code);
    problem.place = problem.place.map(|place| {
        let start = floor_boundary(text, place.start);
        start..floor_boundary(text, place.end).max(start)
    });
    problem
}

fn empty(code: &Error) -> Problem {
    let expected = match code {
        Error::ExpectedNamedStructLike(name) if !name.is_empty() => format!("{name}(...)"),
        _ => "a value".to_owned(),
    };
    Problem::new(format!("the file is empty; expected {expected}"))
}

/// The tree and the two positions of an error.
struct Finder<'t> {
    tree: &'t SourceTree<'t>,
    hints: &'t Hints,
    start: usize,
    end: usize,
}

impl<'t> Finder<'t> {
    fn problem(&self, code: Error) -> Problem {
        match code {
            Error::NoSuchStructField {
                expected,
                found,
                outer,
            } => self.unknown_field(expected, &found, outer.as_deref()),
            Error::NoSuchEnumVariant {
                expected, found, ..
            } => {
                // A list that is not closed takes the fields after it for variants.
                let keyed = self
                    .group_at(self.start)
                    .filter(|group| group.bracket == Bracket::Square && group.is_keyed());
                if let Some(problem) = keyed.and_then(|group| self.not_closed(group.body.start - 1))
                {
                    return problem;
                }
                let place = self.word();
                let inside = match self.key_around(place.start, 0) {
                    Some(key) => format!(" in {key}"),
                    None => String::new(),
                };
                let message = format!("unknown word \"{}\"{inside}", excerpt(&found));
                let unknown = Unknown {
                    name: found,
                    known: expected,
                };
                Problem {
                    help: advice(unknown.nearest(), expected),
                    kind: Kind::UnknownWord(Box::new(unknown)),
                    ..Problem::at(place, message).label("not known here")
                }
            }
            Error::ExpectedDifferentStructName { expected, found } => Problem::at(
                self.word(),
                format!("expected {expected}, found \"{}\"", excerpt(&found)),
            )
            .label(format!("expected {expected}(...)"))
            .help(format!(
                "write {expected}(...), or leave the name out: (...)"
            )),
            Error::MissingStructField { field, outer } => {
                self.missing_field(field, outer.as_deref())
            }
            Error::DuplicateStructField { field, outer } => {
                self.duplicate_field(field, outer.as_deref())
            }
            Error::Message(message) | Error::Io(message) => self.message(&message),
            Error::InvalidValueForType { expected, found } => self.invalid_value(&expected, &found),
            Error::NoSuchExtension(name) => Problem::at(
                self.word(),
                format!("unknown RON extension \"{}\"", excerpt(&name)),
            )
            .label("not known here")
            .help(
                advice(nearest(&name, EXTENSIONS.iter().copied()), EXTENSIONS).unwrap_or_default(),
            ),
            Error::InvalidEscape(what) => self.escape(what),
            Error::ExceededRecursionLimit => {
                Problem::at(self.end..self.end, "the text is nested too deeply")
                    .label("expected at most about 60 brackets inside each other")
            }
            Error::ExpectedDifferentLength { expected, found } => self.too_few(&expected, found),
            Error::ExpectedInteger
            | Error::IntegerOutOfBounds
            | Error::InvalidIntegerDigit { .. }
            | Error::UnderscoreAtBeginning
            | Error::ExpectedFloat
            | Error::FloatUnderscore
            | Error::ExpectedBoolean
            | Error::ExpectedString
            | Error::ExpectedChar
            | Error::ExpectedByteLiteral
            | Error::ExpectedByteString
            | Error::ExpectedArray
            | Error::ExpectedMap
            | Error::ExpectedOption
            | Error::ExpectedUnit
            | Error::ExpectedStructLike
            | Error::ExpectedNamedStructLike(_)
            | Error::ExpectedStructName(_)
            | Error::ExpectedRangeSyntax
            | Error::ExpectedIdentifier
            | Error::SuggestRawIdentifier(_)
            | Error::InvalidIdentifier(_) => self.wrong_value(&code),
            code => self.syntax(&code),
        }
    }

    fn unknown_field(
        &self,
        known: &'static [&'static str],
        found: &str,
        outer: Option<&str>,
    ) -> Problem {
        let place = self.word();
        let inside = self.inside(place.start, outer);
        let message = format!("unknown field \"{}\"{inside}", excerpt(found));
        let unknown = Unknown {
            name: found.to_owned(),
            known,
        };
        let mut problem = Problem {
            help: advice(unknown.nearest(), known),
            kind: Kind::UnknownField(Box::new(unknown)),
            ..Problem::at(place.clone(), message).label("not a field here")
        };
        // A bracket left open puts the fields that follow into the wrong struct.
        if let Some(open) = self.suspect_bracket()
            && nearest(found, known.iter().copied()).is_none()
            && self
                .group_at(place.start)
                .is_some_and(|group| group.body.start == open + 1)
        {
            let (line, _) = line_and_column(self.tree.text(), open);
            let advice = problem.help.take().unwrap_or_default();
            problem.help = Some(format!(
                "is the \"{}\" of line {line} closed? {advice}",
                &self.tree.text()[open..=open]
            ));
        }
        problem
    }

    fn missing_field(&self, field: &str, outer: Option<&str>) -> Problem {
        let inside = self.inside(self.end, outer);
        Problem::at(
            self.opening(self.end),
            format!("the field \"{field}\" is missing{inside}"),
        )
        .label(format!("expected {field}: ... inside"))
    }

    fn duplicate_field(&self, field: &str, outer: Option<&str>) -> Problem {
        let place = self.word();
        let inside = self.inside(place.start, outer);
        let problem = Problem::at(
            place.clone(),
            format!("the field \"{field}\" is given twice{inside}"),
        );
        let first = self.group_at(place.start).and_then(|group| {
            let mut keys = group.entries.iter().filter_map(|entry| entry.key.clone());
            keys.find(|key| self.tree.name(key) == field)
        });
        match first {
            Some(first) if first.start < place.start => {
                let (line, _) = line_and_column(self.tree.text(), first.start);
                problem.label(format!("expected once; the first is on line {line}"))
            }
            _ => problem.label("expected once"),
        }
    }

    /// In what the fields at an offset are, in words of the text: the name that
    /// is written before their bracket, or the key of the innermost value that
    /// has one. The name of a type is told of the whole alone.
    fn inside(&self, at: usize, outer: Option<&str>) -> String {
        let written = self.group_at(at).and_then(|group| group.name.clone());
        let name = written
            .map(|name| excerpt(self.tree.raw(&name)))
            .or_else(|| self.key_around(at, 1))
            .or_else(|| outer.map(str::to_owned));
        name.map_or_else(String::new, |name| format!(" in {name}"))
    }

    /// The key of the innermost value around an offset that has one, as it is
    /// written; the innermost `skipped` groups are not looked into.
    fn key_around(&self, at: usize, skipped: usize) -> Option<String> {
        let chain = self.tree.chain(at);
        chain.iter().rev().skip(skipped).find_map(|group| {
            let around =
                |entry: &&Entry| (entry.value.span.start..=entry.value.span.end).contains(&at);
            let key = group.entries.iter().find(around)?.key.as_ref()?;
            Some(excerpt(self.tree.raw(key)))
        })
    }

    /// A message of one of our own types, about the last thing that was read.
    fn message(&self, message: &str) -> Problem {
        let place = self.last_read();
        if let Some((what, expected)) = message.split_once("; expected ") {
            return Problem::at(place, what).label(format!("expected {expected}"));
        }
        match message.split_once("; did you mean ") {
            Some((what, meant)) => Problem::at(place, what).help(format!("did you mean {meant}")),
            None => Problem::at(place, message),
        }
    }

    fn invalid_value(&self, expected: &str, found: &str) -> Problem {
        let place = self.last_read();
        let suffixed = found.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
        if suffixed && (expected.contains("-bit ")) {
            return Problem::at(
                place,
                format!("{} has a type that is not expected here", excerpt(found)),
            )
            .label("expected a number without a type");
        }
        let raw = self.tree.raw(&place);
        let found = if raw.is_empty() || raw.contains('\n') {
            found
        } else {
            raw
        };
        Problem::at(
            place.clone(),
            format!("expected {expected}, found {}", excerpt(found)),
        )
        .label(format!("expected {expected}"))
    }

    /// The word that `ron` has just read.
    fn word(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The innermost group around an offset.
    fn group_at(&self, at: usize) -> Option<&Group> {
        self.tree.chain(at).pop()
    }

    /// The name or the key of the group around an offset, with its bracket.
    fn opening(&self, at: usize) -> Range<usize> {
        let chain = self.tree.chain(at);
        let Some(group) = chain.last() else {
            return self.end..self.end;
        };
        let bracket = group.body.start - 1..group.body.start;
        if let Some(name) = &group.name {
            return name.start..bracket.end;
        }
        let key = chain.iter().rev().nth(1).and_then(|outer| {
            let entry = outer
                .entries
                .iter()
                .find(|entry| entry.value.span.start == bracket.start);
            entry.and_then(|entry| entry.key.clone())
        });
        match key {
            Some(key) if !self.tree.raw(&(key.start..bracket.end)).contains('\n') => {
                key.start..bracket.end
            }
            _ => bracket,
        }
    }

    /// What `ron` read last: the name, key or value that ends last, but not
    /// after the second position; of a group on several lines its head.
    fn last_read(&self) -> Range<usize> {
        let mut last: Option<(usize, Range<usize>)> = None;
        let mut consider = |span: &Range<usize>, shown: Range<usize>| {
            let ended = !span.is_empty() && span.end <= self.end;
            if ended && last.as_ref().is_none_or(|(end, _)| *end < span.end) {
                last = Some((span.end, shown));
            }
        };
        self.tree.for_each(&mut |node| {
            consider(&node.span, self.tree.head(node));
            if let Some(group) = node.group() {
                let keys = group.entries.iter().filter_map(|entry| entry.key.as_ref());
                for word in keys.chain(&group.name) {
                    consider(word, word.clone());
                }
            }
        });
        last.map_or_else(|| self.word(), |(_, place)| place)
    }

    /// The single value, key, or head of a group at an offset. A
    /// value that is left out is an empty one.
    fn token(&self, at: usize) -> Option<Token<'t>> {
        let mut found = None;
        self.tree.for_each(&mut |node| {
            let head = match node.group() {
                Some(group) => node.span.start..group.body.start,
                None => node.span.clone(),
            };
            if head.contains(&at) || head.is_empty() && head.start == at {
                let place = self.tree.head(node);
                found = Some(Token {
                    place,
                    node: Some(node),
                });
            }
            for entry in node.group().map_or(&[][..], |group| &group.entries) {
                if let Some(key) = entry.key.clone().filter(|key| key.contains(&at)) {
                    found = Some(Token {
                        place: key,
                        node: None,
                    });
                }
            }
        });
        found
    }
}

/// What stands where something else was expected; a key has no node.
struct Token<'t> {
    place: Range<usize>,
    node: Option<&'t Node>,
}

const EXTENSIONS: &[&str] = &[
    "implicit_some",
    "unwrap_newtypes",
    "unwrap_variant_newtypes",
    "explicit_struct_names",
];

#[cfg(test)]
pub(super) mod tests;
