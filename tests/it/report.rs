//! What people and other programs read: the table, the page, the charts and
//! the files.

use indoc::indoc;
use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Done, Place, SMALL, replaced};

fn run(place: &Place, text: &str, arguments: &[&str]) -> Done {
    place.write("s.ron", text);
    place.ratelab(&[&["run", "s.ron"], arguments].concat())
}

/// One client and one that it is refused: small enough to be counted.
const COUNTED: &str = r#"Scenario(
    name: "counted",
    time: (length: "10min", windows: ["00:05..00:06"]),
    cohorts: {"homes": (homes: 4, client: "c", devices: [(kind: "valve", count: Exactly(1))])},
    clients: {"c": (
        commands: [(method: "set", at: Daily(time: "00:05"), deadline: "1min")],
        retry: "none",
    )},
    server: (
        stages: [Limit(name: "two", by: FixedWindow(quota: Fixed(2), window: "1min"))],
        backend: (service: Constant("1s")),
    ),
    retries: {"later": Fixed(wait: "2min", attempts: 2)},
    targets: ["p429.attempt in 00:05..00:06 of \"homes\" <= 30%"],
    study: (replications: 3, vary: {"clients.c.retry": ["none", "later"]}),
)"#;

#[test]
fn the_table_reads_well() {
    let place = Place::new();
    place.write("s.ron", COUNTED);
    let table = |columns: &str| {
        let mut command = place.command(&["run", "s.ron", "--no-files", "--quiet"]);
        let done = Done::from(command.env("COLUMNS", columns).output().unwrap()).exits(3);
        assert_eq!(done.err, "");
        let (table, _) = done.out.rsplit_once("result hash").unwrap();
        table.trim_end().to_owned()
    };
    assert_eq!(
        table("100"),
        indoc!(
            r#"
    counted
    95 % intervals over 3 replications, seed 1

    clients.c.retry                                                                   none         later
    chance that an attempt gets a 429                                                 50 %        33.3 %
    chance that a request is given up                                                 50 %           0 %
    chance that a command is not done by its deadline                                 50 %          50 %
    chance that no success is heard by a command's deadline                           50 %          50 %
    half of all commands succeed within                                                1 s           1 s
    99 % of all commands succeed within                        more than 1 % never succeed      2.02 min
    half of the commands that succeed, do so within                                    1 s           1 s
    99 % of the commands that succeed, do so within                                    1 s      2.02 min
    attempts per request                                                                 1           1.5
    requests that succeed                                                        0.00333/s     0.00667/s
    times that a device is woken                                                    72/day       144/day
    chance that an account gets a 429 in the measured 10min                           50 %          50 %

    in 00:05..00:06
      chance that an attempt gets a 429                                               50 %        33.3 %
      chance that a command is not done by its deadline                               50 %          50 %

    of "homes"
      chance that an attempt gets a 429                                               50 %        33.3 %
      chance that a command is not done by its deadline                               50 %          50 %

    of all attempts
      refused by "two"                                                                50 %        33.3 %

    in 00:05..00:06 of "homes"
      chance that an attempt gets a 429                                               50 %        33.3 %
      chance that a command is not done by its deadline                               50 %          50 %

    difference from "none" in the same runs
      chance that an attempt gets a 429                                                  -  -16.7 points
      chance that a request is given up                                                  -    -50 points
      attempts per request                                                               -          +0.5
      requests that succeed                                                              -    +0.00333/s
      times that a device is woken                                                       -       +72/day

    difference from "none" in the same runs, in 00:05..00:06 of "homes"
      chance that an attempt gets a 429                                                  -  -16.7 points

    target p429.attempt in 00:05..00:06 of "homes" <= 30% (none): MISSED, at least 50 % at 95 %
    target p429.attempt in 00:05..00:06 of "homes" <= 30% (later): MISSED, at least 33.3 % at 95 %
    daily commands come at their time of day;"#
        )
    );
    assert_eq!(
        table("56"),
        indoc!(
            r#"
    counted
    95 % intervals over 3 replications, seed 1

    clients.c.retry                       none         later
    chance that an attempt gets           50 %        33.3 %
    a 429
    chance that a request is              50 %           0 %
    given up
    chance that a command is not          50 %          50 %
    done by its deadline
    chance that no success is             50 %          50 %
    heard by a command's
    deadline
    half of all commands succeed           1 s           1 s
    within
    99 % of all commands succeed     more than      2.02 min
    within                           1 % never
                                       succeed
    half of the commands that              1 s           1 s
    succeed, do so within
    99 % of the commands that              1 s      2.02 min
    succeed, do so within
    attempts per request                     1           1.5
    requests that succeed            0.00333/s     0.00667/s
    times that a device is woken        72/day       144/day
    chance that an account gets           50 %          50 %
    a 429 in the measured 10min

    in 00:05..00:06
      chance that an attempt              50 %        33.3 %
      gets a 429
      chance that a command is            50 %          50 %
      not done by its deadline

    of "homes"
      chance that an attempt              50 %        33.3 %
      gets a 429
      chance that a command is            50 %          50 %
      not done by its deadline

    of all attempts
      refused by "two"                    50 %        33.3 %

    in 00:05..00:06 of "homes"
      chance that an attempt              50 %        33.3 %
      gets a 429
      chance that a command is            50 %          50 %
      not done by its deadline

    difference from "none" in the same runs
      chance that an attempt                 -  -16.7 points
      gets a 429
      chance that a request is               -    -50 points
      given up
      attempts per request                   -          +0.5
      requests that succeed                  -    +0.00333/s
      times that a device is                 -       +72/day
      woken

    difference from "none" in the same runs, in 00:05..00:06
    of "homes"
      chance that an attempt                 -  -16.7 points
      gets a 429

    target p429.attempt in 00:05..00:06 of "homes" <= 30%
    (none): MISSED, at least 50 % at 95 %
    target p429.attempt in 00:05..00:06 of "homes" <= 30%
    (later): MISSED, at least 33.3 % at 95 %
    daily commands come at their time of day;"#
        )
    );
}

