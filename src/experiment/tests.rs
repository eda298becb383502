use std::sync::Mutex;

use super::store::{Known, KnownRecords, RecordLog, header};
use super::*;
use crate::scenario::Source;
use crate::sim::Stopped;

const TEXT: &str = r#"Scenario(
    name: "small",
    time: (length: "1min", bucket: "1min"),
    cohorts: {"a": (homes: 30, client: "c", devices: [(kind: "d", count: Poisson(2.0))])},
    clients: {"c": (requests: [(method: "get", rate: "1/s")])},
    server: (stages: [Gate(permits: 20)], backend: (service: Exponential(mean: "1s"))),
    study: (replications: 3, vary: {"server.stages.0.permits": [10, 20]}),
    targets: ["p429.attempt <= 1%"],
)"#;

fn question(text: &str, family: Family) -> Question {
    let terms = Terms {
        family,
        ..Terms::default()
    };
    Question::new(&Source::new(text.to_owned()), terms).unwrap()
}

/// What one machine gives to another is a text and tasks, and what comes back
/// are records under what they are known by: in any order, by anybody.
#[test]
fn tasks_may_be_done_elsewhere() {
    let here = question(TEXT, Family::Search).study(&()).unwrap();
    let all = here.run(Options::default(), Vec::new(), &()).unwrap();
    let tasks: Vec<(Task, TaskId)> = here.tasks().map(|task| (task, here.id(task))).collect();
    let mut known = Known::new(&here);
    for part in tasks.chunks(4).rev() {
        let sent = serde_json::to_string(part).unwrap();
        let there = question(TEXT, Family::Search).study(&()).unwrap();
        let log = RecordLog::new(header().to_vec());
        let tasks: Vec<(Task, TaskId)> = serde_json::from_str(&sent).unwrap();
        for (task, id) in tasks.into_iter().rev() {
            assert_eq!(there.id(task), id);
            let record = there.run_one(task, Options::default(), &()).unwrap();
            log.keep(id, &record);
        }
        let (bytes, _) = log.into_parts();
        assert_eq!(known.read(&bytes[..]).damaged, 0);
    }
    let known = known.into_records();
    assert!(known.iter().all(Option::is_some));
    struct Idle;
    impl Observer for Idle {
        fn loop_begins(&self, task: Task) {
            panic!("{task:?} was done");
        }
    }
    let put_together = here.run(Options::default(), known, &Idle).unwrap();
    assert_eq!(put_together, all);
    for (index, task) in here.tasks().enumerate() {
        assert_eq!(here.index_of(task), index);
    }
}

/// Another family is as good a study, of which nothing is known from the first;
/// a fleet that the scenario fixes is the same in both.
#[test]
fn families_are_studies_of_their_own() {
    let run = |text: &str, family| {
        let question = question(text, family);
        let study = question.study(&()).unwrap();
        question.run(study, Vec::new(), &()).unwrap()
    };
    let fixed = TEXT.replace("study:", "population: Fixed, study:");
    for (text, is_fixed) in [(TEXT, false), (&fixed, true)] {
        let [search, certification] =
            [Family::Search, Family::Certification].map(|family| run(text, family));
        let default = Study::new(&Source::new(text.to_owned()).variants().unwrap()).unwrap();
        let default = default.run(Options::default(), Vec::new(), &()).unwrap();
        assert_eq!(search.records, default);
        for (one, other) in search.records.iter().zip(&certification.records) {
            assert!(
                one.iter()
                    .zip(other)
                    .all(|(one, other)| one.events != other.events)
            );
            let fleets = one.iter().zip(other);
            let mut alike = fleets.map(|(one, other)| one.fleet == other.fleet);
            assert!(!is_fixed || alike.all(|alike| alike));
        }
        let log = RecordLog::new(header().to_vec());
        for task in search.study.tasks() {
            let record = &search.records[task.cell][task.replication as usize];
            log.keep(search.study.id(task), record);
        }
        let mut known = Known::new(&certification.study);
        known.read(&log.into_parts().0[..]);
        assert_eq!(known.count(), 0);
    }
}

#[test]
fn a_question_tells_what_is_wrong_with_it() {
    let ask = |text: &str, terms: Terms| ask(&Source::new(text.to_owned()), terms, &());
    let usual = Terms::default();
    let unsound = ask(&TEXT.replace("homes: 30", "homes: many"), usual);
    assert!(
        matches!(unsound, Err(StudyError::Unsound(_))),
        "{unsound:?}"
    );
    let mut tight = usual;
    tight.budget.bytes = Some(1e3);
    let over = ask(TEXT, tight);
    assert!(matches!(over, Err(StudyError::OverBudget(_))), "{over:?}");
    struct Stop(Mutex<Vec<&'static str>>);
    impl Observer for Stop {
        fn weighed(&self, question: &Question) {
            assert!(question.outlook.tasks == 6 && question.threads() > 0);
            self.0.lock().unwrap().push("weighed");
        }
        fn should_stop(&self) -> bool {
            self.0.lock().unwrap().push("asked");
            true
        }
    }
    let stop = Stop(Mutex::default());
    let stopped = super::ask(&Source::new(TEXT.to_owned()), usual, &stop);
    assert!(matches!(stopped, Err(StudyError::Stopped(Stopped::Asked))));
    assert_eq!(stop.0.into_inner().unwrap(), ["weighed", "asked"]);
}

#[test]
fn what_is_known_is_not_run_and_counted() {
    let question = question(TEXT, Family::Search);
    let study = question.study(&()).unwrap();
    let all = study.run(Options::default(), Vec::new(), &()).unwrap();
    let mut known = KnownRecords::new();
    known.extend(all[0].iter().cloned().map(|record| Some(Box::new(record))));
    let outcome = question.run(study, known, &()).unwrap();
    assert_eq!((outcome.reused, &outcome.records), (3, &all));
}

#[test]
fn the_worst_verdict_that_counts_decides() {
    let source = Source::new(TEXT.to_owned());
    let outcome = ask(&source, Terms::default(), &()).unwrap();
    let one = judge(
        &outcome.study,
        &Estimates::new(&outcome.study, &outcome.records),
    )
    .remove(0);
    let of = |verdict, counts| TargetResult {
        verdict,
        counts,
        ..one.clone()
    };
    use Verdict::{Met, Missed, Undecided};
    for (verdicts, worst) in [
        (&[][..], Met),
        (&[(Met, true), (Undecided, true)], Undecided),
        (&[(Undecided, true), (Missed, true), (Met, true)], Missed),
        (&[(Missed, false), (Met, true)], Met),
    ] {
        let targets: Vec<TargetResult> = (verdicts.iter())
            .map(|(verdict, counts)| of(*verdict, *counts))
            .collect();
        assert_eq!(overall(&targets), worst, "{verdicts:?}");
    }
}
