use super::{Claim, Entry, Gate, GatePlan, Response, Told};
use crate::limiter::{Bank, BankPlan, Decision, Standing};
use crate::overload::{AdmissionState, Criticality};
use crate::rng::{Key, Streams};
use crate::units::{Probability, Span, Time};

/// A server as a world describes it; state-free.
#[derive(Debug, Clone)]
pub struct ServerPlan {
    /// The stages of the scenario, in order.
    pub stages: Vec<StagePlan>,
    /// The gates, by the index that routes use.
    pub gates: Vec<GatePlan>,
    /// What the draws of each gate are keyed by: its name.
    pub gate_keys: Vec<Key>,
    /// The limits, by the index that routes use.
    pub limits: Vec<BankPlan>,
    /// Key tables of [`KeyOf::Table`]: a key per home.
    pub tables: Vec<Vec<u32>>,
    /// The admission controls in their initial state, by the index that routes
    /// use.
    pub admissions: Vec<AdmissionState>,
    /// What the refusals of each admission control are keyed by: its name.
    pub admission_keys: Vec<Key>,
    /// The chance that the backend fails; its answer is that of the last stage.
    pub failures: Probability,
    /// Whether a refusal gives back what earlier limits admitted.
    pub returned: bool,
}

/// What results and clients know of a stage.
#[derive(Debug, Clone)]
pub struct StagePlan {
    /// Its name in results.
    pub name: String,
    /// The answer to what it refuses.
    pub response: Response,
    /// The gate that it is, if it is one.
    pub gate: Option<u8>,
}

impl ServerPlan {
    /// Whether some stage learns from how attempts end, or must be told whose
    /// permits come back.
    pub fn has_feedback(&self) -> bool {
        self.failures > Probability::ZERO
            || !self.admissions.is_empty()
            || self.limits.iter().any(BankPlan::learns)
            || (self.gates.iter()).any(|gate| gate.keys > 1 || gate.fixed_permits().is_none())
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
}

impl RouteStage {
    /// Its index among the stages of the scenario.
    pub fn stage(&self) -> u8 {
        match *self {
            RouteStage::Gate { stage, .. }
            | RouteStage::Admission { stage, .. }
            | RouteStage::Limit { stage, .. } => stage,
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
        table: u8,
        /// Keys per entry.
        scale: u32,
        /// Added to each.
        offset: u32,
    },
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

/// One attempt on its way through the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The home that it is made for.
    pub home: u32,
    /// The device that it is made for; any number, if the route has no
    /// device's key.
    pub device: u32,
    /// When it arrived.
    pub arrived: Time,
    /// When it got the permit that it waited for last.
    pub called: Time,
    /// The number of stages that it had passed when it began to wait.
    pub waited_at: u8,
    /// Whether the last of them made it wait.
    pub delayed: bool,
    /// The next stage on its route.
    pub next: u8,
    /// Bit g: it holds a permit of gate g.
    pub held: u32,
    /// Bit s: stage s waits to hear how it ends.
    pub observed: u32,
    /// When it entered the gate with adaptive permits.
    pub entered: Time,
    /// The permits held in that gate then, its own included.
    pub in_flight: u32,
    /// How much it matters.
    pub level: Criticality,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The backend has served it.
    Served,
    /// The backend, or a stage for want of capacity, has failed it: a status
    /// of 500 or more.
    Failed,
    /// It was refused for a quota: a status below 500.
    Refused,
}

/// Where an attempt stands after passing as many stages as it could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has passed all; the backend may begin.
    Admitted,
    /// It waits at a gate until a permit is free or its wait ends.
    Waits {
        /// The gate.
        gate: u8,
        /// The end of its wait.
        until: Time,
    },
    /// A limit has admitted it for later.
    Delayed {
        /// When it goes on.
        until: Time,
    },
    /// A stage has refused it. Permits that it holds are still held.
    Refused {
        /// The stage's index among the stages of the scenario.
        stage: u8,
        /// What the answer tells of when to come again.
        told: Told,
    },
}

/// The state of a server during a replication.
#[derive(Debug)]
pub struct Pipeline<'w> {
    plan: &'w ServerPlan,
    limits: Vec<Bank>,
    gates: Vec<Gate>,
    admissions: Vec<AdmissionState>,
    feedback: bool,
}

impl Visit {
    /// What it asks of a gate.
    #[inline]
    pub fn claim(&self) -> Claim {
        Claim {
            cost: 1,
            level: self.level,
        }
    }
}

