use std::sync::Arc;

use super::budgets::Budgets;
use super::days::days;
use super::guards::Guards;
use super::keys::{KeySpace, Party, Sender};
use super::outages::{outages_before, plan_outages};
use super::start::start_in_words;
use super::{DeviceGroup, Population, Reach, Stream, Timeline, Windows, World, WorldError};
use crate::client::{Gap, PollTimes, Retry, Schedule, Source, VaryingRate};
use crate::limiter::KeySize;
use crate::overload::AdmissionState;
use crate::rng::{Key, Sampler, Seed};
use crate::scenario::{Entry, Per, Placement, RefusedByLater, Scenario, Server, Stage, When};
use crate::server::{KeyOf, Replicas, Response, Route, RouteStage, ServerPlan, StagePlan};
use crate::units::{Probability, Span};

impl World {
    /// Compiles a sound scenario for one replication of a study with that
    /// seed, or for all of them if the world [is shared](World::is_shared).
    ///
    /// What was not checked cannot be compiled:
    ///
    /// ```compile_fail,E0308
    /// # use ratelab::{scenario::Draft, world::World};
    /// fn compile(draft: &Draft) {
    ///     let _ = World::compile(draft, 1, 0);
    /// }
    /// ```
    ///
    /// # Errors
    /// If there are too many homes, devices or keys to number, or a limit
    /// cannot be computed exactly for the number of users of some key.
    pub fn compile(
        scenario: &Scenario,
        seed: impl Into<Seed>,
        replication: u32,
    ) -> Result<World, WorldError> {
        World::compile_until(scenario, seed, replication, &|| false)
    }

    /// The same, unless `stop` says so, which is asked once in so many homes.
    ///
    /// # Errors
    /// As [`compile`](World::compile), or [`WorldError::Stopped`].
    pub fn compile_until(
        scenario: &Scenario,
        seed: impl Into<Seed>,
        replication: u32,
        stop: &dyn Fn() -> bool,
    ) -> Result<World, WorldError> {
        let population = Population::new(scenario, seed, replication, stop)?;
        let methods: Vec<String> = scenario.methods().into_iter().map(str::to_owned).collect();
        let key_spaces = key_spaces(scenario, &population, methods.len())?;
        let mut server = plan_server(&scenario.server, |stage| match &key_spaces[stage] {
            Some(keys) => (keys.keys, &keys.sizes),
            None => (1, &[]),
        })?;
        plan_outages(&scenario.server, scenario.time.start.0, &mut server)?;
        let answers: Vec<Response> = server.stages.iter().map(|stage| stage.response).collect();
        let mut builder = Builder {
            scenario,
            population: &population,
            methods: &methods,
            key_spaces: &key_spaces,
            tables: Vec::new(),
            budgets: Budgets::new(scenario, &population, methods.len())?,
            guards: Guards::new(scenario, &population, methods.len(), &answers)?,
            answers,
            streams: Vec::new(),
            next_sender: 0,
        };
        for placement in scenario.placements() {
            builder.client(&placement)?;
        }
        let (streams, budgets) = (builder.streams, builder.budgets.plans);
        let guards = builder.guards.plans;
        server.tables = builder.tables;
        Ok(World {
            clock: Timeline {
                start: scenario.time.start.0,
                measured_from: scenario.time.measured_from(),
                measured_until: scenario.time.measured_until(),
                drained_until: scenario.time.measured_until() + scenario.drain(),
                load_after_end: scenario.time.load_after_end,
                bucket_width: scenario.step_width(),
                buckets: scenario.steps(),
            },
            windows: Windows::new(
                scenario.windows(),
                &scenario.time.zone,
                scenario.time.measured_from(),
                scenario.time.measured_until(),
            ),
            streams,
            population,
            server,
            budgets,
            guards,
            days: days(
                &scenario.time.zone,
                scenario.time.measured_from(),
                scenario.time.measured_until(),
            ),
            measures: scenario.measures(),
            start: start_in_words(scenario),
            is_shared: !scenario.draws_fleet_anew(),
            methods,
        })
    }

    /// The number of senders.
    pub fn senders(&self) -> u32 {
        self.streams
            .last()
            .map_or(0, |stream| stream.first_sender + stream.senders)
    }

