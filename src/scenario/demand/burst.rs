//! What schedules send at once, and what stages make of it.

use super::pool::Pool;
use super::stream::Stream;
use crate::scenario::{Scenario, When};

/// What a schedule sends at once.
#[derive(Default)]
pub(super) struct Burst {
    /// In all of the run.
    pub(super) requests: f64,
    pub(super) retries: f64,
    /// On one occasion: requests, and those of them that find no capacity.
    pub(super) at_once: f64,
    pub(super) over: f64,
    /// The stage at which so many of them wait.
    pub(super) waits_at: Option<usize>,
    pub(super) waiting: f64,
}

impl Burst {
    pub(super) fn of(stream: &Stream<'_>, scenario: &Scenario, pools: &[Pool<'_>]) -> Burst {
        let When::Daily {
            time: at,
            spread,
            chance,
        } = stream.entry.when
        else {
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
