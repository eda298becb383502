//! What replay prints: the same in every format, for one limiter or several.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::records;
use crate::support::Place;

const LIMITERS: [&str; 7] = [
    r#"TokenBucket(rate: "2/s", burst: 3)"#,
    r#"LeakyBucket(rate: "2/s", queue: 4)"#,
    r#"PacedWindow(quota: 2, window: "1s")"#,
    r#"SlidingLog(quota: Fixed(3), window: "1s")"#,
    r#"Gate(permits: 1, queue: 2, max_wait: "1s")"#,
    "Gate(adaptive: Aimd(initial: 2, min: 1, max: 5))",
    "Admission(by: Sre)",
];

/// The arguments of a replay from standard input through these limiters.
fn arguments<'a>(limiters: &[&'a str], format: &'a str) -> Vec<&'a str> {
    let mut arguments = vec!["replay", "--trace", "-", "--format", format];
    for limiter in limiters {
        arguments.extend(["--limiter", limiter]);
    }
    arguments
}

/// The words for decisions in a line of text, without the waits.
fn words(line: &str) -> Vec<String> {
    line.split_whitespace()
        .filter(|word| ["admit", "delay", "refuse"].contains(word))
        .map(str::to_owned)
        .collect()
}

/// Whether a field of CSV and a number of JSON are the same, or neither is told.
/// The reader of JSON may be off in the last bit.
fn is_same(field: &str, value: &Value) -> bool {
    match (field.parse::<f64>(), value.as_f64()) {
        (Ok(field), Some(value)) => (field - value).abs() <= 1e-12 * field.abs(),
        (Err(_), None) => field.is_empty() && value.is_null(),
        _ => false,
    }
}

