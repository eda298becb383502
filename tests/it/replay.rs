//! `ratelab replay` against vectors of the products whose rules it has: what
//! their own tests expect or their rules imply, sent through the program as a
//! user would.

mod buckets;
mod concurrency;
mod logs;
mod mistakes;
mod printed;
mod retries;
mod servers;
mod suggest;
mod waits;
mod windows;

use crate::support::Place;

/// A trace through one limiter, and what is expected of it.
///
/// Each line of `rows` is a row of the trace, `->`, and the expected decision:
/// `A` admitted, `D` delayed, with the wait in seconds if that is checked, or
/// `R` refused. Names and values may follow, of columns to check as well:
/// `remaining`, `reset`, `retry` (`never`, if none is told), `permits`, and
/// `chance`, of a refusal, as a number, a fraction or a range. `N *` before a
/// line stands for N such lines.
struct Case {
    source: &'static str,
    limiter: &'static str,
    columns: &'static str,
    rows: &'static str,
}

/// A line of the output, by the names of its columns.
struct Answer {
    decision: String,
    delay: String,
    remaining: String,
    reset: String,
    retry: String,
    permits: String,
    chance: String,
}

impl Answer {
    fn read(record: &[String]) -> Answer {
        let [
            _line,
            _time,
            _key,
            _cost,
            _limiter,
            decision,
            delay,
            remaining,
            reset,
            retry,
            permits,
            chance,
        ] = record
        else {
            panic!("{record:?}");
        };
        Answer {
            decision: decision.clone(),
            delay: delay.clone(),
            remaining: remaining.clone(),
            reset: reset.clone(),
            retry: retry.clone(),
            permits: permits.clone(),
            chance: chance.clone(),
        }
    }

    fn letter(&self) -> &'static str {
        match self.decision.as_str() {
            "admit" => "A",
            "delay" => "D",
            "refuse" => "R",
            other => panic!("{other}"),
        }
    }

    /// The parts of itself that `expected` tells, in the same words.
    fn as_told(&self, expected: &str) -> String {
        let mut words = expected.split_whitespace().peekable();
        let mut told = vec![self.letter().to_owned()];
        words.next();
        if let Some(wait) = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_digit())) {
            told.push(match self.delay.is_empty() {
                true => format!("(no wait, not {wait})"),
                false => self.delay.clone(),
            });
        }
        while let Some(name) = words.next() {
            let value = words.next().unwrap_or_else(|| panic!("{expected}"));
            let found = match name {
                "remaining" => self.remaining.clone(),
                "reset" => self.reset.clone(),
                "retry" if self.retry.is_empty() => "never".to_owned(),
                "retry" => self.retry.clone(),
                "permits" => self.permits.clone(),
                "chance" if is_chance(&self.chance, value) => value.to_owned(),
                "chance" => self.chance.clone(),
                other => panic!("{other} in {expected}"),
            };
            told.push(format!("{name} {found}"));
        }
        told.join(" ")
    }
}

/// Whether a chance is the number, the fraction or within the range.
fn is_chance(found: &str, expected: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().unwrap();
    let found = number(found);
    if let Some((low, high)) = expected.split_once("..") {
        return number(low) < found && found < number(high);
    }
    let expected = match expected.split_once('/') {
        Some((above, below)) => number(above) / number(below),
        None => number(expected),
    };
    (found - expected).abs() < 1e-12
}

/// The records of a CSV output without quoted fields, after its header.
fn records(out: &str) -> Vec<Vec<String>> {
    let mut lines = out.lines();
    assert_eq!(
        lines.next(),
        Some(
            "line,time_s,key,cost,limiter,decision,delay_s,remaining,reset_s,retry_after_s,permits,refusal_probability"
        )
    );
    lines
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

/// What the limiters make of a trace, in order of rows and then of limiters.
fn answers(place: &Place, limiters: &[&str], trace: &str) -> Vec<Answer> {
    let mut arguments = vec!["replay", "--trace", "-", "--format", "csv"];
    for limiter in limiters {
        arguments.extend(["--limiter", limiter]);
    }
    let done = place.ratelab_with_input(&arguments, trace).exits(0);
    assert_eq!(done.err, "", "{limiters:?}");
    let records = records(&done.out);
    records.iter().map(|record| Answer::read(record)).collect()
}

/// Rows of the trace with what is expected, repeated ones written out.
fn rows(text: &str) -> Vec<(&str, &str)> {
    let mut all = Vec::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (times, line) = match line.split_once('*') {
            Some((times, line)) => (times.trim().parse().unwrap(), line),
            None => (1, line),
        };
        let (row, expected) = line.split_once("->").unwrap_or_else(|| panic!("{line}"));
        all.extend(std::iter::repeat_n((row.trim(), expected.trim()), times));
    }
    all
}

fn check(cases: &[Case]) {
    let place = Place::new();
    for case in cases {
        let rows = rows(case.rows);
        let trace: String = std::iter::once(case.columns)
            .chain(rows.iter().map(|(row, _)| *row))
            .map(|line| format!("{line}\n"))
            .collect();
        let answers = answers(&place, &[case.limiter], &trace);
        assert_eq!(answers.len(), rows.len(), "{}", case.source);
        let line = |row: &str, answer: &str| format!("{row} -> {answer}\n");
        let expected: String = rows
            .iter()
            .map(|(row, expected)| {
                let words: Vec<&str> = expected.split_whitespace().collect();
                line(row, &words.join(" "))
            })
            .collect();
        let found: String = rows
            .iter()
            .zip(&answers)
            .map(|((row, expected), answer)| line(row, &answer.as_told(expected)))
            .collect();
        assert!(
            found == expected,
            "{}\n{}\nexpected:\n{expected}\nfound:\n{found}",
            case.source,
            case.limiter
        );
    }
}
