//! The deletion of an app.

use hookd_runtime::DeletedApp;
use serde::{Deserialize, Serialize};

/// An app that was deleted on purpose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Deletion {
    pub(super) id: String,
    /// Another installation may have deleted an app of the same id, which was created at another time.
    pub(super) created_at_ms: i64,
    /// An engine that was restored from a backup may delete the same app again.
    pub(super) deleted_at_ms: i64,
}

impl From<&DeletedApp> for Deletion {
    fn from(app: &DeletedApp) -> Self {
        let DeletedApp { id, created_at_ms, deleted_at_ms } = app.clone();
        Self { id, created_at_ms, deleted_at_ms }
    }
}
