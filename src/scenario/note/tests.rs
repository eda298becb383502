use super::*;
use crate::scenario::Source;

const TEXT: &str = r#"Scenario(
    name: "notes",
    time: (length: "1h"),
    cohorts: {"homes": (homes: 100, client: "app", devices: [(kind: "valve", count: Exactly(2))])},
    clients: {"app": (
        polls: [(method: "get", every: "1min")],
        commands: [(method: "set", at: Daily(time: "00:10", spread: "5s"), deadline: "1min")],
        retry: "soon",
    )},
    server: (
        stages: [
            Gate(permits: 5),
            Limit(name: "limit", per: [User], by: FixedWindow(quota: Fixed(10), window: "10s"), refuse: (code: 26)),
        ],
        backend: (service: Constant("50ms")),
    ),
    retries: {"soon": Exponential(base: "1s", cap: "60s", attempts: 4)},
)"#;

fn notes_on(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut text = TEXT.to_owned();
    for (from, to) in changes {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text = text.replace(from, to);
    }
    let variants = Source::new(text.clone()).variants();
    let variants = variants.unwrap_or_else(|problems| panic!("{text}\n{problems}"));
    let notes = Note::on(variants.iter().map(|variant| variant.scenario));
    let told = notes.iter();
    told.map(|note| (note.path(), note.to_string())).collect()
}

#[test]
fn a_plain_scenario_has_none() {
    assert_eq!(notes_on(&[]), []);
}

