//! A server as the rows of a log meet it.

use super::callers::{Callers, LogSizes};
use super::methods::{MethodRules, fits};
use super::scope::{KeyedBy, LogScope};
use super::trace::{LogField, Row};
use crate::limiter::KeySize;
use crate::rng::Sampler;
use crate::scenario::{
    Backend, LimiterRule, LimiterText, NamedList, RefusedByLater, Scenario, Scope, Server, Stage,
};
use crate::server::{KeyOf, Response, RetryAfter, Route, RouteStage, ServerPlan};
use crate::units::Span;
use crate::world::{WorldError, plan_server};

/// A server that a log can be sent through: that of a scenario, or one that
/// has a single stage.
#[derive(Debug)]
pub struct ReplayServer {
    pub(super) plan: ServerPlan,
    pub(super) stages: Vec<LogStage>,
    /// What rows must tell, by place.
    scopes: Vec<LogScope>,
    /// Whether the method has the place behind these.
    by_method: bool,
    /// Whether the only stage is all that is looked at, so that its answers
    /// come with its state.
    pub(super) is_alone: bool,
    /// How long the backend takes where the log tells no duration.
    service: Option<Sampler>,
    service_by_method: Vec<(String, Sampler)>,
    /// The methods that the scenario knows by name.
    methods: Vec<String>,
}

/// A stage, and to whom it applies.
#[derive(Debug)]
pub(super) struct LogStage {
    pub(super) kind: StageKind,
    pub(super) keyed_by: KeyedBy,
    pub(super) methods: Option<MethodRules>,
    kinds: Option<Vec<String>>,
    /// Whether it counts per device, so that others pass it.
    per_device: bool,
    /// Of what its quotas depend on the number behind a key.
    pub(super) counts: Vec<LogScope>,
    /// Why it needs which field, in words.
    needs: Vec<(LogScope, String)>,
    /// The window that the quota in header fields is for, if it has one.
    window: Option<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StageKind {
    Limit,
    Gate,
    Admission,
}

impl LogStage {
    fn new(stage: &Stage) -> LogStage {
        let (per, kinds, rule): (&[Scope], _, Option<&LimiterRule>) = match stage {
            Stage::Limit { per, kinds, by, .. } => (per, kinds.clone(), Some(by)),
            Stage::Gate { per, .. } => (per, None, None),
            Stage::Admission { .. } => (&[], None, None),
        };
        let name = stage.name();
        let mut needs = Vec::new();
        for scope in per.iter().filter_map(|scope| LogScope::of(*scope)) {
            needs.push((
                scope,
                format!("the stage {name:?} counts per {}", scope.name()),
            ));
        }
        let mut counts = Vec::new();
        for (scope, depends, what) in [
            (
                LogScope::User,
                LimiterRule::depends_on_users as fn(&_) -> _,
                "users",
            ),
            (LogScope::Device, LimiterRule::depends_on_devices, "devices"),
        ] {
            if rule.is_some_and(depends) {
                let why =
                    format!("the quota of the stage {name:?} depends on the number of {what}");
                needs.push((scope, why));
                counts.push(scope);
            }
        }
        if kinds.is_some() {
            let why = format!("the stage {name:?} applies to some kinds of devices");
            needs.push((LogScope::Kind, why));
        }
        LogStage {
            kind: match stage {
                Stage::Limit { .. } => StageKind::Limit,
                Stage::Gate { .. } => StageKind::Gate,
                Stage::Admission { .. } => StageKind::Admission,
            },
            keyed_by: KeyedBy::Nothing,
            methods: MethodRules::of(stage),
            kinds,
            per_device: per.contains(&Scope::Device),
            counts,
            needs,
            window: rule.and_then(|rule| rule.profile(KeySize::ONE).quota_window),
        }
    }
}

impl ReplayServer {
    /// A server that is one limiter, which judges each key by itself if it has
    /// any, and of which the exact wait is told.
    ///
    /// # Errors
    /// If it cannot be computed.
    pub fn of_limiter(limiter: &LimiterText) -> Result<ReplayServer, WorldError> {
        let stage = match limiter {
            LimiterText::Stage(stage) => (**stage).clone(),
            LimiterText::Rule(by) => Stage::Limit {
                name: "limit".to_owned(),
                per: vec![Scope::User],
                by: by.clone(),
                methods: None,
                kinds: None,
                costs: Default::default(),
                shared: false,
                refuse: Default::default(),
            },
        };
        let keyed_by = match &stage {
            Stage::Limit { per, .. } | Stage::Gate { per, .. } if !per.is_empty() => KeyedBy::Key,
            _ => KeyedBy::Nothing,
        };
        let server = Server {
            stages: vec![stage],
            backend: Backend::default(),
            refused_by_later: RefusedByLater::Spent,
            replicas: None,
            outages: NamedList::new(),
        };
        let mut plan = plan_server(&server, |_| (1, &[]))?;
        for stage in &mut plan.stages {
            stage.response.retry_after = RetryAfter::Precise;
            stage.response.rate_limit = None;
        }
        let stage = LogStage {
            keyed_by,
            per_device: false,
            kinds: None,
            counts: Vec::new(),
            ..LogStage::new(&server.stages[0])
        };
        Ok(ReplayServer {
            plan,
            stages: vec![stage],
            scopes: Vec::new(),
            by_method: false,
            is_alone: true,
            service: None,
            service_by_method: Vec::new(),
            methods: Vec::new(),
        })
    }

