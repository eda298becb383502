//! What estimates mean: each test has a scenario whose answer is known by
//! counting, and a figure that a plausible wrong program would give.

use std::f64::consts::{E, LN_2};

use ratelab::experiment::{Estimates, Options, Study};
use ratelab::scenario::estimand::Taken;
use ratelab::scenario::{Estimand, Part, Source};
use ratelab::sim::{QueueKind, Record, Values};
use serde_json::Value;

use crate::support::{Done, Place, SMALL, replaced};

/// The only estimate of that name and part, of the policy whose name is given.
fn find<'a>(document: &'a Value, policy: &str, name: &str, by: &Value) -> &'a Value {
    let estimates = document["estimates"].as_array().unwrap();
    let mut found = estimates.iter().filter(|estimate| {
        estimate["name"] == name && estimate["by"] == *by && estimate["policy"] == policy
    });
    let first = found
        .next()
        .unwrap_or_else(|| panic!("{name} {by} of {policy}"));
    assert!(found.next().is_none(), "{name} {by} of {policy} is one");
    first
}

fn whole<'a>(document: &'a Value, name: &str) -> &'a Value {
    find(document, "as written", name, &serde_json::json!({}))
}

fn value(document: &Value, name: &str) -> f64 {
    whole(document, name)["value"]
        .as_f64()
        .unwrap_or(f64::INFINITY)
}

fn run(text: &str, arguments: &[&str]) -> Done {
    Place::new().run(text, arguments)
}

/// One home with one device is told to do something at 00:01, of a server that
/// does one thing at a time and takes three seconds for it.
const SLOW_COMMAND: &str = r#"Scenario(
    name: "slow command",
    time: (length: "10min", drain: "1h"),
    cohorts: {"c": (homes: 1, client: "x", devices: [(kind: "valve", count: Exactly(1))])},
    clients: {"x": (
        commands: [(method: "m", at: Daily(time: "00:01"), deadline: "10s")],
        timeout: "1s",
        retry: "none",
    )},
    server: (stages: [Gate(permits: 1, max_wait: "30s")], backend: (service: Constant("3s"))),
    retries: {"again": Fixed(wait: "1s", attempts: 2, on: [Timeout])},
    study: (replications: 3),
)"#;

#[test]
fn what_the_server_does_late_is_done() {
    // The client has gone after 1 s; the server finishes after 3 s.
    let document = run(SLOW_COMMAND, &[]).exits(0).json();
    assert_eq!(value(&document, "p_unconfirmed.command"), 1.0);
    assert_eq!(value(&document, "p_missed.command"), 0.0);
    assert_eq!(value(&document, "p_failed.request"), 1.0);
    assert_eq!(value(&document, "p_done_twice.command"), 0.0);
    // One wakeup of one device in ten minutes.
    assert_eq!(value(&document, "wakeups.device_day"), 144.0);
    // With a deadline of two seconds it is done too late.
    let late = replaced(SLOW_COMMAND, "deadline: \"10s\"", "deadline: \"2s\"");
    assert_eq!(value(&run(&late, &[]).json(), "p_missed.command"), 1.0);
}

#[test]
fn a_retry_after_a_time_out_does_it_twice() {
    let text = replaced(SLOW_COMMAND, "retry: \"none\"", "retry: \"again\"");
    let document = run(&text, &[]).exits(0).json();
    assert_eq!(value(&document, "p_done_twice.command"), 1.0);
    assert_eq!(value(&document, "p_missed.command"), 0.0);
    assert_eq!(value(&document, "wakeups.device_day"), 288.0);
    assert_eq!(value(&document, "retry_amplification"), 2.0);
}

#[test]
fn what_is_refused_after_the_client_has_gone_counts_in_table_and_chart() {
    // The second attempt waits for the first in vain, and is refused when its
    // client has long gone.
    let text = replaced(SLOW_COMMAND, "retry: \"none\"", "retry: \"again\"");
    let text = replaced(&text, "max_wait: \"30s\"", "max_wait: \"500ms\"");
    let text = replaced(&text, "timeout: \"1s\"", "timeout: \"200ms\"");
    let place = Place::new();
    place.write("s.ron", &text);
    place
        .ratelab(&["run", "s.ron", "--quiet", "--out", "out"])
        .exits(0);
    let estimates = place.read("out/estimates.csv");
    let row = estimates
        .lines()
        .find(|line| line.starts_with("p429.attempt,(all),(all),(all),(all)"));
    assert!(row.unwrap().contains(",as written,0.5,"), "{row:?}");
    let series = place.read("out/series.csv");
    let refused: u64 = series
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(8).unwrap().parse::<u64>().unwrap())
        .sum();
    // One in each of three replications.
    assert_eq!(refused, 3, "{series}");
}

/// A request every ten minutes meets a limit of a thousand a second.
const HEALTHY: &str = r#"Scenario(
    name: "healthy",
    time: (length: "10min"),
    cohorts: {"c": (homes: 1, client: "x")},
    clients: {"x": (requests: [(method: "m", rate: "1/min")])},
    server: (stages: [Limit(name: "l", per: [User], by: TokenBucket(rate: "1000/s", burst: 1000))]),
    targets: ["p429.attempt <= 0.1%"],
)"#;

