use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::replay::answers::{Answers, answers};
use crate::replay::{LogFormat, LogScope, TimeUnit};
use crate::report::SeriesOf;
use crate::scenario::text::nearest;
use crate::server::RateLimitFields;
use crate::sim::QueueKind;
use crate::units::{Span, UnitError, Zone};

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
    /// Tell what happens to one home in one replication: each request, attempt, stage, answer, wait
    Trace(TraceFlags),
    /// Judge the requests of a log by limiters or a whole server; show a retry policy's waits
    ///
    /// The log is one of nginx or Apache, JSON lines, of an AWS load balancer, of
    /// CloudFront or IIS, an HTTP archive (HAR), or CSV: times (RFC 3339, or
    /// numbers of seconds or milliseconds since 1970) and, with a header or in
    /// this order, key, cost and duration; by header also outcome, in_flight,
    /// class, method and path. A cost of 0 only reads.
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayFlags),
    /// List, show or copy the built-in scenarios; list and show the retry policies of libraries
    Presets {
        #[command(subcommand)]
        action: Option<PresetAction>,
    },
}

/// Flags of a trace.
#[derive(Debug, Args)]
pub(super) struct TraceFlags {
    /// A scenario file, the name of a preset, or - for standard input
    pub(super) scenario: PathBuf,
    /// Which home, counted from 1 over all cohorts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = home)]
    pub(super) home: u32,
    /// Which replication, counted from 0 as in results
    #[arg(long, value_name = "R", default_value_t = 0, value_parser = replication)]
    pub(super) replication: u32,
    /// Which cell of the study: its name in the table, or its number from 0; the
    /// first if left out
    #[arg(long, value_name = "CELL")]
    pub(super) cell: Option<String>,
    /// Seed of every random draw; the scenario's own if left out
    #[arg(long, value_parser = any_whole)]
    pub(super) seed: Option<u64>,
    /// Set a scenario value, such as server.stages.0.permits=80; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    pub(super) set: Vec<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Steps::Text)]
    pub(super) format: Steps,
    /// Print no notes
    #[arg(long, short)]
    pub(super) quiet: bool,
}

fn home(text: &str) -> Result<u32, String> {
    whole(text, 1..=u32::MAX)
}

fn replication(text: &str) -> Result<u32, String> {
    whole(text, 0..=999_999)
}

const REPLAY_EXAMPLES: &str = "\
Examples:
  ratelab replay --limiter 'TokenBucket(rate: \"60/min\", burst: 10)' --trace requests.csv
  ratelab replay --limiter 'FixedWindow(quota: Fixed(50), window: \"10s\")' \\
                 --limiter 'SlidingLog(quota: Fixed(50), window: \"10s\")' --trace - --summary
  ratelab replay --suggest --trace access.log
  ratelab replay --scenario netatmo --trace access.log --column app=- --column user=query:home_id
  zcat access.log.*.gz | ratelab replay --suggest --key header:user-agent --trace -
  ratelab replay --retry pyatmo --answers '403 code 11, 403 code 11 after 30s'
  ratelab replay --retry 'Exponential(base: \"1s\", cap: \"20s\", attempts: 5)' --draws 0.25,0.5";

/// The flags that have no meaning without a log.
const OF_LOGS: [&str; 16] = [
    "limiter", "scenario", "suggest", "fields", "trace", "column", "set", "log", "unit", "time",
    "key", "zone", "slack", "skip_bad", "summary", "top",
];

