use std::fmt::Write as _;
use std::io::{BufWriter, Stdout, Write};

use serde_json::json;

use super::super::Failure;
use super::super::args::{Format, ReplayFlags};
use crate::limiter::{Decision, Standing};
use crate::replay::{Judged, ReplayServer, Verdict};
use crate::report::{SCHEMA, name_field};
use crate::scenario::text::{is_unprintable, printable};
use crate::server::{RateLimitFields, Response};
use crate::units::{Span, Time};

/// Writes decisions to standard output as they come.
pub(super) struct Printer<'f> {
    out: BufWriter<Stdout>,
    /// Used again for each row.
    line: String,
    flags: &'f ReplayFlags,
    /// The window that the header fields tell of each limiter.
    windows: Vec<Option<Span>>,
    /// The stages of a scenario's server, with their answers.
    stages: Vec<(String, Response)>,
    columns: Columns,
    begun: bool,
}

/// The widths of the columns of text. They suffice for a moment in nanoseconds
/// and for spans of a day in them; a column whose cell is longer is wider from
/// there on.
struct Columns {
    time: usize,
    key: usize,
    cost: usize,
    decision: usize,
    remaining: usize,
    reset: usize,
    retry_after: usize,
    stage: usize,
    /// One for each of several limiters.
    limiters: Vec<usize>,
}

impl Columns {
    fn new(limiters: usize) -> Columns {
        Columns {
            time: "2554-07-21T23:34:33.709551615Z".len(),
            key: 12,
            cost: 5,
            decision: "delay 86399.999999999s".len(),
            remaining: "unlimited".len(),
            reset: "86399.999999999s".len(),
            retry_after: "86399.999999999s".len(),
            stage: 0,
            limiters: vec!["refuse 86399.999999999s".len(); limiters],
        }
    }
}

