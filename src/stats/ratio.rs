use super::student_t_quantile;

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub lo: f64,
    /// The upper end.
    pub hi: f64,
}

/// A ratio of sums over replications, sum x / sum n, with its spread.
///
/// This estimates E(x) / E(n), the ratio of means: the answer for a random
/// attempt, not for a random day. The variance is that of the residuals
/// z = x - ratio * n across replications (Cochran 1977, *Sampling Techniques*,
/// section 6.3; Deng, Knoblich and Lu 2018 derive the same by the delta
/// method), with R - 1 degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioEstimate {
    /// The ratio.
    pub value: f64,
    /// Its standard error; `None` with fewer than two replications, or if
    /// nothing was counted, since zero spread among zeros says nothing.
    pub standard_error: Option<f64>,
    /// The number of replications.
    pub replications: u32,
    total: f64,
}

impl RatioEstimate {
    /// The estimate from the counts `(x, n)` of each replication; `None` if
    /// all n are zero.
    pub fn new(counts: &[(f64, f64)]) -> Option<RatioEstimate> {
        let replications = counts.len() as f64;
        let (sum, total) = counts
            .iter()
            .fold((0.0, 0.0), |(sum, total), (x, n)| (sum + x, total + n));
        if total <= 0.0 {
            return None;
        }
        let value = sum / total;
        let standard_error = (counts.len() > 1 && sum > 0.0).then(|| {
            let squares: f64 = counts
                .iter()
                .map(|(x, n)| (x - value * n) * (x - value * n))
                .sum();
            let mean = total / replications;
            (squares / (replications - 1.0) / replications).sqrt() / mean
        });
        Some(RatioEstimate {
            value,
            standard_error,
            replications: counts.len() as u32,
            total,
        })
    }

    /// The t-interval; `None` without a standard error.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        let t = student_t_quantile(0.5 + confidence / 2.0, self.replications - 1);
        self.standard_error.map(|error| Interval {
            lo: self.value - t * error,
            hi: self.value + t * error,
        })
    }

    /// For a proportion: how many times its variance is that of as many
    /// independent trials.
    pub fn design_effect(&self) -> Option<f64> {
        let binomial = self.value * (1.0 - self.value) / self.total;
        self.standard_error
            .filter(|_| binomial > 0.0)
            .map(|error| error * error / binomial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worked_example() {
        // x = 1, 2, 6 of n = 10, 10, 20: ratio 9/40, residuals -1.25, -0.25,
        // 1.5, so s^2 = 1.9375 and the error is sqrt(1.9375 / 3) / (40 / 3).
        let estimate = RatioEstimate::new(&[(1.0, 10.0), (2.0, 10.0), (6.0, 20.0)]).unwrap();
        assert_eq!(estimate.value, 0.225);
        let error = estimate.standard_error.unwrap();
        assert!((error - (1.9375_f64 / 3.0).sqrt() * 3.0 / 40.0).abs() < 1e-15);
        let interval = estimate.interval(0.95).unwrap();
        assert!((interval.hi - 0.225 - 4.302_652_73 * error).abs() < 1e-8);
        let effect = estimate.design_effect().unwrap();
        assert!((effect - error * error / (0.225 * 0.775 / 40.0)).abs() < 1e-12);
    }

    #[test]
    fn no_interval_where_nothing_is_known() {
        assert!(RatioEstimate::new(&[(0.0, 0.0)]).is_none());
        assert!(
            RatioEstimate::new(&[(1.0, 2.0)])
                .unwrap()
                .interval(0.95)
                .is_none()
        );
        let zeros = RatioEstimate::new(&[(0.0, 5.0), (0.0, 5.0)]).unwrap();
        assert_eq!((zeros.value, zeros.interval(0.95)), (0.0, None));
    }

    #[test]
    fn the_interval_covers_clustered_data_where_the_pooled_one_fails() {
        // 30 replications of 100 trials whose chance is 0.1 or 0.3, each with
        // probability one half: the ratio is 0.2. Over 400 studies a 95 %
        // interval misses Binomial(400, 0.05) times if it is right: 20, and
        // more than 40 with probability below 1e-5.
        use crate::rng::{Purpose, Streams};
        let (mut misses, mut pooled_misses) = (0, 0);
        for study in 0..400 {
            let streams = Streams::new(11, study);
            let counts: Vec<(f64, f64)> = (0..30)
                .map(|replication| {
                    let chance = if streams.uniform(replication, Purpose::Phase, 0) < 0.5 {
                        0.1
                    } else {
                        0.3
                    };
                    let hits = (0..100)
                        .filter(|trial| {
                            streams.uniform(replication, Purpose::Interval, *trial) < chance
                        })
                        .count();
                    (hits as f64, 100.0)
                })
                .collect();
            let estimate = RatioEstimate::new(&counts).unwrap();
            let interval = estimate.interval(0.95).unwrap();
            misses += usize::from(!(interval.lo..=interval.hi).contains(&0.2));
            let pooled = 1.96 * (estimate.value * (1.0 - estimate.value) / 3000.0).sqrt();
            pooled_misses += usize::from((estimate.value - 0.2).abs() > pooled);
        }
        assert!(misses <= 40, "{misses}");
        assert!(pooled_misses > 100, "{pooled_misses}");
    }
}
