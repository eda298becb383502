use super::*;

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
    let mut gate = gate(3, 5, Order::OldestFirst);
    gate.plan.shares = Shares::reserving(1);
    (gate.uniform, gate.plain) = (false, false);
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
        codel: Some(Codel::default()),
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
