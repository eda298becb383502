use super::super::ron_error::tests::{Toy, VALID, mutants};
use super::super::{Problem, parse};
use super::*;
use indoc::indoc;
use proptest::prelude::*;

fn shown(text: &str) -> String {
    render(&parse::<Toy>(text).unwrap_err(), "dir/s.ron", text, false)
}

#[test]
fn problems_look_like_those_of_rustc() {
    let text = "Scenario(\n    name: \"x\",\n    time: (lenght: \"6h\"),\n    // comment\n\tshare: 2.0,\n)\n";
    assert_eq!(
        shown(text),
        indoc!(
            r#"
    error: unknown field "lenght" in time
     --> dir/s.ron:3:12
      |
    3 |     time: (lenght: "6h"),
      |            ^^^^^^ not a field here
      |
      = help: did you mean "length"? known are warm_up, length

    error: the probability 2 is out of range
     --> dir/s.ron:5:9
      |
    5 |     share: 2.0,
      |            ^^^ expected a number from 0 to 1, or a text such as "25%""#
        )
    );
}

#[test]
fn a_problem_without_a_place_shows_the_file_only() {
    assert_eq!(
        shown("// nothing"),
        indoc!(
            r"
    error: the file is empty; expected Scenario(...)
    --> dir/s.ron"
        )
    );
    let problem = Problem::new("a").help("b").into();
    assert_eq!(
        render(&problem, "f", "", false),
        indoc!(
            r"
    error: a
    --> f
     = help: b"
        )
    );
}

#[test]
fn wide_characters_are_underlined_in_full() {
    let text = "(name: \"日本\", 時間: 1)";
    assert_eq!(
        shown(text).lines().take(5).collect::<Vec<_>>().join("\n"),
        indoc!(
            r#"
    error: unknown field "時間" in Scenario
     --> dir/s.ron:1:14
      |
    1 | (name: "日本", 時間: 1)
      |                ^^^^ not a field here"#
        )
    );
}

#[test]
fn colour_is_only_there_on_request() {
    let problems = parse::<Toy>("(nam: 1)").unwrap_err();
    let plain = render(&problems, "f", "(nam: 1)", false);
    let colour = render(&problems, "f", "(nam: 1)", true);
    assert!(!plain.contains('\u{1b}') && colour.contains("\u{1b}["));
}

#[test]
fn long_lines_and_control_characters_are_tamed() {
    let text = format!(
        "(name: \"{}\", tme: 1, factor: {})",
        "x".repeat(100_000),
        "1".repeat(100_000)
    );
    let shown = shown(&text);
    assert!(
        shown.contains("tme: 1") && shown.contains("^^^ not a field here"),
        "{shown}"
    );
    assert!(shown.len() < 2_000, "{}", shown.len());
    let text = "(\u{1b}[31mname: 1)";
    let problem = Problem::at(1..2, "bad \u{1b}[31m")
        .label("\u{1b}[31m")
        .help("\u{1b}[31m");
    assert!(!render(&problem.into(), "f", text, false).contains('\u{1b}'));
}

#[test]
fn places_at_and_beyond_the_end_are_shown() {
    for (text, place) in [
        ("", 0..0),
        ("a\n", 2..2),
        ("a", 1..9),
        ("é", 1..1),
        ("a\r\nb\r\n", 0..6),
    ] {
        let problem = Problem::at(place, "m").label("l");
        let shown = render(&problem.into(), "f", text, false);
        assert!(
            shown.contains("error: m") && shown.contains("--> f:"),
            "{text:?}: {shown}"
        );
    }
}

#[test]
fn a_place_of_many_lines_is_cut_short() {
    let text = "(\n".repeat(5_000);
    let problem = Problem::at(0..text.len(), "m").label("l");
    let lines = render(&problem.into(), "f", &text, false).lines().count();
    assert!(lines < 20, "{lines}");
}

#[test]
fn long_quotes_are_shortened_and_what_is_around_them_stays() {
    let long = "x".repeat(100_000);
    let tamed = tame(&format!("unknown client \"{long}\" in \"a\""));
    assert!(tamed.starts_with("unknown client \"xxx") && tamed.ends_with("x…\" in \"a\""));
    assert!(tamed.chars().count() < 100, "{tamed}");
    assert!(tame(&long).chars().count() <= 700);
}

proptest! {
    #[test]
    fn a_tamed_message_is_short_and_printable(text in "(\\PC|\\pC|\"){0,900}") {
        let tamed = tame(&text);
        prop_assert!(!tamed.contains(is_unprintable));
        prop_assert!(tamed.chars().count() <= 700);
    }

    #[test]
    fn every_problem_can_be_shown(text in mutants()) {
        if let Err(problems) = parse::<Toy>(&text) {
            let shown = render(&problems, "f", &text, false);
            prop_assert_eq!(shown.matches("error: ").count(), problems.len());
            prop_assert!(shown.len() < 30_000);
        }
    }

    #[test]
    fn any_place_can_be_shown(start in 0..VALID.len() + 9, length in 0_usize..200) {
        let problem = Problem::at(start..start + length, "m").label("l").help("h");
        prop_assert!(render(&problem.into(), "f", VALID, true).contains('m'));
    }
}
