use super::event_loop::{Loop, Stopped};
use super::record::Record;
use crate::engine::{HeapQueue, LadderQueue};
use crate::world::World;

/// Which event queue a replication uses; results do not depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QueueKind {
    /// The ladder queue: constant cost per event.
    #[default]
    Ladder,
    /// The standard library's binary heap.
    Heap,
}

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

    /// Runs it to its end; `stop` is asked once in [`EVENTS_PER_LOOK`] events
    /// whether to give up.
    ///
    /// [`EVENTS_PER_LOOK`]: crate::sim::EVENTS_PER_LOOK
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
