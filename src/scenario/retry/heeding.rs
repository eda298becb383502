use serde::{Deserialize, Serialize};

use crate::units::Span;

/// What a client makes of a wait that the server tells. A told wait of nothing
/// tells nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Heed {
    /// It waits as if nothing were told.
    #[default]
    Ignore,
    /// It waits no shorter than that.
    AtLeast,
    /// It waits for that long, and not for what its own policy says.
    Instead,
    /// It waits for that long, and then for what its own policy says.
    Before,
}

/// How a client reads the waits that a server tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heeding {
    /// What it makes of a Retry-After.
    pub retry_after: Heed,
    /// Whether it reads the reset that the answer's rate limit fields tell in
    /// the same way, where it has no Retry-After that is heeded; as a least
    /// wait, if it ignores that.
    pub rate_limit: bool,
    /// A longer told wait is taken for one of this length.
    pub at_most: Span,
    /// The most by which a told wait makes the client's own longer.
    pub adds_at_most: Span,
    /// Whether `retry_after` is written as `honour_retry_after`.
    pub(in crate::scenario) as_flag: bool,
}

impl Heeding {
    /// Whatever is told is ignored.
    pub const NOTHING: Heeding = Heeding {
        retry_after: Heed::Ignore,
        rate_limit: false,
        at_most: Span::MAX,
        adds_at_most: Span::MAX,
        as_flag: false,
    };

    pub(super) fn written(
        heed: Option<Heed>,
        honour: Option<bool>,
    ) -> Result<Heeding, &'static str> {
        let (retry_after, as_flag) = match (heed, honour) {
            (Some(_), Some(_)) => {
                return Err(
                    "`honour_retry_after: true` is `retry_after: AtLeast`, and one policy cannot have both; expected one of them",
                );
            }
            (Some(heed), None) => (heed, false),
            (None, Some(true)) => (Heed::AtLeast, true),
            (None, Some(false)) => (Heed::Ignore, true),
            (None, None) => (Heed::Ignore, false),
        };
        Ok(Heeding {
            retry_after,
            as_flag,
            ..Heeding::NOTHING
        })
    }

    /// The field that says what is made of a Retry-After.
    pub fn field(&self) -> &'static str {
        match self.as_flag {
            true => "honour_retry_after",
            false => "retry_after",
        }
    }

    /// Whether a Retry-After has a say.
    pub fn hears_retry_after(&self) -> bool {
        self.retry_after != Heed::Ignore
    }

    /// Whether anything told has a say.
    pub fn hears(&self) -> bool {
        self.hears_retry_after() || self.rate_limit
    }

    /// What is made of the reset that rate limit fields tell.
    pub fn of_reset(&self) -> Heed {
        match (self.rate_limit, self.retry_after) {
            (false, _) => Heed::Ignore,
            (true, Heed::Ignore) => Heed::AtLeast,
            (true, heed) => heed,
        }
    }

    /// What a client's own wait becomes, given what it is told.
    pub fn joined(&self, own: Span, retry_after: Option<Span>, reset: Option<Span>) -> Span {
        // Retry-After wins over the rate limit's fields (draft-ietf-httpapi-
        // ratelimit-headers-10).
        let (heed, told) = match (retry_after, reset) {
            (Some(told), _) if self.hears_retry_after() => (self.retry_after, told),
            (_, Some(reset)) => (self.of_reset(), reset),
            _ => return own,
        };
        if told.is_zero() {
            return own;
        }
        let told = told.min(self.at_most);
        let joined = match heed {
            Heed::Ignore => own,
            Heed::AtLeast => own.max(told),
            Heed::Instead => told,
            Heed::Before => told + own,
        };
        joined.min(own + self.adds_at_most)
    }
}
