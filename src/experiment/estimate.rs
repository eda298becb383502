use std::ops::Range;
use std::sync::Arc;

use super::Study;
use super::pairs::pair;
use super::view::View;
use crate::scenario::estimand::{Of, Taken, Term};
use crate::scenario::{Estimand, Part, Quantity};
use crate::sim::{Histogram, Record};
use crate::stats::{
    Basis, Interval, QuantileEstimate, RatioEstimate, median_of_runs, share_of_runs, woodruff,
};

/// One number with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The index of the cell.
    pub cell: usize,
    /// What is estimated.
    pub estimand: Estimand,
    /// Of which part.
    pub part: Arc<Part>,
    /// The estimate, in the unit of the estimand (times in seconds); infinite
    /// for a time that is never reached.
    pub value: f64,
    /// Its confidence interval; `None` with one replication.
    pub interval: Option<Interval>,
    /// Its standard error; `None` for a quantile, and with one replication.
    pub standard_error: Option<f64>,
    /// On what the interval rests.
    pub basis: Basis,
    /// The one-sided bound from below, at the study's confidence.
    pub lower: Option<f64>,
    /// The one-sided bound from above, at the study's confidence.
    pub upper: Option<f64>,
    /// The design effect of a proportion: how many times its variance is that
    /// of as many independent trials.
    pub design_effect: Option<f64>,
    /// Whether the runs differ so lopsidedly that the bounds are approximate
    /// until there are more: fewer than 25 times the squared skewness.
    pub is_too_skewed: bool,
    /// Replications.
    pub replications: u32,
    source: Source,
}

/// What an estimate was made of.
#[derive(Debug, Clone, PartialEq)]
enum Source {
    Ratio(RatioEstimate),
    /// Of values in units of which a second, or one of what is counted, has so
    /// many.
    Quantile {
        estimate: QuantileEstimate,
        per_unit: f64,
    },
}

impl Estimate {
    /// About how many replications would tell on which side of `bound` the
    /// true value lies, if things go on as seen; `None` if no number would.
    pub fn replications_to_decide(
        &self,
        bound: f64,
        at_most: bool,
        confidence: f64,
    ) -> Option<u64> {
        match &self.source {
            Source::Ratio(ratio) => ratio.replications_to_decide(bound, at_most, confidence),
            Source::Quantile { estimate, per_unit } => {
                estimate.replications_to_decide(bound * per_unit, at_most, confidence)
            }
        }
    }

    /// The same, known to be the same in every run.
    fn exactly(self) -> Estimate {
        let value = self.value;
        Estimate {
            interval: Some(Interval::point(value)),
            basis: Basis::Exact,
            lower: Some(value),
            upper: Some(value),
            ..self
        }
    }

    fn of_ratio(estimand: Estimand, ratio: RatioEstimate, confidence: f64) -> Estimate {
        let is_share = estimand.quantity() == Quantity::Probability;
        Estimate {
            cell: 0,
            estimand,
            part: Arc::new(Part::ALL),
            value: ratio.value,
            interval: ratio.interval(confidence),
            standard_error: ratio.standard_error,
            basis: ratio.basis(),
            lower: ratio.lower(confidence),
            upper: ratio.upper(confidence),
            // Of a share of time, of an index or of runs, there are no trials to
            // compare with.
            design_effect: (is_share && has_trials(estimand) && estimand.of() != Of::Run)
                .then(|| ratio.design_effect())
                .flatten(),
            is_too_skewed: ratio.is_too_skewed(),
            replications: ratio.replications,
            source: Source::Ratio(ratio),
        }
    }

    fn of_quantile(
        estimand: Estimand,
        estimate: QuantileEstimate,
        confidence: f64,
        per_unit: f64,
    ) -> Estimate {
        let scaled = |number: f64| number / per_unit;
        Estimate {
            cell: 0,
            estimand,
            part: Arc::new(Part::ALL),
            value: scaled(estimate.value),
            interval: estimate.interval(confidence).map(|interval| Interval {
                lo: scaled(interval.lo),
                hi: scaled(interval.hi),
            }),
            standard_error: None,
            basis: match estimand.taken() {
                Taken::MedianOfRuns { .. } => Basis::Runs,
                _ => Basis::Spread,
            },
            lower: estimate.lower(confidence).map(scaled),
            upper: estimate.upper(confidence).map(scaled),
            design_effect: None,
            is_too_skewed: false,
            replications: estimate.replications,
            source: Source::Quantile { estimate, per_unit },
        }
    }
}

/// Whether the denominator of a share counts what may come true.
fn has_trials(estimand: Estimand) -> bool {
    !matches!(
        estimand.taken(),
        Taken::Ratio(_, [Term::PermitNanos | Term::RunsServed])
    )
}

/// All estimates of a study.
#[derive(Debug, Clone, Default)]
pub struct Estimates {
    all: Vec<Estimate>,
    /// Where those of each cell are.
    of_cell: Vec<Range<usize>>,
    parts: Vec<Arc<Part>>,
}

