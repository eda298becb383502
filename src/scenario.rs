//! The scenario: a system, its clients and a study of them, as a text in RON.
//!
//! [`Scenario::parse`] reads the text, checks every value and every reference,
//! and reports all problems that it finds with their places. What it returns
//! is sound: [`crate::world::World::compile`] cannot fail on it for any reason
//! but size.

mod check;
mod clients;
mod clock;
mod demand;
mod estimand;
mod limiter_rule;
mod load;
mod note;
mod population;
pub mod presets;
mod quota;
mod server;
mod study;
mod target;
pub mod text;
mod variant;

use serde::{Deserialize, Serialize};

pub use clients::{
    Attempts, Client, ClosedLoop, Command, CommandTimes, Jitter, Per, Phase, PoissonRequests, Poll,
    RetryPolicy, Trigger, Wakes,
};
pub use clock::{Clock, Start};
pub use demand::{Cause, Demand, Flow};
pub use estimand::{Estimand, Quantity};
pub use limiter_rule::LimiterRule;
pub use load::LimiterText;
pub use note::Note;
pub use population::{AppOf, Cohort, DeviceCount, Devices, NatOf};
pub use quota::{Quota, QuotaTier};
pub use server::{AdmissionRule, Backend, RefusedByLater, Scope, Server, Stage};
pub use study::{Study, Variation};
pub use target::{Comparison, Target};
pub use text::{NamedList, Problem, Problems};
pub use variant::{Source, Variant};

/// One scenario, as written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What the scenario is called in tables and charts.
    pub name: String,
    /// One or two sentences for a reader; shown by `ratelab presets`.
    #[serde(default)]
    pub about: String,
    /// When the run starts, what is measured, and for how long.
    pub time: Clock,
    /// Groups of homes that are alike.
    pub cohorts: NamedList<Cohort>,
    /// What sends requests, and how it reacts.
    pub clients: NamedList<Client>,
    /// What a request passes on the server.
    pub server: Server,
    /// Retry policies, by name; `"none"` needs no entry.
    #[serde(default)]
    pub retries: NamedList<RetryPolicy>,
    /// How often the run is repeated, and what is varied.
    #[serde(default)]
    pub study: Study,
    /// What must hold, such as `"p429.attempt <= 0.1%"`.
    #[serde(default)]
    pub targets: Vec<Target>,
}

/// The name of the retry policy that every scenario knows: no retry at all.
pub const NO_RETRY: &str = "none";

impl Scenario {
    /// The retry policy of that name.
    pub fn retry(&self, name: &str) -> Option<&RetryPolicy> {
        match self.retries.get(name) {
            None if name == NO_RETRY => Some(&RetryPolicy::None),
            found => found,
        }
    }

    /// Whether another scenario has the same homes with the same devices.
    pub fn has_homes_of(&self, other: &Scenario) -> bool {
        let homes = |scenario: &Scenario| -> Vec<_> {
            let cohorts = scenario.cohorts.iter();
            cohorts
                .map(|(name, cohort)| (name.to_owned(), cohort.homes, cohort.devices.clone()))
                .collect()
        };
        homes(self) == homes(other)
    }

    /// The names of the methods that clients call, in order of first mention.
    pub fn methods(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (_, client) in self.clients.iter() {
            for method in client.methods() {
                if !names.contains(&method) {
                    names.push(method);
                }
            }
        }
        names
    }

    /// The kinds of devices that homes have, in order of first mention.
    pub fn device_kinds(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (_, cohort) in self.cohorts.iter() {
            for devices in &cohort.devices {
                if !names.contains(&devices.kind.as_str()) {
                    names.push(&devices.kind);
                }
            }
        }
        names
    }
}
