use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::overload::{
    Adaptive, AdaptiveState, Codel, CodelState, Criticality, Sample, SampleWindow, Shares,
};
use crate::rng::{Purpose, Streams};
use crate::units::{Span, Time};

/// The parameters of a gate.
#[derive(Debug, Clone, PartialEq)]
pub struct GatePlan {
    /// What may be inside at once, per key.
    pub permits: Permits,
    /// The longest wait for a permit.
    pub max_wait: Span,
    /// The most permits that visits wait for at once, per key.
    pub queue: u32,
    /// Who is next.
    pub order: Order,
    /// How much of it each level of criticality may use.
    pub shares: Shares,
    /// Whether those that waited long are turned away.
    pub codel: Option<Codel>,
    /// The number of keys, each with permits and a queue of its own.
    pub keys: u32,
}

/// How many permits a gate has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Permits {
    /// Always the same.
    Fixed(u32),
    /// As an algorithm finds right, fed by each sample or by a window of them;
    /// for a gate with one key.
    Adaptive(Adaptive, Option<SampleWindow>),
}

impl GatePlan {
    /// The permits of a gate that always has the same.
    pub fn fixed_permits(&self) -> Option<u32> {
        match self.permits {
            Permits::Fixed(permits) => Some(permits),
            Permits::Adaptive(..) => None,
        }
    }
}

/// Which of those that wait gets a permit that has become free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// The one that has waited longest. A full queue refuses who comes.
    #[default]
    OldestFirst,
    /// The one that came last, and who comes overtakes those that wait. A full
    /// queue turns its oldest away (.NET's `QueueProcessingOrder.NewestFirst`).
    NewestFirst,
    /// The longest waiting while at most so many wait, else the newest: the
    /// adaptive LIFO of B. Maurer, "Fail at scale", ACM Queue 13(8), 2015.
    NewestAbove(u32),
}

/// What a visit asks of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Permits.
    pub cost: u32,
    /// How much it matters.
    pub level: Criticality,
}

/// A concurrency limit with a bounded wait.
///
/// A visit that finds its permits free enters; otherwise it waits if the queue
/// has room, for at most `max_wait`. With [`Order::OldestFirst`] nobody
/// overtakes within a level of criticality: as long as somebody waits, no
/// permit is free.
///
/// 64 bytes per key, and 32 per visit that waits.
#[derive(Debug)]
pub struct Gate {
    plan: GatePlan,
    cells: Vec<Cell>,
    inside: u32,
    waiting: usize,
    /// Whether all levels may use all of it.
    uniform: bool,
    /// Whether nothing but a number of permits decides who enters.
    plain: bool,
    adaptive: Option<AdaptiveState>,
    codel: Option<CodelState>,
    /// What the adaptive algorithm draws from, and how often it could have.
    streams: Streams,
    samples: u64,
}

/// The permits and the queue of one key.
#[derive(Debug, Clone, Default)]
struct Cell {
    inside: u32,
    /// Permits that visits wait for.
    queued: u32,
    /// Whether an event is on its way for the one that has waited longest.
    watched: bool,
    /// By arrival.
    line: VecDeque<Waiter>,
    /// How many of them are of each level.
    by_level: [u32; 4],
}

#[derive(Debug, Clone, Copy)]
struct Waiter {
    until: Time,
    since: Time,
    visit: u32,
    claim: Claim,
}

/// What happened to a visit at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It holds its permits.
    Entered,
    /// It waits; it gives up at that time.
    Waits {
        /// The end of its wait.
        until: Time,
    },
    /// There are neither permits nor room to wait.
    Full,
}

/// What happens to a visit that has waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// It holds its permits.
    Enter(u32),
    /// It is turned away, because those before it waited too long.
    TurnAway(u32),
}

impl Gate {
    /// An empty gate; `streams` are what its algorithm draws from, and nobody
    /// else.
    pub fn new(plan: GatePlan, streams: Streams) -> Gate {
        let first = || streams.uniform(0, Purpose::Probe, 0);
        Gate {
            cells: vec![Cell::default(); plan.keys as usize],
            inside: 0,
            waiting: 0,
            uniform: plan.shares == Shares::default(),
            plain: plan.shares == Shares::default() && plan.codel.is_none(),
            // Parameters that a scenario's check would not have passed admit
            // nobody.
            adaptive: match plan.permits {
                Permits::Fixed(_) => None,
                Permits::Adaptive(rule, window) => AdaptiveState::new(rule, window, first).ok(),
            },
            codel: plan.codel.and_then(|rule| CodelState::new(rule).ok()),
            streams,
            samples: 0,
            plan,
        }
    }

