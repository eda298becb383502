//! What a value was meant to be that stands where a word or a field's name
//! belongs: whatever is read without an error in its place.

use std::ops::Range;

use ron::error::{Error, SpannedError};

use super::super::path::advice;
use super::super::position::offset;
use super::value::without_commas;

/// Larger texts are not read again for each guess.
const MOST_BYTES: usize = 16 << 10;

/// Guesses told at a time.
const MOST_GUESSES: usize = 4;

/// Longer values are not repeated in a guess.
const MOST_CHARS: usize = 40;

/// How the value at `place` may be mended, for an error that misses a word
/// there; `read` reads a text as the scenario that it should be.
pub(in super::super) fn meant(
    text: &str,
    place: &Range<usize>,
    read: impl Fn(&str) -> Result<(), SpannedError>,
) -> Option<String> {
    let value = text.get(place.clone())?;
    if text.len() > MOST_BYTES || value.is_empty() || value.chars().count() > MOST_CHARS {
        return None;
    }
    if let Some(number) = without_commas(text, place) {
        return Some(number);
    }
    let with = |guess: &str| [&text[..place.start], guess, &text[place.end..]].concat();
    let fits = |guess: &String| {
        let whole = with(guess);
        // What is wrong further on is another matter.
        read(&whole).err().is_none_or(|error| {
            offset(&whole, error.span.start) >= place.start + guess.len()
                && !matches!(error.code, Error::Message(_))
        })
    };
    // A name that nobody has makes the error tell the names that there are.
    let error = |guess: &str| read(&with(guess)).err().map(|error| error.code);
    let (known, guesses) = if let Some(Error::NoSuchEnumVariant { expected, .. }) = error("_none_")
    {
        let unquoted = value.trim_matches('"');
        if let Some(word) = expected
            .iter()
            .find(|word| word.eq_ignore_ascii_case(unquoted))
        {
            return Some(format!("write {word} without quotes"));
        }
        let around = |word: &&str| match value.starts_with('(') {
            true => format!("{word}{value}"),
            false => format!("{word}({value})"),
        };
        (expected, expected.iter().map(around).collect::<Vec<_>>())
    } else if let Some(Error::NoSuchStructField { expected, .. }) =
        error(&format!("_none_: {value}"))
    {
        let named = |field: &&str| format!("{field}: {value}");
        (expected, expected.iter().map(named).collect())
    } else {
        return None;
    };
    let mut fitting: Vec<String> = (guesses.into_iter().filter(fits))
        .take(MOST_GUESSES)
        .collect();
    match fitting.pop() {
        None => advice(None, known),
        Some(last) if fitting.is_empty() => Some(format!("write {last}")),
        Some(last) => Some(format!("write {} or {last}", fitting.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::parse;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Toy {
        address: Address,
        #[serde(default)]
        start: Option<Start>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    enum Address {
        Own,
        Shared { homes: u32 },
        Listed(String),
        Named(String),
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    enum Start {
        Uniform,
        After(u32),
    }

    #[test]
    fn the_words_and_fields_that_fit_are_told() {
        for (text, help) in [
            ("(address: 400)", "known are Own, Shared, Listed, Named"),
            ("(address: Shared(400))", "write homes: 400"),
            ("(address: (homes: 4))", "write Shared(homes: 4)"),
            ("(address: \"own\")", "write Own without quotes"),
            (
                "(address: \"a b\", start: 7)",
                "write Listed(\"a b\") or Named(\"a b\")",
            ),
            ("(address: Own, start: 7)", "write After(7)"),
            ("(address: Own, start: -7)", "known are Uniform, After"),
        ] {
            let problems = parse::<Toy>(text).unwrap_err();
            let found = problems.iter().next().and_then(|it| it.help.clone());
            assert_eq!(found.as_deref(), Some(help), "{text}");
        }
    }
}
