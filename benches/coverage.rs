//! How often bounds miss the truth, on data whose truth is known.
//!
//! `cargo bench --bench coverage`, with a fixed seed; about half a minute on
//! one core. The table is in the book, on the page "Do the intervals hold?".

#![allow(clippy::print_stdout, reason = "it prints a table")]

use ratelab::math::{exp, ln, normal_quantile};
use ratelab::rng::{Purpose, Stream, Streams};
use ratelab::sim::LatencyRecorder;
use ratelab::stats::{Basis, Interval, RatioEstimate, Scale, woodruff};

const SEED: u64 = 13;
const CONFIDENCE: f64 = 0.95;

fn main() {
    // `cargo test --benches` only asks whether it runs.
    let studies = if std::env::args().any(|argument| argument == "--test") {
        4
    } else {
        4000
    };
    println!(
        "Seed {SEED}, {studies} studies a row (of quantiles a quarter or fewer), nominal 5 % a side.\n"
    );
    shares(studies);
    few_events(studies);
    quantiles(studies / 4);
}

/// Misses of the one-sided bounds, of the two-sided interval, and of what the
/// plain t-interval would have missed above.
#[derive(Default)]
struct Misses {
    studies: u32,
    upper: u32,
    lower: u32,
    below: u32,
    above: u32,
    plain_t: u32,
    /// Studies in which the bound rested on too few events.
    few: u32,
    skewed: u32,
}

impl Misses {
    fn count(
        &mut self,
        truth: f64,
        bounds: (Option<f64>, Option<f64>),
        interval: Option<Interval>,
    ) {
        self.studies += 1;
        self.upper += u32::from(bounds.1.is_some_and(|upper| upper < truth));
        self.lower += u32::from(bounds.0.is_some_and(|lower| lower > truth));
        self.below += u32::from(interval.is_some_and(|interval| interval.hi < truth));
        self.above += u32::from(interval.is_some_and(|interval| interval.lo > truth));
    }

    fn percent(&self, count: u32) -> String {
        format!(
            "{:.1} %",
            f64::from(count) * 100.0 / f64::from(self.studies)
        )
    }
}

/// The misses of estimates from counts that `draw` makes for each replication.
fn study(
    studies: u32,
    replications: u32,
    truth: f64,
    mut draw: impl FnMut(&mut Stream) -> (f64, f64),
) -> Misses {
    let mut misses = Misses::default();
    let t = ratelab::stats::student_t_quantile(CONFIDENCE, replications - 1);
    for study in 0..studies {
        let streams = Streams::new(SEED, study);
        let counts: Vec<(f64, f64)> = (0..replications)
            .map(|replication| draw(&mut streams.stream(replication, Purpose::Chance, 0)))
            .collect();
        let Some(estimate) = RatioEstimate::new(&counts, Scale::Share) else {
            continue;
        };
        let bounds = (estimate.lower(CONFIDENCE), estimate.upper(CONFIDENCE));
        misses.count(truth, bounds, estimate.interval(CONFIDENCE));
        let plain = estimate.value + t * estimate.standard_error.unwrap_or(0.0);
        misses.plain_t += u32::from(plain < truth);
        misses.few += u32::from(matches!(
            estimate.basis(),
            Basis::FewEvents { .. } | Basis::NoneSeen
        ));
        misses.skewed += u32::from(estimate.is_too_skewed());
    }
    misses
}

/// Beta-binomial shares: each replication has a chance of its own.
fn shares(studies: u32) {
    println!(
        "| share | attempts a run | design effect | R | upper bound missed | lower bound missed | plain t, upper | R < 25 g² |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (share, attempts) in [(0.01, 1000_u32), (0.001, 10_000)] {
        for design in [1.0, 20.0, 50.0] {
            for replications in [30, 50, 100] {
                let rho = (design - 1.0) / f64::from(attempts - 1);
                let misses = study(studies, replications, share, |stream| {
                    let chance = if rho == 0.0 {
                        share
                    } else {
                        let size = (1.0 - rho) / rho;
                        let some = gamma(stream, share * size);
                        some / (some + gamma(stream, (1.0 - share) * size))
                    };
                    (binomial(stream, attempts, chance), f64::from(attempts))
                });
                println!(
                    "| {} % | {attempts} | {design} | {replications} | {} | {} | {} | {} |",
                    share * 100.0,
                    misses.percent(misses.upper),
                    misses.percent(misses.lower),
                    misses.percent(misses.plain_t),
                    misses.percent(misses.skewed),
                );
            }
        }
    }
    println!();
}

