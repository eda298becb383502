mod budget;
mod client;
mod guard;
mod look_ahead;
mod server;

use std::collections::VecDeque;

use self::look_ahead::LookAhead;
use super::event::Kind;
use super::metrics::Metrics;
use super::record::Record;
use super::request::{Attempt, Origin, Request, Waiting};
use super::watch::{RequestId, Watch, What};
use crate::client::{Budget, BudgetPlan, Draws, Guard, GuardPlan, StreamDraws};
use crate::engine::EventQueue;
use crate::memory::Slab;
use crate::rng::{Seed, Streams};
use crate::server::{Pipeline, StagePlan};
use crate::units::{Span, Time};
use crate::world::{Stream, World};

/// Why a replication has not gone to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// It was told to stop.
    #[error("the replication was stopped")]
    Asked,
    /// What is under way needs more memory than there is.
    #[error("{0}")]
    NoRoom(Box<NoRoom>),
}

/// What was under way when a replication ran out of its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// The number of the replication.
    pub replication: u32,
    /// How far into its run it was.
    pub after: Span,
    /// Requests that had not ended.
    pub requests: usize,
    /// Attempts that waited at a gate or a limit.
    pub waiting: usize,
    /// The gate at which most of them waited, if any did.
    pub gate: Option<String>,
    /// The bytes that there were for all of it.
    pub bytes: usize,
}

impl std::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let NoRoom {
            replication,
            after,
            requests,
            waiting,
            gate,
            bytes,
        } = self;
        // Seconds are enough of a moment.
        let after = Span::from_secs(after.nanos() / 1_000_000_000);
        write!(
            f,
            "replication {replication} ran out of memory {after} into its run: {requests} requests \
             had not ended and {waiting} attempts waited, for which there are {:.1} GB",
            *bytes as f64 / 1e9
        )?;
        match gate {
            Some(gate) => write!(
                f,
                "; they come to \"{gate}\" faster than it lets them in: give it a `queue`, a shorter \
                 `max_wait` or more permits, or lower the load"
            ),
            None => write!(f, "; lower the load, or let clients give up sooner"),
        }
    }
}

/// A replication while it runs; `client` and `server` have what happens on
/// either side.
#[derive(Debug)]
pub(super) struct Loop<'w, Q, W> {
    world: &'w World,
    /// By stream.
    draws: Vec<StreamDraws>,
    queue: Q,
    server: Pipeline<'w>,
    requests: Slab<Request>,
    waiting: Slab<Waiting>,
    /// Attempts in the backend, if some stage learns from how they end.
    served: Slab<Attempt>,
    /// Whether some stage does.
    feedback: bool,
    look_ahead: LookAhead,
    /// Bit s: sender s has a request that must end before its next poll.
    busy: Vec<u64>,
    /// Of senders that make several requests at once and wait for all of them, how
    /// many have not ended; empty if there are none of those.
    outstanding: Vec<u32>,
    /// Calls whose turn has come, by what the one before was.
    next_calls: VecDeque<Origin>,
    /// The budgets of retries.
    budgets: Vec<Budget>,
    /// The guards of clients.
    guards: Vec<Guard<'w>>,
    /// The gateway whose turn is next.
    next_replica: u8,
    /// Waiting attempts whose permit has come, to be taken further.
    called: VecDeque<u32>,
    /// Waiting attempts that a gate has turned away.
    turned_away: VecDeque<u32>,
    metrics: Metrics,
    watch: W,
    now: Time,
    number: u32,
    events: u64,
    measured_in_flight: u64,
    /// The bytes that there are for requests, and for attempts that wait or are
    /// served.
    room: usize,
}

/// A replication asks once in so many events whether to stop.
pub const EVENTS_PER_LOOK: u64 = 1 << 16;
/// It asks once in so many senders while their first timers are set, and looks
/// once in so many events whether there is room for more.
const BETWEEN_LOOKS: u32 = 1 << 10;

