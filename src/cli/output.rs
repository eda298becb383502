use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

use super::Failure;
use crate::report::SCHEMA;

/// A folder of results that appears whole or not at all: files are written
/// into a folder beside it, which takes its place at the end.
pub(super) struct Folder {
    target: PathBuf,
    partial: PathBuf,
    /// Where an earlier result is put while the new one takes its place.
    replaced: PathBuf,
    written: RefCell<Vec<String>>,
}

/// The file by which a folder is known to be of ours; it lists the others.
const MANIFEST: &str = "manifest.json";
/// The file in which records of an unfinished run are kept.
const RECORDS: &str = "records.bin";

impl Folder {
    /// Prepares to write `target`; what an earlier run left there stays until
    /// [`finish`](Folder::finish).
    pub(super) fn open(target: &Path) -> Result<Folder, Failure> {
        let shown = target.display();
        let unfit = |what: String| Failure::Input(format!("error: {what}"));
        let target = match target.is_symlink() {
            true => target
                .canonicalize()
                .map_err(|error| unfit(format!("cannot follow the link {shown}: {error}")))?,
            false => target.to_owned(),
        };
        if target.exists() && !target.is_dir() {
            return Err(unfit(format!("{shown} is a file; --out needs a folder")));
        }
        let Some(name) = target.file_name() else {
            return Err(unfit(format!(
                "--out {shown}: expected the name of a folder\n  help: the folder is made anew, so that it needs a name of its own"
            )));
        };
        let beside = |ending: &str| {
            let mut name = name.to_owned();
            name.push(ending);
            target.with_file_name(name)
        };
        let (partial, replaced) = (beside(".partial"), beside(".replaced"));
        for folder in [&target, &replaced] {
            if let Some(stranger) = stranger(folder)
                .map_err(|error| unfit(format!("cannot read {}: {error}", folder.display())))?
            {
                return Err(unfit(not_ours(folder, &stranger)));
            }
        }
        let cannot_create = |error| unfit(format!("cannot create {}: {error}", partial.display()));
        fs::create_dir_all(&partial).map_err(cannot_create)?;
        let mut entries = fs::read_dir(&partial).map_err(cannot_create)?;
        if entries.next().is_some() && !partial.join(RECORDS).is_file() {
            return Err(unfit(not_ours(&partial, "files of somebody else")));
        }
        Ok(Folder {
            target,
            partial,
            replaced,
            written: RefCell::default(),
        })
    }

    /// Where the records of the unfinished run are kept.
    pub(super) fn records(&self) -> PathBuf {
        self.partial.join(RECORDS)
    }

    /// The folder's name when it is finished.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Writes one file.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let path = self.partial.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        self.written.borrow_mut().push(name.to_owned());
        Ok(())
    }

    /// Writes the manifest, which lists all files, and puts the folder in its
    /// place. The records are kept until nothing can fail any more.
    pub(super) fn finish(self, mut manifest: Value) -> Result<(), Failure> {
        manifest["files"] = Value::from(self.written.take());
        self.write(MANIFEST, format!("{manifest:#}\n").as_bytes())?;
        let shown = self.target.display();
        let cannot_replace = || format!("cannot replace {shown}");
        // Somebody may have put a file there while the run went on.
        if let Some(stranger) = stranger(&self.target).with_context(cannot_replace)? {
            return Err(Failure::Input(format!(
                "error: {}\n  help: the results are in {}",
                not_ours(&self.target, &stranger),
                self.partial.display()
            )));
        }
        if self.target.exists() {
            remove_if_there(&self.replaced).with_context(cannot_replace)?;
            fs::rename(&self.target, &self.replaced).with_context(cannot_replace)?;
        }
        fs::rename(&self.partial, &self.target)
            .with_context(|| format!("cannot create {shown}"))?;
        let _ = fs::remove_file(self.target.join(RECORDS));
        let _ = remove_if_there(&self.replaced);
        Ok(())
    }
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn not_ours(folder: &Path, stranger: &str) -> String {
    format!(
        "{} holds {stranger}, which ratelab did not write, and is not replaced\n  help: name a new or empty folder with --out",
        folder.display()
    )
}

/// Something in a folder that no run of ours has written, if there is any: a
/// folder with it must not be replaced. Results carry a manifest that lists
/// all their files.
fn stranger(folder: &Path) -> io::Result<Option<String>> {
    if !folder.exists() {
        return Ok(None);
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
            return Ok(Some(name));
        }
    }
    Ok(None)
}
