use serde::{Deserialize, Serialize};

use crate::limiter::{self, Anchor, Refused};
use crate::rng::Distribution;
use crate::units::{Rate, Span};

/// What a request passes on the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Gates and limits, passed in this order.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// What works on a request that has passed them.
    #[serde(default)]
    pub backend: Backend,
    /// Whether an attempt that a later stage refuses has spent what earlier
    /// limits admitted.
    #[serde(default)]
    pub refused_by_later: RefusedByLater,
}

/// Whether an attempt that a later stage refuses has spent what earlier limits
/// admitted. No source says; most gateways count in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusedByLater {
    /// It has.
    #[default]
    Spent,
    /// It is given back at the moment of the refusal.
    Returned,
}

/// What works on a request once it has passed all stages; it holds its place
/// in every gate meanwhile.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// The time that one request takes; no time, if absent.
    #[serde(default)]
    pub service: Option<Distribution>,
}

/// One stage of the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Stage {
    /// A limit on the number of requests inside at once, over the whole
    /// platform. Without `max_wait` and `queue` there is no waiting; with
    /// `max_wait` alone the queue has no bound, with `queue` alone the wait
    /// has none.
    Gate {
        /// What the gate is called in results.
        #[serde(default = "gate_name")]
        name: String,
        /// Requests inside at once.
        permits: u32,
        /// The longest wait for a permit.
        #[serde(default)]
        max_wait: Option<Span>,
        /// The most requests that wait at once.
        #[serde(default)]
        queue: Option<u32>,
        /// The answer to a request that gets no permit.
        #[serde(default)]
        refuse: Refusal,
    },
    /// A limit on the requests of each key over time.
    Limit {
        /// What the limit is called in results.
        name: String,
        /// What requests are counted per; all together, if empty.
        #[serde(default)]
        per: Vec<Scope>,
        /// The algorithm and its parameters.
        by: LimiterRule,
        /// The methods that it applies to; all, if absent.
        #[serde(default)]
        methods: Option<Vec<String>>,
        /// The kinds of devices that it applies to; all, if absent.
        #[serde(default)]
        kinds: Option<Vec<String>>,
        /// The answer to a refused request.
        #[serde(default)]
        refuse: Refusal,
    },
}

fn gate_name() -> String {
    "gate".to_owned()
}

impl Stage {
    /// What the stage is called in results.
    pub fn name(&self) -> &str {
        match self {
            Stage::Gate { name, .. } | Stage::Limit { name, .. } => name,
        }
    }

    /// The answer to what it refuses.
    pub fn refusal(&self) -> &Refusal {
        match self {
            Stage::Gate { refuse, .. } | Stage::Limit { refuse, .. } => refuse,
        }
    }
}

/// The answer to a refused attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The HTTP status.
    #[serde(default = "too_many_requests")]
    pub status: u16,
    /// The code in the body, if there is one.
    #[serde(default)]
    pub code: Option<u32>,
    /// What the Retry-After header says.
    #[serde(default)]
    pub retry_after: RetryAfter,
}

fn too_many_requests() -> u16 {
    429
}

impl Default for Refusal {
    fn default() -> Refusal {
        Refusal {
            status: too_many_requests(),
            code: None,
            retry_after: RetryAfter::Absent,
        }
    }
}

/// What the Retry-After header of a refusal says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum RetryAfter {
    /// There is no such header.
    #[default]
    Absent,
    /// The whole seconds, rounded up, after which the limit would admit one
    /// request if nobody else took the place.
    Exact,
    /// Always the same.
    Fixed(Span),
}

/// What a limit counts per.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// The application (OAuth client id).
    App,
    /// The user.
    User,
    /// The access token: one per home and client.
    Token,
    /// The public address.
    Nat,
    /// The home (structure).
    Home,
    /// The device; requests that concern no single device pass.
    Device,
    /// The method called.
    Method,
}

