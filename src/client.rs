//! What sends requests and how it reacts to failure, in compiled form: the
//! times of a stream of requests ([`Source`]) and the retry rule
//! ([`Retry`]), which are pure functions of the random streams, and what requests
//! share while a run lasts ([`Budget`], [`Guard`]).

mod budget;
mod failures;
mod guard;
mod retry;
mod source;
mod walk;

pub use budget::{Budget, BudgetPlan};
pub use guard::{Guard, GuardError, GuardPlan, Heard, Verdict};
pub use retry::{Chance, Retry, Rule, Wait};
pub use source::{Gap, PollTimes, Schedule, Source, VaryingRate};
pub use walk::{Failure, Fractions, Retried, WalkEnd, walk};

use crate::rng::{Purpose, Sampler, Streams};
use crate::units::Span;

/// The random numbers of one stream of requests in one replication. They are
/// made ready once, so that nothing is hashed when one is drawn.
#[derive(Debug, Clone)]
pub struct StreamDraws {
    /// For the times of its senders.
    pub times: Streams,
    /// For what happens to each request.
    pub requests: Streams,
    /// For refusals by chance, by who refuses.
    pub chances: Box<[Streams]>,
}

impl StreamDraws {
    /// The draws for the requests of an entity.
    #[inline]
    pub fn of_requests(&self, entity: u32) -> Draws<'_> {
        Draws {
            streams: &self.requests,
            entity,
        }
    }
}

/// The random draws of one sender in one stream of requests.
///
/// A draw is addressed by what it is for, which request and which attempt, so
/// that whatever else happens in a run it is the same.
#[derive(Debug, Clone, Copy)]
pub struct Draws<'a> {
    /// The random numbers of the stream of requests.
    pub streams: &'a Streams,
    /// The sender's number among its like.
    pub entity: u32,
}

/// The address of a draw among those of a sender and a purpose. Neither part is
/// cut, so that no two draws share one.
#[inline]
fn index(number: u32, attempt: u32) -> u64 {
    u64::from(attempt) << 32 | u64::from(number)
}

impl Draws<'_> {
    /// The uniform draw in [0, 1) of an attempt of a numbered request.
    #[inline]
    pub fn uniform(&self, purpose: Purpose, number: u32, attempt: u32) -> f64 {
        self.streams
            .uniform(self.entity, purpose, index(number, attempt))
    }

    /// A draw from a distribution for an attempt of a numbered request.
    #[inline]
    pub fn sample(&self, sampler: &Sampler, purpose: Purpose, number: u32, attempt: u32) -> Span {
        sampler.sample(self.streams, self.entity, purpose, index(number, attempt))
    }
}

/// What is drawn for the wait before a retry: that which follows attempt
/// `attempt` of request `number`.
#[derive(Debug, Clone, Copy)]
pub struct BackoffDraws<'a> {
    /// The draws of the request.
    pub draws: Draws<'a>,
    /// The request's number.
    pub number: u32,
    /// The attempt's number, from 1.
    pub attempt: u32,
}

impl Chance for BackoffDraws<'_> {
    #[inline]
    fn uniform(&self) -> f64 {
        (self.draws).uniform(Purpose::Backoff, self.number, self.attempt)
    }

    /// Once in the machine's code for all kinds of waits.
    #[inline(never)]
    fn time(&self, sampler: &Sampler) -> Span {
        (self.draws).sample(sampler, Purpose::Backoff, self.number, self.attempt)
    }
}

/// The part `fraction` of a span, for a fraction in [0, 1).
#[inline]
fn part(span: Span, fraction: f64) -> Span {
    Span::from_nanos((span.nanos() as f64 * fraction) as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::rng::Key;

    #[test]
    fn no_draw_repeats_within_a_million_attempts() {
        // Of 1e6 numbers of 53 bits two agree with a chance of 6e-5; the seed is
        // fixed.
        let root = Streams::new(1, 0);
        let streams = root.keyed(Key::of(["a"]));
        let draws = Draws {
            streams: &streams,
            entity: 7,
        };
        let drawn: HashSet<u64> = (1..=1_000_000)
            .map(|attempt| draws.uniform(Purpose::Admission, 3, attempt).to_bits())
            .collect();
        assert_eq!(drawn.len(), 1_000_000);
    }

    type Address = (u8, u8, u32, u32, u32);

    /// Addresses that are often close to each other.
    fn address() -> impl Strategy<Value = Address> {
        let number = || prop_oneof![0..3_u32, (0..32_u32).prop_map(|bit| 1 << bit), any::<u32>()];
        (0..3_u8, 0..3_u8, number(), number(), number())
    }

    proptest! {
        #[test]
        fn addresses_are_distinct(one in address(), other in address()) {
            let draw = |(key, purpose, entity, number, attempt): Address| {
                let key = Key::of([["stream", "stage", "times"][usize::from(key)]]);
                let streams = Streams::new(5, 0).keyed(key);
                let draws = Draws { streams: &streams, entity };
                let purpose = [Purpose::Service, Purpose::Backoff, Purpose::Admission]
                    [usize::from(purpose)];
                draws.uniform(purpose, number, attempt)
            };
            prop_assert_eq!(draw(one) == draw(other), one == other);
        }

        #[test]
        fn an_index_tells_number_and_attempt(number: u32, attempt: u32) {
            let index = index(number, attempt);
            prop_assert_eq!((index as u32, (index >> 32) as u32), (number, attempt));
        }
    }
}
