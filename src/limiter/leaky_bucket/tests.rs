use super::super::trial::{assert_exact_wait, extremes, wait};
use super::*;
use proptest::prelude::*;

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

#[test]
fn the_smooth_limiter_of_failsafe_go() {
    // ratelimiterstats_test.go: interval; then time, cost, how often, the
    // last wait and the next free slot, all in milliseconds.
    let half = [
        (0, 1, 7, 3000, 3500),
        (800, 3, 1, 3700, 5000),
        (2300, 1, 1, 2700, 5500),
        (3500, 3, 1, 3000, 7000),
        (9100, 3, 1, 900, 10_500),
        (11_000, 1, 1, 0, 11_500),
    ];
    let fifth = [
        (0, 3, 1, 400, 600),
        (550, 2, 1, 250, 1000),
        (2210, 2, 1, 190, 2600),
    ];
    for (per, steps) in [("2/s", &half[..]), ("5/s", &fifth[..])] {
        for (grid, origin) in [(Grid::Epoch, 7000), (Grid::FirstRequest, 123)] {
            let rule = LeakyBucket::new(rate(per), 1, None, None, grid).unwrap();
            let mut state = LeakyState::default();
            for &(at, cost, times, last, free) in steps {
                let now = Time::from_millis(origin + at);
                let decisions = (0..times).map(|_| rule.decide(&mut state, now, cost));
                assert_eq!(wait(decisions.last().unwrap()), Some(last * 1_000_000));
                assert_eq!(state.full_at.nanos, (origin + free) * 1_000_000);
            }
        }
    }
}

#[test]
fn the_limiter_of_uber() {
    // ratelimit_test.go: how many went on before a time, without slack,
    // with takers that are always ready.
    let second = [(1, 100), (2, 200), (3, 300)];
    for (per, counts) in [("100/s", second), ("7/min", [(1, 1), (60, 8), (120, 15)])] {
        let rate = whole_interval(rate(per)).unwrap();
        let rule = LeakyBucket::new(rate, 1, None, None, Grid::None).unwrap();
        let (mut state, mut now, mut times) = (LeakyState::default(), Time::EPOCH, vec![]);
        for _ in 0..400 {
            now = now + Span::from_nanos(wait(rule.decide(&mut state, now, 1)).unwrap());
            times.push(now);
        }
        for (seconds, count) in counts {
            let end = Time::from_secs(seconds);
            assert_eq!(times.iter().filter(|&&at| at < end).count(), count);
        }
    }
    let rule = LeakyBucket::new(rate("10/s"), 1, None, None, Grid::None).unwrap();
    let mut state = LeakyState::default();
    let waits = [0, 1, 2].map(|_| wait(rule.decide(&mut state, Time::EPOCH, 1)));
    assert_eq!(waits, [Some(0), Some(100_000_000), Some(200_000_000)]);
}

#[test]
fn a_bank_of_tokens_and_a_queue() {
    let rule = LeakyBucket::new(rate("1/s"), 2, Some(2), None, Grid::None).unwrap();
    let (mut state, now) = (LeakyState::default(), Time::from_secs(50));
    let waits = [0; 5].map(|_| wait(rule.decide(&mut state, now, 1)));
    let second = 1_000_000_000;
    assert_eq!(
        waits,
        [Some(0), Some(0), Some(second), Some(2 * second), None]
    );
    rule.refund(&mut state, now, 3);
    assert_eq!(rule.inspect(&state, now).left(), 3);
    rule.refund(&mut state, now, u64::MAX);
    assert_eq!(rule.inspect(&state, now).left(), 4);
}

#[test]
fn parameters_and_extremes() {
    let new = |rate, burst, queue, grid| LeakyBucket::new(rate, burst, queue, None, grid);
    let fastest = Rate::new(u64::MAX, Span::from_nanos(1)).unwrap();
    assert_eq!(new(fastest, 0, None, Grid::None), Err(RuleError::ZeroBurst));
    assert_eq!(
        new(fastest, 1, None, Grid::Epoch),
        Err(RuleError::ZeroInterval)
    );
    assert!(new(rate("1/d"), 1, Some(u64::MAX), Grid::None).is_err());
    for (rate, grid) in [
        (fastest, Grid::None),
        (rate("1/ns"), Grid::Epoch),
        (rate("1/d"), Grid::FirstRequest),
        (rate("7/d"), Grid::None),
    ] {
        for (queue, max_wait) in [
            (None, None),
            (Some(1), Some(Span::MAX)),
            (None, Some(Span::ZERO)),
        ] {
            let rule = LeakyBucket::new(rate, 3, queue, max_wait, grid).unwrap();
            let mut state = LeakyState::default();
            for (now, cost) in extremes() {
                let _ = rule.decide(&mut state, now, cost);
                let _ = rule.inspect(&state, now);
                rule.refund(&mut state, now, cost / 2);
            }
        }
    }
}

