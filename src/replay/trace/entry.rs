//! What any reader finds in one line.

use super::value::{Outcome, whole};
use crate::units::{Span, Time};

/// One attempt as a reader found it, with texts of its own that are used again
/// for the next. [`Row`](super::Row) says what the fields mean.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) line: u64,
    pub(super) time: Time,
    pub(super) key: String,
    pub(super) cost: u64,
    pub(super) duration: Option<Span>,
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    pub(super) in_flight: Option<u32>,
    pub(super) class: String,
    pub(super) method: String,
    pub(super) fields: Vec<String>,
}

impl Entry {
    /// Forgets the line before.
    pub(super) fn start(&mut self, line: u64) {
        self.line = line;
        self.time = Time::EPOCH;
        self.key.clear();
        self.cost = 1;
        self.duration = None;
        self.outcome = Outcome::Success;
        self.status = None;
        self.in_flight = None;
        self.class.clear();
        self.method.clear();
        self.fields.iter_mut().for_each(String::clear);
    }

    /// Sets an HTTP status; the codes below 100 that servers write where they
    /// sent no answer stand for a dropped request. `None` if it is no status.
    pub(super) fn set_status(&mut self, text: &[u8]) -> Option<()> {
        let status = whole(text).filter(|status| *status < 600)?;
        self.status = u16::try_from(status).ok();
        self.outcome = match status {
            0..100 => Outcome::Dropped,
            100..400 => Outcome::Success,
            _ => Outcome::Failure,
        };
        Some(())
    }

    /// Sets the key from a text of any encoding; `-` stands for nobody.
    pub(super) fn set_key(&mut self, text: &[u8]) {
        if text != b"-" {
            self.key.clear();
            self.key.push_str(&String::from_utf8_lossy(text));
        }
    }

    /// Sets one of so many further fields; as for a key, `-` is nothing.
    pub(super) fn set_field(&mut self, place: usize, of: usize, text: &[u8]) {
        self.fields.resize(of, String::new());
        if text != b"-" {
            self.fields[place].push_str(&String::from_utf8_lossy(text));
        }
    }

    /// How many bytes its texts take.
    pub(super) fn bytes(&self) -> usize {
        let fields = self.fields.iter().map(String::capacity);
        let texts = [&self.key, &self.class, &self.method];
        fields.chain(texts.map(String::capacity)).sum()
    }
}
