//! What a study estimates. The enum has the names for programs; all else that
//! is known of an estimand is one row of one table.

mod need;
mod table;
mod taken;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use self::need::Need;
use self::table::{Row, TABLE};
use super::text::nearest;
use super::{Draft, Part};
use crate::units::UnitError;

pub use need::Extent;
pub use taken::{Event, Number, Of, Shown, Taken, Term, Times, Whole};

/// What a study estimates; the names are the same in files, JSON, charts and
/// targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Estimand {
    /// Attempts answered 429, of all attempts, whether the client still waited or not.
    P429Attempt,
    /// First attempts answered 429, of all requests.
    P429FirstAttempt,
    /// Requests with any attempt answered 429, of all requests.
    P429Request,
    /// Attempts refused with any status, of all attempts.
    RefusedAttempt,
    /// Requests that the client gave up, of all requests.
    FailedRequest,
    /// Requests that had neither succeeded nor been given up when the run was
    /// drained, of all requests.
    UnfinishedRequest,
    /// Commands that the server had not carried out by their deadline, of all
    /// commands.
    MissedCommand,
    /// Commands whose client had not heard of a success by their deadline, of
    /// all commands.
    UnconfirmedCommand,
    /// Commands that the server carried out more than once, of all commands.
    CommandDoneTwice,
    /// Attempts without an answer within the client's time-out, of all attempts.
    TimedOutAttempt,
    /// Polls left out because the one before had not ended, of all polls due.
    SkippedPoll,
    /// Requests that the guards of their own client let never be sent, or never
    /// again, of all requests.
    DroppedRequest,
    /// The median time from when a command is given to its success, where one
    /// that never succeeds takes for ever.
    CompletionCommandP50,
    /// The 95th percentile of the same.
    CompletionCommandP95,
    /// The 99th percentile of the same.
    CompletionCommandP99,
    /// The median time from when a command is given to its success, of those
    /// that succeed.
    LatencyCommandP50,
    /// The 95th percentile of the same.
    LatencyCommandP95,
    /// The 99th percentile of the same.
    LatencyCommandP99,
    /// The mean time from when a request is due to its success.
    LatencyRequestMean,
    /// The median over time of the age of the newest data that a client holds.
    StalenessPollP50,
    /// The 95th percentile of the same.
    StalenessPollP95,
    /// Attempts per request.
    RetryAmplification,
    /// Requests per second that end in success.
    Goodput,
    /// Attempts in the busiest step of the time series, over those of a mean
    /// step: the mean over runs.
    PeakToMeanLoad,
    /// The share of a gate's permits in use.
    UtilisationGate,
    /// Visits that found no free permit at a gate, of all visits.
    WaitGateProbability,
    /// The mean wait of those that entered a gate, in seconds.
    WaitGateMean,
    /// The most visits inside a gate at a time: the median over runs.
    PeakInsideGate,
    /// The most visits waiting at a gate at a time: the median over runs.
    PeakWaitingGate,
    /// Times that a device is woken per day.
    WakeupsDeviceDay,
    /// Days of accounts on which an attempt is answered 429, of all days of all
    /// accounts.
    P429AccountDay,
    /// Jain's index of fairness of the shares of their requests that accounts
    /// have answered with success: the mean over runs.
    FairnessJain,
    /// Runs with any attempt answered 429, of all runs.
    RunSees429,
    /// Runs in which the share of requests that succeed stays below a threshold
    /// for a span, of all runs.
    RunCollapses,
    /// The time from the start of the measured span to the last success of a
    /// request that started in it: the median over runs.
    LastSuccess,
    /// The time from the start of the measured span to the first refusal in it,
    /// with any status: the median over runs.
    FirstRefusalMedian,
    /// Runs without any refusal in the measured span, of all runs.
    FirstRefusalNever,
}

/// What an estimate's number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// A share from 0 to 1.
    Probability,
    /// A time in seconds.
    Seconds,
    /// A number per second.
    PerSecond,
    /// A number per day.
    PerDay,
    /// A ratio without a unit.
    Ratio,
    /// A number of things.
    Count,
}

