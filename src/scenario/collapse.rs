use serde::{Deserialize, Serialize};

use crate::units::{Probability, Span};

/// What counts as a collapse of a run: for a stretch of at least `lasting`,
/// fewer than the share `below` of the requests that come due succeed.
///
/// Both are counted in whole steps of the time series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collapse {
    /// The share of requests.
    #[serde(default = "half")]
    pub below: Probability,
    /// The length of the stretch.
    #[serde(default = "five_minutes")]
    pub lasting: Span,
}

impl Default for Collapse {
    fn default() -> Collapse {
        Collapse {
            below: half(),
            lasting: five_minutes(),
        }
    }
}

fn half() -> Probability {
    Probability::new(0.5).unwrap_or(Probability::ONE)
}

fn five_minutes() -> Span {
    Span::from_secs(300)
}
