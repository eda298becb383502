mod content;

use std::io::{self, Cursor, Read};

use proptest::prelude::*;

use super::frame::BEFORE;
use super::*;
use crate::experiment::{Observer, Options, Task};
use crate::scenario::Source;

const TEXT: &str = r#"Scenario(
    name: "small",
    time: (length: "1min", bucket: "1min"),
    cohorts: {"a": (homes: 3, client: "c"), "b": (homes: 2, client: "c")},
    clients: {"c": (requests: [(method: "get", rate: "1/s")])},
    server: (stages: [Gate(permits: 2), Limit(name: "l", by: Gcra(rate: "1/s", burst: 2))], backend: (service: Constant("1s"))),
    study: (replications: 3, vary: {"server.stages.0.permits": [1, 2]}),
)"#;

pub(super) fn study_of(text: &str) -> Study {
    Study::new(&Source::new(text.to_owned()).variants().unwrap()).unwrap()
}

fn study() -> Study {
    study_of(TEXT)
}

struct Keep<'a, W>(&'a RecordLog<W>);

impl<W: Write + Send> Observer for Keep<'_, W> {
    fn task_ended(&self, _: Task, id: TaskId, record: &Record) {
        self.0.keep(id, record);
    }
}

/// All records of a study, and the bytes of a file that holds them in the order
/// of tasks.
fn kept(study: &Study) -> (Vec<Vec<Record>>, Vec<u8>) {
    let log = RecordLog::new(header().to_vec());
    let options = Options {
        threads: 1,
        ..Options::default()
    };
    let records = study.run(options, Vec::new(), &Keep(&log)).unwrap();
    let (bytes, fault) = log.into_parts();
    assert!(fault.is_none());
    (records, bytes)
}

/// The indices of the tasks of which there is a record, each as expected.
fn found(known: Known<'_>, records: &[Vec<Record>]) -> Vec<usize> {
    let known = known.into_records();
    for (known, record) in known.iter().zip(records.iter().flatten()) {
        assert!(known.as_deref().is_none_or(|known| known == record));
    }
    (0..known.len())
        .filter(|index| known[*index].is_some())
        .collect()
}

/// Where each frame ends.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let Ok(Opened::Own(mut frames)) = Frames::open(bytes) else {
        panic!("there is no header");
    };
    let mut ends = Vec::new();
    while let Some(Frame::Whole { end, .. }) = frames.next().unwrap() {
        ends.push(end as usize);
    }
    ends
}

#[test]
fn a_file_that_is_cut_anywhere_keeps_what_is_whole() {
    let study = study();
    let (records, bytes) = kept(&study);
    let ends = ends(&bytes);
    assert_eq!((ends.len(), ends.last()), (6, Some(&bytes.len())));
    for cut in 0..=bytes.len() {
        let mut known = Known::new(&study);
        let reading = known.read(&bytes[..cut]);
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let end = match (cut < HEADER_BYTES, whole) {
            (true, _) => 0,
            (false, 0) => HEADER_BYTES,
            (false, whole) => ends[whole - 1],
        };
        assert_eq!(found(known, &records), Vec::from_iter(0..whole), "{cut}");
        assert_eq!(reading.end, end as u64, "{cut}");
        assert_eq!(
            reading.is_foreign,
            (1..HEADER_BYTES).contains(&cut),
            "{cut}"
        );
        assert_eq!(reading.damaged, usize::from(end > 0 && cut > end), "{cut}");
        assert!(reading.fault.is_none());
    }
}

/// What was written after a cut, at the end of what is whole, is read.
#[test]
fn a_file_that_was_cut_is_gone_on_with() {
    let study = study();
    let (records, bytes) = kept(&study);
    let reading = Known::new(&study).read(&bytes[..bytes.len() - 1]);
    let log = RecordLog::new(bytes[..reading.end as usize].to_vec());
    let task = study.tasks().last().unwrap();
    log.keep(study.id(task), &records[1][2]);
    assert_eq!(log.into_parts().0, bytes);
}

/// A reader that gives a few bytes at a time, and then none or a fault.
struct Slow<'a> {
    bytes: &'a [u8],
    piece: usize,
    fails: bool,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() && self.fails {
            return Err(io::Error::other("gone"));
        }
        let count = self.piece.min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}

