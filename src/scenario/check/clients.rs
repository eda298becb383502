//! What clients send and how they retry.

use super::load::traffic;
use super::{Finding, Findings, segment};
use crate::scenario::{
    Attempts, Client, Cohort, CommandTimes, NO_RETRY, Per, Phase, QueueBound, RetryPolicy,
    Scenario, Server, Stage, Wakes,
};
use crate::units::Span;

/// The most attempts of a request that may follow each other without a wait
/// worth the name, and the shortest that is.
const MAX_HASTY_ATTEMPTS: u32 = 1000;
const SHORTEST_WAIT: Span = Span::from_millis(1);

pub(super) fn check_client(scenario: &Scenario, name: &str, client: &Client, found: &mut Findings) {
    let path = format!("clients.{}", segment(name));
    if client.methods().next().is_none() {
        found.0.push(Finding {
            path: path.clone(),
            message: format!("the client \"{name}\" sends nothing"),
            label: "needs polls, commands, requests or loops".to_owned(),
            help: None,
            at_name: true,
        });
    }
    let cohorts: Vec<(&str, &Cohort)> = scenario
        .cohorts
        .iter()
        .filter(|(_, cohort)| cohort.client == name)
        .collect();
    // A cohort whose client is misspelt is told there.
    let all_known = scenario
        .cohorts
        .values()
        .all(|cohort| scenario.clients.get(&cohort.client).is_some());
    if cohorts.is_empty() && all_known {
        found.0.push(Finding {
            path: path.clone(),
            message: format!("no cohort uses the client \"{name}\""),
            label: "used by nobody".to_owned(),
            help: Some("remove it, or name it as the `client` of a cohort".to_owned()),
            at_name: true,
        });
    }
    if scenario.retry(&client.retry).is_none() {
        let known = scenario.retries.names().chain([NO_RETRY]);
        found.unknown(
            &format!("{path}.retry"),
            "retry policy",
            &client.retry,
            known,
        );
    }
    if client.timeout.is_some_and(Span::is_zero) {
        found.add(
            &format!("{path}.timeout"),
            "no answer comes in no time",
            "must be more than zero",
        );
    }
    let no_devices = |per: Per| {
        (per == Per::Device)
            .then(|| cohorts.iter().find(|(_, cohort)| cohort.devices.is_empty()))
            .flatten()
    };
    let mut check_sender = |here: &str, per: Per, wakes: Option<Wakes>| {
        if let Some((cohort, _)) = no_devices(per) {
            found.add(
                &format!("{here}.per"),
                format!("it is sent per device, but homes of \"{cohort}\" have no devices"),
                "needs devices",
            );
        }
        if per == Per::Home && wakes.is_some_and(|wakes| wakes != Wakes::Never) {
            found.add(
                &format!("{here}.wakes"),
                "a request of a whole home wakes no device in particular",
                "needs `per: Device`",
            );
        }
    };
    for (index, poll) in client.polls.iter().enumerate() {
        check_sender(&format!("{path}.polls.{index}"), poll.per, poll.wakes);
    }
    for (index, command) in client.commands.iter().enumerate() {
        check_sender(
            &format!("{path}.commands.{index}"),
            command.per,
            command.wakes,
        );
    }
    for (index, requests) in client.requests.iter().enumerate() {
        check_sender(
            &format!("{path}.requests.{index}"),
            requests.per,
            requests.wakes,
        );
    }
    for (index, closed) in client.loops.iter().enumerate() {
        check_sender(&format!("{path}.loops.{index}"), closed.per, closed.wakes);
    }
    check_entry_names(&path, client, found);
    check_polls(scenario, &path, client, found);
    check_commands(scenario, &path, client, &cohorts, found);
    for (index, closed) in client.loops.iter().enumerate() {
        if let Err(why) = closed.think.check() {
            found.add(
                &format!("{path}.loops.{index}.think"),
                why,
                "not a distribution",
            );
        }
        if closed.think.mean_secs() == 0.0 && !takes_time(&scenario.server) {
            found.add(
                &format!("{path}.loops.{index}.think"),
                "a loop without a think time never lets time pass when it is refused, or answered at once",
                "must be more than zero, or the server must refuse nobody and take a time",
            );
        }
    }
}

/// Names tell the entries of a client apart; an entry without one goes by its
/// method among those of its list.
fn check_entry_names(path: &str, client: &Client, found: &mut Findings) {
    let entries = traffic(client);
    for (index, entry) in entries.iter().enumerate() {
        let Some(name) = entry.name else { continue };
        let place = format!("{path}.{}.name", entry.path);
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
            let goes_by_it = other.name.is_none() && other.method == name;
            (number != index && goes_by_it && other.list() == entry.list()).then_some(other)
        }) {
            found.add(
                &place,
                format!(
                    "the name \"{name}\" is the method of `{}`, which has no name",
                    other.path
                ),
                "needs a name of its own",
            );
        }
    }
}

