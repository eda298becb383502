use super::*;
use crate::scenario::Source;

fn scenario(time: &str, homes: u32, client: &str, server: &str, retries: &str) -> Scenario {
    let text = format!(
        "Scenario(name: \"d\", time: ({time}), cohorts: {{\"c\": (homes: {homes}, client: \"a\")}}, \
         clients: {{\"a\": ({client})}}, server: ({server}), retries: {{{retries}}})"
    );
    let unchecked =
        crate::scenario::text::parse(&text).unwrap_or_else(|problem| panic!("{problem}"));
    Scenario::resolved(unchecked).unwrap()
}

fn near(found: f64, expected: f64) -> bool {
    (found / expected - 1.0).abs() < 0.05
}

#[test]
fn rates_are_in_balance() {
    let second = "length: \"1000s\", drain: \"0s\"";
    let gate = |permits: u32| {
        format!("stages: [Gate(permits: {permits})], backend: (service: Constant(\"1s\"))")
    };
    let send = "requests: [(method: \"m\", rate: \"1/s\")]";
    let soon = "\"soon\": Fixed(wait: \"10s\", attempts: 4)";
    let for_ever = "\"soon\": Fixed(wait: \"10s\", attempts: Unlimited)";
    let retried = format!("{send}, retry: \"soon\"");
    let looped = "loops: [(method: \"m\", think: Constant(\"1ms\"))]";
    for (homes, client, server, retries, requests, attempts) in [
        // All are served, or refused once.
        (10, send, gate(20), "", 1e4, 1e4),
        (10, send, gate(5), "", 1e4, 1e4),
        // Half of the requests have four attempts: p^4 = 1/2, 5 / (1 - p) per
        // second.
        (10, retried.as_str(), gate(5), soon, 1e4, 3.14e4),
        (10, retried.as_str(), gate(20), soon, 1e4, 1e4),
        // Without end, the orbit grows all the time: 10 * (1000 / 2) / 10 per
        // request that does not pass.
        (10, retried.as_str(), gate(1), for_ever, 1e4, 4.5e5),
        // A loop whose requests are served, and two of which one is.
        (1, looped, gate(1), "", 1e3, 1e3),
        (2, looped, gate(1), "", 1e6, 1e6),
    ] {
        let demand = Demand::of(&scenario(second, homes, client, &server, retries));
        let flow = &demand.flows[0];
        let close = near(flow.requests, requests)
            && flow.attempts / attempts < 1.25
            && flow.attempts / attempts > 0.8;
        assert!(close, "{homes} {client} {server} {retries}: {flow:?}");
    }
}

#[test]
fn each_entry_has_its_own_policy_and_service_time() {
    let time = "length: \"1000s\", drain: \"0s\"";
    let client = "requests: [(method: \"a\", rate: \"1/s\", retry: \"none\"), (method: \"b\", rate: \"1/s\")], retry: \"soon\"";
    let policy = "\"soon\": Fixed(wait: \"10s\", attempts: 4)";
    let attempts = |permits: u32, service: &str| {
        let server = format!("stages: [Gate(permits: {permits})], backend: ({service})");
        let demand = Demand::of(&scenario(time, 10, client, &server, policy));
        let attempts = demand.flows.iter().map(|flow| flow.attempts);
        (attempts.collect::<Vec<f64>>(), demand.in_service)
    };
    // 10 + 10 requests per second of 1 s and 3 s need 40 permits.
    let both = "service: Constant(\"1s\"), service_by_method: {\"b\": Exponential(mean: \"3s\")}";
    let (enough, inside) = attempts(41, both);
    assert!(near(enough[0], 1e4) && near(enough[1], 1e4), "{enough:?}");
    assert!(near(inside, 40.0), "{inside}");
    for service in [both, "service: Constant(\"2s\")"] {
        let (few, inside) = attempts(20, service);
        assert!(near(few[0], 1e4) && few[1] > 1.3e4, "{service}: {few:?}");
        assert!(near(inside, 20.0), "{service}: {inside}");
    }
    let only = "service_by_method: {\"b\": Constant(\"3s\")}";
    let (free, inside) = attempts(31, only);
    assert!(
        near(free[1], 1e4) && near(inside, 30.0),
        "{free:?} {inside}"
    );
}

#[test]
fn a_policy_is_reckoned_with_all_its_parts() {
    let policy = |text: &str| -> crate::scenario::RetryPolicy {
        crate::scenario::text::parse(text).unwrap()
    };
    for (text, told, most, total) in [
        ("None", 9.0, 1.0, 0.0),
        ("Fixed(wait: \"10s\", attempts: 4)", 0.0, 4.0, 30.0),
        (
            "Fixed(wait: \"10s\", attempts: 4, first: \"0s\")",
            0.0,
            4.0,
            20.0,
        ),
        (
            "Waits(waits: [\"0s\", \"1s\", \"5s\"], attempts: 5)",
            0.0,
            5.0,
            11.0,
        ),
        (
            "Waits(waits: [\"2s\", \"4s\"], jitter: Full, attempts: 4)",
            0.0,
            4.0,
            5.0,
        ),
        (
            "Fixed(wait: \"10s\", attempts: 99, give_up_after: \"35s\")",
            0.0,
            4.5,
            35.0,
        ),
        ("Fixed(wait: \"10s\", attempts: 3)", 60.0, 3.0, 20.0),
        (
            "Fixed(wait: \"10s\", attempts: 3, honour_retry_after: true)",
            60.0,
            3.0,
            120.0,
        ),
        (
            "Fixed(wait: \"10s\", attempts: 3, honour_rate_limit: true)",
            60.0,
            3.0,
            120.0,
        ),
        (
            "Fixed(wait: \"10s\", attempts: 3, retry_after: Instead)",
            1.0,
            3.0,
            2.0,
        ),
        (
            "Fixed(wait: \"10s\", attempts: 3, retry_after: Before)",
            60.0,
            3.0,
            140.0,
        ),
        (
            "Fixed(wait: \"10s\", attempts: 3, retry_after: AtLeast, told_at_most: \"30s\")",
            60.0,
            3.0,
            60.0,
        ),
        (
            "Fixed(wait: \"10s\", attempts: 3, retry_after: AtLeast, told_adds_at_most: \"5s\")",
            60.0,
            3.0,
            30.0,
        ),
    ] {
        let found = backoff::Backoff::of(&policy(text), told, 10_000.0);
        let holds = (found.most - most).abs() < 1e-9 && (found.total - total).abs() < 1e-9;
        assert!(holds, "{text}: {} in {}", found.most, found.total);
    }
}

