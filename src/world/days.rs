use crate::units::{Span, Time, Zone};

/// The days of a measured span, for what is counted per day: where each
/// begins, and where the last ends.
///
/// The first begins with the span, and each lasts until the local clock shows
/// the same time again, 23 to 25 hours later where clocks change. What is left
/// at the end is no day and is left out; but a span that is shorter than a day
/// counts as one.
pub(super) fn days(zone: &Zone, from: Time, until: Time) -> Vec<Time> {
    let tick = Span::from_nanos(1);
    let ends = zone.daily(zone.time_of_day(from), from + tick, until + tick);
    match ends.is_empty() {
        true => vec![from, until],
        false => [vec![from], ends].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_with_the_span_and_are_whole() {
        let hour = |hours: u64| Time::from_secs(hours * 3600);
        let utc = Zone::default();
        for (from, until, edges) in [
            (5, 11, &[5, 11][..]),
            (5, 28, &[5, 28]),
            (5, 29, &[5, 29]),
            // The last six hours are left out.
            (5, 35, &[5, 29]),
            (5, 77, &[5, 29, 53, 77]),
        ] {
            let expected: Vec<Time> = edges.iter().map(|edge| hour(*edge)).collect();
            assert_eq!(
                days(&utc, hour(from), hour(until)),
                expected,
                "{from} {until}"
            );
        }
        // In Paris, the 29th of March 2026 had 23 hours.
        let paris = Zone::try_from("Europe/Paris".to_owned()).unwrap();
        let noon = Time::from_secs(1_774_695_600);
        let day = Span::from_secs(86_400);
        let edges = days(&paris, noon, noon + day * 2);
        let lengths: Vec<u64> = (edges.windows(2))
            .map(|edges| edges[1].since(edges[0]).nanos() / 3_600_000_000_000)
            .collect();
        assert_eq!(lengths, [23, 24]);
    }
}
