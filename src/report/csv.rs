use super::{Answer, name_field};

/// One row per estimate.
///
/// # Errors
/// If the writer fails.
pub fn estimates_csv(answer: &Answer<'_>) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "name",
        "split",
        "of",
        "policy",
        "value",
        "lo",
        "hi",
        "confidence",
        "deff",
        "replications",
    ])?;
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
    for estimate in &answer.estimates {
        let (split, of) = estimate
            .split
            .as_ref()
            .map_or(("", ""), |split| split.parts());
        writer.write_record([
            estimate.estimand.name(),
            split,
            &name_field(of),
            &name_field(&estimate.policy),
            &estimate.value.to_string(),
            &number(estimate.interval.map(|interval| interval.lo)),
            &number(estimate.interval.map(|interval| interval.hi)),
            &answer.study.confidence.to_string(),
            &number(estimate.design_effect),
            &estimate.replications.to_string(),
        ])?;
    }
    finish(writer)
}

/// One row per policy, replication and stream of requests: the counts that
/// estimates are made of.
///
/// # Errors
/// If the writer fails.
pub fn replications_csv(answer: &Answer<'_>) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "policy",
        "replication",
        "cohort",
        "method",
        "kind",
        "requests",
        "attempts",
        "first_429",
        "any_429",
        "any_refusal",
        "timed_out",
        "succeeded",
        "given_up",
        "missed",
        "unfinished",
        "skipped",
        "wakeups",
        "mean_latency_s",
    ])?;
    for (cell, records) in answer.study.cells.iter().zip(answer.records) {
        for record in records {
            for (stream, counts) in cell.world.streams.iter().zip(&record.streams) {
                let mean = counts.latency_sum as f64 / 1e9 / counts.succeeded as f64;
                let number = |number: u64| number.to_string();
                let name = |name: &str| name_field(name).into_owned();
                let kind = stream.devices.as_ref();
                writer.write_record([
                    name(&cell.policy),
                    record.replication.to_string(),
                    name(&cell.world.population.cohorts[stream.cohort].name),
                    name(&cell.world.methods[stream.method]),
                    kind.map_or_else(String::new, |group| name(&group.kind)),
                    number(counts.requests),
                    number(counts.attempts),
                    number(counts.first_429),
                    number(counts.any_429),
                    number(counts.any_refusal),
                    number(counts.timed_out),
                    number(counts.succeeded),
                    number(counts.given_up),
                    number(counts.missed),
                    number(counts.unfinished),
                    number(counts.skipped),
                    number(counts.wakeups),
                    if mean.is_finite() {
                        mean.to_string()
                    } else {
                        String::new()
                    },
                ])?;
            }
        }
    }
    finish(writer)
}

/// One row per policy and step of the time series, added up over replications.
///
/// # Errors
/// If the writer fails.
pub fn series_csv(answer: &Answer<'_>) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // A study may vary the stages themselves: one column per name.
    let mut names: Vec<(&str, bool)> = Vec::new();
    for stage in answer
        .study
        .cells
        .iter()
        .flat_map(|cell| &cell.world.server.stages)
    {
        let column = (stage.name.as_str(), stage.gate.is_some());
        if !names.contains(&column) {
            names.push(column);
        }
    }
    let gates = || names.iter().filter(|(_, gate)| *gate);
    let mut header = ["policy", "seconds", "offered", "admitted"]
        .map(str::to_owned)
        .to_vec();
    header.extend(names.iter().map(|(name, _)| format!("refused by {name}")));
    header.extend(gates().map(|(name, _)| format!("mean inside {name}")));
    header.extend(gates().map(|(name, _)| format!("mean waiting at {name}")));
    writer.write_record(&header)?;
    for (cell, records) in answer.study.cells.iter().zip(answer.records) {
        let clock = cell.world.clock;
        let length = clock.measured_until.since(clock.measured_from);
        let stages = &cell.world.server.stages;
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
            let sum = |count: &dyn Fn(&crate::sim::Record) -> u64| -> String {
                records.iter().map(count).sum::<u64>().to_string()
            };
            let mean = |area: &dyn Fn(&crate::sim::Record) -> u128| -> String {
                (records.iter().map(area).sum::<u128>() as f64 / width / runs).to_string()
            };
            let mut row = vec![
                name_field(&cell.policy).into_owned(),
                begin.secs_f64().to_string(),
                sum(&|record| record.series.offered[step]),
                sum(&|record| record.series.admitted[step]),
            ];
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
