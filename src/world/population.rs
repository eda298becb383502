use std::sync::Arc;

use crate::rng::{Key, Poisson, Purpose, Seed, Streams};
use crate::scenario::{Cohort, DeviceCount, Fleet, Scenario};

use super::WorldError;

/// Homes and devices.
#[derive(Debug, Clone)]
pub struct Population {
    /// The number of homes.
    pub homes: u32,
    /// The number of devices.
    pub devices: u32,
    /// The cohorts, in the order of the scenario.
    pub cohorts: Vec<CohortHomes>,
}

/// The homes and devices of one cohort.
#[derive(Debug, Clone)]
pub struct CohortHomes {
    /// The cohort's name.
    pub name: String,
    /// The number of its first home.
    pub first_home: u32,
    /// The number of its homes.
    pub homes: u32,
    /// Its devices, a group per kind.
    pub groups: Vec<Arc<DeviceGroup>>,
}

impl CohortHomes {
    /// The number of devices of some of its homes, counted from its first.
    pub(super) fn devices_of(&self, homes: std::ops::Range<u32>) -> u32 {
        let of_group = |group: &Arc<DeviceGroup>| {
            group.layout.devices(homes.end - 1).end - group.layout.devices(homes.start).start
        };
        self.groups.iter().map(of_group).sum()
    }
}

/// The devices of one kind in the homes of one cohort.
#[derive(Debug)]
pub struct DeviceGroup {
    /// What they are.
    pub kind: String,
    /// The number of the first device.
    pub first_device: u32,
    /// The number of devices.
    pub devices: u32,
    /// Which home has which.
    pub layout: Layout,
}

/// Which home has which devices of a group; homes and devices are counted
/// from the first of the cohort and the group.
#[derive(Debug)]
pub enum Layout {
    /// Each home has that many.
    Even(u32),
    /// Home h has the devices from `first[h]` to `first[h + 1]`, and device d
    /// is in home `home[d]`.
    Uneven {
        /// The first device of each home, and the number of devices.
        first: Vec<u32>,
        /// The home of each device.
        home: Vec<u32>,
    },
}

impl Layout {
    /// The home of a device.
    #[inline]
    pub fn home(&self, device: u32) -> u32 {
        match self {
            Layout::Even(1) => device,
            Layout::Even(count) => device / count,
            Layout::Uneven { home, .. } => home[device as usize],
        }
    }

    /// The devices of a home.
    #[inline]
    pub fn devices(&self, home: u32) -> std::ops::Range<u32> {
        match self {
            Layout::Even(count) => home * count..(home + 1) * count,
            Layout::Uneven { first, .. } => first[home as usize]..first[home as usize + 1],
        }
    }
}

/// It is asked once in so many homes whether to stop.
const HOMES_PER_LOOK: u32 = 1 << 12;

impl Population {
    /// Numbers all homes and devices of a scenario. Random numbers of devices
    /// are drawn for that replication, or for all of them if the scenario says
    /// that the fleet is fixed. `stop` is asked once in so many homes.
    pub(super) fn new(
        scenario: &Scenario,
        seed: impl Into<Seed>,
        replication: u32,
        stop: &dyn Fn() -> bool,
    ) -> Result<Population, WorldError> {
        let seed = seed.into();
        let streams = match scenario.population {
            Fleet::Fresh => Streams::new(seed, replication),
            // No replication has that number. The fleet is a part of what is
            // studied, so that it is the same whatever the draws are for.
            Fleet::Fixed => Streams::new(seed.number, u32::MAX),
        };
        let mut population = Population {
            homes: 0,
            devices: 0,
            cohorts: Vec::new(),
        };
        for (name, cohort) in scenario.cohorts.iter() {
            let groups = population.groups(&streams, name, cohort, stop)?;
            population.cohorts.push(CohortHomes {
                name: name.to_owned(),
                first_home: population.homes,
                homes: cohort.homes,
                groups,
            });
            population.homes = population
                .homes
                .checked_add(cohort.homes)
                .ok_or_else(|| WorldError::TooLarge("there are too many homes".to_owned()))?;
        }
        Ok(population)
    }

    fn groups(
        &mut self,
        streams: &Streams,
        name: &str,
        cohort: &Cohort,
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<Arc<DeviceGroup>>, WorldError> {
        let mut groups = Vec::new();
        for devices in &cohort.devices {
            let too_many = || WorldError::TooLarge("there are too many devices".to_owned());
            let (layout, count) = match devices.count {
                DeviceCount::Exactly(count) => {
                    let total = cohort.homes.checked_mul(count).ok_or_else(too_many)?;
                    (Layout::Even(count), total)
                }
                DeviceCount::Poisson(mean) => {
                    let streams = streams.keyed(Key::of(["devices", name, &devices.kind]));
                    let poisson = Poisson::new(mean);
                    let mut first = vec![0_u32];
                    let mut home = Vec::new();
                    for number_in_cohort in 0..cohort.homes {
                        if number_in_cohort.is_multiple_of(HOMES_PER_LOOK) && stop() {
                            return Err(WorldError::Stopped);
                        }
                        let draw = streams.uniform(number_in_cohort, Purpose::Population, 0);
                        let count = poisson.count(draw);
                        home.extend(std::iter::repeat_n(number_in_cohort, count as usize));
                        first.push(u32::try_from(home.len()).map_err(|_| too_many())?);
                    }
                    let total = home.len() as u32;
                    (Layout::Uneven { first, home }, total)
                }
            };
            groups.push(Arc::new(DeviceGroup {
                kind: devices.kind.clone(),
                first_device: self.devices,
                devices: count,
                layout,
            }));
            self.devices = self.devices.checked_add(count).ok_or_else(too_many)?;
        }
        Ok(groups)
    }
}
