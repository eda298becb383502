use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::{Answer, number};
use crate::experiment::{Estimate, TargetResult, Verdict};
use crate::scenario::{Comparison, Estimand, Part};

/// The most columns of a table. More policies than this stand below each other.
const MOST_COLUMNS: usize = 4;

/// What the table shows of all traffic; files have the rest.
const OVERALL: [Estimand; 19] = [
    Estimand::P429Attempt,
    Estimand::RefusedAttempt,
    Estimand::FailedRequest,
    Estimand::UnfinishedRequest,
    Estimand::MissedCommand,
    Estimand::UnconfirmedCommand,
    Estimand::CommandDoneTwice,
    Estimand::SkippedPoll,
    Estimand::CompletionCommandP50,
    Estimand::CompletionCommandP99,
    Estimand::LatencyCommandP50,
    Estimand::LatencyCommandP99,
    Estimand::RetryAmplification,
    Estimand::Goodput,
    Estimand::UtilisationGate,
    Estimand::WaitGateMean,
    Estimand::PeakWaitingGate,
    Estimand::WakeupsDeviceDay,
    Estimand::RunCollapses,
];

/// What is worth a row only where it happens.
const IF_SEEN: [Estimand; 4] = [
    Estimand::UnfinishedRequest,
    Estimand::CommandDoneTwice,
    Estimand::SkippedPoll,
    Estimand::RunCollapses,
];

/// What the table shows of each window, cohort and limit.
const OF_A_PART: [Estimand; 2] = [Estimand::P429Attempt, Estimand::MissedCommand];

/// The answer as text for people.
pub fn table(answer: &Answer<'_>) -> String {
    let mut text = format!(
        "{}\n{}, seed {}\n\n",
        answer.name(),
        answer.intervals_in_words(),
        answer.study.seed
    );
    let policies: Vec<&str> = answer
        .study
        .cells
        .iter()
        .map(|cell| cell.name.as_str())
        .collect();
    let rows = rows(answer);
    text.push_str(&match policies.len() {
        ..=MOST_COLUMNS => side_by_side(answer, &policies, &rows),
        _ => below_each_other(&policies, &rows),
    });
    text.push('\n');
    text.push_str(&notes(answer));
    text
}

/// What is asked, and the answer of each policy.
type Row = (String, Vec<String>);

fn rows(answer: &Answer<'_>) -> Vec<Row> {
    let cells = answer.study.cells.len();
    let mut rows = Vec::new();
    let mut row = |words: String, estimand: Estimand, part: &Part, only_if_seen: bool| {
        let estimates: Vec<Option<&Estimate>> = (0..cells)
            .map(|cell| answer.estimate(cell, estimand, part))
            .collect();
        let is_there = |estimate: &&Estimate| !only_if_seen || estimate.value >= 0.001;
        if estimates.iter().flatten().any(is_there) {
            let shown = |estimate: &Option<&Estimate>| {
                estimate.map_or_else(|| "-".to_owned(), number::estimate)
            };
            rows.push((words, estimates.iter().map(shown).collect()));
        }
    };
    for estimand in OVERALL {
        let words = words(answer, estimand);
        row(words, estimand, &Part::ALL, IF_SEEN.contains(&estimand));
    }
    for part in answer.estimates.parts() {
        let of_a_part = |words: &str| match &part.cohort {
            Some(cohort) => format!("{cohort}: {words}"),
            None => format!("{part}: {words}"),
        };
        if let Some(name) = &part.limit {
            let words = format!("attempts refused by \"{name}\"");
            for estimand in [Estimand::P429Attempt, Estimand::RefusedAttempt] {
                row(words.clone(), estimand, part, true);
            }
        } else if **part != Part::ALL && part.method.is_none() {
            for estimand in OF_A_PART {
                row(of_a_part(estimand.words()), estimand, part, false);
            }
        }
    }
    rows
}

/// The words of an estimand.
fn words(answer: &Answer<'_>, estimand: Estimand) -> String {
    let words = estimand.words();
    match (estimand, answer.scenario()) {
        (Estimand::RunCollapses, Some(scenario)) => format!(
            "{words} (under {} of requests succeed for {})",
            scenario.collapse.below, scenario.collapse.lasting
        ),
        _ => words.to_owned(),
    }
}

fn side_by_side(answer: &Answer<'_>, policies: &[&str], rows: &[Row]) -> String {
    let mut table = new_table();
    let heading = match answer.study.cells.first().map(|cell| cell.settings.len()) {
        Some(1..) => "policy",
        _ => "",
    };
    table.set_header(std::iter::once(heading).chain(policies.iter().copied()));
    for (words, cells) in rows {
        table.add_row(std::iter::once(Cell::new(words)).chain(cells.iter().map(to_the_right)));
    }
    table.to_string()
}

/// The same with rows and columns exchanged, some columns at a time.
fn below_each_other(policies: &[&str], rows: &[Row]) -> String {
    let block = |rows: &[Row]| {
        let mut table = new_table();
        let words = rows.iter().map(|(words, _)| words.as_str());
        table.set_header(std::iter::once("policy").chain(words));
        for (number, policy) in policies.iter().enumerate() {
            let cells = rows.iter().map(|(_, cells)| to_the_right(&cells[number]));
            table.add_row(std::iter::once(Cell::new(policy)).chain(cells));
        }
        table.to_string()
    };
    let blocks: Vec<String> = rows.chunks(MOST_COLUMNS).map(block).collect();
    blocks.join("\n\n")
}

fn to_the_right(cell: &String) -> Cell {
    Cell::new(cell).set_alignment(CellAlignment::Right)
}

fn new_table() -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// What a reader must know beside the numbers.
fn notes(answer: &Answer<'_>) -> String {
    let mut text = String::new();
    for target in &answer.targets {
        text.push_str(&format!(
            "target {} ({}): {}\n",
            target.target,
            target.policy,
            verdict(answer, target)
        ));
    }
    if let Some(cell) = answer.study.cells.first() {
        text.push_str(&format!(
            "{}; result hash {}\n",
            cell.outline.start, answer.result_hash
        ));
    }
    text
}

/// How a policy does on a target, with the bound that decides it, and what
/// would decide it if nothing does.
fn verdict(answer: &Answer<'_>, result: &TargetResult) -> String {
    let confidence = number::plain(answer.study.confidence * 100.0);
    let side = |at_most: bool| if at_most { "at most" } else { "at least" };
    let at_most = result.target.comparison == Comparison::AtMost;
    let bound = |is_upper: bool| match result.bound {
        Some(bound) => format!(
            ", {} {} at {confidence} %",
            side(is_upper),
            number::value(result.target.estimand.quantity(), bound)
        ),
        None => String::new(),
    };
    let mut text = match result.verdict {
        Verdict::Met => format!("met{}", bound(at_most)),
        Verdict::Missed => format!("MISSED{}", bound(!at_most)),
        Verdict::Undecided => {
            let advice = match (result.basis, result.replications_needed) {
                (None, _) => "; there is no such estimate".to_owned(),
                (_, Some(needed)) => format!(
                    "; about {needed} replications would decide it (--replications {needed})"
                ),
                (_, None) => "; too close to the bound for any number of replications".to_owned(),
            };
            format!("undecided{}{advice}", bound(at_most))
        }
    };
    if result.is_approximate {
        text.push_str("; approximate, since runs differ much or are few");
    }
    if !result.counts {
        text.push_str(" (control, not judged)");
    }
    text
}
