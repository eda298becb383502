use std::fmt;

use super::{Draft, Stage};

/// What a study estimates; the names are the same in files, JSON, charts and
/// targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// The median time from when a command is given to its success.
    LatencyCommandP50,
    /// The 95th percentile of the same.
    LatencyCommandP95,
    /// The 99th percentile of the same.
    LatencyCommandP99,
    /// The median time from when a command is given to its success, where one
    /// that never succeeds takes for ever.
    CompletionCommandP50,
    /// The 95th percentile of the same.
    CompletionCommandP95,
    /// The 99th percentile of the same.
    CompletionCommandP99,
    /// The mean time from when a request is due to its success.
    LatencyRequestMean,
    /// Attempts per request.
    RetryAmplification,
    /// Requests per second that end in success.
    Goodput,
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
    /// Runs with any attempt answered 429, of all runs.
    RunSees429,
    /// Runs in which the share of requests that succeed stays below a threshold
    /// for a span, of all runs.
    RunCollapses,
    /// The time from the start of the measured span to the last success of a
    /// request that started in it: the median over runs.
    LastSuccess,
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

/// An estimand with its fixed name, what it is in words that need no manual,
/// and what its number means.
struct Row(Estimand, &'static str, &'static str, Quantity);

/// All of them, in the order in which tables list them: that of the enum.
const TABLE: [Row; 29] = {
    use Estimand::*;
    use Quantity::*;
    [
        Row(
            P429Attempt,
            "p429.attempt",
            "chance that an attempt gets a 429",
            Probability,
        ),
        Row(
            P429FirstAttempt,
            "p429.first_attempt",
            "chance that a first attempt gets a 429",
            Probability,
        ),
        Row(
            P429Request,
            "p429.request",
            "chance that a request gets a 429, retries included",
            Probability,
        ),
        Row(
            RefusedAttempt,
            "p_refused.attempt",
            "chance that an attempt is refused, with any status",
            Probability,
        ),
        Row(
            FailedRequest,
            "p_failed.request",
            "chance that a request is given up",
            Probability,
        ),
        Row(
            UnfinishedRequest,
            "p_unfinished.request",
            "chance that a request has not ended when the run does",
            Probability,
        ),
        Row(
            MissedCommand,
            "p_missed.command",
            "chance that a command is not done by its deadline",
            Probability,
        ),
        Row(
            UnconfirmedCommand,
            "p_unconfirmed.command",
            "chance that no success is heard by a command's deadline",
            Probability,
        ),
        Row(
            CommandDoneTwice,
            "p_done_twice.command",
            "chance that a command is done more than once",
            Probability,
        ),
        Row(
            TimedOutAttempt,
            "p_timed_out.attempt",
            "chance that an attempt times out",
            Probability,
        ),
        Row(
            SkippedPoll,
            "p_skipped.poll",
            "chance that a poll is skipped",
            Probability,
        ),
        Row(
            LatencyCommandP50,
            "latency.command.p50",
            "half of the commands that succeed, do so within",
            Seconds,
        ),
        Row(
            LatencyCommandP95,
            "latency.command.p95",
            "95 % of the commands that succeed, do so within",
            Seconds,
        ),
        Row(
            LatencyCommandP99,
            "latency.command.p99",
            "99 % of the commands that succeed, do so within",
            Seconds,
        ),
        Row(
            CompletionCommandP50,
            "completion.command.p50",
            "half of all commands succeed within",
            Seconds,
        ),
        Row(
            CompletionCommandP95,
            "completion.command.p95",
            "95 % of all commands succeed within",
            Seconds,
        ),
        Row(
            CompletionCommandP99,
            "completion.command.p99",
            "99 % of all commands succeed within",
            Seconds,
        ),
        Row(
            LatencyRequestMean,
            "latency.request.mean",
            "mean time until a request succeeds",
            Seconds,
        ),
        Row(
            RetryAmplification,
            "retry_amplification",
            "attempts per request",
            Ratio,
        ),
        Row(Goodput, "goodput", "requests that succeed", PerSecond),
        Row(
            UtilisationGate,
            "utilisation.gate",
            "share of the gate's permits in use",
            Probability,
        ),
        Row(
            WaitGateProbability,
            "p_wait.gate",
            "chance of finding no free permit at the gate",
            Probability,
        ),
        Row(
            WaitGateMean,
            "wait.gate.mean",
            "mean wait of those that enter the gate",
            Seconds,
        ),
        Row(
            PeakInsideGate,
            "peak_inside.gate",
            "most inside the gate at a time, in half of the runs at most",
            Count,
        ),
        Row(
            PeakWaitingGate,
            "peak_waiting.gate",
            "most waiting at the gate at a time, in half of the runs at most",
            Count,
        ),
        Row(
            WakeupsDeviceDay,
            "wakeups.device_day",
            "times that a device is woken",
            PerDay,
        ),
        Row(
            RunSees429,
            "p429.run",
            "chance that a run sees any 429",
            Probability,
        ),
        Row(
            RunCollapses,
            "p_collapse.run",
            "chance that a run collapses",
            Probability,
        ),
        Row(
            LastSuccess,
            "last_success.run",
            "time of the last success, in half of the runs at most",
            Seconds,
        ),
    ]
};

