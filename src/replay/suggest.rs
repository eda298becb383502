//! Limits that a log would hardly have felt.
//!
//! For each algorithm and window the smallest quota at which no more than a
//! share of the requests, or of the clients, would have been refused. A client
//! is a key; it counts as refused if any of its requests is. As a quota of `q`
//! per window, a token bucket has `q` tokens and gets `q` back per window; a
//! GCRA of that rate and burst decides the same.
//!
//! The quota from which a key is never refused is found by bisection with the
//! limiter itself, between the cost of its dearest request and the most that it
//! spends in any closed span as long as the window: with that quota none of
//! the three refuses. It is monotone, since who is admitted throughout is so
//! with any greater quota. With requests of cost 1 so is the number of refused
//! requests: each of the three admits from any prefix of a key's requests as
//! many as any choice within the limit could, and a greater quota allows more
//! choices. With other costs a smaller quota may happen to refuse fewer; the
//! counts that are told are right all the same.

#[cfg(feature = "parallel")]
use rayon::prelude::*;

use crate::limiter::{
    Anchor, Bank, Decision, FixedWindow, Refused, Rule, RuleError, SlidingLog, TokenBucket,
};
use crate::units::{Rate, Span, Time};

/// The algorithms for which limits are proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Windows aligned to the clock.
    FixedWindow,
    /// Any span of the window's length.
    SlidingLog,
    /// A bucket that fills once per window.
    TokenBucket,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 3] = [
        Algorithm::FixedWindow,
        Algorithm::SlidingLog,
        Algorithm::TokenBucket,
    ];

    /// Its name in a limiter's text.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::FixedWindow => "FixedWindow",
            Algorithm::SlidingLog => "SlidingLog",
            Algorithm::TokenBucket => "TokenBucket",
        }
    }

    /// The limiter as a scenario or `--limiter` takes it.
    pub fn text(self, quota: u64, window: Span) -> String {
        let window = window.to_string();
        match self {
            Algorithm::FixedWindow | Algorithm::SlidingLog => {
                format!(
                    "{}(quota: Fixed({quota}), window: \"{window}\")",
                    self.name()
                )
            }
            Algorithm::TokenBucket => {
                // 5/s and 5/min read better than 5/1s.
                let per = window
                    .strip_prefix('1')
                    .filter(|rest| rest.starts_with(|first: char| first.is_ascii_alphabetic()));
                let per = per.unwrap_or(&window);
                format!("TokenBucket(rate: \"{quota}/{per}\", burst: {quota})")
            }
        }
    }

    fn bank(self, quota: u64, window: Span) -> Result<Bank, RuleError> {
        let refused = Refused::default();
        let rule = match self {
            Algorithm::FixedWindow => {
                Rule::FixedWindow(FixedWindow::new(quota, window, Anchor::default(), refused)?)
            }
            Algorithm::SlidingLog => Rule::SlidingLog(SlidingLog::new(quota, window, refused)?),
            Algorithm::TokenBucket => {
                let rate = Rate::new(quota, window).ok_or(RuleError::ZeroQuota)?;
                Rule::TokenBucket(TokenBucket::new(rate, quota, refused)?)
            }
        };
        Ok(Bank::uniform(rule, 1))
    }
}

/// The windows for which limits are proposed.
pub const WINDOWS: [Span; 4] = [
    Span::from_secs(1),
    Span::from_secs(10),
    Span::from_secs(60),
    Span::from_secs(3600),
];

/// What a proposed limit may refuse at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Nothing.
    Nothing,
    /// One in so many requests.
    OneRequestIn(u64),
    /// One in so many clients.
    OneClientIn(u64),
}

impl Goal {
    /// All of them, the strictest first.
    pub const ALL: [Goal; 5] = [
        Goal::Nothing,
        Goal::OneRequestIn(1000),
        Goal::OneRequestIn(100),
        Goal::OneClientIn(1000),
        Goal::OneClientIn(100),
    ];
}

