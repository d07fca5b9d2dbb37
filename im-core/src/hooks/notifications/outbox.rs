//! The way of a call from the outbox of the store, where it came with its operation, to a queue that lies elsewhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Shared;
use super::dispatcher::Dispatcher;
use super::journal::{Event, Journal};
use crate::ids::AppId;

/// How long rows whose calls are in the other queue wait to be deleted together. A deletion costs a sync of the disk,
/// and no request waits for it.
const CLEAR_WITHIN: Duration = Duration::from_millis(50);

/// After this time in the outbox a call has no task any more: its request was given up, or no queue took it.
pub(super) const FORGOTTEN: Duration = Duration::from_secs(30);

/// Calls that are handed over at once.
const BATCH: usize = 256;

/// Rows whose calls another queue has: they are to leave the outbox.
#[derive(Default)]
pub(super) struct HandedOver {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rows: Vec<OfQueue>,
    /// A task takes them out.
    clearing: bool,
}

/// Rows of one app that one queue has.
struct OfQueue {
    queue: Arc<Dispatcher>,
    app: AppId,
    rows: Vec<u64>,
}

impl HandedOver {
    /// Lets rows leave the outbox soon. When that fails they are handed over once more, and known by their numbers.
    pub(super) fn clear_soon(shared: &Arc<Shared>, queue: &Arc<Dispatcher>, app: &AppId, rows: Vec<u64>) {
        if rows.is_empty() {
            return;
        }
        let mut state = shared.handed_over.state();
        state.rows.push(OfQueue { queue: queue.clone(), app: app.clone(), rows });
        if !state.clearing {
            state.clearing = true;
            let clearing = shared.clone();
            shared.tasks.spawn(async move { clear(&clearing).await });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All rows; `None`, which ends the clearing, when there are none.
    fn next(&self) -> Option<Vec<OfQueue>> {
        let mut state = self.state();
        state.clearing = !state.rows.is_empty();
        state.clearing.then(|| std::mem::take(&mut state.rows))
    }
}

async fn clear(shared: &Shared) {
    let _clearing = Clearing(&shared.handed_over);
    loop {
        // A server that stops does not wait.
        let company = tokio::time::sleep(CLEAR_WITHIN);
        let _ = shared.shutdown.run_until_cancelled(company).await;
        let Some(handed_over) = shared.handed_over.next() else { return };
        let rows = handed_over.iter().flat_map(|of_queue| of_queue.rows.iter().copied()).collect();
        if let Err(error) = shared.store.clear_outbox(rows).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "calls of notification hooks stay in the outbox though they are queued; cleared later"
            );
            continue;
        }
        for OfQueue { queue, app, rows } in handed_over {
            if let Err(error) = queue.queue().forget_rows(&app, &rows).await {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(%app, error, "the queue keeps the numbers of calls for a week");
            }
        }
    }
}

/// The task that takes rows out; where it panics the next one may begin. Its current rows are handed over again.
struct Clearing<'a>(&'a HandedOver);

impl Drop for Clearing<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().clearing = false;
        }
    }
}

/// Queues the calls of the outbox, except those that came within `recent`.
pub(super) async fn hand_over(shared: &Arc<Shared>, recent: Duration) {
    let mut after = 0;
    loop {
        let left = match shared.store.outbox(after, BATCH, recent).await {
            Ok(left) => left,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the outbox of notification hooks cannot be read");
                return;
            }
        };
        let Some((_, last)) = left.last() else { return };
        after = last.row;
        let mut receipts = Vec::new();
        for (app, call) in left {
            // Another node may know an unknown app already. The calls of a deleted app are deleted with it.
            if let Some(app) = shared.apps.app(&app) {
                receipts.push(Journal::record(shared, &app, vec![Event::Stored(call)]));
            }
        }
        for receipt in receipts {
            receipt.written().await;
        }
    }
}
