//! What can be wrong with a trace.

use std::{fmt, io};

use super::meaning::Meaning;
use super::moment::TimeFault;
use super::{LogField, LogFormat};
use crate::scenario::text::nearest;

/// Where in a trace something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The number of the line, from 1. Of a record of several lines, the first.
    pub line: u64,
    /// The name of the column as the header has it, if there is a header.
    pub column: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        match &self.column {
            Some(column) => write!(f, ", column {column:?}"),
            None => Ok(()),
        }
    }
}

/// Why a trace, or a row of it, cannot be read.
///
/// The message is complete but for the name of the file. Texts of the file are
/// quoted, and shortened if they are long.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// Nothing but, at most, a header and comments.
    #[error(
        "there is not a single row; expected lines such as 2025-09-19T04:00:00Z,alice (a time, and optionally a key, a cost and a duration)"
    )]
    Empty,
    /// The input failed.
    #[error("line {line}: the input cannot be read: {source}")]
    Input {
        /// The line that was being read.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// A line, or a record of several lines, of more than a megabyte.
    #[error(
        "line {line}: longer than 1 MB; expected a row of fields (is a quote left open, or is this no text file?)"
    )]
    TooLong {
        /// Where it begins.
        line: u64,
    },
    /// A quoted field without an end.
    #[error("line {line}: a quote is opened and not closed before the end of the file")]
    OpenQuote {
        /// Where its record begins.
        line: u64,
    },
    /// Bytes that are no text.
    #[error("line {line}: not valid UTF-8; expected the whole file to be in UTF-8")]
    NotUtf8 {
        /// Where its record begins.
        line: u64,
    },
    /// A header that does not say where the times are.
    #[error(
        "line {line}: the header has no time column, only {columns}; expected one named time, timestamp, ts, at, date, datetime or epoch{}, or no header and a time such as 2025-09-19T04:00:00Z in the first field",
        suggestion(nearest)
    )]
    NoTimeColumn {
        /// The header's line.
        line: u64,
        /// The names that it has.
        columns: String,
        /// The name that is most like that of a time column, and which.
        nearest: Option<(String, &'static str)>,
    },
    /// Two names of one meaning.
    #[error(
        "line {line}: the columns {first:?} and {second:?} both name the {meaning}; expected one such column"
    )]
    TwoColumns {
        /// The header's line.
        line: u64,
        /// The column on the left.
        first: String,
        /// The column on the right.
        second: String,
        /// What both mean.
        meaning: Meaning,
    },
    /// A column that was asked for and is not there.
    #[error(
        "line {line}: there is no column {name:?}, only {columns}{}",
        meant(nearest)
    )]
    NoSuchColumn {
        /// The header's line.
        line: u64,
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        columns: String,
        /// The one of them that is most like it.
        nearest: Option<String>,
    },
    /// A field that was asked for and that no line of this form has.
    #[error(
        "line {line}: there is no field {name:?}; known here are {fields}{}",
        meant(nearest)
    )]
    NoSuchField {
        /// The line that was looked at.
        line: u64,
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        fields: String,
        /// The one of them that is most like it.
        nearest: Option<String>,
    },
    /// A key that was asked for and that no line has.
    #[error(
        "line {line}, the last: neither it nor any before it has a key {key:?}; expected one at least"
    )]
    NoKey {
        /// The last line.
        line: u64,
        /// What was asked for.
        key: String,
    },
    /// A field that a server needs and the log lacks.
    #[error(
        "line {line}: there is no field for the {what}, but {needed_by}; {}{}",
        known(fields),
        meant(nearest)
    )]
    NoScope {
        /// The line that was looked at, or the last.
        line: u64,
        /// What it should tell.
        what: &'static str,
        /// Who needs it.
        needed_by: String,
        /// The names that there are.
        fields: String,
        /// The one of them that is most like a usual name for it.
        nearest: Option<String>,
    },
    /// A line or a header without a field for the time.
    #[error(
        "line {line}: none of the fields {fields} is a time; expected one named time, timestamp, ts or @timestamp, or date and time"
    )]
    NoTimeField {
        /// The line.
        line: u64,
        /// The names that there are.
        fields: String,
    },
    /// A line that is not of the form that the log has.
    #[error("line {line}: {text:?} cannot be read as {format}; expected {}{}", format.expected(), looks(*like, *format))]
    Line {
        /// The line.
        line: u64,
        /// What it begins with.
        text: String,
        /// What it was read as.
        format: LogFormat,
        /// The form that it has most likely.
        like: Option<LogFormat>,
    },
    /// A JSON document that is no archive, or a broken one.
    #[error("line {line}{}: {message}; expected {}, or else JSON lines: one object per line", entry_of(*entry), LogFormat::Har.expected())]
    Document {
        /// The line.
        line: u64,
        /// Which entry it is, from 1; 0 outside the entries.
        entry: usize,
        /// What is wrong.
        message: String,
    },
    /// The input is compressed.
    #[error("the log is compressed with {by}; expected text, such as {tool} writes it")]
    Compressed {
        /// With what.
        by: &'static str,
        /// The command that reads it.
        tool: &'static str,
    },
    /// More fields than columns.
    #[error(
        "line {line}: {found} fields, but {}; expected a field with a separator in it to be quoted",
        columns(*expected, *header)
    )]
    TooManyFields {
        /// Where the row begins.
        line: u64,
        /// How many fields it has.
        found: usize,
        /// How many it may have.
        expected: usize,
        /// Whether a header says so.
        header: bool,
    },
    /// A time that is none, or out of range.
    #[error(
        "{place}: the time {text:?} {fault}; expected RFC 3339 such as 2025-09-19T04:00:00Z, or a number of seconds or milliseconds since 1970"
    )]
    Time {
        /// Where.
        place: Place,
        /// The text in that field.
        text: String,
        /// What is wrong with it.
        fault: TimeFault,
    },
    /// Any other field that cannot be understood.
    #[error("{place}: the {meaning} {text:?} cannot be read; expected {expected}")]
    Value {
        /// Where.
        place: Place,
        /// What the field should tell.
        meaning: Meaning,
        /// The text in that field.
        text: String,
        /// What would have been right.
        expected: &'static str,
    },
    /// A row that is earlier than the one before it.
    #[error(
        "{place}: the time {text:?} is {by} before that of line {earlier_line}; expected rows in order of time, as `sort` would put them"
    )]
    Backwards {
        /// The row that is too early.
        place: Place,
        /// Its time as written.
        text: String,
        /// How much too early.
        by: crate::units::Span,
        /// The row above it that is later.
        earlier_line: u64,
    },
}

