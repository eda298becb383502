use super::super::trial::{assert_exact_wait, extremes};
use super::*;
use proptest::prelude::*;

fn rule(quota: u64, window: Span, anchor: Anchor) -> SlidingCounter {
    SlidingCounter::new(quota, window, anchor, Estimate::Floor, Refused::Free).unwrap()
}

#[test]
fn the_window_of_russell_luo() {
    let rule = rule(10, Span::from_secs(1), Anchor::Epoch);
    let mut state = CounterState::default();
    for (at, cost, admitted) in [
        (0, 1, true),
        (100, 2, true),
        (200, 3, true),
        (500, 5, false),
    ] {
        let decision = rule.decide(&mut state, Time::from_millis(at), cost);
        assert_eq!(decision.is_admit(), admitted);
    }
    // Of the 6 the share that counts is below 1 after 5/6 of the window.
    let estimate = |at| rule.estimate(&state, Time::from_millis(at));
    assert_eq!(
        [1000, 1500, 1833, 1834, 2000].map(estimate),
        [6, 3, 1, 0, 0]
    );
}

#[test]
fn the_sliding_window_counter_of_limits() {
    // 5 per second: 3 hits in a window, then what remains in the next: one
    // unit comes free at its start and one in every third of a second.
    let rule = rule(5, Span::from_secs(1), Anchor::Epoch);
    let mut state = CounterState::default();
    let start = 7_000_000_000;
    for hit in 0..3 {
        let _ = rule.decide(&mut state, Time::from_nanos(start + hit), 1);
    }
    let remaining = |past| {
        let now = Time::from_nanos(start + 1_000_000_000 + past);
        rule.inspect(&state, now).left()
    };
    let thirds = [0, 1, 333_333_333, 333_333_334, 666_666_667, 1_000_000_000];
    assert_eq!(thirds.map(remaining), [2, 3, 3, 4, 5, 5]);
}

#[test]
fn the_rate_counter_of_haproxy() {
    // freq_ctr: 100 events at once, read over a period of 10 s that starts
    // with the first of them.
    let rule = rule(1000, Span::from_secs(10), Anchor::FirstRequest);
    let (mut state, origin) = (CounterState::default(), 1_234_567);
    let _ = rule.decide(&mut state, Time::from_millis(origin), 100);
    for (at, reading) in [(0, 100), (10_000, 100), (15_000, 50), (20_000, 0)] {
        let now = Time::from_millis(origin + at);
        assert_eq!(rule.estimate(&state, now), reading);
    }
    // The next period starts where the last one ends, but after two
    // without an event it starts with the next event.
    for (at, start) in [(13_000, 10_000), (29_999, 20_000), (40_000, 40_000)] {
        let _ = rule.decide(&mut state, Time::from_millis(origin + at), 1);
        assert_eq!(state.start, Time::from_millis(origin + start).nanos());
    }
}

#[test]
fn two_hundred_arrivals_across_an_edge() {
    for (estimate, expected) in [(Estimate::Floor, 61), (Estimate::Exact, 60)] {
        let window = Span::from_secs(60);
        let rule = SlidingCounter::new(60, window, Anchor::Epoch, estimate, Refused::Free).unwrap();
        let mut state = CounterState::default();
        let admitted = (0..200).filter(|i| {
            let now = Time::from_millis(59_000 + 10 * i);
            rule.decide(&mut state, now, 1).is_admit()
        });
        assert_eq!(admitted.count(), expected);
    }
}

#[test]
fn extremes_neither_panic_nor_gain() {
    for (quota, window) in [(1, 1), (1, u64::MAX), (u64::MAX, 1), (u64::MAX, u64::MAX)] {
        for (anchor, estimate, refused) in [
            (Anchor::Epoch, Estimate::Exact, Refused::Counted),
            (Anchor::FirstRequest, Estimate::Floor, Refused::Free),
        ] {
            let span = Span::from_nanos(window);
            let rule = SlidingCounter::new(quota, span, anchor, estimate, refused).unwrap();
            let mut state = CounterState::default();
            for (now, cost) in extremes() {
                let _ = rule.decide(&mut state, now, cost);
                assert!(rule.inspect(&state, now).left() <= quota);
                rule.refund(&mut state, now, cost / 2);
            }
        }
    }
}

proptest! {
    #[test]
    fn decisions_are_those_of_the_definition(
        quota in 1_u64..12, window in 1_u64..40, anchored: bool, exact: bool, counted: bool,
        steps in prop::collection::vec((0_u64..30, 0_u64..14), 1..80),
    ) {
        let anchor = if anchored { Anchor::FirstRequest } else { Anchor::Epoch };
        let estimate = if exact { Estimate::Exact } else { Estimate::Floor };
        let refused = if counted { Refused::Counted } else { Refused::Free };
        let span = Span::from_nanos(window);
        let rule = SlidingCounter::new(quota, span, anchor, estimate, refused).unwrap();
        let mut state = CounterState::default();
        // What counted and when; of that, what was admitted.
        let (mut counts, mut admissions) = (Vec::new(), Vec::new());
        let (mut now, mut start) = (1000_u64, 0);
        for (step, cost) in steps {
            now += step;
            if cost == 0 {
                continue;
            }
            let open = counts.iter().any(|&(at, _)| at + window >= start);
            start = match (now - start) / window {
                0 if open => start,
                1 if open => start + window,
                _ if anchored => now,
                _ => now - now % window,
            };
            let sum = |from, to| counts.iter()
                .filter(|&&(at, _)| (from..to).contains(&at)).map(|&(_, n)| n).sum::<u64>();
            let weighted = sum(start - window, start) * (start + window - now);
            let weighted = if exact { weighted } else { weighted - weighted % window };
            let fits = weighted + (sum(start, now + 1) + cost) * window <= quota * window;
            let moment = Time::from_nanos(now);
            let decision = rule.decide(&mut state, moment, cost);
            prop_assert_eq!(decision.is_admit(), fits);
            if fits || counted {
                counts.push((now, cost));
            }
            if let Decision::Refuse { retry_after } = decision {
                let judge = |state: &mut _, at| rule.decide(state, at, cost);
                assert_exact_wait(&state, moment, retry_after, judge);
            } else {
                admissions.push((now, cost));
                let recent = admissions.iter().filter(|&&(at, _)| at + window > now);
                prop_assert!(recent.map(|&(_, n)| n).sum::<u64>() <= 2 * quota);
            }
        }
    }
}
