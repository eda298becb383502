use crate::scenario::RetryBudget;
use crate::units::{Span, Time};

/// A budget of retries, compiled; state-free.
#[derive(Debug, Clone)]
pub struct BudgetPlan {
    /// Its rule.
    pub rule: RetryBudget,
    /// The number of keys that have a budget each.
    pub keys: u32,
}

/// The budgets of retries of all keys of one policy.
#[derive(Debug)]
pub struct Budget {
    rule: Rule,
}

/// The rule with the state of each key.
#[derive(Debug)]
enum Rule {
    Tokens {
        most: u32,
        success: u32,
        tokens: Vec<u32>,
    },
    /// In thousandths of a token, as gRPC counts.
    Throttle {
        most: u64,
        success: u64,
        tokens: Vec<u64>,
    },
    /// In millionths of a retry.
    Share {
        deposit: i64,
        reserve: i64,
        slot: Span,
        windows: Vec<Window>,
    },
    InFlight {
        of: f64,
        at_least: u32,
        requests: Vec<InFlight>,
    },
}

/// The tenths of a window of time, by number from the epoch.
const SLOTS: usize = 10;
/// What a retry takes of a share.
const RETRY: i64 = 1_000_000;

/// What was paid in and taken out of late.
#[derive(Debug, Clone, Default)]
struct Window {
    slots: [i64; SLOTS],
    /// The number of the latest slot.
    latest: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct InFlight {
    requests: u32,
    retries: u32,
}

impl BudgetPlan {
    /// The budgets before anything has happened.
    pub fn build(&self) -> Budget {
        let keys = self.keys as usize;
        let rule = match self.rule {
            RetryBudget::Tokens { most, success, .. } => Rule::Tokens {
                most,
                success,
                tokens: vec![most; keys],
            },
            RetryBudget::Throttle {
                tokens, success, ..
            } => {
                let most = u64::from(tokens) * 1000;
                Rule::Throttle {
                    most,
                    success: (success * 1000.0).round() as u64,
                    tokens: vec![most; keys],
                }
            }
            RetryBudget::Share {
                of,
                within,
                at_least,
                ..
            } => {
                let reserve = at_least.map_or(0.0, |rate| rate.per_sec() * within.secs_f64());
                Rule::Share {
                    deposit: (of.value() * RETRY as f64).round() as i64,
                    reserve: (reserve * RETRY as f64).round() as i64,
                    slot: Span::from_nanos((within.nanos() / SLOTS as u64).max(1)),
                    windows: vec![Window::default(); keys],
                }
            }
            RetryBudget::InFlight { of, at_least, .. } => Rule::InFlight {
                of: of.value(),
                at_least,
                requests: vec![InFlight::default(); keys],
            },
        };
        Budget { rule }
    }

    /// The bytes of the state of a key.
    pub fn bytes_per_key(rule: &RetryBudget) -> usize {
        match rule {
            RetryBudget::Tokens { .. } => size_of::<u32>(),
            RetryBudget::Throttle { .. } => size_of::<u64>(),
            RetryBudget::Share { .. } => size_of::<Window>(),
            RetryBudget::InFlight { .. } => size_of::<InFlight>(),
        }
    }
}

impl Budget {
    /// A request begins.
    pub fn begins(&mut self, key: u32, now: Time) {
        let key = key as usize;
        match &mut self.rule {
            Rule::Tokens { .. } | Rule::Throttle { .. } => {}
            Rule::Share {
                deposit,
                slot,
                windows,
                ..
            } => windows[key].add(*deposit, *slot, now),
            Rule::InFlight { requests, .. } => requests[key].requests += 1,
        }
    }

