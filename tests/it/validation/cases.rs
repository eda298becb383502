//! What is run, and what must come out.

use super::{Run, run};
use crate::closed_forms as exact;

const P429: &str = "p429.attempt";

pub(super) fn erlang_b() -> Vec<Run> {
    // Wrong: one permit more or less.
    let b = exact::erlang_b;
    vec![
        run(&["time.length=6000s"]).gives(P429, b(10, 8.0), b(11, 8.0)),
        run(&[
            "server.stages.0.permits=1",
            "clients.caller.requests.0.rate=0.5/s",
        ])
        .gives(P429, b(1, 0.5), b(2, 0.5)),
        run(&[
            "server.stages.0.permits=3",
            "clients.caller.requests.0.rate=5/s",
            "time.length=4000s",
        ])
        .gives(P429, b(3, 5.0), b(4, 5.0))
        .gives(
            "utilisation.gate",
            5.0 * (1.0 - b(3, 5.0)) / 3.0,
            1.0 - b(3, 5.0),
        ),
        // A hundred sources, and a service twenty times as fast.
        run(&[
            "cohorts.source.homes=100",
            "clients.caller.requests.0.rate=1.6/s",
            "server.backend.service.mean=50ms",
            "time.length=300s",
        ])
        .gives(P429, b(10, 8.0), b(11, 8.0)),
        // Ten permits for each of eight sources.
        run(&[
            "server.stages.0.per=[User]",
            "cohorts.source.homes=8",
            "time.length=1000s",
        ])
        .gives(P429, b(10, 8.0), b(80, 64.0)),
        run(&[
            "server.stages.0.permits=100",
            "clients.caller.requests.0.rate=1000/s",
            "server.backend.service.mean=100ms",
            "time.warm_up=20s",
            "time.length=40s",
        ])
        .gives(P429, b(100, 100.0), b(110, 100.0)),
    ]
}

pub(super) fn erlang_b_any_service() -> Vec<Run> {
    let b = exact::erlang_b;
    vec![
        run(&["time.length=5000s"]).gives(P429, b(10, 8.0), b(11, 8.0)),
        run(&[
            "server.stages.0.permits=2",
            "clients.caller.requests.0.rate=3/s",
        ])
        .gives(P429, b(2, 3.0), b(3, 3.0)),
    ]
}

pub(super) fn erlang_b_two_methods() -> Vec<Run> {
    // Wrong: one permit more; or the service of one method for both.
    let b = exact::erlang_b;
    vec![
        run(&[]).gives(P429, b(10, 8.0), b(11, 8.0)),
        run(&[
            "server.backend.service_by_method={\"get\": Constant(\"100ms\")}",
            "server.backend.service.mean=2s",
            "server.stages.0.permits=5",
            "time.length=3000s",
        ])
        .gives(P429, b(5, 4.6), b(6, 4.6))
        .gives(
            "utilisation.gate",
            4.6 * (1.0 - b(5, 4.6)) / 5.0,
            (1.0 - b(5, 0.8)) * 0.8 / 5.0,
        ),
    ]
}

pub(super) fn bounded_queue() -> Vec<Run> {
    // Wrong: one place more.
    let case = |set, permits, room, load| {
        let right = exact::bounded_queue(permits, room, load);
        let wrong = exact::bounded_queue(permits, room + 1, load);
        run(set)
            .gives(P429, right.refused, wrong.refused)
            .gives("wait.gate.mean", right.mean_wait, wrong.mean_wait)
            .gives("p_wait.gate", right.waits, right.waits - right.refused)
    };
    vec![
        case(&["time.length=15000s"], 4, 10, 3.5),
        case(
            &[
                "server.stages.0.permits=1",
                "server.stages.0.queue=4",
                "clients.caller.requests.0.rate=0.8/s",
            ],
            1,
            5,
            0.8,
        ),
        case(
            &[
                "server.stages.0.permits=2",
                "server.stages.0.queue=1",
                "clients.caller.requests.0.rate=3/s",
                "time.length=5000s",
            ],
            2,
            3,
            3.0,
        ),
        // Whoever is served first, as many are refused.
        run(&["server.stages.0.order=NewestFirst", "time.length=15000s"]).gives(
            P429,
            exact::bounded_queue(4, 10, 3.5).refused,
            exact::bounded_queue(4, 11, 3.5).refused,
        ),
    ]
}

