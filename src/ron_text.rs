//! A text in RON: where each value stands, how to change one, and how to say
//! what is wrong with it.
//!
//! The `ron` crate decides what the grammar is and builds the typed model.
//! Beside it, [`SourceTree`] keeps the byte span of every value, so that a
//! [`Path`] such as `clients.home-assistant.retry` leads to the place of a
//! problem found after parsing, to the raw text of a value, or to an edit that
//! leaves comments and layout alone. All problems have one shape, [`Problem`],
//! whoever found them, and `render` shows them with the line they are about.
//!
//! It knows nothing of scenarios: what helps whoever got one wrong, beyond the
//! names and the types, is told to [`parse_with`] as [`Hints`]. Nothing here
//! reads a file, and only `render` needs the `cli` feature.

mod edit;
mod hints;
mod line;
mod named_list;
mod nearest;
mod node;
mod number_or_word;
mod parse;
mod path;
mod position;
mod printable;
mod problem;
#[cfg(feature = "cli")]
mod render;
mod repair;
mod ron_error;
mod scan;
mod source;
mod tree;

pub use edit::{EditError, candidates, list_items, raw_at, set, set_everywhere};
pub use hints::{Hints, Reference};
pub use line::{one_line, visible};
pub use named_list::NamedList;
pub use nearest::nearest;
pub use node::{Bracket, Entry, Fault, Group, Leaf, Node, Shape};
pub use number_or_word::number_or_word;
pub use parse::{MOST_PROBLEMS, parse, parse_with, reads};
pub(crate) use path::advice;
pub use path::{Path, PathError, Segment};
pub use position::line_and_column;
pub use printable::{is_unprintable, printable, shortened};
pub use problem::{Kind, Problem, Problems, Unknown};
#[cfg(feature = "cli")]
pub use render::{MOST_SHOWN, render};
pub use ron_error::from_ron;
pub use source::{MAX_SOURCE_BYTES, read_source};
pub use tree::SourceTree;
pub(crate) use tree::excerpt;
