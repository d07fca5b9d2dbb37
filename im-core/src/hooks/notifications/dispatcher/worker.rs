//! The calls of one channel of one app: claim, call, settle.

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::super::attempt::attempt;
use super::super::lease::Term;
use super::super::outcome::Ended;
use super::super::retry;
use super::super::targets::DueCall;
use super::Dispatcher;
use crate::app::ImSettings;
use crate::hooks::channels::{UNREADABLE, target_named};
use crate::hooks::{FailureCause, metrics};
use crate::ids::{AppId, Channel};
use crate::store::{Call, CallOutcome};
use crate::timestamp::Timestamp;

/// Calls of one channel that run at a time: all channels together stay below the engine's own default limit.
const MAX_RUNNING: usize = 8;

/// Calls that are claimed at once.
const CLAIM: usize = 64;

/// The most calls that are settled in one write, and how long the first of them waits for others. Each write costs a
/// sync of the disk, and no request waits for it.
const SETTLE: usize = 64;
const SETTLE_WITHIN: Duration = Duration::from_millis(50);

/// Settled calls that are kept in memory while they cannot be written down; beyond it no call is begun.
const MAX_UNSETTLED: usize = 4 * SETTLE;

/// How long a store that failed is left alone.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// The label of a target that this program does not know: nothing of its call is safe to be a label.
const UNKNOWN_HOOK: &str = "unknown";

pub(super) struct Worker {
    dispatcher: Arc<Dispatcher>,
    key: (AppId, Channel),
    wake: Arc<Notify>,
    stop: CancellationToken,
    forgotten: CancellationToken,
    /// Claimed, and not called yet.
    ready: VecDeque<DueCall>,
    running: JoinSet<Ended>,
    in_work: HashMap<Id, DueCall>,
    settled: Vec<(DueCall, CallOutcome)>,
    settle_at: Option<Instant>,
    /// When the table is to be looked at.
    look_at: Option<Instant>,
    /// Failed tries in a row to reach the engine, and when to try again, with one call.
    tries: u32,
    paused_until: Option<Instant>,
}

impl Worker {
    pub(super) fn new(
        dispatcher: Arc<Dispatcher>,
        key: (AppId, Channel),
        wake: Arc<Notify>,
        stop: CancellationToken,
        forgotten: CancellationToken,
    ) -> Self {
        Self {
            dispatcher,
            key,
            wake,
            stop,
            forgotten,
            ready: VecDeque::new(),
            running: JoinSet::new(),
            in_work: HashMap::new(),
            settled: Vec::new(),
            settle_at: None,
            look_at: Some(Instant::now()),
            tries: 0,
            paused_until: None,
        }
    }

    /// Works until there is nothing left, now or later, or a stop is asked for.
    pub(super) async fn run(mut self) {
        let forgotten = self.forgotten.clone();
        let working = forgotten.run_until_cancelled(AssertUnwindSafe(self.work()).catch_unwind());
        match working.await {
            Some(Ok(())) => {}
            // Nothing of a forgotten app needs an end: its calls are deleted.
            None => self.dispatcher.workers.ended(&self.key),
            Some(Err(_)) => self.after_panic().await,
        }
    }

