//! A value that a study puts at a path, and how a problem with it is told where
//! the study says so.

use crate::scenario::Draft;
use crate::scenario::study::Link;
use crate::scenario::text::{Path, Problem, SourceTree, reads, set_everywhere};

/// A value put at a path.
#[derive(Debug)]
pub(super) struct Put {
    pub(super) path: String,
    pub(super) value: String,
    pub(super) label: String,
    pub(super) written: Written,
}

/// A link, and where it puts what it follows from.
#[derive(Debug)]
pub(super) struct LinkPut {
    pub(super) path: String,
    pub(super) link: Link,
    pub(super) written: Written,
}

/// Where a study says so, and how a problem with it is told.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) subject: String,
    pub(super) key: Path,
    pub(super) value: Path,
}

/// The most names that a problem lists.
pub(super) const MOST_NAMED: usize = 12;

impl LinkPut {
    /// What is put, given what is read; rounded where the scenario takes
    /// nothing but a whole number.
    pub(super) fn value(&self, text: &str, value: &str) -> Result<String, String> {
        let linked = self.link.follow(value)?;
        Ok(match linked.whole {
            Some(whole) if is_whole(text, &self.path, &linked.text, &whole) => whole,
            _ => linked.text,
        })
    }
}

impl Written {
    pub(super) fn new(subject: String, key: &[&str]) -> Written {
        let key = key
            .iter()
            .fold(Path::root().field("study"), |path, name| path.field(name));
        Written {
            subject,
            value: key.clone(),
            key,
        }
    }

    pub(super) fn at_key(&self, text: &str, problem: Problem) -> Problem {
        Problem {
            place: SourceTree::new(text).key_place(&self.key),
            ..self.told(problem)
        }
    }

    pub(super) fn at_value(&self, text: &str, problem: Problem) -> Problem {
        Problem {
            place: SourceTree::new(text).place(&self.value),
            ..self.told(problem)
        }
    }

    fn told(&self, problem: Problem) -> Problem {
        Problem {
            message: format!("{}: {}", self.subject, problem.message),
            ..problem
        }
    }
}

/// Whether a place takes whole numbers alone.
pub(super) fn is_whole(text: &str, path: &str, broken: &str, whole: &str) -> bool {
    let fits = |value| {
        let text = set_everywhere(text, path, value);
        text.is_ok_and(|text| reads::<Draft>(&text))
    };
    !fits(broken) && fits(whole)
}
