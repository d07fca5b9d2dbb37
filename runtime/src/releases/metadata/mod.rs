//! The database of apps, versions and releases: what the engine asks of it, and its backends.

mod error;
mod rows;
mod sqlite;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

pub use self::error::MetadataError;
pub use self::rows::DeletedApp;
pub(crate) use self::rows::{AppRow, Deployed, KeptVersion, NewRelease, NewVariables, VersionRow};
use super::{Attribution, PastRelease, ReleaseAct, Version};
use crate::app_keys::Keys;
use crate::app_settings::AppSettings;
use crate::modules::ModuleHash;
use api_types::Environment;

/// What the engine asks of its database. No call of a function waits for it. A change that was answered is on disk.
#[async_trait]
pub(crate) trait Metadata: Send + Sync {
    /// All apps, by id.
    async fn apps(&self) -> Result<Vec<AppRow>, MetadataError>;

    /// False when the id is in use, or was.
    async fn create_app(&self, app: AppRow) -> Result<bool, MetadataError>;

    /// True when an app with this id was deleted.
    async fn was_deleted(&self, app_id: String) -> Result<bool, MetadataError>;

    async fn set_keys(&self, app_id: String, keys: Keys) -> Result<(), MetadataError>;

    async fn set_settings(&self, app_id: String, settings: AppSettings) -> Result<(), MetadataError>;

    /// Leaves nothing of an app but its id, and when it came and went; answers the latter.
    async fn delete_app(&self, app_id: String) -> Result<i64, MetadataError>;

    /// The apps that were deleted, in the order of that.
    async fn deleted_apps(&self) -> Result<Vec<DeletedApp>, MetadataError>;

    /// The version that is live in an environment.
    async fn live(&self, app_id: String, environment: Environment) -> Result<Option<VersionRow>, MetadataError>;

    async fn version(&self, app_id: String, number: u64) -> Result<Option<VersionRow>, MetadataError>;

    /// A version with all that is recorded about it.
    async fn version_in_full(&self, app_id: String, number: u64) -> Result<Option<Version>, MetadataError>;

    /// Numbers of the oldest and the newest version that are kept; `None` when there is none.
    async fn known_versions(&self, app_id: String) -> Result<Option<(u64, u64)>, MetadataError>;

    /// The versions of an app, newest first.
    async fn kept_versions(&self, app_id: String) -> Result<Vec<KeptVersion>, MetadataError>;

    /// The newest releases in all environments, newest first; those of one version, or of all.
    async fn releases(
        &self,
        app_id: String,
        limit: u32,
        version: Option<u64>,
    ) -> Result<Vec<PastRelease>, MetadataError>;

    /// Every act that made a version live in production, oldest first.
    async fn production_acts(&self, app_id: String) -> Result<Vec<(ReleaseAct, u64)>, MetadataError>;

    /// Records a new version and its release in one transaction.
    async fn deploy(&self, release: NewRelease) -> Result<Deployed, MetadataError>;

    /// Records that an existing version became live.
    async fn release(
        &self,
        app_id: String,
        environment: Environment,
        version: u64,
        act: ReleaseAct,
        by: Attribution,
    ) -> Result<(), MetadataError>;

    /// Records an app's variables, and a new version with them for each live one, in one transaction; answers the
    /// numbers. A version that is live in both environments has one successor.
    async fn change_variables(&self, new: NewVariables) -> Result<Vec<(Environment, u64)>, MetadataError>;

    /// The modules of all versions of all apps.
    async fn modules_in_use(&self) -> Result<HashSet<ModuleHash>, MetadataError>;
}

/// The database in a data folder. Blocks on the disk.
pub(crate) fn open(data_folder: &Path) -> Result<Arc<dyn Metadata>, MetadataError> {
    Ok(Arc::new(sqlite::SqliteMetadata::open(&data_folder.join("engine.db"))?))
}
