use super::super::scan::MAX_DEPTH;
use super::*;
use proptest::prelude::*;

const SAMPLE: &str = r##"#![enable(implicit_some)]
// A comment with ( and "quotes".
Scenario(
    name: "a \"b\" \\", /* nested /* ( */ ) */
    clients: {
        "home-assistant": (retry: "none", every: "300s",),
        "a.b": (retry: r#"x"y"#, on: [Code(11), Code(26)]),
    },
    server: (stages: [
        Gate(permits: 160, max_wait: "2s"),
        Limit(name: "app 10 s", by: FixedWindow(quota: Fixed(50), window: "10s")),
        Limit((name: "user", per: [User])),
    ]),
    pair: (1, -2.5e3),
    odd: ('"', '\'', b'(', b"[\"", empty, ()),
)
"##;

fn at(path: &str) -> Result<&'static str, PathError> {
    let tree = SourceTree::new(SAMPLE);
    let node = tree.find(&path.parse()?)?;
    Ok(&SAMPLE[node.span.clone()])
}

#[test]
fn valid_text_has_no_faults_and_is_one_value() {
    let tree = SourceTree::new(SAMPLE);
    assert_eq!(tree.faults(), []);
    assert!(tree.is_one_value());
    assert!(ron::from_str::<ron::Value>(SAMPLE).is_ok());
}

