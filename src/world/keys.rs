//! The keys of a limit: numbered from zero, one per combination of what it
//! counts per, and for how many each counts.
//!
//! The homes of a cohort that share a user, an application or an address follow
//! each other, so that a key is arithmetic on the home's number. Only where two
//! of them overlap without one being a part of the other (users of two homes
//! behind addresses of three) is there a table with an entry per home.

use crate::limiter::KeySize;
use crate::scenario::{AppOf, Cohort, Scenario, Scope};
use crate::server::{Divisor, KeyOf};

use super::WorldError;
use super::population::{CohortHomes, Population};

/// The keys of one limit.
pub(super) struct KeySpace {
    /// The number of keys.
    pub(super) keys: u32,
    /// For how many each key counts; empty where every key counts for one, or
    /// where nobody asked.
    pub(super) sizes: Vec<KeySize>,
    source: KeySource,
    /// Keys per home, device or entry; 1, or the number of methods.
    scale: u32,
    by_method: bool,
}

enum KeySource {
    Device,
    Homes(HomeKeys),
}

/// Which key each home has.
#[derive(Default)]
struct HomeKeys {
    /// By cohort.
    cohorts: Vec<CohortKeys>,
    /// The key of each home, if some cohort needs it; zero for homes of others.
    table: Vec<u32>,
    /// The number of keys.
    keys: u32,
    /// For how many each key counts, if that was asked.
    sizes: Vec<KeySize>,
}

/// The keys of the homes of one cohort.
struct CohortKeys {
    first_home: u32,
    homes: u32,
    first_key: u32,
    runs: Runs,
}

/// The homes with a key in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// All of them.
    All,
    /// So many that follow each other.
    Of(u32),
    /// Those with the same entry in the table.
    Uneven,
}

impl KeySpace {
    /// Numbers the keys of a limit that counts per `per`; for how many
    /// each counts is found out if `sized`.
    pub(super) fn new(
        scenario: &Scenario,
        population: &Population,
        per: &[Scope],
        methods: usize,
        sized: bool,
    ) -> Result<KeySpace, WorldError> {
        let by_method = per.contains(&Scope::Method);
        let scale = if by_method { methods as u32 } else { 1 };
        let (source, places, mut sizes) = if per.contains(&Scope::Device) {
            (KeySource::Device, population.devices, Vec::new())
        } else {
            let mut homes = HomeKeys::new(scenario, population, per, sized);
            let (keys, sizes) = (homes.keys, std::mem::take(&mut homes.sizes));
            (KeySource::Homes(homes), keys, sizes)
        };
        let keys = places.max(1).checked_mul(scale).ok_or_else(|| {
            WorldError::TooLarge("a limit has more than 4 billion keys".to_owned())
        })?;
        if scale > 1 && !sizes.is_empty() {
            sizes = sizes
                .iter()
                .flat_map(|size| std::iter::repeat_n(*size, scale as usize))
                .collect();
        }
        Ok(KeySpace {
            keys,
            sizes,
            source,
            scale,
            by_method,
        })
    }

    /// How the key of a stream follows from its homes, which are those of a
    /// cohort by number, or devices; tables that are needed are added to `tables`. `None`
    /// if the limit counts per device and the stream concerns none.
    pub(super) fn key_of(
        &self,
        cohort: usize,
        concerns_device: bool,
        method: usize,
        tables: &mut Vec<Vec<u32>>,
    ) -> Option<KeyOf> {
        let offset = if self.by_method { method as u32 } else { 0 };
        let scale = self.scale;
        let keys = match &self.source {
            KeySource::Device => return concerns_device.then_some(KeyOf::Device { scale, offset }),
            KeySource::Homes(keys) => keys,
        };
        let cohort = &keys.cohorts[cohort];
        let first = cohort.first_key.wrapping_mul(scale).wrapping_add(offset);
        Some(match cohort.runs {
            Runs::All => KeyOf::Constant(first),
            Runs::Of(run) if run >= cohort.homes => KeyOf::Constant(first),
            Runs::Of(run) => match Divisor::new(run) {
                None => KeyOf::Home {
                    scale,
                    offset: first.wrapping_sub(cohort.first_home.wrapping_mul(scale)),
                },
                Some(divisor) => KeyOf::Group {
                    first_home: cohort.first_home,
                    homes: divisor,
                    scale,
                    offset: first,
                },
            },
            Runs::Uneven => {
                let known = tables.iter().position(|table| *table == keys.table);
                let table = known.unwrap_or_else(|| {
                    tables.push(keys.table.clone());
                    tables.len() - 1
                });
                KeyOf::Table {
                    table: table as u8,
                    scale,
                    offset,
                }
            }
        })
    }
}