#[test]
fn a_healthy_design_passes_with_the_replications_that_it_names() {
    let place = Place::new();
    let document = place
        .run(HEALTHY, &["--replications", "30"])
        .exits(4)
        .json();
    let estimate = whole(&document, "p429.attempt");
    assert_eq!(estimate["basis"], "none seen");
    // 1 - 0.05^(1/30), times the most attempts of a run over their mean.
    let hi = estimate["hi"].as_f64().unwrap();
    assert!(hi > 0.095 && hi < 0.4, "{hi}");
    let target = &document["targets"][0];
    assert_eq!(target["verdict"], "undecided");
    let needed = target["replications_needed"].as_u64().unwrap().to_string();
    let document = place
        .run(HEALTHY, &["--replications", &needed])
        .exits(0)
        .json();
    assert_eq!(document["targets"][0]["verdict"], "met");
    assert!(document["targets"][0]["bound"].as_f64().unwrap() <= 0.001);
}

#[test]
fn the_bound_on_what_was_never_seen_shrinks() {
    let bounds = ["2", "30", "300"].map(|replications| {
        let document = run(HEALTHY, &["--replications", replications]).json();
        whole(&document, "p429.attempt")["hi"].as_f64().unwrap()
    });
    assert!(
        bounds[0] > bounds[1] && bounds[1] > bounds[2] && bounds[2] > 0.0,
        "{bounds:?}"
    );
}

#[test]
fn a_target_that_can_only_be_met_is_met() {
    let text = replaced(HEALTHY, "<= 0.1%", "<= 100%");
    run(&text, &["--replications", "2"]).exits(0);
}

#[test]
fn what_always_happened_has_a_lower_bound() {
    // A permit that is taken for hours refuses all others, in every run.
    let text = replaced(
        HEALTHY,
        "Limit(name: \"l\", per: [User], by: TokenBucket(rate: \"1000/s\", burst: 1000))",
        "Gate(permits: 1)",
    );
    let text = replaced(
        &text,
        "]),\n    targets",
        "], backend: (service: Constant(\"10h\"))),\n    targets",
    );
    let text = replaced(
        &text,
        "length: \"10min\"",
        "warm_up: \"1h\", length: \"10min\"",
    );
    let text = replaced(&text, "<= 0.1%", ">= 99.9%");
    let document = run(&text, &["--replications", "30"]).exits(4).json();
    let estimate = whole(&document, "p429.attempt");
    assert_eq!(
        (estimate["value"].as_f64(), &estimate["basis"]),
        (Some(1.0), &"all seen".into())
    );
    assert!(estimate["lo"].as_f64().unwrap() < 0.95, "{estimate}");
    // The chance that a run sees a 429 is a share of thirty runs, and exact.
    let runs = whole(&document, "p429.run");
    let lo = runs["lower"].as_f64().unwrap();
    // 0.05^(1/30).
    assert!((lo - 0.904_966_147).abs() < 1e-9, "{runs}");
}

#[test]
fn what_is_exact_stays_exact() {
    // Nothing is drawn: five homes poll a gate of one at the same moment.
    let text = r#"Scenario(
        name: "certain", time: (length: "10min"),
        cohorts: {"c": (homes: 5, client: "x")},
        clients: {"x": (polls: [(method: "m", every: "1min", phase: At("5s"))])},
        server: (stages: [Gate(permits: 1)], backend: (service: Constant("1s"))),
        study: (replications: 2),
        targets: ["p429.attempt <= 80%"],
    )"#;
    let document = run(text, &[]).exits(0).json();
    let estimate = whole(&document, "p429.attempt");
    assert_eq!(
        (
            &estimate["value"],
            &estimate["lo"],
            &estimate["hi"],
            &estimate["basis"]
        ),
        (&0.8.into(), &0.8.into(), &0.8.into(), &"exact".into())
    );
    // With a random phase two runs may agree, but need not.
    let text = replaced(text, ", phase: At(\"5s\")", "");
    let text = replaced(&text, "homes: 5", "homes: 1");
    let document = run(
        &replaced(&text, "[Gate(permits: 1)]", "[Gate(permits: 9)]"),
        &[],
    )
    .json();
    let estimate = whole(&document, "p429.attempt");
    assert!(estimate["hi"].as_f64().unwrap() > 0.5, "{estimate}");
    assert_eq!(whole(&document, "retry_amplification")["basis"], "exact");
}

