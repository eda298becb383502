pub(super) mod answers;
mod live;
mod print;
mod proposals;
mod retry;
mod sums;
mod through;

use std::cell::{Cell, RefCell};
use std::path::Path;

use live::Input;
use print::Printer;
use proposals::Proposals;
use sums::{Sums, shown};

use super::args::{Format, ReplayFlags};
use super::{Exit, Failure, colour, complain};
use crate::replay::{
    LogFacts, LogFormat, LogScope, Meaning, Replay, ReplayError, ReplayServer, Requests, TimeFault,
    Trace, TraceError, TraceOptions, WINDOWS,
};
use crate::scenario::LimiterText;
use crate::scenario::text::render;
use crate::units::Span;

/// Judges every attempt of a log by each of several limiters, or proposes some.
pub(super) fn replay(flags: &ReplayFlags) -> Result<Exit, Failure> {
    let Some(log_path) = &flags.trace else {
        return retry::retry(flags);
    };
    let mut options = TraceOptions {
        format: flags.log.map(Into::into),
        unit: flags.unit.map(Into::into),
        time: flags.time.clone(),
        key: flags.key.clone(),
        fields: Vec::new(),
        zone: flags.zone.clone(),
        slack: flags.slack,
        skip_bad: flags.skip_bad,
    };
    let mut servers = Vec::new();
    if let Some(path) = &flags.scenario {
        servers.push(through::server(flags, path, log_path, &mut options)?);
    }
    for text in &flags.limiter {
        let limiter = LimiterText::parse(text)
            .map_err(|problems| Failure::Input(render(&problems, "--limiter", text, colour())))?;
        let server = ReplayServer::of_limiter(&limiter)
            .map_err(|error| Failure::Input(format!("error: --limiter: {error}")))?;
        servers.push(server);
    }
    let mut replay = Replay::new(&servers, flags.seed);
    let printer = RefCell::new(Printer::new(flags, &servers));
    // Why what was decided could not be shown, until somebody can be told.
    let unshown = Cell::new(None);
    let show = || {
        if let Err(failure) = printer.borrow_mut().flush() {
            unshown.set(Some(failure));
        }
    };
    let input = Input::open(log_path, &show)?;
    let mut trace = Trace::new(input, options);
    let mut requests = Requests::new();
    let done = replay.run(&mut trace, flags.top, |judged| {
        if let Some(failure) = unshown.take() {
            return Err(failure);
        }
        if !flags.suggest {
            return printer.borrow_mut().row(judged);
        }
        match requests.add(judged.key_number, judged.time, judged.cost) {
            true => Ok(()),
            false => Err(Failure::Input(format!(
                "error: {}: line {}: more requests than --suggest can look at; expected a part of the log",
                name_of(log_path),
                judged.line
            ))),
        }
    });
    let facts = trace.facts();
    let scopes = servers.first().map_or(&[][..], ReplayServer::scopes);
    if !flags.quiet {
        let unused = |(scope, _): &&(LogScope, String)| !scopes.contains(scope);
        for (scope, _) in flags.column.iter().filter(unused) {
            let scope = scope.name();
            complain(&format!(
                "note: no stage counts per {scope}, so that --column {scope} is not used"
            ));
        }
        for note in notes(flags, &facts, trace.ignored(), &replay) {
            complain(&format!("note: {note}"));
        }
    }
    let mut printer = printer.borrow_mut();
    let totals = match done {
        Ok(totals) => totals,
        Err(error) => {
            let why = match error {
                ReplayError::Receiver(failure) => return Err(failure),
                ReplayError::Trace(error) => format!("{error}{}", help(&error)),
                ReplayError::Class { line, message } => format!("line {line}: {message}"),
                ReplayError::Keys(line) => {
                    format!("line {line}: more than 4294967295 different keys")
                }
                ReplayError::Memory { line, source } => format!("line {line}: {source}"),
            };
            printer.cut_short(&why)?;
            let trace = name_of(log_path);
            return Err(Failure::Input(format!("error: {trace}: {why}")));
        }
    };
    let scenario: Vec<String> = flags.scenario.iter().map(|path| name_of(path)).collect();
    let sums = Sums {
        replay: &replay,
        is_scenario: flags.scenario.is_some(),
        servers: if scenario.is_empty() {
            &flags.limiter
        } else {
            &scenario
        },
        totals: &totals,
        has_keys: trace.has_keys(),
        facts: &facts,
    };
    if !flags.suggest {
        match flags.format {
            Format::Text => printer.end(&sums.text())?,
            Format::Json => printer.end(&sums.json(""))?,
            Format::Csv if flags.summary => printer.end(&sums.csv())?,
            Format::Csv => printer.end("")?,
        }
        return Ok(Exit::Done);
    }
    let (count, length) = (requests.len(), requests.length());
    let longest = WINDOWS.into_iter().max().unwrap_or(Span::ZERO);
    if length < longest && !flags.quiet {
        complain(&format!(
            "note: the log covers {length}, so that it says little about windows that are longer"
        ));
    }
    let suggestions = requests.suggest(replay.keys());
    let given = flags.limiter.iter().map(String::as_str).zip(&totals);
    let proposals = Proposals {
        suggestions: &suggestions,
        requests: count,
        clients: replay.keys() as u64,
        given: given.collect(),
    };
    match flags.format {
        Format::Text if flags.limiter.is_empty() => printer.end(&proposals.text())?,
        Format::Text => printer.end(&format!("{}\n{}", sums.text(), proposals.text()))?,
        Format::Json => printer.end(&sums.json(&proposals.json()))?,
        Format::Csv => printer.end(&proposals.csv())?,
    }
    Ok(Exit::Done)
}

