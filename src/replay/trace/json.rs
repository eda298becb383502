//! JSON lines: one object per line, nested as deep as it may be.
//!
//! Every value is known by the names on the way to it with dots between them,
//! so that `{"user": {"id": 7}}` and `{"user.id": 7}` tell the same. Which
//! field means what is found by its name, of several that would do by the one
//! that is nested least and then by the order of the lists below. The field
//! with the key is that of the first line that has one.

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::entry::Entry;
use super::error::{TraceError, shortened};
use super::key::{KeyField, folded};
use super::meaning::KEY_NAMES;
use super::moment::{TimeReader, TimeUnit};
use super::request::{Request, parameter, without_port};
use super::value::{self, EXPECTED_COST, Outcome};
use super::{LineProblem, LogField, Meaning, Problem};

/// What a field of an object may tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Time,
    Key,
    Cost,
    Duration,
    Outcome,
    InFlight,
    Class,
    Verb,
    Target,
    Line,
}

const SLOTS: usize = 10;

/// Names, folded, of what is looked for; a dot asks for the name around it.
const TIMES: &[&str] = &[
    "time",
    "timestamp",
    "ts",
    "@timestamp",
    "at",
    "date",
    "datetime",
    "epoch",
    "timeiso8601",
    "timelocal",
    "msec",
    "starttime",
    "startutc",
    "startedat",
    "starteddatetime",
    "eventtime",
    "requesttimeepoch",
    "edgestarttimestamp",
    "receivedtimestamp",
    "loggedat",
    "createdat",
    "asctime",
    "t",
];
const KEYS: &[&str] = &[
    "user.id",
    "user.name",
    "user.email",
    "clientip",
    "remoteip",
    "remoteaddr",
    "remoteaddress",
    "sourceip",
    "srcip",
    "ipaddress",
    "clienthost",
    "clientaddr",
    "clientaddress",
    "client.address",
    "client.ip",
    "source.address",
    "source.ip",
    "cip",
    "xforwardedfor",
];
const STATUSES: &[&str] = &[
    "status",
    "statuscode",
    "responsestatus",
    "responsestatuscode",
    "httpstatus",
    "httpstatuscode",
    "responsecode",
    "downstreamstatus",
    "scstatus",
    "elbstatuscode",
    "outcome",
];
const VERBS: &[&str] = &[
    "method",
    "requestmethod",
    "httpmethod",
    "httprequestmethod",
    "csmethod",
    "verb",
];
const TARGETS: &[&str] = &[
    "path",
    "uri",
    "url",
    "requesturi",
    "requesturl",
    "requestpath",
    "url.path",
    "csuristem",
    "route",
    "endpoint",
];
const DURATIONS: &[&str] = &[
    "duration",
    "latency",
    "responsetime",
    "elapsed",
    "rtt",
    "service",
];

/// A field, and how well it fits: the less, the better.
type Fit = (Slot, u16);

/// How well the name of a field fits at best. Deeper fields fit worse.
const DEEPER: u16 = 256;
const NO_FIT: u16 = u16::MAX;

/// Names that are kept with what they mean.
const MOST_NAMES: usize = 4096;

/// Reads objects, with the fields that were chosen.
#[derive(Debug)]
pub(super) struct Json {
    time: Option<String>,
    key: Option<String>,
    /// The key's field, once a line had one.
    key_path: Option<String>,
    /// What else is looked for, and whether some line had it.
    fields: Vec<(LogField, bool)>,
    fits: HashMap<String, Option<Fit>>,
    /// The fields that a name may tell, each with its fit.
    field_fits: HashMap<String, Box<[(usize, u16)]>>,
    found: Found,
    path: String,
    /// The first names of the first line.
    names: Vec<String>,
    first: bool,
    keyed: bool,
}

/// What one object tells.
#[derive(Debug)]
struct Found {
    fits: [u16; SLOTS],
    texts: [String; SLOTS],
    key_path: String,
    duration_name: String,
    fields: Vec<(u16, String)>,
}

impl Found {
    fn text(&self, slot: Slot) -> Option<&str> {
        let place = slot as usize;
        (self.fits[place] < NO_FIT).then_some(self.texts[place].as_str())
    }
}

impl Json {
    pub(super) fn new(time: Option<&str>, key: Option<&str>, fields: &[LogField]) -> Json {
        Json {
            fields: fields.iter().map(|field| (field.clone(), false)).collect(),
            field_fits: HashMap::new(),
            time: time.map(str::to_owned),
            key: key.map(str::to_owned),
            key_path: None,
            fits: HashMap::new(),
            found: Found {
                fits: [NO_FIT; SLOTS],
                texts: Default::default(),
                key_path: String::new(),
                duration_name: String::new(),
                fields: vec![(NO_FIT, String::new()); fields.len()],
            },
            path: String::new(),
            names: Vec::new(),
            first: true,
            keyed: false,
        }
    }

