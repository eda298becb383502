//! Philox2x64-10: a random function of a key and a counter.
//!
//! Source: J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel
//! random numbers: as easy as 1, 2, 3", SC11 (2011), section 4.3; the constants,
//! the ten rounds and the test vectors are those of the authors' Random123
//! library.

const MULTIPLIER: u64 = 0xD2B7_4407_B1CE_6E93;
/// The golden ratio's fraction in 64 bits: the step of the key between rounds.
const KEY_STEP: u64 = 0x9E37_79B9_7F4A_7C15;
const ROUNDS: usize = 10;

/// The random function under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Philox {
    round_keys: [u64; ROUNDS],
}

impl Philox {
    pub(super) fn new(key: u64) -> Philox {
        let round_key = |round: usize| key.wrapping_add(KEY_STEP.wrapping_mul(round as u64));
        Philox {
            round_keys: std::array::from_fn(round_key),
        }
    }

    pub(super) fn key(&self) -> u64 {
        self.round_keys[0]
    }

    /// Two random words, a bijection of the counter.
    #[inline]
    pub(super) fn block(&self, counter: [u64; 2]) -> [u64; 2] {
        let halves = |number: u64| {
            let product = u128::from(number) * u128::from(MULTIPLIER);
            ((product >> 64) as u64, product as u64)
        };
        let [mut left, right] = counter;
        // Each round key meets the right word a round early, so that a round
        // takes no longer than its product and one more step.
        let mut mixed = right ^ self.round_keys[0];
        for next_key in &self.round_keys[1..] {
            let (high, low) = halves(left);
            left = high ^ mixed;
            mixed = low ^ next_key;
        }
        let (high, low) = halves(left);
        [high ^ mixed, low]
    }
}

/// Output number `n`, counted from 0, of the SplitMix64 generator that starts
/// at `seed`; distinct for distinct `n`.
///
/// Source: G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom
/// number generators", OOPSLA 2014, with the finaliser that D. Stafford calls
/// Mix13.
pub(super) fn splitmix64(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(KEY_STEP.wrapping_mul(n.wrapping_add(1)));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_random123() {
        // Random123, tests/kat_vectors, philox2x64 10.
        for (counter, key, expected) in [
            ([0, 0], 0, [0xca00a0459843d731, 0x66c24222c9a845b5]),
            (
                [u64::MAX, u64::MAX],
                u64::MAX,
                [0x65b021d60cd8310f, 0x4d02f3222f86df20],
            ),
            (
                [0x243f6a8885a308d3, 0x13198a2e03707344],
                0xa4093822299f31d0,
                [0x0a5e742c2997341c, 0xb0f883d38000de5d],
            ),
        ] {
            let found = Philox::new(key).block(counter);
            assert_eq!(found, expected, "{counter:x?} {key:x}");
        }
    }

    #[test]
    fn known_answers_of_splitmix64() {
        // Java's SplittableRandom and every port of it begin so at seed 0.
        let found: Vec<u64> = (0..3).map(|n| splitmix64(0, n)).collect();
        assert_eq!(
            found,
            [0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f]
        );
    }
}
