use std::path::Path;

use serde_json::{Value, json};

use super::csv::{basis, comparison};
use super::{Answer, Provenance, Timing};
use crate::experiment::{Difference, Estimate, Verdict};
use crate::scenario::Part;

/// The version of the JSON documents.
pub const SCHEMA: &str = "ratelab/1";

/// The answer as one JSON document.
pub fn document(answer: &Answer<'_>, verb: &str, timing: &Timing, out: Option<&Path>) -> Value {
    let mut document = summary(answer);
    document["verb"] = json!(verb);
    document["events"] = json!(timing.events);
    document["run_seconds"] = json!(timing.run_seconds);
    document["cpu_seconds"] = json!(timing.cpu_seconds);
    document["peak_rss_bytes"] = json!(timing.peak_rss_bytes);
    document["out"] = json!(out.map(|out| out.display().to_string()));
    document
}

/// What a folder of results says of itself.
pub fn manifest(answer: &Answer<'_>, provenance: &Provenance) -> Value {
    let mut manifest = summary(answer);
    manifest["version"] = json!(env!("CARGO_PKG_VERSION"));
    manifest["file"] = json!(provenance.file);
    manifest["command"] = json!(provenance.command);
    manifest["scenario_hash"] = json!(hash(&provenance.text));
    manifest["scenario_text"] = json!(provenance.text);
    manifest
}

fn summary(answer: &Answer<'_>) -> Value {
    json!({
        "schema": SCHEMA,
        "scenario": answer.name(),
        "seed": answer.study.seed,
        "replications": answer.study.replications,
        "result_hash": answer.result_hash,
        "unfinished_requests": answer.unfinished(),
        "start": answer.study.cells.first().map(|cell| &cell.outline.start),
        "policies": answer.study.cells.iter().map(|cell| json!({
            "name": cell.name,
            "control": cell.is_control,
            "settings": cell.settings.iter().map(|setting| (setting.path.clone(), json!(setting.label))).collect::<serde_json::Map<_, _>>(),
        })).collect::<Vec<_>>(),
        "estimates": answer.estimates.iter().map(|estimate| self::estimate(answer, estimate)).collect::<Vec<_>>(),
        "differences": answer.differences.iter().flat_map(|all| {
            all.iter().map(|it| difference(answer, it, all.baseline))
        }).collect::<Vec<_>>(),
        "targets": answer.targets.iter().map(|target| json!({
            "target": target.target.to_string(),
            "cell": target.cell,
            "policy": target.policy,
            "verdict": verdict(target.verdict),
            "bound": target.bound.filter(|bound| bound.is_finite()),
            "approximate": target.is_approximate,
            "replications_needed": target.replications_needed,
            "counts": target.counts,
        })).collect::<Vec<_>>(),
    })
}

/// The dimensions of a part and their values.
fn by(part: &Part) -> serde_json::Map<String, Value> {
    (part.dimensions().into_iter())
        .map(|(dimension, name)| (dimension.to_owned(), json!(name)))
        .collect()
}

/// A comparison with the cell that all are compared with.
fn difference(answer: &Answer<'_>, difference: &Difference, baseline: usize) -> Value {
    let paired = &difference.paired;
    json!({
        "name": difference.estimand.name(),
        "by": by(&difference.part),
        "cell": difference.cell,
        "policy": answer.study.cells[difference.cell].name,
        "minus": baseline,
        "value": paired.value,
        "lo": difference.interval.map(|interval| interval.lo),
        "hi": difference.interval.map(|interval| interval.hi),
        "confidence": difference.adjusted.confidence,
        "standard_error": paired.standard_error,
        "adjusted_p": difference.adjusted.p_value,
        "comparison": comparison(difference.comparison()),
        "correlation": paired.correlation,
        "runs_that_differ": paired.differing,
        "replications": paired.replications,
    })
}

fn estimate(answer: &Answer<'_>, estimate: &Estimate) -> Value {
    // JSON has no infinity: what is never reached has no value.
    let finite = |number: f64| number.is_finite().then_some(number);
    json!({
        "name": estimate.estimand.name(),
        "by": by(&estimate.part),
        "cell": estimate.cell,
        "policy": answer.study.cells[estimate.cell].name,
        "value": finite(estimate.value),
        "lo": estimate.interval.and_then(|interval| finite(interval.lo)),
        "hi": estimate.interval.and_then(|interval| finite(interval.hi)),
        "standard_error": estimate.standard_error,
        "never": estimate.value.is_infinite(),
        "basis": basis(estimate.basis),
        "upper": estimate.upper.and_then(finite),
        "lower": estimate.lower.and_then(finite),
        "confidence": answer.study.confidence,
        "deff": estimate.design_effect,
        "replications": estimate.replications,
    })
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "missed",
        Verdict::Undecided => "undecided",
    }
}

fn hash(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
