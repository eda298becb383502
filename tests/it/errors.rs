//! Every class of wrong input: where it is, what was expected, what is near.

use proptest::prelude::*;
use ratelab::scenario::Source;
use ratelab::sim::{QueueKind, Replication};
use ratelab::world::World;

use crate::support::{Place, SMALL, replaced};

/// A change to the scenario and parts of what must be told of it; the place is
/// where `mark` begins in the changed text.
struct Case {
    from: &'static str,
    to: &'static str,
    mark: &'static str,
    parts: &'static [&'static str],
}

const fn case(
    from: &'static str,
    to: &'static str,
    mark: &'static str,
    parts: &'static [&'static str],
) -> Case {
    Case {
        from,
        to,
        mark,
        parts,
    }
}

const CASES: &[Case] = &[
    // Numbers and units.
    case(
        "length: \"10min\"",
        "length: 600",
        "600",
        &["expected text in quotes", "\"600s\""],
    ),
    case(
        "length: \"10min\"",
        "length: \"600\"",
        "\"600\"",
        &["has no unit", "\"300s\""],
    ),
    case(
        "length: \"10min\"",
        "length: \"-5s\"",
        "\"-5s\"",
        &["negative"],
    ),
    case(
        "length: \"10min\"",
        "length: \"5 parsecs\"",
        "\"5 parsecs\"",
        &["unknown unit of time \"parsecs\"", "ms"],
    ),
    case(
        "length: \"10min\"",
        "length: \"300000d\"",
        "\"300000d\"",
        &["584 years"],
    ),
    case(
        "length: \"10min\"",
        "length: \"180000d\"",
        "\"180000d\"",
        &["longer than 200 years", "must be shorter"],
    ),
    case(
        "length: \"10min\"",
        "length: \"0s\"",
        "\"0s\"",
        &["nothing would be measured", "more than zero"],
    ),
    case(
        "Exactly(2)",
        "Poisson(NaN)",
        "NaN",
        &["NaN is not a finite number"],
    ),
    case(
        "Exactly(2)",
        "Poisson(inf)",
        "inf",
        &["inf is not a finite number"],
    ),
    case("Exactly(2)", "Poisson(1e999)", "1e999", &["too large"]),
    case(
        "Exactly(2)",
        "Poisson(-1.0)",
        "Poisson(-1.0)",
        &["must be from 0 to 10000"],
    ),
    case(
        "homes: 20,",
        "homes: -20,",
        "-20",
        &["negative", "whole number, zero or more"],
    ),
    case(
        "homes: 20,",
        "homes: 2.5,",
        "2.5",
        &["whole number", "write 2 or 3"],
    ),
    case(
        "homes: 20,",
        "homes: \"20\",",
        "\"20\"",
        &["whole number", "without quotes"],
    ),
    case(
        "homes: 20,",
        "homes: 99999999999999999999,",
        "99999999999999999999",
        &["too large"],
    ),
    case(
        "rate: \"1/s\")]",
        "rate: \"1\")]",
        "\"1\"",
        &["is not a rate", "\"8/s\""],
    ),
    case(
        "rate: \"1/s\")]",
        "rate: \"0/s\")]",
        "\"0/s\"",
        &["more than zero"],
    ),
    case(
        "rate: \"1/s\")]",
        "rate: \"-1/s\")]",
        "\"-1/s\"",
        &["negative"],
    ),
    case("seed: 1,", "seed: -1,", "-1", &["negative"]),
    case(
        "seed: 1,",
        "seed: 1, confidence: 1.5,",
        "1.5",
        &["probability 1.5 is out of range", "from 0 to 1"],
    ),
    case(
        "deadline: \"1min\"",
        "deadline: \"1min\", chance: 1.5",
        "1.5",
        &["probability 1.5 is out of range"],
    ),
    case(
        "deadline: \"1min\"",
        "deadline: \"1min\", chance: \"150%\"",
        "\"150%\"",
        &["out of range", "\"25%\""],
    ),
    case(
        "Exponential(mean: \"200ms\")",
        "LogNormal(median: \"2s\", p99: \"1s\")",
        "LogNormal",
        &["p99", "above its median"],
    ),
    case(
        "length: \"10min\"",
        "zone: \"+99999999:00\", length: \"10min\"",
        "\"+99999999:00\"",
        &["unknown time zone", "\"+02:00\""],
    ),
    case(
        "length: \"10min\"",
        "start: \"2025-02-30T00:00:00Z\", length: \"10min\"",
        "\"2025-02-30T00:00:00Z\"",
        &["is not a moment"],
    ),
    // Unknown names.
    case(
        "client: \"hub\"",
        "client: \"hob\"",
        "\"hob\"",
        &["unknown client \"hob\"", "did you mean \"hub\"?"],
    ),
    case(
        "retry: \"soon\"",
        "retry: \"son\"",
        "\"son\"",
        &["unknown retry policy \"son\"", "did you mean \"soon\"?"],
    ),
    case(
        "methods: [\"get\"]",
        "methods: [\"gte\"]",
        "\"gte\"",
        &["unknown method \"gte\"", "did you mean \"get\"?"],
    ),
    case(
        "kinds: [\"valve\"]",
        "kinds: [\"vlave\"]",
        "\"vlave\"",
        &[
            "unknown kind of device \"vlave\"",
            "did you mean \"valve\"?",
        ],
    ),
    case(
        "[\"none\", \"soon\"]",
        "[\"none\", \"sonn\"]",
        "\"sonn\"",
        &["unknown retry policy \"sonn\"", "did you mean \"soon\"?"],
    ),
    case(
        "clients.hub.retry",
        "clients.hob.retry",
        "\"clients.hob",
        &["no \"hob\"", "hub, script"],
    ),
    case(
        "clients.hub.retry",
        "study.seed",
        "\"study.seed",
        &["a study cannot vary itself"],
    ),
    case(
        "server: (",
        "targets: [\"p429.atempt <= 1%\"], server: (",
        "\"p429.atempt <= 1%\"",
        &["unknown estimate", "did you mean \"p429.attempt\"?"],
    ),
    case(
        "length: \"10min\"",
        "zone: \"Europe/Pariss\", length: \"10min\"",
        "\"Europe/Pariss\"",
        &["unknown time zone", "\"Europe/Paris\""],
    ),
    case(
        "per: [User]",
        "per: [Usr]",
        "Usr",
        &["unknown word \"Usr\" in per", "did you mean \"User\"?"],
    ),
    case(
        "TokenBucket(",
        "TokenBuckt(",
        "TokenBuckt",
        &[
            "unknown word \"TokenBuckt\" in by",
            "did you mean \"TokenBucket\"?",
        ],
    ),
    case(
        "Exactly(2)",
        "Exacly(2)",
        "Exacly",
        &[
            "unknown word \"Exacly\" in count",
            "did you mean \"Exactly\"?",
        ],
    ),
    // Keys.
    case(
        "permits: 3",
        "permit: 3",
        "permit:",
        &[
            "unknown field \"permit\" in Gate",
            "did you mean \"permits\"?",
        ],
    ),
    case(
        "homes: 20,",
        "hoems: 20,",
        "hoems",
        &[
            "unknown field \"hoems\" in \"valve homes\"",
            "did you mean \"homes\"?",
        ],
    ),
    case(
        "drain: \"10min\"",
        "drian: \"10min\"",
        "drian",
        &["unknown field \"drian\" in time", "did you mean \"drain\"?"],
    ),
    case(
        "homes: 20,",
        "homes: 20, homes: 21,",
        "homes: 21",
        &["\"homes\" is given twice"],
    ),
    case(
        "\"bare homes\"",
        "\"valve homes\"",
        "\"valve homes\": (homes: 5",
        &["given twice", "each name once"],
    ),
    case(
        "every: \"30s\", ",
        "",
        "(method: \"get\", jitter",
        &["the field \"every\" is missing in polls"],
    ),
    // Contradictions.
    case(
        "deadline: \"1min\"",
        "deadline: \"11min\"",
        "\"11min\"",
        &[
            "a deadline of 11min is longer than the measured 10min",
            "must be at most",
        ],
    ),
    case(
        "Fixed(40)",
        "Fixed(0)",
        "Fixed(0)",
        &["a quota of 0 refuses everything", "at least 1"],
    ),
    case(
        "burst: 5",
        "burst: 0",
        "0), methods",
        &["the burst is zero", "at least 1"],
    ),
    case(
        "window: \"10s\"",
        "window: \"10us\"",
        "\"10us\"",
        &["shorter than the clock's tick of 1ms"],
    ),
    case(
        "permits: 3",
        "permits: 0",
        "0, max_wait",
        &["a gate without permits refuses everything"],
    ),
    case(
        "jitter: \"5s\"",
        "jitter: \"30s\"",
        "\"30s\")]",
        &["must be shorter than `every`"],
    ),
    case(
        "requests: [(method: \"get\", rate: \"1/s\")],\n            loops: [(method: \"put\", think: Exponential(mean: \"10s\"))],",
        "",
        "\"script\": (\n",
        &["the client \"script\" sends nothing", "needs polls"],
    ),
    case(
        "client: \"script\"",
        "client: \"hub\"",
        "\"script\": (\n",
        &["no cohort uses the client \"script\"", "used by nobody"],
    ),
    case(
        "time: \"00:05\"",
        "time: \"12:00\"",
        "Daily(",
        &["12:00 in UTC does not come within the run"],
    ),
    case(
        "replications: 4",
        "replications: 0",
        "0, vary",
        &["nothing would be run"],
    ),
    case(
        "attempts: 3",
        "attempts: 0",
        "0)}",
        &["a number of attempts from 1", "or Unlimited"],
    ),
    case(
        "wait: \"1s\", attempts: 3",
        "wait: \"1ns\", attempts: Unlimited",
        "\"1ns\"",
        &["at least 1ms"],
    ),
    case(
        "[\"none\", \"soon\"]",
        "[\"none\", \"none\"]",
        "\"none\"]",
        &["listed twice"],
    ),
    case(
        "server: (",
        "targets: [\"p429.attempt <= 150%\"], server: (",
        "\"p429.attempt <= 150%\"",
        &["\"150%\" for a bound", "from 0 to 1"],
    ),
    case(
        "server: (",
        "targets: [\"latency.command.p99 <= 2\"], server: (",
        "\"latency.command.p99 <= 2\"",
        &["a time with its unit"],
    ),
    case(
        "\"small\"",
        "\"sm\\u{1b}[31mall\"",
        "\"sm\\u{1b}[31mall\"",
        &["control characters"],
    ),
    // Sizes.
    case(
        "homes: 20,",
        "homes: 4000000000,",
        "{\n        \"valve",
        &[
            "12000000005 homes and devices are more than one run holds",
            "at most 100000000",
        ],
    ),
    case(
        "rate: \"1/s\")]",
        "rate: \"1000000000000000000/s\")]",
        "\"1000000000000000000/s\"",
        &["one sender would send", "at most 200 million"],
    ),
    case(
        "think: Exponential(mean: \"10s\")",
        "think: Constant(\"0s\")",
        "Constant(\"0s",
        &["never lets time pass", "more than zero"],
    ),
    case(
        "burst: 5",
        "burst: 9223372036854775808",
        "TokenBucket",
        &["more than 584 years to fill"],
    ),
    case(
        "replications: 4",
        "replications: 4000000000",
        "4000000000",
        &["must be at most 500000"],
    ),
    case(
        "replications: 4",
        "replications: 5000000000",
        "5000000000",
        &["at most 4294967295"],
    ),
    case(
        "replications: 4",
        "replications: 500000",
        "500000",
        &["GB of memory", "time.bucket"],
    ),
    case(
        "FixedWindow(quota: Fixed(40)",
        "SlidingLog(quota: Fixed(5000000000)",
        "Fixed(5000000000)",
        &[
            "a sliding log cannot hold a quota of 5000000000",
            "must be smaller",
        ],
    ),
    // Syntax.
    case(
        "name: \"small\"",
        "name: \"small",
        "\"small",
        &["not closed"],
    ),
    case("Scenario(", "Scenari(", "Scenari", &["expected Scenario"]),
];

