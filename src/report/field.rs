use std::borrow::Cow;

/// A name as a cell of a CSV file.
///
/// Spreadsheets compute a cell that begins with `=`, `+`, `-` or `@` (CWE-1236),
/// also behind blanks or a tab, so that a name which does is written with an
/// apostrophe in front. One that begins with an apostrophe gets another: taking
/// one away gives every name back. A number stays a number.
pub fn name_field(name: &str) -> Cow<'_, str> {
    let first = |text: &str| text.chars().next();
    let begins = match first(name) {
        None => return Cow::Borrowed(name),
        Some('\'') => true,
        Some(_) => {
            let is_blank = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}';
            // The second four are the same for keyboards of East Asia.
            first(name.trim_start_matches(is_blank))
                .is_some_and(|c| "=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c))
        }
    };
    match begins && !is_number(name) {
        true => Cow::Owned(format!("'{name}")),
        false => Cow::Borrowed(name),
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_computed() {
        for (name, written) in [
            ("", ""),
            ("gate", "gate"),
            ("a=b", "a=b"),
            ("=1+1", "'=1+1"),
            ("@home", "'@home"),
            ("-", "'-"),
            ("+", "'+"),
            ("--", "'--"),
            ("-5+cmd|' /C calc'!A0", "'-5+cmd|' /C calc'!A0"),
            ("+49 30 1234", "'+49 30 1234"),
            ("\t=1", "'\t=1"),
            ("\r\n@x", "'\r\n@x"),
            ("  =1", "'  =1"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("'quoted'", "''quoted'"),
            ("'=1", "''=1"),
            // What is varied may be a number.
            ("-5", "-5"),
            ("+1.5e-3", "+1.5e-3"),
            ("-inf", "'-inf"),
        ] {
            assert_eq!(name_field(name), written);
            let back = written.strip_prefix('\'').unwrap_or(written);
            assert_eq!(back, name);
        }
    }
}
