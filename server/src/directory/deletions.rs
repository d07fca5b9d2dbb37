//! Deleted apps, and the deletion of their data in the IM core.
//!
//! The engine remembers every deletion, as it gives no id twice. So the IM core applies a deletion later when it was
//! down at that time, or ended in the middle of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hookd_im_core::core::ImCore;
use hookd_im_core::ids::AppId;
use hookd_runtime::Engine;
use tokio_util::sync::CancellationToken;

use super::Directory;
use super::deletion::Deletion;
use super::kept::save;
use crate::error::{ServerError, Step as _, with_causes};

const FILE: &str = "deletions.json";

/// After this time a deletion that failed is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(10);

/// The deletions that the IM core of a data folder has applied.
pub struct Deletions {
    file: PathBuf,
    applied: Arc<BTreeSet<Deletion>>,
}

impl Deletions {
    /// Those that earlier processes applied.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn load(data: &Path) -> Result<Self, ServerError> {
        let file = data.join(FILE);
        let applied: BTreeSet<Deletion> = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .step(|| format!("`{}` is damaged; delete it, the engine sends it again", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeSet::new(),
            Err(error) => return Err(error).step(|| format!("cannot read `{}`", file.display())),
        };
        Ok(Self { file, applied: Arc::new(applied) })
    }

    /// Deletes the data of newly deleted apps; false when some could not be removed fully, and must be passed again.
    pub async fn apply(&mut self, reported: impl IntoIterator<Item = Deletion>, core: &ImCore) -> bool {
        let (mut applied, mut all) = (BTreeSet::clone(&self.applied), true);
        for deletion in reported {
            if applied.contains(&deletion) {
                continue;
            }
            match core.forget_app(&AppId::new(&deletion.id)).await {
                Ok(()) => drop(applied.insert(deletion)),
                // The queue that failed has said so in the log.
                Err(_) => all = false,
            }
        }
        if applied == *self.applied {
            return all;
        }
        self.applied = Arc::new(applied);
        // A deletion that is not kept is applied once more after a restart, and finds nothing then.
        if let Err(error) = save(self.file.clone(), BTreeSet::clone(&self.applied)).await {
            tracing::error!(error = with_causes(&error), "the apps that were deleted cannot be kept on disk");
        }
        all
    }

    /// Follows an engine in this process until `shutdown`, and applies its deletions.
    pub async fn follow(
        mut self,
        (engine, directory): (Engine, Arc<Directory>),
        core: Arc<ImCore>,
        shutdown: CancellationToken,
    ) {
        let following = async {
            let mut changes = engine.changes();
            loop {
                changes.mark_unchanged();
                if let Err(error) = directory.follow(&engine).await {
                    tracing::error!(error = with_causes(&error), "the state of the engine cannot be kept on disk");
                }
                let all = self.apply(directory.deletions(), &core).await;
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(RETRY_EVERY), if !all => {}
                }
            }
        };
        shutdown.run_until_cancelled(following).await;
    }
}
