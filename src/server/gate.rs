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
    number: u32,
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
    /// An empty gate, number `number` of its server; `streams` are what its
    /// algorithm draws from.
    pub fn new(plan: GatePlan, number: u32, streams: Streams) -> Gate {
        let first = || streams.uniform(number, Purpose::Probe, 0);
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
            number,
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
            let (streams, number, sampled) = (self.streams, self.number, self.samples);
            adaptive.sample(sample, || streams.uniform(number, Purpose::Probe, sampled));
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
    fn most_of_line(&self, cell: &Cell) -> u32 {
        let permits = self.permits();
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
mod tests {
    use super::*;

    fn gate(permits: u32, queue: u32, order: Order) -> Gate {
        let plan = GatePlan {
            permits: Permits::Fixed(permits),
            max_wait: Span::from_secs(2),
            queue,
            order,
            shares: Shares::default(),
            codel: None,
            keys: 1,
        };
        Gate::new(plan, 0, Streams::new(1, 0))
    }

    fn claim(cost: u32) -> Claim {
        Claim {
            cost,
            level: Criticality::Critical,
        }
    }

    const ONE: Claim = Claim {
        cost: 1,
        level: Criticality::Critical,
    };

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    fn wait(gate: &mut Gate, claim: Claim, now: u64, visit: u32) -> (bool, Vec<u32>) {
        let until = at(now + 2);
        assert_eq!(gate.enter(0, claim, at(now)), Entry::Waits { until });
        let mut turned_away = Vec::new();
        let watch = gate.queue(0, claim, (at(now), until), visit, &mut turned_away);
        (watch, turned_away)
    }

    fn leave(gate: &mut Gate, cost: u32, now: u64) -> Vec<Call> {
        gate.leave(0, cost);
        std::iter::from_fn(|| gate.call(0, at(now))).collect()
    }

    #[test]
    fn a_gate_admits_queues_and_refuses_in_order() {
        let mut gate = gate(1, 2, Order::OldestFirst);
        assert_eq!(gate.enter(0, ONE, at(0)), Entry::Entered);
        let first = wait(&mut gate, ONE, 0, 7);
        assert_eq!(first, (true, vec![]), "the first in line starts the watch");
        let second = wait(&mut gate, ONE, 1, 8);
        assert_eq!(second, (false, vec![]), "one watch is enough");
        assert_eq!(gate.enter(0, ONE, at(1)), Entry::Full);
        assert_eq!(gate.expire(0, at(1)), None);
        assert_eq!(gate.expire(0, at(2)), Some(7));
        assert_eq!(gate.expire(0, at(2)), None);
        assert_eq!(gate.watch(0), Some(at(3)));
        let called = leave(&mut gate, 1, 2);
        assert_eq!(called, [Call::Enter(8)], "the permit passes on");
        assert_eq!((gate.inside(), gate.waiting()), (1, 0));
        assert_eq!(leave(&mut gate, 1, 2), []);
        assert_eq!(gate.inside(), 0);
        assert_eq!(gate.watch(0), None);
    }

    #[test]
    fn the_newest_is_served_first_and_pushes_the_oldest_out() {
        let mut gate = gate(1, 2, Order::NewestFirst);
        assert_eq!(gate.enter(0, ONE, at(0)), Entry::Entered);
        assert_eq!(wait(&mut gate, ONE, 0, 1).1, [0; 0]);
        assert_eq!(wait(&mut gate, ONE, 0, 2).1, [0; 0]);
        assert_eq!(wait(&mut gate, ONE, 0, 3).1, [1]);
        assert_eq!(gate.enter(0, claim(3), at(0)), Entry::Full);
        assert_eq!(leave(&mut gate, 1, 1), [Call::Enter(3)]);
        assert_eq!(leave(&mut gate, 1, 1), [Call::Enter(2)]);
    }

    #[test]
    fn a_queue_is_bounded_in_permits() {
        let mut gate = gate(3, 3, Order::OldestFirst);
        assert_eq!(gate.enter(0, claim(2), at(0)), Entry::Entered);
        assert_eq!(wait(&mut gate, claim(2), 0, 1).1, [0; 0]);
        // One permit is free, but somebody waits for two.
        assert_eq!(wait(&mut gate, ONE, 0, 2).1, [0; 0]);
        assert_eq!(gate.enter(0, ONE, at(0)), Entry::Full);
        assert_eq!(leave(&mut gate, 2, 1), [Call::Enter(1), Call::Enter(2)]);
        assert_eq!(gate.inside(), 3);
        // More than there ever is.
        assert_eq!(gate.enter(0, claim(4), at(1)), Entry::Full);
    }

    #[test]
    fn reserved_permits_are_for_those_above() {
        let mut gate = gate(3, 5, Order::OldestFirst);
        gate.plan.shares = Shares::reserving(1);
        (gate.uniform, gate.plain) = (false, false);
        let poll = Claim {
            cost: 1,
            level: Criticality::SheddablePlus,
        };
        assert_eq!(gate.enter(0, poll, at(0)), Entry::Entered);
        assert_eq!(gate.enter(0, poll, at(0)), Entry::Entered);
        let _ = wait(&mut gate, poll, 0, 1);
        assert_eq!(gate.enter(0, ONE, at(0)), Entry::Entered, "overtakes");
        let _ = wait(&mut gate, ONE, 0, 2);
        assert_eq!(leave(&mut gate, 1, 1), [Call::Enter(2)], "the reserved one");
        assert_eq!(leave(&mut gate, 1, 1), []);
        assert_eq!(leave(&mut gate, 1, 1), [Call::Enter(1)]);
    }

    #[test]
    fn each_key_has_permits_of_its_own() {
        let plan = GatePlan {
            keys: 2,
            ..gate(1, 0, Order::OldestFirst).plan
        };
        let mut gate = Gate::new(plan, 0, Streams::new(1, 0));
        assert_eq!(gate.enter(0, ONE, at(0)), Entry::Entered);
        assert_eq!(gate.enter(0, ONE, at(0)), Entry::Full);
        assert_eq!(gate.enter(1, ONE, at(0)), Entry::Entered);
        assert_eq!((gate.inside(), gate.inside_of(1)), (2, 1));
    }

    #[test]
    fn those_that_need_not_wait_end_an_overload() {
        let plan = GatePlan {
            codel: Some(Codel::default()),
            ..gate(1, 9, Order::OldestFirst).plan
        };
        let millis = Time::from_millis;
        for (at_once, last) in [(false, Call::TurnAway(4)), (true, Call::Enter(4))] {
            let mut gate = Gate::new(plan.clone(), 0, Streams::new(1, 0));
            let queue = |gate: &mut Gate, now: u64, visit: u32| {
                let until = millis(now + 2000);
                assert_eq!(gate.enter(0, ONE, millis(now)), Entry::Waits { until });
                gate.queue(0, ONE, (millis(now), until), visit, &mut Vec::new());
            };
            let leave = |gate: &mut Gate, now: u64| {
                gate.leave(0, 1);
                gate.call(0, millis(now))
            };
            assert_eq!(gate.enter(0, ONE, millis(0)), Entry::Entered);
            queue(&mut gate, 0, 1);
            queue(&mut gate, 0, 2);
            assert_eq!(leave(&mut gate, 50), Some(Call::Enter(1)));
            assert_eq!(leave(&mut gate, 100), Some(Call::Enter(2)), "a long wait");
            // Else the second stays inside.
            if at_once {
                assert_eq!(leave(&mut gate, 150), None);
                for now in [1000, 1200] {
                    assert_eq!(gate.enter(0, ONE, millis(now)), Entry::Entered);
                    assert_eq!(leave(&mut gate, now), None);
                }
                assert_eq!(gate.enter(0, ONE, millis(1400)), Entry::Entered);
            }
            queue(&mut gate, 1400, 3);
            queue(&mut gate, 1400, 4);
            assert_eq!(leave(&mut gate, 1412), Some(Call::Enter(3)));
            assert_eq!(leave(&mut gate, 1415), Some(last), "at once: {at_once}");
        }
    }
}