#[test]
fn what_did_not_end_is_told_per_policy() {
    let text = r#"Scenario(
        name: "collapse", time: (length: "10min", drain: "1min"),
        cohorts: {"c": (homes: 20, client: "x")},
        clients: {"x": (requests: [(method: "m", rate: "1/min")], retry: "none")},
        server: (stages: [Gate(permits: 1)], backend: (service: Constant("10h"))),
        retries: {"for ever": Fixed(wait: "1s", attempts: Unlimited)},
        study: (replications: 3, vary: {"clients.x.retry": ["none", "for ever"]}),
    )"#;
    let document = run(text, &[]).exits(0).json();
    let of = |policy, name| find(&document, policy, name, &serde_json::json!({}))["value"].as_f64();
    // Only the first request of all is inside, and has no end either.
    let unfinished = of("for ever", "p_unfinished.request").unwrap();
    assert_eq!(
        (of("for ever", "p_failed.request"), unfinished),
        (Some(0.0), 1.0)
    );
    assert!(of("none", "p_failed.request").unwrap() > 0.9);
    assert!(of("none", "p_unfinished.request").unwrap() < 0.1);
    for policy in ["none", "for ever"] {
        assert_eq!(of(policy, "p_collapse.run"), Some(1.0));
    }
}

#[test]
fn commands_that_fail_take_for_ever() {
    // Three homes command a gate of one at once: one succeeds after a second.
    let text = r#"Scenario(
        name: "three", time: (length: "10min"),
        cohorts: {"c": (homes: 3, client: "x")},
        clients: {"x": (commands: [(method: "m", per: Home, at: Daily(time: "00:01"), deadline: "10s")])},
        server: (stages: [Gate(permits: 1)], backend: (service: Constant("1s"))),
        study: (replications: 30),
        targets: ["latency.command.p95 <= 1s", "completion.command.p50 <= 1h"],
    )"#;
    let document = run(text, &[]).exits(3).json();
    assert_eq!(value(&document, "latency.command.p50"), 1.0);
    let completion = whole(&document, "completion.command.p50");
    assert_eq!(
        (&completion["value"], &completion["never"]),
        (&Value::Null, &true.into())
    );
    // A constant is its own bound.
    assert_eq!(document["targets"][0]["verdict"], "met");
    assert_eq!(document["targets"][1]["verdict"], "missed");
    let text = run_as_text(text);
    assert!(text.contains("more than half never succeed"), "{text}");
}

fn run_as_text(text: &str) -> String {
    let place = Place::new();
    place.write("s.ron", text);
    place
        .ratelab(&["run", "s.ron", "--no-files", "--quiet"])
        .out
}

#[test]
fn a_percentile_is_not_rounded_to_the_wrong_side() {
    // The median of an exponential time of 1 s is 0.693147 s.
    let text = r#"Scenario(
        name: "median", time: (length: "1h"),
        cohorts: {"c": (homes: 100, client: "x")},
        clients: {"x": (commands: [(method: "m", per: Home, at: Poisson(rate: "1/min"), deadline: "1min")])},
        server: (stages: [Gate(permits: 100000)], backend: (service: Exponential(mean: "1s"))),
        study: (replications: 30),
        targets: ["latency.command.p50 <= 0.6925s"],
    )"#;
    let document = run(text, &[]).json();
    assert_ne!(document["targets"][0]["verdict"], "met");
    let estimate = whole(&document, "latency.command.p50");
    let end = |name: &str| estimate[name].as_f64().unwrap();
    // 180,000 commands: the error of the median is 1 / sqrt(n), 2.4 ms; a
    // 99.99 % range is 9 ms.
    let median = std::f64::consts::LN_2;
    assert!(end("lo") < median && median < end("hi"), "{estimate}");
    assert!(end("hi") - end("lo") < 0.03, "{estimate}");
}

/// A burst of a hundred commands in a day of quiet polls.
const BURST: &str = r#"Scenario(
    name: "burst", time: (length: "2h", windows: ["00:30..00:31"]),
    cohorts: {
        "homes": (homes: 100, client: "x"),
        "others": (homes: 100, client: "y"),
    },
    clients: {
        "x": (commands: [(method: "set", per: Home, at: Daily(time: "00:30", spread: "5s"), deadline: "1min")]),
        "y": (polls: [(method: "get", every: "1min")]),
    },
    server: (stages: [Gate(name: "door", permits: 4), Limit(name: "wide", by: TokenBucket(rate: "1000/s", burst: 1000))], backend: (service: Exponential(mean: "500ms"))),
    study: (replications: 30),
)"#;

#[test]
fn a_window_has_estimates_of_its_own() {
    let document = run(BURST, &[]).exits(0).json();
    let of = |name, by: Value| {
        find(&document, "as written", name, &by)["value"]
            .as_f64()
            .unwrap()
    };
    let window = serde_json::json!({"window": "00:30..00:31"});
    let (all, burst) = (
        value(&document, "p429.attempt"),
        of("p429.attempt", window.clone()),
    );
    assert!(burst > 0.3 && burst > 10.0 * all, "{burst} {all}");
    // All commands are given in the window.
    assert_eq!(
        of("p_missed.command", window.clone()),
        value(&document, "p_missed.command")
    );
    // Its counts and those of the rest are those of the whole.
    let place = Place::new();
    place.write("s.ron", BURST);
    place
        .ratelab(&["run", "s.ron", "--quiet", "--out", "out"])
        .exits(0);
    let rows = place.read("out/replications.csv");
    assert!(rows.lines().any(|line| line.contains(",00:30..00:31,")));
    let dimensions = rows.lines().map(|line| line.split(',').skip(3).take(4));
    for mut dimensions in dimensions {
        assert!(dimensions.all(|name| !name.is_empty()), "{rows}");
    }
}

