use super::*;
use proptest::prelude::*;

const NOW: Time = Time::from_secs(1_700_000_000);

/// A window in which so many requests ended just now, so many of them well.
fn observed(rule: Admission, executions: u32, successes: u32) -> AdmissionState {
    let mut state = AdmissionState::new(rule).unwrap();
    for i in 0..executions {
        state.observe(NOW, i < successes, 1);
    }
    state
}

fn probability(rule: Admission, executions: u32, successes: u32) -> f64 {
    observed(rule, executions, successes).refusal_probability(NOW)
}

#[test]
fn rejection_rates_of_failsafe_go() {
    // TestComputeRejectionRate: success threshold 0.9, cap 0.8.
    let max_refusal = 0.8;
    let rule = Admission {
        max_refusal,
        ..Admission::failsafe()
    };
    assert_eq!(probability(rule, 100, 95), 0.0);
    assert_eq!(probability(rule, 120, 90), 20.0 / 121.0);
    let heavy = probability(rule, 200, 50);
    assert!(heavy > 0.7 && heavy < 0.8, "{heavy}");
    assert_eq!(probability(rule, 1000, 10), 0.8);
    assert_eq!(probability(rule, 0, 0), 0.0);
    assert_eq!(probability(rule, 100, 0), 0.8);
    assert!(probability(rule, 100, 50) > probability(rule, 100, 70));
    // One failure, as it is: 1 of 1 + 1.
    assert_eq!(probability(Admission::failsafe(), 1, 0), 0.5);
    let min_requests = 2;
    assert_eq!(
        probability(
            Admission {
                min_requests,
                ..rule
            },
            1,
            0
        ),
        0.0
    );
}

#[test]
fn the_form_of_the_sre_book() {
    let rule = Admission::sre();
    assert_eq!(probability(rule, 100, 50), 0.0);
    assert_eq!(probability(rule, 100, 25), 50.0 / 101.0);
    assert_eq!(probability(rule, 100, 0), 100.0 / 101.0);
}

#[test]
fn local_refusals_count_where_the_rule_says_so() {
    let mut sre = observed(Admission::sre(), 100, 25);
    assert!(!sre.admit(NOW, 0.0));
    assert!(sre.admit(NOW, 0.999));
    // 101 requests, 25 successes.
    assert_eq!(sre.refusal_probability(NOW), 51.0 / 102.0);
    let mut envoy = observed(Admission::envoy(), 100, 25);
    let before = envoy.refusal_probability(NOW);
    assert!(!envoy.admit(NOW, 0.0));
    assert_eq!(envoy.refusal_probability(NOW), before);
    assert_eq!(envoy.counts(NOW).requests, 100);
}

#[test]
fn parameters_of_envoy() {
    let rule = Admission::envoy();
    let expected = (100.0 - 76.0 / 0.95) / 101.0;
    assert_eq!(probability(rule, 100, 76), expected);
    assert_eq!(probability(rule, 100, 95), 0.0);
    assert_eq!(probability(rule, 100, 0), 0.8);
    // Aggression 2 takes the square root; it refuses nothing above the rate.
    let aggression = 2.0;
    let rooted = probability(Admission { aggression, ..rule }, 100, 76);
    assert!((rooted - expected.sqrt()).abs() < 1e-15);
    assert_eq!(probability(Admission { aggression, ..rule }, 100, 99), 0.0);
    // 100 requests in 30 s are 3 per second, rounded down.
    for (min_rps, least) in [(3, expected), (4, 0.0)] {
        assert_eq!(probability(Admission { min_rps, ..rule }, 100, 76), least);
    }
    // Its first version: (total - 2 * success) / (total + 1).
    let allowance = Allowance::Multiple(2.0);
    let max_refusal = 1.0;
    let first = Admission {
        allowance,
        max_refusal,
        ..rule
    };
    assert_eq!(probability(first, 100, 25), 50.0 / 101.0);
}

