//! The turns of what apps share. Beside their file, which `tests/models` compiles too.

use std::pin::{Pin, pin};
use std::time::Duration;

use futures::FutureExt as _;

use crate::fair_turns::{FairTurns, Holder, Turn};

/// The turn, if it is to be had without waiting.
fn now<'a>(turn: &mut Pin<&mut impl Future<Output = Turn<'a>>>) -> Option<Turn<'a>> {
    turn.as_mut().now_or_never()
}

fn take_all<'a>(turns: &'a FairTurns, holder: &'a Holder) -> Vec<Turn<'a>> {
    std::iter::from_fn(|| turns.take(holder).now_or_never()).collect()
}

#[test]
fn one_app_leaves_a_quarter_to_others_and_each_gets_its_first() {
    let (turns, [greedy, second, third]) = (FairTurns::new(16), std::array::from_fn(|_| Holder::default()));
    let held = take_all(&turns, &greedy);
    assert_eq!(held.len(), 12);
    let of_second = take_all(&turns, &second);
    assert_eq!((of_second.len(), take_all(&turns, &third).len()), (3, 1));
    let (one_turn, holders) = (FairTurns::new(1), [Holder::default(), Holder::default()]);
    let turn = one_turn.take(&holders[0]).now_or_never();
    assert!(turn.is_some() && one_turn.take(&holders[1]).now_or_never().is_none());
    drop(turn);
    assert!(one_turn.take(&holders[1]).now_or_never().is_some());
}

#[test]
fn the_next_turn_goes_to_the_app_that_has_the_fewest() {
    let (turns, [greedy, modest]) = (FairTurns::new(2), std::array::from_fn(|_| Holder::default()));
    let first = turns.take(&greedy).now_or_never().unwrap();
    let other = turns.take(&modest).now_or_never().unwrap();
    let mut later = pin!(turns.take(&greedy));
    let mut more = pin!(turns.take(&greedy));
    let mut waits = pin!(turns.take(&modest));
    assert!(now(&mut later).is_none() && now(&mut more).is_none() && now(&mut waits).is_none());
    drop(other);
    assert!(now(&mut later).is_none(), "the greedy one has a turn");
    let other = now(&mut waits).unwrap();
    drop((first, other));
    assert!(now(&mut later).is_some());
}

#[test]
fn of_one_turn_apps_have_it_one_after_the_other() {
    let (turns, [greedy, modest]) = (FairTurns::new(1), std::array::from_fn(|_| Holder::default()));
    let turn = turns.take(&greedy).now_or_never().unwrap();
    let [mut first, mut second] = [Box::pin(turns.take(&greedy)), Box::pin(turns.take(&greedy))];
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    drop(turn);
    let turn = (&mut first).now_or_never().unwrap();
    let mut other = pin!(turns.take(&modest));
    assert!(now(&mut other).is_none());
    drop(turn);
    let turn = now(&mut other).unwrap();
    assert!((&mut second).now_or_never().is_none());
    drop(turn);
    assert!((&mut second).now_or_never().is_some());
}

#[test]
fn who_gives_up_leaves_the_line_or_gives_the_turn_back() {
    let (turns, [one, other]) = (FairTurns::new(1), std::array::from_fn(|_| Holder::default()));
    let turn = turns.take(&one).now_or_never().unwrap();
    let [mut given_up, mut served] = [Box::pin(turns.take(&other)), Box::pin(turns.take(&other))];
    assert!((&mut given_up).now_or_never().is_none() && (&mut served).now_or_never().is_none());
    drop(given_up);
    drop(turn);
    // It has the turn, and never looks at it.
    drop(served);
    assert!(turns.take(&one).now_or_never().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_turn_is_lost_when_callers_come_and_go() {
    let turns: &'static FairTurns = Box::leak(Box::new(FairTurns::new(3)));
    let holders: &'static [Holder; 4] = Box::leak(Box::new(std::array::from_fn(|_| Holder::default())));
    let tasks = (0..64_u64).map(|number| {
        tokio::spawn(async move {
            for round in 0..200 {
                let taking = turns.take(&holders[number as usize % 4]);
                if (number + round) % 5 == 0 {
                    let _ = tokio::time::timeout(Duration::from_micros(round), taking).await;
                } else {
                    let _turn = taking.await;
                    tokio::task::yield_now().await;
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        tokio::time::timeout(Duration::from_secs(60), task).await.expect("a caller never got a turn").unwrap();
    }
    // Each gets its first without waiting, as long as there is one.
    let all: Vec<_> = holders.iter().map(|holder| turns.take(holder).now_or_never()).collect();
    assert_eq!(all.iter().flatten().count(), 3);
}
