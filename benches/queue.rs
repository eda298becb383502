//! The event queues in the hold model (Jones, 1986): pop the least event, push it
//! back later. The number of pending events stays the same, and one iteration is
//! a thousand such pairs; `draw` is what the increments alone cost.

use divan::Bencher;
use divan::counter::ItemsCount;
use ratelab::engine::{Event, EventQueue, HeapQueue, LadderQueue};
use ratelab::units::{Span, Time};

const PENDING: [u64; 3] = [1_000, 100_000, 1_000_000];
const PAIRS: u64 = 1_000;
const START: Time = Time::from_secs(1_700_000_000);

fn main() {
    divan::main();
}

/// Splitmix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, but not including, `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }
}

/// How long after its pop an event is pushed back.
trait Load {
    /// The mean increment.
    const MEAN: Span;

    fn increment(random: &mut Random) -> Span;
}

/// Polls once a minute: uniform in 60 s ± 1 s.
struct Poll;

impl Load for Poll {
    const MEAN: Span = Span::from_secs(60);

    fn increment(random: &mut Random) -> Span {
        Span::from_nanos(59_000_000_000 + random.below(2_000_000_000))
    }
}

/// Half of the increments are polls, half are service times: exponential, mean 50 ms.
struct PollAndService;

impl Load for PollAndService {
    const MEAN: Span = Span::from_secs(30);

    fn increment(random: &mut Random) -> Span {
        if random.below(2) == 0 {
            return Poll::increment(random);
        }
        let uniform = ((random.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        Span::from_nanos((-5e7 * libm::log(uniform)) as u64)
    }
}

fn hold<L: Load>(queue: &mut impl EventQueue, random: &mut Random, pairs: u64) {
    for _ in 0..pairs {
        if let Some(event) = queue.pop() {
            let time = event.time() + L::increment(random);
            queue.push(Event::new(time, 0, event.entity(), 0));
        }
    }
}

fn bench<L: Load>(bencher: Bencher, mut queue: impl EventQueue, pending: u64) {
    let mut random = Random(1);
    for entity in 0..pending {
        let time = START + Span::from_nanos(random.below(60_000_000_000));
        queue.push(Event::new(time, 0, entity as u32, 0));
    }
    // Until the pending events are distributed as they will be.
    hold::<L>(&mut queue, &mut random, 3 * pending);
    bencher
        .counter(ItemsCount::new(PAIRS))
        .bench_local(|| hold::<L>(&mut queue, &mut random, PAIRS));
}

#[divan::bench(types = [Poll, PollAndService], args = PENDING, sample_count = 1000)]
fn ladder<L: Load>(bencher: Bencher, pending: u64) {
    let mean_gap = Span::from_nanos(L::MEAN.nanos() / pending);
    let queue = LadderQueue::new(START, mean_gap, pending as usize);
    bench::<L>(bencher, queue, pending);
}

#[divan::bench(types = [Poll, PollAndService], args = PENDING, sample_count = 1000)]
fn heap<L: Load>(bencher: Bencher, pending: u64) {
    bench::<L>(bencher, HeapQueue::new(), pending);
}

#[divan::bench(types = [Poll, PollAndService], sample_count = 1000)]
fn draw<L: Load>(bencher: Bencher) {
    let mut random = Random(1);
    bencher
        .counter(ItemsCount::new(PAIRS))
        .bench_local(|| (0..PAIRS).fold(Span::ZERO, |sum, _| sum + L::increment(&mut random)));
}
