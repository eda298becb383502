//! The memory that a scenario will take, by arithmetic.

use super::record::{GateRecord, Record, StreamRecord};
use super::request::{Attempt, Request, Waiting};
use crate::client::{BudgetPlan, GuardPlan};
use crate::engine::Event;
use crate::limiter::KeySize;
use crate::scenario::{
    Demand, DeviceCount, LimiterRule, Measure, Per, Placement, Scenario, Stage, segment,
};
use crate::units::Time;

/// The bytes of a scenario, by where they are.
#[derive(Debug, Clone, Default)]
pub struct Size {
    /// Which home has which devices.
    pub population: f64,
    /// What else all replications share.
    pub world: Vec<Part>,
    /// What each replication that runs has for itself, apart from what is under
    /// way.
    pub replication: Vec<Part>,
    /// Requests, and attempts that wait or are served, at their most.
    pub under_way: Vec<Part>,
    /// What each replication leaves.
    pub record: f64,
}

/// A part of the memory.
#[derive(Debug, Clone)]
pub struct Part {
    /// The path of what makes it large, if there is one.
    pub path: Option<String>,
    /// What it is.
    pub what: String,
    /// The bytes that it takes.
    pub bytes: f64,
}

/// A gate's permits and queue, per key.
const BYTES_PER_GATE_KEY: f64 = 160.0;
/// An entry of a gate's queue.
const BYTES_PER_WAITER: f64 = 32.0;
/// Bytes per event that is to come: the queue keeps them in chunks that are half
/// full on average.
const BYTES_PER_EVENT: f64 = 2.0 * size_of::<Event>() as f64;
/// A moment in a sliding log, whose rings are filled half or more.
const BYTES_PER_MOMENT: f64 = 18.0;
/// Cells of a histogram that a stream may fill, and their bytes at rest.
const MOST_FILLED_CELLS: f64 = 4000.0;
const BYTES_PER_CELL: f64 = 24.0;
/// A vector's own bytes, and what an allocation takes beside its content.
const BYTES_PER_VECTOR: f64 = 24.0 + 16.0;

impl Size {
    /// The size of a sound scenario, of which the demand is known.
    pub fn of(scenario: &Scenario, demand: &Demand) -> Size {
        let mut size = Size::default();
        size.population(scenario);
        size.stages(scenario, demand);
        size.senders(demand);
        size.clients(scenario);
        size.measures(scenario, demand);
        size.under_way(scenario, demand);
        size.record(scenario, demand);
        size
    }

    /// The bytes of all that replications share, without the population.
    pub fn world_bytes(&self) -> f64 {
        total(&self.world)
    }

    /// The bytes of one replication while it runs.
    pub fn replication_bytes(&self) -> f64 {
        total(&self.replication) + total(&self.under_way)
    }

    /// The largest part of what a replication needs to run; stages count as one
    /// where none of them stands out.
    pub fn largest(&self) -> Option<Part> {
        let parts = self.world.iter().chain(&self.replication);
        let largest = parts
            .chain(&self.under_way)
            .max_by(|one, other| one.bytes.total_cmp(&other.bytes))?;
        let is_stage = |part: &&Part| {
            let path = part.path.as_deref();
            path.is_some_and(|path| path.starts_with("server.stages."))
        };
        let stages: Vec<&Part> = self.replication.iter().filter(is_stage).collect();
        let bytes: f64 = stages.iter().map(|part| part.bytes).sum();
        let most = stages
            .iter()
            .max_by(|one, other| one.bytes.total_cmp(&other.bytes));
        match most {
            Some(most) if bytes > 2.0 * largest.bytes => Some(Part {
                path: most.path.clone(),
                what: format!("{} stages, such as {},", stages.len(), most.what),
                bytes,
            }),
            _ => Some(largest.clone()),
        }
    }

