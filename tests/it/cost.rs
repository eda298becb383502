//! What a study will take is said before it starts, and bounded.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Done, Place, replaced};

/// A closed loop whose second home is refused at once, all the time.
const LOOP: &str = r#"Scenario(name: "loop", time: (length: "1h"),
    cohorts: {"c": (homes: 2, client: "a")},
    clients: {"a": (loops: [(method: "s", think: Constant("1us"))])},
    server: (stages: [Gate(permits: 1)], backend: (service: Constant("1h"))),
    study: (replications: 1))"#;

/// A million homes at one permit, all of which wait.
const PERMIT: &str = r#"Scenario(name: "permit", time: (length: "1min"),
    cohorts: {"c": (homes: 1000000, client: "a")},
    clients: {"a": (requests: [(method: "s", rate: "1/min")])},
    server: (stages: [Gate(permits: 1, max_wait: "1h")], backend: (service: Constant("1s"))),
    study: (replications: 2))"#;

/// A study of one home with little to do.
const ONE_HOME: &str = r#"Scenario(name: "one", time: (length: "10s", bucket: "10s"),
    cohorts: {"c": (homes: 1, client: "a")},
    clients: {"a": (requests: [(method: "s", rate: "1/s")])},
    server: (stages: [Gate(permits: 3)], backend: (service: Exponential(mean: "1s"))),
    study: (replications: 20))"#;

/// Runs it with so much address space that it must be told before.
fn within(place: &Place, megabytes: u32, arguments: &[&str]) -> Done {
    let program = place.command(arguments);
    let mut shell = Command::new("sh");
    shell
        .args([
            "-c",
            &format!("ulimit -v {} && exec \"$0\" \"$@\"", megabytes * 1000),
        ])
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(place.path("."));
    shell.output().unwrap().into()
}

#[test]
fn a_run_that_will_not_end_is_refused_before_it_starts() {
    let place = Place::new();
    let limit = |by: &str| {
        replaced(
            &replaced(
                LOOP,
                "Gate(permits: 1)",
                &format!("Limit(name: \"l\", by: {by})"),
            ),
            "Constant(\"1h\")",
            "Constant(\"1ms\")",
        )
    };
    let herd = r#"Scenario(name: "herd", time: (length: "10h", load_after_end: false),
        cohorts: {"c": (homes: 1000000, client: "a")},
        clients: {"a": (requests: [(method: "s", rate: "1/s")], retry: "soon")},
        server: (stages: [Gate(permits: 1)], backend: (service: Constant("1s"))),
        retries: {"soon": Fixed(wait: "10ms", attempts: 500)})"#;
    for (text, parts) in [
        (
            LOOP.to_owned(),
            ["one sender would send", "refused at once", "think time"],
        ),
        (
            replaced(LOOP, "1us", "1ns"),
            ["one sender would send", "refused at once", "1ns"],
        ),
        (
            limit("TokenBucket(rate: \"1/s\", burst: 5)"),
            ["one sender would send", "refused at once", "think"],
        ),
        (
            limit("FixedWindow(quota: Fixed(10), window: \"1min\")"),
            ["one sender would send", "refused at once", "think"],
        ),
        (
            herd.to_owned(),
            ["one run would make", "tried again", "\"soon\""],
        ),
    ] {
        place.write("s.ron", &text);
        for verb in ["check", "run"] {
            let begun = Instant::now();
            let done = place.ratelab(&[verb, "s.ron"]).exits(2);
            assert!(begun.elapsed() < Duration::from_secs(10));
            for part in parts {
                let found =
                    done.err.contains(part) || text.contains(part) && done.err.contains("s.ron:");
                assert!(found, "{part:?} in {}", done.err);
            }
        }
    }
}

