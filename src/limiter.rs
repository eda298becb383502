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
//! To add an algorithm: one file with a rule and a state, one variant of
//! [`Rule`], and one variant in the bank's storage.

mod bank;
mod calendar_window;
mod consecutive_errors;
mod envoy_bucket;
mod exact;
mod fixed_window;
mod gcra;
mod leaky_bucket;
mod limit_req;
mod log_pool;
mod paced_window;
mod penalty_box;
mod ramp;
mod rate_rule;
mod segmented_window;
mod segments;
mod sliding_counter;
mod sliding_log;
mod spacing;
mod ticked_bucket;
mod token_bucket;
#[cfg(test)]
mod trial;

use serde::{Deserialize, Serialize};

use crate::units::{Rate, Span, Time};

pub use bank::{Bank, BankPlan};
pub use calendar_window::CalendarWindow;
pub use consecutive_errors::{ConsecutiveErrors, Streak};
pub use envoy_bucket::{EnvoyBucket, EnvoyState};
pub use fixed_window::{Anchor, FixedWindow, WindowState};
pub use gcra::{Gcra, GcraState};
pub use leaky_bucket::{Grid, LeakyBucket, LeakyState, whole_interval};
pub use limit_req::{LimitReq, LimitReqState, Pacing};
pub use log_pool::{Log, LogPool};
pub use paced_window::{PacedState, PacedWindow, Surplus};
pub use penalty_box::{Lock, LockState, PenaltyBox};
pub use ramp::{Ramp, RampState};
pub use rate_rule::{RateRule, RateRuleState};
pub use segmented_window::{SegmentedState, SegmentedWindow};
pub use sliding_counter::{CounterState, Estimate, SlidingCounter};
pub use sliding_log::SlidingLog;
pub use spacing::{Spacing, SpacingState};
pub use ticked_bucket::{TickedBucket, TickedState};
pub use token_bucket::{BucketState, TokenBucket};

/// What a limiter answers to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// The attempt may pass; its cost has been taken.
    Admit,
    /// The attempt may pass once this wait is over; its cost has been taken.
    /// The wait is more than zero and does not depend on what comes later.
    Delay(Span),
    /// The attempt may not pass.
    Refuse {
        /// How long until the same attempt would be admitted if nothing else
        /// happened on its key; `None` if never, as when its cost is more than
        /// the limit ever grants.
        retry_after: Option<Span>,
    },
}

impl Decision {
    /// Whether the attempt may pass, now or later.
    pub const fn is_admit(self) -> bool {
        matches!(self, Decision::Admit | Decision::Delay(_))
    }

    /// Without a told wait that lies beyond the end of time.
    fn within_time(self, now: Time) -> Decision {
        match self {
            Decision::Refuse {
                retry_after: Some(wait),
            } if !ends_in_time(now, wait) => Decision::Refuse { retry_after: None },
            decision => decision,
        }
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
    /// The whole budget as header fields tell it: the quota of a window at this
    /// moment, or the size of a bucket. `None` where nothing is ever refused for
    /// want of budget, and where it is not counted in cost.
    pub quota: Option<u64>,
    /// The most that an attempt may cost at this moment to be admitted, at once
    /// or after a wait: with a queue it may be more than the quota. `None` if
    /// nothing is ever refused for want of budget, however much is taken. Limits
    /// that do not count cost tell attempts, or failures that are still allowed.
    pub remaining: Option<u64>,
    /// How long until the whole budget is there, if nobody calls meanwhile, and
    /// not a nanosecond less; zero if it is there now. `None` if that cannot be
    /// told: time alone does not bring it back, or not before the year 2554.
    pub reset_after: Option<Span>,
}

impl Standing {
    /// The standing of a limit with a quota, of which so much remains.
    pub(crate) const fn of(quota: u64, remaining: u64, reset_after: Span) -> Standing {
        Standing {
            quota: Some(quota),
            remaining: Some(remaining),
            reset_after: Some(reset_after),
        }
    }