    /// The server of a scenario, where keys count for as many as a log has behind
    /// them, if a [quota depends on that](ReplayServer::needs_sizes).
    ///
    /// # Errors
    /// If a limit cannot be computed, or would take too much memory, or if the
    /// server has replicas, of which a log does not tell which one judged, or
    /// outages.
    pub fn of_scenario(scenario: &Scenario, sizes: &LogSizes) -> Result<ReplayServer, WorldError> {
        let server = &scenario.server;
        if server.replicas.is_some() {
            return Err(WorldError::Replicas);
        }
        if !server.outages.is_empty() {
            return Err(WorldError::Outages);
        }
        let mut stages: Vec<LogStage> = server.stages.iter().map(LogStage::new).collect();
        let is_needed = |scope: &LogScope| {
            let mut needs = stages.iter().flat_map(|stage| &stage.needs);
            needs.any(|(needed, _)| needed == scope)
        };
        let scopes: Vec<LogScope> = LogScope::ALL.into_iter().filter(is_needed).collect();
        let mut plan = plan_server(server, |stage| match sizes.of_stages.get(stage) {
            Some(sizes) if !sizes.is_empty() => (sizes.len() as u32, sizes),
            _ => (1, &[]),
        })?;
        let mut by_method = false;
        for (stage, log) in server.stages.iter().zip(&mut stages) {
            let per: &[Scope] = match stage {
                Stage::Limit { per, .. } | Stage::Gate { per, .. } => per,
                Stage::Admission { .. } => &[],
            };
            by_method |= per.contains(&Scope::Method);
            let place = |scope: &Scope| match LogScope::of(*scope) {
                Some(scope) => scopes.iter().position(|other| *other == scope),
                None => Some(scopes.len()),
            };
            if !per.is_empty() {
                log.keyed_by = KeyedBy::Places(per.iter().filter_map(place).collect());
                plan.tables.push(Vec::new());
            }
        }
        let sampler = |of| Sampler::new(of).map_err(WorldError::Distribution);
        let by_names = server.backend.service_by_method.iter();
        Ok(ReplayServer {
            plan,
            stages,
            scopes,
            by_method,
            is_alone: false,
            service: server.backend.service.as_ref().map(sampler).transpose()?,
            service_by_method: by_names
                .map(|(name, of)| Ok((name.to_owned(), sampler(of)?)))
                .collect::<Result<_, WorldError>>()?,
            methods: scenario.methods().into_iter().map(str::to_owned).collect(),
        })
    }

    /// The fields that a log must have for it; `chosen` are names for some.
    pub fn fields(&self, chosen: &[(LogScope, String)]) -> Vec<LogField> {
        let field = |scope: &LogScope| {
            let mut needs = self.stages.iter().flat_map(|stage| &stage.needs);
            let why = needs.find(|(needed, _)| needed == scope);
            let name = chosen.iter().find(|(of, _)| of == scope);
            let why = why.map_or(String::new(), |(_, why)| why.clone());
            scope.field(name.map(|(_, name)| name.as_str()), why)
        };
        self.scopes.iter().map(field).collect()
    }

    /// The scopes that it needs fields for.
    pub fn scopes(&self) -> &[LogScope] {
        &self.scopes
    }

    /// The place of a scope among [those](ReplayServer::scopes).
    pub(super) fn place_of(&self, scope: LogScope) -> Option<usize> {
        self.scopes.iter().position(|other| *other == scope)
    }

    /// Its stages: the name of each, and the answer to what it refuses.
    pub fn stages(&self) -> impl Iterator<Item = (&str, &Response)> {
        let stages = self.plan.stages.iter().take(self.stages.len());
        stages.map(|stage| (stage.name.as_str(), &stage.response))
    }

