use crate::scenario::text::{Leaf, SourceTree};
use crate::units::{Rate, Span};

/// A number as a scenario writes it: bare, or in quotes with a unit.
///
/// ```
/// # use ratelab::scenario::Amount;
/// let wait = Amount::read("\"90s\"").unwrap();
/// assert_eq!(wait.value(), 90.0);
/// assert_eq!(wait.times(2.0).text(), "\"180s\"");
/// assert_eq!(Amount::read("\"soon\""), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Amount {
    /// In the unit that is written, or else in that of [`Amount::value`].
    number: f64,
    kind: Kind,
    /// The unit as it is written; none if the unit is chosen by size.
    unit: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Percentage,
    Time,
    Rate,
}

impl Amount {
    /// Reads the RON text of a value; `None` if it is no number, percentage,
    /// time or rate.
    pub fn read(text: &str) -> Option<Amount> {
        let tree = SourceTree::new(text);
        let root = tree.root().filter(|_| tree.is_one_value())?;
        let raw = tree.raw(&root.span);
        match root.leaf()? {
            Leaf::Number => Some(Amount {
                number: number(raw)?,
                kind: Kind::Number,
                unit: None,
            }),
            Leaf::Text => Amount::with_unit(&ron::from_str::<String>(raw).ok()?),
            _ => None,
        }
    }

    fn with_unit(text: &str) -> Option<Amount> {
        let text = text.trim();
        let digits = text
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_')))
            .unwrap_or(text.len());
        let (figures, unit) = text.split_at(digits);
        let figures = number(figures);
        let of = |kind, number, unit: Option<&str>| Amount {
            number,
            kind,
            unit: unit.map(str::to_owned),
        };
        if unit.trim() == "%" {
            return Some(of(Kind::Percentage, figures?, Some("%")));
        }
        if text.parse::<Rate>().is_ok() {
            return Some(of(Kind::Rate, figures?, Some(unit)));
        }
        let span: Span = text.parse().ok()?;
        // A sum such as "1h 30min" has no one unit.
        match unit.contains(|c: char| c.is_ascii_digit()) {
            true => Some(of(Kind::Time, span.secs_f64(), None)),
            false => Some(of(Kind::Time, figures?, Some(unit))),
        }
    }

    /// The number; of a percentage its share, of a time its seconds, of a rate
    /// its events per second.
    pub fn value(&self) -> f64 {
        match self.kind {
            Kind::Number => self.number,
            Kind::Percentage => self.number / 100.0,
            Kind::Time | Kind::Rate => self.number * self.factor(),
        }
    }

    /// What one of the written unit is in that of [`Amount::value`].
    fn factor(&self) -> f64 {
        let Some(unit) = &self.unit else { return 1.0 };
        let one = format!("1{unit}");
        match self.kind {
            Kind::Time => one.parse().map_or(1.0, Span::secs_f64),
            Kind::Rate => one.parse().map_or(1.0, Rate::per_sec),
            Kind::Number => 1.0,
            Kind::Percentage => 0.01,
        }
    }

    /// Whether it is a bare number or a percentage.
    pub fn has_no_dimension(&self) -> bool {
        matches!(self.kind, Kind::Number | Kind::Percentage)
    }

    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Number => "a number",
            Kind::Percentage => "a percentage",
            Kind::Time => "a time",
            Kind::Rate => "a rate",
        }
    }

    /// That many times this, to 12 significant digits, in the same unit.
    #[must_use]
    pub fn times(&self, factor: f64) -> Amount {
        Amount {
            number: significant(self.number * factor, DIGITS),
            ..self.clone()
        }
    }

    /// The same with its number rounded to the nearest whole, if it is not
    /// whole; halves go away from zero.
    pub fn whole(&self) -> Option<Amount> {
        let whole = self.number.round();
        (whole != self.number).then(|| Amount {
            number: whole,
            ..self.clone()
        })
    }

    /// The RON text.
    pub fn text(&self) -> String {
        match (self.kind, &self.unit) {
            (Kind::Number, _) => format!("{}", self.number),
            (_, Some(unit)) => format!("\"{}{unit}\"", self.number),
            (Kind::Time, None) => format!("\"{}\"", time(self.number)),
            (Kind::Rate, None) => format!("\"{}\"", rate(self.number)),
            (Kind::Percentage, None) => format!("\"{}%\"", self.number),
        }
    }

    /// Both in one unit, if they are of one kind.
    pub(super) fn alike(self, other: Amount) -> Option<(Amount, Amount)> {
        if self.kind != other.kind {
            return None;
        }
        let bare = |amount: Amount| Amount {
            number: amount.value(),
            unit: None,
            ..amount
        };
        match self.unit == other.unit {
            true => Some((self, other)),
            false => Some((bare(self), bare(other))),
        }
    }

    pub(super) fn number(&self) -> f64 {
        self.number
    }

    pub(super) fn with_number(&self, number: f64) -> Amount {
        Amount {
            number,
            ..self.clone()
        }
    }
}

