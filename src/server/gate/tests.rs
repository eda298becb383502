use proptest::prelude::*;

use super::*;
use crate::overload::Codel;
use crate::overload::Share;
use crate::units::Probability;

fn gate(permits: u32, queue: u32, order: Order) -> Gate {
    let plan = GatePlan {
        permits: Permits::Fixed(permits),
        max_wait: Span::from_secs(2),
        queue,
        order,
        shares: Shares::default(),
        codel: None,
        keys: 1,
    };
    Gate::new(plan, Streams::new(1, 0))
}

fn claim(cost: u32) -> Claim {
    Claim {
        cost,
        level: Criticality::Critical,
    }
}

const ONE: Claim = Claim {
    cost: 1,
    level: Criticality::Critical,
};

fn at(seconds: u64) -> Time {
    Time::from_secs(seconds)
}

fn wait(gate: &mut Gate, claim: Claim, now: u64, visit: u32) -> (bool, Vec<u32>) {
    let until = at(now + 2);
    assert_eq!(gate.enter(0, claim, at(now)), Entry::Waits { until });
    let mut turned_away = Vec::new();
    let watch = gate.queue(0, claim, (at(now), until), visit, &mut turned_away);
    (watch, turned_away)
}

fn leave(gate: &mut Gate, cost: u32, now: u64) -> Vec<Call> {
    gate.leave(0, cost);
    std::iter::from_fn(|| gate.call(0, at(now))).collect()
}

#[test]
fn a_gate_admits_queues_and_refuses_in_order() {
    let mut gate = gate(1, 2, Order::OldestFirst);
    assert_eq!(gate.enter(0, ONE, at(0)), Entry::Entered);
    let first = wait(&mut gate, ONE, 0, 7);
    assert_eq!(first, (true, vec![]), "the first in line starts the watch");
    let second = wait(&mut gate, ONE, 1, 8);
    assert_eq!(second, (false, vec![]), "one watch is enough");
    assert_eq!(gate.enter(0, ONE, at(1)), Entry::Full);
    assert_eq!(gate.expire(0, at(1)), None);
    assert_eq!(gate.expire(0, at(2)), Some(7));
    assert_eq!(gate.expire(0, at(2)), None);
    assert_eq!(gate.watch(0), Some(at(3)));
    let called = leave(&mut gate, 1, 2);
    assert_eq!(called, [Call::Enter(8)], "the permit passes on");
    assert_eq!((gate.inside(), gate.waiting()), (1, 0));
    assert_eq!(leave(&mut gate, 1, 2), []);
    assert_eq!(gate.inside(), 0);
    assert_eq!(gate.watch(0), None);
}

#[test]
fn the_newest_is_served_first_and_pushes_the_oldest_out() {
    let mut gate = gate(1, 2, Order::NewestFirst);
    assert_eq!(gate.enter(0, ONE, at(0)), Entry::Entered);
    assert_eq!(wait(&mut gate, ONE, 0, 1).1, [0; 0]);
    assert_eq!(wait(&mut gate, ONE, 0, 2).1, [0; 0]);
    assert_eq!(wait(&mut gate, ONE, 0, 3).1, [1]);
    assert_eq!(gate.enter(0, claim(3), at(0)), Entry::Full);
    assert_eq!(leave(&mut gate, 1, 1), [Call::Enter(3)]);
    assert_eq!(leave(&mut gate, 1, 1), [Call::Enter(2)]);
}

#[test]
fn a_queue_is_bounded_in_permits() {
    let mut gate = gate(3, 3, Order::OldestFirst);
    assert_eq!(gate.enter(0, claim(2), at(0)), Entry::Entered);
    assert_eq!(wait(&mut gate, claim(2), 0, 1).1, [0; 0]);
    // One permit is free, but somebody waits for two.
    assert_eq!(wait(&mut gate, ONE, 0, 2).1, [0; 0]);
    assert_eq!(gate.enter(0, ONE, at(0)), Entry::Full);
    assert_eq!(leave(&mut gate, 2, 1), [Call::Enter(1), Call::Enter(2)]);
    assert_eq!(gate.inside(), 3);
    // More than there ever is.
    assert_eq!(gate.enter(0, claim(4), at(1)), Entry::Full);
}

