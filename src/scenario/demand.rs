//! What a run of a scenario will come to, by arithmetic: how many requests,
//! attempts and events, and how many of them are under way at once.
//!
//! Clients and stages are taken for fluids: a stage lets through what it has
//! capacity for, the rest is refused, waits, comes back after its retry policy's
//! wait or, in a closed loop, after its think time. Rates are those at which all
//! of this is in balance. Chance is left out: a run at 90 % of its capacity has
//! some refusals more than this says. It is for telling seconds from days before
//! a run, and for nothing else.

use super::check::load::{Traffic, devices_of, traffic};
use super::{
    AppOf, Attempts, Cohort, Jitter, LimiterRule, Per, RetryPolicy, Scenario, Scope, Stage, Trigger,
};
use crate::limiter::Pacing;
use crate::server::{Permits, Response, RetryAfter};
use crate::units::{Period, Span};

/// What one run of a scenario comes to.
#[derive(Debug, Clone)]
pub struct Demand {
    /// The simulated time, in seconds.
    pub seconds: f64,
    /// What each cohort sends, by entry of its client's traffic.
    pub flows: Vec<Flow>,
    /// The most attempts that wait at once, by stage.
    pub waiting: Vec<f64>,
    /// Requests and attempts that pass all stages, per second.
    pub served_per_second: f64,
    /// The mean service time, in seconds.
    pub service_seconds: f64,
}

/// The requests of one cohort from one entry of its client's traffic.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The path of what says how often.
    pub path: String,
    /// Its client's name.
    pub client: String,
    /// Homes or devices that send.
    pub senders: f64,
    /// Requests of a run.
    pub requests: f64,
    /// Attempts of a run.
    pub attempts: f64,
    /// Events of a run.
    pub events: f64,
    /// Requests under way at once, without those that wait at a stage.
    pub in_flight: f64,
    /// What makes most of its attempts.
    pub cause: Cause,
}

/// What makes most attempts of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// They are sent.
    Sent,
    /// They are refused, and a closed loop sends again after its think time.
    Refused,
    /// They are refused, and a policy of that name tries again.
    Retried(String),
}

impl Demand {
    /// Events of a run.
    pub fn events(&self) -> f64 {
        self.flows.iter().map(|flow| flow.events).sum()
    }

    /// Attempts of a run.
    pub fn attempts(&self) -> f64 {
        self.flows.iter().map(|flow| flow.attempts).sum()
    }

    /// The flow with most events.
    pub fn heaviest(&self) -> Option<&Flow> {
        (self.flows.iter()).max_by(|one, other| one.events.total_cmp(&other.events))
    }

    /// The stage at which most wait, and how many.
    pub fn longest_queue(&self) -> Option<(usize, f64)> {
        let queues = self.waiting.iter().copied().enumerate();
        queues
            .filter(|(_, waiting)| *waiting >= 1.0)
            .max_by(|one, other| one.1.total_cmp(&other.1))
    }
}

impl Flow {
    /// What makes its attempts, for a sentence.
    pub fn why(&self) -> String {
        let client = &self.client;
        match &self.cause {
            Cause::Sent => format!("most are of the client \"{client}\""),
            Cause::Refused => format!(
                "most are of the client \"{client}\", whose requests are refused at once and come \
                 back after the think time"
            ),
            Cause::Retried(policy) => format!(
                "most are of the client \"{client}\", whose requests are refused and tried again \
                 by the retry policy \"{policy}\""
            ),
        }
    }

    /// What would make them fewer.
    pub fn cure(&self) -> &'static str {
        match self.cause {
            Cause::Sent => "fewer homes, a lower rate or a shorter `time.length`",
            Cause::Refused => "a longer think time, or a retry policy that waits",
            Cause::Retried(_) => "longer waits between retries, or fewer `attempts`",
        }
    }
}

