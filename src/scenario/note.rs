//! What a sound scenario says that its author may not have meant: settings
//! without effect, and retries that do something other than they seem to.
//!
//! A note stops nothing. One about a setting without effect holds for a study
//! only if it holds for all of its variants.

use std::borrow::Borrow;
use std::fmt;

use super::check::load::{devices_of, traffic};
use super::check::segment;
use super::demand::covered;
use super::{Attempts, Client, CommandTimes, Jitter, LimiterRule, Phase, RefusedByLater};
use super::{RetryPolicy, Scenario, Scope, Stage, Trigger};
use crate::rng::Distribution;
use crate::server::{Response, RetryAfter};
use crate::units::{Probability, Span};

/// Something that is worth a second look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// No client has this retry policy.
    UnusedRetry {
        /// Its name.
        policy: String,
    },
    /// A policy lists a failure that no client of it ever sees.
    NeverSeen {
        /// The policy's name.
        policy: String,
        /// The place of the failure in its list.
        index: usize,
        /// The failure.
        trigger: Trigger,
    },
    /// A policy honours what no answer tells that it retries.
    NothingTold {
        /// The policy's name.
        policy: String,
        /// The setting.
        setting: &'static str,
        /// What is not told.
        what: &'static str,
    },
    /// An answer tells a wait that no client honours.
    NotHonoured {
        /// The path of what tells it.
        path: String,
        /// Who tells it.
        who: String,
        /// What is told.
        what: &'static str,
        /// The setting that would honour it.
        setting: &'static str,
    },
    /// Growth that plays no part.
    UnusedFactor {
        /// The policy's name.
        policy: String,
    },
    /// A limit that no request passes.
    NobodyMeets {
        /// The stage's index.
        stage: usize,
        /// Its name.
        name: String,
        /// Whether it is for single devices.
        devices: bool,
    },
    /// A cost of a method that the limit is not for.
    UnusedCost {
        /// The stage's index.
        stage: usize,
        /// The method.
        method: String,
    },
    /// An answer of a backend that never fails.
    NeverFails,
    /// Nothing is ever returned.
    NothingReturned,
    /// Jitter that the told wait hides.
    SwallowedJitter {
        /// The policy's name.
        policy: String,
        /// The stage that tells the wait.
        stage: String,
        /// The longest wait that it tells, about.
        told: Span,
        /// The longest wait before the first retry.
        first: Span,
        /// The setting by which it is honoured.
        setting: &'static str,
    },
    /// Retries without end and without jitter, of requests that all begin at
    /// one time.
    Lockstep {
        /// The policy's name.
        policy: String,
        /// The client's name.
        client: String,
    },
    /// Steps of the time series that hold unlike numbers of waves.
    Beats {
        /// The width of a step.
        step: Span,
        /// What comes in waves.
        what: String,
        /// How far they are apart.
        period: Span,
    },
}

impl Note {
    /// All notes on a study, given its variants.
    pub fn on(variants: impl IntoIterator<Item: Borrow<Scenario>>) -> Vec<Note> {
        let mut all: Option<Vec<Note>> = None;
        for scenario in variants {
            let own = notes(scenario.borrow());
            all = Some(match all {
                None => own,
                Some(mut all) => {
                    all.retain(|note| note.is_of_any_variant() || own.contains(note));
                    for note in own {
                        if note.is_of_any_variant() && !all.contains(&note) {
                            all.push(note);
                        }
                    }
                    all
                }
            });
        }
        all.unwrap_or_default()
    }

    /// Whether it is about what happens, and not about what has no effect.
    fn is_of_any_variant(&self) -> bool {
        matches!(
            self,
            Note::SwallowedJitter { .. } | Note::Lockstep { .. } | Note::Beats { .. }
        )
    }