#[test]
fn reserved_permits_are_for_those_above() {
    let plan = GatePlan {
        shares: Shares::reserving(1),
        ..gate(3, 5, Order::OldestFirst).plan
    };
    let mut gate = Gate::new(plan, Streams::new(1, 0));
    let poll = Claim {
        cost: 1,
        level: Criticality::SheddablePlus,
    };
    assert_eq!(gate.enter(0, poll, at(0)), Entry::Entered);
    assert_eq!(gate.enter(0, poll, at(0)), Entry::Entered);
    let _ = wait(&mut gate, poll, 0, 1);
    assert_eq!(gate.enter(0, ONE, at(0)), Entry::Entered, "overtakes");
    let _ = wait(&mut gate, ONE, 0, 2);
    assert_eq!(leave(&mut gate, 1, 1), [Call::Enter(2)], "the reserved one");
    assert_eq!(leave(&mut gate, 1, 1), []);
    assert_eq!(leave(&mut gate, 1, 1), [Call::Enter(1)]);
}

#[test]
fn each_key_has_permits_of_its_own() {
    let plan = GatePlan {
        keys: 2,
        ..gate(1, 0, Order::OldestFirst).plan
    };
    let mut gate = Gate::new(plan, Streams::new(1, 0));
    assert_eq!(gate.enter(0, ONE, at(0)), Entry::Entered);
    assert_eq!(gate.enter(0, ONE, at(0)), Entry::Full);
    assert_eq!(gate.enter(1, ONE, at(0)), Entry::Entered);
    assert_eq!((gate.inside(), gate.inside_of(1)), (2, 1));
}

#[test]
fn those_that_need_not_wait_end_an_overload() {
    let plan = GatePlan {
        codel: Some(CodelState::new(Codel::default()).unwrap()),
        ..gate(1, 9, Order::OldestFirst).plan
    };
    let millis = Time::from_millis;
    for (at_once, last) in [(false, Call::TurnAway(4)), (true, Call::Enter(4))] {
        let mut gate = Gate::new(plan.clone(), Streams::new(1, 0));
        let queue = |gate: &mut Gate, now: u64, visit: u32| {
            let until = millis(now + 2000);
            assert_eq!(gate.enter(0, ONE, millis(now)), Entry::Waits { until });
            gate.queue(0, ONE, (millis(now), until), visit, &mut Vec::new());
        };
        let leave = |gate: &mut Gate, now: u64| {
            gate.leave(0, 1);
            gate.call(0, millis(now))
        };
        assert_eq!(gate.enter(0, ONE, millis(0)), Entry::Entered);
        queue(&mut gate, 0, 1);
        queue(&mut gate, 0, 2);
        assert_eq!(leave(&mut gate, 50), Some(Call::Enter(1)));
        assert_eq!(leave(&mut gate, 100), Some(Call::Enter(2)), "a long wait");
        // Else the second stays inside.
        if at_once {
            assert_eq!(leave(&mut gate, 150), None);
            for now in [1000, 1200] {
                assert_eq!(gate.enter(0, ONE, millis(now)), Entry::Entered);
                assert_eq!(leave(&mut gate, now), None);
            }
            assert_eq!(gate.enter(0, ONE, millis(1400)), Entry::Entered);
        }
        queue(&mut gate, 1400, 3);
        queue(&mut gate, 1400, 4);
        assert_eq!(leave(&mut gate, 1412), Some(Call::Enter(3)));
        assert_eq!(leave(&mut gate, 1415), Some(last), "at once: {at_once}");
    }
}

/// A gate whose line is one list that is searched from its beginning.
struct Searched {
    plan: GatePlan,
    permits: u32,
    inside: [u32; 2],
    watched: [bool; 2],
    lines: [Vec<(Time, Time, u32, Claim)>; 2],
    codel: Option<CodelState>,
}

impl Searched {
    fn most(&self, level: Criticality) -> u32 {
        self.plan.shares.limit_for(level, self.permits)
    }

    fn queued(&self, key: usize) -> u32 {
        self.lines[key].iter().map(|(.., claim)| claim.cost).sum()
    }

