use std::fmt;

use super::{Answer, number};
use crate::experiment::{Estimate, FEWEST_REPLICATIONS};
use crate::scenario::estimand::{Of, Whole};
use crate::scenario::text::printable;
use crate::scenario::{Estimand, Part};
use crate::stats::Basis;
use crate::units::Span;

const DAY: Span = Span::from_secs(86_400);

/// More policies than this have rows for their parts only where a target asks.
const MOST_WITH_PARTS: usize = 20;

/// Rows that belong together, as tables and pages show them.
#[derive(Debug)]
pub(super) struct Group {
    /// Of what part they are; empty for the whole.
    pub(super) heading: String,
    /// The rows.
    pub(super) rows: Vec<Row>,
}

/// What is asked, and the answer of each policy.
#[derive(Debug)]
pub(super) struct Row {
    /// What is asked, in words.
    pub(super) words: String,
    /// The estimand's fixed name, which pages tell beside the words.
    #[cfg(feature = "charts")]
    pub(super) name: &'static str,
    /// The answers.
    pub(super) cells: Vec<Shown>,
}

/// An estimate as it is shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// The number with its interval.
    pub(super) text: String,
    /// What a reader must know of it.
    pub(super) remark: Option<Remark>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.remark {
            Some(remark) => write!(f, " {}", remark.sign()),
            None => Ok(()),
        }
    }
}

/// What a reader must know of an interval beside its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Remark {
    /// The runs are few or lopsided.
    Skewed,
    /// Few replications saw any.
    Few,
    /// All replications agree by chance.
    Ties,
}

impl Remark {
    fn of(estimate: &Estimate) -> Option<Remark> {
        estimate.interval?;
        match estimate.basis {
            Basis::Spread if estimate.is_too_skewed => Some(Remark::Skewed),
            Basis::FewEvents { .. } => Some(Remark::Few),
            Basis::Ties => Some(Remark::Ties),
            _ => None,
        }
    }

    /// The sign beside an estimate.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Remark::Skewed => "*",
            Remark::Few => "†",
            Remark::Ties => "‡",
        }
    }

    /// What the sign means.
    pub(super) fn words(self, replications: u32) -> String {
        match self {
            Remark::Skewed => format!(
                "* approximate: the runs are lopsided, and {replications} of them are fewer than 25 times their squared skewness; more runs help (--replications)"
            ),
            Remark::Few => "† few events: seen in few replications only, so that the interval makes room for worse ones not seen yet; more runs narrow it".to_owned(),
            Remark::Ties => "‡ all replications agree, though nothing says that they must; more runs narrow the interval".to_owned(),
        }
    }
}

