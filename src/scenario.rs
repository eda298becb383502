//! The scenario: a system, its clients and a study of them, as a text in RON.
//!
//! [`Scenario::parse`] reads the text as a [`Draft`], checks every value and
//! every reference, and reports all problems that it finds with their places.
//! What it returns is sound: [`crate::world::World::compile`], which takes
//! nothing else, cannot fail on it for any reason but size.

mod calls;
mod certain;
mod check;
mod checked;
mod clients;
mod clock;
mod collapse;
mod count;
mod demand;
pub mod estimand;
mod guard;
mod load;
pub mod measure;
mod note;
mod outage;
mod part;
mod population;
pub mod presets;
mod profile;
mod retry;
mod server;
mod step;
mod study;
mod target;
pub mod text;
mod traffic;
mod variant;
mod window;

use serde::{Deserialize, Serialize};

pub use calls::Calls;
pub(crate) use check::segment;
pub use checked::{Entry, Placement, Scenario};
pub use clients::{
    Client, ClosedLoop, Command, CommandTimes, Per, Phase, PoissonRequests, Poll, Wakes,
};
pub use clock::{Clock, Start};
pub use collapse::Collapse;
pub use count::{Count, GateCount};
pub use demand::{Cause, Demand, Flow};
pub use estimand::{Estimand, Quantity};
pub use guard::{Guard, MOST_GUARDS, Opens, Otherwise};
pub use load::LimiterText;
pub use measure::Measure;
pub use note::Note;
pub use outage::Outage;
pub use part::Part;
pub use population::{AppOf, Cohort, DeviceCount, Devices, Fleet, HomeClient, Installed, NatOf};
pub use profile::{Piece, Profile, WeekWindow};
pub use retry::{
    Attempts, Backoff, Heed, Heeding, Jitter, Multiplier, NO_RETRY, RETRY_PRESETS, RetryBudget,
    RetryPolicy, RetryPreset, Trigger,
};
pub use server::{AdmissionRule, Backend, QueueBound, RefusedByLater, Scope, Server, Stage};
pub use study::{Amount, Link, Range, RangeFault, RangeValue, Scale, Study, Values, Variation};
pub use target::{Comparison, Target};
pub use text::{NamedList, Problem, Problems};
pub use traffic::{Every, List, Traffic, What, When};
pub use variant::{AS_WRITTEN, Axis, Setting, Source, Variant, Variants, VariantsIter};
pub use window::DayWindow;

pub use crate::limiter::LimiterRule;
use crate::units::{Span, UnitError};

/// One scenario, as written: what it says may break rules and name what is not
/// there, until [`Scenario::check`] has looked at it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "Scenario", deny_unknown_fields)]
pub struct Draft {
    /// What the scenario is called in tables and charts.
    pub name: String,
    /// One or two sentences for a reader; shown by `ratelab presets`.
    #[serde(default)]
    pub about: String,
    /// When the run starts, what is measured, and for how long.
    pub time: Clock,
    /// Groups of homes that are alike.
    pub cohorts: NamedList<Cohort>,
    /// Whether each replication draws its homes and devices anew.
    #[serde(default)]
    pub population: Fleet,
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
    /// What counts as a collapse of a run.
    #[serde(default)]
    pub collapse: Collapse,
    /// What must hold, such as `"p429.attempt <= 0.1%"`.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// The names of estimates that are wanted beside those that every run has,
    /// such as `"fairness.jain"`, or that tables show only where somebody asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub report: Vec<Estimand>,
}

impl Draft {
    /// The retry policy of that name, its own or a preset.
    pub fn retry(&self, name: &str) -> Option<&RetryPolicy> {
        (self.retries.get(name)).or_else(|| RetryPreset::find(name))
    }

    /// How long the requests of the measured span may take to end after it: as
    /// written, or an hour, or as long as the longest deadline of a command if
    /// that is longer. A command whose deadline has not come when a run ends
    /// could not be told from one that was missed.
    pub fn drain(&self) -> Span {
        let longest = self.deadlines().map(|(_, deadline)| deadline).max();
        let usual = clock::USUAL_DRAIN.max(longest.unwrap_or_default());
        self.time.drain.unwrap_or(usual)
    }

    /// The deadlines of all commands, each with the name of its client.
    fn deadlines(&self) -> impl Iterator<Item = (&str, Span)> {
        self.clients.iter().flat_map(|(name, client)| {
            let deadlines = client.traffic().filter_map(|entry| entry.what.deadline);
            deadlines.map(move |deadline| (name, deadline))
        })
    }

    /// The number of homes.
    pub fn homes(&self) -> u64 {
        let homes = self.cohorts.values().map(|cohort| u64::from(cohort.homes));
        homes.sum()
    }

    /// The expected number of devices of all homes.
    pub fn mean_devices(&self) -> f64 {
        let of_cohort = |cohort: &Cohort| f64::from(cohort.homes) * cohort.mean_devices(None);
        self.cohorts.values().map(of_cohort).sum()
    }

    /// The names of the methods that clients call, in order of first mention.
    pub fn methods(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (_, client) in self.clients.iter() {
            for entry in client.traffic() {
                if !names.contains(&entry.what.method) {
                    names.push(entry.what.method);
                }
            }
        }
        names
    }

    /// The windows of the day that have estimates of their own: those of the
    /// clock, then those that only targets name.
    pub fn windows(&self) -> Vec<DayWindow> {
        let mut windows: Vec<DayWindow> = Vec::new();
        let in_targets = self.targets.iter().filter_map(|target| target.part.window);
        for window in self.time.windows.iter().copied().chain(in_targets) {
            if !windows.contains(&window) {
                windows.push(window);
            }
        }
        windows
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