impl Estimand {
    /// All of them, in the order in which tables list them.
    pub fn all() -> impl Iterator<Item = Estimand> {
        TABLE.iter().map(|row| row.0)
    }

    /// The fixed name.
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// The estimand of that name.
    pub fn named(name: &str) -> Option<Estimand> {
        Estimand::all().find(|estimand| estimand.name() == name)
    }

    /// What it is, in words that need no manual.
    pub const fn words(self) -> &'static str {
        TABLE[self as usize].2
    }

    /// What its number means.
    pub const fn quantity(self) -> Quantity {
        TABLE[self as usize].3
    }

    /// Whether it is about what happens at a gate.
    pub const fn is_of_gate(self) -> bool {
        matches!(
            self,
            Estimand::UtilisationGate
                | Estimand::WaitGateProbability
                | Estimand::WaitGateMean
                | Estimand::PeakInsideGate
                | Estimand::PeakWaitingGate
        )
    }

    /// Whether it is about commands.
    pub const fn is_of_commands(self) -> bool {
        matches!(
            self,
            Estimand::MissedCommand
                | Estimand::UnconfirmedCommand
                | Estimand::CommandDoneTwice
                | Estimand::LatencyCommandP50
                | Estimand::LatencyCommandP95
                | Estimand::LatencyCommandP99
                | Estimand::CompletionCommandP50
                | Estimand::CompletionCommandP95
                | Estimand::CompletionCommandP99
        )
    }

    /// Whether it can be taken of the refusals of a single stage.
    pub const fn is_of_refusals(self) -> bool {
        matches!(self, Estimand::P429Attempt | Estimand::RefusedAttempt)
    }

    /// Whether it is one number of a whole run, which has no parts.
    pub const fn is_of_run(self) -> bool {
        matches!(
            self,
            Estimand::RunSees429 | Estimand::RunCollapses | Estimand::LastSuccess
        )
    }

    /// Why there is no such estimate for a scenario; `None` if there is one.
    pub fn missing_in(self, scenario: &Draft) -> Option<&'static str> {
        let server = &scenario.server;
        let mut clients = scenario.clients.values();
        let (there, why) = match self {
            Estimand::P429Attempt
            | Estimand::P429FirstAttempt
            | Estimand::P429Request
            | Estimand::RunSees429 => {
                let mut answers = server.stages.iter().map(Stage::refusal);
                (
                    answers.any(|answer| answer.status == 429)
                        || server.backend.fails() && server.backend.fail.status == 429,
                    "no stage of the server answers with the status 429",
                )
            }
            Estimand::RefusedAttempt => (
                !server.stages.is_empty() || server.backend.fails(),
                "the server has no stage that refuses",
            ),
            estimand if estimand.is_of_commands() => (
                clients.any(|client| client.traffic().any(|entry| entry.what.deadline.is_some())),
                "no client gives commands",
            ),
            Estimand::TimedOutAttempt => (
                clients.any(|client| client.traffic().any(|entry| entry.what.timeout.is_some())),
                "no client has a time-out",
            ),
            Estimand::SkippedPoll => (
                clients.any(|client| client.traffic().any(|entry| !entry.what.overlap)),
                "no poll is ever skipped",
            ),
            estimand if estimand.is_of_gate() => (
                (server.stages.iter()).any(|stage| matches!(stage, Stage::Gate { .. })),
                "the server has no gate",
            ),
            Estimand::WakeupsDeviceDay => (
                (scenario.cohorts.values()).any(|cohort| !cohort.devices.is_empty()),
                "no home has devices",
            ),
            Estimand::RunCollapses => (
                scenario.collapse.lasting <= scenario.time.length,
                "the measured span is shorter than `collapse.lasting`",
            ),
            _ => (true, ""),
        };
        (!there).then_some(why)
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
