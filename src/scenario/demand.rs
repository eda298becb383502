//! What a run of a scenario will come to, by arithmetic: how many requests,
//! attempts and events, and how many of them are under way at once.
//!
//! Clients and stages are taken for fluids: a stage lets through what it has
//! capacity for, the rest is refused, waits, comes back after its retry policy's
//! wait or, in a closed loop, after its think time. Rates are those at which all
//! of this is in balance. Chance is left out: a run at 90 % of its capacity has
//! some refusals more than this says. It is for telling seconds from days before
//! a run, and for nothing else.

mod backoff;
mod burst;
mod pool;
mod stream;

use self::burst::Burst;
use self::stream::{Stream, balance, streams};
use super::Scenario;
use super::check::segment;

pub(super) use self::pool::covered;

/// What one run of a scenario comes to.
#[derive(Debug, Clone)]
pub struct Demand {
    /// The simulated time, in seconds.
    pub seconds: f64,
    /// What each cohort sends, by entry of its client's traffic.
    pub flows: Vec<Flow>,
    /// The most attempts that wait at once, by stage.
    pub waiting: Vec<f64>,
    /// The attempts that the backend works on at once.
    pub in_service: f64,
}

/// The requests of one cohort from one entry of its client's traffic.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The path of what says how often.
    pub path: String,
    /// Its client's name.
    pub client: String,
    /// Homes or devices that send.
    pub senders: f64,
    /// Requests of a run.
    pub requests: f64,
    /// Attempts of a run.
    pub attempts: f64,
    /// Events of a run.
    pub events: f64,
    /// Requests under way at once, without those that wait at a stage.
    pub in_flight: f64,
    /// What makes most of its attempts.
    pub cause: Cause,
}

/// What makes most attempts of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// They are sent.
    Sent,
    /// They are refused, and a closed loop sends again after its think time.
    Refused,
    /// They are refused, and a policy of that name tries again.
    Retried(String),
}

impl Demand {
    /// Events of a run.
    pub fn events(&self) -> f64 {
        self.flows.iter().map(|flow| flow.events).sum()
    }

    /// Attempts of a run.
    pub fn attempts(&self) -> f64 {
        self.flows.iter().map(|flow| flow.attempts).sum()
    }

    /// The flow with most events.
    pub fn heaviest(&self) -> Option<&Flow> {
        (self.flows.iter()).max_by(|one, other| one.events.total_cmp(&other.events))
    }

    /// The stage at which most wait, and how many.
    pub fn longest_queue(&self) -> Option<(usize, f64)> {
        let queues = self.waiting.iter().copied().enumerate();
        queues
            .filter(|(_, waiting)| *waiting >= 1.0)
            .max_by(|one, other| one.1.total_cmp(&other.1))
    }
}

impl Flow {
    /// What makes its attempts, for a sentence.
    pub fn why(&self) -> String {
        let client = &self.client;
        match &self.cause {
            Cause::Sent => format!("most are of the client \"{client}\""),
            Cause::Refused => format!(
                "most are of the client \"{client}\", whose requests are refused at once and come \
                 back after the think time"
            ),
            Cause::Retried(policy) => format!(
                "most are of the client \"{client}\", whose requests are refused and tried again \
                 by the retry policy \"{policy}\""
            ),
        }
    }

    /// What would make them fewer.
    pub fn cure(&self) -> &'static str {
        match self.cause {
            Cause::Sent => "fewer homes, a lower rate or a shorter `time.length`",
            Cause::Refused => "a longer think time, or a retry policy that waits",
            Cause::Retried(_) => "longer waits between retries, or fewer `attempts`",
        }
    }
}

impl Demand {
    /// The demand of a sound scenario.
    pub fn of(scenario: &Scenario) -> Demand {
        let time = &scenario.time;
        let measured = (time.warm_up + time.length).secs_f64();
        let longest = measured + scenario.drain().secs_f64();
        let mut pools = Vec::new();
        let mut streams = streams(scenario, longest, &mut pools);
        balance(&mut streams, &mut pools);

        let bursts: Vec<Burst> = streams
            .iter()
            .map(|stream| Burst::of(stream, scenario, &pools))
            .collect();
        let services = streams.iter().map(|stream| stream.service);
        let mut tail = 4.0 * services.fold(0.0, f64::max);
        for (stream, burst) in streams.iter().zip(&bursts) {
            let overloaded = stream.retried > 1e-6 || burst.over > 0.0;
            if overloaded && stream.backoff.most > 1.0 {
                tail = tail.max(stream.backoff.total);
            }
        }
        for pool in &pools {
            let waiting = pool.waiting(longest);
            if waiting > 0.0 {
                tail = tail.max(pool.max_wait.min(waiting / pool.rate));
            }
        }
        let seconds = measured + tail.min(scenario.drain().secs_f64());
        let loaded = if time.load_after_end {
            seconds
        } else {
            measured
        };

        let mut waiting = vec![0.0; scenario.server.stages.len()];
        for pool in &pools {
            waiting[pool.stage] += pool.waiting(seconds);
        }
        for (stream, burst) in streams.iter().zip(&bursts) {
            for (stage, number) in [
                (burst.waits_at, burst.waiting),
                (stream.waits_at, stream.waiting),
            ] {
                if let Some(stage) = stage {
                    waiting[stage] += number;
                }
            }
        }
        let in_service = (streams.iter())
            .map(|stream| stream.attempts * (1.0 - stream.refused) * stream.service);
        Demand {
            seconds,
            in_service: in_service.sum(),
            waiting,
            flows: streams
                .iter()
                .zip(&bursts)
                .map(|(stream, burst)| stream.flow(burst, loaded))
                .collect(),
        }
    }
}

impl Stream<'_> {
    fn flow(&self, burst: &Burst, seconds: f64) -> Flow {
        let (service, closed) = (self.service, self.entry.is_closed());
        let requests = self.rate * seconds + burst.requests;
        let attempts = self.attempts * seconds + burst.requests + burst.retries;
        let timers = requests / self.fan_out.max(1.0);
        let served = if service > 0.0 || !self.passes.is_empty() {
            attempts * (1.0 - self.refused)
        } else {
            0.0
        };
        let pending = self.backoff.pending(self.retried).min(seconds);
        let mut in_flight =
            self.rate * pending + self.attempts * (1.0 - self.refused) * service + burst.at_once;
        if closed {
            in_flight = in_flight.min(self.senders);
        }
        let cause = if attempts > 2.0 * requests {
            Cause::Retried(self.entry.what.retry.to_owned())
        } else if closed && self.refused > 0.5 {
            Cause::Refused
        } else {
            Cause::Sent
        };
        Flow {
            path: format!(
                "clients.{}.{}.{}",
                segment(self.client),
                self.entry.path(),
                self.entry.pace()
            ),
            client: self.client.to_owned(),
            senders: self.senders,
            requests,
            attempts,
            events: timers + served + (attempts - requests).max(0.0),
            in_flight,
            cause,
        }
    }
}

#[cfg(test)]
mod tests;
