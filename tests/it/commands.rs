//! What each verb prints and writes, and how it exits.

use serde_json::Value;

use crate::support::{Place, SMALL, replaced};

#[test]
fn json_has_the_documented_fields() {
    let place = Place::new();
    let document = place.run(SMALL, &[]).exits(0).json();
    assert_eq!(document["schema"], "ratelab/1");
    assert_eq!(document["verb"], "run");
    assert_eq!(document["scenario"], "small");
    assert_eq!(document["seed"], 1);
    assert_eq!(document["replications"], 4);
    let hash = document["result_hash"].as_str().unwrap();
    assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let estimates = document["estimates"].as_array().unwrap();
    for estimate in estimates {
        let fields: Vec<&str> = estimate
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        for field in [
            "name",
            "by",
            "policy",
            "value",
            "lo",
            "hi",
            "confidence",
            "deff",
            "replications",
        ] {
            assert!(fields.contains(&field), "{field} in {estimate}");
        }
        assert!(estimate["by"].is_object());
        assert_eq!(
            (&estimate["confidence"], &estimate["replications"]),
            (&0.95.into(), &4.into())
        );
        if let (Some(lo), Some(value), Some(hi)) = (
            estimate["lo"].as_f64(),
            estimate["value"].as_f64(),
            estimate["hi"].as_f64(),
        ) {
            assert!(lo <= value && value <= hi, "{estimate}");
        }
    }
    for (name, by) in [
        ("p429.attempt", serde_json::json!({})),
        ("p429.attempt", serde_json::json!({"cohort": "bare homes"})),
        ("p429.attempt", serde_json::json!({"method": "get"})),
        ("p429.attempt", serde_json::json!({"limit": "app"})),
        ("p_missed.command", serde_json::json!({})),
        ("retry_amplification", serde_json::json!({})),
        ("utilisation.gate", serde_json::json!({})),
    ] {
        for policy in ["none", "soon"] {
            let found = estimates.iter().filter(|estimate| {
                estimate["name"] == name
                    && estimate["policy"] == policy
                    && estimate["by"]
                        .as_object()
                        .unwrap()
                        .iter()
                        .take(1)
                        .eq(by.as_object().unwrap())
            });
            assert_eq!(found.count(), 1, "{name} {by} {policy}");
        }
    }
}

#[test]
fn text_and_csv_go_to_standard_output_and_nothing_else() {
    let place = Place::new();
    place.write("s.ron", SMALL);
    let text = place
        .ratelab(&["run", "s.ron", "--no-files", "--quiet"])
        .exits(0);
    assert!(text.out.contains("small") && text.out.contains("result hash"));
    assert_eq!(text.err, "");
    let csv = place
        .ratelab(&["run", "s.ron", "--no-files", "--format", "csv"])
        .exits(0);
    let header = csv.out.lines().next().unwrap();
    assert_eq!(
        header,
        "name,cohort,method,limit,window,cell,policy,clients.hub.retry,value,lo,hi,standard_error,confidence,basis,lower,upper,deff,replications"
    );
    let columns = header.matches(',').count();
    assert!(csv.out.lines().count() > 20);
    assert!(
        csv.out
            .lines()
            .all(|line| line.matches(',').count() == columns)
    );
    assert_eq!(place.names("."), ["s.ron"], "--no-files writes none");
}

/// The chance of a 429 in [`SMALL`] is about 10 %.
#[test]
fn exit_codes_follow_the_targets() {
    let place = Place::new();
    for (targets, code, verdicts) in [
        ("\"p429.attempt <= 60%\"", 0, ["met", "met"]),
        ("\"p429.attempt <= 0.01%\"", 3, ["missed", "missed"]),
        ("\"p429.attempt >= 60%\"", 3, ["missed", "missed"]),
    ] {
        let text = replaced(
            SMALL,
            "server: (",
            &format!("targets: [{targets}], server: ("),
        );
        let document = place.run(&text, &[]).exits(code).json();
        let found = document["targets"].as_array().unwrap();
        for (target, verdict) in found.iter().zip(verdicts) {
            assert_eq!(target["verdict"], verdict, "{targets}");
        }
        assert_eq!(found.len(), 2);
    }
    // One run has no interval, so that nothing is decided.
    let text = replaced(
        SMALL,
        "server: (",
        "targets: [\"p429.attempt <= 60%\"], server: (",
    );
    let document = place.run(&text, &["--replications", "1"]).exits(4).json();
    assert_eq!(document["targets"][0]["verdict"], "undecided");
    // A target that is missed outweighs one that is undecided.
    let value = place.run(SMALL, &[]).json()["estimates"][0]["value"]
        .as_f64()
        .unwrap();
    let targets =
        format!("targets: [\"p429.attempt <= {value}\", \"p429.attempt <= 0.01%\"], server: (");
    place
        .run(&replaced(SMALL, "server: (", &targets), &[])
        .exits(3);
    let targets = format!("targets: [\"p429.attempt <= {value}\"], server: (");
    place
        .run(&replaced(SMALL, "server: (", &targets), &[])
        .exits(4);
}