/// A flow while its rates are sought.
struct Stream<'a> {
    entry: Traffic<'a>,
    client: &'a str,
    /// Timers, and requests of each.
    senders: f64,
    fan_out: f64,
    /// What it passes, in order.
    passes: Vec<Pass>,
    policy: &'a str,
    backoff: Backoff,
    /// Requests and attempts per second.
    rate: f64,
    attempts: f64,
    /// The share of attempts that is refused and may be tried again, and the
    /// share that is refused.
    retried: f64,
    refused: f64,
    /// Of a closed loop, the requests that wait, and the stage.
    waiting: f64,
    waits_at: Option<usize>,
}

#[derive(Clone, Copy)]
struct Pass {
    pool: usize,
    /// The share of the requests that the stage is for, and what each costs.
    share: f64,
    cost: f64,
    /// Whether what is refused is tried again.
    retried: bool,
}

/// Permits or tokens that a part of the load has for itself.
struct Pool<'a> {
    stage: usize,
    whose: Whose<'a>,
    /// Per second, and at once.
    rate: f64,
    burst: f64,
    /// Who may wait, and how many seconds.
    queue: f64,
    max_wait: f64,
    load: f64,
    /// The part of the load that does not wait for its answers.
    open_load: f64,
}

/// Whose a pool is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Whose<'a> {
    cohort: Option<usize>,
    app: Option<&'a str>,
    method: Option<&'a str>,
}

impl Pool<'_> {
    /// The share of its load that it lets through.
    fn passes(&self) -> f64 {
        match self.load > self.rate {
            true => self.rate / self.load,
            false => 1.0,
        }
    }

    /// Those that wait at once after so many seconds.
    fn waiting(&self, seconds: f64) -> f64 {
        let surplus = (self.load - self.rate).max(0.0) * self.open_load / self.load.max(1e-9);
        (surplus * seconds.min(self.max_wait)).min(self.queue)
    }
}

/// Rates are in balance when none changes by more than this part.
const BALANCE: f64 = 1e-4;
/// A refused loop's rate may double so often, and does not more often.
const MOST_ROUNDS: usize = 200;

impl Demand {
    /// The demand of a sound scenario.
    pub fn of(scenario: &Scenario) -> Demand {
        let time = &scenario.time;
        let measured = (time.warm_up + time.length).secs_f64();
        let longest = measured + scenario.drain().secs_f64();
        let service = scenario.server.backend.service.as_ref();
        let service = service.map_or(0.0, |service| service.mean_secs());
        let mut pools = Vec::new();
        let mut streams = streams(scenario, longest, service, &mut pools);
        balance(&mut streams, &mut pools, service);

        let bursts: Vec<Burst> = streams
            .iter()
            .map(|stream| Burst::of(stream, scenario, &pools))
            .collect();
        let mut tail: f64 = 4.0 * service;
        for (stream, burst) in streams.iter().zip(&bursts) {
            let overloaded = stream.retried > 1e-6 || burst.over > 0.0;
            if overloaded && stream.backoff.most > 1.0 {
                tail = tail.max(stream.backoff.total);
            }
        }
        for pool in &pools {
            let waiting = pool.waiting(longest);
            if waiting > 0.0 {
                tail = tail.max(pool.max_wait.min(waiting / pool.rate));
            }
        }
        let seconds = measured + tail.min(scenario.drain().secs_f64());
        let loaded = if time.load_after_end {
            seconds
        } else {
            measured
        };

        let mut waiting = vec![0.0; scenario.server.stages.len()];
        for pool in &pools {
            waiting[pool.stage] += pool.waiting(seconds);
        }
        for (stream, burst) in streams.iter().zip(&bursts) {
            for (stage, number) in [
                (burst.waits_at, burst.waiting),
                (stream.waits_at, stream.waiting),
            ] {
                if let Some(stage) = stage {
                    waiting[stage] += number;
                }
            }
        }
        let served = streams
            .iter()
            .map(|stream| stream.attempts * (1.0 - stream.refused));
        Demand {
            seconds,
            served_per_second: served.sum(),
            service_seconds: service,
            waiting,
            flows: streams
                .iter()
                .zip(&bursts)
                .map(|(stream, burst)| stream.flow(burst, loaded, service))
                .collect(),
        }
    }
}

