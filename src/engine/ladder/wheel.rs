use super::pool::Pool;
use crate::engine::Event;

const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
const LEVELS: usize = u64::BITS.div_ceil(DIGIT) as usize;

/// Bags of events over the whole future, fine near an origin and coarse far from it.
///
/// Time is counted in units of `2^shift` ns. An event lies on the level of the
/// highest base-64 digit in which its time differs from the origin, in the slot
/// of its own digit there: the hierarchical timing wheels of Varghese and Lauck
/// (1987, scheme 7), as many as 64 bits need. When the origin enters a slot, the
/// slot's events move to lower levels; so an event moves at most once per level.
#[derive(Debug, Clone)]
pub(super) struct Wheel {
    shift: u32,
    origin: u64,
    /// One bit per level that holds an event.
    levels: u32,
    /// For each level one bit per slot that holds an event.
    slots: [u64; LEVELS],
    bags: Box<[[u32; SLOTS]; LEVELS]>,
}

/// What was in one slot of a [`Wheel`], and the units of time that it covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) bag: u32,
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Wheel {
    /// An empty wheel with its origin at a unit of `2^shift` ns.
    pub(super) fn new(shift: u32, origin: u64) -> Wheel {
        Wheel {
            shift,
            origin,
            levels: 0,
            slots: [0; LEVELS],
            bags: Box::new([[0; SLOTS]; LEVELS]),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.levels == 0
    }

    pub(super) fn origin(&self) -> u64 {
        self.origin
    }

    pub(super) fn unit_of(&self, nanos: u64) -> u64 {
        nanos >> self.shift
    }

    /// The last nanosecond that belongs to a slot.
    pub(super) fn last_nanos(&self, slot: Slot) -> u64 {
        slot.last << self.shift | ((1 << self.shift) - 1)
    }

    /// Adds an event that is not before the origin.
    pub(super) fn push(&mut self, pool: &mut Pool, event: Event) {
        let unit = self.unit_of(event.nanos());
        debug_assert!(unit >= self.origin);
        let level = ((unit ^ self.origin) | 1).ilog2() / DIGIT;
        let slot = (unit >> (DIGIT * level)) as usize % SLOTS;
        let level = level as usize;
        if pool.append(&mut self.bags[level][slot], event) {
            self.slots[level] |= 1 << slot;
            self.levels |= 1 << level;
        }
    }

    /// Adds the events of a bag, none of which is before the origin.
    pub(super) fn spread(&mut self, pool: &mut Pool, mut bag: u32) {
        while let Some((events, count)) = pool.take_chunk(&mut bag) {
            for &event in &events[..count] {
                self.push(pool, event);
            }
        }
    }

    /// Empties the slot with the earliest events, and moves the origin to its first unit.
    pub(super) fn take_first(&mut self) -> Option<Slot> {
        if self.is_empty() {
            return None;
        }
        let level = self.levels.trailing_zeros();
        let slot = self.slots[level as usize].trailing_zeros();
        let low = DIGIT * level;
        let above = u64::MAX.checked_shl(low + DIGIT).unwrap_or(0);
        let first = self.origin & above | u64::from(slot) << low;
        self.origin = first;
        Some(Slot {
            bag: self.take(level as usize, slot as usize),
            first,
            last: first | ((1 << low) - 1),
        })
    }

    /// Empties the slot of the origin's own unit.
    pub(super) fn take_origin(&mut self) -> u32 {
        self.take(0, self.origin as usize % SLOTS)
    }

    /// Moves the origin to a unit that no event is before.
    pub(super) fn advance(&mut self, pool: &mut Pool, to: u64) {
        self.origin = to;
        if self.is_empty() {
            return;
        }
        for level in 1..LEVELS {
            let slot = (to >> (DIGIT * level as u32)) as usize % SLOTS;
            let bag = self.take(level, slot);
            self.spread(pool, bag);
        }
    }

    fn take(&mut self, level: usize, slot: usize) -> u32 {
        self.slots[level] &= !(1 << slot);
        if self.slots[level] == 0 {
            self.levels &= !(1 << level);
        }
        std::mem::take(&mut self.bags[level][slot])
    }

    /// The bytes of heap memory held.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.bags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Time;

    #[test]
    fn slots_come_in_order_and_cover_what_they_hold() {
        let mut pool = Pool::default();
        // Origins at a digit's edge, in the middle, and at the end of all time.
        for origin in [0, 63, 64, 12_345_678_901, u64::MAX - 5000] {
            let mut wheel = Wheel::new(0, origin);
            let mut pushed = Vec::new();
            for bit in 0..64 {
                for offset in [0, 1, 63, 64, 4095] {
                    let nanos = origin.saturating_add((1 << bit) + offset);
                    wheel.push(&mut pool, Event::new(Time::from_nanos(nanos), 0, 0, 0));
                    pushed.push(nanos);
                }
            }
            let mut taken = Vec::new();
            while let Some(slot) = wheel.take_first() {
                let (mut bag, mut events) = (slot.bag, Vec::new());
                pool.drain(&mut bag, &mut events, usize::MAX);
                events.sort_unstable();
                for event in &events {
                    assert!((slot.first..=slot.last).contains(&event.nanos()));
                }
                taken.extend(events.iter().map(|event| event.nanos()));
            }
            pushed.sort_unstable();
            assert_eq!(taken, pushed, "origin {origin}");
        }
    }

    #[test]
    fn a_wheel_that_advances_unit_by_unit_misses_nothing() {
        let mut pool = Pool::default();
        let mut wheel = Wheel::new(3, 0);
        for nanos in (0..400_000).step_by(7) {
            wheel.push(&mut pool, Event::new(Time::from_nanos(nanos), 0, 0, 0));
        }
        let mut count = 0;
        for unit in 0..50_000 {
            wheel.advance(&mut pool, unit);
            let (mut bag, mut events) = (wheel.take_origin(), Vec::new());
            pool.drain(&mut bag, &mut events, usize::MAX);
            assert!(events.iter().all(|event| event.nanos() >> 3 == unit));
            count += events.len();
        }
        assert_eq!(count, 400_000_usize.div_ceil(7));
        assert!(wheel.is_empty());
    }
}
