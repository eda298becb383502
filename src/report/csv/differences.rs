use std::io::Write;

use super::{DIMENSIONS, cell_columns, cell_header, field, part_columns};
use crate::experiment::Comparison;
use crate::report::Answer;

/// How files name what is known of a difference.
pub(in crate::report) fn comparison(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::More => "more",
        Comparison::Less => "less",
        Comparison::NotApart => "not told apart",
        Comparison::TooFewDiffer => "too few runs differ",
        Comparison::Same => "same in every run",
    }
}

/// One row per comparison of a policy with the one that all are compared with.
///
/// # Errors
/// If the writer fails.
pub fn differences_csv(answer: &Answer<'_>, to: impl Write) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(to);
    let mut header = vec!["name".to_owned()];
    header.extend(DIMENSIONS.map(str::to_owned));
    header.extend(cell_header(answer));
    header.extend(
        [
            "minus",
            "difference",
            "lo",
            "hi",
            "confidence",
            "standard_error",
            "adjusted_p",
            "comparison",
            "correlation",
            "runs_that_differ",
            "replications",
        ]
        .map(str::to_owned),
    );
    writer.write_record(&header)?;
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
    for differences in answer.differences.iter() {
        let baseline = &answer.study.cells[differences.baseline].name;
        for difference in differences.iter() {
            let paired = &difference.paired;
            let interval = difference.interval;
            let mut row = vec![difference.estimand.name().to_owned()];
            row.extend(part_columns(&difference.part));
            row.extend(cell_columns(answer, difference.cell));
            row.extend([
                field(baseline),
                paired.value.to_string(),
                number(interval.map(|interval| interval.lo)),
                number(interval.map(|interval| interval.hi)),
                difference.adjusted.confidence.to_string(),
                number(paired.standard_error),
                difference.adjusted.p_value.to_string(),
                comparison(difference.comparison()).to_owned(),
                number(paired.correlation),
                paired.differing.to_string(),
                paired.replications.to_string(),
            ]);
            writer.write_record(&row)?;
        }
    }
    writer.flush()?;
    Ok(())
}
