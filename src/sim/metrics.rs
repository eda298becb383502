use super::RECORD_VERSION;
use super::record::{GateRecord, Record, SeriesRecord, StreamRecord};
use crate::units::{Span, Time};
use crate::world::World;

/// The counters of a replication.
///
/// Requests count if they start in the measured span; attempts, gates and the
/// time series count what happens in it.
#[derive(Debug)]
pub struct Metrics {
    /// Counts per stream.
    pub(super) streams: Vec<StreamRecord>,
    /// Counts per gate.
    pub(super) gates: Vec<GateRecord>,
    series: SeriesRecord,
    levels: Vec<Level>,
    bucket: u32,
    /// The next moment at which the step of the time series changes.
    next_mark: Time,
    measured_from: Time,
    measured_until: Time,
    bucket_width: Span,
    status_429: Vec<bool>,
}

/// What a gate holds, since when, and what it has held in the current step.
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

/// The step of the time series outside the measured span.
pub(super) const UNMEASURED: u32 = u32::MAX;

impl Metrics {
    /// Counters at zero.
    pub fn new(world: &World) -> Metrics {
        let stages = world.server.stages.len();
        let gates = world.server.gates.len();
        let buckets = world.clock.buckets;
        let stream = StreamRecord {
            refused: vec![0; stages],
            ..StreamRecord::default()
        };
        Metrics {
            streams: vec![stream; world.streams.len()],
            gates: vec![GateRecord::default(); gates],
            series: SeriesRecord {
                offered: vec![0; buckets],
                admitted: vec![0; buckets],
                refused: vec![vec![0; buckets]; stages],
                inside: vec![vec![0; buckets]; gates],
                waiting: vec![vec![0; buckets]; gates],
            },
            levels: vec![
                Level {
                    since: world.clock.start,
                    inside: 0,
                    waiting: 0,
                    inside_area: 0,
                    waiting_area: 0,
                };
                gates
            ],
            bucket: UNMEASURED,
            next_mark: world.clock.measured_from,
            measured_from: world.clock.measured_from,
            measured_until: world.clock.measured_until,
            bucket_width: world.clock.bucket_width,
            status_429: world
                .server
                .stages
                .iter()
                .map(|stage| stage.response.status == 429)
                .collect(),
        }
    }

    /// Moves the time series on; call it before anything that happens at `now`.
    #[inline]
    pub fn advance(&mut self, now: Time) {
        while now >= self.next_mark {
            self.cross_mark();
        }
    }

    #[cold]
    fn cross_mark(&mut self) {
        let mark = self.next_mark;
        for (gate, level) in self.levels.iter_mut().enumerate() {
            level.advance(mark);
            let areas = (level.inside_area, level.waiting_area);
            (level.inside_area, level.waiting_area) = (0, 0);
            if let Some(inside) = self.series.inside[gate].get_mut(self.bucket as usize) {
                *inside = areas.0;
                self.series.waiting[gate][self.bucket as usize] = areas.1;
            }
        }
        if mark >= self.measured_until {
            self.bucket = UNMEASURED;
            self.next_mark = Time::MAX;
            // Time::MAX itself is never reached by a run of bounded length.
            return;
        }
        self.bucket = self.bucket.wrapping_add(1);
        self.next_mark = (mark + self.bucket_width).min(self.measured_until);
    }

    /// Whether the current moment is measured.
    #[inline]
    pub fn is_measured(&self) -> bool {
        self.bucket != UNMEASURED
    }

    /// The current step of the time series.
    #[inline]
    pub(super) fn bucket(&self) -> u32 {
        self.bucket
    }

    /// Counts an attempt that is made now.
    #[inline]
    pub(super) fn offered(&mut self) {
        if let Some(count) = self.series.offered.get_mut(self.bucket as usize) {
            *count += 1;
        }
    }

    /// Counts that an attempt of that step has passed all stages.
    #[inline]
    pub(super) fn admitted(&mut self, bucket: u32) {
        if let Some(count) = self.series.admitted.get_mut(bucket as usize) {
            *count += 1;
        }
    }

    /// Counts that a stage has refused an attempt of that step.
    #[inline]
    pub(super) fn refused(&mut self, bucket: u32, stage: u8) {
        if let Some(count) = self.series.refused[usize::from(stage)].get_mut(bucket as usize) {
            *count += 1;
        }
    }

    /// Whether a stage's refusals have the status 429.
    #[inline]
    pub(super) fn is_429(&self, stage: u8) -> bool {
        self.status_429[usize::from(stage)]
    }

    /// Counts that a device was woken.
    #[inline]
    pub(super) fn wake(&mut self, stream: usize) {
        self.streams[stream].wakeups += 1;
    }

    /// Notes what a gate holds from `now` on.
    #[inline]
    pub(super) fn gate_changed(&mut self, gate: u8, now: Time, inside: u32, waiting: usize) {
        let level = &mut self.levels[usize::from(gate)];
        level.advance(now);
        level.inside = inside;
        level.waiting = waiting as u32;
    }

    /// The record of a replication that has ended.
    pub(super) fn finish(mut self, replication: u32, events: u64) -> Record {
        self.advance(self.measured_until.max(self.measured_from));
        // A study keeps all records: what is kept is small.
        for stream in &mut self.streams {
            stream.latency = stream.latency.packed();
        }
        Record {
            version: RECORD_VERSION,
            replication,
            events,
            streams: self.streams,
            gates: self.gates,
            series: self.series,
        }
    }
}
