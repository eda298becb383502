use super::binomial::{lower_bound, none_of, upper_bound};
use super::hall::Hall;
use super::{Basis, Interval, least_replications};
use crate::math;

/// What values a ratio can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// From 0 to 1, since no x exceeds its n.
    Share,
    /// From 0 on without end.
    NonNegative,
    /// From 1 on without end, since no x is below its n.
    AtLeastOne,
}

impl Scale {
    fn floor(self) -> f64 {
        match self {
            Scale::Share | Scale::NonNegative => 0.0,
            Scale::AtLeastOne => 1.0,
        }
    }

    fn ceiling(self) -> f64 {
        match self {
            Scale::Share => 1.0,
            Scale::NonNegative | Scale::AtLeastOne => f64::INFINITY,
        }
    }
}

/// Where events were seen in fewer replications than this, and not in all,
/// their spread does not tell how large the unseen ones are.
///
/// Hall's bound holds from about five on if events come in clusters whose sizes
/// are equal or exponential, and from ten on misses at most 8 in place of 5 % if
/// they are lognormal with a coefficient of variation of 1.3; `benches/coverage.rs`.
pub const ENOUGH_RUNS_WITH_EVENTS: u32 = 10;

/// A ratio of sums over replications, sum x / sum n, with bounds.
///
/// This estimates E(x) / E(n), the ratio of means: the answer for a random
/// attempt, not for a random day. The variance is that of the residuals
/// z = x - ratio * n across replications (Cochran 1977, *Sampling Techniques*,
/// section 6.3; Deng, Knoblich and Lu 2018 derive the same by the delta
/// method), with R - 1 degrees of freedom; bounds are Hall's (1992), which take
/// their skewness into account.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioEstimate {
    /// The ratio.
    pub value: f64,
    /// Its standard error; zero if it is exact, and `None` with fewer than two
    /// replications or where all replications agree, since no spread says
    /// nothing.
    pub standard_error: Option<f64>,
    /// The skewness of the residuals.
    pub skewness: f64,
    /// The number of replications.
    pub replications: u32,
    scale: Scale,
    source: Source,
    /// What is above the floor.
    events: Side,
    /// What is below the ceiling.
    others: Side,
    /// The largest n over the mean n.
    unevenness: f64,
    total: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Counts per replication.
    Counts,
    /// The same, and known to be exact.
    Exact,
    /// Each replication is one trial.
    Runs,
}

/// One kind of outcome over the replications.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Side {
    /// The replications that have some.
    seen: u32,
    /// The largest share of it in one of them.
    largest: f64,
    /// The least number of it in one of them, over the mean n.
    least: f64,
}

impl Side {
    const NONE: Side = Side {
        seen: 0,
        largest: 0.0,
        least: f64::INFINITY,
    };

    fn add(&mut self, count: f64, of: f64, mean: f64) {
        if count > 0.0 {
            self.seen += 1;
            self.largest = self.largest.max(count / of).min(1.0);
            self.least = self.least.min(count / mean);
        }
    }

    fn is_few(&self, replications: u32) -> bool {
        (1..ENOUGH_RUNS_WITH_EVENTS.min(replications)).contains(&self.seen)
    }

    /// An upper bound on the share of this kind if it was seen in few
    /// replications, before their unevenness.
    ///
    /// No replication had a larger share than s, so a larger one has at most
    /// the chance w of something never seen (Wilks 1941, with a part of the
    /// error), and then the share is at most 1; any at all has at most the
    /// chance c of Clopper and Pearson (with the rest): s c + (1 - s) w.
    /// Both errors add up to the whole by Bonferroni. It rises with the number
    /// and the size of what was seen, and is never below the bound for none.
    fn few_above(&self, replications: u32, confidence: f64) -> f64 {
        let alpha = 1.0 - confidence;
        let any = upper_bound(self.seen, replications, 1.0 - FEW_ERROR_OF_SEEN * alpha);
        let larger = none_of(replications, 1.0 - (1.0 - FEW_ERROR_OF_SEEN) * alpha);
        self.largest * any + (1.0 - self.largest) * larger
    }

    /// A lower bound likewise: none that has any has less than the least.
    fn few_below(&self, replications: u32, confidence: f64) -> f64 {
        self.least * lower_bound(self.seen, replications, confidence)
    }
}

/// The part of the error that a bound on few events spends on how many
/// replications have some; the rest is spent on those that are larger than any
/// that was seen, which dominate.
const FEW_ERROR_OF_SEEN: f64 = 0.2;

