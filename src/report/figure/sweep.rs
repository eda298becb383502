use super::numbers::Varied;
use super::policies::scale;
use super::{
    Figure, MOST_LINES, frame, sentence_case, shown_estimates, target_label, targets, title,
};
use crate::report::chart::{Axis, Chart, Line, Lines, Mark, Point, Scale, Sentence, Style};
use crate::report::{Answer, file_name::file_names};
use crate::scenario::text::printable;
use crate::scenario::{Estimand, Part};

/// What is estimated over a number that the study varies: a chart per
/// estimate, with a line for each combination of what else is varied.
pub(super) fn figures(answer: &Answer<'_>, varied: &Varied) -> Vec<Figure> {
    let shown = shown_estimates(answer);
    let names: Vec<String> = (shown.iter())
        .map(|(estimand, part)| match part.to_string() {
            of if of.is_empty() => format!("sweep {estimand}"),
            of => format!("sweep {estimand} {of}"),
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    (shown.iter().zip(file_names(&names)))
        .map(|((estimand, part), name)| Figure {
            name,
            chart: chart(answer, varied, *estimand, part),
        })
        .collect()
}

fn chart(answer: &Answer<'_>, varied: &Varied, estimand: Estimand, part: &Part) -> Chart {
    let mut lines: Vec<Line> = Vec::new();
    let mut left_out: Vec<&String> = Vec::new();
    for (cell, (x, other)) in varied.numbers.iter().zip(&varied.others).enumerate() {
        let label = printable(other);
        let known = lines.iter().position(|line| line.label == label);
        let line = match known {
            Some(line) => line,
            None if lines.len() < MOST_LINES => {
                lines.push(Line {
                    label: label.into_owned(),
                    points: Vec::new(),
                });
                lines.len() - 1
            }
            None => {
                if !left_out.contains(&other) {
                    left_out.push(other);
                }
                continue;
            }
        };
        if let Some(estimate) = answer.estimate(cell, estimand, part) {
            let y = estimate.value;
            let ends = estimate.interval.map(|interval| (interval.lo, interval.hi));
            let (lo, hi) = ends.unwrap_or((y, y));
            lines[line].points.push(Point { x: *x, y, lo, hi });
        }
    }
    for line in &mut lines {
        line.points.sort_by(|a, b| a.x.total_cmp(&b.x));
    }
    let mut what = "dot: estimate; bar: its interval; arrow: none seen, at most so much".to_owned();
    if !varied.other_paths.is_empty() {
        what.push_str(&format!("; lines: {}", varied.other_paths));
    }
    if !left_out.is_empty() {
        what.push_str(&format!(
            " (the first {} of {} lines; estimates.csv has all)",
            lines.len(),
            lines.len() + left_out.len()
        ));
    }
    let frame = frame(answer, sentence_case(&title(estimand, part)), &what);
    if lines.iter().all(|line| line.points.is_empty()) {
        return Sentence {
            frame,
            text: "There is no such estimate for any value.".to_owned(),
        }
        .into();
    }
    let mut y_scale = scale(estimand);
    if y_scale == Scale::Linear {
        y_scale = Scale::Amount;
    }
    Lines {
        frame,
        x: varied.axis.clone(),
        y: Axis {
            label: estimand.name().to_owned(),
            scale: y_scale,
        },
        style: Style::Dots,
        series: lines,
        marks: targets(answer, estimand, part)
            .map(|target| Mark::Horizontal {
                y: target.bound,
                label: target_label(target),
            })
            .collect(),
    }
    .into()
}
