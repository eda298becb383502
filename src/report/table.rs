use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::{Answer, number};
use crate::experiment::{Estimate, Split, Verdict};
use crate::scenario::Estimand;

/// The most columns of a table. More policies than this stand below each other.
const MOST_COLUMNS: usize = 4;

/// What the table shows of all traffic; files have the rest.
const OVERALL: [Estimand; 12] = [
    Estimand::P429Attempt,
    Estimand::RefusedAttempt,
    Estimand::FailedRequest,
    Estimand::MissedCommand,
    Estimand::SkippedPoll,
    Estimand::LatencyCommandP50,
    Estimand::LatencyCommandP99,
    Estimand::RetryAmplification,
    Estimand::Goodput,
    Estimand::UtilisationGate,
    Estimand::WaitGateMean,
    Estimand::WakeupsDeviceDay,
];

/// What the table shows of each cohort, and of each limit.
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
        .map(|cell| cell.policy.as_str())
        .collect();
    let rows = rows(answer, &policies);
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

fn rows(answer: &Answer<'_>, policies: &[&str]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |words: String, estimand, split: Option<&Split>| {
        let cells: Vec<String> = policies
            .iter()
            .map(|policy| {
                answer
                    .estimate(policy, estimand, split)
                    .map_or_else(|| "-".to_owned(), number::estimate)
            })
            .collect();
        if cells.iter().any(|cell| cell != "-") {
            rows.push((words, cells));
        }
    };
    let of_all = |estimand| {
        let estimates = answer.estimates.iter();
        estimates.filter(move |other| other.estimand == estimand && other.split.is_none())
    };
    for estimand in OVERALL {
        // That few polls are skipped goes without saying.
        let seldom = |estimate: &Estimate| estimate.value < 0.001;
        if estimand == Estimand::SkippedPoll && of_all(estimand).all(seldom) {
            continue;
        }
        row(words(answer, estimand), estimand, None);
    }
    for split in answer.splits() {
        match split {
            Split::Cohort(name) => {
                for estimand in OF_A_PART {
                    row(
                        format!("{name}: {}", estimand.words()),
                        estimand,
                        Some(split),
                    );
                }
            }
            Split::Limit(name) => {
                let seen = answer
                    .estimates
                    .iter()
                    .any(|estimate| estimate.split.as_ref() == Some(split) && estimate.value > 0.0);
                if seen {
                    let words = format!("attempts refused by \"{name}\"");
                    row(words.clone(), Estimand::P429Attempt, Some(split));
                    row(words, Estimand::RefusedAttempt, Some(split));
                }
            }
            Split::Method(_) => {}
        }
    }
    rows
}

/// The words of an estimand. Of several gates, those on the gate name which.
fn words(answer: &Answer<'_>, estimand: Estimand) -> String {
    let words = estimand.words();
    let world = answer.study.cells.first().map(|cell| &cell.world);
    let stages = world.map_or(&[][..], |world| &world.server.stages[..]);
    let mut gates = stages.iter().filter(|stage| stage.gate.is_some());
    match (gates.next(), gates.next()) {
        (Some(first), Some(_)) => words.replace("the gate", &format!("\"{}\"", first.name)),
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
        let verdict = match target.verdict {
            Verdict::Met => "met",
            Verdict::Missed => "MISSED",
            Verdict::Undecided => "undecided: run more replications",
        };
        text.push_str(&format!(
            "target {} ({}): {verdict}\n",
            target.target, target.policy
        ));
    }
    let unfinished = answer.unfinished();
    if unfinished > 0 {
        text.push_str(&format!(
            "{unfinished} requests had not ended when the run was drained; they count as neither done nor given up\n"
        ));
    }
    if let Some(cell) = answer.study.cells.first() {
        text.push_str(&format!(
            "{}; result hash {}\n",
            cell.world.start, answer.result_hash
        ));
    }
    text
}
