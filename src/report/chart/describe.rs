//! Text alternatives, written from the data.

use super::number::value;
use super::{Axis, Intervals, Lines, Mark, Panel, Scale, time};

/// Axes, marks, and of each line its highest and its last value.
pub(super) fn lines(chart: &Lines) -> String {
    let say = |number: f64| value(chart.y.scale, number);
    let mut text = format!(
        "Line chart of {} over {}.",
        named(&chart.y.label),
        named(&chart.x.label)
    );
    for line in &chart.series {
        let known = || {
            line.points
                .iter()
                .filter(|point| point.x.is_finite() && point.y.is_finite())
        };
        let highest = known().max_by(|a, b| a.y.total_cmp(&b.y));
        match (known().next_back(), highest) {
            (Some(last), Some(highest)) => {
                let place = match chart.x.scale {
                    Scale::TimeOfDay => {
                        time::labels(Scale::TimeOfDay, &[highest.x], 60.0)
                            .remove(0)
                            .0
                    }
                    scale => value(scale, highest.x),
                };
                text.push_str(&format!(
                    " {}: highest {} at {place}, last {}.",
                    line.label,
                    say(highest.y),
                    say(last.y)
                ));
            }
            _ => text.push_str(&format!(" {}: no data.", line.label)),
        }
    }
    for mark in &chart.marks {
        let (Mark::Vertical { label, .. }
        | Mark::Horizontal { label, .. }
        | Mark::Span { label, .. }) = mark;
        text.push_str(&format!(" Marked: {label}."));
    }
    text
}

fn named(label: &str) -> &str {
    if label.trim().is_empty() {
        "an unnamed quantity"
    } else {
        label
    }
}

/// Every number of every panel.
pub(super) fn intervals(chart: &Intervals) -> String {
    let mut text = "Dots with intervals.".to_owned();
    for Panel {
        title,
        axis: Axis { scale, .. },
        rows,
        marks,
    } in &chart.panels
    {
        let numbers: Vec<String> = (rows.iter())
            .map(|row| format!("{}: {}", row.label, row.words(*scale)))
            .collect();
        text.push_str(&format!(" {title}: {}.", numbers.join("; ")));
        for mark in marks {
            let (Mark::Vertical { label, .. }
            | Mark::Horizontal { label, .. }
            | Mark::Span { label, .. }) = mark;
            text.push_str(&format!(" Marked: {label}."));
        }
    }
    text
}
