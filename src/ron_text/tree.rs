use std::borrow::Cow;
use std::ops::Range;

use super::node::{Entry, Fault, Group, Leaf, Node};
use super::path::{Path, PathError, Segment};
use super::printable::is_unprintable;
use super::scan::scan;
use super::{Problem, nearest};

/// A RON text as a tree of byte spans.
///
/// Any text has a tree; what is malformed is in [`SourceTree::faults`]. All
/// spans are in bytes, on character boundaries, without surrounding white
/// space and comments.
#[derive(Debug, Clone)]
pub struct SourceTree<'t> {
    text: &'t str,
    root: Option<Node>,
    end: usize,
    faults: Vec<Fault>,
}

impl<'t> SourceTree<'t> {
    /// Scans a text.
    pub fn new(text: &'t str) -> SourceTree<'t> {
        let scan = scan(text);
        SourceTree {
            text,
            root: scan.root,
            end: scan.end,
            faults: scan.faults,
        }
    }

    /// The text.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The whole value; none if the text has nothing but comments.
    pub fn root(&self) -> Option<&Node> {
        self.root.as_ref()
    }

    /// What is malformed, in the order in which the scanner met it. Valid RON
    /// has none.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Whether the text is exactly one value, well formed in its brackets,
    /// strings and comments.
    pub fn is_one_value(&self) -> bool {
        self.faults.is_empty()
            && self.end == self.text.len()
            && self
                .root()
                .is_some_and(|root| root.leaf() != Some(Leaf::Other))
    }

    /// The raw text of a span.
    pub fn raw(&self, span: &Range<usize>) -> &'t str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// The name that a key or a string stands for: without quotes, escapes
    /// resolved.
    pub fn name(&self, span: &Range<usize>) -> Cow<'t, str> {
        let raw = self.raw(span);
        match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
            Some(plain) if !plain.contains('\\') => return Cow::Borrowed(plain),
            _ => {}
        }
        match ron::from_str::<String>(raw) {
            Ok(text) => Cow::Owned(text),
            Err(_) => Cow::Borrowed(raw.strip_prefix("r#").unwrap_or(raw)),
        }
    }

    /// The value at a path.
    ///
    /// A segment is the name of a field, a key of a map, the index of an
    /// element from zero, or the `name` of an element of a list; an element
    /// without one goes by the word before its fields in small letters, as
    /// `gate` for `Gate(permits: 4)`. The content of `Name(value)` is reached
    /// by `.0` or by going on as if the wrapper were not there.
    ///
    /// # Errors
    /// The first segment that leads nowhere, with what is there instead.
    pub fn find(&self, path: &Path) -> Result<&Node, PathError> {
        let root = self.root().ok_or_else(|| PathError {
            message: "the file is empty".to_owned(),
            segment: 0,
            known: Vec::new(),
            nearest: None,
            place: None,
        })?;
        let mut node = root;
        for (depth, segment) in path.segments().iter().enumerate() {
            node = self
                .step(node, segment)
                .ok_or_else(|| self.nothing_there(path, depth, node))?;
        }
        Ok(node)
    }

    /// The place of the value at a path, or of the nearest value around it
    /// that the text has: a default stands nowhere.
    pub fn place(&self, path: &Path) -> Option<Range<usize>> {
        let mut node = self.root()?;
        for segment in path.segments() {
            match self.step(node, segment) {
                Some(inner) => node = inner,
                None => return Some(self.head(node)),
            }
        }
        Some(node.span.clone())
    }

    /// The place of the key of the value at a path (the value itself if it has
    /// none), or of the nearest value around it that the text has.
    pub fn key_place(&self, path: &Path) -> Option<Range<usize>> {
        let place = self.place(path)?;
        let key = self
            .chain(place.start)
            .last()
            .and_then(|group| group.entries.iter().find(|entry| entry.value.span == place))
            .and_then(|entry| entry.key.clone());
        Some(key.unwrap_or(place))
    }

    /// The entries of the struct, map, list or tuple at a path; a single value
    /// has none. [`SourceTree::name`] tells what a key stands for.
    ///
    /// # Errors
    /// As [`SourceTree::find`].
    pub fn entries(&self, path: &Path) -> Result<&[Entry], PathError> {
        let group = self.find(path)?.group();
        Ok(group.map_or(&[], |group| &group.entries))
    }

    /// The paths that a path stands for: a segment `*` is every entry there.
    ///
    /// # Errors
    /// If a `*` stands behind what leads nowhere, or for nothing. Whether the
    /// paths lead somewhere is not looked at otherwise.
    pub fn expand(&self, path: &Path) -> Result<Vec<Path>, PathError> {
        let mut paths = vec![Path::root()];
        for (depth, segment) in path.segments().iter().enumerate() {
            if !segment.is_every() {
                for path in &mut paths {
                    *path = std::mem::take(path).segment(segment.clone());
                }
                continue;
            }
            let mut longer = Vec::new();
            for path in &paths {
                for (index, entry) in self.entries(path)?.iter().enumerate() {
                    longer.push(match &entry.key {
                        Some(key) => path.clone().field(&self.name(key)),
                        None => path.clone().index(index),
                    });
                }
            }
            if longer.is_empty() {
                return Err(PathError {
                    message: format!(
                        "{path} stands for nothing: there are no entries where its * is"
                    ),
                    segment: depth,
                    known: Vec::new(),
                    nearest: None,
                    place: None,
                });
            }
            paths = longer;
        }
        Ok(paths)
    }

    /// A problem for each number that is not finite: `inf`, `NaN`, and what
    /// overflows a double. `ron` accepts them for any floating-point field.
    pub fn non_finite_numbers(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.for_each(&mut |node| {
            let raw = self.raw(&node.span);
            if !matches!(node.leaf(), Some(Leaf::Number | Leaf::Word)) {
                return;
            }
            let digits = raw.replace('_', "");
            let digits = digits.trim_end_matches("f64").trim_end_matches("f32");
            let message = match digits.trim_start_matches(['+', '-']) {
                "inf" | "NaN" => format!("{raw} is not a finite number"),
                _ => match digits.parse::<f64>() {
                    Ok(value) if value.is_infinite() && node.leaf() == Some(Leaf::Number) => {
                        format!("the number {} is too large", excerpt(raw))
                    }
                    _ => return,
                },
            };
            problems
                .push(Problem::at(node.span.clone(), message).label("expected a finite number"));
        });
        problems
    }

    /// The groups around an offset, from the outermost.
    pub(super) fn chain(&self, at: usize) -> Vec<&Group> {
        let mut chain = Vec::new();
        let mut node = self.root();
        while let Some(group) = node.and_then(Node::group) {
            if !(group.body.start..=group.body.end).contains(&at) {
                break;
            }
            chain.push(group);
            node = group
                .entries
                .iter()
                .map(|entry| &entry.value)
                .find(|value| (value.span.start..value.span.end).contains(&at));
        }
        chain
    }

    /// The short place that stands for a value: the whole if it is single or
    /// on one line, else its name with the opening bracket.
    pub(super) fn head(&self, node: &Node) -> Range<usize> {
        match node.group() {
            Some(group) if self.raw(&node.span).contains('\n') => node.span.start..group.body.start,
            _ => node.span.clone(),
        }
    }

    /// Calls `visit` with every value, each before those inside it.
    pub(super) fn for_each<'s>(&'s self, visit: &mut dyn FnMut(&'s Node)) {
        fn walk<'s>(node: &'s Node, visit: &mut dyn FnMut(&'s Node)) {
            visit(node);
            for entry in node.group().map_or(&[][..], |group| &group.entries) {
                walk(&entry.value, visit);
            }
        }
        if let Some(root) = self.root() {
            walk(root, visit);
        }
    }

    fn step<'s>(&'s self, node: &'s Node, segment: &Segment) -> Option<&'s Node> {
        let group = node.group()?;
        let entries = &group.entries;
        if group.is_keyed() {
            return entries
                .iter()
                .find(|entry| {
                    let key = entry.key.as_ref();
                    key.is_some_and(|key| self.name(key) == segment.name.as_str())
                })
                .map(|entry| &entry.value);
        }
        if let Some(entry) = segment.index().and_then(|index| entries.get(index)) {
            return Some(&entry.value);
        }
        match node.wrapped() {
            Some(inner) => self.step(inner, segment),
            None => entries
                .iter()
                .map(|entry| &entry.value)
                .find(|value| self.own_name(value).as_deref() == Some(segment.name.as_str())),
        }
    }

    /// What an element of a list is called: the text of its field `name`, else
    /// the word before its fields in small letters.
    fn own_name(&self, node: &Node) -> Option<Cow<'t, str>> {
        self.written_name(node).or_else(|| {
            let fields = node.group().filter(|group| group.is_keyed())?;
            let word = fields.name.as_ref()?;
            Some(Cow::Owned(self.raw(word).to_lowercase()))
        })
    }

    /// The text of the field `name` of a struct.
    fn written_name(&self, node: &Node) -> Option<Cow<'t, str>> {
        let group = node.group()?;
        if let Some(inner) = node.wrapped() {
            return self.written_name(inner);
        }
        let entry = group.entries.iter().find(|entry| {
            let key = entry.key.as_ref();
            key.is_some_and(|key| self.raw(key) == "name")
        })?;
        (entry.value.leaf() == Some(Leaf::Text)).then(|| self.name(&entry.value.span))
    }

    fn nothing_there(&self, path: &Path, depth: usize, node: &Node) -> PathError {
        let name = path.segments()[depth].name.as_str();
        let inside = match depth {
            0 => "the scenario".to_owned(),
            _ => format!("\"{}\"", path.first(depth)),
        };
        let mut target = node;
        while let Some(inner) = target.wrapped() {
            target = inner;
        }
        let (known, message) = match target.group() {
            None => (
                Vec::new(),
                format!(
                    "{inside} is the single value {}, so there is no {name:?} in it",
                    excerpt(self.raw(&target.span))
                ),
            ),
            Some(group) if group.is_keyed() || group.entries.is_empty() => (
                group
                    .entries
                    .iter()
                    .filter_map(|entry| entry.key.as_ref())
                    .map(|key| self.name(key).into_owned())
                    .collect::<Vec<_>>(),
                format!("there is no {name:?} in {inside}"),
            ),
            Some(group) => (
                group
                    .entries
                    .iter()
                    .filter_map(|entry| self.own_name(&entry.value))
                    .map(Cow::into_owned)
                    .collect(),
                match group.entries.len() {
                    1 => format!("there is no {name:?} in {inside}, which has one element, 0"),
                    n => format!(
                        "there is no {name:?} in {inside}, which has {n} elements, 0 to {}",
                        n - 1
                    ),
                },
            ),
        };
        PathError {
            message,
            segment: depth,
            nearest: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
            known,
            place: Some(self.head(node)),
        }
    }
}

/// A found text as a message shows it: without line breaks and not too long.
pub(crate) fn excerpt(raw: &str) -> String {
    let mut shown: String = raw
        .chars()
        .take(EXCERPT)
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_unprintable(c) => '\u{fffd}',
            c => c,
        })
        .collect();
    if raw.chars().nth(EXCERPT).is_some() {
        shown.push('…');
    }
    shown
}

const EXCERPT: usize = 40;

#[cfg(test)]
pub(super) mod tests;
