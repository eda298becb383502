use super::{Cell, Study};
use crate::scenario::Estimand;
use crate::sim::{Histogram, Record, StreamRecord};
use crate::stats::{Interval, RatioEstimate, woodruff};
use crate::world::Stream;

/// One number with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// What is estimated.
    pub estimand: Estimand,
    /// What part of the traffic it is for; all of it, if `None`.
    pub split: Option<Split>,
    /// The policy's name.
    pub policy: String,
    /// The estimate, in the unit of the estimand (times in seconds).
    pub value: f64,
    /// Its confidence interval; `None` with one replication, or where nothing
    /// was counted.
    pub interval: Option<Interval>,
    /// The design effect of a proportion: how many times its variance is that
    /// of as many independent trials.
    pub design_effect: Option<f64>,
    /// Replications.
    pub replications: u32,
}

/// A part of the traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Split {
    /// The homes of one cohort.
    Cohort(String),
    /// The calls of one method.
    Method(String),
    /// Refusals by one stage of the server.
    Limit(String),
}

impl Split {
    /// The dimension and the value, as files name them.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Split::Cohort(name) => ("cohort", name),
            Split::Method(name) => ("method", name),
            Split::Limit(name) => ("limit", name),
        }
    }
}

/// All estimates of a study, policy by policy: first over all traffic, then
/// by cohort, by method and by limit where there is more than one. What a
/// scenario does not have, such as missed commands without commands, is left
/// out.
pub fn estimates(study: &Study, records: &[Vec<Record>]) -> Vec<Estimate> {
    study
        .cells
        .iter()
        .zip(records)
        .flat_map(|(cell, records)| {
            let mut estimator = Estimator {
                cell,
                records,
                confidence: study.confidence,
                estimates: Vec::new(),
            };
            estimator.all();
            estimator.estimates
        })
        .collect()
}

struct Estimator<'a> {
    cell: &'a Cell,
    records: &'a [Record],
    confidence: f64,
    estimates: Vec<Estimate>,
}

