//! Numbers as people read them aloud: the one place that writes them, for
//! tables, pages and charts.

use crate::experiment::Estimate;
use crate::scenario::estimand::Taken;
use crate::scenario::{Estimand, Quantity};
use crate::stats::{Basis, Interval};

/// A number with three significant digits, without an exponent, and without
/// needless zeros.
pub(super) fn plain(value: f64) -> String {
    trimmed(&significant(value, 3))
}

/// A number with at least so many significant digits, commas between thousands
/// and no exponent.
fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    with_decimals(value, digits - 1 - exponent(value, digits))
}

/// The decimal exponent of a number that is rounded to so many digits.
fn exponent(value: f64, digits: i32) -> i32 {
    let written = format!("{value:.*e}", digits.max(1) as usize - 1);
    let exponent = written.split_once('e').map(|(_, exponent)| exponent);
    exponent
        .and_then(|exponent| exponent.parse().ok())
        .unwrap_or(0)
}

/// Without the zeros after the point that say nothing.
fn trimmed(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}

/// A number with so many decimals and commas between thousands.
pub(super) fn with_decimals(value: f64, decimals: i32) -> String {
    let text = format!("{:.*}", decimals.clamp(0, 12) as usize, value.abs());
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let mut shown = String::new();
    if value < 0.0 {
        shown.push('-');
    }
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    if !part.is_empty() {
        shown.push('.');
        shown.push_str(part);
    }
    shown
}

/// A unit: how many of the quantity's own it holds, and what follows a number.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Unit {
    size: f64,
    suffix: &'static str,
}

/// The unit for numbers of about that size.
fn unit(quantity: Quantity, size: f64) -> Unit {
    let (size, suffix) = match quantity {
        Quantity::Probability => (0.01, " %"),
        Quantity::PerSecond => (1.0, "/s"),
        Quantity::PerDay => (1.0, "/day"),
        Quantity::Ratio | Quantity::Count => (1.0, ""),
        Quantity::Seconds => match size.abs() {
            0.0 => (1.0, " s"),
            size if size < 1e-6 => (1e-9, " ns"),
            size if size < 1e-3 => (1e-6, " µs"),
            size if size < 1.0 => (1e-3, " ms"),
            size if size < 120.0 => (1.0, " s"),
            size if size < 7200.0 => (60.0, " min"),
            size if size < 172_800.0 => (3600.0, " h"),
            _ => (86_400.0, " days"),
        },
    };
    Unit { size, suffix }
}

/// A value in its unit.
pub(super) fn value(quantity: Quantity, value: f64) -> String {
    if value.is_infinite() {
        return "never".to_owned();
    }
    let unit = unit(quantity, value);
    // An amplification is often just above 1.
    let digits = if quantity == Quantity::Ratio { 4 } else { 3 };
    trimmed(&significant(value / unit.size, digits)) + unit.suffix
}

/// A one-sided bound, with as many digits as show on which side of a target's
/// it is.
pub(super) fn bound(quantity: Quantity, bound: f64, target: f64) -> String {
    let short = value(quantity, bound);
    if bound == target || bound.is_infinite() || short != value(quantity, target) {
        return short;
    }
    let unit = unit(quantity, target);
    let show = |number: f64, digits: i32| trimmed(&significant(number / unit.size, digits));
    let digits = (4..12).find(|digits| show(bound, *digits) != show(target, *digits));
    digits.map_or(short, |digits| show(bound, digits) + unit.suffix)
}

/// An estimate with its interval, such as `1.24 % [1.18, 1.30]`; what was never
/// or always seen with its bound; what is not known any better than the digits
/// that are shown, without.
pub(super) fn estimate(estimate: &Estimate) -> String {
    let quantity = estimate.estimand.quantity();
    if estimate.value.is_infinite() {
        return never(estimate.estimand).to_owned();
    }
    let shown = value(quantity, estimate.value);
    let Some(interval) = estimate.interval else {
        return match estimate.value == 0.0 && quantity == Quantity::Probability {
            true => "none seen".to_owned(),
            false => shown,
        };
    };
    match estimate.basis {
        Basis::Exact => shown,
        Basis::NoneSeen => format!("none seen, at most {}", value(quantity, interval.hi)),
        Basis::AllSeen => format!("always, at least {}", value(quantity, interval.lo)),
        _ => with_interval(quantity, estimate.value, interval),
    }
}

