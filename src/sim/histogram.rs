use serde::{Deserialize, Serialize};

/// A histogram of whole numbers in cells that are at most 1/256 of their value
/// wide: 256 cells per power of two, in the manner of HdrHistogram (Tene).
///
/// Each cell remembers the least and the greatest value that it holds, so that
/// a bound read from it is a value that was seen: exact where many values are
/// the same, and never too narrow where they are not. Only cells that hold
/// something are kept, in ascending order. All is in integers, so that
/// histograms add up to the same in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    cells: Vec<Cell>,
}

/// A cell that holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The least value in it.
    pub least: u64,
    /// The greatest value in it.
    pub greatest: u64,
    /// How many values it holds.
    pub count: u64,
}

impl Cell {
    const EMPTY: Cell = Cell {
        least: u64::MAX,
        greatest: 0,
        count: 0,
    };

    /// The number of the cell: cells of all histograms with the same number hold
    /// the same values.
    pub(crate) fn number(&self) -> usize {
        cell_of(self.least)
    }

    pub(super) fn join(&mut self, other: &Cell) {
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
        self.count += other.count;
    }
}

const BITS: u32 = 8;
const CELLS_PER_OCTAVE: u64 = 1 << BITS;

/// The number of the cell of a value.
#[inline]
fn cell_of(value: u64) -> usize {
    let octave = (63 - (value | CELLS_PER_OCTAVE).leading_zeros()) - BITS;
    ((u64::from(octave) << BITS) + (value >> octave)) as usize
}

/// The number of the cell of a value.
pub(super) fn number_of(value: u64) -> usize {
    cell_of(value)
}

/// The least value that a cell may hold, given its number: what
/// [`number_of`] takes back.
pub(super) fn least_of(number: usize) -> u64 {
    let number = number as u64;
    if number < 2 * CELLS_PER_OCTAVE {
        return number;
    }
    let octave = (number >> BITS) - 1;
    (number - (octave << BITS)) << octave
}

impl Histogram {
    /// A histogram of cells in ascending order, none twice.
    pub(super) fn of_cells(cells: Vec<Cell>) -> Histogram {
        Histogram { cells }
    }

    /// The cells that hold something, in ascending order of their values.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// How many values it holds.
    pub fn count(&self) -> u64 {
        self.cells.iter().map(|cell| cell.count).sum()
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: &Histogram) {
        if self.cells.is_empty() {
            self.cells.clone_from(&other.cells);
            return;
        }
        if other.cells.is_empty() {
            return;
        }
        let mut merged = Vec::with_capacity(self.cells.len().max(other.cells.len()));
        let (mut left, mut right) = (self.cells.iter(), other.cells.iter());
        let (mut a, mut b) = (left.next(), right.next());
        loop {
            match (a, b) {
                (Some(one), Some(two)) => match one.number().cmp(&two.number()) {
                    std::cmp::Ordering::Less => {
                        merged.push(*one);
                        a = left.next();
                    }
                    std::cmp::Ordering::Greater => {
                        merged.push(*two);
                        b = right.next();
                    }
                    std::cmp::Ordering::Equal => {
                        let mut both = *one;
                        both.join(two);
                        merged.push(both);
                        (a, b) = (left.next(), right.next());
                    }
                },
                (Some(one), None) => {
                    merged.push(*one);
                    a = left.next();
                }
                (None, Some(two)) => {
                    merged.push(*two);
                    b = right.next();
                }
                (None, None) => break,
            }
        }
        self.cells = merged;
    }

    /// All values of several.
    pub fn merged<'a>(histograms: impl IntoIterator<Item = &'a Histogram>) -> Histogram {
        let mut sum = Histogram::default();
        for histogram in histograms {
            sum.merge(histogram);
        }
        sum
    }
}

impl FromIterator<u64> for Histogram {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Histogram {
        let mut recorder = LatencyRecorder::default();
        values.into_iter().for_each(|value| recorder.add(value));
        recorder.histogram()
    }
}

/// Cells are found by their number, in pages of this many.
const PAGE_BITS: u32 = 6;
const PAGE: usize = 1 << PAGE_BITS;

/// Where a run counts values on their way to a [`Histogram`]: cells by number,
/// in pages that are made when they are first needed.
#[derive(Debug, Clone, Default)]
pub struct LatencyRecorder {
    pages: Vec<Option<Box<[Cell; PAGE]>>>,
}

impl LatencyRecorder {
    /// Counts one value.
    #[inline]
    pub fn add(&mut self, value: u64) {
        let number = cell_of(value);
        let page = number >> PAGE_BITS;
        if page >= self.pages.len() {
            self.pages.resize(page + 1, None);
        }
        let cells = self.pages[page].get_or_insert_with(|| Box::new([Cell::EMPTY; PAGE]));
        let cell = &mut cells[number % PAGE];
        cell.least = cell.least.min(value);
        cell.greatest = cell.greatest.max(value);
        cell.count += 1;
    }

    /// What was counted.
    pub fn histogram(&self) -> Histogram {
        let filled = || {
            self.pages
                .iter()
                .flatten()
                .flat_map(|page| page.iter())
                .filter(|cell| cell.count > 0)
        };
        let mut cells = Vec::with_capacity(filled().count());
        cells.extend(filled().copied());
        Histogram { cells }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cell_holds_what_lies_within_a_256th(value in any::<u64>(), beside in 0.0..1.0_f64) {
            let other = value.saturating_add((beside * value as f64 / 100.0) as u64);
            prop_assert!(cell_of(value) <= cell_of(other));
            if cell_of(value) == cell_of(other) {
                prop_assert!(other - value <= value / 256);
            } else {
                prop_assert!(other > value);
            }
            if other - value > value / 256 {
                prop_assert!(cell_of(value) < cell_of(other));
            }
        }

        #[test]
        fn the_least_value_of_a_cell_is_in_it(value in any::<u64>()) {
            let number = cell_of(value);
            prop_assert!(least_of(number) <= value);
            prop_assert_eq!(cell_of(least_of(number)), number);
            prop_assert!(number == 0 || cell_of(least_of(number) - 1) == number - 1);
        }

        #[test]
        fn all_orders_and_divisions_give_the_same(
            mut values in prop::collection::vec(0_u64..1_000_000_000_000, 0..200), at in 0_usize..200,
        ) {
            let at = at.min(values.len());
            let whole: Histogram = values.iter().copied().collect();
            let parts: [Histogram; 3] = [
                values[at..].iter().copied().collect(),
                Histogram::default(),
                values[..at].iter().copied().collect(),
            ];
            prop_assert_eq!(&Histogram::merged(&parts), &whole);
            prop_assert_eq!(whole.count(), values.len() as u64);
            values.sort_unstable();
            // The values of each cell are a run of the sorted ones.
            let mut rest = &values[..];
            for cell in whole.cells() {
                let (mine, others) = rest.split_at(cell.count as usize);
                prop_assert_eq!((mine[0], mine[mine.len() - 1]), (cell.least, cell.greatest));
                rest = others;
            }
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn equal_values_stay_exact_and_empty_cells_take_no_room() {
        let histogram: Histogram = [1_000_000_000, 7, 1_000_000_000, u64::MAX, 0]
            .into_iter()
            .collect();
        let cells: Vec<(u64, u64, u64)> = histogram
            .cells()
            .iter()
            .map(|cell| (cell.least, cell.greatest, cell.count))
            .collect();
        assert_eq!(
            cells,
            [
                (0, 0, 1),
                (7, 7, 1),
                (1_000_000_000, 1_000_000_000, 2),
                (u64::MAX, u64::MAX, 1)
            ]
        );
    }
}