/// States of so many bytes are taken to be in a cache near the core.
const NEAR_BYTES: usize = 1 << 18;

impl<'w> Pipeline<'w> {
    /// A server that nobody has called yet; `streams` are those of the
    /// replication.
    pub fn new(plan: &'w ServerPlan, streams: &Streams) -> Pipeline<'w> {
        Pipeline {
            plan,
            limits: plan.limits.iter().map(BankPlan::build).collect(),
            gates: (plan.gates.iter().zip(&plan.gate_keys))
                .map(|(gate, key)| Gate::new(gate.clone(), streams.keyed(*key)))
                .collect(),
            admissions: plan.admissions.clone(),
            feedback: plan.has_feedback(),
        }
    }

    /// The gates, in order.
    pub fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// One gate.
    pub fn gate_mut(&mut self, gate: u8) -> &mut Gate {
        &mut self.gates[usize::from(gate)]
    }

    /// Takes a visit from stage `visit.next` of its route as far as it gets;
    /// `chance` gives a number in [0, 1) for an admission control, by its index.
    #[inline]
    pub fn pass(
        &mut self,
        route: &[RouteStage],
        visit: &mut Visit,
        now: Time,
        chance: impl Fn(u8) -> f64,
    ) -> Outcome {
        while let Some(stage) = route.get(usize::from(visit.next)) {
            match *stage {
                RouteStage::Limit {
                    limit,
                    stage,
                    key,
                    cost,
                } => {
                    let key = self.key(key, visit.home, visit.device);
                    let bank = &mut self.limits[usize::from(limit)];
                    let decision = bank.decide(key, now, u64::from(cost));
                    if self.feedback && bank.learns() {
                        visit.observed |= 1 << stage;
                    }
                    match decision {
                        Decision::Admit => {}
                        Decision::Delay(wait) => {
                            visit.next += 1;
                            visit.waited_at = visit.next;
                            visit.delayed = true;
                            return Outcome::Delayed { until: now + wait };
                        }
                        Decision::Refuse { retry_after } => {
                            visit.observed &= !(1 << stage);
                            return self.refuse(route, visit, stage, now, retry_after);
                        }
                    }
                }
                RouteStage::Gate { gate, stage, key } => {
                    let key = self.key(key, visit.home, visit.device);
                    let claim = visit.claim();
                    match self.gates[usize::from(gate)].enter(key, claim, now) {
                        Entry::Entered => self.entered(visit, gate, now),
                        Entry::Waits { until } => {
                            visit.waited_at = visit.next;
                            visit.delayed = false;
                            visit.next += 1;
                            return Outcome::Waits { gate, until };
                        }
                        Entry::Full => return self.refuse(route, visit, stage, now, None),
                    }
                }
                RouteStage::Admission { admission, stage } => {
                    if !self.admit(admission, now, || chance(admission)) {
                        return self.refuse(route, visit, stage, now, None);
                    }
                    visit.observed |= 1 << stage;
                }
            }
            visit.next += 1;
        }
        Outcome::Admitted
    }

    /// Out of the way of the stages that are met most.
    #[inline(never)]
    fn admit(&mut self, admission: u8, now: Time, chance: impl Fn() -> f64) -> bool {
        self.admissions[usize::from(admission)].admit(now, chance())
    }

    /// Notes that a visit holds a permit of a gate from now on.
    #[inline]
    pub fn entered(&self, visit: &mut Visit, gate: u8, now: Time) {
        visit.held |= 1 << gate;
        if self.feedback {
            let state = &self.gates[usize::from(gate)];
            if state.is_adaptive() {
                visit.entered = now;
                visit.in_flight = state.inside();
            }
        }
    }

    #[inline(never)]
    fn refuse(
        &mut self,
        route: &[RouteStage],
        visit: &Visit,
        stage: u8,
        now: Time,
        exact: Option<Span>,
    ) -> Outcome {
        if self.plan.returned {
            self.give_back(route, visit);
        }
        let response = self.plan.stages[usize::from(stage)].response;
        let told = response.told(now, exact, || self.reset(route, visit, stage, now));
        Outcome::Refused { stage, told }
    }

    /// How long until the budget that a stage counts is whole again, if it can tell.
    fn reset(&self, route: &[RouteStage], visit: &Visit, refusing: u8, now: Time) -> Option<Span> {
        let standing = route.iter().find_map(|stage| match *stage {
            RouteStage::Limit {
                limit, stage, key, ..
            } if stage == refusing => {
                let key = self.key(key, visit.home, visit.device);
                Some(self.limits[usize::from(limit)].inspect(key, now))
            }
            _ => None,
        });
        standing.and_then(|standing: Standing| standing.reset_after)
    }

    /// The key of a gate for a visit; `None` if its route does not pass it.
    pub fn gate_key(&self, route: &[RouteStage], visit: &Visit, wanted: u8) -> Option<u32> {
        if self.gates[usize::from(wanted)].keys() == 1 {
            return Some(0);
        }
        route.iter().find_map(|stage| match *stage {
            RouteStage::Gate { gate, key, .. } if gate == wanted => {
                Some(self.key(key, visit.home, visit.device))
            }
            _ => None,
        })
    }

    /// Tells the stages that wait to hear it how a visit ended.
    pub fn ended(&mut self, route: &[RouteStage], visit: &Visit, now: Time, ending: Ending) {
        for stage in route {
            if visit.observed >> stage.stage() & 1 == 0 {
                continue;
            }
            match *stage {
                RouteStage::Limit { limit, key, .. } => {
                    let key = self.key(key, visit.home, visit.device);
                    let success = ending == Ending::Served;
                    self.limits[usize::from(limit)].observe(key, now, success);
                }
                RouteStage::Admission { admission, .. } => {
                    let success = ending != Ending::Failed;
                    self.admissions[usize::from(admission)].observe(now, success, 1);
                }
                RouteStage::Gate { .. } => {}
            }
        }
    }

    /// The limits on a route whose states are more than the nearer caches hold,
    /// so that asking for them ahead is worth it, each with its key.
    pub fn large_limits(&self, route: &[RouteStage]) -> Vec<(u8, KeyOf)> {
        let large = |stage: &RouteStage| match *stage {
            RouteStage::Limit { limit, key, .. } => {
                (self.limits[usize::from(limit)].bytes() > NEAR_BYTES).then_some((limit, key))
            }
            RouteStage::Gate { .. } | RouteStage::Admission { .. } => None,
        };
        route.iter().filter_map(large).collect()
    }

    /// Begins to load the states of these limits for a visit of that home and
    /// device that will come soon.
    #[inline]
    pub fn prefetch(&self, limits: &[(u8, KeyOf)], home: u32, device: u32) {
        for &(limit, key) in limits {
            self.limits[usize::from(limit)].prefetch(self.key(key, home, device));
        }
    }

    /// Ends the wait of a visit at the gate before `visit.next` and returns the
    /// stage that refuses it and what the answer tells.
    pub fn end_wait(&mut self, route: &[RouteStage], visit: &mut Visit, now: Time) -> (u8, Told) {
        visit.next -= 1;
        let stage = route[usize::from(visit.next)].stage();
        match self.refuse(route, visit, stage, now, None) {
            Outcome::Refused { stage, told } => (stage, told),
            _ => (stage, Told::default()),
        }
    }

    /// Refunds what the limits before `visit.next` admitted. With several waits
    /// on the way, limits between them are refunded as of the arrival.
    fn give_back(&mut self, route: &[RouteStage], visit: &Visit) {
        for (number, stage) in (0..visit.next).zip(route) {
            let spent = if number < visit.waited_at {
                visit.arrived
            } else {
                visit.called
            };
            if let RouteStage::Limit {
                limit, key, cost, ..
            } = *stage
            {
                let key = self.key(key, visit.home, visit.device);
                let goes_on = match visit.delayed && number + 1 == visit.waited_at {
                    true => visit.called,
                    false => spent,
                };
                self.limits[usize::from(limit)].refund(key, spent, goes_on, u64::from(cost));
            }
        }
    }

    #[inline]
    fn key(&self, key: KeyOf, home: u32, device: u32) -> u32 {
        let scaled =
            |number: u32, scale: u32, offset: u32| number.wrapping_mul(scale).wrapping_add(offset);
        match key {
            KeyOf::Constant(key) => key,
            KeyOf::Home { scale, offset } => scaled(home, scale, offset),
            KeyOf::Device { scale, offset } => scaled(device, scale, offset),
            KeyOf::Group {
                first_home,
                homes,
                scale,
                offset,
            } => scaled(homes.divide(home - first_home), scale, offset),
            KeyOf::Table {
                table,
                scale,
                offset,
            } => scaled(
                self.plan.tables[usize::from(table)][home as usize],
                scale,
                offset,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
