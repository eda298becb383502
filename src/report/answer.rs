use crate::experiment::{Differences, Estimate, Estimates, Outcome, Study, TargetResult, judge};
use crate::scenario::text::printable;
use crate::scenario::{Count, Estimand, Part, Scenario};
use crate::sim::Record;

/// A study with its records and all that was estimated from them.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The study.
    pub study: &'a Study,
    /// Its records, per cell in the order of replications.
    pub records: &'a [Vec<Record>],
    /// All estimates.
    pub estimates: Estimates,
    /// How policies differ, if there are several.
    pub differences: Option<Differences>,
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
    /// The processor time of the same; less where threads had to wait for a core.
    pub cpu_seconds: f64,
    /// The most memory that the process had, where the system tells.
    pub peak_rss_bytes: Option<u64>,
}

impl Outcome {
    /// All that can be estimated of it, and the verdicts on its targets.
    pub fn answer(&self) -> Answer<'_> {
        Answer::new(&self.study, &self.records)
    }
}

impl<'a> Answer<'a> {
    /// Estimates all there is to estimate.
    pub fn new(study: &'a Study, records: &'a [Vec<Record>]) -> Answer<'a> {
        let estimates = Estimates::new(study, records);
        let targets = judge(study, &estimates);
        Answer {
            study,
            records,
            differences: Differences::new(study, records, &estimates),
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

    /// The name of a cell, as a terminal, a page or a chart may show it.
    pub(super) fn policy(&self, cell: usize) -> String {
        let cell = &self.study.cells[cell];
        match cell.is_control {
            true => format!("{} (control)", printable(&cell.name)),
            false => printable(&cell.name).into_owned(),
        }
    }

    /// The paths that the study varies.
    pub(super) fn varied_paths(&self) -> Vec<String> {
        let first = self.study.cells.first();
        let settings = first.map_or(&[][..], |cell| &cell.settings);
        (settings.iter())
            .map(|setting| printable(&setting.path).into_owned())
            .collect()
    }

    /// The values that a cell has at the varied paths, as they are written.
    pub(super) fn varied_values(&self, cell: usize) -> Vec<&'a str> {
        let settings = self.study.cells[cell].settings.iter();
        settings.map(|setting| setting.label.as_str()).collect()
    }

    /// The rows above the columns of the first `policies` policies: what is
    /// varied, and the values; the names too, where they say more.
    pub(super) fn heading(&self, policies: usize) -> Vec<Vec<String>> {
        let names = || (0..policies).map(|cell| self.policy(cell));
        let row = |first: &str, cells: Vec<String>| [vec![first.to_owned()], cells].concat();
        let paths = self.varied_paths();
        let are_values = |cell: usize| {
            let cell_name = &self.study.cells[cell].name;
            *cell_name == self.varied_values(cell).join(", ")
        };
        let all_values = (0..policies).all(are_values);
        let has_control = (0..policies).any(|cell| self.study.cells[cell].is_control);
        match paths.as_slice() {
            [] => return vec![row("", names().collect())],
            [path] if all_values => return vec![row(path, names().collect())],
            _ => {}
        }
        let mut rows = Vec::new();
        if !all_values || has_control {
            rows.push(row("policy", names().collect()));
        }
        for (number, path) in paths.iter().enumerate() {
            let value = |cell: usize| {
                let values = self.varied_values(cell);
                values
                    .get(number)
                    .map_or_else(String::new, |value| printable(value).into_owned())
            };
            rows.push(row(path, (0..policies).map(value).collect()));
        }
        rows
    }

    /// One estimate of one cell.
    pub fn estimate(&self, cell: usize, estimand: Estimand, part: &Part) -> Option<&Estimate> {
        self.estimates.get(cell, estimand, part)
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

    /// Requests of the measured span that had not ended when the run did, over
    /// all policies and replications.
    pub(super) fn unfinished(&self) -> u64 {
        let segments = (self.records.iter().flatten()).flat_map(|record| &record.segments);
        let streams = segments.flat_map(|segment| &segment.streams);
        streams.map(|counts| counts[Count::Unfinished]).sum()
    }
}
