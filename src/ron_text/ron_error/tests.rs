use super::super::{NamedList, Reference, parse};
use super::*;
use crate::units::{Probability, Span};
use proptest::prelude::*;
use ron::extensions::Extensions;
use serde::Deserialize;

/// A small model with one of everything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Scenario")]
#[expect(dead_code, reason = "only read")]
pub(crate) struct Toy {
    name: String,
    #[serde(default)]
    time: Option<Time>,
    #[serde(default)]
    clients: NamedList<Client>,
    #[serde(default)]
    stages: Vec<Stage>,
    #[serde(default)]
    share: Option<Probability>,
    #[serde(default)]
    factor: f64,
    #[serde(default)]
    flag: bool,
    #[serde(default)]
    letter: char,
    #[serde(default)]
    pair: (u32, u32),
    #[serde(default)]
    even: Option<Even>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Time {
    #[serde(default)]
    warm_up: Span,
    length: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Client {
    every: Span,
    #[serde(default)]
    count: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
enum Stage {
    Gate { permits: u32, max_wait: Span },
    Limit { name: String, quota: Quota },
    Off,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
enum Quota {
    Fixed(u32),
    Two(u32, u32),
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "Pair")]
struct Even;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    a: u32,
    b: u32,
}

impl TryFrom<Pair> for Even {
    type Error = String;
    fn try_from(pair: Pair) -> Result<Even, String> {
        match (pair.a + pair.b).is_multiple_of(2) {
            true => Ok(Even),
            false => Err("the sum is odd; did you mean an even one?".to_owned()),
        }
    }
}

const HINTS: Hints = Hints {
    wrapped: &[],
    renamed: &[],
    elsewhere: (&[], ""),
    references: &[Reference {
        field: "retry",
        list: "retries",
        what: "policy",
    }],
    with_unit: "a time \"{}s\", a rate \"{}/min\"",
};

fn problem(text: &str) -> Problem {
    let error = ron::Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME)
        .from_str::<Toy>(text)
        .unwrap_err();
    from_ron(text, error, &HINTS)
}

/// Text, the place's text, and parts of the message, the label and the help;
/// an empty help means none.
type Case<'c> = (&'c str, &'c str, &'c str, &'c str, &'c str);

