//! The states of all keys of one limit, in flat arrays.
//!
//! A bank is made for a number of keys, all under one rule or each under one
//! of several (quota tiers), and is reset and used again for each replication.
//! The algorithm is matched once per decision; there is no dynamic dispatch,
//! no hashing, and no allocation outside the growth of sliding logs.

use super::keyed::{Cells, Keyed};
use super::rule::Rule;
use super::{
    BucketState, CalendarWindow, ConsecutiveErrors, CounterState, Decision, EnvoyBucket,
    EnvoyState, FixedWindow, Gcra, GcraState, LeakyBucket, LeakyState, LimitReq, LimitReqState,
    LockState, Log, LogPool, PacedState, PacedWindow, PenaltyBox, Ramp, RampState, RateRule,
    RateRuleState, RuleError, SegmentedState, SegmentedWindow, SlidingCounter, SlidingLog, Spacing,
    SpacingState, Standing, Streak, TickedBucket, TickedState, TokenBucket, WindowState,
};
use crate::memory::prefetch;
use crate::units::{Span, Time};

/// One limit for many keys.
///
/// Keys are numbers below [`keys`](Bank::keys); any other is a mistake of the
/// caller and panics.
///
/// ```
/// use ratelab::limiter::{Bank, Decision, Refused, Rule, TokenBucket};
/// use ratelab::units::{Span, Time};
/// let rule = TokenBucket::new("1/s".parse().unwrap(), 2, Refused::Free).unwrap();
/// let mut bank = Bank::uniform(Rule::TokenBucket(rule), 10);
/// let now = Time::from_secs(1_700_000_000);
/// assert_eq!(bank.decide(7, now, 2), Decision::Admit);
/// let retry_after = Some(Span::from_secs(1));
/// assert_eq!(bank.decide(7, now, 1), Decision::Refuse { retry_after });
/// assert_eq!(bank.inspect(8, now).remaining, Some(2));
/// ```
#[derive(Debug, Clone)]
pub struct Bank {
    store: Store,
}

/// A limit for many keys whose states are not there yet: a description, however
/// many keys there are, to be used by many replications.
#[derive(Debug, Clone)]
pub struct BankPlan {
    /// Without a single key.
    bank: Bank,
    keys: usize,
}

impl BankPlan {
    /// All keys with their full budget.
    pub fn build(&self) -> Bank {
        let mut bank = self.bank.clone();
        bank.grow(self.keys);
        bank
    }

    /// The number of keys.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// As [`Bank::learns`].
    pub fn learns(&self) -> bool {
        self.bank.learns()
    }

    /// The bytes that the states of all keys take, before any sliding log
    /// holds a moment.
    pub fn bytes(&self) -> usize {
        self.keys * self.bank.bytes_per_key()
    }
}

