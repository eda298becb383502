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

use std::ops::Range;

use super::Problem;
use super::node::Bracket;
use super::printable::shortened;
use super::scan::{Token, TokenKind, tokens};

/// Longer texts are not searched for a repair.
const MOST_BYTES: usize = 64 << 10;
/// Steps of the automaton, and readings of the whole text, that a search may
/// take.
const MOST_STEPS: usize = 5_000_000;
const MOST_READINGS: usize = 60;
/// How near to the break a change must be that does not mend all of the text.
const NEAR: usize = 3;

/// A problem of the structure, and the text with its repair.
pub(super) struct Repair {
    pub(super) problem: Problem,
    pub(super) text: String,
    /// Where a character was put in, if one was: all that is in the text from
    /// there on stands one byte further on.
    pub(super) inserted: Option<usize>,
}

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
    search.best(read).map(|edit| search.repair(edit))
}

/// A change of one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
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

/// What has been read of the present entry of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing.
    Start,
    /// A word, which may be a key, a value, or the name of a bracket.
    Word,
    /// Something else, which may be a value or the key of a map.
    First,
    /// A key and its colon.
    Colon,
    /// A key, its colon and a word.
    ValueWord,
    /// All.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// None for the text as a whole.
    bracket: Option<Bracket>,
    keyed: Option<bool>,
    phase: Phase,
}

/// The automaton: one frame per open bracket.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State(Vec<Frame>);

impl State {
    fn new() -> State {
        State(vec![Frame {
            bracket: None,
            keyed: None,
            phase: Phase::Start,
        }])
    }

    /// Whether the token may stand here.
    fn step(&mut self, kind: TokenKind) -> bool {
        let Some(frame) = self.0.last_mut() else {
            return false;
        };
        let fields = frame.bracket == Some(Bracket::Round);
        let map = frame.bracket == Some(Bracket::Curly);
        match (frame.phase, kind) {
            (_, TokenKind::Equals) => false,
            (Phase::Start, TokenKind::Word) => {
                frame.phase = Phase::Word;
                true
            }
            // Where there are fields, each entry starts with a name.
            (Phase::Start, TokenKind::Literal) => {
                frame.phase = Phase::First;
                !(fields && frame.keyed == Some(true))
            }
            (Phase::Start, TokenKind::Open(bracket)) => {
                let may = !(fields && frame.keyed == Some(true));
                frame.phase = Phase::First;
                self.open(bracket, may)
            }
            (Phase::Word, TokenKind::Open(Bracket::Round)) => {
                let may = !(fields && frame.keyed == Some(true));
                frame.phase = Phase::First;
                self.open(Bracket::Round, may)
            }
            (Phase::Word, TokenKind::Colon) if fields || map => {
                let may = frame.keyed != Some(false);
                frame.keyed = Some(true);
                frame.phase = Phase::Colon;
                may
            }
            (Phase::First, TokenKind::Colon) if map => {
                frame.keyed = Some(true);
                frame.phase = Phase::Colon;
                true
            }
            (Phase::Colon, TokenKind::Word) => {
                frame.phase = Phase::ValueWord;
                true
            }
            (Phase::Colon, TokenKind::Literal) => {
                frame.phase = Phase::Done;
                true
            }
            (Phase::Colon, TokenKind::Open(bracket)) => {
                frame.phase = Phase::Done;
                self.open(bracket, true)
            }
            (Phase::ValueWord, TokenKind::Open(Bracket::Round)) => {
                frame.phase = Phase::Done;
                self.open(Bracket::Round, true)
            }
            (_, TokenKind::Comma) => frame.bracket.is_some() && frame.end_entry(),
            (_, TokenKind::Close(bracket)) => {
                let may = frame.bracket == Some(bracket)
                    && (frame.phase == Phase::Start || frame.end_entry());
                self.0.pop();
                may
            }
            _ => false,
        }
    }

    fn open(&mut self, bracket: Bracket, may: bool) -> bool {
        self.0.push(Frame {
            bracket: Some(bracket),
            keyed: None,
            phase: Phase::Start,
        });
        may
    }

    /// Whether the text may end here.
    fn may_end(&self) -> bool {
        matches!(self.0.as_slice(), [frame] if matches!(frame.phase, Phase::Word | Phase::First))
    }
}

