//! The numbers that an axis has to show.

use super::Scale;

/// Numbers larger than this are drawn as this, and positive ones smaller than its inverse as zero.
const LARGEST: f64 = 1e100;

/// More decades than this make a probability axis logarithmic.
const LINEAR_DECADES: f64 = 2.0;

/// What an axis has to show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) least_positive: f64,
    /// A value at or below zero is among them.
    pub(super) zero: bool,
}

impl Extent {
    /// The extent of estimates and of the ends of their intervals. An end
    /// cannot stretch a logarithmic axis by more than a decade below the least
    /// estimate. What is not finite does not count.
    pub(super) fn of(
        values: impl IntoIterator<Item = f64>,
        ends: impl IntoIterator<Item = f64>,
    ) -> Self {
        let mut extent = Self {
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            least_positive: f64::INFINITY,
            zero: false,
        };
        for value in values.into_iter().filter_map(tame) {
            extent.add(value);
            extent.zero |= value <= 0.0;
        }
        let deepest = if extent.least_positive.is_finite() {
            extent.least_positive / 10.0
        } else {
            0.0
        };
        for end in ends.into_iter().filter_map(tame) {
            let positive = extent.least_positive;
            extent.add(end);
            if end > 0.0 {
                extent.least_positive = positive.min(end.max(deepest));
            }
        }
        extent
    }

    fn add(&mut self, value: f64) {
        self.least = self.least.min(value);
        self.most = self.most.max(value);
        if value > 0.0 {
            self.least_positive = self.least_positive.min(value);
        }
    }

    /// Whether a value or an end is below zero: the quantity is not a count.
    pub(super) fn negative(&self) -> bool {
        self.least < 0.0
    }

    /// Whether an axis of this scale is logarithmic for it.
    pub(super) fn logarithmic(&self, scale: Scale) -> bool {
        match scale {
            Scale::Log => true,
            Scale::Probability => {
                self.least >= 0.0
                    && self.least_positive.is_finite()
                    && libm::log10(self.most / self.least_positive) > LINEAR_DECADES
            }
            Scale::Linear | Scale::Amount | Scale::TimeOfDay | Scale::Elapsed => false,
        }
    }
}

/// A number that can be computed with; none when it is not finite.
pub(super) fn tame(value: f64) -> Option<f64> {
    if !value.is_finite() {
        None
    } else if value.abs() < 1.0 / LARGEST {
        Some(0.0)
    } else {
        Some(value.clamp(-LARGEST, LARGEST))
    }
}
