use super::super::ron_error::tests::{Toy, VALID, mutants};
use super::*;
use proptest::prelude::*;

fn messages(text: &str) -> Vec<String> {
    match parse::<Toy>(text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .iter()
            .map(|problem| problem.message.clone())
            .collect(),
    }
}

#[test]
fn independent_problems_are_found_in_one_go() {
    let text = "(
    nam: \"é\", time: (lenght: \"6h\"),
    clients: { \"a\": (every: 300), \"b\": (every: \"1s\", count: 2.5, more: 1), \"b\": () },
    stages: [Gate(permits: -1, max_wait: \"2\"), Of, Limit(name: \"x\", quota: Fixed(-1))],
    share: 2.0, flag: yes, flag: true, factor: NaN, pair: (1),
)";
    assert_eq!(
        messages(text),
        [
            "unknown field \"nam\" in Scenario",
            "unknown field \"lenght\" in time",
            "expected text in quotes, found 300",
            "expected a whole number, found 2.5",
            "unknown field \"more\" in \"b\"",
            "the name \"b\" is given twice",
            "the number -1 is negative",
            "the time \"2\" has no unit",
            "unknown word \"Of\" in stages",
            "the number -1 is negative",
            "the probability 2 is out of range",
            "expected true or false, found yes",
            "NaN is not a finite number",
            "expected 2 values, found one value",
        ]
    );
}

#[test]
fn what_follows_from_another_problem_is_not_reported() {
    for (text, expected) in [
        // The misspelt field is the one that is missing then.
        ("(nmae: \"a\")", vec!["unknown field \"nmae\" in Scenario"]),
        ("(name: 5)", vec!["expected text in quotes, found 5"]),
        (
            "(name: \"a\", time: (length: 5), flag: 1)",
            vec![
                "expected text in quotes, found 5",
                "expected true or false, found 1",
            ],
        ),
        (
            "(name: \"a\", even: (a: -1, b: 2))",
            vec!["the number -1 is negative"],
        ),
        // A second field is missing on its own account.
        (
            "(name: \"a\", clients: {\"x\": (count: -1)})",
            vec![
                "the field \"every\" is missing in \"x\"",
                "the number -1 is negative",
            ],
        ),
        (
            "(name: \"a\" flag: true)",
            vec!["expected a comma before flag"],
        ),
        (
            "(name: \"a\", flag: 1",
            vec![
                "expected true or false, found 1",
                "the \"(\" of line 1 is not closed",
            ],
        ),
        (
            "(name: \"a\") x",
            vec!["the value ends on line 1, but x follows"],
        ),
    ] {
        assert_eq!(messages(text), expected, "{text}");
    }
}

#[test]
fn a_number_that_is_not_finite_is_refused_in_a_text_that_ron_accepts() {
    assert_eq!(messages(VALID), [""; 0]);
    assert_eq!(
        messages(&VALID.replace("1.5", "1e999")),
        ["the number 1e999 is too large"]
    );
    assert_eq!(
        messages(&VALID.replace("1.5", "-inf")),
        ["-inf is not a finite number"]
    );
}

#[test]
fn the_number_of_problems_is_bounded() {
    let text = format!("(name: \"a\", stages: [{}])", "Gat(), ".repeat(1000));
    assert_eq!(messages(&text).len(), MOST_PROBLEMS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_problem_has_a_place_in_the_text(text in mutants()) {
        if let Err(problems) = parse::<Toy>(&text) {
            prop_assert!(!problems.is_empty());
            for problem in &problems {
                let place = problem.place.clone().unwrap_or_default();
                prop_assert!(text.get(place.clone()).is_some(), "{place:?}");
            }
        }
    }
}
