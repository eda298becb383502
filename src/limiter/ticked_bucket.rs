//! Ticked bucket: tokens arrive in lumps, at the ticks of a timer.
//!
//! *Definition.* At every tick `tokens` are added, up to the burst. The bucket
//! starts full; an attempt is admitted if there are as many tokens as it costs.
//!
//! *Where ticks lie.* [`Anchor::Epoch`]: at whole multiples of `every` since the
//! Unix epoch, as a process-wide timer or a cron job has it.
//! [`Anchor::FirstRequest`]: at whole multiples since the key's first admitted
//! attempt, as a timer that is made with the key; it then runs on for good.
//!
//! *Queue.* An attempt that finds too few tokens may wait for the ticks that bring
//! them, first come, first served, so that the wait is known on arrival. At most
//! `queue` tokens may be owed. With costs above one, .NET counts all that is asked
//! for by those who wait, not what they lack.
//!
//! *Which products.* .NET's `TokenBucketRateLimiter` and, with `tokens` equal to
//! the burst, its `FixedWindowRateLimiter`, whose timers run from their making; Envoy's local rate limit while it was filled by a timer
//! (`max_tokens`, `tokens_per_fill`, `fill_interval`), and many home-made ones.
//! With `tokens` equal to the burst it is a fixed window.
//!
//! *Edges.* The burst just before a tick and the lump just after it: within any
//! time `t` at most `burst + queue + tokens * (1 + floor(t / every))`. With ticks from
//! the epoch all keys are filled at once.
//!
//! *Refused attempts* are free. *Refunds* give tokens back, never beyond a full
//! bucket, and are exact unless it has been full since the spend.
//!
//! 16 bytes per key. A decision divides only once a tick has passed.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Standing, ends_in_time};
use super::error::RuleError;
use super::fixed_window::Anchor;
use super::profile::Profile;
use super::quota::KeySize;
use crate::units::{Span, Time};

/// Tokens in lumps, up to a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickedBucket {
    tokens: u64,
    every: u64,
    burst: u64,
    queue: u64,
    anchor: Anchor,
}

/// The bucket of one key; all zero before its first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TickedState {
    /// A tick whose tokens have come, or where the ticks begin.
    tick: u64,
    /// How many tokens are missing; those beyond the burst are owed.
    used: u64,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "TickedBucket", deny_unknown_fields)]
pub struct Params {
    /// Tokens per tick.
    pub tokens: u64,
    /// The time between two ticks.
    pub every: Span,
    /// The capacity.
    pub burst: u64,
    /// The most tokens that those who wait may owe.
    #[serde(default)]
    pub queue: u64,
    /// What the ticks are counted from.
    #[serde(default)]
    pub anchored: Anchor,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, _: KeySize) -> Result<TickedBucket, RuleError> {
        TickedBucket::new(
            self.tokens,
            self.every,
            self.burst,
            self.queue,
            self.anchored,
        )
    }

    /// What is known of it.
    pub(super) fn profile(&self, _: KeySize) -> Profile<'_> {
        Profile {
            queue: self.queue as f64,
            wave: Some(self.every),
            longest_wait: self.every,
            ..Profile::at_once(self.tokens as f64 / self.every.secs_f64(), self.burst)
        }
    }
}

impl TickedBucket {
    /// `tokens` more `every` so often, at most `burst`, for which attempts wait
    /// while at most `queue` are owed.
    ///
    /// # Errors
    /// If `tokens`, `every` or `burst` is zero, or burst and queue are more than
    /// 64 bits hold.
    pub fn new(
        tokens: u64,
        every: Span,
        burst: u64,
        queue: u64,
        anchor: Anchor,
    ) -> Result<TickedBucket, RuleError> {
        if tokens == 0 {
            return Err(RuleError::ZeroTokens);
        }
        if burst == 0 {
            return Err(RuleError::ZeroBurst);
        }
        if every.is_zero() {
            return Err(RuleError::ZeroInterval);
        }
        if queue > u64::MAX - burst {
            return Err(RuleError::TooLarge {
                what: "queue",
                value: queue,
                most: u64::MAX - burst,
            });
        }
        Ok(TickedBucket {
            tokens,
            every: every.nanos(),
            burst,
            queue,
            anchor,
        })
    }

