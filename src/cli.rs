//! The command line: one file per verb, each parses, calls and prints.
//!
//! Results go to standard output, progress and notes to standard error. Exit
//! codes are those of [`Exit`].

mod args;
mod check;
mod input;
mod memory;
mod output;
mod presets;
mod progress;
mod replay;
mod run;
mod store;
mod trace;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Arguments, Verb};

use crate::scenario::text::{printable, shortened};
use crate::units::Span;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, and all targets are met.
    Done = 0,
    /// The run failed.
    Failed = 1,
    /// The command line or the scenario is wrong.
    BadInput = 2,
    /// Done, but a target is missed.
    TargetMissed = 3,
    /// Done, but a target is neither met nor missed at the stated confidence.
    TargetUndecided = 4,
    /// Stopped from outside; the same command goes on where it stopped.
    Interrupted = 130,
}

/// Why a verb did not do its work.
#[derive(Debug)]
enum Failure {
    /// The input is wrong; the message is ready to be shown.
    Input(String),
    /// The machine did not do what it should.
    Machine(anyhow::Error),
    /// Stopped from outside; the message says how to go on.
    Interrupted(String),
    /// Nobody reads the output any more.
    ClosedPipe,
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::Machine(error.into()),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Machine(error)
    }
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::BadInput,
            };
            let error = args::with_advice(error);
            let plain = error.render().to_string();
            // It may quote arguments that would steer the terminal, or fill it.
            match tamed(&plain) == plain {
                true => drop(error.print()),
                false => complain(&plain),
            }
            return ExitCode::from(exit as u8);
        }
    };
    let done = match arguments.verb {
        None => run::run(None, &arguments.run),
        Some(Verb::Run { scenario, flags }) => run::run(scenario.as_deref(), &flags),
        Some(Verb::Check {
            scenarios,
            set,
            format,
        }) => check::check(&scenarios, &set, format),
        Some(Verb::Trace(flags)) => trace::trace(&flags),
        Some(Verb::Replay(flags)) => replay::replay(&flags),
        Some(Verb::Presets { action }) => presets::presets(action),
    };
    let exit = match done {
        Ok(exit) => exit,
        Err(Failure::Input(message)) => {
            complain(&message);
            Exit::BadInput
        }
        Err(Failure::Machine(error)) => {
            complain(&format!("error: {error:#}"));
            Exit::Failed
        }
        Err(Failure::Interrupted(message)) => {
            complain(&message);
            Exit::Interrupted
        }
        Err(Failure::ClosedPipe) => Exit::Done,
    };
    ExitCode::from(exit as u8)
}

/// A message with its lines printable and of a bearable length.
fn tamed(message: &str) -> String {
    const LONGEST: usize = 1000;
    let mut tamed = String::with_capacity(message.len());
    for line in message.split_inclusive('\n') {
        let text = line.strip_suffix('\n').unwrap_or(line);
        tamed.push_str(&shortened(&printable(text), LONGEST));
        tamed.push_str(&line[text.len()..]);
    }
    tamed
}

/// Writes to standard error; if nobody listens, there is nobody to tell.
fn complain(message: &str) {
    // What is coloured has been through the renderer, which sees to the rest.
    let message = match colour() && message.starts_with('\u{1b}') {
        true => message.to_owned(),
        false => tamed(message),
    };
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}

/// Writes to standard output.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

/// A time as exactly as it is of use to read.
fn rounded(span: Span) -> Span {
    let unit = match span.nanos() {
        0..1_000_000 => 1,
        1_000_000..1_000_000_000 => 1000,
        _ => 1_000_000,
    };
    Span::from_nanos((span.nanos() + unit / 2) / unit * unit)
}

/// A span as a number of seconds.
fn seconds(span: Span) -> f64 {
    span.nanos() as f64 / 1e9
}

/// How wide lines on standard output may be: as the terminal is, or as
/// `COLUMNS` says, or 100 characters.
fn width() -> usize {
    let terminal = terminal_size::terminal_size_of(std::io::stdout());
    let told = || {
        let columns = std::env::var("COLUMNS").ok()?;
        columns.trim().parse().ok().filter(|columns| *columns > 0)
    };
    let terminal = terminal.map(|(width, _)| usize::from(width.0));
    (terminal.filter(|width| *width > 0))
        .or_else(told)
        .unwrap_or(100)
}

/// Whether errors may be coloured.
fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
