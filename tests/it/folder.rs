//! The folder of results under faults: folders that cannot be written, a disk
//! that is full, a program that is killed, records that were damaged; and names
//! in files and of files.

use std::collections::BTreeSet;
use std::fs;

use crate::support::{Done, Place, SMALL, replaced};

/// What no test waits for.
fn endless() -> String {
    replaced(SMALL, "replications: 4", "replications: 20000")
}

fn folder(place: &Place, name: &str) {
    fs::create_dir_all(place.path(name)).unwrap();
}

/// What a finished folder holds, charts left out.
const DATA: [&str; 10] = [
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

/// A finished folder holds what its manifest lists, and nothing else, each file
/// whole.
fn assert_whole(place: &Place, out: &str) {
    let manifest: serde_json::Value =
        serde_json::from_str(&place.read(&format!("{out}/manifest.json"))).unwrap();
    let listed = manifest["files"].as_array().unwrap().iter();
    let mut listed: BTreeSet<&str> = listed.map(|name| name.as_str().unwrap()).collect();
    listed.insert("manifest.json");
    let names = place.names(out);
    assert!(names.iter().map(String::as_str).eq(listed.iter().copied()));
    assert!(DATA.iter().all(|name| listed.contains(name)));
    for name in names {
        let bytes = fs::read(place.path(out).join(&name)).unwrap();
        let end: &[u8] = match name.rsplit_once('.').unwrap().1 {
            "svg" => b"</svg>",
            "png" => b"IEND\xaeB`\x82",
            "html" => b"</html>",
            "csv" => b"\n",
            "json" => b"}\n",
            _ => b"",
        };
        let end_of_file = bytes.trim_ascii_end();
        assert!(
            end_of_file.ends_with(end.trim_ascii_end()) && !bytes.is_empty(),
            "{name} is cut"
        );
    }
}

/// Nothing is run for results that cannot be put where they belong.
#[test]
fn an_impossible_folder_is_told_before_the_start() {
    let place = Place::new();
    place.write("s.ron", endless());
    place.write("file", "mine");
    folder(&place, "work");
    place.write("work/notes.txt", "mine");
    folder(&place, "begun.partial");
    place.write("begun.partial/notes.txt", "mine");
    place.write("taken.partial", "mine");
    let long = "x".repeat(250);
    for (out, part) in [
        ("file", "is a file"),
        ("file/", "is a file"),
        ("file/.", "is a file"),
        ("file/inside", "cannot create file/inside.partial"),
        ("work", "holds notes.txt, which ratelab did not write"),
        ("work/.", "holds notes.txt, which ratelab did not write"),
        ("begun", "begun.partial holds notes.txt"),
        ("taken", "taken.partial is a link or a file"),
        (".", "expected the name of a folder"),
        ("./", "expected the name of a folder"),
        ("work/..", "expected the name of a folder"),
        ("/", "expected the name of a folder"),
        (long.as_str(), "cannot create"),
    ] {
        let done = place.ratelab(&["run", "s.ron", "--quiet", "--out", out]);
        let done = done.exits(2);
        assert!(done.err.contains(part), "{out}: {}", done.err);
        assert!(
            done.err.contains("help: ") || out.starts_with("file"),
            "{}",
            done.err
        );
    }
    for file in [
        "file",
        "work/notes.txt",
        "begun.partial/notes.txt",
        "taken.partial",
    ] {
        assert_eq!(place.read(file), "mine");
    }
    assert_eq!(
        place.names("."),
        ["begun.partial", "file", "s.ron", "taken.partial", "work"]
    );
}

#[test]
fn a_folder_may_be_named_in_many_ways() {
    let place = Place::new();
    place.write("s.ron", SMALL);
    folder(&place, "a");
    for out in [
        "out",
        "out/",
        "out/.",
        "./out",
        "out//.//",
        "a/../out",
        "a/./b/out/.",
    ] {
        let run = [
            "run",
            "s.ron",
            "--quiet",
            "--format",
            "json",
            "--replications",
            "1",
            "--out",
            out,
        ];
        // The second takes the place of the first.
        for _ in 0..2 {
            let document = place.ratelab(&run).exits(0).json();
            let told = document["out"].as_str().unwrap();
            assert!(told.ends_with("out"), "{told}");
        }
        let at = if out.contains('b') { "a/b/out" } else { "out" };
        assert_whole(&place, at);
    }
    assert_eq!(place.names("."), ["a", "out", "s.ron"]);
    assert_eq!(place.names("a/b"), ["out"]);
}

#[cfg(unix)]
mod faults {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Output};
    use std::time::Duration;

    use super::*;

    /// A folder without write permission stops everybody but the superuser, and
    /// a mount point stops all.
    #[test]
    fn what_cannot_be_moved_is_told_before_the_start() {
        let place = Place::new();
        place.write("s.ron", endless());
        let program = env!("CARGO_BIN_EXE_ratelab");
        let run = |out: &str| format!("exec {program} run s.ron --quiet --out {out}");
        folder(&place, "mount");
        let script = format!("mount -t tmpfs none mount && {}", run("mount"));
        let mounted = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .current_dir(place.path("."))
            .output();
        // Not every system lets everybody mount.
        if let Ok(done) = mounted
            && !String::from_utf8_lossy(&done.stderr).contains("unshare:")
            && !String::from_utf8_lossy(&done.stderr).contains("mount:")
        {
            let done = Done::from(done).exits(2);
            for part in [
                "mount cannot be replaced",
                "mount point",
                "--out mount/results",
            ] {
                assert!(done.err.contains(part), "{}", done.err);
            }
        }
        folder(&place, "closed/inside");
        folder(&place, "sealed");
        for name in ["closed", "sealed"] {
            fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o555)).unwrap();
        }
        if fs::write(place.path("closed/probe"), "").is_err() {
            for (out, part) in [
                ("closed/new", "permission denied"),
                ("closed/inside", "permission denied"),
                ("sealed", "cannot be replaced: permission denied"),
            ] {
                let done = place.ratelab(&["run", "s.ron", "--out", out]).exits(2);
                assert!(done.err.contains(part), "{out}: {}", done.err);
            }
        }
        for name in ["closed", "sealed"] {
            fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let names = place.names(".");
        assert_eq!(names, ["closed", "mount", "s.ron", "sealed"]);
    }

    const RUN: [&str; 8] = [
        "run",
        "s.ron",
        "--format",
        "json",
        "--replications",
        "2",
        "--out",
        "out",
    ];

    /// Runs with a limit on the size of files that the records keep and the
    /// largest chart does not: the program is killed by the system while it
    /// writes, or, if it ignores the signal, finds that it cannot.
    fn run_on_a_full_disk(place: &Place, ignored: bool) -> Output {
        let trap = if ignored { "trap '' XFSZ;" } else { "" };
        let program = env!("CARGO_BIN_EXE_ratelab");
        // The unit is 512 bytes by POSIX and 1024 in some shells.
        let script = format!("{trap} ulimit -f 150 && exec {program} \"$@\"");
        Command::new("sh")
            .args(["-c", &script, "sh"])
            .args(RUN)
            .current_dir(place.path("."))
            .output()
            .unwrap()
    }

    #[test]
    fn a_full_disk_leaves_no_cut_files() {
        let place = Place::new();
        place.write("s.ron", SMALL);
        let whole = place.ratelab(&RUN).exits(0).result_hash();
        let earlier = place.read("out/manifest.json");
        for ignored in [false, true] {
            let done = run_on_a_full_disk(&place, ignored);
            match ignored {
                false => assert!(done.status.signal().is_some(), "{done:?}"),
                true => {
                    let done = Done::from(done).exits(1);
                    for part in ["cannot write", "out.partial", "the same command goes on"] {
                        assert!(done.err.contains(part), "{}", done.err);
                    }
                }
            }
            assert_eq!(place.read("out/manifest.json"), earlier);
            assert!(place.path("out.partial/results").exists(), "it was writing");
            // A chart that the next run does not make.
            place.write("out.partial/results/load_gone.svg", "<svg");
            let rest = place.ratelab(&RUN).exits(0);
            assert!(rest.err.contains("going on: 4 of 4"), "{}", rest.err);
            assert_eq!(rest.result_hash(), whole);
            assert_whole(&place, "out");
            assert_eq!(place.names("."), ["out", "s.ron"]);
        }
    }

    /// Killed at moments all over its life, most of them while it writes, a
    /// study ends with the same results, and nothing else is there.
    #[test]
    fn a_run_that_is_killed_again_and_again_ends_the_same() {
        let place = Place::new();
        place.write("s.ron", SMALL);
        let started = std::time::Instant::now();
        let whole = place.ratelab(&RUN).exits(0).result_hash();
        let length = started.elapsed();
        for number in 0..8_u32 {
            let mut child = place.command(&RUN).spawn().unwrap();
            let part = Duration::from_millis(1) + length * number / 7;
            std::thread::sleep(part);
            let _ = child.kill();
            child.wait().unwrap();
            if number % 3 == 2 {
                let done = place.ratelab(&RUN).exits(0);
                assert_eq!(done.result_hash(), whole);
            }
            // The earlier result is there at every moment but for two renames.
            if place.path("out").exists() {
                assert_whole(&place, "out");
            }
        }
        let done = place.ratelab(&RUN).exits(0);
        assert_eq!(done.result_hash(), whole);
        assert_whole(&place, "out");
        assert_eq!(place.names("."), ["out", "s.ron"]);
    }

    /// The records of all runs of a study that was stopped while it wrote.
    fn all_records(place: &Place, text: &str) -> Vec<u8> {
        place.write("s.ron", text);
        let done = run_on_a_full_disk(place, false);
        assert!(done.status.signal().is_some(), "{done:?}");
        let records = fs::read(place.path("out.partial/records.bin")).unwrap();
        fs::remove_dir_all(place.path("out.partial")).unwrap();
        records
    }

    #[test]
    fn records_that_cannot_be_used_are_told_and_run_again() {
        let place = Place::new();
        // One more stage, and one more stream.
        let other = replaced(
            SMALL,
            "Gate(permits: 3",
            "Limit(name: \"l\", by: Gcra(rate: \"9/s\", burst: 9)), Gate(permits: 3",
        );
        let other = replaced(
            &other,
            "requests: [",
            "polls: [(method: \"more\", every: \"1min\")], requests: [",
        );
        let foreign = all_records(&place, &other);
        let own = all_records(&place, SMALL);
        let whole = place.ratelab(&RUN).exits(0).result_hash();
        fs::remove_dir_all(place.path("out")).unwrap();
        let mut flipped = own.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        let unusable = "1 run in out.partial/records.bin cannot be used";
        let of_another = "out.partial/records.bin is of another version";
        for (records, told) in [
            (own.clone(), "going on: 4 of 4"),
            (flipped, unusable),
            (own[..own.len() - 1].to_vec(), unusable),
            ([&own[..], b"rubbish"].concat(), unusable),
            // Records of another study are kept for it, and not this one's.
            (foreign.clone(), ""),
            ([&foreign[..], &own[24..]].concat(), "going on: 4 of 4"),
            (b"rubbish".to_vec(), of_another),
            (vec![0; 100_000], of_another),
        ] {
            folder(&place, "out.partial");
            place.write("out.partial/records.bin", records);
            let done = place.ratelab(&RUN).exits(0);
            assert!(done.err.contains(told), "{told}: {}", done.err);
            assert_eq!(done.result_hash(), whole, "{told}");
            assert_whole(&place, "out");
            assert!(!place.path("out.partial").exists());
            fs::remove_dir_all(place.path("out")).unwrap();
        }
        folder(&place, "out.partial");
        place.write("out.partial/records.bin", &foreign);
        let done = place.ratelab(&[&RUN[..], &["--quiet"]].concat()).exits(0);
        assert_eq!(done.err, "");
    }
}

