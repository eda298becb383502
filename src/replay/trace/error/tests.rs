use std::io::{self, Read};

use super::super::{Trace, TraceOptions};

/// The first error of a trace, as it is shown.
fn message(input: impl Read) -> String {
    let mut trace = Trace::new(input, TraceOptions::default());
    loop {
        match trace.next() {
            Ok(Some(_)) => {}
            Ok(None) => return "no error".to_string(),
            Err(error) => return error.to_string(),
        }
    }
}

const TIME: &str = "expected RFC 3339 such as 2025-09-19T04:00:00Z, or a number of seconds or milliseconds since 1970";

#[test]
fn times() {
    for (text, expected) in [
        ("1\n12:00", "line 2: the time \"12:00\" is not a time"),
        ("1\n\n,ann", "line 3: the time \"\" is empty"),
        (
            "key,ts\nann,noon",
            "line 2, column \"ts\": the time \"noon\" is not a time",
        ),
        (
            "key,ts\nann",
            "line 2, column \"ts\": the time \"\" is empty",
        ),
        ("-5,ann", "line 1: the time \"-5\" is negative"),
        ("NaN", "line 1: the time \"NaN\" is not a finite number"),
        ("inf", "line 1: the time \"inf\" is not a finite number"),
        ("1e3", "line 1: the time \"1e3\" has an exponent"),
        (
            "2025-09-19 04:00:00,ann",
            "line 1: the time \"2025-09-19 04:00:00\" has no offset from UTC, such as Z or +02:00",
        ),
        (
            "1960-01-01T00:00:00Z",
            "line 1: the time \"1960-01-01T00:00:00Z\" is before 1970",
        ),
        (
            "2555-01-01T00:00:00Z",
            "line 1: the time \"2555-01-01T00:00:00Z\" is after July 2554",
        ),
        (
            "1\n20000000000",
            "line 2: the time \"20000000000\" is after July 2554",
        ),
    ] {
        let expected = format!("{expected}; {TIME}");
        assert_eq!(message(text.as_bytes()), expected);
    }
}

#[test]
fn order() {
    assert_eq!(
        message("at\n10\n12.5\n12.5\n11\n".as_bytes()),
        "line 5, column \"at\": the time \"11\" is 1s 500ms before that of line 4; expected rows in order of time, as `sort` would put them"
    );
}

#[test]
fn other_fields() {
    for (header, text, expected) in [
        (
            "time,cost",
            "1,1.5",
            "line 2, column \"cost\": the cost \"1.5\" cannot be read; expected a whole number from 0 on",
        ),
        (
            "time,points",
            "1,-1",
            "line 2, column \"points\": the cost \"-1\" cannot be read; expected a whole number from 0 on",
        ),
        (
            "time,rtt_ms",
            "1,soon",
            "line 2, column \"rtt_ms\": the duration \"soon\" cannot be read; expected a number from 0 on, of seconds unless the header tells another unit, or a span such as 50ms, at most 584 years",
        ),
        (
            "time,status",
            "1,700",
            "line 2, column \"status\": the outcome \"700\" cannot be read; expected ok, success or true; fail, failure, error or false; drop, dropped or timeout; or an HTTP status from 100 to 599",
        ),
        (
            "time,in_flight",
            "1,4294967296",
            "line 2, column \"in_flight\": the number in flight \"4294967296\" cannot be read; expected a whole number from 0 to 4294967295",
        ),
    ] {
        assert_eq!(message(format!("{header}\n{text}").as_bytes()), expected);
    }
    assert_eq!(
        message("1,ann,many".as_bytes()),
        "line 1: the cost \"many\" cannot be read; expected a whole number from 0 on"
    );
    let long = message(format!("1,ann,{}\u{1b}", "é".repeat(100)).as_bytes());
    let shown = format!("\"{}...\"", "é".repeat(40));
    assert!(long.contains(&shown), "{long}");
}

#[test]
fn headers() {
    let expected = "expected one named time, timestamp, ts, at, date, datetime or epoch";
    let or = ", or no header and a time such as 2025-09-19T04:00:00Z in the first field";
    for (text, found, hint) in [
        (
            "user,timestmap\n",
            "line 1: the header has no time column, only \"user\", \"timestmap\"",
            " (did you mean \"timestamp\" by \"timestmap\"?)",
        ),
        (
            "# log\nTiem;user\n",
            "line 2: the header has no time column, only \"Tiem\", \"user\"",
            " (did you mean \"time\" by \"Tiem\"?)",
        ),
        (
            "12:00,ann\n",
            "line 1: the header has no time column, only \"12:00\", \"ann\"",
            "",
        ),
        (
            "a1,b1,c1,d1,e1,f1,g1,h1",
            "line 1: the header has no time column, only \"a1\", \"b1\", \"c1\", \"d1\", \"e1\", \"f1\", 2 more",
            "",
        ),
    ] {
        let expected = format!("{found}; {expected}{hint}{or}");
        assert_eq!(message(text.as_bytes()), expected);
    }
    assert_eq!(
        message("time,user,IP\n".as_bytes()),
        "line 1: the columns \"user\" and \"IP\" both name the key; expected one such column"
    );
}

#[test]
fn rows_as_a_whole() {
    assert_eq!(
        message("time,key\n1,ann,5\n".as_bytes()),
        "line 2: 3 fields, but the header names 2; expected a field with a separator in it to be quoted"
    );
    assert_eq!(
        message("1,ann,1,0,7\n".as_bytes()),
        "line 1: 5 fields, but without a header there are at most 4 (time, key, cost and duration); expected a field with a separator in it to be quoted"
    );
    let not_utf8 = "line 2: not valid UTF-8; expected the whole file to be in UTF-8";
    for text in [
        &b"1,ann\n2,\xe9\n"[..],
        b"time,other\n1,\xff\n",
        // One character across two fields.
        b"1\n2,\xc3,\xa9",
        b"\ntime,\xff\n",
        b"\n\xff\xfe1",
    ] {
        assert_eq!(message(text), not_utf8, "{text:?}");
    }
}

#[test]
fn the_input_as_a_whole() {
    for text in [
        "",
        "\u{feff}",
        "\n \n",
        "# nothing\n",
        "time,key\n",
        "time\n#1",
    ] {
        assert_eq!(
            message(text.as_bytes()),
            "there is not a single row; expected lines such as 2025-09-19T04:00:00Z,alice (a time, and optionally a key, a cost and a duration)"
        );
    }
    assert_eq!(
        message("1,a\n2,\"b\n3,c\n".as_bytes()),
        "line 2: a quote is opened and not closed before the end of the file"
    );
    let too_long = format!("1,a\n2,{}", "x".repeat(2_000_000));
    assert_eq!(
        message(too_long.as_bytes()),
        "line 2: longer than 1 MB; expected a row of fields (is a quote left open, or is this no text file?)"
    );
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    assert_eq!(
        message("1,a\n2,b\n".as_bytes().chain(Broken)),
        "line 3: the input cannot be read: the disk is gone"
    );
    assert_eq!(
        message("1,\"a\n".as_bytes().chain(Broken)),
        "line 2: the input cannot be read: the disk is gone"
    );
}
