use crate::scenario::{Estimand, Part, Quantity};
use crate::sim::{GateRecord, Histogram, Record, StreamRecord};
use crate::stats::Scale;
use crate::units::Span;
use crate::world::{GateOutline, Outline, StreamOutline};

use super::Cell;

/// A part of a cell's traffic or server, resolved to numbers: what an estimate
/// adds up.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    cell: &'a Cell,
    outline: &'a Outline,
    /// The streams of requests.
    streams: Vec<usize>,
    /// The stage that refuses, if only its refusals are meant.
    stage: Option<usize>,
    /// The gate that is meant: that of the stage, or the only one.
    gate: Option<usize>,
    segments: Vec<usize>,
    /// The seconds that the segments last.
    seconds: f64,
    is_whole: bool,
    /// Whether every run is the same.
    is_certain: bool,
}

/// What is taken of the records for an estimand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Method {
    /// The ratio of two sums over replications.
    Ratio {
        /// The values that it can take.
        scale: Scale,
        /// Whether it is the same in every run, whatever is drawn.
        is_exact: bool,
    },
    /// A quantile of latencies, where commands that fail are left out or count
    /// as never.
    Quantile { quantile: f64, with_failures: bool },
    /// The share of runs in which something happens.
    ShareOfRuns,
    /// The median of a number that every run has.
    MedianOfRuns,
}

