use std::ops::Deref;

use super::check::{Finding, findings, load_findings};
use super::text::Problems;
use super::{Cohort, Draft, Installed, RetryBudget, RetryPolicy, RetryPreset, Traffic};

/// A scenario that keeps all rules, and in which every name is known to stand
/// for something. Nothing else can be compiled or made a cell of a study: it
/// comes from [`Scenario::parse`] or [`Scenario::check`] alone, and cannot be
/// changed.
#[derive(Debug, Clone)]
pub struct Scenario {
    draft: Draft,
    names: Names,
}

/// What the names in a scenario stand for, by number.
#[derive(Debug, Clone)]
struct Names {
    /// The clients of each cohort, in its order.
    clients: Vec<Vec<usize>>,
    /// The traffic of each client, entry by entry.
    entries: Vec<Vec<EntryNames>>,
}

#[derive(Debug, Clone, Copy)]
struct EntryNames {
    method: usize,
    retry: PolicyName,
}

#[derive(Debug, Clone, Copy)]
enum PolicyName {
    /// A policy of the scenario.
    Own(usize),
    Preset(usize),
}

/// An entry of a client's traffic, with what its names stand for.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The entry.
    pub traffic: Traffic<'a>,
    /// The place of its method in [`Draft::methods`].
    pub method: usize,
    /// How it reacts to failure.
    pub retry: &'a RetryPolicy,
}

/// A client in the homes of a cohort, with what the names stand for.
#[derive(Debug, Clone, Copy)]
pub struct Placement<'a> {
    /// The place of the cohort among all.
    pub cohort_number: usize,
    /// Its name.
    pub cohort_name: &'a str,
    /// The cohort.
    pub cohort: &'a Cohort,
    /// The client's place in it, and what it calls with.
    pub installed: Installed<'a>,
    /// The client by number.
    pub client: usize,
}

impl Deref for Scenario {
    type Target = Draft;
    fn deref(&self) -> &Draft {
        &self.draft
    }
}

impl Names {
    /// What the names stand for; `None` if one of them is unknown.
    fn of(draft: &Draft) -> Option<Names> {
        let methods = draft.methods();
        let entry = |entry: Traffic<'_>| {
            let method = methods.iter().position(|name| *name == entry.what.method)?;
            let name = entry.what.retry;
            let retry = match draft.retries.index_of(name) {
                Some(policy) => PolicyName::Own(policy),
                None => PolicyName::Preset(RetryPreset::position(name)?),
            };
            Some(EntryNames { method, retry })
        };
        let clients = draft.cohorts.values();
        let entries = draft.clients.values();
        Some(Names {
            clients: clients
                .map(|cohort| {
                    let installed = cohort.installed().into_iter();
                    installed
                        .map(|it| draft.clients.index_of(it.client))
                        .collect()
                })
                .collect::<Option<_>>()?,
            entries: entries
                .map(|client| client.traffic().map(entry).collect())
                .collect::<Option<_>>()?,
        })
    }
}

impl Scenario {
    /// Checks a scenario that was not read from a text.
    ///
    /// # Errors
    /// All problems that were found, each with its path in place of a place in
    /// a text.
    pub fn check(draft: Draft) -> Result<Scenario, Problems> {
        let told = |found: Vec<Finding>| found.into_iter().map(Finding::by_path).collect();
        Scenario::checked(draft).map_err(told)
    }

    /// The same, with the rules that are broken.
    pub(super) fn checked(draft: Draft) -> Result<Scenario, Vec<Finding>> {
        let mut found = findings(&draft);
        if found.is_empty()
            && let Some(scenario) = Scenario::resolved(draft)
        {
            found = load_findings(&scenario);
            if found.is_empty() {
                return Ok(scenario);
            }
        }
        Err(found)
    }

    /// A scenario whose names are known, whatever other rules it breaks.
    pub(super) fn resolved(draft: Draft) -> Option<Scenario> {
        let names = Names::of(&draft)?;
        Some(Scenario { draft, names })
    }

