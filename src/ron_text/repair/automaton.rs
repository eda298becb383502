//! The structure of RON as a pushdown automaton over tokens, one frame per open
//! bracket.

use crate::ron_text::node::Bracket;
use crate::ron_text::scan::TokenKind;

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
pub(super) struct State(Vec<Frame>);

impl State {
    pub(super) fn new() -> State {
        State(vec![Frame {
            bracket: None,
            keyed: None,
            phase: Phase::Start,
        }])
    }

    /// Whether the token may stand here.
    pub(super) fn step(&mut self, kind: TokenKind) -> bool {
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
    pub(super) fn may_end(&self) -> bool {
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
