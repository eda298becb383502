//! Overload control: how many requests a server or a client lets in when it
//! does not know its capacity beforehand.
//!
//! Like a limiter, each algorithm is pure state and rule in a file of its own.
//! It reads no clock and draws nothing at random: the caller passes the time,
//! and uniform numbers in \[0, 1) where a rule draws. A rule is plain
//! parameters with the defaults of the product whose behaviour it copies;
//! `check` says what is wrong with them. One state serves one gate, server or
//! client, not one key.
//!
//! | algorithm | decides | from | copies | bytes |
//! |---|---|---|---|---|
//! | [`Aimd`] | a concurrency limit | drops and slow answers | Netflix concurrency-limits | 40 |
//! | [`Vegas`] | a concurrency limit | an estimate of the queue, from the least round trip | Netflix concurrency-limits | 72 |
//! | [`Gradient2`] | a concurrency limit | round trips against their long average | Netflix concurrency-limits | 80 |
//! | [`EnvoyGradient`] | a concurrency limit | round trips against those at a low limit | Envoy adaptive concurrency | 136, and 8 per distinct bin of latency |
//! | [`SampleWindow`] | when the first three are fed | one-second summaries | Netflix concurrency-limits | 80 |
//! | [`Codel`] | which waiting requests to drop | the least wait per interval | folly | 48 |
//! | [`Admission`] | a probability of refusal | the success rate in a rolling window | Envoy, the SRE book, failsafe-go, go-zero | 184, and 32 per bucket |
//! | [`Shares`] | whom to refuse first | the criticality of a request | the SRE book | 64 |
//!
//! Common to all:
//!
//! - A concurrency limit stays within the least and the most of its rule,
//!   whatever the samples; a probability stays within 0 and 1.
//! - Time is expected not to run backwards. An earlier moment than one seen
//!   before never panics and is judged as if it belonged to the current
//!   interval.
//! - Results depend on IEEE arithmetic, `sqrt` and [`crate::math`] only, so
//!   they agree to the last bit between platforms.

mod adaptive;
mod admission;
mod aimd;
mod codel;
mod criticality;
mod envoy_gradient;
mod error;
mod gradient2;
mod latency_bins;
mod rolling;
mod vegas;
mod windowed;

pub use adaptive::{Adaptive, AdaptiveState, Sample};
pub use admission::{Admission, AdmissionState, Allowance};
pub use aimd::{Aimd, AimdState};
pub use codel::{Codel, CodelState};
pub use criticality::{Criticality, Share, Shares};
pub use envoy_gradient::{EnvoyGradient, EnvoyGradientState};
pub use error::OverloadError;
pub use gradient2::{Gradient2, Gradient2State};
pub use rolling::{BucketStart, Counts, Rolling};
pub use vegas::{QueueBound, Vegas, VegasState};
pub use windowed::{SampleWindow, Summary, WindowedState};