fn known(fields: &str) -> String {
    match fields {
        "" => "the log names no fields".to_owned(),
        fields => format!("there are {fields}"),
    }
}

fn meant(nearest: &Option<String>) -> String {
    match nearest {
        Some(known) => format!("; did you mean {known:?}?"),
        None => String::new(),
    }
}

fn looks(like: Option<LogFormat>, read_as: LogFormat) -> String {
    match like {
        Some(like) if like != read_as => format!("; it looks like {like}"),
        _ => String::new(),
    }
}

fn entry_of(entry: usize) -> String {
    match entry {
        0 => String::new(),
        entry => format!(", entry {entry}"),
    }
}

impl TraceError {
    /// That there is no field of a name among those known.
    pub(super) fn no_such_field<S: AsRef<str>>(line: u64, name: &str, known: &[S]) -> TraceError {
        TraceError::NoSuchField {
            line,
            name: shortened(name),
            fields: listed(known),
            nearest: nearest_of(name, known),
        }
    }

    /// That nothing of what is known is the field that is needed.
    pub(super) fn no_scope<S: AsRef<str>>(line: u64, field: &LogField, known: &[S]) -> TraceError {
        let mut names = field.names.iter();
        TraceError::NoScope {
            line,
            what: field.what,
            needed_by: field.needed_by.clone(),
            fields: listed(known),
            nearest: names.find_map(|name| nearest_of(name, known)),
        }
    }

    /// That no line has the key that was asked for.
    pub(super) fn no_key(line: u64, key: &str) -> TraceError {
        let key = shortened(key);
        TraceError::NoKey { line, key }
    }

    /// Whether it is of one line, so that the next can be read.
    pub(super) fn is_of_a_row(&self) -> bool {
        matches!(
            self,
            TraceError::Line { .. }
                | TraceError::Time { .. }
                | TraceError::Value { .. }
                | TraceError::TooManyFields { .. }
                | TraceError::NotUtf8 { .. }
                | TraceError::Backwards { .. }
                | TraceError::NoTimeField { .. }
        )
    }
}

/// The first of several names, as an error shows them.
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 6;
    let shown = names.iter().take(SHOWN);
    let mut columns: Vec<String> = shown
        .map(|name| format!("{:?}", shortened(name.as_ref())))
        .collect();
    if names.len() > SHOWN {
        columns.push(format!("{} more", names.len() - SHOWN));
    }
    columns.join(", ")
}

/// The name that another was most likely meant to be.
pub(super) fn nearest_of<S: AsRef<str>>(name: &str, known: &[S]) -> Option<String> {
    nearest(name, known.iter().map(AsRef::as_ref)).map(shortened)
}

fn suggestion(nearest: &Option<(String, &'static str)>) -> String {
    match nearest {
        Some((found, known)) => format!(" (did you mean {known:?} by {found:?}?)"),
        None => String::new(),
    }
}

fn columns(expected: usize, header: bool) -> String {
    match header {
        true => format!("the header names {expected}"),
        false => {
            format!("without a header there are at most {expected} (time, key, cost and duration)")
        }
    }
}

/// A text of the file as an error shows it: not more than a few words.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests;
