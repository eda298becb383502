//! Places for labels that must not overlap.

/// Centres as near as possible (least squares) to `wanted`, in which labels of
/// `heights` do not overlap and stay within `from..=to`.
///
/// Labels keep the order of their wanted places. With the heights of those
/// above taken off, what remains is isotonic regression, solved by pooling
/// adjacent violators (Barlow et al., *Statistical Inference under Order
/// Restrictions*, 1972, section 1.2). When there is no room for all, they
/// start at `from` and run over.
pub(super) fn spread(wanted: &[f64], heights: &[f64], from: f64, to: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len().min(heights.len())).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]).then(a.cmp(&b)));
    let mut above = 0.0;
    let mut offsets = Vec::new();
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for &index in &order {
        let offset = above + heights[index] / 2.0;
        above += heights[index];
        offsets.push(offset);
        pools.push((wanted[index] - offset, 1));
        while let [.., (first, many), (second, more)] = pools[..] {
            if first <= second {
                break;
            }
            let both = many + more;
            pools.truncate(pools.len() - 2);
            pools.push((
                (first * many as f64 + second * more as f64) / both as f64,
                both,
            ));
        }
    }
    let highest = (to - above).max(from);
    let shifts = pools
        .iter()
        .flat_map(|&(shift, many)| std::iter::repeat_n(shift.clamp(from, highest), many));
    let mut centres = vec![from; wanted.len()];
    for ((&index, offset), shift) in order.iter().zip(offsets).zip(shifts) {
        centres[index] = offset + shift;
    }
    centres
}

/// The rows, counted from 0, in which stretches `(from, to)` do not overlap,
/// each in the first row that is free when they are taken in the order given.
pub(super) fn stack(stretches: &[(f64, f64)]) -> Vec<usize> {
    let mut rows: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut places = Vec::new();
    for &(from, to) in stretches {
        let free = |row: &Vec<(f64, f64)>| row.iter().all(|&(a, b)| to <= a || b <= from);
        let row = rows.iter().position(free).unwrap_or(rows.len());
        if row == rows.len() {
            rows.push(Vec::new());
        }
        rows[row].push((from, to));
        places.push(row);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_with_room_stay() {
        assert_eq!(
            spread(&[10.0, 50.0, 30.0], &[10.0; 3], 0.0, 100.0),
            [10.0, 50.0, 30.0]
        );
        assert!(spread(&[], &[], 0.0, 1.0).is_empty());
    }

    #[test]
    fn labels_at_one_place_spread_evenly() {
        assert_eq!(
            spread(&[50.0; 3], &[10.0; 3], 0.0, 100.0),
            [40.0, 50.0, 60.0]
        );
        assert_eq!(spread(&[100.0; 2], &[10.0; 2], 0.0, 100.0), [85.0, 95.0]);
    }

    #[test]
    fn rows_fill_from_the_first() {
        assert_eq!(
            stack(&[(0.0, 5.0), (4.0, 8.0), (5.0, 9.0), (8.0, 9.0)]),
            [0, 1, 0, 1]
        );
    }

    proptest! {
        #[test]
        fn no_two_overlap_and_all_are_inside(wanted in prop::collection::vec(-50.0f64..150.0, 0..9), height in 1.0f64..11.0) {
            let heights = vec![height; wanted.len()];
            let mut centres = spread(&wanted, &heights, 0.0, 100.0);
            centres.sort_by(f64::total_cmp);
            for pair in centres.windows(2) {
                prop_assert!(pair[1] - pair[0] >= height - 1e-9);
            }
            for centre in centres {
                prop_assert!(centre >= height / 2.0 - 1e-9 && centre <= 100.0 - height / 2.0 + 1e-9);
            }
        }
    }
}
