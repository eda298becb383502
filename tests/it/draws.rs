//! Random draws are keyed by names: what is added to a scenario, wherever it
//! stands, leaves the draws of all else as they were.

use std::collections::BTreeMap;

use crate::support::{Place, replaced};

type Row = BTreeMap<String, String>;

/// The rows of `replications.csv`, without what places hold.
fn rows(place: &Place, text: &str) -> Vec<Row> {
    place.write("s.ron", text);
    place
        .ratelab(&["run", "s.ron", "--quiet", "--out", "rows"])
        .exits(0);
    let csv = place.read("rows/replications.csv");
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            let named = header.iter().zip(line.split(','));
            // A stage that is added has a column of its own.
            named
                .filter(|(name, _)| !name.starts_with("refused by"))
                .map(|(name, value)| ((*name).to_owned(), value.to_owned()))
                .collect()
        })
        .collect()
}

fn sum(rows: &[Row], column: &str) -> u64 {
    rows.iter()
        .map(|row| row[column].parse::<u64>().unwrap())
        .sum()
}

/// Every row of the scenario stands among those of the changed one, to the last
/// count.
fn assert_kept(place: &Place, name: &str, before: &[Row], changed: &str) -> Vec<Row> {
    let after = rows(place, changed);
    for row in before {
        assert!(after.contains(row), "{name}: {row:?} is gone");
    }
    after
}

/// No sender of this scenario meets another, so that its counts follow from its
/// own draws alone; between them they draw everything that there is to draw
/// for a sender.
const ALONE: &str = r#"Scenario(
    name: "alone",
    time: (start: "2026-01-01T00:00:00Z", length: "2h"),
    cohorts: {
        "houses": (homes: 30, client: "hub", devices: [(kind: "valve", count: Poisson(2.0)), (kind: "plug", count: Exactly(1))]),
        "flats": (homes: 20, client: "script"),
    },
    clients: {
        "hub": (
            polls: [(method: "read", every: "10min", jitter: "5min", per: Device), (method: "get", every: "5min", jitter: "1min")],
            commands: [(method: "set", at: Daily(time: "01:00", spread: "5min"), chance: 0.5, kinds: ["valve", "plug"], deadline: "1min")],
            timeout: "2s", retry: "soon",
        ),
        "script": (
            requests: [(method: "put", rate: "20/h")],
            loops: [(method: "loop", think: Gamma(mean: "5min", cv: 0.5))],
            retry: "soon",
        ),
    },
    server: (
        stages: [Limit(name: "each", per: [Home, Method], methods: ["put", "loop"], by: TokenBucket(rate: "10/h", burst: 2))],
        backend: (service: Exponential(mean: "1s"), failures: "20%"),
    ),
    retries: {"soon": Exponential(base: "1min", cap: "5min", attempts: 4)},
    study: (replications: 3),
)"#;

#[test]
fn what_is_added_at_the_front_shifts_nothing() {
    let place = Place::new();
    let before = rows(&place, ALONE);
    for column in ["requests", "any_429", "timed_out", "given_up", "undone"] {
        assert!(sum(&before, column) > 0, "{column} is put to the test");
    }
    let extra = "(method: \"extra\", every: \"7min\", jitter: \"1min\"), ";
    let heartbeat = "(method: \"read\", name: \"heartbeat\", every: \"7min\", jitter: \"1min\"), ";
    let polls = "polls: [(method: \"read\"";
    let additions = [
        ("a poll", polls, format!("polls: [{extra}(method: \"read\"")),
        (
            "a poll of a method that is there, by name",
            polls,
            format!("polls: [{heartbeat}(method: \"read\""),
        ),
        (
            "a poll before requests and loops",
            "requests: [",
            format!("polls: [{extra}], requests: ["),
        ),
        (
            "a command",
            "commands: [",
            "commands: [(method: \"set\", name: \"night\", at: Poisson(rate: \"1/h\"), per: Home, deadline: \"1min\"), ".to_owned(),
        ),
        (
            "requests",
            "requests: [",
            "requests: [(method: \"report\", rate: \"1/min\"), ".to_owned(),
        ),
        (
            "a loop",
            "loops: [",
            "loops: [(method: \"other\", think: Exponential(mean: \"1min\")), ".to_owned(),
        ),
        (
            "a cohort",
            "\"houses\": (",
            "\"castles\": (homes: 7, client: \"hub\", devices: [(kind: \"valve\", count: Poisson(9.0))]), \"houses\": (".to_owned(),
        ),
        (
            "a kind of device",
            "devices: [",
            "devices: [(kind: \"lamp\", count: Poisson(3.0)), ".to_owned(),
        ),
        (
            "a client beside another",
            "client: \"hub\"",
            "clients: [\"hub\", (client: \"script\", app: Shared(\"theirs\"))]".to_owned(),
        ),
        (
            "a retry policy",
            "retries: {",
            "retries: {\"at once\": Fixed(wait: \"1s\", attempts: 2), ".to_owned(),
        ),
        (
            "a limit that never refuses",
            "stages: [",
            "stages: [Limit(name: \"all\", by: TokenBucket(rate: \"1000/s\", burst: 1000000)), ".to_owned(),
        ),
        (
            "a gate that is never full",
            "stages: [",
            "stages: [Gate(permits: 1000000), ".to_owned(),
        ),
        (
            "an admission control that never refuses",
            "stages: [",
            "stages: [Admission(by: Custom(max_refusal: 0.0)), ".to_owned(),
        ),
    ];
    for (name, from, to) in additions {
        let after = assert_kept(&place, name, &before, &replaced(ALONE, from, &to));
        let grows = !["retry", "never"].iter().any(|word| name.contains(word));
        assert_eq!(after.len() > before.len(), grows, "{name}");
    }
}

