//! Estimates with honest intervals.
//!
//! The replication is the only independent unit: requests of one run meet the
//! same crowd, and pooling them makes intervals several times too narrow. So
//! every estimate here is a ratio of two counts per replication, with the
//! spread taken across replications.

mod quantile;
mod ratio;
mod student;

pub use quantile::{QuantileCells, woodruff};
pub use ratio::{Interval, RatioEstimate};
pub use student::student_t_quantile;
