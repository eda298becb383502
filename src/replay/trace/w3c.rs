//! The extended log file format of the W3C, as CloudFront and IIS write it.
//!
//! A comment `#Fields:` names the columns, which are separated by tabs
//! (CloudFront) or blanks (IIS); it may come again. Times are of UTC, unless a
//! zone is chosen. `time-taken` counts seconds at CloudFront and milliseconds
//! at IIS.

use super::entry::Entry;
use super::error::TraceError;
use super::key::{KeyField, folded, resolved};
use super::moment::{TimeReader, TimeUnit, nanos_of_decimal};
use super::request::{Request, parameter};
use super::{LineProblem, LogField, Problem};
use crate::units::Span;

/// Reads lines by the columns that the header names.
#[derive(Debug)]
pub(super) struct W3c {
    key: Key,
    fields: Vec<Option<Key>>,
    /// What was chosen, to be found again under a new header.
    chosen: (Option<String>, Vec<LogField>),
    /// The fewest fields of a whole line.
    least: usize,
    date: usize,
    time: usize,
    method: Option<usize>,
    path: Option<usize>,
    query: Option<usize>,
    status: Option<usize>,
    taken: Option<usize>,
    /// Used again for each time.
    text: Vec<u8>,
}

#[derive(Debug)]
enum Key {
    None,
    Column(usize),
    Query(String),
}

/// The columns of a standard log of CloudFront, if no header names them.
const CLOUD_FRONT: &str = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end";

impl W3c {
    pub(super) fn new(
        header: Option<&str>,
        key: Option<&str>,
        fields: &[LogField],
        line: u64,
    ) -> Result<W3c, TraceError> {
        let least = header.map(|header| header.split_whitespace().count());
        let header = header.unwrap_or(CLOUD_FRONT);
        let names: Vec<String> = header.split_whitespace().map(str::to_owned).collect();
        let place = |name: &str| {
            names
                .iter()
                .position(|known| known.eq_ignore_ascii_case(name))
        };
        let needed = |name: &str| {
            place(name).ok_or_else(|| TraceError::NoTimeField {
                line,
                fields: super::error::listed(&names),
            })
        };
        let unknown = |text: &str| TraceError::no_such_field(line, text, &names);
        let key_of = |name: &str| {
            let usual = match folded(name).as_str() {
                "client" | "ip" | "clientip" => "c-ip",
                "user" => "cs-username",
                "method" => "cs-method",
                "path" => "cs-uri-stem",
                "status" => "sc-status",
                _ => name,
            };
            place(usual).or_else(|| place(name)).or_else(|| {
                let header = |known: &&String| {
                    let inner = known
                        .strip_prefix("cs(")
                        .and_then(|it| it.strip_suffix(')'));
                    inner.is_some_and(|inner| folded(inner) == folded(name))
                };
                names.iter().position(|known| header(&known))
            })
        };
        let chosen = |text: &str| match KeyField::of(text) {
            KeyField::Query(name) => Some(Key::Query(name.to_owned())),
            KeyField::Header(name) | KeyField::Field(name) => key_of(name).map(Key::Column),
        };
        Ok(W3c {
            date: needed("date")?,
            time: needed("time")?,
            method: place("cs-method"),
            path: place("cs-uri-stem"),
            query: place("cs-uri-query"),
            status: place("sc-status"),
            taken: place("time-taken"),
            key: match key {
                Some(text) => chosen(text).ok_or_else(|| unknown(KeyField::of(text).name()))?,
                None => place("c-ip").map_or(Key::None, Key::Column),
            },
            fields: resolved(fields, line, &names, chosen)?,
            chosen: (key.map(str::to_owned), fields.to_vec()),
            // Without a header the log may be of a time with fewer columns.
            least: least.unwrap_or(12),
            text: Vec::new(),
        })
    }

    /// Takes the columns of a new header.
    pub(super) fn rename(&mut self, fields: &str, line: u64) -> Result<(), TraceError> {
        let (key, chosen) = &self.chosen;
        *self = W3c::new(Some(fields), key.as_deref(), chosen, line)?;
        Ok(())
    }

    /// Whether there is a key.
    pub(super) fn has_key(&self) -> bool {
        !matches!(self.key, Key::None)
    }

    pub(super) fn read(
        &mut self,
        line: &[u8],
        times: &mut TimeReader,
        entry: &mut Entry,
    ) -> Result<(), LineProblem> {
        let separator = if line.contains(&b'\t') { b'\t' } else { b' ' };
        let fields: Vec<&[u8]> = (line.trim_ascii().split(|byte| *byte == separator)).collect();
        let present = |place: Option<usize>| {
            let field = fields.get(place?).copied()?;
            (field != b"-" && !field.is_empty()).then_some(field)
        };
        if fields.len() < self.least {
            return Err(Problem::Form.into());
        }
        let (Some(date), Some(time)) = (present(Some(self.date)), present(Some(self.time))) else {
            return Err(Problem::Form.into());
        };
        self.text.clear();
        self.text.extend_from_slice(date);
        self.text.push(b'T');
        self.text.extend_from_slice(time);
        if times.zone.is_none() {
            self.text.push(b'Z');
        }
        entry.time = (times.read(&self.text)).map_err(|fault| Problem::time(&self.text, fault))?;
        let request = Request {
            verb: present(self.method).unwrap_or_default(),
            path: present(self.path).unwrap_or_default(),
            ..Request::default()
        };
        request.write_to(&mut entry.method);
        if let Some(status) = present(self.status) {
            entry.set_status(status).ok_or(Problem::Form)?;
        }
        let unit = match separator {
            b'\t' => TimeUnit::Seconds,
            _ => TimeUnit::Milliseconds,
        };
        let taken = present(self.taken).and_then(|taken| nanos_of_decimal(taken, unit));
        entry.duration = taken.map(Span::from_nanos);
        let value = |key: &Key| {
            let value = match key {
                Key::None => None,
                Key::Column(place) => present(Some(*place)),
                Key::Query(name) => present(self.query).and_then(|query| parameter(query, name)),
            };
            value.unwrap_or_default()
        };
        entry.set_key(value(&self.key));
        for (place, field) in self.fields.iter().enumerate() {
            let text = field.as_ref().map_or(&b""[..], value);
            entry.set_field(place, self.fields.len(), text);
        }
        Ok(())
    }
}

/// Whether a list of names is of a log of this kind.
pub(super) fn is_header(fields: &str) -> bool {
    let has = |name: &str| {
        fields
            .split_whitespace()
            .any(|field| field.eq_ignore_ascii_case(name))
    };
    has("date") && has("time")
}

/// Whether a line is one of CloudFront, without a header.
pub(super) fn is_cloud_front(line: &[u8]) -> bool {
    let mut fields = line.split(|byte| *byte == b'\t');
    let (Some(date), Some(time)) = (fields.next(), fields.next()) else {
        return false;
    };
    let shape = |text: &[u8], length: usize, at: [usize; 2], mark: u8| {
        let right = |(place, byte): (usize, &u8)| match at.contains(&place) {
            true => *byte == mark,
            false => byte.is_ascii_digit(),
        };
        text.len() == length && text.iter().enumerate().all(right)
    };
    shape(date, 10, [4, 7], b'-') && shape(time, 8, [2, 5], b':') && fields.count() >= 3
}
