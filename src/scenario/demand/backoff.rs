//! How retry policies spread attempts over time.

use crate::scenario::{Attempts, Backoff as Shape, Jitter, RetryPolicy};
use crate::units::Span;

/// How a retry policy spreads attempts over time.
pub(super) struct Backoff {
    /// The most attempts of a request that there is time for.
    pub(super) most: f64,
    /// The seconds before each retry; the last holds for all later ones.
    pub(super) waits: Vec<f64>,
    /// The seconds from the first attempt to the last.
    pub(super) total: f64,
}

/// The most waits of an exponential policy that are kept one by one.
const MOST_WAITS: usize = 64;

impl Backoff {
    /// Of a request in a run of so many seconds, where the server tells a wait
    /// of about so many.
    pub(super) fn of(policy: &RetryPolicy, told: f64, seconds: f64) -> Backoff {
        if policy.is_none() {
            return Backoff {
                most: 1.0,
                waits: vec![0.0],
                total: 0.0,
            };
        }
        let told = Some(Span::from_secs_f64(told)).filter(|told| !told.is_zero());
        let mut waits = waits(policy);
        if let Some(first) = policy.first {
            if waits.len() == 1 {
                waits.push(waits[0]);
            }
            waits[0] = first.secs_f64();
        }
        for wait in &mut waits {
            let own = Span::from_secs_f64(*wait);
            let heard = told.filter(|_| policy.told.hears());
            let joined = match policy.told.hears_retry_after() {
                true => policy.told.joined(own, heard, None),
                false => policy.told.joined(own, None, heard),
            };
            // Without a told wait it stays as exact as it is.
            if joined != own {
                *wait = joined.secs_f64();
            }
        }
        let allowed = match policy.attempts {
            Attempts::AtMost(count) => f64::from(count.get()),
            Attempts::Unlimited => f64::INFINITY,
        };
        let patience = policy.give_up_after.map_or(f64::INFINITY, Span::secs_f64);
        // Requests begin all through the run: half of it is left to the mean one.
        let time = (seconds / 2.0).min(patience);
        let last = waits.last().copied().unwrap_or(0.0);
        let (mut most, mut total) = (1.0, 0.0);
        for wait in &waits {
            if most >= allowed || total + wait > time {
                break;
            }
            most += 1.0;
            total += wait;
        }
        if most > waits.len() as f64 && most < allowed && last > 0.0 {
            let more = ((time - total) / last).clamp(0.0, allowed - most);
            most += more;
            total += more * last;
        }
        let total = match allowed.is_infinite() {
            true => patience,
            false => total,
        };
        Backoff { most, waits, total }
    }

    /// Attempts per request, if each is refused and may be tried again with that
    /// probability.
    pub(super) fn attempts(&self, retried: f64) -> f64 {
        // The geometric series, which is its length as the ratio nears 1.
        if retried > 1.0 - 1e-9 {
            return self.most;
        }
        let rest = crate::math::pow(retried, self.most);
        (1.0 - rest) / (1.0 - retried)
    }

    /// The seconds per request that are spent between attempts.
    pub(super) fn pending(&self, retried: f64) -> f64 {
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

/// The mean seconds before each retry; the last holds for all later ones.
fn waits(policy: &RetryPolicy) -> Vec<f64> {
    let cap = policy.cap.map_or(f64::MAX, Span::secs_f64);
    let at_most = policy.at_most.map_or(f64::MAX, Span::secs_f64);
    let grown = |first: f64, next: &dyn Fn(f64, usize) -> f64| {
        let mut ceilings = vec![first.min(cap)];
        let mut ceiling = first;
        while ceilings.len() < MOST_WAITS && ceiling < cap {
            let longer = next(ceiling, ceilings.len());
            if longer <= ceiling {
                break;
            }
            ceiling = longer;
            ceilings.push(ceiling.min(cap));
        }
        ceilings
    };
    let ceilings = match &policy.wait {
        Shape::Fixed { wait } => vec![wait.secs_f64().min(cap)],
        Shape::Random { wait } => vec![wait.mean_secs()],
        Shape::Waits { waits } => waits.iter().map(|wait| wait.secs_f64().min(cap)).collect(),
        Shape::Linear { base, step } => {
            let (base, step) = (base.secs_f64(), step.unwrap_or(*base).secs_f64());
            grown(base, &|_, retry| base + retry as f64 * step)
        }
        // The ratio of neighbours nears the golden one.
        Shape::Fibonacci { base } => grown(base.secs_f64(), &|ceiling, _| ceiling * 1.618),
        Shape::Exponential { base, factor, .. } => {
            let factor = match &policy.jitter {
                // It grows by half on average, and lingers below the cap.
                Jitter::Decorrelated => 1.5,
                Jitter::Polly => 2.0,
                _ => *factor,
            };
            grown(base.secs_f64(), &|ceiling, _| ceiling * factor)
        }
    };
    let drawn = |ceiling: f64| policy.jitter.mean_secs(ceiling).min(at_most);
    match &policy.wait {
        Shape::Exponential { .. } => ceilings.into_iter().map(|it| drawn(it).max(1e-9)).collect(),
        _ => ceilings.into_iter().map(drawn).collect(),
    }
}
