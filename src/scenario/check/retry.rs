//! How clients retry.

use super::server::check_scopes;
use super::{Finding, Findings, at};
use crate::scenario::{Attempts, Backoff, Heed, Jitter, RetryBudget, RetryPolicy};
use crate::server::{Response, RetryAfter};
use crate::units::{Probability, Span};

/// The most attempts of a request that may follow each other without a wait
/// worth the name, and the shortest that is.
const MAX_HASTY_ATTEMPTS: u32 = 1000;
const SHORTEST_WAIT: Span = Span::from_millis(1);
/// The most tokens of a budget that failures take.
const MOST_TOKENS: u32 = 1_000_000;
/// How long requests may count for a budget.
const SHORTEST_WINDOW: Span = Span::from_millis(10);
const LONGEST_WINDOW: Span = Span::from_secs(86_400);
/// The most waits of a list.
const MAX_WAITS: usize = 1000;

/// All rules that a policy breaks which stands alone.
pub(in crate::scenario) fn retry_findings(policy: &RetryPolicy) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    check_retry(&[], "", policy, &mut found);
    found.0
}

/// The answers are those that the server may give.
pub(super) fn check_retry(
    answers: &[&Response],
    path: &str,
    policy: &RetryPolicy,
    found: &mut Findings,
) {
    check_rule(answers, path, policy, found);
    check_budget(path, policy, found);
    check_costs(path, policy, found);
}

/// A policy without its budget, and those after it.
fn check_rule(answers: &[&Response], path: &str, policy: &RetryPolicy, found: &mut Findings) {
    if check_waits(path, policy, found) {
        check_jitter(path, policy, found);
        check_hasty_waits(path, policy, found);
    }
    if policy.give_up_after.is_some_and(Span::is_zero) {
        found.add(
            &at(path, "give_up_after"),
            "a client that gives up at once has no time to retry",
            "must be more than zero; no retry at all is `None`",
        );
    }
    check_told(answers, path, policy, found);
    if let Some(or) = &policy.or {
        if policy.on.is_none() {
            found.add(
                &at(path, "or"),
                "the policy before it retries every failure",
                "needs an `on` before it, or must be left out",
            );
        }
        let path = at(path, "or");
        if or.budget.is_some() {
            found.add(
                &at(&path, "budget"),
                "a budget is of the whole policy",
                "write it before `or`",
            );
        }
        check_rule(answers, &path, or, found);
    }
}

/// The waits before jitter; false if they are of no use for what is checked next.
fn check_waits(path: &str, policy: &RetryPolicy, found: &mut Findings) -> bool {
    let zero = |found: &mut Findings, base: Span| {
        if base.is_zero() {
            found.add(
                &at(path, "base"),
                "waits that start at zero never grow",
                "must be more than zero; a first retry at once is `first: \"0s\"`, and all of them are Fixed(wait: \"0s\", ...)",
            );
        }
    };
    let grows = match &policy.wait {
        Backoff::Fixed { .. } => None,
        Backoff::Random { wait } => {
            if let Err(why) = wait.check() {
                found.add(&at(path, "wait"), why, "not a distribution");
                return false;
            }
            None
        }
        Backoff::Waits { waits } => {
            check_list(path, waits, policy, found);
            None
        }
        Backoff::Linear { base, .. } => Some(*base),
        Backoff::Fibonacci { base } => {
            zero(found, *base);
            Some(*base)
        }
        Backoff::Exponential { base, factor, .. } => {
            zero(found, *base);
            if !(factor.is_finite() && (1.0..=1000.0).contains(factor)) {
                found.add(
                    &at(path, "factor"),
                    format!("{factor} is no growth factor"),
                    "must be from 1 to 1000",
                );
            }
            Some(*base)
        }
    };
    match (policy.cap, grows) {
        (Some(cap), Some(base)) if cap < base => found.add(
            &at(path, "cap"),
            "the cap is below the base",
            "must be at least `base`",
        ),
        (Some(_), None) => found.add(
            &at(path, "cap"),
            "these waits do not grow towards a cap",
            "leave it out, or write `at_most`, which limits the wait with its jitter",
        ),
        _ => {}
    }
    true
}

fn check_jitter(path: &str, policy: &RetryPolicy, found: &mut Findings) {
    let here = at(path, "jitter");
    match &policy.jitter {
        Jitter::Plus(more) => {
            if let Err(why) = more.check() {
                found.add(&here, why, "not a distribution");
            }
        }
        Jitter::Times(number) => {
            if let Err(why) = number.check() {
                found.add(
                    &here,
                    why,
                    "must be from 0 to 1000000, and more than 0 on average",
                );
            }
        }
        _ => {}
    }
    match &policy.wait {
        Backoff::Exponential { .. } => {}
        Backoff::Random { .. } if policy.jitter != Jitter::None => found.add(
            &here,
            "a random wait has its jitter in itself",
            "leave it out, or draw from another distribution",
        ),
        _ if policy.jitter.grows_by_itself() => found.add(
            &here,
            "this jitter grows by itself, and leaves no part to the waits that are given",
            "must be None, Full, Equal, PlusMinus, Plus or Times; it goes with Exponential",
        ),
        _ => {}
    }
    if policy.jitter == Jitter::Polly && policy.cap.is_some() {
        found.add(
            &at(path, "cap"),
            "Polly's jitter grows without regard to a cap",
            "leave it out, or write `at_most`, which limits the wait with its jitter",
        );
    }
}

