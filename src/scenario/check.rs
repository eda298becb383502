//! Rules across the values of a scenario: references, contradictions and
//! limits of size. Rules on a single value are in its type.

mod clients;
mod guard;
mod load;
mod outage;
mod population;
mod retry;
mod server;
mod study;

use clients::check_client;
use load::check_load;
use outage::check_outages;
use population::check_population;
use retry::check_retry;
pub(super) use retry::retry_findings;
use server::check_server;
pub(super) use server::limiter_findings;
use study::{check_clock, check_report, check_study, check_targets, check_windows};

use super::text::{Problem, is_unprintable, nearest};
use super::{AppOf, Draft, Installed, Scenario, Values};
use crate::server::Response;

/// The most cohorts of a scenario, kinds of devices of a cohort, and entries of
/// traffic of a client, or of all clients of a cohort together: what they make
/// together is numbered in 16 bits.
const MAX_COHORTS: usize = 64;
const MAX_KINDS_PER_COHORT: usize = 31;
const MAX_TRAFFIC_PER_CLIENT: usize = 32;
/// The most clients and retry policies: many more than are of use.
const MAX_CLIENTS: usize = 256;
const MAX_RETRIES: usize = 256;
/// The most characters of a name.
pub(super) const LONGEST_NAME: usize = 120;
/// The most stages and kinds of outages of a server: those whose refusals are
/// retried are a set of 64 bits.
const MAX_STAGES: usize = 32;
const MAX_OUTAGES: usize = 16;

/// A broken rule: where (a path of the scenario), what, and what would do.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) path: String,
    /// Whether the place is the name of what the path leads to.
    pub(super) at_name: bool,
    /// What it is, without a place.
    pub(super) problem: Problem,
}

struct Findings(Vec<Finding>);

impl Finding {
    /// As a problem of a scenario without a text: the path says where.
    pub(super) fn by_path(self) -> Problem {
        let Problem { message, label, .. } = &self.problem;
        let label = match label.as_str() {
            "" => String::new(),
            label => format!(": {label}"),
        };
        Problem {
            message: format!("{}: {message}{label}", self.path),
            label: String::new(),
            ..self.problem
        }
    }
}

impl Findings {
    fn add(&mut self, path: &str, message: impl ToString, label: impl Into<String>) {
        self.push(path, false, Problem::new(message.to_string()).label(label));
    }

    fn push(&mut self, path: &str, at_name: bool, problem: Problem) {
        self.0.push(Finding {
            path: path.to_owned(),
            at_name,
            problem,
        });
    }

    fn unknown<'a>(
        &mut self,
        path: &str,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'a str>,
    ) {
        const MOST: usize = 12;
        let mut known: Vec<&str> = known.collect();
        known.dedup();
        let mut list: Vec<String> = (known.iter().take(MOST))
            .map(|name| format!("\"{name}\""))
            .collect();
        if known.len() > MOST {
            list.push(format!("and {} more", known.len() - MOST));
        }
        let help = match nearest(name, known.into_iter()) {
            Some(near) => Some(format!("did you mean \"{near}\"?")),
            None if list.is_empty() => None,
            None => Some(format!("known: {}", list.join(", "))),
        };
        let problem = Problem::new(format!("unknown {what} \"{name}\""));
        let label = format!("no {what} of that name");
        self.push(
            path,
            false,
            Problem {
                help,
                label,
                ..problem
            },
        );
    }
}

/// A path segment, quoted where the name would be taken apart.
pub(crate) fn segment(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The path of a field of the value at `path`, which is empty for a whole text.
fn at(path: &str, field: &str) -> String {
    match path {
        "" => field.to_owned(),
        path => format!("{path}.{field}"),
    }
}

/// All rules that the scenario breaks.
pub(super) fn findings(scenario: &Draft) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    check_size(scenario, &mut found);
    if !found.0.is_empty() {
        return found.0;
    }
    check_names(scenario, &mut found);
    check_clock(scenario, &mut found);
    check_population(scenario, &mut found);
    for (name, client) in scenario.clients.iter() {
        check_client(scenario, name, client, &mut found);
    }
    let server = &scenario.server;
    let failing = server.backend.fails().then_some(&server.backend.fail);
    let answers = server.stages.iter().map(|stage| stage.refusal());
    let in_outages = (server.refusing_outages()).map(|(_, _, outage)| &outage.answer);
    let answers: Vec<&Response> = answers.chain(in_outages).chain(failing).collect();
    for (name, policy) in scenario.retries.iter() {
        let path = format!("retries.{}", segment(name));
        check_retry(&answers, &path, policy, &mut found);
    }
    check_server(scenario, &mut found);
    check_outages(scenario, &mut found);
    check_targets(scenario, &mut found);
    check_report(scenario, &mut found);
    check_windows(scenario, &mut found);
    check_study(scenario, &mut found);
    found.0
}