pub(super) fn fixed_service() -> Vec<Run> {
    // Wrong: exponential service.
    let (wait, tail) = (exact::fixed_service_wait, exact::fixed_service_tail);
    let exponential = |load: f64, wait: f64| load * ratelab::math::exp((load - 1.0) * wait);
    vec![
        run(&[])
            .gives("wait.gate.mean", wait(0.8), 2.0 * wait(0.8))
            .gives("p_wait.gate", 0.8, 1.0)
            .gives("p_missed.command", tail(0.8, 5.0), exponential(0.8, 5.0)),
        run(&[
            "clients.caller.commands.0.at.rate=0.5/s",
            "clients.caller.commands.0.deadline=2500ms",
        ])
        .gives("wait.gate.mean", wait(0.5), 2.0 * wait(0.5))
        .gives("p_missed.command", tail(0.5, 1.5), exponential(0.5, 1.5)),
        // A tenth of the service time.
        run(&[
            "server.backend.service.0=100ms",
            "clients.caller.commands.0.at.rate=7/s",
            "clients.caller.commands.0.deadline=400ms",
            "time.length=3000s",
        ])
        .gives("wait.gate.mean", wait(0.7) / 10.0, wait(0.7) / 5.0)
        .gives("p_missed.command", tail(0.7, 3.0), exponential(0.7, 3.0)),
    ]
}

pub(super) fn gate_timeout() -> Vec<Run> {
    // Wrong: patience that is exponential with the same mean.
    let case = |set, permits, rate, patience: f64| {
        let right = exact::gate_timeout(permits, rate, patience);
        let wrong = exact::erlang_a(permits, rate, 1.0 / patience);
        let longer = exact::gate_timeout(permits, rate, 1.2 * patience);
        run(set)
            .gives(P429, right.refused, wrong)
            .gives("p_wait.gate", right.waits, right.waits - right.refused)
            .gives("wait.gate.mean", right.mean_wait, longer.mean_wait)
    };
    vec![
        case(&[], 10, 9.0, 0.5),
        case(&["clients.caller.requests.0.rate=12/s"], 10, 12.0, 0.5),
        case(&["clients.caller.requests.0.rate=10/s"], 10, 10.0, 0.5),
        case(
            &[
                "server.stages.0.permits=3",
                "server.stages.0.max_wait=2s",
                "clients.caller.requests.0.rate=2.5/s",
                "time.length=30000s",
            ],
            3,
            2.5,
            2.0,
        ),
        case(
            &[
                "server.stages.0.permits=1",
                "server.stages.0.max_wait=1s",
                "clients.caller.requests.0.rate=0.8/s",
                "time.length=30000s",
            ],
            1,
            0.8,
            1.0,
        ),
        // Patience without end: Erlang C.
        run(&["server.stages.0.max_wait=1h", "time.length=20000s"]).gives(
            "p_wait.gate",
            exact::erlang_c(10, 9.0),
            1.0,
        ),
    ]
}

pub(super) fn engset() -> Vec<Run> {
    // Wrong: the share of time with all permits taken.
    let e = exact::engset;
    vec![
        run(&["time.length=10000s"])
            .gives(P429, e(20, 5, 0.3), e(21, 5, 0.3))
            .gives(P429, e(20, 5, 0.3), exact::erlang_b(5, 20.0 * 0.3 * 0.5)),
        run(&[
            "cohorts.fleet.homes=12",
            "server.stages.0.permits=10",
            "clients.looper.loops.0.think.mean=500ms",
            "time.length=4000s",
        ])
        .gives(P429, e(12, 10, 2.0), e(13, 10, 2.0)),
        // Neither the think time's distribution nor the service time's matters.
        run(&[
            "cohorts.fleet.homes=4",
            "server.stages.0.permits=2",
            "clients.looper.loops.0.think=Uniform(from: \"1s\", to: \"3s\")",
            "server.backend.service=LogNormal(median: \"447.213595ms\", p99: \"8.555465054s\")",
        ])
        .gives(P429, e(4, 2, 0.5), e(5, 2, 0.5)),
    ]
}

