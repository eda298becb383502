//! Which part of a line says whose request it is.

use super::LogField;
use super::error::TraceError;

/// A choice of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyField<'k> {
    /// `header:NAME`, a header of the request.
    Header(&'k str),
    /// `query:NAME`, a parameter of the query.
    Query(&'k str),
    /// `NAME` or `json:NAME`, a field of the log.
    Field(&'k str),
}

impl<'k> KeyField<'k> {
    pub(super) fn of(text: &'k str) -> KeyField<'k> {
        let text = text.trim();
        let kind = text.split_once(':').map(|(kind, name)| (kind, name.trim()));
        match kind {
            Some(("header", name)) => KeyField::Header(name),
            Some(("query", name)) => KeyField::Query(name),
            Some(("json" | "field" | "column", name)) => KeyField::Field(name),
            _ => KeyField::Field(text),
        }
    }

    pub(super) fn name(self) -> &'k str {
        match self {
            KeyField::Header(name) | KeyField::Query(name) | KeyField::Field(name) => name,
        }
    }
}

/// What each of several fields is, if there is one: the first of its names that
/// `resolve` knows; nothing, where it has no names.
pub(super) fn resolved<K, S: AsRef<str>>(
    fields: &[LogField],
    line: u64,
    known: &[S],
    resolve: impl Fn(&str) -> Option<K>,
) -> Result<Vec<Option<K>>, TraceError> {
    let one = |field: &LogField| match field.names.iter().find_map(|name| resolve(name)) {
        None if !field.names.is_empty() => Err(TraceError::no_scope(line, field, known)),
        found => Ok(found),
    };
    fields.iter().map(one).collect()
}

/// A name without regard to case, hyphens and underscores.
pub(super) fn folded(name: &str) -> String {
    let plain = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    plain.flat_map(char::to_lowercase).collect()
}
