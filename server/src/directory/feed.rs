//! The engine's side: answers polls, and waits for the followers.

use std::sync::Arc;

use hookd_runtime::{App, Engine, Environment, generate_key};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::followers::Followers;
use super::{Deletion, Entry, POLL_TIME, Snapshot};

/// The state that the engine sends to its followers.
pub struct Feed {
    engine: Engine,
    changes: watch::Receiver<u64>,
    process: String,
    followers: Followers,
    shutdown: CancellationToken,
}

impl Feed {
    /// The feed of an engine. Polls end with `shutdown`.
    pub fn new(engine: Engine, shutdown: CancellationToken) -> Self {
        Self { changes: engine.changes(), engine, process: generate_key(), followers: Followers::default(), shutdown }
    }

    /// The state after the one that `follower` applied, as soon as there is one; `None` when there is none for a
    /// while.
    pub async fn poll(&self, follower: &str, applied: Option<&str>) -> Option<Snapshot> {
        let applied =
            applied.and_then(|revision| revision.strip_prefix(&self.process)?.strip_prefix('.')?.parse().ok());
        let _polling = self.followers.begin(follower, applied);
        let mut changes = self.changes.clone();
        let news = changes.wait_for(|count| Some(*count) != applied);
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

    /// Resolves once every present follower has applied the current state; after a second in any case.
    pub async fn settled(&self) {
        let now = *self.changes.borrow();
        self.followers.settled(now).await;
    }

    fn snapshot(&self) -> Snapshot {
        // Before the apps are read: what changes meanwhile comes again with the next poll.
        let revision = format!("{}.{}", self.process, *self.changes.borrow());
        Snapshot::of(&self.engine, revision)
    }
}

impl Snapshot {
    /// The present state of an engine in this process.
    pub(super) fn of(engine: &Engine, revision: String) -> Self {
        let entry = |app: &Arc<App>| Entry {
            id: app.id.clone(),
            app_key: app.app_key.clone(),
            master_key: app.master_key.clone(),
            hook_key: app.hook_key.clone(),
            created_at_ms: Some(app.created_at_ms),
            profile: app.profile.map(|profile| profile.name().to_owned()),
            functions: {
                let definitions = engine.definitions(&app.id, Environment::Production);
                definitions.into_iter().map(|definition| definition.name).collect()
            },
        };
        let deleted = engine.deleted_apps().iter().map(Deletion::from).collect();
        Self { revision, apps: engine.apps().iter().map(entry).collect(), deleted }
    }
}
