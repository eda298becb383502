//! Guards of clients that do nothing.

use super::answers::Answerer;
use super::kinds::Note;
use crate::scenario::{Per, Scenario, Scope, Trigger};

/// Guards, and failures that they list, which change nothing.
pub(super) fn on_guards(scenario: &Scenario, answerers: &[Answerer<'_>], found: &mut Vec<Note>) {
    for (name, client) in scenario.clients.iter() {
        for (number, guard) in client.guards.iter().enumerate() {
            let guarded = || {
                let entries = client.traffic();
                entries.filter(|entry| guard.is_for(entry.what.method))
            };
            let is_by_device = guard.per().contains(&Scope::Device);
            if is_by_device && guarded().all(|entry| entry.what.per == Per::Home) {
                found.push(Note::IdleGuard {
                    client: name.to_owned(),
                    guard: number,
                });
            }
            for (index, trigger) in guard.on().iter().copied().flatten().enumerate() {
                let is_seen = match trigger {
                    Trigger::Timeout => guarded().any(|entry| entry.what.timeout.is_some()),
                    trigger => (answerers.iter()).any(|one| trigger.covers(one.answer)),
                };
                if !is_seen {
                    found.push(Note::GuardNeverSees {
                        client: name.to_owned(),
                        guard: number,
                        index,
                        trigger: *trigger,
                    });
                }
            }
        }
    }
}
