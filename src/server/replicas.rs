use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

/// Gateways beside each other, each of which counts for itself, and how attempts
/// are spread over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Replicas {
    /// Each attempt goes to any of them, all as likely.
    AtRandom(NonZeroU8),
    /// The attempts of all clients go to them in turn.
    InTurn(NonZeroU8),
    /// All attempts of a home go to the same.
    ByHome(NonZeroU8),
}

impl Replicas {
    /// Whether it is left to chance which of them judges an attempt.
    pub fn is_random(self) -> bool {
        matches!(self, Replicas::AtRandom(count) if count.get() > 1)
    }

    /// How many there are.
    pub fn count(self) -> u8 {
        let (Replicas::AtRandom(count) | Replicas::InTurn(count) | Replicas::ByHome(count)) = self;
        count.get()
    }
}
