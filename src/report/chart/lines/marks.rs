//! What a chart is read against, and the words above the plot that name it.

use super::super::canvas::Canvas;
use super::super::frame::{Area, NAME, TICK};
use super::super::labels::stack;
use super::super::palette::{GREY, INK, SHADE};
use super::super::ruler::Ruler;
use super::super::{ChartError, Lines, Mark};
use super::Plot;

/// Rows of words above the plot; what would stand higher is left out.
const MOST_ROWS: usize = 5;

/// Words above the plot: the name of the y axis and of what stands at places of the x axis.
pub(super) struct Head {
    text: String,
    left: f64,
    pub(super) row: usize,
}

/// The name of the y axis comes first, then the marks in their order.
pub(super) fn head_rows(chart: &Lines, x: &Ruler, left: f64, right: f64, body: &Area) -> Vec<Head> {
    let across = |value: f64| left + x.at(value).unwrap_or(0.0) * (right - left);
    let room = |text: &str| {
        NAME.wrap(text, (right - left) * 0.6, 1)
            .pop()
            .unwrap_or_default()
    };
    let mut wanted = vec![(room(&chart.y.label), body.left)];
    for mark in &chart.marks {
        let (text, middle) = match mark {
            Mark::Vertical { x: place, label } if x.holds(*place) => (label, across(*place)),
            Mark::Span { from, to, label } => match x.stretch(*from, *to) {
                Some((from, to)) => (label, left + (from + to) / 2.0 * (right - left)),
                None => continue,
            },
            _ => continue,
        };
        let text = room(text);
        let width = NAME.width(&text);
        let start = (middle - width / 2.0)
            .min(body.right - width)
            .max(body.left);
        wanted.push((text, start));
    }
    let stretches: Vec<(f64, f64)> = wanted
        .iter()
        .map(|(text, start)| (*start - 8.0, *start + NAME.width(text) + 8.0))
        .collect();
    let rows = stack(&stretches);
    wanted
        .into_iter()
        .zip(rows)
        .filter(|((text, _), row)| !text.is_empty() && *row < MOST_ROWS)
        .map(|((text, left), row)| Head { text, left, row })
        .collect()
}

pub(super) fn marks(
    canvas: &mut Canvas,
    chart: &Lines,
    plot: &Plot,
    heads: &[Head],
) -> Result<(), ChartError> {
    let Area {
        left,
        right,
        top,
        bottom,
    } = plot.area;
    canvas.group("spans", |pen| {
        for mark in &chart.marks {
            if let Mark::Span { from, to, .. } = mark
                && let Some((from, to)) = plot.x.stretch(*from, *to)
            {
                let (from, to) = (plot.across(from), plot.across(to));
                pen.area(
                    &[(from, top), (to, top), (to, bottom), (from, bottom)],
                    SHADE,
                    0.16,
                )?;
            }
        }
        Ok(())
    })?;
    canvas.dashed("marks", &[5, 4], |pen| {
        for mark in &chart.marks {
            match mark {
                Mark::Vertical { x, .. } if plot.x.holds(*x) => {
                    let x = plot.across(plot.x.at(*x).unwrap_or(0.0));
                    pen.path(&[(x, top), (x, bottom)], GREY, 1.25)?;
                }
                Mark::Horizontal { y, .. } => {
                    if let Some(y) = plot.y.at(*y).map(|share| plot.up(share)) {
                        pen.path(&[(left, y), (right, y)], INK, 1.25)?;
                    }
                }
                Mark::Vertical { .. } | Mark::Span { .. } => {}
            }
        }
        Ok(())
    })?;
    canvas.group("names", |pen| {
        for head in heads {
            let y = top - 16.0 - TICK.leading() * head.row as f64;
            pen.text(&head.text, (head.left, y), NAME)?;
        }
        Ok(())
    })
}
