//! Handing a CSV parser the lines of one record at a time.

use std::io::{self, Read};
use std::ops::Range;

/// The longest line, and the longest record of several lines, in bytes.
pub(super) const LONGEST: usize = 1_000_000;

/// How much is read at once: room for thousands of usual lines.
const CHUNK: usize = 256 * 1024;

/// Why lines end before the input does.
#[derive(Debug)]
pub(super) enum LineFault {
    /// The input failed, while this line was read.
    Input(u64, io::Error),
    /// The record that begins on this line is too long.
    TooLong(u64),
    /// A quoted field of the record that begins on this line has no end.
    OpenQuote(u64),
    /// The input has nothing to give for now; the next call goes on.
    Idle,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// Not known before the first line has ended.
    Unknown,
    /// A line feed; a carriage return is text.
    Feed,
    /// A carriage return, a line feed, or both: the first line ended in a
    /// carriage return alone.
    Any,
}

/// Lines of an input, numbered from 1, without a byte order mark.
///
/// As a [`Read`] it serves exactly one record: the next line that is neither
/// blank nor a comment and, only if the parser asks for more, the lines after
/// it as they are. The parser asks when a line ends within quotes, so that
/// the number of a record's first line is known without a knowledge of quotes
/// here, and an open quote cannot swallow the rest of the input. All lines
/// end in a line feed, which the last one is given if it has none, and which
/// takes the place of a carriage return that ends lines alone.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    at_end: bool,
    buffer: Vec<u8>,
    /// What of the buffer was read from the input and not taken as a line.
    unread: Range<usize>,
    /// What of the line taken last is still to be served.
    serving: Range<usize>,
    /// The number of the line taken last.
    line: u64,
    /// The number of the first line of the record.
    first_line: u64,
    /// The length of the record's lines so far.
    length: usize,
    fault: Option<LineFault>,
    ends: Ends,
    /// Whether a line feed that comes next belongs to the line before.
    skip_feed: bool,
    /// Whether the line taken last had no end.
    cut: bool,
    /// What the last comment that begins with `#Fields:` lists.
    fields: Option<String>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R) -> Lines<R> {
        Lines {
            input,
            at_end: false,
            buffer: vec![0; CHUNK],
            unread: 0..0,
            serving: 0..0,
            line: 0,
            first_line: 0,
            length: 0,
            fault: None,
            ends: Ends::Unknown,
            skip_feed: false,
            cut: false,
            fields: None,
        }
    }

    /// Takes the first line of the next record, and returns whether there is
    /// one. If the input has nothing for now, that is a fault after which the
    /// call may be repeated.
    pub(super) fn start_record(&mut self) -> Result<bool, LineFault> {
        self.length = 0;
        while self.take_line(false)? {
            let line = &self.buffer[self.serving.clone()];
            // A usual line is told by its first byte.
            let skipped = match line.first() {
                Some(b'#') => {
                    if let Some(names) = line.strip_prefix(b"#Fields:") {
                        self.fields = Some(String::from_utf8_lossy(names).trim().to_owned());
                    }
                    true
                }
                Some(byte) if byte.is_ascii_whitespace() => line.trim_ascii().is_empty(),
                _ => false,
            };
            if !skipped {
                self.first_line = self.line;
                self.length = self.serving.len();
                return Ok(true);
            }
        }
        self.serving = 0..0;
        Ok(false)
    }

    /// The line taken last, as far as it was not served.
    pub(super) fn rest_of_line(&self) -> &[u8] {
        &self.buffer[self.serving.clone()]
    }

    /// The number of the first line of the record.
    pub(super) fn first_line(&self) -> u64 {
        self.first_line
    }

    /// Why reading failed, if it did.
    pub(super) fn take_fault(&mut self) -> Option<LineFault> {
        self.fault.take()
    }

    /// What a comment `#Fields:` has listed, if one came since the last call.
    pub(super) fn take_fields(&mut self) -> Option<String> {
        self.fields.take()
    }

    /// Whether the line taken last ends with the input and not as lines do.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// What was not taken yet, as far as it was read.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.unread.clone()]
    }

    /// The whole input from the line taken last on.
    pub(super) fn into_rest(self) -> impl Read {
        let start = self.serving.start.min(self.unread.start);
        let start = if self.serving.is_empty() {
            self.unread.start
        } else {
            start
        };
        let mut read = self.buffer;
        read.truncate(self.unread.end);
        read.drain(..start);
        io::Cursor::new(read).chain(self.input)
    }

    /// Makes the next line, with its line feed, what is served.
    fn take_line(&mut self, patient: bool) -> Result<bool, LineFault> {
        if self.ends == Ends::Unknown {
            self.find_ends()?;
        }
        let mut searched = 0;
        self.cut = false;
        let length = loop {
            if self.skip_feed && !self.unread.is_empty() {
                self.skip_feed = false;
                self.unread.start += usize::from(self.buffer[self.unread.start] == b'\n');
            }
            let unread = &self.buffer[self.unread.clone()];
            let new = &unread[searched..];
            let end = match self.ends {
                Ends::Any => new.iter().position(|byte| matches!(byte, b'\n' | b'\r')),
                _ => new.iter().position(|byte| *byte == b'\n'),
            };
            if let Some(place) = end {
                let place = searched + place;
                if unread[place] == b'\r' {
                    self.skip_feed = true;
                    self.buffer[self.unread.start + place] = b'\n';
                }
                break place + 1;
            }
            searched = unread.len();
            if searched > LONGEST + 1 {
                break searched;
            }
            if !self.at_end {
                self.fill(patient)?;
            } else if searched == 0 {
                return Ok(false);
            } else {
                // `fill` leaves room for it.
                self.buffer[self.unread.end] = b'\n';
                self.unread.end += 1;
                self.cut = true;
            }
        };
        self.line += 1;
        if length > LONGEST + 1 {
            return Err(LineFault::TooLong(self.line));
        }
        self.serving = self.unread.start..self.unread.start + length;
        self.unread.start += length;
        Ok(true)
    }

    /// Looks how the first line ends. A carriage return within quotes ends
    /// none.
    fn find_ends(&mut self) -> Result<(), LineFault> {
        let (mut searched, mut quoted) = (0, false);
        loop {
            let unread = &self.buffer[self.unread.clone()];
            while let Some(byte) = unread.get(searched) {
                match (byte, unread.get(searched + 1)) {
                    (b'"', _) => quoted = !quoted,
                    (b'\n', _) | (b'\r', Some(b'\n')) => {
                        self.ends = Ends::Feed;
                        return Ok(());
                    }
                    (b'\r', Some(_)) if !quoted => {
                        self.ends = Ends::Any;
                        return Ok(());
                    }
                    (b'\r', None) if !self.at_end => break,
                    _ => {}
                }
                searched += 1;
            }
            if self.at_end || searched > LONGEST + 1 {
                self.ends = Ends::Feed;
                return Ok(());
            }
            self.fill(true)?;
        }
    }

    /// Reads more of the input after what is unread.
    fn fill(&mut self, patient: bool) -> Result<(), LineFault> {
        let first = self.line == 0 && self.unread.is_empty();
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        self.serving = 0..0;
        if self.unread.end + 1 >= self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        loop {
            // The mark may come in pieces.
            let last = self.buffer.len() - 1;
            match self.input.read(&mut self.buffer[self.unread.end..last]) {
                Ok(0) => self.at_end = true,
                Ok(length) => self.unread.end += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match patient {
                    true => continue,
                    false => return Err(LineFault::Idle),
                },
                Err(error) => return Err(LineFault::Input(self.line + 1, error)),
            }
            if !first || self.at_end || self.unread.len() >= BYTE_ORDER_MARK.len() {
                break;
            }
        }
        if first && self.buffer[self.unread.clone()].starts_with(BYTE_ORDER_MARK) {
            self.unread.start += BYTE_ORDER_MARK.len();
        }
        Ok(())
    }

    /// Takes a further line of a record that did not end.
    fn continue_record(&mut self) -> Result<(), LineFault> {
        if !self.take_line(true)? {
            return Err(LineFault::OpenQuote(self.first_line));
        }
        self.length += self.serving.len();
        if self.length > LONGEST + 1 {
            return Err(LineFault::TooLong(self.first_line));
        }
        Ok(())
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.serving.is_empty()
            && let Err(fault) = self.continue_record()
        {
            self.fault = Some(fault);
            return Err(io::Error::other("the fault is kept aside"));
        }
        let length = out.len().min(self.serving.len());
        let (start, end) = (self.serving.start, self.serving.start + length);
        out[..length].copy_from_slice(&self.buffer[start..end]);
        self.serving.start = end;
        Ok(length)
    }
}
