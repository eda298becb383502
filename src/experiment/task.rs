use serde::{Deserialize, Serialize};

use super::Study;
use super::store::ContentKey;

/// One replication of one cell of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Task {
    /// The cell's index.
    pub cell: usize,
    /// The number of the replication, from zero.
    pub replication: u32,
}

/// What a task computes, whichever study it is of: two tasks with the same
/// identity have the same record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId {
    /// What the record depends on beside the number of the replication.
    pub content: ContentKey,
    /// The number of the replication, from zero.
    pub replication: u32,
}

impl Study {
    /// All tasks, cell by cell.
    pub fn tasks(&self) -> impl ExactSizeIterator<Item = Task> + use<> {
        let replications = self.replications as usize;
        let count = self.cells.len() * replications;
        (0..count).map(move |index| Task {
            cell: index / replications,
            replication: (index % replications) as u32,
        })
    }

    /// Where a task stands in the order of [`tasks`](Study::tasks).
    pub fn index_of(&self, task: Task) -> usize {
        task.cell * self.replications as usize + task.replication as usize
    }

    /// What a task of this study computes.
    pub fn id(&self, task: Task) -> TaskId {
        TaskId {
            content: self.cells[task.cell].content,
            replication: task.replication,
        }
    }
}
