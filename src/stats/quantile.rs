use std::borrow::Borrow;

use super::binomial::{rank_above, rank_below};
use super::hall::Hall;
use super::{Interval, RatioEstimate, Scale, least_replications};
use crate::sim::{Cell, Histogram};

/// A quantile of times, some of which may be never.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileEstimate {
    /// The quantile, in the unit of the values; infinite if so many are never.
    pub value: f64,
    /// The number of replications.
    pub replications: u32,
    quantile: f64,
    /// All values that are not never, in ascending order.
    cells: Vec<Cell>,
    /// How many values there are, with those that are never.
    total: u64,
    spread: Spread,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Spread {
    /// There is one replication of many values: no spread is known.
    Unknown,
    /// The share of values up to the quantile varies over replications.
    Shares { error: f64, skewness: f64 },
    /// Each replication is one value.
    Runs,
}

/// The quantile of values that are counted in one histogram per replication,
/// together with so many per replication that are never.
///
/// The bounds are Woodruff's (1952, JASA 47:635-646): the share of values up to
/// the quantile is a ratio estimate, and its bounds (Hall's) are carried back
/// through the distribution function; averages of the replications' own
/// quantiles would be biased. They are at least as wide as the order statistics
/// of as many independent values would have them, which matters in the tail of
/// few values, and end at values that were seen: at the least of the cell that
/// holds the lower end, and the greatest of that which holds the upper.
///
/// Replications of a kind that was never seen are beyond them.
///
/// `None` if there are no values. What is missing in `never` counts as zero.
pub fn woodruff<H: Borrow<Histogram>>(
    histograms: &[H],
    never: &[u64],
    quantile: f64,
) -> Option<QuantileEstimate> {
    let merged = Histogram::merged(histograms.iter().map(Borrow::borrow));
    let totals: Vec<u64> = histograms
        .iter()
        .enumerate()
        .map(|(index, histogram)| {
            histogram.borrow().count() + never.get(index).copied().unwrap_or(0)
        })
        .collect();
    let mut estimate = QuantileEstimate::of(
        merged.cells().to_vec(),
        totals.iter().sum(),
        histograms.len(),
        quantile,
    )?;
    let (from, until) = match estimate.cell_at(estimate.rank()) {
        Some((cell, _)) => (cell.least, cell.greatest),
        // All that has an end is below.
        None => (u64::MAX, u64::MAX),
    };
    let spread = |counts: &dyn Fn(&Cell) -> bool| {
        let shares: Vec<(f64, f64)> = histograms
            .iter()
            .zip(&totals)
            .map(|(histogram, total)| {
                let cells = histogram.borrow().cells().iter();
                let some: u64 = cells
                    .filter(|cell| counts(cell))
                    .map(|cell| cell.count)
                    .sum();
                (some as f64, *total as f64)
            })
            .collect();
        RatioEstimate::new(&shares, Scale::Share).map_or((0.0, 0.0), |ratio| {
            (ratio.standard_error.unwrap_or(0.0), ratio.skewness)
        })
    };
    // One of the two shares may be zero or one in all replications and have no
    // spread, though the other has.
    let up_to = spread(&|cell| cell.least <= until);
    let below = spread(&|cell| cell.greatest < from);
    if histograms.len() > 1 {
        let (error, skewness) = if up_to.0 >= below.0 { up_to } else { below };
        estimate.spread = Spread::Shares { error, skewness };
    }
    Some(estimate)
}

/// The quantile of one value per replication, `None` being never, with the
/// exact bounds of order statistics. `None` without replications.
pub fn quantile_of_runs(values: &[Option<u64>], quantile: f64) -> Option<QuantileEstimate> {
    let mut finite: Vec<u64> = values.iter().flatten().copied().collect();
    finite.sort_unstable();
    let cells = finite
        .into_iter()
        .map(|value| Cell {
            least: value,
            greatest: value,
            count: 1,
        })
        .collect();
    let mut estimate = QuantileEstimate::of(cells, values.len() as u64, values.len(), quantile)?;
    estimate.spread = Spread::Runs;
    Some(estimate)
}

/// The median of one value per replication; see [`quantile_of_runs`].
pub fn median_of_runs(values: &[Option<u64>]) -> Option<QuantileEstimate> {
    quantile_of_runs(values, 0.5)
}

impl QuantileEstimate {
    fn of(
        cells: Vec<Cell>,
        total: u64,
        replications: usize,
        quantile: f64,
    ) -> Option<QuantileEstimate> {
        if total == 0 {
            return None;
        }
        let mut estimate = QuantileEstimate {
            value: f64::INFINITY,
            replications: replications as u32,
            quantile: quantile.clamp(0.0, 1.0),
            cells,
            total,
            spread: Spread::Unknown,
        };
        if let Some((cell, place)) = estimate.cell_at(estimate.rank()) {
            let (least, greatest) = (cell.least as f64, cell.greatest as f64);
            let step = (greatest - least) / (cell.count.max(2) - 1) as f64;
            estimate.value = least + step * place as f64;
        }
        Some(estimate)
    }

