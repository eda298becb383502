use ron::value::RawValue;
use serde::de::{DeserializeOwned, Deserializer, Error};

use super::tree::{SourceTree, excerpt};

/// A value or, as `None`, one bare word that stands for the absence of one,
/// such as `4` or `Unlimited`.
///
/// A visitor cannot tell this: from `deserialize_any`, `ron` passes every bare
/// word as a unit and drops its name. So the raw text is taken and read again.
/// `expected` says what the value is, such as `"a whole number"`. Works with
/// `ron` only.
///
/// # Errors
/// What was expected and what stands there, for text that is neither.
pub fn number_or_word<'de, D, T>(
    deserializer: D,
    expected: &str,
    word: &str,
) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let raw: Box<RawValue> = serde::Deserialize::deserialize(deserializer)?;
    let tree = SourceTree::new(raw.get_ron());
    let text = tree.root().map_or("", |root| tree.raw(&root.span));
    if text == word {
        return Ok(None);
    }
    ron::from_str(text).map(Some).map_err(|_| {
        D::Error::custom(format_args!(
            "{} is neither {expected} nor {word}; expected {expected} or {word}",
            excerpt(text)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq)]
    struct Permits(Option<u32>);

    impl<'de> Deserialize<'de> for Permits {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Permits, D::Error> {
            number_or_word(deserializer, "a whole number", "Unlimited").map(Permits)
        }
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Gate {
        permits: Permits,
        #[serde(default)]
        more: Vec<Permits>,
    }

    #[test]
    fn a_number_and_the_word_are_read_anywhere() {
        let gate: Gate =
            parse("(permits: /* all */ Unlimited, more: [4, Unlimited, 0x10])").unwrap();
        assert_eq!(gate.permits, Permits(None));
        assert_eq!(
            gate.more,
            [Permits(Some(4)), Permits(None), Permits(Some(16))]
        );
        assert_eq!(
            parse::<Gate>("(permits: 160)").unwrap().permits,
            Permits(Some(160))
        );
    }

    #[test]
    fn anything_else_is_refused_at_its_place() {
        for value in [
            "Unlimitd",
            "-1",
            "2.5",
            "\"Unlimited\"",
            "5000000000",
            "[4]",
        ] {
            let text = format!("(permits: {value} , more: [])");
            let problems = parse::<Gate>(&text).unwrap_err();
            let problem = problems.iter().next().unwrap();
            assert_eq!(problem.place.clone().map(|place| &text[place]), Some(value));
            assert_eq!(problem.label, "expected a whole number or Unlimited");
        }
    }

    /// What makes the raw text necessary; if `ron` ever passes the word, this
    /// fails and a plain visitor will do.
    #[test]
    fn ron_drops_the_name_of_a_bare_word() {
        struct Seen;
        impl serde::de::Visitor<'_> for Seen {
            type Value = String;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("anything")
            }
            fn visit_unit<E>(self) -> Result<String, E> {
                Ok("unit".to_owned())
            }
            fn visit_str<E>(self, text: &str) -> Result<String, E> {
                Ok(format!("text {text}"))
            }
            fn visit_u8<E>(self, number: u8) -> Result<String, E> {
                Ok(format!("u8 {number}"))
            }
        }
        for (text, seen) in [("Unlimited", "unit"), ("4", "u8 4"), ("\"a\"", "text a")] {
            let mut deserializer = ron::Deserializer::from_str(text).unwrap();
            assert_eq!(deserializer.deserialize_any(Seen).unwrap(), seen);
        }
    }

    /// The other way: serde's own buffering keeps the word, but takes it in
    /// quotes too, and has one message for every mistake.
    #[test]
    fn an_untagged_enum_takes_a_bare_word_and_a_quoted_one() {
        #[derive(Debug, PartialEq, Deserialize)]
        enum Word {
            Unlimited,
        }
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(untagged, expecting = "expected a whole number or Unlimited")]
        enum Either {
            Number(u32),
            Word(Word),
        }
        assert_eq!(parse::<Either>("4").unwrap(), Either::Number(4));
        assert_eq!(
            parse::<Either>("Unlimited").unwrap(),
            Either::Word(Word::Unlimited)
        );
        assert_eq!(
            parse::<Either>("\"Unlimited\"").unwrap(),
            Either::Word(Word::Unlimited)
        );
        for text in ["-4", "2.5", "Unlimitd"] {
            let problems = parse::<Either>(text).unwrap_err();
            assert_eq!(problems.to_string(), "expected a whole number or Unlimited");
        }
    }
}