/// The rules on load that a scenario breaks which keeps all others.
pub(super) fn load_findings(scenario: &Scenario) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    check_load(scenario, &mut found);
    found.0
}

/// The numbers of things that the other rules look through.
fn check_size(scenario: &Draft, found: &mut Findings) {
    let mut at_most = |path: &str, count: usize, most: usize, what: &str| {
        if count > most {
            found.add(
                path,
                format!("there are {count} {what}, more than {most}"),
                format!("must be at most {most}"),
            );
        }
    };
    at_most("cohorts", scenario.cohorts.len(), MAX_COHORTS, "cohorts");
    at_most("clients", scenario.clients.len(), MAX_CLIENTS, "clients");
    at_most(
        "retries",
        scenario.retries.len(),
        MAX_RETRIES,
        "retry policies",
    );
    let stages = &scenario.server.stages;
    at_most("server.stages", stages.len(), MAX_STAGES, "stages");
    let outages = &scenario.server.outages;
    at_most("server.outages", outages.len(), MAX_OUTAGES, "outages");
    for (name, cohort) in scenario.cohorts.iter() {
        at_most(
            &format!("cohorts.{}.devices", segment(name)),
            cohort.devices.len(),
            MAX_KINDS_PER_COHORT,
            "kinds of devices",
        );
    }
    for (name, client) in scenario.clients.iter() {
        at_most(
            &format!("clients.{}", segment(name)),
            client.traffic().count(),
            MAX_TRAFFIC_PER_CLIENT,
            "kinds of traffic",
        );
    }
    for (name, cohort) in scenario.cohorts.iter() {
        let Some(clients) = &cohort.clients else {
            continue;
        };
        let path = format!("cohorts.{}.clients", segment(name));
        at_most(
            &path,
            clients.len(),
            MAX_TRAFFIC_PER_CLIENT,
            "clients of one cohort",
        );
        let installed = cohort.installed().into_iter();
        let traffic = |it: Installed<'_>| Some(scenario.clients.get(it.client)?.traffic().count());
        at_most(
            &path,
            installed.filter_map(traffic).sum(),
            MAX_TRAFFIC_PER_CLIENT,
            "kinds of traffic of the clients of one cohort",
        );
    }
}

/// Names are shown in tables, charts and on the terminal.
fn check_names(scenario: &Draft, found: &mut Findings) {
    let mut check = |path: String, name: &str, at_name: bool| {
        let what = if name.trim().is_empty() {
            "a name is empty".to_owned()
        } else if let Some(c) = name.chars().find(|c| is_unprintable(*c)) {
            let kind = match c {
                '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => "a line break",
                c if c.is_control() => "a control character",
                _ => "an invisible character",
            };
            format!("a name has {kind}, U+{:04X}", u32::from(c))
        } else if name.chars().count() > LONGEST_NAME {
            "a name is too long to be shown".to_owned()
        } else {
            return;
        };
        let label = format!("must be one line of 1 to {LONGEST_NAME} characters that can be seen");
        found.push(&path, at_name, Problem::new(what).label(label));
    };
    check("name".to_owned(), &scenario.name, false);
    for (name, cohort) in scenario.cohorts.iter() {
        let path = format!("cohorts.{}", segment(name));
        check(path.clone(), name, true);
        if let AppOf::Shared(app) = &cohort.app {
            check(format!("{path}.app"), app, false);
        }
        for it in cohort.installed() {
            if let (AppOf::Shared(app), true) = (it.app, cohort.has_own_app(&it)) {
                check(format!("{path}.clients.{}.app", it.index), app, false);
            }
        }
        for (index, devices) in cohort.devices.iter().enumerate() {
            check(format!("{path}.devices.{index}.kind"), &devices.kind, false);
        }
    }
    for (name, client) in scenario.clients.iter() {
        let path = format!("clients.{}", segment(name));
        check(path.clone(), name, true);
        for entry in client.traffic() {
            let here = format!("{path}.{}", entry.path());
            check(format!("{here}.method"), entry.what.method, false);
            if let Some(name) = entry.name {
                check(format!("{here}.name"), name, false);
            }
        }
    }
    for name in scenario.retries.names() {
        check(format!("retries.{}", segment(name)), name, true);
    }
    for (index, stage) in scenario.server.stages.iter().enumerate() {
        check(format!("server.stages.{index}.name"), stage.name(), false);
    }
    for name in scenario.server.outages.names() {
        check(format!("server.outages.{}", segment(name)), name, true);
    }
    for name in scenario.study.policies.names() {
        check(format!("study.policies.{}", segment(name)), name, true);
    }
    for (path, values) in scenario.study.vary.iter() {
        if let Values::Named(values) = values {
            for name in values.names() {
                let path = format!("study.vary.{}.{}", segment(path), segment(name));
                check(path, name, true);
            }
        }
    }
}