/// Line and column, counted from 1, in characters.
fn line_and_column(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{line}:{column}")
}

#[test]
fn each_mistake_is_told_with_its_place_and_a_remedy() {
    let place = Place::new();
    for case in CASES {
        let Case {
            from,
            to,
            mark,
            parts,
        } = case;
        let text = replaced(SMALL, from, to);
        place.write("s.ron", &text);
        let done = place.ratelab(&["check", "s.ron"]);
        assert_eq!(done.code, Some(2), "{from} -> {to}: {}", done.err);
        assert_eq!(done.out, "", "{to}");
        for part in *parts {
            assert!(done.err.contains(part), "{to}: {part} in {}", done.err);
        }
        let at = text
            .find(mark)
            .unwrap_or_else(|| panic!("{mark} in {text}"));
        let shown = format!("--> s.ron:{}\n", line_and_column(&text, at));
        assert!(done.err.contains(&shown), "{to}: {shown} in {}", done.err);
        // Names of types in the program mean nothing to a user.
        for word in [
            "Cohort",
            "DeviceCount",
            "LimiterRule",
            "NamedList",
            "u32",
            "Option<",
        ] {
            assert!(!done.err.contains(word), "{to}: {}", done.err);
        }
    }
}

#[test]
fn a_cohort_that_nobody_serves_is_told() {
    let place = Place::new();
    let text = replaced(
        SMALL,
        "polls: [(method: \"get\", every: \"30s\", jitter: \"5s\")],",
        "",
    );
    let text = replaced(&text, "Exactly(2)", "Exactly(0)");
    place.write("s.ron", &text);
    let done = place.ratelab(&["check", "s.ron"]).exits(2);
    assert!(
        done.err.contains("nobody serves this cohort"),
        "{}",
        done.err
    );
    let at = text.find("\"hub\", devices").unwrap();
    assert!(done.err.contains(&line_and_column(&text, at)));
}

