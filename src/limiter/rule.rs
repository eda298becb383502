use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::bank::{Bank, BankPlan};
use super::error::RuleError;
use super::penalty_box::{Lock, PenaltyBox};
use super::profile::Profile;
use super::quota::{KeySize, Quota};
use super::{
    calendar_window, consecutive_errors, envoy_bucket, fixed_window, gcra, leaky_bucket, limit_req,
    paced_window, ramp, rate_rule, segmented_window, sliding_counter, sliding_log, spacing,
    ticked_bucket, token_bucket,
};
use crate::units::Span;

/// The algorithms that are not made of others, each with the module that has its
/// parameters, its rule and its state.
macro_rules! algorithms {
    ($($(#[$doc:meta])* $name:ident($module:ident),)*) => {
        /// An algorithm with its parameters, as a scenario has it.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub enum LimiterRule {
            $($(#[$doc])* $name($module::Params),)*
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

        /// The parameters of any one algorithm, checked.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Rule {
            $($(#[$doc])* $name($module::$name),)*
        }

        impl LimiterRule {
            /// The rule of a key, of an algorithm that is not made of others.
            fn compile(&self, key: KeySize) -> Result<Rule, RuleError> {
                match self {
                    $(LimiterRule::$name(params) => params.rule(key).map(Rule::$name),)*
                    LimiterRule::PenaltyBox { .. } | LimiterRule::AllOf(_) => {
                        Err(RuleError::NoRules)
                    }
                }
            }

            /// What is known of it for a key.
            pub fn profile(&self, key: KeySize) -> Profile<'_> {
                match self {
                    $(LimiterRule::$name(params) => params.profile(key),)*
                    LimiterRule::PenaltyBox { by, lock, .. } => {
                        by.profile(key).behind_lock(*lock)
                    }
                    LimiterRule::AllOf(rules) => {
                        Profile::of_all(rules.iter().map(|rule| rule.profile(key)))
                    }
                }
            }
        }
    };
}

algorithms! {
    /// At most `quota` per window; see [`crate::limiter::FixedWindow`].
    FixedWindow(fixed_window),
    /// At most `quota` in any span of the window's length; see
    /// [`crate::limiter::SlidingLog`].
    SlidingLog(sliding_log),
    /// A bucket of `burst` tokens that refills at `rate`; see
    /// [`crate::limiter::TokenBucket`].
    TokenBucket(token_bucket),
    /// The generic cell rate algorithm with a whole number of nanoseconds
    /// between cells; see [`crate::limiter::Gcra`].
    Gcra(gcra),
    /// At most `quota` per hour, day, week or month of a zone; see
    /// [`crate::limiter::CalendarWindow`].
    CalendarWindow(calendar_window),
    /// A window that slides by weighting the one before; see
    /// [`crate::limiter::SlidingCounter`].
    SlidingCounter(sliding_counter),
    /// A bucket whose tokens arrive in lumps; see
    /// [`crate::limiter::TickedBucket`].
    TickedBucket(ticked_bucket),
    /// Envoy's token bucket, with its extra token after a silence; see
    /// [`crate::limiter::EnvoyBucket`].
    EnvoyBucket(envoy_bucket),
    /// A bucket in front of which requests wait; see
    /// [`crate::limiter::LeakyBucket`].
    LeakyBucket(leaky_bucket),
    /// A quota per period, with waiting for the next; see
    /// [`crate::limiter::PacedWindow`].
    PacedWindow(paced_window),
    /// nginx's `limit_req`; see [`crate::limiter::LimitReq`].
    LimitReq(limit_req),
    /// .NET's sliding window in segments; see
    /// [`crate::limiter::SegmentedWindow`].
    SegmentedWindow(segmented_window),
    /// A web application firewall's rate rule, which acts late; see
    /// [`crate::limiter::RateRule`].
    RateRule(rate_rule),
    /// A quota per window that grows or shrinks in steps; see
    /// [`crate::limiter::Ramp`].
    Ramp(ramp),
    /// Least times between requests that grow along a list; see
    /// [`crate::limiter::Spacing`].
    Spacing(spacing),
    /// A lock after so many failures in a row; see
    /// [`crate::limiter::ConsecutiveErrors`].
    ConsecutiveErrors(consecutive_errors),
}

impl LimiterRule {
    /// Whether different keys may have different rules.
    pub fn depends_on_key(&self) -> bool {
        self.has_quota(Quota::depends_on_key)
    }

    /// Whether a quota depends on the number of users of a key.
    pub fn depends_on_users(&self) -> bool {
        self.has_quota(Quota::depends_on_users)
    }

    /// Whether a quota depends on the number of devices of a key.
    pub fn depends_on_devices(&self) -> bool {
        self.has_quota(Quota::depends_on_devices)
    }

    fn has_quota(&self, is_such: fn(&Quota) -> bool) -> bool {
        match self {
            LimiterRule::PenaltyBox { by, .. } => by.has_quota(is_such),
            LimiterRule::AllOf(rules) => rules.iter().any(|rule| rule.has_quota(is_such)),
            rule => (rule.profile(KeySize::ONE).quota).is_some_and(is_such),
        }
    }

    /// The states of this limit for `keys` keys, of which key k has `sizes[k]`;
    /// each counts for one, if `sizes` is empty.
    ///
    /// # Errors
    /// If it cannot be computed exactly in 64 bits, or there are more than
    /// 65535 different quotas, or it would take too much memory.
    pub fn bank(&self, sizes: &[KeySize], keys: usize) -> Result<Bank, RuleError> {
        Ok(self.plan(sizes, keys)?.build())
    }

    /// The same, to be built once and again.
    ///
    /// # Errors
    /// As [`bank`](LimiterRule::bank).
    pub fn plan(&self, sizes: &[KeySize], keys: usize) -> Result<BankPlan, RuleError> {
        let bank = self.without_keys(sizes)?;
        bank.check_room(keys)?;
        Ok(bank.planned_for(keys))
    }

    fn without_keys(&self, sizes: &[KeySize]) -> Result<Bank, RuleError> {
        match self {
            LimiterRule::AllOf(rules) => {
                let banks = rules.iter().map(|rule| rule.without_keys(sizes));
                Bank::all_of(banks.collect::<Result<_, _>>()?)
            }
            LimiterRule::PenaltyBox { by, lock, attempts } => {
                let penalty = PenaltyBox::new(*lock, *attempts)?;
                Ok(Bank::penalty_box(penalty, by.without_keys(sizes)?))
            }
            rule => {
                if !rule.depends_on_key() {
                    return Ok(Bank::uniform(rule.compile(KeySize::ONE)?, 0));
                }
                let different = distinct(sizes);
                if let [] | [_] = different[..] {
                    let size = different.first().copied().unwrap_or(KeySize::ONE);
                    return Ok(Bank::uniform(rule.compile(size)?, 0));
                }
                if different.len() > usize::from(u16::MAX) {
                    return Err(RuleError::TooManyRules);
                }
                let rules = different.iter().map(|size| rule.compile(*size));
                let rules = rules.collect::<Result<Vec<Rule>, RuleError>>()?;
                let place = |size: &KeySize| different.partition_point(|other| other < size) as u16;
                Bank::tiers(&rules, sizes.iter().map(place).collect())
            }
        }
    }
}

/// The different sizes among these, in order. Neighbours are mostly alike, so
/// that millions are looked through at once.
fn distinct(sizes: &[KeySize]) -> Vec<KeySize> {
    let mut found = BTreeSet::new();
    let mut last = None;
    for size in sizes {
        if last != Some(size) {
            found.insert(*size);
            last = Some(size);
        }
    }
    found.into_iter().collect()
}
