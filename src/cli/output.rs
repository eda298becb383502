#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde_json::Value;

use super::{Failure, complain, input};
use crate::report::SCHEMA;

/// A folder of results that appears whole or not at all, whenever the program
/// is killed and whatever the disk does.
///
/// What is not finished is in a *work folder* beside the target, `NAME.partial`:
///
/// - [`RECORDS`] is made first and removed last, so that a work folder is known
///   as ours at any moment; this run holds a lock on it until all is done;
/// - [`RESULTS`] is made anew when the runs have ended, with every file in it,
///   and becomes the target by one rename;
/// - [`REPLACED`] is an earlier result on its way out.
pub(super) struct Folder {
    target: PathBuf,
    work: PathBuf,
    /// Open and locked.
    records: File,
    written: RefCell<Vec<String>>,
}

/// The file by which a folder is known to be of ours; it lists the others.
const MANIFEST: &str = "manifest.json";
/// The records of an unfinished run, and among results those that later runs
/// may use.
pub(super) const RECORDS: &str = "records.bin";
/// The files of a result that is being written.
const RESULTS: &str = "results";
/// The result that is being replaced.
const REPLACED: &str = "replaced";

/// How often a run tries to get a work folder that others take away.
const ATTEMPTS: usize = 100;

impl Folder {
    /// Prepares to write `given`; what an earlier run left there stays until
    /// [`finish`](Folder::finish). All that can be known to fail then fails now.
    pub(super) fn open(given: &Path) -> Result<Folder, Failure> {
        let target = place(given)?;
        refuse_stranger(&target, ELSEWHERE)?;
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let work = target.with_file_name(name);
        let (records, is_new) = lock(&work)?;
        let folder = Folder {
            target,
            work,
            records,
            written: RefCell::default(),
        };
        if let Err(failure) = folder.tidy().and_then(|()| folder.rehearse()) {
            if is_new {
                folder.leave();
            }
            return Err(failure);
        }
        Ok(folder)
    }

    /// The file of the records, and its name for messages.
    pub(super) fn records(&self) -> io::Result<(File, PathBuf)> {
        Ok((self.records.try_clone()?, self.work.join(RECORDS)))
    }

