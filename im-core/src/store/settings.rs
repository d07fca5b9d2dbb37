//! Settings of apps.

use async_trait::async_trait;

use super::StoreError;
use crate::app::ImSettings;
use crate::ids::AppId;

/// The settings of each app.
#[async_trait]
pub trait Settings: Send + Sync + 'static {
    /// Settings of an app; `None` when they were never saved.
    async fn settings(&self, app: &AppId) -> Result<Option<ImSettings>, StoreError>;

    /// Replaces the settings of an app.
    async fn save_settings(&self, app: &AppId, settings: &ImSettings) -> Result<(), StoreError>;
}
