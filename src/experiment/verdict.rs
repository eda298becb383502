use super::Estimate;
use crate::scenario::{Comparison, Target};

/// Whether a target holds at the stated confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval is on the right side of the bound.
    Met,
    /// The whole interval is on the wrong side.
    Missed,
    /// The interval contains the bound, or there is none.
    Undecided,
}

/// A target and how one policy does.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetResult {
    /// The target as written.
    pub target: String,
    /// The policy.
    pub policy: String,
    /// How it does.
    pub verdict: Verdict,
}

/// Judges every target for every policy. A target on what a policy's runs do
/// not have, such as missed commands without commands, is undecided.
pub fn judge(targets: &[Target], policies: &[String], estimates: &[Estimate]) -> Vec<TargetResult> {
    let mut results = Vec::new();
    for target in targets {
        for policy in policies {
            let verdict = estimates
                .iter()
                .find(|estimate| {
                    estimate.estimand == target.estimand
                        && estimate.policy == *policy
                        && estimate.split.is_none()
                })
                .map_or(Verdict::Undecided, |estimate| verdict(target, estimate));
            results.push(TargetResult {
                target: target.to_string(),
                policy: policy.clone(),
                verdict,
            });
        }
    }
    results
}

fn verdict(target: &Target, estimate: &Estimate) -> Verdict {
    let Some(interval) = estimate.interval else {
        return Verdict::Undecided;
    };
    let (good, bad) = match target.comparison {
        Comparison::AtMost => (interval.hi <= target.bound, interval.lo > target.bound),
        Comparison::AtLeast => (interval.lo >= target.bound, interval.hi < target.bound),
    };
    match (good, bad) {
        (true, _) => Verdict::Met,
        (_, true) => Verdict::Missed,
        _ => Verdict::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Estimand;
    use crate::stats::Interval;

    #[test]
    fn a_target_is_met_missed_or_undecided() {
        let estimate = |lo, hi| Estimate {
            estimand: Estimand::P429Attempt,
            split: None,
            policy: "p".to_owned(),
            value: (lo + hi) / 2.0,
            interval: Some(Interval { lo, hi }),
            design_effect: None,
            replications: 20,
        };
        let judged = |text: &str, estimate: &Estimate| verdict(&text.parse().unwrap(), estimate);
        let low = estimate(0.01, 0.02);
        assert_eq!(judged("p429.attempt <= 5%", &low), Verdict::Met);
        assert_eq!(judged("p429.attempt <= 1.5%", &low), Verdict::Undecided);
        assert_eq!(judged("p429.attempt <= 0.5%", &low), Verdict::Missed);
        assert_eq!(judged("p429.attempt >= 0.5%", &low), Verdict::Met);
        assert_eq!(judged("p429.attempt >= 5%", &low), Verdict::Missed);
        let targets = ["p_missed.command <= 1%".parse().unwrap()];
        assert_eq!(
            judge(&targets, &["p".to_owned()], &[low])[0].verdict,
            Verdict::Undecided
        );
    }
}
