//! From numbers to places along an axis, and the ticks that name the places.

use super::Scale;
use super::extent::{Extent, tame};
use super::number::{exponent, log_tick, nice_step, power_of_ten, tick, unit};
use super::time;

/// Share of a logarithmic axis that the zeros below it take.
const FLOOR: f64 = 0.07;

/// An axis that ends with the data is extended to a tick that is at most this
/// share of it away.
const NEAR: f64 = 0.02;

/// How an axis ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Where the data end, or at a tick next to that.
    Exact,
    /// At a tick, and at zero when the data are near enough to it.
    Round,
}

/// A place with a name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// Share of the axis, 0..=1.
    pub(super) at: f64,
    /// What it says.
    pub(super) label: String,
    /// A second line, such as the day; often empty.
    pub(super) second: String,
}

impl Tick {
    /// Ticks with texts at places.
    fn timed(scale: Scale, values: &[f64], step: f64, place: impl Fn(f64) -> f64) -> Vec<Self> {
        time::labels(scale, values, step)
            .into_iter()
            .zip(values)
            .map(|((label, second), &value)| Self {
                at: place(value),
                label,
                second,
            })
            .collect()
    }
}

#[derive(Debug, Clone, Copy)]
enum Map {
    Linear {
        from: f64,
        to: f64,
    },
    /// Decimal logarithms of the ends, and the share below them for zeros.
    Log {
        from: f64,
        to: f64,
        floor: f64,
    },
}

/// An axis laid out.
#[derive(Debug, Clone)]
pub(super) struct Ruler {
    map: Map,
    /// Its ticks, in order.
    pub(super) ticks: Vec<Tick>,
}

impl Ruler {
    /// Lays out an axis with about `most` ticks.
    pub(super) fn new(scale: Scale, extent: Extent, most: usize, fit: Fit) -> Self {
        let most = most.clamp(2, 40);
        let known = if extent.least <= extent.most {
            extent
        } else {
            Extent::of([0.0, empty_top(scale)], [])
        };
        if known.logarithmic(scale) {
            Self::log(scale, known, most)
        } else {
            Self::linear(scale, known, most, fit)
        }
    }

    /// The share of the axis at which a value stands, from 0 to 1; none when it is not finite.
    pub(super) fn at(&self, value: f64) -> Option<f64> {
        let value = tame(value)?;
        Some(match self.map {
            Map::Linear { from, to } => ((value - from) / (to - from)).clamp(0.0, 1.0),
            Map::Log { .. } if value <= 0.0 => 0.0,
            Map::Log { from, to, floor } => {
                floor + (1.0 - floor) * ((libm::log10(value) - from) / (to - from)).clamp(0.0, 1.0)
            }
        })
    }

    /// Whether a value lies within the axis.
    pub(super) fn holds(&self, value: f64) -> bool {
        match (self.map, tame(value)) {
            (_, None) => false,
            (Map::Linear { from, to }, Some(value)) => from <= value && value <= to,
            (Map::Log { from, to, floor }, Some(value)) if value > 0.0 || floor == 0.0 => {
                value > 0.0 && (from - 1e-9..=to + 1e-9).contains(&libm::log10(value))
            }
            (Map::Log { .. }, Some(_)) => true,
        }
    }

    /// The shares between which a stretch of numbers is in sight; none when it is not.
    pub(super) fn stretch(&self, from: f64, to: f64) -> Option<(f64, f64)> {
        let (from, to) = (from.min(to), from.max(to));
        let shares = (self.at(from)?, self.at(to)?);
        (shares.0 < shares.1).then_some(shares)
    }

    /// The share of the axis in which its break between zero and the first power lies.
    pub(super) fn break_at(&self) -> Option<f64> {
        match self.map {
            Map::Log { floor, .. } if floor > 0.0 => Some(floor / 2.0),
            _ => None,
        }
    }

