//! What sends, what each of it passes, and the rates at which what is refused is
//! what comes back.

use super::backoff::Backoff;
use super::pool::{Pool, covered, pool, whose};
use crate::limiter::KeySize;
use crate::scenario::{Entry, Placement, Scenario, Stage, Traffic};
use crate::server::{Response, RetryAfter};

/// A flow while its rates are sought.
pub(super) struct Stream<'a> {
    pub(super) entry: Traffic<'a>,
    /// The mean service time of its requests, in seconds.
    pub(super) service: f64,
    pub(super) client: &'a str,
    /// Timers, and requests of each.
    pub(super) senders: f64,
    pub(super) fan_out: f64,
    /// What it passes, in order.
    pub(super) passes: Vec<Pass>,
    pub(super) backoff: Backoff,
    /// Requests and attempts per second.
    pub(super) rate: f64,
    pub(super) attempts: f64,
    /// The share of attempts that is refused and may be tried again, and the
    /// share that is refused.
    pub(super) retried: f64,
    pub(super) refused: f64,
    /// Of a closed loop, the requests that wait, and the stage.
    pub(super) waiting: f64,
    pub(super) waits_at: Option<usize>,
}

#[derive(Clone, Copy)]
pub(super) struct Pass {
    pub(super) pool: usize,
    /// The share of the requests that the stage is for, and what each costs.
    pub(super) share: f64,
    pub(super) cost: f64,
    /// Whether what is refused is tried again.
    pub(super) retried: bool,
}

/// Rates are in balance when none changes by more than this part.
const BALANCE: f64 = 1e-4;
/// A refused loop's rate may double so often, and does not more often.
const MOST_ROUNDS: usize = 200;

/// All streams with what they pass, at the rates that they offer.
pub(super) fn streams<'a>(
    scenario: &'a Scenario,
    seconds: f64,
    pools: &mut Vec<Pool<'a>>,
) -> Vec<Stream<'a>> {
    let mut all = Vec::new();
    for Placement {
        cohort_number,
        cohort,
        installed,
        client,
        ..
    } in scenario.placements()
    {
        for Entry {
            traffic: entry,
            retry: policy,
            ..
        } in scenario.traffic_of(client)
        {
            let service = scenario.server.backend.service_secs(entry.what.method);
            let (senders, fan_out) = entry.senders(cohort);
            let mut passes = Vec::new();
            let mut told: f64 = 0.0;
            for (index, stage) in scenario.server.stages.iter().enumerate() {
                let Some((share, cost)) = covered(stage, cohort, &entry) else {
                    continue;
                };
                let whose = whose(stage, cohort_number, &installed, entry.what.method);
                let known = pools
                    .iter()
                    .position(|pool| pool.stage == index && pool.whose == whose);
                let pool = known.unwrap_or_else(|| {
                    pools.push(pool(
                        scenario,
                        index,
                        whose,
                        (cohort, installed.app),
                        seconds,
                    ));
                    pools.len() - 1
                });
                let answer = stage.refusal();
                let retried = policy.retries(answer);
                if retried && policy.hears(answer) {
                    told = told.max(told_secs(stage, answer));
                }
                passes.push(Pass {
                    pool,
                    share,
                    cost,
                    retried,
                });
            }
            let rate = match entry.interval_secs() {
                Some(interval) if entry.is_closed() => senders / (interval + service),
                Some(interval) => senders * fan_out / interval * entry.mean_factor(&scenario.time),
                None => 0.0,
            };
            all.push(Stream {
                client: installed.client,
                senders,
                fan_out,
                passes,
                service,
                backoff: Backoff::of(policy, told, seconds),
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
    // The rate of a gate, before that of its load is known.
    for stream in &all {
        let at_once = stream.senders * stream.fan_out;
        for pass in &stream.passes {
            let pool = &mut pools[pass.pool];
            pool.load += at_once;
            pool.work += at_once * stream.service;
        }
    }
    pools.iter_mut().for_each(Pool::set_rate);
    all
}

/// Finds the rates at which what is refused is what comes back.
pub(super) fn balance(streams: &mut [Stream<'_>], pools: &mut [Pool<'_>]) {
    let closed: f64 = (streams.iter())
        .filter(|stream| stream.entry.is_closed())
        .map(|stream| stream.senders)
        .sum();
    for _ in 0..MOST_ROUNDS {
        for pool in pools.iter_mut() {
            (pool.load, pool.work, pool.open_load) = (0.0, 0.0, 0.0);
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
                        pool.work += load * stream.service;
                        if !stream.entry.is_closed() {
                            pool.open_load += load;
                        }
                    }
                    if pool.stage < stage {
                        through *= 1.0 - pass.share * (1.0 - pool.passes());
                    }
                }
            }
            let here = pools.iter_mut().filter(|pool| pool.stage == stage);
            here.for_each(Pool::set_rate);
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
                if stream.entry.is_closed() && pool.queue >= closed && pool.load > 0.0 {
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
            if let (true, Some(think)) = (stream.entry.is_closed(), stream.entry.interval_secs()) {
                let busy = think + stream.backoff.pending(retried) + through * stream.service;
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

/// The wait that a refusal tells, roughly.
fn told_secs(stage: &Stage, answer: &Response) -> f64 {
    if let RetryAfter::Fixed(span) = answer.retry_after {
        return span.secs_f64();
    }
    let Stage::Limit { by, .. } = stage else {
        return 0.0;
    };
    let limit = by.profile(KeySize::ONE);
    match limit.window {
        Some(window) => window.secs_f64() / 2.0,
        None => (1.0 / limit.rate).min(f64::MAX),
    }
}