impl<'f> Printer<'f> {
    pub(super) fn new(flags: &'f ReplayFlags, servers: &[ReplayServer]) -> Printer<'f> {
        Printer {
            out: BufWriter::with_capacity(1 << 16, std::io::stdout()),
            line: String::new(),
            flags,
            windows: servers.iter().map(ReplayServer::quota_window).collect(),
            stages: match &flags.scenario {
                Some(_) => (servers.iter().flat_map(ReplayServer::stages))
                    .map(|(name, response)| (name.to_owned(), *response))
                    .collect(),
                None => Vec::new(),
            },
            columns: Columns::new(servers.len()),
            begun: false,
        }
    }

    pub(super) fn row(&mut self, judged: &Judged<'_>) -> Result<(), Failure> {
        if self.flags.summary {
            return Ok(());
        }
        self.line.clear();
        if !self.begun {
            self.begin();
        }
        match self.flags.format {
            Format::Text => self.text(judged),
            Format::Csv if self.flags.scenario.is_some() => self.csv_of_stages(judged),
            Format::Csv => self.csv(judged),
            Format::Json => self.json(judged),
        }
        self.begun = true;
        self.out.write_all(self.line.as_bytes())?;
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }

    /// Ends a document that is cut short, with the reason in it.
    pub(super) fn cut_short(&mut self, why: &str) -> Result<(), Failure> {
        if self.flags.format != Format::Json || !self.begun {
            return self.flush();
        }
        let mut text = String::from("  \"error\": ");
        push_json_text(&mut text, why);
        text.push_str("\n}\n");
        self.end(&text)
    }

    /// Writes what comes after the last decision.
    pub(super) fn end(&mut self, text: &str) -> Result<(), Failure> {
        match (self.flags.format, self.begun) {
            (Format::Json, true) => self.out.write_all(b"\n  ],\n")?,
            (Format::Json, false) => {
                self.line.clear();
                self.begin();
                self.out.write_all(self.line.as_bytes())?;
                self.out.write_all(b"],\n")?;
            }
            (Format::Text, true) => self.out.write_all(b"\n")?,
            _ => {}
        }
        self.out.write_all(text.as_bytes())?;
        self.flush()
    }

    fn begin(&mut self) {
        let line = &mut self.line;
        match self.flags.format {
            Format::Csv if self.flags.scenario.is_some() => line.push_str(
                "line,time_s,key,cost,decision,stage,status,code,delay_s,remaining,reset_s,retry_after_s\n",
            ),
            Format::Csv => line.push_str(
                "line,time_s,key,cost,limiter,decision,delay_s,remaining,reset_s,retry_after_s,permits,refusal_probability\n",
            ),
            Format::Json => {
                let (name, through) = match &self.flags.scenario {
                    Some(path) => ("scenario", json!(path.to_string_lossy())),
                    None => ("limiters", json!(self.flags.limiter)),
                };
                let _ = write!(
                    line,
                    "{{\n  \"schema\": \"{SCHEMA}\",\n  \"verb\": \"replay\",\n  \"{name}\": {through},\n  \"decisions\": ["
                );
            }
            Format::Text => {
                let several = self.flags.limiter.len() > 1;
                if several {
                    for (number, limiter) in self.flags.limiter.iter().enumerate() {
                        let _ = writeln!(line, "{}: {}", number + 1, printable(limiter));
                    }
                    line.push('\n');
                }
                let columns = &mut self.columns;
                push_left(line, &mut columns.time, |text| text.push_str("time"));
                line.push(' ');
                push_left(line, &mut columns.key, |text| text.push_str("key"));
                line.push(' ');
                push_right(line, &mut columns.cost, |text| text.push_str("cost"));
                if several {
                    for (number, width) in columns.limiters.iter_mut().enumerate() {
                        line.push_str("  ");
                        push_left(line, width, |text| push_number(text, number as u64 + 1));
                    }
                } else if self.flags.scenario.is_some() {
                    line.push_str("  ");
                    push_left(line, &mut columns.decision, |text| {
                        text.push_str("decision");
                    });
                    line.push(' ');
                    let names = self.stages.iter().map(|(name, _)| name.chars().count());
                    columns.stage = names.max().unwrap_or(0);
                    push_left(line, &mut columns.stage, |text| text.push_str("stage"));
                    line.push_str(" status ");
                    push_right(line, &mut columns.retry_after, |text| {
                        text.push_str("retry after");
                    });
                } else {
                    line.push_str("  ");
                    push_left(line, &mut columns.decision, |text| {
                        text.push_str("decision");
                    });
                    for (width, name) in [
                        (&mut columns.remaining, "remaining"),
                        (&mut columns.reset, "reset"),
                        (&mut columns.retry_after, "retry after"),
                    ] {
                        line.push(' ');
                        push_right(line, width, |text| text.push_str(name));
                    }
                }
                line.truncate(line.trim_end().len());
                line.push('\n');
            }
        }
    }

    fn text(&mut self, judged: &Judged<'_>) {
        let line = &mut self.line;
        let columns = &mut self.columns;
        push_left(line, &mut columns.time, |text| {
            push_moment(text, judged.time);
        });
        line.push(' ');
        push_left(line, &mut columns.key, |text| match judged.key {
            "" => text.push('-'),
            key if key.contains(is_unprintable) => {
                text.push_str(&key.replace(is_unprintable, "\u{fffd}"));
            }
            key => text.push_str(key),
        });
        line.push(' ');
        push_right(line, &mut columns.cost, |text| {
            push_number(text, judged.cost);
        });
        if let ([verdict], true) = (judged.verdicts, self.flags.scenario.is_some()) {
            let stage = stage_of(&self.stages, verdict);
            line.push_str("  ");
            push_left(line, &mut columns.decision, |text| {
                push_decision(text, verdict.decision);
            });
            line.push(' ');
            push_left(line, &mut columns.stage, |text| match stage {
                Some((name, _)) => text.push_str(&printable(name)),
                None => text.push('-'),
            });
            match stage.filter(|_| is_refusal(verdict)) {
                Some((_, response)) => {
                    let _ = write!(line, " {:>6} ", response.status);
                }
                None => line.push_str("      - "),
            }
            push_right(line, &mut columns.retry_after, |text| {
                match told_wait(verdict) {
                    Some(wait) => push_seconds(text, wait),
                    None => text.push('-'),
                }
            });
        } else if let [verdict] = judged.verdicts {
            line.push_str("  ");
            push_left(line, &mut columns.decision, |text| {
                push_decision(text, verdict.decision);
            });
            line.push(' ');
            push_right(line, &mut columns.remaining, |text| {
                push_remaining(text, verdict.standing);
            });
            line.push(' ');
            push_right(line, &mut columns.reset, |text| match verdict.standing {
                None => text.push('-'),
                Some(standing) => match standing.reset_after {
                    None => text.push_str("unknown"),
                    Some(reset) => push_seconds(text, reset),
                },
            });
            line.push(' ');
            push_right(line, &mut columns.retry_after, |text| {
                push_retry_after(text, verdict.decision);
            });
            push_extras(line, verdict);
            let window = self.windows.first().copied().flatten();
            if let Some(fields) = fields_of(self.flags, window, verdict, judged.time) {
                line.push_str("  ");
                line.push_str(&fields);
            }
        } else {
            for (verdict, width) in judged.verdicts.iter().zip(&mut columns.limiters) {
                line.push_str("  ");
                push_left(line, width, |text| {
                    push_decision(text, verdict.decision);
                    match verdict.decision {
                        Decision::Refuse {
                            retry_after: Some(wait),
                        } => {
                            text.push(' ');
                            push_seconds(text, wait);
                        }
                        Decision::Admit if verdict.standing.is_some() => {
                            text.push(' ');
                            push_remaining(text, verdict.standing);
                        }
                        _ => {}
                    }
                    push_extras(text, verdict);
                });
            }
            line.truncate(line.trim_end().len());
        }
        line.push('\n');
    }

    fn csv(&mut self, judged: &Judged<'_>) {
        let line = &mut self.line;
        for (number, verdict) in judged.verdicts.iter().enumerate() {
            push_number(line, judged.line);
            line.push(',');
            push_decimal(line, judged.time.nanos());
            line.push(',');
            push_field(line, &name_field(judged.key));
            line.push(',');
            push_number(line, judged.cost);
            line.push(',');
            push_number(line, number as u64 + 1);
            line.push(',');
            line.push_str(word(verdict.decision));
            line.push(',');
            if let Decision::Delay(wait) = verdict.decision {
                push_decimal(line, wait.nanos());
            }
            line.push(',');
            let (remaining, reset_after) = told(verdict);
            if let Some(remaining) = remaining {
                push_number(line, remaining);
            }
            line.push(',');
            if let Some(reset) = reset_after {
                push_decimal(line, reset.nanos());
            }
            line.push(',');
            if let Decision::Refuse {
                retry_after: Some(wait),
            } = verdict.decision
            {
                push_decimal(line, wait.nanos());
            }
            line.push(',');
            if let Some(permits) = verdict.permits {
                push_number(line, permits.into());
            }
            line.push(',');
            if let Some(refusal) = verdict.refusal {
                let _ = write!(line, "{refusal}");
            }
            line.push('\n');
        }
    }

    fn csv_of_stages(&mut self, judged: &Judged<'_>) {
        let line = &mut self.line;
        for verdict in judged.verdicts {
            push_number(line, judged.line);
            line.push(',');
            push_decimal(line, judged.time.nanos());
            line.push(',');
            push_field(line, &name_field(judged.key));
            line.push(',');
            push_number(line, judged.cost);
            line.push(',');
            line.push_str(word(verdict.decision));
            line.push(',');
            let stage = stage_of(&self.stages, verdict);
            if let Some((name, _)) = stage {
                push_field(line, &name_field(name));
            }
            line.push(',');
            let response = stage.filter(|_| is_refusal(verdict));
            if let Some((_, response)) = response {
                push_number(line, response.status.into());
            }
            line.push(',');
            if let Some(code) = response.and_then(|(_, response)| response.code) {
                push_number(line, code.into());
            }
            line.push(',');
            if let Decision::Delay(wait) = verdict.decision {
                push_decimal(line, wait.nanos());
            }
            line.push(',');
            let (remaining, reset_after) = told(verdict);
            if let Some(remaining) = remaining {
                push_number(line, remaining);
            }
            line.push(',');
            if let Some(reset) = reset_after {
                push_decimal(line, reset.nanos());
            }
            line.push(',');
            if let Some(wait) = told_wait(verdict) {
                push_decimal(line, wait.nanos());
            }
            line.push('\n');
        }
    }

    fn json(&mut self, judged: &Judged<'_>) {
        let line = &mut self.line;
        line.push_str(if self.begun { ",\n    " } else { "\n    " });
        line.push_str("{\"line\":");
        push_number(line, judged.line);
        line.push_str(",\"time_s\":");
        push_decimal(line, judged.time.nanos());
        line.push_str(",\"key\":");
        push_json_text(line, judged.key);
        line.push_str(",\"cost\":");
        push_number(line, judged.cost);
        line.push_str(",\"verdicts\":[");
        for (place, (verdict, window)) in judged.verdicts.iter().zip(&self.windows).enumerate() {
            line.push_str(if place > 0 { ",{" } else { "{" });
            line.push_str("\"decision\":\"");
            line.push_str(word(verdict.decision));
            line.push_str("\",");
            if let Some((name, response)) = stage_of(&self.stages, verdict) {
                line.push_str("\"stage\":");
                push_json_text(line, name);
                line.push(',');
                if is_refusal(verdict) {
                    let _ = write!(line, "\"status\":{},", response.status);
                    if let Some(code) = response.code {
                        let _ = write!(line, "\"code\":{code},");
                    }
                }
            }
            line.push_str("\"remaining\":");
            let (remaining, reset_after) = told(verdict);
            match remaining {
                Some(remaining) => push_number(line, remaining),
                None => line.push_str("null"),
            }
            line.push_str(",\"reset_s\":");
            match reset_after {
                Some(reset) => push_decimal(line, reset.nanos()),
                None => line.push_str("null"),
            }
            match verdict.decision {
                Decision::Admit => {}
                Decision::Delay(wait) => {
                    line.push_str(",\"delay_s\":");
                    push_decimal(line, wait.nanos());
                }
                Decision::Refuse { retry_after } => {
                    line.push_str(",\"retry_after_s\":");
                    match retry_after {
                        Some(wait) => push_decimal(line, wait.nanos()),
                        None => line.push_str("null"),
                    }
                }
            }
            if let Some(permits) = verdict.permits {
                line.push_str(",\"permits\":");
                push_number(line, permits.into());
            }
            if let Some(refusal) = verdict.refusal {
                let _ = write!(line, ",\"refusal_probability\":{refusal}");
            }
            if let Some(fields) = fields_of(self.flags, *window, verdict, judged.time) {
                line.push_str(",\"fields\":");
                push_json_text(line, &fields);
            }
            line.push('}');
        }
        line.push_str("]}");
    }
}

/// The stage that refused an attempt or made it wait, of those of a scenario.
fn stage_of<'s>(
    stages: &'s [(String, Response)],
    verdict: &Verdict,
) -> Option<&'s (String, Response)> {
    stages.get(usize::from(verdict.stage?))
}

