use super::study_of;
use crate::experiment::store::ContentKey;
use crate::experiment::{Options, Study};
use crate::scenario::{Source, presets};
use crate::sim::Record;

/// Something of everything that a scenario may refer to by a name.
const TEXT: &str = r#"Scenario(
    name: "n",
    time: (start: "2026-03-28T00:00:00Z", zone: "Europe/Paris", length: "5min", warm_up: "1min"),
    cohorts: {
        "valves": (homes: 20, client: "hub", devices: [(kind: "valve", count: Poisson(2.0))]),
        "others": (homes: 5, client: "script", app: Shared("cloud")),
    },
    clients: {
        "hub": (
            polls: [(method: "get", every: "30s", jitter: "5s", retry: "later")],
            commands: [(method: "set", at: Daily(time: "01:02", spread: "5s"), kinds: ["valve"], deadline: "1min")],
            timeout: "5s",
            retry: "soon",
        ),
        "script": (requests: [(method: "get", rate: "1/s")]),
    },
    server: (
        stages: [
            Gate(permits: 3, max_wait: "500ms"),
            Limit(name: "user", per: [User, Method], by: TokenBucket(rate: "1/s", burst: 5), methods: ["get"]),
        ],
        backend: (service: Exponential(mean: "200ms")),
    ),
    retries: {"soon": Fixed(wait: "1s", attempts: 3), "later": Fixed(wait: "2s", attempts: 2)},
    study: (replications: 1),
    targets: ["p429.attempt <= 5%"],
)"#;

fn key(text: &str) -> ContentKey {
    study_of(text).cells[0].content
}

fn records(text: &str) -> Vec<Vec<Record>> {
    let study: Study = study_of(text);
    study.run(Options::default(), Vec::new(), &()).unwrap()
}

/// Each change is one that a record depends on or one that it does not: where it
/// does not, the record is the same.
#[test]
fn the_key_changes_with_what_records_depend_on_and_nothing_else() {
    const SAME: bool = true;
    const OTHER: bool = false;
    let retries = "retries: {";
    for (is_same, changes) in [
        (
            SAME,
            &[("name: \"n\"", "name: \"m\", about: \"what for\"")][..],
        ),
        (
            SAME,
            &[("replications: 1", "replications: 2, confidence: \"99%\"")],
        ),
        (SAME, &[("replications: 1", "replications: 1, seed: 1")]),
        (OTHER, &[("replications: 1", "replications: 1, seed: 2")]),
        (SAME, &[("p429.attempt <= 5%", "p429.request <= 4%")]),
        // A window that only a target names has counts of its own.
        (
            OTHER,
            &[("p429.attempt <= 5%", "p429.attempt in 01:02..01:03 <= 5%")],
        ),
        (SAME, &[("study:", "collapse: (below: \"10%\"), study:")]),
        // What the text leaves open, written out.
        (
            SAME,
            &[("warm_up: \"1min\"", "warm_up: \"60s\", drain: \"1h\"")],
        ),
        (
            OTHER,
            &[("warm_up: \"1min\"", "warm_up: \"1min\", drain: \"2h\"")],
        ),
        (
            OTHER,
            &[("warm_up: \"1min\"", "warm_up: \"1min\", bucket: \"7s\"")],
        ),
        (OTHER, &[("warm_up: \"1min\"", "warm_up: \"61s\"")]),
        (
            OTHER,
            &[
                ("Europe/Paris", "Europe/London"),
                ("\"01:02\"", "\"00:02\""),
            ],
        ),
        // Names of policies and clients.
        (
            SAME,
            &[("retry: \"soon\"", "retry: \"x\""), ("{\"soon\"", "{\"x\"")],
        ),
        (
            SAME,
            &[
                ("retry: \"later\"", "retry: \"x\""),
                ("\"later\": F", "\"x\": F"),
            ],
        ),
        (OTHER, &[("retry: \"later\"", "retry: \"soon\"")]),
        (OTHER, &[("retry: \"later\"", "retry: \"none\"")]),
        (OTHER, &[("wait: \"2s\"", "wait: \"3s\"")]),
        (OTHER, &[("wait: \"1s\"", "wait: \"3s\"")]),
        (
            SAME,
            &[(
                retries,
                "retries: {\"unused\": Fixed(wait: \"9s\", attempts: 2), ",
            )],
        ),
        (
            SAME,
            &[
                ("client: \"hub\"", "client: \"box\""),
                ("\"hub\": (", "\"box\": ("),
            ],
        ),
        // Names that draws are keyed by.
        (OTHER, &[("\"valves\":", "\"taps\":")]),
        (
            OTHER,
            &[
                ("kind: \"valve\"", "kind: \"tap\""),
                ("[\"valve\"]", "[\"tap\"]"),
            ],
        ),
        (
            OTHER,
            &[(
                "(method: \"get\", rate",
                "(name: \"x\", method: \"get\", rate",
            )],
        ),
        (OTHER, &[("Shared(\"cloud\")", "PerUser")]),
        (OTHER, &[("homes: 20", "homes: 21")]),
        (OTHER, &[("permits: 3", "permits: 4")]),
        (OTHER, &[("mean: \"200ms\"", "mean: \"200001us\"")]),
        (OTHER, &[("Poisson(2.0)", "Poisson(2.0000000000000004)")]),
        (OTHER, &[("study:", "population: Fixed, study:")]),
    ] {
        let mut text = TEXT.to_owned();
        for (from, to) in changes {
            assert_eq!(text.matches(from).count(), 1, "{from}");
            text = text.replace(from, to);
        }
        assert_eq!(key(&text) == key(TEXT), is_same, "{changes:?}");
        if is_same {
            assert_eq!(records(&text)[0][0], records(TEXT)[0][0], "{changes:?}");
        }
    }
}

/// Every number, time and word of every preset is in its key, but for those of
/// readers and of the study around it.
#[test]
fn no_two_presets_have_a_cell_in_common() {
    let mut keys = Vec::new();
    for preset in presets::ALL {
        let source = Source::new(preset.text.to_owned());
        for variant in &source.variants().unwrap() {
            keys.push((ContentKey::new(&variant.scenario, 1), preset.name));
            keys.push((ContentKey::new(&variant.scenario, 2), preset.name));
        }
    }
    let count = keys.len();
    assert!(count >= 4);
    keys.sort_unstable();
    let twice = keys.windows(2).find(|pair| pair[0].0 == pair[1].0);
    assert_eq!(twice, None, "of {count}");
}

/// A text in a method's name cannot pass for a reference.
#[test]
fn a_name_is_no_reference() {
    let named = |method: &str| TEXT.replace("method: \"set\"", &format!("method: {method:?}"));
    let soon = named("x\", retry: \"soon\"");
    let later = named("x\", retry: \"later\"");
    assert_ne!(key(&soon), key(&later));
}

#[test]
fn a_key_is_written_and_read() {
    let key = key(TEXT);
    assert_eq!(key.to_string().parse(), Ok(key));
    let json = serde_json::to_string(&key).unwrap();
    assert_eq!(serde_json::from_str::<ContentKey>(&json).unwrap(), key);
    let short = &key.to_string()[1..];
    for wrong in ["", "x", short, &format!("+{short}"), &format!("{key}0")] {
        assert!(wrong.parse::<ContentKey>().is_err(), "{wrong}");
    }
}
