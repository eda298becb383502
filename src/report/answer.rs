use crate::experiment::{Estimate, Split, Study, TargetResult, estimates, judge};
use crate::scenario::{Estimand, Scenario};
use crate::sim::Record;

/// A study with its records and all that was estimated from them.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The study.
    pub study: &'a Study,
    /// Its records, per cell in the order of replications.
    pub records: &'a [Vec<Record>],
    /// All estimates.
    pub estimates: Vec<Estimate>,
    /// All targets.
    pub targets: Vec<TargetResult>,
    /// The hash of all records.
    pub result_hash: String,
}

/// Where results come from.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// The scenario's file, as it was named.
    pub file: String,
    /// The text that was run, with all values set.
    pub text: String,
    /// The command line.
    pub command: Vec<String>,
}

/// How long a study took.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Events of all replications that were run.
    pub events: u64,
    /// Seconds that their event loops took, added up over threads.
    pub run_seconds: f64,
    /// The most memory that the process had, where the system tells.
    pub peak_rss_bytes: Option<u64>,
}

impl<'a> Answer<'a> {
    /// Estimates all there is to estimate.
    pub fn new(study: &'a Study, records: &'a [Vec<Record>]) -> Answer<'a> {
        let estimates = estimates(study, records);
        let policies: Vec<String> = (study.cells.iter())
            .filter(|cell| !cell.is_control)
            .map(|cell| cell.policy.clone())
            .collect();
        let targets = study.cells.first().map_or_else(Vec::new, |cell| {
            judge(&cell.scenario.targets, &policies, &estimates)
        });
        Answer {
            study,
            records,
            estimates,
            targets,
            result_hash: study.result_hash(records),
        }
    }

    /// The scenario of the first cell: what all cells have in common.
    pub fn scenario(&self) -> Option<&'a Scenario> {
        self.study.cells.first().map(|cell| &cell.scenario)
    }

    /// The scenario's name.
    pub fn name(&self) -> &'a str {
        self.scenario().map_or("", |scenario| &scenario.name)
    }

    /// One estimate of one policy.
    pub fn estimate(
        &self,
        policy: &str,
        estimand: Estimand,
        split: Option<&Split>,
    ) -> Option<&Estimate> {
        self.estimates.iter().find(|estimate| {
            estimate.estimand == estimand
                && estimate.policy == policy
                && estimate.split.as_ref() == split
        })
    }

    /// The parts of the traffic that have estimates of their own, in order.
    pub(super) fn splits(&self) -> Vec<&Split> {
        let mut splits: Vec<&Split> = Vec::new();
        for split in self
            .estimates
            .iter()
            .filter_map(|estimate| estimate.split.as_ref())
        {
            if !splits.contains(&split) {
                splits.push(split);
            }
        }
        splits
    }

    /// "95 % intervals over 40 replications", or that there are none.
    pub(super) fn intervals_in_words(&self) -> String {
        let replications = self.study.replications;
        match replications {
            1 => "one replication, so no intervals".to_owned(),
            _ => format!(
                "{} % intervals over {replications} replications",
                super::number::plain(self.study.confidence * 100.0)
            ),
        }
    }

    /// Requests of the measured span that had not ended when the run was
    /// drained, over all replications.
    pub(super) fn unfinished(&self) -> u64 {
        let streams = self
            .records
            .iter()
            .flatten()
            .flat_map(|record| &record.streams);
        streams.map(|counts| counts.unfinished).sum()
    }
}
