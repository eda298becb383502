//! The kinds of notes: where each belongs, and what it tells.

use std::fmt;

use crate::scenario::Trigger;
use crate::scenario::check::segment;
use crate::units::Span;

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
        /// Which of its rules it is of: how many come before.
        rule: usize,
        /// The place of the failure in its list.
        index: usize,
        /// The failure.
        trigger: Trigger,
    },
    /// A guard lists a failure that its client never sees.
    GuardNeverSees {
        /// The client's name.
        client: String,
        /// The place of the guard among those of the client.
        guard: usize,
        /// The place of the failure in its list.
        index: usize,
        /// The failure.
        trigger: Trigger,
    },
    /// A guard is for single devices, and its client sends nothing for them.
    IdleGuard {
        /// The client's name.
        client: String,
        /// The place of the guard among those of the client.
        guard: usize,
    },
    /// A policy honours what no answer tells that it retries.
    NothingTold {
        /// The policy's name.
        policy: String,
        /// Which of its rules it is of: how many come before.
        rule: usize,
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
        /// Which of its rules it is of: how many come before.
        rule: usize,
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
    /// An answer of an outage that refuses nobody.
    UnusedAnswer {
        /// The name of the outage.
        outage: String,
    },
    /// Nothing is ever returned.
    NothingReturned,
    /// Jitter that the told wait hides.
    SwallowedJitter {
        /// The policy's name.
        policy: String,
        /// Which of its rules it is of: how many come before.
        rule: usize,
        /// The stage that tells the wait.
        stage: String,
        /// The longest wait that it tells, about.
        told: Span,
        /// The longest wait before the first retry.
        first: Span,
        /// The setting by which it is honoured.
        setting: &'static str,
        /// Whether the told wait comes in place of the policy's own.
        instead: bool,
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
    /// The place in the scenario.
    pub fn path(&self) -> String {
        let policy = |name: &str, field: &str| format!("retries.{}{field}", segment(name));
        let in_rule = |name: &str, rule: usize, field: &str| {
            policy(name, &format!("{}{field}", ".or".repeat(rule)))
        };
        match self {
            Note::UnusedRetry { policy: name } => policy(name, ""),
            Note::NeverSeen {
                policy,
                rule,
                index,
                ..
            } => in_rule(policy, *rule, &format!(".on.{index}")),
            Note::GuardNeverSees {
                client,
                guard,
                index,
                ..
            } => format!("clients.{}.guards.{guard}.on.{index}", segment(client)),
            Note::IdleGuard { client, guard } => {
                format!("clients.{}.guards.{guard}", segment(client))
            }
            Note::NothingTold {
                policy,
                rule,
                setting,
                ..
            }
            | Note::SwallowedJitter {
                policy,
                rule,
                setting,
                ..
            } => in_rule(policy, *rule, &format!(".{setting}")),
            Note::UnusedFactor { policy, rule } => in_rule(policy, *rule, ".factor"),
            Note::Lockstep { policy: name, .. } => policy(name, ""),
            Note::NotHonoured { path, .. } => path.clone(),
            Note::NobodyMeets { stage, .. } => format!("server.stages.{stage}"),
            Note::UnusedCost { stage, method } => {
                format!("server.stages.{stage}.costs.{}", segment(method))
            }
            Note::NeverFails => "server.backend.fail".to_owned(),
            Note::UnusedAnswer { outage } => format!("server.outages.{}.answer", segment(outage)),
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
                "no client uses the retry policy \"{policy}\"; name it as the `retry` of a client or of an entry of its traffic, or vary it there"
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
            Note::GuardNeverSees {
                client,
                trigger: Trigger::Timeout,
                ..
            } => write!(
                f,
                "\"{client}\" has no `timeout`, so that this guard never sees one; give the client one"
            ),
            Note::GuardNeverSees {
                trigger: Trigger::Status(status),
                ..
            } => write!(
                f,
                "no stage answers with the status {status}, so that this guard never sees it"
            ),
            Note::GuardNeverSees {
                trigger: Trigger::Code(code),
                ..
            } => write!(
                f,
                "no stage answers with the code {code}, so that this guard never sees it; a stage's answer has it as `refuse: (code: {code})`"
            ),
            Note::IdleGuard { client, .. } => write!(
                f,
                "\"{client}\" sends nothing for single devices, which this guard is for; `per: Device` sends for devices"
            ),
            Note::NothingTold {
                policy,
                setting,
                what,
                ..
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
            Note::UnusedFactor { policy, .. } => write!(
                f,
                "jitter that grows by itself has no growth factor: that of \"{policy}\" plays no part; leave it out"
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
            Note::UnusedAnswer { outage } => write!(
                f,
                "the outage \"{outage}\" refuses nobody, so that it answers nothing; leave the answer out, or let it be `how: Down`"
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
                instead: true,
                ..
            } => write!(
                f,
                "\"{policy}\" waits what \"{stage}\" tells, of up to {told}, instead of its own waits, which are random and at most {first} at first: clients wait for the same moment and come back together; leave out `{setting}`, or let the waits come after what is told, by `retry_after: Before`"
            ),
            Note::SwallowedJitter {
                policy,
                stage,
                told,
                first,
                setting,
                instead: false,
                ..
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

/// Settings of retry policies, as notes name them.
pub(super) const RETRY_AFTER: &str = "honour_retry_after";
pub(super) const RATE_LIMIT: &str = "honour_rate_limit";
