use super::Scenario;
use super::text::{
    MOST_PROBLEMS, Path, PathError, Problem, Problems, SourceTree, candidates, parse, set,
};

/// The text of a scenario, with values set from outside.
#[derive(Debug, Clone)]
pub struct Source {
    text: String,
}

/// One combination of the values that a study varies.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The varied paths and the values that they have here, as they are shown.
    pub settings: Vec<(String, String)>,
    /// The scenario with these values.
    pub scenario: Scenario,
}

impl Source {
    /// A text as it was read.
    pub fn new(text: String) -> Source {
        Source { text }
    }

    /// The text, with all values that were set.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Sets the value at a path, as `--set PATH=VALUE` does. A segment `*`
    /// stands for every entry there, as in `clients.*.retry`. Where the value
    /// may be read as a text or as something else, what makes a sound scenario
    /// is taken.
    ///
    /// # Errors
    /// If the path leads nowhere. Whether the value fits is found by
    /// [`scenario`](Source::scenario).
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), Problem> {
        for path in self.expand(path)? {
            self.set_one(&path, value)?;
        }
        Ok(())
    }

    /// The paths that a path with `*` segments stands for.
    ///
    /// # Errors
    /// If there is nothing where a `*` is.
    pub fn expand(&self, path: &str) -> Result<Vec<String>, Problem> {
        let whole: Path = path
            .parse()
            .map_err(|error: PathError| error.into_problem(None))?;
        let tree = SourceTree::new(&self.text);
        let mut paths = vec![Path::root()];
        for segment in whole.segments() {
            let mut longer = Vec::new();
            for path in paths {
                if segment.name != "*" || segment.quoted {
                    longer.push(match segment.index() {
                        Some(index) => path.index(index),
                        None => path.field(&segment.name),
                    });
                    continue;
                }
                let entries = tree
                    .entries(&path)
                    .map_err(|error| error.into_problem(None))?;
                longer.extend(
                    entries
                        .iter()
                        .enumerate()
                        .map(|(index, entry)| match &entry.key {
                            Some(key) => path.clone().field(&tree.name(key)),
                            None => path.clone().index(index),
                        }),
                );
            }
            paths = longer;
        }
        if paths.is_empty() {
            return Err(Problem::new(format!(
                "{path} stands for nothing: there are no entries where its * is"
            )));
        }
        Ok(paths.iter().map(Path::to_string).collect())
    }

    fn set_one(&mut self, path: &str, value: &str) -> Result<(), Problem> {
        let texts =
            candidates(&self.text, path, value).map_err(|error| error.into_problem(None))?;
        // A value of the right kind that breaks a rule is told by the rule.
        let faults = |text: &String| match Scenario::parse(text) {
            Ok(_) => (0, 0),
            Err(_) if parse::<Scenario>(text).is_ok() => (1, 0),
            Err(problems) => (2, problems.len()),
        };
        let best = match texts.len() {
            1 => texts.into_iter().next(),
            _ => texts.into_iter().min_by_key(faults),
        };
        if let Some(text) = best {
            self.text = text;
        }
        Ok(())
    }

    /// The scenario.
    ///
    /// # Errors
    /// As [`Scenario::parse`].
    pub fn scenario(&self) -> Result<Scenario, Problems> {
        Scenario::parse(&self.text)
    }

    /// All combinations of the values that the scenario's study varies, the
    /// last path varying fastest; the scenario itself, if nothing varies.
    ///
    /// # Errors
    /// As [`Scenario::parse`], or if a value does not fit where it is put; the
    /// place is that of the value.
    pub fn variants(&self) -> Result<Vec<Variant>, Problems> {
        let scenario = self.scenario()?;
        let vary = &scenario.study.vary;
        let mut combinations: Vec<Vec<usize>> = vec![Vec::new()];
        for (_, values) in vary.iter() {
            combinations = combinations
                .iter()
                .flat_map(|combination| {
                    (0..values.len()).map(|value| {
                        let mut longer = combination.clone();
                        longer.push(value);
                        longer
                    })
                })
                .collect();
        }
        // The list of values may be long, and is no part of a variant.
        let without_values = Source {
            text: set(&self.text, "study.vary", "{}").unwrap_or_else(|_| self.text.clone()),
        };
        let mut problems = Problems::new();
        let mut variants = Vec::new();
        for combination in combinations {
            if problems.len() >= MOST_PROBLEMS {
                break;
            }
            let mut source = without_values.clone();
            let mut settings = Vec::new();
            // The value after which the scenario was unsound for the first time.
            let mut culprit = None;
            let mut outcome = Ok(scenario.clone());
            for ((path, values), chosen) in vary.iter().zip(&combination) {
                let value = &values[*chosen];
                if let Err(problem) = source.set_variation(path, value.text()) {
                    let problem = self.at_value(path, None, problem);
                    if problems
                        .iter()
                        .all(|other| other.message != problem.message)
                    {
                        problems.push(problem);
                    }
                }
                settings.push((path.to_owned(), value.label()));
                outcome = source.scenario();
                culprit = match outcome {
                    Ok(_) => None,
                    Err(_) => culprit.or(Some((path, *chosen))),
                };
            }
            match outcome {
                Ok(scenario) => variants.push(Variant { settings, scenario }),
                Err(found) => {
                    for problem in found.iter() {
                        let (path, chosen) = culprit.unwrap_or_default();
                        let last = path.rsplit('.').next().unwrap_or_default();
                        let adds = format!("unknown field \"{last}\"");
                        let chosen = (!problem.message.starts_with(&adds)).then_some(chosen);
                        let problem = self.at_value(path, chosen, problem.clone());
                        // A path that does not fit is wrong with every value.
                        if problems
                            .iter()
                            .all(|other| other.message != problem.message)
                        {
                            problems.push(problem);
                        }
                    }
                }
            }
        }
        problems.into_result(variants)
    }

    fn set_variation(&mut self, path: &str, value: &str) -> Result<(), Problem> {
        let inside_study = path.parse::<Path>().is_ok_and(|path| {
            path.segments()
                .first()
                .is_some_and(|first| first.name == "study")
        });
        if inside_study {
            return Err(Problem::new("a study cannot vary itself")
                .help("vary a value of the scenario, such as \"clients.NAME.retry\""));
        }
        self.set(path, value)
    }

    /// A problem of a variant, told at the varied value in this text.
    fn at_value(&self, path: &str, chosen: Option<usize>, problem: Problem) -> Problem {
        let mut written = Path::root().field("study").field("vary").field(path);
        if let Some(chosen) = chosen {
            written = written.index(chosen);
        }
        let tree = SourceTree::new(&self.text);
        let place = match chosen {
            Some(_) => tree.place(&written),
            None => tree.key_place(&written),
        };
        Problem {
            place,
            message: format!("varying {path}: {}", problem.message),
            ..problem
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"Scenario(
    name: "two clients",
    time: (length: "10min"),
    cohorts: {"a": (homes: 1, client: "x"), "b": (homes: 2, client: "y.z")},
    clients: {
        "x": (requests: [(method: "get", rate: "1/s")], retry: "none"),
        "y.z": (requests: [(method: "get", rate: "1/s")]),
    },
    server: (stages: [Gate(permits: 1)], backend: (service: Constant("1s"))),
    retries: {"soon": Fixed(wait: "1s", attempts: 2)},
    study: (vary: {"clients.*.retry": ["none", "soon"], "server.stages.gate.permits": [1, 2, 3]}),
)"#;

    #[test]
    fn a_star_stands_for_every_entry() {
        let mut source = Source::new(TEXT.to_owned());
        source.set("clients.*.retry", "soon").unwrap();
        let scenario = source.scenario().unwrap();
        assert!(
            scenario
                .clients
                .values()
                .all(|client| client.retry == "soon")
        );
        source.set("clients.y.z.timeout", "3s").unwrap_err();
        source.set("clients.\"y.z\".timeout", "3s").unwrap();
        assert!(source.text().contains("timeout: \"3s\""));
        source.set("server.stages.0.permits", "80").unwrap();
        assert!(source.text().contains("Gate(permits: 80)"));
    }

    #[test]
    fn variants_combine_all_values_in_order() {
        let variants = Source::new(TEXT.to_owned()).variants().unwrap();
        let settings: Vec<Vec<&str>> = variants
            .iter()
            .map(|variant| {
                variant
                    .settings
                    .iter()
                    .map(|(_, value)| value.as_str())
                    .collect()
            })
            .collect();
        assert_eq!(settings.len(), 6);
        assert_eq!(
            (&settings[0], &settings[5]),
            (&vec!["none", "1"], &vec!["soon", "3"])
        );
        assert_eq!(variants[5].scenario.clients.get("x").unwrap().retry, "soon");
    }

    #[test]
    fn a_value_that_does_not_fit_is_told_where_it_is_written() {
        for (from, to, place, part) in [
            ("[1, 2, 3]", "[1, 0]", "0", "without permits"),
            (
                "\"none\", \"soon\"]",
                "\"none\", \"son\"]",
                "\"son\"",
                "unknown retry policy",
            ),
            (
                "server.stages.gate.permits\":",
                "server.stages.gate.permit\":",
                "\"server.stages.gate.permit\"",
                "unknown field \"permit\"",
            ),
            (
                "clients.*.retry",
                "study.seed",
                "\"study.seed\"",
                "cannot vary itself",
            ),
        ] {
            let text = TEXT.replace(from, to);
            let problems = Source::new(text.clone()).variants().unwrap_err();
            let problem = problems.iter().next().unwrap();
            assert!(problem.message.contains(part), "{}", problem.message);
            assert_eq!(
                &text[problem.place.clone().unwrap()],
                place,
                "{}",
                problem.message
            );
        }
    }
}
