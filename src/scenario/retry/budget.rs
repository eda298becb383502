use serde::{Deserialize, Serialize};

use crate::scenario::Scope;
use crate::units::{Probability, Rate, Span};

/// What bounds the retries of all requests that share it, beside the attempts of
/// each. Who has the policy shares it with all that have it, per key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum RetryBudget {
    /// Tokens that retries take (AWS SDKs, standard mode): full at first. A retry
    /// takes the `cost` of its policy and is not made without; a request that
    /// succeeds after one gives it back, one that succeeds at once gives `success`.
    Tokens {
        /// The most tokens.
        most: u32,
        /// What a success at once gives.
        #[serde(default = "one")]
        success: u32,
        /// What there is a budget per.
        #[serde(default = "each_home")]
        per: Vec<Scope>,
    },
    /// Tokens that failures take (gRPC, proposal A6, `retryThrottling`): full at
    /// first. Each failed attempt of a kind that is retried takes one; retries are
    /// made while more than half of the tokens are there.
    Throttle {
        /// The most tokens.
        tokens: u32,
        /// What a success gives.
        success: f64,
        /// What there is a budget per.
        #[serde(default = "each_home")]
        per: Vec<Scope>,
    },
    /// Retries up to a share of the requests of late (Finagle's `RetryBudget`,
    /// tower's `TpsBudget`).
    Share {
        /// That share.
        of: Probability,
        /// How long requests and retries count, to a tenth of it.
        #[serde(default = "ten_seconds")]
        within: Span,
        /// Retries that are made beyond that share.
        #[serde(default)]
        at_least: Option<Rate>,
        /// What there is a budget per.
        #[serde(default = "each_home")]
        per: Vec<Scope>,
    },
    /// Requests that are being retried up to a share of those that have not ended
    /// (Envoy's `retry_budget`).
    InFlight {
        /// That share.
        of: Probability,
        /// As many may be, whatever the share.
        #[serde(default = "three")]
        at_least: u32,
        /// What there is a budget per.
        #[serde(default = "each_home")]
        per: Vec<Scope>,
    },
}

impl RetryBudget {
    /// What there is a budget per.
    pub fn per(&self) -> &[Scope] {
        let (RetryBudget::Tokens { per, .. }
        | RetryBudget::Throttle { per, .. }
        | RetryBudget::Share { per, .. }
        | RetryBudget::InFlight { per, .. }) = self;
        per
    }
}

fn one() -> u32 {
    1
}

/// Envoy's `min_retry_concurrency`.
fn three() -> u32 {
    3
}

fn ten_seconds() -> Span {
    Span::from_secs(10)
}

fn each_home() -> Vec<Scope> {
    vec![Scope::Home]
}
