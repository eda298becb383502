use super::{DeviceCount, Guard, Outage, Scenario, Stage};
use crate::rng::Distribution;
use crate::server::Replicas;

impl Scenario {
    /// Whether nothing in a run is left to chance, so that every run is the
    /// same.
    pub fn is_certain(&self) -> bool {
        let cohorts = self.cohorts.values();
        let mut devices = cohorts.flat_map(|cohort| &cohort.devices);
        let backend = &self.server.backend;
        !devices.any(|devices| matches!(devices.count, DeviceCount::Poisson(_)))
            && self
                .traffic()
                .all(|entry| entry.traffic.is_certain() && entry.retry.is_certain())
            && (self.clients.values()).all(|client| client.guards.iter().all(Guard::is_certain))
            && self.server.stages.iter().all(is_stage_certain)
            && backend.services().all(is_constant)
            && backend.failures.is_sure()
            && !self.server.replicas.is_some_and(Replicas::is_random)
            && self.server.outages.values().all(Outage::is_certain)
    }
}

/// Admission control refuses by chance, and adaptive gates measure at random.
fn is_stage_certain(stage: &Stage) -> bool {
    match stage {
        Stage::Gate { adaptive, .. } => adaptive.is_none(),
        Stage::Admission { .. } => false,
        Stage::Limit { .. } => true,
    }
}

/// Whether all times are the same.
pub(super) fn is_constant(distribution: &Distribution) -> bool {
    match distribution {
        Distribution::Constant(_) => true,
        Distribution::Uniform { from, to } => from == to,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_drawn_makes_runs_differ() {
        let text = r#"Scenario(
            name: "herd", time: (length: "1h"),
            cohorts: {"c": (homes: 3, client: "x", devices: [(kind: "d", count: Exactly(2))])},
            clients: {"x": (
                polls: [(method: "p", every: "1min", phase: At("5s"))],
                commands: [(method: "m", at: Daily(time: "00:10"), deadline: "1min")],
                retry: "r",
            )},
            server: (stages: [Gate(permits: 1)], backend: (service: Constant("1s"))),
            retries: {"r": Fixed(wait: "1s", attempts: 3)},
        )"#;
        let is_certain = |text: &str| Scenario::parse(text).unwrap().is_certain();
        assert!(is_certain(text));
        for (from, to) in [
            ("Exactly(2)", "Poisson(2.0)"),
            (", phase: At(\"5s\")", ""),
            ("phase: At(\"5s\")", "phase: At(\"5s\"), jitter: \"1s\""),
            (
                "Daily(time: \"00:10\")",
                "Daily(time: \"00:10\", spread: \"1s\")",
            ),
            ("deadline: \"1min\"", "deadline: \"1min\", chance: 0.5"),
            ("Constant(\"1s\")", "Exponential(mean: \"1s\")"),
            ("Constant(\"1s\")", "Constant(\"1s\"), failures: 0.5"),
            ("Fixed(wait: \"1s\"", "Exponential(base: \"1s\""),
            (
                "retry: \"r\"",
                "retry: \"r\", loops: [(method: \"l\", think: Constant(\"1s\"))]",
            ),
        ] {
            assert_eq!(text.matches(from).count(), 1, "{from}");
            assert!(!is_certain(&text.replace(from, to)), "{to}");
        }
        for (guard, certain) in [
            ("Pace(by: TokenBucket(rate: \"1/s\", burst: 1))", true),
            ("Breaker(opens: InRow(3), stays_open: \"1s\")", true),
            ("Pause(lasts: [\"1s\"])", true),
            ("Pause(lasts: [\"1s\"], spread: \"1s\")", false),
            ("Throttle()", false),
        ] {
            let guarded = format!("retry: \"r\", guards: [{guard}]");
            let text = text.replace("retry: \"r\"", &guarded);
            assert_eq!(is_certain(&text), certain, "{guard}");
        }
        let limit = r#"Limit(name: "l", by: FixedWindow(quota: Fixed(9), window: "1h"))"#;
        for (replicas, certain) in [
            ("AtRandom(2)", false),
            ("AtRandom(1)", true),
            ("InTurn(2)", true),
            ("ByHome(2)", true),
        ] {
            let stages = format!("replicas: {replicas}, stages: [{limit}]");
            let text = text.replace("stages: [Gate(permits: 1)]", &stages);
            assert_eq!(is_certain(&text), certain, "{replicas}");
        }
        let outage = "service: Constant(\"1s\")), outages: {\"o\": (at: [\"1min\"], lasts: Constant(\"1min\"))}";
        let text = text.replace("service: Constant(\"1s\"))", outage);
        assert!(is_certain(&text));
        for (from, to) in [
            ("Constant(\"1min\")", "Exponential(mean: \"1min\")"),
            ("at: [\"1min\"]", "between: Exponential(mean: \"1min\")"),
            ("at: [\"1min\"]", "at: [\"1min\"], how: Failing(0.5)"),
        ] {
            assert_eq!(text.matches(from).count(), 1, "{from}");
            assert!(!is_certain(&text.replace(from, to)), "{to}");
        }
    }
}