    /// The clients in the homes of all cohorts, cohort by cohort.
    pub fn placements(&self) -> impl Iterator<Item = Placement<'_>> {
        let cohorts = self.cohorts.iter().zip(&self.names.clients).enumerate();
        cohorts.flat_map(|(cohort_number, ((cohort_name, cohort), clients))| {
            let installed = cohort.installed().into_iter().zip(clients);
            installed.map(move |(installed, client)| Placement {
                cohort_number,
                cohort_name,
                cohort,
                installed,
                client: *client,
            })
        })
    }

    /// The traffic of a client, by number.
    pub fn traffic_of(&self, client: usize) -> impl Iterator<Item = Entry<'_>> {
        let names = &self.names.entries[client];
        let entries = self.clients.entry(client).1.traffic();
        entries.zip(names).map(|(traffic, names)| Entry {
            traffic,
            method: names.method,
            retry: match names.retry {
                PolicyName::Own(policy) => self.retries.entry(policy).1,
                PolicyName::Preset(place) => RetryPreset::policy(place),
            },
        })
    }

    /// The budgets of retries, with the policy that each is of.
    pub fn budgets(&self) -> Vec<(&RetryPolicy, &RetryBudget)> {
        let mut budgets: Vec<(&RetryPolicy, &RetryBudget)> = Vec::new();
        for entry in self.traffic() {
            let is_known = |(policy, _): &(&RetryPolicy, _)| std::ptr::eq(*policy, entry.retry);
            if let Some(budget) = &entry.retry.budget
                && !budgets.iter().any(is_known)
            {
                budgets.push((entry.retry, budget));
            }
        }
        budgets
    }

    /// The traffic of all clients.
    pub fn traffic(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.clients.len()).flat_map(|client| self.traffic_of(client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{NO_RETRY, text};

    const TEXT: &str = r#"Scenario(
        name: "two", time: (length: "1h"),
        cohorts: {"a": (homes: 1, client: "slow"), "b": (homes: 1, client: "quick")},
        clients: {
            "quick": (polls: [(method: "read", every: "1s"), (method: "list", every: "1s", retry: "none")], retry: "soon"),
            "slow": (polls: [(method: "list", every: "1min")]),
        },
        server: (), retries: {"soon": Fixed(wait: "1s", attempts: 3)},
    )"#;

    fn draft(text: &str) -> Draft {
        text::parse(text).unwrap()
    }

    #[test]
    fn each_name_stands_for_what_it_names() {
        let own_none = TEXT.replace(
            "retries: {",
            "retries: {\"none\": Fixed(wait: \"2s\", attempts: 2), ",
        );
        for (text, none) in [(TEXT, "one attempt"), (&own_none, "its own")] {
            let scenario = Scenario::check(draft(text)).unwrap();
            let methods = scenario.methods();
            let mut told = Vec::new();
            for placement in scenario.placements() {
                let name = scenario.clients.entry(placement.client).0;
                assert_eq!(name, placement.installed.client);
                for entry in scenario.traffic_of(placement.client) {
                    assert_eq!(methods[entry.method], entry.traffic.what.method);
                    let is = |name| {
                        (scenario.retries.get(name)).is_some_and(|it| std::ptr::eq(it, entry.retry))
                    };
                    let policy = match () {
                        () if is("soon") => "soon",
                        () if is(NO_RETRY) => "its own",
                        () if entry.retry.is_none() => "one attempt",
                        () => panic!("{:?}", entry.retry),
                    };
                    told.push((methods[entry.method], policy));
                }
            }
            assert_eq!(told, [("list", none), ("read", "soon"), ("list", none)]);
        }
    }

    #[test]
    fn what_is_unknown_or_breaks_a_rule_is_no_scenario() {
        for (from, to, path, message) in [
            (
                "client: \"slow\"",
                "client: \"slw\"",
                "cohorts.\"a\".client",
                "unknown client",
            ),
            (
                "retry: \"soon\"",
                "retry: \"son\"",
                "clients.\"quick\".retry",
                "unknown retry policy",
            ),
            (
                "retry: \"none\"",
                "retry: \"non\"",
                "clients.\"quick\".polls.1.retry",
                "unknown retry policy",
            ),
            ("homes: 1", "homes: 0", "cohorts.\"a\".homes", "homes is 0"),
            (
                "every: \"1s\"",
                "every: \"1ns\"",
                "clients.\"quick\".polls.0.every",
                "one sender would send",
            ),
        ] {
            let problems = Scenario::check(draft(&TEXT.replacen(from, to, 1))).unwrap_err();
            let first = problems.iter().next().unwrap();
            let start = format!("{path}: {message}");
            assert!(first.message.starts_with(&start), "{}", first.message);
        }
    }
}