    /// The place in the scenario.
    pub fn path(&self) -> String {
        let policy = |name: &str, field: &str| format!("retries.{}{field}", segment(name));
        match self {
            Note::UnusedRetry { policy: name } => policy(name, ""),
            Note::NeverSeen {
                policy: name,
                index,
                ..
            } => policy(name, &format!(".on.{index}")),
            Note::NothingTold {
                policy: name,
                setting,
                ..
            }
            | Note::SwallowedJitter {
                policy: name,
                setting,
                ..
            } => policy(name, &format!(".{setting}")),
            Note::UnusedFactor { policy: name } => policy(name, ".factor"),
            Note::Lockstep { policy: name, .. } => policy(name, ""),
            Note::NotHonoured { path, .. } => path.clone(),
            Note::NobodyMeets { stage, .. } => format!("server.stages.{stage}"),
            Note::UnusedCost { stage, method } => {
                format!("server.stages.{stage}.costs.{}", segment(method))
            }
            Note::NeverFails => "server.backend.fail".to_owned(),
            Note::NothingReturned => "server.refused_by_later".to_owned(),
            Note::Beats { .. } => "time.bucket".to_owned(),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::UnusedRetry { policy } => write!(
                f,
                "no client uses the retry policy \"{policy}\"; name it as the `retry` of a client, or vary it there"
            ),
            Note::NeverSeen {
                policy, trigger, ..
            } => match trigger {
                Trigger::Timeout => write!(
                    f,
                    "no client of \"{policy}\" has a `timeout`, so that none is ever retried; give the client one"
                ),
                Trigger::Status(status) => write!(
                    f,
                    "no stage answers with the status {status}, so that \"{policy}\" never retries it"
                ),
                Trigger::Code(code) => write!(
                    f,
                    "no stage answers with the code {code}, so that \"{policy}\" never retries it; a stage's answer has it as `refuse: (code: {code})`"
                ),
            },
            Note::NothingTold {
                policy,
                setting,
                what,
            } => write!(
                f,
                "\"{policy}\" has `{setting}`, but no answer that it retries has {what}; a limit tells one with {}",
                match *setting {
                    RETRY_AFTER => "`refuse: (retry_after: Exact)`",
                    _ => "`refuse: (rate_limit: Draft10)`",
                }
            ),
            Note::NotHonoured {
                who, what, setting, ..
            } => write!(
                f,
                "{who} tells {what}, but no client waits for it; a retry policy does with `{setting}: true`"
            ),
            Note::UnusedFactor { policy } => write!(
                f,
                "decorrelated jitter has no growth factor: that of \"{policy}\" plays no part; leave it out"
            ),
            Note::NobodyMeets { name, devices, .. } => write!(
                f,
                "no request meets the limit \"{name}\"{}",
                match devices {
                    true =>
                        ": it is for single devices, and what it is for is sent for whole homes; `per: Device` sends for devices",
                    false => "; leave it out, or change what it is for",
                }
            ),
            Note::UnusedCost { method, .. } => write!(
                f,
                "the limit is not for the method \"{method}\", so that its cost has no effect; add it to `methods`, or leave it out"
            ),
            Note::NeverFails => f.write_str(
                "the backend has an answer for when it fails, but never does; give it `failures`",
            ),
            Note::NothingReturned => f.write_str(
                "no limit comes before another stage, so that nothing is ever given back; leave it out",
            ),
            Note::Beats { step, what, period } => write!(
                f,
                "steps of {step} beat against {what}, which are {period} apart: charts over time show waves that are not there; write a multiple of {period}"
            ),
            Note::SwallowedJitter {
                policy,
                stage,
                told,
                first,
                setting,
            } => write!(
                f,
                "the jitter of \"{policy}\" acts only above the wait that \"{stage}\" tells, of up to {told}, while its first waits are at most {first}: clients wait for the same moment and come back together; leave out `{setting}`, or let the waits be longer than what is told"
            ),
            Note::Lockstep { policy, client } => write!(
                f,
                "requests of \"{client}\" begin at one time, and \"{policy}\" retries them without end and without jitter: they come back together each time; `jitter: Full` or a `Random` wait spreads them"
            ),
        }
    }
}

const RETRY_AFTER: &str = "honour_retry_after";
const RATE_LIMIT: &str = "honour_rate_limit";

/// Who answers what: the stages, and the backend if it fails.
struct Answerer<'a> {
    path: String,
    who: String,
    answer: &'a Response,
    stage: Option<&'a Stage>,
}

fn answerers(scenario: &Scenario) -> Vec<Answerer<'_>> {
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

/// The notes on one scenario.
fn notes(scenario: &Scenario) -> Vec<Note> {
    let mut found = Vec::new();
    let answerers = answerers(scenario);
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
        on_triggers(name, policy, &users, &answerers, &mut found);
        on_waits(name, policy, &answerers, scenario, &mut found);
        for (client_name, client) in users {
            if retries_alike(policy) && begins_at_once(client) && homes(scenario, client_name) > 1 {
                found.push(Note::Lockstep {
                    policy: name.to_owned(),
                    client: client_name.to_owned(),
                });
            }
        }
    }
    on_telling(scenario, &answerers, &mut found);
    on_stages(scenario, &mut found);
    // What is chosen for a scenario that writes nothing is as good as can be.
    if scenario.time.bucket.is_some()
        && let Some((what, period)) = scenario.beat()
    {
        let step = scenario.step_width();
        found.push(Note::Beats { step, what, period });
    }
    found
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