    fn population(&mut self, scenario: &Scenario) {
        for cohort in scenario.cohorts.values() {
            for devices in &cohort.devices {
                if let DeviceCount::Poisson(mean) = devices.count {
                    // While it is drawn, the list of homes is doubled.
                    self.population += f64::from(cohort.homes) * 4.0 * (1.0 + 1.5 * mean);
                }
            }
        }
    }

    fn stages(&mut self, scenario: &Scenario, demand: &Demand) {
        for (index, stage) in scenario.server.stages.iter().enumerate() {
            let keys = scenario.keys_of_stage(stage);
            let path = || Some(format!("server.stages.{index}"));
            let name = stage.name();
            let what = format!("\"{name}\" for {} keys", in_words(keys));
            match stage {
                Stage::Admission { .. } => {}
                Stage::Gate { .. } => self.replication.push(Part {
                    path: path(),
                    what,
                    bytes: keys * BYTES_PER_GATE_KEY,
                }),
                Stage::Limit { by, .. } => {
                    let state = by.plan(&[KeySize::ONE], 1).map_or(0, |plan| plan.bytes()) as f64;
                    if by.depends_on_key() {
                        // The size of each key while it is built, then its tier.
                        self.world.push(Part {
                            path: path(),
                            what: format!("the quotas of {what}"),
                            bytes: keys * 10.0,
                        });
                    }
                    let moments = match by {
                        LimiterRule::SlidingLog(log) => {
                            let per_key = log.quota.of(KeySize::ONE) as f64;
                            let rate = demand.attempts() / demand.seconds.max(1e-9);
                            (rate * log.window.secs_f64()).min(keys * per_key)
                        }
                        _ => 0.0,
                    };
                    self.replication.push(Part {
                        path: path(),
                        what,
                        bytes: keys * state + moments * BYTES_PER_MOMENT,
                    });
                }
            }
        }
    }

    fn senders(&mut self, demand: &Demand) {
        for flow in &demand.flows {
            // Its next timer, and whether it is busy.
            self.replication.push(Part {
                path: Some(flow.path.clone()),
                what: format!("the timers of {} senders", in_words(flow.senders)),
                bytes: flow.senders * (BYTES_PER_EVENT + 1.0 / 8.0),
            });
        }
    }

    /// What clients share among them.
    fn clients(&mut self, scenario: &Scenario) {
        for (_, budget) in scenario.budgets() {
            let keys = scenario.keys_per(budget.per(), |_| true).max(1.0);
            self.replication.push(Part {
                path: None,
                what: format!("the budgets of retries of {} keys", in_words(keys)),
                bytes: keys * BudgetPlan::bytes_per_key(budget) as f64,
            });
        }
        for (number, (name, client)) in scenario.clients.iter().enumerate() {
            for (index, guard) in client.guards.iter().enumerate() {
                let keys = scenario.keys_per(guard.per(), |placement| placement.client == number);
                let kind = guard.kind();
                self.replication.push(Part {
                    path: Some(format!("clients.{}.guards.{index}", segment(name))),
                    what: format!("the {kind} of {} keys", in_words(keys)),
                    bytes: keys * GuardPlan::bytes_per_key(guard) as f64,
                });
            }
        }
    }

    /// What is kept of each account or sender where an estimand needs it.
    fn measures(&mut self, scenario: &Scenario, demand: &Demand) {
        let homes = scenario.homes() as f64;
        let polls = (demand.flows.iter()).filter(|flow| flow.path.contains(".polls."));
        for measure in scenario.measures() {
            let bytes = match measure {
                Measure::FirstRefusal => continue,
                Measure::AccountDays429 => homes / 8.0,
                Measure::SharesServed => homes * size_of::<(u32, u32)>() as f64,
                Measure::PollAges => {
                    let polls = polls.clone();
                    polls.map(|flow| flow.senders).sum::<f64>() * size_of::<Time>() as f64
                }
            };
            self.replication.push(Part {
                path: None,
                what: format!("the measure {measure}"),
                bytes,
            });
        }
    }

