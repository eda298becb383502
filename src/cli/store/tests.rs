use std::io::Write;

use super::*;
use crate::experiment::{Observer, Options};
use crate::scenario::Source;

const TEXT: &str = r#"Scenario(
    name: "small",
    time: (length: "1min"),
    cohorts: {"a": (homes: 3, client: "c"), "b": (homes: 2, client: "c")},
    clients: {"c": (requests: [(method: "get", rate: "1/s")])},
    server: (stages: [Gate(permits: 2), Limit(name: "l", by: Gcra(rate: "1/s", burst: 2))], backend: (service: Constant("1s"))),
    study: (replications: 3, vary: {"server.stages.0.permits": [1, 2]}),
)"#;

/// A file that goes with its last handle.
fn empty_file() -> File {
    let folder = temp_dir::TempDir::new().unwrap();
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    options.open(folder.child("records")).unwrap()
}

fn study() -> Study {
    Study::new(&Source::new(TEXT.to_owned()).variants().unwrap()).unwrap()
}

struct Keep<'a>(&'a Store);

impl Observer for Keep<'_> {
    fn task_ended(&self, task: Task, record: &Record) {
        self.0.keep(task, record);
    }
}

/// All records of the study, in the order of tasks, and the bytes of a store
/// that holds them in that order.
fn kept(study: &Study) -> (Vec<Record>, Vec<u8>) {
    let (store, known) = Store::open(empty_file(), study, TEXT).unwrap();
    assert!(known.records.iter().all(Option::is_none));
    let options = Options {
        threads: 1,
        ..Options::default()
    };
    let records = study.run(options, Vec::new(), &Keep(&store)).unwrap();
    let mut end = store.end.into_inner().unwrap();
    let mut bytes = Vec::new();
    end.file.seek(SeekFrom::Start(0)).unwrap();
    end.file.read_to_end(&mut bytes).unwrap();
    (records.into_iter().flatten().collect(), bytes)
}

fn open(bytes: &[u8], study: &Study) -> (Store, Known) {
    let mut file = empty_file();
    file.write_all(bytes).unwrap();
    Store::open(file, study, TEXT).unwrap()
}

fn starts(bytes: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(MARKER.len()).enumerate();
    windows
        .filter(|(_, window)| *window == MARKER)
        .map(|(start, _)| start)
        .collect()
}

#[test]
fn what_is_kept_is_read_again() {
    let study = study();
    let (records, bytes) = kept(&study);
    let (_, known) = open(&bytes, &study);
    assert_eq!((known.dropped, known.of_another_study), (0, false));
    let read: Vec<Record> = known
        .records
        .into_iter()
        .flatten()
        .map(|record| *record)
        .collect();
    assert_eq!(read, records);
    assert_eq!(records.len(), 6);
}

/// Whatever is wrong with some records, the others are read, what was wrong is
/// counted, and what is kept afterwards is read the next time.
#[test]
fn damage_costs_no_more_than_what_it_hits() {
    let study = study();
    let (records, bytes) = kept(&study);
    let starts = starts(&bytes);
    assert_eq!(starts.len(), 6);
    type Damage = fn(&mut Vec<u8>, &[usize]);
    let table: [(&str, Damage, &[usize]); 10] = [
        (
            "a flipped bit in a record",
            |b, s| b[s[2] + HEADER + 9] ^= 4,
            &[2],
        ),
        ("in a marker", |b, s| b[s[1]] ^= 1, &[1]),
        ("in a checksum", |b, s| b[s[3] + MARKER.len()] ^= 1, &[3]),
        (
            "in a length",
            |b, s| b[s[0] + MARKER.len() + CHECKSUM + 3] ^= 0xff,
            &[0],
        ),
        ("in a task", |b, s| b[s[4] + HEADER - 1] ^= 1, &[4]),
        (
            "two in a row",
            |b, s| {
                b[s[2] + HEADER] ^= 1;
                b[s[3] + HEADER] ^= 1;
            },
            &[2, 3],
        ),
        (
            "bytes that are missing",
            |b, s| drop(b.drain(s[1] + 30..s[1] + 40)),
            &[1],
        ),
        (
            "a whole stretch of zeros",
            |b, s| b[s[1]..s[2]].fill(0),
            &[1],
        ),
        ("a file that was cut", |b, _| b.truncate(b.len() - 3), &[5]),
        ("within a header", |b, s| b.truncate(s[5] + 11), &[5]),
    ];
    for (what, damage, hit) in table {
        let mut bytes = bytes.clone();
        damage(&mut bytes, &starts);
        let (store, known) = open(&bytes, &study);
        assert_eq!(known.dropped, hit.len(), "{what}");
        for (index, record) in known.records.iter().enumerate() {
            let expected = (!hit.contains(&index)).then_some(&records[index]);
            assert_eq!(record.as_deref(), expected, "{what}: {index}");
        }
        for index in hit {
            store.keep(study.task(*index), &records[*index]);
        }
        let file = store.end.into_inner().unwrap().file;
        let (_, known) = Store::open(file, &study, TEXT).unwrap();
        let read: Vec<Record> = known
            .records
            .into_iter()
            .flatten()
            .map(|record| *record)
            .collect();
        assert_eq!(read, records, "{what}");
    }
}