#[test]
fn no_line_is_wider_than_it_may_be() {
    let place = Place::new();
    let targets =
        "targets: [\"p429.attempt in 00:05..00:06 of \\\"valve homes\\\" <= 1%\"], server: (";
    let text = replaced(SMALL, "server: (", targets);
    let long = "a policy whose name is far longer than any column of a table may ever be, 漢字";
    let text = text.replace("\"soon\"", &format!("\"{long}\""));
    let vary = |permits: &str| {
        format!(
            "study.vary={{\"server.stages.gate.permits\": {permits}, \"clients.hub.retry\": [\"none\", \"{long}\"]}}"
        )
    };
    place.write("s.ron", &text);
    for columns in [20, 40, 61, 80, 100, 200] {
        for permits in ["[3]", "[2, 3]", "[1, 2, 3, 4]"] {
            let done = place
                .command(&["run", "s.ron", "--no-files", "-q", "--set", &vary(permits)])
                .env("COLUMNS", columns.to_string())
                .output()
                .unwrap();
            let out = Done::from(done).out;
            for line in out.lines() {
                // The letters of the name are twice as wide.
                let wide = line.chars().filter(|c| "漢字".contains(*c)).count();
                let width = line.chars().count() + wide;
                assert!(width <= columns, "{width} of {columns}: {line}\n{out}");
            }
            for words in ["p429.attempt", "deadline", "hash"] {
                let squeezed = |text: &str| text.split_whitespace().collect::<String>();
                assert!(
                    squeezed(&out).contains(&squeezed(words)),
                    "{words} in {out}"
                );
            }
        }
    }
    // Without either, a line has a hundred.
    let out = run(&place, &text, &["--no-files", "-q"]).out;
    let widest = out.lines().map(|line| line.chars().count()).max();
    assert!(widest.unwrap() <= 100 && widest.unwrap() > 80, "{out}");
}

#[test]
fn quiet_prints_the_result_and_nothing_else() {
    let place = Place::new();
    let loud = run(&place, SMALL, &["--out", "out"]).exits(0);
    let quiet = run(&place, SMALL, &["--out", "out", "--quiet"]).exits(0);
    let bare = run(&place, SMALL, &["--no-files", "--quiet"]).exits(0);
    assert_eq!(
        (quiet.out.as_str(), quiet.err.as_str()),
        (bare.out.as_str(), "")
    );
    assert!(loud.out.starts_with(&bare.out) && loud.out.contains("report.html"));
}

