//! Grid, axes and their ticks.

use super::super::canvas::{Align, Canvas};
use super::super::frame::{Area, TICK};
use super::super::palette::{GRID, SHADE};
use super::super::{ChartError, Lines, WIDTH};
use super::Plot;

pub(super) fn axes(canvas: &mut Canvas, chart: &Lines, plot: &Plot) -> Result<(), ChartError> {
    let Area {
        left,
        right,
        bottom,
        ..
    } = plot.area;
    canvas.group("grid", |pen| {
        for tick in &plot.y.ticks {
            let y = plot.up(tick.at);
            pen.path(&[(left, y), (right, y)], GRID, 1.0)?;
        }
        for tick in &plot.x.ticks {
            let x = plot.across(tick.at);
            pen.path(&[(x, bottom), (x, bottom + 5.0)], SHADE, 1.0)?;
        }
        pen.path(&[(left, bottom), (right, bottom)], SHADE, 1.0)?;
        if let Some(share) = plot.y.break_at() {
            // Two strokes across the edge say that the axis is not continuous below them.
            let y = plot.up(share);
            for shift in [-2.5, 2.5] {
                pen.path(
                    &[(left - 5.0, y + shift + 3.0), (left + 5.0, y + shift - 3.0)],
                    SHADE,
                    1.0,
                )?;
            }
        }
        Ok(())
    })?;
    canvas.group("ticks", |pen| {
        for tick in &plot.y.ticks {
            pen.text(
                &tick.label,
                (left - 10.0, plot.up(tick.at) + 5.0),
                TICK.aligned(Align::Right),
            )?;
        }
        let edge = f64::from(WIDTH) - 8.0;
        let mut free = f64::NEG_INFINITY;
        for tick in &plot.x.ticks {
            let half = TICK.width(&tick.label).max(TICK.width(&tick.second)) / 2.0;
            let x = plot
                .across(tick.at)
                .clamp(half + 8.0, (edge - half).max(half + 8.0));
            if x - half < free {
                continue;
            }
            free = x + half + 8.0;
            for (line, text) in [&tick.label, &tick.second]
                .into_iter()
                .enumerate()
                .filter(|(_, text)| !text.is_empty())
            {
                pen.text(
                    text,
                    (x, bottom + 8.0 + TICK.leading() * (line as f64 + 1.0) - 4.0),
                    TICK,
                )?;
            }
        }
        let second = plot.x.ticks.iter().any(|tick| !tick.second.is_empty());
        let y = bottom + 8.0 + TICK.leading() * if second { 3.0 } else { 2.0 };
        for text in TICK.wrap(&chart.x.label, right - left, 1) {
            pen.text(&text, ((left + right) / 2.0, y), TICK)?;
        }
        Ok(())
    })
}
