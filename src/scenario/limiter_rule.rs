use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Quota;
use crate::limiter::{
    Anchor, Bank, BankPlan, CalendarWindow, ConsecutiveErrors, EnvoyBucket, Estimate, FixedWindow,
    Gcra, Grid, LeakyBucket, LimitReq, Lock, PacedWindow, Pacing, PenaltyBox, Ramp, RateRule,
    Refused, Rule, RuleError, SegmentedWindow, SlidingCounter, SlidingLog, Spacing, Surplus,
    TickedBucket, TokenBucket, whole_interval,
};
use crate::units::{Percent, Period, Rate, Span, Zone};

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
    /// At most `quota` per hour, day, week or month of a zone; see
    /// [`crate::limiter::CalendarWindow`].
    CalendarWindow {
        /// Requests per period.
        quota: Quota,
        /// The period.
        period: Period,
        /// The time zone.
        #[serde(default)]
        zone: Zone,
        /// Whether refused attempts count.
        #[serde(default)]
        refused: Refused,
    },
    /// A window that slides by weighting the one before; see
    /// [`crate::limiter::SlidingCounter`].
    SlidingCounter {
        /// Requests per window.
        quota: Quota,
        /// The window's length.
        window: Span,
        /// Where windows begin.
        #[serde(default)]
        anchored: Anchor,
        /// How the weighted count is compared with the quota.
        #[serde(default)]
        estimate: Estimate,
        /// Whether refused attempts count.
        #[serde(default)]
        refused: Refused,
    },
    /// A bucket whose tokens arrive in lumps; see
    /// [`crate::limiter::TickedBucket`].
    TickedBucket {
        /// Tokens per tick.
        tokens: u64,
        /// The time between two ticks.
        every: Span,
        /// The capacity.
        burst: u64,
        /// The most tokens that those who wait may owe.
        #[serde(default)]
        queue: u64,
        /// What the ticks are counted from.
        #[serde(default)]
        anchored: Anchor,
    },
    /// Envoy's token bucket, with its extra token after a silence; see
    /// [`crate::limiter::EnvoyBucket`].
    EnvoyBucket {
        /// The refill.
        rate: Rate,
        /// The capacity.
        burst: u64,
        /// Since when there has been the bucket.
        #[serde(default)]
        anchored: Anchor,
    },
    /// A bucket in front of which requests wait; see
    /// [`crate::limiter::LeakyBucket`].
    LeakyBucket {
        /// The refill.
        rate: Rate,
        /// Requests that may pass at once.
        #[serde(default = "one")]
        burst: u64,
        /// The most requests that wait; no bound, if absent.
        #[serde(default)]
        queue: Option<u64>,
        /// The longest wait; no bound, if absent.
        #[serde(default)]
        max_wait: Option<Span>,
        /// Whether tokens come at whole multiples of their interval only.
        #[serde(default)]
        grid: Grid,
        /// Whether the interval is rounded down to whole nanoseconds, as in Go.
        #[serde(default)]
        whole_nanoseconds: bool,
        /// The largest cost that is ever admitted; any, if absent.
        #[serde(default)]
        max_cost: Option<u64>,
        /// Whether a key begins with one token instead of the burst.
        #[serde(default)]
        starts_empty: bool,
    },
    /// A quota per period, with waiting for the next; see
    /// [`crate::limiter::PacedWindow`].
    PacedWindow {
        /// Requests per window.
        quota: u64,
        /// The window's length.
        window: Span,
        /// The longest wait; no bound, if absent.
        #[serde(default)]
        max_wait: Option<Span>,
        /// Where windows begin.
        #[serde(default)]
        anchored: Anchor,
        /// What becomes of permits that come while a key in debt is quiet.
        #[serde(default)]
        surplus: Surplus,
    },
    /// nginx's `limit_req`; see [`crate::limiter::LimitReq`].
    LimitReq {
        /// The rate, per second or per minute.
        rate: Rate,
        /// Requests above the rate that are not refused.
        #[serde(default)]
        burst: u64,
        /// Which of them are delayed; all, unless told otherwise.
        #[serde(default = "delay_all")]
        delay: Pacing,
    },
    /// .NET's sliding window in segments; see
    /// [`crate::limiter::SegmentedWindow`].
    SegmentedWindow {
        /// Requests per window.
        quota: Quota,
        /// The window's length.
        window: Span,
        /// Segments per window.
        segments: u32,
        /// The most requests that wait, the oldest first.
        #[serde(default)]
        queue: u64,
    },
    /// A web application firewall's rate rule, which acts late; see
    /// [`crate::limiter::RateRule`].
    RateRule {
        /// Requests in the time looked back on.
        limit: u64,
        /// The time looked back on.
        look_back: Span,
        /// The time between two checks.
        check_every: Span,
        /// From the check that finds too many to the first refusal.
        #[serde(default)]
        detect_after: Span,
        /// From the check that finds few enough to the last refusal.
        #[serde(default)]
        release_after: Span,
    },
    /// A quota per window that grows or shrinks in steps; see
    /// [`crate::limiter::Ramp`].
    Ramp {
        /// Requests per window at first.
        from: u64,
        /// Requests per window in the end.
        to: u64,
        /// What each step multiplies by, such as `"150%"`.
        factor: Percent,
        /// The time between two steps.
        every: Span,
        /// The window's length.
        window: Span,
    },
    /// Least times between requests that grow along a list; see
    /// [`crate::limiter::Spacing`].
    Spacing {
        /// The least time after the first request of a row, the second, ...
        steps: Vec<Span>,
        /// A silence so long starts a new row.
        reset_after: Span,
    },
    /// A lock after so many failures in a row; see
    /// [`crate::limiter::ConsecutiveErrors`].
    ConsecutiveErrors {
        /// Failures in a row.
        limit: u32,
        /// The length of the lock.
        lock: Span,
    },
    /// A lock after each refusal by another rule; see
    /// [`crate::limiter::PenaltyBox`].
    PenaltyBox {
        /// The rule whose refusals lock.
        by: Box<LimiterRule>,
        /// The length of the lock.
        lock: Span,
        /// What an attempt during the lock does.
        #[serde(default)]
        attempts: Lock,
    },
    /// Several rules at once: what one of them refuses, none of them counts.
    AllOf(Vec<LimiterRule>),
}

