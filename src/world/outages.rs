use super::WorldError;
use crate::rng::{Key, Sampler};
use crate::scenario::{Outage, Server, Stage};
use crate::server::{Begins, Effect, OutagePlan, RouteStage, ServerPlan, StagePlan};
use crate::units::Time;

/// Adds the outages of a server to its plan. Those that refuse attempts are told
/// after the stages, and before the failures of the backend.
pub(super) fn plan_outages(
    server: &Server,
    start: Time,
    plan: &mut ServerPlan,
) -> Result<(), WorldError> {
    for (name, outage) in server.outages.iter() {
        let key = Key::of(["outage", name]);
        plan.chance_keys.push(key);
        plan.outages.push(OutagePlan {
            key,
            begins: match &outage.between {
                Some(between) => Begins::After(Sampler::new(between)?),
                None => Begins::At(outage.at.iter().map(|after| start + *after).collect()),
            },
            lasts: outage.lasts.as_ref().map(Sampler::new).transpose()?,
            effect: outage.how,
            forgets: limit_that_forgets(server, outage),
        });
    }
    for (number, (_, name, outage)) in server.refusing_outages().enumerate() {
        let stage = StagePlan {
            name: name.to_owned(),
            response: outage.answer,
            gate: None,
        };
        plan.stages.insert(server.stages.len() + number, stage);
    }
    Ok(())
}

/// The index among the limits of the one that an outage empties.
fn limit_that_forgets(server: &Server, outage: &Outage) -> Option<u8> {
    let of = outage.of.as_deref().filter(|_| outage.forgets)?;
    let limits = server
        .stages
        .iter()
        .filter(|stage| matches!(stage, Stage::Limit { .. }));
    limits
        .zip(0..)
        .find(|(limit, _)| limit.name() == of)
        .map(|(_, number)| number)
}

/// Where on a route attempts meet the outages of a stage, whose index is given, or
/// of the backend.
pub(super) fn outages_before(
    server: &Server,
    stage: Option<u8>,
) -> impl Iterator<Item = RouteStage> {
    let name = stage.map(|stage| server.stages[usize::from(stage)].name());
    let mut refusing = server.stages.len() as u8..;
    let all = (0_u8..).zip(server.outages.values());
    all.filter_map(move |(outage, said)| {
        // The refusals of an outage are its own; one that refuses nobody is told
        // by what it opens.
        let own = match said.how.refuses() {
            true => refusing.next(),
            false => stage,
        };
        let is_met = said.how.refuses() || said.how == Effect::Open;
        let is_here = said.of.as_deref() == name;
        let stage = own.filter(|_| is_met && is_here)?;
        Some(RouteStage::Outage { outage, stage })
    })
}
