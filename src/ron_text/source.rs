use super::{Problem, line_and_column};

/// The largest scenario that is read: 4 MiB. A scenario is written for people;
/// anything larger is the wrong file.
pub const MAX_SOURCE_BYTES: usize = 4 << 20;

/// The text of a scenario file, without its byte-order mark.
///
/// # Errors
/// A [`Problem`] without a place if the file is larger than
/// [`MAX_SOURCE_BYTES`] or is not UTF-8 text; the message names the byte.
pub fn read_source(bytes: &[u8]) -> Result<String, Problem> {
    if bytes.len() > MAX_SOURCE_BYTES {
        return Err(Problem::new(format!(
            "the file has {} bytes; a scenario has at most {MAX_SOURCE_BYTES}",
            bytes.len()
        )));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Problem::new("the file is UTF-16 text; expected UTF-8")
            .help("save it again with the encoding UTF-8"));
    }
    // A NUL is valid UTF-8, but no editor writes one into a text.
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Problem::new(format!(
            "the file is not a text file: the byte at offset {at} is zero"
        )));
    }
    let mark = "\u{feff}".as_bytes();
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
        Err(error) => {
            let at = error.valid_up_to();
            let valid = bytes.get(..at).unwrap_or_default();
            let valid = valid.strip_prefix(mark).unwrap_or(valid);
            let (line, column) = line_and_column(&String::from_utf8_lossy(valid), valid.len());
            Err(Problem::new(format!(
                "the file is not a text file: the byte at offset {at} (line {line}, column {column}) is not valid UTF-8"
            ))
            .help("save it again with the encoding UTF-8"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_and_its_byte_order_mark_dropped() {
        assert_eq!(read_source(b"").unwrap(), "");
        assert_eq!(read_source("ä\r\n".as_bytes()).unwrap(), "ä\r\n");
        assert_eq!(read_source("\u{feff}(a: 1)".as_bytes()).unwrap(), "(a: 1)");
        assert!(read_source(&vec![b' '; MAX_SOURCE_BYTES]).is_ok());
    }

    #[test]
    fn what_is_not_text_is_refused_with_the_offset() {
        let large = vec![b' '; MAX_SOURCE_BYTES + 1];
        for (bytes, part) in [
            (&b"ab\0c"[..], "offset 2 is zero"),
            (
                &b"ab\n\xc3\xa4\xff"[..],
                "offset 5 (line 2, column 2) is not valid UTF-8",
            ),
            (&b"\xef\xbb\xbfa\x80"[..], "offset 4 (line 1, column 2)"),
            (&b"\xff\xfea\0"[..], "UTF-16"),
            (&b"\x7fELF\x02\x01\x01\0"[..], "not a text file"),
            (&large[..], "4194305 bytes; a scenario has at most 4194304"),
        ] {
            let problem = read_source(bytes).unwrap_err();
            assert!(problem.message.contains(part), "{}", problem.message);
            assert_eq!(problem.place, None);
        }
    }
}
