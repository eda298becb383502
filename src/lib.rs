//! A discrete-event simulator and capacity planner for API rate limits.
//!
//! # From a text to an answer
//!
//! A scenario is a text that describes homes, clients and a server. A
//! [`Study`](experiment::Study) runs every variant of it many times and
//! estimates what was asked, with intervals. How often does a call find all
//! eight workers of a server busy?
//!
//! ```
//! use ratelab::experiment::{Estimates, Options, Study};
//! use ratelab::scenario::{Estimand, Part, Source};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = r#"Scenario(
//!     name: "Eight workers",
//!     time: (warm_up: "1min", length: "10min"),
//!     cohorts: {"callers": (homes: 50, client: "app")},
//!     clients: {"app": (requests: [(method: "get", rate: "10/min")])},
//!     server: (
//!         stages: [Gate(permits: 8)],
//!         backend: (service: Exponential(mean: "600ms")),
//!     ),
//!     study: (replications: 40),
//! )"#;
//! let study = Study::new(&Source::new(text.to_owned()).variants()?)?;
//! let records = study.run(Options::default(), Vec::new(), &())?;
//! let estimates = Estimates::new(&study, &records);
//!
//! let refused = estimates.get(0, Estimand::P429Attempt, &Part::ALL).unwrap();
//! let interval = refused.interval.unwrap();
//! // Erlang's loss formula for eight servers and a load of 5.
//! let erlang = 0.0700;
//! assert!(interval.lo < erlang && erlang < interval.hi);
//! assert!(interval.hi - interval.lo < 0.01);
//! # Ok(())
//! # }
//! ```
//!
//! A study with `vary` has a cell for each combination of values, and the same
//! arrivals in all of them; [`judge`](experiment::judge) holds its targets
//! against the estimates. A mistake in the text is told with its place, what was
//! expected, and the nearest name that exists:
//!
//! ```
//! use ratelab::scenario::Source;
//!
//! let text = r#"Scenario(name: "x", cohort: {})"#;
//! let problems = Source::new(text.to_owned()).variants().unwrap_err();
//! assert!(problems.to_string().contains("cohorts"));
//! ```
//!
//! # One run
//!
//! A study is a list of replications. [`World::compile`](world::World::compile)
//! turns a scenario into flat tables, and a [`Replication`](sim::Replication)
//! runs it once to a [`Record`](sim::Record) of integers: a pure function of the
//! scenario, the seed and the number of the replication.
//!
//! ```
//! use ratelab::scenario::{Source, presets};
//! use ratelab::sim::{QueueKind, Replication};
//! use ratelab::world::World;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut source = Source::new(presets::find("netatmo").unwrap().text.to_owned());
//! source.set("cohorts.cloud homes.homes", "500")?;
//! let scenario = source.scenario()?;
//! let run = |seed| -> Result<_, Box<dyn std::error::Error>> {
//!     let world = World::compile(&scenario, seed, 0)?;
//!     let replication = Replication::new(&world, seed, 0, QueueKind::Ladder, &|| false)?;
//!     Ok(replication.run(&|| false)?)
//! };
//! assert_eq!(run(1)?, run(1)?);
//! assert_ne!(run(1)?, run(2)?);
//! # Ok(())
//! # }
//! ```
//!
//! # A limiter alone
//!
//! A limiter has no clock and no randomness: it is asked at a time, for a key
//! and a cost, and says whether it admits that.
//!
//! ```
//! use ratelab::limiter::{Bank, Decision, Refused, Rule, TokenBucket};
//! use ratelab::units::{Span, Time};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rule = TokenBucket::new("10/s".parse()?, 2, Refused::Free)?;
//! let mut users = Bank::uniform(Rule::TokenBucket(rule), 1000);
//! let now = Time::from_secs(1_700_000_000);
//! assert_eq!(users.decide(7, now, 1), Decision::Admit);
//! assert_eq!(users.decide(7, now, 1), Decision::Admit);
//! let retry_after = Some(Span::from_millis(100));
//! assert_eq!(users.decide(7, now, 1), Decision::Refuse { retry_after });
//! # Ok(())
//! # }
//! ```
//!
//! The folder `examples` has longer ones: a server sized by a target, retry
//! policies compared, limiters on one burst.
//!
//! # Layers
//!
//! Each module uses only those before it in this list.
//!
//! | module | what is there |
//! | --- | --- |
//! | [`units`], [`math`], [`rng`] | time, spans and rates in integers; addressed random numbers |
//! | [`engine`] | the event queue |
//! | [`limiter`], [`overload`] | one file per algorithm |
//! | [`server`], [`client`] | what an attempt passes; when requests come, and how a client reacts |
//! | [`ron_text`] | a text in RON: the place of each value, edits, and what is wrong with it |
//! | [`scenario`] | the text: typed, checked, with the place of each problem |
//! | [`world`], [`sim`] | a scenario in flat tables, and one run of it |
//! | [`stats`], [`experiment`] | intervals; studies, estimates, verdicts on targets |
//! | [`replay`], [`report`] | a log through one limiter; results as tables, CSV, JSON and pictures |
//!
//! Without features it needs no thread, file or clock, and gives its answers as
//! JSON, CSV and tables of text. `parallel` runs replications on all cores,
//! `charts` draws pictures and pages, and `cli` is the program around both.
//!
//! Results are the same to the last bit for the same scenario and seed, for
//! any number of threads, on any machine.

#[cfg(feature = "cli")]
pub mod cli;
pub mod client;
pub mod engine;
pub mod experiment;
pub mod limiter;
pub mod math;
mod memory;
pub mod overload;
pub mod replay;
pub mod report;
pub mod rng;
pub mod ron_text;
pub mod scenario;
pub mod server;
pub mod sim;
pub mod stats;
pub mod units;
pub mod world;
