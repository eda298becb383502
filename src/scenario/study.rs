use serde::{Deserialize, Serialize};

use super::NamedList;
use super::text::SourceTree;

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
    pub vary: NamedList<Vec<Variation>>,
}

fn default_seed() -> u64 {
    1
}

fn default_replications() -> u32 {
    20
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
        }
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

    /// The text without the quotes of a string: how tables and charts name it.
    pub fn label(&self) -> String {
        let text = self.text();
        text.strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .unwrap_or(text)
            .to_owned()
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
}
