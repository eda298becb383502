use serde::{Deserialize, Serialize};

/// What a quota may depend on: for how many a key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeySize {
    /// Its users.
    pub users: u32,
    /// Its devices.
    pub devices: u32,
}

impl KeySize {
    /// A key of one.
    pub const ONE: KeySize = KeySize {
        users: 1,
        devices: 1,
    };
}

/// How many requests a key may make per window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Quota {
    /// The same for every key.
    Fixed(u64),
    /// `base` and `each` per user of the key, counting at most `up_to_users`, and
    /// never less than `at_least`.
    PerUser {
        /// Requests of the key, however many users it has.
        #[serde(default)]
        base: u64,
        /// Requests per user.
        each: u64,
        /// The most users that count.
        #[serde(default)]
        up_to_users: Option<u64>,
        /// The least quota.
        #[serde(default)]
        at_least: u64,
    },
    /// `base` and `each` per device of the key, of which there is at least one,
    /// counting at most `up_to_devices`, and never less than `at_least`.
    PerDevice {
        /// Requests of the key, however many devices it has.
        #[serde(default)]
        base: u64,
        /// Requests per device.
        each: u64,
        /// The most devices that count.
        #[serde(default)]
        up_to_devices: Option<u64>,
        /// The least quota.
        #[serde(default)]
        at_least: u64,
    },
    /// By the number of users of the key: the last tier whose `from_users`
    /// they reach.
    Tiers(Vec<QuotaTier>),
}

/// One step of a quota that depends on the number of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaTier {
    /// The least number of users of this tier.
    pub from_users: u64,
    /// The quota of this tier.
    pub quota: u64,
}

impl Quota {
    /// Whether it is not the same for every key.
    pub fn depends_on_key(&self) -> bool {
        self.depends_on_users() || self.depends_on_devices()
    }

    /// Whether it depends on the number of users of the key.
    pub fn depends_on_users(&self) -> bool {
        matches!(self, Quota::PerUser { .. } | Quota::Tiers(_))
    }

    /// Whether it depends on the number of devices of the key.
    pub fn depends_on_devices(&self) -> bool {
        matches!(self, Quota::PerDevice { .. })
    }

    /// The quota of a key.
    pub fn of(&self, key: KeySize) -> u64 {
        let users = u64::from(key.users);
        let per = |count: u64, most: Option<u64>, (base, each): (u64, u64), at_least: u64| {
            let counted = count.min(most.unwrap_or(u64::MAX));
            (counted.saturating_mul(each).saturating_add(base)).max(at_least)
        };
        match *self {
            Quota::Fixed(quota) => quota,
            Quota::PerUser {
                base,
                each,
                up_to_users,
                at_least,
            } => per(users, up_to_users, (base, each), at_least),
            Quota::PerDevice {
                base,
                each,
                up_to_devices,
                at_least,
            } => {
                let devices = key.devices.max(1).into();
                per(devices, up_to_devices, (base, each), at_least)
            }
            Quota::Tiers(ref tiers) => tiers
                .iter()
                .rev()
                .find(|tier| users >= tier.from_users)
                .or(tiers.first())
                .map_or(0, |tier| tier.quota),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_follow_the_numbers_of_users_and_devices() {
        let app = Quota::PerUser {
            base: 0,
            each: 2,
            up_to_users: Some(200),
            at_least: 20,
        };
        let hub = Quota::PerDevice {
            base: 0,
            each: 3,
            up_to_devices: Some(50),
            at_least: 6,
        };
        for (devices, quota) in [(0, 6), (1, 6), (2, 6), (3, 9), (50, 150), (51, 150)] {
            let size = KeySize { users: 7, devices };
            assert_eq!(hub.of(size), quota, "{devices} devices");
        }
        let with_base = Quota::PerDevice {
            base: 3200,
            each: 1500,
            up_to_devices: Some(3),
            at_least: 5000,
        };
        for (devices, quota) in [(0, 5000), (1, 5000), (2, 6200), (3, 7700), (9, 7700)] {
            let size = KeySize { users: 7, devices };
            assert_eq!(with_base.of(size), quota, "{devices} devices");
        }
        let tiers = Quota::Tiers(vec![
            QuotaTier {
                from_users: 1,
                quota: 200,
            },
            QuotaTier {
                from_users: 100,
                quota: 2000,
            },
        ]);
        let size = |users| KeySize { users, devices: 9 };
        for (users, per_user, tiered) in [
            (1, 20, 200),
            (50, 100, 200),
            (100, 200, 2000),
            (760, 400, 2000),
        ] {
            assert_eq!(app.of(size(users)), per_user, "{users} users");
            assert_eq!(tiers.of(size(users)), tiered, "{users} users");
        }
    }
}
