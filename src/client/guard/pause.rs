use crate::units::{Span, Time};

/// The pause of one key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pause {
    until: Time,
    /// Failures in a row.
    row: u32,
}

impl Pause {
    /// When it ends, if it lasts.
    pub(super) fn ends_after(&self, now: Time) -> Option<Time> {
        (now < self.until).then_some(self.until)
    }

    /// An attempt has failed: the pause lasts at least so long, given how many
    /// failures of the row came before.
    pub(super) fn begins(&mut self, now: Time, lasts: impl FnOnce(usize) -> Span) {
        self.until = self.until.max(now + lasts(self.row as usize));
        self.row = self.row.saturating_add(1);
    }

    /// An attempt has succeeded.
    pub(super) fn succeeds(&mut self) {
        self.row = 0;
    }
}
