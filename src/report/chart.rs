//! Charts: plain data in, SVG and PNG out, in one house style.
//!
//! A chart knows nothing of simulation. It is handed numbers with their
//! intervals, the words around them, and how each axis reads. [`svg`] draws it
//! and [`png`] rasterises that same drawing, so there is one drawing path. Text
//! is measured and rasterised with an embedded font: no system library or
//! system font takes part, and the same chart gives the same bytes.
//!
//! The style follows Tufte, *The Visual Display of Quantitative Information*
//! (2nd ed., 2001: little ink beside the data, labels at the data, small
//! multiples), Cleveland & McGill (JASA 79, 1984: position on a common scale)
//! and the colour set of Okabe & Ito (*Color Universal Design*, 2008), with a
//! dash pattern or a marker as a second cue.

mod canvas;
mod describe;
mod extent;
mod font;
mod frame;
mod intervals;
mod labels;
mod lines;
mod number;
mod palette;
mod raster;
mod ruler;
mod sentence;
mod time;

pub use raster::png;

/// Width of every chart in CSS pixels. A PNG has twice as many.
pub const WIDTH: u32 = 1200;

/// Height of a [`Lines`] chart in CSS pixels. An [`Intervals`] chart is as
/// high as its rows need.
pub const HEIGHT: u32 = 675;

/// The words around a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    /// The message or the question, in bold at the top.
    pub title: String,
    /// What is shown: estimand, unit, and what a ribbon or bar is, such as
    /// "95 % interval over 40 replications".
    pub subtitle: String,
    /// Where it comes from: scenario, seed, version, result hash.
    pub footer: String,
    /// The text alternative. When it is empty, one is written from the data.
    pub alt: String,
}

/// How the numbers along an axis are spaced and written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scale {
    /// Evenly spaced plain numbers.
    #[default]
    Linear,
    /// Evenly spaced plain numbers of which none is below zero, from zero on.
    Amount,
    /// Evenly spaced powers. Zero and negative numbers sit on a floor below.
    Log,
    /// A probability in 0..=1, written in percent: logarithmic when the values
    /// span more than two decades (zeros on a floor of their own, marked 0),
    /// else linear from zero.
    Probability,
    /// Seconds since the local midnight of the first day, written as 06:00.
    TimeOfDay,
    /// Seconds that have passed, written as 10 s, 5 min or 2 h.
    Elapsed,
}

/// One axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Axis {
    /// What is measured and in which unit, such as "P(429) per attempt".
    pub label: String,
    /// How its numbers are spaced and written.
    pub scale: Scale,
}

/// An estimate at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Place on the x axis.
    pub x: f64,
    /// The estimate. Anything not finite is a gap: there is no data here.
    pub y: f64,
    /// Lower end of its interval; equal to `hi` where there is none.
    pub lo: f64,
    /// Upper end of its interval.
    pub hi: f64,
}

/// One line with its ribbon, labelled at its end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// Its name, written beside its last point.
    pub label: String,
    /// Its points, in the order in which they are joined.
    pub points: Vec<Point>,
}

/// Something to read a chart against.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// A dashed vertical line, such as "06:00 automations" or a target.
    Vertical {
        /// Place on the x axis; outside the data it is not drawn.
        x: f64,
        /// What it is.
        label: String,
    },
    /// A dashed horizontal line, such as "permits 160". The y axis is extended to hold it.
    Horizontal {
        /// Place on the y axis.
        y: f64,
        /// What it is.
        label: String,
    },
    /// A shaded stretch of the x axis, such as an outage.
    Span {
        /// Where it begins on the x axis.
        from: f64,
        /// Where it ends.
        to: f64,
        /// What it is.
        label: String,
    },
}

/// How the points of a line are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Style {
    /// A line through them with a ribbon for the intervals.
    #[default]
    Ribbon,
    /// A dot for each with a bar for its interval, joined by a thin line: few
    /// points, each an estimate of its own. A value of 0 with an upper end
    /// above it is an arrow down from there; an infinite one is an arrow up
    /// from its lower end.
    Dots,
}

/// Lines over time or over a quantity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lines {
    /// The words around it.
    pub frame: Frame,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// How their points are shown.
    pub style: Style,
    /// The lines. Up to a dozen stay readable; 28 have looks of their own.
    pub series: Vec<Line>,
    /// What to read them against.
    pub marks: Vec<Mark>,
}

