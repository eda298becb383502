mod runs;
mod series;

use std::io::Write;

use super::Answer;
use super::field::name_field;
use crate::experiment::Estimate;
use crate::scenario::{Count, GateCount, Part};
use crate::server::StagePlan;
use crate::sim::{Record, SegmentRecord, StreamRecord};
use crate::stats::{Basis, woodruff};
use crate::world::Outline;

pub use runs::runs_csv;
pub use series::{SeriesOf, series_csv};

/// The dimensions of a part, as files name them.
const DIMENSIONS: [&str; 4] = ["cohort", "method", "limit", "window"];

/// The columns that every file begins with: the cell's number, its policy's
/// name, and one per varied path.
fn cell_header(answer: &Answer<'_>) -> Vec<String> {
    let paths = answer
        .study
        .cells
        .first()
        .map_or(&[][..], |cell| &cell.settings);
    let mut header = vec!["cell".to_owned(), "policy".to_owned()];
    header.extend(paths.iter().map(|setting| setting.path.clone()));
    header
}

fn cell_columns(answer: &Answer<'_>, cell: usize) -> Vec<String> {
    let study_cell = &answer.study.cells[cell];
    let mut columns = vec![cell.to_string(), field(&study_cell.name)];
    columns.extend((study_cell.settings.iter()).map(|setting| field(&setting.label)));
    columns
}

/// The values of a part's dimensions.
fn part_columns(part: &Part) -> impl Iterator<Item = String> {
    let given = part.dimensions();
    DIMENSIONS.into_iter().map(move |dimension| {
        let mut given = given.iter();
        given
            .find(|(name, _)| *name == dimension)
            .map_or_else(|| WHOLE.to_owned(), |(_, value)| field(value))
    })
}

/// What stands for a dimension of which all is meant.
const WHOLE: &str = "(all)";

fn field(name: &str) -> String {
    name_field(name).into_owned()
}

/// How files name what an interval rests on.
pub(super) fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Exact => "exact",
        Basis::Spread => "spread",
        Basis::Runs => "runs",
        Basis::NoneSeen => "none seen",
        Basis::AllSeen => "all seen",
        Basis::FewEvents { .. } => "few events",
        Basis::Ties => "ties",
    }
}

/// One row per estimate.
///
/// # Errors
/// If the writer fails.
pub fn estimates_csv(answer: &Answer<'_>, to: impl Write) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(to);
    let mut header = vec!["name".to_owned()];
    header.extend(DIMENSIONS.map(str::to_owned));
    header.extend(cell_header(answer));
    header.extend(
        [
            "value",
            "lo",
            "hi",
            "standard_error",
            "confidence",
            "basis",
            "lower",
            "upper",
            "deff",
            "replications",
        ]
        .map(str::to_owned),
    );
    writer.write_record(&header)?;
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
    for estimate in answer.estimates.iter() {
        let Estimate { interval, .. } = estimate;
        let mut row = vec![estimate.estimand.name().to_owned()];
        row.extend(part_columns(&estimate.part));
        row.extend(cell_columns(answer, estimate.cell));
        row.extend([
            estimate.value.to_string(),
            number(interval.map(|interval| interval.lo)),
            number(interval.map(|interval| interval.hi)),
            number(estimate.standard_error),
            answer.study.confidence.to_string(),
            basis(estimate.basis).to_owned(),
            number(estimate.lower),
            number(estimate.upper),
            number(estimate.design_effect),
            estimate.replications.to_string(),
        ]);
        writer.write_record(&row)?;
    }
    writer.flush()?;
    Ok(())
}

/// What stands where a dimension does not apply: never an empty field, which
/// programs that group rows would drop.
const NO_PART: &str = "(none)";

