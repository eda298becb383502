//! A discrete-event simulator and capacity planner for API rate limits.
//!
//! A [`Scenario`](scenario::Scenario) is a text that describes homes, clients
//! and a server. [`World::compile`](world::World::compile) turns it into flat
//! tables, a [`Replication`](sim::Replication) runs it once to a record of
//! integers, and a [`Study`](experiment::Study) runs all its variants many
//! times and estimates what was asked, with intervals.
//!
//! Modules are layers: each uses only those above it in this list. `units`,
//! `math` and `rng`; `engine`; `limiter`; `scenario`; `server` and `client`;
//! `world`; `sim`; `stats`; `experiment`; `report`; `cli`.
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
pub mod scenario;
pub mod server;
pub mod sim;
pub mod stats;
pub mod units;
pub mod world;
