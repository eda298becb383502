use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Event, EventQueue};

/// The standard library's binary heap: the plain queue that others are
/// checked against, and good enough below about a thousand pending events.
///
/// A push and a pop take O(log n) comparisons; 16 bytes per pending event, up
/// to twice that in capacity.
#[derive(Debug, Clone, Default)]
pub struct HeapQueue {
    heap: BinaryHeap<Reverse<Event>>,
}

impl HeapQueue {
    /// An empty queue.
    pub fn new() -> HeapQueue {
        HeapQueue::default()
    }

    #[cfg(test)]
    pub(super) fn contains(&self, event: Event) -> bool {
        self.heap.iter().any(|Reverse(pending)| *pending == event)
    }

    /// The bytes of heap memory that it holds.
    pub fn memory(&self) -> usize {
        self.heap.capacity() * size_of::<Event>()
    }
}

impl EventQueue for HeapQueue {
    #[inline]
    fn push(&mut self, event: Event) {
        self.heap.push(Reverse(event));
    }

    #[inline]
    fn pop(&mut self) -> Option<Event> {
        self.heap.pop().map(|Reverse(event)| event)
    }

    fn len(&self) -> usize {
        self.heap.len()
    }

    #[inline]
    fn foretold(&mut self) -> &[Event] {
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Time;

    #[test]
    fn the_order_of_pushing_does_not_matter() {
        let mut events = [(2, 0, 0), (1, 1, 0), (1, 0, 5), (1, 0, 4)]
            .map(|(secs, kind, entity)| Event::new(Time::from_secs(secs), kind, entity, 0));
        let mut queue = HeapQueue::new();
        events.iter().for_each(|&event| queue.push(event));
        events.sort_unstable();
        assert_eq!(queue.len(), 4);
        assert_eq!(events.map(|_| queue.pop()), events.map(Some));
        assert!(queue.is_empty() && queue.pop().is_none());
    }
}
