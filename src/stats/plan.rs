/// The least number of replications from `now` on at which something is
/// decided, by steps of doubling and bisection; `None` if not within reach of
/// a 32-bit number.
pub(super) fn least_replications(now: u32, decided: impl Fn(u32) -> bool) -> Option<u64> {
    let (mut bad, mut good) = (now, now.max(1));
    while !decided(good) {
        if good == u32::MAX {
            return None;
        }
        bad = good;
        good = good.saturating_mul(2);
    }
    while good - bad > 1 {
        let middle = bad + (good - bad) / 2;
        if decided(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Some(u64::from(good))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_that_decides() {
        for (now, from) in [(1, 1), (30, 30), (30, 31), (30, 2995), (7, u32::MAX)] {
            let found = least_replications(now, |replications| replications >= from);
            assert_eq!(found, Some(u64::from(from)));
        }
        assert_eq!(least_replications(5, |_| false), None);
        assert_eq!(least_replications(50, |_| true), Some(50));
    }
}
