//! Windows: fixed, logged and counted, and all of them on one burst.

use super::{Case, answers, check};
use crate::support::Place;

#[test]
fn windows_since_the_epoch() {
    check(&[
        Case {
            source: "envoyproxy/ratelimit, second",
            limiter: r#"FixedWindow(quota: Fixed(10), window: "1s", refused: Counted)"#,
            columns: "time,cost",
            rows: "
                1234,4 -> A
                1234,1 -> A remaining 5 reset 1
            ",
        },
        Case {
            source: "envoyproxy/ratelimit, minute",
            limiter: r#"FixedWindow(quota: Fixed(10), window: "1min", refused: Counted)"#,
            columns: "time,cost",
            rows: "
                1199,1 -> A remaining 9
                1234,10 -> A
                1234,1 -> R remaining 0 reset 26 retry 26
            ",
        },
        Case {
            source: "envoyproxy/ratelimit, a refused hit counts",
            limiter: r#"FixedWindow(quota: Fixed(10), window: "1min", refused: Counted)"#,
            columns: "time,cost",
            rows: "
                1234,8 -> A remaining 2
                1234,5 -> R
                1234,1 -> R remaining 0
                1260,1 -> A remaining 9
            ",
        },
        Case {
            source: "envoyproxy/ratelimit, hour",
            limiter: r#"FixedWindow(quota: Fixed(15), window: "1h", refused: Counted)"#,
            columns: "time,cost",
            rows: "
                997199,1 -> A
                997200,10 -> A
                1000000,1 -> A remaining 4 reset 800
            ",
        },
        Case {
            source: "envoyproxy/ratelimit, day",
            limiter: r#"FixedWindow(quota: Fixed(15), window: "1d", refused: Counted)"#,
            columns: "time,cost",
            rows: "
                950399,15 -> A
                950400,12 -> A
                1000000,1 -> A remaining 2 reset 36800
                1000000,2 -> A remaining 0
                1000000,1 -> R remaining 0 reset 36800 retry 36800
            ",
        },
        Case {
            source: "envoyproxy/ratelimit, a week begins on Thursday",
            limiter: r#"FixedWindow(quota: Fixed(1), window: "7d", refused: Counted)"#,
            columns: "time,cost",
            rows: "
                2025-09-17T23:59:59Z,1 -> A reset 1
                2025-09-18T00:00:00Z,1 -> A reset 604800
            ",
        },
        Case {
            source: "envoyproxy/ratelimit, a month has 30 days",
            limiter: r#"FixedWindow(quota: Fixed(1), window: "30d", refused: Counted)"#,
            columns: "time,cost",
            rows: "
                2591999,1 -> A reset 1
                2592000,1 -> A reset 2592000
            ",
        },
        Case {
            source: "envoyproxy/ratelimit, a year has 365 days",
            limiter: r#"FixedWindow(quota: Fixed(1), window: "365d", refused: Counted)"#,
            columns: "time,cost",
            rows: "
                31535999,1 -> A reset 1
                31536000,1 -> A reset 31536000
            ",
        },
    ]);
}

#[test]
fn windows_since_the_first_request() {
    check(&[
        Case {
            source: "Smart Device Management, 5 per minute",
            limiter: r#"FixedWindow(quota: Fixed(5), window: "1min", anchored: FirstRequest)"#,
            columns: "time",
            rows: "
                10 -> A
                20 -> A
                30 -> A
                40 -> A
                50 -> A
                55 -> R retry 15
                69.9 -> R retry 0.1
                70 -> A remaining 4 reset 60
            ",
        },
        Case {
            source: "limits, fixed window, 10 per 2 seconds",
            limiter: r#"FixedWindow(quota: Fixed(10), window: "2s", anchored: FirstRequest)"#,
            columns: "time",
            rows: "
                10 * 1.3 -> A reset 2
                1.3 -> R remaining 0 reset 2 retry 2
                3.3 -> A
            ",
        },
        Case {
            source: "limits, fixed window, costs",
            limiter: r#"FixedWindow(quota: Fixed(10), window: "2s", anchored: FirstRequest)"#,
            columns: "time,cost",
            rows: "
                1.3,11 -> R retry never
                1.3,5 -> A
                1.3,6 -> R
            ",
        },
    ]);
}