/// Rare events in clusters: a share of 3.7e-5, of 10,000 attempts a run.
fn few_events(studies: u32) {
    println!(
        "| cluster | R | runs with events | upper bound missed | lower bound missed | two-sided, wholly below | wholly above | plain t, upper | rested on few |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let (share, attempts) = (3.7e-5, 10_000.0);
    for (name, mean) in [
        ("5 each", 5.0),
        ("5, exponential", 5.0),
        ("5, lognormal", 5.0),
        ("20, exponential", 20.0),
        ("20, lognormal", 20.0),
    ] {
        for replications in [40, 100, 400] {
            let clusters = share * attempts / mean;
            let misses = study(studies, replications, share, |stream| {
                let count = poisson(stream, clusters);
                let sum: f64 = (0..count)
                    .map(|_| match name {
                        "5 each" => mean,
                        "5, lognormal" | "20, lognormal" => {
                            mean * exp(normal_quantile(stream.uniform_open()) - 0.5)
                        }
                        _ => -mean * ln(stream.uniform_open()),
                    })
                    .sum();
                (sum.min(attempts), attempts)
            });
            println!(
                "| {name} | {replications} | {:.1} | {} | {} | {} | {} | {} | {} |",
                f64::from(replications) * (1.0 - exp(-clusters)),
                misses.percent(misses.upper),
                misses.percent(misses.lower),
                misses.percent(misses.below),
                misses.percent(misses.above),
                misses.percent(misses.plain_t),
                misses.percent(misses.few),
            );
        }
    }
    println!();
}

/// Quantiles of exponential times with a mean of a second; in the clustered
/// rows each run has a mean of its own.
fn quantiles(studies: u32) {
    println!(
        "| values | R | runs | quantile | upper bound missed | lower bound missed | two-sided missed |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    // (values a run, replications, whether clustered, studies); the largest
    // rows are by fewer studies.
    for (values, replications, clustered, studies) in [
        (1000, 40, false, studies),
        (1000, 40, true, studies),
        (5000, 40, false, studies / 2),
        (5000, 40, true, studies / 2),
        (50_000, 40, false, studies / 5),
        (50_000, 40, true, studies / 5),
    ] {
        let studies: u32 = studies.max(1);
        let quantiles = [0.5, 0.95, 0.99];
        let mut misses = [Misses::default(), Misses::default(), Misses::default()];
        for study in 0..studies {
            let streams = Streams::new(SEED + 1, study);
            let histograms: Vec<_> = (0..replications)
                .map(|replication| {
                    let mut recorder = LatencyRecorder::default();
                    let mut stream = streams.stream(replication, Purpose::Service, 0);
                    // One run in two is twice as slow.
                    let mean = match clustered && stream.uniform() < 0.5 {
                        true => 2e9,
                        false => 1e9,
                    };
                    for _ in 0..values {
                        recorder.add((-mean * ln(stream.uniform_open())) as u64);
                    }
                    recorder.histogram()
                })
                .collect();
            for (quantile, misses) in quantiles.iter().zip(&mut misses) {
                let truth = true_quantile(*quantile, clustered);
                let Some(found) = woodruff(&histograms, &[], *quantile) else {
                    continue;
                };
                let bounds = (found.lower(CONFIDENCE), found.upper(CONFIDENCE));
                misses.count(truth, bounds, found.interval(CONFIDENCE));
            }
        }
        for (quantile, misses) in quantiles.iter().zip(&misses) {
            println!(
                "| {} | {replications} | {} | p{} | {} | {} | {} |",
                values * replications,
                if clustered { "differ" } else { "alike" },
                quantile * 100.0,
                misses.percent(misses.upper),
                misses.percent(misses.lower),
                misses.percent(misses.below + misses.above),
            );
        }
    }
}

/// In nanoseconds, by bisection of the distribution function.
fn true_quantile(quantile: f64, clustered: bool) -> f64 {
    let above = |seconds: f64| match clustered {
        true => (exp(-seconds) + exp(-seconds / 2.0)) / 2.0,
        false => exp(-seconds),
    };
    let (mut low, mut high) = (0.0, 100.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if above(middle) > 1.0 - quantile {
            low = middle;
        } else {
            high = middle;
        }
    }
    low * 1e9
}

/// A gamma variate with scale 1 (Marsaglia and Tsang 2000).
fn gamma(stream: &mut Stream, shape: f64) -> f64 {
    if shape < 1.0 {
        let boost = exp(ln(stream.uniform_open()) / shape);
        return gamma(stream, shape + 1.0) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal_quantile(stream.uniform_open());
        let root = 1.0 + c * x;
        let v = root * root * root;
        if v > 0.0 && ln(stream.uniform_open()) < 0.5 * x * x + d * (1.0 - v + ln(v)) {
            return d * v;
        }
    }
}

/// A binomial variate: the gaps between hits are geometric.
fn binomial(stream: &mut Stream, trials: u32, chance: f64) -> f64 {
    if chance > 0.5 {
        return f64::from(trials) - binomial(stream, trials, 1.0 - chance);
    }
    if chance <= 0.0 {
        return 0.0;
    }
    let scale = 1.0 / ratelab::math::ln_1p(-chance);
    let (mut place, mut hits) = (0.0, 0.0);
    loop {
        place += (ln(stream.uniform_open()) * scale).floor() + 1.0;
        if place > f64::from(trials) {
            return hits;
        }
        hits += 1.0;
    }
}

fn poisson(stream: &mut Stream, mean: f64) -> u32 {
    ratelab::rng::Poisson::new(mean).count(stream.uniform())
}