#[test]
fn what_has_no_effect_is_noted_where_it_is_written() {
    const LIMIT: &str = "refuse: (code: 26)";
    const SOON: &str = "attempts: 4";
    const NONE: (&str, &str) = ("retry: \"soon\"", "retry: \"none\"");
    type Pairs = &'static [(&'static str, &'static str)];
    let cases: &[(Pairs, Pairs)] = &[
        (
            &[NONE],
            &[("retries.\"soon\"", "no client uses the retry policy")],
        ),
        (
            &[(
                SOON,
                "attempts: 4, on: [Code(26), Code(27), Status(503), Timeout]",
            )],
            &[
                ("retries.\"soon\".on.1", "the code 27"),
                ("retries.\"soon\".on.2", "the status 503"),
                ("retries.\"soon\".on.3", "has a `timeout`"),
            ],
        ),
        (
            &[
                (SOON, "attempts: 4, on: [Status(500)]"),
                ("Constant(\"50ms\")", "Constant(\"50ms\"), failures: \"1%\""),
            ],
            &[],
        ),
        (
            &[(SOON, "attempts: 4, honour_retry_after: true")],
            &[("retries.\"soon\".honour_retry_after", "has a Retry-After")],
        ),
        (
            &[(SOON, "attempts: 4, honour_rate_limit: true")],
            &[("retries.\"soon\".honour_rate_limit", "rate_limit: Draft10")],
        ),
        // Only an entry that has the policy counts, and any of them does.
        (
            &[
                (SOON, "attempts: 4, on: [Timeout]"),
                (
                    "every: \"1min\"",
                    "every: \"1min\", timeout: \"5s\", retry: \"none\"",
                ),
            ],
            &[("retries.\"soon\".on.0", "has a `timeout`")],
        ),
        (
            &[
                (SOON, "attempts: 4, on: [Timeout]"),
                ("every: \"1min\"", "every: \"1min\", timeout: \"5s\""),
            ],
            &[],
        ),
        (
            &[
                NONE,
                ("every: \"1min\"", "every: \"1min\", retry: \"soon\""),
            ],
            &[],
        ),
        (
            &[
                ("every: \"1min\"", "every: \"1min\", retry: \"none\""),
                ("deadline: \"1min\"", "deadline: \"1min\", retry: \"none\""),
            ],
            &[("retries.\"soon\"", "or of an entry of its traffic")],
        ),
        (
            &[(SOON, "attempts: 4, retry_after: Instead")],
            &[("retries.\"soon\".retry_after", "has a Retry-After")],
        ),
        // Told by a stage whose refusals the policy does not retry.
        (
            &[
                (
                    SOON,
                    "attempts: 4, on: [Status(503), Code(26)], honour_retry_after: true",
                ),
                ("permits: 5", "permits: 5, refuse: (status: 503)"),
                (LIMIT, "refuse: (code: 27, retry_after: Exact)"),
            ],
            &[
                ("retries.\"soon\".on.1", "the code 26"),
                (
                    "retries.\"soon\".honour_retry_after",
                    "no answer that it retries",
                ),
                (
                    "server.stages.1.refuse.retry_after",
                    "\"limit\" tells a Retry-After",
                ),
            ],
        ),
        (
            &[(LIMIT, "refuse: (retry_after: Exact, rate_limit: Draft7)")],
            &[
                (
                    "server.stages.1.refuse.retry_after",
                    "honour_retry_after: true",
                ),
                (
                    "server.stages.1.refuse.rate_limit",
                    "honour_rate_limit: true",
                ),
            ],
        ),
        (
            &[(SOON, "attempts: 4, jitter: Decorrelated, factor: 3")],
            &[("retries.\"soon\".factor", "no growth factor")],
        ),
        (
            &[("per: [User]", "per: [Device], methods: [\"get\"]")],
            &[("server.stages.1", "it is for single devices")],
        ),
        (&[("per: [User]", "per: [Device]")], &[]),
        (
            &[("per: [User]", "kinds: [\"valve\"], methods: [\"get\"]")],
            &[("server.stages.1", "no request meets the limit \"limit\"")],
        ),
        (
            &[(
                "per: [User]",
                "methods: [\"get\"], costs: {\"set\": 2, \"get\": 3}",
            )],
            &[(
                "server.stages.1.costs.\"set\"",
                "not for the method \"set\"",
            )],
        ),
        (
            &[(
                "Constant(\"50ms\")",
                "Constant(\"50ms\"), fail: (status: 503)",
            )],
            &[("server.backend.fail", "give it `failures`")],
        ),
        (
            &[("backend: (", "refused_by_later: Returned, backend: (")],
            &[("server.refused_by_later", "no limit comes before")],
        ),
    ];
    for &(changes, expected) in cases {
        let found = notes_on(changes);
        assert_eq!(found.len(), expected.len(), "{changes:?}: {found:#?}");
        for ((path, message), (at, part)) in found.iter().zip(expected) {
            assert_eq!(path, at, "{changes:?}");
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn jitter_below_a_told_wait_is_noted() {
    let tells = |answer: &str| format!("refuse: (code: 26, retry_after: {answer})");
    for (policy, answer, limit, swallowed) in [
        ("Exponential(base: \"1s\", cap: \"60s\"", "Exact", "", true),
        (
            "Exponential(base: \"1s\", jitter: Equal",
            "Precise",
            "",
            true,
        ),
        (
            "Exponential(base: \"1s\", jitter: Decorrelated",
            "Date",
            "",
            true,
        ),
        (
            "Random(wait: Uniform(from: \"0s\", to: \"5s\")",
            "Exact",
            "",
            true,
        ),
        ("Random(wait: Exponential(mean: \"5s\")", "Exact", "", true),
        ("Exponential(base: \"1s\"", "Fixed(\"30s\")", "", true),
        (
            "Exponential(base: \"10s\"",
            "Late(\"20s\")",
            "TokenBucket(rate: \"2/s\", burst: 10)",
            true,
        ),
        // The waits are longer than what is told.
        ("Exponential(base: \"1min\"", "Exact", "", false),
        (
            "Exponential(base: \"10s\"",
            "Exact",
            "TokenBucket(rate: \"2/s\", burst: 10)",
            false,
        ),
        (
            "Exponential(base: \"1s\"",
            "Precise",
            "TokenBucket(rate: \"10/s\", burst: 10)",
            false,
        ),
        // There is no jitter.
        ("Exponential(base: \"1s\", jitter: None", "Exact", "", false),
        ("Fixed(wait: \"1s\"", "Exact", "", false),
        ("Random(wait: Constant(\"1s\")", "Exact", "", false),
    ] {
        let window = "FixedWindow(quota: Fixed(10), window: \"10s\")";
        let found = notes_on(&[
            (
                "Exponential(base: \"1s\", cap: \"60s\", attempts: 4)",
                &format!("{policy}, attempts: 4, honour_retry_after: true)"),
            ),
            (window, if limit.is_empty() { window } else { limit }),
            ("refuse: (code: 26)", &tells(answer)),
        ]);
        match swallowed {
            false => assert_eq!(found, [], "{policy} {answer} {limit}"),
            true => {
                assert_eq!(found.len(), 1, "{policy} {answer} {limit}: {found:?}");
                assert_eq!(found[0].0, "retries.\"soon\".honour_retry_after");
                assert!(found[0].1.contains("come back together"), "{found:?}");
            }
        }
    }
    // A single home has nobody to come back with.
    let alone = notes_on(&[
        ("attempts: 4", "attempts: 4, honour_retry_after: true"),
        ("refuse: (code: 26)", &tells("Exact")),
        ("homes: 100", "homes: 1"),
    ]);
    assert_eq!(alone, []);
}

#[test]
fn how_a_told_wait_is_read_decides_what_it_does_to_jitter() {
    for (parts, swallowed) in [
        ("retry_after: Ignore", None),
        ("retry_after: AtLeast", Some("acts only above the wait")),
        ("retry_after: Instead", Some("instead of its own waits")),
        ("retry_after: Before", None),
        ("retry_after: AtLeast, told_adds_at_most: \"5s\"", None),
        ("retry_after: AtLeast, told_at_most: \"400ms\"", None),
        (
            "retry_after: AtLeast, told_at_most: \"2s\"",
            Some("of up to 2s"),
        ),
        ("first: \"0s\", retry_after: AtLeast", Some("at most 2s")),
    ] {
        let found = notes_on(&[
            ("attempts: 4", &format!("attempts: 4, {parts}")),
            ("code: 26", "code: 26, retry_after: Exact"),
        ]);
        let told: Vec<_> = (found.iter())
            .filter(|(path, _)| path.starts_with("retries"))
            .collect();
        assert_eq!(
            told.len(),
            usize::from(swallowed.is_some()),
            "{parts}: {found:?}"
        );
        if let (Some(part), Some((path, message))) = (swallowed, told.first()) {
            assert_eq!(path, "retries.\"soon\".retry_after");
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn retries_in_lockstep_are_noted() {
    for (policy, spread, phase, noted) in [
        (
            "Waits(waits: [\"0s\", \"1s\"], attempts: Unlimited)",
            "0s",
            "",
            true,
        ),
        (
            "Waits(waits: [\"1s\"], jitter: Full, attempts: Unlimited)",
            "0s",
            "",
            false,
        ),
        // The entry that begins at one time has another policy.
        (
            "Fixed(wait: \"1s\", attempts: Unlimited)",
            "5s",
            ", phase: At(\"3s\"), retry: \"none\"",
            false,
        ),
        ("Fixed(wait: \"1s\", attempts: Unlimited)", "0s", "", true),
        (
            "Exponential(base: \"1s\", jitter: None, attempts: Unlimited)",
            "0s",
            "",
            true,
        ),
        (
            "Fixed(wait: \"1s\", attempts: Unlimited)",
            "5s",
            ", phase: At(\"3s\")",
            true,
        ),
        ("Fixed(wait: \"1s\", attempts: Unlimited)", "5s", "", false),
        ("Fixed(wait: \"1s\", attempts: 4)", "0s", "", false),
        (
            "Exponential(base: \"1s\", attempts: Unlimited)",
            "0s",
            "",
            false,
        ),
    ] {
        let found = notes_on(&[
            (
                "Exponential(base: \"1s\", cap: \"60s\", attempts: 4)",
                policy,
            ),
            ("spread: \"5s\"", &format!("spread: \"{spread}\"")),
            ("every: \"1min\"", &format!("every: \"1min\"{phase}")),
        ]);
        assert_eq!(
            found.len(),
            usize::from(noted),
            "{policy} {spread}: {found:?}"
        );
    }
}

#[test]
fn what_one_variant_uses_has_an_effect() {
    let varied = "retries: {\"soon\": Exponential(base: \"1s\", cap: \"60s\", attempts: 4), \"late\": Fixed(wait: \"1min\", attempts: 2), \"never\": None},
        study: (vary: {\"clients.app.retry\": [\"none\", \"soon\", \"late\"]})";
    let found = notes_on(&[(
        "retries: {\"soon\": Exponential(base: \"1s\", cap: \"60s\", attempts: 4)}",
        varied,
    )]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "retries.\"never\"");
}

#[test]
fn the_scenarios_that_come_with_it_have_none_but_true_ones() {
    // A herd at one moment, retried without end and without jitter, is what
    // these two are about.
    let herds = [
        "A herd that heeds Retry-After",
        "A herd that backs off without jitter",
    ];
    let mut seen = 0;
    let mut folders = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/scenarios"
    ))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "ron") {
                let text = std::fs::read_to_string(&path).unwrap();
                let variants = Source::new(text).variants().unwrap();
                let notes = Note::on(variants.iter().map(|variant| variant.scenario));
                let is_herd = herds.contains(&variants.get(0).unwrap().scenario.name.as_str());
                let lockstep = |note: &Note| matches!(note, Note::Lockstep { .. });
                assert_eq!(notes.len(), usize::from(is_herd), "{path:?}: {notes:#?}");
                assert!(notes.iter().all(lockstep), "{path:?}: {notes:#?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20);
}
