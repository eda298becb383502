//! The clock, the targets, and what a study repeats and varies.

use std::collections::BTreeSet;

use super::{Finding, Findings, segment};
use crate::scenario::text::{excerpt, one_line};
use crate::scenario::{Amount, Estimand, Range, Scenario, Stage, Values, Variation, clock};
use crate::units::Span;

/// The most combinations of varied values.
const MAX_CELLS: usize = 10_000;
/// The most paths that a study varies, links or sets by policies: each is an
/// edit of the text per combination.
const MAX_PATHS: usize = 100;
/// The most runs of a study, and bytes of the time series of all of them.
const MAX_RUNS: usize = 1_000_000;
const MAX_SERIES_BYTES: f64 = 4e9;

pub(super) fn check_targets(scenario: &Scenario, found: &mut Findings) {
    let server = &scenario.server;
    let clients = || scenario.clients.values();
    for (index, target) in scenario.targets.iter().enumerate() {
        let (there, what) = match target.estimand {
            Estimand::P429Attempt | Estimand::P429FirstAttempt | Estimand::P429Request => (
                server
                    .stages
                    .iter()
                    .any(|stage| stage.refusal().status == 429),
                "no stage of the server answers with the status 429",
            ),
            Estimand::RefusedAttempt => (
                !server.stages.is_empty(),
                "the server has no stage that refuses",
            ),
            Estimand::MissedCommand
            | Estimand::LatencyCommandP50
            | Estimand::LatencyCommandP95
            | Estimand::LatencyCommandP99 => (
                clients().any(|client| !client.commands.is_empty()),
                "no client gives commands",
            ),
            Estimand::TimedOutAttempt => (
                clients().any(|client| client.timeout.is_some()),
                "no client has a time-out",
            ),
            Estimand::SkippedPoll => (
                clients()
                    .flat_map(|client| &client.polls)
                    .any(|poll| !poll.overlap),
                "no poll is ever skipped",
            ),
            Estimand::UtilisationGate | Estimand::WaitGateProbability | Estimand::WaitGateMean => (
                server
                    .stages
                    .iter()
                    .any(|stage| matches!(stage, Stage::Gate { .. })),
                "the server has no gate",
            ),
            Estimand::WakeupsDeviceDay => (
                scenario
                    .cohorts
                    .values()
                    .any(|cohort| !cohort.devices.is_empty()),
                "no home has devices",
            ),
            Estimand::FailedRequest
            | Estimand::LatencyRequestMean
            | Estimand::RetryAmplification
            | Estimand::Goodput => (true, ""),
        };
        if !there {
            found.add(
                &format!("targets.{index}"),
                format!("{} cannot be estimated: {what}", target.estimand),
                "nothing to hold it against",
            );
        }
    }
}

pub(super) fn check_clock(scenario: &Scenario, found: &mut Findings) {
    let time = &scenario.time;
    if time.length.is_zero() {
        found.add(
            "time.length",
            "nothing would be measured",
            "must be more than zero",
        );
    }
    let reach = Span::from_secs(200 * 365 * 86_400);
    if time.warm_up + time.length + time.drain > reach {
        found.add(
            "time.length",
            "the run is longer than 200 years",
            "must be shorter",
        );
    }
    if let Some(bucket) = time.bucket {
        if bucket.is_zero() {
            found.add(
                "time.bucket",
                "a time series needs steps of some width",
                "must be more than zero",
            );
        } else if bucket > time.length {
            found.add(
                "time.bucket",
                format!(
                    "a step of {bucket} is longer than the measured {}",
                    time.length
                ),
                "must be at most `length`",
            );
        } else if time.length.nanos() / bucket.nanos() > clock::MAX_BUCKETS {
            found.add(
                "time.bucket",
                format!(
                    "steps of {bucket} make more than {} in {}",
                    clock::MAX_BUCKETS,
                    time.length
                ),
                "must be longer",
            );
        }
    }
}

