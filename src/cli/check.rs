use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use super::args::Format;
use super::input::Input;
use super::run::outlook_in_words;
use super::{Exit, Failure, complain, memory, print};
use crate::experiment::{Budget, Outlook, Study};
use crate::scenario::Note;

/// Checks scenarios; all of them, even if one is not sound.
pub(super) fn check(files: &[PathBuf], set: &[String], format: Format) -> Result<Exit, Failure> {
    if format == Format::Csv {
        return Err(Failure::Input(
            "error: check has no csv; expected --format text or json".to_owned(),
        ));
    }
    let mut exit = Exit::Done;
    let mut reports = Vec::new();
    for file in files {
        match check_one(file, set) {
            Ok(report) => reports.push(report),
            Err(Failure::Input(message)) => {
                complain(&message);
                exit = Exit::BadInput;
                reports.push(Report {
                    file: file.display().to_string(),
                    problem: Some(message),
                    ..Report::default()
                });
            }
            Err(failure) => return Err(failure),
        }
    }
    match format {
        Format::Text => {
            for report in reports.iter().filter(|report| report.problem.is_none()) {
                for (path, note) in &report.notes {
                    let at = path
                        .as_ref()
                        .map_or_else(String::new, |path| format!(" {path}:"));
                    complain(&format!("note: {}:{at} {note}", report.file));
                }
                print(&report.text())?;
            }
        }
        Format::Json => {
            let document = serde_json::json!({
                "schema": crate::report::SCHEMA,
                "verb": "check",
                "sound": exit == Exit::Done,
                "files": reports.iter().map(Report::json).collect::<Vec<_>>(),
            });
            print(&format!("{document:#}"))?;
        }
        Format::Csv => {}
    }
    Ok(exit)
}

#[derive(Default)]
struct Report {
    file: String,
    name: String,
    homes: u32,
    devices: u32,
    policies: Vec<String>,
    replications: u32,
    span: String,
    problem: Option<String>,
    notes: Vec<(Option<String>, String)>,
}

fn check_one(file: &std::path::Path, set: &[String]) -> Result<Report, Failure> {
    let input = Input::read(Some(file), set)?;
    let variants = input
        .source
        .variants()
        .map_err(|problems| input.failure(&problems))?;
    let scenarios = || variants.iter().map(|variant| &variant.scenario);
    let mut notes: Vec<(Option<String>, String)> = Note::on(scenarios())
        .iter()
        .map(|note| (Some(note.path()), note.to_string()))
        .collect();
    // Whether it fits is for the machine that runs it to say; here it is a note.
    let budget = Budget {
        bytes: memory::usable(),
        seconds: None,
        threads: available_parallelism().map_or(1, NonZeroUsize::get),
    };
    match Outlook::of(scenarios(), budget) {
        Ok(outlook) => {
            let lines = outlook_in_words(&outlook, budget);
            notes.extend(lines.into_iter().map(|line| (None, line)));
        }
        Err(over) => notes.push((over.path, format!("{}; {}", over.message, over.help))),
    }
    let span = variants.first().map_or_else(String::new, |variant| {
        variant.scenario.time.length.to_string()
    });
    let name = variants
        .first()
        .map_or_else(String::new, |variant| variant.scenario.name.clone());
    let study = Study::new(variants).map_err(|error| input.complaint(error.to_string()))?;
    let population = study.cells.first().map(|cell| &cell.world.population);
    Ok(Report {
        file: input.file,
        name,
        homes: population.map_or(0, |population| population.homes),
        devices: population.map_or(0, |population| population.devices),
        policies: study.cells.iter().map(|cell| cell.policy.clone()).collect(),
        replications: study.replications,
        span,
        problem: None,
        notes,
    })
}

impl Report {
    fn text(&self) -> String {
        let count = |number: usize, one: &str| {
            format!("{number} {one}{}", if number == 1 { "" } else { "s" })
        };
        let many = |number: u32, one: &str| count(number as usize, one);
        format!(
            "{}: sound\n  {}\n  {}, {}; {} measured\n  {} x {}: {}",
            self.file,
            self.name,
            many(self.homes, "home"),
            many(self.devices, "device"),
            self.span,
            match self.policies.len() {
                1 => "1 policy".to_owned(),
                more => format!("{more} policies"),
            },
            many(self.replications, "replication"),
            self.policies.join("; "),
        )
    }

    fn json(&self) -> serde_json::Value {
        match &self.problem {
            Some(problem) => {
                serde_json::json!({ "file": self.file, "sound": false, "problem": problem })
            }
            None => serde_json::json!({
                "file": self.file,
                "sound": true,
                "scenario": self.name,
                "homes": self.homes,
                "devices": self.devices,
                "policies": self.policies,
                "replications": self.replications,
                "length": self.span,
                "notes": self.notes.iter().map(|(path, message)| {
                    serde_json::json!({ "path": path, "message": message })
                }).collect::<Vec<_>>(),
            }),
        }
    }
}
