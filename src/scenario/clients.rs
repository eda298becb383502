use serde::{Deserialize, Serialize};

use super::{Calls, Every, Guard, Profile};
use crate::overload::Criticality;
use crate::rng::Distribution;
use crate::units::{ClockTime, Probability, Rate, Span};

/// What runs in each home of a cohort and sends requests.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Requests at regular intervals.
    #[serde(default)]
    pub(super) polls: Vec<Poll>,
    /// Requests with a deadline, scheduled or at random.
    #[serde(default)]
    pub(super) commands: Vec<Command>,
    /// Requests at random times, independent of each other.
    #[serde(default)]
    pub(super) requests: Vec<PoissonRequests>,
    /// Requests that each wait for the one before, and a think time.
    #[serde(default)]
    pub(super) loops: Vec<ClosedLoop>,
    /// How long an attempt may take before the client gives up on its answer;
    /// the server works on. For entries of traffic that do not say.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// The name of the retry policy, for entries of traffic that do not say.
    #[serde(default = "no_retry")]
    pub retry: String,
    /// What it asks before each attempt, in this order.
    #[serde(default)]
    pub guards: Vec<Guard>,
}

fn no_retry() -> String {
    super::NO_RETRY.to_owned()
}

/// Who sends a stream of requests: the home as a whole, or each of its devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Per {
    /// One sender per home.
    #[default]
    Home,
    /// One sender, or one addressed device, per device.
    Device,
}

/// When a request wakes a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wakes {
    /// It does not.
    Never,
    /// Each attempt wakes the device that sends it.
    EachAttempt,
    /// The device is woken each time that the server carries the request out,
    /// whether its client still waits for the answer or not.
    #[serde(alias = "OnSuccess")]
    EachExecution,
}

/// A request at regular intervals.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// The method called.
    pub method: String,
    /// What it is called, where its method does not tell: random draws are keyed
    /// by it, so that another entry of the same method does not shift them.
    #[serde(default)]
    pub name: Option<String>,
    /// The interval from one poll to the next.
    pub every: Span,
    /// Each interval is uniform from `every - jitter` to `every + jitter`.
    #[serde(default)]
    pub jitter: Span,
    /// The client looks only once per tick whether a poll is due, and runs it
    /// at the first tick strictly after: an interval of 300 s on a tick of
    /// 60 s becomes 360 s.
    #[serde(default)]
    pub tick: Option<Span>,
    /// When the first poll comes.
    #[serde(default)]
    pub phase: Phase,
    /// Who polls.
    #[serde(default)]
    pub per: Per,
    /// Whether a poll starts although the one before is still in flight or
    /// being retried; otherwise it is skipped.
    #[serde(default)]
    pub overlap: bool,
    /// When a poll wakes its device; by default each attempt of a poll that a
    /// device sends does.
    #[serde(default)]
    pub wakes: Option<Wakes>,
    /// How many requests each time.
    #[serde(default)]
    pub calls: Calls,
    /// How much it matters to a server that sheds load; polls are sheddable unless told
    /// otherwise.
    #[serde(default = "sheddable_plus")]
    pub criticality: Criticality,
    /// The name of its retry policy; the client's, if absent.
    #[serde(default)]
    pub retry: Option<String>,
    /// How long an attempt may take; as long as the client says, if absent.
    #[serde(default)]
    pub timeout: Option<Span>,
}

impl Poll {
    /// When it comes.
    pub fn times(&self) -> Every {
        Every {
            interval: self.every,
            jitter: self.jitter,
            tick: self.tick,
            phase: self.phase,
        }
    }
}

/// When the first poll of a sender comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Phase {
    /// As if the sender had polled for ever: after the residual life of an
    /// interval. The load is level from the start.
    #[default]
    Steady,
    /// Uniform in the mean interval, on ticks if there are any. With jitter this
    /// is not a steady state.
    Uniform,
    /// That long after the start of the run, for every sender alike.
    At(Span),
}

