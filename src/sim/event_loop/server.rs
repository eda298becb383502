//! What happens to an attempt on the server: it passes the stages, waits, is
//! served or refused, and leaves.

use super::Loop;
use crate::client::Draws;
use crate::engine::EventQueue;
use crate::overload::Sample;
use crate::rng::Purpose;
use crate::server::{Call, Caller, Claim, Ending, Outcome, Route, RouteStage, Told};
use crate::sim::event::Kind;
use crate::sim::request::{Attempt, Origin, Waiting};
use crate::sim::watch::{Watch, What};
use crate::units::{Probability, Span, Time};
use crate::world::Stream;

/// Whom a request is made for, as the server sees it.
#[inline]
pub(super) fn caller(origin: &Origin, stream: &Stream) -> Caller {
    Caller {
        home: origin.home,
        device: origin.device,
        level: stream.level,
        weight: 1,
    }
}

impl<'w, Q: EventQueue, W: Watch> Loop<'w, Q, W> {
    /// Takes an attempt through the stages that remain on its route; its request's
    /// origin comes as a copy.
    #[inline]
    pub(super) fn pass(&mut self, mut attempt: Attempt, origin: &Origin, stream: &'w Stream) {
        let route = stream.route_by(attempt.visit.replica);
        let caller = caller(origin, stream);
        let from = attempt.visit.next;
        let count = attempt.count;
        let chances = &self.draws[usize::from(origin.stream)].chances;
        let chance = |who: u8| {
            let draws = Draws {
                streams: &chances[usize::from(who)],
                entity: origin.entity,
            };
            draws.uniform(Purpose::Admission, origin.number, count)
        };
        let outcome = self
            .server
            .pass(route, &caller, &mut attempt.visit, self.now, chance);
        let waits = matches!(outcome, Outcome::Waits { .. });
        for gate in route.gates(from, attempt.visit.next - u8::from(waits)) {
            self.metrics.entered(gate.gate);
            self.note_level(gate.gate);
        }
        self.tell_of_passed(&attempt, origin, route, from, &outcome);
        match outcome {
            Outcome::Admitted => self.serve(&attempt, origin, stream),
            Outcome::Waits { gate, key, until } => {
                self.wait(attempt, caller.claim(), gate, key, until);
            }
            Outcome::Delayed { until } => self.delay(attempt, until),
            Outcome::Refused { stage, told } => {
                if let Some(gate) = self.world.server.stages[usize::from(stage)].gate {
                    self.metrics.found_full(gate);
                }
                self.refuse(&attempt, origin, stream, stage, told);
            }
        }
    }

    /// Tells who watches which stages an attempt has come by, and where it waits.
    #[inline(always)]
    fn tell_of_passed(
        &mut self,
        attempt: &Attempt,
        origin: &Origin,
        route: &Route,
        from: u8,
        outcome: &Outcome,
    ) {
        if !W::LISTENS {
            return;
        }
        let count = attempt.count;
        let next = attempt.visit.next;
        let stage_of = |number: u8| route.stages()[usize::from(number)].stage();
        let waits = matches!(outcome, Outcome::Waits { .. } | Outcome::Delayed { .. });
        for number in from..next - u8::from(waits) {
            if !matches!(
                route.stages()[usize::from(number)],
                RouteStage::Outage { .. }
            ) {
                self.tell(origin, count, What::Passes(stage_of(number)));
            }
        }
        match *outcome {
            Outcome::Waits { until, .. } => {
                let stage = stage_of(next - 1);
                self.tell(origin, count, What::Waits { stage, until });
            }
            Outcome::Delayed { until } => {
                let stage = stage_of(next - 1);
                self.tell(origin, count, What::Delayed { stage, until });
            }
            Outcome::Admitted | Outcome::Refused { .. } => {}
        }
    }

    /// An outage begins or ends.
    pub(super) fn turn_outage(&mut self, outage: u8) {
        if let Some(time) = self.server.turn_outage(outage, self.now) {
            let event = Kind::Outage.event(time, u32::from(outage), 0);
            self.queue.push(event);
        }
    }

    #[inline]
    fn note_level(&mut self, gate: u8) {
        let state = &self.server.gates()[usize::from(gate)];
        self.metrics
            .gate_changed(gate, self.now, state.inside(), state.waiting());
    }

