use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Interval;
use super::hall::Hall;
use super::hall::studentised;
use super::ratio::{ENOUGH_RUNS_WITH_EVENTS, skewness};
use crate::math;

/// The difference of two ratios of sums over the same replications, first minus
/// second.
///
/// Replications of two policies that draw the same random numbers meet the same
/// days, so that what a day does to both cancels. With the residuals
/// z = x - ratio * n of each policy, the difference has the variance of the mean
/// of z1 / mean n1 - z2 / mean n2 across replications, with R - 1 degrees of
/// freedom: the paired t of two ratios (Law 2015, *Simulation Modeling and
/// Analysis*, section 10.2.1, with the residuals of Cochran 1977, section 6.3,
/// in place of values). Bounds are Hall's (1992).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedDifference {
    /// The first ratio minus the second.
    pub value: f64,
    /// Its standard error; `None` with fewer than two replications, or if the
    /// difference is the same in all.
    pub standard_error: Option<f64>,
    /// The correlation of the two over replications, by which pairing them pays:
    /// the variance is that of independent runs times about one minus it. `None`
    /// if one of them does not vary.
    pub correlation: Option<f64>,
    /// Replications in which the two ratios differ.
    pub differing: u32,
    /// The number of replications.
    pub replications: u32,
    skewness: f64,
}

impl PairedDifference {
    /// The difference from the counts `(x, n)` of each replication, in the same
    /// order; `None` if there are not as many of both, or one of them has no n.
    pub fn new(first: &[(f64, f64)], second: &[(f64, f64)]) -> Option<PairedDifference> {
        if first.len() != second.len() {
            return None;
        }
        let (one, other) = (Residuals::new(first)?, Residuals::new(second)?);
        let replications = first.len() as f64;
        let (mut squares, mut cubes) = (0.0, 0.0);
        let (mut of_one, mut of_other, mut of_both) = (0.0, 0.0, 0.0);
        let (mut differing, mut agree) = (0, true);
        for (a, b) in first.iter().zip(second) {
            let (z1, z2) = (one.of(a), other.of(b));
            let residual = z1 - z2;
            agree &= residual.abs() <= 1e-12 * (one.scale(a) + other.scale(b));
            squares += residual * residual;
            cubes += residual * residual * residual;
            of_one += z1 * z1;
            of_other += z2 * z2;
            of_both += z1 * z2;
            differing += u32::from(a.0 * b.1 != b.0 * a.1);
        }
        let has_spread = first.len() > 1 && !agree;
        let product = of_one * of_other;
        Some(PairedDifference {
            value: one.ratio - other.ratio,
            standard_error: has_spread
                .then(|| (squares / (replications - 1.0) / replications).sqrt()),
            correlation: (product > 0.0).then(|| (of_both / product.sqrt()).clamp(-1.0, 1.0)),
            differing,
            replications: first.len() as u32,
            skewness: match has_spread {
                true => skewness(squares, cubes, replications),
                false => 0.0,
            },
        })
    }

    /// Whether the two were the same in every replication.
    pub fn is_none(&self) -> bool {
        self.differing == 0
    }

    /// Whether they differ in so few replications that the spread does not tell
    /// what others would bring.
    pub fn is_of_few(&self) -> bool {
        self.differing < ENOUGH_RUNS_WITH_EVENTS.min(self.replications)
    }

    /// The two-sided interval; `None` where nothing but a spread could tell it.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        let error = self.standard_error.filter(|_| !self.is_of_few())?;
        let hall = Hall::new(self.replications, 1.0 - (1.0 - confidence) / 2.0);
        Some(Interval {
            lo: self.value - error * hall.below(self.skewness),
            hi: self.value + error * hall.above(self.skewness),
        })
    }

    /// How likely a difference as clear as this one is, or a clearer, where there
    /// is none: below one minus a confidence exactly where the interval of that
    /// confidence leaves out zero. One where too little differs to say.
    ///
    /// Runs that all differ by the same have no spread; they are told from
    /// chance by all having one sign (Conover 1999, *Practical Nonparametric
    /// Statistics*, section 3.4).
    pub fn p_value(&self) -> f64 {
        let degrees = f64::from(self.replications.saturating_sub(1));
        match self.standard_error {
            _ if self.is_of_few() => 1.0,
            None => math::pow(0.5, degrees),
            Some(error) => {
                let t = studentised(self.value / error, self.skewness, self.replications);
                let beyond = StudentsT::new(0.0, 1.0, degrees.max(1.0)).map(|law| law.sf(t.abs()));
                beyond.map_or(1.0, |beyond| (2.0 * beyond).min(1.0))
            }
        }
    }
}

/// What makes a ratio vary: z / mean n of each replication.
struct Residuals {
    ratio: f64,
    mean: f64,
}