#[test]
fn all_problems_of_a_file_are_told_in_one_go() {
    let place = Place::new();
    let changes = [
        ("homes: 20,", "homes: -1,", "is negative"),
        ("permits: 3", "permit: 3", "unknown field \"permit\""),
        ("drain: \"10min\"", "drain: \"10\"", "has no unit"),
        (
            "attempts: 3",
            "attempts: 3, factor: NaN",
            "NaN is not a finite number",
        ),
    ];
    let rules = [
        ("Fixed(40)", "Fixed(0)", "a quota of 0"),
        ("client: \"hub\"", "client: \"hob\"", "unknown client"),
        ("deadline: \"1min\"", "deadline: \"1h\"", "a deadline of 1h"),
        ("jitter: \"5s\"", "jitter: \"50s\"", "a jitter of 50s"),
    ];
    for list in [changes, rules] {
        let text = list.iter().fold(SMALL.to_owned(), |text, (from, to, _)| {
            replaced(&text, from, to)
        });
        place.write("s.ron", text);
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        for (_, _, message) in list {
            assert!(done.err.contains(message), "{message} in {}", done.err);
        }
    }
}

#[test]
fn one_mistake_is_told_once() {
    let place = Place::new();
    for (from, to) in [
        ("client: \"hub\"", "client: \"hob\""),
        ("homes: 20,", "homes: NaN,"),
        ("length: \"10min\"", "length: inf"),
        ("Exactly(2)", "Poisson(NaN)"),
        ("clients.hub.retry", "clients.hub.retri"),
    ] {
        place.write("s.ron", replaced(SMALL, from, to));
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        assert_eq!(done.err.matches("error:").count(), 1, "{to}: {}", done.err);
    }
}

