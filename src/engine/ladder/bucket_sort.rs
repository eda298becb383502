use std::cmp::Reverse;

use crate::engine::Event;

/// The parts of a bucket that events are first told apart by.
const SLOTS: usize = 256;

/// Above so many events in one slot, the bucket is not spread evenly.
const SLOT_EVENTS: u8 = 8;

/// So few events are sorted by comparing them.
const FEW: usize = 16;

/// Moves the events of a bucket to the empty `sorted`, latest first. The bucket
/// ends with the nanosecond `until` and is `1 << shift` ns long.
///
/// The times of a few dozen events that act independently are spread over their
/// bucket, so that the time itself tells an event's place but for its nearest
/// neighbours: distribution counting (Knuth, "The art of computer programming",
/// vol. 3, section 5.2, algorithm D), then insertion. Unlike comparisons, it
/// hardly ever branches in a way that a processor cannot foresee. Events that are
/// too few, too many or too crowded for it are sorted as usual.
pub(super) fn sort_bucket(
    events: &mut Vec<Event>,
    sorted: &mut Vec<Event>,
    until: u64,
    shift: u32,
) {
    let narrow = shift.saturating_sub(SLOTS.ilog2());
    let slot = |event: &Event| usize::from(((until - event.nanos()) >> narrow) as u8);
    let Some(mut places) = first_places(events, slot) else {
        sorted.append(events);
        sorted.sort_unstable_by_key(|&event| Reverse(event));
        return;
    };
    // For the length alone: every place is written below.
    sorted.clone_from(events);
    for event in events.drain(..) {
        let place = &mut places[slot(&event)];
        sorted[usize::from(*place)] = event;
        *place += 1;
    }
    for at in 1..sorted.len() {
        let event = sorted[at];
        let mut to = at;
        while to > 0 && sorted[to - 1] < event {
            sorted[to] = sorted[to - 1];
            to -= 1;
        }
        if to < at {
            sorted[to] = event;
        }
    }
}

/// For each slot the place of its first event, if the events are spread evenly.
#[inline]
fn first_places(events: &[Event], slot: impl Fn(&Event) -> usize) -> Option<[u8; SLOTS]> {
    if !(FEW..=usize::from(u8::MAX)).contains(&events.len()) {
        return None;
    }
    let mut counts = [0; SLOTS];
    let mut most = 0;
    for event in events {
        let count = &mut counts[slot(event)];
        *count += 1;
        most = most.max(*count);
    }
    running_sums(&mut counts);
    (most <= SLOT_EVENTS).then_some(counts)
}

/// Replaces each count by the sum of those before it; the sum of all is below 256.
#[inline]
fn running_sums(counts: &mut [u8; SLOTS]) {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let mut sum = 0;
    for eight in counts.as_chunks_mut().0 {
        // Eight sums at once: a multiplication adds each byte to those above it.
        let upto = u64::from_le_bytes(*eight).wrapping_mul(ONES);
        *eight = (upto << 8).wrapping_add(sum * ONES).to_le_bytes();
        sum += upto >> 56;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Time;

    proptest! {
        #[test]
        fn it_sorts_whatever_the_bucket_holds(
            shift in 0..40_u32,
            first in 0..1_u64 << 20,
            crowd in prop_oneof![Just(0), 0..64_u32],
            draws in prop::collection::vec((any::<u64>(), any::<u32>()), 0..300),
        ) {
            let from = first << shift;
            let width = 1 << shift;
            let mut events: Vec<Event> = draws
                .into_iter()
                .map(|(draw, entity)| {
                    let nanos = from + ((draw % width) >> crowd.min(shift));
                    Event::new(Time::from_nanos(nanos), 0, entity, 0)
                })
                .collect();
            let mut expected = events.clone();
            expected.sort_unstable_by_key(|&event| Reverse(event));
            let mut sorted = Vec::new();
            sort_bucket(&mut events, &mut sorted, from + width - 1, shift);
            prop_assert_eq!(sorted, expected);
            prop_assert!(events.is_empty());
        }
    }

    #[test]
    fn an_even_bucket_is_counted_and_a_crowded_one_is_not() {
        let events: Vec<Event> = (0..64)
            .map(|nanos| Event::new(Time::from_nanos(nanos), 0, 0, 0))
            .collect();
        let nanos = |event: &Event| event.nanos() as usize;
        let places = first_places(&events, nanos).unwrap();
        assert_eq!((places[0], places[63], places[255]), (0, 63, 64));
        assert_eq!(first_places(&events, |_| 7), None);
        assert_eq!(first_places(&events[..FEW - 1], nanos), None);
    }

    #[test]
    fn running_sums_are_those_of_a_loop() {
        let mut counts = [0; SLOTS];
        for (slot, count) in counts.iter_mut().enumerate() {
            *count = u8::from(slot % 3 == 1) * 2 + u8::from(slot > 200);
        }
        let mut sum = 0;
        let expected = counts.map(|count| {
            sum += count;
            sum - count
        });
        running_sums(&mut counts);
        assert_eq!(counts, expected);
    }
}