/// The storage of all algorithms; those in the list keep nothing but a state per
/// key.
macro_rules! stores {
    ($d:tt, $($plain:ident: $state:ty,)*) => {
        // A tag of its own is told apart with less work than a niche.
        #[derive(Debug, Clone)]
        #[repr(u8)]
        enum Store {
            $($plain(Keyed<$plain, $state>),)*
            SlidingLog(Keyed<SlidingLog, Log>, LogPool),
            SegmentedWindow(Keyed<SegmentedWindow, SegmentedState>, Cells),
            RateRule(Keyed<RateRule, RateRuleState>, Cells),
            ConsecutiveErrors(Keyed<ConsecutiveErrors, Streak>),
            PenaltyBox(PenaltyBox, Vec<LockState>, Box<Bank>),
            AllOf(Vec<Bank>),
        }

        /// Evaluates the first expression for an algorithm that keeps nothing but
        /// a state per key, and the arms that follow for the others.
        macro_rules! dispatch {
            ($d store:expr, $d keyed:ident => $d plain:expr, $d($d others:tt)*) => {
                match $d store {
                    $(Store::$plain($d keyed) => $d plain,)*
                    $d($d others)*
                }
            };
        }

        impl Store {
            fn new(rule: Rule, keys: usize) -> Store {
                match rule {
                    $(Rule::$plain(rule) => Store::$plain(Keyed::new(rule, keys)),)*
                    Rule::SlidingLog(rule) => {
                        Store::SlidingLog(Keyed::new(rule, keys), LogPool::new())
                    }
                    Rule::SegmentedWindow(rule) => {
                        let counts = Cells::new(rule.cells(), keys);
                        Store::SegmentedWindow(Keyed::new(rule, keys), counts)
                    }
                    Rule::RateRule(rule) => {
                        let counts = Cells::new(rule.cells(), keys);
                        Store::RateRule(Keyed::new(rule, keys), counts)
                    }
                    Rule::ConsecutiveErrors(rule) => {
                        Store::ConsecutiveErrors(Keyed::new(rule, keys))
                    }
                }
            }

            /// Adds a rule for some of the keys.
            fn add(&mut self, rule: Rule) -> Result<(), RuleError> {
                match (self, rule) {
                    $((Store::$plain(keyed), Rule::$plain(rule)) => keyed.rules.push(rule),)*
                    (Store::SlidingLog(keyed, _), Rule::SlidingLog(rule)) => keyed.rules.push(rule),
                    (Store::SegmentedWindow(keyed, counts), Rule::SegmentedWindow(rule))
                        if rule.cells() == counts.per_key =>
                    {
                        keyed.rules.push(rule);
                    }
                    _ => return Err(RuleError::MixedAlgorithms),
                }
                Ok(())
            }
        }
    };
}

stores! { $,
    FixedWindow: WindowState,
    CalendarWindow: WindowState,
    SlidingCounter: CounterState,
    TokenBucket: BucketState,
    Gcra: GcraState,
    TickedBucket: TickedState,
    EnvoyBucket: EnvoyState,
    LeakyBucket: LeakyState,
    PacedWindow: PacedState,
    LimitReq: LimitReqState,
    Ramp: RampState,
    Spacing: SpacingState,
}

/// A rule as it would judge if refused attempts were free, which those of most
/// algorithms are.
trait Forgiving: Clone {
    fn forgiving(&self) -> Self {
        self.clone()
    }
}

impl Forgiving for TickedBucket {}
impl Forgiving for EnvoyBucket {}
impl Forgiving for LeakyBucket {}
impl Forgiving for PacedWindow {}
impl Forgiving for LimitReq {}
impl Forgiving for Ramp {}
impl Forgiving for Spacing {}

/// Evaluates an expression with the states per key of any algorithm that is
/// not made of others, and the arms that follow for those that are.
macro_rules! any_keyed {
    ($store:expr, $keyed:ident => $value:expr, $($others:tt)*) => {
        dispatch!($store, $keyed => $value,
            Store::SlidingLog($keyed, _) => $value,
            Store::SegmentedWindow($keyed, _) => $value,
            Store::RateRule($keyed, _) => $value,
            Store::ConsecutiveErrors($keyed) => $value,
            $($others)*
        )
    };
}

impl Bank {
    /// All keys under one rule.
    pub fn uniform(rule: Rule, keys: usize) -> Bank {
        let store = Store::new(rule.compact(), keys);
        Bank { store }
    }

    /// Each key under one of several rules, given by its place in `rules`.
    ///
    /// # Errors
    /// If there is no rule, if they are not of one algorithm (a token bucket
    /// and a GCRA count as one where a token takes whole nanoseconds), or if
    /// a key names a rule that is not there.
    pub fn tiered(rules: &[Rule], rule_of_key: Vec<u16>) -> Result<Bank, RuleError> {
        let keys = rule_of_key.len();
        let mut bank = Bank::tiers(rules, rule_of_key)?;
        bank.grow(keys);
        Ok(bank)
    }

