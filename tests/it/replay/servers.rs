//! A log through all the stages of a scenario's server.

use crate::support::Place;

/// A scenario with these stages; `more` is put after them.
fn scenario(stages: &str, more: &str) -> String {
    format!(
        r#"Scenario(name: "s", time: (length: "1min"),
            cohorts: {{"a": (homes: 1, client: "c", devices: [(kind: "valve", count: Exactly(1))])}},
            clients: {{"c": (requests: [(method: "get", rate: "1/s"), (method: "set", rate: "1/s")])}},
            server: (stages: [{stages}]{more}))"#
    )
}

const TWO: &str = r#"
    Gate(permits: 1, max_wait: "300ms", refuse: (status: 503, code: 11)),
    Limit(name: "app", per: [App], by: FixedWindow(quota: Fixed(3), window: "10s"),
          refuse: (code: 26, retry_after: Exact)),
    Limit(name: "user", per: [App, User], by: FixedWindow(quota: Fixed(2), window: "10s"),
          refuse: (retry_after: Fixed("7s")))"#;

struct Case {
    what: &'static str,
    stages: &'static str,
    more: &'static str,
    columns: &'static [&'static str],
    /// Rows of the log after its header.
    header: &'static str,
    /// Each row with its decision, stage, status, code, delay and Retry-After.
    rows: &'static [(&'static str, &'static str)],
}

#[test]
fn logs_against_counts_by_hand() {
    let cases = [
        Case {
            what: "a gate before two limits",
            stages: TWO,
            more: "",
            columns: &[],
            header: "time_ms,app,user,duration_ms",
            rows: &[
                ("1000,x,ann,200", "admit,,,,,"),
                // Waits for the one before.
                ("1100,x,ann,200", "delay,gate,,,0.1,"),
                // The third of its user; it leaves its permit at once.
                ("1450,x,ann,900", "refuse,user,429,,,7"),
                // The app has spent its three, the one refused behind included.
                ("1500,x,bob,900", "refuse,app,429,26,,9"),
                ("2000,y,ann,500", "admit,,,,,"),
                // 300 ms are too short to wait.
                ("2100,y,bob,500", "refuse,gate,503,11,,"),
                ("2300,y,bob,0", "delay,gate,,,0.2,"),
                ("10000,x,ann,0", "admit,,,,,"),
            ],
        },
        Case {
            what: "what a later stage refuses is given back",
            stages: TWO,
            more: ", refused_by_later: Returned",
            columns: &["app=-"],
            header: "time,user,duration",
            rows: &[
                ("1,ann,0", "admit,,,,,"),
                ("1,ann,0", "admit,,,,,"),
                ("1,ann,0", "refuse,user,429,,,7"),
                ("1,bob,0", "admit,,,,,"),
                ("1,bob,0", "refuse,app,429,26,,9"),
            ],
        },
        Case {
            what: "methods, costs, devices and kinds",
            stages: r#"
                Limit(name: "sets", per: [User], methods: ["set"], costs: {"set": 2},
                      by: FixedWindow(quota: Fixed(5), window: "10s")),
                Limit(name: "valves", per: [Device], kinds: ["valve"],
                      by: FixedWindow(quota: Fixed(1), window: "10s"))"#,
            more: "",
            columns: &["user=who", "kind=kind"],
            header: "time,who,method,device,kind",
            rows: &[
                ("1,ann,POST /set,,", "admit,,,,,"),
                ("1,ann,POST /set,d1,valve", "admit,,,,,"),
                ("1,ann,POST /set,d2,valve", "refuse,sets,429,,,"),
                ("1,ann,GET /get,d1,valve", "refuse,valves,429,,,"),
                ("1,ann,GET /get,d1,lamp", "admit,,,,,"),
                ("1,ann,GET /get,,valve", "admit,,,,,"),
                ("1,bob,GET /get,d2,valve", "admit,,,,,"),
            ],
        },
        Case {
            what: "a cost counts at limits and in permits",
            stages: r#"Gate(permits: 3), Limit(name: "all", by: TokenBucket(rate: "1/s", burst: 4))"#,
            more: "",
            columns: &[],
            header: "time,key,cost,duration",
            rows: &[
                ("0,a,2,10", "admit,,,,,"),
                ("0,a,2,10", "refuse,gate,429,,,"),
                ("0,a,0,10", "admit,,,,,"),
                ("0,a,1,0", "admit,,,,,"),
                ("20,a,5,0", "refuse,gate,429,,,"),
                ("20,a,3,0", "admit,,,,,"),
                ("20,a,3,0", "refuse,all,429,,,"),
            ],
        },
    ];
    for case in cases {
        let place = Place::new();
        place.write("s.ron", scenario(case.stages, case.more));
        let log: String = case
            .rows
            .iter()
            .map(|(row, _)| format!("{row}\n"))
            .collect();
        place.write("log.csv", format!("{}\n{log}", case.header));
        let mut all = vec![
            "replay",
            "--scenario",
            "s.ron",
            "--trace",
            "log.csv",
            "--quiet",
        ];
        all.extend(case.columns.iter().flat_map(|column| ["--column", column]));
        let csv = [&all[..], &["--format", "csv"]].concat();
        let out = place.ratelab(&csv).exits(0).out;
        let told: Vec<String> = (out.lines().skip(1))
            .map(|line| {
                let cells: Vec<&str> = line.split(',').collect();
                [4, 5, 6, 7, 8, 11].map(|place| cells[place]).join(",")
            })
            .collect();
        let expected: Vec<&str> = case.rows.iter().map(|(_, expected)| *expected).collect();
        assert_eq!(told, expected, "{}", case.what);

        // The document tells the same, and its stages add up.
        let json = [&all[..], &["--format", "json"]].concat();
        let document = place.ratelab(&json).exits(0).json();
        for (decision, line) in document["decisions"].as_array().unwrap().iter().zip(&told) {
            let verdict = &decision["verdicts"][0];
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(verdict["decision"], cells[0]);
            assert_eq!(verdict["stage"].as_str().unwrap_or(""), cells[1]);
            let status = verdict["status"]
                .as_u64()
                .map_or(String::new(), |it| it.to_string());
            assert_eq!(status, cells[2], "{}", case.what);
        }
        let summary = &document["summaries"][0];
        let stages = summary["stages"].as_array().unwrap();
        let refused = |name: &str| {
            told.iter()
                .filter(|it| it.starts_with(&format!("refuse,{name},")))
                .count()
        };
        for stage in stages {
            let name = stage["stage"].as_str().unwrap();
            assert_eq!(stage["refused"], refused(name), "{}: {name}", case.what);
        }
        let sum: u64 = stages
            .iter()
            .map(|stage| stage["refused"].as_u64().unwrap())
            .sum();
        assert_eq!(summary["refused"], sum);
        // And so does the table of stages in CSV.
        let sums = place
            .ratelab(&[&csv[..], &["--summary"]].concat())
            .exits(0)
            .out;
        let last = sums.lines().last().unwrap();
        assert!(
            last.starts_with(&format!(",,{},", told.len())) && last.ends_with(&format!(",{sum}")),
            "{sums}"
        );
    }
}

