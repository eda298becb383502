use super::check::{Finding, limiter_findings, retry_findings};
use super::text::{Kind, Path, Problem, Problems, SourceTree, advice, nearest, parse};
use super::{LimiterRule, RETRY_PRESETS, RetryPolicy, RetryPreset, Scenario, Stage};

impl Scenario {
    /// Reads a scenario and checks it.
    ///
    /// # Errors
    /// All problems that were found, with their places in the text.
    pub fn parse(text: &str) -> Result<Scenario, Problems> {
        Scenario::checked(parse(text)?).map_err(|found| located(text, found))
    }
}

impl RetryPolicy {
    /// Reads a policy that stands alone, or finds the preset of that name, and
    /// checks it.
    ///
    /// # Errors
    /// All problems that were found, with their places in the text.
    pub fn parse(text: &str) -> Result<RetryPolicy, Problems> {
        let name = text.trim();
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        if name.chars().all(is_name) {
            let names = RETRY_PRESETS.iter().map(|preset| preset.name);
            let known: Vec<&str> = names.collect();
            return RetryPreset::find(name).cloned().ok_or_else(|| {
                let problem = match name {
                    "" => Problem::new("the text is empty".to_owned()),
                    name => Problem::new(format!("unknown retry policy \"{name}\"")),
                };
                let label = "expected the name of a preset, or a policy such as Fixed(wait: \"30s\", attempts: 4)";
                let help = advice(nearest(name, known.iter().copied()), &known);
                Problem { help, ..problem.label(label) }.into()
            });
        }
        let policy: RetryPolicy = parse(text)?;
        let found = retry_findings(&policy);
        located(text, found).into_result(policy)
    }
}

/// The stages that a limiter's text may name in place of a rule.
const STAGES: [&str; 3] = ["Gate", "Limit", "Admission"];

/// A limiter that stands alone, as `ratelab replay --limiter` takes it.
#[derive(Debug, Clone)]
pub enum LimiterText {
    /// What a limit is given `by`.
    Rule(LimiterRule),
    /// A stage of a server: a `Gate`, a `Limit` or an `Admission`.
    Stage(Box<Stage>),
}

impl LimiterText {
    /// Reads a limiter and checks it.
    ///
    /// # Errors
    /// All problems that were found, with their places in the text.
    pub fn parse(text: &str) -> Result<LimiterText, Problems> {
        let start = text.trim_start();
        if start.is_empty() {
            return Err(Problem::new(
                "the text is empty; expected a limiter such as TokenBucket(rate: \"60/min\", burst: 10)",
            )
            .into());
        }
        let length = start.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let word = &start[..length.unwrap_or(start.len())];
        let limiter = if STAGES.contains(&word) {
            LimiterText::Stage(Box::new(parse(text)?))
        } else {
            let place = text.len() - start.len();
            LimiterText::Rule(parse(text).map_err(|found| naming_stages(&found, place, word))?)
        };
        let found = limiter_findings(&limiter);
        located(text, found).into_result(limiter)
    }
}

/// Adds the stages to what is known in place of an unknown first word, of which
/// the reader of rules names rules only.
fn naming_stages(found: &Problems, start: usize, word: &str) -> Problems {
    let named = |problem: &Problem| {
        let mut problem = problem.clone();
        if let Kind::UnknownWord(unknown) = &problem.kind
            && problem.place == Some(start..start + word.len())
        {
            let known = [unknown.known, &STAGES].concat();
            problem.help = advice(nearest(word, known.iter().copied()), &known);
        }
        problem
    };
    found.iter().map(named).collect()
}

/// Findings as problems of a text.
fn located(text: &str, found: Vec<Finding>) -> Problems {
    let tree = SourceTree::new(text);
    found
        .into_iter()
        .map(|finding| {
            let place = finding
                .path
                .parse::<Path>()
                .ok()
                .and_then(|path| match finding.at_name {
                    true => tree.key_place(&path),
                    false => tree.place(&path),
                });
            Problem {
                place,
                ..finding.problem
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_first_word_may_be_meant_for_a_rule_or_a_stage() {
        for (text, meant) in [
            ("Gat(permits: 1)", Some("Gate")),
            ("  gate(permits: 1)", Some("Gate")),
            ("Admision(by: Sre)", Some("Admission")),
            ("LimitRe(rate: \"1/s\")", Some("LimitReq")),
            ("token_bucket(rate: \"1/s\", burst: 1)", Some("TokenBucket")),
            ("Sieve", None),
        ] {
            let problems = LimiterText::parse(text).unwrap_err();
            let help = problems.iter().next().unwrap().help.clone().unwrap();
            let meant = meant.map(|meant| format!("did you mean \"{meant}\"? "));
            let start = format!("{}known are FixedWindow, ", meant.unwrap_or_default());
            assert!(help.starts_with(&start), "{text}: {help}");
            assert!(help.ends_with("Gate, Limit, Admission"), "{text}: {help}");
        }
    }

    #[test]
    fn a_word_inside_is_not_taken_for_a_stage() {
        let problems = LimiterText::parse("AllOf([Gate(permits: 1)])").unwrap_err();
        let help = problems.iter().next().unwrap().help.clone().unwrap();
        assert!(help.ends_with("AllOf"), "{help}");
    }

    #[test]
    fn an_empty_text_is_told_what_a_limiter_is() {
        for text in ["", " \n"] {
            let problems = LimiterText::parse(text).unwrap_err().to_string();
            assert!(
                problems.contains("expected a limiter such as"),
                "{problems}"
            );
        }
    }
}
