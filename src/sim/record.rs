use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

use super::{Histogram, Measured, Values};
use crate::scenario::{Count, GateCount, Measure};

/// The version of [`Record`]: a stored record of another version is not read.
pub const RECORD_VERSION: u32 = 6;

/// What result hashes have in place of the version: they did not change with
/// the later layouts.
const HASHED_AS: u32 = 4;

/// What one replication leaves: integers only, so that records of any machine
/// and any number of threads are the same to the last bit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// The number of the replication.
    pub replication: u32,
    /// Events that the loop has taken from its queue.
    pub events: u64,
    /// Counts per segment of the measured span, in the order of the world's
    /// [`Windows`](crate::world::Windows).
    pub segments: Vec<SegmentRecord>,
    /// What the homes and devices of the replication were, where they may
    /// differ from those of another.
    pub fleet: FleetRecord,
    /// Nanoseconds from the start of the measured span to the last success of
    /// a request that started in it.
    pub last_success: Option<u64>,
    /// The run over time.
    pub series: SeriesRecord,
    /// What else the run has taken, in the order of [`Measure`].
    pub measured: Vec<Measured>,
}

/// The counts of one segment of the measured span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// Counts per stream, in the order of the world.
    pub streams: Vec<StreamRecord>,
    /// Counts per gate, in the order of the world.
    pub gates: Vec<GateRecord>,
}

impl Record {
    /// What the run has taken of a measure; `None` if it has not.
    pub fn measured(&self, measure: Measure) -> Option<&Values> {
        let mut measured = self.measured.iter();
        (measured.find(|one| one.measure == measure)).map(|one| &one.values)
    }

    /// The bytes that result hashes are taken of: what happened in the run. What
    /// is measured of it besides follows from the same events, and is left out,
    /// so that a hash does not depend on what is asked for.
    pub fn to_hashed_bytes(&self) -> Vec<u8> {
        let segments: Vec<_> = (self.segments.iter())
            .map(|segment| {
                let streams = segment.streams.iter().map(StreamRecord::hashed);
                (streams.collect::<Vec<_>>(), &segment.gates)
            })
            .collect();
        let happened = (
            (HASHED_AS, self.replication, self.events),
            (segments, &self.fleet, self.last_success, &self.series),
        );
        postcard::to_allocvec(&happened).unwrap_or_default()
    }

    /// The record as bytes (postcard's wire format, version 1), as a store keeps
    /// it.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Only a type that refuses to be serialised can fail; this one does not.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// The record that [`to_bytes`](Record::to_bytes) wrote; `None` if the
    /// bytes are not one of this version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Record> {
        postcard::from_bytes(bytes)
            .ok()
            .filter(|record: &Record| record.version == RECORD_VERSION)
    }
}

/// The numbers of what a replication draws anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetRecord {
    /// Devices that send or are addressed, per stream.
    pub devices: Vec<u32>,
    /// Keys, each with permits of its own, per gate.
    pub gate_keys: Vec<u32>,
}

/// The requests of one stream that started in one segment: a number per
/// [`Count`].
///
/// What happens to them later counts here too, whenever it happens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRecord {
    counts: [u64; Count::ALL.len() - 2],
    /// Attempts refused, per stage of the server, whether their client still
    /// waited or not.
    pub refused: Vec<u64>,
    /// The last of the counts but one, which stands here in the bytes of a record.
    wakeups: u64,
    /// Nanoseconds from when a request was due to its success.
    pub latency: Histogram,
    /// The sum of the same.
    pub latency_sum: u128,
    /// The last of the counts.
    dropped: u64,
}

impl StreamRecord {
    /// What result hashes are taken of. What was dropped has been given up, and
    /// the counts say so.
    fn hashed(&self) -> impl Serialize {
        let StreamRecord {
            counts,
            refused,
            wakeups,
            latency,
            latency_sum,
            dropped: _,
        } = self;
        (counts, refused, wakeups, latency, latency_sum)
    }
}

impl Index<Count> for StreamRecord {
    type Output = u64;
    #[inline(always)]
    fn index(&self, count: Count) -> &u64 {
        match count {
            Count::Wakeups => &self.wakeups,
            Count::Dropped => &self.dropped,
            count => &self.counts[count as usize],
        }
    }
}

impl IndexMut<Count> for StreamRecord {
    #[inline(always)]
    fn index_mut(&mut self, count: Count) -> &mut u64 {
        match count {
            Count::Wakeups => &mut self.wakeups,
            Count::Dropped => &mut self.dropped,
            count => &mut self.counts[count as usize],
        }
    }
}

/// What happened at one gate in one segment: a number per [`GateCount`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRecord {
    counts: [u128; GateCount::ALL.len()],
}

impl GateRecord {
    /// Adds what happened in another segment.
    pub fn merge(&mut self, other: &GateRecord) {
        for count in GateCount::ALL {
            match count.is_peak() {
                true => self[count] = self[count].max(other[count]),
                false => self[count] += other[count],
            }
        }
    }
}

impl Index<GateCount> for GateRecord {
    type Output = u128;
    #[inline(always)]
    fn index(&self, count: GateCount) -> &u128 {
        &self.counts[count as usize]
    }
}

impl IndexMut<GateCount> for GateRecord {
    #[inline(always)]
    fn index_mut(&mut self, count: GateCount) -> &mut u128 {
        &mut self.counts[count as usize]
    }
}

/// The run in steps of equal width over the measured span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesRecord {
    /// Requests that came due.
    pub requests: Vec<u64>,
    /// Requests of which the client heard a success.
    pub succeeded: Vec<u64>,
    /// Attempts, by the step in which they were made.
    pub offered: Vec<u64>,
    /// Attempts that passed all stages, by the step in which they were made.
    pub admitted: Vec<u64>,
    /// Attempts refused, per stage, by the step in which they were made.
    pub refused: Vec<Vec<u64>>,
    /// Permit-nanoseconds in use, per gate.
    pub inside: Vec<Vec<u128>>,
    /// Visit-nanoseconds of waiting, per gate.
    pub waiting: Vec<Vec<u128>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_bytes() {
        let mut record = Record {
            version: RECORD_VERSION,
            replication: 3,
            events: 17,
            segments: vec![SegmentRecord {
                streams: vec![StreamRecord::default()],
                gates: Vec::new(),
            }],
            fleet: FleetRecord::default(),
            last_success: Some(7),
            series: SeriesRecord::default(),
            measured: vec![Measured {
                measure: Measure::FirstRefusal,
                values: Values::Moments(vec![None]),
            }],
        };
        let unmeasured = Record {
            measured: Vec::new(),
            ..record.clone()
        };
        assert_eq!(unmeasured.to_hashed_bytes(), record.to_hashed_bytes());
        assert_ne!(unmeasured.to_bytes(), record.to_bytes());
        let stream = &mut record.segments[0].streams[0];
        stream.latency_sum = u128::MAX;
        stream.latency = [5, 7].into_iter().collect();
        let bytes = record.to_bytes();
        assert_eq!(Record::from_bytes(&bytes), Some(record.clone()));
        assert_eq!(Record::from_bytes(&bytes[..bytes.len() - 1]), None);
        record.version += 1;
        assert_eq!(Record::from_bytes(&record.to_bytes()), None);
    }
}
