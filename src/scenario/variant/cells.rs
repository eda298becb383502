use std::collections::BTreeSet;

use super::names::{Names, cell_names};
use super::overlap::Places;
use super::{AS_WRITTEN, Source};
use crate::scenario::study::{Link, label};
use crate::scenario::text::{
    MOST_PROBLEMS, Path, Problem, Problems, SourceTree, nearest, one_line, raw_at, reads, set,
    set_everywhere, visible,
};
use crate::scenario::{Amount, NamedList, Scenario, Study, Values, Variation};

/// The cells of a study: every policy with every combination of varied values,
/// or one cell if nothing varies. They are known by their numbers, from zero;
/// the last axis runs fastest.
#[derive(Debug)]
pub struct Variants {
    /// The scenario's text without what the cells are made from.
    base: String,
    axes: Vec<Axis>,
    links: Vec<LinkPut>,
    names: Names,
    /// The paths that cells set.
    paths: Vec<String>,
    /// What stands at these in the base.
    written: Vec<Option<String>>,
    control: Option<Control>,
}

/// What a study varies together: the value of a path, or the policy.
#[derive(Debug)]
pub struct Axis {
    /// The varied path; `None` for the policies.
    pub path: Option<String>,
    /// How its values are named, each once.
    pub labels: Vec<String>,
    /// What each value sets.
    puts: Vec<Vec<Put>>,
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

/// A path of the scenario and what a cell has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The path, as the study writes it.
    pub path: String,
    /// How the value is named, on one line.
    pub label: String,
    /// The value as RON; `None` if the cell leaves the path as it is written
    /// and it stands for no single value.
    pub value: Option<String>,
}

impl Setting {
    /// The value, if it is a number: a percentage as a share, a time in
    /// seconds, a rate per second.
    pub fn number(&self) -> Option<f64> {
        let amount = Amount::read(self.value.as_deref()?)?;
        Some(amount.value())
    }
}

/// A value put at a path.
#[derive(Debug)]
struct Put {
    path: String,
    value: String,
    label: String,
    written: Written,
}

#[derive(Debug)]
struct LinkPut {
    path: String,
    link: Link,
    written: Written,
}

