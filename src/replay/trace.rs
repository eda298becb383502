//! Reading a trace: a log with one row per attempt.
//!
//! *Forms.* [`LogFormat`]; which one it is, is found by its first line, or told
//! by [`TraceOptions::format`]. All are read into the same rows. The rest is
//! about CSV; the others say in their own modules what they take.
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
//! *Text.* UTF-8, with or without a byte order mark; lines end in LF, CRLF or
//! CR; blank lines and lines that begin with `#` are skipped. Fields are separated
//! by whichever of comma, semicolon and tab comes first in the first line, and
//! may be quoted (RFC 4180). Blanks around a field count only in keys and
//! classes, where they are part of the name.
//!
//! *Times.* RFC 3339, the form of web servers (`19/Sep/2025:04:00:00 +0000`),
//! the same without an offset if [`TraceOptions::zone`] tells it, or a decimal
//! number since 1970, digits below a nanosecond dropped; from 1970 to July 2554.
//! A row may be earlier than one before it by [`TraceOptions::slack`] at most,
//! and is put in its place.
//! What numbers count is told by [`TraceOptions::unit`], else by the header,
//! else by the size of the first number of the trace, for all of them: below
//! 1e11 seconds, below 1e14 milliseconds, below 1e17 microseconds, and from
//! there on nanoseconds.

mod access;
mod balancer;
mod columns;
mod entry;
mod error;
mod format;
mod har;
mod json;
mod key;
mod lines;
mod meaning;
mod moment;
mod order;
mod request;
mod table;
mod value;
mod w3c;
mod words;

use std::io::Read;

use crate::units::{Span, Time, Zone};
use access::Access;
use balancer::Balancer;
use entry::Entry;
use error::listed;
use har::Archive;
use json::Json;
use lines::{LineFault, Lines};
use moment::TimeReader;
use order::Order;
use table::{Table, shown};
use w3c::W3c;

pub use error::{Place, TraceError};
pub use format::LogFormat;
pub use meaning::Meaning;
pub use moment::{TimeFault, TimeUnit};
pub use value::Outcome;

/// How to read a trace, where the trace does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceOptions {
    /// The form of the log; found by its first line if left out.
    pub format: Option<LogFormat>,
    /// What plain numbers in the time column count, whatever the header tells.
    pub unit: Option<TimeUnit>,
    /// The name of the column with the times, whatever it is called.
    pub time: Option<String>,
    /// The name of the column or field with the keys, whatever it is called;
    /// `header:NAME` and `query:NAME` where the form of the log has them.
    pub key: Option<String>,
    /// What else rows must tell, in the order of [`Row::fields`].
    pub fields: Vec<LogField>,
    /// Whose clock shows the times that have no offset from UTC.
    pub zone: Option<Zone>,
    /// How much earlier than one before it a row may be; it is put in its place.
    pub slack: Span,
    /// Whether rows that cannot be read are left out, and counted, rather than
    /// errors.
    pub skip_bad: bool,
}

/// A field that a log must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogField {
    /// What it tells, in a word.
    pub what: &'static str,
    /// Its name as [`TraceOptions::key`] takes it, or several of which the first
    /// that there is counts. Without any it is empty in all rows.
    pub names: Vec<String>,
    /// Who needs it, in words.
    pub needed_by: String,
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
    /// The HTTP status that the log tells.
    pub status: Option<u16>,
    /// How many others were in flight (`in_flight`, `inflight`).
    pub in_flight: Option<u32>,
    /// How important it was (`class`, `criticality`, `priority`).
    pub class: Option<&'t str>,
    /// What was called: a name, or an HTTP method and a path without its query
    /// (`GET /status`), as far as the log tells them.
    pub method: Option<&'t str>,
    /// What was asked for by [`TraceOptions::fields`]; empty where a line does
    /// not tell it.
    pub fields: &'t [String],
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
    format: LogFormat,
    options: TraceOptions,
    times: TimeReader,
    order: Order,
    /// What is read into.
    entry: Entry,
    /// What was handed out last.
    current: Entry,
    /// What is wrong with the row after those that are held.
    failed: Option<TraceError>,
    ended: bool,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    /// Rows read, good or bad.
    read: u64,
    good: u64,
    skipped: u64,
    first_skipped: Option<TraceError>,
    cut: Option<TraceError>,
    statuses: u64,
    too_many: u64,
    /// Rows with a key.
    keyed: u64,
}

