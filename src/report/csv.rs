use super::Answer;
use crate::experiment::{Estimate, pairs};
use crate::scenario::Part;
use crate::sim::Record;
use crate::stats::Basis;

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
    header.extend(paths.iter().map(|(path, _)| path.clone()));
    header
}

fn cell_columns(answer: &Answer<'_>, cell: usize) -> Vec<String> {
    let study_cell = &answer.study.cells[cell];
    let mut columns = vec![cell.to_string(), study_cell.name.clone()];
    columns.extend(study_cell.settings.iter().map(|(_, value)| value.clone()));
    columns
}

/// The values of a part's dimensions, empty where it has none.
fn part_columns(part: &Part) -> impl Iterator<Item = String> {
    let given = part.dimensions();
    DIMENSIONS.into_iter().map(move |dimension| {
        let mut given = given.iter();
        given
            .find(|(name, _)| *name == dimension)
            .map_or_else(String::new, |(_, value)| value.clone())
    })
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
pub fn estimates_csv(answer: &Answer<'_>) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = vec!["name".to_owned()];
    header.extend(DIMENSIONS.map(str::to_owned));
    header.extend(cell_header(answer));
    header.extend(
        [
            "value",
            "lo",
            "hi",
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
            answer.study.confidence.to_string(),
            basis(estimate.basis).to_owned(),
            number(estimate.lower),
            number(estimate.upper),
            number(estimate.design_effect),
            estimate.replications.to_string(),
        ]);
        writer.write_record(&row)?;
    }
    finish(writer)
}

/// One row per cell, replication, part and estimate: the numerator and the
/// denominator that the estimate adds up.
///
/// # Errors
/// If the writer fails.
pub fn replications_csv(answer: &Answer<'_>) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = cell_header(answer);
    header.push("replication".to_owned());
    header.extend(DIMENSIONS.map(str::to_owned));
    header.extend(["name", "numerator", "denominator"].map(str::to_owned));
    writer.write_record(&header)?;
    for (index, (cell, records)) in answer.study.cells.iter().zip(answer.records).enumerate() {
        for part in answer.estimates.parts() {
            for (estimand, pairs) in pairs(cell, part, records) {
                for (record, (x, n)) in records.iter().zip(pairs) {
                    let mut row = cell_columns(answer, index);
                    row.push(record.replication.to_string());
                    row.extend(part_columns(part));
                    row.extend([estimand.name().to_owned(), x.to_string(), n.to_string()]);
                    writer.write_record(&row)?;
                }
            }
        }
    }
    finish(writer)
}

/// One row per cell and step of the time series, added up over replications.
///
/// # Errors
/// If the writer fails.
pub fn series_csv(answer: &Answer<'_>) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // A study may vary the stages themselves: one column per name.
    let mut names: Vec<(&str, bool)> = Vec::new();
    let outlines = || answer.study.cells.iter().map(|cell| &cell.outline);
    for stage in outlines().flat_map(|outline| &outline.stages) {
        let column = (stage.name.as_str(), stage.gate.is_some());
        if !names.contains(&column) {
            names.push(column);
        }
    }
    let gates = || names.iter().filter(|(_, gate)| *gate);
    let mut header = cell_header(answer);
    header.extend(["seconds", "requests", "succeeded", "offered", "admitted"].map(str::to_owned));
    header.extend(names.iter().map(|(name, _)| format!("refused by {name}")));
    header.extend(gates().map(|(name, _)| format!("mean inside {name}")));
    header.extend(gates().map(|(name, _)| format!("mean waiting at {name}")));
    writer.write_record(&header)?;
    for (index, (cell, records)) in answer.study.cells.iter().zip(answer.records).enumerate() {
        let clock = cell.outline.clock;
        let length = clock.measured_until.since(clock.measured_from);
        let stages = &cell.outline.stages;
        let stage_of = |(name, gate): &(&str, bool)| {
            stages
                .iter()
                .position(|stage| stage.name == *name && stage.gate.is_some() == *gate)
        };
        let gate_of = |column: &(&str, bool)| stages[stage_of(column)?].gate.map(usize::from);
        for step in 0..clock.buckets {
            let begin = clock.bucket_width * step as u64;
            let width = clock.bucket_width.min(length.saturating_sub(begin)).nanos() as f64;
            let runs = records.len() as f64;
            let sum = |count: &dyn Fn(&Record) -> u64| -> String {
                records.iter().map(count).sum::<u64>().to_string()
            };
            let mean = |area: &dyn Fn(&Record) -> u128| -> String {
                (records.iter().map(area).sum::<u128>() as f64 / width / runs).to_string()
            };
            let mut row = cell_columns(answer, index);
            row.extend([
                begin.secs_f64().to_string(),
                sum(&|record| record.series.requests[step]),
                sum(&|record| record.series.succeeded[step]),
                sum(&|record| record.series.offered[step]),
                sum(&|record| record.series.admitted[step]),
            ]);
            row.extend(names.iter().map(|column| {
                stage_of(column).map_or_else(String::new, |stage| {
                    sum(&|record| record.series.refused[stage][step])
                })
            }));
            row.extend(gates().map(|column| {
                gate_of(column).map_or_else(String::new, |gate| {
                    mean(&|record| record.series.inside[gate][step])
                })
            }));
            row.extend(gates().map(|column| {
                gate_of(column).map_or_else(String::new, |gate| {
                    mean(&|record| record.series.waiting[gate][step])
                })
            }));
            writer.write_record(&row)?;
        }
    }
    finish(writer)
}

fn finish(writer: csv::Writer<Vec<u8>>) -> Result<String, csv::Error> {
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
