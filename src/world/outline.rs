use super::{Timeline, Windows, World};
use crate::client::Rule;
use crate::scenario::{Measure, Wakes};
use crate::server::StagePlan;
use crate::units::{Probability, Span};

/// What estimates and reports know of a world: its shape, without the state of
/// its homes, devices and keys.
#[derive(Debug, Clone)]
pub struct Outline {
    /// The clock.
    pub clock: Timeline,
    /// The windows of the day that are asked about.
    pub windows: Windows,
    /// Whether all replications share one world; else homes and devices are
    /// those of the first.
    pub is_shared: bool,
    /// The number of days of the measured span.
    pub days: u32,
    /// What a run takes beside its counts.
    pub measures: Vec<Measure>,
    /// How senders start, in words.
    pub start: String,
    /// The number of homes.
    pub homes: u32,
    /// The number of devices.
    pub devices: u32,
    /// The names of the cohorts.
    pub cohorts: Vec<String>,
    /// The names of the methods that streams call.
    pub methods: Vec<String>,
    /// The stages of the server, in order.
    pub stages: Vec<StagePlan>,
    /// Whether the last of them is the backend, which fails some attempts.
    pub fails: bool,
    /// The gates, in order.
    pub gates: Vec<GateOutline>,
    /// The streams of requests, in order.
    pub streams: Vec<StreamOutline>,
}

/// What is known of a gate.
#[derive(Debug, Clone)]
pub struct GateOutline {
    /// Its index among the stages.
    pub stage: usize,
    /// Its permits per key, if their number is fixed.
    pub permits: Option<u32>,
    /// The keys that have permits of their own.
    pub keys: u32,
    /// Whether attempts may wait for a permit.
    pub queues: bool,
    /// The longest that they may.
    pub max_wait: Option<Span>,
}

/// What is known of a stream of requests.
#[derive(Debug, Clone)]
pub struct StreamOutline {
    /// The cohort's index.
    pub cohort: usize,
    /// The index of the method called.
    pub method: usize,
    /// The deadline of its requests, if they are commands.
    pub deadline: Option<Span>,
    /// The kind of the devices that send or are addressed.
    pub kind: Option<String>,
    /// Whether polls are skipped while the one before has not ended.
    pub skips: bool,
    /// Whether its requests ever wake a device.
    pub wakes: bool,
    /// Whether its attempts may time out.
    pub times_out: bool,
    /// Whether any failure is ever retried.
    pub retries: bool,
    /// The most attempts of a request; [`u32::MAX`] if there is no end.
    pub most_attempts: u32,
    /// Whether a guard of its client may hold its requests back.
    pub is_guarded: bool,
    /// Whether one may end them.
    pub is_dropped: bool,
    /// The stages that may refuse an attempt, the backend's failures included.
    pub refusing: Vec<usize>,
}

impl World {
    /// The shape of this world.
    pub fn outline(&self) -> Outline {
        let gate_of = |stage: &StagePlan| Some(&self.server.gates[usize::from(stage.gate?)]);
        let fails = self.server.failures > Probability::ZERO;
        let retries = |rule: Option<&Rule>| rule.is_some_and(|rule| rule.goes_on_after(1));
        let streams = self.streams.iter().map(|stream| {
            let mut refusing: Vec<usize> = (stream.route.stages().iter())
                .map(|stage| usize::from(stage.stage()))
                .collect();
            // An outage that opens a stage is told by it.
            refusing.dedup();
            if fails {
                refusing.push(self.server.stages.len() - 1);
            }
            let times_out = stream.timeout.is_some();
            StreamOutline {
                cohort: stream.cohort,
                method: stream.method,
                deadline: stream.deadline,
                kind: stream.devices.as_ref().map(|group| group.kind.clone()),
                skips: !stream.overlap,
                wakes: stream.wakes != Wakes::Never,
                times_out,
                most_attempts: stream.retry.most_attempts(),
                retries: times_out && retries(stream.retry.for_timeout())
                    || (refusing.iter()).any(|stage| retries(stream.retry.for_refusal(*stage))),
                is_guarded: !stream.guards.is_empty(),
                is_dropped: (stream.guards.iter())
                    .any(|(guard, _)| self.guards[usize::from(*guard)].drops),
                refusing,
            }
        });
        Outline {
            clock: self.clock,
            windows: self.windows.clone(),
            is_shared: self.is_shared,
            days: self.days.len().saturating_sub(1) as u32,
            measures: self.measures.clone(),
            start: self.start.clone(),
            homes: self.population.homes,
            devices: self.population.devices,
            cohorts: (self.population.cohorts.iter())
                .map(|cohort| cohort.name.clone())
                .collect(),
            methods: self.methods.clone(),
            stages: self.server.stages.clone(),
            fails,
            gates: (self.server.stages.iter().enumerate())
                .filter_map(|(number, stage)| Some((number, gate_of(stage)?)))
                .map(|(stage, plan)| GateOutline {
                    stage,
                    permits: plan.fixed_permits(),
                    keys: plan.keys,
                    queues: plan.queue > 0,
                    max_wait: (plan.max_wait < Span::MAX).then_some(plan.max_wait),
                })
                .collect(),
            streams: streams.collect(),
        }
    }
}
