//! Where a text breaks the structure of RON, and the change of one character
//! that a person would make.
//!
//! What shows that a bracket is missing often comes long after the place where
//! it belongs, so the place of the first error is no guide. Instead each
//! change of one bracket, comma or colon is tried that makes the rest of the
//! text well formed. Of these the best is the one with which the text can be
//! read as what it should be, then the one that agrees with its indentation,
//! then the one nearest to where the structure breaks.
//!
//! The structure is judged by a pushdown automaton over tokens, so that most
//! changes are refused after a few steps.

mod automaton;
mod edit;
mod layout;
mod mended;

use self::automaton::State;
use self::edit::Edit;
use self::layout::Layout;
use super::scan::{Token, TokenKind, tokens};

pub(super) use self::mended::Repair;

/// Longer texts are not searched for a repair.
const MOST_BYTES: usize = 64 << 10;
/// Steps of the automaton, and readings of the whole text, that a search may
/// take.
const MOST_STEPS: usize = 5_000_000;
const MOST_READINGS: usize = 60;
/// How near to the break a change must be that does not mend all of the text.
const NEAR: usize = 3;

/// How far a text can be read as what it should be.
pub(super) enum Reading {
    Sound,
    /// The offset at which the first error starts.
    Stops(usize),
}

/// The repair of the first break of the structure, if there is a break and a
/// change of one character that mends it.
pub(super) fn repair(text: &str, read: &dyn Fn(&str) -> Reading) -> Option<Repair> {
    if text.len() > MOST_BYTES {
        return None;
    }
    let tokens = tokens(text)?;
    let search = Search::new(text, &tokens)?;
    search.best(read).map(|edit| search.layout.repair(edit))
}

struct Search<'t> {
    layout: Layout<'t>,
    /// The state before each token up to the one at which the structure breaks.
    states: Vec<State>,
    /// The number of the token that may not stand where it does, or of all
    /// tokens if the text may not end.
    broken: usize,
}

/// A change that may be meant, and how well it fits.
struct Candidate {
    edit: Edit,
    /// The number of the token at which the structure breaks then; none if it
    /// does not.
    breaks: Option<usize>,
    /// Lines that contradict their indentation.
    crooked: usize,
    /// Tokens from the change to the break.
    distance: usize,
}

impl<'t> Search<'t> {
    /// The search for a repair; none if nothing is broken.
    fn new(text: &'t str, tokens: &'t [Token]) -> Option<Search<'t>> {
        if tokens.is_empty() || runs_on(text, tokens) {
            return None;
        }
        let mut state = State::new();
        let mut states = Vec::with_capacity(tokens.len() + 1);
        let mut broken = None;
        for (number, token) in tokens.iter().enumerate() {
            states.push(state.clone());
            if !state.step(token.kind) {
                broken = Some(number);
                break;
            }
        }
        let broken = match broken {
            Some(number) => number,
            None if state.may_end() => return None,
            None => {
                states.push(state);
                tokens.len()
            }
        };
        Some(Search {
            layout: Layout::new(text, tokens),
            states,
            broken,
        })
    }

    /// The best change of a token.
    fn best(&self, read: &dyn Fn(&str) -> Reading) -> Option<Edit> {
        let mut candidates = self.candidates();
        // Changes that mend all of the text come first; where none does, those
        // that leave brackets as they are.
        candidates.sort_by_key(|candidate| {
            let left = candidate.breaks.map(|at| {
                let bracket = candidate.edit.moves_brackets(self.layout.tokens);
                (bracket, self.layout.tokens.len() - at)
            });
            (left, candidate.crooked, candidate.distance)
        });
        let whole = candidates.iter().filter(|it| it.breaks.is_none());
        let mut further = None;
        for candidate in whole.take(MOST_READINGS) {
            let mended = self.layout.repair(candidate.edit);
            let at = mended.problem.place.as_ref().map_or(0, |place| place.end);
            match read(&mended.text) {
                Reading::Sound => return Some(candidate.edit),
                // What is wrong further on is another matter.
                Reading::Stops(error) if error > at + 1 && further.is_none() => {
                    further = Some(candidate.edit);
                }
                Reading::Stops(_) => {}
            }
        }
        let first = || candidates.first().map(|candidate| candidate.edit);
        self.inside_word(read).or(further).or_else(first)
    }

    fn candidates(&self) -> Vec<Candidate> {
        let mut steps = 0;
        let mut found = Vec::new();
        for at in (0..=self.broken).rev() {
            if steps > MOST_STEPS {
                break;
            }
            for edit in Edit::at(self.layout.tokens, at) {
                let distance = self.broken - at;
                let breaks = self.breaks_then(edit, &mut steps);
                let helps = match breaks {
                    None => true,
                    Some(then) => distance <= NEAR && then > self.broken + NEAR,
                };
                if helps {
                    found.push(Candidate {
                        edit,
                        breaks,
                        crooked: self.layout.crooked(edit),
                        distance,
                    });
                }
            }
        }
        found
    }

    /// Where the structure breaks after a change of a token: none if nowhere.
    fn breaks_then(&self, edit: Edit, steps: &mut usize) -> Option<usize> {
        let (at, kind, rest) = match edit {
            Edit::Insert(at, kind) => (at, Some(kind), at),
            Edit::Replace(at, kind) => (at, Some(kind), at + 1),
            Edit::Delete(at) => (at, None, at + 1),
            Edit::Split(_) => return Some(0),
        };
        let mut state = self.states[at].clone();
        if kind.is_some_and(|kind| !state.step(kind)) {
            return Some(at);
        }
        for (number, token) in self.layout.tokens.iter().enumerate().skip(rest) {
            *steps += 1;
            if !state.step(token.kind) {
                return Some(number);
            }
        }
        (!state.may_end()).then_some(self.layout.tokens.len())
    }

    /// A variant and its first field that are run together near the break, as
    /// in `Gatepermits: 3)`.
    fn inside_word(&self, read: &dyn Fn(&str) -> Reading) -> Option<Edit> {
        let near = self.broken.saturating_sub(2)..self.layout.tokens.len().min(self.broken + 1);
        let words = self.layout.tokens[near].iter().rev();
        for word in words.filter(|token| token.kind == TokenKind::Word) {
            let inner = self.layout.text[word.span.clone()].char_indices().skip(1);
            for (length, _) in inner.take(60) {
                let edit = Edit::Split(word.span.start + length);
                if let Reading::Sound = read(&self.layout.repair(edit).text) {
                    return Some(edit);
                }
            }
        }
        None
    }
}

/// Whether a text lacks its closing quote and runs on to the opening one of a
/// later text: what is wrong then is the quote.
fn runs_on(text: &str, tokens: &[Token]) -> bool {
    tokens.iter().any(|token| {
        let raw = &text[token.span.clone()];
        let next = text[token.span.end..].chars().next();
        raw.starts_with('"')
            && raw.contains('\n')
            && next.is_some_and(|c| c.is_alphanumeric() || c == '"' || c == '_')
    })
}

#[cfg(test)]
mod tests;