pub(super) fn closed_loop() -> Vec<Run> {
    // Wrong: one client less.
    let case = |set, clients, think| {
        let right = exact::closed_loop(clients, think);
        let wrong = exact::closed_loop(clients - 1, think);
        run(set)
            .gives("goodput", right.throughput, wrong.throughput)
            .gives("latency.request.mean", right.response, wrong.response)
    };
    vec![
        case(&[], 10, 5.0),
        case(
            &[
                "cohorts.clients.homes=4",
                "clients.looper.loops.0.think.mean=3s",
                "time.length=20000s",
            ],
            4,
            3.0,
        ),
        // Only the mean of the think time matters.
        case(
            &[
                "cohorts.clients.homes=4",
                "clients.looper.loops.0.think=Constant(\"3s\")",
                "time.length=20000s",
            ],
            4,
            3.0,
        ),
    ]
}

pub(super) fn retrial_one_server() -> Vec<Run> {
    // Wrong: all attempts for first ones, and the other way round.
    let case = |set, rate, retry_rate| {
        let right = exact::retrials_at_one_permit(rate, retry_rate);
        let (first, all) = (right.first_attempt, right.attempt);
        run(set)
            .gives("p429.first_attempt", first, all)
            .gives("p429.request", first, all)
            .gives(P429, all, first)
            .gives("retry_amplification", right.attempts, 1.0 / (1.0 - first))
    };
    vec![
        case(&[], 0.8, 0.5),
        case(
            &[
                "clients.caller.requests.0.rate=0.5/s",
                "retries.until done.wait.mean=500ms",
                "time.length=30000s",
            ],
            0.5,
            2.0,
        ),
    ]
}

pub(super) fn retrial() -> Vec<Run> {
    let case = |set, permits, rate, retry_rate| {
        let right = exact::retrials(permits, rate, retry_rate);
        let (first, all) = (right.first_attempt, right.attempt);
        run(set)
            .gives("p429.first_attempt", first, all)
            .gives(P429, all, first)
            .gives("retry_amplification", right.attempts, 1.0 / (1.0 - first))
    };
    vec![
        case(&[], 10, 8.0, 0.5),
        case(
            &[
                "server.stages.0.permits=4",
                "clients.caller.requests.0.rate=2.5/s",
                "retries.until done.wait.mean=1s",
                "time.length=20000s",
            ],
            4,
            2.5,
            1.0,
        ),
    ]
}

/// Requests per window, and the quota, of a limit that counts in windows; with
/// one key per user, each user has a limit of its own.
fn windows(right: fn(f64, usize) -> f64, wrong: fn(f64, usize) -> f64) -> Vec<Run> {
    let claim = |run: Run, load, quota| run.gives(P429, right(load, quota), wrong(load, quota));
    vec![
        claim(run(&["time.length=50000s"]), 10.0, 10),
        claim(
            run(&[
                "server.stages.limit.by.quota.0=3",
                "server.stages.limit.by.window=4s",
                "time.length=20000s",
            ]),
            4.0,
            3,
        ),
        claim(
            run(&[
                "server.stages.limit.by.quota.0=50",
                "server.stages.limit.by.window=1min",
                "time.length=72000s",
            ]),
            60.0,
            50,
        ),
        claim(
            run(&[
                "cohorts.source.homes=20",
                "server.stages.limit.per=[User]",
                "server.stages.limit.by.quota.0=5",
                "clients.caller.requests.0.rate=0.4/s",
                "time.length=5000s",
            ]),
            4.0,
            5,
        ),
    ]
}

pub(super) fn fixed_window() -> Vec<Run> {
    windows(exact::fixed_window, exact::anchored_window)
}

pub(super) fn fixed_window_first_request() -> Vec<Run> {
    windows(exact::anchored_window, exact::fixed_window)
}

pub(super) fn sliding_log() -> Vec<Run> {
    windows(exact::sliding_log, exact::anchored_window)
}

pub(super) fn sliding_log_counting_refusals() -> Vec<Run> {
    windows(exact::sliding_log_counted, exact::sliding_log)
}

