use super::{BackoffDraws, Budget, BudgetPlan, Chance, Draws, Retry};
use crate::rng::{DistributionError, Sampler, Streams};
use crate::scenario::{RetryBudget, RetryPolicy};
use crate::server::{Response, Told};
use crate::units::{Span, Time};

/// How an attempt fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It is answered so, and told that.
    Answer(Response, Told),
    /// Its client has given up waiting for an answer.
    Timeout,
}

/// The numbers that waits are drawn by.
#[derive(Debug, Clone, Copy)]
pub enum Fractions<'a> {
    /// These in turn, and again from the first, each from 0 to below 1.
    Given(&'a [f64]),
    /// Those of the first request of a sender in replication 0 of a seed.
    Seeded(u64),
}

/// A retry of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retried {
    /// Which of the failures came before it.
    pub failure: Failure,
    /// How long the client waits before it.
    pub wait: Span,
    /// How long after the first attempt it begins, if no attempt takes time.
    pub at: Span,
}

/// Why a request is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalkEnd {
    /// It has had its attempts.
    Attempts,
    /// The failure is none that is retried.
    NotRetried(Failure),
    /// The next retry would begin that long after the first attempt, when its
    /// client has given up.
    GaveUp(Span),
    /// The budget that it shares does not allow for it.
    Budget,
    /// It would be, but no more is asked for.
    GoesOn,
}

/// The retries of one request whose attempts fail in the given ways in turn, the
/// last of them again and again; at most so many.
///
/// Of a gamma distribution, of which a time takes several numbers, it is always
/// the seeded ones.
///
/// # Errors
/// If a distribution is not sound.
pub fn walk(
    policy: &RetryPolicy,
    failures: &[Failure],
    fractions: Fractions<'_>,
    most: usize,
) -> Result<(Vec<Retried>, WalkEnd), DistributionError> {
    let streams = match fractions {
        Fractions::Seeded(seed) => Streams::new(seed, 0),
        Fractions::Given(_) => Streams::new(0, 0),
    };
    let (mut previous, mut at) = (Span::ZERO, Span::ZERO);
    let mut budget = policy.budget.as_ref().map(budget_of_one);
    let mut retries = Vec::new();
    for attempt in 1.. {
        let place = (attempt as usize - 1).min(failures.len().saturating_sub(1));
        let Some(failure) = failures.get(place).copied() else {
            break;
        };
        // The policy as it is compiled for a server that answers so.
        let (answers, told) = match failure {
            Failure::Answer(response, told) => (vec![response], told),
            Failure::Timeout => (Vec::new(), Told::default()),
        };
        let retry = Retry::new(policy, &answers)?;
        let rule = match failure {
            Failure::Answer(..) => retry.for_refusal(0),
            Failure::Timeout => retry.for_timeout(),
        };
        let Some(rule) = rule else {
            let end = match policy.is_none() {
                true => WalkEnd::Attempts,
                false => WalkEnd::NotRetried(failure),
            };
            return Ok((retries, end));
        };
        if !rule.goes_on_after(attempt) {
            return Ok((retries, WalkEnd::Attempts));
        }
        if retries.len() >= most {
            break;
        }
        let chance = WalkChance {
            fractions,
            attempt,
            draws: BackoffDraws {
                draws: Draws {
                    streams: &streams,
                    entity: 0,
                },
                number: 0,
                attempt,
            },
        };
        let wait = rule.wait(&chance, attempt, previous, told);
        previous = wait.previous;
        let then = at + wait.span;
        if rule.is_too_late(Time::EPOCH, Time::EPOCH + then) {
            return Ok((retries, WalkEnd::GaveUp(then)));
        }
        if let Some(budget) = &mut budget {
            let (now, is_retry) = (Time::EPOCH + at, attempt > 1);
            if !budget.fails(0, now, is_retry, true, Some(rule.cost())) {
                return Ok((retries, WalkEnd::Budget));
            }
        }
        at = then;
        retries.push(Retried {
            failure,
            wait: wait.span,
            at,
        });
    }
    Ok((retries, WalkEnd::GoesOn))
}

/// The budget of one request alone, when it has begun.
fn budget_of_one(rule: &RetryBudget) -> Budget {
    let rule = rule.clone();
    let mut budget = BudgetPlan { rule, keys: 1 }.build();
    budget.begins(0, Time::EPOCH);
    budget
}

struct WalkChance<'a> {
    fractions: Fractions<'a>,
    attempt: u32,
    draws: BackoffDraws<'a>,
}

impl WalkChance<'_> {
    fn given(&self) -> Option<f64> {
        match self.fractions {
            Fractions::Given(list) if !list.is_empty() => {
                list.get((self.attempt as usize - 1) % list.len()).copied()
            }
            _ => None,
        }
    }
}