    /// Permits held, over all keys.
    pub fn inside(&self) -> u32 {
        self.inside
    }

    /// Visits that wait, over all keys.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Permits held of one key.
    pub fn inside_of(&self, key: u32) -> u32 {
        self.cells[key as usize].inside
    }

    /// The number of keys.
    pub fn keys(&self) -> u32 {
        self.plan.keys
    }

    /// Adds keys, up to `keys` in all.
    pub fn grow(&mut self, keys: u32) {
        self.plan.keys = self.plan.keys.max(keys);
        self.cells.resize(self.plan.keys as usize, Cell::default());
    }

    /// The permits that there are per key at the moment.
    #[inline]
    pub fn permits(&self) -> u32 {
        match (&self.adaptive, self.plan.permits) {
            (Some(adaptive), _) => adaptive.limit(),
            (None, Permits::Fixed(permits)) => permits,
            (None, Permits::Adaptive(..)) => 0,
        }
    }

    /// Whether an algorithm sets the permits.
    pub fn is_adaptive(&self) -> bool {
        self.adaptive.is_some()
    }

    /// What a level may use of so many permits.
    #[inline]
    fn most(&self, level: Criticality, permits: u32) -> u32 {
        match self.uniform {
            true => permits,
            false => self.plan.shares.limit_for(level, permits),
        }
    }

    /// Tries to enter at `now`; a visit that has to wait is not yet queued.
    #[inline]
    pub fn enter(&mut self, key: u32, claim: Claim, now: Time) -> Entry {
        let cell = &mut self.cells[key as usize];
        if let (Permits::Fixed(permits), true) = (self.plan.permits, self.plain)
            && claim.cost <= permits.saturating_sub(cell.inside)
            && cell.line.is_empty()
        {
            cell.inside += claim.cost;
            self.inside += claim.cost;
            return Entry::Entered;
        }
        self.enter_or_wait(key, claim, now)
    }

    /// What there may ever be, where there are `most` permits now.
    fn most_ever(&self, most: u32) -> u32 {
        match self.plan.permits {
            Permits::Fixed(_) => most,
            Permits::Adaptive(rule, _) => rule.most(),
        }
    }

