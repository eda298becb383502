use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::Failure;
use crate::experiment::{Study, Task};
use crate::sim::Record;

/// The records of a study that is under way, in a file, so that a study that
/// was stopped goes on where it was.
///
/// The file begins with a key of everything that results depend on; then come
/// the records in the order in which they were done, each with a checksum, its
/// length and its task. A record that was cut short or changed ends the list.
pub(super) struct Store {
    file: Mutex<File>,
}

const CHECKSUM: usize = 8;
const HEADER: usize = CHECKSUM + 3 * size_of::<u32>();

/// The checksum of a record with its length and task.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    std::array::from_fn(|index| hash[index])
}

impl Store {
    /// Opens the store of a study and returns the records that it holds, by
    /// the index of their task.
    pub(super) fn open(
        path: &Path,
        study: &Study,
        text: &str,
    ) -> Result<(Store, Vec<Option<Record>>), Failure> {
        let shown = path.display();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(|| format!("cannot open {shown}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::Input(format!(
                    "error: another run is writing {shown}\n  help: wait for it, or name another folder with --out"
                )));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let key = key(study, text);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .with_context(|| format!("cannot read {shown}"))?;
        let mut known = vec![None; study.tasks()];
        let mut sound = 0;
        if bytes.starts_with(&key) {
            sound = key.len();
            while let Some((record, length)) = record_at(&bytes[sound..], study) {
                let (index, record) = record;
                known[index] = Some(record);
                sound += length;
            }
        }
        file.set_len(sound as u64)?;
        file.seek(SeekFrom::End(0))?;
        if sound == 0 {
            file.write_all(&key)
                .with_context(|| format!("cannot write {shown}"))?;
        }
        let file = Mutex::new(file);
        Ok((Store { file }, known))
    }

    /// Adds a record. What cannot be written is lost to a later run only.
    pub(super) fn keep(&self, task: Task, record: &Record) {
        let record = record.to_bytes();
        let mut bytes = Vec::with_capacity(HEADER + record.len());
        bytes.extend_from_slice(&[0; CHECKSUM]);
        for number in [record.len() as u32, task.cell as u32, task.replication] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&record);
        let sum = checksum(&bytes[CHECKSUM..]);
        bytes[..CHECKSUM].copy_from_slice(&sum);
        if let Ok(mut file) = self.file.lock() {
            let _ = file.write_all(&bytes);
        }
    }
}

/// The record at the start of `bytes`, the index of its task, and its length.
fn record_at(bytes: &[u8], study: &Study) -> Option<((usize, Record), usize)> {
    let number = |place: usize| {
        let place = CHECKSUM + 4 * place;
        let bytes = bytes.get(place..place + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let (length, cell, replication) = (number(0)? as usize, number(1)? as usize, number(2)?);
    let whole = bytes.get(..HEADER.checked_add(length)?)?;
    let (sum, content) = whole.split_at(CHECKSUM);
    if sum != checksum(content) {
        return None;
    }
    let record = Record::from_bytes(&whole[HEADER..])?;
    let in_range = cell < study.cells.len() && replication < study.replications;
    let index = cell * study.replications as usize + replication as usize;
    in_range.then_some(((index, record), HEADER + length))
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
