use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::sim::QueueKind;

/// Simulate API rate limits: how likely is a 429, which commands are missed,
/// which retry policy is better?
///
/// Without a verb, runs the built-in study of the Netatmo API: homes behind a
/// global concurrency limit, automations at 06:00, three retry policies.
#[derive(Debug, Parser)]
#[command(
    name = "ratelab",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 done and all targets met, 1 the run failed, 2 the command line or \
                  scenario is wrong, 3 a target is missed, 4 a target is undecided (run more), \
                  130 interrupted (the same command goes on)."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) run: RunFlags,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run a scenario: print its table, write its charts and data
    Run {
        /// A scenario file, the name of a preset, or - for standard input
        scenario: Option<PathBuf>,
        #[command(flatten)]
        flags: RunFlags,
    },
    /// Check scenarios and say what they would run, without running them
    Check {
        /// Scenario files, names of presets, or - for standard input
        #[arg(required = true)]
        scenarios: Vec<PathBuf>,
        /// Set a scenario value, such as server.stages.0.permits=80; may be repeated
        #[arg(long, value_name = "PATH=VALUE")]
        set: Vec<String>,
        /// How to print the result
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// List, show or copy the built-in scenarios
    Presets {
        #[command(subcommand)]
        action: Option<PresetAction>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum PresetAction {
    /// List the presets
    List,
    /// Print the text of a preset
    Show {
        /// The preset's name
        name: String,
    },
    /// Copy a preset to a file, to make it your own
    Copy {
        /// The preset's name
        name: String,
        /// The file to write; NAME.ron if left out. It must not exist
        file: Option<PathBuf>,
    },
}

/// Flags of everything that runs a study.
#[derive(Debug, Args)]
pub(super) struct RunFlags {
    /// Seed of every random draw; the scenario's own if left out
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Replications of each policy; the scenario's own if left out
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) replications: Option<u32>,
    /// Threads; as many as there are cores if left out. Results do not depend on it
    #[arg(long, value_parser = threads)]
    pub(super) threads: Option<usize>,
    /// Set a scenario value, such as server.stages.0.permits=80; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    pub(super) set: Vec<String>,
    /// Folder for charts and data; outputs/NAME if left out
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Write no files
    #[arg(long, conflicts_with = "out")]
    pub(super) no_files: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Print no progress and no notes
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// The event queue, for measuring it: results do not depend on it
    #[arg(long, value_enum, default_value_t = Queue::Ladder, hide_short_help = true)]
    pub(super) queue: Queue,
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1024) => Ok(count),
        _ => Err("expected a number from 1 to 1024".to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table to read
    Text,
    /// One JSON document
    Json,
    /// The estimates as comma-separated values
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Queue {
    /// A ladder queue: constant cost per event
    Ladder,
    /// The standard library's binary heap
    Heap,
}

impl From<Queue> for QueueKind {
    fn from(queue: Queue) -> QueueKind {
        match queue {
            Queue::Ladder => QueueKind::Ladder,
            Queue::Heap => QueueKind::Heap,
        }
    }
}
