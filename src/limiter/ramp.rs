//! Ramp: a quota per window that grows, or shrinks, step by step.
//!
//! *Definition.* Windows follow each other from the key's first admitted
//! attempt. The quota of a window is that of its beginning: `from` at first, and
//! multiplied by a factor each time `every` has passed since the first attempt,
//! up (or down) to `to`. The factor is in whole percent, and each product is
//! rounded down to a whole quota.
//!
//! *Which products.* Google Cloud's advice for new traffic, "500/50/5": begin
//! with 500 per second and add 50 % every 5 minutes (Firestore, Bigtable,
//! Datastore). Downward: an allowance that a vendor cuts in steps, as tado did.
//! The advice is about traffic that does not pause; here a pause changes
//! nothing.
//!
//! *Edges.* Those of a window anchored at the first request: twice the quota
//! around the end of a window.
//!
//! *Refused attempts* are free, and do not begin a ramp. *Refunds* are exact in
//! the window of the spend, do nothing after it, and leave the ramp as it is.
//!
//! 32 bytes per key. Steps that have passed are taken one by one, each once, and
//! none once the last quota is reached.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Standing};
use super::error::RuleError;
use super::profile::Profile;
use super::quota::KeySize;
use crate::units::{Percent, Span, Time};

/// A quota per window that changes step by step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ramp {
    from: u64,
    to: u64,
    percent: u64,
    window: u64,
    every: u64,
}

/// The ramp of one key; all zero before its first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RampState {
    /// The first attempt.
    origin: u64,
    /// The beginning of the current window.
    start: u64,
    /// What the current window allows; zero before the first attempt.
    quota: u64,
    used: u64,
}

/// The parameters as a scenario has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "Ramp", deny_unknown_fields)]
pub struct Params {
    /// Requests per window at first.
    pub from: u64,
    /// Requests per window in the end.
    pub to: u64,
    /// What each step multiplies by, such as `"150%"`.
    pub factor: Percent,
    /// The time between two steps.
    pub every: Span,
    /// The window's length.
    pub window: Span,
}

impl Params {
    /// The rule of a key.
    pub(super) fn rule(&self, _: KeySize) -> Result<Ramp, RuleError> {
        Ramp::new(self.from, self.window, self.factor.0, self.every, self.to)
    }

    /// What is known of it.
    pub(super) fn profile(&self, _: KeySize) -> Profile<'_> {
        Profile::window(self.from.max(self.to), self.window)
    }
}

impl Ramp {
    /// `from` in each `window`, multiplied by `percent` of a hundred `every` so
    /// often until it is `to`.
    ///
    /// # Errors
    /// If a quota, the window or `every` is zero, or the factor does not lead
    /// from the first quota to the last: a growing one must make `from` at least
    /// one more.
    pub fn new(
        from: u64,
        window: Span,
        percent: u64,
        every: Span,
        to: u64,
    ) -> Result<Ramp, RuleError> {
        if from == 0 || to == 0 {
            return Err(RuleError::ZeroQuota);
        }
        if window.is_zero() {
            return Err(RuleError::ZeroWindow);
        }
        if every.is_zero() {
            return Err(RuleError::ZeroInterval);
        }
        let ramp = Ramp {
            from,
            to,
            percent,
            window: window.nanos(),
            every: every.nanos(),
        };
        let leads = match from < to {
            true => ramp.next(from) > from,
            false => from == to || percent < 100,
        };
        match leads {
            true => Ok(ramp),
            false => Err(RuleError::RampStalls { from, percent, to }),
        }
    }

    /// The quota of the next step.
    fn next(&self, quota: u64) -> u64 {
        let product = u128::from(quota) * u128::from(self.percent) / 100;
        let product = u64::try_from(product).unwrap_or(u64::MAX);
        match self.from < self.to {
            true => product.min(self.to),
            false => product.max(self.to),
        }
    }

    /// The quota so many steps after one of `quota`.
    fn later(&self, mut quota: u64, steps: u64) -> u64 {
        let mut taken = 0;
        while taken < steps && quota != self.to {
            quota = self.next(quota);
            taken += 1;
        }
        quota
    }

    /// Judges an attempt, and takes its cost if it is admitted.
    #[inline]
    pub fn decide(&self, state: &mut RampState, now: Time, cost: u64) -> Decision {
        if cost == 0 {
            return Decision::Admit;
        }
        let current = self.current(state, now);
        if cost <= current.quota.saturating_sub(current.used) {
            *state = current;
            state.used += cost;
            return Decision::Admit;
        }
        if state.quota == 0 {
            return Decision::Refuse { retry_after: None };
        }
        *state = current;
        Decision::Refuse {
            retry_after: self.admission(state, now, cost),
        }
    }

    /// The window of `now`.
    #[inline]
    fn current(&self, state: &RampState, now: Time) -> RampState {
        let now = now.nanos();
        if state.quota == 0 {
            return RampState {
                origin: now,
                start: now,
                quota: self.from,
                used: 0,
            };
        }
        let passed = now.saturating_sub(state.start);
        if passed < self.window {
            return *state;
        }
        let start = state.start + (passed - passed % self.window);
        let steps = |start: u64| (start - state.origin) / self.every;
        RampState {
            start,
            quota: self.later(state.quota, steps(start) - steps(state.start)),
            used: 0,
            ..*state
        }
    }

