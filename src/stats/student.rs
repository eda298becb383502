use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::math;

/// The quantile of Student's t distribution with `degrees` degrees of freedom.
///
/// Up to 250 degrees it is the library's inverse; beyond, where that loses
/// digits, the Cornish-Fisher expansion around the normal quantile (Abramowitz
/// and Stegun 1964, 26.7.5), whose first neglected term is below 1e-13 there.
pub fn student_t_quantile(probability: f64, degrees: u32) -> f64 {
    if degrees <= 250 {
        return StudentsT::new(0.0, 1.0, f64::from(degrees.max(1)))
            .map_or(f64::NAN, |t| t.inverse_cdf(probability));
    }
    let z = math::normal_quantile(probability);
    let n = f64::from(degrees);
    let z2 = z * z;
    let g1 = (z2 + 1.0) * z / 4.0;
    let g2 = ((5.0 * z2 + 16.0) * z2 + 3.0) * z / 96.0;
    let g3 = (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) * z / 384.0;
    let g4 = ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) * z / 92_160.0;
    z + (g1 + (g2 + (g3 + g4 / n) / n) / n) / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_tables_and_across_the_switch() {
        // Abramowitz and Stegun, table 26.10.
        for (degrees, expected) in [
            (1, 12.706_204_736),
            (4, 2.776_445_105),
            (19, 2.093_024_054),
            (120, 1.979_930_405),
        ] {
            let t = student_t_quantile(0.975, degrees);
            assert!((t - expected).abs() < 1e-8, "{degrees}: {t}");
        }
        assert!((student_t_quantile(0.975, 10_000_000) - 1.959_964_2).abs() < 1e-6);
        for probability in [0.9, 0.975, 0.9995] {
            let (below, above) = (
                student_t_quantile(probability, 250),
                student_t_quantile(probability, 251),
            );
            assert!(above < below && below - above < 2e-4, "{below} {above}");
        }
    }
}
