use proptest::prelude::*;

use super::*;

fn refuse(seconds: u64) -> Decision {
    let retry_after = Some(Span::from_secs(seconds));
    Decision::Refuse { retry_after }
}

const NEVER: Decision = Decision::Refuse { retry_after: None };

/// The sums of attempts of cost 1 given as (key, second, decision).
fn totals(attempts: &[(u32, u64, Decision)]) -> Totals {
    let mut summary = Summary::new();
    for &(key, at, decision) in attempts {
        summary.record(key, Time::from_secs(at), 1, decision);
    }
    summary.finish(Time::EPOCH, 10)
}

fn lock_out(key: u32, start: u64, length: u64, ended: bool) -> Option<LockOut> {
    Some(LockOut {
        key,
        start: Time::from_secs(start),
        length: Span::from_secs(length),
        ended,
    })
}

#[test]
fn nothing_recorded() {
    let totals = Summary::new().finish(Time::MAX, 10);
    assert_eq!(totals, Totals::default());
    assert_eq!((totals.refused_share, totals.kept_share), (None, None));
}

#[test]
fn counts_costs_and_delays() {
    let mut summary = Summary::new();
    let delay = |millis| Decision::Delay(Span::from_millis(millis));
    for (cost, decision) in [
        (2, Decision::Admit),
        (3, delay(10)),
        (4, delay(25)),
        (5, refuse(1)),
        (6, NEVER),
    ] {
        summary.record(0, Time::from_secs(1), cost, decision);
    }
    let totals = summary.finish(Time::from_secs(2), 10);
    assert_eq!((totals.attempts, totals.cost), (5, 20));
    assert_eq!((totals.admitted, totals.admitted_cost), (3, 9));
    assert_eq!((totals.delayed, totals.delayed_cost), (2, 7));
    assert_eq!((totals.refused, totals.refused_cost), (2, 11));
    assert_eq!((totals.refused_share, totals.never), (Some(0.4), 1));
    assert_eq!(totals.max_delay, Span::from_millis(25));
    assert_eq!(totals.mean_delay, Span::from_nanos(17_500_000));
}

#[test]
fn the_longest_lock_out() {
    use Decision::Admit;
    // From the first refusal to the admission, not from the last.
    let one = [(1, 10, refuse(1)), (1, 15, refuse(1)), (1, 18, Admit)];
    assert_eq!(totals(&one).longest_lock_out, lock_out(1, 10, 8, true));
    // To the end of the log, which other keys can tell.
    let open = [(3, 10, refuse(1)), (1, 15, Admit)];
    assert_eq!(totals(&open).longest_lock_out, lock_out(3, 10, 5, false));
    // Of equals, the earliest, of the lowest key.
    let equals = [
        (2, 10, refuse(1)),
        (1, 10, refuse(1)),
        (2, 12, Admit),
        (1, 12, Admit),
        (0, 13, refuse(1)),
        (0, 15, Admit),
    ];
    assert_eq!(totals(&equals).longest_lock_out, lock_out(1, 10, 2, true));
    // The end that the caller tells, unless it is before the last attempt.
    let mut summary = Summary::new();
    summary.record(0, Time::from_secs(5), 1, refuse(1));
    for (end, length) in [(9, 4), (1, 0)] {
        let totals = summary.finish(Time::from_secs(end), 0);
        assert_eq!(totals.longest_lock_out, lock_out(0, 5, length, false));
    }
    // What costs nothing ends none.
    summary.record(0, Time::from_secs(6), 0, Admit);
    let totals = summary.finish(Time::from_secs(7), 0);
    assert_eq!(totals.longest_lock_out, lock_out(0, 5, 2, false));
}

#[test]
fn what_was_told_and_whether_it_was_kept() {
    use Decision::{Admit, Delay};
    let kept = |attempts: &[(u32, u64, Decision)]| {
        let totals = totals(attempts);
        (totals.impatient, totals.kept, totals.kept_share)
    };
    // Three refusals tell the same moment, two of them to the impatient.
    let window = [
        (0, 10, refuse(10)),
        (0, 12, refuse(8)),
        (0, 19, refuse(1)),
        (0, 20, Admit),
    ];
    assert_eq!(kept(&window), (2, 3, Some(1.0)));
    // Let in later is as told; let in earlier is not.
    assert_eq!(
        kept(&[(0, 10, refuse(5)), (0, 60, Delay(Span::MAX))]),
        (0, 1, Some(1.0))
    );
    assert_eq!(kept(&[(0, 10, refuse(5)), (0, 14, Admit)]), (1, 0, None));
    // Waited in vain, then waited well.
    let vain = [(0, 10, refuse(5)), (0, 15, refuse(5)), (0, 20, Admit)];
    assert_eq!(kept(&vain), (0, 1, Some(0.5)));
    // Nothing is known of who never comes back.
    assert_eq!(kept(&[(0, 10, refuse(5))]), (0, 0, None));
    // A refusal for ever tells no moment and supersedes none.
    let never = [(0, 10, refuse(5)), (0, 11, NEVER), (0, 15, Admit)];
    assert_eq!(kept(&never), (1, 1, Some(1.0)));
    assert_eq!(kept(&[(0, 10, NEVER), (0, 11, Admit)]), (0, 0, None));
    // The moment told last counts, and an admission ends it.
    let later = [
        (0, 10, refuse(5)),
        (0, 11, refuse(9)),
        (0, 16, Admit),
        (0, 17, Admit),
    ];
    assert_eq!(kept(&later), (2, 0, None));
    // Keys are apart.
    assert_eq!(kept(&[(0, 10, refuse(5)), (1, 11, Admit)]), (0, 0, None));
    let told = totals(&[(1, 10, refuse(5)), (2, 11, refuse(9)), (0, 20, refuse(0))]);
    let expected = ToldMoment {
        key: 2,
        time: Time::from_secs(20),
    };
    assert_eq!(told.latest_told, Some(expected));
}

