//! Limiters in front of which attempts wait, or come at least so far apart.

use super::{Case, answers, check};
use crate::support::Place;

#[test]
fn queues_before_buckets() {
    check(&[
        Case {
            source: "failsafe-go, smooth, one per 500 ms",
            limiter: r#"LeakyBucket(rate: "2/s", grid: Epoch, whole_nanoseconds: true)"#,
            columns: "time_ms,cost",
            rows: "
                0,1 -> A reset 0.5
                0,1 -> D 0.5
                0,1 -> D 1
                0,1 -> D 1.5
                0,1 -> D 2
                0,1 -> D 2.5
                0,1 -> D 3 reset 3.5
                800,3 -> D 3.7 reset 4.2
                2300,1 -> D 2.7 reset 3.2
                3500,3 -> D 3 reset 3.5
                9100,3 -> D 0.9 reset 1.4
                11000,1 -> A reset 0.5
            ",
        },
        Case {
            source: "failsafe-go, smooth, one per 200 ms",
            limiter: r#"LeakyBucket(rate: "5/s", grid: Epoch, whole_nanoseconds: true)"#,
            columns: "time_ms,cost",
            rows: "
                0,3 -> D 0.4 reset 0.6
                550,2 -> D 0.25 reset 0.45
                2210,2 -> D 0.19 reset 0.39
            ",
        },
        Case {
            source: "failsafe-go, smooth, one per 100 ns without a pause",
            limiter: r#"LeakyBucket(rate: "1/100ns", grid: Epoch)"#,
            columns: "time_ns,cost",
            rows: "
                0,1 -> A
                0,1 -> D 0.0000001
                100,1 -> D 0.0000001
                100,1 -> D 0.0000002
            ",
        },
        Case {
            source: "failsafe-go, smooth, one per 100 ns in the midst of a slot",
            limiter: r#"LeakyBucket(rate: "1/100ns", grid: Epoch)"#,
            columns: "time_ns,cost",
            rows: "
                0,1 -> A
                150,1 -> A
                250,2 -> D 0.00000005
            ",
        },
        Case {
            source: "golang.org/x/time/rate, reservations",
            limiter: r#"LeakyBucket(rate: "10/s", burst: 2)"#,
            columns: "time_ms,cost",
            rows: "
                0,2 -> A
                0,2 -> D 0.2
                300,2 -> D 0.1
            ",
        },
        Case {
            source: "golang.org/x/time/rate, reservations beyond a burst of 4",
            limiter: r#"LeakyBucket(rate: "10/s", burst: 4)"#,
            columns: "time_ms,cost",
            rows: "
                0,4 -> A
                0,3 -> D 0.3
                0,1 -> D 0.4
                0,1 -> D 0.5
            ",
        },
        Case {
            source: "golang.org/x/time/rate, a longest wait",
            limiter: r#"LeakyBucket(rate: "10/s", burst: 2, max_wait: "100ms")"#,
            columns: "time_ms,cost",
            rows: "
                0,2 -> A
                0,1 -> D 0.1
                0,1 -> R retry 0.1
            ",
        },
        Case {
            source: "go.uber.org/ratelimit, the first takes",
            limiter: r#"LeakyBucket(rate: "10/s", whole_nanoseconds: true)"#,
            columns: "time_ms,cost",
            rows: "
                0,1 -> A
                0,1 -> D 0.1
                0,1 -> D 0.2
            ",
        },
        Case {
            source: "failsafe-go, bursty, two per second",
            limiter: r#"PacedWindow(quota: 2, window: "1s", surplus: Kept)"#,
            columns: "time_ms,cost",
            rows: "
                2 * 0,1 -> A
                2 * 0,1 -> D 1
                2 * 0,1 -> D 2
                0,1 -> D 3
                800,3 -> D 3.2
                2300,1 -> D 2.7
                2 * 3500,1 -> D
                3500,1 -> D 2.5
                2 * 7000,1 -> A
                7000,1 -> D 1
            ",
        },
        Case {
            source: "failsafe-go, bursty, five per second",
            limiter: r#"PacedWindow(quota: 5, window: "1s", surplus: Kept)"#,
            columns: "time_ms,cost",
            rows: "
                300,3 -> A
                1550,10 -> D 0.45
                2210,2 -> D 0.79
            ",
        },
        Case {
            source: "Resilience4j, two per second and a timeout of one",
            limiter: r#"PacedWindow(quota: 2, window: "1s", max_wait: "1s")"#,
            columns: "time_ms,cost",
            rows: "
                2 * 0,1 -> A
                2 * 0,1 -> D 1
                2 * 0,1 -> R
            ",
        },
    ]);
}

