//! What clients send.

use super::guard::check_guards;
use super::{Findings, segment};
use crate::rng::Distribution;
use crate::scenario::calls::MAX_CALLS;
use crate::scenario::text::Problem;
use crate::scenario::{
    Client, Cohort, Draft, Every, Installed, List, NO_RETRY, Per, Phase, Profile, QueueBound,
    RETRY_PRESETS, Server, Stage, Traffic, Wakes, WeekWindow, When,
};
use crate::units::{ClockTime, Span};

/// The most parts of a profile, and the highest factor.
const MOST_PARTS: usize = 64;
const MOST_FACTOR: f64 = 1e6;

pub(super) fn check_client(scenario: &Draft, name: &str, client: &Client, found: &mut Findings) {
    let path = format!("clients.{}", segment(name));
    if client.traffic().next().is_none() {
        let problem = Problem::new(format!("the client \"{name}\" sends nothing"));
        let label = "needs polls, commands, requests or loops";
        found.push(&path, true, problem.label(label));
    }
    let cohorts: Vec<(&str, &Cohort)> = scenario
        .cohorts
        .iter()
        .filter(|(_, cohort)| cohort.installed().iter().any(|it| it.client == name))
        .collect();
    // A cohort whose client is misspelt, or that has none, is told there.
    let all_known = scenario.cohorts.values().all(|cohort| {
        let installed = cohort.installed();
        let is_known = |it: &Installed<'_>| scenario.clients.get(it.client).is_some();
        !installed.is_empty() && installed.iter().all(is_known)
    });
    if cohorts.is_empty() && all_known {
        let problem = Problem::new(format!("no cohort uses the client \"{name}\""));
        let help = "remove it, or name it as the `client` of a cohort";
        found.push(&path, true, problem.label("used by nobody").help(help));
    }
    check_reaction(scenario, &path, &client.retry, client.timeout, found);
    check_guards(scenario, &path, client, found);
    check_entry_names(&path, client, found);
    for entry in client.traffic() {
        let here = format!("{path}.{}", entry.path());
        check_entry(scenario, &here, &entry, &cohorts, found);
    }
}

/// What is said of failures, of a client or of an entry of its traffic.
fn check_reaction(
    scenario: &Draft,
    path: &str,
    retry: &str,
    timeout: Option<Span>,
    found: &mut Findings,
) {
    if scenario.retry(retry).is_none() {
        let presets = RETRY_PRESETS.iter().map(|preset| preset.name);
        let known = scenario.retries.names().chain(presets);
        found.unknown(&format!("{path}.retry"), "retry policy", retry, known);
    }
    if timeout.is_some_and(Span::is_zero) {
        found.add(
            &format!("{path}.timeout"),
            "no answer comes in no time",
            "must be more than zero",
        );
    }
}

fn check_entry(
    scenario: &Draft,
    here: &str,
    entry: &Traffic<'_>,
    cohorts: &[(&str, &Cohort)],
    found: &mut Findings,
) {
    let what = &entry.what;
    if what.own_retry || what.own_timeout {
        // What is the client's is told there.
        let retry = if what.own_retry { what.retry } else { NO_RETRY };
        let timeout = what.timeout.filter(|_| what.own_timeout);
        check_reaction(scenario, here, retry, timeout, found);
    }
    if what.per == Per::Device
        && let Some((cohort, _)) = cohorts.iter().find(|(_, cohort)| cohort.devices.is_empty())
    {
        found.add(
            &format!("{here}.per"),
            format!("it is sent per device, but homes of \"{cohort}\" have no devices"),
            "needs devices",
        );
    }
    if what.per == Per::Home && what.wakes.is_some_and(|wakes| wakes != Wakes::Never) {
        found.add(
            &format!("{here}.wakes"),
            "a request of a whole home wakes no device in particular",
            "needs `per: Device`",
        );
    }
    let calls = what.calls.count();
    if calls > MAX_CALLS {
        found.add(
            &format!("{here}.calls"),
            format!("{calls} calls each time"),
            format!("must be at most {MAX_CALLS}"),
        );
    }
    check_command(scenario, here, entry, cohorts, found);
    match entry.when {
        When::Every(every) => check_every(scenario, here, every, found),
        When::Daily { time, spread, .. } => check_daily(scenario, here, time, spread, found),
        When::Poisson { profile, .. } => {
            let here = match entry.list {
                List::Commands => format!("{here}.at"),
                _ => here.to_owned(),
            };
            check_profile(&here, profile, found);
        }
        When::Closed(think) => check_think(scenario, here, entry, think, found),
    }
}

/// Factors that a rate can have, in parts that the week has.
fn check_profile(here: &str, profile: &Profile, found: &mut Findings) {
    for (part, factor) in profile.parts() {
        let path = format!("{here}.profile.{}", segment(part));
        if let Err(why) = part.parse::<WeekWindow>() {
            found.push(&path, true, Problem::new(why.to_string()));
        }
        if !(0.0..=MOST_FACTOR).contains(&factor) {
            found.add(
                &path,
                format!("a rate cannot be {factor} times as high"),
                format!("must be from 0 to {MOST_FACTOR}"),
            );
        }
    }
    let count = profile.parts().count();
    if count > MOST_PARTS {
        found.add(
            &format!("{here}.profile"),
            format!("a profile of {count} parts"),
            format!("must be at most {MOST_PARTS}"),
        );
    }
}

