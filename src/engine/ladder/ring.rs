use super::pool::Pool;
use crate::engine::Event;

/// What is not among the buckets of so many words of bits is not soon.
const NEAR_WORDS: usize = 1;

/// The near future in buckets of equal width, used round and round.
///
/// Bucket `b` holds the events from `b << shift` ns on, `1 << shift` ns long, in
/// the place `b` modulo their number. The buckets from `next` up to `end` are
/// those that it holds at the moment; `end` grows by whole steps, an eighth of a
/// round, as there is room.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    shift: u32,
    next: u64,
    end: u64,
    step_bits: u32,
    bags: Vec<u32>,
    /// One bit per bag that holds an event.
    occupied: Vec<u64>,
}

impl Ring {
    /// Buckets of `1 << shift` ns, `1 << bits` of them (64 at least), from a time on.
    pub(super) fn new(shift: u32, bits: u32, from_nanos: u64) -> Ring {
        let step_bits = bits - 3;
        let next = from_nanos >> shift >> step_bits << step_bits;
        Ring {
            shift,
            next,
            end: next + (1 << bits),
            step_bits,
            bags: vec![0; 1 << bits],
            occupied: vec![0; 1 << (bits - 6)],
        }
    }

    #[inline]
    pub(super) fn bucket_of(&self, nanos: u64) -> u64 {
        nanos >> self.shift
    }

    /// The `log2` of a bucket's length in nanoseconds.
    #[inline]
    pub(super) fn shift(&self) -> u32 {
        self.shift
    }

    /// The first nanosecond of a bucket.
    pub(super) fn first_nanos(&self, bucket: u64) -> u64 {
        bucket << self.shift
    }

    /// The last nanosecond of a bucket.
    #[inline]
    pub(super) fn last_nanos(&self, bucket: u64) -> u64 {
        bucket << self.shift | ((1 << self.shift) - 1)
    }

    /// The first bucket that has not been taken.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    #[inline]
    pub(super) fn contains(&self, bucket: u64) -> bool {
        bucket.wrapping_sub(self.next) < self.end - self.next
    }

    /// Adds an event to its bucket, which the ring must contain.
    #[inline]
    pub(super) fn push(&mut self, pool: &mut Pool, event: Event) {
        let place = self.bucket_of(event.nanos()) as usize & (self.bags.len() - 1);
        if pool.append(&mut self.bags[place], event) {
            self.occupied[place / 64] |= 1 << (place % 64);
        }
    }

    /// Begins to load the place that an event will get.
    #[inline]
    pub(super) fn prefetch(&self, pool: &Pool, event: Event) {
        let place = self.bucket_of(event.nanos()) as usize & (self.bags.len() - 1);
        pool.prefetch(self.bags[place]);
    }

    /// Empties the first bucket that is not empty, and says which it was.
    #[inline]
    pub(super) fn take_first(&mut self) -> Option<(u64, u32)> {
        let bucket = self.next + self.gap(self.next, self.occupied.len())?;
        let place = bucket as usize & (self.bags.len() - 1);
        self.occupied[place / 64] &= !(1 << (place % 64));
        self.next = bucket + 1;
        Some((bucket, std::mem::take(&mut self.bags[place])))
    }

    /// The first bucket that is not empty, and the first after that, as they are
    /// at the moment; zero if there is none near. In a ring of few buckets the
    /// second may be the first again.
    #[inline]
    pub(super) fn first_two(&self) -> (u32, u32) {
        let first_from = |bucket| Some(bucket + self.gap(bucket, NEAR_WORDS)?);
        let first = first_from(self.next);
        let second = first.and_then(|first| first_from(first + 1));
        let bag = |bucket: u64| self.bags[bucket as usize & (self.bags.len() - 1)];
        (first.map_or(0, bag), second.map_or(0, bag))
    }

    /// How many empty buckets there are before the first from `bucket` on that
    /// is not, looking at its word of `occupied` and so many after it; as many as
    /// there are go all round the ring.
    #[inline]
    fn gap(&self, bucket: u64, words_after: usize) -> Option<u64> {
        let from = bucket as usize & (self.bags.len() - 1);
        let bits = self.occupied[from / 64] >> (from % 64);
        if bits != 0 {
            return Some(u64::from(bits.trailing_zeros()));
        }
        let words = self.occupied.len();
        // The last word to look at is the first one again: the places before `from`.
        (1..=words_after).find_map(|ahead| {
            let bits = self.occupied[(from / 64 + ahead) & (words - 1)];
            let places = 64 * ahead - from % 64 + bits.trailing_zeros() as usize;
            (bits != 0).then_some(places as u64)
        })
    }

    /// Whether there is room for another step.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.end - self.next + (1 << self.step_bits) <= self.bags.len() as u64
    }

    /// The `log2` of a step's length in nanoseconds.
    pub(super) fn step_shift(&self) -> u32 {
        self.shift + self.step_bits
    }

    /// The step after the last one that the ring contains.
    pub(super) fn end_step(&self) -> u64 {
        self.end >> self.step_bits
    }

    /// Contains one more step; there must be room.
    pub(super) fn add_step(&mut self) {
        self.end += 1 << self.step_bits;
    }

    /// Moves an empty ring to the start of a step, which it does not contain yet.
    pub(super) fn jump(&mut self, step: u64) {
        self.next = step << self.step_bits;
        self.end = self.next;
    }

    /// The bytes of heap memory held.
    pub(super) fn memory(&self) -> usize {
        self.bags.capacity() * size_of::<u32>() + self.occupied.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Time;

    #[test]
    fn it_finds_the_first_bucket_round_the_end_of_its_places() {
        for gap in [0, 1, 17, 63, 64, 65, 127, 128, 200, 223] {
            let mut pool = Pool::default();
            let mut ring = Ring::new(4, 8, 1000 << 4);
            assert_eq!(ring.next(), 992, "a whole step");
            for _ in 0..100 {
                while ring.has_room() {
                    ring.add_step();
                }
                let bucket = ring.next() + gap;
                assert!(ring.contains(bucket));
                let nanos = ring.last_nanos(bucket);
                ring.push(&mut pool, Event::new(Time::from_nanos(nanos), 0, 0, 0));
                let (taken, mut bag) = ring.take_first().unwrap();
                assert_eq!(taken, bucket, "gap {gap}");
                assert!(pool.take_chunk(&mut bag).is_some() && bag == 0);
                assert!(!ring.contains(bucket) && ring.next() == bucket + 1);
                assert_eq!(ring.take_first(), None);
            }
        }
    }

    #[test]
    fn the_first_two_are_those_that_would_be_taken() {
        let mut pool = Pool::default();
        let mut ring = Ring::new(4, 9, 1000 << 4);
        assert_eq!(ring.first_two(), (0, 0));
        let from = ring.next();
        for bucket in [from + 3, from + 3, from + 60, from + 300] {
            let nanos = ring.last_nanos(bucket);
            ring.push(&mut pool, Event::new(Time::from_nanos(nanos), 0, 0, 0));
        }
        let bag_of = |ring: &Ring, bucket: u64| ring.bags[bucket as usize & (ring.bags.len() - 1)];
        let near = (bag_of(&ring, from + 3), bag_of(&ring, from + 60));
        assert!(near.0 > 0 && near.1 > near.0 && ring.first_two() == near);
        ring.take_first();
        assert_eq!(ring.first_two(), (near.1, 0), "the last one is far");
    }
}