fn buckets() -> Vec<Run> {
    // Wrong: one token more; for large buckets, whose size hardly matters at
    // these loads, a fixed window of as many.
    let case = |set, load: f64, burst: u32| {
        let right = exact::token_bucket(load, f64::from(burst));
        let larger = exact::token_bucket(load, f64::from(burst + 1));
        let window = exact::fixed_window(load * f64::from(burst), burst as usize);
        run(set).gives(P429, right, if burst < 10 { larger } else { window })
    };
    vec![
        case(&["time.length=50000s"], 0.8, 5),
        case(
            &[
                "clients.caller.requests.0.rate=1.2/s",
                "server.stages.limit.by.burst=10",
                "time.length=100000s",
            ],
            1.2,
            10,
        ),
        case(
            &[
                "clients.caller.requests.0.rate=1/s",
                "server.stages.limit.by.burst=10",
                "time.length=50000s",
            ],
            1.0,
            10,
        ),
        case(
            &["server.stages.limit.by.burst=1", "time.length=20000s"],
            0.8,
            1,
        ),
        // Tokens of a third of a second, a bucket for each of ten users.
        case(
            &[
                "cohorts.source.homes=10",
                "server.stages.limit.per=[User]",
                "server.stages.limit.by.rate=3/s",
                "server.stages.limit.by.burst=2",
                "clients.caller.requests.0.rate=2.7/s",
                "time.length=1000s",
            ],
            0.9,
            2,
        ),
    ]
}

pub(super) fn token_bucket() -> Vec<Run> {
    buckets()
}

pub(super) fn gcra() -> Vec<Run> {
    buckets()
}

pub(super) fn sliding_counter() -> Vec<Run> {
    // Wrong: the other comparison; a fixed window.
    let counter = exact::sliding_counter;
    vec![
        run(&["time.length=3000s"]).gives(P429, counter(20.0, 20, false), counter(20.0, 20, true)),
        run(&["server.stages.limit.by.estimate=Exact", "time.length=3000s"]).gives(
            P429,
            counter(20.0, 20, true),
            counter(20.0, 20, false),
        ),
        run(&[
            "server.stages.limit.by.quota.0=5",
            "clients.caller.requests.0.rate=4/s",
            "time.length=10000s",
        ])
        .gives(P429, counter(4.0, 5, false), exact::fixed_window(4.0, 5)),
        // A window of 10 s, for each of ten users.
        run(&[
            "cohorts.source.homes=10",
            "server.stages.limit.per=[User]",
            "server.stages.limit.by.window=10s",
            "clients.caller.requests.0.rate=3/s",
            "time.warm_up=200s",
            "time.length=3000s",
        ])
        .gives(P429, counter(30.0, 20, false), counter(30.0, 20, true)),
    ]
}

pub(super) fn bucket_and_queue() -> Vec<Run> {
    // Wrong: the bank alone, or one more.
    let bucket = exact::token_bucket;
    vec![
        run(&[]).gives(P429, bucket(0.9, 10.0), bucket(0.9, 11.0)),
        run(&["clients.caller.requests.0.rate=1.2/s", "time.length=60000s"]).gives(
            P429,
            bucket(1.2, 10.0),
            bucket(1.2, 7.0),
        ),
    ]
}

pub(super) fn app_limit() -> Vec<Run> {
    // Wrong: a sliding log, a quota that no number of users bounds.
    vec![
        run(&["time.length=2500s"]).gives(
            P429,
            exact::fixed_window(380.0, 400),
            exact::sliding_log(380.0, 400),
        ),
        run(&["cohorts.users.homes=1000", "time.length=1500s"]).gives(
            P429,
            exact::fixed_window(500.0, 400),
            exact::fixed_window(500.0, 2000),
        ),
        // Few users, two requests each.
        run(&[
            "cohorts.users.homes=20",
            "clients.caller.requests.0.rate=2/10s",
        ])
        .gives(
            P429,
            exact::fixed_window(40.0, 40),
            exact::fixed_window(40.0, 400),
        ),
    ]
}

pub(super) fn polls_fixed_window() -> Vec<Run> {
    // Wrong: polls as irregular as Poisson requests.
    vec![
        run(&[]).gives(
            P429,
            exact::polls_at_window(1000, 60.0, 1.0, 20),
            exact::anchored_window(1000.0 / 60.0, 20),
        ),
        run(&[
            "cohorts.fleet.homes=40",
            "server.stages.limit.by.window=10s",
            "server.stages.limit.by.quota.0=6",
            "study.replications=8000",
        ])
        .gives(
            P429,
            exact::polls_at_window(40, 60.0, 10.0, 6),
            exact::fixed_window(40.0 / 6.0, 6),
        ),
        // Two periods are the same period twice.
        run(&[
            "cohorts.fleet.homes=40",
            "server.stages.limit.by.window=15s",
            "server.stages.limit.by.quota.0=16",
            "clients.poller.polls.0.every=30s",
        ])
        .gives(
            P429,
            exact::polls_at_window(40, 30.0, 15.0, 16),
            exact::fixed_window(20.0, 16),
        ),
    ]
}