#[test]
fn the_page_has_what_the_terminal_has() {
    let place = Place::new();
    let set = ["--set", "name=<b>5 & more</b>", "--out", "out"];
    let table = run(&place, COUNTED, &set).exits(3).out;
    let page = place.read("out/report.html");
    for (words, wanted) in [
        ("the rows of the window", ">in 00:05..00:06</th>"),
        ("of the cohort", ">of &quot;homes&quot;</th>"),
        ("of the limit", ">refused by &quot;two&quot;</td>"),
        ("the varied path", "<th>clients.c.retry</th>"),
        ("the verdict", "class=\"missed\">MISSED"),
        ("the command", "ratelab run s.ron --set"),
        ("the scenario", "Limit(name: &quot;two&quot;"),
        (
            "a heading that is escaped",
            "<h1>&lt;b&gt;5 &amp; more&lt;/b&gt;</h1>",
        ),
        ("tables that scroll", ".wide{overflow-x:auto"),
        ("a dark mode", "@media(prefers-color-scheme:dark)"),
    ] {
        assert!(page.contains(wanted), "{words}: {wanted} in {page}");
    }
    assert!(!page.contains("<b>5"), "escaped");
    // Every number of the table, as it is written there.
    let numbers = |text: &str| -> BTreeSet<String> {
        let words = text
            .split(['<', '>', '\n'])
            .flat_map(|part| part.split("  "));
        let words = words.map(str::trim).filter(|word| word.ends_with(" %"));
        let bare = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        bare.map(str::to_owned).collect()
    };
    let shown = numbers(table.split("target").next().unwrap());
    assert!(shown.len() >= 3, "{shown:?}");
    assert!(shown.is_subset(&numbers(&page)), "{shown:?}");
    // Pictures in one page must not share the names of their parts.
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).collect();
    ids.iter_mut()
        .for_each(|id| *id = id.split('"').next().unwrap());
    let distinct: BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
}

/// The texts of a chart, in order.
fn texts(svg: &str) -> Vec<String> {
    let texts = svg.split("<text ").skip(1);
    texts
        .map(|text| {
            let text = text.split_once(">\n").unwrap().1;
            let text = text.split("\n</text>").next().unwrap();
            text.replace("&quot;", "\"")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
        })
        .collect()
}

#[test]
fn charts_say_what_they_do_not_draw_and_what_is_not_there() {
    let place = Place::new();
    let nine: Vec<String> = (1..=9).map(|seconds| format!("\"p{seconds}\"")).collect();
    let policies: String = (1..=9)
        .map(|seconds| format!("\"p{seconds}\": Fixed(wait: \"{seconds}s\", attempts: 3), "))
        .collect();
    let text = replaced(SMALL, "retries: {", &format!("retries: {{{policies}"));
    let vary = format!(
        "study.vary={{\"clients.hub.retry\": [{}]}}",
        nine.join(", ")
    );
    run(&place, &text, &["-q", "--out", "nine", "--set", &vary]).exits(0);
    for chart in ["p429_over_time", "load_gate"] {
        let words = texts(&place.read(&format!("nine/{chart}.svg"))).join(" ");
        let wanted = "the first 8 of 9 policies; series.csv has all";
        assert!(words.contains(wanted), "{chart}: {words}");
    }
    let drawn = texts(&place.read("nine/policies.svg"));
    assert!(drawn.iter().any(|text| text == "p9"), "{drawn:?}");

    // Nothing is refused: a sentence, and an arrow from the bound.
    let healthy = SMALL
        .replace("permits: 3", "permits: 3000")
        .replace("burst: 5", "burst: 500000")
        .replace("quota: Fixed(40)", "quota: Fixed(4000000)");
    let table = run(&place, &healthy, &["-q", "--out", "zero"]).exits(0).out;
    let words = texts(&place.read("zero/p429_over_time.svg")).join(" ");
    assert!(
        words.contains("No attempt gets a 429 in any of 4 replications"),
        "{words}"
    );
    let bound = texts(&place.read("zero/policies.svg"))
        .into_iter()
        .find(|text| text.starts_with("none seen, at most"))
        .unwrap();
    assert!(table.contains(&bound), "{bound} as in {table}");
}

