//! Dots with intervals in small multiples that share their rows.

mod panel;

use super::canvas::{Align, Canvas};
use super::frame::{LABEL, MARGIN, Words};
use super::palette::{GREY, look};
use super::{ChartError, Intervals, Panel, Row, WIDTH, describe};
use panel::Layout;

/// The widest that row labels may be, and from them to the panels.
const LABEL_ROOM: f64 = 260.0;
const LABEL_GAP: f64 = 24.0;

/// Between two panels, side by side and one above the other.
const GAP: (f64, f64) = (84.0, 30.0);

/// More rows than this are counted in words rather than drawn.
const MOST_ROWS: usize = 60;

/// More panels than this are not drawn.
const MOST_PANELS: usize = 24;

pub(super) fn draw(chart: &Intervals) -> Result<String, ChartError> {
    let words = Words::new(&chart.frame);
    let panels = &chart.panels[..chart.panels.len().min(MOST_PANELS)];
    let names = row_names(panels);
    let columns = match panels.len() {
        0 | 1 => 1,
        2 | 4 => 2,
        _ => 3,
    };
    let labels: Vec<Vec<String>> = names
        .iter()
        .map(|(name, _)| LABEL.wrap(name, LABEL_ROOM, 2))
        .collect();
    let widest = labels
        .iter()
        .flatten()
        .map(|line| LABEL.width(line))
        .fold(0.0, f64::max);
    let indent = if widest > 0.0 {
        widest + LABEL_GAP
    } else {
        0.0
    };
    let room = (f64::from(WIDTH) - 2.0 * MARGIN - indent - GAP.0 * (columns as f64 - 1.0))
        / columns as f64;
    let laid: Vec<Layout<'_>> = panels
        .iter()
        .map(|panel| Layout::new(panel, room, names.len()))
        .collect();

    let bands: Vec<Band> = laid.chunks(columns).map(Band::around).collect();
    let inner: f64 =
        bands.iter().map(Band::height).sum::<f64>() + GAP.1 * bands.len().saturating_sub(1) as f64;
    let height = (words.height() + inner.max(120.0)).ceil() as u32;
    let mut canvas = Canvas::new(WIDTH, height);
    let body = words.draw(&mut canvas, height)?;
    let mut top = body.top;
    for (band, layouts) in bands.iter().zip(laid.chunks(columns)) {
        let plot_top = top + band.head;
        canvas.group("rows", |pen| {
            for (row, lines) in labels.iter().enumerate() {
                let middle = plot_top + band.pitch * (row as f64 + 0.5) + band.drop;
                let first = middle + 5.0 - LABEL.leading() * (lines.len() as f64 - 1.0) / 2.0;
                for (line, text) in lines.iter().enumerate() {
                    let y = first + LABEL.leading() * line as f64;
                    pen.text(text, (body.left, y), LABEL.coloured(look(row).text))?;
                }
            }
            Ok(())
        })?;
        for (column, layout) in layouts.iter().enumerate() {
            let left = body.left + indent + (room + GAP.0) * column as f64;
            layout.draw(&mut canvas, band, (left, top), room, &names)?;
        }
        top += band.height() + GAP.1;
    }
    if names.is_empty() {
        let middle = (f64::from(WIDTH) / 2.0, (body.top + body.bottom) / 2.0);
        canvas.group("empty", |pen| {
            pen.text(
                "no data",
                middle,
                LABEL.coloured(GREY).aligned(Align::Centre),
            )
        })?;
    }
    let alt = if chart.frame.alt.trim().is_empty() {
        describe::intervals(chart)
    } else {
        chart.frame.alt.clone()
    };
    Ok(canvas.finish(&chart.frame.title, &alt))
}

/// The rows of all panels in the order in which they first appear; the n-th
/// row of one label in a panel belongs to the n-th such row of the others.
fn row_names(panels: &[Panel]) -> Vec<(String, usize)> {
    let mut names: Vec<(String, usize)> = Vec::new();
    for panel in panels {
        for name in keyed(&panel.rows).map(|(key, _)| key) {
            if names.len() < MOST_ROWS && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn keyed(rows: &[Row]) -> impl Iterator<Item = ((String, usize), &Row)> {
    rows.iter().take(MOST_ROWS).enumerate().map(|(index, row)| {
        let before = rows[..index]
            .iter()
            .filter(|earlier| earlier.label == row.label)
            .count();
        ((row.label.clone(), before), row)
    })
}

/// What the panels side by side have in common.
struct Band {
    head: f64,
    pitch: f64,
    /// From the middle of a row to its dot, which leaves room for the number above.
    drop: f64,
    rows: usize,
    foot: f64,
}

impl Band {
    fn around(layouts: &[Layout<'_>]) -> Self {
        let notes = layouts
            .iter()
            .flat_map(|layout| &layout.panel.rows)
            .any(|row| !row.note.trim().is_empty());
        let rows = layouts.iter().map(|layout| layout.rows).max().unwrap_or(0);
        let base = if rows > 8 { 46.0 } else { 58.0 };
        Self {
            head: layouts.iter().map(Layout::head).fold(0.0, f64::max),
            pitch: if notes { base + 14.0 } else { base },
            drop: if notes { 1.0 } else { 7.0 },
            rows,
            foot: layouts.iter().map(Layout::foot).fold(0.0, f64::max),
        }
    }

    fn height(&self) -> f64 {
        self.head + self.pitch * self.rows as f64 + self.foot
    }
}
