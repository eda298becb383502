use std::convert::Infallible;

use rand::TryRng;
use rand::rand_core::utils::fill_bytes_via_next_word;

use super::philox::{Philox, splitmix64};
use super::{Key, Purpose, Seed};

/// All random numbers of one replication, or of one [`Key`] in it, addressed by
/// entity, purpose and index.
///
/// A number is Philox2x64-10 (ten rounds) of a key and a counter. The key is a
/// hash of the seed, its [family](super::Family), the replication and the names in a [`Key`], and of nothing
/// else: the policy or the sweep cell under study does not enter it, so that two
/// policies meet the same world. For one seed all replications of all families have distinct
/// keys, and within one replication so have all distinct [`Key`]s. The counter is
///
/// | word | bits | holds |
/// | --- | --- | --- |
/// | 0 | 63-32 | entity |
/// | 0 | 31-24 | [`Purpose`] |
/// | 0 | 23-0 | block within the stream |
/// | 1 | 63-0 | index: which variate of that purpose |
///
/// so every variate owns a private [`Stream`] of 2^24 blocks of two words, and
/// no two share a block. A variate that takes more draws, such as a rejection
/// loop, shifts no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    philox: Philox,
}

impl Streams {
    /// The streams of one replication of a study.
    pub fn new(seed: impl Into<Seed>, replication: u32) -> Streams {
        let seed = seed.into();
        let replication = seed.number_of(replication);
        Streams {
            philox: Philox::new(splitmix64(splitmix64(seed.number, 0), replication)),
        }
    }

    /// The streams of a key in this replication. To be made once and kept: it
    /// costs about as much as a number.
    pub fn keyed(&self, key: Key) -> Streams {
        Streams {
            philox: Philox::new(splitmix64(self.philox.key(), key.hash())),
        }
    }

    /// A number uniform on `[0, 1)`: a multiple of 2^-53.
    ///
    /// It is the first number of the [stream](Streams::stream) at the same
    /// address, so a variate takes either this or the stream, not both.
    #[inline]
    pub fn uniform(&self, entity: u32, purpose: Purpose, index: u64) -> f64 {
        let [first, _] = self.philox.block([first_block(entity, purpose), index]);
        unit_interval(first)
    }

    /// The private generator of one variate.
    #[inline]
    pub fn stream(&self, entity: u32, purpose: Purpose, index: u64) -> Stream {
        Stream {
            philox: self.philox,
            start: first_block(entity, purpose),
            index,
            drawn: 0,
            spare: 0,
        }
    }
}

/// Counter word 0 of the first block of a stream.
#[inline]
fn first_block(entity: u32, purpose: Purpose) -> u64 {
    (u64::from(entity) << 32) | ((purpose as u64) << 24)
}

/// The upper 53 bits as a multiple of 2^-53 in `[0, 1)`.
#[inline]
pub(super) fn unit_interval(word: u64) -> f64 {
    const STEP: f64 = f64::EPSILON / 2.0;
    (word >> 11) as f64 * STEP
}

/// The upper 52 bits as an odd multiple of 2^-53 in `(0, 1)`.
#[inline]
pub(super) fn open_unit_interval(word: u64) -> f64 {
    ((word >> 12) as f64 + 0.5) * f64::EPSILON
}

const BLOCK_MASK: u32 = (1 << 24) - 1;

/// An endless generator for one variate, from [`Streams::stream`].
///
/// It implements the traits of the `rand` crate ([`rand::TryRng`] with an error
/// that cannot happen, hence [`rand::Rng`]). `next_u32` is the upper half of a
/// word and `fill_bytes` takes whole words, lowest byte first. After 2^25 words
/// it starts again; it never runs into another stream.
#[derive(Debug, Clone)]
pub struct Stream {
    philox: Philox,
    start: u64,
    index: u64,
    /// Words drawn so far.
    drawn: u32,
    /// The second word of the current block.
    spare: u64,
}

