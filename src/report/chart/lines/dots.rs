//! Estimates of their own along an axis: dots with bars, joined by a thin line.

use super::super::canvas::Canvas;
use super::super::palette::look;
use super::super::{ChartError, Line, Point};
use super::Plot;

/// How long an arrow is that says on which side of a bound a value is.
const ARROW: f64 = 26.0;

/// How far the dots of different lines at one place stand apart at most, and
/// all of them as a share of the way to the next place.
const APART: f64 = 7.0;
const SHARE: f64 = 0.6;

/// The height at which a point stands: of one of which none was seen, that of
/// its bound; of one that is never reached, that of its lower end.
pub(super) fn place(point: &Point) -> f64 {
    match point.y {
        0.0 if point.hi.is_finite() && point.hi > 0.0 => point.hi,
        y if y == f64::INFINITY => point.lo,
        y => y,
    }
}

/// How far from its place each line's dots stand.
pub(super) fn apart(lines: &[Line], plot: &Plot) -> Vec<f64> {
    let points = lines.iter().flat_map(|line| &line.points);
    let mut places: Vec<f64> = points
        .filter_map(|point| Some(plot.across(plot.x.at(point.x)?)))
        .collect();
    places.sort_by(f64::total_cmp);
    let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
    let nearest = gaps.filter(|gap| *gap > 0.5).fold(f64::INFINITY, f64::min);
    let many = lines.len().max(1) as f64;
    let step = APART
        .min(SHARE * nearest / many)
        .min(2.0 * plot.inset / many);
    (0..lines.len())
        .map(|line| step * (line as f64 - (many - 1.0) / 2.0))
        .collect()
}

pub(super) fn draw(
    canvas: &mut Canvas,
    line: &Line,
    index: usize,
    apart: &[f64],
    plot: &Plot,
) -> Result<(), ChartError> {
    let look = look(index);
    let shift = apart.get(index).copied().unwrap_or(0.0);
    let at = |x: f64, y: f64| {
        let (across, up) = plot.place(x, y)?;
        Some((across + shift, up))
    };
    let seen = |point: &&Point| point.y.is_finite() && place(point) == point.y;
    canvas.dashed("joint", look.dashes, |pen| {
        let runs = line.points.split(|point| !seen(&point));
        for run in runs {
            let places: Vec<(f64, f64)> = run
                .iter()
                .filter_map(|point| at(point.x, point.y))
                .collect();
            if places.len() > 1 {
                pen.path(&places, look.colour, 1.25)?;
            }
        }
        Ok(())
    })?;
    canvas.group("series", |pen| {
        for point in &line.points {
            let spot = match at(point.x, place(point)) {
                // Never reached, as far as is known: above all that is.
                None if point.y == f64::INFINITY => {
                    let across = plot.x.at(point.x).map(|share| plot.across(share) + shift);
                    across.map(|across| (across, plot.area.top + ARROW))
                }
                spot => spot,
            };
            let Some((x, y)) = spot else {
                continue;
            };
            if seen(&point) {
                let end = |end: f64| at(point.x, end).map_or(y, |(_, end)| end);
                let (lo, hi) = (end(point.lo), end(point.hi));
                if lo - hi > 1.0 {
                    pen.path(&[(x, lo), (x, hi)], look.colour, 2.5)?;
                }
                pen.dot((x, y), 5.0, look.marker, look.colour, false)?;
                continue;
            }
            // Upwards on the page is negative.
            let ahead = if point.y == 0.0 { 1.0 } else { -1.0 };
            let tip = y + ahead * ARROW;
            let back = tip - ahead * 9.0;
            pen.path(&[(x - 7.0, y), (x + 7.0, y)], look.colour, 2.0)?;
            pen.path(&[(x, y), (x, back)], look.colour, 2.0)?;
            pen.area(
                &[(x, tip), (x - 5.5, back), (x + 5.5, back)],
                look.colour,
                1.0,
            )?;
        }
        Ok(())
    })
}
