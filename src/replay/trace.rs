//! Reading a trace: CSV text with one row per attempt.
//!
//! *Columns.* A first line whose first field is not a time is a header: names
//! in any order and case, of which the known ones are listed at [`Row`], with
//! a unit added if they are of time (`time_ms`, `duration_us`; `s`, `ms`, `us`
//! or `ns`). Others are ignored, and told by [`Trace::ignored`]. Without a
//! header the columns are time, key, cost and duration. Rows may be shorter
//! than that; a missing or empty field of anything but the time stands for its
//! default. A first field that tells a time and is only out of range or
//! incomplete, such as a negative number, does not make a header.
//!
//! *Text.* UTF-8, with or without a byte order mark; lines end in LF or CRLF;
//! blank lines and lines that begin with `#` are skipped. Fields are separated
//! by whichever of comma, semicolon and tab comes first in the first line, and
//! may be quoted (RFC 4180). Blanks around a field count only in keys and
//! classes, where they are part of the name.
//!
//! *Times.* RFC 3339, or a decimal number since 1970, digits below a nanosecond
//! dropped; from 1970 to July 2554, and never earlier than in the row before.
//! What numbers count is told by [`TraceOptions::unit`], else by the header,
//! else by the size of the first number of the trace, for all of them: below
//! 1e11 seconds, below 1e14 milliseconds, below 1e17 microseconds, and from
//! there on nanoseconds.

mod columns;
mod error;
mod lines;
mod meaning;
mod moment;
mod value;

use std::io::Read;
use std::str;

use csv::{ByteRecord, ReaderBuilder, Terminator};

use crate::units::{Span, Time};
use columns::Columns;
use error::shortened;
use lines::{LineFault, Lines};
use moment::TimeReader;
use value::{EXPECTED_COST, EXPECTED_COUNT, EXPECTED_DURATION, EXPECTED_OUTCOME};

pub use error::{Place, TraceError};
pub use meaning::Meaning;
pub use moment::{TimeFault, TimeUnit};
pub use value::Outcome;

/// How to read a trace, where the trace does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceOptions {
    /// What plain numbers in the time column count, whatever the header tells.
    pub unit: Option<TimeUnit>,
    /// The name of the column with the times, whatever it is called.
    pub time: Option<String>,
    /// The name of the column with the keys, whatever it is called.
    pub key: Option<String>,
}

/// One attempt of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'t> {
    /// The number of the line on which it begins, from 1.
    pub line: u64,
    /// When the attempt was made (`time`, `timestamp`, `ts`, `at`).
    pub time: Time,
    /// Whose it was (`key`, `user`, `client`, `ip`, `api_key`, `account`); by
    /// default nothing.
    pub key: &'t str,
    /// What it costs (`cost`, `weight`, `points`, `n`); by default 1.
    pub cost: u64,
    /// How long it took (`duration`, `latency`, `service`, `rtt`), as a number
    /// or as [`Span`] parses.
    pub duration: Option<Span>,
    /// How it ended (`outcome`, `status`, `result`): a word or an HTTP status,
    /// of which those from 400 on are failures; by default success.
    pub outcome: Outcome,
    /// How many others were in flight (`in_flight`, `inflight`).
    pub in_flight: Option<u32>,
    /// How important it was (`class`, `criticality`, `priority`).
    pub class: Option<&'t str>,
}

/// The rows of a trace, read as a stream: memory does not grow with its length,
/// and a row of usual form allocates nothing.
///
/// ```
/// use ratelab::replay::{Trace, TraceOptions};
/// let text = "2025-09-19T04:00:00Z,ann,2\n2025-09-19T04:00:01Z,bob\n";
/// let mut trace = Trace::new(text.as_bytes(), TraceOptions::default());
/// let mut cost = 0;
/// while let Some(row) = trace.next().unwrap() {
///     cost += row.cost;
/// }
/// assert_eq!(cost, 3);
/// ```
#[derive(Debug)]
pub struct Trace<R> {
    source: Source<R>,
    record: ByteRecord,
    line: u64,
    columns: Columns,
    options: TraceOptions,
    times: TimeReader,
    /// The time and the line of the row before.
    last: (Time, u64),
}

