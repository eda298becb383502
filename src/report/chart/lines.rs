//! Lines with ribbons, labelled at their ends.

mod axes;
mod dots;
mod marks;
mod names;

use super::canvas::{Align, Canvas};
use super::describe;
use super::extent::Extent;
use super::frame::{Area, LABEL, TICK, Words};
use super::palette::{GREY, look};
use super::ruler::{Fit, Ruler};
use super::{ChartError, HEIGHT, Line, Lines, Mark, Style, WIDTH};
use axes::axes;
use marks::{head_rows, marks};
use names::{LABEL_GAP, end_labels, wrapped_labels};

pub(super) fn draw(chart: &Lines) -> Result<String, ChartError> {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let body = Words::new(&chart.frame).draw(&mut canvas, HEIGHT)?;
    let labels = wrapped_labels(chart);
    let widest = labels
        .iter()
        .flat_map(|label| &label.lines)
        .map(|line| LABEL.width(line))
        .fold(0.0, f64::max);
    let taken = if labels.is_empty() {
        12.0
    } else {
        widest + LABEL_GAP
    };

    let points = || {
        chart
            .series
            .iter()
            .flat_map(|line| &line.points)
            .filter(|point| point.x.is_finite())
    };
    let references = chart.marks.iter().filter_map(|mark| match mark {
        Mark::Horizontal { y, .. } => Some(*y),
        Mark::Vertical { .. } | Mark::Span { .. } => None,
    });
    let y_extent = Extent::of(
        points()
            .map(|point| match chart.style {
                Style::Ribbon => point.y,
                Style::Dots => dots::place(point),
            })
            .chain(references),
        points()
            .filter(|point| point.y.is_finite())
            .flat_map(|point| [point.lo, point.hi])
            // A zero that is drawn as an arrow from its upper end needs no floor.
            .filter(|end| chart.style == Style::Ribbon || *end > 0.0),
    );
    let x_extent = Extent::of(points().map(|point| point.x), []);
    let y = Ruler::new(
        chart.y.scale,
        y_extent,
        ((body.bottom - body.top) / 56.0) as usize,
        Fit::Round,
    );
    let y_texts = y
        .ticks
        .iter()
        .map(|tick| TICK.width(&tick.label))
        .fold(0.0, f64::max);
    let left = body.left + y_texts + 12.0;
    let right = body.right - taken;
    let x = Ruler::new(
        chart.x.scale,
        x_extent,
        ((right - left) / 100.0) as usize,
        Fit::Exact,
    );

    let heads = head_rows(chart, &x, left, right, &body);
    let rows = heads.iter().map(|head| head.row + 1).max().unwrap_or(0);
    let second = x.ticks.iter().any(|tick| !tick.second.is_empty());
    let x_lines = 1 + usize::from(second) + usize::from(!chart.x.label.trim().is_empty());
    let plot = Plot {
        area: Area {
            left,
            right,
            top: body.top + TICK.leading() * rows as f64 + 12.0,
            bottom: body.bottom - 8.0 - TICK.leading() * x_lines as f64 - 4.0,
        },
        // Dots at the ends stand within the plot.
        inset: match chart.style {
            Style::Ribbon => 0.0,
            Style::Dots => 24.0,
        },
        x,
        y,
    };
    axes(&mut canvas, chart, &plot)?;
    marks(&mut canvas, chart, &plot, &heads)?;
    let apart = dots::apart(&chart.series, &plot);
    // Many ribbons over each other must leave the lines in sight.
    let opacity = (0.6 / chart.series.len().max(1) as f64).clamp(0.06, 0.2);
    for (index, line) in chart.series.iter().enumerate() {
        match chart.style {
            Style::Ribbon => series(&mut canvas, line, index, opacity, &plot)?,
            Style::Dots => dots::draw(&mut canvas, line, index, &apart, &plot)?,
        }
    }
    end_labels(&mut canvas, &plot, &labels, chart.style == Style::Ribbon)?;
    if points().all(|point| !point.y.is_finite() && !dots::place(point).is_finite()) {
        let middle = (
            (plot.area.left + plot.area.right) / 2.0,
            (plot.area.top + plot.area.bottom) / 2.0,
        );
        canvas.haloed("empty", |pen| {
            pen.text(
                "no data",
                middle,
                LABEL.coloured(GREY).aligned(Align::Centre),
            )
        })?;
    }
    let alt = if chart.frame.alt.trim().is_empty() {
        describe::lines(chart)
    } else {
        chart.frame.alt.clone()
    };
    Ok(canvas.finish(&chart.frame.title, &alt))
}

/// Where the axes are on the page.
struct Plot {
    area: Area,
    inset: f64,
    x: Ruler,
    y: Ruler,
}

impl Plot {
    fn across(&self, share: f64) -> f64 {
        let (left, right) = (self.area.left + self.inset, self.area.right - self.inset);
        left + share * (right - left)
    }

    fn up(&self, share: f64) -> f64 {
        self.area.bottom - share * (self.area.bottom - self.area.top)
    }

    fn place(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.across(self.x.at(x)?), self.up(self.y.at(y)?)))
    }
}

/// A line with more points than this turns too often for dashes to be seen.
const MOST_DASHED: usize = 40;

/// How many markers tell such a line from others.
const MARKERS: usize = 9;

fn series(
    canvas: &mut Canvas,
    line: &Line,
    index: usize,
    opacity: f64,
    plot: &Plot,
) -> Result<(), ChartError> {
    let look = look(index);
    let is_dashed = line.points.len() <= MOST_DASHED;
    let runs = || {
        line.points
            .split(|point| !point.x.is_finite() || !point.y.is_finite())
            .filter(|run| !run.is_empty())
    };
    canvas.group("ribbon", |pen| {
        for run in runs() {
            let ends = |point: &super::Point| {
                let lo = if point.lo.is_finite() {
                    point.lo
                } else {
                    point.y
                };
                let hi = if point.hi.is_finite() {
                    point.hi
                } else {
                    point.y
                };
                Some((plot.place(point.x, lo)?, plot.place(point.x, hi)?))
            };
            let (mut outline, upper): (Vec<_>, Vec<_>) = run.iter().filter_map(ends).unzip();
            if outline == upper {
                continue;
            }
            if let ([lower], [upper]) = (&outline[..], &upper[..]) {
                pen.path(&[*lower, *upper], look.colour, 2.0)?;
                continue;
            }
            outline.extend(upper.into_iter().rev());
            pen.area(&outline, look.colour, opacity)?;
        }
        Ok(())
    })?;
    let dashes = if is_dashed { look.dashes } else { &[] };
    canvas.dashed("series", dashes, |pen| {
        for run in runs() {
            let places: Vec<(f64, f64)> = run
                .iter()
                .filter_map(|point| plot.place(point.x, point.y))
                .collect();
            match places[..] {
                [only] => pen.dot(only, 4.0, look.marker, look.colour, false)?,
                _ => pen.path(&places, look.colour, if is_dashed { 2.25 } else { 1.75 })?,
            }
        }
        Ok(())
    })?;
    canvas.group("markers", |pen| {
        let many = line.points.len();
        for marker in (0..MARKERS).filter(|_| !is_dashed) {
            // Those of different lines stand at different places.
            let share =
                (marker as f64 + 0.15 + 0.7 * (index as f64 * 0.618).fract()) / MARKERS as f64;
            let point = &line.points[(share * many as f64) as usize % many];
            if let Some(place) = plot.place(point.x, point.y) {
                pen.dot(place, 3.5, look.marker, look.colour, false)?;
            }
        }
        Ok(())
    })
}
