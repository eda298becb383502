//! What entries of a client's traffic say for themselves, and parts of retry
//! policies as a whole run shows them.

use ratelab::scenario::RETRY_PRESETS;
use serde_json::{Value, json};

use crate::support::{Place, replaced};

/// One home's polls and commands against a server that refuses everything.
const REFUSED: &str = r#"Scenario(
    name: "refused",
    time: (length: "10min", drain: "10min"),
    cohorts: {"homes": (homes: 20, client: "hub")},
    clients: {"hub": (
        polls: [(method: "status", every: "60s")],
        commands: [(method: "set", at: Daily(time: "00:05"), per: Home, deadline: "1min")],
        retry: "soon",
    )},
    server: (stages: [Limit(name: "none", by: FixedWindow(quota: Fixed(1), window: "1d"), costs: {"status": 1, "set": 1})]),
    retries: {
        "soon": Fixed(wait: "1s", attempts: 4),
        "waits": Waits(waits: ["0s", "1s", "5s"], attempts: 9),
    },
    study: (replications: 2),
)
"#;

fn find(document: &Value, name: &str, by: &Value) -> f64 {
    let estimates = document["estimates"].as_array().unwrap();
    let it = (estimates.iter()).find(|it| it["name"] == name && it["by"] == *by);
    it.unwrap_or_else(|| panic!("{name} by {by}"))["value"]
        .as_f64()
        .unwrap()
}

fn amplifications(document: &Value) -> [f64; 2] {
    ["status", "set"].map(|method| {
        find(
            document,
            "retry_amplification",
            &json!({ "method": method }),
        )
    })
}

#[test]
fn polls_that_are_not_retried_stand_beside_commands_that_are() {
    let place = Place::new();
    // One poll of each replication passes, of 20 homes' 10.
    for (entry, polls, commands) in [
        ("", 4.0 - 3.0 / 200.0, 4.0),
        (", retry: \"none\"", 1.0, 4.0),
        (", retry: \"waits\"", 9.0 - 8.0 / 200.0, 4.0),
    ] {
        let text = replaced(REFUSED, "every: \"60s\"", &format!("every: \"60s\"{entry}"));
        let found = amplifications(&place.run(&text, &[]).exits(0).json());
        assert!((found[0] - polls).abs() < 1e-9, "{entry}: {found:?}");
        assert!((found[1] - commands).abs() < 1e-9, "{entry}: {found:?}");
    }
    let text = replaced(REFUSED, "retry: \"soon\"", "retry: \"none\"");
    let text = replaced(
        &text,
        "deadline: \"1min\"",
        "deadline: \"1min\", retry: \"soon\"",
    );
    let found = amplifications(&place.run(&text, &[]).exits(0).json());
    assert_eq!(found, [1.0, 4.0]);
}

#[test]
fn an_entry_that_says_what_its_client_says_changes_nothing() {
    let place = Place::new();
    let timed = replaced(
        REFUSED,
        "retry: \"soon\"",
        "retry: \"soon\", timeout: \"5s\"",
    );
    let of_client = place.run(&timed, &[]).exits(0).result_hash();
    let text = replaced(
        REFUSED,
        "retry: \"soon\"",
        "retry: \"none\", timeout: \"1s\"",
    );
    let own = "timeout: \"5s\", retry: \"soon\"";
    let text = replaced(&text, "every: \"60s\"", &format!("every: \"60s\", {own}"));
    let text = replaced(&text, "per: Home", &format!("per: Home, {own}"));
    assert_eq!(place.run(&text, &[]).exits(0).result_hash(), of_client);
}

#[test]
fn what_an_entry_says_can_be_set_and_varied() {
    let place = Place::new();
    let set = ["--set", "clients.hub.polls.0.retry=none"];
    let found = amplifications(&place.run(REFUSED, &set).exits(0).json());
    assert_eq!(found, [1.0, 4.0]);
    let named = replaced(
        REFUSED,
        "method: \"status\"",
        "method: \"status\", name: \"look\"",
    );
    let varied = replaced(
        &named,
        "replications: 2",
        "replications: 2, vary: {\"clients.*.polls.look.retry\": [\"none\", \"soon\"]}",
    );
    let document = place.run(&varied, &[]).exits(0).json();
    let of_polls: Vec<f64> = (document["estimates"].as_array().unwrap().iter())
        .filter(|it| it["name"] == "retry_amplification" && it["by"] == json!({"method": "status"}))
        .map(|it| it["value"].as_f64().unwrap())
        .collect();
    assert_eq!(of_polls.len(), 2);
    assert!(of_polls[0] == 1.0 && of_polls[1] > 3.9, "{of_polls:?}");
    place.write("s.ron", REFUSED);
    let done = place.ratelab(&["check", "s.ron", "--set", "clients.hub.polls.0.retry=son"]);
    let done = done.exits(2);
    assert!(done.err.contains("did you mean \"soon\"?"), "{}", done.err);
}

