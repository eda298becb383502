use serde::{Deserialize, Serialize};

use super::Histogram;

/// The version of [`Record`]: a stored record of another version is not read.
pub const RECORD_VERSION: u32 = 4;

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
    /// The record as bytes (postcard's wire format, version 1): what result
    /// hashes are taken of and what a store keeps.
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

/// The requests of one stream that started in one segment.
///
/// What happens to them later counts here too, whenever it happens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRecord {
    /// Requests.
    pub requests: u64,
    /// Requests whose first attempt was refused with a 429.
    pub first_429: u64,
    /// Requests with an attempt that was refused with a 429.
    pub any_429: u64,
    /// Requests with an attempt that was refused with any status.
    pub any_refusal: u64,
    /// Requests that succeeded: the client heard so.
    pub succeeded: u64,
    /// Requests whose client gave up.
    pub given_up: u64,
    /// Requests that had neither succeeded nor been given up when the run ended.
    pub unfinished: u64,
    /// Requests that the server carried out, whether their client heard of it
    /// or not.
    pub executed: u64,
    /// Requests that the server carried out more than once.
    pub executed_again: u64,
    /// Requests with a deadline that were not carried out by it.
    pub undone: u64,
    /// Requests with a deadline whose client had not heard of a success by it.
    pub unconfirmed: u64,
    /// Polls that were skipped because the one before had not ended.
    pub skipped: u64,
    /// Attempts.
    pub attempts: u64,
    /// Attempts that timed out at the client.
    pub timed_out: u64,
    /// Attempts refused, per stage of the server, whether their client still
    /// waited or not.
    pub refused: Vec<u64>,
    /// Times that a device was woken.
    pub wakeups: u64,
    /// Nanoseconds from when a request was due to its success.
    pub latency: Histogram,
    /// The sum of the same.
    pub latency_sum: u128,
}

/// What happened at one gate in one segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRecord {
    /// Visits that got a permit.
    pub entered: u64,
    /// Those that had waited for it.
    pub entered_after_wait: u64,
    /// Nanoseconds that they had waited.
    pub waited: u128,
    /// Visits that found neither a permit nor room to wait.
    pub full: u64,
    /// Visits whose wait ended without a permit.
    pub wait_ended: u64,
    /// Permit-nanoseconds in use.
    pub inside: u128,
    /// The most visits inside at a time.
    pub peak_inside: u64,
    /// The most visits waiting at a time.
    pub peak_waiting: u64,
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
        };
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
