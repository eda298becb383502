use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A histogram of whole numbers whose cells are at most 1/64 of their value
/// wide: 64 cells per power of two, as in HdrHistogram (Tene).
///
/// Cells are integers, so that histograms add up to the same in any order.
/// While it counts it has a place for every cell, some 13 kB for a second in
/// nanoseconds; [`packed`](Histogram::packed), and as bytes, it takes two to
/// four bytes per cell that is not empty.
#[derive(Clone, Default)]
pub struct Histogram {
    cells: Cells,
}

#[derive(Clone)]
enum Cells {
    Counting(Vec<u64>),
    /// For each cell that is not empty, in order: how many cells it is after
    /// the one before, and its count, both as variable-length integers.
    Packed(Box<[u8]>),
}

impl Default for Cells {
    fn default() -> Cells {
        Cells::Counting(Vec::new())
    }
}

const BITS: u32 = 6;
const CELLS_PER_OCTAVE: u64 = 1 << BITS;
/// One more than the greatest cell.
const MOST_CELLS: usize = ((64 - BITS as usize) << BITS) + CELLS_PER_OCTAVE as usize;

impl Histogram {
    /// Counts one value.
    #[inline]
    pub fn add(&mut self, value: u64) {
        let cell = Histogram::cell(value);
        match &mut self.cells {
            Cells::Counting(cells) if cell < cells.len() => cells[cell] += 1,
            _ => self.add_beyond(cell),
        }
    }

    #[inline(never)]
    fn add_beyond(&mut self, cell: usize) {
        let mut cells = Vec::new();
        self.add_to(&mut cells);
        cells.resize(cells.len().max(cell + 1), 0);
        cells[cell] += 1;
        self.cells = Cells::Counting(cells);
    }

    /// The cells that are not empty and their counts, in ascending order of the
    /// values that they hold.
    pub fn counts(&self) -> impl Iterator<Item = (usize, u64)> {
        let (counting, packed): (&[u64], &[u8]) = match &self.cells {
            Cells::Counting(cells) => (cells, &[]),
            Cells::Packed(bytes) => (&[], bytes),
        };
        let filled = counting.iter().copied().enumerate();
        filled
            .filter(|(_, count)| *count > 0)
            .chain(Unpacked::new(packed))
    }

    /// Adds these counts to others, by cell.
    pub fn add_to(&self, sums: &mut Vec<u64>) {
        for (cell, count) in self.counts() {
            if cell >= sums.len() {
                sums.resize(cell + 1, 0);
            }
            sums[cell] += count;
        }
    }

    /// The same counts in little memory.
    #[must_use]
    pub fn packed(&self) -> Histogram {
        let mut bytes = Vec::new();
        let mut next = 0;
        for (cell, count) in self.counts() {
            write_number(&mut bytes, (cell - next) as u64);
            write_number(&mut bytes, count);
            next = cell + 1;
        }
        Histogram {
            cells: Cells::Packed(bytes.into()),
        }
    }

    /// The bytes of memory that the counts take.
    pub fn bytes(&self) -> usize {
        match &self.cells {
            Cells::Counting(cells) => size_of_val(cells.as_slice()),
            Cells::Packed(bytes) => bytes.len(),
        }
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

/// The counts of a packed histogram, from the first on.
struct Unpacked<'a> {
    bytes: &'a [u8],
    next: usize,
}

impl<'a> Unpacked<'a> {
    fn new(bytes: &'a [u8]) -> Unpacked<'a> {
        Unpacked { bytes, next: 0 }
    }
}

impl Iterator for Unpacked<'_> {
    type Item = (usize, u64);

    fn next(&mut self) -> Option<(usize, u64)> {
        let gap = usize::try_from(read_number(&mut self.bytes)?).ok()?;
        let cell = (self.next.checked_add(gap)).filter(|cell| *cell < MOST_CELLS)?;
        self.next = cell + 1;
        read_number(&mut self.bytes).map(|count| (cell, count))
    }
}

/// Seven bits a byte, the lowest first; all bytes but the last have the eighth.
fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let length = bytes.iter().position(|byte| *byte < 0x80)? + 1;
    let (own, rest) = bytes.split_at(length);
    *bytes = rest;
    (own.iter().rev()).try_fold(0_u64, |number, byte| {
        let shifted = (number.leading_zeros() >= 7).then_some(number << 7)?;
        Some(shifted | u64::from(byte & 0x7f))
    })
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Histogram) -> bool {
        self.counts().eq(other.counts())
    }
}

impl Eq for Histogram {}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.counts()).finish()
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.cells {
            Cells::Packed(bytes) => serializer.serialize_bytes(bytes),
            Cells::Counting(_) => self.packed().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Histogram, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Histogram;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a packed histogram")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Histogram, E> {
        let read = Histogram {
            cells: Cells::Packed(bytes.into()),
        };
        // Others hold something that no histogram packs to.
        match read.packed().cells {
            Cells::Packed(canonical) if *canonical == *bytes => Ok(read),
            _ => Err(E::invalid_length(bytes.len(), &self)),
        }
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

    proptest! {
        #[test]
        fn packing_keeps_every_count(
            values in prop::collection::vec(0_u32..64, 0..200),
            more in any::<u64>(),
        ) {
            // Of every size, and some more than once.
            let values = values.iter().map(|bits| u64::MAX >> bits);
            let mut counting = Histogram::default();
            values.for_each(|value| counting.add(value));
            let mut packed = counting.packed();
            prop_assert_eq!(&packed, &counting);
            let bytes = postcard::to_allocvec(&counting).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<Histogram>(&bytes).unwrap(), &counting);
            packed.add(more);
            counting.add(more);
            prop_assert_eq!(packed, counting);
        }

        #[test]
        fn bytes_that_are_no_histogram_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let stored = postcard::to_allocvec(&bytes).unwrap();
            if let Ok(read) = postcard::from_bytes::<Histogram>(&stored) {
                prop_assert_eq!(postcard::to_allocvec(&read).unwrap(), stored);
            }
        }
    }

    #[test]
    fn ten_values_take_some_thirty_bytes() {
        let mut histogram = Histogram::default();
        for seconds in 1..=10 {
            histogram.add(seconds * 777_777_777);
        }
        assert!(histogram.bytes() > 10_000, "{}", histogram.bytes());
        let packed = histogram.packed().bytes();
        assert!((20..=40).contains(&packed), "{packed}");
    }

    #[test]
    fn values_are_counted_in_order() {
        let mut histogram = Histogram::default();
        for value in [3, 3, 200, 1_000_000] {
            histogram.add(value);
        }
        let filled: Vec<(u64, u64)> = (histogram.counts())
            .map(|(cell, count)| (Histogram::value(cell), count))
            .collect();
        assert_eq!(filled[0], (3, 2));
        assert_eq!(filled.len(), 3);
        assert!(filled[1].0.abs_diff(200) <= 2 && filled[2].0.abs_diff(1_000_000) <= 8192);
    }
}
