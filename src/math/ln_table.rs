use std::sync::LazyLock;

use super::ln;

/// `log2` of the number of parts.
const PART_BITS: u32 = 7;
const PARTS: usize = 1 << PART_BITS;
/// The bits of a mantissa.
const MANTISSA: u32 = 52;
/// Where the parts begin, as the bits of a double: at 0.6875. The last one ends
/// at twice that.
const FROM: u64 = 0x3fe6_0000_0000_0000;

/// The natural logarithm from a table, in a third of the time.
///
/// The number is brought between 0.6875 and 1.375 by a power of two, and told
/// by the centre *c* of one of 128 parts and *r* = (*z* − *c*) / *c*, which is
/// less than 1/176: ln *x* = *k* ln 2 + ln *c* + ln(1 + *r*), the last by six
/// terms of its series. This is the reduction of P. T. P. Tang, "Table-driven
/// implementation of the logarithm function in IEEE floating-point arithmetic",
/// ACM Transactions on Mathematical Software 16(4), 1990. It adds and multiplies
/// only, so it is the same everywhere.
///
/// The error is below 4e-16, or 4e-16 of the logarithm if that is more than 1.
/// For drawing, where the number is itself a multiple of 2^-53.
#[derive(Debug)]
pub struct LnTable([Part; PARTS]);

#[derive(Debug)]
struct Part {
    centre: f64,
    inverse: f64,
    logarithm: f64,
}

static TABLE: LazyLock<LnTable> = LazyLock::new(|| {
    LnTable(std::array::from_fn(|part| {
        let half = 1 << (MANTISSA - PART_BITS - 1);
        let bits = FROM + ((part as u64) << (MANTISSA - PART_BITS)) + half;
        let centre = f64::from_bits(bits);
        Part {
            centre,
            inverse: 1.0 / centre,
            logarithm: ln(centre),
        }
    }))
});

impl LnTable {
    /// The one table, which is made when it is first asked for.
    pub fn shared() -> &'static LnTable {
        &TABLE
    }

    /// The natural logarithm of a positive normal number; of others it is some
    /// number.
    #[inline]
    pub fn ln(&self, x: f64) -> f64 {
        let above = x.to_bits().wrapping_sub(FROM);
        let part = &self.0[(above >> (MANTISSA - PART_BITS)) as usize % PARTS];
        let power = above as i64 >> MANTISSA;
        let z = f64::from_bits(x.to_bits().wrapping_sub((power << MANTISSA) as u64));
        let r = (z - part.centre) * part.inverse;
        let square = r * r;
        let last = (1.0 / 3.0 - r * 0.25) + square * (0.2 - r * (1.0 / 6.0));
        let whole = power as f64 * std::f64::consts::LN_2 + part.logarithm;
        whole + (r + square * (r * last - 0.5))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::math::pow;

    fn assert_near(x: f64) {
        let (told, exact) = (LnTable::shared().ln(x), ln(x));
        let error = (told - exact).abs();
        assert!(error <= 4e-16 * exact.abs().max(1.0), "{x}: {told} {exact}");
    }

    #[test]
    fn it_is_near_at_the_ends_of_parts_and_near_one() {
        for part in 0..=PARTS as u64 {
            let edge = FROM + (part << (MANTISSA - PART_BITS));
            for bits in [edge - 1, edge, edge + 1] {
                for power in [-52.0, -2.0, -1.0, 0.0, 1.0, 40.0] {
                    assert_near(f64::from_bits(bits) * pow(2.0, power));
                }
            }
        }
        for step in (1..=53).map(f64::from) {
            assert_near(1.0 - pow(2.0, -step));
            assert_near(pow(2.0, -step));
        }
        assert_near(1.0);
    }

    proptest! {
        #[test]
        fn it_is_near_for_what_is_drawn(word in 0_u64..1 << 53) {
            assert_near((word + 1) as f64 / (1_u64 << 53) as f64);
        }
    }
}
