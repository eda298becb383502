//! Estimates with honest intervals.
//!
//! The replication is the only independent unit: requests of one run meet the
//! same crowd, and pooling them makes intervals several times too narrow. So
//! every estimate here is a ratio of two counts per replication, with the
//! spread taken across replications.

mod binomial;
mod difference;
mod hall;
mod holm;
mod interval;
mod plan;
mod quantile;
mod ratio;
mod student;

pub use difference::PairedDifference;
pub use holm::{Adjusted, holm};
pub use interval::{Basis, Interval};
use plan::least_replications;
pub use quantile::{QuantileEstimate, median_of_runs, quantile_of_runs, woodruff};
pub use ratio::{
    ENOUGH_RUNS_WITH_EVENTS, RatioEstimate, Scale, UNSEEN_AT_MOST_TIMES, share_of_runs,
};
pub use student::student_t_quantile;
