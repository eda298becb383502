//! The price of a random number: a uniform one, and one time of each distribution.

use divan::Bencher;
use divan::counter::ItemsCount;
use ratelab::rng::{Distribution, Poisson, Purpose, Sampler, Streams};
use ron::extensions::Extensions;

fn main() {
    divan::main();
}

const DRAWS: u64 = 10_000;

const DISTRIBUTIONS: [&str; 7] = [
    r#"Constant("50ms")"#,
    r#"Exponential(mean: "50ms")"#,
    r#"Uniform(from: "0s", to: "2s")"#,
    r#"LogNormal(median: "80ms", p99: "1.2s")"#,
    r#"Gamma(mean: "1s", cv: 0.5)"#,
    r#"Gamma(mean: "1s", cv: 2)"#,
    r#"Hyperexponential([(share: 0.3, mean: "10ms"), (share: 0.7, mean: "1s")])"#,
];

#[divan::bench]
fn uniform(bencher: Bencher<'_, '_>) {
    let streams = Streams::new(1, 0);
    bencher.counter(ItemsCount::new(DRAWS)).bench(|| {
        (0..DRAWS)
            .map(|i| streams.uniform(i as u32, Purpose::Interval, i >> 3))
            .sum::<f64>()
    });
}

#[divan::bench(args = DISTRIBUTIONS)]
fn sample(bencher: Bencher<'_, '_>, text: &str) {
    let distribution: Distribution = ron::Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME)
        .from_str(text)
        .expect("a distribution");
    let sampler = Sampler::new(&distribution).expect("a consistent distribution");
    let streams = Streams::new(1, 0);
    bencher.counter(ItemsCount::new(DRAWS)).bench(|| {
        (0..DRAWS)
            .map(|i| {
                sampler
                    .sample(&streams, i as u32, Purpose::Service, i >> 3)
                    .nanos()
            })
            .fold(0, u64::wrapping_add)
    });
}

#[divan::bench(args = [4.0, 100.0, 10_000.0])]
fn poisson_count(bencher: Bencher<'_, '_>, mean: f64) {
    let streams = Streams::new(1, 0);
    bencher.counter(ItemsCount::new(1000_u32)).bench(|| {
        let poisson = Poisson::new(mean);
        (0..1000)
            .map(|i| poisson.count(streams.uniform(i, Purpose::Population, 0)))
            .sum::<u32>()
    });
}
