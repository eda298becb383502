//! HTTP archives: the JSON document in which browsers save what they sent.
//!
//! Of the document only what a limiter needs is kept, so that memory grows with
//! the number of requests and not with the answers in it. Requests are sorted
//! by time, since an archive groups them by page.

use std::cell::Cell;
use std::fmt;
use std::io::{BufReader, Read};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::TraceOptions;
use super::entry::Entry;
use super::error::{TraceError, shortened};
use super::key::{KeyField, folded, resolved};
use super::moment::TimeReader;
use super::request::Request;
use crate::units::Span;

/// The requests of an archive, in order of time.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) entries: std::vec::IntoIter<Entry>,
    /// Requests that were not in order.
    pub(super) disordered: u64,
    /// What was wrong with those left out.
    pub(super) skipped: Vec<String>,
}

#[derive(Deserialize)]
struct HarEntry {
    #[serde(rename = "startedDateTime")]
    started: String,
    #[serde(default)]
    time: Option<f64>,
    request: HarRequest,
    #[serde(default)]
    response: Option<HarResponse>,
    #[serde(default, rename = "serverIPAddress")]
    server: Option<String>,
    #[serde(default)]
    connection: Option<String>,
}

#[derive(Deserialize)]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<HarHeader>,
}

#[derive(Deserialize)]
struct HarHeader {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct HarResponse {
    #[serde(default)]
    status: i64,
}

const FIELDS: [&str; 5] = ["host", "method", "path", "server", "connection"];

/// What is chosen by a text; `None` if entries have no such field.
fn chosen(text: &str) -> Option<KeyField<'_>> {
    Some(match KeyField::of(text) {
        KeyField::Field(name) => {
            let mut known = FIELDS.iter();
            KeyField::Field(known.find(|known| folded(known) == folded(name))?)
        }
        other => other,
    })
}

/// Reads a whole archive whose first line is `first_line`.
pub(super) fn read(
    input: impl Read,
    first_line: u64,
    options: &TraceOptions,
    times: &mut TimeReader,
) -> Result<Archive, TraceError> {
    let skip_bad = options.skip_bad;
    let unknown = |text| TraceError::no_such_field(first_line, text, &FIELDS);
    let key = options.key.as_deref();
    let key = key.map(|text| chosen(text).ok_or_else(|| unknown(KeyField::of(text).name())));
    let key = key.transpose()?;
    let fields = resolved(&options.fields, first_line, &FIELDS, |text| {
        chosen(text).map(|_| text.to_owned())
    })?;
    let fields: Vec<_> = fields.iter().map(|text| chosen(text.as_deref()?)).collect();
    let line = Cell::new(first_line);
    let counted = Counted {
        input: BufReader::new(input),
        line: &line,
    };
    let mut collect = Collect {
        line: &line,
        key,
        fields,
        times,
        skip_bad,
        entries: Vec::new(),
        skipped: Vec::new(),
        seen: false,
    };
    let mut json = serde_json::Deserializer::from_reader(counted);
    let document = Inside(&mut collect, &["log", "entries"]);
    let done = document.deserialize(&mut json).and_then(|()| json.end());
    let Collect {
        mut entries,
        skipped,
        seen,
        ..
    } = collect;
    if let Err(error) = done {
        if error.is_io() {
            return Err(TraceError::Input {
                line: line.get(),
                source: error.into(),
            });
        }
        // The message ends in a place of its own, which counts from the text's
        // beginning.
        let text = error.to_string();
        let message = text
            .rsplit_once(" at line ")
            .map_or(text.as_str(), |(it, _)| it);
        return Err(TraceError::Document {
            line: first_line + (error.line() as u64).saturating_sub(1),
            entry: entries.len() + skipped.len() + 1,
            message: message.to_owned(),
        });
    }
    if !seen {
        return Err(TraceError::Document {
            line: first_line,
            entry: 0,
            message: "there is no log.entries".to_owned(),
        });
    }
    let mut latest = crate::units::Time::EPOCH;
    let mut disordered = 0;
    for entry in &entries {
        disordered += u64::from(entry.time < latest);
        latest = latest.max(entry.time);
    }
    entries.sort_by_key(|entry| entry.time);
    Ok(Archive {
        entries: entries.into_iter(),
        disordered,
        skipped,
    })
}

