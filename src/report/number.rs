//! Numbers as people read them.

use crate::experiment::Estimate;
use crate::scenario::Quantity;

/// A number with three significant digits, without an exponent, and without
/// needless zeros.
pub(super) fn plain(value: f64) -> String {
    significant(value, 3)
}

fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let written = format!("{value:.*e}", digits - 1);
    let exponent: i32 = written
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A value in its unit.
pub(super) fn value(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::Probability => format!("{} %", plain(value * 100.0)),
        Quantity::Seconds => seconds(value),
        Quantity::PerSecond => format!("{}/s", plain(value)),
        Quantity::PerDay => format!("{}/day", plain(value)),
        // Four digits: a retry amplification is often just above 1.
        Quantity::Ratio => significant(value, 4),
        Quantity::Count => plain(value),
    }
}

fn seconds(value: f64) -> String {
    let (scaled, unit) = match value {
        0.0 => (0.0, "s"),
        value if value < 1e-3 => (value * 1e6, "us"),
        value if value < 1.0 => (value * 1e3, "ms"),
        value if value < 120.0 => (value, "s"),
        value if value < 7200.0 => (value / 60.0, "min"),
        value => (value / 3600.0, "h"),
    };
    format!("{} {unit}", plain(scaled))
}

/// An estimate with its interval, such as `1.24 % [1.18, 1.3]`.
pub(super) fn estimate(estimate: &Estimate) -> String {
    let quantity = estimate.estimand.quantity();
    let shown = value(quantity, estimate.value);
    match estimate.interval {
        Some(interval) => match (quantity, shown.split_once([' ', '/'])) {
            (Quantity::Seconds, _) | (_, None) => format!(
                "{shown} [{}, {}]",
                value(quantity, interval.lo),
                value(quantity, interval.hi)
            ),
            _ => {
                let scale = if quantity == Quantity::Probability {
                    100.0
                } else {
                    1.0
                };
                let digits = digits_to_tell_apart(interval.lo, interval.hi);
                let end = |end: f64| significant(end * scale, digits);
                format!("{shown} [{}, {}]", end(interval.lo), end(interval.hi))
            }
        },
        None if estimate.value == 0.0 && quantity == Quantity::Probability => {
            "none seen".to_owned()
        }
        None => shown,
    }
}

/// Three significant digits, or as many more as two ends need to differ.
fn digits_to_tell_apart(lo: f64, hi: f64) -> usize {
    (3..9)
        .find(|digits| lo == hi || significant(lo, *digits) != significant(hi, *digits))
        .unwrap_or(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Estimand;
    use crate::stats::Interval;

    #[test]
    fn numbers_have_three_digits_and_no_exponent() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.123_456, "0.123"),
            (99.96, "100"),
            (12_345.6, "12346"),
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
            (Quantity::Seconds, 0.08, "80 ms"),
            (Quantity::Seconds, 90.0, "90 s"),
            (Quantity::Seconds, 600.0, "10 min"),
            (Quantity::PerSecond, 111.1, "111/s"),
            (Quantity::Ratio, 1.5, "1.5"),
        ] {
            assert_eq!(value(quantity, number), text);
        }
    }

    #[test]
    fn an_estimate_shows_its_interval_or_that_nothing_was_seen() {
        let mut shown = Estimate {
            estimand: Estimand::P429Attempt,
            split: None,
            policy: String::new(),
            value: 0.0124,
            interval: Some(Interval {
                lo: 0.0118,
                hi: 0.013,
            }),
            design_effect: None,
            replications: 20,
        };
        assert_eq!(estimate(&shown), "1.24 % [1.18, 1.3]");
        shown.interval = None;
        assert_eq!(estimate(&shown), "1.24 %");
        shown.value = 0.0;
        assert_eq!(estimate(&shown), "none seen");
        shown.estimand = Estimand::LatencyCommandP99;
        shown.value = 1.2;
        shown.interval = Some(Interval { lo: 0.9, hi: 1.3 });
        assert_eq!(estimate(&shown), "1.2 s [900 ms, 1.3 s]");
    }
}