#[test]
fn targets_are_held_against_the_part_and_policy_that_they_name() {
    let vary = "study: (vary: {\"server.stages.door.permits\": [4, 400]}, ";
    let text = replaced(BURST, "study: (", vary);
    for (target, verdicts) in [
        ("p429.attempt <= 20%", &["met", "met"][..]),
        ("p429.attempt in 00:30..00:31 <= 20%", &["missed", "met"]),
        (
            "p429.attempt in \\\"00:30..00:31\\\" <= 20% for \\\"400\\\"",
            &["met"],
        ),
        ("p429.attempt of \\\"homes\\\" <= 20 %", &["missed", "met"]),
        (
            "p429.attempt of method \\\"set\\\" <= 20%",
            &["missed", "met"],
        ),
        (
            "p429.attempt of \\\"others\\\" in 00:30..00:31 >= 5%",
            &["met", "undecided"],
        ),
        ("p429.attempt by \\\"door\\\" <= 20%", &["met", "met"]),
        ("peak_inside.gate >= 5", &["missed", "met"]),
    ] {
        let text = replaced(
            &text,
            "study: (",
            &format!("targets: [\"{target}\"], study: ("),
        );
        let document = run(&text, &[]).json();
        let targets = document["targets"].as_array().unwrap();
        let found: Vec<&str> = (targets.iter())
            .map(|target| target["verdict"].as_str().unwrap())
            .collect();
        assert_eq!(found, verdicts, "{target}");
    }
    for (target, part) in [
        (
            "p429.attempt of \\\"home\\\" <= 5%",
            "did you mean \"homes\"?",
        ),
        (
            "p429.attempt by \\\"dor\\\" <= 5%",
            "did you mean \"door\"?",
        ),
        (
            "utilisation.gate by \\\"wide\\\" <= 5%",
            "unknown gate \"wide\"",
        ),
        (
            "p429.attempt in 05:00..06:00 <= 5%",
            "outside the measured span",
        ),
        ("p429.run of \\\"homes\\\" <= 5%", "has no parts"),
        (
            "goodput by \\\"door\\\" >= 5",
            "only refusals of attempts and gates",
        ),
        ("p429.attempt <= 5% for \\\"40\\\"", "unknown policy \"40\""),
    ] {
        let text = replaced(
            &text,
            "study: (",
            &format!("targets: [\"{target}\"], study: ("),
        );
        let done = run(&text, &[]).exits(2);
        assert!(done.err.contains(part), "{target}: {}", done.err);
    }
}

#[test]
fn runs_as_a_whole_have_peaks_and_a_last_success() {
    // A herd of 250 meets a hundred every ten seconds, and comes again.
    let text = r#"Scenario(
        name: "herd", time: (start: "1970-01-01T00:00:00Z", length: "1min"),
        cohorts: {"c": (homes: 250, client: "x")},
        clients: {"x": (commands: [(method: "m", per: Home, at: Daily(time: "00:00:20"), deadline: "1min")], retry: "r")},
        server: (stages: [Gate(permits: 1000), Limit(name: "l", by: FixedWindow(quota: Fixed(100), window: "10s"))], backend: (service: Constant("2s"))),
        retries: {"r": Fixed(wait: "10s", attempts: 9)},
        study: (replications: 5),
    )"#;
    let document = run(text, &[]).exits(0).json();
    // Served from 20, 30 and 40 s on, each for two seconds; one more is inside
    // for the moment in which the limit refuses it.
    assert_eq!(value(&document, "last_success.run"), 42.0);
    assert_eq!(value(&document, "peak_inside.gate"), 101.0);
    assert_eq!(value(&document, "p429.run"), 1.0);
}

#[test]
fn every_ratio_is_the_sum_of_its_pairs_and_nothing_else_has_any() {
    let study = Study::new(&Source::new(SMALL.to_owned()).variants().unwrap()).unwrap();
    let records = study.run(Options::default(), Vec::new(), &()).unwrap();
    let estimates = Estimates::new(&study, &records);
    let mut seen = 0;
    for estimate in estimates.iter() {
        let cell = &study.cells[estimate.cell];
        let pairs = cell.pairs(&records[estimate.cell], estimate.estimand, &estimate.part);
        let name = format!("{} {}", estimate.estimand, estimate.part);
        match estimate.estimand.taken() {
            Taken::Ratio(..) | Taken::ShareOfRuns(_) => {
                let pairs = pairs.unwrap_or_else(|| panic!("{name} has no pairs"));
                assert_eq!(pairs.len(), 4, "{name}: one per replication");
                let sum = |one: fn(&(f64, f64)) -> f64| pairs.iter().map(one).sum::<f64>();
                assert_eq!(
                    estimate.value,
                    sum(|pair| pair.0) / sum(|pair| pair.1),
                    "{name}"
                );
                seen += 1;
            }
            Taken::MedianOfRuns { .. } | Taken::Quantile { .. } => {
                assert_eq!(pairs, None, "{name} is no ratio");
            }
        }
    }
    assert!(seen > 60, "{seen}");
    let nowhere = study.cells[0].pairs(&records[0], Estimand::Goodput, &Part::cohort("nobody"));
    assert_eq!(nowhere, None);
    // A gate has no cohorts.
    let part = Part::cohort("bare homes");
    assert_eq!(
        study.cells[0].pairs(&records[0], Estimand::UtilisationGate, &part),
        None
    );
}

