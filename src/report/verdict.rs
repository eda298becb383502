use super::{Answer, number};
use crate::experiment::{TargetResult, Verdict};
use crate::scenario::text::printable;
use crate::scenario::{Comparison, Target};

/// More results of one target than this are counted, and only some named.
const MOST_RESULTS: usize = 20;

/// The names of a kind of result that are told then.
const MOST_NAMES: usize = 5;

/// What a target has come to, in a word.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "MISSED",
        Verdict::Undecided => "undecided",
    }
}

/// A line for each target and policy; of a target for many policies, how many
/// do well, and who does not.
pub(super) fn lines(answer: &Answer<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for results in by_target(answer) {
        let target = printable_target(&results[0].target);
        if results.len() <= MOST_RESULTS {
            lines.extend(results.iter().map(|result| {
                let policy = answer.policy(result.cell);
                format!("target {target} ({policy}): {}", in_words(answer, result))
            }));
            continue;
        }
        let of = |verdict: Verdict| {
            let found: Vec<&TargetResult> = (results.iter())
                .filter(|result| result.counts && result.verdict == verdict)
                .collect();
            let mut text = format!("{} by {}", word(verdict), found.len());
            if verdict != Verdict::Met && !found.is_empty() {
                let names: Vec<String> = (found.iter().take(MOST_NAMES))
                    .map(|result| answer.policy(result.cell))
                    .collect();
                let more = if found.len() > MOST_NAMES {
                    ", ..."
                } else {
                    ""
                };
                text.push_str(&format!(" ({}{more})", names.join("; ")));
            }
            text
        };
        let parts = [Verdict::Met, Verdict::Missed, Verdict::Undecided].map(of);
        lines.push(format!("target {target}: {}", parts.join(", ")));
    }
    lines
}

/// The results, target by target.
pub(super) fn by_target<'a>(answer: &'a Answer<'_>) -> impl Iterator<Item = &'a [TargetResult]> {
    // Each is judged for all policies before the next.
    (answer.targets).chunk_by(|one, next| one.target == next.target && one.cell < next.cell)
}

/// A target as a terminal may show it.
pub(super) fn printable_target(target: &Target) -> String {
    printable(&target.to_string()).into_owned()
}

/// How a policy does on a target, with the bound that decides it, and what
/// would decide it if nothing does.
pub(super) fn in_words(answer: &Answer<'_>, result: &TargetResult) -> String {
    let confidence = number::plain(answer.study.confidence * 100.0);
    let at_most = result.target.comparison == Comparison::AtMost;
    let quantity = result.target.estimand.quantity();
    let bound = |is_upper: bool| match result.bound {
        Some(bound) if bound.is_infinite() => match is_upper {
            true => ", and may never be reached".to_owned(),
            false => format!(", never reached at {confidence} %"),
        },
        Some(bound) => {
            let side = if is_upper { "at most" } else { "at least" };
            let bound = number::bound(quantity, bound, result.target.bound);
            format!(", {side} {bound} at {confidence} %")
        }
        None => String::new(),
    };
    let word = word(result.verdict);
    let mut text = match result.verdict {
        Verdict::Met => format!("{word}{}", bound(at_most)),
        Verdict::Missed => format!("{word}{}", bound(!at_most)),
        Verdict::Undecided => {
            let advice = match (result.basis, result.replications_needed) {
                (None, _) => "; there is no such estimate".to_owned(),
                (_, Some(needed)) => {
                    format!(
                        "; about {needed} replications would decide it (--replications {needed})"
                    )
                }
                (_, None) => "; too close to the bound for any number of replications".to_owned(),
            };
            format!("{word}{}{advice}", bound(at_most))
        }
    };
    if result.is_approximate {
        text.push_str("; approximate, since runs differ much or are few");
    }
    if !result.counts {
        text.push_str(" (control, not judged)");
    }
    text
}
