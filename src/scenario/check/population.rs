//! Homes and devices.

use super::{Findings, segment};
use crate::scenario::{AppOf, Cohort, DeviceCount, Draft, NatOf, Per};

/// The most homes and devices of a run: some 100 bytes of memory each.
const MAX_ENTITIES: f64 = 1e8;

pub(super) fn check_population(scenario: &Draft, found: &mut Findings) {
    if scenario.cohorts.is_empty() {
        found.add("cohorts", "there are no homes", "needs at least one cohort");
    }
    for (name, cohort) in scenario.cohorts.iter() {
        let path = format!("cohorts.{}", segment(name));
        check_cohort(scenario, &path, cohort, found);
    }
    let entities = entities(scenario);
    if entities > MAX_ENTITIES {
        found.add(
            "cohorts",
            format!("{entities:.0} homes and devices are more than one run holds"),
            format!("must be at most {MAX_ENTITIES:.0} in all"),
        );
    }
}

/// The expected number of homes and devices.
fn entities(scenario: &Draft) -> f64 {
    scenario
        .cohorts
        .values()
        .map(|cohort| f64::from(cohort.homes) * (1.0 + cohort.mean_devices(None)))
        .sum()
}

impl DeviceCount {
    pub(in crate::scenario) fn mean(self) -> f64 {
        match self {
            DeviceCount::Exactly(count) => f64::from(count),
            DeviceCount::Poisson(mean) => mean,
        }
    }
}

fn check_cohort(scenario: &Draft, path: &str, cohort: &Cohort, found: &mut Findings) {
    for (field, value) in [
        ("homes", cohort.homes),
        ("homes_per_user", cohort.homes_per_user),
    ] {
        if value == 0 {
            found.add(
                &format!("{path}.{field}"),
                format!("{field} is 0"),
                "must be at least 1",
            );
        }
    }
    if let AppOf::SharedBy { users: 0 } = cohort.app {
        found.add(
            &format!("{path}.app.users"),
            "an application that no user shares",
            "must be at least 1",
        );
    }
    if let NatOf::Shared { homes: 0 } = cohort.nat {
        found.add(
            &format!("{path}.nat.homes"),
            "an address that no home shares",
            "must be at least 1",
        );
    }
    match scenario.clients.get(&cohort.client) {
        None => found.unknown(
            &format!("{path}.client"),
            "client",
            &cohort.client,
            scenario.clients.names(),
        ),
        Some(client) => {
            let served = (client.traffic()).any(|entry| {
                entry.what.per == Per::Home || cohort.mean_devices(entry.what.kinds) > 0.0
            });
            // A client that sends nothing at all is told there.
            if !served && client.traffic().next().is_some() {
                found.add(
                    &format!("{path}.client"),
                    format!(
                        "nobody serves this cohort: the client \"{}\" sends only for devices that its homes do not have",
                        cohort.client
                    ),
                    "sends nothing for these homes",
                );
            }
        }
    }
    for (index, devices) in cohort.devices.iter().enumerate() {
        let here = format!("{path}.devices.{index}");
        match devices.count {
            DeviceCount::Exactly(_) => {}
            DeviceCount::Poisson(mean) if mean.is_finite() && (0.0..=10_000.0).contains(&mean) => {}
            DeviceCount::Poisson(mean) => found.add(
                &format!("{here}.count"),
                format!("{mean} is no mean number of devices"),
                "must be from 0 to 10000",
            ),
        }
        if cohort.devices[..index]
            .iter()
            .any(|other| other.kind == devices.kind)
        {
            found.add(
                &format!("{here}.kind"),
                format!("the kind \"{}\" is listed twice", devices.kind),
                "already listed above",
            );
        }
    }
}
