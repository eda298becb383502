mod load;
mod numbers;
mod policies;
mod refusals;
mod sweep;
mod time_axis;

use super::Answer;
use super::chart::{Chart, Frame};
use super::file_name::file_names;
use crate::scenario::text::printable;
use crate::scenario::{Estimand, Part, Target};

/// A chart and the name of its files.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The name, without an ending.
    pub name: String,
    /// The chart.
    pub chart: Chart,
}

/// The most policies that a chart over time shows.
const MOST_LINES: usize = 8;

/// The charts of a study: how likely a refusal is over the measured span, the
/// load on each gate, and the policies side by side, or what is estimated over
/// a number that the study varies.
pub fn figures(answer: &Answer<'_>) -> Vec<Figure> {
    let mut figures = Vec::new();
    if answer.study.cells.is_empty() {
        return figures;
    }
    let cells = answer.study.cells.iter();
    let stages = || cells.clone().flat_map(|cell| &cell.outline.stages);
    if stages().any(|stage| stage.response.status == 429) {
        figures.push(refusals::figure(answer, refusals::Kind::Only429));
    }
    if stages().any(|stage| stage.response.status != 429) {
        figures.push(refusals::figure(answer, refusals::Kind::Any));
    }
    // A study may vary the stages themselves.
    let mut names: Vec<&str> = Vec::new();
    for stage in stages().filter(|stage| stage.gate.is_some()) {
        if !names.contains(&stage.name.as_str()) {
            names.push(&stage.name);
        }
    }
    for (name, file) in names.iter().zip(file_names(&names)) {
        figures.push(load::figure(answer, name, &file));
    }
    match numbers::varied(answer) {
        Some(varied) => figures.extend(sweep::figures(answer, &varied)),
        None => figures.push(policies::figure(answer)),
    }
    figures
}

/// The words around a chart; `what` says what is shown, in sentences.
fn frame(answer: &Answer<'_>, title: String, what: &str) -> Frame {
    Frame {
        title,
        subtitle: sentence_case(&format!("{what}; {}", answer.intervals_in_words())),
        footer: format!(
            "{} | seed {} | ratelab {} | result {}",
            printable(answer.name()),
            answer.study.seed,
            env!("CARGO_PKG_VERSION"),
            answer.result_hash
        ),
        alt: String::new(),
    }
}

fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

/// That not all policies are drawn, and where the others are.
fn not_drawn(answer: &Answer<'_>, most: usize, file: &str) -> String {
    let all = answer.study.cells.len();
    match all > most {
        true => format!(" (the first {most} of {all} policies; {file} has all)"),
        false => String::new(),
    }
}

/// The name of a line: the policy, or what is shown, where there is but one.
fn label(answer: &Answer<'_>, cell: usize, what: &str) -> String {
    match answer.study.cells.len() {
        1 => what.to_owned(),
        _ => answer.policy(cell),
    }
}

/// The targets for an estimate.
fn targets<'a>(
    answer: &Answer<'a>,
    estimand: Estimand,
    part: &Part,
) -> impl Iterator<Item = &'a Target> {
    let all = answer
        .scenario()
        .map_or(&[][..], |scenario| &scenario.targets);
    let part = part.clone();
    (all.iter()).filter(move |target| target.estimand == estimand && target.part == part)
}

/// A target's bound in a chart of its estimand, such as `target <= 0.1 %`.
fn target_label(target: &Target) -> String {
    use crate::scenario::Comparison::AtMost;
    let side = if target.comparison == AtMost {
        "≤"
    } else {
        "≥"
    };
    let bound = super::number::value(target.estimand.quantity(), target.bound);
    format!("target {side} {bound}")
}

/// What charts show of the whole, the first that there are.
fn in_charts() -> Vec<Estimand> {
    let rank = |estimand: &Estimand| estimand.shown().in_charts;
    let mut shown: Vec<Estimand> = Estimand::all().filter(|one| rank(one) > 0).collect();
    shown.sort_by_key(rank);
    shown
}

/// The estimates that charts of policies show: those that targets ask for
/// first, up to six, and others until there are three.
fn shown_estimates(answer: &Answer<'_>) -> Vec<(Estimand, Part)> {
    let mut shown: Vec<(Estimand, Part)> = Vec::new();
    let asked = answer
        .scenario()
        .map_or(&[][..], |scenario| &scenario.targets);
    for target in asked {
        let wanted = (target.estimand, target.part.clone());
        if !shown.contains(&wanted) && shown.len() < 6 {
            shown.push(wanted);
        }
    }
    for estimand in in_charts() {
        let wanted = (estimand, Part::ALL);
        if shown.len() < 3 && !shown.contains(&wanted) {
            let mut cells = 0..answer.study.cells.len();
            if cells.any(|cell| answer.estimate(cell, estimand, &Part::ALL).is_some()) {
                shown.push(wanted);
            }
        }
    }
    shown
}

/// An estimate's title: its words, and of which part it is.
fn title(estimand: Estimand, part: &Part) -> String {
    match super::rows::part_in_words(part) {
        of if of.is_empty() => estimand.words().to_owned(),
        of => format!("{}, {of}", estimand.words()),
    }
}
