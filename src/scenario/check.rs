//! Rules across the values of a scenario: references, contradictions and
//! limits of size. Rules on a single value are in its type.

use std::collections::BTreeSet;

use super::text::nearest;
use super::{
    AdmissionRule, AppOf, Attempts, Client, Cohort, CommandTimes, DeviceCount, Estimand,
    LimiterRule, LimiterText, NatOf, Per, Phase, Quota, RetryPolicy, Scenario, Scope, Stage, Wakes,
    clock,
};
use crate::overload::{AdaptiveState, Shares};
use crate::server::Order;
use crate::units::Span;

/// The most cohorts of a scenario, kinds of devices of a cohort, and entries
/// of traffic of a client: random draws are keyed by 6, 5 and 5 bits of them.
const MAX_COHORTS: usize = 64;
const MAX_KINDS_PER_COHORT: usize = 31;
const MAX_TRAFFIC_PER_CLIENT: usize = 32;
/// The most clients and retry policies: many more than are of use.
const MAX_CLIENTS: usize = 256;
const MAX_RETRIES: usize = 256;
/// The most combinations of varied values.
const MAX_CELLS: usize = 10_000;
/// The most characters of a name.
const LONGEST_NAME: usize = 120;
/// The most stages of a server: permits held are a set of 32 bits.
const MAX_STAGES: usize = 32;
/// The most homes and devices of a run: some 100 bytes of memory each.
const MAX_ENTITIES: f64 = 1e8;
/// The most homes and devices of all policies together, all of which are in
/// memory at once: some 16 bytes each.
const MAX_ENTITIES_OF_ALL_POLICIES: f64 = 5e8;
/// The most requests of a run, which take hours.
const MAX_REQUESTS: f64 = 1e11;
/// The most requests of one sender: its draws are numbered in 28 bits.
const MAX_REQUESTS_OF_SENDER: f64 = 2e8;
/// The most runs of a study, and bytes of the time series of all of them.
const MAX_RUNS: usize = 1_000_000;
const MAX_SERIES_BYTES: f64 = 4e9;
/// The most attempts of a request that may follow each other without a wait
/// worth the name, and the shortest that is.
const MAX_HASTY_ATTEMPTS: u32 = 1000;
const SHORTEST_WAIT: Span = Span::from_millis(1);
/// The shortest window that a limit may count in: the tick of a server's clock.
const SHORTEST_WINDOW: Span = Span::from_millis(1);

/// A broken rule: where (a path of the scenario), what, and what would do.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: Option<String>,
    /// Whether the place is the name of what the path leads to.
    pub(super) at_name: bool,
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, path: &str, message: impl Into<String>, label: impl Into<String>) {
        self.0.push(Finding {
            path: path.to_owned(),
            message: message.into(),
            label: label.into(),
            help: None,
            at_name: false,
        });
    }

    fn unknown<'a>(
        &mut self,
        path: &str,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'a str>,
    ) {
        let mut known: Vec<&str> = known.collect();
        known.dedup();
        let list: Vec<String> = known.iter().map(|name| format!("\"{name}\"")).collect();
        let help = match nearest(name, known.into_iter()) {
            Some(near) => Some(format!("did you mean \"{near}\"?")),
            None if list.is_empty() => None,
            None => Some(format!("known: {}", list.join(", "))),
        };
        self.0.push(Finding {
            path: path.to_owned(),
            message: format!("unknown {what} \"{name}\""),
            label: format!("no {what} of that name"),
            help,
            at_name: false,
        });
    }
}

/// A path segment, quoted where the name would be taken apart.
fn segment(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The path of a field of the value at `path`, which is empty for a whole text.
fn at(path: &str, field: &str) -> String {
    match path {
        "" => field.to_owned(),
        path => format!("{path}.{field}"),
    }
}

/// All rules that a limiter breaks which stands alone.
pub(super) fn limiter_findings(limiter: &LimiterText) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    match limiter {
        LimiterText::Rule(rule) => check_rule("", rule, 1, &mut found),
        LimiterText::Stage(stage) => {
            check_refusal("", stage, &mut found);
            match &**stage {
                Stage::Gate { .. } => check_gate("", stage, &mut found),
                Stage::Admission { by, .. } => check_admission("", *by, &mut found),
                Stage::Limit { by, per, .. } => check_limit("", by, per, 1, &mut found),
            }
        }
    }
    found.0
}

