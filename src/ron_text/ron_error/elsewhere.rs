//! A form that exists, but belongs to another place: a distribution of times
//! for a retry policy, the rule of a limit for a stage, the fields of one
//! variant under the name of another.
//!
//! What is said is what can be read without an error in that place.

use std::ops::Range;

use ron::error::{Error, SpannedError};

use super::super::node::{Group, Node};
use super::super::path::advice;
use super::super::position::offset;
use super::super::tree::{SourceTree, excerpt};
use super::super::{Hints, nearest};

/// Larger texts are not read again for each guess.
const MOST_BYTES: usize = 16 << 10;
/// Longer values are not repeated in a guess.
const MOST_CHARS: usize = 60;

/// How the value that an error at `place` is in may be mended, and where the
/// value to be changed starts; `read` reads a text as the scenario that it
/// should be.
pub(in super::super) fn elsewhere(
    text: &str,
    tree: &SourceTree<'_>,
    place: &Range<usize>,
    code: &Error,
    hints: &Hints,
    read: impl Fn(&str) -> Result<(), SpannedError>,
) -> Option<(String, usize)> {
    if text.len() > MOST_BYTES {
        return None;
    }
    let guesses = Guesses {
        text,
        tree,
        hints,
        read,
    };
    match code {
        Error::NoSuchStructField { .. } => {
            let (node, group) = guesses.named_around(place.start)?;
            let help = guesses
                .wrapped(node, group)
                .or_else(|| guesses.other_name(node, group))?;
            Some((help, node.span.start))
        }
        Error::NoSuchEnumVariant {
            expected, found, ..
        } => {
            let (node, group) = guesses.named_at(place.start)?;
            let found = found.as_str();
            if nearest(found, expected.iter().copied()).is_some() {
                return None;
            }
            let help = guesses.wrapped(node, group).or_else(|| {
                let (words, what) = hints.elsewhere;
                let elsewhere = words.contains(&found) && !expected.contains(&found);
                let known = advice(None, expected)?;
                elsewhere.then(|| format!("{found} {what}; {known}"))
            })?;
            Some((help, node.span.start))
        }
        _ => {
            let (node, group) = guesses.named_at(place.start)?;
            let outer = guesses.named_around(node.span.start.checked_sub(1)?);
            if let Some((outer, group)) = outer
                && let Some(help) = guesses.other_name(outer, group)
            {
                return Some((help, outer.span.start));
            }
            Some((guesses.wrapped(node, group)?, node.span.start))
        }
    }
}

struct Guesses<'t, R> {
    text: &'t str,
    tree: &'t SourceTree<'t>,
    hints: &'t Hints,
    read: R,
}

impl<'t, R: Fn(&str) -> Result<(), SpannedError>> Guesses<'t, R> {
    /// The value with a name and brackets that starts at an offset.
    fn named_at(&self, at: usize) -> Option<(&'t Node, &'t Group)> {
        self.last(|node, _| node.span.start == at)
    }

    /// The innermost value with a name and brackets around an offset.
    fn named_around(&self, at: usize) -> Option<(&'t Node, &'t Group)> {
        self.last(|_, group| (group.body.start..=group.body.end).contains(&at))
    }

    fn last(&self, is_meant: impl Fn(&Node, &Group) -> bool) -> Option<(&'t Node, &'t Group)> {
        let mut found = None;
        self.tree.for_each(&mut |node| {
            if let Some(group) = node.group()
                && group.name.is_some()
                && is_meant(node, group)
            {
                found = Some((node, group));
            }
        });
        found
    }

    /// The value inside another form, or its content under another name.
    fn wrapped(&self, node: &Node, group: &Group) -> Option<String> {
        let value = self.tree.raw(&node.span);
        // `Fixed("1s")` and `Fixed(wait: "1s")` have the same content.
        let content = match group.entries.as_slice() {
            [only] => self.tree.raw(&only.value.span),
            _ => "",
        };
        let around = (self.hints.wrapped)
            .iter()
            .map(|(before, after)| (*before, value, *after));
        let renamed = self.hints.renamed.iter().map(|name| (*name, content, ")"));
        let bare = [("", content, "")].into_iter();
        let guesses = around.chain(renamed).chain(bare);
        let shown = |part: &str| match part.contains('\n') || part.chars().count() > MOST_CHARS {
            true => {
                let name = group.name.as_ref().map_or("", |name| self.tree.raw(name));
                format!("{}(...)", excerpt(name))
            }
            false => part.to_owned(),
        };
        for (before, part, after) in guesses {
            if part.is_empty() {
                continue;
            }
            let open = if after == ")" && !before.ends_with(' ') {
                "("
            } else {
                ""
            };
            let guess = [before, open, part, after].concat();
            if guess != value && self.fits(&node.span, &guess) {
                return Some(format!("write {before}{open}{}{after}", shown(part)));
            }
        }
        None
    }

    /// Another variant that takes the same fields.
    fn other_name(&self, node: &Node, group: &Group) -> Option<String> {
        let name = group.name.clone()?;
        let with = |other: &str| [&self.text[..name.start], other, &self.text[name.end..]].concat();
        let Err(SpannedError {
            code: Error::NoSuchEnumVariant { expected, .. },
            ..
        }) = (self.read)(&with("_none_"))
        else {
            return None;
        };
        let written = self.tree.raw(&name);
        let rest = &self.tree.raw(&node.span)[name.len()..];
        let other = expected
            .iter()
            .find(|other| **other != written && self.fits(&node.span, &[other, rest].concat()))?;
        Some(format!(
            "write {other}(...) in place of {}(...)",
            excerpt(written)
        ))
    }

    /// Whether the text can be read beyond a value if the guess stands there.
    fn fits(&self, span: &Range<usize>, guess: &str) -> bool {
        let whole = [&self.text[..span.start], guess, &self.text[span.end..]].concat();
        (self.read)(&whole).err().is_none_or(|error| {
            offset(&whole, error.span.start) >= span.start + guess.len()
                && !matches!(error.code, Error::Message(_))
        })
    }
}
