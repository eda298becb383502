//! Tests of fit that the tests of this module share.

/// Panics if a sample does not come from a distribution function.
///
/// Kolmogorov-Smirnov with the bound of Dvoretzky, Kiefer and Wolfowitz in the
/// form of P. Massart (Annals of Probability 18, 1990): false-alarm probability
/// at most 2 exp(-2 * 2.694^2) = 1e-6, for every sample size and for
/// distributions with atoms too.
pub(super) fn assert_distribution(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64) {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let mut furthest: f64 = 0.0;
    let mut below = 0;
    for ties in sample.chunk_by(|a, b| a == b) {
        below += ties.len();
        furthest = furthest.max((below as f64 / n - cdf(ties[0])).abs());
    }
    assert!(
        furthest * n.sqrt() < 2.694,
        "distance {furthest} of {n} values"
    );
}

/// Panics if two samples of equal size do not come from one distribution.
///
/// The two-sample form by F. Wei and R. M. Dudley (Statistics and Probability
/// Letters 82, 2012), which needs at least 458 values: false alarm at most 1e-6.
pub(super) fn assert_same_distribution(mut one: Vec<f64>, mut other: Vec<f64>) {
    assert!(one.len() == other.len() && one.len() >= 458);
    one.sort_by(f64::total_cmp);
    other.sort_by(f64::total_cmp);
    let n = one.len() as f64;
    let count = |sample: &[f64], x: f64| sample.partition_point(|value| *value <= x) as f64;
    let furthest = one
        .iter()
        .chain(&other)
        .map(|&x| (count(&one, x) - count(&other, x)).abs() / n)
        .fold(0.0, f64::max);
    assert!(
        furthest * (n / 2.0).sqrt() < 2.694,
        "distance {furthest} of twice {n} values"
    );
}

/// The fit tests themselves must notice a distribution that is a little wrong.
#[test]
#[should_panic(expected = "distance")]
fn a_shifted_distribution_is_noticed() {
    let even = (0..50_000).map(|k| f64::from(k) / 50_000.0).collect();
    assert_distribution(even, |x| x - 0.02);
}

#[test]
#[should_panic(expected = "distance")]
fn two_different_samples_are_noticed() {
    let even: Vec<f64> = (0..50_000).map(|k| f64::from(k) / 50_000.0).collect();
    let other = even.iter().map(|x| x * 0.96).collect();
    assert_same_distribution(even, other);
}
