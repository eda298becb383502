use serde::{Deserialize, Serialize};

use super::certain::is_constant;
use crate::rng::Distribution;
use crate::server::{Effect, Response};
use crate::units::Span;

/// A part of the server does not work as it should for a while, once or several
/// times, at given moments or at random.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// The stage that has it; the backend, if absent.
    #[serde(default)]
    pub of: Option<String>,
    /// How long after the start of the run each begins.
    #[serde(default)]
    pub at: Vec<Span>,
    /// In place of that, the time from the start of the run to the first, and from
    /// the end of each to the next.
    #[serde(default)]
    pub between: Option<Distribution>,
    /// How long each lasts; no time, if absent.
    #[serde(default)]
    pub lasts: Option<Distribution>,
    /// What it does.
    #[serde(default)]
    pub how: Effect,
    /// Whether a limit has forgotten all calls when it is over.
    #[serde(default)]
    pub forgets: bool,
    /// The answer to an attempt that it refuses.
    #[serde(
        default = "Outage::usual_answer",
        deserialize_with = "Response::read::<_, 503>"
    )]
    pub answer: Response,
}

impl Outage {
    pub(super) fn usual_answer() -> Response {
        Response::of_status(503)
    }

    /// Whether all runs have the same outages, and the same comes of them.
    pub fn is_certain(&self) -> bool {
        self.between.as_ref().is_none_or(is_constant)
            && self.lasts.as_ref().is_none_or(is_constant)
            && !matches!(self.how, Effect::Failing(share) if !share.is_sure())
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::parse;
    use super::super::{Backend, Stage};
    use super::*;

    #[test]
    fn an_answer_without_a_status_has_that_of_who_answers() {
        let outage: Outage = parse("(answer: (retry_after: Exact))").unwrap();
        assert_eq!(outage.answer.status, 503);
        let backend: Backend = parse("(fail: (code: 7))").unwrap();
        assert_eq!((backend.fail.status, backend.fail.code), (500, Some(7)));
        for (stage, status) in [
            ("Admission(refuse: (code: 7))", 503),
            ("Gate(refuse: (code: 7))", 429),
            ("Gate(refuse: (status: 418))", 418),
        ] {
            let stage: Stage = parse(stage).unwrap();
            assert_eq!(stage.refusal().status, status);
        }
    }
}