    /// Without a reset that lies beyond the end of time.
    fn within_time(self, now: Time) -> Standing {
        Standing {
            reset_after: self.reset_after.filter(|span| ends_in_time(now, *span)),
            ..self
        }
    }
}

/// Whether a span from `now` on ends before the last moment of time, to which
/// sums saturate.
fn ends_in_time(now: Time, span: Span) -> bool {
    now + span < Time::MAX
}

/// The parameters of any one algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// So much per window.
    FixedWindow(FixedWindow),
    /// So much in any window that ends now.
    SlidingLog(SlidingLog),
    /// A bucket refilled continuously, at any rate.
    TokenBucket(TokenBucket),
    /// A bucket refilled continuously, a whole number of nanoseconds per token.
    Gcra(Gcra),
    /// So much per hour, day, week or month.
    CalendarWindow(CalendarWindow),
    /// So much in a window that slides by weighting the one before.
    SlidingCounter(SlidingCounter),
    /// A bucket refilled in lumps.
    TickedBucket(TickedBucket),
    /// Envoy's bucket.
    EnvoyBucket(EnvoyBucket),
    /// A bucket in front of which attempts wait.
    LeakyBucket(LeakyBucket),
    /// So much per window, and a wait for the next.
    PacedWindow(PacedWindow),
    /// nginx's `limit_req`.
    LimitReq(LimitReq),
    /// .NET's sliding window in segments.
    SegmentedWindow(SegmentedWindow),
    /// A firewall's rate rule.
    RateRule(RateRule),
    /// A quota that grows or shrinks.
    Ramp(Ramp),
    /// Least times between admitted attempts.
    Spacing(Spacing),
    /// So many failures in a row.
    ConsecutiveErrors(ConsecutiveErrors),
}

/// The most bytes that the states of one limit may take: 16 GiB, or 1 GiB where
/// addresses have 32 bits.
pub const MOST_BYTES: u64 = if usize::BITS < 64 { 1 << 30 } else { 16 << 30 };
// A shift drops bits without a word, and nothing would fit in what is left.
const _: () = assert!(MOST_BYTES >= 1 << 30);

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
    /// A rate that the product's whole numbers round to nothing.
    #[error("the rate {0} is less than the 0.001 per second that this limiter counts in")]
    RateTooLow(Rate),
    /// A number beyond what a limiter counts to.
    #[error("a {what} of {value} is too large; the most is {most}")]
    TooLarge {
        /// What the number is.
        what: &'static str,
        /// The number.
        value: u64,
        /// The largest that is possible.
        most: u64,
    },
    /// A time that should be a whole multiple of another.
    #[error("the {what} of {span} is not a whole multiple of {unit}")]
    Uneven {
        /// What the time is.
        what: &'static str,
        /// The time.
        span: Span,
        /// The other.
        unit: Span,
    },
    /// A ramp that does not lead from its first quota to its last.
    #[error("with {percent} % at each step, a quota of {from} never becomes {to}")]
    RampStalls {
        /// The first quota.
        from: u64,
        /// The factor.
        percent: u64,
        /// The last quota.
        to: u64,
    },
    /// A list of steps that is empty or too long.
    #[error("{0} steps of spacing; expected 1 to 8")]
    StepCount(usize),
    /// Tokens that never come.
    #[error("no tokens come at a tick, so the bucket would never fill; expected at least 1")]
    ZeroTokens,
    /// A lock of no length.
    #[error("the lock has no length; expected at least 1ns")]
    ZeroLock,
    /// More different quotas or limits at once than can be told apart.
    #[error(
        "too many different rules in one limit; the most are 65535 quotas, or 64 limits at once"
    )]
    TooManyRules,
    /// More memory than a limit may take.
    #[error(
        "{keys} keys of {bytes_per_key} bytes each are more than the {} GB that one limit may take",
        MOST_BYTES >> 30
    )]
    TooManyBytes {
        /// How many keys there are.
        keys: usize,
        /// What each takes.
        bytes_per_key: usize,
    },
    /// Admission control that contradicts itself.
    #[error("{0}")]
    Admission(String),
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

impl RuleError {
    /// The parameter that is at fault, by its name in a scenario, if there is
    /// one, and what it must be.
    pub fn field(&self) -> (Option<&'static str>, &'static str) {
        const ONE: &str = "must be at least 1";
        const SMALLER: &str = "must be smaller";
        match self {
            RuleError::ZeroQuota => (None, "admits nothing"),
            RuleError::ZeroBurst => (Some("burst"), ONE),
            RuleError::ZeroWindow | RuleError::ZeroInterval => (None, "has no length"),
            RuleError::ZeroLock => (Some("lock"), "must be more than zero"),
            RuleError::ZeroTokens => (Some("tokens"), ONE),
            RuleError::LogTooLong(_) => (Some("quota"), SMALLER),
            RuleError::RateTooLow(_) => (Some("rate"), "must be faster"),
            RuleError::TooLarge { what, .. } => (Some(what), SMALLER),
            RuleError::StepCount(_) => (Some("steps"), "must be 1 to 8"),
            RuleError::RampStalls { .. } => (Some("factor"), "leads nowhere"),
            RuleError::Uneven { .. } => (None, "does not divide evenly"),
            RuleError::FillTooLong { .. } => (None, "cannot be computed exactly"),
            RuleError::NoRules
            | RuleError::MixedAlgorithms
            | RuleError::UnknownRule { .. }
            | RuleError::Admission(_)
            | RuleError::TooManyBytes { .. }
            | RuleError::TooManyRules => (None, "cannot be used"),
        }
    }
}

#[cfg(test)]
mod tests;
