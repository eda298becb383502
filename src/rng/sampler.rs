use super::gamma::Gamma;
use super::{Branch, Distribution, DistributionError, Purpose, Streams};
use rand::Rng;

use super::streams::unit_interval;
use crate::math::{ExpTable, LnTable, exp, normal_quantile};
use crate::units::Span;

/// A distribution compiled for drawing.
///
/// One variate costs one uniform number, by inversion of the distribution
/// function, so that a longer quantile of one policy is a longer quantile of
/// the other; only the gamma distribution rejects, within a private stream.
/// Times round to the nearest nanosecond and saturate at [`Span::MAX`].
#[derive(Debug, Clone)]
pub struct Sampler {
    kind: Kind,
    logarithms: &'static LnTable,
    powers: &'static ExpTable,
}

/// Times are in nanoseconds.
#[derive(Debug, Clone)]
enum Kind {
    Constant(Span),
    Exponential { mean: f64 },
    Uniform { from: Span, to: Span, width: f64 },
    LogNormal { median: f64, sigma: f64 },
    Gamma(Gamma),
    Hyperexponential(Box<[Slice]>),
}

/// A branch of a hyperexponential owns the uniform numbers below `end`, down
/// to the end of the branch before.
#[derive(Debug, Clone, Copy)]
struct Slice {
    end: f64,
    per_share: f64,
    mean: f64,
}

impl Sampler {
    /// Compiles a distribution.
    ///
    /// # Errors
    /// What [`Distribution::check`] finds.
    pub fn new(distribution: &Distribution) -> Result<Sampler, DistributionError> {
        distribution.check()?;
        Ok(Sampler::of(match distribution {
            Distribution::Constant(span) => Kind::Constant(*span),
            Distribution::Exponential { mean } => Kind::Exponential {
                mean: nanos(mean.get()),
            },
            Distribution::Uniform { from, to } => Kind::Uniform {
                from: *from,
                to: *to,
                width: nanos(to.saturating_sub(*from)),
            },
            Distribution::LogNormal { .. } => {
                let (median, sigma) = distribution.log_normal()?;
                Kind::LogNormal { median, sigma }
            }
            Distribution::Gamma { mean, cv } => Kind::Gamma(Gamma::new(nanos(mean.get()), *cv)),
            Distribution::Hyperexponential(branches) => {
                let weight = |branch: &Branch| branch.share.get();
                Kind::Hyperexponential(slices(branches, weight))
            }
        }))
    }

    /// Compiles the distribution in which each time is drawn in proportion to
    /// its length; exponential times are left as they are, so that of them it
    /// is the branch that is drawn so. For [`Residual`](super::Residual); of
    /// uniform times it is not made.
    ///
    /// # Errors
    /// What [`Distribution::check`] finds.
    pub(super) fn by_length(distribution: &Distribution) -> Result<Sampler, DistributionError> {
        let mut sampler = Sampler::new(distribution)?;
        match (&mut sampler.kind, distribution) {
            (Kind::LogNormal { median, sigma }, _) => *median *= exp(*sigma * *sigma),
            (Kind::Gamma(gamma), Distribution::Gamma { mean, cv }) => {
                *gamma = Gamma::by_length(nanos(mean.get()), *cv);
            }
            (Kind::Hyperexponential(old), Distribution::Hyperexponential(branches)) => {
                let weight = |branch: &Branch| branch.share.get() * nanos(branch.mean.get());
                *old = slices(branches, weight);
            }
            _ => {}
        }
        Ok(sampler)
    }

    /// Exponential times with that mean in seconds; not a number or negative
    /// gives no time at all.
    pub fn exponential(mean_secs: f64) -> Sampler {
        Sampler::of(Kind::Exponential {
            mean: mean_secs * 1e9,
        })
    }

    fn of(kind: Kind) -> Sampler {
        Sampler {
            kind,
            logarithms: LnTable::shared(),
            powers: ExpTable::shared(),
        }
    }