impl<'w, Q: EventQueue, W: Watch> Loop<'w, Q, W> {
    /// `stop` is asked while the first timers are set, of which there may be a
    /// hundred million.
    pub(super) fn new(
        world: &'w World,
        seed: Seed,
        number: u32,
        (queue, watch): (Q, W),
        stop: &dyn Fn() -> bool,
    ) -> Result<Loop<'w, Q, W>, Stopped> {
        let streams = Streams::new(seed, number);
        let server = Pipeline::new(&world.server, &streams);
        let mut this = Loop {
            world,
            draws: world.draws(&streams),
            queue,
            requests: Slab::new(),
            waiting: Slab::new(),
            served: Slab::new(),
            feedback: world.server.has_feedback(),
            look_ahead: LookAhead::new(world, &server),
            server,
            busy: vec![0; (world.senders() as usize).div_ceil(64)],
            outstanding: outstanding(world),
            next_calls: VecDeque::new(),
            budgets: world.budgets.iter().map(BudgetPlan::build).collect(),
            guards: world.guards.iter().map(GuardPlan::build).collect(),
            next_replica: 0,
            called: VecDeque::new(),
            turned_away: VecDeque::new(),
            metrics: Metrics::new(world),
            watch,
            now: world.clock.start,
            number,
            events: 0,
            measured_in_flight: 0,
            room: usize::MAX,
        };
        for (outage, time) in this.server.first_outages(world.clock.start) {
            let event = Kind::Outage.event(time, u32::from(outage), 0);
            this.queue.push(event);
        }
        for (index, stream) in world.streams.iter().enumerate() {
            for entity in 0..stream.senders {
                if entity.is_multiple_of(BETWEEN_LOOKS) && stop() {
                    return Err(Stopped::Asked);
                }
                let draws = this.time_draws(index, entity);
                if let Some((number, time)) = stream.source.first(draws, world.clock.start) {
                    let sender = stream.first_sender + entity;
                    this.queue.push(Kind::Send.event(time, sender, number));
                }
            }
        }
        Ok(this)
    }

    /// Ends it with an error when what is under way takes more bytes.
    pub(super) fn with_room(&mut self, bytes: usize) {
        self.room = bytes;
    }

    pub(super) fn run(mut self, stop: &dyn Fn() -> bool) -> Result<Record, Stopped> {
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
            if self.events.is_multiple_of(u64::from(BETWEEN_LOOKS)) {
                self.look(stop)?;
            }
            self.look_ahead
                .step(self.world, &self.server, &mut self.queue);
            match Kind::of(event) {
                Kind::Send => self.send(event.entity(), event.detail()),
                Kind::Served => self.served(event.entity(), event.detail()),
                Kind::Ended => self.ended(event.entity()),
                Kind::Retry => self.try_again(event.entity(), event.detail()),
                Kind::TimesOut => self.times_out(event.entity(), event.detail()),
                Kind::WaitEnds => self.wait_ends(event.entity(), event.detail() as u8),
                Kind::Resume => self.resume(event.entity()),
                Kind::Outage => self.turn_outage(event.entity() as u8),
            }
            if !self.next_calls.is_empty() {
                self.make_next_calls();
            }
        }
        self.count_unfinished();
        Ok(self.metrics.finish(self.number, self.events))
    }

    /// Whether to go on.
    #[inline(never)]
    fn look(&self, stop: &dyn Fn() -> bool) -> Result<(), Stopped> {
        if self.events.is_multiple_of(EVENTS_PER_LOOK) && stop() {
            return Err(Stopped::Asked);
        }
        let bytes = self.requests.bytes() + self.waiting.bytes() + self.served.bytes();
        if bytes <= self.room {
            return Ok(());
        }
        let gates = self.server.gates().iter().map(|gate| gate.waiting());
        let longest = gates.enumerate().max_by_key(|(_, waiting)| *waiting);
        let stages = &self.world.server.stages;
        let gate = longest.filter(|(_, waiting)| *waiting > 0);
        let gate = gate.and_then(|(gate, _)| {
            let is_it = |stage: &&StagePlan| stage.gate.map(usize::from) == Some(gate);
            stages.iter().find(is_it).map(|stage| stage.name.clone())
        });
        Err(Stopped::NoRoom(Box::new(NoRoom {
            replication: self.number,
            after: self.now.since(self.world.clock.start),
            requests: self.requests.used(),
            waiting: self.waiting.used(),
            gate,
            bytes: self.room,
        })))
    }

    /// Tells who watches what happens to an attempt.
    #[inline(always)]
    fn tell(&mut self, request: impl Into<RequestId>, attempt: u32, what: What) {
        if W::LISTENS {
            self.watch.tell(self.now, request.into(), attempt, what);
        }
    }

    /// The draws for the times of a sender.
    #[inline]
    fn time_draws(&self, stream: usize, entity: u32) -> Draws<'_> {
        Draws {
            streams: &self.draws[stream].times,
            entity,
        }
    }

    /// The draws for a request of a sender.
    #[inline]
    fn request_draws(&self, stream: usize, entity: u32) -> Draws<'_> {
        self.draws[stream].of_requests(entity)
    }
}

/// Places for the requests that have not ended of senders that make several at
/// once and wait for all.
fn outstanding(world: &World) -> Vec<u32> {
    let waits_for_several = |stream: &Stream| !stream.overlap && stream.calls.at_first() > 1;
    match world.streams.iter().any(waits_for_several) {
        true => vec![0; world.senders() as usize],
        false => Vec::new(),
    }
}
