use super::{Draws, part};
use crate::rng::{Purpose, Sampler};
use crate::scenario::{Attempts, Jitter, RetryPolicy, Trigger};
use crate::server::{Response, Told};
use crate::units::Span;

/// A compiled retry policy.
#[derive(Debug, Clone)]
pub struct Retry {
    backoff: Backoff,
    most_attempts: u32,
    /// Bit s: a refusal by stage s is retried.
    refusals: u64,
    timeouts: bool,
    honour_retry_after: bool,
    honour_rate_limit: bool,
}

#[derive(Debug, Clone)]
enum Backoff {
    Fixed(Span),
    Random(Sampler),
    /// The ceilings before retry 1, 2, ...; the last holds for all later ones.
    Exponential {
        ceilings: Vec<Span>,
        jitter: Jitter,
    },
    Decorrelated {
        base: Span,
        cap: Span,
        /// Whether it goes on from a told wait where that was longer.
        from_told: bool,
    },
}

/// The wait before a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// How long it is.
    pub span: Span,
    /// From which the next one of the request is drawn. What a server tells is
    /// no part of it, unless the policy says so: else one long Retry-After would
    /// keep all later waits near the cap.
    pub previous: Span,
}

impl Retry {
    /// Compiles a policy for a server whose stages refuse with these answers.
    ///
    /// # Errors
    /// If the distribution of its wait is not sound.
    pub fn new(policy: &RetryPolicy, answers: &[Response]) -> Result<Retry, String> {
        let (backoff, attempts, on, retry_after, rate_limit) = match policy {
            RetryPolicy::None => (Backoff::Fixed(Span::ZERO), None, &None, false, false),
            RetryPolicy::Fixed {
                wait,
                attempts,
                on,
                honour_retry_after,
                honour_rate_limit,
            } => (
                Backoff::Fixed(*wait),
                Some(*attempts),
                on,
                *honour_retry_after,
                *honour_rate_limit,
            ),
            RetryPolicy::Random {
                wait,
                attempts,
                on,
                honour_retry_after,
                honour_rate_limit,
            } => (
                Backoff::Random(Sampler::new(wait)?),
                Some(*attempts),
                on,
                *honour_retry_after,
                *honour_rate_limit,
            ),
            RetryPolicy::Exponential {
                base,
                factor,
                cap,
                jitter,
                attempts,
                on,
                honour_retry_after,
                honour_rate_limit,
                remember_told,
            } => {
                let cap = cap.unwrap_or(Span::MAX);
                let backoff = match jitter {
                    Jitter::Decorrelated => Backoff::Decorrelated {
                        base: *base,
                        cap,
                        from_told: *remember_told,
                    },
                    jitter => Backoff::Exponential {
                        ceilings: ceilings(*base, *factor, cap),
                        jitter: *jitter,
                    },
                };
                (
                    backoff,
                    Some(*attempts),
                    on,
                    *honour_retry_after,
                    *honour_rate_limit,
                )
            }
        };
        let mut refusals = 0;
        for (index, answer) in answers.iter().enumerate() {
            if on
                .as_ref()
                .is_none_or(|on| on.iter().any(|trigger| trigger.covers(answer)))
            {
                refusals |= 1 << index;
            }
        }
        Ok(Retry {
            backoff,
            most_attempts: match attempts {
                None => 1,
                Some(Attempts::AtMost(count)) => count.get(),
                Some(Attempts::Unlimited) => u32::MAX,
            },
            refusals,
            timeouts: on.as_ref().is_none_or(|on| on.contains(&Trigger::Timeout)),
            honour_retry_after: retry_after,
            honour_rate_limit: rate_limit,
        })
    }

    /// The most attempts of a request, the first included; [`u32::MAX`] if there
    /// is no end.
    pub fn most_attempts(&self) -> u32 {
        self.most_attempts
    }

    /// Whether a request whose attempt number `attempt` (from 1) was refused
    /// by stage `stage` is tried again.
    #[inline]
    pub fn after_refusal(&self, attempt: u32, stage: usize) -> bool {
        attempt < self.most_attempts && self.refusals >> stage & 1 == 1
    }