const FILES: [&str; 10] = [
    "differences.csv",
    "estimates.csv",
    "gates.csv",
    "manifest.json",
    "records.bin",
    "replications.csv",
    "report.html",
    "runs.csv",
    "scenario.ron",
    "series.csv",
];

#[test]
fn the_output_folder_holds_everything_and_gives_the_same_again() {
    let place = Place::new();
    place.write("s.ron", SMALL);
    let flags = [
        "--seed",
        "7",
        "--replications",
        "3",
        "--set",
        "clients.hub.timeout=6s",
    ];
    let run = [
        "run",
        "s.ron",
        "--format",
        "json",
        "--quiet",
        "--out",
        "deep/er/out",
    ];
    let done = place.ratelab(&[&run[..], &flags].concat()).exits(0);
    let document = done.json();
    assert_eq!(
        (&document["seed"], &document["replications"]),
        (&7.into(), &3.into())
    );
    let names = place.names("deep/er/out");
    for file in FILES {
        assert!(names.iter().any(|name| name == file), "{file} in {names:?}");
    }
    for name in names.iter().filter(|name| !FILES.contains(&name.as_str())) {
        let (stem, ending) = name.rsplit_once('.').unwrap();
        assert!(["svg", "png"].contains(&ending), "{name}");
        let other = format!("{stem}.{}", if ending == "svg" { "png" } else { "svg" });
        assert!(names.contains(&other), "{other}");
        let bytes = std::fs::read(place.path("deep/er/out").join(name)).unwrap();
        let start: &[u8] = if ending == "svg" { b"<svg" } else { b"\x89PNG" };
        assert!(bytes.starts_with(start), "{name}");
    }
    assert!(names.iter().any(|name| name.ends_with(".png")));
    assert_eq!(place.names("deep/er"), ["out"], "nothing is left beside it");

    let manifest: Value = serde_json::from_str(&place.read("deep/er/out/manifest.json")).unwrap();
    assert_eq!(manifest["schema"], "ratelab/1");
    assert_eq!(manifest["result_hash"], document["result_hash"]);
    assert_eq!(manifest["estimates"], document["estimates"]);
    assert_eq!(
        manifest["scenario_text"],
        place.read("deep/er/out/scenario.ron")
    );
    let listed: Vec<&str> = manifest["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| name == "manifest.json" || listed.contains(&name.as_str()))
    );
    let rows = place.read("deep/er/out/replications.csv").lines().count();
    assert_eq!((rows - 1) % (2 * 3), 0, "policies x replications x streams");

    // The scenario that was written needs none of the flags.
    let again = place.ratelab(&[
        "run",
        "deep/er/out/scenario.ron",
        "--no-files",
        "--format",
        "json",
    ]);
    assert_eq!(again.exits(0).result_hash(), done.result_hash());

    // A second run takes the place of the first.
    let second = place
        .ratelab(&[&run[..], &["--seed", "8"]].concat())
        .exits(0);
    assert_ne!(second.result_hash(), done.result_hash());
    assert_eq!(place.names("deep/er"), ["out"]);
    assert_eq!(place.names("deep/er/out"), names);
}

