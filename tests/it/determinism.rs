//! The same scenario and seed give the same results, however the work is done,
//! and what must not matter to a result does not.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Place, SMALL, replaced};

/// Scenarios that between them use every limiter, gates in every form, retries
/// without end, time-outs, and homes that all call at the same moment.
fn scenarios() -> Vec<(&'static str, String)> {
    let limit = |rule: &str| {
        format!(
            r#"Scenario(
    name: "limit",
    time: (length: "5min", warm_up: "20s", drain: "2min"),
    cohorts: {{"a": (homes: 60, homes_per_user: 2, app: SharedBy(users: 10), nat: Shared(homes: 6), client: "c", devices: [(kind: "d", count: Poisson(1.5))])}},
    clients: {{"c": (
        polls: [(method: "get", every: "4s", jitter: "1s", per: Device, overlap: true)],
        requests: [(method: "put", rate: "0.2/s")],
        loops: [(method: "loop", think: Gamma(mean: "5s", cv: 0.5))],
        timeout: "250ms", retry: "on and on",
    )}},
    server: (
        stages: [Limit(name: "l", per: [App, Method], by: {rule}, refuse: (retry_after: Exact)), Limit(name: "nat", per: [Nat], by: Gcra(rate: "20/s", burst: 10)), Gate(permits: 8, max_wait: "300ms", queue: 5)],
        backend: (service: LogNormal(median: "80ms", p99: "600ms")),
        refused_by_later: Returned,
    ),
    retries: {{"on and on": Exponential(base: "500ms", cap: "20s", jitter: Decorrelated, attempts: Unlimited, honour_retry_after: true)}},
    study: (replications: 3),
)"#
        )
    };
    let herd = r#"Scenario(
    name: "herd",
    time: (length: "3min", drain: "1min"),
    cohorts: {"a": (homes: 300, client: "c", devices: [(kind: "d", count: Exactly(2))])},
    clients: {"c": (
        polls: [(method: "get", every: "10s", phase: At("5s"), overlap: true)],
        commands: [(method: "set", at: Daily(time: "00:01"), deadline: "10s")],
        retry: "at once",
    )},
    server: (stages: [Gate(permits: 20, max_wait: "1s"), Limit(name: "all", by: SlidingLog(quota: Fixed(60), window: "10s"))], backend: (service: Constant("100ms"))),
    retries: {"at once": Fixed(wait: "1s", attempts: 20)},
    study: (replications: 3),
)"#;
    vec![
        ("small", SMALL.to_owned()),
        (
            "fixed window",
            limit("FixedWindow(quota: PerUser(each: 5), window: \"10s\", anchored: FirstRequest)"),
        ),
        (
            "sliding log",
            limit(
                "SlidingLog(quota: Tiers([(from_users: 1, quota: 20), (from_users: 8, quota: 60)]), window: \"10s\")",
            ),
        ),
        (
            "token bucket",
            limit("TokenBucket(rate: \"3/s\", burst: 20, refused: Counted)"),
        ),
        ("gcra", limit("Gcra(rate: \"3/s\", burst: 20)")),
        ("herd", herd.to_owned()),
    ]
}

#[test]
fn threads_queues_and_repetition_change_nothing() {
    let place = Place::new();
    for (name, text) in scenarios() {
        let one = place.run(&text, &["--threads", "1"]).exits(0);
        let refused = one.json()["estimates"][0].clone();
        assert!(
            refused["value"].as_f64().unwrap() > 0.0,
            "{name}: {refused}"
        );
        for arguments in [
            &["--threads", "2"][..],
            &["--threads", "2"],
            &["--queue", "heap"],
        ] {
            let other = place.run(&text, arguments).exits(0);
            assert_eq!(
                other.result_hash(),
                one.result_hash(),
                "{name} {arguments:?}"
            );
            assert_eq!(other.json()["estimates"], one.json()["estimates"]);
        }
        // Nothing in the herd is drawn at random.
        let seeded = place.run(&text, &["--seed", "2"]).exits(0);
        assert_eq!(
            seeded.result_hash() == one.result_hash(),
            name == "herd",
            "{name}"
        );
    }
}

/// The rows of `replications.csv` by their columns.
fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            header
                .iter()
                .map(|name| (*name).to_owned())
                .zip(line.split(',').map(str::to_owned))
                .collect()
        })
        .collect()
}

fn replications(place: &Place, text: &str, arguments: &[&str]) -> Vec<BTreeMap<String, String>> {
    place.write("s.ron", text);
    let common = ["run", "s.ron", "--quiet", "--out", "rows"];
    place.ratelab(&[&common, arguments].concat()).exits(0);
    rows(&place.read("rows/replications.csv"))
}

