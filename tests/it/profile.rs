//! Rates that change over the week.

use crate::support::{Place, replaced};

/// A day of 400 homes in Berlin in winter, whose midnight is 23:00 UTC.
const DAY: &str = r#"Scenario(
    name: "a day", time: (start: "2026-01-08T23:00:00Z", zone: "Europe/Berlin", length: "1d", windows: ["07:00..09:00", "09:00..10:00", "00:00..06:00"]),
    cohorts: {"homes": (homes: 400, client: "app")},
    clients: {"app": (
        requests: [(method: "get", rate: "1/h", profile: {"07:00..09:00": 3, "00:00..06:00": 0, "Sat": 9})],
        commands: [(method: "set", at: Poisson(rate: "1/h", profile: {"Fri 07:00..09:00": 2}), per: Home, wakes: Never, deadline: "1min")],
    )},
    server: (stages: [Limit(name: "hour", per: [Home, Method], by: FixedWindow(quota: Fixed(1), window: "1h"))]),
    study: (replications: 20),
)
"#;

/// The requests of a method that were made in a window, per run.
fn requests(place: &Place, text: &str, method: &str, window: &str) -> f64 {
    place.write("s.ron", text);
    let rows = place
        .ratelab(&["run", "s.ron", "--quiet", "--out", "out"])
        .exits(0);
    drop(rows);
    let table = place.read("out/replications.csv");
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |name: &str| {
        names
            .iter()
            .position(|it| *it == name)
            .unwrap_or_else(|| panic!("no {name} in {names:?}"))
    };
    let (of_method, of_window, count) = (column("method"), column("window"), column("requests"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let wanted = rows
        .iter()
        .filter(|row| row[of_method] == method && row[of_window] == window);
    wanted
        .map(|row| row[count].parse::<f64>().unwrap())
        .sum::<f64>()
        / 20.0
}

#[test]
fn each_part_of_the_week_has_its_load() {
    let place = Place::new();
    for (method, window, expected) in [
        ("get", "07:00..09:00", 2400.0),
        ("get", "09:00..10:00", 400.0),
        ("get", "00:00..06:00", 0.0),
        ("set", "07:00..09:00", 1600.0),
        ("set", "00:00..06:00", 2400.0),
    ] {
        let found = requests(&place, DAY, method, window);
        // The mean of 20 Poisson numbers: five standard errors.
        let most = 5.0 * f64::sqrt(expected / 20.0);
        assert!(
            (found - expected).abs() <= most,
            "{method} {window}: {found}, not {expected}"
        );
    }
}

#[test]
fn parts_that_the_week_does_not_have_are_refused() {
    let place = Place::new();
    for (part, told) in [
        ("\"07:00..25:00\": 3", "is no part of the week"),
        ("\"Sut\": 3", "is no part of the week"),
        ("\"Sat Sun\": -1", "from 0 to 1000000"),
    ] {
        place.write("s.ron", replaced(DAY, "\"07:00..09:00\": 3", part));
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        assert!(done.err.contains(told), "{}", done.err);
    }
}
