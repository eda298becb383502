use std::fmt::Write as _;
use std::io::{BufWriter, Stdout, Write};

use serde_json::json;

use super::super::Failure;
use super::super::args::{Format, ReplayFlags};
use crate::limiter::Decision;
use crate::replay::{Judged, Verdict};
use crate::report::{SCHEMA, name_field};
use crate::scenario::LimiterText;
use crate::scenario::text::{is_unprintable, printable};
use crate::server::RateLimitFields;
use crate::units::{Span, Time};

/// Writes decisions to standard output as they come.
pub(super) struct Printer<'f> {
    out: BufWriter<Stdout>,
    /// Used again for each row.
    line: String,
    flags: &'f ReplayFlags,
    /// What the header fields tell of each limiter.
    policies: Vec<Option<(u64, Option<Span>)>>,
    begun: bool,
}

impl<'f> Printer<'f> {
    pub(super) fn new(flags: &'f ReplayFlags, limiters: &[LimiterText]) -> Printer<'f> {
        Printer {
            out: BufWriter::with_capacity(1 << 16, std::io::stdout()),
            line: String::new(),
            flags,
            policies: limiters.iter().map(LimiterText::policy).collect(),
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
            Format::Csv => line.push_str(
                "line,time_s,key,cost,limiter,decision,delay_s,remaining,reset_s,retry_after_s,permits,refusal_probability\n",
            ),
            Format::Json => {
                let limiters = json!(self.flags.limiter);
                let _ = write!(
                    line,
                    "{{\n  \"schema\": \"{SCHEMA}\",\n  \"verb\": \"replay\",\n  \"limiters\": {limiters},\n  \"decisions\": ["
                );
            }
            Format::Text if self.flags.limiter.len() > 1 => {
                for (number, limiter) in self.flags.limiter.iter().enumerate() {
                    let _ = writeln!(line, "{}: {}", number + 1, printable(limiter));
                }
                let _ = write!(line, "\n{:<24} {:<12} {:>5}", "time", "key", "cost");
                for number in 1..=self.flags.limiter.len() {
                    let _ = write!(line, "  {number:<18}");
                }
                line.push('\n');
            }
            Format::Text => {
                let _ = writeln!(
                    line,
                    "{:<24} {:<12} {:>5}  {:<16} {:>9} {:>12} {:>12}",
                    "time", "key", "cost", "decision", "remaining", "reset", "retry after"
                );
            }
        }
    }

    fn text(&mut self, judged: &Judged<'_>) {
        let line = &mut self.line;
        let start = line.len();
        push_moment(line, judged.time);
        pad_to(line, start + 25);
        match judged.key {
            "" => line.push('-'),
            key if key.contains(is_unprintable) => {
                line.push_str(&key.replace(is_unprintable, "\u{fffd}"));
            }
            key => line.push_str(key),
        }
        pad_to(line, start + 38);
        push_right(line, 5, |text| push_number(text, judged.cost));
        line.push_str("  ");
        if let [verdict] = judged.verdicts {
            let start = line.len();
            push_decision(line, verdict.decision);
            pad_to(line, start + 17);
            push_right(line, 9, |text| {
                push_number(text, verdict.standing.remaining)
            });
            line.push(' ');
            push_right(line, 12, |text| {
                push_seconds(text, verdict.standing.reset_after)
            });
            line.push(' ');
            push_right(line, 12, |text| push_retry_after(text, verdict.decision));
            push_extras(line, verdict);
            if let Some(fields) = self.flags.fields
                && let Some(Some((quota, window))) = self.policies.first()
            {
                let fields: RateLimitFields = fields.into();
                line.push_str("  ");
                line.push_str(&fields.lines(*quota, *window, verdict.standing, judged.time));
            }
        } else {
            for verdict in judged.verdicts {
                let start = line.len();
                push_decision(line, verdict.decision);
                match verdict.decision {
                    Decision::Refuse {
                        retry_after: Some(wait),
                    } => {
                        line.push(' ');
                        push_seconds(line, wait);
                    }
                    Decision::Admit => {
                        line.push(' ');
                        push_number(line, verdict.standing.remaining);
                    }
                    _ => {}
                }
                push_extras(line, verdict);
                pad_to(line, start + 20);
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
            push_number(line, verdict.standing.remaining);
            line.push(',');
            push_decimal(line, verdict.standing.reset_after.nanos());
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
        for (place, (verdict, policy)) in judged.verdicts.iter().zip(&self.policies).enumerate() {
            line.push_str(if place > 0 { ",{" } else { "{" });
            line.push_str("\"decision\":\"");
            line.push_str(word(verdict.decision));
            line.push_str("\",\"remaining\":");
            push_number(line, verdict.standing.remaining);
            line.push_str(",\"reset_s\":");
            push_decimal(line, verdict.standing.reset_after.nanos());
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
            if let (Some(fields), Some((quota, window))) = (self.flags.fields, policy) {
                let fields: RateLimitFields = fields.into();
                let lines = fields.lines(*quota, *window, verdict.standing, judged.time);
                line.push_str(",\"fields\":");
                push_json_text(line, &lines);
            }
            line.push('}');
        }
        line.push_str("]}");
    }
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

pub(super) fn seconds(span: Span) -> f64 {
    span.nanos() as f64 / 1e9
}

fn push_decision(text: &mut String, decision: Decision) {
    text.push_str(word(decision));
    if let Decision::Delay(wait) = decision {
        text.push(' ');
        push_seconds(text, wait);
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
fn push_field(text: &mut String, field: &str) {
    match field.contains([',', '"', '\n', '\r']) {
        false => text.push_str(field),
        true => {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        }
    }
}

fn push_right(text: &mut String, width: usize, push: impl FnOnce(&mut String)) {
    let start = text.len();
    push(text);
    let missing = width.saturating_sub(text.len() - start);
    text.insert_str(start, &" ".repeat(missing));
}

fn pad_to(text: &mut String, end: usize) {
    let missing = end.saturating_sub(text.len()).max(1);
    for _ in 0..missing {
        text.push(' ');
    }
}