    /// The rank of the quantile, from 1 on. A share that is meant to be a whole
    /// number of values is not raised by the last bit of the product.
    fn rank(&self) -> u64 {
        let share = self.quantile * self.total as f64;
        ((share * (1.0 - 1e-12)).ceil() as u64).clamp(1, self.total)
    }

    /// The cell of the value with that rank, and how many of the cell are below.
    fn cell_at(&self, rank: u64) -> Option<(Cell, u64)> {
        let mut below = 0;
        for cell in &self.cells {
            if rank <= below + cell.count {
                return Some((*cell, rank.saturating_sub(below + 1)));
            }
            below += cell.count;
        }
        None
    }

    /// The two-sided interval, in the unit of the values: a one-sided bound at
    /// each side, with half of the error each. The upper end is infinite where
    /// the quantile may never be reached or lie above all that was seen, the
    /// lower end zero where it may lie below all. `None` with too little to say
    /// either.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        let each = 0.5 + confidence / 2.0;
        let interval = Interval {
            lo: self.lower(each)?,
            hi: self.upper(each)?,
        };
        (interval.lo > 0.0 || interval.hi.is_finite() || self.value == 0.0).then_some(interval)
    }

    /// The one-sided upper bound, infinite where there is none; `None` with one
    /// replication of many values.
    pub fn upper(&self, confidence: f64) -> Option<f64> {
        let rank = self.upper_rank(1.0, confidence)?;
        Some(
            self.cell_at(rank)
                .map_or(f64::INFINITY, |(cell, _)| cell.greatest as f64),
        )
    }

    /// The one-sided lower bound, zero where there is none; `None` with one
    /// replication of many values.
    pub fn lower(&self, confidence: f64) -> Option<f64> {
        match self.lower_rank(1.0, confidence)? {
            0 => Some(0.0),
            rank => Some(
                self.cell_at(rank)
                    .map_or(f64::INFINITY, |(cell, _)| cell.least as f64),
            ),
        }
    }

    /// About how many replications in all would decide whether the quantile is
    /// at most (or at least) the bound, if things go on as seen. `None` if no
    /// number would, or if there is too little to go by.
    pub fn replications_to_decide(
        &self,
        bound: f64,
        at_most: bool,
        confidence: f64,
    ) -> Option<u64> {
        let needs_upper = self.value < bound || (self.value == bound && at_most);
        // What is met or missed by values on the bound itself.
        let within = |value: u64| match needs_upper == at_most {
            true => value as f64 <= bound,
            false => (value as f64) < bound,
        };
        let below: u64 = self
            .cells
            .iter()
            .filter(|cell| {
                within(if needs_upper {
                    cell.greatest
                } else {
                    cell.least
                })
            })
            .map(|cell| cell.count)
            .sum();
        least_replications(self.replications, |replications| {
            let factor = f64::from(replications) / f64::from(self.replications);
            let below = below as f64 * factor;
            match needs_upper {
                true => self
                    .upper_rank(factor, confidence)
                    .is_some_and(|rank| rank as f64 <= below),
                false => self
                    .lower_rank(factor, confidence)
                    .is_some_and(|rank| rank as f64 > below),
            }
        })
    }

    /// The rank of the upper bound with so many times the replications; it may
    /// be beyond the number of values.
    fn upper_rank(&self, factor: f64, confidence: f64) -> Option<u64> {
        let (hall, error, total) = self.spread_after(factor)?;
        let independent = rank_above(total, self.quantile, confidence);
        let share = self.quantile + error * hall.below(confidence);
        let clustered = (share * total as f64 * (1.0 - 1e-12)).ceil() as u64;
        Some(independent.max(clustered))
    }

    /// The rank of the lower bound; zero if it is below all values.
    fn lower_rank(&self, factor: f64, confidence: f64) -> Option<u64> {
        let (hall, error, total) = self.spread_after(factor)?;
        let independent = rank_below(total, self.quantile, confidence);
        let share = self.quantile - error * hall.above(confidence);
        let clustered = (share * total as f64).floor().max(0.0) as u64;
        Some(match self.spread {
            Spread::Runs => independent,
            _ => independent.min(clustered),
        })
    }

    fn spread_after(&self, factor: f64) -> Option<(Hall, f64, u64)> {
        let total = (self.total as f64 * factor).round() as u64;
        let (error, skewness) = match self.spread {
            Spread::Unknown => return None,
            Spread::Shares { error, skewness } => (error / factor.sqrt(), skewness),
            Spread::Runs => (0.0, 0.0),
        };
        let hall = Hall {
            replications: ((f64::from(self.replications) * factor).round() as u32).max(2),
            skewness,
        };
        Some((hall, error, total))
    }
}
