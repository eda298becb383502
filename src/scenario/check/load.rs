//! How much traffic a scenario makes.

use super::Findings;
use crate::scenario::{Cause, Client, Cohort, CommandTimes, Demand, Per, Scenario};
use crate::units::{ClockTime, Probability, Span};

/// The most requests of a run, which take hours.
const MAX_REQUESTS: f64 = 1e11;
/// The most requests of one sender: its draws are numbered in 32 bits.
const MAX_REQUESTS_OF_SENDER: f64 = 2e8;

/// One entry of the traffic of a client.
pub(in crate::scenario) struct Traffic<'a> {
    /// Its path from the client.
    pub(in crate::scenario) path: String,
    /// The field that says how often, for an error.
    pub(in crate::scenario) pace: &'static str,
    pub(super) name: Option<&'a str>,
    pub(in crate::scenario) method: &'a str,
    pub(in crate::scenario) per: Per,
    /// Whether each request waits for the one before.
    pub(in crate::scenario) closed: bool,
    pub(in crate::scenario) kinds: Option<&'a [String]>,
    /// The mean time from one request to the next; `None` for a schedule.
    pub(in crate::scenario) interval_secs: Option<f64>,
    /// The time, spread and chance of a schedule.
    pub(in crate::scenario) daily: Option<(ClockTime, Span, Probability)>,
}

impl Traffic<'_> {
    /// The list of the client that it is in.
    pub(super) fn list(&self) -> &str {
        self.path.split('.').next().unwrap_or_default()
    }
}

pub(in crate::scenario) fn traffic(client: &Client) -> Vec<Traffic<'_>> {
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
            daily: None,
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
            daily: match &command.at {
                CommandTimes::Daily { time, spread } => Some((*time, *spread, command.chance)),
                CommandTimes::Poisson { .. } => None,
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
            daily: None,
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
            daily: None,
        });
    }
    all
}

/// The mean number of devices of a home that an entry of traffic is for.
pub(in crate::scenario) fn devices_of(cohort: &Cohort, kinds: Option<&[String]>) -> f64 {
    let concerned = |kind: &String| kinds.is_none_or(|kinds| kinds.contains(kind));
    cohort
        .devices
        .iter()
        .filter(|devices| concerned(&devices.kind))
        .map(|devices| devices.count.mean())
        .sum()
}

/// How many requests one sender and all of them make; all other rules hold.
pub(super) fn check_load(scenario: &Scenario, found: &mut Findings) {
    let demand = Demand::of(scenario);
    for flow in &demand.flows {
        let of_sender = flow.requests / flow.senders.max(1.0);
        if of_sender <= MAX_REQUESTS_OF_SENDER {
            continue;
        }
        let most = about(MAX_REQUESTS_OF_SENDER);
        let (why, cure) = match flow.cause {
            Cause::Refused => (
                ": they are refused at once, and it comes back after its think time",
                flow.cure(),
            ),
            Cause::Sent | Cause::Retried(_) => ("", "share the load among more homes"),
        };
        found.add(
            &flow.path,
            format!("one sender would send {}{why}", about(of_sender)),
            format!("{cure}, or shorten the run: at most {most} each"),
        );
    }
    let total = demand.attempts();
    if let Some(flow) = demand.heaviest().filter(|_| total > MAX_REQUESTS) {
        found.add(
            &flow.path,
            format!(
                "one run would make {}, more than {}",
                about(total),
                about(MAX_REQUESTS)
            ),
            match flow.cause {
                Cause::Sent => "most of them come from here".to_owned(),
                Cause::Refused | Cause::Retried(_) => format!("{}: {}", flow.why(), flow.cure()),
            },
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
