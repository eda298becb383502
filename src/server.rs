//! What an attempt passes on the server: gates and limits in order, then the
//! backend. Knows nothing of clients: an attempt is a [`Visit`] that names the
//! keys it counts for.

mod gate;
mod pipeline;
mod response;

pub use gate::{Call, Claim, Entry, Gate, GatePlan, Order, Permits};
pub use pipeline::{
    Divisor, Ending, KeyOf, Outcome, Pipeline, RouteStage, ServerPlan, StagePlan, Visit,
};
pub use response::{RateLimitFields, Response, RetryAfter, Told};
