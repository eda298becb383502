use super::event::Kind;
use super::metrics::Metrics;
use super::record::Record;
use super::slab::Slab;
use crate::client::Draws;
use crate::engine::{Event, EventQueue, HeapQueue, LadderQueue};
use crate::overload::Sample;
use crate::rng::{Purpose, Streams};
use crate::scenario::Wakes;
use crate::server::{Call, Ending, Outcome, Pipeline, Told, Visit};
use crate::units::{Probability, Span, Time};
use crate::world::{Reach, World};

/// Which event queue a replication uses; results do not depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QueueKind {
    /// The ladder queue: constant cost per event.
    #[default]
    Ladder,
    /// The standard library's binary heap.
    Heap,
}

/// A replication was told to stop before it had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the replication was stopped")]
pub struct Stopped;

/// One run of a world, ready to start.
#[derive(Debug)]
pub struct Replication<'w> {
    engine: Engine<'w>,
}

#[derive(Debug)]
enum Engine<'w> {
    Ladder(Box<Loop<'w, LadderQueue>>),
    Heap(Box<Loop<'w, HeapQueue>>),
}

impl<'w> Replication<'w> {
    /// Prepares replication number `number` of a study with that seed.
    pub fn new(world: &'w World, seed: u64, number: u32, queue: QueueKind) -> Replication<'w> {
        let engine = match queue {
            QueueKind::Ladder => {
                let queue = LadderQueue::new(
                    world.clock.start,
                    world.mean_event_gap(),
                    world.senders() as usize,
                );
                Engine::Ladder(Box::new(Loop::new(world, seed, number, queue)))
            }
            QueueKind::Heap => {
                Engine::Heap(Box::new(Loop::new(world, seed, number, HeapQueue::new())))
            }
        };
        Replication { engine }
    }

    /// Runs it to its end; `stop` is asked now and then whether to give up.
    ///
    /// # Errors
    /// [`Stopped`], if `stop` said so.
    pub fn run(self, stop: &dyn Fn() -> bool) -> Result<Record, Stopped> {
        match self.engine {
            Engine::Ladder(engine) => engine.run(stop),
            Engine::Heap(engine) => engine.run(stop),
        }
    }
}

/// A request from when it is due until it succeeds or is given up.
#[derive(Debug, Clone, Copy)]
struct Request {
    due: Time,
    previous_wait: Span,
    sender: u32,
    /// The number that draws are keyed by: the sender's, or the device's.
    entity: u32,
    home: u32,
    device: u32,
    /// Which request of its sender it is.
    number: u32,
    /// Attempts made.
    attempts: u32,
    /// Changes with each attempt and when an attempt is over, so that what
    /// comes late for an earlier one is known as such.
    generation: u32,
    stream: u16,
    measured: bool,
    got_429: bool,
    got_refusal: bool,
    in_use: bool,
}

/// What the server must know of an attempt, and the client to recognise it.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    request: u32,
    generation: u32,
    entity: u32,
    number: u32,
    /// Which attempt of its request it is, from 1.
    count: u32,
    /// The step of the time series in which it was made.
    bucket: u32,
    stream: u16,
    /// When the client stops waiting; [`Time::MAX`] if it never does, or if
    /// that event is already on its way.
    times_out: Time,
}

/// An attempt in the backend.
#[derive(Debug, Clone, Copy)]
struct Service {
    request: u32,
    generation: u32,
    /// Bit g: it holds a permit of gate g.
    held: u32,
}

/// What the stages are told of when an attempt in the backend ends, if some of
/// them learn from it.
#[derive(Debug, Clone, Copy)]
struct Kept {
    attempt: Attempt,
    visit: Visit,
    fails: bool,
}

/// An attempt that waits at a gate or a limit.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    attempt: Attempt,
    visit: Visit,
    since: Time,
}

#[derive(Debug)]
struct Loop<'w, Q> {
    world: &'w World,
    streams: Streams,
    queue: Q,
    server: Pipeline<'w>,
    requests: Slab<Request>,
    services: Slab<Service>,
    waiting: Slab<Waiting>,
    /// By place in `services`; empty if no stage learns.
    kept: Vec<Kept>,
    feedback: bool,
    /// Whether state must be asked for ahead.
    large: bool,
    /// Whether the state of the next events has been asked for.
    foretold: bool,
    /// Bit s: sender s has a request that must end before its next poll.
    busy: Vec<u64>,
    /// Waiting attempts whose permit has come, to be taken further.
    called: Vec<u32>,
    /// Waiting attempts that a gate has turned away.
    turned_away: Vec<u32>,
    metrics: Metrics,
    now: Time,
    number: u32,
    events: u64,
    measured_in_flight: u64,
}

