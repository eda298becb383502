use std::sync::Arc;

use super::{Draws, part};
use crate::rng::{Distribution, DistributionError, Purpose, Residual, Sampler, steady_first};
use crate::scenario::{Every, Phase, Piece};
use crate::units::{Probability, Rate, Span, Time};

/// When the requests of a stream come.
#[derive(Debug, Clone)]
pub enum Source {
    /// At regular intervals.
    Poll(PollTimes),
    /// At given times, each with a spread and a chance.
    Schedule(Schedule),
    /// With a gap between them that is drawn anew each time: a Poisson
    /// process, if it is exponential.
    Renewal(Gap),
    /// A Poisson process whose rate changes at given times.
    Varying(VaryingRate),
    /// A think time after the end of the one before.
    Loop(Gap),
}

/// A random time between two requests.
#[derive(Debug, Clone)]
pub struct Gap {
    sampler: Sampler,
    /// What is left of it at the start of a run.
    first: Residual,
    mean_secs: f64,
}

impl Gap {
    /// A time of a distribution.
    ///
    /// # Errors
    /// If the distribution is not sound.
    pub fn new(distribution: &Distribution) -> Result<Gap, DistributionError> {
        Ok(Gap {
            sampler: Sampler::new(distribution)?,
            first: Residual::new(distribution)?,
            mean_secs: distribution.mean_secs(),
        })
    }

    /// The time between two events of a Poisson process of that rate.
    pub fn exponential(rate: Rate) -> Gap {
        let mean_secs = rate.mean_interval_secs();
        Gap {
            sampler: Sampler::exponential(mean_secs),
            first: Residual::exponential(mean_secs),
            mean_secs,
        }
    }

    fn first(&self, draws: Draws<'_>) -> Span {
        self.first
            .sample(draws.streams, draws.entity, Purpose::Phase)
    }
}

impl Source {
    /// The number and time of the first request at or after `start`; `None`
    /// if there is none. Senders start as if they had been running for ever,
    /// unless the phase of a poll says otherwise.
    pub fn first(&self, draws: Draws<'_>, start: Time) -> Option<(u32, Time)> {
        match self {
            Source::Poll(poll) => Some((0, poll.first(draws, start))),
            Source::Schedule(schedule) => schedule.from(draws, 0),
            Source::Renewal(gap) | Source::Loop(gap) => Some((0, start + gap.first(draws))),
            Source::Varying(rate) => Some((0, rate.after(start, rate.gap.first(draws))?)),
        }
    }

    /// The number and time of the request after request `number`, which came
    /// at `now`; `None` if there is none, or if it comes only after that
    /// request has ended.
    #[inline]
    pub fn next(&self, draws: Draws<'_>, now: Time, number: u32) -> Option<(u32, Time)> {
        match self {
            Source::Poll(poll) => Some((number + 1, now + poll.interval(draws, number))),
            Source::Schedule(schedule) => schedule.from(draws, number + 1),
            Source::Renewal(gap) => Some((
                number + 1,
                now + draws.sample(&gap.sampler, Purpose::Arrival, number + 1, 0),
            )),
            Source::Varying(rate) => rate.next(draws, now, number),
            Source::Loop(_) => None,
        }
    }

    /// The number and time of the request after request `number`, which ended
    /// at `now`, in a closed loop; `None` for an open source.
    #[inline]
    pub fn next_after_end(&self, draws: Draws<'_>, now: Time, number: u32) -> Option<(u32, Time)> {
        match self {
            Source::Loop(think) => Some((
                number + 1,
                now + draws.sample(&think.sampler, Purpose::Think, number + 1, 0),
            )),
            Source::Poll(_) | Source::Schedule(_) | Source::Renewal(_) | Source::Varying(_) => None,
        }
    }

    /// The mean time between two requests of one sender, in seconds, where it
    /// does not depend on the server.
    pub fn mean_interval_secs(&self) -> Option<f64> {
        match self {
            Source::Poll(poll) => Some(poll.mean.secs_f64()),
            Source::Renewal(gap) | Source::Loop(gap) => Some(gap.mean_secs),
            Source::Varying(rate) => Some(rate.gap.mean_secs / rate.mean_factor),
            Source::Schedule(_) => None,
        }
    }
}

/// A rate that changes at given times.
#[derive(Debug, Clone)]
pub struct VaryingRate {
    /// The time between two requests while the factor is 1.
    gap: Gap,
    /// The factors of the rate, in order; the first holds from the start of a run
    /// on, the last for ever.
    pieces: Arc<[Piece]>,
    mean_factor: f64,
}

