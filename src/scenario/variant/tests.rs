use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const TEXT: &str = r#"Scenario(
name: "two clients",
time: (length: "10min"),
cohorts: {"a": (homes: 1, client: "x"), "b": (homes: 2, client: "y.z")},
clients: {
    "x": (requests: [(method: "get", rate: "1/s")], retry: "none"),
    "y.z": (requests: [(method: "get", rate: "1/s")]),
},
server: (stages: [Gate(permits: 1)], backend: (service: Constant("1s"))),
retries: {"soon": Fixed(wait: "1s", attempts: 2)},
study: (vary: {"clients.*.retry": ["none", "soon"], "server.stages.gate.permits": [1, 2, 3]}),
)"#;

#[test]
fn a_star_stands_for_every_entry() {
    let mut source = Source::new(TEXT.to_owned());
    source.set("clients.*.retry", "soon").unwrap();
    let scenario = source.scenario().unwrap();
    assert!(
        scenario
            .clients
            .values()
            .all(|client| client.retry == "soon")
    );
    source.set("clients.y.z.timeout", "3s").unwrap_err();
    source.set("clients.\"y.z\".timeout", "3s").unwrap();
    assert!(source.text().contains("timeout: \"3s\""));
    source.set("server.stages.0.permits", "80").unwrap();
    assert!(source.text().contains("Gate(permits: 80)"));
}

/// The scenario with another study.
fn study(study: &str) -> String {
    let start = TEXT.find("study: (").unwrap();
    format!("{}study: ({study}),\n)", &TEXT[..start])
}

fn variants(text: &str) -> Variants {
    let variants = Source::new(text.to_owned()).variants();
    variants.unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// The names of all cells and the labels of their settings.
fn cells(text: &str) -> Vec<(String, String)> {
    let variants = variants(text);
    let labels = |variant: &Variant| {
        let labels: Vec<&str> = variant.settings.iter().map(|s| s.label.as_str()).collect();
        labels.join(" | ")
    };
    assert_eq!(variants.iter().count(), variants.len());
    variants
        .iter()
        .map(|variant| (variant.name.clone(), labels(&variant)))
        .collect()
}

#[test]
fn variants_combine_all_values_in_order() {
    let variants = variants(TEXT);
    let names: Vec<&str> = variants.names().iter().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "none, 1", "none, 2", "none, 3", "soon, 1", "soon, 2", "soon, 3"
        ]
    );
    let last = variants.get(5).unwrap();
    assert_eq!(last.scenario.clients.get("x").unwrap().retry, "soon");
    assert!(last.scenario.study.vary.is_empty());
    assert_eq!(
        variants.heading(),
        "clients.*.retry, server.stages.gate.permits"
    );
    let paths: Vec<&str> = last.settings.iter().map(|s| s.path.as_str()).collect();
    assert_eq!(paths, ["clients.*.retry", "server.stages.gate.permits"]);
    assert_eq!(last.settings[1].number(), Some(3.0));
    assert_eq!(last.settings[0].number(), None);
    assert!(variants.get(6).is_none());
}

#[test]
fn what_varies_nothing_is_one_cell_as_written() {
    let variants = variants(&study("replications: 3"));
    let only = variants.get(0).unwrap();
    assert_eq!((variants.len(), only.name.as_str()), (1, AS_WRITTEN));
    assert!(only.settings.is_empty() && !only.is_control);
    assert_eq!(only.scenario.study.replications, 3);
    assert_eq!(variants.heading(), "");
}

