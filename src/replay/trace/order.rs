//! Putting rows in order of time that are slightly out of it.
//!
//! A server writes a request down when it has ended, so that the times of
//! requests that overlap come in another order than the lines. Rows are held
//! back until no row that is still to come can be earlier, unless it is out of
//! order by more than the slack; rows of one time stay in the order of lines.

use std::collections::{BTreeMap, VecDeque};

use super::entry::Entry;
use crate::units::{Span, Time};

/// The most rows, and the most bytes of their texts, that are held back.
/// Beyond that the earliest is handed out whatever may come.
const MOST_ROWS: usize = 1 << 17;
const MOST_BYTES: usize = 64 << 20;

#[derive(Debug)]
pub(super) struct Order {
    slack: Span,
    /// Rows that were not earlier than any before them, by their number.
    in_order: VecDeque<(u64, Entry)>,
    /// The others.
    out_of_order: BTreeMap<(Time, u64), Entry>,
    /// Rows so far.
    number: u64,
    /// The latest time so far, and its line.
    latest: (Time, u64),
    /// The time of the row handed out last.
    handed_out: Time,
    /// Whether nothing more is waited for.
    draining: bool,
    bytes: usize,
    spare: Vec<Entry>,
    /// Rows that came after a later one.
    pub(super) disordered: u64,
    /// Those of them that came when later ones had been handed out, and are
    /// taken to be of the same time as the last of these.
    pub(super) too_late: u64,
}

/// A row that is earlier than the slack allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backwards {
    pub(super) by: Span,
    /// The line of the latest row.
    pub(super) later_line: u64,
}

impl Order {
    pub(super) fn new(slack: Span) -> Order {
        Order {
            slack,
            in_order: VecDeque::new(),
            out_of_order: BTreeMap::new(),
            number: 0,
            latest: (Time::EPOCH, 0),
            handed_out: Time::EPOCH,
            draining: false,
            bytes: 0,
            spare: Vec::new(),
            disordered: 0,
            too_late: 0,
        }
    }

    /// Takes a row, in exchange for one to be written over.
    pub(super) fn push(&mut self, entry: &mut Entry) -> Result<(), Backwards> {
        let (latest, later_line) = self.latest;
        let by = latest.since(entry.time);
        if by > self.slack {
            return Err(Backwards { by, later_line });
        }
        self.draining = false;
        self.bytes += entry.bytes();
        let mut taken = std::mem::replace(entry, self.spare.pop().unwrap_or_default());
        let number = self.number;
        self.number += 1;
        if by.is_zero() {
            self.latest = (taken.time, taken.line);
            self.in_order.push_back((number, taken));
        } else {
            self.disordered += 1;
            if taken.time < self.handed_out {
                self.too_late += 1;
                taken.time = self.handed_out;
            }
            self.out_of_order.insert((taken.time, number), taken);
        }
        Ok(())
    }

    /// No row is waited for: all that are held may go.
    pub(super) fn drain(&mut self) {
        self.draining = true;
    }

    /// The next row that nothing can come before, in exchange for one that is
    /// not needed any more.
    pub(super) fn pop(&mut self, used: &mut Entry) -> bool {
        let front = self.in_order.front();
        let front = front.map(|(number, entry)| (entry.time, *number));
        let other = self.out_of_order.first_key_value().map(|(at, _)| *at);
        let (first, from_others) = match (front, other) {
            (None, None) => return false,
            (Some(front), None) => (front, false),
            (None, Some(other)) => (other, true),
            (Some(front), Some(other)) => (front.min(other), other < front),
        };
        let full =
            self.bytes > MOST_BYTES || self.in_order.len() + self.out_of_order.len() > MOST_ROWS;
        if !self.draining && !full && self.latest.0.since(first.0) < self.slack {
            return false;
        }
        let next = match from_others {
            true => self.out_of_order.pop_first().map(|(_, entry)| entry),
            false => self.in_order.pop_front().map(|(_, entry)| entry),
        };
        let Some(next) = next else { return false };
        self.bytes -= next.bytes();
        self.handed_out = next.time;
        let spare = std::mem::replace(used, next);
        // A text that was long once is not kept for ever.
        if self.spare.len() < MOST_ROWS && spare.bytes() < 4096 {
            self.spare.push(spare);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(time: u64, line: u64) -> Entry {
        Entry {
            time: Time::from_millis(time),
            line,
            ..Entry::default()
        }
    }

    /// (time, line) of all rows in the order in which they are handed out.
    fn ordered(times: &[u64], slack: u64) -> (Vec<(u64, u64)>, u64) {
        let mut order = Order::new(Span::from_millis(slack));
        let mut used = Entry::default();
        let mut out = Vec::new();
        for (&time, line) in times.iter().zip(1..) {
            let _ = order.push(&mut entry(time, line));
            while order.pop(&mut used) {
                out.push((used.time.nanos() / 1_000_000, used.line));
            }
        }
        order.drain();
        while order.pop(&mut used) {
            out.push((used.time.nanos() / 1_000_000, used.line));
        }
        assert_eq!(order.bytes, 0);
        (out, order.disordered)
    }

    #[test]
    fn rows_of_one_time_stay_as_they_are() {
        assert_eq!(
            ordered(&[5, 3, 5, 3, 9], 10).0,
            [(3, 2), (3, 4), (5, 1), (5, 3), (9, 5)]
        );
    }

    #[test]
    fn what_is_beyond_the_slack_is_refused_with_the_line_of_the_later() {
        let mut order = Order::new(Span::from_millis(2));
        order.push(&mut entry(10, 7)).unwrap();
        order.push(&mut entry(8, 8)).unwrap();
        let refused = order.push(&mut entry(7, 9));
        let by = Span::from_millis(3);
        assert_eq!(refused, Err(Backwards { by, later_line: 7 }));
    }

    #[test]
    fn what_comes_after_its_turn_is_of_the_time_of_the_last() {
        let mut order = Order::new(Span::from_millis(10));
        let mut used = Entry::default();
        order.push(&mut entry(10, 1)).unwrap();
        assert!(!order.pop(&mut used));
        order.drain();
        assert!(order.pop(&mut used));
        order.push(&mut entry(8, 2)).unwrap();
        order.drain();
        assert!(order.pop(&mut used));
        assert_eq!((used.time, used.line), (Time::from_millis(10), 2));
        assert_eq!((order.disordered, order.too_late), (1, 1));
    }

    proptest! {
        #[test]
        fn it_is_a_stable_sort(times in prop::collection::vec(0..50_u64, 0..60), slack in 0..60_u64) {
            let mut latest = 0;
            let mut expected: Vec<(u64, u64)> = Vec::new();
            let mut disordered = 0;
            for (&time, line) in times.iter().zip(1..) {
                if time + slack >= latest {
                    expected.push((time, line));
                    disordered += u64::from(time < latest);
                    latest = latest.max(time);
                }
            }
            expected.sort_by_key(|(time, _)| *time);
            prop_assert_eq!(ordered(&times, slack), (expected, disordered));
        }
    }
}
