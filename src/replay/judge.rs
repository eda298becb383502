//! One limiter that judges the attempts of a trace.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::attempt::{Attempt, Verdict};
use super::gate::GateJudge;
use super::trace::Outcome;
use crate::limiter::{Bank, Decision, RuleError};
use crate::overload::{AdmissionState, OverloadError};
use crate::rng::{Purpose, Streams};
use crate::scenario::{LimiterText, Stage};
use crate::units::{Span, Time};

/// A limiter and what it knows of the trace so far.
#[derive(Debug)]
pub(super) struct Judge {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Limit(Box<LimitJudge>),
    Gate(Box<GateJudge>),
    Admission(Box<AdmissionJudge>),
}

impl Judge {
    /// A limiter that has seen nothing yet; `seed` is that of what it draws.
    ///
    /// # Errors
    /// What a check of the limiter's text finds.
    pub(super) fn new(limiter: &LimiterText, seed: u64) -> Result<Judge, RuleError> {
        let unsound = |why: OverloadError| RuleError::Admission(why.to_string());
        let streams = Streams::new(seed, 0);
        let limit = |bank, by_key| Kind::Limit(Box::new(LimitJudge::new(bank, by_key)));
        let kind = match limiter {
            LimiterText::Rule(rule) => limit(rule.bank(&[], 1)?, true),
            LimiterText::Stage(stage) => match &**stage {
                Stage::Limit { by, per, .. } => limit(by.bank(&[], 1)?, !per.is_empty()),
                Stage::Admission { by, .. } => {
                    let state = AdmissionState::new(by.rule()).map_err(unsound)?;
                    Kind::Admission(Box::new(AdmissionJudge::new(state, streams)))
                }
                Stage::Gate { per, .. } => {
                    let plan = stage
                        .gate_plan(1)
                        .map_err(unsound)?
                        .ok_or(RuleError::NoRules)?;
                    Kind::Gate(Box::new(GateJudge::new(plan, !per.is_empty(), streams)))
                }
            },
        };
        Ok(Judge { kind })
    }

    /// Makes room for a key.
    ///
    /// # Errors
    /// If its limit would take too much memory.
    #[inline]
    pub(super) fn make_room(&mut self, key: u32) -> Result<(), RuleError> {
        match &mut self.kind {
            Kind::Limit(judge) => judge.make_room(key),
            Kind::Gate(_) | Kind::Admission(_) => Ok(()),
        }
    }

    /// Judges an attempt. Verdicts are added to `verdicts` as soon as they are
    /// known: this one's at once, unless it waits for others to end.
    #[inline]
    pub(super) fn judge(&mut self, attempt: &Attempt, verdicts: &mut Vec<Verdict>) {
        match &mut self.kind {
            Kind::Limit(judge) => verdicts.push(judge.judge(attempt)),
            Kind::Gate(judge) => judge.judge(attempt, verdicts),
            Kind::Admission(judge) => verdicts.push(judge.judge(attempt)),
        }
    }

    /// Ends the trace: what still waits gets its verdict.
    pub(super) fn finish(&mut self, verdicts: &mut Vec<Verdict>) {
        if let Kind::Gate(judge) = &mut self.kind {
            judge.finish(verdicts);
        }
    }
}

/// Attempts that were admitted, by when they end.
#[derive(Debug, Default)]
struct Endings(BinaryHeap<Reverse<Ending>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ending {
    end: Time,
    number: u64,
    key: u32,
    success: bool,
    cost: u64,
}

impl Endings {
    fn add(&mut self, attempt: &Attempt, delay: Span) {
        self.0.push(Reverse(Ending {
            end: attempt.now + delay + attempt.duration,
            number: attempt.number,
            key: attempt.key,
            success: attempt.outcome == Outcome::Success,
            cost: attempt.cost,
        }));
    }

    /// The next that has ended by `now`.
    fn pop(&mut self, now: Time) -> Option<Ending> {
        if self.0.peek()?.0.end > now {
            return None;
        }
        self.0.pop().map(|Reverse(ending)| ending)
    }
}

#[derive(Debug)]
struct LimitJudge {
    bank: Bank,
    /// Whether each key has a budget of its own.
    by_key: bool,
    learns: bool,
    endings: Endings,
}

impl LimitJudge {
    fn new(bank: Bank, by_key: bool) -> LimitJudge {
        LimitJudge {
            by_key,
            learns: bank.learns(),
            bank,
            endings: Endings::default(),
        }
    }

    fn make_room(&mut self, key: u32) -> Result<(), RuleError> {
        if self.by_key && key as usize >= self.bank.keys() {
            let keys = (key as usize + 1).next_power_of_two();
            self.bank.check_room(keys)?;
            self.bank.grow(keys);
        }
        Ok(())
    }

    fn judge(&mut self, attempt: &Attempt) -> Verdict {
        let Attempt { now, cost, .. } = *attempt;
        let key = if self.by_key { attempt.key } else { 0 };
        if self.learns {
            while let Some(ended) = self.endings.pop(now) {
                let key = if self.by_key { ended.key } else { 0 };
                self.bank.observe(key, ended.end, ended.success);
            }
        }
        let decision = self.bank.decide(key, now, cost);
        if self.learns && cost > 0 {
            match decision {
                Decision::Admit => self.endings.add(attempt, Span::ZERO),
                Decision::Delay(wait) => self.endings.add(attempt, wait),
                Decision::Refuse { .. } => {}
            }
        }
        Verdict {
            number: attempt.number,
            decision,
            standing: Some(self.bank.inspect(key, now)),
            permits: None,
            refusal: None,
        }
    }
}

#[derive(Debug)]
struct AdmissionJudge {
    state: AdmissionState,
    streams: Streams,
    endings: Endings,
}

impl AdmissionJudge {
    fn new(state: AdmissionState, streams: Streams) -> AdmissionJudge {
        AdmissionJudge {
            state,
            streams,
            endings: Endings::default(),
        }
    }

    fn judge(&mut self, attempt: &Attempt) -> Verdict {
        let Attempt { now, cost, .. } = *attempt;
        while let Some(ended) = self.endings.pop(now) {
            let count = ended.cost.min(u64::from(u32::MAX));
            self.state.observe(ended.end, ended.success, count);
        }
        let refusal = self.state.refusal_probability(now);
        let chance = || {
            self.streams
                .uniform(attempt.key, Purpose::Admission, attempt.number)
        };
        let admitted = cost == 0 || self.state.admit(now, chance());
        if admitted && cost > 0 {
            self.endings.add(attempt, Span::ZERO);
        }
        Verdict {
            number: attempt.number,
            decision: match admitted {
                true => Decision::Admit,
                false => Decision::Refuse { retry_after: None },
            },
            standing: None,
            permits: None,
            refusal: Some(refusal),
        }
    }
}