    fn linear(scale: Scale, extent: Extent, most: usize, fit: Fit) -> Self {
        let (mut from, mut to) = (extent.least, extent.most);
        let size = from.abs().max(to.abs());
        let flat = to - from <= size * 1e-9;
        if fit == Fit::Round
            && (flat
                || matches!(scale, Scale::Probability | Scale::Amount)
                || from <= 0.6 * to
                || from <= 0.0)
        {
            from = from.min(0.0);
            to = to.max(0.0);
        }
        if to - from <= size * 1e-9 {
            let around = match size {
                0.0 => empty_top(scale) / 2.0,
                size => size * 0.1,
            };
            (from, to) = match fit {
                Fit::Round if size == 0.0 => (0.0, 2.0 * around),
                _ => (from - around, to + around),
            };
        }
        let timed = matches!(scale, Scale::TimeOfDay | Scale::Elapsed);
        let step_of = |span: f64| {
            if timed {
                time::step(span, most)
            } else {
                nice_step(span, most)
            }
        };
        let step = step_of(to - from);
        if fit == Fit::Round {
            from = (from / step + 1e-9).floor() * step;
            to = (to / step - 1e-9).ceil() * step;
            if scale == Scale::Probability && extent.most <= 1.0 {
                to = to.min(1.0);
            }
        } else {
            // Bins often end just short of a round number, which then deserves its tick.
            let (below, above) = ((from / step).floor() * step, (to / step).ceil() * step);
            let near = (to - from) * NEAR;
            (from, to) = (
                if from - below <= near { below } else { from },
                if above - to <= near { above } else { to },
            );
        }
        let first = (from / step - 1e-9).ceil();
        let count = ((to / step + 1e-9).floor() - first).clamp(0.0, 100.0) as u32;
        // A step below one is divided by rather than multiplied with, so that 0.3 is not 0.30000000000000004.
        let values: Vec<f64> = (0..=count)
            .map(|index| {
                let steps = first + f64::from(index);
                if step < 1.0 {
                    steps / (1.0 / step).round().max(1.0 / step)
                } else {
                    steps * step
                }
            })
            .collect();
        let map = Map::Linear { from, to };
        let place = |value: f64| ((value - from) / (to - from)).clamp(0.0, 1.0);
        let ticks = if timed {
            Tick::timed(scale, &values, step, place)
        } else {
            let unit = unit(scale, step);
            let named = |&value: &f64| Tick {
                at: place(value),
                label: tick(value, step, scale, unit),
                second: String::new(),
            };
            values.iter().map(named).collect()
        };
        Self { map, ticks }
    }