    fn highest(&self, key: usize) -> u32 {
        let most = self.lines[key]
            .iter()
            .map(|(.., claim)| self.most(claim.level));
        most.max().unwrap_or(0)
    }

    fn newest_first(&self, key: usize) -> bool {
        match self.plan.order {
            Order::OldestFirst => false,
            Order::NewestFirst => true,
            Order::NewestAbove(depth) => self.lines[key].len() > depth as usize,
        }
    }

    fn enter(&mut self, key: usize, claim: Claim, now: Time) -> Entry {
        let most = self.most(claim.level);
        let overtakes = self.lines[key].is_empty()
            || self.newest_first(key)
            || self.plan.shares != Shares::default() && self.highest(key) < most;
        if claim.cost <= most.saturating_sub(self.inside[key]) && overtakes {
            self.inside[key] += claim.cost;
            if let Some(codel) = &mut self.codel {
                codel.pass_at_once(now);
            }
            return Entry::Entered;
        }
        let room = match self.plan.order {
            Order::NewestFirst => self.plan.queue,
            _ => self.plan.queue - self.queued(key),
        };
        match claim.cost <= room && claim.cost <= most {
            true => Entry::Waits {
                until: now + self.plan.max_wait,
            },
            false => Entry::Full,
        }
    }

    fn queue(
        &mut self,
        key: usize,
        claim: Claim,
        (now, until): (Time, Time),
        visit: u32,
    ) -> (bool, Vec<u32>) {
        let mut pushed_out = Vec::new();
        while claim.cost > self.plan.queue - self.queued(key) && !self.lines[key].is_empty() {
            pushed_out.push(self.lines[key].remove(0).2);
        }
        self.lines[key].push((until, now, visit, claim));
        let watch = until != Time::MAX && !std::mem::replace(&mut self.watched[key], true);
        (watch, pushed_out)
    }

    fn call(&mut self, key: usize, now: Time) -> Option<Call> {
        let length = self.lines[key].len();
        let mut blocked = None;
        let place = (0..length).find_map(|ahead| {
            let place = match self.newest_first(key) {
                true => length - 1 - ahead,
                false => ahead,
            };
            let claim = self.lines[key][place].3;
            let most = self.most(claim.level);
            let fits = claim.cost <= most.saturating_sub(self.inside[key]);
            if fits && blocked.is_none_or(|blocked| most > blocked) {
                return Some(place);
            }
            if !fits {
                blocked = blocked.max(Some(most));
            }
            None
        })?;
        let (_, since, visit, claim) = self.lines[key].remove(place);
        if let Some(codel) = &mut self.codel
            && codel.overloaded(now, now.since(since))
        {
            return Some(Call::TurnAway(visit));
        }
        self.inside[key] += claim.cost;
        Some(Call::Enter(visit))
    }

    fn expire(&mut self, key: usize, now: Time) -> Option<u32> {
        let ended = self.lines[key].first().is_some_and(|first| first.0 <= now);
        ended.then(|| self.lines[key].remove(0).2)
    }

    fn watch(&mut self, key: usize) -> Option<Time> {
        let next = self.lines[key].first().map(|first| first.0);
        self.watched[key] = next.is_some();
        next
    }
}

fn shares() -> impl Strategy<Value = Shares> {
    let any = (
        prop::array::uniform4(0.0..=1.0_f64),
        prop::array::uniform4(0..4_u32),
    );
    prop_oneof![
        Just(Shares::default()),
        (0..5_u32).prop_map(Shares::reserving),
        any.prop_map(|(mut parts, mut leave)| {
            parts.sort_by(|a, b| b.total_cmp(a));
            leave.sort_unstable();
            let share = |place: usize| Share {
                part: Probability::new(parts[place]).unwrap(),
                leave: leave[place],
            };
            Shares {
                critical_plus: share(0),
                critical: share(1),
                sheddable_plus: share(2),
                sheddable: share(3),
            }
        }),
    ]
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![
        Just(Order::OldestFirst),
        Just(Order::NewestFirst),
        (0..5_u32).prop_map(Order::NewestAbove),
    ]
}

