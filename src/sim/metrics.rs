use super::record::{FleetRecord, GateRecord, Record, SegmentRecord, SeriesRecord, StreamRecord};
use super::{LatencyRecorder, RECORD_VERSION};
use crate::units::{Span, Time};
use crate::world::World;

/// The counters of a replication.
///
/// Requests count in the segment of the measured span in which they start,
/// whatever happens to them later; gates and the time series count what
/// happens in a segment or step.
#[derive(Debug)]
pub struct Metrics {
    /// Counts per segment and stream, segment by segment.
    streams: Vec<StreamRecord>,
    streams_per_segment: usize,
    /// Latencies per segment and stream, segment by segment.
    latencies: Vec<LatencyRecorder>,
    /// Counts per segment and gate, segment by segment.
    gates: Vec<GateRecord>,
    fleet: FleetRecord,
    series: SeriesRecord,
    levels: Vec<Level>,
    bucket: u32,
    segment: u32,
    /// The next moment at which the step of the time series or the segment
    /// changes.
    next_mark: Time,
    next_bucket: Time,
    /// When segments begin, the next at `segments_begun`.
    segment_marks: Vec<(Time, u16)>,
    segments_begun: usize,
    measured_from: Time,
    measured_until: Time,
    bucket_width: Span,
    last_success: Option<Time>,
    status_429: Vec<bool>,
}

/// Where a request counts: its segment and stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account(u32);

impl Account {
    /// Of a request that is not measured.
    pub(super) const NONE: Account = Account(u32::MAX);

    /// Whether the request is measured.
    #[inline]
    pub(super) fn is_measured(self) -> bool {
        self != Account::NONE
    }
}

