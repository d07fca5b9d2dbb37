//! A queue that a kill interrupts: it receives calls, and never answers.

use std::sync::Arc;

use async_trait::async_trait;
use hookd_im_core::hooks::HookQueue;
use hookd_im_core::hooks::queue::{
    Backlog, Channel, Claimed, DeadLetter, Entry, Fate, Letters, QueueError, QueuedCall,
};
use hookd_im_core::ids::AppId;
use tokio::sync::Semaphore;

/// When the process dies that queues calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killed {
    BeforeTheWrite,
    AfterTheWrite,
}

pub struct InterruptedQueue {
    inner: Arc<dyn HookQueue>,
    killed: Killed,
    reached: Semaphore,
}

impl InterruptedQueue {
    pub fn new(inner: Arc<dyn HookQueue>, killed: Killed) -> Arc<Self> {
        Arc::new(Self { inner, killed, reached: Semaphore::new(0) })
    }

    /// Resolves when a call has come as far as the kill.
    pub async fn reached(&self) {
        drop(self.reached.acquire().await.unwrap());
    }
}

#[async_trait]
impl HookQueue for InterruptedQueue {
    fn joins_store(&self) -> bool {
        self.inner.joins_store()
    }

    async fn record(&self, app: &AppId, entries: Vec<Entry>, bound: usize) -> Result<usize, QueueError> {
        if self.killed == Killed::AfterTheWrite {
            self.inner.record(app, entries, bound).await.unwrap();
        }
        self.reached.add_permits(1);
        std::future::pending().await
    }

    async fn forget_rows(&self, app: &AppId, rows: &[u64]) -> Result<(), QueueError> {
        self.inner.forget_rows(app, rows).await
    }

    async fn end_lost_sessions(&self) -> Result<(), QueueError> {
        self.inner.end_lost_sessions().await
    }

    async fn claim(&self, app: &AppId, channel: Channel, limit: usize) -> Result<Claimed, QueueError> {
        self.inner.claim(app, channel, limit).await
    }

    async fn settle(
        &self,
        app: &AppId,
        channel: Channel,
        settled: Vec<(QueuedCall, Fate)>,
        dead_bound: usize,
    ) -> Result<usize, QueueError> {
        self.inner.settle(app, channel, settled, dead_bound).await
    }

    async fn give_back(&self, app: &AppId, channel: Channel, calls: Vec<QueuedCall>) -> Result<(), QueueError> {
        self.inner.give_back(app, channel, calls).await
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, QueueError> {
        self.inner.backlog().await
    }

    async fn dead_letters(
        &self,
        app: &AppId,
        letters: &Letters,
        limit: usize,
        with_params: bool,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        self.inner.dead_letters(app, letters, limit, with_params).await
    }

    async fn revive(&self, app: &AppId, letters: &Letters, bound: usize) -> Result<usize, QueueError> {
        self.inner.revive(app, letters, bound).await
    }

    async fn discard(&self, app: &AppId, letters: &Letters) -> Result<usize, QueueError> {
        self.inner.discard(app, letters).await
    }

    async fn forget(&self, app: &AppId) -> Result<(), QueueError> {
        self.inner.forget(app).await
    }
}
