//! Buckets: GCRA, token buckets, those filled by a timer, nginx's.

use super::{Case, check};

#[test]
fn generic_cell_rates() {
    check(&[
        Case {
            source: "governor, 2 per second",
            limiter: r#"Gcra(rate: "2/s", burst: 2)"#,
            columns: "time_ms,cost",
            rows: "
                0,1 -> A
                1,1 -> A
                2,1 -> R retry 0.498
                1002,1 -> A
                1003,1 -> A
                1004,1 -> R retry 0.498
            ",
        },
        Case {
            source: "governor, no extra cell after a pause",
            limiter: r#"Gcra(rate: "5/s", burst: 5)"#,
            columns: "time_ms,cost",
            rows: "
                5 * 0,1 -> A
                0,1 -> R
                5 * 2000,1 -> A
                2000,1 -> R
            ",
        },
        Case {
            source: "governor, more than there ever is and then all there is",
            limiter: r#"Gcra(rate: "5/s", burst: 5)"#,
            columns: "time_ms,cost",
            rows: "
                0,15 -> R retry never
                0,7 -> R retry never
                0,6 -> R retry never
                0,5 -> A remaining 0
            ",
        },
        Case {
            source: "governor, the earliest next cell",
            limiter: r#"Gcra(rate: "1/s", burst: 1)"#,
            columns: "time_ms,cost",
            rows: "
                0,1 -> A
                0,1 -> R retry 1
            ",
        },
        Case {
            source: "governor, an interval in whole nanoseconds",
            limiter: r#"Gcra(rate: "3/s", burst: 3)"#,
            columns: "time_ns,cost",
            rows: "
                3 * 0,1 -> A
                0,1 -> R retry 0.333333333
                333333332,1 -> R retry 0.000000001
                333333333,1 -> A
            ",
        },
        Case {
            source: "throttled and redis-cell, at most 4 more at once",
            limiter: r#"Gcra(rate: "1/s", burst: 5)"#,
            columns: "time_ms,cost",
            rows: "
                0,6 -> R remaining 5 reset 0 retry never
                0,1 -> A remaining 4 reset 1
                0,1 -> A remaining 3 reset 2
                0,1 -> A remaining 2 reset 3
                0,1 -> A remaining 1 reset 4
                0,1 -> A remaining 0 reset 5
                0,1 -> R remaining 0 reset 5 retry 1
                3000,1 -> A remaining 2 reset 3
                3100,1 -> A remaining 1 reset 3.9
                4000,1 -> A remaining 1 reset 4
                8000,1 -> A remaining 4 reset 1
                9500,1 -> A remaining 4 reset 1
                9500,0 -> A remaining 4 reset 1
                9500,2 -> A remaining 2 reset 3
                9500,5 -> R remaining 2 reset 3 retry 3
            ",
        },
        Case {
            source: "redis-cell, CL.THROTTLE key 15 30 60",
            limiter: r#"Gcra(rate: "30/60s", burst: 16)"#,
            columns: "time,cost",
            rows: "0,1 -> A remaining 15 reset 2 retry never",
        },
    ]);
}

#[test]
fn token_buckets() {
    check(&[
        Case {
            source: "golang.org/x/time/rate, burst 1, a reading before each attempt",
            limiter: r#"TokenBucket(rate: "10/s", burst: 1)"#,
            columns: "time_ms,cost",
            rows: "
                0,0 -> A remaining 1
                0,1 -> A
                0,0 -> A remaining 0
                0,1 -> R
                0,0 -> A remaining 0
                0,1 -> R
                100,0 -> A remaining 1
                100,1 -> A
                100,0 -> A remaining 0
                100,1 -> R
                100,0 -> A remaining 0
                100,1 -> R
                200,0 -> A remaining 1
                200,2 -> R retry never
                200,0 -> A remaining 1
                200,1 -> A
                200,0 -> A remaining 0
                200,1 -> R retry 0.1
            ",
        },
        Case {
            source: "golang.org/x/time/rate, burst 3",
            limiter: r#"TokenBucket(rate: "10/s", burst: 3)"#,
            columns: "time_ms,cost",
            rows: "
                0,2 -> A remaining 1
                0,2 -> R remaining 1
                0,1 -> A remaining 0
                0,1 -> R
                100,4 -> R retry never
                200,1 -> A
                300,1 -> A
                2 * 400,1 -> A
                2 * 400,1 -> R
                900,3 -> A
                900,0 -> A
            ",
        },
        Case {
            source: "a rate without a whole number of nanoseconds does not drift",
            limiter: r#"TokenBucket(rate: "3/s", burst: 3)"#,
            columns: "time_ns,cost",
            rows: "
                3 * 0,1 -> A
                333333333,1 -> R retry 0.000000001
                333333334,1 -> A
                666666667,1 -> A
                1000000000,1 -> A
                1000000000,1 -> R retry 0.333333334
            ",
        },
    ]);
}

