//! The program held to the closed forms: every scenario of
//! `scenarios/validation`, as written and with other parameters.
//!
//! An estimate agrees if it is within 4 standard errors, taken across
//! replications. With 39 degrees of freedom a right program fails one such
//! check with probability 2.7e-4, with 399 and more with 8e-5; the seed is
//! fixed, so that it either fails or not. What involves no chance must agree
//! to the rounding of a double.
//!
//! Each check also names a figure that a plausible wrong program would give,
//! and demands that the standard error is at most a twentieth of the distance.
//!
//! `cargo test --test it validation -- --nocapture` prints the table.

mod cases;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A scenario with some values set, and what must come out.
struct Run {
    set: &'static [&'static str],
    claims: Vec<Claim>,
}

/// What an estimate must be, and what it would be if a rule were wrong.
struct Claim {
    estimand: &'static str,
    expected: f64,
    wrong: f64,
}

/// One line of the printed table, and whether it holds.
struct Line {
    text: String,
    holds: bool,
}

fn run(set: &'static [&'static str]) -> Run {
    Run {
        set,
        claims: Vec::new(),
    }
}

impl Run {
    /// `estimand` is `expected`, and would be `wrong` in a wrong program.
    fn gives(mut self, estimand: &'static str, expected: f64, wrong: f64) -> Run {
        self.claims.push(Claim {
            estimand,
            expected,
            wrong,
        });
        self
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/validation")
}

/// Runs the program once and holds its estimates, of every policy, to the claims.
fn lines(file: &str, run: &Run) -> Vec<Line> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ratelab"));
    command
        .arg("run")
        .arg(folder().join(file).with_extension("ron"))
        .args(["--format", "json", "--no-files", "--quiet"]);
    for assignment in run.set {
        command.args(["--set", assignment]);
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{file} {:?}: {}",
        run.set,
        String::from_utf8_lossy(&output.stderr)
    );
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["unfinished_requests"], 0, "{file} {:?}", run.set);
    let estimates = document["estimates"].as_array().unwrap();
    let mut lines = Vec::new();
    for claim in &run.claims {
        let of_all = estimates.iter().filter(|estimate| {
            estimate["name"] == claim.estimand && estimate["by"] == serde_json::json!({})
        });
        let found: Vec<_> = of_all.collect();
        assert!(!found.is_empty(), "{file} estimates {}", claim.estimand);
        lines.extend(
            found
                .into_iter()
                .map(|estimate| claim.line(run.set, estimate)),
        );
    }
    lines
}

impl Claim {
    fn line(&self, set: &[&str], estimate: &serde_json::Value) -> Line {
        let number = |field: &str| estimate[field].as_f64();
        let value = number("value").unwrap();
        let error = number("standard_error").unwrap_or(0.0);
        let distance = (value - self.expected).abs();
        let rounding = 1e-9 * self.expected.abs();
        let agrees = distance <= (4.0 * error).max(rounding);
        let tells = 20.0 * error <= (self.wrong - self.expected).abs();
        let policy = estimate["policy"].as_str().unwrap_or_default();
        let remark = match (agrees, tells) {
            (true, true) => "",
            (false, _) => "  DISAGREES",
            (true, false) => "  TOO BLUNT",
        };
        Line {
            text: format!(
                "{:<20} expected {:.9} found {value:.9} error {error:.1e} z {:+.2} power {:.0}  {} {policy}{remark}",
                self.estimand,
                self.expected,
                if error > 0.0 {
                    (value - self.expected) / error
                } else {
                    0.0
                },
                (self.wrong - self.expected).abs() / error,
                set.join(" "),
            ),
            holds: agrees && tells,
        }
    }
}

fn hold(file: &str, runs: &[Run]) {
    let lines: Vec<Line> = runs.iter().flat_map(|run| lines(file, run)).collect();
    let table: String = lines
        .iter()
        .map(|line| format!("{file:<29} {}\n", line.text))
        .collect();
    std::io::stdout().write_all(table.as_bytes()).unwrap();
    assert!(lines.iter().all(|line| line.holds), "\n{table}");
}

macro_rules! models {
    ($($name:ident: $file:literal,)*) => {
        const MODELS: &[&str] = &[$($file),*];
        $(
            #[test]
            fn $name() {
                hold($file, &cases::$name());
            }
        )*
    };
}

models! {
    app_limit: "app-limit",
    bounded_queue: "bounded-queue",
    bucket_and_queue: "bucket-and-queue",
    closed_loop: "closed-loop",
    engset: "engset",
    erlang_b: "erlang-b",
    erlang_b_any_service: "erlang-b-any-service",
    erlang_b_two_methods: "erlang-b-two-methods",
    fixed_service: "fixed-service",
    fixed_window: "fixed-window",
    fixed_window_first_request: "fixed-window-first-request",
    gate_timeout: "gate-timeout",
    gcra: "gcra",
    herd_exponential: "herd-exponential",
    herd_full_jitter: "herd-full-jitter",
    herd_retry_after: "herd-retry-after",
    polls_behind_gate: "polls-behind-gate",
    polls_fixed_window: "polls-fixed-window",
    retrial: "retrial",
    retrial_one_server: "retrial-one-server",
    sliding_counter: "sliding-counter",
    sliding_log: "sliding-log",
    sliding_log_counting_refusals: "sliding-log-counting-refusals",
    token_bucket: "token-bucket",
}

/// Berger's result holds for each request, not only for their share.
#[test]
fn a_bank_and_a_queue_of_the_same_sum_refuse_the_very_same_requests() {
    let output = Command::new(env!("CARGO_BIN_EXE_ratelab"))
        .arg("run")
        .arg(folder().join("bucket-and-queue.ron"))
        .args(["--set", "time.length=20000s", "--replications", "4"])
        .args(["--format", "json", "--no-files", "--quiet"])
        .output()
        .unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of_policies: Vec<f64> = (document["estimates"].as_array().unwrap().iter())
        .filter(|estimate| {
            estimate["name"] == "p429.attempt" && estimate["by"] == serde_json::json!({})
        })
        .map(|estimate| estimate["value"].as_f64().unwrap())
        .collect();
    assert_eq!(of_policies.len(), 3);
    assert!(of_policies[0] > 0.0);
    assert_eq!(of_policies, [of_policies[0]; 3]);
}

#[test]
fn every_validation_scenario_is_held_to_a_closed_form() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let held: BTreeSet<String> = MODELS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(files, held);
}
