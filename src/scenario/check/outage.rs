//! Outages: what has them, when they are, what they do.

use super::server::{Knows, check_answer};
use super::{Findings, segment};
use crate::scenario::{Draft, Outage, RefusedByLater, Stage};
use crate::server::Effect;
use crate::units::Probability;

/// The most outages of one kind that may be expected in a run.
const MOST_IN_A_RUN: f64 = 1e6;

pub(super) fn check_outages(scenario: &Draft, found: &mut Findings) {
    let stages = &scenario.server.stages;
    for (name, outage) in scenario.server.outages.iter() {
        let path = format!("server.outages.{}", segment(name));
        if stages.iter().any(|stage| stage.name() == name) {
            found.add(
                &path,
                format!("a stage is called \"{name}\" too"),
                "needs a name of its own",
            );
            if let Some(last) = found.0.last_mut() {
                last.at_name = true;
            }
        }
        let of = outage.of.as_deref();
        let stage = of.and_then(|of| stages.iter().find(|stage| stage.name() == of));
        if let (Some(of), None) = (of, stage) {
            let known = stages.iter().map(Stage::name);
            found.unknown(&format!("{path}.of"), "stage", of, known);
        } else {
            check_effect(scenario, &path, outage, stage, found);
        }
        check_times(scenario, &path, outage, found);
        check_length(&path, outage, found);
        if outage.how.refuses() {
            let knows = match outage.how {
                Effect::Down => Knows::Wait,
                _ => Knows::Nothing("what fails by chance does not know when it will not"),
            };
            check_answer(&format!("{path}.answer"), &outage.answer, knows, found);
        }
    }
}

fn check_effect(
    scenario: &Draft,
    path: &str,
    outage: &Outage,
    stage: Option<&Stage>,
    found: &mut Findings,
) {
    let mut wrong = |field: &str, why: &str, label: &str| {
        found.add(&format!("{path}.{field}"), why, label);
    };
    match (outage.how, stage) {
        (Effect::Down | Effect::Failing(_), _) => {
            if outage.how == Effect::Failing(Probability::ZERO) {
                wrong("how", "nothing fails", "must be a share above 0");
            }
        }
        (Effect::Open, Some(Stage::Limit { .. })) => {
            if scenario.server.refused_by_later == RefusedByLater::Returned {
                let why = "what a limit has not counted cannot be returned";
                wrong("how", why, "leave out `refused_by_later`, or this");
            }
        }
        (Effect::Open, Some(Stage::Admission { .. })) => {}
        (Effect::Open, _) => wrong(
            "how",
            "only a limit or an admission control can be open",
            "name one of them as `of`",
        ),
        (Effect::Slow(_) | Effect::Stuck, Some(_)) => wrong(
            "of",
            "no stage takes time by itself; only the backend can be slow or stuck",
            "leave it out",
        ),
        (Effect::Slow(times), None) => {
            if !(times.is_finite() && times > 0.0 && times != 1.0) {
                let why = format!("the backend cannot take {times} times its time");
                wrong("how", &why, "must be more than 0, and not 1");
            } else if scenario.server.backend.services().next().is_none() {
                let why = "the backend takes no time, and that many times";
                wrong("how", why, "needs a `service` of the backend");
            }
        }
        (Effect::Stuck, None) => {}
    }
    if outage.forgets && !matches!(stage, Some(Stage::Limit { .. })) {
        let why = "only a limit has calls to forget";
        wrong("forgets", why, "name a limit as `of`, or leave it out");
    }
}

fn check_times(scenario: &Draft, path: &str, outage: &Outage, found: &mut Findings) {
    match (&outage.between, outage.at.as_slice()) {
        (None, []) => found.add(
            path,
            "an outage needs `at`, how long after the start of the run, or `between`, how long from one to the next",
            "has neither",
        ),
        (Some(_), [_, ..]) => found.add(
            &format!("{path}.between"),
            "an outage is `at` given times or a random time `between`",
            "leave one of them out",
        ),
        _ => {}
    }
    let run = scenario.time.warm_up + scenario.time.length;
    for (number, at) in outage.at.iter().enumerate() {
        let path = format!("{path}.at.{number}");
        if number > 0 && *at <= outage.at[number - 1] {
            let before = outage.at[number - 1];
            let why = format!("{at} is not after the one before, {before}");
            found.add(&path, why, "must be later");
        }
        if *at >= run {
            let why = format!("the run is over after {run}");
            found.add(&path, why, "must be earlier");
        }
    }
    let Some(between) = &outage.between else {
        return;
    };
    if let Err(why) = between.check() {
        found.add(&format!("{path}.between"), why, "not a distribution");
        return;
    }
    let lasts = outage.lasts.as_ref().filter(|lasts| lasts.check().is_ok());
    let cycle = between.mean_secs() + lasts.map_or(0.0, |lasts| lasts.mean_secs());
    if run.secs_f64() / cycle > MOST_IN_A_RUN {
        found.add(
            &format!("{path}.between"),
            format!("more than {MOST_IN_A_RUN:.0} outages would come in a run"),
            "must be longer",
        );
    }
}

fn check_length(path: &str, outage: &Outage, found: &mut Findings) {
    let at = format!("{path}.lasts");
    match &outage.lasts {
        None if outage.forgets => {}
        None => found.add(
            path,
            "an outage needs `lasts`, such as Constant(\"10min\")",
            "would be over at once",
        ),
        Some(lasts) => match lasts.check() {
            Err(why) => found.add(&at, why, "not a distribution"),
            Ok(()) if lasts.mean_secs() <= 0.0 && !outage.forgets => {
                found.add(&at, "would be over at once", "must be more than zero");
            }
            Ok(()) => {}
        },
    }
}