#[test]
fn paths_and_the_values_they_lead_to() {
    for (path, value) in [
        ("name", r#""a \"b\" \\""#),
        ("clients.home-assistant.retry", "\"none\""),
        ("clients.\"home-assistant\".every", "\"300s\""),
        ("clients.\"a.b\".retry", "r#\"x\"y\"#"),
        ("clients.\"a.b\".on.1", "Code(26)"),
        ("clients.\"a.b\".on.1.0", "26"),
        ("server.stages.0.permits", "160"),
        ("server.stages.0", "Gate(permits: 160, max_wait: \"2s\")"),
        ("server.stages.gate.permits", "160"),
        ("server.stages.app 10 s.by.quota", "Fixed(50)"),
        ("server.stages.app 10 s.by.quota.0", "50"),
        ("server.stages.1.by.window", "\"10s\""),
        ("server.stages.2.per", "[User]"),
        ("server.stages.2.0.per.0", "User"),
        ("server.stages.user.per", "[User]"),
        ("pair.1", "-2.5e3"),
        ("odd.0", "'\"'"),
        ("odd.1", "'\\''"),
        ("odd.2", "b'('"),
        ("odd.3", "b\"[\\\"\""),
        ("odd.5", "()"),
    ] {
        assert_eq!(at(path).unwrap(), value, "{path}");
    }
    assert!(at("").unwrap().starts_with("Scenario("));
}

#[test]
fn a_path_that_leads_nowhere_says_where_it_ends() {
    for (path, segment, message, nearest, known) in [
        (
            "client.x",
            0,
            "there is no \"client\" in the scenario",
            Some("clients"),
            "name clients server pair odd",
        ),
        (
            "clients.home-asistant.retry",
            1,
            "there is no \"home-asistant\" in \"clients\"",
            Some("home-assistant"),
            "home-assistant a.b",
        ),
        (
            "clients.a.b",
            1,
            "there is no \"a\" in \"clients\"",
            None,
            "home-assistant a.b",
        ),
        (
            "clients.home-assistant.retrys",
            2,
            "in \"clients.home-assistant\"",
            Some("retry"),
            "retry every",
        ),
        ("name.x", 1, "\"name\" is the single value", None, ""),
        (
            "server.stages.7",
            2,
            "which has 3 elements, 0 to 2",
            None,
            "gate app 10 s user",
        ),
        (
            "server.stages.app 10s",
            2,
            "there is no \"app 10s\"",
            Some("app 10 s"),
            "gate app 10 s user",
        ),
        (
            "server.stages.app 10 s.by.quota.x",
            5,
            "is the single value 50",
            None,
            "",
        ),
        (
            "clients.\"a.b\".on.\"0\"",
            3,
            "which has 2 elements",
            None,
            "",
        ),
        ("odd.5.x", 2, "there is no \"x\" in \"odd.5\"", None, ""),
        ("odd.99999999999999999999", 1, "0 to 5", None, ""),
    ] {
        let error = at(path).unwrap_err();
        assert_eq!(error.segment, segment, "{path}");
        assert!(error.message.contains(message), "{path}: {}", error.message);
        assert_eq!(error.nearest.as_deref(), nearest, "{path}");
        assert_eq!(error.known.join(" "), known, "{path}");
    }
    let nothing = SourceTree::new(" // nothing");
    let error = nothing.find(&Path::root().field("a")).unwrap_err();
    assert_eq!(error.to_string(), "the file is empty");
}

#[test]
fn a_default_has_the_place_of_what_surrounds_it() {
    let tree = SourceTree::new(SAMPLE);
    let place = |path: &str| {
        tree.place(&path.parse().unwrap())
            .map(|place| tree.raw(&place))
    };
    let key = |path: &str| {
        tree.key_place(&path.parse().unwrap())
            .map(|place| tree.raw(&place))
    };
    assert_eq!(place("pair.0"), Some("1"));
    assert_eq!(
        place("server.stages.0.refuse.code"),
        Some("Gate(permits: 160, max_wait: \"2s\")")
    );
    assert_eq!(place("clients.nobody.retry"), Some("{"));
    assert_eq!(key("clients.\"a.b\""), Some("\"a.b\""));
    assert_eq!(key("clients.\"a.b\".retry"), Some("retry"));
    assert_eq!(key("server.stages.0.permits"), Some("permits"));
    assert_eq!(key("pair.1"), Some("-2.5e3"));
    assert_eq!(
        tree.entries(&Path::root().field("clients")).unwrap().len(),
        2
    );
}

#[test]
fn faults_name_the_opening() {
    let open = |open, found| Fault::OpenBracket { open, found };
    for (text, faults) in [
        ("(a: [1, 2)", vec![open(4, Some(9))]),
        ("(a: (1, 2", vec![open(4, None), open(0, None)]),
        ("(a: 1]", vec![Fault::StrayCloser { at: 5 }, open(0, None)]),
        ("(a: \"x", vec![Fault::OpenText { start: 4 }, open(0, None)]),
        ("r##\"x\"#", vec![Fault::OpenText { start: 0 }]),
        ("1 /* /* */", vec![Fault::OpenComment { start: 2 }]),
        (
            "(/* /* */",
            vec![Fault::OpenComment { start: 1 }, open(0, None)],
        ),
        (
            "(a /* )",
            vec![Fault::OpenComment { start: 3 }, open(0, None)],
        ),
    ] {
        assert_eq!(SourceTree::new(text).faults(), faults, "{text}");
    }
    for text in ["", "1 2", "1,", ")", "a: 1", "1 /* /* */", "#"] {
        assert!(!SourceTree::new(text).is_one_value(), "{text}");
    }
}

#[test]
fn deep_nesting_ends_the_scan_and_ron_s_too() {
    for opener in ["(", "[", "{", "Some(", "(a:", "{\"a\":[", "/*"] {
        let text = opener.repeat(1_000_000);
        let tree = SourceTree::new(&text);
        assert!(!tree.faults().is_empty());
        assert!(tree.faults().len() <= MAX_DEPTH + 1);
        assert!(ron::from_str::<ron::Value>(&text).is_err());
    }
    let text = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(SourceTree::new(&text).faults(), []);
}

#[test]
fn numbers_that_are_not_finite_are_found_anywhere() {
    let text =
        "(a: [1.0, NaN], b: -inf, c: 1e999, d: \"NaN\", e: inff32, f: 1_0e9_99, g: infinity)";
    let problems = SourceTree::new(text).non_finite_numbers();
    let found: Vec<&str> = problems
        .iter()
        .map(|p| &text[p.place.clone().unwrap()])
        .collect();
    assert_eq!(found, ["NaN", "-inf", "1e999", "inff32", "1_0e9_99"]);
    assert!(problems[2].message.contains("too large"));
}

/// Text made of RON's own pieces, far likelier to nest than random characters.
pub(crate) fn fragments() -> impl Strategy<Value = String> {
    let pieces = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "'",
        "\\",
        "r#\"",
        "\"#",
        "b'",
        "//",
        "/*",
        "*/",
        "\n",
        " ",
        "#![enable(",
        "Name",
        "Fixed(50)",
        "name: \"x\"",
        "-1.5e3",
        "NaN",
        "é€😀",
        "\u{feff}",
        "Some(",
        "r#",
        "1..5",
        "/",
    ];
    let piece = prop_oneof![
        4 => (0..pieces.len()).prop_map(move |index| pieces[index].to_owned()),
        1 => any::<String>(),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn check_spans(text: &str, node: &Node, within: &Range<usize>) -> Result<(), TestCaseError> {
    let inside = |inner: &Range<usize>, outer: &Range<usize>| {
        outer.start <= inner.start && inner.start <= inner.end && inner.end <= outer.end
    };
    prop_assert!(
        inside(&node.span, within),
        "{:?} in {:?}",
        node.span,
        within
    );
    prop_assert!(text.get(node.span.clone()).is_some());
    if let Some(group) = node.group() {
        prop_assert!(inside(&group.body, &node.span));
        let mut from = group.body.start;
        for entry in &group.entries {
            if let Some(key) = &entry.key {
                prop_assert!(text.get(key.clone()).is_some());
                prop_assert!(from <= key.start && key.end <= entry.value.span.start);
            }
            prop_assert!(from <= entry.value.span.start);
            from = entry.value.span.end;
            check_spans(text, &entry.value, &group.body)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_text_has_a_tree_with_nested_spans_in_order(text in fragments()) {
        let tree = SourceTree::new(&text);
        if let Some(root) = tree.root() {
            check_spans(&text, root, &(0..text.len()))?;
        }
        for fault in tree.faults() {
            let (Fault::OpenBracket { open: at, .. } | Fault::StrayCloser { at } | Fault::OpenText { start: at }
                | Fault::OpenComment { start: at } | Fault::TooDeep { open: at }) = fault;
            prop_assert!(text.is_char_boundary(*at) && *at < text.len());
        }
    }

    #[test]
    fn what_ron_accepts_has_no_faults(text in fragments()) {
        if ron::from_str::<ron::Value>(&text).is_ok() {
            let tree = SourceTree::new(&text);
            prop_assert!(tree.is_one_value(), "{:?}", tree.faults());
        }
    }
}
