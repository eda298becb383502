use std::ops::Range;

use crate::world::World;

/// How many requests each account makes in the measured span, and how many of
/// them succeed. Homes are accounts.
#[derive(Debug)]
pub(super) struct Fairness {
    /// By home.
    due_and_served: Vec<(u32, u32)>,
    /// The homes of each cohort.
    cohorts: Vec<Range<usize>>,
}

impl Fairness {
    pub(super) fn new(world: &World) -> Fairness {
        let cohorts = world.population.cohorts.iter();
        Fairness {
            due_and_served: vec![(0, 0); world.population.homes as usize],
            cohorts: cohorts
                .map(|cohort| cohort.first_home..cohort.first_home + cohort.homes)
                .map(|homes| homes.start as usize..homes.end as usize)
                .collect(),
        }
    }

    /// A request of a home comes due.
    #[inline]
    pub(super) fn begun(&mut self, home: u32) {
        let due = &mut self.due_and_served[home as usize].0;
        *due = due.saturating_add(1);
    }

    /// A request of a home succeeds.
    #[inline]
    pub(super) fn succeeded(&mut self, home: u32) {
        let served = &mut self.due_and_served[home as usize].1;
        *served = served.saturating_add(1);
    }

    /// For each cohort: the accounts that made any request, the sum over them of
    /// the share that succeeded, and that of its square; shares are in 2^-32.
    pub(super) fn finish(&self) -> Vec<u128> {
        let of_cohort = |homes: &Range<usize>| {
            let mut sums = [0_u128; 3];
            let accounts = self.due_and_served[homes.clone()].iter();
            for (due, served) in accounts.filter(|(due, _)| *due > 0) {
                let share = (u128::from(*served) << 32) / u128::from(*due);
                sums = [sums[0] + 1, sums[1] + share, sums[2] + share * share];
            }
            sums
        };
        self.cohorts.iter().flat_map(of_cohort).collect()
    }
}