#[test]
fn files_that_are_not_scenarios() {
    let place = Place::new();
    place.write("empty.ron", "");
    place.write("comment.ron", "// nothing\n/* here */\n");
    place.write("binary.ron", [0x7f, b'E', b'L', b'F', 0, 1, 2, 0xff]);
    place.write("latin1.ron", b"Scenario(name: \"caf\xe9\")");
    place.write("utf16.ron", b"\xff\xfeS\0c\0");
    place.write("deep.ron", "(".repeat(200_000));
    place.write("lists.ron", "[".repeat(200_000) + &"]".repeat(200_000));
    place.write("comments.ron", "/*".repeat(200_000));
    std::fs::create_dir(place.path("folder")).unwrap();
    // A sparse file of 100 MB: it is not read to its end.
    let huge = std::fs::File::create(place.path("huge.ron")).unwrap();
    huge.set_len(100_000_000).unwrap();
    for (file, parts) in [
        (
            "empty.ron",
            vec!["empty.ron", "the file is empty", "expected Scenario(...)"],
        ),
        ("comment.ron", vec!["the file is empty"]),
        ("binary.ron", vec!["not a text file", "offset 4"]),
        (
            "latin1.ron",
            vec!["not valid UTF-8", "line 1, column 20", "UTF-8"],
        ),
        ("utf16.ron", vec!["UTF-16", "save it again"]),
        ("deep.ron", vec!["deep.ron:1:"]),
        ("lists.ron", vec!["expected Scenario(...)"]),
        ("comments.ron", vec!["the comment is not closed", "1:1"]),
        ("folder", vec!["cannot read folder", "it is a folder"]),
        ("huge.ron", vec!["a scenario has at most 4194304"]),
        (
            "missing.ron",
            vec!["cannot read missing.ron", "no such file", "ratelab presets"],
        ),
        (
            "netatmoo",
            vec!["no such file", "did you mean the preset \"netatmo\"?"],
        ),
    ] {
        for verb in ["check", "run"] {
            let done = place.ratelab(&[verb, file]).exits(2);
            assert_eq!(done.out, "");
            for part in &parts {
                assert!(done.err.contains(part), "{file}: {part} in {}", done.err);
            }
        }
    }
    assert!(!place.path("outputs").exists(), "nothing is left behind");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let path = place.write("secret.ron", SMALL);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    // For the superuser there is no such file.
    if std::fs::read(&path).is_err() {
        let done = place.ratelab(&["check", "secret.ron"]).exits(2);
        assert!(done.err.contains("permission denied"), "{}", done.err);
    }
}

