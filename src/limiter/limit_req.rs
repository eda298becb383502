//! nginx's `limit_req`: a leaky bucket in whole thousandths on a clock of
//! milliseconds.
//!
//! *Definition.* A key has an *excess* in thousandths of a request. A request
//! `ms` milliseconds after the last admitted one makes it `max(0, excess -
//! rate * ms / 1000 + 1000)`, the division rounding down, where `rate` is in
//! thousandths per second; the first request of a key makes it 0. The request is
//! refused if that is more than the burst (in thousandths), and then changes
//! nothing. So `burst + 1` requests pass at once: it is a token bucket of that
//! size, and this is how it is kept here, as *used* thousandths, which are 1000
//! more than the excess. A cost of n stands for n requests in one millisecond.
//!
//! *The rate* is `requests * 1000 / seconds` rounded down: one per minute is 16
//! thousandths per second, and so a request every 62.5 seconds.
//!
//! *Pacing.* An admitted request whose excess is more than `delay` is held for
//! `(excess - delay) / rate`, in whole milliseconds rounded down:
//! [`Pacing::After`]`(0)` is plain `burst=n`, [`Pacing::NoDelay`] is `nodelay`.
//!
//! *Edges.* The leak is rounded down at each admitted request, so frequent
//! requests leak less than the rate: with 16 thousandths per second, those less
//! than 63 ms apart leak nothing.
//!
//! *Differences.* nginx frees keys that have been idle for a minute with nothing
//! left, when another key needs a node; for rates below one per second the
//! freed key's next request then counts as its first. Here keys are not
//! freed. With a clock that runs backwards by more than a minute nginx moves
//! the key's time back; here, as for it in smaller steps, it stays.
//!
//! *Refused attempts* are free. *Refunds* are exact unless the excess has
//! reached zero since the spend. Waits told end with a tick of the
//! millisecond clock.
//!
//! 16 bytes per key.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Standing, ends_in_time};
use super::error::RuleError;
use super::profile::Profile;
use super::quota::KeySize;
use crate::units::{Rate, Span, Time};

/// One request, in the thousandths that nginx counts in.
const REQUEST: u64 = 1000;
const MILLISECOND: u64 = 1_000_000;

/// Which admitted requests are held back to the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pacing {
    /// None: nginx's `nodelay`.
    NoDelay,
    /// Those beyond an excess of so many requests: nginx's `delay=n`.
    After(u64),
}

/// nginx's rate, burst and delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitReq {
    /// Thousandths of a request per second.
    rate: u64,
    /// The most thousandths used: those of the burst and of one request.
    capacity: u64,
    /// The excess in thousandths that is not delayed; `None` if none is.
    undelayed: Option<u64>,
}

/// What one key has used of its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitReqState {
    /// The time of the last admitted request in milliseconds.
    last: u64,
    /// Thousandths in use then: the excess and 1000, or 0 before the first
    /// request.
    used: u64,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "LimitReq", deny_unknown_fields)]
pub struct Params {
    /// The rate, per second or per minute.
    pub rate: Rate,
    /// Requests above the rate that are not refused.
    #[serde(default)]
    pub burst: u64,
    /// Which of them are delayed; all, unless told otherwise.
    #[serde(default = "delay_all")]
    pub delay: Pacing,
}

fn delay_all() -> Pacing {
    Pacing::After(0)
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, _: KeySize) -> Result<LimitReq, RuleError> {
        LimitReq::new(self.rate, self.burst, self.delay)
    }

    /// What is known of it.
    pub(super) fn profile(&self, _: KeySize) -> Profile<'_> {
        Profile {
            queue: match self.delay {
                Pacing::NoDelay => 0.0,
                Pacing::After(_) => self.burst as f64,
            },
            ..Profile::bucket(self.rate, self.burst.saturating_add(1))
        }
    }
}

impl LimitReq {
    /// `rate`, with `burst` more at once, delayed as `pacing` says.
    ///
    /// # Errors
    /// If the rate is less than 0.001 per second, or the burst is too large to
    /// count in thousandths.
    pub fn new(rate: Rate, burst: u64, pacing: Pacing) -> Result<LimitReq, RuleError> {
        let thousandths =
            u128::from(rate.events()) * 1_000_000_000_000 / u128::from(rate.per().nanos());
        if thousandths == 0 {
            return Err(RuleError::RateTooLow(rate));
        }
        let most = u64::MAX / REQUEST - 1;
        if burst > most {
            let (what, value) = ("burst", burst);
            return Err(RuleError::TooLarge { what, value, most });
        }
        Ok(LimitReq {
            rate: u64::try_from(thousandths).unwrap_or(u64::MAX),
            capacity: (burst + 1) * REQUEST,
            undelayed: match pacing {
                Pacing::NoDelay => None,
                Pacing::After(requests) => Some(requests.saturating_mul(REQUEST)),
            },
        })
    }

