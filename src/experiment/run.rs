use super::Study;
use crate::sim::{EVENTS_PER_LOOK, QueueKind, Record, Replication, Stopped};

/// One replication of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// The cell's index.
    pub cell: usize,
    /// The number of the replication, from zero.
    pub replication: u32,
}

/// What is told of a study's progress, from any thread.
pub trait Observer: Sync {
    /// The event loop of a task begins; its state is built.
    fn loop_begins(&self, task: Task) {
        let _ = task;
    }
    /// So many more events have happened in an event loop that goes on.
    fn loop_goes_on(&self, events: u64) {
        let _ = events;
    }
    /// A task has ended.
    fn task_ended(&self, task: Task, record: &Record) {
        let _ = (task, record);
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
    /// [`Stopped`], if the observer said so, or a replication has no room for
    /// what is under way; records of tasks that had ended were shown to the
    /// observer.
    pub fn run(
        &self,
        options: Options,
        mut known: Vec<Option<Record>>,
        observer: &dyn Observer,
    ) -> Result<Vec<Vec<Record>>, Stopped> {
        known.resize_with(self.tasks(), || None);
        let one = |(index, known): (usize, Option<Record>)| match known {
            Some(record) => Ok(record),
            None => self.run_task(self.task(index), options, observer),
        };
        let records = run_all(known, options.threads, one)?;
        let mut records = records.into_iter();
        Ok(self
            .cells
            .iter()
            .map(|_| records.by_ref().take(self.replications as usize).collect())
            .collect())
    }

    /// The task with that index, cell by cell.
    pub fn task(&self, index: usize) -> Task {
        Task {
            cell: index / self.replications as usize,
            replication: (index % self.replications as usize) as u32,
        }
    }

    fn run_task(
        &self,
        task: Task,
        options: Options,
        observer: &dyn Observer,
    ) -> Result<Record, Stopped> {
        if observer.should_stop() {
            return Err(Stopped::Asked);
        }
        let world = &self.cells[task.cell].world;
        let number = task.replication;
        let stop = || observer.should_stop();
        let replication = Replication::new(world, self.seed, number, options.queue, &stop)?
            .with_room(options.room.unwrap_or(usize::MAX));
        observer.loop_begins(task);
        let record = replication.run(&|| {
            observer.loop_goes_on(EVENTS_PER_LOOK);
            observer.should_stop()
        })?;
        observer.task_ended(task, &record);
        Ok(record)
    }
}

type Known = Vec<Option<Record>>;

#[cfg(feature = "parallel")]
fn run_all(
    known: Known,
    threads: usize,
    one: impl Fn((usize, Option<Record>)) -> Result<Record, Stopped> + Sync + Send,
) -> Result<Vec<Record>, Stopped> {
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
    known: Known,
    _threads: usize,
    one: impl Fn((usize, Option<Record>)) -> Result<Record, Stopped>,
) -> Result<Vec<Record>, Stopped> {
    known.into_iter().enumerate().map(one).collect()
}
