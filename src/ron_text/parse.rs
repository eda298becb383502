use ron::error::Error;
use ron::extensions::Extensions;
use serde::de::DeserializeOwned;

use super::node::{Bracket, Entry, Node};
use super::position::{floor_boundary, offset};
use super::repair::{Reading, Repair, repair};
use super::ron_error::{elsewhere, is_word_code, meant};
use super::scan::skip_space;
use super::tree::SourceTree;
use super::{Hints, Kind, Problems, from_ron, nearest};

/// Reads a typed value without any hints; see [`parse_with`].
///
/// # Errors
/// As [`parse_with`].
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Problems> {
    parse_with(text, &Hints::default())
}

/// Reads a typed value from a text, in the dialect that all scenarios
/// use: RON in which `Some(...)` is left out, and so are the inner brackets of
/// `Vegas((...))`.
///
/// # Errors
/// Every problem that can be told from the others, at most [`MOST_PROBLEMS`].
/// `ron` stops at its first error; then the field or element that the error is
/// in is blanked out and the rest read again. An error that follows from the
/// blank (a field that is missing now, say) is not reported. A bracket, comma
/// or colon that is missing or too many is mended before. What cannot be mended,
/// and quotes and comments left open, end the search, and a text of more than a few hundred
/// KiB is not read again so often. Numbers that are not finite are
/// refused wherever they stand.
pub fn parse_with<T: DeserializeOwned>(text: &str, hints: &Hints) -> Result<T, Problems> {
    let options = dialect();
    let mut problems: Problems = SourceTree::new(text)
        .non_finite_numbers()
        .into_iter()
        .collect();
    let mut left = text.to_owned();
    let mut insertions = Insertions::default();
    let mut blanks = Vec::new();
    if options.from_str::<T>(text).is_err() {
        let read = |text: &str| match options.from_str::<T>(text) {
            Ok(_) => Reading::Sound,
            Err(error) => Reading::Stops(offset(text, error.span.start)),
        };
        while problems.len() < MOST_PROBLEMS
            && let Some(Repair {
                mut problem,
                text,
                inserted,
            }) = repair(&left, &read)
        {
            problem.place = problem.place.map(|place| insertions.original(place));
            problems.push(problem);
            insertions.0.extend(inserted);
            left = text;
        }
    }
    let rounds = (MOST_REREAD / text.len().max(1)).max(1);
    for _ in 0..rounds {
        if problems.len() >= MOST_PROBLEMS {
            break;
        }
        let error = match options.from_str(&left) {
            Ok(value) => return problems.into_result(value),
            Err(error) => error,
        };
        let tree = SourceTree::new(&left);
        let end = offset(&left, error.span.end);
        let code = error.code.clone();
        let mut problem = from_ron(&left, error, hints);
        let mut misplaced = None;
        if let Some(place) = &problem.place {
            let read = |text: &str| options.from_str::<T>(text).map(drop);
            if is_word_code(&code)
                && let Some(help) = meant(&left, place, read)
            {
                problem.help = Some(help);
                problem.kind = Kind::Other;
            } else if let Some((help, start)) = elsewhere(&left, &tree, place, &code, hints, read) {
                problem.help = Some(help);
                problem.kind = Kind::Other;
                misplaced = Some(start);
            }
        }
        let at = match code {
            Error::MissingStructField { .. } => match tree.chain(end).last() {
                Some(group) => group.body.start - 1,
                None => end,
            },
            // What is wrong is the whole value.
            _ if misplaced.is_some() => misplaced.unwrap_or(0),
            _ => problem.place.as_ref().map_or(0, |place| place.start),
        };
        // A number that is not finite was told of before the text was read.
        let told = problem.place.as_ref().is_some_and(|place| {
            let place = Some(insertions.original(place.clone()));
            problems.iter().any(|other| other.place == place)
        });
        let follows = told
            || blanks
                .iter()
                .any(|blank: &Blank| blank.causes(&tree, &code, at));
        if !follows {
            problem.place = problem.place.map(|place| {
                let place = insertions.original(place);
                floor_boundary(text, place.start)..floor_boundary(text, place.end)
            });
            problems.push(problem);
        }
        let Some((group, entry)) = enclosing_entry(&tree, at).filter(|_| tree.faults().is_empty())
        else {
            break;
        };
        let key = entry.key.as_ref().map(|key| tree.name(key).into_owned());
        let range = entry
            .key
            .as_ref()
            .map_or(entry.value.span.start, |key| key.start)
            ..entry.value.span.end;
        blanks.push(Blank { group, key });
        left = blanked(&left, range);
    }
    Err(problems)
}