    /// The stream of a sender.
    #[inline]
    pub fn stream_of(&self, sender: u32) -> usize {
        // There are few streams, and the first is the likeliest: a scan beats
        // a search.
        self.streams
            .iter()
            .position(|stream| sender - stream.first_sender < stream.senders)
            .unwrap_or(0)
    }

    /// The expected time between two events of a run, by the load that senders
    /// offer; the event queue is sized by it.
    pub fn mean_event_gap(&self) -> Span {
        let timers_per_second: f64 = self
            .streams
            .iter()
            .map(|stream| match stream.source.mean_interval_secs() {
                Some(interval) if interval > 0.0 => {
                    f64::from(stream.senders) * f64::from(stream.calls.count()) / interval
                }
                _ => 0.0,
            })
            .sum();
        // A request is a timer's event and the end of its service.
        let gap = Span::from_secs_f64(0.5 / timers_per_second.max(0.5));
        gap.max(Span::from_nanos(1))
    }
}

/// For each stage the keys that it counts per, if it has more than one.
fn key_spaces(
    scenario: &Scenario,
    population: &Population,
    methods: usize,
) -> Result<Vec<Option<KeySpace>>, WorldError> {
    let keys_per = |per: &[_], copies, sized| {
        let parties = Party::all(scenario, per);
        let copies = (methods, u32::from(copies));
        KeySpace::new(parties, population, per, copies, sized).map(Some)
    };
    let keys_of = |stage: &Stage| match stage {
        Stage::Gate { per, .. } if !per.is_empty() => keys_per(per, 1, false),
        Stage::Gate { .. } | Stage::Admission { .. } => Ok(None),
        Stage::Limit { per, by, .. } => {
            keys_per(per, scenario.server.counters(stage), by.depends_on_key())
        }
    };
    scenario.server.stages.iter().map(keys_of).collect()
}

/// A server whose stages have so many keys, each of which counts for so many;
/// without a list each counts for one.
pub(crate) fn plan_server<'k>(
    server: &Server,
    keys_of: impl Fn(usize) -> (u32, &'k [KeySize]),
) -> Result<ServerPlan, WorldError> {
    let backend = &server.backend;
    let mut plan = ServerPlan {
        stages: Vec::new(),
        gates: Vec::new(),
        gate_keys: Vec::new(),
        limits: Vec::new(),
        tables: Vec::new(),
        admissions: Vec::new(),
        chance_keys: Vec::new(),
        outages: Vec::new(),
        failures: backend.failures,
        returned: server.refused_by_later == RefusedByLater::Returned,
        replicas: server.replicas,
    };
    for (number, stage) in server.stages.iter().enumerate() {
        let draws_key = Key::of(["stage", stage.name()]);
        let (keys, sizes) = keys_of(number);
        let mut gate = None;
        match stage {
            Stage::Gate { .. } => {
                gate = Some(plan.gates.len() as u8);
                plan.gates.extend(stage.gate_plan(keys)?);
                plan.gate_keys.push(draws_key);
            }
            Stage::Admission { by, .. } => {
                let state = AdmissionState::new(by.rule());
                plan.admissions.push(state?);
                plan.chance_keys.push(draws_key);
            }
            Stage::Limit { name, by, .. } => {
                let limit = by.plan(sizes, keys as usize);
                plan.limits.push(limit.map_err(|source| WorldError::Limit {
                    limit: name.clone(),
                    source,
                })?);
            }
        }
        plan.stages.push(StagePlan {
            name: stage.name().to_owned(),
            response: *stage.refusal(),
            gate,
        });
    }
    if backend.failures > Probability::ZERO {
        plan.stages.push(StagePlan {
            // See `World::name_failures`.
            name: String::new(),
            response: backend.fail,
            gate: None,
        });
    }
    Ok(plan)
}

struct Builder<'a> {
    scenario: &'a Scenario,
    population: &'a Population,
    methods: &'a [String],
    /// By stage.
    key_spaces: &'a [Option<KeySpace>],
    /// The answers to what is refused, by stage.
    answers: Vec<Response>,
    tables: Vec<Vec<u32>>,
    budgets: Budgets,
    guards: Guards,
    streams: Vec<Stream>,
    next_sender: u32,
}