impl Residuals {
    fn new(counts: &[(f64, f64)]) -> Option<Residuals> {
        let total: f64 = counts.iter().map(|(_, n)| n).sum();
        // Also if it is not a number.
        if total.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
            return None;
        }
        Some(Residuals {
            ratio: counts.iter().map(|(x, _)| x).sum::<f64>() / total,
            mean: total / counts.len() as f64,
        })
    }

    fn of(&self, (x, n): &(f64, f64)) -> f64 {
        (x - self.ratio * n) / self.mean
    }

    /// What rounding errors of the same are to be measured by.
    fn scale(&self, (x, n): &(f64, f64)) -> f64 {
        x.abs().max(self.ratio.abs() * n) / self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of values whose n is one.
    fn values(of: &[f64]) -> Vec<(f64, f64)> {
        of.iter().map(|value| (*value, 1.0)).collect()
    }

    #[test]
    fn of_plain_values_it_is_the_paired_t() {
        // Student 1908, *The probable error of a mean*: hours of sleep gained by
        // ten patients with two drugs.
        let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let found = PairedDifference::new(&values(&first), &values(&second)).unwrap();
        let error = found.standard_error.unwrap();
        assert!((found.value + 1.58).abs() < 1e-12);
        assert!((found.value / error + 4.062_127_683_382_037).abs() < 1e-12);
        assert!((found.correlation.unwrap() - 0.795_170_2).abs() < 1e-6);
        assert_eq!((found.differing, found.replications), (9, 10));
        // Without Hall's correction p is 0.002832890197384256.
        let plain = PairedDifference {
            skewness: 0.0,
            differing: 10,
            ..found
        };
        assert!((plain.p_value() - 0.002_832_890_197).abs() < 1e-11);
        let interval = plain.interval(0.95).unwrap();
        assert!((interval.lo + 2.459_885_8).abs() < 1e-6, "{interval:?}");
        assert!((interval.hi + 0.700_114_2).abs() < 1e-6, "{interval:?}");
    }

    #[test]
    fn of_ratios_it_pairs_their_residuals() {
        let first = [(3.0, 10.0), (5.0, 12.0), (1.0, 8.0), (6.0, 14.0)];
        let second = [(2.0, 10.0), (5.0, 11.0), (1.0, 9.0), (4.0, 14.0)];
        let found = PairedDifference::new(&first, &second).unwrap();
        let (r1, r2) = (15.0 / 44.0, 12.0 / 44.0);
        let residuals: Vec<f64> = (first.iter().zip(&second))
            .map(|((x1, n1), (x2, n2))| (x1 - r1 * n1) / 11.0 - (x2 - r2 * n2) / 11.0)
            .collect();
        let squares: f64 = residuals.iter().map(|z| z * z).sum();
        let error = (squares / 3.0 / 4.0).sqrt();
        assert!((found.value - (r1 - r2)).abs() < 1e-15);
        assert!((found.standard_error.unwrap() - error).abs() < 1e-15);
        assert_eq!(found.differing, 4);
    }

    #[test]
    fn an_interval_leaves_out_zero_where_the_p_value_says_so() {
        let mut skewed = Vec::new();
        let mut level = Vec::new();
        for run in 0..40 {
            let x = f64::from((run * 17) % 40) / 40.0;
            skewed.push((x * x * x + 0.13, 1.0));
            level.push((0.2 + 0.1 * x, 1.0));
        }
        let found = PairedDifference::new(&skewed, &level).unwrap();
        let p = found.p_value();
        assert!(p > 1e-6 && p < 1.0, "{found:?} {p}");
        for (confidence, leaves_out) in [(1.0 - 1.01 * p, true), (1.0 - 0.99 * p, false)] {
            let interval = found.interval(confidence).unwrap();
            assert_eq!(
                interval.lo > 0.0 || interval.hi < 0.0,
                leaves_out,
                "{interval:?}"
            );
        }
    }

    #[test]
    fn what_never_or_hardly_or_always_differs() {
        let same = vec![(1.0, 2.0); 30];
        let none = PairedDifference::new(&same, &same).unwrap();
        assert!(none.is_none());
        assert_eq!(
            (none.value, none.interval(0.95), none.p_value()),
            (0.0, None, 1.0)
        );
        let mut one = same.clone();
        one[3].0 = 2.0;
        let few = PairedDifference::new(&one, &same).unwrap();
        assert!(few.is_of_few() && !few.is_none());
        assert_eq!((few.interval(0.95), few.p_value()), (None, 1.0));
        // Ten runs that differ by the same: 2 / 2^10.
        let more = vec![(3.0, 2.0); 10];
        let always = PairedDifference::new(&more, &same[..10]).unwrap();
        assert_eq!((always.value, always.interval(0.95)), (1.0, None));
        assert_eq!(always.p_value(), 2.0 / 1024.0);
        assert_eq!(PairedDifference::new(&more, &same), None);
        assert_eq!(PairedDifference::new(&[(0.0, 0.0)], &[(1.0, 1.0)]), None);
    }
}
