//! A herd of homes gives a command at six. Which retry policy gets the commands
//! done, how soon, and what does it cost? All policies meet the same homes and
//! the same presses, so that a difference between them is theirs.
//!
//! `cargo run --release --example retries`

#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;

use ratelab::experiment::{Estimates, Options, Study};
use ratelab::scenario::{Estimand, Part, Source};

const SCENARIO: &str = r#"Scenario(
    name: "A herd at six",
    time: (start: "2026-01-01T05:55:00Z", length: "20min"),
    cohorts: {"homes": (homes: 400, client: "app")},
    clients: {"app": (
        commands: [(method: "set", per: Home, at: Daily(time: "06:00", spread: "5s"), deadline: "1min")],
        polls: [(method: "status", every: "30s")],
        timeout: "5s",
    )},
    server: (
        stages: [Gate(permits: 8, max_wait: "500ms")],
        backend: (service: Exponential(mean: "200ms")),
    ),
    retries: {
        "every 10 s": Fixed(wait: "10s", attempts: 5),
        "no jitter": Exponential(base: "1s", cap: "30s", jitter: None, attempts: 7),
        "full jitter": Exponential(base: "1s", cap: "30s", jitter: Full, attempts: 7),
    },
    study: (vary: {"clients.app.retry": ["none", "every 10 s", "no jitter", "full jitter"]}),
)"#;

fn main() -> Result<(), Box<dyn Error>> {
    let study = Study::new(&Source::new(SCENARIO.to_owned()).variants()?)?;
    let records = study.run(Options::default(), Vec::new(), &())?;
    let estimates = Estimates::new(&study, &records);
    let rows = [
        Estimand::MissedCommand,
        Estimand::P429Attempt,
        Estimand::RetryAmplification,
    ];
    for (index, cell) in study.cells.iter().enumerate() {
        println!("{}", cell.name);
        for estimand in rows {
            let Some(estimate) = estimates.get(index, estimand, &Part::ALL) else {
                continue;
            };
            let interval = estimate.interval;
            println!(
                "  {:22} {:.4} {}",
                estimand.name(),
                estimate.value,
                interval.map_or_else(String::new, |i| format!("[{:.4}, {:.4}]", i.lo, i.hi)),
            );
        }
    }
    Ok(())
}
