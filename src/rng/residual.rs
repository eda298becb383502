use super::{Distribution, DistributionError, Purpose, Sampler, Streams, steady_first};
use crate::units::Span;

/// The residual life of a time: how long it still lasts at a moment picked at
/// random, such as the start of a run for a process that has been running for
/// ever.
///
/// A long time is met in proportion to its length, and the moment is uniform
/// within it, so that the residual life of X has the density P(X > r) / E\[X\]
/// and the mean E\[X^2\] / (2 E\[X\]) (D. R. Cox, "Renewal Theory", 1962,
/// chapter 5). In proportion to their length,
///
/// - exponential times leave an exponential one of the same mean (no memory),
///   and a branch of a hyperexponential is met in proportion to its share times
///   its mean;
/// - lognormal times of `mu` and `sigma` are lognormal of `mu + sigma^2` and
///   `sigma`;
/// - gamma times of shape `k` are gamma of shape `k + 1`, on the same scale;
/// - uniform times are as [`steady_first`] has them.
#[derive(Debug, Clone)]
pub struct Residual(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// A draw.
    Whole(Sampler),
    /// A uniform part of a draw.
    Part(Sampler),
    /// What is left of a uniform time.
    Uniform { from: Span, to: Span },
}

impl Residual {
    /// The residual life of times of a distribution.
    ///
    /// # Errors
    /// What [`Distribution::check`] finds.
    pub fn new(distribution: &Distribution) -> Result<Residual, DistributionError> {
        Ok(Residual(match distribution {
            Distribution::Exponential { .. } | Distribution::Hyperexponential(_) => {
                Kind::Whole(Sampler::by_length(distribution)?)
            }
            Distribution::Constant(_)
            | Distribution::LogNormal { .. }
            | Distribution::Gamma { .. } => Kind::Part(Sampler::by_length(distribution)?),
            Distribution::Uniform { from, to } => {
                distribution.check()?;
                Kind::Uniform {
                    from: *from,
                    to: *to,
                }
            }
        }))
    }

    /// The residual life of exponential times with that mean in seconds.
    pub fn exponential(mean_secs: f64) -> Residual {
        Residual(Kind::Whole(Sampler::exponential(mean_secs)))
    }

    /// The variates of index 0 and 1 of a purpose make one residual life.
    pub fn sample(&self, streams: &Streams, entity: u32, purpose: Purpose) -> Span {
        let uniform = |index| streams.uniform(entity, purpose, index);
        match &self.0 {
            Kind::Whole(sampler) => sampler.sample(streams, entity, purpose, 0),
            Kind::Part(sampler) => {
                let whole = sampler.sample(streams, entity, purpose, 0);
                Span::from_nanos((whole.nanos() as f64 * uniform(1)) as u64)
            }
            Kind::Uniform { from, to } => steady_first(*from, *to, uniform(0), uniform(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::references::{distribution, references};

    const SAMPLES: u32 = 100_000;

    fn residuals(of: &Distribution, seed: u64) -> Vec<f64> {
        let streams = Streams::new(seed, 0);
        let residual = Residual::new(of).unwrap();
        (0..SAMPLES)
            .map(|entity| residual.sample(&streams, entity, Purpose::Phase).secs_f64())
            .collect()
    }

    #[test]
    fn means_are_those_of_renewal_theory() {
        // E[R^n] = E[X^(n+1)] / ((n + 1) E[X]). 5 standard errors for each of
        // 22, false alarm 6e-7 each. What is left of a full time would be twice
        // as long for a constant one.
        for reference in references() {
            let sample = residuals(&distribution(reference.text), 5);
            let n = f64::from(SAMPLES);
            let moment = |power: i32| {
                (reference.moment)(power + 1) / (f64::from(power + 1) * (reference.moment)(1))
            };
            for power in [1, 2] {
                let raised = |x: &f64| if power == 1 { *x } else { x * x };
                let average = sample.iter().map(raised).sum::<f64>() / n;
                let variance = moment(2 * power) - moment(power) * moment(power);
                let z = (average - moment(power)) / (variance / n).sqrt();
                let text = reference.text;
                assert!(z.abs() < 5.0, "{text}: moment {power} {average}, z = {z}");
            }
        }
    }

    #[test]
    fn the_density_falls_as_the_distribution_function_rises() {
        // The chance to be left with at most r is the integral of P(X > x)
        // from 0 to r over E[X], here by the midpoint rule in 2000 steps;
        // false-alarm probability 1e-6 for each.
        use crate::rng::goodness_of_fit::assert_distribution;
        for reference in references() {
            let sample = residuals(&distribution(reference.text), 6);
            let longest = sample.iter().copied().fold(0.0, f64::max);
            let step = longest / 2000.0;
            let mean = (reference.moment)(1);
            let mut areas = vec![0.0];
            for i in 0..2000 {
                let above = 1.0 - (reference.cdf)((f64::from(i) + 0.5) * step).clamp(0.0, 1.0);
                areas.push(areas[i as usize] + above * step / mean);
            }
            assert_distribution(sample, |x| {
                let place = (x / step).min(1999.0);
                let (low, part) = (place as usize, place.fract());
                areas[low] + (areas[low + 1] - areas[low]) * part
            });
        }
    }

    #[test]
    fn a_constant_time_is_met_anywhere() {
        let left = residuals(&distribution(r#"Constant("10s")"#), 7);
        let early = left.iter().filter(|left| **left < 2.5).count();
        // Binomial(100 000, 1/4): 6 standard deviations are 822.
        assert!(early.abs_diff(25_000) < 822, "{early}");
        assert!(left.iter().all(|left| (0.0..10.0).contains(left)));
    }

    #[test]
    fn the_ends() {
        let streams = Streams::new(1, 0);
        for text in [
            r#"Constant("0s")"#,
            r#"Uniform(from: "0s", to: "0s")"#,
            r#"Hyperexponential([(share: 1e-300, mean: "1ns"), (share: 1, mean: "9000d")])"#,
            r#"Gamma(mean: "1s", cv: 0.001)"#,
            r#"Gamma(mean: "1s", cv: 100)"#,
        ] {
            let residual = Residual::new(&distribution(text)).unwrap();
            for entity in 0..1000 {
                let left = residual.sample(&streams, entity, Purpose::Phase);
                assert!(left < Span::MAX, "{text}: {left}");
            }
        }
        let backwards = Distribution::Uniform {
            from: Span::from_secs(2),
            to: Span::from_secs(1),
        };
        assert!(Residual::new(&backwards).is_err());
    }
}
