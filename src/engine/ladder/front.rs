use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::bucket_sort::sort_bucket;
use crate::engine::{Event, MOST_FORETOLD};

/// Above so many sorted events a new one goes to the heap rather than among them.
const INSERT_LIMIT: usize = 128;

/// A sorted event is told at least so many pops before its own, and so many are
/// told at a time.
const AHEAD: usize = MOST_FORETOLD;

/// The events that are next, in order.
///
/// They are sorted once, when their bucket comes up, and taken from the end. One
/// that is pushed later is inserted, or goes to a heap where that would move many.
#[derive(Debug, Clone)]
pub(super) struct Front {
    /// Latest first.
    sorted: Vec<Event>,
    /// A bucket of the ring while it is being taken.
    unsorted: Vec<Event>,
    late: BinaryHeap<Reverse<Event>>,
    /// `sorted[..untold]` is yet to be told.
    untold: usize,
    /// The last nanosecond whose events belong here.
    until: u64,
}

impl Front {
    pub(super) fn new(capacity: usize, until: u64) -> Front {
        Front {
            sorted: Vec::with_capacity(capacity),
            unsorted: Vec::with_capacity(capacity),
            late: BinaryHeap::new(),
            untold: 0,
            until,
        }
    }

    #[inline]
    pub(super) fn contains(&self, nanos: u64) -> bool {
        nanos <= self.until
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Event> {
        if self.late.is_empty() {
            self.sorted.pop()
        } else {
            self.pop_merged()
        }
    }

    #[inline(never)]
    fn pop_merged(&mut self) -> Option<Event> {
        match (self.sorted.last(), self.late.peek()) {
            (Some(first), Some(Reverse(late))) if first <= late => self.sorted.pop(),
            _ => self.late.pop().map(|Reverse(event)| event),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        let mut at = self.sorted.len();
        if at > INSERT_LIMIT {
            self.late.push(Reverse(event));
            return;
        }
        self.sorted.push(event);
        while at > 0 && self.sorted[at - 1] < event {
            self.sorted[at] = self.sorted[at - 1];
            at -= 1;
        }
        self.sorted[at] = event;
    }

    /// The place for any events that are next, empty once all others have been
    /// popped. Ends with [`sort`](Front::sort).
    pub(super) fn events(&mut self) -> &mut Vec<Event> {
        &mut self.sorted
    }

    /// Puts the events in order, which are all that there are up to a nanosecond.
    pub(super) fn sort(&mut self, until: u64) {
        self.until = until;
        self.sorted.sort_unstable_by_key(|&event| Reverse(event));
        self.untold = self.sorted.len().saturating_sub(AHEAD);
    }

    /// The place for the events of a bucket of the ring. Ends with
    /// [`sort_bucket`](Front::sort_bucket), unless it is emptied again.
    #[inline]
    pub(super) fn bucket(&mut self) -> &mut Vec<Event> {
        &mut self.unsorted
    }

    /// Puts the events of a bucket in order, `1 << shift` ns long, that has been
    /// told of; all others must have been popped.
    #[inline]
    pub(super) fn sort_bucket(&mut self, until: u64, shift: u32) {
        self.until = until;
        sort_bucket(&mut self.unsorted, &mut self.sorted, until, shift);
        self.untold = 0;
    }

    /// Some of the sorted events, a little before they are popped.
    #[inline]
    pub(super) fn foretold(&mut self) -> &[Event] {
        let upto = self.untold.min(self.sorted.len());
        self.untold = upto.saturating_sub(AHEAD);
        &self.sorted[self.untold..upto]
    }

    /// The bytes of heap memory held.
    pub(super) fn memory(&self) -> usize {
        (self.sorted.capacity() + self.unsorted.capacity() + self.late.capacity())
            * size_of::<Event>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Time;

    #[test]
    fn late_events_take_their_turn_whether_inserted_or_in_the_heap() {
        for bucket in [0, 10, 500] {
            let event = |nanos| Event::new(Time::from_nanos(nanos), 0, 0, 0);
            let mut front = Front::new(0, 0);
            front
                .events()
                .extend((0..bucket).map(|n| event(n * 7919 % 503)));
            front.sort(502);
            assert!(front.contains(502) && !front.contains(503));
            let mut expected: Vec<_> = (0..bucket).map(|n| n * 7919 % 503).collect();
            for n in 0..200 {
                front.push(event(n * 331 % 503));
                expected.push(n * 331 % 503);
            }
            expected.sort_unstable();
            let popped: Vec<_> = std::iter::from_fn(|| front.pop())
                .map(Event::nanos)
                .collect();
            assert_eq!(popped, expected, "bucket of {bucket}");
        }
    }
}