/// That a time is not reached.
fn never(estimand: Estimand) -> &'static str {
    match estimand.taken() {
        Taken::Quantile { never, .. } | Taken::MedianOfRuns { never, .. } => never,
        Taken::Ratio(..) | Taken::ShareOfRuns(_) => "never",
    }
}

/// The interval says how many digits are worth showing: a quarter of it gets
/// one, but no number more than five.
fn with_interval(quantity: Quantity, number: f64, interval: Interval) -> String {
    let unit = unit(quantity, if number == 0.0 { interval.hi } else { number });
    let scaled = |number: f64| number / unit.size;
    let width = match interval.hi.is_finite() {
        true => interval.hi - interval.lo,
        false => number - interval.lo,
    };
    let most = 4 - exponent(scaled(number).max(f64::MIN_POSITIVE), 5);
    let decimals = match width > 0.0 {
        true => (-exponent(scaled(width / 4.0), 1)).min(most).max(0),
        false => most.max(0),
    };
    let show = |number: f64| with_decimals(scaled(number), decimals);
    let (lo, hi) = (show(interval.lo), show(interval.hi.min(f64::MAX)));
    if lo == hi {
        return value(quantity, number);
    }
    let hi = match interval.hi.is_finite() {
        true => hi,
        false => "never".to_owned(),
    };
    // What is seen is never shown as nothing.
    let shown = match show(number) {
        nothing if number != 0.0 && nothing.bytes().all(|byte| b"0.".contains(&byte)) => {
            trimmed(&significant(scaled(number), 1))
        }
        shown => shown,
    };
    format!("{shown}{} [{lo}, {hi}]", unit.suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_no_exponent() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.123_456, "0.123"),
            (99.96, "100"),
            (12_345.6, "12,346"),
            (1_000_000.0, "1,000,000"),
            (0.000_012_34, "0.0000123"),
            (2.50, "2.5"),
        ] {
            assert_eq!(plain(number), text);
        }
    }

    #[test]
    fn values_carry_their_unit() {
        for (quantity, number, text) in [
            (Quantity::Probability, 0.0124, "1.24 %"),
            (Quantity::Seconds, 0.0, "0 s"),
            (Quantity::Seconds, 8.76e-10, "0.876 ns"),
            (Quantity::Seconds, 0.08, "80 ms"),
            (Quantity::Seconds, 90.0, "90 s"),
            (Quantity::Seconds, 600.0, "10 min"),
            (Quantity::Seconds, f64::INFINITY, "never"),
            (Quantity::PerSecond, 111.1, "111/s"),
            (Quantity::PerDay, 288.0, "288/day"),
            (Quantity::Ratio, 1.5, "1.5"),
            (Quantity::Count, 12_000.0, "12,000"),
        ] {
            assert_eq!(value(quantity, number), text);
        }
    }

    #[test]
    fn a_bound_is_never_shown_on_the_other_side() {
        for (bounded, target, text) in [
            (0.0123, 0.05, "1.23 %"),
            (0.001_000_04, 0.001, "0.100004 %"),
            (0.000_999_96, 0.001, "0.099996 %"),
            (0.001, 0.001, "0.1 %"),
        ] {
            assert_eq!(bound(Quantity::Probability, bounded, target), text);
        }
    }

    #[test]
    fn an_interval_says_how_many_digits_are_shown() {
        use Quantity::{PerDay, PerSecond, Probability, Ratio, Seconds};
        for (quantity, number, lo, hi, text) in [
            (Probability, 0.0124, 0.0118, 0.013, "1.24 % [1.18, 1.30]"),
            (Probability, 0.563, 0.551, 0.576, "56.3 % [55.1, 57.6]"),
            (
                Probability,
                0.000_930,
                0.000_502,
                0.001_36,
                "0.09 % [0.05, 0.14]",
            ),
            (Probability, 0.000_021, 0.000_000_1, 0.5, "0.002 % [0, 50]"),
            (Seconds, 1.2, 0.9, 1.3, "1.2 s [0.9, 1.3]"),
            (Seconds, 30.2, 30.1, f64::INFINITY, "30.20 s [30.10, never]"),
            (PerDay, 288.001, 288.0009, 288.0013, "288/day"),
            (PerSecond, 321.15, 321.1, 321.2, "321.15/s [321.10, 321.20]"),
            (Ratio, 1.0049, 1.0045, 1.0053, "1.0049 [1.0045, 1.0053]"),
            (Ratio, 1.0, 1.0, 1.0, "1"),
        ] {
            assert_eq!(with_interval(quantity, number, Interval { lo, hi }), text);
        }
    }
}