/// What a user should know of how the log was read.
fn notes(
    flags: &ReplayFlags,
    facts: &LogFacts,
    ignored: &[String],
    replay: &Replay<'_>,
) -> Vec<String> {
    let mut notes = Vec::new();
    if flags.log.is_none() && facts.format != LogFormat::Csv && replay.keys() > 0 {
        let key = match (&flags.key, &facts.key, facts.format) {
            (Some(_), ..) => String::new(),
            (None, Some(field), _) => {
                format!(
                    "; the key is the field {}, --key takes another",
                    shown(field)
                )
            }
            (None, None, LogFormat::Access | LogFormat::Balancer | LogFormat::W3c) => {
                "; the key is the client's address, --key takes another".to_owned()
            }
            (None, None, _) => "; it has no key, --key names one".to_owned(),
        };
        notes.push(format!("read as {}{key}", facts.format));
    }
    if !ignored.is_empty() {
        let ignored: Vec<String> = ignored.iter().map(|name| shown(name)).collect();
        notes.push(format!("columns not used: {}", ignored.join(", ")));
    }
    if let Some(line) = facts.cut {
        notes.push(format!("line {line}, the last, is cut off and left out"));
    }
    if let Some(first) = &facts.first_skipped {
        let count = facts.skipped;
        notes.push(format!("{count} lines were left out; the first: {first}"));
    }
    if facts.out_of_order > 0 {
        notes.push(format!(
            "{} lines were out of order, by at most {} (--slack), and were put in order of time",
            facts.out_of_order, flags.slack
        ));
    }
    if facts.too_late > 0 {
        notes.push(format!(
            "{} of them came when later requests had been judged, and count as made at the same time as the last of these",
            facts.too_late
        ));
    }
    if replay.without_duration() > 0 {
        notes.push(format!(
            "of {} requests the log tells no duration; they take the time that the scenario's backend draws",
            replay.without_duration()
        ));
    }
    if replay.without_method() > 0 {
        notes.push(format!(
            "of {} requests the log tells no method; limits with methods or costs take them as if they had neither",
            replay.without_method()
        ));
    }
    notes
}

/// What to do about an error.
fn help(error: &TraceError) -> String {
    let help = match error {
        TraceError::TwoColumns {
            meaning: Meaning::Key,
            ..
        } => "choose one with --key COLUMN",
        TraceError::TwoColumns {
            meaning: Meaning::Time,
            ..
        } => "choose one with --time COLUMN",
        TraceError::NoTimeColumn { .. } => {
            "choose one with --time COLUMN, or name another form than CSV: --log access, json, alb, cloudfront or har"
        }
        TraceError::NoTimeField { .. } => {
            "choose one with --time FIELD, or leave such lines out with --skip-bad"
        }
        TraceError::Time {
            fault: TimeFault::NoOffset,
            ..
        } => "--zone says whose clock it is, such as --zone UTC or --zone Europe/Paris",
        TraceError::NoScope { what, .. } => {
            return format!(
                "\n  help: choose one with --column {what}=FIELD, or say --column {what}=- if all requests are of one"
            );
        }
        TraceError::Line {
            like: Some(like),
            format,
            ..
        } if like != format => {
            return format!(
                "\n  help: --log {} reads the log as {like}, and --skip-bad leaves out lines that cannot be read",
                like.name()
            );
        }
        TraceError::Line { .. } => {
            "--skip-bad leaves out lines that cannot be read, and --log names another form"
        }
        TraceError::Backwards { by, .. } if *by <= Span::from_secs(600) => {
            let seconds = by.nanos().div_ceil(1_000_000_000);
            return format!(
                "\n  help: --slack {seconds}s puts lines in order that are that much out of it"
            );
        }
        TraceError::Backwards { .. } => {
            "sort the log by time first; --skip-bad leaves out the lines that are too early"
        }
        _ => return String::new(),
    };
    format!("\n  help: {help}")
}

/// An error of a log.
fn told(path: &Path, error: &TraceError) -> String {
    format!("error: {}: {error}{}", name_of(path), help(error))
}

fn name_of(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => path.display().to_string(),
    }
}