#[test]
fn files_of_somebody_else_are_never_replaced() {
    let place = Place::new();
    place.write("s.ron", SMALL);
    let run = |out: &str| place.ratelab(&["run", "s.ron", "--quiet", "--out", out]);
    let folder = |name: &str| std::fs::create_dir(place.path(name)).unwrap();
    folder("work");
    place.write("work/notes.txt", "mine");
    // The manifest of a web application has the same name.
    folder("web");
    place.write("web/manifest.json", "{\"manifest_version\": 3}");
    folder("begun.partial");
    place.write("begun.partial/notes.txt", "mine");
    place.write("file", "mine");
    run("result").exits(0);
    place.write("result/notes.txt", "mine");
    for (out, part) in [
        ("work", "holds notes.txt, which ratelab did not write"),
        ("web", "holds manifest.json, which ratelab did not write"),
        ("result", "holds notes.txt, which ratelab did not write"),
        ("begun", "begun.partial holds"),
        ("file", "file is a file; --out needs a folder"),
        ("file/inside", "cannot create"),
        (".", "expected the name of a folder"),
        ("/", "expected the name of a folder"),
    ] {
        let done = run(out).exits(2);
        assert!(done.err.contains(part), "{out}: {}", done.err);
    }
    for file in [
        "work/notes.txt",
        "begun.partial/notes.txt",
        "file",
        "result/notes.txt",
    ] {
        assert_eq!(place.read(file), "mine");
    }
    assert_eq!(place.names("web"), ["manifest.json"]);
    assert_eq!(
        place.names("."),
        ["begun.partial", "file", "result", "s.ron", "web", "work"]
    );
    // An empty folder is free.
    folder("free");
    run("free").exits(0);
}

#[test]
fn values_are_set_everywhere_a_star_stands() {
    let place = Place::new();
    let plain = place.run(SMALL, &[]).result_hash();
    let changed = replaced(SMALL, "permits: 3", "permits: 1");
    let set = ["--set", "server.stages.gate.permits=1"];
    assert_eq!(
        place.run(SMALL, &set).result_hash(),
        place.run(&changed, &[]).result_hash()
    );
    assert_ne!(place.run(SMALL, &set).result_hash(), plain);
    let set = ["--set", "cohorts.*.homes=7"];
    let changed = replaced(
        &replaced(SMALL, "homes: 20", "homes: 7"),
        "homes: 5",
        "homes: 7",
    );
    assert_eq!(
        place.run(SMALL, &set).result_hash(),
        place.run(&changed, &[]).result_hash()
    );
    let seeded = replaced(SMALL, "seed: 1", "seed: 99");
    assert_eq!(
        place.run(SMALL, &["--seed", "99"]).result_hash(),
        place.run(&seeded, &[]).result_hash()
    );
    // A study that is not written is added.
    let bare = SMALL.split("study:").next().unwrap().to_owned() + ")";
    let document = place
        .run(&bare, &["--seed", "3", "--replications", "2"])
        .exits(0)
        .json();
    assert_eq!(
        (&document["seed"], &document["replications"]),
        (&3.into(), &2.into())
    );
    assert_eq!(document["policies"][0]["name"], "as written");
}

#[test]
fn a_scenario_comes_from_standard_input_too() {
    let place = Place::new();
    let from_file = place.run(SMALL, &[]).result_hash();
    let arguments = ["run", "-", "--no-files", "--format", "json"];
    let done = place.ratelab_with_input(&arguments, SMALL).exits(0);
    assert_eq!(done.result_hash(), from_file);
    let done = place
        .ratelab_with_input(&["check", "-"], &SMALL.replace("permits", "permit"))
        .exits(2);
    assert!(done.err.contains("standard input:"), "{}", done.err);
    let done = place.ratelab_with_input(&["check", "-"], "").exits(2);
    assert!(done.err.contains("empty"), "{}", done.err);
}

#[test]
fn check_tells_of_every_file() {
    let place = Place::new();
    place.write("good.ron", SMALL);
    place.write("bad.ron", SMALL.replace("permits", "permit"));
    let done = place.ratelab(&["check", "good.ron", "netatmo"]).exits(0);
    assert!(done.out.contains("good.ron: sound") && done.out.contains("netatmo (preset): sound"));
    assert!(done.out.contains("25 homes, 40 devices") && done.out.contains("none; soon"));
    let done = place
        .ratelab(&[
            "check",
            "bad.ron",
            "missing.ron",
            "good.ron",
            "--format",
            "json",
        ])
        .exits(2);
    let document = done.json();
    assert_eq!(
        (&document["schema"], &document["verb"]),
        (&"ratelab/1".into(), &"check".into())
    );
    assert_eq!(document["sound"], false);
    let files = document["files"].as_array().unwrap();
    let sound: Vec<bool> = files
        .iter()
        .map(|file| file["sound"].as_bool().unwrap())
        .collect();
    assert_eq!(sound, [false, false, true]);
    assert!(files[0]["problem"].as_str().unwrap().contains("permit"));
    assert_eq!(
        (&files[2]["homes"], &files[2]["replications"]),
        (&25.into(), &4.into())
    );
}

