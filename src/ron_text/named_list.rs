use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Values with names, in the order of the file: `{ "name": value, ... }`.
///
/// A name that is empty or given twice is refused with a message that names
/// it. An entry's index is its position in the file.
///
/// ```
/// # use ratelab::scenario::text::NamedList;
/// let list: NamedList<u32> = ron::from_str(r#"{ "z": 1, "a": 2 }"#).unwrap();
/// assert_eq!(list.names().collect::<Vec<_>>(), ["z", "a"]);
/// assert_eq!(list.get("a"), Some(&2));
/// assert_eq!(list.index_of("a"), Some(1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedList<T> {
    entries: Vec<(String, T)>,
    index: BTreeMap<String, usize>,
}

impl<T> NamedList<T> {
    /// A list of nothing.
    pub fn new() -> NamedList<T> {
        NamedList::default()
    }

    /// Adds an entry at the end.
    ///
    /// # Errors
    /// Gives the value back if the name is taken already.
    pub fn push(&mut self, name: impl Into<String>, value: T) -> Result<(), T> {
        let name = name.into();
        if self.index.contains_key(&name) {
            return Err(value);
        }
        self.index.insert(name.clone(), self.entries.len());
        self.entries.push((name, value));
        Ok(())
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.index_of(name).map(|index| self.entry(index).1)
    }

    /// The position of a name in the file, from zero.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// The name and the value at a position that there is.
    pub fn entry(&self, index: usize) -> (&str, &T) {
        let (name, value) = &self.entries[index];
        (name, value)
    }

    /// Names and values in the order of the file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &T)> + DoubleEndedIterator {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// The names in the order of the file.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The values in the order of the file.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &T> + DoubleEndedIterator {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<T> Default for NamedList<T> {
    fn default() -> NamedList<T> {
        NamedList {
            entries: Vec::new(),
            index: BTreeMap::new(),
        }
    }
}

impl<T: Serialize> Serialize for NamedList<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for NamedList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NamedList<T>, D::Error> {
        deserializer.deserialize_map(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = NamedList<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map { \"name\": value, ... }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NamedList<T>, A::Error> {
        let mut list = NamedList::new();
        while let Some(name) = map.next_key::<String>()? {
            // Refused before the value is read, so that the place of the
            // error is the name.
            if name.is_empty() {
                return Err(A::Error::custom("a name must not be empty"));
            }
            if list.index_of(&name).is_some() {
                return Err(A::Error::custom(format_args!(
                    "the name {name:?} is given twice; expected each name once"
                )));
            }
            let value = map.next_value()?;
            // The name was checked to be free.
            let _ = list.push(name, value);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_file_is_kept_there_and_back() {
        let text = r#"{"z":1,"a":2,"m":3}"#;
        let list: NamedList<u8> = ron::from_str(text).unwrap();
        assert_eq!(
            list.iter().collect::<Vec<_>>(),
            [("z", &1), ("a", &2), ("m", &3)]
        );
        assert_eq!(list.entry(2), ("m", &3));
        assert_eq!((list.index_of("q"), list.get("q")), (None, None));
        assert_eq!(ron::to_string(&list).unwrap(), text);
    }

    #[test]
    fn a_name_given_twice_or_empty_is_refused_at_the_name() {
        for (text, message, columns) in [
            (
                r#"{"a": 1, "b": 2, "a": 3}"#,
                "the name \"a\" is given twice",
                (19, 21),
            ),
            (r#"{"": 1}"#, "a name must not be empty", (3, 4)),
        ] {
            let error = ron::from_str::<NamedList<u8>>(text).unwrap_err();
            assert!(error.code.to_string().contains(message), "{error}");
            assert_eq!((error.span.start.col, error.span.end.col), columns);
        }
        let mut list = NamedList::new();
        assert_eq!((list.push("a", 1), list.push("a", 2)), (Ok(()), Err(2)));
    }

    #[test]
    fn an_empty_list_is_empty() {
        let list: NamedList<u8> = ron::from_str("{ }").unwrap();
        assert!(list.is_empty() && list == NamedList::new());
    }
}