    fn log(scale: Scale, extent: Extent, most: usize) -> Self {
        let (least, top) = if extent.least_positive.is_finite() {
            (extent.least_positive, extent.most)
        } else {
            (1.0, 10.0)
        };
        let decades = libm::log10(top / least).max(0.0);
        let fine = 3.0 * decades <= most as f64 + 1.0;
        let mantissas: &[f64] = if fine { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let (low, high) = (exponent(least) - 1, exponent(top) + 1);
        let stride = if fine {
            1
        } else {
            (high - low - 2).div_euclid(most as i32).max(0) + 1
        };
        let powers: Vec<f64> = (low..=high)
            .flat_map(|power| {
                mantissas
                    .iter()
                    .map(move |mantissa| mantissa * power_of_ten(power))
            })
            .collect();
        let below = powers
            .iter()
            .rposition(|&power| power <= least * (1.0 + 1e-9))
            .unwrap_or(0);
        let above = powers
            .iter()
            .position(|&power| power >= top * (1.0 - 1e-9))
            .unwrap_or(powers.len() - 1);
        let (below, above) = if above > below {
            (below, above)
        } else {
            (below.saturating_sub(1), (above + 1).min(powers.len() - 1))
        };
        let powers = &powers[below.min(above)..=above.max(below)];
        let floor = if extent.zero { FLOOR } else { 0.0 };
        let ends = (
            powers.first().copied().unwrap_or(1.0),
            powers.last().copied().unwrap_or(10.0),
        );
        let mut ruler = Self {
            map: Map::Log {
                from: libm::log10(ends.0),
                to: libm::log10(ends.1),
                floor,
            },
            ticks: Vec::new(),
        };
        if extent.zero {
            let label = if extent.negative() { "≤ 0" } else { "0" };
            ruler.ticks.push(Tick {
                at: 0.0,
                label: label.to_owned(),
                second: String::new(),
            });
        }
        for power in powers.iter().step_by(stride as usize) {
            let at = ruler.at(*power).unwrap_or(0.0);
            ruler.ticks.push(Tick {
                at,
                label: log_tick(*power, scale),
                second: String::new(),
            });
        }
        ruler
    }
}

/// The upper end of an axis that has nothing to show but zeros.
fn empty_top(scale: Scale) -> f64 {
    match scale {
        Scale::Linear | Scale::Amount | Scale::Log => 1.0,
        Scale::Probability => 0.01,
        Scale::TimeOfDay => 86_400.0,
        Scale::Elapsed => 60.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(scale: Scale, values: &[f64], most: usize, fit: Fit) -> String {
        let ruler = Ruler::new(scale, Extent::of(values.iter().copied(), []), most, fit);
        ruler
            .ticks
            .iter()
            .map(|tick| tick.label.as_str())
            .collect::<Vec<_>>()
            .join(" | ")
    }

    #[test]
    fn ticks_are_round() {
        use Fit::{Exact, Round};
        for (scale, values, most, fit, expected) in [
            (
                Scale::Linear,
                &[0.0, 160.0][..],
                8,
                Round,
                "0 | 20 | 40 | 60 | 80 | 100 | 120 | 140 | 160",
            ),
            (
                Scale::Linear,
                &[3.0, 160.0],
                4,
                Round,
                "0 | 50 | 100 | 150 | 200",
            ),
            (
                Scale::Linear,
                &[990.0, 1010.0],
                4,
                Round,
                "990 | 995 | 1,000 | 1,005 | 1,010",
            ),
            (
                Scale::Amount,
                &[990.0, 1010.0],
                3,
                Round,
                "0 | 500 | 1,000 | 1,500",
            ),
            (Scale::Linear, &[-3.0, 4.0], 4, Round, "−4 | −2 | 0 | 2 | 4"),
            (
                Scale::Linear,
                &[0.1, 0.9],
                4,
                Exact,
                "0.2 | 0.4 | 0.6 | 0.8",
            ),
            (
                Scale::Probability,
                &[0.01, 0.05],
                5,
                Round,
                "0 % | 1 % | 2 % | 3 % | 4 % | 5 %",
            ),
            (
                Scale::Probability,
                &[0.5, 0.97],
                5,
                Round,
                "0 % | 20 % | 40 % | 60 % | 80 % | 100 %",
            ),
            (
                Scale::Probability,
                &[0.003, 0.55],
                9,
                Round,
                "0.2 % | 0.5 % | 1 % | 2 % | 5 % | 10 % | 20 % | 50 % | 100 %",
            ),
            (
                Scale::Probability,
                &[0.0, 1e-6, 0.55],
                8,
                Round,
                "0 | 0.0001 % | 0.001 % | 0.01 % | 0.1 % | 1 % | 10 % | 100 %",
            ),
            (Scale::Probability, &[0.0], 4, Round, "0 % | 0.5 % | 1.0 %"),
            (
                Scale::Log,
                &[1.0, 1e6],
                4,
                Round,
                "1 | 100 | 10,000 | 1,000,000",
            ),
            (
                Scale::TimeOfDay,
                &[14_400.0, 36_000.0],
                8,
                Exact,
                "04:00 | 05:00 | 06:00 | 07:00 | 08:00 | 09:00 | 10:00",
            ),
            (
                Scale::Elapsed,
                &[0.0, 600.0],
                5,
                Exact,
                "0 | 2 min | 4 min | 6 min | 8 min | 10 min",
            ),
        ] {
            assert_eq!(texts(scale, values, most, fit), expected);
        }
    }

    #[test]
    fn zeros_stand_below_the_first_power() {
        let ruler = Ruler::new(
            Scale::Probability,
            Extent::of([0.0, 1e-4, 0.5], []),
            8,
            Fit::Round,
        );
        assert_eq!(ruler.at(0.0), Some(0.0));
        assert!((ruler.at(1e-4).unwrap() - FLOOR).abs() < 1e-12);
        assert_eq!(ruler.at(f64::NAN), None);
        assert!(ruler.break_at().is_some() && ruler.holds(0.0) && !ruler.holds(2.0));
    }

    #[test]
    fn an_end_stretches_a_logarithmic_axis_by_a_decade_at_most() {
        let ruler = Ruler::new(Scale::Log, Extent::of([1.0, 100.0], [1e-30]), 8, Fit::Round);
        assert_eq!(ruler.ticks[0].label, "0.1");
    }

    proptest! {
        #[test]
        fn every_axis_is_usable(
            values in prop::collection::vec(prop_oneof![any::<f64>(), -1.0f64..1.0, Just(0.0), 0.0f64..1e9], 0..5),
            ends in prop::collection::vec(any::<f64>(), 0..3),
            scale in prop::sample::select(vec![Scale::Linear, Scale::Amount, Scale::Log, Scale::Probability, Scale::TimeOfDay, Scale::Elapsed]),
            most in 0usize..50,
            round in any::<bool>(),
        ) {
            let fit = if round { Fit::Round } else { Fit::Exact };
            let ruler = Ruler::new(scale, Extent::of(values.iter().copied(), ends), most, fit);
            prop_assert!(ruler.ticks.len() <= 130);
            for tick in &ruler.ticks {
                prop_assert!((0.0..=1.0).contains(&tick.at), "{tick:?}");
                prop_assert!(!tick.label.is_empty());
            }
            prop_assert!(ruler.ticks.windows(2).all(|pair| pair[0].at <= pair[1].at), "{:?}", ruler.ticks);
            for value in values {
                prop_assert_eq!(ruler.at(value).is_some(), value.is_finite());
                prop_assert!(ruler.at(value).is_none_or(|at| (0.0..=1.0).contains(&at)));
            }
        }
    }
}