fn is_refusal(verdict: &Verdict) -> bool {
    matches!(verdict.decision, Decision::Refuse { .. })
}

/// The wait that a refusal tells.
fn told_wait(verdict: &Verdict) -> Option<Span> {
    match verdict.decision {
        Decision::Refuse { retry_after } => retry_after,
        Decision::Admit | Decision::Delay(_) => None,
    }
}

/// What remains and when it resets, as far as that can be told in numbers.
fn told(verdict: &Verdict) -> (Option<u64>, Option<Span>) {
    match verdict.standing {
        Some(standing) => (standing.remaining, standing.reset_after),
        None => (None, None),
    }
}

/// The header fields that an answer would carry, if they are asked for and the
/// limiter has a quota to tell.
fn fields_of(
    flags: &ReplayFlags,
    window: Option<Span>,
    verdict: &Verdict,
    now: Time,
) -> Option<String> {
    let fields: RateLimitFields = flags.fields?.into();
    fields.lines(window, verdict.standing?, now)
}

/// A text as JSON has it.
fn push_json_text(text: &mut String, value: &str) {
    match serde_json::to_string(value) {
        Ok(quoted) => text.push_str(&quoted),
        // A text is always written.
        Err(_) => text.push_str("\"\""),
    }
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Admit => "admit",
        Decision::Delay(_) => "delay",
        Decision::Refuse { .. } => "refuse",
    }
}