const NO_DEVICE: u32 = u32::MAX;

/// How far ahead state is asked for. So many events take longer than an access
/// to memory; the further ahead, the less is known of the queue.
const EVENTS_AHEAD: usize = 8;

impl<'w, Q: EventQueue> Loop<'w, Q> {
    fn new(world: &'w World, seed: u64, number: u32, queue: Q) -> Loop<'w, Q> {
        let streams = Streams::new(seed, number);
        let server = Pipeline::new(&world.server, streams);
        let mut this = Loop {
            world,
            streams,
            queue,
            requests: Slab::new(),
            services: Slab::new(),
            waiting: Slab::new(),
            kept: Vec::new(),
            feedback: world.server.has_feedback(),
            large: server.is_large(),
            server,
            foretold: false,
            busy: vec![0; (world.senders() as usize).div_ceil(64)],
            called: Vec::new(),
            turned_away: Vec::new(),
            metrics: Metrics::new(world),
            now: world.clock.start,
            number,
            events: 0,
            measured_in_flight: 0,
        };
        for stream in &world.streams {
            for entity in 0..stream.senders {
                let draws = this.draws(entity, stream.source_key);
                if let Some((number, time)) = stream.source.first(draws, world.clock.start) {
                    let sender = stream.first_sender + entity;
                    this.queue.push(Kind::Send.event(time, sender, number));
                }
            }
        }
        this
    }

    fn run(mut self, stop: &dyn Fn() -> bool) -> Result<Record, Stopped> {
        let clock = self.world.clock;
        while let Some(event) = self.queue.pop() {
            let now = event.time();
            if now >= clock.measured_until
                && (self.measured_in_flight == 0 || now >= clock.drained_until)
            {
                break;
            }
            self.now = now;
            self.metrics.advance(now);
            self.events += 1;
            if self.events.is_multiple_of(1 << 16) && stop() {
                return Err(Stopped);
            }
            if self.large {
                self.look_ahead();
            }
            match Kind::of(event) {
                Kind::Send => self.send(event.entity(), event.detail()),
                Kind::Served => self.served(event.entity()),
                Kind::Retry => self.try_again(event.entity()),
                Kind::TimesOut => self.times_out(event.entity(), event.detail()),
                Kind::WaitEnds => self.wait_ends(event.entity(), event.detail() as u8),
                Kind::Resume => self.resume(event.entity()),
            }
        }
        self.count_unfinished();
        Ok(self.metrics.finish(self.number, self.events))
    }

    #[inline]
    fn draws(&self, entity: u32, key: u16) -> Draws<'_> {
        Draws {
            streams: &self.streams,
            entity,
            key,
        }
    }

    /// Begins to load the state that coming events will need.
    #[inline]
    fn look_ahead(&mut self) {
        match self.queue.upcoming(EVENTS_AHEAD) {
            Some(event) => {
                if !self.foretold {
                    self.foretold = true;
                    for ahead in 0..EVENTS_AHEAD {
                        if let Some(event) = self.queue.upcoming(ahead) {
                            self.prefetch(event);
                        }
                    }
                }
                self.prefetch(event);
            }
            None => self.foretold = false,
        }
    }

    /// Begins to load the state that an event will need.
    #[inline]
    fn prefetch(&self, event: Event) {
        if Kind::of(event) == Kind::Send {
            let sender = event.entity();
            let stream = &self.world.streams[self.world.stream_of(sender)];
            let entity = sender - stream.first_sender;
            if let (Reach::Device, Some(group)) = (stream.reach, &stream.devices) {
                let home = stream.first_home + group.layout.home(entity);
                let device = group.first_device + entity;
                self.server.prefetch(&stream.route, home, device);
            } else {
                let home = stream.first_home + entity;
                self.server.prefetch(&stream.route, home, NO_DEVICE);
            }
        }
    }

    /// A sender's timer fires for its request `number`.
    #[inline]
    fn send(&mut self, sender: u32, number: u32) {
        let world = self.world;
        if self.now >= world.clock.measured_until && !world.clock.load_after_end {
            return;
        }
        let index = world.stream_of(sender);
        let stream = &world.streams[index];
        let entity = sender - stream.first_sender;
        let draws = self.draws(entity, stream.source_key);
        if let Some((number, time)) = stream.source.next(draws, self.now, number) {
            self.queue.push(Kind::Send.event(time, sender, number));
        }
        let (word, bit) = (sender as usize / 64, 1 << (sender % 64));
        if !stream.overlap {
            if self.busy[word] & bit != 0 {
                if self.metrics.is_measured() {
                    self.metrics.streams[index].skipped += 1;
                }
                return;
            }
            self.busy[word] |= bit;
        }
        match (stream.reach, &stream.devices) {
            (Reach::Device, Some(group)) => {
                let home = stream.first_home + group.layout.home(entity);
                let device = group.first_device + entity;
                self.begin(index, sender, entity, home, device, number);
            }
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
            _ => self.begin(
                index,
                sender,
                entity,
                stream.first_home + entity,
                NO_DEVICE,
                number,
            ),
        }
    }