#[test]
fn presets_are_listed_shown_and_copied() {
    let place = Place::new();
    let list = place.ratelab(&["presets"]).exits(0).out;
    assert!(list.contains("netatmo\n"));
    assert_eq!(place.ratelab(&["presets", "list"]).exits(0).out, list);
    let shown = place.ratelab(&["presets", "show", "netatmo"]).exits(0).out;
    place.ratelab(&["presets", "copy", "netatmo"]).exits(0);
    assert_eq!(place.read("netatmo.ron"), shown);
    place.ratelab(&["check", "netatmo.ron"]).exits(0);
    let done = place.ratelab(&["presets", "copy", "netatmo"]).exits(2);
    assert!(done.err.contains("netatmo.ron exists"), "{}", done.err);
    place
        .ratelab(&["presets", "copy", "netatmo", "no/such/folder.ron"])
        .exits(2);
    assert_eq!(place.names("."), ["netatmo.ron"]);
}

#[test]
fn names_that_need_escaping_are_escaped() {
    let place = Place::new();
    let text = SMALL
        .replace("bare homes", "bare <b>&</b> \\\"homes\\\", 100%")
        .replace("\"small\"", "\"</title><script>alert(1)</script>\"")
        .replace("\"soon\"", "\"<i>soon</i>\"");
    place.write("s.ron", text);
    place
        .ratelab(&["run", "s.ron", "--quiet", "--out", "out"])
        .exits(0);
    let page = place.read("out/report.html");
    assert!(!page.contains("<script>alert") && !page.contains("<i>soon"));
    assert!(page.contains("&lt;script&gt;"));
    for name in place
        .names("out")
        .iter()
        .filter(|name| name.ends_with(".svg"))
    {
        assert!(
            !place.read(&format!("out/{name}")).contains("<i>"),
            "{name}"
        );
    }
    let rows = place.read("out/estimates.csv");
    assert!(
        rows.contains("\"bare <b>&</b> \"\"homes\"\", 100%\""),
        "{rows}"
    );
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::Stdio;
    let place = Place::new();
    let mut child = place
        .command(&["presets", "show", "netatmo"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done: crate::support::Done = child.wait_with_output().unwrap().into();
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""));
}

#[test]
fn help_and_version_are_no_errors() {
    let place = Place::new();
    for arguments in [
        &["--help"][..],
        &["run", "--help"],
        &["check", "--help"],
        &["presets", "--help"],
        &["--version"],
    ] {
        assert!(!place.ratelab(arguments).exits(0).out.is_empty());
    }
    let help = place.ratelab(&["--help"]).out;
    assert!(
        help.contains("Exit codes: 0") && help.contains("130"),
        "{help}"
    );
}

#[test]
fn a_study_may_vary_the_stages_their_number_and_the_length() {
    let place = Place::new();
    let paths = "\"server.stages\": [[Gate(permits: 3)], [Gate(name: \"b?\", permits: 3), Gate(name: \"b!\", permits: 2), Limit(name: \"gate\", by: Gcra(rate: \"1/s\", burst: 4))], []], \"time.length\": [\"10min\", \"15min\", \"6min\"]";
    let varied = "\"clients.hub.retry\": [\"none\", \"soon\"]";
    place.write("s.ron", replaced(SMALL, varied, paths));
    place
        .ratelab(&["run", "s.ron", "--quiet", "--out", "out"])
        .exits(0);
    let names = place.names("out");
    let gates = names.iter().filter(|name| name.starts_with("load_"));
    assert_eq!(gates.count(), 6, "three gates, as SVG and PNG: {names:?}");
    let series = place.read("out/series.csv");
    let header = series.lines().next().unwrap();
    for column in [
        "refused by gate",
        "refused by b?",
        "mean inside b!",
        "mean waiting at gate",
    ] {
        assert!(header.contains(column), "{column} in {header}");
    }
}

