//! The common and combined log formats of nginx and Apache.
//!
//! `[VHOST] CLIENT IDENT USER [TIME] "REQUEST" STATUS BYTES`, and in the
//! combined format `"REFERER" "USER AGENT"`. What follows is tolerated: a third
//! text in quotes is taken for `X-Forwarded-For`, as in nginx's own packages;
//! a number with a decimal point, or `rt=` or `request_time=`, for the seconds
//! that the request took; and `NAME=VALUE` can be chosen as key.

use std::net::IpAddr;

use super::entry::Entry;
use super::error::TraceError;
use super::key::{KeyField, folded, resolved};
use super::moment::{TimeFault, TimeReader, TimeUnit, nanos_of_decimal};
use super::request::{Request, without_port};
use super::words::Words;
use super::{LineProblem, LogField, Problem};
use crate::units::Span;

/// Reads lines, with the key that was chosen.
#[derive(Debug)]
pub(super) struct Access {
    key: Key,
    fields: Vec<Option<Key>>,
}

#[derive(Debug)]
enum Key {
    Client,
    Host,
    Ident,
    User,
    Method,
    Path,
    Status,
    Referer,
    UserAgent,
    Forwarded,
    Query(String),
    Named(String),
}

const FIELDS: [&str; 10] = [
    "client",
    "vhost",
    "ident",
    "user",
    "method",
    "path",
    "status",
    "referer",
    "user_agent",
    "x_forwarded_for",
];

impl Key {
    /// What is chosen by a text; `None` if lines of this form have no such field.
    fn of(text: &str) -> Option<Key> {
        Some(match KeyField::of(text) {
            KeyField::Query(name) => Key::Query(name.to_owned()),
            KeyField::Header(name) => match folded(name).as_str() {
                "referer" => Key::Referer,
                "useragent" => Key::UserAgent,
                "xforwardedfor" => Key::Forwarded,
                "host" => Key::Host,
                // Only what the log format names can be there.
                _ => Key::Named(name.to_owned()),
            },
            KeyField::Field(name) => match folded(name).as_str() {
                "client" | "clientip" | "ip" | "remoteaddr" | "host" | "address" => Key::Client,
                "vhost" | "servername" => Key::Host,
                "ident" => Key::Ident,
                "user" | "remoteuser" => Key::User,
                "method" => Key::Method,
                "path" => Key::Path,
                "status" => Key::Status,
                "referer" | "httpreferer" => Key::Referer,
                "useragent" | "httpuseragent" => Key::UserAgent,
                "xforwardedfor" | "httpxforwardedfor" => Key::Forwarded,
                _ => match name.strip_suffix('=') {
                    Some(name) => Key::Named(name.to_owned()),
                    None => return None,
                },
            },
        })
    }
}

impl Access {
    pub(super) fn new(
        key: Option<&str>,
        fields: &[LogField],
        line: u64,
    ) -> Result<Access, TraceError> {
        let unknown = |text: &str| TraceError::no_such_field(line, text, &FIELDS);
        Ok(Access {
            key: match key {
                Some(text) => Key::of(text).ok_or_else(|| unknown(text))?,
                None => Key::Client,
            },
            fields: resolved(fields, line, &FIELDS, Key::of)?,
        })
    }

    /// Whose address the key is, in words.
    pub(super) fn read(
        &self,
        line: &[u8],
        times: &mut TimeReader,
        entry: &mut Entry,
    ) -> Result<(), LineProblem> {
        let (before, time, after) = parts(line).ok_or(Problem::Form)?;
        entry.time = (times.read(time)).map_err(|fault| Problem::time(time, fault))?;
        let sender = Sender::of(before).ok_or(Problem::Form)?;
        let mut words = Words::new(after);
        let request = words.next().filter(|word| word.quoted);
        let request = Request::of_line(request.ok_or(Problem::Form)?.text);
        request.write_to(&mut entry.method);
        let status = words.next().ok_or(Problem::Form)?.text;
        if status != b"-" {
            let is_status = status.len() == 3 && entry.set_status(status).is_some();
            is_status.then_some(()).ok_or(Problem::Form)?;
        }
        let mut quoted = [&b""[..]; 3];
        let mut texts = 0;
        for word in words.by_ref() {
            if word.quoted {
                if let Some(place) = quoted.get_mut(texts) {
                    *place = word.text;
                }
                texts += 1;
                continue;
            }
            let seconds = match value_of(word.text, "rt").or(value_of(word.text, "request_time")) {
                None if word.text.contains(&b'.') => Some(word.text),
                named => named,
            };
            if entry.duration.is_none()
                && let Some(seconds) = seconds
            {
                let nanos = nanos_of_decimal(seconds, TimeUnit::Seconds);
                entry.duration = nanos.map(Span::from_nanos);
            }
        }
        if words.open {
            return Err(Problem::Form.into());
        }
        let [referer, agent, forwarded] = quoted;
        let named = |name: &str| {
            let plain = Words::new(after).filter(|word| !word.quoted);
            plain.filter_map(|word| value_of(word.text, name)).next()
        };
        let value = |key: &Key| match key {
            Key::Client => sender.client,
            Key::Host if !sender.host.is_empty() => sender.host,
            Key::Host => request.host,
            Key::Ident => sender.ident,
            Key::User => sender.user,
            Key::Method => request.verb,
            Key::Path => request.path,
            Key::Status => status,
            Key::Referer => referer,
            Key::UserAgent => agent,
            Key::Forwarded => first_of_list(forwarded),
            Key::Query(name) => request.parameter(name).unwrap_or_default(),
            Key::Named(name) => named(name).unwrap_or_default(),
        };
        entry.set_key(value(&self.key));
        for (place, field) in self.fields.iter().enumerate() {
            let text = field.as_ref().map_or(&b""[..], value);
            entry.set_field(place, self.fields.len(), text);
        }
        Ok(())
    }
}