impl Stream<'_> {
    fn flow(&self, burst: &Burst, seconds: f64, service: f64) -> Flow {
        let requests = self.rate * seconds + burst.requests;
        let attempts = self.attempts * seconds + burst.requests + burst.retries;
        let timers = requests / self.fan_out.max(1.0);
        let served = if service > 0.0 || !self.passes.is_empty() {
            attempts * (1.0 - self.refused)
        } else {
            0.0
        };
        let pending = self.backoff.pending(self.retried).min(seconds);
        let mut in_flight =
            self.rate * pending + self.attempts * (1.0 - self.refused) * service + burst.at_once;
        if self.entry.closed {
            in_flight = in_flight.min(self.senders);
        }
        let cause = if attempts > 2.0 * requests {
            Cause::Retried(self.policy.to_owned())
        } else if self.entry.closed && self.refused > 0.5 {
            Cause::Refused
        } else {
            Cause::Sent
        };
        Flow {
            path: format!(
                "clients.{}.{}.{}",
                super::check::segment(self.client),
                self.entry.path,
                self.entry.pace
            ),
            client: self.client.to_owned(),
            senders: self.senders,
            requests,
            attempts,
            events: timers + served + (attempts - requests).max(0.0),
            in_flight,
            cause,
        }
    }
}

/// All streams with what they pass, at the rates that they offer.
fn streams<'a>(
    scenario: &'a Scenario,
    seconds: f64,
    service: f64,
    pools: &mut Vec<Pool<'a>>,
) -> Vec<Stream<'a>> {
    let mut all = Vec::new();
    for (number, (_, cohort)) in scenario.cohorts.iter().enumerate() {
        let Some((client_name, client)) =
            (scenario.clients.iter()).find(|(name, _)| *name == cohort.client)
        else {
            continue;
        };
        let policy = scenario.retry(&client.retry);
        for entry in traffic(client) {
            let homes = f64::from(cohort.homes);
            let devices = devices_of(cohort, entry.kinds);
            // A home commands its devices all at once.
            let commands = entry.path.starts_with("commands");
            let (senders, fan_out) = match entry.per {
                Per::Home => (homes, 1.0),
                Per::Device if commands => (homes, devices),
                Per::Device => (homes * devices, 1.0),
            };
            let mut passes = Vec::new();
            let mut floor: f64 = 0.0;
            for (index, stage) in scenario.server.stages.iter().enumerate() {
                let Some((share, cost)) = covered(stage, cohort, &entry) else {
                    continue;
                };
                let whose = whose(stage, number, cohort, entry.method);
                let known = pools
                    .iter()
                    .position(|pool| pool.stage == index && pool.whose == whose);
                let pool = known.unwrap_or_else(|| {
                    pools.push(pool(scenario, index, whose, cohort, seconds, service));
                    pools.len() - 1
                });
                let answer = stage.refusal();
                let retried = policy.is_some_and(|policy| policy.retries(answer));
                if retried && policy.is_some_and(|policy| policy.hears(answer)) {
                    floor = floor.max(told_secs(stage, answer));
                }
                passes.push(Pass {
                    pool,
                    share,
                    cost,
                    retried,
                });
            }
            let rate = match entry.interval_secs {
                Some(interval) if entry.closed => senders / (interval + service),
                Some(interval) => senders * fan_out / interval,
                None => 0.0,
            };
            all.push(Stream {
                client: client_name,
                senders,
                fan_out,
                passes,
                policy: &client.retry,
                backoff: Backoff::of(policy, floor, seconds),
                rate,
                attempts: rate,
                retried: 0.0,
                refused: 0.0,
                waiting: 0.0,
                waits_at: None,
                entry,
            });
        }
    }
    all
}

