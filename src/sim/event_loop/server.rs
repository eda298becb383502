//! What happens to an attempt on the server: it passes the stages, waits, is
//! served or refused, and leaves.

use super::Loop;
use crate::client::Draws;
use crate::engine::EventQueue;
use crate::overload::Sample;
use crate::rng::Purpose;
use crate::server::{Call, Ending, Outcome, Told, Visit};
use crate::sim::event::Kind;
use crate::sim::request::{Attempt, Kept, Service, Waiting};
use crate::units::{Probability, Span, Time};

impl<Q: EventQueue> Loop<'_, Q> {
    /// Takes an attempt through the stages that remain on its route.
    #[inline]
    pub(super) fn pass(&mut self, attempt: Attempt, mut visit: Visit) {
        let stream = &self.world.streams[usize::from(attempt.stream)];
        let held = visit.held;
        let admissions = &self.draws[usize::from(attempt.stream)].admissions;
        let chance = |admission: u8| {
            let draws = Draws {
                streams: &admissions[usize::from(admission)],
                entity: attempt.entity,
            };
            draws.uniform(Purpose::Admission, attempt.number, attempt.count)
        };
        let outcome = self
            .server
            .pass(&stream.route, &mut visit, self.now, chance);
        self.note_entries(visit.held & !held);
        match outcome {
            Outcome::Admitted => self.serve(attempt, &visit),
            Outcome::Waits { gate, until } => self.wait(attempt, visit, gate, until),
            Outcome::Delayed { until } => self.delay(attempt, visit, until),
            Outcome::Refused { stage, told } => {
                if let Some(gate) = self.world.server.stages[usize::from(stage)].gate
                    && let Some(counts) = self.metrics.gate(gate)
                {
                    counts.full += 1;
                }
                self.refuse(attempt, &visit, stage, told);
            }
        }
    }

    /// Counts that an attempt has entered these gates.
    #[inline]
    pub(super) fn note_entries(&mut self, mut entered: u32) {
        while entered != 0 {
            let gate = entered.trailing_zeros() as u8;
            entered &= entered - 1;
            if let Some(counts) = self.metrics.gate(gate) {
                counts.entered += 1;
            }
            self.note_level(gate);
        }
    }

    #[inline]
    pub(super) fn note_level(&mut self, gate: u8) {
        let state = &self.server.gates()[usize::from(gate)];
        self.metrics
            .gate_changed(gate, self.now, state.inside(), state.waiting());
    }

    /// The backend begins to work on an attempt that has passed all stages.
    #[inline]
    pub(super) fn serve(&mut self, attempt: Attempt, visit: &Visit) {
        let held = visit.held;
        self.metrics.admitted(attempt.bucket);
        let stream = &self.world.streams[usize::from(attempt.stream)];
        let service = (stream.service.as_ref()).map_or(Span::ZERO, |service| {
            self.request_draws(usize::from(attempt.stream), attempt.entity)
                .sample(service, Purpose::Service, attempt.number, attempt.count)
        });
        let Attempt {
            request,
            generation,
            ..
        } = attempt;
        if service.is_zero() && held == 0 && !self.feedback {
            self.executed(request, generation);
            return;
        }
        let end = self.now + service;
        if attempt.times_out < end {
            self.queue
                .push(Kind::TimesOut.event(attempt.times_out, request, generation));
        }
        let place = self.services.insert(|_| Service {
            request,
            generation,
            held,
        });
        if self.feedback {
            self.keep(place, attempt, *visit);
        }
        self.queue.push(Kind::Served.event(end, place, 0));
    }

    /// Keeps what the stages are told of when an attempt ends.
    pub(super) fn keep(&mut self, place: u32, attempt: Attempt, visit: Visit) {
        let failures = self.world.server.failures;
        let fails = failures > Probability::ZERO
            && self
                .request_draws(usize::from(attempt.stream), attempt.entity)
                .uniform(Purpose::Failure, attempt.number, attempt.count)
                < failures.value();
        let kept = Kept {
            attempt,
            visit,
            fails,
        };
        let place = place as usize;
        if place >= self.kept.len() {
            self.kept.resize(place + 1, kept);
        }
        self.kept[place] = kept;
    }

    /// The backend has done its work on an attempt.
    #[inline]
    pub(super) fn served(&mut self, place: u32) {
        let Service {
            request,
            generation,
            held,
        } = self.services.remove(place);
        if self.feedback {
            self.served_with_feedback(self.kept[place as usize]);
        } else {
            self.executed(request, generation);
            self.leave_gates(held);
        }
        self.take_called_further();
    }

    pub(super) fn served_with_feedback(&mut self, kept: Kept) {
        let Kept {
            attempt,
            visit,
            fails,
        } = kept;
        if fails {
            let backend = self.world.server.stages.len() as u8 - 1;
            let response = self.world.server.stages[usize::from(backend)].response;
            let told = response.told(self.now, None, || None);
            self.refuse(attempt, &visit, backend, told);
        } else {
            self.executed(attempt.request, attempt.generation);
            self.leave(attempt.stream, &visit, Ending::Served);
        }
    }

    /// A visit has ended: its permits are free again, and the stages that
    /// learn from it are told.
    pub(super) fn leave(&mut self, stream: u16, visit: &Visit, ending: Ending) {
        if !self.feedback {
            self.leave_gates(visit.held);
            return;
        }
        let world = self.world;
        let route = &world.streams[usize::from(stream)].route;
        self.server.ended(route, visit, self.now, ending);
        let mut held = visit.held;
        while held != 0 {
            let gate = held.trailing_zeros() as u8;
            held &= held - 1;
            if self.server.gates()[usize::from(gate)].is_adaptive() && ending != Ending::Refused {
                let sample = Sample {
                    now: self.now,
                    round_trip: self.now.since(visit.entered),
                    in_flight: visit.in_flight,
                    dropped: ending == Ending::Failed,
                };
                self.server.gate_mut(gate).learn(&sample);
            }
            if let Some(key) = self.server.gate_key(route, visit, gate) {
                self.leave_gate(gate, key);
            }
        }
    }

    /// Gives the permits of the gates in `held` back, all of which have one key.
    #[inline]
    pub(super) fn leave_gates(&mut self, mut held: u32) {
        while held != 0 {
            let gate = held.trailing_zeros() as u8;
            held &= held - 1;
            self.leave_gate(gate, 0);
        }
    }

    #[inline]
    pub(super) fn leave_gate(&mut self, gate: u8, key: u32) {
        self.server.gate_mut(gate).leave(key, 1);
        while let Some(call) = self.server.gate_mut(gate).call(key, self.now) {
            match call {
                Call::Enter(place) => {
                    let visit = &mut self.waiting.get_mut(place).visit;
                    visit.called = self.now;
                    self.server.entered(visit, gate, self.now);
                    self.note_wait(gate, place);
                    self.called.push_back(place);
                }
                Call::TurnAway(place) => self.note_turned_away(gate, place),
            }
        }
        self.note_level(gate);
    }

    pub(super) fn note_turned_away(&mut self, gate: u8, place: u32) {
        if let Some(counts) = self.metrics.gate(gate) {
            counts.wait_ended += 1;
        }
        self.turned_away.push_back(place);
    }

    pub(super) fn note_wait(&mut self, gate: u8, place: u32) {
        let waited = self.now.since(self.waiting.get(place).since);
        if let Some(counts) = self.metrics.gate(gate) {
            counts.entered += 1;
            counts.entered_after_wait += 1;
            counts.waited += u128::from(waited.nanos());
        }
    }

    /// Takes the attempts whose permit has come through the stages that
    /// remain, in the order in which they were called. One that is refused there
    /// gives its permit to the next, so that this goes on until nobody is called.
    #[inline]
    pub(super) fn take_called_further(&mut self) {
        loop {
            if let Some(place) = self.called.pop_front() {
                let Waiting { attempt, visit, .. } = self.waiting.remove(place);
                self.pass(attempt, visit);
            } else if let Some(place) = self.turned_away.pop_front() {
                self.end_wait(place);
            } else {
                return;
            }
        }
    }

    /// An attempt waits at a gate.
    pub(super) fn wait(&mut self, attempt: Attempt, visit: Visit, gate: u8, until: Time) {
        let world = self.world;
        let route = &world.streams[usize::from(attempt.stream)].route;
        let key = self.server.gate_key(route, &visit, gate).unwrap_or(0);
        let place = self.set_aside(attempt, visit, until);
        let mut pushed_out = std::mem::take(&mut self.turned_away);
        let before = pushed_out.len();
        let times = (self.now, until);
        if (self.server.gate_mut(gate)).queue(key, visit.claim(), times, place, &mut pushed_out) {
            let event = Kind::WaitEnds.event(until, key, u32::from(gate));
            self.queue.push(event);
        }
        self.turned_away = pushed_out;
        let count = self.turned_away.len() - before;
        if let Some(counts) = self.metrics.gate(gate) {
            counts.wait_ended += count as u64;
        }
        self.note_level(gate);
    }

    /// A limit makes an attempt wait until a time that is known.
    pub(super) fn delay(&mut self, attempt: Attempt, visit: Visit, until: Time) {
        let place = self.set_aside(attempt, visit, until);
        self.queue.push(Kind::Resume.event(until, place, 0));
    }

    /// The wait that a limit imposed is over.
    pub(super) fn resume(&mut self, place: u32) {
        let Waiting {
            attempt, mut visit, ..
        } = self.waiting.remove(place);
        visit.called = self.now;
        self.pass(attempt, visit);
        self.take_called_further();
    }

    /// Puts an attempt that waits, at most until `until`, aside.
    pub(super) fn set_aside(&mut self, mut attempt: Attempt, visit: Visit, until: Time) -> u32 {
        if attempt.times_out < until {
            let Attempt {
                request,
                generation,
                times_out,
                ..
            } = attempt;
            self.queue
                .push(Kind::TimesOut.event(times_out, request, generation));
            attempt.times_out = Time::MAX;
        }
        let since = self.now;
        self.waiting.insert(|_| Waiting {
            attempt,
            visit,
            since,
        })
    }

    /// The waits for a key of a gate may have ended.
    pub(super) fn wait_ends(&mut self, key: u32, gate: u8) {
        while let Some(place) = self.server.gate_mut(gate).expire(key, self.now) {
            if let Some(counts) = self.metrics.gate(gate) {
                counts.wait_ended += 1;
            }
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
    pub(super) fn end_wait(&mut self, place: u32) {
        let Waiting {
            attempt, mut visit, ..
        } = self.waiting.remove(place);
        let stream = &self.world.streams[usize::from(attempt.stream)];
        let (stage, told) = self.server.end_wait(&stream.route, &mut visit, self.now);
        self.refuse(attempt, &visit, stage, told);
    }

    /// A stage has refused an attempt: its permits are free again, and the
    /// client hears of it if it still waits. It counts either way.
    pub(super) fn refuse(&mut self, attempt: Attempt, visit: &Visit, stage: u8, told: Told) {
        self.metrics.refused(attempt.bucket, stage);
        let status = self.world.server.stages[usize::from(stage)].response.status;
        let ending = if status >= 500 {
            Ending::Failed
        } else {
            Ending::Refused
        };
        self.leave(attempt.stream, visit, ending);
        let is_429 = self.metrics.is_429(stage);
        let request = self.requests.get_mut(attempt.request);
        request.on_server -= 1;
        let first_429 = is_429 && !request.got_429;
        let first_refusal = !request.got_refusal;
        request.got_429 |= is_429;
        request.got_refusal = true;
        let request = *request;
        if let Some(counts) = self.metrics.of(request.account) {
            counts.refused[usize::from(stage)] += 1;
            counts.any_refusal += u64::from(first_refusal);
            counts.any_429 += u64::from(first_429);
            counts.first_429 += u64::from(is_429 && attempt.count == 1);
        }
        if request.generation != attempt.generation {
            self.release_if_over(attempt.request);
            return;
        }
        let retry = &self.world.streams[usize::from(request.stream)].retry;
        if retry.after_refusal(attempt.count, usize::from(stage)) {
            self.retry(attempt.request, told);
        } else {
            self.give_up(attempt.request);
        }
    }
}
