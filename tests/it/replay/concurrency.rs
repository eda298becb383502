//! Gates, the algorithms that set their permits, and admission by chance.

use super::{Case, check};

#[test]
fn gates_with_permits() {
    check(&[
        Case {
            source: "nginx, limit_conn 1",
            limiter: "Gate(per: [User], permits: 1)",
            columns: "time_ms,key,duration_ms",
            rows: "
                0,ann,1000 -> A remaining 0
                500,ann,1000 -> R retry never
                500,bob,1000 -> A
                999,ann,1000 -> R
                1000,ann,1000 -> A
            ",
        },
        Case {
            // Two limits on one zone: 5 for the critical, 1 for the others.
            source: "nginx, limit_conn 1 counts what came in under limit_conn 5",
            limiter: "Gate(per: [User], permits: 5, reserved: 4)",
            columns: "time_ms,key,duration_ms,class",
            rows: "
                0,ann,1000,Critical -> A remaining 4
                500,ann,1000,Sheddable -> R remaining 0
                500,ann,1000,Critical -> A remaining 3
                500,bob,1000,Sheddable -> A
                1500,ann,1000,Sheddable -> A
            ",
        },
        Case {
            source: "nginx, limit_conn of the whole server",
            limiter: "Gate(permits: 1)",
            columns: "time_ms,key,duration_ms",
            rows: "
                0,ann,1000 -> A
                500,bob,1000 -> R
            ",
        },
        Case {
            source: ".NET, ConcurrencyLimiter, the end of a request calls the oldest",
            limiter: "Gate(permits: 1, queue: 2)",
            columns: "time_ms,duration_ms",
            rows: "
                0,100 -> A
                10,50 -> D 0.09
                20,50 -> D 0.13
                30,50 -> R retry never
                149,50 -> D 0.051
                250,0 -> A
            ",
        },
        Case {
            source: ".NET, ConcurrencyLimiter, a queue is counted in permits",
            limiter: "Gate(permits: 2, queue: 3)",
            columns: "time_ms,cost,duration_ms",
            rows: "
                0,2,100 -> A
                10,1,10 -> D 0.09
                20,2,10 -> D 0.09
                30,1,10 -> R
            ",
        },
        Case {
            source: ".NET, ConcurrencyLimiter, the newest first turns the oldest away",
            limiter: "Gate(permits: 1, queue: 1, order: NewestFirst)",
            columns: "time_ms,duration_ms",
            rows: "
                0,100 -> A
                10,10 -> R
                20,10 -> D 0.08
            ",
        },
        Case {
            source: ".NET, ConcurrencyLimiter, more permits than there are",
            limiter: "Gate(permits: 2, queue: 5)",
            columns: "time,cost",
            rows: "
                0,3 -> R
                0,2 -> A
            ",
        },
        Case {
            source: "Netatmo, a wait of 500 ms at most",
            limiter: r#"Gate(permits: 1, max_wait: "500ms")"#,
            columns: "time_ms,duration_ms",
            rows: "
                0,600 -> A
                50,100 -> R
                100,100 -> D 0.5
                200,100 -> D 0.5
            ",
        },
    ]);
}

#[test]
fn queues_that_stand() {
    let limiter = r#"Gate(permits: 1, queue: 100, codel: (target: "5ms", interval: "100ms"))"#;
    check(&[
        Case {
            // Waits that end at 110, 200, 200, 310 and 400 ms.
            source: "folly, Codel, 100, 50, 50, 2 and 20 ms",
            limiter: r#"Gate(permits: 2, queue: 100, codel: (target: "5ms", interval: "100ms"))"#,
            columns: "time_ms,cost,duration_ms",
            rows: "
                10,1,100 -> A
                10,1,190 -> A
                10,1,90 -> D 0.1
                150,1,110 -> D 0.05
                150,1,0 -> R
                308,2,90 -> D 0.002
                380,1,0 -> R
            ",
        },
        Case {
            source: "folly, Codel, 20 and 8 ms",
            limiter,
            columns: "time_ms,duration_ms",
            rows: "
                0,20 -> A
                0,80 -> D 0.02
                92,10 -> D 0.008
            ",
        },
        Case {
            source: "folly, Codel, 50, 50 and 50 ms",
            limiter: r#"Gate(permits: 2, queue: 100, codel: (target: "5ms", interval: "100ms"))"#,
            columns: "time_ms,cost,duration_ms",
            rows: "
                0,1,50 -> A
                0,1,120 -> A
                0,1,70 -> D 0.05
                70,1,10 -> D 0.05
                70,1,10 -> R
            ",
        },
        Case {
            source: "the rule of folly's Codel: a wait at the target is no overload",
            limiter,
            columns: "time_ms,duration_ms",
            rows: "
                0,5 -> A
                0,115 -> D 0.005
                70,20 -> D 0.05
                70,10 -> D 0.07
            ",
        },
        Case {
            source: "thrift with folly's Codel: those that need not wait end an overload",
            limiter,
            columns: "time_ms,duration_ms",
            rows: "
                0,50 -> A
                0,50 -> D 0.05
                0,1 -> D 0.1
                0,1 -> R
                1000,1 -> A
                2000,1 -> A
                3000,12 -> A
                3000,3 -> D 0.012
                3000,1 -> D 0.015
            ",
        },
    ]);
}