#[test]
fn a_target_on_all_refusals_has_an_estimate_where_each_is_a_429() {
    // Such a row would say what `p429.attempt` says; a target asks for it.
    let document = run(HEALTHY, &[]).exits(4).json();
    let names = document["estimates"].as_array().unwrap();
    assert!(
        names
            .iter()
            .all(|estimate| estimate["name"] != "p_refused.attempt")
    );
    let text = replaced(HEALTHY, "p429.attempt <= 0.1%", "p_refused.attempt <= 100%");
    let document = run(&text, &["--replications", "3"]).exits(0).json();
    assert_eq!(document["targets"][0]["verdict"], "met");
}

/// A home asks at 0:05 and every minute from then on, three times in the hour.
const THREE_AN_HOUR: &str = r#"Scenario(
    name: "three an hour",
    time: (length: "10min"),
    cohorts: {"c": (homes: 1, client: "x")},
    clients: {"x": (polls: [(method: "m", every: "1min", phase: At("5s"))])},
    server: (stages: [Limit(name: "l", per: [User], by: FixedWindow(quota: Fixed(3), window: "1h"))]),
    study: (replications: 3),
)"#;

#[test]
fn the_first_refusal_is_told_by_run() {
    let document = run(THREE_AN_HOUR, &[]).exits(0).json();
    assert_eq!(value(&document, "first_refusal.median"), 185.0);
    assert_eq!(value(&document, "first_refusal.p_never"), 0.0);
    // What is refused before the measured span is another matter.
    let later = replaced(THREE_AN_HOUR, "length:", "warm_up: \"210s\", length:");
    assert_eq!(
        value(&run(&later, &[]).json(), "first_refusal.median"),
        35.0
    );
    let never = replaced(THREE_AN_HOUR, "Fixed(3)", "Fixed(10)");
    let document = run(&never, &[]).json();
    assert_eq!(whole(&document, "first_refusal.median")["never"], true);
    assert_eq!(value(&document, "first_refusal.p_never"), 1.0);
    // Only parts of the run are asked of parts.
    let by_part = |name: &str| {
        let estimates = document["estimates"].as_array().unwrap();
        (estimates.iter())
            .filter(|estimate| estimate["name"] == name)
            .count()
    };
    assert_eq!(
        (by_part("first_refusal.median"), by_part("goodput")),
        (1, 3)
    );
    let text = replaced(
        &never,
        "study:",
        "report: [\"first_refusal.median\"], study:",
    );
    let place = Place::new();
    place.write("s.ron", &text);
    let told = place
        .ratelab(&["run", "s.ron", "--no-files", "--quiet"])
        .exits(0)
        .out;
    assert!(
        told.contains("time of the first refusal, in half of the runs at most"),
        "{told}"
    );
    assert!(told.contains("nothing is refused in most runs"), "{told}");
}

#[test]
fn the_first_refusal_of_a_poisson_process_is_exponential() {
    // One in a hundred of one request a second fails, for 100 s.
    let text = r#"Scenario(
        name: "failures",
        time: (length: "100s"),
        cohorts: {"c": (homes: 1, client: "x")},
        clients: {"x": (requests: [(method: "m", rate: "1/s")])},
        server: (stages: [], backend: (failures: 0.01)),
        study: (replications: 1000),
    )"#;
    let document = run(text, &[]).exits(0).json();
    let never = value(&document, "first_refusal.p_never");
    let median = value(&document, "first_refusal.median");
    // Three standard errors: of a share, and of a median of an exponential.
    assert!((never - E.recip()).abs() < 0.046, "{never}");
    assert!((median - 100.0 * LN_2).abs() < 9.5, "{median}");
}

#[test]
fn what_is_reported_must_be_there() {
    let text = replaced(
        THREE_AN_HOUR,
        "study:",
        "report: [\"p_missed.command\"], study:",
    );
    let done = run(&text, &[]).exits(2);
    assert!(
        done.err
            .contains("p_missed.command cannot be estimated: no client gives commands"),
        "{}",
        done.err
    );
    let text = replaced(
        THREE_AN_HOUR,
        "study:",
        "report: [\"first_refusal.medium\"], study:",
    );
    let done = run(&text, &[]).exits(2);
    assert!(
        done.err.contains("did you mean \"first_refusal.median\"?"),
        "{}",
        done.err
    );
}