#[test]
fn an_entry_waits_as_long_as_it_says() {
    let place = Place::new();
    let slow = r#"Scenario(
        name: "slow",
        time: (length: "10min"),
        cohorts: {"homes": (homes: 5, client: "hub")},
        clients: {"hub": (
            polls: [(method: "a", every: "60s"), (method: "b", every: "60s", timeout: "5s"), (method: "c", every: "60s", timeout: "1s")],
            timeout: "2s",
        )},
        server: (backend: (service: Constant("3s"))),
        study: (replications: 2),
    )"#;
    let document = place.run(slow, &[]).exits(0).json();
    for (method, share) in [("a", 1.0), ("b", 0.0), ("c", 1.0)] {
        let found = find(
            &document,
            "p_timed_out.attempt",
            &json!({ "method": method }),
        );
        assert_eq!(found, share, "{method}");
    }
    let quick = replaced(
        slow,
        "service: Constant(\"3s\")",
        "service_by_method: {\"a\": Constant(\"3s\"), \"c\": Constant(\"1500ms\")}",
    );
    let document = place.run(&quick, &[]).exits(0).json();
    for (method, share) in [("a", 1.0), ("b", 0.0), ("c", 1.0)] {
        let found = find(
            &document,
            "p_timed_out.attempt",
            &json!({ "method": method }),
        );
        assert_eq!(found, share, "{method}");
    }
    assert!(find(&document, "p_failed.request", &json!({})) > 0.6);
}

#[test]
fn a_client_gives_up_when_the_next_retry_would_be_too_late() {
    let place = Place::new();
    // Retries at 1, 2, 3 ... s after the request was due; with doubling at 1, 3,
    // 7, 15 s.
    for (policy, attempts) in [
        (
            "Fixed(wait: \"1s\", attempts: Unlimited, give_up_after: \"10s\")",
            11.0,
        ),
        (
            "Fixed(wait: \"1s\", attempts: 4, give_up_after: \"10s\")",
            4.0,
        ),
        (
            "Fixed(wait: \"1s\", attempts: Unlimited, give_up_after: \"999ms\")",
            1.0,
        ),
        (
            "Exponential(base: \"1s\", jitter: None, attempts: Unlimited, give_up_after: \"10s\")",
            4.0,
        ),
        (
            "Exponential(base: \"1s\", jitter: None, first: \"0s\", attempts: Unlimited, give_up_after: \"10s\")",
            4.0,
        ),
        (
            "Waits(waits: [\"0s\", \"0s\", \"3s\"], attempts: Unlimited, give_up_after: \"10s\")",
            6.0,
        ),
    ] {
        let text = replaced(REFUSED, "Fixed(wait: \"1s\", attempts: 4)", policy);
        let document = place.run(&text, &[]).exits(0).json();
        let found = amplifications(&document)[1];
        assert_eq!(found, attempts, "{policy}");
        assert_eq!(document["unfinished_requests"], 0, "{policy}");
    }
}

/// The policies that the book lists for libraries are those that have names.
#[test]
fn policies_of_libraries_are_in_the_book() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/book/src/retries.md");
    let page = std::fs::read_to_string(page).unwrap();
    let table = page.split_once("| name | whose | here |").unwrap().1;
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let told: Vec<Vec<&str>> = rows.map(|row| row.split(" | ").collect()).collect();
    let known = RETRY_PRESETS.iter().map(|preset| {
        let (name, text) = (preset.name, preset.text);
        [
            format!("| `{name}`"),
            preset.about.to_owned(),
            format!("`{text}` |"),
        ]
    });
    assert_eq!(told, known.collect::<Vec<_>>());
}

/// A client names a library's policy without writing it, and a policy of that
/// name that the scenario writes comes before it.
#[test]
fn a_policy_of_a_library_is_known_by_its_name() {
    let place = Place::new();
    let named = replaced(REFUSED, "retry: \"soon\"", "retry: \"amitfin-retry\"");
    let own = "\"soon\": Fixed(wait: \"1s\", attempts: 4)";
    for (list, attempts) in [
        (own, 7.0),
        ("\"amitfin-retry\": Fixed(wait: \"1s\", attempts: 2)", 2.0),
    ] {
        let text = replaced(&named, own, list);
        let document = place.run(&text, &[]).exits(0).json();
        // The command is refused always, a poll in each replication once not.
        assert_eq!(amplifications(&document)[1], attempts, "{list}");
    }
}