#[test]
fn cells_are_named_by_values_names_and_ranges() {
    let permits = |values: &str| {
        study(&format!(
            "vary: {{\"server.stages.gate.permits\": {values}}}"
        ))
    };
    for (text, names) in [
        (permits("{\"narrow\": 4, \"wide\": 16}"), "narrow; wide"),
        (permits("Linear(from: 1, to: 9, steps: 5)"), "1; 3; 5; 7; 9"),
        // A field of whole numbers takes the nearest, each once.
        (permits("Linear(from: 1, to: 4, steps: 7)"), "1; 2; 3; 4"),
        (
            permits("Log(from: 1, to: 10, steps: 6)"),
            "1; 2; 3; 4; 6; 10",
        ),
        (
            study("vary: {\"server.backend.failures\": Linear(from: 0, to: 1, steps: 3)}"),
            "0; 0.5; 1",
        ),
        (
            study(
                "vary: {\"server.backend.failures\": Linear(from: \"0%\", to: \"5%\", steps: 3)}",
            ),
            "0%; 2.5%; 5%",
        ),
        (
            study(
                "vary: {\"clients.x.requests.0.rate\": Log(from: \"6/min\", to: \"10/s\", steps: 3)}",
            ),
            "6/min; 1/s; 10/s",
        ),
        (
            study("vary: {\"time.length\": Log(from: \"10s\", to: \"10min\", steps: 3)}"),
            "10s; 77.5s; 10min",
        ),
        // A range inside of what is varied before it.
        (
            study(
                "vary: {\"server.stages\": [[Gate(permits: 1), Gate(name: \"b\", permits: 2)]], \"server.stages.b.permits\": Linear(from: 1, to: 2, steps: 3)}",
            ),
            "[Gate(permits: 1), Gate(name: \"b\", permits: 2)], 1; [Gate(permits: 1), Gate(name: \"b\", permits: 2)], 2",
        ),
        (
            study("vary: {\"server.stages.gate.permits\": [4, 5,\n // more\n 6]}"),
            "4; 5; 6",
        ),
    ] {
        let found: Vec<String> = cells(&text).into_iter().map(|(name, _)| name).collect();
        assert_eq!(found.join("; "), names, "{text}");
    }
}

#[test]
fn two_cells_never_share_a_name() {
    let text = study(
        "vary: {\"clients.x.retry\": [\"soon\", \"soon, often\"], \"clients.\\\"y.z\\\".retry\": [\"late\", \"often, late\"]}",
    )
    .replace(
        "retries: {",
        "retries: {\"soon, often\": Fixed(wait: \"1s\", attempts: 9), \"often, late\": Fixed(wait: \"9s\", attempts: 9), \"late\": Fixed(wait: \"5min\", attempts: 2), ",
    );
    let found = cells(&text);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "soon, late",
            "soon, \"often, late\"",
            "\"soon, often\", late",
            "\"soon, often\", \"often, late\""
        ]
    );
    assert_eq!(found[1].1, "soon | often, late");
    assert_eq!(found[2].1, "soon, often | late");
}

#[test]
fn names_that_cannot_be_seen_are_refused() {
    let text =
        study("policies: {\"a\u{202e}b\": {}, \"c\": {\"cohorts.a.homes\": 2}}, control: \"c\"");
    let problems = Source::new(text).variants().unwrap_err();
    assert!(problems.to_string().contains("U+202E"), "{problems}");
}

#[test]
fn policies_are_crossed_with_what_varies() {
    let text = study(
        "vary: {\"cohorts.b.homes\": [2, 3]}, policies: {\"today\": {}, \"proposal\": {\"clients.*.retry\": \"soon\", \"server.stages.gate.permits\": 80}, \"half\": {\"server.stages.gate.permits\": 80}}, control: \"today\"",
    );
    assert_eq!(
        cells(&text),
        [
            ("today, 2", "as written | 1 | 2"),
            ("today, 3", "as written | 1 | 3"),
            ("proposal, 2", "soon | 80 | 2"),
            ("proposal, 3", "soon | 80 | 3"),
            ("half, 2", "as written | 80 | 2"),
            ("half, 3", "as written | 80 | 3"),
        ]
        .map(|(name, labels)| (name.to_owned(), labels.to_owned()))
    );
    let variants = variants(&text);
    assert_eq!(variants.heading(), "policy, cohorts.b.homes");
    let controls: Vec<bool> = variants.iter().map(|variant| variant.is_control).collect();
    assert_eq!(controls, [true, true, false, false, false, false]);
    let proposal = variants.get(2).unwrap().scenario;
    assert_eq!(proposal.clients.get("y.z").unwrap().retry, "soon");
}

#[test]
fn the_control_is_a_policy_a_value_or_a_cell() {
    let vary = "vary: {\"clients.*.retry\": [\"none\", \"soon\"], \"server.stages.gate.permits\": {\"narrow\": 1, \"wide\": 9}}";
    for (control, expected) in [
        ("none", [true, true, false, false]),
        ("wide", [false, true, false, true]),
        ("soon, narrow", [false, false, true, false]),
    ] {
        let variants = variants(&study(&format!("{vary}, control: \"{control}\"")));
        let controls: Vec<bool> = variants.iter().map(|variant| variant.is_control).collect();
        assert_eq!(controls, expected, "{control}");
    }
}

