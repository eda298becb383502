//! Rate limiters: pure state and rule, `(now, cost) -> decision`.
//!
//! Each algorithm has a file of its own: a *rule*, the checked parameters that
//! many keys share, and a small *state* per key whose default is the full
//! budget. A rule reads no clock and draws nothing at random: the caller
//! passes the time. A [`Bank`] holds the states of all keys of one limit in a
//! flat array and is what a simulation or a replay works with.
//!
//! | algorithm | most admitted at once across one instant | bytes per key |
//! |---|---|---|
//! | [`FixedWindow`], [`CalendarWindow`] | twice the quota (a window's edge) | 16 |
//! | [`SlidingLog`] | the quota | 24, and 12 per distinct moment logged |
//! | [`SlidingCounter`] | about the quota | 24 |
//! | [`TokenBucket`] | the burst | 16, or 8 where it equals a GCRA |
//! | [`Gcra`] | the burst | 8 |
//! | [`TickedBucket`] | the burst and a lump (around a tick) | 16 |
//! | [`EnvoyBucket`] | the burst and the first attempt | 24 |
//! | [`LeakyBucket`] | the burst, and the queue to wait | 16 |
//! | [`PacedWindow`] | twice the quota, and others to wait | 16 |
//! | [`LimitReq`] | the burst and one | 16 |
//! | [`SegmentedWindow`] | the quota, or twice that with one segment | 24, and 4 per segment |
//! | [`RateRule`] | no limit until it is detected | 24, and 4 per check in a look-back |
//! | [`Ramp`] | twice the quota of the moment | 32 |
//! | [`Spacing`] | one attempt | 16 |
//! | [`ConsecutiveErrors`] | no limit while all goes well | 16 |
//! | [`PenaltyBox`] | that of the limit behind | 8 more than the limit behind |
//!
//! Common to all:
//!
//! - A request of cost 0 is always admitted and changes nothing.
//! - A refusal tells the exact wait: the same request, from a key with no other
//!   traffic, is admitted that much later and not a nanosecond earlier. Where a
//!   product's clock is coarser, that is its first tick at which it is. A wait
//!   that time does not hold, to the year 2554, is not told.
//! - A [`Standing`] tells the exact reset: the first nanosecond at which the
//!   whole budget is there again, if the key has no other traffic.
//! - Those with a queue are first come, first served, so that an admitted attempt
//!   is told on arrival how long it waits.
//! - Time is expected not to run backwards. An earlier moment than one seen
//!   before never panics and never gains budget: it is judged as if the budget
//!   had not grown since.
//! - Close to the end of time (the year 2554) a limiter refuses rather than
//!   forget what was spent.
//!
//! To add an algorithm: one file with its parameters as a scenario has them, its
//! rule and its state, and its name in the list of [`LimiterRule`] and in that of
//! the bank's storage.

mod bank;
pub mod calendar_window;
pub mod consecutive_errors;
mod decision;
pub mod envoy_bucket;
mod error;
mod exact;
pub mod fixed_window;
pub mod gcra;
mod keyed;
pub mod leaky_bucket;
pub mod limit_req;
mod log_pool;
pub mod paced_window;
mod penalty_box;
mod profile;
mod quota;
pub mod ramp;
pub mod rate_rule;
mod rule;
pub mod segmented_window;
mod segments;
pub mod sliding_counter;
pub mod sliding_log;
pub mod spacing;
pub mod ticked_bucket;
pub mod token_bucket;
#[cfg(test)]
mod trial;

pub use bank::{Bank, BankPlan};
pub use calendar_window::CalendarWindow;
pub use consecutive_errors::{ConsecutiveErrors, Streak};
pub use decision::{Decision, Refused, Standing};
pub use envoy_bucket::{EnvoyBucket, EnvoyState};
pub use error::{MOST_BYTES, RuleError};
pub use fixed_window::{Anchor, FixedWindow, WindowState};
pub use gcra::{Gcra, GcraState};
pub use leaky_bucket::{Grid, LeakyBucket, LeakyState, whole_interval};
pub use limit_req::{LimitReq, LimitReqState, Pacing};
pub use log_pool::{Log, LogPool};
pub use paced_window::{PacedState, PacedWindow, Surplus};
pub use penalty_box::{Lock, LockState, PenaltyBox};
pub use profile::Profile;
pub use quota::{KeySize, Quota, QuotaTier};
pub use ramp::{Ramp, RampState};
pub use rate_rule::{RateRule, RateRuleState};
pub use rule::{LimiterRule, Rule};
pub use segmented_window::{SegmentedState, SegmentedWindow};
pub use sliding_counter::{CounterState, Estimate, SlidingCounter};
pub use sliding_log::SlidingLog;
pub use spacing::{Spacing, SpacingState};
pub use ticked_bucket::{TickedBucket, TickedState};
pub use token_bucket::{BucketState, TokenBucket};

#[cfg(test)]
mod tests;