/// All rules that the scenario breaks.
pub(super) fn findings(scenario: &Scenario) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    check_size(scenario, &mut found);
    if !found.0.is_empty() {
        return found.0;
    }
    check_names(scenario, &mut found);
    check_clock(scenario, &mut found);
    check_population(scenario, &mut found);
    for (name, client) in scenario.clients.iter() {
        check_client(scenario, name, client, &mut found);
    }
    for (name, policy) in scenario.retries.iter() {
        check_retry(&format!("retries.{}", segment(name)), policy, &mut found);
    }
    check_server(scenario, &mut found);
    check_targets(scenario, &mut found);
    check_study(scenario, &mut found);
    if found.0.is_empty() {
        check_load(scenario, &mut found);
    }
    found.0
}

/// The numbers of things that the other rules look through.
fn check_size(scenario: &Scenario, found: &mut Findings) {
    let mut at_most = |path: &str, count: usize, most: usize, what: &str| {
        if count > most {
            found.add(
                path,
                format!("there are {count} {what}, more than {most}"),
                format!("must be at most {most}"),
            );
        }
    };
    at_most("cohorts", scenario.cohorts.len(), MAX_COHORTS, "cohorts");
    at_most("clients", scenario.clients.len(), MAX_CLIENTS, "clients");
    at_most(
        "retries",
        scenario.retries.len(),
        MAX_RETRIES,
        "retry policies",
    );
    let stages = &scenario.server.stages;
    at_most("server.stages", stages.len(), MAX_STAGES, "stages");
    for (name, cohort) in scenario.cohorts.iter() {
        at_most(
            &format!("cohorts.{}.devices", segment(name)),
            cohort.devices.len(),
            MAX_KINDS_PER_COHORT,
            "kinds of devices",
        );
    }
    for (name, client) in scenario.clients.iter() {
        at_most(
            &format!("clients.{}", segment(name)),
            client.methods().count(),
            MAX_TRAFFIC_PER_CLIENT,
            "kinds of traffic",
        );
    }
}

/// Names are shown in tables, charts and on the terminal.
fn check_names(scenario: &Scenario, found: &mut Findings) {
    let mut check = |path: String, name: &str, at_name: bool| {
        let what = if name.trim().is_empty() {
            "a name is empty"
        } else if name.contains(char::is_control) {
            "a name has line breaks or control characters"
        } else if name.chars().count() > LONGEST_NAME {
            "a name is too long to be shown"
        } else {
            return;
        };
        found.0.push(Finding {
            path,
            message: what.to_owned(),
            label: format!("must be one line of 1 to {LONGEST_NAME} characters"),
            help: None,
            at_name,
        });
    };
    check("name".to_owned(), &scenario.name, false);
    for (name, cohort) in scenario.cohorts.iter() {
        let path = format!("cohorts.{}", segment(name));
        check(path.clone(), name, true);
        if let AppOf::Shared(app) = &cohort.app {
            check(format!("{path}.app"), app, false);
        }
        for (index, devices) in cohort.devices.iter().enumerate() {
            check(format!("{path}.devices.{index}.kind"), &devices.kind, false);
        }
    }
    for (name, client) in scenario.clients.iter() {
        let path = format!("clients.{}", segment(name));
        check(path.clone(), name, true);
        for traffic in traffic(client) {
            check(
                format!("{path}.{}.method", traffic.path),
                traffic.method,
                false,
            );
        }
    }
    for name in scenario.retries.names() {
        check(format!("retries.{}", segment(name)), name, true);
    }
    for (index, stage) in scenario.server.stages.iter().enumerate() {
        check(format!("server.stages.{index}.name"), stage.name(), false);
    }
}

/// One entry of the traffic of a client.
struct Traffic<'a> {
    /// Its path from the client.
    path: String,
    /// The field that says how often, for an error.
    pace: &'static str,
    method: &'a str,
    per: Per,
    /// Whether each request waits for the one before.
    closed: bool,
    kinds: Option<&'a [String]>,
    /// The mean time from one request to the next; `None` for a schedule.
    interval_secs: Option<f64>,
}