    /// The folder's name when it is finished.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Writes one file, which reaches the disk before this returns.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        self.stream(name, |file| file.write_all(content))
    }

    /// Writes one file piece by piece; it reaches the disk before this returns.
    pub(super) fn stream(
        &self,
        name: &str,
        content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let folder = self.work.join(RESULTS);
        let path = folder.join(name);
        let is_first = self.written.borrow().is_empty();
        let write = || -> io::Result<()> {
            if is_first {
                fs::create_dir(&folder)?;
            }
            // Never follows a link, and never takes the place of another file.
            let mut file = BufWriter::new(File::create_new(&path)?);
            content(&mut file)?;
            file.into_inner()?.sync_all()
        };
        write().map_err(|error| {
            anyhow!(
                "cannot write {}: {error}\n  help: the runs that are done are kept; the same command goes on from there",
                path.display()
            )
        })?;
        self.written.borrow_mut().push(name.to_owned());
        Ok(())
    }

    /// Removes what could not be written whole.
    pub(super) fn forget(&self, name: &str) {
        let _ = fs::remove_file(self.work.join(RESULTS).join(name));
    }

    /// Writes the manifest, which lists all files, and puts the results in
    /// their place.
    pub(super) fn finish(self, mut manifest: Value) -> Result<(), Failure> {
        manifest["files"] = Value::from(self.written.borrow().clone());
        self.write(MANIFEST, format!("{manifest:#}\n").as_bytes())?;
        let (results, replaced) = (self.work.join(RESULTS), self.work.join(REPLACED));
        let shown = self.target.display();
        let cannot_create = || {
            format!(
                "cannot create {shown}; the results are in {}",
                results.display()
            )
        };
        sync_folder(&results).with_context(cannot_create)?;
        // Somebody may have put a file there while the run went on.
        let here = format!("the results are in {}", results.display());
        refuse_stranger(&self.target, &here)?;
        let was_there = match fs::rename(&self.target, &replaced) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(anyhow!(error).context(cannot_create()).into()),
        };
        let put_back = || {
            if was_there {
                let _ = fs::rename(&replaced, &self.target);
            }
        };
        // Nobody finds it by its name any more: this look is the last word.
        refuse_stranger_called(&replaced, &self.target, &here).inspect_err(|_| put_back())?;
        fs::rename(&results, &self.target)
            .inspect_err(|_| put_back())
            .with_context(cannot_create)?;
        sync_folder(&self.work).with_context(cannot_create)?;
        sync_folder(folder_of(&self.target)).with_context(cannot_create)?;
        let _ = remove(&replaced);
        self.leave();
        Ok(())
    }

    /// Removes the work folder, once nothing in it is needed any more.
    fn leave(&self) {
        let _ = fs::remove_file(self.work.join(RECORDS));
        if let Err(error) = fs::remove_dir(&self.work)
            && error.kind() == ErrorKind::DirectoryNotEmpty
        {
            complain(&format!(
                "warning: {} is left there: it holds files that ratelab did not write",
                self.work.display()
            ));
        }
    }

    /// Brings a work folder that a killed run has left into order.
    fn tidy(&self) -> Result<(), Failure> {
        let (results, replaced) = (self.work.join(RESULTS), self.work.join(REPLACED));
        let tidy = || -> io::Result<()> {
            // The manifest of what is removed goes first: with it, the folder is
            // whole, and its run was killed before the new one took its place.
            if is_folder(&replaced)
                && replaced.join(MANIFEST).is_file()
                && fs::symlink_metadata(&self.target).is_err()
            {
                fs::rename(&replaced, &self.target)?;
            }
            remove(&results)?;
            remove(&replaced)?;
            for entry in fs::read_dir(&self.work)? {
                let entry = entry?;
                let name = entry.file_name();
                if name.to_str().is_some_and(is_result) && !entry.file_type()?.is_dir() {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        tidy().map_err(|error| {
            let why = input::reason(&error);
            unfit(format!(
                "cannot clear {}: {why}\n  help: {ELSEWHERE}",
                self.work.display()
            ))
        })
    }

    /// Tries to move an earlier result away, which can fail at the end: a mount
    /// point cannot be moved, nor can a folder that must not be written to.
    ///
    /// A folder is never moved onto one that holds a file; what the system says
    /// instead tells whether it would have been moved otherwise.
    #[cfg(unix)]
    fn rehearse(&self) -> Result<(), Failure> {
        if !is_folder(&self.target) {
            return Ok(());
        }
        let taken = self.work.join(REPLACED);
        let rehearse = || -> io::Result<()> {
            fs::create_dir(&taken)?;
            File::create_new(taken.join(RECORDS))?;
            fs::rename(&self.target, &taken)
        };
        let done = rehearse();
        if done.is_ok() {
            let _ = fs::rename(&taken, &self.target);
        }
        let _ = remove(&taken);
        let error = match done {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let (why, help) = match error.kind() {
            ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => return Ok(()),
            ErrorKind::ResourceBusy | ErrorKind::CrossesDevices => {
                let inside = self.target.join("results");
                let help = format!(
                    "results replace a folder as a whole; name one inside it, such as --out {}",
                    inside.display()
                );
                ("it is a mount point".to_owned(), help)
            }
            _ => (input::reason(&error), ELSEWHERE.to_owned()),
        };
        Err(unfit(format!(
            "{} cannot be replaced: {why}\n  help: {help}",
            self.target.display()
        )))
    }

    #[cfg(not(unix))]
    fn rehearse(&self) -> Result<(), Failure> {
        Ok(())
    }
}

fn unfit(what: String) -> Failure {
    Failure::Input(format!("error: {what}"))
}

const ELSEWHERE: &str = "name a new or empty folder with --out";

/// The folder that `given` names, without a slash or a dot at its end; a link
/// is followed, so that it goes on to lead to the results.
fn place(given: &Path) -> Result<PathBuf, Failure> {
    let shown = given.display();
    let mut target: PathBuf = given.components().collect();
    if target.is_symlink() {
        target = target
            .canonicalize()
            .map_err(|error| unfit(format!("cannot follow the link {shown}: {error}")))?;
    }
    if target.file_name().is_none() {
        return Err(unfit(format!(
            "--out {shown}: expected the name of a folder\n  help: the folder is made anew, so that it needs a name of its own"
        )));
    }
    match fs::metadata(&target) {
        Ok(there) if !there.is_dir() => {
            Err(unfit(format!("{shown} is a file; --out needs a folder")))
        }
        _ => Ok(target),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the work folder, or takes over one that was left, and locks its
/// records. Tells whether they are new.
fn lock(work: &Path) -> Result<(File, bool), Failure> {
    let shown = work.display();
    let cannot_create = |error: io::Error| {
        let why = input::reason(&error);
        unfit(format!(
            "cannot create {shown}: {why}\n  help: name a folder with --out in a place that can be written to"
        ))
    };
    fs::create_dir_all(folder_of(work)).map_err(cannot_create)?;
    let path = work.join(RECORDS);
    for _ in 0..ATTEMPTS {
        match fs::create_dir(work) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if let Some(stranger) = stranger_at_work(work).map_err(cannot_create)? {
                    return Err(not_ours(work, &stranger, ELSEWHERE));
                }
            }
            made => made.map_err(cannot_create)?,
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let (opened, is_new) = match options.clone().create_new(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => (options.open(&path), false),
            made => (made, true),
        };
        let file = match opened {
            // Another run has just ended and removed it.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            opened => opened.map_err(cannot_create)?,
        };
        match lock_soon(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(unfit(format!(
                    "another run is writing {}\n  help: wait for it, or name another folder with --out",
                    path.display()
                )));
            }
            // A file system without locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(cannot_create(error)),
        }
        if is_at(&file, &path) {
            return Ok((file, is_new));
        }
    }
    Err(cannot_create(io::Error::other(
        "other runs make and remove it all the time",
    )))
}

/// Locks a file. The lock of a process that was killed is free only once the
/// system has cleared it away, so that this waits for a moment.
fn lock_soon(file: &File) -> Result<(), TryLockError> {
    const TRIES: u32 = 40;
    const BETWEEN: Duration = Duration::from_millis(25);
    for _ in 0..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN),
            done => return done,
        }
    }
    file.try_lock()
}

