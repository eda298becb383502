//! What a run may take beside its counts of requests and gates.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::estimand::Estimand;
use super::{Scenario, UnitError};

/// What a run takes only where some estimand needs it. A record keeps it under
/// its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Measure {
    /// Nanoseconds from the start of the measured span to the first refusal in
    /// it, with any status.
    FirstRefusal,
    /// Days of accounts with an attempt that was refused with a 429.
    AccountDays429,
    /// The accounts that made any request, the sum of the shares of their
    /// requests that succeeded, and that of the squares; shares in 2^-32.
    SharesServed,
    /// Microseconds that the newest data of clients was of each age.
    PollAges,
}

/// What a measure has a value of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Each {
    /// The run.
    Run,
    /// Each cohort.
    Cohort,
    /// Each stream of requests.
    Stream,
}

/// What the values of a measure are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// So many whole numbers, which add up.
    Sums(usize),
    /// A moment, or that it never came.
    Moment,
    /// A histogram.
    Histogram,
}

/// All that is known of a measure.
struct Row(Measure, &'static str, Each, Kind, Taken);

/// When a measure is taken.
#[derive(PartialEq)]
enum Taken {
    /// Wherever some estimand that is made of it applies: it costs next to
    /// nothing.
    WhereItApplies,
    /// Where a target or `report` asks for such an estimand: it costs time with
    /// each request, or memory for each account.
    IfAsked,
}

const TABLE: [Row; 4] = [
    Row(
        Measure::FirstRefusal,
        "first_refusal",
        Each::Run,
        Kind::Moment,
        Taken::WhereItApplies,
    ),
    Row(
        Measure::AccountDays429,
        "account_days_429",
        Each::Cohort,
        Kind::Sums(1),
        Taken::WhereItApplies,
    ),
    Row(
        Measure::SharesServed,
        "shares_served",
        Each::Cohort,
        Kind::Sums(3),
        Taken::IfAsked,
    ),
    Row(
        Measure::PollAges,
        "poll_ages",
        Each::Stream,
        Kind::Histogram,
        Taken::IfAsked,
    ),
];

impl Measure {
    /// All of them, in the order of the enum.
    pub fn all() -> impl Iterator<Item = Measure> {
        TABLE.iter().map(|row| row.0)
    }

    const fn row(self) -> &'static Row {
        const ROWS: &[Row] = &TABLE;
        &ROWS[self as usize]
    }

    /// The name under which records keep it.
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// What it has a value of.
    pub const fn each(self) -> Each {
        self.row().2
    }

    /// What its values are.
    pub const fn kind(self) -> Kind {
        self.row().3
    }
}

impl Scenario {
    /// Whether a target or `report` asks for an estimand.
    pub fn asks_for(&self, estimand: Estimand) -> bool {
        self.report.contains(&estimand)
            || (self.targets.iter()).any(|target| target.estimand == estimand)
    }

    /// What its runs take beside their counts.
    pub fn measures(&self) -> Vec<Measure> {
        let is_wanted = |measure: &Measure| {
            let mut estimands = Estimand::all();
            estimands.any(|estimand| {
                estimand.taken().measure() == Some(*measure)
                    && (measure.row().4 == Taken::WhereItApplies || self.asks_for(estimand))
                    && estimand.missing_in(self).is_none()
            })
        };
        Measure::all().filter(is_wanted).collect()
    }
}

impl From<Measure> for String {
    fn from(measure: Measure) -> String {
        measure.name().to_owned()
    }
}

impl TryFrom<String> for Measure {
    type Error = UnitError;
    fn try_from(name: String) -> Result<Measure, UnitError> {
        let mut all = Measure::all();
        all.find(|measure| measure.name() == name)
            .ok_or_else(|| UnitError(format!("nothing is measured that is called \"{name}\"")))
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_the_table_is_in_the_order_of_the_enum() {
        for (index, measure) in Measure::all().enumerate() {
            assert_eq!(measure as usize, index);
            assert_eq!(Measure::try_from(String::from(measure)).unwrap(), measure);
        }
        assert!(Measure::try_from("first".to_owned()).is_err());
    }

    #[test]
    fn each_is_of_some_estimand() {
        for measure in Measure::all() {
            let mut estimands = Estimand::all();
            assert!(
                estimands.any(|one| one.taken().measure() == Some(measure)),
                "{measure}"
            );
        }
    }
}
