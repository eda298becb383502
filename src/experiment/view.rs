use crate::scenario::estimand::{Event, Extent, Number, Of, Term, Times};
use crate::scenario::{Count, Estimand, GateCount, Measure, Part, Quantity};
use crate::sim::{GateRecord, Histogram, Record, StreamRecord, Values};
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
    cohorts: Vec<usize>,
    /// The streams of requests.
    streams: Vec<usize>,
    /// The stage that refuses, if only its refusals are meant.
    stage: Option<usize>,
    /// The gate that is meant: that of the stage, or the only one.
    gate: Option<usize>,
    part: Part,
    extent: Extent<'a>,
    segments: Vec<usize>,
    /// The seconds that the segments last.
    seconds: f64,
    /// Whether every run is the same.
    is_certain: bool,
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
            cohorts: (0..outline.cohorts.len())
                .filter(|index| cohort.is_none_or(|cohort| cohort == *index))
                .collect(),
            streams: (0..outline.streams.len())
                .filter(|index| fits(&outline.streams[*index]))
                .collect(),
            stage,
            gate,
            segments: outline.windows.segments_of(window).collect(),
            seconds: outline.windows.length(window).secs_f64(),
            part: part.clone(),
            extent: Extent::of(&cell.scenario, part),
            is_certain: cell.scenario.is_certain(),
        })
    }

    /// Whether every run is the same.
    pub(super) fn is_certain(&self) -> bool {
        self.is_certain
    }

    /// Whether this part has such an estimand.
    pub(super) fn has(&self, estimand: Estimand) -> bool {
        let scenario = &self.cell.scenario;
        let mut targets = scenario.targets.iter();
        let is_asked = targets
            .any(|target| target.estimand == estimand && target.part == self.part)
            || self.part == Part::ALL && scenario.report.contains(&estimand);
        let is_there = match estimand.of() {
            Of::Gate => self.gate.is_some(),
            _ => true,
        };
        let measure = estimand.taken().measure();
        is_there
            && measure.is_none_or(|measure| self.outline.measures.contains(&measure))
            && estimand
                .misfit(&self.part, self.outline.gates.len())
                .is_none()
            && estimand.applies_to(&self.extent, is_asked)
    }

    /// The values that the ratio of an estimand can take.
    pub(super) fn scale(&self, estimand: Estimand) -> Scale {
        // A request that a guard holds back makes no attempt.
        let may_make_none = || self.picked().any(|stream| stream.is_guarded);
        match estimand.quantity() {
            Quantity::Probability => Scale::Share,
            Quantity::Ratio if estimand.of() == Of::Requests && may_make_none() => {
                Scale::NonNegative
            }
            Quantity::Ratio => Scale::AtLeastOne,
            Quantity::Seconds | Quantity::PerSecond | Quantity::PerDay | Quantity::Count => {
                Scale::NonNegative
            }
        }
    }

    /// What a ratio that is no share cannot exceed in any run; infinite where
    /// nothing says.
    pub(super) fn ceiling(&self, terms: &[Term]) -> f64 {
        let most_wait = |gate: &GateOutline| gate.max_wait.map(Span::secs_f64);
        let most_attempts = self.picked().map(|stream| stream.most_attempts).max();
        match terms {
            [Term::Of(Count::Attempts)] => match most_attempts {
                None | Some(u32::MAX) => f64::INFINITY,
                Some(most) => f64::from(most),
            },
            [Term::WaitedSeconds] => (self.gate)
                .and_then(|gate| most_wait(&self.outline.gates[gate]))
                .unwrap_or(f64::INFINITY),
            _ => f64::INFINITY,
        }
    }

    /// Whether the ratio of a sum is the same whatever is drawn: since it never
    /// happens, or since there is one attempt for each request.
    pub(super) fn is_fixed(&self, terms: &[Term]) -> bool {
        self.is_certain || terms.iter().all(|term| self.is_fixed_term(*term))
    }

    fn is_fixed_term(&self, term: Term) -> bool {
        let refuses = |wanted: &dyn Fn(usize) -> bool| {
            self.picked()
                .any(|stream| stream.refusing.iter().any(|stage| wanted(*stage)))
        };
        match (term, self.stage) {
            (Term::Refused429 | Term::Refused, Some(stage)) => !refuses(&|other| other == stage),
            (Term::Refused429 | Term::Of(Count::First429 | Count::Any429), _) => {
                !refuses(&|stage| self.is_429(stage))
            }
            (Term::Measured(Measure::AccountDays429), _) => !refuses(&|stage| self.is_429(stage)),
            (Term::Refused | Term::Of(Count::AnyRefusal), _) => !refuses(&|_| true),
            (Term::Of(Count::GivenUp), _) => {
                let gives_up = |stream: &StreamOutline| stream.times_out || stream.is_dropped;
                !refuses(&|_| true) && !self.picked().any(gives_up)
            }
            (Term::Of(Count::Attempts), _) => {
                let mut picked = self.picked();
                !picked.any(|stream| stream.retries || stream.is_guarded)
            }
            (Term::Of(Count::Dropped), _) => !self.picked().any(|stream| stream.is_dropped),
            _ => false,
        }
    }

    /// The sum of some terms over the record of one run.
    pub(super) fn sum(&self, of: Of, terms: &[Term], record: &Record) -> f64 {
        // Whole numbers add up exactly; what is a fraction stands alone.
        let counted = |term: &Term| match *term {
            Term::Of(count) => Some(u128::from(self.count(of, record, |c| c[count]))),
            Term::Refused429 => Some(u128::from(
                self.count(of, record, |c| self.refused(c, true)),
            )),
            Term::Refused => Some(u128::from(
                self.count(of, record, |c| self.refused(c, false)),
            )),
            Term::Gate(count) => Some(self.gate_counts(record)[count]),
            Term::Measured(measure) => Some(self.measured::<1>(measure, record)[0]),
            _ => None,
        };
        let whole: u128 = terms.iter().filter_map(counted).sum();
        let fraction = |term: &Term| match *term {
            Term::LatencySeconds => {
                let nanos: u128 = self.counts(of, record).map(|c| c.latency_sum).sum();
                nanos as f64 / 1e9
            }
            Term::Seconds => self.seconds,
            Term::DeviceDays => f64::from(self.devices(record)) * self.seconds / 86_400.0,
            Term::WaitedSeconds => self.gate_counts(record)[GateCount::Waited] as f64 / 1e9,
            Term::PermitNanos => self.permit_nanos(record),
            Term::PeakToMean => self.peak_to_mean(record).unwrap_or(0.0),
            Term::RunsWithLoad => f64::from(u8::from(self.peak_to_mean(record).is_some())),
            Term::Jain => self.jain(record).unwrap_or(0.0),
            Term::RunsServed => f64::from(u8::from(self.jain(record).is_some())),
            Term::AccountDays => self.accounts() as f64 * f64::from(self.outline.days),
            Term::Of(_) | Term::Refused429 | Term::Refused | Term::Gate(_) | Term::Measured(_) => {
                0.0
            }
        };
        whole as f64 + terms.iter().map(fraction).sum::<f64>()
    }

    /// Whether something happens in a run.
    pub(super) fn happens(&self, event: Event, record: &Record) -> bool {
        match event {
            Event::Sees429 => (self.counts(Of::Run, record)).any(|c| self.refused(c, true) > 0),
            Event::Collapses => self.collapses(record),
            Event::Never(measure) => moment(measure, record).is_none(),
        }
    }

    /// A number of a run, times in nanoseconds; `None` if it is never reached.
    pub(super) fn number(&self, number: Number, record: &Record) -> Option<u64> {
        match number {
            Number::LastSuccess => record.last_success,
            Number::Gate(count) => u64::try_from(self.gate_counts(record)[count]).ok(),
            Number::Moment(measure) => moment(measure, record),
        }
    }

    /// The times of a run in a histogram, and how many are never.
    pub(super) fn times(&self, of: Of, times: Times, record: &Record) -> (Histogram, u64) {
        let mut merged = Histogram::default();
        if let Times::Measured(measure) = times {
            if let Some(Values::Histograms(all)) = record.measured(measure) {
                let picked = self.streams.iter().filter_map(|stream| all.get(*stream));
                picked.for_each(|histogram| merged.merge(histogram));
            }
            return (merged, 0);
        }
        let mut never = 0;
        for counts in self.counts(of, record) {
            merged.merge(&counts.latency);
            never += counts[Count::Requests] - counts[Count::Succeeded];
        }
        match times {
            Times::Latency | Times::Measured(_) => (merged, 0),
            Times::Completion => (merged, never),
        }
    }

    fn picked(&self) -> impl Iterator<Item = &'a StreamOutline> + '_ {
        self.streams
            .iter()
            .map(|index| &self.outline.streams[*index])
    }

    fn is_429(&self, stage: usize) -> bool {
        self.outline.stages[stage].response.status == 429
    }

    /// The counts of the picked streams that an estimand is about, segment by
    /// segment.
    fn counts<'r>(&'r self, of: Of, record: &'r Record) -> impl Iterator<Item = &'r StreamRecord> {
        let is_meant = move |stream: &StreamOutline| match of {
            Of::Commands => stream.deadline.is_some(),
            Of::SkippingPolls => stream.skips,
            Of::Requests | Of::Refusals | Of::Polls | Of::Gate | Of::Accounts | Of::Run => true,
        };
        self.segments.iter().flat_map(move |segment| {
            self.streams
                .iter()
                .filter(move |index| is_meant(&self.outline.streams[**index]))
                .map(|index| &record.segments[*segment].streams[*index])
        })
    }

    fn count(&self, of: Of, record: &Record, count: impl Fn(&StreamRecord) -> u64) -> u64 {
        self.counts(of, record).map(count).sum()
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
        gates.for_each(|counts| sum.merge(counts));
        sum
    }

    /// What a measure has for the picked cohorts, each of its numbers added up.
    fn measured<const MANY: usize>(&self, measure: Measure, record: &Record) -> [u128; MANY] {
        let mut sums = [0; MANY];
        if let Some(Values::Sums(all)) = record.measured(measure) {
            let numbers_of = |cohort: &usize| all.get(cohort * MANY..(cohort + 1) * MANY);
            for numbers in self.cohorts.iter().filter_map(numbers_of) {
                (sums.iter_mut().zip(numbers)).for_each(|(sum, number)| *sum += number);
            }
        }
        sums
    }

    /// The attempts of the busiest step over those of the mean; a last step that
    /// is cut short is left out, unless there is no other. `None` without any.
    fn peak_to_mean(&self, record: &Record) -> Option<f64> {
        let offered = &record.series.offered;
        let clock = &self.outline.clock;
        let length = clock.measured_until.since(clock.measured_from);
        let whole = (length.nanos() / clock.bucket_width.nanos().max(1)) as usize;
        let steps = &offered[..whole.clamp(1, offered.len().max(1)).min(offered.len())];
        let sum: u64 = steps.iter().sum();
        let peak = steps.iter().max().filter(|peak| **peak > 0)?;
        Some(*peak as f64 * steps.len() as f64 / sum as f64)
    }

    /// Jain's index of the shares served; `None` if nobody is served.
    fn jain(&self, record: &Record) -> Option<f64> {
        let [accounts, sum, squares] = self.measured::<3>(Measure::SharesServed, record);
        let (sum, squares) = (sum as f64, squares as f64);
        (squares > 0.0).then(|| sum * sum / (accounts as f64 * squares))
    }

    /// The accounts of the picked cohorts: their homes.
    fn accounts(&self) -> u64 {
        let cohorts = &self.cell.scenario.cohorts;
        let names = self
            .cohorts
            .iter()
            .map(|cohort| &self.outline.cohorts[*cohort]);
        (names.filter_map(|name| cohorts.get(name)))
            .map(|cohort| u64::from(cohort.homes))
            .sum()
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

/// A moment of a run that it has measured.
fn moment(measure: Measure, record: &Record) -> Option<u64> {
    match record.measured(measure)? {
        Values::Moments(moments) => moments.first().copied().flatten(),
        Values::Sums(_) | Values::Histograms(_) => None,
    }
}
