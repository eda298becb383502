//! Numbers along axes: 20,000 and 0.31 % and 4.2 s. Estimates are written by
//! [`number`](super::super::number), for tables, pages and charts alike.

use super::super::number;
use super::Scale;
use crate::scenario::Quantity;

/// More decimals than this, or more digits before the point than 15, are written with an exponent.
const MOST_DECIMALS: i32 = 9;

/// The smallest size that counts as something; below it a number is 0.
const LEAST: f64 = 1e-100;

/// Ten to a whole power.
pub(super) fn power_of_ten(exponent: i32) -> f64 {
    libm::pow(10.0, f64::from(exponent))
}

/// The decimal exponent of a positive number: 0 for 1..10. Numbers that are a
/// power of ten but for rounding count as that power.
pub(super) fn exponent(value: f64) -> i32 {
    (libm::log10(value.abs().clamp(LEAST, f64::MAX)) + 1e-9).floor() as i32
}

/// `value` with `decimals` digits after the point and commas between thousands.
pub(super) fn plain(value: f64, decimals: i32) -> String {
    if value.abs() >= 1e15 || decimals > MOST_DECIMALS {
        return scientific(value);
    }
    let digits = number::with_decimals(value.abs(), decimals);
    // Rounded to nothing is no longer negative.
    match value < 0.0 && digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        true => format!("−{digits}"),
        false => digits,
    }
}

fn scientific(value: f64) -> String {
    if value.abs() < LEAST {
        return "0".to_owned();
    }
    let exponent = exponent(value);
    let leading = format!("{:.1}", value.abs() / power_of_ten(exponent));
    let raised: String = exponent
        .to_string()
        .chars()
        .map(|character| match character {
            '-' => '⁻',
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            digit => {
                char::from_u32(u32::from('⁴') + u32::from(digit) - u32::from('4')).unwrap_or(digit)
            }
        })
        .collect();
    let sign = if value < 0.0 { "−" } else { "" };
    let leading = match leading.trim_end_matches(".0") {
        "1" => String::new(),
        other => format!("{other}×"),
    };
    format!("{sign}{leading}10{raised}")
}

/// The unit in which numbers of a scale are written: how many of the axis's
/// own units it holds, and what follows the number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unit {
    pub(super) size: f64,
    pub(super) suffix: &'static str,
}

/// The unit for numbers of about `size` on a scale.
pub(super) fn unit(scale: Scale, size: f64) -> Unit {
    let (size, suffix) = match scale {
        Scale::Linear | Scale::Amount | Scale::Log => (1.0, ""),
        Scale::Probability => (0.01, " %"),
        Scale::TimeOfDay | Scale::Elapsed => match size.abs() * (1.0 + 1e-9) {
            size if size >= 86_400.0 => (86_400.0, " d"),
            size if size >= 3600.0 => (3600.0, " h"),
            size if size >= 60.0 => (60.0, " min"),
            size if !(LEAST..1.0).contains(&size) => (1.0, " s"),
            size if size >= 1e-3 => (1e-3, " ms"),
            _ => (1e-6, " µs"),
        },
    };
    Unit { size, suffix }
}

/// How many decimals show `size` to one significant digit.
pub(super) fn decimals_for(size: f64) -> i32 {
    (-exponent(size)).max(0)
}

/// A tick of an axis whose ticks are `step` apart.
pub(super) fn tick(value: f64, step: f64, scale: Scale, unit: Unit) -> String {
    match (value == 0.0, scale) {
        (true, Scale::Probability) => "0 %".to_owned(),
        (true, _) => "0".to_owned(),
        _ => plain(value / unit.size, decimals_for(step / unit.size)) + unit.suffix,
    }
}

/// A power of ten, two or five on a logarithmic axis.
pub(super) fn log_tick(value: f64, scale: Scale) -> String {
    let unit = unit(scale, value);
    plain(value / unit.size, decimals_for(value / unit.size)) + unit.suffix
}

/// A value of an axis in words: as tables write it.
pub(super) fn value(scale: Scale, value: f64) -> String {
    let quantity = match scale {
        Scale::Probability => Quantity::Probability,
        Scale::TimeOfDay | Scale::Elapsed => Quantity::Seconds,
        Scale::Linear | Scale::Amount | Scale::Log => Quantity::Count,
    };
    match value.abs() < 1e15 {
        true => number::value(quantity, value),
        false => scientific(value),
    }
}

/// The least step of 1, 2 or 5 times a power of ten that needs at most about `most` steps for `span`.
pub(super) fn nice_step(span: f64, most: usize) -> f64 {
    let least = span / most.max(1) as f64;
    let power = power_of_ten(exponent(least));
    let mantissa = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|mantissa| mantissa * power >= least * (1.0 - 1e-9))
        .unwrap_or(10.0);
    mantissa * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (value, decimals, text) in [
            (0.0, 0, "0"),
            (-0.0, 0, "0"),
            (-0.001, 2, "0.00"),
            (999.0, 0, "999"),
            (1000.0, 0, "1,000"),
            (1_234_567.5, 1, "1,234,567.5"),
            (-20_000.0, 0, "−20,000"),
            (1e15, 0, "10¹⁵"),
            (-2.5e30, 0, "−2.5×10³⁰"),
            (1e300, 0, "10³⁰⁰"),
            (1e-12, 12, "10⁻¹²"),
            (4e-7, 20, "4×10⁻⁷"),
        ] {
            assert_eq!(plain(value, decimals), text, "{value}");
        }
    }

    #[test]
    fn ticks_carry_their_unit() {
        for (value, step, scale, text) in [
            (0.001, 0.001, Scale::Probability, "0.1 %"),
            (0.05, 0.05, Scale::Probability, "5 %"),
            (0.0, 0.05, Scale::Probability, "0 %"),
            (20_000.0, 5000.0, Scale::Linear, "20,000"),
            (0.15, 0.05, Scale::Linear, "0.15"),
            (7200.0, 3600.0, Scale::Elapsed, "2 h"),
            (300.0, 60.0, Scale::Elapsed, "5 min"),
            (0.0, 60.0, Scale::Elapsed, "0"),
            (0.02, 0.01, Scale::Elapsed, "20 ms"),
        ] {
            assert_eq!(tick(value, step, scale, unit(scale, step)), text);
        }
        assert_eq!(log_tick(1e-5, Scale::Probability), "0.001 %");
        assert_eq!(log_tick(1.0, Scale::Probability), "100 %");
        assert_eq!(log_tick(5000.0, Scale::Log), "5,000");
    }
}
