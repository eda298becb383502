//! The one place that names the drawing backend.
//!
//! plotters places everything on whole pixels, which makes stairs of curves.
//! So the page is drawn eight times as large as it is shown, and the SVG's
//! `viewBox` scales it back. Each group is drawn by a backend of its own and
//! wrapped in `<g>`, which carries what plotters cannot say: dashes, halos,
//! names.

use plotters::backend::SVGBackend;
use plotters::prelude::{DrawingBackend, IntoFont, RGBColor, ShapeStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, RGBAColor};

use super::ChartError;
use super::font::{FAMILY, Weight};
use super::palette::{Colour, Marker, WHITE};
use crate::scenario::text::is_unprintable;

/// Units of the drawing per CSS pixel.
const FINE: f64 = 8.0;

/// plotters writes a font size divided by this.
const PLOTTERS_FONT: f64 = 1.24;

/// plotters moves text down by this part of its size when told that the anchor is at the top.
const PLOTTERS_TOP: f64 = 0.76;

/// Which end of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) weight: Weight,
    pub(super) colour: Colour,
    pub(super) align: Align,
}

/// A page that is being drawn. Lengths are CSS pixels, y grows downwards.
#[derive(Debug)]
pub(super) struct Canvas {
    width: u32,
    height: u32,
    body: String,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    /// Draws a group of class `class`.
    pub(super) fn group(
        &mut self,
        class: &str,
        draw: impl FnOnce(&mut Pen<'_>) -> Result<(), ChartError>,
    ) -> Result<(), ChartError> {
        self.wrapped(&format!("class=\"{class}\""), draw)
    }

    /// Draws a group whose lines are dashed: strokes and gaps in CSS pixels.
    pub(super) fn dashed(
        &mut self,
        class: &str,
        dashes: &[u32],
        draw: impl FnOnce(&mut Pen<'_>) -> Result<(), ChartError>,
    ) -> Result<(), ChartError> {
        if dashes.is_empty() {
            return self.group(class, draw);
        }
        let dashes: Vec<String> = dashes
            .iter()
            .map(|length| (f64::from(*length) * FINE).to_string())
            .collect();
        self.wrapped(
            &format!(
                "class=\"{class}\" stroke-dasharray=\"{}\"",
                dashes.join(" ")
            ),
            draw,
        )
    }

    /// Draws a group whose text has a white outline, to stay readable on lines.
    pub(super) fn haloed(
        &mut self,
        class: &str,
        draw: impl FnOnce(&mut Pen<'_>) -> Result<(), ChartError>,
    ) -> Result<(), ChartError> {
        let attributes = format!(
            "class=\"{class}\" stroke=\"#FFFFFF\" stroke-width=\"{}\" paint-order=\"stroke\"",
            4.0 * FINE
        );
        self.wrapped(&attributes, draw)
    }

    fn wrapped(
        &mut self,
        attributes: &str,
        draw: impl FnOnce(&mut Pen<'_>) -> Result<(), ChartError>,
    ) -> Result<(), ChartError> {
        let mut text = String::new();
        let mut pen = Pen {
            backend: SVGBackend::with_string(&mut text, (self.width * 8, self.height * 8)),
        };
        draw(&mut pen)?;
        pen.backend.present().map_err(failed)?;
        drop(pen);
        // The backend writes a document; what is wanted is what stands between its tags.
        let inner = text
            .split_once(">\n")
            .and_then(|(_, rest)| rest.rsplit_once("</svg>"))
            .map_or("", |(body, _)| body);
        if !inner.is_empty() {
            self.body
                .push_str(&format!("<g {attributes}>\n{inner}</g>\n"));
        }
        Ok(())
    }

    /// The whole document.
    pub(super) fn finish(self, title: &str, description: &str) -> String {
        let Self {
            width,
            height,
            body,
        } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"title desc\" \
             width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" stroke-linejoin=\"round\">\n\
             <title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n{body}</svg>\n",
            width * 8,
            height * 8,
            escaped(title),
            escaped(description),
        )
    }
}

/// XML 1.0 cannot hold control characters or the two non-characters of the
/// basic plane, even escaped, and what turns a line around must not; they
/// become blanks.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\u{fffe}' | '\u{ffff}' => ' ',
            hidden if is_unprintable(hidden) => ' ',
            other => other,
        })
        .collect()
}

