//! The access log of AWS load balancers: Application Load Balancers, and the
//! classic ones, whose lines lack the type in front.
//!
//! The time is that at which the answer was sent, by which lines are roughly
//! in order; `request_creation_time` can be chosen instead.

use super::entry::Entry;
use super::error::TraceError;
use super::key::{KeyField, folded, resolved};
use super::moment::{TimeReader, TimeUnit, nanos_of_decimal};
use super::request::{Request, without_port};
use super::words::{Word, Words};
use super::{LineProblem, LogField, Problem};
use crate::units::Span;

/// Reads lines, with the fields that were chosen.
#[derive(Debug)]
pub(super) struct Balancer {
    key: Key,
    fields: Vec<Option<Key>>,
    time: usize,
}

#[derive(Debug)]
enum Key {
    Field(usize),
    Method,
    Path,
    Query(String),
}

/// The names in the order of the fields, as AWS documents them.
const FIELDS: [&str; 30] = [
    "type",
    "time",
    "elb",
    "client",
    "target",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "elb_status_code",
    "target_status_code",
    "received_bytes",
    "sent_bytes",
    "request",
    "user_agent",
    "ssl_cipher",
    "ssl_protocol",
    "target_group_arn",
    "trace_id",
    "domain_name",
    "chosen_cert_arn",
    "matched_rule_priority",
    "request_creation_time",
    "actions_executed",
    "redirect_url",
    "error_reason",
    "target_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "conn_trace_id",
];
const TIME: usize = 1;
const CLIENT: usize = 3;
const TARGET: usize = 4;
const STATUS: usize = 8;
const REQUEST: usize = 12;
const TYPES: [&[u8]; 6] = [b"http", b"https", b"h2", b"grpcs", b"ws", b"wss"];

/// The place of a field by its name.
fn place(name: &str) -> Option<usize> {
    let plain = name.strip_suffix(":port").unwrap_or(name);
    FIELDS
        .iter()
        .position(|field| folded(field) == folded(plain))
}

impl Key {
    /// What is chosen by a text; `None` if lines of this form have no such field.
    fn of(text: &str) -> Option<Key> {
        Some(match KeyField::of(text) {
            KeyField::Query(name) => Key::Query(name.to_owned()),
            KeyField::Header(name) => match folded(name).as_str() {
                "useragent" => Key::Field(REQUEST + 1),
                "xamzntraceid" => Key::Field(17),
                _ => return None,
            },
            KeyField::Field(name) => match name {
                "method" => Key::Method,
                "path" => Key::Path,
                "ip" | "client_ip" => Key::Field(CLIENT),
                "status" => Key::Field(STATUS),
                _ => Key::Field(place(name)?),
            },
        })
    }
}

impl Balancer {
    pub(super) fn new(
        key: Option<&str>,
        fields: &[LogField],
        time: Option<&str>,
        line: u64,
    ) -> Result<Balancer, TraceError> {
        let unknown = |text: &str| TraceError::no_such_field(line, text, &FIELDS);
        let time = match time {
            None => TIME,
            Some(name) => place(name).ok_or_else(|| unknown(name))?,
        };
        Ok(Balancer {
            key: match key {
                Some(text) => Key::of(text).ok_or_else(|| unknown(KeyField::of(text).name()))?,
                None => Key::Field(CLIENT),
            },
            fields: resolved(fields, line, &FIELDS, Key::of)?,
            time,
        })
    }

    pub(super) fn read(
        &self,
        line: &[u8],
        times: &mut TimeReader,
        entry: &mut Entry,
    ) -> Result<(), LineProblem> {
        let nothing = Word {
            text: b"-",
            quoted: false,
        };
        let mut fields = [nothing; FIELDS.len()];
        let mut words = Words::new(line);
        let first = words.next().ok_or(Problem::Form)?;
        // A classic balancer tells no type.
        let start = usize::from(!TYPES.contains(&first.text));
        fields[start] = first;
        let mut found = start + 1;
        for word in words.by_ref() {
            if let Some(field) = fields.get_mut(found) {
                *field = word;
            }
            found += 1;
        }
        let request = fields[REQUEST];
        if words.open || found <= REQUEST || !request.quoted {
            return Err(Problem::Form.into());
        }
        let time = fields[self.time].text;
        entry.time = (times.read(time)).map_err(|fault| Problem::time(time, fault))?;
        let request = Request::of_line(request.text);
        request.write_to(&mut entry.method);
        let status = fields[STATUS].text;
        if status != b"-" && entry.set_status(status).is_none() {
            return Err(Problem::Form.into());
        }
        // -1 stands for a part that was not reached.
        let parts = fields[TARGET + 1..STATUS].iter();
        let nanos = parts.filter_map(|word| nanos_of_decimal(word.text, TimeUnit::Seconds));
        entry.duration = Some(Span::from_nanos(nanos.fold(0, u64::saturating_add)));
        let value = |key: &Key| match key {
            Key::Field(place @ (CLIENT | TARGET)) => without_port(fields[*place].text),
            Key::Field(place) => fields[*place].text,
            Key::Method => request.verb,
            Key::Path => request.path,
            Key::Query(name) => request.parameter(name).unwrap_or_default(),
        };
        entry.set_key(value(&self.key));
        for (place, field) in self.fields.iter().enumerate() {
            let text = field.as_ref().map_or(&b""[..], value);
            entry.set_field(place, self.fields.len(), text);
        }
        Ok(())
    }
}

/// Whether a line is one of a balancer.
pub(super) fn is_line(line: &[u8]) -> bool {
    let mut words = Words::new(line);
    let is_time = |word: Option<Word<'_>>| {
        word.is_some_and(|word| {
            word.text.contains(&b'T') && TimeReader::default().read(word.text).is_ok()
        })
    };
    let Some(first) = words.next() else {
        return false;
    };
    let typed = TYPES.contains(&first.text);
    if !(typed && is_time(words.next()) || is_time(Some(first))) {
        return false;
    }
    // The time was the last of the words taken.
    words
        .nth(REQUEST - TIME - 1)
        .is_some_and(|word| word.quoted)
}
