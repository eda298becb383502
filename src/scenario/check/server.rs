//! The stages of a server, and limiters that stand alone.

use super::{Finding, Findings, at, segment};
use crate::limiter::{Decision, KeySize, Quota};
use crate::overload::{AdaptiveState, Shares};
use crate::scenario::{
    AdmissionRule, AppOf, Cohort, DeviceCount, Draft, LimiterRule, LimiterText, NatOf, QueueBound,
    Scope, Server, Stage,
};
use crate::server::{Order, Response};
use crate::units::{Span, Time};

/// The shortest window that a limit may count in: the tick of a server's clock.
const SHORTEST_WINDOW: Span = Span::from_millis(1);

/// All rules that a limiter breaks which stands alone.
pub(in crate::scenario) fn limiter_findings(limiter: &LimiterText) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    match limiter {
        LimiterText::Rule(rule) => check_rule("", rule, KeySize::ONE, &mut found),
        LimiterText::Stage(stage) => {
            if let Stage::Limit { shared: true, .. } = &**stage {
                found.add("shared", "a limiter alone has no replicas", "leave it out");
            }
            check_stage("", stage, KeySize::ONE, &mut found);
            if let Stage::Limit { kinds: Some(_), .. } = &**stage {
                found.add(
                    "kinds",
                    "a log tells nothing of kinds of devices",
                    "leave it out",
                );
            }
        }
    }
    found.0
}

/// Replicas without a limit that each counts for itself, and the reverse.
fn check_replicas(server: &Server, found: &mut Findings) {
    let own = |stage: &Stage| matches!(stage, Stage::Limit { shared: false, .. });
    if server.replicas.is_some() && !server.stages.iter().any(own) {
        found.add(
            "server.replicas",
            "no limit is counted by each replica for itself",
            "needs a limit without `shared: true`, or must be left out",
        );
    }
    for (number, stage) in server.stages.iter().enumerate() {
        if server.replicas.is_none() && matches!(stage, Stage::Limit { shared: true, .. }) {
            found.add(
                &format!("server.stages.{number}.shared"),
                "there are no replicas that could share its counters",
                "needs `server.replicas`, or must be left out",
            );
        }
    }
}