    /// Judges an attempt, and takes its cost if it is admitted.
    #[inline]
    pub fn decide(&self, state: &mut LimitReqState, now: Time, cost: u64) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        let need = match cost.checked_mul(REQUEST) {
            Some(need) if need <= self.capacity => need,
            _ => return Decision::Refuse { retry_after: None },
        };
        let millis = now.nanos() / MILLISECOND;
        let left = self.left(state, millis);
        let room = self.capacity - need;
        if left > room {
            let leak = state.used - room;
            return Decision::Refuse {
                retry_after: Some(self.until_leaked(state, leak, now)),
            };
        }
        let used = left + need;
        let delayed = match self.undelayed {
            Some(undelayed) => (used - REQUEST).saturating_sub(undelayed),
            None => 0,
        };
        let wait = span_of_millis(u128::from(delayed) * 1000 / u128::from(self.rate));
        if !wait.is_zero() && !ends_in_time(now, wait) {
            return Decision::Refuse { retry_after: None };
        }
        state.used = used;
        state.last = state.last.max(millis);
        match wait {
            Span::ZERO => Decision::Admit,
            wait => Decision::Delay(wait),
        }
    }

    /// The thousandths still in use at `millis`.
    fn left(&self, state: &LimitReqState, millis: u64) -> u64 {
        let passed = millis.saturating_sub(state.last);
        let leak = u128::from(self.rate) * u128::from(passed) / 1000;
        state
            .used
            .saturating_sub(u64::try_from(leak).unwrap_or(u64::MAX))
    }

    /// From `now` to the tick at which so many thousandths have leaked.
    fn until_leaked(&self, state: &LimitReqState, leak: u64, now: Time) -> Span {
        let passed = (u128::from(leak) * 1000).div_ceil(u128::from(self.rate));
        let tick = span_of_millis(u128::from(state.last) + passed);
        (Time::EPOCH + tick).since(now)
    }

    /// Gives back what an admitted attempt took, whenever that was.
    pub fn refund(&self, state: &mut LimitReqState, _spent: Time, cost: u64) {
        state.used = state.used.saturating_sub(cost.saturating_mul(REQUEST));
    }

    /// What would be admitted now, held back or not, and how long until
    /// nothing is in use.
    pub fn inspect(&self, state: &LimitReqState, now: Time) -> Standing {
        let left = self.left(state, now.nanos() / MILLISECOND);
        Standing::of(
            self.capacity / REQUEST,
            (self.capacity - left) / REQUEST,
            match left {
                0 => Span::ZERO,
                _ => self.until_leaked(state, state.used, now),
            },
        )
    }
}

