use std::io::Write;

use super::{cell_columns, cell_header};
use crate::experiment::Cell;
use crate::report::Answer;
use crate::sim::Record;
use crate::units::Span;

/// What a row of `series.csv` is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SeriesOf {
    /// A policy: all replications added up.
    #[default]
    Sums,
    /// One replication.
    Replications,
}

/// A stage's name, and whether it is a gate.
type Column = (String, bool);

/// One row per cell, replication if wished, and step of the time series.
///
/// # Errors
/// If the writer fails.
pub fn series_csv(answer: &Answer<'_>, of: SeriesOf, to: impl Write) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(to);
    // A study may vary the stages themselves: one column per name.
    let mut columns: Vec<Column> = Vec::new();
    let outlines = || answer.study.cells.iter().map(|cell| &cell.outline);
    for stage in outlines().flat_map(|outline| &outline.stages) {
        let column = (stage.name.clone(), stage.gate.is_some());
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let gates = || columns.iter().filter(|(_, gate)| *gate);
    let mut header = cell_header(answer);
    header.extend((of == SeriesOf::Replications).then(|| "replication".to_owned()));
    header.extend(
        [
            "seconds",
            "time",
            "requests",
            "succeeded",
            "offered",
            "admitted",
        ]
        .map(str::to_owned),
    );
    header.extend(columns.iter().map(|(name, _)| format!("refused by {name}")));
    header.extend(gates().map(|(name, _)| format!("mean inside {name}")));
    header.extend(gates().map(|(name, _)| format!("mean waiting at {name}")));
    writer.write_record(&header)?;
    for (index, (cell, records)) in answer.study.cells.iter().zip(answer.records).enumerate() {
        let first = cell_columns(answer, index);
        let mut write = |first: &[String], records: &[Record]| -> Result<(), csv::Error> {
            for step in 0..cell.outline.clock.buckets {
                let row = row(cell, records, step, &columns);
                writer.write_record(first.iter().chain(&row))?;
            }
            Ok(())
        };
        match of {
            SeriesOf::Sums => write(&first, records)?,
            SeriesOf::Replications => {
                for record in records {
                    let mut first = first.clone();
                    first.push(record.replication.to_string());
                    write(&first, std::slice::from_ref(record))?;
                }
            }
        }
    }
    writer.flush()?;
    Ok(())
}

/// What follows the cell and the replication.
fn row(cell: &Cell, records: &[Record], step: usize, columns: &[Column]) -> Vec<String> {
    let clock = cell.outline.clock;
    let length = clock.measured_until.since(clock.measured_from);
    let begin: Span = clock.bucket_width * step as u64;
    let width = clock.bucket_width.min(length.saturating_sub(begin)).nanos() as f64;
    let runs = records.len() as f64;
    let stages = &cell.outline.stages;
    let stage_of = |(name, gate): &Column| {
        let mut stages = stages.iter();
        stages.position(|stage| stage.name == *name && stage.gate.is_some() == *gate)
    };
    let gate_of = |column: &Column| stages[stage_of(column)?].gate.map(usize::from);
    let sum = |count: &dyn Fn(&Record) -> u64| -> String {
        records.iter().map(count).sum::<u64>().to_string()
    };
    let mean = |area: &dyn Fn(&Record) -> u128| -> String {
        (records.iter().map(area).sum::<u128>() as f64 / width / runs).to_string()
    };
    let gates = || columns.iter().filter(|(_, gate)| *gate);
    let mut row = vec![
        begin.secs_f64().to_string(),
        cell.scenario.time.zone.rfc3339(clock.measured_from + begin),
        sum(&|record| record.series.requests[step]),
        sum(&|record| record.series.succeeded[step]),
        sum(&|record| record.series.offered[step]),
        sum(&|record| record.series.admitted[step]),
    ];
    row.extend(columns.iter().map(|column| {
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
    row
}
