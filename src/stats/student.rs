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
    fn quantiles_agree_with_twenty_five_digits() {
        // Roots of the distribution function, computed with 25 digits.
        const PROBABILITIES: [f64; 5] = [0.9, 0.95, 0.975, 0.995, 0.9995];
        for (degrees, expected) in [
            (
                1,
                [
                    3.0776835371753,
                    6.313751514675,
                    12.706204736175,
                    63.656741162872,
                    636.61924876872,
                ],
            ),
            (
                2,
                [
                    1.8856180831641,
                    2.9199855803537,
                    4.3026527297495,
                    9.9248432009183,
                    31.599054576444,
                ],
            ),
            (
                4,
                [
                    1.5332062740589,
                    2.1318467863267,
                    2.7764451051978,
                    4.60409487135,
                    8.6103015813793,
                ],
            ),
            (
                29,
                [
                    1.3114336473016,
                    1.6991270265335,
                    2.0452296421327,
                    2.7563859036706,
                    3.6594050194663,
                ],
            ),
            (
                49,
                [
                    1.2990687847477,
                    1.6765508926169,
                    2.0095752371292,
                    2.6799519736316,
                    3.5004428913674,
                ],
            ),
            (
                250,
                [
                    1.2849470554223,
                    1.6509714898129,
                    1.9694983934212,
                    2.5956376304662,
                    3.3298672056731,
                ],
            ),
            (
                251,
                [
                    1.2849334911965,
                    1.6509470251874,
                    1.9694602272245,
                    2.5955581457078,
                    3.3297087843088,
                ],
            ),
            (
                399,
                [
                    1.2836769219241,
                    1.6486815335554,
                    1.9659272959209,
                    2.588207164031,
                    3.3150770126451,
                ],
            ),
            (
                10000,
                [
                    1.2816362297305,
                    1.6450060180692,
                    1.9602012398906,
                    2.5763210466685,
                    3.2914999659416,
                ],
            ),
            (
                10000000,
                [
                    1.2815516502031,
                    1.6448537793284,
                    1.9599642217672,
                    2.5758297952037,
                    3.2905277044652,
                ],
            ),
        ] {
            for (probability, expected) in PROBABILITIES.into_iter().zip(expected) {
                let t = student_t_quantile(probability, degrees);
                let error = (t / expected - 1.0_f64).abs();
                assert!(error < 1e-10, "{degrees} {probability}: {t}");
                let mirrored = student_t_quantile(1.0 - probability, degrees);
                assert!((mirrored / t + 1.0).abs() < 1e-9, "{degrees}: {mirrored}");
            }
        }
    }
}