#[test]
fn linked_values_follow_in_every_cell() {
    for (link, labels) in [
        (
            "\"server.stages.gate.permits\": \"20 x cohorts.b.homes\"",
            ["2 | 40", "3 | 60"],
        ),
        // Half a permit goes away from zero.
        (
            "\"server.stages.gate.permits\": \"cohorts.b.homes / 2\"",
            ["2 | 1", "3 | 2"],
        ),
        (
            "\"cohorts.a.homes\": \"cohorts.b.homes\"",
            ["2 | 2", "3 | 3"],
        ),
        // One link may follow from another, in whatever order they stand.
        (
            "\"server.stages.0.permits\": \"2 x cohorts.a.homes\", \"cohorts.a.homes\": \"10 x cohorts.b.homes\"",
            ["2 | 20 | 40", "3 | 30 | 60"],
        ),
        (
            "\"clients.*.timeout\": \"3 x server.backend.service.0\"",
            ["2 | 3s", "3 | 3s"],
        ),
    ] {
        let text = study(&format!(
            "vary: {{\"cohorts.b.homes\": [2, 3]}}, link: {{{link}}}"
        ));
        let found: Vec<String> = cells(&text).into_iter().map(|(_, labels)| labels).collect();
        assert_eq!(found, labels, "{link}");
    }
    // A link holds without anything varied, and follows what `--set` sets.
    let mut source = Source::new(study(
        "link: {\"server.stages.gate.permits\": \"2 x cohorts.b.homes\"}",
    ));
    source.set("cohorts.b.homes", "7").unwrap();
    let only = source.variants().unwrap().get(0).unwrap();
    assert_eq!(
        (only.name.as_str(), only.settings[0].label.as_str()),
        (AS_WRITTEN, "14")
    );
}