#[test]
fn permits_that_adapt() {
    let vegas = "Gate(adaptive: Vegas(initial: 10, max: 20, alpha: Fixed(3), beta: Fixed(6)))";
    let columns = "time_ms,duration_ms,in_flight,outcome";
    check(&[
        Case {
            source: "Netflix concurrency-limits, VegasLimitTest, increase",
            limiter: vegas,
            columns,
            rows: "
                0,10,10,ok -> A permits 10
                10,10,11,ok -> R permits 16
            ",
        },
        Case {
            source: "Netflix concurrency-limits, VegasLimitTest, decrease",
            limiter: vegas,
            columns,
            rows: "
                0,10,10,ok -> A permits 10
                10,50,11,ok -> R permits 9
            ",
        },
        Case {
            source: "Netflix concurrency-limits, VegasLimitTest, no change",
            limiter: vegas,
            columns,
            rows: "
                0,10,10,ok -> A permits 10
                10,14,14,ok -> R permits 10
            ",
        },
        Case {
            source: "Netflix concurrency-limits, Vegas, a drop",
            limiter: "Gate(adaptive: Vegas(initial: 10, max: 20))",
            columns,
            rows: "
                0,10,10,ok -> A permits 10
                10,10,10,dropped -> A permits 9
            ",
        },
        Case {
            source: "Netflix concurrency-limits, Vegas, a large limit",
            limiter: "Gate(adaptive: Vegas(initial: 10000, max: 20000))",
            columns,
            rows: "
                0,10,5000,ok -> A permits 10000
                10,10,6000,ok -> A permits 10024
            ",
        },
        Case {
            source: "Netflix concurrency-limits, AIMDLimitTest, increase",
            limiter: "Gate(adaptive: Aimd(initial: 20))",
            columns,
            rows: "0,1,10,ok -> A permits 21",
        },
        Case {
            source: "Netflix concurrency-limits, AIMDLimitTest, a drop",
            limiter: "Gate(adaptive: Aimd(initial: 30))",
            columns,
            rows: "0,1,0,dropped -> A permits 27",
        },
        Case {
            source: "Netflix concurrency-limits, AIMDLimitTest, the most",
            limiter: "Gate(adaptive: Aimd(initial: 21, max: 21))",
            columns,
            rows: "0,1,10,ok -> A permits 21",
        },
        Case {
            source: "Netflix concurrency-limits, Gradient2, growth by its queue of 4, smoothed",
            limiter: "Gate(adaptive: Gradient2(initial: 20))",
            columns,
            rows: "
                0,10,20,ok -> A permits 20
                # Held while less than half is in flight.
                10,10,9,ok -> A permits 20
                20,10,20,ok -> A permits 21
                30,10,20,ok -> A permits 22
            ",
        },
    ]);
}

#[test]
fn refusals_by_chance() {
    let failsafe = r#"Admission(by: Custom(
        window: "1min",
        bucket: "3s",
        bucket_start: Epoch,
        allowance: SuccessRate(0.9),
        max_refusal: 0.8,
    ))"#;
    let columns = "time,cost,outcome";
    check(&[
        Case {
            source: "failsafe-go, 95 of 100",
            limiter: failsafe,
            columns,
            rows: "
                0,95,ok -> A
                0,5,failure -> A
                1,0, -> A chance 0
            ",
        },
        Case {
            source: "failsafe-go, 90 of 120",
            limiter: failsafe,
            columns,
            rows: "
                0,90,ok -> A
                0,30,failure -> A
                1,0, -> A chance 20/121
            ",
        },
        Case {
            source: "failsafe-go, 50 of 200",
            limiter: failsafe,
            columns,
            rows: "
                0,50,ok -> A
                0,150,failure -> A
                1,0, -> A chance 0.7..0.8
            ",
        },
        Case {
            source: "failsafe-go, 10 of 1000",
            limiter: failsafe,
            columns,
            rows: "
                0,10,ok -> A
                0,990,failure -> A
                1,0, -> A chance 0.8
            ",
        },
        Case {
            source: "failsafe-go, none yet",
            limiter: failsafe,
            columns,
            rows: "1,0, -> A chance 0",
        },
        Case {
            source: "Handling Overload, half of 100",
            limiter: "Admission(by: Sre)",
            columns,
            rows: "
                0,50,ok -> A
                0,50,failure -> A
                1,0, -> A chance 0
            ",
        },
        Case {
            source: "Handling Overload, a quarter of 100",
            limiter: "Admission(by: Sre)",
            columns,
            rows: "
                0,25,200 -> A
                0,75,503 -> A
                1,0, -> A chance 50/101
                119,0, -> A chance 50/101
                120,0, -> A chance 0
            ",
        },
        Case {
            source: "Envoy, admission control as it was at first",
            limiter: "Admission(by: Custom(allowance: Multiple(2.0), max_refusal: 1.0))",
            columns,
            rows: "
                0,25,ok -> A
                0,75,failure -> A
                1,0, -> A chance 50/101
            ",
        },
    ]);
}

#[test]
fn locks_after_failures() {
    check(&[Case {
        source: "Home Connect, errors in a row",
        limiter: r#"ConsecutiveErrors(limit: 3, lock: "10min")"#,
        columns: "time,outcome",
        rows: "
            0,error -> A
            1,error -> A
            2,ok -> A
            3,error -> A
            4,error -> A
            5,error -> A
            6,ok -> R retry 599
            604,ok -> R retry 1
            605,ok -> A
        ",
    }]);
}
