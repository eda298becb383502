//! What clients ask before they send: their own limits, pauses, breakers and
//! throttles.

use crate::support::{Place, replaced};

/// One home polls each minute for an hour and retries nothing; it may be answered
/// thirty times an hour.
const HOUR: &str = r#"Scenario(
    name: "guards", time: (length: "1h", start: "2026-03-02T00:00:00Z"),
    cohorts: {"homes": (homes: 1, client: "app")},
    clients: {"app": (polls: [(method: "get", every: "1min", phase: At("0s"))], guards: [GUARD])},
    server: (stages: [
        Limit(name: "hourly", by: FixedWindow(quota: Fixed(30), window: "1h"), refuse: (retry_after: Exact)),
    ]),
    study: (replications: 1),
)
"#;

/// The same, of a server that is away for the first half hour.
const AWAY: &str = r#"Scenario(
    name: "guards", time: (length: "1h", start: "2026-03-02T00:00:00Z"),
    cohorts: {"homes": (homes: 1, client: "app")},
    clients: {"app": (polls: [(method: "get", every: "1min", phase: At("0s"))], guards: [GUARD])},
    server: (outages: {"gone": (at: ["0s"], lasts: Constant("30min"))}),
    study: (replications: 1),
)
"#;

#[test]
fn a_client_that_is_told_when_to_come_back_pauses() {
    let place = Place::new();
    let guarded = |guard: &str| replaced(HOUR, "GUARD", guard);
    // To the digits that a division leaves.
    let rounded = |share: f64| (share * 1e12).round() / 1e12;
    let told =
        |guard: &str, name: &str| rounded(place.run(&guarded(guard), &[]).exits(0).estimate(name));
    let share = |of: f64, all: f64| rounded(of / all);
    assert_eq!(told("", "p429.attempt"), share(30.0, 60.0));
    // One is refused and told the end of the hour; the others are not sent.
    let pause = r#"Pause(on: [Status(429)], lasts: ["0s"], otherwise: Drop)"#;
    assert_eq!(told(pause, "p429.attempt"), share(1.0, 31.0));
    assert_eq!(told(pause, "p_dropped.request"), share(29.0, 60.0));
    assert_eq!(told(pause, "p_failed.request"), share(30.0, 60.0));
    // Who ignores it and pauses for 10 min has refused minutes 30, 40 and 50.
    let deaf =
        r#"Pause(on: [Status(429)], lasts: ["10min"], retry_after: Ignore, otherwise: Drop)"#;
    assert_eq!(told(deaf, "p429.attempt"), share(3.0, 33.0));
    // The second pause is longer: minutes 30, 35 and 55 are refused.
    let growing = r#"Pause(lasts: ["5min", "20min"], retry_after: Ignore, otherwise: Drop)"#;
    assert_eq!(told(growing, "p429.attempt"), share(3.0, 33.0));
    assert_eq!(told(growing, "p_dropped.request"), share(27.0, 60.0));
    // The poll of minute 31 waits until 35, and keeps three from being made; those of
    // 35, 40, ..., 55 wait for five minutes and keep four.
    let waiting = r#"Pause(lasts: ["5min"], retry_after: Ignore)"#;
    assert_eq!(told(waiting, "p_skipped.poll"), share(23.0, 60.0));
}

