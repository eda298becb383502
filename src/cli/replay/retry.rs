//! The waits that a retry policy chooses.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::super::args::{Format, ReplayFlags};
use super::super::{Exit, Failure, colour, print, rounded, seconds};
use super::answers::Failed;
use crate::client::{self, Fractions, Retried, WalkEnd, walk};
use crate::scenario::text::render;
use crate::scenario::{Attempts, RETRY_PRESETS, RetryPolicy, Trigger};
use crate::server::{Response, Told};
use crate::units::Span;

/// The most retries that are shown of a policy whose end is farther away.
const MOST_SHOWN: usize = 10;
const MOST_OF_ALL: usize = 1000;

/// Prints the waits of a request whose attempts fail as the flags say.
pub(super) fn retry(flags: &ReplayFlags) -> Result<Exit, Failure> {
    let text = flags.retry.as_deref().unwrap_or_default();
    let policy = RetryPolicy::parse(text)
        .map_err(|problems| Failure::Input(render(&problems, "--retry", text, colour())))?;
    let answers = match &flags.answers {
        Some(answers) => answers.0.clone(),
        None => vec![usual_failure(&policy)],
    };
    let fractions = match flags.draws.as_slice() {
        [] => Fractions::Seeded(flags.seed),
        draws => Fractions::Given(draws),
    };
    let asked = answers.len().max(flags.draws.len()).max(MOST_SHOWN);
    let most = policy.rules().map(|rule| match rule.attempts {
        Attempts::AtMost(count) => (count.get() as usize).min(MOST_OF_ALL),
        Attempts::Unlimited if rule.give_up_after.is_some() => MOST_OF_ALL,
        Attempts::Unlimited => asked,
    });
    let most = most.max().unwrap_or(asked).max(asked);
    let failures: Vec<client::Failure> = answers.iter().map(|failed| failed.failure).collect();
    let (retries, end) = walk(&policy, &failures, fractions, most)
        .map_err(|error| Failure::Input(format!("error: --retry: {error}")))?;
    let words = |number: usize| answers[number.min(answers.len() - 1)].words.as_str();
    let text = match flags.format {
        Format::Text => in_text(text, &retries, end, words),
        Format::Json => in_json(text, &retries, end, words),
        Format::Csv => in_csv(&retries, words),
    };
    print(text.trim_end())?;
    Ok(Exit::Done)
}

/// What a policy retries first: a failure that shows its waits.
fn usual_failure(policy: &RetryPolicy) -> Failed {
    let first = policy.on.as_deref().and_then(|on| on.first());
    let answer = |response: Response, words: String| Failed {
        failure: client::Failure::Answer(response, Told::default()),
        words,
    };
    let usual = Response::default();
    match first {
        Some(Trigger::Status(status)) => answer(
            Response {
                status: *status,
                ..usual
            },
            status.to_string(),
        ),
        Some(Trigger::Code(code)) => {
            let response = Response {
                code: Some(*code),
                ..usual
            };
            answer(response, format!("{} code {code}", usual.status))
        }
        Some(Trigger::Timeout) => Failed {
            failure: client::Failure::Timeout,
            words: "timeout".to_owned(),
        },
        None => answer(usual, usual.status.to_string()),
    }
}

fn in_text<'a>(
    text: &str,
    retries: &[Retried],
    end: WalkEnd,
    words: impl Fn(usize) -> &'a str,
) -> String {
    let mut shown = String::new();
    if let Some(preset) = RETRY_PRESETS
        .iter()
        .find(|preset| preset.name == text.trim())
    {
        // Writing to a text cannot fail.
        let _ = writeln!(
            shown,
            "{}: {}\n{}\n",
            preset.name, preset.about, preset.text
        );
    }
    if !retries.is_empty() {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["retry", "after", "wait", "since the first attempt"]);
        for (number, retry) in retries.iter().enumerate() {
            table.add_row([
                (number + 1).to_string(),
                words(number).to_owned(),
                rounded(retry.wait).to_string(),
                rounded(retry.at).to_string(),
            ]);
        }
        for column in [0, 2, 3] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines = table.to_string();
        for line in lines.lines() {
            let _ = writeln!(shown, "{}", line.trim_end());
        }
    }
    let attempts = retries.len() + 1;
    let last = match end {
        WalkEnd::Attempts if retries.is_empty() => "no retry: one attempt is all".to_owned(),
        WalkEnd::Attempts => format!("then no more: {attempts} attempts are all"),
        WalkEnd::NotRetried(_) => {
            format!(
                "then no more: it does not retry after \"{}\"",
                words(retries.len())
            )
        }
        WalkEnd::GaveUp(then) => format!(
            "then no more: the next would begin {} after the first attempt, when its client has given up",
            rounded(then)
        ),
        WalkEnd::Budget => {
            "then no more: its budget, which here no other request shares, does not allow for it"
                .to_owned()
        }
        WalkEnd::GoesOn => "and so on".to_owned(),
    };
    shown + &last
}

/// The name of an end, and when the retry would have been for which it was too
/// late.
fn name_of(end: WalkEnd) -> (&'static str, Option<Span>) {
    match end {
        WalkEnd::Attempts => ("attempts", None),
        WalkEnd::NotRetried(_) => ("not_retried", None),
        WalkEnd::GaveUp(then) => ("gave_up", Some(then)),
        WalkEnd::Budget => ("budget", None),
        WalkEnd::GoesOn => ("goes_on", None),
    }
}

fn in_json<'a>(
    text: &str,
    retries: &[Retried],
    end: WalkEnd,
    words: impl Fn(usize) -> &'a str,
) -> String {
    let rows = retries.iter().enumerate().map(|(number, retry)| {
        json!({
            "retry": number + 1,
            "after": words(number),
            "wait_s": seconds(retry.wait),
            "at_s": seconds(retry.at),
        })
    });
    let (end, late) = name_of(end);
    let document = json!({
        "policy": text,
        "retries": rows.collect::<Vec<_>>(),
        "end": end,
        "too_late_at_s": late.map(seconds),
    });
    format!("{document:#}")
}

fn in_csv<'a>(retries: &[Retried], words: impl Fn(usize) -> &'a str) -> String {
    let mut text = "retry,after,wait_s,at_s\n".to_owned();
    for (number, retry) in retries.iter().enumerate() {
        let (wait, at) = (seconds(retry.wait), seconds(retry.at));
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{},{},{wait},{at}", number + 1, words(number));
    }
    text
}
