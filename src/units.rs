//! Integer time, spans, rates and probabilities: the units that a scenario is
//! written in and that the engine computes with.
//!
//! Time is counted in whole nanoseconds, so that two machines and two orders
//! of work agree to the last bit. Each type parses the text that a scenario
//! uses (`"300s"`, `"1h 30min"`, `"60/min"`, `"0.1%"`), prints it back in the
//! same form, and refuses what is out of range with a message that says what
//! was expected.

mod percent;
mod probability;
mod rate;
mod span;
mod time;
mod weekdays;
mod zone;

pub use percent::Percent;
pub use probability::Probability;
pub use rate::Rate;
pub use span::Span;
pub use time::Time;
pub use weekdays::Weekdays;
pub(crate) use zone::timestamp;
pub use zone::{ClockTime, Period, Zone};

/// Why a text or a number is not a value of the unit that was asked for.
///
/// The message is a whole sentence fragment that names what was found and what
/// was expected; whoever reports it adds the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnitError(pub(crate) String);
