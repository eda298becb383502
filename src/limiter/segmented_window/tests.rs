use super::super::trial::{assert_exact_wait, extremes};
use super::*;
use proptest::prelude::*;

/// Judges attempts given as (seconds, cost) with segments of a second: the
/// wait in seconds, or -1 if refused.
fn run(quota: u64, segments: u32, queue: u64, attempts: &[(u64, u64)]) -> Vec<i64> {
    let window = Span::from_secs(segments.into());
    let rule = SegmentedWindow::new(quota, window, segments, queue).unwrap();
    let (mut state, mut counts) = (SegmentedState::default(), vec![0; rule.cells()]);
    let origin = Time::from_millis(1_234_567);
    let mut judge = |&(at, cost): &(u64, u64)| {
        let now = origin + Span::from_secs(at);
        match rule.decide(&mut state, &mut counts, now, cost) {
            Decision::Admit => 0,
            Decision::Delay(span) => (span.nanos() / 1_000_000_000) as i64,
            Decision::Refuse { .. } => -1,
        }
    };
    attempts.iter().map(&mut judge).collect()
}

#[test]
fn the_sliding_window_of_dotnet() {
    // SlidingWindowRateLimiterTests: a second is one replenishment.
    assert_eq!(
        run(1, 2, 0, &[(0, 1), (0, 1), (1, 1), (2, 1)]),
        [0, -1, -1, 0]
    );
    assert_eq!(
        run(2, 2, 3, &[(0, 2), (0, 1), (0, 2), (3, 1)]),
        [0, 2, 4, 3]
    );
    assert_eq!(run(1, 2, 1, &[(0, 1), (0, 1), (0, 1)]), [0, 2, -1]);
    // A queue of many windows, and its last place used twice.
    assert_eq!(run(1, 2, 3, &[(0, 1); 5]), [0, 2, 4, 6, -1]);
    let again = [(0, 1), (0, 1), (0, 1), (0, 1), (2, 1), (2, 1), (9, 1)];
    assert_eq!(run(1, 2, 3, &again), [0, 2, 4, 6, 6, -1, 1]);
}

#[test]
fn a_refund_gives_back_but_never_overfills() {
    let rule = SegmentedWindow::new(3, Span::from_secs(2), 2, 0).unwrap();
    let (mut state, mut counts) = (SegmentedState::default(), vec![0; rule.cells()]);
    let (early, now) = (Time::from_secs(9), Time::from_secs(10));
    let _ = rule.decide(&mut state, &mut counts, early, 1);
    let _ = rule.decide(&mut state, &mut counts, now, 2);
    assert_eq!(rule.inspect(&state, &counts, now).left(), 0);
    rule.refund(&mut state, &mut counts, early, 5);
    assert_eq!(rule.inspect(&state, &counts, now).left(), 1);
    rule.refund(&mut state, &mut counts, now, u64::MAX);
    let standing = rule.inspect(&state, &counts, now);
    assert_eq!((standing.left(), standing.reset()), (3, Span::ZERO));
}

#[test]
fn parameters_and_extremes() {
    let new = |quota, window, segments, queue| {
        SegmentedWindow::new(quota, Span::from_nanos(window), segments, queue)
    };
    assert_eq!(new(0, 1, 1, 0), Err(RuleError::ZeroQuota));
    assert_eq!(new(1, 1, 2, 0), Err(RuleError::ZeroWindow));
    assert_eq!(new(1, 1, 0, 0), Err(RuleError::ZeroWindow));
    assert!(new(1, u64::MAX, u32::MAX, 0).is_err());
    assert!(new(1, 9, 1, u64::MAX).is_err());
    assert!(new(1 << 32, 9, 1, 0).is_err());
    for (quota, window, segments, queue) in [
        (1, 1, 1, 0),
        (u64::from(u32::MAX), u64::MAX, 3, 9),
        (2, u64::MAX, 2, 7),
        (3, 5, 5, 40),
    ] {
        let rule = new(quota, window, segments, queue).unwrap();
        let (mut state, mut counts) = (SegmentedState::default(), vec![0; rule.cells()]);
        for (now, cost) in extremes() {
            let _ = rule.decide(&mut state, &mut counts, now, cost);
            assert!(rule.inspect(&state, &counts, now).left() <= quota);
            rule.refund(&mut state, &mut counts, now, cost / 2);
        }
    }
}

proptest! {
    #[test]
    fn decisions_are_those_of_a_timer_and_a_queue(
        quota in 1_u64..6, segments in 1_u32..5, length in 1_u64..20, queue in 0_u64..14,
        steps in prop::collection::vec((0_u64..50, 0_u64..8), 1..60),
    ) {
        let window = Span::from_nanos(length * u64::from(segments));
        let rule = SegmentedWindow::new(quota, window, segments, queue).unwrap();
        let mut own = (SegmentedState::default(), vec![0; rule.cells()]);
        let (mut now, mut origin) = (1000_u64, None);
        // When permits were taken; who waits, with cost and told time.
        let mut gone_on = Vec::<(u64, u64)>::new();
        let (mut taken, mut waits) = (Vec::<(u64, u64)>::new(), Vec::<(u64, u64)>::new());
        for (step, cost) in steps {
            let free = |taken: &[(u64, u64)], segment| quota - taken.iter()
                .filter(|&&(at, _)| at + u64::from(segments) > segment).map(|t| t.1).sum::<u64>();
            for _ in 0..step {
                now += 1;
                let tick = origin.filter(|origin| (now - origin) % length == 0);
                let Some(origin) = tick else { continue };
                let segment: u64 = (now - origin) / length;
                while waits.first().is_some_and(|&(cost, _)| cost <= free(&taken, segment)) {
                    let (cost, told) = waits.remove(0);
                    prop_assert_eq!(told, now);
                    taken.push((segment, cost));
                }
            }
            let moment = Time::from_nanos(now);
            let remaining = rule.inspect(&own.0, &own.1, moment).left();
            let decision = rule.decide(&mut own.0, &mut own.1, moment, cost);
            if cost == 0 {
                continue;
            }
            if cost <= quota {
                origin.get_or_insert(now);
            }
            let segment = origin.map_or(0, |origin| (now - origin) / length);
            let waiting: u64 = waits.iter().map(|w| w.0).sum();
            prop_assert_eq!(decision.is_admit(), cost <= remaining);
            match decision {
                Decision::Admit => {
                    prop_assert!(waits.is_empty() && cost <= free(&taken, segment));
                    taken.push((segment, cost));
                    gone_on.push((now, cost));
                }
                Decision::Delay(span) => {
                    prop_assert!(!waits.is_empty() || cost > free(&taken, segment));
                    prop_assert!(cost <= quota && waiting + cost <= queue);
                    waits.push((cost, now + span.nanos()));
                    gone_on.push((now + span.nanos(), cost));
                }
                Decision::Refuse { retry_after } => {
                    prop_assert!(cost > quota || waiting + cost > queue);
                    let judge = |own: &mut (SegmentedState, Vec<u32>), at| {
                        rule.decide(&mut own.0, &mut own.1, at, cost)
                    };
                    assert_exact_wait(&own, moment, retry_after, judge);
                }
            }
        }
        let span = u64::from(segments - 1) * length;
        for &(from, _) in &gone_on {
            let within = gone_on.iter().filter(|&&(at, _)| from <= at && at <= from + span);
            prop_assert!(within.map(|&(_, cost)| cost).sum::<u64>() <= quota);
        }
    }
}
