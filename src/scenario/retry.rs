mod budget;
mod heeding;
mod jitter;
mod preset;

use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::certain::is_constant;
use super::text::number_or_word;
use crate::rng::Distribution;
use crate::server::{Response, RetryAfter};
use crate::units::Span;

pub use budget::RetryBudget;
pub use heeding::{Heed, Heeding};
pub use jitter::{Jitter, Multiplier};
pub use preset::{NO_RETRY, RETRY_PRESETS, RetryPreset};

/// How a client reacts to a failed attempt: a struct of parts, each of which
/// goes with every other.
///
/// It is written as the shape of its wait with all parts inside, such as
/// `Fixed(wait: "30s", attempts: 4)`, or as `None`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct RetryPolicy {
    /// The wait before each retry, before jitter: the ceiling.
    pub wait: Backoff,
    /// The highest ceiling.
    pub cap: Option<Span>,
    /// How the wait is drawn below, around or above its ceiling.
    pub jitter: Jitter,
    /// The longest wait of its own, with what jitter adds.
    pub at_most: Option<Span>,
    /// The wait before the first retry, in place of that; later ones are as
    /// long as they would have been.
    pub first: Option<Span>,
    /// All attempts of a request, the first included.
    pub attempts: Attempts,
    /// The failures that are retried; all, if absent.
    pub on: Option<Vec<Trigger>>,
    /// No retry begins later than this after the request was due.
    pub give_up_after: Option<Span>,
    /// What a wait becomes where the server tells one.
    pub told: Heeding,
    /// What bounds the retries of all who share it; of the first rule, and for
    /// all.
    pub budget: Option<RetryBudget>,
    /// What a retry takes of a budget of tokens; 1, if absent.
    pub cost: Option<u32>,
    /// The policy for the failures that this one does not retry. Attempts are
    /// counted over both.
    pub or: Option<Box<RetryPolicy>>,
}