    #[inline(never)]
    fn enter_or_wait(&mut self, key: u32, claim: Claim, now: Time) -> Entry {
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.advance(now);
        }
        let most = self.most(claim.level, self.permits());
        let cell = &self.cells[key as usize];
        if claim.cost <= most.saturating_sub(cell.inside)
            && (cell.line.is_empty() || self.overtakes(cell, claim.level))
        {
            self.cells[key as usize].inside += claim.cost;
            self.inside += claim.cost;
            // Who did not wait shows that no queue stands.
            if let Some(codel) = &mut self.codel {
                codel.pass_at_once(now);
            }
            return Entry::Entered;
        }
        let room = match self.plan.order {
            Order::NewestFirst => self.plan.queue,
            Order::OldestFirst | Order::NewestAbove(_) => self.plan.queue - cell.queued,
        };
        // Who asks for more than there is waits for what more there may be.
        if claim.cost <= room && claim.cost <= self.most_ever(most) {
            let until = now + self.plan.max_wait;
            Entry::Waits { until }
        } else {
            Entry::Full
        }
    }

    /// Queues a visit that [`enter`](Gate::enter) told to wait; those that it
    /// pushes out go to `turned_away`. Returns whether the caller must call
    /// [`expire`](Gate::expire) at `until`.
    pub fn queue(
        &mut self,
        key: u32,
        claim: Claim,
        (now, until): (Time, Time),
        visit: u32,
        turned_away: &mut Vec<u32>,
    ) -> bool {
        let cell = &mut self.cells[key as usize];
        while claim.cost > self.plan.queue - cell.queued
            && let Some(oldest) = cell.line.pop_front()
        {
            cell.queued -= oldest.claim.cost;
            cell.by_level[oldest.claim.level as usize] -= 1;
            self.waiting -= 1;
            turned_away.push(oldest.visit);
        }
        cell.queued += claim.cost;
        cell.by_level[claim.level as usize] += 1;
        self.waiting += 1;
        cell.line.push_back(Waiter {
            until,
            since: now,
            visit,
            claim,
        });
        until != Time::MAX && !std::mem::replace(&mut cell.watched, true)
    }

    /// Gives permits back; [`call`](Gate::call) then says who gets them.
    #[inline]
    pub fn leave(&mut self, key: u32, cost: u32) {
        self.cells[key as usize].inside -= cost;
        self.inside -= cost;
    }

    /// Takes the next of those that wait for a key out of the queue, if there
    /// are permits for it. To be called until it returns nobody.
    #[inline]
    pub fn call(&mut self, key: u32, now: Time) -> Option<Call> {
        match self.cells[key as usize].line.is_empty() {
            true => None,
            false => self.call_from_line(key, now),
        }
    }

    #[inline(never)]
    fn call_from_line(&mut self, key: u32, now: Time) -> Option<Call> {
        let cell = &self.cells[key as usize];
        let place = self.next_in_line(cell)?;
        let cell = &mut self.cells[key as usize];
        let waiter = cell.line.remove(place)?;
        cell.queued -= waiter.claim.cost;
        cell.by_level[waiter.claim.level as usize] -= 1;
        self.waiting -= 1;
        if let Some(codel) = &mut self.codel
            && codel.overloaded(now, now.since(waiter.since))
        {
            return Some(Call::TurnAway(waiter.visit));
        }
        cell.inside += waiter.claim.cost;
        self.inside += waiter.claim.cost;
        Some(Call::Enter(waiter.visit))
    }

    /// Removes one visit whose wait for a key has ended by `now`.
    pub fn expire(&mut self, key: u32, now: Time) -> Option<u32> {
        let cell = &mut self.cells[key as usize];
        let waiter = cell.line.front().filter(|waiter| waiter.until <= now)?;
        let (visit, claim) = (waiter.visit, waiter.claim);
        cell.line.pop_front();
        cell.queued -= claim.cost;
        cell.by_level[claim.level as usize] -= 1;
        self.waiting -= 1;
        Some(visit)
    }

    /// After the expired visits are removed: when [`expire`](Gate::expire)
    /// must be called next for a key, if anybody waits.
    pub fn watch(&mut self, key: u32) -> Option<Time> {
        let cell = &mut self.cells[key as usize];
        let next = cell.line.front().map(|waiter| waiter.until);
        cell.watched = next.is_some();
        next
    }

    /// Tells the algorithm that sets the permits how a visit went.
    pub fn learn(&mut self, sample: &Sample) {
        if let Some(adaptive) = &mut self.adaptive {
            self.samples += 1;
            let (streams, sampled) = (&self.streams, self.samples);
            adaptive.sample(sample, || streams.uniform(0, Purpose::Probe, sampled));
        }
    }

    /// Whether a visit for which there are permits passes those that wait.
    fn overtakes(&self, cell: &Cell, level: Criticality) -> bool {
        match self.plan.order {
            Order::NewestFirst => true,
            Order::NewestAbove(depth) if cell.line.len() > depth as usize => true,
            // Permits that those who wait may not use.
            _ => !self.uniform && self.most_of_line(cell) < self.most(level, self.permits()),
        }
    }

    /// The most permits that anybody in line may use.
    #[inline]
    fn most_of_line(&self, cell: &Cell) -> u32 {
        let permits = self.permits();
        if self.uniform {
            return permits;
        }
        let there = Criticality::ALL.into_iter().zip(cell.by_level);
        let there = there.filter(|(_, count)| *count > 0);
        let most = there.map(|(level, _)| self.most(level, permits));
        most.max().unwrap_or(0)
    }

    /// The place of the next in line for whom there are permits. Who waits for
    /// more than is free keeps those behind from it, unless they may use more
    /// of the gate.
    fn next_in_line(&self, cell: &Cell) -> Option<usize> {
        let (permits, line) = (self.permits(), &cell.line);
        let newest_first = match self.plan.order {
            Order::OldestFirst => false,
            Order::NewestFirst => true,
            Order::NewestAbove(depth) => line.len() > depth as usize,
        };
        let highest = self.most_of_line(cell);
        let mut blocked = None;
        for ahead in 0..line.len() {
            let place = match newest_first {
                true => line.len() - 1 - ahead,
                false => ahead,
            };
            let claim = line[place].claim;
            let most = self.most(claim.level, permits);
            let fits = claim.cost <= most.saturating_sub(cell.inside);
            if fits && blocked.is_none_or(|blocked| most > blocked) {
                return Some(place);
            }
            if !fits {
                blocked = blocked.max(Some(most));
            }
            // Nobody further back may pass.
            if blocked >= Some(highest) {
                return None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
