use crate::limiter::{Decision, Standing};

/// What a server makes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The attempt's number, from 0.
    pub number: u64,
    /// The answer. A refusal has the wait that it tells, and a delay the whole
    /// wait until the attempt had passed.
    pub decision: Decision,
    /// The stage that refused it or made it wait last, if one did.
    pub stage: Option<u8>,
    /// What it cost here: nothing, if a limit alone does not apply to it.
    pub cost: u64,
    /// Where its key stands afterwards, at that stage or at the only one;
    /// `None` where there is no budget, as in admission control.
    pub standing: Option<Standing>,
    /// The permits that an adaptive gate alone has afterwards.
    pub permits: Option<u32>,
    /// The chance with which admission control alone would have refused it.
    pub refusal: Option<f64>,
}
