//! A study as a program without the command line runs it: its answer as a
//! document, files and a table, in every build of the library. The hash is the
//! same in all of them.

use std::io;

use ratelab::experiment::{Terms, ask};
use ratelab::report::{
    Answer, Provenance, SeriesOf, Timing, document, manifest, table, write_files,
};
use ratelab::scenario::Source;

const TEXT: &str = r#"
Scenario(
    name: "small",
    time: (start: "2025-09-19T04:00:00Z", length: "2min", bucket: "10s"),
    cohorts: { "homes": (homes: 50, client: "app") },
    clients: { "app": (polls: [(method: "read", every: "5s")]) },
    server: (
        stages: [
            Gate(name: "workers", permits: 4, queue: 10),
            Limit(name: "api", per: [App], by: TokenBucket(rate: "8/s", burst: 20)),
        ],
    ),
    study: (replications: 3, vary: {"server.stages.api.by.burst": [20, 40]}),
)"#;

/// The hash that the program tells of the same text.
const HASH: &str = "64834f835aedd6f63673af2e030e4bfd";

fn with_answer(threads: usize, look: impl Fn(&Answer<'_>)) {
    let mut terms = Terms::default();
    terms.budget.threads = threads;
    let outcome = ask(&Source::new(TEXT.to_owned()), terms, &()).unwrap();
    look(&outcome.answer());
}

#[test]
fn every_build_gives_the_same_result() {
    for threads in [1, 2] {
        with_answer(threads, |answer| assert_eq!(answer.result_hash, HASH));
    }
}

#[test]
fn an_answer_is_a_document_and_files_without_charts() {
    with_answer(1, |answer| {
        let timing = Timing {
            events: 7,
            run_seconds: 0.5,
            cpu_seconds: 0.4,
            peak_rss_bytes: None,
        };
        let document = document(answer, "run", &timing, None);
        assert_eq!(document["result_hash"], HASH);
        assert_eq!(document["policies"].as_array().unwrap().len(), 2);
        let provenance = Provenance {
            file: "small".to_owned(),
            text: TEXT.to_owned(),
            command: Vec::new(),
        };
        assert_eq!(manifest(answer, &provenance)["scenario_text"], TEXT);

        let mut files = Vec::new();
        let charts = write_files(answer, &provenance, SeriesOf::Sums, &mut |name, content| {
            let mut file = Vec::new();
            content(&mut file)?;
            files.push((name.to_owned(), file));
            io::Result::Ok(())
        });
        let charts = charts.unwrap();
        assert_eq!(charts.is_empty(), cfg!(not(feature = "charts")));
        let file = |wanted: &str| {
            let found = files.iter().find(|(name, _)| name == wanted);
            String::from_utf8(found.expect(wanted).1.clone()).unwrap()
        };
        assert_eq!(file("scenario.ron"), TEXT);
        assert!(
            charts
                .iter()
                .all(|chart| files.iter().any(|(name, _)| name == chart))
        );
        let csv = ["estimates", "replications", "gates", "series"];
        let lines = csv.map(|name| file(&format!("{name}.csv")).lines().count());
        // Rows by hand: an estimate each; cells and replications; cells and steps.
        let all = document["estimates"].as_array().unwrap().len();
        assert_eq!(lines, [1 + all, 1 + 2 * 3, 1 + 2 * 3, 1 + 2 * 12]);

        let table = table(answer, 80);
        assert!(table.contains("small") && table.contains(HASH), "{table}");
        assert!(
            table.lines().all(|line| line.chars().count() <= 80),
            "{table}"
        );
    });
}
