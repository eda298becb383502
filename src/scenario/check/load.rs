//! How much traffic a scenario makes.

use super::Findings;
use crate::scenario::{Cause, Demand, Scenario};

/// The most requests of a run, which take hours.
const MAX_REQUESTS: f64 = 1e11;
/// The most requests of one sender: its draws are numbered in 32 bits.
const MAX_REQUESTS_OF_SENDER: f64 = 2e8;

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
