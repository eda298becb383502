//! Replaying a recorded trace of requests through limiters.
//!
//! A [`Trace`] reads rows from a log of any usual form ([`LogFormat`]) as a
//! stream, in memory that does not grow with its length; [`Keys`] turns the names of keys into small numbers,
//! by which limiters and summaries index; a [`Replay`] hands each attempt to one
//! or several limiters, and a [`Summary`] per limiter gathers what was admitted,
//! delayed and refused. [`Requests`] proposes limits that a log would hardly
//! have felt.
//!
//! ```
//! use ratelab::replay::{Replay, Trace, TraceOptions};
//! use ratelab::scenario::LimiterText;
//!
//! let log = "time,user\n10,ann\n11,ann\n12,bob\n";
//! let limiter = LimiterText::parse(r#"FixedWindow(quota: Fixed(1), window: "1min")"#).unwrap();
//! let mut replay = Replay::new(&[limiter], 1).unwrap();
//! let mut trace = Trace::new(log.as_bytes(), TraceOptions::default());
//! let totals = replay.run(&mut trace, 10, |_| Ok::<(), ()>(())).unwrap();
//! assert_eq!((totals[0].attempts, totals[0].refused), (3, 1));
//! assert_eq!(replay.key_name(totals[0].top[0].key), "ann");
//! ```

mod attempt;
mod gate;
mod judge;
mod keys;
mod methods;
mod run;
mod suggest;
mod summary;
mod trace;

pub use attempt::Verdict;
pub use keys::Keys;
pub use run::{Judged, Replay, ReplayError};
pub use suggest::{Algorithm, Goal, Requests, Suggestion, WINDOWS};
pub use summary::{KeyRefusals, LockOut, Summary, ToldMoment, ToldWait, Totals};
pub use trace::{
    LogFacts, LogFormat, Meaning, Outcome, Place, Row, TimeFault, TimeUnit, Trace, TraceError,
    TraceOptions,
};
