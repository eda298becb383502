//! Nanoseconds per decision of each algorithm, by the number of keys, and the
//! bytes that each key takes.
//!
//! Keys are drawn evenly by a multiplicative generator, and attempts come at
//! 1.2 times the quota, so that a sixth or more is refused where there are no
//! queues. `draw` is the cost of the draw alone, to be subtracted.
//!
//! `cargo bench --bench limiter`

use std::fmt;

use divan::{Bencher, black_box};
use ratelab::limiter::Bank;
use ratelab::scenario::LimiterText;
use ratelab::units::{Span, Time};

const KEYS: [u32; 3] = [1, 10_000, 1_000_000];
const QUOTA: u64 = 10;
const WINDOW: Span = Span::from_secs(10);

/// Each algorithm with a quota of ten per ten seconds, or what comes next to it.
const ALGORITHMS: [(&str, &str); 22] = [
    (
        "fixed window, epoch",
        r#"FixedWindow(quota: Fixed(10), window: "10s")"#,
    ),
    (
        "fixed window, first request",
        r#"FixedWindow(quota: Fixed(10), window: "10s", anchored: FirstRequest)"#,
    ),
    (
        "calendar window",
        r#"CalendarWindow(quota: Fixed(3600), period: Hour, zone: "Europe/Paris")"#,
    ),
    (
        "sliding log",
        r#"SlidingLog(quota: Fixed(10), window: "10s")"#,
    ),
    (
        "sliding counter, epoch",
        r#"SlidingCounter(quota: Fixed(10), window: "10s")"#,
    ),
    (
        "sliding counter, first request",
        r#"SlidingCounter(quota: Fixed(10), window: "10s", anchored: FirstRequest)"#,
    ),
    ("GCRA", r#"Gcra(rate: "1/s", burst: 10)"#),
    (
        "token bucket, fractional",
        r#"TokenBucket(rate: "10/9999999999ns", burst: 10)"#,
    ),
    (
        "ticked bucket",
        r#"TickedBucket(tokens: 1, every: "1s", burst: 10)"#,
    ),
    ("Envoy's bucket", r#"EnvoyBucket(rate: "1/s", burst: 10)"#),
    (
        "leaky bucket with a queue",
        r#"LeakyBucket(rate: "1/s", burst: 5, queue: 5)"#,
    ),
    (
        "paced window",
        r#"PacedWindow(quota: 10, window: "10s", max_wait: "10s")"#,
    ),
    ("nginx limit_req", r#"LimitReq(rate: "1/s", burst: 9)"#),
    (
        "segmented window",
        r#"SegmentedWindow(quota: Fixed(10), window: "10s", segments: 10)"#,
    ),
    (
        "segmented window with a queue",
        r#"SegmentedWindow(quota: Fixed(10), window: "10s", segments: 10, queue: 5)"#,
    ),
    (
        "firewall rate rule",
        r#"RateRule(limit: 10, look_back: "10s", check_every: "1s", detect_after: "2s", release_after: "2s")"#,
    ),
    (
        "ramp",
        r#"Ramp(from: 5, to: 10, factor: "150%", every: "5min", window: "10s")"#,
    ),
    (
        "spacing",
        r#"Spacing(steps: ["500ms", "1s"], reset_after: "10s")"#,
    ),
    (
        "consecutive errors",
        r#"ConsecutiveErrors(limit: 3, lock: "10s")"#,
    ),
    (
        "penalty box",
        r#"PenaltyBox(by: Gcra(rate: "1/s", burst: 10), lock: "10s")"#,
    ),
    (
        "two windows at once",
        r#"AllOf([FixedWindow(quota: Fixed(10), window: "10s"), FixedWindow(quota: Fixed(50), window: "1min")])"#,
    ),
    (
        "sliding log, refusals count",
        r#"SlidingLog(quota: Fixed(10), window: "10s", refused: Counted)"#,
    ),
];

fn main() {
    show_bytes();
    divan::main();
}

#[expect(clippy::print_stdout, reason = "this is what a benchmark is for")]
fn show_bytes() {
    println!("bytes per key, without what is in logs:");
    for (name, text) in ALGORITHMS {
        println!("  {name:<32} {:>4}", bank(text, 1).bytes_per_key());
    }
}

fn bank(text: &str, keys: u32) -> Bank {
    let Ok(LimiterText::Rule(rule)) = LimiterText::parse(text) else {
        panic!("not a rule: {text}");
    };
    rule.bank(&[], keys as usize)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Attempts on evenly drawn keys at an even pace.
struct Attempts {
    keys: u32,
    random: u64,
    now: Time,
    step: Span,
}

impl Attempts {
    fn new(keys: u32) -> Attempts {
        let per_window = u64::from(keys) * QUOTA * 6 / 5;
        Attempts {
            keys,
            random: 1,
            now: Time::from_secs(1_700_000_000),
            step: Span::from_nanos(WINDOW.nanos() / per_window),
        }
    }

    fn next(&mut self) -> (u32, Time) {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.now = self.now + self.step;
        let key = ((self.random >> 32) * u64::from(self.keys)) >> 32;
        (key as u32, self.now)
    }
}

#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    text: &'static str,
    keys: u32,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} keys", self.name, self.keys)
    }
}

fn cases() -> impl Iterator<Item = Case> {
    ALGORITHMS
        .iter()
        .flat_map(|(name, text)| KEYS.map(|keys| Case { name, text, keys }))
}

/// Measures decisions from the steady state, which two windows bring about.
#[divan::bench(args = cases())]
fn decide(bencher: Bencher, case: Case) {
    let mut bank = bank(case.text, case.keys);
    let mut attempts = Attempts::new(case.keys);
    for _ in 0..2 * WINDOW.nanos() / attempts.step.nanos() {
        let (key, now) = attempts.next();
        let _ = bank.decide(key, now, 1);
    }
    bencher.bench_local(|| {
        let (key, now) = attempts.next();
        bank.decide(key, now, black_box(1))
    });
}

#[divan::bench(args = KEYS)]
fn draw(bencher: Bencher, keys: u32) {
    let mut attempts = Attempts::new(keys);
    bencher.bench_local(|| attempts.next());
}
