//! How a text is laid out: which line each token stands on, how far in, and what
//! that says of a change.

use super::edit::Edit;
use crate::ron_text::scan::{Token, TokenKind};

/// A text as tokens and lines.
pub(super) struct Layout<'t> {
    pub(super) text: &'t str,
    pub(super) tokens: &'t [Token],
    /// The lines on which tokens start, and the indentation of all lines.
    pub(super) lines: Vec<usize>,
    indents: Vec<usize>,
}

/// A token with the line that it stands on.
#[derive(Debug, Clone, Copy)]
struct Placed {
    kind: TokenKind,
    line: usize,
}

impl<'t> Layout<'t> {
    pub(super) fn new(text: &'t str, tokens: &'t [Token]) -> Layout<'t> {
        let mut lines = Vec::with_capacity(tokens.len());
        let (mut line, mut from) = (0, 0);
        for token in tokens {
            line += text[from..token.span.start].matches('\n').count();
            from = token.span.start;
            lines.push(line);
        }
        let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
        Layout {
            text,
            tokens,
            lines,
            indents: text.split('\n').map(indent).collect(),
        }
    }

    /// Whether what is put in belongs to the token before it, rather than to
    /// the one after it.
    pub(super) fn clings_to_left(&self, at: usize, kind: TokenKind) -> bool {
        let (Some(before), Some(line)) = (at.checked_sub(1), self.lines.get(at)) else {
            return at > 0;
        };
        match kind {
            TokenKind::Open(_) => {
                let same_line = self.lines[before] == *line;
                !same_line && matches!(self.tokens[before].kind, TokenKind::Colon | TokenKind::Word)
            }
            _ => true,
        }
    }

    /// How many lines contradict their indentation after a change: a closing
    /// bracket that leads its line stands as far in as the line with the
    /// opening one, and what is between stands further in.
    pub(super) fn crooked(&self, edit: Edit) -> usize {
        let mut crooked = 0;
        let mut open: Vec<(usize, bool)> = Vec::new();
        let mut line_before = None;
        let sequence = self.sequence(edit);
        for (number, token) in sequence.iter().enumerate() {
            let leads = line_before != Some(token.line);
            line_before = Some(token.line);
            let indent = |line: usize| self.indents.get(line).copied().unwrap_or(0);
            if let TokenKind::Close(_) = token.kind {
                if let Some((line, ends_line)) = open.pop().filter(|(line, _)| *line != token.line)
                {
                    let level = indent(line) == indent(token.line);
                    crooked += usize::from(if leads { !level } else { ends_line });
                }
            } else if let Some((line, _)) = open.last()
                && leads
                && *line != token.line
                && token.kind != TokenKind::Comma
            {
                crooked += usize::from(indent(token.line) <= indent(*line));
            }
            if let TokenKind::Open(_) = token.kind {
                let next = sequence.get(number + 1);
                open.push((token.line, next.is_some_and(|next| next.line != token.line)));
            }
        }
        crooked
    }

    /// The tokens after a change.
    fn sequence(&self, edit: Edit) -> Vec<Placed> {
        let mut sequence: Vec<Placed> = (self.tokens.iter().zip(&self.lines))
            .map(|(token, line)| Placed {
                kind: token.kind,
                line: *line,
            })
            .collect();
        match edit {
            Edit::Insert(at, kind) => {
                let beside = match self.clings_to_left(at, kind) {
                    true => at.checked_sub(1),
                    false => Some(at),
                };
                let line = beside.and_then(|at| self.lines.get(at)).copied();
                sequence.insert(
                    at,
                    Placed {
                        kind,
                        line: line.unwrap_or(0),
                    },
                );
            }
            Edit::Replace(at, kind) => sequence[at].kind = kind,
            Edit::Delete(at) => {
                sequence.remove(at);
            }
            Edit::Split(_) => {}
        }
        sequence
    }

    /// The bracket that is innermost before a token.
    pub(super) fn opener(&self, at: usize) -> Option<usize> {
        let mut open = Vec::new();
        for (number, token) in self.tokens[..at].iter().enumerate() {
            match token.kind {
                TokenKind::Open(_) => open.push(number),
                TokenKind::Close(_) => {
                    open.pop();
                }
                _ => {}
            }
        }
        open.pop()
    }
}
