use serde::{Deserialize, Serialize};

use super::Histogram;

/// The version of [`Record`]: a stored record of another version is not read.
pub const RECORD_VERSION: u32 = 2;

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
    /// Counts per stream, in the order of the world.
    pub streams: Vec<StreamRecord>,
    /// Counts per gate, in the order of the world.
    pub gates: Vec<GateRecord>,
    /// The run over time.
    pub series: SeriesRecord,
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

/// The requests of one stream that started in the measured span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRecord {
    /// Requests.
    pub requests: u64,
    /// Requests whose first attempt got a 429.
    pub first_429: u64,
    /// Requests that got at least one 429.
    pub any_429: u64,
    /// Requests that were refused at least once, with any status.
    pub any_refusal: u64,
    /// Requests that succeeded.
    pub succeeded: u64,
    /// Requests whose client gave up.
    pub given_up: u64,
    /// Requests that had not ended when the run was drained.
    pub unfinished: u64,
    /// Requests with a deadline that had not succeeded by it.
    pub missed: u64,
    /// Polls that were skipped because the one before had not ended.
    pub skipped: u64,
    /// Attempts.
    pub attempts: u64,
    /// Attempts that timed out at the client.
    pub timed_out: u64,
    /// Attempts refused, per stage of the server.
    pub refused: Vec<u64>,
    /// Times that a device was woken.
    pub wakeups: u64,
    /// Nanoseconds from when a request was due to its success.
    pub latency: Histogram,
    /// The sum of the same.
    pub latency_sum: u128,
}

/// What happened at one gate in the measured span.
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
}

/// The run in steps of equal width over the measured span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesRecord {
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
            streams: vec![StreamRecord::default()],
            gates: Vec::new(),
            series: SeriesRecord::default(),
        };
        record.streams[0].latency_sum = u128::MAX;
        record.streams[0].latency.add(5);
        let bytes = record.to_bytes();
        assert_eq!(Record::from_bytes(&bytes), Some(record.clone()));
        assert_eq!(Record::from_bytes(&bytes[..bytes.len() - 1]), None);
        record.version += 1;
        assert_eq!(Record::from_bytes(&record.to_bytes()), None);
    }
}
