mod amount;
mod link;
mod values;

use serde::{Deserialize, Serialize};

use super::NamedList;
use super::text::{SourceTree, one_line, visible};

pub use amount::Amount;
pub use link::Link;
pub use values::{Range, RangeFault, RangeValue, Scale, Values};

/// How often a run is repeated, and what is varied.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// The seed of every random draw.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Independent runs of each policy.
    #[serde(default = "default_replications")]
    pub replications: u32,
    /// The confidence of every interval.
    #[serde(default = "default_confidence")]
    pub confidence: crate::units::Probability,
    /// Paths of scenario values, each with the values to run it with; several
    /// paths are combined in every way.
    #[serde(default)]
    pub vary: NamedList<Values>,
    /// Paths of scenario values that follow from another value in every cell.
    #[serde(default)]
    pub link: NamedList<Link>,
    /// Named sets of values by their paths; each is combined with all that
    /// varies.
    #[serde(default)]
    pub policies: NamedList<NamedList<Variation>>,
    /// The policy, value or cell that the others are compared with, which no
    /// target judges.
    #[serde(default)]
    pub control: Option<String>,
}

fn default_seed() -> u64 {
    1
}

fn default_replications() -> u32 {
    30
}

fn default_confidence() -> crate::units::Probability {
    crate::units::Probability::new(0.95).unwrap_or(crate::units::Probability::ONE)
}

impl Default for Study {
    fn default() -> Study {
        Study {
            seed: default_seed(),
            replications: default_replications(),
            confidence: default_confidence(),
            vary: NamedList::default(),
            link: NamedList::default(),
            policies: NamedList::default(),
            control: None,
        }
    }
}

impl Study {
    /// The number of combinations of policies and varied values; of a range at
    /// most that many, since its values are rounded for a whole number.
    pub fn cells(&self) -> usize {
        self.vary
            .values()
            .map(Values::len)
            .fold(self.policies.len().max(1), usize::saturating_mul)
    }

    /// The paths that any policy sets, in order of first mention.
    pub fn policy_paths(&self) -> Vec<&str> {
        let mut paths = NamedList::new();
        for path in self.policies.values().flat_map(NamedList::names) {
            // What was mentioned before stays where it is.
            let _ = paths.push(path, path);
        }
        paths.values().copied().collect()
    }
}

/// One value of a varied path, as it is written in RON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Variation(pub Box<ron::value::RawValue>);

impl Variation {
    /// The text of the value, without the comments beside it.
    pub fn text(&self) -> &str {
        let raw = self.0.get_ron();
        let tree = SourceTree::new(raw);
        tree.root().map_or(raw.trim(), |root| tree.raw(&root.span))
    }

    /// How tables and charts name it, on one line: a text without its quotes,
    /// unless it would not be seen as what it is.
    pub fn label(&self) -> String {
        label(self.text())
    }
}

/// How a value is named that is written so in RON.
pub(super) fn label(text: &str) -> String {
    match ron::from_str::<String>(text) {
        Ok(name) if !name.is_empty() && name.trim() == name && visible(&name) == name => name,
        _ => one_line(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_beside_a_value_are_not_part_of_it() {
        let text = r#"[
            Constant("1s"),  // always
            /* one in ten */ "slow", // is
            3 // last
        ]"#;
        let values: Vec<Variation> = ron::from_str(text).unwrap();
        let texts: Vec<&str> = values.iter().map(Variation::text).collect();
        assert_eq!(texts, [r#"Constant("1s")"#, r#""slow""#, "3"]);
        assert_eq!(values[1].label(), "slow");
    }

    #[test]
    fn a_label_is_one_line_that_shows_what_the_value_is() {
        for (text, shown) in [
            ("\"soon, often\"", "soon, often"),
            ("\"say \\\"hi\\\"\"", "say \"hi\""),
            ("r#\"raw\"#", "raw"),
            ("\"\"", "\"\""),
            ("\" a\"", "\" a\""),
            ("\"a\\nb\"", "\"a\\nb\""),
            ("[Gate(\n permits: 3)]", "[Gate(permits: 3)]"),
            ("40", "40"),
        ] {
            assert_eq!(label(text), shown, "{text}");
        }
    }
}
