mod layout;

use super::notes::notes;
use super::rows::{Group, Row, groups, remarks};
use super::{Answer, verdict};
use crate::scenario::text::printable;
use layout::{Grid, wrapped};

/// The most columns of numbers. More policies than this stand below each other.
const MOST_COLUMNS: usize = 4;

/// The most policies that are printed.
pub(super) const MOST_POLICIES: usize = 200;

/// The narrowest lines.
const NARROWEST: usize = 20;

/// The answer as text for people, in lines of at most `width` characters.
pub fn table(answer: &Answer<'_>, width: usize) -> String {
    let width = width.max(NARROWEST);
    let all = answer.study.cells.len();
    let policies = all.min(MOST_POLICIES);
    let groups = groups(answer, policies);
    let mut text = String::new();
    push(&mut text, width, &printable(answer.name()));
    let settings = format!(
        "{}, seed {}",
        answer.intervals_in_words(),
        answer.study.seed
    );
    push(&mut text, width, &settings);
    text.push('\n');
    let grid = match policies {
        ..=MOST_COLUMNS => side_by_side(answer, policies, &groups).text(width),
        _ => None,
    };
    let body = grid.unwrap_or_else(|| below_each_other(answer, policies, &groups, width));
    text.push_str(&body);
    text.push('\n');
    if policies < all {
        let rest = format!("the first {policies} of {all} policies; estimates.csv has all");
        push(&mut text, width, &rest);
    }
    let remarks = remarks(answer, &groups);
    for line in [remarks, verdict::lines(answer), notes(answer)]
        .iter()
        .flatten()
    {
        push(&mut text, width, line);
    }
    text
}

fn push(text: &mut String, width: usize, paragraph: &str) {
    for line in wrapped(paragraph, width) {
        text.push_str(&line);
        text.push('\n');
    }
}

/// What is asked in rows, policies in columns, and what they vary above them.
fn side_by_side(answer: &Answer<'_>, policies: usize, groups: &[Group]) -> Grid {
    let rows = |group: &Group| {
        let row = |row: &Row| {
            let cells = row.cells.iter().map(ToString::to_string);
            std::iter::once(row.words.clone()).chain(cells).collect()
        };
        group.rows.iter().map(row).collect()
    };
    Grid {
        head: answer.heading(policies),
        groups: (groups.iter())
            .map(|group| (group.heading.clone(), rows(group)))
            .collect(),
    }
}

/// Policies in rows, and what is asked in columns, some at a time.
fn below_each_other(
    answer: &Answer<'_>,
    policies: usize,
    groups: &[Group],
    width: usize,
) -> String {
    let corner = answer.varied_paths().join(", ");
    let mut text = String::new();
    for group in groups {
        let mut left = &group.rows[..];
        if !text.is_empty() {
            text.push('\n');
        }
        if !group.heading.is_empty() {
            push(&mut text, width, &group.heading);
        }
        let mut is_first = true;
        while !left.is_empty() {
            // As many columns as fit, and one in any case.
            let fitting = (1..=left.len().min(MOST_COLUMNS)).rev().find_map(|many| {
                let grid = transposed(answer, policies, &corner, &left[..many]);
                Some((many, grid.text(width)?))
            });
            let Some((many, block)) = fitting else {
                break;
            };
            if !is_first {
                text.push('\n');
            }
            text.push_str(&block);
            (left, is_first) = (&left[many..], false);
        }
    }
    text
}

fn transposed(answer: &Answer<'_>, policies: usize, corner: &str, rows: &[Row]) -> Grid {
    let words = rows.iter().map(|row| row.words.clone());
    let policy = |number: usize| {
        let cells = rows.iter().map(|row| row.cells[number].to_string());
        std::iter::once(answer.policy(number))
            .chain(cells)
            .collect()
    };
    Grid {
        head: vec![std::iter::once(corner.to_owned()).chain(words).collect()],
        groups: vec![(String::new(), (0..policies).map(policy).collect())],
    }
}