    /// Lets the next worker make the current calls of this one, also those that were made and not settled.
    async fn after_panic(mut self) {
        let (app, channel) = &self.key;
        tracing::error!(%app, %channel, "notification hooks pause: working on them panicked");
        self.running.shutdown().await;
        let settled = std::mem::take(&mut self.settled).into_iter().map(|(call, _)| call);
        let in_hand = self.ready.drain(..).chain(self.in_work.drain().map(|(_, call)| call)).chain(settled);
        let numbers = in_hand.map(|call| call.call.number).collect();
        let Dispatcher { table, node, .. } = self.dispatcher.as_ref();
        if let Err(error) = table.give_back(node, app, channel, numbers).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(%app, error, "claimed hook calls are not given back; they are made after a restart");
        }
        self.dispatcher.workers.ended(&self.key);
    }

    async fn work(&mut self) {
        loop {
            if self.stop.is_cancelled() {
                return self.wind_up().await;
            }
            let term = self.dispatcher.lease.term();
            if let Some(term) = term {
                if self.ready.iter().any(|call| call.term != term) {
                    self.let_go_other_terms(term).await;
                    continue;
                }
                self.start_calls();
            }
            let now = Instant::now();
            if self.settle_at.is_some_and(|at| at <= now) {
                self.settle().await;
            } else if let Some(term) = term
                && self.ready.is_empty()
                && self.look_at.is_some_and(|at| at <= now)
            {
                self.claim(term).await;
            } else if self.is_idle() {
                if self.dispatcher.workers.may_end(&self.key) {
                    return;
                }
                self.look_at = Some(now);
            } else {
                self.wait(term.is_some()).await;
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.running.is_empty() && self.settled.is_empty() && self.look_at.is_none()
    }

    /// While the engine is away one call tries it for all.
    fn start_calls(&mut self) {
        if self.paused_until.is_some_and(|until| until > Instant::now()) {
            return;
        }
        if self.settled.len() >= MAX_UNSETTLED {
            return;
        }
        let places = if self.tries == 0 { MAX_RUNNING } else { 1 };
        while self.running.len() < places
            && let Some(call) = self.ready.pop_front()
        {
            let targets = self.dispatcher.targets.clone();
            let task = self.running.spawn(attempt(targets, self.key.0.clone(), call.clone()));
            self.in_work.insert(task.id(), call);
        }
    }

    /// Calls that were claimed before others ended this node: most are theirs now, the rest is claimed again.
    async fn let_go_other_terms(&mut self, term: Term) {
        let (own, others): (VecDeque<_>, VecDeque<_>) = self.ready.drain(..).partition(|call| call.term == term);
        self.ready = own;
        let numbers = others.into_iter().map(|call| call.call.number).collect();
        let Dispatcher { table, node, .. } = self.dispatcher.as_ref();
        let (app, channel) = &self.key;
        if let Err(error) = table.give_back(node, app, channel, numbers).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(%app, %channel, error, "hook calls of a lost lease are given back with the next claim");
        }
        self.look_at = Some(Instant::now());
    }

    async fn claim(&mut self, term: Term) {
        self.dispatcher.workers.looks(&self.key);
        let Dispatcher { table, node, .. } = self.dispatcher.as_ref();
        let (app, channel) = &self.key;
        match table.claim(node, app, channel, CLAIM).await {
            Ok(claimed) => {
                let now = Timestamp::now();
                let next = claimed.next.map(|next| Instant::now() + next.since(now));
                self.look_at = if claimed.calls.is_empty() { next } else { Some(Instant::now()) };
                claimed.calls.into_iter().for_each(|call| self.accept(call, term));
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%app, %channel, error, "notification hooks wait: their calls cannot be read");
                self.look_at = Some(Instant::now() + AFTER_ERROR);
            }
        }
    }

    /// Takes a claimed call. One of a hook that this program does not know becomes a dead letter: it holds up no other call.
    fn accept(&mut self, call: Call, term: Term) {
        let in_hand = self.in_work.values_mut().chain(self.settled.iter_mut().map(|(call, _)| call));
        if let Some(begun) = in_hand.into_iter().find(|begun| begun.call.number == call.number) {
            // Begun in an earlier term, and of this node again: that attempt counts.
            begun.term = term;
            return;
        }
        if let Some(target) = target_named(&call.target) {
            self.ready.push_back(DueCall { target, call, term });
            return;
        }
        let (app, target) = (&self.key.0, &call.target);
        tracing::error!(%app, target, "a stored call has an unknown target: it is a dead letter now");
        let reason = format!("the hook `{target}` is unknown: use a newer program, then retry");
        let unreadable = CallOutcome::Dead { cause: UNREADABLE.to_owned(), reason };
        self.settled.push((DueCall { target: UNKNOWN_HOOK, call, term }, unreadable));
        self.settle_at = Some(Instant::now());
    }

    /// Without a lease it waits for one: then it is woken.
    async fn wait(&mut self, has_lease: bool) {
        let paused = self.paused_until.filter(|_| has_lease && !self.ready.is_empty() && self.running.is_empty());
        let look_at = self.look_at.filter(|_| has_lease && self.ready.is_empty());
        let alarm = [self.settle_at, look_at, paused].into_iter().flatten().min();
        tokio::select! {
            Some(ended) = self.running.join_next_with_id() => self.ended(ended),
            () = self.wake.notified() => self.look_at = Some(Instant::now()),
            () = self.stop.cancelled() => {}
            () = sleep_until(alarm.unwrap_or_else(Instant::now)), if alarm.is_some() => {}
        }
    }

    fn ended(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let (id, ended) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                let reason = format!("the call panicked: {error}");
                (
                    error.id(),
                    Ended::Settled(CallOutcome::Dead { cause: FailureCause::Trapped.name().to_owned(), reason }),
                )
            }
        };
        let Some(call) = self.in_work.remove(&id) else { return };
        match ended {
            Ended::EngineAway => {
                // Another one is tried next: this call may be what kills its engine.
                self.ready.push_back(call);
                // Of those that ran at the same time only the first says something new.
                if self.paused_until.is_none_or(|until| until <= Instant::now()) {
                    self.tries = self.tries.saturating_add(1);
                    self.paused_until = Some(Instant::now() + retry::pause(self.tries));
                }
            }
            Ended::Continued(channel) => {
                self.dispatcher.wake(&self.key.0, channel);
                self.settle_soon(call, CallOutcome::Done);
            }
            Ended::Settled(outcome) => self.settle_soon(call, outcome),
        }
    }

    fn settle_soon(&mut self, call: DueCall, outcome: CallOutcome) {
        (self.tries, self.paused_until) = (0, None);
        // The next calls of its order key wait until the row is deleted.
        let urgent = call.call.order_key.is_some() || outcome != CallOutcome::Done;
        self.settled.push((call, outcome));
        let within = if urgent || self.settled.len() >= SETTLE { Duration::ZERO } else { SETTLE_WITHIN };
        let at = Instant::now() + within;
        self.settle_at = Some(self.settle_at.map_or(at, |set| set.min(at)));
    }

    async fn settle(&mut self) {
        let (app, channel) = &self.key;
        let settings = self.dispatcher.targets.calls.settings.get(app).await.unwrap_or_default();
        let bound = usize::try_from(settings.dead_letter_limit).unwrap_or(usize::MAX);
        let Dispatcher { table, node, .. } = self.dispatcher.as_ref();
        let outcomes = self.settled.iter().map(|(call, outcome)| (call.call.number, outcome.clone())).collect();
        match table.settle(node, app, channel, outcomes, bound).await {
            Ok(deleted_letters) => {
                self.settle_at = None;
                let settled = std::mem::take(&mut self.settled);
                settled.iter().for_each(|(call, outcome)| self.settled_one(call, outcome));
                self.report_deleted_letters(deleted_letters, &settings);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%app, %channel, error, "calls of notification hooks cannot be settled");
                self.settle_at = Some(Instant::now() + AFTER_ERROR);
            }
        }
    }

    fn settled_one(&mut self, call: &DueCall, outcome: &CallOutcome) {
        let order_key = call.call.order_key.as_ref();
        let again = match outcome {
            CallOutcome::Done => order_key.map(|_| Instant::now()),
            CallOutcome::Again { at } => {
                metrics::retried(call.target);
                Some(Instant::now() + at.since(Timestamp::now()))
            }
            CallOutcome::Dead { cause, .. } => {
                metrics::dead(call.target, cause);
                order_key.map(|_| Instant::now())
            }
        };
        if let Some(again) = again {
            self.look_at = Some(self.look_at.map_or(again, |set| set.min(again)));
        }
    }

    fn report_deleted_letters(&self, letters: usize, settings: &ImSettings) {
        if letters > 0 {
            let (app, kept) = (&self.key.0, settings.dead_letter_limit);
            metrics::letters_dropped(letters);
            tracing::warn!(%app, letters, kept, "the oldest dead letters are deleted: see `dead_letter_limit`");
        }
    }

    /// Lets running calls end and writes down what they did; the rest waits for the next process.
    async fn wind_up(&mut self) {
        while let Some(ended) = self.running.join_next_with_id().await {
            self.ended(ended);
        }
        let waiting = std::mem::take(&mut self.ready).into_iter().map(|call| call.call.number).collect();
        if !self.settled.is_empty() {
            self.settle().await;
        }
        let (app, channel) = &self.key;
        let Dispatcher { table, node, .. } = self.dispatcher.as_ref();
        if let Err(error) = table.give_back(node, app, channel, waiting).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(%app, error, "claimed hook calls are not given back; they are made after a restart");
        }
        self.dispatcher.workers.ended(&self.key);
    }
}
