//! Tells the program what its results were computed by: a hash of the sources
//! that they depend on, so that records of other sources are never taken for
//! those of these.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders and files of `src` that show results and do not make them.
const SHOWN: [&str; 7] = [
    "cli",
    "cli.rs",
    "main.rs",
    "replay",
    "replay.rs",
    "report",
    "report.rs",
];

fn main() -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir("src")? {
        let entry = entry?;
        let name = entry.file_name();
        if !SHOWN.iter().any(|shown| name == *shown) {
            gather(&entry.path(), &mut files)?;
        }
    }
    files.sort();
    files.extend(lock_file());
    // FNV-1a, 64 bits (Fowler, Noll and Vo, 1991).
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for file in &files {
        let name = file.file_name().map(OsStr::to_string_lossy);
        let name = name.unwrap_or_default().into_owned();
        for byte in name.bytes().chain(fs::read(file)?) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    println!("cargo:rerun-if-changed=src");
    if let Some(lock) = lock_file() {
        println!("cargo:rerun-if-changed={}", lock.display());
    }
    println!("cargo:rustc-env=RATELAB_SOURCES={hash:016x}");
    Ok(())
}

/// Where the versions of the dependencies stand, which compute too: beside the
/// folder that is built into, which is that of the program this is a part of,
/// or with these sources. A file that is not there would make every build anew.
fn lock_file() -> Option<PathBuf> {
    let built_into = std::env::var_os("OUT_DIR").map(PathBuf::from);
    let above = built_into.iter().flat_map(|folder| folder.ancestors());
    let locks = above.map(|folder| folder.join("Cargo.lock"));
    let here = [PathBuf::from("Cargo.lock")];
    locks.chain(here).find(|lock| lock.is_file())
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        gather(&entry?.path(), files)?;
    }
    Ok(())
}
