//! The workers: one for each app and channel that has something to do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::worker::Worker;
use crate::app::AppDirectory;
use crate::hooks::engine_calls::EngineCalls;
use crate::ids::{AppId, Channel, NodeId};
use crate::store::{Backlog, Calls, StoreError};

type Key = (AppId, Channel);

/// Starts a worker when there is work, and wakes it when there is more.
pub(super) struct Dispatcher {
    /// As which calls are claimed.
    pub(super) node: NodeId,
    pub(super) table: Arc<dyn Calls>,
    pub(super) apps: Arc<dyn AppDirectory>,
    pub(super) calls: Arc<EngineCalls>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    workers: Mutex<HashMap<Key, Running>>,
}

/// A worker that lives.
struct Running {
    wake: Arc<Notify>,
    /// There is news that the worker has not looked at.
    news: bool,
    /// The app is gone.
    forgotten: CancellationToken,
}

impl Dispatcher {
    pub(super) fn new(
        (node, table): (NodeId, Arc<dyn Calls>),
        apps: Arc<dyn AppDirectory>,
        calls: Arc<EngineCalls>,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        Self { node, table, apps, calls, tasks, shutdown, workers: Mutex::default() }
    }

    /// There are calls in this channel. After a stop was asked for they wait for the next process.
    pub(super) fn wake(self: &Arc<Self>, app: &AppId, channel: Channel) {
        if self.shutdown.is_cancelled() {
            return;
        }
        let key = (app.clone(), channel);
        let mut workers = self.workers();
        if let Some(running) = workers.get_mut(&key) {
            running.news = true;
            running.wake.notify_one();
            return;
        }
        let (wake, forgotten) = (Arc::new(Notify::new()), CancellationToken::new());
        let stop = self.shutdown.child_token();
        let worker = Worker::new(self.clone(), key.clone(), wake.clone(), stop, forgotten.clone());
        workers.insert(key, Running { wake, news: false, forgotten });
        self.tasks.spawn(worker.run());
    }

    /// Works on what waits. An app that is not known may be one that only another node knows yet.
    pub(super) fn resume(self: &Arc<Self>, backlog: &[Backlog]) {
        for Backlog { app, channel, .. } in backlog.iter().filter(|entry| self.apps.app(&entry.app).is_some()) {
            self.wake(app, channel.clone());
        }
    }

    /// Ends the workers of an app and throws its calls and dead letters away.
    pub(super) async fn forget(&self, app: &AppId) -> Result<(), StoreError> {
        self.workers().iter().filter(|((of, _), _)| of == app).for_each(|(_, running)| running.forgotten.cancel());
        self.table.forget_calls(app).await.inspect_err(|error| {
            let error = error as &dyn std::error::Error;
            tracing::error!(%app, error, "hook calls of a deleted app stay for now");
        })
    }

    /// Called by a worker that has nothing to do; false when there is news meanwhile.
    pub(super) fn end(&self, key: &Key) -> bool {
        let mut workers = self.workers();
        match workers.get_mut(key) {
            Some(running) if running.news => {
                running.news = false;
                false
            }
            _ => {
                workers.remove(key);
                true
            }
        }
    }

    /// Called by a worker that ends in any case.
    pub(super) fn ended(&self, key: &Key) {
        self.workers().remove(key);
    }

    /// Called by a worker before it looks at the table.
    pub(super) fn seen(&self, key: &Key) {
        if let Some(running) = self.workers().get_mut(key) {
            running.news = false;
        }
    }

    fn workers(&self) -> MutexGuard<'_, HashMap<Key, Running>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
