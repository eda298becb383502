//! What an attempt passes on the server: gates and limits in order, then the
//! backend. Knows nothing of clients: an attempt is a [`Visit`] that names the
//! keys it counts for.

mod gate;
mod pipeline;

pub use gate::{Entry, Gate, GatePlan, NOBODY};
pub use pipeline::{Divisor, KeyOf, Outcome, Pipeline, RouteStage, ServerPlan, StagePlan, Visit};
