//! The words around a chart, and the room that they leave.

use super::canvas::{Align, Canvas, Type};
use super::font::{Weight, wrap};
use super::palette::{Colour, GREY, INK};
use super::{ChartError, Frame, WIDTH};

/// The blank edge of the page.
pub(super) const MARGIN: f64 = 44.0;

/// Between the title and the subtitle, beside the space between lines.
const BELOW_TITLE: f64 = 4.0;

const TITLE: Type = Type {
    size: 26.0,
    weight: Weight::Bold,
    colour: INK,
    align: Align::Left,
};
const SUBTITLE: Type = Type {
    size: 16.0,
    weight: Weight::Regular,
    colour: GREY,
    align: Align::Left,
};
const FOOTER: Type = Type {
    size: 12.0,
    weight: Weight::Regular,
    colour: GREY,
    align: Align::Left,
};

/// Text at ticks.
pub(super) const TICK: Type = Type {
    size: 14.0,
    weight: Weight::Regular,
    colour: GREY,
    align: Align::Centre,
};

/// Names of axes and marks.
pub(super) const NAME: Type = Type {
    size: 14.0,
    weight: Weight::Regular,
    colour: GREY,
    align: Align::Left,
};

/// Names of series and panels.
pub(super) const LABEL: Type = Type {
    size: 15.0,
    weight: Weight::Bold,
    colour: INK,
    align: Align::Left,
};

impl Type {
    /// The same in another colour.
    pub(super) fn coloured(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    /// The same at another end.
    pub(super) fn aligned(self, align: Align) -> Self {
        Self { align, ..self }
    }

    /// The distance between two lines of it.
    pub(super) fn leading(self) -> f64 {
        (self.size * 1.3).round()
    }

    /// Width of a text in it.
    pub(super) fn width(self, text: &str) -> f64 {
        super::font::width(text, self.size, self.weight)
    }

    /// A text in it in at most `most` lines within `room` pixels.
    pub(super) fn wrap(self, text: &str, room: f64, most: usize) -> Vec<String> {
        wrap(text, self.size, self.weight, room, most)
    }
}

/// A rectangle of the page in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// The words broken into lines.
#[derive(Debug)]
pub(super) struct Words {
    blocks: Vec<(Type, Vec<String>)>,
    footer: Vec<String>,
}

impl Words {
    pub(super) fn new(frame: &Frame) -> Self {
        let room = f64::from(WIDTH) - 2.0 * MARGIN;
        Self {
            blocks: vec![
                (TITLE, TITLE.wrap(&frame.title, room, 2)),
                (SUBTITLE, SUBTITLE.wrap(&frame.subtitle, room, 3)),
            ],
            footer: FOOTER.wrap(&frame.footer, room, 2),
        }
    }

    fn above(&self) -> f64 {
        let lines: f64 = self
            .blocks
            .iter()
            .map(|(kind, lines)| kind.leading() * lines.len() as f64)
            .sum::<f64>()
            + BELOW_TITLE;
        let gap = if self.blocks.iter().all(|(_, lines)| lines.is_empty()) {
            0.0
        } else {
            22.0
        };
        MARGIN * 0.75 + lines + gap
    }

    fn below(&self) -> f64 {
        match self.footer.len() {
            0 => MARGIN * 0.6,
            lines => 20.0 + FOOTER.leading() * lines as f64 + 18.0,
        }
    }

    /// The height that the words take of the page.
    pub(super) fn height(&self) -> f64 {
        self.above() + self.below()
    }

    /// Draws the words and returns what is left of a page of `height`.
    pub(super) fn draw(&self, canvas: &mut Canvas, height: u32) -> Result<Area, ChartError> {
        canvas.group("frame", |pen| {
            let mut y = MARGIN * 0.75;
            for (kind, lines) in &self.blocks {
                for line in lines {
                    y += kind.leading();
                    pen.text(line, (MARGIN, y - 0.25 * kind.size), *kind)?;
                }
                y += BELOW_TITLE;
            }
            let mut y = f64::from(height) - self.below() + 20.0;
            for line in &self.footer {
                y += FOOTER.leading();
                pen.text(line, (MARGIN, y - 3.0), FOOTER)?;
            }
            Ok(())
        })?;
        Ok(Area {
            left: MARGIN,
            top: self.above(),
            right: f64::from(WIDTH) - MARGIN,
            bottom: f64::from(height) - self.below(),
        })
    }
}