impl<'a> View<'a> {
    /// The part of a cell; `None` if the cell has no such part.
    pub(super) fn new(cell: &'a Cell, part: &Part) -> Option<View<'a>> {
        let outline = &cell.outline;
        let find = |names: &[String], wanted: &Option<String>| match wanted {
            None => Some(None),
            Some(wanted) => names.iter().position(|name| name == wanted).map(Some),
        };
        let cohort = find(&outline.cohorts, &part.cohort)?;
        let method = find(&outline.methods, &part.method)?;
        let stages: Vec<String> = (outline.stages.iter())
            .map(|stage| stage.name.clone())
            .collect();
        let stage = find(&stages, &part.limit)?;
        let gate = match stage {
            Some(stage) => outline.stages[stage].gate.map(usize::from),
            None => (outline.gates.len() == 1).then_some(0),
        };
        let window = match part.window {
            None => None,
            Some(window) => {
                let mut known = outline.windows.names.iter();
                Some(known.position(|other| *other == window)?)
            }
        };
        let fits = |stream: &StreamOutline| {
            cohort.is_none_or(|cohort| stream.cohort == cohort)
                && method.is_none_or(|method| stream.method == method)
        };
        Some(View {
            cell,
            outline,
            streams: (0..outline.streams.len())
                .filter(|index| fits(&outline.streams[*index]))
                .collect(),
            stage,
            gate,
            segments: outline.windows.segments_of(window).collect(),
            seconds: outline.windows.length(window).secs_f64(),
            is_whole: *part == Part::ALL,
            is_certain: cell.scenario.is_certain(),
        })
    }

    /// Whether every run is the same.
    pub(super) fn is_certain(&self) -> bool {
        self.is_certain
    }

    /// How an estimand is taken of this part; `None` if it has none.
    pub(super) fn method(&self, estimand: Estimand) -> Option<Method> {
        if estimand.missing_in(&self.cell.scenario).is_some() {
            return None;
        }
        let is_of_limit = self.stage.is_some();
        let applies = if estimand.is_of_run() {
            self.is_whole
        } else if estimand.is_of_gate() {
            let all_streams = self.streams.len() == self.outline.streams.len();
            all_streams && self.gate.is_some_and(|gate| self.gate_has(estimand, gate))
        } else if is_of_limit {
            estimand.is_of_refusals() && self.stage_answers(estimand)
        } else {
            self.streams_have(estimand)
        };
        if !applies {
            return None;
        }
        let ratio = |scale, is_exact| Method::Ratio {
            scale,
            is_exact: is_exact || self.is_certain,
        };
        Some(match estimand {
            Estimand::RunSees429 | Estimand::RunCollapses => Method::ShareOfRuns,
            Estimand::LastSuccess | Estimand::PeakInsideGate | Estimand::PeakWaitingGate => {
                Method::MedianOfRuns
            }
            Estimand::LatencyCommandP50 => quantile(0.5, false),
            Estimand::LatencyCommandP95 => quantile(0.95, false),
            Estimand::LatencyCommandP99 => quantile(0.99, false),
            Estimand::CompletionCommandP50 => quantile(0.5, true),
            Estimand::CompletionCommandP95 => quantile(0.95, true),
            Estimand::CompletionCommandP99 => quantile(0.99, true),
            Estimand::RetryAmplification => ratio(
                Scale::AtLeastOne,
                !self.picked().any(|stream| stream.retries),
            ),
            _ => match estimand.quantity() {
                Quantity::Probability => ratio(Scale::Share, self.cannot_happen(estimand)),
                _ => ratio(Scale::NonNegative, false),
            },
        })
    }

    /// What a ratio that is no share cannot exceed in any run; infinite where
    /// nothing says.
    pub(super) fn ceiling(&self, estimand: Estimand) -> f64 {
        let most_wait = |gate: &GateOutline| gate.max_wait.map(Span::secs_f64);
        let most_attempts = self.picked().map(|stream| stream.most_attempts).max();
        match estimand {
            Estimand::RetryAmplification => match most_attempts {
                None | Some(u32::MAX) => f64::INFINITY,
                Some(most) => f64::from(most),
            },
            Estimand::WaitGateMean => (self.gate)
                .and_then(|gate| most_wait(&self.outline.gates[gate]))
                .unwrap_or(f64::INFINITY),
            _ => f64::INFINITY,
        }
    }

    /// Whether an estimand is zero whatever is drawn.
    fn cannot_happen(&self, estimand: Estimand) -> bool {
        let refuses = |wanted: &dyn Fn(usize) -> bool| {
            self.picked()
                .any(|stream| stream.refusing.iter().any(|stage| wanted(*stage)))
        };
        match (estimand, self.stage) {
            (Estimand::P429Attempt | Estimand::RefusedAttempt, Some(stage)) => {
                !refuses(&|other| other == stage)
            }
            (Estimand::P429Attempt | Estimand::P429FirstAttempt | Estimand::P429Request, None) => {
                !refuses(&|stage| self.is_429(stage))
            }
            (Estimand::RefusedAttempt, None) => !refuses(&|_| true),
            (Estimand::FailedRequest, _) => {
                !refuses(&|_| true) && !self.picked().any(|stream| stream.times_out)
            }
            _ => false,
        }
    }

    fn gate_has(&self, estimand: Estimand, gate: usize) -> bool {
        let GateOutline {
            permits, queues, ..
        } = self.outline.gates[gate];
        match estimand {
            Estimand::UtilisationGate => permits.is_some(),
            Estimand::WaitGateProbability | Estimand::WaitGateMean | Estimand::PeakWaitingGate => {
                queues
            }
            _ => true,
        }
    }

    fn stage_answers(&self, estimand: Estimand) -> bool {
        self.stage.is_some_and(|stage| {
            estimand == Estimand::RefusedAttempt && !self.is_429(stage)
                || estimand == Estimand::P429Attempt && self.is_429(stage)
        })
    }

    fn streams_have(&self, estimand: Estimand) -> bool {
        match estimand {
            Estimand::RefusedAttempt => {
                (0..self.outline.stages.len()).any(|stage| !self.is_429(stage))
            }
            estimand if estimand.is_of_commands() => {
                self.picked().any(|stream| stream.deadline.is_some())
            }
            Estimand::TimedOutAttempt => self.picked().any(|stream| stream.times_out),
            Estimand::SkippedPoll => self.picked().any(|stream| stream.skips),
            Estimand::WakeupsDeviceDay => self.picked().any(|stream| stream.wakes),
            _ => true,
        }
    }

    /// The numerator and the denominator of an estimand that is a ratio or a
    /// share of runs, from the record of one run.
    pub(super) fn pair(&self, estimand: Estimand, record: &Record) -> (f64, f64) {
        let all = |_: &StreamOutline| true;
        let commands = |stream: &StreamOutline| stream.deadline.is_some();
        let count = |part: &dyn Fn(&StreamOutline) -> bool,
                     pair: &dyn Fn(&StreamRecord) -> (u64, u64)| {
            let (x, n) = self
                .counts(record, part)
                .map(pair)
                .fold((0, 0), |(x, n), (more_x, more_n)| (x + more_x, n + more_n));
            (x as f64, n as f64)
        };
        let gate = || self.gate_counts(record);
        match estimand {
            Estimand::P429Attempt => count(&all, &|c| (self.refused(c, true), c.attempts)),
            Estimand::P429FirstAttempt => count(&all, &|c| (c.first_429, c.requests)),
            Estimand::P429Request => count(&all, &|c| (c.any_429, c.requests)),
            Estimand::RefusedAttempt => count(&all, &|c| (self.refused(c, false), c.attempts)),
            Estimand::FailedRequest => count(&all, &|c| (c.given_up, c.requests)),
            Estimand::UnfinishedRequest => count(&all, &|c| (c.unfinished, c.requests)),
            Estimand::MissedCommand => count(&commands, &|c| (c.undone, c.requests)),
            Estimand::UnconfirmedCommand => count(&commands, &|c| (c.unconfirmed, c.requests)),
            Estimand::CommandDoneTwice => count(&commands, &|c| (c.executed_again, c.requests)),
            Estimand::TimedOutAttempt => count(&all, &|c| (c.timed_out, c.attempts)),
            Estimand::SkippedPoll => count(&|stream| stream.skips, &|c| {
                (c.skipped, c.requests + c.skipped)
            }),
            Estimand::RetryAmplification => count(&all, &|c| (c.attempts, c.requests)),
            Estimand::LatencyRequestMean => {
                let (nanos, succeeded) =
                    self.counts(record, &all).fold((0, 0), |(nanos, count), c| {
                        (nanos + c.latency_sum, count + c.succeeded)
                    });
                (nanos as f64 / 1e9, succeeded as f64)
            }
            Estimand::Goodput => (count(&all, &|c| (c.succeeded, 0)).0, self.seconds),
            Estimand::WakeupsDeviceDay => (
                count(&all, &|c| (c.wakeups, 0)).0,
                f64::from(self.devices(record)) * self.seconds / 86_400.0,
            ),
            Estimand::UtilisationGate => (gate().inside as f64, self.permit_nanos(record)),
            Estimand::WaitGateProbability => {
                let gate = gate();
                let visits = gate.entered + gate.wait_ended + gate.full;
                let unlucky = gate.entered_after_wait + gate.wait_ended + gate.full;
                (unlucky as f64, visits as f64)
            }
            Estimand::WaitGateMean => {
                let gate = gate();
                (gate.waited as f64 / 1e9, gate.entered as f64)
            }
            Estimand::RunSees429 => {
                let seen = self.counts(record, &all).any(|c| self.refused(c, true) > 0);
                (f64::from(u8::from(seen)), 1.0)
            }
            Estimand::RunCollapses => (f64::from(u8::from(self.collapses(record))), 1.0),
            Estimand::LatencyCommandP50
            | Estimand::LatencyCommandP95
            | Estimand::LatencyCommandP99
            | Estimand::CompletionCommandP50
            | Estimand::CompletionCommandP95
            | Estimand::CompletionCommandP99
            | Estimand::PeakInsideGate
            | Estimand::PeakWaitingGate
            | Estimand::LastSuccess => (f64::NAN, f64::NAN),
        }
    }

    /// The number of a run whose median over runs is estimated, times in
    /// nanoseconds; `None` if it is never reached.
    pub(super) fn of_run(&self, estimand: Estimand, record: &Record) -> Option<u64> {
        let gate = || self.gate_counts(record);
        match estimand {
            Estimand::LastSuccess => record.last_success,
            Estimand::PeakInsideGate => Some(gate().peak_inside),
            Estimand::PeakWaitingGate => Some(gate().peak_waiting),
            _ => None,
        }
    }

    /// The latencies of the commands that succeeded in a run, and how many did
    /// not.
    pub(super) fn latencies(&self, record: &Record) -> (Histogram, u64) {
        let mut merged = Histogram::default();
        let mut never = 0;
        for counts in self.counts(record, &|stream| stream.deadline.is_some()) {
            merged.merge(&counts.latency);
            never += counts.requests - counts.succeeded;
        }
        (merged, never)
    }

    fn picked(&self) -> impl Iterator<Item = &'a StreamOutline> + '_ {
        self.streams
            .iter()
            .map(|index| &self.outline.streams[*index])
    }

    fn is_429(&self, stage: usize) -> bool {
        self.outline.stages[stage].response.status == 429
    }

    /// The counts of the picked streams that `part` takes, segment by segment.
    fn counts<'r>(
        &'r self,
        record: &'r Record,
        part: &'r dyn Fn(&StreamOutline) -> bool,
    ) -> impl Iterator<Item = &'r StreamRecord> {
        self.segments.iter().flat_map(move |segment| {
            self.streams
                .iter()
                .filter(|index| part(&self.outline.streams[**index]))
                .map(|index| &record.segments[*segment].streams[*index])
        })
    }

    fn refused(&self, counts: &StreamRecord, only_429: bool) -> u64 {
        match self.stage {
            Some(stage) => counts.refused[stage],
            None => (counts.refused.iter().enumerate())
                .filter(|(stage, _)| !only_429 || self.is_429(*stage))
                .map(|(_, count)| count)
                .sum(),
        }
    }

    /// The counts of the gate over the segments.
    fn gate_counts(&self, record: &Record) -> GateRecord {
        let mut sum = GateRecord::default();
        let gates = (self.segments.iter())
            .filter_map(|segment| record.segments[*segment].gates.get(self.gate?));
        for counts in gates {
            sum.entered += counts.entered;
            sum.entered_after_wait += counts.entered_after_wait;
            sum.waited += counts.waited;
            sum.full += counts.full;
            sum.wait_ended += counts.wait_ended;
            sum.inside += counts.inside;
            sum.peak_inside = sum.peak_inside.max(counts.peak_inside);
            sum.peak_waiting = sum.peak_waiting.max(counts.peak_waiting);
        }
        sum
    }

    /// All permits of the gate times the time.
    fn permit_nanos(&self, record: &Record) -> f64 {
        let permits = self.gate.and_then(|gate| {
            let keys = f64::from(record.fleet.gate_keys[gate]);
            Some(f64::from(self.outline.gates[gate].permits?) * keys)
        });
        permits.unwrap_or(0.0) * self.seconds * 1e9
    }

    /// The devices that the picked streams may wake in a run, each counted once.
    fn devices(&self, record: &Record) -> u32 {
        let mut groups: Vec<(usize, &str, u32)> = (self.streams.iter())
            .map(|index| (&self.outline.streams[*index], record.fleet.devices[*index]))
            .filter(|(stream, _)| stream.wakes)
            .filter_map(|(stream, devices)| Some((stream.cohort, stream.kind.as_deref()?, devices)))
            .collect();
        groups.sort_unstable();
        groups.dedup();
        groups.iter().map(|(_, _, devices)| devices).sum()
    }

    /// Whether for some stretch fewer requests succeed than a run that has not
    /// collapsed must carry.
    fn collapses(&self, record: &Record) -> bool {
        let collapse = self.cell.scenario.collapse;
        let width = self.outline.clock.bucket_width.nanos().max(1);
        let steps = collapse.lasting.nanos().div_ceil(width).max(1);
        let steps = usize::try_from(steps).unwrap_or(usize::MAX);
        let (due, done) = (&record.series.requests, &record.series.succeeded);
        let sums = |counts: &[u64]| -> Vec<u64> {
            let mut sums = vec![0];
            for count in counts {
                sums.push(sums[sums.len() - 1] + count);
            }
            sums
        };
        let (due, done) = (sums(due), sums(done));
        (steps..due.len()).any(|end| {
            let due = due[end] - due[end - steps];
            let done = done[end] - done[end - steps];
            due > 0 && (done as f64) < collapse.below.value() * due as f64
        })
    }
}

fn quantile(quantile: f64, with_failures: bool) -> Method {
    Method::Quantile {
        quantile,
        with_failures,
    }
}
