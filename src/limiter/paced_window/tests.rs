use super::super::trial::{assert_exact_wait, extremes, wait};
use super::*;
use proptest::prelude::*;

#[test]
fn the_bursty_limiter_of_failsafe_go() {
    // ratelimiterstats_test.go: quota per second; then time, cost, how
    // often, the last wait in milliseconds, and the permits left.
    let two = [
        (0, 1, 7, 3000, -5),
        (800, 3, 1, 3200, -8),
        (2300, 1, 1, 2700, -5),
        (3500, 1, 3, 2500, -6),
        (7000, 1, 1, 0, 1),
    ];
    let five = [
        (300, 3, 1, 0, 2),
        (1550, 10, 1, 450, -5),
        (2210, 2, 1, 790, -2),
    ];
    for (quota, steps) in [(2, &two[..]), (5, &five[..])] {
        for surplus in [Surplus::Lost, Surplus::Kept] {
            let second = Span::from_secs(1);
            let rule = PacedWindow::new(quota, second, None, Anchor::Epoch, surplus).unwrap();
            let mut state = PacedState::default();
            for &(at, cost, times, last, left) in steps {
                let now = Time::from_millis(at);
                let decisions = (0..times).map(|_| rule.decide(&mut state, now, cost));
                assert_eq!(wait(decisions.last().unwrap()), Some(last * 1_000_000));
                assert_eq!(quota as i64 - state.taken, left);
            }
        }
    }
}

#[test]
fn permits_that_come_to_a_key_in_debt() {
    for (surplus, expected) in [(Surplus::Lost, 2), (Surplus::Kept, 19)] {
        let second = Span::from_secs(1);
        let none = Some(Span::ZERO);
        let rule = PacedWindow::new(2, second, none, Anchor::FirstRequest, surplus).unwrap();
        let mut state = PacedState { start: 5, taken: 3 };
        let now = Time::from_nanos(10_000_000_005);
        assert_eq!(rule.inspect(&state, now).left(), expected);
        assert_eq!(wait(rule.decide(&mut state, now, expected)), Some(0));
        assert_eq!(wait(rule.decide(&mut state, now, 1)), None);
    }
}

#[test]
fn parameters_and_extremes() {
    for surplus in [Surplus::Lost, Surplus::Kept] {
        for (anchor, max_wait) in [
            (Anchor::Epoch, None),
            (Anchor::FirstRequest, Some(Span::ZERO)),
        ] {
            let new = |quota, period| {
                PacedWindow::new(quota, Span::from_nanos(period), max_wait, anchor, surplus)
            };
            assert_eq!(new(0, 1), Err(RuleError::ZeroQuota));
            assert_eq!(new(1, 0), Err(RuleError::ZeroWindow));
            assert!(new(u64::MAX, 1).is_err());
            for (quota, period) in [
                (1, 1),
                (1, u64::MAX),
                (u64::MAX / 2, 1),
                (u64::MAX / 2, u64::MAX),
            ] {
                let (rule, mut state) = (new(quota, period).unwrap(), PacedState::default());
                for (now, cost) in extremes() {
                    let _ = rule.decide(&mut state, now, cost);
                    let _ = rule.inspect(&state, now);
                    rule.refund(&mut state, now, cost / 2);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn decisions_are_those_of_the_definition(
        quota in 1_i64..5, period in 1_u64..40, max_wait in 0_u64..120, anchored: bool, kept: bool,
        steps in prop::collection::vec((0_u64..60, 0_u64..12), 1..40),
    ) {
        let anchor = if anchored { Anchor::FirstRequest } else { Anchor::Epoch };
        let surplus = if kept { Surplus::Kept } else { Surplus::Lost };
        let (span, longest) = (Span::from_nanos(period), Some(Span::from_nanos(max_wait)));
        let rule = PacedWindow::new(quota as u64, span, longest, anchor, surplus).unwrap();
        let (mut state, mut now) = (PacedState::default(), 1000);
        let (mut left, mut origin, mut index) = (quota, if anchored { None } else { Some(0) }, 0);
        let mut gone_on: Vec<(u64, u64)> = Vec::new();
        for (step, cost) in steps {
            now += step;
            let start = origin.map_or(now, |origin| now - (now - origin) % period);
            if cost > 0 && origin.is_some_and(|origin| (now - origin) / period > index) {
                let passed = (now - origin.unwrap()) / period - index;
                index += passed;
                left = match left < 0 {
                    true if kept => left + passed as i64 * quota,
                    true => (left + passed as i64 * quota).min(quota),
                    false => quota,
                };
            }
            let moment = Time::from_nanos(now);
            let remaining = rule.inspect(&state, moment).left();
            let decision = rule.decide(&mut state, moment, cost);
            if cost == 0 {
                continue;
            }
            let lacking = (cost as i64 - left).max(0);
            let expected = match (lacking + quota - 1) / quota {
                0 => 0,
                periods => start + period * periods as u64 - now,
            };
            prop_assert_eq!(decision.is_admit(), expected <= max_wait);
            prop_assert_eq!(decision.is_admit(), cost <= remaining);
            if let Decision::Refuse { retry_after } = decision {
                let judge = |state: &mut _, at| rule.decide(state, at, cost);
                assert_exact_wait(&state, moment, retry_after, judge);
            } else {
                prop_assert_eq!(wait(decision), Some(expected));
                if origin.is_none() {
                    origin = Some(now);
                }
                left -= cost as i64;
                gone_on.push((now + expected, cost));
            }
        }
        // What goes on with its last permit in a period has all others in
        // this one or before.
        if let (Some(origin), false) = (origin, kept) {
            for &(at, _) in &gone_on {
                let (first, last) = (gone_on[0].0, at);
                let count: u64 = gone_on.iter().filter(|g| g.0 <= last).map(|g| g.1).sum();
                let periods = (last - origin) / period - (first - origin) / period + 1;
                let early = gone_on[0].1;
                prop_assert!(count <= quota as u64 * periods + early);
            }
        }
    }
}
