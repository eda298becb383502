use sha2::{Digest, Sha256};

/// What a family of random streams is keyed by: a hash of names.
///
/// Names, not places, so that what is added beside a thing leaves its draws as
/// they were. Two keys of different names agree with a chance of 2^-64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u64);

impl Key {
    /// The key of a list of names: the first eight bytes of the SHA-256 of all
    /// of them, each behind its length, so that no two lists read the same.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Key {
        let mut hash = Sha256::new();
        for name in names {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
        }
        let digest = hash.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Key(u64::from_le_bytes(first))
    }

    /// The hash.
    pub(super) const fn hash(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_bytes_of_sha_256() {
        // FIPS 180-4: SHA-256 of nothing begins with e3b0c44298fc1c14.
        assert_eq!(Key::of([]), Key(0x141c_fc98_42c4_b0e3));
    }

    #[test]
    fn where_a_name_ends_matters() {
        let lists: [&[&str]; 6] = [&[], &[""], &["ab"], &["a", "b"], &["ab", ""], &["b", "a"]];
        for (place, one) in lists.iter().enumerate() {
            for other in &lists[..place] {
                assert_ne!(
                    Key::of(one.iter().copied()),
                    Key::of(other.iter().copied()),
                    "{one:?} {other:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn different_lists_have_different_keys(
            one in prop::collection::vec("[a-c]{0,3}", 0..4),
            other in prop::collection::vec("[a-c]{0,3}", 0..4),
        ) {
            let key = |list: &[String]| Key::of(list.iter().map(String::as_str));
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }
    }
}
