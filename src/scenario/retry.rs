use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::certain::is_constant;
use super::text::number_or_word;
use crate::rng::Distribution;
use crate::server::{Response, RetryAfter};
use crate::units::Span;

/// How a client reacts to a failed attempt: a struct of parts, each of which
/// goes with every other.
///
/// It is written as the shape of its wait with all parts inside, such as
/// `Fixed(wait: "30s", attempts: 4)`, or as `None`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct RetryPolicy {
    /// The wait before each retry.
    pub wait: Backoff,
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
}

/// The policy as it is written: of each shape the parts that are its own are
/// listed below, and those that all have are added here.
macro_rules! shapes {
    ($(
        $(#[doc = $about:literal])+
        $shape:ident {$(
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
                        on,
                        first,
                        give_up_after,
                        retry_after,
                        honour_retry_after,
                        honour_rate_limit,
                        told_at_most,
                        told_adds_at_most,
                    } => Ok(RetryPolicy {
                        wait: Backoff::$shape { $($field,)+ },
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
                    }),)+
                }
            }
        }

        impl From<RetryPolicy> for Written {
            fn from(policy: RetryPolicy) -> Written {
                if policy.is_none() {
                    return Written::None;
                }
                let RetryPolicy { wait, first, attempts, on, give_up_after, told } = policy;
                let limit = |span: Span| (span < Span::MAX).then_some(span);
                match wait {
                    $(Backoff::$shape { $($field,)+ } => Written::$shape {
                        $($field,)+
                        attempts,
                        on,
                        first,
                        give_up_after,
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
    Fixed {
        /// The wait.
        wait: Span,
    }
    /// A wait drawn anew before each retry.
    Random {
        /// The distribution of the wait.
        wait: Distribution,
    }
    /// A list of waits.
    Waits {
        /// The ceilings before retry 1, 2, ...; the last holds for all later
        /// ones.
        waits: Vec<Span>,
        /// How the wait is drawn below the ceiling.
        #[serde(default = "no_jitter")]
        jitter: Jitter,
    }
    /// Waits that grow by a factor, up to a cap, with jitter: before retry k
    /// the ceiling is min(cap, base * factor^(k-1)).
    Exponential {
        /// The ceiling before the first retry.
        base: Span,
        /// The growth from one retry to the next.
        #[serde(default = "doubling")]
        factor: f64,
        /// The highest ceiling.
        #[serde(default)]
        cap: Option<Span>,
        /// How the wait is drawn below the ceiling.
        #[serde(default)]
        jitter: Jitter,
        /// Whether decorrelated jitter goes on from the wait that there was, also
        /// where the server told a longer one than was drawn.
        #[serde(default)]
        remember_told: bool,
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
        first: None,
        attempts: Attempts::AtMost(NonZeroU32::MIN),
        on: Some(Vec::new()),
        give_up_after: None,
        told: Heeding::NOTHING,
    };

    /// Whether no failure is ever retried, whatever else it says.
    pub fn is_none(&self) -> bool {
        self.attempts == Attempts::AtMost(NonZeroU32::MIN) && self.on.as_deref() == Some(&[])
    }

    /// Whether an answer is followed by another attempt, as long as there is one.
    pub fn retries(&self, answer: &Response) -> bool {
        let covers = |trigger: &Trigger| trigger.covers(answer);
        self.on.as_deref().is_none_or(|on| on.iter().any(covers))
    }

    /// Whether an attempt that timed out is followed by another, as long as
    /// there is one.
    pub fn retries_timeouts(&self) -> bool {
        let on = self.on.as_deref();
        on.is_none_or(|on| on.contains(&Trigger::Timeout))
    }

    /// Whether an answer tells a wait that this policy heeds.
    pub fn hears(&self, answer: &Response) -> bool {
        self.told.hears_retry_after() && answer.retry_after != RetryAfter::Absent
            || self.told.rate_limit && answer.rate_limit.is_some()
    }

    /// Whether equal requests are retried at equal times.
    pub fn is_certain(&self) -> bool {
        match &self.wait {
            Backoff::Fixed { .. } => true,
            Backoff::Random { wait } => is_constant(wait),
            Backoff::Waits { jitter, .. } | Backoff::Exponential { jitter, .. } => {
                *jitter == Jitter::None
            }
        }
    }
}

/// How a wait is drawn below its ceiling (Brooker, "Exponential Backoff And
/// Jitter", AWS Architecture Blog, 2015).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Jitter {
    /// The ceiling itself.
    None,
    /// Uniform from zero to the ceiling.
    #[default]
    Full,
    /// Uniform from half the ceiling to the ceiling.
    Equal,
    /// Uniform from the base to three times the wait drawn before, up to the
    /// cap; the factor plays no part.
    Decorrelated,
}

/// What a client makes of a wait that the server tells. A told wait of nothing
/// tells nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Heed {
    /// It waits as if nothing were told.
    #[default]
    Ignore,
    /// It waits no shorter than that.
    AtLeast,
    /// It waits for that long, and not for what its own policy says.
    Instead,
    /// It waits for that long, and then for what its own policy says.
    Before,
}

/// How a client reads the waits that a server tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heeding {
    /// What it makes of a Retry-After.
    pub retry_after: Heed,
    /// Whether it reads the reset that the answer's rate limit fields tell in
    /// the same way, where it has no Retry-After that is heeded; as a least
    /// wait, if it ignores that.
    pub rate_limit: bool,
    /// A longer told wait is taken for one of this length.
    pub at_most: Span,
    /// The most by which a told wait makes the client's own longer.
    pub adds_at_most: Span,
    /// Whether `retry_after` is written as `honour_retry_after`.
    as_flag: bool,
}

impl Heeding {
    /// Whatever is told is ignored.
    pub const NOTHING: Heeding = Heeding {
        retry_after: Heed::Ignore,
        rate_limit: false,
        at_most: Span::MAX,
        adds_at_most: Span::MAX,
        as_flag: false,
    };

    fn written(heed: Option<Heed>, honour: Option<bool>) -> Result<Heeding, &'static str> {
        let (retry_after, as_flag) = match (heed, honour) {
            (Some(_), Some(_)) => {
                return Err(
                    "`honour_retry_after: true` is `retry_after: AtLeast`, and one policy cannot have both; expected one of them",
                );
            }
            (Some(heed), None) => (heed, false),
            (None, Some(true)) => (Heed::AtLeast, true),
            (None, Some(false)) => (Heed::Ignore, true),
            (None, None) => (Heed::Ignore, false),
        };
        Ok(Heeding {
            retry_after,
            as_flag,
            ..Heeding::NOTHING
        })
    }

    /// The field that says what is made of a Retry-After.
    pub fn field(&self) -> &'static str {
        match self.as_flag {
            true => "honour_retry_after",
            false => "retry_after",
        }
    }

    /// Whether a Retry-After has a say.
    pub fn hears_retry_after(&self) -> bool {
        self.retry_after != Heed::Ignore
    }

    /// Whether anything told has a say.
    pub fn hears(&self) -> bool {
        self.hears_retry_after() || self.rate_limit
    }

    /// What is made of the reset that rate limit fields tell.
    pub fn of_reset(&self) -> Heed {
        match (self.rate_limit, self.retry_after) {
            (false, _) => Heed::Ignore,
            (true, Heed::Ignore) => Heed::AtLeast,
            (true, heed) => heed,
        }
    }

    /// What a client's own wait becomes, given what it is told.
    pub fn joined(&self, own: Span, retry_after: Option<Span>, reset: Option<Span>) -> Span {
        // Retry-After wins over the rate limit's fields (draft-ietf-httpapi-
        // ratelimit-headers-10).
        let (heed, told) = match (retry_after, reset) {
            (Some(told), _) if self.hears_retry_after() => (self.retry_after, told),
            (_, Some(reset)) => (self.of_reset(), reset),
            _ => return own,
        };
        if told.is_zero() {
            return own;
        }
        let told = told.min(self.at_most);
        let joined = match heed {
            Heed::Ignore => own,
            Heed::AtLeast => own.max(told),
            Heed::Instead => told,
            Heed::Before => told + own,
        };
        joined.min(own + self.adds_at_most)
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
            r#"Exponential(base: "1s", "#,
        ] {
            let parts = r#"attempts: 4, on: [Timeout], first: "0s", give_up_after: "1h", retry_after: Before, honour_rate_limit: true, told_at_most: "1min", told_adds_at_most: "9s")"#;
            let policy: RetryPolicy = parse(&format!("{shape}{parts}")).unwrap();
            assert_eq!(policy.first, Some(Span::ZERO));
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