impl HomeKeys {
    fn new(scenario: &Scenario, population: &Population, per: &[Scope], sized: bool) -> HomeKeys {
        let mut all = HomeKeys::default();
        // Keys that cohorts share, by what they share.
        let mut shared: Vec<(Shared<'_>, u32)> = Vec::new();
        let cohorts = scenario.cohorts.values().zip(&population.cohorts);
        for (cohort, homes) in cohorts {
            let (first_home, count) = (homes.first_home, homes.homes);
            let mut first_key = all.keys;
            let runs = if let Some(what) = Shared::of(cohort, per) {
                match shared.iter().find(|(other, _)| *other == what) {
                    Some((_, key)) => first_key = *key,
                    None => {
                        shared.push((what, first_key));
                        all.keys += 1;
                    }
                }
                all.add_size((cohort, homes), first_key, 0..count, sized);
                Runs::All
            } else {
                let lengths = lengths(cohort, per, count);
                match nested(&lengths) {
                    Some(run) => {
                        all.keys += count.div_ceil(run);
                        if sized {
                            for (start, key) in (0..count).step_by(run as usize).zip(first_key..) {
                                let end = start.saturating_add(run).min(count);
                                all.add_size((cohort, homes), key, start..end, true);
                            }
                        }
                        Runs::Of(run)
                    }
                    None => {
                        let home = first_home as usize;
                        all.table.resize(home, 0);
                        let mut start = 0;
                        for next in 1..=count {
                            let ends = next == count
                                || lengths.iter().any(|length| next.is_multiple_of(*length));
                            all.table.push(all.keys);
                            if ends {
                                all.add_size((cohort, homes), all.keys, start..next, sized);
                                all.keys += 1;
                                start = next;
                            }
                        }
                        Runs::Uneven
                    }
                }
            };
            all.cohorts.push(CohortKeys {
                first_home,
                homes: count,
                first_key,
                runs,
            });
        }
        all
    }

    /// Adds the users and devices of these homes of a cohort to a key, where they
    /// count.
    fn add_size(
        &mut self,
        (cohort, all): (&Cohort, &CohortHomes),
        key: u32,
        homes: std::ops::Range<u32>,
        sized: bool,
    ) {
        if !sized || homes.is_empty() {
            return;
        }
        let user = |home: u32| home / cohort.homes_per_user.max(1);
        let key = key as usize;
        let none = KeySize {
            users: 0,
            devices: 0,
        };
        self.sizes.resize(self.sizes.len().max(key + 1), none);
        self.sizes[key].users += user(homes.end - 1) - user(homes.start) + 1;
        self.sizes[key].devices += all.devices_of(homes);
    }
}

/// What homes of several cohorts may have in common.
#[derive(PartialEq, Eq)]
enum Shared<'a> {
    /// The whole platform.
    Platform,
    /// A named application.
    App(&'a str),
}

impl<'a> Shared<'a> {
    /// What all homes of a cohort have in common, if a limit per `per` counts
    /// them together.
    fn of(cohort: &'a Cohort, per: &[Scope]) -> Option<Shared<'a>> {
        let mut scopes = per.iter().filter(|scope| **scope != Scope::Method);
        match (scopes.next(), &cohort.app) {
            (None, _) => Some(Shared::Platform),
            (Some(Scope::App), AppOf::Shared(name)) if scopes.all(|scope| *scope == Scope::App) => {
                Some(Shared::App(name))
            }
            _ => None,
        }
    }
}

/// The lengths of the runs of homes that share each part of a key; those that
/// hold the whole cohort are no part of it.
fn lengths(cohort: &Cohort, per: &[Scope], homes: u32) -> Vec<u32> {
    let lengths = per.iter().filter_map(|scope| cohort.homes_per_key(*scope));
    lengths.filter(|length| *length < homes).collect()
}

/// The length of the runs that share all parts, if they are all as long.
fn nested(lengths: &[u32]) -> Option<u32> {
    let Some(shortest) = lengths.iter().min() else {
        return Some(u32::MAX);
    };
    let fits = |length: &u32| length.is_multiple_of(*shortest);
    lengths.iter().all(fits).then_some(*shortest)
}

#[cfg(test)]
mod tests;
