use std::collections::BTreeSet;

use crate::scenario::check::LONGEST_NAME;

/// What the only cell of a study is called that varies nothing.
pub const AS_WRITTEN: &str = "as written";

/// The names of all cells of a study.
#[derive(Debug)]
pub(super) struct Names {
    /// One per cell, the last axis running fastest. No two are equal, each is
    /// one line, and none is longer than [`LONGEST_NAME`].
    pub(super) names: Vec<String>,
    /// The axes whose values the names hold.
    pub(super) axes: Vec<usize>,
}

/// Names the cells of all combinations of labels, given per axis, on one line
/// each.
///
/// A name is the labels, joined by commas. If two cells would share one, labels
/// that hold a comma or a quote are put in quotes, in all names alike. If a name
/// would be too long, first the axes with a single value are left out, and then
/// labels are cut and their number in the axis put before them.
pub(super) fn cell_names(axes: &[Vec<String>]) -> Names {
    let all: Vec<usize> = (0..axes.len()).collect();
    let several: Vec<usize> = all
        .iter()
        .copied()
        .filter(|axis| axes[*axis].len() > 1)
        .collect();
    if axes.is_empty() {
        return Names {
            names: vec![AS_WRITTEN.to_owned()],
            axes: all,
        };
    }
    let chosen = if several.is_empty() {
        all.clone()
    } else {
        several
    };
    // Room for the commas, and for quotes and escapes, which only few need.
    let room = LONGEST_NAME / chosen.len().max(1);
    let short: Vec<Vec<String>> = axes
        .iter()
        .map(|labels| shortened(labels, room.saturating_sub(2).max(1)))
        .collect();
    let mut names = Vec::new();
    for (labels, picked, quotes) in [
        (axes, &all, false),
        (axes, &all, true),
        (axes, &chosen, false),
        (axes, &chosen, true),
        (&short[..], &chosen, false),
        (&short[..], &chosen, true),
    ] {
        names = joined(labels, picked, quotes);
        let fits = names
            .iter()
            .all(|name| name.chars().count() <= LONGEST_NAME && !name.trim().is_empty());
        let distinct: BTreeSet<&String> = names.iter().collect();
        if fits && distinct.len() == names.len() {
            return Names {
                names,
                axes: picked.clone(),
            };
        }
    }
    // Numbers tell any names apart.
    const MOST_DIGITS: usize = 7;
    for (number, name) in names.iter_mut().enumerate() {
        *name = format!(
            "{} #{}",
            cut(name, LONGEST_NAME - MOST_DIGITS - 2),
            number + 1
        );
    }
    Names {
        names,
        axes: chosen,
    }
}

fn joined(axes: &[Vec<String>], picked: &[usize], quotes: bool) -> Vec<String> {
    let mut names = vec![String::new()];
    for (number, labels) in axes.iter().enumerate() {
        let shown: Vec<String> = labels
            .iter()
            .map(|label| match quotes && needs_quotes(label) {
                true => format!("\"{}\"", label.replace('\\', "\\\\").replace('"', "\\\"")),
                false => label.clone(),
            })
            .collect();
        let is_picked = picked.contains(&number);
        let is_first = picked.first() == Some(&number);
        names = names
            .iter()
            .flat_map(|name| {
                shown.iter().map(move |label| match (is_picked, is_first) {
                    (true, true) => label.clone(),
                    (true, false) => format!("{name}, {label}"),
                    (false, _) => name.clone(),
                })
            })
            .collect();
    }
    names
}

fn needs_quotes(label: &str) -> bool {
    label.is_empty() || label.trim() != label || label.contains([',', '"'])
}

/// The labels, those above `most` characters cut and numbered.
fn shortened(labels: &[String], most: usize) -> Vec<String> {
    let short = |(index, label): (usize, &String)| match label.chars().count() > most {
        true => cut(&format!("#{} {label}", index + 1), most),
        false => label.clone(),
    };
    labels.iter().enumerate().map(short).collect()
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(axes: &[&[&str]]) -> Vec<String> {
        let axes: Vec<Vec<String>> = axes
            .iter()
            .map(|labels| labels.iter().map(|label| (*label).to_owned()).collect())
            .collect();
        cell_names(&axes).names
    }

    #[test]
    fn names_are_the_labels_unless_two_would_be_one() {
        assert_eq!(names(&[]), [AS_WRITTEN]);
        assert_eq!(names(&[&["none", "soon, often"]]), ["none", "soon, often"]);
        assert_eq!(
            names(&[&["a", "b"], &["1", "2"]]),
            ["a, 1", "a, 2", "b, 1", "b, 2"]
        );
        assert_eq!(
            names(&[&["soon", "soon, often"], &["late", "often, late"]]),
            [
                "soon, late",
                "soon, \"often, late\"",
                "\"soon, often\", late",
                "\"soon, often\", \"often, late\"",
            ]
        );
        assert_eq!(names(&[&["a", "a, \"b\""], &["\"b\", c", "c"]]).len(), 4);
    }

    #[test]
    fn long_names_leave_out_what_all_share_and_then_are_cut() {
        let long = "x".repeat(100);
        let found = names(&[&["soon", "late"], &[&long], &[&long]]);
        assert_eq!(found, ["soon", "late"]);
        let (one, other) = (format!("{long}{long}1"), format!("{long}{long}2"));
        let found = names(&[&[&one, &other]]);
        assert!(found[0].starts_with("#1 xxx") && found[0].ends_with('…'));
        assert!(found[1].starts_with("#2 xxx"));
    }

    proptest! {
        #[test]
        fn names_are_unique_and_fit_for_any_labels(
            axes in proptest::collection::vec(
                proptest::collection::vec(prop_oneof!["[ab, \"\\\\#1…]{0,4}", "[ax]{100,130}"], 1..5), 0..5,
            ),
        ) {
            let Names { names, .. } = cell_names(&axes);
            prop_assert_eq!(names.len(), axes.iter().map(Vec::len).product::<usize>());
            let distinct: BTreeSet<&String> = names.iter().collect();
            prop_assert_eq!(distinct.len(), names.len());
            for name in &names {
                prop_assert!((1..=LONGEST_NAME).contains(&name.chars().count()), "{}", name);
            }
        }
    }
}
