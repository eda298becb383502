//! Which form a log has.

use std::fmt;

use super::access;
use super::balancer;
use super::w3c;

/// The forms of logs that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Fields with separators, with or without a header.
    Csv,
    /// The common and the combined log of nginx and Apache, also with the
    /// virtual host in front or with more fields behind.
    Access,
    /// One JSON object per line.
    Json,
    /// The access log of AWS load balancers.
    Balancer,
    /// The extended log of the W3C, with `#Fields:`, as CloudFront and IIS
    /// write it.
    W3c,
    /// An HTTP archive, one JSON document.
    Har,
}

impl LogFormat {
    /// All forms with their names.
    pub const ALL: [(LogFormat, &'static str); 6] = [
        (LogFormat::Csv, "csv"),
        (LogFormat::Access, "access"),
        (LogFormat::Json, "json"),
        (LogFormat::Balancer, "alb"),
        (LogFormat::W3c, "cloudfront"),
        (LogFormat::Har, "har"),
    ];

    /// Its short name.
    pub fn name(self) -> &'static str {
        let mut all = LogFormat::ALL.iter();
        all.find(|(format, _)| *format == self)
            .map_or("csv", |(_, name)| name)
    }

    /// What one line of it looks like.
    pub(super) fn expected(self) -> &'static str {
        match self {
            LogFormat::Csv => "a time, and optionally a key, a cost and a duration",
            LogFormat::Access => {
                "192.0.2.1 - - [19/Sep/2025:04:00:00 +0000] \"GET /path HTTP/1.1\" 200 512, and what else follows"
            }
            LogFormat::Json => {
                "one JSON object such as {\"time\": \"2025-09-19T04:00:00Z\", \"user\": \"ann\"}"
            }
            LogFormat::Balancer => {
                "http 2025-09-19T04:00:00.000000Z app/name/id 192.0.2.1:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 \"GET http://host:80/ HTTP/1.1\", and what else follows"
            }
            LogFormat::W3c => "as many fields as #Fields: lists, with date and time among them",
            LogFormat::Har => {
                "a JSON document with log.entries, each with startedDateTime and request"
            }
        }
    }

    /// The form of a log whose first line that is neither blank nor a comment
    /// is `line`. `fields` is what a comment `#Fields:` before it lists.
    pub(super) fn of(line: &[u8], fields: Option<&str>) -> LogFormat {
        let line = line.trim_ascii();
        if fields.is_some_and(w3c::is_header) || w3c::is_cloud_front(line) {
            return LogFormat::W3c;
        }
        match line.first() {
            Some(b'{') if is_archive(line) => LogFormat::Har,
            Some(b'{') => LogFormat::Json,
            Some(b'[') if !access::has_time(line) => LogFormat::Json,
            _ if balancer::is_line(line) => LogFormat::Balancer,
            _ if access::has_time(line) => LogFormat::Access,
            _ => LogFormat::Csv,
        }
    }

    /// The form that a line which cannot be read has most likely.
    pub(super) fn like(line: &[u8]) -> Option<LogFormat> {
        match LogFormat::of(line, None) {
            LogFormat::Csv => {
                let has = |byte: u8| line.contains(&byte);
                (has(b'[') && has(b']') && has(b'"')).then_some(LogFormat::Access)
            }
            found => Some(found),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            LogFormat::Csv => "CSV",
            LogFormat::Access => "a log of nginx or Apache",
            LogFormat::Json => "JSON lines",
            LogFormat::Balancer => "a log of an AWS load balancer",
            LogFormat::W3c => "a log of CloudFront or IIS",
            LogFormat::Har => "an HTTP archive",
        })
    }
}

/// Whether a JSON text is one document of many lines, or one long line that
/// begins as an archive does.
fn is_archive(line: &[u8]) -> bool {
    let mut rest = line;
    let mut all = b"{\"log\":{".iter();
    let begins = all.all(|expected| {
        rest = rest.trim_ascii_start();
        // Within the name there are no blanks, which no log has there either.
        let found = rest.first() == Some(expected);
        rest = rest.get(1..).unwrap_or_default();
        found
    });
    let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(line);
    let goes_on = parsed.is_err_and(|error| error.is_eof());
    if begins {
        let names: [&[u8]; 3] = [b"\"entries\"", b"\"creator\"", b"\"version\""];
        let has = |name: &&[u8]| line.windows(name.len()).any(|part| part == *name);
        return goes_on || names.iter().any(has);
    }
    // A line that is cut is told from a document by its length.
    goes_on && line.len() < 12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_found_by_their_first_line() {
        use LogFormat::{Access, Balancer, Csv, Har, Json, W3c};
        for (line, expected) in [
            ("time,key", Csv),
            ("1", Csv),
            ("2025-09-19T04:00:00Z,ann", Csv),
            ("2025-09-19T04:00:00Z\tann", Csv),
            (
                "192.0.2.1 - - [19/Sep/2025:04:00:00 +0000] \"GET / HTTP/1.1\" 200 5",
                Access,
            ),
            (
                "[19/Sep/2025:04:00:00 +0000] 192.0.2.1 \"GET / HTTP/1.1\" 200 5",
                Access,
            ),
            ("{\"time\":1}", Json),
            ("{\"log\":\"text\",\"time\":1}", Json),
            ("{\"log\":{\"time\":1}}", Json),
            ("{\"time\":1,\"message\":\"cut in the mid", Json),
            ("{", Har),
            ("{ \"log\": {", Har),
            ("{ \"log\" : { \"version\": \"1.2\", \"entries\": [", Har),
            ("{\"log\":{\"entries\":[]}}", Har),
            (
                "https 2025-09-19T04:00:00.1Z app/a/1 192.0.2.1:1 - -1 -1 -1 403 - 1 1 \"GET http://h:80/ HTTP/1.1\" \"-\"",
                Balancer,
            ),
            (
                "2025-09-19T04:00:00.1Z name 192.0.2.1:1 10.0.0.1:80 0.1 0.1 0.1 200 200 0 29 \"GET http://h:80/ HTTP/1.1\" \"-\" - -",
                Balancer,
            ),
            ("2025-09-19\t04:00:00\tFRA2\t5\t192.0.2.1\tGET", W3c),
        ] {
            assert_eq!(LogFormat::of(line.as_bytes(), None), expected, "{line}");
        }
        let fields = Some("date time c-ip cs-method");
        assert_eq!(LogFormat::of(b"2025-09-19 04:00:00 ::1 GET", fields), W3c);
        assert_eq!(LogFormat::of(b"1,a", Some("time, key")), Csv);
    }
}
