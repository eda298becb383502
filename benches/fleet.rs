//! The event loop on the fleet model, ladder queue beside the standard heap.
//! The time that divan prints is per run; `item/s` are events per second.

use ratelab::scenario::Source;
use ratelab::sim::{QueueKind, Replication};
use ratelab::world::World;

fn main() {
    divan::main();
}

const FLEETS: [(&str, &str, &str); 3] = [
    (
        "1e3",
        include_str!("../scenarios/bench/fleet-1e3.ron"),
        "10000s",
    ),
    (
        "1e5",
        include_str!("../scenarios/bench/fleet-1e5.ron"),
        "150s",
    ),
    (
        "1e6",
        include_str!("../scenarios/bench/fleet-1e6.ron"),
        "60s",
    ),
];

#[divan::bench(args = ["1e3", "1e5", "1e6"], sample_count = 10)]
fn ladder(bencher: divan::Bencher<'_, '_>, fleet: &str) {
    run(bencher, fleet, QueueKind::Ladder);
}

#[divan::bench(args = ["1e3", "1e5", "1e6"], sample_count = 10)]
fn heap(bencher: divan::Bencher<'_, '_>, fleet: &str) {
    run(bencher, fleet, QueueKind::Heap);
}

fn run(bencher: divan::Bencher<'_, '_>, fleet: &str, queue: QueueKind) {
    let Some((_, text, length)) = FLEETS.iter().find(|(name, ..)| *name == fleet) else {
        return;
    };
    let mut source = Source::new((*text).to_owned());
    source
        .set("time.length", length)
        .expect("the fleet has a length");
    let scenario = source.scenario().expect("the fleet is sound");
    let world = &World::compile(&scenario, 1, 0).expect("the fleet fits");
    let events = Replication::new(world, 1, 0, queue, &|| false)
        .expect("nobody stops it")
        .run(&|| false)
        .map_or(0, |record| record.events);
    bencher
        .counter(divan::counter::ItemsCount::new(events))
        .with_inputs(|| Replication::new(world, 1, 0, queue, &|| false).expect("nobody stops it"))
        .bench_local_values(|replication| replication.run(&|| false));
}