/// Counts the lines of what is read, byte by byte.
struct Counted<'c, R> {
    input: BufReader<R>,
    line: &'c Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = loop {
            match self.input.read(out) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                done => break done?,
            }
        };
        let feeds = out[..length].iter().filter(|byte| **byte == b'\n').count();
        self.line.set(self.line.get() + feeds as u64);
        Ok(length)
    }
}

struct Collect<'c> {
    line: &'c Cell<u64>,
    key: Option<KeyField<'c>>,
    fields: Vec<Option<KeyField<'c>>>,
    times: &'c mut TimeReader,
    skip_bad: bool,
    entries: Vec<Entry>,
    skipped: Vec<String>,
    seen: bool,
}

impl Collect<'_> {
    fn add(&mut self, line: u64, found: &HarEntry) -> Result<(), String> {
        let mut entry = Entry::default();
        entry.start(line);
        entry.time = self
            .times
            .read(found.started.as_bytes())
            .map_err(|fault| format!("the time {:?} {fault}", shortened(&found.started)))?;
        let request = Request::of_target(found.request.url.as_bytes());
        let verb = found.request.method.as_bytes();
        Request { verb, ..request }.write_to(&mut entry.method);
        // The archive counts milliseconds; -1 stands for unknown.
        entry.duration = found.time.filter(|time| *time >= 0.0).and_then(|time| {
            let nanos = time * 1e6;
            (nanos < u64::MAX as f64).then_some(Span::from_nanos(nanos as u64))
        });
        if let Some(response) = &found.response {
            let status = response.status.max(0).to_string();
            let known = entry.set_status(status.as_bytes());
            known.ok_or_else(|| format!("{status} is no HTTP status"))?;
        }
        let header = |name: &str| {
            let mut all = found.request.headers.iter();
            all.find(|header| header.name.eq_ignore_ascii_case(name))
                .map(|header| header.value.as_bytes())
        };
        let value = |key: Option<KeyField<'_>>| match key {
            None => b"",
            Some(KeyField::Header(name)) => header(name).unwrap_or_default(),
            Some(KeyField::Query(name)) => request.parameter(name).unwrap_or_default(),
            Some(KeyField::Field("host")) => request.host,
            Some(KeyField::Field("method")) => verb,
            Some(KeyField::Field("path")) => request.path,
            Some(KeyField::Field("server")) => text_of(&found.server),
            Some(KeyField::Field(_)) => text_of(&found.connection),
        };
        entry.set_key(value(self.key));
        for (place, field) in self.fields.iter().enumerate() {
            entry.set_field(place, self.fields.len(), value(*field));
        }
        self.entries.push(entry);
        Ok(())
    }
}

fn text_of(field: &Option<String>) -> &[u8] {
    field.as_deref().unwrap_or_default().as_bytes()
}

/// Looks for what is under these names.
struct Inside<'i, 'c>(&'i mut Collect<'c>, &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Inside<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.1 {
            [] => deserializer.deserialize_seq(self),
            _ => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Inside<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.1 {
            [] => "a list of entries",
            ["entries"] => "an object with entries",
            _ => "an object with log",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Inside(collect, names) = self;
        let [name, inner @ ..] = names else {
            return Ok(());
        };
        while let Some(found) = map.next_key::<String>()? {
            match found == *name {
                true => map.next_value_seed(Inside(collect, inner))?,
                false => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let collect = self.0;
        collect.seen = true;
        loop {
            let before = Cell::new(0);
            let Some(entry) = list.next_element_seed(Begun(&before, collect.line))? else {
                return Ok(());
            };
            if let Err(why) = collect.add(before.get(), &entry) {
                match collect.skip_bad {
                    true => collect
                        .skipped
                        .push(format!("line {}: {why}", before.get())),
                    false => return Err(A::Error::custom(why)),
                }
            }
        }
    }
}

/// An entry, with the line on which it begins.
struct Begun<'b>(&'b Cell<u64>, &'b Cell<u64>);

impl<'de> DeserializeSeed<'de> for Begun<'_> {
    type Value = HarEntry;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<HarEntry, D::Error> {
        self.0.set(self.1.get());
        HarEntry::deserialize(deserializer)
    }
}
