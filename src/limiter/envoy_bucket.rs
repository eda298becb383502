//! Envoy's token bucket, which does not notice time while it is full.
//!
//! *Definition* (`TokenBucketImpl`). A level and the time of the last fill. An
//! attempt on a bucket that is not full first adds what has come since the last
//! fill, up to the burst, and sets that time to now. On a full bucket it adds
//! nothing and *leaves the time as it was*. Then it is admitted if the level is
//! at least its cost. Refused attempts fill as well.
//!
//! *The quirk.* An attempt that finds the bucket full leaves the time of the last
//! fill in the past, and the next one is given all that came since: it finds the
//! bucket full again. A bucket of 3 that was made long before its first use lets
//! four attempts of cost 1 pass at once, and one that is emptied by a single
//! attempt of cost 3 another 3. So the cost of the first attempt comes on top of
//! the `burst + r t` of a plain [`TokenBucket`](super::TokenBucket). As an
//! admitted attempt leaves no bucket full, this happens at its first use, and
//! again only after a refused attempt of more than the burst, or a refund, has
//! left it full.
//!
//! *When it begins.* The time of the last fill of a bucket never used is that of
//! its making: with [`Anchor::Epoch`] long ago, as of a bucket made when the
//! proxy started; with [`Anchor::FirstRequest`] that of the first attempt.
//!
//! *Rates* below one token per 365 days are raised to that, as Envoy does.
//! Arithmetic is exact here and in floating point there.
//!
//! *Which products.* Envoy's retry and fault limits, and others built on
//! `TokenBucketImpl`.
//!
//! *Refunds* give tokens back, never beyond a full bucket, and are exact unless
//! it has been full since the spend.
//!
//! 24 bytes per key.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Standing};
use super::error::RuleError;
use super::exact::Exact;
use super::fixed_window::Anchor;
use super::profile::Profile;
use super::quota::KeySize;
use crate::units::{Rate, Span, Time};

/// Envoy's bucket of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvoyBucket {
    rate: Rate,
    /// The time from empty to full.
    capacity: Exact,
    burst: u64,
    anchor: Anchor,
}

/// The bucket of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EnvoyState {
    /// The time from the last fill until the bucket is full.
    missing: Exact,
    last_fill: u64,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "EnvoyBucket", deny_unknown_fields)]
pub struct Params {
    /// The refill.
    pub rate: Rate,
    /// The capacity.
    pub burst: u64,
    /// Since when there has been the bucket.
    #[serde(default)]
    pub anchored: Anchor,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, _: KeySize) -> Result<EnvoyBucket, RuleError> {
        EnvoyBucket::new(self.rate, self.burst, self.anchored)
    }

    /// What is known of it.
    pub(super) fn profile(&self, _: KeySize) -> Profile<'_> {
        Profile::bucket(self.rate, self.burst)
    }
}

impl EnvoyBucket {
    /// `rate` tokens, at most `burst`.
    ///
    /// # Errors
    /// If `burst` is zero, or the bucket would take more than 584 years to
    /// fill.
    pub fn new(rate: Rate, burst: u64, anchor: Anchor) -> Result<EnvoyBucket, RuleError> {
        if burst == 0 {
            return Err(RuleError::ZeroBurst);
        }
        let year = Span::from_secs(365 * 24 * 60 * 60);
        let yearly = Rate::new(1, year).unwrap_or(rate);
        let interval = u128::from(year.nanos()) * u128::from(rate.events());
        let rate = match u128::from(rate.per().nanos()) > interval {
            true => yearly,
            false => rate,
        };
        Ok(EnvoyBucket {
            rate,
            capacity: Exact::of_tokens(rate, burst).ok_or(RuleError::FillTooLong { burst })?,
            burst,
            anchor,
        })
    }

