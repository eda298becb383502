use serde::{Deserialize, Serialize};

use super::Histogram;
use crate::scenario::Measure;
use crate::scenario::measure::{Each, Kind};
use crate::world::Outline;

/// What a run has taken of one [`Measure`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// What it is.
    pub measure: Measure,
    /// The values, of what the measure has [each](Measure::each) of.
    pub values: Values,
}

/// The values of a measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Values {
    /// Whole numbers; if there are several of each, they stand side by side.
    Sums(Vec<u128>),
    /// Moments in nanoseconds, or that they never came.
    Moments(Vec<Option<u64>>),
    /// Histograms.
    Histograms(Vec<Histogram>),
}

impl Measured {
    /// Whether there are as many values, and of that kind, as a run of a world
    /// has.
    pub(super) fn fits(&self, world: &Outline) -> bool {
        let each = match self.measure.each() {
            Each::Run => 1,
            Each::Cohort => world.cohorts.len(),
            Each::Stream => world.streams.len(),
        };
        match (&self.values, self.measure.kind()) {
            (Values::Sums(sums), Kind::Sums(many)) => sums.len() == each * many,
            (Values::Moments(moments), Kind::Moment) => moments.len() == each,
            (Values::Histograms(histograms), Kind::Histogram) => histograms.len() == each,
            _ => false,
        }
    }
}
