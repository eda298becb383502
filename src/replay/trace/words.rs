//! The words of a line that are separated by blanks, some of them in quotes.

/// One word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'l> {
    /// Without its quotes; escapes are left as they are.
    pub(super) text: &'l [u8],
    /// Whether it was in quotes.
    pub(super) quoted: bool,
}

/// Takes words from the left of a line.
#[derive(Debug, Clone)]
pub(super) struct Words<'l> {
    pub(super) rest: &'l [u8],
    /// Whether a quote was opened and not closed.
    pub(super) open: bool,
}

impl<'l> Words<'l> {
    pub(super) fn new(line: &'l [u8]) -> Words<'l> {
        Words {
            rest: line,
            open: false,
        }
    }
}

impl<'l> Iterator for Words<'l> {
    type Item = Word<'l>;

    fn next(&mut self) -> Option<Word<'l>> {
        let line = self.rest.trim_ascii_start();
        let Some((first, inner)) = line.split_first() else {
            self.rest = line;
            return None;
        };
        if *first != b'"' {
            let end = line.iter().position(u8::is_ascii_whitespace);
            let (text, rest) = line.split_at(end.unwrap_or(line.len()));
            self.rest = rest;
            return Some(Word {
                text,
                quoted: false,
            });
        }
        // A quote within a word that nobody escaped is not followed by a blank.
        let mut escaped = false;
        for (place, byte) in inner.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' if inner.get(place + 1).is_none_or(u8::is_ascii_whitespace) => {
                    self.rest = &inner[place + 1..];
                    return Some(Word {
                        text: &inner[..place],
                        quoted: true,
                    });
                }
                _ => {}
            }
        }
        self.open = true;
        self.rest = &line[line.len()..];
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes() {
        for (line, expected, open) in [
            ("a  b", &["a", "b"][..], false),
            (r#""a b" c"#, &["a b", "c"], false),
            (r#""a \" b" c"#, &[r#"a \" b"#, "c"], false),
            (r#""a \\" c"#, &[r"a \\", "c"], false),
            (r#""a"b" "" c"#, &[r#"a"b"#, "", "c"], false),
            (r#"a "b c"#, &["a"], true),
            ("", &[], false),
        ] {
            let mut words = Words::new(line.as_bytes());
            let found: Vec<&[u8]> = words.by_ref().map(|word| word.text).collect();
            let expected: Vec<&[u8]> = expected.iter().map(|word| word.as_bytes()).collect();
            assert_eq!((found, words.open), (expected, open), "{line}");
        }
    }
}
