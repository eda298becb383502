//! What happened to one home.

use serde_json::Value;

use crate::support::Place;

const HOME: &str = r#"Scenario(
    name: "one home", time: (length: "10min", load_after_end: false),
    cohorts: {
        "others": (homes: 2, client: "script"),
        "one": (homes: 1, client: "app", devices: [(kind: "valve", count: Exactly(2))]),
    },
    clients: {"script": (polls: [(method: "get", every: "1h")]), "app": (
        polls: [(method: "get", every: "1min", phase: At("1s"), timeout: "3s")],
        commands: [(method: "set", at: Daily(time: "00:02:01"), deadline: "1min", retry: "none")],
        retry: "soon",
    )},
    server: (
        stages: [
            Limit(name: "minute", per: [Home], by: FixedWindow(quota: Fixed(2), window: "1min"), refuse: (retry_after: Exact)),
            Gate(name: "one each", per: [Home], permits: 1, max_wait: "1min"),
        ],
        backend: (service: Constant("2s")),
        outages: {"pause": (at: ["3min"], lasts: Constant("90s"), how: Stuck), "gone": (at: ["6min"], lasts: Constant("10s"))},
    ),
    retries: {"soon": Fixed(wait: "4s", attempts: 3, retry_after: AtLeast)},
)
"#;

fn trace(place: &Place, arguments: &[&str]) -> String {
    place.write("s.ron", HOME);
    let done = place.ratelab(&[&["trace", "s.ron"][..], arguments].concat());
    done.exits(0).out
}

#[test]
fn a_request_is_followed_from_end_to_end() {
    let place = Place::new();
    let told = trace(&place, &["--home", "3"]);
    let of = |request: &str| -> Vec<String> {
        let lines = told
            .lines()
            .filter(|line| line.get(15..24).is_some_and(|part| part.trim() == request));
        lines
            .map(|line| format!("{} {}", &line[3..8], line[60..].trim()))
            .collect()
    };
    assert_eq!(told.lines().nth(1), Some("2026-01-01"));
    // A command that waits, and one that the limit has no room for.
    assert_eq!(
        of("4"),
        [
            r#"02:01 is due"#,
            r#"02:01 is sent"#,
            r#"02:01 passes "minute""#,
            r#"02:01 waits at "one each", at most until 00:03:01.000000"#,
            r#"02:03 passes "one each""#,
            r#"02:03 is worked on until 00:02:05.000000"#,
            r#"02:05 succeeds after 4s"#,
        ]
    );
    assert_eq!(
        of("5")[2..],
        [
            r#"02:01 is refused by "minute": 429, Retry-After 59s"#,
            r#"02:01 is given up after 0s"#,
        ]
    );
    // A poll into a backend that is stuck, whose answers nobody waits for.
    assert_eq!(
        of("6")[4..],
        [
            r#"03:01 is worked on until 00:04:32.000000"#,
            r#"03:04 is not waited for any longer"#,
            r#"03:04 is tried again in 4s, at 00:03:08.000000"#,
            r#"03:08 is sent"#,
            r#"03:08 passes "minute""#,
            r#"03:08 waits at "one each", at most until 00:04:08.000000"#,
            r#"03:11 is not waited for any longer"#,
            r#"03:11 is tried again in 4s, at 00:03:15.000000"#,
            r#"03:15 is sent"#,
            r#"03:15 is refused by "minute": 429, Retry-After 45s"#,
            r#"03:15 is given up after 14s"#,
            r#"04:08 is refused by "one each": 429"#,
            r#"04:32 is carried out after 1min 31s, which nobody waits for"#,
        ]
    );
    assert!(of("9").contains(&r#"06:01 is refused by "gone": 503"#.to_owned()));
}

/// What is told of all homes is what the study counts.
#[test]
fn traces_of_all_homes_add_up_to_the_study() {
    let place = Place::new();
    let mut sent = 0;
    let mut refused = 0;
    for home in ["1", "2", "3"] {
        let told = trace(&place, &["--home", home, "--format", "json", "--seed", "7"]);
        for line in told.lines() {
            let step: Value = serde_json::from_str(line).unwrap();
            sent += u32::from(step["what"] == "sent");
            refused += u32::from(step["what"] == "refused");
        }
    }
    let document = place
        .run(HOME, &["--seed", "7", "--replications", "1"])
        .exits(0)
        .json();
    let estimates = document["estimates"].as_array().unwrap();
    let is_it =
        |it: &&Value| it["name"] == "p_refused.attempt" && it["by"] == serde_json::json!({});
    let share = estimates.iter().find(is_it).unwrap()["value"]
        .as_f64()
        .unwrap();
    assert_eq!(share, f64::from(refused) / f64::from(sent));
}

#[test]
fn homes_and_cells_that_are_not_there_are_refused() {
    let place = Place::new();
    place.write("s.ron", HOME);
    for (arguments, part) in [
        (
            &["--home", "4"][..],
            "there is no home 4; 1 to 2 are \"others\", 3 is \"one\"",
        ),
        (&["--home", "0"], "expected a whole number from 1"),
        (&["--cell", "3"], "the study has no cell \"3\""),
        (&["--replication", "one"], "--replication"),
        (&["--set", "server.stages.0.quota=5"], "quota"),
    ] {
        let done = place.ratelab(&[&["trace", "s.ron"][..], arguments].concat());
        let done = done.exits(2);
        assert!(done.err.contains(part), "{arguments:?}: {}", done.err);
    }
    let netatmo = place
        .ratelab(&["trace", "netatmo", "--cell", "nonee"])
        .exits(2);
    assert!(
        netatmo.err.contains("did you mean \"none\"?"),
        "{}",
        netatmo.err
    );
    let by_name = place
        .ratelab(&["trace", "netatmo", "--cell", "full jitter", "--quiet"])
        .exits(0);
    let by_number = place
        .ratelab(&["trace", "netatmo", "--cell", "2", "--quiet"])
        .exits(0);
    assert_eq!(by_name.out, by_number.out);
    assert!(by_name.err.is_empty());
}