#[test]
fn a_study_that_would_only_take_long_needs_a_flag() {
    let place = Place::new();
    // 200,000 events per second for ten hours, twenty times.
    let text = r#"Scenario(name: "long", time: (length: "10h", drain: "1s"),
        cohorts: {"c": (homes: 100000, client: "a")},
        clients: {"a": (requests: [(method: "s", rate: "1/s")])},
        server: (backend: (service: Constant("1ms"))))"#;
    place.write("s.ron", text);
    let done = place.ratelab(&["run", "s.ron", "--no-files"]).exits(2);
    for part in [
        "would take some",
        "more than 1 hour",
        "7.2 billion events per replication",
        "--allow-long",
        "rate: \"1/s\"",
    ] {
        assert!(done.err.contains(part), "{part:?} in {}", done.err);
    }
    let noted = place.ratelab(&["check", "s.ron"]).exits(0);
    assert!(noted.err.contains("this will take some"), "{}", noted.err);
    // Short enough to be run, and long enough for a note.
    let shorter = [
        "run",
        "s.ron",
        "--no-files",
        "--set",
        "time.length=1min",
        "--replications",
        "400",
        "--threads",
        "1",
    ];
    let mut child = place.command(&shorter).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    let done = Done::from(child.wait_with_output().unwrap());
    assert!(running, "{}", done.err);
    assert!(
        done.err.contains("note: this will take some"),
        "{}",
        done.err
    );
}

#[test]
#[cfg(unix)]
fn memory_is_told_and_bounded_before_the_start() {
    let place = Place::new();
    let limits: Vec<String> = (0..30)
        .map(|n| format!("Limit(name: \"l{n}\", per: [Home, Method], by: SlidingLog(quota: Fixed(50), window: \"10s\"))"))
        .collect();
    let polls: Vec<String> = (0..32)
        .map(|n| format!("(method: \"s{n}\", every: \"60s\")"))
        .collect();
    let methods = format!(
        "Scenario(name: \"m\", time: (length: \"1s\"), cohorts: {{\"c\": (homes: 1000000, client: \"a\")}}, \
         clients: {{\"a\": (polls: [{}])}}, server: (stages: [{}]))",
        polls.join(", "),
        limits.join(", ")
    );
    let backlog = replaced(
        PERMIT,
        "Gate(permits: 1, max_wait: \"1h\")",
        "Limit(name: \"slow\", by: LeakyBucket(rate: \"1/s\", burst: 1))",
    );
    let queue = replaced(PERMIT, "max_wait: \"1h\"", "queue: 4000000000");
    let homes = replaced(&replaced(PERMIT, "1000000", "100000000"), "1/min", "1/day");
    for (text, parts) in [
        (PERMIT.to_owned(), ["attempts that wait at \"gate\"", "GB"]),
        (queue, ["attempts that wait at \"gate\"", "GB"]),
        (backlog, ["attempts that wait at \"slow\"", "GB"]),
        (methods, ["30 stages, such as", "GB"]),
        (homes, ["the timers of 100.0 million senders", "GB"]),
        (
            replaced(ONE_HOME, "replications: 20", "replications: 1000000")
                .replace("bucket: \"10s\"", "bucket: \"200ms\""),
            ["results of 1000000 runs", "bucket"],
        ),
    ] {
        place.write("s.ron", &text);
        let begun = Instant::now();
        let done = within(&place, 3000, &["run", "s.ron", "--no-files"]).exits(2);
        assert!(begun.elapsed() < Duration::from_secs(20));
        for part in parts {
            assert!(done.err.contains(part), "{part:?} in {}", done.err);
        }
    }
}

