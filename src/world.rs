//! A scenario compiled into flat tables: entities by number, every key that a
//! limit needs resolved, every stream of requests with its route.
//!
//! Homes and devices are numbered over all cohorts; the homes of a cohort are
//! contiguous, and so are its devices of one kind, in the order of their
//! homes. A *sender* is what sends one stream's requests: a home or a device.

mod budgets;
mod compile;
mod days;
mod failures;
mod guards;
mod keys;
mod outages;
mod outline;
mod population;
mod start;
mod windows;

use std::sync::Arc;

use crate::client::{BudgetPlan, GuardPlan, Retry, Source, StreamDraws};
use crate::limiter::RuleError;
use crate::overload::{Criticality, OverloadError};
use crate::rng::{DistributionError, Key, Sampler, Streams};
use crate::scenario::{Calls, Measure, Wakes};
use crate::server::{KeyOf, Route, ServerPlan};
use crate::units::{Span, Time};

pub(crate) use compile::plan_server;
pub use outline::{GateOutline, Outline, StreamOutline};
pub use population::{CohortHomes, DeviceGroup, Layout, Population};
pub use windows::Windows;

/// A scenario, compiled.
#[derive(Debug)]
pub struct World {
    /// The clock.
    pub clock: Timeline,
    /// The windows of the day that are asked about.
    pub windows: Windows,
    /// The streams of requests; their senders are numbered in this order.
    pub streams: Vec<Stream>,
    /// Homes and devices.
    pub population: Population,
    /// The server.
    pub server: ServerPlan,
    /// The budgets of retries.
    pub budgets: Vec<BudgetPlan>,
    /// The guards of clients.
    pub guards: Vec<GuardPlan>,
    /// The names of the methods that streams call.
    pub methods: Vec<String>,
    /// Where the days of the measured span begin, and where the last ends.
    pub days: Vec<Time>,
    /// What a run takes beside its counts.
    pub measures: Vec<Measure>,
    /// How every kind of sender starts, in words.
    pub start: String,
    /// Whether all replications share it: otherwise its devices are those of
    /// one replication, and others have other numbers of them.
    pub is_shared: bool,
}

/// The moments of a run.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    /// The start of the run.
    pub start: Time,
    /// The first measured moment.
    pub measured_from: Time,
    /// The first moment after the measured span.
    pub measured_until: Time,
    /// The moment at which requests that still have not ended are given up.
    pub drained_until: Time,
    /// Whether senders go on after the measured span.
    pub load_after_end: bool,
    /// The width of a step of the time series.
    pub bucket_width: Span,
    /// The number of steps of the time series.
    pub buckets: usize,
}

/// Requests of one kind from the homes of one cohort, or from its devices of
/// one kind.
#[derive(Debug)]
pub struct Stream {
    /// The cohort's index.
    pub cohort: usize,
    /// The index of the method called.
    pub method: usize,
    /// Whether a success after the deadline counts as a missed command.
    pub deadline: Option<Span>,
    /// The first sender's number.
    pub first_sender: u32,
    /// The number of senders.
    pub senders: u32,
    /// What the draws per request are keyed by: the names of the cohort, the
    /// traffic and the kind of device, and nothing else, so that a change
    /// elsewhere in the scenario leaves them as they are.
    pub key: Key,
    /// What the draws for the times of the senders are keyed by: the same, but
    /// without a kind where a home sends for devices of all kinds at once.
    pub source_key: Key,
    /// When requests come.
    pub source: Source,
    /// Who sends, and for what.
    pub reach: Reach,
    /// The number of the cohort's first home.
    pub first_home: u32,
    /// The devices that send or are addressed.
    pub devices: Option<Arc<DeviceGroup>>,
    /// How many requests each time.
    pub calls: Calls,
    /// Whether a request may start while the one before has not ended.
    pub overlap: bool,
    /// When a request wakes its device.
    pub wakes: Wakes,
    /// The client's time-out.
    pub timeout: Option<Span>,
    /// How the client reacts to failure.
    pub retry: Retry,
    /// The budget that bounds its retries, by index, and the key whose it is.
    pub budget: Option<(u16, KeyOf)>,
    /// The guards that its client asks before each attempt, in order, by index, and
    /// the key in each.
    pub guards: Box<[(u16, KeyOf)]>,
    /// The time that the backend takes for a request; no time, if absent.
    pub service: Option<Sampler>,
    /// How much its requests matter to the server.
    pub level: Criticality,
    /// The stages that an attempt passes; with several gateways, by way of the
    /// first.
    pub route: Route,
    /// The same by way of each of the others.
    pub other_routes: Box<[Route]>,
}

impl World {
    /// The random numbers of each stream in one replication, whose streams are
    /// `replication`.
    pub fn draws(&self, replication: &Streams) -> Vec<StreamDraws> {
        let draws = |stream: &Stream| {
            let requests = replication.keyed(stream.key);
            let chances = self.server.chance_keys.iter();
            StreamDraws {
                times: replication.keyed(stream.source_key),
                chances: chances.map(|key| requests.keyed(*key)).collect(),
                requests,
            }
        };
        self.streams.iter().map(draws).collect()
    }
}

/// The device of a request that is for no device.
pub const NO_DEVICE: u32 = u32::MAX;

impl Stream {
    /// The stages that an attempt passes by way of a gateway.
    #[inline]
    pub fn route_by(&self, replica: u8) -> &Route {
        match replica {
            0 => &self.route,
            _ => &self.other_routes[usize::from(replica) - 1],
        }
    }

    /// The home that a sender, counted from the first, sends for, and its device
    /// if the sender is one.
    #[inline]
    pub fn home_and_device(&self, entity: u32) -> (u32, u32) {
        match (self.reach, &self.devices) {
            (Reach::Device, Some(group)) => (
                self.first_home + group.layout.home(entity),
                group.first_device + entity,
            ),
            _ => (self.first_home + entity, NO_DEVICE),
        }
    }
}

/// Who sends a stream's requests, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Each home sends requests for itself.
    Home,
    /// Each device sends requests for itself.
    Device,
    /// Each home sends a request for each of its devices, all at once.
    HomeForDevices,
}

/// Why a sound scenario cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A limit's parameters are out of reach for some key.
    #[error("the limit \"{limit}\" cannot be computed: {source}")]
    Limit {
        /// The name of the limit.
        limit: String,
        /// What is out of reach.
        source: RuleError,
    },
    /// A distribution is not sound.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// A gate or an admission control is not sound.
    #[error(transparent)]
    Overload(#[from] OverloadError),
    /// There are too many keys, homes or devices to number.
    #[error("{0}")]
    TooLarge(String),
    /// A log does not tell which replica judged.
    #[error(
        "a log does not tell which of the server's replicas judged a request; leave out `server.replicas`"
    )]
    Replicas,
    /// A log has been judged, whatever was out of order.
    #[error("a log tells nothing of outages; leave out `server.outages`")]
    Outages,
    /// It was told to stop while it was built.
    #[error("stopped while the world was built")]
    Stopped,
}