#[test]
fn a_number_that_is_varied_is_an_axis() {
    let place = Place::new();
    let text = replaced(
        SMALL,
        "server: (",
        "targets: [\"p429.attempt <= 40%\"], server: (",
    );
    let set = "study.vary={\"server.stages.gate.permits\": [1, 2, 4, 8], \"clients.hub.retry\": [\"none\", \"soon\"]}";
    run(&place, &text, &["-q", "--out", "out", "--set", set]);
    let names = place.names("out");
    assert!(
        !names.iter().any(|name| name.starts_with("policies")),
        "{names:?}"
    );
    let chart = place.read("out/sweep_p429_attempt.svg");
    let words = texts(&chart);
    for wanted in [
        "server.stages.gate.permits",
        "target ≤ 40 %",
        "none",
        "soon",
        "8",
    ] {
        assert!(
            words.iter().any(|text| text == wanted),
            "{wanted} in {words:?}"
        );
    }
    assert_eq!(chart.matches("class=\"series\"").count(), 2);
    // What is linked to the number makes no lines of its own.
    let set = "study.vary={\"server.stages.gate.permits\": [2, 4, 6]}";
    let link = "study.link={\"server.stages.user.by.burst\": \"2 x server.stages.gate.permits\"}";
    run(
        &place,
        &text,
        &["-q", "--out", "out", "--set", set, "--set", link],
    );
    let chart = place.read("out/sweep_p429_attempt.svg");
    assert_eq!(chart.matches("class=\"series\"").count(), 1);
    // Policies of several paths are lines by their names.
    let policies = "study.policies={\"today\": {}, \"patient\": {\"clients.hub.retry\": \"none\", \"clients.hub.timeout\": \"9s\"}}";
    run(
        &place,
        &text,
        &["-q", "--out", "out", "--set", set, "--set", policies],
    );
    let words = texts(&place.read("out/sweep_p429_attempt.svg"));
    assert!(words.iter().any(|text| text == "patient"), "{words:?}");
    // Two values, or names, are told side by side.
    let set = "study.vary={\"server.stages.gate.permits\": [1, 2]}";
    run(&place, &text, &["-q", "--out", "out", "--set", set]);
    assert!(place.names("out").iter().any(|name| name == "policies.svg"));
}

#[test]
fn a_gate_per_key_is_shown_per_key() {
    let place = Place::new();
    let text = replaced(SMALL, "Gate(permits: 3", "Gate(per: [User], permits: 1");
    run(
        &place,
        &text,
        &[
            "-q",
            "--out",
            "out",
            "--set",
            "server.backend.service=Exponential(mean: \"20s\")",
        ],
    );
    let words = texts(&place.read("out/load_gate.svg"));
    for wanted in ["permits 1 per user", "requests at the gate per user"] {
        assert!(
            words.iter().any(|text| text == wanted),
            "{wanted} in {words:?}"
        );
    }
}

#[test]
fn a_step_that_beats_is_told() {
    let place = Place::new();
    let limited = replaced(SMALL, "window: \"10s\"", "window: \"1min\"");
    for (bucket, beats) in [
        ("30s", true),
        ("1min", false),
        ("2min", false),
        ("45s", true),
    ] {
        let set = format!("time.bucket={bucket}");
        let done = run(&place, &limited, &["--out", "out", "--set", &set]).exits(0);
        let told = "beat against the windows of \"app\"";
        assert_eq!(done.err.contains(told), beats, "{bucket}: {}", done.err);
        let page = place.read("out/report.html");
        assert_eq!(page.contains("beat against the windows"), beats, "{bucket}");
    }
}

/// Rows of a CSV without quotes, by their columns.
fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), header.len(), "{line}");
        let pairs = header.iter().zip(cells);
        pairs
            .map(|(name, cell)| ((*name).to_owned(), cell.to_owned()))
            .collect()
    };
    lines.map(row).collect()
}

/// The sum over rows of an expression such as `a + b` or `a × b`.
fn sum(rows: &[&BTreeMap<String, String>], expression: &str) -> f64 {
    let value = |row: &BTreeMap<String, String>, name: &str| -> f64 {
        let text = row
            .get(name.trim())
            .unwrap_or_else(|| panic!("{name} in {row:?}"));
        text.parse().unwrap_or(0.0)
    };
    let product = |row: &BTreeMap<String, String>, term: &str| -> f64 {
        term.split('×').map(|name| value(row, name)).product()
    };
    let of_row = |row: &&BTreeMap<String, String>| -> f64 {
        expression.split(" + ").map(|term| product(row, term)).sum()
    };
    rows.iter().map(of_row).sum()
}

