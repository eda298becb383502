//! What textbooks say of the distributions, for the tests of this module.

use statrs::function::gamma::gamma_lr;

use super::Distribution;
use crate::math::{exp, ln};

fn exponential_moment(power: i32, mean: f64) -> f64 {
    (1..=power).map(|i| f64::from(i) * mean).product()
}

fn exponential_cdf(mean: f64, x: f64) -> f64 {
    1.0 - exp(-x / mean)
}

/// A distribution as a scenario writes it, its raw moments and its distribution
/// function, in seconds, from textbooks.
pub(super) struct Reference {
    pub(super) text: &'static str,
    pub(super) moment: Box<dyn Fn(i32) -> f64>,
    pub(super) cdf: Box<dyn Fn(f64) -> f64>,
}

/// A distribution as a scenario reads it.
pub(super) fn distribution(text: &str) -> Distribution {
    ron::Options::default()
        .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
        .from_str(text)
        .unwrap()
}

fn log_normal(text: &'static str, median: f64, p: f64, z: f64) -> Reference {
    let sigma = ln(p / median) / z;
    Reference {
        text,
        moment: Box::new(move |power| {
            let power = f64::from(power);
            exp(power * ln(median) + power * power * sigma * sigma / 2.0)
        }),
        cdf: Box::new(move |x| libm::erfc(-ln(x / median) / sigma / 2.0_f64.sqrt()) / 2.0),
    }
}

fn gamma(text: &'static str, mean: f64, cv: f64) -> Reference {
    let (shape, scale) = (1.0 / (cv * cv), mean * cv * cv);
    Reference {
        text,
        moment: Box::new(move |power| (0..power).map(|i| (shape + f64::from(i)) * scale).product()),
        cdf: Box::new(move |x| gamma_lr(shape, x / scale)),
    }
}

pub(super) fn references() -> Vec<Reference> {
    vec![
        Reference {
            text: r#"Exponential(mean: "50ms")"#,
            moment: Box::new(|power| exponential_moment(power, 0.05)),
            cdf: Box::new(|x| exponential_cdf(0.05, x)),
        },
        Reference {
            text: r#"Uniform(from: "1s", to: "3s")"#,
            moment: Box::new(|power| {
                let next = f64::from(power + 1);
                (libm::pow(3.0, next) - 1.0) / (2.0 * next)
            }),
            cdf: Box::new(|x| (x - 1.0) / 2.0),
        },
        log_normal(
            r#"LogNormal(median: "80ms", p99: "200ms")"#,
            0.08,
            0.2,
            2.3263478740408408,
        ),
        log_normal(
            r#"LogNormal(median: "80ms", p90: "100ms")"#,
            0.08,
            0.1,
            1.2815515655446004,
        ),
        log_normal(
            r#"LogNormal(median: "1s", p95: "2s")"#,
            1.0,
            2.0,
            1.6448536269514722,
        ),
        log_normal(
            r#"LogNormal(median: "1s", p999: "3s")"#,
            1.0,
            3.0,
            3.090232306167813,
        ),
        gamma(r#"Gamma(mean: "1s", cv: 0.5)"#, 1.0, 0.5),
        gamma(r#"Gamma(mean: "1s", cv: 1)"#, 1.0, 1.0),
        gamma(r#"Gamma(mean: "2s", cv: 0.01)"#, 2.0, 0.01),
        gamma(r#"Gamma(mean: "100s", cv: 1.5)"#, 100.0, 1.5),
        Reference {
            text: r#"Hyperexponential([(share: 0.3, mean: "10ms"), (share: 0.7, mean: "1s")])"#,
            moment: Box::new(|power| {
                0.3 * exponential_moment(power, 0.01) + 0.7 * exponential_moment(power, 1.0)
            }),
            cdf: Box::new(|x| 0.3 * exponential_cdf(0.01, x) + 0.7 * exponential_cdf(1.0, x)),
        },
    ]
}