#[test]
fn line_ends_and_marks_of_other_systems_change_nothing() {
    let place = Place::new();
    let text = format!("\u{feff}{}", SMALL.replace('\n', "\r\n"));
    place.write("s.ron", &text);
    place.ratelab(&["check", "s.ron"]).exits(0);
    let wrong = text.replace("permits: 3", "permit: 3");
    let at = SMALL.find("permits: 3").unwrap();
    place.write("s.ron", wrong);
    let done = place.ratelab(&["check", "s.ron"]).exits(2);
    assert!(
        done.err.contains(&line_and_column(SMALL, at)),
        "{}",
        done.err
    );
}

#[test]
fn the_command_line_says_what_it_expected() {
    let place = Place::new();
    place.write("s.ron", SMALL);
    for (arguments, parts) in [
        (
            vec!["run", "s.ron", "--set", "permits"],
            vec!["expected PATH=VALUE"],
        ),
        (
            vec!["run", "s.ron", "--set", "=4"],
            vec!["expected PATH=VALUE"],
        ),
        (
            vec!["run", "s.ron", "--set", "time.lenght=1s"],
            vec!["lenght", "length"],
        ),
        (
            vec!["run", "s.ron", "--set", "server.stages.gat.permits=4"],
            vec!["no \"gat\"", "gate, user, app"],
        ),
        (
            vec!["run", "s.ron", "--set", "server.stages.9.permits=4"],
            vec!["3 elements, 0 to 2"],
        ),
        (
            vec!["run", "s.ron", "--set", "server.stages.gate.permits=0"],
            vec!["a gate without permits"],
        ),
        (
            vec!["run", "s.ron", "--set", "clients.*.retry=son"],
            vec!["son"],
        ),
        (
            vec!["run", "s.ron", "--set", "targets.*=x"],
            vec!["targets"],
        ),
        (
            vec!["run", "s.ron", "--replications", "0"],
            vec!["1..=1000000"],
        ),
        (
            vec!["run", "s.ron", "--replications", "1000000"],
            vec!["must be at most 500000"],
        ),
        (vec!["run", "s.ron", "--seed", "x"], vec!["--seed"]),
        (
            vec!["run", "s.ron", "--threads", "0"],
            vec!["from 1 to 1024"],
        ),
        (
            vec!["run", "s.ron", "--threads", "100000"],
            vec!["from 1 to 1024"],
        ),
        (
            vec!["run", "s.ron", "--format", "yaml"],
            vec!["text, json, csv"],
        ),
        (
            vec!["check", "s.ron", "--format", "csv"],
            vec!["text or json"],
        ),
        (vec!["check"], vec!["SCENARIOS"]),
        (vec!["runn"], vec!["'run'"]),
        (
            vec!["presets", "show", "netatmoo"],
            vec!["unknown preset", "did you mean \"netatmo\"?"],
        ),
    ] {
        let done = place.ratelab(&arguments);
        assert_eq!(done.code, Some(2), "{arguments:?}: {}", done.err);
        assert_eq!(done.out, "", "{arguments:?}");
        for part in parts {
            assert!(
                done.err.contains(part),
                "{arguments:?}: {part} in {}",
                done.err
            );
        }
    }
    assert_eq!(place.names("."), ["s.ron"], "nothing is left behind");
}

