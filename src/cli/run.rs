use std::path::{Path, PathBuf};

use anyhow::Context;

use super::args::{Format, RunFlags};
use super::input::{Input, Setting};
use super::output::Folder;
use super::progress::Watch;
use super::store::Store;
use super::{Exit, Failure, complain, print};
use crate::experiment::{Options, RunError, Study, Verdict};
use crate::report::{self, Answer, Provenance, Timing};
use crate::scenario::text::printable;
use crate::sim::Record;

pub(super) fn run(scenario: Option<&Path>, flags: &RunFlags) -> Result<Exit, Failure> {
    // Flags are set in the text, so that the scenario that is written with the
    // results gives them again by itself.
    let mut set = Setting::all(&flags.set);
    set.extend((flags.seed).map(|seed| Setting::flag("--seed", "study.seed", seed)));
    set.extend(
        (flags.replications)
            .map(|count| Setting::flag("--replications", "study.replications", count)),
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
            let (store, known) = open_store(folder, &study, input.source.text(), flags.quiet)?;
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
    let records = match records {
        Ok(records) => records,
        Err(RunError::World(error)) => return Err(input.complaint(error.to_string())),
        Err(RunError::Stopped(_)) => {
            return Err(Failure::Interrupted(match &folder {
                Some(_) => "interrupted; the same command goes on from here".to_owned(),
                None => "interrupted".to_owned(),
            }));
        }
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

/// The store of a study's records and the records that it holds; tells what it
/// cannot use.
fn open_store(
    folder: &Folder,
    study: &Study,
    text: &str,
    quiet: bool,
) -> Result<(Store, Vec<Option<Record>>), Failure> {
    let (file, path) = folder.records()?;
    let shown = path.display();
    let (store, known) =
        Store::open(file, study, text).with_context(|| format!("cannot read {shown}"))?;
    if known.of_another_study && !quiet {
        complain(&format!(
            "note: {shown} is of another text, setting or version; all runs start anew"
        ));
    }
    if known.dropped > 0 && !quiet {
        let runs = match known.dropped {
            1 => "1 run".to_owned(),
            runs => format!("{runs} runs"),
        };
        complain(&format!(
            "note: {runs} in {shown} cannot be used (cut short, changed, or not of this study) and will be run again"
        ));
    }
    Ok((store, known.records))
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
    let mut replications = Vec::new();
    report::replications_csv(answer, &mut replications).map_err(anyhow::Error::from)?;
    folder.write("replications.csv", &replications)?;
    let mut gates = Vec::new();
    report::gates_csv(answer, &mut gates).map_err(anyhow::Error::from)?;
    folder.write("gates.csv", &gates)?;
    folder.write("series.csv", csv(report::series_csv(answer))?.as_bytes())?;
    folder.write("scenario.ron", scenario.as_bytes())?;
    folder.write("report.html", report::page(answer, &drawn).as_bytes())?;
    Ok(names)
}

/// A path as a terminal may show it.
fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

fn places(target: &Path, charts: &[String]) -> String {
    let mut text = String::from("\nCharts to open:\n");
    for chart in charts {
        text.push_str(&format!("  {}\n", shown(&target.join(chart))));
    }
    text.push_str(&format!(
        "The whole report: {}\n",
        shown(&target.join("report.html"))
    ));
    text
}

fn exit(answer: &Answer<'_>) -> Exit {
    let any = |verdict| {
        let mut judged = answer.targets.iter().filter(|target| target.counts);
        judged.any(|target| target.verdict == verdict)
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
