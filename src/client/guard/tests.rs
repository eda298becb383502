use super::*;
use crate::scenario::text::parse;

fn plan(text: &str) -> GuardPlan {
    let guard: Written = parse(text).unwrap();
    let answers = [Response::of_status(429), Response::of_status(503)];
    GuardPlan::new(&guard, (2, &[]), &answers).unwrap()
}

fn at(seconds: u64) -> Time {
    Time::from_secs(1_000_000 + seconds)
}

fn told(seconds: u64) -> Told {
    Told {
        retry_after: Some(Span::from_secs(seconds)),
        reset: None,
    }
}

/// What one attempt after the other gets, each asked at its second, and heard to
/// fail or not at once if it is made: `.` passes, `?` probes, `x` drops.
fn told_of(guard: &mut Guard<'_>, attempts: &[(u64, bool)]) -> String {
    let one = |&(second, fails): &(u64, bool)| {
        let verdict = guard.ask(0, at(second), || 0.5);
        let (letter, was_probe) = match verdict {
            Verdict::Passes => ('.', false),
            Verdict::Probes => ('?', true),
            Verdict::Drops => return 'x',
            other => panic!("{other:?}"),
        };
        let heard = match fails {
            true => Heard::Refusal(1, Told::default()),
            false => Heard::Success,
        };
        guard.hears(0, at(second), heard, was_probe);
        letter
    };
    attempts.iter().map(one).collect()
}