/// All that one home asks fails with a 429.
const ALWAYS_429: &str = r#"Scenario(
    name: "always",
    time: (length: "130h"),
    cohorts: {"c": (homes: 1, client: "x")},
    clients: {"x": (polls: [(method: "m", every: "40h", phase: At("1h"))])},
    server: (stages: [], backend: (failures: 1.0, fail: (status: 429))),
    study: (replications: 2),
)"#;

#[test]
fn days_of_accounts_are_whole_and_begin_with_the_span() {
    // After 1, 41, 81 and 121 hours: on the first, second and fourth of five
    // days, and in the ten hours that are left.
    let document = run(ALWAYS_429, &[]).exits(0).json();
    assert_eq!(value(&document, "p429.account_day"), 0.6);
    // Ten hours alone are a day of their own.
    let short = replaced(ALWAYS_429, "130h", "10h");
    assert_eq!(value(&run(&short, &[]).json(), "p429.account_day"), 1.0);
    // The second day of refusals begins after the warm-up.
    let late = replaced(
        ALWAYS_429,
        "length: \"130h\"",
        "warm_up: \"40h\", length: \"2d\"",
    );
    assert_eq!(value(&run(&late, &[]).json(), "p429.account_day"), 1.0);
    let late = replaced(
        ALWAYS_429,
        "length: \"130h\"",
        "warm_up: \"42h\", length: \"2d\"",
    );
    assert_eq!(value(&run(&late, &[]).json(), "p429.account_day"), 0.5);
}

#[test]
fn accounts_are_told_apart_by_cohort() {
    let text = replaced(
        THREE_AN_HOUR,
        r#"{"c": (homes: 1, client: "x")}"#,
        r#"{"often": (homes: 1, client: "x"), "seldom": (homes: 3, client: "y")}"#,
    );
    let text = replaced(
        &text,
        "clients: {",
        r#"clients: {"y": (polls: [(method: "m", every: "30min", phase: At("5s"))]), "#,
    );
    let text = replaced(&text, "10min", "3d");
    let document = run(&text, &[]).exits(0).json();
    assert_eq!(value(&document, "p429.account_day"), 0.25);
    for (cohort, expected) in [("often", 1.0), ("seldom", 0.0)] {
        let by = serde_json::json!({ "cohort": cohort });
        let found = find(&document, "as written", "p429.account_day", &by);
        assert_eq!(found["value"], expected);
    }
    let target = "study:";
    let with = |part: &str| {
        let new = format!("targets: [\"p429.account_day {part} <= 50%\"], study:");
        run(&replaced(&text, target, &new), &[])
    };
    with("of \\\"seldom\\\"").exits(0);
    let done = with("of method \\\"m\\\"").exits(2);
    assert!(
        done.err.contains("accounts are told apart by cohort only"),
        "{}",
        done.err
    );
}

#[test]
fn a_day_of_poisson_refusals_is_as_the_exponential_says() {
    // 24 requests a day, of which one in twenty fails: 1 - exp(-1.2).
    let text = r#"Scenario(
        name: "poisson days",
        time: (length: "3d"),
        cohorts: {"c": (homes: 200, client: "x")},
        clients: {"x": (requests: [(method: "m", rate: "1/h")])},
        server: (stages: [], backend: (failures: 0.05, fail: (status: 429))),
        study: (replications: 30),
    )"#;
    let document = run(text, &[]).exits(0).json();
    let estimate = whole(&document, "p429.account_day");
    let expected = 1.0 - 0.301_194_211_912_202_14;
    // 18 000 account-days: a standard error of 0.0034.
    assert!(
        (estimate["value"].as_f64().unwrap() - expected).abs() < 0.0103,
        "{estimate}"
    );
    assert!(
        estimate["lo"].as_f64().unwrap() < expected + 0.005,
        "{estimate}"
    );
    assert!(
        estimate["hi"].as_f64().unwrap() > expected - 0.005,
        "{estimate}"
    );
    let deff = estimate["deff"].as_f64().unwrap();
    assert!(deff > 0.3 && deff < 2.5, "accounts are independent: {deff}");
}

#[test]
fn fairness_is_jains_index_of_the_shares_served() {
    // All ten requests of one home succeed, five of the other's ten: the index
    // of 1 and 1/2 is 2.25 / 2.5.
    let text = r#"Scenario(
        name: "unfair",
        time: (length: "10min"),
        cohorts: {"all": (homes: 1, client: "x"), "half": (homes: 1, client: "y")},
        clients: {
            "x": (polls: [(method: "m", every: "1min", phase: At("5s"))]),
            "y": (polls: [(method: "n", every: "1min", phase: At("5s"))]),
        },
        server: (stages: [Limit(name: "l", per: [User], by: FixedWindow(quota: Fixed(5), window: "1h"), methods: ["n"])]),
        study: (replications: 2),
        report: ["fairness.jain"],
    )"#;
    let asked = run(text, &[]).exits(0);
    let document = asked.json();
    assert_eq!(value(&document, "fairness.jain"), 0.9);
    for cohort in ["all", "half"] {
        let by = serde_json::json!({ "cohort": cohort });
        let found = find(&document, "as written", "fairness.jain", &by);
        assert_eq!(found["value"], 1.0);
    }
    // Nobody asks: it is not taken, and nothing else changes.
    let silent = run(&replaced(text, "report: [\"fairness.jain\"],", ""), &[]).exits(0);
    let names = silent.json()["estimates"].to_string();
    assert!(!names.contains("fairness.jain"));
    assert_eq!(silent.result_hash(), asked.result_hash());
    let target = replaced(
        text,
        "report: [\"fairness.jain\"]",
        "targets: [\"fairness.jain >= 95%\"]",
    );
    run(&target, &[]).exits(3);
}