    /// From `now` to the first window after the current one that has room for
    /// an attempt, if one ever has.
    fn admission(&self, state: &RampState, now: Time, cost: u64) -> Option<Span> {
        let (origin, window) = (u128::from(state.origin), u128::from(self.window));
        let (every, start) = (u128::from(self.every), u128::from(state.start));
        let before = (start - origin) / every;
        let next = start + window;
        let mut step = (next - origin) / every;
        let steps = u64::try_from(step - before).unwrap_or(u64::MAX);
        let mut quota = self.later(state.quota, steps);
        let mut first = next;
        while cost > quota {
            if quota >= self.to {
                return None;
            }
            quota = self.next(quota);
            step += 1;
            // The window that begins with the step or next after it.
            first = origin + (step * every).div_ceil(window) * window;
        }
        let wait = first.saturating_sub(u128::from(now.nanos()));
        Some(Span::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX)))
    }

    /// Gives back what an attempt admitted at `spent` took. Does nothing if its
    /// window has been followed by another.
    pub fn refund(&self, state: &mut RampState, spent: Time, cost: u64) {
        if spent.nanos() >= state.start {
            state.used = state.used.saturating_sub(cost);
        }
    }

    /// What remains of this window's quota, and how long until it ends.
    pub fn inspect(&self, state: &RampState, now: Time) -> Standing {
        let current = self.current(state, now);
        let end = Time::from_nanos(current.start) + Span::from_nanos(self.window);
        Standing::of(
            current.quota,
            current.quota.saturating_sub(current.used),
            match current.used {
                0 => Span::ZERO,
                _ => end.since(now),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{assert_exact_wait, extremes};
    use super::*;
    use proptest::prelude::*;

    fn quotas(ramp: &Ramp, at: &[u64]) -> Vec<u64> {
        let (mut state, origin) = (RampState::default(), Time::from_secs(77));
        let _ = ramp.decide(&mut state, origin, 1);
        let quota = |&at| ramp.inspect(&state, origin + Span::from_secs(at)).left();
        at.iter().map(quota).collect()
    }

    #[test]
    fn five_hundred_and_half_as_much_more_every_five_minutes() {
        let (second, minutes) = (Span::from_secs(1), Span::from_secs(300));
        let ramp = Ramp::new(500, second, 150, minutes, 3000).unwrap();
        let at = [0, 1, 299, 300, 600, 900, 1200, 1500, 1800, 100_000];
        let expected = [499, 500, 500, 750, 1125, 1687, 2530, 3000, 3000, 3000];
        assert_eq!(quotas(&ramp, &at), expected);
        let down = Ramp::new(1000, second, 50, minutes, 200).unwrap();
        assert_eq!(quotas(&down, &at[..6]), [999, 1000, 1000, 500, 250, 200]);
        // A window has the quota of its beginning.
        let long = Ramp::new(10, Span::from_secs(400), 200, minutes, 99).unwrap();
        assert_eq!(quotas(&long, &[0, 399, 400, 799, 800]), [9, 9, 20, 20, 40]);
    }

    #[test]
    fn parameters_and_extremes() {
        let second = Span::from_secs(1);
        let new = |from, percent, to| Ramp::new(from, second, percent, second, to);
        assert_eq!(new(0, 150, 9), Err(RuleError::ZeroQuota));
        for (from, percent, to) in [
            (1, 150, 9),
            (5, 100, 9),
            (5, 50, 9),
            (9, 100, 5),
            (9, 150, 5),
        ] {
            let error = Err(RuleError::RampStalls { from, percent, to });
            assert_eq!(new(from, percent, to), error);
        }
        assert!(new(5, 100, 5).is_ok());
        assert!(Ramp::new(5, Span::ZERO, 100, second, 5).is_err());
        assert!(Ramp::new(5, second, 100, Span::ZERO, 5).is_err());
        for (from, percent, to) in [
            (2, u64::MAX, u64::MAX),
            (100, 101, u64::MAX),
            (u64::MAX, 99, 1),
            (9, 0, 3),
        ] {
            for (window, every) in [(1, 1), (u64::MAX, 1), (1, u64::MAX), (7, u64::MAX / 3)] {
                let span = Span::from_nanos;
                let ramp = Ramp::new(from, span(window), percent, span(every), to).unwrap();
                let mut state = RampState::default();
                for (now, cost) in extremes() {
                    let _ = ramp.decide(&mut state, now, cost);
                    assert!(ramp.inspect(&state, now).left() <= from.max(to));
                    ramp.refund(&mut state, now, cost / 2);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn decisions_are_those_of_the_definition(
            from in 1_u64..9, percent in 0_u64..400, to in 1_u64..30,
            window in 1_u64..20, every in 1_u64..30,
            steps in prop::collection::vec((0_u64..40, 0_u64..30), 1..60),
        ) {
            let span = Span::from_nanos;
            let Ok(ramp) = Ramp::new(from, span(window), percent, span(every), to) else {
                return Ok(());
            };
            let (mut state, mut now, mut origin) = (RampState::default(), 1000, None);
            let mut admissions = Vec::<(u64, u64)>::new();
            for (step, cost) in steps {
                now += step;
                if cost == 0 {
                    continue;
                }
                let begin: u64 = origin.unwrap_or(now);
                let start = now - (now - begin) % window;
                let quota = (0..(start - begin) / every).fold(from, |quota, _| {
                    let next = quota * percent / 100;
                    next.clamp(from.min(to), from.max(to))
                });
                let used: u64 = admissions.iter().filter(|a| a.0 >= start).map(|a| a.1).sum();
                let moment = Time::from_nanos(now);
                prop_assert_eq!(ramp.inspect(&state, moment).left(), quota - used);
                let decision = ramp.decide(&mut state, moment, cost);
                prop_assert_eq!(decision.is_admit(), used + cost <= quota);
                if let Decision::Refuse { retry_after } = decision {
                    let judge = |state: &mut _, at| ramp.decide(state, at, cost);
                    assert_exact_wait(&state, moment, retry_after, judge);
                } else {
                    origin.get_or_insert(now);
                    admissions.push((now, cost));
                }
            }
        }
    }
}
