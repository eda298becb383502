use std::io::Write;

use super::{DIMENSIONS, cell_columns, cell_header, part_columns};
use crate::report::Answer;
use crate::scenario::estimand::Of;

/// One row per estimate of whole runs, accounts or ages, and replication: what no
/// sum of the other files' columns gives.
///
/// `value` is what the run alone would say, empty if that is never reached or
/// has no meaning; `numerator` and `denominator` add up over runs to an estimate
/// that is a ratio, and are empty for others.
///
/// # Errors
/// If the writer fails.
pub fn runs_csv(answer: &Answer<'_>, to: impl Write) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(to);
    let mut header = vec!["name".to_owned()];
    header.extend(DIMENSIONS.map(str::to_owned));
    header.extend(cell_header(answer));
    header.extend(["replication", "value", "numerator", "denominator"].map(str::to_owned));
    writer.write_record(&header)?;
    let is_meant = |of: Of| matches!(of, Of::Run | Of::Accounts | Of::Polls);
    let number = |number: f64| match number.is_finite() {
        true => number.to_string(),
        false => String::new(),
    };
    for estimate in answer.estimates.iter() {
        let (estimand, part) = (estimate.estimand, &estimate.part);
        if !is_meant(estimand.of()) {
            continue;
        }
        let cell = &answer.study.cells[estimate.cell];
        let records = &answer.records[estimate.cell];
        let pairs = cell.pairs(records, estimand, part).unwrap_or_default();
        let values = cell.values(records, estimand, part).unwrap_or_default();
        let mut row = vec![estimand.name().to_owned()];
        row.extend(part_columns(part));
        row.extend(cell_columns(answer, estimate.cell));
        let common = row.len();
        for (index, (record, value)) in records.iter().zip(values).enumerate() {
            row.truncate(common);
            row.push(record.replication.to_string());
            row.push(value.map_or_else(String::new, number));
            match pairs.get(index) {
                Some((x, n)) => row.extend([number(*x), number(*n)]),
                None => row.extend([String::new(), String::new()]),
            }
            writer.write_record(&row)?;
        }
    }
    writer.flush()?;
    Ok(())
}
