//! How many workers does a server need, so that at most one call in a hundred
//! finds all of them busy? Each number is a cell of one study; the target is
//! judged for each, and Erlang's loss formula stands beside the estimate.
//!
//! `cargo run --release --example workers`

#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;

use ratelab::experiment::{Estimates, Options, Study, judge};
use ratelab::scenario::{Estimand, Part, Source};

const SCENARIO: &str = r#"Scenario(
    name: "Workers",
    time: (warm_up: "1min", length: "20min"),
    cohorts: {"callers": (homes: 100, client: "app")},
    clients: {"app": (requests: [(method: "get", rate: "12/min")])},
    server: (
        stages: [Gate(name: "workers", permits: 20)],
        backend: (service: LogNormal(mean: "500ms", cv: 2)),
    ),
    study: (vary: {"server.stages.workers.permits": Linear(from: 14, to: 20, steps: 4)}),
    targets: ["p429.attempt <= 1%"],
)"#;

/// The chance that a call is lost (A. K. Erlang, 1917), by the recursion over
/// the number of servers; it does not depend on how service times are
/// distributed.
fn erlang_loss(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |loss, servers| {
        load * loss / (f64::from(servers) + load * loss)
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let study = Study::new(&Source::new(SCENARIO.to_owned()).variants()?)?;
    let records = study.run(Options::default(), Vec::new(), &())?;
    let estimates = Estimates::new(&study, &records);
    println!("workers  refused  interval            formula  target");
    for result in judge(&study, &estimates) {
        let cell = &study.cells[result.cell];
        let refused = estimates.get(result.cell, Estimand::P429Attempt, &Part::ALL);
        let (Some(refused), Ok(workers)) = (refused, cell.name.parse()) else {
            return Err(format!("nothing is known of {}", cell.name).into());
        };
        let (lo, hi) = refused.interval.map_or((0.0, 1.0), |i| (i.lo, i.hi));
        println!(
            "{workers:7}  {:7.4}  {lo:.4} to {hi:.4}  {:7.4}  {:?}",
            refused.value,
            erlang_loss(workers, 10.0),
            result.verdict,
        );
    }
    println!("result hash {}", study.result_hash(&records));
    Ok(())
}
