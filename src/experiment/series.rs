use super::Cell;
use crate::sim::Record;
use crate::stats::{Interval, RatioEstimate, Scale};

/// One step of a run over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeriesPoint {
    /// The middle of the step, in seconds since the start of the measured span.
    pub seconds: f64,
    /// The estimate; `None` if nothing happened in the step.
    pub value: Option<f64>,
    /// Its pointwise confidence interval.
    pub interval: Option<Interval>,
}

/// The share of attempts that were refused over the measured span, by the step
/// in which they were made: by the stages that `counts` names, given their
/// status.
pub fn refusal_series(
    cell: &Cell,
    records: &[Record],
    confidence: f64,
    counts: impl Fn(u16) -> bool,
) -> Vec<SeriesPoint> {
    let limited: Vec<usize> = (0..cell.outline.stages.len())
        .filter(|stage| counts(cell.outline.stages[*stage].response.status))
        .collect();
    series(cell, records, confidence, Scale::Share, |record, step| {
        let refused: u64 = limited
            .iter()
            .map(|stage| record.series.refused[*stage][step])
            .sum();
        (refused as f64, record.series.offered[step] as f64)
    })
}

/// The mean number of visits at a gate, inside or waiting, over the measured
/// span; per key, if it has permits per key.
pub fn gate_series(
    cell: &Cell,
    records: &[Record],
    gate: usize,
    confidence: f64,
) -> Vec<SeriesPoint> {
    let width = step_nanos(cell);
    series(
        cell,
        records,
        confidence,
        Scale::NonNegative,
        |record, step| {
            let present = record.series.inside[gate][step] + record.series.waiting[gate][step];
            let keys = f64::from(record.fleet.gate_keys[gate].max(1));
            (present as f64, width(step) * keys)
        },
    )
}

/// The length of each step; the last may be cut short.
fn step_nanos(cell: &Cell) -> impl Fn(usize) -> f64 {
    let clock = cell.outline.clock;
    let length = clock.measured_until.since(clock.measured_from);
    move |step| {
        let before = clock.bucket_width * step as u64;
        clock
            .bucket_width
            .min(length.saturating_sub(before))
            .nanos() as f64
    }
}

fn series(
    cell: &Cell,
    records: &[Record],
    confidence: f64,
    scale: Scale,
    count: impl Fn(&Record, usize) -> (f64, f64),
) -> Vec<SeriesPoint> {
    let width = step_nanos(cell);
    (0..cell.outline.clock.buckets)
        .map(|step| {
            let counts: Vec<(f64, f64)> =
                records.iter().map(|record| count(record, step)).collect();
            let ratio = RatioEstimate::new(&counts, scale);
            let before = (cell.outline.clock.bucket_width * step as u64).secs_f64();
            SeriesPoint {
                seconds: before + width(step) / 2e9,
                value: ratio.map(|ratio| ratio.value),
                interval: ratio.and_then(|ratio| ratio.interval(confidence)),
            }
        })
        .collect()
}
