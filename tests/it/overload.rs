//! What gates and admission control must bring about in whole runs. Each claim
//! compares two policies on the same requests and leaves a margin of many
//! standard errors; the seed is fixed.

use crate::support::Place;

/// The value of an estimate of a policy, over all traffic.
struct Answer(serde_json::Value);

impl Answer {
    fn of(scenario: &str) -> Answer {
        let done = Place::new().run(scenario, &["--replications", "4"]);
        Answer(done.exits(0).json())
    }

    /// The estimate of the policy whose name has `policy` in it, of a part.
    fn part(&self, policy: &str, name: &str, by: &serde_json::Value) -> f64 {
        let estimates = self.0["estimates"].as_array().unwrap();
        let mut found = estimates.iter().filter(|estimate| {
            estimate["name"] == name
                && estimate["by"] == *by
                && estimate["policy"].as_str().unwrap().contains(policy)
        });
        let estimate = found
            .next()
            .unwrap_or_else(|| panic!("{policy} has {name}"));
        assert!(found.next().is_none(), "{policy} is one policy");
        estimate["value"].as_f64().unwrap()
    }

    fn value(&self, policy: &str, name: &str) -> f64 {
        self.part(policy, name, &serde_json::json!({}))
    }
}

/// One caller who offers `rate` to these stages and a backend.
fn one_caller(rate: &str, stages: &[&str], backend: &str) -> String {
    let list = stages.join(", ");
    let first = stages[0];
    format!(
        r#"Scenario(
            name: "one caller",
            time: (warm_up: "1min", length: "4min"),
            cohorts: {{"source": (homes: 1, client: "caller")}},
            clients: {{"caller": (requests: [(method: "get", rate: "{rate}")], timeout: "2s")}},
            server: (stages: {first}, backend: {backend}),
            study: (vary: {{"server.stages": [{list}]}}),
        )"#
    )
}

#[test]
fn a_gate_for_each_key_keeps_an_eager_one_from_the_others() {
    let answer = Answer::of(
        r#"Scenario(
            name: "eager",
            time: (warm_up: "1min", length: "4min"),
            cohorts: {
                "eager": (homes: 1, client: "loader"),
                "others": (homes: 100, client: "reader"),
            },
            clients: {
                "loader": (requests: [(method: "get", rate: "150/s")]),
                "reader": (requests: [(method: "get", rate: "20/min")]),
            },
            server: (
                stages: [Gate(permits: 20)],
                backend: (service: Exponential(mean: "200ms")),
            ),
            study: (vary: {"server.stages": [
                [Gate(permits: 20)],
                [Gate(name: "each", per: [User], permits: 10), Gate(permits: 20)],
            ]}),
        )"#,
    );
    let others = serde_json::json!({"cohort": "others"});
    let refused = |policy| answer.part(policy, "p429.attempt", &others);
    assert!(refused("[Gate(permits: 20)]") > 0.4);
    assert!(refused("each") < 0.1);
}

#[test]
fn reserved_permits_save_commands_at_the_cost_of_polls() {
    let answer = Answer::of(
        r#"Scenario(
            name: "six o'clock",
            time: (start: "2026-01-01T05:58:00Z", length: "4min"),
            cohorts: {"homes": (homes: 2000, client: "app", devices: [(kind: "valve", count: Exactly(1))])},
            clients: {"app": (
                polls: [(method: "status", every: "30s")],
                commands: [(method: "set", at: Daily(time: "06:00", spread: "10s"), chance: "25%", deadline: "30s")],
            )},
            server: (stages: [Gate(permits: 20)], backend: (service: Exponential(mean: "200ms"))),
            study: (vary: {"server.stages.0": [
                Gate(permits: 20),
                Gate(permits: 20, reserved: 5),
                Gate(permits: 20, shares: (sheddable_plus: (leave: 5), sheddable: (leave: 5))),
            ]}),
        )"#,
    );
    let missed = |policy| answer.value(policy, "p_missed.command");
    let polls = serde_json::json!({"method": "status"});
    let refused = |policy| answer.part(policy, "p429.attempt", &polls);
    assert!(missed("Gate(permits: 20)") > 8.0 * missed("reserved: 5"));
    assert!(refused("reserved: 5") > 2.0 * refused("Gate(permits: 20)"));
    // One is short for the other.
    assert_eq!(missed("reserved: 5"), missed("shares"));
}

