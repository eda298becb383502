use super::super::trial::{assert_exact_wait, extremes};
use super::*;
use proptest::prelude::*;

#[test]
fn a_flood_is_blocked_late_and_released_late() {
    let seconds = Span::from_secs;
    let rule = RateRule::new(10, seconds(60), seconds(10), seconds(20), seconds(30)).unwrap();
    let (mut state, mut counts) = (RateRuleState::default(), vec![0; rule.cells()]);
    // 2 per second from 1001 s on: the check at 1010 s finds 18 of them.
    let mut blocked = Vec::new();
    for at in 1001..1200 {
        let decision = rule.decide(&mut state, &mut counts, Time::from_secs(at), 2);
        blocked.push(!decision.is_admit());
    }
    assert_eq!(
        blocked.iter().position(|&blocked| blocked),
        Some(1030 - 1001)
    );
    assert!(blocked[29..].iter().all(|&blocked| blocked));
    // The last attempt is at 1199 s. Of the look-back at 1250 s it has 20,
    // of that at 1260 s none; release is 30 s later.
    let standing = rule.inspect(&state, &counts, Time::from_secs(1200));
    assert_eq!((standing.left(), standing.reset()), (0, seconds(90)));
    let later = rule.inspect(&state, &counts, Time::from_secs(1290));
    assert_eq!((later.left(), later.reset()), (10, seconds(0)));
}

#[test]
fn a_burst_that_ends_in_time_is_never_blocked() {
    let seconds = Span::from_secs;
    let rule = RateRule::new(10, seconds(60), seconds(10), seconds(200), seconds(0)).unwrap();
    let (mut state, mut counts) = (RateRuleState::default(), vec![0; rule.cells()]);
    for at in 0..60 {
        let now = Time::from_secs(5000 + 10 * at);
        let cost = if at == 3 { 1_000_000 } else { 1 };
        assert!(rule.decide(&mut state, &mut counts, now, cost).is_admit());
    }
}

#[test]
fn parameters_and_extremes() {
    let new = |limit, look_back, every, lag| {
        let span = Span::from_nanos;
        RateRule::new(limit, span(look_back), span(every), span(lag), span(0))
    };
    assert_eq!(new(0, 1, 1, 0), Err(RuleError::ZeroQuota));
    assert_eq!(new(1, 0, 1, 0), Err(RuleError::ZeroWindow));
    assert_eq!(new(1, 1, 0, 0), Err(RuleError::ZeroInterval));
    for (limit, look_back, every, lag) in [
        (1, 3, 2, 0),
        (1, 1 << 21, 1, 0),
        (1, 2, 2, 127),
        (1 << 32, 1, 1, 0),
    ] {
        assert!(new(limit, look_back, every, lag).is_err());
    }
    for (limit, look_back, every, lag) in [
        (1, 1, 1, 63),
        (u64::from(u32::MAX) - 1, 40, 10, 77),
        (7, u64::MAX, u64::MAX, u64::MAX),
    ] {
        let rule = new(limit, look_back, every, lag).unwrap();
        let (mut state, mut counts) = (RateRuleState::default(), vec![0; rule.cells()]);
        for (now, cost) in extremes() {
            let _ = rule.decide(&mut state, &mut counts, now, cost);
            assert!(rule.inspect(&state, &counts, now).left() <= limit);
            rule.refund(&mut state, &mut counts, now, cost / 2);
        }
    }
}

proptest! {
    #[test]
    fn blocks_are_those_of_the_definition(
        limit in 1_u64..6, cells in 1_u64..5, every in 1_u64..9,
        detect in 0_u64..40, release in 0_u64..40,
        steps in prop::collection::vec((0_u64..30, 0_u64..8), 1..60),
    ) {
        let span = Span::from_nanos;
        let rule = RateRule::new(
            limit, span(cells * every), span(every), span(detect), span(release)).unwrap();
        let mut own = (RateRuleState::default(), vec![0; rule.cells()]);
        let (mut now, mut counted) = (900, Vec::<(u64, u64)>::new());
        for (step, cost) in steps {
            now += step;
            if cost == 0 {
                continue;
            }
            let over = |check: u64| counted.iter()
                .filter(|&&(at, _)| at < check && at + cells * every >= check)
                .map(|c| c.1).sum::<u64>() > limit;
            // Rows of checks, the last of which may not have ended.
            let (mut blocked, mut first) = (false, None);
            for check in (0..=now).step_by(every as usize) {
                match (over(check), first) {
                    (true, None) => first = Some(check),
                    (false, Some(begin)) => {
                        blocked |= begin + detect <= now && now < check + release;
                        first = None;
                    }
                    _ => {}
                }
            }
            blocked |= first.is_some_and(|begin| begin + detect <= now);
            let moment = Time::from_nanos(now);
            let standing = rule.inspect(&own.0, &own.1, moment);
            prop_assert!(!blocked || standing.left() == 0);
            let decision = rule.decide(&mut own.0, &mut own.1, moment, cost);
            prop_assert_eq!(decision.is_admit(), !blocked);
            counted.push((now, cost));
            if let Decision::Refuse { retry_after } = decision {
                let judge = |own: &mut (RateRuleState, Vec<u32>), at| {
                    rule.decide(&mut own.0, &mut own.1, at, cost)
                };
                assert_exact_wait(&own, moment, retry_after, judge);
            }
        }
    }
}