#[test]
#[cfg(unix)]
fn variants_of_many_homes_share_what_they_have_in_common() {
    let place = Place::new();
    let values: Vec<String> = (1..=400).map(|n| format!("\"{n}s\"")).collect();
    let text = format!(
        "Scenario(name: \"cells\", time: (length: \"1s\"), \
         cohorts: {{\"c\": (homes: 300000, client: \"a\", devices: [(kind: \"d\", count: Poisson(3))])}}, \
         clients: {{\"a\": (polls: [(method: \"s\", every: \"60s\", per: Device)], timeout: \"1s\")}}, \
         server: (stages: [Limit(name: \"l\", per: [Home], by: SlidingLog(quota: Fixed(50), window: \"10s\")), \
         Limit(name: \"u\", per: [User], by: TokenBucket(rate: \"1/s\", burst: 10))]), \
         study: (replications: 1, vary: {{\"clients.a.timeout\": [{}]}}))",
        values.join(", ")
    );
    place.write("s.ron", text);
    let done = within(&place, 1000, &["check", "s.ron", "--format", "json"]).exits(0);
    assert_eq!(
        done.json()["files"][0]["policies"]
            .as_array()
            .unwrap()
            .len(),
        400
    );
}

#[test]
fn a_hundred_million_homes_with_a_limit_are_ready_at_once() {
    let place = Place::new();
    let text = r#"Scenario(name: "many", time: (length: "1min"),
        cohorts: {"c": (homes: 90000000, client: "a", homes_per_user: 3, nat: Shared(homes: 6))},
        clients: {"a": (requests: [(method: "s", rate: "1/min")])},
        server: (stages: [Limit(name: "l", per: [User, Nat], by: TokenBucket(rate: "1/s", burst: 10))]))"#;
    place.write("s.ron", text);
    let begun = Instant::now();
    let done = place.ratelab(&["check", "s.ron"]).exits(0);
    assert!(done.out.contains("90000000 homes"), "{}", done.out);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
#[cfg(unix)]
fn many_replications_take_little_memory_each() {
    let place = Place::new();
    place.write("s.ron", ONE_HOME);
    let peak = |replications: &str| {
        let done = place.ratelab(&[
            "run",
            "s.ron",
            "--no-files",
            "--format",
            "json",
            "--quiet",
            "--replications",
            replications,
        ]);
        done.exits(0).json()["peak_rss_bytes"].as_u64()
    };
    if let (Some(few), Some(many)) = (peak("100"), peak("40100")) {
        let each = many.saturating_sub(few) / 40_000;
        assert!(each < 3000, "{each} bytes per replication");
    }
}

#[test]
#[cfg(unix)]
fn a_stop_is_heard_while_timers_are_set() {
    let place = Place::new();
    let text = replaced(&replaced(PERMIT, "1000000", "30000000"), "1/min", "1/day");
    place.write("s.ron", text);
    let mut child = place
        .command(&["run", "s.ron", "--no-files", "--threads", "1"])
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let stop = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(stop.success());
    let begun = Instant::now();
    let code = child.wait().unwrap().code();
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(code, Some(130));
}

#[test]
fn notes_are_printed_and_told_in_json() {
    let place = Place::new();
    let text = replaced(
        ONE_HOME,
        "study:",
        "retries: {\"soon\": Fixed(wait: \"1s\", attempts: 2)}, study:",
    );
    place.write("s.ron", &text);
    let note = "retries.\"soon\": no client uses the retry policy \"soon\"";
    for verb in [&["check", "s.ron"][..], &["run", "s.ron", "--no-files"]] {
        let done = place.ratelab(verb).exits(0);
        assert!(done.err.contains(note), "{}", done.err);
        assert!(!done.out.contains("no client uses"));
    }
    let quiet = place
        .ratelab(&["run", "s.ron", "--no-files", "--quiet", "--format", "json"])
        .exits(0);
    assert_eq!(quiet.err, "");
    let run = quiet.json()["notes"].clone();
    let check = place
        .ratelab(&["check", "s.ron", "--format", "json"])
        .json()["files"][0]["notes"]
        .clone();
    for notes in [run, check] {
        assert_eq!(notes.as_array().unwrap().len(), 1, "{notes}");
        assert_eq!(notes[0]["path"], "retries.\"soon\"");
    }
    let run = place.run(ONE_HOME, &[]).exits(0).json();
    assert_eq!(run["notes"].as_array().unwrap().len(), 0);
}
