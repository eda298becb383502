//! How an estimand is taken of the records of runs, in the names of what they
//! count.

use crate::scenario::{Count, GateCount, Measure};

/// What an estimand is about: which requests count, and by what it can be
/// divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Requests, by cohort, method and window of the day.
    Requests,
    /// Refusals of attempts: as requests, and by the stage that refuses.
    Refusals,
    /// Requests with a deadline.
    Commands,
    /// Polls that are skipped while the one before has not ended.
    SkippingPolls,
    /// What polls keep up to date, by cohort and method.
    Polls,
    /// What happens at one gate, by window of the day.
    Gate,
    /// Accounts, by cohort. Homes are accounts.
    Accounts,
    /// A whole run, which has no parts.
    Run,
}

/// How an estimand is taken of the records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Taken {
    /// The sum of the first amounts over the sum of the second, each over all
    /// replications.
    Ratio(&'static [Term], &'static [Term]),
    /// The share of runs in which something happens.
    ShareOfRuns(Event),
    /// The median over runs of a number that each has.
    MedianOfRuns {
        /// The number.
        of: Number,
        /// What is said where most runs never reach it.
        never: &'static str,
    },
    /// A quantile of times.
    Quantile {
        /// The times.
        of: Times,
        /// The quantile, from 0 to 1.
        quantile: f64,
        /// What is said where it is never reached.
        never: &'static str,
    },
}

impl Taken {
    /// What a run must take for it beside its counts.
    pub fn measure(self) -> Option<Measure> {
        match self {
            Taken::Ratio(x, n) => x.iter().chain(n).find_map(|term| term.measure()),
            Taken::ShareOfRuns(Event::Never(measure)) => Some(measure),
            Taken::MedianOfRuns {
                of: Number::Moment(measure),
                ..
            } => Some(measure),
            Taken::Quantile {
                of: Times::Measured(measure),
                ..
            } => Some(measure),
            Taken::ShareOfRuns(_) | Taken::MedianOfRuns { .. } | Taken::Quantile { .. } => None,
        }
    }
}

/// What is added up over the parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// A count of requests.
    Of(Count),
    /// Attempts that were refused with a 429; of one stage, where one is meant.
    Refused429,
    /// Attempts that were refused with any status, likewise.
    Refused,
    /// Seconds from when requests were due to their success.
    LatencySeconds,
    /// Seconds of the measured span or window.
    Seconds,
    /// Devices that can be woken times days.
    DeviceDays,
    /// A count of the gate.
    Gate(GateCount),
    /// Seconds that those waited who entered the gate.
    WaitedSeconds,
    /// Permits of the gate times nanoseconds.
    PermitNanos,
    /// A measure with a number for each cohort.
    Measured(Measure),
    /// Accounts times days.
    AccountDays,
    /// Jain's index of the shares served: (Σ*x*)² / (*n* Σ*x*²) over *n* accounts
    /// (R. Jain, D.-M. Chiu and W. Hawe, DEC-TR-301, 1984).
    Jain,
    /// The attempts of the busiest whole step over those of the mean of all.
    PeakToMean,
    /// One, if any attempt is made.
    RunsWithLoad,
    /// One, if any account is served.
    RunsServed,
}

impl Term {
    fn measure(self) -> Option<Measure> {
        match self {
            Term::Measured(measure) => Some(measure),
            Term::Jain | Term::RunsServed => Some(Measure::SharesServed),
            _ => None,
        }
    }
}

/// What happens in a run, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// An attempt is refused with a 429.
    Sees429,
    /// The run collapses, as the scenario has it.
    Collapses,
    /// The moment that is measured never comes.
    Never(Measure),
}

/// A number that every run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Nanoseconds from the start of the measured span to the last success.
    LastSuccess,
    /// A count of the gate.
    Gate(GateCount),
    /// A moment that is measured, in nanoseconds.
    Moment(Measure),
}

/// Times that are counted in histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// From when requests were due to their success, of those that succeeded.
    Latency,
    /// The same of all requests; one that does not succeed takes for ever.
    Completion,
    /// A measure with a histogram for each stream of requests.
    Measured(Measure),
}

/// Where tables and charts show an estimand without being asked by a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Of the whole.
    pub whole: Whole,
    /// Of each window and cohort.
    pub of_parts: bool,
    /// Of each gate, where there are several.
    pub of_gates: bool,
    /// Its rank among those that charts of policies show; none, if zero.
    pub in_charts: u8,
}

/// When a table shows an estimand of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// Where a target asks; files have it in any case.
    IfAsked,
    /// Also where it is more than zero.
    IfSeen,
    /// Wherever there is one.
    Always,
}

impl Shown {
    pub(super) const IF_ASKED: Shown = Shown {
        whole: Whole::IfAsked,
        of_parts: false,
        of_gates: false,
        in_charts: 0,
    };

    pub(super) const IF_SEEN: Shown = Shown {
        whole: Whole::IfSeen,
        ..Shown::IF_ASKED
    };

    pub(super) const ALWAYS: Shown = Shown {
        whole: Whole::Always,
        ..Shown::IF_ASKED
    };

    pub(super) const fn of_parts(self) -> Shown {
        Shown {
            of_parts: true,
            ..self
        }
    }

    pub(super) const fn of_gates(self) -> Shown {
        Shown {
            of_gates: true,
            ..self
        }
    }

    pub(super) const fn in_charts(self, rank: u8) -> Shown {
        Shown {
            in_charts: rank,
            ..self
        }
    }
}