/// Finds the rates at which what is refused is what comes back.
fn balance(streams: &mut [Stream<'_>], pools: &mut [Pool<'_>], service: f64) {
    let closed: f64 = (streams.iter())
        .filter(|stream| stream.entry.closed)
        .map(|stream| stream.senders)
        .sum();
    for _ in 0..MOST_ROUNDS {
        for pool in pools.iter_mut() {
            (pool.load, pool.open_load) = (0.0, 0.0);
        }
        // A stage's load is what those before it let through.
        for stage in 0..=pools.iter().map(|pool| pool.stage).max().unwrap_or(0) {
            for stream in streams.iter() {
                let mut through = stream.attempts;
                for pass in &stream.passes {
                    let pool = &mut pools[pass.pool];
                    if pool.stage == stage {
                        let load = through * pass.share * pass.cost;
                        pool.load += load;
                        if !stream.entry.closed {
                            pool.open_load += load;
                        }
                    }
                    if pool.stage < stage {
                        through *= 1.0 - pass.share * (1.0 - pool.passes());
                    }
                }
            }
        }
        let mut change: f64 = 0.0;
        for stream in streams.iter_mut() {
            let (mut through, mut retried, mut waited) = (1.0, 0.0, 0.0);
            let mut most = f64::INFINITY;
            stream.waits_at = None;
            for pass in &stream.passes {
                let pool = &pools[pass.pool];
                let mut refused = through * pass.share * (1.0 - pool.passes());
                // There is a place for every loop.
                if stream.entry.closed && pool.queue >= closed && pool.load > 0.0 {
                    stream.waits_at = Some(pool.stage);
                    if closed <= pool.rate * pool.max_wait {
                        // All are served in their turn.
                        most = most.min(pool.rate * stream.attempts / pool.load);
                        refused = 0.0;
                    }
                    waited += if refused > 0.0 {
                        refused * pool.max_wait
                    } else {
                        0.0
                    };
                }
                through -= refused;
                retried += refused * f64::from(u8::from(pass.retried));
            }
            (stream.refused, stream.retried) = ((1.0 - through).max(0.0), retried);
            let before = stream.attempts;
            let attempts = stream.backoff.attempts(retried);
            if let (true, Some(think)) = (stream.entry.closed, stream.entry.interval_secs) {
                let busy = think + stream.backoff.pending(retried) + through * service;
                stream.rate = (stream.senders / (busy + waited)).min(most);
                stream.waiting = (stream.senders - stream.rate * busy).max(0.0);
            }
            stream.attempts = stream.rate * attempts;
            change = change.max((stream.attempts / before - 1.0).abs());
        }
        // Also where nothing is sent all the time, which is no number.
        if change.is_nan() || change < BALANCE {
            return;
        }
    }
}