#[test]
fn buckets_of_envoy() {
    check(&[
        Case {
            source: "Envoy, TokenBucketImpl, 3 tokens",
            limiter: r#"EnvoyBucket(rate: "1/s", burst: 3)"#,
            columns: "time_ms,cost",
            rows: "
                0,3 -> A
                10000,4 -> R retry never
                10000,3 -> A
            ",
        },
        Case {
            source: "Envoy, TokenBucketImpl, 10 tokens",
            limiter: r#"EnvoyBucket(rate: "1/s", burst: 10)"#,
            columns: "time_ms,cost",
            rows: "
                0,20 -> R
                0,9 -> A
                0,1 -> A
                999,1 -> R
                5999,6 -> R
                6000,6 -> A
                6000,1 -> R
            ",
        },
        Case {
            source: "Envoy, TokenBucketImpl, a token every two seconds",
            limiter: r#"EnvoyBucket(rate: "0.5/s", burst: 1)"#,
            columns: "time_ms,cost",
            rows: "
                0,1 -> A
                500,1 -> R
                1500,1 -> R
                2000,1 -> A
            ",
        },
        Case {
            source: "Envoy, TokenBucketImpl, one more after a long silence",
            limiter: r#"EnvoyBucket(rate: "1/s", burst: 3)"#,
            columns: "time_ms,cost",
            rows: "
                4 * 100000,1 -> A
                100000,1 -> R
            ",
        },
        Case {
            source: "Envoy, TokenBucketImpl, made by its first attempt",
            limiter: r#"EnvoyBucket(rate: "1/s", burst: 3, anchored: FirstRequest)"#,
            columns: "time_ms,cost",
            rows: "
                3 * 100000,1 -> A
                2 * 100000,1 -> R
            ",
        },
        Case {
            source: "Envoy, at least one token per year",
            limiter: r#"EnvoyBucket(rate: "1/3650d", burst: 1)"#,
            columns: "time,cost",
            rows: "
                0,1 -> A
                31535999,1 -> R retry 1
                31536000,1 -> A
            ",
        },
        Case {
            source: "Envoy, local limit filled by a timer, as .NET's TokenBucketRateLimiter",
            limiter: r#"TickedBucket(tokens: 2, every: "50ms", burst: 2, anchored: FirstRequest)"#,
            columns: "time_ms,cost",
            rows: "
                2 * 0,1 -> A
                0,1 -> R retry 0.05
                49,1 -> R
                2 * 50,1 -> A
                50,1 -> R
                2 * 500,1 -> A
                500,1 -> R
            ",
        },
    ]);
}

#[test]
fn buckets_of_nginx() {
    check(&[
        Case {
            source: "nginx, limit_req rate=2r/s burst=1 nodelay",
            limiter: r#"LimitReq(rate: "2/s", burst: 1, delay: NoDelay)"#,
            columns: "time_ms,cost",
            rows: "
                2 * 0,1 -> A
                4 * 0,1 -> R
                500,1 -> A
            ",
        },
        Case {
            source: "nginx, limit_req rate=1r/m: 16 thousandths per second",
            limiter: r#"LimitReq(rate: "1/min")"#,
            columns: "time_ms,cost",
            rows: "
                0,1 -> A
                100,1 -> R retry 62.4
                62499,1 -> R
                62500,1 -> A
            ",
        },
        Case {
            source: "nginx, limit_req rate=1r/m burst=2",
            limiter: r#"LimitReq(rate: "1/min", burst: 2)"#,
            columns: "time_ms,cost",
            rows: "
                0,1 -> A
                0,1 -> D 62.5
                0,1 -> D 125
                0,1 -> R
            ",
        },
        Case {
            source: "nginx, limit_req rate=1r/s burst=2 delay=1",
            limiter: r#"LimitReq(rate: "1/s", burst: 2, delay: After(1))"#,
            columns: "time_ms,cost",
            rows: "
                2 * 0,1 -> A
                0,1 -> D 1
                0,1 -> R
            ",
        },
        Case {
            source: "nginx, two limits: what one refuses, the other does not count",
            limiter: r#"AllOf([
                LimitReq(rate: "2/s", burst: 1, delay: NoDelay),
                LimitReq(rate: "1/s", burst: 5),
            ])"#,
            columns: "time_ms,cost",
            rows: "
                0,1 -> A
                0,1 -> D 1
                0,1 -> R retry 0.5
                500,1 -> D 1.5
            ",
        },
    ]);
}