fn push_decision(text: &mut String, decision: Decision) {
    text.push_str(word(decision));
    if let Decision::Delay(wait) = decision {
        text.push(' ');
        push_seconds(text, wait);
    }
}

fn push_remaining(text: &mut String, standing: Option<Standing>) {
    match standing {
        None => text.push('-'),
        Some(standing) => match standing.remaining {
            None => text.push_str("unlimited"),
            Some(remaining) => push_number(text, remaining),
        },
    }
}

fn push_retry_after(text: &mut String, decision: Decision) {
    match decision {
        Decision::Refuse {
            retry_after: Some(wait),
        } => push_seconds(text, wait),
        Decision::Refuse { retry_after: None } => text.push_str("unknown"),
        Decision::Admit | Decision::Delay(_) => text.push('-'),
    }
}

/// What only gates and admission control have.
fn push_extras(text: &mut String, verdict: &Verdict) {
    if let Some(permits) = verdict.permits {
        text.push_str(" permits ");
        push_number(text, permits.into());
    }
    if let Some(refusal) = verdict.refusal {
        let _ = write!(text, " p = {refusal:.4}");
    }
}

pub(super) fn push_moment(text: &mut String, time: Time) {
    // What is written in seconds counts from zero, and was not a date.
    match time.nanos() < 1_000_000_000 * 100_000_000 {
        true => push_decimal(text, time.nanos()),
        false => {
            let _ = write!(text, "{time}");
        }
    }
}

