use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::overload::{AdaptiveState, CodelState, Criticality, Sample, Shares};
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
    pub codel: Option<CodelState>,
    /// The number of keys, each with permits and a queue of its own.
    pub keys: u32,
}

/// How many permits a gate has.
#[derive(Debug, Clone, PartialEq)]
pub enum Permits {
    /// Always the same.
    Fixed(u32),
    /// As an algorithm finds right, which has seen nothing yet; for a gate with
    /// one key.
    Adaptive(Box<AdaptiveState>),
}

impl GatePlan {
    /// The permits of a gate that always has the same.
    pub fn fixed_permits(&self) -> Option<u32> {
        match &self.permits {
            Permits::Fixed(permits) => Some(*permits),
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
/// 48 bytes per key, 144 where levels have shares of their own, and 32 per visit
/// that waits. Each operation looks at no more than one visit per level, however
/// many wait.
#[derive(Debug)]
pub struct Gate {
    plan: GatePlan,
    cells: Vec<Cell>,
    /// Those that wait, by arrival. A key has one line or, where levels have
    /// shares, one per level, so that the first of each is at hand.
    lines: Vec<VecDeque<Waiter>>,
    /// How many have ever been queued.
    arrivals: u64,
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

/// The permits of one key.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    inside: u32,
    /// Permits that visits wait for.
    queued: u32,
    /// Visits that wait.
    waiting: u32,
    /// Whether an event is on its way for the one that has waited longest.
    watched: bool,
}

#[derive(Debug, Clone, Copy)]
struct Waiter {
    until: Time,
    since: Time,
    /// How many were queued before it.
    arrival: u64,
    visit: u32,
    cost: u32,
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
        let uniform = plan.shares == Shares::default();
        Gate {
            cells: vec![Cell::default(); plan.keys as usize],
            lines: vec![VecDeque::new(); plan.keys as usize * lines_per_key(uniform)],
            arrivals: 0,
            inside: 0,
            waiting: 0,
            uniform,
            plain: uniform && plan.codel.is_none(),
            adaptive: match &plan.permits {
                Permits::Fixed(_) => None,
                Permits::Adaptive(state) => Some(AdaptiveState::clone(state).begun(first)),
            },
            codel: plan.codel,
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
        let keys = self.plan.keys as usize;
        self.cells.resize(keys, Cell::default());
        let lines = keys * lines_per_key(self.uniform);
        self.lines.resize(lines, VecDeque::new());
    }

    /// The permits that there are per key at the moment.
    #[inline]
    pub fn permits(&self) -> u32 {
        match (&self.adaptive, &self.plan.permits) {
            (Some(state), _) => state.limit(),
            (None, Permits::Fixed(permits)) => *permits,
            (None, Permits::Adaptive(state)) => state.limit(),
        }
    }

    /// The permits with which a visit of that level could enter at once.
    pub fn room(&self, key: u32, level: Criticality) -> u32 {
        let cell = &self.cells[key as usize];
        match cell.waiting == 0 || self.overtakes(key, level) {
            true => self.most(level, self.permits()).saturating_sub(cell.inside),
            false => 0,
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
        if let (&Permits::Fixed(permits), true) = (&self.plan.permits, self.plain) {
            if claim.cost <= permits.saturating_sub(cell.inside) && cell.waiting == 0 {
                cell.inside += claim.cost;
                self.inside += claim.cost;
                return Entry::Entered;
            }
            if self.plan.queue == 0 {
                return Entry::Full;
            }
        }
        self.enter_or_wait(key, claim, now)
    }

    /// What there may ever be, where there are `most` permits now.
    fn most_ever(&self, most: u32) -> u32 {
        match &self.plan.permits {
            Permits::Fixed(_) => most,
            Permits::Adaptive(state) => state.most(),
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
            && (cell.waiting == 0 || self.overtakes(key, claim.level))
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

    /// The lines of a key.
    fn lines_of(&self, key: u32) -> Range<usize> {
        let count = lines_per_key(self.uniform);
        let first = key as usize * count;
        first..first + count
    }

    /// The line in which a level waits.
    fn line_of(&self, key: u32, level: Criticality) -> usize {
        match self.uniform {
            true => key as usize,
            false => self.lines_of(key).start + level as usize,
        }
    }

    /// The line of a key in whose front is the one that has waited longest.
    fn oldest_line(&self, key: u32) -> Option<usize> {
        let lines = self.lines_of(key);
        let fronts = lines.filter_map(|line| Some((self.lines[line].front()?.arrival, line)));
        fronts.min().map(|(_, line)| line)
    }

    /// Takes the newest or the oldest of a key's line out of it.
    fn take(&mut self, key: u32, line: usize, newest: bool) -> Option<Waiter> {
        let line = &mut self.lines[line];
        let waiter = match newest {
            true => line.pop_back(),
            false => line.pop_front(),
        }?;
        let cell = &mut self.cells[key as usize];
        cell.queued -= waiter.cost;
        cell.waiting -= 1;
        self.waiting -= 1;
        Some(waiter)
    }

    /// Queues a visit that [`enter`](Gate::enter) told to wait; those that it
    /// pushes out go to `turned_away`, the oldest first. Returns whether the
    /// caller must call [`expire`](Gate::expire) at `until`.
    pub fn queue(
        &mut self,
        key: u32,
        claim: Claim,
        (now, until): (Time, Time),
        visit: u32,
        turned_away: &mut impl Extend<u32>,
    ) -> bool {
        while claim.cost > self.plan.queue - self.cells[key as usize].queued
            && let Some(line) = self.oldest_line(key)
        {
            turned_away.extend(self.take(key, line, false).map(|oldest| oldest.visit));
        }
        let line = self.line_of(key, claim.level);
        self.lines[line].push_back(Waiter {
            until,
            since: now,
            arrival: self.arrivals,
            visit,
            cost: claim.cost,
        });
        self.arrivals += 1;
        self.waiting += 1;
        let cell = &mut self.cells[key as usize];
        cell.queued += claim.cost;
        cell.waiting += 1;
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
        match self.cells[key as usize].waiting {
            0 => None,
            _ => self.call_from_line(key, now),
        }
    }

    #[inline(never)]
    fn call_from_line(&mut self, key: u32, now: Time) -> Option<Call> {
        let newest_first = self.is_newest_first(key);
        let line = self.next_line(key, newest_first)?;
        let waiter = self.take(key, line, newest_first)?;
        if let Some(codel) = &mut self.codel
            && codel.overloaded(now, now.since(waiter.since))
        {
            return Some(Call::TurnAway(waiter.visit));
        }
        self.cells[key as usize].inside += waiter.cost;
        self.inside += waiter.cost;
        Some(Call::Enter(waiter.visit))
    }

    /// Removes one visit whose wait for a key has ended by `now`.
    pub fn expire(&mut self, key: u32, now: Time) -> Option<u32> {
        let line = self.oldest_line(key)?;
        self.lines[line]
            .front()
            .filter(|waiter| waiter.until <= now)?;
        self.take(key, line, false).map(|waiter| waiter.visit)
    }

    /// After the expired visits are removed: when [`expire`](Gate::expire)
    /// must be called next for a key, if anybody waits.
    pub fn watch(&mut self, key: u32) -> Option<Time> {
        let line = self.oldest_line(key);
        let next = line.and_then(|line| self.lines[line].front());
        let next = next.map(|waiter| waiter.until);
        self.cells[key as usize].watched = next.is_some();
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
    fn overtakes(&self, key: u32, level: Criticality) -> bool {
        match self.plan.order {
            Order::NewestFirst => true,
            Order::NewestAbove(depth) if self.cells[key as usize].waiting > depth => true,
            // Permits that those who wait may not use.
            _ => !self.uniform && self.most_of_lines(key) < self.most(level, self.permits()),
        }
    }

    fn is_newest_first(&self, key: u32) -> bool {
        match self.plan.order {
            Order::OldestFirst => false,
            Order::NewestFirst => true,
            Order::NewestAbove(depth) => self.cells[key as usize].waiting > depth,
        }
    }

    /// The most permits that anybody who waits for a key may use, where levels
    /// have shares.
    fn most_of_lines(&self, key: u32) -> u32 {
        let permits = self.permits();
        let lines = Criticality::ALL.into_iter().zip(self.lines_of(key));
        let there = lines.filter(|(_, line)| !self.lines[*line].is_empty());
        let most = there.map(|(level, _)| self.most(level, permits));
        most.max().unwrap_or(0)
    }

    /// The line whose first is the next for whom there are permits. Who waits for
    /// more than is free keeps those behind from it, unless they may use more
    /// of the gate; so of each level only the first may be next.
    fn next_line(&self, key: u32, newest_first: bool) -> Option<usize> {
        match self.uniform {
            true => self.only_line(key, newest_first),
            false => self.next_of_lines(key, newest_first),
        }
    }

    /// The same where a key has one line.
    #[inline]
    fn only_line(&self, key: u32, newest_first: bool) -> Option<usize> {
        let line = key as usize;
        let head = match newest_first {
            true => self.lines[line].back(),
            false => self.lines[line].front(),
        }?;
        let free = self.permits().saturating_sub(self.cells[line].inside);
        (head.cost <= free).then_some(line)
    }

    fn next_of_lines(&self, key: u32, newest_first: bool) -> Option<usize> {
        let (permits, inside) = (self.permits(), self.cells[key as usize].inside);
        let lines = Criticality::ALL.into_iter().zip(self.lines_of(key));
        let mut heads = lines.map(|(level, line)| {
            let head = match newest_first {
                true => self.lines[line].back(),
                false => self.lines[line].front(),
            }?;
            let rank = match newest_first {
                true => u64::MAX - head.arrival,
                false => head.arrival,
            };
            Some((rank, line, head.cost, self.most(level, permits)))
        });
        let mut heads: [_; 4] = std::array::from_fn(|_| heads.next().flatten());
        heads.sort_unstable();
        let mut blocked = None;
        for (_, line, cost, most) in heads.into_iter().flatten() {
            let fits = cost <= most.saturating_sub(inside);
            if fits && blocked.is_none_or(|blocked| most > blocked) {
                return Some(line);
            }
            if !fits {
                blocked = blocked.max(Some(most));
            }
        }
        None
    }
}

/// How many lines a key has.
const fn lines_per_key(uniform: bool) -> usize {
    match uniform {
        true => 1,
        false => Criticality::ALL.len(),
    }
}

#[cfg(test)]
mod tests;
