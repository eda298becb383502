use super::metrics::Account;
use crate::server::Visit;
use crate::units::{Span, Time};

/// A request from when it is due until it succeeds or is given up, and the
/// server works no more on any of its attempts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) origin: Origin,
    /// Attempts made.
    pub(super) attempts: u32,
    pub(super) due: Time,
    pub(super) previous_wait: Span,
    /// What its last retry took of a budget of tokens, if it shares a budget.
    pub(super) retry_cost: u32,
    /// Bit g: its attempt is a probe of guard g of its client.
    pub(super) probes: u8,
    /// Changes with each attempt and when an attempt is over, so that what
    /// comes late for an earlier one is known as such.
    pub(super) generation: u32,
    /// Attempts that are still on the server. The request keeps its place
    /// until there are none, so that what the server does late counts too.
    pub(super) on_server: u32,
    /// How often the server has carried it out.
    pub(super) executions: u32,
    pub(super) got_429: bool,
    pub(super) got_refusal: bool,
    /// Whether the client still pursues it.
    pub(super) in_use: bool,
    /// Whether the server has carried it out by its deadline.
    pub(super) done_in_time: bool,
}

/// What a request is: what stays as it is while it lasts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) sender: u32,
    /// The number that draws are keyed by: the sender's, or the device's.
    pub(super) entity: u32,
    pub(super) home: u32,
    pub(super) device: u32,
    /// Which request of its sender it is.
    pub(super) number: u32,
    /// Where it counts.
    pub(super) account: Account,
    pub(super) stream: u16,
}

/// An attempt of a request on the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    pub(super) request: u32,
    /// The generation of its request while its client waits for it.
    pub(super) generation: u32,
    /// Which attempt of its request it is, from 1.
    pub(super) count: u32,
    /// The step of the time series in which it was made.
    pub(super) step: u32,
    /// When the client stops waiting; [`Time::MAX`] if it never does, or if
    /// that event is already on its way.
    pub(super) times_out: Time,
    pub(super) visit: Visit,
}

/// An attempt that waits at a gate or a limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) attempt: Attempt,
    pub(super) since: Time,
}
