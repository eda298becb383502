//! Closed forms that the simulator must agree with, and the figures that they
//! are known to give.

mod limits;
mod queues;
mod retrials;

pub(crate) use limits::*;
pub(crate) use queues::*;
pub(crate) use retrials::*;

/// `base^exponent`.
fn power(base: f64, exponent: usize) -> f64 {
    (0..exponent).fold(1.0, |product, _| product * base)
}

/// Probabilities of 0, 1, ... events, Poisson with that mean (below 700).
fn poisson(mean: f64) -> impl Iterator<Item = f64> {
    let mut chance = ratelab::math::exp(-mean);
    (1..).map(move |next| {
        let this = chance;
        chance *= mean / f64::from(next);
        this
    })
}

/// Probabilities of 0 to `trials` successes of chance `p` in (0, 1).
fn binomial(trials: usize, p: f64) -> impl Iterator<Item = f64> {
    let mut chance = power(1.0 - p, trials);
    (0..=trials).map(move |n| {
        let this = chance;
        chance *= (trials - n) as f64 / (n + 1) as f64 * p / (1.0 - p);
        this
    })
}

/// E[(X - quota)+] of a count X of that mean.
fn excess(mean: f64, chances: impl Iterator<Item = f64>, quota: usize) -> f64 {
    let room: f64 = chances
        .take(quota)
        .enumerate()
        .map(|(n, chance)| (quota - n) as f64 * chance)
        .sum();
    mean - quota as f64 + room
}

/// The figures come from the project's reference table, not from this code.
#[test]
fn figures_are_right_to_the_printed_digit() {
    let mmck = bounded_queue(4, 10, 3.5);
    let gate = gate_timeout(10, 9.0, 0.5);
    let closed = closed_loop(10, 5.0);
    let one = retrials_at_one_permit(0.8, 0.5);
    let ten = retrials(10, 8.0, 0.5);
    for (name, found, expected) in [
        ("Erlang B 10, 8", erlang_b(10, 8.0), "0.121661064"),
        ("Erlang B 100, 100", erlang_b(100, 100.0), "0.075700453"),
        ("Erlang B 1, 0.5", erlang_b(1, 0.5), "0.333333333"),
        ("Erlang C 10, 9", erlang_c(10, 9.0), "0.668732"),
        ("M/M/1/5", bounded_queue(1, 5, 0.8).refused, "0.088819499"),
        ("M/M/4/10", mmck.refused, "0.058280702"),
        ("M/M/4/10 wait", mmck.mean_wait, "0.473501399"),
        ("M/D/1 wait", fixed_service_wait(0.8), "2.000000000"),
        (
            "M/D/1 <= 1",
            1.0 - fixed_service_tail(0.8, 1.0),
            "0.445108186",
        ),
        (
            "M/D/1 <= 5",
            1.0 - fixed_service_tail(0.8, 5.0),
            "0.899502762",
        ),
        (
            "M/D/1 p99",
            fixed_service_tail(0.8, 10.355886792),
            "0.010000000",
        ),
        (
            "sliding counter, rounded down",
            sliding_counter(20.0, 20, false),
            "0.123853127",
        ),
        (
            "sliding counter, exact",
            sliding_counter(20.0, 20, true),
            "0.152489138",
        ),
        ("bank and queue", token_bucket(0.9, 10.0), "0.016631748"),
        ("M/M/c+D", gate.refused, "0.063879571"),
        ("M/M/c+D waits", gate.waits, "0.478279932"),
        ("M/M/c+D mean wait", gate.mean_wait, "0.101485350"),
        (
            "M/M/c+D 12",
            gate_timeout(10, 12.0, 0.5).refused,
            "0.199554211",
        ),
        (
            "M/M/c+D, D -> 0",
            gate_timeout(10, 9.0, 1e-12).refused,
            "0.167963",
        ),
        (
            "M/M/c+D, D -> inf",
            gate_timeout(10, 9.0, 60.0).waits,
            "0.668732",
        ),
        ("Erlang A", erlang_a(10, 12.0, 0.5), "0.195655944"),
        ("Engset 20, 5", engset(20, 5, 0.3), "0.261861214"),
        ("Engset 20, 5 by time", engset(21, 5, 0.3), "0.285849340"),
        ("Engset 12, 10", engset(12, 10, 2.0), "0.064329"),
        ("Engset 12, 10 by time", engset(13, 10, 2.0), "0.134424"),
        ("loop throughput", closed.throughput, "0.981615430"),
        ("loop response", closed.response, "5.187288930"),
        ("retrials at one, first", one.first_attempt, "0.800000000"),
        ("retrials at one, all", one.attempt, "0.857142857"),
        ("retrials at one, count", one.attempts, "7.000000000"),
        ("retrials at ten, first", ten.first_attempt, "0.262007229"),
        ("retrials at ten, all", ten.attempt, "0.300159545"),
        (
            "retrials at ten, orbit",
            (ten.attempts - 1.0) * 8.0 / 0.5,
            "6.862353692",
        ),
        ("token bucket 0.8, 5", token_bucket(0.8, 5.0), "0.035290396"),
        (
            "token bucket 0.9, 10",
            token_bucket(0.9, 10.0),
            "0.016631748",
        ),
        (
            "token bucket 1.2, 10",
            token_bucket(1.2, 10.0),
            "0.170910769",
        ),
        ("token bucket 1, 10", token_bucket(1.0, 10.0), "0.050847458"),
        ("token bucket 0.8, 1", token_bucket(0.8, 1.0), "0.444444444"),
        ("fixed window", fixed_window(10.0, 10), "0.125110036"),
        ("anchored window", anchored_window(10.0, 10), "0.163015513"),
        ("sliding log", sliding_log(10.0, 10), "0.214582343"),
        (
            "sliding log, counted",
            sliding_log_counted(10.0, 10),
            "0.542070286",
        ),
        ("app, 760 users", fixed_window(380.0, 400), "0.004169272"),
        ("app, 1000 users", fixed_window(500.0, 400), "0.200000015"),
        ("polls", polls_at_window(1000, 60.0, 1.0, 20), "0.029871741"),
        (
            "polls as Poisson",
            fixed_window(1000.0 / 60.0, 20),
            "0.030522474",
        ),
        (
            "polls in a queue, 1",
            polls_in_queue(100, 120.0, 1.0),
            "0.602033651",
        ),
        (
            "polls in a queue, 5",
            polls_in_queue(100, 120.0, 5.0),
            "0.094258489",
        ),
        ("herd", herd_attempts(1000, 100) as f64, "5500"),
        (
            "herd, one retry",
            herd_with_one_retry(1000, 100, 10),
            "804.297651",
        ),
    ] {
        let digits = expected
            .split_once('.')
            .map_or(0, |(_, digits)| digits.len());
        assert_eq!(format!("{found:.digits$}"), expected, "{name}");
    }
}

#[test]
fn a_gate_at_the_rate_of_its_permits_is_no_exception() {
    let (at, beside) = (gate_timeout(10, 10.0, 0.5), gate_timeout(10, 10.001, 0.5));
    for (at, beside) in [
        (at.refused, beside.refused),
        (at.waits, beside.waits),
        (at.mean_wait, beside.mean_wait),
    ] {
        assert!((at - beside).abs() < 1e-3 * at, "{at} {beside}");
    }
}
