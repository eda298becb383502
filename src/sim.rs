//! One replication: a world, random streams and an event queue in, a record
//! of integers out.
//!
//! [`Replication`] runs the event loop. A request begins when its sender's timer
//! fires, makes attempts until one succeeds or its client gives up, and ends;
//! an attempt passes the server's [`Pipeline`](crate::server::Pipeline),
//! perhaps after waiting at a gate, and is worked on by the backend. What is
//! counted, and when, is in [`Metrics`]; what is kept, in [`Record`].

mod event;
mod event_loop;
mod histogram;
mod measured;
mod measures;
mod metrics;
mod record;
mod replication;
mod request;
mod shape;
mod size;
mod watch;

pub use event_loop::{EVENTS_PER_LOOK, NoRoom, Stopped};
pub use histogram::{Cell, Histogram, LatencyRecorder};
pub use measured::{Measured, Values};
pub use metrics::Metrics;
pub use record::{
    FleetRecord, GateRecord, RECORD_VERSION, Record, SegmentRecord, SeriesRecord, StreamRecord,
};
pub use replication::{QueueKind, Replication, trace};
pub(crate) use size::in_words;
pub use size::{Part, Size};
pub use watch::{RequestId, Step, What};
