//! The binomial distribution, to the last digits that matter: bounds on a
//! probability, and ranks of order statistics.

use crate::math;

/// The error of Stirling's formula for ln n!.
///
/// Source: C. Loader, "Fast and Accurate Computation of Binomial
/// Probabilities" (2000), as `deviance` below. A difference of three large
/// logarithms of gamma functions would lose as many digits as they have in
/// front of the point.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        let half_ln_two_pi = 0.918_938_533_204_672_7;
        return match n {
            0.0 => 0.0,
            n => math::ln_gamma(n + 1.0) - (n + 0.5) * math::ln(n) + n - half_ln_two_pi,
        };
    }
    let square = n * n;
    (1.0 / 12.0
        - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square) / square)
            / square)
        / n
}

/// x ln(x / mean) + mean - x, exact also where the two are close.
fn deviance(x: f64, mean: f64) -> f64 {
    if x == 0.0 {
        return mean;
    }
    let v = (x - mean) / (x + mean);
    if v.abs() >= 0.1 {
        return x * math::ln(x / mean) + mean - x;
    }
    // The series of ln((1 + v) / (1 - v)).
    let mut sum = (x - mean) * v;
    let mut power = 2.0 * x * v;
    let mut odd = 3.0;
    loop {
        power *= v * v;
        let next = sum + power / odd;
        if next == sum {
            return sum;
        }
        sum = next;
        odd += 2.0;
    }
}

/// P(X = k) of n trials with that chance, 0 < k < n and 0 < p < 1.
fn mass(k: f64, n: f64, p: f64) -> f64 {
    let exponent = stirling_error(n)
        - stirling_error(k)
        - stirling_error(n - k)
        - deviance(k, n * p)
        - deviance(n - k, n * (1.0 - p));
    math::exp(exponent) * (n / (std::f64::consts::TAU * k * (n - k))).sqrt()
}

/// P(X <= k) for 0 < k < n, by its terms from k down; and P(X = k).
fn up_to(k: f64, n: f64, p: f64) -> (f64, f64) {
    let top = mass(k, n, p);
    if k < (n - 1.0) * p || k < 64.0 {
        return (top * falling(k, n, p), top);
    }
    // The other tail is the shorter.
    let above = top * rising(k, n, p);
    (1.0 - above, top)
}

/// Sum over j <= k of P(X = j) / P(X = k).
fn falling(k: f64, n: f64, p: f64) -> f64 {
    let odds = (1.0 - p) / p;
    let (mut sum, mut term, mut j) = (1.0, 1.0, k);
    while j > 0.0 {
        term *= j / (n - j + 1.0) * odds;
        sum += term;
        j -= 1.0;
        // Terms rise up to the mode and fall from there on.
        if term < sum * 1e-17 && j < n * p {
            break;
        }
    }
    sum
}

/// Sum over j > k of P(X = j) / P(X = k).
fn rising(k: f64, n: f64, p: f64) -> f64 {
    let odds = p / (1.0 - p);
    let (mut sum, mut term, mut j) = (0.0, 1.0, k);
    while j < n {
        term *= (n - j) / (j + 1.0) * odds;
        sum += term;
        j += 1.0;
        if term < sum * 1e-17 && j > n * p {
            break;
        }
    }
    sum
}

/// The chance of something that no one of `n` trials showed is at most this,
/// at the confidence: 1 - alpha^(1/n).
pub(super) fn none_of(n: u32, confidence: f64) -> f64 {
    -math::exp_m1(math::ln(1.0 - confidence) / f64::from(n))
}

/// The one-sided upper bound on a chance of which `k` of `n` trials came true,
/// by C. J. Clopper and E. S. Pearson (Biometrika 26, 1934, 404-413): the
/// chance at which as few are just improbable enough. The relative error is
/// below 1e-11 up to a million trials; it is also the quantile of the beta
/// distribution with the parameters k + 1 and n - k.
pub(super) fn upper_bound(k: u32, n: u32, confidence: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    if k == 0 {
        return none_of(n, confidence);
    }
    let alpha = 1.0 - confidence;
    let (k, n) = (f64::from(k), f64::from(n));
    // Newton's steps, held within a bracket that always shrinks.
    let (mut low, mut high) = (0.0, 1.0);
    let mut p = (k + 1.0) / (n + 1.0);
    for _ in 0..200 {
        let (below, top) = up_to(k, n, p);
        if below > alpha {
            low = p;
        } else {
            high = p;
        }
        // The derivative of P(X <= k) in p is -(n - k) / (1 - p) P(X = k).
        let slope = (n - k) / (1.0 - p) * top;
        let newton = p + (below - alpha) / slope;
        let next = if newton > low && newton < high {
            newton
        } else {
            (low + high) / 2.0
        };
        let step = (next - p).abs();
        p = next;
        if step <= 1e-14 * p {
            break;
        }
    }
    p
}