/// A proposed limit per client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// By which algorithm.
    pub algorithm: Algorithm,
    /// Its window.
    pub window: Span,
    /// What it was looked for.
    pub goal: Goal,
    /// The smallest quota that keeps to the goal.
    pub quota: u64,
    /// Requests that it would have refused.
    pub refused: u64,
    /// Clients of which it would have refused a request.
    pub refused_clients: u64,
}

/// The most requests that are looked at: 2 GB.
const MOST: usize = 100_000_000;

/// The requests of a log, by key.
#[derive(Debug, Default)]
pub struct Requests {
    keys: Vec<u32>,
    times: Vec<Time>,
    /// Empty while all are 1.
    costs: Vec<u64>,
    /// Those that only read, and are never refused.
    readings: u64,
}

/// The requests in the order of keys, and of each key in order of time.
struct Grouped {
    /// Where each key begins, and the end of all.
    starts: Vec<usize>,
    times: Vec<Time>,
    costs: Vec<u64>,
}

impl Requests {
    /// No requests yet.
    pub fn new() -> Requests {
        Requests::default()
    }

    /// Adds a request, in order of time; `false` if there are too many.
    #[must_use]
    pub fn add(&mut self, key: u32, time: Time, cost: u64) -> bool {
        if cost == 0 {
            self.readings += 1;
            return true;
        }
        if cost != 1 && self.costs.is_empty() {
            self.costs.resize(self.keys.len(), 1);
        }
        if cost != 1 || !self.costs.is_empty() {
            self.costs.push(cost);
        }
        self.keys.push(key);
        self.times.push(time);
        self.keys.len() <= MOST
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.keys.len() as u64 + self.readings
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// From the first to the last request that costs something.
    pub fn length(&self) -> Span {
        match (self.times.first(), self.times.last()) {
            (Some(first), Some(last)) => last.since(*first),
            _ => Span::ZERO,
        }
    }

    /// Proposes limits per client, for each algorithm, window and goal in this
    /// order. A quota that an algorithm cannot compute exactly is left out.
    pub fn suggest(self, clients: usize) -> Vec<Suggestion> {
        let requests = self.len();
        let grouped = self.grouped();
        let mut pairs = Vec::new();
        for algorithm in Algorithm::ALL {
            pairs.extend(WINDOWS.map(|window| (algorithm, window)));
        }
        #[cfg(feature = "parallel")]
        let pairs = pairs.into_par_iter();
        #[cfg(not(feature = "parallel"))]
        let pairs = pairs.into_iter();
        let found: Vec<Vec<Suggestion>> = pairs
            .map(|(algorithm, window)| {
                let search = Search {
                    grouped: &grouped,
                    algorithm,
                    window,
                };
                search.suggest(requests, clients as u64).unwrap_or_default()
            })
            .collect();
        found.into_iter().flatten().collect()
    }

    /// Sorts by key, and keeps the order of time.
    fn grouped(self) -> Grouped {
        let keys = self.keys.iter().max().map_or(0, |last| *last as usize + 1);
        let mut starts = vec![0; keys + 1];
        for key in &self.keys {
            starts[*key as usize + 1] += 1;
        }
        for key in 0..keys {
            starts[key + 1] += starts[key];
        }
        let mut next = starts.clone();
        let mut times = vec![Time::EPOCH; self.times.len()];
        let mut costs = vec![0; self.costs.len()];
        for (number, key) in self.keys.iter().enumerate() {
            let place = next[*key as usize];
            next[*key as usize] += 1;
            times[place] = self.times[number];
            if let Some(cost) = self.costs.get(number) {
                costs[place] = *cost;
            }
        }
        Grouped {
            starts,
            times,
            costs,
        }
    }
}

impl Grouped {
    fn keys(&self) -> usize {
        self.starts.len() - 1
    }

