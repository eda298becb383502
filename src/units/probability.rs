use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::UnitError;

/// A probability: a finite number from 0 to 1.
///
/// A scenario may write it as a number (`0.25`) or as a percentage (`"25%"`).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Probability(f64);

impl Probability {
    /// What never happens.
    pub const ZERO: Probability = Probability(0.0);
    /// What always happens.
    pub const ONE: Probability = Probability(1.0);

    /// Whether nothing is left to chance: it is 0 or 1.
    pub fn is_sure(self) -> bool {
        self == Probability::ZERO || self == Probability::ONE
    }

    /// A checked probability.
    ///
    /// # Errors
    /// If `value` is not from 0 to 1, or not a number.
    pub fn new(value: f64) -> Result<Probability, UnitError> {
        if (0.0..=1.0).contains(&value) {
            Ok(Probability(value))
        } else {
            Err(UnitError(format!(
                "the probability {value} is out of range; expected a number from 0 to 1, or a text such as \"25%\""
            )))
        }
    }

    /// The number from 0 to 1.
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", self.0 * 100.0))
    }
}

impl FromStr for Probability {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Probability, UnitError> {
        let trimmed = text.trim();
        let (number, scale) = match trimmed.strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (trimmed, 1.0),
        };
        let value: f64 = number.parse().map_err(|_| {
            UnitError(format!(
                "\"{text}\" is not a probability; expected a number from 0 to 1, or a text such as \"25%\""
            ))
        })?;
        Probability::new(value / scale)
    }
}

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Probability, D::Error> {
        struct NumberOrText;
        impl Visitor<'_> for NumberOrText {
            type Value = Probability;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a probability from 0 to 1, or a text such as \"25%\"")
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Probability, E> {
                Probability::new(value).map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Probability, E> {
                Probability::new(value as f64).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Probability, E> {
                Probability::new(value as f64).map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Probability, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(NumberOrText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_percentages() {
        assert_eq!("25%".parse::<Probability>().unwrap().value(), 0.25);
        assert_eq!("0.1 %".parse::<Probability>().unwrap().value(), 0.001);
        assert_eq!(ron::from_str::<Probability>("1").unwrap(), Probability::ONE);
        assert_eq!(
            ron::from_str::<Probability>("\"5%\"").unwrap().value(),
            0.05
        );
        for bad in ["101%", "-0.1", "NaN", "inf", "x"] {
            assert!(bad.parse::<Probability>().is_err(), "{bad}");
        }
    }
}
