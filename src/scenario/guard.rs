use serde::{Deserialize, Serialize};

use super::{AdmissionRule, Heed, Heeding, LimiterRule, Scope, Trigger};
use crate::server::Response;
use crate::units::{Probability, Span};

/// The most guards of a client.
pub const MOST_GUARDS: u32 = 8;

/// What a client asks before each attempt, retries included: whether it may be
/// sent now, later, or not at all. Homes that have the same client share its guards,
/// per key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Guard {
    /// A limit of its own, so that the server's is not met.
    Pace {
        /// The algorithm and its parameters.
        by: LimiterRule,
        /// What becomes of an attempt that it refuses; one that it delays waits in
        /// any case.
        #[serde(default)]
        otherwise: Otherwise,
        /// What it counts per.
        #[serde(default = "each_home")]
        per: Vec<Scope>,
        /// The methods that it is for; all, if absent.
        #[serde(default)]
        methods: Option<Vec<String>>,
    },
    /// A pause after a failure, of all who share it.
    Pause {
        /// The failures after which there is one; all, if absent.
        #[serde(default)]
        on: Option<Vec<Trigger>>,
        /// How long it lasts after the first failure in a row, the second, ...; the
        /// last holds for all later ones. A success ends the row.
        lasts: Vec<Span>,
        /// What it makes of a Retry-After.
        #[serde(default = "at_least")]
        retry_after: Heed,
        /// Whether it reads the reset that rate limit fields tell in the same way,
        /// where there is no Retry-After.
        #[serde(default)]
        honour_rate_limit: bool,
        /// Attempts that have waited go at a time uniform within this after its end.
        #[serde(default)]
        spread: Span,
        /// What becomes of an attempt meanwhile.
        #[serde(default)]
        otherwise: Otherwise,
        /// What there is a pause per.
        #[serde(default = "each_home")]
        per: Vec<Scope>,
        /// The methods that it is for; all, if absent.
        #[serde(default)]
        methods: Option<Vec<String>>,
    },
    /// A circuit breaker (M. Nygard, *Release It!*, 2007): after failures it lets
    /// nothing pass for a time, then a few attempts to see whether the server is
    /// back.
    Breaker {
        /// What counts as a failure; every failure, if absent. Other answers count
        /// as successes.
        #[serde(default)]
        on: Option<Vec<Trigger>>,
        /// When it opens.
        opens: Opens,
        /// How long nothing passes.
        stays_open: Span,
        /// How many attempts are let through after that. If all succeed it closes;
        /// the first that fails opens it again.
        #[serde(default = "one")]
        probes: u32,
        /// What there is a breaker per.
        #[serde(default = "each_home")]
        per: Vec<Scope>,
        /// The methods that it is for; all, if absent.
        #[serde(default)]
        methods: Option<Vec<String>>,
    },
    /// A refusal by chance while too many attempts fail: adaptive throttling.
    Throttle {
        /// The rule.
        #[serde(default = "sre")]
        by: AdmissionRule,
        /// What counts as a failure; every failure, if absent.
        #[serde(default)]
        on: Option<Vec<Trigger>>,
        /// What there is a throttle per.
        #[serde(default = "each_home")]
        per: Vec<Scope>,
        /// The methods that it is for; all, if absent.
        #[serde(default)]
        methods: Option<Vec<String>>,
    },
}

/// What becomes of an attempt that a guard does not let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Otherwise {
    /// It waits until it may.
    #[default]
    Wait,
    /// It is not made, and its request is given up.
    Drop,
}

/// When a circuit breaker opens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Opens {
    /// After so many failures in a row.
    InRow(u32),
    /// When so large a share of the attempts of late failed.
    Share {
        /// That share.
        of: Probability,
        /// How long attempts count, to a tenth of it.
        within: Span,
        /// Not before so many attempts count.
        #[serde(default = "one")]
        at_least: u32,
    },
    /// When so large a share of the last attempts failed, once there are so many.
    Last {
        /// That share.
        of: Probability,
        /// The number of attempts.
        attempts: u32,
    },
}

impl Guard {
    /// What there is one per.
    pub fn per(&self) -> &[Scope] {
        let (Guard::Pace { per, .. }
        | Guard::Pause { per, .. }
        | Guard::Breaker { per, .. }
        | Guard::Throttle { per, .. }) = self;
        per
    }

    /// The methods that it is for; all, if absent.
    pub fn methods(&self) -> Option<&[String]> {
        let (Guard::Pace { methods, .. }
        | Guard::Pause { methods, .. }
        | Guard::Breaker { methods, .. }
        | Guard::Throttle { methods, .. }) = self;
        methods.as_deref()
    }

    /// Whether it is for a method.
    pub fn is_for(&self, method: &str) -> bool {
        let methods = self.methods();
        methods.is_none_or(|methods| methods.iter().any(|one| one == method))
    }

    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Guard::Pace { .. } => "pace",
            Guard::Pause { .. } => "pause",
            Guard::Breaker { .. } => "breaker",
            Guard::Throttle { .. } => "throttle",
        }
    }

    /// Whether it may end a request.
    pub fn drops(&self) -> bool {
        match self {
            Guard::Pace { otherwise, .. } | Guard::Pause { otherwise, .. } => {
                *otherwise == Otherwise::Drop
            }
            Guard::Breaker { .. } | Guard::Throttle { .. } => true,
        }
    }

    /// Whether nothing that it says is left to chance.
    pub fn is_certain(&self) -> bool {
        match self {
            Guard::Pace { .. } | Guard::Breaker { .. } => true,
            Guard::Pause { spread, .. } => spread.is_zero(),
            Guard::Throttle { .. } => false,
        }
    }

    /// The failures that it is told of as such; all, if absent.
    pub fn on(&self) -> Option<&[Trigger]> {
        match self {
            // Nothing that happens to an attempt changes its pace.
            Guard::Pace { .. } => Some(&[]),
            Guard::Pause { on, .. } | Guard::Breaker { on, .. } | Guard::Throttle { on, .. } => {
                on.as_deref()
            }
        }
    }

    /// Whether an answer is such a failure.
    pub fn covers(&self, answer: &Response) -> bool {
        Trigger::are_for(self.on(), answer)
    }

    /// What it makes of told waits.
    pub fn heeding(&self) -> Heeding {
        match self {
            Guard::Pause {
                retry_after,
                honour_rate_limit,
                ..
            } => Heeding {
                retry_after: *retry_after,
                rate_limit: *honour_rate_limit,
                ..Heeding::NOTHING
            },
            Guard::Pace { .. } | Guard::Breaker { .. } | Guard::Throttle { .. } => Heeding::NOTHING,
        }
    }
}

fn each_home() -> Vec<Scope> {
    vec![Scope::Home]
}

fn at_least() -> Heed {
    Heed::AtLeast
}

fn one() -> u32 {
    1
}

fn sre() -> AdmissionRule {
    AdmissionRule::Sre
}
