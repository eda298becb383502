//! Logs of every form, as servers and browsers write them.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use super::records;
use crate::support::{Done, Place};

/// Two per ten seconds and client.
const LIMITER: &str = r#"FixedWindow(quota: Fixed(2), window: "10s")"#;

fn replay(place: &Place, log: &str, more: &[&str]) -> Done {
    let common = [
        "replay",
        "--limiter",
        LIMITER,
        "--format",
        "csv",
        "--trace",
        "-",
    ];
    place.ratelab_with_input(&[&common, more].concat(), log)
}

/// What came of each request: line, seconds since 04:00 of 19 September 2025,
/// key and a letter for the decision.
fn judged(done: &Done) -> String {
    let mut text = String::new();
    for record in records(&done.out) {
        let [line, time, key, _, _, decision, ..] = &record[..] else {
            panic!("{record:?}");
        };
        let time: f64 = time.parse().unwrap();
        let letter = decision.chars().next().unwrap().to_ascii_uppercase();
        text += &format!("{line} {} {key} {letter}\n", time - 1_758_254_400.0);
    }
    text
}

/// The same five requests of two clients, in every form and in variants of it.
#[test]
fn every_form_is_found_by_its_first_line_and_tells_the_same() {
    const FIVE: &str = "1 192.0.2.1 A|2 192.0.2.1 A|2 2001:db8::7 A|3 192.0.2.1 R|11 192.0.2.1 A";
    let requests = [
        (1, "192.0.2.1"),
        (2, "192.0.2.1"),
        (2, "2001:db8::7"),
        (3, "192.0.2.1"),
        (11, "192.0.2.1"),
    ];
    let lines = |line: &dyn Fn(u32, &str) -> String| -> String {
        requests
            .iter()
            .map(|(second, client)| line(*second, client) + "\n")
            .collect()
    };
    let two = |second: u32| format!("{second:02}");
    let access = |before: &str, after: &str| {
        lines(&|second, client| {
            let before = before.replace("CLIENT", client);
            format!("{before} [19/Sep/2025:06:00:{} +0200] {after}", two(second))
        })
    };
    let json = |text: &str| {
        lines(&|second, client| {
            let moment = 1_758_254_400 + u64::from(second);
            text.replace("CLIENT", client)
                .replace("TIME", &format!("2025-09-19T04:00:{}Z", two(second)))
                .replace("LOCAL", &format!("19/Sep/2025:04:00:{} +0000", two(second)))
                .replace("MILLIS", &format!("{moment}000"))
                .replace("NANOS", &format!("{moment}000000000"))
                .replace("SECONDS", &moment.to_string())
        })
    };
    let with_port = |client: &str| match client.contains(':') {
        true => format!("[{client}]:40120"),
        false => format!("{client}:40120"),
    };
    let alb = |kind: &str| {
        lines(&|second, client| {
            let (time, client) = (two(second), with_port(client));
            format!(
                "{kind} 2025-09-19T04:00:{time}.000000Z app/my-alb/50dc6c495c0c9188 {client} 10.0.0.66:9000 0.000 0.001 0.000 200 200 34 366 \"GET https://www.example.com:443/a?b=c HTTP/1.1\" \"curl/7.46.0\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/my/73e2d6bc24d8a067 \"Root=1-58337262-36d228ad5d99923122bbe354\" \"www.example.com\" \"-\" 1 2025-09-19T04:00:00.500000Z \"forward\" \"-\" \"-\" \"10.0.0.66:9000\" \"200\" \"-\" \"-\" TID_dc57cebed65b444ebc8177bb698fe166"
            )
        })
    };
    let cloud_front = lines(&|second, client| {
        format!(
            "2025-09-19\t04:00:{}\tFRA2-C1\t2390\t{client}\tGET\td1.cloudfront.net\t/a%20b\t200\t-\tMozilla/5.0%20(X11)\tq=1\t-\tHit\t4T==\texample.com\thttps\t23\t0.001\t-\tTLSv1.3\tTLS\tHit\tHTTP/2.0\t-\t-",
            two(second)
        )
    });
    let fields = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields\n";
    let iis = lines(&|second, client| {
        format!(
            "2025-09-19 04:00:{} 10.0.0.1 GET /default.aspx a=b 443 - {client} Mozilla/5.0+(Windows) - 200 0 0 15",
            two(second)
        )
    });
    let har_entry = |second: u32, client: &str| {
        format!(
            "{{\n\"startedDateTime\": \"2025-09-19T06:00:{}.000+02:00\", \"time\": 12.5, \"request\": {{\"method\": \"GET\", \"url\": \"https://api.example.com/a?b=c\", \"httpVersion\": \"h2\", \"headers\": [{{\"name\": \"X-Client\", \"value\": \"{client}\"}}], \"queryString\": [], \"bodySize\": 0}}, \"response\": {{\"status\": 200, \"content\": {{\"text\": \"{{}}\"}}}}, \"cache\": {{}}, \"timings\": {{}}}}",
            two(second)
        )
    };
    let har = |start: &str, end: &str| {
        let entries: Vec<String> = requests
            .iter()
            .map(|(second, client)| har_entry(*second, client))
            .collect();
        format!("{start}{}{end}", entries.join(", "))
    };
    let agent =
        r#""GET /a HTTP/1.1" 200 512 "https://example.com/?q=[x]" "Mozilla/5.0 (\"odd\" one)""#;
    let place = Place::new();
    for (name, log, more) in [
        (
            "common",
            access("CLIENT - -", r#""GET /a HTTP/1.0" 200 512"#),
            &[][..],
        ),
        ("dashes", access("CLIENT - -", r#""-" 408 -"#), &[]),
        ("combined", access("CLIENT - ann", agent), &[]),
        (
            "a user with a blank",
            access("CLIENT - ann lee", agent),
            &[],
        ),
        (
            "vhost",
            access("www.example.com:443 CLIENT - -", agent),
            &[],
        ),
        (
            "vhost without port",
            access("www.example.com CLIENT - -", agent),
            &[],
        ),
        (
            "request time",
            access("CLIENT - -", &format!("{agent} 0.012 0.011 .")),
            &[],
        ),
        (
            "named times",
            access("CLIENT - -", &format!("{agent} rt=0.012 uct=\"0.000\"")),
            &[],
        ),
        (
            "forwarded",
            access("CLIENT, 10.0.0.1 - -", &format!("{agent} \"CLIENT\"")),
            &[],
        ),
        (
            "garbage",
            access("CLIENT - -", r#""\x16\x03\x01" 400 157 "-" "-""#),
            &[],
        ),
        (
            "forwarded as key",
            access("10.0.0.1 - -", &format!("{agent} \"CLIENT\"")),
            &["--key", "header:X-Forwarded-For"],
        ),
        (
            "user as key",
            access("10.0.0.1 - CLIENT", agent),
            &["--key", "user"],
        ),
        (
            "query as key",
            access(
                "10.0.0.1 - -",
                "\"GET /a?x=1&api_key=CLIENT HTTP/1.1\" 200 5",
            ),
            &["--key", "query:api_key"],
        ),
        ("alb", alb("https"), &[]),
        ("alb, h2", alb("h2"), &[]),
        ("cloudfront", format!("{fields}{cloud_front}"), &[]),
        ("cloudfront without header", cloud_front.clone(), &[]),
        (
            "two cloudfront files",
            format!("{fields}{fields}{cloud_front}"),
            &[],
        ),
        (
            "iis",
            format!(
                "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n{iis}"
            ),
            &[],
        ),
        (
            "json",
            json(r#"{"time":"TIME","client_ip":"CLIENT","status":200}"#),
            &[],
        ),
        (
            "json seconds",
            json(r#"{"ts":SECONDS,"remote_addr":"CLIENT"}"#),
            &[],
        ),
        (
            "json millis",
            json(r#"{"level":30,"time":MILLIS,"ip":"CLIENT","msg":"a \"b\" \u00e9"}"#),
            &[],
        ),
        (
            "json nanos",
            json(r#"{"timestamp":NANOS,"ip":"CLIENT"}"#),
            &[],
        ),
        (
            "json, caddy",
            json(
                r#"{"level":"info","ts":SECONDS.0,"request":{"remote_ip":"CLIENT","method":"GET","uri":"/a?b=c","headers":{"User-Agent":["x"],"Date":["today"]}},"duration":0.001,"status":200}"#,
            ),
            &[],
        ),
        (
            "json, ecs",
            json(
                r#"{"@timestamp":"TIME","source.ip":"CLIENT","http":{"request":{"method":"GET"},"response":{"status_code":200}}}"#,
            ),
            &[],
        ),
        (
            "json, nginx",
            json(
                r#"{"time_local":"LOCAL","remote_addr":"CLIENT","request":"GET /a HTTP/1.1","status":"200","request_time":"0.005"}"#,
            ),
            &[],
        ),
        (
            "json, api gateway",
            json(
                r#"{"requestId":"x","ip":"CLIENT","requestTime":"LOCAL","httpMethod":"GET","status":"200"}"#,
            ),
            &[],
        ),
        (
            "json, nested key",
            json(r#"{"time":"TIME","user":{"id":"CLIENT","name":"n"},"ip":"::1"}"#),
            &["--key", "json:user.id"],
        ),
        (
            "json, header",
            json(r#"{"time":"TIME","request":{"headers":{"X-Api-Key":["CLIENT"]}}}"#),
            &["--key", "header:x-api-key"],
        ),
        (
            "json, chosen time",
            json(r#"{"when":{"at_all":"TIME"},"time":5,"ip":"CLIENT"}"#),
            &["--time", "when.at_all"],
        ),
        (
            "csv",
            lines(&|second, client| format!("2025-09-19T04:00:{}Z,{client}", two(second))),
            &[],
        ),
        (
            "csv, local",
            format!(
                "when,who\n{}",
                lines(&|second, client| format!("2025-09-19 06:00:{},{client}", two(second)))
            ),
            &["--time", "when", "--key", "who", "--zone", "Europe/Paris"],
        ),
        (
            "har",
            har(
                "{\n \"log\": {\"version\": \"1.2\", \"creator\": {\"name\": \"a\", \"version\": \"1\"}, \"pages\": [{\"startedDateTime\": \"x\"}],\n\"entries\": [",
                "]}}\n",
            ),
            &["--key", "header:x-client"],
        ),
        (
            "har on one line",
            har("{\"log\":{\"version\":\"1.2\",\"entries\":[", "]}}").replace('\n', ""),
            &["--key", "header:X-Client"],
        ),
        (
            "har with bodies",
            har("{\"log\":{\"comment\":\"", "]}}").replacen(
                "comment\":\"",
                &format!("comment\":\"{}\",\"entries\":[", "x".repeat(3_000_000)),
                1,
            ),
            &["--key", "header:X-Client"],
        ),
    ] {
        let log = named(&log, &requests);
        for (end, mark) in [("\n", ""), ("\r\n", "\u{feff}"), ("\r", "")] {
            let log = format!("{mark}{}", log.replace('\n', end));
            let done = replay(&place, &log, more).exits(0);
            let found: Vec<String> = judged(&done)
                .lines()
                .map(|line| line.split_once(' ').unwrap().1.to_owned())
                .collect();
            assert_eq!(found.join("|"), FIVE, "{name}, {end:?}\n{}", done.err);
            assert!(!done.err.contains("out of order"), "{name}: {}", done.err);
        }
    }
}

/// Puts the client where lines ask for one behind the time.
fn named(log: &str, requests: &[(u32, &str)]) -> String {
    if !log.contains("CLIENT") {
        return log.to_owned();
    }
    let lines = log.lines().zip(requests);
    lines
        .map(|(line, (_, client))| line.replace("CLIENT", client) + "\n")
        .collect()
}

const ACCESS: &str = r#"192.0.2.1 - - [19/Sep/2025:04:00:01 +0000] "GET /a HTTP/1.1" 200 5
192.0.2.1 - - [19/Sep/2025:04:00:04 +0000] "GET /b HTTP/1.1" 200 5
192.0.2.2 - - [19/Sep/2025:04:00:02 +0000] "GET /c HTTP/1.1" 429 5
192.0.2.1 - - [19/Sep/2025:04:00:02 +0000] "GET /d HTTP/1.1" 200 5
192.0.2.1 - - [19/Sep/2025:04:00:04 +0000] "GET /e HTTP/1.1" 200 5
"#;

#[test]
fn slight_disorder_is_put_right_and_said() {
    let place = Place::new();
    let done = replay(&place, ACCESS, &[]).exits(0);
    assert_eq!(
        judged(&done),
        "1 1 192.0.2.1 A\n3 2 192.0.2.2 A\n4 2 192.0.2.1 A\n2 4 192.0.2.1 R\n5 4 192.0.2.1 R\n"
    );
    assert!(
        done.err.contains("2 lines were out of order"),
        "{}",
        done.err
    );
    assert_eq!(replay(&place, ACCESS, &["--quiet"]).err, "");
    // Beyond the slack it is an error of that line, after all before it.
    let done = replay(&place, ACCESS, &["--slack", "1s"]).exits(2);
    assert_eq!(judged(&done), "1 1 192.0.2.1 A\n2 4 192.0.2.1 A\n");
    for part in [
        "line 3: the time",
        "is 2s before that of line 2",
        "help: --slack 2s",
    ] {
        assert!(done.err.contains(part), "{part} in {}", done.err);
    }
    let done = replay(&place, ACCESS, &["--slack", "1s", "--skip-bad"]).exits(0);
    assert_eq!(judged(&done).lines().count(), 3);
    assert!(
        done.err
            .contains("2 lines were left out; the first: line 3:"),
        "{}",
        done.err
    );
}

#[test]
fn lines_that_are_wrong() {
    let place = Place::new();
    let first = ACCESS.lines().next().unwrap();
    let json = "{\"time\":1,\"user\":\"ann\"}\n";
    let alb = "http 2025-09-19T04:00:01Z app/a/1 192.0.2.1:1 - -1 -1 -1 503 - 1 1 \"GET http://h:80/ HTTP/1.1\" \"-\" - -\n";
    for (log, more, judged_before, parts) in [
        (
            format!("{first}\nGET /a HTTP/1.1 200\n{first}\n"),
            &[][..],
            1,
            &["line 2: \"GET /a HTTP/1.1 200\" cannot be read as a log of nginx or Apache; expected 192.0.2.1 - - [", "help: --skip-bad"][..],
        ),
        (
            format!("{first}\n{json}{first}\n"),
            &[],
            1,
            &["line 2", "it looks like JSON lines", "help: --log json"],
        ),
        (
            format!("{first}\n{}\n", first.replace("19/Sep", "31/Feb")),
            &[],
            1,
            &["line 2: the time \"31/Feb/2025:04:00:01 +0000\" is not a time"],
        ),
        (
            first.replace(" +0000", "") + "\n",
            &[],
            0,
            &["line 1: the time \"19/Sep/2025:04:00:01\" has no offset from UTC", "help: --zone says"],
        ),
        (
            format!("{first}\n"),
            &["--key", "usr"],
            0,
            &["there is no field \"usr\"; known here are \"client\"", "did you mean \"user\"?"],
        ),
        (
            format!("{json}{{\"time\":2,\"user\":}}\n{json}"),
            &[],
            1,
            &["line 2", "expected one JSON object such as"],
        ),
        (
            format!("{json}{{\"tme\":2}}\n"),
            &[],
            1,
            &["line 2: none of the fields \"time\", \"user\" is a time", "help: choose one with --time"],
        ),
        (
            json.replace("time\":1", "time\":\"noon\""),
            &[],
            0,
            &["line 1: the time \"noon\" is not a time"],
        ),
        (
            json.to_owned(),
            &["--key", "usr"],
            1,
            &["there is no field \"usr\"; known here are \"time\", \"user\"; did you mean \"user\"?"],
        ),
        (
            format!("{first}\n{first}\n"),
            &["--key", "header:x-api-key"],
            2,
            &["line 2, the last: neither it nor any before it has a key \"header:x-api-key\""],
        ),
        (
            "Sep 19 04:00:00 host app: hello\n".to_owned(),
            &[],
            0,
            &["line 1: the header has no time column", "--log access, json, alb, cloudfront or har"],
        ),
        (
            "[{\"time\":1}]\n".to_owned(),
            &[],
            0,
            &["line 1", "expected one JSON object such as"],
        ),
        (
            format!("{alb}http 2025-09-19T04:00:01Z app/a\n{alb}"),
            &[],
            1,
            &["line 2", "a log of an AWS load balancer; expected http 2025-"],
        ),
        (
            "#Fields: date time c-ip\n2025-09-19 04:00:01 ::1\n2025-09-19\n2025-09-19 04:00:01 ::1\n".to_owned(),
            &[],
            1,
            &["line 3: \"2025-09-19\" cannot be read as a log of CloudFront"],
        ),
        (
            "{\"log\":{\"version\":\"1.2\",\n\"entries\":[\n{\"startedDateTime\":\"noon\",\n\"request\":{\"method\":\"GET\",\"url\":\"/\"}}]}}".to_owned(),
            &[],
            0,
            &["entry 1: the time \"noon\" is not a time", "line 4"],
        ),
        (
            "{\n\"time\": 1\n}\n".to_owned(),
            &[],
            0,
            &["line 1: there is no log.entries", "JSON lines: one object per line"],
        ),
        (
            format!("{}{}", "\u{1f}", "x"),
            &["--log", "har"],
            0,
            &["line 1", "expected a JSON document with log.entries"],
        ),
        (
            format!("{first} {}\n", "x".repeat(2_000_000)),
            &[],
            0,
            &["line 1: longer than 1 MB"],
        ),
    ] {
        let done = replay(&place, &log, more).exits(2);
        let count = done.out.lines().count().saturating_sub(1);
        assert_eq!(count, judged_before, "{}\n{}", done.out, done.err);
        for part in parts {
            assert!(done.err.contains(part), "{part} in {}", done.err);
        }
        assert!(done.err.len() < 900, "{}", done.err);
    }
    let done = place
        .ratelab(&[
            "replay",
            "--suggest",
            "--trace",
            "none.log",
            "--log",
            "nginxx",
        ])
        .exits(2);
    assert!(done.err.contains("access"), "{}", done.err);
}

#[test]
fn compressed_logs_are_known_as_such() {
    let place = Place::new();
    for (start, by, tool) in [
        (&b"\x28\xb5\x2f\xfdabc\n"[..], "zstd", "zstdcat"),
        (b"\xfd7zXZ\x00abc\n", "xz", "xzcat"),
    ] {
        place.write("log", start);
        let done = place.ratelab(&["replay", "--limiter", LIMITER, "--trace", "log"]);
        let done = done.exits(2);
        assert!(
            done.err.contains(&format!("compressed with {by}")),
            "{}",
            done.err
        );
        assert!(done.err.contains(tool), "{}", done.err);
    }
}

#[test]
fn files_compressed_by_gzip_are_read_as_they_are() {
    let place = Place::new();
    let run = |name: &str| place.ratelab(&["replay", "--limiter", LIMITER, "--trace", name]);
    place.write("log", ACCESS);
    // Two members one behind the other, as `cat` makes them of two files.
    let (first, second) = ACCESS.split_at(ACCESS.find('\n').unwrap() + 1);
    let packed = [first, second].map(|text| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap()
    });
    let packed = packed.concat();
    place.write("log.gz", &packed);
    let (plain, unpacked) = (run("log").exits(0), run("log.gz").exits(0));
    assert_eq!(plain.out, unpacked.out);
    assert_eq!(plain.err, unpacked.err);
    // One that was cut is an error, and says where.
    place.write("cut.gz", &packed[..packed.len() - 12]);
    let done = run("cut.gz").exits(2);
    assert!(
        done.err.contains("the input cannot be read"),
        "{}",
        done.err
    );
}

#[test]
fn a_last_line_that_is_cut_is_left_out() {
    let place = Place::new();
    for (log, cut) in [
        (ACCESS.to_owned(), "192.0.2.1 - - [19/Sep/2025:04:0"),
        (
            ACCESS.to_owned(),
            "192.0.2.1 - - [19/Sep/2025:04:00:09 +0000] \"GET /a HT",
        ),
        ("{\"time\":1}\n".repeat(5), "{\"time\":2,\"us"),
    ] {
        let done = replay(&place, &(log + cut), &[]).exits(0);
        assert_eq!(records(&done.out).len(), 5);
        assert!(
            done.err.contains("line 6, the last, is cut off"),
            "{}",
            done.err
        );
    }
    // Of a log that is nothing else it is an error.
    let done = replay(&place, "{\"time\":2,\"user\":\"ann", &[]).exits(2);
    assert!(done.err.contains("line 1"), "{}", done.err);
}

#[test]
fn bad_lines_are_left_out_on_request() {
    let place = Place::new();
    let log = ACCESS.replace("192.0.2.2 - -", "broken");
    let broken = log.replace("[19/Sep/2025:04:00:02 +0000] \"GET /c", "\"GET /c");
    let done = replay(&place, &broken, &["--skip-bad"]).exits(0);
    assert_eq!(records(&done.out).len(), 4);
    assert!(
        done.err
            .contains("1 lines were left out; the first: line 3: \"broken"),
        "{}",
        done.err
    );
    // But not all of them.
    let done = replay(&place, "time,cost\n1,x\n", &["--skip-bad"]).exits(2);
    assert!(done.err.contains("line 2, column \"cost\""), "{}", done.err);
}

#[test]
fn methods_and_costs_of_a_limit_are_those_of_the_log() {
    let place = Place::new();
    let log = r#"{"time":1,"user":"a","method":"GET","path":"/api/list?page=1"}
{"time":1,"user":"a","method":"POST","path":"/api/set"}
{"time":1,"user":"a","method":"POST","path":"/api/set"}
{"time":1,"user":"a","method":"GET","path":"/api/list"}
"#;
    let csv = "time,user,method,url\n1,a,GET,https://h/api/list?page=1\n1,a,POST,/api/set\n1,a,POST,/api/set\n1,a,GET,/api/list\n";
    for log in [log, csv] {
        for (more, expected) in [
            ("methods: [\"set\"]", "AARA"),
            ("methods: [\"POST /api/set\"]", "AARA"),
            ("methods: [\"GET\"]", "AAAR"),
            ("costs: {\"/api/*\": 2}", "RRRR"),
            ("costs: {\"/api/list\": 2}", "RARR"),
        ] {
            let limiter = format!(
                "Limit(name: \"l\", per: [User], by: FixedWindow(quota: Fixed(1), window: \"10s\"), {more})"
            );
            let arguments = [
                "replay",
                "--limiter",
                &limiter,
                "--trace",
                "-",
                "--format",
                "csv",
            ];
            let done = place.ratelab_with_input(&arguments, log).exits(0);
            let letters: String = judged(&done)
                .lines()
                .map(|line| line.chars().last().unwrap())
                .collect();
            assert_eq!(letters, expected, "{more}");
        }
    }
    let limiter = r#"Limit(name: "l", by: Gcra(rate: "1/s", burst: 1), methods: ["set"])"#;
    let arguments = ["replay", "--limiter", limiter, "--trace", "-"];
    let done = place.ratelab_with_input(&arguments, "1\n1\n").exits(0);
    assert!(
        done.err.contains("of 2 requests the log tells no method"),
        "{}",
        done.err
    );
    let kinds = r#"Limit(name: "l", by: Gcra(rate: "1/s", burst: 1), kinds: ["valve"])"#;
    let done = place.ratelab_with_input(&["replay", "--limiter", kinds, "--trace", "-"], "1\n");
    assert!(done.exits(2).err.contains("nothing of kinds"), "kinds");
}

#[test]
fn what_was_really_refused_is_told_beside() {
    let place = Place::new();
    let text = place.ratelab_with_input(
        &["replay", "--limiter", LIMITER, "--trace", "-", "--summary"],
        ACCESS,
    );
    let text = text.exits(0).out;
    assert!(
        text.contains("in the log itself 1 of 5 (20.00 %) have the status 429"),
        "{text}"
    );
    assert!(text.contains("192.0.2.1: 2 of 4 (50.00 %)"), "{text}");
    let document = place
        .ratelab_with_input(
            &[
                "replay",
                "--limiter",
                LIMITER,
                "--trace",
                "-",
                "--format",
                "json",
            ],
            ACCESS,
        )
        .exits(0)
        .json();
    let log = &document["log"];
    assert_eq!(
        (&log["format"], &log["status_429"]),
        (&"access".into(), &1.into())
    );
    assert_eq!(log["out_of_order"], 2);
}

/// Whoever watches a log sees each decision as it is made.
#[test]
fn rows_appear_as_they_are_decided() {
    let place = Place::new();
    for format in ["text", "csv", "json"] {
        let mut child = place
            .command(&[
                "replay",
                "--limiter",
                LIMITER,
                "--trace",
                "-",
                "--format",
                format,
            ])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            for line in stdout.lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        // The end of a line of JSON comes with the next.
        for number in 0..3 {
            stdin
                .write_all(format!("{number},ann\n").as_bytes())
                .unwrap();
            stdin.flush().unwrap();
            if format == "json" {
                continue;
            }
            let found = loop {
                let line = lines.recv_timeout(Duration::from_secs(60)).unwrap();
                if line.contains("ann") {
                    break line;
                }
            };
            let decision = if number < 2 { "admit" } else { "refuse" };
            assert!(found.contains(decision), "{found}");
        }
        drop(stdin);
        reader.join().unwrap();
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_reader_that_leaves_ends_the_replay() {
    let place = Place::new();
    let mut child = place
        .command(&[
            "replay",
            "--limiter",
            LIMITER,
            "--trace",
            "-",
            "--format",
            "csv",
        ])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    for number in 0..200 {
        // It fails once the program has ended.
        if stdin
            .write_all(format!("{number},ann\n").as_bytes())
            .is_err()
        {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The words of a command line as a shell would split it.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (place, part) in line.split('\'').enumerate() {
        match place % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// What README and the book show of logs in this repository works from a clone.
#[test]
fn examples_run_as_written() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut run = 0;
    for page in [
        "README.md",
        "book/src/replay.md",
        "book/src/same-arrivals.md",
    ] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        for line in text.lines() {
            let rest = line
                .strip_prefix("cargo run --release -- replay")
                .or(line.strip_prefix("$ ratelab replay"));
            let Some(rest) = rest.filter(|rest| rest.contains("scenarios/") || page == "README.md")
            else {
                continue;
            };
            let mut command = Place::new().command(&["replay"]);
            let done: Done = (command.args(words(rest)).current_dir(root))
                .output()
                .unwrap()
                .into();
            let done = done.exits(0);
            assert!(done.out.lines().count() > 5, "{line}\n{}", done.out);
            run += 1;
        }
    }
    assert!(run >= 5, "{run}");
}
