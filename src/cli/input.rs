use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::Path;

use super::{Failure, colour};
use crate::scenario::text::{
    Path as ScenarioPath, SourceTree, nearest, printable, read_source, render,
};
use crate::scenario::{Problem, Problems, Source, presets};

/// A scenario text and the name that it is called by in messages.
pub(super) struct Input {
    /// The file's name, as it was given; printable.
    pub(super) file: String,
    /// The name without folder and ending.
    pub(super) stem: String,
    /// The text, with all values set.
    pub(super) source: Source,
    /// The text as it was read.
    written: String,
    /// What was set, and where the bytes of the text come from.
    set: Vec<Done>,
    pieces: Pieces,
}

/// A value that the command line sets.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The flag with its value, as a message shows it.
    flag: String,
    /// `PATH=VALUE`.
    assignment: String,
}

impl Setting {
    /// What `--set` was given.
    pub(super) fn all(assignments: &[String]) -> Vec<Setting> {
        let set = |assignment: &String| Setting {
            flag: format!("--set {assignment}"),
            assignment: assignment.clone(),
        };
        assignments.iter().map(set).collect()
    }

    /// A flag of its own that stands for a value of the scenario.
    pub(super) fn flag(name: &str, path: &str, value: impl std::fmt::Display) -> Setting {
        Setting {
            flag: format!("{name} {value}"),
            assignment: format!("{path}={value}"),
        }
    }
}

/// A setting that was made, and the text after it.
struct Done {
    flag: String,
    after: Source,
}

/// The largest file that is read; the reader refuses less, and says so.
const MOST_BYTES: u64 = 64 << 20;

impl Input {
    /// Reads a file, a preset or standard input, and sets values.
    pub(super) fn read(path: Option<&Path>, set: &[Setting]) -> Result<Input, Failure> {
        let mut input = match path {
            None => Input::preset(presets::find(presets::DEFAULT).unwrap_or(&presets::ALL[0])),
            Some(path) => Input::at(path)?,
        };
        for setting in set {
            input.set(setting)?;
        }
        Ok(input)
    }

    fn set(&mut self, setting: &Setting) -> Result<(), Failure> {
        let failure =
            |problem: Problem| Failure::Input(render(&problem.into(), &setting.flag, "", colour()));
        let parts = setting.assignment.split_once('=');
        let Some((path, value)) = parts.filter(|(path, _)| !path.trim().is_empty()) else {
            return Err(failure(Problem::new(
                "expected PATH=VALUE, such as server.stages.0.permits=80",
            )));
        };
        // One at a time, so that each change is one piece of the text.
        for path in self.source.expand(path.trim()).map_err(failure)? {
            let before = self.source.text().to_owned();
            self.source.set(&path, value.trim()).map_err(failure)?;
            self.pieces
                .change(&before, self.source.text(), self.set.len());
        }
        self.set.push(Done {
            flag: setting.flag.clone(),
            after: self.source.clone(),
        });
        Ok(())
    }

    fn new(file: &str, stem: &str, text: String) -> Input {
        Input {
            file: printable(file).into_owned(),
            stem: stem.to_owned(),
            source: Source::new(text.clone()),
            pieces: Pieces::new(&text),
            written: text,
            set: Vec::new(),
        }
    }

    fn preset(preset: &presets::Preset) -> Input {
        let file = format!("{} (preset)", preset.name);
        Input::new(&file, preset.name, preset.text.to_owned())
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
        if name == "-" {
            return Ok(Input::new("standard input", "stdin", text));
        }
        let stem = path.file_stem().map_or_else(
            || "scenario".to_owned(),
            |stem| stem.to_string_lossy().into_owned(),
        );
        Ok(Input::new(&name, &stem, text))
    }

