//! The keys of a limit: numbered from zero, one per combination of what it
//! counts per, and for how many each counts.
//!
//! The homes of a cohort that share a user, an application or an address follow
//! each other, so that a key is arithmetic on the home's number. Only where two
//! of them overlap without one being a part of the other (users of two homes
//! behind addresses of three) is there a table with an entry per home.
//!
//! A home with several clients has a key for each *party* among them: those
//! with one application, if a limit counts per application, and otherwise all.

use crate::limiter::KeySize;
use crate::scenario::{AppOf, Cohort, Installed, Scenario, Scope};
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
    /// Keys per home, device or entry: the number of methods, if they count apart,
    /// times that of replicas.
    scale: u32,
    /// Keys per method, if they count apart: the number of replicas.
    per_method: u32,
}

enum KeySource {
    Devices(Vec<DeviceKeys>),
    Homes(HomeKeys),
}

/// Clients of the homes of one cohort that a limit does not tell apart.
pub(super) struct Party<'a> {
    cohort_number: usize,
    cohort: &'a Cohort,
    app: &'a AppOf,
    /// Their places among the clients of the cohort.
    clients: Vec<usize>,
}

impl<'a> Party<'a> {
    /// The parties of those homes that have a client, given by number.
    pub(super) fn of_client(
        scenario: &'a Scenario,
        per: &[Scope],
        client: usize,
    ) -> Vec<Party<'a>> {
        let mut parties = Party::all(scenario, per);
        parties.retain(|party| {
            scenario.placements().any(|placement| {
                placement.client == client
                    && placement.cohort_number == party.cohort_number
                    && party.clients.contains(&placement.installed.index)
            })
        });
        parties
    }

    /// The parties of a scenario for a limit that counts per `per`.
    pub(super) fn all(scenario: &'a Scenario, per: &[Scope]) -> Vec<Party<'a>> {
        let by_app = per.iter().any(|scope| scope.is_by_app());
        let mut parties: Vec<Party<'a>> = Vec::new();
        for (cohort_number, cohort) in scenario.cohorts.values().enumerate() {
            for Installed {
                index,
                app,
                app_number,
                ..
            } in cohort.installed()
            {
                let with = if by_app { app_number } else { 0 };
                let known = parties.iter_mut().find(|party| {
                    party.cohort_number == cohort_number && party.clients.contains(&with)
                });
                match known {
                    Some(party) => party.clients.push(index),
                    None => parties.push(Party {
                        cohort_number,
                        cohort,
                        app,
                        clients: vec![index],
                    }),
                }
            }
        }
        parties
    }
}

/// The keys of the devices of one party.
struct DeviceKeys {
    cohort_number: usize,
    clients: Vec<usize>,
    first_device: u32,
    first_key: u32,
}

/// Which key each home has.
#[derive(Default)]
struct HomeKeys {
    parties: Vec<PartyKeys>,
    /// The key of each home, if some party needs it; zero for homes of others.
    /// Parties of one cohort that need it have a table each.
    tables: Vec<Vec<u32>>,
    /// The number of keys.
    keys: u32,
    /// For how many each key counts, if that was asked.
    sizes: Vec<KeySize>,
}

/// The keys of the homes of one party.
struct PartyKeys {
    cohort_number: usize,
    clients: Vec<usize>,
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
    /// Those with the same entry in that table.
    Uneven(usize),
}

/// Whose request it is: the number of a cohort, and the place of a client in it.
pub(super) type Sender = (usize, usize);

impl KeySpace {
    /// Numbers the keys of a limit that counts per `per` for these parties, with so
    /// many methods, in so many replicas whose keys follow each other; for how many
    /// each counts is found out if `sized`.
    pub(super) fn new(
        parties: Vec<Party<'_>>,
        population: &Population,
        per: &[Scope],
        (methods, replicas): (usize, u32),
        sized: bool,
    ) -> Result<KeySpace, WorldError> {
        let too_large = || WorldError::TooLarge("a limit has more than 4 billion keys".to_owned());
        let by_method = per.contains(&Scope::Method);
        let scale = replicas * if by_method { methods as u32 } else { 1 };
        let (source, places, mut sizes) = if per.contains(&Scope::Device) {
            let (keys, places) = device_keys(parties, population).ok_or_else(too_large)?;
            (KeySource::Devices(keys), places, Vec::new())
        } else {
            let mut homes = HomeKeys::new(parties, population, per, sized).ok_or_else(too_large)?;
            let (keys, sizes) = (homes.keys, std::mem::take(&mut homes.sizes));
            (KeySource::Homes(homes), keys, sizes)
        };
        let keys = places.max(1).checked_mul(scale).ok_or_else(too_large)?;
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
            per_method: if by_method { replicas } else { 0 },
        })
    }

    /// How the key of a stream follows from its homes or devices; tables that
    /// are needed are added to `tables`. `None` if the limit counts per device
    /// and the stream concerns none, or does not know the sender.
    pub(super) fn key_of(
        &self,
        (cohort, client): Sender,
        concerns_device: bool,
        method: usize,
        tables: &mut Vec<Vec<u32>>,
    ) -> Option<KeyOf> {
        let offset = self.per_method * method as u32;
        let scale = self.scale;
        let keys = match &self.source {
            KeySource::Devices(parties) => {
                let is_it = |party: &&DeviceKeys| {
                    party.cohort_number == cohort && party.clients.contains(&client)
                };
                let party = parties.iter().find(is_it).filter(|_| concerns_device)?;
                let before = party.first_key.wrapping_sub(party.first_device);
                return Some(KeyOf::Device {
                    scale,
                    offset: before.wrapping_mul(scale).wrapping_add(offset),
                });
            }
            KeySource::Homes(keys) => keys,
        };
        let party = (keys.parties.iter())
            .find(|party| party.cohort_number == cohort && party.clients.contains(&client))?;
        let first = party.first_key.wrapping_mul(scale).wrapping_add(offset);
        Some(match party.runs {
            Runs::All => KeyOf::Constant(first),
            Runs::Of(run) if run >= party.homes => KeyOf::Constant(first),
            Runs::Of(run) => match Divisor::new(run) {
                None => KeyOf::Home {
                    scale,
                    offset: first.wrapping_sub(party.first_home.wrapping_mul(scale)),
                },
                Some(divisor) => KeyOf::Group {
                    first_home: party.first_home,
                    homes: divisor,
                    scale,
                    offset: first,
                },
            },
            Runs::Uneven(number) => {
                let wanted = &keys.tables[number];
                let known = tables.iter().position(|table| table == wanted);
                let table = known.unwrap_or_else(|| {
                    tables.push(wanted.clone());
                    tables.len() - 1
                });
                KeyOf::Table {
                    table: table as u16,
                    scale,
                    offset,
                }
            }
        })
    }
}

