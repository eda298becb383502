use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Failure;

/// A folder of results that appears whole or not at all: files are written
/// into a folder beside it, which takes its place at the end.
pub(super) struct Folder {
    target: PathBuf,
    partial: PathBuf,
}

/// The file by which a folder is known to be of ours, so that it may be
/// replaced.
const MANIFEST: &str = "manifest.json";

impl Folder {
    /// Prepares to write `target`; what an earlier run left there stays until
    /// [`finish`](Folder::finish).
    pub(super) fn open(target: &Path) -> Result<Folder, Failure> {
        let shown = target.display();
        if target.exists() && !target.is_dir() {
            return Err(Failure::Input(format!(
                "error: {shown} is a file; --out needs a folder"
            )));
        }
        if target.is_dir() && !target.join(MANIFEST).exists() {
            let mut entries = fs::read_dir(target)
                .map_err(|error| Failure::Input(format!("error: cannot read {shown}: {error}")))?;
            if entries.next().is_some() {
                return Err(Failure::Input(format!(
                    "error: {shown} holds files that are not results of ratelab, and is not replaced\n  help: name a new or empty folder with --out"
                )));
            }
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(Failure::Input(format!(
                "error: --out {shown}: expected the name of a folder"
            )));
        }
        name.push(".partial");
        let partial = target.with_file_name(name);
        fs::create_dir_all(&partial).map_err(|error| {
            Failure::Input(format!(
                "error: cannot create {}: {error}",
                partial.display()
            ))
        })?;
        Ok(Folder {
            target: target.to_owned(),
            partial,
        })
    }

    /// Where a file lies until the folder is finished.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.partial.join(name)
    }

    /// The folder's name when it is finished.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Writes one file.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let path = self.path(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(())
    }

    /// Puts the folder in its place; `leave_out` is removed first.
    pub(super) fn finish(self, leave_out: &str) -> Result<(), Failure> {
        let _ = fs::remove_file(self.path(leave_out));
        if self.target.exists() {
            fs::remove_dir_all(&self.target)
                .with_context(|| format!("cannot replace {}", self.target.display()))?;
        }
        fs::rename(&self.partial, &self.target)
            .with_context(|| format!("cannot create {}", self.target.display()))?;
        Ok(())
    }
}
