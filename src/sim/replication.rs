use super::event_loop::{Loop, Stopped};
use super::record::Record;
use super::watch::{HomeWatch, Nobody, Step};
use crate::engine::{HeapQueue, LadderQueue};
use crate::rng::Seed;
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
    Ladder(Box<Loop<'w, LadderQueue, Nobody>>),
    Heap(Box<Loop<'w, HeapQueue, Nobody>>),
}

impl<'w> Replication<'w> {
    /// Prepares replication number `number` of a study with that seed; `stop`
    /// is asked meanwhile whether to give up.
    ///
    /// # Errors
    /// [`Stopped::Asked`], if `stop` said so.
    pub fn new(
        world: &'w World,
        seed: impl Into<Seed>,
        number: u32,
        queue: QueueKind,
        stop: &dyn Fn() -> bool,
    ) -> Result<Replication<'w>, Stopped> {
        let seed = seed.into();
        let engine = match queue {
            QueueKind::Ladder => {
                let parts = (ladder(world), Nobody);
                Engine::Ladder(Box::new(Loop::new(world, seed, number, parts, stop)?))
            }
            QueueKind::Heap => {
                let parts = (HeapQueue::new(), Nobody);
                Engine::Heap(Box::new(Loop::new(world, seed, number, parts, stop)?))
            }
        };
        Ok(Replication { engine })
    }

    /// Bounds the memory of what is under way: requests, and attempts that wait
    /// or are served.
    #[must_use]
    pub fn with_room(mut self, bytes: usize) -> Replication<'w> {
        match &mut self.engine {
            Engine::Ladder(engine) => engine.with_room(bytes),
            Engine::Heap(engine) => engine.with_room(bytes),
        }
        self
    }

    /// Runs it to its end; `stop` is asked once in [`EVENTS_PER_LOOK`] events
    /// whether to give up.
    ///
    /// [`EVENTS_PER_LOOK`]: crate::sim::EVENTS_PER_LOOK
    ///
    /// # Errors
    /// [`Stopped`], if `stop` said so or there is no room for what is under way.
    pub fn run(self, stop: &dyn Fn() -> bool) -> Result<Record, Stopped> {
        match self.engine {
            Engine::Ladder(engine) => engine.run(stop),
            Engine::Heap(engine) => engine.run(stop),
        }
    }
}

fn ladder(world: &World) -> LadderQueue {
    LadderQueue::new(
        world.clock.start,
        world.mean_event_gap(),
        world.senders() as usize,
    )
}

/// Runs replication number `number` of a study with that seed, and tells all that
/// happens to the requests of one home as it happens; what is under way may take `room`
/// bytes. The record is that of the replication without.
///
/// # Errors
/// [`Stopped`], if `stop` said so or there is no room for what is under way.
pub fn trace(
    world: &World,
    seed: impl Into<Seed>,
    number: u32,
    (home, room): (u32, usize),
    tell: impl FnMut(&Step),
    stop: &dyn Fn() -> bool,
) -> Result<Record, Stopped> {
    let parts = (ladder(world), HomeWatch { home, tell });
    let mut engine = Loop::new(world, seed.into(), number, parts, stop)?;
    engine.with_room(room);
    engine.run(stop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Source;
    use crate::sim::NoRoom;

    fn world(stage: &str) -> World {
        let text = format!(
            "Scenario(name: \"w\", time: (length: \"10min\"), cohorts: {{\"c\": (homes: 1000, client: \"a\")}}, \
             clients: {{\"a\": (requests: [(method: \"s\", rate: \"1/s\")])}}, \
             server: (stages: [Gate(name: \"idle\", permits: 1000000, queue: 5), {stage}], backend: (service: Constant(\"1s\"))))"
        );
        let scenario = Source::new(text).scenario().unwrap();
        World::compile(&scenario, 1, 0).unwrap()
    }

    fn run(world: &World, bytes: usize) -> Result<Record, Stopped> {
        let replication = Replication::new(world, 1, 7, QueueKind::Ladder, &|| false)?;
        replication.with_room(bytes).run(&|| false)
    }

    #[test]
    fn a_queue_without_end_ends_with_an_error() {
        let full = world("Gate(name: \"full\", permits: 1, max_wait: \"1h\")");
        let Err(Stopped::NoRoom(told)) = run(&full, 10_000_000) else {
            panic!("it has grown without bound");
        };
        let NoRoom {
            replication,
            requests,
            waiting,
            ref gate,
            bytes,
            ..
        } = *told;
        assert_eq!(
            (replication, gate.as_deref(), bytes),
            (7, Some("full"), 10_000_000)
        );
        // Some hundred bytes each, and looked after often enough.
        assert!((40_000..110_000).contains(&waiting), "{waiting}");
        assert!(requests.abs_diff(waiting) < 2000);
        let message = told.to_string();
        assert!(
            message.contains("\"full\"") && message.contains("`queue`"),
            "{message}"
        );
    }

    #[test]
    fn what_has_room_is_the_same_with_a_bound() {
        let short = world("Gate(name: \"short\", permits: 900, queue: 100)");
        let free = run(&short, usize::MAX).unwrap();
        assert_eq!(run(&short, 10_000_000), Ok(free));
    }

    #[test]
    fn a_stop_is_heard_before_the_first_event() {
        let world = world("Gate(name: \"short\", permits: 900)");
        let stopped = Replication::new(&world, 1, 0, QueueKind::Heap, &|| true);
        assert_eq!(stopped.err(), Some(Stopped::Asked));
    }
}
