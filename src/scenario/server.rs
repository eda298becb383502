use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::number_or_word;
use super::{LimiterRule, NamedList, Outage};
use crate::overload::{
    Adaptive, AdaptiveState, Admission, Codel, CodelState, OverloadError, SampleWindow, Shares,
};
use crate::rng::Distribution;
use crate::server::{GatePlan, Order, Permits, Replicas, Response};
use crate::units::{Probability, Span};

/// What a request passes on the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Gates and limits, passed in this order.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// What works on a request that has passed them.
    #[serde(default)]
    pub backend: Backend,
    /// Whether an attempt that a later stage refuses has spent what earlier
    /// limits admitted.
    #[serde(default)]
    pub refused_by_later: RefusedByLater,
    /// How many gateways judge by the limits; one, if absent.
    #[serde(default)]
    pub replicas: Option<Replicas>,
    /// When parts of it do not work as they should, by name.
    #[serde(default)]
    pub outages: NamedList<Outage>,
}

impl Server {
    /// The place among the outages, the name and the outage, of those that refuse
    /// attempts.
    pub fn refusing_outages(&self) -> impl Iterator<Item = (usize, &str, &Outage)> {
        let all = self.outages.iter().enumerate();
        let refusing = all.filter(|(_, (_, outage))| outage.how.refuses());
        refusing.map(|(place, (name, outage))| (place, name, outage))
    }

    /// How many counters a key of a limit has: one, or one per replica.
    pub fn counters(&self, limit: &Stage) -> u8 {
        match (limit, self.replicas) {
            (Stage::Limit { shared: false, .. }, Some(replicas)) => replicas.count(),
            _ => 1,
        }
    }
}

/// Whether an attempt that a later stage refuses has spent what earlier limits
/// admitted. No source says; most gateways count in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusedByLater {
    /// It has.
    #[default]
    Spent,
    /// It is given back at the moment of the refusal.
    Returned,
}

/// What works on a request once it has passed all stages; it holds its place
/// in every gate meanwhile.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// The time that one request takes; no time, if absent.
    #[serde(default)]
    pub service: Option<Distribution>,
    /// The time that a request of some methods takes, in place of that.
    #[serde(default)]
    pub service_by_method: NamedList<Distribution>,
    /// The chance that it fails once it has worked on a request.
    #[serde(default = "never")]
    pub failures: Probability,
    /// The answer to a request that it fails.
    #[serde(
        default = "server_error",
        deserialize_with = "Response::read::<_, 500>"
    )]
    pub fail: Response,
}

impl Backend {
    /// The time that a request of that method takes; no time, if absent.
    pub fn service_of(&self, method: &str) -> Option<&Distribution> {
        let own = self.service_by_method.get(method);
        own.or(self.service.as_ref())
    }

    /// The mean of that time in seconds.
    pub fn service_secs(&self, method: &str) -> f64 {
        let service = self.service_of(method);
        service.map_or(0.0, Distribution::mean_secs)
    }

    /// All service times that are written.
    pub fn services(&self) -> impl Iterator<Item = &Distribution> {
        self.service.iter().chain(self.service_by_method.values())
    }

    /// Whether it ever fails.
    pub fn fails(&self) -> bool {
        self.failures > Probability::ZERO
    }
}

impl Default for Backend {
    fn default() -> Backend {
        Backend {
            service: None,
            service_by_method: NamedList::new(),
            failures: never(),
            fail: server_error(),
        }
    }
}

fn never() -> Probability {
    Probability::ZERO
}

fn server_error() -> Response {
    Response::of_status(500)
}

/// One stage of the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Stage {
    /// A limit on the number of requests inside at once. Without `max_wait` and `queue` there is no waiting; with
    /// `max_wait` alone the queue has no bound, with `queue` alone the wait
    /// has none; `queue: Unbounded` alone refuses nobody.
    Gate {
        /// What the gate is called in results.
        #[serde(default = "gate_name")]
        name: String,
        /// What it has permits per; one set for the whole platform, if empty.
        #[serde(default)]
        per: Vec<Scope>,
        /// Requests inside at once.
        #[serde(default)]
        permits: Option<u32>,
        /// The algorithm that sets the permits, in place of a number.
        #[serde(default)]
        adaptive: Option<Adaptive>,
        /// Feeds the algorithm with windows of samples rather than with each.
        #[serde(default)]
        sampled: Option<SampleWindow>,
        /// The longest wait for a permit.
        #[serde(default)]
        max_wait: Option<Span>,
        /// The most requests that wait at once.
        #[serde(default)]
        queue: Option<QueueBound>,
        /// Who of those that wait is next.
        #[serde(default)]
        order: Order,
        /// Whether those that waited long are turned away.
        #[serde(default)]
        codel: Option<Codel>,
        /// Permits that the sheddable leave to the critical.
        #[serde(default)]
        reserved: Option<u32>,
        /// How much of the gate each level of criticality may use.
        #[serde(default)]
        shares: Shares,
        /// The answer to a request that gets no permit.
        #[serde(default)]
        refuse: Response,
    },
    /// A refusal by chance while too many requests fail further on.
    Admission {
        /// What it is called in results.
        #[serde(default = "admission_name")]
        name: String,
        /// The rule.
        #[serde(default)]
        by: AdmissionRule,
        /// The answer to a request that it refuses.
        #[serde(default = "unavailable", deserialize_with = "Response::read::<_, 503>")]
        refuse: Response,
    },
    /// A limit on the requests of each key over time.
    Limit {
        /// What the limit is called in results.
        name: String,
        /// What requests are counted per; all together, if empty.
        #[serde(default)]
        per: Vec<Scope>,
        /// The algorithm and its parameters.
        by: LimiterRule,
        /// The methods that it applies to; all, if absent.
        #[serde(default)]
        methods: Option<Vec<String>>,
        /// The kinds of devices that it applies to; all, if absent.
        #[serde(default)]
        kinds: Option<Vec<String>>,
        /// What a request of a method costs; 1, where it is not listed.
        #[serde(default)]
        costs: NamedList<u32>,
        /// Whether all replicas of the gateway count together.
        #[serde(default)]
        shared: bool,
        /// The answer to a refused request.
        #[serde(default)]
        refuse: Response,
    },
}