/// The different numbers among these, in order. Neighbours are mostly alike, so
/// that millions are looked through at once.
fn distinct(numbers: &[u32]) -> Vec<u32> {
    let mut found = BTreeSet::new();
    let mut last = None;
    for number in numbers {
        if last != Some(number) {
            found.insert(*number);
            last = Some(number);
        }
    }
    found.into_iter().collect()
}

fn delay_all() -> Pacing {
    Pacing::After(0)
}

fn one() -> u64 {
    1
}

impl LimiterRule {
    /// Whether keys of different numbers of users have different rules.
    pub fn depends_on_users(&self) -> bool {
        match self {
            LimiterRule::PenaltyBox { by, .. } => by.depends_on_users(),
            LimiterRule::AllOf(rules) => rules.iter().any(LimiterRule::depends_on_users),
            rule => (rule.quota()).is_some_and(|quota| !matches!(quota, Quota::Fixed(_))),
        }
    }

    /// Its quota, if that may depend on the number of users.
    pub fn quota(&self) -> Option<&Quota> {
        match self {
            LimiterRule::FixedWindow { quota, .. }
            | LimiterRule::CalendarWindow { quota, .. }
            | LimiterRule::SlidingLog { quota, .. }
            | LimiterRule::SlidingCounter { quota, .. }
            | LimiterRule::SegmentedWindow { quota, .. } => Some(quota),
            _ => None,
        }
    }

