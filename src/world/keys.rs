//! The keys of a limit: numbered from zero, one per combination of what it
//! counts per, and for each home the number of users behind its key.

use std::collections::HashMap;

use crate::scenario::{AppOf, NatOf, Scenario, Scope};
use crate::server::{Divisor, KeyOf};

use super::{Population, WorldError};

/// The keys of one limit.
pub(super) struct KeySpace {
    /// The number of keys.
    pub(super) keys: u32,
    /// The number of users behind each key; empty where every key has one.
    pub(super) users: Vec<u32>,
    source: KeySource,
    /// Keys per home, device or entry; 1, or the number of methods.
    scale: u32,
    by_method: bool,
}

enum KeySource {
    Device,
    Home(Vec<u32>),
}

impl KeySpace {
    /// Numbers the keys of a limit that counts per `per`.
    pub(super) fn new(
        scenario: &Scenario,
        population: &Population,
        per: &[Scope],
        methods: usize,
    ) -> Result<KeySpace, WorldError> {
        let by_method = per.contains(&Scope::Method);
        let scale = if by_method { methods as u32 } else { 1 };
        let (source, places, mut users) = if per.contains(&Scope::Device) {
            (KeySource::Device, population.devices, Vec::new())
        } else {
            let (key_of_home, users) = home_keys(scenario, population, per);
            let places = users.len() as u32;
            (KeySource::Home(key_of_home), places, users)
        };
        if scale > 1 && !users.is_empty() {
            users = users
                .iter()
                .flat_map(|users| std::iter::repeat_n(*users, scale as usize))
                .collect();
        }
        let keys = places.max(1).checked_mul(scale).ok_or_else(|| {
            WorldError::TooLarge("a limit has more than 4 billion keys".to_owned())
        })?;
        Ok(KeySpace {
            keys,
            users,
            source,
            scale,
            by_method,
        })
    }

    /// How the key of a stream follows from its homes `first..first + count`
    /// or devices; tables that are needed are added to `tables`. `None` if the
    /// limit counts per device and the stream concerns none.
    pub(super) fn key_of(
        &self,
        homes: std::ops::Range<u32>,
        concerns_device: bool,
        method: usize,
        tables: &mut Vec<Vec<u32>>,
    ) -> Option<KeyOf> {
        let offset = if self.by_method { method as u32 } else { 0 };
        let scale = self.scale;
        let keys = match &self.source {
            KeySource::Device => return concerns_device.then_some(KeyOf::Device { scale, offset }),
            KeySource::Home(keys) => keys,
        };
        let range = homes.start as usize..homes.end as usize;
        let first = keys[range.start];
        if keys[range.clone()].iter().all(|key| *key == first) {
            return Some(KeyOf::Constant(
                first.wrapping_mul(scale).wrapping_add(offset),
            ));
        }
        let shift = first.wrapping_sub(homes.start);
        if keys[range]
            .iter()
            .zip(homes.clone())
            .all(|(key, home)| *key == home.wrapping_add(shift))
        {
            let offset = offset.wrapping_add(shift.wrapping_mul(scale));
            return Some(KeyOf::Home { scale, offset });
        }
        let run = keys[homes.start as usize..].iter();
        let group = run.take_while(|key| **key == first).count() as u32;
        let grouped = |home: u32| first.wrapping_add((home - homes.start) / group);
        if homes
            .clone()
            .all(|home| keys[home as usize] == grouped(home))
            && let Some(divisor) = Divisor::new(group)
        {
            return Some(KeyOf::Group {
                first_home: homes.start,
                homes: divisor,
                scale,
                offset: offset.wrapping_add(first.wrapping_mul(scale)),
            });
        }
        let table = match tables.iter().position(|table| table == keys) {
            Some(table) => table,
            None => {
                tables.push(keys.clone());
                tables.len() - 1
            }
        };
        Some(KeyOf::Table {
            table: table as u8,
            scale,
            offset,
        })
    }
}

/// The key of each home, and the number of users behind each key.
fn home_keys(scenario: &Scenario, population: &Population, per: &[Scope]) -> (Vec<u32>, Vec<u32>) {
    let mut numbers: HashMap<[u32; 4], u32> = HashMap::new();
    let mut shared_apps: Vec<&str> = Vec::new();
    let mut keys = Vec::with_capacity(population.homes as usize);
    let mut users: Vec<u32> = Vec::new();
    let mut last_user: Vec<u32> = Vec::new();
    let (mut next_user, mut next_app, mut next_nat) = (0_u32, 0_u32, 0_u32);
    for (cohort, homes) in scenario
        .cohorts
        .iter()
        .map(|(_, cohort)| cohort)
        .zip(&population.cohorts)
    {
        for home in 0..homes.homes {
            let user_in_cohort = home / cohort.homes_per_user.max(1);
            let user = next_user + user_in_cohort;
            // Named applications are numbered downwards, the others upwards.
            let app = match &cohort.app {
                AppOf::PerUser => next_app + user_in_cohort,
                AppOf::SharedBy { users } => next_app + user_in_cohort / (*users).max(1),
                AppOf::Shared(name) => {
                    let known = shared_apps.iter().position(|app| app == name);
                    let index = known.unwrap_or_else(|| {
                        shared_apps.push(name);
                        shared_apps.len() - 1
                    });
                    u32::MAX - index as u32
                }
            };
            let nat = match cohort.nat {
                NatOf::PerHome => next_nat + home,
                NatOf::Shared { homes } => next_nat + home / homes.max(1),
            };
            let part = |scope, value: u32| if per.contains(&scope) { value } else { 0 };
            let own_home = per.contains(&Scope::Home) || per.contains(&Scope::Token);
            let combination = [
                if own_home { homes.first_home + home } else { 0 },
                part(Scope::User, user),
                part(Scope::App, app),
                part(Scope::Nat, nat),
            ];
            let key = *numbers.entry(combination).or_insert_with(|| {
                users.push(0);
                last_user.push(u32::MAX);
                users.len() as u32 - 1
            });
            // The homes of a user follow each other, so that each is counted once.
            if last_user[key as usize] != user {
                last_user[key as usize] = user;
                users[key as usize] += 1;
            }
            keys.push(key);
        }
        next_user += homes.homes.div_ceil(cohort.homes_per_user.max(1));
        next_app = next_user;
        next_nat += homes.homes;
    }
    (keys, users)
}