/// How many requests may wait at a gate at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueBound {
    /// At most that many.
    AtMost(u32),
    /// Any number; written `Unbounded`.
    Unbounded,
}

impl QueueBound {
    /// The number, which is no bound where it is the largest.
    fn most(self) -> u32 {
        match self {
            QueueBound::AtMost(most) => most,
            QueueBound::Unbounded => u32::MAX,
        }
    }
}

impl Serialize for QueueBound {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            QueueBound::AtMost(most) => serializer.serialize_u32(*most),
            QueueBound::Unbounded => serializer.serialize_unit_struct("Unbounded"),
        }
    }
}

impl<'de> Deserialize<'de> for QueueBound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<QueueBound, D::Error> {
        let most = number_or_word(deserializer, "a number of requests that wait", "Unbounded")?;
        Ok(most.map_or(QueueBound::Unbounded, QueueBound::AtMost))
    }
}

fn gate_name() -> String {
    "gate".to_owned()
}

/// A rule of refusing by chance while too many requests fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub enum AdmissionRule {
    /// Envoy's admission control: [`Admission::envoy`].
    #[default]
    Envoy,
    /// The throttle of Google's book on site reliability: [`Admission::sre`].
    Sre,
    /// failsafe-go's adaptive throttler: [`Admission::failsafe`].
    Failsafe,
    /// go-zero's breaker: [`Admission::go_zero`].
    GoZero,
    /// Parameters of one's own; those left out are Envoy's.
    Custom(Admission),
}

impl AdmissionRule {
    /// Its parameters.
    pub fn rule(self) -> Admission {
        match self {
            AdmissionRule::Envoy => Admission::envoy(),
            AdmissionRule::Sre => Admission::sre(),
            AdmissionRule::Failsafe => Admission::failsafe(),
            AdmissionRule::GoZero => Admission::go_zero(),
            AdmissionRule::Custom(admission) => admission,
        }
    }
}

fn admission_name() -> String {
    "admission".to_owned()
}

fn unavailable() -> Response {
    Response::of_status(503)
}

impl Stage {
    /// What the stage is called in results.
    pub fn name(&self) -> &str {
        match self {
            Stage::Gate { name, .. }
            | Stage::Admission { name, .. }
            | Stage::Limit { name, .. } => name,
        }
    }

    /// The gate that it is, if it is one, for so many keys.
    ///
    /// # Errors
    /// If what sets its permits or sheds its queue is not sound.
    pub fn gate_plan(&self, keys: u32) -> Result<Option<GatePlan>, OverloadError> {
        let Stage::Gate {
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
        } = self
        else {
            return Ok(None);
        };
        Ok(Some(GatePlan {
            permits: match (adaptive, permits) {
                (Some(rule), _) => {
                    Permits::Adaptive(Box::new(AdaptiveState::new(*rule, *sampled)?))
                }
                (None, Some(permits)) => Permits::Fixed(*permits),
                (None, None) => return Err(OverloadError::NoPermits),
            },
            max_wait: max_wait.unwrap_or(Span::MAX),
            queue: match (queue, max_wait) {
                (Some(queue), _) => queue.most(),
                (None, Some(_)) => u32::MAX,
                (None, None) => 0,
            },
            order: *order,
            shares: reserved.map_or(*shares, Shares::reserving),
            codel: codel.map(CodelState::new).transpose()?,
            keys,
        }))
    }

    /// The answer to what it refuses.
    pub fn refusal(&self) -> &Response {
        match self {
            Stage::Gate { refuse, .. }
            | Stage::Admission { refuse, .. }
            | Stage::Limit { refuse, .. } => refuse,
        }
    }
}

/// What a limit counts per.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// The application (OAuth client id).
    App,
    /// The user.
    User,
    /// The access token: one per home and application.
    Token,
    /// The public address.
    Nat,
    /// The home (structure).
    Home,
    /// The device; requests that concern no single device pass.
    Device,
    /// The method called.
    Method,
}
