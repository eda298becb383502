//! Texts of a user on a terminal or in a table: nothing in them may steer it,
//! turn its lines around or be invisible, and long ones are shortened.

use std::borrow::Cow;

/// Whether a character is not shown as itself: controls (C0, C1, delete), line
/// and paragraph separators, and the format characters of Unicode 16
/// (general category Cf), among them bidirectional marks and zero-width ones.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            u32::from(c),
            0xad | 0x600..=0x605
                | 0x61c
                | 0x6dd
                | 0x70f
                | 0x890..=0x891
                | 0x8e2
                | 0x180e
                | 0x200b..=0x200f
                | 0x2028..=0x202e
                | 0x2060..=0x206f
                | 0xfeff
                | 0xfff9..=0xfffb
                | 0x110bd
                | 0x110cd
                | 0x13430..=0x1343f
                | 0x1bca0..=0x1bca3
                | 0x1d173..=0x1d17a
                | 0xe0000..=0xe007f
        )
}

/// The text with each unprintable character as an escape such as `\u{202e}`.
///
/// ```
/// # use ratelab::scenario::text::printable;
/// assert_eq!(printable("a\u{202e}b\u{1b}"), "a\\u{202e}b\\u{1b}");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_unprintable(c) {
            true => shown.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The first `most` characters of a text, with `…` in place of the last of
/// them if there are more.
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept: String = text.chars().take(most.saturating_sub(1)).collect();
            Cow::Owned(kept + "…")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_is_invisible_is_escaped() {
        for range in [
            '\0'..='\u{1f}',
            '\u{7f}'..='\u{9f}',
            '\u{200b}'..='\u{200f}',
            '\u{202a}'..='\u{202e}',
            '\u{2066}'..='\u{2069}',
            '\u{61c}'..='\u{61c}',
            '\u{2028}'..='\u{2029}',
            '\u{feff}'..='\u{feff}',
        ] {
            for c in range {
                let text = format!("a{c}b");
                let escaped = format!("a\\u{{{:x}}}b", u32::from(c));
                assert_eq!(printable(&text), escaped);
            }
        }
        for text in ["plain", "Wärmepumpe 日本 ½", "🏠\u{fe0f}", "a\u{a0}b"] {
            assert_eq!(printable(text), text);
        }
    }

    #[test]
    fn long_texts_are_shortened() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
        assert_eq!(shortened("a", 0), "…");
    }
}