#[test]
fn a_file_is_the_same_in_pieces_and_a_fault_costs_what_follows() {
    let study = study();
    let (records, bytes) = kept(&study);
    let ends = ends(&bytes);
    for (piece, read, fails, whole) in [
        (1, bytes.len(), false, 6),
        (7, bytes.len(), false, 6),
        (1000, ends[3] + 20, true, 4),
        (5, ends[0], true, 1),
        (5, 10, true, 0),
    ] {
        let mut known = Known::new(&study);
        let bytes = &bytes[..read];
        let reading = known.read(Slow {
            bytes,
            piece,
            fails,
        });
        assert_eq!(found(known, &records), Vec::from_iter(0..whole));
        assert_eq!(reading.fault.is_some(), fails);
        assert_eq!((reading.damaged, reading.is_foreign), (0, false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happens to stretches of a file, no record that was not written
    /// is read, and all whose bytes are as they were are.
    #[test]
    fn damage_costs_no_more_than_what_it_hits(
        hits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..60, 0_u8..4), 1..4),
    ) {
        let study = study();
        let (records, bytes) = kept(&study);
        let ends = ends(&bytes);
        let starts = [&[HEADER_BYTES][..], &ends[..5]].concat();
        let mut hits: Vec<(usize, usize, u8)> = hits
            .into_iter()
            .map(|(at, length, how)| (HEADER_BYTES + at.index(bytes.len() - HEADER_BYTES), length, how))
            .collect();
        hits.sort_unstable_by(|one, other| other.cmp(one));
        let mut damaged = bytes.clone();
        let mut untouched = Vec::from_iter(0..6);
        let mut behind = bytes.len();
        for (at, length, how) in hits {
            // From the back, so that places before it stay what they are.
            let end = (at + length + 1).min(behind);
            behind = at;
            let rest = damaged.split_off(at);
            match how {
                0 => damaged.extend(rest[..end - at].iter().map(|byte| byte ^ 0x10)),
                1 => damaged.extend(vec![0; end - at]),
                2 => damaged.extend(b"\x1erecord\nstray"),
                _ => {}
            }
            let skipped = if how == 2 { 0 } else { end - at };
            damaged.extend(&rest[skipped.min(rest.len())..]);
            untouched.retain(|frame| ends[*frame] <= at || starts[*frame] >= at + skipped.max(1));
        }
        let mut known = Known::new(&study);
        let reading = known.read(&damaged[..]);
        let all = found(known, &records);
        prop_assert!(untouched.iter().all(|frame| all.contains(frame)));
        prop_assert!(all.len() == 6 || reading.damaged > 0 || damaged.len() < bytes.len());
    }
}

/// A length that was never written must not be believed: it would swallow what
/// follows.
#[test]
fn every_flipped_byte_costs_one_record() {
    let study = study();
    let (records, bytes) = kept(&study);
    let ends = ends(&bytes);
    for at in ends[1]..ends[2] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x81;
        let mut known = Known::new(&study);
        let reading = known.read(&flipped[..]);
        assert_eq!(found(known, &records), [0, 1, 3, 4, 5], "{at}");
        assert_eq!(reading.damaged, 1, "{at}");
    }
}

/// A record whose checksum is right but which is not one of this world, such as
/// a fault of the program may have left.
#[test]
fn a_record_of_another_shape_is_dropped() {
    let study = study();
    let (records, _) = kept(&study);
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
    let content = study.cells[0].content;
    for (number, change) in changes.into_iter().enumerate() {
        let mut file = header().to_vec();
        for (replication, record) in (0..).zip(&records[0]) {
            let mut record = record.clone();
            if replication == 1 {
                change(&mut record);
            }
            file.extend(framed(content, replication, &record.to_bytes()));
        }
        let mut known = Known::new(&study);
        assert_eq!(known.read(&file[..]).damaged, 1, "{number}");
        let known = known.into_records();
        let there: Vec<bool> = known.iter().map(Option::is_some).collect();
        assert_eq!(there, [true, false, true, false, false, false], "{number}");
        // What is left is enough to go on to the same results.
        let all = study.run(Options::default(), known, &()).unwrap();
        assert_eq!(all, records, "{number}");
    }
    let mut file = header().to_vec();
    file.extend(framed(content, 0, b"no record"));
    assert_eq!(Known::new(&study).read(&file[..]).damaged, 1);
}

