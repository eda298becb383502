use std::ops::Range;

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The bytes of the value.
    pub span: Range<usize>,
    /// What it is made of.
    pub shape: Shape,
}

/// Whether a value has others inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A single literal or word.
    Leaf(Leaf),
    /// A struct, map, list or tuple.
    Group(Group),
}

/// The kinds of single values, told by their first characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// A string in quotes, raw or not.
    Text,
    /// Something between apostrophes.
    Character,
    /// Something that starts as a number does.
    Number,
    /// A bare word, such as `true` or the name of a variant.
    Word,
    /// Nothing that RON knows, or nothing at all.
    Other,
}

/// The three kinds of bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bracket {
    /// `( )`: a struct, a tuple, or the content of a variant.
    Round,
    /// `[ ]`: a list.
    Square,
    /// `{ }`: a map.
    Curly,
}

impl Bracket {
    /// The opening character.
    pub fn opener(self) -> char {
        match self {
            Bracket::Round => '(',
            Bracket::Square => '[',
            Bracket::Curly => '{',
        }
    }

    /// The closing character.
    pub fn closer(self) -> char {
        match self {
            Bracket::Round => ')',
            Bracket::Square => ']',
            Bracket::Curly => '}',
        }
    }
}

/// A value with others inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name before a round bracket.
    pub name: Option<Range<usize>>,
    /// The kind of bracket.
    pub bracket: Bracket,
    /// What is between the brackets.
    pub body: Range<usize>,
    /// The values inside, in order.
    pub entries: Vec<Entry>,
    /// The offset after the comma that follows the last value.
    pub trailing_comma: Option<usize>,
}

/// A value inside a group, with its key if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The field's name or the map's key, quotes included.
    pub key: Option<Range<usize>>,
    /// The value.
    pub value: Node,
}

/// A defect that the scanner met and stepped over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A bracket that nothing closes before the closing bracket `found` of an
    /// outer one, or before the end.
    OpenBracket {
        /// The offset of the opening bracket.
        open: usize,
        /// The offset of the closing bracket met instead.
        found: Option<usize>,
    },
    /// A closing bracket that closes nothing.
    StrayCloser {
        /// Its offset.
        at: usize,
    },
    /// A string without an end.
    OpenText {
        /// The offset of its start.
        start: usize,
    },
    /// A block comment without an end.
    OpenComment {
        /// The offset of its start.
        start: usize,
    },
    /// A bracket beyond the deepest nesting that is followed.
    TooDeep {
        /// The offset of the opening bracket.
        open: usize,
    },
}

impl Node {
    /// The brackets, if the value has some.
    pub fn group(&self) -> Option<&Group> {
        match &self.shape {
            Shape::Group(group) => Some(group),
            Shape::Leaf(_) => None,
        }
    }

    /// The kind of leaf, if the value is single.
    pub fn leaf(&self) -> Option<Leaf> {
        match self.shape {
            Shape::Leaf(leaf) => Some(leaf),
            Shape::Group(_) => None,
        }
    }

    /// The only value inside round brackets without keys, such as `50` in
    /// `Fixed(50)`: paths see through these.
    pub(super) fn wrapped(&self) -> Option<&Node> {
        match self.group()? {
            Group {
                bracket: Bracket::Round,
                entries,
                ..
            } => match entries.as_slice() {
                [Entry { key: None, value }] => Some(value),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Group {
    /// Whether the values inside have keys: a struct or a map.
    pub fn is_keyed(&self) -> bool {
        self.entries.iter().any(|entry| entry.key.is_some())
    }
}
