use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::replay::{LogSizes, Replay, Trace, TraceOptions};
use crate::scenario::{Count, Scenario};
use crate::sim::{QueueKind, Replication};
use crate::world::World;

/// What became of a request: the stage that refused it, or how long it waited.
type Fate = Result<Span, u8>;

/// A request: when it comes and how long it is served, in milliseconds, and
/// whose it is.
type Call = (u64, u64, usize);

const START: u64 = 1_750_000_000_000;

/// A scenario in which three users make these requests, each by a method of
/// its own, once.
fn scenario(stages: &str, returned: bool, calls: &[Call]) -> Scenario {
    let mut polls: [String; 3] = Default::default();
    let mut services = String::new();
    for (number, (at, service, user)) in calls.iter().enumerate() {
        let poll = &mut polls[*user];
        let _ = write!(
            poll,
            r#"(method: "m{number}", every: "9d", phase: At("{at}ms")),"#
        );
        let _ = write!(services, r#""m{number}": Constant("{service}ms"),"#);
    }
    let (mut cohorts, mut clients) = (String::new(), String::new());
    for (user, polls) in polls
        .iter()
        .enumerate()
        .filter(|(_, polls)| !polls.is_empty())
    {
        let _ = write!(cohorts, r#""u{user}": (homes: 1, client: "c{user}"),"#);
        let _ = write!(clients, r#""c{user}": (polls: [{polls}]),"#);
    }
    let returned = if returned { "Returned" } else { "Spent" };
    let text = format!(
        r#"Scenario(name: "s", time: (start: "2025-06-15T15:06:40Z", length: "1d"),
            cohorts: {{{cohorts}}}, clients: {{{clients}}},
            server: (stages: [{stages}], refused_by_later: {returned},
                     backend: (service_by_method: {{{services}}})))"#
    );
    Scenario::parse(&text).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

fn simulated(scenario: &Scenario, calls: usize) -> Vec<Fate> {
    let world = World::compile(scenario, 1, 0).unwrap();
    let run = Replication::new(&world, 1, 0, QueueKind::Heap, &|| false).unwrap();
    let record = run.run(&|| false).unwrap();
    let fate = |number: usize| {
        let method = world
            .methods
            .iter()
            .position(|name| *name == format!("m{number}"));
        let stream = world
            .streams
            .iter()
            .position(|stream| Some(stream.method) == method);
        let counts = &record.segments[0].streams[stream.unwrap()];
        assert_eq!(counts[Count::Requests], 1);
        let service = scenario.server.backend.service_of(&format!("m{number}"));
        let service = Span::from_secs_f64(service.unwrap().mean_secs());
        match counts.refused.iter().position(|count| *count > 0) {
            Some(stage) => Err(stage as u8),
            None => Ok(Span::from_nanos(counts.latency_sum as u64).saturating_sub(service)),
        }
    };
    (0..calls).map(fate).collect()
}

fn replayed(scenario: &Scenario, calls: &[Call]) -> Vec<Fate> {
    let mut log = String::from("time_ms,duration_ms,user,method\n");
    let mut order: Vec<usize> = (0..calls.len()).collect();
    order.sort_by_key(|number| calls[*number].0);
    for number in &order {
        let (at, service, user) = calls[*number];
        let _ = writeln!(log, "{},{service},u{user},m{number}", START + at);
    }
    let servers = [ReplayServer::of_scenario(scenario, &LogSizes::default()).unwrap()];
    let options = TraceOptions {
        fields: servers[0].fields(&[]),
        ..TraceOptions::default()
    };
    let mut trace = Trace::new(log.as_bytes(), options);
    let mut fates = vec![Err(u8::MAX); calls.len()];
    let mut replay = Replay::new(&servers, 1);
    let mut rows = order.iter();
    let done = replay.run(&mut trace, 1, |judged| {
        let verdict = judged.verdicts[0];
        fates[*rows.next().unwrap()] = match verdict.decision {
            Decision::Admit => Ok(Span::ZERO),
            Decision::Delay(wait) => Ok(wait),
            Decision::Refuse { .. } => Err(verdict.stage.unwrap()),
        };
        Ok::<(), ()>(())
    });
    let totals = done.unwrap();
    assert_eq!(rows.next(), None, "every row is answered");
    let refused: u64 = replay.stages(0).iter().map(|stage| stage.refused).sum();
    assert_eq!(refused, totals[0].refused);
    fates
}

const STAGES: [&str; 10] = [
    r#"Gate(name: "a", permits: 2, queue: 1)"#,
    r#"Gate(name: "b", permits: 1, max_wait: "700ms", refuse: (status: 503))"#,
    r#"Gate(name: "c", permits: 1, per: [User], queue: 2, order: NewestFirst)"#,
    r#"Gate(name: "d", permits: 2, queue: 3, codel: (target: "5ms", interval: "100ms"))"#,
    r#"Gate(name: "e", adaptive: Aimd(initial: 2, min: 1, max: 4), queue: 1)"#,
    r#"Limit(name: "f", per: [User], by: FixedWindow(quota: Fixed(3), window: "2s"))"#,
    r#"Limit(name: "g", by: Gcra(rate: "2/s", burst: 3))"#,
    r#"Limit(name: "h", per: [User], by: LeakyBucket(rate: "3/s", burst: 1, queue: 2))"#,
    r#"Limit(name: "i", by: SlidingLog(quota: Fixed(4), window: "1s"), methods: ["m0", "m2"])"#,
    r#"Limit(name: "j", per: [User, Method], by: LeakyBucket(rate: "1/s", burst: 2))"#,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_simulated_and_what_is_replayed_end_alike(
        stages in prop::sample::subsequence(STAGES.to_vec(), 1..=4).prop_shuffle(),
        returned in any::<bool>(),
        calls in prop::collection::vec((1..400_u64, 0..1500_u64, 0..3_usize), 3..24),
    ) {
        // No two come at once: their order would be that of the clients.
        let mut now = 0;
        let calls: Vec<Call> = calls
            .into_iter()
            .map(|(pause, service, user)| {
                now += pause;
                (now, service, user)
            })
            .collect();
        let scenario = scenario(&stages.join(", "), returned, &calls);
        prop_assert_eq!(simulated(&scenario, calls.len()), replayed(&scenario, &calls));
    }
}
