use crate::units::{Span, Time};

/// The parameters of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatePlan {
    /// Visits inside at once.
    pub permits: u32,
    /// The longest wait for a permit.
    pub max_wait: Span,
    /// The most visits that wait at once.
    pub queue: u32,
}

/// A concurrency limit with a bounded wait, first come first served.
///
/// A visit that finds a free permit enters; otherwise it waits if the queue
/// has room, for at most `max_wait`. Nobody overtakes: as long as somebody
/// waits, no permit is free.
#[derive(Debug)]
pub struct Gate {
    plan: GatePlan,
    inside: u32,
    waiting: std::collections::VecDeque<(Time, u32)>,
    /// Whether an event is on its way for the head of the queue.
    watched: bool,
}

/// What happened to a visit at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It holds a permit.
    Entered,
    /// It waits; it gives up at that time.
    Waits {
        /// The end of its wait.
        until: Time,
    },
    /// There is neither a permit nor room to wait.
    Full,
}

/// The number of no visit.
pub const NOBODY: u32 = u32::MAX;

impl Gate {
    /// An empty gate.
    pub fn new(plan: GatePlan) -> Gate {
        Gate {
            plan,
            inside: 0,
            waiting: std::collections::VecDeque::new(),
            watched: false,
        }
    }

    /// Visits that hold a permit.
    pub fn inside(&self) -> u32 {
        self.inside
    }

    /// Visits that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Tries to enter at `now`; a visit that has to wait is not yet queued.
    #[inline]
    pub fn enter(&mut self, now: Time) -> Entry {
        if self.inside < self.plan.permits {
            self.inside += 1;
            Entry::Entered
        } else if self.waiting.len() < self.plan.queue as usize {
            Entry::Waits {
                until: now + self.plan.max_wait,
            }
        } else {
            Entry::Full
        }
    }

    /// Queues a visit that [`enter`](Gate::enter) told to wait. Returns
    /// whether the caller must call [`expire`](Gate::expire) at `until`.
    pub fn queue(&mut self, until: Time, visit: u32) -> bool {
        self.waiting.push_back((until, visit));
        !std::mem::replace(&mut self.watched, true)
    }

    /// Gives a permit back. If somebody waits, the permit passes to the head
    /// of the queue, whose number is returned.
    #[inline]
    pub fn leave(&mut self) -> Option<u32> {
        match self.waiting.pop_front() {
            Some((_, visit)) => Some(visit),
            None => {
                self.inside -= 1;
                None
            }
        }
    }

    /// Removes one visit whose wait has ended by `now`.
    pub fn expire(&mut self, now: Time) -> Option<u32> {
        match self.waiting.front() {
            Some((until, _)) if *until <= now => self.waiting.pop_front().map(|(_, visit)| visit),
            _ => None,
        }
    }

    /// After the expired visits are removed: when
    /// [`expire`](Gate::expire) must be called next, if anybody waits.
    pub fn watch(&mut self) -> Option<Time> {
        let next = self.waiting.front().map(|(until, _)| *until);
        self.watched = next.is_some();
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_admits_queues_and_refuses_in_order() {
        let mut gate = Gate::new(GatePlan {
            permits: 1,
            max_wait: Span::from_secs(2),
            queue: 2,
        });
        let at = Time::from_secs;
        assert_eq!(gate.enter(at(0)), Entry::Entered);
        assert_eq!(gate.enter(at(0)), Entry::Waits { until: at(2) });
        assert!(
            gate.queue(at(2), 7),
            "the first waiting visit starts the watch"
        );
        assert_eq!(gate.enter(at(1)), Entry::Waits { until: at(3) });
        assert!(!gate.queue(at(3), 8), "one watch is enough");
        assert_eq!(gate.enter(at(1)), Entry::Full);
        assert_eq!(gate.expire(at(1)), None);
        assert_eq!(gate.expire(at(2)), Some(7));
        assert_eq!(gate.expire(at(2)), None);
        assert_eq!(gate.watch(), Some(at(3)));
        assert_eq!(gate.leave(), Some(8), "the permit passes on");
        assert_eq!((gate.inside(), gate.waiting()), (1, 0));
        assert_eq!(gate.leave(), None);
        assert_eq!(gate.inside(), 0);
        assert_eq!(gate.watch(), None);
    }
}