impl Chance for WalkChance<'_> {
    fn uniform(&self) -> f64 {
        self.given().unwrap_or_else(|| self.draws.uniform())
    }

    fn time(&self, sampler: &Sampler) -> Span {
        let given = self.given().and_then(|fraction| sampler.quantile(fraction));
        given.unwrap_or_else(|| self.draws.time(sampler))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::RetryPreset;
    use crate::scenario::text::parse;

    fn answer(status: u16, code: Option<u32>, after: Option<u64>) -> Failure {
        let response = Response {
            status,
            code,
            ..Response::default()
        };
        let told = Told {
            retry_after: after.map(Span::from_secs),
            reset: None,
        };
        Failure::Answer(response, told)
    }

    fn delays(
        policy: &RetryPolicy,
        failures: &[Failure],
        fractions: &[f64],
    ) -> (Vec<f64>, WalkEnd) {
        let (retries, end) = walk(policy, failures, Fractions::Given(fractions), 9).unwrap();
        let waits = retries.iter().map(|retry| retry.wait.secs_f64());
        (waits.collect(), end)
    }

    /// Known answers of every preset: the waits by its formula (reference:
    /// retries, section 1), worked out by hand for these draws.
    #[test]
    fn presets_wait_as_their_libraries_do() {
        let half = &[0.5][..];
        let mixed = &[0.25, 0.5, 0.75, 0.0][..];
        let refused = || answer(429, None, None);
        let failed = || answer(503, None, None);
        type Row<'a> = (&'a str, Failure, &'a [f64], &'a [f64], bool);
        let rows: &[Row<'_>] = &[
            ("none", refused(), half, &[], true),
            ("aws-standard", refused(), mixed, &[0.25, 1.0], true),
            ("aws-standard", failed(), mixed, &[0.0125, 0.05], true),
            ("aws-standard", Failure::Timeout, half, &[0.025, 0.05], true),
            ("aws-standard-2.0", failed(), mixed, &[0.25, 1.0], true),
            ("aws-dynamodb", failed(), half, &[0.0125, 0.025, 0.05], true),
            ("aws-legacy", refused(), half, &[0.5, 1.0, 2.0, 4.0], true),
            (
                "google-api-core",
                refused(),
                half,
                &[0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0],
                false,
            ),
            (
                "grpc",
                failed(),
                &[0.0, 0.5, 0.75, 0.25],
                &[0.8, 2.0, 4.4, 7.2],
                true,
            ),
            ("azure-python", refused(), half, &[0.0, 1.6, 3.2], true),
            (
                "azure-python",
                Failure::Timeout,
                half,
                &[0.0, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 120.0],
                false,
            ),
            (
                "azure-dotnet",
                refused(),
                &[0.0, 0.5, 0.75],
                &[0.64, 1.6, 3.52],
                true,
            ),
            ("envoy", failed(), half, &[0.0125], true),
            ("polly", failed(), half, &[2.0, 2.0, 2.0], true),
            // 2 (f(t) - f before) / 1.4 with t = 0.5, 1.5, 2.5, by another program.
            (
                "polly-exponential",
                failed(),
                half,
                &[1.794_809_871, 2.186_007_095, 4.071_495_925],
                true,
            ),
            ("resilience4j", refused(), half, &[0.5, 0.5], true),
            (
                "resilience4j-exponential",
                refused(),
                half,
                &[0.5, 0.75],
                true,
            ),
            (
                "resilience4j-random",
                refused(),
                &[0.0, 0.75],
                &[0.25, 0.9375],
                true,
            ),
            (
                "tenacity-exponential",
                refused(),
                half,
                &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0],
                false,
            ),
            (
                "tenacity-random-exponential",
                refused(),
                mixed,
                &[0.25, 1.0, 3.0, 0.0, 4.0, 16.0, 48.0, 0.0, 64.0],
                false,
            ),
            (
                "tenacity-exponential-jitter",
                refused(),
                mixed,
                &[1.25, 2.5, 4.75, 8.0, 16.25, 32.5, 64.75, 128.0, 256.25],
                false,
            ),
            (
                "urllib3",
                refused(),
                half,
                &[0.0, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2],
                false,
            ),
            ("okhttp", answer(408, None, None), half, &[0.0], true),
            ("okhttp", refused(), half, &[], false),
            ("aiohttp-retry", failed(), half, &[0.2, 0.4], true),
            ("aiohttp-retry", refused(), half, &[], false),
            (
                "backoff-expo",
                refused(),
                half,
                &[0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0],
                false,
            ),
            (
                "backoff-fibo",
                refused(),
                half,
                &[0.5, 0.5, 1.0, 1.5, 2.5, 4.0, 6.5, 10.5, 17.0],
                false,
            ),
            (
                "ha-entry-not-ready",
                refused(),
                &[0.0],
                &[5.05, 10.05, 20.05, 40.05, 80.05, 80.05, 80.05, 80.05, 80.05],
                false,
            ),
            (
                "ha-platform-not-ready",
                refused(),
                half,
                &[30.0, 60.0, 90.0, 120.0, 150.0, 180.0, 180.0, 180.0, 180.0],
                false,
            ),
            (
                "pyatmo",
                answer(403, Some(11), None),
                mixed,
                &[1.25, 2.5, 4.75],
                true,
            ),
            ("pyatmo", answer(403, Some(26), None), mixed, &[], false),
            (
                "amitfin-retry",
                refused(),
                half,
                &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
                true,
            ),
            (
                "nest-sdm",
                refused(),
                half,
                &[0.0, 3.0, 10.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0],
                false,
            ),
            ("esp-mqtt", refused(), half, &[10.0; 9], false),
        ];
        for (name, failure, fractions, expected, ends) in rows {
            let policy = RetryPreset::find(name).unwrap();
            let (waits, end) = delays(policy, &[*failure], fractions);
            assert_eq!(waits.len(), expected.len(), "{name}: {waits:?}");
            for (wait, expected) in waits.iter().zip(*expected) {
                assert!((wait - expected).abs() < 2e-9, "{name}: {waits:?}");
            }
            assert_eq!(end == WalkEnd::Attempts, *ends, "{name}: {end:?}");
        }
        let told = |policy: &str, failures: &[Failure]| {
            delays(RetryPreset::find(policy).unwrap(), failures, half).0
        };
        let after = |seconds| answer(429, Some(11), Some(seconds));
        // Clamped to [own, own + 5 s], in place of one's own, and up to a minute.
        assert_eq!(told("aws-standard", &[after(3), after(60)]), [3.0, 6.0]);
        assert_eq!(
            told("azure-python", &[after(3), refused()]),
            [3.0, 1.6, 3.2]
        );
        assert_eq!(told("pyatmo", &[after(30), after(600)]), [30.0, 60.0, 60.0]);
    }

    #[test]
    fn the_kind_of_failure_chooses_the_wait() {
        let policy: RetryPolicy = parse(
            r#"Fixed(wait: "10s", attempts: 3, on: [Status(429)], or: Fixed(wait: "1s", attempts: 5, on: [Timeout]))"#,
        )
        .unwrap();
        let refused = answer(429, None, None);
        let failures = [Failure::Timeout, refused, Failure::Timeout];
        let (waits, end) = delays(&policy, &failures, &[]);
        assert_eq!((waits, end), (vec![1.0, 10.0, 1.0, 1.0], WalkEnd::Attempts));
        // The third failure of all is the last that a 429 may be.
        let failures = [Failure::Timeout, Failure::Timeout, refused];
        let (waits, end) = delays(&policy, &failures, &[]);
        assert_eq!((waits, end), (vec![1.0, 1.0], WalkEnd::Attempts));
        let other = answer(500, None, None);
        let (waits, end) = delays(&policy, &[refused, other], &[]);
        assert_eq!((waits, end), (vec![10.0], WalkEnd::NotRetried(other)));
    }

    #[test]
    fn a_client_that_gives_up_makes_no_later_retry() {
        let text = r#"Linear(base: "10s", step: "5s", at_most: "18s", attempts: Unlimited, give_up_after: "60s")"#;
        let policy: RetryPolicy = parse(text).unwrap();
        let (waits, end) = delays(&policy, &[Failure::Timeout], &[]);
        let end_at = WalkEnd::GaveUp(Span::from_secs(61));
        assert_eq!((waits, end), (vec![10.0, 15.0, 18.0], end_at));
    }

    #[test]
    fn without_numbers_it_is_what_a_sender_would_draw() {
        let policy: RetryPolicy = parse(r#"Exponential(base: "1s", attempts: 4)"#).unwrap();
        let of = |seed| walk(&policy, &[Failure::Timeout], Fractions::Seeded(seed), 9).unwrap();
        let retry = Retry::new(&policy, &[]).unwrap();
        let streams = Streams::new(1, 0);
        let draws = Draws {
            streams: &streams,
            entity: 0,
        };
        let drawn = (1..4).map(|attempt| {
            let chance = BackoffDraws {
                draws,
                number: 0,
                attempt,
            };
            let rule = retry.for_timeout().unwrap();
            let told = Told::default();
            rule.wait(&chance, attempt, Span::ZERO, told).span
        });
        let walked = of(1).0.into_iter().map(|retry| retry.wait);
        assert!(walked.eq(drawn));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert_eq!(of(1).0.len(), 3);
    }
}
