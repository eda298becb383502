mod print;
mod sums;

use std::io::Read;
use std::path::Path;

use print::Printer;
use sums::Sums;

use super::args::{Format, ReplayFlags};
use super::{Exit, Failure, colour, complain, input};
use crate::replay::{Meaning, Replay, ReplayError, Trace, TraceError, TraceOptions};
use crate::scenario::LimiterText;
use crate::scenario::text::render;

/// Judges every attempt of a log by each of several limiters.
pub(super) fn replay(flags: &ReplayFlags) -> Result<Exit, Failure> {
    let mut limiters = Vec::new();
    for text in &flags.limiter {
        let limiter = LimiterText::parse(text)
            .map_err(|problems| Failure::Input(render(&problems, "--limiter", text, colour())))?;
        limiters.push(limiter);
    }
    let mut replay = Replay::new(&limiters, flags.seed)
        .map_err(|error| Failure::Input(format!("error: --limiter: {error}")))?;
    let input = open(&flags.trace)?;
    let options = TraceOptions {
        unit: flags.unit.map(Into::into),
        time: flags.time.clone(),
        key: flags.key.clone(),
    };
    let mut trace = Trace::new(input, options);
    let mut printer = Printer::new(flags, &limiters);
    let done = replay.run(&mut trace, flags.top, |judged| printer.row(judged));
    if !trace.ignored().is_empty() && !flags.quiet {
        let columns = trace.ignored().join(", ");
        complain(&format!("note: columns not used: {columns}"));
    }
    let totals = match done {
        Ok(totals) => totals,
        Err(error) => {
            let why = match error {
                ReplayError::Receiver(failure) => return Err(failure),
                ReplayError::Trace(error) => {
                    let help = match &error {
                        TraceError::TwoColumns {
                            meaning: Meaning::Key,
                            ..
                        } => "\n  help: choose one with --key COLUMN",
                        TraceError::TwoColumns {
                            meaning: Meaning::Time,
                            ..
                        }
                        | TraceError::NoTimeColumn { .. } => {
                            "\n  help: choose one with --time COLUMN"
                        }
                        _ => "",
                    };
                    format!("{error}{help}")
                }
                ReplayError::Class { line, message } => format!("line {line}: {message}"),
                ReplayError::Keys(line) => {
                    format!("line {line}: more than 4294967295 different keys")
                }
                ReplayError::Memory { line, source } => format!("line {line}: {source}"),
            };
            printer.cut_short(&why)?;
            let trace = name_of(&flags.trace);
            return Err(Failure::Input(format!("error: {trace}: {why}")));
        }
    };
    let sums = Sums {
        replay: &replay,
        limiters: &flags.limiter,
        totals: &totals,
        has_keys: trace.has_keys(),
    };
    match flags.format {
        Format::Text => printer.end(&sums.text())?,
        Format::Json => printer.end(&sums.json())?,
        Format::Csv if flags.summary => printer.end(&sums.csv())?,
        Format::Csv => printer.end("")?,
    }
    Ok(Exit::Done)
}

fn name_of(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => path.display().to_string(),
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    match input::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => {
            let (path, why) = (path.display(), input::reason(&error));
            Err(Failure::Input(format!("error: cannot read {path}: {why}")))
        }
    }
}
