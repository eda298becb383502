//! Rules across the values of a scenario: references, contradictions and
//! limits of size. Rules on a single value are in its type.

use super::text::nearest;
use super::{
    AppOf, Client, Cohort, CommandTimes, DeviceCount, LimiterRule, NatOf, Per, Phase, Quota,
    Refusal, RetryAfter, RetryPolicy, Scenario, Scope, Stage, Wakes, clock,
};
use crate::units::Span;

/// The most cohorts of a scenario, kinds of devices of a cohort, and entries
/// of traffic of a client: random draws are keyed by 6, 5 and 5 bits of them.
const MAX_COHORTS: usize = 64;
const MAX_KINDS_PER_COHORT: usize = 31;
const MAX_TRAFFIC_PER_CLIENT: usize = 32;
/// The most stages of a server: permits held are a set of 32 bits.
const MAX_STAGES: usize = 32;
/// The most homes and devices of a run, which are numbered in 32 bits.
const MAX_ENTITIES: u64 = 2_000_000_000;
/// The shortest window that a limit may count in: the tick of a server's clock.
const SHORTEST_WINDOW: Span = Span::from_millis(1);

/// A broken rule: where (a path of the scenario), what, and what would do.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: Option<String>,
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, path: &str, message: impl Into<String>, label: impl Into<String>) {
        self.0.push(Finding {
            path: path.to_owned(),
            message: message.into(),
            label: label.into(),
            help: None,
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
        });
    }
}

