//! The ladder queue; see [`LadderQueue`].

mod bucket_sort;
mod front;
mod pool;
mod ring;
mod staged;
mod wheel;

use front::Front;
use pool::{CHUNK, Pool};
use ring::Ring;
use staged::Staged;
use wheel::Wheel;

use super::{Event, EventQueue};
use crate::units::{Span, Time};

/// Events per bucket to aim at. From 32 to 96 the cost per event hardly changes
/// for a large fleet.
const BUCKET_EVENTS: u64 = 48;

/// The same where few events are pending. What follows shortly, such as the end
/// of a service, then less often belongs among those that are already sorted.
const FEW_BUCKET_EVENTS: u64 = 16;
const FEW_PENDING: usize = 1 << 14;

/// A bucket of more events than this is divided rather than sorted.
const DIVIDE_ABOVE: usize = 256;

/// How much longer the ring is than what the pending events need on average.
const HORIZON: u64 = 4;

/// A queue whose cost does not grow with the number of pending events.
///
/// Events wait unsorted in buckets; only the bucket that is next gets sorted.
/// A ring of equal buckets covers the near future, so that most events are
/// written once, sorted once among a few dozen, and read once. What lies beyond
/// the ring waits in coarse slots that are spread out as the ring approaches, and
/// a bucket with too many events is divided into finer slots: both are the rungs
/// of the ladder queue of Tang, Goh and Thng (2005), made of timing wheels. The
/// buckets' width is not adapted while running, but taken from what the caller
/// expects: a wrong expectation costs time, never order.
///
/// Every order of pushes is allowed: an event that is earlier than one already
/// popped simply comes next, as in a heap. Pushes at the present moment cost
/// O(1) while few are pending there, and O(log n) in a crowd of them.
///
/// Once as many events have been pending as there will be, it allocates nothing.
/// It does not shrink. It holds fewer than 2^32 events, which would be 64 GiB.
///
/// ```
/// use ratelab::engine::{Event, EventQueue, LadderQueue};
/// use ratelab::units::{Span, Time};
///
/// // A thousand devices, of which each acts once a minute.
/// let mut queue = LadderQueue::new(Time::EPOCH, Span::from_millis(60), 1000);
/// for device in 0..1000 {
///     let time = Time::from_millis(60 * u64::from(device * 7 % 1000));
///     queue.push(Event::new(time, 0, device, 0));
/// }
/// assert_eq!(queue.len(), 1000);
/// assert_eq!(queue.pop().map(Event::entity), Some(0));
/// assert_eq!(queue.pop().map(Event::entity), Some(143));
/// ```
#[derive(Debug, Clone)]
pub struct LadderQueue {
    len: usize,
    front: Front,
    /// Pushed to the ring, and soon to be in it.
    staged: Staged,
    ring: Ring,
    /// What a bucket of the ring was divided into: after the front, before the ring.
    near: Wheel,
    /// What comes after the ring; its unit is the ring's step, its origin the ring's end.
    far: Wheel,
    pool: Pool,
    /// What of the ring's next bucket is yet to be told, as a bag.
    untold_bag: u32,
}

impl LadderQueue {
    /// An empty queue for a simulation that starts at `start`, in which an event
    /// happens every `mean_gap` on average while about `pending` of them wait.
    ///
    /// N devices that poll once a minute: `mean_gap` = 60 s / N, `pending` = N. If
    /// every poll also has one release shortly after, twice the events happen while
    /// hardly more are pending: `mean_gap` = 30 s / N. The ring takes up to 0.7
    /// bytes per expected pending event, 4 MB at most, whether or not they come.
    pub fn new(start: Time, mean_gap: Span, pending: usize) -> LadderQueue {
        let bucket_events = match pending <= FEW_PENDING {
            true => FEW_BUCKET_EVENTS,
            false => BUCKET_EVENTS,
        };
        let width = u128::from(mean_gap.nanos()) * u128::from(bucket_events);
        // The power of two below 3/2 of it, which is between 3/4 and 3/2 of it.
        let shift = (width.clamp(1 << 6, 1 << 40) * 3 / 2).ilog2();
        let buckets = (pending as u64).saturating_mul(HORIZON) / bucket_events;
        let bits = buckets.clamp(1 << 6, 1 << 20).next_power_of_two().ilog2();
        let ring = Ring::new(shift, bits, start.nanos());
        let before_ring = ring.first_nanos(ring.next()).saturating_sub(1);
        LadderQueue {
            len: 0,
            front: Front::new(DIVIDE_ABOVE + CHUNK, before_ring),
            staged: Staged::default(),
            // A bucket's highest digit then is a whole one: it is divided into 64.
            near: Wheel::new(shift % 6, 0),
            far: Wheel::new(ring.step_shift(), ring.end_step()),
            ring,
            pool: Pool::default(),
            untold_bag: 0,
        }
    }