    /// Whether a request whose attempt number `attempt` (from 1) timed out is
    /// tried again.
    #[inline]
    pub fn after_timeout(&self, attempt: u32) -> bool {
        attempt < self.most_attempts && self.timeouts
    }

    /// The wait before the retry that follows attempt number `attempt` of
    /// request `number`; `previous` is what the [`Wait`] before that attempt
    /// said, or zero.
    pub fn wait(
        &self,
        draws: Draws<'_>,
        number: u32,
        attempt: u32,
        previous: Span,
        told: Told,
    ) -> Wait {
        let uniform = || draws.uniform(Purpose::Backoff, number, attempt);
        let drawn = match &self.backoff {
            Backoff::Fixed(wait) => *wait,
            Backoff::Random(sampler) => draws.sample(sampler, Purpose::Backoff, number, attempt),
            Backoff::Exponential { ceilings, jitter } => {
                let retry = (attempt as usize - 1).min(ceilings.len() - 1);
                let ceiling = ceilings[retry];
                match jitter {
                    Jitter::None | Jitter::Decorrelated => ceiling,
                    Jitter::Full => part(ceiling, uniform()),
                    Jitter::Equal => {
                        let half = Span::from_nanos(ceiling.nanos() / 2);
                        half + part(ceiling.saturating_sub(half), uniform())
                    }
                }
            }
            Backoff::Decorrelated { base, cap, .. } => {
                let highest = (previous.max(*base) * 3).saturating_sub(*base);
                (*base + part(highest, uniform())).min(*cap)
            }
        };
        // Retry-After wins over the rate limit's fields (draft-ietf-httpapi-
        // ratelimit-headers-10).
        let floor = match told.retry_after {
            Some(span) if self.honour_retry_after => Some(span),
            _ => told.reset.filter(|_| self.honour_rate_limit),
        };
        let span = drawn.max(floor.unwrap_or(Span::ZERO));
        Wait {
            span,
            previous: match self.backoff {
                Backoff::Decorrelated {
                    from_told: true, ..
                } => span,
                _ => drawn,
            },
        }
    }
}

