//! What limiter rules let through in the long run, and the waits that they tell.

use crate::limiter::Pacing;
use crate::scenario::{LimiterRule, Stage};
use crate::server::{Response, RetryAfter};
use crate::units::{Period, Span};

/// What a rule lets through for one key: so many per second, so many at once,
/// and so many that wait for so many seconds.
pub(super) struct Throughput {
    pub(super) rate: f64,
    pub(super) burst: f64,
    pub(super) queue: f64,
    pub(super) max_wait: f64,
}

impl Throughput {
    pub(super) fn of(rule: &LimiterRule, users: u64) -> Throughput {
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

/// The length of a period of the calendar, of a month about.
pub(in crate::scenario) fn period_length(period: Period) -> Span {
    const HOUR: u64 = 3600;
    Span::from_secs(match period {
        Period::Hour => HOUR,
        Period::Day => 24 * HOUR,
        Period::Week => 7 * 24 * HOUR,
        Period::Month => 30 * 24 * HOUR,
    })
}

/// The wait that a refusal tells, roughly.
pub(super) fn told_secs(stage: &Stage, answer: &Response) -> f64 {
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