/// Where a study says so, and how a problem with it is told.
#[derive(Debug, Clone)]
struct Written {
    subject: String,
    key: Path,
    value: Path,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    Label { axis: usize, value: usize },
    Cell(usize),
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
            written: paths.iter().map(|path| as_written(&tree, path)).collect(),
            control: None,
            axes,
            links,
            names,
            paths,
            base,
        };
        if let Some(control) = &study.control {
            match variants.control_named(control) {
                Ok(found) => variants.control = Some(found),
                Err(problem) => problems.push(Problem {
                    place: place(&Path::root().field("study").field("control")),
                    ..problem
                }),
            }
        }
        for (index, target) in scenario.targets.iter().enumerate() {
            for policy in &target.policies {
                if let Err(problem) = variants.policy_named(policy) {
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
        &self.axes
    }

    /// What the names of cells are made of, such as `clients.*.retry,
    /// server.stages.0.permits`; `policy` stands for named policies. Empty if
    /// nothing varies.
    pub fn heading(&self) -> String {
        let titles: Vec<&str> = self
            .names
            .axes
            .iter()
            .filter_map(|axis| self.axes.get(*axis))
            .map(Axis::title)
            .collect();
        visible(&titles.join(", ")).into_owned()
    }

    /// The links between values, as pairs of the path that follows and the
    /// text of what it follows from.
    pub fn links(&self) -> impl Iterator<Item = (&str, String)> {
        self.links
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
        let made = self.make(cell).ok()?;
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
        let chosen = self.chosen(cell);
        let labels = self.axes.iter().zip(chosen);
        let labels = labels.filter_map(|(axis, value)| axis.labels.get(value));
        labels.cloned().collect()
    }

    /// Whether a cell is what the others are compared with.
    pub fn is_control(&self, cell: usize) -> bool {
        match self.control {
            Some(Control::Label { axis, value }) => self.chosen(cell).get(axis) == Some(&value),
            Some(Control::Cell(control)) => control == cell,
            None => false,
        }
    }

    /// The number of the chosen value of each axis.
    fn chosen(&self, cell: usize) -> Vec<usize> {
        let mut rest = cell;
        let mut chosen = vec![0; self.axes.len()];
        for (value, axis) in chosen.iter_mut().zip(&self.axes).rev() {
            let count = axis.labels.len().max(1);
            *value = rest % count;
            rest /= count;
        }
        chosen
    }

    /// That a target's `for` names a policy, a value or a cell.
    fn policy_named(&self, name: &str) -> Result<(), Problem> {
        let labels = || self.axes.iter().flat_map(|axis| &axis.labels);
        let mut names = labels().chain(&self.names.names).map(String::as_str);
        if names.any(|known| known == name || *known == visible(name)) {
            return Ok(());
        }
        let names = labels().chain(&self.names.names).map(String::as_str);
        let help = match nearest(name, names) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if self.axes.is_empty() => "nothing varies: leave `for` out".to_owned(),
            None => {
                let known: Vec<String> = labels()
                    .take(MOST_NAMED)
                    .map(|label| format!("\"{label}\""))
                    .collect();
                format!("known: {}", known.join(", "))
            }
        };
        Err(Problem::new(format!("unknown policy \"{name}\""))
            .label("must be the name of a policy, a varied value or a cell")
            .help(help))
    }

    fn control_named(&self, name: &str) -> Result<Control, Problem> {
        let unknown = |message: String| {
            Problem::new(message).label("must be the name of a policy, a varied value or a cell")
        };
        if self.axes.is_empty() {
            return Err(unknown(format!(
                "\"{name}\" cannot be the control: there is nothing to compare it with"
            ))
            .help("name policies, or vary something"));
        }
        let mut found: Vec<Control> = Vec::new();
        for (axis, labels) in self.axes.iter().enumerate() {
            let value = labels
                .labels
                .iter()
                .position(|label| *label == visible(name));
            found.extend(value.map(|value| Control::Label { axis, value }));
        }
        // A policy of that name is meant before a value.
        if self.axes[0].path.is_none() && found.first().is_some_and(|one| one.axis() == Some(0)) {
            found.truncate(1);
        }
        if found.is_empty() {
            let cell = self.names.names.iter().position(|other| other == name);
            found.extend(cell.map(Control::Cell));
        }
        match found.as_slice() {
            [one] => {
                let is_all = match one {
                    Control::Label { axis, .. } => self.axes[*axis].labels.len() == 1,
                    Control::Cell(_) => self.len() == 1,
                };
                match is_all {
                    true => Err(unknown(format!(
                        "every cell is of \"{name}\": there is nothing to compare it with"
                    ))),
                    false => Ok(*one),
                }
            }
            [] => {
                let labels = || self.axes.iter().flat_map(|axis| &axis.labels);
                let names = labels().chain(&self.names.names).map(String::as_str);
                let help = nearest(name, names).map(|near| format!("did you mean \"{near}\"?"));
                let known: Vec<String> = labels()
                    .take(MOST_NAMED)
                    .map(|label| format!("\"{label}\""))
                    .collect();
                Err(unknown(format!("unknown control \"{name}\""))
                    .help(help.unwrap_or_else(|| format!("known: {}", known.join(", ")))))
            }
            _ => {
                let paths: Vec<&str> = found
                    .iter()
                    .filter_map(|control| Some(self.axes.get(control.axis()?)?.title()))
                    .collect();
                Err(unknown(format!(
                    "\"{name}\" is a value of {}",
                    paths.join(" and of ")
                ))
                .help("give the values names, or name a whole cell"))
            }
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
            let chosen = self.chosen(cell);
            let is_bad = |pair: (usize, &usize)| bad.contains(&(pair.0, *pair.1));
            if !bad.is_empty() && chosen.iter().enumerate().any(is_bad) {
                continue;
            }
            let Err(failure) = self.make(cell) else {
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

    /// Makes a cell: its text is edited once per value, and read once.
    fn make(&self, cell: usize) -> Result<Made, Failure> {
        let chosen = self.chosen(cell);
        let puts: Vec<(usize, &Put)> = self
            .axes
            .iter()
            .enumerate()
            .zip(&chosen)
            .flat_map(|((axis, values), value)| {
                let puts = values.puts.get(*value).map_or(&[][..], Vec::as_slice);
                puts.iter().map(move |put| (axis, put))
            })
            .collect();
        let made = self
            .edited(&puts)
            .and_then(|(text, linked)| Some((Scenario::parse(&text).ok()?, linked)));
        let (scenario, linked) = match made {
            Some(made) => made,
            None => self.step_by_step(&puts)?,
        };
        Ok(Made {
            settings: self.settings(&puts, &linked),
            scenario,
        })
    }

    /// The text of a cell, every value in its likeliest reading, and what the
    /// links put; `None` if a path leads nowhere or a link has no number.
    fn edited(&self, puts: &[(usize, &Put)]) -> Option<(String, Vec<String>)> {
        let mut text = self.base.clone();
        for (_, put) in puts {
            text = set_everywhere(&text, &put.path, &put.value).ok()?;
        }
        let mut linked = Vec::new();
        for link in &self.links {
            let value = link
                .value(&text, raw_at(&text, &link.link.from).ok()?)
                .ok()?;
            text = set_everywhere(&text, &link.path, &value).ok()?;
            linked.push(value);
        }
        Some((text, linked))
    }

    /// The same with a look at the scenario after each value: which reading
    /// makes it sound, and which value makes it unsound.
    fn step_by_step(&self, puts: &[(usize, &Put)]) -> Result<(Scenario, Vec<String>), Failure> {
        let mut source = Source::new(self.base.clone());
        let mut failure = Failure::default();
        let mut culprit: Option<(Option<usize>, &Written, &str)> = None;
        let mut outcome = source.scenario();
        let mut linked = Vec::new();
        let steps = puts
            .iter()
            .map(|(axis, put)| (Some(*axis), &put.written, put.path.as_str(), Ok(&put.value)));
        let links = self
            .links
            .iter()
            .map(|link| (None, &link.written, link.path.as_str(), Err(link)));
        for (axis, written, path, value) in steps.chain(links) {
            let value = match value {
                Ok(value) => Ok(value.clone()),
                Err(link) => raw_at(source.text(), &link.link.from)
                    .map_err(|error| (false, error.into_problem(None)))
                    .and_then(|value| {
                        link.value(source.text(), value)
                            .map_err(|message| (false, no_number(message)))
                    })
                    .inspect(|value| linked.push(value.clone())),
            };
            let put = value.and_then(|value| {
                let put = source.set(path, &value);
                put.map_err(|problem| (true, problem))
            });
            if let Err((at_key, problem)) = put {
                failure.axis = failure.axis.or(axis);
                failure.problems.push((written.clone(), at_key, problem));
            }
            outcome = source.scenario();
            culprit = match outcome {
                Ok(_) => None,
                Err(_) => culprit.or(Some((axis, written, path))),
            };
        }
        match (outcome, culprit) {
            (Ok(scenario), _) if failure.problems.is_empty() => return Ok((scenario, linked)),
            (Err(found), Some((axis, written, path))) => {
                failure.axis = failure.axis.or(axis);
                let last = path.rsplit('.').next().unwrap_or_default();
                let adds = format!("unknown field \"{last}\"");
                for problem in &found {
                    // A path that does not fit is wrong with every value.
                    let at_key = problem.message.starts_with(&adds);
                    failure
                        .problems
                        .push((written.clone(), at_key, problem.clone()));
                }
            }
            _ => {}
        }
        Err(failure)
    }

    fn settings(&self, puts: &[(usize, &Put)], linked: &[String]) -> Vec<Setting> {
        let setting = |(path, written): (&String, &Option<String>)| {
            let put = puts.iter().rev().find(|(_, put)| put.path == *path);
            let link = self.links.iter().position(|link| link.path == *path);
            let (label, value) = match (put, link.and_then(|link| linked.get(link))) {
                (_, Some(value)) => (label(value), Some(value.clone())),
                (Some((_, put)), None) => (put.label.clone(), Some(put.value.clone())),
                (None, None) => (
                    written
                        .as_deref()
                        .map_or_else(|| AS_WRITTEN.to_owned(), label),
                    written.clone(),
                ),
            };
            Setting {
                path: path.clone(),
                label,
                value,
            }
        };
        self.paths.iter().zip(&self.written).map(setting).collect()
    }
}

const MOST_NAMED: usize = 12;

/// A cell that was made.
struct Made {
    settings: Vec<Setting>,
    scenario: Scenario,
}

/// Why a cell cannot be made.
#[derive(Default)]
struct Failure {
    /// The axis whose value is to blame, if it is one.
    axis: Option<usize>,
    /// Problems, whether each is with the path, and where that is written.
    problems: Vec<(Written, bool, Problem)>,
}

impl Axis {
    /// The path, or `policy`.
    pub fn title(&self) -> &str {
        self.path.as_deref().unwrap_or("policy")
    }
}

impl Control {
    fn axis(self) -> Option<usize> {
        match self {
            Control::Label { axis, .. } => Some(axis),
            Control::Cell(_) => None,
        }
    }
}

impl LinkPut {
    /// What is put, given what is read; rounded where the scenario takes
    /// nothing but a whole number.
    fn value(&self, text: &str, value: &str) -> Result<String, String> {
        let linked = self.link.follow(value)?;
        Ok(match linked.whole {
            Some(whole) if is_whole(text, &self.path, &linked.text, &whole) => whole,
            _ => linked.text,
        })
    }
}

impl Written {
    fn new(subject: String, key: &[&str]) -> Written {
        let key = key
            .iter()
            .fold(Path::root().field("study"), |path, name| path.field(name));
        Written {
            subject,
            value: key.clone(),
            key,
        }
    }

    fn at_key(&self, text: &str, problem: Problem) -> Problem {
        Problem {
            place: SourceTree::new(text).key_place(&self.key),
            ..self.told(problem)
        }
    }

    fn at_value(&self, text: &str, problem: Problem) -> Problem {
        Problem {
            place: SourceTree::new(text).place(&self.value),
            ..self.told(problem)
        }
    }

    fn told(&self, problem: Problem) -> Problem {
        Problem {
            message: format!("{}: {}", self.subject, problem.message),
            ..problem
        }
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

/// Whether a place takes whole numbers alone.
fn is_whole(text: &str, path: &str, broken: &str, whole: &str) -> bool {
    let fits = |value| {
        let text = set_everywhere(text, path, value);
        text.is_ok_and(|text| reads::<Scenario>(&text))
    };
    !fits(broken) && fits(whole)
}

fn policy_axis(study: &Study) -> Option<Axis> {
    if study.policies.is_empty() {
        return None;
    }
    let puts = |(policy, values): (&str, &NamedList<Variation>)| -> Vec<Put> {
        values
            .iter()
            .map(|(path, value)| Put {
                path: path.to_owned(),
                value: value.text().to_owned(),
                label: value.label(),
                written: Written::new(
                    format!("the policy \"{policy}\" sets {path}"),
                    &["policies", policy, path],
                ),
            })
            .collect()
    };
    Some(Axis {
        path: None,
        labels: (study.policies.names())
            .map(|name| visible(name).into_owned())
            .collect(),
        puts: study.policies.iter().map(puts).collect(),
    })
}

fn vary_axis(path: &str, values: &Values, base: &str, before: &[Axis]) -> Axis {
    let written = Written::new(format!("varying {path}"), &["vary", path]);
    let put = |value: &str, label: String, at: Path| Put {
        path: path.to_owned(),
        value: value.to_owned(),
        label,
        written: Written {
            value: at,
            ..written.clone()
        },
    };
    let at = || written.key.clone();
    let mut puts: Vec<Put> = match values {
        Values::List(values) => values
            .iter()
            .enumerate()
            .map(|(index, value)| put(value.text(), value.label(), at().index(index)))
            .collect(),
        Values::Named(values) => values
            .iter()
            .map(|(name, value)| put(value.text(), visible(name).into_owned(), at().field(name)))
            .collect(),
        Values::Range(range) => {
            let values = range.values().unwrap_or_default();
            // A path may lead into what is varied before it.
            let mut text = base.to_owned();
            let firsts = before.iter().filter_map(|axis| axis.puts.first());
            for put in firsts.flatten() {
                text = set_everywhere(&text, &put.path, &put.value).unwrap_or(text);
            }
            let broken = values
                .iter()
                .find_map(|value| Some((&value.text, value.whole.as_ref()?)));
            let rounds = broken.is_some_and(|(broken, whole)| is_whole(&text, path, broken, whole));
            let texts = values
                .into_iter()
                .map(|value| value.whole.filter(|_| rounds).unwrap_or(value.text));
            let mut puts: Vec<Put> = texts.map(|text| put(&text, label(&text), at())).collect();
            // Rounded, neighbours may be the same.
            puts.dedup_by(|later, earlier| later.value == earlier.value);
            puts
        }
    };
    let distinct: BTreeSet<&str> = puts.iter().map(|put| put.label.as_str()).collect();
    if distinct.len() < puts.len() {
        // A text and a number of the same letters.
        for put in &mut puts {
            put.label = one_line(&put.value);
        }
    }
    Axis {
        path: Some(path.to_owned()),
        labels: puts.iter().map(|put| put.label.clone()).collect(),
        puts: puts.into_iter().map(|put| vec![put]).collect(),
    }
}

/// The links, each behind those that it reads from.
fn ordered(study: &Study, tree: &SourceTree<'_>) -> Result<Vec<LinkPut>, Problem> {
    let mut waiting: Vec<(LinkPut, Places, Places)> = study
        .link
        .iter()
        .map(|(path, link)| {
            let put = LinkPut {
                path: path.to_owned(),
                link: link.clone(),
                written: Written::new(format!("linking {path}"), &["link", path]),
            };
            let places = (Places::new(tree, path), Places::new(tree, &link.from));
            (put, places.0, places.1)
        })
        .collect();
    let mut ready = Vec::new();
    while !waiting.is_empty() {
        let is_free = |(_, _, from): &(LinkPut, Places, Places)| {
            waiting
                .iter()
                .all(|(_, to, _)| !to.cover_one_of(from) && !from.cover_one_of(to))
        };
        let Some(next) = waiting.iter().position(is_free) else {
            let round: Vec<String> = waiting
                .iter()
                .take(MOST_NAMED)
                .map(|(put, ..)| format!("\"{}\" follows from \"{}\"", put.path, put.link.from))
                .collect();
            return Err(Problem::new(format!(
                "the links go round in a circle: {}",
                round.join(", ")
            ))
            .label("one of them must be a value"));
        };
        ready.push(waiting.remove(next).0);
    }
    Ok(ready)
}

/// Settings that another setting would undo.
fn overlaps<'a>(
    axes: &'a [Axis],
    links: &'a [LinkPut],
    tree: &SourceTree<'_>,
) -> Vec<(&'a Written, Problem)> {
    let mut found = Vec::new();
    let policies = axes.iter().filter(|axis| axis.path.is_none());
    let mut policy_puts: Vec<&Put> = policies
        .flat_map(|axis| axis.puts.iter().flatten())
        .collect();
    let mut seen = BTreeSet::new();
    policy_puts.retain(|put| seen.insert(put.path.as_str()));
    let vary_puts: Vec<&Put> = axes
        .iter()
        .filter(|axis| axis.path.is_some())
        .filter_map(|axis| axis.puts.first()?.first())
        .collect();
    let places = |path: &str| Places::new(tree, path);
    let of = |puts: &[&'a Put]| -> Vec<(&'a Put, Places)> {
        puts.iter().map(|put| (*put, places(&put.path))).collect()
    };
    let (policies, varied) = (of(&policy_puts), of(&vary_puts));
    let twice = |message: String| Problem::new(message).label("set by two at once");
    for (policy, inner) in &policies {
        for (put, outer) in &varied {
            if put.path == policy.path || outer.cover_one_of(inner) {
                found.push((
                    &policy.written,
                    twice(format!("the study varies {} too", put.path))
                        .help("leave it to the policies, or to `vary`"),
                ));
            }
        }
    }
    for (number, (later, outer)) in varied.iter().enumerate() {
        for (earlier, inner) in &varied[..number] {
            if outer.cover_one_of(inner) {
                let help = match inner.cover_one_of(outer) {
                    true => "vary one of them, or name both values in policies".to_owned(),
                    false => format!("write {} before {}", later.path, earlier.path),
                };
                found.push((
                    &later.written,
                    twice(format!("it would undo the values of {}", earlier.path)).help(help),
                ));
            }
        }
    }
    for (number, link) in links.iter().enumerate() {
        let to = places(&link.path);
        for (put, inner) in policies.iter().chain(&varied) {
            if put.path == link.path || to.cover_one_of(inner) {
                found.push((
                    &link.written,
                    twice(format!("the study sets {} too", put.path))
                        .help("leave out the link, or the values"),
                ));
            }
        }
        for other in &links[..number] {
            let others = places(&other.path);
            if to.cover_one_of(&others) || others.cover_one_of(&to) {
                found.push((
                    &link.written,
                    twice(format!("the link of {} sets it too", other.path)),
                ));
            }
        }
    }
    let inside_study = |path: &str| {
        let path = path.parse::<Path>();
        path.is_ok_and(|path| {
            path.segments()
                .first()
                .is_some_and(|one| one.name == "study")
        })
    };
    for put in policy_puts.iter().chain(&vary_puts) {
        if inside_study(&put.path) {
            found.push((&put.written, study_itself()));
        }
    }
    for link in links.iter().filter(|link| inside_study(&link.path)) {
        found.push((&link.written, study_itself()));
    }
    found
}

fn no_number(message: String) -> Problem {
    Problem::new(message)
        .label("expected the path of a number")
        .help("a path alone, without a factor, copies any value")
}

fn study_itself() -> Problem {
    Problem::new("a study cannot vary itself")
        .help("vary a value of the scenario, such as \"clients.NAME.retry\"")
}
