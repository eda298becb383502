//! What a sound scenario says that its author may not have meant: settings
//! without effect, and retries that do something other than they seem to.
//!
//! A note stops nothing. One about a setting without effect holds for a study
//! only if it holds for all of its variants.

mod answers;
mod guards;
mod kinds;
mod retries;
mod stages;

use std::borrow::Borrow;

use self::answers::{answerers, on_telling};
use self::guards::on_guards;
use self::retries::on_retries;
use self::stages::on_stages;
use super::Scenario;

pub use self::kinds::Note;

impl Note {
    /// All notes on a study, given its variants.
    pub fn on(variants: impl IntoIterator<Item: Borrow<Scenario>>) -> Vec<Note> {
        let mut all: Option<Vec<Note>> = None;
        for scenario in variants {
            let own = notes(scenario.borrow());
            all = Some(match all {
                None => own,
                Some(mut all) => {
                    all.retain(|note| note.is_of_any_variant() || own.contains(note));
                    for note in own {
                        if note.is_of_any_variant() && !all.contains(&note) {
                            all.push(note);
                        }
                    }
                    all
                }
            });
        }
        all.unwrap_or_default()
    }

    /// Whether it is about what happens, and not about what has no effect.
    fn is_of_any_variant(&self) -> bool {
        matches!(
            self,
            Note::SwallowedJitter { .. } | Note::Lockstep { .. } | Note::Beats { .. }
        )
    }
}

/// The notes on one scenario.
fn notes(scenario: &Scenario) -> Vec<Note> {
    let mut found = Vec::new();
    let answerers = answerers(scenario);
    on_retries(scenario, &answerers, &mut found);
    on_guards(scenario, &answerers, &mut found);
    on_telling(scenario, &answerers, &mut found);
    on_stages(scenario, &mut found);
    // What is chosen for a scenario that writes nothing is as good as can be.
    if scenario.time.bucket.is_some()
        && let Some((what, period)) = scenario.beat()
    {
        let step = scenario.step_width();
        found.push(Note::Beats { step, what, period });
    }
    found
}

#[cfg(test)]
mod tests;