impl Stream {
    /// The next number uniform on `[0, 1)`: a multiple of 2^-53.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        unit_interval(self.next_word())
    }

    /// The next number uniform on `(0, 1)`: an odd multiple of 2^-53. For
    /// functions that have a pole at 0 or 1.
    #[inline]
    pub fn uniform_open(&mut self) -> f64 {
        open_unit_interval(self.next_word())
    }

    #[inline]
    fn next_word(&mut self) -> u64 {
        let drawn = self.drawn;
        self.drawn = drawn.wrapping_add(1);
        if drawn % 2 == 1 {
            return self.spare;
        }
        let block = u64::from((drawn / 2) & BLOCK_MASK);
        let [first, second] = self.philox.block([self.start | block, self.index]);
        self.spare = second;
        first
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next_word() >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next_word())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        fill_bytes_via_next_word(bytes, || self.try_next_u64())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand::{Rng, RngExt};

    use super::*;
    use crate::rng::Family;
    use crate::rng::goodness_of_fit::assert_distribution;

    const PURPOSES: [Purpose; 12] = [
        Purpose::Phase,
        Purpose::Interval,
        Purpose::Arrival,
        Purpose::Think,
        Purpose::Schedule,
        Purpose::Chance,
        Purpose::Service,
        Purpose::Backoff,
        Purpose::Population,
        Purpose::Admission,
        Purpose::Failure,
        Purpose::Probe,
    ];

    #[test]
    fn values_are_stable() {
        let streams = Streams::new(1, 0);
        let mut stream = streams.stream(7, Purpose::Service, 2);
        let words: Vec<u64> = (0..4).map(|_| stream.next_u64()).collect();
        assert_eq!(
            words,
            [
                3_103_751_322_089_414_654,
                16_010_078_422_710_092_258,
                3_812_863_810_699_166_194,
                7_670_626_104_209_756_238,
            ]
        );
    }

    #[test]
    fn names_make_streams_of_their_own() {
        let root = Streams::new(1, 0);
        let names = ["a", "b", "c"].map(|name| root.keyed(Key::of([name])));
        let number = |streams: &Streams| streams.uniform(0, Purpose::Phase, 0);
        let mut found: Vec<f64> = names.iter().map(number).collect();
        found.push(number(&root));
        found.push(number(&names[0].keyed(Key::of(["b"]))));
        found.push(number(&Streams::new(1, 1).keyed(Key::of(["a"]))));
        found.sort_by(f64::total_cmp);
        found.dedup();
        assert_eq!(found.len(), 6);
        assert_eq!(names[0], Streams::new(1, 0).keyed(Key::of(["a"])));
    }

    #[test]
    fn keys_are_distinct_over_seeds_and_replications() {
        let keys: BTreeSet<u64> = (0..100)
            .flat_map(|seed| {
                (0..1000).map(move |replication| Streams::new(seed, replication).philox.key())
            })
            .collect();
        assert_eq!(keys.len(), 100_000);
    }

    /// For one seed not by chance: SplitMix64 gives no number twice.
    #[test]
    fn families_share_no_stream() {
        for number in [0, 1, u64::MAX] {
            let keys = |family| {
                let seed = Seed { number, family };
                let ends = (0..1000).chain(u32::MAX - 1000..=u32::MAX);
                ends.map(move |replication| Streams::new(seed, replication).philox.key())
            };
            let all: BTreeSet<u64> = (keys(Family::Search))
                .chain(keys(Family::Certification))
                .collect();
            assert_eq!(all.len(), 2 * 2001);
            // What does not say is what it was.
            assert_eq!(
                keys(Family::Search).next(),
                Some(Streams::new(number, 0).philox.key())
            );
        }
    }

    /// Takes one variate at each address, in the order given, each from a
    /// stream that is drained by `draws`; returns the first numbers by address.
    fn first_numbers(order: &[(u32, Purpose, u64)], draws: usize) -> Vec<(u32, u8, u64, f64)> {
        let streams = Streams::new(42, 3);
        let mut found: Vec<_> = order
            .iter()
            .map(|&(entity, purpose, index)| {
                let mut stream = streams.stream(entity, purpose, index);
                let first = stream.uniform();
                (1..draws).for_each(|_| _ = stream.next_u64());
                (entity, purpose as u8, index, first)
            })
            .collect();
        found.sort_by_key(|&(entity, purpose, index, _)| (entity, purpose, index));
        found
    }

    #[test]
    fn more_draws_for_one_purpose_shift_no_other() {
        let polls: Vec<_> = (0..50)
            .flat_map(|entity| (0..20).map(move |index| (entity, Purpose::Interval, index)))
            .collect();
        let alone = first_numbers(&polls, 1);
        // Retries are switched on, everything runs in another order, and each
        // stream is consumed further.
        let mut busier = polls.clone();
        busier.extend((0..50).map(|entity| (entity, Purpose::Backoff, u64::from(entity))));
        busier.reverse();
        let mut together = first_numbers(&busier, 101);
        together.retain(|&(_, purpose, _, _)| purpose == Purpose::Interval as u8);
        assert_eq!(alone, together);
    }

    #[test]
    fn a_stream_wraps_within_its_own_blocks() {
        let streams = Streams::new(1, 0);
        let mut stream = streams.stream(7, Purpose::Think, 5);
        let first = stream.next_u64();
        stream.drawn = 0x1ff_fffe;
        let last = stream.philox.block([0x07_04ff_ffff, 5]);
        assert_eq!([stream.next_u64(), stream.next_u64()], last);
        assert_eq!(stream.next_u64(), first);
        stream.drawn = u32::MAX;
        stream.next_u64();
        assert_eq!(stream.next_u64(), first);
    }

    #[test]
    fn neighbouring_addresses_are_uniform() {
        // False-alarm probability 1e-6 for each of the five.
        let number = |replication, entity, purpose, index| {
            Streams::new(9, replication).uniform(entity, purpose, index)
        };
        let uniform = |x: f64| x;
        let along: [Box<dyn Fn(u32) -> f64>; 5] = [
            Box::new(move |n| number(n, 0, Purpose::Phase, 0)),
            Box::new(move |n| number(0, n, Purpose::Phase, 0)),
            Box::new(move |n| number(0, 0, Purpose::Phase, u64::from(n))),
            Box::new(move |n| number(0, n / 12, PURPOSES[(n % 12) as usize], 1)),
            Box::new(|n| {
                let mut stream = Streams::new(9, 0).stream(n / 10, Purpose::Think, 0);
                (0..n % 10).for_each(|_| _ = stream.uniform());
                stream.uniform_open()
            }),
        ];
        for draw in along {
            assert_distribution((0..50_000).map(draw).collect(), uniform);
        }
    }

    type Pair<'a> = &'a dyn Fn(u32) -> (f64, f64);

    #[test]
    fn neighbours_are_uncorrelated() {
        // The mean of n products of independent centred uniforms has standard
        // deviation 1/(12 sqrt n); 5 of them: false alarm 6e-7 for each of the five.
        let streams = Streams::new(10, 0);
        let n = 50_000_u32;
        let at = |entity, purpose, index| streams.uniform(entity, purpose, index) - 0.5;
        let pairs: [(&str, Pair<'_>); 5] = [
            ("entities", &|i| {
                (at(i, Purpose::Phase, 0), at(i + 1, Purpose::Phase, 0))
            }),
            ("indices", &|i| {
                let i = u64::from(i);
                (at(0, Purpose::Phase, i), at(0, Purpose::Phase, i + 1))
            }),
            ("purposes", &|i| {
                (at(i, Purpose::Phase, 0), at(i, Purpose::Interval, 0))
            }),
            ("keys", &|i| {
                let keyed = |i: u32| streams.keyed(Key::of([i.to_string().as_str()]));
                let at = |i| keyed(i).uniform(0, Purpose::Phase, 0) - 0.5;
                (at(i), at(i + 1))
            }),
            ("words of a block", &|i| {
                let mut stream = streams.stream(i, Purpose::Phase, 0);
                (stream.uniform() - 0.5, stream.uniform() - 0.5)
            }),
        ];
        for (name, pair) in pairs {
            let sum: f64 = (0..n).map(pair).map(|(a, b)| a * b).sum();
            let z = sum * 12.0 / f64::from(n).sqrt();
            assert!(z.abs() < 5.0, "{name}: z = {z}");
        }
    }

    proptest! {
        #[test]
        fn the_uniform_number_is_the_first_of_the_stream(
            seed: u64, replication: u32, entity: u32, purpose in 0_usize..12, index: u64,
        ) {
            let streams = Streams::new(seed, replication);
            let purpose = PURPOSES[purpose];
            let u = streams.uniform(entity, purpose, index);
            prop_assert!((0.0..1.0).contains(&u));
            prop_assert_eq!(u, streams.stream(entity, purpose, index).uniform());
            // The same bits as rand's own conversion.
            prop_assert_eq!(u, streams.stream(entity, purpose, index).random::<f64>());
        }

        #[test]
        fn bytes_and_halves_are_cut_from_whole_words(entity: u32, length in 0_usize..40) {
            let stream = Streams::new(5, 5).stream(entity, Purpose::Chance, 0);
            let (mut words, mut halves, mut bytes) = (stream.clone(), stream.clone(), stream);
            let mut filled = vec![0; length];
            bytes.fill_bytes(&mut filled);
            for chunk in filled.chunks(8) {
                let word = words.next_u64();
                prop_assert_eq!(chunk, &word.to_le_bytes()[..chunk.len()]);
                prop_assert_eq!(halves.next_u32(), (word >> 32) as u32);
            }
        }
    }

    #[test]
    fn the_ends_of_the_unit_interval() {
        assert_eq!(unit_interval(0), 0.0);
        assert_eq!(unit_interval(u64::MAX), 1.0 - f64::EPSILON / 2.0);
    }
}
