/// What Holm's procedure says of one of several comparisons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adjusted {
    /// The confidence of its own interval, at which it leaves out zero exactly
    /// where the procedure tells the two apart.
    pub confidence: f64,
    /// The least error of the whole family at which it is told apart.
    pub p_value: f64,
    /// Whether it is told apart.
    pub is_apart: bool,
}

/// Tells which of several comparisons show a difference, with at most the chance
/// of one minus `confidence` that any of those that are told is none, however
/// they depend on each other.
///
/// The clearest of k comparisons is held against error / k, the next against
/// error / (k - 1), and so on until one is not clear; the rest are not, and have
/// the level at which that one failed.
///
/// Source: S. Holm, "A simple sequentially rejective multiple test procedure",
/// Scandinavian Journal of Statistics 6 (1979) 65-70.
pub fn holm(p_values: &[f64], confidence: f64) -> Vec<Adjusted> {
    let error = 1.0 - confidence;
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|one, other| p_values[*one].total_cmp(&p_values[*other]));
    let mut adjusted = vec![
        Adjusted {
            confidence,
            p_value: 1.0,
            is_apart: false,
        };
        p_values.len()
    ];
    let (mut holds, mut level, mut least) = (true, error, 0.0_f64);
    for (rank, index) in order.into_iter().enumerate() {
        let left = (p_values.len() - rank) as f64;
        least = least.max((left * p_values[index]).min(1.0));
        if holds {
            level = error / left;
            holds = p_values[index] <= level;
        }
        adjusted[index] = Adjusted {
            confidence: 1.0 - level,
            p_value: least,
            is_apart: holds,
        };
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_told_apart_one_by_one_from_the_clearest() {
        // R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03 0.06 0.06 0.02.
        let found = holm(&[0.01, 0.04, 0.03, 0.005], 0.95);
        for (found, (p_value, is_apart, level)) in found.iter().zip([
            (0.03, true, 0.05 / 3.0),
            (0.06, false, 0.025),
            (0.06, false, 0.025),
            (0.02, true, 0.0125),
        ]) {
            assert!((found.p_value - p_value).abs() < 1e-12, "{found:?}");
            assert_eq!(found.is_apart, is_apart);
            assert!(
                (found.confidence - (1.0 - level)).abs() < 1e-12,
                "{found:?}"
            );
        }
        assert!(holm(&[], 0.95).is_empty());
        assert_eq!(holm(&[0.04], 0.95)[0].confidence, 0.95);
    }
}
