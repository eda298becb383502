//! A request as a log writes it.

/// The parts of `GET /path?query HTTP/1.1`, or of what stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Request<'l> {
    /// The method; empty if it is none.
    pub(super) verb: &'l [u8],
    /// The path alone, without host, query and fragment.
    pub(super) path: &'l [u8],
    /// What follows the question mark.
    pub(super) query: &'l [u8],
    /// The host of an absolute target.
    pub(super) host: &'l [u8],
}

impl<'l> Request<'l> {
    /// Of a request line, which may be any bytes: nobody checked it.
    pub(super) fn of_line(line: &'l [u8]) -> Request<'l> {
        let line = line.trim_ascii();
        if line == b"-" {
            return Request::default();
        }
        let (verb, rest) = match line.iter().position(|byte| *byte == b' ') {
            Some(space) if line[..space].iter().all(u8::is_ascii_uppercase) => {
                (&line[..space], line[space + 1..].trim_ascii())
            }
            _ => (&line[..0], line),
        };
        let target = match rest.iter().rposition(|byte| *byte == b' ') {
            Some(space) if rest[space + 1..].starts_with(b"HTTP/") => rest[..space].trim_ascii(),
            _ => rest,
        };
        Request {
            verb,
            ..Request::of_target(target)
        }
    }

    /// Of a target: a path or a whole URL.
    pub(super) fn of_target(target: &'l [u8]) -> Request<'l> {
        let (host, rest) = match target.windows(3).position(|part| part == b"://") {
            Some(place) if target[..place].iter().all(u8::is_ascii_alphanumeric) => {
                let rest = &target[place + 3..];
                let end = rest.iter().position(|byte| b"/?#".contains(byte));
                rest.split_at(end.unwrap_or(rest.len()))
            }
            _ => (&target[..0], target),
        };
        let rest = rest.split(|byte| *byte == b'#').next().unwrap_or_default();
        let (path, query) = match rest.iter().position(|byte| *byte == b'?') {
            Some(mark) => (&rest[..mark], &rest[mark + 1..]),
            None => (rest, &rest[..0]),
        };
        let path = if path.is_empty() && !host.is_empty() {
            b"/"
        } else {
            path
        };
        Request {
            verb: &target[..0],
            path,
            query,
            host,
        }
    }

    /// The value of a parameter of the query, as it is written.
    pub(super) fn parameter(&self, name: &str) -> Option<&'l [u8]> {
        parameter(self.query, name)
    }

    /// Adds method and path, with a blank between them, as far as they are
    /// known.
    pub(super) fn write_to(&self, text: &mut String) {
        let verb = String::from_utf8_lossy(self.verb);
        let path = String::from_utf8_lossy(self.path);
        text.push_str(&verb);
        if !verb.is_empty() && !path.is_empty() {
            text.push(' ');
        }
        text.push_str(&path);
    }
}

/// The value of a parameter in `a=1&b=2`.
pub(super) fn parameter<'l>(query: &'l [u8], name: &str) -> Option<&'l [u8]> {
    let parts = query.split(|byte| *byte == b'&');
    parts
        .filter_map(|part| part.strip_prefix(name.as_bytes()))
        .find_map(|rest| rest.strip_prefix(b"="))
}

/// An address without its port, and an IPv6 address without its brackets.
pub(super) fn without_port(address: &[u8]) -> &[u8] {
    if let Some(inner) = address.strip_prefix(b"[")
        && let Some(end) = inner.iter().position(|byte| *byte == b']')
    {
        return &inner[..end];
    }
    let mut colons = address
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b':');
    match (colons.next(), colons.next()) {
        (Some((place, _)), None) => &address[..place],
        // An IPv6 address without a port.
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines() {
        for (line, verb, path, query) in [
            ("GET / HTTP/1.1", "GET", "/", ""),
            ("POST /a/b?c=1&d=/x HTTP/2.0", "POST", "/a/b", "c=1&d=/x"),
            ("GET /a b HTTP/1.1", "GET", "/a b", ""),
            ("GET /old", "GET", "/old", ""),
            (
                "GET https://h.example:443/p?q=1#f HTTP/1.1",
                "GET",
                "/p",
                "q=1",
            ),
            ("GET https://h.example HTTP/1.1", "GET", "/", ""),
            ("OPTIONS * HTTP/1.1", "OPTIONS", "*", ""),
            (
                "CONNECT h.example:443 HTTP/1.1",
                "CONNECT",
                "h.example:443",
                "",
            ),
            ("/only/a/path", "", "/only/a/path", ""),
            (r"\x16\x03\x01", "", r"\x16\x03\x01", ""),
            ("-", "", "", ""),
            ("", "", "", ""),
        ] {
            let request = Request::of_line(line.as_bytes());
            let found = [request.verb, request.path, request.query];
            assert_eq!(found, [verb, path, query].map(str::as_bytes), "{line}");
        }
        let request = Request::of_line(b"GET /p?api_key=k1&x=&api_key=k2 HTTP/1.1");
        assert_eq!(request.parameter("api_key"), Some(&b"k1"[..]));
        assert_eq!(request.parameter("x"), Some(&b""[..]));
        assert_eq!(request.parameter("key"), None);
        let mut text = String::new();
        request.write_to(&mut text);
        assert_eq!(text, "GET /p");
    }

    #[test]
    fn addresses() {
        for (text, address) in [
            ("192.0.2.1:2817", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("-", "-"),
        ] {
            assert_eq!(without_port(text.as_bytes()), address.as_bytes());
        }
    }
}