/// What tables and pages show of the first `policies` policies. A row that
/// carries nothing, since it never happens and no target asks, is left out.
pub(super) fn groups(answer: &Answer<'_>, policies: usize) -> Vec<Group> {
    let targets = answer
        .scenario()
        .map_or(&[][..], |scenario| &scenario.targets);
    let reported = answer
        .scenario()
        .map_or(&[][..], |scenario| &scenario.report);
    let is_asked = |estimand: Estimand, part: &Part| {
        (targets.iter()).any(|target| target.estimand == estimand && target.part == *part)
            || *part == Part::ALL && reported.contains(&estimand)
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut add =
        |heading: String, words: String, estimand: Estimand, part: &Part, always: bool| {
            let found: Vec<Option<&Estimate>> = (0..policies)
                .map(|cell| answer.estimate(cell, estimand, part))
                .collect();
            let mut there = found.iter().flatten();
            if !there.any(|estimate| always || estimate.value > 0.0) {
                return;
            }
            let row = Row {
                words,
                #[cfg(feature = "charts")]
                name: estimand.name(),
                cells: found.into_iter().map(shown).collect(),
            };
            match groups.iter_mut().find(|group| group.heading == heading) {
                Some(group) => group.rows.push(row),
                None => groups.push(Group {
                    heading,
                    rows: vec![row],
                }),
            }
        };
    // What only targets ask for comes last.
    let (usual, more): (Vec<Estimand>, Vec<Estimand>) =
        Estimand::all().partition(|estimand| estimand.shown().whole != Whole::IfAsked);
    for estimand in usual.into_iter().chain(more) {
        let asked = is_asked(estimand, &Part::ALL);
        let always = match estimand.shown().whole {
            Whole::Always => true,
            Whole::IfSeen => asked,
            Whole::IfAsked if asked => true,
            Whole::IfAsked => continue,
        };
        let words = words(answer, estimand);
        add(String::new(), words, estimand, &Part::ALL, always);
    }
    let parts = answer.estimates.parts().iter();
    for part in parts.filter(|part| ***part != Part::ALL) {
        let is_shown = policies <= MOST_WITH_PARTS;
        let of_gate = is_shown && several_gates(answer);
        for estimand in Estimand::all() {
            let asked = is_asked(estimand, part);
            let (wanted, always) = match (&part.limit, &part.method) {
                _ if asked => (true, true),
                (Some(_), _) if estimand.of() == Of::Refusals => (is_shown, false),
                (Some(_), _) => (of_gate && estimand.shown().of_gates, true),
                (None, Some(_)) => (false, false),
                (None, None) => (is_shown && estimand.shown().of_parts, true),
            };
            if !wanted {
                continue;
            }
            let (heading, words) = match &part.limit {
                Some(limit) if estimand.of() == Of::Refusals => {
                    let rest = Part {
                        limit: None,
                        ..(**part).clone()
                    };
                    let of = match part_in_words(&rest) {
                        of if of.is_empty() => "of all attempts".to_owned(),
                        of => format!("of all attempts, {of}"),
                    };
                    (of, format!("refused by \"{}\"", printable(limit)))
                }
                _ => (part_in_words(part), estimand.words().to_owned()),
            };
            add(heading, words, estimand, part, always);
        }
    }
    groups
}

fn several_gates(answer: &Answer<'_>) -> bool {
    (answer.study.cells.iter()).any(|cell| cell.outline.gates.len() > 1)
}

fn shown(estimate: Option<&Estimate>) -> Shown {
    Shown {
        text: estimate.map_or_else(|| "-".to_owned(), number::estimate),
        remark: estimate.and_then(Remark::of),
    }
}

/// A part in words for people, such as `06:00..06:05, homes "cloud homes"`;
/// nothing for the whole.
pub(super) fn part_in_words(part: &Part) -> String {
    let named = |words: &str, name: &Option<String>| {
        (name.as_ref()).map(|name| format!("{words} \"{}\"", printable(name)))
    };
    let parts = [
        part.window.map(|window| format!("in {window}")),
        named("of", &part.cohort),
        named("calls of", &part.method),
        named("at", &part.limit),
    ];
    let given: Vec<String> = parts.into_iter().flatten().collect();
    given.join(" ")
}

/// The words of an estimand of the whole.
fn words(answer: &Answer<'_>, estimand: Estimand) -> String {
    let words = estimand.words();
    match (estimand, answer.scenario()) {
        (Estimand::RunCollapses, Some(scenario)) => format!(
            "{words} (under {} of requests succeed for {})",
            scenario.collapse.below, scenario.collapse.lasting
        ),
        // What counts as a day then is no day.
        (Estimand::P429AccountDay, Some(scenario)) if scenario.time.length < DAY => {
            words.replace("a day", &format!("the measured {}", scenario.time.length))
        }
        _ => words.to_owned(),
    }
}

/// The remarks of some rows in a sentence each.
pub(super) fn remarks(answer: &Answer<'_>, groups: &[Group]) -> Vec<String> {
    let rows = groups.iter().flat_map(|group| &group.rows);
    let mut found: Vec<Remark> = rows
        .flat_map(|row| &row.cells)
        .filter_map(|cell| cell.remark)
        .collect();
    found.sort_unstable();
    found.dedup();
    let replications = answer.study.replications;
    let mut sentences: Vec<String> = (found.into_iter())
        .map(|remark| remark.words(replications))
        .collect();
    let estimated = |estimate: &Estimate| estimate.basis != Basis::Exact;
    if (2..FEWEST_REPLICATIONS).contains(&replications) && answer.estimates.iter().any(estimated) {
        sentences.push(format!(
            "{replications} replications are few: below {FEWEST_REPLICATIONS}, intervals and verdicts are approximate"
        ));
    }
    sentences
}
