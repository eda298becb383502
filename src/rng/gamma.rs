use rand::Rng;

use super::CoefficientOfVariation;
use super::streams::open_unit_interval;
use crate::math::{exp, ln, normal_quantile};

/// The gamma distribution by rejection.
///
/// Source: G. Marsaglia and W. W. Tsang, "A simple method for generating gamma
/// variables", ACM Transactions on Mathematical Software 26 (2000) 363-372, with
/// their power of a uniform number for shapes below 1.
///
/// The number of draws varies, a little above 2 on average and above 3 for a
/// shape below 1. All come from the private stream of the variate, so the next
/// variate and every other purpose find their streams where they would have been,
/// and two policies that ask for the same variate get the same value. The normal
/// numbers are by inversion, each from one draw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gamma {
    /// 1/shape where the shape is below 1.
    boost: Option<f64>,
    /// The shape of what is drawn by rejection (1 more with a boost), less 1/3.
    d: f64,
    /// 1/sqrt(9 d).
    c: f64,
    /// The scale times `d`, in the unit of the mean.
    scale_d: f64,
}

impl Gamma {
    /// A gamma distribution by its mean, in any unit, and coefficient of variation.
    pub(super) fn new(mean: f64, cv: CoefficientOfVariation) -> Gamma {
        let variance = cv.get() * cv.get();
        let shape = 1.0 / variance;
        let boosted = shape < 1.0;
        let d = if boosted { shape + 1.0 } else { shape } - 1.0 / 3.0;
        Gamma {
            boost: boosted.then_some(variance),
            d,
            c: 1.0 / (9.0 * d).sqrt(),
            scale_d: mean * variance * d,
        }
    }

    /// The same, with each time drawn in proportion to its length: of a shape
    /// that is 1 more, on the same scale.
    pub(super) fn by_length(mean: f64, cv: CoefficientOfVariation) -> Gamma {
        let variance = cv.get() * cv.get();
        let d = 1.0 / variance + 2.0 / 3.0;
        Gamma {
            boost: None,
            d,
            c: 1.0 / (9.0 * d).sqrt(),
            scale_d: mean * variance * d,
        }
    }

    pub(super) fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let mut uniform_open = || open_unit_interval(rng.next_u64());
        // Drawn before the loop, so that it does not depend on the loop's length.
        let boost = match self.boost {
            Some(power) => exp(power * ln(uniform_open())),
            None => 1.0,
        };
        loop {
            let x = normal_quantile(uniform_open());
            let root = 1.0 + self.c * x;
            let u = uniform_open();
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            let square = x * x;
            if u < 1.0 - 0.0331 * square * square
                || ln(u) < 0.5 * square + self.d * (1.0 - v + ln(v))
            {
                return self.scale_d * v * boost;
            }
        }
    }
}
