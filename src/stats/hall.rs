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

/// What Hall's bounds of a mean need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hall {
    pub(super) replications: u32,
    pub(super) skewness: f64,
}

impl Hall {
    /// How many standard errors the one-sided upper bound lies above the mean.
    pub(super) fn above(self, confidence: f64) -> f64 {
        let (t, a, b) = self.parts(confidence);
        -inverse(-t, a, b)
    }

    /// How many standard errors the one-sided lower bound lies below the mean.
    pub(super) fn below(self, confidence: f64) -> f64 {
        let (t, a, b) = self.parts(confidence);
        inverse(t, a, b)
    }

    /// The same on another scale: `bend` is the standard error times minus the
    /// second over twice the first derivative of the scale, by which the
    /// skewness there differs.
    pub(super) fn above_bent(self, confidence: f64, bend: f64) -> f64 {
        let (t, a, b) = self.parts(confidence);
        -inverse(-t, a - bend, b)
    }

    /// See [`above_bent`](Hall::above_bent).
    pub(super) fn below_bent(self, confidence: f64, bend: f64) -> f64 {
        let (t, a, b) = self.parts(confidence);
        inverse(t, a - bend, b)
    }

    fn parts(self, confidence: f64) -> (f64, f64, f64) {
        let t = student_t_quantile(confidence, self.replications.saturating_sub(1));
        let a = self.skewness / (3.0 * f64::from(self.replications).sqrt());
        (t, a, a / 2.0)
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
    fn a_tail_to_the_right_raises_the_upper_bound_and_the_lower_one() {
        let plain = Hall {
            replications: 50,
            skewness: 0.0,
        };
        let skewed = Hall {
            skewness: 2.0,
            ..plain
        };
        assert!((plain.above(0.95) - 1.676_550_892).abs() < 1e-8);
        assert_eq!(plain.above(0.95), plain.below(0.95));
        assert!(skewed.above(0.95) > 1.2 * plain.above(0.95));
        assert!(skewed.below(0.95) < plain.below(0.95));
    }
}
