//! Names of series and references, at the right of the plot.

use super::super::canvas::Canvas;
use super::super::frame::{Area, LABEL};
use super::super::labels::spread;
use super::super::palette::{Colour, GREY, INK, Look, SHADE, look};
use super::super::{ChartError, Lines, Mark, Style};
use super::{Plot, dots};

/// The widest that labels at line ends may be.
const LABEL_ROOM: f64 = 230.0;

/// From the right end of the plot to the labels, with room for leader lines.
pub(super) const LABEL_GAP: f64 = 26.0;

/// Between two labels, beside the space between their lines.
const BETWEEN: f64 = 3.0;

/// Series and references that are labelled; more are counted in one last label.
const MOST_LABELS: usize = 20;

/// A label at the right of the plot.
pub(super) struct Label {
    pub(super) lines: Vec<String>,
    colour: Colour,
    /// The series it stands for; none for a reference line.
    look: Option<Look>,
    /// Where in the data it points to: the last point, or a reference's height.
    place: Option<(f64, f64)>,
}

pub(super) fn wrapped_labels(chart: &Lines) -> Vec<Label> {
    let horizontal = chart.marks.iter().filter_map(|mark| match mark {
        Mark::Horizontal { y, label } if y.is_finite() && !label.trim().is_empty() => {
            Some((*y, label))
        }
        _ => None,
    });
    type Wanted<'a> = (&'a str, Option<Look>, Option<(f64, f64)>);
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    for (index, line) in chart
        .series
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.label.trim().is_empty())
    {
        let last = line
            .points
            .iter()
            .rev()
            .map(|point| match chart.style {
                Style::Ribbon => (point.x, point.y),
                Style::Dots => (point.x, dots::place(point)),
            })
            .find(|(x, y)| x.is_finite() && y.is_finite());
        wanted.push((&line.label, Some(look(index)), last));
    }
    wanted.extend(horizontal.map(|(y, label)| (label.as_str(), None, Some((f64::INFINITY, y)))));
    let more = wanted.len().saturating_sub(MOST_LABELS);
    wanted.truncate(MOST_LABELS);
    let most = if wanted.len() > 10 { 1 } else { 2 };
    let mut labels: Vec<Label> = wanted
        .into_iter()
        .map(|(text, look, place)| Label {
            lines: LABEL.wrap(text, LABEL_ROOM, most),
            colour: look.map_or(INK, |look| look.text),
            look,
            place,
        })
        .collect();
    if more > 0 {
        labels.push(Label {
            lines: vec![format!("and {more} more")],
            colour: GREY,
            look: None,
            place: None,
        });
    }
    labels
}

pub(super) fn end_labels(
    canvas: &mut Canvas,
    plot: &Plot,
    labels: &[Label],
    has_ends: bool,
) -> Result<(), ChartError> {
    let Area {
        right, top, bottom, ..
    } = plot.area;
    let lines = labels
        .iter()
        .map(|label| label.lines.len())
        .sum::<usize>()
        .max(1) as f64;
    let room = bottom - top + 40.0 - BETWEEN * labels.len() as f64;
    let leading = LABEL.leading().min(room / lines);
    let targets: Vec<Option<(f64, f64)>> = labels
        .iter()
        .map(|label| {
            let (x, y) = label.place?;
            Some((
                plot.across(if x.is_finite() { plot.x.at(x)? } else { 1.0 }),
                plot.up(plot.y.at(y)?),
            ))
        })
        .collect();
    let wanted: Vec<f64> = targets
        .iter()
        .map(|target| target.map_or(bottom, |(_, y)| y))
        .collect();
    let heights: Vec<f64> = labels
        .iter()
        .map(|label| leading * label.lines.len() as f64 + BETWEEN)
        .collect();
    let centres = spread(&wanted, &heights, top - 20.0, bottom + 20.0);
    canvas.dashed("leaders", &[2, 2], |pen| {
        for ((label, target), &centre) in labels.iter().zip(&targets).zip(&centres) {
            let Some((x, y)) = *target else { continue };
            let colour = label.look.map_or(SHADE, |look| look.colour);
            if (y - centre).abs() > 2.0 || x < right - 1.0 {
                let start = if x < right - 1.0 {
                    x + 6.0
                } else {
                    right + 3.0
                };
                pen.path(
                    &[
                        (start, y),
                        (right + 6.0, y),
                        (right + LABEL_GAP - 5.0, centre),
                    ],
                    colour,
                    1.0,
                )?;
            }
        }
        Ok(())
    })?;
    for ((label, target), &centre) in labels.iter().zip(&targets).zip(&centres) {
        canvas.haloed("label", |pen| {
            let first = centre - leading * (label.lines.len() as f64 - 1.0) / 2.0 + 5.0;
            for (index, line) in label.lines.iter().enumerate() {
                let kind = LABEL.coloured(label.colour);
                pen.text(
                    line,
                    (right + LABEL_GAP, first + leading * index as f64),
                    kind,
                )?;
            }
            Ok(())
        })?;
        if let (Some(look), Some(place), true) = (label.look, *target, has_ends) {
            canvas.group("end", |pen| {
                pen.dot(place, 4.0, look.marker, look.colour, false)
            })?;
        }
    }
    Ok(())
}
