//! Sliding log: at most `quota` of cost in any window that ends now.
//!
//! *Definition.* The log holds the moment of every unit of cost that counted.
//! An attempt is admitted if the units of the last `window`, with its own cost,
//! are not more than the quota. A unit exactly `window` old still counts, so
//! that the bound holds for every closed window (the moving window of the
//! Python package `limits`, whose condition is `atime >= now - window`).
//!
//! *Edges.* None to exploit: no window of that length, wherever it lies, holds
//! more than the quota. With independent arrivals and free refusals the
//! probability of a refusal is Erlang's B formula.
//!
//! *Refused attempts*, where they count, are logged too, and a key whose
//! traffic stays above the quota is locked out for as long as it goes on. Only
//! the newest `quota` units can matter, so no more are kept.
//!
//! *Refunds* remove units logged at the moment of the spend, whatever came
//! after, and do nothing once those have left the window. Where refused
//! attempts count and have pushed older units out of the log, the refund does
//! not bring these back.
//!
//! *Reset* is when the newest unit no longer counts, a nanosecond after it is
//! `window` old. (`limits` reports `oldest + window`, at which not even the
//! oldest unit has come back.)
//!
//! *Memory.* 24 bytes per key, and 12 per distinct moment in its log, in ring
//! buffers that double in size and share one [`LogPool`]: a key that is never
//! used holds no ring, and no decision allocates once the rings have grown. A
//! decision takes constant time, amortised, for any cost; a refusal looks at
//! no more moments than the attempt costs.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Refused, Standing};
use super::error::RuleError;
use super::log_pool::{Log, LogPool};
use super::profile::Profile;
use super::quota::{KeySize, Quota};
use crate::units::{Span, Time};

/// At most a quota in any window of a fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlidingLog {
    quota: u32,
    window: u64,
    refused: Refused,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "SlidingLog", deny_unknown_fields)]
pub struct Params {
    /// Requests per window.
    pub quota: Quota,
    /// The window's length.
    pub window: Span,
    /// Whether refused attempts count.
    #[serde(default)]
    pub refused: Refused,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, key: KeySize) -> Result<SlidingLog, RuleError> {
        SlidingLog::new(self.quota.of(key), self.window, self.refused)
    }

    /// What is known of it.
    pub(super) fn profile(&self, key: KeySize) -> Profile<'_> {
        Profile {
            wave: None,
            ..Profile::of_quota(&self.quota, key, self.window)
        }
    }
}

impl SlidingLog {
    /// At most `quota` in any `window`.
    ///
    /// # Errors
    /// If either is zero, or `quota` is more than `u32` holds.
    pub fn new(quota: u64, window: Span, refused: Refused) -> Result<SlidingLog, RuleError> {
        if quota == 0 {
            return Err(RuleError::ZeroQuota);
        }
        if window.is_zero() {
            return Err(RuleError::ZeroWindow);
        }
        Ok(SlidingLog {
            quota: u32::try_from(quota).map_err(|_| RuleError::LogTooLong(quota))?,
            window: window.nanos(),
            refused,
        })
    }

