use super::Verdict;
use crate::client::part;
use crate::scenario::{Heeding, Otherwise};
use crate::server::Told;
use crate::units::{Span, Time};

/// The rule of a pause.
#[derive(Debug, Clone)]
pub(super) struct PausePlan {
    /// By failures in a row; never empty.
    pub(super) lasts: Box<[Span]>,
    pub(super) heeding: Heeding,
    pub(super) spread: Span,
    pub(super) otherwise: Otherwise,
}

/// The pause of one key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pause {
    until: Time,
    /// Failures in a row.
    row: u32,
}

impl Pause {
    pub(super) fn ask(&self, plan: &PausePlan, now: Time, draw: impl FnOnce() -> f64) -> Verdict {
        match plan.otherwise {
            _ if now >= self.until => Verdict::Passes,
            Otherwise::Wait => Verdict::AsksAgainAt(self.until + part(plan.spread, draw())),
            Otherwise::Drop => Verdict::Drops,
        }
    }

    /// An attempt has failed: the pause lasts at least as long as it would after
    /// this failure alone.
    pub(super) fn fails(&mut self, plan: &PausePlan, now: Time, told: Told) {
        let own = plan.lasts[(self.row as usize).min(plan.lasts.len() - 1)];
        let lasts = (plan.heeding).joined(own, told.retry_after, told.reset);
        self.until = self.until.max(now + lasts);
        self.row = self.row.saturating_add(1);
    }

    /// An attempt has succeeded.
    pub(super) fn succeeds(&mut self) {
        self.row = 0;
    }
}
