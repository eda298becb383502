use super::student_t_quantile;
use crate::math;

/// The studentised error of a mean of `replications` values with that skewness
/// which is exceeded as a symmetric one exceeds `t`: Hall's cubic, inverted.
///
/// The t-quantile of a skewed mean is wrong by O(1/sqrt R): after many small
/// values and few large ones both the mean and its error are too small. The
/// cubic h(T) = T + a T^2 + a^2 T^3 / 3 + b with a = g / (3 sqrt R) and
/// b = g / (6 sqrt R) removes that term and is monotone, so that it inverts in
/// closed form.
///
/// Source: P. Hall, "On the removal of skewness by transformation", Journal of
/// the Royal Statistical Society B 54 (1992) 221-228; the quadratic part is
/// N. J. Johnson's (1978).
fn inverse(t: f64, a: f64, b: f64) -> f64 {
    let w = t - b;
    if a.abs() < 1e-5 {
        return w - a * w * w * (1.0 - 5.0 / 3.0 * a * w);
    }
    (math::cbrt(1.0 + 3.0 * a * w) - 1.0) / a
}

/// The error of a mean with that skewness in standard errors, as a symmetric one
/// would have it: Hall's cubic itself.
pub(super) fn studentised(error: f64, skewness: f64, replications: u32) -> f64 {
    let a = skewness / (3.0 * f64::from(replications).sqrt());
    error + a * error * error + a * a * error * error * error / 3.0 + a / 2.0
}

/// Hall's bounds of a mean, in standard errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hall {
    t: f64,
    root: f64,
}

impl Hall {
    /// One-sided bounds at that confidence.
    pub(super) fn new(replications: u32, confidence: f64) -> Hall {
        Hall {
            t: student_t_quantile(confidence, replications.saturating_sub(1)),
            root: f64::from(replications).sqrt(),
        }
    }

    /// How far above the mean of values with that skewness the upper bound is.
    pub(super) fn above(self, skewness: f64) -> f64 {
        -self.inverse(-self.t, skewness)
    }

    /// How far below the mean the lower bound is.
    pub(super) fn below(self, skewness: f64) -> f64 {
        self.inverse(self.t, skewness)
    }

    fn inverse(self, t: f64, skewness: f64) -> f64 {
        let a = skewness / (3.0 * self.root);
        inverse(t, a, a / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_inverts_the_cubic_on_both_sides_of_the_series() {
        for a in [-0.4_f64, -1e-3, -9e-6, 0.0, 9e-6, 1.1e-5, 0.2] {
            for t in [-3.0, -1.7, 0.0, 1.7, 3.0] {
                let b = a / 2.0;
                let x = inverse(t, a, b);
                let back = x + a * x * x + a * a * x * x * x / 3.0 + b;
                assert!((back - t).abs() < 1e-9, "{a} {t}: {back}");
            }
        }
    }

    #[test]
    fn a_tail_to_the_right_raises_both_bounds() {
        let hall = Hall::new(50, 0.95);
        assert!((hall.above(0.0) - 1.676_550_892_6).abs() < 1e-9);
        assert_eq!(hall.above(0.0), hall.below(0.0));
        assert!(hall.above(2.0) > 1.2 * hall.above(0.0));
        assert!(hall.below(2.0) < hall.below(0.0));
    }
}
