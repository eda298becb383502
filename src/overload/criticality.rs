//! Criticality: whom to refuse first.
//!
//! Each request carries one of four levels. A level may use only its share of
//! a concurrency limit: it is let in while fewer than that many requests, of
//! all levels together, are in flight. So as load grows the lower levels are
//! refused first, and what they leave is kept for the higher ones.
//!
//! Source: the four levels and their order are those of "Handling Overload" in
//! Google's book on site reliability engineering. It does not say by how much a
//! level is favoured; the shares here are the user's. Stripe's load shedder,
//! which keeps 20 % for critical requests, is `Share { part: 80 % }` for both
//! sheddable levels.

use serde::{Deserialize, Serialize};

use super::error::OverloadError;
use crate::units::Probability;

/// How much it matters that a request succeeds, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Criticality {
    /// Users notice gravely if it fails.
    CriticalPlus,
    /// Users notice if it fails: what production sends unless told otherwise.
    #[default]
    Critical,
    /// Part of it may fail, as with batch jobs that try again.
    SheddablePlus,
    /// It may fail often, or for long.
    Sheddable,
}

impl Criticality {
    /// All levels, the most critical first.
    pub const ALL: [Criticality; 4] = [
        Criticality::CriticalPlus,
        Criticality::Critical,
        Criticality::SheddablePlus,
        Criticality::Sheddable,
    ];
}

/// What a level may use of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Share {
    /// This part of it, rounded down. All of it by default.
    pub part: Probability,
    /// And never the last so many slots: they are for higher levels. 0.
    pub leave: u32,
}

impl Default for Share {
    fn default() -> Share {
        Share {
            part: Probability::ONE,
            leave: 0,
        }
    }
}

impl Share {
    fn of(self, limit: u32) -> u32 {
        // The little more makes 29 of 29 % of 100, despite binary fractions.
        let part = (f64::from(limit) * self.part.value() + 1e-6) as u32;
        part.min(limit.saturating_sub(self.leave))
    }
}

/// What each level may use of a limit; by default each may use all of it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shares {
    /// Of [`Criticality::CriticalPlus`].
    pub critical_plus: Share,
    /// Of [`Criticality::Critical`].
    pub critical: Share,
    /// Of [`Criticality::SheddablePlus`].
    pub sheddable_plus: Share,
    /// Of [`Criticality::Sheddable`].
    pub sheddable: Share,
}

impl Shares {
    /// The last so many slots are for critical requests, such as commands; both
    /// sheddable levels leave them alone.
    pub fn reserving(slots: u32) -> Shares {
        let share = Share {
            leave: slots,
            ..Share::default()
        };
        Shares {
            sheddable_plus: share,
            sheddable: share,
            ..Shares::default()
        }
    }

    /// Whether no level may use more than a more critical one, of any limit.
    ///
    /// # Errors
    /// A sentence that names the first two levels of which this is not so.
    pub fn check(&self) -> Result<(), OverloadError> {
        for [higher, lower] in [[0, 1], [1, 2], [2, 3]] {
            let (higher, lower) = (Criticality::ALL[higher], Criticality::ALL[lower]);
            let (more, less) = (self.share(higher), self.share(lower));
            if less.part > more.part {
                return Err(OverloadError::UsesMore {
                    lower,
                    less: less.part,
                    higher,
                    more: more.part,
                });
            }
            if less.leave < more.leave {
                return Err(OverloadError::LeavesLess {
                    lower,
                    less: less.leave,
                    higher,
                    more: more.leave,
                });
            }
        }
        Ok(())
    }

    /// How many requests, of all levels together, may be in flight for one of
    /// this level to be let in. At most `limit`; 0 if none ever is.
    #[inline]
    pub fn limit_for(&self, level: Criticality, limit: u32) -> u32 {
        self.share(level).of(limit)
    }

    const fn share(&self, level: Criticality) -> Share {
        match level {
            Criticality::CriticalPlus => self.critical_plus,
            Criticality::Critical => self.critical,
            Criticality::SheddablePlus => self.sheddable_plus,
            Criticality::Sheddable => self.sheddable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn share(part: f64, leave: u32) -> Share {
        let part = Probability::new(part).unwrap();
        Share { part, leave }
    }

    fn limits(shares: &Shares, limit: u32) -> [u32; 4] {
        Criticality::ALL.map(|level| shares.limit_for(level, limit))
    }

    #[test]
    fn shares_and_reserves() {
        for (shares, limit, expected) in [
            (Shares::default(), 100, [100; 4]),
            (Shares::reserving(30), 100, [100, 100, 70, 70]),
            (Shares::reserving(30), 20, [20, 20, 0, 0]),
            (
                Shares::reserving(u32::MAX),
                u32::MAX,
                [u32::MAX, u32::MAX, 0, 0],
            ),
        ] {
            assert_eq!(shares.check(), Ok(()));
            assert_eq!(limits(&shares, limit), expected);
        }
        let shares = Shares {
            critical_plus: share(1.0, 0),
            critical: share(1.0, 5),
            sheddable_plus: share(0.8, 5),
            sheddable: share(0.29, 10),
        };
        assert_eq!(shares.check(), Ok(()));
        assert_eq!(limits(&shares, 100), [100, 95, 80, 29]);
        assert_eq!(limits(&shares, 11), [11, 6, 6, 1]);
        assert_eq!(limits(&shares, 0), [0; 4]);
    }

    #[test]
    fn lower_levels_may_not_use_more() {
        let shares = Shares {
            critical: share(0.5, 0),
            ..Shares::default()
        };
        let message = shares.check().unwrap_err().to_string();
        assert!(message.contains("SheddablePlus may use 100%"), "{message}");
        let shares = Shares {
            critical: share(1.0, 2),
            ..Shares::default()
        };
        let message = shares.check().unwrap_err().to_string();
        assert!(
            message.contains("SheddablePlus leaves 0 slots"),
            "{message}"
        );
    }

    #[test]
    fn levels_and_shares_are_written_by_name() {
        let level: Criticality = ron::from_str("SheddablePlus").unwrap();
        assert_eq!(level, Criticality::SheddablePlus);
        let shares: Shares = ron::from_str("(sheddable: (part: \"80%\"))").unwrap();
        assert_eq!(limits(&shares, 10), [10, 10, 10, 8]);
    }

    proptest! {
        #[test]
        fn checked_shares_are_monotone(
            parts in prop::array::uniform4(0.0..=1.0_f64),
            leaves in prop::array::uniform4(any::<u32>()),
            limit: u32,
        ) {
            let (mut parts, mut leaves) = (parts, leaves);
            parts.sort_by(|a, b| b.total_cmp(a));
            leaves.sort_unstable();
            let [critical_plus, critical, sheddable_plus, sheddable] =
                std::array::from_fn(|i| share(parts[i], leaves[i]));
            let shares = Shares { critical_plus, critical, sheddable_plus, sheddable };
            prop_assert_eq!(shares.check(), Ok(()));
            prop_assert!(limits(&shares, limit).is_sorted_by(|a, b| a >= b));
            prop_assert!(limits(&shares, limit)[0] <= limit);
        }
    }
}
