//! Parts of the server that do not work as they should for a while.

use crate::support::{Place, replaced};

/// Sixty homes poll once a minute for an hour.
const HOUR: &str = r#"Scenario(
    name: "an hour", time: (length: "1h"),
    cohorts: {"homes": (homes: 60, client: "app")},
    clients: {"app": (polls: [(method: "get", every: "1min", retry: "none")], retry: "told")},
    server: (
        stages: [Limit(name: "hourly", per: [Home], by: FixedWindow(quota: Fixed(60), window: "1h"))],
        backend: (service: Constant("1s")),
        outages: {"break": (at: ["10min"], lasts: Constant("10min"))},
    ),
    retries: {"told": Fixed(wait: "1s", attempts: 9, retry_after: Instead)},
    study: (replications: 2),
)
"#;

/// One command, ten minutes after midnight, whose work takes five seconds.
const COMMAND: &str = r#"Scenario(
    name: "a command", time: (length: "1h"),
    cohorts: {"homes": (homes: 1, client: "app")},
    clients: {"app": (commands: [(method: "set", at: Daily(time: "00:10"), per: Home, wakes: Never, deadline: "50min")], retry: "none")},
    server: (
        backend: (service: Constant("5s")),
        outages: {"storage": (at: ["5min"], lasts: Constant("10min"), how: Stuck)},
    ),
    study: (replications: 2),
)
"#;

fn value(place: &Place, text: &str, name: &str) -> f64 {
    place.run(text, &[]).exits(0).estimate(name)
}

fn refused(place: &Place, outage: &str) -> f64 {
    let given = r#"(at: ["10min"], lasts: Constant("10min"))"#;
    value(place, &replaced(HOUR, given, outage), "p_refused.attempt")
}

#[test]
fn what_is_down_refuses_for_as_long() {
    let place = Place::new();
    let sixth = 10.0 / 60.0;
    for outage in [
        r#"(at: ["10min"], lasts: Constant("10min"))"#,
        r#"(at: ["10min", "40min"], lasts: Constant("5min"))"#,
        // The second begins when the first is over.
        r#"(at: ["10min", "12min"], lasts: Constant("5min"))"#,
        r#"(between: Constant("25min"), lasts: Constant("5min"))"#,
        r#"(of: "hourly", at: ["10min"], lasts: Constant("10min"))"#,
    ] {
        assert_eq!(refused(&place, outage), sixth, "{outage}");
    }
    // 1,200 polls of the outage in two runs, half of which fail: a standard error
    // of 0.0024 of all 7,200.
    let half = refused(
        &place,
        r#"(at: ["10min"], lasts: Constant("10min"), how: Failing("50%"))"#,
    );
    assert!((half - sixth / 2.0).abs() < 0.0097, "{half}");
}

#[test]
fn outages_at_random_take_their_share_of_the_time() {
    let place = Place::new();
    let long = replaced(HOUR, "length: \"1h\"", "length: \"50d\"");
    let long = replaced(&long, "homes: 60", "homes: 1");
    let random = r#"(between: Exponential(mean: "30min"), lasts: Exponential(mean: "10min"))"#;
    let given = r#"(at: ["10min"], lasts: Constant("10min"))"#;
    let down = value(&place, &replaced(&long, given, random), "p_refused.attempt");
    // 1,800 cycles in each of two runs: of an alternating renewal process with
    // u = 1/4, the standard error is u (1 - u) sqrt(2 / 3600), 0.0044.
    assert!((down - 0.25).abs() < 0.018, "{down}");
}

