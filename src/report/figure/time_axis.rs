use crate::experiment::{Cell, SeriesPoint};
use crate::report::chart::{Axis, Line, Mark, Point, Scale};
use crate::scenario::{Client, When};

/// The time axis: the time of day if commands go by the clock, else the time
/// that has passed.
pub(super) struct TimeAxis {
    pub(super) axis: Axis,
    shift: f64,
}

impl TimeAxis {
    pub(super) fn new(cell: &Cell) -> TimeAxis {
        let time = &cell.scenario.time;
        let mut entries = (cell.scenario.clients.values()).flat_map(Client::traffic);
        let by_clock = entries.any(|entry| matches!(entry.when, When::Daily { .. }))
            || !cell.outline.windows.names.is_empty();
        match by_clock {
            true => TimeAxis {
                axis: Axis {
                    label: format!("local time ({})", String::from(time.zone.clone())),
                    scale: Scale::TimeOfDay,
                },
                shift: time.zone.seconds_of_day(time.measured_from()),
            },
            false => TimeAxis {
                axis: Axis {
                    label: "time since the start of the measured span".to_owned(),
                    scale: Scale::Elapsed,
                },
                shift: 0.0,
            },
        }
    }

    /// A series as stairs: what is known is one number for each step.
    pub(super) fn line(&self, label: String, cell: &Cell, series: &[SeriesPoint]) -> Line {
        let width = cell.outline.clock.bucket_width.secs_f64();
        let points = series.iter().enumerate().flat_map(|(step, point)| {
            let y = point.value.unwrap_or(f64::NAN);
            let (lo, hi) = point
                .interval
                .map_or((y, y), |interval| (interval.lo, interval.hi));
            let begin = width * step as f64;
            [begin, 2.0 * point.seconds - begin].map(|seconds| Point {
                x: seconds + self.shift,
                y,
                lo,
                hi,
            })
        });
        Line {
            label,
            points: points.collect(),
        }
    }

    /// The scheduled commands and the windows within the measured span.
    pub(super) fn marks(&self, cell: &Cell) -> Vec<Mark> {
        let time = &cell.scenario.time;
        let (from, until) = (time.measured_from(), time.measured_until());
        let mut marks: Vec<Mark> = Vec::new();
        let clients = cell.scenario.clients.values();
        for entry in clients.flat_map(Client::traffic) {
            if let When::Daily { time: at, .. } = entry.when {
                for moment in time.zone.daily(at, from, until) {
                    let mark = Mark::Vertical {
                        x: moment.since(from).secs_f64() + self.shift,
                        label: format!("{at} commands"),
                    };
                    if !marks.contains(&mark) {
                        marks.push(mark);
                    }
                }
            }
        }
        for window in &cell.outline.windows.names {
            for (begin, end) in window.spans(&time.zone, from, until) {
                let at = |moment: crate::units::Time| moment.since(from).secs_f64() + self.shift;
                marks.push(Mark::Span {
                    from: at(begin),
                    to: at(end),
                    label: window.to_string(),
                });
            }
        }
        // Many days would bury the data under marks.
        marks.truncate(4);
        marks
    }
}