#[derive(Debug)]
enum Source<R> {
    /// Not looked at yet: the separator is unknown.
    New(Lines<R>),
    Open(Box<csv::Reader<Lines<R>>>),
    Done,
}

impl<R: Read> Trace<R> {
    /// A trace of which nothing is read yet. The input needs no buffer.
    pub fn new(input: R, options: TraceOptions) -> Trace<R> {
        Trace {
            source: Source::New(Lines::new(input)),
            record: ByteRecord::new(),
            line: 0,
            columns: Columns::without_header(),
            times: TimeReader { unit: options.unit },
            options,
            last: (Time::EPOCH, 0),
        }
    }

    /// Whether some column has keys; known once the first row was read.
    pub fn has_keys(&self) -> bool {
        self.columns.place(Meaning::Key).is_some()
    }

    /// The names of the columns that are ignored, in their order; known once
    /// the first row was read.
    pub fn ignored(&self) -> &[String] {
        &self.columns.ignored
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// If the input, the header or a row cannot be read. After an error of one
    /// row the next call goes on with the row that follows; after one of the
    /// input or the header it returns `None`.
    #[expect(
        clippy::should_implement_trait,
        reason = "a row borrows from the trace, so that this is no iterator"
    )]
    pub fn next(&mut self) -> Result<Option<Row<'_>>, TraceError> {
        let found = if matches!(self.source, Source::New(_)) {
            self.open()
        } else {
            self.read_record()
        };
        match found {
            Ok(true) => self.row().map(Some),
            Ok(false) => Ok(None),
            Err(error) => {
                self.source = Source::Done;
                Err(error)
            }
        }
    }

    /// Finds the separator and the columns, and reads the first row.
    fn open(&mut self) -> Result<bool, TraceError> {
        let Source::New(mut lines) = std::mem::replace(&mut self.source, Source::Done) else {
            return Ok(false);
        };
        if !lines.start_record().map_err(of_fault)? {
            return Err(TraceError::Empty);
        }
        let mut reader = ReaderBuilder::new()
            .delimiter(separator(lines.rest_of_line()))
            // A carriage return before it is taken off the last field.
            .terminator(Terminator::Any(b'\n'))
            .has_headers(false)
            .flexible(true)
            .from_reader(lines);
        self.line = read_started(&mut reader, &mut self.record)?;
        self.source = Source::Open(Box::new(reader));
        let first = self.bytes(0).trim_ascii();
        let fault = TimeReader { unit: None }.read(first).err();
        if matches!(fault, Some(TimeFault::NotATime | TimeFault::Empty)) {
            self.columns = Columns::of_header(&self.record, self.line, &self.options)?;
            self.times.unit = self.times.unit.or(self.columns.time_unit);
            if !self.read_record()? {
                return Err(TraceError::Empty);
            }
        }
        Ok(true)
    }

    fn read_record(&mut self) -> Result<bool, TraceError> {
        let Source::Open(reader) = &mut self.source else {
            return Ok(false);
        };
        let more = reader.get_mut().start_record().map_err(of_fault)?;
        if more {
            self.line = read_started(reader, &mut self.record)?;
        } else {
            self.source = Source::Done;
        }
        Ok(more)
    }

    /// What the record tells.
    #[inline]
    fn row(&mut self) -> Result<Row<'_>, TraceError> {
        let line = self.line;
        // All fields, used or not. A name is looked at once more, since a
        // character could lie across two fields.
        if str::from_utf8(self.record.as_slice()).is_err() {
            return Err(TraceError::NotUtf8 { line });
        }
        let (header, expected) = self.columns.width();
        let found = self.record.len();
        if found > expected {
            return Err(TraceError::TooManyFields {
                line,
                found,
                expected,
                header,
            });
        }
        let time_text = self.field(Meaning::Time).trim_ascii();
        let mut times = self.times;
        let time = times.read(time_text).map_err(|fault| TraceError::Time {
            place: self.place(Meaning::Time),
            text: shown(time_text),
            fault,
        })?;
        let (last, earlier_line) = self.last;
        if time < last {
            return Err(TraceError::Backwards {
                place: self.place(Meaning::Time),
                text: shown(time_text),
                by: last.since(time),
                earlier_line,
            });
        }
        self.times = times;
        self.last = (time, line);
        let unit = self.columns.duration_unit.unwrap_or(TimeUnit::Seconds);
        let in_flight = |text: &[u8]| u32::try_from(value::whole(text)?).ok();
        let class = self.name(Meaning::Class)?;
        Ok(Row {
            line,
            time,
            key: self.name(Meaning::Key)?,
            cost: self
                .value(Meaning::Cost, value::whole, EXPECTED_COST)?
                .unwrap_or(1),
            duration: self.value(
                Meaning::Duration,
                |text| value::duration(text, unit),
                EXPECTED_DURATION,
            )?,
            outcome: self
                .value(Meaning::Outcome, Outcome::read, EXPECTED_OUTCOME)?
                .unwrap_or_default(),
            in_flight: self.value(Meaning::InFlight, in_flight, EXPECTED_COUNT)?,
            class: (!class.is_empty()).then_some(class),
        })
    }

    /// What a field tells; `None` if it is missing or empty.
    #[inline]
    fn value<T>(
        &self,
        meaning: Meaning,
        read: impl Fn(&[u8]) -> Option<T>,
        expected: &'static str,
    ) -> Result<Option<T>, TraceError> {
        let text = self.field(meaning).trim_ascii();
        if text.is_empty() {
            return Ok(None);
        }
        match read(text) {
            Some(value) => Ok(Some(value)),
            None => Err(TraceError::Value {
                place: self.place(meaning),
                meaning,
                text: shown(text),
                expected,
            }),
        }
    }

    /// A field that is a name, as it is.
    #[inline]
    fn name(&self, meaning: Meaning) -> Result<&str, TraceError> {
        let field = self.field(meaning);
        str::from_utf8(field).map_err(|_| TraceError::NotUtf8 { line: self.line })
    }

    /// A field, which is empty if it is missing.
    #[inline]
    fn field(&self, meaning: Meaning) -> &[u8] {
        match self.columns.place(meaning) {
            Some(place) => self.bytes(place),
            None => b"",
        }
    }

    #[inline]
    fn bytes(&self, place: usize) -> &[u8] {
        let field = self.record.get(place).unwrap_or_default();
        if place + 1 == self.record.len() {
            field.strip_suffix(b"\r").unwrap_or(field)
        } else {
            field
        }
    }

    fn place(&self, meaning: Meaning) -> Place {
        Place {
            line: self.line,
            column: self.columns.name(meaning),
        }
    }
}

