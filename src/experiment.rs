//! Studies: every variant of a scenario, replicated, on all cores, with
//! results that do not depend on how the work was divided.
//!
//! A study is a list of tasks (cell, replication), each a pure function of the
//! scenario, the seed and its numbers to a [`Record`]. Estimates are a pure
//! function of the records in their order.

mod budget;
mod difference;
mod estimate;
mod pairs;
mod question;
mod run;
mod series;
pub mod store;
mod task;
#[cfg(test)]
mod tests;
mod verdict;
mod view;

use sha2::{Digest, Sha256};

use self::store::ContentKey;
use crate::rng::{Family, Seed};
use crate::scenario::{Scenario, Setting, Variants};
use crate::sim::Record;
use crate::world::{Outline, World, WorldError};

pub use budget::{Budget, Outlook, OverBudget, in_bytes, in_time};
pub use difference::{Comparison, Difference, Differences};
pub use estimate::{Estimate, Estimates};
pub use question::{Outcome, Question, StudyError, Terms, ask};
pub use run::{Observer, Options, RunError};
pub use series::{SeriesPoint, gate_series, refusal_series};
pub use task::{Task, TaskId};
pub use verdict::{FEWEST_REPLICATIONS, TargetResult, Verdict, judge, overall};

/// A study that is ready to run.
#[derive(Debug)]
pub struct Study {
    /// One cell per combination of varied values; one cell if nothing varies.
    pub cells: Vec<Cell>,
    /// The seed of every draw.
    pub seed: u64,
    /// What the draws are for.
    pub family: Family,
    /// Replications per cell.
    pub replications: u32,
    /// The confidence of intervals.
    pub confidence: f64,
}

/// One variant of a scenario.
#[derive(Debug)]
pub struct Cell {
    /// The policy's name: the varied values, or what a scenario that varies
    /// nothing is called.
    pub name: String,
    /// The names by which targets may pick it beside its own: the policy's and
    /// those of the varied values.
    pub labels: Vec<String>,
    /// Whether it is the study's control, which no target need hold for.
    pub is_control: bool,
    /// The varied paths and their values.
    pub settings: Vec<Setting>,
    /// The shape of its world.
    pub outline: Outline,
    /// What its records are known by.
    pub content: ContentKey,
    /// The scenario of this cell.
    pub scenario: Scenario,
}

impl Study {
    /// Compiles all variants of a scenario.
    ///
    /// # Errors
    /// If one of them is too large to run.
    pub fn new(variants: &Variants) -> Result<Study, WorldError> {
        Study::new_until(variants, Family::Search, &|| false)
    }

    /// The same with the draws of a family, unless `stop` says so, which is asked all along.
    ///
    /// # Errors
    /// As [`new`](Study::new), or [`WorldError::Stopped`].
    pub fn new_until(
        variants: &Variants,
        family: Family,
        stop: &dyn Fn() -> bool,
    ) -> Result<Study, WorldError> {
        let mut study = Study {
            cells: Vec::new(),
            seed: 1,
            family,
            replications: 1,
            confidence: 0.95,
        };
        for variant in variants {
            let settings = &variant.scenario.study;
            study.seed = settings.seed;
            study.replications = settings.replications;
            study.confidence = settings.confidence.value();
            if stop() {
                return Err(WorldError::Stopped);
            }
            let draws = study.draws();
            let world = World::compile_until(&variant.scenario, draws, 0, stop)?;
            study.cells.push(Cell {
                name: variant.name,
                labels: variant.labels,
                is_control: variant.is_control,
                outline: world.outline(),
                content: ContentKey::new(&variant.scenario, draws),
                settings: variant.settings,
                scenario: variant.scenario,
            });
        }
        Outline::name_failures(study.cells.iter_mut().map(|cell| &mut cell.outline));
        Ok(study)
    }

    /// The seed of every draw, with its family.
    pub fn draws(&self) -> Seed {
        Seed {
            number: self.seed,
            family: self.family,
        }
    }

    /// A hash of what happened in all runs, in their order: two studies with the
    /// same hash have the same results to the last bit.
    pub fn result_hash(&self, records: &[Vec<Record>]) -> String {
        let mut hash = Sha256::new();
        for record in records.iter().flatten() {
            hash.update(record.to_hashed_bytes());
        }
        hash.finalize()
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
