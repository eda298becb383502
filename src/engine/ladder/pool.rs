use crate::engine::{Event, MOST_FORETOLD};
use crate::memory::prefetch;
use crate::units::Time;

/// Events per chunk. Of 4, 8 and 16 the last was the fastest at a million
/// pending events: a chain is followed less often.
pub(super) const CHUNK: usize = 16;
const _: () = assert!(CHUNK <= MOST_FORETOLD, "a chunk is told at a time");

/// Storage for any number of unsorted bags of events, in chunks of [`CHUNK`]
/// that are chained up per bag and used again when a bag has been emptied.
///
/// A bag is a cursor: zero when empty, else the slot behind its last event. A
/// cursor at a multiple of `CHUNK` has no room left in its chunk. So a bag costs
/// its owner 4 bytes, and on average half a chunk.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    slots: Vec<Event>,
    /// For each chunk the cursor of the bag before it got this chunk; for a free
    /// chunk the next free one.
    before: Vec<u32>,
    /// The first free chunk, as the cursor behind its last slot; zero if none.
    free: u32,
}

const fn chunk_of(cursor: u32) -> usize {
    (cursor as usize - 1) / CHUNK
}

impl Pool {
    /// Adds an event to a bag, and says whether the bag was empty before.
    #[inline]
    pub(super) fn append(&mut self, bag: &mut u32, event: Event) -> bool {
        let before = *bag;
        let slot = if before.is_multiple_of(CHUNK as u32) {
            self.new_chunk(before)
        } else {
            before
        };
        self.slots[slot as usize] = event;
        *bag = slot + 1;
        before == 0
    }

    /// Begins to load the slot that a bag's next event will get.
    #[inline]
    pub(super) fn prefetch(&self, bag: u32) {
        prefetch(&self.slots, bag as usize);
    }

    /// Begins to load the last chunk of a bag.
    #[inline]
    pub(super) fn prefetch_chunk(&self, bag: u32) {
        if bag != 0 {
            let chunk = chunk_of(bag);
            prefetch(&self.before, chunk);
            for line in 0..CHUNK / 4 {
                prefetch(&self.slots, chunk * CHUNK + 4 * line);
            }
        }
    }

    /// The events in the last chunk of a bag, and the bag without them.
    #[inline]
    pub(super) fn last_chunk(&self, bag: u32) -> (&[Event], u32) {
        if bag == 0 {
            return (&[], 0);
        }
        let chunk = chunk_of(bag);
        (&self.slots[chunk * CHUNK..bag as usize], self.before[chunk])
    }

    /// The first slot of an unused chunk, whose chain goes on at `before`.
    #[inline]
    fn new_chunk(&mut self, before: u32) -> u32 {
        if self.free == 0 {
            self.grow();
        }
        let full = self.free;
        self.free = std::mem::replace(&mut self.before[chunk_of(full)], before);
        full - CHUNK as u32
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let full = self.slots.len() + CHUNK;
        if full > self.slots.capacity() {
            // By a quarter rather than by doubling: a million events are 16 MB.
            let chunks = (self.before.len() / 4).max(32);
            self.slots.reserve_exact(chunks * CHUNK);
            self.before.reserve_exact(chunks);
        }
        self.free = u32::try_from(full).expect("fewer than 2^32 pending events (64 GiB)");
        self.slots.resize(full, Event::new(Time::EPOCH, 0, 0, 0));
        self.before.push(0);
    }

    /// Gives the last chunk of a bag back, and returns the slots that were used in it.
    #[inline]
    fn free_chunk(&mut self, bag: &mut u32) -> std::ops::Range<usize> {
        let chunk = chunk_of(*bag);
        let start = chunk * CHUNK;
        let used = start..*bag as usize;
        *bag = std::mem::replace(&mut self.before[chunk], self.free);
        self.free = (start + CHUNK) as u32;
        used
    }

    /// Moves the events of a bag to `to`, chunk by chunk, until the bag is empty
    /// or `to` holds more than `limit`.
    #[inline]
    pub(super) fn drain(&mut self, bag: &mut u32, to: &mut Vec<Event>, limit: usize) {
        while *bag != 0 && to.len() <= limit {
            let used = self.free_chunk(bag);
            to.extend_from_slice(&self.slots[used]);
        }
    }

    /// Takes the last chunk of a bag: its events, of which the first so many
    /// count. `None` if the bag is empty.
    pub(super) fn take_chunk(&mut self, bag: &mut u32) -> Option<([Event; CHUNK], usize)> {
        if *bag == 0 {
            return None;
        }
        let used = self.free_chunk(bag);
        let mut events = [Event::new(Time::EPOCH, 0, 0, 0); CHUNK];
        events[..used.len()].copy_from_slice(&self.slots[used.clone()]);
        Some((events, used.len()))
    }

    /// Whether a bag holds more than `limit` events that are not all of the same time.
    pub(super) fn is_divisible(&self, bag: u32, limit: usize) -> bool {
        let (mut rest, mut count, mut differs) = (bag, 0, false);
        let Some(last) = bag.checked_sub(1) else {
            return false;
        };
        let time = self.slots[last as usize].nanos();
        while rest != 0 && !(differs && count > limit) {
            let chunk = chunk_of(rest);
            let events = &self.slots[chunk * CHUNK..rest as usize];
            count += events.len();
            differs |= events.iter().any(|event| event.nanos() != time);
            rest = self.before[chunk];
        }
        differs && count > limit
    }

    /// The bytes of heap memory held.
    pub(super) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Event>() + self.before.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(nanos: u64) -> Event {
        Event::new(Time::from_nanos(nanos), 0, 0, 0)
    }

    #[test]
    fn bags_keep_their_own_events_and_chunks_are_used_again() {
        let mut pool = Pool::default();
        let mut bags = [0; 3];
        let mut size = 0;
        for round in 0..4 {
            for i in 0..300 {
                let was_empty = pool.append(&mut bags[i % 3], event(i as u64));
                assert_eq!(was_empty, i < 3);
            }
            if round == 0 {
                size = pool.slots.len();
            }
            assert_eq!(pool.slots.len(), size, "round {round}");
            for (i, bag) in bags.iter_mut().enumerate() {
                let mut taken = Vec::new();
                pool.drain(bag, &mut taken, 20);
                assert!((21..=20 + CHUNK).contains(&taken.len()));
                while let Some((events, count)) = pool.take_chunk(bag) {
                    taken.extend_from_slice(&events[..count]);
                }
                assert_eq!(*bag, 0);
                taken.sort_unstable();
                let expected: Vec<_> = (0..100).map(|n| event(3 * n + i as u64)).collect();
                assert_eq!(taken, expected);
            }
        }
    }

    #[test]
    fn only_a_large_bag_of_different_times_is_divisible() {
        let mut pool = Pool::default();
        let mut bag = 0;
        assert!(!pool.is_divisible(bag, 0));
        for _ in 0..100 {
            pool.append(&mut bag, event(5));
        }
        assert!(!pool.is_divisible(bag, 50), "all of the same time");
        pool.append(&mut bag, event(6));
        assert!(pool.is_divisible(bag, 100));
        assert!(!pool.is_divisible(bag, 101), "small enough");
    }
}
