//! How much traffic a scenario makes.

use super::{Findings, segment};
use crate::scenario::{Client, Cohort, CommandTimes, Per, Scenario};

/// The most requests of a run, which take hours.
const MAX_REQUESTS: f64 = 1e11;
/// The most requests of one sender: its draws are numbered in 32 bits.
const MAX_REQUESTS_OF_SENDER: f64 = 2e8;

/// One entry of the traffic of a client.
pub(super) struct Traffic<'a> {
    /// Its path from the client.
    pub(super) path: String,
    /// The field that says how often, for an error.
    pace: &'static str,
    pub(super) name: Option<&'a str>,
    pub(super) method: &'a str,
    pub(super) per: Per,
    /// Whether each request waits for the one before.
    closed: bool,
    pub(super) kinds: Option<&'a [String]>,
    /// The mean time from one request to the next; `None` for a schedule.
    interval_secs: Option<f64>,
}

impl Traffic<'_> {
    /// The list of the client that it is in.
    pub(super) fn list(&self) -> &str {
        self.path.split('.').next().unwrap_or_default()
    }
}

pub(super) fn traffic(client: &Client) -> Vec<Traffic<'_>> {
    let mut all = Vec::new();
    for (index, poll) in client.polls.iter().enumerate() {
        all.push(Traffic {
            path: format!("polls.{index}"),
            pace: "every",
            name: poll.name.as_deref(),
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
            name: command.name.as_deref(),
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
            name: requests.name.as_deref(),
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
            name: closed.name.as_deref(),
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
pub(super) fn devices_of(cohort: &Cohort, kinds: Option<&[String]>) -> f64 {
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
pub(super) fn check_load(scenario: &Scenario, found: &mut Findings) {
    let time = &scenario.time;
    let length = (time.warm_up + time.length + scenario.drain()).secs_f64();
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
