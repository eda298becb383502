use std::path::Path;

use serde_json::{Value, json};

use super::{Answer, Provenance, Timing};
use crate::experiment::{Estimate, Verdict};

/// The version of the JSON documents.
pub const SCHEMA: &str = "ratelab/1";

/// The answer as one JSON document.
pub fn document(answer: &Answer<'_>, verb: &str, timing: &Timing, out: Option<&Path>) -> Value {
    let mut document = summary(answer);
    document["verb"] = json!(verb);
    document["events"] = json!(timing.events);
    document["run_seconds"] = json!(timing.run_seconds);
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
        "start": answer.study.cells.first().map(|cell| &cell.world.start),
        "unfinished_requests": answer.unfinished(),
        "policies": answer.study.cells.iter().map(|cell| json!({
            "name": cell.policy,
            "settings": cell.settings.iter().map(|(path, value)| (path.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
        })).collect::<Vec<_>>(),
        "estimates": answer.estimates.iter().map(|estimate| self::estimate(estimate, answer.study.confidence)).collect::<Vec<_>>(),
        "targets": answer.targets.iter().map(|target| json!({
            "target": target.target,
            "policy": target.policy,
            "verdict": verdict(target.verdict),
        })).collect::<Vec<_>>(),
    })
}

fn estimate(estimate: &Estimate, confidence: f64) -> Value {
    let by = match &estimate.split {
        Some(split) => {
            let (dimension, name) = split.parts();
            json!({ dimension: name })
        }
        None => json!({}),
    };
    json!({
        "name": estimate.estimand.name(),
        "by": by,
        "policy": estimate.policy,
        "value": estimate.value,
        "lo": estimate.interval.map(|interval| interval.lo),
        "hi": estimate.interval.map(|interval| interval.hi),
        "confidence": confidence,
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