impl VaryingRate {
    /// A rate with its factors, and their mean over a run.
    pub fn new(rate: Rate, pieces: Vec<Piece>, mean_factor: f64) -> VaryingRate {
        VaryingRate {
            gap: Gap::exponential(rate),
            pieces: pieces.into(),
            mean_factor,
        }
    }

    /// Out of the way of sources whose rate does not change.
    #[inline(never)]
    fn next(&self, draws: Draws<'_>, now: Time, number: u32) -> Option<(u32, Time)> {
        let gap = draws.sample(&self.gap.sampler, Purpose::Arrival, number + 1, 0);
        Some((number + 1, self.after(now, gap)?))
    }

    /// The end of a time that passes as much faster as the rate is higher: the next
    /// event of the process, if the time to it is exponential at a factor of 1
    /// (time-change of a Poisson process; Cinlar 1975, section 4.7). `None` if the
    /// rate is zero for ever before.
    fn after(&self, now: Time, gap: Span) -> Option<Time> {
        let (mut now, mut left) = (now, gap.nanos() as f64);
        let next = self.pieces.partition_point(|piece| piece.from <= now);
        for at in next.max(1)..=self.pieces.len() {
            let factor = self.pieces[at - 1].factor;
            let Some(end) = self.pieces.get(at).map(|piece| piece.from) else {
                return (factor > 0.0).then(|| now + Span::from_nanos((left / factor) as u64));
            };
            let passes = end.since(now).nanos() as f64 * factor;
            if left < passes {
                return Some(now + Span::from_nanos((left / factor) as u64));
            }
            left -= passes;
            now = end;
        }
        None
    }
}

/// The times of a poll.
#[derive(Debug, Clone, Copy)]
pub struct PollTimes {
    shortest: Span,
    longest: Span,
    tick: Option<Span>,
    phase: Phase,
    /// The mean interval, on ticks if there are any.
    mean: Span,
}

impl PollTimes {
    /// The times of a poll as a scenario writes it.
    pub fn new(poll: Every) -> PollTimes {
        let shortest = poll.interval.saturating_sub(poll.jitter);
        let longest = poll.interval + poll.jitter;
        PollTimes {
            shortest,
            longest,
            tick: poll.tick,
            phase: poll.phase,
            mean: match poll.tick {
                None => Span::from_nanos(shortest.nanos().midpoint(longest.nanos())),
                Some(tick) => mean_on_ticks(shortest, longest, tick),
            },
        }
    }

    fn first(&self, draws: Draws<'_>, start: Time) -> Time {
        let draw = |number| draws.uniform(Purpose::Phase, number, 0);
        match self.phase {
            Phase::At(offset) => start + offset,
            Phase::Uniform => start + part(self.mean, draw(0)),
            Phase::Steady => start + self.residual_life(draw),
        }
    }

    /// The time to the next poll of a sender that has polled for ever: a
    /// uniform part of an interval drawn in proportion to its length.
    fn residual_life(&self, draw: impl Fn(u32) -> f64) -> Span {
        match self.tick {
            None => steady_first(self.shortest, self.longest, draw(0), draw(1)),
            Some(_) => {
                let longest = self.rounded(self.longest);
                // Rejection: an interval is kept with a chance in proportion
                // to its length, at least one in two for most polls.
                for round in 0..64 {
                    let interval = self.between(draw(3 * round + 1));
                    if draw(3 * round + 2) * (longest.nanos() as f64) < interval.nanos() as f64 {
                        return part(interval, draw(3 * round));
                    }
                }
                part(longest, draw(0))
            }
        }
    }

    #[inline]
    fn interval(&self, draws: Draws<'_>, number: u32) -> Span {
        if self.shortest == self.longest {
            return self.rounded(self.shortest);
        }
        self.between(draws.uniform(Purpose::Interval, number, 0))
    }

    #[inline]
    fn between(&self, fraction: f64) -> Span {
        let width = self.longest.saturating_sub(self.shortest);
        self.rounded(self.shortest + part(width, fraction))
    }

    /// The first tick strictly after an interval: a client that notes the time
    /// of a call finds it not yet due at the tick that comes exactly an
    /// interval later (Home Assistant's Netatmo coordinator).
    #[inline]
    fn rounded(&self, interval: Span) -> Span {
        match self.tick {
            None => interval,
            Some(tick) => next_tick(interval, tick),
        }
    }
}

#[inline]
fn next_tick(interval: Span, tick: Span) -> Span {
    tick * (interval.nanos() / tick.nanos().max(1) + 1)
}

