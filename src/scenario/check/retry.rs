//! How clients retry.

use super::Findings;
use crate::scenario::{Attempts, Backoff, Draft, Heed, Jitter, RetryPolicy};
use crate::server::{Response, RetryAfter};
use crate::units::Span;

/// The most attempts of a request that may follow each other without a wait
/// worth the name, and the shortest that is.
const MAX_HASTY_ATTEMPTS: u32 = 1000;
const SHORTEST_WAIT: Span = Span::from_millis(1);
/// The most waits of a list.
const MAX_WAITS: usize = 1000;

pub(super) fn check_retry(
    scenario: &Draft,
    path: &str,
    policy: &RetryPolicy,
    found: &mut Findings,
) {
    let attempts = policy.attempts;
    match &policy.wait {
        Backoff::Fixed { wait } => {
            check_haste(&format!("{path}.wait"), wait.secs_f64(), attempts, found);
        }
        Backoff::Random { wait } => {
            if let Err(why) = wait.check() {
                found.add(&format!("{path}.wait"), why, "not a distribution");
                return;
            }
            check_haste(&format!("{path}.wait"), wait.mean_secs(), attempts, found);
        }
        Backoff::Waits { waits, jitter } => {
            check_list(path, waits, *jitter, policy, found);
        }
        Backoff::Exponential {
            base, factor, cap, ..
        } => {
            // Without a cap the waits grow out of any haste.
            if let Some(cap) = cap {
                check_haste(&format!("{path}.cap"), cap.secs_f64(), attempts, found);
            }
            if base.is_zero() {
                found.add(
                    &format!("{path}.base"),
                    "waits that start at zero never grow",
                    "must be more than zero; a first retry at once is `first: \"0s\"`, and all of them are Fixed(wait: \"0s\", ...)",
                );
            }
            if !(factor.is_finite() && (1.0..=1000.0).contains(factor)) {
                found.add(
                    &format!("{path}.factor"),
                    format!("{factor} is no growth factor"),
                    "must be from 1 to 1000",
                );
            }
            if cap.is_some_and(|cap| cap < *base) {
                found.add(
                    &format!("{path}.cap"),
                    "the cap is below the base",
                    "must be at least `base`",
                );
            }
        }
    }
    if policy.give_up_after.is_some_and(Span::is_zero) {
        found.add(
            &format!("{path}.give_up_after"),
            "a client that gives up at once has no time to retry",
            "must be more than zero; no retry at all is `None`",
        );
    }
    check_told(scenario, path, policy, found);
}

fn check_list(
    path: &str,
    waits: &[Span],
    jitter: Jitter,
    policy: &RetryPolicy,
    found: &mut Findings,
) {
    let here = format!("{path}.waits");
    match waits.last() {
        None => {
            let message = "a list of waits without one";
            found.add(&here, message, "needs a wait; no retry at all is `None`");
        }
        Some(_) if waits.len() > MAX_WAITS => found.add(
            &here,
            format!("a list of {} waits", waits.len()),
            format!("must be at most {MAX_WAITS}"),
        ),
        // The others come once each.
        Some(last) => {
            let here = format!("{here}.{}", waits.len() - 1);
            check_haste(&here, last.secs_f64(), policy.attempts, found);
        }
    }
    if jitter == Jitter::Decorrelated {
        found.add(
            &format!("{path}.jitter"),
            "decorrelated jitter grows by itself, and leaves no part to a list of waits",
            "must be None, Full or Equal; it goes with Exponential",
        );
    }
    if policy.first.is_some() {
        found.add(
            &format!("{path}.first"),
            "a list has a first wait already",
            "leave it out",
        );
    }
}

/// What is read of a told wait.
fn check_told(scenario: &Draft, path: &str, policy: &RetryPolicy, found: &mut Findings) {
    let told = &policy.told;
    if told.at_most < SHORTEST_WAIT {
        found.add(
            &format!("{path}.told_at_most"),
            format!("a told wait cut to {} tells nothing", told.at_most),
            format!("must be at least {SHORTEST_WAIT}"),
        );
    }
    if !told.hears() {
        for (limit, field) in [
            (told.at_most, "told_at_most"),
            (told.adds_at_most, "told_adds_at_most"),
        ] {
            if limit < Span::MAX {
                found.add(
                    &format!("{path}.{field}"),
                    "this policy ignores what it is told",
                    "needs `retry_after` or `honour_rate_limit`",
                );
            }
        }
    }
    // In place of a wait that is long enough may come one that is not.
    let hasty = |answer: &Response| {
        matches!(answer.retry_after, RetryAfter::Fixed(span) if !span.is_zero() && span < SHORTEST_WAIT)
            && policy.retries(answer)
    };
    let server = &scenario.server;
    let mut answers = (server.stages.iter().map(|stage| stage.refusal()))
        .chain(server.backend.fails().then_some(&server.backend.fail));
    if told.retry_after == Heed::Instead && answers.any(hasty) {
        check_haste(&format!("{path}.retry_after"), 0.0, policy.attempts, found);
    }
}

/// Attempts without end and without a wait worth the name would make a run of
/// one request last for ever.
fn check_haste(path: &str, wait_secs: f64, attempts: Attempts, found: &mut Findings) {
    let many = match attempts {
        Attempts::AtMost(most) if most.get() <= MAX_HASTY_ATTEMPTS => return,
        Attempts::AtMost(most) => format!("{most} attempts"),
        Attempts::Unlimited => "attempts without end".to_owned(),
    };
    if wait_secs < SHORTEST_WAIT.secs_f64() {
        found.add(
            path,
            format!("{many} with waits shorter than {SHORTEST_WAIT} hardly let time pass"),
            format!("must be at least {SHORTEST_WAIT}, or `attempts` at most {MAX_HASTY_ATTEMPTS}"),
        );
    }
}
