//! What a user is told whose limiter or log is wrong.

use crate::support::Place;

const LIMITER: &str = r#"Gcra(rate: "1/s", burst: 1)"#;

fn replay(place: &Place, limiter: &str, trace: &str, format: &str) -> crate::support::Done {
    place
        .ratelab(&[
            "replay",
            "--limiter",
            limiter,
            "--trace",
            trace,
            "--format",
            format,
        ])
        .exits(2)
}

#[test]
fn limiters_that_are_wrong() {
    let place = Place::new();
    place.write("log.csv", "1\n");
    for (limiter, mark, parts) in [
        // The first word.
        (
            r#"Gcr(rate: "1/s", burst: 1)"#,
            "Gcr",
            &["unknown word \"Gcr\"", "did you mean \"Gcra\"?"][..],
        ),
        (
            r#"token_bucket(rate: "1/s", burst: 1)"#,
            "token_bucket",
            &["did you mean \"TokenBucket\"?"],
        ),
        (
            "Gat(permits: 1)",
            "Gat",
            &["did you mean \"Gate\"?", "Admission"],
        ),
        (
            "Admision(by: Sre)",
            "Admision",
            &["did you mean \"Admission\"?"],
        ),
        (
            "Sieve(size: 3)",
            "Sieve",
            &["known are FixedWindow", "Gate"],
        ),
        // Its parameters.
        (
            r#"Gcra(rate: "1/s", brust: 1)"#,
            "brust",
            &["unknown field \"brust\" in Gcra", "did you mean \"burst\"?"],
        ),
        (
            r#"Gcra(rate: "1/s")"#,
            "Gcra",
            &["the field \"burst\" is missing in Gcra"],
        ),
        (
            r#"Gcra(rate: "1/s", burst: 0)"#,
            "0)",
            &["nothing would ever be admitted", "at least 1"],
        ),
        (
            r#"Gcra(rate: "1/s", burst: -1)"#,
            "-1",
            &["the number -1 is negative"],
        ),
        (
            r#"TokenBucket(rate: "0/s", burst: 1)"#,
            "\"0/s\"",
            &["more than zero", "\"60/min\""],
        ),
        (
            r#"FixedWindow(quota: 5, window: "1min")"#,
            "5",
            &["expected a word such as Name or Name(...), found 5"],
        ),
        (
            "FixedWindow(quota: Fixed(5), window: 60)",
            "60",
            &["expected text in quotes", "\"60s\""],
        ),
        (
            r#"FixedWindow(quota: Fixed(5), window: "1 fortnight")"#,
            "\"1 fort",
            &["unknown unit of time \"fortnight\"", "known are d, h, min"],
        ),
        (
            "Gate(queue: 5)",
            "Gate",
            &["a gate needs `permits`, or `adaptive`"],
        ),
        (
            "Gate(permits: 5, adaptive: Vegas())",
            "Vegas",
            &["either `permits` or `adaptive`"],
        ),
        (
            r#"Gate(permits: 1, codel: (intervall: "1s"))"#,
            "intervall",
            &[
                "unknown field \"intervall\" in codel",
                "did you mean \"interval\"?",
            ],
        ),
        (
            "Admission(by: Envoi)",
            "Envoi",
            &["did you mean \"Envoy\"?"],
        ),
        // The text as a whole.
        (
            r#"Gcra(rate: "1/s", burst: 1)]"#,
            "]",
            &["a closing \"]\" too many"],
        ),
    ] {
        let column = limiter.find(mark).unwrap() + 1;
        for format in ["text", "csv", "json"] {
            let done = replay(&place, limiter, "log.csv", format);
            assert_eq!(done.out, "", "{limiter}");
            assert!(done.err.starts_with("error: "), "{}", done.err);
            let place = format!("--> --limiter:1:{column}\n");
            assert!(done.err.contains(&place), "{place} in {}", done.err);
            for part in parts {
                assert!(done.err.contains(part), "{part} in {}", done.err);
            }
        }
    }
    let done = replay(&place, "", "log.csv", "text");
    assert_eq!(done.out, "");
    let expected = "the text is empty; expected a limiter such as TokenBucket(";
    assert!(done.err.contains(expected), "{}", done.err);
}

/// A limiter is looked at before the log, and any bad one stops all.
#[test]
fn one_wrong_limiter_of_several() {
    let place = Place::new();
    let wrong = r#"Gcra(rate: "1/s", burst: 0)"#;
    for pair in [[LIMITER, wrong], [wrong, LIMITER]] {
        let [first, second] = pair;
        let arguments = [
            "replay",
            "--limiter",
            first,
            "--limiter",
            second,
            "--trace",
            "none.csv",
        ];
        let done = place.ratelab(&arguments).exits(2);
        assert_eq!(done.out, "");
        assert!(done.err.contains("burst: 0)"), "{}", done.err);
        assert!(!done.err.contains("none.csv"), "{}", done.err);
    }
}

