//! One panel: its axis, its marks, and a dot with an interval per row.

use super::super::canvas::{Align, Canvas, Pen, Type};
use super::super::extent::Extent;
use super::super::frame::{LABEL, NAME, TICK};
use super::super::labels::stack;
use super::super::palette::{Colour, GREY, GRID, INK, Look, SHADE, look};
use super::super::ruler::{Fit, Ruler};
use super::super::{ChartError, Mark, Panel, Row, Shape};
use super::{Band, keyed};

/// Half the thickness of an interval's bar, and the radius of its dot.
const HALF_BAR: f64 = 1.75;
const DOT: f64 = 5.0;

/// How long an arrow is that says on which side of a bound a value is.
const ARROW: f64 = 46.0;

/// A panel with its axis laid out.
pub(super) struct Layout<'a> {
    pub(super) panel: &'a Panel,
    title: Vec<String>,
    ruler: Ruler,
    /// The quantity is never negative, so that a zero means that none was seen.
    counts: bool,
    pub(super) rows: usize,
    /// Names of the marks: text, left end from the panel's left, row counted upwards.
    heads: Vec<(String, f64, usize)>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(panel: &'a Panel, room: f64, rows: usize) -> Self {
        let lines = panel.marks.iter().filter_map(|mark| match mark {
            Mark::Vertical { x, .. } => Some(*x),
            Mark::Horizontal { .. } | Mark::Span { .. } => None,
        });
        let ends = (panel.rows.iter())
            .filter(|row| row.shape == Shape::Dot && row.value.is_finite())
            .flat_map(|row| [row.lo, row.hi])
            .flatten();
        let places = panel.rows.iter().filter_map(Row::place);
        let extent = Extent::of(places, ends.chain(lines));
        let ruler = Ruler::new(panel.axis.scale, extent, (room / 72.0) as usize, Fit::Round);
        let mut heads: Vec<(String, f64, usize)> = Vec::new();
        for mark in &panel.marks {
            let (middle, label) = match mark {
                Mark::Vertical { x, label } => (ruler.at(*x), label),
                Mark::Span { from, to, label } => (
                    ruler
                        .stretch(*from, *to)
                        .map(|(from, to)| (from + to) / 2.0),
                    label,
                ),
                Mark::Horizontal { .. } => continue,
            };
            let (Some(middle), Some(text)) = (middle, NAME.wrap(label, room, 1).pop()) else {
                continue;
            };
            let width = NAME.width(&text);
            heads.push((
                text,
                (middle * room - width / 2.0).min(room - width).max(0.0),
                0,
            ));
        }
        let stretches: Vec<(f64, f64)> = heads
            .iter()
            .map(|(text, left, _)| (*left - 8.0, *left + NAME.width(text) + 8.0))
            .collect();
        for (head, row) in heads.iter_mut().zip(stack(&stretches)) {
            head.2 = row;
        }
        Self {
            panel,
            title: LABEL.wrap(&panel.title, room, 3),
            ruler,
            counts: !extent.negative(),
            rows,
            heads,
        }
    }

    pub(super) fn head(&self) -> f64 {
        let rows = self.heads.iter().map(|head| head.2 + 1).max().unwrap_or(0);
        LABEL.leading() * self.title.len() as f64 + NAME.leading() * rows as f64 + 12.0
    }

    pub(super) fn foot(&self) -> f64 {
        let lines = if self.panel.axis.label.trim().is_empty() {
            1.0
        } else {
            2.0
        };
        8.0 + TICK.leading() * lines + 4.0
    }

    pub(super) fn draw(
        &self,
        canvas: &mut Canvas,
        band: &Band,
        (left, top): (f64, f64),
        room: f64,
        names: &[(String, usize)],
    ) -> Result<(), ChartError> {
        let plot_top = top + band.head;
        let bottom = plot_top + band.pitch * band.rows as f64;
        let across = |share: f64| left + share * room;
        canvas.group("grid", |pen| {
            for tick in &self.ruler.ticks {
                pen.path(
                    &[(across(tick.at), plot_top), (across(tick.at), bottom + 5.0)],
                    GRID,
                    1.0,
                )?;
            }
            pen.path(&[(left, bottom), (left + room, bottom)], SHADE, 1.0)?;
            if let Some(share) = self.ruler.break_at() {
                let x = across(share);
                for shift in [-2.5, 2.5] {
                    pen.path(
                        &[
                            (x + shift - 3.0, bottom + 5.0),
                            (x + shift + 3.0, bottom - 5.0),
                        ],
                        SHADE,
                        1.0,
                    )?;
                }
            }
            for mark in &self.panel.marks {
                if let Mark::Span { from, to, .. } = mark
                    && let Some((from, to)) = self.ruler.stretch(*from, *to)
                {
                    let (from, to) = (across(from), across(to));
                    pen.area(
                        &[
                            (from, plot_top),
                            (to, plot_top),
                            (to, bottom),
                            (from, bottom),
                        ],
                        SHADE,
                        0.16,
                    )?;
                }
            }
            Ok(())
        })?;
        canvas.dashed("marks", &[5, 4], |pen| {
            for mark in &self.panel.marks {
                if let Mark::Vertical { x, .. } = mark
                    && let Some(share) = self.ruler.at(*x)
                {
                    pen.path(
                        &[(across(share), plot_top), (across(share), bottom)],
                        INK,
                        1.25,
                    )?;
                }
            }
            Ok(())
        })?;
        canvas.group("names", |pen| {
            for (line, text) in self.title.iter().enumerate() {
                pen.text(
                    text,
                    (left, top + LABEL.leading() * (line as f64 + 1.0) - 5.0),
                    LABEL,
                )?;
            }
            for (text, start, row) in &self.heads {
                pen.text(
                    text,
                    (left + start, plot_top - 6.0 - NAME.leading() * *row as f64),
                    NAME,
                )?;
            }
            self.ticks(pen, (left, bottom), room)
        })?;
        for (key, row) in keyed(&self.panel.rows) {
            let Some(index) = names.iter().position(|name| *name == key) else {
                continue;
            };
            let y = plot_top + band.pitch * (index as f64 + 0.5) + band.drop;
            canvas.group("series", |pen| {
                self.row(pen, row, look(index), (left, y), room)
            })?;
            canvas.haloed("value", |pen| {
                self.value(pen, row, look(index).text, (left, y), room)
            })?;
        }
        Ok(())
    }

    fn ticks(
        &self,
        pen: &mut Pen<'_>,
        (left, bottom): (f64, f64),
        room: f64,
    ) -> Result<(), ChartError> {
        let mut free = f64::NEG_INFINITY;
        for tick in &self.ruler.ticks {
            let half = TICK.width(&tick.label) / 2.0;
            let x = left + tick.at * room;
            if x - half >= free {
                free = x + half + 8.0;
                pen.text(&tick.label, (x, bottom + 8.0 + TICK.leading() - 4.0), TICK)?;
            }
        }
        for text in TICK.wrap(&self.panel.axis.label, room, 1) {
            pen.text(
                &text,
                (left + room / 2.0, bottom + 8.0 + 2.0 * TICK.leading()),
                TICK,
            )?;
        }
        Ok(())
    }

    fn row(
        &self,
        pen: &mut Pen<'_>,
        row: &Row,
        look: Look,
        (left, y): (f64, f64),
        room: f64,
    ) -> Result<(), ChartError> {
        let Some(value) = row.place().and_then(|place| self.ruler.at(place)) else {
            return match row.value == f64::INFINITY {
                true => arrow(
                    pen,
                    look.colour,
                    (left + room - ARROW, y),
                    1.0,
                    (left, room),
                ),
                false => Ok(()),
            };
        };
        let across = |share: f64| left + share * room;
        let ahead = match row.shape {
            Shape::Dot => 0.0,
            Shape::AtMost => -1.0,
            Shape::AtLeast => 1.0,
        };
        if ahead != 0.0 {
            return arrow(pen, look.colour, (across(value), y), ahead, (left, room));
        }
        let (lo, hi) = row.bounds();
        let (from, to) = match (lo, hi) {
            (None, None) => (value, value),
            (lo, hi) => (
                lo.map_or(0.0, |lo| self.ruler.at(lo).unwrap_or(0.0)),
                hi.map_or(1.0, |hi| self.ruler.at(hi).unwrap_or(1.0)),
            ),
        };
        let unseen = self.counts && row.value == 0.0;
        let (from, to) = if unseen && hi.is_none() {
            (value, value)
        } else {
            (from.min(value), to.max(value))
        };
        if to > from {
            let (start, end) = (across(from), across(to));
            pen.area(
                &[
                    (start, y - HALF_BAR),
                    (end, y - HALF_BAR),
                    (end, y + HALF_BAR),
                    (start, y + HALF_BAR),
                ],
                look.colour,
                0.65,
            )?;
            // An arrow where nothing bounds the interval.
            for (open, tip, back) in [(lo.is_none(), start, 9.0), (hi.is_none(), end, -9.0)] {
                if open && !(unseen && tip == start) {
                    pen.area(
                        &[(tip, y), (tip + back, y - 5.5), (tip + back, y + 5.5)],
                        look.colour,
                        1.0,
                    )?;
                }
            }
        }
        pen.dot((across(value), y), DOT, look.marker, look.colour, unseen)
    }

    fn value(
        &self,
        pen: &mut Pen<'_>,
        row: &Row,
        colour: Colour,
        (left, y): (f64, f64),
        room: f64,
    ) -> Result<(), ChartError> {
        let text = row.words(self.panel.axis.scale);
        let place = row.place();
        let is_never = row.value == f64::INFINITY;
        let middle = left
            + place
                .and_then(|place| self.ruler.at(place))
                .unwrap_or(if is_never { 1.0 } else { 0.5 })
                * room;
        let is_drawn = place.is_some() || is_never;
        let colour = if is_drawn { colour } else { GREY };
        let mut write = |text: &str, y: f64, colour: Colour, kind: Type| {
            // A number may stand out of its panel by a part of the gap to the next one.
            let half = kind.width(text) / 2.0;
            let x = middle.min(left + room + 8.0 - half).max(left - 8.0 + half);
            pen.text(text, (x, y), kind.coloured(colour).aligned(Align::Centre))
        };
        for line in TICK.wrap(&text, room + 16.0, 1) {
            let baseline = if is_drawn { y - 12.0 } else { y + 5.0 };
            write(&line, baseline, colour, TICK)?;
        }
        let small = Type { size: 12.0, ..NAME };
        for line in small.wrap(&row.note, room + 16.0, 1) {
            write(&line, y + 22.0, GREY, small)?;
        }
        Ok(())
    }
}

/// An arrow from a bound, marked by a stroke, to where the value may be.
fn arrow(
    pen: &mut Pen<'_>,
    colour: Colour,
    (x, y): (f64, f64),
    ahead: f64,
    (left, room): (f64, f64),
) -> Result<(), ChartError> {
    // It may stand out of its panel where the bound is at the very end.
    let tip = (x + ahead * ARROW).clamp(left - 10.0, left + room + 10.0);
    let tip = if (tip - x).abs() < 12.0 {
        x + ahead * 12.0
    } else {
        tip
    };
    pen.path(&[(x, y - 7.0), (x, y + 7.0)], colour, 2.0)?;
    pen.path(&[(x, y), (tip - ahead * 8.0, y)], colour, 2.0)?;
    let back = tip - ahead * 9.0;
    pen.area(&[(tip, y), (back, y - 5.5), (back, y + 5.5)], colour, 1.0)
}
