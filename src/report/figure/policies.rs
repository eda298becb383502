use super::{Figure, frame, not_drawn, shown_estimates, target_label, targets, title};
use crate::experiment::Estimate;
use crate::report::chart::{Axis, Chart, Intervals, Mark, Panel, Row, Scale, Sentence, Shape};
use crate::report::{Answer, number, verdict};
use crate::scenario::{Estimand, Part, Quantity};
use crate::stats::Basis;

/// The most policies that are drawn.
const MOST_ROWS: usize = 40;

/// The policies side by side.
pub(super) fn figure(answer: &Answer<'_>) -> Figure {
    let several = answer.study.cells.len() > 1;
    let (name, mut what) = match several {
        true => (
            "Which policy is better?",
            "each interval is of one policy by itself; policies share their random draws, so that differences are known better than the intervals suggest".to_owned(),
        ),
        false => ("The estimates", "one estimate per panel".to_owned()),
    };
    what.push_str(&not_drawn(answer, MOST_ROWS, "estimates.csv"));
    let frame = frame(answer, name.to_owned(), &what);
    let panels: Vec<Panel> = (shown_estimates(answer).into_iter())
        .map(|(estimand, part)| panel(answer, estimand, &part))
        .filter(|panel| panel.rows.iter().any(|row| !row.value.is_nan()))
        .collect();
    let chart: Chart = match panels.is_empty() {
        false => Intervals { frame, panels }.into(),
        true => Sentence {
            frame,
            text: "There is nothing to estimate: no request begins in the measured span."
                .to_owned(),
        }
        .into(),
    };
    Figure {
        name: "policies".to_owned(),
        chart,
    }
}

fn panel(answer: &Answer<'_>, estimand: Estimand, part: &Part) -> Panel {
    let cells = 0..answer.study.cells.len().min(MOST_ROWS);
    let rows = cells.map(|cell| {
        let estimate = answer.estimate(cell, estimand, part);
        row(answer, cell, estimand, part, estimate)
    });
    Panel {
        title: title(estimand, part),
        axis: Axis {
            label: estimand.name().to_owned(),
            scale: scale(estimand),
        },
        rows: rows.collect(),
        marks: targets(answer, estimand, part)
            .map(|target| Mark::Vertical {
                x: target.bound,
                label: target_label(target),
            })
            .collect(),
    }
}

/// How the numbers of an estimand are spaced.
pub(super) fn scale(estimand: Estimand) -> Scale {
    match estimand.quantity() {
        Quantity::Probability => Scale::Probability,
        Quantity::Seconds => Scale::Elapsed,
        Quantity::Count | Quantity::PerSecond | Quantity::PerDay => Scale::Amount,
        Quantity::Ratio => Scale::Linear,
    }
}

fn row(
    answer: &Answer<'_>,
    cell: usize,
    estimand: Estimand,
    part: &Part,
    estimate: Option<&Estimate>,
) -> Row {
    let label = answer.policy(cell);
    let Some(estimate) = estimate else {
        return Row {
            label,
            value: f64::NAN,
            text: "no such estimate".to_owned(),
            ..Row::default()
        };
    };
    let is_judged = |result: &&crate::experiment::TargetResult| {
        result.cell == cell && result.target.estimand == estimand && result.target.part == *part
    };
    let mut notes: Vec<String> = (answer.targets.iter().filter(is_judged))
        .map(|result| verdict::word(result.verdict).to_lowercase())
        .collect();
    if let Some(effect) = estimate.design_effect {
        notes.push(format!("design effect {}", number::plain(effect)));
    }
    Row {
        label,
        value: estimate.value,
        lo: estimate.interval.map(|interval| interval.lo),
        hi: estimate.interval.map(|interval| interval.hi),
        shape: match estimate.basis {
            _ if estimate.value.is_infinite() => Shape::AtLeast,
            Basis::NoneSeen if estimate.interval.is_some() => Shape::AtMost,
            Basis::AllSeen if estimate.interval.is_some() => Shape::AtLeast,
            _ => Shape::Dot,
        },
        text: number::estimate(estimate),
        note: notes.join(", "),
    }
}
