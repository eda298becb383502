use super::{Draws, part};
use crate::rng::{Purpose, Sampler};
use crate::scenario::{Attempts, Backoff, Heeding, Jitter, RetryPolicy};
use crate::server::{Response, Told};
use crate::units::{Span, Time};

/// A compiled retry policy.
#[derive(Debug, Clone)]
pub struct Retry {
    waits: Waits,
    /// The wait before the first retry, if it is no matter of the waits.
    first: Option<Span>,
    most_attempts: u32,
    /// Bit s: a refusal by stage s is retried.
    refusals: u64,
    timeouts: bool,
    /// [`Span::MAX`] if it never does.
    give_up_after: Span,
    heeding: Heeding,
    hears: bool,
}

#[derive(Debug, Clone)]
enum Waits {
    /// The ceilings before retry 1, 2, ...; the last holds for all later ones.
    Below {
        ceilings: Box<[Span]>,
        jitter: Below,
    },
    Random(Sampler),
    Decorrelated {
        base: Span,
        cap: Span,
        /// Whether it goes on from a told wait where that was longer.
        from_told: bool,
    },
}

/// How a wait is drawn below a ceiling.
#[derive(Debug, Clone, Copy)]
enum Below {
    /// The ceiling itself.
    None,
    /// Uniform from zero.
    Full,
    /// Uniform from half of it.
    Equal,
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
        let refusals = (answers.iter().enumerate())
            .filter(|(_, answer)| policy.retries(answer))
            .fold(0, |bits, (stage, _)| bits | 1 << stage);
        Ok(Retry {
            waits: Waits::new(&policy.wait)?,
            first: policy.first,
            most_attempts: match policy.attempts {
                Attempts::AtMost(count) => count.get(),
                Attempts::Unlimited => u32::MAX,
            },
            refusals,
            timeouts: policy.retries_timeouts(),
            give_up_after: policy.give_up_after.unwrap_or(Span::MAX),
            heeding: policy.told,
            hears: policy.told.hears(),
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

    /// Whether a retry at `then` of a request that was `due` is too late for its
    /// client, which has given up before.
    #[inline]
    pub fn is_too_late(&self, due: Time, then: Time) -> bool {
        then.since(due) > self.give_up_after
    }

    /// The wait before the retry that follows attempt number `attempt` of
    /// request `number`; `previous` is what the [`Wait`] before that attempt
    /// said, or zero.
    #[inline]
    pub fn wait(
        &self,
        draws: Draws<'_>,
        number: u32,
        attempt: u32,
        previous: Span,
        told: Told,
    ) -> Wait {
        let own = match self.first {
            Some(first) if attempt == 1 => first,
            _ => self.waits.draw(draws, number, attempt, previous),
        };
        match self.hears {
            true => self.heeded(own, told),
            false => Wait {
                span: own,
                previous: own,
            },
        }
    }

    /// What a wait becomes by what is told.
    fn heeded(&self, own: Span, told: Told) -> Wait {
        let span = self.heeding.joined(own, told.retry_after, told.reset);
        let from_told = matches!(
            self.waits,
            Waits::Decorrelated {
                from_told: true,
                ..
            }
        );
        Wait {
            span,
            previous: if from_told { span } else { own },
        }
    }
}

impl Waits {
    fn new(shape: &Backoff) -> Result<Waits, String> {
        let below = |ceilings: Vec<Span>, jitter| Waits::Below {
            ceilings: ceilings.into(),
            jitter,
        };
        let drawn = |jitter| match jitter {
            Jitter::Full => Below::Full,
            Jitter::Equal => Below::Equal,
            Jitter::None | Jitter::Decorrelated => Below::None,
        };
        Ok(match shape {
            Backoff::Fixed { wait } => below(vec![*wait], Below::None),
            Backoff::Random { wait } => Waits::Random(Sampler::new(wait)?),
            // A sound list is never empty.
            Backoff::Waits { waits, .. } if waits.is_empty() => {
                below(vec![Span::ZERO], Below::None)
            }
            Backoff::Waits { waits, jitter } => below(waits.clone(), drawn(*jitter)),
            Backoff::Exponential {
                base,
                cap,
                jitter: Jitter::Decorrelated,
                remember_told,
                ..
            } => Waits::Decorrelated {
                base: *base,
                cap: cap.unwrap_or(Span::MAX),
                from_told: *remember_told,
            },
            Backoff::Exponential {
                base,
                factor,
                cap,
                jitter,
                ..
            } => below(
                ceilings(*base, *factor, cap.unwrap_or(Span::MAX)),
                drawn(*jitter),
            ),
        })
    }

    #[inline]
    fn draw(&self, draws: Draws<'_>, number: u32, attempt: u32, previous: Span) -> Span {
        let uniform = || draws.uniform(Purpose::Backoff, number, attempt);
        match self {
            Waits::Below { ceilings, jitter } => {
                let retry = (attempt as usize - 1).min(ceilings.len() - 1);
                let ceiling = ceilings[retry];
                match jitter {
                    Below::None => ceiling,
                    Below::Full => part(ceiling, uniform()),
                    Below::Equal => {
                        let half = Span::from_nanos(ceiling.nanos() / 2);
                        half + part(ceiling.saturating_sub(half), uniform())
                    }
                }
            }
            Waits::Random(sampler) => draws.sample(sampler, Purpose::Backoff, number, attempt),
            Waits::Decorrelated { base, cap, .. } => {
                let highest = (previous.max(*base) * 3).saturating_sub(*base);
                (*base + part(highest, uniform())).min(*cap)
            }
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

    /// What libraries document or do (reference: retries, section 1); where a
    /// wait is random, the longest that it may be.
    #[test]
    fn policies_wait_as_their_libraries_do() {
        // Azure Core and urllib3 try again at once; AWS, Google and Envoy draw
        // below what stands here; resilience4j's growth is to the millisecond.
        let rows: &[(&str, &str, &[f64])] = &[
            (
                "AWS standard, throttled",
                r#"Exponential(base: "1s", cap: "20s", attempts: 9)"#,
                &[1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0],
            ),
            (
                "google.api_core",
                r#"Exponential(base: "1s", cap: "60s", attempts: Unlimited, give_up_after: "120s")"#,
                &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0],
            ),
            (
                "Envoy",
                r#"Exponential(base: "25ms", cap: "250ms", attempts: 9)"#,
                &[0.025, 0.05, 0.1, 0.2, 0.25, 0.25],
            ),
            (
                "Azure Core, Python",
                r#"Exponential(base: "800ms", cap: "120s", jitter: None, first: "0s", attempts: 11)"#,
                &[0.0, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 120.0],
            ),
            (
                "urllib3, factor 0.2",
                r#"Exponential(base: "200ms", cap: "120s", jitter: None, first: "0s", attempts: 11)"#,
                &[0.0, 0.4, 0.8, 1.6],
            ),
            (
                "resilience4j",
                r#"Waits(waits: ["500ms", "750ms", "1125ms", "1687ms"], attempts: 5)"#,
                &[0.5, 0.75, 1.125, 1.687],
            ),
            (
                "aiohttp-retry",
                r#"Exponential(base: "200ms", cap: "30s", jitter: None, attempts: 12)"#,
                &[0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0],
            ),
            (
                "Home Assistant, PlatformNotReady",
                r#"Waits(waits: ["30s", "60s", "90s", "120s", "150s", "180s"], attempts: Unlimited)"#,
                &[30.0, 60.0, 90.0, 120.0, 150.0, 180.0, 180.0, 180.0],
            ),
            (
                "Home Assistant, ConfigEntryNotReady",
                r#"Exponential(base: "5s", cap: "80s", jitter: None, attempts: Unlimited)"#,
                &[5.0, 10.0, 20.0, 40.0, 80.0, 80.0],
            ),
            (
                "amitfin/retry",
                r#"Exponential(base: "1s", jitter: None, attempts: 7)"#,
                &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
            ),
            (
                "python-google-nest-sdm",
                r#"Waits(waits: ["0s", "3s", "10s", "20s"], attempts: 9)"#,
                &[0.0, 3.0, 10.0, 20.0, 20.0],
            ),
            (
                "esp-mqtt",
                r#"Fixed(wait: "10s", attempts: Unlimited)"#,
                &[10.0, 10.0],
            ),
            (
                "a list, drawn below",
                r#"Waits(waits: ["1s", "5s"], jitter: Full, attempts: 9)"#,
                &[1.0, 5.0, 5.0],
            ),
            (
                "a list, drawn in the upper half",
                r#"Waits(waits: ["1s", "5s"], jitter: Equal, attempts: 9)"#,
                &[1.0, 5.0, 5.0],
            ),
        ];
        let streams = Streams::new(3, 0);
        for (who, text, expected) in rows {
            let policy: RetryPolicy = crate::scenario::text::parse(text).unwrap();
            let retry = retry(text);
            if policy.is_certain() {
                assert_eq!(waits(&retry, expected.len() as u32), *expected, "{who}");
                continue;
            }
            // The longest and shortest of 1000 draws reach the ends but for a
            // hundredth, with a chance of 1 - 4e-5 each; the seed is fixed.
            for (attempt, ceiling) in (1..).zip(*expected) {
                let drawn = (0..1000).map(|entity| {
                    let draws = Draws {
                        streams: &streams,
                        entity,
                    };
                    let wait = retry.wait(draws, 0, attempt, Span::ZERO, Told::default());
                    wait.span.secs_f64() / ceiling
                });
                let (least, most) = drawn.fold((f64::MAX, 0.0), |(least, most), wait| {
                    (f64::min(least, wait), f64::max(most, wait))
                });
                let from = if text.contains("Equal") { 0.5 } else { 0.0 };
                assert!((from..from + 0.01).contains(&least), "{who}: {least}");
                assert!((0.99..1.0).contains(&most), "{who}: {most}");
            }
        }
    }

    #[test]
    fn told_waits_are_read_as_the_policy_says() {
        let draws = Streams::new(1, 0);
        let draws = Draws {
            streams: &draws,
            entity: 0,
        };
        // The policy's own wait is 2 s.
        for (parts, retry_after, reset, seconds) in [
            ("", Some(45), Some(60), 2),
            ("retry_after: Ignore", Some(45), None, 2),
            ("retry_after: AtLeast", Some(45), None, 45),
            ("retry_after: AtLeast", Some(1), None, 2),
            // urllib3, Azure Core: what is told, and else one's own; no wait at
            // all is none told.
            ("retry_after: Instead", Some(45), None, 45),
            ("retry_after: Instead", Some(1), None, 1),
            ("retry_after: Instead", Some(0), None, 2),
            ("retry_after: Instead", None, None, 2),
            ("retry_after: Before", Some(45), None, 47),
            ("retry_after: Before", Some(0), None, 2),
            // pyatmo reads up to 60 s, urllib3 up to 6 h.
            (
                "retry_after: AtLeast, told_at_most: \"60s\"",
                Some(3600),
                None,
                60,
            ),
            (
                "retry_after: Instead, told_at_most: \"6h\"",
                Some(90_000),
                None,
                21_600,
            ),
            (
                "retry_after: Before, told_at_most: \"60s\"",
                Some(3600),
                None,
                62,
            ),
            // AWS clamps it to [t, t + 5 s].
            (
                "retry_after: AtLeast, told_adds_at_most: \"5s\"",
                Some(45),
                None,
                7,
            ),
            (
                "retry_after: AtLeast, told_adds_at_most: \"5s\"",
                Some(4),
                None,
                4,
            ),
            (
                "retry_after: AtLeast, told_adds_at_most: \"5s\"",
                Some(1),
                None,
                2,
            ),
            (
                "retry_after: Instead, told_adds_at_most: \"5s\"",
                Some(1),
                None,
                1,
            ),
            // The reset is read as the header would be.
            ("honour_rate_limit: true", Some(45), Some(60), 60),
            ("honour_rate_limit: true", None, Some(1), 2),
            (
                "retry_after: Instead, honour_rate_limit: true",
                None,
                Some(1),
                1,
            ),
            (
                "retry_after: Instead, honour_rate_limit: true",
                Some(45),
                Some(1),
                45,
            ),
            (
                "retry_after: Before, honour_rate_limit: true",
                None,
                Some(60),
                62,
            ),
            (
                "honour_rate_limit: true, told_at_most: \"30s\"",
                None,
                Some(60),
                30,
            ),
            ("retry_after: Instead", None, Some(60), 2),
        ] {
            let told = Told {
                retry_after: retry_after.map(Span::from_secs),
                reset: reset.map(Span::from_secs),
            };
            let retry = retry(&format!("Fixed(wait: \"2s\", attempts: 4, {parts})"));
            let wait = retry.wait(draws, 0, 1, Span::ZERO, told);
            assert_eq!(wait.span, Span::from_secs(seconds), "{parts} {told:?}");
        }
    }

    #[test]
    fn no_retry_begins_after_the_client_has_given_up() {
        let due = Time::from_secs(100);
        for (parts, last) in [("", u64::MAX / 2), (", give_up_after: \"2min\"", 220)] {
            let retry = retry(&format!("Fixed(wait: \"1s\", attempts: Unlimited{parts})"));
            assert!(!retry.is_too_late(due, due));
            assert!(!retry.is_too_late(due, Time::from_secs(last.min(1 << 30))));
            let late = retry.is_too_late(due, Time::from_secs(221));
            assert_eq!(late, !parts.is_empty());
        }
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