/// The keys of the devices of these parties, and their number; `None` if there
/// are too many.
fn device_keys(parties: Vec<Party<'_>>, population: &Population) -> Option<(Vec<DeviceKeys>, u32)> {
    let mut all = Vec::new();
    let mut next: u32 = 0;
    for party in parties {
        // The devices of a cohort follow each other.
        let groups = &population.cohorts[party.cohort_number].groups;
        let devices: u32 = groups.iter().map(|group| group.devices).sum();
        all.push(DeviceKeys {
            cohort_number: party.cohort_number,
            clients: party.clients,
            first_device: groups.first().map_or(0, |group| group.first_device),
            first_key: next,
        });
        next = next.checked_add(devices)?;
    }
    Some((all, next))
}

impl HomeKeys {
    /// `None` if there are too many.
    fn new(
        parties: Vec<Party<'_>>,
        population: &Population,
        per: &[Scope],
        sized: bool,
    ) -> Option<HomeKeys> {
        let mut all = HomeKeys::default();
        // Keys that parties share, by what they share.
        let mut shared: Vec<(Shared<'_>, u32)> = Vec::new();
        for party in parties {
            let Party {
                cohort_number,
                cohort,
                app,
                clients,
            } = party;
            let homes = &population.cohorts[cohort_number];
            let (first_home, count) = (homes.first_home, homes.homes);
            let mut first_key = all.keys;
            let runs = if let Some(what) = Shared::of(app, per) {
                match shared.iter().find(|(other, _)| *other == what) {
                    Some((_, key)) => first_key = *key,
                    None => {
                        shared.push((what, first_key));
                        all.keys = all.keys.checked_add(1)?;
                    }
                }
                all.add_size((cohort, homes), first_key, 0..count, sized);
                Runs::All
            } else {
                let lengths = lengths(cohort, app, per, count);
                match nested(&lengths) {
                    Some(run) => {
                        all.keys = all.keys.checked_add(count.div_ceil(run))?;
                        if sized {
                            for (start, key) in (0..count).step_by(run as usize).zip(first_key..) {
                                let end = start.saturating_add(run).min(count);
                                all.add_size((cohort, homes), key, start..end, true);
                            }
                        }
                        Runs::Of(run)
                    }
                    None => {
                        let table = all.table_from(first_home);
                        let mut start = 0;
                        for next in 1..=count {
                            let ends = next == count
                                || lengths.iter().any(|length| next.is_multiple_of(*length));
                            all.tables[table].push(all.keys);
                            if ends {
                                all.add_size((cohort, homes), all.keys, start..next, sized);
                                all.keys = all.keys.checked_add(1)?;
                                start = next;
                            }
                        }
                        Runs::Uneven(table)
                    }
                }
            };
            all.parties.push(PartyKeys {
                cohort_number,
                clients,
                first_home,
                homes: count,
                first_key,
                runs,
            });
        }
        Some(all)
    }

    /// A table that has entries for the homes before `first_home`, and for no
    /// other.
    fn table_from(&mut self, first_home: u32) -> usize {
        let home = first_home as usize;
        let known = self.tables.iter().position(|table| table.len() <= home);
        let number = known.unwrap_or_else(|| {
            self.tables.push(Vec::new());
            self.tables.len() - 1
        });
        self.tables[number].resize(home, 0);
        number
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

/// What homes of several parties may have in common.
#[derive(PartialEq, Eq)]
enum Shared<'a> {
    /// The whole platform.
    Platform,
    /// A named application.
    App(&'a str),
}

impl<'a> Shared<'a> {
    /// What all homes that call with an application have in common, if a limit
    /// per `per` counts them together.
    fn of(app: &'a AppOf, per: &[Scope]) -> Option<Shared<'a>> {
        let mut scopes = per.iter().filter(|scope| **scope != Scope::Method);
        match (scopes.next(), app) {
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
fn lengths(cohort: &Cohort, app: &AppOf, per: &[Scope], homes: u32) -> Vec<u32> {
    let lengths = (per.iter()).filter_map(|scope| cohort.homes_per_key(app, *scope));
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
