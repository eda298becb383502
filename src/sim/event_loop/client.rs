//! What clients do: they send, hear the answer or give up waiting for it, try
//! again, and end.

use super::Loop;
use crate::client::{BackoffDraws, Heard, Rule, Wait};
use crate::engine::{Event, EventQueue};
use crate::rng::Purpose;
use crate::scenario::Wakes;
use crate::server::{Replicas, Told, Visit};
use crate::sim::event::Kind;
use crate::sim::metrics::Refusal;
use crate::sim::request::{Attempt, Origin, Request};
use crate::sim::watch::{RequestId, Watch, What};
use crate::units::{Span, Time};
use crate::world::{Reach, Stream};

impl Request {
    /// Whether its client still waits for the attempt of a generation, of which
    /// an event has told the lower bits.
    #[inline]
    fn is_current(&self, generation: u32) -> bool {
        (self.generation ^ generation) & Event::DETAIL_MAX == 0
    }

    /// Whether it is a command that has not been carried out by its deadline.
    #[inline]
    fn is_undone(&self, stream: &Stream) -> bool {
        !self.done_in_time && stream.deadline.is_some()
    }
}

impl<'w, Q: EventQueue, W: Watch> Loop<'w, Q, W> {
    #[inline]
    pub(super) fn stream(&self, origin: &Origin) -> &'w Stream {
        &self.world.streams[usize::from(origin.stream)]
    }

    /// A sender's timer fires for its request `number`.
    #[inline]
    pub(super) fn send(&mut self, sender: u32, number: u32) {
        let world = self.world;
        if self.now >= world.clock.measured_until && !world.clock.load_after_end {
            return;
        }
        let index = world.stream_of(sender);
        let stream = &world.streams[index];
        let entity = sender - stream.first_sender;
        let draws = self.time_draws(index, entity);
        if let Some((number, time)) = stream.source.next(draws, self.now, number) {
            self.queue.push(Kind::Send.event(time, sender, number));
        }
        if !stream.overlap {
            let (word, bit) = (sender as usize / 64, 1 << (sender % 64));
            if self.busy[word] & bit != 0 {
                self.metrics.skipped(index, stream.calls.count());
                self.tell_of_skipped(index, stream, sender, number);
                return;
            }
            self.busy[word] |= bit;
        }
        match stream.calls.count() {
            1 => self.call(index, stream, sender, number),
            _ => self.make_first_calls(index, stream, sender, number),
        }
    }

    /// Tells who watches of a request that is not made.
    #[inline(always)]
    fn tell_of_skipped(&mut self, index: usize, stream: &Stream, sender: u32, number: u32) {
        let entity = sender - stream.first_sender;
        if !W::LISTENS {
            return;
        }
        let (home, device) = stream.home_and_device(entity);
        let count = stream.calls.count();
        let request = RequestId {
            stream: index as u16,
            entity,
            number: number.wrapping_mul(count),
            home,
            device,
        };
        self.tell(request, 0, What::Skipped(count));
    }

    /// A sender makes the first of several calls, for the time that its timer
    /// counts as `number`.
    #[inline(never)]
    fn make_first_calls(&mut self, index: usize, stream: &'w Stream, sender: u32, number: u32) {
        let calls = stream.calls;
        if !stream.overlap && calls.at_first() > 1 {
            self.outstanding[sender as usize] = calls.at_first();
        }
        let first = number.wrapping_mul(calls.count());
        for call in 0..calls.at_first() {
            self.call(index, stream, sender, first.wrapping_add(call));
        }
    }

    /// A sender makes its request `number`, or one for each of its devices.
    #[inline]
    fn call(&mut self, index: usize, stream: &'w Stream, sender: u32, number: u32) {
        let entity = sender - stream.first_sender;
        match (stream.reach, &stream.devices) {
            (Reach::HomeForDevices, Some(group)) => {
                let home = stream.first_home + entity;
                for device in group.layout.devices(entity) {
                    let place = (home, group.first_device + device);
                    self.begin(index, stream, sender, device, place, number);
                }
            }
            _ => {
                let place = stream.home_and_device(entity);
                self.begin(index, stream, sender, entity, place, number);
            }
        }
    }

    /// A request comes due.
    #[inline]
    fn begin(
        &mut self,
        index: usize,
        stream: &'w Stream,
        sender: u32,
        entity: u32,
        (home, device): (u32, u32),
        number: u32,
    ) {
        let account = self.metrics.begun(index);
        let is_measured = self.metrics.is_measured(account);
        self.measured_in_flight += u64::from(is_measured);
        self.metrics.measures.begun(home, is_measured);
        let origin = Origin {
            sender,
            entity,
            home,
            device,
            number,
            account,
            stream: index as u16,
        };
        self.tell(&origin, 0, What::Due);
        let is_guarded = !stream.guards.is_empty();
        let mut request = Request {
            origin,
            attempts: u32::from(!is_guarded),
            due: self.now,
            previous_wait: Span::ZERO,
            retry_cost: 0,
            probes: 0,
            generation: 0,
            on_server: u32::from(!is_guarded),
            executions: 0,
            got_429: false,
            got_refusal: false,
            in_use: true,
            done_in_time: false,
        };
        let place = self.requests.insert(|before| {
            request.generation = before.map_or(0, |before| before.generation.wrapping_add(1));
            request
        });
        if stream.budget.is_some() {
            self.open_budget(&origin, stream);
        }
        match is_guarded {
            true => self.try_again(place, 0),
            false => self.attempt(place, (1, request.generation), &origin, stream),
        }
    }

    /// The next attempt of a request is due, if the guards of its client from
    /// number `guard` on let it pass.
    #[inline]
    pub(super) fn try_again(&mut self, place: u32, guard: u32) {
        let stream = self.stream(&self.requests.get(place).origin);
        if !stream.guards.is_empty() && !self.ask_guards(place, guard, stream) {
            return;
        }
        let request = self.requests.get_mut(place);
        request.attempts += 1;
        request.on_server += 1;
        request.generation = request.generation.wrapping_add(1);
        let attempt = (request.attempts, request.generation);
        let origin = request.origin;
        self.attempt(place, attempt, &origin, stream);
    }

    /// Makes an attempt of a request, given its count and generation.
    #[inline(always)]
    fn attempt(
        &mut self,
        place: u32,
        (count, generation): (u32, u32),
        origin: &Origin,
        stream: &'w Stream,
    ) {
        let now = self.now;
        let wakes = stream.wakes == Wakes::EachAttempt;
        self.metrics.attempted(origin.account, wakes);
        let mut attempt = Attempt {
            request: place,
            generation,
            count,
            step: self.metrics.step(),
            times_out: stream.timeout.map_or(Time::MAX, |timeout| now + timeout),
            visit: Visit::arriving(now),
        };
        if let Some(replicas) = self.world.server.replicas {
            attempt.visit.replica = self.replica(replicas, origin, count);
        }
        let gateway = attempt.visit.replica;
        self.tell(origin, count, What::Sent { gateway });
        self.pass(attempt, origin, stream);
        self.take_called_further();
    }

    /// The gateway of several that judges an attempt.
    #[inline(never)]
    fn replica(&mut self, replicas: Replicas, origin: &Origin, attempt: u32) -> u8 {
        match replicas {
            Replicas::AtRandom(count) => {
                let draws = self.request_draws(usize::from(origin.stream), origin.entity);
                let draw = draws.uniform(Purpose::Replica, origin.number, attempt);
                (draw * f64::from(count.get())) as u8
            }
            Replicas::InTurn(count) => {
                let turn = self.next_replica;
                self.next_replica = (turn + 1) % count;
                turn
            }
            Replicas::ByHome(count) => (origin.home % u32::from(count.get())) as u8,
        }
    }

    /// The server has carried a request out; its client hears of it, if it
    /// still waits for the attempt of this generation.
    #[inline]
    pub(super) fn executed(&mut self, place: u32, generation: u32, stream: &'w Stream) {
        let request = self.requests.get_mut(place);
        request.on_server -= 1;
        request.executions += 1;
        let latency = self.now.since(request.due);
        let in_time = stream.deadline.is_none_or(|deadline| latency <= deadline);
        request.done_in_time |= in_time;
        let (account, times) = (request.origin.account, request.executions);
        let is_heard = request.is_current(generation);
        let (origin, attempts) = (request.origin, request.attempts);
        let wakes = stream.wakes == Wakes::EachExecution;
        self.metrics.executed(account, times, wakes);
        // What comes late is of an earlier attempt, whose number nobody keeps.
        let attempt = if is_heard { attempts } else { 0 };
        self.tell(&origin, attempt, What::Executed { heard: is_heard });
        if is_heard {
            if !stream.guards.is_empty() {
                self.tell_guards(place, stream, Heard::Success);
            }
            self.metrics.succeeded(account, self.now, latency, in_time);
            if self.metrics.measures.ask_for_successes() {
                let is_measured = self.metrics.is_measured(account);
                let origin = &self.requests.get(place).origin;
                (self.metrics.measures).succeeded(self.now, origin, is_measured);
            }
            self.end(place, stream, false);
        } else {
            self.release_if_over(place, stream);
        }
    }

    /// A stage has refused an attempt. That counts, whether its client still
    /// waits or not; if it does, it tries again or gives up.
    #[inline]
    pub(super) fn refused(&mut self, attempt: &Attempt, stream: &'w Stream, stage: u8, told: Told) {
        let is_429 = self.metrics.is_429(stage);
        let place = attempt.request;
        let request = self.requests.get_mut(place);
        request.on_server -= 1;
        let refusal = Refusal {
            is_first: !request.got_refusal,
            is_first_429: is_429 && !request.got_429,
            is_429_at_once: is_429 && attempt.count == 1,
        };
        request.got_429 |= is_429;
        request.got_refusal = true;
        let origin = request.origin;
        let (account, home) = (origin.account, origin.home);
        let is_heard = request.generation == attempt.generation;
        self.metrics.refused(account, attempt.step, stage, refusal);
        self.tell(&origin, attempt.count, What::Refused { stage, told });
        let measures = &mut self.metrics.measures;
        measures.refused(self.now, home, stream.cohort, is_429);
        if !is_heard {
            self.release_if_over(place, stream);
        } else {
            if !stream.guards.is_empty() {
                self.tell_guards(place, stream, Heard::Refusal(stage, told));
            }
            let rule = stream.retry.for_refusal(usize::from(stage));
            self.react(place, stream, rule, told);
        }
    }

    /// A client's time-out for an attempt has come.
    pub(super) fn times_out(&mut self, place: u32, generation: u32) {
        let request = *self.requests.get(place);
        if !request.in_use || !request.is_current(generation) {
            return;
        }
        self.metrics.timed_out(request.origin.account);
        self.tell(&request.origin, request.attempts, What::TimesOut);
        let stream = self.stream(&request.origin);
        if !stream.guards.is_empty() {
            self.tell_guards(place, stream, Heard::TimeOut);
        }
        let rule = stream.retry.for_timeout();
        self.react(place, stream, rule, Told::default());
    }

    /// An attempt has failed: the next one is scheduled as a rule says, or the
    /// client gives up.
    #[inline]
    fn react(&mut self, place: u32, stream: &'w Stream, rule: Option<&'w Rule>, told: Told) {
        let mut next = rule.and_then(|rule| self.next_attempt(place, rule, told));
        if stream.budget.is_some() {
            next = self.within_budget(place, stream, rule, next);
        }
        let Some((wait, then)) = next else {
            return self.give_up(place, stream);
        };
        let request = self.requests.get_mut(place);
        // The attempt is over: what still comes for it is too late.
        request.generation = request.generation.wrapping_add(1);
        request.previous_wait = wait.previous;
        let (origin, attempts) = (request.origin, request.attempts);
        self.tell(&origin, attempts, What::Waiting { wait: wait.span });
        self.queue.push(Kind::Retry.event(then, place, 0));
    }

    /// The wait before the next attempt of a request by the rule for how the last
    /// one failed, and when it ends; `None` if there is to be no other.
    #[inline]
    fn next_attempt(&self, place: u32, rule: &Rule, told: Told) -> Option<(Wait, Time)> {
        let request = self.requests.get(place);
        if !rule.goes_on_after(request.attempts) {
            return None;
        }
        let Origin {
            stream: index,
            entity,
            number,
            ..
        } = request.origin;
        let chance = BackoffDraws {
            draws: self.request_draws(usize::from(index), entity),
            number,
            attempt: request.attempts,
        };
        let wait = rule.wait(&chance, request.attempts, request.previous_wait, told);
        let then = self.now + wait.span;
        (!rule.is_too_late(request.due, then)).then_some((wait, then))
    }

    pub(super) fn give_up(&mut self, place: u32, stream: &'w Stream) {
        let origin = self.requests.get(place).origin;
        self.tell(&origin, 0, What::GivesUp);
        self.metrics
            .gave_up(origin.account, stream.deadline.is_some());
        self.end(place, stream, true);
    }

    /// A request has ended for its client: the next call of its sender is due, or
    /// the sender is free, and a closed loop goes on.
    #[inline]
    fn end(&mut self, place: u32, stream: &'w Stream, has_failed: bool) {
        let request = self.requests.get_mut(place);
        request.generation = request.generation.wrapping_add(1);
        request.in_use = false;
        let (index, sender, number) = (
            request.origin.stream,
            request.origin.sender,
            request.origin.number,
        );
        if stream.budget.is_some() {
            self.settle_budget(place, stream, has_failed);
        }
        let is_last = stream.calls.count() == 1 || self.is_last_call(place, stream, has_failed);
        self.release_if_over(place, stream);
        if !is_last {
            return;
        }
        if !stream.overlap {
            self.busy[sender as usize / 64] &= !(1 << (sender % 64));
        }
        let draws = self.time_draws(usize::from(index), sender - stream.first_sender);
        if let Some((number, time)) = stream.source.next_after_end(draws, self.now, number) {
            self.queue.push(Kind::Send.event(time, sender, number));
        }
    }

    /// Whether a request that has ended was the last of several calls that its
    /// sender waits for; if it was not, the next in turn is due.
    #[inline(never)]
    fn is_last_call(&mut self, place: u32, stream: &Stream, has_failed: bool) -> bool {
        let origin = self.requests.get(place).origin;
        if let Some(number) = stream.calls.next(origin.number, has_failed) {
            self.next_calls.push_back(Origin { number, ..origin });
            return false;
        }
        if stream.overlap || stream.calls.at_first() == 1 {
            return true;
        }
        let outstanding = &mut self.outstanding[origin.sender as usize];
        *outstanding -= 1;
        *outstanding == 0
    }

    /// Makes the calls whose turn has come.
    #[inline(never)]
    pub(super) fn make_next_calls(&mut self) {
        let clock = &self.world.clock;
        if self.now >= clock.measured_until && !clock.load_after_end {
            self.next_calls.clear();
        }
        while let Some(origin) = self.next_calls.pop_front() {
            let Origin {
                sender,
                entity,
                home,
                device,
                number,
                stream: index,
                ..
            } = origin;
            let stream = self.stream(&origin);
            let place = (home, device);
            self.begin(usize::from(index), stream, sender, entity, place, number);
        }
    }

    /// Frees the place of a request that has ended for its client and on the
    /// server.
    #[inline]
    fn release_if_over(&mut self, place: u32, stream: &'w Stream) {
        let request = self.requests.get(place);
        if request.in_use || request.on_server > 0 {
            return;
        }
        let account = request.origin.account;
        let is_undone = request.is_undone(stream);
        self.requests.remove(place);
        self.measured_in_flight -= u64::from(self.metrics.is_measured(account));
        if is_undone {
            self.metrics.undone(account);
        }
    }

    /// Counts what the end of the run cuts short. It comes no earlier than the
    /// deadline of any measured command.
    pub(super) fn count_unfinished(&mut self) {
        let is_over = |request: &Request| !request.in_use && request.on_server == 0;
        for request in self.requests.iter().filter(|request| !is_over(request)) {
            let stream = &self.world.streams[usize::from(request.origin.stream)];
            if request.in_use {
                (self.metrics).unfinished(request.origin.account, stream.deadline.is_some());
            }
            if request.is_undone(stream) {
                self.metrics.undone(request.origin.account);
            }
        }
    }
}