/// One row per cell, replication, stream of requests and set of windows: the
/// counts of which every estimate of traffic is a ratio of sums.
///
/// # Errors
/// If the writer fails.
pub fn replications_csv(answer: &Answer<'_>, to: impl Write) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(to);
    let limits = stage_names(answer, |_| true);
    let mut header = cell_header(answer);
    header.push("replication".to_owned());
    header.extend(["cohort", "method", "kind", "window"].map(str::to_owned));
    header.extend(columns().map(|column| column.name().to_owned()));
    header.extend(
        [
            "commands",
            "commands_done_again",
            "polls_due",
            "devices",
            "device_days",
            "seconds",
            "latency_sum_s",
        ]
        .map(str::to_owned),
    );
    header.extend(
        QUANTILES
            .iter()
            .map(|(name, _)| format!("latency_{name}_s")),
    );
    header.extend(limits.iter().map(|name| format!("refused by {name}")));
    writer.write_record(&header)?;
    for (index, (cell, records)) in answer.study.cells.iter().zip(answer.records).enumerate() {
        let outline = &cell.outline;
        let cell_columns = cell_columns(answer, index);
        let stage_of = |name: &String| outline.stages.iter().position(|stage| stage.name == *name);
        let wakes_first = wakes_first(outline);
        for record in records {
            let rows = segments(outline, record).flat_map(|(window, seconds, segment)| {
                let streams = outline.streams.iter().zip(&segment.streams).enumerate();
                streams.map(move |(number, row)| (window.clone(), seconds, number, row))
            });
            for (window, seconds, number, (stream, counts)) in rows {
                let is = |condition: bool, count: u64| if condition { count } else { 0 };
                let mut row = cell_columns.clone();
                row.push(record.replication.to_string());
                row.push(field(&outline.cohorts[stream.cohort]));
                row.push(field(&outline.methods[stream.method]));
                row.push(
                    stream
                        .kind
                        .as_deref()
                        .map_or_else(|| NO_PART.to_owned(), field),
                );
                row.push(window);
                row.extend(columns().map(|column| column.value(outline, counts).to_string()));
                row.extend([
                    is(stream.deadline.is_some(), counts[Count::Requests]).to_string(),
                    is(stream.deadline.is_some(), counts[Count::ExecutedAgain]).to_string(),
                    is(
                        stream.skips,
                        counts[Count::Requests] + counts[Count::Skipped],
                    )
                    .to_string(),
                    record.fleet.devices[number].to_string(),
                    match wakes_first[number] {
                        true => f64::from(record.fleet.devices[number]) * seconds / 86_400.0,
                        false => 0.0,
                    }
                    .to_string(),
                    seconds.to_string(),
                    (counts.latency_sum as f64 / 1e9).to_string(),
                ]);
                row.extend(QUANTILES.iter().map(|(_, quantile)| {
                    let found = woodruff(&[&counts.latency], &[0], *quantile);
                    found.map_or_else(String::new, |found| (found.value / 1e9).to_string())
                }));
                row.extend(limits.iter().map(|name| {
                    stage_of(name)
                        .map_or_else(String::new, |stage| counts.refused[stage].to_string())
                }));
                writer.write_record(&row)?;
            }
        }
    }
    writer.flush()?;
    Ok(())
}

/// For each stream, whether it is the first that wakes its devices: those that
/// several wake are counted once.
fn wakes_first(outline: &Outline) -> Vec<bool> {
    let mut known = Vec::new();
    (outline.streams.iter())
        .map(|stream| {
            let group = (stream.cohort, stream.kind.as_deref());
            let is_first = stream.wakes && group.1.is_some() && !known.contains(&group);
            if is_first {
                known.push(group);
            }
            is_first
        })
        .collect()
}

const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// What a column of a stream holds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Column {
    Of(Count),
    Attempts429,
    AttemptsRefused,
}