/// A record whose checksum is right but which is not one of this world, such as
/// another build of the program may have left.
#[test]
fn a_record_of_another_shape_is_dropped() {
    let study = study();
    let (records, bytes) = kept(&study);
    let key = &bytes[..starts(&bytes)[0]];
    type Change = fn(&mut Record);
    let changes: [Change; 18] = [
        |r| _ = r.segments[0].streams.pop(),
        |r| {
            let more = r.segments[0].streams[0].clone();
            r.segments[0].streams.push(more);
        },
        |r| r.segments[0].streams.clear(),
        |r| _ = r.segments[0].streams[1].refused.pop(),
        |r| r.segments[0].streams[0].refused.push(0),
        |r| _ = r.segments[0].gates.pop(),
        |r| {
            let more = r.segments[0].gates[0].clone();
            r.segments[0].gates.push(more);
        },
        |r| _ = r.series.offered.pop(),
        |r| _ = r.series.admitted.pop(),
        |r| _ = r.series.refused.pop(),
        |r| _ = r.series.refused[1].pop(),
        |r| r.series.inside.clear(),
        |r| _ = r.series.inside[0].pop(),
        |r| r.series.waiting[0].push(0),
        |r| _ = r.segments.pop(),
        |r| _ = r.series.succeeded.pop(),
        |r| r.version += 1,
        |r| r.replication += 1,
    ];
    let task = study.task(1);
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = records[1].clone();
        change(&mut changed);
        let mut bytes = key.to_vec();
        bytes.extend(framed(study.task(0), &records[0].to_bytes()));
        bytes.extend(framed(task, &changed.to_bytes()));
        bytes.extend(framed(study.task(2), &records[2].to_bytes()));
        let (_, known) = open(&bytes, &study);
        let found: Vec<bool> = known.records.iter().map(Option::is_some).collect();
        assert_eq!(found, [true, false, true, false, false, false], "{number}");
        assert_eq!(known.dropped, 1, "{number}");
        // What is left is enough to go on to the same results.
        let all = study.run(Options::default(), known.records, &()).unwrap();
        assert!(all.iter().flatten().eq(&records), "{number}");
    }
    let nowhere = [(2, 0), (0, 3), (usize::MAX >> 32, u32::MAX)];
    for (cell, replication) in nowhere {
        let mut bytes = key.to_vec();
        bytes.extend(framed(Task { cell, replication }, &records[0].to_bytes()));
        bytes.extend(framed(task, b"no record"));
        let (_, known) = open(&bytes, &study);
        assert!(known.records.iter().all(Option::is_none));
        assert_eq!(known.dropped, 2);
    }
}

#[test]
fn another_study_starts_anew() {
    let study = study();
    let (_, bytes) = kept(&study);
    for other in [
        &b"rubbish that is longer than any key, for certain"[..],
        &bytes,
    ] {
        let mut file = empty_file();
        file.write_all(other).unwrap();
        let (store, known) = Store::open(file, &study, "another text").unwrap();
        assert!(known.of_another_study && known.records.iter().all(Option::is_none));
        let file = store.end.into_inner().unwrap().file;
        let (_, known) = Store::open(file, &study, "another text").unwrap();
        assert!(!known.of_another_study && known.dropped == 0);
    }
}
