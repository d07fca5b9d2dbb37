//! The queue of notification hooks: what waits is bounded, per app, so that one app cannot use up the room of others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::ids::AppId;
use crate::trace;

/// Notification hooks of one app that may wait or run; a call beyond it is dropped and counted.
pub(super) const MAX_WAITING: usize = 1024;

/// Notification hooks of one app that run at a time.
const MAX_RUNNING: usize = 16;

/// Runs notifications in the background.
pub(super) struct NotificationQueue {
    tasks: TaskTracker,
    apps: Mutex<HashMap<AppId, Arc<AppQueue>>>,
}

struct AppQueue {
    places: Arc<Semaphore>,
    running: Semaphore,
}

impl NotificationQueue {
    pub(super) fn new(tasks: TaskTracker) -> Self {
        Self { tasks, apps: Mutex::default() }
    }

    /// Runs `call` when it is its turn; false when the queue of the app is full.
    ///
    /// The wait for a turn needs no deadline of its own: every call before it has one.
    pub(super) fn push(&self, app: &AppId, call: impl Future<Output = ()> + Send + 'static) -> bool {
        let queue = self.queue(app);
        let Ok(place) = queue.places.clone().try_acquire_owned() else {
            return false;
        };
        let call = trace::carried(call);
        self.tasks.spawn(async move {
            let _place = place;
            let _turn = queue.running.acquire().await;
            call.await;
        });
        true
    }

    fn queue(&self, app: &AppId) -> Arc<AppQueue> {
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        let new_queue = || {
            Arc::new(AppQueue { places: Arc::new(Semaphore::new(MAX_WAITING)), running: Semaphore::new(MAX_RUNNING) })
        };
        apps.entry(app.clone()).or_insert_with(new_queue).clone()
    }
}
