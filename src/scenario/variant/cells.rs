mod axis;
mod clash;
mod control;
mod put;
mod recipe;

use std::collections::BTreeSet;

use self::axis::{policy_axis, vary_axis};
use self::clash::{ordered, overlaps};
use self::control::{Control, control_named, policy_named};
use self::recipe::Recipe;
use super::names::{Names, cell_names};
use crate::scenario::text::{
    MOST_PROBLEMS, Path, Problem, Problems, SourceTree, one_line, raw_at, set, visible,
};
use crate::scenario::{NamedList, Scenario};

pub use self::axis::Axis;
pub use self::recipe::Setting;

/// The cells of a study: every policy with every combination of varied values,
/// or one cell if nothing varies. They are known by their numbers, from zero;
/// the last axis runs fastest.
#[derive(Debug)]
pub struct Variants {
    recipe: Recipe,
    names: Names,
    control: Option<Control>,
}

/// One cell of a study.
#[derive(Debug, Clone)]
pub struct Variant {
    /// One line that no other cell of the study has for a name.
    pub name: String,
    /// The policy's name, if the study names policies, and those of the varied
    /// values.
    pub labels: Vec<String>,
    /// What differs between the cells: the same paths in the same order in
    /// all cells of a study.
    pub settings: Vec<Setting>,
    /// The scenario with these values, without what it varies.
    pub scenario: Scenario,
    /// Whether the others are compared with it and no target judges it.
    pub is_control: bool,
}

/// The most bytes of text that are read for the cells of a study.
const MOST_BYTES: usize = 400_000_000;
/// After so many cells that are not sound nothing new is expected.
const MOST_UNSOUND: usize = 200;

