//! Ticks of time axes: steps that clocks have.

use super::Scale;
use super::number::{nice_step, plain, tick, unit};

const DAY: f64 = 86_400.0;

/// Steps in seconds that read well on a clock.
const STEPS: [f64; 19] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    10_800.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0,
];

/// The least clock step that needs at most `most` ticks for `span` seconds:
/// below a second and above two days the steps are 1, 2 and 5 times a power of ten.
pub(super) fn step(span: f64, most: usize) -> f64 {
    let least = span / most.max(1) as f64;
    if least < 0.5 {
        return nice_step(span, most);
    }
    STEPS
        .into_iter()
        .find(|&step| step >= least)
        .unwrap_or_else(|| DAY * nice_step(span / DAY, most).max(5.0))
}

/// The texts of ticks at `values`, which are `step` apart: `(label, second line)`.
pub(super) fn labels(scale: Scale, values: &[f64], step: f64) -> Vec<(String, String)> {
    if scale == Scale::Elapsed {
        // Parts of a second read well as 0.2 s; parts of an hour do not.
        let last = values.last().map_or(0.0, |last| last.abs());
        let unit = unit(
            scale,
            if (0.01..1.0).contains(&step) {
                last.clamp(step, 1.0)
            } else {
                step
            },
        );
        return values
            .iter()
            .map(|&value| (tick(value, step, scale, unit), String::new()))
            .collect();
    }
    let day = |value: f64| (value / DAY).floor();
    let several = values.first().map(|&first| day(first)) != values.last().map(|&last| day(last));
    let mut previous = None;
    values
        .iter()
        .map(|&value| {
            let number = format!("day {}", plain(day(value) + 1.0, 0));
            if step >= DAY {
                return (number, String::new());
            }
            let new = several && previous != Some(day(value));
            previous = Some(day(value));
            (clock(value, step), if new { number } else { String::new() })
        })
        .collect()
}

/// Seconds since a midnight as 06:00, with seconds where the step needs them.
fn clock(value: f64, step: f64) -> String {
    let of_day = value.rem_euclid(DAY);
    let seconds = (of_day + 1e-6).floor();
    let (hour, minute, second) = (
        (seconds / 3600.0).floor(),
        (seconds % 3600.0 / 60.0).floor(),
        (seconds % 60.0).floor(),
    );
    let text = format!("{hour:02}:{minute:02}");
    if step >= 60.0 {
        text
    } else if step >= 1.0 {
        format!("{text}:{second:02}")
    } else {
        format!("{text}:{:06.3}", of_day % 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_a_clock() {
        for (span, most, expected) in [
            (21_600.0, 12, 1800.0),
            (21_600.0, 7, 3600.0),
            (600.0, 10, 60.0),
            (60.0, 10, 10.0),
            (86_400.0, 8, 10_800.0),
            (7.0 * DAY, 7, DAY),
            (70.0 * DAY, 10, 10.0 * DAY),
            (1.0, 10, 0.1),
        ] {
            assert!(
                (step(span, most) - expected).abs() < 1e-9 * expected,
                "{span} {most}: {}",
                step(span, most)
            );
        }
    }

    #[test]
    fn days_are_numbered_when_there_are_several() {
        let texts = labels(Scale::TimeOfDay, &[64_800.0, 86_400.0, 108_000.0], 21_600.0);
        let expected = [("18:00", "day 1"), ("00:00", "day 2"), ("06:00", "")];
        assert_eq!(texts, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        let one = labels(Scale::TimeOfDay, &[14_400.0, 18_000.0], 3600.0);
        assert_eq!(one[0], ("04:00".to_owned(), String::new()));
        assert_eq!(labels(Scale::TimeOfDay, &[0.0, DAY], DAY)[1].0, "day 2");
        assert_eq!(
            labels(Scale::TimeOfDay, &[21_590.0, 21_600.0], 10.0)[0].0,
            "05:59:50"
        );
    }

    #[test]
    fn elapsed_time_has_one_unit_per_axis() {
        for (value, step, text) in [
            (10.0, 10.0, "10 s"),
            (300.0, 60.0, "5 min"),
            (7200.0, 3600.0, "2 h"),
            (2.0 * DAY, DAY, "2 d"),
            (1.2, 0.2, "1.2 s"),
            (0.4, 0.2, "400 ms"),
        ] {
            assert_eq!(labels(Scale::Elapsed, &[value], step)[0].0, text);
        }
    }
}
