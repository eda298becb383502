//! Cases that people have asked about in public, each with the number that its
//! arithmetic gives. What is random has a fixed seed; where a number has a
//! closed form the test allows four standard errors, a false alarm in 16,000.

use ratelab::math::exp;
use serde_json::Value;

use crate::support::Place;

fn run(place: &Place, case: &str, more: &[&str]) -> Value {
    let file = format!("{}/scenarios/cases/{case}.ron", env!("CARGO_MANIFEST_DIR"));
    let arguments = ["run", &file, "--no-files", "--quiet", "--format", "json"];
    place
        .ratelab(&[&arguments[..], more].concat())
        .exits(0)
        .json()
}

/// An estimate of the whole, or of a cohort, and its standard error.
fn find(document: &Value, name: &str, policy: &str, cohort: &str) -> (f64, f64) {
    let estimates = document["estimates"].as_array().unwrap();
    let is_it = |it: &&Value| {
        let by = it["by"].as_object().unwrap();
        let is_part = match cohort {
            "" => by.is_empty(),
            cohort => by.len() == 1 && it["by"]["cohort"] == cohort,
        };
        it["name"] == name && (policy.is_empty() || it["policy"] == policy) && is_part
    };
    let it = estimates.iter().find(is_it);
    let it = it.unwrap_or_else(|| panic!("{name} of {policy} {cohort}"));
    let error = it["standard_error"].as_f64().unwrap_or(0.0);
    (it["value"].as_f64().unwrap(), error)
}

#[test]
fn numbers_that_follow_by_hand_are_exact() {
    let place = Place::new();
    for (case, name, policy, cohort, expected) in [
        // 292 polls, and 5, 10 and 20 calls, of which 300 are granted.
        ("restarts", "p429.attempt", "", "one restart", 0.0),
        ("restarts", "p429.attempt", "", "two restarts", 2.0 / 302.0),
        (
            "restarts",
            "p429.attempt",
            "",
            "four restarts",
            12.0 / 312.0,
        ),
        // 200, 112, 24 and 0 are left of 288 a day; 200 are without a debt.
        (
            "overruns",
            "p429.attempt",
            "Carried",
            "",
            1.0 - 336.0 / 1152.0,
        ),
        ("overruns", "p429.attempt", "Forgotten", "", 88.0 / 288.0),
        // 40, 30, 20 and 10 attempts of 40 callers.
        (
            "callers-in-lockstep",
            "retry_amplification",
            "as told",
            "",
            2.5,
        ),
        // 12 calls a minute of 12, and of 15.
        ("paced-client", "p_skipped.poll", "", "four devices", 0.0),
        ("paced-client", "p_skipped.poll", "", "five devices", 0.2),
        ("quota-by-devices", "p429.attempt", "", "", 0.0),
    ] {
        let (found, _) = find(&run(&place, case, &[]), name, policy, cohort);
        assert!(
            (found - expected).abs() < 1e-9,
            "{case} {policy} {cohort}: {found}"
        );
    }
}

#[test]
fn the_least_interval_is_no_longer_than_it_must_be() {
    let place = Place::new();
    let document = run(
        &place,
        "quota-by-devices",
        &[
            "--set",
            "clients.one.polls.0.every=36.72s",
            "--set",
            "clients.two.polls.0.every=41.77s",
            "--set",
            "clients.three.polls.0.every=44.84s",
        ],
    );
    for cohort in ["one device", "two devices", "three devices"] {
        let (refused, _) = find(&document, "p429.attempt", "", cohort);
        assert!(refused > 0.0, "{cohort}");
    }
}

#[test]
fn what_is_random_agrees_with_its_closed_form() {
    let place = Place::new();
    // The part of a Poisson number with that mean that is above so many, in all
    // that it is.
    let above = |mean: f64, most: u32| {
        let mut term = exp(-mean);
        let mut lost = 0.0;
        for number in 1..1000_u32 {
            term *= mean / f64::from(number);
            lost += term * f64::from(number.saturating_sub(most));
        }
        lost / mean
    };
    // Of a Poisson number, the chance of five and more.
    let five: f64 = 1.0
        - (0..5)
            .map(|n| [1.0, 2.0, 2.0, 4.0 / 3.0, 2.0 / 3.0][n])
            .sum::<f64>()
            * exp(-2.0);
    for (case, name, policy, expected) in [
        (
            "three-replicas",
            "p429.attempt",
            "AtRandom(3)",
            above(170.0 / 3.0, 60),
        ),
        // 192 reconnects a day, of which 200 are granted.
        ("reconnects", "p429.attempt", "", above(192.0, 200)),
        ("daily-lockout", "p429.account_day", "", five),
    ] {
        let (found, error) = find(&run(&place, case, &[]), name, policy, "");
        let error = if error > 0.0 {
            error
        } else {
            (expected / 50_000.0).sqrt()
        };
        assert!(
            (found - expected).abs() < 4.0 * error,
            "{case}: {found}, not {expected}"
        );
    }
    let (turns, _) = find(
        &run(&place, "three-replicas", &[]),
        "p429.attempt",
        "InTurn(3)",
        "",
    );
    assert!(
        turns < 0.012,
        "{turns}: next to what one counter of 180 would lose"
    );
}

/// The load per 10 s after 23 h: 10.7, 1.5 and 1.2 times the mean in a public
/// thread, of a fleet whose size it does not tell: the peak of a smaller one is
/// higher by what is random in a step.
#[test]
fn jitter_undoes_a_lockstep() {
    let place = Place::new();
    let document = run(&place, "lockstep", &[]);
    for (jitter, expected) in [("1s", 10.7), ("10s", 1.5), ("30s", 1.2)] {
        let (found, _) = find(&document, "peak_to_mean.load", jitter, "");
        assert!((found / expected - 1.0).abs() < 0.06, "{jitter}: {found}");
    }
}

/// The share of runs that collapse, with its interval: that of all without a
/// budget does not meet that of any with one.
#[test]
fn a_budget_of_retries_prevents_a_collapse() {
    let place = Place::new();
    let document = run(&place, "budget-prevents-collapse", &[]);
    let interval = |policy: &str| {
        let estimates = document["estimates"].as_array().unwrap();
        let is_it = |it: &&Value| it["name"] == "p_collapse.run" && it["policy"] == policy;
        let it = estimates.iter().find(is_it).unwrap();
        (
            it["value"].as_f64().unwrap(),
            it["lower"].as_f64().unwrap(),
            it["upper"].as_f64().unwrap(),
        )
    };
    let (share, low, _) = interval("thrice");
    assert_eq!(share, 1.0);
    for policy in ["with a budget", "as gRPC", "as AWS"] {
        let (share, _, high) = interval(policy);
        assert_eq!(share, 0.0, "{policy}");
        assert!(high < low, "{policy}: {high} and {low}");
    }
}

#[test]
fn every_case_has_a_test_and_a_row_in_the_book() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/cases");
    let tests = include_str!("cases.rs");
    let page = include_str!("../../book/src/cases.md");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.strip_suffix(".ron").unwrap();
        assert!(tests.contains(&format!("\"{name}\"")), "{name}");
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}