/// Reads the record whose first line was taken, and returns that line's number.
fn read_started<R: Read>(
    reader: &mut csv::Reader<Lines<R>>,
    record: &mut ByteRecord,
) -> Result<u64, TraceError> {
    let read = reader.read_byte_record(record);
    let lines = reader.get_mut();
    match (read, lines.take_fault()) {
        (Ok(_), _) => Ok(lines.first_line()),
        (Err(_), Some(fault)) => Err(of_fault(fault)),
        (Err(error), None) => Err(TraceError::Input {
            line: lines.first_line(),
            source: error.into(),
        }),
    }
}

/// A field as an error shows it.
fn shown(field: &[u8]) -> String {
    shortened(&String::from_utf8_lossy(field))
}

fn of_fault(fault: LineFault) -> TraceError {
    match fault {
        LineFault::Input(line, source) => TraceError::Input { line, source },
        LineFault::TooLong(line) => TraceError::TooLong { line },
        LineFault::OpenQuote(line) => TraceError::OpenQuote { line },
    }
}

/// The first separator outside quotes. Neither a time nor the name of a column
/// contains one, so that the first field shows it.
fn separator(line: &[u8]) -> u8 {
    let mut quoted = false;
    for &byte in line {
        match byte {
            b'"' => quoted = !quoted,
            b',' | b';' | b'\t' if !quoted => return byte,
            _ => {}
        }
    }
    b','
}

#[cfg(test)]
mod tests;