#[test]
fn a_pause_is_shared_by_those_of_its_scope() {
    let place = Place::new();
    let many = replaced(HOUR, "homes: 1,", "homes: 60, homes_per_user: 6, PLACES");
    let many = replaced(
        &many,
        r#"every: "1min", phase: At("0s")"#,
        r#"every: "1h", jitter: "0s""#,
    );
    let many = replaced(
        &many,
        "GUARD",
        r#"Pause(lasts: ["2h"], otherwise: Drop, per: [SCOPE])"#,
    );
    for (places, scope, refused) in [
        // All have one application, or each user has one.
        (r#"app: Shared("one"),"#, "App", 1.0),
        ("", "Home", 30.0),
    ] {
        let text = replaced(&replaced(&many, "PLACES", places), "SCOPE", scope);
        let done = place.run(&text, &[]).exits(0);
        let attempts = 30.0 + refused;
        let p = done.estimate("p429.attempt");
        assert!((p - refused / attempts).abs() < 1e-9, "{scope}: {p}");
    }
}

#[test]
fn a_breaker_asks_now_and_then_whether_the_server_is_back() {
    let place = Place::new();
    let breaker = r#"Breaker(opens: InRow(3), stays_open: "10min")"#;
    let text = replaced(AWAY, "GUARD", breaker);
    let done = place.run(&text, &[]).exits(0);
    // Minutes 0, 1 and 2 fail, and the probes of 12 and 22; that of 32 succeeds.
    assert_eq!(done.estimate("p_refused.attempt"), 5.0 / 33.0);
    assert_eq!(done.estimate("p_dropped.request"), 27.0 / 60.0);
    let trace = place.ratelab(&["trace", "s.ron", "--home", "1"]);
    let words = trace.exits(0).out;
    for part in [
        "00:03:00.000000",
        "is not sent: the breaker says no",
        "00:32:00.000000",
    ] {
        assert!(words.contains(part), "{words}");
    }
}

#[test]
fn a_throttle_sends_as_much_as_its_rule_says() {
    let place = Place::new();
    let text = replaced(AWAY, "GUARD", "Throttle()");
    let text = replaced(&text, "homes: 1,", "homes: 400,");
    let text = replaced(&text, r#"every: "1min""#, r#"every: "1s""#);
    let text = replaced(
        &text,
        r#"lasts: Constant("30min")"#,
        r#"lasts: Constant("9h")"#,
    );
    let done = place.run(&text, &[]).exits(0);
    let sent = 1.0 - done.estimate("p_dropped.request");
    // After n requests of the last two minutes one is sent with the chance 1 / (n + 1).
    let expected = (0..3600)
        .map(|n| 1.0 / f64::from(n.min(120) + 1))
        .sum::<f64>()
        / 3600.0;
    // 400 homes send about 34 each, with a variance of at most that: five standard
    // errors are 5 sqrt(34 * 400) / (3600 * 400) = 0.0004; one in 1.7 million.
    assert!((sent - expected).abs() < 0.0004, "{sent}, not {expected}");
}

#[test]
fn a_pace_delays_or_drops_what_is_too_much() {
    let place = Place::new();
    let calls = replaced(
        HOUR,
        r#"phase: At("0s")"#,
        r#"phase: At("0s"), calls: AtOnce(5)"#,
    );
    let calls = replaced(&calls, "quota: Fixed(30)", "quota: Fixed(300)");
    let paced = |guard: &str| {
        let text = replaced(&calls, "GUARD", guard);
        place.run(&text, &[]).exits(0)
    };
    for by in [
        r#"TokenBucket(rate: "1/s", burst: 1)"#,
        r#"LeakyBucket(rate: "1/s")"#,
        r#"FixedWindow(quota: Fixed(1), window: "1s")"#,
    ] {
        let done = paced(&format!("Pace(by: {by})"));
        // They go at 0, 1, 2, 3 and 4 s.
        assert_eq!(done.estimate("latency.request.mean"), 2.0, "{by}");
    }
    let done = paced(r#"Pace(by: TokenBucket(rate: "1/s", burst: 2), otherwise: Drop)"#);
    assert_eq!(done.estimate("p_dropped.request"), 3.0 / 5.0);
    // A guard for another method lets it pass.
    let other = replaced(
        &calls,
        "guards: [GUARD]",
        r#"requests: [(method: "other", rate: "1/d")], guards: [Pace(by: TokenBucket(rate: "1/d", burst: 1), otherwise: Drop, methods: ["other"])]"#,
    );
    let done = place.run(&other, &[]).exits(0);
    assert!(done.estimate("p_dropped.request") < 0.02);
}

/// What guards end is left to chance, although the server refuses nobody.
#[test]
fn what_guards_end_has_an_interval() {
    let place = Place::new();
    let text = replaced(
        HOUR,
        "polls: [(method: \"get\", every: \"1min\", phase: At(\"0s\"))]",
        "requests: [(method: \"get\", rate: \"1/min\")]",
    );
    let text = replaced(&text, "quota: Fixed(30)", "quota: Fixed(1000000)");
    let text = replaced(&text, "replications: 1", "replications: 20");
    let text = replaced(&text, "homes: 1,", "homes: 20,");
    let dropping = r#"Pace(by: TokenBucket(rate: "1/min", burst: 1), otherwise: Drop)"#;
    let document = place
        .run(&replaced(&text, "GUARD", dropping), &[])
        .exits(0)
        .json();
    // A request passes where none has within the last minute: the renewals of minute
    // and mean gap, 1 / (1 + 1) of all in the long run.
    for (name, expected) in [
        ("p_failed.request", 0.5),
        ("p_dropped.request", 0.5),
        ("retry_amplification", 0.5),
    ] {
        let estimates = document["estimates"].as_array().unwrap();
        let is_it =
            |it: &&serde_json::Value| it["name"] == name && it["by"] == serde_json::json!({});
        let found = estimates.iter().find(is_it).unwrap();
        let of = |field: &str| found[field].as_f64().unwrap();
        let (value, lo, hi) = (of("value"), of("lo"), of("hi"));
        assert!(lo < value && value < hi && hi - lo < 0.05, "{found}");
        // 24,000 requests: the first of a home always passes, which is 1 in 120.
        assert!((value - expected).abs() < 0.02, "{found}");
    }
}

#[test]
fn guards_that_cannot_be_are_refused() {
    let place = Place::new();
    for (guard, part) in [
        (r#"Pause(lasts: [])"#, "must list one at least"),
        (
            r#"Pause(lasts: ["0s"], retry_after: Ignore)"#,
            "must have a length",
        ),
        (r#"Pause(lasts: ["1s"], on: [])"#, "nothing is a failure"),
        (
            r#"Pause(lasts: ["1s"], spread: "1s", otherwise: Drop)"#,
            "nothing waits",
        ),
        (r#"Pause(last: ["1s"])"#, "did you mean \"lasts\"?"),
        (r#"Pauze(lasts: ["1s"])"#, "did you mean \"Pause\"?"),
        (
            r#"Breaker(opens: InRow(0), stays_open: "1s")"#,
            "must be from 1 to",
        ),
        (
            r#"Breaker(opens: InRow(3), stays_open: "0s")"#,
            "must be more than zero",
        ),
        (
            r#"Breaker(opens: InRow(3), stays_open: "1s", probes: 0)"#,
            "never closes again",
        ),
        (
            r#"Breaker(opens: Share(of: "0%", within: "1s"), stays_open: "1s")"#,
            "must be above 0",
        ),
        (
            r#"Breaker(opens: Share(of: "5%", within: "1ms"), stays_open: "1s")"#,
            "must be from 10 ms",
        ),
        (
            r#"Breaker(opens: Last(of: "5%", attempts: 100000), stays_open: "1s")"#,
            "must be from 1 to",
        ),
        ("Throttle(by: Custom((aggression: 0)))", "aggression"),
        (r#"Throttle(per: [Home, Home])"#, "listed twice"),
        (r#"Throttle(methods: ["gat"])"#, "did you mean \"get\"?"),
        (
            r#"Pace(by: FixedWindow(quota: Fixed(0), window: "1s"))"#,
            "must be at least 1",
        ),
        (
            r#"Pace(by: ConsecutiveErrors(limit: 3, lock: "1s"))"#,
            "a client has a `Breaker`",
        ),
        (&*"Throttle(), ".repeat(9), "must be at most 8"),
    ] {
        let text = replaced(HOUR, "GUARD", guard);
        let told = place.run(&text, &[]).exits(2).err;
        assert!(told.contains(part), "{guard}: {told}");
    }
}

#[test]
fn a_guard_without_effect_gets_a_note() {
    let place = Place::new();
    for (guard, part) in [
        (
            r#"Pause(on: [Status(503)], lasts: ["1s"])"#,
            "no stage answers with the status 503",
        ),
        (
            r#"Breaker(on: [Timeout], opens: InRow(2), stays_open: "1s")"#,
            "has no `timeout`",
        ),
        (
            "Throttle(per: [Device])",
            "sends nothing for single devices",
        ),
    ] {
        let text = replaced(HOUR, "GUARD", guard);
        place.write("s.ron", &text);
        let told = place.ratelab(&["check", "s.ron"]).exits(0);
        let all = told.out + &told.err;
        assert!(all.contains(part), "{guard}: {all}");
    }
}