    /// Problems of this text, as an error to be shown: each at the place of the
    /// file that a user has, or at what the command line sets.
    pub(super) fn failure(&self, problems: &Problems) -> Failure {
        let mut in_file = Problems::new();
        let mut of_flags: Vec<Problems> = self.set.iter().map(|_| Problems::new()).collect();
        // Read only if something is wrong.
        let told = |source: &Source| match source.variants() {
            Ok(_) => Problems::new(),
            Err(problems) => problems,
        };
        let mut own: Vec<Problem> = match self.set.is_empty() {
            true => problems.iter().cloned().collect(),
            false => {
                let found = told(&Source::new(self.written.clone()));
                found.iter().cloned().collect()
            }
        };
        let mut after: Vec<Option<Problems>> = self.set.iter().map(|_| None).collect();
        for problem in problems {
            // The file has it by itself.
            let same = |other: &Problem| other.message == problem.message;
            if let Some(number) = own.iter().position(same) {
                in_file.push(own.swap_remove(number));
                continue;
            }
            let origin = (problem.place.as_ref()).map(|place| self.pieces.origin(place));
            let mut problem = problem.clone();
            problem.place = match origin {
                Some(Origin::Set(number)) => {
                    problem.place = None;
                    of_flags[number].push(problem);
                    continue;
                }
                Some(Origin::File(place)) => Some(place),
                None => None,
            };
            // What comes of a value that is set, but shows elsewhere.
            let culprit = (self.set.iter().zip(&mut after)).position(|(done, after)| {
                let found = after.get_or_insert_with(|| told(&done.after));
                found.iter().any(|other| other.message == problem.message)
            });
            if let Some(number) = culprit {
                let because = format!("it is so because of {}", self.set[number].flag);
                problem.help = Some(match problem.help {
                    Some(help) => format!("{because}; {help}"),
                    None => because,
                });
            }
            in_file.push(problem);
        }
        let mut shown: Vec<String> = (self.set.iter().zip(&of_flags))
            .filter(|(_, problems)| !problems.is_empty())
            .map(|(done, problems)| render(problems, &done.flag, "", colour()))
            .collect();
        if !in_file.is_empty() {
            shown.push(render(&in_file, &self.file, &self.written, colour()));
        }
        Failure::Input(shown.join("\n\n"))
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

/// Where the bytes of a text come from that was changed from outside.
struct Pieces(Vec<Piece>);

struct Piece {
    length: usize,
    writer: Writer,
}

#[derive(Clone, Copy)]
enum Writer {
    /// The file, from that offset on.
    File(usize),
    /// What was set by the setting of that number.
    Set(usize),
}

/// What a place of the changed text is about.
enum Origin {
    File(Range<usize>),
    Set(usize),
}

impl Pieces {
    fn new(text: &str) -> Pieces {
        Pieces(vec![Piece {
            length: text.len(),
            writer: Writer::File(0),
        }])
    }

    /// Takes note of a change: between the longest common start and end stands
    /// what was set.
    fn change(&mut self, before: &str, after: &str, number: usize) {
        let same = |(a, b): &(u8, u8)| a == b;
        let start = before.bytes().zip(after.bytes()).take_while(same).count();
        let shorter = before.len().min(after.len()) - start;
        let ends = before.bytes().rev().zip(after.bytes().rev());
        let end = ends.take(shorter).take_while(same).count();
        if start == after.len() && before.len() == after.len() {
            return;
        }
        let mut pieces = self.cut(0..start);
        pieces.push(Piece {
            length: after.len() - start - end,
            writer: Writer::Set(number),
        });
        pieces.extend(self.cut(before.len() - end..before.len()));
        self.0 = pieces;
    }

    /// The pieces of a part of the text.
    fn cut(&self, part: Range<usize>) -> Vec<Piece> {
        let mut cut = Vec::new();
        let mut at = 0;
        for piece in &self.0 {
            let from = part.start.max(at);
            let to = part.end.min(at + piece.length);
            if from < to {
                cut.push(Piece {
                    length: to - from,
                    writer: match piece.writer {
                        Writer::File(offset) => Writer::File(offset + from - at),
                        set => set,
                    },
                });
            }
            at += piece.length;
        }
        cut
    }

    /// Where a place comes from: from the last setting that wrote a part of
    /// it, else from the file.
    fn origin(&self, place: &Range<usize>) -> Origin {
        let inside = self.cut(place.start..place.end.max(place.start + 1));
        let set = inside.iter().filter_map(|piece| match piece.writer {
            Writer::Set(number) => Some(number),
            Writer::File(_) => None,
        });
        if let Some(number) = set.max() {
            return Origin::Set(number);
        }
        let start = match inside.first().map(|piece| piece.writer) {
            Some(Writer::File(offset)) => offset,
            // The end of the text.
            _ => self
                .0
                .iter()
                .rev()
                .find_map(|piece| match piece.writer {
                    Writer::File(offset) => Some(offset + piece.length),
                    Writer::Set(_) => None,
                })
                .unwrap_or(0),
        };
        Origin::File(start..start + place.len())
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
    format!("error: cannot read {}: {why}{help}", printable(name))
}