#[test]
fn five_policies_stand_below_each_other_with_all_their_rows() {
    let place = Place::new();
    place.write("s.ron", SMALL);
    let run = |permits: &str| {
        let vary = format!("study.vary={{\"server.stages.0.permits\": {permits}}}");
        let mut command = place.command(&["run", "s.ron", "--quiet", "--no-files", "--set", &vary]);
        let done: crate::support::Done = command.env("COLUMNS", "250").output().unwrap().into();
        done.exits(0).out
    };
    let (four, five) = (run("[1, 2, 3, 4]"), run("[1, 2, 3, 4, 5]"));
    // The intervals of the first policy, row by row. Those of differences are
    // wider, the more policies are compared.
    let four = four.split("difference from").next().unwrap();
    let first = |line: &str| {
        let (_, interval) = line.split_once('[')?;
        Some(interval.split_once(']')?.0.to_owned())
    };
    let intervals: Vec<String> = four.lines().filter_map(first).collect();
    assert!(intervals.len() > 12, "{four}");
    for interval in intervals {
        assert!(five.contains(&interval), "{interval} in {five}");
    }
    let lines = five.lines().filter(|line| line.starts_with("5 "));
    assert!(lines.count() > 3, "{five}");
}

#[test]
fn a_control_is_run_and_no_target_judges_it() {
    let place = Place::new();
    let varied = "vary: {\"clients.hub.retry\": [\"none\", \"soon\"]}";
    let unreachable = "targets: [\"retry_amplification <= 1\"], server: (";
    let text = replaced(SMALL, "server: (", unreachable);
    let run = |study: &str| {
        place.write("s.ron", replaced(&text, varied, study));
        let arguments = ["run", "s.ron", "--quiet", "--no-files", "--format", "json"];
        place.ratelab(&arguments).json()
    };
    let judged = |document: &serde_json::Value| -> Vec<String> {
        let targets = document["targets"].as_array().unwrap();
        let policy = |target: &serde_json::Value| target["policy"].as_str().unwrap().to_owned();
        let counting = targets.iter().filter(|target| target["counts"] == true);
        counting.map(policy).collect()
    };
    assert_eq!(judged(&run(varied)), ["none", "soon"]);
    let document = run(&format!("{varied}, control: \"soon\""));
    assert_eq!(judged(&document), ["none"]);
    let names: Vec<&serde_json::Value> = document["policies"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 2, "the control is run too");
    let document = run(
        "policies: {\"today\": {}, \"wide\": {\"server.stages.gate.permits\": 30}}, control: \"today\"",
    );
    assert_eq!(judged(&document), ["wide"]);
    let settings = |policy: usize| &document["policies"][policy]["settings"];
    assert_eq!(settings(0)["server.stages.gate.permits"], "3");
    assert_eq!(settings(1)["server.stages.gate.permits"], "30");
}

#[test]
fn check_says_what_a_study_varies() {
    let place = Place::new();
    let varied = "vary: {\"clients.hub.retry\": [\"none\", \"soon\"]}";
    let study = "vary: {\"cohorts.bare homes.homes\": Linear(from: 100, to: 500, steps: 5)}, link: {\"server.stages.app.by.quota.0\": \"2 x cohorts.bare homes.homes\"}";
    place.write("s.ron", replaced(SMALL, varied, study));
    let told = place.ratelab(&["check", "s.ron"]).exits(0).out;
    for line in [
        "120 homes, 40 devices",
        "5 policies x 4 replications: 100; 200; 300; 400; 500",
        "varies cohorts.bare homes.homes: 100; 200; 300; 400; 500",
        "links server.stages.app.by.quota.0 = 2 x cohorts.bare homes.homes",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    let many = "vary: {\"server.stages.gate.permits\": Linear(from: 1, to: 10000, steps: 10000)}";
    place.write("s.ron", replaced(SMALL, varied, many));
    let told = place.ratelab(&["check", "s.ron"]).exits(0).out;
    assert!(
        told.contains("12; and 9988 more") && told.len() < 1000,
        "{told}"
    );
    let document = place
        .ratelab(&["check", "s.ron", "--format", "json"])
        .json();
    let values = document["files"][0]["varied"][0]["values"].as_array();
    assert_eq!(values.unwrap().len(), 10_000);
}

#[test]
fn four_hundred_values_of_a_million_homes_are_checked_without_building_them() {
    let place = Place::new();
    let varied = "vary: {\"clients.hub.retry\": [\"none\", \"soon\"]}";
    let million =
        "vary: {\"cohorts.bare homes.homes\": Linear(from: 1000000, to: 1000399, steps: 400)}";
    // A client that does not send: a million of them would be too many requests.
    let quiet = replaced(SMALL, "rate: \"1/s\")]", "rate: \"1/d\")]");
    let text = replaced(&quiet, varied, million);
    place.write("s.ron", text);
    let told = place.ratelab(&["check", "s.ron"]).exits(0).out;
    assert!(
        told.contains("1000020 homes") && told.contains("400 policies"),
        "{told}"
    );
}
