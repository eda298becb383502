//! Which column of a trace means what.

use csv::ByteRecord;

use super::error::{TraceError, listed, nearest_of, shortened};
use super::key::{folded, resolved};
use super::meaning::{Meaning, NAMES};
use super::moment::TimeUnit;
use super::{LogField, TraceOptions};
use crate::scenario::text::nearest;

/// Without a header: time, key, cost and duration.
const WITHOUT_HEADER: usize = 4;

/// The column of a name, which may say before a colon that it is one.
fn column(names: &[String], text: &str) -> Option<usize> {
    let name = text.strip_prefix("column:").unwrap_or(text);
    let exact = names.iter().position(|known| known == name);
    exact.or_else(|| names.iter().position(|known| folded(known) == folded(name)))
}

/// The columns of one trace.
#[derive(Debug)]
pub(super) struct Columns {
    places: [Option<usize>; NAMES.len()],
    /// Where the fields are that were asked for.
    pub(super) fields: Vec<Option<usize>>,
    /// The names in the header; empty without one.
    names: Vec<String>,
    /// The names without a known meaning.
    pub(super) ignored: Vec<String>,
    /// The units that the header tells.
    pub(super) time_unit: Option<TimeUnit>,
    pub(super) duration_unit: Option<TimeUnit>,
}

impl Columns {
    /// The columns of a trace without a header, whose names are the meanings.
    pub(super) fn without_header(fields: &[LogField], line: u64) -> Result<Columns, TraceError> {
        let names: Vec<String> = (NAMES.iter().take(WITHOUT_HEADER))
            .map(|(meaning, _)| meaning.to_string())
            .collect();
        let fields = resolved(fields, line, &names, |text| column(&names, text))?;
        Ok(Columns {
            fields,
            ..Columns::unnamed()
        })
    }

    fn unnamed() -> Columns {
        Columns {
            places: std::array::from_fn(|place| (place < WITHOUT_HEADER).then_some(place)),
            fields: Vec::new(),
            names: Vec::new(),
            ignored: Vec::new(),
            time_unit: None,
            duration_unit: None,
        }
    }

    /// The columns that a header names; it must be valid UTF-8.
    pub(super) fn of_header(
        header: &ByteRecord,
        line: u64,
        options: &TraceOptions,
    ) -> Result<Columns, TraceError> {
        let mut columns = Columns {
            places: [None; NAMES.len()],
            ..Columns::unnamed()
        };
        let mut keys = Vec::new();
        for (place, name) in header.iter().enumerate() {
            let name = std::str::from_utf8(name).map_err(|_| TraceError::NotUtf8 { line })?;
            columns.names.push(name.trim().to_string());
            let name = &columns.names[place];
            let Some((meaning, unit)) = Meaning::chosen(name, options) else {
                columns.ignored.push(name.clone());
                continue;
            };
            match meaning {
                Meaning::Time => columns.time_unit = unit,
                Meaning::Duration => columns.duration_unit = unit,
                _ => {}
            }
            let taken = columns.place(meaning).is_some();
            // Where fields are asked for, there may be several of them.
            if meaning == Meaning::Key && !options.fields.is_empty() {
                keys.push(place);
                if taken {
                    continue;
                }
            }
            if taken && matches!(meaning, Meaning::Method | Meaning::Path) {
                columns.ignored.push(name.clone());
                continue;
            }
            if let Some(first) = columns.places[meaning as usize].replace(place) {
                return Err(TraceError::TwoColumns {
                    line,
                    first: shortened(&columns.names[first]),
                    second: shortened(name),
                    meaning,
                });
            }
        }
        let chosen = [(Meaning::Time, &options.time), (Meaning::Key, &options.key)];
        for (meaning, name) in chosen {
            if let Some(name) = name
                && columns.place(meaning).is_none()
            {
                return Err(TraceError::NoSuchColumn {
                    line,
                    name: shortened(name),
                    columns: listed(&columns.names),
                    nearest: nearest_of(name, &columns.names),
                });
            }
        }
        if columns.place(Meaning::Time).is_none() {
            return Err(columns.no_time(line));
        }
        let names = &columns.names;
        columns.fields = resolved(&options.fields, line, names, |text| column(names, text))?;
        let is_used = |place: usize| {
            columns.places.contains(&Some(place)) || columns.fields.contains(&Some(place))
        };
        let unused = keys.iter().filter(|place| !is_used(**place));
        columns
            .ignored
            .extend(unused.map(|place| names[*place].clone()));
        let used: Vec<&String> = (columns.fields.iter().flatten())
            .map(|place| &names[*place])
            .collect();
        columns.ignored.retain(|name| !used.contains(&name));
        Ok(columns)
    }

    /// Where the column of a meaning is, counted from 0.
    #[inline]
    pub(super) fn place(&self, meaning: Meaning) -> Option<usize> {
        self.places[meaning as usize]
    }

    /// Whether a column tells methods or paths.
    pub(super) fn has_method(&self) -> bool {
        self.place(Meaning::Method).is_some() || self.place(Meaning::Path).is_some()
    }

    /// The name of the column of a meaning, if there is a header.
    pub(super) fn name(&self, meaning: Meaning) -> Option<String> {
        let name = self.names.get(self.place(meaning)?)?;
        Some(shortened(name))
    }

    /// Whether a header named the columns, and how many fields a row may have.
    #[inline]
    pub(super) fn width(&self) -> (bool, usize) {
        match self.names.len() {
            0 => (false, WITHOUT_HEADER),
            width => (true, width),
        }
    }

    fn no_time(&self, line: u64) -> TraceError {
        TraceError::NoTimeColumn {
            line,
            columns: listed(&self.names),
            nearest: self.nearest_to_time(),
        }
    }

    /// An ignored name that was most likely meant for a time column.
    fn nearest_to_time(&self) -> Option<(String, &'static str)> {
        let (_, known) = NAMES[Meaning::Time as usize];
        // Of two letters one may well be right by chance.
        let known = known.iter().copied().filter(|known| known.len() > 2);
        self.ignored.iter().find_map(|name| {
            let near = nearest(name, known.clone())?;
            Some((name.clone(), near))
        })
    }
}
