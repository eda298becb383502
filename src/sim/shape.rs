use super::{Record, SegmentRecord, SeriesRecord};
use crate::world::Outline;

impl Record {
    /// Whether the record has the shape of one of that world: as many streams,
    /// stages, gates and steps, and what such a run measures. All that reads a record by their numbers needs
    /// it; a record that was stored may come from another build.
    pub fn fits(&self, world: &Outline) -> bool {
        let (stages, gates) = (world.stages.len(), world.gates.len());
        let steps = world.clock.buckets;
        let Record {
            version: _,
            replication: _,
            events: _,
            segments,
            fleet,
            last_success: _,
            series,
            measured,
        } = self;
        let SeriesRecord {
            requests,
            succeeded,
            offered,
            admitted,
            refused,
            inside,
            waiting,
        } = series;
        let has_steps =
            |rows: &[Vec<u128>]| rows.len() == gates && rows.iter().all(|row| row.len() == steps);
        let has_counts = |segment: &SegmentRecord| {
            segment.streams.len() == world.streams.len()
                && segment.gates.len() == gates
                && (segment.streams.iter()).all(|stream| stream.refused.len() == stages)
        };
        segments.len() == world.windows.segments.len()
            && segments.iter().all(has_counts)
            && fleet.devices.len() == world.streams.len()
            && fleet.gate_keys.len() == gates
            && [requests, succeeded, offered, admitted]
                .iter()
                .all(|counts| counts.len() == steps)
            && refused.len() == stages
            && refused.iter().all(|row| row.len() == steps)
            && has_steps(inside)
            && has_steps(waiting)
            && (measured.iter().map(|one| one.measure)).eq(world.measures.iter().copied())
            && measured.iter().all(|one| one.fits(world))
    }
}
