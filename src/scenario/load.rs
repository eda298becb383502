use super::Scenario;
use super::check::findings;
use super::text::{Path, Problem, Problems, SourceTree, parse};

impl Scenario {
    /// Reads a scenario and checks it.
    ///
    /// # Errors
    /// All problems that were found, with their places in the text.
    pub fn parse(text: &str) -> Result<Scenario, Problems> {
        let scenario: Scenario = parse(text)?;
        let tree = SourceTree::new(text);
        let mut problems = Problems::new();
        for finding in findings(&scenario) {
            let place = finding
                .path
                .parse::<Path>()
                .ok()
                .and_then(|path| match finding.at_name {
                    true => tree.key_place(&path),
                    false => tree.place(&path),
                });
            problems.push(Problem {
                message: finding.message,
                place,
                label: finding.label,
                help: finding.help,
            });
        }
        problems.into_result(scenario)
    }
}
