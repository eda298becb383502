use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::Problem;

/// The way to a value of a scenario, such as `server.stages.0.permits` or
/// `clients."a.b".retry`.
///
/// Segments are separated by dots and may hold spaces; one that holds a dot
/// itself is put in quotes, where `\"` and `\\` are escapes. Bare digits are an
/// index. The empty text is the path to the whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path(Vec<Segment>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// The name, quotes and escapes resolved.
    pub name: String,
    /// Whether it stood in quotes, and so is a name even if it has only digits.
    pub quoted: bool,
}

impl Segment {
    /// The index that the segment stands for, if it is bare digits.
    pub fn index(&self) -> Option<usize> {
        let digits = !self.quoted && self.name.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| self.name.parse().ok()).flatten()
    }

    /// Whether it is a bare `*`, which stands for every entry.
    pub fn is_every(&self) -> bool {
        self.name == "*" && !self.quoted
    }
}

impl Path {
    /// The path to the whole scenario.
    pub fn root() -> Path {
        Path::default()
    }

    /// The path to something named inside this: a field, a map's key, or a
    /// list's element by its `name`.
    #[must_use]
    pub fn field(mut self, name: &str) -> Path {
        self.0.push(Segment {
            name: name.to_owned(),
            quoted: name.contains('.')
                || name == "*"
                || name.starts_with('"')
                || name.bytes().all(|byte| byte.is_ascii_digit()),
        });
        self
    }

    /// The path to an element of this, counted from zero.
    #[must_use]
    pub fn index(mut self, index: usize) -> Path {
        self.0.push(Segment {
            name: index.to_string(),
            quoted: false,
        });
        self
    }

    /// The path to what one more step leads to.
    #[must_use]
    pub fn segment(mut self, segment: Segment) -> Path {
        self.0.push(segment);
        self
    }

    /// The steps, from the outermost.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The path of the first `count` steps.
    pub fn first(&self, count: usize) -> Path {
        Path(self.0.iter().take(count).cloned().collect())
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Path, PathError> {
        let mut segments = Vec::new();
        let mut rest = Some(text).filter(|text| !text.is_empty());
        while let Some(here) = rest {
            let fail = |what: &str| PathError {
                message: format!("{text:?} is not a path: {what}"),
                segment: segments.len(),
                known: Vec::new(),
                nearest: None,
                place: None,
            };
            let (segment, after) = match here.strip_prefix('"') {
                Some(quoted) => {
                    let (name, after) =
                        unquote(quoted).ok_or_else(|| fail("a quoted segment is not closed"))?;
                    (Segment { name, quoted: true }, after)
                }
                None => {
                    let end = here.find('.').unwrap_or(here.len());
                    let (name, after) = here.split_at(end);
                    if name.is_empty() {
                        return Err(fail("a segment between two dots is empty"));
                    }
                    let name = name.to_owned();
                    (
                        Segment {
                            name,
                            quoted: false,
                        },
                        after,
                    )
                }
            };
            rest = match after.strip_prefix('.') {
                None if after.is_empty() => None,
                None => return Err(fail("a quoted segment must end before a dot")),
                next => next,
            };
            // A dot at the end leaves an empty segment, refused above.
            segments.push(segment);
        }
        Ok(Path(segments))
    }
}

fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((name, &quoted[at + 1..])),
            '\\' => name.push(chars.next()?.1),
            c => name.push(c),
        }
    }
    None
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            let name = &segment.name;
            if segment.quoted {
                let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\"")?;
            } else {
                f.write_str(name)?;
            }
        }
        Ok(())
    }
}

/// Why a path leads to no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", .nearest.as_ref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default())]
pub struct PathError {
    /// What is wrong, naming the segment and where it was looked for.
    pub message: String,
    /// The position of the segment in the path, from zero.
    pub segment: usize,
    /// The names that exist there.
    pub known: Vec<String>,
    /// The one of these that was most likely meant.
    pub nearest: Option<String>,
    /// Where in the text the segment was looked for.
    pub place: Option<Range<usize>>,
}

impl PathError {
    /// The same as a [`Problem`], at the place where the path is written.
    pub fn into_problem(self, place: Option<Range<usize>>) -> Problem {
        Problem {
            message: self.message,
            place,
            label: "expected the path of a value".to_owned(),
            help: advice(self.nearest.as_deref(), &self.known),
            ..Problem::default()
        }
    }
}

/// The nearest name and the list of known ones as a help line.
pub(crate) fn advice<S: AsRef<str>>(nearest: Option<&str>, known: &[S]) -> Option<String> {
    const MOST: usize = 24;
    let mut names: Vec<&str> = known.iter().take(MOST).map(AsRef::as_ref).collect();
    if known.len() > MOST {
        names.push("...");
    }
    let list = names.join(", ");
    match (nearest, known.len()) {
        (Some(name), 1) => Some(format!("did you mean {name:?}?")),
        (Some(name), _) => Some(format!("did you mean {name:?}? known are {list}")),
        (None, 0) => None,
        (None, 1) => Some(format!("the only one known is {list}")),
        (None, _) => Some(format!("known are {list}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_and_their_segments() {
        for (text, names) in [
            ("", vec![]),
            ("a", vec!["a"]),
            (
                "clients.home-assistant.retry",
                vec!["clients", "home-assistant", "retry"],
            ),
            (
                "server.stages.app 10 s.by",
                vec!["server", "stages", "app 10 s", "by"],
            ),
            ("clients.\"a.b\".retry", vec!["clients", "a.b", "retry"]),
            ("\"\".\"q\\\"\\\\\"", vec!["", "q\"\\"]),
        ] {
            let path: Path = text.parse().unwrap();
            let found: Vec<&str> = path.segments().iter().map(|s| s.name.as_str()).collect();
            assert_eq!(found, names);
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn digits_are_an_index_unless_quoted() {
        let path: Path = "a.0.\"0\"".parse().unwrap();
        let indices: Vec<_> = path.segments().iter().map(Segment::index).collect();
        assert_eq!(indices, [None, Some(0), None]);
        assert_eq!(path, Path::root().field("a").index(0).field("0"));
    }

    #[test]
    fn texts_that_are_not_paths_say_why() {
        for (text, part) in [
            (".", "empty"),
            ("a..b", "empty"),
            ("a.\"b", "not closed"),
            ("\"a\\", "not closed"),
            ("a.\"b\"c", "before a dot"),
        ] {
            let message = text.parse::<Path>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn a_path_survives_printing(names in proptest::collection::vec(".{0,6}", 0..4)) {
            let path = names.iter().fold(Path::root(), |path, name| path.field(name));
            prop_assert_eq!(path.to_string().parse::<Path>().unwrap(), path);
        }
    }
}
