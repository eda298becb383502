//! What sends requests and how it reacts to failure, in compiled form: the
//! times of a stream of requests ([`Source`]) and the retry rule
//! ([`Retry`]). Pure functions of the random streams; no state of a run.

mod retry;
mod source;

pub use retry::{Retry, Wait};
pub use source::{Gap, PollTimes, Schedule, Source};

use crate::rng::{Purpose, Sampler, Streams};
use crate::units::Span;

/// The random draws of one sender in one stream of requests.
///
/// A draw is addressed by what it is for, which request and which attempt, so
/// that whatever else happens in a run it is the same.
#[derive(Debug, Clone, Copy)]
pub struct Draws<'a> {
    /// The streams of the replication.
    pub streams: &'a Streams,
    /// The sender's number among its like.
    pub entity: u32,
    /// The stream's key, from [`crate::world::StreamKey`].
    pub key: u16,
}

impl Draws<'_> {
    fn index(&self, number: u32, attempt: u32) -> u64 {
        u64::from(self.key) << 48 | u64::from(attempt & 0xffff) << 32 | u64::from(number)
    }

    /// The uniform draw in [0, 1) of an attempt of a numbered request.
    #[inline]
    pub fn uniform(&self, purpose: Purpose, number: u32, attempt: u32) -> f64 {
        self.streams
            .uniform(self.entity, purpose, self.index(number, attempt))
    }

    /// A draw from a distribution for an attempt of a numbered request.
    #[inline]
    pub fn sample(&self, sampler: &Sampler, purpose: Purpose, number: u32, attempt: u32) -> Span {
        sampler.sample(
            self.streams,
            self.entity,
            purpose,
            self.index(number, attempt),
        )
    }
}

/// The part `fraction` of a span, for a fraction in [0, 1).
#[inline]
fn part(span: Span, fraction: f64) -> Span {
    Span::from_nanos((span.nanos() as f64 * fraction) as u64)
}
