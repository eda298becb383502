//! The memory of sliding logs: a ring of moments per key, in one shared pool.
//!
//! A key has no ring until it is used. Rings double in size as they fill, up to
//! the quota, and leave what they outgrow to the next key that needs that size.
//! So the pool holds what was needed at most, not the quota for every key, and
//! stops allocating once it has grown. A ring of a busy key is full, so that
//! the moment that leaves and the one that comes lie side by side in memory.

/// The log of one key: a ring of moments in the pool that it was used with,
/// and with which it must always be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Log {
    /// Where the ring begins in the pool.
    start: usize,
    /// The oldest moment's place in the ring.
    head: u32,
    /// How many moments it holds.
    len: u32,
    /// The units of all its moments.
    used: u32,
    /// How many moments the ring has room for.
    room: u32,
}

/// The memory that the logs of many keys share.
#[derive(Debug, Clone, Default)]
pub struct LogPool {
    moments: Vec<Moment>,
    /// The starts of unused rings, by the logarithm of their size: all that
    /// were outgrown have a power of two.
    free: Vec<Vec<usize>>,
}

/// Units logged at one time, in 12 bytes rather than a padded 16.
#[derive(Debug, Clone, Copy, Default)]
struct Moment {
    time_high: u32,
    time_low: u32,
    units: u32,
}

impl Moment {
    fn new(time: u64, units: u32) -> Moment {
        Moment {
            time_high: (time >> 32) as u32,
            time_low: time as u32,
            units,
        }
    }

    fn time(self) -> u64 {
        u64::from(self.time_high) << 32 | u64::from(self.time_low)
    }
}

impl Log {
    /// The units that it holds.
    #[inline]
    pub(super) fn units(&self) -> u32 {
        self.used
    }

    /// Where the moment of a place, counted from the oldest, lies in the pool.
    #[inline]
    fn index(&self, place: u32) -> usize {
        let (offset, room) = (self.head as usize + place as usize, self.room as usize);
        self.start + if offset < room { offset } else { offset - room }
    }

    fn drop_head(&mut self) {
        self.head = (self.index(1) - self.start) as u32;
        self.len -= 1;
    }
}

impl LogPool {
    /// A pool without any log.
    pub fn new() -> LogPool {
        LogPool::default()
    }

    /// Forgets all logs, which must be reset to the default too, and keeps the
    /// memory.
    pub fn clear(&mut self) {
        self.moments.clear();
        self.free.iter_mut().for_each(Vec::clear);
    }

    /// The bytes held for rings, used or not.
    pub fn bytes(&self) -> usize {
        let free: usize = self.free.iter().map(Vec::capacity).sum();
        self.moments.capacity() * size_of::<Moment>() + free * size_of::<usize>()
    }

    /// The time of the newest moment, or zero without any.
    #[inline]
    pub(super) fn newest(&self, log: &Log) -> u64 {
        match log.len.checked_sub(1) {
            Some(place) => self.moments[log.index(place)].time(),
            None => 0,
        }
    }

    /// The times of the moments and the units logged then, oldest first.
    pub(super) fn moments(&self, log: &Log) -> impl Iterator<Item = (u64, u32)> {
        (0..log.len).map(|place| {
            let moment = self.moments[log.index(place)];
            (moment.time(), moment.units)
        })
    }

    /// Drops the moments that no longer count at `now`, which must not be
    /// before the newest.
    #[inline]
    pub(super) fn expire(&mut self, log: &mut Log, now: u64, window: u64) {
        while log.len > 0 {
            let oldest = self.moments[log.index(0)];
            if now - oldest.time() <= window {
                break;
            }
            log.used -= oldest.units;
            log.drop_head();
        }
    }

    /// Drops that many of the oldest units.
    pub(super) fn drop_oldest(&mut self, log: &mut Log, mut units: u32) {
        while units > 0 && log.len > 0 {
            let oldest = &mut self.moments[log.index(0)];
            let dropped = units.min(oldest.units);
            oldest.units -= dropped;
            log.used -= dropped;
            units -= dropped;
            if oldest.units == 0 {
                log.drop_head();
            }
        }
    }

