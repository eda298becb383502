use std::borrow::Cow;
use std::ops::Range;

use super::node::{Bracket, Group, Leaf};
use super::path::{Path, PathError};
use super::tree::SourceTree;
use super::{Problem, nearest};

/// Why a value could not be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The path leads nowhere.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The path leads to something that is not a list.
    #[error("{path:?} is not a list; expected [value, ...]")]
    NotAList {
        /// The path asked for.
        path: String,
        /// Where it leads.
        place: Range<usize>,
    },
}

impl EditError {
    /// The same as a [`Problem`], at the place where the path is written.
    pub fn into_problem(self, place: Option<Range<usize>>) -> Problem {
        match self {
            EditError::Path(error) => error.into_problem(place),
            error @ EditError::NotAList { .. } => Problem {
                place,
                ..Problem::new(error.to_string())
            },
        }
    }
}

/// The text with the value at `path` replaced by `value`; the first of
/// [`candidates`].
///
/// # Errors
/// As [`candidates`].
pub fn set(text: &str, path: &str, value: &str) -> Result<String, EditError> {
    let mut candidates = candidates(text, path, value)?;
    Ok(candidates.swap_remove(0))
}

/// The texts that setting `path` to `value` can mean, the likeliest first, at
/// least one; the caller takes the first that reads as a scenario.
///
/// `value` is raw RON, or a text without its quotes. A value that is in quotes
/// already, and one that is not a single well-formed value, has one reading.
/// Otherwise, where a string stands now the quoted reading comes first, and
/// elsewhere the raw one; a bare `None` or `Some(...)` is first read as such.
///
/// If the last segment names a field that its struct, or a key that its map,
/// does not have, it is added at the end; in a struct this also adds the
/// structs in between. Everything else in the text stays as it is.
///
/// # Errors
/// The segment of the path that leads nowhere and where nothing can be added,
/// or, in a struct, that looks like a misspelt field.
pub fn candidates(text: &str, path: &str, value: &str) -> Result<Vec<String>, EditError> {
    let path: Path = path.parse()?;
    let tree = SourceTree::new(text);
    let (present_text, slot) = slot(&tree, &path)?;
    Ok(readings(value, present_text)
        .into_iter()
        .map(|reading| fill(text, &[(slot.clone(), reading)]))
        .collect())
}

/// The text with the value at every place that `path` stands for replaced by
/// `value`; a segment `*` stands for every entry there. At each place the
/// likeliest reading is taken, the first of [`candidates`].
///
/// # Errors
/// As [`candidates`] of the first place that has none, and if there is no entry
/// where a `*` is.
pub fn set_everywhere(text: &str, path: &str, value: &str) -> Result<String, EditError> {
    let path: Path = path.parse()?;
    let tree = SourceTree::new(text);
    let filled = tree
        .expand(&path)?
        .iter()
        .map(|path| {
            let (present_text, slot) = slot(&tree, path)?;
            Ok((slot, readings(value, present_text).swap_remove(0)))
        })
        .collect::<Result<Vec<_>, PathError>>()?;
    Ok(fill(text, &filled))
}

/// Where a value at a path goes, and whether a string stands there now.
fn slot(tree: &SourceTree<'_>, path: &Path) -> Result<(bool, Slot), PathError> {
    match tree.find(path) {
        Ok(node) => Ok((
            node.leaf() == Some(Leaf::Text),
            Slot {
                replaced: node.span.clone(),
                before: String::new(),
                after: String::new(),
                comma_at: None,
            },
        )),
        Err(error) => Ok((false, new_slot(tree, path, error)?)),
    }
}

/// The text with a value in each of some slots, no two of which overlap.
fn fill(text: &str, slots: &[(Slot, String)]) -> String {
    let mut edits: Vec<(&Range<usize>, [&str; 3])> = Vec::new();
    let commas: Vec<Range<usize>> = slots
        .iter()
        .filter_map(|(slot, _)| slot.comma_at.map(|at| at..at))
        .collect();
    edits.extend(commas.iter().map(|comma| (comma, [",", "", ""])));
    for (slot, value) in slots {
        edits.push((&slot.replaced, [&slot.before, value, &slot.after]));
    }
    // A comma comes before a value at the same place.
    edits.sort_by_key(|(range, _)| range.start);
    let mut filled = String::with_capacity(text.len() + 64);
    let mut from = 0;
    for (range, parts) in edits {
        filled.push_str(text.get(from..range.start).unwrap_or_default());
        filled.extend(parts);
        from = range.end;
    }
    filled.push_str(text.get(from..).unwrap_or_default());
    filled
}

/// The raw RON text of the value at a path.
///
/// # Errors
/// As [`SourceTree::find`].
pub fn raw_at<'t>(text: &'t str, path: &str) -> Result<&'t str, EditError> {
    let tree = SourceTree::new(text);
    let node = tree.find(&path.parse()?)?;
    Ok(tree.raw(&node.span))
}