    /// The same, without the states of its keys.
    pub(crate) fn tiers(rules: &[Rule], rule_of_key: Vec<u16>) -> Result<Bank, RuleError> {
        let (first, others) = rules.split_first().ok_or(RuleError::NoRules)?;
        let unknown = |&rule: &u16| usize::from(rule) >= rules.len();
        if let Some(key) = rule_of_key.iter().position(unknown) {
            return Err(RuleError::UnknownRule {
                key,
                rule: rule_of_key[key],
                rules: rules.len(),
            });
        }
        let all_compact = rules
            .iter()
            .all(|rule| matches!(rule.clone().compact(), Rule::Gcra(_)));
        let stored = |rule: &Rule| match all_compact {
            true => rule.clone().compact(),
            false => rule.clone(),
        };
        let mut store = Store::new(stored(first), 0);
        for rule in others {
            store.add(stored(rule))?;
        }
        if !others.is_empty() {
            any_keyed!(&mut store, keyed => keyed.rule_of_key = rule_of_key.into(),
                Store::PenaltyBox(..) | Store::AllOf(_) => {});
        }
        Ok(Bank { store })
    }

    /// Several limits at once: an attempt is admitted if all of them admit it,
    /// and otherwise none of them counts it, unless it counts refusals. The
    /// wait told is until all of them would admit it. Where each does so only at
    /// times, as a window does whose longest wait is shorter than it, that is
    /// searched for, and not told if it takes more than 1000 turns.
    ///
    /// # Errors
    /// If there are none or more than 64, or if their numbers of keys differ.
    pub fn all_of(banks: Vec<Bank>) -> Result<Bank, RuleError> {
        match banks.first() {
            Some(first) if banks.iter().all(|bank| bank.keys() == first.keys()) => {}
            _ => return Err(RuleError::NoRules),
        }
        if banks.len() > MOST_AT_ONCE {
            return Err(RuleError::TooManyRules);
        }
        let store = Store::AllOf(banks);
        Ok(Bank { store })
    }

    /// A lock after each refusal by another limit.
    pub fn penalty_box(penalty: PenaltyBox, behind: Bank) -> Bank {
        let locks = vec![LockState::default(); behind.keys()];
        let store = Store::PenaltyBox(penalty, locks, Box::new(behind));
        Bank { store }
    }

    /// This limit, which has no key yet, for so many.
    pub(crate) fn planned_for(self, keys: usize) -> BankPlan {
        BankPlan { bank: self, keys }
    }

    /// Whether there may be as many keys.
    ///
    /// # Errors
    /// If they would take more than [`MOST_BYTES`](super::MOST_BYTES).
    pub fn check_room(&self, keys: usize) -> Result<(), RuleError> {
        let bytes_per_key = self.bytes_per_key();
        let bytes = (keys as u64).saturating_mul(bytes_per_key as u64);
        match bytes > super::error::MOST_BYTES {
            true => Err(RuleError::TooManyBytes {
                keys,
                bytes_per_key,
            }),
            false => Ok(()),
        }
    }

    /// The number of keys.
    pub fn keys(&self) -> usize {
        any_keyed!(&self.store, keyed => keyed.states.len(),
            Store::PenaltyBox(_, locks, _) => locks.len(),
            Store::AllOf(banks) => banks.first().map_or(0, Bank::keys))
    }

    /// Adds keys with their full budget, up to `keys` in all; with several
    /// rules, under the first of them.
    pub fn grow(&mut self, keys: usize) {
        any_keyed!(&mut self.store, keyed => keyed.grow(keys),
            Store::PenaltyBox(_, locks, behind) => {
                locks.resize(keys.max(locks.len()), LockState::default());
                behind.grow(keys);
            }
            Store::AllOf(banks) => banks.iter_mut().for_each(|bank| bank.grow(keys)));
        if let Store::SegmentedWindow(_, counts) | Store::RateRule(_, counts) = &mut self.store {
            counts.grow(keys);
        }
    }

    /// Judges an attempt of a key, and takes its cost if that counts.
    #[inline(always)]
    pub fn decide(&mut self, key: u32, now: Time, cost: u64) -> Decision {
        match &mut self.store {
            Store::Gcra(keyed) => {
                let (rule, state) = keyed.of_mut(key);
                rule.decide(state, now, cost)
            }
            Store::FixedWindow(keyed) => {
                let (rule, state) = keyed.of_mut(key);
                rule.decide(state, now, cost)
            }
            _ => self.decide_otherwise(key, now, cost).within_time(now),
        }
    }

