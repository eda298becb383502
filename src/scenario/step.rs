//! The step of the time series.
//!
//! What happens in waves of a fixed period (the windows of a limit, the ticks
//! on which clients look) makes steps of another width beat against it: some
//! hold one wave more than others, and the chart shows waves that are not
//! there. Steps of a multiple of the period do not.

use super::{Draft, Stage};
use crate::limiter::KeySize;
use crate::units::Span;

/// The most steps, and the fewest that a period may bring them down to.
const MOST: u64 = 480;
const FEWEST: u64 = 48;

/// Widths that read well, in seconds.
const ROUND: [u64; 14] = [
    1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 10_800, 21_600, 86_400,
];

impl Draft {
    /// The width of one step of the time series: as written, or a round one of
    /// at most 480 steps that does not beat against what comes in waves.
    pub fn step_width(&self) -> Span {
        let time = &self.time;
        time.bucket.unwrap_or_else(|| {
            let periods: Vec<Span> = self.waves().into_iter().map(|(_, period)| period).collect();
            chosen(time.length, &periods)
        })
    }

    /// The number of steps of the time series; the last may be cut short.
    pub fn steps(&self) -> usize {
        self.time.steps_of(self.step_width())
    }

    /// What the steps beat against and its period, if anything: what has more
    /// than one wave within a step or over two, and not as many in each.
    pub fn beat(&self) -> Option<(String, Span)> {
        let width = self.step_width();
        let mut waves = self.waves().into_iter();
        waves.find(|(_, period)| beats(width, *period))
    }

    /// What comes in waves, and their periods.
    fn waves(&self) -> Vec<(String, Span)> {
        let mut waves = Vec::new();
        for stage in &self.server.stages {
            if let Stage::Limit { name, by, .. } = stage
                && let Some(period) = by.profile(KeySize::ONE).wave
            {
                waves.push((format!("the windows of \"{name}\""), period));
            }
        }
        for (name, client) in self.clients.iter() {
            for tick in client.traffic().filter_map(|entry| entry.tick()) {
                waves.push((format!("the ticks of \"{name}\""), tick));
            }
        }
        waves.retain(|(_, period)| *period > Span::ZERO);
        waves
    }
}

/// Whether steps of that width hold unlike numbers of waves. A period of many
/// steps is seen as what it is.
fn beats(width: Span, period: Span) -> bool {
    const STEPS_PER_WAVE: u64 = 4;
    const TOO_MANY_TO_SEE: u64 = 16;
    let (width, period) = (width.nanos().max(1), period.nanos().max(1));
    let resolved = period.is_multiple_of(width) && period / width >= STEPS_PER_WAVE;
    !width.is_multiple_of(period) && !resolved && period / width < TOO_MANY_TO_SEE
}

fn chosen(length: Span, periods: &[Span]) -> Span {
    let total = length.nanos().max(1);
    let (least, most) = (total.div_ceil(MOST), (total / FEWEST).max(1));
    // The waves that fit in a step, the short ones first: their common multiple.
    let mut short: Vec<u64> = (periods.iter().map(|period| period.nanos()))
        .filter(|period| (1..=most).contains(period))
        .collect();
    short.sort_unstable();
    let unit = short.iter().fold(1, |unit, period| {
        let multiple = least_common_multiple(unit, *period);
        multiple
            .filter(|multiple| *multiple <= most)
            .unwrap_or(unit)
    });
    let round = ROUND.map(|seconds| seconds * 1_000_000_000);
    let fits = |width: &u64| (least..=most).contains(width) && width.is_multiple_of(unit);
    // Long waves are told best by steps of which they hold a whole number.
    let misses = |width: u64| {
        let long = periods.iter().filter(|period| period.nanos() > most);
        long.filter(|period| !period.nanos().is_multiple_of(width))
            .count()
    };
    let first = least.div_ceil(unit);
    let multiples = (first..first.saturating_add(1000))
        .map_while(|count| unit.checked_mul(count))
        .filter(|_| unit > 1);
    let fitting = round
        .into_iter()
        .filter(fits)
        .map(|width| (misses(width), false, width));
    let others = multiples
        .filter(fits)
        .map(|width| (misses(width), true, width));
    let best = fitting.chain(others).min().map(|(_, _, width)| width);
    let plain = || {
        round
            .into_iter()
            .find(|width| *width >= least)
            .unwrap_or(least)
    };
    Span::from_nanos(best.unwrap_or_else(plain).min(total))
}

fn least_common_multiple(a: u64, b: u64) -> Option<u64> {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a / divisor).checked_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(text: &str) -> Span {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn steps_hold_whole_waves() {
        for (length, periods, width) in [
            ("6h", &[][..], "1min"),
            ("300ms", &[], "300ms"),
            ("1d", &[], "5min"),
            ("1h", &[], "10s"),
            // Ten steps of 30 s would beat against a window of a minute.
            ("1h", &["1min"], "1min"),
            ("3h 30min", &["1min", "10s", "1h"], "1min"),
            ("1h", &["7s"], "14s"),
            ("2h", &["45s"], "45s"),
            ("2h", &["45s", "30s"], "90s"),
            // Too long for a step, but it holds a whole number of them.
            ("1h", &["15min"], "10s"),
            ("1h", &["7min"], "10s"),
            ("10min", &["1min"], "5s"),
            ("1min", &["1ns"], "1s"),
        ] {
            let periods: Vec<Span> = periods.iter().map(|period| span(period)).collect();
            assert_eq!(
                chosen(span(length), &periods),
                span(width),
                "{length} {periods:?}"
            );
        }
    }

    #[test]
    fn what_beats_is_told() {
        for (width, period, expected) in [
            ("30s", "1min", true),
            ("45s", "1min", true),
            ("90s", "1min", true),
            ("1min", "1min", false),
            ("2min", "1min", false),
            ("1min", "7s", true),
            ("1min", "1h", false),
            ("5s", "1min", false),
            ("15s", "1min", false),
            ("20s", "1min", true),
            ("7s", "1min", true),
            ("7s", "1h", false),
        ] {
            assert_eq!(
                beats(span(width), span(period)),
                expected,
                "{width} {period}"
            );
        }
    }

    proptest! {
        #[test]
        fn there_are_never_too_many_nor_too_few(
            length in 1_u64..10_000_000_000_000_000,
            periods in prop::collection::vec(1_u64..10_000_000_000_000, 0..4),
        ) {
            let periods: Vec<Span> = periods.into_iter().map(Span::from_nanos).collect();
            let steps = length.div_ceil(chosen(Span::from_nanos(length), &periods).nanos());
            prop_assert!((1..=MOST).contains(&steps), "{steps}");
        }
    }
}
