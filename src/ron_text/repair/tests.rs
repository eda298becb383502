use super::super::parse;
use super::super::ron_error::tests::Toy;
use super::*;

/// A text with `|` at the place that must be blamed, the message, the label.
#[test]
fn the_place_blamed_is_where_the_change_belongs() {
    for (marked, message, label) in [
        (
            "Scenario(\n  name: \"a\"|\n  share: 0.5,\n)",
            "expected a comma before share",
            "expected \",\"",
        ),
        (
            "Scenario(\n  name: \"a\",\n  time: (length: \"1s\")|),\n  share: 0.5,\n)",
            "a closing \")\" too many",
            "expected nothing here",
        ),
        (
            "Scenario(\n  name: \"a\",\n  time: (length: \"1s\"|,\n  share: 0.5,\n)",
            "the \"(\" of line 3 is not closed",
            "expected \")\"",
        ),
        (
            "Scenario(\n  name: \"a\",\n  clients: {\n    \"x\": (every: \"1s\"),|\n  share: 0.5,\n)",
            "the \"{\" of line 3 is not closed",
            "expected \"}\"",
        ),
        (
            "Scenario(\n  name: \"a\",\n  stages: [\n    Off,\n    Off,\n  |),\n  share: 0.5,\n)",
            "expected \"]\", found \")\"",
            "expected \"]\"",
        ),
        (
            "Scenario(\n  name: \"a\",\n  time| (length: \"1s\"),\n)",
            "expected \":\" after time",
            "expected \":\"",
        ),
        (
            "Scenario(\n  name|=\"a\",\n  share: 0.5,\n)",
            "expected \":\", found \"=\"",
            "expected \":\"",
        ),
        (
            "Scenario(\n  name: \"a\",|,\n  share: 0.5,\n)",
            "a comma too many",
            "expected nothing here",
        ),
        (
            "Scenario(\n  name: \"a\",\n  stages: [Gate|permits: 1, max_wait: \"1s\")],\n)",
            "expected \"(\" before permits",
            "expected \"(\"",
        ),
        (
            "(name: \"a\", share: 0.5|",
            "the \"(\" of line 1 is not closed",
            "expected \")\"",
        ),
    ] {
        let place = marked.find('|').unwrap();
        let text = marked.replace('|', "");
        let problems = parse::<Toy>(&text).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert_eq!(problem.message, message, "{text}");
        assert_eq!(problem.label, label, "{text}");
        let found = problem.place.clone().unwrap().start;
        // A bracket after a comma, or two alike, may be either of two.
        assert!(found.abs_diff(place) <= 1, "{text}: {place} {found}");
        assert_eq!(problems.len(), 1, "{problems}");
    }
}

#[test]
fn what_is_wrong_beside_the_structure_is_told_too() {
    let text = "Scenario(\n  nme=\"a\",\n  time: (lenght: \"1s\"),\n  stages: [Off,\n  flag: 1,\n)";
    let problems = parse::<Toy>(text).unwrap_err();
    let told: Vec<(usize, String)> = problems
        .iter()
        .map(|problem| {
            let at = problem.place.clone().unwrap().start;
            (
                1 + text[..at].matches('\n').count(),
                problem.message.clone(),
            )
        })
        .collect();
    assert_eq!(told.len(), 5, "{told:?}");
    for (line, part) in [
        (2, "unknown field \"nme\""),
        (2, "found \"=\""),
        (3, "unknown field \"lenght\""),
        (4, "the \"[\" of line 4 is not closed"),
        (5, "expected true or false"),
    ] {
        let found = told
            .iter()
            .any(|(at, message)| *at == line && message.contains(part));
        assert!(found, "{line} {part}: {told:?}");
    }
}

#[test]
fn sound_texts_and_open_quotes_need_no_repair() {
    let read = |_: &str| Reading::Stops(0);
    for text in [
        "",
        "// nothing",
        "(a: 1)",
        "#![enable(implicit_some)] Scenario(a: [1, (2, 3)], b: {\"x\": X(y: 1,), 'c': ()},)",
        "(a: \"b)",
        "(a: \"b,\n  c: \"d\")",
        "(a: /* b)",
    ] {
        assert!(repair(text, &read).is_none(), "{text}");
    }
}
