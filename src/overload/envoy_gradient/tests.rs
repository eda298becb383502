use super::*;

/// A controller and the clock of its test.
struct Bench {
    state: EnvoyGradientState,
    now: Time,
}

impl Bench {
    fn new(rule: EnvoyGradient) -> Bench {
        let state = EnvoyGradientState::new(rule).unwrap();
        let now = Time::from_secs(42 * 3600);
        Bench { state, now }
    }

    /// So many requests that take so long and end now.
    fn sample(&mut self, requests: u32, millis: u64) {
        for _ in 0..requests {
            let sample = Sample {
                now: self.now,
                round_trip: Span::from_millis(millis),
                in_flight: 1,
                dropped: false,
            };
            self.state.sample(&sample, || 0.999);
        }
    }

    /// The limit after so many milliseconds.
    fn after(&mut self, millis: u64) -> u32 {
        self.now = self.now + Span::from_millis(millis);
        self.state.advance(self.now);
        self.state.limit()
    }
}

fn of_envoy(min: u32, buffer: f64) -> EnvoyGradient {
    EnvoyGradient {
        min,
        buffer,
        measure_every: Span::from_secs(30),
        measure_requests: 5,
        jitter: 0.0,
        ..EnvoyGradient::default()
    }
}

#[test]
fn a_measurement_takes_so_many_requests() {
    // MinRTTLogicTest of gradient_controller_test.cc.
    let rule = EnvoyGradient {
        measure_requests: 50,
        ..of_envoy(7, 0.25)
    };
    let mut bench = Bench::new(rule);
    bench.sample(49, 13);
    assert!(bench.state.is_measuring());
    assert_eq!(bench.state.limit(), 7);
    bench.sample(1, 13);
    assert!(!bench.state.is_measuring());
    assert_eq!(bench.state.reference, 13_500);
}

#[test]
fn the_limit_grows_below_the_buffered_reference_and_shrinks_above() {
    // MinRTTBufferTest and ConcurrencyLimitBehaviorTestBasic.
    let mut bench = Bench::new(of_envoy(3, 0.5));
    bench.sample(5, 5);
    let mut limit = 3;
    for _ in 0..10 {
        bench.sample(5, 6);
        let next = bench.after(101);
        assert!(next > limit, "{next} after {limit}");
        limit = next;
    }
    for _ in 0..10 {
        bench.sample(5, 12);
        let next = bench.after(101);
        assert!(next < limit && next >= limit / 2, "{next} after {limit}");
        limit = next;
    }
}

#[test]
fn limits_by_hand() {
    // A reference of 5.05 ms without buffer. Of 3 and a gradient of 1 come
    // 3 + 1.73; of 4 and 2, 8 + 2.83; of 10 and 0.5, 5 + 2.24.
    let mut bench = Bench::new(of_envoy(3, 0.0));
    bench.sample(5, 5);
    for (millis, limit) in [(5, 4), (1, 10), (100, 7), (0, 17)] {
        bench.sample(5, millis);
        assert_eq!(bench.after(100), limit, "{millis} ms");
    }
    // Without requests it stays.
    assert_eq!(bench.after(1000), 17);
}

#[test]
fn a_measurement_returns_to_the_limit_before() {
    // MinRTTReturnToPreviousLimit and MinRTTEpoch.
    let mut bench = Bench::new(of_envoy(3, 0.25));
    bench.sample(5, 5);
    for _ in 0..5 {
        bench.sample(5, 4);
        bench.after(101);
    }
    let limit = bench.state.limit();
    assert!(limit > 3);
    assert_eq!(bench.after(31_000), 3);
    assert!(bench.state.is_measuring());
    // Requests from before it do not count.
    bench.after(1000);
    bench.sample(50, 300_000);
    assert!(bench.state.is_measuring());
    bench.sample(5, 13);
    assert_eq!(bench.state.limit(), limit);
    assert_eq!(bench.state.reference, 13_500);
}

#[test]
fn five_updates_at_the_least_limit_force_a_measurement() {
    // ConsecutiveMinConcurrencyReset: 5 ms became 10 ms for good.
    let rule = EnvoyGradient {
        measure_every: Span::from_secs(3600),
        ..of_envoy(7, 0.0)
    };
    let mut bench = Bench::new(rule);
    bench.sample(5, 5);
    for update in 1..=5 {
        assert!(!bench.state.is_measuring(), "before update {update}");
        bench.sample(5, 20);
        assert_eq!(bench.after(100), 7);
    }
    assert!(bench.state.is_measuring());
    bench.after(100);
    bench.sample(5, 20);
    assert_eq!(bench.state.reference, 20_500);
    bench.sample(5, 20);
    assert_eq!(bench.after(100), 9);
}

#[test]
fn jitter_delays_a_measurement_by_whole_milliseconds() {
    // TimerAccuracyTest: 100 s and 10 %, so less than 10 s more.
    let rule = EnvoyGradient {
        measure_every: Span::from_secs(100),
        jitter: 0.1,
        ..of_envoy(3, 0.25)
    };
    let drawn = |uniform| rule.draw(|| uniform);
    assert_eq!(drawn(0.0), Span::ZERO);
    assert_eq!(drawn(0.5), Span::from_millis(5000));
    assert_eq!(drawn(1.0), Span::from_millis(9999));
    let mut bench = Bench::new(rule);
    bench.sample(5, 5);
    bench.after(109_989);
    assert!(!bench.state.is_measuring());
    bench.after(1);
    assert!(bench.state.is_measuring());
}

#[test]
fn timers_run_out_alike_one_by_one_and_late() {
    let rule = of_envoy(3, 0.25);
    let (mut often, mut late) = (Bench::new(rule), Bench::new(rule));
    for bench in [&mut often, &mut late] {
        bench.sample(5, 5);
        bench.sample(5, 4);
    }
    for _ in 0..299 {
        often.after(100);
    }
    late.after(29_900);
    assert_eq!(often.state, late.state);
    assert_eq!((often.after(100), late.after(100)), (3, 3));
    assert_eq!(often.state, late.state);
}

#[test]
fn parameters_that_make_no_limit() {
    let good = EnvoyGradient::default();
    let none = Span::ZERO;
    for (rule, part) in [
        (EnvoyGradient { min: 0, ..good }, "(min)"),
        (EnvoyGradient { max: 2, ..good }, "below the least"),
        (
            EnvoyGradient {
                update_every: none,
                ..good
            },
            "update_every",
        ),
        (
            EnvoyGradient {
                measure_every: none,
                ..good
            },
            "measure_every",
        ),
        (
            EnvoyGradient {
                measure_requests: 0,
                ..good
            },
            "no requests",
        ),
        (
            EnvoyGradient {
                quantile: 1.1,
                ..good
            },
            "expected 0 to 1",
        ),
        (
            EnvoyGradient {
                jitter: f64::NAN,
                ..good
            },
            "jitter",
        ),
        (
            EnvoyGradient {
                buffer: -0.1,
                ..good
            },
            "0 or more",
        ),
    ] {
        let message = EnvoyGradientState::new(rule).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}
