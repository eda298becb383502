use super::WorldError;
use super::keys::{KeySpace, Party, Sender};
use super::population::Population;
use crate::client::BudgetPlan;
use crate::scenario::{RetryPolicy, Scenario};
use crate::server::KeyOf;

/// The budgets of retries: one for each policy that has one and is used.
pub(super) struct Budgets {
    pub(super) plans: Vec<BudgetPlan>,
    /// Whose they are, and what they are per.
    of: Vec<(*const RetryPolicy, KeySpace)>,
}

impl Budgets {
    pub(super) fn new(
        scenario: &Scenario,
        population: &Population,
        methods: usize,
    ) -> Result<Budgets, WorldError> {
        let (mut plans, mut of) = (Vec::new(), Vec::new());
        for (policy, rule) in scenario.budgets() {
            let per = rule.per();
            let parties = Party::all(scenario, per);
            let keys = KeySpace::new(parties, population, per, (methods, 1), false)?;
            plans.push(BudgetPlan {
                rule: rule.clone(),
                keys: keys.keys,
            });
            of.push((std::ptr::from_ref(policy), keys));
        }
        Ok(Budgets { plans, of })
    }

    /// The index of the budget that a policy has, and the key that requests of a
    /// sender have in it.
    pub(super) fn of(
        &self,
        policy: &RetryPolicy,
        sender: Sender,
        concerns_device: bool,
        method: usize,
        tables: &mut Vec<Vec<u32>>,
    ) -> Option<(u16, KeyOf)> {
        let is_it = |(other, _): &(*const RetryPolicy, _)| *other == std::ptr::from_ref(policy);
        let index = self.of.iter().position(is_it)?;
        let (_, keys) = &self.of[index];
        let key = keys.key_of(sender, concerns_device, method, tables)?;
        Some((index as u16, key))
    }
}
