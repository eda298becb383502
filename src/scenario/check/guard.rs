//! What clients ask before an attempt.

use super::server::{check_limit, check_scopes, largest_key};
use super::{Findings, at};
use crate::limiter::KeySize;
use crate::scenario::{Client, Draft, Guard, MOST_GUARDS, Opens, Otherwise};
use crate::units::{Probability, Span};

/// How long attempts may count for a breaker.
const SHORTEST_WINDOW: Span = Span::from_millis(10);
const LONGEST_WINDOW: Span = Span::from_secs(86_400);
/// How many attempts may count for it, and how many lengths a pause may have.
const MOST_ATTEMPTS: u32 = 10_000;
const MOST_LENGTHS: usize = 1000;

pub(super) fn check_guards(scenario: &Draft, path: &str, client: &Client, found: &mut Findings) {
    if client.guards.len() > MOST_GUARDS as usize {
        found.add(
            &at(path, "guards"),
            format!("{} guards of one client", client.guards.len()),
            format!("must be at most {MOST_GUARDS}"),
        );
    }
    for (number, guard) in client.guards.iter().enumerate() {
        let path = at(path, &format!("guards.{number}"));
        check_guard(scenario, &path, guard, found);
        let known: Vec<&str> = client.traffic().map(|entry| entry.what.method).collect();
        for (number, method) in guard.methods().iter().copied().flatten().enumerate() {
            if !known.contains(&method.as_str()) {
                let path = at(&path, &format!("methods.{number}"));
                let known = known.iter().copied();
                found.unknown(&path, "method of this client", method, known);
            }
        }
    }
}

fn check_guard(scenario: &Draft, path: &str, guard: &Guard, found: &mut Findings) {
    if !matches!(guard, Guard::Pace { .. }) {
        check_scopes(path, guard.per(), found);
        if guard.on().is_some_and(<[_]>::is_empty) {
            found.add(
                &at(path, "on"),
                "nothing is a failure",
                "must list a failure; all are, if it is left out",
            );
        }
    }
    match guard {
        Guard::Pace { by, per, .. } => {
            let most = largest_key(scenario, per);
            check_limit(path, by, per, most, found);
            let plan = by.plan(&[KeySize::ONE], 1);
            if plan.is_ok_and(|plan| plan.learns()) {
                found.add(
                    &at(path, "by"),
                    "a limit that learns from failures is a server's",
                    "must be another; a client has a `Breaker`",
                );
            }
        }
        Guard::Pause { .. } => check_pause(path, guard, found),
        Guard::Breaker { .. } => check_breaker(path, guard, found),
        Guard::Throttle { by, .. } => {
            if let Err(why) = by.rule().check() {
                found.add(&at(path, "by"), why, "not a throttle");
            }
        }
    }
}

fn check_pause(path: &str, guard: &Guard, found: &mut Findings) {
    let Guard::Pause {
        lasts,
        spread,
        otherwise,
        ..
    } = guard
    else {
        return;
    };
    let here = at(path, "lasts");
    if lasts.len() > MOST_LENGTHS {
        let most = format!("must be at most {MOST_LENGTHS}");
        found.add(&here, format!("{} lengths of a pause", lasts.len()), most);
    } else if lasts.is_empty() {
        found.add(&here, "a pause without a length", "must list one at least");
    } else if lasts.iter().all(|span| span.is_zero()) && !guard.heeding().hears() {
        let why = "a pause of no length that is told none";
        found.add(&here, why, "must have a length above zero");
    }
    if !spread.is_zero() && *otherwise == Otherwise::Drop {
        found.add(
            &at(path, "spread"),
            "nothing waits that could be spread",
            "needs `otherwise: Wait`, or must be left out",
        );
    }
}

fn check_breaker(path: &str, guard: &Guard, found: &mut Findings) {
    let Guard::Breaker {
        opens,
        stays_open,
        probes,
        ..
    } = guard
    else {
        return;
    };
    let mut wrong = |field: &str, why: &str, label: &str| {
        found.add(&at(path, field), why, label);
    };
    if stays_open.is_zero() {
        let why = "a breaker that opens for no time lets everything pass";
        wrong("stays_open", why, "must be more than zero");
    }
    if *probes == 0 {
        let why = "a breaker without probes never closes again";
        wrong("probes", why, "must be at least 1");
    }
    let (of, attempts) = match opens {
        Opens::InRow(failures) => (None, *failures),
        Opens::Share { of, at_least, .. } => (Some(*of), *at_least),
        Opens::Last { of, attempts } => (Some(*of), *attempts),
    };
    if of == Some(Probability::ZERO) {
        wrong("opens.of", "it opens whatever happens", "must be above 0");
    }
    if attempts == 0 || attempts > MOST_ATTEMPTS {
        let field = match opens {
            Opens::InRow(_) => "opens",
            Opens::Share { .. } => "opens.at_least",
            Opens::Last { .. } => "opens.attempts",
        };
        let why = format!("{attempts} attempts say nothing of a server");
        wrong(field, &why, &format!("must be from 1 to {MOST_ATTEMPTS}"));
    }
    if let Opens::Share { within, .. } = opens
        && !(SHORTEST_WINDOW..=LONGEST_WINDOW).contains(within)
    {
        let why = format!("attempts cannot count for {within}");
        wrong("opens.within", &why, "must be from 10 ms to a day");
    }
}
