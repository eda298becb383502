//! Columns of text that are never wider than they may be.

use unicode_width::UnicodeWidthStr;

/// Between two columns.
const GAP: usize = 2;

/// The least and the most that the first column gets where room is short.
const FIRST: (usize, usize) = (16, 30);

/// The narrowest column of numbers that shares its lines with others.
const NARROW: usize = 12;

/// Rows by which columns are shared out.
const MOST_MEASURED: usize = 60;

/// How wide the words above a column make it at most.
const HEADING: usize = 22;

/// Rows of cells: the first is words, the others are numbers to its right.
#[derive(Debug, Default)]
pub(super) struct Grid {
    /// Rows above the numbers.
    pub(super) head: Vec<Vec<String>>,
    /// Groups of rows, each with a heading; an empty one is not written.
    pub(super) groups: Vec<(String, Vec<Vec<String>>)>,
}

impl Grid {
    /// The grid in lines of at most `width`; `None` if that is too narrow for
    /// its columns, unless there is but one beside the words.
    pub(super) fn text(&self, width: usize) -> Option<String> {
        let widths = self.widths(width)?;
        let mut text = String::new();
        for row in &self.head {
            push_row(&mut text, row, &widths, 0);
        }
        for (heading, rows) in &self.groups {
            let indent = if heading.is_empty() { 0 } else { 2 };
            if !heading.is_empty() {
                text.push('\n');
                for line in wrapped(heading, width) {
                    text.push_str(&line);
                    text.push('\n');
                }
            }
            for row in rows {
                push_row(&mut text, row, &widths, indent);
            }
        }
        Some(text)
    }

    /// How tall the rows are, and how many numbers are broken.
    fn raggedness(&self, widths: &[usize]) -> usize {
        let rows = self.groups.iter().flat_map(|(_, rows)| rows);
        let of_row = |row: &Vec<String>| {
            let lines = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| wrapped(cell, *width).len());
            let lines: Vec<usize> = lines.collect();
            let broken = lines.iter().skip(1).filter(|lines| **lines > 1).count();
            2 * lines.iter().max().unwrap_or(&0) + broken
        };
        rows.take(MOST_MEASURED).map(of_row).sum()
    }

    fn widths(&self, width: usize) -> Option<Vec<usize>> {
        let body = || self.groups.iter().flat_map(|(_, rows)| rows);
        let columns = body().chain(&self.head).map(Vec::len).max()?;
        let of = |column: usize,
                  rows: &mut dyn Iterator<Item = &Vec<String>>,
                  size: fn(&str) -> usize| {
            rows.filter_map(|row| row.get(column))
                .map(|cell| size(cell))
                .max()
                .unwrap_or(0)
        };
        let (mut liked, mut least) = (Vec::new(), Vec::new());
        for column in 1..columns {
            let token = of(column, &mut self.head.iter(), longest_token).clamp(NARROW, HEADING);
            let heading = of(column, &mut self.head.iter(), UnicodeWidthStr::width).min(HEADING);
            liked.push(of(column, &mut body(), UnicodeWidthStr::width).max(heading));
            least.push(of(column, &mut body(), longest_token).max(token));
        }
        let words = of(0, &mut body(), UnicodeWidthStr::width) + 2;
        let words = words.max(of(0, &mut self.head.iter(), UnicodeWidthStr::width).min(HEADING));
        let room = width.checked_sub(GAP * liked.len())?;
        let wanted: usize = liked.iter().sum();
        let first = words.min(FIRST.1);
        if wanted + first <= room {
            // What is left goes to the words.
            return Some([vec![words.min(room - wanted)], liked].concat());
        }
        let needed: usize = least.iter().sum();
        let first = words.min(FIRST.0);
        if needed + first <= room {
            // Room for the words is room that the numbers do not have.
            let most = words.min(FIRST.1).min(room - needed);
            let tried = (first..=most).rev().map(|first| {
                let widths = shared(first, &liked, &least, room, words);
                (self.raggedness(&widths), widths)
            });
            let best = tried.min_by_key(|(raggedness, _)| *raggedness);
            return best.map(|(_, widths)| widths);
        }
        (columns == 2).then(|| {
            let first = (room / 2).max(1).min(words);
            vec![first, room.saturating_sub(first).max(1)]
        })
    }
}

/// The widths of all columns if the first has at least `first`: what numbers
/// need, and what is left to the narrowest until they have what they like.
fn shared(first: usize, liked: &[usize], least: &[usize], room: usize, words: usize) -> Vec<usize> {
    let mut widths = [&[first], least].concat();
    let mut spare = room - widths.iter().sum::<usize>();
    while let Some(poorest) = (1..widths.len())
        .filter(|column| spare > 0 && widths[*column] < liked[*column - 1])
        .min_by_key(|column| widths[*column])
    {
        widths[poorest] += 1;
        spare -= 1;
    }
    widths[0] += spare.min(words.saturating_sub(first));
    widths
}

