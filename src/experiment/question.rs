//! A study as one call: a text in, an outcome out.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use super::store::KnownRecords;
use super::{Budget, Observer, Options, Outlook, OverBudget, RunError, Study};
use crate::rng::Family;
use crate::scenario::{Note, Problems, Source, Variants};
use crate::sim::{QueueKind, Record, Stopped};
use crate::world::WorldError;

/// How a study is run.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The threads, the memory and the time that there are. They decide whether
    /// it is run, and no result.
    pub budget: Budget,
    /// The event queue; no result depends on it.
    pub queue: QueueKind,
    /// What the draws are for: another family has draws of its own.
    pub family: Family,
}

impl Default for Terms {
    /// All cores, and memory and time without end.
    fn default() -> Terms {
        Terms {
            budget: Budget {
                bytes: None,
                seconds: None,
                threads: available_parallelism().map_or(1, NonZeroUsize::get),
            },
            queue: QueueKind::default(),
            family: Family::default(),
        }
    }
}

/// Why a study has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The text is not a sound scenario.
    #[error("{0}")]
    Unsound(Problems),
    /// There is not the memory or the time for it.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    /// A cell cannot be compiled.
    #[error(transparent)]
    World(WorldError),
    /// The observer said that it should stop, or a replication had no room.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<WorldError> for StudyError {
    fn from(error: WorldError) -> StudyError {
        match error {
            WorldError::Stopped => StudyError::Stopped(Stopped::Asked),
            error => StudyError::World(error),
        }
    }
}

impl From<RunError> for StudyError {
    fn from(error: RunError) -> StudyError {
        match error {
            RunError::Stopped(stopped) => StudyError::Stopped(stopped),
            RunError::World(error) => error.into(),
        }
    }
}

/// A scenario's study, read and weighed, and not yet compiled.
#[derive(Debug)]
pub struct Question {
    variants: Variants,
    terms: Terms,
    /// What may not be meant.
    pub notes: Vec<Note>,
    /// What it will take.
    pub outlook: Outlook,
}

impl Question {
    /// Reads and weighs the study of a text.
    ///
    /// # Errors
    /// [`StudyError::Unsound`] or [`StudyError::OverBudget`].
    pub fn new(source: &Source, terms: Terms) -> Result<Question, StudyError> {
        let variants = source.variants().map_err(StudyError::Unsound)?;
        let scenarios = || variants.iter().map(|variant| variant.scenario);
        Ok(Question {
            notes: Note::on(scenarios()),
            outlook: Outlook::of(scenarios(), terms.budget)?,
            variants,
            terms,
        })
    }

    /// How it will be run: on no more threads than there is memory for.
    pub fn options(&self) -> Options {
        Options {
            threads: self.outlook.threads,
            queue: self.terms.queue,
            room: self.outlook.room,
        }
    }

    /// The threads that were asked for.
    pub fn threads(&self) -> usize {
        self.terms.budget.threads
    }

    /// Compiles the cells; the observer may stop that.
    ///
    /// # Errors
    /// [`StudyError::World`] or [`StudyError::Stopped`].
    pub fn study(&self, observer: &dyn Observer) -> Result<Study, StudyError> {
        observer.weighed(self);
        let stop = || observer.should_stop();
        Ok(Study::new_until(&self.variants, self.terms.family, &stop)?)
    }

    /// Runs what is not known of the compiled study.
    ///
    /// # Errors
    /// [`StudyError::World`] or [`StudyError::Stopped`]; records of tasks that
    /// had ended were shown to the observer.
    pub fn run(
        &self,
        study: Study,
        known: KnownRecords,
        observer: &dyn Observer,
    ) -> Result<Outcome, StudyError> {
        let reused = known.iter().flatten().count();
        let records = study.run(self.options(), known, observer)?;
        Ok(Outcome {
            study,
            records,
            reused,
        })
    }
}

/// A study and its records.
///
/// Its [`answer`](Outcome::answer) has the estimates and the verdicts on targets.
#[derive(Debug)]
pub struct Outcome {
    /// The study.
    pub study: Study,
    /// Its records, per cell in the order of replications.
    pub records: Vec<Vec<Record>>,
    /// How many of them were known before.
    pub reused: usize,
}

/// Asks for the outcome of the study of a text, from nothing.
///
/// ```
/// use ratelab::experiment::{Terms, ask};
/// use ratelab::scenario::{Estimand, Part, Source, presets};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut source = Source::new(presets::find("netatmo").unwrap().text.to_owned());
/// source.set("cohorts.cloud homes.homes", "500")?;
/// source.set("study.replications", "2")?;
/// let outcome = ask(&source, Terms::default(), &())?;
/// let answer = outcome.answer();
/// for (cell, of) in outcome.study.cells.iter().enumerate() {
///     let refused = answer.estimate(cell, Estimand::P429Attempt, &Part::ALL);
///     assert!(refused.is_some_and(|refused| refused.value < 1.0), "{}", of.name);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Any [`StudyError`].
pub fn ask(source: &Source, terms: Terms, observer: &dyn Observer) -> Result<Outcome, StudyError> {
    let question = Question::new(source, terms)?;
    let study = question.study(observer)?;
    question.run(study, KnownRecords::new(), observer)
}
