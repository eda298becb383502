use std::sync::Arc;

use super::keys::KeySpace;
use super::{DeviceGroup, Population, Reach, Stream, StreamKey, Timeline, World, WorldError};
use crate::client::{Gap, PollTimes, Retry, Schedule, Source};
use crate::limiter::{Bank, Rule};
use crate::rng::Sampler;
use crate::scenario::{
    Client, CommandTimes, LimiterRule, Per, Phase, RefusedByLater, RetryPolicy, Scenario, Stage,
    Wakes,
};
use crate::server::{GatePlan, RouteStage, ServerPlan, StagePlan};
use crate::units::{Rate, Span};

impl World {
    /// Compiles a sound scenario; `seed` draws random numbers of devices.
    ///
    /// # Errors
    /// If there are too many homes, devices or keys to number, or a limit
    /// cannot be computed exactly for the number of users of some key.
    pub fn compile(scenario: &Scenario, seed: u64) -> Result<World, WorldError> {
        let population = Population::new(scenario, seed)?;
        let methods: Vec<String> = scenario.methods().into_iter().map(str::to_owned).collect();
        let (mut server, key_spaces) = server_plan(scenario, &population, methods.len())?;
        let mut builder = Builder {
            scenario,
            population: &population,
            methods: &methods,
            key_spaces: &key_spaces,
            tables: Vec::new(),
            streams: Vec::new(),
            next_sender: 0,
        };
        for (number, (_, cohort)) in scenario.cohorts.iter().enumerate() {
            if let Some(client) = scenario.clients.get(&cohort.client) {
                builder.client(number, client)?;
            }
        }
        let streams = builder.streams;
        server.tables = builder.tables;
        Ok(World {
            clock: Timeline {
                start: scenario.time.start.0,
                measured_from: scenario.time.measured_from(),
                measured_until: scenario.time.measured_until(),
                drained_until: scenario.time.measured_until() + scenario.time.drain,
                load_after_end: scenario.time.load_after_end,
                bucket_width: scenario.time.bucket_width(),
                buckets: scenario.time.buckets(),
            },
            streams,
            population,
            server,
            start: start_in_words(scenario),
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
                Some(interval) if interval > 0.0 => f64::from(stream.senders) / interval,
                _ => 0.0,
            })
            .sum();
        // A request is a timer's event and the end of its service.
        let gap = Span::from_secs_f64(0.5 / timers_per_second.max(0.5));
        gap.max(Span::from_nanos(1))
    }
}

fn start_in_words(scenario: &Scenario) -> &'static str {
    let phases = || {
        scenario
            .clients
            .iter()
            .flat_map(|(_, client)| &client.polls)
            .map(|poll| poll.phase)
    };
    match (
        phases().count(),
        phases().all(|phase| phase == Phase::Steady),
    ) {
        (0, _) => "every sender starts with a full wait",
        (_, true) => "polls start in their steady state (residual life)",
        (_, false) => "polls start as the scenario says, not in their steady state",
    }
}

/// The limiter of a rule, for a key of that many users.
fn limiter_rule(name: &str, by: &LimiterRule, users: u64) -> Result<Rule, WorldError> {
    by.compile(users).map_err(|source| WorldError::Limit {
        limit: name.to_owned(),
        source,
    })
}

fn server_plan(
    scenario: &Scenario,
    population: &Population,
    methods: usize,
) -> Result<(ServerPlan, Vec<KeySpace>), WorldError> {
    let mut plan = ServerPlan {
        stages: Vec::new(),
        gates: Vec::new(),
        limits: Vec::new(),
        tables: Vec::new(),
        service: scenario
            .server
            .backend
            .service
            .as_ref()
            .map(Sampler::new)
            .transpose()
            .map_err(WorldError::Distribution)?,
        returned: scenario.server.refused_by_later == RefusedByLater::Returned,
    };
    let mut key_spaces = Vec::new();
    for stage in &scenario.server.stages {
        let refusal = stage.refusal();
        let gate = match stage {
            Stage::Gate {
                permits,
                max_wait,
                queue,
                ..
            } => {
                plan.gates.push(GatePlan {
                    permits: *permits,
                    max_wait: max_wait.unwrap_or(Span::MAX),
                    queue: match (queue, max_wait) {
                        (Some(queue), _) => *queue,
                        (None, Some(_)) => u32::MAX,
                        (None, None) => 0,
                    },
                });
                Some(plan.gates.len() as u8 - 1)
            }
            Stage::Limit { name, per, by, .. } => {
                let keys = KeySpace::new(scenario, population, per, methods)?;
                plan.limits.push(bank(name, by, &keys)?);
                key_spaces.push(keys);
                None
            }
        };
        plan.stages.push(StagePlan {
            name: stage.name().to_owned(),
            status: refusal.status,
            code: refusal.code,
            retry_after: refusal.retry_after,
            gate,
        });
    }
    Ok((plan, key_spaces))
}