pub(super) fn check_server(scenario: &Draft, found: &mut Findings) {
    let backend = &scenario.server.backend;
    let why = "a backend that fails does not know when it will not";
    check_answer(
        "server.backend.fail",
        &backend.fail,
        Knows::Nothing(why),
        found,
    );
    if let Some(service) = &backend.service
        && let Err(why) = service.check()
    {
        found.add("server.backend.service", why, "not a distribution");
    }
    let known = scenario.methods();
    for (method, service) in backend.service_by_method.iter() {
        let path = format!("server.backend.service_by_method.{}", segment(method));
        if !known.contains(&method) {
            found.unknown(&path, "method", method, known.iter().copied());
            if let Some(last) = found.0.last_mut() {
                last.at_name = true;
            }
        }
        if let Err(why) = service.check() {
            found.add(&path, why, "not a distribution");
        }
    }
    let stages = &scenario.server.stages;
    check_replicas(&scenario.server, found);
    // A key has at most as many users as there are homes.
    let most = KeySize {
        users: narrow(scenario.homes()),
        devices: narrow(scenario.mean_devices().ceil() as u64),
    };
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
        check_stage(&path, stage, most, found);
        match stage {
            Stage::Gate { .. } | Stage::Admission { .. } => {}
            Stage::Limit {
                by,
                per,
                methods,
                kinds,
                costs,
                ..
            } => {
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
                let most = largest_key(scenario, per);
                for (method, cost) in costs.iter() {
                    let path = format!("{path}.costs.{}", segment(method));
                    if !known.contains(&method) {
                        found.unknown(&path, "method", method, known.iter().copied());
                    }
                    if never_granted(by, most, u64::from(*cost)) {
                        found.add(
                            &path,
                            format!("a call that costs {cost} is more than the limit ever grants"),
                            "never passes",
                        );
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

/// Whether a limit never lets an attempt of that cost pass, although nobody
/// else is there and each wait that it tells is kept.
fn never_granted(by: &LimiterRule, size: KeySize, cost: u64) -> bool {
    /// Exact waits need one try more; a penalty box in front may need several.
    const TRIES: usize = 50;
    const LONGEST: Span = Span::from_secs(100 * 365 * 86_400);
    let Ok(mut bank) = by.bank(&[size], 1) else {
        return false;
    };
    let mut now = Time::EPOCH;
    for _ in 0..TRIES {
        match bank.decide(0, now, cost) {
            Decision::Refuse {
                retry_after: Some(wait),
            } if wait <= LONGEST && now < Time::EPOCH + LONGEST => now = now + wait,
            Decision::Refuse { .. } => return true,
            _ => return false,
        }
    }
    true
}

/// The most that a key of these scopes counts for.
pub(super) fn largest_key(scenario: &Draft, per: &[Scope]) -> KeySize {
    KeySize {
        users: narrow(most_users(scenario, per)),
        devices: narrow(most_devices(scenario, per)),
    }
}

/// The most users that share one key of these scopes.
fn most_users(scenario: &Draft, per: &[Scope]) -> u64 {
    let users = |cohort: &Cohort| u64::from(cohort.users());
    let all = || scenario.cohorts.values();
    let of_app = |cohort: &Cohort, app: &AppOf| match app {
        AppOf::PerUser => 1,
        AppOf::SharedBy { users: most } => users(cohort).min(u64::from(*most)),
        AppOf::Shared(name) => (all().filter(|other| other.calls_with(name)))
            .map(users)
            .sum(),
    };
    let of_apps = |cohort: &Cohort| {
        let installed = cohort.installed().into_iter();
        installed
            .map(|it| of_app(cohort, it.app))
            .max()
            .unwrap_or(0)
    };
    let of_nat = |cohort: &Cohort| match cohort.nat {
        NatOf::PerHome => 1,
        NatOf::Shared { homes } => u64::from(homes),
    };
    let everybody: u64 = all().map(users).sum();
    let of_scope = |scope: &Scope| match scope {
        Scope::App => all().map(of_apps).max().unwrap_or(0),
        Scope::Nat => all().map(of_nat).max().unwrap_or(0),
        Scope::User | Scope::Token | Scope::Home | Scope::Device => 1,
        Scope::Method => everybody,
    };
    per.iter().map(of_scope).fold(everybody, u64::min)
}

/// The most devices that share one key of these scopes; without a bound where
/// their number is drawn.
fn most_devices(scenario: &Draft, per: &[Scope]) -> u64 {
    let of_home = |cohort: &Cohort| -> u64 {
        let counts = cohort.devices.iter().map(|devices| devices.count);
        let most = counts.map(|count| match count {
            DeviceCount::Exactly(count) => u64::from(count),
            DeviceCount::Poisson(_) => u64::from(u32::MAX),
        });
        most.sum()
    };
    let cohorts = || scenario.cohorts.values();
    let everything = cohorts().fold(0, |sum: u64, cohort| {
        sum.saturating_add(u64::from(cohort.homes).saturating_mul(of_home(cohort)))
    });
    let of_scope = |scope: &Scope| match scope {
        Scope::Device => 1,
        scope => {
            let apps = cohorts().flat_map(|cohort| {
                let installed = cohort.installed().into_iter();
                installed.map(move |it| (cohort, it.app))
            });
            let runs = apps.map(|(cohort, app)| match cohort.homes_per_key(app, *scope) {
                Some(run) => u64::from(run).saturating_mul(of_home(cohort)),
                None => everything,
            });
            runs.max().unwrap_or(0)
        }
    };
    per.iter().map(of_scope).fold(everything, u64::min)
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What a stage must be, whoever passes it, for keys as large as there can be.
fn check_stage(path: &str, stage: &Stage, most: KeySize, found: &mut Findings) {
    check_refusal(path, stage, found);
    match stage {
        Stage::Gate { .. } => check_gate(path, stage, found),
        Stage::Admission { by, .. } => check_admission(path, *by, found),
        Stage::Limit { by, per, .. } => check_limit(path, by, per, most, found),
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
                .and(AdaptiveState::new(*rule, Some(*window)).map(drop)),
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
    let nobody = QueueBound::AtMost(0);
    if *queue == Some(nobody) && max_wait.is_some() {
        found.add(
            &at(path, "queue"),
            "nobody can wait in a queue of 0",
            "must be at least 1, or leave out `max_wait`",
        );
    }
    let waits = max_wait.is_some() || queue.is_some_and(|queue| queue != nobody);
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
        let state = adaptive.map(|rule| AdaptiveState::new(rule, None));
        let initial = state.and_then(Result::ok).map(|state| state.limit());
        if (permits.or(initial)).is_some_and(|permits| *reserved >= permits) {
            found.add(
                &at(path, "reserved"),
                "all permits are reserved, so that polls never pass",
                "must be less than `permits`, or than an adaptive gate has at first",
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
    let knows = match stage {
        Stage::Gate { .. } => Knows::Nothing("a gate does not know when a permit will be free"),
        Stage::Admission { .. } => {
            Knows::Nothing("admission by chance does not know when it will let one through")
        }
        Stage::Limit { .. } => Knows::Quota,
    };
    check_answer(&at(path, "refuse"), stage.refusal(), knows, found);
}

/// What can be told by who refuses.
#[derive(Clone, Copy)]
pub(super) enum Knows<'a> {
    /// When it would admit, and the quota.
    Quota,
    /// When it would admit.
    Wait,
    /// Neither, and why.
    Nothing(&'a str),
}

/// An answer of who knows that much.
pub(super) fn check_answer(path: &str, answer: &Response, knows: Knows<'_>, found: &mut Findings) {
    let status = answer.status;
    if !(400..=599).contains(&status) {
        found.add(
            &at(path, "status"),
            format!("{status} is no status of a refusal"),
            "must be from 400 to 599",
        );
    }
    if let Knows::Nothing(why) = knows
        && answer.retry_after.needs_exact()
    {
        found.add(
            &at(path, "retry_after"),
            why,
            "use `Fixed(..)` or leave it out",
        );
    }
    if answer.rate_limit.is_some() && !matches!(knows, Knows::Quota) {
        found.add(
            &at(path, "rate_limit"),
            "only a limit has a quota and a reset to tell of",
            "leave it out",
        );
    }
}

pub(super) fn check_scopes(path: &str, per: &[Scope], found: &mut Findings) {
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

pub(super) fn check_limit(
    path: &str,
    by: &LimiterRule,
    per: &[Scope],
    most: KeySize,
    found: &mut Findings,
) {
    check_scopes(path, per, found);
    check_rule(&at(path, "by"), by, most, found);
}

/// A rule of a limit, at the path `by`, for a key as large as there can be.
fn check_rule(by: &str, rule: &LimiterRule, most: KeySize, found: &mut Findings) {
    let before = found.0.len();
    match rule {
        LimiterRule::PenaltyBox { by: behind, .. } => {
            check_rule(&at(by, "by"), behind, most, found);
        }
        LimiterRule::AllOf(rules) => {
            for (number, rule) in rules.iter().enumerate() {
                check_rule(&at(by, &format!("0.{number}")), rule, most, found);
            }
        }
        _ => {
            let limit = rule.profile(KeySize::ONE);
            if let Some(window) = limit.window
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
            if let Some(quota) = limit.quota {
                check_quota(&at(by, "quota"), quota, found);
            }
        }
    }
    if before == found.0.len()
        && let Err(why) = rule.bank(&[most], 1)
    {
        let (field, label) = why.field();
        let path = field.map_or_else(|| by.to_owned(), |field| at(by, field));
        found.add(&path, why.to_string(), label);
    }
}

fn check_quota(path: &str, quota: &Quota, found: &mut Findings) {
    const ZERO: &str = "a quota of 0 refuses everything";
    match quota {
        Quota::Fixed(0) => found.add(path, ZERO, "must be at least 1"),
        Quota::Fixed(_) => {}
        Quota::PerUser {
            base,
            each,
            at_least,
            up_to_users: most,
        }
        | Quota::PerDevice {
            base,
            each,
            at_least,
            up_to_devices: most,
        } => {
            if *base == 0 && *at_least == 0 && (*each == 0 || *most == Some(0)) {
                found.add(path, ZERO, "needs `each`, `base` or `at_least` above 0");
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