#[test]
fn quotas_by_users_and_devices_count_those_of_the_log() {
    let place = Place::new();
    let all = [
        "replay",
        "--scenario",
        "s.ron",
        "--format",
        "csv",
        "--trace",
    ];
    // Two behind x, which may make four; one behind y, which may make two. A
    // request that concerns no device counts for none.
    let users = [
        "x,ann", "y,eve", "x,ann", "x,ann", "x,ann", "x,bob", "y,eve", "y,eve",
    ];
    let devices = ["x,d1", "y,d7", "x,", "x,d2", "x,d1", "x,d1", "y,", "y,d7"];
    for (field, quota, whose) in [
        ("user", "PerUser(each: 2)", users),
        ("device", "PerDevice(each: 2)", devices),
    ] {
        let limit = format!(
            r#"Limit(name: "app", per: [App], by: FixedWindow(quota: {quota}, window: "1min"))"#
        );
        place.write("s.ron", scenario(&limit, ""));
        let rows: String = whose.map(|row| format!("1,{row}\n")).concat();
        let log = format!("time,app,{field}\n{rows}");
        place.write("log.csv", &log);
        let done = place.ratelab(&[&all[..], &["log.csv"]].concat()).exits(0);
        let letters: Vec<&str> = (done.out.lines().skip(1))
            .map(|line| line.split(',').nth(4).unwrap())
            .collect();
        let (a, r) = ("admit", "refuse");
        assert_eq!(letters, [a, a, a, a, a, r, a, r], "{field}");
        let done = place
            .ratelab_with_input(&[&all[..], &["-"]].concat(), &log)
            .exits(2);
        assert!(
            done.err.contains("the log is read twice; expected a file"),
            "{}",
            done.err
        );
    }
}

