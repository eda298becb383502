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
