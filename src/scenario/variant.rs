mod cells;
mod names;
mod overlap;

use super::text::{Path, PathError, Problem, Problems, SourceTree, candidates, parse};
use super::{Draft, Scenario};

pub use cells::{Axis, Setting, Variant, Variants, VariantsIter};
pub use names::AS_WRITTEN;

/// The text of a scenario, with values set from outside.
#[derive(Debug, Clone)]
pub struct Source {
    text: String,
}

impl Source {
    /// A text as it was read.
    pub fn new(text: String) -> Source {
        Source { text }
    }

    /// The text, with all values that were set.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Sets the value at a path, as `--set PATH=VALUE` does. A segment `*`
    /// stands for every entry there, as in `clients.*.retry`. Where the value
    /// may be read as a text or as something else, what makes a sound scenario
    /// is taken.
    ///
    /// # Errors
    /// If the path leads nowhere. Whether the value fits is found by
    /// [`scenario`](Source::scenario).
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), Problem> {
        for path in self.expand(path)? {
            self.set_one(&path, value)?;
        }
        Ok(())
    }

    /// The paths that a path with `*` segments stands for.
    ///
    /// # Errors
    /// If there is nothing where a `*` is.
    pub fn expand(&self, path: &str) -> Result<Vec<String>, Problem> {
        let whole: Path = path
            .parse()
            .map_err(|error: PathError| error.into_problem(None))?;
        let paths = SourceTree::new(&self.text)
            .expand(&whole)
            .map_err(|error| error.into_problem(None))?;
        Ok(paths.iter().map(Path::to_string).collect())
    }

    fn set_one(&mut self, path: &str, value: &str) -> Result<(), Problem> {
        let texts =
            candidates(&self.text, path, value).map_err(|error| error.into_problem(None))?;
        // A value of the right kind that breaks a rule is told by the rule.
        let faults = |text: &String| match Scenario::parse(text) {
            Ok(_) => (0, 0),
            Err(_) if parse::<Draft>(text).is_ok() => (1, 0),
            Err(problems) => (2, problems.len()),
        };
        let best = match texts.len() {
            1 => texts.into_iter().next(),
            _ => texts.into_iter().min_by_key(faults),
        };
        if let Some(text) = best {
            self.text = text;
        }
        Ok(())
    }

    /// The scenario.
    ///
    /// # Errors
    /// As [`Scenario::parse`].
    pub fn scenario(&self) -> Result<Scenario, Problems> {
        Scenario::parse(&self.text)
    }

    /// The cells of the scenario's study: each policy with each combination of
    /// the values that it varies, the last path varying fastest; the scenario
    /// itself, if there are none. Every one has been read and found sound, but
    /// none is held: they are made again when asked for.
    ///
    /// # Errors
    /// As [`Scenario::parse`], or if a value does not fit where it is put; the
    /// place is that of the value.
    pub fn variants(&self) -> Result<Variants, Problems> {
        Variants::new(&self.text)
    }
}

#[cfg(test)]
mod tests;