/// The table of the book that says how to make each estimate from the files,
/// held against the program.
#[test]
fn the_sums_of_the_columns_are_the_estimates() {
    let place = Place::new();
    let text = SMALL
        .replace(
            "time: (length: \"10min\"",
            "time: (length: \"10min\", windows: [\"00:05..00:06\"]",
        )
        .replace("refuse: (code: 26)", "refuse: (code: 26, status: 503)")
        .replace("every: \"30s\", jitter: \"5s\"", "every: \"2s\"")
        .replace("timeout: \"5s\",", "timeout: \"5s\", guards: [Throttle()],");
    run(&place, &text, &["-q", "--out", "out"]).exits(0);
    let files: BTreeMap<&str, _> = ["replications.csv", "gates.csv"]
        .into_iter()
        .map(|name| (name, rows(&place.read(&format!("out/{name}")))))
        .collect();
    let page = include_str!("../../book/src/command-line.md");
    let table = page
        .split_once("| estimate | file | numerator | denominator |")
        .unwrap()
        .1;
    let mut formulas = BTreeMap::new();
    for line in table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
    {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let plain = |cell: &str| cell.split('`').nth(1).unwrap_or_default().to_owned();
        formulas.insert(
            plain(cells[1]),
            (plain(cells[2]), plain(cells[3]), cells[4].to_owned()),
        );
    }
    let mut checked = BTreeSet::new();
    for estimate in rows(&place.read("out/estimates.csv")) {
        let Some((file, numerator, denominator)) = formulas.get(&estimate["name"]) else {
            continue;
        };
        let fits = |row: &&BTreeMap<String, String>| {
            let same = |name: &str| {
                let wanted = &estimate[name];
                wanted == "(all)" || row.get(name).is_none_or(|value| value == wanted)
            };
            let in_window =
                estimate["window"] == "(all)" || row["window"].contains(&estimate["window"]);
            let at_gate = !row.contains_key("gate") || same("limit");
            row["cell"] == estimate["cell"]
                && same("cohort")
                && same("method")
                && in_window
                && at_gate
        };
        // Of one limit, only its own refusals count; devices that several
        // methods wake stand with the first.
        let of_limit = estimate["limit"] != "(all)" && file == "replications.csv";
        if estimate["name"] == "wakeups.device_day" && estimate["method"] != "(all)" {
            continue;
        }
        let picked: Vec<_> = files[file.as_str()].iter().filter(fits).collect();
        let numerator = match of_limit {
            true => format!("refused by {}", estimate["limit"]),
            false => numerator.clone(),
        };
        let expression = denominator.split('`').nth(1).unwrap();
        let below = match denominator.contains("once") {
            // The seconds are those of the run, not of each of its streams.
            true => {
                let mut seen = BTreeSet::new();
                let once: Vec<_> = (picked.iter().copied())
                    .filter(|row| seen.insert((&row["replication"], &row["window"])))
                    .collect();
                sum(&once, expression)
            }
            false => sum(&picked, expression),
        };
        let value: f64 = estimate["value"].parse().unwrap();
        let found = sum(&picked, &numerator) / below;
        assert!(
            (found - value).abs() <= 1e-9 * value.abs().max(1e-12),
            "{estimate:?}: {found}"
        );
        checked.insert(estimate["name"].clone());
    }
    let told: BTreeSet<String> = formulas.keys().cloned().collect();
    assert_eq!(checked, told, "every formula is tried");
    assert!(checked.len() >= 17, "{checked:?}");
}

#[test]
fn the_series_can_be_had_per_replication_with_the_time_of_day() {
    let place = Place::new();
    let zone = [
        "--set",
        "time.zone=Europe/Paris",
        "--set",
        "time.start=2025-10-25T22:00:00Z",
    ];
    let arguments = [&["-q", "--out", "sums"][..], &zone].concat();
    run(&place, SMALL, &arguments).exits(0);
    let arguments = [
        &["-q", "--out", "runs", "--series", "replications"][..],
        &zone,
    ]
    .concat();
    run(&place, SMALL, &arguments).exits(0);
    let (sums, runs) = (
        rows(&place.read("sums/series.csv")),
        rows(&place.read("runs/series.csv")),
    );
    assert_eq!(runs.len(), 4 * sums.len());
    assert_eq!(sums[0]["time"], "2025-10-26T00:00:00+02:00");
    for sum in &sums {
        let of: Vec<_> = (runs.iter())
            .filter(|row| row["cell"] == sum["cell"] && row["seconds"] == sum["seconds"])
            .collect();
        assert_eq!(of.len(), 4);
        for column in ["requests", "offered", "admitted", "refused by user"] {
            let total: u64 = of
                .iter()
                .map(|row| row[column].parse::<u64>().unwrap())
                .sum();
            assert_eq!(total.to_string(), sum[column], "{column} of {sum:?}");
        }
        assert!(of.iter().all(|row| row["time"] == sum["time"]));
    }
}