/// The ceilings min(cap, base * factor^(k-1)) until they stop growing, or
/// until the 64th.
fn ceilings(base: Span, factor: f64, cap: Span) -> Vec<Span> {
    let mut ceilings = vec![base.min(cap)];
    let mut next = base.nanos() as f64;
    while ceilings.len() < 64 {
        next *= factor;
        let ceiling = Span::from_nanos(next.round() as u64).min(cap);
        if Some(&ceiling) == ceilings.last() {
            break;
        }
        ceilings.push(ceiling);
    }
    ceilings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Streams;

    fn retry(text: &str) -> Retry {
        let stages: Vec<crate::scenario::Stage> = crate::scenario::text::parse("[Gate(permits: 1, refuse: (code: 11)), Limit(name: \"app\", by: Gcra(rate: \"1/s\", burst: 1), refuse: (status: 503, code: 26))]")
            .unwrap();
        let answers: Vec<Response> = stages.iter().map(|stage| *stage.refusal()).collect();
        Retry::new(&crate::scenario::text::parse(text).unwrap(), &answers).unwrap()
    }

    fn waits(retry: &Retry, count: u32) -> Vec<f64> {
        let streams = Streams::new(1, 0);
        let draws = Draws {
            streams: &streams,
            entity: 0,
        };
        let mut previous = Span::ZERO;
        (1..=count)
            .map(|attempt| {
                let wait = retry.wait(draws, 0, attempt, previous, Told::default());
                previous = wait.previous;
                wait.span.secs_f64()
            })
            .collect()
    }

    #[test]
    fn waits_without_jitter_grow_to_the_cap() {
        let retry = retry(
            "Exponential(base: \"1s\", factor: 2, cap: \"60s\", jitter: None, attempts: Unlimited)",
        );
        assert_eq!(
            waits(&retry, 8),
            [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
        );
        assert!(retry.after_timeout(u32::MAX - 1));
    }

    #[test]
    fn waits_with_jitter_stay_in_their_range() {
        for (jitter, low, high) in [("Full", 0.0, 1.0), ("Equal", 0.5, 1.0)] {
            let policy = format!(
                "Exponential(base: \"1s\", factor: 2, cap: \"60s\", jitter: {jitter}, attempts: 9)"
            );
            for (index, wait) in waits(&retry(&policy), 8).into_iter().enumerate() {
                let ceiling = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0][index];
                assert!(
                    (low * ceiling..=high * ceiling).contains(&wait),
                    "{jitter} {index}: {wait}"
                );
            }
        }
        let mut previous: f64 = 1.0;
        for wait in waits(
            &retry("Exponential(base: \"1s\", cap: \"20s\", jitter: Decorrelated, attempts: 9)"),
            8,
        ) {
            assert!(
                wait >= 1.0 && wait <= (3.0 * previous.max(1.0)).min(20.0),
                "{wait} after {previous}"
            );
            previous = wait;
        }
    }

    #[test]
    fn only_the_listed_failures_are_retried() {
        let both = retry("Fixed(wait: \"30s\", attempts: 4)");
        let code = retry("Fixed(wait: \"30s\", attempts: 4, on: [Code(11)])");
        let status = retry("Fixed(wait: \"30s\", attempts: 4, on: [Status(503), Timeout])");
        let none = retry("None");
        for (policy, gate, limit, timeout) in [
            (&both, true, true, true),
            (&code, true, false, false),
            (&status, false, true, true),
            (&none, false, false, false),
        ] {
            assert_eq!(policy.after_refusal(1, 0), gate);
            assert_eq!(policy.after_refusal(3, 1), limit);
            assert_eq!(policy.after_timeout(1), timeout);
            assert!(!policy.after_refusal(4, 0), "four attempts in all");
        }
    }

    #[test]
    fn retry_after_is_a_floor_where_it_is_honoured() {
        let streams = Streams::new(1, 0);
        let draws = Draws {
            streams: &streams,
            entity: 0,
        };
        let told = |retry_after: Option<u64>, reset: Option<u64>| Told {
            retry_after: retry_after.map(Span::from_secs),
            reset: reset.map(Span::from_secs),
        };
        let both = "honour_retry_after: true, honour_rate_limit: true";
        for (honours, told, seconds) in [
            ("", told(Some(45), Some(60)), 30),
            ("honour_retry_after: true", told(Some(45), Some(60)), 45),
            ("honour_retry_after: true", told(Some(5), None), 30),
            ("honour_retry_after: true", told(None, Some(60)), 30),
            ("honour_rate_limit: true", told(None, Some(60)), 60),
            (both, told(Some(45), Some(60)), 45),
            (both, told(None, Some(60)), 60),
        ] {
            let text = format!("Fixed(wait: \"30s\", attempts: 4, {honours})");
            let wait = retry(&text).wait(draws, 0, 1, Span::ZERO, told);
            assert_eq!(wait.span, Span::from_secs(seconds), "{honours} {told:?}");
        }
    }

    #[test]
    fn a_told_wait_does_not_widen_decorrelated_jitter_unless_it_is_remembered() {
        let streams = Streams::new(1, 0);
        let long = Told {
            retry_after: Some(Span::from_secs(1000)),
            reset: None,
        };
        for (remember, least, most) in [("", 1, 3), (", remember_told: true", 1000, 1000)] {
            let text = format!(
                "Exponential(base: \"1s\", cap: \"1h\", jitter: Decorrelated, attempts: 9, honour_retry_after: true{remember})"
            );
            let retry = retry(&text);
            let mut longest = Span::ZERO;
            for entity in 0..200 {
                let draws = Draws {
                    streams: &streams,
                    entity,
                };
                let told = retry.wait(draws, 0, 1, Span::ZERO, long);
                assert_eq!(told.span, Span::from_secs(1000));
                let range = Span::from_secs(least)..=Span::from_secs(most);
                assert!(range.contains(&told.previous), "{:?}", told.previous);
                let next = retry.wait(draws, 0, 2, told.previous, Told::default());
                longest = longest.max(next.span);
            }
            // Three times the first, which is at most 3 s, or 1000 s.
            let limit = Span::from_secs(9);
            assert_eq!(longest > limit, !remember.is_empty(), "{longest}");
        }
    }
}
