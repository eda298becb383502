use crate::scenario::Trigger;
use crate::server::Response;

/// Which of the ways in which an attempt can fail are meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failures {
    /// Bit s: refusals by stage s are.
    refusals: u64,
    timeouts: bool,
}

impl Failures {
    /// Those that are listed, all if there is no list, of a server whose stages
    /// refuse with these answers.
    pub(super) fn new(on: Option<&[Trigger]>, answers: &[Response]) -> Failures {
        let covered = (answers.iter().enumerate())
            .filter(|(_, answer)| Trigger::are_for(on, answer))
            .fold(0, |bits, (stage, _)| bits | 1 << stage);
        Failures {
            refusals: covered,
            timeouts: Trigger::are_for_timeouts(on),
        }
    }

    /// Whether refusals by stage `stage` are.
    #[inline]
    pub(super) fn has_refusal(self, stage: usize) -> bool {
        self.refusals >> stage & 1 == 1
    }

    /// Whether attempts that time out are.
    #[inline]
    pub(super) fn has_timeouts(self) -> bool {
        self.timeouts
    }
}