/// The policy as it is written: of each shape the parts that are its own are
/// listed below, and those that all have are added here.
macro_rules! shapes {
    ($(
        $(#[doc = $about:literal])+
        $shape:ident, jitter $usual:literal, {$(
            $(#[doc = $meaning:literal])+
            $(#[serde($($serde:tt)+)])?
            $field:ident: $type:ty,
        )+}
    )+) => {
        /// The wait before each retry, before the server has a say.
        #[derive(Debug, Clone)]
        pub enum Backoff {$(
            $(#[doc = $about])+
            $shape {$($(#[doc = $meaning])+ $field: $type,)+},
        )+}

        #[derive(Clone, Serialize, Deserialize)]
        #[serde(rename = "RetryPolicy", deny_unknown_fields)]
        enum Written {
            None,
            $($shape {
                $($(#[serde($($serde)+)])? $field: $type,)+
                attempts: Attempts,
                #[serde(default)]
                cap: Option<Span>,
                #[serde(default = $usual)]
                jitter: Jitter,
                #[serde(default)]
                at_most: Option<Span>,
                #[serde(default)]
                on: Option<Vec<Trigger>>,
                #[serde(default)]
                first: Option<Span>,
                #[serde(default)]
                give_up_after: Option<Span>,
                #[serde(default)]
                retry_after: Option<Heed>,
                #[serde(default)]
                honour_retry_after: Option<bool>,
                #[serde(default)]
                honour_rate_limit: bool,
                #[serde(default)]
                told_at_most: Option<Span>,
                #[serde(default)]
                told_adds_at_most: Option<Span>,
                #[serde(default)]
                budget: Option<RetryBudget>,
                #[serde(default)]
                cost: Option<u32>,
                #[serde(default)]
                or: Option<Box<RetryPolicy>>,
            },)+
        }

        impl TryFrom<Written> for RetryPolicy {
            type Error = &'static str;

            fn try_from(written: Written) -> Result<RetryPolicy, &'static str> {
                match written {
                    Written::None => Ok(RetryPolicy::NONE),
                    $(Written::$shape {
                        $($field,)+
                        attempts,
                        cap,
                        jitter,
                        at_most,
                        on,
                        first,
                        give_up_after,
                        retry_after,
                        honour_retry_after,
                        honour_rate_limit,
                        told_at_most,
                        told_adds_at_most,
                        budget,
                        cost,
                        or,
                    } => Ok(RetryPolicy {
                        wait: Backoff::$shape { $($field,)+ },
                        cap,
                        jitter,
                        at_most,
                        first,
                        attempts,
                        on,
                        give_up_after,
                        told: Heeding {
                            rate_limit: honour_rate_limit,
                            at_most: told_at_most.unwrap_or(Span::MAX),
                            adds_at_most: told_adds_at_most.unwrap_or(Span::MAX),
                            ..Heeding::written(retry_after, honour_retry_after)?
                        },
                        budget,
                        cost,
                        or,
                    }),)+
                }
            }
        }

        impl From<RetryPolicy> for Written {
            fn from(policy: RetryPolicy) -> Written {
                if policy.is_none() {
                    return Written::None;
                }
                let RetryPolicy { wait, cap, jitter, at_most, first, attempts, on, give_up_after, told, budget, cost, or } = policy;
                let limit = |span: Span| (span < Span::MAX).then_some(span);
                match wait {
                    $(Backoff::$shape { $($field,)+ } => Written::$shape {
                        $($field,)+
                        attempts,
                        cap,
                        jitter,
                        at_most,
                        on,
                        first,
                        give_up_after,
                        budget,
                        cost,
                        or,
                        retry_after: (!told.as_flag).then_some(told.retry_after),
                        honour_retry_after: told.as_flag.then_some(told.retry_after == Heed::AtLeast),
                        honour_rate_limit: told.rate_limit,
                        told_at_most: limit(told.at_most),
                        told_adds_at_most: limit(told.adds_at_most),
                    },)+
                }
            }
        }
    };
}

shapes! {
    /// The same wait before each retry.
    Fixed, jitter "no_jitter", {
        /// The wait.
        wait: Span,
    }
    /// A wait drawn anew before each retry.
    Random, jitter "no_jitter", {
        /// The distribution of the wait.
        wait: Distribution,
    }
    /// A list of waits.
    Waits, jitter "no_jitter", {
        /// The ceilings before retry 1, 2, ...; the last holds for all later
        /// ones.
        waits: Vec<Span>,
    }
    /// Waits that grow by a factor: before retry k the ceiling is
    /// base * factor^(k-1).
    Exponential, jitter "Jitter::default", {
        /// The ceiling before the first retry.
        base: Span,
        /// The growth from one retry to the next.
        #[serde(default = "doubling")]
        factor: f64,
        /// Whether decorrelated jitter goes on from the wait that there was, also
        /// where the server told a longer one than was drawn.
        #[serde(default)]
        remember_told: bool,
    }
    /// Waits that grow by the same time: before retry k the ceiling is
    /// base + (k-1) * step.
    Linear, jitter "no_jitter", {
        /// The ceiling before the first retry.
        base: Span,
        /// The growth from one retry to the next; the base, if absent.
        #[serde(default)]
        step: Option<Span>,
    }
    /// Waits that grow as the Fibonacci numbers: the base times 1, 1, 2, 3, 5, ...
    Fibonacci, jitter "no_jitter", {
        /// The ceiling before the first retry.
        base: Span,
    }
}

fn doubling() -> f64 {
    2.0
}

fn no_jitter() -> Jitter {
    Jitter::None
}

impl RetryPolicy {
    /// No retry: a failed attempt fails the request.
    pub const NONE: RetryPolicy = RetryPolicy {
        wait: Backoff::Fixed { wait: Span::ZERO },
        cap: None,
        jitter: Jitter::None,
        at_most: None,
        first: None,
        attempts: Attempts::AtMost(NonZeroU32::MIN),
        on: Some(Vec::new()),
        give_up_after: None,
        told: Heeding::NOTHING,
        budget: None,
        cost: None,
        or: None,
    };

    /// Whether no failure is ever retried, whatever else it says.
    pub fn is_none(&self) -> bool {
        self.attempts == Attempts::AtMost(NonZeroU32::MIN)
            && self.on.as_deref() == Some(&[])
            && self.or.is_none()
    }

    /// It and the policies for what it does not retry, in the order in which they
    /// are asked.
    pub fn rules(&self) -> impl Iterator<Item = &RetryPolicy> {
        std::iter::successors(Some(self), |rule| rule.or.as_deref())
    }

    /// Whether this rule, without those after it, is for an answer.
    pub fn covers(&self, answer: &Response) -> bool {
        Trigger::are_for(self.on.as_deref(), answer)
    }

    /// Whether this rule, without those after it, is for an attempt that timed
    /// out.
    pub fn covers_timeouts(&self) -> bool {
        Trigger::are_for_timeouts(self.on.as_deref())
    }

    /// The rule by which an answer is followed by another attempt, as long as
    /// there is one.
    pub fn rule_for(&self, answer: &Response) -> Option<&RetryPolicy> {
        self.rules().find(|rule| rule.covers(answer))
    }

    /// Whether an answer is followed by another attempt, as long as there is one.
    pub fn retries(&self, answer: &Response) -> bool {
        self.rule_for(answer).is_some()
    }

    /// Whether an attempt that timed out is followed by another, as long as
    /// there is one.
    pub fn retries_timeouts(&self) -> bool {
        self.rules().any(RetryPolicy::covers_timeouts)
    }

    /// Whether an answer tells a wait that is heeded.
    pub fn hears(&self, answer: &Response) -> bool {
        self.rule_for(answer).is_some_and(|rule| {
            rule.told.hears_retry_after() && answer.retry_after != RetryAfter::Absent
                || rule.told.rate_limit && answer.rate_limit.is_some()
        })
    }

    /// Whether equal requests are retried at equal times.
    pub fn is_certain(&self) -> bool {
        self.rules().all(|rule| match &rule.wait {
            Backoff::Random { wait } => is_constant(wait),
            _ => rule.jitter.is_certain(),
        })
    }
}

/// A failure that a policy retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Trigger {
    /// An answer with that HTTP status.
    Status(u16),
    /// An answer whose body has that code.
    Code(u32),
    /// No answer within the client's time-out.
    Timeout,
}

impl Trigger {
    /// Whether one of a list, which is of all failures if there is none, names that
    /// answer.
    pub fn are_for(on: Option<&[Trigger]>, answer: &Response) -> bool {
        on.is_none_or(|on| on.iter().any(|trigger| trigger.covers(answer)))
    }

    /// Whether such a list has attempts that time out.
    pub fn are_for_timeouts(on: Option<&[Trigger]>) -> bool {
        on.is_none_or(|on| on.contains(&Trigger::Timeout))
    }

    /// Whether it names that answer.
    pub fn covers(self, answer: &Response) -> bool {
        match self {
            Trigger::Status(status) => answer.status == status,
            Trigger::Code(code) => answer.code == Some(code),
            Trigger::Timeout => false,
        }
    }
}

/// How many attempts a request may make, the first included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    /// At most that many.
    AtMost(NonZeroU32),
    /// No end; written `Unlimited`.
    Unlimited,
}

impl Serialize for Attempts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Attempts::AtMost(count) => serializer.serialize_u32(count.get()),
            Attempts::Unlimited => serializer.serialize_unit_variant("Attempts", 0, "Unlimited"),
        }
    }
}

impl<'de> Deserialize<'de> for Attempts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attempts, D::Error> {
        let expected = "a number of attempts from 1, the first included,";
        let count: Option<NonZeroU32> = number_or_word(deserializer, expected, "Unlimited")?;
        Ok(count.map_or(Attempts::Unlimited, Attempts::AtMost))
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::parse;
    use super::*;

    #[test]
    fn a_policy_survives_being_written() {
        for text in [
            "None",
            r#"Fixed(wait: "0s", attempts: 2, on: [Status(503), Code(11), Timeout])"#,
            r#"Random(wait: Uniform(from: "1s", to: "2s"), attempts: Unlimited, first: "0s")"#,
            r#"Waits(waits: ["0s", "1s"], jitter: Equal, attempts: 3, give_up_after: "2min")"#,
            r#"Exponential(base: "1s", cap: "9s", attempts: 3, honour_retry_after: true)"#,
            r#"Fixed(wait: "1s", attempts: 3, budget: Tokens(most: 500, per: []), cost: 5)"#,
            r#"Fixed(wait: "1s", attempts: 3, budget: Share(of: "20%", at_least: "10/s"))"#,
            r#"Linear(base: "1s", step: "2s", cap: "9s", jitter: PlusMinus("20%"), attempts: 3)"#,
            r#"Fibonacci(base: "1s", jitter: Times(Uniform(from: 0.5, to: 1.5)), at_most: "9s", attempts: 3)"#,
            r#"Fixed(wait: "1s", jitter: Plus(Exponential(mean: "1s")), attempts: 3, on: [Timeout], or: Fixed(wait: "2s", attempts: 2))"#,
            r#"Exponential(base: "1s", factor: 3, jitter: Decorrelated, attempts: 3, retry_after: Instead, told_at_most: "1min", told_adds_at_most: "5s", honour_rate_limit: true, remember_told: true)"#,
        ] {
            let policy: RetryPolicy = parse(text).unwrap();
            let again: RetryPolicy = parse(&ron::to_string(&policy).unwrap()).unwrap();
            assert_eq!(format!("{policy:?}"), format!("{again:?}"), "{text}");
            assert_eq!(policy.is_none(), text == "None");
        }
    }

    #[test]
    fn one_attempt_is_no_retry_whatever_is_retried() {
        let answer = Response::default();
        let none: RetryPolicy = parse("None").unwrap();
        assert!(!none.retries(&answer) && !none.retries_timeouts());
        let all: RetryPolicy = parse(r#"Fixed(wait: "1s", attempts: 2)"#).unwrap();
        assert!(all.retries(&answer) && all.retries_timeouts());
    }

    #[test]
    fn every_shape_knows_the_parts_that_all_have() {
        for shape in [
            r#"Fixed(wait: "1s", "#,
            r#"Random(wait: Constant("1s"), "#,
            r#"Waits(waits: ["1s"], "#,
            r#"Linear(base: "1s", "#,
            r#"Fibonacci(base: "1s", "#,
            r#"Exponential(base: "1s", "#,
        ] {
            let parts = r#"attempts: 4, on: [Timeout], first: "0s", give_up_after: "1h", retry_after: Before, honour_rate_limit: true, told_at_most: "1min", told_adds_at_most: "9s", cap: "1min", jitter: Equal, at_most: "40s", or: Fixed(wait: "9s", attempts: 2))"#;
            let policy: RetryPolicy = parse(&format!("{shape}{parts}")).unwrap();
            assert_eq!(policy.first, Some(Span::ZERO));
            assert_eq!(policy.cap, Some(Span::from_secs(60)));
            assert_eq!(policy.jitter, Jitter::Equal);
            assert_eq!(policy.at_most, Some(Span::from_secs(40)));
            assert_eq!(policy.rules().count(), 2);
            assert_eq!(policy.give_up_after, Some(Span::from_secs(3600)));
            assert_eq!(policy.told.retry_after, Heed::Before);
            assert_eq!(policy.told.at_most, Span::from_secs(60));
            let missing = parse::<RetryPolicy>(&format!("{shape})")).unwrap_err();
            assert!(
                missing.to_string().contains("\"attempts\" is missing"),
                "{missing}"
            );
            let unknown = parse::<RetryPolicy>(&format!("{shape}attempts: 3, give_up: \"1s\")"));
            let unknown = unknown.unwrap_err();
            assert!(
                unknown.to_string().contains("unknown field \"give_up\""),
                "{unknown}"
            );
        }
    }
}
