//! Limits that are proposed for a log: true of it, and the smallest.

use proptest::prelude::*;
use serde_json::Value;

use crate::support::Place;

/// How many requests and keys a limiter refuses of a log.
fn refused(place: &Place, limiters: &[String], log: &str) -> Vec<(u64, u64)> {
    let mut arguments = vec![
        "replay",
        "--trace",
        "-",
        "--summary",
        "--format",
        "json",
        "--quiet",
    ];
    for limiter in limiters {
        arguments.extend(["--limiter", limiter]);
    }
    let document = place.ratelab_with_input(&arguments, log).exits(0).json();
    let summaries = document["summaries"].as_array().unwrap();
    let count = |summary: &Value, name: &str| summary[name].as_u64().unwrap();
    summaries
        .iter()
        .map(|it| (count(it, "refused"), count(it, "refused_keys")))
        .collect()
}

/// Each proposal refuses what it says and no more than its goal, and with one
/// less the goal is missed.
fn check(log: &str) -> Result<(), TestCaseError> {
    let place = Place::new();
    let arguments = [
        "replay",
        "--suggest",
        "--trace",
        "-",
        "--format",
        "json",
        "--quiet",
    ];
    let document = place.ratelab_with_input(&arguments, log).exits(0).json();
    let all = document["suggestions"].as_array().unwrap();
    prop_assert_eq!(all.len(), 3 * 4 * 5);
    let (mut limiters, mut smaller) = (Vec::new(), Vec::new());
    for one in all {
        let limiter = one["limiter"].as_str().unwrap().to_owned();
        let quota = one["quota"].as_u64().unwrap();
        // A quota of nothing is none.
        let less = |text: &str, quota: u64| {
            text.replace(&format!("Fixed({quota})"), &format!("Fixed({})", quota - 1))
                .replace(&format!("\"{quota}/"), &format!("\"{}/", quota - 1))
                .replace(
                    &format!("burst: {quota})"),
                    &format!("burst: {})", quota - 1),
                )
        };
        smaller.push(if quota > 1 {
            less(&limiter, quota)
        } else {
            limiter.clone()
        });
        limiters.push(limiter);
    }
    let (found, worse) = (
        refused(&place, &limiters, log),
        refused(&place, &smaller, log),
    );
    for (((one, found), worse), limiter) in all.iter().zip(found).zip(worse).zip(&limiters) {
        let count = |name: &str| one[name].as_u64().unwrap();
        let told = (count("requests_refused"), count("clients_refused"));
        prop_assert_eq!(told, found, "{}", limiter);
        let of_clients = one["goal"]["of"] == "clients";
        let share = one["goal"]["at_most"].as_f64().unwrap();
        let all = count(if of_clients { "clients" } else { "requests" });
        let part = |pair: (u64, u64)| if of_clients { pair.1 } else { pair.0 };
        let allowed = (share * all as f64 + 1e-9).floor() as u64;
        prop_assert!(part(found) <= allowed, "{limiter}: {found:?} of {all}");
        let smallest = count("quota") == 1 || part(worse) > allowed;
        prop_assert!(smallest, "{limiter}: {worse:?} with one less");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 8,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn proposals_are_true_and_the_smallest(
        requests in prop::collection::vec((0..1500_u64, 0..130_u32), 100..1500),
    ) {
        let mut now = 1_758_254_400_000;
        let mut log = String::from("time_ms,key\n");
        for (pause, key) in requests {
            now += pause;
            log += &format!("{now},{}\n", key * key / 130);
        }
        check(&log)?;
    }
}

const LOG: &str = "time,key\n0,a\n0,a\n0,a\n5,b\n30,b\n";

#[test]
fn every_format_tells_the_same_and_a_candidate_stands_beside() {
    let place = Place::new();
    let limiter = r#"FixedWindow(quota: Fixed(2), window: "10s")"#;
    let run = |format: &str| {
        let all = [
            "replay",
            "--suggest",
            "--limiter",
            limiter,
            "--trace",
            "-",
            "--format",
            format,
        ];
        place.ratelab_with_input(&all, LOG).exits(0)
    };
    let (text, csv, json) = (run("text"), run("csv").out, run("json").json());
    assert!(text.err.contains("the log covers 30s"), "{}", text.err);
    assert!(text.out.contains("a: 1 of 3 (33.33 %)"), "{}", text.out);
    for one in json["suggestions"].as_array().unwrap() {
        let limiter = one["limiter"].as_str().unwrap();
        assert!(text.out.contains(limiter), "{limiter} in {}", text.out);
        assert!(
            csv.contains(&limiter.replace('"', "\"\"")),
            "{limiter} in {csv}"
        );
    }
    // Three at once within a second, two of the other within a minute.
    assert!(
        text.out
            .contains(r#"SlidingLog(quota: Fixed(3), window: "1s")"#),
        "{}",
        text.out
    );
    assert!(
        text.out.contains(r#"TokenBucket(rate: "3/min", burst: 3)"#),
        "{}",
        text.out
    );
    assert!(
        csv.ends_with(
            "given,\"FixedWindow(quota: Fixed(2), window: \"\"10s\"\")\",,5,1,0.2,2,1,0.5\n"
        ),
        "{csv}"
    );
    assert_eq!(json["summaries"][0]["refused"], 1);
    assert_eq!(json["decisions"], serde_json::json!([]));
}

#[test]
fn costs_count_and_readings_do_not() {
    let place = Place::new();
    let arguments = [
        "replay",
        "--suggest",
        "--trace",
        "-",
        "--format",
        "json",
        "--quiet",
    ];
    let log = "time,key,cost\n0,a,4\n0,a,0\n0.5,a,3\n100,a,1\n";
    let document = place.ratelab_with_input(&arguments, log).exits(0).json();
    let first = &document["suggestions"][0];
    assert_eq!(first["quota"], 7, "{first}");
    assert_eq!(first["requests"], 4);
}