impl RatioEstimate {
    /// The estimate from the counts `(x, n)` of each replication; `None` if
    /// all n are zero.
    pub fn new(counts: &[(f64, f64)], scale: Scale) -> Option<RatioEstimate> {
        let replications = counts.len() as f64;
        let floor = scale.floor();
        let (sum, total) = counts
            .iter()
            .fold((0.0, 0.0), |(sum, total), (x, n)| (sum + x, total + n));
        // Also if it is not a number.
        if total.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
            return None;
        }
        let value = sum / total;
        let mean = total / replications;
        let (mut events, mut others) = (Side::NONE, Side::NONE);
        let (mut squares, mut cubes, mut largest_n) = (0.0, 0.0, 0.0_f64);
        let mut agree = true;
        for (x, n) in counts {
            events.add(x - floor * n, *n, mean);
            if scale == Scale::Share {
                others.add(n - x, *n, mean);
            }
            let residual = x - value * n;
            agree &= residual.abs() <= 1e-12 * x.abs().max(value.abs() * n);
            squares += residual * residual;
            cubes += residual * residual * residual;
            largest_n = largest_n.max(*n);
        }
        let has_spread = counts.len() > 1 && !agree;
        let variance = squares / replications;
        Some(RatioEstimate {
            value,
            standard_error: has_spread
                .then(|| (squares / (replications - 1.0) / replications).sqrt() / mean),
            skewness: if has_spread {
                cubes / replications / (variance * variance.sqrt())
            } else {
                0.0
            },
            replications: counts.len() as u32,
            scale,
            source: Source::Counts,
            events,
            others,
            unevenness: largest_n / mean,
            total,
        })
    }

    /// The same value, which is known to be exact by construction.
    pub fn exactly(self) -> RatioEstimate {
        RatioEstimate {
            standard_error: Some(0.0),
            skewness: 0.0,
            source: Source::Exact,
            ..self
        }
    }

    /// What the bounds rest on.
    pub fn basis(&self) -> Basis {
        let few = |side: &Side| {
            side.is_few(self.replications)
                .then_some(Basis::FewEvents { seen: side.seen })
        };
        match self.source {
            Source::Exact => Basis::Exact,
            _ if self.value == 0.0 => Basis::NoneSeen,
            _ if self.scale == Scale::Share && self.others.seen == 0 => Basis::AllSeen,
            Source::Runs => Basis::Runs,
            Source::Counts if self.replications < 2 => Basis::Spread,
            Source::Counts if self.standard_error.is_none() => Basis::Ties,
            Source::Counts => few(&self.events)
                .or_else(|| few(&self.others))
                .unwrap_or(Basis::Spread),
        }
    }

    /// The two-sided interval: a one-sided bound at each side, with half of the
    /// error each, so that what it excludes is decided by the one-sided bounds
    /// too. Where nothing was seen, or it was always so, there is one side only,
    /// which has the whole error. `None` where one end is not known.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        let each = match self.basis() {
            Basis::NoneSeen | Basis::AllSeen => confidence,
            _ => 0.5 + confidence / 2.0,
        };
        Some(Interval {
            lo: self.lower(each)?,
            hi: self.upper(each)?,
        })
    }

    /// The one-sided upper bound; `None` with one replication, and where the
    /// replications say nothing of how large the ratio may be.
    pub fn upper(&self, confidence: f64) -> Option<f64> {
        let ceiling = self.scale.ceiling();
        let bound = match (self.basis(), self.source) {
            (Basis::Exact, _) => return Some(self.value),
            (_, Source::Runs) => upper_bound(self.events.seen, self.replications, confidence),
            (Basis::NoneSeen | Basis::AllSeen | Basis::Ties, _) => {
                // An outcome that differs has at most the chance of something
                // never seen, and is then as large as it can be.
                let rest = ceiling - self.value;
                if rest > 0.0 && (self.replications < 2 || ceiling.is_infinite()) {
                    return None;
                }
                self.value + rest * self.unseen(confidence)
            }
            _ => {
                let error = self.standard_error?;
                let mut bound = self.value + error * self.hall().above(confidence);
                if bound >= ceiling {
                    bound = if self.others.is_few(self.replications) {
                        1.0 - self.others.few_below(self.replications, confidence)
                    } else {
                        self.logit(|bend| self.hall().above_bent(confidence, bend))
                    };
                }
                if self.events.is_few(self.replications) {
                    if ceiling.is_infinite() {
                        return None;
                    }
                    let few = self.events.few_above(self.replications, confidence);
                    bound = bound.max(few * self.unevenness);
                }
                bound
            }
        };
        Some(bound.max(self.value).min(ceiling))
    }

    /// The one-sided lower bound; `None` with one replication.
    pub fn lower(&self, confidence: f64) -> Option<f64> {
        let floor = self.scale.floor();
        let bound = match (self.basis(), self.source) {
            (Basis::Exact, _) => return Some(self.value),
            (_, Source::Runs) => lower_bound(self.events.seen, self.replications, confidence),
            (Basis::NoneSeen | Basis::AllSeen | Basis::Ties, _) => {
                let rest = self.value - floor;
                if rest > 0.0 && self.replications < 2 {
                    return None;
                }
                self.value - rest * self.unseen(confidence)
            }
            _ => {
                let error = self.standard_error?;
                let mut bound = self.value - error * self.hall().below(confidence);
                if bound <= floor {
                    bound = if self.events.is_few(self.replications) {
                        floor + self.events.few_below(self.replications, confidence)
                    } else if self.scale == Scale::Share {
                        self.logit(|bend| -self.hall().below_bent(confidence, bend))
                    } else {
                        self.log(|bend| -self.hall().below_bent(confidence, bend))
                    };
                }
                if self.others.is_few(self.replications) {
                    let few = self.others.few_above(self.replications, confidence);
                    bound = bound.min(1.0 - few * self.unevenness);
                }
                bound
            }
        };
        Some(bound.min(self.value).max(floor))
    }

    /// For a proportion: how many times its variance is that of as many
    /// independent trials.
    pub fn design_effect(&self) -> Option<f64> {
        if self.source != Source::Counts || self.scale != Scale::Share {
            return None;
        }
        let binomial = self.value * (1.0 - self.value) / self.total;
        self.standard_error
            .filter(|_| binomial > 0.0)
            .map(|error| error * error / binomial)
    }

    /// Whether there are fewer replications than 25 times the squared skewness
    /// of their residuals (Cochran 1977, section 2.15): then bounds are rough.
    pub fn is_too_skewed(&self) -> bool {
        self.source == Source::Counts
            && self.standard_error.is_some()
            && f64::from(self.replications) < 25.0 * self.skewness * self.skewness
    }

    /// About how many replications in all would decide whether the ratio is at
    /// most (or at least) the bound, if things go on as seen. `None` if no
    /// number would: the value is on the bound, or there is too little to go by.
    pub fn replications_to_decide(
        &self,
        bound: f64,
        at_most: bool,
        confidence: f64,
    ) -> Option<u64> {
        let needs_upper = self.value < bound || (self.value == bound && at_most);
        least_replications(self.replications, |replications| {
            let then = self.after(replications);
            let side = match needs_upper {
                true => then.upper(confidence),
                false => then.lower(confidence),
            };
            side.is_some_and(|side| match (needs_upper, at_most) {
                (true, true) => side <= bound,
                (true, false) => side < bound,
                (false, true) => side > bound,
                (false, false) => side >= bound,
            })
        })
    }

    /// What that many replications would show if they are like these.
    fn after(&self, replications: u32) -> RatioEstimate {
        let factor = f64::from(replications) / f64::from(self.replications);
        let more = |side: Side| Side {
            seen: (f64::from(side.seen) * factor).round().min(4e9) as u32,
            ..side
        };
        RatioEstimate {
            standard_error: self.standard_error.map(|error| error / factor.sqrt()),
            replications,
            events: more(self.events),
            others: more(self.others),
            total: self.total * factor,
            ..*self
        }
    }

    fn hall(&self) -> Hall {
        Hall {
            replications: self.replications,
            skewness: self.skewness,
        }
    }

    /// The largest share of n that replications of a kind never seen make up.
    fn unseen(&self, confidence: f64) -> f64 {
        (none_of(self.replications, confidence) * self.unevenness).min(1.0)
    }

    /// A bound on the scale of log odds, which stays between 0 and 1.
    fn logit(&self, errors: impl Fn(f64) -> f64) -> f64 {
        let p = self.value;
        let error = self.standard_error.unwrap_or(0.0);
        let slope = 1.0 / (p * (1.0 - p));
        let steps = errors((1.0 - 2.0 * p) * error * slope / 2.0) * error * slope;
        1.0 / (1.0 + (1.0 - p) / p * math::exp(-steps))
    }

    /// A bound on the scale of the logarithm of what is above the floor.
    fn log(&self, errors: impl Fn(f64) -> f64) -> f64 {
        let floor = self.scale.floor();
        let excess = self.value - floor;
        let error = self.standard_error.unwrap_or(0.0);
        let steps = errors(error / excess / 2.0) * error / excess;
        floor + excess * math::exp(steps)
    }
}

/// The chance that a run sees something, of which `seen` of the replications
/// saw some: each is one trial, so its bounds (Clopper and Pearson) are exact.
/// `None` without replications.
pub fn share_of_runs(seen: u32, replications: u32) -> Option<RatioEstimate> {
    if replications == 0 {
        return None;
    }
    let seen = seen.min(replications);
    let (all, value) = (
        f64::from(replications),
        f64::from(seen) / f64::from(replications),
    );
    let side = |seen| Side {
        seen,
        largest: 1.0,
        least: 1.0,
    };
    Some(RatioEstimate {
        value,
        standard_error: (replications > 1 && seen > 0 && seen < replications)
            .then(|| (value * (1.0 - value) / (all - 1.0)).sqrt()),
        skewness: 0.0,
        replications,
        scale: Scale::Share,
        source: Source::Runs,
        events: side(seen),
        others: side(replications - seen),
        unevenness: 1.0,
        total: all,
    })
}