/// The digits of a product: fewer than a double has, so that 0.1 x 3 is 0.3.
const DIGITS: usize = 12;

fn number(figures: &str) -> Option<f64> {
    let number: f64 = figures.replace('_', "").parse().ok()?;
    number.is_finite().then_some(number)
}

/// A number rounded to some significant decimal digits.
pub(super) fn significant(number: f64, digits: usize) -> f64 {
    format!("{number:.*e}", digits.saturating_sub(1))
        .parse()
        .unwrap_or(number)
}

/// Seconds as a time in the largest unit of which it is a whole number, from
/// minutes up; else in seconds or the unit below that is not longer.
fn time(seconds: f64) -> String {
    for (unit, size) in [("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)] {
        let count = significant(seconds / size, DIGITS);
        if count >= 1.0 && count.fract() == 0.0 {
            return format!("{count}{unit}");
        }
    }
    for (unit, per_second) in [("s", 1.0), ("ms", 1e3), ("us", 1e6)] {
        let count = significant(seconds * per_second, DIGITS);
        if count >= 1.0 || count == 0.0 {
            return format!("{count}{unit}");
        }
    }
    format!("{}ns", (seconds * 1e9).round())
}

/// Events per second as a rate per the shortest time that has one event.
fn rate(per_second: f64) -> String {
    let units = [("s", 1.0), ("min", 60.0), ("h", 3_600.0), ("d", 86_400.0)];
    let counts = units.map(|(unit, size)| (significant(per_second * size, DIGITS), unit));
    let one = counts.iter().find(|(count, _)| *count >= 1.0);
    let (count, unit) = one.unwrap_or(&counts[counts.len() - 1]);
    format!("{count}/{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_and_without_a_unit_are_read() {
        for (text, value, kind) in [
            ("1_000", 1000.0, "a number"),
            ("-0.5", -0.5, "a number"),
            ("\"5 %\"", 0.05, "a percentage"),
            ("\"10s\"", 10.0, "a time"),
            ("\"1h 30min\"", 5400.0, "a time"),
            ("\"2 min\"", 120.0, "a time"),
            ("\"8/s\"", 8.0, "a rate"),
            ("\"400/10s\"", 40.0, "a rate"),
            ("\"3 per 10 s\"", 0.3, "a rate"),
        ] {
            let amount = Amount::read(text).unwrap_or_else(|| panic!("{text}"));
            assert!((amount.value() - value).abs() < 1e-12, "{text}: {amount:?}");
            assert_eq!(amount.kind(), kind, "{text}");
        }
        for text in [
            "\"soon\"", "\"1000\"", "Fixed(5)", "[1]", "inf", "\"\"", "1 2",
        ] {
            assert_eq!(Amount::read(text), None, "{text}");
        }
    }

    #[test]
    fn products_keep_their_unit() {
        for (text, factor, product, whole) in [
            ("1000", 20.0, "20000", None),
            ("0.1", 3.0, "0.3", Some("0")),
            ("25", 0.5, "12.5", Some("13")),
            ("\"10s\"", 3.0, "\"30s\"", None),
            ("\"1h 30min\"", 0.5, "\"45min\"", None),
            ("\"400/10s\"", 2.0, "\"800/10s\"", None),
            ("\"5%\"", 1.5, "\"7.5%\"", Some("\"8%\"")),
        ] {
            let amount = Amount::read(text).unwrap().times(factor);
            assert_eq!(amount.text(), product);
            let rounded = amount.whole().map(|whole| whole.text());
            assert_eq!(rounded.as_deref(), whole, "{text}");
        }
    }

    #[test]
    fn times_and_rates_take_a_unit_by_their_size() {
        for (seconds, text) in [
            (0.0, "0s"),
            (2e-9, "2ns"),
            (0.0391, "39.1ms"),
            (153.3, "153.3s"),
            (600.0, "10min"),
            (5400.0, "90min"),
            (7200.0, "2h"),
            (172_800.0, "2d"),
        ] {
            assert_eq!(time(seconds), text);
            let span: Span = text.parse().unwrap();
            assert_eq!(span, Span::from_secs_f64(seconds));
        }
        for (per_second, text) in [(8.0, "8/s"), (0.8, "48/min"), (1.0 / 86_400.0, "1/d")] {
            assert_eq!(rate(per_second), text);
        }
    }
}