fn traffic(client: &Client) -> Vec<Traffic<'_>> {
    let mut all = Vec::new();
    for (index, poll) in client.polls.iter().enumerate() {
        all.push(Traffic {
            path: format!("polls.{index}"),
            pace: "every",
            method: &poll.method,
            per: poll.per,
            closed: false,
            kinds: None,
            interval_secs: Some(poll.every.secs_f64()),
        });
    }
    for (index, command) in client.commands.iter().enumerate() {
        all.push(Traffic {
            path: format!("commands.{index}"),
            pace: "at",
            method: &command.method,
            per: command.per,
            closed: false,
            kinds: command.kinds.as_deref(),
            interval_secs: match &command.at {
                CommandTimes::Daily { .. } => None,
                CommandTimes::Poisson { rate } => Some(rate.mean_interval_secs()),
            },
        });
    }
    for (index, requests) in client.requests.iter().enumerate() {
        all.push(Traffic {
            path: format!("requests.{index}"),
            pace: "rate",
            method: &requests.method,
            per: requests.per,
            closed: false,
            kinds: None,
            interval_secs: Some(requests.rate.mean_interval_secs()),
        });
    }
    for (index, closed) in client.loops.iter().enumerate() {
        all.push(Traffic {
            path: format!("loops.{index}"),
            pace: "think",
            method: &closed.method,
            per: closed.per,
            closed: true,
            kinds: None,
            interval_secs: Some(closed.think.mean_secs()),
        });
    }
    all
}

/// The mean number of devices of a home that an entry of traffic is for.
fn devices_of(cohort: &Cohort, kinds: Option<&[String]>) -> f64 {
    let concerned = |kind: &String| kinds.is_none_or(|kinds| kinds.contains(kind));
    cohort
        .devices
        .iter()
        .filter(|devices| concerned(&devices.kind))
        .map(|devices| devices.count.mean())
        .sum()
}

/// How many requests one sender and all of them make; rules on single values
/// hold.
fn check_load(scenario: &Scenario, found: &mut Findings) {
    let time = &scenario.time;
    let length = (time.warm_up + time.length + time.drain).secs_f64();
    let service = &scenario.server.backend.service;
    let service_secs = service.as_ref().map_or(0.0, |service| service.mean_secs());
    let mut total = 0.0;
    let mut heaviest: Option<(f64, String)> = None;
    for (name, client) in scenario.clients.iter() {
        for entry in traffic(client) {
            let Some(interval) = entry.interval_secs else {
                continue;
            };
            let waits = if entry.closed { service_secs } else { 0.0 };
            let interval = interval + waits;
            let path = format!("clients.{}.{}.{}", segment(name), entry.path, entry.pace);
            let of_sender = length / interval;
            if of_sender > MAX_REQUESTS_OF_SENDER {
                found.add(
                    &path,
                    format!("one sender would send {}", about(of_sender)),
                    format!(
                        "share the load among more homes, or shorten the run: at most {} each",
                        about(MAX_REQUESTS_OF_SENDER)
                    ),
                );
            }
            let senders: f64 = scenario
                .cohorts
                .values()
                .filter(|cohort| cohort.client == *name)
                .map(|cohort| {
                    let each = match entry.per {
                        Per::Home => 1.0,
                        Per::Device => devices_of(cohort, entry.kinds),
                    };
                    f64::from(cohort.homes) * each
                })
                .sum();
            let requests = of_sender * senders;
            total += requests;
            if heaviest.as_ref().is_none_or(|(most, _)| requests > *most) {
                heaviest = Some((requests, path));
            }
        }
    }
    if let Some((_, path)) = heaviest.filter(|_| total > MAX_REQUESTS) {
        found.add(
            &path,
            format!(
                "one run would make {}, more than {}",
                about(total),
                about(MAX_REQUESTS)
            ),
            "most of them come from here",
        );
    }
}

