//! Token bucket: tokens drip in at a steady rate, up to a burst, and each
//! attempt takes as many as it costs.
//!
//! *Definition* (after J. S. Turner, "New directions in communications", IEEE
//! Communications Magazine 24(10), 1986). With rate `r` and burst `B` the level
//! is `min(B, level + r dt)`, starts full, and an attempt of cost `c` is
//! admitted if the level is at least `c`.
//!
//! *Exactness.* The state is not the level but the moment at which the bucket
//! will be full, in nanoseconds and a remainder counted in parts of one
//! nanosecond: with `r = events / per` in lowest terms a token takes `per`
//! parts of `1 / events` nanoseconds. There is no rounding at any rate and
//! hence no drift, and a wait is the least whole nanosecond that suffices.
//!
//! *Edges.* At most the burst at once, and at most `B + r t` within any time
//! `t`: there is no window whose edge could be used.
//!
//! *Which products.* `golang.org/x/time/rate` (in floating point there), AWS
//! API Gateway, Envoy's local limit, and with whole intervals all that use a
//! [GCRA](super::Gcra).
//!
//! *Refused attempts*, where they count, take what is left of the bucket: it
//! is empty afterwards, never below that. A key whose traffic stays above the
//! refill rate is locked out for as long as it goes on, and an attempt after a
//! silence of one token's time is admitted. The wait told is that of an empty
//! bucket.
//!
//! *Refunds* give tokens back, though never beyond a full bucket. They are
//! exact unless the bucket has been full since the spend: then the tokens would
//! have been lost, yet they are given.
//!
//! 16 bytes per key. A [`Bank`](super::Bank) stores the 8 bytes of a GCRA
//! instead where a token takes a whole number of nanoseconds. A decision of
//! cost 1 does not divide.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Refused, Standing};
use super::error::RuleError;
use super::exact::Exact;
use super::gcra::Gcra;
use super::profile::Profile;
use super::quota::KeySize;
use crate::units::{Rate, Time};

/// Tokens at an exact rate, up to a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenBucket {
    rate: Rate,
    /// The time that one token takes.
    token: Exact,
    /// The time from empty to full.
    capacity: Exact,
    burst: u64,
    refused: Refused,
}

/// When the bucket of one key is full again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BucketState {
    full_at: Exact,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "TokenBucket", deny_unknown_fields)]
pub struct Params {
    /// The refill.
    pub rate: Rate,
    /// The capacity.
    pub burst: u64,
    /// Whether refused attempts count.
    #[serde(default)]
    pub refused: Refused,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, _: KeySize) -> Result<TokenBucket, RuleError> {
        TokenBucket::new(self.rate, self.burst, self.refused)
    }

    /// What is known of it.
    pub(super) fn profile(&self, _: KeySize) -> Profile<'_> {
        Profile::bucket(self.rate, self.burst)
    }
}

impl TokenBucket {
    /// `rate` tokens, at most `burst` of them.
    ///
    /// # Errors
    /// If `burst` is zero, or the bucket would take more than 584 years to
    /// fill.
    pub fn new(rate: Rate, burst: u64, refused: Refused) -> Result<TokenBucket, RuleError> {
        if burst == 0 {
            return Err(RuleError::ZeroBurst);
        }
        Ok(TokenBucket {
            rate,
            token: Exact::of_tokens(rate, 1).ok_or(RuleError::FillTooLong { burst })?,
            capacity: Exact::of_tokens(rate, burst).ok_or(RuleError::FillTooLong { burst })?,
            burst,
            refused,
        })
    }

    /// The GCRA that decides alike, if a token takes a whole number of
    /// nanoseconds.
    pub fn as_gcra(&self) -> Option<Gcra> {
        if self.rate.events() != 1 {
            return None;
        }
        Gcra::new(self.rate.per(), self.burst, self.refused).ok()
    }

    /// The same rule if refused attempts were free.
    pub(super) const fn forgiving(self) -> TokenBucket {
        TokenBucket {
            refused: Refused::Free,
            ..self
        }
    }

