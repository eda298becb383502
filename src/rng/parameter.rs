//! The parameters of a distribution that one value alone makes right or wrong.
//! They are types of their own, so that a scenario's error points at the value.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::{Span, UnitError};

/// A span longer than zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Span", into = "Span")]
pub struct PositiveSpan(Span);

impl PositiveSpan {
    /// A checked span.
    ///
    /// # Errors
    /// If `span` is zero.
    pub fn new(span: Span) -> Result<PositiveSpan, UnitError> {
        if span.is_zero() {
            Err(UnitError(
                "this time must be more than zero, found 0s".to_owned(),
            ))
        } else {
            Ok(PositiveSpan(span))
        }
    }

    /// The span, more than zero.
    pub const fn get(self) -> Span {
        self.0
    }
}

/// A share of the whole: more than 0, at most 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

impl Share {
    /// A checked share.
    ///
    /// # Errors
    /// If `value` is not more than 0 and at most 1, or not a number.
    pub fn new(value: f64) -> Result<Share, UnitError> {
        if value > 0.0 && value <= 1.0 {
            Ok(Share(value))
        } else {
            Err(UnitError(format!(
                "a share must be more than 0 and at most 1, found {value}"
            )))
        }
    }

    /// The number, more than 0 and at most 1.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A standard deviation divided by the mean, from 0.001 to 100.
///
/// Below 0.001 a variate is a constant for every purpose here, and is better
/// written as one.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct CoefficientOfVariation(f64);

impl CoefficientOfVariation {
    /// A checked coefficient of variation.
    ///
    /// # Errors
    /// If `value` is not from 0.001 to 100, or not a number.
    pub fn new(value: f64) -> Result<CoefficientOfVariation, UnitError> {
        if (0.001..=100.0).contains(&value) {
            Ok(CoefficientOfVariation(value))
        } else {
            Err(UnitError(format!(
                "a coefficient of variation must be from 0.001 to 100, found {value}"
            )))
        }
    }

    /// The number, from 0.001 to 100.
    pub const fn get(self) -> f64 {
        self.0
    }
}

macro_rules! conversions {
    ($type:ident, $inner:ident) => {
        impl TryFrom<$inner> for $type {
            type Error = UnitError;
            fn try_from(value: $inner) -> Result<$type, UnitError> {
                $type::new(value)
            }
        }

        impl From<$type> for $inner {
            fn from(value: $type) -> $inner {
                value.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

conversions!(PositiveSpan, Span);
conversions!(Share, f64);
conversions!(CoefficientOfVariation, f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_refused() {
        assert!(PositiveSpan::new(Span::ZERO).is_err());
        assert!(PositiveSpan::new(Span::from_nanos(1)).is_ok());
        for (value, share, variation) in [
            (f64::NAN, false, false),
            (f64::INFINITY, false, false),
            (-0.5, false, false),
            (0.0, false, false),
            (1e-9, true, false),
            (0.001, true, true),
            (1.0, true, true),
            (1.0 + f64::EPSILON, false, true),
            (100.0, false, true),
            (100.1, false, false),
        ] {
            assert_eq!(Share::new(value).is_ok(), share, "{value}");
            assert_eq!(
                CoefficientOfVariation::new(value).is_ok(),
                variation,
                "{value}"
            );
        }
    }
}
