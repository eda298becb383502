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

/// All outages of a server during a replication.
#[derive(Debug)]
pub(super) struct Outages<'w> {
    kinds: Vec<Outage<'w>>,
    /// How many go on that hinder the backend at its work.
    hindrances: u32,
}

/// What becomes of an attempt that meets what may have an outage.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meeting {
    /// It comes to what is next.
    Goes,
    /// It leaves out the stage that has the outage.
    PassesBy,
    /// It is refused; the outage may know its own end.
    Refused { exact: Option<Span> },
}

/// The outages of one kind during a replication: one goes on, or the next is yet
/// to come.
#[derive(Debug)]
struct Outage<'w> {
    plan: &'w OutagePlan,
    streams: Streams,
    /// How many have begun.
    begun: u32,
    /// The end of the one that goes on.
    until: Option<Time>,
}

impl<'w> Outages<'w> {
    /// Before the first; `streams` are those of the replication.
    pub(super) fn new(plans: &'w [OutagePlan], streams: &Streams) -> Outages<'w> {
        let outage = |plan: &'w OutagePlan| Outage {
            plan,
            streams: streams.keyed(plan.key),
            begun: 0,
            until: None,
        };
        Outages {
            kinds: plans.iter().map(outage).collect(),
            hindrances: 0,
        }
    }

    /// When the first of each kind begins, by its index.
    pub(super) fn first(&self, start: Time) -> impl Iterator<Item = (u8, Time)> {
        let kinds = (0..).zip(&self.kinds);
        kinds.filter_map(move |(number, outage)| Some((number, outage.next(start)?)))
    }

    /// Begins or ends one; returns when the next change of its kind is.
    pub(super) fn turn(&mut self, outage: u8, now: Time) -> Option<Time> {
        let state = &mut self.kinds[usize::from(outage)];
        let next = state.turn(now);
        if matches!(state.plan.effect, Effect::Slow(_) | Effect::Stuck) {
            self.hindrances = match state.until {
                Some(_) => self.hindrances + 1,
                None => self.hindrances - 1,
            };
        }
        next
    }

    /// Whether one of that kind goes on.
    pub(super) fn goes_on(&self, outage: u8) -> bool {
        self.kinds[usize::from(outage)].until.is_some()
    }

    /// Whether one of that kind goes on that opens its stage.
    pub(super) fn opens(&self, outage: u8) -> bool {
        self.goes_on(outage) && self.kinds[usize::from(outage)].plan.effect == Effect::Open
    }

    /// What becomes of an attempt before what may have an outage of that kind.
    #[inline(never)]
    pub(super) fn meet(&self, outage: u8, now: Time, chance: impl Fn() -> f64) -> Meeting {
        let Outage { plan, until, .. } = &self.kinds[usize::from(outage)];
        let Some(until) = until else {
            return Meeting::Goes;
        };
        match plan.effect {
            Effect::Down => Meeting::Refused {
                exact: Some(until.since(now)),
            },
            Effect::Failing(share) if chance() < share.value() => Meeting::Refused { exact: None },
            Effect::Open => Meeting::PassesBy,
            Effect::Failing(_) | Effect::Slow(_) | Effect::Stuck => Meeting::Goes,
        }
    }

    /// How long the backend takes, from now on, for work that takes `service`
    /// when all is well.
    #[inline]
    pub(super) fn service(&self, service: Span, now: Time) -> Span {
        match self.hindrances {
            0 => service,
            _ => self.hindered(service, now),
        }
    }

    #[inline(never)]
    fn hindered(&self, service: Span, now: Time) -> Span {
        let (mut slower, mut begins) = (1.0, now);
        for Outage { plan, until, .. } in &self.kinds {
            match (plan.effect, until) {
                (Effect::Slow(times), Some(_)) => slower *= times,
                (Effect::Stuck, Some(until)) => begins = begins.max(*until),
                _ => {}
            }
        }
        let service = Span::from_nanos((service.nanos() as f64 * slower) as u64);
        begins.since(now) + service
    }
}

impl Outage<'_> {
    /// When the next one begins, if nothing is before it but that moment.
    fn next(&self, now: Time) -> Option<Time> {
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
    fn turn(&mut self, now: Time) -> Option<Time> {
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
