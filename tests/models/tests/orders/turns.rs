// The turns of guests that compute for long, in every order of events that a scheduler thinks of.
// `super::subject` is what is tried.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use shuttle::future::{block_on, spawn, yield_now};

use super::subject::{AppTurns, Turns};

/// Orders that are tried.
const ORDERS: usize = 10_000;
const TICKS: usize = 3;

/// Ticks of guests, of which so many may go on at a time.
#[derive(Debug)]
struct Ticks {
    at_a_time: usize,
    begun: AtomicUsize,
    now: AtomicUsize,
}

impl Ticks {
    fn new(at_a_time: usize) -> Arc<Self> {
        Arc::new(Self { at_a_time, begun: AtomicUsize::new(0), now: AtomicUsize::new(0) })
    }

    async fn compute(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        assert!(self.now.fetch_add(1, Ordering::Relaxed) < self.at_a_time, "more guests compute than may");
        yield_now().await;
        self.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Polls once; true when the future still waits.
async fn still_waits<F: Future>(mut future: Pin<&mut F>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

/// Waits for ever where one is not.
async fn all_turns_are_back(count: usize, app: &AppTurns, turns: &Turns) {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(app.next(turns).await);
    }
}

pub fn an_app_with_many_guests_costs_another_one_no_more_than_its_share() {
    let orders = || {
        block_on(async {
            let turns = Turns::new(1);
            let (loud, quiet) = (Arc::new(AppTurns::new(1)), AppTurns::new(1));
            let ticks = Ticks::new(1);
            let guests: [_; 5] = std::array::from_fn(|_| {
                let (turns, loud, ticks) = (turns.clone(), loud.clone(), ticks.clone());
                spawn(async move {
                    for _ in 0..TICKS {
                        let turn = loud.next(&turns).await;
                        ticks.compute().await;
                        drop(turn);
                    }
                })
            });
            for _ in 0..TICKS {
                let mut next = pin!(quiet.next(&turns));
                assert!(still_waits(next.as_mut()).await);
                // It stands in the line of all from here on, or has its turn.
                let before = ticks.begun.load(Ordering::Relaxed);
                let turn = next.await;
                let passed = ticks.begun.load(Ordering::Relaxed) - before;
                assert!(passed <= 1, "{passed} ticks of the loud app came first");
                drop(turn);
            }
            for guest in guests {
                guest.await.unwrap();
            }
            all_turns_are_back(1, &quiet, &turns).await;
        });
    };
    shuttle::check_random(orders, ORDERS);
    shuttle::check_pct(orders, ORDERS, 3);
}

pub fn a_call_that_is_given_up_keeps_no_turn() {
    let orders = || {
        block_on(async {
            let turns = Turns::new(2);
            let app = Arc::new(AppTurns::new(2));
            let ticks = Ticks::new(2);
            let guests: [_; 5] = std::array::from_fn(|number| {
                let (turns, app, ticks) = (turns.clone(), app.clone(), ticks.clone());
                spawn(async move {
                    let mut next = pin!(app.next(&turns));
                    // Given up before it is in line, in line, with a turn, or not at all.
                    for _ in 0..number {
                        if !still_waits(next.as_mut()).await {
                            return;
                        }
                        yield_now().await;
                    }
                    if number == 4 {
                        let turn = next.await;
                        ticks.compute().await;
                        drop(turn);
                    }
                })
            });
            for guest in guests {
                guest.await.unwrap();
            }
            all_turns_are_back(2, &app, &turns).await;
        });
    };
    shuttle::check_random(orders, ORDERS);
    shuttle::check_pct(orders, ORDERS, 3);
}
