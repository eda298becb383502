use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use super::args::Format;
use super::input::{Input, Setting};
use super::{Exit, Failure, complain, memory, print};
use crate::experiment::{Budget, Outlook};
use crate::scenario::text::{printable, visible};
use crate::scenario::{Note, Variants};
use crate::world::{World, WorldError};

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
                    file: printable(&file.to_string_lossy()).into_owned(),
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
    homes: u64,
    devices: u64,
    /// Whether that is the number that each replication has in the mean.
    drawn_anew: bool,
    policies: Vec<String>,
    /// What varies, with the names of its values.
    varied: Vec<(String, Vec<String>)>,
    /// Paths that follow from another value.
    linked: Vec<(String, String)>,
    replications: u32,
    span: String,
    problem: Option<String>,
    notes: Vec<(Option<String>, String)>,
}

fn check_one(file: &std::path::Path, set: &[String]) -> Result<Report, Failure> {
    let input = Input::read(Some(file), &Setting::all(set))?;
    let variants = input
        .source
        .variants()
        .map_err(|problems| input.failure(&problems))?;
    compile_small(&variants).map_err(|error| input.complaint(error.to_string()))?;
    let scenarios = || variants.iter().map(|variant| variant.scenario);
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
            let lines = outlook.in_words(budget.threads);
            notes.extend(lines.into_iter().map(|line| (None, line)));
        }
        Err(over) => notes.push((over.path, format!("{}; {}", over.message, over.help))),
    }
    let mut report = Report {
        file: input.file,
        policies: variants.names().to_vec(),
        varied: variants
            .axes()
            .iter()
            .map(|axis| (axis.title().to_owned(), axis.labels.clone()))
            .collect(),
        linked: variants
            .links()
            .map(|(path, from)| (path.to_owned(), from))
            .collect(),
        notes,
        ..Report::default()
    };
    if let Some(first) = variants.get(0) {
        let scenario = first.scenario;
        report.homes = scenario.homes();
        report.devices = scenario.mean_devices().round() as u64;
        report.drawn_anew = scenario.draws_fleet_anew();
        report.span = scenario.time.length.to_string();
        report.replications = scenario.study.replications;
        report.name = scenario.name.clone();
    }
    Ok(report)
}

/// The most homes and devices, of all cells that are compiled one after the
/// other: a second or so.
const MOST_COMPILED: f64 = 3e6;

/// Finds what only compiling finds, as far as that takes no time to speak of;
/// larger cells are compiled when they are run.
fn compile_small(variants: &Variants) -> Result<(), WorldError> {
    let mut left = MOST_COMPILED;
    for variant in variants {
        let scenario = &variant.scenario;
        let size = scenario.homes() as f64 + scenario.mean_devices();
        if size > left {
            break;
        }
        left -= size;
        World::compile(scenario, scenario.study.seed, 0)?;
    }
    Ok(())
}

/// The most names of a list that are printed.
const MOST_NAMES: usize = 12;

/// The most characters of a name that are printed: that of a cell is whole.
const MOST_CHARACTERS: usize = 120;

fn list(names: &[String], between: &str) -> String {
    let shown = |name: &String| match name.chars().count() > MOST_CHARACTERS {
        true => name.chars().take(MOST_CHARACTERS).chain(['…']).collect(),
        false => name.clone(),
    };
    let shown: Vec<String> = names.iter().take(MOST_NAMES).map(shown).collect();
    let mut text = shown.join(between);
    if names.len() > MOST_NAMES {
        text.push_str(&format!("{between}and {} more", names.len() - MOST_NAMES));
    }
    text
}

impl Report {
    fn text(&self) -> String {
        let count = |number: usize, one: &str| {
            format!("{number} {one}{}", if number == 1 { "" } else { "s" })
        };
        let many = |number: u64, one: &str| count(number as usize, one);
        let varied = self
            .varied
            .iter()
            .map(|(path, labels)| format!("\n  varies {}: {}", visible(path), list(labels, "; ")));
        let linked = self
            .linked
            .iter()
            .map(|(path, from)| format!("\n  links {} = {}", visible(path), visible(from)));
        let study: String = varied.chain(linked).collect();
        format!(
            "{}: sound\n  {}\n  {}, {}{}; {} measured\n  {} x {}: {}{study}",
            self.file,
            self.name,
            many(self.homes, "home"),
            many(self.devices, "device"),
            match self.drawn_anew {
                true => " in the first replication, drawn anew in each",
                false => "",
            },
            self.span,
            match self.policies.len() {
                1 => "1 policy".to_owned(),
                more => format!("{more} policies"),
            },
            many(u64::from(self.replications), "replication"),
            list(&self.policies, "; "),
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
                "devices_drawn_anew": self.drawn_anew,
                "policies": self.policies,
                "varied": self.varied.iter().map(|(path, values)| serde_json::json!({
                    "path": path,
                    "values": values,
                })).collect::<Vec<_>>(),
                "linked": self.linked.iter().map(|(path, from)| serde_json::json!({
                    "path": path,
                    "from": from,
                })).collect::<Vec<_>>(),
                "replications": self.replications,
                "length": self.span,
                "notes": self.notes.iter().map(|(path, message)| {
                    serde_json::json!({ "path": path, "message": message })
                }).collect::<Vec<_>>(),
            }),
        }
    }
}