    #[inline]
    fn begin(
        &mut self,
        stream: usize,
        sender: u32,
        entity: u32,
        home: u32,
        device: u32,
        number: u32,
    ) {
        let measured = self.metrics.is_measured();
        if measured {
            self.metrics.streams[stream].requests += 1;
            self.measured_in_flight += 1;
        }
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
            stream: stream as u16,
            measured,
            got_429: false,
            got_refusal: false,
            in_use: true,
        };
        let place = self.requests.insert(|before| {
            request.generation = before.map_or(0, |before| before.generation.wrapping_add(1));
            request
        });
        self.attempt(place, request);
    }

    /// Makes the next attempt of a request.
    fn try_again(&mut self, place: u32) {
        let mut request = *self.requests.get(place);
        request.attempts += 1;
        request.generation = request.generation.wrapping_add(1);
        *self.requests.get_mut(place) = request;
        self.attempt(place, request);
    }

    /// Makes the current attempt of a request. The request comes as a value,
    /// since reading back what was just written would have to wait for it.
    #[inline(always)]
    fn attempt(&mut self, place: u32, request: Request) {
        let now = self.now;
        self.metrics.offered();
        let index = usize::from(request.stream);
        let stream = &self.world.streams[index];
        if request.measured {
            self.metrics.streams[index].attempts += 1;
            if stream.wakes == Wakes::EachAttempt {
                self.metrics.wake(index);
            }
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

    /// Takes an attempt through the stages that remain on its route.
    #[inline]
    fn pass(&mut self, attempt: Attempt, mut visit: Visit) {
        let stream = &self.world.streams[usize::from(attempt.stream)];
        let held = visit.held;
        let draws = Draws {
            streams: &self.streams,
            entity: attempt.entity,
            key: stream.key,
        };
        let chance = |stage: u8| {
            let draw = attempt.count * 32 + u32::from(stage);
            draws.uniform(Purpose::Admission, attempt.number, draw)
        };
        let outcome = self
            .server
            .pass(&stream.route, &mut visit, self.now, chance);
        self.note_entries(visit.held & !held);
        match outcome {
            Outcome::Admitted => self.serve(attempt, visit),
            Outcome::Waits { gate, until } => self.wait(attempt, visit, gate, until),
            Outcome::Delayed { until } => self.delay(attempt, visit, until),
            Outcome::Refused { stage, told } => {
                if let Some(gate) = self.world.server.stages[usize::from(stage)].gate
                    && self.metrics.is_measured()
                {
                    self.metrics.gates[usize::from(gate)].full += 1;
                }
                self.refuse(attempt, &visit, stage, told);
            }
        }
    }

    /// Counts that an attempt has entered these gates.
    #[inline]
    fn note_entries(&mut self, mut entered: u32) {
        while entered != 0 {
            let gate = entered.trailing_zeros() as u8;
            entered &= entered - 1;
            if self.metrics.is_measured() {
                self.metrics.gates[usize::from(gate)].entered += 1;
            }
            self.note_level(gate);
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
    fn serve(&mut self, attempt: Attempt, visit: Visit) {
        let held = visit.held;
        self.metrics.admitted(attempt.bucket);
        let stream = &self.world.streams[usize::from(attempt.stream)];
        let service = self
            .world
            .server
            .service
            .as_ref()
            .map_or(Span::ZERO, |service| {
                self.draws(attempt.entity, stream.key).sample(
                    service,
                    Purpose::Service,
                    attempt.number,
                    attempt.count,
                )
            });
        let Attempt {
            request,
            generation,
            ..
        } = attempt;
        if service.is_zero() && held == 0 && !self.feedback {
            self.answer(request, generation);
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
            self.keep(place, attempt, visit);
        }
        self.queue.push(Kind::Served.event(end, place, 0));
    }

    /// Keeps what the stages are told of when an attempt ends.
    fn keep(&mut self, place: u32, attempt: Attempt, visit: Visit) {
        let failures = self.world.server.failures;
        let stream = &self.world.streams[usize::from(attempt.stream)];
        let fails = failures > Probability::ZERO
            && self.draws(attempt.entity, stream.key).uniform(
                Purpose::Failure,
                attempt.number,
                attempt.count,
            ) < failures.value();
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
    fn served(&mut self, place: u32) {
        let Service {
            request,
            generation,
            held,
        } = self.services.remove(place);
        if self.feedback {
            self.served_with_feedback(self.kept[place as usize]);
        } else {
            self.answer(request, generation);
            self.leave_gates(held);
        }
        self.take_called_further();
    }

    fn served_with_feedback(&mut self, kept: Kept) {
        let Kept {
            attempt,
            visit,
            fails,
        } = kept;
        if fails {
            let backend = self.world.server.stages.len() as u8 - 1;
            self.refuse(attempt, &visit, backend, Told::default());
        } else {
            self.answer(attempt.request, attempt.generation);
            self.leave(attempt.stream, &visit, Ending::Served);
        }
    }

    /// A success reaches the client, if it still waits for it.
    #[inline]
    fn answer(&mut self, place: u32, generation: u32) {
        let request = self.requests.get(place);
        if request.generation != generation {
            return;
        }
        if request.measured {
            let index = usize::from(request.stream);
            let stream = &self.world.streams[index];
            let latency = self.now.since(request.due);
            let counts = &mut self.metrics.streams[index];
            counts.succeeded += 1;
            counts.latency.add(latency.nanos());
            counts.latency_sum += u128::from(latency.nanos());
            if stream.deadline.is_some_and(|deadline| latency > deadline) {
                counts.missed += 1;
            }
            if stream.wakes == Wakes::OnSuccess {
                self.metrics.wake(index);
            }
        }
        self.end(place);
    }

    /// A visit has ended: its permits are free again, and the stages that
    /// learn from it are told.
    fn leave(&mut self, stream: u16, visit: &Visit, ending: Ending) {
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
    fn leave_gates(&mut self, mut held: u32) {
        while held != 0 {
            let gate = held.trailing_zeros() as u8;
            held &= held - 1;
            self.leave_gate(gate, 0);
        }
    }

    #[inline]
    fn leave_gate(&mut self, gate: u8, key: u32) {
        self.server.gate_mut(gate).leave(key, 1);
        while let Some(call) = self.server.gate_mut(gate).call(key, self.now) {
            match call {
                Call::Enter(place) => {
                    let visit = &mut self.waiting.get_mut(place).visit;
                    visit.called = self.now;
                    self.server.entered(visit, gate, self.now);
                    self.note_wait(gate, place);
                    self.called.push(place);
                }
                Call::TurnAway(place) => self.note_turned_away(gate, place),
            }
        }
        self.note_level(gate);
    }

    fn note_turned_away(&mut self, gate: u8, place: u32) {
        if self.metrics.is_measured() {
            self.metrics.gates[usize::from(gate)].wait_ended += 1;
        }
        self.turned_away.push(place);
    }

    fn note_wait(&mut self, gate: u8, place: u32) {
        if self.metrics.is_measured() {
            let waited = self.now.since(self.waiting.get(place).since);
            let counts = &mut self.metrics.gates[usize::from(gate)];
            counts.entered += 1;
            counts.entered_after_wait += 1;
            counts.waited += u128::from(waited.nanos());
        }
    }

    /// Takes the attempts whose permit has come through the stages that
    /// remain. One that is refused there gives its permit to the next, so that
    /// this goes on until nobody is called.
    #[inline]
    fn take_called_further(&mut self) {
        loop {
            if let Some(place) = self.called.pop() {
                let Waiting { attempt, visit, .. } = self.waiting.remove(place);
                self.pass(attempt, visit);
            } else if let Some(place) = self.turned_away.pop() {
                self.end_wait(place);
            } else {
                return;
            }
        }
    }

    /// An attempt waits at a gate.
    fn wait(&mut self, attempt: Attempt, visit: Visit, gate: u8, until: Time) {
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
        if self.metrics.is_measured() {
            let count = self.turned_away.len() - before;
            self.metrics.gates[usize::from(gate)].wait_ended += count as u64;
        }
        self.note_level(gate);
    }

    /// A limit makes an attempt wait until a time that is known.
    fn delay(&mut self, attempt: Attempt, visit: Visit, until: Time) {
        let place = self.set_aside(attempt, visit, until);
        self.queue.push(Kind::Resume.event(until, place, 0));
    }

    /// The wait that a limit imposed is over.
    fn resume(&mut self, place: u32) {
        let Waiting {
            attempt, mut visit, ..
        } = self.waiting.remove(place);
        visit.called = self.now;
        self.pass(attempt, visit);
        self.take_called_further();
    }

    /// Puts an attempt that waits, at most until `until`, aside.
    fn set_aside(&mut self, mut attempt: Attempt, visit: Visit, until: Time) -> u32 {
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
    fn wait_ends(&mut self, key: u32, gate: u8) {
        while let Some(place) = self.server.gate_mut(gate).expire(key, self.now) {
            if self.metrics.is_measured() {
                self.metrics.gates[usize::from(gate)].wait_ended += 1;
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
    fn end_wait(&mut self, place: u32) {
        let Waiting {
            attempt, mut visit, ..
        } = self.waiting.remove(place);
        let stream = &self.world.streams[usize::from(attempt.stream)];
        let (stage, told) = self.server.end_wait(&stream.route, &mut visit, self.now);
        self.refuse(attempt, &visit, stage, told);
    }

    /// A stage has refused an attempt: its permits are free again, and the
    /// client hears of it if it still waits.
    fn refuse(&mut self, attempt: Attempt, visit: &Visit, stage: u8, told: Told) {
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
        if request.generation != attempt.generation {
            return;
        }
        if request.measured {
            let counts = &mut self.metrics.streams[usize::from(request.stream)];
            counts.refused[usize::from(stage)] += 1;
            counts.any_refusal += u64::from(!request.got_refusal);
            counts.any_429 += u64::from(is_429 && !request.got_429);
            counts.first_429 += u64::from(is_429 && attempt.count == 1);
        }
        request.got_429 |= is_429;
        request.got_refusal = true;
        let retry = &self.world.streams[usize::from(request.stream)].retry;
        if retry.after_refusal(attempt.count, usize::from(stage)) {
            self.retry(attempt.request, told);
        } else {
            self.give_up(attempt.request);
        }
    }

    /// A client's time-out for an attempt has come.
    fn times_out(&mut self, place: u32, generation: u32) {
        let request = *self.requests.get(place);
        if !request.in_use
            || Kind::TimesOut.event(self.now, place, request.generation)
                != Kind::TimesOut.event(self.now, place, generation)
        {
            return;
        }
        if request.measured {
            self.metrics.streams[usize::from(request.stream)].timed_out += 1;
        }
        let retry = &self.world.streams[usize::from(request.stream)].retry;
        if retry.after_timeout(request.attempts) {
            self.retry(place, Told::default());
        } else {
            self.give_up(place);
        }
    }

    /// Schedules the next attempt of a request.
    fn retry(&mut self, place: u32, told: Told) {
        let request = *self.requests.get(place);
        let stream = &self.world.streams[usize::from(request.stream)];
        let wait = stream.retry.wait(
            self.draws(request.entity, stream.key),
            request.number,
            request.attempts,
            request.previous_wait,
            told,
        );
        let request = self.requests.get_mut(place);
        // The attempt is over: what still comes for it is too late.
        request.generation = request.generation.wrapping_add(1);
        request.previous_wait = wait;
        self.queue
            .push(Kind::Retry.event(self.now + wait, place, 0));
    }

    fn give_up(&mut self, place: u32) {
        let request = *self.requests.get(place);
        if request.measured {
            let counts = &mut self.metrics.streams[usize::from(request.stream)];
            counts.given_up += 1;
            let commanded = self.world.streams[usize::from(request.stream)]
                .deadline
                .is_some();
            counts.missed += u64::from(commanded);
        }
        self.end(place);
    }

    /// A request has ended; its sender is free, and a closed loop goes on.
    #[inline]
    fn end(&mut self, place: u32) {
        let request = self.requests.get_mut(place);
        request.generation = request.generation.wrapping_add(1);
        request.in_use = false;
        let request = self.requests.remove(place);
        self.measured_in_flight -= u64::from(request.measured);
        let stream = &self.world.streams[usize::from(request.stream)];
        if !stream.overlap {
            self.busy[request.sender as usize / 64] &= !(1 << (request.sender % 64));
        }
        let draws = self.draws(request.sender - stream.first_sender, stream.source_key);
        if let Some((number, time)) = stream
            .source
            .next_after_end(draws, self.now, request.number)
        {
            self.queue
                .push(Kind::Send.event(time, request.sender, number));
        }
    }

    fn count_unfinished(&mut self) {
        for request in self
            .requests
            .iter()
            .filter(|request| request.in_use && request.measured)
        {
            let counts = &mut self.metrics.streams[usize::from(request.stream)];
            counts.unfinished += 1;
            let commanded = self.world.streams[usize::from(request.stream)]
                .deadline
                .is_some();
            counts.missed += u64::from(commanded);
        }
    }
}
