use super::*;
use crate::client::{BackoffDraws, Draws};
use crate::rng::Streams;

fn retry(text: &str) -> Retry {
    let stages: Vec<crate::scenario::Stage> = crate::scenario::text::parse("[Gate(permits: 1, refuse: (code: 11)), Limit(name: \"app\", by: Gcra(rate: \"1/s\", burst: 1), refuse: (status: 503, code: 26))]")
        .unwrap();
    let answers: Vec<Response> = stages.iter().map(|stage| *stage.refusal()).collect();
    Retry::new(&crate::scenario::text::parse(text).unwrap(), &answers).unwrap()
}

/// The wait before the retry that follows that attempt of a sender's first
/// request.
fn wait(retry: &Retry, draws: Draws<'_>, attempt: u32, previous: Span, told: Told) -> Wait {
    let chance = BackoffDraws {
        draws,
        number: 0,
        attempt,
    };
    retry.rule.wait(&chance, attempt, previous, told)
}

fn waits(retry: &Retry, count: u32) -> Vec<f64> {
    let streams = Streams::new(1, 0);
    let draws = Draws {
        streams: &streams,
        entity: 0,
    };
    let mut previous = Span::ZERO;
    (1..=count)
        .map(|attempt| {
            let wait = wait(retry, draws, attempt, previous, Told::default());
            previous = wait.previous;
            wait.span.secs_f64()
        })
        .collect()
}

#[test]
fn waits_without_jitter_grow_to_the_cap() {
    let retry = retry(
        "Exponential(base: \"1s\", factor: 2, cap: \"60s\", jitter: None, attempts: Unlimited)",
    );
    assert_eq!(
        waits(&retry, 8),
        [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    );
    assert!(retry.for_timeout().unwrap().goes_on_after(u32::MAX - 1));
}

/// What libraries document or do (reference: retries, section 1); where a
/// wait is random, the longest that it may be.
#[test]
fn policies_wait_as_their_libraries_do() {
    // Azure Core and urllib3 try again at once; AWS, Google and Envoy draw
    // below what stands here; resilience4j's growth is to the millisecond.
    let rows: &[(&str, &str, &[f64])] = &[
        (
            "AWS standard, throttled",
            r#"Exponential(base: "1s", cap: "20s", attempts: 9)"#,
            &[1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0],
        ),
        (
            "google.api_core",
            r#"Exponential(base: "1s", cap: "60s", attempts: Unlimited, give_up_after: "120s")"#,
            &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0],
        ),
        (
            "Envoy",
            r#"Exponential(base: "25ms", cap: "250ms", attempts: 9)"#,
            &[0.025, 0.05, 0.1, 0.2, 0.25, 0.25],
        ),
        (
            "Azure Core, Python",
            r#"Exponential(base: "800ms", cap: "120s", jitter: None, first: "0s", attempts: 11)"#,
            &[0.0, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 120.0],
        ),
        (
            "urllib3, factor 0.2",
            r#"Exponential(base: "200ms", cap: "120s", jitter: None, first: "0s", attempts: 11)"#,
            &[0.0, 0.4, 0.8, 1.6],
        ),
        (
            "resilience4j",
            r#"Waits(waits: ["500ms", "750ms", "1125ms", "1687ms"], attempts: 5)"#,
            &[0.5, 0.75, 1.125, 1.687],
        ),
        (
            "aiohttp-retry",
            r#"Exponential(base: "200ms", cap: "30s", jitter: None, attempts: 12)"#,
            &[0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0],
        ),
        (
            "Home Assistant, PlatformNotReady",
            r#"Waits(waits: ["30s", "60s", "90s", "120s", "150s", "180s"], attempts: Unlimited)"#,
            &[30.0, 60.0, 90.0, 120.0, 150.0, 180.0, 180.0, 180.0],
        ),
        (
            "Home Assistant, ConfigEntryNotReady",
            r#"Exponential(base: "5s", cap: "80s", jitter: None, attempts: Unlimited)"#,
            &[5.0, 10.0, 20.0, 40.0, 80.0, 80.0],
        ),
        (
            "amitfin/retry",
            r#"Exponential(base: "1s", jitter: None, attempts: 7)"#,
            &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
        ),
        (
            "python-google-nest-sdm",
            r#"Waits(waits: ["0s", "3s", "10s", "20s"], attempts: 9)"#,
            &[0.0, 3.0, 10.0, 20.0, 20.0],
        ),
        (
            "esp-mqtt",
            r#"Fixed(wait: "10s", attempts: Unlimited)"#,
            &[10.0, 10.0],
        ),
        (
            "a list, drawn below",
            r#"Waits(waits: ["1s", "5s"], jitter: Full, attempts: 9)"#,
            &[1.0, 5.0, 5.0],
        ),
        (
            "a list, drawn in the upper half",
            r#"Waits(waits: ["1s", "5s"], jitter: Equal, attempts: 9)"#,
            &[1.0, 5.0, 5.0],
        ),
    ];
    let streams = Streams::new(3, 0);
    for (who, text, expected) in rows {
        let policy: RetryPolicy = crate::scenario::text::parse(text).unwrap();
        let retry = retry(text);
        if policy.is_certain() {
            assert_eq!(waits(&retry, expected.len() as u32), *expected, "{who}");
            continue;
        }
        // The longest and shortest of 1000 draws reach the ends but for a
        // hundredth, with a chance of 1 - 4e-5 each; the seed is fixed.
        for (attempt, ceiling) in (1..).zip(*expected) {
            let drawn = (0..1000).map(|entity| {
                let draws = Draws {
                    streams: &streams,
                    entity,
                };
                let wait = wait(&retry, draws, attempt, Span::ZERO, Told::default());
                wait.span.secs_f64() / ceiling
            });
            let (least, most) = drawn.fold((f64::MAX, 0.0), |(least, most), wait| {
                (f64::min(least, wait), f64::max(most, wait))
            });
            let from = if text.contains("Equal") { 0.5 } else { 0.0 };
            assert!((from..from + 0.01).contains(&least), "{who}: {least}");
            assert!((0.99..1.0).contains(&most), "{who}: {most}");
        }
    }
}

