//! What the stages of a server did with a log.

use serde::Serialize;

use crate::server::ServerPlan;
use crate::units::Span;

/// What one stage did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StageTotals {
    /// Its name.
    pub name: String,
    /// The status of its refusals.
    pub status: u16,
    /// Attempts that came to it.
    pub reached: u64,
    /// Attempts that it made wait, and let go on.
    pub waited: u64,
    /// The mean wait of these, rounded down; zero if there are none.
    pub mean_wait: Span,
    /// The longest wait; zero if there is none.
    pub max_wait: Span,
    /// Attempts that it refused, at once or after a wait.
    pub refused: u64,
}

/// What all stages did so far.
#[derive(Debug, Clone)]
pub(super) struct StageCounts(Vec<(StageTotals, u128)>);

impl StageCounts {
    pub(super) fn new(plan: &ServerPlan) -> StageCounts {
        let totals = |stage: &crate::server::StagePlan| StageTotals {
            name: stage.name.clone(),
            status: stage.response.status,
            ..StageTotals::default()
        };
        StageCounts(plan.stages.iter().map(|stage| (totals(stage), 0)).collect())
    }

    #[inline]
    pub(super) fn reached(&mut self, stage: u8) {
        self.0[usize::from(stage)].0.reached += 1;
    }

    #[inline]
    pub(super) fn refused(&mut self, stage: u8) {
        self.0[usize::from(stage)].0.refused += 1;
    }

    pub(super) fn waited(&mut self, stage: u8, wait: Span) {
        let (totals, sum) = &mut self.0[usize::from(stage)];
        if !wait.is_zero() {
            totals.waited += 1;
            totals.max_wait = totals.max_wait.max(wait);
            *sum += u128::from(wait.nanos());
        }
    }

    /// The sums of the first `count` stages, in order.
    pub(super) fn totals(&self, count: usize) -> Vec<StageTotals> {
        let mean = |(totals, sum): &(StageTotals, u128)| StageTotals {
            mean_wait: Span::from_nanos(sum.checked_div(totals.waited.into()).unwrap_or(0) as u64),
            ..totals.clone()
        };
        self.0.iter().take(count).map(mean).collect()
    }
}