    /// Judges an attempt, and takes its cost if it is admitted.
    #[inline]
    pub fn decide(&self, state: &mut EnvoyState, now: Time, cost: u64) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        *state = self.filled(state, now);
        let need = match Exact::of_tokens(self.rate, cost) {
            Some(need) if cost <= self.burst => need,
            _ => return Decision::Refuse { retry_after: None },
        };
        let events = self.rate.events();
        let room = self.capacity.minus(need, events);
        if state.missing <= room
            && let Some(missing) = state.missing.plus(need, events)
        {
            self.take(state, now, missing);
            return Decision::Admit;
        }
        // Counted from the last fill, which is after now if time ran back.
        let wait = state.missing.minus_or_zero(room, events).round_up();
        Decision::Refuse {
            retry_after: Some((Time::from_nanos(state.last_fill) + wait).since(now)),
        }
    }

    /// Sets what is missing after an attempt at `now`. If the bucket was full,
    /// the time since the last fill is credited already, so that `now` can be
    /// the time from which the next one counts.
    fn take(&self, state: &mut EnvoyState, now: Time, missing: Exact) {
        let credit = now.nanos().saturating_sub(state.last_fill);
        let left = missing.minus_or_zero(Exact::whole(credit), self.rate.events());
        *state = match left == Exact::default() {
            // The next attempt, even at once, fills the bucket: that it is not
            // full is told by a nanosecond that has passed.
            true => EnvoyState {
                missing: Exact::whole(1),
                last_fill: now.nanos().saturating_sub(1),
            },
            false => EnvoyState {
                missing: left,
                last_fill: now.nanos().max(state.last_fill),
            },
        };
    }

    /// The bucket as an attempt at `now` finds it.
    fn filled(&self, state: &EnvoyState, now: Time) -> EnvoyState {
        if *state == EnvoyState::default() && self.anchor == Anchor::FirstRequest {
            return EnvoyState {
                last_fill: now.nanos(),
                ..*state
            };
        }
        if state.missing == Exact::default() || now.nanos() <= state.last_fill {
            return *state;
        }
        let passed = Exact::whole(now.nanos() - state.last_fill);
        EnvoyState {
            missing: state.missing.minus_or_zero(passed, self.rate.events()),
            last_fill: now.nanos(),
        }
    }

    /// Gives back what an admitted attempt took, whenever that was.
    pub fn refund(&self, state: &mut EnvoyState, _spent: Time, cost: u64) {
        let given = Exact::of_tokens(self.rate, cost).unwrap_or(self.capacity);
        state.missing = state.missing.minus_or_zero(given, self.rate.events());
    }

    /// The whole tokens that an attempt would find, and how long until the
    /// bucket is full.
    pub fn inspect(&self, state: &EnvoyState, now: Time) -> Standing {
        let state = self.filled(state, now);
        let full_at = Time::from_nanos(state.last_fill) + state.missing.round_up();
        let level = self
            .capacity
            .minus_or_zero(state.missing, self.rate.events());
        Standing::of(
            self.burst,
            level.tokens(self.rate),
            match state.missing == Exact::default() {
                true => Span::ZERO,
                false => full_at.since(now),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{assert_exact_wait, extremes};
    use super::*;
    use proptest::prelude::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn the_tests_of_envoy() {
        // token_bucket_impl_test.cc: burst, rate; then time in milliseconds,
        // tokens asked for, whether they are given.
        let (a, d) = (true, false);
        type Attempts<'a> = &'a [(u64, u64, bool)];
        let cases: [(u64, &str, Attempts<'_>); 4] = [
            (3, "1/s", &[(0, 3, a), (10_000, 4, d), (10_000, 3, a)]),
            (
                10,
                "1/s",
                &[
                    (0, 20, d),
                    (0, 9, a),
                    (0, 1, a),
                    (999, 1, d),
                    (5999, 6, d),
                    (6000, 6, a),
                    (6000, 1, d),
                ],
            ),
            (
                1,
                "0.5/s",
                &[(0, 1, a), (500, 1, d), (1500, 1, d), (2000, 1, a)],
            ),
            // Full and idle: one more than the burst.
            (
                3,
                "1/s",
                &[
                    (100_000, 1, a),
                    (100_000, 1, a),
                    (100_000, 1, a),
                    (100_000, 1, a),
                    (100_000, 1, d),
                ],
            ),
        ];
        for (burst, per, attempts) in cases {
            let rule = EnvoyBucket::new(rate(per), burst, Anchor::Epoch).unwrap();
            let mut state = EnvoyState::default();
            for &(at, cost, admitted) in attempts {
                let decision = rule.decide(&mut state, Time::from_millis(at), cost);
                assert_eq!(decision.is_admit(), admitted, "{burst} at {at}");
            }
        }
    }

    #[test]
    fn a_bucket_made_by_its_first_attempt_has_not_been_idle() {
        let now = Time::from_secs(1_700_000_000);
        for (anchor, cost, expected) in [
            (Anchor::Epoch, 1, 4),
            (Anchor::FirstRequest, 1, 3),
            (Anchor::Epoch, 3, 2),
            (Anchor::FirstRequest, 3, 1),
        ] {
            let rule = EnvoyBucket::new(rate("1/s"), 3, anchor).unwrap();
            let mut state = EnvoyState::default();
            let admitted = (0..9).filter(|_| rule.decide(&mut state, now, cost).is_admit());
            assert_eq!(admitted.count(), expected);
        }
    }

    #[test]
    fn parameters_and_extremes() {
        let error = EnvoyBucket::new(rate("1/s"), 0, Anchor::Epoch);
        assert_eq!(error, Err(RuleError::ZeroBurst));
        // Never less than one token a year.
        let slowest = EnvoyBucket::new(rate("1/200000d"), 2, Anchor::Epoch).unwrap();
        let mut state = EnvoyState::default();
        let _ = slowest.decide(&mut state, Time::EPOCH, 2);
        let standing = slowest.inspect(&state, Time::EPOCH);
        assert_eq!(standing.reset(), Span::from_secs(730 * 86_400));
        let fastest = Rate::new(u64::MAX, Span::from_nanos(1)).unwrap();
        for (rate, burst) in [(fastest, u64::MAX), (fastest, 1), (rate("7/d"), 9)] {
            for anchor in [Anchor::Epoch, Anchor::FirstRequest] {
                let rule = EnvoyBucket::new(rate, burst, anchor).unwrap();
                let mut state = EnvoyState::default();
                for (now, cost) in extremes() {
                    let _ = rule.decide(&mut state, now, cost);
                    assert!(rule.inspect(&state, now).left() <= burst);
                    rule.refund(&mut state, now, cost / 2);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn decisions_are_those_of_an_exact_level(
            events in 1_u64..9, per in 1_u64..60, burst in 1_u64..6, anchored: bool,
            steps in prop::collection::vec((0_u64..90, 0_u64..8), 1..60),
        ) {
            let rate = Rate::new(events, Span::from_nanos(per)).unwrap();
            let anchor = if anchored { Anchor::FirstRequest } else { Anchor::Epoch };
            let rule = EnvoyBucket::new(rate, burst, anchor).unwrap();
            let mut state = EnvoyState::default();
            // The level in units of 1/per tokens.
            let (mut level, mut now) = (burst * per, 1000);
            let mut last = if anchored { None } else { Some(0) };
            let mut admissions: Vec<(u64, u64)> = Vec::new();
            let oversize = steps.iter().any(|&(_, cost)| cost > burst);
            for (step, cost) in steps {
                now += step;
                let moment = Time::from_nanos(now);
                let found = match last {
                    Some(last) if level < burst * per => {
                        (level + (now - last) * events).min(burst * per)
                    }
                    _ => level,
                };
                prop_assert_eq!(rule.inspect(&state, moment).left(), found / per);
                let decision = rule.decide(&mut state, moment, cost);
                prop_assert_eq!(decision.is_admit(), cost * per <= found);
                if cost == 0 {
                    continue;
                }
                if level < burst * per || last.is_none() {
                    last = Some(now);
                }
                level = found;
                if let Decision::Refuse { retry_after } = decision {
                    let judge = |state: &mut _, at| rule.decide(state, at, cost);
                    assert_exact_wait(&state, moment, retry_after, judge);
                } else {
                    level -= cost * per;
                    admissions.push((now, cost));
                }
            }
            // The first attempt on top of the bucket's due.
            for (i, &(from, first)) in admissions.iter().enumerate().filter(|_| !oversize) {
                let since: u64 = admissions[i..].iter().map(|a| a.1).sum();
                let extra = if i == 0 { first } else { 0 };
                prop_assert!(since * per <= (burst + extra) * per + (now - from) * events);
            }
        }
    }
}
