// Claimed calls of a node that is so slow that another one ends it, in every order of events that a scheduler thinks of.
// `super::subject` is what is tried. The table, and the order of the steps of a worker, are those of the store and the worker
// in short.

use std::sync::{Arc, PoisonError};

use hookd_models::sync::Instant;
use shuttle::future::{block_on, spawn, yield_now};
use shuttle::sync::{Mutex, MutexGuard};

use super::subject::{LEASE, Lease, Term};

/// Orders that are tried.
const ORDERS: usize = 20_000;
/// They have one order key.
const CALLS: usize = 3;
/// How often each node looks for something to do.
const LOOKS: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Slow,
    Other,
}

/// The store.
struct Table {
    /// The first one may be claimed.
    waiting: Vec<usize>,
    claimed: Option<(usize, Node)>,
    /// The lease of the slow node.
    leased_until: Option<Instant>,
}

struct World {
    table: Mutex<Table>,
    made: Mutex<Vec<usize>>,
    lease: Lease,
    /// No time passes while it is held: a margin of the lease is longer than what a node does without a wait.
    moment: Mutex<()>,
}

impl World {
    fn claim(&self, node: Node) -> Option<usize> {
        let mut table = lock(&self.table);
        let first = table.waiting.first().copied().filter(|_| table.claimed.is_none())?;
        table.claimed = Some((first, node));
        Some(first)
    }

    fn settle(&self, node: Node, call: usize) {
        let mut table = lock(&self.table);
        if table.claimed == Some((call, node)) {
            table.claimed = None;
            table.waiting.remove(0);
        }
    }

    fn give_back(&self, node: Node, call: usize) {
        let mut table = lock(&self.table);
        table.claimed.take_if(|claimed| *claimed == (call, node));
    }

    fn end_lost(&self) {
        let mut table = lock(&self.table);
        if table.leased_until.is_none_or(|until| until <= Instant::now()) {
            table.leased_until = None;
            table.claimed.take_if(|(_, node)| *node == Node::Slow);
        }
    }

    fn begin(&self, node: Node, call: usize) {
        let claimed = lock(&self.table).claimed;
        assert_eq!(claimed, Some((call, node)), "another node has it");
        lock(&self.made).push(call);
    }

    async fn pass_time(self: Arc<Self>) {
        for _ in 0..LOOKS {
            yield_now().await;
            let _moment = lock(&self.moment);
            Instant::pass(8);
        }
    }

    /// As a node keeps its lease.
    async fn keep_lease(self: Arc<Self>) {
        for _ in 0..LOOKS / 2 {
            let asked = Instant::now();
            yield_now().await;
            let is_there = {
                let mut table = lock(&self.table);
                let until = table.leased_until.as_mut();
                until.map(|until| *until = Instant::now() + LEASE).is_some()
            };
            yield_now().await;
            if !is_there {
                self.lease.lost();
                yield_now().await;
                lock(&self.table).leased_until = Some(Instant::now() + LEASE);
                yield_now().await;
            }
            self.lease.renewed(asked);
        }
    }

    /// The worker of the slow node.
    async fn work(self: Arc<Self>) {
        let mut ready: Option<(usize, Term)> = None;
        for _ in 0..LOOKS {
            yield_now().await;
            let moment = lock(&self.moment);
            let Some(term) = self.lease.term() else { continue };
            match ready.take() {
                Some((call, claimed)) if claimed == term => {
                    self.begin(Node::Slow, call);
                    drop(moment);
                    yield_now().await;
                    self.settle(Node::Slow, call);
                }
                Some((call, _)) => {
                    drop(moment);
                    yield_now().await;
                    self.give_back(Node::Slow, call);
                }
                None => {
                    drop(moment);
                    yield_now().await;
                    ready = self.claim(Node::Slow).map(|call| (call, term));
                }
            }
        }
    }

    /// The other node, which never loses its lease.
    async fn take_over(self: Arc<Self>) {
        for _ in 0..LOOKS {
            yield_now().await;
            self.end_lost();
            yield_now().await;
            if let Some(call) = self.claim(Node::Other) {
                self.begin(Node::Other, call);
                yield_now().await;
                self.settle(Node::Other, call);
            }
        }
    }
}

/// Also after another task has failed with the lock: that failure is the one to be seen.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn a_node_that_is_taken_for_dead_begins_nothing_that_another_one_has() {
    let orders = || {
        block_on(async {
            let table = Table { waiting: (0..CALLS).collect(), claimed: None, leased_until: None };
            let world = Arc::new(World {
                table: Mutex::new(table),
                made: Mutex::default(),
                lease: Lease::default(),
                moment: Mutex::default(),
            });
            let tasks = [
                spawn(world.clone().pass_time()),
                spawn(world.clone().keep_lease()),
                spawn(world.clone().work()),
                spawn(world.clone().take_over()),
            ];
            for task in tasks {
                task.await.unwrap();
            }
            // The slow node is gone for good.
            Instant::pass(LEASE.as_secs());
            world.clone().take_over().await;
            let mut made = lock(&world.made).clone();
            assert!(made.is_sorted(), "the order of their key: {made:?}");
            made.dedup();
            assert_eq!(made, (0..CALLS).collect::<Vec<_>>(), "a call is forgotten");
        });
    };
    shuttle::check_random(orders, ORDERS);
    shuttle::check_pct(orders, ORDERS, 3);
}
