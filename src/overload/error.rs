use super::{Allowance, Criticality};
use crate::units::{Probability, Span};

/// Why parameters make no algorithm.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OverloadError {
    /// A least limit that admits nobody.
    #[error("the least concurrency limit (min) is 0; expected at least 1")]
    ZeroLeast,
    /// Limits the wrong way round.
    #[error("the most concurrency (max {max}) is below the least (min {min})")]
    LimitsReversed {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A first limit outside of the least and the most.
    #[error("the initial concurrency limit {initial} is out of range; expected {min} to {max}")]
    Initial {
        /// The first limit.
        initial: u32,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A number out of its range.
    #[error("the {what} {value} is out of range; expected {expected}")]
    OutOfRange {
        /// What the number is.
        what: &'static str,
        /// The number.
        value: f64,
        /// Its range, in words.
        expected: &'static str,
    },
    /// An allowance out of its range.
    #[error("the allowance {allowance:?} is out of range; expected {expected}")]
    Allowance {
        /// The allowance.
        allowance: Allowance,
        /// Its range, in words.
        expected: &'static str,
    },
    /// A time of no length.
    #[error("{0} has no length; expected at least 1ns")]
    NoLength(&'static str),
    /// A count of nothing: what it leads to.
    #[error("{0}; expected at least 1")]
    Nothing(&'static str),
    /// An interval that is not longer than the wait that is no overload.
    #[error("the interval {interval} is not longer than the target wait {target}")]
    ShortInterval {
        /// The interval.
        interval: Span,
        /// The wait.
        target: Span,
    },
    /// Lengths of a window the wrong way round.
    #[error("the most length of a sample window ({max}) is below the least ({min})")]
    LengthsReversed {
        /// The least.
        min: Span,
        /// The most.
        max: Span,
    },
    /// A window that is no whole number of buckets, or too many.
    #[error(
        "the window {window} does not consist of buckets of {bucket}; expected a whole number of them, from 1 to {most}"
    )]
    Buckets {
        /// The window.
        window: Span,
        /// A bucket of it.
        bucket: Span,
        /// The most buckets.
        most: u64,
    },
    /// Bounds of a queue the wrong way round.
    #[error("alpha {alpha} is above beta {beta}; expected at most that")]
    AlphaAboveBeta {
        /// The lower bound.
        alpha: u32,
        /// The upper bound.
        beta: u32,
    },
    /// A level that may use more than one that matters more.
    #[error(
        "{lower:?} may use {less} of the limit, more than {higher:?} with {more}; expected at most that"
    )]
    UsesMore {
        /// The level that matters less.
        lower: Criticality,
        /// Its part.
        less: Probability,
        /// The one that matters more.
        higher: Criticality,
        /// The part of that.
        more: Probability,
    },
    /// A level that leaves less than one that matters more.
    #[error(
        "{lower:?} leaves {less} slots, fewer than {higher:?} with {more}; expected at least that"
    )]
    LeavesLess {
        /// The level that matters less.
        lower: Criticality,
        /// The slots that it leaves.
        less: u32,
        /// The one that matters more.
        higher: Criticality,
        /// The slots that that leaves.
        more: u32,
    },
    /// A gate without permits, and without what would set them.
    #[error("a gate needs `permits`, or `adaptive` with the algorithm that sets them")]
    NoPermits,
    /// A window around an algorithm that has windows of its own.
    #[error("Envoy's gradient gathers samples in windows of its own; expected no window around it")]
    OwnWindows,
}