impl Estimator<'_> {
    fn all(&mut self) {
        self.traffic(None, |_| true);
        self.gate();
        let world = &self.cell.world;
        let cohorts = &world.population.cohorts;
        if cohorts.len() > 1 {
            for (index, cohort) in cohorts.iter().enumerate() {
                self.traffic(Some(Split::Cohort(cohort.name.clone())), |stream| {
                    stream.cohort == index
                });
            }
        }
        if world.methods.len() > 1 {
            for (index, method) in world.methods.iter().enumerate() {
                self.traffic(Some(Split::Method(method.clone())), |stream| {
                    stream.method == index
                });
            }
        }
        if world.server.stages.len() > 1 {
            for (index, stage) in world.server.stages.iter().enumerate() {
                let estimand = match stage.response.status {
                    429 => Estimand::P429Attempt,
                    _ => Estimand::RefusedAttempt,
                };
                let split = Some(Split::Limit(stage.name.clone()));
                self.ratio(estimand, split, |record| {
                    total(&record.streams, |counts| {
                        (counts.refused[index], counts.attempts)
                    })
                });
            }
        }
    }

    /// The estimates over the streams that `part` picks.
    fn traffic(&mut self, split: Option<Split>, part: impl Fn(&Stream) -> bool) {
        let world = &self.cell.world;
        let picked: Vec<usize> = (0..world.streams.len())
            .filter(|index| part(&world.streams[*index]))
            .collect();
        let commands: Vec<usize> = picked
            .iter()
            .copied()
            .filter(|index| world.streams[*index].deadline.is_some())
            .collect();
        let polls: Vec<usize> = picked
            .iter()
            .copied()
            .filter(|index| !world.streams[*index].overlap)
            .collect();
        let of =
            |streams: &[usize], count: &dyn Fn(&StreamRecord) -> (u64, u64), record: &Record| {
                total(streams.iter().map(|index| &record.streams[*index]), count)
            };
        let limited: Vec<usize> = (0..world.server.stages.len())
            .filter(|stage| world.server.stages[*stage].response.status == 429)
            .collect();
        let refused_429 = |counts: &StreamRecord| -> u64 {
            limited.iter().map(|stage| counts.refused[*stage]).sum()
        };
        type Count<'a> = &'a dyn Fn(&StreamRecord) -> (u64, u64);
        let others = limited.len() < world.server.stages.len();
        let over_picked: [(Estimand, bool, Count<'_>); 7] = [
            (Estimand::P429Attempt, !limited.is_empty(), &|c| {
                (refused_429(c), c.attempts)
            }),
            (Estimand::P429FirstAttempt, !limited.is_empty(), &|c| {
                (c.first_429, c.requests)
            }),
            (Estimand::P429Request, !limited.is_empty(), &|c| {
                (c.any_429, c.requests)
            }),
            (Estimand::RefusedAttempt, others, &|c| {
                (c.refused.iter().sum(), c.attempts)
            }),
            (Estimand::FailedRequest, true, &|c| (c.given_up, c.requests)),
            (
                Estimand::TimedOutAttempt,
                picked
                    .iter()
                    .any(|index| world.streams[*index].timeout.is_some()),
                &|c| (c.timed_out, c.attempts),
            ),
            (Estimand::RetryAmplification, true, &|c| {
                (c.attempts, c.requests)
            }),
        ];
        for (estimand, applies, count) in over_picked {
            if applies {
                self.ratio(estimand, split.clone(), |record| of(&picked, count, record));
            }
        }
        if !commands.is_empty() {
            self.ratio(Estimand::MissedCommand, split.clone(), |record| {
                of(&commands, &|c| (c.missed, c.requests), record)
            });
            for (estimand, quantile) in [
                (Estimand::LatencyCommandP50, 0.5),
                (Estimand::LatencyCommandP95, 0.95),
                (Estimand::LatencyCommandP99, 0.99),
            ] {
                self.latency(estimand, split.clone(), &commands, quantile);
            }
        }
        if !polls.is_empty() {
            self.ratio(Estimand::SkippedPoll, split.clone(), |record| {
                of(&polls, &|c| (c.skipped, c.requests + c.skipped), record)
            });
        }
        self.ratio(Estimand::LatencyRequestMean, split.clone(), |record| {
            let streams = picked.iter().map(|index| &record.streams[*index]);
            let (nanos, count) = streams.fold((0, 0), |(nanos, count), counts| {
                (nanos + counts.latency_sum, count + counts.succeeded)
            });
            (nanos as f64 / 1e9, count as f64)
        });
        let length = (world.clock.measured_until.since(world.clock.measured_from)).secs_f64();
        self.ratio(Estimand::Goodput, split.clone(), |record| {
            (of(&picked, &|c| (c.succeeded, 0), record).0, length)
        });
        self.wakeups(split, &picked, length);
    }

    fn wakeups(&mut self, split: Option<Split>, picked: &[usize], length: f64) {
        use crate::scenario::Wakes;
        let streams = picked.iter().map(|index| &self.cell.world.streams[*index]);
        let mut firsts: Vec<(u32, u32)> = streams
            .filter(|stream| stream.wakes != Wakes::Never)
            .filter_map(|stream| stream.devices.as_ref())
            .map(|group| (group.first_device, group.devices))
            .collect();
        firsts.sort_unstable();
        firsts.dedup();
        let devices: f64 = firsts.iter().map(|(_, devices)| f64::from(*devices)).sum();
        if devices > 0.0 {
            let days = devices * length / 86_400.0;
            self.ratio(Estimand::WakeupsDeviceDay, split, |record| {
                let wakeups: u64 = picked
                    .iter()
                    .map(|index| record.streams[*index].wakeups)
                    .sum();
                (wakeups as f64, days)
            });
        }
    }

    /// The estimates on the first gate.
    fn gate(&mut self) {
        let world = &self.cell.world;
        let Some(plan) = world.server.gates.first() else {
            return;
        };
        let length = world.clock.measured_until.since(world.clock.measured_from);
        if let Some(permits) = plan.fixed_permits() {
            let capacity = f64::from(permits) * f64::from(plan.keys) * length.nanos() as f64;
            self.ratio(Estimand::UtilisationGate, None, |record| {
                (
                    record.series.inside[0].iter().sum::<u128>() as f64,
                    capacity,
                )
            });
        }
        if plan.queue > 0 {
            self.ratio(Estimand::WaitGateProbability, None, |record| {
                let gate = &record.gates[0];
                let unlucky = gate.entered_after_wait + gate.wait_ended + gate.full;
                (
                    unlucky as f64,
                    (gate.entered + gate.wait_ended + gate.full) as f64,
                )
            });
            self.ratio(Estimand::WaitGateMean, None, |record| {
                let gate = &record.gates[0];
                (gate.waited as f64 / 1e9, gate.entered as f64)
            });
        }
    }

    fn ratio(
        &mut self,
        estimand: Estimand,
        split: Option<Split>,
        count: impl Fn(&Record) -> (f64, f64),
    ) {
        let counts: Vec<(f64, f64)> = self.records.iter().map(count).collect();
        let Some(ratio) = RatioEstimate::new(&counts) else {
            return;
        };
        let is_share = estimand.quantity() == crate::scenario::Quantity::Probability;
        let ceiling = if is_share { 1.0 } else { f64::INFINITY };
        self.estimates.push(Estimate {
            estimand,
            split,
            policy: self.cell.policy.clone(),
            value: ratio.value,
            interval: ratio.interval(self.confidence).map(|interval| Interval {
                lo: interval.lo.max(0.0),
                hi: interval.hi.min(ceiling),
            }),
            // Of a share of time there are no trials to compare with.
            design_effect: if is_share && estimand != Estimand::UtilisationGate {
                ratio.design_effect()
            } else {
                None
            },
            replications: ratio.replications,
        });
    }

    fn latency(
        &mut self,
        estimand: Estimand,
        split: Option<Split>,
        streams: &[usize],
        quantile: f64,
    ) {
        let merged: Vec<Vec<u64>> = self
            .records
            .iter()
            .map(|record| {
                let mut cells: Vec<u64> = Vec::new();
                for index in streams {
                    record.streams[*index].latency.add_to(&mut cells);
                }
                cells
            })
            .collect();
        let slices: Vec<&[u64]> = merged.iter().map(Vec::as_slice).collect();
        let Some(found) = woodruff(&slices, quantile, self.confidence) else {
            return;
        };
        let seconds = |cell| Histogram::value(cell) as f64 / 1e9;
        self.estimates.push(Estimate {
            estimand,
            split,
            policy: self.cell.policy.clone(),
            value: seconds(found.cell),
            interval: found.interval.map(|(lo, hi)| Interval {
                lo: seconds(lo),
                hi: seconds(hi),
            }),
            design_effect: None,
            replications: self.records.len() as u32,
        });
    }
}

fn total<'a>(
    streams: impl IntoIterator<Item = &'a StreamRecord>,
    count: impl Fn(&StreamRecord) -> (u64, u64),
) -> (f64, f64) {
    let (x, n) = streams
        .into_iter()
        .map(count)
        .fold((0, 0), |(x, n), (more_x, more_n)| (x + more_x, n + more_n));
    (x as f64, n as f64)
}
