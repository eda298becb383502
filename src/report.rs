//! Answers as tables, files and pictures.

mod answer;
#[cfg(feature = "charts")]
pub mod chart;
mod csv;
mod document;
mod field;
#[cfg(feature = "charts")]
mod figure;
#[cfg(feature = "charts")]
mod file_name;
mod files;
mod notes;
mod number;
#[cfg(feature = "charts")]
mod page;
mod rows;
mod table;
mod verdict;

pub use answer::{Answer, Provenance, Timing};
pub use csv::{
    SeriesOf, differences_csv, estimates_csv, gates_csv, replications_csv, runs_csv, series_csv,
};
pub use document::{SCHEMA, document, manifest};
pub use field::name_field;
#[cfg(feature = "charts")]
pub use figure::{Figure, figures};
pub use files::{Content, write_files};
#[cfg(feature = "charts")]
pub use page::page;
pub use table::table;