#[test]
fn logs_that_cannot_be_opened() {
    let place = Place::new();
    std::fs::create_dir(place.path("folder")).unwrap();
    for (trace, message) in [
        (
            "none.csv",
            "error: cannot read none.csv: there is no such file\n",
        ),
        ("folder", "error: cannot read folder: it is a folder\n"),
    ] {
        for format in ["text", "csv", "json"] {
            let done = replay(&place, LIMITER, trace, format);
            assert_eq!((done.out.as_str(), done.err.as_str()), ("", message));
        }
    }
}

/// What was judged before a bad row is printed.
#[test]
fn logs_that_are_wrong() {
    let place = Place::new();
    for (log, judged, parts) in [
        (
            "",
            0,
            &["there is not a single row", "2025-09-19T04:00:00Z,alice"][..],
        ),
        ("time,key\n", 0, &["there is not a single row"]),
        ("# nothing\n\n", 0, &["there is not a single row"]),
        (
            "time,key,cost\n1,ann,1\n2,ann,x\n3,ann,1\n",
            1,
            &[
                "line 3, column \"cost\"",
                "the cost \"x\" cannot be read",
                "a whole number",
            ],
        ),
        (
            "time\n\n1\n# noon\nnoon\n",
            1,
            &["line 5, column \"time\"", "\"noon\"", "expected RFC 3339"],
        ),
        (
            "time,key\n9,ann\n10,ann\n3.5,bob\n",
            2,
            &[
                "line 4, column \"time\"",
                "\"3.5\" is 6s 500ms before that of line 3",
                "in order of time",
                "help: --slack 7s puts",
            ],
        ),
        (
            "1,ann\n2,ann,1,5s,9\n",
            1,
            &["line 2: 5 fields", "to be quoted"],
        ),
        (
            "time,class\n1,Critcal\n",
            0,
            &[
                "line 2",
                "\"Critcal\" is no class",
                "did you mean Critical?",
            ],
        ),
        (
            "tme,key\n1,ann\n",
            0,
            &[
                "line 1: the header has no time column",
                "did you mean \"time\"",
            ],
        ),
        (
            "time,user,client\n1,ann,hub\n",
            0,
            &["line 1: the columns \"user\" and \"client\" both name the key"],
        ),
        (
            "1,\"ann\n2,bob\n",
            0,
            &["line 1: a quote is opened and not closed"],
        ),
        (
            "time,duration\n1,-1\n",
            0,
            &["line 2, column \"duration\"", "a number from 0 on"],
        ),
        (
            "time,outcome\n1,maybe\n",
            0,
            &["line 2, column \"outcome\"", "timeout; or an HTTP status"],
        ),
    ] {
        place.write("log.csv", log);
        let done = replay(&place, LIMITER, "log.csv", "csv");
        let header = usize::from(judged > 0);
        assert_eq!(done.out.lines().count(), header + judged, "{log:?}");
        assert!(done.err.starts_with("error: log.csv: "), "{}", done.err);
        for part in parts {
            assert!(done.err.contains(part), "{part} in {}", done.err);
        }
        let arguments = ["replay", "--limiter", LIMITER, "--trace", "-"];
        let piped = place.ratelab_with_input(&arguments, log).exits(2);
        let expected = done.err.replace("log.csv", "standard input");
        assert_eq!(piped.err, expected, "standard input is named as such");
    }
}

#[test]
fn arguments_that_are_missing_or_unknown() {
    let place = Place::new();
    place.write("log.csv", "1\n");
    for (arguments, part) in [
        (&["replay", "--limiter", LIMITER][..], "--trace <FILE>"),
        (&["replay", "--trace", "log.csv"], "--limiter <TEXT>"),
        (
            &[
                "replay",
                "--limiter",
                LIMITER,
                "--trace",
                "log.csv",
                "--format",
                "xml",
            ],
            "text, json, csv",
        ),
        (
            &[
                "replay",
                "--limiter",
                LIMITER,
                "--trace",
                "log.csv",
                "--unit",
                "min",
            ],
            "s, ms, us, ns",
        ),
        (
            &[
                "replay",
                "--limiter",
                LIMITER,
                "--trace",
                "log.csv",
                "--fields",
                "draft-11",
            ],
            "draft-10",
        ),
    ] {
        let done = place.ratelab(arguments).exits(2);
        assert_eq!(done.out, "");
        assert!(done.err.contains(part), "{part} in {}", done.err);
    }
}