/// The raw RON texts of the elements of the list at a path.
///
/// # Errors
/// As [`SourceTree::find`], and if there is no list.
pub fn list_items<'t>(text: &'t str, path: &str) -> Result<Vec<&'t str>, EditError> {
    let tree = SourceTree::new(text);
    let node = tree.find(&path.parse()?)?;
    match node.group() {
        Some(group) if group.bracket == Bracket::Square => Ok(group
            .entries
            .iter()
            .map(|entry| tree.raw(&entry.value.span))
            .collect()),
        _ => Err(EditError::NotAList {
            path: path.to_owned(),
            place: node.span.clone(),
        }),
    }
}

/// The RON forms of a value given on the command line.
fn readings(value: &str, present_text: bool) -> Vec<String> {
    let trimmed = value.trim();
    let tree = SourceTree::new(trimmed);
    // A comment beside the value would be lost, and may well be a text.
    let whole = 0..trimmed.len();
    let root = tree
        .root()
        .filter(|root| tree.is_one_value() && root.span == whole);
    let Some(root) = root else {
        return vec![quoted(value)];
    };
    let raw = tree.raw(&root.span).to_owned();
    let option = raw == "None"
        || root
            .group()
            .and_then(|group| group.name.as_ref())
            .map(|name| tree.raw(name))
            == Some("Some");
    match root.leaf() {
        Some(Leaf::Text) => vec![raw],
        _ if present_text && !option => vec![quoted(value), raw],
        _ => vec![raw, quoted(value)],
    }
}

/// A RON string literal of a text.
fn quoted(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c.is_control() => literal.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// Where a value goes, and what surrounds it there.
#[derive(Clone)]
struct Slot {
    replaced: Range<usize>,
    before: String,
    after: String,
    /// Where the comma after the present last value is missing.
    comma_at: Option<usize>,
}

/// The slot of a field or key that is not there yet.
fn new_slot(tree: &SourceTree<'_>, path: &Path, error: PathError) -> Result<Slot, PathError> {
    let depth = error.segment;
    let mut parent = match tree.find(&path.first(depth)) {
        Ok(parent) => parent,
        Err(_) => return Err(error),
    };
    // A wrapper such as `Limit((...))` takes no fields: what it wraps does.
    while let Some(inner) = parent.wrapped() {
        parent = inner;
    }
    let Some(group) = parent.group() else {
        return Err(error);
    };
    let names: Vec<&str> = path.segments()[depth..]
        .iter()
        .map(|s| s.name.as_str())
        .collect();
    let (key, inner) = match (group.bracket, names.as_slice()) {
        (Bracket::Curly, [name]) => (Cow::Owned(quoted(name)), &[][..]),
        (Bracket::Round, [name, inner @ ..])
            if (group.is_keyed() || group.entries.is_empty())
                && names.iter().all(|name| is_identifier(name))
                && (inner.is_empty() || nearest(name, known(&error)).is_none()) =>
        {
            (Cow::Borrowed(*name), inner)
        }
        _ => return Err(error),
    };
    let mut slot = end_of(tree, group);
    slot.before.push_str(&key);
    slot.before.push_str(": ");
    for name in inner {
        slot.before.push_str(&format!("({name}: "));
        slot.after.insert(0, ')');
    }
    Ok(slot)
}

fn known(error: &PathError) -> impl Iterator<Item = &str> {
    error.known.iter().map(String::as_str)
}

/// The place after the last value of a group, laid out as that value is.
fn end_of(tree: &SourceTree<'_>, group: &Group) -> Slot {
    let text = tree.text();
    let Some(last) = group.entries.last() else {
        return Slot {
            replaced: group.body.start..group.body.start,
            before: String::new(),
            after: String::new(),
            comma_at: None,
        };
    };
    let comma_at = group
        .trailing_comma
        .is_none()
        .then_some(last.value.span.end);
    let tail = group.trailing_comma.unwrap_or(last.value.span.end);
    let first = last
        .key
        .as_ref()
        .map_or(last.value.span.start, |key| key.start);
    let line = text[..first].rfind('\n').map_or(0, |newline| newline + 1);
    let indent: String = text[line..first]
        .chars()
        .take_while(|c| matches!(c, ' ' | '\t'))
        .collect();
    let newline = text[tail..group.body.end]
        .find('\n')
        .map(|newline| tail + newline);
    // Past a comment at the end of the line, which belongs to the last value,
    // but not into a comment of several lines.
    let free = |newline: &usize| {
        let rest = text[tail..*newline].trim_start();
        rest.is_empty() || rest.starts_with("//")
    };
    match newline.filter(free) {
        Some(newline) => {
            let line = text[..newline].strip_suffix('\r').map_or(newline, str::len);
            let ending = &text[line..=newline];
            Slot {
                replaced: line..line,
                before: format!("{ending}{indent}"),
                after: ",".to_owned(),
                comma_at,
            }
        }
        None => Slot {
            replaced: tail..tail,
            before: " ".to_owned(),
            after: if comma_at.is_none() { "," } else { "" }.to_owned(),
            comma_at,
        },
    }
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests;
