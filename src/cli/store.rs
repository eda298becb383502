use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::input::reason;
use super::output::{Folder, RECORDS};
use super::{Failure, complain};
use crate::experiment::Study;
use crate::experiment::store::{Kept, Known, KnownRecords, Reading, RecordLog, header, write_kept};
use crate::scenario::text::printable;
use crate::sim::Record;

/// The records that a folder of results keeps: those of the run that is under
/// way, in its work folder, and those that earlier runs have left in the folder
/// itself.
pub(super) struct Store {
    /// Of the run that is under way.
    pub(super) log: RecordLog<File>,
    log_path: PathBuf,
    earlier_path: PathBuf,
    /// Whether nothing of earlier runs is used.
    fresh: bool,
}

/// The most bytes of records that a finished folder keeps.
const MOST_BYTES: usize = 256 << 20;

impl Store {
    /// Opens the records of a folder and reads those that the study can use,
    /// one place per task.
    pub(super) fn open(
        folder: &Folder,
        study: &Study,
        fresh: bool,
        tell: impl Fn(&str),
    ) -> Result<(Store, KnownRecords), Failure> {
        let (mut file, log_path) = folder.records()?;
        let earlier_path = folder.target().join(RECORDS);
        let mut known = Known::new(study);
        let mut end = 0;
        if !fresh {
            match open(&earlier_path) {
                Ok(file) => tell_of(&known.read(file), &earlier_path, &tell),
                Err(error) => tell(&cannot_read(&earlier_path, &error)),
            }
            file.seek(SeekFrom::Start(0))
                .map_err(|error| cannot("read", &log_path, &error))?;
            let reading = known.read(&file);
            end = reading.end;
            tell_of(&reading, &log_path, &tell);
        }
        let mut begin = || -> io::Result<()> {
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            match end {
                0 => file.write_all(&header()),
                _ => Ok(()),
            }
        };
        begin().map_err(|error| cannot("write", &log_path, &error))?;
        let store = Store {
            log: RecordLog::new(file),
            log_path,
            earlier_path,
            fresh,
        };
        Ok((store, known.into_records()))
    }

    /// Writes into the results what later runs may use: the records of the
    /// study, and those of others that were kept before. What goes wrong with
    /// them is told, and takes nothing from the results.
    pub(super) fn finish(
        self,
        folder: &Folder,
        study: &Study,
        records: &[Vec<Record>],
        tell: impl Fn(&str),
    ) {
        if let (_, Some(error)) = self.log.into_parts() {
            tell(&format!(
                "{} could not be written while the runs went on: {}",
                shown(&self.log_path),
                reason(&error)
            ));
        }
        let earlier = match self.fresh {
            true => [None, None],
            // What cannot be read was told when it was opened.
            false => [&self.earlier_path, &self.log_path].map(|path| open(path).ok()),
        };
        let mut kept = Kept::default();
        let done = folder.stream(RECORDS, |file| {
            let earlier = earlier.into_iter().flatten();
            kept = write_kept(study, records, earlier, MOST_BYTES, file)?;
            Ok(())
        });
        if done.is_err() {
            folder.forget(RECORDS);
            tell(&format!(
                "{} has no room for its {RECORDS}: later runs start anew",
                shown(folder.target())
            ));
        } else if kept.left_out > 0 {
            tell(&format!(
                "{} keeps {} runs, which are {} MB, and has no room for {} others",
                shown(&self.earlier_path),
                kept.records,
                kept.bytes >> 20,
                kept.left_out
            ));
        }
    }
}

/// Tells what a file holds that cannot be used.
fn tell_of(reading: &Reading, path: &Path, tell: &impl Fn(&str)) {
    if let Some(error) = &reading.fault {
        tell(&cannot_read(path, error));
    }
    let path = shown(path);
    if reading.is_foreign {
        tell(&format!(
            "{path} is of another version of ratelab, or is damaged; its runs are done again"
        ));
    }
    let runs = match reading.damaged {
        0 => return,
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    };
    tell(&format!(
        "{runs} in {path} cannot be used (cut short, changed, or not of this study) and will be run again"
    ));
}

fn cannot_read(path: &Path, error: &io::Error) -> String {
    format!(
        "cannot read {}: {}; its runs are done again",
        shown(path),
        reason(error)
    )
}

/// A file to read; an empty one, if there is none.
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    match File::open(path) {
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {
            Ok(Box::new(io::empty()))
        }
        opened => Ok(Box::new(opened?)),
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Machine(anyhow::anyhow!(
        "cannot {what} {}: {}",
        shown(path),
        reason(error)
    ))
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

/// A note, unless notes are not wanted.
pub(super) fn note(quiet: bool) -> impl Fn(&str) {
    move |line| {
        if !quiet {
            complain(&format!("note: {line}"));
        }
    }
}