#[test]
fn outcomes_are_forgotten_after_the_window() {
    let mut state = observed(Admission::envoy(), 100, 0);
    let just_before = NOW + Span::from_nanos(29_999_999_999);
    assert_eq!(state.refusal_probability(just_before), 0.8);
    assert_eq!(state.refusal_probability(NOW + Span::from_secs(30)), 0.0);
}

#[test]
fn the_breaker_of_go_zero() {
    let rule = Admission::go_zero();
    // Five requests are protected.
    assert_eq!(probability(rule, 5, 0), 0.0);
    assert_eq!(probability(rule, 10, 0), 5.0 / 11.0);
    // A bucket with both: 1.5 per success. 100 - 5 - 60 of 101.
    assert_eq!(probability(rule, 100, 40), 35.0 / 101.0);
    // After ten buckets of failures only, 1.5 - 0.4 * 10 / 40 = 1.4.
    let mut state = observed(rule, 100, 40);
    let mut now = NOW;
    for _ in 0..10 {
        now = now + rule.bucket;
        state.observe(now, false, 1);
    }
    let expected = (110.0 - 5.0 - 40.0 * 1.4) / 111.0;
    assert!((state.refusal_probability(now) - expected).abs() < 1e-12);
    // After eight of successes only: 8 of 40 less.
    let mut state = observed(rule, 100, 40);
    let mut now = NOW;
    for _ in 0..8 {
        now = now + rule.bucket;
        state.observe(now, true, 1);
    }
    let expected = (108.0 - 5.0 - 48.0 * 1.5) / 109.0 * 0.8;
    assert!((state.refusal_probability(now) - expected).abs() < 1e-12);
}

#[test]
fn go_zero_lets_one_through_per_second() {
    let mut state = observed(Admission::go_zero(), 100, 0);
    assert!(!state.admit(NOW, 0.5), "none got through yet");
    assert!(state.admit(NOW, 0.999));
    let second = NOW + Span::from_secs(1);
    assert!(!state.admit(second, 0.5), "not yet longer than a second");
    let later = second + Span::from_nanos(1);
    assert_eq!(state.refusal_probability(later), 0.0);
    assert!(state.admit(later, 0.0));
    assert!(!state.admit(later, 0.5));
}

#[test]
fn parameters_that_make_no_sense() {
    let good = Admission::envoy();
    use Allowance::{Multiple, Streaks, SuccessRate};
    let (healthy, failing) = (1.1, 1.5);
    for allowance in [
        SuccessRate(0.0),
        SuccessRate(1.1),
        SuccessRate(f64::NAN),
        Multiple(0.9),
        Multiple(f64::INFINITY),
        Streaks { healthy, failing },
    ] {
        let message = Admission { allowance, ..good }
            .check()
            .unwrap_err()
            .to_string();
        assert!(message.contains("allowance"), "{message}");
    }
    let (aggression, max_refusal, bucket) = (0.5, 1.5, Span::from_secs(7));
    for (rule, part) in [
        (Admission { aggression, ..good }, "aggression"),
        (
            Admission {
                max_refusal,
                ..good
            },
            "refusal",
        ),
        (Admission { bucket, ..good }, "buckets"),
    ] {
        let message = AdmissionState::new(rule).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    for rule in [
        good,
        Admission::sre(),
        Admission::failsafe(),
        Admission::go_zero(),
    ] {
        assert_eq!(rule.check(), Ok(()));
    }
}

proptest! {
    #[test]
    fn probabilities_stay_in_range(
        events in prop::collection::vec(
            (prop_oneof![0..200_000_000_000_u64, Just(u64::MAX), Just(0)], any::<bool>(), 0.0..1.0_f64),
            1..200,
        ),
        aggression in 1.0..10.0_f64,
    ) {
        for rule in [Admission::envoy(), Admission::sre(), Admission::failsafe(), Admission::go_zero()] {
            let mut state = AdmissionState::new(Admission { aggression, ..rule }).unwrap();
            for &(at, success, uniform) in &events {
                let now = Time::from_nanos(at);
                let probability = state.refusal_probability(now);
                prop_assert!((0.0..=rule.max_refusal).contains(&probability));
                if state.admit(now, uniform) {
                    state.observe(now, success, 1);
                }
            }
        }
    }
}
