// Turns of what apps share, in every order of events that a scheduler thinks of.
// `super::subject` is what is tried.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use shuttle::future::{block_on, spawn, yield_now};

use super::subject::{FairTurns, Holder};

/// Orders that are tried.
const ORDERS: usize = 10_000;

/// Polls once; true when the future still waits.
async fn still_waits<F: Future>(mut future: Pin<&mut F>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

/// Tasks of two apps that want turns, of which some are given up: in line, with the turn in hand, or before.
fn all_come_to_their_turn(size: u32) {
    block_on(async move {
        let (turns, now) = (Arc::new(FairTurns::new(size)), Arc::new(AtomicU32::new(0)));
        let holders = Arc::new((Holder::default(), Holder::default()));
        let tasks: [_; 6] = std::array::from_fn(|number| {
            let (turns, holders, now) = (turns.clone(), holders.clone(), now.clone());
            spawn(async move {
                let holder = if number % 2 == 0 { &holders.0 } else { &holders.1 };
                let mut taking = pin!(turns.take(holder));
                if number > 3 {
                    for _ in 3..number {
                        if !still_waits(taking.as_mut()).await {
                            return;
                        }
                        yield_now().await;
                    }
                    return;
                }
                let turn = taking.await;
                assert!(now.fetch_add(1, Ordering::Relaxed) < size, "more turns than there are");
                yield_now().await;
                now.fetch_sub(1, Ordering::Relaxed);
                drop(turn);
            })
        });
        for task in tasks {
            assert!(task.await.is_ok());
        }
        // Nothing is kept by those who are gone; each app gets its first. Waits for ever where it is not so.
        let all: Vec<Holder> = (0..size).map(|_| Holder::default()).collect();
        let mut taken = Vec::new();
        for holder in &all {
            taken.push(turns.take(holder).await);
        }
    });
}

pub fn nobody_is_forgotten_where_there_is_one_turn() {
    shuttle::check_random(|| all_come_to_their_turn(1), ORDERS);
    shuttle::check_pct(|| all_come_to_their_turn(1), ORDERS, 3);
}

pub fn nobody_is_forgotten_where_an_app_may_not_have_all_turns() {
    shuttle::check_random(|| all_come_to_their_turn(3), ORDERS);
    shuttle::check_pct(|| all_come_to_their_turn(3), ORDERS, 3);
}
