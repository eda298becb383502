use serde::{Deserialize, Serialize};

use crate::rng::{Key, Purpose, Sampler, Streams};
use crate::units::{Probability, Span, Time};

/// What an outage does to the part of the server that has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Effect {
    /// It refuses every attempt at once.
    #[default]
    Down,
    /// It refuses that share of attempts at once.
    Failing(Probability),
    /// A limit or an admission control lets every attempt by, uncounted.
    Open,
    /// The backend takes so many times its time for work that it begins.
    Slow(f64),
    /// The backend begins no work before the outage is over.
    Stuck,
}

impl Effect {
    /// Whether attempts are refused.
    pub fn refuses(self) -> bool {
        matches!(self, Effect::Down | Effect::Failing(_))
    }
}

/// The outages of one kind, compiled; state-free.
#[derive(Debug, Clone)]
pub struct OutagePlan {
    /// What its draws are keyed by: its name.
    pub key: Key,
    /// When they begin.
    pub begins: Begins,
    /// How long each lasts; no time, if absent.
    pub lasts: Option<Sampler>,
    /// What each does.
    pub effect: Effect,
    /// The limit that has forgotten all calls at the end of each.
    pub forgets: Option<u8>,
}

/// When outages begin.
#[derive(Debug, Clone)]
pub enum Begins {
    /// At these moments, or at the end of the one before.
    At(Box<[Time]>),
    /// A random time after the end of the one before, or the start of the run.
    After(Sampler),
}

/// The outages of one kind during a replication: one goes on, or the next is yet
/// to come.
#[derive(Debug)]
pub(super) struct Outage<'w> {
    plan: &'w OutagePlan,
    streams: Streams,
    /// How many have begun.
    begun: u32,
    /// The end of the one that goes on.
    until: Option<Time>,
}

impl<'w> Outage<'w> {
    /// Before the first; `streams` are those of the replication.
    pub(super) fn new(plan: &'w OutagePlan, streams: &Streams) -> Outage<'w> {
        Outage {
            plan,
            streams: streams.keyed(plan.key),
            begun: 0,
            until: None,
        }
    }

    /// What it does now, and until when.
    #[inline]
    pub(super) fn effect(&self) -> Option<(Effect, Time)> {
        self.until.map(|until| (self.plan.effect, until))
    }

    /// When the next one begins, if nothing is before it but that moment.
    pub(super) fn next(&self, now: Time) -> Option<Time> {
        match &self.plan.begins {
            Begins::At(moments) => {
                let begins = *moments.get(self.begun as usize)?;
                Some(begins.max(now))
            }
            Begins::After(between) => {
                let between = self.draw(between, Purpose::OutageBegins);
                // Time goes on, whatever is drawn.
                Some(now + between.max(Span::from_nanos(1)))
            }
        }
    }

    /// Begins one or ends the one that goes on; returns when the next change is.
    pub(super) fn turn(&mut self, now: Time) -> Option<Time> {
        match self.until.take() {
            Some(_) => self.next(now),
            None => {
                let lasts = self.plan.lasts.as_ref();
                let lasts =
                    lasts.map_or(Span::ZERO, |lasts| self.draw(lasts, Purpose::OutageLasts));
                self.begun += 1;
                self.until = Some(now + lasts);
                self.until
            }
        }
    }

    fn draw(&self, sampler: &Sampler, purpose: Purpose) -> Span {
        sampler.sample(&self.streams, 0, purpose, u64::from(self.begun))
    }
}
