//! Homes and devices.

use super::{Findings, segment};
use crate::scenario::{AppOf, Cohort, DeviceCount, Draft, Installed, NatOf, Per};

/// The most homes and devices of a run: some 100 bytes of memory each.
const MAX_ENTITIES: f64 = 1e8;

pub(super) fn check_population(scenario: &Draft, found: &mut Findings) {
    if scenario.cohorts.is_empty() {
        found.add("cohorts", "there are no homes", "needs at least one cohort");
    }
    for (name, cohort) in scenario.cohorts.iter() {
        let path = format!("cohorts.{}", segment(name));
        check_cohort(&path, cohort, found);
        check_clients(scenario, (name, &path), cohort, found);
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

fn check_cohort(path: &str, cohort: &Cohort, found: &mut Findings) {
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
    check_app(path, &cohort.app, found);
    if let NatOf::Shared { homes: 0 } = cohort.nat {
        found.add(
            &format!("{path}.nat.homes"),
            "an address that no home shares",
            "must be at least 1",
        );
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

fn check_app(path: &str, app: &AppOf, found: &mut Findings) {
    if let AppOf::SharedBy { users: 0 } = app {
        found.add(
            &format!("{path}.app.users"),
            "an application that no user shares",
            "must be at least 1",
        );
    }
}

/// What runs in the homes of a cohort.
fn check_clients(
    scenario: &Draft,
    (name, path): (&str, &str),
    cohort: &Cohort,
    found: &mut Findings,
) {
    let several = cohort.clients.as_deref();
    match (&cohort.client, several) {
        (None, None) => found.add(
            path,
            format!("the field \"client\" is missing in \"{name}\""),
            "expected client: ... inside, or clients: [...]",
        ),
        (Some(_), Some(_)) => found.add(
            &format!("{path}.clients"),
            "a cohort has either `client` or `clients`",
            "list all of them here, and leave `client` out",
        ),
        (None, Some([])) => found.add(
            &format!("{path}.clients"),
            "nothing runs in these homes",
            "needs at least one client",
        ),
        _ => {}
    }
    let installed = cohort.installed();
    for it in &installed {
        let here = format!("{path}.{}", cohort.path_of(it));
        if cohort.has_own_app(it) {
            check_app(&format!("{path}.clients.{}", it.index), it.app, found);
        }
        let is_twin =
            |other: &Installed<'_>| other.client == it.client && other.app_number == it.app_number;
        if installed[..it.index].iter().any(is_twin) {
            found.add(
                &here,
                format!(
                    "the client \"{}\" is listed twice with the same application",
                    it.client
                ),
                "needs an `app` of its own, or is one too many",
            );
        }
        let Some(client) = scenario.clients.get(it.client) else {
            found.unknown(&here, "client", it.client, scenario.clients.names());
            continue;
        };
        let served = (client.traffic()).any(|entry| {
            entry.what.per == Per::Home || cohort.mean_devices(entry.what.kinds) > 0.0
        });
        // A client that sends nothing at all is told there.
        if !served && client.traffic().next().is_some() {
            found.add(
                &here,
                format!(
                    "nobody serves this cohort: the client \"{}\" sends only for devices that its homes do not have",
                    it.client
                ),
                "sends nothing for these homes",
            );
        }
    }
}
