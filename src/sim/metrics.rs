use super::measures::Measures;
use super::record::{FleetRecord, GateRecord, Record, SegmentRecord, SeriesRecord, StreamRecord};
use super::{LatencyRecorder, RECORD_VERSION};
use crate::scenario::{Count, GateCount};
use crate::units::{Span, Time};
use crate::world::World;

/// The counters of a replication.
///
/// Requests count in the segment of the measured span in which they start,
/// whatever happens to them later; gates and the time series count what
/// happens in a segment or step. What is not measured is counted too, in a
/// segment of its own that no record has, since that is faster than to ask.
#[derive(Debug)]
pub struct Metrics {
    /// Counts per segment and stream, segment by segment.
    streams: Vec<StreamRecord>,
    streams_per_segment: u32,
    /// Attempts refused, per account and stage.
    refused: Vec<u64>,
    /// Latencies per segment and stream, segment by segment.
    latencies: Vec<LatencyRecorder>,
    /// Counts per segment and gate, segment by segment.
    gates: Vec<GateRecord>,
    levels: Vec<Level>,
    fleet: FleetRecord,
    series: SeriesRecord,
    /// What has happened in the current step so far.
    current: Current,
    step: u32,
    segment: u32,
    /// The segment of what is not measured.
    unmeasured: u32,
    /// The next moment at which the step of the time series or the segment
    /// changes.
    next_mark: Time,
    next_step: Time,
    /// When segments begin, the next at `segments_begun`.
    segment_marks: Vec<(Time, u16)>,
    segments_begun: usize,
    measured_from: Time,
    measured_until: Time,
    step_width: Span,
    last_success: Option<Time>,
    status_429: Vec<bool>,
    /// What is taken beside the counts.
    pub(super) measures: Measures,
}

/// Where a request counts: its segment and stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account(u32);

/// Counts of one step.
#[derive(Debug, Default)]
struct Current {
    requests: u64,
    succeeded: u64,
    offered: u64,
    admitted: u64,
    refused: Vec<u64>,
}

/// What a refusal is to its request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    /// Whether no attempt was refused before.
    pub(super) is_first: bool,
    /// Whether no attempt was refused with a 429 before.
    pub(super) is_first_429: bool,
    /// Whether it is a 429 for the first attempt.
    pub(super) is_429_at_once: bool,
}

/// What a gate holds, since when, and what it has held since the last mark.
#[derive(Debug, Clone, Copy)]
struct Level {
    since: Time,
    inside: u32,
    waiting: u32,
    inside_area: u128,
    waiting_area: u128,
    peak_inside: u32,
    peak_waiting: u32,
}

impl Level {
    #[inline]
    fn advance(&mut self, now: Time) {
        let span = u128::from(now.since(self.since).nanos());
        self.since = now;
        self.inside_area += span * u128::from(self.inside);
        if self.waiting > 0 {
            self.waiting_area += span * u128::from(self.waiting);
        }
    }
}

/// The step of the time series outside the measured span.
const UNMEASURED: u32 = u32::MAX;

impl Metrics {
    /// Counters at zero.
    pub fn new(world: &World) -> Metrics {
        let stages = world.server.stages.len();
        let gates = world.server.gates.len();
        let steps = world.clock.buckets;
        let segments = world.windows.segments.len();
        let accounts = (segments + 1) * world.streams.len();
        let level = Level {
            since: world.clock.start,
            inside: 0,
            waiting: 0,
            inside_area: 0,
            waiting_area: 0,
            peak_inside: 0,
            peak_waiting: 0,
        };
        Metrics {
            streams: vec![StreamRecord::default(); accounts],
            streams_per_segment: world.streams.len() as u32,
            refused: vec![0; accounts * stages],
            latencies: vec![LatencyRecorder::default(); accounts],
            gates: vec![GateRecord::default(); (segments + 1) * gates],
            levels: vec![level; gates],
            fleet: FleetRecord {
                devices: (world.streams.iter().map(|stream| &stream.devices))
                    .map(|group| group.as_ref().map_or(0, |group| group.devices))
                    .collect(),
                gate_keys: world.server.gates.iter().map(|gate| gate.keys).collect(),
            },
            series: SeriesRecord {
                requests: vec![0; steps],
                succeeded: vec![0; steps],
                offered: vec![0; steps],
                admitted: vec![0; steps],
                refused: vec![vec![0; steps]; stages],
                inside: vec![vec![0; steps]; gates],
                waiting: vec![vec![0; steps]; gates],
            },
            current: Current {
                refused: vec![0; stages],
                ..Current::default()
            },
            step: UNMEASURED,
            segment: segments as u32,
            unmeasured: segments as u32,
            next_mark: world.clock.measured_from,
            next_step: world.clock.measured_from,
            segment_marks: world.windows.marks.clone(),
            segments_begun: 0,
            measured_from: world.clock.measured_from,
            measured_until: world.clock.measured_until,
            step_width: world.clock.bucket_width,
            last_success: None,
            status_429: (world.server.stages.iter())
                .map(|stage| stage.response.status == 429)
                .collect(),
            measures: Measures::new(world),
        }
    }

