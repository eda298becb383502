//! The generic cell rate algorithm: a token bucket in one number per key.
//!
//! *Definition* (ITU-T Recommendation I.371; ATM Forum traffic management).
//! The state is the theoretical arrival time TAT. With one token per interval
//! `T` and a burst of `B`, the tolerance is `tau = T (B - 1)`. An attempt is
//! refused exactly if `now < TAT - tau`; else `TAT = max(TAT, now) + T`. An
//! attempt of cost `c` needs room for `c` cells and adds `T c`. TAT is the
//! moment at which the bucket would be full again, so this admits precisely
//! what [`TokenBucket`](super::TokenBucket) does with the same `T` and `B`.
//!
//! *Edges.* At most the burst at once, and at most `B + t / T` within any time
//! `t`. There is no window and no common reset.
//!
//! *Which products.* The Rust crate `governor` (`T` is the period divided by
//! the burst, rounded down: see [`Gcra::from_rate`]); `throttled` for Go and
//! redis-cell, whose `max_burst` is one less than the burst here.
//!
//! *Refused attempts*, where they count, take what is left of the bucket: it
//! is empty afterwards, never below that. A key whose traffic stays above the
//! refill rate is then locked out for as long as it goes on, and an attempt
//! after a silence of `T` is admitted. The wait told is that of an empty
//! bucket, `T c`.
//!
//! *Refunds* give `T c` back, though never beyond a full bucket. They are exact
//! unless the bucket has been full since the spend: then the tokens would have
//! been lost, yet they are given.
//!
//! 8 bytes per key; no division in a decision.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Refused, Standing};
use super::error::RuleError;
use super::profile::Profile;
use super::quota::KeySize;
use crate::units::{Rate, Span, Time};

/// One token per whole interval, up to a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    /// Nanoseconds per token.
    interval: u64,
    /// Nanoseconds from empty to full.
    capacity: u64,
    refused: Refused,
}

/// The theoretical arrival time of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GcraState {
    /// When the bucket is full again, in nanoseconds since the epoch.
    arrival: u64,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "Gcra", deny_unknown_fields)]
pub struct Params {
    /// The sustained rate.
    pub rate: Rate,
    /// Requests that may come at once.
    pub burst: u64,
    /// Whether refused attempts count.
    #[serde(default)]
    pub refused: Refused,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, _: KeySize) -> Result<Gcra, RuleError> {
        Gcra::from_rate(self.rate, self.burst, self.refused)
    }

    /// What is known of it.
    pub(super) fn profile(&self, _: KeySize) -> Profile<'_> {
        Profile::bucket(self.rate, self.burst)
    }
}

impl Gcra {
    /// One token per `interval`, at most `burst` of them.
    ///
    /// # Errors
    /// If either is zero, or the bucket would take more than 584 years to fill.
    pub fn new(interval: Span, burst: u64, refused: Refused) -> Result<Gcra, RuleError> {
        let interval = interval.nanos();
        if interval == 0 {
            return Err(RuleError::ZeroInterval);
        }
        if burst == 0 {
            return Err(RuleError::ZeroBurst);
        }
        let capacity = interval
            .checked_mul(burst)
            .ok_or(RuleError::FillTooLong { burst })?;
        Ok(Gcra {
            interval,
            capacity,
            refused,
        })
    }

    /// The interval of `rate` rounded down to whole nanoseconds, as `governor`
    /// has it. [`TokenBucket`](super::TokenBucket) takes the rate exactly.
    ///
    /// # Errors
    /// As [`new`](Gcra::new), and if the rate is more than one per nanosecond.
    pub fn from_rate(rate: Rate, burst: u64, refused: Refused) -> Result<Gcra, RuleError> {
        let interval = rate.per().nanos() / rate.events();
        Gcra::new(Span::from_nanos(interval), burst, refused)
    }

    /// The same rule if refused attempts were free.
    pub(super) const fn forgiving(self) -> Gcra {
        Gcra {
            refused: Refused::Free,
            ..self
        }
    }