    /// The same, out of the way of the two algorithms that are met most.
    #[inline(never)]
    fn decide_otherwise(&mut self, key: u32, now: Time, cost: u64) -> Decision {
        dispatch!(&mut self.store,
            keyed => {
                let (rule, state) = keyed.of_mut(key);
                rule.decide(state, now, cost)
            },
            Store::SlidingLog(keyed, pool) => {
                let (rule, log) = keyed.of_mut(key);
                rule.decide(log, pool, now, cost)
            }
            Store::SegmentedWindow(keyed, counts) => {
                let (rule, state) = keyed.of_mut(key);
                rule.decide(state, counts.of_mut(key), now, cost)
            }
            Store::RateRule(keyed, counts) => {
                let (rule, state) = keyed.of_mut(key);
                rule.decide(state, counts.of_mut(key), now, cost)
            }
            Store::ConsecutiveErrors(keyed) => {
                let (rule, streak) = keyed.of(key);
                rule.decide(streak, now, cost)
            }
            Store::PenaltyBox(penalty, locks, behind) => {
                let lock = &mut locks[key as usize];
                let judged = penalty.decide(lock, now, cost, || behind.decide(key, now, cost));
                judged.unwrap_or_else(|| Decision::Refuse {
                    retry_after: (behind.next_admission(key, lock.end(), cost))
                        .map(|moment| moment.since(now)),
                })
            }
            Store::AllOf(banks) => decide_all(banks, key, now, cost)
        )
    }

    /// The first moment, from `from` on, at which an attempt of a key would be
    /// admitted if the key had no other traffic until then; `None` if there is
    /// none. Several limits at once may be searched in vain: see
    /// [`all_of`](Bank::all_of).
    fn next_admission(&self, key: u32, from: Time, cost: u64) -> Option<Time> {
        let decision = dispatch!(&self.store,
            // Nobody comes at `from`, so no refusal counts then.
            keyed => keyed.peek(key, |rule, state| {
                rule.forgiving().decide(state, from, cost)
            }),
            Store::SlidingLog(keyed, pool) => {
                let (rule, log) = keyed.of(key);
                rule.peek(log, pool, from, cost)
            }
            Store::SegmentedWindow(keyed, counts) => {
                let mut counts = counts.of(key).to_vec();
                keyed.peek(key, |rule, state| {
                    rule.decide(state, &mut counts, from, cost)
                })
            }
            Store::RateRule(keyed, counts) => {
                let (rule, state) = keyed.of(key);
                rule.peek(state, counts.of(key), from)
            }
            Store::ConsecutiveErrors(keyed) => {
                let (rule, streak) = keyed.of(key);
                rule.decide(streak, from, cost)
            }
            Store::PenaltyBox(_, locks, behind) => {
                let from = from.max(locks[key as usize].end());
                return behind.next_admission(key, from, cost);
            }
            Store::AllOf(banks) => return next_admission_by_all(banks, key, from, cost)
        );
        match decision.within_time(from) {
            Decision::Admit | Decision::Delay(_) => Some(from),
            Decision::Refuse { retry_after } => retry_after.map(|wait| from + wait),
        }
    }

    /// Whether it must be told how attempts end; see [`observe`](Bank::observe).
    pub fn learns(&self) -> bool {
        match &self.store {
            Store::ConsecutiveErrors(_) => true,
            Store::PenaltyBox(_, _, behind) => behind.learns(),
            Store::AllOf(banks) => banks.iter().any(Bank::learns),
            _ => false,
        }
    }

    /// Notes how an admitted attempt of a key has ended.
    pub fn observe(&mut self, key: u32, now: Time, success: bool) {
        match &mut self.store {
            Store::ConsecutiveErrors(keyed) => {
                let (rule, streak) = keyed.of_mut(key);
                rule.observe(streak, now, success);
            }
            Store::PenaltyBox(_, _, behind) => behind.observe(key, now, success),
            Store::AllOf(banks) => {
                for bank in banks {
                    bank.observe(key, now, success);
                }
            }
            _ => {}
        }
    }

