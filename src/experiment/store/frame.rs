use std::io::{self, ErrorKind, Read};
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::ContentKey;
use crate::sim::RECORD_VERSION;

/// Bytes of the header: what kind of file it is, and of which program.
pub(super) const HEADER_BYTES: usize = MAGIC.len() + 16;
const MAGIC: [u8; 8] = *b"ratelab\n";
const MARKER: [u8; 8] = *b"\x1erecord\n";
const CHECKSUM: usize = 8;
const KEY: usize = 16;
/// The length of the record, its key, and its replication.
const HEAD: usize = size_of::<u32>() + KEY + size_of::<u32>();
/// What is before a record: a marker, the head, and a checksum of that, so that
/// no length is believed that was never written.
pub(super) const BEFORE: usize = MARKER.len() + HEAD + CHECKSUM;
/// A record is shorter by far.
const LONGEST: usize = 1 << 30;
/// What is asked of a file at a time.
const PIECE: usize = 1 << 16;

/// The header of files of this program: others may compute other records of
/// the same scenario.
pub(super) fn header() -> [u8; HEADER_BYTES] {
    let mut hash = Sha256::new();
    hash.update(RECORD_VERSION.to_le_bytes());
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(env!("RATELAB_SOURCES"));
    let hash: [u8; 32] = hash.finalize().into();
    std::array::from_fn(|index| match index.checked_sub(MAGIC.len()) {
        None => MAGIC[index],
        Some(place) => hash[place],
    })
}

/// A record's bytes as they stand in a file, with a checksum of head and record
/// at the end.
pub(super) fn framed(key: ContentKey, replication: u32, record: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(BEFORE + record.len() + CHECKSUM);
    frame.extend_from_slice(&MARKER);
    frame.extend_from_slice(&(record.len() as u32).to_le_bytes());
    frame.extend_from_slice(&key.0);
    frame.extend_from_slice(&replication.to_le_bytes());
    frame.extend_from_slice(&checksum(&frame[MARKER.len()..]));
    frame.extend_from_slice(record);
    frame.extend_from_slice(&checksum(&frame[MARKER.len()..]));
    frame
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    std::array::from_fn(|index| hash[index])
}

/// A stretch of a file.
#[derive(Debug)]
pub(super) enum Frame<'a> {
    /// A record, as it was written.
    Whole {
        key: ContentKey,
        replication: u32,
        record: &'a [u8],
        /// Where it ends in the file.
        end: u64,
    },
    /// Something else, up to the next marker.
    Damaged,
}

/// The frames of a file, from the first to the last, one in memory at a time.
#[derive(Debug)]
pub(super) struct Frames<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where the next frame begins in the buffer.
    at: usize,
    /// Where the buffer begins in the file.
    offset: u64,
}

/// What a file is by its header.
#[derive(Debug)]
pub(super) enum Opened<R> {
    /// There is nothing in it.
    Empty,
    /// One of another program.
    Foreign,
    /// One of this program.
    Own(Frames<R>),
}

impl<R: Read> Frames<R> {
    pub(super) fn open(input: R) -> io::Result<Opened<R>> {
        let mut frames = Frames {
            input,
            buffer: Vec::new(),
            at: 0,
            offset: 0,
        };
        if !frames.has(1)? {
            return Ok(Opened::Empty);
        }
        let _ = frames.has(HEADER_BYTES)?;
        if !frames.buffer.starts_with(&header()) {
            return Ok(Opened::Foreign);
        }
        frames.at = HEADER_BYTES;
        Ok(Opened::Own(frames))
    }

    /// The next frame; `None` at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame<'_>>> {
        if !self.has(1)? {
            return Ok(None);
        }
        let Some((key, replication, record)) = self.whole()? else {
            self.skip_to_marker()?;
            return Ok(Some(Frame::Damaged));
        };
        self.at = record.end + CHECKSUM;
        Ok(Some(Frame::Whole {
            key,
            replication,
            end: self.offset + self.at as u64,
            record: &self.buffer[record],
        }))
    }

    /// The frame that begins here, if it is whole: its key, its replication, and
    /// where its record is in the buffer.
    fn whole(&mut self) -> io::Result<Option<(ContentKey, u32, Range<usize>)>> {
        if !self.has(BEFORE)? || !self.rest().starts_with(&MARKER) {
            return Ok(None);
        }
        let before = &self.rest()[MARKER.len()..BEFORE];
        let (head, sum) = before.split_at(HEAD);
        let (Some((length, rest)), true) = (head.split_first_chunk(), sum == checksum(head)) else {
            return Ok(None);
        };
        let (Some((key, rest)), length) = (rest.split_first_chunk(), u32::from_le_bytes(*length))
        else {
            return Ok(None);
        };
        let Some((replication, _)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        let (key, replication) = (ContentKey(*key), u32::from_le_bytes(*replication));
        let length = length as usize;
        if length > LONGEST || !self.has(BEFORE + length + CHECKSUM)? {
            return Ok(None);
        }
        let (covered, rest) = self.rest()[MARKER.len()..].split_at(BEFORE - MARKER.len() + length);
        let record = self.at + BEFORE..self.at + BEFORE + length;
        Ok(rest
            .starts_with(&checksum(covered))
            .then_some((key, replication, record)))
    }

    /// Goes on to the next marker, or to the end.
    fn skip_to_marker(&mut self) -> io::Result<()> {
        self.at += 1;
        loop {
            let mut windows = self.rest().windows(MARKER.len());
            if let Some(found) = windows.position(|window| window == MARKER) {
                self.at += found;
                return Ok(());
            }
            // The last bytes may be the beginning of one.
            self.at = self
                .at
                .max((self.buffer.len() + 1).saturating_sub(MARKER.len()));
            if !self.has(self.rest().len() + 1)? {
                self.at = self.buffer.len();
                return Ok(());
            }
        }
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// Whether so many bytes are left; they are in the buffer then.
    fn has(&mut self, count: usize) -> io::Result<bool> {
        if self.rest().len() >= count {
            return Ok(true);
        }
        self.buffer.drain(..self.at);
        self.offset += self.at as u64;
        self.at = 0;
        while self.buffer.len() < count {
            let filled = self.buffer.len();
            self.buffer.resize(filled.max(count).max(PIECE), 0);
            let read = self.input.read(&mut self.buffer[filled..]);
            let more = match read {
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    self.buffer.truncate(filled);
                    continue;
                }
                read => read,
            };
            self.buffer
                .truncate(filled + more.as_ref().copied().unwrap_or(0));
            if more? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