/// The storage of a limit: one rule for all keys, or one per number of users.
fn bank(name: &str, by: &LimiterRule, keys: &KeySpace) -> Result<Bank, WorldError> {
    let mut sizes: Vec<u32> = keys.users.clone();
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.len() <= 1 || !by.depends_on_users() {
        let users = sizes.first().copied().unwrap_or(1);
        let rule = limiter_rule(name, by, u64::from(users))?;
        return Ok(Bank::uniform(rule, keys.keys as usize));
    }
    let rules = sizes
        .iter()
        .map(|users| limiter_rule(name, by, u64::from(*users)))
        .collect::<Result<Vec<Rule>, WorldError>>()?;
    let rule_of_key = keys
        .users
        .iter()
        .map(|users| sizes.partition_point(|size| size < users) as u16)
        .collect();
    if sizes.len() > usize::from(u16::MAX) {
        return Err(WorldError::TooLarge(format!(
            "the limit \"{name}\" has more than 65535 different quotas"
        )));
    }
    Bank::tiered(&rules, rule_of_key).map_err(|source| WorldError::Limit {
        limit: name.to_owned(),
        source,
    })
}

struct Builder<'a> {
    scenario: &'a Scenario,
    population: &'a Population,
    methods: &'a [String],
    key_spaces: &'a [KeySpace],
    tables: Vec<Vec<u32>>,
    streams: Vec<Stream>,
    next_sender: u32,
}

/// What the streams of one entry of a client have in common.
struct Traffic<'a> {
    method: &'a str,
    source: Source,
    reach: Reach,
    kinds: Option<&'a [String]>,
    deadline: Option<Span>,
    overlap: bool,
    wakes: Option<Wakes>,
}

