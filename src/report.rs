//! Answers as tables, files and pictures.

mod answer;
pub mod chart;
mod csv;
mod document;
mod field;
mod figure;
mod file_name;
mod notes;
mod number;
mod page;
mod rows;
mod table;
mod verdict;

pub use answer::{Answer, Provenance, Timing};
pub use csv::{SeriesOf, estimates_csv, gates_csv, replications_csv, series_csv};
pub use document::{SCHEMA, document, manifest};
pub use field::name_field;
pub use figure::{Figure, figures};
pub use page::page;
pub use table::table;