    /// An attempt has failed, the first of its request or a retry; `is_covered`
    /// if its policy is for such failures, and `cost` what the retry costs that
    /// would follow. Returns whether that may be made; it is paid for then.
    pub fn fails(
        &mut self,
        key: u32,
        now: Time,
        is_retry: bool,
        is_covered: bool,
        cost: Option<u32>,
    ) -> bool {
        let key = key as usize;
        match &mut self.rule {
            Rule::Tokens { tokens, .. } => {
                let left = cost.and_then(|cost| tokens[key].checked_sub(cost));
                tokens[key] = left.unwrap_or(tokens[key]);
                left.is_some()
            }
            Rule::Throttle { most, tokens, .. } => {
                if is_covered {
                    tokens[key] = tokens[key].saturating_sub(1000);
                }
                cost.is_some() && tokens[key] > *most / 2
            }
            Rule::Share {
                reserve,
                slot,
                windows,
                ..
            } => {
                let window = &mut windows[key];
                window.add(0, *slot, now);
                let may = cost.is_some() && window.balance() + *reserve >= RETRY;
                if may {
                    window.add(-RETRY, *slot, now);
                }
                may
            }
            Rule::InFlight {
                of,
                at_least,
                requests,
            } => {
                let InFlight { requests, retries } = &mut requests[key];
                *retries -= u32::from(is_retry);
                let most = (f64::from(*requests) * *of) as u32;
                let may = cost.is_some() && *retries < most.max(*at_least);
                *retries += u32::from(may);
                may
            }
        }
    }

    /// A request has succeeded: at once, or by a retry that had a cost.
    pub fn succeeds(&mut self, key: u32, retry: Option<u32>) {
        let key = key as usize;
        match &mut self.rule {
            Rule::Tokens {
                most,
                success,
                tokens,
            } => {
                let more = retry.unwrap_or(*success);
                tokens[key] = tokens[key].saturating_add(more).min(*most);
            }
            Rule::Throttle {
                most,
                success,
                tokens,
            } => tokens[key] = (tokens[key] + *success).min(*most),
            Rule::Share { .. } => {}
            Rule::InFlight { requests, .. } => {
                requests[key].retries -= u32::from(retry.is_some());
            }
        }
    }

    /// A request has ended, one way or the other.
    pub fn ends(&mut self, key: u32) {
        if let Rule::InFlight { requests, .. } = &mut self.rule {
            requests[key as usize].requests -= 1;
        }
    }
}

impl Window {
    /// Adds to the slot of now; slots that are too old are forgotten.
    fn add(&mut self, amount: i64, slot: Span, now: Time) {
        let number = now.since(Time::EPOCH).nanos() / slot.nanos();
        let passed = (number - self.latest).min(SLOTS as u64);
        for old in 1..=passed {
            self.slots[((self.latest + old) % SLOTS as u64) as usize] = 0;
        }
        if passed == SLOTS as u64 {
            self.slots = [0; SLOTS];
        }
        self.latest = number;
        self.slots[(number % SLOTS as u64) as usize] += amount;
    }

    fn balance(&self) -> i64 {
        self.slots.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Streams};
    use crate::scenario::text::parse;

    fn budget(text: &str) -> Budget {
        let rule: RetryBudget = parse(text).unwrap();
        BudgetPlan { rule, keys: 2 }.build()
    }

    fn at(seconds: u64) -> Time {
        Time::from_secs(1_000_000 + seconds)
    }

    /// Retries of requests of up to so many attempts that all fail, one request
    /// after the other, each a second later.
    fn retries(budget: &mut Budget, requests: u64, attempts: u32, cost: u32) -> u32 {
        let mut retries = 0;
        for request in 0..requests {
            budget.begins(0, at(request));
            for attempt in 1..=attempts {
                let cost = (attempt < attempts).then_some(cost);
                if !budget.fails(0, at(request), attempt > 1, true, cost) {
                    break;
                }
                retries += 1;
            }
            budget.ends(0);
        }
        retries
    }

    /// Exact numbers of retries until nothing is left (reference: retries, budgets
    /// as a cure).
    #[test]
    fn budgets_run_out_as_they_do_in_their_libraries() {
        let grpc = |tokens: u32| budget(&format!("Throttle(tokens: {tokens}, success: 0.1)"));
        for (tokens, attempts, expected) in [
            (10, 5, 4),
            (10, 4, 3),
            (10, 2, 2),
            (100, 5, 40),
            (100, 4, 37),
            (100, 2, 25),
        ] {
            let made = retries(&mut grpc(tokens), 1000, attempts, 1);
            assert_eq!(made, expected, "{tokens} tokens, {attempts} attempts");
        }
        let aws = || budget("Tokens(most: 500)");
        assert_eq!(retries(&mut aws(), 1000, 3, 5), 100);
        // 35 of 14, and the ten that are left are too few.
        assert_eq!(retries(&mut aws(), 1000, 3, 14), 35);
    }

