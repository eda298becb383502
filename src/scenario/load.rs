use super::check::{Finding, findings, limiter_findings};
use super::text::{Path, Problem, Problems, SourceTree, parse};
use super::{LimiterRule, Scenario, Stage};
use crate::units::Span;

impl Scenario {
    /// Reads a scenario and checks it.
    ///
    /// # Errors
    /// All problems that were found, with their places in the text.
    pub fn parse(text: &str) -> Result<Scenario, Problems> {
        let scenario: Scenario = parse(text)?;
        let found = findings(&scenario);
        located(text, found).into_result(scenario)
    }
}

/// A limiter that stands alone, as `ratelab replay --limiter` takes it.
#[derive(Debug, Clone)]
pub enum LimiterText {
    /// What a limit is given `by`.
    Rule(LimiterRule),
    /// A stage of a server: a `Gate`, a `Limit` or an `Admission`.
    Stage(Box<Stage>),
}

impl LimiterText {
    /// The quota that header fields tell for a single user, and the window that
    /// it is for, if it is a limit with a quota.
    pub fn policy(&self) -> Option<(u64, Option<Span>)> {
        match self {
            LimiterText::Rule(rule) => rule.policy(),
            LimiterText::Stage(stage) => match &**stage {
                Stage::Limit { by, .. } => by.policy(),
                Stage::Gate { .. } | Stage::Admission { .. } => None,
            },
        }
    }

    /// Reads a limiter and checks it.
    ///
    /// # Errors
    /// All problems that were found, with their places in the text.
    pub fn parse(text: &str) -> Result<LimiterText, Problems> {
        let word = text
            .trim_start()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next();
        let limiter = match word {
            Some("Gate" | "Limit" | "Admission") => LimiterText::Stage(Box::new(parse(text)?)),
            _ => LimiterText::Rule(parse(text)?),
        };
        let found = limiter_findings(&limiter);
        located(text, found).into_result(limiter)
    }
}

/// Findings as problems of a text.
fn located(text: &str, found: Vec<Finding>) -> Problems {
    let tree = SourceTree::new(text);
    found
        .into_iter()
        .map(|finding| {
            let place = finding
                .path
                .parse::<Path>()
                .ok()
                .and_then(|path| match finding.at_name {
                    true => tree.key_place(&path),
                    false => tree.place(&path),
                });
            Problem {
                message: finding.message,
                place,
                label: finding.label,
                help: finding.help,
            }
        })
        .collect()
}
