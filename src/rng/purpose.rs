/// What a random number is for.
///
/// Each purpose of each entity has streams of its own, so that a feature that
/// draws more, or is switched on, leaves all other draws as they were. The
/// discriminant is part of the address of a number: it must never be reused or
/// changed, or every result changes. New purposes take new discriminants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// Where in its cycle an entity starts.
    Phase = 1,
    /// The time from one poll to the next.
    Interval = 2,
    /// The time until the next request of an open stream of arrivals.
    Arrival = 3,
    /// The pause of a human before the next action.
    Think = 4,
    /// How far a scheduled command is spread from its time.
    Schedule = 5,
    /// A decision with a probability.
    Chance = 6,
    /// The time that a request takes at the server.
    Service = 7,
    /// The jitter of a wait before a retry.
    Backoff = 8,
    /// Counts and choices made when a world is built.
    Population = 9,
    /// A refusal with a probability.
    Admission = 10,
    /// Whether the backend fails.
    Failure = 11,
    /// When an adaptive algorithm measures again.
    Probe = 12,
    /// Which of several gateways an attempt goes to.
    Replica = 13,
    /// The time until the next outage.
    OutageBegins = 14,
    /// How long an outage lasts.
    OutageLasts = 15,
    /// What a guard of a client leaves to chance.
    Guard = 16,
}
