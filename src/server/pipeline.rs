use std::borrow::Cow;

use super::outage::{Meeting, Outages};
use super::{
    Caller, Claim, Entry, Gate, GatePlan, KeyOf, OutagePlan, Replicas, Response, Route, RouteStage,
    Told,
};
use crate::limiter::{Bank, BankPlan, Decision, RuleError, Standing};
use crate::overload::AdmissionState;
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
    /// What the refusals by chance are keyed by of each admission control, and
    /// after those of each outage: its name.
    pub chance_keys: Vec<Key>,
    /// The outages, by the index that routes use.
    pub outages: Vec<OutagePlan>,
    /// The chance that the backend fails; its answer is that of the last stage.
    pub failures: Probability,
    /// Whether a refusal gives back what earlier limits admitted.
    pub returned: bool,
    /// How attempts are spread over gateways, if there are several.
    pub replicas: Option<Replicas>,
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

/// How far an attempt has come on its route, and what must be known of its way
/// there when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// When it arrived.
    pub arrived: Time,
    /// When it last went on after a wait.
    pub called: Time,
    /// When it entered the gate with adaptive permits.
    pub entered: Time,
    /// The permits held in that gate then, its own included.
    pub in_flight: u32,
    /// The number of stages that it has passed or waits at.
    pub next: u8,
    /// The same when it began to wait.
    pub waited_at: u8,
    /// Whether the last of them made it wait.
    pub delayed: bool,
    /// The gateway on its route.
    pub replica: u8,
}

impl Visit {
    /// An attempt that arrives now.
    #[inline]
    pub fn arriving(now: Time) -> Visit {
        Visit {
            arrived: now,
            called: now,
            entered: now,
            in_flight: 0,
            next: 0,
            waited_at: 0,
            delayed: false,
            replica: 0,
        }
    }
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
        /// The key whose permits it waits for.
        key: u32,
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
    outages: Outages<'w>,
    /// Those of the plan, until a caller is added that it does not know.
    tables: Cow<'w, [Vec<u32>]>,
    feedback: bool,
}

impl Caller {
    /// What it asks of a gate.
    #[inline]
    pub fn claim(&self) -> Claim {
        Claim {
            cost: u32::try_from(self.weight).unwrap_or(u32::MAX),
            level: self.level,
        }
    }

