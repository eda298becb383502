mod client;
mod look_ahead;
mod server;

use std::collections::VecDeque;

use self::look_ahead::LookAhead;
use super::event::Kind;
use super::metrics::Metrics;
use super::record::Record;
use super::request::{Kept, Request, Service, Waiting};
use crate::client::{Draws, StreamDraws};
use crate::engine::EventQueue;
use crate::memory::Slab;
use crate::rng::Streams;
use crate::server::Pipeline;
use crate::units::Time;
use crate::world::World;

/// A replication was told to stop before it had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the replication was stopped")]
pub struct Stopped;

/// A replication while it runs; `client` and `server` have what happens on
/// either side.
#[derive(Debug)]
pub(super) struct Loop<'w, Q> {
    world: &'w World,
    /// By stream.
    draws: Vec<StreamDraws>,
    queue: Q,
    server: Pipeline<'w>,
    requests: Slab<Request>,
    services: Slab<Service>,
    waiting: Slab<Waiting>,
    /// By place in `services`; empty if no stage learns.
    kept: Vec<Kept>,
    feedback: bool,
    look_ahead: LookAhead,
    /// Bit s: sender s has a request that must end before its next poll.
    busy: Vec<u64>,
    /// Waiting attempts whose permit has come, to be taken further.
    called: VecDeque<u32>,
    /// Waiting attempts that a gate has turned away.
    turned_away: VecDeque<u32>,
    metrics: Metrics,
    now: Time,
    number: u32,
    events: u64,
    measured_in_flight: u64,
}

/// A replication asks once in so many events whether to stop.
pub const EVENTS_PER_LOOK: u64 = 1 << 16;

impl<'w, Q: EventQueue> Loop<'w, Q> {
    pub(super) fn new(world: &'w World, seed: u64, number: u32, queue: Q) -> Loop<'w, Q> {
        let streams = Streams::new(seed, number);
        let server = Pipeline::new(&world.server, &streams);
        let mut this = Loop {
            world,
            draws: world.draws(&streams),
            queue,
            requests: Slab::new(),
            services: Slab::new(),
            waiting: Slab::new(),
            kept: Vec::new(),
            feedback: world.server.has_feedback(),
            look_ahead: LookAhead::new(world, &server),
            server,
            busy: vec![0; (world.senders() as usize).div_ceil(64)],
            called: VecDeque::new(),
            turned_away: VecDeque::new(),
            metrics: Metrics::new(world),
            now: world.clock.start,
            number,
            events: 0,
            measured_in_flight: 0,
        };
        for (index, stream) in world.streams.iter().enumerate() {
            for entity in 0..stream.senders {
                let draws = this.time_draws(index, entity);
                if let Some((number, time)) = stream.source.first(draws, world.clock.start) {
                    let sender = stream.first_sender + entity;
                    this.queue.push(Kind::Send.event(time, sender, number));
                }
            }
        }
        this
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
            if self.events.is_multiple_of(EVENTS_PER_LOOK) && stop() {
                return Err(Stopped);
            }
            self.look_ahead
                .step(self.world, &self.server, &mut self.queue);
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
        Draws {
            streams: &self.draws[stream].requests,
            entity,
        }
    }
}