fn escaped(text: &str) -> String {
    printable(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn failed(error: impl std::fmt::Display) -> ChartError {
    ChartError::Draw(error.to_string())
}

fn fine(length: f64) -> i32 {
    (length * FINE).round() as i32
}

/// The size to tell plotters so that it writes `wished`, to the last digit where that can be.
fn font_size(wished: f64) -> f64 {
    let told = wished * PLOTTERS_FONT;
    let near = [told, told.next_down(), told.next_up()];
    near.into_iter()
        .find(|size| size / PLOTTERS_FONT == wished)
        .unwrap_or(told)
}

fn stroke(width: f64) -> u32 {
    (width * FINE).round() as u32
}

fn tint(Colour(red, green, blue): Colour, opacity: f64) -> RGBAColor {
    RGBColor(red, green, blue).mix(opacity)
}

fn style(colour: Colour, opacity: f64, width: f64) -> ShapeStyle {
    ShapeStyle {
        color: tint(colour, opacity),
        filled: true,
        stroke_width: stroke(width),
    }
}

/// Draws into one group.
pub(super) struct Pen<'a> {
    backend: SVGBackend<'a>,
}

impl Pen<'_> {
    /// A line through `points`.
    pub(super) fn path(
        &mut self,
        points: &[(f64, f64)],
        colour: Colour,
        width: f64,
    ) -> Result<(), ChartError> {
        let mut places: Vec<(i32, i32)> = points.iter().map(|&(x, y)| (fine(x), fine(y))).collect();
        places.dedup();
        self.backend
            .draw_path(places, &style(colour, 1.0, width))
            .map_err(failed)
    }

    /// The inside of `points`.
    pub(super) fn area(
        &mut self,
        points: &[(f64, f64)],
        colour: Colour,
        opacity: f64,
    ) -> Result<(), ChartError> {
        let mut places: Vec<(i32, i32)> = points.iter().map(|&(x, y)| (fine(x), fine(y))).collect();
        places.dedup();
        self.backend
            .fill_polygon(places, &style(colour, opacity, 0.0))
            .map_err(failed)
    }

    /// A dot of a shape; an open one is white inside.
    pub(super) fn dot(
        &mut self,
        (x, y): (f64, f64),
        radius: f64,
        marker: Marker,
        colour: Colour,
        open: bool,
    ) -> Result<(), ChartError> {
        self.shape((x, y), radius, marker, colour)?;
        if open {
            self.shape((x, y), radius - 2.0, marker, WHITE)
        } else {
            Ok(())
        }
    }

    fn shape(
        &mut self,
        (x, y): (f64, f64),
        radius: f64,
        marker: Marker,
        colour: Colour,
    ) -> Result<(), ChartError> {
        // Sizes that give the four shapes about the same area.
        let (flat, tall) = (radius * 0.89, radius * 1.25);
        match marker {
            Marker::Circle => self
                .backend
                .draw_circle(
                    (fine(x), fine(y)),
                    stroke(radius),
                    &style(colour, 1.0, 0.0),
                    true,
                )
                .map_err(failed),
            Marker::Square => self.area(
                &[
                    (x - flat, y - flat),
                    (x + flat, y - flat),
                    (x + flat, y + flat),
                    (x - flat, y + flat),
                ],
                colour,
                1.0,
            ),
            Marker::Triangle => self.area(
                &[
                    (x, y - tall),
                    (x + tall * 1.05, y + tall * 0.7),
                    (x - tall * 1.05, y + tall * 0.7),
                ],
                colour,
                1.0,
            ),
            Marker::Diamond => self.area(
                &[(x, y - tall), (x + tall, y), (x, y + tall), (x - tall, y)],
                colour,
                1.0,
            ),
        }
    }

    /// A line of text with its baseline at y.
    pub(super) fn text(
        &mut self,
        text: &str,
        (x, y): (f64, f64),
        look: Type,
    ) -> Result<(), ChartError> {
        let horizontal = match look.align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let weight = match look.weight {
            Weight::Regular => FontStyle::Normal,
            Weight::Bold => FontStyle::Bold,
        };
        let style = (FAMILY, font_size(look.size * FINE), weight)
            .into_font()
            .color(&tint(look.colour, 1.0))
            .pos(Pos::new(horizontal, VPos::Top));
        let top = y - PLOTTERS_TOP * look.size;
        self.backend
            .draw_text(&printable(text), &style, (fine(x), fine(top)))
            .map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_holds_what_is_drawn_in_it() {
        let mut canvas = Canvas::new(100, 50);
        canvas
            .dashed("series", &[9, 4], |pen| {
                pen.path(&[(0.0, 0.0), (10.0, 5.06)], Colour(1, 2, 3), 2.0)
            })
            .unwrap();
        canvas.group("empty", |_| Ok(())).unwrap();
        let svg = canvas.finish("a <title>", "it says \"a & b\"\u{0}");
        assert!(svg.contains("<g class=\"series\" stroke-dasharray=\"72 32\">"));
        assert!(svg.contains("points=\"0,0 80,40 \""), "{svg}");
        assert!(svg.contains("<title id=\"title\">a &lt;title&gt;</title>"));
        assert!(svg.contains("a &amp; b\" </desc>"));
        assert!(!svg.contains("empty"));
        assert!(svg.contains("width=\"100\" height=\"50\" viewBox=\"0 0 800 400\""));
    }

    #[test]
    fn text_is_written_as_text() {
        let mut canvas = Canvas::new(100, 50);
        let look = Type {
            size: 10.0,
            weight: Weight::Bold,
            colour: Colour(0, 0, 0),
            align: Align::Right,
        };
        canvas
            .group("words", |pen| pen.text("1 < 2 \u{1b}", (50.0, 20.0), look))
            .unwrap();
        let svg = canvas.finish("", "");
        assert!(
            svg.contains("font-size=\"80\"") && svg.contains("text-anchor=\"end\""),
            "{svg}"
        );
        assert!(svg.contains("1 &lt; 2") && !svg.contains('\u{1b}'));
    }
}
