use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use anyhow::Context;

use super::args::{Format, RunFlags};
use super::input::{Input, Setting};
use super::output::Folder;
use super::progress::{Building, Watch};
use super::store::Store;
use super::{Exit, Failure, complain, memory, print};
use crate::experiment::{Budget, Options, Outlook, RunError, Study, Verdict, in_bytes, in_time};
use crate::report::{self, Answer, Provenance, SeriesOf};
use crate::scenario::Note;
use crate::scenario::text::printable;
use crate::sim::{Record, Stopped};
use crate::world::WorldError;

/// A study that takes longer is only run if asked for by a flag.
const LONG_SECONDS: f64 = 3600.0;
/// A study that takes longer, or more memory, says so before it starts.
const WORTH_SECONDS: f64 = 120.0;
const WORTH_BYTES: f64 = 2e9;

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
    let scenarios = || variants.iter().map(|variant| variant.scenario);
    let notes = Note::on(scenarios());
    let budget = Budget {
        bytes: memory::usable(),
        seconds: (!flags.allow_long).then_some(LONG_SECONDS),
        threads: (flags.threads)
            .or_else(|| available_parallelism().ok().map(NonZeroUsize::get))
            .unwrap_or(1),
    };
    let outlook = Outlook::of(scenarios(), budget).map_err(|over| {
        let mut help = over.help.clone();
        if over.only_long {
            help.push_str("; or insist with --allow-long");
        }
        input.complaint_at(over.path.as_deref(), &over.message, &help)
    })?;
    if !flags.quiet {
        for note in &notes {
            complain(&format!("note: {}: {note}", note.path()));
        }
        for line in outlook_in_words(&outlook, budget) {
            complain(&format!("note: {line}"));
        }
    }
    let building = Building::new(flags.quiet);
    let study = Study::new_until(&variants, &|| building.should_stop());
    building.finish();
    let study = study.map_err(|error| match error {
        WorldError::Stopped => Failure::Interrupted("interrupted".to_owned()),
        error => input.complaint(error.to_string()),
    })?;
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
        threads: outlook.threads,
        queue: flags.queue.into(),
        room: outlook.room,
    };
    let records = study.run(options, known, &watch);
    watch.finish();
    let records = records.map_err(|error| match error {
        RunError::World(error) => input.complaint(error.to_string()),
        RunError::Stopped(Stopped::Asked) => Failure::Interrupted(match &folder {
            Some(_) => "interrupted; the same command goes on from here".to_owned(),
            None => "interrupted".to_owned(),
        }),
        RunError::Stopped(Stopped::NoRoom(full)) => Failure::Machine(anyhow::anyhow!("{full}")),
    })?;
    let timing = watch.timing();
    let answer = Answer::new(&study, &records);
    let provenance = Provenance {
        file: input.file.clone(),
        text: input.source.text().to_owned(),
        command: std::env::args().collect(),
    };
    let mut charts = Vec::new();
    let target = folder.as_ref().map(|folder| folder.target().to_owned());
    if let Some(folder) = folder {
        charts = write(&folder, &answer, &provenance, flags.series.into())?;
        folder.finish(report::manifest(&answer, &provenance))?;
    }
    match flags.format {
        Format::Text => {
            print(&report::table(&answer, super::width()))?;
            if let Some(target) = target.as_ref().filter(|_| !flags.quiet) {
                print(&places(target, &charts))?;
            }
        }
        Format::Json => {
            let mut document = report::document(&answer, "run", &timing, target.as_deref());
            document["notes"] = notes_as_json(&notes);
            print(&format!("{document:#}"))?;
        }
        Format::Csv => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            report::estimates_csv(&answer, &mut out).map_err(std::io::Error::from)?;
        }
    }
    Ok(exit(&answer))
}

/// The records that a store holds, one place per task.
type Kept = Vec<Option<Box<Record>>>;

/// The store of a study's records and the records that it holds; tells what it
/// cannot use.
fn open_store(
    folder: &Folder,
    study: &Study,
    text: &str,
    quiet: bool,
) -> Result<(Store, Kept), Failure> {
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
fn write(
    folder: &Folder,
    answer: &Answer<'_>,
    provenance: &Provenance,
    series: SeriesOf,
) -> Result<Vec<String>, Failure> {
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
    folder.stream("estimates.csv", |file| {
        Ok(report::estimates_csv(answer, file)?)
    })?;
    folder.stream("replications.csv", |file| {
        Ok(report::replications_csv(answer, file)?)
    })?;
    folder.stream("gates.csv", |file| Ok(report::gates_csv(answer, file)?))?;
    folder.stream("runs.csv", |file| Ok(report::runs_csv(answer, file)?))?;
    folder.stream("series.csv", |file| {
        Ok(report::series_csv(answer, series, file)?)
    })?;
    folder.write("scenario.ron", provenance.text.as_bytes())?;
    let page = report::page(answer, provenance, &drawn);
    folder.write("report.html", page.as_bytes())?;
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

/// What a study will take, where that is worth a word before it starts.
pub(super) fn outlook_in_words(outlook: &Outlook, budget: Budget) -> Vec<String> {
    let mut lines = Vec::new();
    if outlook.seconds > WORTH_SECONDS {
        let why = outlook.heaviest.as_ref();
        lines.push(format!(
            "this will take some {}: {}{}",
            in_time(outlook.seconds),
            outlook.events_in_words(),
            why.map_or_else(String::new, |(_, why, _)| format!("; {why}")),
        ));
    }
    let fewer = outlook.threads < budget.threads && outlook.threads < outlook.tasks;
    if outlook.bytes > WORTH_BYTES || fewer {
        let largest = outlook.largest.as_ref();
        lines.push(format!(
            "this will take about {} of memory{}{}",
            in_bytes(outlook.bytes),
            largest.map_or_else(String::new, |part| format!(
                ", {} per run for {}",
                in_bytes(part.bytes),
                part.what
            )),
            match fewer {
                true => format!(
                    "; there is enough for {} at once",
                    match outlook.threads {
                        1 => "one run".to_owned(),
                        many => format!("{many} runs"),
                    }
                ),
                false => String::new(),
            }
        ));
    }
    lines
}

pub(super) fn notes_as_json(notes: &[Note]) -> serde_json::Value {
    let told = notes
        .iter()
        .map(|note| serde_json::json!({ "path": note.path(), "message": note.to_string() }));
    told.collect()
}
