//! The scanner behind the tree: one pass over the text, total on every input.
//!
//! It knows RON's brackets, literals and comments, and leaves it to `ron` to
//! say what is valid between them. Each loop consumes at least one character,
//! and brackets nest at most [`MAX_DEPTH`] deep.

use super::node::{Bracket, Entry, Fault, Group, Leaf, Node, Shape};

/// Brackets deeper than this end the scan. `ron` itself stops at 128 levels of
/// recursion, of which a bracket takes one or two.
pub(super) const MAX_DEPTH: usize = 128;

pub(super) struct Scan {
    pub(super) root: Option<Node>,
    /// The offset of what follows the root, past white space and comments.
    pub(super) end: usize,
    pub(super) faults: Vec<Fault>,
}

pub(super) fn scan(text: &str) -> Scan {
    let mut scanner = Scanner {
        text,
        at: 0,
        open: Vec::new(),
        faults: Vec::new(),
    };
    scanner.skip_attributes();
    if let Some(')' | ']' | '}') = scanner.peek() {
        let at = scanner.at;
        scanner.faults.push(Fault::StrayCloser { at });
    }
    let root = scanner.peek().map(|_| scanner.value());
    scanner.space();
    Scan {
        root,
        end: scanner.at,
        faults: scanner.faults,
    }
}

/// The kinds of token, as far as the structure of a text depends on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Open(Bracket),
    Close(Bracket),
    Comma,
    Colon,
    /// `=`, which stands nowhere in RON but is written for a colon.
    Equals,
    /// A name: of a field, a variant, or a word such as `true`.
    Word,
    /// A text, a number, or anything else that is not a name.
    Literal,
}

/// A token and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: std::ops::Range<usize>,
}

/// The tokens of a text without its comments and attributes, if all its texts
/// and comments are closed.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut scanner = Scanner {
        text,
        at: 0,
        open: Vec::new(),
        faults: Vec::new(),
    };
    scanner.skip_attributes();
    let mut tokens = Vec::new();
    loop {
        scanner.space();
        let start = scanner.at;
        let Some(first) = scanner.peek() else {
            break;
        };
        let kind = match first {
            '(' => TokenKind::Open(Bracket::Round),
            '[' => TokenKind::Open(Bracket::Square),
            '{' => TokenKind::Open(Bracket::Curly),
            ')' => TokenKind::Close(Bracket::Round),
            ']' => TokenKind::Close(Bracket::Square),
            '}' => TokenKind::Close(Bracket::Curly),
            ',' => TokenKind::Comma,
            ':' => TokenKind::Colon,
            '=' => TokenKind::Equals,
            first => match scanner.quoted() {
                Some(_) => TokenKind::Literal,
                None => {
                    scanner.skip_char();
                    scanner.bare();
                    let length = text[start..scanner.at].find('=');
                    scanner.at = length.map_or(scanner.at, |length| start + length);
                    match first.is_alphabetic() || first == '_' {
                        true => TokenKind::Word,
                        false => TokenKind::Literal,
                    }
                }
            },
        };
        if scanner.at == start {
            scanner.skip_char();
        }
        tokens.push(Token {
            kind,
            span: start..scanner.at,
        });
    }
    scanner.faults.is_empty().then_some(tokens)
}