/// A large number of requests in words.
fn about(requests: f64) -> String {
    match requests {
        few if few < 1e9 => format!("{:.0} million requests", few / 1e6),
        many if many < 1e15 => format!("{:.0} billion requests", many / 1e9),
        _ => "more than a million billion requests".to_owned(),
    }
}

fn check_targets(scenario: &Scenario, found: &mut Findings) {
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

fn check_clock(scenario: &Scenario, found: &mut Findings) {
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

fn check_population(scenario: &Scenario, found: &mut Findings) {
    if scenario.cohorts.is_empty() {
        found.add("cohorts", "there are no homes", "needs at least one cohort");
    }
    for (name, cohort) in scenario.cohorts.iter() {
        let path = format!("cohorts.{}", segment(name));
        check_cohort(scenario, &path, cohort, found);
    }
    let entities = entities(scenario);
    if entities > MAX_ENTITIES {
        found.add(
            "cohorts",
            format!("{entities:.0} homes and devices are more than one run holds"),
            format!("must be at most {MAX_ENTITIES:.0} in all"),
        );
    }
}

/// The expected number of homes and devices.
fn entities(scenario: &Scenario) -> f64 {
    scenario
        .cohorts
        .values()
        .map(|cohort| f64::from(cohort.homes) * (1.0 + devices_of(cohort, None)))
        .sum()
}

impl DeviceCount {
    fn mean(self) -> f64 {
        match self {
            DeviceCount::Exactly(count) => f64::from(count),
            DeviceCount::Poisson(mean) => mean,
        }
    }
}

fn check_cohort(scenario: &Scenario, path: &str, cohort: &Cohort, found: &mut Findings) {
    for (field, value) in [
        ("homes", cohort.homes),
        ("homes_per_user", cohort.homes_per_user),
    ] {
        if value == 0 {
            found.add(
                &format!("{path}.{field}"),
                format!("{field} is 0"),
                "must be at least 1",
            );
        }
    }
    if let AppOf::SharedBy { users: 0 } = cohort.app {
        found.add(
            &format!("{path}.app.users"),
            "an application that no user shares",
            "must be at least 1",
        );
    }
    if let NatOf::Shared { homes: 0 } = cohort.nat {
        found.add(
            &format!("{path}.nat.homes"),
            "an address that no home shares",
            "must be at least 1",
        );
    }
    match scenario.clients.get(&cohort.client) {
        None => found.unknown(
            &format!("{path}.client"),
            "client",
            &cohort.client,
            scenario.clients.names(),
        ),
        Some(client) => {
            let served = traffic(client)
                .iter()
                .any(|entry| entry.per == Per::Home || devices_of(cohort, entry.kinds) > 0.0);
            // A client that sends nothing at all is told there.
            if !served && client.methods().next().is_some() {
                found.add(
                    &format!("{path}.client"),
                    format!(
                        "nobody serves this cohort: the client \"{}\" sends only for devices that its homes do not have",
                        cohort.client
                    ),
                    "sends nothing for these homes",
                );
            }
        }
    }
    for (index, devices) in cohort.devices.iter().enumerate() {
        let here = format!("{path}.devices.{index}");
        match devices.count {
            DeviceCount::Exactly(_) => {}
            DeviceCount::Poisson(mean) if mean.is_finite() && (0.0..=10_000.0).contains(&mean) => {}
            DeviceCount::Poisson(mean) => found.add(
                &format!("{here}.count"),
                format!("{mean} is no mean number of devices"),
                "must be from 0 to 10000",
            ),
        }
        if cohort.devices[..index]
            .iter()
            .any(|other| other.kind == devices.kind)
        {
            found.add(
                &format!("{here}.kind"),
                format!("the kind \"{}\" is listed twice", devices.kind),
                "already listed above",
            );
        }
    }
}

fn check_client(scenario: &Scenario, name: &str, client: &Client, found: &mut Findings) {
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
        let known = scenario.retries.names().chain([super::NO_RETRY]);
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
        if closed.think.mean_secs() == 0.0 {
            found.add(
                &format!("{path}.loops.{index}.think"),
                "a loop without a think time never lets time pass when it is refused",
                "must be more than zero",
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

fn check_retry(path: &str, policy: &RetryPolicy, found: &mut Findings) {
    match policy {
        RetryPolicy::None => {}
        RetryPolicy::Fixed { wait, attempts, .. } => {
            check_haste(&format!("{path}.wait"), wait.secs_f64(), *attempts, found);
            if wait.is_zero() {
                found.add(
                    &format!("{path}.wait"),
                    "a retry without a wait never lets time pass",
                    "must be more than zero",
                );
            }
        }
        RetryPolicy::Random { wait, attempts, .. } => {
            if let Err(why) = wait.check() {
                found.add(&format!("{path}.wait"), why, "not a distribution");
                return;
            }
            check_haste(&format!("{path}.wait"), wait.mean_secs(), *attempts, found);
            if wait.mean_secs() == 0.0 {
                found.add(
                    &format!("{path}.wait"),
                    "a retry without a wait never lets time pass",
                    "must be more than zero",
                );
            }
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
                    "a retry without a wait never lets time pass",
                    "must be more than zero",
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

/// Attempts without end and without a wait worth the name would make a run of
/// one request last for ever.
fn check_haste(path: &str, wait_secs: f64, attempts: Attempts, found: &mut Findings) {
    let many = match attempts {
        Attempts::AtMost(most) => most.get() > MAX_HASTY_ATTEMPTS,
        Attempts::Unlimited => true,
    };
    if many && wait_secs > 0.0 && wait_secs < SHORTEST_WAIT.secs_f64() {
        found.add(
            path,
            format!(
                "more than {MAX_HASTY_ATTEMPTS} attempts with waits shorter than {SHORTEST_WAIT}"
            ),
            format!("must be at least {SHORTEST_WAIT}, or `attempts` fewer"),
        );
    }
}

fn check_server(scenario: &Scenario, found: &mut Findings) {
    let backend = &scenario.server.backend;
    check_status("server.backend.fail.status", backend.fail.status, found);
    if let Some(service) = &backend.service
        && let Err(why) = service.check()
    {
        found.add("server.backend.service", why, "not a distribution");
    }
    let stages = &scenario.server.stages;
    // A key has at most as many users as there are homes.
    let homes = scenario.cohorts.values();
    let users = homes.map(|cohort| u64::from(cohort.homes)).sum();
    for (index, stage) in stages.iter().enumerate() {
        let path = format!("server.stages.{index}");
        if stages[..index]
            .iter()
            .any(|other| other.name() == stage.name())
        {
            found.add(
                &format!("{path}.name"),
                format!("two stages are called \"{}\"", stage.name()),
                "needs a name of its own",
            );
        }
        check_refusal(&path, stage, found);
        match stage {
            Stage::Gate { .. } => check_gate(&path, stage, found),
            Stage::Admission { by, .. } => check_admission(&path, *by, found),
            Stage::Limit {
                by,
                per,
                methods,
                kinds,
                costs,
                ..
            } => {
                check_limit(&path, by, per, users, found);
                let known = scenario.methods();
                for (number, method) in methods.iter().flatten().enumerate() {
                    if !known.contains(&method.as_str()) {
                        found.unknown(
                            &format!("{path}.methods.{number}"),
                            "method",
                            method,
                            known.iter().copied(),
                        );
                    }
                }
                for (method, cost) in costs.iter() {
                    let path = format!("{path}.costs.{}", segment(method));
                    if !known.contains(&method) {
                        found.unknown(&path, "method", method, known.iter().copied());
                    }
                    if *cost == 0 {
                        found.add(
                            &path,
                            "a call that costs nothing is not limited",
                            "must be at least 1; leave the method out by `methods`",
                        );
                    }
                }
                let known = scenario.device_kinds();
                for (number, kind) in kinds.iter().flatten().enumerate() {
                    if !known.contains(&kind.as_str()) {
                        found.unknown(
                            &format!("{path}.kinds.{number}"),
                            "kind of device",
                            kind,
                            known.iter().copied(),
                        );
                    }
                }
            }
        }
    }
}

fn check_gate(path: &str, stage: &Stage, found: &mut Findings) {
    let Stage::Gate {
        per,
        permits,
        adaptive,
        sampled,
        max_wait,
        queue,
        order,
        codel,
        reserved,
        shares,
        ..
    } = stage
    else {
        return;
    };
    check_scopes(path, per, found);
    if *permits == Some(0) {
        found.add(
            &at(path, "permits"),
            "a gate without permits refuses everything",
            "must be at least 1",
        );
    }
    match (permits, adaptive) {
        (None, None) => found.add(
            path,
            "a gate needs `permits`, or `adaptive` with the algorithm that sets them",
            "has neither",
        ),
        (Some(_), Some(_)) => found.add(
            &at(path, "adaptive"),
            "a gate has either `permits` or `adaptive`",
            "leave one of them out",
        ),
        _ => {}
    }
    if let Some(rule) = adaptive {
        let sound = match sampled {
            None => rule.check(),
            // The combination is checked where it is made.
            Some(window) => rule
                .check()
                .and(AdaptiveState::new(*rule, Some(*window), || 0.5).map(|_| ())),
        };
        if let Err(why) = sound {
            found.add(&at(path, "adaptive"), why, "cannot be used");
        }
        if !per.is_empty() {
            found.add(
                &at(path, "per"),
                "an adaptive gate has one limit for the whole platform",
                "leave it out",
            );
        }
    } else if sampled.is_some() {
        found.add(
            &at(path, "sampled"),
            "only an adaptive gate takes samples",
            "leave it out, or give `adaptive`",
        );
    }
    if max_wait.is_some_and(Span::is_zero) {
        found.add(
            &at(path, "max_wait"),
            "a wait of no time is no wait",
            "leave it out for a gate without waiting",
        );
    }
    if *queue == Some(0) && max_wait.is_some() {
        found.add(
            &at(path, "queue"),
            "nobody can wait in a queue of 0",
            "must be at least 1, or leave out `max_wait`",
        );
    }
    let waits = max_wait.is_some() || queue.is_some_and(|queue| queue > 0);
    if !waits && (codel.is_some() || *order != Order::OldestFirst) {
        let what = if codel.is_some() { "codel" } else { "order" };
        found.add(
            &at(path, what),
            "nobody waits at this gate",
            "needs `max_wait` or `queue`",
        );
    }
    if let Some(Err(why)) = codel.map(|rule| rule.check()) {
        found.add(&at(path, "codel"), why, "cannot be used");
    }
    if let Err(why) = shares.check() {
        found.add(&at(path, "shares"), why, "favours the wrong level");
    }
    if let Some(reserved) = reserved {
        if *shares != Shares::default() {
            found.add(
                &at(path, "reserved"),
                "`reserved` is short for `shares`",
                "leave one of them out",
            );
        }
        if permits.is_some_and(|permits| *reserved >= permits) {
            found.add(
                &at(path, "reserved"),
                "all permits are reserved, so that polls never pass",
                "must be less than `permits`",
            );
        }
    }
}

fn check_admission(path: &str, by: AdmissionRule, found: &mut Findings) {
    if let Err(why) = by.rule().check() {
        found.add(&at(path, "by"), why, "cannot be used");
    }
}

fn check_refusal(path: &str, stage: &Stage, found: &mut Findings) {
    let answer = stage.refusal();
    check_status(&at(path, "refuse.status"), answer.status, found);
    let why = match stage {
        Stage::Gate { .. } => "a gate does not know when a permit will be free",
        Stage::Admission { .. } => "admission by chance does not know when it will let one through",
        Stage::Limit { .. } => return,
    };
    if answer.retry_after.needs_exact() {
        found.add(
            &at(path, "refuse.retry_after"),
            why,
            "use `Fixed(..)` or leave it out",
        );
    }
    if answer.rate_limit.is_some() {
        found.add(
            &at(path, "refuse.rate_limit"),
            "only a limit has a quota and a reset to tell of",
            "leave it out",
        );
    }
}

fn check_status(path: &str, status: u16, found: &mut Findings) {
    if !(400..=599).contains(&status) {
        found.add(
            path,
            format!("{status} is no status of a refusal"),
            "must be from 400 to 599",
        );
    }
}

fn check_scopes(path: &str, per: &[Scope], found: &mut Findings) {
    for (number, scope) in per.iter().enumerate() {
        if per[..number].contains(scope) {
            found.add(
                &at(path, &format!("per.{number}")),
                format!("{scope:?} is listed twice"),
                "already listed",
            );
        }
    }
}

fn check_limit(path: &str, by: &LimiterRule, per: &[Scope], users: u64, found: &mut Findings) {
    check_scopes(path, per, found);
    check_rule(&at(path, "by"), by, users, found);
}

/// A rule of a limit, at the path `by`, with as many users per key as there
/// can be.
fn check_rule(by: &str, rule: &LimiterRule, users: u64, found: &mut Findings) {
    let before = found.0.len();
    match rule {
        LimiterRule::PenaltyBox { by: behind, .. } => {
            check_rule(&at(by, "by"), behind, users, found);
        }
        LimiterRule::AllOf(rules) => {
            for (number, rule) in rules.iter().enumerate() {
                check_rule(&at(by, &format!("0.{number}")), rule, users, found);
            }
        }
        _ => {
            if let Some(window) = rule.window()
                && window < SHORTEST_WINDOW
            {
                found.add(
                    &at(by, "window"),
                    format!(
                        "a window of {window} is shorter than the clock's tick of {SHORTEST_WINDOW}"
                    ),
                    format!("must be at least {SHORTEST_WINDOW}"),
                );
            }
            if let Some(quota) = rule.quota() {
                check_quota(&at(by, "quota"), quota, found);
            }
        }
    }
    if before == found.0.len() {
        let most = u32::try_from(users).unwrap_or(u32::MAX);
        if let Err(why) = rule.bank(&[most], 1) {
            let (field, label) = why.field();
            let path = field.map_or_else(|| by.to_owned(), |field| at(by, field));
            found.add(&path, why.to_string(), label);
        }
    }
}

fn check_quota(path: &str, quota: &Quota, found: &mut Findings) {
    const ZERO: &str = "a quota of 0 refuses everything";
    match quota {
        Quota::Fixed(0) => found.add(path, ZERO, "must be at least 1"),
        Quota::Fixed(_) => {}
        Quota::PerUser {
            each,
            at_least,
            up_to_users,
        } => {
            if *at_least == 0 && (*each == 0 || *up_to_users == Some(0)) {
                found.add(path, ZERO, "needs `each` or `at_least` above 0");
            }
        }
        Quota::Tiers(tiers) => {
            if tiers.is_empty() {
                found.add(path, "there is no tier", "needs at least one tier");
            }
            for (number, tier) in tiers.iter().enumerate() {
                if tier.quota == 0 {
                    found.add(
                        &format!("{path}.0.{number}.quota"),
                        ZERO,
                        "must be at least 1",
                    );
                }
                if number > 0 && tier.from_users <= tiers[number - 1].from_users {
                    found.add(
                        &format!("{path}.0.{number}.from_users"),
                        "tiers must be listed from few users to many",
                        "must be more than in the tier before",
                    );
                }
            }
        }
    }
}

fn check_study(scenario: &Scenario, found: &mut Findings) {
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
    let mut cells: usize = 1;
    for (path, values) in study.vary.iter() {
        let place = format!("study.vary.{}", segment(path));
        if values.is_empty() {
            found.add(
                &place,
                "there is nothing to vary",
                "needs at least one value",
            );
        }
        let mut seen = BTreeSet::new();
        for (index, value) in values.iter().enumerate() {
            if !seen.insert(value.label()) {
                found.add(
                    &format!("{place}.{index}"),
                    format!("the value {} is listed twice", value.text()),
                    "already listed before",
                );
                break;
            }
        }
        cells = cells.saturating_mul(values.len());
    }
    if cells > MAX_CELLS {
        found.add(
            "study.vary",
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
    let entities = entities(scenario);
    if entities <= MAX_ENTITIES && entities * cells as f64 > MAX_ENTITIES_OF_ALL_POLICIES {
        found.add(
            "study.vary",
            format!(
                "{cells} combinations of {entities:.0} homes and devices are more than memory holds"
            ),
            format!("must be at most {MAX_ENTITIES_OF_ALL_POLICIES:.0} in all"),
        );
    }
}
