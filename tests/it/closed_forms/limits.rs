//! The shares that limits over time refuse. Loads are requests per window, or
//! per token.

use super::{binomial, erlang_b, excess, poisson};
use ratelab::math::exp;

/// A window on multiples of its length, with Poisson requests.
pub(crate) fn fixed_window(load: f64, quota: usize) -> f64 {
    excess(load, poisson(load), quota) / load
}

/// A window that its first request opens: a cycle is that request and those
/// that follow within the window.
pub(crate) fn anchored_window(load: f64, quota: usize) -> f64 {
    excess(load, poisson(load), quota - 1) / (1.0 + load)
}

/// A log of what was admitted: each holds a place for the window's length.
pub(crate) fn sliding_log(load: f64, quota: usize) -> f64 {
    erlang_b(quota, load)
}

/// A log of all requests.
pub(crate) fn sliding_log_counted(load: f64, quota: usize) -> f64 {
    1.0 - poisson(load).take(quota).sum::<f64>()
}

/// A bucket of `burst` tokens; derived for an M/D/1 queue with room for as
/// many, which the bucket equals (after A. W. Berger, IEEE JSAC 9, 1991).
pub(crate) fn token_bucket(load: f64, burst: f64) -> f64 {
    let g: f64 = (0..=(burst - 1.0) as usize)
        .map(|k| {
            let x = load * (burst - 1.0 - k as f64);
            (1..=k).fold(1.0, |term, j| term * -x / j as f64) * exp(x)
        })
        .sum();
    1.0 - g / (1.0 + load * g)
}

/// A counter of this window plus the last one's, weighted with what is left of
/// this window. `exact`: the weighted count and one more must not exceed the
/// quota; otherwise the weighted count must be below it.
///
/// The numbers admitted per window are a Markov chain. Given `k` in the last
/// window, the admission after `n` others may come from a certain part of this
/// window on; between two such moments admissions are a Poisson stream that
/// stops at the number allowed so far.
pub(crate) fn sliding_counter(load: f64, quota: usize, exact: bool) -> f64 {
    let rows: Vec<Vec<f64>> = (0..=quota)
        .map(|last| admitted_after(last, load, quota, exact))
        .collect();
    let mut chances = vec![1.0 / (quota + 1) as f64; quota + 1];
    // The chain forgets its start within a few windows.
    for _ in 0..500 {
        let mut next = vec![0.0; quota + 1];
        for (chance, row) in chances.iter().zip(&rows) {
            for (sum, p) in next.iter_mut().zip(row) {
                *sum += chance * p;
            }
        }
        chances = next;
    }
    let mean: f64 = (0..).zip(&chances).map(|(n, p)| f64::from(n) * p).sum();
    1.0 - mean / load
}

/// The chances of 0, 1, ... admissions in a window after one with `last`.
fn admitted_after(last: usize, load: f64, quota: usize, exact: bool) -> Vec<f64> {
    let opens = |n: usize| {
        let room = (quota - n - usize::from(exact)) as f64;
        match last {
            0 => 0.0,
            _ => (1.0 - room / last as f64).max(0.0),
        }
    };
    let mut chances = vec![0.0; quota + 1];
    chances[0] = 1.0;
    let mut now = 0.0;
    for allowed in 0..=quota {
        // So many are allowed until the next admission may come.
        let until = if allowed < quota { opens(allowed) } else { 1.0 };
        if until <= now && allowed < quota {
            continue;
        }
        let mut next = vec![0.0; quota + 1];
        for (from, chance) in chances.iter().enumerate().take(allowed + 1) {
            let mut rest = 1.0;
            for (more, p) in poisson(load * (until - now)).enumerate() {
                let to = from + more;
                if to >= allowed {
                    next[allowed] += chance * rest;
                    break;
                }
                next[to] += chance * p;
                rest -= p;
            }
        }
        chances = next;
        now = until;
    }
    chances
}

/// Polls of one period with independent phases, at a window on multiples of
/// its length.
pub(crate) fn polls_at_window(polls: usize, period: f64, window: f64, quota: usize) -> f64 {
    let share = window / period;
    excess(polls as f64 * share, binomial(polls, share), quota) / share / polls as f64
}

/// How many of a herd succeed with their only retry, uniform in `windows`
/// windows of which the first is spent.
pub(crate) fn herd_with_one_retry(herd: usize, quota: usize, windows: usize) -> f64 {
    let (late, share) = (herd - quota, 1.0 / windows as f64);
    let mean = late as f64 * share;
    (windows - 1) as f64 * (mean - excess(mean, binomial(late, share), quota))
}
