//! The text after a change, and the problem that the change mends.

use std::ops::Range;

use super::edit::Edit;
use super::layout::Layout;
use crate::ron_text::Problem;
use crate::ron_text::node::Bracket;
use crate::ron_text::printable::shortened;
use crate::ron_text::scan::TokenKind;

/// A problem of the structure, and the text with its repair.
pub(in crate::ron_text) struct Repair {
    pub(in crate::ron_text) problem: Problem,
    pub(in crate::ron_text) text: String,
    /// Where a character was put in, if one was: all that is in the text from
    /// there on stands one byte further on.
    pub(in crate::ron_text) inserted: Option<usize>,
}

impl Layout<'_> {
    /// The text after a change, and the problem that it mends.
    pub(super) fn repair(&self, edit: Edit) -> Repair {
        let (place, put): (Range<usize>, Option<TokenKind>) = match edit {
            Edit::Insert(at, kind) => {
                let left = at.checked_sub(1).filter(|_| self.clings_to_left(at, kind));
                let offset = match (left, self.tokens.get(at)) {
                    (Some(before), _) => self.tokens[before].span.end,
                    (None, Some(token)) => token.span.start,
                    (None, None) => self.text.len(),
                };
                (offset..offset, Some(kind))
            }
            Edit::Replace(at, kind) => (self.tokens[at].span.clone(), Some(kind)),
            Edit::Delete(at) => (self.tokens[at].span.clone(), None),
            Edit::Split(offset) => (offset..offset, Some(TokenKind::Open(Bracket::Round))),
        };
        let inserted = place.is_empty().then_some(place.start);
        let put = put.map_or(" ", symbol);
        let text = [&self.text[..place.start], put, &self.text[place.end..]].concat();
        Repair {
            problem: self.problem(edit, place),
            text,
            inserted,
        }
    }

    fn problem(&self, edit: Edit, place: Range<usize>) -> Problem {
        let next = |at: usize| match self.tokens.get(at) {
            Some(token) => shortened(&self.text[token.span.clone()], 40).into_owned(),
            None => "the end of the file".to_owned(),
        };
        let found = |at: usize| symbol(self.tokens[at].kind);
        match edit {
            Edit::Insert(at, TokenKind::Comma) => {
                Problem::at(place, format!("expected a comma before {}", next(at)))
                    .label("expected \",\"")
            }
            Edit::Insert(at, TokenKind::Colon) => {
                let name = next(at.saturating_sub(1));
                Problem::at(place, format!("expected \":\" after {name}")).label("expected \":\"")
            }
            Edit::Insert(at, TokenKind::Close(bracket)) => {
                let opener = self.opener(at);
                let line = opener.map_or(1, |at| self.lines[at] + 1);
                Problem::at(
                    place,
                    format!("the \"{}\" of line {line} is not closed", bracket.opener()),
                )
                .label(format!("expected \"{}\"", bracket.closer()))
            }
            Edit::Insert(at, kind) => Problem::at(
                place,
                format!("expected \"{}\" before {}", symbol(kind), next(at)),
            )
            .label(format!("expected \"{}\"", symbol(kind))),
            Edit::Split(offset) => {
                let word = self
                    .tokens
                    .iter()
                    .find(|token| token.span.contains(&offset));
                let rest = word.map_or(offset..offset, |token| offset..token.span.end);
                let rest = &self.text[rest];
                Problem::at(place, format!("expected \"(\" before {rest}")).label("expected \"(\"")
            }
            Edit::Replace(at, kind) => {
                let problem = Problem::at(
                    place,
                    format!("expected \"{}\", found \"{}\"", symbol(kind), found(at)),
                )
                .label(format!("expected \"{}\"", symbol(kind)));
                match (self.tokens[at].kind, kind, self.opener(at)) {
                    (TokenKind::Equals, ..) => problem.help("a field is written name: value"),
                    (_, TokenKind::Close(bracket), Some(opener)) => problem.help(format!(
                        "it closes the \"{}\" of line {}",
                        bracket.opener(),
                        self.lines[opener] + 1
                    )),
                    _ => problem,
                }
            }
            Edit::Delete(at) => {
                let what = match self.tokens[at].kind {
                    TokenKind::Comma => "a comma too many".to_owned(),
                    TokenKind::Close(_) => format!("a closing \"{}\" too many", found(at)),
                    TokenKind::Open(_) => format!("an opening \"{}\" too many", found(at)),
                    _ => format!("a \"{}\" too many", found(at)),
                };
                Problem::at(place, what).label("expected nothing here")
            }
        }
    }
}

fn symbol(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Open(Bracket::Round) => "(",
        TokenKind::Open(Bracket::Square) => "[",
        TokenKind::Open(Bracket::Curly) => "{",
        TokenKind::Close(Bracket::Round) => ")",
        TokenKind::Close(Bracket::Square) => "]",
        TokenKind::Close(Bracket::Curly) => "}",
        TokenKind::Comma => ",",
        TokenKind::Colon => ":",
        TokenKind::Equals => "=",
        TokenKind::Word | TokenKind::Literal => "a value",
    }
}