/// Flags of a replay.
#[derive(Debug, Args)]
pub(super) struct ReplayFlags {
    /// A limiter as a scenario writes it: the rule of a limit, or a whole stage
    /// such as Gate(permits: 4); may be repeated, to compare
    #[arg(long, required_unless_present_any = ["suggest", "scenario", "retry"], value_name = "TEXT")]
    pub(super) limiter: Vec<String>,
    /// A scenario through whose server the log goes, all its stages in order: a
    /// file, the name of a preset, or - for standard input
    #[arg(long, conflicts_with_all = ["limiter", "suggest", "fields"], value_name = "SCENARIO")]
    pub(super) scenario: Option<PathBuf>,
    /// Set a value of the scenario, such as server.stages.0.permits=80; may be repeated
    #[arg(long, requires = "scenario", value_name = "PATH=VALUE")]
    pub(super) set: Vec<String>,
    /// The column or field that tells the app, user, token, nat, home, device or
    /// kind that a stage counts per, as --key takes it; - if all are of one; may
    /// be repeated
    #[arg(long, requires = "scenario", value_parser = column, value_name = "SCOPE=FIELD")]
    pub(super) column: Vec<(LogScope, String)>,
    /// A retry policy as a scenario writes it, or the name of a preset: print the
    /// waits that it chooses, for which there is no log
    #[arg(long, value_name = "TEXT", conflicts_with_all = OF_LOGS)]
    pub(super) retry: Option<String>,
    /// How the attempts fail, in turn, the last again and again: "429 after 30s,
    /// 503, 403 code 11, 429 reset 60s, timeout"; what the policy retries first
    /// if left out
    #[arg(long, requires = "retry", conflicts_with_all = OF_LOGS, value_parser = answers, value_name = "LIST")]
    pub(super) answers: Option<Answers>,
    /// The numbers from 0 to below 1 that the waits are drawn by, in turn and
    /// again: 0.25,0.5; those of --seed if left out
    #[arg(long, requires = "retry", conflicts_with_all = OF_LOGS, value_parser = fraction, value_delimiter = ',', value_name = "LIST")]
    pub(super) draws: Vec<f64>,
    /// The log, or - for standard input
    #[arg(long, value_name = "FILE", required_unless_present = "retry")]
    pub(super) trace: Option<PathBuf>,
    /// Propose limits at which 0, 0.1 and 1 % of the requests and of the clients
    /// would have been refused
    #[arg(long)]
    pub(super) suggest: bool,
    /// The form of the log; found by its first line if left out
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) log: Option<Log>,
    /// What plain numbers in the time column count, if its header does not say
    #[arg(long, value_enum)]
    pub(super) unit: Option<Unit>,
    /// The column or field with the times, if its name is not one of the usual
    #[arg(long, value_name = "FIELD")]
    pub(super) time: Option<String>,
    /// The column or field that says whose a request is: a name such as client,
    /// header:NAME, query:NAME, or json:PATH with dots
    #[arg(long, value_name = "FIELD")]
    pub(super) key: Option<String>,
    /// Whose clock shows times without an offset: UTC, Europe/Paris, +02:00
    #[arg(long, value_parser = zone)]
    pub(super) zone: Option<Zone>,
    /// How much earlier than one before it a request may be; it is put in order
    #[arg(long, value_parser = span, default_value = "5s", value_name = "SPAN")]
    pub(super) slack: Span,
    /// Leave out lines that cannot be read, and count them
    #[arg(long)]
    pub(super) skip_bad: bool,
    /// Print the summary only
    #[arg(long)]
    pub(super) summary: bool,
    /// Show the header fields that answers would carry
    #[arg(long, value_enum, value_name = "DIALECT")]
    pub(super) fields: Option<Fields>,
    /// How many of the keys refused most to list
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = keys)]
    pub(super) top: usize,
    /// Seed of what limiters and the waits of --retry draw at random
    #[arg(long, default_value_t = 1, value_parser = any_whole)]
    pub(super) seed: u64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Print no notes
    #[arg(long, short)]
    pub(super) quiet: bool,
}

