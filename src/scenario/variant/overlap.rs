use std::ops::Range;

use crate::scenario::text::{Path, SourceTree};

/// The places of a text that a path stands for, by which two paths to the same
/// value are known whatever they are called, such as `server.stages.0` and
/// `server.stages.gate`.
#[derive(Debug)]
pub(super) struct Places(Vec<Place>);

/// The last value on the way that the text has, and the rest of the way.
#[derive(Debug)]
struct Place {
    span: Range<usize>,
    rest: Vec<String>,
}

impl Places {
    /// The places of a path; none if it leads nowhere yet.
    pub(super) fn new(tree: &SourceTree<'_>, path: &str) -> Places {
        let expanded = path
            .parse::<Path>()
            .ok()
            .and_then(|path| tree.expand(&path).ok())
            .unwrap_or_default();
        Places(
            expanded
                .iter()
                .filter_map(|path| Place::new(tree, path))
                .collect(),
        )
    }

    /// Whether setting these sets one of the others too, wholly.
    pub(super) fn cover_one_of(&self, others: &Places) -> bool {
        let covered = |other: &Place| self.0.iter().any(|place| place.covers(other));
        others.0.iter().any(covered)
    }
}

impl Place {
    fn new(tree: &SourceTree<'_>, path: &Path) -> Option<Place> {
        let steps = path.segments();
        let (depth, node) = (0..=steps.len())
            .rev()
            .find_map(|depth| Some((depth, tree.find(&path.first(depth)).ok()?)))?;
        Some(Place {
            span: node.span.clone(),
            rest: steps[depth..]
                .iter()
                .map(|step| step.name.clone())
                .collect(),
        })
    }

    fn covers(&self, other: &Place) -> bool {
        match self.rest.is_empty() {
            true => self.span.start <= other.span.start && other.span.end <= self.span.end,
            false => self.span == other.span && other.rest.starts_with(&self.rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_to_one_value_cover_each_other_by_any_name() {
        let text = "(a: {\"x\": (n: 1), \"y\": (n: 2)}, b: [Gate(permits: 3), Limit(name: \"l\")])";
        let tree = SourceTree::new(text);
        for (one, other, covers) in [
            ("b.0.permits", "b.gate.permits", true),
            ("b.gate", "b.0.permits", true),
            ("b.0.permits", "b.gate", false),
            ("a.*.n", "a.y.n", true),
            ("a.y.n", "a.*.n", true),
            ("a.x.n", "a.y.n", false),
            ("a.x.new", "a.*.new", true),
            ("a.x.new", "a.x.new.deep", true),
            ("a.x.new.deep", "a.x.new", false),
            ("a.x", "a.x.new", true),
            ("a.x.new", "a.x.other", false),
        ] {
            let (first, second) = (Places::new(&tree, one), Places::new(&tree, other));
            assert_eq!(first.cover_one_of(&second), covers, "{one}, {other}");
        }
    }
}
