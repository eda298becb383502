use crate::units::Time;
use crate::world::World;

/// Which accounts have been refused with a 429 in the current day: a bit for
/// each, whatever the length of the run. Homes are accounts.
#[derive(Debug)]
pub(super) struct AccountDays {
    /// Where days begin, and where the last ends.
    edges: Vec<Time>,
    /// The first edge that has not come.
    coming: usize,
    /// Bit h: home h has been refused in the current day.
    seen: Vec<u64>,
    /// Account-days with a refusal so far, per cohort.
    counts: Vec<u64>,
}

impl AccountDays {
    pub(super) fn new(world: &World) -> AccountDays {
        AccountDays {
            edges: world.days.clone(),
            coming: 0,
            seen: vec![0; (world.population.homes as usize).div_ceil(64)],
            counts: vec![0; world.population.cohorts.len()],
        }
    }

    /// A home of a cohort gets a 429 now.
    #[inline]
    pub(super) fn refused(&mut self, now: Time, home: u32, cohort: usize) {
        while (self.edges.get(self.coming)).is_some_and(|edge| now >= *edge) {
            self.coming += 1;
            self.seen.fill(0);
        }
        if self.coming == 0 || self.coming == self.edges.len() {
            return;
        }
        let (word, bit) = (home as usize / 64, 1 << (home % 64));
        if self.seen[word] & bit == 0 {
            self.seen[word] |= bit;
            self.counts[cohort] += 1;
        }
    }

    /// Account-days per cohort.
    pub(super) fn finish(&self) -> Vec<u128> {
        self.counts.iter().map(|count| u128::from(*count)).collect()
    }
}
