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
}

/// Lines of an input, numbered from 1, without a byte order mark.
///
/// As a [`Read`] it serves exactly one record: the next line that is neither
/// blank nor a comment and, only if the parser asks for more, the lines after
/// it as they are. The parser asks when a line ends within quotes, so that
/// the number of a record's first line is known without a knowledge of quotes
/// here, and an open quote cannot swallow the rest of the input. All lines
/// end in a line feed, which the last one is given if it has none.
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
        }
    }

    /// Takes the first line of the next record, and returns whether there is
    /// one.
    pub(super) fn start_record(&mut self) -> Result<bool, LineFault> {
        self.length = 0;
        while self.take_line()? {
            let line = &self.buffer[self.serving.clone()];
            // A usual line is told by its first byte.
            let skipped = match line.first() {
                Some(b'#') => true,
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

    /// Makes the next line, with its line feed, what is served.
    fn take_line(&mut self) -> Result<bool, LineFault> {
        let mut searched = 0;
        let length = loop {
            let unread = &self.buffer[self.unread.clone()];
            if let Some(place) = unread[searched..].iter().position(|byte| *byte == b'\n') {
                break searched + place + 1;
            }
            searched = unread.len();
            if searched > LONGEST + 1 {
                break searched;
            }
            if !self.at_end {
                self.fill()?;
            } else if searched == 0 {
                return Ok(false);
            } else {
                // `fill` leaves room for it.
                self.buffer[self.unread.end] = b'\n';
                self.unread.end += 1;
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

    /// Reads more of the input after what is unread.
    fn fill(&mut self) -> Result<(), LineFault> {
        let first = self.line == 0 && self.unread.is_empty();
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
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
        if !self.take_line()? {
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
