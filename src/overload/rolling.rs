//! Counts of requests and their outcomes over a rolling window of buckets.
//!
//! *Rule.* A moment's counts go to the newest bucket, if that began less than a
//! bucket's length before, else to a new one. A bucket leaves the window, all
//! at once, when it began a window's length ago. So the counts are those of the
//! last window, less up to one bucket.
//!
//! Buckets take memory only where something was counted: 32 bytes each, at most
//! a window's worth.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::error::OverloadError;
use crate::units::{Span, Time};

/// The most buckets that a window may have.
const MOST_BUCKETS: u64 = 100_000;

/// Where a new bucket begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BucketStart {
    /// At the moment that asked for it (Envoy). A mere reading asks, too.
    #[default]
    OnDemand,
    /// At a whole multiple of its length since the Unix epoch (failsafe-go).
    Epoch,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All requests, those refused locally included if they count.
    pub requests: u64,
    /// Those that succeeded.
    pub successes: u64,
    /// Those that failed.
    pub failures: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    start: Time,
    counts: Counts,
}

/// A rolling window at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rolling {
    window: Span,
    bucket: Span,
    start: BucketStart,
    /// The oldest first.
    buckets: VecDeque<Bucket>,
    total: Counts,
}

impl Rolling {
    /// The bytes that so many buckets take, beside those of the window itself.
    pub const fn bytes_of(buckets: u64) -> usize {
        buckets as usize * size_of::<Bucket>()
    }

    /// An empty window.
    ///
    /// # Errors
    /// If the bucket has no length, or the window is not a whole number of
    /// buckets, at least one and at most 100,000.
    pub fn new(window: Span, bucket: Span, start: BucketStart) -> Result<Rolling, OverloadError> {
        if bucket.is_zero() {
            return Err(OverloadError::NoLength("the bucket"));
        }
        let buckets = window.nanos() / bucket.nanos();
        if !window.nanos().is_multiple_of(bucket.nanos()) || !(1..=MOST_BUCKETS).contains(&buckets)
        {
            return Err(OverloadError::Buckets {
                window,
                bucket,
                most: MOST_BUCKETS,
            });
        }
        Ok(Rolling {
            window,
            bucket,
            start,
            buckets: VecDeque::new(),
            total: Counts::default(),
        })
    }

    /// Counts a request that ended.
    pub fn observe(&mut self, now: Time, success: bool, count: u64) {
        self.add(
            now,
            Counts {
                requests: count,
                successes: if success { count } else { 0 },
                failures: if success { 0 } else { count },
            },
        );
    }

    /// Counts a request that was refused locally: it neither succeeded nor
    /// failed.
    pub fn refuse(&mut self, now: Time) {
        self.add(
            now,
            Counts {
                requests: 1,
                ..Counts::default()
            },
        );
    }

    fn add(&mut self, now: Time, counts: Counts) {
        let newest = self.turn(now);
        newest.counts.requests += counts.requests;
        newest.counts.successes += counts.successes;
        newest.counts.failures += counts.failures;
        self.total.requests += counts.requests;
        self.total.successes += counts.successes;
        self.total.failures += counts.failures;
    }

    /// What was counted in the window that ends `now`.
    pub fn counts(&mut self, now: Time) -> Counts {
        self.turn(now);
        self.total
    }

    /// How many buckets, counted back from the newest with anything in it, had
    /// failures and no success, and how many successes and no failure. Buckets
    /// with neither are passed over.
    pub fn streaks(&mut self, now: Time) -> (u64, u64) {
        self.turn(now);
        let outcomes = self.buckets.iter().rev().filter_map(|bucket| {
            let Counts {
                successes,
                failures,
                ..
            } = bucket.counts;
            (successes + failures > 0).then_some((failures > 0, successes > 0))
        });
        let streak = |wanted| {
            outcomes
                .clone()
                .take_while(|&found| found == wanted)
                .count() as u64
        };
        (streak((true, false)), streak((false, true)))
    }

    /// How many buckets the window has.
    pub const fn len_in_buckets(&self) -> u64 {
        self.window.nanos() / self.bucket.nanos()
    }

