use crate::engine::{EventQueue, MOST_FORETOLD};
use crate::server::{Caller, KeyOf, Pipeline};
use crate::sim::event::Kind;
use crate::world::World;

/// Asks for the state that coming timers will need, one timer per event, so that
/// it is in the cache when they fire.
#[derive(Debug)]
pub(super) struct LookAhead {
    /// For each stream the limits on its route whose states are many, and their keys.
    large: Vec<Vec<(u8, KeyOf)>>,
    /// Whether there are such limits.
    is_needed: bool,
    /// The senders whose timers come soon: those from `done` to `known`.
    senders: [u32; MOST_FORETOLD],
    done: usize,
    known: usize,
}

impl LookAhead {
    pub(super) fn new(world: &World, server: &Pipeline<'_>) -> LookAhead {
        let large: Vec<_> = (world.streams.iter())
            .map(|stream| server.large_limits(&stream.route))
            .collect();
        LookAhead {
            is_needed: large.iter().any(|limits| !limits.is_empty()),
            large,
            senders: [0; MOST_FORETOLD],
            done: 0,
            known: 0,
        }
    }

    /// Begins to load the state that the next of the coming timers will need.
    #[inline]
    pub(super) fn step(
        &mut self,
        world: &World,
        server: &Pipeline<'_>,
        queue: &mut impl EventQueue,
    ) {
        if !self.is_needed {
            return;
        }
        if self.done == self.known {
            self.learn(queue);
        }
        if let Some(&sender) = self.senders[..self.known].get(self.done) {
            self.done += 1;
            self.prefetch(world, server, sender);
        }
    }

    /// Picks the timers among the events that the queue foretells.
    #[inline]
    fn learn(&mut self, queue: &mut impl EventQueue) {
        (self.done, self.known) = (0, 0);
        for event in queue.foretold().iter().take(MOST_FORETOLD) {
            // Whether an event is a timer cannot be foreseen: no branch.
            self.senders[self.known % MOST_FORETOLD] = event.entity();
            self.known += usize::from(Kind::of(*event) == Kind::Send);
        }
    }

    #[inline]
    fn prefetch(&self, world: &World, server: &Pipeline<'_>, sender: u32) {
        let index = world.stream_of(sender);
        let stream = &world.streams[index];
        let (home, device) = stream.home_and_device(sender - stream.first_sender);
        let caller = Caller {
            home,
            device,
            level: stream.level,
            weight: 1,
        };
        server.prefetch(&self.large[index], &caller);
    }
}