/// The offsets at which a character was put in to mend the text, each in the
/// text as it was then.
#[derive(Default)]
struct Insertions(Vec<usize>);

impl Insertions {
    /// The place in the original text of a place in the mended one.
    fn original(&self, place: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let back = |at: usize| {
            let backwards = self.0.iter().rev();
            backwards.fold(at, |at, inserted| at - usize::from(at > *inserted))
        };
        back(place.start)..back(place.end)
    }
}

/// Whether a text reads as a value of that type in the dialect of scenarios.
pub fn reads<T: DeserializeOwned>(text: &str) -> bool {
    dialect().from_str::<T>(text).is_ok()
}

fn dialect() -> ron::Options {
    ron::Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES)
}

/// The most problems that [`parse`] reports.
pub const MOST_PROBLEMS: usize = 20;

/// The most bytes that are read again in search of more problems, so that a
/// text of several MiB that is wrong all over is refused in about a second.
const MOST_REREAD: usize = 8 << 20;

/// An entry that was blanked out of the group whose content starts at `group`.
struct Blank {
    group: usize,
    key: Option<String>,
}

impl Blank {
    /// Whether an error of the value at `at` comes from this blank.
    fn causes(&self, tree: &SourceTree<'_>, code: &Error, at: usize) -> bool {
        match code {
            // The field was there, or a misspelling of it.
            Error::MissingStructField { field, .. } => {
                let key = self.key.as_deref().unwrap_or_default();
                self.group == at + 1 && nearest(key, std::iter::once(*field)).is_some()
            }
            // One of our own types refuses a value that is not whole now.
            Error::Message(_) => {
                let mut inside = false;
                tree.for_each(&mut |node: &Node| {
                    inside |= node.span.start == at && node.span.contains(&self.group);
                });
                inside
            }
            _ => false,
        }
    }
}

/// The innermost entry around an offset that can be left out without a change
/// to the meaning of its neighbours, and the start of its group's content.
fn enclosing_entry<'t>(tree: &'t SourceTree<'_>, at: usize) -> Option<(usize, &'t Entry)> {
    tree.chain(at).into_iter().rev().find_map(|group| {
        let removable = group.is_keyed() || group.bracket == Bracket::Square;
        let entry = group.entries.iter().find(|entry| {
            let start = entry
                .key
                .as_ref()
                .map_or(entry.value.span.start, |key| key.start);
            start <= at && at <= entry.value.span.end
        });
        entry
            .filter(|_| removable)
            .map(|entry| (group.body.start, entry))
    })
}

/// The text with a range and the comma after it made white space, byte for
/// byte; line breaks stay.
fn blanked(text: &str, range: std::ops::Range<usize>) -> String {
    let comma = skip_space(text, range.end);
    let has_comma = text[comma..].starts_with(',');
    let mut blanked = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let out = range.contains(&at) || has_comma && at == comma;
        match c {
            '\n' | '\r' => blanked.push(c),
            _ if out => blanked.extend(std::iter::repeat_n(' ', c.len_utf8())),
            _ => blanked.push(c),
        }
    }
    blanked
}

#[cfg(test)]
mod tests;