    /// What it costs a limit that counts a request of weight 1 as `cost`.
    #[inline]
    fn cost(&self, cost: u32) -> u64 {
        u64::from(cost).saturating_mul(self.weight)
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
            outages: Outages::new(&plan.outages, streams),
            tables: Cow::Borrowed(&plan.tables),
            feedback: plan.has_feedback(),
        }
    }

    /// The gates, in order.
    #[inline]
    pub fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// One gate.
    #[inline]
    pub fn gate_mut(&mut self, gate: u8) -> &mut Gate {
        &mut self.gates[usize::from(gate)]
    }

    /// Takes a visit from stage `visit.next` of its route as far as it gets;
    /// `chance` gives a number in [0, 1) for an admission control or an outage, by
    /// its place among [`chance_keys`](ServerPlan::chance_keys).
    #[inline(always)]
    pub fn pass(
        &mut self,
        route: &Route,
        caller: &Caller,
        visit: &mut Visit,
        now: Time,
        chance: impl Fn(u8) -> f64,
    ) -> Outcome {
        while let Some(stage) = route.stages().get(usize::from(visit.next)) {
            match stage {
                RouteStage::Limit {
                    limit,
                    stage,
                    key,
                    cost,
                } => {
                    let key = self.key(key, caller);
                    let bank = &mut self.limits[usize::from(*limit)];
                    match bank.decide(key, now, caller.cost(*cost)) {
                        Decision::Admit => {}
                        Decision::Delay(wait) => {
                            visit.next += 1;
                            visit.waited_at = visit.next;
                            visit.delayed = true;
                            return Outcome::Delayed { until: now + wait };
                        }
                        Decision::Refuse { retry_after } => {
                            return self.refuse(route, caller, visit, *stage, now, retry_after);
                        }
                    }
                }
                // Who asks for nothing is let by.
                RouteStage::Gate { .. } | RouteStage::Admission { .. } if caller.weight == 0 => {}
                RouteStage::Gate { gate, stage, key } => {
                    let key = self.key(key, caller);
                    match self.gates[usize::from(*gate)].enter(key, caller.claim(), now) {
                        Entry::Entered => self.entered(visit, *gate, now),
                        Entry::Waits { until } => {
                            visit.waited_at = visit.next;
                            visit.delayed = false;
                            visit.next += 1;
                            let gate = *gate;
                            return Outcome::Waits { gate, key, until };
                        }
                        Entry::Full => {
                            return self.refuse(route, caller, visit, *stage, now, None);
                        }
                    }
                }
                RouteStage::Admission { admission, stage } => {
                    if !self.admit(*admission, now, || chance(*admission)) {
                        return self.refuse(route, caller, visit, *stage, now, None);
                    }
                }
                RouteStage::Outage { outage, stage } => {
                    // Chance is addressed behind that of the admission controls.
                    let place = self.admissions.len() as u8 + *outage;
                    match self.outages.meet(*outage, now, || chance(place)) {
                        Meeting::Goes => {}
                        Meeting::PassesBy => visit.next = route.stage_after_outages(visit.next),
                        Meeting::Refused { exact } => {
                            return self.refuse(route, caller, visit, *stage, now, exact);
                        }
                    }
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

    /// When the first outage of each kind begins, by its index.
    pub fn first_outages(&self, start: Time) -> impl Iterator<Item = (u8, Time)> {
        self.outages.first(start)
    }

    /// Begins or ends an outage; returns when the next change of its kind is.
    pub fn turn_outage(&mut self, outage: u8, now: Time) -> Option<Time> {
        let next = self.outages.turn(outage, now);
        let plan = &self.plan.outages[usize::from(outage)];
        if let (Some(limit), false) = (plan.forgets, self.outages.goes_on(outage)) {
            let limit = usize::from(limit);
            self.limits[limit] = self.plan.limits[limit].build();
        }
        next
    }

    /// How long the backend takes, from now on, for work that takes `service`
    /// when all is well.
    #[inline]
    pub fn service(&self, service: Span, now: Time) -> Span {
        self.outages.service(service, now)
    }

    /// Notes that a visit holds a permit of a gate from now on.
    #[inline]
    pub fn entered(&self, visit: &mut Visit, gate: u8, now: Time) {
        if self.feedback {
            let state = &self.gates[usize::from(gate)];
            if state.is_adaptive() {
                visit.entered = now;
                visit.in_flight = state.inside();
            }
        }
    }

    #[inline]
    fn refuse(
        &mut self,
        route: &Route,
        caller: &Caller,
        visit: &Visit,
        stage: u8,
        now: Time,
        exact: Option<Span>,
    ) -> Outcome {
        if self.plan.returned {
            self.give_back(route, caller, visit);
        }
        let response = &self.plan.stages[usize::from(stage)].response;
        let told = response.told(now, exact, || self.reset(route, caller, stage, now));
        Outcome::Refused { stage, told }
    }

    /// How long until the budget that a stage counts is whole again, if it can tell.
    #[inline(never)]
    fn reset(&self, route: &Route, caller: &Caller, refusing: u8, now: Time) -> Option<Span> {
        self.standing(route, caller, refusing, now)?.reset_after
    }

    /// Where a caller stands at a stage of its route: the budget at a limit, or
    /// the permits that are free at a gate. `None` where there is no budget.
    pub fn standing(
        &self,
        route: &Route,
        caller: &Caller,
        stage: u8,
        now: Time,
    ) -> Option<Standing> {
        let is_it = |found: &&RouteStage| {
            found.stage() == stage && !matches!(found, RouteStage::Outage { .. })
        };
        match route.stages().iter().find(is_it)? {
            RouteStage::Limit { limit, key, .. } => {
                let key = self.key(key, caller);
                Some(self.limits[usize::from(*limit)].inspect(key, now))
            }
            // It does not know when somebody will leave.
            RouteStage::Gate { gate, key, .. } => {
                let key = self.key(key, caller);
                let room = self.gates[usize::from(*gate)].room(key, caller.level);
                Some(Standing {
                    quota: None,
                    remaining: Some(room.into()),
                    reset_after: None,
                })
            }
            RouteStage::Admission { .. } | RouteStage::Outage { .. } => None,
        }
    }

    /// The chance with which an admission control would refuse at `now`.
    pub fn refusal_probability(&mut self, admission: u8, now: Time) -> f64 {
        self.admissions[usize::from(admission)].refusal_probability(now)
    }

    /// Gives the next home its entry in a table of the plan.
    pub fn add_home(&mut self, table: u8, key: u32) {
        self.tables.to_mut()[usize::from(table)].push(key);
    }

    /// Makes room for a key of a limit.
    ///
    /// # Errors
    /// If its states would take too much memory.
    #[inline]
    pub fn make_room(&mut self, limit: u8, key: u32) -> Result<(), RuleError> {
        let bank = &mut self.limits[usize::from(limit)];
        if key as usize >= bank.keys() {
            let keys = (key as usize + 1).next_power_of_two();
            bank.check_room(keys)?;
            bank.grow(keys);
        }
        Ok(())
    }

    /// Tells the stages that learn from it how a visit ended.
    pub fn ended(
        &mut self,
        route: &Route,
        caller: &Caller,
        visit: &Visit,
        now: Time,
        ending: Ending,
    ) {
        let mut is_open = false;
        for stage in route.stages().iter().take(usize::from(visit.next)) {
            match stage {
                RouteStage::Outage { outage, .. } => {
                    is_open |= self.outages.opens(*outage);
                    continue;
                }
                RouteStage::Gate { .. } => {}
                // What is open learns nothing.
                RouteStage::Limit { .. } | RouteStage::Admission { .. } if is_open => {}
                RouteStage::Limit { limit, key, .. } => {
                    let key = self.key(key, caller);
                    let bank = &mut self.limits[usize::from(*limit)];
                    if bank.learns() {
                        bank.observe(key, now, ending == Ending::Served);
                    }
                }
                RouteStage::Admission { admission, .. } => {
                    let success = ending != Ending::Failed;
                    let count = caller.weight.min(u64::from(u32::MAX));
                    self.admissions[usize::from(*admission)].observe(now, success, count);
                }
            }
            is_open = false;
        }
    }

    /// The limits on a route whose states are more than the nearer caches hold,
    /// so that asking for them ahead is worth it, each with its key.
    pub fn large_limits(&self, route: &Route) -> Vec<(u8, KeyOf)> {
        let large = |stage: &RouteStage| match *stage {
            RouteStage::Limit { limit, key, .. } => {
                (self.limits[usize::from(limit)].bytes() > NEAR_BYTES).then_some((limit, key))
            }
            RouteStage::Gate { .. } | RouteStage::Admission { .. } | RouteStage::Outage { .. } => {
                None
            }
        };
        route.stages().iter().filter_map(large).collect()
    }

    /// Begins to load the states of these limits for an attempt that will come
    /// soon.
    #[inline]
    pub fn prefetch(&self, limits: &[(u8, KeyOf)], caller: &Caller) {
        for (limit, key) in limits {
            self.limits[usize::from(*limit)].prefetch(self.key(key, caller));
        }
    }

    /// Ends the wait of a visit at the gate before `visit.next` and returns the
    /// stage that refuses it and what the answer tells.
    pub fn end_wait(
        &mut self,
        route: &Route,
        caller: &Caller,
        visit: &mut Visit,
        now: Time,
    ) -> (u8, Told) {
        visit.next -= 1;
        let stage = route.stages()[usize::from(visit.next)].stage();
        match self.refuse(route, caller, visit, stage, now, None) {
            Outcome::Refused { stage, told } => (stage, told),
            _ => (stage, Told::default()),
        }
    }

    /// Refunds what the limits before `visit.next` admitted. With several waits
    /// on the way, limits between them are refunded as of the arrival.
    #[inline(never)]
    fn give_back(&mut self, route: &Route, caller: &Caller, visit: &Visit) {
        for (number, stage) in (0..visit.next).zip(route.stages()) {
            let spent = if number < visit.waited_at {
                visit.arrived
            } else {
                visit.called
            };
            if let RouteStage::Limit {
                limit, key, cost, ..
            } = stage
            {
                let key = self.key(key, caller);
                let goes_on = match visit.delayed && number + 1 == visit.waited_at {
                    true => visit.called,
                    false => spent,
                };
                self.limits[usize::from(*limit)].refund(key, spent, goes_on, caller.cost(*cost));
            }
        }
    }

    /// The number of a key for a caller.
    #[inline]
    pub fn key(&self, key: &KeyOf, caller: &Caller) -> u32 {
        key.of(caller, &self.tables)
    }
}