#[test]
fn an_open_limit_counts_nothing_and_one_that_restarts_forgets() {
    let place = Place::new();
    let open = r#"(of: "hourly", at: ["10min"], lasts: Constant("10min"), how: Open)"#;
    let few = replaced(HOUR, "Fixed(60)", "Fixed(30)");
    let given = r#"(at: ["10min"], lasts: Constant("10min"))"#;
    let refused = |outage| value(&place, &replaced(&few, given, outage), "p429.attempt");
    // 10 and 20 are counted around the 10 that are not.
    assert_eq!(refused(open), 20.0 / 60.0);
    assert_eq!(
        refused(r#"(of: "hourly", at: ["20min"], forgets: true)"#),
        10.0 / 60.0
    );
    assert_eq!(
        refused(r#"(of: "hourly", at: ["35min", "50min"], forgets: true)"#),
        5.0 / 60.0
    );
}

/// Each opens the limit, whatever other outages it has.
#[test]
fn a_limit_may_be_open_more_than_once() {
    let place = Place::new();
    let few = replaced(HOUR, "Fixed(60)", "Fixed(30)");
    let both = replaced(
        &few,
        r#""break": (at: ["10min"], lasts: Constant("10min"))"#,
        r#""one": (of: "hourly", at: ["10min"], lasts: Constant("10min"), how: Open),
           "other": (of: "hourly", at: ["30min"], lasts: Constant("10min"), how: Open),
           "down": (of: "hourly", at: ["59min 30s"], lasts: Constant("1h"))"#,
    );
    // 30 are counted before 50 min, and nobody is let by after that.
    assert_eq!(value(&place, &both, "p_refused.attempt"), 10.0 / 60.0);
    // What is open learns nothing either: three failures after it count. Who is served at its end
    // fails after it, hence the second of 3,600.
    let errors = replaced(
        HOUR,
        r#"FixedWindow(quota: Fixed(60), window: "1h")"#,
        r#"ConsecutiveErrors(limit: 3, lock: "1d")"#,
    );
    let errors = replaced(
        &errors,
        "Constant(\"1s\")",
        "Constant(\"1s\"), failures: \"100%\"",
    );
    let errors = replaced(
        &errors,
        r#""break": (at: ["10min"], lasts: Constant("10min"))"#,
        r#""break": (of: "hourly", at: ["0s"], lasts: Constant("30min"), how: Open)"#,
    );
    let locked = value(&place, &errors, "p429.attempt");
    assert!((locked - 27.0 / 60.0).abs() < 1.0 / 3600.0, "{locked}");
}

#[test]
fn who_is_told_the_end_comes_back_then() {
    let place = Place::new();
    let told = replaced(
        HOUR,
        "lasts: Constant(\"10min\"))",
        "lasts: Constant(\"10min\"), answer: (retry_after: Exact))",
    );
    let told = replaced(&told, ", retry: \"none\")]", ")]");
    // One poll of each home is refused and succeeds when the outage is over; the
    // nine or ten that would come meanwhile are skipped.
    let refused = value(&place, &told, "p_refused.attempt");
    assert!((1.0 / 53.0..1.0 / 51.0).contains(&refused), "{refused}");
    // None of them fails.
    assert_eq!(value(&place, &told, "p429.request"), 0.0);
}

#[test]
fn a_backend_is_slow_or_stuck() {
    let place = Place::new();
    let name = "completion.command.p50";
    assert_eq!(value(&place, COMMAND, name), 5.0 * 60.0 + 5.0);
    let slow = replaced(COMMAND, "Stuck", "Slow(3)");
    assert_eq!(value(&place, &slow, name), 15.0);
    let over = replaced(COMMAND, "[\"5min\"]", "[\"50min\"]");
    assert_eq!(value(&place, &over, name), 5.0);
}

#[test]
fn outages_that_cannot_be_are_refused() {
    let place = Place::new();
    for (outage, parts) in [
        (r#"(lasts: Constant("1min"))"#, &["needs `at`"][..]),
        (r#"(at: ["1min"])"#, &["needs `lasts`"]),
        (
            r#"(at: ["1min"], between: Constant("1h"), lasts: Constant("1min"))"#,
            &["leave one of them out"],
        ),
        (
            r#"(at: ["9min", "1min"], lasts: Constant("1min"))"#,
            &["is not after the one before"],
        ),
        (
            r#"(at: ["2h"], lasts: Constant("1min"))"#,
            &["the run is over after 1h"],
        ),
        (
            r#"(of: "hurly", at: ["1min"], lasts: Constant("1min"))"#,
            &["unknown stage", "did you mean \"hourly\"?"],
        ),
        (
            r#"(at: ["1min"], lasts: Constant("1min"), how: Open)"#,
            &["only a limit or an admission control can be open"],
        ),
        (
            r#"(of: "hourly", at: ["1min"], lasts: Constant("1min"), how: Slow(2))"#,
            &["only the backend can be slow"],
        ),
        (
            r#"(at: ["1min"], lasts: Constant("1min"), how: Slow(1))"#,
            &["cannot take 1 times"],
        ),
        (
            r#"(at: ["1min"], lasts: Constant("1min"), how: Stock)"#,
            &["did you mean \"Stuck\"?"],
        ),
        (
            r#"(at: ["1min"], forgets: true)"#,
            &["only a limit has calls"],
        ),
        (
            r#"(between: Constant("1us"), lasts: Constant("1us"))"#,
            &["more than 1000000 outages"],
        ),
        (
            r#"(at: ["1min"], lasts: Constant("1min"), how: Failing("9%"), answer: (retry_after: Exact))"#,
            &["fails by chance"],
        ),
    ] {
        let given = r#"(at: ["10min"], lasts: Constant("10min"))"#;
        place.write("s.ron", replaced(HOUR, given, outage));
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        for part in parts {
            assert!(done.err.contains(part), "{outage}: {}", done.err);
        }
    }
    place.write("s.ron", HOUR);
    place.write("log.csv", "time,home\n0,a\n");
    let log = [
        "replay",
        "--scenario",
        "s.ron",
        "--trace",
        "log.csv",
        "--column",
        "home=home",
    ];
    let done = place.ratelab(&log).exits(2);
    assert!(
        done.err.contains("a log tells nothing of outages"),
        "{}",
        done.err
    );
}