    /// Whether some line had a key so far.
    pub(super) fn has_key(&self) -> bool {
        self.keyed
    }

    /// The field that the key is taken from, if it was found by its name.
    pub(super) fn key_path(&self) -> Option<&str> {
        self.key_path.as_deref()
    }

    /// That the field which was chosen as key is in no line.
    pub(super) fn missing_key(&self, line: u64) -> Option<TraceError> {
        let key = self.key.as_deref().filter(|_| !self.keyed)?;
        let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
        Some(TraceError::no_such_field(line, key, &known))
    }

    /// That a field which is needed is in no line.
    pub(super) fn missing_field(&self, line: u64) -> Option<TraceError> {
        let is_missing = |(field, seen): &&(LogField, bool)| !seen && !field.names.is_empty();
        let (field, _) = self.fields.iter().find(is_missing)?;
        Some(TraceError::no_scope(line, field, &self.names))
    }

    pub(super) fn read(
        &mut self,
        line: &[u8],
        times: &mut TimeReader,
        entry: &mut Entry,
    ) -> Result<(), LineProblem> {
        self.found.fits = [NO_FIT; SLOTS];
        for (fit, text) in &mut self.found.fields {
            *fit = NO_FIT;
            text.clear();
        }
        self.path.clear();
        let mut path = std::mem::take(&mut self.path);
        let mut json = serde_json::Deserializer::from_slice(line);
        let walk = Walk {
            path: &mut path,
            reader: self,
        };
        let read = walk.deserialize(&mut json).and_then(|()| json.end());
        self.path = path;
        read.map_err(|_| Problem::Form)?;
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::Form.into());
        }
        self.first = false;
        let found = &self.found;
        let Some(time) = found.text(Slot::Time) else {
            return Err(Problem::NoTime(self.names.clone()).into());
        };
        let time = time.trim().as_bytes();
        entry.time = (times.read(time)).map_err(|fault| Problem::time(time, fault))?;
        let request = match (found.text(Slot::Line), found.text(Slot::Target)) {
            (Some(line), None) => Request::of_line(line.as_bytes()),
            (_, target) => Request::of_target(target.unwrap_or_default().as_bytes()),
        };
        let verb = found.text(Slot::Verb).map_or(request.verb, str::as_bytes);
        Request { verb, ..request }.write_to(&mut entry.method);
        let count = self.fields.len();
        let fields = self.fields.iter_mut().zip(&found.fields);
        for (place, ((field, seen), (fit, text))) in fields.enumerate() {
            let queries = field
                .names
                .iter()
                .filter_map(|name| match KeyField::of(name) {
                    KeyField::Query(name) => parameter(request.query, name),
                    _ => None,
                });
            let told = (*fit < NO_FIT).then_some(text.as_bytes());
            let told = told.or_else(|| queries.into_iter().next());
            *seen |= told.is_some();
            entry.set_field(place, count, told.unwrap_or_default());
        }
        match self.key.as_deref().map(KeyField::of) {
            Some(KeyField::Query(name)) => {
                let value = parameter(request.query, name);
                self.keyed |= value.is_some();
                entry.set_key(value.unwrap_or_default());
            }
            Some(_) => {
                let key = found.text(Slot::Key);
                self.keyed |= key.is_some();
                entry.set_key(key.unwrap_or_default().as_bytes());
            }
            None => {
                if let Some(key) = found.text(Slot::Key) {
                    if self.key_path.is_none() {
                        self.key_path = Some(found.key_path.clone());
                        self.fits.clear();
                    }
                    self.keyed = true;
                    let address = folded(&found.key_path);
                    let is_address = ["ip", "addr", "address", "host"];
                    let is_address = is_address.iter().any(|end| address.ends_with(end));
                    entry.set_key(match is_address {
                        true => without_port(key.as_bytes()),
                        false => key.as_bytes(),
                    });
                }
            }
        }
        if let Some(text) = found.text(Slot::Cost) {
            let cost = value::whole(text.as_bytes());
            entry.cost = cost.ok_or_else(|| Problem::Value {
                meaning: Meaning::Cost,
                text: shortened(text),
                expected: EXPECTED_COST,
            })?;
        }
        entry.duration = (found.text(Slot::Duration))
            .and_then(|text| value::duration(text.as_bytes(), unit_of(&found.duration_name)));
        if let Some(text) = found.text(Slot::Outcome) {
            // Other words and numbers may mean anything else.
            if text.len() == 3 && value::whole(text.as_bytes()).is_some() {
                entry.set_status(text.as_bytes());
            } else if let Some(outcome) = Outcome::read(text.as_bytes()) {
                entry.outcome = outcome;
            }
        }
        entry.in_flight = found
            .text(Slot::InFlight)
            .and_then(|text| text.parse().ok());
        if let Some(class) = found.text(Slot::Class) {
            entry.class.push_str(class);
        }
        Ok(())
    }

    /// Notes the value at the path, if it tells anything.
    fn see(&mut self, path: &str, value: Scalar<'_>) {
        if !self.fields.is_empty() && !matches!(value, Scalar::Nothing) {
            self.see_fields(path, &value);
        }
        let fit = match self.fits.get(path) {
            Some(known) => *known,
            None => {
                let fit = self.fit(path);
                if self.fits.len() < MOST_NAMES {
                    self.fits.insert(path.to_owned(), fit);
                }
                fit
            }
        };
        if self.first && self.names.len() < 50 {
            self.names.push(path.to_owned());
        }
        let Some((slot, fit)) = fit else { return };
        let place = slot as usize;
        if fit > self.found.fits[place] || matches!(value, Scalar::Nothing) {
            return;
        }
        self.found.fits[place] = fit;
        let text = &mut self.found.texts[place];
        text.clear();
        value.write_to(text);
        let kept = match slot {
            Slot::Key => &mut self.found.key_path,
            Slot::Duration => &mut self.found.duration_name,
            _ => return,
        };
        kept.clear();
        kept.push_str(path);
    }

    /// Notes the value at the path for each field that it may tell.
    fn see_fields(&mut self, path: &str, value: &Scalar<'_>) {
        if !self.field_fits.contains_key(path) {
            if self.field_fits.len() >= MOST_NAMES {
                return;
            }
            let fits = |(place, (field, _)): (usize, &(LogField, bool))| {
                Some((place, fit_of_field(field, path)?))
            };
            let fits = self.fields.iter().enumerate().filter_map(fits);
            self.field_fits.insert(path.to_owned(), fits.collect());
        }
        for (place, fit) in &self.field_fits[path] {
            let (best, text) = &mut self.found.fields[*place];
            if fit < best {
                *best = *fit;
                text.clear();
                value.write_to(text);
            }
        }
    }

    /// What a field means by its name.
    fn fit(&self, path: &str) -> Option<Fit> {
        // Of a list the first counts.
        let path = path.strip_suffix(".0").unwrap_or(path);
        let is = |chosen: &str| chosen == path || chosen.eq_ignore_ascii_case(path);
        match self.key.as_deref().map(KeyField::of) {
            Some(KeyField::Field(name)) if is(name) => return Some((Slot::Key, 0)),
            Some(KeyField::Header(name)) if is_header(path, name) => return Some((Slot::Key, 0)),
            None if self.key_path.as_deref().is_some_and(is) => return Some((Slot::Key, 0)),
            _ => {}
        }
        if let Some(time) = &self.time
            && is(KeyField::of(time).name())
        {
            return Some((Slot::Time, 0));
        }
        let depth = u16::try_from(path.matches('.').count()).ok()?;
        let whole = folded(path);
        let last = path.rsplit('.').next().unwrap_or(path);
        let name = folded(last);
        if whole.contains("header") {
            return None;
        }
        let place = |names: &[&str]| {
            let fits = |known: &&str| match known.contains('.') {
                true => whole
                    .strip_suffix(*known)
                    .is_some_and(|before| before.is_empty() || before.ends_with('.')),
                false => name == **known,
            };
            names
                .iter()
                .position(fits)
                .and_then(|place| u16::try_from(place).ok())
        };
        let fit =
            |slot: Slot, place: u16| Some((slot, depth.checked_mul(DEEPER)?.checked_add(place)?));
        // At Amazon's gateways the one is the time at which a request came, in
        // nginx the other is how long it took.
        match last {
            "requestTime" if self.time.is_none() => return fit(Slot::Time, 200),
            "request_time" => return fit(Slot::Duration, 0),
            _ => {}
        }
        if self.time.is_none()
            && let Some(place) = place(TIMES)
        {
            return fit(Slot::Time, place);
        }
        if self.key.is_none() && self.key_path.is_none() {
            let usual = KEY_NAMES.iter().position(|known| folded(known) == name);
            if let Some(place) = usual.and_then(|place| u16::try_from(place).ok()) {
                return fit(Slot::Key, place);
            }
            if let Some(place) = place(KEYS) {
                return fit(Slot::Key, 100 + place);
            }
        }
        for (slot, names) in [
            (Slot::Outcome, STATUSES),
            (Slot::Verb, VERBS),
            (Slot::Target, TARGETS),
            (Slot::Line, &["request", "requestline"]),
            (Slot::InFlight, &["inflight"]),
            (Slot::Class, &["criticality"]),
        ] {
            if let Some(place) = place(names) {
                return fit(slot, place);
            }
        }
        if depth == 0 && name == "cost" {
            return fit(Slot::Cost, 0);
        }
        let is_duration = |stem: &&str| {
            let unit = name.strip_prefix(*stem)?;
            (unit.is_empty() || TimeUnit::named(unit).is_some()).then_some(())
        };
        let place = DURATIONS
            .iter()
            .position(|stem| is_duration(stem).is_some())?;
        fit(Slot::Duration, u16::try_from(place).ok()?)
    }
}

