//! LeanCache in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use hookd_leancache::{Command, Reply, Space};

use super::{BackendError, CacheBackend};

/// A space for each app that has used one.
pub(super) struct EmbeddedCache {
    bytes_per_app: usize,
    spaces: Mutex<HashMap<String, Arc<Mutex<Space>>>>,
}

impl EmbeddedCache {
    pub(super) fn new(bytes_per_app: usize) -> Self {
        Self { bytes_per_app, spaces: Mutex::default() }
    }

    fn space(&self, app: &str) -> Arc<Mutex<Space>> {
        let mut spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        match spaces.get(app) {
            Some(space) => space.clone(),
            None => {
                spaces.entry(app.to_owned()).or_insert_with(|| Arc::new(Space::new(self.bytes_per_app).into())).clone()
            }
        }
    }
}

#[async_trait]
impl CacheBackend for EmbeddedCache {
    async fn run(&self, app: &str, commands: &[Command], reply_bytes: usize) -> Result<Vec<Reply>, BackendError> {
        let space = self.space(app);
        let mut left = reply_bytes;
        let mut replies = Vec::with_capacity(commands.len());
        for (index, command) in commands.iter().enumerate() {
            if index > 0 {
                // Commands on large values take milliseconds: other tasks, and the caller's deadline, come in between.
                tokio::task::yield_now().await;
            }
            let reply = space.lock().unwrap_or_else(PoisonError::into_inner).execute(command, now_ms(), left);
            left = left.checked_sub(reply.size_bytes()).ok_or(BackendError::RepliesTooLarge)?;
            replies.push(reply);
        }
        Ok(replies)
    }

    async fn clear(&self, app: &str) -> Result<(), BackendError> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner).remove(app);
        Ok(())
    }
}

/// Since 1970. Keys expire by the wall clock, as in Redis: `EXPIREAT` names its times.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
