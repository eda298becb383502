use ron::error::Position;

/// The byte offset of a position of `ron`, whose lines and columns count from
/// one, lines by `'\n'` and columns by character (a `'\r'` is one). A position
/// past the end of its line, or of the text, is the end of that.
pub(super) fn offset(text: &str, position: Position) -> usize {
    let start = match position.line {
        0 | 1 => 0,
        line => match text.match_indices('\n').nth(line - 2) {
            Some((newline, _)) => newline + 1,
            None => return text.len(),
        },
    };
    let line = &text[start..];
    let line = &line[..line.find('\n').unwrap_or(line.len())];
    let within = line
        .char_indices()
        .nth(position.col.saturating_sub(1))
        .map_or(line.len(), |(offset, _)| offset);
    start + within
}

/// The line and the column, both from one and the column in characters, of a
/// byte offset. An offset beyond the text is its end; one inside a character
/// is that character.
///
/// ```
/// # use ratelab::scenario::text::line_and_column;
/// assert_eq!(line_and_column("ä\nbc", 4), (2, 2));
/// ```
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..floor_boundary(text, offset)];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.matches('\n').count();
    (line, 1 + before[start..].chars().count())
}

/// The last character boundary that is not after `offset`.
pub(super) fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_count_characters_and_lines_end_with_a_newline() {
        for (text, line, col, expected) in [
            ("", 1, 1, 0),
            ("abc", 1, 3, 2),
            ("äöü", 1, 3, 4),
            ("a\r\nbc", 2, 2, 4),
            ("a\r\nbc", 1, 3, 2),
            ("a\n\nb", 3, 1, 3),
            ("a\nb", 1, 9, 1),
            ("a\nb", 7, 1, 3),
            ("😀\n😀x", 2, 2, 9),
        ] {
            assert_eq!(offset(text, Position { line, col }), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn an_offset_survives_the_way_there_and_back(text in "[aä€😀\r\n]{0,20}", at in 0_usize..80) {
            let at = floor_boundary(&text, at);
            let (line, col) = line_and_column(&text, at);
            prop_assert_eq!(offset(&text, Position { line, col }), at);
        }
    }
}
