//! The workers: one for each app and channel that has something to do.

mod worker;

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::worker::Worker;
use super::lease::Lease;
use super::targets::Targets;
use super::workers::Workers;
use crate::ids::{AppId, Channel, NodeId};
use crate::store::{Backlog, Calls, StoreError};

type Key = (AppId, Channel);

/// Starts a worker when there is work, and wakes it when there is more.
pub(super) struct Dispatcher {
    /// As which calls are claimed.
    pub(super) node: NodeId,
    pub(super) lease: Lease,
    pub(super) table: Arc<dyn Calls>,
    pub(super) targets: Arc<Targets>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    pub(super) workers: Workers<Key, Signals>,
}

/// How a worker is reached.
pub(super) struct Signals {
    wake: Arc<Notify>,
    /// The app is gone.
    forgotten: CancellationToken,
}

impl Dispatcher {
    pub(super) fn new(
        (node, table): (NodeId, Arc<dyn Calls>),
        targets: Targets,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let (targets, lease, workers) = (Arc::new(targets), Lease::default(), Workers::default());
        Self { node, lease, table, targets, tasks, shutdown, workers }
    }

    /// There are calls in this channel. After a stop was asked for they wait for the next process.
    pub(super) fn wake(self: &Arc<Self>, app: &AppId, channel: Channel) {
        if self.shutdown.is_cancelled() {
            return;
        }
        let begin = |key: &Key| {
            let (wake, forgotten) = (Arc::new(Notify::new()), CancellationToken::new());
            let stop = self.shutdown.child_token();
            let worker = Worker::new(self.clone(), key.clone(), wake.clone(), stop, forgotten.clone());
            self.tasks.spawn(worker.run());
            Signals { wake, forgotten }
        };
        self.workers.wake((app.clone(), channel), |signals| signals.wake.notify_one(), begin);
    }

    /// Works on what waits. An app that is not known may be one that only another node knows yet.
    pub(super) fn resume(self: &Arc<Self>, backlog: &[Backlog]) {
        for Backlog { app, channel, .. } in backlog.iter().filter(|entry| self.targets.apps.app(&entry.app).is_some()) {
            self.wake(app, channel.clone());
        }
    }

    /// Calls may be begun again.
    pub(super) fn wake_all(&self) {
        self.workers.for_each(|_, signals| signals.wake.notify_one());
    }

    /// Ends the workers of an app and deletes its calls and dead letters.
    pub(super) async fn forget(&self, app: &AppId) -> Result<(), StoreError> {
        self.workers.for_each(|(of, _), signals| {
            if of == app {
                signals.forgotten.cancel();
            }
        });
        self.table.forget_calls(app).await.inspect_err(|error| {
            let error = error as &dyn std::error::Error;
            tracing::error!(%app, error, "hook calls of a deleted app stay for now");
        })
    }
}