/// The longest wait that an answer tells, about.
fn told_at_most(answerer: &Answerer<'_>, setting: &str) -> Span {
    let rule = match answerer.stage {
        Some(Stage::Limit { by, .. }) => longest_wait(by),
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

/// The longest that a key of a rule has to wait for one more request.
fn longest_wait(rule: &LimiterRule) -> Span {
    let gap = |rate: crate::units::Rate| Span::from_secs_f64(rate.mean_interval_secs());
    match rule {
        LimiterRule::CalendarWindow { period, .. } => super::demand::period_length(*period),
        LimiterRule::TokenBucket { rate, .. }
        | LimiterRule::Gcra { rate, .. }
        | LimiterRule::EnvoyBucket { rate, .. }
        | LimiterRule::LeakyBucket { rate, .. }
        | LimiterRule::LimitReq { rate, .. } => gap(*rate),
        LimiterRule::TickedBucket { every, .. } => *every,
        LimiterRule::RateRule {
            look_back,
            release_after,
            ..
        } => *look_back + *release_after,
        LimiterRule::Spacing { steps, .. } => steps.iter().copied().max().unwrap_or(Span::ZERO),
        LimiterRule::ConsecutiveErrors { lock, .. } => *lock,
        LimiterRule::PenaltyBox { by, lock, .. } => longest_wait(by).max(*lock),
        LimiterRule::AllOf(rules) => rules.iter().map(longest_wait).max().unwrap_or(Span::ZERO),
        rule => rule.window().unwrap_or(Span::ZERO),
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

/// Waits that are told to nobody.
fn on_telling(scenario: &Scenario, answerers: &[Answerer<'_>], found: &mut Vec<Note>) {
    let policies = || {
        let clients = scenario.clients.values();
        clients.filter_map(|client| scenario.retry(&client.retry))
    };
    for answerer in answerers {
        let answer = answerer.answer;
        let told = [
            (
                answer.retry_after != RetryAfter::Absent,
                policies().any(|policy| policy.honours().0 && policy.retries(answer)),
                "retry_after",
                "a Retry-After",
                RETRY_AFTER,
            ),
            (
                answer.rate_limit.is_some(),
                policies().any(|policy| policy.honours().1 && policy.retries(answer)),
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

/// Stages and settings of the server that change nothing.
fn on_stages(scenario: &Scenario, found: &mut Vec<Note>) {
    let stages = &scenario.server.stages;
    for (index, stage) in stages.iter().enumerate() {
        let Stage::Limit {
            name,
            per,
            methods,
            kinds,
            costs,
            ..
        } = stage
        else {
            continue;
        };
        let met = scenario.cohorts.values().any(|cohort| {
            let client = scenario.clients.get(&cohort.client);
            client.is_some_and(|client| {
                traffic(client).iter().any(|entry| {
                    let someone =
                        !per.contains(&Scope::Device) || devices_of(cohort, entry.kinds) > 0.0;
                    someone && covered(stage, cohort, entry).is_some()
                })
            })
        });
        if !met {
            found.push(Note::NobodyMeets {
                stage: index,
                name: name.clone(),
                devices: kinds.is_some() || per.contains(&Scope::Device),
            });
        }
        for method in methods.iter().flat_map(|methods| {
            costs
                .names()
                .filter(|name| !methods.iter().any(|method| method == name))
        }) {
            found.push(Note::UnusedCost {
                stage: index,
                method: method.to_owned(),
            });
        }
    }
    let backend = &scenario.server.backend;
    if backend.failures == Probability::ZERO && backend.fail != super::Backend::default().fail {
        found.push(Note::NeverFails);
    }
    let limits = |stages: &[Stage]| {
        stages
            .iter()
            .any(|stage| matches!(stage, Stage::Limit { .. }))
    };
    let before_others = limits(stages.split_last().map_or(&[], |(_, before)| before))
        || limits(stages) && backend.failures > Probability::ZERO;
    if scenario.server.refused_by_later == RefusedByLater::Returned && !before_others {
        found.push(Note::NothingReturned);
    }
}

#[cfg(test)]
mod tests;