/// How well the value at a path tells a field: by the first of its names that
/// fits, and of paths that fit one name, by the one that is nested least.
fn fit_of_field(field: &LogField, path: &str) -> Option<u16> {
    let depth = path.matches('.').count() as u16;
    let fits = |name: &String| match KeyField::of(name) {
        KeyField::Field(name) if name.contains('.') => name.eq_ignore_ascii_case(path),
        KeyField::Field(name) => {
            let last = path.rsplit('.').next().unwrap_or(path);
            folded(name) == folded(last) && !folded(path).contains("header")
        }
        KeyField::Header(name) => is_header(path, name),
        KeyField::Query(_) => false,
    };
    let place = field.names.iter().position(fits)? as u16;
    place.checked_mul(DEEPER)?.checked_add(depth)
}

/// The unit of a duration by the name of its field: seconds, unless the name
/// ends in another; Traefik's `Duration` counts nanoseconds.
fn unit_of(path: &str) -> TimeUnit {
    let last = path.rsplit('.').next().unwrap_or(path);
    if last == "Duration" {
        return TimeUnit::Nanoseconds;
    }
    let name = folded(last);
    let units = DURATIONS.iter().filter_map(|stem| name.strip_prefix(stem));
    units
        .filter_map(TimeUnit::named)
        .next()
        .unwrap_or(TimeUnit::Seconds)
}

