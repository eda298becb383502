//! What a limiter did with a trace.
//!
//! *Lock-out.* From a key's first refused attempt to its next admitted one, or
//! to the log's end. Attempts of cost 0 are always admitted, which says
//! nothing of a lock-out: they end none, and are never impatient.
//!
//! *Told.* A refusal tells the moment from which the same attempt would be
//! admitted. A later refusal of the key supersedes what an earlier one told,
//! an admission ends it, and a refusal that tells "never" changes nothing. An
//! attempt before the moment told last is *impatient*. The first attempt at or
//! after that moment *waited as told*; if it is admitted, all refusals of the
//! key that told a moment since the last admission, and since the last attempt
//! that waited in vain, were *kept*; if it is refused, they were *broken*. Of a
//! key that never comes back as told nothing can be said.
//!
//! 32 bytes per key, up to the highest key that was ever refused.

use serde::Serialize;

use crate::limiter::Decision;
use crate::units::{Span, Time};

/// The record of one limiter over a trace, in memory bounded by its keys.
///
/// Keys are dense numbers, such as [`Keys`](super::Keys) gives. Time is
/// expected not to run backwards; if it does, spans count as zero. Counts and
/// sums of cost stop at the largest number.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    totals: Totals,
    total_delay: u128,
    last: Time,
    keys: Vec<KeyRecord>,
}

#[derive(Debug, Clone, Copy, Default)]
struct KeyRecord {
    refused: u64,
    /// The first refusal since the last admission, while locked out.
    since: Time,
    /// The moment told last; the epoch if there is none.
    told: Time,
    /// Refusals whose told moment is still to come true or not.
    pending: u32,
    locked_out: bool,
}

/// The sums of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Totals {
    /// All attempts, and their cost.
    pub attempts: u64,
    /// The cost of all attempts.
    pub cost: u64,
    /// Attempts that passed, at once or after a delay.
    pub admitted: u64,
    /// The cost of those that passed.
    pub admitted_cost: u64,
    /// Attempts that passed after a delay; a part of those admitted.
    pub delayed: u64,
    /// The cost of those delayed.
    pub delayed_cost: u64,
    /// Attempts that did not pass.
    pub refused: u64,
    /// The cost of those refused.
    pub refused_cost: u64,
    /// Refused attempts per attempt; `None` without attempts.
    pub refused_share: Option<f64>,
    /// The longest delay; zero if nothing was delayed.
    pub max_delay: Span,
    /// The mean delay of the attempts that were delayed, rounded down; zero if
    /// there are none.
    pub mean_delay: Span,
    /// The longest lock-out: of several, the earliest, of the lowest key.
    pub longest_lock_out: Option<LockOut>,
    /// The longest wait that a refusal told: of several, that told first.
    pub longest_told: Option<ToldWait>,
    /// The latest moment that a refusal told: of several, that told first.
    pub latest_told: Option<ToldMoment>,
    /// Refusals that told that the attempt would never pass.
    pub never: u64,
    /// Attempts before the moment that their key had been told last.
    pub impatient: u64,
    /// Refusals whose key was next admitted at the first attempt that waited
    /// as told: see the module's definition of *kept*.
    pub kept: u64,
    /// Refusals whose key came as told and was refused again.
    pub broken: u64,
    /// The share of those kept among those kept or broken; `None` if nobody
    /// came as told.
    pub kept_share: Option<f64>,
    /// The number of keys with a refusal.
    pub refused_keys: u64,
    /// The keys with the most refusals.
    pub top: Vec<KeyRefusals>,
}

/// A stretch in which a key was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LockOut {
    /// Whose.
    pub key: u32,
    /// The first refused attempt.
    pub start: Time,
    /// How long until an attempt was admitted, or until the log's end.
    pub length: Span,
    /// Whether an attempt was admitted in the end.
    pub ended: bool,
}

/// The wait that a refusal told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ToldWait {
    /// Whose attempt was refused.
    pub key: u32,
    /// How long it was to wait.
    pub wait: Span,
}

/// The moment that a refusal told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ToldMoment {
    /// Whose attempt was refused.
    pub key: u32,
    /// From when on it would pass.
    pub time: Time,
}

/// How often a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KeyRefusals {
    /// The key.
    pub key: u32,
    /// Its refused attempts.
    pub refused: u64,
}

impl Summary {
    /// Nothing recorded yet.
    pub fn new() -> Summary {
        Summary::default()
    }

