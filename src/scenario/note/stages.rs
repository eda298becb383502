//! Limits and settings of the server without effect.

use super::kinds::Note;
use crate::scenario::demand::covered;
use crate::scenario::{Backend, Outage, Placement, RefusedByLater, Scenario, Scope, Stage};
use crate::units::Probability;

/// Stages and settings of the server that change nothing.
pub(super) fn on_stages(scenario: &Scenario, found: &mut Vec<Note>) {
    let stages = &scenario.server.stages;
    for (index, stage) in stages.iter().enumerate() {
        let Stage::Limit {
            name,
            per,
            methods,
            kinds,
            costs,
            ..
        } = stage
        else {
            continue;
        };
        let met = scenario
            .placements()
            .any(|Placement { cohort, client, .. }| {
                scenario.traffic_of(client).any(|entry| {
                    let someone = !per.contains(&Scope::Device)
                        || cohort.mean_devices(entry.traffic.what.kinds) > 0.0;
                    someone && covered(stage, cohort, &entry.traffic).is_some()
                })
            });
        if !met {
            found.push(Note::NobodyMeets {
                stage: index,
                name: name.clone(),
                devices: kinds.is_some() || per.contains(&Scope::Device),
            });
        }
        for method in methods.iter().flat_map(|methods| {
            costs
                .names()
                .filter(|name| !methods.iter().any(|method| method == name))
        }) {
            found.push(Note::UnusedCost {
                stage: index,
                method: method.to_owned(),
            });
        }
    }
    let backend = &scenario.server.backend;
    if backend.failures == Probability::ZERO && backend.fail != Backend::default().fail {
        found.push(Note::NeverFails);
    }
    for (name, outage) in scenario.server.outages.iter() {
        if !outage.how.refuses() && outage.answer != Outage::usual_answer() {
            found.push(Note::UnusedAnswer {
                outage: name.to_owned(),
            });
        }
    }
    let limits = |stages: &[Stage]| {
        stages
            .iter()
            .any(|stage| matches!(stage, Stage::Limit { .. }))
    };
    let before_others = limits(stages.split_last().map_or(&[], |(_, before)| before))
        || limits(stages) && backend.failures > Probability::ZERO;
    if scenario.server.refused_by_later == RefusedByLater::Returned && !before_others {
        found.push(Note::NothingReturned);
    }
}