fn check_polls(scenario: &Scenario, path: &str, client: &Client, found: &mut Findings) {
    for (index, poll) in client.polls.iter().enumerate() {
        let here = format!("{path}.polls.{index}");
        if poll.every.is_zero() {
            found.add(
                &format!("{here}.every"),
                "a poll needs an interval",
                "must be more than zero",
            );
            continue;
        }
        if poll.jitter >= poll.every {
            found.add(
                &format!("{here}.jitter"),
                format!(
                    "a jitter of {} would make intervals of {} vanish",
                    poll.jitter, poll.every
                ),
                "must be shorter than `every`",
            );
            continue;
        }
        if poll.tick.is_some_and(Span::is_zero) {
            found.add(
                &format!("{here}.tick"),
                "a tick needs a length",
                "must be more than zero",
            );
        }
        if let Phase::At(offset) = poll.phase
            && offset >= scenario.time.warm_up + scenario.time.length
        {
            found.add(
                &format!("{here}.phase"),
                format!(
                    "the first poll would come {offset} after the start, when the run has ended"
                ),
                "must be within the run",
            );
        }
    }
}

fn check_commands(
    scenario: &Scenario,
    path: &str,
    client: &Client,
    cohorts: &[(&str, &Cohort)],
    found: &mut Findings,
) {
    for (index, command) in client.commands.iter().enumerate() {
        let here = format!("{path}.commands.{index}");
        if command.deadline.is_zero() {
            found.add(
                &format!("{here}.deadline"),
                "no command is done in no time",
                "must be more than zero",
            );
        }
        if command.deadline > scenario.time.length {
            found.add(
                &format!("{here}.deadline"),
                format!(
                    "a deadline of {} is longer than the measured {}",
                    command.deadline, scenario.time.length
                ),
                "must be at most `time.length`",
            );
        }
        if let Some(kinds) = &command.kinds {
            for (number, kind) in kinds.iter().enumerate() {
                let known = cohorts
                    .iter()
                    .flat_map(|(_, cohort)| &cohort.devices)
                    .map(|devices| devices.kind.as_str());
                if !cohorts.is_empty() && !known.clone().any(|name| name == kind) {
                    found.unknown(
                        &format!("{here}.kinds.{number}"),
                        "kind of device",
                        kind,
                        known,
                    );
                }
            }
        }
        match &command.at {
            CommandTimes::Daily { time, spread } => {
                let clock = &scenario.time;
                let until = clock.measured_until();
                let times = clock.zone.daily(*time, clock.start.0, until);
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
                if *spread >= Span::from_secs(82_800) {
                    found.add(
                        &format!("{here}.at.spread"),
                        "the spread reaches into the next day",
                        "must be shorter than 23h",
                    );
                }
            }
            CommandTimes::Poisson { .. } => {}
        }
    }
}

pub(super) fn check_retry(path: &str, policy: &RetryPolicy, found: &mut Findings) {
    match policy {
        RetryPolicy::None => {}
        RetryPolicy::Fixed { wait, attempts, .. } => {
            check_haste(&format!("{path}.wait"), wait.secs_f64(), *attempts, found);
        }
        RetryPolicy::Random { wait, attempts, .. } => {
            if let Err(why) = wait.check() {
                found.add(&format!("{path}.wait"), why, "not a distribution");
                return;
            }
            check_haste(&format!("{path}.wait"), wait.mean_secs(), *attempts, found);
        }
        RetryPolicy::Exponential {
            base,
            factor,
            cap,
            attempts,
            ..
        } => {
            // Without a cap the waits grow out of any haste.
            if let Some(cap) = cap {
                check_haste(&format!("{path}.cap"), cap.secs_f64(), *attempts, found);
            }
            if base.is_zero() {
                found.add(
                    &format!("{path}.base"),
                    "waits that start at zero never grow",
                    "must be more than zero; retries at once are Fixed(wait: \"0s\", ...)",
                );
            }
            if !(factor.is_finite() && (1.0..=1000.0).contains(factor)) {
                found.add(
                    &format!("{path}.factor"),
                    format!("{factor} is no growth factor"),
                    "must be from 1 to 1000",
                );
            }
            if cap.is_some_and(|cap| cap < *base) {
                found.add(
                    &format!("{path}.cap"),
                    "the cap is below the base",
                    "must be at least `base`",
                );
            }
        }
    }
}

/// Whether every request takes a time: nobody is refused, and the backend
/// works.
fn takes_time(server: &Server) -> bool {
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
    let service = &server.backend.service;
    server.stages.iter().all(refuses_nobody)
        && service.as_ref().is_some_and(|time| time.mean_secs() > 0.0)
}

/// Attempts without end and without a wait worth the name would make a run of
/// one request last for ever.
fn check_haste(path: &str, wait_secs: f64, attempts: Attempts, found: &mut Findings) {
    let many = match attempts {
        Attempts::AtMost(most) if most.get() <= MAX_HASTY_ATTEMPTS => return,
        Attempts::AtMost(most) => format!("{most} attempts"),
        Attempts::Unlimited => "attempts without end".to_owned(),
    };
    if wait_secs < SHORTEST_WAIT.secs_f64() {
        found.add(
            path,
            format!("{many} with waits shorter than {SHORTEST_WAIT} hardly let time pass"),
            format!("must be at least {SHORTEST_WAIT}, or `attempts` at most {MAX_HASTY_ATTEMPTS}"),
        );
    }
}