impl Estimates {
    /// Estimates all there is to estimate, cell by cell: first of the whole,
    /// then of each window, cohort, method and limit, and of what else targets
    /// ask for. What a scenario does not have, such as missed commands without
    /// commands, is left out.
    pub fn new(study: &Study, records: &[Vec<Record>]) -> Estimates {
        let parts: Vec<Arc<Part>> = parts(study).into_iter().map(Arc::new).collect();
        let mut estimates = Estimates {
            parts,
            ..Estimates::default()
        };
        for (index, (cell, records)) in study.cells.iter().zip(records).enumerate() {
            let start = estimates.all.len();
            for part in &estimates.parts {
                let Some(view) = View::new(cell, part) else {
                    continue;
                };
                let found = Estimand::all().filter_map(|estimand| {
                    if !view.has(estimand) {
                        return None;
                    }
                    let mut found = estimate(&view, estimand, records, study.confidence)?;
                    (found.cell, found.part) = (index, Arc::clone(part));
                    Some(found)
                });
                estimates.all.extend(found);
            }
            estimates.of_cell.push(start..estimates.all.len());
        }
        estimates
    }

    /// All of them, cell by cell.
    pub fn iter(&self) -> impl Iterator<Item = &Estimate> {
        self.all.iter()
    }

    /// One of them.
    pub fn get(&self, cell: usize, estimand: Estimand, part: &Part) -> Option<&Estimate> {
        let range = self.of_cell.get(cell)?.clone();
        self.all[range]
            .iter()
            .find(|estimate| estimate.estimand == estimand && *estimate.part == *part)
    }

    /// The parts that have estimates, in order.
    pub fn parts(&self) -> &[Arc<Part>] {
        &self.parts
    }
}

/// The parts of all cells, each once.
fn parts(study: &Study) -> Vec<Part> {
    let mut parts = vec![Part::ALL];
    let mut add = |part: Part| {
        if !parts.contains(&part) {
            parts.push(part);
        }
    };
    let outlines = || study.cells.iter().map(|cell| &cell.outline);
    for window in outlines().flat_map(|outline| &outline.windows.names) {
        add(Part::window(*window));
    }
    for name in outlines().flat_map(|outline| &outline.cohorts) {
        add(Part::cohort(name));
    }
    for name in outlines().flat_map(|outline| &outline.methods) {
        add(Part::method(name));
    }
    for stage in outlines().flat_map(|outline| &outline.stages) {
        add(Part::limit(&stage.name));
    }
    for target in study.cells.iter().flat_map(|cell| &cell.scenario.targets) {
        add(target.part.clone());
    }
    parts
}

/// The estimate of a part that [has](View::has) the estimand; `None` where
/// nothing happened that it could be told of.
pub(super) fn estimate(
    view: &View<'_>,
    estimand: Estimand,
    records: &[Record],
    confidence: f64,
) -> Option<Estimate> {
    let exact = |estimate: Estimate| match view.is_certain() {
        true => estimate.exactly(),
        false => estimate,
    };
    let pairs = || {
        records
            .iter()
            .filter_map(|record| pair(view, estimand, record))
    };
    match estimand.taken() {
        Taken::Ratio(x, _) => {
            let pairs: Vec<(f64, f64)> = pairs().collect();
            let ratio = RatioEstimate::new(&pairs, view.scale(estimand))?;
            let mut ratio = ratio.within(view.ceiling(x));
            if view.is_fixed(x) {
                ratio = ratio.exactly();
            }
            Some(Estimate::of_ratio(estimand, ratio, confidence))
        }
        Taken::ShareOfRuns(_) => {
            let seen = pairs().filter(|(x, _)| *x > 0.0).count();
            let share = share_of_runs(seen as u32, records.len() as u32)?;
            Some(exact(Estimate::of_ratio(estimand, share, confidence)))
        }
        Taken::MedianOfRuns { of, .. } => {
            let numbers: Vec<Option<u64>> = (records.iter())
                .map(|record| view.number(of, record))
                .collect();
            let median = median_of_runs(&numbers)?;
            let per_unit = match estimand.quantity() {
                Quantity::Seconds => NANOS_PER_SECOND,
                _ => 1.0,
            };
            Some(exact(Estimate::of_quantile(
                estimand, median, confidence, per_unit,
            )))
        }
        Taken::Quantile { of, quantile, .. } => {
            let (histograms, never): (Vec<Histogram>, Vec<u64>) = (records.iter())
                .map(|record| view.times(estimand.of(), of, record))
                .unzip();
            let found = woodruff(&histograms, &never, quantile)?;
            Some(exact(Estimate::of_quantile(
                estimand,
                found,
                confidence,
                NANOS_PER_SECOND,
            )))
        }
    }
}

const NANOS_PER_SECOND: f64 = 1e9;