    fn under_way(&mut self, scenario: &Scenario, demand: &Demand) {
        for flow in &demand.flows {
            // Its place, the list of free places, and the event that goes on
            // with it.
            let each = (size_of::<Request>() + size_of::<u32>()) as f64 + BYTES_PER_EVENT;
            self.under_way.push(Part {
                path: Some(flow.path.clone()),
                what: format!("{} requests under way", in_words(flow.in_flight)),
                bytes: flow.in_flight * each,
            });
        }
        let served = demand.in_service;
        self.under_way.push(Part {
            path: Some("server.backend.service".to_owned()),
            what: format!("{} requests in service", in_words(served)),
            bytes: served * (size_of::<Attempt>() + size_of::<u32>()) as f64,
        });
        for (index, waiting) in demand.waiting.iter().enumerate() {
            let name = scenario.server.stages[index].name();
            let each = (size_of::<Waiting>() + size_of::<Request>() + size_of::<u32>()) as f64;
            self.under_way.push(Part {
                path: Some(format!("server.stages.{index}")),
                what: format!("{} attempts that wait at \"{name}\"", in_words(*waiting)),
                bytes: waiting * (each + BYTES_PER_WAITER + BYTES_PER_EVENT),
            });
        }
    }

    fn record(&mut self, scenario: &Scenario, demand: &Demand) {
        let stages = scenario.server.stages.len() as f64 + 1.0;
        let gates = (scenario.server.stages.iter())
            .filter(|stage| matches!(stage, Stage::Gate { .. }))
            .count() as f64;
        let streams = streams(scenario);
        let requests = demand.flows.iter().map(|flow| flow.requests).sum::<f64>();
        let per_stream = (requests / streams.max(1.0)).min(MOST_FILLED_CELLS);
        let steps = scenario.steps() as f64;
        // Windows cut the span into parts that have counts of their own.
        let segments = (2 * scenario.windows().len() + 1) as f64;
        let histograms = streams * BYTES_PER_CELL * per_stream;
        // A record is moved once, to those of its cell.
        self.record = 2.0 * size_of::<Record>() as f64
            + segments
                * (streams * (size_of::<StreamRecord>() as f64 + BYTES_PER_VECTOR + 8.0 * stages)
                    + gates * size_of::<GateRecord>() as f64
                    + 3.0 * BYTES_PER_VECTOR)
            + histograms
            + (6.0 + stages + 2.0 * gates) * BYTES_PER_VECTOR
            + steps * (8.0 * (4.0 + stages) + 32.0 * gates);
        if scenario.measures().contains(&Measure::PollAges) {
            self.record += streams * BYTES_PER_CELL * MOST_FILLED_CELLS;
        }
        // Quantiles are found in histograms that are added up.
        let mut clients = scenario.clients.values();
        if clients.any(|client| client.traffic().any(|entry| entry.what.deadline.is_some())) {
            self.record += histograms;
        }
    }
}

/// The streams of all cohorts: one per entry of traffic, or per kind of device.
fn streams(scenario: &Scenario) -> f64 {
    let of_client = |Placement { cohort, client, .. }: Placement<'_>| {
        let kinds = cohort.devices.len() as f64;
        let of = |per: Per| match per {
            Per::Home => 1.0,
            Per::Device => kinds,
        };
        let entries = scenario.traffic_of(client);
        entries.map(|entry| of(entry.traffic.what.per)).sum::<f64>()
    };
    scenario.placements().map(of_client).sum()
}

fn total(parts: &[Part]) -> f64 {
    parts.iter().map(|part| part.bytes).sum()
}

/// A number of things for a sentence: 12, 3400, "1.2 million".
pub(crate) fn in_words(number: f64) -> String {
    match number {
        few if few < 1e6 => format!("{few:.0}"),
        many if many < 1e9 => format!("{:.1} million", many / 1e6),
        many if many < 1e15 => format!("{:.1} billion", many / 1e9),
        _ => "more than a million billion".to_owned(),
    }
}
