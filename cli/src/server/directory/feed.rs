//! The engine's side: answers polls, and knows who obeys what.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hookd_runtime::{App, Engine, Environment, generate_key};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Entry, POLL_TIME, Snapshot};

/// Between two polls a follower puts into force what it was told; one that takes longer is gone.
const BETWEEN_POLLS: Duration = Duration::from_millis(300);

/// Whoever changes something waits for the followers no longer than this.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// Followers that are remembered; each is an IM core with the admin key.
const MAX_FOLLOWERS: usize = 1024;

/// What the engine tells its followers.
pub struct Feed {
    engine: Engine,
    changes: watch::Receiver<u64>,
    process: String,
    followers: Mutex<HashMap<String, Seen>>,
    acknowledged: watch::Sender<()>,
    shutdown: CancellationToken,
}

/// One follower, as of its last poll.
struct Seen {
    /// The change that it obeys; `None`: one of another process of the engine, or nothing yet.
    obeys: Option<u64>,
    /// When its poll ended; `None` while one waits.
    left: Option<Instant>,
}

impl Feed {
    /// The feed of an engine. Polls end with `shutdown`.
    pub fn new(engine: Engine, shutdown: CancellationToken) -> Self {
        Self {
            changes: engine.changes(),
            engine,
            process: generate_key(),
            followers: Mutex::default(),
            acknowledged: watch::Sender::default(),
            shutdown,
        }
    }

    /// The state that comes after the one that `follower` obeys, as soon as there is one; `None` when there is none for a
    /// while.
    pub async fn poll(&self, follower: &str, obeys: Option<&str>) -> Option<Snapshot> {
        let obeys = obeys.and_then(|revision| revision.strip_prefix(&self.process)?.strip_prefix('.')?.parse().ok());
        let _polling = Polling::begin(self, follower, obeys);
        let mut changes = self.changes.clone();
        let news = changes.wait_for(|count| Some(*count) != obeys);
        tokio::select! {
            () = self.shutdown.cancelled() => return None,
            news = tokio::time::timeout(POLL_TIME, news) => {
                // Nothing for a while; or the engine is gone, and with it this process.
                if !matches!(news, Ok(Ok(_))) {
                    return None;
                }
            }
        }
        Some(self.snapshot())
    }

    /// Resolves once every follower that is there obeys what is in force now; after a second in any case.
    pub async fn settled(&self) {
        let now = *self.changes.borrow();
        let mut acknowledged = self.acknowledged.subscribe();
        let settling = async {
            while let Some(gone_at) = self.first_to_wait_for(now) {
                let acknowledgement = async {
                    // The sender lives as long as the feed.
                    let _ = acknowledged.changed().await;
                };
                tokio::select! {
                    () = acknowledgement => {}
                    () = tokio::time::sleep_until(gone_at) => {}
                }
            }
        };
        if tokio::time::timeout(SETTLE_TIME, settling).await.is_err() {
            tracing::warn!("an IM core does not answer: it may obey the change later");
        }
    }

    /// When the next of those who do not obey `change` yet is to be looked at again.
    fn first_to_wait_for(&self, change: u64) -> Option<Instant> {
        let now = Instant::now();
        let patience = |seen: &Seen| seen.left.map_or(now + SETTLE_TIME, |left| left + BETWEEN_POLLS);
        let followers = self.followers();
        let late = followers.values().filter(|seen| seen.obeys.is_none_or(|obeys| obeys < change));
        late.map(patience).filter(|gone_at| *gone_at > now).min()
    }

    fn snapshot(&self) -> Snapshot {
        // Before the apps are read: what changes meanwhile comes again with the next poll.
        let revision = format!("{}.{}", self.process, *self.changes.borrow());
        let entry = |app: &Arc<App>| Entry {
            id: app.id.clone(),
            app_key: app.app_key.clone(),
            master_key: app.master_key.clone(),
            hook_key: app.hook_key.clone(),
            functions: {
                let definitions = self.engine.definitions(&app.id, Environment::Production);
                definitions.into_iter().map(|definition| definition.name).collect()
            },
        };
        Snapshot { revision, apps: self.engine.apps().iter().map(entry).collect() }
    }

    fn followers(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A poll under way; its end, also by a broken connection, is noted.
struct Polling<'a> {
    feed: &'a Feed,
    follower: String,
}

impl<'a> Polling<'a> {
    fn begin(feed: &'a Feed, follower: &str, obeys: Option<u64>) -> Self {
        let mut followers = feed.followers();
        followers.retain(|_, seen| seen.left.is_none_or(|left| left.elapsed() < BETWEEN_POLLS));
        if followers.len() < MAX_FOLLOWERS {
            followers.insert(follower.to_owned(), Seen { obeys, left: None });
        }
        feed.acknowledged.send_replace(());
        Self { feed, follower: follower.to_owned() }
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        if let Some(seen) = self.feed.followers().get_mut(&self.follower) {
            seen.left = Some(Instant::now());
        }
    }
}