/// What a trace turned out to be, so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFacts {
    /// Its form.
    pub format: LogFormat,
    /// The field with the keys, where it was chosen by its name among others.
    pub key: Option<String>,
    /// Rows that were earlier than one before them and were put in their place.
    pub out_of_order: u64,
    /// Those of them that came when later ones had been handed out already,
    /// and count as made at the time of the last of these.
    pub too_late: u64,
    /// Rows that could not be read and were left out.
    pub skipped: u64,
    /// What was wrong with the first of them.
    pub first_skipped: Option<String>,
    /// The last line, if it was cut in the middle and left out.
    pub cut: Option<u64>,
    /// Rows with an HTTP status.
    pub statuses: u64,
    /// Rows with the status 429.
    pub too_many_requests: u64,
}

#[derive(Debug)]
enum Source<R> {
    /// Not looked at yet: the form is unknown.
    New(Lines<R>),
    Table(Box<Table<R>>),
    /// One line per row; whether the line taken last is still to be read.
    Lines(Lines<R>, Box<Reader>, bool),
    Archive(Archive),
    Nothing,
}

#[derive(Debug)]
enum Reader {
    Access(Access),
    Balancer(Balancer),
    Json(Box<Json>),
    W3c(W3c),
}

/// Why there is no next row.
#[derive(Debug)]
enum Stop {
    /// The input has nothing for now.
    Idle,
    Fault(TraceError),
}

impl From<TraceError> for Stop {
    fn from(error: TraceError) -> Stop {
        Stop::Fault(error)
    }
}

impl From<LineFault> for TraceError {
    fn from(fault: LineFault) -> TraceError {
        match fault {
            LineFault::Input(line, source) => TraceError::Input { line, source },
            LineFault::TooLong(line) => TraceError::TooLong { line },
            LineFault::OpenQuote(line) => TraceError::OpenQuote { line },
            LineFault::Idle => TraceError::Input {
                line: 0,
                source: std::io::ErrorKind::WouldBlock.into(),
            },
        }
    }
}

impl From<LineFault> for Stop {
    fn from(fault: LineFault) -> Stop {
        match fault {
            LineFault::Idle => Stop::Idle,
            fault => Stop::Fault(fault.into()),
        }
    }
}

/// What is wrong with a line of a log that is no table.
#[derive(Debug)]
enum Problem {
    /// It is of another form, or cut.
    Form,
    Time(String, TimeFault),
    Value {
        meaning: Meaning,
        text: String,
        expected: &'static str,
    },
    /// None of these fields tells a time.
    NoTime(Vec<String>),
}

type LineProblem = Box<Problem>;

impl Problem {
    fn time(text: &[u8], fault: TimeFault) -> Problem {
        Problem::Time(shown(text), fault)
    }

    fn at(self, line: u64, text: &[u8], format: LogFormat) -> TraceError {
        let place = Place { line, column: None };
        match self {
            Problem::Form => TraceError::Line {
                line,
                text: shown(text),
                format,
                like: LogFormat::like(text),
            },
            Problem::Time(text, fault) => TraceError::Time { place, text, fault },
            Problem::Value {
                meaning,
                text,
                expected,
            } => TraceError::Value {
                place,
                meaning,
                text,
                expected,
            },
            Problem::NoTime(names) => TraceError::NoTimeField {
                line,
                fields: listed(&names),
            },
        }
    }
}

