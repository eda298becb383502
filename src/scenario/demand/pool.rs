//! The capacity of stages: whose permits and tokens there are, how many, and which
//! requests take of them.

use crate::limiter::KeySize;
use crate::scenario::{AppOf, Cohort, Installed, Per, Placement, Scenario, Scope, Stage, Traffic};
use crate::server::Permits;
use crate::units::Span;

/// Permits or tokens that a part of the load has for itself.
pub(super) struct Pool<'a> {
    pub(super) stage: usize,
    pub(super) whose: Whose<'a>,
    /// Per second, and at once.
    pub(super) rate: f64,
    pub(super) burst: f64,
    /// Who may wait, and how many seconds.
    pub(super) queue: f64,
    pub(super) max_wait: f64,
    /// Of a gate, the permits, which bound the requests inside and not their
    /// rate.
    permits: Option<f64>,
    pub(super) load: f64,
    /// The seconds for which the load of a second holds permits.
    pub(super) work: f64,
    /// The part of the load that does not wait for its answers.
    pub(super) open_load: f64,
}

/// Whose a pool is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Whose<'a> {
    /// A cohort's own, and there of the clients with an application of that
    /// number.
    cohort: Option<(usize, usize)>,
    app: Option<&'a str>,
    method: Option<&'a str>,
}

impl Pool<'_> {
    /// The share of its load that it lets through.
    pub(super) fn passes(&self) -> f64 {
        match self.load > self.rate {
            true => self.rate / self.load,
            false => 1.0,
        }
    }

    /// Sets the rate of a gate by what each of its load holds a permit for.
    pub(super) fn set_rate(&mut self) {
        if let Some(permits) = self.permits
            && self.load > 0.0
        {
            self.rate = permits * (self.load / self.work).min(f64::MAX);
        }
    }

    /// Those that wait at once after so many seconds.
    pub(super) fn waiting(&self, seconds: f64) -> f64 {
        let surplus = (self.load - self.rate).max(0.0) * self.open_load / self.load.max(1e-9);
        (surplus * seconds.min(self.max_wait)).min(self.queue)
    }
}

/// The share of a stream that a stage is for, and what each request costs; `None`
/// if it is for none of it.
pub(in crate::scenario) fn covered(
    stage: &Stage,
    cohort: &Cohort,
    entry: &Traffic<'_>,
) -> Option<(f64, f64)> {
    let what = &entry.what;
    match stage {
        Stage::Gate { .. } => Some((1.0, 1.0)),
        Stage::Admission { .. } => None,
        Stage::Limit {
            per,
            methods,
            kinds,
            costs,
            ..
        } => {
            let method = |methods: &Vec<String>| methods.iter().any(|name| name == what.method);
            if !methods.as_ref().is_none_or(method) {
                return None;
            }
            let by_device = kinds.is_some() || per.contains(&Scope::Device);
            if by_device && what.per == Per::Home {
                return None;
            }
            let cost = f64::from(costs.get(what.method).copied().unwrap_or(1));
            let of_kind = |kind: &String| what.kinds.is_none_or(|kinds| kinds.contains(kind));
            let share = match kinds {
                None => 1.0,
                Some(kinds) => {
                    let both: Vec<String> =
                        kinds.iter().filter(|kind| of_kind(kind)).cloned().collect();
                    cohort.mean_devices(Some(&both)) / cohort.mean_devices(what.kinds).max(1e-9)
                }
            };
            (share > 0.0).then_some((share, cost))
        }
    }
}

fn scopes(stage: &Stage) -> &[Scope] {
    match stage {
        Stage::Gate { per, .. } | Stage::Limit { per, .. } => per,
        Stage::Admission { .. } => &[],
    }
}

/// Whose permits or tokens the requests of a client in a numbered cohort use at
/// a stage.
pub(super) fn whose<'a>(
    stage: &Stage,
    number: usize,
    installed: &Installed<'a>,
    method: &'a str,
) -> Whose<'a> {
    whose_per(scopes(stage), number, installed, method)
}

/// The same of what there is one per `per`.
fn whose_per<'a>(
    per: &[Scope],
    number: usize,
    installed: &Installed<'a>,
    method: &'a str,
) -> Whose<'a> {
    let mut others = per
        .iter()
        .filter(|scope| **scope != Scope::Method)
        .peekable();
    let method = per.contains(&Scope::Method).then_some(method);
    if others.peek().is_none() {
        return Whose {
            cohort: None,
            app: None,
            method,
        };
    }
    let by_app = per.iter().any(|scope| scope.is_by_app());
    match installed.app {
        AppOf::Shared(name) if others.all(|scope| *scope == Scope::App) => Whose {
            cohort: None,
            app: Some(name),
            method,
        },
        _ => Whose {
            cohort: Some((number, if by_app { installed.app_number } else { 0 })),
            app: None,
            method,
        },
    }
}