#[track_caller]
fn check(cases: &[Case<'_>]) {
    for (text, place, message, label, help) in cases {
        let problem = problem(text);
        let shown = format!("{text}\n{problem:#?}");
        let range = problem.place.clone().expect(&shown);
        assert_eq!(&text[range], *place, "{shown}");
        assert!(problem.message.contains(message), "{shown}");
        assert!(problem.label.contains(label), "{shown}");
        let found = problem.help.unwrap_or_default();
        assert!(
            found.contains(help) && found.is_empty() == help.is_empty(),
            "{shown}"
        );
    }
}

#[test]
fn names_that_are_not_known() {
    check(&[
        (
            "(name: \"a\", tme: 4)",
            "tme",
            "unknown field \"tme\" in Scenario",
            "not a field",
            "did you mean \"time\"? known are name, time",
        ),
        (
            "(name: \"äß\", 時間: 4)",
            "時間",
            "unknown field \"時間\"",
            "",
            "known are name",
        ),
        (
            "(\r\n  name: \"é\",\r\n  tme: 4)",
            "tme",
            "unknown field",
            "",
            "\"time\"",
        ),
        (
            "(time: (lenght: \"1s\"))",
            "lenght",
            "in time",
            "",
            "did you mean \"length\"? known are warm_up, length",
        ),
        (
            "(stages: [Gat(permits: 1)])",
            "Gat",
            "unknown word \"Gat\" in stages",
            "",
            "did you mean \"Gate\"? known are Gate, Limit, Off",
        ),
        (
            "(stages: [Gate(permit: 1)])",
            "permit",
            "in Gate",
            "",
            "\"permits\"",
        ),
        (
            "Scenari(name: \"a\")",
            "Scenari",
            "expected Scenario, found \"Scenari\"",
            "Scenario(...)",
            "leave the name out",
        ),
        (
            "#![enable(implicit_sum)] ()",
            "implicit_sum",
            "unknown RON extension",
            "",
            "\"implicit_some\"",
        ),
        (
            "(name: \"a\", my-field: 1)",
            "my-field",
            "expected the name of a field",
            "letters, digits and _",
            "write my_field",
        ),
        (
            "(\"name\": \"a\")",
            "\"name\"",
            "expected the name of a field",
            "without quotes",
            "write name",
        ),
        (
            "(name: \"a\", 5)",
            "5",
            "expected a field as name: value",
            "",
            "",
        ),
        (
            "(clients: {x: ()})",
            "x",
            "expected a name in quotes, found x",
            "",
            "write \"x\"",
        ),
    ]);
}

#[test]
fn fields_missing_or_given_twice() {
    check(&[
        (
            "(name: \"a\", time: (warm_up: \"3s\"))",
            "time: (",
            "the field \"length\" is missing in time",
            "expected length",
            "",
        ),
        (
            "(name: \"a\", stages: [Gate(\npermits: 4,\n)])",
            "Gate(",
            "\"max_wait\" is missing in Gate",
            "",
            "",
        ),
        (
            "(clients: {\"x\": ()})",
            "\"x\": (",
            "\"every\" is missing in \"x\"",
            "",
            "",
        ),
        ("( )", "(", "\"name\" is missing in Scenario", "", ""),
        (
            "(name: \"a\",\n name: \"b\")",
            "name",
            "\"name\" is given twice in Scenario",
            "first is on line 1",
            "",
        ),
        (
            "(clients: {\"x\": (every: \"1s\"), \"x\": (every: \"1s\")})",
            "\"x\"",
            "the name \"x\" is given twice",
            "each name once",
            "",
        ),
    ]);
    let second = problem("(name: \"a\",\n name: \"b\")");
    assert_eq!(second.place, Some(13..17));
}

#[test]
fn text_where_a_number_belongs_and_the_other_way_round() {
    check(&[
        (
            "(time: (length: 300))",
            "300",
            "expected text in quotes, found 300",
            "expected text in quotes",
            "a time \"300s\"",
        ),
        (
            "(time: (length: 1s))",
            "1s",
            "expected text in quotes",
            "",
            "write \"1s\"",
        ),
        ("(name: none)", "none", "found none", "", "write \"none\""),
        (
            "(name: 'ab')",
            "'ab'",
            "expected text in quotes",
            "",
            "write \"ab\"",
        ),
        (
            "(name: “ab”)",
            "“ab”",
            "expected text in quotes",
            "",
            "plain quotes",
        ),
        (
            "(name: Some(\"x\"))",
            "Some(\"x\")",
            "found Some(...)",
            "",
            "",
        ),
        ("(name: )", "", "found nothing", "expected text", ""),
        (
            "(clients: {\"x\": (every: \"1s\", count: \"5\")})",
            "\"5\"",
            "expected a whole number, found \"5\"",
            "",
            "write 5 without quotes",
        ),
        (
            "(clients: {\"x\": (every: \"1s\", count: five)})",
            "five",
            "expected a whole number, found five",
            "",
            "",
        ),
        (
            "(factor: \"0.5\")",
            "\"0.5\"",
            "expected a number",
            "",
            "write 0.5 without quotes",
        ),
        (
            "(factor: 10%)",
            "10%",
            "expected a number, found 10%",
            "",
            "a text needs quotes: \"10%\"",
        ),
        ("(factor: 1.2.3)", "1.2.3", "expected a number", "", ""),
        ("(factor: 1._5)", "1._5", "expected a number", "", ""),
        (
            "(factor: \u{a0}1.5)",
            "\u{a0}1.5",
            "expected a number",
            "",
            "no-break space",
        ),
        (
            "(flag: yes)",
            "yes",
            "expected true or false, found yes",
            "",
            "write true",
        ),
        (
            "(flag: \"false\")",
            "\"false\"",
            "expected true or false",
            "",
            "write false",
        ),
        ("(flag: maybe)", "maybe", "expected true or false", "", ""),
        (
            "(letter: \"x\")",
            "\"x\"",
            "expected one character in apostrophes",
            "",
            "",
        ),
        ("(letter: 'xy')", "'xy'", "expected one character", "", ""),
    ]);
}

#[test]
fn whole_numbers_out_of_range_or_not_whole() {
    let check_count = |value: &str, message, label, help| {
        let text = format!("(clients: {{\"x\": (every: \"1s\", count: {value} )}})");
        check(&[(&text, value, message, label, help)]);
    };
    for (value, message, label, help) in [
        (
            "20.5",
            "expected a whole number, found 20.5",
            "expected a whole number",
            "write 20 or 21",
        ),
        ("1e3", "expected a whole number", "", "write 1000"),
        ("1e300", "expected a whole number", "", ""),
        ("-5", "the number -5 is negative", "zero or more", ""),
        (
            "5_000_000_000",
            "5_000_000_000 is too large",
            "at most 4294967295",
            "",
        ),
        (
            "99999999999999999999",
            "is too large",
            "at most 18446744073709551615",
            "",
        ),
        ("NaN", "expected a whole number, found NaN", "", ""),
        ("inf", "expected a whole number, found inf", "", ""),
        ("0b12", "expected a whole number", "", ""),
        ("0xZZ", "expected a whole number", "", ""),
        ("_5", "expected a whole number", "", ""),
        (
            "12ab",
            "expected a whole number",
            "",
            "a text needs quotes: \"12ab\"",
        ),
        (
            "5s",
            "expected a number, found 5s",
            "",
            "a text needs quotes: \"5s\"",
        ),
        ("5u8", "5u8 has a type", "without a type", ""),
    ] {
        check_count(value, message, label, help);
    }
    check(&[(
        "(stages: [Limit(name: \"x\", quota: Fixed(-3))])",
        "-3",
        "is negative",
        "",
        "",
    )]);
}

#[test]
fn structs_lists_maps_and_variants_of_the_wrong_shape() {
    check(&[
        (
            "(time: \"6h\")",
            "\"6h\"",
            "expected fields in parentheses",
            "",
            "",
        ),
        (
            "(time: {\"length\": 1})",
            "{\"length\": 1}",
            "found a map {...}",
            "",
            "fields stand in parentheses",
        ),
        (
            "(time: Tim(length: \"1s\"))",
            "Tim",
            "expected Time, found \"Tim\"",
            "",
            "Time(...)",
        ),
        ("5", "5", "expected Scenario(...), found 5", "", ""),
        (
            "Scenario",
            "Scenario",
            "Scenario needs values in parentheses",
            "",
            "",
        ),
        (
            "Scenario{name: 1}",
            "{",
            "expected \"(\", found \"{\"",
            "",
            "parentheses",
        ),
        (
            "(clients: (\"x\": 1))",
            "(\"x\": 1)",
            "expected a map { \"name\": ... }",
            "",
            "names are in quotes",
        ),
        ("(clients: [])", "[]", "found a list [...]", "", "braces"),
        (
            "(stages: Off)",
            "Off",
            "expected a list [...], found Off",
            "",
            "written [Off]",
        ),
        ("(stages: (\nOff))", "(", "expected a list", "", ""),
        (
            "(stages: [Gate])",
            "Gate",
            "Gate needs values in parentheses",
            "Gate(...)",
            "",
        ),
        (
            "(stages: [Off(3)])",
            "(3)",
            "Off takes nothing",
            "",
            "write Off",
        ),
        (
            "(stages: [Limit(quota: Fixed(3, 4, 5))])",
            "4, 5",
            "Fixed takes one value here, found 3",
            "",
            "",
        ),
        (
            "(stages: [Limit(quota: Two(3, 4, 5))])",
            "5",
            "Two takes 2 values here, found 3",
            "",
            "",
        ),
        (
            "(stages: [Limit(quota: Two(3))])",
            "Two(",
            "expected 2 values, found one value",
            "",
            "",
        ),
        (
            "(stages: [Limit(quota: 50)])",
            "50",
            "expected a word such as Name",
            "",
            "",
        ),
        (
            "(stages: [Limit(quota: \"Fixed\")])",
            "\"Fixed\"",
            "expected a word",
            "",
            "",
        ),
        (
            "(pair: (1))",
            "pair: (",
            "expected 2 values, found one value",
            "",
            "",
        ),
        ("(pair: (1, 2, 3))", "3", "a tuple takes 2 values", "", ""),
    ]);
}

#[test]
fn messages_of_our_own_types_pass_through() {
    check(&[
        (
            "(time: (length: \"300\" ))",
            "\"300\"",
            "the time \"300\" has no unit",
            "expected a time with a unit",
            "",
        ),
        (
            "(time: (length: \"5\\u{20}parsecs\"))",
            "\"5\\u{20}parsecs\"",
            "unknown unit of time",
            "",
            "",
        ),
        (
            "(share: 2.0)",
            "2.0",
            "out of range",
            "expected a number from 0 to 1",
            "",
        ),
        ("(share: \"200%\")", "\"200%\"", "out of range", "", ""),
        (
            "(even: (a: 1, b: 2), flag: true)",
            "(a: 1, b: 2)",
            "the sum is odd",
            "",
            "did you mean an even one?",
        ),
        (
            "(even: (\n a: 1, b: 2), flag: true)",
            "(",
            "the sum is odd",
            "",
            "even",
        ),
        (
            "(clients: {\"\": 1})",
            "\"\"",
            "a name must not be empty",
            "",
            "",
        ),
    ]);
}

#[test]
fn brackets_quotes_and_comments_left_open() {
    check(&[
        (
            "Scenario(name: \"a\"",
            "(",
            "the \"(\" is not closed",
            "before the end of the file",
            "",
        ),
        (
            "(name: \"a\", clients: {\"x\": (every: \"1s\")",
            "{",
            "the \"{\" is not closed",
            "",
            "",
        ),
        (
            "(stages: [Gate(permits: 4, max_wait: \"1s\"])",
            "(",
            "the \"(\" is not closed",
            "before the \"]\" on line 1",
            "",
        ),
        (
            "(\n    stages: [\n        Off,\n    flag: true,\n)",
            "[",
            "the \"[\" is not closed",
            "before the \")\" on line 5",
            "",
        ),
        (
            "(\n    name: \"a\",\n    time: (\n        length: \"1s\",\n    flag: true,\n)\n",
            "flag",
            "unknown field \"flag\" in time",
            "",
            "is the \"(\" of line 3 closed?",
        ),
        (
            "(name: \"a",
            "\"a",
            "the text is not closed",
            "closing quote on this line",
            "",
        ),
        (
            "(name: r#\"a\")",
            "r#\"a\")",
            "the text is not closed",
            "",
            "",
        ),
        (
            "(\n  name: \"a,\n  time: (length: \"1s\"),\n)",
            "\"a,",
            "the text is not closed",
            "",
            "",
        ),
        (
            "(\n  name: \"a,\n  time: (length: \"1s)\n)",
            "\"a,",
            "the text is not closed",
            "",
            "",
        ),
        (
            "(name: \"a\" /* c\n)",
            "/*",
            "the comment is not closed",
            "*/",
            "",
        ),
        ("/* c", "/*", "the comment is not closed", "", ""),
    ]);
}

#[test]
fn separators_and_ends() {
    check(&[
        (
            "(name: \"a\" flag: true)",
            "",
            "expected a comma before flag",
            "expected \",\"",
            "",
        ),
        (
            "(name: \"a\"\n // c\n flag: true)",
            "",
            "expected a comma before flag",
            "",
            "",
        ),
        (
            "(name: \"a\",, flag: true)",
            ",",
            "unexpected \",\"",
            "the name of a field",
            "",
        ),
        (
            "(name \"a\")",
            "name",
            "expected \":\" and a value after name",
            "",
            "",
        ),
        ("(name = \"a\")", "=", "found \"=\"", "", "name: value"),
        ("(clients: {\"x\" ()})", "\"x\"", "expected \":\"", "", ""),
        (
            "(name: \"a\") x y",
            "x",
            "ends on line 1, but x follows",
            "the end of the file",
            "",
        ),
        ("(name: \"a\"),\n(", ",", "but , follows", "", "too many"),
        ("(name: \"a\"))", ")", "but ) follows", "", "too many"),
        ("(name: \"a\" / b)", "/", "a \"/\" stands alone", "", ""),
        (
            "(# c\nname: \"a\")",
            "#",
            "unexpected \"#\"",
            "",
            "comment starts with //",
        ),
        (
            "# c\n(name: \"a\")",
            "#",
            "no known attribute",
            "#![enable(...)]",
            "comment starts with //",
        ),
        (
            "(name: \"a\\q\")",
            "\\q",
            "unknown escape",
            "",
            "written \\\\",
        ),
        (
            "(name: \"a\\u{zz}\")",
            "\\u{z",
            "not an escape",
            "",
            "written \\\\",
        ),
    ]);
    // The place of a missing comma is the end of the value before it.
    assert_eq!(
        problem("(name: \"a\"\n // c\n flag: true)").place,
        Some(10..10)
    );
}

#[test]
fn a_file_of_nothing_says_what_it_should_hold() {
    for text in ["", " \n", "// c", "/* c */\n", "#![enable(implicit_some)]"] {
        let problem = problem(text);
        assert_eq!(
            problem.message, "the file is empty; expected Scenario(...)",
            "{text}"
        );
        assert_eq!(problem.place, None);
    }
}

#[test]
fn deep_nesting_is_a_problem_and_no_overflow() {
    for opener in ["[", "(", "{\"a\":", "Some("] {
        let text = opener.repeat(100_000);
        let error = ron::from_str::<ron::Value>(&text).unwrap_err();
        assert!(
            from_ron(&text, error, &HINTS)
                .message
                .contains("nested too deeply")
        );
    }
}

/// A valid text of the toy model.
pub(crate) const VALID: &str = "Scenario(
    name: \"Straße €\",
    time: (warm_up: \"30min\", length: \"6h\"),
    clients: { \"a b\": (every: \"300s\", count: 3), \"c\": (every: \"15s\") },
    stages: [
        Gate(permits: 160, max_wait: \"2s\"), // first
        Limit(name: \"app 10 s\", quota: Fixed(50)), Off,
    ],
    share: \"10%\", factor: 1.5, flag: true, letter: 'é', pair: (1, 2), even: (a: 1, b: 1),
)
";

#[test]
fn the_valid_text_is_valid() {
    parse::<Toy>(VALID).unwrap();
}

/// The valid text with one to three pieces cut out, replaced or put in.
pub(crate) fn mutants() -> impl Strategy<Value = String> {
    let pieces = [
        "(", ")", "]", "{", "\"", "'", ",", ":", "/*", "//", "-1", "2.5", "x", "é", "#", "\\",
        "\r\n", "",
    ];
    let change = (any::<prop::sample::Index>(), 0_usize..12, 0..pieces.len());
    proptest::collection::vec(change, 1..4).prop_map(move |changes| {
        let mut chars: Vec<char> = VALID.chars().collect();
        for (at, length, piece) in changes {
            let at = at.index(chars.len());
            let end = (at + length).min(chars.len());
            chars.splice(at..end, pieces[piece].chars());
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_error_has_a_place_in_the_text(text in prop_oneof![mutants(), super::super::tree::tests::fragments()]) {
        let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
        if let Err(error) = options.from_str::<Toy>(&text) {
            let problem = from_ron(&text, error, &HINTS);
            prop_assert!(!problem.message.is_empty());
            match problem.place {
                Some(place) => prop_assert!(text.get(place.clone()).is_some(), "{place:?}"),
                None => prop_assert!(problem.message.contains("empty")),
            }
        }
    }
}