impl<R: Read> Trace<R> {
    /// A trace of which nothing is read yet. The input needs no buffer. If it
    /// has nothing to give for now it may say so with
    /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) and is asked again; rows
    /// that were held back to be put in order are handed out before.
    pub fn new(input: R, options: TraceOptions) -> Trace<R> {
        Trace {
            source: Source::New(Lines::new(input)),
            format: options.format.unwrap_or(LogFormat::Csv),
            times: TimeReader::new(options.unit, options.zone.clone()),
            order: Order::new(options.slack),
            options,
            entry: Entry::default(),
            current: Entry::default(),
            failed: None,
            ended: false,
            counts: Counts::default(),
        }
    }

    /// Whether something in the log says whose requests they are; known once
    /// the first row was read, and of JSON once a row had a key.
    pub fn has_keys(&self) -> bool {
        match &self.source {
            Source::Table(table) => table.columns.place(Meaning::Key).is_some(),
            Source::Lines(_, reader, _) => match &**reader {
                Reader::Access(_) | Reader::Balancer(_) => true,
                Reader::W3c(log) => log.has_key(),
                Reader::Json(log) => log.has_key(),
            },
            Source::Archive(_) => self.options.key.is_some(),
            Source::New(_) | Source::Nothing => false,
        }
    }

    /// The names of the columns that are ignored, in their order; known once
    /// the first row was read.
    pub fn ignored(&self) -> &[String] {
        match &self.source {
            Source::Table(table) => &table.columns.ignored,
            _ => &[],
        }
    }

    /// What the log turned out to be so far.
    pub fn facts(&self) -> LogFacts {
        let key = match &self.source {
            Source::Lines(_, reader, _) => match &**reader {
                Reader::Json(log) => log.key_path().map(str::to_owned),
                _ => None,
            },
            _ => None,
        };
        let counts = &self.counts;
        LogFacts {
            format: self.format,
            key,
            out_of_order: self.order.disordered,
            too_late: self.order.too_late,
            skipped: counts.skipped,
            first_skipped: counts.first_skipped.as_ref().map(TraceError::to_string),
            cut: match &counts.cut {
                Some(TraceError::Line { line, .. }) => Some(*line),
                _ => None,
            },
            statuses: counts.statuses,
            too_many_requests: counts.too_many,
        }
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
        while !self.order.pop(&mut self.current) {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.ended {
                return Ok(None);
            }
            match self.read() {
                Ok(true) => self.accept(),
                Ok(false) => self.end(),
                Err(Stop::Idle) => self.order.drain(),
                Err(Stop::Fault(error)) => self.fail(error),
            }
        }
        Ok(Some(self.row()))
    }

    /// Puts the row that was read in its place.
    fn accept(&mut self) {
        self.counts.read += 1;
        let fields = self.options.fields.len();
        self.entry.fields.resize(fields, String::new());
        let status = self.entry.status;
        let keyed = !self.entry.key.is_empty();
        let text = match self.order.push(&mut self.entry) {
            Ok(()) => {
                self.counts.good += 1;
                self.counts.statuses += u64::from(status.is_some());
                self.counts.too_many += u64::from(status == Some(429));
                self.counts.keyed += u64::from(keyed);
                return;
            }
            Err(backwards) => backwards,
        };
        let (place, time) = match &self.source {
            Source::Table(table) => table.told_time(),
            _ => {
                let line = self.entry.line;
                let place = Place { line, column: None };
                (place, self.entry.time.to_string())
            }
        };
        self.fail_row(TraceError::Backwards {
            place,
            text: time,
            by: text.by,
            earlier_line: text.later_line,
        });
    }

    fn end(&mut self) {
        self.ended = true;
        self.order.drain();
        let counts = &mut self.counts;
        let mut unscoped = None;
        if let Source::Lines(lines, reader, _) = &self.source
            && let Reader::Json(log) = &**reader
            && counts.good > 0
        {
            unscoped = log.missing_field(lines.first_line());
        }
        let unkeyed = self
            .options
            .key
            .as_ref()
            .filter(|_| counts.good > 0 && counts.keyed == 0);
        self.failed = match (&self.source, unkeyed) {
            _ if counts.read == 0 => Some(TraceError::Empty),
            _ if unscoped.is_some() => unscoped,
            // The header of a table has named the column.
            (Source::Table(_), _) | (_, None) => None,
            (Source::Lines(lines, reader, _), Some(key)) => match &**reader {
                Reader::Json(log) => log.missing_key(lines.first_line()),
                _ => Some(TraceError::no_key(lines.first_line(), key)),
            },
            (_, Some(key)) => Some(TraceError::no_key(self.current.line, key)),
        };
        // A log of which nothing can be read has a mistake that is not of one
        // line.
        if counts.good == 0 && self.failed.is_none() {
            self.failed = counts.first_skipped.take().or(counts.cut.take());
        }
    }

    fn fail(&mut self, error: TraceError) {
        if error.is_of_a_row() {
            self.counts.read += 1;
            // A program that is killed, or still at work, leaves half a line.
            if matches!(error, TraceError::Line { .. })
                && matches!(&self.source, Source::Lines(lines, ..) if lines.is_cut())
            {
                self.counts.cut = Some(error);
            } else {
                self.fail_row(error);
            }
            return;
        }
        self.ended = true;
        self.failed = Some(error);
        self.order.drain();
    }

    /// Notes an error of one row, after which reading goes on.
    fn fail_row(&mut self, error: TraceError) {
        if self.options.skip_bad {
            self.counts.skipped += 1;
            self.counts.first_skipped.get_or_insert(error);
        } else {
            self.failed = Some(error);
            self.order.drain();
        }
    }

    /// Reads the next row into the entry.
    fn read(&mut self) -> Result<bool, Stop> {
        if matches!(self.source, Source::New(_)) && !self.open()? {
            return Ok(false);
        }
        let (times, entry) = (&mut self.times, &mut self.entry);
        match &mut self.source {
            Source::Table(table) => table.read(times, entry),
            Source::Lines(lines, reader, waiting) => {
                if !std::mem::take(waiting) && !lines.start_record()? {
                    return Ok(false);
                }
                let number = lines.first_line();
                let fields = lines.take_fields();
                if let (Reader::W3c(log), Some(fields)) = (&mut **reader, fields) {
                    log.rename(&fields, number)?;
                }
                entry.start(number);
                let line = lines.rest_of_line().trim_ascii_end();
                let read = match &mut **reader {
                    Reader::Access(log) => log.read(line, times, entry),
                    Reader::Balancer(log) => log.read(line, times, entry),
                    Reader::Json(log) => log.read(line, times, entry),
                    Reader::W3c(log) => log.read(line, times, entry),
                };
                read.map_err(|problem| problem.at(number, line, self.format))?;
                Ok(true)
            }
            Source::Archive(archive) => match archive.entries.next() {
                Some(next) => {
                    *entry = next;
                    Ok(true)
                }
                None => Ok(false),
            },
            Source::New(_) | Source::Nothing => Ok(false),
        }
    }

    /// Finds the form of the log, and takes its first line.
    fn open(&mut self) -> Result<bool, Stop> {
        let Source::New(mut lines) = std::mem::replace(&mut self.source, Source::Nothing) else {
            return Ok(false);
        };
        let started = lines.start_record();
        let line = match &started {
            Err(LineFault::Idle) => {
                self.source = Source::New(lines);
                return Err(Stop::Idle);
            }
            Ok(false) => return Ok(false),
            Ok(true) => lines.rest_of_line(),
            // An archive may be one long line.
            Err(_) => lines.unread().get(..1 << 16).unwrap_or(lines.unread()),
        };
        if let Some((by, tool)) = compression(line) {
            return Err(TraceError::Compressed { by, tool }.into());
        }
        let fields = lines.take_fields();
        let line = match &started {
            Ok(_) => lines.rest_of_line(),
            Err(_) => lines.unread().get(..1 << 16).unwrap_or(lines.unread()),
        };
        let found = || LogFormat::of(line, fields.as_deref());
        self.format = self.options.format.unwrap_or_else(found);
        let number = lines.first_line();
        let key = self.options.key.as_deref();
        let time = self.options.time.as_deref();
        let others = self.options.fields.as_slice();
        if self.format == LogFormat::Har {
            let input = lines.into_rest();
            let archive = har::read(input, number.max(1), &self.options, &mut self.times)?;
            self.order.disordered = archive.disordered;
            self.counts.read += archive.skipped.len() as u64;
            self.counts.skipped = archive.skipped.len() as u64;
            let mut skipped = archive.skipped.iter();
            self.counts.first_skipped = skipped.next().map(|text| TraceError::Document {
                line: number.max(1),
                entry: 0,
                message: text.clone(),
            });
            self.source = Source::Archive(archive);
            return Ok(true);
        }
        started?;
        let reader = match self.format {
            LogFormat::Csv | LogFormat::Har => {
                let table = Table::open(lines, &self.options, &mut self.times)?;
                self.source = Source::Table(Box::new(table));
                return Ok(true);
            }
            LogFormat::Access => Reader::Access(Access::new(key, others, number)?),
            LogFormat::Balancer => Reader::Balancer(Balancer::new(key, others, time, number)?),
            LogFormat::Json => Reader::Json(Box::new(Json::new(time, key, others))),
            LogFormat::W3c => Reader::W3c(W3c::new(fields.as_deref(), key, others, number)?),
        };
        self.source = Source::Lines(lines, Box::new(reader), true);
        Ok(true)
    }

    /// What was handed out last.
    fn row(&self) -> Row<'_> {
        let text = |text: &str| (!text.is_empty()).then_some(());
        let entry = &self.current;
        Row {
            line: entry.line,
            time: entry.time,
            key: &entry.key,
            cost: entry.cost,
            duration: entry.duration,
            outcome: entry.outcome,
            status: entry.status,
            in_flight: entry.in_flight,
            class: text(&entry.class).map(|()| entry.class.as_str()),
            method: text(&entry.method).map(|()| entry.method.as_str()),
            fields: &entry.fields,
        }
    }
}

/// With what a text is compressed, if it is, and what reads it.
fn compression(start: &[u8]) -> Option<(&'static str, &'static str)> {
    match start {
        [0x1f, 0x8b, ..] => Some(("gzip", "zcat")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(("zstd", "zstdcat")),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some(("xz", "xzcat")),
        [b'P', b'K', 3, 4, ..] => Some(("zip", "unzip -p")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