/// A device is asked at 0:05 and every 100 s from then on.
const REGULAR_POLLS: &str = r#"Scenario(
    name: "regular",
    time: (warm_up: "105s", length: "1000s"),
    cohorts: {"c": (homes: 3, client: "x", devices: [(kind: "valve", count: Exactly(2))])},
    clients: {"x": (polls: [(method: "m", every: "100s", phase: At("5s"), per: Device)])},
    server: (stages: [Limit(name: "l", per: [User], by: FixedWindow(quota: Fixed(1000), window: "1h"))]),
    study: (replications: 2),
    report: ["staleness.poll.p50", "staleness.poll.p95"],
)"#;

#[track_caller]
fn is_near(document: &Value, name: &str, expected: f64, tolerance: f64) {
    let found = value(document, name);
    assert!(
        (found - expected).abs() <= tolerance,
        "{name}: {found}, not {expected}"
    );
}

#[test]
fn ages_rise_evenly_between_polls() {
    // From 0 to 100 s, again and again.
    let document = run(REGULAR_POLLS, &[]).exits(0).json();
    is_near(&document, "staleness.poll.p50", 50.0, 0.001);
    is_near(&document, "staleness.poll.p95", 95.0, 0.001);
    // The server's answer comes later, but is no older.
    let slow = replaced(
        REGULAR_POLLS,
        "window: \"1h\"))])",
        "window: \"1h\"))], backend: (service: Constant(\"7s\")))",
    );
    is_near(&run(&slow, &[]).json(), "staleness.poll.p50", 50.0, 1.0);
}

#[test]
fn who_is_never_answered_holds_what_there_was_at_the_start() {
    // In the measured 1000 s it is from 105 to 1105 s old.
    let text = replaced(
        REGULAR_POLLS,
        "window: \"1h\"))])",
        "window: \"1h\"))], backend: (failures: 1.0))",
    );
    let document = run(&text, &[]).exits(0).json();
    is_near(&document, "staleness.poll.p50", 605.0, 0.01);
    is_near(&document, "staleness.poll.p95", 1055.0, 0.01);
    // Three requests an hour are let through, all before the span begins: two
    // devices at 5 s, the first again at 105 s. So the ages are from 0 to 1000 s
    // and from 100 to 1100 s.
    let text = replaced(REGULAR_POLLS, "Fixed(1000)", "Fixed(3)");
    let document = run(&text, &[]).exits(0).json();
    is_near(&document, "staleness.poll.p50", 550.0, 0.01);
    // Within a cell of the histogram, of 1/256.
    is_near(&document, "staleness.poll.p95", 1000.0, 4.0);
}

#[test]
fn ages_of_renewal_polls_are_residual_lives() {
    // Intervals uniform on 50 to 150 s: P(age > a) is the mean of what an
    // interval is longer than a, over 100 s; above 50 s, (150 - a)^2 / 20000.
    let text = replaced(REGULAR_POLLS, "phase: At(\"5s\")", "jitter: \"50s\"");
    let text = replaced(&text, "length: \"1000s\"", "length: \"20000s\"");
    let text = replaced(&text, "Fixed(1000)", "Fixed(100000)");
    let text = replaced(&text, "replications: 2", "replications: 30");
    let document = run(&text, &[]).exits(0).json();
    let age = |above: f64| 150.0 - (20000.0 * above).sqrt();
    assert!(age(0.5) >= 50.0 - 1e-9);
    for (name, above) in [("staleness.poll.p50", 0.5), ("staleness.poll.p95", 0.05)] {
        let estimate = whole(&document, name);
        let end = |side: &str| estimate[side].as_f64().unwrap();
        assert!(
            end("lo") - 0.5 < age(above) && age(above) < end("hi") + 0.5,
            "{estimate}"
        );
        assert!(end("hi") - end("lo") < 4.0, "{estimate}");
        is_near(&document, name, age(above), 1.0);
    }
}

#[test]
fn only_polls_keep_anything_up_to_date() {
    let text = replaced(
        THREE_AN_HOUR,
        "polls: [(method: \"m\", every: \"1min\", phase: At(\"5s\"))]",
        "requests: [(method: \"m\", rate: \"1/min\")]",
    );
    let text = replaced(
        &text,
        "study:",
        "targets: [\"staleness.poll.p50 <= 1min\"], study:",
    );
    let done = run(&text, &[]).exits(2);
    assert!(done.err.contains("no client polls"), "{}", done.err);
    let text = replaced(
        REGULAR_POLLS,
        "study:",
        "targets: [\"staleness.poll.p95 in 00:00..00:10 <= 1min\"], study:",
    );
    let done = run(&text, &[]).exits(2);
    assert!(
        done.err.contains("told apart by cohort and method only"),
        "{}",
        done.err
    );
}

