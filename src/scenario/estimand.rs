use std::fmt;

/// What a study estimates; the names are the same in files, JSON, charts and
/// targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Estimand {
    /// Attempts answered 429, of all attempts.
    P429Attempt,
    /// First attempts answered 429, of all requests.
    P429FirstAttempt,
    /// Requests with any attempt answered 429, of all requests.
    P429Request,
    /// Attempts refused with any status, of all attempts.
    RefusedAttempt,
    /// Requests that the client gave up, of all requests.
    FailedRequest,
    /// Commands that had not succeeded by their deadline, of all commands.
    MissedCommand,
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
    /// Times that a device is woken per day.
    WakeupsDeviceDay,
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
}

impl Estimand {
    /// All of them, in the order in which tables list them.
    pub const ALL: [Estimand; 18] = [
        Estimand::P429Attempt,
        Estimand::P429FirstAttempt,
        Estimand::P429Request,
        Estimand::RefusedAttempt,
        Estimand::FailedRequest,
        Estimand::MissedCommand,
        Estimand::TimedOutAttempt,
        Estimand::SkippedPoll,
        Estimand::LatencyCommandP50,
        Estimand::LatencyCommandP95,
        Estimand::LatencyCommandP99,
        Estimand::LatencyRequestMean,
        Estimand::RetryAmplification,
        Estimand::Goodput,
        Estimand::UtilisationGate,
        Estimand::WaitGateProbability,
        Estimand::WaitGateMean,
        Estimand::WakeupsDeviceDay,
    ];

    /// The fixed name.
    pub const fn name(self) -> &'static str {
        match self {
            Estimand::P429Attempt => "p429.attempt",
            Estimand::P429FirstAttempt => "p429.first_attempt",
            Estimand::P429Request => "p429.request",
            Estimand::RefusedAttempt => "p_refused.attempt",
            Estimand::FailedRequest => "p_failed.request",
            Estimand::MissedCommand => "p_missed.command",
            Estimand::TimedOutAttempt => "p_timed_out.attempt",
            Estimand::SkippedPoll => "p_skipped.poll",
            Estimand::LatencyCommandP50 => "latency.command.p50",
            Estimand::LatencyCommandP95 => "latency.command.p95",
            Estimand::LatencyCommandP99 => "latency.command.p99",
            Estimand::LatencyRequestMean => "latency.request.mean",
            Estimand::RetryAmplification => "retry_amplification",
            Estimand::Goodput => "goodput",
            Estimand::UtilisationGate => "utilisation.gate",
            Estimand::WaitGateProbability => "p_wait.gate",
            Estimand::WaitGateMean => "wait.gate.mean",
            Estimand::WakeupsDeviceDay => "wakeups.device_day",
        }
    }

    /// The estimand of that name.
    pub fn named(name: &str) -> Option<Estimand> {
        Estimand::ALL
            .into_iter()
            .find(|estimand| estimand.name() == name)
    }

    /// What it is, in words that need no manual.
    pub const fn words(self) -> &'static str {
        match self {
            Estimand::P429Attempt => "chance that an attempt gets a 429",
            Estimand::P429FirstAttempt => "chance that a first attempt gets a 429",
            Estimand::P429Request => "chance that a request gets a 429, retries included",
            Estimand::RefusedAttempt => "chance that an attempt is refused, with any status",
            Estimand::FailedRequest => "chance that a request is given up",
            Estimand::MissedCommand => "chance that a command misses its deadline",
            Estimand::TimedOutAttempt => "chance that an attempt times out",
            Estimand::SkippedPoll => "chance that a poll is skipped",
            Estimand::LatencyCommandP50 => "half of the commands that succeed, do so within",
            Estimand::LatencyCommandP95 => "95 % of the commands that succeed, do so within",
            Estimand::LatencyCommandP99 => "99 % of the commands that succeed, do so within",
            Estimand::LatencyRequestMean => "mean time until a request succeeds",
            Estimand::RetryAmplification => "attempts per request",
            Estimand::Goodput => "requests that succeed",
            Estimand::UtilisationGate => "share of the gate's permits in use",
            Estimand::WaitGateProbability => "chance of finding no free permit at the gate",
            Estimand::WaitGateMean => "mean wait of those that enter the gate",
            Estimand::WakeupsDeviceDay => "times that a device is woken",
        }
    }

    /// What its number means.
    pub const fn quantity(self) -> Quantity {
        match self {
            Estimand::P429Attempt
            | Estimand::P429FirstAttempt
            | Estimand::P429Request
            | Estimand::RefusedAttempt
            | Estimand::FailedRequest
            | Estimand::MissedCommand
            | Estimand::TimedOutAttempt
            | Estimand::SkippedPoll
            | Estimand::UtilisationGate
            | Estimand::WaitGateProbability => Quantity::Probability,
            Estimand::LatencyCommandP50
            | Estimand::LatencyCommandP95
            | Estimand::LatencyCommandP99
            | Estimand::LatencyRequestMean
            | Estimand::WaitGateMean => Quantity::Seconds,
            Estimand::RetryAmplification => Quantity::Ratio,
            Estimand::Goodput => Quantity::PerSecond,
            Estimand::WakeupsDeviceDay => Quantity::PerDay,
        }
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
    fn names_are_unique_and_found() {
        for estimand in Estimand::ALL {
            assert_eq!(Estimand::named(estimand.name()), Some(estimand));
        }
        assert_eq!(Estimand::named("p429"), None);
    }
}
