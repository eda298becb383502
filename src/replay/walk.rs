//! The rows of a log on their way through a server.
//!
//! They pass the [`Pipeline`] that requests of a simulation pass, by the same
//! rules: what ends makes room before what begins, and who is called at a gate
//! goes on in the order of the calls.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::attempt::Verdict;
use super::callers::Callers;
use super::scope::KeyedBy;
use super::server::{ReplayServer, StageKind};
use super::stages::StageCounts;
use super::trace::{Outcome, Row};
use crate::limiter::{Decision, RuleError, Standing};
use crate::memory::Slab;
use crate::overload::{Criticality, Sample};
use crate::rng::{Purpose, Streams};
use crate::server::Outcome as Passed;
use crate::server::{Call, Caller, Ending, Pipeline, Route, Told, Visit};
use crate::units::{Span, Time};

/// A server and those of the rows so far that are on their way through it.
#[derive(Debug)]
pub(super) struct Walk<'s> {
    server: &'s ReplayServer,
    pipeline: Pipeline<'s>,
    callers: Callers,
    /// The ways that rows have taken, each by what its stages count.
    routes: Vec<(Vec<Option<u32>>, Route)>,
    costs: Vec<Option<u32>>,
    /// What each admission control draws from, and the backend.
    admissions: Vec<Streams>,
    streams: Streams,
    agenda: BinaryHeap<Reverse<(Time, Due)>>,
    under_way: Slab<UnderWay>,
    /// Those whose permit has come, to be taken further.
    called: VecDeque<u32>,
    turned_away: VecDeque<u32>,
    stages: StageCounts,
    /// Whether some stage learns from how attempts end.
    learns: bool,
    /// Whether the walk of each kind of row is the first.
    is_plain: bool,
    /// Rows of which the log tells no duration, where the server has one.
    pub(super) without_duration: u64,
}

/// What happens at a time, in the order in which it does at equal times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The numbered attempt ends.
    Ends(u64, u32),
    /// The waits for a key of a gate may have ended.
    WaitsEnd(u8, u32),
    /// The wait that a limit imposed on the numbered attempt is over.
    GoesOn(u64, u32),
}

/// An attempt that waits or is served.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    number: u64,
    route: u32,
    caller: Caller,
    visit: Visit,
    duration: Span,
    outcome: Outcome,
    /// When it began to wait, and the stage that made it.
    since: Time,
    waited_at: Option<u8>,
    refusal: Option<f64>,
}

/// A row, as a walk takes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival<'r> {
    pub(super) number: u64,
    pub(super) row: Row<'r>,
    /// The number of the row's key.
    pub(super) key: u32,
    pub(super) level: Criticality,
}

/// Why a row cannot be taken.
#[derive(Debug)]
pub(super) enum NoRoom {
    /// A limit's states would take too much memory.
    Memory(RuleError),
    /// There are too many callers to number.
    Callers,
}