/// How many of a saturating row of takes are through at each second.
#[test]
fn takes_of_uber_by_the_second() {
    let place = Place::new();
    for (rate, counts) in [
        ("100/s", &[(1.0, 100), (2.0, 200), (3.0, 300)][..]),
        ("7/min", &[(1.0, 1), (60.0, 8), (120.0, 15)]),
    ] {
        let limiter = format!("LeakyBucket(rate: {rate:?}, whole_nanoseconds: true)");
        let answers = answers(&place, &[&limiter], &"0\n".repeat(400));
        let waits = answers.iter().map(|answer| match answer.letter() {
            "A" => 0.0,
            "D" => answer.delay.parse::<f64>().unwrap(),
            other => panic!("{rate}: {other}"),
        });
        let waits: Vec<f64> = waits.collect();
        for (second, count) in counts {
            let through = waits.iter().filter(|wait| *wait < second).count();
            assert_eq!(through, *count, "{rate} before {second} s");
        }
    }
}

#[test]
fn commands_spaced_apart() {
    let limiter = r#"Spacing(steps: ["3s", "10s", "20s"], reset_after: "30s")"#;
    check(&[
        Case {
            source: "python-google-nest-sdm, a streak",
            limiter,
            columns: "time",
            rows: "
                0 -> A
                1 -> R retry 2
                3 -> A
                5 -> R retry 8
                13 -> A
                23 -> R retry 10
                33 -> A
            ",
        },
        Case {
            source: "python-google-nest-sdm, a streak that starts over",
            limiter,
            columns: "time",
            rows: "
                0 -> A
                3 -> A
                38 -> A
                40 -> R retry 1
                41 -> A
            ",
        },
    ]);
}

#[test]
fn segments_of_dot_net() {
    check(&[
        Case {
            source: ".NET, SlidingWindowRateLimiter, permits come back with their segment",
            limiter: r#"SegmentedWindow(quota: Fixed(1), window: "2s", segments: 2)"#,
            columns: "time,cost",
            rows: "
                0,1 -> A
                0,1 -> R retry 2
                1,1 -> R retry 1
                2,1 -> A
            ",
        },
        Case {
            source: ".NET, SlidingWindowRateLimiter, two that wait, the oldest first",
            limiter: r#"SegmentedWindow(quota: Fixed(2), window: "2s", segments: 2, queue: 3)"#,
            columns: "time,cost",
            rows: "
                0,2 -> A
                0,1 -> D 2
                0,2 -> D 4
                0,1 -> R
            ",
        },
        Case {
            source: ".NET, SlidingWindowRateLimiter, a full queue refuses who comes",
            limiter: r#"SegmentedWindow(quota: Fixed(1), window: "2s", segments: 2, queue: 1)"#,
            columns: "time,cost",
            rows: "
                0,1 -> A
                0,1 -> D 2
                0,1 -> R
            ",
        },
        Case {
            source: ".NET, TokenBucketRateLimiter with a queue",
            limiter: r#"TickedBucket(tokens: 2, every: "1s", burst: 2, queue: 3, anchored: FirstRequest)"#,
            columns: "time,cost",
            rows: "
                0,2 -> A
                0,1 -> D 1
                0,2 -> D 2
                0,1 -> R
                2,1 -> A
            ",
        },
        Case {
            source: "uber-go/ratelimit, slack is not there at the start",
            limiter: r#"LeakyBucket(rate: "10/s", burst: 11, whole_nanoseconds: true, starts_empty: true)"#,
            columns: "time,cost",
            rows: "
                0,1 -> A
                0,1 -> D 0.1
                0,1 -> D 0.2
                5,0 -> A
                5,1 -> A
                5,1 -> A
                5,1 -> A
            ",
        },
        Case {
            source: "golang/time, a reservation above the burst fails",
            limiter: r#"LeakyBucket(rate: "10/s", burst: 2, max_cost: 2)"#,
            columns: "time,cost",
            rows: "
                0,3 -> R
                0,2 -> A
                0,2 -> D 0.2
            ",
        },
        Case {
            source: ".NET, FixedWindowRateLimiter with a queue",
            limiter: r#"SegmentedWindow(quota: Fixed(2), window: "1s", segments: 1, queue: 1)"#,
            columns: "time,cost",
            rows: "
                2 * 0,1 -> A
                0,1 -> D 1
                0,1 -> R
                1,1 -> A
                1,1 -> D 1
            ",
        },
        Case {
            source: ".NET, the end of a request frees nothing in a window",
            limiter: r#"SegmentedWindow(quota: Fixed(1), window: "2s", segments: 2)"#,
            columns: "time,duration",
            rows: "
                0,0.5 -> A
                1,0.5 -> R
            ",
        },
    ]);
}
