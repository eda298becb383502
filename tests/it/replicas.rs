//! Gateways that count for themselves.

use crate::support::{Place, replaced};

const TWO: &str = r#"Scenario(
    name: "two gateways", time: (length: "1h"),
    cohorts: {"homes": (homes: 60, homes_per_user: 2, client: "app")},
    clients: {"app": (polls: [(method: "get", every: "6s", phase: At("0s"))])},
    server: (
        stages: [
            Limit(name: "user", per: [User, Method], by: FixedWindow(quota: Fixed(10), window: "1min")),
            Limit(name: "all", by: FixedWindow(quota: Fixed(1000000), window: "1h"), shared: true),
        ],
        replicas: ByHome(2),
    ),
    study: (replications: 2),
)
"#;

fn refused(place: &Place, text: &str) -> f64 {
    let document = place.run(text, &[]).exits(0).json();
    let estimates = document["estimates"].as_array().unwrap();
    let is_it =
        |it: &&serde_json::Value| it["name"] == "p429.attempt" && it["by"] == serde_json::json!({});
    estimates.iter().find(is_it).unwrap()["value"]
        .as_f64()
        .unwrap()
}

/// Two homes of a user send ten requests a minute each.
#[test]
fn each_replica_grants_the_quota_by_itself() {
    let place = Place::new();
    // Each home has a gateway for itself, and all of the quota.
    assert_eq!(refused(&place, TWO), 0.0);
    // One gateway for both homes, or one count: half is refused.
    let one = replaced(TWO, "replicas: ByHome(2)", "replicas: ByHome(1)");
    assert_eq!(refused(&place, &one), 0.5);
    let shared = replaced(
        TWO,
        "quota: Fixed(10), window: \"1min\")",
        "quota: Fixed(10), window: \"1min\"), shared: true",
    );
    let shared = replaced(
        &shared,
        "1000000), window: \"1h\"), shared: true",
        "1000000), window: \"1h\")",
    );
    assert_eq!(refused(&place, &shared), 0.5);
    // All homes send in the same moment, in the order of their numbers.
    let turns = replaced(TWO, "ByHome(2)", "InTurn(2)");
    assert_eq!(refused(&place, &turns), 0.0);
    // 20 coins a minute: the part above ten on either side, E|N - 10| / 20.
    let chance = refused(&place, &replaced(TWO, "ByHome(2)", "AtRandom(2)"));
    // E|N - 10| = 20 C(19, 10) / 2^19 is 1.762; a standard error of 0.0016.
    assert!((chance - 0.0881).abs() < 0.0065, "{chance}");
}

#[test]
fn replicas_without_an_effect_are_refused() {
    let place = Place::new();
    for (from, to, part) in [
        (
            "        replicas: ByHome(2),\n",
            "",
            "there are no replicas",
        ),
        (
            "window: \"1min\")",
            "window: \"1min\"), shared: true",
            "no limit is counted by each replica",
        ),
        ("ByHome(2)", "ByHome(0)", "0"),
        ("ByHome(2)", "ByHose(2)", "did you mean \"ByHome\"?"),
    ] {
        place.write("s.ron", replaced(TWO, from, to));
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        assert!(done.err.contains(part), "{}", done.err);
    }
    place.write("s.ron", TWO);
    place.write("log.csv", "time,user\n0,a\n");
    let log = [
        "replay",
        "--scenario",
        "s.ron",
        "--trace",
        "log.csv",
        "--column",
        "user=user",
    ];
    let done = place.ratelab(&log).exits(2);
    assert!(
        done.err.contains("which of the server's replicas"),
        "{}",
        done.err
    );
}