    /// Lets old buckets go, and gives the one that `now` belongs to.
    fn turn(&mut self, now: Time) -> &mut Bucket {
        while let Some(oldest) = self.buckets.front()
            && now.since(oldest.start) >= self.window
        {
            self.total.requests -= oldest.counts.requests;
            self.total.successes -= oldest.counts.successes;
            self.total.failures -= oldest.counts.failures;
            self.buckets.pop_front();
        }
        let current = self
            .buckets
            .back()
            .is_some_and(|newest| now.since(newest.start) < self.bucket);
        if !current {
            let start = match self.start {
                BucketStart::OnDemand => now,
                BucketStart::Epoch => now.align_down(self.bucket),
            };
            let counts = Counts::default();
            self.buckets.push_back(Bucket { start, counts });
        }
        let last = self.buckets.len() - 1;
        &mut self.buckets[last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ten_seconds(start: BucketStart) -> Rolling {
        Rolling::new(Span::from_secs(10), Span::from_secs(1), start).unwrap()
    }

    fn requests(rolling: &mut Rolling, millis: u64) -> u64 {
        rolling.counts(Time::from_millis(millis)).requests
    }

    #[test]
    fn buckets_leave_as_a_whole() {
        for (start, first_leaves) in [
            (BucketStart::OnDemand, 10_400),
            (BucketStart::Epoch, 10_000),
        ] {
            let mut rolling = ten_seconds(start);
            for at in [400, 900, 1300, 5000] {
                rolling.observe(Time::from_millis(at), at != 900, 1);
            }
            assert_eq!(requests(&mut rolling, first_leaves - 1), 4);
            // From the epoch, 1.3 s is a bucket of its own; on demand it is in
            // the bucket that 0.4 s began.
            let left = if start == BucketStart::Epoch { 2 } else { 1 };
            assert_eq!(requests(&mut rolling, first_leaves), left, "{start:?}");
            assert_eq!(requests(&mut rolling, 100_000), 0);
        }
    }

    #[test]
    fn streaks_pass_over_buckets_without_outcome() {
        let mut rolling = ten_seconds(BucketStart::Epoch);
        let mut observe = |second, success| rolling.observe(Time::from_secs(second), success, 1);
        observe(1, true);
        observe(2, false);
        observe(4, false);
        rolling.refuse(Time::from_secs(5));
        assert_eq!(rolling.streaks(Time::from_secs(6)), (2, 0));
        rolling.observe(Time::from_secs(4), true, 1);
        assert_eq!(rolling.streaks(Time::from_secs(6)), (0, 1));
        rolling.observe(Time::from_secs(6), false, 1);
        assert_eq!(rolling.streaks(Time::from_secs(6)), (0, 0));
    }

    #[test]
    fn windows_that_are_no_whole_buckets() {
        for (window, bucket) in [(10, 0), (0, 1), (10, 3), (1, 10), (200_000, 1)] {
            let (window, bucket) = (Span::from_secs(window), Span::from_secs(bucket));
            let result = Rolling::new(window, bucket, BucketStart::Epoch);
            assert!(result.is_err(), "{window} of {bucket}");
        }
    }

    proptest! {
        #[test]
        fn counts_are_those_of_the_last_window_less_at_most_a_bucket(
            gaps in prop::collection::vec(0..4000_u64, 1..100),
            on_demand: bool,
        ) {
            let start = if on_demand { BucketStart::OnDemand } else { BucketStart::Epoch };
            let mut rolling = ten_seconds(start);
            let (mut now, mut all) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                all.push(now);
                rolling.observe(Time::from_millis(now), gap % 2 == 0, 1);
                let counts = rolling.counts(Time::from_millis(now));
                let within = |span| all.iter().filter(|&&at| at + span > now).count() as u64;
                prop_assert!((within(9_000)..=within(10_000)).contains(&counts.requests));
                prop_assert_eq!(counts.successes + counts.failures, counts.requests);
                prop_assert!(rolling.buckets.len() <= 10);
            }
        }

        #[test]
        fn any_times_are_safe(times in prop::collection::vec(prop_oneof![any::<u64>(), Just(u64::MAX), Just(0)], 1..60)) {
            let mut rolling = ten_seconds(BucketStart::OnDemand);
            for at in times {
                rolling.observe(Time::from_nanos(at), true, 1);
                rolling.refuse(Time::from_nanos(at));
                prop_assert!(rolling.counts(Time::from_nanos(at)).requests >= 2);
                prop_assert!(rolling.buckets.len() <= 11);
            }
        }
    }
}
