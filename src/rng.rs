//! Random numbers: streams keyed by who draws what, and the distributions drawn.
//!
//! A variate is addressed, not fetched in turn: `(seed, replication, key, entity,
//! purpose, index)` names it, and [Philox](Streams) computes it at once. So the
//! fifth poll interval of device 7 is the same whatever else a run drew before
//! it, and two policies are compared on the same world (common random numbers).
//! The [`Key`] is a hash of names, such as those of a cohort and of a poll.
//!
//! [`Distribution`] is the text that a scenario writes; [`Sampler`] is its
//! compiled form. A sampler turns one uniform number into one variate wherever
//! the distribution allows it. It is a `rand::distr::Distribution` too, the trait
//! of `rand_distr`, so that any generator of `rand` draws the times of a scenario.
//!
//! ```
//! use ratelab::rng::{Distribution, Purpose, Sampler, Streams};
//! use ratelab::units::Span;
//!
//! let service: Distribution = ron::from_str(r#"Exponential(mean: "50ms")"#).unwrap();
//! let sampler = Sampler::new(&service).unwrap();
//! let streams = Streams::new(1, 0);
//! let third = sampler.sample(&streams, 7, Purpose::Service, 2);
//! assert_eq!(third, Span::from_nanos(9_211_451));
//! ```

mod distribution;
mod error;
mod gamma;
#[cfg(test)]
mod goodness_of_fit;
mod key;
mod parameter;
mod philox;
mod poisson;
mod purpose;
#[cfg(test)]
mod references;
mod renewal;
mod residual;
mod sampler;
mod seed;
mod streams;

pub use distribution::{Branch, Distribution};
pub use error::DistributionError;
pub use key::Key;
pub use parameter::{CoefficientOfVariation, PositiveSpan, Share};
pub use poisson::{MAX_POISSON_MEAN, Poisson};
pub use purpose::Purpose;
pub use renewal::steady_first;
pub use residual::Residual;
pub use sampler::Sampler;
pub use seed::{Family, Seed};
pub use streams::{Stream, Streams};