    /// Begins to load the state of a key that will be judged soon.
    #[inline]
    pub(crate) fn prefetch(&self, key: u32) {
        match &self.store {
            Store::Gcra(keyed) => prefetch(&keyed.states, key as usize),
            Store::FixedWindow(keyed) => prefetch(&keyed.states, key as usize),
            _ => self.prefetch_otherwise(key),
        }
    }

    #[inline(never)]
    fn prefetch_otherwise(&self, key: u32) {
        any_keyed!(&self.store, keyed => prefetch(&keyed.states, key as usize),
            Store::PenaltyBox(_, locks, behind) => {
                prefetch(locks, key as usize);
                behind.prefetch(key);
            }
            Store::AllOf(banks) => banks.iter().for_each(|bank| bank.prefetch(key)));
    }

    /// Gives back what an attempt of a key took: one that was admitted at
    /// `spent`, that went on at `passed` (the same, unless it was delayed), and
    /// that was then refused elsewhere, at once or after waiting.
    ///
    /// An attempt may be refunded once. Each algorithm states how near this
    /// comes to the attempt never having been made. Of several limits at once only
    /// the one that delays longest knows when the attempt went on.
    pub fn refund(&mut self, key: u32, spent: Time, passed: Time, cost: u64) {
        dispatch!(&mut self.store,
            keyed => {
                let (rule, state) = keyed.of_mut(key);
                rule.refund(state, spent, cost);
            },
            Store::SlidingLog(keyed, pool) => {
                let (rule, log) = keyed.of_mut(key);
                rule.refund(log, pool, spent, cost);
            }
            Store::SegmentedWindow(keyed, counts) => {
                let (rule, state) = keyed.of_mut(key);
                rule.refund(state, counts.of_mut(key), passed, cost);
            }
            Store::RateRule(keyed, counts) => {
                let (rule, state) = keyed.of_mut(key);
                rule.refund(state, counts.of_mut(key), spent, cost);
            }
            Store::ConsecutiveErrors(_) => {}
            Store::PenaltyBox(_, _, behind) => behind.refund(key, spent, passed, cost),
            Store::AllOf(banks) => {
                for bank in banks {
                    bank.refund(key, spent, passed, cost);
                }
            }
        )
    }

    /// Where a key stands, without touching it. Of several limits at once, what
    /// remains is the least of all, the reset the latest, and the quota that of
    /// the first that has one.
    pub fn inspect(&self, key: u32, now: Time) -> Standing {
        self.standing(key, now).within_time(now)
    }

    fn standing(&self, key: u32, now: Time) -> Standing {
        dispatch!(&self.store,
            keyed => {
                let (rule, state) = keyed.of(key);
                rule.inspect(state, now)
            },
            Store::SlidingLog(keyed, pool) => {
                let (rule, log) = keyed.of(key);
                rule.inspect(log, pool, now)
            }
            Store::SegmentedWindow(keyed, counts) => {
                let (rule, state) = keyed.of(key);
                rule.inspect(state, counts.of(key), now)
            }
            Store::RateRule(keyed, counts) => {
                let (rule, state) = keyed.of(key);
                rule.inspect(state, counts.of(key), now)
            }
            Store::ConsecutiveErrors(keyed) => {
                let (rule, streak) = keyed.of(key);
                rule.inspect(streak, now)
            }
            Store::PenaltyBox(_, locks, behind) => {
                let standing = behind.standing(key, now);
                match locks[key as usize].end().since(now) {
                    Span::ZERO => standing,
                    locked => Standing {
                        remaining: Some(0),
                        reset_after: standing.reset_after.map(|reset| reset.max(locked)),
                        ..standing
                    },
                }
            }
            Store::AllOf(banks) => {
                let untold = Standing {
                    quota: None,
                    remaining: None,
                    reset_after: Some(Span::ZERO),
                };
                let all = banks.iter().map(|bank| bank.standing(key, now));
                all.fold(untold, |one, other| Standing {
                    quota: one.quota.or(other.quota),
                    remaining: [one.remaining, other.remaining].into_iter().flatten().min(),
                    reset_after: one.reset_after.zip(other.reset_after).map(|(a, b)| a.max(b)),
                })
            }
        )
    }