    /// The variate at an address: the same for the same address, whatever else
    /// was drawn.
    #[inline]
    pub fn sample(&self, streams: &Streams, entity: u32, purpose: Purpose, index: u64) -> Span {
        match &self.kind {
            Kind::Gamma(gamma) => rounded(gamma.draw(&mut streams.stream(entity, purpose, index))),
            _ => self.inverse(|| streams.uniform(entity, purpose, index)),
        }
    }

    /// The time that a part `fraction`, from 0 to below 1, of all times is
    /// shorter than; `None` for a gamma, which is not drawn by inversion.
    pub fn quantile(&self, fraction: f64) -> Option<Span> {
        match self.kind {
            Kind::Gamma(_) => None,
            _ => Some(self.inverse(|| fraction)),
        }
    }

    /// The variate that one uniform number on `[0, 1)` stands for; none of a
    /// gamma, which takes several.
    #[inline(always)]
    fn inverse(&self, uniform: impl FnOnce() -> f64) -> Span {
        match &self.kind {
            Kind::Constant(span) => *span,
            Kind::Exponential { mean } => self.with_mean(*mean, 1.0 - uniform()),
            Kind::Uniform { from, to, width } => (*from + rounded(width * uniform())).min(*to),
            Kind::LogNormal { median, sigma } => {
                rounded(median * self.powers.exp(sigma * normal_quantile(uniform())))
            }
            Kind::Gamma(_) => Span::ZERO,
            Kind::Hyperexponential(slices) => self.hyperexponential(slices, uniform()),
        }
    }

    /// `above` is the probability of a longer time: more than 0. Rounding may
    /// have brought it over 1, which gives zero.
    #[inline]
    fn with_mean(&self, mean: f64, above: f64) -> Span {
        rounded(-mean * self.logarithms.ln(above))
    }

    /// The slice that `u` falls in chooses the branch, and where it falls within
    /// the slice is again uniform and chooses the time.
    fn hyperexponential(&self, slices: &[Slice], u: f64) -> Span {
        match slices.iter().find(|slice| u < slice.end) {
            Some(slice) => self.with_mean(slice.mean, (slice.end - u) * slice.per_share),
            None => Span::ZERO,
        }
    }
}

/// Draws from any generator, as the distributions of `rand_distr` do. From a
/// [`Stream`](super::Stream) it is the variate at the address of that.
impl rand::distr::Distribution<Span> for Sampler {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Span {
        match &self.kind {
            Kind::Gamma(gamma) => rounded(gamma.draw(rng)),
            _ => self.inverse(|| unit_interval(rng.next_u64())),
        }
    }
}

fn nanos(span: Span) -> f64 {
    span.nanos() as f64
}

/// The branches of a hyperexponential, each with a slice in proportion to its
/// weight.
fn slices(branches: &[Branch], weight: impl Fn(&Branch) -> f64) -> Box<[Slice]> {
    let total: f64 = branches.iter().map(&weight).sum();
    let mut end = 0.0;
    let mut slices: Vec<Slice> = branches
        .iter()
        .map(|branch| {
            let share = weight(branch) / total;
            end += share;
            Slice {
                end,
                per_share: 1.0 / share,
                mean: nanos(branch.mean.get()),
            }
        })
        .collect();
    if let Some(last) = slices.last_mut() {
        last.end = 1.0;
    }
    slices.into()
}