/// Spreadsheets compute cells that begin with some signs.
#[test]
fn no_name_in_a_file_is_a_formula() {
    let place = Place::new();
    let text = SMALL
        .replace("valve homes", "=HYPERLINK(1)")
        .replace("bare homes", "+49")
        .replace("\"get\"", "\"@get\"")
        .replace("\"valve\"", "\"-valve\"")
        .replace("\"soon\"", "\"-soon, '=x\"")
        .replace("name: \"user\"", "name: \"=user\"");
    place.write("s.ron", text);
    let arguments = ["run", "s.ron", "--quiet", "--format", "csv", "--out", "out"];
    let printed = place.ratelab(&arguments).exits(0).out;
    let files =
        ["estimates", "replications", "series"].map(|name| place.read(&format!("out/{name}.csv")));
    assert_eq!(files[0], printed);
    let [estimates, replications, series] = &files;
    for (file, cell) in [
        (estimates, ",'=HYPERLINK(1),(all),"),
        // What a number is stays one.
        (estimates, ",+49,(all),"),
        (estimates, ",'@get,"),
        (estimates, ",'=user,"),
        (estimates, ",\"'-soon, '=x\","),
        (replications, "'=HYPERLINK(1),'@get,"),
        (replications, "'-valve,"),
        (replications, "\"'-soon, '=x\",0"),
        (series, "\"'-soon, '=x\",0"),
        (series, ",refused by =user,"),
    ] {
        assert!(file.contains(cell), "{cell} in {file}");
    }
    let trace = "time,key\n1,=cmd\n2,-1\n3,@x\n4,\"+a,b\"\n5,plain\n6,'p\n";
    let arguments = [
        "replay",
        "--trace",
        "-",
        "--format",
        "csv",
        "--limiter",
        "Gcra(rate: \"1/s\", burst: 1)",
    ];
    let replayed = place.ratelab_with_input(&arguments, trace).exits(0).out;
    for cell in [
        ",'=cmd,",
        ",-1,",
        ",'@x,",
        ",\"'+a,b\",",
        ",plain,",
        ",''p,",
    ] {
        assert!(replayed.contains(cell), "{cell} in {replayed}");
    }
    let all = files.iter().chain([&replayed]);
    for cell in all.flat_map(|file| file.split([',', '\n', '"'])) {
        let is_computed = cell.starts_with(['=', '+', '-', '@']);
        assert!(!is_computed || cell.parse::<f64>().is_ok(), "{cell}");
    }
}