    /// The tokens of the AWS SDKs, 3 attempts, are used up where more than a share p
    /// of attempts fails: 1 - p = cost p^2 (1 + p).
    #[test]
    fn tokens_are_used_up_above_the_share_that_follows_from_their_rule() {
        let streams = Streams::new(11, 0);
        for (cost, threshold) in [(14, 0.214_856), (5, 0.320_724), (10, 0.245_996)] {
            let denied = |share: f64| {
                let mut budget = budget("Tokens(most: 500)");
                let (mut denied, mut draw) = (0, 0);
                for _ in 0..100_000 {
                    for attempt in 1..=3 {
                        draw += 1;
                        let retry = (attempt > 1).then_some(cost);
                        if streams.uniform(0, Purpose::Failure, draw) >= share {
                            budget.succeeds(0, retry);
                            break;
                        }
                        let wanted = (attempt < 3).then_some(cost);
                        let may = budget.fails(0, at(0), retry.is_some(), true, wanted);
                        denied += u32::from(wanted.is_some() && !may);
                        if !may {
                            break;
                        }
                    }
                }
                denied
            };
            // The drift of a request is 0.03 and more tokens, with a standard deviation
            // below 8: over 100,000 requests more than ten standard errors.
            let (below, above) = (denied(threshold - 0.015), denied(threshold + 0.015));
            assert!(
                below < 20 && above > 200,
                "cost {cost}: {below} and {above}"
            );
        }
    }

    #[test]
    fn successes_fill_the_tokens_up() {
        let mut aws = budget("Tokens(most: 20)");
        assert!(aws.fails(0, at(0), false, true, Some(14)));
        assert!(!aws.fails(0, at(0), true, true, Some(14)));
        // What the retry took comes back; another key is not touched.
        aws.succeeds(0, Some(14));
        aws.succeeds(0, None);
        assert!(aws.fails(0, at(0), false, true, Some(20)));
        assert!(!aws.fails(0, at(0), false, true, Some(1)));
        assert!(aws.fails(1, at(0), false, true, Some(20)));
        for _ in 0..5 {
            aws.succeeds(0, None);
        }
        assert!(aws.fails(0, at(0), false, true, Some(5)));

        // In the equilibrium a share ratio / (1 + ratio) of calls may fail.
        let mut grpc = budget("Throttle(tokens: 10, success: 0.1)");
        for _ in 0..5 {
            grpc.fails(0, at(0), false, true, None);
        }
        assert!(!grpc.fails(0, at(0), false, false, Some(1)));
        grpc.succeeds(0, None);
        assert!(grpc.fails(0, at(0), false, false, Some(1)));
        assert!(!grpc.fails(0, at(0), false, true, Some(1)));
    }

    #[test]
    fn a_share_of_late_requests_is_retried() {
        let mut share = budget(r#"Share(of: "20%", at_least: "1/s")"#);
        // The reserve of ten is there at first, and a fifth of the requests.
        for _ in 0..50 {
            share.begins(0, at(0));
        }
        let mut made = 0;
        while share.fails(0, at(1), false, true, Some(1)) {
            made += 1;
        }
        assert_eq!(made, 20);
        // What was paid in and taken out is forgotten ten seconds later.
        assert!(!share.fails(0, at(9), false, true, Some(1)));
        let later = |share: &mut Budget, second| {
            (0..100)
                .take_while(|_| share.fails(0, at(second), false, true, Some(1)))
                .count()
        };
        assert_eq!(later(&mut share, 11), 10);
        assert_eq!(later(&mut share, 500), 10);
    }

    #[test]
    fn a_share_of_requests_in_flight_is_retried() {
        let mut envoy = budget(r#"InFlight(of: "20%")"#);
        for _ in 0..30 {
            envoy.begins(0, at(0));
        }
        for retried in 0..30 {
            let may = envoy.fails(0, at(0), false, true, Some(1));
            assert_eq!(may, retried < 6, "{retried}");
        }
        // One that fails again may take its own place.
        assert!(envoy.fails(0, at(0), true, true, Some(1)));
        assert!(!envoy.fails(0, at(0), false, true, Some(1)));
        envoy.succeeds(0, Some(1));
        envoy.ends(0);
        // A fifth of 29.
        assert!(!envoy.fails(0, at(0), false, true, Some(1)));
        for _ in 0..25 {
            envoy.ends(0);
        }
        // Of four left, three may be retried; five are.
        for (second, may) in [false, false, true].into_iter().enumerate() {
            assert_eq!(envoy.fails(0, at(second as u64), true, true, Some(1)), may);
        }
    }
}
