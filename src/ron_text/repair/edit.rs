//! The changes of one character that are tried.

use crate::ron_text::node::Bracket;
use crate::ron_text::scan::{Token, TokenKind};

/// A change of one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    /// Put in before the token of that number.
    Insert(usize, TokenKind),
    Delete(usize),
    Replace(usize, TokenKind),
    /// An opening bracket put in at an offset within a word, which is a
    /// variant and its first field run together.
    Split(usize),
}

const INSERTED: [TokenKind; 8] = [
    TokenKind::Comma,
    TokenKind::Colon,
    TokenKind::Close(Bracket::Round),
    TokenKind::Close(Bracket::Square),
    TokenKind::Close(Bracket::Curly),
    TokenKind::Open(Bracket::Round),
    TokenKind::Open(Bracket::Square),
    TokenKind::Open(Bracket::Curly),
];

impl Edit {
    /// The changes at a token, the likelier first.
    pub(super) fn at(tokens: &[Token], at: usize) -> Vec<Edit> {
        let mut edits = Vec::new();
        if let Some(token) = tokens.get(at) {
            match token.kind {
                TokenKind::Equals => edits.push(Edit::Replace(at, TokenKind::Colon)),
                TokenKind::Open(_) | TokenKind::Close(_) => {
                    edits.push(Edit::Delete(at));
                    let other = |bracket| match token.kind {
                        TokenKind::Open(_) => TokenKind::Open(bracket),
                        _ => TokenKind::Close(bracket),
                    };
                    let all = [Bracket::Round, Bracket::Square, Bracket::Curly].map(other);
                    let others = all.into_iter().filter(|kind| *kind != token.kind);
                    edits.extend(others.map(|kind| Edit::Replace(at, kind)));
                }
                TokenKind::Comma => {
                    edits.push(Edit::Delete(at));
                    edits.push(Edit::Replace(at, TokenKind::Colon));
                }
                TokenKind::Colon => {
                    edits.push(Edit::Delete(at));
                    edits.push(Edit::Replace(at, TokenKind::Comma));
                }
                TokenKind::Word | TokenKind::Literal => {}
            }
        }
        edits.extend(INSERTED.map(|kind| Edit::Insert(at, kind)));
        edits
    }

    /// Whether it changes how brackets nest.
    pub(super) fn moves_brackets(self, tokens: &[Token]) -> bool {
        let bracket = |kind| matches!(kind, TokenKind::Open(_) | TokenKind::Close(_));
        match self {
            Edit::Insert(_, kind) => bracket(kind),
            Edit::Delete(at) | Edit::Replace(at, _) => bracket(tokens[at].kind),
            Edit::Split(_) => true,
        }
    }
}
