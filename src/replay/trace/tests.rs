use std::io;

use proptest::prelude::*;

use super::*;

fn trace(text: &[u8]) -> Trace<&[u8]> {
    Trace::new(text, TraceOptions::default())
}

/// All rows as (line, nanoseconds, key, cost).
fn rows(text: &str) -> Vec<(u64, u64, String, u64)> {
    let mut trace = trace(text.as_bytes());
    let mut rows = Vec::new();
    while let Some(row) = trace.next().unwrap() {
        rows.push((row.line, row.time.nanos(), row.key.to_string(), row.cost));
    }
    assert_eq!(trace.next().unwrap(), None, "a trace stays at its end");
    rows
}

fn row(line: u64, seconds: u64, key: &str, cost: u64) -> (u64, u64, String, u64) {
    let nanos = Time::from_secs(seconds).nanos();
    (line, nanos, key.to_string(), cost)
}

#[test]
fn without_a_header() {
    assert_eq!(
        rows("1\n2,ann\n3,bob,5\n3,,\n4,ann,0,50ms"),
        [
            row(1, 1, "", 1),
            row(2, 2, "ann", 1),
            row(3, 3, "bob", 5),
            row(4, 3, "", 1),
            row(5, 4, "ann", 0),
        ]
    );
}

#[test]
fn all_columns_in_another_order() {
    let text = "Class,STATUS,colour,latency_ms,n,Client,timestamp_ms,In-Flight,URL\n\
                critical,200,red,12.5,3,ann,1500,7,/a?b=1\n\
                ,timeout,/b,,,bob,2500\n";
    let mut trace = trace(text.as_bytes());
    assert!(trace.ignored().is_empty());
    let first = Row {
        line: 2,
        time: Time::from_millis(1500),
        key: "ann",
        cost: 3,
        duration: Some(Span::from_nanos(12_500_000)),
        outcome: Outcome::Success,
        status: Some(200),
        in_flight: Some(7),
        class: Some("critical"),
        method: Some("/a"),
        fields: &[],
    };
    assert_eq!(trace.next().unwrap(), Some(first));
    let second = Row {
        line: 3,
        time: Time::from_millis(2500),
        key: "bob",
        cost: 1,
        duration: None,
        outcome: Outcome::Dropped,
        status: None,
        in_flight: None,
        class: None,
        method: None,
        fields: &[],
    };
    assert_eq!(trace.next().unwrap(), Some(second));
    assert_eq!(trace.next().unwrap(), None);
    assert_eq!(trace.ignored(), ["colour"]);
}

#[test]
fn separators_marks_and_ends_of_lines() {
    let expected = [row(2, 1, "ann", 2), row(3, 2, "bob", 3)];
    for separator in [",", ";", "\t"] {
        for end in ["\n", "\r\n", "\r"] {
            for mark in ["", "\u{feff}"] {
                for last in [end, ""] {
                    let text = format!("{mark}ts,user,cost{end}1,ann,2{end}2,bob,3{last}")
                        .replace(',', separator);
                    assert_eq!(rows(&text), expected, "{text:?}");
                }
            }
        }
    }
    // Other separators than the first are text.
    assert_eq!(rows("1;a,b\t\n"), [row(1, 1, "a,b\t", 1)]);
    assert_eq!(rows("\"ts,s\";at;user\n0;1;a,b"), [row(2, 1, "a,b", 1)]);
}

#[test]
fn blank_lines_and_comments_are_counted_and_skipped() {
    let text = "# made by hand\n\n  \t\ntime,key\n\r\n#1,no\n1,ann\n\n# \"open\n2,bob\n#";
    assert_eq!(rows(text), [row(7, 1, "ann", 1), row(10, 2, "bob", 1)]);
}

#[test]
fn quoted_fields() {
    let text = "\"1\",\"a,\"\"b\"\"\r\n# c\n\nd\",\"2\"\r\n2,5\" disk,3\r\n3,\"#\"\r\n";
    assert_eq!(
        rows(text),
        [
            row(1, 1, "a,\"b\"\r\n# c\n\nd", 2),
            row(5, 2, "5\" disk", 3),
            row(6, 3, "#", 1),
        ]
    );
}

