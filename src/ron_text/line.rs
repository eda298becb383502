use std::borrow::Cow;

use super::node::{Node, Shape};
use super::tree::SourceTree;

/// A RON text on one line: without comments, with a blank after each comma and
/// colon, and with the characters that [`visible`] escapes. Two texts that
/// differ in layout alone become equal.
///
/// ```
/// # use ratelab::scenario::text::one_line;
/// assert_eq!(one_line("Fixed(\n  wait:\"1s\", // short\n)"), "Fixed(wait: \"1s\")");
/// ```
pub fn one_line(text: &str) -> String {
    let tree = SourceTree::new(text);
    match tree.root().filter(|_| tree.faults().is_empty()) {
        Some(root) => {
            let mut line = String::new();
            write(&tree, root, &mut line);
            line
        }
        None => visible(text.trim()).into_owned(),
    }
}

fn write(tree: &SourceTree<'_>, node: &Node, line: &mut String) {
    let Shape::Group(group) = &node.shape else {
        line.push_str(&visible(tree.raw(&node.span)));
        return;
    };
    if let Some(name) = &group.name {
        line.push_str(tree.raw(name));
    }
    line.push(group.bracket.opener());
    for (index, entry) in group.entries.iter().enumerate() {
        if index > 0 {
            line.push_str(", ");
        }
        if let Some(key) = &entry.key {
            line.push_str(&visible(tree.raw(key)));
            line.push_str(": ");
        }
        write(tree, &entry.value, line);
    }
    line.push(group.bracket.closer());
}

/// A text in which what cannot be seen, or turns the direction of what follows,
/// is written as an escape such as `\n` or `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut seen = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) {
            seen.extend(c.escape_default());
        } else {
            seen.push(c);
        }
    }
    Cow::Owned(seen)
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layout_and_comments_are_left_out() {
        for (text, line) in [
            (" 40 ", "40"),
            ("[1,2 , /* x */ 3,]", "[1, 2, 3]"),
            (
                "Gate (\n  permits:3,\n  // all\n  per:[User]\n)",
                "Gate(permits: 3, per: [User])",
            ),
            ("{\"a\":1,\"b, c\":()}", "{\"a\": 1, \"b, c\": ()}"),
            ("\"two\nlines\"", "\"two\\nlines\""),
            ("\"\u{202e}x\"", "\"\\u{202e}x\""),
            ("(1", "(1"),
        ] {
            assert_eq!(one_line(text), line, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_visible_line(text in "(?s).{0,24}") {
            prop_assert!(!one_line(&text).contains(is_hidden));
        }
    }
}