/// How an estimate in a [`Panel`] is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// A dot in its interval.
    #[default]
    Dot,
    /// None was seen: an arrow that points down from the upper end.
    AtMost,
    /// It was always seen, or a time is not reached: an arrow that points up
    /// from the lower end.
    AtLeast,
}

/// One estimate in a [`Panel`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// What it is of, such as a policy. Rows of different panels with the same
    /// label stand on the same line and have the same colour.
    pub label: String,
    /// The estimate. Not finite: no data.
    pub value: f64,
    /// Lower end of its interval, when one is known.
    pub lo: Option<f64>,
    /// Upper end of its interval, when one is known.
    pub hi: Option<f64>,
    /// How it is drawn.
    pub shape: Shape,
    /// The estimate as it is written; the bare value, if empty.
    pub text: String,
    /// A remark in small print below the dot, such as "deff 3.1".
    pub note: String,
}

impl Row {
    /// The ends of its interval that are known; what is not finite is not.
    fn bounds(&self) -> (Option<f64>, Option<f64>) {
        let known = |end: Option<f64>| end.filter(|end| end.is_finite());
        (known(self.lo), known(self.hi))
    }

    /// Where it stands on its axis; `None` if there are no data.
    fn place(&self) -> Option<f64> {
        let (lo, hi) = self.bounds();
        let place = match self.shape {
            Shape::Dot => Some(self.value),
            Shape::AtMost => hi.or(Some(self.value)),
            Shape::AtLeast => lo.or(Some(self.value)),
        };
        place.filter(|place| place.is_finite())
    }

    /// The estimate as it is written.
    fn words(&self, scale: Scale) -> String {
        match (self.text.trim(), self.value.is_nan()) {
            ("", true) => "no data".to_owned(),
            ("", false) => number::value(scale, self.value),
            (text, _) => text.to_owned(),
        }
    }
}

/// One estimand for all rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Panel {
    /// The estimand, such as "P(429) per attempt".
    pub title: String,
    /// Its axis.
    pub axis: Axis,
    /// Its estimates.
    pub rows: Vec<Row>,
    /// What to read them against: [`Mark::Vertical`] and [`Mark::Span`] on the
    /// panel's axis, which is extended to hold a line (a logarithmic one
    /// downwards by a decade at most).
    pub marks: Vec<Mark>,
}

/// Dots with intervals in small multiples that share their rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intervals {
    /// The words around it.
    pub frame: Frame,
    /// The estimands, side by side, up to three in a row.
    pub panels: Vec<Panel>,
}

/// What is said in place of a chart that would be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sentence {
    /// The words around it.
    pub frame: Frame,
    /// What there is to say.
    pub text: String,
}

/// Anything that can be drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Chart {
    /// Lines over time or over a quantity.
    Lines(Lines),
    /// Dots with intervals.
    Intervals(Intervals),
    /// A sentence.
    Sentence(Sentence),
}

impl From<Lines> for Chart {
    fn from(chart: Lines) -> Self {
        Self::Lines(chart)
    }
}

impl From<Intervals> for Chart {
    fn from(chart: Intervals) -> Self {
        Self::Intervals(chart)
    }
}

impl From<Sentence> for Chart {
    fn from(sentence: Sentence) -> Self {
        Self::Sentence(sentence)
    }
}

/// Why a chart could not be drawn. No data, few data and odd data are not
/// errors: they give a chart that says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    /// The drawing backend failed.
    #[error("the chart could not be drawn: {0}")]
    Draw(String),
    /// The text handed to [`png`] is not an SVG.
    #[error("the drawing is not valid SVG: {0}")]
    Svg(String),
    /// The picture could not be rasterised or encoded.
    #[error("the drawing could not be turned into a PNG: {0}")]
    Png(String),
}

/// Draws a chart as an SVG document, [`WIDTH`] CSS pixels wide.
///
/// The document carries `role="img"`, a `<title>` and a `<desc>`, and one
/// group of class `series` per line or row.
///
/// # Errors
///
/// [`ChartError::Draw`] when the drawing backend fails; no data make it fail.
pub fn svg(chart: &Chart) -> Result<String, ChartError> {
    match chart {
        Chart::Lines(chart) => lines::draw(chart),
        Chart::Intervals(chart) => intervals::draw(chart),
        Chart::Sentence(sentence) => sentence::draw(sentence),
    }
}

#[cfg(test)]
mod tests;
