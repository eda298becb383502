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
    assert_eq!(bank.inspect(1, now).remaining, 0);
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
    assert_eq!(bank.inspect(0, now).remaining, 0);
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

/// Every kind of bank with one key and small numbers; names as they print.
fn banks(
    quota: u64,
    nanos: u64,
    events: u64,
    refused: Refused,
) -> Vec<(&'static str, Bank, Exactness)> {
    let span = Span::from_nanos(nanos);
    let long = Span::from_millis(nanos);
    let rate = Rate::new(events, span).unwrap();
    let slow = Rate::new(events, long).unwrap();
    let uniform = |rule| Bank::uniform(rule, 1);
    let window = |quota, anchor| FixedWindow::new(quota, span, anchor, refused).unwrap();
    let counter =
        |anchor, estimate| SlidingCounter::new(quota, span, anchor, estimate, refused).unwrap();
    let leaky =
        |queue, max_wait, grid| LeakyBucket::new(rate, quota, queue, max_wait, grid).unwrap();
    let paced =
        |anchor, surplus| PacedWindow::new(quota, span, Some(span * 2), anchor, surplus).unwrap();
    let gcra = Gcra::new(span, quota, refused).unwrap();
    let lock = PenaltyBox::new(span * 3, Lock::Fixed).unwrap();
    let utc = Zone::default();
    use Exactness::{Exact, OfItsCause};
    vec![
        (
            "fixed window",
            uniform(Rule::FixedWindow(window(quota, Anchor::Epoch))),
            Exact,
        ),
        (
            "anchored window",
            uniform(Rule::FixedWindow(window(quota, Anchor::FirstRequest))),
            Exact,
        ),
        (
            "calendar window",
            uniform(Rule::CalendarWindow(
                CalendarWindow::new(quota, Period::Hour, utc, refused).unwrap(),
            )),
            Exact,
        ),
        (
            "sliding log",
            uniform(Rule::SlidingLog(
                SlidingLog::new(quota, span, refused).unwrap(),
            )),
            Exact,
        ),
        (
            "sliding counter",
            uniform(Rule::SlidingCounter(counter(
                Anchor::Epoch,
                Estimate::Floor,
            ))),
            Exact,
        ),
        (
            "exact sliding counter",
            uniform(Rule::SlidingCounter(counter(
                Anchor::FirstRequest,
                Estimate::Exact,
            ))),
            Exact,
        ),
        ("GCRA", uniform(Rule::Gcra(gcra)), Exact),
        (
            "token bucket",
            uniform(Rule::TokenBucket(
                TokenBucket::new(rate, quota, refused).unwrap(),
            )),
            Exact,
        ),
        (
            "ticked bucket",
            uniform(Rule::TickedBucket(
                TickedBucket::new(events, span, quota, 0, Anchor::FirstRequest).unwrap(),
            )),
            Exact,
        ),
        (
            "ticked bucket with a queue",
            uniform(Rule::TickedBucket(
                TickedBucket::new(events, span, quota, 3, Anchor::Epoch).unwrap(),
            )),
            Exact,
        ),
        (
            "leaky bucket that starts empty",
            uniform(Rule::LeakyBucket(
                leaky(Some(2), None, Grid::None)
                    .with_largest_cost(quota)
                    .starting_empty(),
            )),
            Exact,
        ),
        (
            "Envoy's bucket",
            uniform(Rule::EnvoyBucket(
                EnvoyBucket::new(rate, quota, Anchor::Epoch).unwrap(),
            )),
            Exact,
        ),
        (
            "leaky bucket",
            uniform(Rule::LeakyBucket(leaky(Some(3), None, Grid::None))),
            Exact,
        ),
        (
            "leaky bucket on a grid",
            uniform(Rule::LeakyBucket(leaky(None, Some(span), Grid::Epoch))),
            Exact,
        ),
        (
            "paced window",
            uniform(Rule::PacedWindow(paced(Anchor::Epoch, Surplus::Lost))),
            Exact,
        ),
        (
            "limit_req",
            uniform(Rule::LimitReq(
                LimitReq::new(slow, quota, Pacing::After(1)).unwrap(),
            )),
            Exact,
        ),
        (
            "segmented window",
            uniform(Rule::SegmentedWindow(
                SegmentedWindow::new(quota, long, 4, 3).unwrap(),
            )),
            Exact,
        ),
        (
            "rate rule",
            uniform(Rule::RateRule(
                RateRule::new(quota, long * 4, long, long, long * 2).unwrap(),
            )),
            Exact,
        ),
        (
            "ramp",
            uniform(Rule::Ramp(
                Ramp::new(quota + 1, span, 150, span * 5, 4 * quota + 4).unwrap(),
            )),
            Exact,
        ),
        (
            "spacing",
            uniform(Rule::Spacing(
                Spacing::new(&[span, span * 3], span * 9).unwrap(),
            )),
            Exact,
        ),
        (
            "penalty box",
            Bank::penalty_box(lock, uniform(Rule::Gcra(gcra))),
            OfItsCause,
        ),
        (
            "two at once",
            Bank::all_of(vec![
                uniform(Rule::FixedWindow(window(quota, Anchor::Epoch))),
                uniform(Rule::Gcra(gcra)),
            ])
            .unwrap(),
            Exact,
        ),
    ]
}

/// Whether the wait told is that of the attempt; a lock tells that of the attempt
/// that caused it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Exactness {
    Exact,
    OfItsCause,
}

proptest! {
    #[test]
    fn every_algorithm_keeps_its_word(
        (quota, nanos, events, refused) in (1_u64..8, 7_u64..40, 1_u64..7, refused()),
        steps in prop::collection::vec((0_u64..20, 0_u64..6), 1..100),
    ) {
        for (name, mut bank, exactness) in banks(quota, nanos, events, refused) {
            let scale = if matches!(name, "limit_req" | "segmented window" | "rate rule") { 1_000_000 } else { 1 };
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
                        if exactness == Exactness::OfItsCause {
                            continue;
                        }
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
    fn no_algorithm_panics_at_the_ends_of_its_ranges(
        refused in refused(),
        steps in prop::collection::vec((
            prop_oneof![0_u64..4, (u64::MAX - 4)..=u64::MAX, any::<u64>()],
            prop_oneof![0_u64..4, Just(u64::MAX), Just(u64::from(u32::MAX)), any::<u64>()],
            any::<bool>(),
        ), 1..40),
    ) {
        for (name, mut bank, _) in banks(3, 7, 2, refused) {
            let mut at_the_end = 0;
            for &(now, cost, refund) in &steps {
                let decision = bank.decide(0, at(now), cost);
                if refund && decision.is_admit() {
                    bank.refund(0, at(now), at(now), cost);
                }
                let _ = bank.inspect(0, at(now));
                bank.observe(0, at(now), cost % 2 == 0);
            }
            bank.reset();
            for _ in 0..100 {
                at_the_end += u32::from(bank.decide(0, Time::MAX, 1).is_admit());
            }
            let bounded = at_the_end <= 100 && (at_the_end < 40 || name == "rate rule");
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
                prop_assert!(cost > Bank::uniform(rule.clone(), 1).inspect(0, at(now)).remaining);
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
            let remaining = bank.inspect(0, at(now)).remaining;
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
            let before = bank.inspect(0, at(latest)).remaining;
            let decision = bank.decide(0, at(now), cost);
            // A step back in time gains nothing.
            if now <= latest && decision.is_admit() {
                prop_assert!(cost <= before);
            }
            prop_assert!(bank.inspect(0, at(now)).remaining <= quota);
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
