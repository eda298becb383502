use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::store::KnownRecords;
use super::{Question, Study, Task, TaskId};
use crate::sim::{EVENTS_PER_LOOK, QueueKind, Record, Replication, Stopped};
use crate::world::{World, WorldError};

/// Why a study has no results.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The observer said that it should stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The homes and devices that a replication drew cannot be run.
    #[error(transparent)]
    World(#[from] WorldError),
}

/// What is told of a study's progress, from any thread.
pub trait Observer: Sync {
    /// The study was read and weighed, and its cells will be compiled.
    fn weighed(&self, question: &Question) {
        let _ = question;
    }
    /// The event loop of a task begins; its state is built.
    fn loop_begins(&self, task: Task) {
        let _ = task;
    }
    /// So many more events have happened in an event loop that goes on.
    fn loop_goes_on(&self, events: u64) {
        let _ = events;
    }
    /// A task has ended, with the record of what it is known by.
    fn task_ended(&self, task: Task, id: TaskId, record: &Record) {
        let _ = (task, id, record);
    }
    /// Whether the study should stop.
    fn should_stop(&self) -> bool {
        false
    }
}

/// An observer that does not look.
impl Observer for () {}

/// How a study is run; none of it changes a result.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Threads; as many as there are cores, if zero.
    pub threads: usize,
    /// The event queue.
    pub queue: QueueKind,
    /// The bytes that each replication has for what is under way; without end,
    /// if absent.
    pub room: Option<usize>,
}

impl Study {
    /// Runs all tasks that are not yet `known` and returns all records, per
    /// cell in the order of replications. `known` has a place per task, cell
    /// by cell; a shorter list knows nothing of the rest.
    ///
    /// # Errors
    /// If the observer said that it should stop, a replication has no room for
    /// what is under way, or its world is too large; records of tasks that had
    /// ended were shown to the observer.
    pub fn run(
        &self,
        options: Options,
        mut known: KnownRecords,
        observer: &dyn Observer,
    ) -> Result<Vec<Vec<Record>>, RunError> {
        let tasks: Vec<Task> = self.tasks().collect();
        known.resize_with(tasks.len(), || None);
        let replications = self.replications as usize;
        let worlds: Vec<SharedWorld> = (known.chunks(replications.max(1)))
            .map(|known| SharedWorld::new(known.iter().filter(|known| known.is_none()).count()))
            .collect();
        let one = |(index, known): (usize, Option<Box<Record>>)| match known {
            Some(record) => Ok(*record),
            None => {
                let task = tasks[index];
                self.run_task(task, &worlds[task.cell], options, observer)
            }
        };
        let records = run_all(known, options.threads, one)?;
        if self.cells.len() == 1 {
            return Ok(vec![records]);
        }
        let mut records = records.into_iter();
        Ok(self
            .cells
            .iter()
            .map(|_| records.by_ref().take(replications).collect())
            .collect())
    }

    /// Runs one task alone, as another process or machine may that was given the
    /// scenario and the task.
    ///
    /// # Errors
    /// As [`run`](Study::run).
    pub fn run_one(
        &self,
        task: Task,
        options: Options,
        observer: &dyn Observer,
    ) -> Result<Record, RunError> {
        self.run_task(task, &SharedWorld::new(1), options, observer)
    }

    fn run_task(
        &self,
        task: Task,
        shared: &SharedWorld,
        options: Options,
        observer: &dyn Observer,
    ) -> Result<Record, RunError> {
        if observer.should_stop() {
            return Err(Stopped::Asked.into());
        }
        let cell = &self.cells[task.cell];
        let stop = || observer.should_stop();
        let compile =
            |replication| World::compile_until(&cell.scenario, self.draws(), replication, &stop);
        let world = match cell.outline.is_shared {
            true => shared.get(|| compile(0)),
            false => compile(task.replication).map(Arc::new),
        };
        let world = world.map_err(|error| match error {
            WorldError::Stopped => RunError::Stopped(Stopped::Asked),
            error => error.into(),
        })?;
        let number = task.replication;
        let replication = Replication::new(&world, self.draws(), number, options.queue, &stop)?
            .with_room(options.room.unwrap_or(usize::MAX));
        observer.loop_begins(task);
        let record = replication.run(&|| {
            observer.loop_goes_on(EVENTS_PER_LOOK);
            observer.should_stop()
        })?;
        shared.done_with();
        observer.task_ended(task, self.id(task), &record);
        Ok(record)
    }
}

/// The world that the tasks of a cell share: compiled when the first of them
/// begins, and dropped when the last has ended.
#[derive(Debug)]
struct SharedWorld {
    state: Mutex<SharedState>,
}

#[derive(Debug)]
struct SharedState {
    world: Option<Arc<World>>,
    tasks_left: usize,
}

impl SharedWorld {
    fn new(tasks: usize) -> SharedWorld {
        SharedWorld {
            state: Mutex::new(SharedState {
                world: None,
                tasks_left: tasks,
            }),
        }
    }

    fn get(
        &self,
        compile: impl FnOnce() -> Result<World, WorldError>,
    ) -> Result<Arc<World>, WorldError> {
        let mut state = self.lock();
        match &state.world {
            Some(world) => Ok(Arc::clone(world)),
            None => {
                let world = Arc::new(compile()?);
                state.world = Some(Arc::clone(&world));
                Ok(world)
            }
        }
    }

    /// A task has ended.
    fn done_with(&self) {
        let mut state = self.lock();
        state.tasks_left = state.tasks_left.saturating_sub(1);
        if state.tasks_left == 0 {
            state.world = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, SharedState> {
        // A thread that panicked cannot have left the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(feature = "parallel")]
fn run_all(
    known: KnownRecords,
    threads: usize,
    one: impl Fn((usize, Option<Box<Record>>)) -> Result<Record, RunError> + Sync + Send,
) -> Result<Vec<Record>, RunError> {
    use rayon::prelude::*;
    let run = || {
        known
            .into_par_iter()
            .enumerate()
            .with_max_len(1)
            .map(&one)
            .collect()
    };
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(run),
        // No thread could be made: this one will do.
        Err(_) => run(),
    }
}

#[cfg(not(feature = "parallel"))]
fn run_all(
    known: KnownRecords,
    _threads: usize,
    one: impl Fn((usize, Option<Box<Record>>)) -> Result<Record, RunError>,
) -> Result<Vec<Record>, RunError> {
    known.into_iter().enumerate().map(one).collect()
}