#[test]
fn a_policy_of_one_client_shifts_no_draw_of_another_or_its_own() {
    let place = Place::new();
    let before = rows(&place, ALONE);
    let patient = "timeout: \"2s\", retry: \"soon\"";
    let after = rows(&place, &replaced(ALONE, patient, "timeout: \"2s\""));
    assert!(sum(&after, "attempts") < sum(&before, "attempts"));
    for (one, other) in before.iter().zip(&after) {
        if one["cohort"] == "flats" {
            assert_eq!(one, other);
        }
        // What was due is the same.
        let due = |row: &Row| -> u64 {
            let counts = ["requests", "skipped"].map(|name| row[name].parse::<u64>().unwrap());
            counts.iter().sum()
        };
        assert_eq!(due(one), due(other), "{one:?} {other:?}");
    }
}

#[test]
fn what_has_no_name_is_told_apart_by_its_order() {
    let place = Place::new();
    let two = |first: &str, second: &str| {
        let requests = format!(
            "requests: [(method: \"put\", rate: \"20/h\"{first}), (method: \"put\", rate: \"20/h\"{second})]"
        );
        let text = replaced(
            ALONE,
            "requests: [(method: \"put\", rate: \"20/h\")]",
            &requests,
        );
        // Without the limit that both would share.
        let text = replaced(&text, "methods: [\"put\", \"loop\"]", "methods: [\"loop\"]");
        let found = rows(&place, &text);
        let put = found.into_iter().filter(|row| row["method"] == "put");
        let (one, other): (Vec<_>, Vec<_>) =
            put.enumerate().partition(|(number, _)| number % 2 == 0);
        let only = |rows: Vec<(usize, Row)>| -> Vec<Row> {
            rows.into_iter().map(|(_, row)| row).collect()
        };
        (only(one), only(other))
    };
    let (one, other) = two("", "");
    assert_ne!(one, other, "they do not draw the same");
    // An entry goes by its method until it gets a name, and keeps its draws
    // wherever it stands then.
    let (named, first) = two(", name: \"second\"", "");
    assert_eq!(first, one);
    let (same, moved) = two("", ", name: \"second\"");
    assert_eq!((same, moved), (one, named));
}

/// Requests meet each other here, and what they meet draws: counts are the same
/// only if every draw is.
const TOGETHER: &str = r#"Scenario(
    name: "together",
    time: (length: "5min", warm_up: "30s", drain: "10min"),
    cohorts: {"a": (homes: 100, client: "c")},
    clients: {"c": (polls: [(method: "get", every: "2s", jitter: "1s", overlap: true)], timeout: "3s", retry: "some")},
    server: (
        stages: [
            Admission(name: "first", by: Envoy),
            Gate(name: "adaptive", adaptive: Vegas(alpha: Fixed(5), beta: Fixed(10), probe_multiplier: 5), max_wait: "100ms"),
            Admission(name: "second", by: Custom(min_requests: 10)),
            Limit(name: "l", by: TokenBucket(rate: "60/s", burst: 3)),
        ],
        backend: (service: Gamma(mean: "300ms", cv: 0.3), failures: "40%"),
    ),
    retries: {"some": Exponential(base: "500ms", cap: "2s", attempts: 4)},
    study: (replications: 2),
)"#;