/// What a gate holds, since when, and what it has held since the last mark.
#[derive(Debug, Clone, Copy)]
struct Level {
    since: Time,
    inside: u32,
    waiting: u32,
    inside_area: u128,
    waiting_area: u128,
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

/// The step of the time series, and the segment, outside the measured span.
pub(super) const UNMEASURED: u32 = u32::MAX;

impl Metrics {
    /// Counters at zero.
    pub fn new(world: &World) -> Metrics {
        let stages = world.server.stages.len();
        let gates = world.server.gates.len();
        let buckets = world.clock.buckets;
        let segments = world.windows.segments.len();
        let stream = StreamRecord {
            refused: vec![0; stages],
            ..StreamRecord::default()
        };
        let level = Level {
            since: world.clock.start,
            inside: 0,
            waiting: 0,
            inside_area: 0,
            waiting_area: 0,
        };
        Metrics {
            streams: vec![stream; segments * world.streams.len()],
            streams_per_segment: world.streams.len(),
            latencies: vec![LatencyRecorder::default(); segments * world.streams.len()],
            gates: vec![GateRecord::default(); segments * gates],
            fleet: FleetRecord {
                devices: (world.streams.iter().map(|stream| &stream.devices))
                    .map(|group| group.as_ref().map_or(0, |group| group.devices))
                    .collect(),
                gate_keys: world.server.gates.iter().map(|gate| gate.keys).collect(),
            },
            series: SeriesRecord {
                requests: vec![0; buckets],
                succeeded: vec![0; buckets],
                offered: vec![0; buckets],
                admitted: vec![0; buckets],
                refused: vec![vec![0; buckets]; stages],
                inside: vec![vec![0; buckets]; gates],
                waiting: vec![vec![0; buckets]; gates],
            },
            levels: vec![level; gates],
            bucket: UNMEASURED,
            segment: UNMEASURED,
            next_mark: world.clock.measured_from,
            next_bucket: world.clock.measured_from,
            segment_marks: world.windows.marks.clone(),
            segments_begun: 0,
            measured_from: world.clock.measured_from,
            measured_until: world.clock.measured_until,
            bucket_width: world.clock.bucket_width,
            last_success: None,
            status_429: (world.server.stages.iter())
                .map(|stage| stage.response.status == 429)
                .collect(),
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
        let gates = self.levels.len();
        for (gate, level) in self.levels.iter_mut().enumerate() {
            level.advance(mark);
            let (inside, waiting) = (level.inside_area, level.waiting_area);
            (level.inside_area, level.waiting_area) = (0, 0);
            if self.bucket != UNMEASURED {
                self.series.inside[gate][self.bucket as usize] += inside;
                self.series.waiting[gate][self.bucket as usize] += waiting;
                self.gates[self.segment as usize * gates + gate].inside += inside;
            }
        }
        if mark >= self.measured_until {
            (self.bucket, self.segment) = (UNMEASURED, UNMEASURED);
            // Time::MAX itself is never reached by a run of bounded length.
            self.next_mark = Time::MAX;
            return;
        }
        if mark >= self.next_bucket {
            self.bucket = self.bucket.wrapping_add(1);
            self.next_bucket = mark + self.bucket_width;
        }
        while let Some(&(_, segment)) =
            (self.segment_marks.get(self.segments_begun)).filter(|(begins, _)| *begins <= mark)
        {
            self.segment = u32::from(segment);
            self.segments_begun += 1;
        }
        for (gate, level) in self.levels.iter().enumerate() {
            let counts = &mut self.gates[self.segment as usize * gates + gate];
            counts.peak_inside = counts.peak_inside.max(u64::from(level.inside));
            counts.peak_waiting = counts.peak_waiting.max(u64::from(level.waiting));
        }
        let next_segment = self.segment_marks.get(self.segments_begun);
        self.next_mark = next_segment
            .map_or(self.measured_until, |(begins, _)| *begins)
            .min(self.next_bucket)
            .min(self.measured_until);
    }

    /// The current step of the time series.
    #[inline]
    pub(super) fn bucket(&self) -> u32 {
        self.bucket
    }

    /// A request of a stream comes due now: where it counts.
    #[inline]
    pub(super) fn begun(&mut self, stream: usize) -> Account {
        if self.segment == UNMEASURED {
            return Account::NONE;
        }
        let account = self.segment as usize * self.streams_per_segment + stream;
        self.streams[account].requests += 1;
        self.series.requests[self.bucket as usize] += 1;
        Account(account as u32)
    }

    /// A poll of a stream is skipped now.
    #[inline]
    pub(super) fn skipped(&mut self, stream: usize) {
        if self.segment != UNMEASURED {
            let account = self.segment as usize * self.streams_per_segment + stream;
            self.streams[account].skipped += 1;
        }
    }

    /// The counts of a measured request; `None` if it is not.
    #[inline]
    pub(super) fn of(&mut self, account: Account) -> Option<&mut StreamRecord> {
        self.streams.get_mut(account.0 as usize)
    }

    /// An attempt is made now.
    #[inline]
    pub(super) fn offered(&mut self) {
        if let Some(count) = self.series.offered.get_mut(self.bucket as usize) {
            *count += 1;
        }
    }

    /// An attempt of that step has passed all stages.
    #[inline]
    pub(super) fn admitted(&mut self, bucket: u32) {
        if let Some(count) = self.series.admitted.get_mut(bucket as usize) {
            *count += 1;
        }
    }

    /// A stage has refused an attempt of that step.
    #[inline]
    pub(super) fn refused(&mut self, bucket: u32, stage: u8) {
        if let Some(count) = self.series.refused[usize::from(stage)].get_mut(bucket as usize) {
            *count += 1;
        }
    }

    /// A client hears of a success now, so long after its request was due.
    #[inline]
    pub(super) fn succeeded(&mut self, account: Account, now: Time, latency: Span) {
        if let Some(count) = self.series.succeeded.get_mut(self.bucket as usize) {
            *count += 1;
        }
        if let Some(counts) = self.streams.get_mut(account.0 as usize) {
            counts.succeeded += 1;
            self.latencies[account.0 as usize].add(latency.nanos());
            counts.latency_sum += u128::from(latency.nanos());
            self.last_success = Some(now);
        }
    }

    /// Whether a stage's refusals have the status 429.
    #[inline]
    pub(super) fn is_429(&self, stage: u8) -> bool {
        self.status_429[usize::from(stage)]
    }

    /// The counts of a gate now; `None` if the moment is not measured.
    #[inline]
    pub(super) fn gate(&mut self, gate: u8) -> Option<&mut GateRecord> {
        if self.segment == UNMEASURED {
            return None;
        }
        let gates = self.levels.len();
        Some(&mut self.gates[self.segment as usize * gates + usize::from(gate)])
    }

    /// Notes what a gate holds from `now` on.
    #[inline]
    pub(super) fn gate_changed(&mut self, gate: u8, now: Time, inside: u32, waiting: usize) {
        let level = &mut self.levels[usize::from(gate)];
        level.advance(now);
        let waiting = waiting as u32;
        (level.inside, level.waiting) = (inside, waiting);
        if let Some(counts) = self.gate(gate) {
            counts.peak_inside = counts.peak_inside.max(u64::from(inside));
            counts.peak_waiting = counts.peak_waiting.max(u64::from(waiting));
        }
    }

    /// The record of a replication that has ended.
    pub(super) fn finish(mut self, replication: u32, events: u64) -> Record {
        self.advance(self.measured_until.max(self.measured_from));
        for (counts, latencies) in self.streams.iter_mut().zip(&self.latencies) {
            counts.latency = latencies.histogram();
        }
        let segments = self.streams.len() / self.streams_per_segment.max(1);
        let (mut streams, mut gates) = (self.streams.into_iter(), self.gates.into_iter());
        let segments = (0..segments).map(|_| SegmentRecord {
            streams: streams.by_ref().take(self.streams_per_segment).collect(),
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
        }
    }
}
