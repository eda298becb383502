use std::fs;
use std::path::Path;

use serde_json::json;
use temp_dir::TempDir;

use super::*;

/// A folder in which results are written to `out`.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self) -> Result<Folder, String> {
        Folder::open(&self.path("out")).map_err(|failure| match failure {
            Failure::Input(message) => message,
            other => panic!("{other:?}"),
        })
    }

    fn put(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A result of an earlier run, as `finish` leaves it.
    fn put_result(&self, folder: &str, chart: &str) {
        self.put(&format!("{folder}/{chart}.svg"), chart);
        let manifest = json!({"schema": SCHEMA, "files": [format!("{chart}.svg")]});
        self.put(&format!("{folder}/{MANIFEST}"), &manifest.to_string());
    }

    /// All that there is, by path.
    fn all(&self) -> Vec<String> {
        fn walk(folder: &Path, above: &str, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{above}{}", entry.file_name().to_str().unwrap());
                match entry.file_type().unwrap().is_dir() {
                    true => walk(&entry.path(), &format!("{name}/"), found),
                    false => found.push(name),
                }
            }
        }
        let mut found = Vec::new();
        walk(self.0.path(), "", &mut found);
        found.sort();
        found
    }
}

fn finished(folder: Folder) -> Result<(), Failure> {
    folder.write("new.svg", b"new")?;
    folder.finish(json!({"schema": SCHEMA}))
}

/// Each is what is there when a run is killed at some moment, from the first to
/// the last.
#[test]
fn a_run_may_be_killed_at_any_moment() {
    type Make = fn(&Place);
    let states: [(&str, Make); 12] = [
        ("the work folder is made", |place| {
            fs::create_dir(place.path("out.partial")).unwrap();
        }),
        ("the records are made", |place| {
            place.put("out.partial/records.bin", "");
        }),
        ("moving is tried", |place| {
            place.put("out.partial/records.bin", "");
            place.put("out.partial/replaced/records.bin", "");
            place.put_result("out", "old");
        }),
        ("runs are done", |place| {
            place.put("out.partial/records.bin", "some");
            place.put_result("out", "old");
        }),
        ("a chart is half written", |place| {
            place.put("out.partial/records.bin", "some");
            place.put("out.partial/results/gone.svg", "<sv");
            place.put_result("out", "old");
        }),
        ("all is written", |place| {
            place.put("out.partial/records.bin", "some");
            place.put_result("out.partial/results", "gone");
            place.put_result("out", "old");
        }),
        ("the earlier result is moved away", |place| {
            place.put("out.partial/records.bin", "some");
            place.put_result("out.partial/results", "gone");
            place.put_result("out.partial/replaced", "old");
        }),
        ("the new result is in its place", |place| {
            place.put("out.partial/records.bin", "some");
            place.put_result("out.partial/replaced", "old");
            place.put_result("out", "gone");
        }),
        ("the earlier result is half removed", |place| {
            place.put("out.partial/records.bin", "some");
            place.put("out.partial/replaced/old.svg", "old");
            place.put_result("out", "gone");
        }),
        ("the same, and the new result is taken away", |place| {
            place.put("out.partial/records.bin", "some");
            place.put("out.partial/replaced/old.svg", "old");
        }),
        ("the records are removed", |place| {
            fs::create_dir(place.path("out.partial")).unwrap();
            place.put_result("out", "gone");
        }),
        ("charts stand beside the records", |place| {
            place.put("out.partial/records.bin", "some");
            place.put("out.partial/load_gone.svg", "<sv");
            place.put("out.partial/report.html", "<htm");
            place.put_result("out", "old");
        }),
    ];
    for (moment, make) in states {
        let place = Place::new();
        make(&place);
        finished(place.open().unwrap()).unwrap();
        assert_eq!(
            place.all(),
            ["out/manifest.json", "out/new.svg"],
            "{moment}"
        );
    }
}

#[test]
fn an_earlier_result_that_was_moved_away_comes_back() {
    let place = Place::new();
    place.put("out.partial/records.bin", "some");
    place.put_result("out.partial/replaced", "old");
    let folder = place.open().unwrap();
    let expected = [
        "out.partial/records.bin",
        "out/manifest.json",
        "out/old.svg",
    ];
    assert_eq!(place.all(), expected);
    // Records are for the store to judge.
    assert_eq!(fs::read(folder.work.join(RECORDS)).unwrap(), b"some");
}

