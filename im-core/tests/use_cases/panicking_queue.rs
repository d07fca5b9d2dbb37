//! A queue with a bug: it panics once, and works afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use hookd_im_core::hooks::HookQueue;
use hookd_im_core::hooks::queue::{
    Backlog, Channel, Claimed, DeadLetter, Entry, Fate, Letters, QueueError, QueuedCall,
};
use hookd_im_core::ids::AppId;

/// What it panics at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panics {
    Record,
    Claim,
    Settle,
}

pub struct PanickingQueue {
    inner: Arc<dyn HookQueue>,
    panics: Panics,
    /// As if it were another one than the store's.
    joins_store: bool,
    has_panicked: AtomicBool,
}

impl PanickingQueue {
    pub fn new(inner: Arc<dyn HookQueue>, panics: Panics) -> Arc<Self> {
        let (joins_store, has_panicked) = (panics != Panics::Record, AtomicBool::new(false));
        Arc::new(Self { inner, panics, joins_store, has_panicked })
    }

    fn reached(&self, here: Panics) {
        let panics = self.panics == here && !self.has_panicked.swap(true, Ordering::Relaxed);
        assert!(!panics, "a bug {here:?}");
    }
}

#[async_trait]
impl HookQueue for PanickingQueue {
    fn joins_store(&self) -> bool {
        self.joins_store
    }

    async fn record(&self, app: &AppId, entries: Vec<Entry>, bound: usize) -> Result<usize, QueueError> {
        self.reached(Panics::Record);
        self.inner.record(app, entries, bound).await
    }

    async fn forget_rows(&self, app: &AppId, rows: &[u64]) -> Result<(), QueueError> {
        self.inner.forget_rows(app, rows).await
    }

    async fn end_lost_sessions(&self) -> Result<(), QueueError> {
        self.inner.end_lost_sessions().await
    }

    async fn claim(&self, app: &AppId, channel: Channel, limit: usize) -> Result<Claimed, QueueError> {
        self.reached(Panics::Claim);
        self.inner.claim(app, channel, limit).await
    }

    async fn settle(
        &self,
        app: &AppId,
        channel: Channel,
        settled: Vec<(QueuedCall, Fate)>,
        dead_bound: usize,
    ) -> Result<usize, QueueError> {
        self.reached(Panics::Settle);
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
