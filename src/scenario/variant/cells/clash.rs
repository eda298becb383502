//! Settings that read or undo each other: the order of links, and what two parts
//! of a study set at once.

use std::collections::BTreeSet;

use super::axis::Axis;
use super::put::{LinkPut, MOST_NAMED, Put, Written};
use crate::scenario::Study;
use crate::scenario::text::{Path, Problem, SourceTree};
use crate::scenario::variant::overlap::Places;

/// The links, each behind those that it reads from.
pub(super) fn ordered(study: &Study, tree: &SourceTree<'_>) -> Result<Vec<LinkPut>, Problem> {
    let mut waiting: Vec<(LinkPut, Places, Places)> = study
        .link
        .iter()
        .map(|(path, link)| {
            let put = LinkPut {
                path: path.to_owned(),
                link: link.clone(),
                written: Written::new(format!("linking {path}"), &["link", path]),
            };
            let places = (Places::new(tree, path), Places::new(tree, &link.from));
            (put, places.0, places.1)
        })
        .collect();
    let mut ready = Vec::new();
    while !waiting.is_empty() {
        let is_free = |(_, _, from): &(LinkPut, Places, Places)| {
            waiting
                .iter()
                .all(|(_, to, _)| !to.cover_one_of(from) && !from.cover_one_of(to))
        };
        let Some(next) = waiting.iter().position(is_free) else {
            let round: Vec<String> = waiting
                .iter()
                .take(MOST_NAMED)
                .map(|(put, ..)| format!("\"{}\" follows from \"{}\"", put.path, put.link.from))
                .collect();
            return Err(Problem::new(format!(
                "the links go round in a circle: {}",
                round.join(", ")
            ))
            .label("one of them must be a value"));
        };
        ready.push(waiting.remove(next).0);
    }
    Ok(ready)
}

/// Settings that another setting would undo.
pub(super) fn overlaps<'a>(
    axes: &'a [Axis],
    links: &'a [LinkPut],
    tree: &SourceTree<'_>,
) -> Vec<(&'a Written, Problem)> {
    let mut found = Vec::new();
    let policies = axes.iter().filter(|axis| axis.path.is_none());
    let mut policy_puts: Vec<&Put> = policies
        .flat_map(|axis| axis.puts.iter().flatten())
        .collect();
    let mut seen = BTreeSet::new();
    policy_puts.retain(|put| seen.insert(put.path.as_str()));
    let vary_puts: Vec<&Put> = axes
        .iter()
        .filter(|axis| axis.path.is_some())
        .filter_map(|axis| axis.puts.first()?.first())
        .collect();
    let places = |path: &str| Places::new(tree, path);
    let of = |puts: &[&'a Put]| -> Vec<(&'a Put, Places)> {
        puts.iter().map(|put| (*put, places(&put.path))).collect()
    };
    let (policies, varied) = (of(&policy_puts), of(&vary_puts));
    let twice = |message: String| Problem::new(message).label("set by two at once");
    for (policy, inner) in &policies {
        for (put, outer) in &varied {
            if put.path == policy.path || outer.cover_one_of(inner) {
                found.push((
                    &policy.written,
                    twice(format!("the study varies {} too", put.path))
                        .help("leave it to the policies, or to `vary`"),
                ));
            }
        }
    }
    for (number, (later, outer)) in varied.iter().enumerate() {
        for (earlier, inner) in &varied[..number] {
            if outer.cover_one_of(inner) {
                let help = match inner.cover_one_of(outer) {
                    true => "vary one of them, or name both values in policies".to_owned(),
                    false => format!("write {} before {}", later.path, earlier.path),
                };
                found.push((
                    &later.written,
                    twice(format!("it would undo the values of {}", earlier.path)).help(help),
                ));
            }
        }
    }
    for (number, link) in links.iter().enumerate() {
        let to = places(&link.path);
        for (put, inner) in policies.iter().chain(&varied) {
            if put.path == link.path || to.cover_one_of(inner) {
                found.push((
                    &link.written,
                    twice(format!("the study sets {} too", put.path))
                        .help("leave out the link, or the values"),
                ));
            }
        }
        for other in &links[..number] {
            let others = places(&other.path);
            if to.cover_one_of(&others) || others.cover_one_of(&to) {
                found.push((
                    &link.written,
                    twice(format!("the link of {} sets it too", other.path)),
                ));
            }
        }
    }
    let inside_study = |path: &str| {
        let path = path.parse::<Path>();
        path.is_ok_and(|path| {
            path.segments()
                .first()
                .is_some_and(|one| one.name == "study")
        })
    };
    for put in policy_puts.iter().chain(&vary_puts) {
        if inside_study(&put.path) {
            found.push((&put.written, study_itself()));
        }
    }
    for link in links.iter().filter(|link| inside_study(&link.path)) {
        found.push((&link.written, study_itself()));
    }
    found
}

fn study_itself() -> Problem {
    Problem::new("a study cannot vary itself")
        .help("vary a value of the scenario, such as \"clients.NAME.retry\"")
}