#[test]
fn hundreds_of_policies_are_not_all_printed() {
    let place = Place::new();
    let text = r#"Scenario(
        name: "many",
        time: (length: "1min"),
        cohorts: {"a": (homes: 1, client: "c")},
        clients: {"c": (requests: [(method: "m", rate: "10/min")])},
        server: (stages: [Limit(name: "l", by: TokenBucket(rate: "1/min", burst: 5))]),
        targets: ["p429.attempt <= 5%"],
    )"#;
    let values: Vec<String> = (1..=300).map(|burst| burst.to_string()).collect();
    let set = format!(
        "study.vary={{\"server.stages.l.by.burst\": [{}]}}",
        values.join(", ")
    );
    let arguments = ["-q", "--out", "out", "--replications", "2", "--set", &set];
    let done = run(&place, text, &arguments);
    assert!(
        done.out
            .contains("the first 200 of 300 policies; estimates.csv has all")
    );
    assert!(done.out.contains("met by ") && done.out.lines().count() < 1000);
    let page = place.read("out/report.html");
    assert!(page.contains("The first 200 of 300 policies"));
    let cells: BTreeSet<String> = rows(&place.read("out/estimates.csv"))
        .into_iter()
        .map(|row| row["cell"].clone())
        .collect();
    assert_eq!(cells.len(), 300);
}

#[test]
fn policies_are_compared_run_by_run_with_the_control() {
    let place = Place::new();
    let varied = "vary: {\"clients.hub.retry\": [\"none\", \"soon\"]}";
    let study = "policies: {\"wide\": {\"server.stages.gate.permits\": 30}, \"today\": {}, \"same\": {}}, control: \"today\"";
    place.write("s.ron", replaced(SMALL, varied, study));
    let run = ["run", "s.ron", "--replications", "30", "--quiet"];
    let document = place
        .ratelab(&[&run[..], &["--out", "out", "--format", "json"]].concat())
        .json();
    let estimates = document["estimates"].as_array().unwrap();
    let value = |name: &serde_json::Value, cell: u64| {
        let is = |estimate: &&serde_json::Value| {
            estimate["name"] == *name
                && estimate["cell"] == cell
                && estimate["by"] == serde_json::json!({})
        };
        estimates.iter().find(is).unwrap()["value"]
            .as_f64()
            .unwrap()
    };
    let differences = document["differences"].as_array().unwrap();
    let mut seen = BTreeSet::new();
    for difference in differences {
        let cell = difference["cell"].as_u64().unwrap();
        assert_eq!(difference["minus"], 1, "the control");
        let found = difference["value"].as_f64().unwrap();
        let expected = value(&difference["name"], cell) - value(&difference["name"], 1);
        assert!((found - expected).abs() < 1e-12, "{difference}");
        let comparison = difference["comparison"].as_str().unwrap();
        seen.insert((cell, comparison.to_owned()));
        if let Some(lo) = difference["lo"].as_f64() {
            let hi = difference["hi"].as_f64().unwrap();
            let leaves_out = lo > 0.0 || hi < 0.0;
            let is_apart = ["more", "less"].contains(&comparison);
            assert_eq!(leaves_out, is_apart, "{difference}");
        }
    }
    let has = |cell: u64, comparison: &str| seen.contains(&(cell, comparison.to_owned()));
    assert!(has(0, "less") && has(0, "not told apart"), "{seen:?}");
    assert!(
        seen.iter()
            .all(|(cell, comparison)| *cell == 0 || comparison == "same in every run")
    );
    let rows = rows(&place.read("out/differences.csv"));
    assert_eq!(rows.len(), differences.len());
    // A gate that is wide refuses less, in the same runs, and the table says so.
    let done = place
        .ratelab(&[&run[..], &["--no-files"]].concat())
        .exits(0);
    assert!(
        done.out
            .contains("difference from \"today\" in the same runs"),
        "{}",
        done.out
    );
}
