use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CoefficientOfVariation, DistributionError, PositiveSpan, Share};
use crate::math::{exp, ln, normal_quantile};
use crate::units::Span;

/// How a time is distributed, as a scenario writes it.
///
/// ```ron
/// Constant("50ms")
/// Exponential(mean: "50ms")
/// Uniform(from: "0s", to: "2s")
/// LogNormal(median: "80ms", p99: "1.2s")
/// LogNormal(mean: "120ms", cv: 1.5)
/// Gamma(mean: "1s", cv: 0.5)
/// Hyperexponential([(share: 0.3, mean: "10ms"), (share: 0.7, mean: "1s")])
/// ```
///
/// A rule about one value is kept by its type; a rule about several is for
/// [`check`](Distribution::check). The RON reader must have the extension
/// `implicit_some` enabled for the percentile of a lognormal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Distribution {
    /// Always the same time.
    Constant(Span),
    /// Without memory; the coefficient of variation is 1.
    Exponential {
        /// The mean.
        mean: PositiveSpan,
    },
    /// Equally likely from one end to the other.
    Uniform {
        /// The shortest time.
        from: Span,
        /// The longest time, not less than `from`.
        to: Span,
    },
    /// The logarithm is normal. Given either by the median and exactly one
    /// percentile, or by the mean and the coefficient of variation.
    LogNormal {
        /// Half of the times are below this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        median: Option<PositiveSpan>,
        /// 90% of the times are below this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        p90: Option<PositiveSpan>,
        /// 95% of the times are below this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        p95: Option<PositiveSpan>,
        /// 99% of the times are below this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        p99: Option<PositiveSpan>,
        /// 99.9% of the times are below this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        p999: Option<PositiveSpan>,
        /// The mean.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mean: Option<PositiveSpan>,
        /// The standard deviation divided by the mean.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cv: Option<CoefficientOfVariation>,
    },
    /// A gamma distribution; with `cv: 1` it is exponential, with less it is
    /// steadier, with more burstier.
    Gamma {
        /// The mean.
        mean: PositiveSpan,
        /// The standard deviation divided by the mean.
        cv: CoefficientOfVariation,
    },
    /// One of several exponentials, chosen by chance for each time.
    Hyperexponential(Vec<Branch>),
}

/// One exponential of a hyperexponential distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// How likely this branch is; the shares of all branches add up to 1.
    pub share: Share,
    /// The mean of this branch.
    pub mean: PositiveSpan,
}

/// How far from 1 the shares of a hyperexponential may add up.
const SHARE_TOLERANCE: f64 = 1e-9;

impl Distribution {
    /// Checks the rules that join several values.
    ///
    /// # Errors
    /// If a uniform ends before it starts, if a lognormal is not given in exactly
    /// one way or has a percentile that is not above the median, or if a
    /// hyperexponential has no branch or shares that do not add up to 1. The
    /// message says what was found and what was expected.
    pub fn check(&self) -> Result<(), DistributionError> {
        match self {
            Distribution::Constant(_)
            | Distribution::Exponential { .. }
            | Distribution::Gamma { .. } => Ok(()),
            Distribution::Uniform { from, to } if from > to => Err(DistributionError::Reversed {
                from: *from,
                to: *to,
            }),
            Distribution::Uniform { .. } => Ok(()),
            Distribution::LogNormal { .. } => self.log_normal().map(drop),
            Distribution::Hyperexponential(branches) if branches.is_empty() => {
                Err(DistributionError::NoBranch)
            }
            Distribution::Hyperexponential(branches) => {
                let sum = total_share(branches);
                if (sum - 1.0).abs() <= SHARE_TOLERANCE {
                    Ok(())
                } else {
                    Err(DistributionError::Shares(sum))
                }
            }
        }
    }

