//! Whom the rows of a log count for, in numbers.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use super::scope::{KeyedBy, LogScope};
use super::server::ReplayServer;
use super::{Keys, Trace, TraceError};
use crate::limiter::KeySize;

/// Numbers the callers of a log, which are those that differ in something that
/// a stage counts per, and the keys of each stage.
///
/// Numbers depend on nothing but the order of first appearance.
#[derive(Debug)]
pub(super) struct Callers {
    /// The values of each place.
    values: Vec<Keys>,
    /// The numbers of what a row tells, by place.
    told: Vec<u32>,
    callers: HashMap<Box<[u32]>, u32>,
    stages: Vec<StageKeys>,
}

#[derive(Debug, Default)]
struct StageKeys {
    places: Vec<usize>,
    keys: HashMap<Box<[u32]>, u32>,
    scratch: Vec<u32>,
}

/// Whose row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) number: u32,
    /// Whether it was not seen before, so that its keys are new to everybody.
    pub(super) is_new: bool,
}

impl Callers {
    /// Callers that differ in so many places; `keyed_by` are the stages.
    pub(super) fn new<'k>(
        places: usize,
        keyed_by: impl IntoIterator<Item = &'k KeyedBy>,
    ) -> Callers {
        let stage = |keyed_by: &KeyedBy| match keyed_by {
            KeyedBy::Places(places) => Some(StageKeys {
                places: places.clone(),
                ..StageKeys::default()
            }),
            KeyedBy::Nothing | KeyedBy::Key => None,
        };
        Callers {
            values: (0..places).map(|_| Keys::new()).collect(),
            told: Vec::new(),
            callers: HashMap::new(),
            stages: keyed_by.into_iter().filter_map(stage).collect(),
        }
    }

    /// The number of who is told by a text at each place; `None` if there are
    /// too many to number.
    pub(super) fn number<'t>(&mut self, told: impl Iterator<Item = &'t str>) -> Option<Caller> {
        self.told.clear();
        for (text, values) in told.zip(&mut self.values) {
            self.told.push(values.intern(text)?);
        }
        if let Some(number) = self.callers.get(self.told.as_slice()) {
            return Some(Caller {
                number: *number,
                is_new: false,
            });
        }
        let number = u32::try_from(self.callers.len()).ok()?;
        self.callers.insert(self.told.as_slice().into(), number);
        Some(Caller {
            number,
            is_new: true,
        })
    }

    /// The keys of the caller numbered last, of each stage that counts per
    /// places.
    pub(super) fn keys(&mut self) -> impl Iterator<Item = u32> {
        let told = &self.told;
        self.stages.iter_mut().map(move |stage| {
            stage.scratch.clear();
            stage
                .scratch
                .extend(stage.places.iter().map(|place| told[*place]));
            let next = stage.keys.len() as u32;
            match stage.keys.get(stage.scratch.as_slice()) {
                Some(key) => *key,
                None => {
                    stage.keys.insert(stage.scratch.as_slice().into(), next);
                    next
                }
            }
        })
    }

    /// The number of what the caller numbered last tells at a place.
    fn told(&self, place: usize) -> u32 {
        self.told[place]
    }
}

/// For how many each key counts, at the stages whose quotas depend on it.
#[derive(Debug, Default)]
pub struct LogSizes {
    /// By stage and key; empty where nobody asked.
    pub(super) of_stages: Vec<Vec<KeySize>>,
    seen: HashSet<(usize, u32, LogScope, u32)>,
}

impl LogSizes {
    /// Reads a whole log, and counts the users and devices that it has behind
    /// each key of a server's stages. Their keys will have the same numbers when
    /// the same log is replayed.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn of_log<R: Read>(
        server: &ReplayServer,
        trace: &mut Trace<R>,
    ) -> Result<LogSizes, TraceError> {
        let mut sizes = LogSizes::default();
        let mut callers = server.callers();
        while let Some(row) = trace.next()? {
            // Who is too many to number is told when the log is replayed.
            if !callers
                .number(server.told(&row))
                .is_some_and(|it| it.is_new)
            {
                continue;
            }
            let keys: Vec<u32> = callers.keys().collect();
            let mut keys = keys.into_iter();
            for (number, stage) in server.stages.iter().enumerate() {
                let key = match stage.keyed_by {
                    KeyedBy::Places(_) => keys.next(),
                    KeyedBy::Nothing | KeyedBy::Key => Some(0),
                };
                for (scope, key) in stage.counts.iter().zip(key.into_iter().cycle()) {
                    let Some(place) = server.place_of(*scope) else {
                        continue;
                    };
                    // A request that concerns no device counts for none.
                    if *scope != LogScope::Device || !row.fields[place].is_empty() {
                        sizes.add((number, key), *scope, callers.told(place));
                    }
                }
            }
        }
        Ok(sizes)
    }

    /// Counts a user or device behind a key of a stage, if it is a new one.
    fn add(&mut self, (stage, key): (usize, u32), scope: LogScope, who: u32) {
        let none = KeySize {
            users: 0,
            devices: 0,
        };
        if stage >= self.of_stages.len() {
            self.of_stages.resize(stage + 1, Vec::new());
        }
        let sizes = &mut self.of_stages[stage];
        sizes.resize(sizes.len().max(key as usize + 1), none);
        if self.seen.insert((stage, key, scope, who)) {
            let size = &mut sizes[key as usize];
            match scope {
                LogScope::Device => size.devices += 1,
                _ => size.users += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_and_keys_are_numbered_as_they_appear() {
        let per = |places: &[usize]| KeyedBy::Places(places.to_vec());
        let stages = [per(&[1]), KeyedBy::Nothing, per(&[1, 0])];
        let mut callers = Callers::new(2, &stages);
        for (told, number, keys) in [
            (["a", "x"], 0, Some([0, 0])),
            (["b", "x"], 1, Some([0, 1])),
            (["a", "x"], 0, None),
            // No text runs into the next.
            (["", "ax"], 2, Some([1, 2])),
            (["a", "y"], 3, Some([2, 3])),
        ] {
            let caller = callers.number(told.into_iter()).unwrap();
            assert_eq!((caller.number, caller.is_new), (number, keys.is_some()));
            if let Some(keys) = keys {
                assert_eq!(callers.keys().collect::<Vec<_>>(), keys, "{told:?}");
            }
        }
    }

    #[test]
    fn users_and_devices_count_once_behind_a_key() {
        let mut sizes = LogSizes::default();
        for (stage, key, user) in [(1, 0, 4), (1, 2, 4), (1, 2, 4), (1, 2, 5)] {
            sizes.add((stage, key), LogScope::User, user);
        }
        sizes.add((1, 2), LogScope::Device, 5);
        let size = |users, devices| KeySize { users, devices };
        let of_stage = vec![size(1, 0), size(0, 0), size(2, 1)];
        assert_eq!(sizes.of_stages, [vec![], of_stage]);
    }
}
