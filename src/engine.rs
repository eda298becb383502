//! The event queue: what happens next, and in which order.
//!
//! An [`Event`] is one number of 128 bits: time, kind, entity, detail. A queue
//! pops the least of them. So the order is total and depends on nothing but the
//! events themselves: not on the order in which they were pushed, not on the kind
//! of queue, and not on what it was told to expect. There is no sequence number
//! that a change elsewhere could shift. Any two queues give the same run to the
//! last bit, and [`HeapQueue`] is the oracle for the others. Two equal events
//! cannot be told apart; who needs both at the same nanosecond lets the detail
//! differ.
//!
//! An event cannot be cancelled. Whoever may lose interest in one keeps a number
//! of the current intention beside the entity's state, puts it into the detail,
//! and ignores an event whose detail is out of date.
//!
//! # Which queue
//!
//! | | pop and push | bytes per pending event | choose it |
//! | --- | --- | --- | --- |
//! | [`LadderQueue`] | O(1) amortised | 22 to 37, and 15 kB once | for every fleet |
//! | [`HeapQueue`] | O(log n) | 16 to 32 | below a thousand pending events, or if nothing is known of them; as an oracle |
//!
//! The cost of a pop and the push that follows it in the hold model (Jones, 1986):
//! median ns on one core of a shared machine, with the draw of the increment, which
//! takes 2 ns of the first load and 18 ns of the second.
//!
//! | increment | pending | ladder | heap |
//! | --- | --- | --- | --- |
//! | uniform in 60 s ± 1 s | 1e3 | 12 | 36 |
//! | | 1e5 | 12 | 110 |
//! | | 1e6 | 16 | 420 |
//! | half of them that, half exponential with mean 50 ms | 1e3 | 34 | 53 |
//! | | 1e5 | 30 | 114 |
//! | | 1e6 | 30 | 295 |
//!
//! `cargo bench --bench queue` measures this again. The ladder needs to be told how
//! dense the events are: told a tenth or ten times of the truth it takes up to three
//! times as long, and a thousandth, about seven times.

mod event;
mod heap;
mod ladder;

pub use event::Event;
pub use heap::HeapQueue;
pub use ladder::LadderQueue;

/// The most events that [`EventQueue::foretold`] tells at a time.
pub const MOST_FORETOLD: usize = 16;

/// Pending events, of which the least is always the next.
///
/// ```
/// use ratelab::engine::{Event, EventQueue, HeapQueue};
/// use ratelab::units::{Span, Time};
///
/// fn count_until(queue: &mut impl EventQueue, end: Time) -> u64 {
///     let mut count = 0;
///     while let Some(event) = queue.pop() {
///         if event.time() > end {
///             break;
///         }
///         count += 1;
///         queue.push(Event::new(event.time() + Span::from_secs(60), 0, event.entity(), 0));
///     }
///     count
/// }
///
/// let mut queue = HeapQueue::new();
/// queue.push(Event::new(Time::EPOCH, 0, 1, 0));
/// assert_eq!(count_until(&mut queue, Time::from_secs(600)), 11);
/// ```
pub trait EventQueue {
    /// Adds an event. One that is earlier than the last event popped is allowed,
    /// though it has no meaning in a simulation: it is popped before all later ones.
    fn push(&mut self, event: Event);

    /// Removes the least event; `None` if there is none.
    fn pop(&mut self) -> Option<Event>;

    /// The number of pending events.
    fn len(&self) -> usize;

    /// Whether no event is pending.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some pending events, [`MOST_FORETOLD`] at most, that will be popped soon: a
    /// hint, for fetching their entities' state into the cache. Who sees to one of
    /// them per pop, and calls again when none is left, learns of most events while
    /// they are spread over time; of a burst some are told long before or never. May
    /// be empty always.
    fn foretold(&mut self) -> &[Event];
}
