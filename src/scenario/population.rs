use serde::{Deserialize, Serialize};

use super::{Scenario, Scope};

/// Homes that are alike: how many, behind which app and address, with which
/// client and devices.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cohort {
    /// The number of homes.
    pub homes: u32,
    /// How many consecutive homes belong to one user.
    #[serde(default = "one")]
    pub homes_per_user: u32,
    /// The application (client id) that calls for these homes.
    #[serde(default)]
    pub app: AppOf,
    /// The public address that these homes call from.
    #[serde(default)]
    pub nat: NatOf,
    /// The name of the client that runs in each home.
    pub client: String,
    /// The devices of each home.
    #[serde(default)]
    pub devices: Vec<Devices>,
}

fn one() -> u32 {
    1
}

/// Who shares an application (an OAuth client id).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum AppOf {
    /// Each user has registered an application of their own.
    #[default]
    PerUser,
    /// All use the application of that name; cohorts that name the same
    /// application share it.
    Shared(String),
    /// Each run of that many consecutive users shares one application.
    SharedBy {
        /// Users of one application.
        users: u32,
    },
}

/// Who shares a public address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum NatOf {
    /// Each home has an address of its own.
    #[default]
    PerHome,
    /// Each run of that many consecutive homes is behind one address.
    Shared {
        /// Homes behind one address.
        homes: u32,
    },
}

/// Devices of one kind in each home of a cohort.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    /// What they are, such as `"valve"`.
    pub kind: String,
    /// How many each home has.
    pub count: DeviceCount,
}

/// How many devices of a kind a home has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum DeviceCount {
    /// The same number in each home.
    Exactly(u32),
    /// A Poisson number with that mean, drawn for each home.
    Poisson(f64),
}

/// Whether replications differ in what is random about homes and devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fleet {
    /// Each replication draws its own: results are about all fleets that the
    /// scenario describes.
    #[default]
    Fresh,
    /// All replications have the one that the seed draws: results are about it.
    Fixed,
}

impl Scenario {
    /// Whether each replication has homes and devices of its own: they are
    /// random, and the scenario does not fix them.
    pub fn draws_fleet_anew(&self) -> bool {
        let is_random = |devices: &Devices| match devices.count {
            DeviceCount::Exactly(_) => false,
            DeviceCount::Poisson(mean) => mean > 0.0,
        };
        self.population == Fleet::Fresh
            && (self.cohorts.values()).any(|cohort| cohort.devices.iter().any(is_random))
    }
}

impl Cohort {
    /// How many consecutive homes have a key of a limit per `scope` in common,
    /// counted from the cohort's first; `None` if all of them have.
    ///
    /// A device's and a method's key is not a matter of homes: for them it is
    /// `None` as well.
    pub fn homes_per_key(&self, scope: Scope) -> Option<u32> {
        let homes_per_user = self.homes_per_user.max(1);
        match scope {
            Scope::Home | Scope::Token => Some(1),
            Scope::User => Some(homes_per_user),
            Scope::App => match &self.app {
                AppOf::PerUser => Some(homes_per_user),
                AppOf::SharedBy { users } => Some(homes_per_user.saturating_mul((*users).max(1))),
                AppOf::Shared(_) => None,
            },
            Scope::Nat => match self.nat {
                NatOf::PerHome => Some(1),
                NatOf::Shared { homes } => Some(homes.max(1)),
            },
            Scope::Device | Scope::Method => None,
        }
    }
}
