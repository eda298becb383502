//! Counts per segment of time, in a ring that the owner of many keys holds.

/// The newest segment's place in a ring of counts, and the sum of the newest
/// segments. The default goes with a ring of zeros.
///
/// The ring is a slice, the same for each call, of at least `span` counts: the
/// sum is that of the newest `span` segments, and a longer ring remembers what
/// was before them. A step to the next segment takes constant time, and any
/// number of steps no more than the ring has places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Segments {
    head: u32,
    sum: u32,
}

impl Segments {
    /// The sum of the newest segments.
    #[inline]
    pub(super) fn sum(&self) -> u32 {
        self.sum
    }

    /// The place of the segment that is `back` before the newest; `back` must be
    /// less than the ring has places.
    #[inline]
    pub(super) fn place(&self, counts: &[u32], back: usize) -> usize {
        let head = self.head as usize;
        match head.checked_sub(back) {
            Some(place) => place,
            None => head + counts.len() - back,
        }
    }

    /// Goes on by one segment. Returns what the oldest of the sum counted.
    #[inline]
    pub(super) fn step(&mut self, counts: &mut [u32], span: usize) -> u32 {
        let oldest = counts[self.place(counts, span - 1)];
        self.sum -= oldest;
        let next = self.head as usize + 1;
        self.head = if next == counts.len() { 0 } else { next as u32 };
        counts[self.head as usize] = 0;
        oldest
    }

    /// Goes on by any number of segments.
    #[inline]
    pub(super) fn advance(&mut self, counts: &mut [u32], span: usize, steps: u64) {
        if steps >= counts.len() as u64 {
            counts.fill(0);
            self.sum = 0;
            return;
        }
        for _ in 0..steps {
            self.step(counts, span);
        }
    }

    /// Counts in the newest segment as much of `n` as the sum can hold.
    #[inline]
    pub(super) fn add(&mut self, counts: &mut [u32], n: u64) {
        let room = u32::MAX - self.sum;
        let n = u32::try_from(n).unwrap_or(u32::MAX).min(room);
        counts[self.head as usize] += n;
        self.sum += n;
    }

    /// Takes back as much of `n` as the segment `back` before the newest
    /// counts. Returns how much that was.
    pub(super) fn remove(&mut self, counts: &mut [u32], span: usize, back: u64, n: u64) -> u32 {
        let Some(back) = usize::try_from(back)
            .ok()
            .filter(|&back| back < counts.len())
        else {
            return 0;
        };
        let count = &mut counts[self.place(counts, back)];
        let n = u32::try_from(n).unwrap_or(u32::MAX).min(*count);
        *count -= n;
        if back < span {
            self.sum -= n;
        }
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_those_of_a_plain_list(
            span in 1_usize..6, more in 0_usize..5,
            steps in prop::collection::vec((0_u64..4, 0_u64..9, 0_u64..12), 1..60),
        ) {
            let mut counts = vec![0; span + more];
            let (mut segments, mut list) = (Segments::default(), vec![0_u64; 20]);
            for (steps, n, back) in steps {
                let steps = if steps == 3 { n + 3 } else { steps };
                segments.advance(&mut counts, span, steps);
                list.extend((0..steps).map(|_| 0));
                segments.add(&mut counts, n);
                *list.last_mut().unwrap() += n;
                let place = list.len() - 1 - back as usize;
                let removed = segments.remove(&mut counts, span, back, n);
                if (back as usize) < counts.len() {
                    list[place] -= u64::from(removed);
                } else {
                    prop_assert_eq!(removed, 0);
                }
                let sum: u64 = list.iter().rev().take(span).sum();
                prop_assert_eq!(u64::from(segments.sum()), sum);
            }
        }
    }
}
