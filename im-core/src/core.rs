//! What the use cases share.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::AppDirectory;
use crate::conversations::ConversationLocks;
use crate::delivery::Registry;
use crate::hooks::{AppSettings, EngineOfApp, HookCaller, HookEngine};
use crate::messages::RecentSends;
use crate::store::Store;

/// The IM core of one node. Use cases take it by reference.
pub struct ImCore {
    /// Apps and their secrets.
    pub apps: Arc<dyn AppDirectory>,
    /// What outlives the process.
    pub store: Arc<dyn Store>,
    /// Who is online.
    pub registry: Registry,
    /// What each app has switched.
    pub settings: Arc<AppSettings>,
    /// Calls hooks and applies the failure policy.
    pub hooks: HookCaller,
    /// Commit and fan-out of one conversation happen under its lock.
    pub conversation_locks: ConversationLocks,
    /// Answers to messages that clients may send again.
    pub recent_sends: RecentSends,
}

impl ImCore {
    /// Puts a core together. `tasks` runs what outlives a request; whoever ends the process waits for it.
    pub fn new(
        apps: Arc<dyn AppDirectory>,
        store: Arc<dyn Store>,
        engine: Arc<dyn HookEngine>,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let settings = Arc::new(AppSettings::new(store.clone()));
        let engine = Arc::new(EngineOfApp::new(engine, settings.clone(), tasks.clone(), shutdown));
        let hooks = HookCaller::new(engine, settings.clone(), tasks);
        Self {
            apps,
            store,
            registry: Registry::default(),
            settings,
            hooks,
            conversation_locks: ConversationLocks::default(),
            recent_sends: RecentSends::default(),
        }
    }
}
