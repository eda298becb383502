//! Who answers what, the waits that answers tell, and those that nobody heeds.

use super::kinds::{Note, RATE_LIMIT, RETRY_AFTER};
use crate::limiter::KeySize;
use crate::scenario::check::segment;
use crate::scenario::{Heeding, Scenario, Stage};
use crate::server::{Response, RetryAfter};
use crate::units::{Probability, Span};

/// Who answers what: the stages, and the backend if it fails.
pub(super) struct Answerer<'a> {
    pub(super) path: String,
    pub(super) who: String,
    pub(super) answer: &'a Response,
    pub(super) stage: Option<&'a Stage>,
}

pub(super) fn answerers(scenario: &Scenario) -> Vec<Answerer<'_>> {
    let backend = &scenario.server.backend;
    let stages = scenario.server.stages.iter().enumerate();
    let mut all: Vec<Answerer<'_>> = stages
        .map(|(index, stage)| Answerer {
            path: format!("server.stages.{index}.refuse"),
            who: format!("\"{}\"", stage.name()),
            answer: stage.refusal(),
            stage: Some(stage),
        })
        .collect();
    for (_, name, outage) in scenario.server.refusing_outages() {
        all.push(Answerer {
            path: format!("server.outages.{}.answer", segment(name)),
            who: format!("the outage \"{name}\""),
            answer: &outage.answer,
            stage: None,
        });
    }
    if backend.failures > Probability::ZERO {
        all.push(Answerer {
            path: "server.backend.fail".to_owned(),
            who: "the backend".to_owned(),
            answer: &backend.fail,
            stage: None,
        });
    }
    all
}

/// The longest wait that an answer tells, about.
pub(super) fn told_at_most(answerer: &Answerer<'_>, setting: &str) -> Span {
    let rule = match answerer.stage {
        Some(Stage::Limit { by, .. }) => by.profile(KeySize::ONE).longest_wait,
        _ => Span::ZERO,
    };
    if setting == RATE_LIMIT {
        return rule;
    }
    match answerer.answer.retry_after {
        RetryAfter::Absent => Span::ZERO,
        RetryAfter::Fixed(span) => span,
        RetryAfter::Exact | RetryAfter::Date => rule.ceil_secs(),
        RetryAfter::Precise => rule,
        RetryAfter::Early(by) => rule.saturating_sub(by).ceil_secs(),
        RetryAfter::Late(by) => (rule + by).ceil_secs(),
    }
}

/// Waits that are told to nobody.
pub(super) fn on_telling(scenario: &Scenario, answerers: &[Answerer<'_>], found: &mut Vec<Note>) {
    for answerer in answerers {
        let answer = answerer.answer;
        let hears = |heeds: fn(&Heeding) -> bool| {
            scenario.traffic().any(|entry| {
                let what = &entry.traffic.what;
                let rule = entry.retry.rule_for(answer);
                let mut guards = what.guards.iter();
                rule.is_some_and(|rule| heeds(&rule.told))
                    || guards.any(|guard| {
                        guard.is_for(what.method) && guard.covers(answer) && heeds(&guard.heeding())
                    })
            })
        };
        let told = [
            (
                answer.retry_after != RetryAfter::Absent,
                hears(Heeding::hears_retry_after),
                "retry_after",
                "a Retry-After",
                RETRY_AFTER,
            ),
            (
                answer.rate_limit.is_some(),
                hears(|told| told.rate_limit),
                "rate_limit",
                "when its quota resets",
                RATE_LIMIT,
            ),
        ];
        for (tells, heard, field, what, setting) in told {
            if tells && !heard {
                found.push(Note::NotHonoured {
                    path: format!("{}.{field}", answerer.path),
                    who: answerer.who.clone(),
                    what,
                    setting,
                });
            }
        }
    }
}