impl Frame {
    /// Ends an entry, if it is whole.
    fn end_entry(&mut self) -> bool {
        let whole = match self.phase {
            Phase::Word | Phase::First => {
                let unkeyed = self.bracket != Some(Bracket::Curly) && self.keyed != Some(true);
                self.keyed = Some(false);
                unkeyed
            }
            Phase::ValueWord | Phase::Done => true,
            Phase::Start | Phase::Colon => false,
        };
        self.phase = Phase::Start;
        whole
    }
}

/// A token with the line that it stands on.
#[derive(Debug, Clone, Copy)]
struct Placed {
    kind: TokenKind,
    line: usize,
}

struct Search<'t> {
    text: &'t str,
    tokens: &'t [Token],
    /// The state before each token up to the one at which the structure breaks.
    states: Vec<State>,
    /// The number of the token that may not stand where it does, or of all
    /// tokens if the text may not end.
    broken: usize,
    /// The lines on which tokens start, and the indentation of all lines.
    lines: Vec<usize>,
    indents: Vec<usize>,
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
        let mut lines = Vec::with_capacity(tokens.len());
        let (mut line, mut from) = (0, 0);
        for token in tokens {
            line += text[from..token.span.start].matches('\n').count();
            from = token.span.start;
            lines.push(line);
        }
        let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
        Some(Search {
            text,
            tokens,
            states,
            broken,
            lines,
            indents: text.split('\n').map(indent).collect(),
        })
    }

    /// The best change of a token.
    fn best(&self, read: &dyn Fn(&str) -> Reading) -> Option<Edit> {
        let mut candidates = self.candidates();
        // Changes that mend all of the text come first; where none does, those
        // that leave brackets as they are.
        candidates.sort_by_key(|candidate| {
            let left = candidate.breaks.map(|at| {
                let bracket = self.moves_brackets(candidate.edit);
                (bracket, self.tokens.len() - at)
            });
            (left, candidate.crooked, candidate.distance)
        });
        let whole = candidates.iter().filter(|it| it.breaks.is_none());
        let mut further = None;
        for candidate in whole.take(MOST_READINGS) {
            let mended = self.repair(candidate.edit);
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
            for edit in self.edits_at(at) {
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
                        crooked: self.crooked(edit),
                        distance,
                    });
                }
            }
        }
        found
    }

    fn moves_brackets(&self, edit: Edit) -> bool {
        let bracket = |kind| matches!(kind, TokenKind::Open(_) | TokenKind::Close(_));
        match edit {
            Edit::Insert(_, kind) => bracket(kind),
            Edit::Delete(at) | Edit::Replace(at, _) => bracket(self.tokens[at].kind),
            Edit::Split(_) => true,
        }
    }

    /// The changes at a token, the likelier first.
    fn edits_at(&self, at: usize) -> Vec<Edit> {
        let mut edits = Vec::new();
        if let Some(token) = self.tokens.get(at) {
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
        for (number, token) in self.tokens.iter().enumerate().skip(rest) {
            *steps += 1;
            if !state.step(token.kind) {
                return Some(number);
            }
        }
        (!state.may_end()).then_some(self.tokens.len())
    }

    /// Whether what is put in belongs to the token before it, rather than to
    /// the one after it.
    fn clings_to_left(&self, at: usize, kind: TokenKind) -> bool {
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
    fn crooked(&self, edit: Edit) -> usize {
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

    /// A variant and its first field that are run together near the break, as
    /// in `Gatepermits: 3)`.
    fn inside_word(&self, read: &dyn Fn(&str) -> Reading) -> Option<Edit> {
        let near = self.broken.saturating_sub(2)..self.tokens.len().min(self.broken + 1);
        let words = self.tokens[near].iter().rev();
        for word in words.filter(|token| token.kind == TokenKind::Word) {
            let inner = self.text[word.span.clone()].char_indices().skip(1);
            for (length, _) in inner.take(60) {
                let edit = Edit::Split(word.span.start + length);
                if let Reading::Sound = read(&self.repair(edit).text) {
                    return Some(edit);
                }
            }
        }
        None
    }

    /// The text after a change, and the problem that it mends.
    fn repair(&self, edit: Edit) -> Repair {
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

    /// The bracket that is innermost before a token.
    fn opener(&self, at: usize) -> Option<usize> {
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

#[cfg(test)]
mod tests;