fn column(text: &str) -> Result<(LogScope, String), String> {
    let known = LogScope::ALL.map(LogScope::name);
    let Some((name, field)) = text.split_once('=').filter(|(_, field)| !field.is_empty()) else {
        return Err("expected SCOPE=FIELD, such as user=client_id".to_owned());
    };
    let scope = LogScope::ALL.into_iter().find(|scope| scope.name() == name);
    let scope = scope.ok_or_else(|| {
        let near = nearest(name, known.into_iter());
        let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
        format!(
            "\"{name}\" is no scope; expected {}{near}",
            known.join(", ")
        )
    })?;
    Ok((scope, field.to_owned()))
}

fn fraction(text: &str) -> Result<f64, String> {
    let number = text.trim().parse().ok();
    let number = number.filter(|number| (0.0..1.0).contains(number));
    number.ok_or_else(|| "expected a number from 0 to below 1".to_owned())
}

fn zone(name: &str) -> Result<Zone, String> {
    Zone::try_from(name.to_owned()).map_err(|error| error.to_string())
}

pub(super) fn span(text: &str) -> Result<Span, String> {
    text.parse().map_err(|error: UnitError| error.to_string())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Log {
    /// Fields with commas, semicolons or tabs
    Csv,
    /// nginx or Apache, common or combined
    #[value(
        alias = "nginx",
        alias = "apache",
        alias = "common",
        alias = "combined",
        alias = "clf"
    )]
    Access,
    /// One JSON object per line
    #[value(alias = "jsonl", alias = "ndjson", alias = "json-lines")]
    Json,
    /// AWS load balancers
    #[value(alias = "elb")]
    Alb,
    /// CloudFront, IIS and others with #Fields:
    #[value(alias = "w3c", alias = "iis")]
    Cloudfront,
    /// An HTTP archive
    Har,
}