    /// The time and the cost of each request of a key.
    fn of(&self, key: usize) -> impl Iterator<Item = (Time, u64)> + Clone {
        let range = self.starts[key]..self.starts[key + 1];
        let costs = self.costs.get(range.clone()).unwrap_or_default();
        let costs = costs.iter().copied().chain(std::iter::repeat(1));
        self.times[range].iter().copied().zip(costs)
    }
}

/// The search for quotas of one algorithm and window.
struct Search<'g> {
    grouped: &'g Grouped,
    algorithm: Algorithm,
    window: Span,
}

impl Search<'_> {
    fn suggest(&self, requests: u64, clients: u64) -> Result<Vec<Suggestion>, RuleError> {
        let mut needs = Vec::with_capacity(self.grouped.keys());
        for key in 0..self.grouped.keys() {
            needs.push((self.need(key)?, key));
        }
        // Those that need most come first; keys that only read need nothing.
        needs.retain(|(need, _)| *need > 0);
        needs.sort_unstable_by_key(|&(need, key)| (std::cmp::Reverse(need), key));
        let Some((most, _)) = needs.first().copied() else {
            return Ok(Vec::new());
        };
        // The smallest quota that no more than so many clients exceed.
        let for_clients = |count: u64| {
            let place = usize::try_from(count).unwrap_or(usize::MAX);
            needs.get(place).map_or(1, |(need, _)| *need)
        };
        let mut suggestions = Vec::new();
        for goal in Goal::ALL {
            let quota = match goal {
                Goal::Nothing => most,
                Goal::OneClientIn(share) => for_clients(clients / share),
                Goal::OneRequestIn(share) => {
                    let allowed = requests / share;
                    // Who exceeds the quota is refused once at least.
                    let (mut low, mut high) = (for_clients(allowed), most);
                    while low < high {
                        let middle = low + (high - low) / 2;
                        match self.refused(&needs, middle, allowed)? <= allowed {
                            true => high = middle,
                            false => low = middle + 1,
                        }
                    }
                    high
                }
            };
            suggestions.push(Suggestion {
                algorithm: self.algorithm,
                window: self.window,
                goal,
                quota,
                refused: self.refused(&needs, quota, u64::MAX)?,
                refused_clients: needs.partition_point(|(need, _)| *need > quota) as u64,
            });
        }
        Ok(suggestions)
    }

    /// How many requests a quota refuses; more than `enough` are not counted
    /// on.
    fn refused(&self, needs: &[(u64, usize)], quota: u64, enough: u64) -> Result<u64, RuleError> {
        let exceeding = needs.partition_point(|(need, _)| *need > quota);
        let mut refused = 0;
        for (_, key) in &needs[..exceeding] {
            refused += self.refused_of(*key, quota, enough - refused)?;
            if refused > enough {
                break;
            }
        }
        Ok(refused)
    }

    fn refused_of(&self, key: usize, quota: u64, enough: u64) -> Result<u64, RuleError> {
        let mut bank = self.algorithm.bank(quota, self.window)?;
        let mut refused = 0;
        for (time, cost) in self.grouped.of(key) {
            if matches!(bank.decide(0, time, cost), Decision::Refuse { .. }) {
                refused += 1;
                if refused > enough {
                    break;
                }
            }
        }
        Ok(refused)
    }

    /// The smallest quota with which a key is never refused.
    fn need(&self, key: usize) -> Result<u64, RuleError> {
        let requests = self.grouped.of(key);
        let dearest = requests.clone().map(|(_, cost)| cost).max().unwrap_or(0);
        // The most in any closed span of the window's length.
        let (mut first, mut sum, mut most) = (requests.clone(), 0_u64, 0);
        let mut oldest = first.next();
        for (time, cost) in requests {
            while let Some((start, spent)) = oldest
                && time.since(start) > self.window
            {
                sum -= spent;
                oldest = first.next();
            }
            sum = sum.checked_add(cost).ok_or(RuleError::TooLarge {
                what: "cost",
                value: cost,
                most: u64::MAX - sum,
            })?;
            most = most.max(sum);
        }
        let (mut low, mut high) = (dearest, most);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.refused_of(key, middle, 0)? {
                0 => high = middle,
                _ => low = middle + 1,
            }
        }
        Ok(high)
    }
}
