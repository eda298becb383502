use super::WorldError;
use super::keys::{KeySpace, Party, Sender};
use super::population::Population;
use crate::client::{GuardError, GuardPlan};
use crate::scenario::{Guard, Scenario};
use crate::server::{KeyOf, Response};

/// The guards of all clients, one after the other.
pub(super) struct Guards {
    pub(super) plans: Vec<GuardPlan>,
    /// The client of each, by number, and what it is per.
    of: Vec<(usize, KeySpace)>,
}

impl Guards {
    pub(super) fn new(
        scenario: &Scenario,
        population: &Population,
        methods: usize,
        answers: &[Response],
    ) -> Result<Guards, WorldError> {
        let (mut plans, mut of) = (Vec::new(), Vec::new());
        for (number, (name, client)) in scenario.clients.iter().enumerate() {
            for guard in &client.guards {
                let parties = Party::of_client(scenario, guard.per(), number);
                let is_sized = matches!(guard, Guard::Pace { by, .. } if by.depends_on_key());
                let space =
                    KeySpace::new(parties, population, guard.per(), (methods, 1), is_sized)?;
                let keys = (space.keys, space.sizes.as_slice());
                let plan = GuardPlan::new(guard, keys, answers);
                plans.push(plan.map_err(|error| match error {
                    GuardError::Limit(source) => WorldError::Limit {
                        limit: format!("pace of {name}"),
                        source,
                    },
                    GuardError::Throttle(source) => WorldError::Overload(source),
                })?);
                of.push((number, space));
            }
        }
        Ok(Guards { plans, of })
    }

    /// The indices of the guards of a client that are for a method, and the keys
    /// that requests of a sender have in them.
    pub(super) fn of(
        &self,
        (number, guards): (usize, &[Guard]),
        sender: Sender,
        concerns_device: bool,
        (method, name): (usize, &str),
        tables: &mut Vec<Vec<u32>>,
    ) -> Box<[(u16, KeyOf)]> {
        let own = self.of.iter().enumerate().filter(|(_, of)| of.0 == number);
        let for_method = own.zip(guards).filter(|(_, guard)| guard.is_for(name));
        for_method
            .filter_map(|((index, (_, keys)), _)| {
                let key = keys.key_of(sender, concerns_device, method, tables)?;
                Some((index as u16, key))
            })
            .collect()
    }
}