    /// Judges an attempt, and logs its cost if it counts.
    #[inline]
    pub fn decide(&self, log: &mut Log, pool: &mut LogPool, now: Time, cost: u64) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        let units = u32::try_from(cost)
            .ok()
            .filter(|&units| units <= self.quota);
        if units.is_none() && self.refused == Refused::Free {
            return Decision::Refuse { retry_after: None };
        }
        let logged = now.nanos().max(pool.newest(log));
        pool.expire(log, logged, self.window);
        let room = self.quota - log.units();
        if let Some(units) = units
            && units <= room
        {
            pool.push(log, logged, units, self.quota);
            return Decision::Admit;
        }
        if self.refused == Refused::Counted {
            let kept = units.unwrap_or(self.quota);
            pool.drop_oldest(log, kept.saturating_sub(room));
            pool.push(log, logged, kept, self.quota);
        }
        Decision::Refuse {
            retry_after: units.map(|units| {
                let excess = units - (self.quota - log.units());
                let last = pool.moment_of_unit(log, excess).saturating_add(self.window);
                Span::from_nanos(last.saturating_sub(now.nanos()).saturating_add(1))
            }),
        }
    }

    /// What an attempt at `now` would be told that is not counted if refused,
    /// after a silence until then.
    pub(super) fn peek(&self, log: &Log, pool: &LogPool, now: Time, cost: u64) -> Decision {
        let units = match u32::try_from(cost) {
            Ok(units) if units <= self.quota => units,
            _ => return Decision::Refuse { retry_after: None },
        };
        let at = now.nanos().max(pool.newest(log));
        let mut used = log.units();
        for (time, logged) in pool.moments(log) {
            if units <= self.quota - used {
                break;
            }
            // As long as it takes that all until this one have aged out.
            used -= logged;
            if at - time <= self.window && units <= self.quota - used {
                let last = time.saturating_add(self.window);
                let wait = last.saturating_sub(now.nanos()).saturating_add(1);
                return Decision::Refuse {
                    retry_after: Some(Span::from_nanos(wait)),
                };
            }
        }
        Decision::Admit
    }

    /// Removes what an attempt admitted at `spent` logged.
    pub fn refund(&self, log: &mut Log, pool: &mut LogPool, spent: Time, cost: u64) {
        let units = u32::try_from(cost).unwrap_or(u32::MAX);
        pool.remove(log, spent.nanos(), units);
    }

    /// What would be admitted now, and how long until nothing counts any more.
    pub fn inspect(&self, log: &Log, pool: &LogPool, now: Time) -> Standing {
        let newest = pool.newest(log);
        let at = now.nanos().max(newest);
        let aged = pool
            .moments(log)
            .take_while(|(time, _)| at - time > self.window);
        let used = log.units() - aged.map(|(_, units)| units).sum::<u32>();
        let last = newest.saturating_add(self.window);
        Standing::of(
            self.quota.into(),
            u64::from(self.quota - used),
            match used {
                0 => Span::ZERO,
                _ => Span::from_nanos(last.saturating_sub(now.nanos()).saturating_add(1)),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(quota: u64, seconds: u64) -> SlidingLog {
        SlidingLog::new(quota, Span::from_secs(seconds), Refused::Free).unwrap()
    }

    fn run(rule: &SlidingLog, attempts: &[(u64, u64)]) -> String {
        let (mut log, mut pool) = (Log::default(), LogPool::new());
        attempts
            .iter()
            .map(|&(at, cost)| {
                let now = Time::from_millis(at);
                match rule.decide(&mut log, &mut pool, now, cost).is_admit() {
                    true => 'A',
                    false => 'D',
                }
            })
            .collect()
    }

    #[test]
    fn the_moving_window_of_limits() {
        // test_strategy.py: 2 per minute; 10 per 2 s.
        let (mut log, mut pool) = (Log::default(), LogPool::new());
        let two = rule(2, 60);
        for (at, admitted) in [(0, true), (1, true), (2, false)] {
            let decision = two.decide(&mut log, &mut pool, Time::from_secs(at), 1);
            assert_eq!(decision.is_admit(), admitted);
        }
        let standing = two.inspect(&log, &pool, Time::from_secs(2));
        assert_eq!(
            (standing.left(), standing.reset()),
            (0, Span::from_nanos(59_000_000_001))
        );

        let mut hits: Vec<_> = (0..5).map(|i| (100 * i, 1)).collect();
        hits.extend((0..5).map(|i| (1500 + 100 * i, 1)));
        hits.push((1999, 1));
        assert_eq!(run(&rule(10, 2), &hits), "AAAAAAAAAAD");
        assert_eq!(run(&rule(10, 2), &[(0, 11), (0, 10)]), "DA");
    }

    #[test]
    fn an_entry_exactly_as_old_as_the_window_still_counts() {
        let attempts = [0, 1000, 60_000, 60_001].map(|at| (at, 1));
        assert_eq!(run(&rule(2, 60), &attempts), "AADA");
    }

    #[test]
    fn two_hundred_arrivals_across_an_edge() {
        let arrivals: Vec<_> = (0..200).map(|i| (59_000 + 10 * i, 1)).collect();
        assert_eq!(run(&rule(60, 60), &arrivals).matches('A').count(), 60);
    }

    #[test]
    fn refused_attempts_that_count_lock_a_key_out() {
        let counted = SlidingLog::new(2, Span::from_secs(10), Refused::Counted).unwrap();
        let mut attempts: Vec<_> = (0..20).map(|i| (4000 * i, 1)).collect();
        attempts.push((76_000 + 10_001, 2));
        let answers = run(&counted, &attempts);
        assert_eq!(answers, "AA".to_owned() + &"D".repeat(18) + "A");
        // An attempt beyond the quota fills the log.
        assert_eq!(run(&counted, &[(0, 3), (10_000, 1), (10_001, 1)]), "DDA");
    }

    #[test]
    fn parameters_that_make_no_limiter() {
        let new = |quota, window| SlidingLog::new(quota, window, Refused::Free);
        let second = Span::from_secs(1);
        assert_eq!(new(0, second), Err(RuleError::ZeroQuota));
        assert_eq!(new(1, Span::ZERO), Err(RuleError::ZeroWindow));
        assert_eq!(new(1 << 32, second), Err(RuleError::LogTooLong(1 << 32)));
        // The largest log takes no memory until there is something in it.
        let most = new((1 << 32) - 1, Span::MAX).unwrap();
        assert_eq!(
            run(&most, &[(0, u64::MAX), (1, (1 << 32) - 1), (2, 1)]),
            "DAD"
        );
    }

    proptest! {
        #[test]
        fn decisions_are_those_of_a_plain_list(
            quota in 1_u64..12, window in 1_u64..40, counted: bool,
            steps in prop::collection::vec(
                (0_usize..3, 0_u64..6, 0_u64..14, prop::option::weighted(0.2, 0_usize..4)), 1..200),
        ) {
            let refused = if counted { Refused::Counted } else { Refused::Free };
            let rule = SlidingLog::new(quota, Span::from_nanos(window), refused).unwrap();
            let (mut logs, mut pool) = ([Log::default(); 3], LogPool::new());
            // For each key the moment of every unit that counts.
            let mut lists: [Vec<u64>; 3] = Default::default();
            let mut spends: Vec<(usize, u64, u64)> = Vec::new();
            let mut now = 0;
            for (key, step, cost, refund) in steps {
                now += step;
                let list = &mut lists[key];
                list.retain(|&at| now - at <= window);
                let admitted = cost == 0 || list.len() as u64 + cost <= quota;
                if admitted || counted {
                    list.extend((0..cost.min(quota)).map(|_| now));
                    list.drain(..list.len().saturating_sub(quota as usize));
                }
                let decision = rule.decide(&mut logs[key], &mut pool, Time::from_nanos(now), cost);
                prop_assert_eq!(decision.is_admit(), admitted);
                if let Decision::Refuse { retry_after } = decision {
                    let wait = (cost <= quota).then(|| {
                        let nth = list.len() + cost as usize - quota as usize;
                        Span::from_nanos(list[nth - 1] + window + 1 - now)
                    });
                    prop_assert_eq!(retry_after, wait);
                } else {
                    spends.push((key, now, cost));
                }
                if let Some(back) = refund && back < spends.len() {
                    let (key, spent, cost) = spends.remove(spends.len() - 1 - back);
                    rule.refund(&mut logs[key], &mut pool, Time::from_nanos(spent), cost);
                    for _ in 0..cost {
                        if let Some(place) = lists[key].iter().position(|&at| at == spent) {
                            lists[key].remove(place);
                        }
                    }
                }
                let live = lists[key].iter().filter(|&&at| now - at <= window).count() as u64;
                let standing = rule.inspect(&logs[key], &pool, Time::from_nanos(now));
                prop_assert_eq!(standing.left(), quota - live);
            }
        }
    }
}