/// Attempts that hardly let time pass, by the waits as they are late in a request
/// without end.
fn check_hasty_waits(path: &str, policy: &RetryPolicy, found: &mut Findings) {
    let late = match &policy.wait {
        Backoff::Fixed { wait } => Some(("wait".to_owned(), wait.secs_f64())),
        Backoff::Random { wait } => Some(("wait".to_owned(), wait.mean_secs())),
        // The others come once each.
        Backoff::Waits { waits } => {
            (waits.last()).map(|last| (format!("waits.{}", waits.len() - 1), last.secs_f64()))
        }
        Backoff::Linear { base, step } if step.unwrap_or(*base).is_zero() => {
            Some(("base".to_owned(), base.secs_f64()))
        }
        // Without a cap the waits grow out of any haste.
        _ => policy.cap.map(|cap| ("cap".to_owned(), cap.secs_f64())),
    };
    if let Some((field, ceiling)) = late {
        let wait = match &policy.jitter {
            jitter if jitter.grows_by_itself() => ceiling,
            jitter if jitter.is_certain() => jitter.mean_secs(ceiling),
            // Of full jitter it is the ceiling that has to be long enough.
            jitter => 2.0 * jitter.mean_secs(ceiling),
        };
        check_haste(&at(path, &field), wait, policy.attempts, found);
    }
    if let Some(at_most) = policy.at_most {
        let here = at(path, "at_most");
        check_haste(&here, at_most.secs_f64(), policy.attempts, found);
    }
}

fn check_list(path: &str, waits: &[Span], policy: &RetryPolicy, found: &mut Findings) {
    let here = at(path, "waits");
    if waits.is_empty() {
        let message = "a list of waits without one";
        found.add(&here, message, "needs a wait; no retry at all is `None`");
    }
    if waits.len() > MAX_WAITS {
        found.add(
            &here,
            format!("a list of {} waits", waits.len()),
            format!("must be at most {MAX_WAITS}"),
        );
    }
    if policy.first.is_some() {
        found.add(
            &at(path, "first"),
            "a list has a first wait already",
            "leave it out",
        );
    }
}

/// The budget that retries share.
fn check_budget(path: &str, policy: &RetryPolicy, found: &mut Findings) {
    let here = at(path, "budget");
    let mut wrong = |field: &str, why: String, label: &str| {
        found.add(&at(&here, field), why, label);
    };
    match &policy.budget {
        None | Some(RetryBudget::Tokens { .. }) => {}
        Some(RetryBudget::Throttle {
            tokens, success, ..
        }) => {
            if !(1..=MOST_TOKENS).contains(tokens) {
                let why = format!("{tokens} tokens");
                wrong("tokens", why, "must be from 1 to 1000000");
            }
            if !(0.001..=f64::from(MOST_TOKENS)).contains(success) {
                let why = format!("a success cannot give {success} tokens");
                wrong("success", why, "must be from 0.001, up to all tokens");
            }
        }
        Some(RetryBudget::Share {
            of,
            within,
            at_least,
            ..
        }) => {
            if *of == Probability::ZERO && at_least.is_none() {
                let why = "no retry is ever made".to_owned();
                wrong("of", why, "must be above 0, or needs `at_least`");
            }
            if *within < SHORTEST_WINDOW || *within > LONGEST_WINDOW {
                let why = format!("requests cannot count for {within}");
                wrong("within", why, "must be from 10 ms to a day");
            }
        }
        Some(RetryBudget::InFlight { of, at_least, .. }) => {
            if *of == Probability::ZERO && *at_least == 0 {
                let why = "no retry is ever made".to_owned();
                wrong("of", why, "must be above 0, or `at_least` must");
            }
        }
    }
    if let Some(budget) = &policy.budget {
        check_scopes(&here, budget.per(), found);
    }
}

/// What the retries of each rule take of the budget.
fn check_costs(path_of_all: &str, policy: &RetryPolicy, found: &mut Findings) {
    let tokens = match &policy.budget {
        Some(RetryBudget::Tokens { most, .. }) => Some(*most),
        _ => None,
    };
    for (number, rule) in policy.rules().enumerate() {
        let path = at(path_of_all, &format!("{}cost", "or.".repeat(number)));
        match (rule.cost, tokens) {
            (Some(0), _) => found.add(&path, "a retry that takes nothing", "must be at least 1"),
            (Some(cost), Some(most)) if cost > most => found.add(
                &path,
                format!("a retry that takes {cost} of {most} tokens is never made"),
                "must be at most as many as the budget has",
            ),
            (Some(_), None) => found.add(
                &path,
                "there are no tokens that a retry could take",
                "needs `budget: Tokens(...)`, or must be left out",
            ),
            (None, Some(0)) => {
                let path = at(&at(path_of_all, "budget"), "most");
                found.add(&path, "a budget without tokens", "must be at least 1");
            }
            _ => {}
        }
    }
}

/// What is read of a told wait.
fn check_told(answers: &[&Response], path: &str, policy: &RetryPolicy, found: &mut Findings) {
    let told = &policy.told;
    if told.at_most < SHORTEST_WAIT {
        found.add(
            &at(path, "told_at_most"),
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
                    &at(path, field),
                    "this policy ignores what it is told",
                    "needs `retry_after` or `honour_rate_limit`",
                );
            }
        }
    }
    // In place of a wait that is long enough may come one that is not.
    let hasty = |answer: &Response| {
        matches!(answer.retry_after, RetryAfter::Fixed(span) if !span.is_zero() && span < SHORTEST_WAIT)
            && policy.covers(answer)
    };
    if told.retry_after == Heed::Instead && answers.iter().any(|answer| hasty(answer)) {
        check_haste(&at(path, "retry_after"), 0.0, policy.attempts, found);
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