    /// The mean in seconds; not a number if [`check`](Distribution::check) fails
    /// on a lognormal or on a hyperexponential without branches.
    pub fn mean_secs(&self) -> f64 {
        match self {
            Distribution::Constant(span) => span.secs_f64(),
            Distribution::Exponential { mean } | Distribution::Gamma { mean, .. } => {
                mean.get().secs_f64()
            }
            Distribution::Uniform { from, to } => (from.secs_f64() + to.secs_f64()) / 2.0,
            Distribution::LogNormal {
                mean: Some(mean), ..
            } => match self.log_normal() {
                Ok(_) => mean.get().secs_f64(),
                Err(_) => f64::NAN,
            },
            Distribution::LogNormal { .. } => match self.log_normal() {
                Ok((median, sigma)) => median / 1e9 * exp(sigma * sigma / 2.0),
                Err(_) => f64::NAN,
            },
            Distribution::Hyperexponential(branches) => {
                let weighted: f64 = branches
                    .iter()
                    .map(|branch| branch.share.get() * branch.mean.get().secs_f64())
                    .sum();
                weighted / total_share(branches)
            }
        }
    }

    /// The median of a lognormal in nanoseconds and the standard deviation of
    /// its logarithm.
    ///
    /// With a coefficient of variation c the variance of the logarithm is
    /// ln(1 + c^2), and the median is the mean divided by the root of 1 + c^2
    /// (Johnson, Kotz & Balakrishnan, Continuous Univariate Distributions, 1994).
    pub(super) fn log_normal(&self) -> Result<(f64, f64), DistributionError> {
        let Distribution::LogNormal {
            median, mean, cv, ..
        } = self
        else {
            return Err(DistributionError::Ways(Vec::new()));
        };
        let given = self.percentiles();
        match (*median, given.as_slice(), *mean, *cv) {
            (Some(median), &[(percentile, time)], None, None) => {
                if time <= median {
                    return Err(DistributionError::BelowMedian {
                        percentile: percentile.name,
                        time: time.get(),
                        median: median.get(),
                    });
                }
                let nanos = median.get().nanos() as f64;
                let ratio = time.get().secs_f64() / median.get().secs_f64();
                let sigma = ln(ratio) / normal_quantile(percentile.probability);
                Ok((nanos, sigma))
            }
            (None, [], Some(mean), Some(cv)) => {
                let spread = 1.0 + cv.get() * cv.get();
                let nanos = mean.get().nanos() as f64;
                Ok((nanos / spread.sqrt(), ln(spread).sqrt()))
            }
            _ => {
                let there = [("median", median.is_some())].into_iter();
                let percentiles = given.iter().map(|(percentile, _)| (percentile.name, true));
                let moments = [("mean", mean.is_some()), ("cv", cv.is_some())];
                let found = (there.chain(percentiles).chain(moments))
                    .filter_map(|(name, there)| there.then_some(name))
                    .collect();
                Err(DistributionError::Ways(found))
            }
        }
    }

    /// The percentiles that a lognormal is given by.
    fn percentiles(&self) -> Vec<(Percentile, PositiveSpan)> {
        let Distribution::LogNormal {
            p90,
            p95,
            p99,
            p999,
            ..
        } = self
        else {
            return Vec::new();
        };
        PERCENTILES
            .into_iter()
            .zip([*p90, *p95, *p99, *p999])
            .filter_map(|(percentile, time)| Some((percentile, time?)))
            .collect()
    }
}

#[derive(Clone, Copy)]
struct Percentile {
    name: &'static str,
    spoken: &'static str,
    probability: f64,
}

const PERCENTILES: [Percentile; 4] = [
    Percentile {
        name: "p90",
        spoken: "90%",
        probability: 0.9,
    },
    Percentile {
        name: "p95",
        spoken: "95%",
        probability: 0.95,
    },
    Percentile {
        name: "p99",
        spoken: "99%",
        probability: 0.99,
    },
    Percentile {
        name: "p999",
        spoken: "99.9%",
        probability: 0.999,
    },
];

