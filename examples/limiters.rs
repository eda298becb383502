//! One burst around the edge of a window, and what three limits of ten per ten
//! seconds make of it. No server, no clients: a limiter is asked at a time.
//!
//! `cargo run --release --example limiters`

#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;

use ratelab::limiter::{Anchor, Bank, Decision, FixedWindow, Gcra, Refused, Rule, SlidingLog};
use ratelab::units::{Span, Time};

fn main() -> Result<(), Box<dyn Error>> {
    let (ten, window) = (10, Span::from_secs(10));
    let rules = [
        (
            "fixed window",
            Rule::FixedWindow(FixedWindow::new(ten, window, Anchor::Epoch, Refused::Free)?),
        ),
        (
            "sliding log",
            Rule::SlidingLog(SlidingLog::new(ten, window, Refused::Free)?),
        ),
        (
            "GCRA",
            Rule::Gcra(Gcra::new(Span::from_secs(1), ten, Refused::Free)?),
        ),
    ];
    // Twenty requests from two seconds before the edge to two seconds after it.
    let edge = Time::from_secs(1_700_000_000);
    let times: Vec<Time> = (0..20)
        .map(|number| edge - Span::from_secs(2) + Span::from_millis(200 * number))
        .collect();
    for (name, rule) in rules {
        let mut bank = Bank::uniform(rule, 1);
        let decisions = times.iter().map(|time| bank.decide(0, *time, 1));
        let marks: String = decisions
            .map(|decision| match decision {
                Decision::Admit => 'A',
                Decision::Delay(_) => 'w',
                Decision::Refuse { .. } => '-',
            })
            .collect();
        println!("{name:14} {marks}");
    }
    Ok(())
}