#[test]
fn a_replication_does_not_depend_on_how_many_there_are() {
    let place = Place::new();
    let many = replications(&place, SMALL, &["--replications", "5"]);
    let few = replications(&place, SMALL, &["--replications", "2"]);
    let kept: Vec<_> = many
        .into_iter()
        .filter(|row| ["0", "1"].contains(&row["replication"].as_str()))
        .collect();
    assert_eq!(few, kept);
    assert!(!few.is_empty());
}

#[cfg(unix)]
mod interrupted {
    use std::process::Command;
    use std::time::Duration;

    use super::*;
    use crate::support::Done;

    /// A study of some seconds, of which each run is short.
    fn long() -> String {
        let text = replaced(SMALL, "length: \"10min\"", "length: \"2h\"");
        let text = replaced(&text, "homes: 20,", "homes: 300,");
        replaced(&text, "replications: 4", "replications: 60")
    }

    const RUN: [&str; 8] = [
        "run",
        "s.ron",
        "--format",
        "json",
        "--threads",
        "2",
        "--out",
        "out",
    ];

    /// Starts the study, sends a signal once some records are kept, and tells
    /// how it ended; `None` if the study was over before.
    fn stopped(place: &Place, signal: &str) -> Option<Done> {
        let child = place.command(&RUN).spawn().unwrap();
        let records = place.path("out.partial/records.bin");
        for _ in 0..30_000 {
            let length = std::fs::metadata(&records).map_or(0, |file| file.len());
            if length > 20_000 || place.path("out").exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let id = child.id().to_string();
        Command::new("kill").args([signal, &id]).status().unwrap();
        let done: Done = child.wait_with_output().unwrap().into();
        (!place.path("out").exists()).then_some(done)
    }

    #[test]
    fn a_run_that_was_stopped_goes_on_to_the_same_results() {
        let place = Place::new();
        let text = long();
        let whole = place.run(&text, &[]).exits(0).result_hash();
        for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
            let done = stopped(&place, signal).expect("the study is long enough to be stopped");
            assert_eq!(done.code, code, "{signal}: {}", done.err);
            if signal == "-INT" {
                assert!(
                    done.err.contains("the same command goes on"),
                    "{}",
                    done.err
                );
            }
            assert_eq!(done.out, "");
            assert!(!place.path("out").exists(), "nothing is half-written");
        }
        let rest = place.ratelab(&RUN).exits(0);
        assert!(rest.err.contains("going on: "), "{}", rest.err);
        assert_eq!(rest.result_hash(), whole);
        assert!(!place.path("out.partial").exists());
        std::fs::remove_dir_all(place.path("out")).unwrap();

        // Records that were cut short or changed are run again.
        stopped(&place, "-INT").expect("the study is long enough to be stopped");
        let records = place.path("out.partial/records.bin");
        let mut bytes = std::fs::read(&records).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes.truncate(bytes.len() - 3);
        std::fs::write(&records, bytes).unwrap();
        let rest = place.ratelab(&RUN).exits(0);
        assert_eq!(rest.result_hash(), whole);
        // Records of another study are not taken for this one's.
        let done: Value = place
            .ratelab(&[&RUN[..], &["--seed", "5", "--replications", "2"]].concat())
            .json();
        assert_ne!(done["result_hash"], whole.as_str());
    }

    #[test]
    fn two_runs_into_one_folder_do_not_mix() {
        let place = Place::new();
        place.write("s.ron", long());
        let mut first = place.command(&RUN).spawn().unwrap();
        let records = place.path("out.partial/records.bin");
        while std::fs::metadata(&records).map_or(0, |file| file.len()) == 0 {
            assert!(first.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(1));
        }
        let second = place.ratelab(&RUN).exits(2);
        assert!(
            second.err.contains("another run is writing"),
            "{}",
            second.err
        );
        let done: Done = first.wait_with_output().unwrap().into();
        done.exits(0);
    }
}

const COUNTS: [&str; 14] = [
    "requests",
    "attempts",
    "first_429",
    "any_429",
    "any_refusal",
    "timed_out",
    "succeeded",
    "given_up",
    "attempts_429",
    "undone",
    "unconfirmed",
    "unfinished",
    "skipped",
    "wakeups",
];

fn counts(rows: &[BTreeMap<String, String>]) -> Vec<Vec<String>> {
    rows.iter()
        .map(|row| COUNTS.iter().map(|name| row[*name].clone()).collect())
        .collect()
}