/// One home with one thermostat, which a hub sets four times a minute and an
/// assistant as often as it says; five are granted.
fn two_clients(homes: u32, assistant: u32, clients: &str, limit: &str) -> String {
    let polls = |from: u32, count: u32| -> String {
        let poll = |number: u32| {
            format!(
                "(method: \"set\", name: \"n{number}\", per: Device, every: \"1min\", phase: At(\"{number}s\")), "
            )
        };
        (from..from + count).map(poll).collect()
    };
    let (hub, assistant) = (polls(1, 4), polls(10, assistant));
    format!(
        r#"Scenario(
            name: "two clients", time: (length: "10min"),
            cohorts: {{"homes": (homes: {homes}, homes_per_user: 2, app: Shared("one"), {clients},
                devices: [(kind: "thermostat", count: Exactly(1))])}},
            clients: {{"hub": (polls: [{hub}]), "assistant": (polls: [{assistant}])}},
            server: (stages: [Limit(name: "limit", by: FixedWindow({limit}, window: "1min"))]),
        )"#
    )
}

#[test]
fn clients_of_one_home_share_what_is_not_counted_per_application() {
    let place = Place::new();
    let own = "clients: [\"hub\", (client: \"assistant\", app: Shared(\"two\"))]";
    let same = "clients: [\"hub\", \"assistant\"]";
    let five = "quota: Fixed(5)";
    let by_user = "quota: PerUser(each: 3)";
    for (clients, per, quota, homes, assistant, refused) in [
        // Two projects on one device: four calls and one pass, a second does not.
        (own, "per: [Device],", five, 1, 1, 0.0),
        (own, "per: [Device],", five, 1, 2, 1.0 / 6.0),
        (own, "per: [Device, App],", five, 1, 2, 0.0),
        (own, "per: [App],", five, 1, 2, 0.0),
        (same, "per: [App],", five, 1, 2, 1.0 / 6.0),
        (own, "per: [User],", five, 1, 2, 1.0 / 6.0),
        // Two homes of one user call eight times, and two times each by the other
        // project: three for the user in each project, three in all.
        (own, "per: [App],", by_user, 2, 2, 6.0 / 12.0),
        (own, "per: [User],", by_user, 2, 2, 9.0 / 12.0),
    ] {
        let text = two_clients(homes, assistant, clients, quota);
        let text = replaced(
            &text,
            "name: \"limit\",",
            &format!("name: \"limit\", {per}"),
        );
        let document = place.run(&text, &[]).exits(0).json();
        let found = find(&document, "p429.attempt", &json!({}));
        assert!((found - refused).abs() < 1e-12, "{per} {quota}: {found}");
    }
}

#[test]
fn what_is_wrong_with_the_clients_of_a_cohort_is_told() {
    let place = Place::new();
    for (clients, told) in [
        (
            "client: \"hub\", clients: [\"assistant\"]",
            "a cohort has either `client` or `clients`",
        ),
        ("clients: []", "nothing runs in these homes"),
        (
            "app: Shared(\"three\")",
            "the field \"client\" is missing in \"homes\"",
        ),
        (
            "clients: [\"hub\", \"asistant\"]",
            "did you mean \"assistant\"?",
        ),
        (
            "clients: [\"assistant\", \"hub\", (client: \"hub\", app: Shared(\"one\"))]",
            "the client \"hub\" is listed twice with the same application",
        ),
        (
            "clients: [\"hub\", (client: \"assistant\", app: SharedBy(users: 0))]",
            "an application that no user shares",
        ),
    ] {
        let text = two_clients(1, 1, clients, "quota: Fixed(5)");
        let text = match clients.starts_with("app") {
            true => replaced(&text, "app: Shared(\"one\"), ", ""),
            false => text,
        };
        place.write("s.ron", &text);
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        assert!(
            done.err.contains(told) || done.out.contains(told),
            "{told}: {} {}",
            done.out,
            done.err
        );
        assert!((done.out + &done.err).contains("s.ron:3:"), "{told}");
    }
}

#[test]
fn a_client_of_several_is_set_and_varied_by_its_path() {
    let place = Place::new();
    let text = two_clients(
        1,
        2,
        "clients: [\"hub\", (client: \"assistant\", app: Shared(\"two\"))]",
        "quota: Fixed(5)",
    );
    let text = replaced(&text, "name: \"limit\",", "name: \"limit\", per: [App],");
    let vary = r#"study.vary={"cohorts.homes.clients.1.app": [Shared("one"), Shared("two")]}"#;
    let document = place.run(&text, &["--set", vary]).exits(0).json();
    let values: Vec<f64> = document["estimates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["name"] == "p429.attempt" && it["by"] == json!({}))
        .map(|it| it["value"].as_f64().unwrap())
        .collect();
    assert_eq!(values, [1.0 / 6.0, 0.0]);
}
