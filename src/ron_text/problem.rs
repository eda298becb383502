use std::fmt;
use std::ops::Range;

use super::nearest;

/// One thing that is wrong with a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("{message}{}", .help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default())]
pub struct Problem {
    /// What is wrong: a sentence fragment without a full stop.
    pub message: String,
    /// The bytes of the text that it is about, on character boundaries.
    pub place: Option<Range<usize>>,
    /// What was expected at the place, in a few words; may be empty.
    pub label: String,
    /// How to mend it, such as the nearest known name.
    pub help: Option<String>,
    /// What sort of problem it is, for who tells it in words of its own.
    pub kind: Kind,
}

/// What sort of problem one is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Kind {
    /// Any other, or one whose help knows better than a list of names.
    #[default]
    Other,
    /// A field that is not known where it is.
    UnknownField(Box<Unknown>),
    /// A word that is not known where it is.
    UnknownWord(Box<Unknown>),
}

/// A name that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The name.
    pub name: String,
    /// Those that are.
    pub known: &'static [&'static str],
}

impl Unknown {
    /// The nearest of the known names.
    pub fn nearest(&self) -> Option<&'static str> {
        nearest(&self.name, self.known.iter().copied())
    }
}

impl Kind {
    /// The name that is not known, if that is the problem.
    pub fn unknown(&self) -> Option<&Unknown> {
        match self {
            Kind::UnknownField(unknown) | Kind::UnknownWord(unknown) => Some(unknown),
            Kind::Other => None,
        }
    }
}

impl Problem {
    /// A problem of the text as a whole.
    pub fn new(message: impl Into<String>) -> Problem {
        Problem {
            message: message.into(),
            ..Problem::default()
        }
    }

    /// A problem at a place of the text.
    pub fn at(place: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            place: Some(place),
            ..Problem::new(message)
        }
    }

    /// The same with what was expected at the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Problem {
        self.label = label.into();
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}

/// The problems of one text, in the order of their places (those without a
/// place first), each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// No problem yet.
    pub fn new() -> Problems {
        Problems::default()
    }

    /// Adds a problem, unless it is there already.
    pub fn push(&mut self, problem: Problem) {
        let start =
            |problem: &Problem| problem.place.as_ref().map(|place| (place.start, place.end));
        let key = start(&problem);
        let from = self.0.partition_point(|other| start(other) < key);
        let to = self.0.partition_point(|other| start(other) <= key);
        if !self.0[from..to].contains(&problem) {
            self.0.insert(to, problem);
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of problems.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The problems in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// The value, if nothing is wrong.
    ///
    /// # Errors
    /// These problems, if there is any.
    pub fn into_result<T>(self, value: T) -> Result<T, Problems> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems(vec![problem])
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        for problem in problems {
            self.push(problem);
        }
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Problems {
        let mut all = Problems::new();
        all.extend(problems);
        all
    }
}

impl<'p> IntoIterator for &'p Problems {
    type Item = &'p Problem;
    type IntoIter = std::slice::Iter<'p, Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_sorted_by_place_and_each_is_kept_once() {
        let problems: Problems = [
            Problem::at(9..12, "c"),
            Problem::at(2..5, "b"),
            Problem::new("a"),
            Problem::at(9..12, "d"),
            Problem::at(9..12, "c"),
            Problem::at(2..3, "e").help("f"),
        ]
        .into_iter()
        .collect();
        assert_eq!(problems.to_string(), "a\ne (f)\nb\nc\nd");
        assert_eq!(problems.len(), 5);
        assert_eq!(problems.clone().into_result(1), Err(problems));
        assert_eq!(Problems::new().into_result(1), Ok(1));
    }
}
