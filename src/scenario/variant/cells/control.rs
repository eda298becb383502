//! What a study's control and a target's `for` may name.

use super::axis::Axis;
use super::put::MOST_NAMED;
use crate::scenario::text::{Problem, nearest, visible};

/// What the other cells are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Label { axis: usize, value: usize },
    Cell(usize),
}

impl Control {
    fn axis(self) -> Option<usize> {
        match self {
            Control::Label { axis, .. } => Some(axis),
            Control::Cell(_) => None,
        }
    }
}

/// That a target's `for` names a policy, a value or a cell.
pub(super) fn policy_named(name: &str, axes: &[Axis], cells: &[String]) -> Result<(), Problem> {
    let labels = || axes.iter().flat_map(|axis| &axis.labels);
    let mut names = labels().chain(cells).map(String::as_str);
    if names.any(|known| known == name || *known == visible(name)) {
        return Ok(());
    }
    let names = labels().chain(cells).map(String::as_str);
    let help = match nearest(name, names) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if axes.is_empty() => "nothing varies: leave `for` out".to_owned(),
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

/// What a study means by the name of its control.
pub(super) fn control_named(
    name: &str,
    axes: &[Axis],
    cells: &[String],
) -> Result<Control, Problem> {
    let unknown = |message: String| {
        Problem::new(message).label("must be the name of a policy, a varied value or a cell")
    };
    if axes.is_empty() {
        return Err(unknown(format!(
            "\"{name}\" cannot be the control: there is nothing to compare it with"
        ))
        .help("name policies, or vary something"));
    }
    let mut found: Vec<Control> = Vec::new();
    for (axis, labels) in axes.iter().enumerate() {
        let value = labels
            .labels
            .iter()
            .position(|label| *label == visible(name));
        found.extend(value.map(|value| Control::Label { axis, value }));
    }
    // A policy of that name is meant before a value.
    if axes[0].path.is_none() && found.first().is_some_and(|one| one.axis() == Some(0)) {
        found.truncate(1);
    }
    if found.is_empty() {
        let cell = cells.iter().position(|other| other == name);
        found.extend(cell.map(Control::Cell));
    }
    match found.as_slice() {
        [one] => {
            let is_all = match one {
                Control::Label { axis, .. } => axes[*axis].labels.len() == 1,
                Control::Cell(_) => cells.len() == 1,
            };
            match is_all {
                true => Err(unknown(format!(
                    "every cell is of \"{name}\": there is nothing to compare it with"
                ))),
                false => Ok(*one),
            }
        }
        [] => {
            let labels = || axes.iter().flat_map(|axis| &axis.labels);
            let names = labels().chain(cells).map(String::as_str);
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
                .filter_map(|control| Some(axes.get(control.axis()?)?.title()))
                .collect();
            Err(unknown(format!(
                "\"{name}\" is a value of {}",
                paths.join(" and of ")
            ))
            .help("give the values names, or name a whole cell"))
        }
    }
}
