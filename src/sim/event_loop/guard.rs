//! What clients ask before an attempt: their guards.

use super::Loop;
use super::server::caller;
use crate::client::{Heard, Verdict};
use crate::engine::EventQueue;
use crate::rng::Purpose;
use crate::scenario::MOST_GUARDS;
use crate::sim::event::Kind;
use crate::sim::watch::{Watch, What};
use crate::world::Stream;

impl<'w, Q: EventQueue, W: Watch> Loop<'w, Q, W> {
    /// Asks the guards of a request's client, from number `from` on, about its next
    /// attempt; whether that is to be made now.
    #[inline(never)]
    pub(super) fn ask_guards(&mut self, place: u32, from: u32, stream: &'w Stream) -> bool {
        let request = self.requests.get(place);
        let (origin, attempt) = (request.origin, request.attempts + 1);
        for (number, (index, key)) in (0_u32..).zip(&stream.guards).skip(from as usize) {
            let key = self.server.key(key, &caller(&origin, stream));
            let draws = self.draws[usize::from(origin.stream)].of_requests(origin.entity);
            let draw = || {
                let which = attempt.wrapping_mul(MOST_GUARDS).wrapping_add(number);
                draws.uniform(Purpose::Guard, origin.number, which)
            };
            let guard = usize::from(*index);
            let (time, next) = match self.guards[guard].ask(key, self.now, draw) {
                Verdict::Passes => continue,
                Verdict::Probes => {
                    self.requests.get_mut(place).probes |= 1 << number;
                    continue;
                }
                Verdict::PassesAt(time) => (time, number + 1),
                Verdict::AsksAgainAt(time) => (time, number),
                Verdict::Drops => {
                    self.tell(&origin, attempt, What::Dropped { guard: *index });
                    self.drop_attempt(place, stream);
                    return false;
                }
            };
            let held = What::Held {
                guard: *index,
                until: time,
            };
            self.tell(&origin, attempt, held);
            self.queue.push(Kind::Retry.event(time, place, next));
            return false;
        }
        true
    }

    /// An attempt is not made, and its request given up.
    fn drop_attempt(&mut self, place: u32, stream: &'w Stream) {
        let request = self.requests.get_mut(place);
        let probes = std::mem::take(&mut request.probes);
        let origin = request.origin;
        for (number, (guard, key)) in stream.guards.iter().enumerate() {
            if probes >> number & 1 == 1 {
                let key = self.server.key(key, &caller(&origin, stream));
                self.guards[usize::from(*guard)].takes_back(key);
            }
        }
        self.metrics.dropped(origin.account);
        if stream.budget.is_some() {
            self.cancel_retry(place, stream);
        }
        self.give_up(place, stream);
    }

    /// The guards of a client hear how an attempt has ended.
    #[inline(never)]
    pub(super) fn tell_guards(&mut self, place: u32, stream: &'w Stream, heard: Heard) {
        let request = self.requests.get_mut(place);
        let probes = std::mem::take(&mut request.probes);
        let origin = request.origin;
        for (number, (guard, key)) in stream.guards.iter().enumerate() {
            let key = self.server.key(key, &caller(&origin, stream));
            let was_probe = probes >> number & 1 == 1;
            self.guards[usize::from(*guard)].hears(key, self.now, heard, was_probe);
        }
    }
}