impl From<Log> for LogFormat {
    fn from(log: Log) -> LogFormat {
        match log {
            Log::Csv => LogFormat::Csv,
            Log::Access => LogFormat::Access,
            Log::Json => LogFormat::Json,
            Log::Alb => LogFormat::Balancer,
            Log::Cloudfront => LogFormat::W3c,
            Log::Har => LogFormat::Har,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Unit {
    /// Seconds
    S,
    /// Milliseconds
    Ms,
    /// Microseconds
    Us,
    /// Nanoseconds
    Ns,
}

impl From<Unit> for TimeUnit {
    fn from(unit: Unit) -> TimeUnit {
        match unit {
            Unit::S => TimeUnit::Seconds,
            Unit::Ms => TimeUnit::Milliseconds,
            Unit::Us => TimeUnit::Microseconds,
            Unit::Ns => TimeUnit::Nanoseconds,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Fields {
    /// RateLimit-Policy and RateLimit of the IETF's draft 10
    #[value(name = "draft-10")]
    Draft10,
    /// RateLimit of draft 7
    #[value(name = "draft-7")]
    Draft7,
    /// RateLimit-Limit, -Remaining and -Reset of draft 6
    #[value(name = "draft-6")]
    Draft6,
    /// X-RateLimit-..., the reset in seconds since 1970
    XEpoch,
    /// X-RateLimit-..., the reset in seconds from now
    XSeconds,
}

impl From<Fields> for RateLimitFields {
    fn from(fields: Fields) -> RateLimitFields {
        match fields {
            Fields::Draft10 => RateLimitFields::Draft10,
            Fields::Draft7 => RateLimitFields::Draft7,
            Fields::Draft6 => RateLimitFields::Draft6,
            Fields::XEpoch => RateLimitFields::XEpoch,
            Fields::XSeconds => RateLimitFields::XSeconds,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum PresetAction {
    /// List the presets
    List,
    /// Print the text of a preset, or of a retry policy
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
    #[arg(long, value_parser = any_whole)]
    pub(super) seed: Option<u64>,
    /// Replications of each policy; the scenario's own if left out
    #[arg(long, value_parser = replications)]
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
    /// Run everything anew: do not use what earlier runs have left in the folder
    #[arg(long, conflicts_with = "no_files")]
    pub(super) fresh: bool,
    /// What series.csv has rows for
    #[arg(long, value_enum, value_name = "OF", default_value_t = Series::Sums)]
    pub(super) series: Series,
    /// Run also what will take more than an hour
    #[arg(long)]
    pub(super) allow_long: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Print the result only: no progress, no notes, no list of files
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// The event queue, for measuring it: results do not depend on it
    #[arg(long, value_enum, default_value_t = Queue::Ladder, hide_short_help = true)]
    pub(super) queue: Queue,
}

/// A whole number within bounds, told in words.
pub(super) fn whole<T>(text: &str, bounds: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| {
        format!(
            "expected a whole number from {} to {}",
            bounds.start(),
            bounds.end()
        )
    })
}

fn threads(text: &str) -> Result<usize, String> {
    whole(text, 1..=1024)
}

fn replications(text: &str) -> Result<u32, String> {
    whole(text, 1..=1_000_000)
}

fn any_whole(text: &str) -> Result<u64, String> {
    whole(text, 0..=u64::MAX)
}

fn keys(text: &str) -> Result<usize, String> {
    whole(text, 0..=1_000_000)
}

/// What to write in place of a flag that other programs have.
const FLAGS_ELSEWHERE: [(&[&str], &str); 12] = [
    (
        &[
            "--reps",
            "--rep",
            "--repetitions",
            "--runs",
            "--iterations",
            "--trials",
            "-n",
            "-r",
        ],
        "--replications",
    ),
    (
        &["--vary", "--sweep", "--param-grid"],
        "--set 'study.vary={\"clients.NAME.retry\": [\"none\", \"OTHER\"]}'",
    ),
    (
        &["--param", "--parameter", "--override", "-D", "-P"],
        "--set PATH=VALUE",
    ),
    (
        &[
            "--output",
            "--outdir",
            "--out-dir",
            "--output-dir",
            "--dir",
            "-o",
            "-d",
        ],
        "--out DIR",
    ),
    (
        &[
            "--jobs",
            "--cores",
            "--cpus",
            "--workers",
            "--parallel",
            "-j",
            "-t",
        ],
        "--threads",
    ),
    (&["--no-cache", "--force", "--clean"], "--fresh"),
    (&["--json"], "--format json"),
    (&["--csv"], "--format csv"),
    (&["--silent", "-s"], "--quiet"),
    (
        &["--dry-run", "--check", "--validate"],
        "ratelab check SCENARIO",
    ),
    (&["--random-seed", "--rng", "--rng-seed"], "--seed"),
    (
        &["--file", "--scenario", "--input", "-f", "-i"],
        "the file without a flag: ratelab run FILE",
    ),
];

/// What to write in place of a flag that the program does not have.
fn instead_of(flag: &str) -> Option<&'static str> {
    let name = flag.split('=').next().unwrap_or(flag);
    let mut known = FLAGS_ELSEWHERE.iter();
    known
        .find(|(flags, _)| flags.contains(&name))
        .map(|(_, meant)| *meant)
}

/// An error of the command line, with the flag that was meant.
pub(super) fn with_advice(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && let Some(meant) = instead_of(flag)
    {
        let advice = StyledStr::from(format!("write {meant}"));
        error.remove(ContextKind::SuggestedArg);
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![advice]),
        );
    }
    error
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table to read
    Text,
    /// One JSON document
    Json,
    /// Comma-separated values
    Csv,
}

/// How the steps of a trace are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Steps {
    /// A table to read
    Text,
    /// A line of JSON for each step
    #[value(alias = "jsonl", alias = "ndjson")]
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Series {
    /// Each policy, its replications added up
    Sums,
    /// Each replication
    Replications,
}

impl From<Series> for SeriesOf {
    fn from(series: Series) -> SeriesOf {
        match series {
            Series::Sums => SeriesOf::Sums,
            Series::Replications => SeriesOf::Replications,
        }
    }
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