/// The end of the white space and comments that start at `from`.
pub(super) fn skip_space(text: &str, from: usize) -> usize {
    let mut scanner = Scanner {
        text,
        at: from,
        open: Vec::new(),
        faults: Vec::new(),
    };
    scanner.space();
    scanner.at
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    open: Vec<Bracket>,
    faults: Vec<Fault>,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_char(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn skip_while(&mut self, condition: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !condition(c)).unwrap_or(rest.len());
    }

    fn skip_attributes(&mut self) {
        self.space();
        while self.peek() == Some('#') {
            self.at += 1;
            self.space();
            if self.peek() == Some('!') {
                self.at += 1;
                self.space();
            }
            if self.peek() == Some('[') {
                self.value();
                self.space();
            }
        }
    }

    fn space(&mut self) {
        loop {
            self.skip_while(is_space);
            if self.rest().starts_with("//") {
                self.skip_while(|c| c != '\n');
            } else if self.rest().starts_with("/*") {
                self.block_comment();
            } else {
                return;
            }
        }
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return;
                }
            } else if rest.is_empty() {
                let fault = Fault::OpenComment { start };
                // A look-ahead may have met the same comment before.
                if self.faults.last() != Some(&fault) {
                    self.faults.push(fault);
                }
                return;
            } else {
                self.skip_char();
                self.skip_while(|c| !matches!(c, '/' | '*'));
            }
        }
    }

    /// A value; the caller has seen to it that there is a character here.
    fn value(&mut self) -> Node {
        let start = self.at;
        match self.peek() {
            Some('(') => return self.group(start, None, Bracket::Round),
            Some('[') => return self.group(start, None, Bracket::Square),
            Some('{') => return self.group(start, None, Bracket::Curly),
            _ => {}
        }
        if let Some(leaf) = self.quoted() {
            return self.leaf(start, leaf);
        }
        self.skip_char();
        self.bare();
        let end = self.at;
        let kind = match self.text[start..].chars().next() {
            Some(c) if c.is_alphabetic() || c == '_' => Leaf::Word,
            Some('0'..='9' | '+' | '-' | '.') => Leaf::Number,
            _ => Leaf::Other,
        };
        if kind == Leaf::Word {
            self.space();
            if self.peek() == Some('(') {
                return self.group(start, Some(start..end), Bracket::Round);
            }
            self.at = end;
        }
        self.leaf(start, kind)
    }

    fn leaf(&self, start: usize, kind: Leaf) -> Node {
        Node {
            span: start..self.at,
            shape: Shape::Leaf(kind),
        }
    }

    fn bare(&mut self) {
        loop {
            self.skip_while(|c| !is_space(c) && !is_delimiter(c) && c != '/');
            let rest = self.rest();
            if !rest.starts_with('/') || rest.starts_with("//") || rest.starts_with("/*") {
                return;
            }
            self.at += 1;
        }
    }

    /// A string, byte string, character or byte in quotes, if one starts here.
    fn quoted(&mut self) -> Option<Leaf> {
        let rest = self.rest();
        let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'));
        if let Some(after) = raw {
            let hashes = after.len() - after.trim_start_matches('#').len();
            if after[hashes..].starts_with('"') {
                let closer = format!("\"{}", &after[..hashes]);
                let content = self.at + (rest.len() - after.len()) + hashes + 1;
                self.raw_string(content, &closer);
                return Some(Leaf::Text);
            }
        }
        if rest.starts_with('"') || rest.starts_with("b\"") {
            self.string();
            return Some(Leaf::Text);
        }
        if rest.starts_with('\'') || rest.starts_with("b'") {
            self.character();
            return Some(Leaf::Character);
        }
        None
    }

    fn raw_string(&mut self, content: usize, closer: &str) {
        match self.text[content..].find(closer) {
            Some(length) => self.at = content + length + closer.len(),
            None => {
                self.faults.push(Fault::OpenText { start: self.at });
                self.at = self.text.len();
            }
        }
    }

    fn string(&mut self) {
        let start = self.at;
        self.skip_while(|c| c != '"');
        self.at += 1;
        loop {
            self.skip_while(|c| !matches!(c, '"' | '\\'));
            match self.peek() {
                Some('\\') => {
                    self.at += 1;
                    self.skip_char();
                }
                Some(_) => {
                    self.at += 1;
                    return;
                }
                None => {
                    self.faults.push(Fault::OpenText { start });
                    return;
                }
            }
        }
    }

    /// A quoted character, or whatever stands between apostrophes on one line:
    /// people quote texts so. A lone apostrophe is a value of its own.
    fn character(&mut self) {
        self.skip_while(|c| c != '\'');
        self.at += 1;
        let opened = self.at;
        if self.rest().starts_with('\'') && !self.rest().starts_with("''") {
            self.at += 1;
            return;
        }
        if self.peek() == Some('\\') {
            self.at += 1;
        }
        if self.peek() != Some('\n') {
            self.skip_char();
        }
        self.skip_while(|c| !matches!(c, '\'' | '\n'));
        if self.peek() == Some('\'') {
            self.at += 1;
        } else {
            self.at = opened;
        }
    }

    /// A bracket with its content; the opening bracket is here.
    fn group(
        &mut self,
        start: usize,
        name: Option<std::ops::Range<usize>>,
        bracket: Bracket,
    ) -> Node {
        let open = self.at;
        if self.open.len() >= MAX_DEPTH {
            self.faults.push(Fault::TooDeep { open });
            self.at = self.text.len();
            return self.leaf(start, Leaf::Other);
        }
        self.at += 1;
        self.open.push(bracket);
        let mut entries = Vec::new();
        let mut comma = None;
        let close = loop {
            self.space();
            match self.peek() {
                None => {
                    self.faults.push(Fault::OpenBracket { open, found: None });
                    break None;
                }
                Some(',') => {
                    self.at += 1;
                    comma = Some(self.at);
                }
                Some(c) if c == bracket.closer() => {
                    self.at += 1;
                    break Some(self.at - 1);
                }
                Some(c @ (')' | ']' | '}')) => {
                    if self.open.iter().any(|outer| outer.closer() == c) {
                        let found = Some(self.at);
                        self.faults.push(Fault::OpenBracket { open, found });
                        break None;
                    }
                    self.faults.push(Fault::StrayCloser { at: self.at });
                    self.at += 1;
                }
                Some(_) => {
                    entries.push(self.entry());
                    comma = None;
                }
            }
        };
        self.open.pop();
        Node {
            span: start..self.at,
            shape: Shape::Group(Group {
                name,
                bracket,
                body: open + 1..close.unwrap_or(self.at),
                entries,
                trailing_comma: comma,
            }),
        }
    }

    fn entry(&mut self) -> Entry {
        let first = self.value();
        self.space();
        if self.peek() != Some(':') {
            return Entry {
                key: None,
                value: first,
            };
        }
        self.at += 1;
        self.space();
        let value = match self.peek() {
            None | Some(',' | ')' | ']' | '}') => self.leaf(self.at, Leaf::Other),
            Some(_) => self.value(),
        };
        Entry {
            key: Some(first.span),
            value,
        }
    }
}

/// White space as `ron` knows it.
fn is_space(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t'..='\r' | '\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
    )
}

fn is_delimiter(c: char) -> bool {
    matches!(
        c,
        ',' | ':' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | '\''
    )
}
