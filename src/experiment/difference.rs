use std::sync::Arc;

use super::{Cell, Estimates, Study};
use crate::scenario::{Estimand, Part};
use crate::sim::Record;
use crate::stats::{Adjusted, Basis, Interval, PairedDifference, holm};

/// How a cell differs from the one that it is compared with, in one estimand.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The index of the cell.
    pub cell: usize,
    /// What is compared: a ratio, or a share of runs.
    pub estimand: Estimand,
    /// Of which part.
    pub part: Arc<Part>,
    /// This cell's estimate minus the other's, replication by replication.
    pub paired: PairedDifference,
    /// Its interval, at the confidence of [`adjusted`](Difference::adjusted); `None`
    /// where too few runs differ.
    pub interval: Option<Interval>,
    /// What it is worth among the comparisons of all cells in the same estimand
    /// of the same part, which are right together at the study's confidence.
    pub adjusted: Adjusted,
}

/// What is known of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// More.
    More,
    /// Less.
    Less,
    /// The runs do not tell which is more.
    NotApart,
    /// The runs are equal but for a few, or all but few.
    TooFewDiffer,
    /// The same in every run.
    Same,
}

impl Difference {
    /// What is known of it.
    pub fn comparison(&self) -> Comparison {
        match self.adjusted.is_apart {
            _ if self.paired.is_none() => Comparison::Same,
            true if self.paired.value > 0.0 => Comparison::More,
            true => Comparison::Less,
            false if self.paired.is_of_few() => Comparison::TooFewDiffer,
            false => Comparison::NotApart,
        }
    }
}

/// All cells of a study, held against one of them.
///
/// Replication r of every cell has the same draws, so that cells meet the same
/// days and are compared run by run.
#[derive(Debug, Clone)]
pub struct Differences {
    /// The index of the cell that all others are compared with: the study's
    /// control, or else the first.
    pub baseline: usize,
    all: Vec<Difference>,
}

impl Differences {
    /// Compares all cells in all estimates of the whole, and of each part that a
    /// target is of. `None` if there is nothing to compare: a single cell, or a
    /// single replication.
    pub fn new(
        study: &Study,
        records: &[Vec<Record>],
        estimates: &Estimates,
    ) -> Option<Differences> {
        if study.cells.len() < 2 || study.replications < 2 {
            return None;
        }
        let control = study.cells.iter().position(|cell| cell.is_control);
        let mut differences = Differences {
            baseline: control.unwrap_or(0),
            all: Vec::new(),
        };
        let targets = || study.cells.iter().flat_map(|cell| &cell.scenario.targets);
        let is_wanted =
            |part: &Part| *part == Part::ALL || targets().any(|target| target.part == *part);
        for part in estimates.parts().iter().filter(|part| is_wanted(part)) {
            for estimand in Estimand::all() {
                differences.compare(study, records, estimates, (estimand, part));
            }
        }
        Some(differences)
    }

    fn compare(
        &mut self,
        study: &Study,
        records: &[Vec<Record>],
        estimates: &Estimates,
        (estimand, part): (Estimand, &Arc<Part>),
    ) {
        let pairs = |(cell, records): (&Cell, &Vec<Record>)| cell.pairs(records, estimand, part);
        let cell = |index: usize| Some((study.cells.get(index)?, records.get(index)?));
        let Some(baseline) = cell(self.baseline).and_then(pairs) else {
            return;
        };
        let others = (0..study.cells.len()).filter(|index| *index != self.baseline);
        let found: Vec<(usize, PairedDifference)> = others
            .filter_map(|index| {
                let own = cell(index).and_then(pairs)?;
                Some((index, PairedDifference::new(&own, &baseline)?))
            })
            .collect();
        let is_exact = |cell: usize| {
            let estimate = estimates.get(cell, estimand, part);
            estimate.is_some_and(|estimate| estimate.basis == Basis::Exact)
        };
        let is_sure = |cell: usize| is_exact(cell) && is_exact(self.baseline);
        let unsure = found.iter().filter(|(cell, _)| !is_sure(*cell));
        let p_values: Vec<f64> = unsure.map(|(_, paired)| paired.p_value()).collect();
        let mut adjusted = holm(&p_values, study.confidence).into_iter();
        let differences = found.into_iter().filter_map(|(cell, paired)| {
            let (adjusted, interval) = match is_sure(cell) {
                true => (certainly(&paired), Some(Interval::point(paired.value))),
                false => {
                    let adjusted = adjusted.next()?;
                    (adjusted, paired.interval(adjusted.confidence))
                }
            };
            Some(Difference {
                cell,
                estimand,
                part: Arc::clone(part),
                paired,
                interval,
                adjusted,
            })
        });
        self.all.extend(differences);
    }

    /// All of them, estimand by estimand within a part.
    pub fn iter(&self) -> impl Iterator<Item = &Difference> {
        self.all.iter()
    }

    /// One of them; `None` for the baseline itself.
    pub fn get(&self, cell: usize, estimand: Estimand, part: &Part) -> Option<&Difference> {
        let mut all = self.all.iter();
        all.find(|it| it.cell == cell && it.estimand == estimand && *it.part == *part)
    }
}

/// What a difference is worth that no draw can change.
fn certainly(paired: &PairedDifference) -> Adjusted {
    let is_apart = !paired.is_none();
    Adjusted {
        confidence: 1.0,
        p_value: if is_apart { 0.0 } else { 1.0 },
        is_apart,
    }
}