#[test]
fn a_thousand_times_slower_is_the_same() {
    // Times in microseconds or milliseconds, so that a draw of a random time
    // keeps its place against the others but for a rounding of 1 ns. The
    // backend's time is constant: a draw is rounded to whole nanoseconds in
    // one but not in the other.
    let scenario = |unit: &str| {
        r#"Scenario(
    name: "scaled",
    time: (start: "1970-01-01T00:00:00Z", length: "300000U", warm_up: "20000U", drain: "100000U", bucket: "10000U"),
    cohorts: {"a": (homes: 40, client: "c")},
    clients: {"c": (polls: [(method: "get", every: "5000U", phase: At("3000U"), overlap: true), (method: "put", every: "700U", phase: At("10U"), tick: "300U")], timeout: "180U", retry: "again")},
    server: (stages: [Gate(permits: 30, max_wait: "200U"), Limit(name: "l", by: TokenBucket(rate: "1/20U", burst: 50)), Limit(name: "w", by: FixedWindow(quota: Fixed(500), window: "20000U"))], backend: (service: Constant("150U"))),
    retries: {"again": Exponential(base: "1000U", jitter: None, attempts: 4)},
    study: (replications: 2),
)"#
        .replace('U', unit)
    };
    let place = Place::new();
    let fast = replications(&place, &scenario("ms"), &[]);
    let slow = replications(&place, &scenario("s"), &[]);
    assert_eq!(counts(&fast), counts(&slow));
    let total = |column: &str| -> u64 {
        fast.iter()
            .map(|row| row[column].parse::<u64>().unwrap())
            .sum()
    };
    for column in [
        "requests",
        "any_429",
        "timed_out",
        "succeeded",
        "given_up",
        "skipped",
    ] {
        assert!(total(column) > 0, "{column} is put to the test");
    }
}

/// Without retries a request takes a token if there is one, whatever its past,
/// and a larger bucket holds at each moment at least as much: induction over
/// arrivals, which are the same.
#[test]
fn a_larger_bucket_refuses_no_more() {
    let place = Place::new();
    let text = r#"Scenario(
    name: "bucket",
    time: (length: "10min"),
    cohorts: {"a": (homes: 20, client: "c")},
    clients: {"c": (requests: [(method: "get", rate: "1/s")])},
    server: (stages: [Limit(name: "l", per: [User], by: TokenBucket(rate: "R", burst: 0000))]),
    study: (replications: 4),
)"#;
    let refused = |rate: &str, burst: &str| -> Vec<u64> {
        let text = text
            .replace("\"R\"", &format!("\"{rate}\""))
            .replace("0000", burst);
        replications(&place, &text, &[])
            .iter()
            .map(|row| row["first_429"].parse().unwrap())
            .collect()
    };
    let text_is_sound = refused("0.5/s", "1");
    assert!(text_is_sound.iter().all(|count| *count > 0));
    for ladder in [
        [("0.5/s", "1"), ("0.5/s", "2"), ("0.5/s", "10")],
        [("0.5/s", "2"), ("1/s", "2"), ("2/s", "2")],
    ] {
        let counts: Vec<Vec<u64>> = ladder
            .iter()
            .map(|(rate, burst)| refused(rate, burst))
            .collect();
        for pair in counts.windows(2) {
            assert!(
                pair[0].iter().zip(&pair[1]).all(|(low, high)| low >= high),
                "{ladder:?}: {counts:?}"
            );
        }
        assert_ne!(counts[0], counts[2]);
    }
}

/// An estimate and its standard error, from the interval over 20 replications
/// (Student's t with 19 degrees of freedom: 2.093).
fn estimate(place: &Place, text: &str, name: &str) -> (f64, f64) {
    let document = place.run(text, &[]).exits(0).json();
    let found = document["estimates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|estimate| estimate["name"] == name)
        .unwrap()
        .clone();
    let number = |field: &str| found[field].as_f64().unwrap();
    (number("value"), (number("hi") - number("lo")) / 2.0 / 2.093)
}

#[test]
fn a_poisson_load_may_come_from_one_home_or_from_a_hundred() {
    let place = Place::new();
    let text = |homes: u32, rate: &str| {
        format!(
            r#"Scenario(
    name: "split",
    time: (length: "20min", warm_up: "1min"),
    cohorts: {{"a": (homes: {homes}, client: "c")}},
    clients: {{"c": (requests: [(method: "get", rate: "{rate}")])}},
    server: (stages: [Gate(permits: 10)], backend: (service: Exponential(mean: "1s"))),
    study: (replications: 20),
)"#
        )
    };
    let (one, one_error) = estimate(&place, &text(1, "10/s"), "p429.attempt");
    let (split, split_error) = estimate(&place, &text(100, "0.1/s"), "p429.attempt");
    // Two standard errors of the difference apart once in 20 seeds, four once
    // in 1300 (t with about 38 degrees of freedom); the seed is fixed.
    let error = (one_error * one_error + split_error * split_error).sqrt();
    assert!((one - split).abs() < 4.0 * error, "{one} {split} {error}");
    // Erlang's loss formula for 10 erlang on 10 servers: 0.2146.
    assert!((one - 0.2146).abs() < 4.0 * one_error, "{one} {one_error}");
    assert!(error < 0.01, "{error}");
}

