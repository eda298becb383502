use serde::{Deserialize, Serialize};

use crate::rng::Distribution;
use crate::scenario::certain::is_constant;
use crate::units::{Probability, Span};

/// How a wait is drawn, given its ceiling: the wait without jitter, capped
/// (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015, where
/// no other source stands).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Jitter {
    /// The ceiling itself.
    None,
    /// Uniform from zero to the ceiling.
    #[default]
    Full,
    /// Uniform from half the ceiling to the ceiling.
    Equal,
    /// Uniform from the base to three times the wait drawn before, up to the
    /// cap; the factor plays no part.
    Decorrelated,
    /// What Polly's exponential backoff draws with `UseJitter`: with
    /// f(t) = 2^t tanh(2 sqrt(t)) and t uniform from k-1 to k before retry k, the
    /// base by (f(t) - the f(t) before) / 1.4; the factor plays no part.
    Polly,
    /// Uniform from that part below the ceiling to as much above it, as gRPC's
    /// 20 % (proposal A6).
    PlusMinus(Probability),
    /// A random time more than the ceiling.
    Plus(Distribution),
    /// The ceiling multiplied by a random number.
    Times(Multiplier),
}

/// How a number by which waits are multiplied is distributed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Multiplier {
    /// Equally likely from one end to the other.
    Uniform {
        /// The least.
        from: f64,
        /// The most, not less than `from`.
        to: f64,
    },
    /// Exponential.
    Exponential {
        /// The mean.
        mean: f64,
    },
}

/// The largest number that waits are multiplied by.
const MOST_TIMES: f64 = 1e6;

impl Multiplier {
    /// Checks that waits can be multiplied by it.
    ///
    /// # Errors
    /// If a number is negative or above a million, if a uniform ends before it
    /// starts, or if all numbers are 0.
    pub fn check(self) -> Result<(), String> {
        let (least, most) = match self {
            Multiplier::Uniform { from, to } if from > to => {
                return Err(format!(
                    "a uniform from {from} to {to} ends before it starts"
                ));
            }
            Multiplier::Uniform { from, to } => (from, to),
            Multiplier::Exponential { mean } => (mean, mean),
        };
        let is_sound = |number: &f64| (0.0..=MOST_TIMES).contains(number);
        match [least, most].into_iter().find(|number| !is_sound(number)) {
            Some(number) => Err(format!("{number} is no number to multiply waits by")),
            None if most == 0.0 => Err("waits multiplied by nothing are none at all".to_owned()),
            None => Ok(()),
        }
    }

    fn mean(self) -> f64 {
        match self {
            Multiplier::Uniform { from, to } => f64::midpoint(from, to),
            Multiplier::Exponential { mean } => mean,
        }
    }
}

impl Jitter {
    /// Whether equal ceilings are equal waits.
    pub fn is_certain(&self) -> bool {
        match self {
            Jitter::None => true,
            Jitter::Plus(more) => is_constant(more),
            Jitter::Times(Multiplier::Uniform { from, to }) => from == to,
            Jitter::PlusMinus(part) => part.value() == 0.0,
            Jitter::Full
            | Jitter::Equal
            | Jitter::Decorrelated
            | Jitter::Polly
            | Jitter::Times(Multiplier::Exponential { .. }) => false,
        }
    }

    /// Whether waits follow from the one before, and not from a ceiling alone.
    pub fn grows_by_itself(&self) -> bool {
        matches!(self, Jitter::Decorrelated | Jitter::Polly)
    }

    /// The mean wait below a ceiling, both in seconds. Of jitter that grows by
    /// itself, about that if the ceiling grows as it does.
    pub fn mean_secs(&self, ceiling: f64) -> f64 {
        match self {
            Jitter::None | Jitter::PlusMinus(_) | Jitter::Polly => ceiling,
            Jitter::Full | Jitter::Decorrelated => ceiling / 2.0,
            Jitter::Equal => ceiling * 0.75,
            Jitter::Plus(more) => ceiling + more.mean_secs(),
            Jitter::Times(number) => ceiling * number.mean(),
        }
    }

    /// The longest wait below a ceiling, or about the mean of one that has no
    /// end, and the wait that half of all are longer than; `None` where it is
    /// certain or no matter of the ceiling.
    pub fn longest_and_middle(&self, ceiling: Span) -> Option<(Span, Span)> {
        if self.is_certain() || self.grows_by_itself() {
            return None;
        }
        let middle = Span::from_secs_f64(self.mean_secs(ceiling.secs_f64()));
        let longest = match self {
            Jitter::PlusMinus(part) => times(ceiling, 1.0 + part.value()),
            Jitter::Plus(Distribution::Uniform { to, .. }) => ceiling + *to,
            Jitter::Times(Multiplier::Uniform { to, .. }) => times(ceiling, *to),
            Jitter::Plus(_) | Jitter::Times(_) => middle,
            _ => ceiling,
        };
        Some((longest, middle))
    }
}

fn times(span: Span, factor: f64) -> Span {
    Span::from_secs_f64(span.secs_f64() * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::text::parse;

    #[test]
    fn a_wait_is_told_by_its_longest_and_its_middle() {
        let seconds = |(longest, middle): (Span, Span)| (longest.secs_f64(), middle.secs_f64());
        for (text, mean, range) in [
            ("None", 10.0, None),
            ("Full", 5.0, Some((10.0, 5.0))),
            ("Equal", 7.5, Some((10.0, 7.5))),
            ("Decorrelated", 5.0, None),
            ("Polly", 10.0, None),
            ("PlusMinus(0.2)", 10.0, Some((12.0, 10.0))),
            ("PlusMinus(0)", 10.0, None),
            (
                r#"Plus(Uniform(from: "0s", to: "1s"))"#,
                10.5,
                Some((11.0, 10.5)),
            ),
            (r#"Plus(Constant("1s"))"#, 11.0, None),
            (r#"Plus(Exponential(mean: "2s"))"#, 12.0, Some((12.0, 12.0))),
            (
                "Times(Uniform(from: 0.5, to: 1.5))",
                10.0,
                Some((15.0, 10.0)),
            ),
            ("Times(Exponential(mean: 2))", 20.0, Some((20.0, 20.0))),
        ] {
            let jitter: Jitter = parse(text).unwrap();
            assert_eq!(jitter.mean_secs(10.0), mean, "{text}");
            let found = jitter.longest_and_middle(Span::from_secs(10));
            assert_eq!(found.map(seconds), range, "{text}");
        }
    }

    #[test]
    fn waits_are_multiplied_by_sound_numbers_only() {
        for (text, why) in [
            ("Uniform(from: 2, to: 1)", "ends before it starts"),
            ("Uniform(from: -1, to: 1)", "-1 is no number"),
            ("Uniform(from: 0, to: 1e7)", "10000000 is no number"),
            ("Exponential(mean: 0)", "none at all"),
            ("Uniform(from: 0, to: 0)", "none at all"),
        ] {
            let multiplier: Multiplier = parse(text).unwrap();
            let message = multiplier.check().unwrap_err();
            assert!(message.contains(why), "{text}: {message}");
        }
    }
}
