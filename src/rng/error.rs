use crate::units::Span;

/// Why values do not make a distribution.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DistributionError {
    /// A uniform distribution the wrong way round.
    #[error("a uniform distribution must not end before it starts, found from {from} to {to}")]
    Reversed {
        /// Its start.
        from: Span,
        /// Its end.
        to: Span,
    },
    /// A hyperexponential distribution of nothing.
    #[error("a hyperexponential distribution needs at least one branch")]
    NoBranch,
    /// Branches that are not all there is.
    #[error("the shares of a hyperexponential distribution must add up to 1, found {0}")]
    Shares(f64),
    /// A percentile that is not above the median.
    #[error(
        "the {percentile} of a lognormal distribution must be above its median, found {time} and a median of {median}"
    )]
    BelowMedian {
        /// Its name.
        percentile: &'static str,
        /// The percentile.
        time: Span,
        /// The median.
        median: Span,
    },
    /// A lognormal that is given in no way, or in several; by what it is given.
    #[error(
        "a lognormal distribution is given by `median` and one of p90, p95, p99 and p999, or by `mean` and `cv`; found {}",
        in_words(.0)
    )]
    Ways(Vec<&'static str>),
}

fn in_words(found: &[&str]) -> String {
    match found {
        [] => "none of them".to_owned(),
        [one] => format!("{one} alone"),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
