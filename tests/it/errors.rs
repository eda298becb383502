//! Every class of wrong input: where it is, what was expected, what is near.

use proptest::prelude::*;
use ratelab::scenario::Source;
use ratelab::sim::{QueueKind, Replication};
use ratelab::world::World;

use crate::support::{Place, SMALL, replaced};

/// A change to the scenario and parts of what must be told of it; the place is
/// where `mark` begins in the changed text.
struct Case {
    from: &'static str,
    to: &'static str,
    mark: &'static str,
    parts: &'static [&'static str],
}

const fn case(
    from: &'static str,
    to: &'static str,
    mark: &'static str,
    parts: &'static [&'static str],
) -> Case {
    Case {
        from,
        to,
        mark,
        parts,
    }
}

const CASES: &[Case] = &[
    // Numbers and units.
    case(
        "length: \"10min\"",
        "length: 600",
        "600",
        &["expected text in quotes", "\"600s\""],
    ),
    case(
        "length: \"10min\"",
        "length: \"600\"",
        "\"600\"",
        &["has no unit", "\"300s\""],
    ),
    case(
        "length: \"10min\"",
        "length: \"-5s\"",
        "\"-5s\"",
        &["negative"],
    ),
    case(
        "length: \"10min\"",
        "length: \"5 parsecs\"",
        "\"5 parsecs\"",
        &["unknown unit of time \"parsecs\"", "ms"],
    ),
    case(
        "length: \"10min\"",
        "length: \"300000d\"",
        "\"300000d\"",
        &["584 years"],
    ),
    case(
        "length: \"10min\"",
        "length: \"180000d\"",
        "\"180000d\"",
        &[
            "a measured span of 180000d is longer than 200 years",
            "must be shorter",
        ],
    ),
    case(
        "length: \"10min\"",
        "warm_up: \"180000d\", length: \"10min\"",
        "\"180000d\"",
        &[
            "a warm-up of 180000d is longer than 200 years",
            "must be shorter",
        ],
    ),
    case(
        "length: \"10min\"",
        "warm_up: \"40000d\", length: \"35000d\"",
        "\"40000d\"",
        &["with a warm-up of 40000d the run is longer than 200 years"],
    ),
    case(
        "drain: \"10min\"",
        "drain: \"180000d\"",
        "\"180000d\"",
        &["a drain of 180000d is longer than 200 years"],
    ),
    case(
        "drain: \"10min\"",
        "drain: \"59s\"",
        "\"59s\"",
        &[
            "a drain of 59s is shorter than the deadline of 1min of commands of \"hub\"",
            "must be at least 1min",
            "write drain: \"1min\", or leave it out",
        ],
    ),
    case(
        "homes: 20,",
        "homes: 50k,",
        "50k",
        &["expected a number, found 50k", "write 50000"],
    ),
    case("homes: 20,", "homes: 1.5M,", "1.5M", &["write 1500000"]),
    case(
        "homes: 20,",
        "homes=20,",
        "=20",
        &["expected \":\", found \"=\"", "name: value"],
    ),
    case(
        "homes: 20,",
        "homes: 20,000,",
        "000,",
        &["write 20000 or 20_000"],
    ),
    case(
        "server: (",
        "server (",
        " (\n        stages",
        &["expected \":\" after server"],
    ),
    case(
        "jitter: \"5s\"",
        "jitter: \"10min\"",
        "\"10min\")]",
        &["a jitter of 10min would make intervals of 30s vanish"],
    ),
    // Forms that belong elsewhere.
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Exponential(mean: \"1s\")",
        "mean: \"1s\")}",
        &[
            "unknown field \"mean\" in Exponential",
            "write Random(wait: Exponential(mean: \"1s\"), attempts: 3)",
        ],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Uniform(from: \"1s\", to: \"2s\")",
        "Uniform",
        &[
            "unknown word \"Uniform\"",
            "write Random(wait: Uniform(from: \"1s\", to: \"2s\"), attempts: 3)",
        ],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Fixed(wait: Exponential(mean: \"1s\"), attempts: 3)",
        "Exponential(mean: \"1s\")",
        &["write Random(...) in place of Fixed(...)"],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Fixed(base: \"1s\", attempts: 3)",
        "base",
        &["write Exponential(...) in place of Fixed(...)"],
    ),
    case(
        "service: Exponential(mean: \"200ms\")",
        "service: Fixed(\"200ms\")",
        "Fixed(\"200ms",
        &["write Constant(\"200ms\")"],
    ),
    case(
        "service: Exponential(mean: \"200ms\")",
        "service: Random(wait: Exponential(mean: \"200ms\"), attempts: 3)",
        "Random",
        &["unknown word \"Random\""],
    ),
    case("Exactly(2)", "Fixed(2)", "Fixed(2)", &["write Exactly(2)"]),
    case(
        "Fixed(40)",
        "Exactly(40)",
        "Exactly(40)",
        &["write Fixed(40)"],
    ),
    case(
        "Gate(permits: 3, max_wait: \"500ms\")",
        "TokenBucket(rate: \"2/s\", burst: 7)",
        "TokenBucket(rate: \"2/s\"",
        &["write Limit(name: \"limit\", by: TokenBucket(rate: \"2/s\", burst: 7))"],
    ),
    case(
        "by: TokenBucket(rate: \"1/s\", burst: 5)",
        "by: Gate(permits: 5)",
        "Gate(permits: 5)",
        &["Gate is a stage of its own"],
    ),
    case(
        "retry: \"soon\"",
        "retry: Fixed(wait: \"1s\", attempts: 2)",
        "Fixed(wait: \"1s\", attempts: 2)",
        &["give the policy a name under `retries`"],
    ),
    case(
        "Exponential(mean: \"200ms\")",
        "LogNormal(mean: \"2s\", p99: \"9s\")",
        "LogNormal",
        &["by `mean` and `cv`; found p99 and mean"],
    ),
    case(
        "methods: [\"get\"]",
        "costs: {\"get\": 6}",
        "6}",
        &[
            "a call that costs 6 is more than the limit ever grants",
            "never passes",
        ],
    ),
    // One user has a quota of 2, however many users there are.
    case(
        "TokenBucket(rate: \"1/s\", burst: 5), methods: [\"get\"]",
        "FixedWindow(quota: PerUser(each: 2), window: \"10s\"), costs: {\"get\": 3}",
        "3}",
        &["a call that costs 3 is more than the limit ever grants"],
    ),
    // However many devices there are, one counts.
    case(
        "TokenBucket(rate: \"1/s\", burst: 5), methods: [\"get\"]",
        "FixedWindow(quota: PerDevice(each: 2, up_to_devices: 1), window: \"10s\"), costs: {\"get\": 3}",
        "3}",
        &["a call that costs 3 is more than the limit ever grants"],
    ),
    case(
        "TokenBucket(rate: \"1/s\", burst: 5), methods: [\"get\"]",
        "FixedWindow(quota: PerDevice(each: 2, up_to_devices: 0), window: \"10s\")",
        "PerDevice(each: 2, up_to_devices: 0)",
        &[
            "a quota of 0 refuses everything",
            "needs `each`, `base` or `at_least` above 0",
        ],
    ),
    case(
        "TokenBucket(rate: \"1/s\", burst: 5), methods: [\"get\"]",
        "FixedWindow(quota: PerDevice(each: 2, up_to_users: 9), window: \"10s\")",
        "up_to_users",
        &[
            "unknown field \"up_to_users\" in PerDevice",
            "write PerUser(...) in place of PerDevice(...)",
        ],
    ),
    case(
        "TokenBucket(rate: \"1/s\", burst: 5), methods: [\"get\"]",
        "PenaltyBox(by: TokenBucket(rate: \"1/s\", burst: 5), lock: \"30s\"), costs: {\"get\": 6}",
        "6}",
        &["a call that costs 6 is more than the limit ever grants"],
    ),
    case(
        "max_wait: \"500ms\"",
        "queue: Unlimited",
        "Unlimited",
        &["a number of requests that wait or Unbounded"],
    ),
    case(
        "wait: \"1s\", attempts: 3",
        "wait: \"0s\", attempts: Unlimited",
        "\"0s\"",
        &[
            "attempts without end with waits shorter than 1ms",
            "`attempts` at most 1000",
        ],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Waits(waits: [], attempts: 3)",
        "[], attempts",
        &["a list of waits without one", "`None`"],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Waits(waits: [\"0s\", \"0s\", \"5us\"], attempts: Unlimited)",
        "\"5us\"",
        &["attempts without end with waits shorter than 1ms"],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Waits(waits: [\"1s\"], jitter: Decorrelated, attempts: 3)",
        "Decorrelated",
        &["leaves no part to the waits", "it goes with Exponential"],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Waits(waits: [\"1s\"], first: \"0s\", attempts: 3)",
        "\"0s\", attempts",
        &["a list has a first wait already"],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Fixed(wait: \"1s\", attempts: 3, give_up_after: \"0s\")",
        "\"0s\")",
        &["gives up at once", "no retry at all is `None`"],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Fixed(wait: \"1s\", attempts: 3, retry_after: Instead, told_at_most: \"1us\")",
        "\"1us\"",
        &["cut to 1us tells nothing"],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Fixed(wait: \"1s\", attempts: 3, told_adds_at_most: \"5s\")",
        "\"5s\")}",
        &["ignores what it is told", "needs `retry_after`"],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Fixed(wait: \"1s\", attempts: 3, retry_after: Insted)",
        "Insted",
        &["did you mean \"Instead\"?"],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Fixed(wait: \"1s\", attempts: 3, retry_after: Instead, honour_retry_after: true)",
        "Fixed(wait: \"1s\"",
        &["`honour_retry_after: true` is `retry_after: AtLeast`"],
    ),
    case(
        "Fixed(wait: \"1s\", attempts: 3)",
        "Exponential(base: \"0s\", attempts: 3)",
        "\"0s\"",
        &[
            "waits that start at zero never grow",
            "Fixed(wait: \"0s\", ...)",
        ],
    ),
    case(
        "\"bare homes\"",
        "\"bare\u{202e} homes\"",
        "\"bare",
        &["an invisible character, U+202E"],
    ),
    case(
        "name: \"user\"",
        "name: \"us\u{200b}er\"",
        "\"us",
        &["an invisible character, U+200B"],
    ),
    case(
        "name: \"user\"",
        "name: \"us\\u{9b}er\"",
        "\"us",
        &["a control character, U+009B"],
    ),
    case(
        "name: \"user\"",
        "name: \"us\\rer\"",
        "\"us",
        &["a line break, U+000D"],
    ),
    case(
        "length: \"10min\"",
        "length: \"0s\"",
        "\"0s\"",
        &["nothing would be measured", "more than zero"],
    ),
    case(
        "Exactly(2)",
        "Poisson(NaN)",
        "NaN",
        &["NaN is not a finite number"],
    ),
    case(
        "Exactly(2)",
        "Poisson(inf)",
        "inf",
        &["inf is not a finite number"],
    ),
    case("Exactly(2)", "Poisson(1e999)", "1e999", &["too large"]),
    case(
        "Exactly(2)",
        "Poisson(-1.0)",
        "Poisson(-1.0)",
        &["must be from 0 to 10000"],
    ),
    case(
        "homes: 20,",
        "homes: -20,",
        "-20",
        &["negative", "whole number, zero or more"],
    ),
    case(
        "homes: 20,",
        "homes: 2.5,",
        "2.5",
        &["whole number", "write 2 or 3"],
    ),
    case(
        "homes: 20,",
        "homes: \"20\",",
        "\"20\"",
        &["whole number", "without quotes"],
    ),
    case(
        "homes: 20,",
        "homes: 99999999999999999999,",
        "99999999999999999999",
        &["too large"],
    ),
    case(
        "rate: \"1/s\")]",
        "rate: \"1\")]",
        "\"1\"",
        &["is not a rate", "\"8/s\""],
    ),
    case(
        "rate: \"1/s\")]",
        "rate: \"0/s\")]",
        "\"0/s\"",
        &["more than zero"],
    ),
    case(
        "rate: \"1/s\")]",
        "rate: \"-1/s\")]",
        "\"-1/s\"",
        &["negative"],
    ),
    case("seed: 1,", "seed: -1,", "-1", &["negative"]),
    case(
        "seed: 1,",
        "seed: 1, confidence: 1.5,",
        "1.5",
        &["probability 1.5 is out of range", "from 0 to 1"],
    ),
    case(
        "deadline: \"1min\"",
        "deadline: \"1min\", chance: 1.5",
        "1.5",
        &["probability 1.5 is out of range"],
    ),
    case(
        "deadline: \"1min\"",
        "deadline: \"1min\", chance: \"150%\"",
        "\"150%\"",
        &["out of range", "\"25%\""],
    ),
    case(
        "Exponential(mean: \"200ms\")",
        "LogNormal(median: \"2s\", p99: \"1s\")",
        "LogNormal",
        &["p99", "above its median"],
    ),
    case(
        "length: \"10min\"",
        "zone: \"+99999999:00\", length: \"10min\"",
        "\"+99999999:00\"",
        &["unknown time zone", "\"+02:00\""],
    ),
    case(
        "length: \"10min\"",
        "start: \"2025-02-30T00:00:00Z\", length: \"10min\"",
        "\"2025-02-30T00:00:00Z\"",
        &["is not a moment"],
    ),
    // Unknown names.
    case(
        "client: \"hub\"",
        "client: \"hob\"",
        "\"hob\"",
        &["unknown client \"hob\"", "did you mean \"hub\"?"],
    ),
    case(
        "retry: \"soon\"",
        "retry: \"son\"",
        "\"son\"",
        &["unknown retry policy \"son\"", "did you mean \"soon\"?"],
    ),
    case(
        "jitter: \"5s\")",
        "jitter: \"5s\", retry: \"son\")",
        "\"son\"",
        &["unknown retry policy \"son\"", "did you mean \"soon\"?"],
    ),
    case(
        "think: Exponential(mean: \"10s\"))",
        "think: Exponential(mean: \"10s\"), retry: \"nune\")",
        "\"nune\"",
        &["unknown retry policy \"nune\"", "did you mean \"none\"?"],
    ),
    case(
        "rate: \"1/s\")]",
        "rate: \"1/s\", timeout: \"0s\")]",
        "\"0s\"",
        &["no answer comes in no time"],
    ),
    case(
        "service: Exponential(mean: \"200ms\")",
        "service_by_method: {\"sett\": Constant(\"1s\")}",
        "\"sett\"",
        &["unknown method \"sett\"", "did you mean \"set\"?"],
    ),
    case(
        "service: Exponential(mean: \"200ms\")",
        "service_by_method: {\"set\": Uniform(from: \"2s\", to: \"1s\")}",
        "Uniform",
        &["not a distribution"],
    ),
    case(
        "methods: [\"get\"]",
        "methods: [\"gte\"]",
        "\"gte\"",
        &["unknown method \"gte\"", "did you mean \"get\"?"],
    ),
    case(
        "kinds: [\"valve\"]",
        "kinds: [\"vlave\"]",
        "\"vlave\"",
        &[
            "unknown kind of device \"vlave\"",
            "did you mean \"valve\"?",
        ],
    ),
    case(
        "[\"none\", \"soon\"]",
        "[\"none\", \"sonn\"]",
        "\"sonn\"",
        &["unknown retry policy \"sonn\"", "did you mean \"soon\"?"],
    ),
    case(
        "clients.hub.retry",
        "clients.hob.retry",
        "\"clients.hob",
        &["no \"hob\"", "hub, script"],
    ),
    case(
        "clients.hub.retry",
        "study.seed",
        "\"study.seed",
        &["a study cannot vary itself"],
    ),
    case(
        "server: (",
        "targets: [\"p429.atempt <= 1%\"], server: (",
        "\"p429.atempt <= 1%\"",
        &["unknown estimate", "did you mean \"p429.attempt\"?"],
    ),
    case(
        "length: \"10min\"",
        "zone: \"Europe/Pariss\", length: \"10min\"",
        "\"Europe/Pariss\"",
        &["unknown time zone", "\"Europe/Paris\""],
    ),
    case(
        "per: [User]",
        "per: [Usr]",
        "Usr",
        &["unknown word \"Usr\" in per", "did you mean \"User\"?"],
    ),
    case(
        "TokenBucket(",
        "TokenBuckt(",
        "TokenBuckt",
        &[
            "unknown word \"TokenBuckt\" in by",
            "did you mean \"TokenBucket\"?",
        ],
    ),
    case(
        "Exactly(2)",
        "Exacly(2)",
        "Exacly",
        &[
            "unknown word \"Exacly\" in count",
            "did you mean \"Exactly\"?",
        ],
    ),
    // Keys.
    case(
        "permits: 3",
        "permit: 3",
        "permit:",
        &[
            "unknown field \"permit\" in Gate",
            "did you mean \"permits\"?",
        ],
    ),
    case(
        "homes: 20,",
        "hoems: 20,",
        "hoems",
        &[
            "unknown field \"hoems\" in \"valve homes\"",
            "did you mean \"homes\"?",
        ],
    ),
    case(
        "drain: \"10min\"",
        "drian: \"10min\"",
        "drian",
        &["unknown field \"drian\" in time", "did you mean \"drain\"?"],
    ),
    case(
        "homes: 20,",
        "homes: 20, homes: 21,",
        "homes: 21",
        &["\"homes\" is given twice"],
    ),
    case(
        "\"bare homes\"",
        "\"valve homes\"",
        "\"valve homes\": (homes: 5",
        &["given twice", "each name once"],
    ),
    case(
        "every: \"30s\", ",
        "",
        "(method: \"get\", jitter",
        &["the field \"every\" is missing in polls"],
    ),
    // Contradictions.
    case(
        "deadline: \"1min\"",
        "deadline: \"11min\"",
        "\"11min\"",
        &[
            "a deadline of 11min is longer than the measured 10min",
            "must be at most",
        ],
    ),
    case(
        "Fixed(40)",
        "Fixed(0)",
        "Fixed(0)",
        &["a quota of 0 refuses everything", "at least 1"],
    ),
    case(
        "burst: 5",
        "burst: 0",
        "0), methods",
        &["the burst is zero", "at least 1"],
    ),
    case(
        "window: \"10s\"",
        "window: \"10us\"",
        "\"10us\"",
        &["shorter than the clock's tick of 1ms"],
    ),
    case(
        "permits: 3",
        "permits: 0",
        "0, max_wait",
        &["a gate without permits refuses everything"],
    ),
    case(
        "jitter: \"5s\"",
        "jitter: \"30s\"",
        "\"30s\")]",
        &["must be shorter than `every`"],
    ),
    case(
        "requests: [(method: \"get\", rate: \"1/s\")],\n            loops: [(method: \"put\", think: Exponential(mean: \"10s\"))],",
        "",
        "\"script\": (\n",
        &["the client \"script\" sends nothing", "needs polls"],
    ),
    case(
        "client: \"script\"",
        "client: \"hub\"",
        "\"script\": (\n",
        &["no cohort uses the client \"script\"", "used by nobody"],
    ),
    case(
        "time: \"00:05\"",
        "time: \"12:00\"",
        "Daily(",
        &["12:00 in UTC does not come within the run"],
    ),
    case(
        "replications: 4",
        "replications: 0",
        "0, vary",
        &["nothing would be run"],
    ),
    case(
        "attempts: 3",
        "attempts: 0",
        "0)}",
        &["a number of attempts from 1", "or Unlimited"],
    ),
    case(
        "wait: \"1s\", attempts: 3",
        "wait: \"1ns\", attempts: Unlimited",
        "\"1ns\"",
        &["at least 1ms"],
    ),
    case(
        "[\"none\", \"soon\"]",
        "[\"none\", \"none\"]",
        "\"none\"]",
        &["listed twice"],
    ),
    case(
        "server: (",
        "targets: [\"p429.attempt <= 150%\"], server: (",
        "\"p429.attempt <= 150%\"",
        &["\"150%\" for a bound", "from 0 to 1"],
    ),
    case(
        "server: (",
        "targets: [\"latency.command.p99 <= 2\"], server: (",
        "\"latency.command.p99 <= 2\"",
        &["a time with its unit"],
    ),
    case(
        "\"small\"",
        "\"sm\\u{1b}[31mall\"",
        "\"sm\\u{1b}[31mall\"",
        &["a control character, U+001B", "characters that can be seen"],
    ),
    // Sizes.
    case(
        "homes: 20,",
        "homes: 4000000000,",
        "{\n        \"valve",
        &[
            "12000000005 homes and devices are more than one run holds",
            "at most 100000000",
        ],
    ),
    case(
        "rate: \"1/s\")]",
        "rate: \"1000000000000000000/s\")]",
        "\"1000000000000000000/s\"",
        &["one sender would send", "at most 200 million"],
    ),
    case(
        "think: Exponential(mean: \"10s\")",
        "think: Constant(\"0s\")",
        "Constant(\"0s",
        &["never lets time pass", "more than zero"],
    ),
    case(
        "burst: 5",
        "burst: 9223372036854775808",
        "TokenBucket",
        &["more than 584 years to fill"],
    ),
    case(
        "replications: 4",
        "replications: 4000000000",
        "4000000000",
        &["must be at most 500000"],
    ),
    case(
        "replications: 4",
        "replications: 5000000000",
        "5000000000",
        &["at most 4294967295"],
    ),
    case(
        "replications: 4",
        "replications: 500000",
        "500000",
        &["GB of memory", "time.bucket"],
    ),
    case(
        "FixedWindow(quota: Fixed(40)",
        "SlidingLog(quota: Fixed(5000000000)",
        "Fixed(5000000000)",
        &[
            "a sliding log cannot hold a quota of 5000000000",
            "must be smaller",
        ],
    ),
    // Syntax.
    case(
        "name: \"small\"",
        "name: \"small",
        "\"small",
        &["not closed"],
    ),
    case("Scenario(", "Scenari(", "Scenari", &["expected Scenario"]),
    // Names of entries of traffic.
    case(
        "polls: [(method: \"get\",",
        "polls: [(method: \"get\", name: \"x\", every: \"1min\"), (method: \"put\", name: \"x\",",
        "\"x\", every: \"30s\"",
        &[
            "two entries of one client are called \"x\"",
            "a name of its own",
        ],
    ),
    case(
        "polls: [(method: \"get\",",
        "polls: [(method: \"put\", every: \"1min\"), (method: \"get\", name: \"put\",",
        "\"put\", every: \"30s\"",
        &["\"put\" is the method of `polls.0`, which has no name"],
    ),
    case(
        "polls: [(method: \"get\",",
        "polls: [(method: \"get\", name: \"\",",
        "\"\", every",
        &["a name is empty"],
    ),
    case(
        "cohorts: {",
        "population: Frech, cohorts: {",
        "Frech",
        &["\"Frech\"", "Fresh"],
    ),
];

/// Line and column, counted from 1, in characters.
fn line_and_column(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{line}:{column}")
}

#[test]
fn each_mistake_is_told_with_its_place_and_a_remedy() {
    let place = Place::new();
    let mut failures = String::new();
    for case in CASES {
        let Case {
            from,
            to,
            mark,
            parts,
        } = case;
        let text = replaced(SMALL, from, to);
        place.write("s.ron", &text);
        let done = place.ratelab(&["check", "s.ron"]);
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                failures.push_str(&format!("{from} -> {to}: {what} in\n{}\n", done.err));
            }
        };
        expect(done.code == Some(2), "exit code 2");
        expect(done.out.is_empty(), "nothing on standard output");
        for part in *parts {
            expect(done.err.contains(part), part);
        }
        let at = text
            .find(mark)
            .unwrap_or_else(|| panic!("{mark} in {text}"));
        let shown = format!("--> s.ron:{}\n", line_and_column(&text, at));
        expect(done.err.contains(&shown), &shown);
        // Names of types in the program mean nothing to a user.
        for word in [
            "Cohort",
            "DeviceCount",
            "LimiterRule",
            "NamedList",
            "u32",
            "Option<",
        ] {
            expect(!done.err.contains(word), &format!("no {word}"));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn a_cohort_that_nobody_serves_is_told() {
    let place = Place::new();
    let text = replaced(
        SMALL,
        "polls: [(method: \"get\", every: \"30s\", jitter: \"5s\")],",
        "",
    );
    let text = replaced(&text, "Exactly(2)", "Exactly(0)");
    place.write("s.ron", &text);
    let done = place.ratelab(&["check", "s.ron"]).exits(2);
    assert!(
        done.err.contains("nobody serves this cohort"),
        "{}",
        done.err
    );
    let at = text.find("\"hub\", devices").unwrap();
    assert!(done.err.contains(&line_and_column(&text, at)));
}

#[test]
fn all_problems_of_a_file_are_told_in_one_go() {
    let place = Place::new();
    let changes = [
        ("homes: 20,", "homes: -1,", "is negative"),
        ("permits: 3", "permit: 3", "unknown field \"permit\""),
        ("drain: \"10min\"", "drain: \"10\"", "has no unit"),
        (
            "attempts: 3",
            "attempts: 3, factor: NaN",
            "NaN is not a finite number",
        ),
    ];
    let rules = [
        ("Fixed(40)", "Fixed(0)", "a quota of 0"),
        ("client: \"hub\"", "client: \"hob\"", "unknown client"),
        ("deadline: \"1min\"", "deadline: \"1h\"", "a deadline of 1h"),
        ("jitter: \"5s\"", "jitter: \"50s\"", "a jitter of 50s"),
    ];
    for list in [changes, rules] {
        let text = list.iter().fold(SMALL.to_owned(), |text, (from, to, _)| {
            replaced(&text, from, to)
        });
        place.write("s.ron", text);
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        for (_, _, message) in list {
            assert!(done.err.contains(message), "{message} in {}", done.err);
        }
    }
}

#[test]
fn one_mistake_is_told_once() {
    let place = Place::new();
    for (from, to) in [
        ("client: \"hub\"", "client: \"hob\""),
        ("homes: 20,", "homes: NaN,"),
        ("length: \"10min\"", "length: inf"),
        ("Exactly(2)", "Poisson(NaN)"),
        ("clients.hub.retry", "clients.hub.retri"),
    ] {
        place.write("s.ron", replaced(SMALL, from, to));
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        assert_eq!(done.err.matches("error:").count(), 1, "{to}: {}", done.err);
    }
}

#[test]
fn files_that_are_not_scenarios() {
    let place = Place::new();
    place.write("empty.ron", "");
    place.write("comment.ron", "// nothing\n/* here */\n");
    place.write("binary.ron", [0x7f, b'E', b'L', b'F', 0, 1, 2, 0xff]);
    place.write("latin1.ron", b"Scenario(name: \"caf\xe9\")");
    place.write("utf16.ron", b"\xff\xfeS\0c\0");
    place.write("deep.ron", "(".repeat(200_000));
    place.write("lists.ron", "[".repeat(200_000) + &"]".repeat(200_000));
    place.write("comments.ron", "/*".repeat(200_000));
    std::fs::create_dir(place.path("folder")).unwrap();
    // A sparse file of 100 MB: it is not read to its end.
    let huge = std::fs::File::create(place.path("huge.ron")).unwrap();
    huge.set_len(100_000_000).unwrap();
    for (file, parts) in [
        (
            "empty.ron",
            vec!["empty.ron", "the file is empty", "expected Scenario(...)"],
        ),
        ("comment.ron", vec!["the file is empty"]),
        ("binary.ron", vec!["not a text file", "offset 4"]),
        (
            "latin1.ron",
            vec!["not valid UTF-8", "line 1, column 20", "UTF-8"],
        ),
        ("utf16.ron", vec!["UTF-16", "save it again"]),
        ("deep.ron", vec!["deep.ron:1:"]),
        ("lists.ron", vec!["expected Scenario(...)"]),
        ("comments.ron", vec!["the comment is not closed", "1:1"]),
        ("folder", vec!["cannot read folder", "it is a folder"]),
        ("huge.ron", vec!["a scenario has at most 4194304"]),
        (
            "missing.ron",
            vec!["cannot read missing.ron", "no such file", "ratelab presets"],
        ),
        (
            "netatmoo",
            vec!["no such file", "did you mean the preset \"netatmo\"?"],
        ),
    ] {
        for verb in ["check", "run"] {
            let done = place.ratelab(&[verb, file]).exits(2);
            assert_eq!(done.out, "");
            for part in &parts {
                assert!(done.err.contains(part), "{file}: {part} in {}", done.err);
            }
        }
    }
    assert!(!place.path("outputs").exists(), "nothing is left behind");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let path = place.write("secret.ron", SMALL);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    // For the superuser there is no such file.
    if std::fs::read(&path).is_err() {
        let done = place.ratelab(&["check", "secret.ron"]).exits(2);
        assert!(done.err.contains("permission denied"), "{}", done.err);
    }
}

#[test]
fn line_ends_and_marks_of_other_systems_change_nothing() {
    let place = Place::new();
    let text = format!("\u{feff}{}", SMALL.replace('\n', "\r\n"));
    place.write("s.ron", &text);
    place.ratelab(&["check", "s.ron"]).exits(0);
    let wrong = text.replace("permits: 3", "permit: 3");
    let at = SMALL.find("permits: 3").unwrap();
    place.write("s.ron", wrong);
    let done = place.ratelab(&["check", "s.ron"]).exits(2);
    assert!(
        done.err.contains(&line_and_column(SMALL, at)),
        "{}",
        done.err
    );
}

#[test]
fn the_command_line_says_what_it_expected() {
    let place = Place::new();
    place.write("s.ron", SMALL);
    for (arguments, parts) in [
        (
            vec!["run", "s.ron", "--set", "permits"],
            vec!["expected PATH=VALUE"],
        ),
        (
            vec!["run", "s.ron", "--set", "=4"],
            vec!["expected PATH=VALUE"],
        ),
        (
            vec!["run", "s.ron", "--set", "time.lenght=1s"],
            vec!["lenght", "length"],
        ),
        (
            vec!["run", "s.ron", "--set", "server.stages.gat.permits=4"],
            vec!["no \"gat\"", "gate, user, app"],
        ),
        (
            vec!["run", "s.ron", "--set", "server.stages.9.permits=4"],
            vec!["3 elements, 0 to 2"],
        ),
        (
            vec!["run", "s.ron", "--set", "server.stages.gate.permits=0"],
            vec![
                "a gate without permits",
                "--> --set server.stages.gate.permits=0\n",
                "must be at least 1",
            ],
        ),
        (
            vec!["run", "s.ron", "--set", "clients.hub.polls.0.jitter=10min"],
            vec![
                "a jitter of 10min would make intervals of 30s vanish",
                "--> --set clients.hub.polls.0.jitter=10min\n",
            ],
        ),
        (
            vec!["run", "s.ron", "--set", "clients.hub.polls.0.tick=0s"],
            vec!["a tick needs a length", "--> --set clients.hub"],
        ),
        (
            vec!["run", "s.ron", "--set", "cohorts.bare homes.homes=50k"],
            vec!["found 50k", "write 50000", "--> --set cohorts.bare"],
        ),
        // The line is one of the file, though the text is longer now.
        (
            vec![
                "run",
                "s.ron",
                "--set",
                "name=a name that is much longer",
                "--set",
                "time.length=30s",
            ],
            vec![
                "a deadline of 1min is longer than the measured 30s",
                "--> s.ron:11:",
                "because of --set time.length=30s",
            ],
        ),
        (
            vec![
                "run",
                "s.ron",
                "--set",
                "study.vary={\"clients.hub.retry\": [\"son\"]}",
            ],
            vec!["unknown retry policy", "--> --set study.vary="],
        ),
        (
            vec!["run", "s.ron", "--set", "clients.*.retry=son"],
            vec!["son"],
        ),
        (
            vec!["run", "s.ron", "--set", "targets.*=x"],
            vec!["targets"],
        ),
        (
            vec!["run", "s.ron", "--replications", "0"],
            vec![
                "--replications <REPLICATIONS>",
                "expected a whole number from 1 to 1000000",
            ],
        ),
        (
            vec!["run", "s.ron", "--replications", "1000000"],
            vec!["must be at most 500000", "--> --replications 1000000\n"],
        ),
        (
            vec!["run", "s.ron", "--seed", "x"],
            vec!["--seed", "expected a whole number from 0 to"],
        ),
        (
            vec!["run", "s.ron", "--reps", "4"],
            vec!["'--reps'", "write --replications"],
        ),
        (
            vec!["run", "s.ron", "--vary", "x"],
            vec!["'--vary'", "--set 'study.vary={"],
        ),
        (vec!["run", "s.ron", "-o", "x"], vec!["write --out DIR"]),
        (vec!["run", "s.ron", "--json"], vec!["write --format json"]),
        (
            vec!["run", "s.ron", "--replicatons", "4"],
            vec!["'--replications'"],
        ),
        (
            vec!["run", "s.ron", "--threads", "0"],
            vec!["from 1 to 1024"],
        ),
        (
            vec!["run", "s.ron", "--threads", "100000"],
            vec!["from 1 to 1024"],
        ),
        (
            vec!["run", "s.ron", "--format", "yaml"],
            vec!["text, json, csv"],
        ),
        (
            vec!["check", "s.ron", "--format", "csv"],
            vec!["text or json"],
        ),
        (vec!["check"], vec!["SCENARIOS"]),
        (vec!["runn"], vec!["'run'"]),
        (
            vec!["presets", "show", "netatmoo"],
            vec!["unknown preset", "did you mean \"netatmo\"?"],
        ),
    ] {
        let done = place.ratelab(&arguments);
        assert_eq!(done.code, Some(2), "{arguments:?}: {}", done.err);
        assert_eq!(done.out, "", "{arguments:?}");
        for part in parts {
            assert!(
                done.err.contains(part),
                "{arguments:?}: {part} in {}",
                done.err
            );
        }
    }
    assert_eq!(place.names("."), ["s.ron"], "nothing is left behind");
}

#[test]
fn large_files_that_are_wrong_all_over_are_refused_in_time() {
    let place = Place::new();
    let many = |part: &str, count: usize| part.repeat(count);
    for (from, to, part) in [
        (
            "Gate(permits: 3,",
            many("Gate(permits: 1), ", 20_000) + "Gate(permits: 3,",
            "20003 stages",
        ),
        (
            "polls: [",
            "polls: [".to_owned() + &many("(method: \"a\", every: \"1s\"), ", 20_000),
            "20002 kinds of traffic",
        ),
        (
            "devices: [",
            "devices: [".to_owned() + &many("(kind: \"a\", count: Exactly(1)), ", 20_000),
            "20001 kinds of devices",
        ),
        (
            "[\"none\", \"soon\"]",
            "[".to_owned() + &many("\"none\", ", 10_001) + "]",
            "more than 10000",
        ),
    ] {
        place.write("s.ron", replaced(SMALL, from, &to));
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        assert!(done.err.contains(part), "{part} in {}", done.err);
    }
}

const NETATMO: &str = include_str!("../../scenarios/netatmo.ron");

/// The pieces of a text: words, numbers, texts in quotes, single characters.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let length = match first {
            '"' => rest[1..].find('"').map_or(1, |end| end + 2),
            c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

const STRANGE: &[&str] = &[
    "0",
    "-1",
    "1e999",
    "NaN",
    "18446744073709551615",
    "0.5",
    "\"0s\"",
    "\"1ns\"",
    "\"500d\"",
    "\"213503d\"",
    "\"\"",
    "\"none\"",
    "\"1000000000/ns\"",
    "\"é\\u{1F600}\"",
    "None",
    "Some(1)",
    "[]",
    "{}",
    "()",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "/*",
    "//",
    "r#\"",
    ",",
    ":",
    "#",
    "Unlimited",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "\r",
];

/// What one mutation does to the list of tokens.
fn mutate(tokens: &mut Vec<&str>, kind: u8, at: usize, other: usize) {
    if tokens.is_empty() {
        return;
    }
    let (at, from) = (at % tokens.len(), other % tokens.len());
    match kind % 5 {
        0 => {
            tokens.remove(at);
        }
        1 => tokens[at] = STRANGE[other % STRANGE.len()],
        2 => tokens.insert(at, tokens[from]),
        3 => tokens[at] = tokens[from],
        _ => tokens.truncate(at),
    }
}

/// Reads a text, and runs the first event loop of a sound one for a moment.
fn exercise(text: String) {
    let Ok(variants) = Source::new(text).variants() else {
        return;
    };
    for variant in variants.iter().take(2) {
        let scenario = &variant.scenario;
        let homes: u64 = scenario
            .cohorts
            .values()
            .map(|cohort| u64::from(cohort.homes))
            .sum();
        if homes > 30_000 {
            continue;
        }
        if let Ok(world) = World::compile(scenario, 1, 0) {
            let replication = Replication::new(&world, 1, 0, QueueKind::Ladder, &|| false).unwrap();
            // It is asked after some ten thousand events.
            let _ = replication.run(&|| true);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_of_a_scenario_makes_it_panic(
        which in any::<bool>(),
        mutations in proptest::collection::vec((any::<u8>(), any::<usize>(), any::<usize>()), 1..4),
    ) {
        let text = if which { NETATMO } else { SMALL };
        let mut tokens = tokens(text);
        for (kind, at, other) in mutations {
            mutate(&mut tokens, kind, at, other);
        }
        exercise(tokens.concat());
    }

    /// Values of the right form are likelier to pass and be run.
    #[test]
    fn no_value_of_a_scenario_makes_a_run_panic(
        changes in proptest::collection::vec((any::<usize>(), 0_u32..40), 1..4),
    ) {
        let mut tokens: Vec<String> = tokens(SMALL).iter().map(|token| (*token).to_owned()).collect();
        let numbers: Vec<usize> = (0..tokens.len())
            .filter(|at| {
                let digits = tokens[*at].trim_start_matches('"');
                digits.starts_with(|c: char| c.is_ascii_digit())
            })
            .collect();
        for (which, power) in changes {
            let at = numbers[which % numbers.len()];
            let unit = tokens[at].trim_matches('"').trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
            let number = 3_u64.pow(power);
            tokens[at] = match tokens[at].starts_with('"') {
                true => format!("\"{number}{unit}\""),
                false => number.to_string(),
            };
        }
        exercise(tokens.concat());
    }
}

#[test]
fn a_problem_of_the_file_is_told_in_the_file_whatever_is_set() {
    let place = Place::new();
    let text = replaced(SMALL, "burst: 5", "burst: 0");
    place.write("s.ron", &text);
    let long = "x".repeat(90);
    let lines = "time=(length: \"10min\",\n\n\n drain: \"10min\")".to_owned();
    let name = format!("name={long}");
    let at = text.find("0), methods").unwrap();
    for set in [&lines, &name] {
        let done = place.ratelab(&["check", "s.ron", "--set", set]).exits(2);
        assert!(done.err.contains("the burst is zero"), "{}", done.err);
        let shown = format!("--> s.ron:{}\n", line_and_column(&text, at));
        assert!(done.err.contains(&shown), "{shown} in {}", done.err);
    }
}

#[test]
fn waits_of_no_time_and_queues_without_bound_are_sound_where_they_end() {
    let place = Place::new();
    for (from, to) in [
        ("wait: \"1s\", attempts: 3", "wait: \"0s\", attempts: 3"),
        ("wait: \"1s\", attempts: 3", "wait: \"0s\", attempts: 1000"),
        (
            "Fixed(wait: \"1s\", attempts: 3)",
            "Random(wait: Constant(\"0s\"), attempts: 3)",
        ),
        ("max_wait: \"500ms\"", "queue: Unbounded"),
        (
            "max_wait: \"500ms\"",
            "queue: Unbounded, max_wait: \"500ms\"",
        ),
        (
            "Exponential(mean: \"200ms\")",
            "LogNormal(mean: \"200ms\", cv: 2)",
        ),
    ] {
        place.run(&replaced(SMALL, from, to), &[]).exits(0);
    }
    // Nobody is refused in a queue without bound, which is more than a million
    // places when nothing is ever served.
    let text = "Scenario(name: \"q\", time: (length: \"10s\", drain: \"0s\"),
        cohorts: {\"a\": (homes: 20, client: \"c\")},
        clients: {\"c\": (loops: [(method: \"get\", think: Constant(\"0s\"))])},
        server: (stages: [Gate(permits: 2, queue: Unbounded)],
                 backend: (service: Constant(\"100ms\"))),
        study: (replications: 2))";
    let document = place.run(text, &[]).exits(0).json();
    let goodput = (document["estimates"].as_array().unwrap().iter())
        .find(|estimate| estimate["name"] == "goodput")
        .and_then(|estimate| estimate["value"].as_f64());
    assert!(
        goodput.is_some_and(|goodput| goodput >= 19.7),
        "{goodput:?}"
    );
    for (from, to) in [("queue: Unbounded", "queue: 18"), ("100ms", "0s")] {
        place.write("s.ron", replaced(text, from, to));
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        assert!(done.err.contains("never lets time pass"), "{}", done.err);
    }
}

#[test]
fn a_run_is_drained_until_the_last_deadline() {
    let text = replaced(
        SMALL,
        "length: \"10min\", drain: \"10min\"",
        "length: \"3h\"",
    );
    let scenario = |deadline: &str| {
        let text = replaced(
            &text,
            "deadline: \"1min\"",
            &format!("deadline: \"{deadline}\""),
        );
        ratelab::scenario::Scenario::parse(&text).unwrap()
    };
    for (deadline, drain) in [("1min", "1h"), ("1h", "1h"), ("2h", "2h"), ("3h", "3h")] {
        assert_eq!(scenario(deadline).drain(), drain.parse().unwrap());
    }
}

#[test]
fn many_problems_and_long_values_are_told_shortly() {
    let place = Place::new();
    let names: String = (0..5000).map(|n| format!("\"unknown{n}\", ")).collect();
    let long = "x".repeat(100_000);
    let exotic = "\u{9b}31m\u{202e}\u{2066}\u{200f}\u{61c}\u{200b}";
    for (from, to, part) in [
        ("[\"get\"]", format!("[{names}]"), "and 4980 more problems"),
        (
            "client: \"hub\"",
            format!("client: \"{long}\""),
            "unknown client \"xxx",
        ),
        ("length: \"10min\"", format!("length: \"{long}\""), "xxx"),
        ("length: \"10min\"", format!("length: {long}"), "xxx"),
        (
            "\"valve\", count",
            format!("\"{long}\", count"),
            "too long to be shown",
        ),
        ("[\"none\", \"soon\"]", format!("[\"{long}\"]"), "xxx"),
        ("clients.hub.retry", format!("clients.{long}"), "xxx"),
        ("permits: 3", format!("{long}: 3"), "unknown field \"xxx"),
        (
            "client: \"hub\"",
            format!("client: \"{exotic}\""),
            "\\u{9b}31m\\u{202e}",
        ),
        ("Exactly(2)", format!("{exotic}(2)"), "s.ron:"),
        (
            "permits: 3",
            format!("permits: /* {exotic} */ 0"),
            "without permits",
        ),
    ] {
        place.write("s.ron", replaced(SMALL, from, &to));
        let done = place.ratelab(&["check", "s.ron"]).exits(2);
        assert!(done.err.contains(part), "{part} in {}", done.err);
        assert!(
            done.err.len() < 20_000,
            "{} bytes of {from}",
            done.err.len()
        );
        let steers = |c: char| c != '\n' && ratelab::scenario::text::is_unprintable(c);
        assert!(!done.err.contains(steers), "{:?}", done.err);
    }
    place.write("s.ron", SMALL);
    for arguments in [
        vec!["check", "a\u{1b}[31m\u{202e}.ron"],
        vec!["check", "s.ron", "--set", "x\u{202e}=\u{9b}"],
        vec!["check", "s.ron", "--\u{202e}\u{1b}"],
        vec!["run", "s.ron", "--seed", "\u{1b}]0;x\u{7}"],
        vec!["run", "s.ron", "--seed", &long],
        vec!["presets", "show", &long],
        vec!["presets", "show", "\u{1b}[2J"],
    ] {
        let done = place.ratelab(&arguments).exits(2);
        let steers = |c: char| c != '\n' && ratelab::scenario::text::is_unprintable(c);
        assert!(!done.err.contains(steers), "{:?}", done.err);
        assert!(done.err.len() < 20_000, "{}", done.err.len());
    }
}

#[test]
fn keys_of_a_log_and_limiters_do_not_steer_a_terminal() {
    let place = Place::new();
    let key = "a\u{202e}b\u{9b}31m\u{1b}]0;x\u{7}\u{200b}";
    let limiter = "TokenBucket(rate: \"1/min\", burst: 1) /* \u{202e}\u{9b} */";
    place.write("log.csv", format!("time,key\n1,{key}\n1,{key}\n"));
    let one = ["--limiter", limiter];
    let two = [one, one].concat();
    for limiters in [one.as_slice(), &two] {
        let arguments = [&["replay", "--trace", "log.csv"], limiters].concat();
        let done = place.ratelab(&arguments).exits(0);
        let steers = |c: char| c != '\n' && ratelab::scenario::text::is_unprintable(c);
        assert!(!done.out.contains(steers), "{:?}", done.out);
        assert!(done.out.contains("a\\u{202e}b\\u{9b}31m"), "{}", done.out);
    }
}

/// The places of brackets and commas outside texts and comments.
fn punctuation(text: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        at += match c {
            '"' => 2 + rest[1..].find('"').unwrap(),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '(' | ')' | '[' | ']' | '{' | '}' | ',' => {
                places.push(at);
                1
            }
            c => c.len_utf8(),
        };
    }
    places
}

/// The texts of the scenarios that come with the program.
fn shipped() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut all = Vec::new();
    for folder in ["", "bench", "validation"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "ron") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                all.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

/// What a slip of the hand does: each bracket and comma is left out or written
/// twice, in turn. A person then looks at the line that is told, and beside it.
#[test]
fn a_bracket_or_comma_is_blamed_where_it_is_missing_or_too_many() {
    let line = |text: &str, at: usize| text[..at].matches('\n').count();
    let (mut broken, mut right, mut sole) = (0, 0, 0);
    let mut wrong = Vec::new();
    for (name, text) in shipped() {
        for at in punctuation(&text) {
            for twice in [false, true] {
                let kept = at + usize::from(twice);
                let mutant = [&text[..kept], &text[at + usize::from(!twice)..]].concat();
                let Err(problems) = ratelab::scenario::Scenario::parse(&mutant) else {
                    // A comma at the end of a list may be left out.
                    continue;
                };
                broken += 1;
                sole += usize::from(problems.len() == 1);
                let first = problems.iter().next().unwrap();
                let blamed = first
                    .place
                    .clone()
                    .map_or(0, |place| line(&mutant, place.start));
                match blamed.abs_diff(line(&text, at)) <= 1 {
                    true => right += 1,
                    false => wrong.push(format!(
                        "{name}:{} {:?} twice: {twice}; blamed line {}: {first}",
                        line(&text, at) + 1,
                        &text[at..=at],
                        blamed + 1
                    )),
                }
            }
        }
    }
    assert!(broken >= 300, "{broken}");
    assert!(
        right * 100 >= broken * 95 && sole * 100 >= broken * 95,
        "{right} and {sole} of {broken}:\n{}",
        wrong.join("\n")
    );
}