    /// Judges an attempt, and takes its cost if it is admitted, or what is left
    /// if it is refused and that counts.
    #[inline]
    pub fn decide(&self, state: &mut GcraState, now: Time, cost: u64) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        let now = now.nanos();
        let room = match self.interval.checked_mul(cost) {
            Some(need) if need <= self.capacity => self.capacity - need,
            _ => {
                self.charge_refused(state, now);
                return Decision::Refuse { retry_after: None };
            }
        };
        // How long the bucket needs to be full again.
        let missing = state.arrival.saturating_sub(now);
        if missing <= room {
            let Some(arrival) = (now + missing).checked_add(self.capacity - room) else {
                return Decision::Refuse { retry_after: None };
            };
            state.arrival = arrival;
            return Decision::Admit;
        }
        self.charge_refused(state, now);
        let missing = state.arrival.saturating_sub(now);
        let refused = Decision::Refuse {
            retry_after: Some(Span::from_nanos(missing - room)),
        };
        refused.within_time(Time::from_nanos(now))
    }

    fn charge_refused(&self, state: &mut GcraState, now: u64) {
        if self.refused == Refused::Counted {
            state.arrival = state.arrival.max(now.saturating_add(self.capacity));
        }
    }

    /// Gives back what an admitted attempt took.
    pub fn refund(&self, state: &mut GcraState, _spent: Time, cost: u64) {
        let given = self.interval.saturating_mul(cost);
        state.arrival = state.arrival.saturating_sub(given);
    }

    /// The whole tokens in the bucket, and how long until it is full.
    pub fn inspect(&self, state: &GcraState, now: Time) -> Standing {
        let missing = state.arrival.saturating_sub(now.nanos());
        Standing::of(
            self.capacity / self.interval,
            self.capacity.saturating_sub(missing) / self.interval,
            Span::from_nanos(missing),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rate per second with as large a burst.
    fn per_second(rate: u64) -> Gcra {
        let rate_per_second = Rate::new(rate, Span::from_secs(1)).unwrap();
        Gcra::from_rate(rate_per_second, rate, Refused::Free).unwrap()
    }

    fn run(rule: &Gcra, attempts: &[(u64, u64)]) -> String {
        let mut state = GcraState::default();
        attempts
            .iter()
            .map(
                |&(at, cost)| match rule.decide(&mut state, Time::from_millis(at), cost) {
                    Decision::Admit | Decision::Delay(_) => 'A',
                    Decision::Refuse {
                        retry_after: Some(_),
                    } => 'D',
                    Decision::Refuse { retry_after: None } => 'N',
                },
            )
            .collect()
    }

    #[test]
    fn sequences_of_governor() {
        // governor/tests/direct.rs; N is its error of insufficient capacity.
        let two = [0, 1, 2, 1002, 1003, 1004].map(|at| (at, 1));
        assert_eq!(run(&per_second(2), &two), "AADAAD");
        let bursts = [[(0, 1); 6], [(2000, 1); 6]].concat();
        assert_eq!(run(&per_second(5), &bursts), "AAAAADAAAAAD");
        let costs = [15, 7, 6, 5].map(|cost| (0, cost));
        assert_eq!(run(&per_second(5), &costs), "NNNA");

        let (rule, mut state) = (per_second(1), GcraState::default());
        assert!(rule.decide(&mut state, Time::EPOCH, 1).is_admit());
        let retry_after = Some(Span::from_secs(1));
        let again = rule.decide(&mut state, Time::EPOCH, 1);
        assert_eq!(again, Decision::Refuse { retry_after });
    }

    #[test]
    fn headers_of_throttled_and_redis_cell() {
        // rate_test.go and src/cell/mod.rs: 1 per second, max_burst 4. Cost;
        // then what remains, the reset and the wait in milliseconds.
        let never = Decision::Refuse { retry_after: None };
        let wait = |millis| Decision::Refuse {
            retry_after: Some(Span::from_millis(millis)),
        };
        let rule = Gcra::new(Span::from_secs(1), 5, Refused::Free).unwrap();
        let mut state = GcraState::default();
        let now = Time::from_secs(1_700_000_000);
        for (cost, remaining, reset, expected) in [
            (6, 5, 0, never),
            (1, 4, 1000, Decision::Admit),
            (1, 3, 2000, Decision::Admit),
            (1, 2, 3000, Decision::Admit),
            (1, 1, 4000, Decision::Admit),
            (1, 0, 5000, Decision::Admit),
            (1, 0, 5000, wait(1000)),
        ] {
            assert_eq!(rule.decide(&mut state, now, cost), expected);
            let standing = rule.inspect(&state, now);
            let expected = (remaining, Span::from_millis(reset));
            assert_eq!((standing.left(), standing.reset()), expected);
        }
        // The README of redis-cell: max_burst 15, 30 per 60 s.
        let rule = Gcra::new(Span::from_secs(2), 16, Refused::Free).unwrap();
        let mut state = GcraState::default();
        assert!(rule.decide(&mut state, now, 1).is_admit());
        let standing = rule.inspect(&state, now);
        assert_eq!(
            (standing.left(), standing.reset()),
            (15, Span::from_secs(2))
        );
    }

    #[test]
    fn two_hundred_arrivals_across_an_edge() {
        let rule = Gcra::new(Span::from_secs(1), 60, Refused::Free).unwrap();
        let arrivals: Vec<_> = (0..200).map(|i| (59_000 + 10 * i, 1)).collect();
        assert_eq!(run(&rule, &arrivals).matches('A').count(), 61);
    }

    #[test]
    fn refused_attempts_that_count_lock_a_key_out() {
        let second = Span::from_secs(1);
        let free = Gcra::new(second, 2, Refused::Free).unwrap();
        let counted = Gcra::new(second, 2, Refused::Counted).unwrap();
        // Every 0.9 s is more than the refill; then a silence of one second.
        let mut attempts: Vec<_> = (0..=40).map(|i| (900 * i, 1)).collect();
        attempts.push((37_000, 1));
        let answers = run(&counted, &attempts);
        assert_eq!(answers, "A".repeat(11) + &"D".repeat(30) + "A");
        assert!(run(&free, &attempts).matches('A').count() >= 38);
        // Of an empty bucket the wait is for the whole cost.
        let mut state = GcraState::default();
        let _ = counted.decide(&mut state, Time::EPOCH, 1);
        let retry_after = Some(Span::from_secs(2));
        let decision = counted.decide(&mut state, Time::EPOCH, 2);
        assert_eq!(decision, Decision::Refuse { retry_after });
    }

    #[test]
    fn a_refund_gives_back_but_never_overfills() {
        let rule = Gcra::new(Span::from_secs(1), 3, Refused::Free).unwrap();
        let mut state = GcraState::default();
        let now = Time::from_secs(100);
        let _ = rule.decide(&mut state, now, 3);
        rule.refund(&mut state, Time::EPOCH, 2);
        assert_eq!(rule.inspect(&state, now).left(), 2);
        rule.refund(&mut state, Time::EPOCH, u64::MAX);
        assert_eq!(rule.inspect(&state, now).left(), 3);
        assert_eq!(run_from(&rule, state, now), "AAAD");
    }

    fn run_from(rule: &Gcra, mut state: GcraState, now: Time) -> String {
        let mut judge = || rule.decide(&mut state, now, 1).is_admit();
        (0..4).map(|_| if judge() { 'A' } else { 'D' }).collect()
    }

    #[test]
    fn parameters_that_make_no_limiter() {
        let second = Span::from_secs(1);
        let free = Refused::Free;
        assert_eq!(Gcra::new(Span::ZERO, 1, free), Err(RuleError::ZeroInterval));
        assert_eq!(Gcra::new(second, 0, free), Err(RuleError::ZeroBurst));
        let burst = u64::MAX / 1_000_000_000 + 1;
        assert_eq!(
            Gcra::new(second, burst, free),
            Err(RuleError::FillTooLong { burst })
        );
        assert!(Gcra::new(second, burst - 1, free).is_ok());
        let fast = Rate::new(3, Span::from_nanos(2)).unwrap();
        assert_eq!(Gcra::from_rate(fast, 1, free), Err(RuleError::ZeroInterval));
    }
}
