//! What limits tell and whom they let in, in whole runs with a few requests whose
//! times are known.

use serde_json::{Value, json};

use crate::support::Place;

/// The value of an estimate of a part of the traffic.
fn value(document: &Value, name: &str, by: &Value) -> f64 {
    let estimates = document["estimates"].as_array().unwrap();
    let mut found = estimates
        .iter()
        .filter(|it| it["name"] == name && it["by"] == *by);
    found.next().unwrap()["value"].as_f64().unwrap()
}

#[test]
fn whoever_waits_for_the_told_reset_is_admitted() {
    // Two homes of one user call at once; the second comes again when told.
    for (limiter, fields) in [
        ("SlidingLog(quota: Fixed(1), window: \"10s\")", "Draft10"),
        ("SlidingLog(quota: Fixed(1), window: \"10s\")", "XEpoch"),
        ("SlidingCounter(quota: Fixed(1), window: \"10s\")", "Draft7"),
        (
            "AllOf([SlidingLog(quota: Fixed(1), window: \"10s\"), Gcra(rate: \"1/s\", burst: 1)])",
            "Draft6",
        ),
        (
            "PenaltyBox(by: SlidingLog(quota: Fixed(1), window: \"10s\"), lock: \"3s\")",
            "XSeconds",
        ),
        ("Spacing(steps: [\"10s\"], reset_after: \"1h\")", "XSeconds"),
    ] {
        let scenario = format!(
            r#"Scenario(
                name: "told",
                time: (length: "1min", drain: "2h"),
                cohorts: {{"pair": (homes: 2, homes_per_user: 2, client: "app")}},
                clients: {{"app": (
                    commands: [(method: "set", at: Daily(time: "00:00:00"), per: Home, deadline: "1min")],
                    retry: "when told",
                )}},
                server: (stages: [
                    Limit(name: "user", per: [User], by: {limiter}, refuse: (rate_limit: {fields})),
                ]),
                retries: {{"when told": Fixed(wait: "1ms", attempts: 9, honour_rate_limit: true)}},
            )"#
        );
        let done = Place::new().run(&scenario, &["--replications", "2"]);
        let document = done.exits(0).json();
        let attempts = value(&document, "retry_amplification", &json!({}));
        assert_eq!(attempts, 1.5, "{limiter} {fields}");
        // At 11 s, the first whole second after 10 s and a nanosecond.
        let latency = value(&document, "latency.request.mean", &json!({}));
        assert!(
            (latency - 5.5).abs() < 0.51,
            "{limiter} {fields}: {latency}"
        );
    }
}

#[test]
fn those_called_at_once_go_on_in_the_order_of_their_arrival() {
    // The end of the first visit makes two permits of one, and the limit behind
    // the gate has room for one more.
    let document = Place::new().run(
        r#"Scenario(
            name: "in turn",
            time: (length: "1min", drain: "2min"),
            cohorts: {
                "inside": (homes: 1, client: "at once"),
                "first in line": (homes: 1, client: "soon"),
                "second in line": (homes: 1, client: "later"),
            },
            clients: {
                "at once": (commands: [(method: "set", at: Daily(time: "00:00:00"), per: Home, deadline: "1min")]),
                "soon": (commands: [(method: "set", at: Daily(time: "00:00:01"), per: Home, deadline: "1min")]),
                "later": (commands: [(method: "set", at: Daily(time: "00:00:02"), per: Home, deadline: "1min")]),
            },
            server: (
                stages: [
                    Gate(adaptive: Aimd(initial: 1, min: 1, max: 9, timeout: "1min"), max_wait: "1min"),
                    Limit(name: "hour", by: FixedWindow(quota: Fixed(2), window: "1h")),
                ],
                backend: (service: Constant("10s")),
            ),
        )"#,
        &["--replications", "2"],
    );
    let document = document.exits(0).json();
    for (cohort, refused) in [
        ("inside", 0.0),
        ("first in line", 0.0),
        ("second in line", 1.0),
    ] {
        let by = json!({"cohort": cohort});
        assert_eq!(value(&document, "p429.attempt", &by), refused, "{cohort}");
    }
}

#[test]
fn a_quota_per_device_counts_the_devices_of_each_key() {
    // Each device gets two commands at once.
    let refused = |cohort: &str, per: &str, quota: &str| {
        let scenario = format!(
            r#"Scenario(
                name: "hubs",
                time: (length: "1min"),
                cohorts: {{"hubs": (client: "app", {cohort})}},
                clients: {{"app": (commands: [
                    (method: "open", at: Daily(time: "00:00:00"), deadline: "1min"),
                    (method: "close", at: Daily(time: "00:00:00"), deadline: "1min"),
                ])}},
                server: (stages: [
                    Limit(name: "hub", per: [{per}], by: FixedWindow(quota: PerDevice({quota}), window: "1h")),
                ]),
            )"#
        );
        let done = Place::new().run(&scenario, &["--replications", "3"]);
        value(&done.exits(0).json(), "p429.attempt", &json!({}))
    };
    let four = "devices: [(kind: \"valve\", count: Exactly(3)), (kind: \"thermostat\", count: Exactly(1))]";
    let drawn = "devices: [(kind: \"valve\", count: Poisson(2.5)), (kind: \"thermostat\", count: Poisson(0.3))]";
    for (cohort, per, quota, expected) in [
        // Homes of 4 devices.
        ("homes: 3", "Home", "each: 1", 4.0 / 8.0),
        ("homes: 3", "Home", "each: 1, up_to_devices: 3", 5.0 / 8.0),
        ("homes: 3", "Home", "each: 1, at_least: 7", 1.0 / 8.0),
        ("homes: 3", "", "each: 1", 12.0 / 24.0),
        (
            "homes: 3, app: Shared(\"a\")",
            "App",
            "each: 1, up_to_devices: 6",
            18.0 / 24.0,
        ),
        ("homes: 3", "Device", "each: 1", 1.0 / 2.0),
        // Users of 8 and of 4 devices.
        (
            "homes: 3, homes_per_user: 2",
            "User",
            "each: 1, up_to_devices: 5",
            15.0 / 24.0,
        ),
        // Users of two homes behind addresses of three: a table of keys.
        (
            "homes: 7, homes_per_user: 2, nat: Shared(homes: 3)",
            "User, Nat",
            "each: 1",
            1.0 / 2.0,
        ),
        // With a counter for each method the devices count for each.
        ("homes: 3", "Home, Method", "each: 1", 0.0),
    ] {
        let found = refused(&format!("{cohort}, {four}"), per, quota);
        assert_eq!(found, expected, "{cohort} {per} {quota}");
    }
    // However many there are: the numbers are those of each replication's fleet.
    for (cohort, per) in [
        ("homes: 40", "Home"),
        ("homes: 40, app: Shared(\"a\")", "App"),
        ("homes: 41, homes_per_user: 2", "User"),
        (
            "homes: 41, homes_per_user: 2, nat: Shared(homes: 3)",
            "User, Nat",
        ),
    ] {
        let found = refused(&format!("{cohort}, {drawn}"), per, "each: 1");
        assert_eq!(found, 0.5, "{cohort} {per}");
    }
}
