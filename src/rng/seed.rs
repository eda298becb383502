use serde::{Deserialize, Serialize};

/// The seed of a study's draws, and the family of its streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seed {
    /// The number that a scenario gives.
    pub number: u64,
    /// What the draws are for.
    pub family: Family,
}

/// What draws are for. Replications of different families have no stream in
/// common, so that what was chosen by the draws of one can be certified by those
/// of another, as if it had been chosen by somebody else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Family {
    /// To look for an answer: what every study uses that does not say.
    #[default]
    Search,
    /// To certify one that was found.
    Certification,
}

impl Seed {
    /// The number of a replication among those of all families.
    pub(super) fn number_of(self, replication: u32) -> u64 {
        (self.family as u64) << 32 | u64::from(replication)
    }
}

impl From<u64> for Seed {
    fn from(number: u64) -> Seed {
        Seed {
            number,
            family: Family::Search,
        }
    }
}
