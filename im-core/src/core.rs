//! What the use cases share.

use std::sync::Arc;

use crate::app::AppDirectory;
use crate::conversations::ConversationLocks;
use crate::delivery::Registry;
use crate::hooks::HookCaller;
use crate::store::Store;

/// The IM core of one node. Use cases take it by reference.
pub struct ImCore {
    /// Apps and their secrets.
    pub apps: Arc<dyn AppDirectory>,
    /// What outlives the process.
    pub store: Arc<dyn Store>,
    /// Who is online.
    pub registry: Registry,
    /// Calls hooks and applies the failure policy.
    pub hooks: HookCaller,
    /// Commit and fan-out of one conversation happen under its lock.
    pub conversation_locks: ConversationLocks,
}
