//! How the senders of a scenario start, in words for a reader.

use crate::scenario::{Client, Every, List, Phase, Scenario, Traffic, When};

/// The most polls that are named where they start in different ways.
const MOST_NAMED: usize = 3;

/// How every kind of sender of a scenario starts, as one sentence.
pub(super) fn start_in_words(scenario: &Scenario) -> String {
    let mut parts = polls(scenario);
    let clients = || scenario.clients.values();
    let any = |is_so: &dyn Fn(&Traffic<'_>) -> bool| {
        clients().any(|client| client.traffic().any(|entry| is_so(&entry)))
    };
    if any(&|entry| entry.is_closed()) {
        parts.push(
            "closed loops start at a random point of a think time, as if they had been running for ever"
                .to_owned(),
        );
    }
    let at_random =
        |list: List| any(&|entry| entry.list == list && matches!(entry.when, When::Poisson { .. }));
    let who = match (at_random(List::Requests), at_random(List::Commands)) {
        (true, true) => Some("requests and commands"),
        (true, false) => Some("requests"),
        (false, true) => Some("commands"),
        (false, false) => None,
    };
    if let Some(who) = who {
        parts.push(format!(
            "{who} at random times come at their full rate from the first moment on"
        ));
    }
    let varies = |entry: &Traffic<'_>| matches!(entry.when, When::Poisson { profile, .. } if !profile.is_flat());
    if any(&varies) {
        parts.push("rates with a profile are those of the time of the week".to_owned());
    }
    if any(&|entry| matches!(entry.when, When::Daily { .. })) {
        parts.push("daily commands come at their time of day".to_owned());
    }
    parts.join("; ")
}

/// A phrase per way in which polls start; names of polls if there are several.
fn polls(scenario: &Scenario) -> Vec<String> {
    let mut ways: Vec<(String, Vec<&str>)> = Vec::new();
    for entry in scenario.clients.values().flat_map(Client::traffic) {
        let When::Every(every) = entry.when else {
            continue;
        };
        let (way, name) = (way(every), entry.called());
        match ways.iter_mut().find(|(other, _)| *other == way) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => ways.push((way, vec![name])),
        }
    }
    let several = ways.len() > 1;
    ways.into_iter()
        .map(|(way, names)| match several {
            false => format!("polls {way}"),
            true => format!("polls {} {way}", list(&names)),
        })
        .collect()
}

fn way(poll: Every) -> String {
    match poll.phase {
        Phase::Steady => {
            "start at a random point of their interval, as if they had been running for ever"
                .to_owned()
        }
        Phase::Uniform if poll.jitter.is_zero() => {
            "start at a random point of their interval".to_owned()
        }
        Phase::Uniform => {
            "start at a random point of their mean interval, so that the load is not quite level at first"
                .to_owned()
        }
        Phase::At(offset) if offset.is_zero() => {
            "all start together, in the first moment of the run".to_owned()
        }
        Phase::At(offset) => format!("all start together, {offset} after the start of the run"),
    }
}

fn list(names: &[&str]) -> String {
    let named = &names[..names.len().min(MOST_NAMED)];
    let mut text: Vec<String> = named.iter().map(|name| format!("\"{name}\"")).collect();
    match names.len() - named.len() {
        0 => {}
        more => text.push(format!("{more} more")),
    }
    match text.split_last() {
        Some((last, [_, ..])) => format!("{} and {last}", text[..text.len() - 1].join(", ")),
        _ => text.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(client: &str) -> String {
        let text = format!(
            r#"Scenario(
                name: "s", time: (length: "2d"), cohorts: {{"a": (homes: 1, client: "c")}},
                clients: {{"c": ({client})}}, server: (stages: [Gate(permits: 1)]),
            )"#
        );
        start_in_words(&Scenario::parse(&text).unwrap())
    }

    #[test]
    fn each_kind_of_sender_is_told() {
        for (client, expected) in [
            (
                r#"polls: [(method: "m", every: "1min")]"#,
                "polls start at a random point of their interval, as if they had been running for ever",
            ),
            (
                r#"polls: [(method: "m", every: "1min", phase: Uniform)]"#,
                "polls start at a random point of their interval",
            ),
            (
                r#"polls: [(method: "m", every: "1min", phase: Uniform, jitter: "1s")]"#,
                "polls start at a random point of their mean interval, so that the load is not quite level at first",
            ),
            (
                r#"polls: [(method: "m", every: "1min", phase: At("0s"))]"#,
                "polls all start together, in the first moment of the run",
            ),
            (
                r#"polls: [(method: "m", every: "1min", phase: At("90s")), (method: "m", every: "1h", name: "slow", phase: At("90s")), (method: "n", every: "1h", phase: Uniform)]"#,
                r#"polls "m" and "slow" all start together, 1min 30s after the start of the run; polls "n" start at a random point of their interval"#,
            ),
            (
                r#"loops: [(method: "m", think: Constant("1s"))]"#,
                "closed loops start at a random point of a think time, as if they had been running for ever",
            ),
            (
                r#"requests: [(method: "m", rate: "1/s")], commands: [(method: "m", per: Home, deadline: "1s", at: Poisson(rate: "1/h")), (method: "m", per: Home, deadline: "1s", at: Daily(time: "06:00"))]"#,
                "requests and commands at random times come at their full rate from the first moment on; daily commands come at their time of day",
            ),
            (
                r#"commands: [(method: "m", per: Home, deadline: "1s", at: Poisson(rate: "1/h"))]"#,
                "commands at random times come at their full rate from the first moment on",
            ),
        ] {
            assert_eq!(words(client), expected, "{client}");
        }
    }

    #[test]
    fn a_long_list_of_names_is_cut() {
        assert_eq!(list(&["a"]), "\"a\"");
        assert_eq!(list(&["a", "b"]), "\"a\" and \"b\"");
        assert_eq!(
            list(&["a", "b", "c", "d", "e"]),
            "\"a\", \"b\", \"c\" and 2 more"
        );
    }
}
