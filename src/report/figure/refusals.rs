use super::time_axis::TimeAxis;
use super::{Figure, MOST_LINES, frame, label, not_drawn, target_label, targets};
use crate::experiment::refusal_series;
use crate::report::chart::{Axis, Chart, Lines, Mark, Scale, Sentence};
use crate::report::{Answer, number};
use crate::scenario::{Estimand, Part};

/// Which refusals are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Those with the status 429.
    Only429,
    /// All.
    Any,
}

/// How likely a refusal is over the measured span.
pub(super) fn figure(answer: &Answer<'_>, kind: Kind) -> Figure {
    let (name, title, short, estimand) = match kind {
        Kind::Only429 => (
            "p429_over_time",
            "How likely is a 429, and when?",
            "P(429)",
            Estimand::P429Attempt,
        ),
        Kind::Any => (
            "refused_over_time",
            "How likely is a refusal of any kind, and when?",
            "P(refused)",
            Estimand::RefusedAttempt,
        ),
    };
    let counts = |status| kind == Kind::Any || status == 429;
    let first = &answer.study.cells[0];
    let time = TimeAxis::new(first);
    let cells = answer.study.cells.iter().zip(answer.records).enumerate();
    let series = cells.take(MOST_LINES).map(|(index, (cell, records))| {
        let points = refusal_series(cell, records, answer.study.confidence, counts);
        time.line(label(answer, index, short), cell, &points)
    });
    let series: Vec<_> = series.collect();
    let what = format!(
        "{short} per attempt in steps of {}{}",
        first.outline.clock.bucket_width,
        not_drawn(answer, MOST_LINES, "series.csv")
    );
    let frame = frame(answer, title.to_owned(), &what);
    let all = || series.iter().flat_map(|line| &line.points);
    let chart: Chart = if all().any(|point| point.y > 0.0) {
        let mut marks = time.marks(first);
        marks.extend(
            targets(answer, estimand, &Part::ALL).map(|target| Mark::Horizontal {
                y: target.bound,
                label: target_label(target),
            }),
        );
        Lines {
            frame,
            marks,
            x: time.axis,
            y: Axis {
                label: format!("{short} per attempt"),
                scale: Scale::Probability,
            },
            series,
            ..Lines::default()
        }
        .into()
    } else {
        let text = match all().any(|point| point.y == 0.0) {
            false => "There are no attempts in the measured span.".to_owned(),
            true => unseen(answer, estimand, short),
        };
        Sentence { frame, text }.into()
    };
    Figure {
        name: name.to_owned(),
        chart,
    }
}

/// That there is none, with the bound that holds for each policy.
fn unseen(answer: &Answer<'_>, estimand: Estimand, short: &str) -> String {
    let replications = answer.study.replications;
    let what = if short == "P(429)" {
        "gets a 429"
    } else {
        "is refused"
    };
    let runs = match replications {
        1 => "the one replication".to_owned(),
        _ => format!("any of {replications} replications"),
    };
    let cells = 0..answer.study.cells.len().min(MOST_LINES);
    let found = cells.filter_map(|cell| answer.estimate(cell, estimand, &Part::ALL));
    let upper = found.filter_map(|estimate| Some(estimate.interval?.hi));
    match upper.fold(0.0, f64::max) {
        0.0 => format!("No attempt {what} in {runs}."),
        most => format!(
            "No attempt {what} in {runs}: {short} per attempt is at most {}.",
            number::value(estimand.quantity(), most)
        ),
    }
}