#[test]
fn logs_of_moments() {
    check(&[
        Case {
            source: "limits, moving window, 2 per minute",
            limiter: r#"SlidingLog(quota: Fixed(2), window: "1min")"#,
            columns: "time,cost",
            rows: "
                0,1 -> A
                1,1 -> A
                2,1 -> R
                2,0 -> A remaining 0 reset 59.000000001
            ",
        },
        Case {
            source: "limits, moving window, 10 per 2 seconds",
            limiter: r#"SlidingLog(quota: Fixed(10), window: "2s")"#,
            columns: "time,cost",
            rows: "
                5 * 0.4,1 -> A
                5 * 1.9,1 -> A
                2,1 -> R
                2.4,1 -> R
                2.401,5 -> A
                2.401,1 -> R
            ",
        },
        Case {
            source: "limits, moving window, more than there ever is",
            limiter: r#"SlidingLog(quota: Fixed(10), window: "2s")"#,
            columns: "time,cost",
            rows: "
                0,11 -> R retry never
                0,10 -> A
            ",
        },
        Case {
            source: "limits, moving window, exactly a window old counts",
            limiter: r#"SlidingLog(quota: Fixed(2), window: "1min")"#,
            columns: "time",
            rows: "
                0 -> A
                1 -> A
                60.000 -> R retry 0.000000001
                60.001 -> A
            ",
        },
    ]);
}

#[test]
fn counters_that_slide() {
    check(&[
        Case {
            source: "RussellLuo/slidingwindow",
            limiter: r#"SlidingCounter(quota: Fixed(10), window: "1s")"#,
            columns: "time_ms,cost",
            rows: "
                0,1 -> A
                100,2 -> A
                200,3 -> A
                500,5 -> R
                # Of the window before count 6, then 4, then 3.
                1000,2 -> A
                1200,5 -> R
                1500,5 -> A
                # Two windows later nothing counts.
                3000,10 -> A
                3000,1 -> R
            ",
        },
        Case {
            source: "limits, sliding window counter, 5 per second",
            limiter: r#"SlidingCounter(quota: Fixed(5), window: "1s")"#,
            columns: "time_ms,cost",
            rows: "
                0,3 -> A
                1001,0 -> A remaining 3 reset 0.665666667
                1333,0 -> A remaining 3
                1334,0 -> A remaining 4
                1666,0 -> A remaining 4
                1667,0 -> A remaining 5
                2000,0 -> A remaining 5 reset 0
            ",
        },
        Case {
            source: "HAProxy, http_req_rate(10s), read through what remains of 100",
            limiter: r#"SlidingCounter(quota: Fixed(100), window: "10s", anchored: FirstRequest, refused: Counted)"#,
            columns: "time_ms,cost",
            rows: "
                3000,100 -> A
                3000,0 -> A remaining 0
                13000,0 -> A remaining 0
                18000,0 -> A remaining 50
                23000,0 -> A remaining 100
            ",
        },
        Case {
            source: "HAProxy, who keeps trying stays out",
            limiter: r#"SlidingCounter(quota: Fixed(2), window: "10s", anchored: FirstRequest, refused: Counted)"#,
            columns: "time,cost",
            rows: "
                0,1 -> A
                1,1 -> A
                2,1 -> R
                9,1 -> R
                11,1 -> R
                15,1 -> R
            ",
        },
    ]);
}

/// 200 attempts within two seconds around the end of a minute.
#[test]
fn a_burst_across_a_boundary() {
    let limiters = [
        (r#"FixedWindow(quota: Fixed(60), window: "1min")"#, 120),
        (
            r#"FixedWindow(quota: Fixed(60), window: "1min", anchored: FirstRequest)"#,
            60,
        ),
        (r#"SlidingLog(quota: Fixed(60), window: "1min")"#, 60),
        (r#"SlidingCounter(quota: Fixed(60), window: "1min")"#, 61),
        (r#"Gcra(rate: "60/min", burst: 60)"#, 61),
        (r#"TokenBucket(rate: "60/min", burst: 60)"#, 61),
    ];
    let times = (0..200).map(|number| format!("{}\n", 59_000 + 10 * number));
    let trace = format!("time_ms\n{}", times.collect::<String>());
    let texts = limiters.map(|(limiter, _)| limiter);
    let answers = answers(&Place::new(), &texts, &trace);
    for (place, (limiter, expected)) in limiters.iter().enumerate() {
        let lane = answers.iter().skip(place).step_by(limiters.len());
        let admitted = lane.filter(|answer| answer.letter() == "A").count();
        assert_eq!(admitted, *expected, "{limiter}");
    }
}
