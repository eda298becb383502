//! Text that is not RON: brackets, quotes and comments left open, commas and
//! colons left out, and too much or too little between parentheses.

use std::ops::Range;

use ron::error::Error;

use super::super::Problem;
use super::super::node::{Fault, Group, Leaf};
use super::super::position::line_and_column;
use super::super::scan::skip_space;
use super::super::tree::excerpt;
use super::Finder;

impl Finder<'_> {
    pub(super) fn syntax(&self, code: &Error) -> Problem {
        let relevant = self
            .open_comment()
            .or_else(|| self.broken_text())
            .or_else(|| self.open_bracket());
        if let Some(problem) = relevant {
            return problem;
        }
        let next = self.rest(self.end).chars().next();
        match (code, next) {
            (Error::TrailingCharacters, _) => self.trailing(),
            (Error::ExpectedComma, _) => self.no_comma(),
            (Error::ExpectedStructLikeEnd | Error::ExpectedOptionEnd, _) => self.too_many(),
            (Error::ExpectedStructLike | Error::ExpectedNamedStructLike(_), _) => {
                self.no_fields(next)
            }
            (Error::ExpectedMapColon, Some('=')) => Problem::at(
                self.end..self.end + 1,
                "expected \":\" after the name, found \"=\"",
            )
            .label("expected \":\"")
            .help("a field is written name: value"),
            (Error::ExpectedMapColon, _) => {
                let name = self.last_read();
                let raw = excerpt(self.tree.raw(&name));
                Problem::at(name, format!("expected \":\" and a value after {raw}"))
                    .label("expected a name and a value")
            }
            (Error::ExpectedAttribute | Error::ExpectedAttributeEnd, _) => {
                let start = self.tree.text().find('#').unwrap_or(self.end);
                Problem::at(
                    start..(start + 1).min(self.tree.text().len()),
                    "the \"#\" starts no known attribute",
                )
                .label("expected #![enable(...)]")
                .help("a comment starts with //")
            }
            (_, Some('#')) => Problem::at(self.end..self.end + 1, "unexpected \"#\"")
                .help("a comment starts with //"),
            (Error::UnexpectedChar(_), _) if self.rest(self.start).starts_with('/') => {
                Problem::at(self.start..self.start + 1, "a \"/\" stands alone")
                    .label("expected // or /* for a comment")
            }
            (_, Some(c @ (',' | ':' | ')' | ']' | '}'))) => {
                Problem::at(self.end..self.end + 1, format!("unexpected \"{c}\"")).label(match code
                {
                    Error::ExpectedIdentifier => "expected the name of a field",
                    _ => "expected a value",
                })
            }
            _ => {
                let mut message = code.to_string();
                if let Some(first) = message.get_mut(..1) {
                    first.make_ascii_lowercase();
                }
                Problem::at(self.word(), message)
            }
        }
    }

    pub(super) fn rest(&self, from: usize) -> &str {
        self.tree.text().get(from..).unwrap_or_default()
    }

    fn line(&self, at: usize) -> usize {
        line_and_column(self.tree.text(), at).0
    }

    fn open_comment(&self) -> Option<Problem> {
        self.tree.faults().iter().find_map(|fault| match fault {
            Fault::OpenComment { start } => Some(
                Problem::at(*start..start + 2, "the comment is not closed")
                    .label("expected */ after this"),
            ),
            _ => None,
        })
    }

    /// A string that lacks its closing quote. It runs on to the opening quote
    /// of a later string, which shows by what follows there.
    pub(super) fn broken_text(&self) -> Option<Problem> {
        let mut broken = None;
        self.tree.for_each(&mut |node| {
            let raw = self.tree.raw(&node.span);
            let runs_on = node.leaf() == Some(Leaf::Text)
                && raw.contains('\n')
                && !raw.starts_with(['r', 'b']);
            let next = self.rest(node.span.end).chars().next();
            let follows = next.is_some_and(|c| c.is_alphanumeric() || c == '"' || c == '_');
            if broken.is_none() && runs_on && follows && node.span.start < self.end {
                broken = Some(node.span.start);
            }
        });
        let open = self.tree.faults().iter().find_map(|fault| match fault {
            Fault::OpenText { start } => Some(*start),
            _ => None,
        });
        let start = broken.or(open.filter(|start| *start <= self.end))?;
        let line = self.rest(start);
        let line = line.lines().next().unwrap_or_default().trim_end();
        Some(
            Problem::at(start..start + line.len(), "the text is not closed")
                .label("expected a closing quote on this line"),
        )
    }

    /// A bracket left open, if the error is at the point where that shows.
    fn open_bracket(&self) -> Option<Problem> {
        let open = self.tree.faults().iter().find_map(|fault| match *fault {
            Fault::OpenBracket { open, found } => {
                let shows =
                    found.map_or(self.rest(self.end).trim().is_empty(), |at| self.end >= at);
                shows.then_some(open)
            }
            _ => None,
        })?;
        self.not_closed(open)
    }

    /// The problem of the bracket at an offset, if it is left open.
    pub(super) fn not_closed(&self, bracket: usize) -> Option<Problem> {
        let text = self.tree.text();
        let found = self.tree.faults().iter().find_map(|fault| match *fault {
            Fault::OpenBracket { open, found } => (open == bracket).then_some(found),
            _ => None,
        })?;
        let place = self.suspect_bracket().unwrap_or(bracket);
        let problem = Problem::at(
            place..place + 1,
            format!("the \"{}\" is not closed", &text[place..=place]),
        );
        Some(match found {
            Some(at) => problem.label(format!(
                "expected its closing bracket before the \"{}\" on line {}",
                &text[at..=at],
                self.line(at)
            )),
            None => problem.label("expected its closing bracket before the end of the file"),
        })
    }

    /// If a bracket is left open: the one that by its indentation is closed by
    /// the bracket that belongs to an outer one.
    pub(super) fn suspect_bracket(&self) -> Option<usize> {
        let text = self.tree.text();
        let mut faults = self.tree.faults().iter();
        faults.find(|fault| matches!(fault, Fault::OpenBracket { .. }))?;
        let mut suspect = None;
        self.tree.for_each(&mut |node| {
            let closed = |group: &&Group| group.body.end < node.span.end;
            let Some(group) = node.group().filter(closed) else {
                return;
            };
            // Also bounds the search for the starts of lines.
            if !self.tree.raw(&group.body).contains('\n') {
                return;
            }
            let (open, close) = (group.body.start - 1, group.body.end);
            let (open_line, close_line) = (line_start(text, open), line_start(text, close));
            let leads = text[close_line..close].trim().is_empty();
            if leads && open_line < close_line && indent(text, close_line) < indent(text, open_line)
            {
                suspect = Some(open);
            }
        });
        suspect
    }

    fn trailing(&self) -> Problem {
        let rest = self.rest(self.end);
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let root = self.tree.root().map_or(0, |root| root.span.end);
        let closer = rest.starts_with([')', ']', '}']);
        let length = if closer { 1 } else { length };
        let problem = Problem::at(
            self.end..self.end + length,
            format!(
                "the value ends on line {}, but {} follows",
                self.line(root),
                excerpt(&rest[..length])
            ),
        )
        .label("expected the end of the file");
        match rest.starts_with([')', ']', '}', ',']) {
            true => problem.help("is there a closing bracket too many?"),
            false => problem,
        }
    }

    /// A comma was expected: it is missing, or what was read so far is not the
    /// whole value.
    fn no_comma(&self) -> Problem {
        if let Some(token) = self.token(self.end)
            && let Some(node) = token.node
            && node.span.start < self.end
        {
            if node.leaf() == Some(Leaf::Number) {
                return self.wrong_integer(&Error::ExpectedComma, &token);
            }
            if let Some(name) = node.group().and_then(|group| group.name.clone()) {
                let raw = excerpt(self.tree.raw(&name));
                return Problem::at(
                    name.end..node.span.end,
                    format!("{raw} takes nothing in parentheses"),
                )
                .label("expected nothing here")
                .help(format!("write {raw}"));
            }
        }
        let before = self.last_read();
        let next = self.rest(skip_space(self.tree.text(), self.end));
        let word = next.split([' ', '\n', '\r', ':', '(', ',']).next();
        let next = word.filter(|word| !word.is_empty()).unwrap_or("this");
        Problem::at(
            before.end..before.end,
            format!("expected a comma before {}", excerpt(next)),
        )
        .label("expected \",\"")
    }

    fn no_fields(&self, next: Option<char>) -> Problem {
        if next == Some('{') {
            return Problem::at(self.end..self.end + 1, "expected \"(\", found \"{\"")
                .label("expected \"(\"")
                .help("fields stand in parentheses: Name(field: value)");
        }
        let name = self.last_read();
        let raw = excerpt(self.tree.raw(&name));
        Problem::at(name, format!("{raw} needs values in parentheses"))
            .label(format!("expected {raw}(...)"))
    }

    fn too_many(&self) -> Problem {
        let group = self.group_at(self.end);
        let extra: Vec<Range<usize>> = group.map_or_else(Vec::new, |group| {
            let entries = group.entries.iter().map(|entry| entry.value.span.clone());
            entries
                .filter(|span| span.start >= self.end.min(span.end))
                .collect()
        });
        let Some((group, (first, last))) = group.zip(extra.first().zip(extra.last())) else {
            return Problem::at(self.word(), "expected \")\"").label("expected \")\"");
        };
        let taken = group.entries.len() - extra.len();
        let name = group
            .name
            .as_ref()
            .map_or("a tuple", |name| self.tree.raw(name));
        Problem::at(
            first.start..last.end,
            format!(
                "{} takes {} here, found {}",
                excerpt(name),
                values(taken),
                group.entries.len()
            ),
        )
        .label("expected \")\" before this")
    }

    pub(super) fn too_few(&self, expected: &str, found: usize) -> Problem {
        let count = expected
            .split(' ')
            .filter_map(|word| word.parse::<usize>().ok())
            .next_back();
        let expected = count.map_or_else(|| expected.to_owned(), values);
        Problem::at(
            self.opening(self.end),
            format!("expected {expected}, found {}", values(found)),
        )
        .label(format!("expected {expected}"))
    }

    pub(super) fn escape(&self, what: &str) -> Problem {
        let read = &self.tree.text()[..self.end];
        let start = read.rfind('\\').unwrap_or(self.start);
        let what = what.to_lowercase();
        Problem::at(
            start..self.end,
            format!("not an escape that a text can have: {what}"),
        )
        .label("expected \\n, \\t, \\\", \\\\ or \\u{...}")
        .help("a backslash itself is written \\\\")
    }
}

fn values(count: usize) -> String {
    match count {
        0 => "no value".to_owned(),
        1 => "one value".to_owned(),
        n => format!("{n} values"),
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn indent(text: &str, line: usize) -> usize {
    text[line..]
        .chars()
        .take_while(|c| matches!(c, ' ' | '\t'))
        .count()
}
