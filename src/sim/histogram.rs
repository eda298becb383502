use serde::{Deserialize, Serialize};

/// A histogram of whole numbers whose cells are at most 1/64 of their value
/// wide: 64 cells per power of two, as in HdrHistogram (Tene).
///
/// Cells are integers, so that histograms add up to the same in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    cells: Vec<u64>,
}

const BITS: u32 = 6;
const CELLS_PER_OCTAVE: u64 = 1 << BITS;

impl Histogram {
    /// Counts one value.
    #[inline]
    pub fn add(&mut self, value: u64) {
        let cell = Histogram::cell(value);
        if cell >= self.cells.len() {
            self.cells.resize(cell + 1, 0);
        }
        self.cells[cell] += 1;
    }

    /// The counts, in ascending order of the values that cells hold.
    pub fn cells(&self) -> &[u64] {
        &self.cells
    }

    /// The middle of a cell.
    pub fn value(cell: usize) -> u64 {
        let low = Histogram::lowest(cell);
        low + (Histogram::lowest(cell + 1).saturating_sub(low)) / 2
    }

    fn lowest(cell: usize) -> u64 {
        let cell = cell as u64;
        match (cell / CELLS_PER_OCTAVE).checked_sub(1) {
            None => cell,
            Some(octave) => (CELLS_PER_OCTAVE + cell % CELLS_PER_OCTAVE)
                .checked_shl(octave as u32)
                .filter(|_| octave < 58)
                .unwrap_or(u64::MAX),
        }
    }

    #[inline]
    fn cell(value: u64) -> usize {
        let octave = (63 - (value | CELLS_PER_OCTAVE).leading_zeros()) - BITS;
        ((u64::from(octave) << BITS) + (value >> octave)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_lies_in_its_cell_to_within_a_64th(value in any::<u64>()) {
            let cell = Histogram::cell(value);
            prop_assert!(Histogram::lowest(cell) <= value);
            prop_assert!(value < Histogram::lowest(cell + 1) || cell >= Histogram::cell(u64::MAX));
            let middle = Histogram::value(cell);
            prop_assert!(middle.abs_diff(value) <= value / 64 + 1);
        }
    }

    #[test]
    fn values_are_counted_in_order() {
        let mut histogram = Histogram::default();
        for value in [3, 3, 200, 1_000_000] {
            histogram.add(value);
        }
        let filled: Vec<(u64, u64)> = (0..)
            .zip(histogram.cells())
            .filter(|(_, count)| **count > 0)
            .map(|(cell, count)| (Histogram::value(cell), *count))
            .collect();
        assert_eq!(filled[0], (3, 2));
        assert_eq!(filled.len(), 3);
        assert!(filled[1].0.abs_diff(200) <= 2 && filled[2].0.abs_diff(1_000_000) <= 8192);
    }
}