#[test]
fn what_is_wrong_with_a_study_is_told_at_its_place() {
    let permits = "\"server.stages.gate.permits\"";
    for (text, place, part) in [
        (format!("vary: {{{permits}: Linear(from: 5, to: 1, steps: 3)}}"), "5", "goes down from 5 to 1"),
        (format!("vary: {{{permits}: Log(from: 0, to: 9, steps: 3)}}"), "0", "multiple of the one before"),
        (format!("vary: {{{permits}: Linear(from: 1, to: 9, steps: 0)}}"), "0", "0 steps make no range"),
        (format!("vary: {{{permits}: Linear(from: 1, to: 9, steps: 20000)}}"), "20000", "20000 steps"),
        (format!("vary: {{{permits}: Linear(from: 1, to: \"9s\", steps: 3)}}"), "\"9s\"", "from a number to a time"),
        (format!("vary: {{{permits}: Linear(from: 1, till: 9, steps: 3)}}"), "Linear(from: 1, till: 9, steps: 3)", "unknown field \"till\""),
        (format!("vary: {{{permits}: 7}}"), "7", "7 are no values to vary"),
        (format!("vary: {{{permits}: {{\"a\": 1, \"a\": 2}}}}"), "{\"a\": 1, \"a\": 2}", "given twice"),
        (format!("vary: {{{permits}: {{\"a\\n\": 1}}}}"), "\"a\\n\"", "a line break"),
        ("vary: {\"server.backend.failures\": [0.5, \"50%\"]}".to_owned(), "\"50%\"", "listed twice"),
        ("vary: {\"clients.x.retry\": [\"none\", none]}".to_owned(), "none", "listed twice"),
        (format!("vary: {{{permits}: Linear(from: 1.5, to: 9, steps: 3)}}"), "Linear(from: 1.5, to: 9, steps: 3)", "expected a whole number, found 1.5"),
        (format!("vary: {{{permits}: [1, 1.0]}}"), "1.0", "listed twice"),
        (format!("vary: {{{permits}: {{\"a\": 1, \"b\": 1}}}}"), "1", "listed twice"),
        ("vary: {\"server.stages\": [[Gate(permits:1)], [Gate( permits: 1 )]]}".to_owned(), "[Gate( permits: 1 )]", "listed twice"),
        (format!("vary: {{{permits}: [1, 2], \"server.stages.0.permits\": [3, 4]}}"), "\"server.stages.0.permits\"", "would undo the values of server.stages.gate.permits"),
        (format!("vary: {{{permits}: [1, 2], \"server.stages\": [[Gate(permits: 3)]]}}"), "\"server.stages\"", "would undo"),
        (format!("vary: {{{permits}: [1, 2]}}, control: \"none\""), "\"none\"", "unknown control"),
        ("control: \"none\"".to_owned(), "\"none\"", "nothing to compare it with"),
        (format!("vary: {{{permits}: [1]}}, control: \"1\""), "\"1\"", "nothing to compare it with"),
        (format!("vary: {{{permits}: [1, 2], \"cohorts.b.homes\": [1, 2]}}, control: \"2\""), "\"2\"", "a value of server.stages.gate.permits and of cohorts.b.homes"),
        (format!("policies: {{\"p\": {{{permits}: 3}}, \"q\": {{}}}}, vary: {{\"server.stages.0.permits\": [1, 2]}}"), permits, "the study varies server.stages.0.permits too"),
        (format!("policies: {{\"p\": {{{permits}: 0}}, \"q\": {{}}}}"), "0", "the policy \"p\" sets server.stages.gate.permits: "),
        ("policies: {\"p\": {\"server.stages.gat.permits\": 1}}".to_owned(), "\"server.stages.gat.permits\"", "no \"gat\""),
        ("policies: {\"p\": {\"study.seed\": 1}}".to_owned(), "\"study.seed\"", "cannot vary itself"),
        (format!("link: {{{permits}: \"2 x cohorts.c.homes\"}}"), "\"2 x cohorts.c.homes\"", "no \"c\""),
        (format!("link: {{{permits}: \"2 x clients.x.retry\"}}"), "\"2 x clients.x.retry\"", "no number to be multiplied"),
        (format!("link: {{{permits}: \"0 x cohorts.b.homes\"}}"), "\"0 x cohorts.b.homes\"", "more than zero"),
        ("link: {\"server.stages.gate.permit\": \"cohorts.b.homes\"}".to_owned(), "\"server.stages.gate.permit\"", "unknown field \"permit\""),
        ("link: {\"cohorts.a.homes\": \"2 x cohorts.b.homes\", \"cohorts.b.homes\": \"cohorts.a.homes\"}".to_owned(), "{\"cohorts.a.homes\": \"2 x cohorts.b.homes\", \"cohorts.b.homes\": \"cohorts.a.homes\"}", "in a circle"),
        ("link: {\"cohorts.a.homes\": \"2 x cohorts.a.homes\"}".to_owned(), "{\"cohorts.a.homes\": \"2 x cohorts.a.homes\"}", "in a circle"),
        (format!("link: {{{permits}: \"cohorts.b.homes\"}}, vary: {{{permits}: [1, 2]}}"), permits, "the study sets server.stages.gate.permits too"),
        (format!("link: {{{permits}: \"cohorts.b.homes\", \"server.stages.0.permits\": \"cohorts.a.homes\"}}"), "\"server.stages.0.permits\"", "the link of server.stages.gate.permits sets it too"),
    ] {
        let text = study(&text);
        let Err(problems) = Source::new(text.clone()).variants() else {
            panic!("nothing is wrong with {text}");
        };
        let told = |problem: &Problem| problem.message.contains(part);
        let Some(problem) = problems.iter().find(|problem| told(problem)) else {
            panic!("{part}: {problems}");
        };
        assert_eq!(problem.place.clone().map(|place| &text[place]), Some(place), "{part}: {text}");
    }
}

#[test]
fn many_wrong_values_are_told_in_no_time_and_few_words() {
    let values: Vec<String> = (0..9_000).map(|number| format!("\"r{number}\"")).collect();
    let text = study(&format!(
        "vary: {{\"clients.*.retry\": [{}]}}",
        values.join(", ")
    ));
    let problems = Source::new(text).variants().unwrap_err();
    assert!(
        problems.len() >= 20 && problems.len() < 30,
        "{}",
        problems.len()
    );
    let paths: Vec<String> = (0..101).map(|n| format!("\"a.b{n}\": [1]")).collect();
    let text = study(&format!("vary: {{{}}}", paths.join(", ")));
    let problems = Source::new(text).variants().unwrap_err();
    assert!(problems.to_string().contains("101 paths are more than 100"));
    // Ten thousand readings of a long text.
    let text =
        study("vary: {\"server.stages.gate.permits\": Linear(from: 1, to: 10000, steps: 10000)}");
    let text = format!("// {}\n{text}", "long ".repeat(10_000));
    let problems = Source::new(text).variants().unwrap_err();
    assert!(problems.to_string().contains("are too much to read"));
}

