use std::fmt;

use crate::units::Time;

/// What happens next: a time, a kind of event, the entity that it happens to,
/// and a detail, packed into 16 bytes.
///
/// From the most significant bit: time 64 bits (ns since the epoch), kind 4,
/// entity 32, detail 28. Events compare by these bits as one number, so the
/// kind decides between events of the same nanosecond, then the entity, then
/// the detail. Two events that compare equal are the same event.
///
/// ```
/// use ratelab::engine::Event;
/// use ratelab::units::Time;
/// let release = Event::new(Time::from_secs(1), 0, 7, 0);
/// let poll = Event::new(Time::from_secs(1), 2, 3, 0);
/// assert!(release < poll, "at the same time the lower kind is first");
/// assert_eq!((poll.time(), poll.kind(), poll.entity()), (Time::from_secs(1), 2, 3));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event(u128);

const DETAIL_BITS: u32 = 28;
const ENTITY_BITS: u32 = 32;

impl Event {
    /// The greatest kind, 15.
    pub const KIND_MAX: u8 = 15;

    /// The greatest detail, 268,435,455.
    pub const DETAIL_MAX: u32 = (1 << DETAIL_BITS) - 1;

    /// An event; only the low 4 bits of `kind` and the low 28 bits of `detail`
    /// are kept, and in a debug build it panics if there are more.
    #[inline]
    pub const fn new(time: Time, kind: u8, entity: u32, detail: u32) -> Event {
        debug_assert!(kind <= Event::KIND_MAX && detail <= Event::DETAIL_MAX);
        let low = ((kind & Event::KIND_MAX) as u64) << (ENTITY_BITS + DETAIL_BITS)
            | (entity as u64) << DETAIL_BITS
            | (detail & Event::DETAIL_MAX) as u64;
        Event((time.nanos() as u128) << 64 | low as u128)
    }

    /// When it happens.
    #[inline]
    pub const fn time(self) -> Time {
        Time::from_nanos(self.nanos())
    }

    /// The kind, from 0 to [`KIND_MAX`](Event::KIND_MAX).
    #[inline]
    pub const fn kind(self) -> u8 {
        (self.0 as u64 >> (ENTITY_BITS + DETAIL_BITS)) as u8
    }

    /// The entity.
    #[inline]
    pub const fn entity(self) -> u32 {
        (self.0 as u64 >> DETAIL_BITS) as u32
    }

    /// The detail, from 0 to [`DETAIL_MAX`](Event::DETAIL_MAX).
    #[inline]
    pub const fn detail(self) -> u32 {
        self.0 as u32 & Event::DETAIL_MAX
    }

    /// The time in nanoseconds since the epoch.
    #[inline]
    pub(super) const fn nanos(self) -> u64 {
        (self.0 >> 64) as u64
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("nanos", &self.nanos())
            .field("kind", &self.kind())
            .field("entity", &self.entity())
            .field("detail", &self.detail())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_event_is_sixteen_bytes() {
        assert_eq!(size_of::<Event>(), 16);
    }

    #[test]
    fn extremes_round_trip() {
        let last = Event::new(Time::MAX, Event::KIND_MAX, u32::MAX, Event::DETAIL_MAX);
        assert_eq!(last.0, u128::MAX);
        assert_eq!(Event::new(Time::EPOCH, 0, 0, 0).0, 0);
    }

    proptest! {
        #[test]
        fn fields_round_trip_and_order_as_the_tuple(
            a in (any::<u64>(), 0..=Event::KIND_MAX, any::<u32>(), 0..=Event::DETAIL_MAX),
            b in (any::<u64>(), 0..=Event::KIND_MAX, any::<u32>(), 0..=Event::DETAIL_MAX),
            same in 0..4,
        ) {
            // Make the leading fields equal, so that each field gets to decide.
            let b = (
                if same > 0 { a.0 } else { b.0 },
                if same > 1 { a.1 } else { b.1 },
                if same > 2 { a.2 } else { b.2 },
                b.3,
            );
            let event = |f: (u64, u8, u32, u32)| Event::new(Time::from_nanos(f.0), f.1, f.2, f.3);
            let fields = |e: Event| (e.time().nanos(), e.kind(), e.entity(), e.detail());
            prop_assert_eq!(fields(event(a)), a);
            prop_assert_eq!(event(a).cmp(&event(b)), a.cmp(&b));
        }
    }
}
