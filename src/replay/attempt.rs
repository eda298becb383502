use super::trace::Outcome;
use crate::limiter::{Decision, Standing};
use crate::overload::Criticality;
use crate::units::{Span, Time};

/// One attempt of a trace, as a limiter sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// Its number in the trace, from 0.
    pub(super) number: u64,
    /// Whose it is.
    pub(super) key: u32,
    /// When it was made.
    pub(super) now: Time,
    /// What it costs; nothing for a mere reading.
    pub(super) cost: u64,
    /// How long it takes once it is admitted.
    pub(super) duration: Span,
    /// How it ends then.
    pub(super) outcome: Outcome,
    /// How many were in flight, itself included, if the trace says so.
    pub(super) in_flight: Option<u32>,
    /// How much it matters.
    pub(super) level: Criticality,
}

/// What a limiter makes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The attempt's number.
    pub number: u64,
    /// The answer.
    pub decision: Decision,
    /// Where its key stands afterwards; `None` where there is no budget, as in
    /// admission control, and for an attempt that still waits at the end.
    pub standing: Option<Standing>,
    /// The permits that an adaptive gate has afterwards.
    pub permits: Option<u32>,
    /// The chance with which admission control would have refused it.
    pub refusal: Option<f64>,
}

impl Verdict {
    /// That of an attempt that still waits when the trace ends.
    pub(super) fn never(number: u64) -> Verdict {
        Verdict {
            number,
            decision: Decision::Refuse { retry_after: None },
            standing: None,
            permits: None,
            refusal: None,
        }
    }
}