/// The three outputs for a trace must tell the same.
fn agree(limiters: &[&str], trace: &str) -> Result<(), TestCaseError> {
    let place = Place::new();
    let run = |format| {
        let done = place.ratelab_with_input(&arguments(limiters, format), trace);
        done.exits(0)
    };
    let (csv, text, document) = (run("csv").out, run("text").out, run("json").json());
    let records = records(&csv);
    let decisions = document["decisions"].as_array().unwrap();
    prop_assert_eq!(decisions.len() * limiters.len(), records.len());
    let told = text.lines().map(words).filter(|words| !words.is_empty());
    let told: Vec<String> = told.flatten().collect();
    let in_csv: Vec<&str> = records.iter().map(|record| record[5].as_str()).collect();
    prop_assert_eq!(&told, &in_csv);
    for (number, record) in records.iter().enumerate() {
        let decision = &decisions[number / limiters.len()];
        let verdict = &decision["verdicts"][number % limiters.len()];
        let lane = number % limiters.len() + 1;
        prop_assert_eq!(&record[2], decision["key"].as_str().unwrap());
        prop_assert_eq!(&record[4], &lane.to_string());
        prop_assert_eq!(&record[5], verdict["decision"].as_str().unwrap());
        for (column, value) in [
            (0, &decision["line"]),
            (1, &decision["time_s"]),
            (3, &decision["cost"]),
            (6, &verdict["delay_s"]),
            (7, &verdict["remaining"]),
            (8, &verdict["reset_s"]),
            (9, &verdict["retry_after_s"]),
            (10, &verdict["permits"]),
            (11, &verdict["refusal_probability"]),
        ] {
            let field = &record[column];
            prop_assert!(is_same(field, value), "{record:?}: {field} or {value}");
        }
    }
    // The sums are those of the decisions.
    for (lane, summary) in document["summaries"].as_array().unwrap().iter().enumerate() {
        let lane = in_csv.iter().skip(lane).step_by(limiters.len());
        let refused = lane.clone().filter(|word| **word == "refuse").count();
        prop_assert_eq!(&summary["refused"], refused);
        prop_assert_eq!(&summary["requests"], lane.count());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn all_formats_tell_the_same(
        which in prop::sample::subsequence((0..LIMITERS.len()).collect::<Vec<_>>(), 1..=3),
        rows in prop::collection::vec(
            (0..800_u32, 0..3_usize, 0..4_u32, 0..900_u32, prop::bool::weighted(0.3)),
            1..40,
        ),
    ) {
        let limiters: Vec<&str> = which.into_iter().map(|place| LIMITERS[place]).collect();
        let mut now = 0;
        let mut trace = String::from("time_ms,key,cost,duration_ms,outcome\n");
        for (pause, key, cost, duration, failed) in rows {
            now += pause;
            let key = ["ann", "bob", ""][key];
            let outcome = if failed { "dropped" } else { "ok" };
            trace += &format!("{now},{key},{cost},{duration},{outcome}\n");
        }
        agree(&limiters, &trace)?;
    }
}

#[test]
fn each_of_several_limiters_judges_as_if_alone() {
    let place = Place::new();
    let trace = "time_ms,key,duration_ms\n0,ann,700\n100,bob,400\n100,ann,0\n200,ann,0\n2000,bob,9\n2000,bob,9\n";
    let run = |limiters: &[&str]| {
        let done = place.ratelab_with_input(&arguments(limiters, "csv"), trace);
        records(&done.exits(0).out)
    };
    let together = run(&LIMITERS);
    assert_eq!(together.len(), 6 * LIMITERS.len());
    for (number, limiter) in LIMITERS.iter().enumerate() {
        let mut alone = run(&[limiter]);
        for record in &mut alone {
            record[4] = (number + 1).to_string();
        }
        let lane = together.iter().skip(number).step_by(LIMITERS.len());
        assert!(lane.eq(&alone), "{limiter}");
    }
    // In text each has a column under its number.
    let text = place.ratelab_with_input(&arguments(&LIMITERS[..2], "text"), trace);
    let text = text.exits(0).out;
    for (number, limiter) in LIMITERS[..2].iter().enumerate() {
        assert!(
            text.contains(&format!("{}: {limiter}", number + 1)),
            "{text}"
        );
    }
}

#[test]
fn json_is_one_document() {
    let place = Place::new();
    let limiters = &LIMITERS[..2];
    let trace = "time,key\n1,\"Ann \"\"A\"\", Ä\"\n1,bob\n1,bob\n1,bob\n1,bob\n";
    let mut all = arguments(limiters, "json");
    let document = place.ratelab_with_input(&all, trace).exits(0).json();
    assert_eq!(document["schema"], "ratelab/1");
    assert_eq!(document["verb"], "replay");
    assert_eq!(document["limiters"], json!(limiters));
    assert_eq!(document["decisions"].as_array().unwrap().len(), 5);
    assert_eq!(document["decisions"][0]["key"], "Ann \"A\", Ä");
    let refused =
        json!({"decision": "refuse", "remaining": 0, "reset_s": 1.5, "retry_after_s": 0.5});
    assert_eq!(document["decisions"][4]["verdicts"][0], refused);
    assert_eq!(document["summaries"].as_array().unwrap().len(), 2);
    assert_eq!(document["summaries"][0]["limiter"], limiters[0]);
    assert_eq!(
        document["summaries"][0]["top"],
        json!([{"key": "bob", "refused": 1, "requests": 4, "refused_share": 0.25}])
    );
    // The sums alone are a document as well.
    all.push("--summary");
    let sums = place.ratelab_with_input(&all, trace).exits(0).json();
    assert_eq!(sums["decisions"], json!([]));
    assert_eq!(sums["summaries"], document["summaries"]);
}

#[test]
fn a_file_and_standard_input_are_read_alike() {
    let place = Place::new();
    let trace = "time;user\r\n2025-09-19T04:00:00Z;ann\r\n2025-09-19T04:00:00.25Z;ann\r\n";
    place.write("log.csv", trace);
    let limiter = r#"Gcra(rate: "1/s", burst: 1)"#;
    for format in ["text", "csv", "json"] {
        let all = arguments(&[limiter], format);
        let piped = place.ratelab_with_input(&all, trace).exits(0);
        let file = [
            "replay",
            "--limiter",
            limiter,
            "--trace",
            "log.csv",
            "--format",
            format,
        ];
        let read = place.ratelab(&file).exits(0);
        assert_eq!(piped.out, read.out);
        assert_eq!((piped.err, read.err), (String::new(), String::new()));
    }
    let csv = place.ratelab_with_input(&arguments(&[limiter], "csv"), trace);
    let last = csv.out.lines().last().unwrap();
    assert_eq!(last, "3,1758254400.25,ann,1,1,refuse,,0,0.75,0.75,,");
}

#[test]
fn columns_without_a_meaning_are_noted_but_not_among_the_answers() {
    let place = Place::new();
    let all = arguments(&[LIMITERS[0]], "csv");
    let done = place
        .ratelab_with_input(&all, "time,colour\n1,red\n")
        .exits(0);
    assert_eq!(records(&done.out).len(), 1);
    assert_eq!(done.err, "note: columns not used: colour\n");
    let quiet = [&all[..], &["--quiet"]].concat();
    let done = place.ratelab_with_input(&quiet, "time,colour\n1,red\n");
    assert_eq!(done.exits(0).err, "");
}

#[test]
fn what_has_no_bound_is_told_to_have_none() {
    let place = Place::new();
    for limiter in [
        r#"LeakyBucket(rate: "1/s")"#,
        r#"LeakyBucket(rate: "1/s", burst: 5, max_cost: 5)"#,
        r#"PacedWindow(quota: 3, window: "1min")"#,
        r#"AllOf([LeakyBucket(rate: "1/s"), PacedWindow(quota: 3, window: "1min")])"#,
    ] {
        let run = |format| {
            let mut all = arguments(&[limiter], format);
            all.extend(["--fields", "draft-10"]);
            place.ratelab_with_input(&all, &"7\n".repeat(9)).exits(0)
        };
        let text = run("text").out;
        let rows: Vec<&str> = text.lines().skip(1).take(9).collect();
        assert!(rows.iter().all(|row| row.contains(" unlimited ")), "{text}");
        assert!(
            !text.contains("1844") && !text.contains("RateLimit"),
            "{text}"
        );
        assert!(
            records(&run("csv").out)
                .iter()
                .all(|record| record[7].is_empty())
        );
        for decision in run("json").json()["decisions"].as_array().unwrap() {
            let verdict = &decision["verdicts"][0];
            assert_eq!(verdict["remaining"], Value::Null);
            assert!(verdict["reset_s"].as_f64().unwrap() > 0.0);
            assert!(verdict.get("fields").is_none());
        }
    }
}

#[test]
fn no_more_is_told_to_remain_than_the_quota() {
    let place = Place::new();
    for (limiter, first, last) in [
        (
            r#"LeakyBucket(rate: "1/s", burst: 5, queue: 3)"#,
            "q=5, RateLimit: \"default\";r=5;t=1",
            "r=0;t=8",
        ),
        (
            r#"PacedWindow(quota: 4, window: "1min", max_wait: "1min")"#,
            "q=4;w=60, RateLimit: \"default\";r=4;t=60",
            "r=0;t=120",
        ),
        // The second minute has a quota of 8.
        (
            r#"Ramp(from: 4, to: 8, factor: "200%", every: "1min", window: "1min")"#,
            "q=4;w=60, RateLimit: \"default\";r=3;t=60",
            "q=8;w=60, RateLimit: \"default\";r=7;t=60",
        ),
        (
            r#"AllOf([Spacing(steps: ["1ms"], reset_after: "1s"), Gcra(rate: "1/s", burst: 8)])"#,
            "q=8, RateLimit: \"default\";r=0;t=1",
            "r=0;t=8",
        ),
    ] {
        let mut all = arguments(&[limiter], "text");
        all.extend(["--fields", "draft-10"]);
        let times = match limiter.starts_with("Ramp") {
            true => "0\n60\n".to_owned(),
            false if limiter.starts_with("AllOf") => (0..8).map(|n| format!("0.0{n}\n")).collect(),
            false => "0\n".repeat(8),
        };
        let out = place.ratelab_with_input(&all, &times).exits(0).out;
        let rows: Vec<&str> = out
            .lines()
            .filter(|line| line.contains("RateLimit"))
            .collect();
        assert!(rows[0].ends_with(first), "{out}");
        assert!(rows.last().unwrap().ends_with(last), "{out}");
    }
}

#[test]
fn columns_stay_in_line_for_any_stamp() {
    let place = Place::new();
    let limiters = [
        r#"TokenBucket(rate: "7/min", burst: 2)"#,
        r#"LeakyBucket(rate: "7/h")"#,
        "Admission(by: Sre)",
    ];
    let trace = "time,key\n2025-09-19T04:00:00Z,ann\n2025-09-19T04:00:00.25Z,bob\n2025-09-19T04:00:00.250001Z,ann\n2025-09-19T04:00:00.250001001Z,ann\n2025-09-19T04:00:01.123456789Z,ann\n";
    for several in [
        &limiters[..1],
        &limiters[1..2],
        &limiters[2..],
        &limiters[..],
    ] {
        let out = place.ratelab_with_input(&arguments(several, "text"), trace);
        let out = out.exits(0).out;
        let header = out.find("time ").unwrap();
        let rows: Vec<&str> = out[header..].lines().take(6).collect();
        let key = rows[0].find("key").unwrap();
        let cost = rows[0].find("cost").unwrap() + "cost".len();
        for row in &rows[1..] {
            assert_eq!(&row[key - 1..key], " ", "{out}");
            assert!(["ann", "bob"].contains(&&row[key..key + 3]), "{out}");
            assert_eq!(&row[cost - 1..cost + 2], "1  ", "{out}");
        }
        let ends = |name: &str| rows[0].find(name).map(|start| start + name.len());
        for end in [ends("remaining"), ends("reset"), ends("retry after")]
            .into_iter()
            .flatten()
        {
            for row in &rows[1..] {
                let cell = row[..end].chars().last().unwrap();
                let after = row[end..].chars().next().unwrap_or(' ');
                assert!(cell != ' ' && after == ' ', "{out}");
            }
        }
        if several.len() > 1 {
            for column in ["  1 ", "  2 ", "  3"] {
                let start = rows[0].find(column).unwrap() + 2;
                for row in &rows[1..] {
                    assert!(
                        row[..start].ends_with("  ") && !row[start..].starts_with(' '),
                        "{out}"
                    );
                }
            }
        }
    }
    // A longer key widens its column for those that follow.
    let trace = "time,key\n1,203.0.113.255:44321\n2,ann\n";
    let out = place.ratelab_with_input(&arguments(&limiters[..1], "text"), trace);
    let out = out.exits(0).out;
    let words = |line: usize| out.lines().nth(line).unwrap().find("admit").unwrap();
    assert_eq!(words(1), words(2), "{out}");
}

#[test]
fn gates_and_admission_tell_no_reset_that_they_do_not_know() {
    let place = Place::new();
    let trace = "time,duration\n0,10\n1,10\n2,10\n";
    for (limiter, remaining) in [
        ("Gate(permits: 2)", ["1", "0", "0"]),
        ("Admission(by: Sre)", [""; 3]),
    ] {
        let out = place.ratelab_with_input(&arguments(&[limiter], "csv"), trace);
        let records = records(&out.exits(0).out);
        let told: Vec<&str> = records.iter().map(|record| record[7].as_str()).collect();
        assert_eq!(told, remaining, "{limiter}");
        assert!(
            records.iter().all(|record| record[8].is_empty()),
            "{limiter}"
        );
    }
}
