//! The making of a cell: its text, its scenario and what it sets.

use super::axis::Axis;
use super::put::{LinkPut, Put, Written};
use crate::scenario::study::label;
use crate::scenario::text::{Kind, Problem, raw_at, set_everywhere};
use crate::scenario::variant::{AS_WRITTEN, Source};
use crate::scenario::{Amount, Scenario};

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

/// What the cells of a study are made from.
#[derive(Debug)]
pub(super) struct Recipe {
    /// The scenario's text without what the cells are made from.
    pub(super) base: String,
    pub(super) axes: Vec<Axis>,
    pub(super) links: Vec<LinkPut>,
    /// The paths that cells set.
    pub(super) paths: Vec<String>,
    /// What stands at these in the base.
    pub(super) written: Vec<Option<String>>,
}

/// A cell that was made.
pub(super) struct Made {
    pub(super) settings: Vec<Setting>,
    pub(super) scenario: Scenario,
}

/// Why a cell cannot be made.
#[derive(Default)]
pub(super) struct Failure {
    /// The axis whose value is to blame, if it is one.
    pub(super) axis: Option<usize>,
    /// Problems, whether each is with the path, and where that is written.
    pub(super) problems: Vec<(Written, bool, Problem)>,
}

impl Recipe {
    /// The number of the chosen value of each axis.
    pub(super) fn chosen(&self, cell: usize) -> Vec<usize> {
        let mut rest = cell;
        let mut chosen = vec![0; self.axes.len()];
        for (value, axis) in chosen.iter_mut().zip(&self.axes).rev() {
            let count = axis.labels.len().max(1);
            *value = rest % count;
            rest /= count;
        }
        chosen
    }

    /// Makes a cell: its text is edited once per value, and read once.
    pub(super) fn make(&self, cell: usize) -> Result<Made, Failure> {
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
                for problem in &found {
                    // A path that does not fit is wrong with every value.
                    let at_key = matches!(&problem.kind, Kind::UnknownField(unknown) if unknown.name == last);
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

fn no_number(message: String) -> Problem {
    Problem::new(message)
        .label("expected the path of a number")
        .help("a path alone, without a factor, copies any value")
}
