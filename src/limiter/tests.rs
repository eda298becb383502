use super::*;
use crate::units::{Span, Time};

#[test]
fn states_are_as_small_as_told() {
    assert_eq!(size_of::<CounterState>(), 24);
    assert_eq!(size_of::<LimitReqState>(), 16);
    assert_eq!(size_of::<LeakyState>(), 16);
    assert_eq!(size_of::<PacedState>(), 16);
    assert_eq!(size_of::<TickedState>(), 16);
    assert_eq!(size_of::<EnvoyState>(), 24);
    assert_eq!(size_of::<SegmentedState>(), 24);
    assert_eq!(size_of::<RateRuleState>(), 24);
    assert_eq!(size_of::<RampState>(), 32);
    assert_eq!(size_of::<SpacingState>(), 16);
}
/// Admitted attempts out of 200, each at one of two times in turn.
fn admitted(mut decide: impl FnMut(Time) -> Decision, times: [u64; 2]) -> usize {
    let times = times.map(Time::from_secs).into_iter().cycle().take(200);
    times.filter(|&now| decide(now).is_admit()).count()
}

#[test]
fn time_that_runs_backwards_gains_nothing() {
    let (ten, rate) = (Span::from_secs(10), "3/10s".parse().unwrap());
    let zero = Some(Span::ZERO);
    for (now, earlier) in [(1000, 999), (1005, 1), (1005, 0), (1009, 950)] {
        for anchor in [Anchor::Epoch, Anchor::FirstRequest] {
            // Whether going back and forth admits more than staying.
            macro_rules! gains_nothing {
                ($rule:expr, $state:expr) => {
                    let (rule, mut one, mut other) = ($rule.unwrap(), $state, $state);
                    let stays = admitted(|at| rule.decide(&mut one, at, 1), [now; 2]);
                    let turns = admitted(|at| rule.decide(&mut other, at, 1), [now, earlier]);
                    assert!(turns <= stays, "{turns} rather than {stays}: {rule:?}");
                };
            }
            let grid = match anchor {
                Anchor::Epoch => Grid::Epoch,
                Anchor::FirstRequest => Grid::FirstRequest,
            };
            let estimate = Estimate::Floor;
            gains_nothing!(
                SlidingCounter::new(9, ten, anchor, estimate, Refused::Free),
                CounterState::default()
            );
            gains_nothing!(
                LimitReq::new(rate, 3, Pacing::After(1)),
                LimitReqState::default()
            );
            gains_nothing!(
                LeakyBucket::new(rate, 3, Some(5), None, Grid::None),
                LeakyState::default()
            );
            gains_nothing!(
                LeakyBucket::new(rate, 3, Some(5), None, grid),
                LeakyState::default()
            );
            gains_nothing!(
                PacedWindow::new(9, ten, zero, anchor, Surplus::Kept),
                PacedState::default()
            );
            gains_nothing!(
                TickedBucket::new(2, ten, 9, 0, anchor),
                TickedState::default()
            );
            gains_nothing!(EnvoyBucket::new(rate, 9, anchor), EnvoyState::default());
            gains_nothing!(Ramp::new(9, ten, 150, ten, 90), RampState::default());
            gains_nothing!(Spacing::new(&[ten], ten), SpacingState::default());
            let rule = SegmentedWindow::new(9, ten, 5, 4).unwrap();
            let fresh = || (SegmentedState::default(), vec![0; rule.cells()]);
            let (mut one, mut other) = (fresh(), fresh());
            let stays = admitted(|at| rule.decide(&mut one.0, &mut one.1, at, 1), [now; 2]);
            let turns = admitted(
                |at| rule.decide(&mut other.0, &mut other.1, at, 1),
                [now, earlier],
            );
            assert_eq!(turns, stays);
        }
    }
}