#[test]
fn what_waits_is_counted_up_to_its_bound() {
    let send = "requests: [(method: \"m\", rate: \"10/s\")]";
    let looped = "loops: [(method: \"m\", think: Constant(\"1ms\"))]";
    for (client, stage, waiting) in [
        (send, "Gate(permits: 1)", 0.0),
        (send, "Gate(permits: 1, queue: 50)", 50.0),
        (send, "Gate(permits: 1, queue: 4000000000)", 99_000.0),
        (send, "Gate(permits: 1, max_wait: \"10s\")", 990.0),
        (send, "Gate(permits: 1, max_wait: \"1h\")", 99_000.0),
        (send, "Gate(permits: 200, max_wait: \"1h\")", 0.0),
        (looped, "Gate(permits: 1, max_wait: \"1h\")", 9.0),
        (
            send,
            "Limit(name: \"l\", by: LeakyBucket(rate: \"1/s\", burst: 1))",
            99_000.0,
        ),
        (
            send,
            "Limit(name: \"l\", by: LeakyBucket(rate: \"1/s\", burst: 1, queue: 9))",
            9.0,
        ),
        (
            send,
            "Limit(name: \"l\", per: [User], by: LeakyBucket(rate: \"1/s\", burst: 1, queue: 9))",
            90.0,
        ),
        (
            send,
            "Limit(name: \"l\", by: PacedWindow(quota: 10, window: \"10s\"))",
            99_000.0,
        ),
    ] {
        let server = format!("stages: [{stage}], backend: (service: Constant(\"1s\"))");
        let time = "length: \"1000s\", drain: \"0s\"";
        let demand = Demand::of(&scenario(time, 10, client, &server, ""));
        let found = demand.waiting[0];
        assert!(
            (found - waiting).abs() <= 0.05 * waiting,
            "{client} {stage}: {found}"
        );
    }
}

#[test]
fn a_run_that_drains_at_once_is_not_as_long_as_its_drain() {
    let time = "length: \"60s\", drain: \"1h\"";
    let send = "requests: [(method: \"m\", rate: \"1/s\")], retry: \"r\"";
    let policy = "\"r\": Fixed(wait: \"10s\", attempts: 4)";
    for (permits, longest) in [(20, 70.0), (5, 100.0)] {
        let server =
            format!("stages: [Gate(permits: {permits})], backend: (service: Constant(\"1s\"))");
        let demand = Demand::of(&scenario(time, 10, send, &server, policy));
        assert!(
            (60.0..=longest).contains(&demand.seconds),
            "{}",
            demand.seconds
        );
    }
    let full = "stages: [Gate(permits: 1, max_wait: \"1h\")], backend: (service: Constant(\"1s\"))";
    let demand = Demand::of(&scenario(time, 1000, send, full, policy));
    assert!(demand.seconds > 3600.0, "{}", demand.seconds);
}

#[test]
fn a_herd_comes_back_until_it_has_passed() {
    let time = "length: \"1h\", drain: \"0s\"";
    let client = "commands: [(method: \"m\", at: Daily(time: \"00:10\"), per: Home, deadline: \"1min\")], retry: \"r\"";
    let server = "stages: [Limit(name: \"l\", by: FixedWindow(quota: Fixed(100), window: \"1s\"))]";
    // 900 of 1000 are refused; they need 9 s and come back each second.
    let policy = "\"r\": Fixed(wait: \"1s\", attempts: Unlimited)";
    let demand = Demand::of(&scenario(time, 1000, client, server, policy));
    let flow = &demand.flows[0];
    assert!(near(flow.requests, 1000.0), "{flow:?}");
    assert!((3000.0..8000.0).contains(&flow.attempts), "{flow:?}");
    let policy = "\"r\": Fixed(wait: \"1s\", attempts: 2)";
    let demand = Demand::of(&scenario(time, 1000, client, server, policy));
    assert!(
        (1500.0..2001.0).contains(&demand.flows[0].attempts),
        "{demand:?}"
    );
}

#[test]
fn no_sound_scenario_has_a_demand_that_is_no_number() {
    for file in crate::scenario::presets::ALL {
        let variants = Source::new(file.text.to_owned()).variants().unwrap();
        for variant in &variants {
            let demand = Demand::of(&variant.scenario);
            assert!(
                demand.events() > 0.0 && demand.events().is_finite(),
                "{demand:?}"
            );
            assert!(demand.waiting.iter().all(|waiting| waiting.is_finite()));
        }
    }
}
