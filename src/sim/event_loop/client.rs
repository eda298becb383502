//! What clients do: they send, hear the answer or give up waiting for it, try
//! again, and end.

use super::Loop;
use crate::engine::EventQueue;
use crate::scenario::Wakes;
use crate::server::{Told, Visit};
use crate::sim::event::Kind;
use crate::sim::request::{Attempt, Request};
use crate::units::{Span, Time};
use crate::world::Reach;

impl<Q: EventQueue> Loop<'_, Q> {
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
        let (word, bit) = (sender as usize / 64, 1 << (sender % 64));
        if !stream.overlap {
            if self.busy[word] & bit != 0 {
                self.metrics.skipped(index);
                return;
            }
            self.busy[word] |= bit;
        }
        match (stream.reach, &stream.devices) {
            (Reach::HomeForDevices, Some(group)) => {
                let home = stream.first_home + entity;
                for device in group.layout.devices(entity) {
                    self.begin(
                        index,
                        sender,
                        device,
                        home,
                        group.first_device + device,
                        number,
                    );
                }
            }
            _ => {
                let (home, device) = stream.home_and_device(entity);
                self.begin(index, sender, entity, home, device, number);
            }
        }
    }

    #[inline]
    pub(super) fn begin(
        &mut self,
        stream: usize,
        sender: u32,
        entity: u32,
        home: u32,
        device: u32,
        number: u32,
    ) {
        let account = self.metrics.begun(stream);
        self.measured_in_flight += u64::from(account.is_measured());
        let mut request = Request {
            due: self.now,
            previous_wait: Span::ZERO,
            sender,
            entity,
            home,
            device,
            number,
            attempts: 1,
            generation: 0,
            account,
            on_server: 1,
            executions: 0,
            stream: stream as u16,
            got_429: false,
            got_refusal: false,
            in_use: true,
            done_in_time: false,
        };
        let place = self.requests.insert(|before| {
            request.generation = before.map_or(0, |before| before.generation.wrapping_add(1));
            request
        });
        self.attempt(place, request);
    }

    /// Makes the next attempt of a request.
    pub(super) fn try_again(&mut self, place: u32) {
        let mut request = *self.requests.get(place);
        request.attempts += 1;
        request.on_server += 1;
        request.generation = request.generation.wrapping_add(1);
        *self.requests.get_mut(place) = request;
        self.attempt(place, request);
    }

    /// Makes the current attempt of a request. The request comes as a value,
    /// since reading back what was just written would have to wait for it.
    #[inline(always)]
    pub(super) fn attempt(&mut self, place: u32, request: Request) {
        let now = self.now;
        self.metrics.offered();
        let index = usize::from(request.stream);
        let stream = &self.world.streams[index];
        if let Some(counts) = self.metrics.of(request.account) {
            counts.attempts += 1;
            counts.wakeups += u64::from(stream.wakes == Wakes::EachAttempt);
        }
        let attempt = Attempt {
            request: place,
            generation: request.generation,
            entity: request.entity,
            number: request.number,
            count: request.attempts,
            bucket: self.metrics.bucket(),
            stream: request.stream,
            times_out: stream.timeout.map_or(Time::MAX, |timeout| now + timeout),
        };
        let visit = Visit {
            home: request.home,
            device: request.device,
            arrived: now,
            called: now,
            waited_at: 0,
            delayed: false,
            next: 0,
            held: 0,
            observed: 0,
            entered: now,
            in_flight: 0,
            level: stream.level,
        };
        self.pass(attempt, visit);
        self.take_called_further();
    }

    /// The server has carried a request out; its client hears of it, if it
    /// still waits for this attempt.
    #[inline]
    pub(super) fn executed(&mut self, place: u32, generation: u32) {
        let request = self.requests.get_mut(place);
        request.on_server -= 1;
        request.executions += 1;
        let stream = &self.world.streams[usize::from(request.stream)];
        let latency = self.now.since(request.due);
        let in_time = stream.deadline.is_none_or(|deadline| latency <= deadline);
        request.done_in_time |= in_time;
        let request = *request;
        let is_heard = request.generation == generation;
        if let Some(counts) = self.metrics.of(request.account) {
            counts.executed += u64::from(request.executions == 1);
            counts.executed_again += u64::from(request.executions == 2);
            counts.wakeups += u64::from(stream.wakes == Wakes::EachExecution);
            counts.unconfirmed += u64::from(is_heard && !in_time);
        }
        if is_heard {
            self.metrics.succeeded(request.account, self.now, latency);
            self.end(place);
        } else {
            self.release_if_over(place);
        }
    }

    /// A client's time-out for an attempt has come.
    pub(super) fn times_out(&mut self, place: u32, generation: u32) {
        let request = *self.requests.get(place);
        if !request.in_use
            || Kind::TimesOut.event(self.now, place, request.generation)
                != Kind::TimesOut.event(self.now, place, generation)
        {
            return;
        }
        if let Some(counts) = self.metrics.of(request.account) {
            counts.timed_out += 1;
        }
        let retry = &self.world.streams[usize::from(request.stream)].retry;
        if retry.after_timeout(request.attempts) {
            self.retry(place, Told::default());
        } else {
            self.give_up(place);
        }
    }

    /// Schedules the next attempt of a request.
    pub(super) fn retry(&mut self, place: u32, told: Told) {
        let request = *self.requests.get(place);
        let stream = &self.world.streams[usize::from(request.stream)];
        let wait = stream.retry.wait(
            self.request_draws(usize::from(request.stream), request.entity),
            request.number,
            request.attempts,
            request.previous_wait,
            told,
        );
        let then = self.now + wait.span;
        if stream.retry.is_too_late(request.due, then) {
            self.give_up(place);
            return;
        }
        let request = self.requests.get_mut(place);
        // The attempt is over: what still comes for it is too late.
        request.generation = request.generation.wrapping_add(1);
        request.previous_wait = wait.previous;
        self.queue.push(Kind::Retry.event(then, place, 0));
    }

    pub(super) fn give_up(&mut self, place: u32) {
        let request = *self.requests.get(place);
        let is_command = self.is_command(&request);
        if let Some(counts) = self.metrics.of(request.account) {
            counts.given_up += 1;
            counts.unconfirmed += u64::from(is_command);
        }
        self.end(place);
    }

    /// A request has ended for its client; its sender is free, and a closed
    /// loop goes on.
    #[inline]
    pub(super) fn end(&mut self, place: u32) {
        let request = self.requests.get_mut(place);
        request.generation = request.generation.wrapping_add(1);
        request.in_use = false;
        let request = *request;
        self.release_if_over(place);
        let stream = &self.world.streams[usize::from(request.stream)];
        if !stream.overlap {
            self.busy[request.sender as usize / 64] &= !(1 << (request.sender % 64));
        }
        let entity = request.sender - stream.first_sender;
        let draws = self.time_draws(usize::from(request.stream), entity);
        if let Some((number, time)) = stream
            .source
            .next_after_end(draws, self.now, request.number)
        {
            self.queue
                .push(Kind::Send.event(time, request.sender, number));
        }
    }

    /// Frees the place of a request that has ended for its client and on the
    /// server.
    #[inline]
    pub(super) fn release_if_over(&mut self, place: u32) {
        let request = *self.requests.get(place);
        if request.in_use || request.on_server > 0 {
            return;
        }
        self.requests.remove(place);
        self.measured_in_flight -= u64::from(request.account.is_measured());
        self.settle(&request);
    }

    /// Counts a command that was not carried out by its deadline.
    #[inline]
    fn settle(&mut self, request: &Request) {
        if !request.done_in_time
            && self.is_command(request)
            && let Some(counts) = self.metrics.of(request.account)
        {
            counts.undone += 1;
        }
    }

    #[inline]
    fn is_command(&self, request: &Request) -> bool {
        self.world.streams[usize::from(request.stream)]
            .deadline
            .is_some()
    }

    /// Counts what the end of the run cuts short. It comes no earlier than the
    /// deadline of any measured command.
    pub(super) fn count_unfinished(&mut self) {
        let cut_short: Vec<Request> = (self.requests.iter())
            .filter(|request| request.in_use || request.on_server > 0)
            .copied()
            .collect();
        for request in &cut_short {
            let is_command = self.is_command(request);
            if let Some(counts) = self.metrics.of(request.account).filter(|_| request.in_use) {
                counts.unfinished += 1;
                counts.unconfirmed += u64::from(is_command);
            }
            self.settle(request);
        }
    }
}