fn total_share(branches: &[Branch]) -> f64 {
    branches.iter().map(|branch| branch.share.get()).sum()
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distribution::Constant(span) => write!(f, "always {span}"),
            Distribution::Exponential { mean } => write!(f, "exponential, mean {mean}"),
            Distribution::Uniform { from, to } => write!(f, "uniform from {from} to {to}"),
            Distribution::LogNormal {
                median, mean, cv, ..
            } => {
                f.write_str("lognormal")?;
                if let Some(mean) = mean {
                    write!(f, ", mean {mean}")?;
                }
                if let Some(cv) = cv {
                    write!(f, ", coefficient of variation {cv}")?;
                }
                if let Some(median) = median {
                    write!(f, ", median {median}")?;
                }
                self.percentiles()
                    .iter()
                    .try_for_each(|(percentile, time)| {
                        write!(f, ", {} below {time}", percentile.spoken)
                    })
            }
            Distribution::Gamma { mean, cv } => {
                write!(f, "gamma, mean {mean}, coefficient of variation {cv}")
            }
            Distribution::Hyperexponential(branches) => {
                f.write_str("hyperexponential")?;
                branches.iter().try_for_each(|Branch { share, mean }| {
                    write!(f, ", mean {mean} with probability {share}")
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ron::extensions::Extensions;

    use super::*;

    fn read(text: &str) -> Result<Distribution, ron::error::SpannedError> {
        ron::Options::default()
            .with_default_extension(Extensions::IMPLICIT_SOME)
            .from_str(text)
    }

    #[test]
    fn each_form_is_read_spoken_and_written_back() {
        // A lognormal's mean is median * exp(sigma^2 / 2) with
        // sigma = ln(p / median) / z, here computed with 40 digits.
        for (text, spoken, mean) in [
            (r#"Constant("50ms")"#, "always 50ms", 0.05),
            (
                r#"Exponential(mean: "50ms")"#,
                "exponential, mean 50ms",
                0.05,
            ),
            (
                r#"Uniform(from: "0s", to: "2s")"#,
                "uniform from 0s to 2s",
                1.0,
            ),
            (
                r#"LogNormal(median: "80ms", p99: "1.2s")"#,
                "lognormal, median 80ms, 99% below 1s 200ms",
                0.157522032904417,
            ),
            (
                r#"LogNormal(median: "1s", p90: "2s")"#,
                "lognormal, median 1s, 90% below 2s",
                1.15750613689323,
            ),
            (
                r#"LogNormal(median: "1s", p95: "2s")"#,
                "lognormal, median 1s, 95% below 2s",
                1.09285166008125,
            ),
            (
                r#"LogNormal(median: "1s", p999: "2s")"#,
                "lognormal, median 1s, 99.9% below 2s",
                1.02547490891997,
            ),
            (
                r#"LogNormal(mean: "120ms", cv: 1.5)"#,
                "lognormal, mean 120ms, coefficient of variation 1.5",
                0.12,
            ),
            (
                r#"Gamma(mean: "1s", cv: 0.5)"#,
                "gamma, mean 1s, coefficient of variation 0.5",
                1.0,
            ),
            (
                r#"Hyperexponential([(share: 0.3, mean: "10ms"), (share: 0.7, mean: "1s")])"#,
                "hyperexponential, mean 10ms with probability 0.3, mean 1s with probability 0.7",
                0.703,
            ),
        ] {
            let distribution = read(text).unwrap();
            assert_eq!(distribution.check(), Ok(()), "{text}");
            assert_eq!(distribution.to_string(), spoken);
            let found = distribution.mean_secs();
            assert!((found - mean).abs() <= 1e-9 * mean, "{text}: mean {found}");
            let written = ron::to_string(&distribution).unwrap();
            assert_eq!(read(&written).unwrap(), distribution, "{written}");
        }
    }

    #[test]
    fn whole_numbers_are_numbers_too() {
        let gamma = read(r#"Gamma(mean: "1s", cv: 2)"#).unwrap();
        assert_eq!(
            gamma.to_string(),
            "gamma, mean 1s, coefficient of variation 2"
        );
    }

    #[test]
    fn one_wrong_value_is_refused_where_it_stands() {
        // The column of a text is that of its first letter.
        for (text, column, part) in [
            (r#"Constant("50")"#, 11, "unit"),
            (r#"Constant(50)"#, 10, "string"),
            (r#"Exponential(mean: "0s")"#, 20, "more than zero"),
            (
                r#"LogNormal(median: "0s", p99: "1s")"#,
                20,
                "more than zero",
            ),
            (r#"LogNormal(median: "1s", p99: "x")"#, 31, "is not a time"),
            (r#"Gamma(mean: "1s", cv: 0)"#, 23, "from 0.001 to 100"),
            (r#"Gamma(mean: "1s", cv: 101)"#, 23, "from 0.001 to 100"),
            (r#"Gamma(mean: "1s", cv: NaN)"#, 23, "from 0.001 to 100"),
            (
                r#"Hyperexponential([(share: -1, mean: "1s")])"#,
                27,
                "more than 0",
            ),
            (r#"Exponential(mean: "1s", median: "1s")"#, 25, "median"),
            (
                r#"Hyperexponential([(share: 1, mean: "1s", x: 2)])"#,
                42,
                "x",
            ),
            (r#"Exponential()"#, 13, "mean"),
            (r#"Weibull(mean: "1s")"#, 1, "Weibull"),
        ] {
            let error = read(text).unwrap_err();
            let message = error.code.to_string();
            assert!(message.contains(part), "{text}: {message}");
            assert_eq!(error.span.start.col, column, "{text}: {message}");
        }
    }

    #[test]
    fn values_that_contradict_each_other_are_refused() {
        for (text, part) in [
            (r#"Uniform(from: "2s", to: "1s")"#, "found from 2s to 1s"),
            (r#"LogNormal()"#, "found none of them"),
            (r#"LogNormal(median: "1s")"#, "found median alone"),
            (r#"LogNormal(p99: "1s")"#, "found p99 alone"),
            (r#"LogNormal(mean: "1s")"#, "found mean alone"),
            (r#"LogNormal(cv: 2)"#, "found cv alone"),
            (
                r#"LogNormal(median: "1s", p90: "2s", p999: "9s")"#,
                "found median, p90 and p999",
            ),
            (r#"LogNormal(mean: "1s", p99: "2s")"#, "found p99 and mean"),
            (
                r#"LogNormal(median: "1s", cv: 2)"#,
                "by `mean` and `cv`; found median and cv",
            ),
            (
                r#"LogNormal(median: "1s", p99: "2s", mean: "1s", cv: 2)"#,
                "found median, p99, mean and cv",
            ),
            (
                r#"LogNormal(median: "1s", p95: "1s")"#,
                "p95 of a lognormal distribution must be above",
            ),
            (
                r#"LogNormal(median: "1s", p99: "500ms")"#,
                "found 500ms and a median of 1s",
            ),
            (r#"Hyperexponential([])"#, "at least one branch"),
            (
                r#"Hyperexponential([(share: 0.3, mean: "1s"), (share: 0.6, mean: "1s")])"#,
                "add up to 1",
            ),
        ] {
            let message = read(text).unwrap().check().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
        assert!(
            read(r#"LogNormal(median: "1s")"#)
                .unwrap()
                .mean_secs()
                .is_nan()
        );
        assert!(read("Hyperexponential([])").unwrap().mean_secs().is_nan());
    }

    #[test]
    fn a_lognormal_is_the_same_by_its_moments_and_by_its_percentiles() {
        for cv in [0.01, 0.5, 1.0, 3.0, 50.0] {
            let text = format!(r#"LogNormal(mean: "1s", cv: {cv})"#);
            let (median, sigma) = read(&text).unwrap().log_normal().unwrap();
            // The moments of a lognormal from its two parameters.
            let mean = median / 1e9 * exp(sigma * sigma / 2.0);
            let variation = (exp(sigma * sigma) - 1.0).sqrt();
            assert!((mean - 1.0).abs() < 1e-12, "{cv}: mean {mean}");
            assert!((variation / cv - 1.0).abs() < 1e-9, "{cv}: {variation}");
        }
    }

    #[test]
    fn rounded_thirds_add_up_to_one() {
        let third = r#"(share: 0.3333333333, mean: "1s")"#;
        let thirds = read(&format!("Hyperexponential([{third}, {third}, {third}])")).unwrap();
        assert_eq!(thirds.check(), Ok(()));
        assert_eq!(thirds.mean_secs(), 1.0);
    }
}