    /// Logs units at a time that is not before the newest, in a log that never
    /// holds more than `most` units.
    #[inline]
    pub(super) fn push(&mut self, log: &mut Log, time: u64, units: u32, most: u32) {
        log.used += units;
        if let Some(place) = log.len.checked_sub(1) {
            let newest = &mut self.moments[log.index(place)];
            if newest.time() == time {
                newest.units += units;
                return;
            }
        }
        if log.len == log.room {
            self.grow(log, most);
        }
        self.moments[log.index(log.len)] = Moment::new(time, units);
        log.len += 1;
    }

    /// Moves a log to a ring of the next size.
    fn grow(&mut self, log: &mut Log, most: u32) {
        let room = log.room.saturating_mul(2).max(4).min(most);
        let unused = match room.is_power_of_two() {
            true => self.free.get_mut(room.ilog2() as usize).and_then(Vec::pop),
            false => None,
        };
        let start = unused.unwrap_or(self.moments.len());
        if unused.is_none() {
            self.moments
                .resize(start + room as usize, Moment::default());
        }
        let larger = Log {
            start,
            head: 0,
            room,
            ..*log
        };
        for place in 0..log.len {
            self.moments[larger.index(place)] = self.moments[log.index(place)];
        }
        if let Some(size) = log.room.checked_ilog2() {
            let size = size as usize;
            if self.free.len() <= size {
                self.free.resize(size + 1, Vec::new());
            }
            self.free[size].push(log.start);
        }
        *log = larger;
    }

    /// The time at which the `n`th oldest unit was logged, or the newest if
    /// there are not so many.
    pub(super) fn moment_of_unit(&self, log: &Log, n: u32) -> u64 {
        let mut before = 0;
        self.moments(log)
            .find(|(_, units)| {
                before += units;
                before >= n
            })
            .map_or(self.newest(log), |(time, _)| time)
    }

    /// Removes units logged at exactly that time.
    pub(super) fn remove(&mut self, log: &mut Log, time: u64, units: u32) {
        let at_or_after = |place: &u32| self.moments[log.index(*place)].time() >= time;
        let Some(place) = (0..log.len).rev().take_while(at_or_after).last() else {
            return;
        };
        let moment = &mut self.moments[log.index(place)];
        if moment.time() != time {
            return;
        }
        let removed = units.min(moment.units);
        moment.units -= removed;
        log.used -= removed;
        if moment.units == 0 {
            for later in place + 1..log.len {
                self.moments[log.index(later - 1)] = self.moments[log.index(later)];
            }
            log.len -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_shared_and_reused() {
        let (mut logs, mut pool) = ([Log::default(); 3], LogPool::new());
        let mut bytes = 0;
        for round in 0..20 {
            for log in &mut logs {
                for i in 0..100 {
                    let now = 1000 * round + i;
                    pool.expire(log, now, 500);
                    pool.push(log, now, 1, 100);
                }
                assert_eq!(log.units(), 100);
            }
            if round == 0 {
                bytes = pool.bytes();
            }
        }
        assert_eq!(pool.bytes(), bytes, "the steady state allocates nothing");
        // Three rings of 100 and the smaller ones, which the first log outgrew
        // and the others used again.
        assert_eq!(pool.moments.len(), 3 * 100 + 64 + 32 + 16 + 8 + 4);

        pool.clear();
        logs = Default::default();
        pool.push(&mut logs[1], 7, 3, 3);
        assert_eq!(pool.moments(&logs[1]).collect::<Vec<_>>(), [(7, 3)]);
    }

    #[test]
    fn a_ring_keeps_its_order_while_it_wraps_and_grows() {
        let (mut log, mut pool) = (Log::default(), LogPool::new());
        for time in 0..1000 {
            pool.push(&mut log, time, 1, 1000);
            if time % 3 == 0 {
                pool.drop_oldest(&mut log, 1);
            }
            if time % 10 == 0 {
                pool.remove(&mut log, time - time % 5, 1);
            }
        }
        let times: Vec<_> = pool.moments(&log).map(|(time, _)| time).collect();
        assert!(times.is_sorted());
        assert_eq!(times.len(), log.units() as usize);
        assert_eq!(pool.newest(&log), 999);
        assert_eq!(pool.moment_of_unit(&log, 5), times[4]);
    }
}
