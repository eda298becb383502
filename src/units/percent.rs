use serde::{Deserialize, Serialize};

use super::UnitError;

/// A whole percentage, such as `"150%"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(pub u64);

impl TryFrom<String> for Percent {
    type Error = UnitError;
    fn try_from(text: String) -> Result<Percent, UnitError> {
        let number = text.trim().strip_suffix('%').map(str::trim);
        match number.and_then(|number| number.parse().ok()) {
            Some(percent) => Ok(Percent(percent)),
            None => Err(UnitError(format!(
                "\"{text}\" is not a whole percentage; expected a text such as \"150%\""
            ))),
        }
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> String {
        format!("{}%", percent.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_percentage_is_one() {
        for (text, percent) in [
            ("150%", Some(150)),
            (" 50 % ", Some(50)),
            ("0%", Some(0)),
            ("1.5%", None),
            ("-1%", None),
            ("150", None),
            ("%", None),
        ] {
            let read = Percent::try_from(text.to_owned());
            assert_eq!(read.ok().map(|percent| percent.0), percent, "{text}");
        }
        assert_eq!(String::from(Percent(150)), "150%");
    }
}
