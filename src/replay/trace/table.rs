//! Rows of separated fields.

use std::io::Read;
use std::str;

use csv::{ByteRecord, ReaderBuilder, Terminator};

use super::columns::Columns;
use super::entry::Entry;
use super::error::{Place, TraceError, shortened};
use super::lines::Lines;
use super::meaning::Meaning;
use super::moment::{TimeFault, TimeReader, TimeUnit};
use super::request::Request;
use super::value::{
    self, EXPECTED_COST, EXPECTED_COUNT, EXPECTED_DURATION, EXPECTED_OUTCOME, Outcome,
};
use super::{Stop, TraceOptions};

#[derive(Debug)]
pub(super) struct Table<R> {
    reader: csv::Reader<Lines<R>>,
    record: ByteRecord,
    line: u64,
    pub(super) columns: Columns,
    /// Whether the record that was read is still to be told.
    waiting: bool,
}

impl<R: Read> Table<R> {
    /// Finds the separator and the columns; `lines` has taken the first line.
    pub(super) fn open(
        lines: Lines<R>,
        options: &TraceOptions,
        times: &mut TimeReader,
    ) -> Result<Table<R>, TraceError> {
        let reader = ReaderBuilder::new()
            .delimiter(separator(lines.rest_of_line()))
            // A carriage return before it is taken off the last field.
            .terminator(Terminator::Any(b'\n'))
            .has_headers(false)
            .flexible(true)
            .from_reader(lines);
        let mut table = Table {
            reader,
            record: ByteRecord::new(),
            line: 0,
            columns: Columns::without_header(&[], 0)?,
            waiting: true,
        };
        table.read_started()?;
        let first = table.bytes(0).trim_ascii();
        let fault = times.clone().read(first).err();
        if matches!(fault, Some(TimeFault::NotATime | TimeFault::Empty)) {
            table.columns = Columns::of_header(&table.record, table.line, options)?;
            times.unit = times.unit.or(table.columns.time_unit);
            table.waiting = false;
        } else {
            table.columns = Columns::without_header(&options.fields, table.line)?;
        }
        Ok(table)
    }

    /// Reads the next row.
    pub(super) fn read(&mut self, times: &mut TimeReader, entry: &mut Entry) -> Result<bool, Stop> {
        if !std::mem::take(&mut self.waiting) {
            if !self.reader.get_mut().start_record()? {
                return Ok(false);
            }
            self.read_started()?;
        }
        entry.start(self.line);
        self.tell(times, entry)?;
        Ok(true)
    }

    /// Reads the record whose first line was taken.
    fn read_started(&mut self) -> Result<(), TraceError> {
        let read = self.reader.read_byte_record(&mut self.record);
        let lines = self.reader.get_mut();
        match (read, lines.take_fault()) {
            (Ok(_), _) => {
                self.line = lines.first_line();
                Ok(())
            }
            (Err(_), Some(fault)) => Err(fault.into()),
            (Err(error), None) => Err(TraceError::Input {
                line: lines.first_line(),
                source: error.into(),
            }),
        }
    }

    /// What the record tells.
    #[inline]
    fn tell(&self, times: &mut TimeReader, entry: &mut Entry) -> Result<(), TraceError> {
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
        entry.time = times.read(time_text).map_err(|fault| TraceError::Time {
            place: self.place(Meaning::Time),
            text: shown(time_text),
            fault,
        })?;
        let unit = self.columns.duration_unit.unwrap_or(TimeUnit::Seconds);
        let in_flight = |text: &[u8]| u32::try_from(value::whole(text)?).ok();
        entry.class.push_str(self.name(Meaning::Class)?);
        entry.key.push_str(self.name(Meaning::Key)?);
        if let Some(cost) = self.value(Meaning::Cost, value::whole, EXPECTED_COST)? {
            entry.cost = cost;
        }
        entry.duration = self.value(
            Meaning::Duration,
            |text| value::duration(text, unit),
            EXPECTED_DURATION,
        )?;
        let outcome = self.value(Meaning::Outcome, Outcome::read, EXPECTED_OUTCOME)?;
        if let Some(outcome) = outcome {
            entry.outcome = outcome;
            let status = value::whole(self.field(Meaning::Outcome).trim_ascii());
            entry.status = status.and_then(|status| u16::try_from(status).ok());
        }
        entry.in_flight = self.value(Meaning::InFlight, in_flight, EXPECTED_COUNT)?;
        if self.columns.has_method() {
            self.tell_method(entry)?;
        }
        let fields = &self.columns.fields;
        for (place, column) in fields.iter().enumerate() {
            let text = column.map_or(&b""[..], |column| self.bytes(column));
            if str::from_utf8(text).is_err() {
                return Err(TraceError::NotUtf8 { line });
            }
            entry.set_field(place, fields.len(), text);
        }
        Ok(())
    }

    fn tell_method(&self, entry: &mut Entry) -> Result<(), TraceError> {
        let method = self.name(Meaning::Method)?.trim();
        let target = self.name(Meaning::Path)?.trim();
        let line = match target.is_empty() {
            true if !method.contains(' ') => {
                entry.method.push_str(method);
                return Ok(());
            }
            true => Request::of_line(method.as_bytes()),
            false => Request {
                verb: method.as_bytes(),
                ..Request::of_target(target.as_bytes())
            },
        };
        line.write_to(&mut entry.method);
        Ok(())
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

    /// Where the time of the row that was read last stands, and its text.
    pub(super) fn told_time(&self) -> (Place, String) {
        let text = self.field(Meaning::Time).trim_ascii();
        (self.place(Meaning::Time), shown(text))
    }
}

/// A field as an error shows it.
pub(super) fn shown(field: &[u8]) -> String {
    shortened(&String::from_utf8_lossy(field))
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