#[test]
fn blanks_around_fields_count_in_names_alone() {
    assert_eq!(
        rows(" time , key , cost \n 1 , ann , 2 \n"),
        [row(2, 1, " ann ", 2)]
    );
}

#[test]
fn units_of_times() {
    let nanos = |text: &str, unit| {
        let mut trace = Trace::new(
            text.as_bytes(),
            TraceOptions {
                unit,
                ..TraceOptions::default()
            },
        );
        trace.next().unwrap().unwrap().time.nanos()
    };
    assert_eq!(nanos("at_us\n5", None), 5_000);
    assert_eq!(nanos("at_us\n5", Some(TimeUnit::Milliseconds)), 5_000_000);
    assert_eq!(nanos("5", Some(TimeUnit::Nanoseconds)), 5);
    assert_eq!(nanos("1758254400000", None), 1_758_254_400_000_000_000);
    // The header's line is no row: a number first settles the unit there.
    assert_eq!(nanos("at\n1758254400000", None), 1_758_254_400_000_000_000);
    assert_eq!(
        rows("200000000000\n200000000001")[1].1,
        200_000_000_001_000_000
    );
}

#[test]
fn reading_goes_on_after_a_bad_row() {
    let mut trace = trace(b"time,cost\n1,1\n2,x\nnoon,1\n0,1\n3,1\n");
    let mut lines = Vec::new();
    loop {
        match trace.next() {
            Ok(Some(row)) => lines.push(row.line),
            Ok(None) => break,
            Err(_) => lines.push(0),
        }
    }
    assert_eq!(lines, [2, 0, 0, 0, 6]);
}

/// Gives one byte at a time, and is interrupted between them.
struct Trickle<'t>(&'t [u8], bool);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = self.0.len().min(out.len()).min(1);
        let (now, later) = self.0.split_at(length);
        out[..length].copy_from_slice(now);
        self.0 = later;
        Ok(length)
    }
}

#[test]
fn an_input_may_come_in_any_pieces() {
    let text = "\u{feff}# c\r\ntime,key\r\n1,\"a\r\n\"\r\n\r\n2,b";
    let mut trace = Trace::new(Trickle(text.as_bytes(), false), TraceOptions::default());
    let first = trace.next().unwrap().unwrap();
    assert_eq!((first.line, first.key), (3, "a\r\n"));
    let second = trace.next().unwrap().unwrap();
    assert_eq!((second.line, second.key), (6, "b"));
    assert_eq!(trace.next().unwrap(), None);
}

#[test]
fn lines_up_to_a_megabyte() {
    let longest = lines::LONGEST;
    for (end, at_end) in [("\n", false), ("", true)] {
        let key = "k".repeat(longest - 2);
        let text = format!("0,a\n1,{key}{end}");
        assert_eq!(rows(&text)[1].2.len(), longest - 2, "at the end: {at_end}");
        let text = format!("0,a\n1,{key}k{end}");
        let mut trace = trace(text.as_bytes());
        assert!(trace.next().is_ok());
        let error = trace.next().unwrap_err();
        assert!(matches!(error, TraceError::TooLong { line: 2 }), "{error}");
        assert_eq!(trace.next().unwrap(), None);
    }
    // Any number of lines may be skipped.
    let comments = "# nothing\n".repeat(longest / 5);
    let lines = longest as u64 / 5;
    assert_eq!(rows(&format!("{comments}1,a")), [row(lines + 1, 1, "a", 1)]);
}

