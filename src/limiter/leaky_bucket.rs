//! Leaky bucket with a queue: attempts beyond the rate wait for their turn.
//!
//! *Definition.* Tokens come at a rate, up to a burst, and the bucket starts
//! full. An attempt of cost n takes n tokens and may leave the level below zero;
//! it goes on once the level is back at zero. First come, first served, so the
//! wait is known on arrival. It is refused if the level would fall below minus
//! the queue, or if it would wait longer than the longest wait.
//!
//! Who is refused depends on the sum of burst and queue only, who waits and how
//! long on each (A. W. Berger, "Performance analysis of a rate-control throttle
//! where tokens and jobs queue", IEEE INFOCOM 1990): burst 10 without a queue,
//! 7 with a queue of 3 and 1 with a queue of 9 refuse the same attempts.
//!
//! *Which products.* `golang.org/x/time/rate` where it reserves or waits (there
//! a cost above the burst is refused); `go.uber.org/ratelimit`, whose slack is
//! the burst less one, though it starts without it; failsafe-go's smooth
//! limiter, with [`Grid`]. Their intervals are whole nanoseconds: see
//! [`whole_interval`].
//!
//! *Slots.* With a [`Grid`], tokens come at whole multiples of the interval
//! since the epoch or the key's first request: an attempt in the midst of an
//! unused slot goes on at once, and the next need not wait a whole interval.
//! failsafe-go counts from the making of the limiter.
//!
//! *Edges.* Within any time `t`, at most `burst + queue + r t` are admitted, and
//! of attempts of cost 1 at most `burst + r t` go on (with a grid one token
//! more); one that costs more than the burst goes on as a whole.
//!
//! *Refused attempts* are free. *Refunds* give tokens back, never beyond a full
//! bucket, and are exact unless it has been full since the spend; those who
//! wait already are not called earlier.
//!
//! 16 bytes per key, exact at any rate without a grid.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Standing};
use super::error::RuleError;
use super::exact::Exact;
use super::profile::Profile;
use super::quota::KeySize;
use crate::units::{Rate, Span, Time};

/// Where the slots of a [`LeakyBucket`] lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Grid {
    /// Anywhere: a token takes a whole interval from the last one's use.
    #[default]
    None,
    /// At whole multiples of the interval since the Unix epoch.
    Epoch,
    /// At whole multiples of the interval since the first admitted attempt.
    FirstRequest,
}

/// Tokens at a rate, up to a burst, and a queue for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeakyBucket {
    rate: Rate,
    /// The time of as many tokens as the burst.
    capacity: Exact,
    /// The time of as many tokens as burst and queue.
    depth: Exact,
    /// The longest time to full that is within the longest wait.
    patience: Exact,
    grid: Grid,
    /// The largest cost that is ever admitted.
    largest: u64,
    /// Whether a key begins with one token instead of the burst.
    starts_empty: bool,
}

/// The depth of a queue, or a patience, without a bound.
const UNBOUNDED: Exact = Exact::whole(u64::MAX);

/// When the bucket of one key would be full; zero if it was never used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeakyState {
    full_at: Exact,
}

/// The rate whose interval is that of `rate` rounded down to whole
/// nanoseconds, as limiters have it that divide a duration by a count.
///
/// # Errors
/// If the interval is less than a nanosecond.
pub fn whole_interval(rate: Rate) -> Result<Rate, RuleError> {
    let interval = rate.per().nanos() / rate.events();
    Rate::new(1, Span::from_nanos(interval)).ok_or(RuleError::ZeroInterval)
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "LeakyBucket", deny_unknown_fields)]
pub struct Params {
    /// The refill.
    pub rate: Rate,
    /// Requests that may pass at once.
    #[serde(default = "one")]
    pub burst: u64,
    /// The most requests that wait; no bound, if absent.
    #[serde(default)]
    pub queue: Option<u64>,
    /// The longest wait; no bound, if absent.
    #[serde(default)]
    pub max_wait: Option<Span>,
    /// Whether tokens come at whole multiples of their interval only.
    #[serde(default)]
    pub grid: Grid,
    /// Whether the interval is rounded down to whole nanoseconds, as in Go.
    #[serde(default)]
    pub whole_nanoseconds: bool,
    /// The largest cost that is ever admitted; any, if absent.
    #[serde(default)]
    pub max_cost: Option<u64>,
    /// Whether a key begins with one token instead of the burst.
    #[serde(default)]
    pub starts_empty: bool,
}