fn check_think(
    scenario: &Draft,
    here: &str,
    entry: &Traffic<'_>,
    think: &Distribution,
    found: &mut Findings,
) {
    let here = format!("{here}.think");
    if let Err(why) = think.check() {
        found.add(&here, why, "not a distribution");
    }
    let what = &entry.what;
    if think.mean_secs() == 0.0 && (what.is_dropped() || !takes_time(&scenario.server, what.method))
    {
        found.add(
            &here,
            "a loop without a think time never lets time pass when it is refused, dropped by a guard, or answered at once",
            "must be more than zero, or the server must refuse nobody and take a time, and no guard drop",
        );
    }
}

/// Names tell the entries of a client apart; an entry without one goes by its
/// method among those of its list.
fn check_entry_names(path: &str, client: &Client, found: &mut Findings) {
    let entries: Vec<Traffic<'_>> = client.traffic().collect();
    for (index, entry) in entries.iter().enumerate() {
        let Some(name) = entry.name else { continue };
        let place = format!("{path}.{}.name", entry.path());
        if entries[..index]
            .iter()
            .any(|other| other.name == Some(name))
        {
            found.add(
                &place,
                format!("two entries of one client are called \"{name}\""),
                "needs a name of its own",
            );
        } else if let Some(other) = entries.iter().enumerate().find_map(|(number, other)| {
            let goes_by_it = other.name.is_none() && other.what.method == name;
            (number != index && goes_by_it && other.list == entry.list).then_some(other)
        }) {
            found.add(
                &place,
                format!(
                    "the name \"{name}\" is the method of `{}`, which has no name",
                    other.path()
                ),
                "needs a name of its own",
            );
        }
    }
}

fn check_every(scenario: &Draft, here: &str, every: Every, found: &mut Findings) {
    let Every {
        interval,
        jitter,
        tick,
        phase,
    } = every;
    if interval.is_zero() {
        found.add(
            &format!("{here}.every"),
            "a poll needs an interval",
            "must be more than zero",
        );
        return;
    }
    if jitter >= interval {
        found.add(
            &format!("{here}.jitter"),
            format!("a jitter of {jitter} would make intervals of {interval} vanish"),
            "must be shorter than `every`",
        );
        return;
    }
    if tick.is_some_and(Span::is_zero) {
        found.add(
            &format!("{here}.tick"),
            "a tick needs a length",
            "must be more than zero",
        );
    }
    if let Phase::At(offset) = phase
        && offset >= scenario.time.warm_up + scenario.time.length
    {
        found.add(
            &format!("{here}.phase"),
            format!("the first poll would come {offset} after the start, when the run has ended"),
            "must be within the run",
        );
    }
}

/// What commands have, and other requests have not.
fn check_command(
    scenario: &Draft,
    here: &str,
    entry: &Traffic<'_>,
    cohorts: &[(&str, &Cohort)],
    found: &mut Findings,
) {
    let length = scenario.time.length;
    if let Some(deadline) = entry.what.deadline {
        let here = format!("{here}.deadline");
        if deadline.is_zero() {
            let message = "no command is done in no time";
            found.add(&here, message, "must be more than zero");
        }
        if deadline > length {
            found.add(
                &here,
                format!("a deadline of {deadline} is longer than the measured {length}"),
                "must be at most `time.length`",
            );
        }
    }
    for (number, kind) in entry.what.kinds.into_iter().flatten().enumerate() {
        let known = cohorts
            .iter()
            .flat_map(|(_, cohort)| &cohort.devices)
            .map(|devices| devices.kind.as_str());
        if !cohorts.is_empty() && !known.clone().any(|name| name == kind) {
            let place = format!("{here}.kinds.{number}");
            found.unknown(&place, "kind of device", kind, known);
        }
    }
}

fn check_daily(scenario: &Draft, here: &str, time: ClockTime, spread: Span, found: &mut Findings) {
    let clock = &scenario.time;
    let times = (clock.zone).daily(time, clock.start.0, clock.measured_until());
    if times.is_empty() {
        found.add(
            &format!("{here}.at"),
            format!(
                "{time} in {} does not come within the run",
                String::from(clock.zone.clone())
            ),
            "outside `time.start` and `time.length`",
        );
    }
    if spread >= Span::from_secs(82_800) {
        found.add(
            &format!("{here}.at.spread"),
            "the spread reaches into the next day",
            "must be shorter than 23h",
        );
    }
}

/// Whether every request of a method takes a time: nobody is refused, and the
/// backend works.
fn takes_time(server: &Server, method: &str) -> bool {
    let refuses_nobody = |stage: &Stage| {
        matches!(
            stage,
            Stage::Gate {
                permits: Some(_),
                max_wait: None,
                queue: Some(QueueBound::Unbounded),
                codel: None,
                ..
            }
        )
    };
    server.stages.iter().all(refuses_nobody) && server.backend.service_secs(method) > 0.0
}
