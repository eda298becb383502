//! Names of keys as dense numbers.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// The names of the keys of a trace, numbered from 0 in the order in which
/// they first appear.
///
/// All names lie in one text, so that a name takes its own bytes and some 50
/// more. The numbers depend on nothing but the order of names: the hash only
/// finds them, and is seeded at random, so that no trace can be written to
/// make it slow.
///
/// ```
/// let mut keys = ratelab::replay::Keys::new();
/// assert_eq!(keys.intern("ann"), Some(0));
/// assert_eq!(keys.intern("bob"), Some(1));
/// assert_eq!(keys.intern("ann"), Some(0));
/// assert_eq!((keys.len(), keys.name(1)), (2, Some("bob")));
/// ```
#[derive(Debug, Default)]
pub struct Keys {
    names: String,
    entries: Vec<Entry>,
    /// The newest key of each hash.
    newest: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Entry {
    /// Where the name ends in the text of all names.
    end: usize,
    /// The key before this one that has the same hash.
    previous: Option<u32>,
}

impl Keys {
    /// No keys yet.
    pub fn new() -> Keys {
        Keys::default()
    }

    /// The number of a name, which is given one if it is new. `None` if it is
    /// new and all 2^32 numbers are taken.
    pub fn intern(&mut self, name: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(name);
        let newest = self.newest.get(&hash).copied();
        let mut candidate = newest;
        while let Some(key) = candidate {
            if self.name(key) == Some(name) {
                return candidate;
            }
            candidate = self.entries[key as usize].previous;
        }
        let key = u32::try_from(self.entries.len()).ok()?;
        self.names.push_str(name);
        self.entries.push(Entry {
            end: self.names.len(),
            previous: newest,
        });
        self.newest.insert(hash, key);
        Some(key)
    }

    /// The name of a number; `None` if it was never given.
    pub fn name(&self, key: u32) -> Option<&str> {
        let key = key as usize;
        let end = self.entries.get(key)?.end;
        let before = key.checked_sub(1).and_then(|key| self.entries.get(key));
        self.names.get(before.map_or(0, |entry| entry.end)..end)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Takes a number that is a hash already as its own hash.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// Only numbers are ever hashed; any text would do, if badly.
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_empty_name_is_a_name() {
        let mut keys = Keys::new();
        assert!(keys.is_empty());
        assert_eq!(keys.name(0), None);
        assert_eq!((keys.intern(""), keys.intern("a")), (Some(0), Some(1)));
        assert_eq!((keys.name(0), keys.name(1)), (Some(""), Some("a")));
        assert_eq!((keys.intern(""), keys.len()), (Some(0), 2));
    }

    #[test]
    fn names_of_one_hash_are_told_apart() {
        let mut keys = Keys::new();
        let names = ["a", "b", "c"];
        for name in names {
            keys.intern(name);
        }
        // As if all three had the hash of "b".
        let hash = keys.hasher.hash_one("b");
        keys.newest.clear();
        keys.newest.insert(hash, 2);
        for (entry, previous) in keys.entries.iter_mut().zip([None, Some(0), Some(1)]) {
            entry.previous = previous;
        }
        assert_eq!((keys.intern("b"), keys.len()), (Some(1), 3));
        assert_eq!((keys.intern("d"), keys.len()), (Some(3), 4));
    }

    proptest! {
        #[test]
        fn numbers_follow_the_first_appearance(names in prop::collection::vec("[a-c]{0,3}", 0..60)) {
            let mut keys = Keys::new();
            let mut seen: Vec<&str> = Vec::new();
            for name in &names {
                let expected = seen.iter().position(|known| known == name).unwrap_or_else(|| {
                    seen.push(name);
                    seen.len() - 1
                });
                prop_assert_eq!(keys.intern(name), Some(expected as u32));
                prop_assert_eq!(keys.name(expected as u32), Some(name.as_str()));
            }
            prop_assert_eq!(keys.len(), seen.len());
        }
    }
}