#[test]
fn memory_does_not_grow_with_an_endless_line_or_record() {
    for start in [&b"0,"[..], b"0,a\n1,\"open\n"] {
        let input = start.chain(io::repeat(b'x'));
        let mut trace = Trace::new(input, TraceOptions::default());
        let error = loop {
            match trace.next() {
                Ok(row) => assert!(row.is_some()),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, TraceError::TooLong { .. }), "{error}");
    }
    let lines = "x\n".repeat(600_000);
    let text = format!("0,\"open\n{lines}");
    let error = trace(text.as_bytes()).next().unwrap_err();
    assert!(matches!(error, TraceError::TooLong { line: 1 }), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(
        bytes in prop::collection::vec(prop_oneof![
            prop::sample::select(&b"019.-,;\t\n\r\"#time key\xef\xbb\xbf"[..]),
            any::<u8>(),
        ], 0..200),
    ) {
        let mut trace = trace(&bytes);
        for _ in 0..bytes.len() + 2 {
            if let Ok(None) = trace.next() {
                return Ok(());
            }
        }
        prop_assert!(false, "no end after as many rows as bytes");
    }

    #[test]
    fn what_a_csv_writer_writes_is_read(
        table in prop::collection::vec((0..u64::MAX / 2, "[ -~\n\r\"é,;]{0,8}", any::<u64>()), 1..20),
    ) {
        let mut table = table;
        table.sort();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["time_ns", "key", "cost"]).unwrap();
        for (time, key, cost) in &table {
            writer.write_record([&time.to_string(), key, &cost.to_string()]).unwrap();
        }
        let text = writer.into_inner().unwrap();
        let mut trace = trace(&text);
        let mut line = 2;
        for (time, key, cost) in &table {
            let row = trace.next().unwrap().unwrap();
            prop_assert_eq!((row.line, row.time.nanos()), (line, *time));
            prop_assert_eq!((row.key, row.cost), (key.as_str(), *cost));
            line += 1 + key.matches('\n').count() as u64;
        }
        prop_assert_eq!(trace.next().unwrap(), None);
    }
}

/// A line or a few of each form, to be broken.
const SAMPLES: [&str; 8] = [
    "192.0.2.1 - - [19/Sep/2025:04:00:01 +0000] \"GET /a?b=c HTTP/1.1\" 200 5 \"-\" \"x \\\"y\\\"\" 0.012\n",
    "v.example:80 ::1 - ann [19/Sep/2025:04:00:02 +0200] \"-\" 408 -\n",
    "{\"time\":1758254400.5,\"user\":{\"id\":[7,null]},\"status\":429,\"request\":\"GET /a HTTP/1.1\"}\n",
    "https 2025-09-19T04:00:01.1Z app/a/1 192.0.2.1:1 - -1 -1 -1 503 - 1 1 \"GET http://h:80/ HTTP/1.1\" \"-\" - -\n",
    "#Fields: date time c-ip cs-method cs-uri-stem sc-status time-taken\n2025-09-19 04:00:01 ::1 GET /a 200 15\n",
    "2025-09-19\t04:00:01\tFRA2\t5\t192.0.2.1\tGET\th\t/a\t200\t-\t-\t-\t-\t-\t-\n",
    "{\"log\":{\"entries\":[{\"startedDateTime\":\"2025-09-19T04:00:01Z\",\"time\":1e300,\"request\":{\"method\":\"GET\",\"url\":\"http://h\"},\"response\":{\"status\":0}}]}}",
    "time;user;cost\n2025-09-19 04:00:01,5;\"a;b\";2\n",
];

/// Whether an error tells a line, or is of the log as a whole.
fn tells_where(error: &TraceError) -> bool {
    let whole = matches!(error, TraceError::Empty | TraceError::Compressed { .. });
    whole || error.to_string().starts_with("line ")
}

proptest! {
    #[test]
    fn broken_logs_of_any_form_are_read_or_refused_with_a_line(
        first in 0..SAMPLES.len(),
        others in prop::collection::vec(0..SAMPLES.len(), 0..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..6),
        format in prop::option::of(0..LogFormat::ALL.len()),
        key in prop::option::of(prop::sample::select(vec![
            "user", "header:x-api-key", "query:b", "json:user.id", "client", "path", "", ":", "rt=",
        ])),
        (slack, skip_bad, zoned) in (0..3_u64, any::<bool>(), any::<bool>()),
    ) {
        let mut bytes = SAMPLES[first].as_bytes().to_vec();
        for other in others {
            bytes.extend_from_slice(SAMPLES[other].as_bytes());
        }
        for (place, byte, kind) in changes {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => bytes[place] = b"\"[]{}:,/ \t\n\r\\-#"[usize::from(byte) % 15],
                2 => bytes.truncate(place + 1),
                _ => { bytes.remove(place); }
            }
            if bytes.is_empty() {
                bytes.push(byte);
            }
        }
        let options = TraceOptions {
            format: format.map(|place| LogFormat::ALL[place].0),
            key: key.map(str::to_owned),
            zone: zoned.then(Zone::default),
            slack: Span::from_secs(slack),
            skip_bad,
            ..TraceOptions::default()
        };
        let mut trace = Trace::new(&bytes[..], options);
        let (mut last, mut rows, mut errors) = (Time::EPOCH, 0, 0);
        for _ in 0..bytes.len() + 2 {
            match trace.next() {
                Ok(Some(row)) => {
                    prop_assert!(row.time >= last, "in order of time");
                    prop_assert!(row.line > 0);
                    last = row.time;
                    rows += 1;
                }
                Ok(None) => {
                    prop_assert!(rows > 0 || errors > 0, "neither rows nor an error");
                    return Ok(());
                }
                Err(error) => {
                    prop_assert!(tells_where(&error), "{error}");
                    errors += 1;
                }
            }
        }
        prop_assert!(false, "no end after as many rows as bytes");
    }
}

