//! The clock, the targets, and what a study repeats and varies.

use std::collections::BTreeSet;

use super::{Findings, segment};
use crate::scenario::estimand::Of;
use crate::scenario::text::{Problem, excerpt, one_line};
use crate::scenario::window::MAX_WINDOWS;
use crate::scenario::{Amount, DayWindow, Draft, Range, Stage, Target, Values, Variation, clock};
use crate::units::Span;

/// The most combinations of varied values.
const MAX_CELLS: usize = 10_000;
/// The most paths that a study varies, links or sets by policies: each is an
/// edit of the text per combination.
const MAX_PATHS: usize = 100;
/// The most runs of a study, and bytes of the time series of all of them.
const MAX_RUNS: usize = 1_000_000;
const MAX_SERIES_BYTES: f64 = 4e9;

pub(super) fn check_targets(scenario: &Draft, found: &mut Findings) {
    for (index, target) in scenario.targets.iter().enumerate() {
        check_target(scenario, &format!("targets.{index}"), target, found);
    }
}

/// What is asked for beside targets.
pub(super) fn check_report(scenario: &Draft, found: &mut Findings) {
    for (index, estimand) in scenario.report.iter().enumerate() {
        if let Some(why) = estimand.missing_in(scenario) {
            found.add(
                &format!("report.{index}"),
                format!("{estimand} cannot be estimated: {why}"),
                "nothing to report",
            );
        }
    }
}

fn check_target(scenario: &Draft, path: &str, target: &Target, found: &mut Findings) {
    let estimand = target.estimand;
    if let Some(why) = estimand.missing_in(scenario) {
        found.add(
            path,
            format!("{estimand} cannot be estimated: {why}"),
            "nothing to hold it against",
        );
        return;
    }
    let part = &target.part;
    let stages = || scenario.server.stages.iter();
    if let Some(name) = &part.cohort
        && scenario.cohorts.get(name).is_none()
    {
        found.unknown(path, "cohort", name, scenario.cohorts.names());
    }
    if let Some(name) = &part.method
        && !scenario.methods().contains(&name.as_str())
    {
        found.unknown(path, "method", name, scenario.methods().into_iter());
    }
    let is_gate = |stage: &&Stage| matches!(stage, Stage::Gate { .. });
    if let Some(name) = &part.limit {
        let of_gates = estimand.of() == Of::Gate;
        let fits = |stage: &&Stage| !of_gates || is_gate(stage);
        let outages = (scenario.server.refusing_outages()).filter(|_| !of_gates);
        let known: Vec<&str> = (stages().filter(fits).map(Stage::name))
            .chain(outages.map(|(_, name, _)| name))
            .collect();
        if !known.contains(&name.as_str()) {
            let what = if of_gates { "gate" } else { "limit" };
            found.unknown(path, what, name, known.into_iter());
        }
    }
    if let Some(why) = estimand.misfit(part, stages().filter(is_gate).count()) {
        found.add(
            path,
            format!("{estimand} cannot be taken of this part: {why}"),
            "no such part",
        );
    }
    if let Some(window) = &part.window {
        check_window(scenario, path, window, found);
    }
}

fn check_window(scenario: &Draft, path: &str, window: &DayWindow, found: &mut Findings) {
    let time = &scenario.time;
    let (from, until) = (time.measured_from(), time.measured_until());
    if from < until && window.spans(&time.zone, from, until).is_empty() {
        found.add(
            path,
            format!("the window {window} lies outside the measured span"),
            format!(
                "measured is {} from {} local time",
                time.length,
                time.zone.time_of_day(from)
            ),
        );
    }
}

/// The windows of the clock, how many there are with those of targets, and the
/// span of a collapse.
pub(super) fn check_windows(scenario: &Draft, found: &mut Findings) {
    for (index, window) in scenario.time.windows.iter().enumerate() {
        check_window(scenario, &format!("time.windows.{index}"), window, found);
    }
    if scenario.collapse.lasting.is_zero() {
        found.add(
            "collapse.lasting",
            "a collapse that lasts no time is none",
            "must be more than zero",
        );
    }
    let count = scenario.windows().len();
    if count > MAX_WINDOWS {
        found.add(
            "time",
            format!("{count} windows of the day are more than {MAX_WINDOWS}"),
            "too many, those of targets included",
        );
    }
}

pub(super) fn check_clock(scenario: &Draft, found: &mut Findings) {
    let time = &scenario.time;
    if time.length.is_zero() {
        found.add(
            "time.length",
            "nothing would be measured",
            "must be more than zero",
        );
    }
    check_reach(scenario, found);
    check_drain(scenario, found);
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

/// The longest run.
const REACH: Span = Span::from_secs(200 * 365 * 86_400);

/// The longest part of a run that is too long is the one to blame.
fn check_reach(scenario: &Draft, found: &mut Findings) {
    let time = &scenario.time;
    let drain = scenario.drain();
    if time.warm_up + time.length + drain <= REACH {
        return;
    }
    let parts = [
        ("time.length", "measured span", time.length),
        ("time.warm_up", "warm-up", time.warm_up),
        ("time.drain", "drain", drain),
    ];
    let Some((path, what, span)) = parts.into_iter().rev().max_by_key(|(_, _, span)| *span) else {
        return;
    };
    let message = match span > REACH {
        true => format!("a {what} of {span} is longer than 200 years"),
        false => format!("with a {what} of {span} the run is longer than 200 years"),
    };
    found.add(path, message, "must be shorter");
}

/// A command whose deadline has not come when the run ends would count as
/// missed.
fn check_drain(scenario: &Draft, found: &mut Findings) {
    let Some(drain) = scenario.time.drain else {
        return;
    };
    // A deadline beyond the measured span is told at the deadline.
    let longest = scenario
        .deadlines()
        .filter(|(_, deadline)| *deadline <= scenario.time.length)
        .reduce(|most, other| if other.1 > most.1 { other } else { most });
    let Some((client, deadline)) = longest.filter(|(_, deadline)| *deadline > drain) else {
        return;
    };
    let problem = Problem::new(format!(
        "a drain of {drain} is shorter than the deadline of {deadline} of commands of \"{client}\": one that is still on its way when the run ends would count as missed"
    ));
    let help = format!(
        "write drain: \"{deadline}\", or leave it out: the run then waits for an hour, or for the longest deadline"
    );
    let label = format!("must be at least {deadline}");
    found.push("time.drain", false, problem.label(label).help(help));
}

pub(super) fn check_study(scenario: &Draft, found: &mut Findings) {
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
    let columns = 4 + stages.len() + 4 * gates.count();
    let steps = scenario.steps();
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
        let problem = Problem {
            help: fault.help,
            ..Problem::new(fault.message).label(fault.label)
        };
        found.push(&format!("{place}.{}", fault.field), false, problem);
    }
}
