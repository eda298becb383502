use crate::client::Source;
use crate::sim::histogram::{Cell, Histogram, LatencyRecorder, least_of, number_of};
use crate::units::Time;
use crate::world::{Reach, World};

/// How old the newest data is that each client holds, as long as the measured
/// span lasts. A success of a poll brings data of that moment; at the start of
/// the run every client holds data of the start.
///
/// Between two successes the age rises from one value to another, evenly. The
/// time that it spends in any cell of a histogram follows from where such rises
/// begin and end, so that a success costs as much as two counts do.
#[derive(Debug)]
pub(super) struct PollAges {
    measured_from: Time,
    measured_until: Time,
    /// Of what moment the data of each holder is.
    newest: Vec<Time>,
    /// By stream; streams of polls have holders.
    streams: Vec<Option<Rises>>,
}

/// The rises of the ages of one stream's holders.
#[derive(Debug, Default)]
struct Rises {
    first_holder: usize,
    holders: usize,
    begins: LatencyRecorder,
    ends: LatencyRecorder,
}

impl PollAges {
    pub(super) fn new(world: &World) -> PollAges {
        let mut holders = 0;
        let streams = (world.streams.iter()).map(|stream| {
            let many = match (stream.reach, &stream.devices) {
                (Reach::HomeForDevices, Some(group)) => group.devices,
                _ => stream.senders,
            };
            matches!(stream.source, Source::Poll(_)).then(|| {
                let first_holder = holders;
                holders += many as usize;
                Rises {
                    first_holder,
                    holders: many as usize,
                    ..Rises::default()
                }
            })
        });
        let streams: Vec<Option<Rises>> = streams.collect();
        PollAges {
            measured_from: world.clock.measured_from,
            measured_until: world.clock.measured_until,
            newest: vec![world.clock.start; holders],
            streams,
        }
    }

    /// A request of a stream succeeds now, for the sender or device `entity`.
    #[inline]
    pub(super) fn succeeded(&mut self, now: Time, stream: usize, entity: u32) {
        if let Some(rises) = &mut self.streams[stream] {
            let newest = &mut self.newest[rises.first_holder + entity as usize];
            rises.add(*newest, self.measured_from, now.min(self.measured_until));
            *newest = now;
        }
    }

    /// For each stream, the microseconds that the ages of all its holders spent
    /// at each value.
    pub(super) fn finish(mut self) -> Vec<Histogram> {
        let of_stream = |rises: &mut Option<Rises>| {
            let Some(rises) = rises else {
                return Histogram::default();
            };
            let holders = rises.first_holder..rises.first_holder + rises.holders;
            for newest in &self.newest[holders] {
                rises.add(*newest, self.measured_from, self.measured_until);
            }
            rises.time_at_each_age()
        };
        self.streams.iter_mut().map(of_stream).collect()
    }
}

impl Rises {
    /// The age of what is of the moment `newest` rises until `until`; what comes
    /// before `from` is not looked at.
    #[inline]
    fn add(&mut self, newest: Time, from: Time, until: Time) {
        let from = newest.max(from);
        if from < until {
            self.begins.add(from.since(newest).nanos());
            self.ends.add(until.since(newest).nanos());
        }
    }

    /// How many microseconds all ages together spent in each cell. Where several
    /// rises begin or end within one cell, they count as if all did in the
    /// middle of theirs.
    fn time_at_each_age(&self) -> Histogram {
        let middle = |cell: &Cell| cell.least + (cell.greatest - cell.least) / 2;
        let steps = |recorder: &LatencyRecorder, sign: i128| -> Vec<(u64, i128)> {
            let histogram = recorder.histogram();
            let cells = histogram.cells().iter();
            cells
                .map(|cell| (middle(cell), sign * i128::from(cell.count)))
                .collect()
        };
        let mut steps = [steps(&self.begins, 1), steps(&self.ends, -1)].concat();
        steps.sort_unstable();
        let mut cells: Vec<Cell> = Vec::new();
        let (mut rising, mut nanos, mut micros) = (0_i128, 0_i128, 0_i128);
        for (index, (from, change)) in steps.iter().enumerate() {
            rising += change;
            let Some((until, _)) = steps.get(index + 1) else {
                break;
            };
            let mut from = *from;
            while from < *until && rising > 0 {
                let to = least_of(number_of(from) + 1).min(*until);
                nanos += rising * i128::from(to - from);
                // Whole microseconds, of which none is lost in all.
                let count = (nanos / 1000 - micros) as u64;
                micros = nanos / 1000;
                if count > 0 {
                    let cell = Cell {
                        least: from,
                        greatest: to - 1,
                        count,
                    };
                    match cells.last_mut() {
                        Some(last) if last.number() == cell.number() => last.join(&cell),
                        _ => cells.push(cell),
                    }
                }
                from = to;
            }
        }
        Histogram::of_cells(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn rises(spans: &[(u64, u64)]) -> Histogram {
        let mut rises = Rises::default();
        for (begin, end) in spans {
            let newest = Time::from_nanos(0);
            rises.add(newest, Time::from_nanos(*begin), Time::from_nanos(*end));
        }
        rises.time_at_each_age()
    }

    /// The microseconds at ages below a value.
    fn below(histogram: &Histogram, age: u64) -> f64 {
        let part = |cell: &Cell| {
            let within = age.saturating_sub(cell.least) as f64;
            let width = (cell.greatest - cell.least + 1) as f64;
            cell.count as f64 * (within / width).min(1.0)
        };
        histogram.cells().iter().map(part).sum()
    }

    #[test]
    fn an_age_that_rises_evenly_is_uniform() {
        let histogram = rises(&[(0, 8 * SECOND); 3]);
        assert_eq!(histogram.count(), 24_000_000);
        for seconds in 1..8 {
            let time = below(&histogram, seconds * SECOND);
            assert!(
                (time - 3e6 * seconds as f64).abs() < 1e3,
                "{seconds}: {time}"
            );
        }
    }

    proptest! {
        #[test]
        fn all_time_is_at_some_age(
            spans in prop::collection::vec((0..1000 * SECOND, 1..1000 * SECOND), 1..30),
            age in 1..2000 * SECOND,
        ) {
            let spans: Vec<(u64, u64)> =
                spans.into_iter().map(|(begin, length)| (begin, begin + length)).collect();
            let histogram = rises(&spans);
            let exact: f64 = spans
                .iter()
                .map(|(begin, end)| age.clamp(*begin, *end) - begin)
                .map(|nanos| nanos as f64 / 1e3)
                .sum();
            // Each end may be moved within its cell, of 1/256 of its value.
            let tolerance = spans.len() as f64 * (age as f64 / 128.0 / 1e3 + 1.0);
            prop_assert!((below(&histogram, age) - exact).abs() <= tolerance);
        }
    }
}
