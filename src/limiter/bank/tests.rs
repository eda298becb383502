use super::super::{Anchor, Estimate, Grid, Lock, Pacing, Refused, Surplus};
use super::*;
use crate::units::{Period, Rate, Span, Zone};
use proptest::prelude::*;

fn refused() -> impl Strategy<Value = Refused> {
    prop_oneof![Just(Refused::Free), Just(Refused::Counted)]
}

/// A rule of each algorithm, with small numbers so that edges are met; the
/// choices are numbered to make several of one algorithm.
fn rule_of(algorithm: usize) -> impl Strategy<Value = Rule> {
    (1_u64..8, 1_u64..40, 2_u64..7, refused()).prop_map(move |(quota, nanos, events, refused)| {
        let span = Span::from_nanos(nanos);
        let window = |anchor| FixedWindow::new(quota, span, anchor, refused).unwrap();
        match algorithm {
            0 => Rule::FixedWindow(window(Anchor::Epoch)),
            1 => Rule::FixedWindow(window(Anchor::FirstRequest)),
            2 => Rule::SlidingLog(SlidingLog::new(quota, span, refused).unwrap()),
            3 => Rule::Gcra(Gcra::new(span, quota, refused).unwrap()),
            _ => {
                let rate = Rate::new(events, span).unwrap();
                Rule::TokenBucket(TokenBucket::new(rate, quota, refused).unwrap())
            }
        }
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    (0_usize..5).prop_flat_map(rule_of)
}

fn steps() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((0_u64..20, 0_u64..6), 1..100)
}

fn at(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

#[test]
fn what_one_of_several_refuses_none_of_them_counts() {
    let second = Span::from_secs(1);
    let window = |quota, span| {
        let rule = FixedWindow::new(quota, span, Anchor::Epoch, Refused::Free).unwrap();
        Bank::uniform(Rule::FixedWindow(rule), 2)
    };
    let mut bank = Bank::all_of(vec![window(2, second), window(3, second * 10)]).unwrap();
    let now = Time::from_secs(100);
    assert_eq!(bank.bytes_per_key(), 32);
    assert!(bank.decide(1, now, 2).is_admit());
    // The long window would have let it through.
    let retry_after = Some(second);
    assert_eq!(bank.decide(1, now, 1), Decision::Refuse { retry_after });
    assert_eq!(bank.inspect(1, now).left(), 0);
    assert!(bank.decide(1, now + second, 1).is_admit());
    let retry_after = Some(second * 9);
    assert_eq!(
        bank.decide(1, now + second, 1),
        Decision::Refuse { retry_after }
    );
    bank.grow(5);
    assert!(bank.decide(4, now, 2).is_admit());
    assert!(Bank::all_of(vec![]).is_err());
    assert!(
        Bank::all_of(vec![
            window(1, second),
            Bank::uniform(Rule::Gcra(Gcra::new(second, 1, Refused::Free).unwrap()), 1)
        ])
        .is_err()
    );
}

#[test]
fn what_waits_in_one_of_several_leaves_the_queue_if_another_refuses() {
    let (second, minute) = (Span::from_secs(1), Span::from_secs(60));
    let segments = SegmentedWindow::new(1, minute, 10, 1).unwrap();
    let gcra = Gcra::new(second, 1, Refused::Free).unwrap();
    let mut bank = Bank::all_of(vec![
        Bank::uniform(Rule::SegmentedWindow(segments), 1),
        Bank::uniform(Rule::Gcra(gcra), 1),
    ])
    .unwrap();
    let now = Time::from_secs(600);
    assert_eq!(bank.decide(0, now, 1), Decision::Admit);
    assert!(!bank.decide(0, now, 1).is_admit());
    let wait = Decision::Delay(Span::from_secs(58));
    assert_eq!(bank.decide(0, now + second * 2, 1), wait);
}

#[test]
fn failures_reach_the_limit_that_learns_through_others() {
    let errors = ConsecutiveErrors::new(2, Span::from_secs(60)).unwrap();
    let gcra = Gcra::new(Span::from_secs(1), 9, Refused::Free).unwrap();
    let all = vec![
        Bank::uniform(Rule::ConsecutiveErrors(errors), 1),
        Bank::uniform(Rule::Gcra(gcra), 1),
    ];
    let lock = PenaltyBox::new(Span::from_secs(5), Lock::Fixed).unwrap();
    let mut bank = Bank::penalty_box(lock, Bank::all_of(all).unwrap());
    assert!(bank.learns());
    let now = Time::from_secs(100);
    for _ in 0..2 {
        assert!(bank.decide(0, now, 1).is_admit());
        bank.observe(0, now, false);
    }
    let retry_after = Some(Span::from_secs(60));
    assert_eq!(bank.decide(0, now, 1), Decision::Refuse { retry_after });
    assert_eq!(bank.inspect(0, now).left(), 0);
}

#[test]
fn bytes_are_those_stated() {
    let (second, free) = (Span::from_secs(1), Refused::Free);
    let window = FixedWindow::new(5, second, Anchor::Epoch, free).unwrap();
    let bucket = |text: &str| TokenBucket::new(text.parse().unwrap(), 5, free).unwrap();
    for (rule, bytes) in [
        (Rule::FixedWindow(window), 16),
        (
            Rule::SlidingLog(SlidingLog::new(5, second, free).unwrap()),
            24,
        ),
        (Rule::Gcra(Gcra::new(second, 5, free).unwrap()), 8),
        (Rule::TokenBucket(bucket("8/s")), 8),
        (Rule::TokenBucket(bucket("3/s")), 16),
    ] {
        let mut bank = Bank::uniform(rule.clone(), 1000);
        assert_eq!((bank.bytes_per_key(), bank.bytes()), (bytes, 1000 * bytes));
        let tiers = Bank::tiered(&[rule.clone(), rule.clone()], vec![1; 1000]).unwrap();
        assert_eq!(tiers.bytes_per_key(), bytes + 2);
        let one = Bank::tiered(std::slice::from_ref(&rule), vec![0; 1000]).unwrap();
        assert_eq!(one.bytes_per_key(), bytes);
        let _ = bank.decide(999, at(0), 1);
        let ring = if bytes == 24 { 4 * 12 } else { 0 };
        assert_eq!(bank.bytes(), 1000 * bytes + ring);
    }
    assert!(size_of::<Decision>() <= 16);
}

#[test]
fn replications_use_the_same_memory() {
    let rule = SlidingLog::new(20, Span::from_secs(1), Refused::Free).unwrap();
    let mut bank = Bank::uniform(Rule::SlidingLog(rule), 10);
    let mut bytes = Vec::new();
    for _ in 0..3 {
        for i in 0..200 {
            assert!(bank.decide(i % 10, at(i.into()), 1).is_admit());
        }
        assert!(!bank.decide(0, at(200), 1).is_admit());
        bytes.push(bank.bytes());
        bank.reset();
    }
    assert_eq!(bytes, [bytes[0]; 3]);
}

#[test]
fn tiers_that_make_no_bank() {
    let free = Refused::Free;
    let gcra = Rule::Gcra(Gcra::new(Span::from_secs(1), 5, free).unwrap());
    let bucket =
        |text: &str| Rule::TokenBucket(TokenBucket::new(text.parse().unwrap(), 5, free).unwrap());
    let error = |rules: &[Rule], keys| Bank::tiered(rules, keys).err();
    assert_eq!(error(&[], vec![]), Some(RuleError::NoRules));
    let unknown = RuleError::UnknownRule {
        key: 2,
        rule: 1,
        rules: 1,
    };
    assert_eq!(
        error(std::slice::from_ref(&gcra), vec![0, 0, 1]),
        Some(unknown)
    );
    let mixed = Some(RuleError::MixedAlgorithms);
    assert_eq!(error(&[gcra.clone(), bucket("3/s")], vec![0]), mixed);
    assert_eq!(error(&[gcra.clone(), bucket("4/s")], vec![0, 1]), None);
    assert_eq!(error(&[bucket("3/s"), bucket("4/s")], vec![0, 1]), None);
}

/// Every kind of bank with one key and small numbers; names as they print. Any
/// bucket holds `quota`.
fn banks(quota: u64, nanos: u64, events: u64, refused: Refused) -> Vec<(&'static str, Bank)> {
    let span = Span::from_nanos(nanos);
    let long = Span::from_millis(nanos);
    let third = Span::from_nanos(nanos.div_ceil(3));
    let rate = Rate::new(events, span).unwrap();
    let slow = Rate::new(events, long).unwrap();
    let uniform = |rule| Bank::uniform(rule, 1);
    let all_of = |rules: Vec<Rule>| Bank::all_of(rules.into_iter().map(uniform).collect()).unwrap();
    let window = |anchor| FixedWindow::new(quota, span, anchor, refused).unwrap();
    let counter =
        |anchor, estimate| SlidingCounter::new(quota, span, anchor, estimate, refused).unwrap();
    let leaky =
        |queue, max_wait, grid| LeakyBucket::new(rate, quota, queue, max_wait, grid).unwrap();
    let paced = |max_wait, anchor, surplus| {
        Rule::PacedWindow(PacedWindow::new(quota, span, max_wait, anchor, surplus).unwrap())
    };
    let ticked = |queue, anchor| {
        Rule::TickedBucket(TickedBucket::new(events, span, quota, queue, anchor).unwrap())
    };
    let envoy = |anchor| Rule::EnvoyBucket(EnvoyBucket::new(rate, quota, anchor).unwrap());
    let log = Rule::SlidingLog(SlidingLog::new(quota, span, refused).unwrap());
    let gcra = Rule::Gcra(Gcra::new(span, quota, refused).unwrap());
    let grows = Ramp::new(quota + 1, span, 150, span * 5, 4 * quota + 4).unwrap();
    let shrinks = Ramp::new(4 * quota + 4, span, 50, span * 5, quota).unwrap();
    let boxed = |lock, behind| Bank::penalty_box(PenaltyBox::new(span * 3, lock).unwrap(), behind);
    let late = RateRule::new(
        quota,
        span * 4,
        span,
        Span::from_nanos(events * 9),
        Span::from_nanos(quota * 8),
    );
    let calendar = CalendarWindow::new(quota, Period::Hour, Zone::default(), refused);
    let fixed = Rule::FixedWindow(window(Anchor::Epoch));
    let anchored = Rule::FixedWindow(window(Anchor::FirstRequest));
    vec![
        ("fixed window", uniform(fixed.clone())),
        ("anchored window", uniform(anchored.clone())),
        (
            "calendar window",
            uniform(Rule::CalendarWindow(calendar.unwrap())),
        ),
        ("sliding log", uniform(log.clone())),
        (
            "sliding counter",
            uniform(Rule::SlidingCounter(counter(
                Anchor::Epoch,
                Estimate::Floor,
            ))),
        ),
        (
            "anchored sliding counter",
            uniform(Rule::SlidingCounter(counter(
                Anchor::FirstRequest,
                Estimate::Floor,
            ))),
        ),
        (
            "exact sliding counter",
            uniform(Rule::SlidingCounter(counter(
                Anchor::FirstRequest,
                Estimate::Exact,
            ))),
        ),
        ("GCRA", uniform(gcra.clone())),
        (
            "token bucket",
            uniform(Rule::TokenBucket(
                TokenBucket::new(rate, quota, refused).unwrap(),
            )),
        ),
        ("ticked bucket", uniform(ticked(0, Anchor::FirstRequest))),
        (
            "ticked bucket with a queue",
            uniform(ticked(3, Anchor::Epoch)),
        ),
        (
            STARTS_EMPTY,
            uniform(Rule::LeakyBucket(
                leaky(Some(2), None, Grid::None)
                    .with_largest_cost(quota)
                    .starting_empty(),
            )),
        ),
        ("Envoy's bucket", uniform(envoy(Anchor::Epoch))),
        ("Envoy's new bucket", uniform(envoy(Anchor::FirstRequest))),
        (
            "leaky bucket",
            uniform(Rule::LeakyBucket(leaky(Some(3), None, Grid::None))),
        ),
        (
            "leaky bucket on a grid",
            uniform(Rule::LeakyBucket(leaky(None, Some(span), Grid::Epoch))),
        ),
        (
            "leaky bucket on its own grid",
            uniform(Rule::LeakyBucket(leaky(Some(2), None, Grid::FirstRequest))),
        ),
        (
            "leaky bucket without a bound",
            uniform(Rule::LeakyBucket(leaky(None, None, Grid::None))),
        ),
        (
            "paced window",
            uniform(paced(Some(span * 2), Anchor::Epoch, Surplus::Lost)),
        ),
        (
            "paced window that keeps",
            uniform(paced(Some(third), Anchor::FirstRequest, Surplus::Kept)),
        ),
        (
            "paced window without a bound",
            uniform(paced(None, Anchor::Epoch, Surplus::Lost)),
        ),
        (
            "limit_req",
            uniform(Rule::LimitReq(
                LimitReq::new(slow, quota, Pacing::After(1)).unwrap(),
            )),
        ),
        (
            "segmented window",
            uniform(Rule::SegmentedWindow(
                SegmentedWindow::new(quota, span, 4, 3).unwrap(),
            )),
        ),
        (
            "rate rule",
            uniform(Rule::RateRule(
                RateRule::new(quota, span * 4, span, span, span * 2).unwrap(),
            )),
        ),
        ("late rate rule", uniform(Rule::RateRule(late.unwrap()))),
        ("ramp", uniform(Rule::Ramp(grows))),
        ("ramp down", uniform(Rule::Ramp(shrinks))),
        (
            "spacing",
            uniform(Rule::Spacing(
                Spacing::new(&[span, span * 3], span * 9).unwrap(),
            )),
        ),
        (
            "consecutive errors",
            uniform(Rule::ConsecutiveErrors(
                ConsecutiveErrors::new(2, span).unwrap(),
            )),
        ),
        ("penalty box", boxed(Lock::Fixed, uniform(gcra.clone()))),
        (
            "strict penalty box",
            boxed(Lock::Extends, uniform(anchored.clone())),
        ),
        (
            "penalty box before a rate rule",
            boxed(
                Lock::Fixed,
                uniform(Rule::RateRule(
                    RateRule::new(quota, span * 2, span, span, span).unwrap(),
                )),
            ),
        ),
        (
            "penalty box before two at once",
            boxed(Lock::Fixed, all_of(vec![log.clone(), Rule::Ramp(shrinks)])),
        ),
        (
            "two penalty boxes",
            boxed(Lock::Fixed, boxed(Lock::Extends, uniform(log.clone()))),
        ),
        ("two at once", all_of(vec![fixed, gcra.clone()])),
        (
            "a log and a bucket at once",
            all_of(vec![log, envoy(Anchor::Epoch)]),
        ),
        (
            "a ramp down and a window at once",
            all_of(vec![Rule::Ramp(shrinks), anchored]),
        ),
        (
            "three that admit at times",
            all_of(vec![
                paced(Some(third), Anchor::Epoch, Surplus::Lost),
                Rule::LeakyBucket(leaky(None, Some(third), Grid::Epoch)),
                ticked(0, Anchor::Epoch),
            ]),
        ),
        (
            "a queue and errors at once",
            all_of(vec![
                Rule::SegmentedWindow(SegmentedWindow::new(quota, span, 3, 2).unwrap()),
                Rule::ConsecutiveErrors(ConsecutiveErrors::new(2, span).unwrap()),
            ]),
        ),
        (
            "a penalty box and another at once",
            Bank::all_of(vec![
                boxed(Lock::Fixed, uniform(gcra)),
                uniform(ticked(1, Anchor::Epoch)),
            ])
            .unwrap(),
        ),
    ]
}

/// A bucket whose whole budget is not there before its first use.
const STARTS_EMPTY: &str = "leaky bucket that starts empty";

/// Whether a bank of one key has its whole budget, tried out rather than
/// inspected: an attempt of all of it passes at once.
fn is_whole(bank: &Bank, now: u64, burst: u64) -> bool {
    let tried = |bank: &Bank| {
        let quota = bank.inspect(0, at(now)).quota.unwrap_or(burst);
        bank.clone().decide(0, at(now), quota)
    };
    match &bank.store {
        Store::AllOf(banks) => banks.iter().all(|bank| is_whole(bank, now, burst)),
        Store::PenaltyBox(_, _, behind) => {
            // The lock is gone, and nothing behind it is missing.
            bank.clone().decide(0, at(now), 1).is_admit() && is_whole(behind, now, burst)
        }
        // Admitted for later, if it is its turn in the pace of the limit.
        Store::LimitReq(_) => tried(bank).is_admit(),
        // Nothing is refused that would come at once, now or soon.
        Store::RateRule(_, _) => (0..700).all(|later| {
            let later = bank.inspect(0, at(now + later));
            later.remaining == later.quota
        }),
        Store::ConsecutiveErrors(_) => bank.inspect(0, at(now)).remaining == Some(2),
        _ => tried(bank) == Decision::Admit,
    }
}

proptest! {
    #[test]
    fn every_algorithm_keeps_its_word(
        (quota, nanos, events, refused) in (1_u64..8, 7_u64..40, 1_u64..7, refused()),
        steps in prop::collection::vec((0_u64..20, 0_u64..6), 1..100),
    ) {
        for (name, mut bank) in banks(quota, nanos, events, refused) {
            let scale = if name == "limit_req" { 1_000_000 } else { 1 };
            let mut now = 1_000_000_000_000;
            for &(step, cost) in &steps {
                now += step * scale;
                let reading = bank.clone().decide(0, at(now), 0);
                prop_assert_eq!(reading, Decision::Admit, "{}: a cost of nothing", name);
                match bank.decide(0, at(now), cost) {
                    Decision::Admit => {}
                    Decision::Delay(wait) => prop_assert!(wait > Span::ZERO, "{}", name),
                    Decision::Refuse { retry_after: None } => {
                        for later in [now, now + 100 * scale, 1 << 60] {
                            let later = bank.clone().decide(0, at(later), cost);
                            prop_assert!(!later.is_admit(), "{}: never is never", name);
                        }
                    }
                    Decision::Refuse { retry_after: Some(wait) } => {
                        prop_assert!(wait > Span::ZERO, "{}: refused and told to come at once", name);
                        let early = bank.clone().decide(0, at(now + wait.nanos() - 1), cost);
                        prop_assert!(!early.is_admit(), "{}: admitted before {:?}", name, wait);
                        let at_last = bank.clone().decide(0, at(now) + wait, cost);
                        prop_assert!(at_last.is_admit(), "{}: came as told, {:?}", name, wait);
                    }
                }
            }
            bank.reset();
            let bytes = bank.bytes();
            prop_assert!(bytes >= bank.bytes_per_key(), "{}", name);
        }
    }

    #[test]
    fn at_the_told_reset_the_whole_budget_is_there_and_not_before(
        (quota, nanos, events, refused) in (1_u64..8, 7_u64..40, 1_u64..7, refused()),
        steps in prop::collection::vec((0_u64..30, 0_u64..9, 0_u32..6), 1..40),
    ) {
        for (name, mut bank) in banks(quota, nanos, events, refused) {
            let scale = if name == "limit_req" { 1_000_000 } else { 1 };
            let (mut now, mut used) = (1_000_000_000_000, name != STARTS_EMPTY);
            for &(step, cost, then) in &steps {
                now += step * scale;
                let decision = bank.decide(0, at(now), cost);
                used |= (1..=quota).contains(&cost);
                if decision.is_admit() {
                    match (then, decision) {
                        (0, Decision::Delay(wait)) => bank.refund(0, at(now), at(now) + wait, cost),
                        (0, _) => bank.refund(0, at(now), at(now), cost),
                        (1, _) => bank.observe(0, at(now), false),
                        _ => bank.observe(0, at(now), true),
                    }
                }
                let standing = bank.inspect(0, at(now));
                let Some(reset) = standing.reset_after else {
                    prop_assert!(name.contains("errors"), "{}: no reset is told", name);
                    prop_assert!(!is_whole(&bank, now, quota) && !is_whole(&bank, 1 << 60, quota));
                    continue;
                };
                if used {
                    let reset_at = now + reset.nanos();
                    prop_assert!(is_whole(&bank, reset_at, quota), "{}: {} at {}", name, reset, now);
                    let early = reset > Span::ZERO && is_whole(&bank, reset_at - 1, quota);
                    prop_assert!(!early, "{}: before {} at {}", name, reset, now);
                }
            }
        }
    }

    #[test]
    fn no_algorithm_panics_at_the_ends_of_its_ranges(
        refused in refused(),
        steps in prop::collection::vec((
            prop_oneof![0_u64..4, (u64::MAX - 4)..=u64::MAX, any::<u64>()],
            prop_oneof![0_u64..4, Just(u64::MAX), Just(u64::from(u32::MAX)), any::<u64>()],
            any::<bool>(),
        ), 1..40),
    ) {
        for (name, mut bank) in banks(3, 7, 2, refused) {
            let mut at_the_end = 0;
            for &(now, cost, refund) in &steps {
                let decision = bank.decide(0, at(now), cost);
                if refund && decision.is_admit() {
                    bank.refund(0, at(now), at(now), cost);
                }
                let standing = bank.inspect(0, at(now));
                // Sums that stop at the end of their range are not told.
                let told = standing.reset_after.is_none_or(|reset| at(now) + reset < Time::MAX);
                prop_assert!(told, "{}: {:?}", name, standing);
                match decision {
                    Decision::Refuse { retry_after: Some(wait) } => {
                        prop_assert!(at(now) + wait < Time::MAX, "{}: {}", name, wait);
                    }
                    Decision::Delay(wait) => {
                        let end = now.checked_add(wait.nanos());
                        prop_assert!(end.is_some(), "{}: {}", name, wait);
                    }
                    _ => {}
                }
                bank.observe(0, at(now), cost % 2 == 0);
            }
            bank.reset();
            for _ in 0..100 {
                at_the_end += u32::from(bank.decide(0, Time::MAX, 1).is_admit());
            }
            let bounded = at_the_end <= 100 && (at_the_end < 40 || name.contains("rate rule") || name == "consecutive errors");
            prop_assert!(bounded, "{}: {} at the last moment of time", name, at_the_end);
        }
    }

    #[test]
    fn the_wait_told_is_exact(rule in rule(), steps in steps()) {
        let mut bank = Bank::uniform(rule.clone(), 1);
        let mut now = 1_000_000;
        for (step, cost) in steps {
            now += step;
            let Decision::Refuse { retry_after: Some(wait) } = bank.decide(0, at(now), cost) else {
                continue;
            };
            prop_assert!(wait > Span::ZERO);
            let mut early = bank.clone();
            prop_assert!(!early.decide(0, at(now + wait.nanos() - 1), cost).is_admit());
            let mut patient = bank.clone();
            prop_assert_eq!(patient.decide(0, at(now + wait.nanos()), cost), Decision::Admit);
        }
    }

    #[test]
    fn never_means_never(rule in rule(), steps in steps()) {
        let mut bank = Bank::uniform(rule.clone(), 1);
        let mut now = 0;
        for (step, cost) in steps {
            now += step;
            if bank.decide(0, at(now), cost) == (Decision::Refuse { retry_after: None }) {
                for later in [now, now + 100, 1 << 60] {
                    prop_assert!(!bank.clone().decide(0, at(later), cost).is_admit());
                }
                prop_assert!(cost > Bank::uniform(rule.clone(), 1).inspect(0, at(now)).left());
            }
        }
    }

    #[test]
    fn a_refund_at_once_restores_the_standing(rule in rule(), steps in steps()) {
        let mut bank = Bank::uniform(rule.clone(), 1);
        let mut now = 5_000;
        for (step, cost) in steps {
            now += step;
            let before = bank.clone();
            if bank.decide(0, at(now), cost).is_admit() {
                let mut undone = bank.clone();
                undone.refund(0, at(now), at(now), cost);
                for later in [now, now + 3, now + 50] {
                    prop_assert_eq!(undone.inspect(0, at(later)), before.inspect(0, at(later)));
                }
            }
        }
    }

    #[test]
    fn what_remains_is_what_is_admitted(rule in rule(), steps in steps()) {
        let mut bank = Bank::uniform(rule.clone(), 1);
        let mut now = 0;
        for (step, cost) in steps {
            now += step;
            let remaining = bank.inspect(0, at(now)).left();
            prop_assert!(bank.clone().decide(0, at(now), remaining).is_admit());
            prop_assert!(!bank.clone().decide(0, at(now), remaining + 1).is_admit());
            let _ = bank.decide(0, at(now), cost);
        }
    }

    #[test]
    fn no_window_admits_more_than_the_definition(
        algorithm in 0_usize..5, quota in 1_u64..8, nanos in 1_u64..40, events in 1_u64..7,
        refused in refused(), steps in steps(),
    ) {
        let span = Span::from_nanos(nanos);
        let window = |anchor| FixedWindow::new(quota, span, anchor, refused).unwrap();
        let rate = Rate::new(events, span).unwrap();
        // The bound on what closed intervals of a length may admit.
        let rule = match algorithm {
            0 => Rule::FixedWindow(window(Anchor::Epoch)),
            1 => Rule::FixedWindow(window(Anchor::FirstRequest)),
            2 => Rule::SlidingLog(SlidingLog::new(quota, span, refused).unwrap()),
            3 => Rule::Gcra(Gcra::new(span, quota, refused).unwrap()),
            _ => Rule::TokenBucket(TokenBucket::new(rate, quota, refused).unwrap()),
        };
        let bound = |length: u64| match algorithm {
            // An interval meets this many windows at most.
            0 | 1 => (2 + length / nanos).min(length + 1) * quota,
            2 => (1 + length / (nanos + 1)) * quota,
            3 => quota + length / nanos,
            _ => quota + length * events / nanos,
        };
        let mut bank = Bank::uniform(rule.clone(), 1);
        let mut admitted: Vec<(u64, u64)> = Vec::new();
        let mut now = 0;
        for (step, cost) in steps {
            now += step / 4;
            if bank.decide(0, at(now), cost).is_admit() {
                admitted.push((now, cost));
            }
        }
        for (i, &(first, _)) in admitted.iter().enumerate() {
            let mut sum = 0;
            for &(last, cost) in &admitted[i..] {
                sum += cost;
                prop_assert!(sum <= bound(last - first), "{sum} in {}", last - first);
            }
        }
        if algorithm == 0 {
            for &(at, _) in &admitted {
                let same = admitted.iter().filter(|(other, _)| other / nanos == at / nanos);
                prop_assert!(same.map(|(_, cost)| cost).sum::<u64>() <= quota);
            }
        }
    }

    #[test]
    fn tiers_are_as_separate_banks(
        (rules, rule_of_key) in (0_usize..5).prop_flat_map(|algorithm| (
            prop::collection::vec(rule_of(algorithm), 3),
            prop::collection::vec(0_u16..3, 5),
        )),
        steps in prop::collection::vec((0_u32..5, 0_u64..9, 0_u64..6, any::<bool>()), 1..150),
    ) {
        let mut bank = Bank::tiered(&rules, rule_of_key.clone()).unwrap();
        for _ in 0..2 {
            let mut alone: Vec<_> = rule_of_key
                .iter()
                .map(|&rule| Bank::uniform(rules[usize::from(rule)].clone(), 1))
                .collect();
            let mut now = 0;
            for &(key, step, cost, refund) in &steps {
                now += step;
                let other = &mut alone[key as usize];
                let decision = bank.decide(key, at(now), cost);
                prop_assert_eq!(decision, other.decide(0, at(now), cost));
                if refund && decision.is_admit() {
                    bank.refund(key, at(now), at(now), cost);
                    other.refund(0, at(now), at(now), cost);
                }
                prop_assert_eq!(bank.inspect(key, at(now)), other.inspect(0, at(now)));
            }
            // The second round must find the bank as new.
            bank.reset();
        }
    }

    #[test]
    fn extremes_neither_panic_nor_give_budget_away(
        algorithm in 0_usize..5, refused in refused(),
        quota in prop_oneof![1_u64..4, Just(u64::MAX), Just(u64::from(u32::MAX)), any::<u64>()],
        nanos in prop_oneof![1_u64..4, Just(u64::MAX), any::<u64>()],
        events in prop_oneof![1_u64..4, Just(u64::MAX), any::<u64>()],
        steps in prop::collection::vec((
            prop_oneof![0_u64..4, (u64::MAX - 4)..=u64::MAX, any::<u64>()],
            prop_oneof![0_u64..4, Just(u64::MAX), Just(u64::from(u32::MAX)), any::<u64>()],
            any::<bool>(),
        ), 1..60),
    ) {
        let span = Span::from_nanos(nanos);
        let window = |anchor| FixedWindow::new(quota, span, anchor, refused).map(Rule::FixedWindow);
        let made = match algorithm {
            0 => window(Anchor::Epoch),
            1 => window(Anchor::FirstRequest),
            2 => SlidingLog::new(quota, span, refused).map(Rule::SlidingLog),
            3 => Gcra::new(span, quota, refused).map(Rule::Gcra),
            _ => {
                let rate = Rate::new(events, span);
                rate.map_or(Err(RuleError::ZeroInterval), |rate| {
                    TokenBucket::new(rate, quota, refused).map(Rule::TokenBucket)
                })
            }
        };
        let Ok(rule) = made else { return Ok(()) };
        let mut bank = Bank::uniform(rule.clone(), 1);
        let mut latest = 0;
        for (now, cost, refund) in steps {
            let before = bank.inspect(0, at(latest)).left();
            let decision = bank.decide(0, at(now), cost);
            // A step back in time gains nothing.
            if now <= latest && decision.is_admit() {
                prop_assert!(cost <= before);
            }
            prop_assert!(bank.inspect(0, at(now)).left() <= quota);
            latest = latest.max(now);
            prop_assert!(!decision.is_admit() || cost <= quota);
            if refund && decision.is_admit() {
                bank.refund(0, at(now), at(now), cost);
            }
        }
    }

    #[test]
    fn at_the_end_of_time_the_budget_is_finite(rule in rule()) {
        let mut bank = Bank::uniform(rule.clone(), 1);
        let admitted = (0..100).filter(|_| bank.decide(0, Time::MAX, 1).is_admit()).count();
        prop_assert!(admitted < 8);
    }
}

#[test]
fn what_lies_beyond_the_end_of_time_is_not_told() {
    let rule = FixedWindow::new(1, Span::MAX, Anchor::FirstRequest, Refused::Free).unwrap();
    let errors = ConsecutiveErrors::new(1, Span::MAX).unwrap();
    let gcra = Gcra::new(Span::from_secs(1), 1, Refused::Free).unwrap();
    let lock = PenaltyBox::new(Span::MAX, Lock::Fixed).unwrap();
    let gcra = Bank::uniform(Rule::Gcra(gcra), 1);
    for mut bank in [
        Bank::uniform(Rule::FixedWindow(rule), 1),
        Bank::uniform(Rule::ConsecutiveErrors(errors), 1),
        Bank::penalty_box(lock, gcra),
    ] {
        let now = Time::from_secs(1_700_000_000);
        assert!(bank.decide(0, now, 1).is_admit());
        bank.observe(0, now, false);
        let retry_after = None;
        assert_eq!(bank.decide(0, now, 1), Decision::Refuse { retry_after });
        let standing = bank.inspect(0, now);
        assert_eq!((standing.remaining, standing.reset_after), (Some(0), None));
    }
    // Nor does anybody wait for so long.
    let slow = LimitReq::new("0.001/s".parse().unwrap(), 1 << 40, Pacing::After(0)).unwrap();
    let century = Span::from_secs(100 * 365 * 86_400);
    let ticked = TickedBucket::new(1, century, 1, 100, Anchor::Epoch).unwrap();
    for (rule, waiting) in [
        (Rule::LimitReq(slow), 16_000_000),
        (Rule::TickedBucket(ticked), 5),
    ] {
        let mut bank = Bank::uniform(rule, 1);
        let now = Time::from_secs(1_700_000_000);
        assert!(bank.decide(0, now, 1).is_admit());
        let (mut admitted, cost) = (0, (waiting / 5).min(1 << 20));
        while let Decision::Delay(wait) = bank.decide(0, now, cost) {
            assert!(now + wait < Time::MAX, "{wait}");
            admitted += cost;
        }
        assert!(
            (waiting / 2..=2 * waiting).contains(&admitted),
            "{admitted}"
        );
    }
}

#[test]
fn what_nobody_is_refused_for_has_no_bound_to_tell() {
    let second = Span::from_secs(1);
    let leaky = LeakyBucket::new("1/s".parse().unwrap(), 5, None, None, Grid::None).unwrap();
    let (anchor, surplus) = (Anchor::Epoch, Surplus::Lost);
    let paced = PacedWindow::new(5, second, None, anchor, surplus).unwrap();
    let window = FixedWindow::new(9, second, anchor, Refused::Free).unwrap();
    let now = Time::from_secs(100);
    for rule in [
        Rule::LeakyBucket(leaky),
        Rule::LeakyBucket(leaky.with_largest_cost(5)),
        Rule::PacedWindow(paced),
    ] {
        let mut bank = Bank::uniform(rule.clone(), 1);
        for _ in 0..20 {
            assert!(bank.decide(0, now, 1).is_admit());
        }
        let standing = bank.inspect(0, now);
        assert_eq!((standing.quota, standing.remaining), (None, None));
        assert!(standing.reset() > second);
        // Others that are asked as well have theirs.
        let both = vec![bank, Bank::uniform(Rule::FixedWindow(window), 1)];
        let standing = Bank::all_of(both).unwrap().inspect(0, now);
        assert_eq!((standing.quota, standing.remaining), (Some(9), Some(9)));
    }
}
