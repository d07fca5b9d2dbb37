//! LeanCache in this process.
//!
//! Commands on large values take milliseconds, so they run beside the threads that serve: for each app one at a time,
//! because the app's space is locked meanwhile, and of all apps as many as leave a core free.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use hookd_leancache::{Command, Reply, Space};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio::task::{spawn_blocking, yield_now};

use super::{BackendError, CacheBackend};

/// Most elements that a command touches on a thread that serves (see [`Space::work`]): some hundred microseconds.
const SHORT_WORK: usize = 2_000;

/// A space for each app that has used one.
pub(super) struct EmbeddedCache {
    bytes_per_app: usize,
    spaces: Mutex<HashMap<String, Arc<AsyncMutex<Space>>>>,
    /// For commands that are not short. Each app waits for one at most, so that apps take turns.
    long_commands: Arc<Semaphore>,
}

impl EmbeddedCache {
    pub(super) fn new(bytes_per_app: usize) -> Self {
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        let long_commands = Arc::new(Semaphore::new(cores.saturating_sub(1).max(1)));
        Self { bytes_per_app, spaces: Mutex::default(), long_commands }
    }

    fn space(&self, app: &str) -> Arc<AsyncMutex<Space>> {
        let mut spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        match spaces.get(app) {
            Some(space) => space.clone(),
            None => {
                spaces.entry(app.to_owned()).or_insert_with(|| Arc::new(Space::new(self.bytes_per_app).into())).clone()
            }
        }
    }

    /// The reply, and what it leaves of `reply_bytes`.
    async fn execute(
        &self,
        space: &Arc<AsyncMutex<Space>>,
        command: &Command,
        reply_bytes: usize,
    ) -> Result<(Reply, usize), BackendError> {
        let mut space = space.clone().lock_owned().await;
        let now_ms = now_ms();
        if space.work(command, now_ms, reply_bytes) <= SHORT_WORK {
            return within(space.execute(command, now_ms, reply_bytes), reply_bytes);
        }
        let permit = self.long_commands.clone().acquire_owned().await.map_err(|error| failed(&error))?;
        let command = command.clone();
        // It runs to its end also when its caller has gone, and holds the permit and the app's space until then.
        let executing = spawn_blocking(move || {
            let reply = within(space.execute(&command, now_ms, reply_bytes), reply_bytes);
            drop((space, permit));
            reply
        });
        executing.await.map_err(|error| failed(&error))?
    }
}

fn within(reply: Reply, reply_bytes: usize) -> Result<(Reply, usize), BackendError> {
    let left = reply_bytes.checked_sub(reply.size_bytes()).ok_or(BackendError::RepliesTooLarge)?;
    Ok((reply, left))
}

fn failed(error: &dyn std::error::Error) -> BackendError {
    BackendError::Unavailable { reason: "a command failed inside the engine".to_owned(), cause: error.to_string() }
}

#[async_trait]
impl CacheBackend for EmbeddedCache {
    async fn run(&self, app: &str, commands: &[Command], reply_bytes: usize) -> Result<Vec<Reply>, BackendError> {
        let space = self.space(app);
        let mut left = reply_bytes;
        let mut replies = Vec::with_capacity(commands.len());
        for (index, command) in commands.iter().enumerate() {
            if index > 0 {
                // Many short commands take milliseconds too: other tasks, and the caller's deadline, come in between.
                yield_now().await;
            }
            let (reply, left_then) = self.execute(&space, command, left).await?;
            left = left_then;
            replies.push(reply);
        }
        Ok(replies)
    }

    async fn clear(&self, app: &str) -> Result<(), BackendError> {
        let space = self.spaces.lock().unwrap_or_else(PoisonError::into_inner).remove(app);
        spawn_blocking(move || drop(space)).await.map_err(|error| failed(&error))
    }
}

/// Since 1970. Keys expire by the wall clock, as in Redis: `EXPIREAT` names its times.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
