use super::{Record, SeriesRecord};
use crate::world::World;

impl Record {
    /// Whether the record has the shape of one of that world: as many streams,
    /// stages, gates and steps. All that reads a record by their numbers needs
    /// it; a record that was stored may come from another build.
    pub fn fits(&self, world: &World) -> bool {
        let (stages, gates) = (world.server.stages.len(), world.server.gates.len());
        let steps = world.clock.buckets;
        let Record {
            version: _,
            replication: _,
            events: _,
            streams,
            gates: gate_counts,
            series,
        } = self;
        let SeriesRecord {
            offered,
            admitted,
            refused,
            inside,
            waiting,
        } = series;
        let has_steps =
            |rows: &[Vec<u128>]| rows.len() == gates && rows.iter().all(|row| row.len() == steps);
        streams.len() == world.streams.len()
            && streams.iter().all(|stream| stream.refused.len() == stages)
            && gate_counts.len() == gates
            && offered.len() == steps
            && admitted.len() == steps
            && refused.len() == stages
            && refused.iter().all(|row| row.len() == steps)
            && has_steps(inside)
            && has_steps(waiting)
    }
}
