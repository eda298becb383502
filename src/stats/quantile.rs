use super::RatioEstimate;

/// A quantile of the values in several histograms, as cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuantileCells {
    /// The cell that holds the quantile.
    pub cell: usize,
    /// The cells that hold the ends of its interval; `None` if there is too
    /// little to tell.
    pub interval: Option<(usize, usize)>,
}

/// The quantile of values that are counted in one histogram per replication,
/// all with the same cells in ascending order.
///
/// The interval is Woodruff's (1952, JASA 47:635-646): the share of values up
/// to the quantile is a ratio estimate, and its interval is carried back
/// through the distribution function. Averages of the replications' own
/// quantiles would be biased. `None` if there are no values.
pub fn woodruff(histograms: &[&[u64]], quantile: f64, confidence: f64) -> Option<QuantileCells> {
    let longest = histograms.iter().map(|cells| cells.len()).max()?;
    let mut up_to = vec![0_u64; longest];
    for cells in histograms {
        for (sum, count) in up_to.iter_mut().zip(*cells) {
            *sum += count;
        }
    }
    let mut total = 0;
    for sum in &mut up_to {
        total += *sum;
        *sum = total;
    }
    if total == 0 {
        return None;
    }
    let cell_at = |share: f64| {
        let needed = ((share.clamp(0.0, 1.0) * total as f64).ceil() as u64).clamp(1, total);
        up_to.partition_point(|sum| *sum < needed)
    };
    let cell = cell_at(quantile);
    let counts: Vec<(f64, f64)> = histograms
        .iter()
        .map(|cells| {
            let below: u64 = cells.iter().take(cell + 1).sum();
            (below as f64, cells.iter().sum::<u64>() as f64)
        })
        .collect();
    let interval = RatioEstimate::new(&counts)?
        .interval(confidence)
        .map(|share| {
            let half = (share.hi - share.lo) / 2.0;
            (cell_at(quantile - half), cell_at(quantile + half))
        });
    Some(QuantileCells { cell, interval })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_known_values() {
        // Ten replications of 100 values in 100 cells, shifted by one each.
        let histograms: Vec<Vec<u64>> = (0..10)
            .map(|shift| {
                (0..110)
                    .map(|cell| u64::from((shift..shift + 100).contains(&cell)))
                    .collect()
            })
            .collect();
        let slices: Vec<&[u64]> = histograms.iter().map(Vec::as_slice).collect();
        let median = woodruff(&slices, 0.5, 0.95).unwrap();
        assert_eq!(median.cell, 54);
        // The share below differs by 0.01 from one replication to the next:
        // its standard error is 0.00957, its interval 54 - 2.2 to 54 + 2.2.
        assert_eq!(median.interval, Some((52, 56)));
        let lone = woodruff(&slices[..1], 1.0, 0.95).unwrap();
        assert_eq!((lone.cell, lone.interval), (99, None));
        assert_eq!(woodruff(&[], 0.5, 0.95), None);
        assert_eq!(woodruff(&[&[0, 0]], 0.5, 0.95), None);
    }
}