/// The one-sided lower bound: the mirror image of [`upper_bound`].
pub(super) fn lower_bound(k: u32, n: u32, confidence: f64) -> f64 {
    if k == 0 {
        return 0.0;
    }
    if k >= n {
        return math::exp(math::ln(1.0 - confidence) / f64::from(n));
    }
    let alpha = 1.0 - confidence;
    let (k, n) = (f64::from(k), f64::from(n));
    // The chance at which P(X >= k) is alpha, that is P(X <= k - 1) is 1 - alpha,
    // found from the short tail so that small chances keep their digits.
    let (mut low, mut high) = (0.0, 1.0);
    let mut p = k / (n + 1.0);
    for _ in 0..200 {
        let top = mass(k, n, p);
        let above = top * (1.0 + rising(k, n, p));
        if above < alpha {
            low = p;
        } else {
            high = p;
        }
        // The derivative of P(X >= k) in p is k / p P(X = k).
        let newton = p - (above - alpha) / (k / p * top);
        let next = if newton > low && newton < high {
            newton
        } else {
            (low + high) / 2.0
        };
        let step = (next - p).abs();
        p = next;
        if step <= 1e-14 * p {
            break;
        }
    }
    p
}

/// The least rank of which one may say, at the confidence, that the order
/// statistic of that rank among `n` independent values is not below their
/// quantile: the least u with P(X >= u) <= alpha for n trials with the chance
/// `quantile`. It may be `n` + 1, which no value has.
pub(super) fn rank_above(n: u64, quantile: f64, confidence: f64) -> u64 {
    let alpha = 1.0 - confidence;
    let (size, chance) = (n as f64, quantile);
    if !(chance > 0.0 && chance < 1.0) {
        return if chance <= 0.0 { 1 } else { n + 1 };
    }
    let variance = size * chance * (1.0 - chance);
    if variance > 1e4 {
        // Cornish and Fisher's expansion is right to a hundredth of a rank
        // here; one rank more is the rounding.
        let z = math::normal_quantile(confidence);
        let rank =
            size * chance + z * variance.sqrt() + (z * z - 1.0) * (1.0 - 2.0 * chance) / 6.0 + 1.0;
        return (rank.ceil() as u64).clamp(1, n + 1);
    }
    // P(X >= u) falls as u rises: bisect for the first u that is good.
    let good = |u: u64| match u {
        0 => false,
        u if u > n => true,
        u if u == n => math::exp(size * math::ln(chance)) <= alpha,
        u => {
            let k = u as f64;
            mass(k, size, chance) * (1.0 + rising(k, size, chance)) <= alpha
        }
    };
    let (mut bad, mut first) = (0, n + 1);
    while first - bad > 1 {
        let middle = bad + (first - bad) / 2;
        if good(middle) {
            first = middle;
        } else {
            bad = middle;
        }
    }
    first
}