    /// Judges an attempt, and takes its cost if it is admitted, or what is left
    /// if it is refused and that counts.
    #[inline]
    pub fn decide(&self, state: &mut BucketState, now: Time, cost: u64) -> Decision {
        let never = Decision::Refuse { retry_after: None };
        if cost == 0 {
            return Decision::Admit;
        }
        if cost > self.burst {
            self.charge_refused(state, now);
            return never;
        }
        let need = match cost {
            1 => self.token,
            // Not more than the capacity, so it is in range.
            _ => Exact::of_tokens(self.rate, cost).unwrap_or(self.capacity),
        };
        let events = self.rate.events();
        let room = self.capacity.minus(need, events);
        let missing = state.full_at.from(now);
        if missing.key() <= room.key() {
            let start = state.full_at.max(Exact::whole(now.nanos()));
            let Some(full_at) = start.plus(need, events) else {
                return never;
            };
            state.full_at = full_at;
            return Decision::Admit;
        }
        self.charge_refused(state, now);
        let wait = state.full_at.from(now).minus(room, events);
        Decision::Refuse {
            retry_after: Some(wait.round_up()),
        }
    }

    fn charge_refused(&self, state: &mut BucketState, now: Time) {
        if self.refused == Refused::Counted {
            let emptied = Exact::whole(now.nanos()).plus(self.capacity, self.rate.events());
            state.full_at = state.full_at.max(emptied.unwrap_or(Exact::whole(u64::MAX)));
        }
    }

    /// Gives back what an admitted attempt took.
    pub fn refund(&self, state: &mut BucketState, _spent: Time, cost: u64) {
        let given = Exact::of_tokens(self.rate, cost).unwrap_or(self.capacity);
        state.full_at = match given <= state.full_at {
            true => state.full_at.minus(given, self.rate.events()),
            false => Exact::default(),
        };
    }

    /// The whole tokens in the bucket, and how long until it is full.
    pub fn inspect(&self, state: &BucketState, now: Time) -> Standing {
        let missing = state.full_at.from(now);
        let events = self.rate.events();
        let remaining = match missing < self.capacity {
            true => self.capacity.minus(missing, events).tokens(self.rate),
            false => 0,
        };
        Standing::of(self.burst, remaining, missing.round_up())
    }
}

#[cfg(test)]
mod tests {
    use super::super::GcraState;
    use super::*;
    use crate::units::Span;
    use proptest::prelude::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn the_sequence_of_golang_x_time_rate() {
        // rate_test.go: 10 per second, burst 1; time in units of 100 ms, tokens
        // before, cost, whether admitted.
        let rule = TokenBucket::new(rate("10/s"), 1, Refused::Free).unwrap();
        let mut state = BucketState::default();
        for (at, before, cost, admitted) in [
            (0, 1, 1, true),
            (0, 0, 1, false),
            (0, 0, 1, false),
            (1, 1, 1, true),
            (1, 0, 1, false),
            (1, 0, 1, false),
            (2, 1, 2, false),
            (2, 1, 1, true),
            (2, 0, 1, false),
        ] {
            let now = Time::from_millis(100 * at);
            assert_eq!(rule.inspect(&state, now).left(), before);
            assert_eq!(rule.decide(&mut state, now, cost).is_admit(), admitted);
        }
    }

    #[test]
    fn thirds_of_a_second_do_not_drift() {
        // A client that comes as told, at a bucket that is never full again:
        // three thousand waits of a third of a second are a thousand seconds.
        let rule = TokenBucket::new(rate("3/s"), 2, Refused::Free).unwrap();
        assert_eq!(rule.as_gcra(), None);
        let (mut state, mut now) = (BucketState::default(), Time::EPOCH);
        let _ = rule.decide(&mut state, now, 2);
        for _ in 0..3000 {
            let Decision::Refuse { retry_after } = rule.decide(&mut state, now, 1) else {
                panic!("admitted too early, at {now:?}");
            };
            now = now + retry_after.unwrap();
            assert!(rule.decide(&mut state, now, 1).is_admit());
        }
        assert_eq!(now, Time::from_secs(1000));
        let mut state = BucketState::default();
        let steady = TokenBucket::new(rate("3/s"), 3, Refused::Free).unwrap();
        for second in 0..1000 {
            let now = Time::from_secs(second);
            assert!(steady.decide(&mut state, now, 3).is_admit());
            assert_eq!(steady.inspect(&state, now).reset(), Span::from_secs(1));
        }
    }

