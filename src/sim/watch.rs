use super::request::Origin;
use crate::server::Told;
use crate::units::{Span, Time};

/// Something that happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Time,
    /// The request.
    pub request: RequestId,
    /// Which attempt of the request it concerns, from 1; 0 if none.
    pub attempt: u32,
    /// What happens.
    pub what: What,
}

/// What tells a request from all others of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId {
    /// The index of its stream.
    pub stream: u16,
    /// The sender's number, or the device's, among its like.
    pub entity: u32,
    /// Which request of its sender it is.
    pub number: u32,
    /// The home's number.
    pub home: u32,
    /// The device's number; [`NO_DEVICE`](crate::world::NO_DEVICE) if it is for
    /// none.
    pub device: u32,
}

impl From<&Origin> for RequestId {
    #[inline]
    fn from(origin: &Origin) -> RequestId {
        RequestId {
            stream: origin.stream,
            entity: origin.entity,
            number: origin.number,
            home: origin.home,
            device: origin.device,
        }
    }
}

/// What happens to a request or one of its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The request comes due.
    Due,
    /// It is not made, since the one before has not ended; so many are not.
    Skipped(u32),
    /// The attempt is sent, by way of that gateway, from 0.
    Sent {
        /// The gateway.
        gateway: u8,
    },
    /// It passes a stage, whose index this is.
    Passes(u8),
    /// It waits at a gate, at most until then.
    Waits {
        /// The stage.
        stage: u8,
        /// The end of its wait; [`Time::MAX`] if there is none.
        until: Time,
    },
    /// A limit lets it pass for a time to come.
    Delayed {
        /// The stage.
        stage: u8,
        /// That time.
        until: Time,
    },
    /// The backend begins to work on it.
    Begins {
        /// When it will have done so.
        until: Time,
    },
    /// A stage, an outage or the backend refuses it.
    Refused {
        /// The stage.
        stage: u8,
        /// What the answer tells.
        told: Told,
    },
    /// The client gives up waiting for the answer.
    TimesOut,
    /// The client will try again.
    Waiting {
        /// How long it waits.
        wait: Span,
    },
    /// The budget that it shares does not allow for the next attempt.
    Denied,
    /// A guard of its client lets the next attempt wait.
    Held {
        /// The guard, by its index in the world.
        guard: u16,
        /// Until then, at least.
        until: Time,
    },
    /// A guard of its client does not let it be made.
    Dropped {
        /// The guard, by its index in the world.
        guard: u16,
    },
    /// The client gives the request up.
    GivesUp,
    /// The backend has carried it out.
    Executed {
        /// Whether the client hears of it: whether the request succeeds.
        heard: bool,
    },
}

/// Who is told what happens in a run.
pub(super) trait Watch {
    /// Whether anybody is.
    const LISTENS: bool;

    /// Tells what happens at `at` to an attempt, or to none if that is 0.
    fn tell(&mut self, at: Time, request: RequestId, attempt: u32, what: What);
}

/// Nobody is: a run costs nothing more than without.
#[derive(Debug)]
pub(super) struct Nobody;

impl Watch for Nobody {
    const LISTENS: bool = false;

    fn tell(&mut self, _: Time, _: RequestId, _: u32, _: What) {}
}

/// Somebody who looks at one home.
pub(super) struct HomeWatch<F> {
    pub(super) home: u32,
    pub(super) tell: F,
}

impl<F: FnMut(&Step)> Watch for HomeWatch<F> {
    const LISTENS: bool = true;

    fn tell(&mut self, at: Time, request: RequestId, attempt: u32, what: What) {
        if request.home == self.home {
            (self.tell)(&Step {
                at,
                request,
                attempt,
                what,
            });
        }
    }
}