fn push_row(text: &mut String, row: &[String], widths: &[usize], indent: usize) {
    let cells: Vec<Vec<String>> = (row.iter().zip(widths).enumerate())
        .map(|(column, (cell, width))| match column {
            0 => wrapped(cell, width.saturating_sub(indent).max(1)),
            _ => wrapped(cell, *width),
        })
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    for line in 0..height {
        let mut written = " ".repeat(indent);
        for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let part = cell.get(line).map_or("", String::as_str);
            let blank = " ".repeat(width.saturating_sub(part.width()));
            match column {
                0 => {
                    written.push_str(part);
                    let used = written.width();
                    written.push_str(&" ".repeat(width.saturating_sub(used)));
                }
                _ => written.push_str(&format!("{}{blank}{part}", " ".repeat(GAP))),
            }
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
}

/// Words that stay together: a number and its unit, an interval, a sign.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_brackets = false;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let is_unit = tokens.last().is_some_and(|last| {
            let number = last.trim_start_matches(['-', '−']);
            number.starts_with(|c: char| c.is_ascii_digit())
                && !last.contains(' ')
                && ["%", "s", "ms", "µs", "ns", "min", "h", "days"]
                    .contains(&word.trim_end_matches([',', ';', '.', ')']))
        });
        let is_sign = ["*", "†", "‡"].contains(&word) && !tokens.is_empty();
        match tokens
            .last_mut()
            .filter(|_| in_brackets || is_unit || is_sign)
        {
            Some(last) => *last = format!("{last} {word}"),
            None => tokens.push(word.to_owned()),
        }
        in_brackets = (in_brackets || word.starts_with('[')) && !word.ends_with(']');
    }
    tokens
}

fn longest_token(text: &str) -> usize {
    (tokens(text).iter())
        .map(|token| token.width())
        .max()
        .unwrap_or(0)
}

/// A text in lines of at most `width`, broken between words where that can be.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for token in tokens(text) {
        let mut pieces = vec![token.clone()];
        if token.width() > width {
            pieces = token.split(' ').flat_map(|word| cut(word, width)).collect();
        }
        for piece in pieces {
            let line = lines.len() - 1;
            let used = lines[line].width();
            if used == 0 {
                lines[line] = piece;
            } else if used + 1 + piece.width() <= width {
                lines[line].push(' ');
                lines[line].push_str(&piece);
            } else {
                lines.push(piece);
            }
        }
    }
    lines
}

/// A word in pieces of at most `width`, cut behind a point if there is one.
fn cut(word: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in word.chars() {
        let last = pieces.len() - 1;
        let longer = format!("{}{c}", pieces[last]);
        if longer.width() > width && !pieces[last].is_empty() {
            let behind = pieces[last]
                .rfind(['.', ',', '/', '_'])
                .map_or(0, |place| place + 1);
            let rest = match behind {
                0 => String::new(),
                place => pieces[last].split_off(place),
            };
            pieces.push(format!("{rest}{c}"));
        } else {
            pieces[last] = longer;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_belongs_together_stays_together() {
        for (text, expected) in [
            ("1.24 % [1.18, 1.30] *", &["1.24 %", "[1.18, 1.30] *"][..]),
            (
                "none seen, at most 0.9 %",
                &["none", "seen,", "at", "most", "0.9 %"],
            ),
            ("288/day", &["288/day"]),
            ("80 ms [79, never] †", &["80 ms", "[79, never] †"]),
        ] {
            assert_eq!(tokens(text), expected);
        }
        assert_eq!(
            wrapped("1.24 % [1.18, 1.30]", 14),
            ["1.24 %", "[1.18, 1.30]"]
        );
        assert_eq!(wrapped("日本語日本語", 5), ["日本", "語日", "本語"]);
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(
            wrapped("server.stages.0.permits", 20),
            ["server.stages.0.", "permits"]
        );
    }

    proptest! {
        #[test]
        fn no_line_is_wider_and_no_word_is_lost(
            rows in prop::collection::vec(prop::collection::vec("[a-c日 ]{0,30}|[0-9]{1,9} %( \\[[0-9]{1,4}, [0-9]{1,4}\\])?", 2..4), 1..5),
            heading in "[a-z日 ]{0,40}",
            width in 20usize..70,
        ) {
            let many = rows[0].len();
            let rows: Vec<Vec<String>> = rows.into_iter().filter(|row| row.len() == many).collect();
            let letters = |text: &str| {
                let mut letters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
                letters.sort_unstable();
                letters
            };
            let all: String = rows.iter().flatten().cloned().collect::<String>() + &heading;
            let grid = Grid { head: Vec::new(), groups: vec![(heading, rows)] };
            if let Some(text) = grid.text(width) {
                for line in text.lines() {
                    prop_assert!(line.width() <= width, "{line:?} in {width}");
                }
                prop_assert_eq!(letters(&text), letters(&all));
            } else {
                prop_assert!(many > 2);
            }
        }
    }
}