fn span_of_millis(millis: u128) -> Span {
    Span::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::trial::{assert_exact_wait, extremes};
    use super::*;
    use proptest::prelude::*;

    fn rule(rate: &str, burst: u64, pacing: Pacing) -> LimitReq {
        LimitReq::new(rate.parse().unwrap(), burst, pacing).unwrap()
    }

    /// Judges attempts given as (milliseconds, cost) and spells the answers.
    fn run(rule: &LimitReq, attempts: &[(u64, u64)]) -> String {
        let mut state = LimitReqState::default();
        let mut judge = |&(at, cost)| match rule.decide(&mut state, Time::from_millis(at), cost) {
            Decision::Admit => 'P',
            Decision::Delay(_) => 'D',
            Decision::Refuse { .. } => 'R',
        };
        attempts.iter().map(&mut judge).collect()
    }

    #[test]
    fn the_tests_of_nginx() {
        let two = rule("2/s", 1, Pacing::NoDelay);
        let mut attempts = vec![(1_000_000, 1); 6];
        attempts.push((1_000_500, 1));
        assert_eq!(run(&two, &attempts), "PPRRRRP");
        let one = rule("1/min", 0, Pacing::After(0));
        assert_eq!(run(&one, &[(5000, 1), (5100, 1)]), "PR");
        // 16 thousandths per second, not 16.67: the minute is not enough.
        let minutes = [0, 60_000, 62_499, 62_500].map(|at| (at, 1));
        assert_eq!(run(&one, &minutes), "PRRP");
        let held = rule("1/min", 2, Pacing::After(0));
        assert_eq!(run(&held, &[(0, 1); 4]), "PDDR");
        assert_eq!(
            run(&rule("1/min", 2, Pacing::After(1)), &[(0, 1); 4]),
            "PPDR"
        );
    }

    #[test]
    fn delays_are_the_excess_over_the_rate() {
        let rule = rule("10/s", 3, Pacing::After(1));
        let mut state = LimitReqState::default();
        let now = Time::from_millis(77);
        let delay = |millis| Decision::Delay(Span::from_millis(millis));
        for expected in [Decision::Admit, Decision::Admit, delay(100), delay(200)] {
            assert_eq!(rule.decide(&mut state, now, 1), expected);
        }
        assert_eq!(rule.inspect(&state, now).left(), 0);
        let retry_after = Some(Span::from_nanos(99_000_001));
        let later = now + Span::from_nanos(999_999);
        let refused = rule.decide(&mut state, later, 1);
        assert_eq!(refused, Decision::Refuse { retry_after });
        // A cost of n is n requests in one millisecond.
        assert_eq!(run(&rule, &[(0, 5), (0, 4), (99, 1), (100, 1)]), "RDRD");
        assert_eq!(
            rule.decide(&mut LimitReqState::default(), now, 4),
            delay(200)
        );
    }

    #[test]
    fn frequent_requests_leak_nothing_at_a_low_rate() {
        let rule = rule("1/min", 2000, Pacing::NoDelay);
        let attempts: Vec<_> = (0..2002).map(|i| (62 * i, 1)).collect();
        assert_eq!(run(&rule, &attempts), "P".repeat(2001) + "R");
    }

    #[test]
    fn a_refund_gives_back_but_never_overfills() {
        let rule = rule("1/s", 2, Pacing::NoDelay);
        let (mut state, now) = (LimitReqState::default(), Time::from_secs(9));
        let _ = rule.decide(&mut state, now, 3);
        rule.refund(&mut state, now, 2);
        assert_eq!(rule.inspect(&state, now).left(), 2);
        rule.refund(&mut state, now, u64::MAX);
        let standing = rule.inspect(&state, now);
        assert_eq!((standing.left(), standing.reset()), (3, Span::ZERO));
    }

    #[test]
    fn parameters_and_extremes() {
        let hourly: Rate = "1/h".parse().unwrap();
        let error = LimitReq::new(hourly, 1, Pacing::NoDelay);
        assert_eq!(error, Err(RuleError::RateTooLow(hourly)));
        assert!(LimitReq::new("4/h".parse().unwrap(), 1, Pacing::NoDelay).is_ok());
        let fastest = Rate::new(u64::MAX, Span::from_nanos(1)).unwrap();
        assert!(LimitReq::new(fastest, u64::MAX, Pacing::NoDelay).is_err());
        for rate in [fastest, "1/min".parse().unwrap()] {
            for (burst, delay) in [(0, u64::MAX), (u64::MAX / 1000 - 1, 0)] {
                let rule = LimitReq::new(rate, burst, Pacing::After(delay)).unwrap();
                let mut state = LimitReqState::default();
                for (now, cost) in extremes() {
                    let _ = rule.decide(&mut state, now, cost);
                    assert!(rule.inspect(&state, now).left() <= burst + 1);
                    rule.refund(&mut state, now, cost / 2);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn decisions_are_those_of_nginx(
            rate in 1_u64..3000, burst in 0_u64..5, delay in 0_u64..5,
            steps in prop::collection::vec((0_u64..400, any::<bool>()), 1..60),
        ) {
            let per = Rate::new(rate, Span::from_secs(1000)).unwrap();
            let rule = LimitReq::new(per, burst, Pacing::After(delay)).unwrap();
            let mut state = LimitReqState::default();
            let (mut now, mut last, mut excess) = (0, 0, None);
            let (mut admitted, rate) = (0, rate as i64);
            for (step, long) in steps {
                now += if long { 10 * step } else { step };
                let leak = rate * (now as i64 - last) / 1000;
                let next = excess.map_or(0, |excess: i64| (excess - leak + 1000).max(0));
                let moment = Time::from_millis(now);
                let decision = rule.decide(&mut state, moment, 1);
                if next > burst as i64 * 1000 {
                    let Decision::Refuse { retry_after } = decision else {
                        return Err(TestCaseError::fail("admitted too much"));
                    };
                    let judge = |state: &mut _, at| rule.decide(state, at, 1);
                    assert_exact_wait(&state, moment, retry_after, judge);
                    continue;
                }
                (excess, last) = (Some(next), now as i64);
                let wait = (next - delay as i64 * 1000).max(0) * 1000 / rate;
                let expected = match wait {
                    0 => Decision::Admit,
                    wait => Decision::Delay(Span::from_millis(wait as u64)),
                };
                prop_assert_eq!(decision, expected);
                admitted += 1;
                prop_assert!(admitted * 1000 <= (burst + 1) * 1000 + rate as u64 * now / 1000);
            }
        }
    }
}