pub(super) fn polls_behind_gate() -> Vec<Run> {
    // Wrong: polls as irregular as Poisson requests.
    let case = |set, polls: usize, period: f64, wait: f64| {
        let others = polls - 1;
        let wrong = exact::fixed_service_tail(others as f64 / period, wait);
        run(set).gives(
            "p_timed_out.attempt",
            exact::polls_in_queue(others, period, wait),
            wrong,
        )
    };
    vec![
        case(&[], 101, 120.0, 5.0),
        case(&["clients.poller.timeout=9s"], 101, 120.0, 8.0),
        case(
            &[
                "cohorts.fleet.homes=51",
                "clients.poller.polls.0.every=60s",
                "clients.poller.timeout=4s",
            ],
            51,
            60.0,
            3.0,
        ),
    ]
}

pub(super) fn herd_retry_after() -> Vec<Run> {
    let case = |set, herd: usize, quota| {
        let attempts = exact::herd_attempts(herd, quota) as f64;
        let rounds = (0..).map(|round| 10.0 * f64::from(round));
        let latency = exact::herd_latency(herd, quota, rounds);
        run(set)
            .gives(P429, 1.0 - herd as f64 / attempts, 0.0)
            .gives("retry_amplification", attempts / herd as f64, 1.0)
            .gives("latency.request.mean", latency, 0.0)
            .gives("p_missed.command", 0.0, 1.0)
    };
    vec![
        case(&[], 1000, 100),
        case(&["cohorts.herd.homes=950"], 950, 100),
        // Windows end on whole seconds: the same as a date, or as a reset.
        case(
            &["server.stages.limit.refuse=(retry_after: Date)"],
            1000,
            100,
        ),
        case(
            &[
                "server.stages.limit.refuse=(rate_limit: XEpoch)",
                "retries.when told=Fixed(wait: \"1ms\", attempts: Unlimited, honour_rate_limit: true)",
            ],
            1000,
            100,
        ),
        case(&["server.stages.limit.by.quota.0=300"], 1000, 300),
    ]
}

pub(super) fn herd_exponential() -> Vec<Run> {
    let case = |set, herd: usize, quota, cap| {
        let attempts = exact::herd_attempts(herd, quota) as f64;
        let latency = exact::herd_latency(herd, quota, exact::herd_rounds(cap));
        run(set)
            .gives(P429, 1.0 - herd as f64 / attempts, 0.0)
            .gives("retry_amplification", attempts / herd as f64, 1.0)
            .gives("latency.request.mean", latency, 0.0)
    };
    vec![
        // The last hundred are done exactly 243 s after the first.
        case(
            &["clients.automation.commands.0.deadline=243s"],
            1000,
            100,
            60.0,
        )
        .gives("p_missed.command", 0.0, 0.1),
        case(
            &["clients.automation.commands.0.deadline=242999ms"],
            1000,
            100,
            60.0,
        )
        .gives("p_missed.command", 0.1, 0.0),
        case(
            &[
                "cohorts.herd.homes=2050",
                "server.stages.limit.by.quota.0=200",
                "retries.exponential.cap=8s",
            ],
            2050,
            200,
            8.0,
        ),
    ]
}

pub(super) fn herd_full_jitter() -> Vec<Run> {
    // Wrong: the first window still has room.
    let case = |set, herd: usize, quota: usize, windows| {
        let late = exact::herd_with_one_retry(herd, quota, windows);
        let missed = |windows: f64, late: f64| {
            let each = late / (windows - 1.0);
            (herd as f64 - quota as f64 - late - each) / herd as f64
        };
        let right = 1.0 - (quota as f64 + late) / herd as f64;
        run(set).gives("p_missed.command", right, missed(windows as f64, late))
    };
    vec![
        case(&[], 1000, 100, 10),
        case(
            &[
                "cohorts.herd.homes=500",
                "server.stages.limit.by.quota.0=80",
                "retries.\"once, full jitter\".base=5s",
            ],
            500,
            80,
            5,
        ),
    ]
}