/// Whether an open file is what its path names, and not one that was removed,
/// or that a link leads to.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |found: io::Result<fs::Metadata>| found.map(|found| (found.dev(), found.ino()));
    match (
        identity(file.metadata()),
        identity(fs::symlink_metadata(path)),
    ) {
        (Ok(open), Ok(named)) => open == named,
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.is_file() && !path.is_symlink()
}

/// What makes the work folder that is there somebody else's, if anything does.
fn stranger_at_work(work: &Path) -> io::Result<Option<String>> {
    let kind = match fs::symlink_metadata(work) {
        Ok(there) => there.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !kind.is_dir() {
        return Ok(Some("is a link or a file".to_owned()));
    }
    let mut other = None;
    let entries = match fs::read_dir(work) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match (name == RECORDS, entry.file_type()?.is_file()) {
            (true, true) => return Ok(None),
            (true, false) => return Ok(Some(format!("holds {RECORDS} as a link or a folder"))),
            (false, _) => other = Some(format!("holds {name}")),
        }
    }
    Ok(other)
}

/// Whether a file has a name that a run gives to files of results.
fn is_result(name: &str) -> bool {
    const DATA: [&str; 8] = [
        MANIFEST,
        "estimates.csv",
        "gates.csv",
        "replications.csv",
        "runs.csv",
        "series.csv",
        "report.html",
        "scenario.ron",
    ];
    let is_chart = name.rsplit_once('.').is_some_and(|(stem, ending)| {
        let of_a_name =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        ["svg", "png"].contains(&ending) && stem.bytes().all(of_a_name)
    });
    is_chart || DATA.contains(&name)
}

/// Whether there is a folder, and not a link to one.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_dir())
}

/// Removes a folder with all that is in it, the manifest first; or a link, and
/// not what it leads to.
fn remove(path: &Path) -> io::Result<()> {
    let gone = |done: io::Result<()>| match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    };
    if !is_folder(path) {
        return gone(fs::remove_file(path));
    }
    gone(fs::remove_file(path.join(MANIFEST)))?;
    gone(fs::remove_dir_all(path))
}

/// Makes what has happened to a folder's entries outlast a loss of power.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        // Not every file system can.
        Err(error) if [ErrorKind::Unsupported, ErrorKind::InvalidInput].contains(&error.kind()) => {
            Ok(())
        }
        done => done,
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn not_ours(folder: &Path, why: &str, help: &str) -> Failure {
    unfit(format!(
        "{} {why}, which ratelab did not write, and is not replaced\n  help: {help}",
        folder.display()
    ))
}

/// A folder with something of somebody else's must not be replaced.
fn refuse_stranger(folder: &Path, help: &str) -> Result<(), Failure> {
    refuse_stranger_called(folder, folder, help)
}

fn refuse_stranger_called(folder: &Path, called: &Path, help: &str) -> Result<(), Failure> {
    match stranger(folder) {
        Ok(None) => Ok(()),
        Ok(Some(stranger)) => Err(not_ours(called, &stranger, help)),
        Err(error) => {
            let (shown, why) = (called.display(), input::reason(&error));
            Err(unfit(format!("cannot read {shown}: {why}\n  help: {help}")))
        }
    }
}

/// What shows that a folder is not only of our runs' making, if anything does:
/// results carry a manifest that lists all their files.
fn stranger(folder: &Path) -> io::Result<Option<String>> {
    match fs::symlink_metadata(folder) {
        Ok(there) if there.is_dir() => {}
        Ok(_) => return Ok(Some("is a link or a file".to_owned())),
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    let manifest: Value = fs::read(folder.join(MANIFEST))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let ours = manifest["schema"] == SCHEMA;
    let listed = |name: &str| {
        let files = manifest["files"].as_array();
        [MANIFEST, RECORDS].contains(&name)
            || files.is_some_and(|files| files.iter().any(|file| file == name))
    };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !(ours && entry.file_type()?.is_file() && listed(&name)) {
            return Ok(Some(format!("holds {name}")));
        }
    }
    Ok(None)
}