    /// The backend begins to work on an attempt that has passed all stages.
    #[inline]
    fn serve(&mut self, attempt: &Attempt, origin: &Origin, stream: &'w Stream) {
        self.metrics.admitted(attempt.step);
        let draws = self.request_draws(usize::from(origin.stream), origin.entity);
        let service = (stream.service.as_ref()).map_or(Span::ZERO, |service| {
            draws.sample(service, Purpose::Service, origin.number, attempt.count)
        });
        let service = self.server.service(service, self.now);
        if service.is_zero() && !self.feedback && !stream.route.has_gates() {
            self.executed(attempt.request, attempt.generation, stream);
            return;
        }
        let end = self.now + service;
        self.tell(origin, attempt.count, What::Begins { until: end });
        self.watch_time_out(attempt, end);
        let event = if self.feedback {
            Kind::Ended.event(end, self.served.insert(|_| *attempt), 0)
        } else {
            Kind::Served.event(end, attempt.request, attempt.generation)
        };
        self.queue.push(event);
    }

    /// Lets an attempt time out if that comes before a time.
    #[inline]
    fn watch_time_out(&mut self, attempt: &Attempt, before: Time) {
        if attempt.times_out < before {
            let event =
                Kind::TimesOut.event(attempt.times_out, attempt.request, attempt.generation);
            self.queue.push(event);
        }
    }

    /// The backend has done its work on an attempt, and no stage learns of it.
    #[inline]
    pub(super) fn served(&mut self, request: u32, generation: u32) {
        let stream = self.stream(&self.requests.get(request).origin);
        self.executed(request, generation, stream);
        for gate in stream.route.gates(0, u8::MAX) {
            self.leave_gate(gate.gate, 0);
        }
        self.take_called_further();
    }

    /// The backend has done its work on an attempt, or has failed to.
    pub(super) fn ended(&mut self, place: u32) {
        let attempt = self.served.remove(place);
        let origin = self.requests.get(attempt.request).origin;
        let stream = self.stream(&origin);
        let failures = self.world.server.failures;
        let draws = self.request_draws(usize::from(origin.stream), origin.entity);
        let fails = failures > Probability::ZERO
            && draws.uniform(Purpose::Failure, origin.number, attempt.count) < failures.value();
        if fails {
            let backend = self.world.server.stages.len() as u8 - 1;
            let response = self.world.server.stages[usize::from(backend)].response;
            let told = response.told(self.now, None, || None);
            self.refuse(&attempt, &origin, stream, backend, told);
        } else {
            self.executed(attempt.request, attempt.generation, stream);
            self.leave(&attempt, &origin, stream, Ending::Served);
        }
        self.take_called_further();
    }

    /// An attempt has ended: its permits are free again, and the stages that
    /// learn from it are told.
    #[inline]
    fn leave(&mut self, attempt: &Attempt, origin: &Origin, stream: &'w Stream, ending: Ending) {
        if self.feedback {
            self.leave_and_tell(attempt, origin, stream, ending);
            return;
        }
        for gate in stream.route.gates(0, attempt.visit.next) {
            self.leave_gate(gate.gate, 0);
        }
    }

    #[inline(never)]
    fn leave_and_tell(
        &mut self,
        attempt: &Attempt,
        origin: &Origin,
        stream: &'w Stream,
        ending: Ending,
    ) {
        let Attempt { visit, .. } = attempt;
        let (route, caller) = (
            stream.route_by(attempt.visit.replica),
            caller(origin, stream),
        );
        self.server.ended(route, &caller, visit, self.now, ending);
        for gate in route.gates(0, visit.next) {
            let state = self.server.gate_mut(gate.gate);
            if state.is_adaptive() && ending != Ending::Refused {
                state.learn(&Sample {
                    now: self.now,
                    round_trip: self.now.since(visit.entered),
                    in_flight: visit.in_flight,
                    dropped: ending == Ending::Failed,
                });
            }
            let key = self.server.key(&gate.key, &caller);
            self.leave_gate(gate.gate, key);
        }
    }

    /// Gives a permit of a gate back, and calls those that wait for it.
    #[inline]
    fn leave_gate(&mut self, gate: u8, key: u32) {
        self.server.gate_mut(gate).leave(key, 1);
        while let Some(call) = self.server.gate_mut(gate).call(key, self.now) {
            match call {
                Call::Enter(place) => {
                    let Waiting { attempt, since } = self.waiting.get_mut(place);
                    attempt.visit.called = self.now;
                    self.server.entered(&mut attempt.visit, gate, self.now);
                    self.metrics.entered_after(gate, self.now.since(*since));
                    self.called.push_back(place);
                }
                Call::TurnAway(place) => {
                    self.metrics.waited_in_vain(gate, 1);
                    self.turned_away.push_back(place);
                }
            }
        }
        self.note_level(gate);
    }

