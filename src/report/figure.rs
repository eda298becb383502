use super::chart::{Axis, Chart, Frame, Intervals, Line, Lines, Mark, Panel, Point, Row, Scale};
use super::file_name::file_names;
use super::{Answer, number};
use crate::experiment::{Cell, SeriesPoint, gate_series, refusal_series};
use crate::scenario::{CommandTimes, Estimand, Part, Quantity};

/// A chart and the name of its files.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The name, without an ending.
    pub name: String,
    /// The chart.
    pub chart: Chart,
}

/// The most policies that a chart over time shows.
const MOST_LINES: usize = 8;

/// The charts of a study: P(429) over the measured span, the load on each
/// gate, and the policies side by side.
pub fn figures(answer: &Answer<'_>) -> Vec<Figure> {
    let mut figures = Vec::new();
    let Some(first) = answer.study.cells.first() else {
        return figures;
    };
    let cells = answer.study.cells.iter();
    let stages = || cells.clone().flat_map(|cell| &cell.outline.stages);
    let status_429 = |status| status == 429;
    if stages().any(|stage| status_429(stage.response.status)) {
        let words = ["How likely is a 429, and when?", "P(429)"];
        figures.push(refusals(answer, first, "p429_over_time", words, status_429));
    }
    if stages().any(|stage| !status_429(stage.response.status)) {
        let words = [
            "How likely is a refusal of any kind, and when?",
            "P(refused)",
        ];
        figures.push(refusals(answer, first, "refused_over_time", words, |_| {
            true
        }));
    }
    // A study may vary the stages themselves.
    let mut names: Vec<&str> = Vec::new();
    for stage in stages().filter(|stage| stage.gate.is_some()) {
        if !names.contains(&stage.name.as_str()) {
            names.push(&stage.name);
        }
    }
    for (name, file) in names.iter().zip(file_names(&names)) {
        figures.push(gate(answer, first, name, &file));
    }
    figures.push(policies(answer));
    figures
}

fn frame(answer: &Answer<'_>, title: String, what: &str) -> Frame {
    Frame {
        title,
        subtitle: format!("{what}; {}", answer.intervals_in_words()),
        footer: format!(
            "{} | seed {} | ratelab {} | result {}",
            answer.name(),
            answer.study.seed,
            env!("CARGO_PKG_VERSION"),
            answer.result_hash
        ),
        alt: String::new(),
    }
}

/// The time axis: the time of day if the run starts at a stated moment long
/// enough for it to matter, else the time that has passed.
struct TimeAxis {
    axis: Axis,
    shift: f64,
}