/// An algorithm with its parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum LimiterRule {
    /// At most `quota` per window; see [`crate::limiter::FixedWindow`].
    FixedWindow {
        /// Requests per window.
        quota: Quota,
        /// The window's length.
        window: Span,
        /// Where windows begin.
        #[serde(default)]
        anchored: Anchor,
        /// Whether refused attempts count.
        #[serde(default)]
        refused: Refused,
    },
    /// At most `quota` in any span of the window's length; see
    /// [`crate::limiter::SlidingLog`].
    SlidingLog {
        /// Requests per window.
        quota: Quota,
        /// The window's length.
        window: Span,
        /// Whether refused attempts count.
        #[serde(default)]
        refused: Refused,
    },
    /// A bucket of `burst` tokens that refills at `rate`; see
    /// [`crate::limiter::TokenBucket`].
    TokenBucket {
        /// The refill.
        rate: Rate,
        /// The capacity.
        burst: u64,
        /// Whether refused attempts count.
        #[serde(default)]
        refused: Refused,
    },
    /// The generic cell rate algorithm with a whole number of nanoseconds
    /// between cells; see [`crate::limiter::Gcra`].
    Gcra {
        /// The sustained rate.
        rate: Rate,
        /// Requests that may come at once.
        burst: u64,
        /// Whether refused attempts count.
        #[serde(default)]
        refused: Refused,
    },
}

/// How many requests a key may make per window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Quota {
    /// The same for every key.
    Fixed(u64),
    /// `each` per user of the key, counting at most `up_to_users`, and never
    /// less than `at_least`.
    PerUser {
        /// Requests per user.
        each: u64,
        /// The most users that count.
        #[serde(default)]
        up_to_users: Option<u64>,
        /// The least quota.
        #[serde(default)]
        at_least: u64,
    },
    /// By the number of users of the key: the last tier whose `from_users`
    /// they reach.
    Tiers(Vec<QuotaTier>),
}

/// One step of a quota that depends on the number of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaTier {
    /// The least number of users of this tier.
    pub from_users: u64,
    /// The quota of this tier.
    pub quota: u64,
}

impl LimiterRule {
    /// Whether keys of different numbers of users have different rules.
    pub fn depends_on_users(&self) -> bool {
        match self {
            LimiterRule::FixedWindow { quota, .. } | LimiterRule::SlidingLog { quota, .. } => {
                !matches!(quota, Quota::Fixed(_))
            }
            LimiterRule::TokenBucket { .. } | LimiterRule::Gcra { .. } => false,
        }
    }

    /// The rule of a key that counts for `users` users.
    ///
    /// # Errors
    /// If it cannot be computed exactly in 64 bits.
    pub fn compile(&self, users: u64) -> Result<limiter::Rule, limiter::RuleError> {
        Ok(match self {
            LimiterRule::FixedWindow {
                quota,
                window,
                anchored,
                refused,
            } => limiter::Rule::FixedWindow(limiter::FixedWindow::new(
                quota.for_users(users),
                *window,
                *anchored,
                *refused,
            )?),
            LimiterRule::SlidingLog {
                quota,
                window,
                refused,
            } => limiter::Rule::SlidingLog(limiter::SlidingLog::new(
                quota.for_users(users),
                *window,
                *refused,
            )?),
            LimiterRule::TokenBucket {
                rate,
                burst,
                refused,
            } => limiter::Rule::TokenBucket(limiter::TokenBucket::new(*rate, *burst, *refused)?),
            LimiterRule::Gcra {
                rate,
                burst,
                refused,
            } => limiter::Rule::Gcra(limiter::Gcra::from_rate(*rate, *burst, *refused)?),
        })
    }
}

impl Quota {
    /// The quota of a key that counts for `users` users.
    pub fn for_users(&self, users: u64) -> u64 {
        match self {
            Quota::Fixed(quota) => *quota,
            Quota::PerUser {
                each,
                up_to_users,
                at_least,
            } => users
                .min(up_to_users.unwrap_or(u64::MAX))
                .saturating_mul(*each)
                .max(*at_least),
            Quota::Tiers(tiers) => tiers
                .iter()
                .rev()
                .find(|tier| users >= tier.from_users)
                .or(tiers.first())
                .map_or(0, |tier| tier.quota),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_follow_the_number_of_users() {
        let app = Quota::PerUser {
            each: 2,
            up_to_users: Some(200),
            at_least: 20,
        };
        let tiers = Quota::Tiers(vec![
            QuotaTier {
                from_users: 1,
                quota: 200,
            },
            QuotaTier {
                from_users: 100,
                quota: 2000,
            },
        ]);
        for (users, per_user, tiered) in [
            (1, 20, 200),
            (50, 100, 200),
            (100, 200, 2000),
            (760, 400, 2000),
        ] {
            assert_eq!(app.for_users(users), per_user, "{users} users");
            assert_eq!(tiers.for_users(users), tiered, "{users} users");
        }
    }
}
