use crate::engine::Event;
use crate::units::Time;

/// How many events are held back: their places in the ring are in the cache
/// when so many later pushes have been made.
const STAGED: usize = 8;

/// The last few events that were pushed to the ring.
///
/// The place of an event is a random one, and at a million devices seldom in the
/// cache. A store there would hold up the stores after it, so each event waits
/// here while its place is being loaded. None is needed before the next bucket
/// of the ring is taken.
#[derive(Debug, Clone)]
pub(super) struct Staged {
    events: [Event; STAGED],
    /// How many events have come since the last drain.
    count: usize,
}

impl Default for Staged {
    fn default() -> Staged {
        Staged {
            events: [Event::new(Time::EPOCH, 0, 0, 0); STAGED],
            count: 0,
        }
    }
}

impl Staged {
    /// Takes an event and, if there is no more room, gives the first one back.
    #[inline]
    pub(super) fn exchange(&mut self, event: Event) -> Option<Event> {
        let place = &mut self.events[self.count % STAGED];
        let first = std::mem::replace(place, event);
        self.count += 1;
        (self.count > STAGED).then_some(first)
    }

    /// Gives all events back, in no order.
    #[inline]
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Event> {
        let count = std::mem::take(&mut self.count).min(STAGED);
        self.events.into_iter().take(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_comes_back_once() {
        let event = |nanos| Event::new(Time::from_nanos(nanos), 0, 0, 0);
        for count in [0, 1, 7, 8, 9, 100] {
            let mut staged = Staged::default();
            for _ in 0..2 {
                let mut back: Vec<_> = (0..count)
                    .filter_map(|nanos| staged.exchange(event(nanos)))
                    .collect();
                assert_eq!(back.len(), (count as usize).saturating_sub(STAGED));
                back.extend(staged.drain());
                let mut nanos: Vec<_> = back.into_iter().map(Event::nanos).collect();
                nanos.sort_unstable();
                assert_eq!(nanos, (0..count).collect::<Vec<_>>());
            }
        }
    }
}
