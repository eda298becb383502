use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use super::args::{Format, RunFlags};
use super::input::{Input, Setting};
use super::output::Folder;
use super::progress::{Building, Watch};
use super::store::{Store, note};
use super::{Exit, Failure, complain, memory, print};
use crate::experiment::store::KnownRecords;
use crate::experiment::{Budget, Outcome, Question, StudyError, Terms, Verdict, overall};
use crate::report::{self, Answer, Provenance, SeriesOf};
use crate::rng::Family;
use crate::scenario::Note;
use crate::scenario::text::printable;
use crate::sim::Stopped;

/// A study that takes longer is only run if asked for by a flag.
const LONG_SECONDS: f64 = 3600.0;

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
    let fail = |error| failure(&input, error, !flags.no_files);
    let question = Question::new(&input.source, terms(flags)).map_err(fail)?;
    let building = Building::new(flags.quiet);
    let study = question.study(&building);
    building.finish();
    let study = study.map_err(fail)?;

    let tell = note(flags.quiet);
    let (mut files, mut known) = (None, KnownRecords::new());
    if !flags.no_files {
        let usual = || PathBuf::from("outputs").join(&input.stem);
        let folder = Folder::open(&flags.out.clone().unwrap_or_else(usual))?;
        let (store, found) = Store::open(&folder, &study, flags.fresh, &tell)?;
        files = Some((folder, store));
        known = found;
    }
    let (tasks, done) = (study.tasks().len(), known.iter().flatten().count());
    if done > 0 && !flags.quiet {
        complain(&format!(
            "going on: {done} of {tasks} runs were done before; --fresh does them again"
        ));
    }
    let log = files.as_ref().map(|(_, store)| store);
    let watch = Watch::new(tasks, done, flags.quiet, log);
    let outcome = question.run(study, known, &watch);
    watch.finish();
    let timing = watch.timing();
    let outcome = outcome.map_err(fail)?;
    let answer = outcome.answer();

    let target = (files.as_ref()).map(|(folder, _)| folder.target().to_owned());
    let provenance = Provenance {
        file: input.file.clone(),
        text: input.source.text().to_owned(),
        command: std::env::args().collect(),
    };
    // What cannot be written is printed all the same.
    let charts = files
        .map(|(folder, store)| {
            let series = flags.series.into();
            write(folder, store, &outcome, &answer, &provenance, series, &tell)
        })
        .transpose();
    match flags.format {
        Format::Text => {
            print(&report::table(&answer, super::width()))?;
            if let (Some(target), Ok(Some(charts)), false) = (&target, &charts, flags.quiet) {
                print(&places(target, charts))?;
            }
        }
        Format::Json => {
            let mut document = report::document(&answer, "run", &timing, target.as_deref());
            document["notes"] = notes_as_json(&question.notes);
            document["records_reused"] = serde_json::json!(outcome.reused);
            print(&format!("{document:#}"))?;
        }
        Format::Csv => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            report::estimates_csv(&answer, &mut out).map_err(std::io::Error::from)?;
        }
    }
    charts?;
    Ok(match overall(&answer.targets) {
        Verdict::Met => Exit::Done,
        Verdict::Missed => Exit::TargetMissed,
        Verdict::Undecided => Exit::TargetUndecided,
    })
}

fn terms(flags: &RunFlags) -> Terms {
    Terms {
        budget: Budget {
            bytes: memory::usable(),
            seconds: (!flags.allow_long).then_some(LONG_SECONDS),
            threads: (flags.threads)
                .or_else(|| available_parallelism().ok().map(NonZeroUsize::get))
                .unwrap_or(1),
        },
        queue: flags.queue.into(),
        family: Family::Search,
    }
}

/// Why there is no outcome, with the place in the text.
fn failure(input: &Input, error: StudyError, goes_on: bool) -> Failure {
    match error {
        StudyError::Unsound(problems) => input.failure(&problems),
        StudyError::OverBudget(over) => {
            let insist = match over.only_long {
                true => "; or insist with --allow-long",
                false => "",
            };
            let help = format!("{}{insist}", over.help);
            input.complaint_at(over.path.as_deref(), &over.message, &help)
        }
        StudyError::World(error) => input.complaint(error.to_string()),
        StudyError::Stopped(Stopped::Asked) => Failure::Interrupted(match goes_on {
            true => "interrupted; the same command goes on from here".to_owned(),
            false => "interrupted".to_owned(),
        }),
        StudyError::Stopped(Stopped::NoRoom(full)) => Failure::Machine(anyhow::anyhow!("{full}")),
    }
}

/// Writes all files of a run and returns the names of its charts.
fn write(
    folder: Folder,
    store: Store,
    outcome: &Outcome,
    answer: &Answer<'_>,
    provenance: &Provenance,
    series: SeriesOf,
    tell: &dyn Fn(&str),
) -> Result<Vec<String>, Failure> {
    let charts = report::write_files(answer, provenance, series, &mut |name, content| {
        folder.stream(name, |file| content(file))
    })?;
    store.finish(&folder, &outcome.study, &outcome.records, tell);
    folder.finish(report::manifest(answer, provenance))?;
    Ok(charts)
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

pub(super) fn notes_as_json(notes: &[Note]) -> serde_json::Value {
    let told = notes
        .iter()
        .map(|note| serde_json::json!({ "path": note.path(), "message": note.to_string() }));
    told.collect()
}