fn push_seconds(text: &mut String, span: Span) {
    push_decimal(text, span.nanos());
    text.push('s');
}

fn push_number(text: &mut String, number: u64) {
    let mut digits = [0_u8; 20];
    let (mut rest, mut first) = (number, digits.len());
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

/// Nanoseconds as seconds with as many decimals as are needed.
fn push_decimal(text: &mut String, nanos: u64) {
    push_number(text, nanos / 1_000_000_000);
    let mut rest = nanos % 1_000_000_000;
    if rest == 0 {
        return;
    }
    text.push('.');
    let mut unit = 100_000_000;
    while rest > 0 {
        text.push(char::from(b'0' + (rest / unit) as u8));
        rest %= unit;
        unit /= 10;
    }
}

/// A field of a CSV line, quoted where it must be (RFC 4180).
pub(super) fn push_field(text: &mut String, field: &str) {
    match field.contains([',', '"', '\n', '\r']) {
        false => text.push_str(field),
        true => {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        }
    }
}

/// A cell at the left of its column, which is widened if it is too narrow.
fn push_left(text: &mut String, width: &mut usize, push: impl FnOnce(&mut String)) {
    let start = text.len();
    push(text);
    for _ in 0..missing(&text[start..], width) {
        text.push(' ');
    }
}

/// The same at the right.
fn push_right(text: &mut String, width: &mut usize, push: impl FnOnce(&mut String)) {
    let start = text.len();
    push(text);
    let missing = missing(&text[start..], width);
    text.insert_str(start, &" ".repeat(missing));
}

/// How many characters a cell lacks to fill its column, which is at least as wide
/// from now on.
fn missing(cell: &str, width: &mut usize) -> usize {
    let length = match cell.is_ascii() {
        true => cell.len(),
        false => cell.chars().count(),
    };
    *width = length.max(*width);
    *width - length
}