/// Has nothing to give before each of its lines.
struct Hesitant<'t>(std::str::SplitInclusive<'t, char>, bool);

impl Read for Hesitant<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let line = self.0.next().unwrap_or_default().as_bytes();
        out[..line.len()].copy_from_slice(line);
        Ok(line.len())
    }
}

#[test]
fn rows_held_back_are_handed_out_when_the_input_is_silent() {
    let text = "10,a\n9,b\n12,c\n";
    let options = TraceOptions {
        slack: Span::from_secs(5),
        ..TraceOptions::default()
    };
    let read = |input: &mut dyn Read| {
        let mut trace = Trace::new(input, options.clone());
        let mut rows = Vec::new();
        while let Some(row) = trace.next().unwrap() {
            rows.push((row.line, row.time.nanos() / 1_000_000_000));
        }
        (rows, trace.facts().out_of_order, trace.facts().too_late)
    };
    let whole = read(&mut text.as_bytes());
    assert_eq!(whole, (vec![(2, 9), (1, 10), (3, 12)], 1, 0));
    // The second came when the first had been judged.
    let hesitant = read(&mut Hesitant(text.split_inclusive('\n'), false));
    assert_eq!(hesitant, (vec![(1, 10), (2, 10), (3, 12)], 1, 1));
    // A quote that is open is waited for.
    let quoted = read(&mut Hesitant(
        "1,\"a\nb\"\n2,c\n".split_inclusive('\n'),
        false,
    ));
    assert_eq!(quoted.0, [(1, 1), (3, 2)]);
}

#[test]
fn durations_statuses_and_methods_of_other_forms() {
    let read = |text: &str| {
        let mut trace = Trace::new(text.as_bytes(), TraceOptions::default());
        let row = trace.next().unwrap().unwrap();
        let method = row.method.unwrap_or_default().to_owned();
        (
            row.duration.map(|it| it.nanos() / 1000),
            row.status,
            row.outcome,
            method,
        )
    };
    use Outcome::{Dropped, Failure, Success};
    let get = "GET /a".to_owned();
    for (text, expected) in [
        (SAMPLES[0], (Some(12_000), Some(200), Success, get.clone())),
        (SAMPLES[1], (None, Some(408), Failure, String::new())),
        (SAMPLES[2], (None, Some(429), Failure, get.clone())),
        (
            SAMPLES[3],
            (Some(0), Some(503), Failure, "GET /".to_owned()),
        ),
        (SAMPLES[4], (Some(15_000), Some(200), Success, get.clone())),
        (SAMPLES[6], (None, Some(0), Dropped, "GET /".to_owned())),
        (
            "{\"ts\":1,\"duration\":0.25,\"request\":{\"method\":\"PUT\",\"uri\":\"/a?b\"}}",
            (Some(250_000), None, Success, "PUT /a".to_owned()),
        ),
        (
            "{\"ts\":1,\"latency_ms\":3,\"status\":\"active\",\"path\":\"/a\"}",
            (Some(3_000), None, Success, "/a".to_owned()),
        ),
        (
            "{\"time\":1,\"Duration\":5000,\"DownstreamStatus\":502,\"RequestMethod\":\"GET\",\"RequestPath\":\"/a\"}",
            (Some(5), Some(502), Failure, get.clone()),
        ),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}