/// The greatest rank whose order statistic is not above the quantile, at the
/// confidence: the mirror image of [`rank_above`]. It may be 0, which no value
/// has.
pub(super) fn rank_below(n: u64, quantile: f64, confidence: f64) -> u64 {
    n + 1 - rank_above(n, 1.0 - quantile, confidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Binomial, DiscreteCDF};

    #[test]
    fn bounds_agree_with_fifty_digits() {
        // Roots of the binomial distribution function, or the incomplete beta
        // function, computed with 35 to 40 digits.
        for (k, n, confidence, lower, upper) in [
            (1, 30, 0.95, 0.001708315644465734, 0.1485960686591131),
            (4, 40, 0.975, 0.02792541529421931, 0.2366373998760999),
            (29, 30, 0.95, 0.8514039313408869, 0.9982916843555343),
            (9, 400, 0.99, 0.008818353274271823, 0.04638520774136703),
            (15, 30, 0.95, 0.338892661609515, 0.661107338390485),
            (
                100,
                10_000,
                0.975,
                0.008143596567611066,
                0.01214950488606161,
            ),
            (
                70,
                100_000,
                0.95,
                0.0005683312737682319,
                0.0008539801996406161,
            ),
            (
                500_000,
                1_000_000,
                0.975,
                0.4990195191953118,
                0.5009804808046882,
            ),
            (
                3,
                1_000_000,
                0.975,
                6.186725501906399e-7,
                8.767247788145224e-6,
            ),
            (
                999_000,
                1_000_000,
                0.95,
                0.9989464251225456,
                0.9990514162214064,
            ),
        ] {
            let found = (lower_bound(k, n, confidence), upper_bound(k, n, confidence));
            assert!((found.0 / lower - 1.0).abs() < 1e-11, "{k} {n}: {found:?}");
            assert!((found.1 / upper - 1.0).abs() < 1e-11, "{k} {n}: {found:?}");
        }
    }

    #[test]
    fn bounds_at_the_ends() {
        assert_eq!(
            (lower_bound(0, 9, 0.95), upper_bound(9, 9, 0.95)),
            (0.0, 1.0)
        );
        assert!((upper_bound(0, 59, 0.95) - 0.049_507_6).abs() < 1e-6);
        assert!((lower_bound(59, 59, 0.95) - 0.950_492_4).abs() < 1e-6);
        assert!((none_of(3_000_000_000, 0.95) / (2.995_732_273_554 / 3e9) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn bounds_invert_the_distribution_function_everywhere() {
        for n in 1..80_u32 {
            for k in 0..n {
                for confidence in [0.5, 0.9, 0.95, 0.999] {
                    let below =
                        |k: u32, p| Binomial::new(p, u64::from(n)).unwrap().cdf(u64::from(k));
                    let upper = upper_bound(k, n, confidence);
                    assert!((below(k, upper) - (1.0 - confidence)).abs() < 1e-9);
                    let lower = lower_bound(k + 1, n, confidence);
                    assert!((below(k, lower) - confidence).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn ranks_are_the_first_that_hold() {
        for n in (1..60).chain([200, 1000, 5000]) {
            for quantile in [0.05, 0.5, 0.95, 0.99] {
                for confidence in [0.9, 0.95, 0.975] {
                    let binomial = Binomial::new(quantile, n).unwrap();
                    // P(X >= u) is P(X > u - 1).
                    let good = |u: u64| binomial.sf(u - 1) <= (1.0 - confidence) * (1.0 + 1e-9);
                    let rank = rank_above(n, quantile, confidence);
                    assert!(rank == n + 1 || good(rank), "{n} {quantile} {confidence}");
                    assert!(rank == 1 || !good(rank - 1), "{n} {quantile} {confidence}");
                    let few = |l: u64, slack: f64| {
                        binomial.cdf(l - 1) <= (1.0 - confidence) * (1.0 + slack)
                    };
                    let rank = rank_below(n, quantile, confidence);
                    assert!(rank == 0 || few(rank, 1e-9), "{n} {quantile} {confidence}");
                    assert!(!few(rank + 1, -1e-9), "{n} {quantile} {confidence}");
                }
            }
        }
        // Wilks (1941).
        for (quantile, size) in [(0.95, 59), (0.99, 299), (0.999, 2995)] {
            assert_eq!(rank_above(size, quantile, 0.95), size);
            assert_eq!(rank_above(size - 1, quantile, 0.95), size);
        }
    }

    #[test]
    fn ranks_of_many_are_off_by_one_at_most_and_to_the_safe_side() {
        for (n, quantile) in [
            (40_000, 0.5),
            (210_000, 0.05),
            (1_100_000, 0.99),
            (8_000_000, 0.5),
        ] {
            for confidence in [0.9, 0.95, 0.975, 0.9999] {
                let rank = rank_above(n, quantile, confidence);
                let tail = |u: u64| {
                    let (k, n) = (u as f64, n as f64);
                    mass(k, n, quantile) * (1.0 + rising(k, n, quantile))
                };
                let alpha = 1.0 - confidence;
                assert!(
                    tail(rank) <= alpha * (1.0 + 1e-9),
                    "{n} {quantile} {confidence}"
                );
                assert!(tail(rank - 2) > alpha, "{n} {quantile} {confidence}");
            }
        }
    }
}