impl TimeAxis {
    fn new(cell: &Cell) -> TimeAxis {
        let time = &cell.scenario.time;
        let by_clock = cell.scenario.clients.values().any(|client| {
            client
                .commands
                .iter()
                .any(|command| matches!(command.at, CommandTimes::Daily { .. }))
        });
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

    fn line(&self, label: String, series: &[SeriesPoint]) -> Line {
        let points = series.iter().map(|point| {
            let y = point.value.unwrap_or(f64::NAN);
            let (lo, hi) = point
                .interval
                .map_or((y, y), |interval| (interval.lo, interval.hi));
            Point {
                x: point.seconds + self.shift,
                y,
                lo,
                hi,
            }
        });
        Line {
            label,
            points: points.collect(),
        }
    }

    /// The scheduled commands within the measured span.
    fn marks(&self, cell: &Cell) -> Vec<Mark> {
        let time = &cell.scenario.time;
        let mut marks: Vec<Mark> = Vec::new();
        for command in cell
            .scenario
            .clients
            .values()
            .flat_map(|client| &client.commands)
        {
            if let CommandTimes::Daily { time: at, .. } = &command.at {
                for moment in time
                    .zone
                    .daily(*at, time.measured_from(), time.measured_until())
                {
                    let mark = Mark::Vertical {
                        x: moment.since(time.measured_from()).secs_f64() + self.shift,
                        label: format!("{at} commands"),
                    };
                    if !marks.contains(&mark) {
                        marks.push(mark);
                    }
                }
            }
        }
        // Many days would bury the data under marks.
        marks.truncate(3);
        marks
    }
}

fn line_label(answer: &Answer<'_>, cell: &Cell) -> String {
    match answer.study.cells.len() {
        1 => String::new(),
        _ => cell.name.clone(),
    }
}

fn refusals(
    answer: &Answer<'_>,
    first: &Cell,
    name: &str,
    [title, short]: [&str; 2],
    counts: impl Fn(u16) -> bool + Copy,
) -> Figure {
    let time = TimeAxis::new(first);
    let confidence = answer.study.confidence;
    let lines = answer
        .study
        .cells
        .iter()
        .zip(answer.records)
        .take(MOST_LINES);
    let series = lines
        .map(|(cell, records)| {
            let label = match line_label(answer, cell) {
                label if label.is_empty() => short.to_owned(),
                label => label,
            };
            let points = refusal_series(cell, records, confidence, counts);
            time.line(label, &points)
        })
        .collect();
    let width = first.outline.clock.bucket_width;
    let chart = Lines {
        frame: frame(
            answer,
            title.to_owned(),
            &format!("{short} per attempt in steps of {width}"),
        ),
        marks: time.marks(first),
        x: time.axis,
        y: Axis {
            label: format!("{short} per attempt"),
            scale: Scale::Probability,
        },
        series,
    };
    Figure {
        name: name.to_owned(),
        chart: chart.into(),
    }
}

/// The index of the gate of that name among the gates of a cell.
fn gate_of(cell: &Cell, name: &str) -> Option<usize> {
    let mut stages = cell.outline.stages.iter();
    let stage = stages.find(|stage| stage.name == name)?;
    stage.gate.map(usize::from)
}

fn gate(answer: &Answer<'_>, first: &Cell, name: &str, file: &str) -> Figure {
    let time = TimeAxis::new(first);
    let with_gate = || {
        let cells = answer.study.cells.iter().zip(answer.records);
        cells.filter_map(|(cell, records)| Some((cell, records, gate_of(cell, name)?)))
    };
    let series = with_gate()
        .take(MOST_LINES)
        .map(|(cell, records, gate)| {
            let label = match line_label(answer, cell) {
                label if label.is_empty() => "requests".to_owned(),
                label => label,
            };
            time.line(
                label,
                &gate_series(cell, records, gate, answer.study.confidence),
            )
        })
        .collect();
    let mut marks = time.marks(first);
    let mut permits = with_gate().map(|(cell, _, gate)| {
        let gate = &cell.outline.gates[gate];
        gate.permits.filter(|_| gate.keys == 1)
    });
    if let Some(Some(common)) = permits.next()
        && permits.all(|other| other == Some(common))
    {
        marks.push(Mark::Horizontal {
            y: f64::from(common),
            label: format!("permits {common}"),
        });
    }
    let width = first.outline.clock.bucket_width;
    let chart = Lines {
        frame: frame(
            answer,
            format!("How full is the gate \"{name}\"?"),
            &format!("mean number of requests inside or waiting in steps of {width}"),
        ),
        marks,
        x: time.axis,
        y: Axis {
            label: "requests at the gate".to_owned(),
            scale: Scale::Linear,
        },
        series,
    };
    Figure {
        name: format!("load_{file}"),
        chart: chart.into(),
    }
}

fn policies(answer: &Answer<'_>) -> Figure {
    let shown = [
        Estimand::P429Attempt,
        Estimand::RefusedAttempt,
        Estimand::MissedCommand,
        Estimand::FailedRequest,
        Estimand::RetryAmplification,
        Estimand::LatencyCommandP99,
        Estimand::UtilisationGate,
    ];
    let panels = shown
        .into_iter()
        .filter(|estimand| {
            answer
                .estimates
                .iter()
                .any(|estimate| estimate.estimand == *estimand)
        })
        .take(3)
        .map(|estimand| panel(answer, estimand))
        .collect();
    let several = answer.study.cells.len() > 1;
    let title = if several {
        "Which policy is better?"
    } else {
        "The estimates"
    };
    let chart = Intervals {
        frame: frame(answer, title.to_owned(), "One estimate per panel"),
        panels,
    };
    Figure {
        name: "policies".to_owned(),
        chart: chart.into(),
    }
}

fn panel(answer: &Answer<'_>, estimand: Estimand) -> Panel {
    let rows = answer.study.cells.iter().enumerate().map(|(index, cell)| {
        let estimate = answer.estimate(index, estimand, &Part::ALL);
        let interval = estimate.and_then(|estimate| estimate.interval);
        Row {
            label: cell.name.clone(),
            value: estimate.map_or(f64::NAN, |estimate| estimate.value),
            lo: interval.map(|interval| interval.lo),
            hi: interval.map(|interval| interval.hi),
            note: estimate
                .and_then(|estimate| estimate.design_effect)
                .map_or_else(String::new, |effect| {
                    format!("design effect {}", number::plain(effect))
                }),
        }
    });
    let (scale, label) = match estimand.quantity() {
        Quantity::Probability => (Scale::Probability, estimand.name().to_owned()),
        Quantity::Seconds => (Scale::Elapsed, estimand.name().to_owned()),
        _ => (Scale::Linear, estimand.name().to_owned()),
    };
    Panel {
        title: estimand.words().to_owned(),
        axis: Axis { label, scale },
        rows: rows.collect(),
        marks: Vec::new(),
    }
}
