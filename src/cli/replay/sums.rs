use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::super::seconds;
use super::print::{push_field, push_moment};
use crate::replay::{KeyRefusals, LogFacts, Replay, StageTotals, Totals};
use crate::report::name_field;
use crate::scenario::text::{printable, shortened};
use crate::units::{Span, Time};

/// The longest key that a summary shows in full.
const LONGEST_KEY: usize = 60;

/// A key as a terminal may show it.
pub(super) fn shown(key: &str) -> String {
    shortened(&printable(key), LONGEST_KEY).into_owned()
}

/// What came of a whole log, by limiter.
pub(super) struct Sums<'r> {
    pub(super) replay: &'r Replay<'r>,
    /// Whether they are the server of a scenario, and not limiters.
    pub(super) is_scenario: bool,
    /// What the servers are called.
    pub(super) servers: &'r [String],
    pub(super) totals: &'r [Totals],
    /// Whether the log says whose requests they are.
    pub(super) has_keys: bool,
    pub(super) facts: &'r LogFacts,
}

impl Sums<'_> {
    /// The limiters side by side.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (number, limiter) in self.servers.iter().enumerate() {
            let limiter = printable(limiter);
            let _ = match self.servers {
                [_] => writeln!(text, "{limiter}"),
                _ => writeln!(text, "{}: {limiter}", number + 1),
            };
        }
        let _ = match (self.has_keys, self.replay.keys()) {
            (false, _) => writeln!(text, "no key column: all requests count as one caller's"),
            (true, 1) => writeln!(text, "1 key"),
            (true, keys) => writeln!(text, "{keys} keys"),
        };
        if self.facts.statuses > 0 {
            let LogFacts {
                statuses,
                too_many_requests,
                ..
            } = *self.facts;
            let share = percent(Some(too_many_requests as f64 / statuses as f64));
            let _ = writeln!(
                text,
                "in the log itself {too_many_requests} of {statuses} ({share}) have the status 429"
            );
        }
        let _ = writeln!(text, "\n{}", self.table());
        if self.is_scenario {
            let _ = writeln!(text, "\n{}", self.stages());
        }
        text
    }

    /// What each stage did.
    fn stages(&self) -> Table {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header([
                "stage",
                "reached",
                "waited",
                "mean and longest wait",
                "refused",
                "status",
            ]);
        for stage in self.replay.stages(0) {
            let wait = match stage.waited {
                0 => "-".to_owned(),
                _ => format!("{}, {}", short(stage.mean_wait), short(stage.max_wait)),
            };
            table.add_row([
                shown(&stage.name),
                stage.reached.to_string(),
                stage.waited.to_string(),
                wait,
                stage.refused.to_string(),
                stage.status.to_string(),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if self.servers.len() > 1 {
            let numbers = (1..=self.servers.len()).map(|number| number.to_string());
            table.set_header(std::iter::once(String::new()).chain(numbers));
        }
        let mut row = |words: &str, cell: &dyn Fn(&Totals) -> String| {
            table.add_row(std::iter::once(words.to_owned()).chain(self.totals.iter().map(cell)));
        };
        let any = |some: &dyn Fn(&Totals) -> bool| self.totals.iter().any(some);
        row("requests", &|t| t.attempts.to_string());
        row("refused", &|t| {
            format!("{} ({})", t.refused, percent(t.refused_share))
        });
        row("admitted", &|t| t.admitted.to_string());
        if any(&|t| t.delayed > 0) {
            row("of these after a wait", &|t| t.delayed.to_string());
            row("mean and longest wait", &|t| {
                format!("{}, {}", short(t.mean_delay), short(t.max_delay))
            });
        }
        if any(&|t| t.cost != t.attempts) {
            row("cost refused", &|t| {
                format!("{} of {}", t.refused_cost, t.cost)
            });
        }
        row("keys refused", &|t| t.refused_keys.to_string());
        row("longest wait told", &|t| match t.longest_told {
            None => "-".to_owned(),
            Some(told) => short(told.wait) + &self.whose(told.key),
        });
        row("latest moment told", &|t| match t.latest_told {
            None => "-".to_owned(),
            Some(told) => moment(told.time) + &self.whose(told.key),
        });
        if any(&|t| t.never > 0) {
            row("refused without a time told", &|t| t.never.to_string());
        }
        row("came before the time told", &|t| t.impatient.to_string());
        row("came as told, and admitted", &|t| match t.kept + t.broken {
            0 => "nobody came".to_owned(),
            came => format!("{} of {came} ({})", t.kept, percent(t.kept_share)),
        });
        row(
            "longest time from a refusal",
            &|t| match t.longest_lock_out {
                None => "-".to_owned(),
                Some(_) => String::new(),
            },
        );
        row("  to the next admission", &|t| match t.longest_lock_out {
            None => String::new(),
            Some(lock_out) => {
                let more = if lock_out.ended { "" } else { " or more" };
                short(lock_out.length) + more + &self.whose(lock_out.key)
            }
        });
        if self.has_keys && any(&|t| !t.top.is_empty()) {
            row("refused most", &|t| {
                let keys = t.top.iter().map(|top| {
                    let name = shown(self.replay.key_name(top.key));
                    let (all, share) = self.share(top);
                    format!("{name}: {} of {all} ({})", top.refused, percent(share))
                });
                keys.collect::<Vec<_>>().join("\n")
            });
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn whose(&self, key: u32) -> String {
        match self.replay.key_name(key) {
            "" => String::new(),
            name => format!(" ({})", shown(name)),
        }
    }

    /// All attempts of a key, and the share of them that were refused.
    fn share(&self, top: &KeyRefusals) -> (u64, Option<f64>) {
        let all = self.replay.attempts_of(top.key);
        (all, (all > 0).then(|| top.refused as f64 / all as f64))
    }

    /// The end of a document that a [`Printer`](super::Printer) began, with
    /// `more` fields in it.
    pub(super) fn json(&self, more: &str) -> String {
        let key = |key: u32| self.replay.key_name(key).to_owned();
        let in_seconds = |time: Time| time.nanos() as f64 / 1e9;
        let summary = |(server, totals): (&String, &Totals)| {
            let mut summary = json!({
                "requests": totals.attempts,
                "cost": totals.cost,
                "admitted": totals.admitted,
                "delayed": totals.delayed,
                "refused": totals.refused,
                "refused_cost": totals.refused_cost,
                "refused_share": totals.refused_share,
                "mean_delay_s": seconds(totals.mean_delay),
                "max_delay_s": seconds(totals.max_delay),
                "longest_told": totals.longest_told.map(|told| json!({
                    "key": key(told.key),
                    "wait_s": seconds(told.wait),
                })),
                "latest_told": totals.latest_told.map(|told| json!({
                    "key": key(told.key),
                    "time_s": in_seconds(told.time),
                })),
                "refused_without_time": totals.never,
                "came_early": totals.impatient,
                "came_as_told_admitted": totals.kept,
                "came_as_told_refused": totals.broken,
                "longest_lock_out": totals.longest_lock_out.map(|lock_out| json!({
                    "key": key(lock_out.key),
                    "start_s": in_seconds(lock_out.start),
                    "length_s": seconds(lock_out.length),
                    "ended": lock_out.ended,
                })),
                "refused_keys": totals.refused_keys,
                "top": totals.top.iter().map(|top| json!({
                    "key": key(top.key),
                    "refused": top.refused,
                    "requests": self.share(top).0,
                    "refused_share": self.share(top).1,
                })).collect::<Vec<_>>(),
            });
            if self.is_scenario {
                let stages = self.replay.stages(0);
                summary["scenario"] = json!(server);
                summary["stages"] = stages.iter().map(stage_in_json).collect();
            } else {
                summary["limiter"] = json!(server);
            }
            summary
        };
        let summaries: Vec<_> = self.servers.iter().zip(self.totals).map(summary).collect();
        let facts = self.facts;
        let log = json!({
            "format": facts.format.name(),
            "keys": self.replay.keys(),
            "out_of_order": facts.out_of_order,
            "skipped": facts.skipped,
            "statuses": facts.statuses,
            "status_429": facts.too_many_requests,
        });
        format!(
            "  \"log\": {log},\n{more}  \"summaries\": {:#}\n}}\n",
            json!(summaries)
        )
    }

    /// One line per stage, and a last one for all.
    fn csv_of_stages(&self) -> String {
        let mut text = "stage,status,reached,delayed,mean_delay_s,max_delay_s,refused\n".to_owned();
        for it in self.replay.stages(0) {
            push_field(&mut text, &name_field(&it.name));
            let (mean, max) = (seconds(it.mean_wait), seconds(it.max_wait));
            let _ = writeln!(
                text,
                ",{},{},{},{mean},{max},{}",
                it.status, it.reached, it.waited, it.refused
            );
        }
        for it in self.totals {
            let (mean, max) = (seconds(it.mean_delay), seconds(it.max_delay));
            let _ = writeln!(
                text,
                ",,{},{},{mean},{max},{}",
                it.attempts, it.delayed, it.refused
            );
        }
        text
    }

    /// One line per limiter, or per stage of a scenario.
    pub(super) fn csv(&self) -> String {
        if self.is_scenario {
            return self.csv_of_stages();
        }
        let mut text = "limiter,requests,cost,admitted,delayed,refused,refused_cost,mean_delay_s,max_delay_s,longest_told_s,refused_without_time,came_early,came_as_told_admitted,came_as_told_refused,longest_lock_out_s,refused_keys\n".to_owned();
        for (number, t) in self.totals.iter().enumerate() {
            let told = t.longest_told.map_or(Span::ZERO, |told| told.wait);
            let lock_out = t.longest_lock_out.map_or(Span::ZERO, |it| it.length);
            let counts = [
                t.attempts,
                t.cost,
                t.admitted,
                t.delayed,
                t.refused,
                t.refused_cost,
            ];
            let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
            let _ = writeln!(
                text,
                "{},{},{},{},{},{},{},{},{},{},{}",
                number + 1,
                counts.join(","),
                seconds(t.mean_delay),
                seconds(t.max_delay),
                seconds(told),
                t.never,
                t.impatient,
                t.kept,
                t.broken,
                seconds(lock_out),
                t.refused_keys
            );
        }
        text
    }
}

fn stage_in_json(stage: &StageTotals) -> Value {
    json!({
        "stage": stage.name,
        "status": stage.status,
        "reached": stage.reached,
        "delayed": stage.waited,
        "mean_delay_s": seconds(stage.mean_wait),
        "max_delay_s": seconds(stage.max_wait),
        "refused": stage.refused,
    })
}

fn moment(time: Time) -> String {
    let mut text = String::new();
    push_moment(&mut text, time);
    text
}

pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.2} %", share * 100.0))
}

/// A span in its two largest units.
fn short(span: Span) -> String {
    let text = span.to_string();
    let parts: Vec<&str> = text.split(' ').take(2).collect();
    parts.join(" ")
}