    /// The length of its window, if it has one.
    pub fn window(&self) -> Option<Span> {
        match self {
            LimiterRule::FixedWindow { window, .. }
            | LimiterRule::SlidingLog { window, .. }
            | LimiterRule::SlidingCounter { window, .. }
            | LimiterRule::SegmentedWindow { window, .. }
            | LimiterRule::PacedWindow { window, .. }
            | LimiterRule::Ramp { window, .. } => Some(*window),
            _ => None,
        }
    }

    /// The window that the quota in header fields is for, if it has one; of
    /// several limits, that of the first that tells a quota.
    pub fn quota_window(&self) -> Option<Span> {
        match self {
            LimiterRule::RateRule { look_back, .. } => Some(*look_back),
            LimiterRule::PenaltyBox { by, .. } => by.quota_window(),
            LimiterRule::AllOf(rules) => {
                let told = rules.iter().find(|rule| rule.tells_quota());
                told.and_then(LimiterRule::quota_window)
            }
            rule => rule.window(),
        }
    }

    /// Whether its [`Standing`](crate::limiter::Standing) tells a quota: not if it
    /// counts no cost, nor if whoever comes may wait.
    fn tells_quota(&self) -> bool {
        match self {
            LimiterRule::Spacing { .. } | LimiterRule::ConsecutiveErrors { .. } => false,
            LimiterRule::LeakyBucket {
                queue, max_wait, ..
            } => queue.is_some() || max_wait.is_some(),
            LimiterRule::PacedWindow { max_wait, .. } => max_wait.is_some(),
            LimiterRule::PenaltyBox { by, .. } => by.tells_quota(),
            LimiterRule::AllOf(rules) => rules.iter().any(LimiterRule::tells_quota),
            _ => true,
        }
    }

    /// The states of this limit for `keys` keys, of which key k counts for
    /// `users[k]` users; for one user each, if `users` is empty.
    ///
    /// # Errors
    /// If it cannot be computed exactly in 64 bits, or there are more than
    /// 65535 different quotas, or it would take too much memory.
    pub fn bank(&self, users: &[u32], keys: usize) -> Result<Bank, RuleError> {
        Ok(self.plan(users, keys)?.build())
    }

    /// The same, to be built once and again.
    ///
    /// # Errors
    /// As [`bank`](LimiterRule::bank).
    pub fn plan(&self, users: &[u32], keys: usize) -> Result<BankPlan, RuleError> {
        let bank = self.without_keys(users)?;
        bank.check_room(keys)?;
        Ok(bank.planned_for(keys))
    }

    fn without_keys(&self, users: &[u32]) -> Result<Bank, RuleError> {
        match self {
            LimiterRule::AllOf(rules) => {
                let banks = rules.iter().map(|rule| rule.without_keys(users));
                Bank::all_of(banks.collect::<Result<_, _>>()?)
            }
            LimiterRule::PenaltyBox { by, lock, attempts } => {
                let penalty = PenaltyBox::new(*lock, *attempts)?;
                Ok(Bank::penalty_box(penalty, by.without_keys(users)?))
            }
            rule => {
                if !rule.depends_on_users() {
                    return Ok(Bank::uniform(rule.compile(1)?, 0));
                }
                let sizes = distinct(users);
                if sizes.len() <= 1 {
                    let users = sizes.first().copied().unwrap_or(1);
                    return Ok(Bank::uniform(rule.compile(u64::from(users))?, 0));
                }
                if sizes.len() > usize::from(u16::MAX) {
                    return Err(RuleError::TooManyRules);
                }
                let rules = sizes.iter().map(|users| rule.compile(u64::from(*users)));
                let rules = rules.collect::<Result<Vec<Rule>, RuleError>>()?;
                let place = |users: &u32| sizes.partition_point(|size| size < users) as u16;
                Bank::tiers(&rules, users.iter().map(place).collect())
            }
        }
    }

