use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::{Failure, colour};
use crate::scenario::text::{Path as ScenarioPath, SourceTree, nearest, read_source, render};
use crate::scenario::{Problem, Problems, Source, presets};

/// A scenario text and the name that it is called by in messages.
pub(super) struct Input {
    /// The file's name, as it was given.
    pub(super) file: String,
    /// The name without folder and ending.
    pub(super) stem: String,
    /// The text, with all values set.
    pub(super) source: Source,
}

/// The largest file that is read; the reader refuses less, and says so.
const MOST_BYTES: u64 = 64 << 20;

impl Input {
    /// Reads a file, a preset or standard input, and sets values.
    pub(super) fn read(path: Option<&Path>, set: &[String]) -> Result<Input, Failure> {
        let mut input = match path {
            None => Input::preset(presets::find(presets::DEFAULT).unwrap_or(&presets::ALL[0])),
            Some(path) => Input::at(path)?,
        };
        for assignment in set {
            let parts = assignment.split_once('=');
            let Some((path, value)) = parts.filter(|(path, _)| !path.trim().is_empty()) else {
                return Err(Failure::Input(format!(
                    "error: --set {assignment}: expected PATH=VALUE, such as server.stages.0.permits=80"
                )));
            };
            input
                .source
                .set(path.trim(), value.trim())
                .map_err(|problem| {
                    let help = problem
                        .help
                        .map_or_else(String::new, |help| format!("\n  help: {help}"));
                    Failure::Input(format!(
                        "error: --set {assignment}: {}{help}",
                        problem.message
                    ))
                })?;
        }
        Ok(input)
    }

    fn preset(preset: &presets::Preset) -> Input {
        Input {
            file: format!("{} (preset)", preset.name),
            stem: preset.name.to_owned(),
            source: Source::new(preset.text.to_owned()),
        }
    }

    fn at(path: &Path) -> Result<Input, Failure> {
        let name = path.to_string_lossy().into_owned();
        if !path.exists()
            && let Some(preset) = presets::find(&name)
        {
            return Ok(Input::preset(preset));
        }
        let bytes = if name == "-" {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .take(MOST_BYTES)
                .read_to_end(&mut bytes)
                .map(|_| bytes)
        } else {
            read_file(path)
        };
        let bytes = bytes.map_err(|error| Failure::Input(cannot_read(&name, &error)))?;
        let text = read_source(&bytes).map_err(|problem| {
            let problems: Problems = [problem].into_iter().collect();
            Failure::Input(render(&problems, &name, "", colour()))
        })?;
        let stem = path.file_stem().map_or_else(
            || "scenario".to_owned(),
            |stem| stem.to_string_lossy().into_owned(),
        );
        Ok(Input {
            stem: if name == "-" {
                "stdin".to_owned()
            } else {
                stem
            },
            file: if name == "-" {
                "standard input".to_owned()
            } else {
                name
            },
            source: Source::new(text),
        })
    }

    /// Problems of this text, as an error to be shown.
    pub(super) fn failure(&self, problems: &Problems) -> Failure {
        Failure::Input(render(problems, &self.file, self.source.text(), colour()))
    }

    /// One problem at a place of the scenario, as an error to be shown. A path
    /// that is not written there has no place, and is told in words.
    pub(super) fn complaint_at(&self, path: Option<&str>, message: &str, help: &str) -> Failure {
        let tree = SourceTree::new(self.source.text());
        let place = path
            .and_then(|path| path.parse::<ScenarioPath>().ok())
            .and_then(|path| tree.place(&path));
        let mut problem = match (place.is_some(), path) {
            (false, Some(path)) => Problem::new(format!("{path}: {message}")),
            _ => Problem::new(message),
        };
        problem.place = place;
        problem.label = "this makes it so".to_owned();
        let problems: Problems = [problem.help(help)].into_iter().collect();
        self.failure(&problems)
    }

    /// One problem without a place, as an error to be shown.
    pub(super) fn complaint(&self, message: String) -> Failure {
        let problems: Problems = [Problem::new(message)].into_iter().collect();
        self.failure(&problems)
    }
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a file, which a folder is not.
pub(super) fn open(path: &Path) -> std::io::Result<File> {
    let file = File::open(path)?;
    match file.metadata()?.is_dir() {
        true => Err(std::io::Error::other("it is a folder")),
        false => Ok(file),
    }
}

/// Why a file cannot be read, in words.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn cannot_read(name: &str, error: &std::io::Error) -> String {
    let why = reason(error);
    let known = || presets::ALL.iter().map(|preset| preset.name);
    let help = match nearest(name, known()) {
        Some(near) if error.kind() == ErrorKind::NotFound => {
            format!("\n  help: did you mean the preset \"{near}\"?")
        }
        _ if error.kind() == ErrorKind::NotFound => {
            "\n  help: `ratelab presets` lists the built-in scenarios".to_owned()
        }
        _ => String::new(),
    };
    format!("error: cannot read {name}: {why}{help}")
}
