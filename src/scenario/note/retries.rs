//! Retry policies without effect, and those whose attempts come back together.

use super::answers::{Answerer, told_at_most};
use super::kinds::{Note, RATE_LIMIT, RETRY_AFTER};
use crate::rng::Distribution;
use crate::scenario::{
    Attempts, Client, CommandTimes, Jitter, Phase, RetryPolicy, Scenario, Trigger,
};
use crate::server::{Response, RetryAfter};
use crate::units::Span;

/// What retry policies do that they do not seem to, or the reverse.
pub(super) fn on_retries(scenario: &Scenario, answerers: &[Answerer<'_>], found: &mut Vec<Note>) {
    for (name, policy) in scenario.retries.iter() {
        let users: Vec<(&str, &Client)> = (scenario.clients.iter())
            .filter(|(_, client)| client.retry == name)
            .collect();
        if users.is_empty() {
            found.push(Note::UnusedRetry {
                policy: name.to_owned(),
            });
            continue;
        }
        on_triggers(name, policy, &users, answerers, found);
        on_waits(name, policy, answerers, scenario, found);
        for (client_name, client) in users {
            if retries_alike(policy) && begins_at_once(client) && homes(scenario, client_name) > 1 {
                found.push(Note::Lockstep {
                    policy: name.to_owned(),
                    client: client_name.to_owned(),
                });
            }
        }
    }
}

fn homes(scenario: &Scenario, client: &str) -> u64 {
    let cohorts = scenario.cohorts.values();
    let users = cohorts.filter(|cohort| cohort.client == client);
    users.map(|cohort| u64::from(cohort.homes)).sum()
}

fn on_triggers(
    name: &str,
    policy: &RetryPolicy,
    users: &[(&str, &Client)],
    answerers: &[Answerer<'_>],
    found: &mut Vec<Note>,
) {
    let listed = policy.triggers().unwrap_or_default();
    for (index, trigger) in listed.iter().enumerate() {
        let seen = match trigger {
            Trigger::Timeout => users.iter().any(|(_, client)| client.timeout.is_some()),
            trigger => (answerers.iter()).any(|answerer| trigger.covers(answerer.answer)),
        };
        if !seen {
            found.push(Note::NeverSeen {
                policy: name.to_owned(),
                index,
                trigger: *trigger,
            });
        }
    }
    if let RetryPolicy::Exponential {
        factor,
        jitter: Jitter::Decorrelated,
        ..
    } = policy
        && *factor != 2.0
    {
        found.push(Note::UnusedFactor {
            policy: name.to_owned(),
        });
    }
}

/// Whether what is told is heard, and what it does to jitter.
fn on_waits(
    name: &str,
    policy: &RetryPolicy,
    answerers: &[Answerer<'_>],
    scenario: &Scenario,
    found: &mut Vec<Note>,
) {
    let (retry_after, rate_limit) = policy.honours();
    let retried = || (answerers.iter()).filter(|answerer| policy.retries(answerer.answer));
    let clients = scenario.clients.iter();
    let homes: u64 = clients
        .filter(|(_, client)| client.retry == name)
        .map(|(client, _)| homes(scenario, client))
        .sum();
    let settings = [
        (retry_after, RETRY_AFTER, "a Retry-After"),
        (rate_limit, RATE_LIMIT, "rate limit fields"),
    ];
    for (honoured, setting, what) in settings {
        if !honoured {
            continue;
        }
        let tells = |answer: &Response| match setting {
            RETRY_AFTER => answer.retry_after != RetryAfter::Absent,
            _ => answer.rate_limit.is_some(),
        };
        let mut telling = retried()
            .filter(|answerer| tells(answerer.answer))
            .peekable();
        if telling.peek().is_none() {
            found.push(Note::NothingTold {
                policy: name.to_owned(),
                setting,
                what,
            });
            continue;
        }
        let Some((first, least)) = first_wait(policy).filter(|_| homes > 1) else {
            continue;
        };
        let longest = telling
            .map(|answerer| (told_at_most(answerer, setting), answerer))
            .max_by_key(|(told, _)| *told);
        if let Some((told, answerer)) = longest
            && told > least
        {
            found.push(Note::SwallowedJitter {
                policy: name.to_owned(),
                stage: answerer.who.trim_matches('"').to_owned(),
                told,
                first,
                setting,
            });
        }
    }
}

/// The longest wait before the first retry, and the told wait above which half of
/// the jitter is lost; `None` if waits are not random.
fn first_wait(policy: &RetryPolicy) -> Option<(Span, Span)> {
    let half = |span: Span| Span::from_nanos(span.nanos() / 2);
    match policy {
        RetryPolicy::None | RetryPolicy::Fixed { .. } => None,
        RetryPolicy::Random { wait, .. } => match wait {
            Distribution::Constant(_) => None,
            Distribution::Uniform { from, to } if from == to => None,
            Distribution::Uniform { from, to } => Some((*to, half(*from + *to))),
            wait => {
                let mean = Span::from_secs_f64(wait.mean_secs());
                Some((mean, mean))
            }
        },
        RetryPolicy::Exponential {
            base, cap, jitter, ..
        } => {
            let first = cap.map_or(*base, |cap| cap.min(*base));
            match jitter {
                Jitter::None => None,
                Jitter::Full => Some((first, half(first))),
                Jitter::Equal => Some((first, half(first) + half(half(first)))),
                // From the base to three times the base.
                Jitter::Decorrelated => {
                    let longest = cap.map_or(*base * 3, |cap| cap.min(*base * 3));
                    Some((longest, half(*base + longest)))
                }
            }
        }
    }
}

/// Whether retries have no end, and equal requests are retried at equal times.
fn retries_alike(policy: &RetryPolicy) -> bool {
    match policy {
        RetryPolicy::None => false,
        RetryPolicy::Fixed { attempts, .. } => *attempts == Attempts::Unlimited,
        RetryPolicy::Random { wait, attempts, .. } => {
            matches!(wait, Distribution::Constant(_)) && *attempts == Attempts::Unlimited
        }
        RetryPolicy::Exponential {
            jitter, attempts, ..
        } => *jitter == Jitter::None && *attempts == Attempts::Unlimited,
    }
}

/// Whether all homes with this client send some requests in the same moment.
fn begins_at_once(client: &Client) -> bool {
    let polls = client
        .polls
        .iter()
        .any(|poll| matches!(poll.phase, Phase::At(_)) && poll.jitter.is_zero());
    let commands = client.commands.iter().any(|command| match &command.at {
        CommandTimes::Daily { spread, .. } => spread.is_zero(),
        CommandTimes::Poisson { .. } => false,
    });
    polls || commands
}