impl Builder<'_> {
    fn client(&mut self, cohort: usize, client: &Client) -> Result<(), WorldError> {
        let mut entry = 0;
        let mut add = |builder: &mut Self, traffic: Traffic<'_>| {
            entry += 1;
            builder.traffic(cohort, client, entry - 1, traffic)
        };
        let sent_per = |per: Per| match per {
            Per::Home => Reach::Home,
            Per::Device => Reach::Device,
        };
        for poll in &client.polls {
            add(
                self,
                Traffic {
                    method: &poll.method,
                    source: Source::Poll(PollTimes::new(poll)),
                    reach: sent_per(poll.per),
                    kinds: None,
                    deadline: None,
                    overlap: poll.overlap,
                    wakes: poll.wakes,
                },
            )?;
        }
        for command in &client.commands {
            let source = match &command.at {
                CommandTimes::Daily { time, spread } => {
                    let clock = &self.scenario.time;
                    let until = clock.measured_until() + clock.drain;
                    let times = clock.zone.daily(*time, clock.start.0, until);
                    Source::Schedule(Schedule::new(times, *spread, command.chance))
                }
                CommandTimes::Poisson { rate } => Source::Renewal(exponential_gap(*rate)),
            };
            add(
                self,
                Traffic {
                    method: &command.method,
                    source,
                    reach: match command.per {
                        Per::Home => Reach::Home,
                        Per::Device => Reach::HomeForDevices,
                    },
                    kinds: command.kinds.as_deref(),
                    deadline: Some(command.deadline),
                    overlap: true,
                    wakes: command
                        .wakes
                        .or((command.per == Per::Device).then_some(Wakes::OnSuccess)),
                },
            )?;
        }
        for requests in &client.requests {
            add(
                self,
                Traffic {
                    method: &requests.method,
                    source: Source::Renewal(exponential_gap(requests.rate)),
                    reach: sent_per(requests.per),
                    kinds: None,
                    deadline: None,
                    overlap: true,
                    wakes: requests.wakes,
                },
            )?;
        }
        for closed in &client.loops {
            add(
                self,
                Traffic {
                    method: &closed.method,
                    source: Source::Loop(Gap {
                        sampler: Sampler::new(&closed.think).map_err(WorldError::Distribution)?,
                        mean_secs: closed.think.mean_secs(),
                    }),
                    reach: sent_per(closed.per),
                    kinds: None,
                    deadline: None,
                    overlap: true,
                    wakes: closed.wakes,
                },
            )?;
        }
        Ok(())
    }

    fn traffic(
        &mut self,
        cohort: usize,
        client: &Client,
        entry: u16,
        traffic: Traffic<'_>,
    ) -> Result<(), WorldError> {
        if traffic.reach == Reach::Home {
            return self.stream(cohort, client, entry, 0, None, &traffic);
        }
        let groups = self.population.cohorts[cohort].groups.clone();
        for (index, group) in groups.into_iter().enumerate() {
            if traffic
                .kinds
                .is_none_or(|kinds| kinds.contains(&group.kind))
            {
                self.stream(
                    cohort,
                    client,
                    entry,
                    index as u16 + 1,
                    Some(group),
                    &traffic,
                )?;
            }
        }
        Ok(())
    }

    fn stream(
        &mut self,
        cohort: usize,
        client: &Client,
        entry: u16,
        group: u16,
        devices: Option<Arc<DeviceGroup>>,
        traffic: &Traffic<'_>,
    ) -> Result<(), WorldError> {
        let homes = &self.population.cohorts[cohort];
        let key = |group: u16| -> StreamKey { (cohort as u16) << 10 | entry << 5 | group };
        let senders = match (&devices, traffic.reach) {
            (Some(group), Reach::Device) => group.devices,
            _ => homes.homes,
        };
        let method = self
            .methods
            .iter()
            .position(|name| name == traffic.method)
            .unwrap_or(0);
        let default_wakes = match traffic.reach {
            Reach::Device => Wakes::EachAttempt,
            Reach::Home | Reach::HomeForDevices => Wakes::Never,
        };
        let retry = self
            .scenario
            .retry(&client.retry)
            .unwrap_or(&RetryPolicy::None);
        let home_range = homes.first_home..homes.first_home + homes.homes;
        let kind = devices.as_ref().map(|group| group.kind.as_str());
        let route = self.route(home_range, kind, method);
        self.streams.push(Stream {
            cohort,
            method,
            deadline: traffic.deadline,
            first_sender: self.next_sender,
            senders,
            key: key(group),
            source_key: key(if traffic.reach == Reach::Device {
                group
            } else {
                0
            }),
            source: traffic.source.clone(),
            reach: traffic.reach,
            first_home: homes.first_home,
            devices,
            overlap: traffic.overlap,
            wakes: traffic.wakes.unwrap_or(default_wakes),
            timeout: client.timeout,
            retry: Retry::new(retry, &self.scenario.server.stages)
                .map_err(WorldError::Distribution)?,
            route,
        });
        self.next_sender = self
            .next_sender
            .checked_add(senders)
            .ok_or_else(|| WorldError::TooLarge("there are too many senders".to_owned()))?;
        Ok(())
    }

    fn route(
        &mut self,
        homes: std::ops::Range<u32>,
        kind: Option<&str>,
        method: usize,
    ) -> Vec<RouteStage> {
        let mut route = Vec::new();
        let (mut gates, mut limits) = (0_u8, 0_u8);
        for (number, stage) in self.scenario.server.stages.iter().enumerate() {
            let stage_number = number as u8;
            match stage {
                Stage::Gate { .. } => {
                    route.push(RouteStage::Gate {
                        gate: gates,
                        stage: stage_number,
                    });
                    gates += 1;
                }
                Stage::Limit { methods, kinds, .. } => {
                    let limit = limits;
                    limits += 1;
                    let covered = methods
                        .as_ref()
                        .is_none_or(|methods| methods.contains(&self.methods[method]))
                        && kinds.as_ref().is_none_or(|kinds| {
                            kind.is_some_and(|kind| kinds.iter().any(|name| name == kind))
                        });
                    let keys = &self.key_spaces[usize::from(limit)];
                    if covered
                        && let Some(key) =
                            keys.key_of(homes.clone(), kind.is_some(), method, &mut self.tables)
                    {
                        route.push(RouteStage::Limit {
                            limit,
                            stage: stage_number,
                            key,
                        });
                    }
                }
            }
        }
        route
    }
}

fn exponential_gap(rate: Rate) -> Gap {
    let mean_secs = rate.mean_interval_secs();
    Gap {
        sampler: Sampler::exponential(mean_secs),
        mean_secs,
    }
}