/// Where a client runs.
struct Place<'a> {
    cohort: usize,
    /// Its place among the clients of the cohort.
    client: usize,
    /// The client by number.
    number: usize,
    name: &'a str,
    /// How many clients of that name come before it there.
    occurrence: usize,
}

impl<'a> Place<'a> {
    fn of(placement: &Placement<'a>) -> Place<'a> {
        let installed = &placement.installed;
        let before = placement
            .cohort
            .installed()
            .into_iter()
            .take(installed.index);
        Place {
            cohort: placement.cohort_number,
            client: installed.index,
            number: placement.client,
            name: installed.client,
            occurrence: before
                .filter(|other| other.client == installed.client)
                .count(),
        }
    }

    fn sender(&self) -> Sender {
        (self.cohort, self.client)
    }

    /// What tells the draws of the client from those of others in the cohort. The
    /// first is told by the cohort alone, as if it were the only one, whatever it
    /// is called: others that are added, and clients that are compared in its
    /// place, leave its draws as they are.
    fn key(&self) -> Vec<String> {
        match self.client {
            0 => Vec::new(),
            _ => ["client", self.name, &self.occurrence.to_string()]
                .map(str::to_owned)
                .to_vec(),
        }
    }
}

impl Builder<'_> {
    fn client(&mut self, placement: &Placement<'_>) -> Result<(), WorldError> {
        let entries: Vec<Entry<'_>> = self.scenario.traffic_of(placement.client).collect();
        let place = &Place::of(placement);
        for (index, entry) in entries.iter().enumerate() {
            // Entries without a name are told apart by their order.
            let is_alike = |other: &&Entry<'_>| {
                let (one, other) = (&entry.traffic, &other.traffic);
                (other.list, other.called()) == (one.list, one.called())
            };
            let occurrence = entries[..index].iter().filter(is_alike).count();
            let source = self.source(&entry.traffic.when)?;
            if entry.traffic.what.per == Per::Home {
                self.stream(place, occurrence, None, entry, &source)?;
                continue;
            }
            for group in self.population.cohorts[place.cohort].groups.clone() {
                let kinds = entry.traffic.what.kinds;
                if kinds.is_none_or(|kinds| kinds.contains(&group.kind)) {
                    self.stream(place, occurrence, Some(group), entry, &source)?;
                }
            }
        }
        Ok(())
    }

    fn source(&self, when: &When<'_>) -> Result<Source, WorldError> {
        Ok(match *when {
            When::Every(every) => Source::Poll(PollTimes::new(every)),
            When::Daily {
                time,
                spread,
                chance,
            } => {
                let clock = &self.scenario.time;
                let until = clock.measured_until() + self.scenario.drain();
                let times = clock.zone.daily(time, clock.start.0, until);
                Source::Schedule(Schedule::new(times, spread, chance))
            }
            When::Poisson { rate, profile } if profile.is_flat() => {
                Source::Renewal(Gap::exponential(rate))
            }
            When::Poisson { rate, profile } => {
                let clock = &self.scenario.time;
                let (from, until) = (clock.start.0, clock.measured_until());
                let pieces = profile.pieces(&clock.zone, from, until + self.scenario.drain());
                let mean = profile.mean(&clock.zone, from, until);
                Source::Varying(VaryingRate::new(rate, pieces, mean))
            }
            When::Closed(think) => Source::Loop(Gap::new(think)?),
        })
    }

    fn stream(
        &mut self,
        place: &Place<'_>,
        occurrence: usize,
        devices: Option<Arc<DeviceGroup>>,
        entry: &Entry<'_>,
        source: &Source,
    ) -> Result<(), WorldError> {
        let (method, retry, entry) = (entry.method, entry.retry, &entry.traffic);
        let what = &entry.what;
        let reach = match (what.per, what.by_home()) {
            (Per::Home, _) => Reach::Home,
            (Per::Device, true) => Reach::HomeForDevices,
            (Per::Device, false) => Reach::Device,
        };
        let homes = &self.population.cohorts[place.cohort];
        let senders = match (&devices, reach) {
            (Some(group), Reach::Device) => group.devices,
            _ => homes.homes,
        };
        let service = self.scenario.server.backend.service_of(what.method);
        let kind = devices.as_ref().map(|group| group.kind.as_str());
        let occurrence = occurrence.to_string();
        let (list, called) = (entry.list.name(), entry.called());
        let client_key = place.key();
        let key = |kind: Option<&str>| {
            let entry = ["stream", &homes.name, list, called, &occurrence];
            let client = client_key.iter().map(String::as_str);
            Key::of(entry.into_iter().chain(kind).chain(client))
        };
        let source_key = match reach {
            Reach::Home | Reach::Device => key(kind),
            Reach::HomeForDevices => key(None),
        };
        let replicas = self.scenario.server.replicas.map_or(1, Replicas::count);
        let mut routes = (0..replicas)
            .map(|replica| Route::new(self.route(place.sender(), kind, method, replica)));
        let route = routes.next().unwrap_or_default();
        let other_routes = routes.collect();
        let budget = (self.budgets).of(
            retry,
            place.sender(),
            kind.is_some(),
            method,
            &mut self.tables,
        );
        let guards = self.guards.of(
            (place.number, what.guards),
            place.sender(),
            kind.is_some(),
            (method, what.method),
            &mut self.tables,
        );
        self.streams.push(Stream {
            cohort: place.cohort,
            method,
            deadline: what.deadline,
            first_sender: self.next_sender,
            senders,
            key: key(kind),
            source_key,
            source: source.clone(),
            reach,
            first_home: homes.first_home,
            devices,
            calls: what.calls,
            overlap: what.overlap,
            wakes: what.wakes(),
            timeout: what.timeout,
            retry: Retry::new(retry, &self.answers)?,
            budget,
            guards,
            service: service.map(Sampler::new).transpose()?,
            level: what.criticality,
            route,
            other_routes,
        });
        self.next_sender = self
            .next_sender
            .checked_add(senders)
            .ok_or_else(|| WorldError::TooLarge("there are too many senders".to_owned()))?;
        Ok(())
    }

    fn route(
        &mut self,
        sender: Sender,
        kind: Option<&str>,
        method: usize,
        replica: u8,
    ) -> Vec<RouteStage> {
        let mut route = Vec::new();
        let (mut gates, mut limits, mut admissions) = (0, 0, 0);
        for (stage, number) in self.scenario.server.stages.iter().zip(0_u8..) {
            let outages = outages_before(&self.scenario.server, Some(number));
            let mut key = || match &self.key_spaces[usize::from(number)] {
                None => Some(KeyOf::Constant(0)),
                Some(keys) => keys.key_of(sender, kind.is_some(), method, &mut self.tables),
            };
            match stage {
                Stage::Gate { .. } => {
                    let (gate, stage) = (next(&mut gates), number);
                    if let Some(key) = key() {
                        route.extend(outages);
                        route.push(RouteStage::Gate { gate, stage, key });
                    }
                }
                Stage::Admission { .. } => {
                    let (admission, stage) = (next(&mut admissions), number);
                    route.extend(outages);
                    route.push(RouteStage::Admission { admission, stage });
                }
                Stage::Limit {
                    methods,
                    kinds,
                    costs,
                    ..
                } => {
                    let name = &self.methods[method];
                    let covered = methods
                        .as_ref()
                        .is_none_or(|methods| methods.contains(name))
                        && kinds.as_ref().is_none_or(|kinds| {
                            kind.is_some_and(|kind| kinds.iter().any(|name| name == kind))
                        });
                    let limit = next(&mut limits);
                    let counter = match self.scenario.server.counters(stage) {
                        1 => 0,
                        _ => u32::from(replica),
                    };
                    if covered && let Some(key) = key() {
                        route.extend(outages);
                        route.push(RouteStage::Limit {
                            limit,
                            stage: number,
                            key: key.after(counter),
                            cost: costs.get(name).copied().unwrap_or(1),
                        });
                    }
                }
            }
        }
        route.extend(outages_before(&self.scenario.server, None));
        route
    }
}

/// The number of one more; there are at most 32 stages.
fn next(count: &mut u8) -> u8 {
    let number = *count;
    *count += 1;
    number
}