pub(super) fn check_study(scenario: &Scenario, found: &mut Findings) {
    let study = &scenario.study;
    if study.replications == 0 {
        found.add(
            "study.replications",
            "nothing would be run",
            "must be at least 1",
        );
    }
    let confidence = study.confidence.value();
    if !(0.5..1.0).contains(&confidence) {
        found.add(
            "study.confidence",
            format!("a confidence of {confidence} makes no interval"),
            "must be at least 0.5 and below 1",
        );
    }
    let counts = [
        ("vary", study.vary.len()),
        ("link", study.link.len()),
        ("policies", study.policy_paths().len()),
    ];
    for (field, count) in counts {
        if count > MAX_PATHS {
            found.add(
                &format!("study.{field}"),
                format!("{count} paths are more than {MAX_PATHS}"),
                "too many",
            );
        }
    }
    for (path, values) in study.vary.iter() {
        check_values(&format!("study.vary.{}", segment(path)), values, found);
    }
    let cells = study.cells();
    if cells > MAX_CELLS {
        let place = match study.policies.len() > MAX_CELLS {
            true => "study.policies",
            false => "study.vary",
        };
        found.add(
            place,
            format!("{cells} combinations are more than {MAX_CELLS}"),
            "too many",
        );
    }
    let runs = cells.saturating_mul(study.replications as usize);
    let stages = &scenario.server.stages;
    let gates = stages
        .iter()
        .filter(|stage| matches!(stage, Stage::Gate { .. }));
    let columns = 2 + stages.len() + 4 * gates.count();
    let steps = scenario.time.buckets();
    let series_bytes = runs as f64 * (steps * columns * size_of::<u64>()) as f64;
    if runs > MAX_RUNS {
        found.add(
            "study.replications",
            format!(
                "{} replications of {cells} combinations are {runs} runs, more than {MAX_RUNS}",
                study.replications
            ),
            format!("must be at most {}", MAX_RUNS / cells.max(1)),
        );
    } else if series_bytes > MAX_SERIES_BYTES {
        found.add(
            "study.replications",
            format!(
                "the time series of {runs} runs in {steps} steps would take {:.0} GB of memory",
                series_bytes / 1e9
            ),
            "fewer replications, or a longer `time.bucket`",
        );
    }
}

fn check_values(place: &str, values: &Values, found: &mut Findings) {
    if values.is_empty() && !matches!(values, Values::Range(_)) {
        found.add(
            place,
            "there is nothing to vary",
            "needs at least one value",
        );
    }
    match values {
        Values::List(values) => {
            let places = (0..values.len()).map(|index| format!("{place}.{index}"));
            check_twice(places.zip(values), found);
        }
        Values::Named(values) => {
            let places = values
                .names()
                .map(|name| format!("{place}.{}", segment(name)));
            check_twice(places.zip(values.values()), found);
        }
        Values::Range(range) => check_range(place, range, found),
    }
}

/// That no value is the same as another, however it is laid out.
fn check_twice<'a>(values: impl Iterator<Item = (String, &'a Variation)>, found: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (place, value) in values {
        if !seen.insert(what_it_is(value.text())) {
            found.add(
                &place,
                format!("the value {} is listed twice", excerpt(value.text())),
                "already listed before",
            );
            return;
        }
    }
}

/// What a value is, however it is written: 40, 40.0 and 4_0 are one number, and
/// so are 0.5 and "50%"; a bare word may be read as a text.
fn what_it_is(text: &str) -> String {
    if let Some(amount) = Amount::read(text).filter(Amount::has_no_dimension) {
        return format!("{}", amount.value());
    }
    let line = one_line(text);
    match ron::from_str::<String>(text) {
        Ok(text) => format!("{text:?}"),
        Err(_) if line.chars().all(|c| c.is_alphanumeric() || c == '_') => format!("{line:?}"),
        Err(_) => line,
    }
}

fn check_range(place: &str, range: &Range, found: &mut Findings) {
    if let Err(fault) = range.values() {
        found.0.push(Finding {
            path: format!("{place}.{}", fault.field),
            message: fault.message,
            label: fault.label,
            help: fault.help,
            at_name: false,
        });
    }
}