impl Estimand {
    /// All of them, in the order in which tables list them.
    pub fn all() -> impl Iterator<Item = Estimand> {
        TABLE.iter().map(|row| row.estimand)
    }

    const fn row(self) -> &'static Row {
        const ROWS: &[Row] = &TABLE;
        &ROWS[self as usize]
    }

    /// The fixed name.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The estimand of that name.
    pub fn named(name: &str) -> Option<Estimand> {
        Estimand::all().find(|estimand| estimand.name() == name)
    }

    /// What it is, in words that need no manual.
    pub const fn words(self) -> &'static str {
        self.row().words
    }

    /// What its number means.
    pub const fn quantity(self) -> Quantity {
        self.row().quantity
    }

    /// What it is about.
    pub const fn of(self) -> Of {
        self.row().of
    }

    /// How it is taken of the records.
    pub const fn taken(self) -> Taken {
        self.row().taken
    }

    /// Where tables and charts show it without being asked.
    pub const fn shown(self) -> Shown {
        self.row().shown
    }

    /// Why a target on it is a mistake in a scenario; `None` if it is none.
    pub fn missing_in(self, scenario: &Draft) -> Option<&'static str> {
        let extent = Extent::all(scenario);
        let mut missing = self.row().needs.iter().filter(|need| !need.is_met(&extent));
        missing.find_map(|need| need.why())
    }

    /// Whether a part of a scenario has what it needs; `is_asked` if a target
    /// asks for it, so that it is given even where another tells the same.
    pub fn applies_to(self, extent: &Extent<'_>, is_asked: bool) -> bool {
        let is_spared = |need: &Need| is_asked && *need == Need::OtherRefusals;
        let mut needs = self.row().needs.iter();
        needs.all(|need| need.is_met(extent) || is_spared(need))
    }

    /// Why it cannot be taken of a part, where the server has so many gates;
    /// `None` if it can.
    pub fn misfit(self, part: &Part, gates: usize) -> Option<&'static str> {
        let names_requests = part.cohort.is_some() || part.method.is_some();
        let of = self.of();
        match of {
            Of::Run if *part != Part::ALL => {
                Some("it is one number of a whole run, which has no parts")
            }
            Of::Gate if names_requests => Some("a gate is not divided by cohort or method"),
            Of::Gate if part.limit.is_none() && gates > 1 => {
                Some("there are several gates; name one, such as by \"NAME\"")
            }
            Of::Accounts
                if *part
                    != Part {
                        cohort: part.cohort.clone(),
                        ..Part::ALL
                    } =>
            {
                Some("accounts are told apart by cohort only")
            }
            Of::Polls if part.limit.is_some() || part.window.is_some() => {
                Some("what clients hold is told apart by cohort and method only")
            }
            Of::Requests | Of::Commands | Of::SkippingPolls if part.limit.is_some() => {
                Some("only refusals of attempts and gates are told apart by limit")
            }
            _ => None,
        }
    }
}

impl FromStr for Estimand {
    type Err = UnitError;
    fn from_str(name: &str) -> Result<Estimand, UnitError> {
        Estimand::named(name).ok_or_else(|| {
            let names = || Estimand::all().map(Estimand::name);
            let near = nearest(name, names()).map_or_else(
                || format!("known are {}", names().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean \"{near}\"?"),
            );
            UnitError(format!("unknown estimate \"{name}\"; {near}"))
        })
    }
}

impl TryFrom<String> for Estimand {
    type Error = UnitError;
    fn try_from(name: String) -> Result<Estimand, UnitError> {
        name.parse()
    }
}

impl From<Estimand> for String {
    fn from(estimand: Estimand) -> String {
        estimand.name().to_owned()
    }
}

impl fmt::Display for Estimand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_and_the_table_is_in_order() {
        for (index, estimand) in Estimand::all().enumerate() {
            assert_eq!(Estimand::named(estimand.name()), Some(estimand));
            assert_eq!(estimand as usize, index);
        }
        assert_eq!(Estimand::named("p429"), None);
    }
}
