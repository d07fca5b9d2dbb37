// The workers of the table of calls, in every order of events that a scheduler thinks of.
// `super::subject` is what is tried.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::future::{JoinHandle, block_on, spawn, yield_now};
use shuttle::sync::Mutex;

use super::subject::Workers;

/// Orders that are tried.
const ORDERS: usize = 20_000;
const CALLS: usize = 3;
const CHANNEL: &str = "presence";

/// A table of calls of one channel, and those that work on it.
struct World {
    waiting: Mutex<Vec<usize>>,
    made: Mutex<Vec<usize>>,
    workers: Workers<&'static str, ()>,
    begun: Mutex<Vec<JoinHandle<()>>>,
    living: AtomicUsize,
}

impl World {
    /// Adds a call, then wakes the worker, as the store's caller does. Waits about as long as a worker needs to find nothing
    /// more to do.
    async fn add(self: Arc<Self>, call: usize) {
        for _ in 0..4 * call {
            yield_now().await;
        }
        self.waiting.lock().unwrap().push(call);
        yield_now().await;
        let begin = |_: &&'static str| {
            let worker = spawn(self.clone().work());
            self.begun.lock().unwrap().push(worker);
        };
        self.workers.wake(CHANNEL, |()| {}, begin);
    }

    /// What a worker does: looks, claims, makes, settles; ends when it found nothing and may.
    async fn work(self: Arc<Self>) {
        assert_eq!(self.living.fetch_add(1, Ordering::Relaxed), 0, "two workers have one channel");
        loop {
            self.workers.looks(&CHANNEL);
            yield_now().await;
            let claimed: Vec<usize> = self.waiting.lock().unwrap().clone();
            yield_now().await;
            if claimed.is_empty() {
                // From here on another one may begin.
                self.living.fetch_sub(1, Ordering::Relaxed);
                if self.workers.may_end(&CHANNEL) {
                    return;
                }
                self.living.fetch_add(1, Ordering::Relaxed);
            }
            self.made.lock().unwrap().extend(&claimed);
            yield_now().await;
            self.waiting.lock().unwrap().retain(|call| !claimed.contains(call));
        }
    }
}

pub fn every_call_is_made_once_and_no_channel_has_two_workers() {
    let orders = || {
        block_on(async {
            let world = Arc::new(World {
                waiting: Mutex::default(),
                made: Mutex::default(),
                workers: Workers::default(),
                begun: Mutex::default(),
                living: AtomicUsize::new(0),
            });
            let adding = (0..CALLS).map(|call| spawn(world.clone().add(call)));
            for added in adding.collect::<Vec<_>>() {
                added.await.unwrap();
            }
            loop {
                let worker = world.begun.lock().unwrap().pop();
                let Some(worker) = worker else { break };
                worker.await.unwrap();
            }
            let mut made = world.made.lock().unwrap().clone();
            made.sort_unstable();
            assert_eq!(made, (0..CALLS).collect::<Vec<_>>(), "a call is forgotten, or made twice");
        });
    };
    shuttle::check_random(orders, ORDERS);
    shuttle::check_pct(orders, ORDERS, 3);
}
