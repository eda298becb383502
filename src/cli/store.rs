#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Mutex;

use sha2::{Digest, Sha256};

use crate::experiment::{Study, Task};
use crate::sim::Record;

/// The records of a study that is under way, in a file, so that a study that
/// was stopped goes on where it was.
///
/// The file begins with a key of everything that results depend on; then come
/// the records in the order in which they were done, each with a marker, a
/// checksum, its length and its task. What is damaged is skipped up to the next
/// marker.
pub(super) struct Store {
    end: Mutex<End>,
}

/// A file and where its next record goes.
struct End {
    file: File,
    length: u64,
}

/// What a store held when it was opened.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The records by the index of their task.
    pub(super) records: Vec<Option<Box<Record>>>,
    /// How many were cut short, changed, or are not records of this study.
    pub(super) dropped: usize,
    /// Whether there were records under another key.
    pub(super) of_another_study: bool,
}

const MARKER: [u8; 8] = *b"\x1erecord\n";
const CHECKSUM: usize = 8;
/// Marker and checksum, then the length, the cell and the replication.
const HEADER: usize = MARKER.len() + CHECKSUM + 3 * size_of::<u32>();

/// The checksum of a record with its length and task.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    std::array::from_fn(|index| hash[index])
}

impl Store {
    /// Opens the store of a study, which nobody else uses, and reads what it
    /// holds.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub(super) fn open(mut file: File, study: &Study, text: &str) -> io::Result<(Store, Known)> {
        let key = key(study, text);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        let mut known = Known {
            records: vec![None; study.tasks()],
            ..Known::default()
        };
        let length = match bytes.strip_prefix(&key) {
            Some(records) => key.len() + known.read(records, study),
            None => {
                known.of_another_study = bytes.len() > key.len();
                0
            }
        };
        file.set_len(length as u64)?;
        file.seek(SeekFrom::End(0))?;
        let mut end = End {
            file,
            length: length as u64,
        };
        if length == 0 {
            end.append(&key)?;
        }
        let end = Mutex::new(end);
        Ok((Store { end }, known))
    }

    /// Adds a record. What cannot be written is lost to a later run only.
    pub(super) fn keep(&self, task: Task, record: &Record) {
        let bytes = framed(task, &record.to_bytes());
        if let Ok(mut end) = self.end.lock() {
            let _ = end.append(&bytes);
        }
    }
}

impl End {
    /// Writes all of it or, but for what the disk does, nothing.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let done = self.file.write_all(bytes);
        match done {
            Ok(()) => self.length += bytes.len() as u64,
            Err(_) => {
                self.file.set_len(self.length)?;
                self.file.seek(SeekFrom::Start(self.length))?;
            }
        }
        done
    }
}

impl Known {
    /// Reads records up to the end, and returns where the last sound one ends.
    fn read(&mut self, bytes: &[u8], study: &Study) -> usize {
        let (mut at, mut sound) = (0, 0);
        while at < bytes.len() {
            match record_at(&bytes[at..], study) {
                Some((index, record, length)) => {
                    match record {
                        Some(record) => self.records[index] = Some(Box::new(record)),
                        None => self.dropped += 1,
                    }
                    at += length;
                    sound = at;
                }
                None => {
                    self.dropped += 1;
                    let next = bytes[at + 1..]
                        .windows(MARKER.len())
                        .position(|window| window == MARKER);
                    at = next.map_or(bytes.len(), |next| at + 1 + next);
                }
            }
        }
        sound
    }
}

/// A record's bytes as they stand in the file.
fn framed(task: Task, record: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + record.len());
    bytes.extend_from_slice(&MARKER);
    bytes.extend_from_slice(&[0; CHECKSUM]);
    for number in [record.len() as u32, task.cell as u32, task.replication] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(record);
    let (header, content) = bytes.split_at_mut(MARKER.len() + CHECKSUM);
    header[MARKER.len()..].copy_from_slice(&checksum(content));
    bytes
}

/// What is framed at the start of `bytes`: the index of its task, the record,
/// unless it is not one of that task, and the length of all. `None` if the
/// frame is damaged.
fn record_at(bytes: &[u8], study: &Study) -> Option<(usize, Option<Record>, usize)> {
    let framed = bytes.strip_prefix(&MARKER)?;
    let (sum, content) = framed.split_at_checked(CHECKSUM)?;
    let number = |place: usize| {
        let bytes = content.get(4 * place..4 * place + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let (length, cell, replication) = (number(0)? as usize, number(1)? as usize, number(2)?);
    let whole = HEADER.checked_add(length)?;
    let content = content.get(..whole.checked_sub(MARKER.len() + CHECKSUM)?)?;
    if sum != checksum(content) {
        return None;
    }
    let known = study
        .cells
        .get(cell)
        .filter(|_| replication < study.replications);
    let Some(cell_of) = known else {
        return Some((0, None, whole));
    };
    let record = Record::from_bytes(&bytes[HEADER..whole])
        .filter(|record| record.replication == replication && record.fits(&cell_of.outline));
    let index = cell * study.replications as usize + replication as usize;
    Some((index, record, whole))
}

/// A hash of everything that the records of a study depend on.
fn key(study: &Study, text: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    for number in [
        u64::from(crate::sim::RECORD_VERSION),
        study.seed,
        u64::from(study.replications),
    ] {
        hash.update(number.to_le_bytes());
    }
    hash.update(text);
    hash.finalize().into()
}