impl<'s> Walk<'s> {
    /// A server that nobody has called yet; `seed` is that of what it draws.
    pub(super) fn new(server: &'s ReplayServer, seed: u64) -> Walk<'s> {
        let streams = Streams::new(seed, 0);
        let keys = server.plan.chance_keys.iter();
        let everywhere = vec![Some(1); server.stages.len()];
        let route = server.route(&everywhere);
        Walk {
            pipeline: Pipeline::new(&server.plan, &streams),
            callers: server.callers(),
            routes: vec![(everywhere, route)],
            costs: Vec::new(),
            admissions: keys
                .map(|key| match server.is_alone {
                    true => streams,
                    false => streams.keyed(*key),
                })
                .collect(),
            streams,
            agenda: BinaryHeap::new(),
            under_way: Slab::new(),
            called: VecDeque::new(),
            turned_away: VecDeque::new(),
            stages: StageCounts::new(&server.plan),
            learns: server.plan.has_feedback(),
            is_plain: server.is_plain(),
            without_duration: 0,
            server,
        }
    }

    /// What each stage did so far.
    pub(super) fn stages(&self) -> &StageCounts {
        &self.stages
    }

    /// Takes a row through the server. Verdicts are added to `verdicts` as soon
    /// as they are known: this one's at once, unless it has to wait.
    #[inline]
    pub(super) fn arrive(
        &mut self,
        arrival: &Arrival<'_>,
        verdicts: &mut Vec<Verdict>,
    ) -> Result<(), NoRoom> {
        let Arrival {
            number, row, level, ..
        } = *arrival;
        let now = row.time;
        self.advance(now, verdicts);
        let caller = Caller {
            home: self.home(arrival)?,
            device: 0,
            level,
            weight: row.cost,
        };
        let mut it = UnderWay {
            number,
            route: self.route(&row),
            caller,
            visit: Visit::arriving(now),
            duration: Span::ZERO,
            outcome: row.outcome,
            since: now,
            waited_at: None,
            refusal: None,
        };
        it.duration = self.duration(&row, &it);
        if self.server.is_alone {
            match self.server.stages[0].kind {
                StageKind::Admission => {
                    it.refusal = Some(self.pipeline.refusal_probability(0, now));
                }
                StageKind::Gate if row.cost > 0 => {
                    if let Some(in_flight) = row.in_flight {
                        verdicts.push(self.learn_from_log(&it, in_flight));
                        return Ok(());
                    }
                }
                StageKind::Gate | StageKind::Limit => {}
            }
        }
        self.pass(it, now, verdicts);
        self.take_called_further(now, verdicts);
        Ok(())
    }

    /// Ends the log: everything happens that is still to come. Who waits for
    /// ever is refused.
    pub(super) fn finish(&mut self, verdicts: &mut Vec<Verdict>) {
        self.advance(Time::MAX, verdicts);
        // All of them are taken out before any gives permits back.
        for gate in (0..=u8::MAX).take(self.pipeline.gates().len()) {
            let gate = self.pipeline.gate_mut(gate);
            for key in 0..gate.keys() {
                self.turned_away
                    .extend(std::iter::from_fn(|| gate.expire(key, Time::MAX)));
            }
        }
        self.take_called_further(Time::MAX, verdicts);
    }

    /// The number that the row's keys follow from.
    #[inline]
    fn home(&mut self, arrival: &Arrival<'_>) -> Result<u32, NoRoom> {
        if self.server.is_alone {
            if self.server.stages[0].keyed_by == KeyedBy::Key {
                self.make_room(0, arrival.key)?;
            }
            return Ok(arrival.key);
        }
        let told = self.server.told(&arrival.row);
        let caller = self.callers.number(told).ok_or(NoRoom::Callers)?;
        if caller.is_new {
            let keyed = self.server.stages.iter().zip(0_u8..);
            let keyed = keyed.filter(|(stage, _)| matches!(stage.keyed_by, KeyedBy::Places(_)));
            let keys: Vec<u32> = self.callers.keys().collect();
            for (((_, stage), key), table) in keyed.zip(keys).zip(0_u8..) {
                self.pipeline.add_home(table, key);
                self.make_room(stage, key)?;
            }
        }
        Ok(caller.number)
    }

    /// Makes room for a key at a stage.
    #[inline]
    fn make_room(&mut self, stage: u8, key: u32) -> Result<(), NoRoom> {
        let same_kind = |stage: u8| {
            let stages = &self.server.stages[..=usize::from(stage)];
            let kind = stages[usize::from(stage)].kind;
            (
                kind,
                stages.iter().filter(|other| other.kind == kind).count() as u8 - 1,
            )
        };
        match same_kind(stage) {
            (StageKind::Limit, limit) => {
                self.pipeline.make_room(limit, key).map_err(NoRoom::Memory)
            }
            (StageKind::Gate, gate) => {
                let gate = self.pipeline.gate_mut(gate);
                if key >= gate.keys() {
                    let keys = key.saturating_add(1).checked_next_power_of_two();
                    gate.grow(keys.unwrap_or(u32::MAX));
                }
                Ok(())
            }
            (StageKind::Admission, _) => Ok(()),
        }
    }

    /// The way of a row.
    #[inline]
    fn route(&mut self, row: &Row<'_>) -> u32 {
        if self.is_plain {
            return 0;
        }
        self.server.costs(row, &mut self.costs);
        let known = self
            .routes
            .iter()
            .position(|(costs, _)| *costs == self.costs);
        known.unwrap_or_else(|| {
            let route = self.server.route(&self.costs);
            self.routes.push((self.costs.clone(), route));
            self.routes.len() - 1
        }) as u32
    }

    #[inline]
    fn duration(&mut self, row: &Row<'_>, it: &UnderWay) -> Span {
        if let Some(duration) = row.duration {
            return duration;
        }
        self.without_duration += u64::from(self.server.has_service());
        let service = self.server.service_of(row.method);
        service.map_or(Span::ZERO, |service| {
            service.sample(&self.streams, it.caller.home, Purpose::Service, it.number)
        })
    }

    /// The log says how many were in flight: no attempt is followed, and what it
    /// tells is what the permits of the gate follow from.
    fn learn_from_log(&mut self, it: &UnderWay, in_flight: u32) -> Verdict {
        let gate = self.pipeline.gate_mut(0);
        let decision = match in_flight <= gate.permits() {
            true => Decision::Admit,
            false => Decision::Refuse { retry_after: None },
        };
        gate.learn(&Sample {
            now: it.visit.arrived,
            round_trip: it.duration,
            in_flight,
            dropped: it.outcome == Outcome::Dropped,
        });
        let remaining = gate.permits().saturating_sub(in_flight);
        let stage = match decision {
            Decision::Refuse { .. } => Some(0),
            _ => None,
        };
        self.stages.reached(0);
        if stage.is_some() {
            self.stages.refused(0);
        }
        Verdict {
            standing: Some(Standing {
                quota: None,
                remaining: Some(remaining.into()),
                reset_after: None,
            }),
            ..self.verdict(it, decision, stage, it.visit.arrived)
        }
    }

    /// Lets happen what happens up to a time.
    #[inline]
    fn advance(&mut self, until: Time, verdicts: &mut Vec<Verdict>) {
        while let Some(Reverse((now, due))) = self.agenda.peek().copied() {
            if now > until {
                return;
            }
            self.agenda.pop();
            match due {
                Due::Ends(_, place) => {
                    let it = self.under_way.remove(place);
                    let ending = match it.outcome {
                        Outcome::Success => Ending::Served,
                        Outcome::Failure | Outcome::Dropped => Ending::Failed,
                    };
                    self.leave(&it, now, ending, Some(it.outcome == Outcome::Dropped));
                }
                Due::WaitsEnd(gate, key) => {
                    let state = self.pipeline.gate_mut(gate);
                    let expired = std::iter::from_fn(|| state.expire(key, now));
                    self.turned_away.extend(expired);
                    if let Some(next) = state.watch(key).filter(|next| *next < Time::MAX) {
                        self.agenda.push(Reverse((next, due)));
                    }
                }
                Due::GoesOn(_, place) => {
                    let mut it = self.under_way.remove(place);
                    it.visit.called = now;
                    self.pass(it, now, verdicts);
                }
            }
            self.take_called_further(now, verdicts);
        }
    }

    /// Takes an attempt through the stages that remain on its route.
    #[inline]
    fn pass(&mut self, mut it: UnderWay, now: Time, verdicts: &mut Vec<Verdict>) {
        let route = &self.routes[it.route as usize].1;
        let from = usize::from(it.visit.next);
        let (admissions, home, number) = (&self.admissions, it.caller.home, it.number);
        let chance = |admission: u8| {
            admissions[usize::from(admission)].uniform(home, Purpose::Admission, number)
        };
        let passed = self
            .pipeline
            .pass(route, &it.caller, &mut it.visit, now, chance);
        let refused = usize::from(matches!(passed, Passed::Refused { .. }));
        for stage in &route.stages()[from..usize::from(it.visit.next) + refused] {
            self.stages.reached(stage.stage());
        }
        match passed {
            Passed::Admitted => {
                self.settle(&it, now, verdicts);
                self.serve(it, now);
            }
            Passed::Waits { gate, key, until } => {
                self.wait(&mut it, now);
                let claim = it.caller.claim();
                let place = self.under_way.insert(|_| it);
                let state = self.pipeline.gate_mut(gate);
                let times = (now, until);
                if state.queue(key, claim, times, place, &mut self.turned_away) {
                    let due = Due::WaitsEnd(gate, key);
                    self.agenda.push(Reverse((until, due)));
                }
            }
            Passed::Delayed { until } => {
                self.wait(&mut it, now);
                self.waited(&it, until);
                // Nothing behind can refuse it.
                if usize::from(it.visit.next) == route_length(&self.routes, &it) {
                    self.settle(&it, until, verdicts);
                    self.serve(it, until);
                } else {
                    let place = self.under_way.insert(|_| it);
                    let due = Due::GoesOn(it.number, place);
                    self.agenda.push(Reverse((until, due)));
                }
            }
            Passed::Refused { stage, told } => self.refuse(&it, stage, told, now, verdicts),
        }
    }

    /// Notes that an attempt waits at the stage that it came to last.
    fn wait(&self, it: &mut UnderWay, now: Time) {
        let (_, route) = &self.routes[it.route as usize];
        let stage = &route.stages()[usize::from(it.visit.next) - 1];
        it.waited_at = Some(stage.stage());
        it.since = now;
    }

    fn waited(&mut self, it: &UnderWay, until: Time) {
        if let Some(stage) = it.waited_at {
            self.stages.waited(stage, until.since(it.since));
        }
    }

    /// The backend begins to work on an attempt that has passed all stages.
    #[inline]
    fn serve(&mut self, it: UnderWay, now: Time) {
        let (_, route) = &self.routes[it.route as usize];
        if (self.learns || route.has_gates()) && it.caller.weight > 0 {
            let place = self.under_way.insert(|_| it);
            let due = Due::Ends(it.number, place);
            self.agenda.push(Reverse((now + it.duration, due)));
        }
    }

    /// An attempt has ended: its permits are free again, and the stages that
    /// learn from it are told; adaptive gates, whether it was dropped, if it
    /// says anything of the load.
    fn leave(&mut self, it: &UnderWay, now: Time, ending: Ending, dropped: Option<bool>) {
        let UnderWay { caller, visit, .. } = it;
        let (_, route) = &self.routes[it.route as usize];
        if self.learns {
            self.pipeline.ended(route, caller, visit, now, ending);
        }
        for gate in route.gates(0, visit.next) {
            let key = self.pipeline.key(&gate.key, caller);
            let state = self.pipeline.gate_mut(gate.gate);
            if let Some(dropped) = dropped.filter(|_| state.is_adaptive()) {
                state.learn(&Sample {
                    now,
                    round_trip: now.since(visit.entered),
                    in_flight: visit.in_flight,
                    dropped,
                });
            }
            state.leave(key, caller.claim().cost);
            while let Some(call) = self.pipeline.gate_mut(gate.gate).call(key, now) {
                match call {
                    Call::Enter(place) => {
                        let called = self.under_way.get_mut(place);
                        called.visit.called = now;
                        self.pipeline.entered(&mut called.visit, gate.gate, now);
                        if let Some(stage) = called.waited_at {
                            self.stages.waited(stage, now.since(called.since));
                        }
                        self.called.push_back(place);
                    }
                    Call::TurnAway(place) => self.turned_away.push_back(place),
                }
            }
        }
    }

    /// Takes those whose permit has come further, and refuses those turned
    /// away, until nobody is called.
    #[inline]
    fn take_called_further(&mut self, now: Time, verdicts: &mut Vec<Verdict>) {
        loop {
            if let Some(place) = self.called.pop_front() {
                let it = self.under_way.remove(place);
                self.pass(it, now, verdicts);
            } else if let Some(place) = self.turned_away.pop_front() {
                let mut it = self.under_way.remove(place);
                let (_, route) = &self.routes[it.route as usize];
                let (stage, told) = (self.pipeline).end_wait(route, &it.caller, &mut it.visit, now);
                self.refuse(&it, stage, told, now, verdicts);
            } else {
                return;
            }
        }
    }

    #[inline]
    fn refuse(
        &mut self,
        it: &UnderWay,
        stage: u8,
        told: Told,
        now: Time,
        verdicts: &mut Vec<Verdict>,
    ) {
        self.stages.refused(stage);
        let decision = Decision::Refuse {
            retry_after: told.retry_after,
        };
        let failed = self.server.plan.stages[usize::from(stage)].response.status >= 500;
        match failed {
            true => self.leave(it, now, Ending::Failed, Some(true)),
            false => self.leave(it, now, Ending::Refused, None),
        }
        verdicts.push(self.verdict(it, decision, Some(stage), now));
    }

    /// An attempt has passed all stages, or will have at a time that is known.
    #[inline]
    fn settle(&mut self, it: &UnderWay, until: Time, verdicts: &mut Vec<Verdict>) {
        let decision = match until.since(it.visit.arrived) {
            Span::ZERO => Decision::Admit,
            wait => Decision::Delay(wait),
        };
        verdicts.push(self.verdict(it, decision, it.waited_at, it.visit.called));
    }

    #[inline]
    fn verdict(&self, it: &UnderWay, decision: Decision, stage: Option<u8>, now: Time) -> Verdict {
        let (costs, _) = &self.routes[it.route as usize];
        let mut verdict = Verdict {
            number: it.number,
            decision,
            stage,
            cost: it.caller.weight,
            standing: None,
            permits: None,
            refusal: it.refusal,
        };
        // The first route has all stages.
        let (_, all) = &self.routes[0];
        let told = if self.server.is_alone { Some(0) } else { stage };
        verdict.standing =
            told.and_then(|stage| self.pipeline.standing(all, &it.caller, stage, now));
        if self.server.is_alone {
            verdict.cost = costs[0].map_or(0, |cost| verdict.cost.saturating_mul(cost.into()));
            let adaptive = self
                .pipeline
                .gates()
                .first()
                .filter(|gate| gate.is_adaptive());
            verdict.permits = adaptive.map(|gate| gate.permits());
        }
        verdict
    }
}

fn route_length(routes: &[(Vec<Option<u32>>, Route)], it: &UnderWay) -> usize {
    routes[it.route as usize].1.stages().len()
}

#[cfg(test)]
mod tests;