    /// Whether some quota depends on for how many a key counts, which is to be
    /// found out before.
    pub fn needs_sizes(&self) -> bool {
        self.stages.iter().any(|stage| !stage.counts.is_empty())
    }

    /// Numbers for its callers, of whom none is known yet.
    pub(super) fn callers(&self) -> Callers {
        let places = self.scopes.len() + usize::from(self.by_method);
        Callers::new(places, self.stages.iter().map(|stage| &stage.keyed_by))
    }

    /// What a row tells at each place.
    pub(super) fn told<'r>(&'r self, row: &Row<'r>) -> impl Iterator<Item = &'r str> {
        let method = self.by_method.then(|| self.named(row.method));
        row.fields.iter().map(String::as_str).chain(method)
    }

    /// The window that the quota in the header fields of its only stage is
    /// for, if it has one.
    pub fn quota_window(&self) -> Option<Span> {
        self.stages.first().and_then(|stage| stage.window)
    }

    /// Whether it takes service times where the log tells no duration.
    pub(super) fn has_service(&self) -> bool {
        self.service.is_some() || !self.service_by_method.is_empty()
    }

    /// The time that a request of a method takes, if the server says so.
    pub(super) fn service_of(&self, method: Option<&str>) -> Option<&Sampler> {
        let is = |(name, _): &&(String, Sampler)| method.is_some_and(|method| fits(name, method));
        let own = self.service_by_method.iter().find(is);
        own.map(|(_, own)| own).or(self.service.as_ref())
    }

    /// What a method is counted as: what the scenario calls it, or else as the
    /// log writes it.
    pub(super) fn named<'n>(&'n self, method: Option<&'n str>) -> &'n str {
        let method = method.unwrap_or_default();
        let known = self.methods.iter().find(|name| fits(name, method));
        known.map_or(method, String::as_str)
    }

    /// Whether it looks at methods.
    pub(super) fn asks_methods(&self) -> bool {
        self.by_method || self.stages.iter().any(|stage| stage.methods.is_some())
    }

    /// Whether all rows pass the same stages at the same cost.
    pub(super) fn is_plain(&self) -> bool {
        let choosy =
            |stage: &LogStage| stage.methods.is_some() || stage.kinds.is_some() || stage.per_device;
        !self.stages.iter().any(choosy)
    }

    /// What each stage counts a row as; `None` where it does not apply.
    pub(super) fn costs(&self, row: &Row<'_>, costs: &mut Vec<Option<u32>>) {
        let told = |scope: LogScope| {
            self.place_of(scope)
                .and_then(|place| row.fields.get(place))
                .map_or("", String::as_str)
        };
        costs.clear();
        costs.extend(self.stages.iter().map(|stage| {
            let kind = || told(LogScope::Kind);
            let of_kind =
                (stage.kinds.as_ref()).is_none_or(|kinds| kinds.iter().any(|it| it == kind()));
            if !of_kind || stage.per_device && told(LogScope::Device).is_empty() {
                return None;
            }
            match &stage.methods {
                Some(methods) => methods.cost(row.method),
                None => Some(1),
            }
        }));
    }

    /// The way of rows that the stages count so.
    pub(super) fn route(&self, costs: &[Option<u32>]) -> Route {
        let mut route = Vec::new();
        let (mut gates, mut limits, mut admissions, mut tables) = (0, 0, 0, 0);
        for ((log, cost), stage) in self.stages.iter().zip(costs).zip(0_u8..) {
            let key = match &log.keyed_by {
                KeyedBy::Nothing => KeyOf::Constant(0),
                KeyedBy::Key => KeyOf::Home {
                    scale: 1,
                    offset: 0,
                },
                KeyedBy::Places(_) => {
                    tables += 1;
                    KeyOf::Table {
                        table: tables - 1,
                        scale: 1,
                        offset: 0,
                    }
                }
            };
            let next = |index: &mut u8| std::mem::replace(index, *index + 1);
            let found = match log.kind {
                StageKind::Gate => RouteStage::Gate {
                    gate: next(&mut gates),
                    stage,
                    key,
                },
                StageKind::Admission => RouteStage::Admission {
                    admission: next(&mut admissions),
                    stage,
                },
                StageKind::Limit => RouteStage::Limit {
                    limit: next(&mut limits),
                    stage,
                    key,
                    cost: cost.unwrap_or(0),
                },
            };
            route.extend(cost.map(|_| found));
        }
        Route::new(route)
    }
}