#[test]
fn large_files_that_are_wrong_all_over_are_refused_in_time() {
    let place = Place::new();
    let many = |part: &str, count: usize| part.repeat(count);
    for (from, to, part) in [
        (
            "Gate(permits: 3,",
            many("Gate(permits: 1), ", 20_000) + "Gate(permits: 3,",
            "20003 stages",
        ),
        (
            "polls: [",
            "polls: [".to_owned() + &many("(method: \"a\", every: \"1s\"), ", 20_000),
            "20002 kinds of traffic",
        ),
        (
            "devices: [",
            "devices: [".to_owned() + &many("(kind: \"a\", count: Exactly(1)), ", 20_000),
            "20001 kinds of devices",
        ),
        (
            "[\"none\", \"soon\"]",
            "[".to_owned() + &many("\"none\", ", 10_001) + "]",
            "more than 10000",
        ),
    ] {
        place.write("s.ron", replaced(SMALL, from, &to));
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        assert!(done.err.contains(part), "{part} in {}", done.err);
    }
}

const NETATMO: &str = include_str!("../../scenarios/netatmo.ron");

/// The pieces of a text: words, numbers, texts in quotes, single characters.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let length = match first {
            '"' => rest[1..].find('"').map_or(1, |end| end + 2),
            c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

const STRANGE: &[&str] = &[
    "0",
    "-1",
    "1e999",
    "NaN",
    "18446744073709551615",
    "0.5",
    "\"0s\"",
    "\"1ns\"",
    "\"500d\"",
    "\"213503d\"",
    "\"\"",
    "\"none\"",
    "\"1000000000/ns\"",
    "\"é\\u{1F600}\"",
    "None",
    "Some(1)",
    "[]",
    "{}",
    "()",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "/*",
    "//",
    "r#\"",
    ",",
    ":",
    "#",
    "Unlimited",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "\r",
];

/// What one mutation does to the list of tokens.
fn mutate(tokens: &mut Vec<&str>, kind: u8, at: usize, other: usize) {
    if tokens.is_empty() {
        return;
    }
    let (at, from) = (at % tokens.len(), other % tokens.len());
    match kind % 5 {
        0 => {
            tokens.remove(at);
        }
        1 => tokens[at] = STRANGE[other % STRANGE.len()],
        2 => tokens.insert(at, tokens[from]),
        3 => tokens[at] = tokens[from],
        _ => tokens.truncate(at),
    }
}

/// Reads a text, and runs the first event loop of a sound one for a moment.
fn exercise(text: String) {
    let Ok(variants) = Source::new(text).variants() else {
        return;
    };
    for variant in variants.iter().take(2) {
        let scenario = &variant.scenario;
        let homes: u64 = scenario
            .cohorts
            .values()
            .map(|cohort| u64::from(cohort.homes))
            .sum();
        if homes > 30_000 {
            continue;
        }
        if let Ok(world) = World::compile(scenario, 1) {
            let replication = Replication::new(&world, 1, 0, QueueKind::Ladder, &|| false).unwrap();
            // It is asked after some ten thousand events.
            let _ = replication.run(&|| true);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_of_a_scenario_makes_it_panic(
        which in any::<bool>(),
        mutations in proptest::collection::vec((any::<u8>(), any::<usize>(), any::<usize>()), 1..4),
    ) {
        let text = if which { NETATMO } else { SMALL };
        let mut tokens = tokens(text);
        for (kind, at, other) in mutations {
            mutate(&mut tokens, kind, at, other);
        }
        exercise(tokens.concat());
    }

    /// Values of the right form are likelier to pass and be run.
    #[test]
    fn no_value_of_a_scenario_makes_a_run_panic(
        changes in proptest::collection::vec((any::<usize>(), 0_u32..40), 1..4),
    ) {
        let mut tokens: Vec<String> = tokens(SMALL).iter().map(|token| (*token).to_owned()).collect();
        let numbers: Vec<usize> = (0..tokens.len())
            .filter(|at| {
                let digits = tokens[*at].trim_start_matches('"');
                digits.starts_with(|c: char| c.is_ascii_digit())
            })
            .collect();
        for (which, power) in changes {
            let at = numbers[which % numbers.len()];
            let unit = tokens[at].trim_matches('"').trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
            let number = 3_u64.pow(power);
            tokens[at] = match tokens[at].starts_with('"') {
                true => format!("\"{number}{unit}\""),
                false => number.to_string(),
            };
        }
        exercise(tokens.concat());
    }
}
