use super::quota::{KeySize, Quota};
use crate::units::{Rate, Span};

/// What is known of a limit without asking it: how much it lets through for one
/// key in the long run, and the times that it counts by.
#[derive(Debug, Clone, Copy)]
pub struct Profile<'a> {
    /// Its quota, if that may depend on the key.
    pub quota: Option<&'a Quota>,
    /// What it lets through per second.
    pub rate: f64,
    /// What it lets through at once.
    pub burst: f64,
    /// What may wait.
    pub queue: f64,
    /// How long, in seconds.
    pub max_wait: f64,
    /// The time in which the whole quota comes back, if it has one.
    pub window: Option<Span>,
    /// The window that the quota in header fields is for, if it has one.
    pub quota_window: Option<Span>,
    /// The period of the waves in which it admits, if it does so.
    pub wave: Option<Span>,
    /// The longest wait that a refusal tells a key without other traffic, roughly.
    pub longest_wait: Span,
    /// Whether its [`Standing`](super::Standing) tells a quota: not if it counts
    /// no cost, nor if whoever comes may wait.
    pub tells_quota: bool,
}

impl Profile<'_> {
    /// Of a limit that lets through so many per second, and so many at once.
    pub(super) fn at_once(rate: f64, burst: u64) -> Profile<'static> {
        Profile {
            quota: None,
            rate,
            burst: burst as f64,
            queue: 0.0,
            max_wait: f64::INFINITY,
            window: None,
            quota_window: None,
            wave: None,
            longest_wait: Span::ZERO,
            tells_quota: true,
        }
    }

    /// Of a bucket that refills at a rate.
    pub(super) fn bucket(rate: Rate, burst: u64) -> Profile<'static> {
        Profile {
            longest_wait: Span::from_secs_f64(rate.mean_interval_secs()),
            ..Profile::at_once(rate.per_sec(), burst)
        }
    }

    /// Of a quota per window.
    pub(super) fn window(quota: u64, window: Span) -> Profile<'static> {
        Profile {
            window: Some(window),
            quota_window: Some(window),
            wave: Some(window),
            longest_wait: window,
            ..Profile::at_once(quota as f64 / window.secs_f64(), quota)
        }
    }

    /// Of a quota per window that may depend on the key.
    pub(super) fn of_quota(quota: &Quota, key: KeySize, window: Span) -> Profile<'_> {
        Profile {
            quota: Some(quota),
            ..Profile::window(quota.of(key), window)
        }
    }

    /// Of a lock in front of this limit.
    pub(super) fn behind_lock(self, lock: Span) -> Self {
        Profile {
            longest_wait: self.longest_wait.max(lock),
            ..self.without_window()
        }
    }

    /// Of several limits at once; the quota told is that of the first that
    /// tells one.
    pub(super) fn of_all(all: impl Iterator<Item = Self>) -> Self {
        let none = Profile {
            tells_quota: false,
            ..Profile::at_once(f64::INFINITY, u64::MAX)
        };
        let told = |one: Self| Profile {
            quota_window: one.quota_window.filter(|_| one.tells_quota),
            ..one
        };
        let both = |one: Self, other: Self| Profile {
            rate: one.rate.min(other.rate),
            burst: one.burst.min(other.burst),
            queue: one.queue.max(other.queue),
            max_wait: one.max_wait.max(other.max_wait),
            quota_window: match one.tells_quota {
                true => one.quota_window,
                false => other.quota_window,
            },
            longest_wait: one.longest_wait.max(other.longest_wait),
            tells_quota: one.tells_quota || other.tells_quota,
            ..one
        };
        all.map(told)
            .reduce(both)
            .map_or(none, Profile::without_window)
    }

    /// Of what is made of others, which has neither a quota nor a window of its
    /// own.
    fn without_window(self) -> Self {
        Profile {
            quota: None,
            window: None,
            wave: None,
            ..self
        }
    }
}