/// The share of a stream that a stage is for, and what each request costs; `None`
/// if it is for none of it.
pub(super) fn covered(stage: &Stage, cohort: &Cohort, entry: &Traffic<'_>) -> Option<(f64, f64)> {
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
            let method = |methods: &Vec<String>| methods.iter().any(|name| name == entry.method);
            if !methods.as_ref().is_none_or(method) {
                return None;
            }
            let by_device = kinds.is_some() || per.contains(&Scope::Device);
            if by_device && entry.per == Per::Home {
                return None;
            }
            let cost = f64::from(costs.get(entry.method).copied().unwrap_or(1));
            let of_kind = |kind: &String| entry.kinds.is_none_or(|kinds| kinds.contains(kind));
            let share = match kinds {
                None => 1.0,
                Some(kinds) => {
                    let both: Vec<String> =
                        kinds.iter().filter(|kind| of_kind(kind)).cloned().collect();
                    devices_of(cohort, Some(&both)) / devices_of(cohort, entry.kinds).max(1e-9)
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

/// Whose permits or tokens a cohort's requests use at a stage.
fn whose<'a>(stage: &Stage, number: usize, cohort: &'a Cohort, method: &'a str) -> Whose<'a> {
    let per = scopes(stage);
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
    match &cohort.app {
        AppOf::Shared(name) if others.all(|scope| *scope == Scope::App) => Whose {
            cohort: None,
            app: Some(name),
            method,
        },
        _ => Whose {
            cohort: Some(number),
            app: None,
            method,
        },
    }
}

/// The number of keys of a cohort's own at a stage.
fn keys_of(cohort: &Cohort, per: &[Scope]) -> f64 {
    let homes = f64::from(cohort.homes);
    if per.contains(&Scope::Device) {
        return homes * devices_of(cohort, None);
    }
    let runs = per.iter().filter_map(|scope| cohort.homes_per_key(*scope));
    runs.min()
        .map_or(1.0, |run| (homes / f64::from(run)).ceil())
}

impl Scenario {
    /// The number of keys of a stage, with the mean numbers of devices.
    pub fn keys_of_stage(&self, stage: &Stage) -> f64 {
        let mut seen: Vec<Whose<'_>> = Vec::new();
        let mut keys = 0.0;
        for (number, cohort) in self.cohorts.values().enumerate() {
            let whose = whose(stage, number, cohort, "");
            if !seen.contains(&whose) {
                seen.push(whose);
                keys += keys_of(cohort, scopes(stage));
            }
        }
        match scopes(stage).contains(&Scope::Method) {
            true => keys * self.methods().len() as f64,
            false => keys,
        }
    }
}

fn users_of(cohort: &Cohort) -> f64 {
    (f64::from(cohort.homes) / f64::from(cohort.homes_per_user.max(1))).ceil()
}

fn pool<'a>(
    scenario: &Scenario,
    index: usize,
    whose: Whose<'a>,
    cohort: &Cohort,
    seconds: f64,
    service: f64,
) -> Pool<'a> {
    let stage = &scenario.server.stages[index];
    let (keys, users) = match whose.cohort {
        Some(_) => {
            let keys = keys_of(cohort, scopes(stage)).max(1.0);
            (keys, (users_of(cohort) / keys).max(1.0))
        }
        None => {
            let shares = |cohort: &&Cohort| match (&cohort.app, whose.app) {
                (AppOf::Shared(name), Some(app)) => name == app,
                (_, app) => app.is_none(),
            };
            (
                1.0,
                scenario.cohorts.values().filter(shares).map(users_of).sum(),
            )
        }
    };
    let mut pool = Pool {
        stage: index,
        whose,
        rate: f64::INFINITY,
        burst: f64::INFINITY,
        queue: 0.0,
        max_wait: f64::INFINITY,
        load: 0.0,
        open_load: 0.0,
    };
    match stage {
        Stage::Gate { .. } => {
            if let Some(plan) = stage.gate_plan(1) {
                let permits = f64::from(match plan.permits {
                    Permits::Fixed(permits) => permits,
                    Permits::Adaptive(rule, _) => rule.most(),
                });
                pool.burst = permits * keys;
                // Those inside when the run begins are none.
                pool.rate = (permits * keys) * (1.0 / service).min(f64::MAX);
                pool.queue = match plan.queue {
                    u32::MAX => f64::INFINITY,
                    queue => f64::from(queue) * keys,
                };
                pool.max_wait = seconds_of(plan.max_wait);
            }
        }
        Stage::Limit { by, .. } => {
            let users = users.clamp(1.0, f64::from(u32::MAX)) as u64;
            let throughput = Throughput::of(by, users);
            pool.burst = throughput.burst * keys;
            pool.rate = keys * (throughput.rate + throughput.burst / seconds);
            pool.queue = throughput.queue * keys;
            pool.max_wait = throughput.max_wait;
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

/// What a rule lets through for one key: so many per second, so many at once,
/// and so many that wait for so many seconds.
struct Throughput {
    rate: f64,
    burst: f64,
    queue: f64,
    max_wait: f64,
}

impl Throughput {
    fn of(rule: &LimiterRule, users: u64) -> Throughput {
        let at_once = |rate: f64, burst: u64| Throughput {
            rate,
            burst: burst as f64,
            queue: 0.0,
            max_wait: f64::INFINITY,
        };
        let window = |quota: u64, window: Span| at_once(quota as f64 / window.secs_f64(), quota);
        match rule {
            LimiterRule::FixedWindow {
                quota, window: w, ..
            }
            | LimiterRule::SlidingLog {
                quota, window: w, ..
            }
            | LimiterRule::SlidingCounter {
                quota, window: w, ..
            } => window(quota.for_users(users), *w),
            LimiterRule::CalendarWindow { quota, period, .. } => {
                window(quota.for_users(users), period_length(*period))
            }
            LimiterRule::SegmentedWindow {
                quota,
                window: w,
                queue,
                ..
            } => Throughput {
                queue: *queue as f64,
                ..window(quota.for_users(users), *w)
            },
            LimiterRule::TokenBucket { rate, burst, .. }
            | LimiterRule::Gcra { rate, burst, .. }
            | LimiterRule::EnvoyBucket { rate, burst, .. } => at_once(rate.per_sec(), *burst),
            LimiterRule::TickedBucket {
                tokens,
                every,
                burst,
                queue,
                ..
            } => Throughput {
                queue: *queue as f64,
                ..at_once(*tokens as f64 / every.secs_f64(), *burst)
            },
            LimiterRule::LeakyBucket {
                rate,
                burst,
                queue,
                max_wait,
                ..
            } => Throughput {
                queue: queue.map_or(f64::INFINITY, |queue| queue as f64),
                max_wait: max_wait.map_or(f64::INFINITY, Span::secs_f64),
                ..at_once(rate.per_sec(), *burst)
            },
            LimiterRule::PacedWindow {
                quota,
                window: w,
                max_wait,
                ..
            } => Throughput {
                queue: f64::INFINITY,
                max_wait: max_wait.map_or(f64::INFINITY, Span::secs_f64),
                ..window(*quota, *w)
            },
            LimiterRule::LimitReq { rate, burst, delay } => Throughput {
                queue: match delay {
                    Pacing::NoDelay => 0.0,
                    Pacing::After(_) => *burst as f64,
                },
                ..at_once(rate.per_sec(), burst.saturating_add(1))
            },
            LimiterRule::RateRule {
                limit, look_back, ..
            } => window(*limit, *look_back),
            LimiterRule::Ramp {
                from,
                to,
                window: w,
                ..
            } => window(*from.max(to), *w),
            LimiterRule::Spacing { steps, .. } => {
                let last = steps.last().map_or(0.0, |step| step.secs_f64());
                at_once((1.0 / last).min(f64::MAX), 1)
            }
            LimiterRule::ConsecutiveErrors { .. } => at_once(f64::INFINITY, u64::MAX),
            LimiterRule::PenaltyBox { by, .. } => Throughput::of(by, users),
            LimiterRule::AllOf(rules) => rules
                .iter()
                .map(|rule| Throughput::of(rule, users))
                .reduce(|one, other| Throughput {
                    rate: one.rate.min(other.rate),
                    burst: one.burst.min(other.burst),
                    queue: one.queue.max(other.queue),
                    max_wait: one.max_wait.max(other.max_wait),
                })
                .unwrap_or_else(|| at_once(f64::INFINITY, u64::MAX)),
        }
    }
}

pub(super) fn period_length(period: Period) -> Span {
    const HOUR: u64 = 3600;
    Span::from_secs(match period {
        Period::Hour => HOUR,
        Period::Day => 24 * HOUR,
        Period::Week => 7 * 24 * HOUR,
        Period::Month => 30 * 24 * HOUR,
    })
}

/// The wait that a refusal tells, roughly.
fn told_secs(stage: &Stage, answer: &Response) -> f64 {
    if let RetryAfter::Fixed(span) = answer.retry_after {
        return span.secs_f64();
    }
    let Stage::Limit { by, .. } = stage else {
        return 0.0;
    };
    match by {
        LimiterRule::CalendarWindow { period, .. } => period_length(*period).secs_f64() / 2.0,
        by => match by.window() {
            Some(window) => window.secs_f64() / 2.0,
            None => (1.0 / Throughput::of(by, 1).rate).min(f64::MAX),
        },
    }
}

/// How a retry policy spreads attempts over time.
struct Backoff {
    /// The most attempts of a request that there is time for.
    most: f64,
    /// The seconds before each retry; the last holds for all later ones.
    waits: Vec<f64>,
    /// The seconds from the first attempt to the last.
    total: f64,
}

/// Waits that are kept one by one.
const MOST_WAITS: usize = 64;

impl Backoff {
    /// Of a request in a run of so many seconds, where the server tells a wait
    /// of at least `floor`.
    fn of(policy: Option<&RetryPolicy>, floor: f64, seconds: f64) -> Backoff {
        let none = Backoff {
            most: 1.0,
            waits: vec![0.0],
            total: 0.0,
        };
        let Some((attempts, waits)) = policy.and_then(waits) else {
            return none;
        };
        let waits: Vec<f64> = waits.into_iter().map(|wait: f64| wait.max(floor)).collect();
        let allowed = match attempts {
            Attempts::AtMost(count) => f64::from(count.get()),
            Attempts::Unlimited => f64::INFINITY,
        };
        let last = waits.last().copied().unwrap_or(0.0);
        // Requests begin all through the run: half of it is left to the mean one.
        let (mut most, mut total) = (1.0, 0.0);
        for wait in &waits {
            if most >= allowed || total + wait > seconds / 2.0 {
                break;
            }
            most += 1.0;
            total += wait;
        }
        if most > waits.len() as f64 && most < allowed && last > 0.0 {
            let more = ((seconds / 2.0 - total) / last).clamp(0.0, allowed - most);
            most += more;
            total += more * last;
        }
        let total = if allowed.is_infinite() {
            f64::INFINITY
        } else {
            total
        };
        Backoff { most, waits, total }
    }

    /// Attempts per request, if each is refused and may be tried again with that
    /// probability.
    fn attempts(&self, retried: f64) -> f64 {
        // The geometric series, which is its length as the ratio nears 1.
        if retried > 1.0 - 1e-9 {
            return self.most;
        }
        let rest = crate::math::pow(retried, self.most);
        (1.0 - rest) / (1.0 - retried)
    }

    /// The seconds per request that are spent between attempts.
    fn pending(&self, retried: f64) -> f64 {
        let (mut seconds, mut left, mut chance) = (0.0, self.most - 1.0, retried);
        for wait in &self.waits {
            if left <= 0.0 {
                return seconds;
            }
            seconds += chance * wait * left.min(1.0);
            left -= 1.0;
            chance *= retried;
        }
        let last = self.waits.last().copied().unwrap_or(0.0);
        let later = match retried > 1.0 - 1e-9 {
            true => left.max(0.0),
            false => (1.0 - crate::math::pow(retried, left.max(0.0))) / (1.0 - retried),
        };
        seconds + chance * later * last
    }
}

/// The attempts that a policy allows, and the mean seconds before each retry;
/// `None` if it never tries again.
fn waits(policy: &RetryPolicy) -> Option<(Attempts, Vec<f64>)> {
    match policy {
        RetryPolicy::None => None,
        RetryPolicy::Fixed { wait, attempts, .. } => Some((*attempts, vec![wait.secs_f64()])),
        RetryPolicy::Random { wait, attempts, .. } => Some((*attempts, vec![wait.mean_secs()])),
        RetryPolicy::Exponential {
            base,
            factor,
            cap,
            jitter,
            attempts,
            ..
        } => {
            let part = match jitter {
                Jitter::None => 1.0,
                Jitter::Full => 0.5,
                Jitter::Equal => 0.75,
                // It grows by half on average, and lingers below the cap.
                Jitter::Decorrelated => 0.5,
            };
            let cap = cap.map_or(f64::MAX, Span::secs_f64);
            let factor = if *jitter == Jitter::Decorrelated {
                1.5
            } else {
                *factor
            };
            let mut ceiling = base.secs_f64();
            let mut waits = Vec::new();
            while waits.len() < MOST_WAITS {
                waits.push((ceiling.min(cap) * part).max(1e-9));
                if ceiling >= cap || factor <= 1.0 {
                    break;
                }
                ceiling *= factor;
            }
            Some((*attempts, waits))
        }
    }
}

/// What a schedule sends at once.
#[derive(Default)]
struct Burst {
    /// In all of the run.
    requests: f64,
    retries: f64,
    /// On one occasion: requests, and those of them that find no capacity.
    at_once: f64,
    over: f64,
    /// The stage at which so many of them wait.
    waits_at: Option<usize>,
    waiting: f64,
}

impl Burst {
    fn of(stream: &Stream<'_>, scenario: &Scenario, pools: &[Pool<'_>]) -> Burst {
        let Some((at, spread, chance)) = stream.entry.daily else {
            return Burst::default();
        };
        let clock = &scenario.time;
        let times = clock.zone.daily(at, clock.start.0, clock.measured_until());
        let at_once = stream.senders * stream.fan_out * chance.value();
        let days = times.len() as f64;
        let mut burst = Burst {
            requests: at_once * days,
            at_once,
            ..Burst::default()
        };
        for pass in &stream.passes {
            let pool = &pools[pass.pool];
            let demand = at_once * pass.share * pass.cost;
            let over = (demand - pool.burst - pool.rate * spread.secs_f64()).max(0.0);
            if over > 0.0 && pool.queue > 0.0 && burst.waits_at.is_none() {
                burst.waits_at = Some(pool.stage);
                burst.waiting = over.min(pool.queue);
            }
            let refused = over - over.min(pool.queue);
            burst.over = burst.over.max(refused);
            if pass.retried && refused > 0.0 {
                // Until all have passed, half of them are there on average, and
                // each comes back once per wait.
                let wait = stream
                    .backoff
                    .waits
                    .last()
                    .copied()
                    .unwrap_or(1.0)
                    .max(1e-9);
                let herd = refused * (refused / pool.rate) / (2.0 * wait);
                let most = refused * (stream.backoff.most - 1.0);
                burst.retries = burst.retries.max(days * herd.min(most));
            }
        }
        burst
    }
}

impl RetryPolicy {
    /// The failures that are retried; all, if absent.
    pub fn triggers(&self) -> Option<&[Trigger]> {
        match self {
            RetryPolicy::None => Some(&[]),
            RetryPolicy::Fixed { on, .. }
            | RetryPolicy::Random { on, .. }
            | RetryPolicy::Exponential { on, .. } => on.as_deref(),
        }
    }

    /// Whether an answer is followed by another attempt, as long as there is one.
    pub fn retries(&self, answer: &Response) -> bool {
        self.triggers()
            .is_none_or(|on| on.iter().any(|trigger| trigger.covers(answer)))
    }

    /// Whether it waits for what Retry-After tells, and for the reset that rate
    /// limit fields tell.
    pub fn honours(&self) -> (bool, bool) {
        match self {
            RetryPolicy::None => (false, false),
            RetryPolicy::Fixed {
                honour_retry_after,
                honour_rate_limit,
                ..
            }
            | RetryPolicy::Random {
                honour_retry_after,
                honour_rate_limit,
                ..
            }
            | RetryPolicy::Exponential {
                honour_retry_after,
                honour_rate_limit,
                ..
            } => (*honour_retry_after, *honour_rate_limit),
        }
    }

    /// Whether an answer tells a wait that this policy honours.
    pub fn hears(&self, answer: &Response) -> bool {
        let (retry_after, rate_limit) = self.honours();
        retry_after && answer.retry_after != RetryAfter::Absent
            || rate_limit && answer.rate_limit.is_some()
    }
}

#[cfg(test)]
mod tests;