/// The number of keys of a cohort's own at a stage, for those with one application.
fn keys_of(cohort: &Cohort, app: &AppOf, per: &[Scope]) -> f64 {
    let homes = f64::from(cohort.homes);
    if per.contains(&Scope::Device) {
        return homes * cohort.mean_devices(None);
    }
    let runs = (per.iter()).filter_map(|scope| cohort.homes_per_key(app, *scope));
    runs.min()
        .map_or(1.0, |run| (homes / f64::from(run)).ceil())
}

impl Scenario {
    /// The number of keys of a stage, with the mean numbers of devices.
    pub fn keys_of_stage(&self, stage: &Stage) -> f64 {
        self.keys_per(scopes(stage), |_| true) * f64::from(self.server.counters(stage))
    }

    /// The number of keys of what there is one per `per`, for some of the clients in
    /// homes.
    pub fn keys_per(&self, per: &[Scope], is_for: impl Fn(&Placement<'_>) -> bool) -> f64 {
        let mut seen: Vec<Whose<'_>> = Vec::new();
        let mut keys = 0.0;
        for placement in self.placements().filter(is_for) {
            let Placement {
                cohort_number,
                cohort,
                installed,
                ..
            } = placement;
            let whose = whose_per(per, cohort_number, &installed, "");
            if !seen.contains(&whose) {
                seen.push(whose);
                keys += keys_of(cohort, installed.app, per);
            }
        }
        match per.contains(&Scope::Method) {
            true => keys * self.methods().len() as f64,
            false => keys,
        }
    }
}

pub(super) fn pool<'a>(
    scenario: &Scenario,
    index: usize,
    whose: Whose<'a>,
    (cohort, app): (&Cohort, &AppOf),
    seconds: f64,
) -> Pool<'a> {
    let stage = &scenario.server.stages[index];
    let devices_of = |cohort: &Cohort| f64::from(cohort.homes) * cohort.mean_devices(None);
    let (keys, users, devices) = match whose.cohort {
        Some(_) => {
            let keys = keys_of(cohort, app, scopes(stage)).max(1.0);
            let users = (f64::from(cohort.users()) / keys).max(1.0);
            (keys, users, devices_of(cohort) / keys)
        }
        None => {
            let shares = |cohort: &&Cohort| match whose.app {
                Some(app) => cohort.calls_with(app),
                None => true,
            };
            let all = || scenario.cohorts.values().filter(shares);
            let users = all().map(Cohort::users).map(f64::from).sum();
            (1.0, users, all().map(devices_of).sum())
        }
    };
    let mut pool = Pool {
        stage: index,
        whose,
        rate: f64::INFINITY,
        burst: f64::INFINITY,
        queue: 0.0,
        max_wait: f64::INFINITY,
        permits: None,
        load: 0.0,
        work: 0.0,
        open_load: 0.0,
    };
    match stage {
        Stage::Gate { .. } => {
            if let Ok(Some(plan)) = stage.gate_plan(1) {
                let permits = f64::from(match &plan.permits {
                    Permits::Fixed(permits) => *permits,
                    Permits::Adaptive(state) => state.most(),
                });
                pool.burst = permits * keys;
                // Those inside when the run begins are none.
                pool.permits = Some(permits * keys);
                pool.queue = match plan.queue {
                    u32::MAX => f64::INFINITY,
                    queue => f64::from(queue) * keys,
                };
                pool.max_wait = seconds_of(plan.max_wait);
            }
        }
        Stage::Limit { by, .. } => {
            let limit = by.profile(KeySize {
                users: users.clamp(1.0, f64::from(u32::MAX)) as u32,
                devices: devices.clamp(1.0, f64::from(u32::MAX)) as u32,
            });
            let keys = keys * f64::from(scenario.server.counters(stage));
            pool.burst = limit.burst * keys;
            pool.rate = keys * (limit.rate + limit.burst / seconds);
            pool.queue = limit.queue * keys;
            pool.max_wait = limit.max_wait;
        }
        Stage::Admission { .. } => {}
    }
    pool
}

fn seconds_of(span: Span) -> f64 {
    match span {
        Span::MAX => f64::INFINITY,
        span => span.secs_f64(),
    }
}
