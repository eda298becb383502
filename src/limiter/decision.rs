//! What a limiter answers, and where a key stands.

use serde::{Deserialize, Serialize};

use crate::units::{Span, Time};

/// What a limiter answers to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// The attempt may pass; its cost has been taken.
    Admit,
    /// The attempt may pass once this wait is over; its cost has been taken.
    /// The wait is more than zero and does not depend on what comes later.
    Delay(Span),
    /// The attempt may not pass.
    Refuse {
        /// How long until the same attempt would be admitted if nothing else
        /// happened on its key; `None` if never, as when its cost is more than
        /// the limit ever grants.
        retry_after: Option<Span>,
    },
}

impl Decision {
    /// Whether the attempt may pass, now or later.
    pub const fn is_admit(self) -> bool {
        matches!(self, Decision::Admit | Decision::Delay(_))
    }

    /// Without a told wait that lies beyond the end of time.
    pub(super) fn within_time(self, now: Time) -> Decision {
        match self {
            Decision::Refuse {
                retry_after: Some(wait),
            } if !ends_in_time(now, wait) => Decision::Refuse { retry_after: None },
            decision => decision,
        }
    }
}

/// Whether attempts that were refused use up budget as well.
///
/// Few vendors say. It decides whether a client that keeps retrying locks
/// itself out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Refused {
    /// A refused attempt costs nothing.
    #[default]
    Free,
    /// A refused attempt counts like an admitted one.
    Counted,
}

/// Where a key stands: what response headers and replays report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The whole budget as header fields tell it: the quota of a window at this
    /// moment, or the size of a bucket. `None` where nothing is ever refused for
    /// want of budget, and where it is not counted in cost.
    pub quota: Option<u64>,
    /// The most that an attempt may cost at this moment to be admitted, at once
    /// or after a wait: with a queue it may be more than the quota. `None` if
    /// nothing is ever refused for want of budget, however much is taken. Limits
    /// that do not count cost tell attempts, or failures that are still allowed.
    pub remaining: Option<u64>,
    /// How long until the whole budget is there, if nobody calls meanwhile, and
    /// not a nanosecond less; zero if it is there now. `None` if that cannot be
    /// told: time alone does not bring it back, or not before the year 2554.
    pub reset_after: Option<Span>,
}

impl Standing {
    /// The standing of a limit with a quota, of which so much remains.
    pub(crate) const fn of(quota: u64, remaining: u64, reset_after: Span) -> Standing {
        Standing {
            quota: Some(quota),
            remaining: Some(remaining),
            reset_after: Some(reset_after),
        }
    }

    /// Without a reset that lies beyond the end of time.
    pub(super) fn within_time(self, now: Time) -> Standing {
        Standing {
            reset_after: self.reset_after.filter(|span| ends_in_time(now, *span)),
            ..self
        }
    }
}

/// Whether a span from `now` on ends before the last moment of time, to which
/// sums saturate.
pub(super) fn ends_in_time(now: Time, span: Span) -> bool {
    now + span < Time::MAX
}