fn one() -> u64 {
    1
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, _: KeySize) -> Result<LeakyBucket, RuleError> {
        let rate = match self.whole_nanoseconds {
            true => whole_interval(self.rate)?,
            false => self.rate,
        };
        let mut bucket = LeakyBucket::new(rate, self.burst, self.queue, self.max_wait, self.grid)?;
        if let Some(cost) = self.max_cost {
            bucket = bucket.with_largest_cost(cost);
        }
        if self.starts_empty {
            bucket = bucket.starting_empty();
        }
        Ok(bucket)
    }

    /// What is known of it.
    pub(super) fn profile(&self, _: KeySize) -> Profile<'_> {
        Profile {
            queue: self.queue.map_or(f64::INFINITY, |queue| queue as f64),
            max_wait: self.max_wait.map_or(f64::INFINITY, Span::secs_f64),
            tells_quota: self.queue.is_some() || self.max_wait.is_some(),
            ..Profile::bucket(self.rate, self.burst)
        }
    }
}

impl LeakyBucket {
    /// `rate` tokens, at most `burst` of them, for which at most `queue` units
    /// of cost wait and none longer than `max_wait`, each without limit if
    /// `None`. With a grid, the interval is rounded down to whole nanoseconds.
    ///
    /// # Errors
    /// If `burst` is zero, burst and queue would take more than 584 years, or
    /// the slots of a grid are shorter than a nanosecond.
    pub fn new(
        rate: Rate,
        burst: u64,
        queue: Option<u64>,
        max_wait: Option<Span>,
        grid: Grid,
    ) -> Result<LeakyBucket, RuleError> {
        if burst == 0 {
            return Err(RuleError::ZeroBurst);
        }
        let rate = match grid {
            Grid::None => rate,
            Grid::Epoch | Grid::FirstRequest => whole_interval(rate)?,
        };
        let too_long = RuleError::FillTooLong { burst };
        let capacity = Exact::of_tokens(rate, burst).ok_or(too_long)?;
        let depth = match queue {
            Some(queue) => {
                let burst = burst.saturating_add(queue);
                Exact::of_tokens(rate, burst).ok_or(RuleError::FillTooLong { burst })?
            }
            None => UNBOUNDED,
        };
        let patience = match max_wait {
            Some(wait) => capacity
                .plus(Exact::whole(wait.nanos()), rate.events())
                .unwrap_or(UNBOUNDED),
            None => UNBOUNDED,
        };
        Ok(LeakyBucket {
            rate,
            capacity,
            depth,
            patience,
            grid,
            largest: u64::MAX,
            starts_empty: false,
        })
    }

    /// Refuses attempts of a larger cost for good, as `golang.org/x/time/rate`
    /// does above its burst.
    pub fn with_largest_cost(self, largest: u64) -> LeakyBucket {
        LeakyBucket { largest, ..self }
    }

    /// Gives a new key one token instead of the burst, as `go.uber.org/ratelimit`
    /// does. Has no effect with a grid.
    pub fn starting_empty(self) -> LeakyBucket {
        LeakyBucket {
            starts_empty: self.grid == Grid::None,
            ..self
        }
    }

    /// Whether whoever comes may wait, however many do already.
    fn is_unbounded(&self) -> bool {
        self.depth.min(self.patience) == UNBOUNDED
    }

    /// When the bucket of a key would be full.
    fn full_at(&self, state: &LeakyState, now: Time) -> Exact {
        if !self.starts_empty || *state != LeakyState::default() {
            return state.full_at;
        }
        let events = self.rate.events();
        let token = Exact::of_tokens(self.rate, 1).unwrap_or(self.capacity);
        let missing = self.capacity.minus_or_zero(token, events);
        let full_at = Exact::whole(now.nanos()).plus(missing, events);
        full_at.unwrap_or(Exact::whole(u64::MAX))
    }