/// A scenario as what it says, without what its cells were made from.
fn said(scenario: &Scenario) -> String {
    format!("{scenario:?}")
}

fn permits() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::btree_set(1_u32..50, 1..4)
            .prop_map(|values| format!("{values:?}").replace('{', "[").replace('}', "]")),
        (1_u32..20, 1_u32..30, 2_u32..6).prop_map(|(from, more, steps)| format!(
            "Linear(from: {from}, to: {}, steps: {steps})",
            from + more
        )),
        (1_u32..20, 1_u32..30, 2_u32..6).prop_map(|(from, more, steps)| format!(
            "Log(from: {from}, to: {}, steps: {steps})",
            from + more
        )),
        (1_u32..20, 1_u32..30)
            .prop_map(|(from, more)| format!("{{\"a, b\": {from}, \"b\": {}}}", from + more)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_cell_is_what_setting_its_values_by_hand_gives(
        permits in permits(),
        retries in proptest::sample::subsequence(vec!["\"none\"", "\"soon\"", "soon"], 1..3),
        timeout in any::<bool>(),
        policies in any::<bool>(),
        link in 0_u32..3,
    ) {
        // The bare word is read as the text that stands there.
        prop_assume!(!(retries.contains(&"soon") && retries.contains(&"\"soon\"")));
        let mut vary = vec![
            format!("\"server.stages.gate.permits\": {permits}"),
            format!("\"clients.*.retry\": [{}]", retries.join(", ")),
        ];
        if timeout {
            vary.push("\"clients.x.timeout\": [\"3s\", \"2s\"]".to_owned());
        }
        let policies = if policies { "\"p\": {}, \"q, r\": {\"cohorts.b.homes\": 5}" } else { "" };
        let link = match link {
            0 => "",
            1 => "\"cohorts.a.homes\": \"3 x server.stages.gate.permits\"",
            _ => "\"cohorts.a.homes\": \"cohorts.b.homes / 4\"",
        };
        let text = study(&format!("vary: {{{}}}, policies: {{{policies}}}, link: {{{link}}}", vary.join(", ")));
        let variants = variants(&text);
        let product: usize = variants.axes().iter().map(|axis| axis.labels.len()).product();
        prop_assert_eq!(variants.len(), product);
        let names: BTreeSet<&String> = variants.names().iter().collect();
        prop_assert_eq!(names.len(), product);
        let mut different = BTreeSet::new();
        for variant in &variants {
            let mut source = Source::new(study(""));
            for setting in &variant.settings {
                if let Some(value) = &setting.value {
                    source.set(&setting.path, value).unwrap();
                }
            }
            let by_hand = said(&source.scenario().unwrap());
            prop_assert_eq!(&said(&variant.scenario), &by_hand);
            different.insert(by_hand);
        }
        prop_assert_eq!(different.len(), product);
    }
}

#[test]
fn a_value_that_does_not_fit_is_told_where_it_is_written() {
    for (from, to, place, part) in [
        ("[1, 2, 3]", "[1, 0]", "0", "without permits"),
        (
            "\"none\", \"soon\"]",
            "\"none\", \"son\"]",
            "\"son\"",
            "unknown retry policy",
        ),
        (
            "server.stages.gate.permits\":",
            "server.stages.gate.permit\":",
            "\"server.stages.gate.permit\"",
            "unknown field \"permit\"",
        ),
        (
            "clients.*.retry",
            "study.seed",
            "\"study.seed\"",
            "cannot vary itself",
        ),
    ] {
        let text = TEXT.replace(from, to);
        let problems = Source::new(text.clone()).variants().unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert!(problem.message.contains(part), "{}", problem.message);
        assert_eq!(
            &text[problem.place.clone().unwrap()],
            place,
            "{}",
            problem.message
        );
    }
}