#[test]
fn the_busiest_step_is_held_against_the_mean() {
    // Ten homes at 5 s of each minute, and ten more once, at 150 s: 20 in the
    // third minute, 10 in the other nine, 110 in all.
    let text = r#"Scenario(
        name: "peak",
        time: (length: "610s", bucket: "1min"),
        cohorts: {"a": (homes: 10, client: "x"), "b": (homes: 10, client: "y")},
        clients: {
            "x": (polls: [(method: "m", every: "1min", phase: At("5s"))]),
            "y": (polls: [(method: "m", every: "1h", phase: At("150s"))]),
        },
        server: (stages: []),
        study: (replications: 2),
        report: ["peak_to_mean.load"],
    )"#;
    let document = run(text, &[]).exits(0).json();
    let expected = 20.0 / 11.0;
    is_near(&document, "peak_to_mean.load", expected, 1e-12);
    assert_eq!(whole(&document, "peak_to_mean.load")["basis"], "exact");
    // A step as long as the run is its own mean.
    let one = replaced(text, "bucket: \"1min\"", "bucket: \"610s\"");
    assert_eq!(value(&run(&one, &[]).json(), "peak_to_mean.load"), 1.0);
}

#[test]
fn what_is_measured_depends_on_nothing_but_the_run() {
    let asked = "report: [\"fairness.jain\", \"staleness.poll.p50\"], study:";
    let text = replaced(SMALL, "study:", asked);
    let study = Study::new(&Source::new(text).variants().unwrap()).unwrap();
    let run = |threads, queue| {
        let options = Options {
            threads,
            queue,
            ..Options::default()
        };
        study.run(options, Vec::new(), &()).unwrap()
    };
    let records = run(1, QueueKind::Ladder);
    assert_eq!(run(3, QueueKind::Ladder), records);
    assert_eq!(run(2, QueueKind::Heap), records);
    let outline = &study.cells[0].outline;
    let record = &records[0][0];
    let names: Vec<&str> = (record.measured.iter())
        .map(|one| one.measure.name())
        .collect();
    let all = [
        "first_refusal",
        "account_days_429",
        "shares_served",
        "poll_ages",
    ];
    assert_eq!(names, all);
    assert_eq!(
        Record::from_bytes(&record.to_bytes()).as_ref(),
        Some(record)
    );
    assert!(record.fits(outline));
    // A record of another build, or of a scenario that asks for less.
    type Change = fn(&mut Record);
    let changes: [Change; 5] = [
        |r| _ = r.measured.pop(),
        |r| r.measured.clear(),
        |r| r.measured.swap(0, 1),
        |r| r.measured[0].values = Values::Sums(vec![1]),
        |r| r.measured[1].values = Values::Sums(vec![1; 3]),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = record.clone();
        change(&mut changed);
        assert!(!changed.fits(outline), "{number}");
    }
}

#[test]
fn each_run_is_told_by_itself() {
    let text = replaced(
        THREE_AN_HOUR,
        "study:",
        "report: [\"staleness.poll.p50\"], study:",
    );
    let text = replaced(
        &text,
        "length: \"10min\"",
        "length: \"10min\", bucket: \"5s\"",
    );
    let place = Place::new();
    place.write("s.ron", &text);
    place
        .ratelab(&["run", "s.ron", "-q", "--out", "out"])
        .exits(0);
    let runs = place.read("out/runs.csv");
    let rows: Vec<&str> = runs.lines().collect();
    let header =
        "name,cohort,method,limit,window,cell,policy,replication,value,numerator,denominator";
    assert_eq!(rows[0], header);
    let of = |name: &str| -> Vec<&str> {
        let found = rows
            .iter()
            .filter(|row| row.starts_with(&format!("{name},(all),(all),")));
        found
            .map(|row| row.split_once("as written,").unwrap().1)
            .collect()
    };
    let three = |rest: &str| {
        (0..3)
            .map(|number| format!("{number},{rest}"))
            .collect::<Vec<_>>()
    };
    // Three get through in the first three minutes; a day of one account.
    for (name, rest) in [
        ("p429.account_day", "1,1,1"),
        ("p429.run", "1,1,1"),
        ("first_refusal.median", "185,,"),
        ("first_refusal.p_never", "0,0,1"),
        ("last_success.run", "125,,"),
        // One poll in ten of 120 steps.
        ("peak_to_mean.load", "12,12,1"),
    ] {
        assert_eq!(of(name), three(rest), "{name}");
    }
    assert_eq!(of("staleness.poll.p50").len(), 3);
    // Of an account's cohort too; of requests, other files tell.
    assert!(runs.contains("\np429.account_day,c,(all),"));
    assert!(!runs.contains("\ngoodput,"));
}
