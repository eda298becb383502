use std::fmt;

use super::{Answer, number};
use crate::experiment::{Comparison, Difference, Differences, Estimate, FEWEST_REPLICATIONS};
use crate::scenario::estimand::{Of, Whole};
use crate::scenario::text::printable;
use crate::scenario::{Estimand, Part};
use crate::stats::Basis;
use crate::units::Span;

const DAY: Span = Span::from_secs(86_400);

/// How the headings of differences begin.
const DIFFERENCE: &str = "difference";

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
    /// A difference that may be chance.
    NotApart,
    /// A difference in few replications.
    FewDiffer,
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
            Remark::NotApart => "≈",
            Remark::FewDiffer => "¶",
        }
    }

    /// What the sign means.
    pub(super) fn words(self, replications: u32) -> String {
        match self {
            Remark::Skewed => format!(
                "* approximate: the runs are lopsided, and {replications} of them are fewer than 25 times their squared skewness; more runs help (--replications)"
            ),
            Remark::Few => "† few events: seen in few replications only, so that the interval makes room for worse ones not seen yet; more runs narrow it".to_owned(),
            Remark::NotApart => "≈ may be chance: these runs do not tell which of the two has more".to_owned(),
            Remark::FewDiffer => "¶ too few runs differ to tell which of the two has more".to_owned(),
            Remark::Ties => "‡ all replications agree, though nothing says that they must; more runs narrow the interval".to_owned(),
        }
    }
}

/// What tables and pages show of the first `policies` policies. A row that
/// carries nothing, since it never happens and no target asks, is left out.
pub(super) fn groups(answer: &Answer<'_>, policies: usize) -> Vec<Group> {
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
        let asked = is_asked(answer, estimand, &Part::ALL);
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
            let asked = is_asked(answer, estimand, part);
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
    groups.extend(differences(answer, policies));
    groups
}

/// How the first `policies` policies differ from the one that all are compared
/// with: in what targets and the report ask for, and what every table shows.
/// Nothing of many policies, whose curve says more.
fn differences(answer: &Answer<'_>, policies: usize) -> Vec<Group> {
    let Some(all) = answer.differences.as_ref() else {
        return Vec::new();
    };
    if policies > MOST_WITH_PARTS || all.baseline >= policies {
        return Vec::new();
    }
    let mut groups: Vec<Group> = Vec::new();
    let parts = answer.estimates.parts().iter();
    for part in parts {
        let rows = Estimand::all().filter_map(|estimand| {
            let always = *part.as_ref() == Part::ALL && estimand.shown().whole == Whole::Always;
            let wanted = always || is_asked(answer, estimand, part);
            wanted.then(|| difference_row(answer, all, policies, estimand, part))?
        });
        let rows: Vec<Row> = rows.collect();
        if !rows.is_empty() {
            let baseline = printable(&answer.study.cells[all.baseline].name);
            let of = match part_in_words(part) {
                of if of.is_empty() => of,
                of => format!(", {of}"),
            };
            groups.push(Group {
                heading: format!("{DIFFERENCE} from \"{baseline}\" in the same runs{of}"),
                rows,
            });
        }
    }
    groups
}

/// `None` if no policy differs.
fn difference_row(
    answer: &Answer<'_>,
    all: &Differences,
    policies: usize,
    estimand: Estimand,
    part: &Part,
) -> Option<Row> {
    let found: Vec<Option<&Difference>> = (0..policies)
        .map(|cell| all.get(cell, estimand, part))
        .collect();
    let differs = |it: &&Difference| it.comparison() != Comparison::Same;
    found.iter().flatten().copied().find(differs)?;
    let shown = |difference: Option<&Difference>| Shown {
        text: difference.map_or_else(|| "-".to_owned(), number::difference),
        remark: match difference.map(Difference::comparison) {
            Some(Comparison::NotApart) => Some(Remark::NotApart),
            Some(Comparison::TooFewDiffer) => Some(Remark::FewDiffer),
            _ => None,
        },
    };
    Some(Row {
        words: words(answer, estimand),
        #[cfg(feature = "charts")]
        name: estimand.name(),
        cells: found.into_iter().map(shown).collect(),
    })
}

/// Whether a target or the report asks for an estimate.
fn is_asked(answer: &Answer<'_>, estimand: Estimand, part: &Part) -> bool {
    answer.scenario().is_some_and(|scenario| {
        let mut targets = scenario.targets.iter();
        targets.any(|target| target.estimand == estimand && target.part == *part)
            || *part == Part::ALL && scenario.report.contains(&estimand)
    })
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
    let has_differences = (groups.iter()).any(|group| group.heading.starts_with(DIFFERENCE));
    let differences = answer.differences.iter().flat_map(Differences::iter);
    if has_differences
        && differences
            .into_iter()
            .any(|it| it.adjusted.confidence < 1.0)
    {
        sentences.push(format!(
            "differences are taken run by run, since all policies meet the same draws; those of one row are right together with {} %",
            number::plain(answer.study.confidence * 100.0)
        ));
    }
    if (2..FEWEST_REPLICATIONS).contains(&replications) && answer.estimates.iter().any(estimated) {
        sentences.push(format!(
            "{replications} replications are few: below {FEWEST_REPLICATIONS}, intervals and verdicts are approximate"
        ));
    }
    sentences
}
