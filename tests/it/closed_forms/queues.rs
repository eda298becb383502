//! Gates, queues and closed loops. The mean service time is 1 throughout.

use super::{binomial, power};
use ratelab::math::exp;

/// The share refused by `permits` without a queue at load `load` (A. K.
/// Erlang, 1917), whatever the distribution of service times (B. A.
/// Sevastyanov, 1957).
pub(crate) fn erlang_b(permits: usize, load: f64) -> f64 {
    (1..=permits).fold(1.0, |b, k| load * b / (k as f64 + load * b))
}

/// The share that waits for `permits` with an unlimited queue (Erlang, 1917).
pub(crate) fn erlang_c(permits: usize, load: f64) -> f64 {
    let (c, b) = (permits as f64, erlang_b(permits, load));
    c * b / (c - load * (1.0 - b))
}

/// What happens at a gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtGate {
    /// The share refused.
    pub(crate) refused: f64,
    /// The share that finds no free permit.
    pub(crate) waits: f64,
    /// The mean wait of those that enter.
    pub(crate) mean_wait: f64,
}

/// M/M/c/K: `permits`, and room for `room` requests inside and waiting.
pub(crate) fn bounded_queue(permits: usize, room: usize, load: f64) -> AtGate {
    let mut states = vec![1.0];
    for n in 1..=room {
        states.push(states[n - 1] * load / n.min(permits) as f64);
    }
    let total: f64 = states.iter().sum();
    let refused = states[room] / total;
    let waits: f64 = states[permits..].iter().sum::<f64>() / total;
    let waited: f64 = (permits..room)
        .map(|n| states[n] / total * (n - permits + 1) as f64 / permits as f64)
        .sum();
    AtGate {
        refused,
        waits,
        mean_wait: waited / (1.0 - refused),
    }
}

/// M/M/c+D: `permits`, first come first served, and whoever has waited for
/// `patience` is refused (D. Y. Barrer, Operations Research 5, 1957). The
/// wait that a request would have without patience has the density
/// `rate * state(c-1) * e^((rate - c) w)` up to `patience`.
pub(crate) fn gate_timeout(permits: usize, rate: f64, patience: f64) -> AtGate {
    let c = permits as f64;
    let mut below = vec![1.0];
    for n in 1..permits {
        below.push(below[n - 1] * rate / n as f64);
    }
    let flow = rate * below[permits - 1];
    let growth = rate - c;
    let end = exp(growth * patience);
    let (area, moment) = if growth == 0.0 {
        (patience, patience * patience / 2.0)
    } else {
        let moment = end * (patience / growth - 1.0 / (growth * growth)) + 1.0 / (growth * growth);
        ((end - 1.0) / growth, moment)
    };
    let total = below.iter().sum::<f64>() + flow * (area + end / c);
    let refused = flow * end / c / total;
    AtGate {
        refused,
        waits: flow * (area + end / c) / total,
        mean_wait: flow * moment / total / (1.0 - refused),
    }
}

/// The share that gives up where patience is exponential with mean
/// 1 / `impatience` (C. Palm, 1946: "Erlang A").
pub(crate) fn erlang_a(permits: usize, rate: f64, impatience: f64) -> f64 {
    let c = permits as f64;
    let (mut state, mut total, mut lost) = (1.0, 1.0, 0.0);
    for n in 1..100 * permits {
        let waiting = n.saturating_sub(permits) as f64 * impatience;
        state *= rate / ((n as f64).min(c) + waiting);
        total += state;
        lost += state * waiting;
    }
    lost / total / rate
}

/// M/D/1: the mean wait, in services (F. Pollaczek, 1930; A. Khinchine, 1932).
pub(crate) fn fixed_service_wait(load: f64) -> f64 {
    load / (2.0 * (1.0 - load))
}

/// M/D/1: the share that waits for more than `wait` services (Erlang, 1909).
pub(crate) fn fixed_service_tail(load: f64, wait: f64) -> f64 {
    let sum: f64 = (0..=wait as usize)
        .map(|k| {
            let x = load * (wait - k as f64);
            let terms = (1..=k).fold(1.0, |term, j| term * -x / j as f64);
            terms * exp(x)
        })
        .sum();
    1.0 - (1.0 - load) * sum
}

/// The share refused by `permits` of a fleet whose members, when not inside,
/// call at rate `alpha` (T. O. Engset, 1918).
pub(crate) fn engset(fleet: usize, permits: usize, alpha: f64) -> f64 {
    let mut states = vec![1.0];
    for k in 1..=permits {
        states.push(states[k - 1] * alpha * (fleet - k) as f64 / k as f64);
    }
    states[permits] / states.iter().sum::<f64>()
}

/// What happens in a closed loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtLoop {
    /// Requests done per service time.
    pub(crate) throughput: f64,
    /// The mean time from a request to its answer.
    pub(crate) response: f64,
}

/// M/M/1//N: clients that think for `think` and queue for one server (A. L.
/// Scherr, 1967). Only the mean of the think time matters.
pub(crate) fn closed_loop(clients: usize, think: f64) -> AtLoop {
    let (mut state, mut total) = (1.0, 1.0);
    for n in 1..=clients {
        state *= (clients - n + 1) as f64 / think;
        total += state;
    }
    let throughput = 1.0 - 1.0 / total;
    AtLoop {
        throughput,
        response: clients as f64 / throughput - think,
    }
}

/// N*D/D/1: the chance that `polls` of period `period` with independent phases
/// leave more than `wait` of work at a random moment, all in services (J. W.
/// Roberts and J. T. Virtamo, IEEE Transactions on Communications 39, 1991).
pub(crate) fn polls_in_queue(polls: usize, period: f64, wait: f64) -> f64 {
    (wait as usize + 1..=polls)
        .map(|n| {
            let share = (n as f64 - wait) / period;
            let chance = binomial(polls, share).nth(n).unwrap_or(0.0);
            chance * (period - polls as f64 + wait) / (period - n as f64 + wait)
        })
        .sum()
}

/// The attempts of `herd` clients that come together until each is among the
/// `quota` admitted at a time.
pub(crate) fn herd_attempts(herd: usize, quota: usize) -> usize {
    (0..herd).step_by(quota).map(|done| herd - done).sum()
}

/// The time of each round of a herd that waits 1, 2, 4, ... up to `cap`.
pub(crate) fn herd_rounds(cap: f64) -> impl Iterator<Item = f64> {
    let mut time = 0.0;
    (0..).map(move |round| {
        let this = time;
        time += power(2.0, round).min(cap);
        this
    })
}

/// The mean time to success of a herd in rounds.
pub(crate) fn herd_latency(herd: usize, quota: usize, rounds: impl Iterator<Item = f64>) -> f64 {
    let total: f64 = (0..herd)
        .step_by(quota)
        .zip(rounds)
        .map(|(done, time)| (herd - done).min(quota) as f64 * time)
        .sum();
    total / herd as f64
}