    /// Gives every key its full budget again, without allocating.
    pub fn reset(&mut self) {
        any_keyed!(&mut self.store, keyed => keyed.reset(),
            Store::PenaltyBox(_, locks, behind) => {
                locks.fill(LockState::default());
                behind.reset();
            }
            Store::AllOf(banks) => banks.iter_mut().for_each(Bank::reset));
        match &mut self.store {
            Store::SlidingLog(_, pool) => pool.clear(),
            Store::SegmentedWindow(_, counts) | Store::RateRule(_, counts) => counts.clear(),
            _ => {}
        }
    }

    /// The bytes that each key takes: its state and, with several rules, the
    /// number of its rule. A sliding log takes 12 to 24 more per moment in it,
    /// rings being filled half or more; [`bytes`](Bank::bytes) counts those.
    pub fn bytes_per_key(&self) -> usize {
        let state = any_keyed!(&self.store, keyed => keyed.bytes_per_key(),
            Store::PenaltyBox(_, _, behind) => size_of::<LockState>() + behind.bytes_per_key(),
            Store::AllOf(banks) => banks.iter().map(Bank::bytes_per_key).sum());
        match &self.store {
            Store::SegmentedWindow(_, counts) | Store::RateRule(_, counts) => {
                state + counts.bytes_per_key()
            }
            _ => state,
        }
    }

    /// The bytes held for the states of all keys, sliding logs included.
    pub fn bytes(&self) -> usize {
        self.keys() * self.bytes_per_key() + self.pooled_bytes()
    }

    fn pooled_bytes(&self) -> usize {
        match &self.store {
            Store::SlidingLog(_, pool) => pool.bytes(),
            Store::PenaltyBox(_, _, behind) => behind.pooled_bytes(),
            Store::AllOf(banks) => banks.iter().map(Bank::pooled_bytes).sum(),
            _ => 0,
        }
    }
}

/// The most limits that may be asked at once.
const MOST_AT_ONCE: usize = 64;

/// How often each of several limits is asked when all would admit.
const MOST_TURNS: usize = 1000;

/// The first moment, from `from` on, at which all would admit an attempt.
fn next_admission_by_all(banks: &[Bank], key: u32, from: Time, cost: u64) -> Option<Time> {
    let mut moment = from;
    for _ in 0..MOST_TURNS {
        let asked = moment;
        for bank in banks {
            moment = bank.next_admission(key, moment, cost)?;
        }
        if moment == asked {
            return Some(moment);
        }
    }
    None
}

fn decide_all(banks: &mut [Bank], key: u32, now: Time, cost: u64) -> Decision {
    let mut delays = [Span::ZERO; MOST_AT_ONCE];
    let (mut admitted, mut wait) = (0_u64, Some(Span::ZERO));
    for (place, bank) in banks.iter_mut().enumerate() {
        match bank.decide(key, now, cost) {
            Decision::Admit => admitted |= 1 << place,
            Decision::Delay(span) => {
                admitted |= 1 << place;
                delays[place] = span;
            }
            Decision::Refuse { retry_after } => {
                wait = wait.zip(retry_after).map(|(one, other)| one.max(other));
            }
        }
    }
    if admitted.count_ones() as usize == banks.len() {
        return match delays.into_iter().max() {
            None | Some(Span::ZERO) => Decision::Admit,
            Some(delay) => Decision::Delay(delay),
        };
    }
    for (place, bank) in banks.iter_mut().enumerate() {
        if admitted >> place & 1 == 1 {
            bank.refund(key, now, now + delays[place], cost);
        }
    }
    // Not before the longest of the waits told, though then another may refuse.
    let moment = wait.and_then(|wait| next_admission_by_all(banks, key, now + wait, cost));
    Decision::Refuse {
        retry_after: moment.map(|moment| moment.since(now)),
    }
}

impl Rule {
    /// The rule with the smallest state that decides alike.
    fn compact(self) -> Rule {
        match self {
            Rule::TokenBucket(bucket) => bucket
                .as_gcra()
                .map_or(Rule::TokenBucket(bucket), Rule::Gcra),
            rule => rule,
        }
    }
}

#[cfg(test)]
mod tests;
