//! CoDel for services: drop requests that waited long while a queue stands.
//!
//! *Rule.* Requests are judged when they leave the queue, by how long they
//! waited. The first after an interval's end begins the next interval; if even
//! the least wait of the one before was above the target, the new one is
//! overloaded. In an overloaded interval each request that waited more than
//! twice the target is dropped, save the first, which never is.
//!
//! Unlike CoDel in a network (RFC 8289), nothing is dropped ever more often:
//! the bound of twice the target stays.
//!
//! A request that finds room at once has waited for nothing, and so ends an
//! overload. Before the first that waited there is none to end, and those that
//! pass at once begin no interval.
//!
//! *Edges.* An interval ends only when a request comes, so after a silence the
//! state of the last interval is judged, however old. A single request with a
//! short wait calls the overload off at the next interval.
//!
//! Source: `Codel` of folly.

use serde::{Deserialize, Serialize};

use super::error::OverloadError;
use crate::units::{Span, Time};

/// Parameters of CoDel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Codel {
    /// The wait that is no overload. 5 ms.
    pub target: Span,
    /// How long the least wait is taken over. 100 ms.
    pub interval: Span,
}

impl Default for Codel {
    fn default() -> Codel {
        Codel {
            target: Span::from_millis(5),
            interval: Span::from_millis(100),
        }
    }
}

impl Codel {
    /// Whether the parameters make sense.
    ///
    /// # Errors
    /// If the target is zero, or the interval is not longer than it.
    pub fn check(&self) -> Result<(), OverloadError> {
        if self.target.is_zero() {
            return Err(OverloadError::NoLength("the target wait"));
        }
        if self.interval <= self.target {
            return Err(OverloadError::ShortInterval {
                interval: self.interval,
                target: self.target,
            });
        }
        Ok(())
    }

    /// The wait above which requests are dropped in an overloaded interval.
    fn bound(&self) -> Span {
        self.target * 2
    }
}

/// CoDel at work on one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodelState {
    rule: Codel,
    interval_ends: Time,
    /// The least wait of the current interval; `None` before any request.
    least: Option<Span>,
    overloaded: bool,
}

impl CodelState {
    /// A queue that no request has left yet.
    ///
    /// # Errors
    /// As [`Codel::check`].
    pub fn new(rule: Codel) -> Result<CodelState, OverloadError> {
        rule.check()?;
        Ok(CodelState {
            rule,
            interval_ends: Time::EPOCH,
            least: None,
            overloaded: false,
        })
    }

    /// Whether to drop this request, which waited for `delay` and leaves the
    /// queue `now`.
    pub fn overloaded(&mut self, now: Time, delay: Span) -> bool {
        let Some(least) = self.least else {
            self.least = Some(delay);
            return false;
        };
        if now > self.interval_ends {
            self.interval_ends = now + self.rule.interval;
            self.overloaded = least > self.rule.target;
            self.least = Some(delay);
            return false;
        }
        self.least = Some(least.min(delay));
        self.overloaded && delay > self.rule.bound()
    }

    /// Notes a request that did not have to wait.
    pub fn pass_at_once(&mut self, now: Time) {
        if self.least.is_some() {
            // No wait at all is never above the bound.
            let _ = self.overloaded(now, Span::ZERO);
        }
    }

    /// The least wait of the current interval as a percentage of twice the
    /// target, rounded down, at most 100: a rough reading of the load.
    pub fn load(&self) -> u32 {
        let least = u128::from(self.least.unwrap_or(Span::ZERO).nanos());
        let percent = 100 * least / u128::from(self.rule.bound().nanos());
        // At most 100, so nothing is cut off.
        percent.min(100) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges (milliseconds, wait in milliseconds) and spells D for a drop.
    fn run(state: &mut CodelState, requests: &[(u64, u64)]) -> String {
        requests
            .iter()
            .map(|&(at, delay)| {
                match state.overloaded(Time::from_millis(at), Span::from_millis(delay)) {
                    true => 'D',
                    false => 'A',
                }
            })
            .collect()
    }

    #[test]
    fn sequences_of_folly() {
        // CodelTest, with moments in place of its sleeps.
        for (requests, answers) in [
            (
                &[(110, 100), (200, 50), (200, 50), (310, 2), (400, 20)][..],
                "AADAD",
            ),
            (&[(10, 20), (100, 8)], "AA"),
            (&[(10, 20), (100, 4)], "AA"),
            (&[(10, 20)], "A"),
            (&[(10, 50), (120, 50), (120, 50)], "AAD"),
        ] {
            let mut state = CodelState::new(Codel::default()).unwrap();
            assert_eq!(run(&mut state, requests), answers);
        }
    }

    #[test]
    fn loads_of_folly() {
        let mut state = CodelState::new(Codel::default()).unwrap();
        assert_eq!(state.load(), 0);
        // One interval from 1 s on, after a first request.
        let _ = run(&mut state, &[(0, 0)]);
        for (delay, load) in [(40, 100), (10, 100), (7, 70), (2, 20), (9, 20)] {
            let _ = run(&mut state, &[(1000, delay)]);
            assert_eq!(state.load(), load, "{delay} ms");
        }
    }

    #[test]
    fn only_the_least_wait_above_the_target_is_an_overload() {
        // A first interval from 1 ms to 101 ms; then one that ends at 202 ms.
        for (least, answers) in [(6, "AAAAD"), (5, "AAAAA")] {
            let mut state = CodelState::new(Codel::default()).unwrap();
            let requests = [(0, 50), (1, 50), (50, least), (102, 50), (103, 50)];
            // The least wait of the second interval decides on the third.
            assert_eq!(run(&mut state, &requests), answers);
        }
        // Exactly twice the target passes.
        let mut state = CodelState::new(Codel::default()).unwrap();
        let requests = [(0, 50), (1, 50), (102, 50), (103, 10), (104, 11)];
        assert_eq!(run(&mut state, &requests), "AAAAD");
        // An interval's end, 202 ms, still belongs to it.
        assert_eq!(run(&mut state, &[(202, 11), (203, 11)]), "DA");
    }

    #[test]
    fn those_that_pass_at_once_count_only_after_one_that_waited() {
        let mut state = CodelState::new(Codel::default()).unwrap();
        state.pass_at_once(Time::from_millis(10));
        assert_eq!(run(&mut state, &[(110, 100), (200, 50), (200, 50)]), "AAD");
        state.pass_at_once(Time::from_millis(250));
        assert_eq!(run(&mut state, &[(290, 50), (310, 50), (320, 50)]), "DAA");
    }

    #[test]
    fn the_first_request_of_an_interval_is_never_dropped() {
        let mut state = CodelState::new(Codel::default()).unwrap();
        for i in 0..1000 {
            // 101 ms apart, each begins an interval.
            assert!(!state.overloaded(Time::from_millis(101 * i), Span::MAX));
        }
    }

    #[test]
    fn extremes_do_not_panic() {
        let (target, interval) = (Span::from_nanos(u64::MAX - 1), Span::MAX);
        let mut state = CodelState::new(Codel { target, interval }).unwrap();
        for now in [Time::MAX, Time::EPOCH, Time::MAX] {
            for delay in [Span::ZERO, Span::MAX] {
                let _ = state.overloaded(now, delay);
                assert!(state.load() <= 100);
            }
        }
    }

    #[test]
    fn parameters_that_make_no_sense() {
        let five = Span::from_millis(5);
        for (target, interval, part) in
            [(Span::ZERO, five, "no length"), (five, five, "not longer")]
        {
            let message = CodelState::new(Codel { target, interval })
                .unwrap_err()
                .to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