    /// The rule of a key that counts for `users` users, of an algorithm that
    /// is not made of others.
    fn compile(&self, users: u64) -> Result<Rule, RuleError> {
        Ok(match self {
            LimiterRule::FixedWindow {
                quota,
                window,
                anchored,
                refused,
            } => Rule::FixedWindow(FixedWindow::new(
                quota.for_users(users),
                *window,
                *anchored,
                *refused,
            )?),
            LimiterRule::CalendarWindow {
                quota,
                period,
                zone,
                refused,
            } => Rule::CalendarWindow(CalendarWindow::new(
                quota.for_users(users),
                *period,
                zone.clone(),
                *refused,
            )?),
            LimiterRule::SlidingLog {
                quota,
                window,
                refused,
            } => Rule::SlidingLog(SlidingLog::new(quota.for_users(users), *window, *refused)?),
            LimiterRule::SlidingCounter {
                quota,
                window,
                anchored,
                estimate,
                refused,
            } => Rule::SlidingCounter(SlidingCounter::new(
                quota.for_users(users),
                *window,
                *anchored,
                *estimate,
                *refused,
            )?),
            LimiterRule::TokenBucket {
                rate,
                burst,
                refused,
            } => Rule::TokenBucket(TokenBucket::new(*rate, *burst, *refused)?),
            LimiterRule::Gcra {
                rate,
                burst,
                refused,
            } => Rule::Gcra(Gcra::from_rate(*rate, *burst, *refused)?),
            LimiterRule::TickedBucket {
                tokens,
                every,
                burst,
                queue,
                anchored,
            } => Rule::TickedBucket(TickedBucket::new(
                *tokens, *every, *burst, *queue, *anchored,
            )?),
            LimiterRule::EnvoyBucket {
                rate,
                burst,
                anchored,
            } => Rule::EnvoyBucket(EnvoyBucket::new(*rate, *burst, *anchored)?),
            LimiterRule::LeakyBucket {
                rate,
                burst,
                queue,
                max_wait,
                grid,
                whole_nanoseconds,
                max_cost,
                starts_empty,
            } => {
                let rate = match whole_nanoseconds {
                    true => whole_interval(*rate)?,
                    false => *rate,
                };
                let mut bucket = LeakyBucket::new(rate, *burst, *queue, *max_wait, *grid)?;
                if let Some(cost) = max_cost {
                    bucket = bucket.with_largest_cost(*cost);
                }
                if *starts_empty {
                    bucket = bucket.starting_empty();
                }
                Rule::LeakyBucket(bucket)
            }
            LimiterRule::PacedWindow {
                quota,
                window,
                max_wait,
                anchored,
                surplus,
            } => Rule::PacedWindow(PacedWindow::new(
                *quota, *window, *max_wait, *anchored, *surplus,
            )?),
            LimiterRule::LimitReq { rate, burst, delay } => {
                Rule::LimitReq(LimitReq::new(*rate, *burst, *delay)?)
            }
            LimiterRule::SegmentedWindow {
                quota,
                window,
                segments,
                queue,
            } => Rule::SegmentedWindow(SegmentedWindow::new(
                quota.for_users(users),
                *window,
                *segments,
                *queue,
            )?),
            LimiterRule::RateRule {
                limit,
                look_back,
                check_every,
                detect_after,
                release_after,
            } => Rule::RateRule(RateRule::new(
                *limit,
                *look_back,
                *check_every,
                *detect_after,
                *release_after,
            )?),
            LimiterRule::Ramp {
                from,
                to,
                factor,
                every,
                window,
            } => Rule::Ramp(Ramp::new(*from, *window, factor.0, *every, *to)?),
            LimiterRule::Spacing { steps, reset_after } => {
                Rule::Spacing(Spacing::new(steps, *reset_after)?)
            }
            LimiterRule::ConsecutiveErrors { limit, lock } => {
                Rule::ConsecutiveErrors(ConsecutiveErrors::new(*limit, *lock)?)
            }
            // Made of others; their bank is made in `bank`.
            LimiterRule::PenaltyBox { .. } | LimiterRule::AllOf(_) => {
                return Err(RuleError::NoRules);
            }
        })
    }
}
