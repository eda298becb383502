/// The largest mean that [`Poisson`] takes.
pub const MAX_POISSON_MEAN: f64 = 10_000.0;

/// A Poisson distribution, made ready for many draws by inversion.
///
/// A mean that is negative or not a number counts as 0, one above
/// [`MAX_POISSON_MEAN`] as that.
///
/// The probabilities are summed as multiples of the one at the mode, so nothing
/// underflows: what `exp(-mean)` would lose above a mean of 745 stays in reach.
/// The sums leave out what is more than 9 standard deviations below the mean or
/// more than 9 standard deviations and 27 above it: by Chernoff's bound at most
/// exp(-40.5) = 3e-18 at each end. They are otherwise right to about 1e-12.
#[derive(Debug, Clone)]
pub struct Poisson {
    first: u32,
    /// The weights of all counts from `first` up to this one.
    sums: Vec<f64>,
}

impl Poisson {
    /// The distribution with that mean.
    pub fn new(mean: f64) -> Poisson {
        let mean = mean.clamp(0.0, MAX_POISSON_MEAN);
        let reach = 9.0 * mean.sqrt();
        let mode = mean as u32;
        let first = (mean - reach).max(0.0) as u32;
        let last = (mean + reach + 27.0) as u32;
        // P(X = k - 1) = P(X = k) k / mean, from the mode down.
        let mut weight = (first + 1..=mode)
            .rev()
            .fold(1.0, |weight, k| weight * f64::from(k) / mean);
        let mut sum = weight;
        let mut sums = vec![sum];
        for k in first + 1..=last {
            weight = weight * mean / f64::from(k);
            sum += weight;
            sums.push(sum);
        }
        Poisson { first, sums }
    }

    /// The number that a Poisson variable reaches with a uniform number `u` from
    /// `[0, 1)`: the least `k` with `u < P(X <= k)`. It never falls when `u`
    /// rises, nor, but for rounding, when the mean rises. Another `u` is brought
    /// into `[0, 1)`; what is not a number counts as 0.
    pub fn count(&self, u: f64) -> u32 {
        let u = u.clamp(0.0, 1.0 - f64::EPSILON / 2.0);
        let target = u * self.sums.last().copied().unwrap_or(0.0);
        let place = self.sums.partition_point(|sum| *sum <= target);
        self.first + place.min(self.sums.len() - 1) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use statrs::distribution::DiscreteCDF;

    use super::*;

    fn poisson(mean: f64, u: f64) -> u32 {
        Poisson::new(mean).count(u)
    }

    #[test]
    fn small_means_by_hand() {
        // exp(-2) = 0.13534, times 1 + 2 = 0.40601, times 1 + 2 + 2 = 0.67668.
        for (u, count) in [
            (0.0, 0),
            (0.1353, 0),
            (0.1354, 1),
            (0.4060, 1),
            (0.4061, 2),
            (0.6766, 2),
            (0.6767, 3),
        ] {
            assert_eq!(poisson(2.0, u), count, "{u}");
        }
    }

    #[test]
    fn arguments_out_of_range_are_brought_into_it() {
        for u in [0.0, 0.5, 1.0 - f64::EPSILON / 2.0, 1.0, 7.0, -1.0, f64::NAN] {
            assert_eq!(poisson(0.0, u), 0);
            assert_eq!(poisson(-3.0, u), 0);
            assert_eq!(poisson(f64::NAN, u), 0);
            assert_eq!(poisson(f64::INFINITY, u), poisson(MAX_POISSON_MEAN, u));
        }
        assert_eq!(poisson(5.0, 1.0), poisson(5.0, 1.0 - f64::EPSILON / 2.0));
        assert_eq!(poisson(1e4, f64::NAN), poisson(1e4, 0.0));
    }

    #[test]
    fn values_are_stable() {
        // The same counts come from the sum of the probabilities in 40 digits.
        let counts = [0.01, 0.5, 0.99, 0.9999]
            .map(|u| [0.1, 4.0, 50.0, 745.5, 10_000.0].map(|mean| poisson(mean, u)));
        assert_eq!(
            counts,
            [
                [0, 0, 34, 683, 9768],
                [0, 4, 50, 745, 10_000],
                [1, 9, 67, 810, 10_233],
                [3, 13, 78, 849, 10_374],
            ]
        );
    }

    #[test]
    fn mean_and_variance_are_both_the_mean() {
        // The midpoint rule over 2^16 values of u; it cuts the tails off, which
        // costs the variance about 1e-4 of itself.
        for mean in [0.3, 4.0, 100.0, 1000.0] {
            let n = 1 << 16;
            let (mut sum, mut squares) = (0.0, 0.0);
            for i in 0..n {
                let deviation =
                    f64::from(poisson(mean, (f64::from(i) + 0.5) / f64::from(n))) - mean;
                sum += deviation;
                squares += deviation * deviation;
            }
            let (error, variance) = (sum / f64::from(n), squares / f64::from(n));
            assert!(error.abs() < 1e-3 * mean.sqrt(), "{mean}: off by {error}");
            assert!(
                (variance / mean - 1.0).abs() < 1e-3,
                "{mean}: variance {variance}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_count_inverts_the_distribution_function(
            mean in prop_oneof![0.001..10.0_f64, 10.0..1000.0_f64, 1000.0..10_000.0_f64],
            u in 0.0..1.0_f64,
        ) {
            let oracle = statrs::distribution::Poisson::new(mean).unwrap();
            let k = u64::from(poisson(mean, u));
            prop_assert!(u < oracle.cdf(k) + 1e-9, "P(X <= {}) is too low", k);
            prop_assert!(k == 0 || u >= oracle.cdf(k - 1) - 1e-9, "P(X < {}) is too high", k);
        }

        #[test]
        fn the_count_never_falls(mean in 0.0..2000.0_f64, u in 0.0..1.0_f64, more in 0.0..1.0_f64) {
            prop_assert!(poisson(mean, u) <= poisson(mean, u + more * (1.0 - u)));
            prop_assert!(poisson(mean, u) <= poisson(mean * (1.0 + more), u));
        }
    }
}