#[test]
fn a_file_of_another_program_is_told_from_damage() {
    let study = study();
    let (_, bytes) = kept(&study);
    let mut other = bytes.clone();
    other[HEADER_BYTES - 1] ^= 1;
    for file in [&other[..], b"rubbish", &[0; 1000]] {
        let mut known = Known::new(&study);
        let reading = known.read(file);
        assert!(reading.is_foreign && known.count() == 0);
        assert_eq!((reading.end, reading.damaged), (0, 0));
    }
}

/// What a study leaves is what studies around it need.
#[test]
fn studies_that_share_cells_share_records() {
    let (_, bytes) = kept(&study());
    for (from, to, known_runs, runs) in [
        ("name: \"small\"", "name: \"renamed\"", 6, 6),
        ("replications: 3", "replications: 5", 6, 10),
        ("replications: 3", "replications: 2", 4, 4),
        ("[1, 2]", "[2, 3, 1]", 6, 9),
        ("[1, 2]", "[2]", 3, 3),
        ("[1, 2]", "[3, 4]", 0, 6),
        ("vary: {\"server.stages.0.permits\": [1, 2]}", "", 3, 3),
        // Two cells that are the same but for their names.
        (
            "vary: {\"server.stages.0.permits\": [1, 2]}",
            "policies: {\"one\": {\"server.stages.0.permits\": 1}, \"uno\": {\"server.stages.0.permits\": 1}}",
            6,
            6,
        ),
        ("replications: 3", "replications: 3, seed: 2", 0, 6),
    ] {
        let study = study_of(&TEXT.replace(from, to));
        let mut known = Known::new(&study);
        let reading = known.read(&bytes[..]);
        assert_eq!((reading.damaged, reading.is_foreign), (0, false), "{to}");
        assert_eq!(
            (known.count(), study.tasks().len()),
            (known_runs, runs),
            "{to}"
        );
        let reused = study.run(Options::default(), known.into_records(), &());
        let anew = study.run(Options::default(), Vec::new(), &());
        assert_eq!(reused.unwrap(), anew.unwrap(), "{to}");
    }
}

#[test]
fn what_is_kept_has_a_bound_and_no_record_twice() {
    let small = study();
    let (records, bytes) = kept(&small);
    let more = study_of(&TEXT.replace("[1, 2]", "[2, 3]"));
    let (of_more, bytes_of_more) = kept(&more);
    let keep = |most: usize| {
        let mut out = Vec::new();
        let earlier = [Cursor::new(&bytes), Cursor::new(&bytes_of_more)];
        let kept = write_kept(&more, &of_more, earlier, most, &mut out).unwrap();
        assert_eq!((kept.bytes, kept.bytes <= most), (out.len(), true));
        (kept, out)
    };
    let (all, out) = keep(1 << 20);
    assert_eq!((all.records, all.left_out), (9, 0));
    // Those of this study come first.
    assert!(out.starts_with(&bytes_of_more));
    let mut known = Known::new(&small);
    assert_eq!(known.read(&out[..]).damaged, 0);
    assert_eq!(found(known, &records).len(), 6);
    let (some, out) = keep(bytes_of_more.len());
    assert_eq!((some.records, some.left_out), (6, 3));
    assert_eq!(out, bytes_of_more);
    let (none, out) = keep(HEADER_BYTES + BEFORE);
    assert_eq!((none.records, none.left_out), (0, 9));
    assert_eq!(out, header());
}

#[test]
fn a_disk_that_fills_is_told_once_and_loses_no_result() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = self.0.min(bytes.len());
            self.0 -= room;
            match room {
                0 => Err(io::ErrorKind::StorageFull.into()),
                _ => Ok(room),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let study = study();
    let log = RecordLog::new(Full(1000));
    let keep = Keep(&log);
    let records = study.run(Options::default(), Vec::new(), &keep).unwrap();
    assert_eq!(records, kept(&study).0);
    let (_, fault) = log.into_parts();
    assert_eq!(fault.unwrap().kind(), io::ErrorKind::StorageFull);
}