#[cfg(unix)]
#[test]
fn links_are_never_followed() {
    use std::os::unix::fs::symlink;
    for name in [
        "estimates.csv",
        "results",
        "replaced",
        "new.svg",
        "policies.png",
    ] {
        let place = Place::new();
        place.put("mine/notes.txt", "mine");
        place.put("out.partial/records.bin", "");
        let target = match name.contains('.') {
            true => "mine/notes.txt",
            false => "mine",
        };
        symlink(place.path(target), place.path("out.partial").join(name)).unwrap();
        finished(place.open().unwrap()).unwrap();
        let expected = ["mine/notes.txt", "out/manifest.json", "out/new.svg"];
        assert_eq!(place.all(), expected, "{name}");
        assert_eq!(fs::read(place.path("mine/notes.txt")).unwrap(), b"mine");
    }
    for (name, why) in [
        ("out.partial/records.bin", "as a link or a folder"),
        ("out.partial", "out.partial is a link or a file"),
    ] {
        let place = Place::new();
        place.put("mine/records.bin", "mine");
        fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
        let target = match name.contains('/') {
            true => "mine/records.bin",
            false => "mine",
        };
        symlink(place.path(target), place.path(name)).unwrap();
        let message = place.open().err().unwrap();
        assert!(message.contains(why), "{message}");
        assert_eq!(fs::read(place.path("mine/records.bin")).unwrap(), b"mine");
        assert!(!place.path("out").exists());
    }
    // A link that stands for the folder goes on to lead to it.
    let place = Place::new();
    place.put_result("real", "old");
    symlink("real", place.path("out")).unwrap();
    finished(place.open().unwrap()).unwrap();
    assert!(place.path("out").is_symlink());
    assert_eq!(place.all(), ["out", "real/manifest.json", "real/new.svg"]);
}

/// What somebody puts there while the runs go on.
#[test]
fn what_comes_meanwhile_is_not_replaced() {
    type Put = fn(&Place);
    let table: [(Put, &str); 3] = [
        (|place| place.put("out/notes.txt", "mine"), "out/notes.txt"),
        (
            |place| {
                fs::remove_dir_all(place.path("out")).unwrap();
                place.put("out", "mine");
            },
            "out",
        ),
        (
            |place| {
                place.put_result("out", "other");
                place.put("out/other.html", "mine");
            },
            "out/other.html",
        ),
    ];
    for (put, name) in table {
        let place = Place::new();
        place.put_result("out", "old");
        let folder = place.open().unwrap();
        put(&place);
        let message = match finished(folder).unwrap_err() {
            Failure::Input(message) => message,
            other => panic!("{other:?}"),
        };
        assert!(message.contains("the results are in"), "{message}");
        assert_eq!(fs::read(place.path(name)).unwrap(), b"mine");
        let kept = place.path("out.partial/results/new.svg");
        assert_eq!(fs::read(kept).unwrap(), b"new");
    }
}

#[test]
fn a_file_is_written_once() {
    let place = Place::new();
    let folder = place.open().unwrap();
    folder.write("a.svg", b"first").unwrap();
    assert!(matches!(
        folder.write("a.svg", b"second"),
        Err(Failure::Machine(_))
    ));
    let written = place.path("out.partial/results/a.svg");
    assert_eq!(fs::read(written).unwrap(), b"first");
}

#[test]
fn one_run_at_a_time() {
    let place = Place::new();
    let folder = place.open().unwrap();
    assert!(place.open().err().unwrap().contains("another run"));
    // The lock stays when the records are put aside.
    drop(folder.records().unwrap());
    folder.write("a.svg", b"a").unwrap();
    assert!(place.open().err().unwrap().contains("another run"));
    finished(folder).unwrap();
    drop(place.open().unwrap());
    assert_eq!(
        place.all(),
        [
            "out.partial/records.bin",
            "out/a.svg",
            "out/manifest.json",
            "out/new.svg"
        ]
    );
}

/// A run that waits at a file which another removes must not go on with it.
#[cfg(unix)]
#[test]
fn a_lock_on_a_file_that_was_removed_is_none() {
    let place = Place::new();
    place.put("records.bin", "");
    let path = place.path("records.bin");
    let file = File::open(&path).unwrap();
    assert!(is_at(&file, &path));
    fs::remove_file(&path).unwrap();
    assert!(!is_at(&file, &path));
    place.put("records.bin", "");
    assert!(!is_at(&file, &path));
    fs::rename(&path, place.path("other")).unwrap();
    let file = File::open(place.path("other")).unwrap();
    std::os::unix::fs::symlink("other", &path).unwrap();
    assert!(!is_at(&file, &path));
}

/// Two runs at once, again and again: one of them may be refused, and what is
/// there is whole.
#[test]
fn runs_that_race_leave_a_whole_folder() {
    let place = Place::new();
    let finished_runs = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    match place.open() {
                        Ok(folder) => {
                            finished(folder).unwrap();
                            finished_runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                        Err(message) => assert!(message.contains("another run"), "{message}"),
                    }
                }
            });
        }
    });
    assert!(finished_runs.into_inner() > 0);
    assert_eq!(place.all(), ["out/manifest.json", "out/new.svg"]);
}

#[test]
fn a_folder_that_is_refused_leaves_nothing() {
    let place = Place::new();
    place.put("out/notes.txt", "mine");
    assert!(place.open().err().unwrap().contains("holds notes.txt"));
    assert_eq!(place.all(), ["out/notes.txt"]);
    assert!(!place.path("out.partial").exists());
}