    /// Moves steps and segments on; call it before anything that happens at `now`.
    #[inline]
    pub fn advance(&mut self, now: Time) {
        while now >= self.next_mark {
            self.cross_mark();
        }
    }

    #[cold]
    fn cross_mark(&mut self) {
        let mark = self.next_mark;
        self.close_step(mark);
        if mark >= self.measured_until {
            (self.step, self.segment) = (UNMEASURED, self.unmeasured);
            // Time::MAX itself is never reached by a run of bounded length.
            self.next_mark = Time::MAX;
            return;
        }
        if mark >= self.next_step {
            self.step = self.step.wrapping_add(1);
            self.next_step = mark + self.step_width;
        }
        while let Some(&(_, segment)) =
            (self.segment_marks.get(self.segments_begun)).filter(|(begins, _)| *begins <= mark)
        {
            self.segment = u32::from(segment);
            self.segments_begun += 1;
        }
        let next_segment = self.segment_marks.get(self.segments_begun);
        self.next_mark = next_segment
            .map_or(self.measured_until, |(begins, _)| *begins)
            .min(self.next_step)
            .min(self.measured_until);
    }

    /// Adds what has happened up to a mark to the current step and segment.
    fn close_step(&mut self, mark: Time) {
        let is_measured = self.step != UNMEASURED;
        let step = self.step as usize;
        for gate in 0..self.levels.len() {
            let level = &mut self.levels[gate];
            level.advance(mark);
            let inside = std::mem::take(&mut level.inside_area);
            let waiting = std::mem::take(&mut level.waiting_area);
            let peaks = [
                (GateCount::PeakInside, level.peak_inside),
                (GateCount::PeakWaiting, level.peak_waiting),
            ];
            // The next span begins with what is there now.
            (level.peak_inside, level.peak_waiting) = (level.inside, level.waiting);
            if is_measured {
                self.series.inside[gate][step] += inside;
                self.series.waiting[gate][step] += waiting;
                let counts = self.gate(gate as u8);
                counts[GateCount::Inside] += inside;
                for (count, peak) in peaks {
                    counts[count] = counts[count].max(u128::from(peak));
                }
            }
        }
        let stages = self.current.refused.len();
        let empty = Current {
            refused: vec![0; stages],
            ..Current::default()
        };
        let current = std::mem::replace(&mut self.current, empty);
        if is_measured {
            self.series.requests[step] += current.requests;
            self.series.succeeded[step] += current.succeeded;
            self.series.offered[step] += current.offered;
            self.series.admitted[step] += current.admitted;
            for (series, refused) in self.series.refused.iter_mut().zip(&current.refused) {
                series[step] += refused;
            }
        }
    }

    /// The current step of the time series.
    #[inline]
    pub(super) fn step(&self) -> u32 {
        self.step
    }

    /// Whether what counts there is measured.
    #[inline]
    pub(super) fn is_measured(&self, account: Account) -> bool {
        account.0 < self.unmeasured * self.streams_per_segment
    }

    #[inline]
    fn account(&self, stream: usize) -> Account {
        Account(self.segment * self.streams_per_segment + stream as u32)
    }

    #[inline]
    fn of(&mut self, account: Account) -> &mut StreamRecord {
        &mut self.streams[account.0 as usize]
    }

    /// A request of a stream comes due now: where it counts.
    #[inline]
    pub(super) fn begun(&mut self, stream: usize) -> Account {
        let account = self.account(stream);
        self.of(account)[Count::Requests] += 1;
        self.current.requests += 1;
        account
    }

    /// A poll of a stream is skipped now.
    #[inline]
    pub(super) fn skipped(&mut self, stream: usize, requests: u32) {
        let account = self.account(stream);
        self.of(account)[Count::Skipped] += u64::from(requests);
    }

    /// An attempt is made now, and may wake its device.
    #[inline]
    pub(super) fn attempted(&mut self, account: Account, wakes: bool) {
        self.current.offered += 1;
        let counts = self.of(account);
        counts[Count::Attempts] += 1;
        counts[Count::Wakeups] += u64::from(wakes);
    }

    /// An attempt of that step has passed all stages.
    #[inline]
    pub(super) fn admitted(&mut self, step: u32) {
        if step == self.step {
            self.current.admitted += 1;
        } else if let Some(count) = self.series.admitted.get_mut(step as usize) {
            *count += 1;
        }
    }

    /// A stage has refused an attempt of that step.
    #[inline]
    pub(super) fn refused(&mut self, account: Account, step: u32, stage: u8, refusal: Refusal) {
        let stage = usize::from(stage);
        if step == self.step {
            self.current.refused[stage] += 1;
        } else if let Some(count) = self.series.refused[stage].get_mut(step as usize) {
            *count += 1;
        }
        self.refused[account.0 as usize * self.status_429.len() + stage] += 1;
        let counts = self.of(account);
        counts[Count::AnyRefusal] += u64::from(refusal.is_first);
        counts[Count::Any429] += u64::from(refusal.is_first_429);
        counts[Count::First429] += u64::from(refusal.is_429_at_once);
    }

