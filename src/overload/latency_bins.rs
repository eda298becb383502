//! Latencies in bins of two decimal digits, and their quantiles.
//!
//! A bin holds the whole microseconds that agree in their first two decimal
//! digits (4.5 to 4.6 ms), so a quantile is right to a tenth of its leading
//! digit's place. Within a bin it is interpolated, as if the values lay evenly.
//! Only bins in use take memory: 8 bytes each, at most 1,621 of them.
//!
//! Source: the log-linear histogram of OpenHistogram's libcircllhist, which
//! Envoy's adaptive concurrency uses.

/// How many bins share one power of ten: the first two digits from 10 to 99.
const PER_DECADE: u16 = 90;

/// A histogram of latencies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct LatencyBins {
    /// Number of the bin and its count, in rising order. Bin 0 is zero.
    bins: Vec<(u16, u32)>,
    count: u64,
}

impl LatencyBins {
    /// How many latencies it holds.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Forgets all of them, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bins.clear();
        self.count = 0;
    }

    /// Adds one latency, in microseconds.
    pub(super) fn insert(&mut self, micros: u64) {
        let bin = bin_of(micros);
        match self.bins.binary_search_by_key(&bin, |&(bin, _)| bin) {
            Ok(at) if self.bins[at].1 < u32::MAX => self.bins[at].1 += 1,
            Ok(_) => return,
            Err(at) => self.bins.insert(at, (bin, 1)),
        }
        self.count += 1;
    }

    /// The latency, in microseconds, that the share `quantile` of them does not
    /// exceed. Zero if there is none.
    pub(super) fn quantile(&self, quantile: f64) -> f64 {
        let rank = quantile.clamp(0.0, 1.0) * self.count as f64;
        let mut below = 0.0;
        for (i, &(bin, count)) in self.bins.iter().enumerate() {
            let upto = below + f64::from(count);
            if rank <= upto || i + 1 == self.bins.len() {
                let (left, width) = edges(bin);
                return left + (rank - below) / f64::from(count) * width;
            }
            below = upto;
        }
        0.0
    }
}

fn bin_of(micros: u64) -> u16 {
    let Some(power) = micros.checked_ilog10() else {
        return 0;
    };
    let first_two = match power {
        0 => micros * 10,
        _ => micros / 10_u64.pow(power - 1),
    };
    // From 10 to 99, and a power of at most 19.
    1 + PER_DECADE * power as u16 + (first_two - 10) as u16
}

/// Where a bin begins, and how wide it is.
fn edges(bin: u16) -> (f64, f64) {
    let Some(bin) = bin.checked_sub(1) else {
        return (0.0, 0.0);
    };
    let first_two = f64::from(bin % PER_DECADE + 10);
    let width = 10_u64.saturating_pow(u32::from(bin / PER_DECADE)) as f64 / 10.0;
    (first_two * width, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bins_have_two_digits() {
        for (micros, left, width) in [
            (0, 0.0, 0.0),
            (1, 1.0, 0.1),
            (9, 9.0, 0.1),
            (10, 10.0, 1.0),
            (99, 99.0, 1.0),
            (100, 100.0, 10.0),
            (5049, 5000.0, 100.0),
            (5099, 5000.0, 100.0),
            (5100, 5100.0, 100.0),
            (999_999, 990_000.0, 10_000.0),
        ] {
            let (found_left, found_width) = edges(bin_of(micros));
            assert!((found_left - left).abs() < 1e-9 * (1.0 + left), "{micros}");
            assert_eq!(found_width, width, "{micros}");
        }
        assert!(usize::from(bin_of(u64::MAX)) < 1 + 90 * 20);
    }

    #[test]
    fn quantiles_are_interpolated() {
        let mut bins = LatencyBins::default();
        assert_eq!(bins.quantile(0.5), 0.0);
        for micros in [5000; 4] {
            bins.insert(micros);
        }
        for (quantile, micros) in [(0.0, 5000.0), (0.25, 5025.0), (0.5, 5050.0), (1.0, 5100.0)] {
            assert_eq!(bins.quantile(quantile), micros);
        }
        for micros in [1000, 2000, 3000, 4000] {
            bins.insert(micros);
        }
        assert_eq!(bins.quantile(0.5), 4100.0);
        assert_eq!(bins.count(), 8);
        bins.clear();
        assert_eq!((bins.count(), bins.quantile(0.5)), (0, 0.0));
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_a_bin_of_the_value(mut all in prop::collection::vec(any::<u64>(), 1..50), q in 0.0..=1.0_f64) {
            let mut bins = LatencyBins::default();
            all.iter().for_each(|&micros| bins.insert(micros));
            all.sort_unstable();
            let rank = (q * all.len() as f64).ceil() as usize;
            let exact = all[rank.clamp(1, all.len()) - 1] as f64;
            let found = bins.quantile(q);
            prop_assert!((found - exact).abs() <= 0.100001 * exact, "{found} is not {exact}");
        }
    }
}
