use super::super::node::Node;
use super::*;
use proptest::prelude::*;

const SAMPLE: &str = "Scenario(
    name: \"x\", // the name
    time: (length: \"6h\"),
    clients: {
        // kept
        \"a\": (retry: \"none\", every: \"300s\"), // why a
    },
    stages: [Gate(permits: 160), Limit((name: \"u\"))],
    backend: (), on: [Code(11), \"a, b\"],
    p: 0.5 // a share
)
";

#[test]
fn values_are_replaced_and_the_rest_is_kept() {
    for (path, value, old, new) in [
        ("stages.0.permits", "8", "permits: 160", "permits: 8"),
        (
            "clients.a.retry",
            "full jitter",
            "\"none\"",
            "\"full jitter\"",
        ),
        ("clients.a.retry", "\"None\"", "\"none\"", "\"None\""),
        ("clients.a.retry", "None", "\"none\"", "None"),
        ("clients.a.every", "15s", "\"300s\"", "\"15s\""),
        ("clients.a.every", "60", "\"300s\"", "\"60\""),
        (
            "name",
            "say \"hi\" \\ é\n",
            "\"x\"",
            "\"say \\\"hi\\\" \\\\ é\\n\"",
        ),
        ("name", "", "\"x\"", "\"\""),
        ("p", "0.25", "p: 0.5", "p: 0.25"),
        (
            "stages.0",
            "Gate(permits: 1)",
            "Gate(permits: 160)",
            "Gate(permits: 1)",
        ),
        ("on.0.0", "26", "Code(11)", "Code(26)"),
        (
            "on",
            " [ /* none */ ] ",
            "[Code(11), \"a, b\"]",
            "[ /* none */ ]",
        ),
    ] {
        assert_eq!(
            set(SAMPLE, path, value).unwrap(),
            SAMPLE.replacen(old, new, 1),
            "{path}"
        );
    }
}

#[test]
fn the_readings_of_a_value_are_in_order_of_likelihood() {
    for (path, value, expected) in [
        ("p", "5%", &["5%", "\"5%\""][..]),
        ("p", "1, q: 2", &["\"1, q: 2\""]),
        ("p", ")", &["\")\""]),
        ("p", "(1", &["\"(1\""]),
        ("p", "1 // half", &["\"1 // half\""]),
        ("name", "Fixed(50)", &["\"Fixed(50)\"", "Fixed(50)"]),
        (
            "name",
            "Some(\"y\")",
            &["Some(\"y\")", "\"Some(\\\"y\\\")\""],
        ),
        ("name", "\"y\"", &["\"y\""]),
    ] {
        let found: Vec<String> = candidates(SAMPLE, path, value)
            .unwrap()
            .iter()
            .map(|text| raw_at(text, path).unwrap().to_owned())
            .collect();
        assert_eq!(found, expected, "{path} {value}");
    }
}

#[test]
fn what_is_absent_is_added_where_it_belongs() {
    for (path, value, old, new) in [
        (
            "time.warm_up",
            "\"1h\"",
            "\"6h\")",
            "\"6h\", warm_up: \"1h\")",
        ),
        (
            "backend.service",
            "1",
            "backend: ()",
            "backend: (service: 1)",
        ),
        (
            "backend.service.law",
            "1",
            "backend: ()",
            "backend: (service: (law: 1))",
        ),
        (
            "stages.0.max_wait",
            "\"2s\"",
            "160)",
            "160, max_wait: \"2s\")",
        ),
        ("stages.u.per", "[User]", "\"u\")", "\"u\", per: [User])"),
        (
            "clients.\"b \\\"c\\\"\"",
            "()",
            "// why a\n",
            "// why a\n        \"b \\\"c\\\"\": (),\n",
        ),
        ("q", "1", "0.5 // a share\n", "0.5, // a share\n    q: 1,\n"),
    ] {
        let edited = set(SAMPLE, path, value).unwrap();
        assert_eq!(edited, SAMPLE.replacen(old, new, 1), "{path}");
        assert!(ron::from_str::<ron::Value>(&edited).is_ok());
    }
    let windows = "(\r\n  a: 1\r\n)";
    assert_eq!(
        set(windows, "b", "2").unwrap(),
        "(\r\n  a: 1,\r\n  b: 2,\r\n)"
    );
    let block = "(\n  a: 1, /* x\n y */\n)";
    assert_eq!(
        set(block, "b", "2").unwrap(),
        "(\n  a: 1, b: 2, /* x\n y */\n)"
    );
    assert_eq!(set("({})", "0.k", "2").unwrap(), "({\"k\": 2})");
}

#[test]
fn what_cannot_be_set_says_why() {
    for (path, part) in [
        ("clients.b.retry", "there is no \"b\" in \"clients\""),
        ("tiem.length", "did you mean \"time\"?"),
        ("name.x", "is the single value \"x\""),
        ("stages.5", "has 2 elements"),
        ("time.warm-up", "there is no \"warm-up\""),
        ("a..b", "empty"),
    ] {
        let message = set(SAMPLE, path, "1").unwrap_err().to_string();
        assert!(message.contains(part), "{path}: {message}");
    }
    let problem = set(SAMPLE, "tiem.length", "1")
        .unwrap_err()
        .into_problem(Some(3..4));
    assert_eq!(problem.place, Some(3..4));
    assert_eq!(
        problem.help.as_deref().map(|help| &help[..21]),
        Some("did you mean \"time\"? ")
    );
    assert!(set("// nothing", "a", "1").is_err());
}

#[test]
fn lists_are_read_element_by_element() {
    assert_eq!(list_items(SAMPLE, "on").unwrap(), ["Code(11)", "\"a, b\""]);
    assert_eq!(
        raw_at(SAMPLE, "clients.a").unwrap(),
        "(retry: \"none\", every: \"300s\")"
    );
    let error = list_items(SAMPLE, "time").unwrap_err();
    assert!(error.to_string().contains("\"time\" is not a list"));
    assert!(list_items(SAMPLE, "nowhere").is_err());
}

/// The paths of all values of a text, by keys and indices.
fn paths(tree: &SourceTree<'_>, node: &Node, path: &Path, found: &mut Vec<Path>) {
    found.push(path.clone());
    let Some(group) = node.group() else { return };
    for (index, entry) in group.entries.iter().enumerate() {
        let path = match &entry.key {
            Some(key) => path.clone().field(&tree.name(key)),
            None => path.clone().index(index),
        };
        paths(tree, &entry.value, &path, found);
    }
}

fn a_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "-?[0-9]{1,5}(\\.[0-9]{1,3})?",
        "[A-Z][a-z]{1,5}\\([0-9]{0,3}\\)",
        "\"[^\"\\\\]{0,6}\"",
        "\\[[0-9, ]{0,6}\\]",
    ]
}

proptest! {
    #[test]
    fn a_value_set_is_the_value_found(value in a_value(), pick in any::<prop::sample::Index>()) {
        let tree = SourceTree::new(SAMPLE);
        let mut all = Vec::new();
        paths(&tree, tree.root().unwrap(), &Path::root(), &mut all);
        let path = pick.get(&all);
        let node = tree.find(path).unwrap();
        for edited in candidates(SAMPLE, &path.to_string(), &value).unwrap() {
            let found = raw_at(&edited, &path.to_string()).unwrap();
            let text = SourceTree::new(found);
            let quoted = text.name(&(0..found.len())) == value.as_str();
            prop_assert!(found == value.trim() || quoted, "{found:?}");
            prop_assert_eq!(&edited[..node.span.start], &SAMPLE[..node.span.start]);
            prop_assert!(edited.ends_with(&SAMPLE[node.span.end..]));
            prop_assert!(SourceTree::new(&edited).is_one_value());
        }
    }

    #[test]
    fn a_field_added_is_the_field_found(name in "[a-z_]{9,12}", value in a_value(), parent in 0_usize..6) {
        let parent = ["", "time.", "clients.a.", "stages.0.", "backend.", "clients."][parent];
        let path = format!("{parent}{name}");
        for edited in candidates(SAMPLE, &path, &value).unwrap() {
            let found = raw_at(&edited, &path).unwrap();
            let quoted = SourceTree::new(found).name(&(0..found.len())) == value.as_str();
            prop_assert!(found == value.trim() || quoted, "{found:?}");
            for kept in ["// the name\n", "// kept\n", "// why a\n", "// a share\n"] {
                prop_assert!(edited.contains(kept));
            }
            prop_assert!(SourceTree::new(&edited).is_one_value());
        }
    }

    #[test]
    fn no_text_makes_an_edit_panic(text in super::super::tree::tests::fragments(), path in "[a0\".x ]{0,6}", value in any::<String>()) {
        let _ = candidates(&text, &path, &value);
        let _ = list_items(&text, &path);
    }
}
