use std::path::{Path, PathBuf};

use super::args::{Format, RunFlags};
use super::input::Input;
use super::output::Folder;
use super::progress::Watch;
use super::store::Store;
use super::{Exit, Failure, complain, print};
use crate::experiment::{Options, Study, Verdict};
use crate::report::{self, Answer, Provenance, Timing};

pub(super) fn run(scenario: Option<&Path>, flags: &RunFlags) -> Result<Exit, Failure> {
    // Flags are set in the text, so that the scenario that is written with the
    // results gives them again by itself.
    let mut set = flags.set.clone();
    set.extend(flags.seed.map(|seed| format!("study.seed={seed}")));
    set.extend(
        flags
            .replications
            .map(|count| format!("study.replications={count}")),
    );
    let input = Input::read(scenario, &set)?;
    let variants = input
        .source
        .variants()
        .map_err(|problems| input.failure(&problems))?;
    let study = Study::new(&variants).map_err(|error| input.complaint(error.to_string()))?;
    let folder = match flags.no_files {
        true => None,
        false => {
            let target = flags
                .out
                .clone()
                .unwrap_or_else(|| PathBuf::from("outputs").join(&input.stem));
            Some(Folder::open(&target)?)
        }
    };
    let (store, known) = match &folder {
        None => (None, Vec::new()),
        Some(folder) => {
            let (store, known) = Store::open(&folder.records(), &study, input.source.text())?;
            (Some(store), known)
        }
    };
    let done = known.iter().flatten().count();
    if done > 0 && !flags.quiet {
        complain(&format!(
            "going on: {done} of {} runs were done before",
            study.tasks()
        ));
    }
    let watch = Watch::new(study.tasks(), done, flags.quiet, store.as_ref());
    let options = Options {
        threads: flags.threads.unwrap_or(0),
        queue: flags.queue.into(),
    };
    let records = study.run(options, known, &watch);
    watch.finish();
    let Ok(records) = records else {
        return Err(Failure::Interrupted(match &folder {
            Some(_) => "interrupted; the same command goes on from here".to_owned(),
            None => "interrupted".to_owned(),
        }));
    };
    let (events, run_seconds) = watch.event_loops();
    let answer = Answer::new(&study, &records);
    let provenance = Provenance {
        file: input.file.clone(),
        text: input.source.text().to_owned(),
        command: std::env::args().collect(),
    };
    let timing = Timing {
        events,
        run_seconds,
        peak_rss_bytes: peak_rss_bytes(),
    };
    let mut charts = Vec::new();
    let target = folder.as_ref().map(|folder| folder.target().to_owned());
    if let Some(folder) = folder {
        charts = write(&folder, &answer, &provenance.text)?;
        drop(store);
        folder.finish(report::manifest(&answer, &provenance))?;
    }
    match flags.format {
        Format::Text => {
            print(&report::table(&answer))?;
            if let Some(target) = &target {
                print(&places(target, &charts))?;
            }
        }
        Format::Json => {
            let document = report::document(&answer, "run", &timing, target.as_deref());
            print(&format!("{document:#}"))?;
        }
        Format::Csv => print(&report::estimates_csv(&answer).map_err(anyhow::Error::from)?)?,
    }
    Ok(exit(&answer))
}

/// Writes all files of a run and returns the names of its charts.
fn write(folder: &Folder, answer: &Answer<'_>, scenario: &str) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    let figures = report::figures(answer);
    let mut drawn = Vec::new();
    for figure in &figures {
        let svg = report::chart::svg(&figure.chart).map_err(anyhow::Error::from)?;
        let png = report::chart::png(&svg).map_err(anyhow::Error::from)?;
        folder.write(&format!("{}.svg", figure.name), svg.as_bytes())?;
        folder.write(&format!("{}.png", figure.name), &png)?;
        names.push(format!("{}.png", figure.name));
        drawn.push(svg);
    }
    let csv = |text: Result<String, csv::Error>| text.map_err(anyhow::Error::from);
    folder.write(
        "estimates.csv",
        csv(report::estimates_csv(answer))?.as_bytes(),
    )?;
    folder.write(
        "replications.csv",
        csv(report::replications_csv(answer))?.as_bytes(),
    )?;
    folder.write("series.csv", csv(report::series_csv(answer))?.as_bytes())?;
    folder.write("scenario.ron", scenario.as_bytes())?;
    folder.write("report.html", report::page(answer, &drawn).as_bytes())?;
    Ok(names)
}

fn places(target: &Path, charts: &[String]) -> String {
    let mut text = String::from("\nCharts to open:\n");
    for chart in charts {
        text.push_str(&format!("  {}\n", target.join(chart).display()));
    }
    text.push_str(&format!(
        "The whole report: {}\n",
        target.join("report.html").display()
    ));
    text
}

fn exit(answer: &Answer<'_>) -> Exit {
    let any = |verdict| {
        answer
            .targets
            .iter()
            .any(|target| target.verdict == verdict)
    };
    if any(Verdict::Missed) {
        Exit::TargetMissed
    } else if any(Verdict::Undecided) {
        Exit::TargetUndecided
    } else {
        Exit::Done
    }
}

/// The most memory that this process has had, where the system tells.
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
