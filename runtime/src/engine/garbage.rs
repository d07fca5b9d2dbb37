//! Modules that no version of any app names any more.

use super::Engine;

impl Engine {
    /// Removes modules and machine code that no version names, and what a crash left half-written. Calls in flight keep
    /// what they run. While a deployment is under way nothing is removed: the next occasion comes.
    pub(super) async fn remove_unused_modules(&self) {
        let Ok(_storing) = self.0.storing.try_write() else { return };
        let removed = match self.0.metadata.modules_in_use().await {
            Ok(used) => self.0.modules.remove_unused(used).await,
            Err(error) => Err(error.into()),
        };
        match removed {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "unused modules removed"),
            // They take room on the disk and do no other harm.
            Err(error) => tracing::warn!(error, "unused modules cannot be removed"),
        }
    }
}
