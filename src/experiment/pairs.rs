use super::Cell;
use super::estimate::estimate;
use super::view::View;
use crate::scenario::estimand::Taken;
use crate::scenario::{Estimand, Part};
use crate::sim::Record;

/// The confidence of an interval that nobody looks at.
const ANY_CONFIDENCE: f64 = 0.95;

/// The pair of one run, for an estimand that is a ratio or a share of runs.
pub(super) fn pair(view: &View<'_>, estimand: Estimand, record: &Record) -> Option<(f64, f64)> {
    let of = estimand.of();
    match estimand.taken() {
        Taken::Ratio(x, n) => Some((view.sum(of, x, record), view.sum(of, n, record))),
        Taken::ShareOfRuns(event) => {
            let happens = view.happens(event, record);
            Some((f64::from(u8::from(happens)), 1.0))
        }
        Taken::MedianOfRuns { .. } | Taken::Quantile { .. } => None,
    }
}

impl Cell {
    /// What an estimand adds up of the records of this cell: the pair *(x, n)*
    /// of each replication, in their order, so that the estimate is Σ*x* / Σ*n*.
    /// All that is said of a ratio, of the difference of two policies or of how
    /// many replications to run starts from these pairs.
    ///
    /// A share of runs has n = 1 and x = 1 where it happens. `None` where the
    /// cell has no such part or the part no such estimand, and for medians and
    /// percentiles, which are no ratios.
    ///
    /// ```
    /// use ratelab::experiment::{Options, Study};
    /// use ratelab::scenario::{Estimand, Part, Source};
    ///
    /// // Three homes ask once a minute; two are let through.
    /// let text = r#"Scenario(
    ///     name: "three of two",
    ///     time: (length: "10min"),
    ///     cohorts: {"homes": (homes: 3, client: "app", app: Shared("app"))},
    ///     clients: {"app": (polls: [(method: "get", every: "1min", phase: At("5s"))])},
    ///     server: (stages: [Limit(name: "app", per: [App], by: FixedWindow(quota: Fixed(2), window: "1min"))]),
    ///     study: (replications: 2),
    /// )"#;
    /// let study = Study::new(&Source::new(text.to_owned()).variants()?)?;
    /// let records = study.run(Options::default(), Vec::new(), &())?;
    /// let pairs = study.cells[0].pairs(&records[0], Estimand::P429Attempt, &Part::ALL);
    /// assert_eq!(pairs, Some(vec![(10.0, 30.0); 2]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pairs(
        &self,
        records: &[Record],
        estimand: Estimand,
        part: &Part,
    ) -> Option<Vec<(f64, f64)>> {
        let view = View::new(self, part).filter(|view| view.has(estimand))?;
        let pairs = records.iter().map(|record| pair(&view, estimand, record));
        pairs.collect()
    }

    /// What each replication alone says of an estimand, in its unit: infinite
    /// for a time that it never reaches, `None` where nothing happened that it
    /// could be told of. `None` for all where the cell has no such part or the
    /// part no such estimand.
    pub fn values(
        &self,
        records: &[Record],
        estimand: Estimand,
        part: &Part,
    ) -> Option<Vec<Option<f64>>> {
        let view = View::new(self, part).filter(|view| view.has(estimand))?;
        let value = |record: &Record| {
            let alone = std::slice::from_ref(record);
            Some(estimate(&view, estimand, alone, ANY_CONFIDENCE)?.value)
        };
        Some(records.iter().map(value).collect())
    }
}