/// A path segment, quoted where the name would be taken apart.
fn segment(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// All rules that the scenario breaks.
pub(super) fn findings(scenario: &Scenario) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    check_clock(scenario, &mut found);
    check_population(scenario, &mut found);
    for (name, client) in scenario.clients.iter() {
        check_client(scenario, name, client, &mut found);
    }
    for (name, policy) in scenario.retries.iter() {
        check_retry(&format!("retries.{}", segment(name)), policy, &mut found);
    }
    check_server(scenario, &mut found);
    check_study(scenario, &mut found);
    found.0
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
    if scenario.cohorts.len() > MAX_COHORTS {
        found.add(
            "cohorts",
            format!("there are more than {} cohorts", MAX_COHORTS),
            "too many",
        );
    }
    let mut entities: u64 = 0;
    for (name, cohort) in scenario.cohorts.iter() {
        let path = format!("cohorts.{}", segment(name));
        check_cohort(scenario, &path, cohort, found);
        let devices: f64 = cohort
            .devices
            .iter()
            .map(|devices| devices.count.mean())
            .sum();
        entities = entities.saturating_add((f64::from(cohort.homes) * (1.0 + devices)) as u64);
    }
    if entities > MAX_ENTITIES {
        found.add(
            "cohorts",
            format!(
                "{entities} homes and devices are more than the {} that one run holds",
                MAX_ENTITIES
            ),
            "too many homes and devices",
        );
    }
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
    if scenario.clients.get(&cohort.client).is_none() {
        found.unknown(
            &format!("{path}.client"),
            "client",
            &cohort.client,
            scenario.clients.names(),
        );
    }
    if cohort.devices.len() > MAX_KINDS_PER_COHORT {
        found.add(
            &format!("{path}.devices"),
            format!(
                "there are more than {} kinds of devices",
                MAX_KINDS_PER_COHORT
            ),
            "too many",
        );
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
        found.add(
            &path,
            format!("the client \"{name}\" sends nothing"),
            "needs polls, commands, requests or loops",
        );
    }
    if client.methods().count() > MAX_TRAFFIC_PER_CLIENT {
        found.add(
            &path,
            format!(
                "the client has more than {} kinds of traffic",
                MAX_TRAFFIC_PER_CLIENT
            ),
            "too many",
        );
    }
    let cohorts: Vec<(&str, &Cohort)> = scenario
        .cohorts
        .iter()
        .filter(|(_, cohort)| cohort.client == name)
        .collect();
    if cohorts.is_empty() {
        found.add(
            &path,
            format!("no cohort uses the client \"{name}\""),
            "used by nobody",
        );
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
    for (index, requests) in client.requests.iter().enumerate() {
        check_count(
            scenario,
            &format!("{path}.requests.{index}.rate"),
            requests.rate.mean_interval_secs(),
            found,
        );
    }
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

/// The draws of one sender are numbered in 28 bits.
fn check_count(scenario: &Scenario, path: &str, interval_secs: f64, found: &mut Findings) {
    let time = &scenario.time;
    let length = (time.warm_up + time.length + time.drain).secs_f64();
    if length / interval_secs > 2e8 {
        found.add(
            path,
            "one sender would send more than 200 million requests",
            "share the rate among more homes, or shorten the run",
        );
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
        let shortest = poll.every.saturating_sub(poll.jitter).secs_f64();
        check_count(scenario, &format!("{here}.every"), shortest, found);
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
                if !known.clone().any(|name| name == kind) {
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
            CommandTimes::Poisson { rate } => {
                check_count(
                    scenario,
                    &format!("{here}.at.rate"),
                    rate.mean_interval_secs(),
                    found,
                );
            }
        }
    }
}

fn check_retry(path: &str, policy: &RetryPolicy, found: &mut Findings) {
    match policy {
        RetryPolicy::None => {}
        RetryPolicy::Fixed { wait, .. } => {
            if wait.is_zero() {
                found.add(
                    &format!("{path}.wait"),
                    "a retry without a wait never lets time pass",
                    "must be more than zero",
                );
            }
        }
        RetryPolicy::Random { wait, .. } => {
            if let Err(why) = wait.check() {
                found.add(&format!("{path}.wait"), why, "not a distribution");
            } else if wait.mean_secs() == 0.0 {
                found.add(
                    &format!("{path}.wait"),
                    "a retry without a wait never lets time pass",
                    "must be more than zero",
                );
            }
        }
        RetryPolicy::Exponential {
            base, factor, cap, ..
        } => {
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

fn check_server(scenario: &Scenario, found: &mut Findings) {
    if let Some(service) = &scenario.server.backend.service
        && let Err(why) = service.check()
    {
        found.add("server.backend.service", why, "not a distribution");
    }
    let stages = &scenario.server.stages;
    if stages.len() > MAX_STAGES {
        found.add(
            "server.stages",
            format!("there are more than {} stages", MAX_STAGES),
            "too many",
        );
    }
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
            Stage::Gate {
                permits,
                max_wait,
                queue,
                ..
            } => {
                if *permits == 0 {
                    found.add(
                        &format!("{path}.permits"),
                        "a gate without permits refuses everything",
                        "must be at least 1",
                    );
                }
                if max_wait.is_some_and(Span::is_zero) {
                    found.add(
                        &format!("{path}.max_wait"),
                        "a wait of no time is no wait",
                        "leave it out for a gate without waiting",
                    );
                }
                if *queue == Some(0) && max_wait.is_some() {
                    found.add(
                        &format!("{path}.queue"),
                        "nobody can wait in a queue of 0",
                        "must be at least 1, or leave out `max_wait`",
                    );
                }
            }
            Stage::Limit {
                by,
                per,
                methods,
                kinds,
                ..
            } => {
                check_limit(&path, by, per, found);
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

fn check_refusal(path: &str, stage: &Stage, found: &mut Findings) {
    let Refusal {
        status,
        retry_after,
        ..
    } = stage.refusal();
    if !(400..=599).contains(status) {
        found.add(
            &format!("{path}.refuse.status"),
            format!("{status} is no status of a refusal"),
            "must be from 400 to 599",
        );
    }
    if matches!(stage, Stage::Gate { .. }) && *retry_after == RetryAfter::Exact {
        found.add(
            &format!("{path}.refuse.retry_after"),
            "a gate does not know when a permit will be free",
            "use `Fixed(..)` or leave it out",
        );
    }
}

fn check_limit(path: &str, by: &LimiterRule, per: &[Scope], found: &mut Findings) {
    for (number, scope) in per.iter().enumerate() {
        if per[..number].contains(scope) {
            found.add(
                &format!("{path}.per.{number}"),
                format!("{scope:?} is listed twice"),
                "already listed",
            );
        }
    }
    match by {
        LimiterRule::FixedWindow { quota, window, .. }
        | LimiterRule::SlidingLog { quota, window, .. } => {
            if *window < SHORTEST_WINDOW {
                found.add(
                    &format!("{path}.by.window"),
                    format!(
                        "a window of {window} is shorter than the clock's tick of {}",
                        SHORTEST_WINDOW
                    ),
                    format!("must be at least {}", SHORTEST_WINDOW),
                );
            }
            check_quota(&format!("{path}.by.quota"), quota, found);
        }
        LimiterRule::TokenBucket { burst, .. } | LimiterRule::Gcra { burst, .. } => {
            if *burst == 0 {
                found.add(
                    &format!("{path}.by.burst"),
                    "a burst of 0 refuses everything",
                    "must be at least 1",
                );
            } else if let Err(why) = by.compile(1) {
                found.add(
                    &format!("{path}.by"),
                    why.to_string(),
                    "cannot be computed exactly",
                );
            }
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
    if study.replications > 1_000_000 {
        found.add(
            "study.replications",
            "more than a million replications",
            "must be at most 1000000",
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
        if values.is_empty() {
            found.add(
                &format!("study.vary.{}", segment(path)),
                "there is nothing to vary",
                "needs at least one value",
            );
        }
        cells = cells.saturating_mul(values.len());
    }
    if cells > 10_000 {
        found.add(
            "study.vary",
            format!("{cells} combinations are more than 10000"),
            "too many",
        );
    }
}