/// Whether a field is a header of the request: `headers.X-Api-Key`, also in a
/// list, or `http_x_api_key` as nginx names it.
fn is_header(path: &str, name: &str) -> bool {
    let (around, last) = path.rsplit_once('.').unwrap_or(("", path));
    let (around, last, name) = (folded(around), folded(last), folded(name));
    let of_answer = around.contains("response");
    let of_request = around.ends_with("headers") || around.ends_with("header");
    of_request && !of_answer && last == name || last.strip_prefix("http") == Some(&name)
}

enum Scalar<'v> {
    Text(&'v str),
    Natural(u64),
    Integer(i64),
    Real(f64),
    Truth(bool),
    Nothing,
}

impl Scalar<'_> {
    fn write_to(&self, text: &mut String) {
        // Writing to a text never fails.
        let _ = match self {
            Scalar::Text(value) => text.write_str(value),
            Scalar::Natural(value) => write!(text, "{value}"),
            Scalar::Integer(value) => write!(text, "{value}"),
            Scalar::Real(value) => write!(text, "{value}"),
            Scalar::Truth(value) => write!(text, "{value}"),
            Scalar::Nothing => Ok(()),
        };
    }
}

/// Goes through a value and shows all that is in it.
struct Walk<'w> {
    path: &'w mut String,
    reader: &'w mut Json,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.reader.see(self.path, Scalar::Text(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.reader.see(self.path, Scalar::Natural(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.reader.see(self.path, Scalar::Integer(value));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.reader.see(self.path, Scalar::Real(value));
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.reader.see(self.path, Scalar::Truth(value));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.reader.see(self.path, Scalar::Nothing);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let length = self.path.len();
        loop {
            if length > 0 {
                self.path.push('.');
            }
            if map.next_key_seed(Name(self.path))?.is_none() {
                break;
            }
            map.next_value_seed(Walk {
                path: self.path,
                reader: self.reader,
            })?;
            self.path.truncate(length);
        }
        self.path.truncate(length);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let length = self.path.len();
        for place in 0_usize.. {
            let _ = write!(self.path, ".{place}");
            let next = list.next_element_seed(Walk {
                path: self.path,
                reader: self.reader,
            })?;
            self.path.truncate(length);
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// Adds a name to a path.
struct Name<'w>(&'w mut String);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        self.0.push_str(name);
        Ok(())
    }
}