#[test]
fn the_order_of_cohorts_does_not_matter_to_an_order_free_model() {
    // The draws are the same, but at equal times cohorts come in their order, so
    // that counts are not and estimates must agree; where nothing is drawn, sums
    // are the same too.
    let place = Place::new();
    let text = |cohorts: &str, service: &str| {
        format!(
            r#"Scenario(
    name: "order",
    time: (length: "20min", warm_up: "1min"),
    cohorts: {{{cohorts}}},
    clients: {{
        "slow": (polls: [(method: "get", every: "11s", phase: At("3s"))], requests: [(method: "get", rate: "0.05/s")]),
        "fast": (polls: [(method: "get", every: "7s", phase: At("2s"))]),
    }},
    server: (stages: [Gate(permits: 12)], backend: (service: {service})),
    study: (replications: 20),
)"#
        )
    };
    let slow = "\"s\": (homes: 60, client: \"slow\")";
    let fast = "\"f\": (homes: 20, client: \"fast\")";
    let orders = [format!("{slow}, {fast}"), format!("{fast}, {slow}")];
    let random = orders.each_ref().map(|cohorts| {
        estimate(
            &place,
            &text(cohorts, "Exponential(mean: \"1s\")"),
            "p429.attempt",
        )
    });
    let error = (random[0].1 * random[0].1 + random[1].1 * random[1].1).sqrt();
    assert!(
        (random[0].0 - random[1].0).abs() < 4.0 * error,
        "{random:?}"
    );
    let without_draws = orders.each_ref().map(|cohorts| {
        let text = text(cohorts, "Constant(\"1s\")")
            .replace(", requests: [(method: \"get\", rate: \"0.05/s\")]", "");
        let rows = replications(&place, &text, &[]);
        // At equal times cohorts come in their order, so that only the sums
        // are the same.
        ["requests", "any_429", "succeeded"].map(|column| {
            rows.iter()
                .map(|row| row[column].parse::<u64>().unwrap())
                .sum::<u64>()
        })
    });
    assert_eq!(without_draws[0], without_draws[1]);
}

#[test]
fn a_policy_does_not_shift_the_draws() {
    let place = Place::new();
    let rows = replications(&place, SMALL, &[]);
    let requests = |policy: &str| -> Vec<Vec<&str>> {
        rows.iter()
            .filter(|row| row["policy"] == policy)
            .map(|row| {
                [
                    "replication",
                    "cohort",
                    "method",
                    "kind",
                    "requests",
                    "skipped",
                ]
                .iter()
                .map(|name| row[*name].as_str())
                .collect()
            })
            .collect()
    };
    // A skipped poll is one that was due all the same.
    let due = |policy: &str| -> Vec<(String, u64)> {
        requests(policy)
            .iter()
            .filter(|row| row[2] != "put")
            .map(|row| {
                (
                    row[..4].join(" "),
                    row[4].parse::<u64>().unwrap() + row[5].parse::<u64>().unwrap(),
                )
            })
            .collect()
    };
    assert_eq!(due("none"), due("soon"));
    assert!(due("none").len() > 8);
    let attempts = |policy: &str| -> u64 {
        rows.iter()
            .filter(|row| row["policy"] == policy)
            .map(|row| row["attempts"].parse::<u64>().unwrap())
            .sum()
    };
    assert!(attempts("soon") > attempts("none"), "the policies differ");
    // Nor does a stage of the server.
    let other = replaced(SMALL, "Gate(permits: 3, max_wait: \"500ms\"),", "");
    let other = replications(&place, &other, &[]);
    let of = |rows: &[BTreeMap<String, String>]| -> Vec<String> {
        rows.iter()
            .filter(|row| row["method"] == "get" && row["cohort"] == "bare homes")
            .map(|row| row["requests"].clone())
            .collect()
    };
    assert_eq!(of(&rows), of(&other));
}