impl Variants {
    pub(super) fn new(text: &str) -> Result<Variants, Problems> {
        let scenario = Scenario::parse(text)?;
        let study = &scenario.study;
        let base = without_cells(text);
        let tree = SourceTree::new(&base);
        let mut problems = Problems::new();
        let place = |path: &Path| SourceTree::new(text).place(path);

        let mut axes = Vec::new();
        axes.extend(policy_axis(study));
        for (path, values) in study.vary.iter() {
            axes.push(vary_axis(path, values, &base, &axes));
        }
        let links = ordered(study, &tree).unwrap_or_else(|problem| {
            let at = place(&Path::root().field("study").field("link"));
            problems.push(Problem {
                place: at,
                ..problem
            });
            Vec::new()
        });
        for (written, problem) in overlaps(&axes, &links, &tree) {
            push(&mut problems, written.at_key(text, problem));
        }
        let cells = axes
            .iter()
            .map(|axis| axis.labels.len())
            .fold(1, usize::saturating_mul);
        if cells.saturating_mul(base.len()) > MOST_BYTES {
            problems.push(Problem {
                place: place(&Path::root().field("study").field("vary")),
                label: format!(
                    "must be at most {} for a text of this length",
                    MOST_BYTES / base.len().max(1)
                ),
                ..Problem::new(format!(
                    "{cells} combinations of a scenario of {} bytes are too much to read",
                    base.len()
                ))
            });
        }
        let mut paths: NamedList<()> = NamedList::new();
        let varied = study.policy_paths().into_iter().chain(study.vary.names());
        for path in varied.chain(links.iter().map(|link| link.path.as_str())) {
            // A path of several policies is one setting.
            let _ = paths.push(path, ());
        }
        let paths: Vec<String> = paths.names().map(str::to_owned).collect();
        let labels: Vec<Vec<String>> = axes.iter().map(|axis| axis.labels.clone()).collect();
        let names = cell_names(&labels);
        let mut variants = Variants {
            recipe: Recipe {
                written: paths.iter().map(|path| as_written(&tree, path)).collect(),
                axes,
                links,
                paths,
                base,
            },
            names,
            control: None,
        };
        if let Some(control) = &study.control {
            match control_named(control, variants.axes(), variants.names()) {
                Ok(found) => variants.control = Some(found),
                Err(problem) => problems.push(Problem {
                    place: place(&Path::root().field("study").field("control")),
                    ..problem
                }),
            }
        }
        for (index, target) in scenario.targets.iter().enumerate() {
            for policy in &target.policies {
                if let Err(problem) = policy_named(policy, variants.axes(), variants.names()) {
                    problems.push(Problem {
                        place: place(&Path::root().field("targets").index(index)),
                        ..problem
                    });
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        variants.check(text).into_result(variants)
    }

    /// The number of cells, at least one.
    pub fn len(&self) -> usize {
        self.names.names.len()
    }

    /// Never: a study has a cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What varies, in the order in which labels stand in names; nothing of a
    /// study with one cell.
    pub fn axes(&self) -> &[Axis] {
        &self.recipe.axes
    }

    /// What the names of cells are made of, such as `clients.*.retry,
    /// server.stages.0.permits`; `policy` stands for named policies. Empty if
    /// nothing varies.
    pub fn heading(&self) -> String {
        let titles: Vec<&str> = self
            .names
            .axes
            .iter()
            .filter_map(|axis| self.recipe.axes.get(*axis))
            .map(Axis::title)
            .collect();
        visible(&titles.join(", ")).into_owned()
    }

    /// The links between values, as pairs of the path that follows and the
    /// text of what it follows from.
    pub fn links(&self) -> impl Iterator<Item = (&str, String)> {
        self.recipe
            .links
            .iter()
            .map(|link| (link.path.as_str(), link.link.to_string()))
    }

    /// The names of all cells.
    pub fn names(&self) -> &[String] {
        &self.names.names
    }

    /// A cell by its number, made now.
    pub fn get(&self, cell: usize) -> Option<Variant> {
        let name = self.names.names.get(cell)?.clone();
        let made = self.recipe.make(cell).ok()?;
        Some(Variant {
            name,
            labels: self.labels(cell),
            settings: made.settings,
            scenario: made.scenario,
            is_control: self.is_control(cell),
        })
    }

    /// All cells in order, each made when it is asked for.
    pub fn iter(&self) -> VariantsIter<'_> {
        VariantsIter {
            variants: self,
            next: 0,
        }
    }

    fn labels(&self, cell: usize) -> Vec<String> {
        let chosen = self.recipe.chosen(cell);
        let labels = self.recipe.axes.iter().zip(chosen);
        let labels = labels.filter_map(|(axis, value)| axis.labels.get(value));
        labels.cloned().collect()
    }

    /// Whether a cell is what the others are compared with.
    pub fn is_control(&self, cell: usize) -> bool {
        match self.control {
            Some(Control::Label { axis, value }) => {
                self.recipe.chosen(cell).get(axis) == Some(&value)
            }
            Some(Control::Cell(control)) => control == cell,
            None => false,
        }
    }

    /// Every cell's problems, told where the study says so.
    fn check(&self, text: &str) -> Problems {
        let mut problems = Problems::new();
        let mut unsound = 0;
        // Values that are wrong whatever else is set.
        let mut bad: BTreeSet<(usize, usize)> = BTreeSet::new();
        for cell in 0..self.len() {
            if problems.len() >= MOST_PROBLEMS || unsound >= MOST_UNSOUND {
                break;
            }
            let chosen = self.recipe.chosen(cell);
            let is_bad = |pair: (usize, &usize)| bad.contains(&(pair.0, *pair.1));
            if !bad.is_empty() && chosen.iter().enumerate().any(is_bad) {
                continue;
            }
            let Err(failure) = self.recipe.make(cell) else {
                continue;
            };
            unsound += 1;
            bad.extend(failure.axis.map(|axis| (axis, chosen[axis])));
            for (written, at_key, problem) in failure.problems {
                push(
                    &mut problems,
                    match at_key {
                        true => written.at_key(text, problem),
                        false => written.at_value(text, problem),
                    },
                );
            }
        }
        problems
    }
}

/// All cells of a study in order.
#[derive(Debug)]
pub struct VariantsIter<'a> {
    variants: &'a Variants,
    next: usize,
}

impl Iterator for VariantsIter<'_> {
    type Item = Variant;

    fn next(&mut self) -> Option<Variant> {
        let variant = self.variants.get(self.next)?;
        self.next += 1;
        Some(variant)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.variants.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for VariantsIter<'_> {}

impl<'a> IntoIterator for &'a Variants {
    type Item = Variant;
    type IntoIter = VariantsIter<'a>;
    fn into_iter(self) -> VariantsIter<'a> {
        self.iter()
    }
}

/// The text without what its cells are made from, which may be long.
fn without_cells(text: &str) -> String {
    let mut base = text.to_owned();
    for (path, nothing) in [
        ("study.vary", "{}"),
        ("study.link", "{}"),
        ("study.policies", "{}"),
        ("study.control", "None"),
    ] {
        if raw_at(&base, path).is_ok() {
            base = set(&base, path, nothing).unwrap_or(base);
        }
    }
    base
}

/// A problem of a cell, unless another cell or path has it too.
fn push(problems: &mut Problems, problem: Problem) {
    if problems
        .iter()
        .all(|other| other.message != problem.message)
    {
        problems.push(problem);
    }
}

/// The value at all the places that a path stands for, if it is one.
fn as_written(tree: &SourceTree<'_>, path: &str) -> Option<String> {
    let paths = tree.expand(&path.parse().ok()?).ok()?;
    let values: Option<BTreeSet<String>> = paths
        .iter()
        .map(|path| Some(one_line(tree.raw(&tree.find(path).ok()?.span))))
        .collect();
    let mut values = values?.into_iter();
    values.next().filter(|_| values.next().is_none())
}
