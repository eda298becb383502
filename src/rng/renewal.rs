use crate::units::Span;

/// The time to the first event of a process that has been running for ever,
/// whose intervals are uniform on `[lo, hi]`.
///
/// A moment picked at random is likelier to fall into a long interval, so the
/// interval around it has a density in proportion to its length,
/// `L = sqrt(lo^2 + u1 (hi^2 - lo^2))`, and the moment is uniform within it:
/// the first event comes after `u2 L`, with the mean `E[X^2] / (2 E[X])` for an
/// interval `X` (the forward recurrence time of D. R. Cox, "Renewal Theory",
/// 1962, chapter 5). The time is rounded down to a nanosecond and is below `hi`,
/// unless both are zero.
///
/// A uniform phase of mean length is no substitute: with jittered intervals the
/// load then rises before the end of the first cycle.
///
/// `u1` and `u2` are independent and uniform on `[0, 1)`, best the first two
/// numbers of one [stream](super::Streams::stream) for
/// [`Purpose::Phase`](super::Purpose::Phase).
pub fn steady_first(lo: Span, hi: Span, u1: f64, u2: f64) -> Span {
    let (lo, hi) = (lo.nanos() as f64, hi.nanos() as f64);
    let interval = (lo * lo + u1 * (hi - lo) * (hi + lo)).sqrt();
    Span::from_nanos((u2 * interval) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};

    const CASES: [(u64, u64); 4] = [(59, 61), (0, 10), (30, 90), (5, 5)];

    /// The mean of a power of the first time, over a grid of both numbers.
    fn moment(lo: u64, hi: u64, power: impl Fn(f64) -> f64) -> f64 {
        let n = 1000;
        let middle = |i: u32| (f64::from(i) + 0.5) / f64::from(n);
        let (lo, hi) = (Span::from_secs(lo), Span::from_secs(hi));
        let sum: f64 = (0..n)
            .flat_map(|i| (0..n).map(move |j| (i, j)))
            .map(|(i, j)| power(steady_first(lo, hi, middle(i), middle(j)).secs_f64()))
            .sum();
        sum / f64::from(n * n)
    }

    #[test]
    fn moments_of_the_residual_life() {
        // E[R] = E[X^2] / (2 E[X]) and E[R^2] = E[X^3] / (3 E[X]); the midpoint
        // rule is right to 1e-5 here.
        for (lo, hi) in CASES {
            let (a, b) = (lo as f64, hi as f64);
            let mean = (a + b) / 2.0;
            let square = (a * a + a * b + b * b) / 3.0;
            let cube = (a + b) * (a * a + b * b) / 4.0;
            let first = moment(lo, hi, |x| x);
            let second = moment(lo, hi, |x| x * x);
            assert!(
                (first / (square / (2.0 * mean)) - 1.0).abs() < 1e-5,
                "{lo} {hi}: {first}"
            );
            assert!(
                (second / (cube / (3.0 * mean)) - 1.0).abs() < 1e-5,
                "{lo} {hi}: {second}"
            );
        }
    }

    #[test]
    fn the_load_is_flat_from_the_start() {
        // 60 000 sources of intervals from 59 s to 61 s give 1000 events in each
        // of the first 120 s. The count of a second is a sum of independent
        // indicators, so its standard deviation is below sqrt(1000); 6 of them
        // over 120 s: false alarm below 3e-7. A uniform phase is off by 500.
        let streams = Streams::new(11, 0);
        let mut counts = [0_i64; 120];
        for entity in 0..60_000 {
            let mut phase = streams.stream(entity, Purpose::Phase, 0);
            let (u1, u2) = (phase.uniform(), phase.uniform());
            let mut at = steady_first(Span::from_secs(59), Span::from_secs(61), u1, u2).secs_f64();
            for index in 0.. {
                let Some(count) = counts.get_mut(at as usize) else {
                    break;
                };
                *count += 1;
                at += 59.0 + 2.0 * streams.uniform(entity, Purpose::Interval, index);
            }
        }
        for (second, count) in counts.into_iter().enumerate() {
            assert!(
                (count - 1000).abs() < 190,
                "{count} events in second {second}"
            );
        }
    }

    #[test]
    fn the_ends() {
        let (lo, hi) = (Span::from_secs(59), Span::from_secs(61));
        let top = 1.0 - f64::EPSILON / 2.0;
        assert_eq!(steady_first(lo, hi, 0.7, 0.0), Span::ZERO);
        assert!(steady_first(lo, hi, top, top) < hi);
        assert_eq!(steady_first(Span::ZERO, Span::ZERO, 0.5, 0.5), Span::ZERO);
        assert!(steady_first(Span::ZERO, Span::MAX, 0.25, 0.5).nanos() > u64::MAX / 5);
    }
}
