//! The way of a stream of requests through the server, all indices resolved.

use crate::overload::Criticality;

/// For whom an attempt is made, from which the keys that it counts for follow,
/// and how much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The home's number.
    pub home: u32,
    /// The device's number; any, if the route has no device's key.
    pub device: u32,
    /// How much the attempt matters.
    pub level: Criticality,
    /// How many requests the attempt counts for: 1, but for rows of a log.
    pub weight: u64,
}

/// The stages that the attempts of a stream pass, in order.
#[derive(Debug, Clone, Default)]
pub struct Route {
    stages: Box<[RouteStage]>,
    gates: Box<[GateOnRoute]>,
}

/// A gate on a route.
#[derive(Debug, Clone, Copy)]
pub struct GateOnRoute {
    /// How many stages come before it.
    pub at: u8,
    /// Its index among the gates.
    pub gate: u8,
    /// The key whose permits an attempt needs.
    pub key: KeyOf,
}

impl Route {
    /// A route through these stages.
    pub fn new(stages: Vec<RouteStage>) -> Route {
        let gate = |(at, stage): (usize, &RouteStage)| match *stage {
            RouteStage::Gate { gate, key, .. } => Some(GateOnRoute {
                at: at as u8,
                gate,
                key,
            }),
            RouteStage::Admission { .. } | RouteStage::Limit { .. } | RouteStage::Outage { .. } => {
                None
            }
        };
        Route {
            gates: stages.iter().enumerate().filter_map(gate).collect(),
            stages: stages.into(),
        }
    }

    /// All stages.
    #[inline]
    pub fn stages(&self) -> &[RouteStage] {
        &self.stages
    }

    /// The place of the stage after the outages that begin at number `from`.
    pub(super) fn stage_after_outages(&self, from: u8) -> u8 {
        let outages = self.stages[usize::from(from)..].iter();
        let is_outage = |stage: &&RouteStage| matches!(stage, RouteStage::Outage { .. });
        from + outages.take_while(is_outage).count() as u8
    }

    /// The gates among the stages from number `from` up to, but without, number
    /// `to`.
    #[inline]
    pub fn gates(&self, from: u8, to: u8) -> impl Iterator<Item = &GateOnRoute> {
        let within = move |gate: &&GateOnRoute| from <= gate.at && gate.at < to;
        self.gates.iter().filter(within)
    }

    /// Whether an attempt needs a permit somewhere.
    #[inline]
    pub fn has_gates(&self) -> bool {
        !self.gates.is_empty()
    }
}

/// One stage on the route of a stream of requests, all indices resolved.
#[derive(Debug, Clone, Copy)]
pub enum RouteStage {
    /// A concurrency limit.
    Gate {
        /// Its index among the gates.
        gate: u8,
        /// Its index among the stages.
        stage: u8,
        /// The key whose permits an attempt needs.
        key: KeyOf,
    },
    /// A refusal by chance while too many attempts fail.
    Admission {
        /// Its index among the admission controls.
        admission: u8,
        /// Its index among the stages.
        stage: u8,
    },
    /// A limit over time.
    Limit {
        /// Its index among the limits.
        limit: u8,
        /// Its index among the stages.
        stage: u8,
        /// The key that an attempt counts for.
        key: KeyOf,
        /// What an attempt costs.
        cost: u32,
    },
    /// What has outages is next on the route.
    Outage {
        /// Their index among the outages.
        outage: u8,
        /// Their index among the stages.
        stage: u8,
    },
}

impl RouteStage {
    /// Its index among the stages of the scenario.
    pub fn stage(&self) -> u8 {
        match *self {
            RouteStage::Gate { stage, .. }
            | RouteStage::Admission { stage, .. }
            | RouteStage::Limit { stage, .. }
            | RouteStage::Outage { stage, .. } => stage,
        }
    }
}

/// How the key of a limit follows from the home and device of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOf {
    /// The same for all.
    Constant(u32),
    /// The home's number times `scale` plus `offset`, wrapping.
    Home {
        /// Keys per home.
        scale: u32,
        /// The first home's key.
        offset: u32,
    },
    /// The device's number times `scale` plus `offset`, wrapping.
    Device {
        /// Keys per device.
        scale: u32,
        /// The first device's key.
        offset: u32,
    },
    /// The number of the home's group times `scale` plus `offset`, wrapping,
    /// where each run of `homes` homes from `first_home` on is a group.
    Group {
        /// The first home of the first group.
        first_home: u32,
        /// What divides by the number of homes per group.
        homes: Divisor,
        /// Keys per group.
        scale: u32,
        /// The first group's key.
        offset: u32,
    },
    /// The home's entry in a table, times `scale` plus `offset`.
    Table {
        /// The index of the table.
        table: u16,
        /// Keys per entry.
        scale: u32,
        /// Added to each.
        offset: u32,
    },
}

impl KeyOf {
    /// The key that stands so many after each of these.
    #[must_use]
    pub fn after(self, more: u32) -> KeyOf {
        let mut keys = self;
        let (KeyOf::Constant(offset)
        | KeyOf::Home { offset, .. }
        | KeyOf::Device { offset, .. }
        | KeyOf::Group { offset, .. }
        | KeyOf::Table { offset, .. }) = &mut keys;
        *offset = offset.wrapping_add(more);
        keys
    }

    /// The key of a caller; `tables` are those of [`KeyOf::Table`].
    #[inline]
    pub fn of(&self, caller: &Caller, tables: &[Vec<u32>]) -> u32 {
        let scaled =
            |number: u32, scale: u32, offset: u32| number.wrapping_mul(scale).wrapping_add(offset);
        match *self {
            KeyOf::Constant(key) => key,
            KeyOf::Home { scale, offset } => scaled(caller.home, scale, offset),
            KeyOf::Device { scale, offset } => scaled(caller.device, scale, offset),
            KeyOf::Group {
                first_home,
                homes,
                scale,
                offset,
            } => scaled(homes.divide(caller.home - first_home), scale, offset),
            KeyOf::Table {
                table,
                scale,
                offset,
            } => scaled(
                tables[usize::from(table)][caller.home as usize],
                scale,
                offset,
            ),
        }
    }
}

/// A divisor of at least 2, as a multiplication: a division takes longer than
/// the rest of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divisor {
    /// The reciprocal in units of 2^-64, rounded up: exact for 32-bit numbers
    /// (Granlund and Montgomery 1994, theorem 4.2).
    reciprocal: u64,
}

impl Divisor {
    /// The divisor `by`; `None` below 2.
    pub fn new(by: u32) -> Option<Divisor> {
        (by >= 2).then(|| Divisor {
            reciprocal: u64::MAX / u64::from(by) + 1,
        })
    }

    /// The whole part of `number` divided by it.
    #[inline]
    pub fn divide(self, number: u32) -> u32 {
        ((u128::from(number) * u128::from(self.reciprocal)) >> 64) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_divisor_divides(number in any::<u32>(), by in 2..=u32::MAX) {
            let divisor = Divisor::new(by).unwrap();
            for number in [number, number / by * by, (number / by * by).wrapping_sub(1), u32::MAX] {
                prop_assert_eq!(divisor.divide(number), number / by);
            }
        }
    }

    #[test]
    fn small_divisors_divide_at_the_edges() {
        for by in [2, 3, 7, 200, 1 << 31, u32::MAX] {
            for number in [0, 1, by - 1, by, u32::MAX - 1, u32::MAX] {
                assert_eq!(Divisor::new(by).unwrap().divide(number), number / by);
            }
        }
        assert_eq!((Divisor::new(0), Divisor::new(1)), (None, None));
    }
}