    /// The bytes of heap memory that it holds.
    pub fn memory(&self) -> usize {
        self.front.memory()
            + self.ring.memory()
            + self.near.memory()
            + self.far.memory()
            + self.pool.memory()
    }

    #[inline(never)]
    fn push_outside_ring(&mut self, event: Event) {
        if self.front.contains(event.nanos()) {
            self.front.push(event);
        } else if self.ring.bucket_of(event.nanos()) < self.ring.next() {
            self.near.push(&mut self.pool, event);
        } else {
            self.far.push(&mut self.pool, event);
        }
    }

    #[inline(never)]
    fn pop_from_next_bucket(&mut self) -> Option<Event> {
        for event in self.staged.drain() {
            self.ring.push(&mut self.pool, event);
        }
        while self.near.is_empty() {
            let Some((bucket, mut bag)) = self.ring.take_first() else {
                self.jump()?;
                continue;
            };
            if self.ring.has_room() {
                self.extend_ring();
            }
            self.pool.drain(&mut bag, self.front.bucket(), DIVIDE_ABOVE);
            // The chunks of the bucket after the next are old, so seldom in the cache.
            let (next, after) = self.ring.first_two();
            self.untold_bag = next;
            self.pool.prefetch_chunk(after);
            if bag == 0 {
                self.front
                    .sort_bucket(self.ring.last_nanos(bucket), self.ring.shift());
                return self.take_front();
            }
            self.divide(bucket, bag);
        }
        self.refill_from_near();
        self.take_front()
    }

    #[inline]
    fn take_front(&mut self) -> Option<Event> {
        let event = self.front.pop()?;
        self.len -= 1;
        Some(event)
    }

    /// Spreads a bucket, of which the front has some already, over the near wheel.
    #[cold]
    #[inline(never)]
    fn divide(&mut self, bucket: u64, bag: u32) {
        let origin = self.near.unit_of(self.ring.first_nanos(bucket));
        self.near.advance(&mut self.pool, origin);
        self.near.spread(&mut self.pool, bag);
        for event in self.front.bucket().drain(..) {
            self.near.push(&mut self.pool, event);
        }
    }

    /// Sorts the first events of the near wheel, few or all of the same time.
    #[cold]
    #[inline(never)]
    fn refill_from_near(&mut self) {
        while let Some(slot) = self.near.take_first() {
            if slot.first < slot.last && self.pool.is_divisible(slot.bag, DIVIDE_ABOVE) {
                self.near.spread(&mut self.pool, slot.bag);
                continue;
            }
            let mut bag = slot.bag;
            self.pool.drain(&mut bag, self.front.events(), usize::MAX);
            self.front.sort(self.near.last_nanos(slot));
            return;
        }
    }

    /// Moves the far events that the ring has room for into it.
    #[cold]
    #[inline(never)]
    fn extend_ring(&mut self) {
        while self.ring.has_room() {
            let mut bag = self.far.take_origin();
            self.ring.add_step();
            self.far.advance(&mut self.pool, self.ring.end_step());
            while let Some((events, count)) = self.pool.take_chunk(&mut bag) {
                for &event in &events[..count] {
                    self.ring.push(&mut self.pool, event);
                }
            }
        }
    }

    /// Moves the empty ring to the first of the far events; `None` if there are none.
    #[cold]
    #[inline(never)]
    fn jump(&mut self) -> Option<()> {
        loop {
            let slot = self.far.take_first()?;
            self.far.spread(&mut self.pool, slot.bag);
            if slot.first == slot.last {
                self.ring.jump(self.far.origin());
                self.extend_ring();
                return Some(());
            }
        }
    }
}