#[test]
fn a_service_time_is_drawn_where_the_log_tells_no_duration() {
    let place = Place::new();
    let more =
        r#", backend: (service: Constant("5s"), service_by_method: {"set": Constant("1s")})"#;
    place.write("s.ron", scenario("Gate(permits: 1)", more));
    let log = "time,duration,method\n0,,get\n4,,get\n5,,set\n6,2,set\n7,,set\n8,,set\n";
    let all = [
        "replay",
        "--scenario",
        "s.ron",
        "--format",
        "csv",
        "--trace",
        "-",
    ];
    let done = place.ratelab_with_input(&all, log).exits(0);
    let letters: String = (done.out.lines().skip(1))
        .map(|line| line.split(',').nth(4).unwrap()[..1].to_owned())
        .collect();
    assert_eq!(letters, "araara");
    assert!(
        done.err.contains("of 5 requests the log tells no duration"),
        "{}",
        done.err
    );
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let place = Place::new();
    place.write("s.ron", scenario(TWO, ""));
    let json = r#"{"time":1,"user":"ann","application_id":"x"}"#;
    let access = r#"192.0.2.1 - ann [19/Sep/2025:04:00:00 +0000] "GET / HTTP/1.1" 200 5"#;
    for (log, more, expected) in [
        (
            "time,user,apps\n1,ann,x\n",
            &[][..],
            r#"line 1: there is no field for the app, but the stage "app" counts per app; there are "time", "user", "apps"; did you mean "apps"?"#,
        ),
        (
            "time,user,apps\n1,ann,x\n",
            &[],
            "help: choose one with --column app=FIELD, or say --column app=- ",
        ),
        (
            "1,ann\n",
            &[],
            r#"there are "time", "key", "cost", "duration""#,
        ),
        (
            json,
            &[],
            r#"there is no field for the app, but the stage "app" counts per app; there are "time", "user", "application_id""#,
        ),
        (access, &[], "there is no field for the app"),
        (
            access,
            &["--column", "app=header"],
            "there is no field for the app",
        ),
        (
            "time,user\n1,ann\n",
            &["--column", "apps=user"],
            r#""apps" is no scope; expected app, user, token, nat, home, device, kind; did you mean app?"#,
        ),
        (
            "time,user\n1,ann\n",
            &["--column", "app"],
            "expected SCOPE=FIELD",
        ),
        (
            "time,user\n1,ann\n",
            &["--limiter", "Gate(permits: 1)"],
            "cannot be used with",
        ),
        ("time,user\n1,ann\n", &["--set", "server.stage=1"], "stages"),
    ] {
        let all = ["replay", "--scenario", "s.ron", "--trace", "-"];
        let done = place
            .ratelab_with_input(&[&all[..], more].concat(), log)
            .exits(2);
        assert!(done.err.contains(expected), "{log} {more:?}\n{}", done.err);
        // Of JSON a later line may have the field.
        let decided = done.out.contains("admit");
        assert_eq!(decided, log == json, "{}", done.out);
    }
    for (log, more) in [
        (json, &["--column", "app=json:application_id"][..]),
        (access, &["--column", "app=-"]),
        ("1,ann\n", &["--column", "app=-", "--column", "user=key"]),
    ] {
        let all = [
            "replay",
            "--scenario",
            "s.ron",
            "--trace",
            "-",
            "--format",
            "csv",
            "--quiet",
        ];
        let done = place
            .ratelab_with_input(&[&all[..], more].concat(), log)
            .exits(0);
        assert_eq!(done.out.lines().count(), 2, "{}", done.out);
    }
}

#[test]
fn the_example_of_the_book_is_what_the_program_prints() {
    let page = include_str!("../../../book/src/replay.md");
    let (_, after) = page.split_once("## Through a whole server").unwrap();
    let command = after
        .split_once("$ ratelab ")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap();
    let table = after
        .split_once("<!-- stages of the replay -->\n```text\n")
        .unwrap()
        .1;
    let table = table.split_once("```").unwrap().0;
    let place = Place::new();
    let log = include_str!("../../../scenarios/access.log");
    place.write("access.log", log);
    let command = command.replace("scenarios/access.log", "access.log");
    let words: Vec<&str> = command.split_whitespace().collect();
    let out = place.ratelab(&words).exits(0).out;
    let found: Vec<&str> = out.lines().map(str::trim_end).collect();
    let expected: Vec<&str> = table.lines().collect();
    assert!(
        found.ends_with(&[&expected[..], &[""]].concat()) || found.ends_with(&expected),
        "{out}"
    );
}
