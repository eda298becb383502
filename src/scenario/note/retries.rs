//! Retry policies without effect, and those whose attempts come back together.

use super::answers::{Answerer, told_at_most};
use super::kinds::{Note, RATE_LIMIT};
use crate::rng::Distribution;
use crate::scenario::{
    Attempts, Backoff, Client, Heed, Jitter, RetryPolicy, Scenario, Traffic, Trigger,
};
use crate::server::{Response, RetryAfter};
use crate::units::Span;

/// Who has a policy: a client's name, how many homes it runs in, and those of
/// its entries of traffic that have the policy.
struct User<'a> {
    client: &'a str,
    homes: u64,
    entries: Vec<Traffic<'a>>,
}

fn users<'a>(scenario: &'a Scenario, policy: &str) -> Vec<User<'a>> {
    let homes = |client: &str| {
        let users = (scenario.placements()).filter(|it| it.installed.client == client);
        users.map(|it| u64::from(it.cohort.homes)).sum()
    };
    let of_client = |(name, client): (&'a str, &'a Client)| User {
        client: name,
        homes: homes(name),
        entries: (client.traffic())
            .filter(|entry| entry.what.retry == policy)
            .collect(),
    };
    let all = scenario.clients.iter().map(of_client);
    all.filter(|user| !user.entries.is_empty()).collect()
}

/// What retry policies do that they do not seem to, or the reverse.
pub(super) fn on_retries(scenario: &Scenario, answerers: &[Answerer<'_>], found: &mut Vec<Note>) {
    for (name, policy) in scenario.retries.iter() {
        let users = users(scenario, name);
        if users.is_empty() {
            found.push(Note::UnusedRetry {
                policy: name.to_owned(),
            });
            continue;
        }
        for (rule, policy) in policy.rules().enumerate() {
            on_triggers((name, rule), policy, &users, answerers, found);
            on_waits((name, rule), policy, &users, answerers, found);
        }
        let alike = policy.attempts == Attempts::Unlimited && policy.is_certain();
        for user in users {
            let at_once = user.entries.iter().any(Traffic::begins_at_once);
            if alike && at_once && user.homes > 1 {
                found.push(Note::Lockstep {
                    policy: name.to_owned(),
                    client: user.client.to_owned(),
                });
            }
        }
    }
}

fn on_triggers(
    (name, rule): (&str, usize),
    policy: &RetryPolicy,
    users: &[User<'_>],
    answerers: &[Answerer<'_>],
    found: &mut Vec<Note>,
) {
    let mut entries = users.iter().flat_map(|user| &user.entries);
    let times_out = entries.any(|entry| entry.what.timeout.is_some());
    for (index, trigger) in policy.on.iter().flatten().enumerate() {
        let seen = match trigger {
            Trigger::Timeout => times_out,
            trigger => (answerers.iter()).any(|answerer| trigger.covers(answerer.answer)),
        };
        if !seen {
            found.push(Note::NeverSeen {
                policy: name.to_owned(),
                rule,
                index,
                trigger: *trigger,
            });
        }
    }
    if let Backoff::Exponential { factor, .. } = policy.wait
        && policy.jitter.grows_by_itself()
        && factor != 2.0
    {
        found.push(Note::UnusedFactor {
            policy: name.to_owned(),
            rule,
        });
    }
}

/// Whether what is told is heard, and what it does to jitter.
fn on_waits(
    (name, rule): (&str, usize),
    policy: &RetryPolicy,
    users: &[User<'_>],
    answerers: &[Answerer<'_>],
    found: &mut Vec<Note>,
) {
    let heeding = &policy.told;
    let retried = || (answerers.iter()).filter(|answerer| policy.covers(answerer.answer));
    let homes: u64 = users.iter().map(|user| user.homes).sum();
    let settings = [
        (heeding.retry_after, heeding.field(), "a Retry-After"),
        (heeding.of_reset(), RATE_LIMIT, "rate limit fields"),
    ];
    for (heed, setting, what) in settings {
        if heed == Heed::Ignore {
            continue;
        }
        let tells = |answer: &Response| match setting {
            RATE_LIMIT => answer.rate_limit.is_some(),
            _ => answer.retry_after != RetryAfter::Absent,
        };
        let mut telling = retried()
            .filter(|answerer| tells(answerer.answer))
            .peekable();
        if telling.peek().is_none() {
            found.push(Note::NothingTold {
                policy: name.to_owned(),
                rule,
                setting,
                what,
            });
            continue;
        }
        // What is added to a told wait, or limits what that adds, keeps its
        // jitter.
        let keeps = heed == Heed::Before || heeding.adds_at_most < Span::MAX;
        let jitter = first_wait(policy).filter(|_| homes > 1 && !keeps);
        let Some((first, least)) = jitter else {
            continue;
        };
        let longest = telling
            .map(|answerer| (told_at_most(answerer, setting), answerer))
            .max_by_key(|(told, _)| *told);
        if let Some((told, answerer)) = longest
            && told.min(heeding.at_most) > least
        {
            found.push(Note::SwallowedJitter {
                policy: name.to_owned(),
                rule,
                stage: answerer.who.trim_matches('"').to_owned(),
                told: told.min(heeding.at_most),
                first,
                setting,
                instead: heed == Heed::Instead,
            });
        }
    }
}

/// The longest wait before the first random retry, and the told wait above which
/// half of the jitter is lost; `None` if waits are not random.
fn first_wait(policy: &RetryPolicy) -> Option<(Span, Span)> {
    let half = |span: Span| Span::from_nanos(span.nanos() / 2);
    let most = |span: Span| policy.cap.map_or(span, |cap| cap.min(span));
    let drawn_from = |ceiling: Span| policy.jitter.longest_and_middle(most(ceiling));
    let is_second = policy.first.is_some();
    let times = |base: Span, factor: f64| Span::from_secs_f64(base.secs_f64() * factor);
    let wait = match &policy.wait {
        Backoff::Fixed { wait } => drawn_from(*wait),
        Backoff::Waits { waits } => drawn_from(*waits.iter().find(|wait| !wait.is_zero())?),
        Backoff::Random { wait } => match wait {
            Distribution::Constant(_) => None,
            Distribution::Uniform { from, to } if from == to => None,
            Distribution::Uniform { from, to } => Some((*to, half(*from + *to))),
            wait => {
                let mean = Span::from_secs_f64(wait.mean_secs());
                Some((mean, mean))
            }
        },
        Backoff::Exponential { base, .. } if policy.jitter == Jitter::Decorrelated => {
            // From the base to three times the base.
            let longest = most(*base * 3);
            Some((longest, half(*base + longest)))
        }
        Backoff::Exponential { base, .. } if policy.jitter == Jitter::Polly => {
            // Up to 2 tanh(2) / 1.4 of the base, half of it at t = 1/2.
            Some((times(*base, 1.38), times(*base, 0.9)))
        }
        Backoff::Exponential { base, factor, .. } if is_second => drawn_from(times(*base, *factor)),
        Backoff::Linear { base, step } if is_second => drawn_from(*base + step.unwrap_or(*base)),
        Backoff::Exponential { base, .. }
        | Backoff::Linear { base, .. }
        | Backoff::Fibonacci { base } => drawn_from(*base),
    };
    let at_most = policy.at_most.unwrap_or(Span::MAX);
    wait.map(|(longest, middle)| (longest.min(at_most), middle.min(at_most)))
}