/// Gates whose names make the same file name have a chart each.
#[test]
fn charts_of_like_names_do_not_overwrite_each_other() {
    let place = Place::new();
    let gates = ["b?", "b!", "B!", "b _2", "\u{e4}", "\u{f6}"];
    let stages: String = gates
        .iter()
        .map(|name| format!("Gate(name: \"{name}\", permits: 9), "))
        .collect();
    place.write(
        "s.ron",
        replaced(
            SMALL,
            "Gate(permits: 3",
            &format!("{stages} Gate(permits: 3"),
        ),
    );
    let run = [
        "run",
        "s.ron",
        "--quiet",
        "--replications",
        "1",
        "--out",
        "out",
    ];
    place.ratelab(&run).exits(0);
    assert_whole(&place, "out");
    for (gate, file) in gates.iter().zip(["b_", "b__3", "b__4", "b__2", "_", "__2"]) {
        let chart = place.read(&format!("out/load_{file}.svg"));
        assert!(
            chart.contains(&format!("How full is the gate &quot;{gate}&quot;?"))
                || chart.contains(&format!("How full is the gate \"{gate}\"?")),
            "{gate} {file}"
        );
    }
    let charts = place
        .names("out")
        .into_iter()
        .filter(|name| name.starts_with("load_"));
    assert_eq!(charts.count(), 2 * 7);
}