/// The columns of a stream: its requests and attempts, those that were refused,
/// and all other counts.
fn columns() -> impl Iterator<Item = Column> {
    let first = [Count::Requests, Count::Attempts];
    let rest = (Count::ALL.into_iter()).filter(move |count| !first.contains(count));
    let refused = [Column::Attempts429, Column::AttemptsRefused];
    (first.map(Column::Of).into_iter().chain(refused)).chain(rest.map(Column::Of))
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Column::Of(count) => count.name(),
            Column::Attempts429 => "attempts_429",
            Column::AttemptsRefused => "attempts_refused",
        }
    }

    fn value(self, outline: &Outline, counts: &StreamRecord) -> u64 {
        let refused = outline.stages.iter().zip(&counts.refused);
        match self {
            Column::Of(count) => counts[count],
            Column::Attempts429 => refused
                .filter(|(stage, _)| stage.response.status == 429)
                .map(|(_, count)| count)
                .sum(),
            Column::AttemptsRefused => counts.refused.iter().sum(),
        }
    }
}

/// The segments of a run: the windows that each lies in, in words, and its
/// length in seconds.
fn segments<'a>(
    outline: &'a Outline,
    record: &'a Record,
) -> impl Iterator<Item = (String, f64, &'a SegmentRecord)> {
    let windows = &outline.windows;
    let sets = windows.segments.iter().zip(&windows.lengths);
    sets.zip(&record.segments).map(|((set, length), segment)| {
        let within: Vec<String> = (windows.names.iter().enumerate())
            .filter(|(number, _)| set >> number & 1 == 1)
            .map(|(_, window)| window.to_string())
            .collect();
        let name = match within.is_empty() {
            true => NO_PART.to_owned(),
            false => within.join(" and "),
        };
        (name, length.secs_f64(), segment)
    })
}

/// The names of the stages of all cells that `wanted` picks, each once.
fn stage_names(answer: &Answer<'_>, wanted: impl Fn(&StagePlan) -> bool) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let outlines = answer.study.cells.iter().map(|cell| &cell.outline);
    for stage in outlines.flat_map(|outline| &outline.stages) {
        if wanted(stage) && !names.contains(&stage.name) {
            names.push(stage.name.clone());
        }
    }
    names
}

/// One row per cell, replication, gate and set of windows.
///
/// # Errors
/// If the writer fails.
pub fn gates_csv(answer: &Answer<'_>, to: impl Write) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(to);
    let mut header = cell_header(answer);
    header.extend(
        [
            "replication",
            "gate",
            "window",
            "seconds",
            "permits",
            "keys",
            "entered",
            "entered_after_wait",
            "full",
            "wait_ended",
            "waited_s",
            "permit_seconds",
            "peak_inside",
            "peak_waiting",
        ]
        .map(str::to_owned),
    );
    writer.write_record(&header)?;
    for (index, (cell, records)) in answer.study.cells.iter().zip(answer.records).enumerate() {
        let outline = &cell.outline;
        let cell_columns = cell_columns(answer, index);
        for record in records {
            for (window, seconds, segment) in segments(outline, record) {
                let gates = outline.gates.iter().zip(&segment.gates);
                for ((gate, counts), keys) in gates.zip(&record.fleet.gate_keys) {
                    let mut row = cell_columns.clone();
                    row.extend([
                        record.replication.to_string(),
                        field(&outline.stages[gate.stage].name),
                        window.clone(),
                        seconds.to_string(),
                        gate.permits
                            .map_or_else(String::new, |permits| permits.to_string()),
                        keys.to_string(),
                        counts[GateCount::Entered].to_string(),
                        counts[GateCount::EnteredAfterWait].to_string(),
                        counts[GateCount::Full].to_string(),
                        counts[GateCount::WaitEnded].to_string(),
                        (counts[GateCount::Waited] as f64 / 1e9).to_string(),
                        (counts[GateCount::Inside] as f64 / 1e9).to_string(),
                        counts[GateCount::PeakInside].to_string(),
                        counts[GateCount::PeakWaiting].to_string(),
                    ]);
                    writer.write_record(&row)?;
                }
            }
        }
    }
    writer.flush()?;
    Ok(())
}