impl EventQueue for LadderQueue {
    #[inline]
    fn push(&mut self, event: Event) {
        self.len += 1;
        if self.ring.contains(self.ring.bucket_of(event.nanos())) {
            self.ring.prefetch(&self.pool, event);
            if let Some(earlier) = self.staged.exchange(event) {
                self.ring.push(&mut self.pool, earlier);
            }
        } else {
            self.push_outside_ring(event);
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<Event> {
        match self.take_front() {
            Some(event) => Some(event),
            None => self.pop_from_next_bucket(),
        }
    }

    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn foretold(&mut self) -> &[Event] {
        if self.untold_bag == 0 {
            return self.front.foretold();
        }
        let (events, rest) = self.pool.last_chunk(self.untold_bag);
        self.pool.prefetch_chunk(rest);
        self.untold_bag = rest;
        events
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::engine::HeapQueue;

    /// A ladder and the heap that it must agree with.
    struct Pair {
        ladder: LadderQueue,
        heap: HeapQueue,
        /// The time of the last event popped.
        now: Time,
        pushed: u32,
    }

    impl Pair {
        fn new(start: Time, mean_gap: Span, pending: usize) -> Pair {
            Pair {
                ladder: LadderQueue::new(start, mean_gap, pending),
                heap: HeapQueue::new(),
                now: start,
                pushed: 0,
            }
        }

        fn push(&mut self, time: Time) {
            self.pushed += 1;
            // Neither the order of pushing nor its reverse.
            let entity = self.pushed.wrapping_mul(2_654_435_761) >> 8;
            let event = Event::new(time, (self.pushed % 3) as u8, entity, self.pushed % 2);
            self.ladder.push(event);
            self.heap.push(event);
        }

        fn pop(&mut self) -> Option<Event> {
            assert_eq!(self.ladder.len(), self.heap.len());
            let event = self.heap.pop();
            assert_eq!(self.ladder.pop(), event);
            if let Some(event) = event {
                self.now = event.time();
            }
            event
        }

        /// Pops so many events, and checks that what is foretold is pending.
        fn pop_foretold(&mut self, count: usize) {
            for _ in 0..count {
                for event in self.ladder.foretold() {
                    assert!(self.heap.contains(*event));
                }
                self.pop();
            }
        }

        fn empty(&mut self) {
            while self.pop().is_some() {}
            assert!(self.ladder.is_empty());
            assert_eq!(self.ladder.pop(), None);
            assert!(self.ladder.foretold().is_empty());
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// Push at these spans after the last event popped.
        Push(Vec<u64>),
        /// Push many of the same time.
        Burst(usize, u64),
        /// Push earlier than the last event popped.
        Past(u64),
        Pop(usize),
        Foretold(usize),
        /// Pop and push again at a span after it, many times, as a simulation does.
        Hold(usize, u64),
        Empty,
    }

    /// Spans of any order of magnitude.
    fn span() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            0..100_u64,
            (0..64_u32, any::<u64>()).prop_map(|(shift, bits)| bits >> shift),
            59_000_000_000..61_000_000_000_u64,
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => prop::collection::vec(span(), 1..60).prop_map(Step::Push),
            2 => prop::collection::vec(0..5_000_000_000_u64, 1..800).prop_map(Step::Push),
            1 => (1..700_usize, span()).prop_map(|(count, after)| Step::Burst(count, after)),
            1 => span().prop_map(Step::Past),
            4 => (1..100_usize).prop_map(Step::Pop),
            2 => (1..80_usize).prop_map(Step::Foretold),
            4 => (1..500_usize, span()).prop_map(|(count, after)| Step::Hold(count, after)),
            1 => Just(Step::Empty),
        ]
    }

    fn start() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            Just(1_700_000_000_000_000_000),
            any::<u64>(),
            (0..48_u32).prop_map(|shift| u64::MAX - (1 << shift)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn pops_what_a_heap_pops(
            start in start().prop_map(Time::from_nanos),
            // Expectations from far too dense to far too sparse.
            mean_gap in (0..64_u32).prop_map(|bit| Span::from_nanos(1 << bit)),
            pending in (0..18_u32).prop_map(|bit| 1 << bit),
            steps in prop::collection::vec(step(), 1..40),
        ) {
            let mut pair = Pair::new(start, mean_gap, pending);
            for step in steps {
                match step {
                    Step::Push(spans) => for span in spans {
                        pair.push(pair.now + Span::from_nanos(span));
                    },
                    Step::Burst(count, span) => for _ in 0..count {
                        pair.push(pair.now + Span::from_nanos(span));
                    },
                    Step::Past(span) => pair.push(pair.now - Span::from_nanos(span)),
                    Step::Pop(count) => for _ in 0..count {
                        pair.pop();
                    },
                    Step::Foretold(count) => pair.pop_foretold(count),
                    Step::Hold(count, span) => for i in 0..count as u64 {
                        pair.pop();
                        // Within the same bucket and at very different scales.
                        pair.push(pair.now + Span::from_nanos(span >> (i % 7 * 5)));
                    },
                    Step::Empty => pair.empty(),
                }
            }
            pair.empty();
        }
    }

    #[test]
    fn gaps_that_only_grow_and_then_shrink() {
        let mut pair = Pair::new(Time::EPOCH, Span::from_nanos(10), 1000);
        for bits in (0..64).chain((0..64).rev()) {
            for offset in [0, 1, 1000] {
                pair.push(Time::from_nanos((1 << bits) + offset));
            }
            pair.push(pair.now + Span::from_nanos(1 << bits));
            pair.pop();
        }
        pair.empty();
    }

    #[test]
    fn the_last_nanosecond_of_time() {
        let mut pair = Pair::new(Time::MAX, Span::MAX, 0);
        for round in 0..3 {
            for before in [0, 1, 0, 63, 64, 1 << 40, 0] {
                pair.push(Time::MAX - Span::from_nanos(before));
            }
            for _ in 0..=round {
                pair.pop();
                pair.push(Time::MAX);
            }
        }
        pair.empty();
        pair.push(Time::MAX);
        pair.empty();
    }

    #[test]
    fn a_million_at_the_same_time_and_events_in_their_midst() {
        let mut pair = Pair::new(Time::EPOCH, Span::from_millis(1), 1000);
        pair.push(Time::from_millis(999));
        for _ in 0..1_000_000 {
            pair.push(Time::from_secs(1));
        }
        for i in 0..300_000 {
            pair.pop();
            if i % 3 == 0 {
                pair.push(pair.now + Span::from_nanos(i % 2));
            }
        }
        pair.empty();
    }

    /// Splitmix64 (Steele, Lea and Flood, 2014).
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Polls once a minute, each in half of the cases with something up to 100 ms after it.
    fn hold(queue: &mut LadderQueue, count: usize, state: &mut u64) {
        for _ in 0..count {
            let event = queue.pop().unwrap();
            let bits = random(state);
            let after = match bits % 2 {
                0 => (bits >> 1) % 100_000_000,
                _ => 59_000_000_000 + (bits >> 1) % 2_000_000_000,
            };
            queue.push(Event::new(
                event.time() + Span::from_nanos(after),
                0,
                event.entity(),
                0,
            ));
        }
    }

    #[test]
    fn it_stays_small_and_stops_allocating() {
        for (pending, bytes_per_event) in [(10_000_u32, 40), (300_000, 28)] {
            let start = Time::from_secs(1_700_000_000);
            let gap = Span::from_nanos(30_000_000_000 / u64::from(pending));
            let mut queue = LadderQueue::new(start, gap, pending as usize);
            let mut state = 1;
            for entity in 0..pending {
                let after = Span::from_nanos(random(&mut state) % 60_000_000_000);
                queue.push(Event::new(start + after, 0, entity, 0));
            }
            hold(&mut queue, 4 * pending as usize, &mut state);
            let memory = queue.memory();
            assert!(
                memory < bytes_per_event * pending as usize,
                "{memory} for {pending}"
            );
            hold(&mut queue, 4 * pending as usize, &mut state);
            assert_eq!(queue.memory(), memory);
        }
    }

    #[test]
    fn most_events_are_foretold_once_and_a_little_ahead() {
        const EVENTS: usize = 10_000;
        // The most pops ahead, and the least share of events told in time.
        for (same_time, most_ahead, least_told) in [(false, 300, 0.95), (true, 32, 0.99)] {
            // Only of many is it worth being told.
            let mut queue = LadderQueue::new(Time::EPOCH, Span::from_secs(1), 2 * FEW_PENDING);
            let mut state = 1;
            for entity in 0..EVENTS as u32 {
                let secs = match same_time {
                    true => 5000,
                    false => random(&mut state) % EVENTS as u64,
                };
                queue.push(Event::new(Time::from_secs(secs), 0, entity, 0));
            }
            let mut told_after = [None; EVENTS];
            let (mut in_time, mut tellings) = (0, 0);
            let mut told = VecDeque::new();
            for pops in 1_usize.. {
                let Some(event) = queue.pop() else { break };
                if let Some(told_after) = told_after[event.entity() as usize] {
                    in_time += 1;
                    let ahead = pops - told_after;
                    assert!(ahead <= most_ahead, "{ahead} ahead");
                }
                if told.is_empty() {
                    told.extend(queue.foretold().iter().copied());
                }
                if let Some(event) = told.pop_front() {
                    told_after[event.entity() as usize].get_or_insert(pops);
                    tellings += 1;
                }
            }
            let share = |count: usize| count as f64 / EVENTS as f64;
            assert!(share(in_time) > least_told, "{in_time} in time");
            assert!(share(tellings) < 1.1, "{tellings} tellings");
        }
    }

    #[test]
    fn a_large_burst_is_held_once() {
        let mut queue = LadderQueue::new(Time::EPOCH, Span::from_millis(1), 1000);
        let mut burst = |secs| {
            for entity in 0..100_000 {
                queue.push(Event::new(Time::from_secs(secs), 0, entity, 0));
            }
            while queue.pop().is_some() {}
            queue.memory()
        };
        let first = burst(1);
        assert_eq!([burst(100), burst(1000)], [first; 2]);
    }
}