#[test]
fn told_waits_are_read_as_the_policy_says() {
    let draws = Streams::new(1, 0);
    let draws = Draws {
        streams: &draws,
        entity: 0,
    };
    // The policy's own wait is 2 s.
    for (parts, retry_after, reset, seconds) in [
        ("", Some(45), Some(60), 2),
        ("retry_after: Ignore", Some(45), None, 2),
        ("retry_after: AtLeast", Some(45), None, 45),
        ("retry_after: AtLeast", Some(1), None, 2),
        // urllib3, Azure Core: what is told, and else one's own; no wait at
        // all is none told.
        ("retry_after: Instead", Some(45), None, 45),
        ("retry_after: Instead", Some(1), None, 1),
        ("retry_after: Instead", Some(0), None, 2),
        ("retry_after: Instead", None, None, 2),
        ("retry_after: Before", Some(45), None, 47),
        ("retry_after: Before", Some(0), None, 2),
        // pyatmo reads up to 60 s, urllib3 up to 6 h.
        (
            "retry_after: AtLeast, told_at_most: \"60s\"",
            Some(3600),
            None,
            60,
        ),
        (
            "retry_after: Instead, told_at_most: \"6h\"",
            Some(90_000),
            None,
            21_600,
        ),
        (
            "retry_after: Before, told_at_most: \"60s\"",
            Some(3600),
            None,
            62,
        ),
        // AWS clamps it to [t, t + 5 s].
        (
            "retry_after: AtLeast, told_adds_at_most: \"5s\"",
            Some(45),
            None,
            7,
        ),
        (
            "retry_after: AtLeast, told_adds_at_most: \"5s\"",
            Some(4),
            None,
            4,
        ),
        (
            "retry_after: AtLeast, told_adds_at_most: \"5s\"",
            Some(1),
            None,
            2,
        ),
        (
            "retry_after: Instead, told_adds_at_most: \"5s\"",
            Some(1),
            None,
            1,
        ),
        // The reset is read as the header would be.
        ("honour_rate_limit: true", Some(45), Some(60), 60),
        ("honour_rate_limit: true", None, Some(1), 2),
        (
            "retry_after: Instead, honour_rate_limit: true",
            None,
            Some(1),
            1,
        ),
        (
            "retry_after: Instead, honour_rate_limit: true",
            Some(45),
            Some(1),
            45,
        ),
        (
            "retry_after: Before, honour_rate_limit: true",
            None,
            Some(60),
            62,
        ),
        (
            "honour_rate_limit: true, told_at_most: \"30s\"",
            None,
            Some(60),
            30,
        ),
        ("retry_after: Instead", None, Some(60), 2),
    ] {
        let told = Told {
            retry_after: retry_after.map(Span::from_secs),
            reset: reset.map(Span::from_secs),
        };
        let retry = retry(&format!("Fixed(wait: \"2s\", attempts: 4, {parts})"));
        let wait = wait(&retry, draws, 1, Span::ZERO, told);
        assert_eq!(wait.span, Span::from_secs(seconds), "{parts} {told:?}");
    }
}

#[test]
fn no_retry_begins_after_the_client_has_given_up() {
    let due = Time::from_secs(100);
    for (parts, last) in [("", u64::MAX / 2), (", give_up_after: \"2min\"", 220)] {
        let retry = retry(&format!("Fixed(wait: \"1s\", attempts: Unlimited{parts})"));
        assert!(!retry.rule.is_too_late(due, due));
        assert!(
            !retry
                .rule
                .is_too_late(due, Time::from_secs(last.min(1 << 30)))
        );
        let late = retry.rule.is_too_late(due, Time::from_secs(221));
        assert_eq!(late, !parts.is_empty());
    }
}