#[inline]
fn rounded(nanos: f64) -> Span {
    Span::from_nanos((nanos + 0.5) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::ln;
    use crate::rng::goodness_of_fit::{assert_distribution, assert_same_distribution};
    use crate::rng::references::{Reference, distribution, references};
    use crate::rng::{CoefficientOfVariation, PositiveSpan, Share, Stream};
    use proptest::prelude::*;

    const SAMPLES: u64 = 100_000;

    fn sampler(text: &str) -> Sampler {
        Sampler::new(&distribution(text)).unwrap()
    }

    fn seconds(sampler: &Sampler, seed: u64) -> Vec<f64> {
        let streams = Streams::new(seed, 0);
        (0..SAMPLES)
            .map(|index| {
                sampler
                    .sample(&streams, 1, Purpose::Service, index)
                    .secs_f64()
            })
            .collect()
    }

    #[test]
    fn distribution_functions_are_right() {
        // False-alarm probability 1e-6 for each.
        for Reference { text, cdf, .. } in references() {
            // Half a nanosecond more: what was rounded to x came from up to there.
            assert_distribution(seconds(&sampler(text), 1), |x| cdf(x + 0.5e-9));
        }
    }

    #[test]
    fn any_generator_will_do_and_a_stream_gives_the_variate_of_its_address() {
        use rand::distr::Distribution;
        for Reference { text, cdf, .. } in references() {
            let (sampler, streams) = (sampler(text), Streams::new(3, 1));
            for index in 0..1000 {
                let mut stream = streams.stream(7, Purpose::Service, index);
                let addressed = sampler.sample(&streams, 7, Purpose::Service, index);
                assert_eq!(
                    Distribution::sample(&sampler, &mut stream),
                    addressed,
                    "{text}"
                );
            }
            // One generator for all, which also is how others draw.
            let rng = streams.stream(8, Purpose::Service, 0);
            let drawn = (&sampler).sample_iter(rng).take(SAMPLES as usize);
            assert_distribution(drawn.map(Span::secs_f64).collect(), |x| cdf(x + 0.5e-9));
        }
    }

    #[test]
    fn means_and_variances_are_right() {
        // 5 standard errors, false alarm 6e-7 for each of the 22.
        for Reference { text, moment, .. } in references() {
            let sample = seconds(&sampler(text), 2);
            let n = sample.len() as f64;
            let mean = moment(1);
            let variance = moment(2) - mean * mean;
            let fourth = moment(4) - 4.0 * mean * moment(3) + 6.0 * mean * mean * moment(2)
                - 3.0 * mean * mean * mean * mean;
            let average = sample.iter().sum::<f64>() / n;
            let spread = sample.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
            let z = (average - mean) / (variance / n).sqrt();
            assert!(z.abs() < 5.0, "{text}: mean {average}, z = {z}");
            let z = (spread - variance) / ((fourth - variance * variance) / n).sqrt();
            assert!(z.abs() < 5.0, "{text}: variance {spread}, z = {z}");
        }
    }

    #[test]
    fn rand_distr_draws_from_the_same_distributions() {
        fn oracle(distribution: impl rand_distr::Distribution<f64>) -> Vec<f64> {
            let streams = Streams::new(3, 1);
            (0..SAMPLES)
                .map(|index| {
                    let mut stream: Stream = streams.stream(2, Purpose::Think, index);
                    distribution.sample(&mut stream)
                })
                .collect()
        }
        let sigma = ln(15.0) / 2.3263478740408408;
        // False-alarm probability 1e-6 for each.
        for (text, other) in [
            (
                r#"Exponential(mean: "50ms")"#,
                oracle(rand_distr::Exp::new(20.0).unwrap()),
            ),
            (
                r#"Uniform(from: "1s", to: "3s")"#,
                oracle(rand_distr::Uniform::new(1.0, 3.0).unwrap()),
            ),
            (
                r#"LogNormal(median: "80ms", p99: "1.2s")"#,
                oracle(rand_distr::LogNormal::new(ln(0.08), sigma).unwrap()),
            ),
            (
                r#"LogNormal(mean: "1s", cv: 2)"#,
                oracle(rand_distr::LogNormal::from_mean_cv(1.0, 2.0).unwrap()),
            ),
            (
                r#"Gamma(mean: "1s", cv: 0.5)"#,
                oracle(rand_distr::Gamma::new(4.0, 0.25).unwrap()),
            ),
            (
                r#"Gamma(mean: "100s", cv: 1.5)"#,
                oracle(rand_distr::Gamma::new(1.0 / 2.25, 225.0).unwrap()),
            ),
        ] {
            assert_same_distribution(seconds(&sampler(text), 3), other);
        }
    }

    #[test]
    fn values_are_stable() {
        // The same nanoseconds come from the formulas in 40 digits.
        let streams = Streams::new(1, 0);
        for (text, expected) in [
            (r#"Constant("50ms")"#, [50_000_000; 4]),
            (
                r#"Exponential(mean: "50ms")"#,
                [55_985_249, 19_190_396, 9_211_451, 45_241_563],
            ),
            (
                r#"Uniform(from: "0s", to: "2s")"#,
                [1_347_247_865, 637_475_466, 336_509_393, 1_190_779_694],
            ),
            (
                r#"LogNormal(median: "80ms", p99: "1.2s")"#,
                [135_070_166, 46_222_954, 26_134_302, 105_961_128],
            ),
            (
                r#"Gamma(mean: "1s", cv: 0.5)"#,
                [1_149_371_212, 709_080_719, 529_263_269, 1_037_168_943],
            ),
            (
                r#"Gamma(mean: "1s", cv: 2)"#,
                [689_287_015, 189_712_851, 7_870_432, 3_825_600],
            ),
            (
                r#"Hyperexponential([(share: 0.3, mean: "10ms"), (share: 0.7, mean: "1s")])"#,
                [763_030_037, 27_132_983, 8_229_119, 548_156_317],
            ),
        ] {
            let sampler = sampler(text);
            let found = [0, 1, 2, u64::MAX]
                .map(|index| sampler.sample(&streams, 7, Purpose::Service, index).nanos());
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_distribution_that_contradicts_itself_is_not_compiled() {
        let backwards = Distribution::Uniform {
            from: Span::from_secs(2),
            to: Span::from_secs(1),
        };
        assert!(Sampler::new(&backwards).is_err());
    }

    #[test]
    fn the_least_likely_draws_stay_in_range() {
        let top = 1.0 - f64::EPSILON / 2.0;
        let any = Sampler::exponential(1.0);
        assert_eq!(any.with_mean(1e9, 1.0), Span::ZERO);
        // 53 ln 2 = 36.7 means is the longest.
        assert_eq!(
            any.with_mean(1e9, 1.0 - top),
            Span::from_nanos(36_736_800_570)
        );
        assert_eq!(any.with_mean(1e19, 1.0 - top), Span::MAX);
        for shares in [vec![1e-300, 0.1, 0.2, 0.3, 0.4], vec![0.1428571429; 7]] {
            let slices = equal_means(&shares);
            for edge in slices.iter().map(|slice| slice.end) {
                for u in [0.0, edge.next_down(), edge, edge.next_up()] {
                    let longest = any.hyperexponential(&slices, u.clamp(0.0, top)).secs_f64();
                    assert!(longest < 38.0, "u = {u}: {longest} s");
                }
            }
            // Seven sevenths come to a little less than 1; the last branch reaches up to 1.
            assert!(any.hyperexponential(&slices, top) > Span::from_secs(34));
        }
    }

    fn equal_means(shares: &[f64]) -> Box<[Slice]> {
        let branch = |&share: &f64| Branch {
            share: Share::new(share).unwrap(),
            mean: PositiveSpan::new(Span::from_secs(1)).unwrap(),
        };
        let branches = shares.iter().map(branch).collect();
        match Sampler::new(&Distribution::Hyperexponential(branches)) {
            Ok(Sampler {
                kind: Kind::Hyperexponential(slices),
                ..
            }) => slices,
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn the_widest_parameters_give_times_in_range(
            from: u64, width: u64, mean in 1_u64.., cv in 0.001..100.0_f64, index: u64,
        ) {
            let streams = Streams::new(4, 0);
            let (from, to) = (Span::from_nanos(from), Span::from_nanos(from) + Span::from_nanos(width));
            let uniform = Sampler::new(&Distribution::Uniform { from, to }).unwrap();
            let drawn = uniform.sample(&streams, 0, Purpose::Arrival, index);
            prop_assert!((from..=to).contains(&drawn));
            let gamma = Sampler::new(&Distribution::Gamma {
                mean: PositiveSpan::new(Span::from_nanos(mean)).unwrap(),
                cv: CoefficientOfVariation::new(cv).unwrap(),
            }).unwrap();
            // Never hangs; the largest value is within what a double holds.
            let Kind::Gamma(gamma) = gamma.kind else { panic!("not a gamma") };
            let drawn = gamma.draw(&mut streams.stream(0, Purpose::Arrival, index));
            prop_assert!(drawn >= 0.0 && drawn.is_finite(), "{}", drawn);
        }
    }
}