    /// Judges an attempt, and takes its cost if it is admitted.
    #[inline]
    pub fn decide(&self, state: &mut LeakyState, now: Time, cost: u64) -> Decision {
        let never = Decision::Refuse { retry_after: None };
        if cost == 0 {
            return Decision::Admit;
        }
        if cost > self.largest {
            return never;
        }
        let Some(need) = Exact::of_tokens(self.rate, cost) else {
            return never;
        };
        let events = self.rate.events();
        let slot = self.slot(state, now);
        // The first attempt starts the clock of an empty bucket, also if refused.
        state.full_at = self.full_at(state, now);
        let start = state.full_at.max(Exact::whole(slot));
        let Some(full_at) = start.plus(need, events).filter(|_| need <= self.depth) else {
            return never;
        };
        // Both the queue, which moves with the slots, and the wait must do.
        let queued = full_at.nanos_beyond(self.depth, events);
        let waited = full_at.nanos_beyond(self.patience, events);
        if queued > slot || waited > now.nanos() {
            let admitted = queued.max(waited);
            // A wait that exceeds the patience at the end of a slot does so
            // in every slot.
            let past = match self.grid {
                Grid::None => need > self.patience,
                // The grid would begin anew with every such attempt.
                Grid::FirstRequest if state.full_at.nanos == 0 => true,
                _ => waited.saturating_sub(start.nanos) >= self.rate.per().nanos(),
            };
            let wait = admitted.saturating_sub(now.nanos());
            return Decision::Refuse {
                retry_after: (!past).then_some(Span::from_nanos(wait)),
            };
        }
        state.full_at = full_at;
        match full_at
            .nanos_beyond(self.capacity, events)
            .checked_sub(now.nanos())
        {
            None | Some(0) => Decision::Admit,
            Some(wait) => Decision::Delay(Span::from_nanos(wait)),
        }
    }

    /// The start of the slot that holds `now`: the moment itself without a
    /// grid, and for a grid that is yet to begin.
    fn slot(&self, state: &LeakyState, now: Time) -> u64 {
        let (now, full_at) = (now.nanos(), state.full_at.nanos);
        match self.grid {
            Grid::None => now,
            Grid::FirstRequest if full_at == 0 => now,
            // A grid has whole slots, and the bucket is always full at one.
            _ if now >= full_at => now - (now - full_at) % self.rate.per().nanos(),
            _ => {
                let interval = self.rate.per().nanos();
                let into = (full_at - now) % interval;
                if into == 0 {
                    now
                } else {
                    now.saturating_sub(interval - into)
                }
            }
        }
    }

    /// Gives back what an admitted attempt took, whenever that was.
    pub fn refund(&self, state: &mut LeakyState, _spent: Time, cost: u64) {
        state.full_at = match Exact::of_tokens(self.rate, cost) {
            Some(given) if given <= state.full_at => state.full_at.minus(given, self.rate.events()),
            _ => Exact::default(),
        };
    }

    /// What would be admitted now, at once or after a wait, and how long until
    /// the bucket is full. One that starts empty has all that it ever begins with
    /// until its first use. The quota told is the burst.
    pub fn inspect(&self, state: &LeakyState, now: Time) -> Standing {
        let events = self.rate.events();
        let slot = Time::from_nanos(self.slot(state, now));
        let full_at = self.full_at(state, now);
        let queue_room = self.depth.minus_or_zero(full_at.from(slot), events);
        let start = full_at.max(Exact::whole(slot.nanos()));
        let wait_room = self.patience.minus_or_zero(start.from(now), events);
        let into_slot = Exact::whole(now.since(slot).nanos());
        let wait_room = match start.nanos < now.nanos() {
            true => wait_room.plus(into_slot, events).unwrap_or(self.depth),
            false => wait_room,
        };
        let reset_after = match *state == LeakyState::default() {
            true => Span::ZERO,
            false => full_at.from(now).round_up(),
        };
        if self.is_unbounded() {
            return Standing {
                quota: None,
                remaining: None,
                reset_after: Some(reset_after),
            };
        }
        Standing::of(
            self.capacity.tokens(self.rate),
            (queue_room.min(wait_room).tokens(self.rate)).min(self.largest),
            reset_after,
        )
    }
}

#[cfg(test)]
mod tests;
