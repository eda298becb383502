use super::{Estimate, Estimates, Study};
use crate::scenario::{Comparison, Target};
use crate::stats::Basis;

/// Whether a target holds at the stated confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The one-sided bound is on the right side of the target's.
    Met,
    /// The bound from the other side is on the wrong one.
    Missed,
    /// Neither, or there are no bounds.
    Undecided,
}

/// A target and how one policy does.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetResult {
    /// The target.
    pub target: Target,
    /// The index of the policy's cell.
    pub cell: usize,
    /// The policy's name.
    pub policy: String,
    /// How it does.
    pub verdict: Verdict,
    /// The one-sided bound that the verdict rests on: the one that would have
    /// to be on the right side, or that is on the wrong one.
    pub bound: Option<f64>,
    /// On what the bound rests; `None` if there is no estimate.
    pub basis: Option<Basis>,
    /// Whether the bound is approximate, since the runs are few or lopsided.
    pub is_approximate: bool,
    /// About how many replications would decide an undecided target; `None` if
    /// no number would.
    pub replications_needed: Option<u64>,
    /// Whether it counts: a study's control is shown, but fails nothing.
    pub counts: bool,
}

/// Fewer replications than this make a bound approximate.
pub const FEWEST_REPLICATIONS: u32 = 30;

/// Judges every target for every policy that it is meant for. A target on what
/// a policy's runs do not have, such as missed commands without commands, is
/// undecided.
pub fn judge(study: &Study, estimates: &Estimates) -> Vec<TargetResult> {
    let targets = (study.cells.first()).map_or(&[][..], |cell| &cell.scenario.targets);
    let mut results = Vec::new();
    for target in targets {
        for (index, cell) in study.cells.iter().enumerate() {
            let mut names = cell.labels.iter().chain([&cell.name]);
            let is_named = names.any(|name| target.policies.contains(name));
            if !target.policies.is_empty() && !is_named {
                continue;
            }
            let estimate = estimates.get(index, target.estimand, &target.part);
            let (verdict, bound) = estimate.map_or((Verdict::Undecided, None), |estimate| {
                verdict(target, estimate)
            });
            results.push(TargetResult {
                target: target.clone(),
                cell: index,
                policy: cell.name.clone(),
                verdict,
                bound,
                basis: estimate.map(|estimate| estimate.basis),
                is_approximate: estimate.is_some_and(|estimate| {
                    estimate.basis == Basis::Spread
                        && (estimate.is_too_skewed || estimate.replications < FEWEST_REPLICATIONS)
                }),
                replications_needed: estimate.filter(|_| verdict == Verdict::Undecided).and_then(
                    |estimate| {
                        let at_most = target.comparison == Comparison::AtMost;
                        let needed = estimate.replications_to_decide(
                            target.bound,
                            at_most,
                            study.confidence,
                        )?;
                        // Fewer would decide it approximately.
                        Some(needed.max(u64::from(FEWEST_REPLICATIONS)))
                    },
                ),
                counts: is_named || !cell.is_control,
            });
        }
    }
    results
}

/// The verdict on all targets that count: one that is missed, or else one that
/// is undecided, decides.
pub fn overall(targets: &[TargetResult]) -> Verdict {
    let has = |verdict| {
        let mut judged = targets.iter().filter(|target| target.counts);
        judged.any(|target| target.verdict == verdict)
    };
    match (has(Verdict::Missed), has(Verdict::Undecided)) {
        (true, _) => Verdict::Missed,
        (false, true) => Verdict::Undecided,
        (false, false) => Verdict::Met,
    }
}

fn verdict(target: &Target, estimate: &Estimate) -> (Verdict, Option<f64>) {
    let (good, bad) = match target.comparison {
        Comparison::AtMost => (estimate.upper, estimate.lower),
        Comparison::AtLeast => (estimate.lower, estimate.upper),
    };
    let holds = |bound: f64| match target.comparison {
        Comparison::AtMost => bound <= target.bound,
        Comparison::AtLeast => bound >= target.bound,
    };
    match (good, bad) {
        (Some(good), _) if holds(good) => (Verdict::Met, Some(good)),
        (_, Some(bad)) if !holds(bad) => (Verdict::Missed, Some(bad)),
        _ => (Verdict::Undecided, good),
    }
}
