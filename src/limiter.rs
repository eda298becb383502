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
//! | [`FixedWindow`] | twice the quota (a window's edge) | 16 |
//! | [`SlidingLog`] | the quota | 24, and 12 per distinct moment logged |
//! | [`TokenBucket`] | the burst | 16, or 8 where it equals a GCRA |
//! | [`Gcra`] | the burst | 8 |
//!
//! Common to all:
//!
//! - A request of cost 0 is always admitted and changes nothing.
//! - A refusal tells the exact wait: the same request, from a key with no other
//!   traffic, is admitted that much later and not a nanosecond earlier.
//! - Time is expected not to run backwards. An earlier moment than one seen
//!   before never panics and never gains budget: it is judged as if the budget
//!   had not grown since.
//! - Close to the end of time (the year 2554) a limiter refuses rather than
//!   forget what was spent.
//!
//! To add an algorithm: one file with a rule and a state, one variant of
//! [`Rule`], and one variant in the bank's storage.

mod bank;
mod fixed_window;
mod gcra;
mod log_pool;
mod sliding_log;
mod token_bucket;

use serde::{Deserialize, Serialize};

use crate::units::Span;

pub use bank::Bank;
pub use fixed_window::{Anchor, FixedWindow, WindowState};
pub use gcra::{Gcra, GcraState};
pub use log_pool::{Log, LogPool};
pub use sliding_log::SlidingLog;
pub use token_bucket::{BucketState, TokenBucket};

/// What a limiter answers to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// The attempt may pass; its cost has been taken.
    Admit,
    /// The attempt may not pass.
    Refuse {
        /// How long until the same attempt would be admitted if nothing else
        /// happened on its key; `None` if never, as when its cost is more than
        /// the limit ever grants.
        retry_after: Option<Span>,
    },
}

impl Decision {
    /// Whether the attempt may pass.
    pub const fn is_admit(self) -> bool {
        matches!(self, Decision::Admit)
    }
}

/// Whether attempts that were refused use up budget as well.
///
/// Few vendors say. It decides whether a client that keeps retrying locks
/// itself out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Refused {
    /// A refused attempt costs nothing.
    #[default]
    Free,
    /// A refused attempt counts like an admitted one.
    Counted,
}

/// Where a key stands: what response headers and replays report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How much cost would be admitted at this moment.
    pub remaining: u64,
    /// How long until the budget resets, in the sense that products with this
    /// algorithm report it: the window's end, the moment when a bucket is full
    /// again, or the age-out of the oldest entry of a log. Zero if the budget
    /// is untouched.
    pub reset_after: Span,
}

/// The parameters of any one algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// So much per window.
    FixedWindow(FixedWindow),
    /// So much in any window that ends now.
    SlidingLog(SlidingLog),
    /// A bucket refilled continuously, at any rate.
    TokenBucket(TokenBucket),
    /// A bucket refilled continuously, a whole number of nanoseconds per token.
    Gcra(Gcra),
}

/// Why parameters do not make a limiter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A quota of nothing.
    #[error("the quota is zero, so nothing would ever be admitted; expected at least 1")]
    ZeroQuota,
    /// A burst of nothing.
    #[error("the burst is zero, so nothing would ever be admitted; expected at least 1")]
    ZeroBurst,
    /// A window of no length.
    #[error("the window has no length; expected at least 1ns")]
    ZeroWindow,
    /// Less than one nanosecond between two tokens.
    #[error("the refill is faster than one per nanosecond; expected an interval of at least 1ns")]
    ZeroInterval,
    /// A log of more entries than it can count.
    #[error("a sliding log cannot hold a quota of {0}; the most is 4294967295")]
    LogTooLong(u64),
    /// A bucket whose filling takes longer than time is counted.
    #[error(
        "a bucket of {burst} would take more than 584 years to fill; expected a smaller burst or a faster rate"
    )]
    FillTooLong {
        /// The size of the bucket.
        burst: u64,
    },
    /// Tiers without a single rule.
    #[error("a limit needs at least one rule")]
    NoRules,
    /// Tiers of one limit that differ in more than their numbers.
    #[error("all tiers of one limit must use the same algorithm")]
    MixedAlgorithms,
    /// A key that is assigned to a rule which does not exist.
    #[error("key {key} is assigned to rule {rule}, but there are only {rules} rules")]
    UnknownRule {
        /// The first such key.
        key: usize,
        /// The rule that it names.
        rule: u16,
        /// How many there are.
        rules: usize,
    },
}