    /// Judges an attempt, and takes its cost if it is admitted.
    #[inline]
    pub fn decide(&self, state: &mut TickedState, now: Time, cost: u64) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        if cost > self.burst {
            return Decision::Refuse { retry_after: None };
        }
        *state = self.filled(state, now);
        let room = self.burst + self.queue - state.used;
        if cost <= room {
            let used = state.used + cost;
            let wait = match used.saturating_sub(self.burst) {
                0 => Span::ZERO,
                owed => self.until(state, owed, now),
            };
            if !wait.is_zero() && !ends_in_time(now, wait) {
                return Decision::Refuse { retry_after: None };
            }
            state.used = used;
            return match wait {
                Span::ZERO => Decision::Admit,
                wait => Decision::Delay(wait),
            };
        }
        Decision::Refuse {
            retry_after: Some(self.until(state, cost - room, now)),
        }
    }

    /// The bucket with all tokens that have come until `now`.
    #[inline]
    fn filled(&self, state: &TickedState, now: Time) -> TickedState {
        let now = now.nanos();
        if self.anchor == Anchor::FirstRequest && *state == TickedState::default() {
            return TickedState { tick: now, used: 0 };
        }
        let passed = now.saturating_sub(state.tick);
        if passed < self.every {
            return *state;
        }
        let ticks = passed / self.every;
        TickedState {
            tick: state.tick + ticks * self.every,
            used: state.used.saturating_sub(ticks.saturating_mul(self.tokens)),
        }
    }

    /// From `now` to the tick at which so many more tokens will have come.
    fn until(&self, state: &TickedState, lacking: u64, now: Time) -> Span {
        let ticks = lacking.div_ceil(self.tokens);
        let moment = state.tick.saturating_add(ticks.saturating_mul(self.every));
        Time::from_nanos(moment).since(now)
    }

    /// Gives back what an admitted attempt took, whenever that was.
    pub fn refund(&self, state: &mut TickedState, _spent: Time, cost: u64) {
        state.used = state.used.saturating_sub(cost);
    }

    /// What would be admitted now, at once or after a wait, and how long until
    /// the bucket is full.
    pub fn inspect(&self, state: &TickedState, now: Time) -> Standing {
        let state = self.filled(state, now);
        Standing::of(
            self.burst,
            self.burst.min(self.burst + self.queue - state.used),
            match state.used {
                0 => Span::ZERO,
                used => self.until(&state, used, now),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{assert_exact_wait, extremes};
    use super::*;
    use proptest::prelude::*;

    fn run(anchor: Anchor, attempts: &[(u64, u64)]) -> String {
        let rule = TickedBucket::new(2, Span::from_secs(1), 5, 0, anchor).unwrap();
        let mut state = TickedState::default();
        let mut judge = |&(at, cost)| rule.decide(&mut state, Time::from_millis(at), cost);
        let spell = |decision: Decision| if decision.is_admit() { 'A' } else { 'D' };
        attempts
            .iter()
            .map(|attempt| spell(judge(attempt)))
            .collect()
    }

    #[test]
    fn tokens_come_in_lumps() {
        let attempts = [
            (10_300, 5),
            (10_999, 1),
            (11_000, 2),
            (11_299, 1),
            (11_300, 2),
            (12_300, 1),
        ];
        assert_eq!(run(Anchor::Epoch, &attempts), "ADADDA");
        assert_eq!(run(Anchor::FirstRequest, &attempts), "ADDDAA");
        // The ticks go on while the bucket is full.
        let idle = [(300, 1), (50_200, 5), (50_299, 1), (50_300, 2), (50_300, 1)];
        assert_eq!(run(Anchor::FirstRequest, &idle), "AADAD");
        assert_eq!(run(Anchor::Epoch, &[(0, 6), (0, 5)]), "DA");
    }

    #[test]
    fn parameters_and_extremes() {
        let new = |tokens, every, burst| TickedBucket::new(tokens, every, burst, 0, Anchor::Epoch);
        let second = Span::from_secs(1);
        assert_eq!(new(0, second, 1), Err(RuleError::ZeroTokens));
        assert_eq!(new(1, Span::ZERO, 1), Err(RuleError::ZeroInterval));
        assert_eq!(new(1, second, 0), Err(RuleError::ZeroBurst));
        for anchor in [Anchor::Epoch, Anchor::FirstRequest] {
            for (tokens, every, burst) in
                [(1, 1, 1), (1, u64::MAX, u64::MAX), (u64::MAX, 1, u64::MAX)]
            {
                let rule =
                    TickedBucket::new(tokens, Span::from_nanos(every), burst, 0, anchor).unwrap();
                let mut state = TickedState::default();
                for (now, cost) in extremes() {
                    let _ = rule.decide(&mut state, now, cost);
                    assert!(rule.inspect(&state, now).left() <= burst);
                    rule.refund(&mut state, now, cost / 2);
                }
            }
        }
    }

    #[test]
    fn those_who_wait_are_served_at_the_ticks() {
        // .NET's token bucket: a limit of 2, 1 token per second, a queue of 2.
        let rule = TickedBucket::new(1, Span::from_secs(1), 2, 2, Anchor::FirstRequest).unwrap();
        let (mut state, now) = (TickedState::default(), Time::from_millis(10_500));
        let mut ask = |now, cost| rule.decide(&mut state, now, cost);
        let wait = |seconds| Decision::Delay(Span::from_secs(seconds));
        assert_eq!(ask(now, 2), Decision::Admit);
        assert_eq!(ask(now, 1), wait(1));
        assert_eq!(ask(now, 1), wait(2));
        let retry_after = Some(Span::from_secs(1));
        assert_eq!(ask(now, 1), Decision::Refuse { retry_after });
        assert_eq!(ask(now + Span::from_secs(1), 1), wait(2));
        assert_eq!(ask(now, 3), Decision::Refuse { retry_after: None });
        let second = Span::from_secs(1);
        assert!(TickedBucket::new(1, second, 2, u64::MAX, Anchor::Epoch).is_err());
    }

    proptest! {
        #[test]
        fn decisions_are_those_of_a_timer(
            tokens in 1_u64..4, every in 1_u64..40, burst in 1_u64..8, anchored: bool,
            steps in prop::collection::vec((0_u64..60, 0_u64..10), 1..60),
        ) {
            let anchor = if anchored { Anchor::FirstRequest } else { Anchor::Epoch };
            let rule = TickedBucket::new(tokens, Span::from_nanos(every), burst, 0, anchor).unwrap();
            let (mut state, mut now, mut level) = (TickedState::default(), 1000, burst);
            let mut origin = if anchored { None } else { Some(0) };
            let mut admissions: Vec<(u64, u64)> = Vec::new();
            for (step, cost) in steps {
                for _ in 0..step {
                    now += 1;
                    if origin.is_some_and(|origin| (now - origin) % every == 0) {
                        level = (level + tokens).min(burst);
                    }
                }
                let moment = Time::from_nanos(now);
                prop_assert_eq!(rule.inspect(&state, moment).left(), level);
                let decision = rule.decide(&mut state, moment, cost);
                prop_assert_eq!(decision.is_admit(), cost <= level);
                if let Decision::Refuse { retry_after } = decision {
                    let judge = |state: &mut _, at| rule.decide(state, at, cost);
                    assert_exact_wait(&state, moment, retry_after, judge);
                } else if cost > 0 {
                    level -= cost;
                    origin.get_or_insert(now);
                    admissions.push((now, cost));
                }
            }
            for &(from, _) in &admissions {
                let since = admissions.iter().filter(|&&(at, _)| at >= from);
                let count: u64 = since.map(|&(_, cost)| cost).sum();
                prop_assert!(count <= burst + tokens * (1 + (now - from) / every));
            }
        }
    }
}
