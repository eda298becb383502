//! What an attempt passes on the server: gates and limits in order, then the
//! backend. Knows nothing of clients: an attempt is a [`Caller`], from which the
//! keys follow that it counts for, and a [`Visit`].

mod gate;
mod outage;
mod pipeline;
mod replicas;
mod response;
mod route;

pub use gate::{Call, Claim, Entry, Gate, GatePlan, Order, Permits};
pub use outage::{Begins, Effect, OutagePlan};
pub use pipeline::{Ending, Outcome, Pipeline, ServerPlan, StagePlan, Visit};
pub use replicas::Replicas;
pub use response::{RateLimitFields, Response, RetryAfter, Told};
pub use route::{Caller, Divisor, GateOnRoute, KeyOf, Route, RouteStage};
