//! What a run takes beside its counts, where an estimand needs it. What is not
//! taken costs a look at a flag at most.

mod account_days;
mod fairness;
mod poll_ages;

use self::account_days::AccountDays;
use self::fairness::Fairness;
use self::poll_ages::PollAges;
use super::measured::{Measured, Values};
use super::request::Origin;
use crate::scenario::Measure;
use crate::units::Time;
use crate::world::World;

/// The measures of a replication that runs.
#[derive(Debug)]
pub(super) struct Measures {
    taken: Vec<Measure>,
    measured_from: Time,
    measured_until: Time,
    first_refusal: Option<Time>,
    account_days: Option<AccountDays>,
    fairness: Option<Fairness>,
    poll_ages: Option<PollAges>,
}

impl Measures {
    /// Those that a world asks for, before the run.
    pub(super) fn new(world: &World) -> Measures {
        let takes = |measure: Measure| world.measures.contains(&measure);
        Measures {
            taken: world.measures.clone(),
            measured_from: world.clock.measured_from,
            measured_until: world.clock.measured_until,
            first_refusal: None,
            fairness: takes(Measure::SharesServed).then(|| Fairness::new(world)),
            poll_ages: takes(Measure::PollAges).then(|| PollAges::new(world)),
            account_days: takes(Measure::AccountDays429).then(|| AccountDays::new(world)),
        }
    }

    /// A request of a home comes due that counts if `is_measured`.
    #[inline]
    pub(super) fn begun(&mut self, home: u32, is_measured: bool) {
        if let Some(fairness) = self.fairness.as_mut().filter(|_| is_measured) {
            fairness.begun(home);
        }
    }

    /// Whether it matters which requests succeed.
    #[inline]
    pub(super) fn ask_for_successes(&self) -> bool {
        self.fairness.is_some() || self.poll_ages.is_some()
    }

    /// A request succeeds now that counts if `is_measured`.
    pub(super) fn succeeded(&mut self, now: Time, origin: &Origin, is_measured: bool) {
        if let Some(ages) = &mut self.poll_ages {
            ages.succeeded(now, usize::from(origin.stream), origin.entity);
        }
        if let Some(fairness) = self.fairness.as_mut().filter(|_| is_measured) {
            fairness.succeeded(origin.home);
        }
    }

    /// A stage refuses an attempt of a home now.
    #[inline]
    pub(super) fn refused(&mut self, now: Time, home: u32, cohort: usize, is_429: bool) {
        if let Some(days) = self.account_days.as_mut().filter(|_| is_429) {
            days.refused(now, home, cohort);
        }
        if self.first_refusal.is_none() && now >= self.measured_from && now < self.measured_until {
            self.first_refusal = Some(now);
        }
    }

    /// What was taken, at the end of the run.
    pub(super) fn finish(mut self) -> Vec<Measured> {
        let since_start = |time: Time| time.since(self.measured_from).nanos();
        let sums = |sums: Option<Vec<u128>>| Values::Sums(sums.unwrap_or_default());
        let mut ages = self.poll_ages.take();
        let mut values = |measure: Measure| match measure {
            Measure::FirstRefusal => Values::Moments(vec![self.first_refusal.map(since_start)]),
            Measure::SharesServed => sums(self.fairness.as_ref().map(Fairness::finish)),
            Measure::PollAges => {
                Values::Histograms(ages.take().map_or_else(Vec::new, PollAges::finish))
            }
            Measure::AccountDays429 => sums(self.account_days.as_ref().map(AccountDays::finish)),
        };
        (self.taken.iter())
            .map(|measure| Measured {
                measure: *measure,
                values: values(*measure),
            })
            .collect()
    }
}
