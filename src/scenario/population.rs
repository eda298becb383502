use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Draft, Scope};

/// Homes that are alike: how many, behind which app and address, with which
/// clients and devices.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cohort {
    /// The number of homes.
    pub homes: u32,
    /// How many consecutive homes belong to one user.
    #[serde(default = "one")]
    pub homes_per_user: u32,
    /// The application (client id) that calls for these homes, where a client
    /// has none of its own.
    #[serde(default)]
    pub app: AppOf,
    /// The public address that these homes call from.
    #[serde(default)]
    pub nat: NatOf,
    /// The name of the client that runs in each home, if it is the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The clients that run in each home, side by side, if there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<Vec<HomeClient>>,
    /// The devices of each home.
    #[serde(default)]
    pub devices: Vec<Devices>,
}

fn one() -> u32 {
    1
}

/// One of several clients of a cohort: its name, or `(client: "name", app: ...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeClient {
    /// The client's name.
    pub client: String,
    /// The application that it calls with, where that is not the cohort's.
    pub app: Option<AppOf>,
}

/// The same with its fields.
#[derive(Serialize, Deserialize)]
#[serde(rename = "HomeClient", deny_unknown_fields)]
struct WithFields {
    client: String,
    #[serde(default)]
    app: Option<AppOf>,
}

impl Serialize for HomeClient {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.app.clone() {
            None => serializer.serialize_str(&self.client),
            app => WithFields {
                client: self.client.clone(),
                app,
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for HomeClient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HomeClient, D::Error> {
        struct NameOrFields;
        impl<'de> Visitor<'de> for NameOrFields {
            type Value = HomeClient;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a client's name in quotes, or (client: ..., app: ...)")
            }

            fn visit_str<E>(self, name: &str) -> Result<HomeClient, E> {
                Ok(HomeClient {
                    client: name.to_owned(),
                    app: None,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HomeClient, A::Error> {
                let WithFields { client, app } =
                    Deserialize::deserialize(MapAccessDeserializer::new(map))?;
                Ok(HomeClient { client, app })
            }
        }
        deserializer.deserialize_any(NameOrFields)
    }
}

/// A client in the homes of a cohort.
#[derive(Debug, Clone, Copy)]
pub struct Installed<'a> {
    /// Its place among the clients of the cohort, from zero.
    pub index: usize,
    /// The client's name.
    pub client: &'a str,
    /// Who shares the application that it calls with.
    pub app: &'a AppOf,
    /// The place of the first client of the cohort that calls with the same
    /// application.
    pub app_number: usize,
}

/// Which application a client of a cohort calls with.
#[derive(PartialEq, Eq)]
enum WhichApp<'a> {
    /// The cohort's.
    OfCohort,
    /// The one of that name.
    Named(&'a str),
    /// The one that the client at that place has for itself.
    OfClient(usize),
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

impl Draft {
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
    /// The clients that run in each home, in the order of the text.
    ///
    /// A client calls with the cohort's application, or with one of its own if it
    /// says so; applications that are shared under one name are one.
    pub fn installed(&self) -> Vec<Installed<'_>> {
        let only = self.client.iter().map(|name| (name, None));
        let several = self.clients.iter().flatten();
        let named = only.chain(several.map(|one| (&one.client, one.app.as_ref())));
        let mut seen: Vec<WhichApp<'_>> = Vec::new();
        named
            .enumerate()
            .map(|(index, (client, own))| {
                let which = match own.unwrap_or(&self.app) {
                    AppOf::Shared(name) => WhichApp::Named(name),
                    _ if own.is_none() => WhichApp::OfCohort,
                    _ => WhichApp::OfClient(index),
                };
                let known = seen.iter().position(|other| *other == which);
                seen.push(which);
                Installed {
                    index,
                    client,
                    app: own.unwrap_or(&self.app),
                    app_number: known.unwrap_or(index),
                }
            })
            .collect()
    }

    /// The path of a client's name, from the cohort.
    pub(super) fn path_of(&self, installed: &Installed<'_>) -> String {
        let written = self.clients.iter().flatten().nth(installed.index);
        match written {
            None => "client".to_owned(),
            Some(HomeClient { app: None, .. }) => format!("clients.{}", installed.index),
            Some(_) => format!("clients.{}.client", installed.index),
        }
    }

    /// Whether a client of it says what it calls with.
    pub(super) fn has_own_app(&self, installed: &Installed<'_>) -> bool {
        let written = self.clients.iter().flatten().nth(installed.index);
        written.is_some_and(|one| one.app.is_some())
    }

    /// Whether some client of it calls with the application that is shared under
    /// that name.
    pub(super) fn calls_with(&self, app: &str) -> bool {
        let is_it = |it: &Installed<'_>| matches!(it.app, AppOf::Shared(name) if name == app);
        self.installed().iter().any(is_it)
    }

    /// The users of its homes.
    pub fn users(&self) -> u32 {
        self.homes.div_ceil(self.homes_per_user.max(1))
    }

    /// How many consecutive homes have a key of a limit per `scope` in common
    /// where they call with that application, counted from the cohort's first;
    /// `None` if all of them have.
    ///
    /// A device's and a method's key is not a matter of homes: for them it is
    /// `None` as well.
    pub fn homes_per_key(&self, app: &AppOf, scope: Scope) -> Option<u32> {
        let homes_per_user = self.homes_per_user.max(1);
        match scope {
            Scope::Home | Scope::Token => Some(1),
            Scope::User => Some(homes_per_user),
            Scope::App => match app {
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

impl Scope {
    /// Whether its keys depend on the application that a client calls with.
    pub fn is_by_app(self) -> bool {
        matches!(self, Scope::App | Scope::Token)
    }
}