#[test]
fn a_pace_makes_wait_or_drops() {
    let each_second = r#"Pace(by: TokenBucket(rate: "1/s", burst: 1)"#;
    let waiting = plan(&format!("{each_second})"));
    let dropping = plan(&format!("{each_second}, otherwise: Drop)"));
    for (plan, second) in [
        (&waiting, Verdict::AsksAgainAt(at(1))),
        (&dropping, Verdict::Drops),
    ] {
        let mut guard = plan.build();
        assert_eq!(guard.ask(0, at(0), || 0.0), Verdict::Passes);
        assert_eq!(guard.ask(0, at(0), || 0.0), second);
        assert_eq!(guard.ask(1, at(0), || 0.0), Verdict::Passes);
        assert_eq!(guard.ask(0, at(1), || 0.0), Verdict::Passes);
    }
    // What a limit delays goes at the time that it was given, and is not asked again.
    let queue = plan(r#"Pace(by: LeakyBucket(rate: "1/s"))"#);
    let mut guard = queue.build();
    assert_eq!(guard.ask(0, at(0), || 0.0), Verdict::Passes);
    assert_eq!(guard.ask(0, at(0), || 0.0), Verdict::PassesAt(at(1)));
    assert_eq!(guard.ask(0, at(0), || 0.0), Verdict::PassesAt(at(2)));
}

#[test]
fn a_pause_grows_with_failures_in_a_row_and_heeds_what_is_told() {
    let plan = plan(r#"Pause(on: [Status(429)], lasts: ["2s", "10s"], spread: "4s")"#);
    let mut guard = plan.build();
    let refused = |told| Heard::Refusal(0, told);
    let ask = |guard: &mut Guard<'_>, second| guard.ask(0, at(second), || 0.25);
    guard.hears(0, at(0), Heard::Refusal(1, Told::default()), false);
    guard.hears(0, at(0), Heard::TimeOut, false);
    assert_eq!(ask(&mut guard, 0), Verdict::Passes);
    guard.hears(0, at(0), refused(Told::default()), false);
    assert_eq!(ask(&mut guard, 1), Verdict::AsksAgainAt(at(3)));
    assert_eq!(ask(&mut guard, 2), Verdict::Passes);
    assert_eq!(guard.ask(1, at(1), || 0.0), Verdict::Passes);
    guard.hears(0, at(2), refused(told(60)), false);
    // A shorter one does not end the longer.
    guard.hears(0, at(3), refused(Told::default()), false);
    assert_eq!(ask(&mut guard, 61), Verdict::AsksAgainAt(at(63)));
    assert_eq!(ask(&mut guard, 62), Verdict::Passes);
    guard.hears(0, at(62), Heard::Success, false);
    guard.hears(0, at(62), refused(Told::default()), false);
    assert_eq!(ask(&mut guard, 62), Verdict::AsksAgainAt(at(65)));
}

#[test]
fn a_breaker_opens_probes_and_closes() {
    let text = r#"Breaker(opens: InRow(3), stays_open: "10s", probes: 2)"#;
    let plan = plan(text);
    let seconds = |from: u64, fails: &[bool]| -> Vec<(u64, bool)> {
        (from..).zip(fails.iter().copied()).collect()
    };
    let mut guard = plan.build();
    // A success between them breaks the row.
    let fails = [true, true, false, true, true, true, true];
    assert_eq!(told_of(&mut guard, &seconds(0, &fails)), "......x");
    // Open from second 5 to 15; the first probe succeeds, the second fails.
    assert_eq!(
        told_of(&mut guard, &seconds(14, &[false, false, true, true])),
        "x??x"
    );
    assert_eq!(told_of(&mut guard, &seconds(25, &[true])), "x");
    assert_eq!(
        told_of(&mut guard, &seconds(26, &[false, false, true, true, false])),
        "??..."
    );

    // While probes are under way, no more than two are.
    let mut guard = plan.build();
    told_of(&mut guard, &seconds(0, &[true, true, true]));
    let ask = |guard: &mut Guard<'_>| guard.ask(0, at(20), || 0.0);
    assert_eq!(ask(&mut guard), Verdict::Probes);
    assert_eq!(ask(&mut guard), Verdict::Probes);
    assert_eq!(ask(&mut guard), Verdict::Drops);
    guard.takes_back(0);
    assert_eq!(ask(&mut guard), Verdict::Probes);
    // What was sent before it opened does not count.
    guard.hears(0, at(20), Heard::TimeOut, false);
    guard.hears(0, at(20), Heard::Success, true);
    guard.hears(0, at(20), Heard::Success, true);
    assert_eq!(ask(&mut guard), Verdict::Passes);
}

#[test]
fn a_breaker_may_go_by_a_share() {
    // Polly's and Resilience4j's, but for their sizes.
    let of_late =
        plan(r#"Breaker(opens: Share(of: "50%", within: "10s", at_least: 4), stays_open: "10s")"#);
    let of_last = plan(r#"Breaker(opens: Last(of: "50%", attempts: 4), stays_open: "10s")"#);
    let at_once =
        |fails: &[bool]| -> Vec<(u64, bool)> { fails.iter().map(|fails| (0, *fails)).collect() };
    for plan in [&of_late, &of_last] {
        let told = told_of(
            &mut plan.build(),
            &at_once(&[true, true, false, true, true]),
        );
        assert_eq!(told, "....x");
        let told = told_of(
            &mut plan.build(),
            &at_once(&[true, false, false, false, true, true]),
        );
        assert_eq!(told, "......", "a third of six, a half of the last four");
    }
}

#[test]
fn a_throttle_lets_less_pass_the_more_fails() {
    let plan = plan("Throttle()");
    let mut guard = plan.build();
    let mut sent = 0;
    for _ in 0..1000 {
        if guard.ask(0, at(0), || 0.9) == Verdict::Passes {
            sent += 1;
            guard.hears(0, at(0), Heard::Refusal(1, Told::default()), false);
        }
    }
    // By a number of 0.9 they pass while (n - 2 * 0) / (n + 1) is at most that.
    assert_eq!(sent, 10);
    for _ in 0..1000 {
        guard.hears(0, at(0), Heard::Success, false);
    }
    assert_eq!(guard.ask(0, at(0), || 0.0), Verdict::Passes);
}