    /// Whether a stage's refusals have the status 429.
    #[inline]
    pub(super) fn is_429(&self, stage: u8) -> bool {
        self.status_429[usize::from(stage)]
    }

    /// An attempt has timed out at its client.
    #[inline]
    pub(super) fn timed_out(&mut self, account: Account) {
        self.of(account)[Count::TimedOut] += 1;
    }

    /// The server has carried a request out, for the so manieth time, and may
    /// have woken its device.
    #[inline]
    pub(super) fn executed(&mut self, account: Account, times: u32, wakes: bool) {
        let counts = self.of(account);
        counts[Count::Executed] += u64::from(times == 1);
        counts[Count::ExecutedAgain] += u64::from(times == 2);
        counts[Count::Wakeups] += u64::from(wakes);
    }

    /// A client hears of a success now, so long after its request was due.
    #[inline]
    pub(super) fn succeeded(&mut self, account: Account, now: Time, latency: Span, in_time: bool) {
        self.current.succeeded += 1;
        let is_measured = self.is_measured(account);
        let counts = self.of(account);
        counts[Count::Unconfirmed] += u64::from(!in_time);
        counts[Count::Succeeded] += 1;
        counts.latency_sum += u128::from(latency.nanos());
        if is_measured {
            self.latencies[account.0 as usize].add(latency.nanos());
            self.last_success = Some(now);
        }
    }

    /// A client has given a request up.
    #[inline]
    pub(super) fn gave_up(&mut self, account: Account, is_command: bool) {
        let counts = self.of(account);
        counts[Count::GivenUp] += 1;
        counts[Count::Unconfirmed] += u64::from(is_command);
    }

    /// A guard of a client has not let an attempt be made, and its request is given
    /// up.
    pub(super) fn dropped(&mut self, account: Account) {
        self.of(account)[Count::Dropped] += 1;
    }

    /// The run has ended before a request has.
    pub(super) fn unfinished(&mut self, account: Account, is_command: bool) {
        let counts = self.of(account);
        counts[Count::Unfinished] += 1;
        counts[Count::Unconfirmed] += u64::from(is_command);
    }

    /// A command was not carried out by its deadline.
    #[inline]
    pub(super) fn undone(&mut self, account: Account) {
        self.of(account)[Count::Undone] += 1;
    }

    #[inline]
    fn gate(&mut self, gate: u8) -> &mut GateRecord {
        let gates = self.levels.len();
        &mut self.gates[self.segment as usize * gates + usize::from(gate)]
    }

    /// An attempt gets a permit of a gate at once.
    #[inline]
    pub(super) fn entered(&mut self, gate: u8) {
        self.gate(gate)[GateCount::Entered] += 1;
    }

    /// An attempt gets a permit of a gate after a wait.
    #[inline]
    pub(super) fn entered_after(&mut self, gate: u8, wait: Span) {
        let counts = self.gate(gate);
        counts[GateCount::Entered] += 1;
        counts[GateCount::EnteredAfterWait] += 1;
        counts[GateCount::Waited] += u128::from(wait.nanos());
    }

    /// An attempt finds neither a permit of a gate nor room to wait.
    #[inline]
    pub(super) fn found_full(&mut self, gate: u8) {
        self.gate(gate)[GateCount::Full] += 1;
    }

    /// So many attempts have waited at a gate in vain.
    #[inline]
    pub(super) fn waited_in_vain(&mut self, gate: u8, attempts: u64) {
        self.gate(gate)[GateCount::WaitEnded] += u128::from(attempts);
    }

    /// Notes what a gate holds from `now` on.
    #[inline]
    pub(super) fn gate_changed(&mut self, gate: u8, now: Time, inside: u32, waiting: usize) {
        let level = &mut self.levels[usize::from(gate)];
        level.advance(now);
        let waiting = waiting as u32;
        (level.inside, level.waiting) = (inside, waiting);
        level.peak_inside = level.peak_inside.max(inside);
        level.peak_waiting = level.peak_waiting.max(waiting);
    }

    /// The record of a replication that has ended.
    pub(super) fn finish(mut self, replication: u32, events: u64) -> Record {
        self.advance(self.measured_until.max(self.measured_from));
        let stages = self.status_429.len();
        for (account, counts) in self.streams.iter_mut().enumerate() {
            counts.latency = self.latencies[account].histogram();
            counts.refused = self.refused[account * stages..(account + 1) * stages].to_vec();
        }
        let (mut streams, mut gates) = (self.streams.into_iter(), self.gates.into_iter());
        let segments = (0..self.unmeasured).map(|_| SegmentRecord {
            streams: (streams.by_ref())
                .take(self.streams_per_segment as usize)
                .collect(),
            gates: gates.by_ref().take(self.levels.len()).collect(),
        });
        Record {
            version: RECORD_VERSION,
            replication,
            events,
            segments: segments.collect(),
            fleet: self.fleet,
            last_success: (self.last_success).map(|time| time.since(self.measured_from).nanos()),
            series: self.series,
            measured: self.measures.finish(),
        }
    }
}