/// The value of `NAME=VALUE`.
fn value_of<'l>(word: &'l [u8], name: &str) -> Option<&'l [u8]> {
    let value = word.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
    let unquoted = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    Some(unquoted.unwrap_or(value))
}

/// The first of several addresses, which is the client's.
fn first_of_list(list: &[u8]) -> &[u8] {
    let first = list.split(|byte| *byte == b',').next();
    first.unwrap_or_default().trim_ascii()
}

/// What stands before the time, the time, and what stands behind it.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut from = 0;
    // A name or an address before it may be in brackets too.
    while let Some(open) = line[from..].iter().position(|byte| *byte == b'[') {
        let open = from + open;
        let inner = &line[open + 1..];
        let length = inner.iter().position(|byte| *byte == b']')?;
        let time = &inner[..length];
        let usual = time.get(2) == Some(&b'/');
        let is_time = || {
            let fault = TimeReader::default().read(time).err();
            !matches!(fault, Some(TimeFault::NotATime | TimeFault::Empty))
        };
        if usual || time.len() >= 10 && is_time() {
            return Some((&line[..open], time, &inner[length + 1..]));
        }
        from = open + 1;
    }
    None
}

/// Whether a line has a time in brackets and a request behind it.
pub(super) fn has_time(line: &[u8]) -> bool {
    parts(line).is_some_and(|(_, _, after)| after.contains(&b'"'))
}

/// What stands before the time.
#[derive(Debug, PartialEq, Eq)]
struct Sender<'l> {
    host: &'l [u8],
    client: &'l [u8],
    ident: &'l [u8],
    user: &'l [u8],
}

impl<'l> Sender<'l> {
    fn of(before: &'l [u8]) -> Option<Sender<'l>> {
        let before = before.trim_ascii();
        let words: Vec<&[u8]> = before
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .collect();
        let is_address = |word: &[u8]| {
            str::from_utf8(without_port(word)).is_ok_and(|word| word.parse::<IpAddr>().is_ok())
        };
        let (host, rest) = match words[..] {
            // A list of forwarded addresses in place of the client.
            [first, ..] if first.ends_with(b",") => {
                let list = words.iter().take_while(|word| word.ends_with(b",")).count();
                let ident = words.get(list + 1).copied().unwrap_or_default();
                let user = words.get(list + 2).copied().unwrap_or_default();
                return Some(Sender {
                    host: b"",
                    client: &first[..first.len() - 1],
                    ident,
                    user,
                });
            }
            [host, client, _, _, ..]
                if is_address(client) || !is_address(host) && client != b"-" =>
            {
                (host, &words[1..])
            }
            [] => return None,
            _ => (&b""[..], &words[..]),
        };
        let client = rest[0];
        let ident = rest.get(1).copied().unwrap_or_default();
        // The name of a user may have blanks in it.
        let user = match rest.get(2) {
            Some(first) => {
                let start = first.as_ptr() as usize - before.as_ptr() as usize;
                &before[start..]
            }
            None => b"",
        };
        let address = without_port(client);
        Some(Sender {
            host: without_port(host),
            client: if is_address(client) { address } else { client },
            ident,
            user,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_time() {
        for (before, host, client, user) in [
            ("192.0.2.1 - - ", "", "192.0.2.1", "-"),
            ("192.0.2.1 - ann ", "", "192.0.2.1", "ann"),
            ("192.0.2.1 - ann lee ", "", "192.0.2.1", "ann lee"),
            ("2001:db8::1 - - ", "", "2001:db8::1", "-"),
            (
                "www.example.com:80 192.0.2.1 - ann ",
                "www.example.com",
                "192.0.2.1",
                "ann",
            ),
            (
                "www.example.com 2001:db8::1 - - ",
                "www.example.com",
                "2001:db8::1",
                "-",
            ),
            (
                "www.example.com host.isp.example - - ",
                "www.example.com",
                "host.isp.example",
                "-",
            ),
            ("host.isp.example - - ", "", "host.isp.example", "-"),
            ("203.0.113.7, 10.0.0.1 - bob ", "", "203.0.113.7", "bob"),
            ("192.0.2.1 ", "", "192.0.2.1", ""),
            ("- - - ", "", "-", "-"),
        ] {
            let sender = Sender::of(before.as_bytes()).unwrap();
            let found = [sender.host, sender.client, sender.user];
            assert_eq!(found, [host, client, user].map(str::as_bytes), "{before}");
        }
        assert_eq!(Sender::of(b" "), None);
    }
}