    /// Takes the attempts whose permit has come through the stages that
    /// remain, in the order in which they were called. One that is refused there
    /// gives its permit to the next, so that this goes on until nobody is called.
    #[inline]
    pub(super) fn take_called_further(&mut self) {
        if !self.called.is_empty() || !self.turned_away.is_empty() {
            self.take_all_called_further();
        }
    }

    #[inline(never)]
    fn take_all_called_further(&mut self) {
        loop {
            if let Some(place) = self.called.pop_front() {
                let Waiting { attempt, .. } = self.waiting.remove(place);
                let origin = self.requests.get(attempt.request).origin;
                self.tell_of_entered(&attempt, &origin);
                self.pass(attempt, &origin, self.stream(&origin));
            } else if let Some(place) = self.turned_away.pop_front() {
                self.end_wait(place);
            } else {
                return;
            }
        }
    }

    /// An attempt waits at a gate.
    fn wait(&mut self, attempt: Attempt, claim: Claim, gate: u8, key: u32, until: Time) {
        let place = self.set_aside(attempt, until);
        let before = self.turned_away.len();
        let (now, state) = (self.now, self.server.gate_mut(gate));
        if state.queue(key, claim, (now, until), place, &mut self.turned_away) {
            let event = Kind::WaitEnds.event(until, key, u32::from(gate));
            self.queue.push(event);
        }
        let pushed_out = self.turned_away.len() - before;
        self.metrics.waited_in_vain(gate, pushed_out as u64);
        self.note_level(gate);
    }

    /// A limit makes an attempt wait until a time that is known.
    fn delay(&mut self, attempt: Attempt, until: Time) {
        let place = self.set_aside(attempt, until);
        self.queue.push(Kind::Resume.event(until, place, 0));
    }

    /// The wait that a limit imposed is over.
    pub(super) fn resume(&mut self, place: u32) {
        let Waiting { mut attempt, .. } = self.waiting.remove(place);
        attempt.visit.called = self.now;
        let origin = self.requests.get(attempt.request).origin;
        self.pass(attempt, &origin, self.stream(&origin));
        self.take_called_further();
    }

    /// Tells who watches that an attempt has its permit after a wait.
    #[inline(always)]
    fn tell_of_entered(&mut self, attempt: &Attempt, origin: &Origin) {
        if !W::LISTENS {
            return;
        }
        let route = self.stream(origin).route_by(attempt.visit.replica);
        let gate = usize::from(attempt.visit.next) - 1;
        let stage = route.stages()[gate].stage();
        self.tell(origin, attempt.count, What::Passes(stage));
    }

    /// Puts an attempt that waits, at most until `until`, aside.
    fn set_aside(&mut self, mut attempt: Attempt, until: Time) -> u32 {
        self.watch_time_out(&attempt, until);
        if attempt.times_out < until {
            attempt.times_out = Time::MAX;
        }
        let since = self.now;
        self.waiting.insert(|_| Waiting { attempt, since })
    }

    /// The waits for a key of a gate may have ended.
    pub(super) fn wait_ends(&mut self, key: u32, gate: u8) {
        while let Some(place) = self.server.gate_mut(gate).expire(key, self.now) {
            self.metrics.waited_in_vain(gate, 1);
            self.end_wait(place);
        }
        if let Some(time) = self.server.gate_mut(gate).watch(key) {
            let event = Kind::WaitEnds.event(time, key, u32::from(gate));
            self.queue.push(event);
        }
        self.note_level(gate);
        self.take_called_further();
    }

    /// An attempt has waited at a gate in vain.
    fn end_wait(&mut self, place: u32) {
        let Waiting { mut attempt, .. } = self.waiting.remove(place);
        let origin = self.requests.get(attempt.request).origin;
        let stream = self.stream(&origin);
        let (caller, visit) = (caller(&origin, stream), &mut attempt.visit);
        let (stage, told) =
            (self.server).end_wait(stream.route_by(visit.replica), &caller, visit, self.now);
        self.refuse(&attempt, &origin, stream, stage, told);
    }

    /// A stage has refused an attempt: its permits are free again, and its
    /// client hears of it.
    #[inline]
    fn refuse(
        &mut self,
        attempt: &Attempt,
        origin: &Origin,
        stream: &'w Stream,
        stage: u8,
        told: Told,
    ) {
        let status = self.world.server.stages[usize::from(stage)].response.status;
        let ending = if status >= 500 {
            Ending::Failed
        } else {
            Ending::Refused
        };
        self.leave(attempt, origin, stream, ending);
        self.refused(attempt, stream, stage, told);
    }
}