    /// Adds what a limiter answered to an attempt.
    #[inline]
    pub fn record(&mut self, key: u32, now: Time, cost: u64, decision: Decision) {
        self.last = self.last.max(now);
        count(&mut self.totals.attempts, &mut self.totals.cost, cost);
        match decision {
            Decision::Admit => self.admitted(key, now, cost),
            Decision::Delay(delay) => {
                let totals = &mut self.totals;
                count(&mut totals.delayed, &mut totals.delayed_cost, cost);
                totals.max_delay = totals.max_delay.max(delay);
                self.total_delay = self.total_delay.saturating_add(delay.nanos().into());
                self.admitted(key, now, cost);
            }
            Decision::Refuse { retry_after } => {
                if let Some(wait) = retry_after {
                    let longest = &mut self.totals.longest_told;
                    if longest.is_none_or(|longest| longest.wait < wait) {
                        *longest = Some(ToldWait { key, wait });
                    }
                }
                let told = retry_after.map(|wait| now + wait);
                self.refused(key, now, cost, told);
            }
        }
    }

    #[inline]
    fn admitted(&mut self, key: u32, now: Time, cost: u64) {
        let totals = &mut self.totals;
        count(&mut totals.admitted, &mut totals.admitted_cost, cost);
        // A key beyond the end was never refused.
        let Some(record) = self.keys.get_mut(key as usize) else {
            return;
        };
        if !record.locked_out || cost == 0 {
            return;
        }
        if now < record.told {
            totals.impatient = totals.impatient.saturating_add(1);
        } else {
            totals.kept = totals.kept.saturating_add(record.pending.into());
        }
        let lock_out = LockOut {
            key,
            start: record.since,
            length: now.since(record.since),
            ended: true,
        };
        let refused = record.refused;
        *record = KeyRecord {
            refused,
            ..KeyRecord::default()
        };
        keep_longer(&mut totals.longest_lock_out, lock_out);
    }

    fn refused(&mut self, key: u32, now: Time, cost: u64, told: Option<Time>) {
        let totals = &mut self.totals;
        count(&mut totals.refused, &mut totals.refused_cost, cost);
        let index = key as usize;
        if index >= self.keys.len() {
            self.keys.resize(index + 1, KeyRecord::default());
        }
        let record = &mut self.keys[index];
        record.refused = record.refused.saturating_add(1);
        if !record.locked_out {
            record.locked_out = true;
            record.since = now;
        } else if now < record.told {
            totals.impatient = totals.impatient.saturating_add(1);
        } else {
            totals.broken = totals.broken.saturating_add(record.pending.into());
            record.pending = 0;
        }
        match told {
            Some(time) => {
                record.told = time;
                record.pending = record.pending.saturating_add(1);
                if totals.latest_told.is_none_or(|latest| latest.time < time) {
                    totals.latest_told = Some(ToldMoment { key, time });
                }
            }
            None => totals.never = totals.never.saturating_add(1),
        }
    }

    /// The keys with the most refusals, at most `n`, those refused most first
    /// and of equals the lower key. Keys without a refusal are left out.
    pub fn top(&self, n: usize) -> Vec<KeyRefusals> {
        let refused = self.keys.iter().zip(0_u32..);
        let mut keys: Vec<KeyRefusals> = refused
            .filter(|(record, _)| record.refused > 0)
            .map(|(record, key)| KeyRefusals {
                key,
                refused: record.refused,
            })
            .collect();
        let order = |key: &KeyRefusals| (std::cmp::Reverse(key.refused), key.key);
        if n < keys.len() {
            keys.select_nth_unstable_by_key(n, order);
            keys.truncate(n);
        }
        keys.sort_unstable_by_key(order);
        keys
    }

    /// The sums, for a log that ends at `end`, with the `top` keys by
    /// refusals. An end before the last attempt recorded counts as that.
    pub fn finish(&self, end: Time, top: usize) -> Totals {
        let end = end.max(self.last);
        let mut totals = self.totals.clone();
        for (record, key) in self.keys.iter().zip(0_u32..) {
            totals.refused_keys += u64::from(record.refused > 0);
            if record.locked_out {
                let lock_out = LockOut {
                    key,
                    start: record.since,
                    length: end.since(record.since),
                    ended: false,
                };
                keep_longer(&mut totals.longest_lock_out, lock_out);
            }
        }
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        totals.refused_share = share(totals.refused, totals.attempts);
        totals.kept_share = share(totals.kept, totals.kept.saturating_add(totals.broken));
        let mean = self.total_delay.checked_div(totals.delayed.into());
        totals.mean_delay = Span::from_nanos(mean.map_or(0, |mean| mean as u64));
        totals.top = self.top(top);
        totals
    }
}

fn count(number: &mut u64, sum: &mut u64, cost: u64) {
    *number = number.saturating_add(1);
    *sum = sum.saturating_add(cost);
}

/// Whatever the order in which lock-outs end, the same one stays.
fn keep_longer(longest: &mut Option<LockOut>, other: LockOut) {
    use std::cmp::Reverse;
    let rank = |lock_out: &LockOut| {
        let LockOut { length, start, .. } = *lock_out;
        (length, Reverse(start), Reverse(lock_out.key))
    };
    if longest.is_none_or(|longest| rank(&longest) < rank(&other)) {
        *longest = Some(other);
    }
}

#[cfg(test)]
mod tests;