#[test]
fn keys_by_refusals() {
    let mut summary = Summary::new();
    for (key, refusals) in [(3, 2), (0, 0), (1, 5), (7, 2), (4, 1)] {
        for _ in 0..refusals {
            summary.record(key, Time::EPOCH, 1, refuse(1));
        }
        summary.record(key, Time::EPOCH, 1, Decision::Admit);
    }
    let all = [(1, 5), (3, 2), (7, 2), (4, 1)];
    for n in 0..6 {
        let top = summary.finish(Time::EPOCH, n).top;
        let top: Vec<_> = top.iter().map(|key| (key.key, key.refused)).collect();
        assert_eq!(top, all[..n.min(4)]);
    }
    assert_eq!(summary.finish(Time::EPOCH, 0).refused_keys, 4);
}

#[test]
fn plain_data() {
    let json = serde_json::to_value(totals(&[(1, 10, refuse(5))])).unwrap();
    assert_eq!(json["refused"], 1);
    assert_eq!(json["latest_told"]["time"], 15_000_000_000_u64);
    assert_eq!(json["longest_lock_out"]["length"], "0s");
    assert_eq!(json["top"][0]["key"], 1);
}

#[test]
fn a_key_takes_32_bytes() {
    assert_eq!(size_of::<KeyRecord>(), 32);
}

fn decision() -> impl Strategy<Value = Decision> {
    prop_oneof![
        Just(Decision::Admit),
        any::<u64>().prop_map(|nanos| Decision::Delay(Span::from_nanos(nanos))),
        (0..9_u64).prop_map(refuse),
        any::<u64>().prop_map(|nanos| Decision::Refuse {
            retry_after: Some(Span::from_nanos(nanos)),
        }),
        Just(NEVER),
    ]
}

proptest! {
    #[test]
    fn any_attempts_add_up(
        attempts in prop::collection::vec(
            (0..4_u32, prop_oneof![0..20_u64, any::<u64>()], any::<u64>(), decision()),
            0..60,
        ),
    ) {
        let mut summary = Summary::new();
        for &(key, at, cost, decision) in &attempts {
            summary.record(key, Time::from_nanos(at), cost, decision);
        }
        let totals = summary.finish(Time::MAX, usize::MAX);
        prop_assert_eq!(totals.attempts, totals.admitted + totals.refused);
        prop_assert!(totals.delayed <= totals.admitted);
        prop_assert!(totals.kept + totals.never <= totals.refused);
        prop_assert!(totals.mean_delay <= totals.max_delay);
        let by_key: u64 = totals.top.iter().map(|key| key.refused).sum();
        prop_assert_eq!(by_key, totals.refused);
        prop_assert_eq!(totals.top.len() as u64, totals.refused_keys);
    }

    /// Against the definitions, read off a whole list of one key's attempts.
    #[test]
    fn kept_and_impatient_are_as_defined(
        steps in prop::collection::vec((0..4_u64, prop::option::of(1..8_u64)), 0..40),
    ) {
        let mut now = 0;
        let attempts: Vec<(u64, Option<u64>)> = steps
            .iter()
            .map(|&(step, wait)| {
                now += step;
                (now, wait.map(|wait| now + wait))
            })
            .collect();
        let (mut kept, mut impatient) = (0, 0);
        for (place, &(at, told)) in attempts.iter().enumerate() {
            let before = attempts[..place].last().and_then(|(_, told)| *told);
            impatient += u64::from(before.is_some_and(|before| at < before));
            if told.is_none() {
                continue;
            }
            // The attempt that waited for what was told last before it.
            let waited = (place + 1..attempts.len())
                .find(|&next| attempts[next - 1].1.is_none_or(|told| told <= attempts[next].0));
            let admitted = (place + 1..attempts.len()).find(|&next| attempts[next].1.is_none());
            kept += u64::from(waited.is_some() && waited == admitted);
        }
        let mut summary = Summary::new();
        for &(at, told) in &attempts {
            let decision = told.map_or(Decision::Admit, |told| refuse(told - at));
            summary.record(0, Time::from_secs(at), 1, decision);
        }
        let totals = summary.finish(Time::EPOCH, 0);
        prop_assert_eq!((totals.kept, totals.impatient), (kept, impatient));
    }
}
