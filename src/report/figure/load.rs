use super::time_axis::TimeAxis;
use super::{Figure, MOST_LINES, frame, label, not_drawn};
use crate::experiment::{Cell, gate_series};
use crate::report::Answer;
use crate::report::chart::{Axis, Chart, Lines, Mark, Scale, Sentence};
use crate::scenario::text::printable;
use crate::scenario::{Scope, Stage};
use crate::sim::Record;

/// A bound that is further above the data than this many times is told in
/// words only: a line for it would press the data to the ground.
const FAR: f64 = 20.0;

/// The index of the gate of that name among the gates of a cell.
fn gate_of(cell: &Cell, name: &str) -> Option<usize> {
    let mut stages = cell.outline.stages.iter();
    let stage = stages.find(|stage| stage.name == name && stage.gate.is_some())?;
    stage.gate.map(usize::from)
}

/// What a gate has permits per, such as `user`; `None` if one set for all.
fn per(cell: &Cell, name: &str) -> Option<String> {
    let mut stages = cell.scenario.server.stages.iter();
    let scopes = stages.find_map(|stage| match stage {
        Stage::Gate { name: own, per, .. } if own == name => Some(per),
        _ => None,
    })?;
    let word = |scope: &Scope| format!("{scope:?}").to_lowercase();
    let words: Vec<String> = scopes.iter().map(word).collect();
    (!words.is_empty()).then(|| words.join(" and "))
}

/// The mean load on a gate over the measured span; per key, if it has permits
/// per key.
pub(super) fn figure(answer: &Answer<'_>, name: &str, file: &str) -> Figure {
    let first = &answer.study.cells[0];
    let time = TimeAxis::new(first);
    let with_gate: Vec<(usize, &Cell, &Vec<Record>, usize)> =
        (answer.study.cells.iter().zip(answer.records).enumerate())
            .filter_map(|(index, (cell, records))| {
                Some((index, cell, records, gate_of(cell, name)?))
            })
            .collect();
    let per = with_gate.first().and_then(|(_, cell, ..)| per(cell, name));
    let per_key = per
        .as_ref()
        .map_or_else(String::new, |per| format!(" per {per}"));
    let series: Vec<_> = (with_gate.iter().take(MOST_LINES))
        .map(|(index, cell, records, gate)| {
            let points = gate_series(cell, records, *gate, answer.study.confidence);
            time.line(label(answer, *index, "requests"), cell, &points)
        })
        .collect();
    let highest = (series.iter().flat_map(|line| &line.points))
        .map(|point| point.y)
        .filter(|y| y.is_finite())
        .fold(0.0, f64::max);
    let mut what = format!(
        "mean number of requests inside or waiting{per_key} in steps of {}{}",
        first.outline.clock.bucket_width,
        not_drawn(answer, MOST_LINES, "series.csv")
    );
    let mut marks = time.marks(first);
    let mut permits =
        (with_gate.iter()).map(|(_, cell, _, gate)| cell.outline.gates[*gate].permits);
    if let Some(Some(common)) = permits.next()
        && permits.all(|other| other == Some(common))
    {
        let bound = format!("permits {common}{per_key}");
        match f64::from(common) > FAR * highest {
            true => what.push_str(&format!("; {bound}, far above")),
            false => marks.push(Mark::Horizontal {
                y: f64::from(common),
                label: bound,
            }),
        }
    }
    let title = format!("How full is the gate \"{}\"?", printable(name));
    let frame = frame(answer, title, &what);
    let chart: Chart = match highest > 0.0 {
        true => Lines {
            frame,
            marks,
            x: time.axis,
            y: Axis {
                label: format!("requests at the gate{per_key}"),
                scale: Scale::Amount,
            },
            series,
            ..Lines::default()
        }
        .into(),
        false => Sentence {
            frame,
            text: "No request stays at this gate for any time.".to_owned(),
        }
        .into(),
    };
    Figure {
        name: format!("load_{file}"),
        chart,
    }
}