proptest! {
    #[test]
    fn refusals_depend_on_the_sum_of_burst_and_queue(
        events in 1_u64..50, per in 1_u64..200,
        steps in prop::collection::vec((0_u64..40, 0_u64..12), 1..100),
    ) {
        let rate = Rate::new(events, Span::from_nanos(per)).unwrap();
        let rules = [(10, 0), (7, 3), (1, 9)].map(|(burst, queue)| {
            LeakyBucket::new(rate, burst, Some(queue), None, Grid::None).unwrap()
        });
        let (mut states, mut now) = ([LeakyState::default(); 3], Time::from_secs(1));
        for (step, cost) in steps {
            now = now + Span::from_nanos(step);
            let mut decide = |i: usize| rules[i].decide(&mut states[i], now, cost);
            let decisions = [decide(0), decide(1), decide(2)];
            let waits = decisions.map(wait);
            prop_assert!(waits[0] <= waits[1] && waits[1] <= waits[2]);
            prop_assert_eq!(waits.map(|wait| wait.is_some()), [waits[0].is_some(); 3]);
            if let Decision::Refuse { .. } = decisions[0] {
                prop_assert_eq!(decisions[0], decisions[1]);
                prop_assert_eq!(decisions[0], decisions[2]);
            }
        }
    }

    #[test]
    fn decisions_are_those_of_the_definition(
        events in 1_u64..9, per in 1_u64..60, burst in 1_u64..4,
        queue in prop::option::of(0_u64..5), max_wait in prop::option::of(0_u64..90),
        grid in prop::sample::select(vec![Grid::None, Grid::Epoch, Grid::FirstRequest]),
        steps in prop::collection::vec((0_u64..60, 0_u64..9), 1..40),
    ) {
        let (events, per) = match grid {
            Grid::None => (events, per),
            _ => (1, per.div_ceil(events)),
        };
        let rate = Rate::new(events, Span::from_nanos(per)).unwrap();
        let longest = max_wait.map(Span::from_nanos);
        let rule = LeakyBucket::new(rate, burst, queue, longest, grid).unwrap();
        let (mut state, mut now, mut origin) = (LeakyState::default(), 1000, None);
        // The level, in units of 1/per tokens, and the time that it is of.
        let (mut level, mut at) = ((burst * per) as i64, 0);
        let (events, per, burst) = (events as i64, per as i64, burst as i64);
        let mut gone_on = Vec::new();
        for (step, cost) in steps {
            now += step;
            let slot = match (grid, origin) {
                (Grid::None, _) | (Grid::FirstRequest, None) => now,
                (Grid::Epoch, _) => now - now % per as u64,
                (_, Some(origin)) => now - (now - origin) % per as u64,
            };
            level = (level + (slot - at) as i64 * events).min(burst * per);
            at = slot;
            let after = level - cost as i64 * per;
            let wait_from_slot = ((-after).max(0) + events - 1) / events;
            let expected = (wait_from_slot - (now - slot) as i64).max(0) as u64;
            let fits = |cost: i64| queue.is_none_or(|q| level - cost * per >= -(q as i64 * per))
                && max_wait.is_none_or(|longest| {
                    let wait = ((cost * per - level).max(0) + events - 1) / events;
                    wait - (now - slot) as i64 <= longest as i64
                });
            let moment = Time::from_nanos(now);
            match rule.inspect(&state, moment).remaining {
                None => prop_assert!(queue.is_none() && max_wait.is_none()),
                Some(remaining) => {
                    prop_assert!(remaining == 0 || fits(remaining as i64));
                    prop_assert!(!fits(remaining as i64 + 1));
                }
            }
            let decision = rule.decide(&mut state, moment, cost);
            if cost == 0 {
                prop_assert_eq!(decision, Decision::Admit);
            } else if let Decision::Refuse { retry_after } = decision {
                prop_assert!(!fits(cost as i64));
                let judge = |state: &mut _, at| rule.decide(state, at, cost);
                assert_exact_wait(&state, moment, retry_after, judge);
            } else {
                prop_assert!(fits(cost as i64));
                prop_assert_eq!(wait(decision), Some(expected));
                level = after;
                origin.get_or_insert(now);
                gone_on.push((now + expected, cost as i64));
            }
        }
        for &(from, _) in &gone_on {
            for &(to, _) in gone_on.iter().filter(|&&(to, _)| to >= from) {
                let within = gone_on.iter().filter(|&&(at, _)| from <= at && at <= to);
                let (count, largest) = within.fold((0, 0), |(n, max), &(_, c)| (n + c, max.max(c)));
                let slack = if grid == Grid::None { 0 } else { per };
                let bound = burst.max(largest) * per + slack + (to - from + 1) as i64 * events;
                prop_assert!(count * per <= bound + (largest - 1) * per);
            }
        }
    }
}