/// A request that must be done by a deadline.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The method called.
    pub method: String,
    /// What it is called, where its method does not tell: random draws are keyed
    /// by it, so that another entry of the same method does not shift them.
    #[serde(default)]
    pub name: Option<String>,
    /// When commands are given.
    pub at: CommandTimes,
    /// One call per home, or one per device of the home, all at once.
    #[serde(default = "per_device")]
    pub per: Per,
    /// The kinds of devices that are commanded; all, if absent.
    #[serde(default)]
    pub kinds: Option<Vec<String>>,
    /// A command that has not been carried out this long after it was given is
    /// missed; one that its client has not heard of by then is unconfirmed.
    pub deadline: Span,
    /// The chance that a home gives the command at a scheduled time.
    #[serde(default = "always")]
    pub chance: Probability,
    /// When a command wakes its device; by default each time that it is carried out.
    #[serde(default)]
    pub wakes: Option<Wakes>,
    /// How many requests each time.
    #[serde(default)]
    pub calls: Calls,
    /// How much it matters to a server that sheds load; `Critical` by default.
    #[serde(default)]
    pub criticality: Criticality,
    /// The name of its retry policy; the client's, if absent.
    #[serde(default)]
    pub retry: Option<String>,
    /// How long an attempt may take; as long as the client says, if absent.
    #[serde(default)]
    pub timeout: Option<Span>,
}

fn sheddable_plus() -> Criticality {
    Criticality::SheddablePlus
}

fn per_device() -> Per {
    Per::Device
}

fn always() -> Probability {
    Probability::ONE
}

/// When commands are given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum CommandTimes {
    /// Each day at a local time, plus a delay uniform up to `spread` that is
    /// drawn per home and day.
    Daily {
        /// The local time of day.
        time: ClockTime,
        /// The longest delay.
        #[serde(default)]
        spread: Span,
    },
    /// At random, at that rate per home.
    Poisson {
        /// Commands per home and time.
        rate: Rate,
        /// How the rate changes over the week.
        #[serde(default)]
        profile: Profile,
    },
}

/// Requests at the times of a Poisson process: an open load.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoissonRequests {
    /// The method called.
    pub method: String,
    /// What it is called, where its method does not tell: random draws are keyed
    /// by it, so that another entry of the same method does not shift them.
    #[serde(default)]
    pub name: Option<String>,
    /// Requests per sender and time.
    pub rate: Rate,
    /// How the rate changes over the week.
    #[serde(default)]
    pub profile: Profile,
    /// Who sends.
    #[serde(default)]
    pub per: Per,
    /// When a request wakes its device; by default each attempt of a request
    /// that a device sends does.
    #[serde(default)]
    pub wakes: Option<Wakes>,
    /// How many requests each time.
    #[serde(default)]
    pub calls: Calls,
    /// How much it matters to a server that sheds load; `Critical` by default.
    #[serde(default)]
    pub criticality: Criticality,
    /// The name of its retry policy; the client's, if absent.
    #[serde(default)]
    pub retry: Option<String>,
    /// How long an attempt may take; as long as the client says, if absent.
    #[serde(default)]
    pub timeout: Option<Span>,
}

/// A sender that thinks, sends a request, waits until it has ended, and thinks
/// again: a closed load.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedLoop {
    /// The method called.
    pub method: String,
    /// What it is called, where its method does not tell: random draws are keyed
    /// by it, so that another entry of the same method does not shift them.
    #[serde(default)]
    pub name: Option<String>,
    /// The time from the end of a request to the next.
    pub think: Distribution,
    /// Who sends.
    #[serde(default)]
    pub per: Per,
    /// When a request wakes its device; by default each attempt of a request
    /// that a device sends does.
    #[serde(default)]
    pub wakes: Option<Wakes>,
    /// How much it matters to a server that sheds load; `Critical` by default.
    #[serde(default)]
    pub criticality: Criticality,
    /// The name of its retry policy; the client's, if absent.
    #[serde(default)]
    pub retry: Option<String>,
    /// How long an attempt may take; as long as the client says, if absent.
    #[serde(default)]
    pub timeout: Option<Span>,
}