proptest! {
    #[test]
    fn lines_by_level_decide_as_one_that_is_searched(
        (permits, queue, order, shares, codel) in
            (1..7_u32, 0..12_u32, order(), shares(), any::<bool>()),
        steps in prop::collection::vec(
            (0..4_u32, 0..2_u32, 1..4_u32, 0..4_usize, 0..400_u64), 1..150),
    ) {
        let plan = GatePlan {
            permits: Permits::Fixed(permits),
            max_wait: Span::from_millis(700),
            queue,
            order,
            shares,
            codel: codel.then(|| CodelState::new(Codel::default()).unwrap()),
            keys: 2,
        };
        let mut searched = Searched {
            plan: plan.clone(),
            permits,
            inside: [0; 2],
            watched: [false; 2],
            lines: Default::default(),
            codel: codel.then(|| CodelState::new(Codel::default()).unwrap()),
        };
        let mut gate = Gate::new(plan, Streams::new(1, 0));
        let mut claims: Vec<(u32, Claim)> = Vec::new();
        let mut inside: Vec<usize> = Vec::new();
        let mut now = Time::EPOCH;
        for (what, key, cost, level, pause) in steps {
            now = now + Span::from_millis(pause);
            let place = key as usize;
            match what {
                0 if !inside.is_empty() => {
                    let left = inside.remove(cost as usize % inside.len());
                    let (key, claim) = claims[left];
                    gate.leave(key, claim.cost);
                    searched.inside[key as usize] -= claim.cost;
                    loop {
                        let called = gate.call(key, now);
                        prop_assert_eq!(called, searched.call(key as usize, now));
                        match called {
                            Some(Call::Enter(visit)) => inside.push(visit as usize),
                            Some(Call::TurnAway(_)) => {}
                            None => break,
                        }
                    }
                }
                1 => {
                    loop {
                        let expired = gate.expire(key, now);
                        prop_assert_eq!(expired, searched.expire(place, now));
                        if expired.is_none() {
                            break;
                        }
                    }
                    prop_assert_eq!(gate.watch(key), searched.watch(place));
                }
                _ => {
                    let claim = Claim { cost, level: Criticality::ALL[level] };
                    let visit = claims.len() as u32;
                    claims.push((key, claim));
                    let room = gate.room(key, claim.level);
                    let entry = gate.enter(key, claim, now);
                    prop_assert_eq!(entry, searched.enter(place, claim, now));
                    prop_assert_eq!(entry == Entry::Entered, cost <= room);
                    match entry {
                        Entry::Entered => inside.push(visit as usize),
                        Entry::Full => {}
                        Entry::Waits { until } => {
                            let mut pushed_out = Vec::new();
                            let times = (now, until);
                            let watch = gate.queue(key, claim, times, visit, &mut pushed_out);
                            let expected = searched.queue(place, claim, times, visit);
                            prop_assert_eq!((watch, pushed_out), expected);
                        }
                    }
                }
            }
            prop_assert_eq!(gate.inside(), searched.inside.iter().sum::<u32>());
            let waiting = searched.lines.iter().map(Vec::len).sum::<usize>();
            prop_assert_eq!(gate.waiting(), waiting);
        }
    }
}

#[test]
fn a_call_does_not_depend_on_how_many_wait() {
    // A critical visit behind so many others that may not enter: a search of the
    // line would look at each of them each time, 10^11 in all.
    let plan = GatePlan {
        shares: Shares::reserving(1),
        max_wait: Span::MAX,
        ..gate(2, u32::MAX, Order::OldestFirst).plan
    };
    let mut gate = Gate::new(plan, Streams::new(1, 0));
    let poll = Claim {
        cost: 1,
        level: Criticality::Sheddable,
    };
    assert_eq!(gate.enter(0, poll, at(0)), Entry::Entered);
    assert_eq!(gate.enter(0, ONE, at(0)), Entry::Entered);
    let until = Time::MAX;
    let count = 300_000;
    for (visit, claim) in (0..count)
        .map(|visit| (visit, poll))
        .chain((count..2 * count).map(|visit| (visit, ONE)))
    {
        gate.queue(0, claim, (at(0), until), visit, &mut Vec::new());
    }
    for visit in count..2 * count {
        assert_eq!(leave(&mut gate, 1, 1), [Call::Enter(visit)]);
    }
}
