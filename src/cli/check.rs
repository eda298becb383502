use std::path::PathBuf;

use super::args::Format;
use super::input::{Input, Setting};
use super::{Exit, Failure, complain, print};
use crate::experiment::Study;
use crate::scenario::text::printable;

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
    /// Whether that is the number of the first replication only.
    drawn_anew: bool,
    policies: Vec<String>,
    replications: u32,
    span: String,
    problem: Option<String>,
}

fn check_one(file: &std::path::Path, set: &[String]) -> Result<Report, Failure> {
    let input = Input::read(Some(file), &Setting::all(set))?;
    let variants = input
        .source
        .variants()
        .map_err(|problems| input.failure(&problems))?;
    let span = variants.first().map_or_else(String::new, |variant| {
        variant.scenario.time.length.to_string()
    });
    let name = variants
        .first()
        .map_or_else(String::new, |variant| variant.scenario.name.clone());
    let study = Study::new(variants).map_err(|error| input.complaint(error.to_string()))?;
    let outline = study.cells.first().map(|cell| &cell.outline);
    Ok(Report {
        file: input.file,
        name,
        homes: outline.map_or(0, |outline| outline.homes),
        devices: outline.map_or(0, |outline| outline.devices),
        drawn_anew: outline.is_some_and(|outline| !outline.is_shared),
        policies: study.cells.iter().map(|cell| cell.name.clone()).collect(),
        replications: study.replications,
        span,
        problem: None,
    })
}

impl Report {
    fn text(&self) -> String {
        let count = |number: usize, one: &str| {
            format!("{number} {one}{}", if number == 1 { "" } else { "s" })
        };
        let many = |number: u32, one: &str| count(number as usize, one);
        format!(
            "{}: sound\n  {}\n  {}, {}{}; {} measured\n  {} x {}: {}",
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
                "devices_drawn_anew": self.drawn_anew,
                "policies": self.policies,
                "replications": self.replications,
                "length": self.span,
            }),
        }
    }
}
