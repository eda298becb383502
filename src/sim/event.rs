use crate::engine::Event;
use crate::units::Time;

/// The kinds of events, in the order in which they happen at equal times: the
/// world changes before anybody acts, what
/// ends makes room before what begins, and an answer that comes exactly at a
/// client's time-out is in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An outage begins or ends.
    Outage,
    /// The backend has done its work on an attempt.
    Served,
    /// The same, where some stage learns from how attempts end.
    Ended,
    /// The wait of the attempts at the head of a gate's queue may have ended.
    WaitEnds,
    /// The wait that a limit imposed on an attempt is over.
    Resume,
    /// A client gives up waiting for the answer to an attempt.
    TimesOut,
    /// A request is tried again.
    Retry,
    /// A sender's timer fires.
    Send,
}

impl Kind {
    /// The kind of an event that [`event`](Kind::event) made.
    #[inline]
    pub(super) fn of(event: Event) -> Kind {
        match event.kind() {
            0 => Kind::Outage,
            1 => Kind::Served,
            2 => Kind::Ended,
            3 => Kind::WaitEnds,
            4 => Kind::Resume,
            5 => Kind::TimesOut,
            6 => Kind::Retry,
            7 => Kind::Send,
            other => unreachable!("nobody makes events of kind {other}"),
        }
    }

    /// An event of this kind for the numbered outage, attempt, gate, request
    /// or sender;
    /// `detail` is cut to the bits that an event has.
    #[inline]
    pub(super) fn event(self, time: Time, number: u32, detail: u32) -> Event {
        Event::new(time, self as u8, number, detail & Event::DETAIL_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_survives_the_packing() {
        for kind in [
            Kind::Outage,
            Kind::Served,
            Kind::Ended,
            Kind::WaitEnds,
            Kind::Resume,
            Kind::TimesOut,
            Kind::Retry,
            Kind::Send,
        ] {
            assert_eq!(Kind::of(kind.event(Time::from_secs(1), 2, 3)), kind);
        }
    }
}
