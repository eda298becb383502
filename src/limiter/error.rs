//! Why parameters make no limiter.

use crate::units::{Rate, Span};

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
