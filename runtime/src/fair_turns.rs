//! Turns of something that all apps share, such as places for running calls, and what of it is one app's fair share.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::SeqCst;

use crate::sync::{Arc, AtomicU32, AtomicU64, Mutex, MutexGuard, PoisonError, oneshot};

/// One app has at most so many times what is left for all others. So one app alone may have three quarters, and the
/// next app still gets a turn: turns cannot be taken back, so one app must not use them all.
const TIMES_THE_REST: u64 = 3;

/// True when one app may have `held` of something of which then `free` is left.
pub fn is_fair(held: u64, free: u64) -> bool {
    held <= free.saturating_mul(TIMES_THE_REST)
}

/// So many turns at a time. An app without a turn gets any free one, other apps only a fair part. A call waits in the
/// line of its app, and the next turn goes to the app with the fewest; of apps with equally few, to the one whose last
/// turn from a line is the longest ago.
///
/// While no call waits, taking and giving back are two atomic operations each, and nothing is locked.
#[derive(Debug)]
// On cache lines of its own: all processors write to it, and would take what lies beside it from each other.
#[repr(align(128))]
pub struct FairTurns {
    size: u32,
    taken: AtomicU32,
    /// The number of calls that wait in all lines. Changed under the lock only.
    waiting: AtomicU32,
    lines: Mutex<Lines>,
}

/// The share of one app in the turns.
#[derive(Clone, Debug, Default)]
pub struct Holder(Arc<Counts>);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Counts {
    held: AtomicU32,
    /// Number of its last turn from a line.
    served: AtomicU64,
}

/// Given back when it is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    turns: &'a FairTurns,
    holder: &'a Holder,
}

#[derive(Debug, Default)]
struct Lines {
    /// Of apps in which someone waits.
    apps: Vec<AppLine>,
    last_served: u64,
    next_number: u64,
}

#[derive(Debug)]
struct AppLine {
    holder: Holder,
    waiters: VecDeque<(u64, oneshot::Sender<()>)>,
}

impl FairTurns {
    /// So many turns at a time.
    pub fn new(size: u32) -> Self {
        Self { size, taken: AtomicU32::new(0), waiting: AtomicU32::new(0), lines: Mutex::default() }
    }

    /// Waits for a turn as long as the caller has it wait.
    pub async fn take<'a>(&'a self, holder: &'a Holder) -> Turn<'a> {
        if self.waiting.load(SeqCst) > 0 || !self.try_take(&holder.0) {
            Waiter::new(self, holder).served().await;
        }
        Turn { turns: self, holder }
    }

    /// A caller that fails then waits in line, and looks at the lines again: its short attempt may have kept other
    /// calls of its app from their turn.
    fn try_take(&self, counts: &Counts) -> bool {
        let held = counts.held.fetch_add(1, SeqCst) + 1;
        let taken = self.taken.fetch_update(SeqCst, SeqCst, |taken| {
            let free = self.size.checked_sub(taken + 1)?;
            (held == 1 || is_fair(held.into(), free.into())).then_some(taken + 1)
        });
        if taken.is_err() {
            counts.held.fetch_sub(1, SeqCst);
        }
        taken.is_ok()
    }

    // Who comes to wait counts itself before it looks for a free turn, and here a turn is free before the count is looked at: one
    // of the two sees the other.
    fn give_back(&self, counts: &Counts) {
        counts.held.fetch_sub(1, SeqCst);
        self.taken.fetch_sub(1, SeqCst);
        if self.waiting.load(SeqCst) > 0 {
            self.serve(&mut self.lines());
        }
    }

    /// Gives the free turns to the waiting calls that may have them.
    fn serve(&self, lines: &mut Lines) {
        loop {
            let free = self.size.saturating_sub(self.taken.load(SeqCst));
            let Some(next) = lines.next(free) else { return };
            let taken = self.taken.fetch_update(SeqCst, SeqCst, |taken| (taken < self.size).then_some(taken + 1));
            if taken.is_err() {
                // Another caller took it meanwhile, and will give it back.
                return;
            }
            if let Some(waiter) = lines.take(next) {
                self.waiting.fetch_sub(1, SeqCst);
                // It cannot be gone: it leaves its line first, under the lock.
                let _ = waiter.send(());
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.give_back(&self.holder.0);
    }
}

impl Lines {
    fn add(&mut self, holder: &Holder, waiter: oneshot::Sender<()>) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        match self.apps.iter_mut().find(|line| line.is_of(holder)) {
            Some(line) => line.waiters.push_back((number, waiter)),
            None => self.apps.push(AppLine { holder: holder.clone(), waiters: [(number, waiter)].into() }),
        }
        number
    }

    /// False when it is already gone.
    fn remove(&mut self, holder: &Holder, number: u64) -> bool {
        let Some(at) = self.apps.iter().position(|line| line.is_of(holder)) else { return false };
        let Some(line) = self.apps.get_mut(at) else { return false };
        let before = line.waiters.len();
        line.waiters.retain(|(other, _)| *other != number);
        let is_removed = line.waiters.len() < before;
        if line.waiters.is_empty() {
            self.apps.swap_remove(at);
        }
        is_removed
    }

    /// Whose turn it is, of which so many are free.
    fn next(&self, free: u32) -> Option<usize> {
        let left = u64::from(free.checked_sub(1)?);
        let may = |held: u32| held == 0 || is_fair(u64::from(held) + 1, left);
        let rank = |line: &AppLine| (line.holder.0.held.load(SeqCst), line.holder.0.served.load(SeqCst));
        let candidates = self.apps.iter().enumerate().map(|(at, line)| (rank(line), at));
        candidates.filter(|((held, _), _)| may(*held)).min().map(|(_, at)| at)
    }

    /// The first of a line, which has the turn now.
    fn take(&mut self, at: usize) -> Option<oneshot::Sender<()>> {
        let line = self.apps.get_mut(at)?;
        let (_, waiter) = line.waiters.pop_front()?;
        self.last_served += 1;
        line.holder.0.served.store(self.last_served, SeqCst);
        line.holder.0.held.fetch_add(1, SeqCst);
        if line.waiters.is_empty() {
            self.apps.swap_remove(at);
        }
        Some(waiter)
    }
}

impl AppLine {
    fn is_of(&self, holder: &Holder) -> bool {
        Arc::ptr_eq(&self.holder.0, &holder.0)
    }
}

/// Stands in line; one that is given up leaves it, or gives back the turn that it has already.
struct Waiter<'a> {
    turns: &'a FairTurns,
    holder: &'a Holder,
    number: u64,
    turn: oneshot::Receiver<()>,
    is_served: bool,
}

impl<'a> Waiter<'a> {
    fn new(turns: &'a FairTurns, holder: &'a Holder) -> Self {
        let (waiter, turn) = oneshot::channel();
        let mut lines = turns.lines();
        let number = lines.add(holder, waiter);
        turns.waiting.fetch_add(1, SeqCst);
        turns.serve(&mut lines);
        drop(lines);
        Self { turns, holder, number, turn, is_served: false }
    }

    async fn served(mut self) {
        // The code that serves it drops the other end.
        let _ = (&mut self.turn).await;
        self.is_served = true;
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if self.is_served {
            return;
        }
        let mut lines = self.turns.lines();
        if lines.remove(self.holder, self.number) {
            self.turns.waiting.fetch_sub(1, SeqCst);
        } else {
            drop(lines);
            self.turns.give_back(&self.holder.0);
        }
    }
}
