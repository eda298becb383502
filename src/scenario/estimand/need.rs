//! Where an estimand applies: what a scenario, or a part of it, must have.

use crate::scenario::{Client, Cohort, Draft, List, Part, Per, Stage, Traffic, Wakes};

/// What must be there for an estimand to mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// A stage that answers with the status 429.
    Answer429,
    /// A stage that refuses.
    Refusals,
    /// A stage that refuses with another status than 429; else nothing is told
    /// that the 429s do not tell.
    OtherRefusals,
    /// Requests with a deadline.
    Commands,
    /// A client with a time-out.
    TimeOuts,
    /// Polls.
    Polls,
    /// Polls that may be skipped.
    Skips,
    /// A guard of a client that ends requests.
    Drops,
    /// A gate.
    Gate,
    /// A gate with a fixed number of permits.
    FixedPermits,
    /// A gate at which attempts may wait.
    Queue,
    /// Devices.
    Devices,
    /// Requests that wake their device.
    Wakes,
    /// A measured span that has room for a collapse.
    RoomToCollapse,
}

/// What a scenario or a part of it has, as needs look at it.
#[derive(Debug, Clone)]
pub struct Extent<'a> {
    scenario: &'a Draft,
    /// The statuses of all refusals, or of those of the stage that is meant.
    answers: Vec<u16>,
    /// The gates, or the one that is meant.
    gates: Vec<&'a Stage>,
    traffic: Vec<Traffic<'a>>,
}

impl<'a> Extent<'a> {
    /// The whole scenario, with what clients would do that no cohort has.
    pub(super) fn all(scenario: &'a Draft) -> Extent<'a> {
        Extent {
            traffic: scenario
                .clients
                .values()
                .flat_map(Client::traffic)
                .collect(),
            ..Extent::of(scenario, &Part::ALL)
        }
    }

    /// A part of a scenario, which need not have it.
    pub fn of(scenario: &'a Draft, part: &Part) -> Extent<'a> {
        let server = &scenario.server;
        let is_meant = |stage: &&Stage| {
            part.limit
                .as_deref()
                .is_none_or(|name| stage.name() == name)
        };
        let stages: Vec<&Stage> = server.stages.iter().filter(is_meant).collect();
        let mut answers: Vec<u16> = stages.iter().map(|stage| stage.refusal().status).collect();
        let outages: Vec<u16> = (server.refusing_outages())
            .filter(|(_, name, _)| part.limit.as_deref().is_none_or(|limit| limit == *name))
            .map(|(_, _, outage)| outage.answer.status)
            .collect();
        // What has no stage or outage of that name is the backend.
        let is_backend = part.limit.is_none() || stages.is_empty() && outages.is_empty();
        answers.extend(outages);
        if server.backend.fails() && is_backend {
            answers.push(server.backend.fail.status);
        }
        let is_gate = |stage: &&Stage| matches!(stage, Stage::Gate { .. });
        let cohorts = (scenario.cohorts.iter())
            .filter(|(name, _)| part.cohort.as_deref().is_none_or(|wanted| wanted == *name));
        let installed = cohorts.flat_map(|(_, cohort)| {
            let installed = cohort.installed().into_iter();
            installed.map(move |installed| (cohort, installed))
        });
        let traffic = installed.filter_map(|(cohort, installed)| {
            let client = scenario.clients.get(installed.client)?;
            Some(client.traffic().filter(move |entry| {
                let is_called = |method: &str| method == entry.what.method;
                part.method.as_deref().is_none_or(is_called) && has_senders(cohort, entry)
            }))
        });
        Extent {
            scenario,
            answers,
            gates: stages.into_iter().filter(is_gate).collect(),
            traffic: traffic.flatten().collect(),
        }
    }
}

/// Whether a cohort has what sends an entry of traffic, or is addressed by it.
fn has_senders(cohort: &Cohort, entry: &Traffic<'_>) -> bool {
    let kinds = entry.what.kinds;
    entry.what.per == Per::Home
        || (cohort.devices.iter())
            .any(|devices| kinds.is_none_or(|kinds| kinds.contains(&devices.kind)))
}

impl Need {
    /// Whether an extent has it.
    pub(super) fn is_met(self, extent: &Extent<'_>) -> bool {
        let gate_plans = || {
            extent
                .gates
                .iter()
                .filter_map(|stage| stage.gate_plan(1).ok().flatten())
        };
        let mut traffic = extent.traffic.iter();
        match self {
            Need::Answer429 => extent.answers.contains(&429),
            Need::Refusals => !extent.answers.is_empty(),
            Need::OtherRefusals => extent.answers.iter().any(|status| *status != 429),
            Need::Commands => traffic.any(|entry| entry.what.deadline.is_some()),
            Need::TimeOuts => traffic.any(|entry| entry.what.timeout.is_some()),
            Need::Polls => traffic.any(|entry| entry.list == List::Polls),
            Need::Skips => traffic.any(|entry| !entry.what.overlap),
            Need::Drops => traffic.any(|entry| entry.what.is_dropped()),
            Need::Gate => !extent.gates.is_empty(),
            Need::FixedPermits => gate_plans().any(|plan| plan.fixed_permits().is_some()),
            Need::Queue => gate_plans().any(|plan| plan.queue > 0),
            Need::Devices => {
                (extent.scenario.cohorts.values()).any(|cohort| !cohort.devices.is_empty())
            }
            Need::Wakes => traffic.any(|entry| entry.what.wakes() != Wakes::Never),
            Need::RoomToCollapse => extent.scenario.collapse.lasting <= extent.scenario.time.length,
        }
    }

    /// Why a target on what needs it is a mistake where it is not there; `None`
    /// if such a target is merely undecided, since a policy may leave it out.
    pub(super) fn why(self) -> Option<&'static str> {
        Some(match self {
            Need::Answer429 => "no stage of the server answers with the status 429",
            Need::Refusals => "the server has no stage that refuses",
            Need::Commands => "no client gives commands",
            Need::TimeOuts => "no client has a time-out",
            Need::Polls => "no client polls",
            Need::Skips => "no poll is ever skipped",
            Need::Drops => "no client has a guard that drops",
            Need::Gate => "the server has no gate",
            Need::Devices => "no home has devices",
            Need::RoomToCollapse => "the measured span is shorter than `collapse.lasting`",
            Need::OtherRefusals | Need::FixedPermits | Need::Queue | Need::Wakes => return None,
        })
    }
}