/// The mean of the first tick strictly after an interval that is uniform from
/// `shortest` to `longest`.
fn mean_on_ticks(shortest: Span, longest: Span, tick: Span) -> Span {
    if shortest >= longest {
        return next_tick(shortest, tick);
    }
    let step = u128::from(tick.nanos().max(1));
    // The integral of the whole ticks in x, for x from 0 to `end`.
    let whole = |end: Span| {
        let end = u128::from(end.nanos());
        let ticks = end / step;
        ticks * ticks.saturating_sub(1) / 2 * step + ticks * (end % step)
    };
    let width = longest.saturating_sub(shortest).nanos() as f64;
    let ticks = (whole(longest) - whole(shortest)) as f64 / width + 1.0;
    Span::from_nanos((ticks * step as f64) as u64)
}

/// Requests at given times.
#[derive(Debug, Clone)]
pub struct Schedule {
    times: Arc<[Time]>,
    spread: Span,
    chance: Probability,
}

impl Schedule {
    /// Requests at `times`, each delayed by a uniform part of `spread` and
    /// made with probability `chance`.
    pub fn new(times: Vec<Time>, spread: Span, chance: Probability) -> Schedule {
        Schedule {
            times: times.into(),
            spread,
            chance,
        }
    }

    fn from(&self, draws: Draws<'_>, first: u32) -> Option<(u32, Time)> {
        (first..)
            .zip(self.times.get(first as usize..)?)
            .find(|(number, _)| draws.uniform(Purpose::Chance, *number, 0) < self.chance.value())
            .map(|(number, time)| {
                let delay = part(self.spread, draws.uniform(Purpose::Schedule, number, 0));
                (number, *time + delay)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Streams;
    use crate::scenario::Poll;

    fn poll(text: &str) -> PollTimes {
        PollTimes::new(ron::from_str::<Poll>(text).unwrap().times())
    }

    fn draws(streams: &Streams, entity: u32) -> Draws<'_> {
        Draws { streams, entity }
    }

    #[test]
    fn a_tick_delays_a_poll_to_the_first_tick_after() {
        // Home Assistant's tick of 60 s (reference: systems, section 2.1).
        for (every, interval) in [("300s", 360), ("150s", 180), ("42s", 60)] {
            let times = poll(&format!(
                "(method: \"m\", every: \"{every}\", tick: Some(\"60s\"))"
            ));
            let streams = Streams::new(1, 0);
            assert_eq!(
                times.interval(draws(&streams, 0), 0),
                Span::from_secs(interval)
            );
        }
    }

    #[test]
    fn the_mean_interval_is_that_of_the_ticks() {
        for (text, seconds) in [
            (r#"every: "150s""#, 150.0),
            (r#"every: "150s", jitter: "20s""#, 150.0),
            (r#"every: "150s", tick: Some("60s")"#, 180.0),
            // Between 120 s and 180 s, always up to 180 s.
            (r#"every: "150s", jitter: "30s", tick: Some("60s")"#, 180.0),
            // A quarter of the intervals from 150 s to 190 s is beyond 180 s.
            (r#"every: "170s", jitter: "20s", tick: Some("60s")"#, 195.0),
        ] {
            let times = poll(&format!("(method: \"m\", {text})"));
            assert_eq!(times.mean, Span::from_secs_f64(seconds), "{text}");
            let streams = Streams::new(4, 0);
            let count = 20_000;
            let total: f64 = (0..count)
                .map(|number| times.interval(draws(&streams, 0), number).secs_f64())
                .sum();
            // The standard deviation is below 27 s: 1 s is 5 standard errors.
            assert!((total / f64::from(count) - seconds).abs() < 1.0, "{text}");
        }
    }

    /// Requests of 60,000 senders in each second of the first 4 minutes.
    fn per_second(source: &Source) -> Vec<i64> {
        let streams = Streams::new(8, 0);
        let mut counts = vec![0; 240];
        for entity in 0..60_000 {
            let draws = draws(&streams, entity);
            let mut next = source.first(draws, Time::EPOCH);
            while let Some((number, time)) = next {
                let second = time.since(Time::EPOCH).nanos() / 1_000_000_000;
                let Some(count) = counts.get_mut(second as usize) else {
                    break;
                };
                *count += 1;
                // Of a closed loop whose requests take no time.
                next = source
                    .next(draws, time, number)
                    .or_else(|| source.next_after_end(draws, time, number));
            }
        }
        counts
    }

    #[test]
    fn the_load_is_level_from_the_first_second() {
        let polls = |text: &str| Source::Poll(poll(&format!("(method: \"m\", {text})")));
        let gap = |text: &str| {
            let options = ron::Options::default()
                .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
            Gap::new(&options.from_str(text).unwrap()).unwrap()
        };
        let mut sources = vec![
            ("uniform", polls(r#"every: "60s", phase: Uniform"#), 60.0),
            (
                "uniform on ticks",
                polls(r#"every: "150s", tick: Some("60s"), phase: Uniform"#),
                180.0,
            ),
            (
                "steady on ticks",
                polls(r#"every: "170s", jitter: "20s", tick: Some("60s")"#),
                195.0,
            ),
        ];
        for text in [
            r#"Constant("60s")"#,
            r#"Exponential(mean: "60s")"#,
            r#"Uniform(from: "30s", to: "90s")"#,
            r#"LogNormal(median: "40s", p90: "100s")"#,
            r#"Gamma(mean: "60s", cv: 0.2)"#,
            r#"Gamma(mean: "60s", cv: 2)"#,
            r#"Hyperexponential([(share: 0.9, mean: "10s"), (share: 0.1, mean: "500s")])"#,
        ] {
            let gap = gap(text);
            let mean = gap.mean_secs;
            sources.push((text, Source::Loop(gap.clone()), mean));
            sources.push((text, Source::Renewal(gap), mean));
        }
        for (name, source, mean) in sources {
            let expected = 60_000.0 / mean;
            // The count of a second is a sum over independent senders, each of
            // which rarely has two; the variance is at most some times the mean
            // for the bursty ones. A full first time, or a phase in the wrong
            // interval, is off by a tenth and more.
            let most = 10.0 * f64::sqrt(expected);
            for (second, count) in per_second(&source).into_iter().enumerate() {
                let off = count as f64 - expected;
                assert!(
                    off.abs() < most,
                    "{name}: {count} in second {second}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn a_rate_that_changes_has_its_load_in_each_piece() {
        let second = |second| Time::EPOCH + Span::from_secs(second);
        let piece = |from, factor| Piece {
            from: second(from),
            factor,
        };
        let pieces = vec![
            piece(0, 1.0),
            piece(60, 3.0),
            piece(90, 0.0),
            piece(150, 0.5),
        ];
        let rate: Rate = "1/min".parse().unwrap();
        let counts = per_second(&Source::Varying(VaryingRate::new(rate, pieces, 1.0)));
        for (number, count) in counts.into_iter().enumerate() {
            let expected = match number {
                0..60 => 1000.0,
                60..90 => 3000.0,
                90..150 => 0.0,
                _ => 500.0_f64,
            };
            // Poisson counts: six standard deviations, in none of 240 seconds but
            // once in a million times.
            let off = (count as f64 - expected).abs();
            assert!(
                off <= 6.0 * expected.sqrt(),
                "{count} in second {number}, not {expected}"
            );
        }
        // Nothing comes after the last piece where its rate is zero.
        let over = VaryingRate::new(rate, vec![piece(0, 1.0), piece(1, 0.0)], 0.1);
        assert_eq!(over.after(second(0), Span::from_secs(2)), None);
        assert_eq!(
            over.after(second(0), Span::from_millis(500)),
            Some(Time::EPOCH + Span::from_millis(500))
        );
    }

    #[test]
    fn a_steady_start_keeps_the_load_level() {
        // Without jitter the first poll is uniform in the interval; with it,
        // the mean of the residual life is E[X^2] / 2 E[X].
        let streams = Streams::new(7, 0);
        for (text, expected) in [
            ("(method: \"m\", every: \"60s\")", 30.0),
            ("(method: \"m\", every: \"60s\", jitter: \"60s\")", 40.0),
            ("(method: \"m\", every: \"42s\", tick: Some(\"60s\"))", 30.0),
        ] {
            let times = poll(text);
            let count = 20_000;
            let total: f64 = (0..count)
                .map(|entity| {
                    times
                        .first(draws(&streams, entity), Time::EPOCH)
                        .since(Time::EPOCH)
                        .secs_f64()
                })
                .sum();
            // The standard deviation is below 30 s, so that 1 s is more than
            // 4.7 standard errors: a false alarm in a million.
            assert!((total / f64::from(count) - expected).abs() < 1.0, "{text}");
        }
    }

    #[test]
    fn a_chance_leaves_out_whole_times() {
        let times: Vec<Time> = (0..1000).map(Time::from_secs).collect();
        let schedule = Schedule::new(
            times,
            Span::from_millis(500),
            Probability::new(0.3).unwrap(),
        );
        let streams = Streams::new(3, 0);
        let mut taken = 0;
        let mut next = schedule.from(draws(&streams, 5), 0);
        while let Some((number, time)) = next {
            assert!(time.since(Time::from_secs(u64::from(number))) < Span::from_millis(500));
            taken += 1;
            next = schedule.from(draws(&streams, 5), number + 1);
        }
        // Binomial(1000, 0.3): 5 standard deviations are 72.
        assert!((228..=372).contains(&taken), "{taken}");
    }
}
