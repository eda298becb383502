//! What a study varies together, and what each value of it sets.

use std::collections::BTreeSet;

use super::put::{Put, Written, is_whole};
use crate::scenario::study::label;
use crate::scenario::text::{Path, one_line, set_everywhere, visible};
use crate::scenario::{NamedList, Study, Values, Variation};

/// What a study varies together: the value of a path, or the policy.
#[derive(Debug)]
pub struct Axis {
    /// The varied path; `None` for the policies.
    pub path: Option<String>,
    /// How its values are named, each once.
    pub labels: Vec<String>,
    /// What each value sets.
    pub(super) puts: Vec<Vec<Put>>,
}

impl Axis {
    /// The path, or `policy`.
    pub fn title(&self) -> &str {
        self.path.as_deref().unwrap_or("policy")
    }
}

/// The named policies of a study, if it has some.
pub(super) fn policy_axis(study: &Study) -> Option<Axis> {
    if study.policies.is_empty() {
        return None;
    }
    let puts = |(policy, values): (&str, &NamedList<Variation>)| -> Vec<Put> {
        values
            .iter()
            .map(|(path, value)| Put {
                path: path.to_owned(),
                value: value.text().to_owned(),
                label: value.label(),
                written: Written::new(
                    format!("the policy \"{policy}\" sets {path}"),
                    &["policies", policy, path],
                ),
            })
            .collect()
    };
    Some(Axis {
        path: None,
        labels: (study.policies.names())
            .map(|name| visible(name).into_owned())
            .collect(),
        puts: study.policies.iter().map(puts).collect(),
    })
}

/// The values of a path, given what is varied before it.
pub(super) fn vary_axis(path: &str, values: &Values, base: &str, before: &[Axis]) -> Axis {
    let written = Written::new(format!("varying {path}"), &["vary", path]);
    let put = |value: &str, label: String, at: Path| Put {
        path: path.to_owned(),
        value: value.to_owned(),
        label,
        written: Written {
            value: at,
            ..written.clone()
        },
    };
    let at = || written.key.clone();
    let mut puts: Vec<Put> = match values {
        Values::List(values) => values
            .iter()
            .enumerate()
            .map(|(index, value)| put(value.text(), value.label(), at().index(index)))
            .collect(),
        Values::Named(values) => values
            .iter()
            .map(|(name, value)| put(value.text(), visible(name).into_owned(), at().field(name)))
            .collect(),
        Values::Range(range) => {
            let values = range.values().unwrap_or_default();
            // A path may lead into what is varied before it.
            let mut text = base.to_owned();
            let firsts = before.iter().filter_map(|axis| axis.puts.first());
            for put in firsts.flatten() {
                text = set_everywhere(&text, &put.path, &put.value).unwrap_or(text);
            }
            let broken = values
                .iter()
                .find_map(|value| Some((&value.text, value.whole.as_ref()?)));
            let rounds = broken.is_some_and(|(broken, whole)| is_whole(&text, path, broken, whole));
            let texts = values
                .into_iter()
                .map(|value| value.whole.filter(|_| rounds).unwrap_or(value.text));
            let mut puts: Vec<Put> = texts.map(|text| put(&text, label(&text), at())).collect();
            // Rounded, neighbours may be the same.
            puts.dedup_by(|later, earlier| later.value == earlier.value);
            puts
        }
    };
    let distinct: BTreeSet<&str> = puts.iter().map(|put| put.label.as_str()).collect();
    if distinct.len() < puts.len() {
        // A text and a number of the same letters.
        for put in &mut puts {
            put.label = one_line(&put.value);
        }
    }
    Axis {
        path: Some(path.to_owned()),
        labels: puts.iter().map(|put| put.label.clone()).collect(),
        puts: puts.into_iter().map(|put| vec![put]).collect(),
    }
}