#[test]
fn a_stage_that_never_refuses_changes_no_count() {
    let place = Place::new();
    let before = rows(&place, TOGETHER);
    let refused = place.run(TOGETHER, &[]).exits(0).json();
    for stage in ["first", "adaptive", "second", "l"] {
        let split = format!("\"limit\":\"{stage}\"");
        let mut estimates = refused["estimates"].as_array().unwrap().iter();
        let share = estimates
            .find(|estimate| estimate.to_string().contains(&split))
            .unwrap_or_else(|| panic!("{stage}: {refused}"));
        assert!(share["value"].as_f64().unwrap() > 0.0, "{stage}: {share}");
    }
    for stage in [
        "Limit(name: \"new\", by: TokenBucket(rate: \"1000/s\", burst: 1000000))",
        "Gate(name: \"new\", permits: 1000000)",
        "Gate(name: \"new\", per: [Home], permits: 1000)",
        "Admission(name: \"new\", by: Custom(max_refusal: 0.0))",
    ] {
        let changed = replaced(TOGETHER, "stages: [", &format!("stages: [{stage}, "));
        assert_kept(&place, stage, &before, &changed);
    }
    // The draws of a stage are those of its name.
    let changed = replaced(TOGETHER, "name: \"second\"", "name: \"other\"");
    assert_ne!(rows(&place, &changed), before);
}

/// Everything but the number of devices is fixed.
const FLEET: &str = r#"Scenario(
    name: "fleet",
    time: (length: "1h"),
    cohorts: {"a": (homes: 10, client: "c", devices: [(kind: "d", count: Poisson(5.0))])},
    clients: {"c": (polls: [(method: "get", every: "1min", phase: At("1s"), per: Device)])},
    server: (stages: [Gate(per: [Device], permits: 2)], backend: (service: Constant("6s"))),
    study: (replications: 50),
)"#;

fn estimate(document: &serde_json::Value, name: &str) -> [f64; 3] {
    let estimates = document["estimates"].as_array().unwrap();
    let found = estimates
        .iter()
        .find(|estimate| estimate["name"] == name)
        .unwrap_or_else(|| panic!("{name}: {document}"));
    ["value", "lo", "hi"].map(|field| found[field].as_f64().unwrap_or(f64::NAN))
}

#[test]
fn each_replication_has_a_fleet_of_its_own_unless_it_is_fixed() {
    let place = Place::new();
    let of_each = |text: &str| -> Vec<String> {
        let rows = rows(&place, text).into_iter();
        rows.map(|row| row["requests"].clone()).collect()
    };
    let fresh = of_each(FLEET);
    let mut numbers = fresh.clone();
    numbers.sort();
    numbers.dedup();
    // Poisson(50): fewer than 10 different numbers in 50 would be a wonder.
    assert!(numbers.len() > 10, "{fresh:?}");
    let fixed_text = replaced(FLEET, "cohorts:", "population: Fixed, cohorts:");
    let fixed = of_each(&fixed_text);
    assert!(fixed.iter().all(|number| *number == fixed[0]), "{fixed:?}");
    assert!(
        of_each(&replaced(
            &fixed_text,
            "replications: 50",
            "replications: 2, seed: 7"
        ))[0]
            != fixed[0],
        "the fixed fleet follows from the seed"
    );

    // What is per device has its own number of devices below it; only sums
    // over the fleet have a spread.
    let document = place.run(FLEET, &[]).exits(0).json();
    for (name, expected) in [("wakeups.device_day", 1440.0), ("utilisation.gate", 0.05)] {
        let [value, ..] = estimate(&document, name);
        assert!((value / expected - 1.0).abs() < 1e-9, "{name} {value}");
        let agrees = document["estimates"]
            .as_array()
            .unwrap()
            .iter()
            .any(|estimate| estimate["name"] == name && estimate["basis"] == "ties");
        assert!(agrees, "{name} is the same in all replications");
    }
    let [value, lo, hi] = estimate(&document, "goodput");
    let expected = 50.0 / 60.0;
    // The standard error of a mean of 50 Poisson numbers of mean 50 is 2 % of
    // it; the interval is about 4 % wide on either side.
    assert!((value / expected - 1.0).abs() < 0.1, "{value}");
    assert!(
        (0.02..0.07).contains(&((hi - lo) / 2.0 / value)),
        "{lo} {hi}"
    );
    let fixed = place.run(&fixed_text, &[]).exits(0).json();
    let same = (fixed["estimates"].as_array().unwrap().iter())
        .any(|estimate| estimate["name"] == "goodput" && estimate["basis"] == "ties");
    assert!(same, "one fleet has one goodput");
}