#[test]
fn waits_with_jitter_stay_in_their_range() {
    for (jitter, low, high) in [("Full", 0.0, 1.0), ("Equal", 0.5, 1.0)] {
        let policy = format!(
            "Exponential(base: \"1s\", factor: 2, cap: \"60s\", jitter: {jitter}, attempts: 9)"
        );
        for (index, wait) in waits(&retry(&policy), 8).into_iter().enumerate() {
            let ceiling = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0][index];
            assert!(
                (low * ceiling..=high * ceiling).contains(&wait),
                "{jitter} {index}: {wait}"
            );
        }
    }
    let mut previous: f64 = 1.0;
    for wait in waits(
        &retry("Exponential(base: \"1s\", cap: \"20s\", jitter: Decorrelated, attempts: 9)"),
        8,
    ) {
        assert!(
            wait >= 1.0 && wait <= (3.0 * previous.max(1.0)).min(20.0),
            "{wait} after {previous}"
        );
        previous = wait;
    }
}

#[test]
fn only_the_listed_failures_are_retried() {
    let both = retry("Fixed(wait: \"30s\", attempts: 4)");
    let code = retry("Fixed(wait: \"30s\", attempts: 4, on: [Code(11)])");
    let status = retry("Fixed(wait: \"30s\", attempts: 4, on: [Status(503), Timeout])");
    let none = retry("None");
    for (policy, gate, limit, timeout) in [
        (&both, true, true, true),
        (&code, true, false, false),
        (&status, false, true, true),
        (&none, false, false, false),
    ] {
        let rules = [
            (policy.for_refusal(0), gate),
            (policy.for_refusal(1), limit),
            (policy.for_timeout(), timeout),
        ];
        for (rule, is_retried) in rules {
            let goes_on = |attempt| rule.is_some_and(|rule| rule.goes_on_after(attempt));
            assert_eq!([goes_on(1), goes_on(3)], [is_retried; 2]);
            assert!(!goes_on(4), "four attempts in all");
        }
    }
}

#[test]
fn retry_after_is_a_floor_where_it_is_honoured() {
    let streams = Streams::new(1, 0);
    let draws = Draws {
        streams: &streams,
        entity: 0,
    };
    let told = |retry_after: Option<u64>, reset: Option<u64>| Told {
        retry_after: retry_after.map(Span::from_secs),
        reset: reset.map(Span::from_secs),
    };
    let both = "honour_retry_after: true, honour_rate_limit: true";
    for (honours, told, seconds) in [
        ("", told(Some(45), Some(60)), 30),
        ("honour_retry_after: true", told(Some(45), Some(60)), 45),
        ("honour_retry_after: true", told(Some(5), None), 30),
        ("honour_retry_after: true", told(None, Some(60)), 30),
        ("honour_rate_limit: true", told(None, Some(60)), 60),
        (both, told(Some(45), Some(60)), 45),
        (both, told(None, Some(60)), 60),
    ] {
        let text = format!("Fixed(wait: \"30s\", attempts: 4, {honours})");
        let wait = wait(&retry(&text), draws, 1, Span::ZERO, told);
        assert_eq!(wait.span, Span::from_secs(seconds), "{honours} {told:?}");
    }
}

#[test]
fn a_told_wait_does_not_widen_decorrelated_jitter_unless_it_is_remembered() {
    let streams = Streams::new(1, 0);
    let long = Told {
        retry_after: Some(Span::from_secs(1000)),
        reset: None,
    };
    for (remember, least, most) in [("", 1, 3), (", remember_told: true", 1000, 1000)] {
        let text = format!(
            "Exponential(base: \"1s\", cap: \"1h\", jitter: Decorrelated, attempts: 9, honour_retry_after: true{remember})"
        );
        let retry = retry(&text);
        let mut longest = Span::ZERO;
        for entity in 0..200 {
            let draws = Draws {
                streams: &streams,
                entity,
            };
            let told = wait(&retry, draws, 1, Span::ZERO, long);
            assert_eq!(told.span, Span::from_secs(1000));
            let range = Span::from_secs(least)..=Span::from_secs(most);
            assert!(range.contains(&told.previous), "{:?}", told.previous);
            let next = wait(&retry, draws, 2, told.previous, Told::default());
            longest = longest.max(next.span);
        }
        // Three times the first, which is at most 3 s, or 1000 s.
        let limit = Span::from_secs(9);
        assert_eq!(longest > limit, !remember.is_empty(), "{longest}");
    }
}
