//! What a run finds of earlier ones in its folder, by what the records are of:
//! more replications, one more value, another name; what is damaged; and that
//! results are the same with and without.

use std::fs;

use serde_json::Value;

use crate::support::{Done, Place, SMALL, replaced};

const RUN: [&str; 6] = ["run", "s.ron", "--format", "json", "--out", "out"];

/// Runs the text into the folder; gives the document and what was told.
fn run(place: &Place, text: &str, arguments: &[&str]) -> (Value, String) {
    place.write("s.ron", text);
    let done = place.ratelab(&[&RUN[..], arguments].concat()).exits(0);
    (done.json(), done.err)
}

fn reused(document: &Value) -> u64 {
    document["records_reused"].as_u64().unwrap()
}

/// The same study without any folder, from the start.
fn anew(place: &Place, text: &str, arguments: &[&str]) -> Value {
    let done: Done = place.run(text, arguments).exits(0);
    let document = done.json();
    assert_eq!(reused(&document), 0);
    document
}

#[test]
fn what_an_earlier_study_has_left_is_used() {
    let vary = "\"clients.hub.retry\": [\"none\", \"soon\"]";
    let more_values = replaced(
        SMALL,
        vary,
        "\"clients.hub.retry\": [\"soon\", \"late\", \"none\"]",
    );
    let late = "retries: {\"late\": Fixed(wait: \"3s\", attempts: 2), ";
    let more_values = replaced(&more_values, "retries: {", late);
    let renamed = replaced(
        SMALL,
        "name: \"small\"",
        "name: \"large\", about: \"a new name\"",
    );
    let policies = replaced(
        SMALL,
        &format!("vary: {{{vary}}}"),
        "policies: {\"a\": {\"clients.hub.retry\": \"none\"}, \"b\": {\"clients.hub.timeout\": \"9s\"}}",
    );
    let targets = replaced(
        SMALL,
        "study: (",
        "targets: [\"p429.attempt <= 100%\"], study: (",
    );
    for (what, text, arguments, expected) in [
        ("the same again", SMALL, &[][..], 8),
        ("more replications", SMALL, &["--replications", "6"][..], 8),
        ("fewer", SMALL, &["--replications", "3"], 6),
        ("one more value", &more_values, &[], 8),
        ("another name", &renamed, &[], 8),
        ("policies in place of values", &policies, &[], 4),
        ("a target", &targets, &[], 8),
        (
            "another confidence",
            SMALL,
            &["--set", "study.confidence=99%"],
            8,
        ),
        ("another seed", SMALL, &["--seed", "7"], 0),
        ("another length", SMALL, &["--set", "time.length=9min"], 0),
        ("all anew", SMALL, &["--fresh"], 0),
    ] {
        let place = Place::new();
        run(&place, SMALL, &[]);
        let (document, told) = run(&place, text, arguments);
        assert_eq!(reused(&document), expected, "{what}");
        assert_eq!(
            told.contains("were done before"),
            expected > 0,
            "{what}: {told}"
        );
        let without: Vec<&str> = (arguments.iter().copied())
            .filter(|argument| *argument != "--fresh")
            .collect();
        let anew = anew(&place, text, &without);
        for field in ["result_hash", "estimates", "targets", "policies"] {
            assert_eq!(document[field], anew[field], "{what}: {field}");
        }
    }
}

/// What a folder holds of other studies stays in it: back and forth costs no
/// run.
#[test]
fn a_folder_remembers_the_studies_before() {
    let place = Place::new();
    run(&place, SMALL, &[]);
    let (other, _) = run(&place, SMALL, &["--set", "server.stages.0.permits=9"]);
    assert_eq!(reused(&other), 0);
    let (back, _) = run(&place, SMALL, &[]);
    assert_eq!(reused(&back), 8);
    assert_eq!(back["events"], 0);
    // A folder that was moved is as good.
    fs::rename(place.path("out"), place.path("moved")).unwrap();
    place.write("s.ron", SMALL);
    let moved = ["run", "s.ron", "--format", "json", "--out", "moved"];
    assert_eq!(reused(&place.ratelab(&moved).exits(0).json()), 8);
    // Without its records it is results all the same.
    fs::remove_file(place.path("moved/records.bin")).unwrap();
    assert_eq!(reused(&place.ratelab(&moved).exits(0).json()), 0);
    assert_eq!(reused(&place.ratelab(&moved).exits(0).json()), 8);
    let fresh = [&moved[..], &["--fresh"]].concat();
    assert_eq!(reused(&place.ratelab(&fresh).exits(0).json()), 0);
}

#[test]
fn damaged_records_are_told_and_run_again() {
    let place = Place::new();
    let (whole, _) = run(&place, SMALL, &[]);
    let sound = fs::read(place.path("out/records.bin")).unwrap();
    type Damage = fn(&mut Vec<u8>);
    let table: [(&str, Damage, u64, &str); 6] = [
        ("nothing", |_| {}, 8, ""),
        (
            "a flipped bit",
            |b| b[1000] ^= 1,
            7,
            "1 run in out/records.bin cannot be used",
        ),
        (
            "cut short",
            |b| b.truncate(b.len() - 1),
            7,
            "1 run in out/records.bin cannot be used",
        ),
        (
            "of another version",
            |b| b[10] ^= 1,
            0,
            "out/records.bin is of another version",
        ),
        (
            "no records",
            |b| *b = b"mine".to_vec(),
            0,
            "out/records.bin is of another version",
        ),
        ("empty", |b| b.clear(), 0, ""),
    ];
    for (what, damage, expected, told) in table {
        let mut bytes = sound.clone();
        damage(&mut bytes);
        place.write("out/records.bin", bytes);
        let (document, err) = run(&place, SMALL, &[]);
        assert_eq!(reused(&document), expected, "{what}");
        assert_eq!(document["result_hash"], whole["result_hash"], "{what}");
        assert!(err.contains(told), "{what}: {err}");
        assert!(
            !told.is_empty() || !err.contains("records.bin"),
            "{what}: {err}"
        );
        // All that was done again is kept in its place.
        assert_eq!(
            fs::read(place.path("out/records.bin")).unwrap(),
            sound,
            "{what}"
        );
    }
    let quiet = [&RUN[..], &["--quiet"]].concat();
    place.write("out/records.bin", "mine");
    assert_eq!(place.ratelab(&quiet).exits(0).err, "");
}

/// Records that cannot be read cost their runs, and no result.
#[cfg(unix)]
#[test]
fn records_that_cannot_be_read_are_told() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let (whole, _) = run(&place, SMALL, &[]);
    let records = place.path("out/records.bin");
    fs::set_permissions(&records, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads all.
    let is_read = fs::read(&records).is_ok();
    let (document, err) = run(&place, SMALL, &[]);
    assert_eq!(document["result_hash"], whole["result_hash"]);
    assert_eq!(reused(&document), if is_read { 8 } else { 0 });
    assert!(
        is_read || err.contains("cannot read out/records.bin"),
        "{err}"
    );
}