    #[test]
    fn parameters_that_make_no_limiter() {
        let new = |rate, burst| TokenBucket::new(rate, burst, Refused::Free);
        assert_eq!(new(rate("1/s"), 0), Err(RuleError::ZeroBurst));
        let slow = rate("1/30d");
        assert_eq!(
            new(slow, 10_000),
            Err(RuleError::FillTooLong { burst: 10_000 })
        );
        let fastest = Rate::new(u64::MAX, Span::from_nanos(1)).unwrap();
        assert!(new(fastest, u64::MAX).is_ok());
    }

    proptest! {
        #[test]
        fn decisions_are_those_of_an_exact_level(
            events in 1_u64..50, per in 1_u64..200, burst in 1_u64..6, counted: bool,
            steps in prop::collection::vec((0_u64..40, 1_u64..8, any::<bool>()), 1..80),
        ) {
            let rate = Rate::new(events, Span::from_nanos(per)).unwrap();
            let refused = if counted { Refused::Counted } else { Refused::Free };
            let rule = TokenBucket::new(rate, burst, refused).unwrap();
            let mut state = BucketState::default();
            // The level in units of 1/per tokens.
            let (mut level, mut now) = (burst * per, 0);
            for (step, cost, wait) in steps {
                now += step;
                level = (level + step * events).min(burst * per);
                let admitted = level >= cost * per;
                prop_assert_eq!(rule.inspect(&state, Time::from_nanos(now)).left(), level / per);
                match rule.decide(&mut state, Time::from_nanos(now), cost) {
                    Decision::Admit => {
                        prop_assert!(admitted);
                        level -= cost * per;
                    }
                    Decision::Delay(_) => prop_assert!(false, "nothing is queued here"),
                    Decision::Refuse { retry_after } => {
                        prop_assert!(!admitted);
                        if counted {
                            level = 0;
                        }
                        let expected = (cost * per - level.min(cost * per)).div_ceil(events);
                        let expected = (cost <= burst).then_some(Span::from_nanos(expected));
                        prop_assert_eq!(retry_after, expected);
                        if let Some(span) = retry_after && wait {
                            now += span.nanos();
                            level = (level + span.nanos() * events).min(burst * per);
                        }
                    }
                }
            }
        }

        #[test]
        fn a_gcra_with_the_same_whole_interval_decides_alike(
            interval in 1_u64..50, burst in 1_u64..6, counted: bool,
            steps in prop::collection::vec((0_u64..40, 0_u64..8, any::<bool>()), 1..80),
        ) {
            let rate = Rate::new(1, Span::from_nanos(interval)).unwrap();
            let refused = if counted { Refused::Counted } else { Refused::Free };
            let bucket = TokenBucket::new(rate, burst, refused).unwrap();
            let gcra = bucket.as_gcra().unwrap();
            let (mut b, mut g, mut now) = (BucketState::default(), GcraState::default(), Time::EPOCH);
            for (step, cost, refund) in steps {
                now = now + Span::from_nanos(step);
                let decision = bucket.decide(&mut b, now, cost);
                prop_assert_eq!(decision, gcra.decide(&mut g, now, cost));
                if refund {
                    bucket.refund(&mut b, now, cost);
                    gcra.refund(&mut g, now, cost);
                }
                prop_assert_eq!(bucket.inspect(&b, now), gcra.inspect(&g, now));
            }
        }
    }
}
