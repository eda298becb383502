//! Replaying a recorded trace of requests through servers.
//!
//! A [`Trace`] reads rows from a log of any usual form ([`LogFormat`]) as a
//! stream, in memory that does not grow with its length; [`Keys`] turns the names of keys into small numbers,
//! by which limiters and summaries index; a [`Replay`] takes each attempt through
//! one or several servers, of one stage or of all those of a scenario, and a
//! [`Summary`] per server gathers what was admitted, delayed and refused. [`Requests`] proposes limits that a log would hardly
//! have felt.
//!
//! ```
//! use ratelab::replay::{Replay, ReplayServer, Trace, TraceOptions};
//! use ratelab::scenario::LimiterText;
//!
//! let log = "time,user\n10,ann\n11,ann\n12,bob\n";
//! let limiter = LimiterText::parse(r#"FixedWindow(quota: Fixed(1), window: "1min")"#).unwrap();
//! let servers = [ReplayServer::of_limiter(&limiter).unwrap()];
//! let mut replay = Replay::new(&servers, 1);
//! let mut trace = Trace::new(log.as_bytes(), TraceOptions::default());
//! let totals = replay.run(&mut trace, 10, |_| Ok::<(), ()>(())).unwrap();
//! assert_eq!((totals[0].attempts, totals[0].refused), (3, 1));
//! assert_eq!(replay.key_name(totals[0].top[0].key), "ann");
//! ```

mod attempt;
mod callers;
mod keys;
mod methods;
mod run;
mod scope;
mod server;
mod stages;
mod suggest;
mod summary;
mod trace;
mod walk;

pub use attempt::Verdict;
pub use callers::LogSizes;
pub use keys::Keys;
pub use run::{Judged, Replay, ReplayError};
pub use scope::LogScope;
pub use server::ReplayServer;
pub use stages::StageTotals;
pub use suggest::{Algorithm, Goal, Requests, Suggestion, WINDOWS};
pub use summary::{KeyRefusals, LockOut, Summary, ToldMoment, ToldWait, Totals};
pub use trace::{
    LogFacts, LogField, LogFormat, Meaning, Outcome, Place, Row, TimeFault, TimeUnit, Trace,
    TraceError, TraceOptions,
};
