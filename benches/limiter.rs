//! Nanoseconds per decision of each algorithm, by the number of keys.
//!
//! Keys are drawn evenly by a multiplicative generator, and attempts come at
//! 1.2 times the quota, so that a sixth or more is refused. `draw` is the cost
//! of the draw alone, to be subtracted.

use divan::{Bencher, black_box};
use ratelab::limiter::{
    Anchor, Bank, FixedWindow, Gcra, Refused, Rule, RuleError, SlidingLog, TokenBucket,
};
use ratelab::units::{Rate, Span, Time};

const KEYS: [u32; 3] = [1, 10_000, 1_000_000];
const QUOTA: u64 = 50;
const WINDOW: Span = Span::from_secs(10);

fn main() {
    divan::main();
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

/// Measures decisions from the steady state, which two windows bring about.
fn decisions(bencher: Bencher, keys: u32, rule: Result<Rule, RuleError>) {
    let Ok(rule) = rule else { return };
    let mut bank = Bank::uniform(rule, keys as usize);
    let mut attempts = Attempts::new(keys);
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

#[divan::bench(args = KEYS)]
fn fixed_window_epoch(bencher: Bencher, keys: u32) {
    let rule = FixedWindow::new(QUOTA, WINDOW, Anchor::Epoch, Refused::Free);
    decisions(bencher, keys, rule.map(Rule::FixedWindow));
}

#[divan::bench(args = KEYS)]
fn fixed_window_first_request(bencher: Bencher, keys: u32) {
    let rule = FixedWindow::new(QUOTA, WINDOW, Anchor::FirstRequest, Refused::Free);
    decisions(bencher, keys, rule.map(Rule::FixedWindow));
}

#[divan::bench(args = KEYS)]
fn sliding_log(bencher: Bencher, keys: u32) {
    let rule = SlidingLog::new(QUOTA, WINDOW, Refused::Free);
    decisions(bencher, keys, rule.map(Rule::SlidingLog));
}

#[divan::bench(args = KEYS)]
fn gcra(bencher: Bencher, keys: u32) {
    let rule = Gcra::new(
        Span::from_nanos(WINDOW.nanos() / QUOTA),
        QUOTA,
        Refused::Free,
    );
    decisions(bencher, keys, rule.map(Rule::Gcra));
}

#[divan::bench(args = KEYS)]
fn token_bucket_fractional(bencher: Bencher, keys: u32) {
    // 50 in 9.999999999 s: a token does not take whole nanoseconds.
    let Some(rate) = Rate::new(QUOTA, Span::from_nanos(WINDOW.nanos() - 1)) else {
        return;
    };
    let rule = TokenBucket::new(rate, QUOTA, Refused::Free);
    decisions(bencher, keys, rule.map(Rule::TokenBucket));
}
