//! The mathematical functions that results depend on, by name.
//!
//! The standard library hands `ln`, `exp` and the like to whatever the platform
//! offers, and the last bit differs between platforms. The `libm` crate is
//! compiled with the program, so that the same scenario and seed give the same
//! numbers everywhere; clippy refuses the standard ones. `f64::sqrt` rounds
//! exactly by IEEE 754 and needs no stand-in.

mod exp_table;
mod ln_table;

pub use exp_table::ExpTable;
pub use ln_table::LnTable;

/// The natural logarithm of `x`.
#[inline]
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// Euler's number to the power of `x`.
#[inline]
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// `base` to the power of `exponent`.
#[inline]
pub fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}

/// Euler's number to the power of `x`, less 1, exact also near 0.
#[inline]
pub fn exp_m1(x: f64) -> f64 {
    libm::expm1(x)
}

/// The natural logarithm of `1 + x`, exact also near 0.
#[inline]
pub fn ln_1p(x: f64) -> f64 {
    libm::log1p(x)
}

/// The real cube root of `x`.
#[inline]
pub fn cbrt(x: f64) -> f64 {
    libm::cbrt(x)
}

/// The natural logarithm of the gamma function at `x`.
#[inline]
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// The value that a standard normal variable stays below with probability `p`.
///
/// The relative error is below 1e-15. Minus infinity at 0, infinity at 1, and not a
/// number outside.
///
/// Source: M. J. Wichura, "Algorithm AS 241: The Percentage Points of the
/// Normal Distribution", Applied Statistics 37 (1988) 477-484, routine PPND16.
///
/// ```
/// let z = ratelab::math::normal_quantile(0.975);
/// assert!((z - 1.959963984540054).abs() < 2e-15);
/// ```
#[inline]
pub fn normal_quantile(p: f64) -> f64 {
    let centred = p - 0.5;
    if centred.abs() <= 0.425 {
        let r = 0.180625 - centred * centred;
        return centred * CENTRE.at(r);
    }
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let tail = if centred < 0.0 { p } else { 1.0 - p };
    if tail == 0.0 {
        return f64::INFINITY.copysign(centred);
    }
    let r = (-ln(tail)).sqrt();
    let distance = if r <= 5.0 {
        SHOULDER.at(r - 1.6)
    } else {
        TAIL.at(r - 5.0)
    };
    distance.copysign(centred)
}

/// A quotient of two polynomials of degree 7, coefficients of the lowest power first.
struct Rational {
    numerator: [f64; 8],
    denominator: [f64; 8],
}

impl Rational {
    #[inline]
    fn at(&self, x: f64) -> f64 {
        polynomial(&self.numerator, x) / polynomial(&self.denominator, x)
    }
}

/// In pairs, and pairs of pairs (G. Estrin, 1960): less to wait for than one
/// coefficient after the other.
#[inline]
fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    let [a, b, c, d, e, f, g, h] = *coefficients;
    let square = x * x;
    let lower = (a + b * x) + (c + d * x) * square;
    let upper = (e + f * x) + (g + h * x) * square;
    lower + upper * (square * square)
}

/// For |p - 1/2| up to 0.425, in 0.425^2 - (p - 1/2)^2.
const CENTRE: Rational = Rational {
    numerator: [
        3.3871328727963665,
        133.14166789178438,
        1971.5909503065513,
        13731.69376550946,
        45921.95393154987,
        67265.7709270087,
        33430.57558358813,
        2509.0809287301227,
    ],
    denominator: [
        1.0,
        42.31333070160091,
        687.1870074920579,
        5394.196021424751,
        21213.794301586597,
        39307.89580009271,
        28729.085735721943,
        5226.495278852854,
    ],
};

/// For tails down to exp(-25), in sqrt(-ln(tail)) - 1.6.
const SHOULDER: Rational = Rational {
    numerator: [
        1.4234371107496835,
        4.630337846156546,
        5.769497221460691,
        3.6478483247632045,
        1.2704582524523684,
        0.2417807251774506,
        0.022723844989269184,
        0.0007745450142783414,
    ],
    denominator: [
        1.0,
        2.053191626637759,
        1.6763848301838038,
        0.6897673349851,
        0.14810397642748008,
        0.015198666563616457,
        0.0005475938084995345,
        1.0507500716444169e-9,
    ],
};

/// For smaller tails, in sqrt(-ln(tail)) - 5.
const TAIL: Rational = Rational {
    numerator: [
        6.657904643501103,
        5.463784911164114,
        1.7848265399172913,
        0.29656057182850487,
        0.026532189526576124,
        0.0012426609473880784,
        2.7115555687434876e-5,
        2.0103343992922881e-7,
    ],
    denominator: [
        1.0,
        0.599832206555888,
        0.1369298809227358,
        0.014875361290850615,
        0.0007868691311456133,
        1.8463183175100548e-5,
        1.421511758316446e-7,
        2.0442631033899397e-15,
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn normal_quantiles_to_the_last_digits() {
        // Roots of the normal distribution function, computed with 50 digits.
        for (p, expected) in [
            (0.5, 0.0),
            (0.25, -0.6744897501960817),
            (0.075, -1.439531470938456),
            (0.074, -1.446632067158979),
            (0.001, -3.0902323061678136),
            (1e-10, -6.361340902404056),
            (1e-20, -9.262340089798408),
            (1e-100, -21.273453560965324),
            (1e-300, -37.0470962993612),
            (0.9, 1.2815515655446006),
            (0.99, 2.3263478740408408),
            (0.999, 3.090232306167813),
        ] {
            let found = normal_quantile(p);
            assert!(
                (found - expected).abs() <= 1e-15 * f64::max(1.0, expected.abs()),
                "p = {p}: {found} is not {expected}"
            );
        }
    }

    #[test]
    fn normal_quantiles_at_and_beyond_the_ends() {
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        for outside in [-1e-9, 1.0 + 1e-9, f64::NAN, f64::INFINITY] {
            assert!(normal_quantile(outside).is_nan(), "{outside}");
        }
    }

    proptest! {
        #[test]
        fn the_normal_quantile_inverts_the_normal_distribution(p in 1e-12..1.0_f64) {
            let below = 0.5 * libm::erfc(-normal_quantile(p) / 2.0_f64.sqrt());
            prop_assert!((below - p).abs() <= 3e-14 * p, "{below} is not {p}");
        }

        #[test]
        fn the_normal_quantile_is_odd_about_one_half(k in 1_u32..0x8000_0000) {
            // Multiples of 2^-32, so that 1 - p is exact.
            let p = f64::from(k) / 4_294_967_296.0;
            prop_assert_eq!(normal_quantile(p), -normal_quantile(1.0 - p));
        }
    }
}