#[test]
fn a_standing_queue_serves_nobody_unless_somebody_is_turned_away() {
    let answer = Answer::of(&one_caller(
        "120/s",
        &[
            "[Gate(name: \"old\", permits: 10, queue: 500)]",
            "[Gate(name: \"new\", permits: 10, queue: 500, order: NewestFirst)]",
            "[Gate(name: \"above\", permits: 10, queue: 500, order: NewestAbove(20))]",
            "[Gate(name: \"codel\", permits: 10, queue: 500, codel: (target: \"100ms\", interval: \"1s\"))]",
        ],
        "(service: Exponential(mean: \"100ms\"))",
    ));
    assert!(answer.value("\"old\"", "goodput") < 1.0);
    for better in ["new", "above", "codel"] {
        let served = answer.value(&format!("\"{better}\""), "goodput");
        assert!(served > 95.0, "{better}: {served}");
    }
}

#[test]
fn adaptive_permits_find_what_a_backend_can_take() {
    let front = |gate: &str| {
        format!(
            "[Gate(name: \"front\", {gate}), Gate(name: \"workers\", permits: 20, queue: 100000)]"
        )
    };
    let gates = [
        "permits: 2000",
        "adaptive: Vegas(), sampled: ()",
        "adaptive: Aimd(timeout: \"500ms\")",
        "adaptive: Gradient2()",
        "adaptive: Gradient(update_every: \"1s\")",
    ];
    let stages = gates.map(front);
    let stages: Vec<&str> = stages.iter().map(String::as_str).collect();
    let answer = Answer::of(&one_caller(
        "300/s",
        &stages,
        "(service: Constant(\"100ms\"))",
    ));
    // Twenty workers serve 200 per second.
    assert!(answer.value(gates[0], "goodput") < 20.0, "all time out");
    for gate in &gates[1..] {
        let served = answer.value(gate, "goodput");
        assert!((180.0..=202.0).contains(&served), "{gate}: {served}");
    }
}

#[test]
fn admission_control_refuses_while_the_backend_fails_and_not_else() {
    let run = |failures| {
        Answer::of(&one_caller(
            "50/s",
            &["[]", "[Admission()]", "[Admission(by: Sre)]"],
            &format!("(service: Exponential(mean: \"20ms\"), failures: \"{failures}%\")"),
        ))
    };
    let (well, ill) = (run(2), run(90));
    for by in ["Admission()", "Sre"] {
        let refused = |answer: &Answer| {
            let stage = serde_json::json!({"limit": "admission"});
            answer.part(by, "p_refused.attempt", &stage)
        };
        assert!(refused(&well) < 0.001, "{by}");
        assert!(refused(&ill) > 0.6, "{by}");
    }
    // Without it, every failure is one of the backend.
    let failed = ill.value("[]", "p_refused.attempt");
    assert!((failed - 0.9).abs() < 0.01, "{failed}");
}

#[test]
fn failures_in_a_row_lock_a_key_out() {
    let answer = Answer::of(&one_caller(
        "1/s",
        &[
            "[Limit(name: \"lock\", by: ConsecutiveErrors(limit: 3, lock: \"10s\"))]",
            "[Limit(name: \"never\", by: ConsecutiveErrors(limit: 1000, lock: \"10s\"))]",
        ],
        "(failures: \"50%\")",
    ));
    // 14 attempts on average to three failures in a row, then ten are refused.
    let locked = answer.value("\"lock\"", "p429.attempt");
    assert!((locked - 10.0 / 24.0).abs() < 0.1, "{locked}");
    assert_eq!(answer.value("\"never\"", "p429.attempt"), 0.0);
}