/// A stage may be called like the backend, whose failures are told apart then.
#[test]
fn a_stage_called_backend_does_not_mix_with_its_failures() {
    let place = Place::new();
    let text = SMALL.replace(
        "service: Exponential(mean: \"200ms\")",
        "service: Exponential(mean: \"200ms\"), failures: \"30%\"",
    );
    let called = replaced(&text, "name: \"user\"", "name: \"backend\"");
    let refused = |text: &str, limit: &str| -> Vec<f64> {
        let document = place.run(text, &[]).exits(0).json();
        let estimates = document["estimates"].as_array().unwrap().iter();
        let of = estimates.filter(|estimate| estimate["by"]["limit"] == limit);
        of.map(|estimate| estimate["value"].as_f64().unwrap())
            .collect()
    };
    assert_eq!(refused(&called, "backend"), refused(&text, "user"));
    let failures = refused(&text, "backend");
    assert_eq!(refused(&called, "backend (failures)"), failures);
    assert!(failures.len() == 2 && failures.iter().all(|share| *share > 0.2));
    place.write("s.ron", &called);
    let run = ["run", "s.ron", "--quiet", "--out", "out"];
    let table = place.ratelab(&run).exits(0).out;
    for words in [
        "refused by \"backend\"",
        "refused by \"backend (failures)\"",
    ] {
        assert!(table.contains(words), "{table}");
    }
    let series = place.read("out/series.csv");
    let header = series.lines().next().unwrap();
    assert!(
        header.contains(",refused by backend,")
            && header.contains(",refused by backend (failures),"),
        "{header}"
    );
    // One variant has the stage, the other the failures.
    let varied = replaced(&called, "failures: \"30%\"", "failures: \"0%\"");
    let paths = "\"server.stages.1.name\": [\"backend\", \"other\"], \"server.backend.failures\": [\"0%\", \"30%\"]";
    let varied = replaced(
        &varied,
        "\"clients.hub.retry\": [\"none\", \"soon\"]",
        paths,
    );
    let document = place.run(&varied, &[]).exits(0).json();
    let of = |limit: &str| -> Vec<String> {
        let estimates = document["estimates"].as_array().unwrap().iter();
        let of = estimates.filter(|estimate| estimate["by"]["limit"] == limit);
        of.map(|estimate| estimate["policy"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(of("backend"), ["backend, 0%", "backend, 30%"]);
    assert_eq!(of("backend (failures)"), ["backend, 30%", "other, 30%"]);
}
