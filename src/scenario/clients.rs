use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::number_or_word;
use crate::overload::Criticality;
use crate::rng::Distribution;
use crate::server::Response;
use crate::units::{ClockTime, Probability, Rate, Span};

/// What runs in each home of a cohort and sends requests.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Requests at regular intervals.
    #[serde(default)]
    pub polls: Vec<Poll>,
    /// Requests with a deadline, scheduled or at random.
    #[serde(default)]
    pub commands: Vec<Command>,
    /// Requests at random times, independent of each other.
    #[serde(default)]
    pub requests: Vec<PoissonRequests>,
    /// Requests that each wait for the one before, and a think time.
    #[serde(default)]
    pub loops: Vec<ClosedLoop>,
    /// How long an attempt may take before the client gives up on its answer;
    /// the server works on.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// The name of the retry policy.
    #[serde(default = "no_retry")]
    pub retry: String,
}

fn no_retry() -> String {
    super::NO_RETRY.to_owned()
}

impl Client {
    /// The methods that this client calls, in the order of its traffic; a
    /// method may appear more than once.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        let polls = self.polls.iter().map(|poll| poll.method.as_str());
        let commands = self.commands.iter().map(|command| command.method.as_str());
        let requests = self.requests.iter().map(|request| request.method.as_str());
        let loops = self.loops.iter().map(|closed| closed.method.as_str());
        polls.chain(commands).chain(requests).chain(loops)
    }
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
    /// How much it matters to a server that sheds load; polls are sheddable unless told
    /// otherwise.
    #[serde(default = "sheddable_plus")]
    pub criticality: Criticality,
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
    /// How much it matters to a server that sheds load; `Critical` by default.
    #[serde(default)]
    pub criticality: Criticality,
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
}

/// How a client reacts to a failed attempt.
///
/// `attempts` counts all of a request's attempts, the first included, or is
/// `Unlimited`. `on` lists the failures that are retried; if absent, all
/// are. With `honour_retry_after` the wait is never shorter than what the
/// server asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum RetryPolicy {
    /// No retry: a failed attempt fails the request.
    None,
    /// The same wait before each retry.
    Fixed {
        /// The wait.
        wait: Span,
        /// Attempts in all.
        attempts: Attempts,
        /// Failures that are retried.
        #[serde(default)]
        on: Option<Vec<Trigger>>,
        /// Whether the server's Retry-After is a floor.
        #[serde(default)]
        honour_retry_after: bool,
        /// Whether the wait lasts at least until the reset that the answer's
        /// rate limit fields tell, where it has no Retry-After.
        #[serde(default)]
        honour_rate_limit: bool,
    },
    /// A wait drawn anew before each retry.
    Random {
        /// The distribution of the wait.
        wait: Distribution,
        /// Attempts in all.
        attempts: Attempts,
        /// Failures that are retried.
        #[serde(default)]
        on: Option<Vec<Trigger>>,
        /// Whether the server's Retry-After is a floor.
        #[serde(default)]
        honour_retry_after: bool,
        /// Whether the wait lasts at least until the reset that the answer's
        /// rate limit fields tell, where it has no Retry-After.
        #[serde(default)]
        honour_rate_limit: bool,
    },
    /// Waits that grow by a factor, up to a cap, with jitter: before retry k
    /// the ceiling is min(cap, base * factor^(k-1)).
    Exponential {
        /// The ceiling before the first retry.
        base: Span,
        /// The growth from one retry to the next.
        #[serde(default = "doubling")]
        factor: f64,
        /// The highest ceiling.
        #[serde(default)]
        cap: Option<Span>,
        /// How the wait is drawn below the ceiling.
        #[serde(default)]
        jitter: Jitter,
        /// Attempts in all.
        attempts: Attempts,
        /// Failures that are retried.
        #[serde(default)]
        on: Option<Vec<Trigger>>,
        /// Whether the server's Retry-After is a floor.
        #[serde(default)]
        honour_retry_after: bool,
        /// Whether the wait lasts at least until the reset that the answer's
        /// rate limit fields tell, where it has no Retry-After.
        #[serde(default)]
        honour_rate_limit: bool,
        /// Whether decorrelated jitter goes on from the wait that there was, also
        /// where the server told a longer one than was drawn.
        #[serde(default)]
        remember_told: bool,
    },
}

fn doubling() -> f64 {
    2.0
}

/// How an exponential wait is drawn (Brooker, "Exponential Backoff And
/// Jitter", AWS Architecture Blog, 2015).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Jitter {
    /// The ceiling itself.
    None,
    /// Uniform from zero to the ceiling.
    #[default]
    Full,
    /// Uniform from half the ceiling to the ceiling.
    Equal,
    /// Uniform from the base to three times the wait drawn before, up to the
    /// cap; the factor plays no part.
    Decorrelated,
}

/// A failure that a policy retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Trigger {
    /// An answer with that HTTP status.
    Status(u16),
    /// An answer whose body has that code.
    Code(u32),
    /// No answer within the client's time-out.
    Timeout,
}

impl Trigger {
    /// Whether it names that answer.
    pub fn covers(self, answer: &Response) -> bool {
        match self {
            Trigger::Status(status) => answer.status == status,
            Trigger::Code(code) => answer.code == Some(code),
            Trigger::Timeout => false,
        }
    }
}

/// How many attempts a request may make, the first included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    /// At most that many.
    AtMost(NonZeroU32),
    /// No end; written `Unlimited`.
    Unlimited,
}

impl Serialize for Attempts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Attempts::AtMost(count) => serializer.serialize_u32(count.get()),
            Attempts::Unlimited => serializer.serialize_unit_struct("Unlimited"),
        }
    }
}

impl<'de> Deserialize<'de> for Attempts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attempts, D::Error> {
        let expected = "a number of attempts from 1, the first included,";
        let count: Option<NonZeroU32> = number_or_word(deserializer, expected, "Unlimited")?;
        Ok(count.map_or(Attempts::Unlimited, Attempts::AtMost))
    }
}
