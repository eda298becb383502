//! A sentence in place of a chart that would be empty.

use super::canvas::{Align, Canvas, Type};
use super::frame::{LABEL, MARGIN, Words};
use super::palette::GREY;
use super::{ChartError, Sentence, WIDTH};

/// The height of the room for the sentence.
const ROOM: f64 = 150.0;

pub(super) fn draw(sentence: &Sentence) -> Result<String, ChartError> {
    let words = Words::new(&sentence.frame);
    let height = (words.height() + ROOM).ceil() as u32;
    let mut canvas = Canvas::new(WIDTH, height);
    let body = words.draw(&mut canvas, height)?;
    let look = Type {
        size: 20.0,
        ..LABEL
    };
    let lines = look.wrap(&sentence.text, f64::from(WIDTH) - 4.0 * MARGIN, 4);
    let first = (body.top + body.bottom - look.leading() * (lines.len() as f64 - 1.0)) / 2.0;
    canvas.group("sentence", |pen| {
        for (number, line) in lines.iter().enumerate() {
            let place = (
                f64::from(WIDTH) / 2.0,
                first + look.leading() * number as f64,
            );
            pen.text(line, place, look.coloured(GREY).aligned(Align::Centre))?;
        }
        Ok(())
    })?;
    let alt = match sentence.frame.alt.trim() {
        "" => sentence.text.as_str(),
        alt => alt,
    };
    Ok(canvas.finish(&sentence.frame.title, alt))
}