#[test]
fn policies_meet_the_same_fleet_in_each_replication() {
    let place = Place::new();
    let text = replaced(
        FLEET,
        "replications: 50",
        "replications: 6, vary: {\"server.stages.0.permits\": [1, 2]}",
    );
    let all = rows(&place, &text);
    let of = |policy: &str| -> Vec<(String, String)> {
        all.iter()
            .filter(|row| row["policy"] == policy)
            .map(|row| (row["replication"].clone(), row["requests"].clone()))
            .collect()
    };
    assert_eq!(of("1").len(), 6);
    assert_eq!(of("1"), of("2"));
    // A later replication has the same fleet when fewer or more are run.
    let few = rows(
        &place,
        &replaced(FLEET, "replications: 50", "replications: 3"),
    );
    let requests: Vec<_> = few.iter().map(|row| row["requests"].clone()).collect();
    let of_more: Vec<_> = of("1").into_iter().take(3).map(|(_, n)| n).collect();
    assert_eq!(requests, of_more);
}

#[test]
fn check_tells_whose_devices_it_counts() {
    let place = Place::new();
    let fixed = replaced(FLEET, "cohorts:", "population: Fixed, cohorts:");
    for (text, anew) in [(FLEET, true), (&fixed, false)] {
        place.write("s.ron", text);
        let done = place.ratelab(&["check", "s.ron"]).exits(0);
        let told = done.out.contains("drawn anew in each");
        assert_eq!(told, anew, "{}", done.out);
    }
}

#[test]
fn closed_loops_do_not_start_in_one_moment() {
    // A thousand loops of 10.1 s keep 9.9 requests inside on average. All in
    // one moment, as after a full think time, they would be refused but for 30.
    let place = Place::new();
    let text = r#"Scenario(
        name: "loops",
        time: (length: "10min"),
        cohorts: {"a": (homes: 1000, client: "c")},
        clients: {"c": (loops: [(method: "get", think: Constant("10s"))])},
        server: (stages: [Gate(permits: 30)], backend: (service: Constant("100ms"))),
        study: (replications: 2),
    )"#;
    let document = place.run(text, &[]).exits(0).json();
    // More than 30 of a Poisson number of mean 9.9: 1e-8, for each of 6000
    // tenths of a second.
    let refused: u64 = sum(&rows(&place, text), "any_429");
    assert_eq!(refused, 0);
    let [value, ..] = estimate(&document, "utilisation.gate");
    assert!((value - 9.9 / 30.0).abs() < 0.01, "{value}");
    assert_eq!(
        document["start"],
        "closed loops start at a random point of a think time, as if they had been running for ever"
    );
}

#[test]
fn a_uniform_phase_on_a_tick_is_level_for_ever() {
    // 150 s on a tick of 60 s is 180 s: in each 30 s come a sixth of all polls.
    let place = Place::new();
    let text = r#"Scenario(
        name: "ticks",
        time: (length: "1h", bucket: "30s"),
        cohorts: {"a": (homes: 6000, client: "c")},
        clients: {"c": (polls: [(method: "get", every: "150s", tick: "60s", phase: Uniform)])},
        server: (stages: [Limit(name: "l", by: TokenBucket(rate: "1000/s", burst: 1000000))]),
        study: (replications: 1),
    )"#;
    place.write("s.ron", text);
    let run = ["run", "s.ron", "--quiet", "--out", "ticks"];
    place.ratelab(&run).exits(0);
    let series = place.read("ticks/series.csv");
    let mut lines = series.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = header.iter().position(|name| *name == "offered").unwrap();
    let offered: Vec<f64> = lines
        .map(|line| line.split(',').nth(column).unwrap().parse().unwrap())
        .collect();
    assert_eq!(offered.len(), 120);
    for (step, count) in offered.iter().enumerate() {
        // Binomial(6000, 1/6): 6 standard deviations are 173.
        assert!((count - 1000.0).abs() < 173.0, "step {step}: {count}");
    }
}
