//! What requests share that are retried: the budgets of their clients.

use super::Loop;
use super::server::caller;
use crate::client::{Budget, Rule, Wait};
use crate::engine::EventQueue;
use crate::sim::request::Origin;
use crate::sim::watch::{Watch, What};
use crate::units::Time;
use crate::world::Stream;

impl<'w, Q: EventQueue, W: Watch> Loop<'w, Q, W> {
    /// The budget of retries that a request shares, and its key.
    fn budget(&mut self, origin: &Origin, stream: &Stream) -> Option<(&mut Budget, u32)> {
        let (budget, key) = stream.budget?;
        let key = self.server.key(&key, &caller(origin, stream));
        Some((&mut self.budgets[usize::from(budget)], key))
    }

    /// A request begins that shares a budget of retries.
    #[inline(never)]
    pub(super) fn open_budget(&mut self, origin: &Origin, stream: &Stream) {
        let now = self.now;
        if let Some((budget, key)) = self.budget(origin, stream) {
            budget.begins(key, now);
        }
    }

    /// The next attempt after one that has failed, if its budget allows for it.
    #[inline(never)]
    pub(super) fn within_budget(
        &mut self,
        place: u32,
        stream: &'w Stream,
        rule: Option<&Rule>,
        next: Option<(Wait, Time)>,
    ) -> Option<(Wait, Time)> {
        let request = self.requests.get_mut(place);
        let is_retry = request.attempts > 1;
        let cost = rule.map_or(0, Rule::cost);
        request.retry_cost = cost;
        let (origin, attempts, now) = (request.origin, request.attempts, self.now);
        let (budget, key) = self.budget(&origin, stream)?;
        let wanted = next.map(|_| cost);
        let may = budget.fails(key, now, is_retry, rule.is_some(), wanted);
        if next.is_some() && !may {
            self.tell(&origin, attempts, What::Denied);
        }
        next.filter(|_| may)
    }

    /// The retry that a budget has allowed for is not made after all.
    pub(super) fn cancel_retry(&mut self, place: u32, stream: &Stream) {
        let request = self.requests.get(place);
        let (origin, is_retry, now) = (request.origin, request.attempts > 0, self.now);
        if let Some((budget, key)) = self.budget(&origin, stream) {
            budget.fails(key, now, is_retry, false, None);
        }
    }

    /// A request has ended that shares a budget of retries.
    #[inline(never)]
    pub(super) fn settle_budget(&mut self, place: u32, stream: &'w Stream, has_failed: bool) {
        let request = *self.requests.get(place);
        if let Some((budget, key)) = self.budget(&request.origin, stream) {
            if !has_failed {
                budget.succeeds(key, (request.attempts > 1).then_some(request.retry_cost));
            }
            budget.ends(key);
        }
    }
}
