//! Several calls each time, counted by hand.

use serde_json::Value;

use crate::support::{Place, replaced};

/// One home that polls each minute for ten minutes; each call takes 10 s.
const POLLS: &str = r#"Scenario(
    name: "calls",
    time: (length: "10min"),
    cohorts: {"homes": (homes: 1, client: "hub")},
    clients: {"hub": (polls: [(method: "status", every: "1min", phase: At("0s"), calls: AtOnce(1))])},
    server: (
        stages: [
            Limit(name: "day", by: FixedWindow(quota: Fixed(4), window: "1d")),
            Gate(permits: 100),
        ],
        backend: (service: Constant("10s")),
    ),
    study: (replications: 2),
    report: ["p_skipped.poll"],
)
"#;

fn value(document: &Value, name: &str) -> f64 {
    let estimates = document["estimates"].as_array().unwrap();
    let it = estimates.iter().find(|it| {
        let by = &it["by"];
        it["name"] == name && (by.as_object().unwrap().is_empty() || by["limit"] == "gate")
    });
    it.unwrap_or_else(|| panic!("{name} in {document:#}"))["value"]
        .as_f64()
        .unwrap()
}

#[test]
fn calls_are_made_at_once_in_turn_or_until_one_fails() {
    let place = Place::new();
    let loose = replaced(POLLS, "quota: Fixed(4)", "quota: Fixed(1000)");
    for (text, calls, more, name, expected) in [
        // Four are admitted of 10, of 30, and of 3 + 2 + 8 calls.
        (POLLS, "AtOnce(1)", "", "p429.attempt", 6.0 / 10.0),
        (POLLS, "AtOnce(3)", "", "p429.attempt", 26.0 / 30.0),
        (POLLS, "InTurn(3)", "", "p429.attempt", 26.0 / 30.0),
        (POLLS, "UntilFailure(3)", "", "p429.attempt", 9.0 / 13.0),
        // All three are inside at once, or one at a time.
        (&loose, "AtOnce(3)", "", "peak_inside.gate", 3.0),
        (&loose, "InTurn(3)", "", "peak_inside.gate", 1.0),
        // Seven in turn take 70 s: every second poll finds its sender busy.
        (&loose, "InTurn(7)", "", "p_skipped.poll", 0.5),
        (&loose, "InTurn(5)", "", "p_skipped.poll", 0.0),
        // The sender is busy until the last of those at once has ended: one at a
        // time through the gate, seven take 70 s.
        (
            &loose,
            "AtOnce(7)",
            "permits: 1, max_wait: \"10min\"",
            "p_skipped.poll",
            0.5,
        ),
        (
            &loose,
            "AtOnce(5)",
            "permits: 1, max_wait: \"10min\"",
            "p_skipped.poll",
            0.0,
        ),
        (
            &loose,
            "AtOnce(7)",
            "permits: 100, max_wait: \"10min\"",
            "p_skipped.poll",
            0.0,
        ),
    ] {
        let text = replaced(text, "AtOnce(1)", calls);
        let text = match more {
            "" => text,
            gate => replaced(&text, "permits: 100", gate),
        };
        let found = value(&place.run(&text, &[]).exits(0).json(), name);
        assert!(
            (found - expected).abs() < 1e-9,
            "{calls} {more} {name}: {found}"
        );
    }
}

#[test]
fn each_call_has_draws_of_its_own() {
    let place = Place::new();
    // Of one draw for all three calls, either all or none would fail.
    let text = replaced(POLLS, "quota: Fixed(4)", "quota: Fixed(100000)");
    let text = replaced(&text, "AtOnce(1)", "AtOnce(3)");
    let text = replaced(&text, "homes: 1,", "homes: 500,");
    let text = replaced(&text, "permits: 100", "permits: 10000");
    let failing = "service: Constant(\"10s\"), failures: 0.5";
    let text = replaced(&text, "service: Constant(\"10s\")", failing);
    let count = |text: &str| {
        let document = place.run(text, &[]).exits(0).json();
        (
            value(&document, "p_failed.request"),
            value(&document, "p429.attempt"),
        )
    };
    let (all, _) = count(&text);
    // 15,000 of 1/2: a standard error of 0.004 each; the seed is fixed.
    assert!((all - 0.5).abs() < 0.02, "{all}");
    // Until one fails: 1 + 1/2 + 1/4 calls each time, of which 7/8 fail.
    let (failed, _) = count(&replaced(&text, "AtOnce(3)", "UntilFailure(3)"));
    assert!((failed - 0.5).abs() < 0.02, "{failed}");
}

#[test]
fn too_many_calls_and_none_are_refused() {
    let place = Place::new();
    for (calls, part) in [
        ("AtOnce(1001)", "must be at most 1000"),
        ("AtOnce(0)", "0"),
        ("AtOne(2)", "did you mean \"AtOnce\"?"),
    ] {
        place.write("s.ron", replaced(POLLS, "AtOnce(1)", calls));
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        assert!(done.err.contains(part), "{}", done.err);
    }
}
