/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub lo: f64,
    /// The upper end; infinite where a quantile may never be reached.
    pub hi: f64,
}

impl Interval {
    /// That of what is known.
    pub(crate) fn point(value: f64) -> Interval {
        Interval {
            lo: value,
            hi: value,
        }
    }
}

/// What an interval rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The value is exact by construction.
    Exact,
    /// The spread over replications.
    Spread,
    /// Each replication is one trial, so that the binomial distribution is
    /// exact.
    Runs,
    /// Nothing was seen in any replication; what is said is that a replication
    /// in which something happens is rare.
    NoneSeen,
    /// It was always so; the mirror image.
    AllSeen,
    /// Some were seen (or some were not), but in too few replications to tell
    /// by their spread how large the unseen ones are.
    FewEvents {
        /// The replications in which there were any.
        seen: u32,
    },
    /// All replications agree, though nothing says that they must.
    Ties,
}
