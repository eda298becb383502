//! Budgets that bound the retries of all who share them.

use crate::support::{Place, replaced};

/// Ten homes make 60 requests each, a minute apart, all of whose attempts fail.
const ALL_FAIL: &str = r#"Scenario(
    name: "all fail", time: (length: "1h"),
    cohorts: {"homes": (homes: 10, homes_per_user: 5, client: "app")},
    clients: {"app": (polls: [(method: "get", every: "1min")], retry: "soon")},
    server: (outages: {"gone": (at: ["0s"], lasts: Constant("9h"))}),
    retries: {"soon": Fixed(wait: "1s", attempts: 5, budget: Throttle(tokens: 10, success: 0.1))},
    study: (replications: 2),
)
"#;

fn retries(place: &Place, budget: &str) -> f64 {
    let text = replaced(ALL_FAIL, "Throttle(tokens: 10, success: 0.1)", budget);
    let attempts = (place.run(&text, &[]).exits(0)).estimate("retry_amplification");
    ((attempts - 1.0) * 600.0).round()
}

#[test]
fn retries_end_with_the_budget_of_those_who_share_it() {
    let place = Place::new();
    for (budget, expected) in [
        // Four of each home, of each user of five homes, or of all.
        ("Throttle(tokens: 10, success: 0.1)", 40.0),
        ("Throttle(tokens: 10, success: 0.1, per: [User])", 8.0),
        ("Throttle(tokens: 10, success: 0.1, per: [])", 4.0),
        // A hundred of all, or all four of each request.
        ("Tokens(most: 500, per: []), cost: 5", 100.0),
        // 60 requests of a home want 240.
        ("Tokens(most: 500)", 2400.0),
        // One for every fifth request.
        (r#"Share(of: "20%", within: "12h", per: [])"#, 120.0),
        // One at a time is more than there ever are.
        (r#"InFlight(of: "0%", at_least: 1)"#, 2400.0),
    ] {
        assert_eq!(retries(&place, budget), expected, "{budget}");
    }
}

#[test]
fn budgets_that_cannot_be_are_refused() {
    let place = Place::new();
    for (budget, part) in [
        ("Throttle(tokens: 0, success: 0.1)", "must be from 1"),
        ("Throttle(tokens: 10, success: 0)", "must be from 0.001"),
        ("Tokens(most: 4), cost: 5", "takes 5 of 4 tokens"),
        ("Tokens(most: 4), cost: 0", "must be at least 1"),
        ("Throttle(tokens: 10, success: 1), cost: 2", "no tokens"),
        (r#"Share(of: "0%")"#, "no retry is ever made"),
        (r#"Share(of: "5%", within: "1ms")"#, "must be from 10 ms"),
        (
            r#"InFlight(of: "0%", at_least: 0)"#,
            "no retry is ever made",
        ),
        ("Tokens(most: 4, per: [Home, Home])", "listed twice"),
        ("Tokens(mots: 4)", "did you mean \"most\"?"),
        ("Tolkens(most: 4)", "did you mean \"Tokens\"?"),
        (
            r#"Tokens(most: 4), on: [Timeout], or: Fixed(wait: "1s", attempts: 2, budget: Tokens(most: 4))"#,
            "a budget is of the whole policy",
        ),
    ] {
        let text = replaced(ALL_FAIL, "Throttle(tokens: 10, success: 0.1)", budget);
        place.write("s.ron", text);
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        assert!(done.err.contains(part), "{budget}: {}", done.err);
    }
}

#[test]
fn a_trace_tells_of_retries_that_a_budget_denies() {
    let place = Place::new();
    place.write("s.ron", ALL_FAIL);
    let told = place
        .ratelab(&["trace", "s.ron", "--home", "2"])
        .exits(0)
        .out;
    let count = |what: &str| told.lines().filter(|line| line.contains(what)).count();
    // Four retries of the first request; the others have none.
    assert_eq!(count("is tried again"), 4);
    assert_eq!(count("does not allow it"), 59);
    assert_eq!(count("is given up"), 60);
}

#[test]
fn replay_tells_when_a_budget_ends_the_retries() {
    let place = Place::new();
    let policy = "Fixed(wait: \"1s\", attempts: 9, budget: Throttle(tokens: 10, success: 0.1))";
    let done = place.ratelab(&["replay", "--retry", policy]).exits(0);
    assert!(done.out.contains("4  429"), "{}", done.out);
    assert!(!done.out.contains("5  429"), "{}", done.out);
    assert!(done.out.contains("its budget"), "{}", done.out);
}
