use std::fmt::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::rng::Seed;
use crate::scenario::{Clock, Draft, RETRY_PRESETS, RetryPreset, Scenario};
use crate::units::{Period, Span};

/// A hash of all that the records of a cell depend on but the number of the
/// replication: its scenario and the seed. Those of two cells are the same if
/// their records are, whatever the cells, policies and studies are called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentKey(pub(super) [u8; 16]);

/// Sixteen bytes as hexadecimal digits were expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a content key; expected 32 hexadecimal digits")]
pub struct NoContentKey(String);

impl ContentKey {
    /// What the records of a scenario under a seed are known by.
    pub fn new(scenario: &Scenario, seed: impl Into<Seed>) -> ContentKey {
        let seed = seed.into();
        let mut hash = Sha256::new();
        hash.update(seed.number.to_le_bytes());
        hash.update([seed.family as u8]);
        hash.update(essence(scenario));
        let hash: [u8; 32] = hash.finalize().into();
        ContentKey(std::array::from_fn(|index| hash[index]))
    }
}

impl fmt::Display for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentKey {
    type Err = NoContentKey;

    fn from_str(text: &str) -> Result<ContentKey, NoContentKey> {
        let wrong = || NoContentKey(text.to_owned());
        let is_whole = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).map_err(|_| wrong())?;
        is_whole
            .then(|| ContentKey(number.to_be_bytes()))
            .ok_or_else(wrong)
    }
}

impl TryFrom<String> for ContentKey {
    type Error = NoContentKey;
    fn try_from(text: String) -> Result<ContentKey, NoContentKey> {
        text.parse()
    }
}

impl From<ContentKey> for String {
    fn from(key: ContentKey) -> String {
        key.to_string()
    }
}

/// The scenario without what its records do not depend on: names for readers,
/// the study around it, what is asked of the records afterwards, and what of
/// its clients and retry policies no cohort uses.
///
/// It is the text that `Debug` makes of all other parts, with every field in it
/// and numbers to their last digit. Clients and retry policies stand where they
/// are referred to, so that their own names do not matter.
fn essence(scenario: &Scenario) -> String {
    // All fields are named: a new one has to be put on one side.
    let Draft {
        name: _,
        about: _,
        time,
        cohorts,
        population,
        clients,
        server,
        retries,
        study: _,
        targets: _,
        report: _,
        collapse: _,
    } = &**scenario;
    let mut of_clients: Vec<(&str, String)> = (clients.iter())
        .map(|(name, client)| (name, format!("{client:?}")))
        .collect();
    let presets = RETRY_PRESETS.iter().map(|preset| preset.name);
    let presets = presets.filter_map(|name| Some((name, RetryPreset::find(name)?)));
    let policies: Vec<(&str, String)> = (retries.iter().chain(presets))
        .map(|(name, policy)| (name, format!("{policy:?}")))
        .collect();
    for (_, client) in &mut of_clients {
        put_in_place(client, "retry", &policies);
    }
    let mut text = format!("{cohorts:?}");
    put_in_place(&mut text, "client", &of_clients);
    // Windows of targets decide which counts a record has, and other choices
    // that the text leaves open follow from all of it.
    let time = Clock {
        windows: scenario.windows(),
        drain: Some(scenario.drain()),
        bucket: Some(scenario.step_width()),
        ..time.clone()
    };
    let methods = scenario.methods();
    let measures = scenario.measures();
    // Writing to a text cannot fail.
    let _ = write!(
        text,
        "{time:?}{population:?}{server:?}{methods:?}{measures:?}"
    );
    // The draws of clients behind the first of a home go by their names.
    for placement in scenario.placements().filter(|it| it.installed.index > 0) {
        let _ = write!(text, " {:?}", placement.installed.client);
    }
    // What is referred to in a way that was not found above.
    for (name, part) in of_clients.iter().chain(&policies) {
        if text.contains(&format!("{name:?}")) {
            let _ = write!(text, "{name:?}: {part}");
        }
    }
    days(&time, &mut text);
    text
}

/// Puts what names stand for in their place wherever a field has one of them
/// as its value: a quotation mark within a text is escaped there.
fn put_in_place(text: &mut String, field: &str, named: &[(&str, String)]) {
    for (name, content) in named {
        for (before, after) in [("", ""), ("Some(", ")")] {
            let reference = format!("{field}: {before}{name:?}{after}");
            if text.contains(&reference) {
                *text = text.replace(&reference, &format!("{field}: {before}{content}{after}"));
            }
        }
    }
}

/// The days of a run by its clock: another edition of the time zones may have
/// others.
fn days(time: &Clock, text: &mut String) {
    const MOST_DAYS: usize = 10_000;
    let mut day = time.start.0;
    for _ in 0..MOST_DAYS {
        let (first, last) = time.zone.period(Period::Day, day);
        let _ = write!(text, " {}", first.nanos());
        if last >= time.measured_until() {
            break;
        }
        day = last + Span::from_nanos(1);
    }
}
