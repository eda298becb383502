//! Records kept by their content, in a file.
//!
//! A record is known by a hash of all that it depends on (a [`ContentKey`]) and
//! the number of its replication. A file of records holds those of any number
//! of studies: more replications, one more value or one more policy find what
//! an earlier study has left. What is damaged is skipped up to the next frame.
//!
//! Nothing here opens a file: bytes are read from any [`Read`] and written to
//! any [`Write`].

mod content;
mod frame;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError};

use super::{Study, TaskId};
use crate::sim::Record;
use frame::{Frame, Frames, Opened, framed};

pub use content::{ContentKey, NoContentKey};

/// The length of what a file of records begins with.
pub const HEADER_BYTES: usize = frame::HEADER_BYTES;

/// What a file of records begins with: which program wrote it, since another
/// may compute other records of the same scenario.
pub fn header() -> [u8; HEADER_BYTES] {
    frame::header()
}

/// The records of a study that files hold.
#[derive(Debug)]
pub struct Known<'a> {
    study: &'a Study,
    cells: BTreeMap<ContentKey, Vec<usize>>,
    records: KnownRecords,
}

/// One place per task, cell by cell, with its record where it is known: boxed,
/// since most of a long list knows nothing.
pub type KnownRecords = Vec<Option<Box<Record>>>;

/// What one file of records held.
#[derive(Debug, Default)]
pub struct Reading {
    /// Stretches that were cut short or changed, and records that are not of
    /// the shape of those of their cell.
    pub damaged: usize,
    /// Whether all of it is of another version of the program, or no file of
    /// records at all.
    pub is_foreign: bool,
    /// Where the last whole record ends, in bytes; zero if there is no header.
    pub end: u64,
    /// Why it was not read to its end.
    pub fault: Option<io::Error>,
}

impl<'a> Known<'a> {
    /// Nothing is known yet.
    pub fn new(study: &'a Study) -> Known<'a> {
        let mut cells: BTreeMap<ContentKey, Vec<usize>> = BTreeMap::new();
        for (index, cell) in study.cells.iter().enumerate() {
            cells.entry(cell.content).or_default().push(index);
        }
        Known {
            study,
            cells,
            records: vec![None; study.tasks().len()],
        }
    }

    /// Takes the records of the study out of a file.
    pub fn read(&mut self, file: impl Read) -> Reading {
        let mut reading = Reading::default();
        reading.fault = self.take_all(file, &mut reading).err();
        reading
    }

    fn take_all(&mut self, file: impl Read, reading: &mut Reading) -> io::Result<()> {
        let mut frames = match Frames::open(file)? {
            Opened::Own(frames) => frames,
            other => {
                reading.is_foreign = matches!(other, Opened::Foreign);
                return Ok(());
            }
        };
        reading.end = HEADER_BYTES as u64;
        while let Some(frame) = frames.next()? {
            let is_sound = match frame {
                Frame::Damaged => false,
                Frame::Whole {
                    key,
                    replication,
                    record,
                    end,
                } => {
                    reading.end = end;
                    self.take(key, replication, record)
                }
            };
            reading.damaged += usize::from(!is_sound);
        }
        Ok(())
    }

    /// Takes a record to where it belongs, if it does; tells whether it is
    /// sound.
    fn take(&mut self, key: ContentKey, replication: u32, bytes: &[u8]) -> bool {
        let Some(cells) = self.cells.get(&key) else {
            return true;
        };
        if replication >= self.study.replications {
            return true;
        }
        let record = Record::from_bytes(bytes).filter(|record| record.replication == replication);
        let Some(record) = record else {
            return false;
        };
        let fits = |cell: &usize| record.fits(&self.study.cells[*cell].outline);
        if !cells.iter().all(fits) {
            return false;
        }
        for cell in cells {
            let index = cell * self.study.replications as usize + replication as usize;
            self.records[index] = Some(Box::new(record.clone()));
        }
        true
    }

    /// How many records are known.
    pub fn count(&self) -> usize {
        self.records.iter().flatten().count()
    }

    /// One place per task, as [`Study::run`] takes them.
    pub fn into_records(self) -> KnownRecords {
        self.records
    }
}

/// The records of a study that is under way, each written when it is there.
#[derive(Debug)]
pub struct RecordLog<W> {
    out: Mutex<Out<W>>,
}

#[derive(Debug)]
struct Out<W> {
    write: W,
    fault: Option<io::Error>,
}

impl<W: Write> RecordLog<W> {
    /// Appends to what has a [`header`] already.
    pub fn new(write: W) -> RecordLog<W> {
        RecordLog {
            out: Mutex::new(Out { write, fault: None }),
        }
    }

    /// Appends a record. After the first fault nothing is appended any more:
    /// the records are lost to a later run, and to nothing else.
    pub fn keep(&self, id: TaskId, record: &Record) {
        let bytes = framed(id.content, id.replication, &record.to_bytes());
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.fault.is_none() {
            out.fault = out.write.write_all(&bytes).err();
        }
    }

    /// What it wrote to, and why records were not kept, if they were not.
    pub fn into_parts(self) -> (W, Option<io::Error>) {
        let out = self.out.into_inner();
        let out = out.unwrap_or_else(PoisonError::into_inner);
        (out.write, out.fault)
    }
}

/// What was written to keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// Bytes.
    pub bytes: usize,
    /// Records.
    pub records: usize,
    /// Records for which there was no room.
    pub left_out: usize,
}

/// Writes the records of a study, and after them those that `earlier` files
/// hold of other studies, the first file's first, as far as `most_bytes` go.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_kept(
    study: &Study,
    records: &[Vec<Record>],
    earlier: impl IntoIterator<Item = impl Read>,
    most_bytes: usize,
    out: &mut impl Write,
) -> io::Result<Kept> {
    out.write_all(&header())?;
    let mut kept = Kept {
        bytes: HEADER_BYTES,
        ..Kept::default()
    };
    let mut seen = BTreeSet::new();
    let mut put = |key: ContentKey, replication: u32, record: &[u8]| -> io::Result<()> {
        if !seen.insert((key, replication)) {
            return Ok(());
        }
        let bytes = framed(key, replication, record);
        if kept.bytes + bytes.len() > most_bytes {
            kept.left_out += 1;
            return Ok(());
        }
        kept.bytes += bytes.len();
        kept.records += 1;
        out.write_all(&bytes)
    };
    for (cell, records) in study.cells.iter().zip(records) {
        for record in records {
            put(cell.content, record.replication, &record.to_bytes())?;
        }
    }
    for file in earlier {
        let Ok(Opened::Own(mut frames)) = Frames::open(file) else {
            continue;
        };
        // What cannot be read is not kept.
        while let Ok(Some(frame)) = frames.next() {
            if let Frame::Whole {
                key,
                replication,
                record,
                ..
            } = frame
            {
                put(key, replication, record)?;
            }
        }
    }
    Ok(kept)
}
